//! Which legs Twilio tells of, and what they name: read window by window, without asking for every task once more.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId};
use flex_events::{EventType, FlexEvent};
use twilio_client::{EventQuery, TwilioClient, TwilioError};
use twilio_sid::TaskSid;

use crate::policy::deletion::{Name, names_in};
use crate::policy::{Window, ended_in};
use crate::runner::ask::task_events;

/// Tasks of which events are remembered; of more than these, Twilio is asked.
const TASKS: usize = 20_000;

/// What Twilio tells of the legs of a stretch of time.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// When each of them ended.
    pub(super) legs: BTreeMap<LegId, DateTime<Utc>>,
    by_name: BTreeMap<Name, BTreeSet<LegId>>,
    by_task: BTreeMap<TaskSid, BTreeSet<LegId>>,
}

impl Told {
    /// The legs whose tasks name one of these.
    pub(super) fn named(&self, names: &[Name]) -> BTreeSet<LegId> {
        let legs = names.iter().filter_map(|name| self.by_name.get(name));
        legs.flatten().copied().collect()
    }

    /// The legs of a task.
    pub(super) fn of_task(&self, task: TaskSid) -> impl Iterator<Item = LegId> {
        self.by_task.get(&task).into_iter().flatten().copied()
    }
}

/// Reads the events of a range, in the order of time.
///
/// Discovery asks for the events of every task that ended. Here the events of a task are remembered from its creation on, without what is
/// heavy in them, so that only tasks that were created before the range have to be asked for.
pub(super) struct Reader<'a> {
    twilio: &'a TwilioClient,
    acd: &'a AcdKey,
    since: DateTime<Utc>,
    tasks: BTreeMap<TaskSid, Task>,
}

#[derive(Default)]
struct Task {
    from_its_creation: bool,
    events: Vec<FlexEvent>,
}

impl<'a> Reader<'a> {
    /// Of legs that ended before `since`, nothing is told.
    pub(super) fn new(twilio: &'a TwilioClient, acd: &'a AcdKey, since: DateTime<Utc>) -> Self {
        Self {
            twilio,
            acd,
            since,
            tasks: BTreeMap::new(),
        }
    }

    /// Adds the legs that ended in a window.
    pub(super) async fn read(
        &mut self,
        window: Window,
        now: DateTime<Utc>,
        told: &mut Told,
    ) -> Result<(), TwilioError> {
        let query = EventQuery::between(window.from, window.to);
        let workspace = self.twilio.taskrouter(self.acd.workspace);
        let found = workspace.events(&query).await?;
        for error in &found.unreadable {
            tracing::warn!(acd = %self.acd, %error, "an event cannot be read; if it ended a leg, that leg is found when its task ends");
        }
        // The last second belongs to the next window as well.
        let of_window = |event: &&FlexEvent| window.from <= event.at && event.at < window.to;
        for event in found.events.iter().filter(of_window) {
            self.remember(event);
        }
        let mut asked: BTreeMap<TaskSid, Vec<FlexEvent>> = BTreeMap::new();
        let ended = loop {
            let ended = ended_in(self.acd, window, self.since, &found.events, &asked, now);
            let is_new = |task: &&TaskSid| !asked.contains_key(task);
            let unclear: Vec<TaskSid> = ended.unclear.iter().filter(is_new).copied().collect();
            if unclear.is_empty() {
                break ended;
            }
            for task in unclear {
                let events = match self.tasks.get(&task) {
                    Some(known) if known.from_its_creation => known.events.clone(),
                    _ => task_events(self.twilio, self.acd.workspace, task, window.to, now)
                        .await?
                        .unwrap_or_default(),
                };
                asked.insert(task, events);
            }
        };
        for (contact, details) in ended.legs {
            let leg = contact.leg.id;
            let times = contact.leg.times;
            let at = times.ended.or(times.task_ended).unwrap_or(window.from);
            told.legs.insert(leg, at);
            told.by_task
                .entry(contact.leg.task)
                .or_default()
                .insert(leg);
            let attributes = details.attributes.map(|value| value.to_string());
            for name in names_in(attributes.as_deref().unwrap_or_default()) {
                told.by_name.entry(name).or_default().insert(leg);
            }
        }
        for leg in ended.nameless {
            told.legs.insert(leg.into(), window.from);
        }
        let over = found
            .events
            .iter()
            .filter(|event| event.event_type.ends_task() && of_window(event));
        for task in over.filter_map(|event| event.task.as_ref()) {
            self.tasks.remove(&task.sid);
        }
        Ok(())
    }

    /// Of the attributes only the newest are kept, of the agent's none: they are what is heavy.
    fn remember(&mut self, event: &FlexEvent) {
        let Some(facts) = &event.task else { return };
        let created = event.event_type == EventType::TaskCreated;
        if !created && !self.tasks.contains_key(&facts.sid) {
            return;
        }
        if self.tasks.len() >= TASKS {
            self.tasks.clear();
        }
        let task = self.tasks.entry(facts.sid).or_default();
        task.from_its_creation |= created;
        let mut event = event.clone();
        if let Some(worker) = &mut event.worker {
            worker.attributes = None;
        }
        if facts.attributes.is_some() {
            for known in &mut task.events {
                match &mut known.task {
                    Some(known) if known.version <= facts.version => known.attributes = None,
                    _ => {}
                }
            }
        }
        task.events.push(event);
    }
}
