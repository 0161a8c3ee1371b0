//! `check`: Test Connection.

use std::sync::Arc;

use anyhow::Result;
use chrono::Utc;
use connection_check::{
    CheckReport, CheckSettings, Question, Status, check_configuration, check_offline,
};
use connector_config::{Config, SystemSecrets};
use service_runtime::Exit;

use crate::cli::{Check, Global};

pub(super) async fn check(global: &Global, check: &Check) -> Result<Exit> {
    let loaded = Config::load(&global.config);
    let report = if check.offline {
        check_offline(&loaded)
    } else {
        let mut settings = CheckSettings::new(Utc::now());
        settings.only.clone_from(&check.of.acd);
        check_configuration(loaded, Arc::new(SystemSecrets), &settings).await
    };
    crate::print::report(global, &report)?;
    Ok(exit(&report))
}

fn exit(report: &CheckReport) -> Exit {
    let ours = [
        Question::Configuration,
        Question::Secrets,
        Question::KeyRing,
        Question::Clients,
    ];
    let failed = |row: &&connection_check::CheckRow| row.status == Status::Fail;
    match report.rows.iter().find(failed) {
        None => Exit::Ok,
        Some(row) if ours.contains(&row.question) => Exit::Configuration,
        Some(_) => Exit::CheckFailed,
    }
}
