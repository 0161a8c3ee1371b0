//! The tasks that a recording is linked to, and their accepted reservations.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use contact_model::LegId;
use flex_events::{FlexEvent, ReservationStatus};
use twilio_sid::{CallSid, ConferenceSid, RecordingSid, ReservationSid, SID_LEN, TaskSid};

use crate::policy::Window;

/// How far around the time of a recording its reservations may have been accepted, or ended: clocks differ, and attributes come late.
pub(super) const MARGIN: Duration = Duration::minutes(10);

/// The time in which the reservations of a recording were accepted: all of the stretches during which it, its conference and its call
/// went on, with a margin. `None` where none is known.
pub fn hours(
    stretches: impl IntoIterator<Item = (DateTime<Utc>, DateTime<Utc>)>,
) -> Option<Window> {
    let (from, to) = stretches
        .into_iter()
        .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))?;
    Some(Window {
        from: from.checked_sub_signed(MARGIN)?,
        to: to.max(from).checked_add_signed(MARGIN)?,
    })
}

/// What attributes name that a recording can be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A recording.
    Recording(RecordingSid),
    /// A conference.
    Conference(ConferenceSid),
    /// A call.
    Call(CallSid),
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        match text.get(..2)? {
            RecordingSid::PREFIX => text.parse().ok().map(Self::Recording),
            ConferenceSid::PREFIX => text.parse().ok().map(Self::Conference),
            CallSid::PREFIX => text.parse().ok().map(Self::Call),
            _ => None,
        }
    }
}

/// Every recording, conference and call that a text names, wherever it stands: in `conference.sid`, in `conference.participants`, in
/// `call_sid`, in the addresses of `conversations.media`, in what a plugin of the customer's writes. A name too many costs a request.
pub fn names_in(text: &str) -> BTreeSet<Name> {
    let starts = |piece: &&[u8]| matches!(piece, [b'R', b'E', ..] | [b'C', b'F' | b'A', ..]);
    text.as_bytes()
        .windows(SID_LEN)
        .filter(starts)
        .filter_map(|piece| Name::parse(std::str::from_utf8(piece).ok()?))
        .collect()
}

/// What events tell of tasks, as far as deletion needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tasks(BTreeMap<TaskSid, Task>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Task {
    names: BTreeSet<Name>,
    has_attributes: bool,
    accepted: BTreeSet<ReservationSid>,
}

impl Tasks {
    /// Takes events, in any order and as often as they come.
    pub fn take<'a>(&mut self, events: impl IntoIterator<Item = &'a FlexEvent>) {
        for event in events {
            let Some(facts) = &event.task else { continue };
            let task = self.0.entry(facts.sid).or_default();
            if let Some(attributes) = &facts.attributes {
                task.has_attributes = true;
                task.names.extend(names_in(attributes.as_str()));
            }
            let Some(reservation) = &event.reservation else {
                continue;
            };
            if matches!(
                reservation.status,
                Some(
                    ReservationStatus::Accepted
                        | ReservationStatus::Wrapping
                        | ReservationStatus::Completed
                )
            ) {
                task.accepted.insert(reservation.sid);
            }
        }
    }

    /// The tasks that are linked to what bears one of these names: those that `seeds` says, those whose attributes name one of them, and
    /// those whose attributes name what the attributes of a linked task name.
    pub fn linked(&self, seeds: &BTreeSet<TaskSid>, names: &BTreeSet<Name>) -> BTreeSet<TaskSid> {
        let (mut linked, mut names) = (seeds.clone(), names.clone());
        loop {
            for task in &linked {
                names.extend(self.0.get(task).into_iter().flat_map(|task| &task.names));
            }
            let is_new = |(sid, task): &(&TaskSid, &Task)| {
                !linked.contains(sid) && !task.names.is_disjoint(&names)
            };
            let found: Vec<TaskSid> = self.0.iter().filter(is_new).map(|(sid, _)| *sid).collect();
            if found.is_empty() {
                return linked;
            }
            linked.extend(found);
        }
    }

    /// Tasks with an accepted reservation of whose attributes no event told.
    pub fn blind(&self) -> impl Iterator<Item = TaskSid> {
        self.0
            .iter()
            .filter(|(_, task)| !task.has_attributes && !task.accepted.is_empty())
            .map(|(sid, _)| *sid)
    }

    /// The accepted reservations of a task.
    pub fn accepted(&self, task: TaskSid) -> impl Iterator<Item = LegId> {
        let accepted = self.0.get(&task).map(|task| &task.accepted);
        accepted.into_iter().flatten().map(|sid| LegId::from(*sid))
    }
}
