//! What it takes to work for one ACD.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use calabrio_client::CalabrioClient;
use connector_config::{AgentName, HistoryRules};
use contact_model::AcdKey;
use flex_insights_client::{FlexInsightsClient, ReportId};
use tokio::sync::Mutex;
use twilio_client::TwilioClient;
use twilio_sid::WorkspaceSid;
use wfm_delivery::{
    DeliveryError, Fate, HistoryFiles, HistorySink, RosterFiles, RosterSink, StateFiles, StateSink,
};
use wfm_history::{Redelivery, Report};
use wfm_state_mapping::{ActivityRules, Settings};

use crate::runner::blocking;

/// One ACD with what it takes to work for it.
#[derive(Clone)]
pub struct AcdServices {
    /// Its key.
    pub key: AcdKey,
    /// Its name.
    pub name: String,
    /// Its workspace.
    pub workspace: WorkspaceSid,
    /// Twilio, as its account.
    pub twilio: TwilioClient,
    /// Whose session endpoints are shown, where that is the way; logged out at the end.
    pub calabrio: Option<CalabrioClient>,
    /// Where agents and queues are told.
    pub roster: Roster,
    /// How activities become states.
    pub activities: ActivityRules,
    /// The drop folder, where the transport is files: the worker removes from it what a crash left.
    pub drop_folder: Option<HistoryFiles>,
    /// History, where it is on.
    pub history: Option<HistoryServices>,
    /// Adherence, where it is on.
    pub adherence: Option<AdherenceServices>,
}

/// How agents and queues are synchronised.
#[derive(Clone)]
pub struct Roster {
    /// Where they are told. `None` where Calabrio learns of them another way: then rows of whoever Twilio shows are delivered.
    pub sink: Option<Arc<dyn RosterSink>>,
    /// The drop folder, where they are told in files.
    pub files: Option<RosterFiles>,
    /// How often.
    pub every: Duration,
    /// How a full name becomes a first and a last name.
    pub names: AgentName,
}

/// What history takes.
#[derive(Clone)]
pub struct HistoryServices {
    /// Flex Insights.
    pub insights: FlexInsightsClient,
    /// The two reports.
    pub reports: Vec<ReportSource>,
    /// How they are read, and what of them is delivered when.
    pub rules: HistoryRules,
    /// How activities become states, by which time in them is counted.
    pub activities: ActivityRules,
    /// Where intervals are delivered.
    pub sink: Arc<dyn HistorySink>,
    /// The drop folder, where intervals go there.
    pub files: Option<HistoryFiles>,
    /// How many intervals a batch may have.
    pub batch_rows: usize,
    /// Whether rows without a queue go to the service queue.
    pub service_queue: bool,
}

/// A report and where it is. Copies pull in turn.
#[derive(Debug, Clone)]
pub struct ReportSource {
    /// Which of both it is.
    pub report: Report,
    /// Its id in Flex Insights.
    pub id: ReportId,
    /// Whose turn it is to pull it: two pulls at once would both find the same interval new.
    pub(crate) turn: Arc<Mutex<()>>,
}

impl ReportSource {
    /// A report under an id.
    pub fn new(report: Report, id: ReportId) -> Self {
        Self {
            report,
            id,
            turn: Arc::default(),
        }
    }
}

/// What adherence takes.
#[derive(Clone)]
pub struct AdherenceServices {
    /// How activities become states.
    pub activities: ActivityRules,
    /// What the state machine needs to know.
    pub settings: Settings,
    /// Where states are delivered.
    pub sink: Arc<dyn StateSink>,
    /// The drop folder, where states go there.
    pub files: Option<StateFiles>,
    /// How long changes gather before they are delivered.
    pub flush: Duration,
    /// How many states a request or file may have.
    pub batch_rows: usize,
    /// How many agents there may be.
    pub max_agents: usize,
    /// How often the whole workspace is read again.
    pub resync_every: Duration,
    /// After how long it is read once more, to see who was at rest.
    pub resync_confirm: Duration,
    /// Of how many live tasks reservations are asked for in one resynchronisation.
    pub resync_requests: usize,
    /// How often the Events API is polled; `None` for never.
    pub poll_events: Option<Duration>,
    /// Whether events are pushed as well: then those that polling finds should have come before.
    pub pushed: bool,
    /// How many requests a second may ask for hold; 0 asks for none.
    pub hold_budget: u16,
    /// How often calls are asked about at most.
    pub hold_every: Duration,
}

impl fmt::Debug for AcdServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcdServices")
            .field("name", &self.name)
            .field("history", &self.history.is_some())
            .field("adherence", &self.adherence.is_some())
            .finish_non_exhaustive()
    }
}

impl HistoryServices {
    /// Whether an attempt of which nobody knows how it ended must not be made again. Files of one delivery are not written twice, so they can.
    pub(crate) fn comes_once(&self) -> bool {
        self.rules.redelivery == Redelivery::Never && self.files.is_none()
    }

    /// What Calabrio made of files, off the runtime's threads.
    pub(crate) async fn fates(
        &self,
        names: Vec<String>,
    ) -> Option<Result<Vec<(String, Fate)>, DeliveryError>> {
        let files = self.files.clone()?;
        let asked = blocking(move || {
            let fates = files.fates(names.iter().map(String::as_str))?;
            Ok(fates
                .into_iter()
                .map(|(name, fate)| (name.to_owned(), fate))
                .collect())
        });
        Some(asked.await)
    }
}
