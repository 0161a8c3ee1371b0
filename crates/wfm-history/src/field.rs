//! What a column can be, and the names under which it is known without any setting.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{Measure, Report};

/// What a column of a report holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Field {
    /// Local date and time of the interval in one column.
    Timestamp,
    /// The local date.
    Date,
    /// The local time at which the interval starts.
    Time,
    /// The agent's worker SID.
    AgentSid,
    /// The agent's name.
    Agent,
    /// The task queue's SID.
    QueueSid,
    /// The task queue's name.
    Queue,
    /// The kind of the workload: `Conversation`, `Agent Status`, `Queue`, …
    Kind,
    /// The agent's activity.
    Activity,
    /// Something to sum up.
    Amount(Measure),
}

const PLAIN: [Field; 9] = [
    Field::Timestamp,
    Field::Date,
    Field::Time,
    Field::AgentSid,
    Field::Agent,
    Field::QueueSid,
    Field::Queue,
    Field::Kind,
    Field::Activity,
];

impl Field {
    /// The fields of a report.
    pub fn of(report: Report) -> impl Iterator<Item = Self> {
        let plain = PLAIN.into_iter().filter(move |field| {
            report == Report::AgentProductivity
                || !matches!(field, Self::AgentSid | Self::Agent | Self::Activity)
        });
        let amounts = Measure::of(report)
            .iter()
            .filter(|measure| !measure.is_derived())
            .map(|measure| Self::Amount(*measure));
        plain.chain(amounts)
    }

    /// Its name in settings: `talk_time`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Time => "time",
            Self::AgentSid => "agent_sid",
            Self::Agent => "agent",
            Self::QueueSid => "queue_sid",
            Self::Queue => "queue",
            Self::Kind => "kind",
            Self::Activity => "activity",
            Self::Amount(measure) => {
                let name = measure.name();
                name.strip_suffix("_ms").unwrap_or(name)
            }
        }
    }

    /// The field of a name in settings.
    pub(crate) fn named(report: Report, name: &str) -> Option<Self> {
        Self::of(report).find(|field| field.name() == name)
    }

    /// The names of columns under which it is looked for where no setting names one, normalised, the likeliest first.
    pub(crate) fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Timestamp => &[
                "timestamp",
                "date time",
                "datetime",
                "interval start",
                "interval",
            ],
            Self::Date => &["date", "day"],
            Self::Time => &[
                "time",
                "15 minutes interval",
                "15 minute interval",
                "15 minutes",
                "15 minute",
                "time 15 minutes",
                "time 15 min",
                "interval 15 minutes",
                "start time",
            ],
            Self::AgentSid => &[
                "agent sid",
                "worker sid",
                "agent uuid",
                "agent id",
                "agent external id",
            ],
            Self::Agent => &[
                "agent",
                "agent full name",
                "agent name",
                "full name",
                "worker",
                "worker name",
            ],
            Self::QueueSid => &[
                "queue sid",
                "task queue sid",
                "queue id",
                "queue external id",
            ],
            Self::Queue => &[
                "queue",
                "task queue",
                "queue name",
                "task queue name",
                "handling team name",
            ],
            Self::Kind => &["kind", "segment kind"],
            Self::Activity => &[
                "activity",
                "agent activity",
                "activity name",
                "status",
                "agent status",
            ],
            Self::Amount(measure) => measure.aliases(),
        }
    }
}

impl Measure {
    /// Whether it is made from another one: the activity time, parted by the activity.
    pub(crate) fn is_derived(self) -> bool {
        matches!(
            self,
            Self::ReadyTime | Self::NotReadyTime | Self::WorkTime | Self::LogoutTime
        )
    }

    fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::ActivityTime => &[
                "activity time",
                "total activity time",
                "agent activity time",
                "status time",
            ],
            Self::ReadyTime | Self::NotReadyTime | Self::WorkTime | Self::LogoutTime => &[],
            Self::TalkTime => &["talk time", "total talk time", "conversation time"],
            Self::WrapUpTime => &[
                "wrap up time",
                "total wrap up time",
                "wrapup time",
                "after contact work",
            ],
            Self::HoldTime => &["hold time", "total hold time", "customer hold time"],
            Self::Handled => &[
                "handled",
                "handled conversations",
                "conversations",
                "handled contacts",
            ],
            Self::Offered => &[
                "offered",
                "offered conversations",
                "entered",
                "offered contacts",
            ],
            Self::Answered => &[
                "answered",
                "answered conversations",
                "handled conversations",
                "handled",
            ],
            Self::Abandoned => &["abandoned", "abandoned conversations", "abandons"],
            Self::AbandonedShort => &[
                "short abandoned",
                "abandoned short",
                "short abandoned conversations",
            ],
            Self::AnsweredInServiceLevel => &[
                "answered in service level",
                "answered within service level",
                "service level answered",
                "answered within sl",
            ],
            Self::AnswerWaitTime => &[
                "answer wait time",
                "queue time answered",
                "time to answer",
                "answered wait time",
                "speed of answer",
            ],
            Self::AbandonWaitTime => &[
                "abandon wait time",
                "abandoned wait time",
                "abandon time",
                "time to abandon",
                "queue time abandoned",
            ],
            Self::LongestWaitTime => &[
                "longest wait time",
                "longest queue time",
                "max queue time",
                "maximum queue time",
                "longest wait",
            ],
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The name of a column without what differs between workspaces: case, punctuation, and that it is of the workload data set.
pub(crate) fn normalise(name: &str) -> String {
    let plain: String = name
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let words: Vec<_> = plain
        .split_whitespace()
        .filter(|word| !matches!(*word, "workload" | "sum" | "seconds" | "sec"))
        .collect();
    words.join(" ")
}
