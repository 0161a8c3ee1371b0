//! What a floor is made of.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Steady;

/// A state of an agent in Calabrio's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FloorState {
    /// Not logged in.
    Logout,
    /// Logged in, and not to be offered anything.
    #[serde(rename = "Not Ready")]
    NotReady,
    /// Waiting for a contact.
    Ready,
    /// In conversation.
    Talking,
    /// In conversation, with the customer on hold.
    Hold,
    /// Wrapping up, and not to be offered anything afterwards.
    #[serde(rename = "Work Not Ready")]
    WorkNotReady,
    /// Wrapping up, and ready afterwards.
    #[serde(rename = "Work Ready")]
    WorkReady,
}

/// What an operator maps an activity to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivityMapped {
    /// The state; never Talking or Hold.
    pub state: FloorState,
    /// Whether the activity's name goes along as the reason code.
    #[serde(default)]
    pub state_reason_code: bool,
}

/// An activity of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloorActivity {
    /// Its name.
    pub name: String,
    /// Whether agents in it are offered contacts.
    pub available: bool,
    /// What the connector under test is configured to make of it; nothing leaves it unmapped.
    pub mapped: Option<ActivityMapped>,
}

/// A floor; every field has a default. The first of its activities is the one of who is logged out, the second the one in which agents work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FloorScenario {
    /// How many agents there are: 4 at least.
    pub agents: u32,
    /// How many queues there are: 1 at least.
    pub queues: u32,
    /// Where the day begins, on a quarter of an hour; where changes come at a constant rate, anywhere.
    pub from: DateTime<Utc>,
    /// How long it is, in hours: 1 to 72. Nothing new comes in its last 20 minutes, so that all that began in it ends in it.
    pub hours: u32,
    /// The time zone that Flex Insights is set to, by its IANA name.
    pub zone: String,
    /// How many calls come in an hour for each agent whose shift it is.
    pub calls_per_agent_hour: f64,
    /// The same of chats.
    pub chats_per_agent_hour: f64,
    /// The activities.
    pub activities: Vec<FloorActivity>,
    /// Changes at a constant rate in place of shifts and contacts.
    pub steady: Option<Steady>,
}

impl Default for FloorScenario {
    fn default() -> Self {
        let activity = |name: &str, available, mapped: Option<(FloorState, bool)>| FloorActivity {
            name: name.to_owned(),
            available,
            mapped: mapped.map(|(state, state_reason_code)| ActivityMapped {
                state,
                state_reason_code,
            }),
        };
        // The last Sunday of October 2026 in Berlin: the hour from 02:00 to 03:00 comes twice.
        let from = NaiveDate::from_ymd_opt(2026, 10, 24).and_then(|day| day.and_hms_opt(22, 0, 0));
        Self {
            agents: 40,
            queues: 4,
            from: from.unwrap_or_default().and_utc(),
            hours: 25,
            zone: "Europe/Berlin".to_owned(),
            calls_per_agent_hour: 6.0,
            chats_per_agent_hour: 1.5,
            activities: vec![
                activity("Offline", false, None),
                activity("Available", true, Some((FloorState::Ready, false))),
                activity("Break", false, Some((FloorState::NotReady, true))),
                activity("Lunch, long", false, Some((FloorState::NotReady, true))),
                activity("Training", false, Some((FloorState::NotReady, false))),
                activity("Paperwork", false, Some((FloorState::WorkNotReady, true))),
                activity("Follow-up", false, Some((FloorState::WorkReady, true))),
                activity("Coaching", false, None),
            ],
            steady: None,
        }
    }
}

/// Why a floor cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FloorError {
    /// The IANA database has no such zone.
    #[error("there is no time zone {0:?}; give an IANA name such as Europe/Berlin")]
    Zone(String),
    /// A number is out of its range.
    #[error("{field} is {value}; choose {wanted}")]
    Number {
        /// The field.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        wanted: &'static str,
    },
    /// A file cannot be read.
    #[error("the floor's file is not right: {0}")]
    File(String),
    /// No report has such a column.
    #[error("no report has a column {0:?}; name one by its usual name, such as Talk Time")]
    Column(String),
    /// The activities do not make a floor.
    #[error("the activities are not right: {0}")]
    Activities(&'static str),
}

impl FloorScenario {
    /// Refuses what cannot be made; gives the zone.
    pub(super) fn check(&self) -> Result<Tz, FloorError> {
        let zone = self
            .zone
            .parse()
            .map_err(|_| FloorError::Zone(self.zone.clone()))?;
        let number = |field, value: String, wanted, good: bool| {
            if good {
                return Ok(());
            }
            Err(FloorError::Number {
                field,
                value,
                wanted,
            })
        };
        let rate = |rate: f64| (0.0..=60.0).contains(&rate);
        number(
            "agents",
            self.agents.to_string(),
            "4 to 50000",
            (4..=50_000).contains(&self.agents),
        )?;
        number(
            "queues",
            self.queues.to_string(),
            "1 to 1000",
            (1..=1_000).contains(&self.queues),
        )?;
        number(
            "hours",
            self.hours.to_string(),
            "1 to 72",
            (1..=72).contains(&self.hours),
        )?;
        number(
            "from",
            self.from.to_rfc3339(),
            "a full quarter of an hour",
            self.steady.is_some() || self.from.timestamp_millis().rem_euclid(super::QUARTER) == 0,
        )?;
        number(
            "calls_per_agent_hour",
            self.calls_per_agent_hour.to_string(),
            "0 to 60",
            rate(self.calls_per_agent_hour),
        )?;
        number(
            "chats_per_agent_hour",
            self.chats_per_agent_hour.to_string(),
            "0 to 60",
            rate(self.chats_per_agent_hour),
        )?;
        if let Some(steady) = self.steady {
            number(
                "steady.events_per_second",
                steady.events_per_second.to_string(),
                "1 to 100000",
                (1..=100_000).contains(&steady.events_per_second),
            )?;
            number(
                "steady.seconds",
                steady.seconds.to_string(),
                "1 to 3600",
                (1..=3_600).contains(&steady.seconds),
            )?;
        }
        let [offline, working, rest @ ..] = self.activities.as_slice() else {
            return Err(FloorError::Activities("there are fewer than two"));
        };
        if offline.available || !working.available {
            return Err(FloorError::Activities(
                "the first must not make available, the second must",
            ));
        }
        if rest.is_empty() || rest.iter().any(|activity| activity.available) {
            return Err(FloorError::Activities(
                "behind the second there must be some, and none may make available",
            ));
        }
        let talks = self.activities.iter().any(|activity| {
            matches!(
                activity.mapped,
                Some(ActivityMapped {
                    state: FloorState::Talking | FloorState::Hold,
                    ..
                })
            )
        });
        if talks {
            return Err(FloorError::Activities(
                "none may be mapped to Talking or Hold",
            ));
        }
        Ok(zone)
    }
}
