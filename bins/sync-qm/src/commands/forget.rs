//! `contacts forget`: erases what is here about a leg or a customer, and tells what is elsewhere.

use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::Utc;
use qm_pipeline::report::AcdNames;
use qm_pipeline::report::erasure::{self, ErasureReport, Meant, Whom};
use service_runtime::Exit;
use sync_ledger::{LedgerError, SqliteLedger, WishId};

use super::consent;
use crate::cli::{Forget, Global};
use crate::open::{self, Access};

/// How long the worker is waited for, and how often is looked.
const WORKER: (Duration, Duration) = (Duration::from_secs(30), Duration::from_millis(200));

/// How many legs are named in the question.
const NAMED: usize = 5;

pub(super) async fn forget(global: &Global, asked: Forget) -> Result<Exit> {
    let config = open::config(global)?;
    let whom = match (asked.leg, asked.address) {
        (Some(leg), _) => Whom::Leg(leg),
        (None, address) => Whom::Text(address.unwrap_or_default()),
    };
    let access = match open::ledger_to_change(&config).await {
        // It was lost: what is never to be taken up is written down in the new one before anything is discovered.
        Err(error)
            if matches!(whom, Whom::Leg(_))
                && matches!(error.downcast_ref(), Some(LedgerError::Missing { .. })) =>
        {
            open::ledger_to_fill(&config, &open::secrets(&config)?).await?
        }
        access => access?,
    };
    let (ledger, as_worker) = match access {
        Access::Worker(ledger) => (ledger, true),
        Access::Beside(ledger) => (ledger, false),
    };
    let names = AcdNames::read(&ledger, &config).await?;
    let meant = erasure::meant(&ledger, &names, &whom, asked.acd.as_deref()).await?;
    if !meant.legs.is_empty() {
        consent::demand(asked.consent, &question(&meant))?;
    }
    let report = if as_worker {
        let report = erasure::forget(&ledger, &names, &meant, Utc::now()).await?;
        ledger.close().await;
        report
    } else {
        let wishes = erasure::wish(&ledger, &meant, Utc::now()).await?;
        follow(&ledger, &names, &meant, &wishes).await?
    };
    crate::print::report(global, &report)?;
    Ok(crate::exit_if(is_done(&report), Exit::Failure))
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
