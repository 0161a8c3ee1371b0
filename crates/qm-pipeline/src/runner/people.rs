//! Whom Calabrio knows: asked for as a whole, since it can be had in no other way, and remembered for a while.

use std::sync::Arc;
use std::time::Duration;

use calabrio_client::{CalabrioClient, CalabrioError, People};
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;
use twilio_sid::WorkerSid;

use crate::policy::AgentKnown;

/// How long a list is good for whom it holds.
const GOOD: Duration = Duration::from_mins(10);

/// How long it is good for whom it does not hold: somebody may just be adding them.
const GOOD_FOR_THE_ABSENT: Duration = Duration::from_mins(1);

/// The people of one tenant.
pub(crate) struct Directory {
    calabrio: CalabrioClient,
    listed: Mutex<Option<Listed>>,
    missed: Notify,
}

struct Listed {
    at: Instant,
    /// `None` where Calabrio does not let them be listed.
    people: Option<Arc<People>>,
}

impl Directory {
    pub(crate) fn new(calabrio: CalabrioClient) -> Self {
        Self {
            calabrio,
            listed: Mutex::new(None),
            missed: Notify::new(),
        }
    }

    /// Returns once somebody was asked for whom nobody stands.
    pub(crate) async fn missed(&self) {
        self.missed.notified().await;
    }

    /// Has people listed anew when they are next asked for.
    pub(crate) async fn forget(&self) {
        *self.listed.lock().await = None;
    }

    /// Whether a person has this worker as ACD ID. One list serves everybody who asks meanwhile.
    pub(crate) async fn knows(&self, worker: WorkerSid) -> Result<AgentKnown, CalabrioError> {
        let mut listed = self.listed.lock().await;
        if let Some(known) = listed.as_ref().and_then(|listed| listed.tell(worker)) {
            return Ok(self.noted(known));
        }
        let people = match self.calabrio.people().await {
            Ok(people) => Some(Arc::new(people)),
            Err(error) if error.is_passing() || error.is_authentication() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "people cannot be listed in Calabrio ONE: contacts go without a look whether their agent is known there");
                None
            }
        };
        let fresh = listed.insert(Listed {
            at: Instant::now(),
            people,
        });
        let known = fresh.look_up(worker);
        Ok(self.noted(known))
    }

    fn noted(&self, known: AgentKnown) -> AgentKnown {
        if known == AgentKnown::No {
            self.missed.notify_one();
        }
        known
    }
}

impl Listed {
    fn look_up(&self, worker: WorkerSid) -> AgentKnown {
        match &self.people {
            None => AgentKnown::Unclear,
            Some(people) if people.with_acd_id(worker.as_str()).next().is_some() => AgentKnown::Yes,
            Some(_) => AgentKnown::No,
        }
    }

    /// What the list tells, as long as it is good for that.
    fn tell(&self, worker: WorkerSid) -> Option<AgentKnown> {
        let known = self.look_up(worker);
        let good = match known {
            AgentKnown::No => GOOD_FOR_THE_ABSENT,
            AgentKnown::Yes | AgentKnown::Unclear => GOOD,
        };
        (self.at.elapsed() < good).then_some(known)
    }
}
