//! What is known of a leg beside the attributes of its task.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::MappingError;
use crate::error::nearest;

macro_rules! facts {
    ($($variant:ident $name:literal $doc:literal;)+) => {
        /// Something that is known of a leg, whatever its attributes say.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        #[non_exhaustive]
        pub enum Fact {
            $(#[doc = concat!("`", $name, "`: ", $doc)] $variant,)+
        }

        impl Fact {
            /// Every fact.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in the configuration.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it tells, in a phrase.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $doc,)+
                }
            }
        }
    };
}

facts! {
    ReservationSid "reservation-sid" "the reservation, which is the leg (`legId`)";
    TaskSid "task-sid" "the task";
    SessionId "session-id" "the interaction that the leg belongs to (`sessionId`)";
    CallSid "call-sid" "the customer's call";
    WorkerCallSid "worker-call-sid" "the agent's call";
    ConferenceSid "conference-sid" "the conference of the call";
    RecordingSid "recording-sid" "the recordings that the audio was made of";
    WorkerSid "worker-sid" "the agent's worker";
    WorkerName "worker-name" "the agent's name";
    QueueSid "queue-sid" "the task queue";
    QueueName "queue-name" "the name of the task queue";
    Channel "channel" "the unique name of the task channel";
    Direction "direction" "whether the customer called or was called";
    HoldCount "hold-count" "how often the customer was on hold during the leg, or `not-observable` where the account does not tell";
    HoldSeconds "hold-seconds" "for how many seconds together the customer was on hold, or `not-observable`";
    Marks "marks" "what is to be known about the recording, such as `span-uncertain`";
    ConversationSid "conversation-sid" "the conversation that the transcript is a part of";
}

pub(crate) fn names() -> String {
    Fact::ALL
        .iter()
        .map(|fact| fact.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

impl FromStr for Fact {
    type Err = MappingError;

    fn from_str(name: &str) -> Result<Self, MappingError> {
        let name = name.trim();
        Self::ALL
            .iter()
            .copied()
            .find(|fact| fact.as_str() == name)
            .ok_or_else(|| MappingError::UnknownFact {
                name: name.to_owned(),
                nearest: nearest(name, Self::ALL.iter().map(|fact| fact.as_str())),
            })
    }
}

impl TryFrom<String> for Fact {
    type Error = MappingError;

    fn try_from(name: String) -> Result<Self, MappingError> {
        name.parse()
    }
}

impl From<Fact> for &'static str {
    fn from(fact: Fact) -> Self {
        fact.as_str()
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The facts of one leg. A fact may have several values: the recordings that were joined, the marks.
///
/// `Debug` tells which facts there are and shows none of the values.
///
/// ```
/// use metadata_mapping::{Fact, Facts};
///
/// let mut facts = Facts::default();
/// facts.add(Fact::QueueName, "Billing").add(Fact::HoldCount, 2);
/// facts.add(Fact::Marks, "joined").add(Fact::Marks, "span-uncertain");
/// assert_eq!(facts.get(Fact::Marks), ["joined", "span-uncertain"]);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<Fact, Vec<String>>);

impl Facts {
    /// Adds a value.
    pub fn add(&mut self, fact: Fact, value: impl fmt::Display) -> &mut Self {
        self.0.entry(fact).or_default().push(value.to_string());
        self
    }

    /// Adds a value, if there is one.
    pub fn add_some(&mut self, fact: Fact, value: Option<impl fmt::Display>) -> &mut Self {
        match value {
            Some(value) => self.add(fact, value),
            None => self,
        }
    }

    /// The values of a fact, in the order in which they were added.
    pub fn get(&self, fact: Fact) -> &[String] {
        self.0.get(&fact).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_is_found_by_its_name() {
        for fact in Fact::ALL {
            assert_eq!(fact.as_str().parse::<Fact>().as_ref(), Ok(fact));
            let json = serde_json::to_string(fact).unwrap();
            assert_eq!(serde_json::from_str::<Fact>(&json).unwrap(), *fact);
            assert!(!fact.description().is_empty());
        }
    }

    #[test]
    fn an_unknown_fact_names_the_nearest_and_lists_them_all() {
        let error = "queue_name".parse::<Fact>().unwrap_err();
        assert_eq!(
            error,
            MappingError::UnknownFact {
                name: "queue_name".into(),
                nearest: Some("queue-name".into())
            }
        );
        assert!(error.to_string().starts_with(
            "there is no fact \"queue_name\" (did you mean \"queue-name\"?); known are reservation-sid, task-sid,"
        ));
        assert!(matches!(
            "weather".parse::<Fact>(),
            Err(MappingError::UnknownFact { nearest: None, .. })
        ));
    }

    #[test]
    fn debug_shows_which_facts_there_are_and_no_value() {
        let mut facts = Facts::default();
        facts
            .add(Fact::WorkerName, "Kim Example")
            .add_some(Fact::QueueName, None::<&str>);
        assert_eq!(format!("{facts:?}"), "{WorkerName}");
    }
}
