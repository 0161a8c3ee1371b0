//! What each quarter of an hour sums up to, for both reports, from the facts and not from any report.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::pieces::{Event, Pieces, Span, quarter, quarters, tell};
use super::scenario::FloorState;
use super::states::activity_state;
use super::timeline::Stretch;
use super::{Floor, Millis, instant};

/// Which of the two reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FloorReport {
    /// Agent productivity: by agent and queue.
    AgentProductivity,
    /// Queue history: by queue.
    QueueHistory,
}

/// The sums of the agent report, in milliseconds or contacts.
pub(super) const AGENT: [&str; 9] = [
    "activity_time_ms",
    "ready_time_ms",
    "not_ready_time_ms",
    "work_time_ms",
    "logout_time_ms",
    "talk_time_ms",
    "wrap_up_time_ms",
    "hold_time_ms",
    "handled",
];

/// Those of the queue report; the last is a maximum.
pub(super) const QUEUE: [&str; 11] = [
    "offered",
    "answered",
    "abandoned",
    "abandoned_short",
    "answered_in_service_level",
    "talk_time_ms",
    "wrap_up_time_ms",
    "hold_time_ms",
    "answer_wait_time_ms",
    "abandon_wait_time_ms",
    LONGEST,
];

/// The one that is no sum.
pub(super) const LONGEST: &str = "longest_wait_time_ms";

impl FloorReport {
    /// The names of its sums.
    pub fn measures(self) -> &'static [&'static str] {
        match self {
            Self::AgentProductivity => &AGENT,
            Self::QueueHistory => &QUEUE,
        }
    }
}

/// What a quarter of an hour truly sums up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TrueInterval {
    /// The report.
    pub report: FloorReport,
    /// The agent's SID, in the agent report.
    pub agent: Option<String>,
    /// The queue's SID; nothing where an agent's activities are of no queue.
    pub queue: Option<String>,
    /// Where it begins; it lasts for 15 minutes.
    pub start: DateTime<Utc>,
    /// Each sum that is not zero: milliseconds, or contacts.
    pub values: BTreeMap<&'static str, u64>,
    /// Of how many pieces it was summed up; a report that rounds each of them is off by half a unit for each at most.
    pub pieces: u64,
}

type Key = (FloorReport, Option<usize>, Option<usize>, Millis);

#[derive(Debug, Default)]
struct Sums {
    values: BTreeMap<&'static str, u64>,
    pieces: u64,
}

struct Truth<'a> {
    floor: &'a Floor,
    sums: BTreeMap<Key, Sums>,
}

impl Truth<'_> {
    fn add(&mut self, key: Key, measures: &[&'static str], amount: Millis) {
        let Ok(amount @ 1..) = u64::try_from(amount) else {
            return;
        };
        let sums = self.sums.entry(key).or_default();
        sums.pieces += 1;
        for measure in measures {
            let sum = sums.values.entry(measure).or_default();
            *sum = if *measure == LONGEST {
                amount.max(*sum)
            } else {
                *sum + amount
            };
        }
    }

    fn of_agent(
        &mut self,
        agent: usize,
        queue: Option<usize>,
        at: Millis,
        measures: &[&'static str],
        amount: Millis,
    ) {
        let key = (
            FloorReport::AgentProductivity,
            Some(agent),
            queue,
            quarter(at),
        );
        self.add(key, measures, amount);
    }

    fn of_queue(&mut self, queue: usize, at: Millis, measures: &[&'static str], amount: Millis) {
        let key = (FloorReport::QueueHistory, None, Some(queue), quarter(at));
        self.add(key, measures, amount);
    }
}

impl Pieces for Truth<'_> {
    fn span(&mut self, span: Span, stretch: Stretch, _over: Millis) {
        for (start, (from, to)) in quarters(stretch) {
            let (measure, agent, queue) = match span {
                Span::Activity { agent, activity } => {
                    let part = match activity_state(&self.floor.scenario.activities, activity) {
                        FloorState::Ready => "ready_time_ms",
                        FloorState::Logout => "logout_time_ms",
                        FloorState::WorkReady | FloorState::WorkNotReady => "work_time_ms",
                        FloorState::NotReady | FloorState::Talking | FloorState::Hold => {
                            "not_ready_time_ms"
                        }
                    };
                    self.of_agent(agent, None, start, &["activity_time_ms", part], to - from);
                    continue;
                }
                Span::Talk { agent, queue } => ("talk_time_ms", agent, queue),
                Span::Hold { agent, queue } => ("hold_time_ms", agent, queue),
                Span::WrapUp { agent, queue } => ("wrap_up_time_ms", agent, queue),
            };
            self.of_agent(agent, Some(queue), start, &[measure], to - from);
            self.of_queue(queue, start, &[measure], to - from);
        }
    }

    fn event(&mut self, event: Event, at: Millis, _over: Millis) {
        match event {
            Event::Handled { agent, queue } => {
                self.of_agent(agent, Some(queue), at, &["handled"], 1);
            }
            Event::Offered { queue, .. } => self.of_queue(queue, at, &["offered"], 1),
            Event::Missed { .. } | Event::Rejected { .. } => {}
            Event::Answered { queue, waited } => {
                self.of_queue(queue, at, &["answered"], 1);
                if Event::is_in_service_level(waited) {
                    self.of_queue(queue, at, &["answered_in_service_level"], 1);
                }
                self.of_queue(queue, at, &["answer_wait_time_ms", LONGEST], waited);
            }
            Event::Abandoned { queue, waited } => {
                self.of_queue(queue, at, &["abandoned"], 1);
                if Event::is_short(waited) {
                    self.of_queue(queue, at, &["abandoned_short"], 1);
                }
                self.of_queue(queue, at, &["abandon_wait_time_ms", LONGEST], waited);
            }
        }
    }
}

/// All intervals of a floor.
pub(super) fn intervals(floor: &Floor) -> Vec<TrueInterval> {
    let mut truth = Truth {
        floor,
        sums: BTreeMap::new(),
    };
    let timeline = &floor.timeline;
    tell(timeline, &mut truth);
    let sums = truth.sums.into_iter();
    sums.map(|((report, agent, queue, start), sums)| TrueInterval {
        report,
        agent: agent.map(|agent| timeline.agents[agent].sid.clone()),
        queue: queue.map(|queue| timeline.queues[queue].sid.clone()),
        start: instant(start),
        values: sums.values,
        pieces: sums.pieces,
    })
    .collect()
}
