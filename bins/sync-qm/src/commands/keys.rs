//! `keys` and `fields`: what the configuration has to do with what the vendors have.

use anyhow::Result;
use connector_config::{AcdSecrets, ConfigError, Secrets};
use qm_pipeline::report::{self, AcdNames, TenantFields};
use recording_crypto::KeyRing;
use service_runtime::Exit;

use crate::cli::{Global, OfAcd};
use crate::open;

type Ring = Result<KeyRing, ConfigError>;

fn rings(secrets: &Secrets, of: &OfAcd) -> Vec<(String, Ring)> {
    let wanted = |acd: &&AcdSecrets| of.acd.as_ref().is_none_or(|name| *name == acd.name);
    secrets
        .acds
        .iter()
        .filter(wanted)
        .map(|acd| (acd.name.clone(), acd.key_ring()))
        .collect()
}

pub(super) fn list(global: &Global, of: &OfAcd) -> Result<Exit> {
    let config = global.configuration()?;
    AcdNames::configured(&config).find_some(of.acd.as_deref())?;
    let rings = rings(&open::secrets(&config)?, of);
    let report = report::keys(rings.iter().map(|(acd, ring)| (acd.as_str(), ring)));
    global.print(&report)?;
    Ok(command_line::exit_if(
        report.faults.is_empty(),
        Exit::Configuration,
    ))
}

pub(super) async fn verify(global: &Global, of: &OfAcd, offline: bool) -> Result<Exit> {
    let config = global.configuration()?;
    AcdNames::configured(&config).find_some(of.acd.as_deref())?;
    let secrets = open::secrets(&config)?;
    let rings = rings(&secrets, of);
    let services = if offline || rings.iter().any(|(_, ring)| ring.is_err()) {
        // Clients are made of whole key rings; which key is at fault is told without them.
        Vec::new()
    } else {
        open::services(&config, secrets.into(), None).await?
    };
    let report = report::verify_keys(rings.iter().map(|(acd, ring)| {
        let twilio = services
            .iter()
            .find(|services| services.acd.name == *acd)
            .map(|services| &services.twilio);
        (acd.as_str(), ring, twilio)
    }))
    .await;
    global.print(&report)?;
    Ok(if report.faults.is_empty() {
        // What was to be compared and could not be is no proof.
        let compared = offline || report.not_compared.is_empty();
        command_line::exit_if(report.sound && compared, Exit::CheckFailed)
    } else {
        Exit::Configuration
    })
}

pub(super) async fn fields(global: &Global, of: &OfAcd) -> Result<Exit> {
    let config = global.configuration()?;
    let services = open::services(&config, open::secrets(&config)?.into(), None).await?;
    let mut acds = Vec::new();
    for services in open::chosen(services, &config, of.acd.as_deref())? {
        let found = services.calabrio.metadata_fields().await;
        // A session that is not closed ends by itself.
        let _ = services.calabrio.logout().await;
        let leg_key = services.acd.calabrio.leg_key_field.to_string();
        acds.push(report::fields(
            &services.acd.name,
            &leg_key,
            &services.mapping,
            &found?,
        ));
    }
    let report = TenantFields { acds };
    global.print(&report)?;
    Ok(command_line::exit_if(
        report.acds.iter().all(|acd| acd.sound),
        Exit::CheckFailed,
    ))
}
