//! `demo`: a simulated contact centre, the real worker, and the proof that everything arrived, once, right and unread on the way.

mod outcome;
mod scan;
mod scanning;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use connector_config::{Config, Product};
use flex_simulator::scenario::{Push, Scenario};
use flex_simulator::{FaultLevel, Simulator, SimulatorOptions};
use qm_pipeline::policy::deletion::Obstacle;
use qm_pipeline::report::live_contact::Patience;
use qm_pipeline::report::{AcdNames, ContactLine, ContactQuery, RangeNote, contacts};
use qm_pipeline::{EVENTS_STREAM, Until};
use service_runtime::{Exit, Progress, Signals, Stop, Terminal};
use sync_ledger::{
    CursorStore as _, DeletionState, DeletionStore as _, OutboxStore as _, SqliteLedger,
};

use crate::cli::{self, Global};
use crate::commands::live_contact::Trial;
use crate::commands::{reconcile, work};
use crate::open;
use outcome::{DemoReport, Ended, Seen};
use scanning::Scanning;

/// How often the demo looks whether everything has happened.
const LOOK: Duration = Duration::from_millis(200);

/// How often the synthetic contacts are tried: faults may lose one.
const TRIALS: u32 = 8;

/// How long is waited for a synthetic contact, and how often is looked: the simulated Calabrio ONE is quicker than the real one.
const PATIENCE: Patience = Patience {
    wait: Duration::from_secs(20),
    first: Duration::from_millis(200),
    longest: Duration::from_secs(1),
};

/// How long after everything else it is waited for what stands in the way of a deletion to pass.
const DELETIONS: Duration = Duration::from_secs(30);

pub(crate) async fn demo(global: &Global, asked: cli::Demo) -> Result<Exit> {
    let began = Instant::now();
    if let Some(path) = &asked.report {
        // Before the minutes that a demo takes, not after them.
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| cannot_write(path))?;
    }
    let stop = Stop::new();
    let _signals = Signals::listen(&stop)?;
    let simulator = Simulator::start(SimulatorOptions {
        scenario: scenario_of(asked.contacts),
        seed: asked.seed,
        faults: asked.faults,
        ..SimulatorOptions::default()
    })
    .await?;
    // Everything that the worker writes lies below this directory, and goes with it.
    let place = tempfile::Builder::new()
        .prefix("sync-qm-demo-")
        .tempdir()
        .context("no temporary directory can be made")?;
    let path = place.path().join("connector.toml");
    simulator.write_config(&path)?;
    let limit = asked.time_limit.map_or_else(
        || time_limit(asked.contacts, asked.faults),
        Duration::from_secs,
    );

    let scanning = Scanning::start(
        &simulator,
        &[place.path().to_path_buf(), std::env::temp_dir()],
    )?;
    let worked = Box::pin(carry(&path, &simulator, &stop, began + limit)).await;
    let found = scanning.end().await?;
    let (contacts, ended) = match worked {
        Ok(worked) => worked,
        Err(error) => {
            simulator.stop().await;
            return Err(error);
        }
    };
    let report = DemoReport::new(&simulator, &contacts, found, began.elapsed(), ended);
    let seen = ended.seen;
    simulator.stop().await;
    if let Some(path) = asked.report {
        write(&path, &report)?;
    }
    global.print(&report)?;
    if seen == Seen::Stopped {
        return Ok(Exit::Interrupted);
    }
    Ok(command_line::exit_if(
        report.is_right(),
        if report.lost > 0 || report.unexplained > 0 {
            Exit::Unexplained
        } else {
            Exit::Failure
        },
    ))
}

/// Among few contacts there is no room for as many that are still to come.
fn scenario_of(contacts: u32) -> Scenario {
    let mut scenario = Scenario::default();
    scenario.contacts = contacts;
    scenario.live_contacts = scenario.live_contacts.min(contacts / 4);
    scenario.delete_source = true;
    scenario.rte_messaging = true;
    // Beside discovery: what goes on while the demo runs is pushed, too.
    let mut push = Push::default();
    push.callback = true;
    scenario.push = Some(push);
    scenario
}

/// A contact takes a few seconds whatever happens; faults make each wait for others, searches above all.
fn time_limit(contacts: u32, faults: FaultLevel) -> Duration {
    let (least, each) = match faults {
        FaultLevel::None => (90, 1),
        FaultLevel::Mild => (240, 2),
        FaultLevel::Hostile => (600, 4),
    };
    Duration::from_secs(least + each * u64::from(contacts))
}

/// Runs the worker as `run` does, from the file on, until everything has happened; gives every contact of the ledger.
async fn carry(
    path: &Path,
    simulator: &Simulator,
    stop: &Stop,
    deadline: Instant,
) -> Result<(Vec<ContactLine>, Ended)> {
    let config = Config::load_for(path, Product::QualityManagement)?;
    try_calabrio(&config, stop).await?;
    let secrets = open::secrets(&config)?;
    let ledger = open::ledger_under(&config, &secrets)?.as_worker().await?;
    let (watched, names) = (ledger.clone(), AcdNames::configured(&config));

    // The worker's own stop: it is asked for when everything has happened, or by whoever watches.
    let enough = Stop::new();
    let working = work(&config, secrets, ledger, &enough, Until::Stopped);
    let at_once = tokio::spawn({
        let (stop, enough) = (stop.clone(), enough.clone());
        async move {
            stop.at_once().await;
            enough.request_at_once();
        }
    });
    let watching = async {
        tokio::select! {
            seen = everything(&watched, &names, &config, simulator, deadline) => seen,
            () = stop.requested() => Ok(Seen::Stopped),
        }
    };
    tokio::pin!(working, watching);
    let mut seen = None;
    let ended = loop {
        tokio::select! {
            ended = &mut working => break ended,
            watched = &mut watching, if seen.is_none() => {
                seen = Some(watched);
                enough.request();
            }
        }
    };
    at_once.abort();
    ended.context("the worker ended before everything had happened")?;
    let seen = seen.unwrap_or(Ok(Seen::TooLate))?;
    let (ledger, _) = open::ledger(&config)?.beside().await?;
    let contacts = all(&ledger, &names).await?;
    let unexplained = unexplained(&config, &ledger, simulator, stop).await?;
    ledger.close().await;
    Ok((contacts, Ended { seen, unexplained }))
}

/// Nothing is deleted at the source before this tenant has shown that read-backs can be relied on: shows that, as
/// `check --live-contact` does.
async fn try_calabrio(config: &Config, stop: &Stop) -> Result<()> {
    let secrets = Arc::new(open::secrets(config)?);
    let trial = Trial {
        acd: None,
        agent: None,
        patience: PATIENCE,
    };
    for _ in 0..TRIALS {
        if stop.is_requested() {
            break;
        }
        match trial.run(config, Arc::clone(&secrets)).await {
            Ok(report) if report.confirmed() => break,
            Ok(_) => {}
            Err(error) => tracing::warn!("the synthetic contacts could not be sent: {error:#}"),
        }
    }
    Ok(())
}

/// How many legs the reconciliation of all that happened cannot explain.
async fn unexplained(
    config: &Config,
    ledger: &SqliteLedger,
    simulator: &Simulator,
    stop: &Stop,
) -> Result<u64> {
    let range = RangeNote {
        from: simulator.world().begins(),
        to: Utc::now(),
    };
    let accounts = reconcile::compare(config, ledger, None, range, stop).await?;
    let accounts = accounts.unwrap_or_default();
    Ok(accounts.iter().map(|account| account.unexplained).sum())
}

/// Waits until discovery has passed the simulated world's last event and every contact is at its end, and then for as long as something
/// that was sent twice could still turn up.
async fn everything(
    ledger: &SqliteLedger,
    names: &AcdNames,
    config: &Config,
    simulator: &Simulator,
    deadline: Instant,
) -> Result<Seen> {
    let expected = simulator.expected().len();
    let progress = Progress::new(
        Terminal::stderr(),
        Some(expected as u64),
        "contacts at their end",
    );
    let last_event: DateTime<Utc> = simulator.world().settles();
    let mut ended_at = None;
    while Instant::now() < deadline {
        let contacts = all(ledger, names).await?;
        let ended = contacts
            .iter()
            .filter(|contact| contact.stage.is_final())
            .count();
        progress.set(ended as u64);
        let mut passed = true;
        for acd in &config.acds {
            let cursor = ledger.cursor(&acd.key(), EVENTS_STREAM).await?;
            passed &= cursor.is_some_and(|cursor| cursor.position > last_event);
        }
        if passed && ended == contacts.len() && ended >= expected {
            let quiet = told(ledger).await? && deleted(ledger).await?;
            let since = *ended_at.get_or_insert_with(Instant::now);
            if quiet || since.elapsed() > DELETIONS {
                tokio::time::sleep(simulator.timings().settles_after(FaultLevel::Hostile)).await;
                return Ok(Seen::Everything);
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(Seen::TooLate)
}

/// Whether the receiver of webhooks was told everything.
async fn told(ledger: &SqliteLedger) -> Result<bool> {
    let counts = ledger.outbox_counts(None).await?;
    Ok(counts
        .iter()
        .all(|count| count.pending + count.exhausted == 0))
}

/// Whether every source recording is deleted, or kept for a reason that stays.
async fn deleted(ledger: &SqliteLedger) -> Result<bool> {
    let stays = [
        Obstacle::LegParked,
        Obstacle::LegFailed,
        Obstacle::LegWithoutAudio,
        Obstacle::LengthNotCompared,
        Obstacle::StoredElsewhere,
        Obstacle::TimesUnknown,
        Obstacle::NotConfirmed,
    ]
    .map(Obstacle::as_str);
    let counts = ledger.deletion_counts(None).await?;
    Ok(counts.iter().all(|count| match count.state {
        DeletionState::Deleted => true,
        DeletionState::Blocked => count
            .reason
            .as_deref()
            .is_some_and(|reason| stays.contains(&reason)),
        _ => false,
    }))
}

/// Every contact of the ledger.
async fn all(ledger: &SqliteLedger, names: &AcdNames) -> Result<Vec<ContactLine>> {
    let query = ContactQuery {
        limit: u32::MAX,
        ..ContactQuery::default()
    };
    Ok(contacts(ledger, names, &query).await?.contacts)
}

fn write(path: &PathBuf, report: &DemoReport) -> Result<()> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| cannot_write(path))
}

fn cannot_write(path: &Path) -> String {
    format!(
        "the report cannot be written to {}: name a file in a directory that is there",
        path.display()
    )
}
