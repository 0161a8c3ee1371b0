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

/// How long a failure is everybody's answer: whoever waited for the list need not each wait for the next.
const FAILED: Duration = Duration::from_secs(5);

/// The people of one tenant.
pub(crate) struct Directory {
    calabrio: CalabrioClient,
    asked: Mutex<Asked>,
    missed: Notify,
}

/// What came of asking.
#[derive(Default)]
struct Asked {
    listed: Option<Listed>,
    failed: Option<(Instant, Arc<CalabrioError>)>,
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
            asked: Mutex::default(),
            missed: Notify::new(),
        }
    }

    /// Returns once somebody was asked for whom nobody stands.
    pub(crate) async fn missed(&self) {
        self.missed.notified().await;
    }

    /// Has people listed anew when they are next asked for.
    pub(crate) async fn forget(&self) {
        *self.asked.lock().await = Asked::default();
    }

    /// Whether a person has this worker as ACD ID. One answer serves everybody who asks meanwhile, and so does one failure.
    pub(crate) async fn knows(&self, worker: WorkerSid) -> Result<AgentKnown, Arc<CalabrioError>> {
        let mut asked = self.asked.lock().await;
        if let Some(known) = asked.listed.as_ref().and_then(|listed| listed.tell(worker)) {
            return Ok(self.noted(known));
        }
        if let Some((at, error)) = &asked.failed
            && at.elapsed() < FAILED
        {
            return Err(Arc::clone(error));
        }
        let people = match self.calabrio.people().await {
            Ok(people) => Some(Arc::new(people)),
            Err(error) if error.is_passing() || error.is_authentication() => {
                let error = Arc::new(error);
                asked.failed = Some((Instant::now(), Arc::clone(&error)));
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(%error, "people cannot be listed in Calabrio ONE: contacts go without a look whether their agent is known there");
                None
            }
        };
        asked.failed = None;
        let fresh = asked.listed.insert(Listed {
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
