//! `check`: Test Connection, and whether this machine lets `run` begin.

use std::sync::Arc;

use anyhow::Result;
use chrono::Utc;
use command_line::{exit_of, is_ours, ledger_row, machine_row, unusable};
use connection_check::{CheckRow, CheckSettings, Question, Status, check_configuration};
use connector_config::{Config, SystemSecrets};
use qm_pipeline::report::AcdNames;
use recording_spool::Spool;
use service_runtime::Exit;

use crate::SyncQm;
use crate::cli::{Check, Global};

pub(super) async fn check(global: &Global, check: &Check) -> Result<Exit> {
    let loaded = global.configuration();
    if let Ok(config) = &loaded {
        AcdNames::configured(config).find_some(check.of.acd.as_deref())?;
    }
    let config = loaded.as_ref().ok().cloned();
    let mut settings = CheckSettings::new(Utc::now());
    settings.only.clone_from(&check.of.acd);
    settings.offline = check.offline;
    let mut report = check_configuration(loaded, Arc::new(SystemSecrets), &settings).await;
    if let Some(config) = config {
        // Before the vendors: in the order in which the worker needs them.
        let vendors = report.rows.iter().position(|row| !is_ours(row.question));
        let at = vendors.unwrap_or(report.rows.len());
        let ledger = ledger_row::<SyncQm>(&config).await;
        let spool = spool(&config).await;
        report.rows.splice(at..at, [ledger, spool]);
    }
    global.print(&report)?;
    Ok(exit_of(&report))
}

async fn spool(config: &Config) -> CheckRow {
    let dir = &config.spool.dir;
    let shown = dir.display();
    let fail = |detail, remedy| machine_row(Question::Spool, Status::Fail, detail, Some(remedy));
    let there = match Spool::inspect(dir).await {
        Ok(there) => there,
        Err(error) => {
            return fail(
                error.to_string(),
                "correct spool.dir, or let the service's user use it".to_owned(),
            );
        }
    };
    match unusable(dir) {
        Some(what) => fail(
            format!("the spool directory {shown} cannot be used: {what}"),
            "let the service's user write into it, or correct spool.dir".to_owned(),
        ),
        None if there => machine_row(
            Question::Spool,
            Status::Ok,
            format!("{shown} can be used"),
            None,
        ),
        None => machine_row(
            Question::Spool,
            Status::Ok,
            format!("{shown} is not there yet; run makes it"),
            None,
        ),
    }
}
