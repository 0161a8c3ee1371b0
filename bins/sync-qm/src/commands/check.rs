//! `check`: Test Connection, and whether this machine lets `run` begin.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use chrono::Utc;
use connection_check::{
    CheckReport, CheckRow, CheckSettings, Question, Status, check_configuration,
};
use connector_config::{Config, Product, SystemSecrets};
use recording_spool::Spool;
use rustix::fs::{Access as May, AtFlags, CWD, accessat};
use service_runtime::Exit;
use sync_ledger::LedgerError;

use crate::cli::{Check, Global};
use crate::{advice, open};

pub(super) async fn check(global: &Global, check: &Check) -> Result<Exit> {
    let loaded = Config::load_for(&global.config, Product::QualityManagement);
    let config = loaded.as_ref().ok().cloned();
    let mut settings = CheckSettings::new(Utc::now());
    settings.only.clone_from(&check.of.acd);
    settings.offline = check.offline;
    let mut report = check_configuration(loaded, Arc::new(SystemSecrets), &settings).await;
    if let Some(config) = config {
        // Before the vendors: in the order in which the worker needs them.
        let vendors = report.rows.iter().position(|row| !ours(row.question));
        let at = vendors.unwrap_or(report.rows.len());
        let ledger = ledger(&config).await;
        let spool = spool(&config).await;
        report.rows.splice(at..at, [ledger, spool]);
    }
    crate::print::report(global, &report)?;
    Ok(exit(&report))
}

/// Whether the ledger could be opened. Nothing is made, migrated or taken.
async fn ledger(config: &Config) -> CheckRow {
    let path = &config.ledger.path;
    let shown = path.display();
    let ok = |detail| row(Question::Ledger, Status::Ok, detail, None);
    let fail = |detail, remedy| row(Question::Ledger, Status::Fail, detail, remedy);
    let used = |detail: String| match unusable(path.parent().unwrap_or(path)) {
        None => ok(detail),
        Some(what) => fail(
            format!("the directory of the ledger {shown} cannot be used: {what}"),
            Some("let the service's user write into it, or correct ledger.path".to_owned()),
        ),
    };
    let error = match open::ledger_beside(config).await {
        Ok((ledger, worker)) => {
            ledger.close().await;
            let worker = worker.map_or("", |_| "; a worker runs on it");
            return used(format!("{shown} can be opened{worker}"));
        }
        Err(error) => error,
    };
    match error.downcast_ref::<LedgerError>() {
        Some(LedgerError::Missing { .. }) => {
            used(format!("there is none at {shown} yet; run makes it"))
        }
        Some(LedgerError::OlderSchema { .. }) => used(format!(
            "{shown} is of an earlier release; run brings it up to date"
        )),
        Some(why) => {
            let text = why.to_string();
            let (what, own) = text
                .rsplit_once(": ")
                .unwrap_or((&text, "correct [ledger]"));
            let cause = std::error::Error::source(why).map(|cause| format!(": {cause}"));
            let (_, advice) = advice::of(&error);
            fail(
                format!("{what}{}", cause.unwrap_or_default()),
                Some(advice.unwrap_or_else(|| own.to_owned())),
            )
        }
        // Its secrets have rows of their own.
        None => row(
            Question::Ledger,
            Status::Skipped,
            format!("{error:#}"),
            None,
        ),
    }
}

async fn spool(config: &Config) -> CheckRow {
    let dir = &config.spool.dir;
    let shown = dir.display();
    let fail = |detail, remedy| row(Question::Spool, Status::Fail, detail, Some(remedy));
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
        None if there => row(
            Question::Spool,
            Status::Ok,
            format!("{shown} can be used"),
            None,
        ),
        None => row(
            Question::Spool,
            Status::Ok,
            format!("{shown} is not there yet; run makes it"),
            None,
        ),
    }
}

/// Why this user could not write into the directory, or make it.
fn unusable(directory: &Path) -> Option<String> {
    let here = Path::new(".");
    let nearest = directory
        .ancestors()
        .map(|path| {
            if path.as_os_str().is_empty() {
                here
            } else {
                path
            }
        })
        .find(|path| path.symlink_metadata().is_ok())
        .unwrap_or(here);
    if !nearest.is_dir() {
        return Some(format!("{} is no directory", nearest.display()));
    }
    let may = May::WRITE_OK | May::EXEC_OK;
    accessat(CWD, nearest, may, AtFlags::EACCESS)
        .err()
        .map(|error| format!("{}: {error}", nearest.display()))
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
        Question::Configuration
            | Question::Secrets
            | Question::KeyRing
            | Question::Clients
            | Question::Ledger
            | Question::Spool
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
