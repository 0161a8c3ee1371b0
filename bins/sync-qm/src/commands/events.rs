//! `events`: what Twilio pushes.

use anyhow::Result;
use qm_pipeline::report::events::{EventsReport, set_up as at_twilio};
use service_runtime::Exit;

use crate::advice::Told;
use crate::cli::{Global, OfAcd};
use crate::open;

pub(super) async fn set_up(global: &Global, of: &OfAcd, show: bool) -> Result<Exit> {
    let config = open::config(global)?;
    if config.intake.public_url.is_none() {
        return Err(Told::usage(
            "intake.public_url is not set, so Twilio has no address to push events to",
            "set intake.public_url to the address under which Twilio reaches the listener",
        )
        .into());
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
    // Whoever only looks has seen it.
    let done = show || report.is_complete();
    Ok(crate::exit_if(done, Exit::CheckFailed))
}
