//! `agents`: TaskRouter's workers against Calabrio's people.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use chrono::Utc;
use qm_pipeline::policy::agents::PeopleRules;
use qm_pipeline::report::AcdNames;
use qm_pipeline::report::agents::{AgentsReport, agents};
use service_runtime::Exit;

use crate::cli::{Global, OfAcd};
use crate::open;

pub(super) async fn list(global: &Global, of: &OfAcd) -> Result<Exit> {
    let config = global.configuration()?;
    AcdNames::configured(&config).find_some(of.acd.as_deref())?;
    let secrets = Arc::new(open::secrets(&config)?);
    let services = open::services(&config, secrets, None).await?;
    let mut acds = Vec::new();
    for services in open::chosen(services, &config, of.acd.as_deref())? {
        let acd = &services.acd;
        let rules = PeopleRules::new(acd, &config.acds);
        let found = agents(
            acd,
            &rules,
            &services.twilio,
            &services.calabrio,
            Utc::now(),
        )
        .await;
        // A session that is not closed ends by itself.
        let _ = services.calabrio.logout().await;
        acds.push(found.with_context(|| format!("the agents of {} cannot be listed", acd.name))?);
    }
    global.print(&AgentsReport { acds })?;
    Ok(Exit::Ok)
}
