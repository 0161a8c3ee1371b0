//! Setting Event Streams up at Twilio, and showing what is set up.

use connector_config::{Acd, Config, Secrets};
use http_retry::SafeUrl;
use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};
use twilio_client::{
    EventType, StreamPlan, StreamSetup, TwilioClient, TwilioError, WebhookDestination,
};

/// What marks sink and subscription as this connector's: they are found again by it, and no others are touched.
const DESCRIPTION: &str = "flex-to-calabrio connector";

/// The types that are subscribed to. Those of conferences tell of hold.
const TYPES: [&str; 15] = [
    "com.twilio.taskrouter.reservation.created",
    "com.twilio.taskrouter.reservation.accepted",
    "com.twilio.taskrouter.reservation.wrapup",
    "com.twilio.taskrouter.reservation.completed",
    "com.twilio.taskrouter.reservation.canceled",
    "com.twilio.taskrouter.reservation.failed",
    "com.twilio.taskrouter.task.completed",
    "com.twilio.taskrouter.task.canceled",
    "com.twilio.taskrouter.task.deleted",
    "com.twilio.taskrouter.task.system-deleted",
    "com.twilio.taskrouter.task.wrapup",
    "com.twilio.taskrouter.task.updated",
    "com.twilio.voice.status-callback.conference.participant.updated",
    "com.twilio.voice.status-callback.conference.participant.joined",
    "com.twilio.voice.status-callback.conference.participant.left",
];

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

/// Why it cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventsError {
    /// Pushed events are off.
    #[error(
        "intake.public_url is not set: write the address under which Twilio reaches the listener into the configuration"
    )]
    Off,
    /// The address cannot be made of the configuration.
    #[error("intake.public_url and the path of the ACD {acd} make no address")]
    Address {
        /// The ACD.
        acd: String,
    },
    /// Twilio.
    #[error(transparent)]
    Twilio(#[from] TwilioError),
}

/// Where Twilio pushes the events of an ACD to.
fn destination(
    config: &Config,
    acd: &Acd,
    secrets: &Secrets,
) -> Result<WebhookDestination, EventsError> {
    let public = config.intake.public_url.as_ref().ok_or(EventsError::Off)?;
    let path = acd.intake_path();
    let text = format!("{}/{path}", public.to_string().trim_end_matches('/'));
    let url: SafeUrl = text.parse().map_err(|_| EventsError::Address {
        acd: acd.name.clone(),
    })?;
    let mut destination = WebhookDestination::new(url);
    let password = secrets
        .acd(&acd.name)
        .and_then(|own| own.intake_password.clone());
    destination.basic = acd.intake.username.clone().zip(password);
    destination.secret_path = secrets
        .acd(&acd.name)
        .and_then(|own| own.intake_secret_path.clone());
    Ok(destination)
}

/// Shows what is set up for an ACD, and makes what is missing where `make` says so. What others have set up is never touched.
pub async fn set_up(
    config: &Config,
    acd: &Acd,
    secrets: &Secrets,
    twilio: &TwilioClient,
    make: bool,
) -> Result<EventsLine, EventsError> {
    let destination = destination(config, acd, secrets)?;
    let address = destination.to_string();
    let description = format!("{DESCRIPTION} ({})", acd.intake_path());
    let mut leads_elsewhere = false;
    let setup = if make {
        let types = TYPES.iter().copied().map(EventType::new).collect();
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
            advice: Some("run sync-qm events setup to create the sink".to_owned()),
        });
    };
    let missing: Vec<&str> = TYPES
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
            "the sink {} has this connector's description and does not lead to the address: remove it in Twilio's console, then run sync-qm events setup",
            setup.sink.sid
        ))
    } else if !setup.sink.is_active() {
        Some(format!(
            "Twilio has not validated the sink yet (it is {}): let sync-qm run be reachable under the address, then run sync-qm events setup again",
            status.as_deref().unwrap_or("in no state that it tells")
        ))
    } else if setup.subscription.is_none() {
        Some("run sync-qm events setup to create the subscription".to_owned())
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
