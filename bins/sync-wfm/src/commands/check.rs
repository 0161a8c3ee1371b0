//! `check`: Test Connection, and whether this machine lets `run` begin.

use std::sync::Arc;

use anyhow::Result;
use chrono::Utc;
use connection_check::{
    CheckReport, CheckRow, CheckSettings, Question, Status, check_configuration,
};
use connector_config::{Config, Product, SystemSecrets};
use service_runtime::Exit;
use sync_ledger::LedgerError;
use wfm_pipeline::report;

use crate::cli::{Check, Global};
use crate::{advice, open};

pub(super) async fn check(global: &Global, check: &Check) -> Result<Exit> {
    let loaded = Config::load_for(&global.config, Product::WorkforceManagement);
    let config = loaded.as_ref().ok().cloned();
    let mut settings = CheckSettings::new(Utc::now());
    settings.only.clone_from(&check.of.acd);
    settings.offline = check.offline;
    let mut found = check_configuration(loaded, Arc::new(SystemSecrets), &settings).await;
    if let Some(config) = config {
        let vendors = found.rows.iter().position(|row| !ours(row.question));
        let at = vendors.unwrap_or(found.rows.len());
        found.rows.insert(at, ledger(&config).await);
        found.rows.extend(cadence(&config).await);
    }
    open::print(global, &found)?;
    Ok(exit(&found))
}

/// Whether the ledger could be opened. Nothing is made, migrated or taken.
async fn ledger(config: &Config) -> CheckRow {
    let shown = config.ledger.wfm_path.display();
    let ok = |detail| row(Question::Ledger, Status::Ok, detail, None);
    match open::ledger_beside(config).await {
        Ok((ledger, worker)) => {
            ledger.close().await;
            let worker = worker.map_or("", |_| "; a worker runs on it");
            ok(format!("{shown} can be opened{worker}"))
        }
        Err(error) => match error.downcast_ref::<LedgerError>() {
            Some(LedgerError::Missing { .. }) => {
                ok(format!("there is none at {shown} yet; run makes it"))
            }
            Some(LedgerError::OlderSchema { .. }) => ok(format!(
                "{shown} is of an earlier release; run brings it up to date"
            )),
            Some(why) => {
                let remedy = advice::of(&error).1;
                let remedy = remedy.unwrap_or_else(|| "correct [ledger]".to_owned());
                row(
                    Question::Ledger,
                    Status::Fail,
                    why.to_string(),
                    Some(remedy),
                )
            }
            // Its secrets have rows of their own.
            None => row(
                Question::Ledger,
                Status::Skipped,
                format!("{error:#}"),
                None,
            ),
        },
    }
}

/// What pulls have shown of how often Flex Insights loads: a warning where it is hourly.
async fn cadence(config: &Config) -> Vec<CheckRow> {
    let Ok((ledger, _)) = open::ledger_beside(config).await else {
        return Vec::new();
    };
    let Ok(acds) = open::acds(config, None) else {
        return Vec::new();
    };
    let status = report::status(&ledger, &acds, None).await;
    ledger.close().await;
    let Ok(status) = status else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    for acd in status.acds {
        let advice = acd.reports.iter().find_map(|report| report.advice.clone());
        rows.extend(advice.map(|advice| CheckRow {
            acd: Some(acd.acd.clone()),
            question: Question::AgentReport,
            status: Status::Warn,
            detail: "intervals come up to an hour late".to_owned(),
            remedy: Some(advice),
        }));
    }
    rows
}

fn row(question: Question, status: Status, detail: String, remedy: Option<String>) -> CheckRow {
    CheckRow {
        acd: None,
        question,
        status,
        detail,
        remedy,
    }
}

/// Whether what is asked lies on this machine, not at a vendor.
fn ours(question: Question) -> bool {
    matches!(
        question,
        Question::Configuration | Question::Secrets | Question::Clients | Question::Ledger
    )
}

fn exit(report: &CheckReport) -> Exit {
    let failed = |row: &&CheckRow| row.status == Status::Fail;
    match report.rows.iter().find(failed) {
        None => Exit::Ok,
        Some(row) if ours(row.question) => Exit::Configuration,
        Some(_) => Exit::CheckFailed,
    }
}
