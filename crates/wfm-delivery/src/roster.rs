//! Who and what Calabrio is to know: agents and queues, and the face that tells it.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use twilio_sid::{TaskQueueSid, WorkerSid};

use crate::Delivering;

/// A task queue, which is a service queue at Calabrio. `Debug` does not show its name.
#[derive(Clone, PartialEq, Eq)]
pub struct RosterQueue {
    /// Its SID, under which Calabrio knows it: a rename keeps it.
    pub sid: TaskQueueSid,
    /// Its name.
    pub name: String,
    /// Whether Twilio has it. What vanished is told as inactive and never deleted.
    pub active: bool,
}

impl fmt::Debug for RosterQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RosterQueue")
            .field("sid", &self.sid)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

/// A worker, who is a person at Calabrio. `Debug` shows no name and no address.
#[derive(Clone, PartialEq, Eq)]
pub struct RosterAgent {
    /// The SID, under which Calabrio knows the person: its ACD ID.
    pub sid: WorkerSid,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The whole name, as Twilio has it.
    pub full_name: String,
    /// The login at Twilio: the worker's friendly name, in Flex often an e-mail address.
    pub login: Option<String>,
    /// The e-mail address, where the worker has one.
    pub email: Option<String>,
    /// Whether Twilio has the worker. Who vanished is told as inactive and never deleted.
    pub active: bool,
}

impl fmt::Debug for RosterAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RosterAgent")
            .field("sid", &self.sid)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

/// What a roster is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RosterKind {
    /// Agents, as people.
    Agents,
    /// Task queues, as service queues.
    Queues,
}

/// One row of a roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RosterRow<'a> {
    /// An agent.
    Agent(&'a RosterAgent),
    /// A queue.
    Queue(&'a RosterQueue),
}

#[derive(Clone, PartialEq, Eq)]
enum Rows {
    Agents(Arc<[RosterAgent]>),
    Queues(Arc<[RosterQueue]>),
}

/// Agents, or queues. A copy is cheap; `Debug` shows how many.
#[derive(Clone, PartialEq, Eq)]
pub struct RosterBatch(Rows);

impl RosterBatch {
    /// Agents, in the order of the receipt.
    pub fn agents(agents: impl IntoIterator<Item = RosterAgent>) -> Self {
        Self(Rows::Agents(agents.into_iter().collect()))
    }

    /// Queues, in the order of the receipt. They belong before the agents who serve them.
    pub fn queues(queues: impl IntoIterator<Item = RosterQueue>) -> Self {
        Self(Rows::Queues(queues.into_iter().collect()))
    }

    /// What it is of.
    pub fn kind(&self) -> RosterKind {
        match &self.0 {
            Rows::Agents(_) => RosterKind::Agents,
            Rows::Queues(_) => RosterKind::Queues,
        }
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        match &self.0 {
            Rows::Agents(rows) => rows.len(),
            Rows::Queues(rows) => rows.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row at a place, from 0.
    pub fn row(&self, place: usize) -> Option<RosterRow<'_>> {
        match &self.0 {
            Rows::Agents(rows) => rows.get(place).map(RosterRow::Agent),
            Rows::Queues(rows) => rows.get(place).map(RosterRow::Queue),
        }
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = RosterRow<'_>> {
        (0..self.len()).filter_map(|place| self.row(place))
    }
}

impl fmt::Debug for RosterBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RosterBatch({} {:?})", self.len(), self.kind())
    }
}

/// Takes agents and queues to Calabrio.
pub trait RosterSink: Send + Sync {
    /// Delivers rows; `now` as in [`HistorySink::deliver`](crate::HistorySink::deliver). A row may be delivered any number of times: it is
    /// known by its SID, and the newest counts.
    fn deliver<'a>(&'a self, batch: &'a RosterBatch, now: DateTime<Utc>) -> Delivering<'a>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_not_shown_by_debug() {
        let agent = RosterAgent {
            sid: "WK00000000000000000000000000000001".parse().unwrap(),
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            full_name: "Ada Lovelace".to_owned(),
            login: Some("ada".to_owned()),
            email: Some("ada@example.com".to_owned()),
            active: true,
        };
        let queue = RosterQueue {
            sid: "WQ00000000000000000000000000000001".parse().unwrap(),
            name: "Adas queue".to_owned(),
            active: true,
        };
        let agents = RosterBatch::agents([agent]);
        let queues = RosterBatch::queues([queue]);
        let shown = format!(
            "{agents:?} {queues:?} {:?} {:?}",
            agents.row(0),
            queues.row(0)
        );
        assert!(shown.contains("RosterBatch(1 Agents)") && shown.contains("WQ0000"));
        for private in ["Ada", "ada", "Lovelace"] {
            assert!(!shown.contains(private), "{shown}");
        }
        assert!(agents.row(1).is_none() && !agents.is_empty());
    }
}
