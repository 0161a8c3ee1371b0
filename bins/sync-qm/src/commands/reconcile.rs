//! `reconcile`: the account of a range.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::{SubsecRound as _, TimeDelta, Utc};
use connector_config::Config;
use contact_model::AcdKey;
use qm_pipeline::Until;
use qm_pipeline::report::reconcile::{Account, ReconcileReport, reconcile as account, reconciled};
use qm_pipeline::report::{AcdNames, RangeNote, check_range};
use service_runtime::{Exit, Progress, Signals, Stop, Terminal};
use sync_ledger::{
    AcdStore as _, ContactStore as _, SqliteLedger, Wish, WishId, WishState, WishStore as _,
};

use crate::cli::{self, Global};
use crate::commands::{Ended, work};
use crate::open;
use command_line::Access;

/// How often it is looked at whether the worker is through.
const LOOK: Duration = Duration::from_millis(300);

pub(super) async fn reconcile(global: &Global, asked: &cli::Reconcile) -> Result<Exit> {
    let config = global.configuration()?;
    // As the ledger keeps times.
    let range = RangeNote {
        from: asked.from.trunc_subsecs(3),
        to: asked.to.trunc_subsecs(3),
    };
    check_range(range.from, range.to, Utc::now())?;
    let acds: Vec<(AcdKey, String)> = config
        .acds
        .iter()
        .filter(|acd| asked.of.acd.as_ref().is_none_or(|name| acd.name == *name))
        .map(|acd| (acd.key(), acd.name.clone()))
        .collect();
    AcdNames::configured(&config).find_some(asked.of.acd.as_deref())?;
    let stop = Stop::new();
    let _signals = Signals::listen(&stop)?;
    let secrets = open::secrets(&config)?;
    // To fill a ledger there need not be one: it may be what was lost.
    let access = if asked.fill {
        open::ledger_under(&config, &secrets)?.to_fill().await?
    } else {
        open::ledger(&config)?.to_change().await?
    };
    let accounts = match access {
        Access::Beside(ledger) => {
            let since = Utc::now().trunc_subsecs(3);
            let wishes = wish(&ledger, &acds, range, asked.fill).await?;
            tokio::select! {
                followed = follow(&ledger, &wishes) => followed?,
                // What a running worker was asked goes on without this process.
                () = stop.requested() => return Ok(Exit::Interrupted),
            }
            demand_done(&ledger, &wishes).await?;
            let mut accounts = Vec::new();
            for (acd, name) in &acds {
                let made = reconciled(&ledger, acd, range, since).await?;
                accounts.push(made.with_context(|| {
                    format!("the worker wrote down no account of {name} that this release can read")
                })?);
            }
            Some(accounts)
        }
        Access::Worker(ledger) => {
            if asked.fill {
                for (acd, name) in &acds {
                    ledger.register(acd, name).await?;
                }
                let wishes = wish(&ledger, &acds, range, true).await?;
                let following = follow(&ledger, &wishes);
                let working = work(&config, secrets, ledger.clone(), &stop, Until::Idle);
                tokio::pin!(following, working);
                let carried = tokio::select! {
                    carried = &mut working => carried,
                    followed = &mut following => {
                        followed?;
                        working.await
                    }
                };
                match carried? {
                    Ended::Gracefully(report) if report.cut_off == 0 && !stop.is_requested() => {}
                    _ => return Ok(Exit::Interrupted),
                }
                let (ledger, _) = open::ledger(&config)?.beside().await?;
                demand_done(&ledger, &wishes).await?;
                compare(&config, &ledger, asked.of.acd.as_deref(), range, &stop).await?
            } else {
                compare(&config, &ledger, asked.of.acd.as_deref(), range, &stop).await?
            }
        }
    };
    let Some(accounts) = accounts else {
        return Ok(Exit::Interrupted);
    };
    let report = ReconcileReport::from(accounts);
    global.print(&report)?;
    Ok(command_line::exit_if(
        report.unexplained == 0,
        Exit::Unexplained,
    ))
}

/// Makes the accounts in this process. `None` where a stop was asked for meanwhile.
pub(crate) async fn compare(
    config: &Config,
    ledger: &SqliteLedger,
    acd: Option<&str>,
    range: RangeNote,
    stop: &Stop,
) -> Result<Option<Vec<Account>>> {
    let names = AcdNames::read(ledger, config).await?;
    let services = open::services(config, Arc::new(open::secrets(config)?), None).await?;
    let chosen = open::chosen(services, config, acd)?;
    let seconds = |time: TimeDelta| u64::try_from(time.num_seconds()).unwrap_or(0);
    let whole = seconds(range.to - range.from);
    let of_all = whole.saturating_mul(chosen.len() as u64);
    let progress = Progress::new(Terminal::stderr(), Some(of_all), "reconcile");
    let mut accounts = Vec::new();
    for (done, services) in (0_u64..).zip(&chosen) {
        let tell = |of_this| progress.set(done * whole + seconds(of_this));
        let window = config.timing.discover_window;
        let now = Utc::now();
        let made = account(ledger, &names, services, window, range, now, &tell);
        let made = tokio::select! {
            made = made => made,
            () = stop.requested() => return Ok(None),
        };
        accounts.push(
            made.with_context(|| format!("no account of {} can be made", services.acd.name))?,
        );
    }
    progress.finish();
    Ok(Some(accounts))
}

async fn wish(
    ledger: &SqliteLedger,
    acds: &[(AcdKey, String)],
    range: RangeNote,
    fill: bool,
) -> Result<Vec<WishId>> {
    let mut ids = Vec::new();
    for (acd, _) in acds {
        let wish = Wish::Reconcile {
            acd: acd.clone(),
            from: range.from,
            to: range.to,
            fill,
        };
        ids.push(ledger.put(&wish, Utc::now()).await?);
    }
    Ok(ids)
}

/// Shows how many contacts came to their end meanwhile, until the worker is through with every wish.
async fn follow(ledger: &SqliteLedger, wishes: &[WishId]) -> Result<()> {
    let progress = Progress::new(
        Terminal::stderr(),
        None,
        "the worker reconciles; contacts that came to their end meanwhile:",
    );
    let before = at_their_end(ledger).await?;
    loop {
        progress.set(at_their_end(ledger).await?.saturating_sub(before));
        let mut settled = 0;
        for id in wishes {
            let state = ledger.wish(*id).await?.map(|row| row.state);
            let is_open = matches!(state, Some(WishState::Waiting | WishState::Claimed));
            settled += usize::from(!is_open);
        }
        if settled == wishes.len() {
            progress.finish();
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn at_their_end(ledger: &SqliteLedger) -> Result<u64> {
    let counts = ledger.counts(None).await?;
    let ended = counts.iter().filter(|count| count.stage.is_final());
    Ok(ended.map(|count| count.contacts).sum())
}

async fn demand_done(ledger: &SqliteLedger, wishes: &[WishId]) -> Result<()> {
    for id in wishes {
        if let Some(row) = ledger.wish(*id).await?
            && row.state != WishState::Done
        {
            bail!(
                "the worker could not reconcile: {}",
                row.outcome.unwrap_or_else(|| "it was stopped".to_owned())
            );
        }
    }
    Ok(())
}
