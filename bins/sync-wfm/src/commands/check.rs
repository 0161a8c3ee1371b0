//! `check`: Test Connection, and whether this machine lets `run` begin.

use std::sync::Arc;

use anyhow::Result;
use chrono::Utc;
use command_line::{exit_of, is_ours, ledger_row};
use connection_check::{CheckRow, CheckSettings, Question, Status, check_configuration};
use connector_config::{Config, SystemSecrets};
use service_runtime::Exit;
use wfm_pipeline::report;

use crate::SyncWfm;
use crate::cli::{Check, Global};
use crate::open;

pub(super) async fn check(global: &Global, check: &Check) -> Result<Exit> {
    let loaded = global.configuration();
    if let Ok(config) = &loaded {
        open::acds(config, check.of.acd.as_deref())?;
    }
    let config = loaded.as_ref().ok().cloned();
    let mut settings = CheckSettings::new(Utc::now());
    settings.only.clone_from(&check.of.acd);
    settings.offline = check.offline;
    let mut found = check_configuration(loaded, Arc::new(SystemSecrets), &settings).await;
    if let Some(config) = config {
        let vendors = found.rows.iter().position(|row| !is_ours(row.question));
        let at = vendors.unwrap_or(found.rows.len());
        let ledger = ledger_row::<SyncWfm>(&config).await;
        found.rows.insert(at, ledger);
        found
            .rows
            .extend(cadence(&config, check.of.acd.as_deref()).await);
    }
    global.print(&found)?;
    Ok(exit_of(&found))
}

/// What pulls have shown of how often Flex Insights loads: a warning where it is hourly.
async fn cadence(config: &Config, name: Option<&str>) -> Vec<CheckRow> {
    let Ok(acds) = super::named(config, name) else {
        return Vec::new();
    };
    let Ok(file) = open::ledger(config) else {
        return Vec::new();
    };
    let Ok((ledger, _)) = file.beside().await else {
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
