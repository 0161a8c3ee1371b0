//! The floor of a contact centre: agents who live through a day of shifts, and the two truths about it, from which nothing that is
//! tested takes part: which state each agent was in at each moment, and what each quarter of an hour sums up to.

mod account;
mod bulk;
mod csv;
pub(crate) mod insights;
mod intervals;
mod live;
mod options;
mod pace;
mod pieces;
pub(crate) mod receiver;
mod rows;
mod run;
mod scenario;
mod states;
pub(crate) mod taskrouter;
#[cfg(test)]
mod tests;
pub(crate) mod timeline;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

pub use account::{
    AccountRules, FloorAccount, Received, SERVICE_QUEUE, ToldInterval, ToldState, WrongState,
};
pub use bulk::{BulkOrder, BulkReport, BulkSize, BulkWritten};
pub use insights::InsightsAccess;
pub use intervals::{FloorReport, TrueInterval};
pub use options::{
    CsvOptions, DataSet, DurationForm, EmptyReport, FloorOptions, InsightsOptions, Loads,
    RepeatedHour, RowOrder, TimeForm,
};
pub use pace::Pace;
pub use receiver::{
    Again, RefusalForm, RosterRow, WfmCounts, WfmReceiver, WfmSettings, WfmSettingsError,
};
pub use run::{FloorReady, FloorRun};
pub use scenario::{ActivityMapped, FloorActivity, FloorError, FloorScenario, FloorState};
pub use states::{AgentDay, StateSpan};
pub use taskrouter::Steady;
use timeline::Timeline;

use crate::world::dice::Dice;

/// Milliseconds, since 1970 or of something that lasts.
pub(crate) type Millis = i64;

/// A quarter of an hour.
pub(crate) const QUARTER: Millis = 15 * 60 * 1_000;

/// The stream of the seed that makes floors; the worlds' contacts have those from 0 on.
const STREAM: u64 = 0xf100_0000_0000_0000;

/// Everything that happened on a floor, and what is true of it. The same scenario and seed make the same floor.
#[derive(Debug)]
pub struct Floor {
    scenario: FloorScenario,
    zone: Tz,
    pub(crate) timeline: Timeline,
    days: Vec<AgentDay>,
}

impl Floor {
    /// Lives through the scenario's day.
    pub fn new(scenario: &FloorScenario, seed: u64) -> Result<Self, FloorError> {
        let zone = scenario.check()?;
        let dice = Dice::new(seed, STREAM);
        let timeline = match scenario.steady {
            Some(steady) => taskrouter::steady(scenario, steady, dice),
            None => live::live(scenario, dice),
        };
        let days = states::days(&timeline, &scenario.activities);
        Ok(Self {
            scenario: scenario.clone(),
            zone,
            timeline,
            days,
        })
    }

    /// What it was made of.
    pub fn scenario(&self) -> &FloorScenario {
        &self.scenario
    }

    /// What the clocks of its reports show at an instant.
    pub fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.zone).naive_local()
    }

    /// When its day begins.
    pub fn from(&self) -> DateTime<Utc> {
        instant(self.timeline.from)
    }

    /// When its day ends.
    pub fn to(&self) -> DateTime<Utc> {
        instant(self.timeline.to)
    }

    /// Each agent's states, one after the other, in the order in which the agents were made.
    pub fn days(&self) -> &[AgentDay] {
        &self.days
    }

    /// What the reports of the whole day come to, all quarters of an hour that hold anything, in the order of report, agent, queue
    /// and time.
    pub fn intervals(&self) -> Vec<TrueInterval> {
        intervals::intervals(self)
    }

    /// The SIDs of its agents.
    pub fn agents(&self) -> impl Iterator<Item = &str> {
        self.timeline.agents.iter().map(|agent| agent.sid.as_str())
    }

    /// The SIDs of its queues.
    pub fn queues(&self) -> impl Iterator<Item = &str> {
        self.timeline.queues.iter().map(|queue| queue.sid.as_str())
    }
}

/// An instant of a timeline. Timelines lie within the years that chrono knows.
pub(crate) fn instant(at: Millis) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at).unwrap_or_default()
}
