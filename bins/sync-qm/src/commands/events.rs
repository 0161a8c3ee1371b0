//! `events`: what Twilio pushes.

use anyhow::Result;
use qm_pipeline::report::events::{EventsReport, set_up as at_twilio};
use service_runtime::Exit;

use crate::cli::{Global, OfAcd};
use crate::open;
use command_line::Told;

pub(super) async fn set_up(global: &Global, of: &OfAcd, show: bool) -> Result<Exit> {
    let config = global.configuration()?;
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
    global.print(&report)?;
    // Whoever only looks has seen it.
    let done = show || report.is_complete();
    Ok(command_line::exit_if(done, Exit::CheckFailed))
}
