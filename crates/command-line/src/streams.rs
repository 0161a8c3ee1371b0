//! Setting Event Streams up at Twilio, and showing what is set up.

use std::sync::Arc;

use anyhow::Result;
use connector_config::{Acd, Config, Product, Secrets};
use http_retry::SafeUrl;
use serde::Serialize;
use service_runtime::{Exit, Mood, Page, Report, Table};
use twilio_client::{EventType, StreamPlan, StreamSetup, TwilioClient, WebhookDestination};

use crate::{CommandError, Global, Program, Told, exit_if};

/// What marks sink and subscription as this connector's: they are found again by it, and no others are touched.
const DESCRIPTION: &str = "flex-to-calabrio connector";

/// What is set up at Twilio for each ACD.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventsReport {
    /// Each ACD.
    pub acds: Vec<EventsLine>,
}

/// What is set up for one ACD.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventsLine {
    /// The ACD's name.
    pub acd: String,
    /// Where Twilio pushes its events to, with `…` for the secret part of the path where there is one. The whole address can be
    /// given to TaskRouter as its event callback as well.
    pub address: String,
    /// The sink, where there is one.
    pub sink: Option<String>,
    /// How the sink stands, in Twilio's words.
    pub sink_status: Option<String>,
    /// The subscription, where there is one.
    pub subscription: Option<String>,
    /// The types that are subscribed to.
    pub types: Vec<String>,
    /// Whether something was made just now.
    pub created: bool,
    /// What is still to be done, if anything.
    pub advice: Option<String>,
}

impl EventsReport {
    /// Whether every ACD's events are pushed.
    pub fn is_complete(&self) -> bool {
        self.acds.iter().all(|acd| acd.advice.is_none())
    }
}

/// The setting of the address under which Twilio reaches a program, and what marks its sinks.
fn marks<P: Program>() -> (&'static str, &'static str) {
    match P::PRODUCT {
        Product::QualityManagement => ("intake.public_url", DESCRIPTION),
        Product::WorkforceManagement => (
            "intake.wfm_public_url",
            "flex-to-calabrio connector, workforce management",
        ),
    }
}

/// An ACD whose events are to be pushed, and Twilio as its account.
#[derive(Debug)]
pub struct Pushing<'a> {
    /// The ACD.
    pub acd: &'a Acd,
    /// Its account.
    pub twilio: TwilioClient,
}

/// Whether the program is to be reached by pushed events at all: without an address there is nothing to set up, and nothing to look at.
///
/// # Errors
///
/// [`Told`], with [`Exit::Usage`].
pub fn pushed_to<P: Program>(config: &Config) -> Result<(), Told> {
    if config.intake.of(P::PRODUCT).is_some() {
        return Ok(());
    }
    let setting = marks::<P>().0;
    Err(Told::usage(
        format!("{setting} is not set, so Twilio has no address to push events to"),
        format!("set {setting} to the address under which Twilio reaches the listener"),
    ))
}

/// `events setup`: makes the sink and the subscription of each ACD where they are missing, or with `show` only tells what is there.
///
/// # Errors
///
/// [`CommandError`].
pub async fn set_up<P: Program>(
    global: &Global<P>,
    config: &Config,
    secrets: &Arc<Secrets>,
    acds: Vec<Pushing<'_>>,
    types: &[&str],
    show: bool,
) -> Result<Exit> {
    let mut lines = Vec::new();
    for Pushing { acd, twilio } in &acds {
        lines.push(set_up_one::<P>(config, acd, secrets, twilio, types, !show).await?);
    }
    let report = EventsReport { acds: lines };
    global.print(&report)?;
    // Whoever only looks has seen it.
    Ok(exit_if(show || report.is_complete(), Exit::CheckFailed))
}

/// Where Twilio pushes the events of an ACD to.
fn destination<P: Program>(
    config: &Config,
    acd: &Acd,
    secrets: &Secrets,
) -> Result<WebhookDestination, CommandError> {
    let unusable = || CommandError::NoAddress {
        setting: marks::<P>().0,
        acd: acd.name.clone(),
    };
    let (public, _) = config.intake.of(P::PRODUCT).ok_or_else(unusable)?;
    let path = acd.intake_path();
    let text = format!("{}/{path}", public.to_string().trim_end_matches('/'));
    let url: SafeUrl = text.parse().map_err(|_| unusable())?;
    let mut destination = WebhookDestination::new(url);
    let own = secrets.acd(&acd.name);
    let password = own.and_then(|own| own.intake_password.clone());
    destination.basic = acd.intake.username.clone().zip(password);
    destination.secret_path = own.and_then(|own| own.intake_secret_path.clone());
    Ok(destination)
}

/// Shows what is set up for an ACD, and makes what is missing where `make` says so. What others have set up is never touched.
async fn set_up_one<P: Program>(
    config: &Config,
    acd: &Acd,
    secrets: &Secrets,
    twilio: &TwilioClient,
    types: &[&str],
    make: bool,
) -> Result<EventsLine, CommandError> {
    let name = P::NAME;
    let destination = destination::<P>(config, acd, secrets)?;
    let address = destination.to_string();
    let description = format!("{} ({})", marks::<P>().1, acd.intake_path());
    let mut leads_elsewhere = false;
    let setup = if make {
        let types = types.iter().copied().map(EventType::new).collect();
        let plan = StreamPlan::new(description, destination, types);
        Some(twilio.event_streams().ensure(&plan).await?)
    } else {
        let found = twilio.event_streams().find(&description).await?;
        let fits = |setup: &StreamSetup| destination.is_of(&setup.sink);
        let ours = found.iter().position(fits);
        leads_elsewhere = ours.is_none();
        found.into_iter().nth(ours.unwrap_or_default())
    };
    let Some(setup) = setup else {
        return Ok(EventsLine {
            acd: acd.name.clone(),
            address,
            sink: None,
            sink_status: None,
            subscription: None,
            types: Vec::new(),
            created: false,
            advice: Some(format!("run {name} events setup to create the sink")),
        });
    };
    let missing: Vec<&str> = types
        .iter()
        .copied()
        .filter(|wanted| !setup.events.iter().any(|event| event.name == *wanted))
        .collect();
    let status = setup
        .sink
        .status
        .as_ref()
        .map(|status| status.as_str().to_owned());
    let advice = if leads_elsewhere {
        Some(format!(
            "the sink {} has this connector's description and does not lead to the address: remove it in Twilio's console, then run {name} events setup",
            setup.sink.sid
        ))
    } else if !setup.sink.is_active() {
        Some(format!(
            "Twilio has not validated the sink yet (it is {}): let {name} run be reachable under the address, then run {name} events setup again",
            status.as_deref().unwrap_or("in no state that it tells")
        ))
    } else if setup.subscription.is_none() {
        Some(format!(
            "run {name} events setup to create the subscription"
        ))
    } else if !missing.is_empty() {
        Some(format!("not subscribed to: {}", missing.join(", ")))
    } else {
        None
    };
    Ok(EventsLine {
        acd: acd.name.clone(),
        address,
        sink: Some(setup.sink.sid.to_string()),
        sink_status: status,
        subscription: setup
            .subscription
            .as_ref()
            .map(|subscription| subscription.sid.to_string()),
        types: setup
            .events
            .iter()
            .map(|event| event.name.clone())
            .collect(),
        created: !setup.created.is_empty(),
        advice,
    })
}

impl Report for EventsReport {
    fn page(&self, page: &mut Page) {
        let mut table = Table::new(["acd", "address", "sink", "state", "subscription", "types"]);
        for acd in &self.acds {
            table.row([
                acd.acd.clone(),
                acd.address.clone(),
                acd.sink.clone().unwrap_or_else(|| "-".to_owned()),
                acd.sink_status.clone().unwrap_or_default(),
                acd.subscription.clone().unwrap_or_else(|| "-".to_owned()),
                acd.types.len().to_string(),
            ]);
        }
        page.table(table);
        for acd in &self.acds {
            match &acd.advice {
                Some(advice) => page.mood(Mood::Careful, format!("{}: {advice}", acd.acd)),
                None => page.mood(Mood::Good, format!("{}: Twilio pushes its events", acd.acd)),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use connector_config::{SecretError, SecretPlace, SecretSource};
    use secrecy::SecretSlice;

    use super::*;
    use crate::testing::{Quality, Workforce, config};

    /// Every secret of the file is the same.
    struct Digits;

    impl SecretSource for Digits {
        fn get(&self, _: &SecretPlace) -> Result<SecretSlice<u8>, SecretError> {
            Ok("11".repeat(32).into_bytes().into())
        }
    }

    #[test]
    fn each_program_has_an_address_and_a_mark_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = config(directory.path());
        let secrets = config.resolve_secrets(&Digits).unwrap();
        let acd = config.acds[0].clone();
        for told in [
            pushed_to::<Quality>(&config).unwrap_err().to_string(),
            destination::<Quality>(&config, &acd, &secrets)
                .unwrap_err()
                .to_string(),
        ] {
            assert!(told.starts_with("intake.public_url "), "{told}");
        }
        let told = pushed_to::<Workforce>(&config).unwrap_err().to_string();
        assert!(told.starts_with("intake.wfm_public_url "), "{told}");
        config.intake.wfm_public_url = Some("https://connector.example.com/wfm".parse().unwrap());
        pushed_to::<Workforce>(&config).unwrap();
        let there = destination::<Workforce>(&config, &acd, &secrets).unwrap();
        let path = acd.intake_path();
        assert_eq!(
            there.to_string(),
            format!("https://connector.example.com/wfm/{path}")
        );
        assert_ne!(marks::<Quality>().1, marks::<Workforce>().1);
    }
}
