//! Listing afresh whose a recording is.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use contact_model::LegId;
use flex_events::FlexEvent;
use sync_ledger::Ledger;
use twilio_client::{EventQuery, Recording, TwilioError};
use twilio_sid::{ConferenceSid, TaskSid};

use super::Source;
use crate::policy::deletion::{Name, Obstacle, Tasks, hours};
use crate::policy::{RecordingFacts, Window, after};
use crate::runner::ask::{EVENTS_KEPT, TASK_LIFE};

/// The events that are asked for around a recording: those that accept a reservation, and those that tell its attributes once more
/// when they are complete.
const TELLING: [&str; 3] = [
    "reservation.accepted",
    "reservation.wrapup",
    "reservation.completed",
];

/// Why the legs of a recording cannot be listed.
pub(super) enum Unlisted {
    Obstacle(Obstacle),
    Twilio(TwilioError),
}

impl From<TwilioError> for Unlisted {
    fn from(error: TwilioError) -> Self {
        match error {
            TwilioError::EventsTooOld { .. } => Self::Obstacle(Obstacle::EventsGone),
            TwilioError::Unreadable(_) => Self::Obstacle(Obstacle::EventsUnreadable),
            error => Self::Twilio(error),
        }
    }
}

impl<L: Ledger> Source<'_, L> {
    /// The legs of every task that the recording is linked to. `seeds` are the tasks that the ledger names.
    pub(super) async fn ask(
        &self,
        recording: &Recording,
        known: &RecordingFacts,
        mut seeds: BTreeSet<TaskSid>,
    ) -> Result<BTreeSet<LegId>, Unlisted> {
        let mut names = BTreeSet::from([Name::Recording(recording.sid)]);
        let mut stretches = Vec::new();
        if let Some(start) = known.start.or(recording.created_at) {
            let length = recording.duration.unwrap_or_default();
            stretches.push((start, after(start, length)));
        }
        if let Some(conference) = recording.conference {
            names.insert(Name::Conference(conference));
            let (task, stretch) = self.conference(conference).await?;
            seeds.extend(task);
            stretches.extend(stretch);
        }
        if let Some(call) = recording.call {
            names.insert(Name::Call(call));
            match self.acd.twilio.calls().get(call).await {
                Ok(found) => {
                    names.extend(found.parent.map(Name::Call));
                    let began = found.started_at;
                    stretches.extend(began.map(|began| (began, found.ended_at.unwrap_or(began))));
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let now = self.core.now();
        let window = hours(stretches).ok_or(Unlisted::Obstacle(Obstacle::TimesUnknown))?;
        if window.from < now - EVENTS_KEPT {
            return Err(Unlisted::Obstacle(Obstacle::EventsGone));
        }
        self.reservations(&seeds, &names, window, now).await
    }

    /// The task that a conference is named after, and when it went on.
    async fn conference(
        &self,
        sid: ConferenceSid,
    ) -> Result<(Option<TaskSid>, Option<(DateTime<Utc>, DateTime<Utc>)>), Unlisted> {
        match self.acd.twilio.conferences().get(sid).await {
            Ok(found) => {
                let task = found.friendly_name.and_then(|name| name.parse().ok());
                let stretch = found
                    .created_at
                    .map(|from| (from, found.updated_at.unwrap_or(from)));
                Ok((task, stretch))
            }
            Err(error) if error.is_not_found() => Ok((None, None)),
            Err(error) => Err(error.into()),
        }
    }

    async fn reservations(
        &self,
        seeds: &BTreeSet<TaskSid>,
        names: &BTreeSet<Name>,
        window: Window,
        now: DateTime<Utc>,
    ) -> Result<BTreeSet<LegId>, Unlisted> {
        let mut tasks = Tasks::default();
        let around = EventQuery::between(window.from, window.to.min(now));
        for kind in TELLING {
            self.take(around.clone().of_type(kind), &mut tasks).await?;
        }
        let since = (window.from - TASK_LIFE).max(now - EVENTS_KEPT);
        let mut asked = BTreeSet::new();
        loop {
            let linked = tasks.linked(seeds, names);
            let wanted: Vec<TaskSid> = linked
                .iter()
                .copied()
                .chain(tasks.blind())
                .filter(|task| !asked.contains(task))
                .collect();
            if wanted.is_empty() {
                // A task of whose attributes nothing can be had may be linked to anything.
                return if tasks.blind().any(|task| !linked.contains(&task)) {
                    Err(Unlisted::Obstacle(Obstacle::EventsUnreadable))
                } else {
                    Ok(linked
                        .iter()
                        .flat_map(|task| tasks.accepted(*task))
                        .collect())
                };
            }
            for task in wanted {
                self.take(EventQuery::between(since, now).of_task(task), &mut tasks)
                    .await?;
                asked.insert(task);
            }
        }
    }

    /// Events that cannot be read may be those of the one leg that is not proven.
    async fn take(&self, query: EventQuery, tasks: &mut Tasks) -> Result<(), Unlisted> {
        let workspace = self.acd.twilio.taskrouter(self.acd.key.workspace);
        let found = workspace.events(&query).await?;
        if let Some(error) = found.unreadable.first() {
            tracing::warn!(recording = %self.row.recording, %error, "an event cannot be read");
        }
        let of_no_task = |event: &FlexEvent| event.reservation.is_some() && event.task.is_none();
        if !found.unreadable.is_empty() || found.events.iter().any(of_no_task) {
            return Err(Unlisted::Obstacle(Obstacle::EventsUnreadable));
        }
        tasks.take(&found.events);
        Ok(())
    }
}
