//! What happened on a floor: facts with their instants, in milliseconds since 1970, and nothing that follows from them.
#![allow(
    dead_code,
    reason = "names, calls and SIDs are told by TaskRouter's and the conferences' live side"
)]

use super::Millis;

/// From an instant until another, which is not of it.
pub(crate) type Stretch = (Millis, Millis);

/// An agent's names from an instant on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) at: Millis,
    pub(crate) login: String,
    pub(crate) full_name: String,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agent {
    pub(crate) sid: String,
    /// Oldest first; the first is from long ago.
    pub(crate) names: Vec<Names>,
    /// The activity from an instant on; the first is from long ago.
    pub(crate) activities: Vec<(Millis, usize)>,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) sid: String,
    /// Its name from an instant on, oldest first.
    pub(crate) names: Vec<(Millis, String)>,
}

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Rejected(Millis),
    TimedOut(Millis),
    /// The customer gave up meanwhile.
    Canceled(Millis),
    Accepted {
        at: Millis,
        wrap_up: Millis,
        completed: Millis,
    },
}

/// One agent's part in a contact, or what might have become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) sid: String,
    pub(crate) agent: usize,
    pub(crate) offered: Millis,
    pub(crate) outcome: Outcome,
    /// Whether another agent brought this one in.
    pub(crate) called_in: bool,
    /// The agent's call, of calls.
    pub(crate) call: String,
}

impl Leg {
    /// When it was accepted, wrapped up and completed.
    pub(crate) fn accepted(&self) -> Option<(Millis, Millis, Millis)> {
        match self.outcome {
            Outcome::Accepted {
                at,
                wrap_up,
                completed,
            } => Some((at, wrap_up, completed)),
            _ => None,
        }
    }
}

/// A contact: a task and its legs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) sid: String,
    pub(crate) voice: bool,
    pub(crate) queue: usize,
    pub(crate) created: Millis,
    pub(crate) customer: String,
    pub(crate) customer_call: String,
    pub(crate) conference: String,
    /// In the order of the offers.
    pub(crate) legs: Vec<Leg>,
    /// When the customer was on hold.
    pub(crate) holds: Vec<Stretch>,
    /// When the customer gave up in the queue.
    pub(crate) abandoned: Option<Millis>,
    /// When the customer left, of those who were answered.
    pub(crate) left: Millis,
    /// Which leg handed the customer over to which.
    pub(crate) transfer: Option<(usize, usize, Millis)>,
}

impl Contact {
    /// The legs that were accepted.
    pub(crate) fn taken(&self) -> impl Iterator<Item = (&Leg, (Millis, Millis, Millis))> {
        self.legs
            .iter()
            .filter_map(|leg| Some((leg, leg.accepted()?)))
    }

    /// When it was over: completed, or given up.
    pub(crate) fn over(&self) -> Millis {
        let completed = self.taken().map(|(_, (_, _, completed))| completed).max();
        self.abandoned.or(completed).unwrap_or(self.created)
    }
}

/// Everything that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    pub(crate) from: Millis,
    pub(crate) to: Millis,
    pub(crate) agents: Vec<Agent>,
    pub(crate) queues: Vec<Queue>,
    /// In the order in which they came.
    pub(crate) contacts: Vec<Contact>,
}

/// What holds at an instant of what came one after the other.
pub(crate) fn at<T>(changes: &[T], now: Millis, since: impl Fn(&T) -> Millis) -> Option<&T> {
    changes.iter().rev().find(|change| since(change) <= now)
}
