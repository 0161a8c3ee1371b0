//! What must hold before the worker starts: the vendors accept the credentials, and the leg key and whatever is mapped have their fields.
//! Without the field of the leg key a contact could not be recognised again, and might be sent twice; one mapping to a field that is not
//! there would have every contact refused.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use calabrio_client::CalabrioError;
use connection_check::{Status, check_fields};
use qm_pipeline::AcdServices;
use service_runtime::Stop;
use twilio_client::TwilioError;

/// How long is waited after a vendor could not be asked, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// Why the worker may not start. It is a check that failed, and ends the process like one.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Asks both vendors of every ACD. A vendor that is out of reach for the moment is waited for; one that says no ends the start.
///
/// `false` where a stop was asked for meanwhile.
pub(super) async fn check(services: &[AcdServices], stop: &Stop) -> Result<bool> {
    for services in services {
        let mut pause = PAUSE.0;
        loop {
            let asked = tokio::select! {
                asked = ask(services) => asked,
                () = stop.requested() => return Ok(false),
            };
            let Err(error) = asked else { break };
            if !passes(&error) {
                return Err(error.context(format!(
                    "the worker does not start: ACD {:?} is not ready",
                    services.acd.name
                )));
            }
            tracing::warn!(acd = %services.acd.name, error = format!("{error:#}"), pause_seconds = pause.as_secs(), "a vendor is out of reach; it is asked again");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.requested() => return Ok(false),
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }
    Ok(true)
}

fn passes(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<TwilioError>()
            .is_some_and(TwilioError::is_passing)
            || cause
                .downcast_ref::<CalabrioError>()
                .is_some_and(CalabrioError::is_passing)
    })
}

async fn ask(services: &AcdServices) -> Result<()> {
    let acd = &services.acd;
    match services
        .twilio
        .taskrouter(acd.twilio.workspace_sid)
        .workspace()
        .await
    {
        Err(error) if error.is_not_found() => {
            let sid = acd.twilio.workspace_sid;
            return Err(Refused(format!(
                "the account has no workspace {sid}: correct workspace_sid"
            ))
            .into());
        }
        asked => asked.context("twilio does not tell of the workspace")?,
    };
    let fields = services
        .calabrio
        .metadata_fields()
        .await
        .context("calabrio does not tell its metadata fields")?;
    let faults: Vec<_> = check_fields(acd, &fields)
        .rows
        .into_iter()
        .filter(|row| row.status == Status::Fail)
        .map(|row| match row.remedy {
            Some(remedy) => format!("{}; {remedy}", row.detail),
            None => row.detail,
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        bail!(Refused(faults.join(". Also: ")))
    }
}
