//! `backfill`: a range of the past.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, SecondsFormat, SubsecRound as _, TimeDelta, Utc};
use connector_config::Config;
use contact_model::AcdKey;
use qm_pipeline::Until;
use qm_pipeline::report::{
    self, AcdNames, BackfillOutcome, BackfillPlans, RangeNote, backfill_line, check_range,
};
use serde::Serialize;
use service_runtime::{Exit, Mood, Page, Progress, Report, Signals, Stop, Terminal};
use sync_ledger::{
    BackfillState, CursorStore as _, SqliteLedger, Wish, WishId, WishRow, WishState, WishStore as _,
};

use crate::cli::{self, Global};
use crate::commands::{Ended, work};
use crate::open;
use command_line::Access;

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// How far back Twilio is asked for events: it keeps them for 30 days, and clocks differ.
const KEPT: TimeDelta = TimeDelta::minutes(30 * 24 * 60 - 60);

/// What became of it, and what of the range Twilio could not tell of any more.
#[derive(Debug, Serialize)]
struct Outcome {
    #[serde(flatten)]
    outcome: BackfillOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    beyond_reach: Option<RangeNote>,
}

impl Report for Outcome {
    fn page(&self, page: &mut Page) {
        self.outcome.page(page);
        if let Some(beyond) = self.beyond_reach {
            let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
            page.mood(
                Mood::Careful,
                format!(
                    "Twilio keeps events for 30 days: of what ended from {} to {} it told nothing",
                    time(beyond.from),
                    time(beyond.to)
                ),
            );
        }
    }
}

/// The part of a range that Twilio does not tell of any more.
fn beyond_reach(range: RangeNote, now: DateTime<Utc>) -> Option<RangeNote> {
    let to = range.to.min((now - KEPT).trunc_subsecs(3));
    (range.from < to).then_some(RangeNote {
        from: range.from,
        to,
    })
}

/// The same, where the range may have been worked on before, when more was in reach.
async fn beyond_now(
    ledger: &SqliteLedger,
    acds: &[AcdKey],
    range: RangeNote,
) -> Result<Option<RangeNote>> {
    let open = ledger.backfills(true).await?;
    let from = acds
        .iter()
        .map(|acd| {
            open.iter()
                .find(|open| open.acd == *acd && open.from == range.from && open.to == range.to)
                .map_or(range.from, |open| open.position)
        })
        .min()
        .unwrap_or(range.from);
    Ok(beyond_reach(RangeNote { from, ..range }, Utc::now()))
}

pub(super) async fn backfill(global: &Global, asked: &cli::Backfill) -> Result<Exit> {
    let config = global.configuration()?;
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
    match open::ledger_under(&config, &secrets)?.to_fill().await? {
        Access::Beside(ledger) => {
            let beyond = beyond_now(&ledger, &acds, range).await?;
            let asked = wish(&ledger, &acds, range).await?;
            // On a terminal somebody waits for it; elsewhere a script wants to go on.
            if Terminal::stderr().is_terminal {
                tokio::select! {
                    followed = follow(&ledger, &asked, &acds, range) => followed?,
                    () = stop.requested() => {}
                }
            }
            // What a running worker was asked goes on without this process.
            tell(global, &config, &ledger, asked, &acds, range, beyond).await?;
            Ok(Exit::Ok)
        }
        Access::Worker(ledger) => {
            let beyond = beyond_now(&ledger, &acds, range).await?;
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
            let (ledger, _) = open::ledger(&config)?.beside().await?;
            let through = tell(global, &config, &ledger, Vec::new(), &acds, range, beyond).await?;
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
    let seconds = |from, to| u64::try_from(TimeDelta::num_seconds(&(to - from))).unwrap_or(0);
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
    beyond_reach: Option<RangeNote>,
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
    let outcome = Outcome {
        outcome,
        beyond_reach,
    };
    global.print(&outcome)?;
    Ok(through)
}

async fn plan(
    global: &Global,
    config: &Config,
    acd: Option<&str>,
    range: RangeNote,
) -> Result<Exit> {
    let (ledger, _) = open::ledger(config)?.beside().await?;
    let names = AcdNames::read(&ledger, config).await?;
    let services = open::services(config, open::secrets(config)?.into(), None).await?;
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
    global.print(&BackfillPlans { plans })?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_before_thirty_days_is_told_to_be_beyond_reach() {
        let now = Utc::now().trunc_subsecs(3);
        let days = |days| now - TimeDelta::days(days);
        let beyond = |from, to| {
            let range = RangeNote {
                from: days(from),
                to: days(to),
            };
            beyond_reach(range, now)
        };
        assert_eq!(beyond(29, 1), None);
        let part = beyond(40, 1).unwrap();
        assert_eq!((part.from, part.to), (days(40), now - KEPT));
        let all = beyond(40, 35).unwrap();
        assert_eq!((all.from, all.to), (days(40), days(35)));

        let told = Outcome {
            outcome: BackfillOutcome {
                asked: Vec::new(),
                backfills: Vec::new(),
            },
            beyond_reach: Some(all),
        };
        let mut out = Vec::new();
        service_runtime::print_report(
            &told,
            service_runtime::Output::Json,
            Terminal::stdout(),
            &mut out,
        )
        .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert!(json["beyond_reach"]["from"].is_string() && json["asked"].is_array());
    }
}
