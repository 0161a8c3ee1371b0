//! `contacts forget`: erases what is here about a leg or a customer, and tells what is elsewhere.

use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::Utc;
use connector_config::Config;
use qm_pipeline::report::AcdNames;
use qm_pipeline::report::erasure::{self, ErasureReport, Meant, Whom};
use service_runtime::Exit;
use sync_ledger::{LedgerError, SqliteLedger, WishId};

use crate::cli::{Consent, Forget, Global};
use crate::open;
use command_line::Access;

/// How long the worker is waited for, and how often is looked.
const WORKER: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(200));

/// What is asked before anything of an earlier release's ledger can be read.
const OLDER: &str = "The ledger is of an earlier release, and is brought up to date before anything in it is erased: back it up first, \
                     the earlier release cannot read it any more.";

/// How many legs are named in the question.
const NAMED: usize = 5;

pub(super) async fn forget(global: &Global, asked: Forget) -> Result<Exit> {
    let config = global.configuration()?;
    let whom = match (asked.leg, asked.address) {
        (Some(leg), _) => Whom::Leg(leg),
        (None, address) => Whom::Text(address.unwrap_or_default()),
    };
    let (ledger, as_worker) = match access(&config, &whom, asked.consent).await? {
        Access::Worker(ledger) => (ledger, true),
        Access::Beside(ledger) => (ledger, false),
    };
    let names = AcdNames::read(&ledger, &config).await?;
    let meant = erasure::meant(&ledger, &names, &whom, asked.acd.as_deref()).await?;
    if !meant.legs.is_empty() {
        command_line::demand(asked.consent, &question(&meant))?;
    }
    let report = if as_worker {
        let report = erasure::forget(&ledger, &names, &meant, Utc::now()).await?;
        ledger.close().await;
        report
    } else {
        let wishes = erasure::wish(&ledger, &meant, Utc::now()).await?;
        follow(&ledger, &names, &meant, &wishes).await?
    };
    global.print(&report)?;
    Ok(command_line::exit_if(is_done(&report), Exit::Failure))
}

/// Opens the ledger to change it, also where otherwise `run` alone would make it or bring it up to date: `run` would carry first what is to be
/// forgotten.
async fn access(config: &Config, whom: &Whom, consent: Consent) -> Result<Access> {
    let error = match open::ledger(config)?.to_change().await {
        Ok(access) => return Ok(access),
        Err(error) => error,
    };
    match error.downcast_ref() {
        // It was lost: what is never to be taken up is written down in the new one before anything is discovered.
        Some(LedgerError::Missing { .. }) if matches!(whom, Whom::Leg(_)) => {
            open::ledger_under(config, &open::secrets(config)?)?
                .to_fill()
                .await
        }
        Some(LedgerError::OlderSchema { .. }) => {
            command_line::demand(consent, OLDER)?;
            let ledger = open::ledger_under(config, &open::secrets(config)?)?
                .as_worker()
                .await?;
            Ok(Access::Worker(ledger))
        }
        _ => Err(error),
    }
}

/// Whether all that was meant is erased, or the worker was asked to. A script that spells a customer's number wrong must notice.
fn is_done(report: &ErasureReport) -> bool {
    let found = !report.erased.is_empty() || !report.asked.is_empty();
    found && report.failed.is_empty() && report.unreadable == 0
}

fn question(meant: &Meant) -> String {
    if let (true, Some((_, leg))) = (meant.unknown, meant.legs.first()) {
        return format!(
            "The ledger does not know {leg}. It will never be imported once it is discovered."
        );
    }
    let legs: Vec<_> = meant.legs.iter().map(|(_, leg)| leg.to_string()).collect();
    let named = legs.iter().take(NAMED).cloned().collect::<Vec<_>>();
    let more = match legs.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "What is here about {}{more} is to be erased, and none of it will be imported any more.",
        named.join(", ")
    )
}

/// Waits until the worker has done it, or for a while.
async fn follow(
    ledger: &SqliteLedger,
    names: &AcdNames,
    meant: &Meant,
    wishes: &[WishId],
) -> Result<ErasureReport> {
    let began = Instant::now();
    loop {
        let report = erasure::told(ledger, names, meant, wishes).await?;
        if report.asked.is_empty() || began.elapsed() >= WORKER.0 {
            return Ok(report);
        }
        tokio::time::sleep(WORKER.1).await;
    }
}
