//! The two reports, and what is summed up from each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which of the two reports of *Historical Data Capture*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// Agent Productivity Data: per agent and queue.
    AgentProductivity,
    /// Queue Historical Data: per queue.
    QueueHistory,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AgentProductivity => "the Agent Productivity report",
            Self::QueueHistory => "the Queue Historical report",
        })
    }
}

/// What a measure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// A number of contacts.
    Count,
}

/// One of the sums of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// Time that the agent spent in any activity; at most the interval's 900 s in workload data.
    ActivityTime,
    /// The part of it in activities that are mapped to Ready.
    ReadyTime,
    /// The part of it in activities that are mapped to Not Ready.
    NotReadyTime,
    /// The part of it in activities that are mapped to Work Ready or Work Not Ready.
    WorkTime,
    /// The part of it in activities that are mapped to Logout.
    LogoutTime,
    /// Time in conversation. Parallel conversations add up, so an interval may have more than 900 s of it.
    TalkTime,
    /// After-contact work.
    WrapUpTime,
    /// Time that customers were on hold.
    HoldTime,
    /// Contacts that the agent handled.
    Handled,
    /// Contacts that were offered to the queue.
    Offered,
    /// Contacts that were answered.
    Answered,
    /// Contacts that were abandoned.
    Abandoned,
    /// Contacts that were abandoned so soon that they count as short.
    AbandonedShort,
    /// Contacts that were answered within the service level.
    AnsweredInServiceLevel,
    /// Time that answered contacts had waited.
    AnswerWaitTime,
    /// Time that abandoned contacts had waited.
    AbandonWaitTime,
    /// The longest wait: the largest of its rows, no sum.
    LongestWaitTime,
}

/// The most measures that a report has.
pub(crate) const SLOTS: usize = 12;

const AGENT: [Measure; 9] = [
    Measure::ActivityTime,
    Measure::ReadyTime,
    Measure::NotReadyTime,
    Measure::WorkTime,
    Measure::LogoutTime,
    Measure::TalkTime,
    Measure::WrapUpTime,
    Measure::HoldTime,
    Measure::Handled,
];

const QUEUE: [Measure; 11] = [
    Measure::Offered,
    Measure::Answered,
    Measure::Abandoned,
    Measure::AbandonedShort,
    Measure::AnsweredInServiceLevel,
    Measure::TalkTime,
    Measure::WrapUpTime,
    Measure::HoldTime,
    Measure::AnswerWaitTime,
    Measure::AbandonWaitTime,
    Measure::LongestWaitTime,
];

/// Where the sums of activity lie among those of the agent report.
pub(crate) const ACTIVITY_SLOT: usize = 0;
/// Where those of the queue report lie from which offered contacts are reckoned when no column tells them.
pub(crate) const OFFERED_SLOT: usize = 0;
pub(crate) const ANSWERED_SLOT: usize = 1;
pub(crate) const ABANDONED_SLOT: usize = 2;
/// The one slot of the queue report that is no sum.
pub(crate) const LONGEST_SLOT: usize = 10;

impl Measure {
    /// The measures of a report, in a fixed order.
    pub fn of(report: Report) -> &'static [Self] {
        match report {
            Report::AgentProductivity => &AGENT,
            Report::QueueHistory => &QUEUE,
        }
    }

    /// Where it lies among the measures of a report.
    pub(crate) fn slot(self, report: Report) -> Option<usize> {
        Self::of(report).iter().position(|measure| *measure == self)
    }

    /// Its name with its unit, as JSON has it: `talk_time_ms`, `handled`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ActivityTime => "activity_time_ms",
            Self::ReadyTime => "ready_time_ms",
            Self::NotReadyTime => "not_ready_time_ms",
            Self::WorkTime => "work_time_ms",
            Self::LogoutTime => "logout_time_ms",
            Self::TalkTime => "talk_time_ms",
            Self::WrapUpTime => "wrap_up_time_ms",
            Self::HoldTime => "hold_time_ms",
            Self::Handled => "handled",
            Self::Offered => "offered",
            Self::Answered => "answered",
            Self::Abandoned => "abandoned",
            Self::AbandonedShort => "abandoned_short",
            Self::AnsweredInServiceLevel => "answered_in_service_level",
            Self::AnswerWaitTime => "answer_wait_time_ms",
            Self::AbandonWaitTime => "abandon_wait_time_ms",
            Self::LongestWaitTime => "longest_wait_time_ms",
        }
    }

    /// What it is counted in.
    pub fn unit(self) -> Unit {
        if self.name().ends_with("_ms") {
            Unit::Milliseconds
        } else {
            Unit::Count
        }
    }
}
