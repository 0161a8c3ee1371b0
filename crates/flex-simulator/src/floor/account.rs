//! What receivers got against what was true.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{FloorReport, FloorState};

/// What stands for the service queue in [`ToldInterval::queue`], where an agent's activities are of no queue.
pub const SERVICE_QUEUE: &str = "service-queue";

/// An interval as a receiver got it. Where one comes again, what came last counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldInterval {
    /// The report.
    pub report: FloorReport,
    /// The agent's SID, in the agent report.
    pub agent: Option<String>,
    /// The queue's SID, or [`SERVICE_QUEUE`].
    pub queue: Option<String>,
    /// Where it begins.
    pub start: DateTime<Utc>,
    /// What it sums up to, in milliseconds or contacts, by the names that [`FloorReport::measures`] has. Only what is here is compared.
    pub values: BTreeMap<String, u64>,
    /// Whether it was said to be the sum of both passes over a repeated hour.
    pub ambiguous: bool,
}

/// A state as a receiver got it, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldState {
    /// The agent's SID.
    pub agent: String,
    /// The state.
    pub state: FloorState,
    /// The reason code.
    pub reason: Option<String>,
    /// Since when, by the floor's clock.
    pub since: DateTime<Utc>,
    /// When it came, by the floor's clock.
    pub at: DateTime<Utc>,
}

/// All that receivers got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Intervals, in the order in which they came.
    pub intervals: Vec<ToldInterval>,
    /// States, in the order in which they came.
    pub states: Vec<ToldState>,
}

/// By which rules an account is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRules {
    /// The moment up to which everything should have been told: by intervals that the last load before it has closed, and by states.
    pub until: DateTime<Utc>,
    /// How far a state's `since` may be off, in milliseconds: 0 where each change was pushed with its instant.
    pub since_tolerance_ms: i64,
    /// Whether rows without a queue are delivered, for the service queue.
    pub service_queue: bool,
}

/// What was told against what was true.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FloorAccount {
    /// True intervals that should have been told.
    pub intervals_expected: u64,
    /// Those of them that were told, as they were.
    pub intervals_delivered: u64,
    /// Intervals that were told otherwise than they were, or never were.
    pub intervals_wrong: u64,
    /// True intervals of a repeated hour that were told as the sum of both passes, and rightly so.
    pub intervals_ambiguous: u64,
    /// True intervals that were not told.
    pub intervals_missing: u64,
    /// True states of agents that should have been told.
    pub states_expected: u64,
    /// States that were told.
    pub states_told: u64,
    /// States that were told and never were, and agents whose last told state is not the one that they are in.
    pub states_wrong: u64,
    /// True states that were not told since a newer one was.
    pub states_superseded: u64,
    /// True states that were not told, and no newer one was.
    pub states_missing: u64,
}
