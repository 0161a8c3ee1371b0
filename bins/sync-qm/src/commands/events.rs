//! `events`: what Twilio pushes.

use anyhow::Result;
use qm_pipeline::report::events::{EventsError, EventsReport, set_up as at_twilio};
use service_runtime::Exit;

use crate::cli::{Global, OfAcd};
use crate::open;

pub(super) async fn set_up(global: &Global, of: &OfAcd, show: bool) -> Result<Exit> {
    let config = open::config(global)?;
    if config.intake.public_url.is_none() {
        return Err(EventsError::Off.into());
    }
    let secrets = std::sync::Arc::new(open::secrets(&config)?);
    let services = open::services(&config, std::sync::Arc::clone(&secrets), None).await?;
    let mut acds = Vec::new();
    for services in open::chosen(services, &config, of.acd.as_deref())? {
        let (acd, twilio) = (&services.acd, &services.twilio);
        acds.push(at_twilio(&config, acd, &secrets, twilio, !show).await?);
    }
    let report = EventsReport { acds };
    crate::print::report(global, &report)?;
    Ok(crate::exit_if(report.is_complete(), Exit::CheckFailed))
}
