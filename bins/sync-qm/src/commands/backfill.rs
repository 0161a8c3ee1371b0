//! `backfill`: a range of the past.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::{SubsecRound as _, Utc};
use connector_config::Config;
use contact_model::AcdKey;
use qm_pipeline::Until;
use qm_pipeline::report::{
    self, AcdNames, BackfillOutcome, BackfillPlans, RangeNote, backfill_line, check_range,
};
use service_runtime::{Exit, Progress, Signals, Stop, Terminal};
use sync_ledger::{
    BackfillState, CursorStore as _, SqliteLedger, Wish, WishId, WishRow, WishState, WishStore as _,
};

use crate::cli::{self, Global};
use crate::commands::{Ended, work};
use crate::open::{self, Access};

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(300);

pub(super) async fn backfill(global: &Global, asked: &cli::Backfill) -> Result<Exit> {
    let config = open::config(global)?;
    // As the ledger keeps times.
    let range = RangeNote {
        from: asked.from.trunc_subsecs(3),
        to: asked.to.trunc_subsecs(3),
    };
    check_range(range.from, range.to, Utc::now())?;
    let configured = AcdNames::configured(&config);
    let acds: Vec<AcdKey> = match &asked.of.acd {
        Some(name) => vec![configured.find(name)?.clone()],
        None => configured.keys().cloned().collect(),
    };
    if asked.dry_run {
        return plan(global, &config, asked.of.acd.as_deref(), range).await;
    }
    let stop = Stop::new();
    let _signals = Signals::listen(&stop)?;
    let secrets = open::secrets(&config)?;
    match open::ledger_to_fill(&config, &secrets).await? {
        Access::Beside(ledger) => {
            let asked = wish(&ledger, &acds, range).await?;
            // On a terminal somebody waits for it; elsewhere a script wants to go on.
            if Terminal::stderr().is_terminal {
                tokio::select! {
                    followed = follow(&ledger, &asked, &acds, range) => followed?,
                    () = stop.requested() => {}
                }
            }
            // What a running worker was asked goes on without this process.
            tell(global, &config, &ledger, asked, &acds, range).await?;
            Ok(Exit::Ok)
        }
        Access::Worker(ledger) => {
            let wishes = wish(&ledger, &acds, range).await?;
            let following = follow(&ledger, &wishes, &acds, range);
            let working = work(&config, secrets, ledger.clone(), &stop, Until::Idle);
            tokio::pin!(following, working);
            let ended = tokio::select! {
                ended = &mut working => ended,
                followed = &mut following => {
                    followed?;
                    working.await
                }
            };
            let ended = ended?;
            let (ledger, _) = open::ledger_beside(&config).await?;
            let through = tell(global, &config, &ledger, Vec::new(), &acds, range).await?;
            match ended {
                Ended::Gracefully(report) if report.cut_off == 0 => {}
                _ => return Ok(Exit::Interrupted),
            }
            if !through && !stop.is_requested() {
                bail!(
                    "the backfill is not through: run the same command again, it goes on where it stopped"
                );
            }
            Ok(Exit::Ok)
        }
    }
}

async fn wish(ledger: &SqliteLedger, acds: &[AcdKey], range: RangeNote) -> Result<Vec<WishId>> {
    let mut ids = Vec::new();
    for acd in acds {
        let wish = Wish::Backfill {
            acd: acd.clone(),
            from: range.from,
            to: range.to,
        };
        ids.push(ledger.put(&wish, Utc::now()).await?);
    }
    Ok(ids)
}

/// Shows how far the backfills are, until each wish is settled.
async fn follow(
    ledger: &SqliteLedger,
    wishes: &[WishId],
    acds: &[AcdKey],
    range: RangeNote,
) -> Result<()> {
    let seconds =
        |from, to| u64::try_from(chrono::TimeDelta::num_seconds(&(to - from))).unwrap_or(0);
    let whole: u64 = acds.iter().map(|_| seconds(range.from, range.to)).sum();
    let progress = Progress::new(Terminal::stderr(), Some(whole), "backfill");
    loop {
        let mut done = 0;
        for backfill in ledger.backfills(false).await? {
            if acds.contains(&backfill.acd)
                && backfill.from == range.from
                && backfill.to == range.to
            {
                done += seconds(backfill.from, backfill.position);
            }
        }
        progress.set(done.min(whole));
        let mut settled = 0;
        for id in wishes {
            let state = ledger.wish(*id).await?.map(|row| row.state);
            settled += usize::from(!matches!(
                state,
                Some(WishState::Waiting | WishState::Claimed)
            ));
        }
        if settled == wishes.len() {
            progress.finish();
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Prints how the backfills of the range stand; gives whether all are through.
async fn tell(
    global: &Global,
    config: &Config,
    ledger: &SqliteLedger,
    asked: Vec<WishId>,
    acds: &[AcdKey],
    range: RangeNote,
) -> Result<bool> {
    let names = AcdNames::read(ledger, config).await?;
    let mut outcome = BackfillOutcome {
        asked: Vec::new(),
        backfills: Vec::new(),
    };
    for id in asked {
        let row = ledger.wish(id).await?;
        if let Some(WishRow {
            state: WishState::Failed,
            outcome,
            ..
        }) = row
        {
            bail!(
                "the worker could not do it: {}",
                outcome.unwrap_or_default()
            );
        }
        outcome.asked.push(id);
    }
    let mut through = true;
    for backfill in ledger.backfills(false).await? {
        if acds.contains(&backfill.acd) && backfill.from == range.from && backfill.to == range.to {
            through &= backfill.state == BackfillState::Done;
            outcome.backfills.push(backfill_line(&backfill, &names));
        }
    }
    crate::print::report(global, &outcome)?;
    Ok(through)
}

async fn plan(
    global: &Global,
    config: &Config,
    acd: Option<&str>,
    range: RangeNote,
) -> Result<Exit> {
    let (ledger, _) = open::ledger_beside(config).await?;
    let names = AcdNames::read(&ledger, config).await?;
    let services = open::services(config, open::secrets(config)?, None).await?;
    let mut plans = Vec::new();
    for services in open::chosen(services, config, acd)? {
        let key = services.acd.key();
        let window = config.timing.discover_window;
        let planned = report::plan_backfill(
            &ledger,
            &names,
            &key,
            &services.twilio,
            range,
            window,
            Utc::now(),
        )
        .await?;
        plans.push(
            planned
                .with_context(|| format!("the events of {} cannot be read", services.acd.name))?,
        );
    }
    crate::print::report(global, &BackfillPlans { plans })?;
    Ok(Exit::Ok)
}
