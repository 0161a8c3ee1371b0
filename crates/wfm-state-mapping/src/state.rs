//! Calabrio's words for what an agent does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::StateMappingError;
use crate::error::nearest;

/// The state of an agent, in the words of Calabrio ONE's ACD configuration page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CalabrioState {
    /// The agent has logged out of the ACD.
    Logout,
    /// The agent does not accept contacts.
    NotReady,
    /// The agent is ready to accept contacts.
    Ready,
    /// The agent is on a contact.
    Talking,
    /// The agent has placed the contact on hold.
    Hold,
    /// After-contact work, and Not Ready when it is finished.
    WorkNotReady,
    /// After-contact work, and Ready when it is finished.
    WorkReady,
}

impl CalabrioState {
    /// Every state there is.
    pub const ALL: [Self; 7] = [
        Self::Logout,
        Self::NotReady,
        Self::Ready,
        Self::Talking,
        Self::Hold,
        Self::WorkNotReady,
        Self::WorkReady,
    ];

    /// Calabrio's name for it: `Work Not Ready`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "Logout",
            Self::NotReady => "Not Ready",
            Self::Ready => "Ready",
            Self::Talking => "Talking",
            Self::Hold => "Hold",
            Self::WorkNotReady => "Work Not Ready",
            Self::WorkReady => "Work Ready",
        }
    }

    /// Whether an activity can be mapped to it. Hold and Talking follow from contacts alone.
    pub fn is_target(self) -> bool {
        !matches!(self, Self::Hold | Self::Talking)
    }

    /// Whether a reason code can go with it.
    pub fn takes_reason_code(self) -> bool {
        matches!(self, Self::NotReady | Self::WorkNotReady | Self::WorkReady)
    }

    /// The state that a text names, whatever its case and whether spaces, hyphens or underscores stand between the words.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        fn letters(text: &str) -> impl Iterator<Item = char> + '_ {
            text.chars()
                .filter(|c| !matches!(c, ' ' | '-' | '_'))
                .flat_map(char::to_lowercase)
        }
        Self::ALL
            .into_iter()
            .find(|state| letters(state.as_str()).eq(letters(text.trim())))
    }

    /// The state that was perhaps meant by a text that names none.
    pub(crate) fn nearest(text: &str) -> Option<Self> {
        nearest(
            &text.replace(['-', '_'], " "),
            Self::ALL.into_iter().map(Self::as_str),
        )
        .and_then(|name| Self::from_text(&name))
    }
}

impl fmt::Display for CalabrioState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for CalabrioState {
    type Err = StateMappingError;

    /// Reads `Not Ready`, `not-ready`, `NOT_READY`.
    fn from_str(text: &str) -> Result<Self, StateMappingError> {
        Self::from_text(text).ok_or_else(|| StateMappingError::StateName {
            name: text.to_owned(),
            nearest: Self::nearest(text),
        })
    }
}

impl Serialize for CalabrioState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CalabrioState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_in_each_spelling() {
        for state in CalabrioState::ALL {
            let name = state.as_str();
            for text in [
                name.to_owned(),
                name.to_uppercase(),
                name.replace(' ', "-").to_lowercase(),
                name.replace(' ', "_"),
                format!("  {name} "),
            ] {
                assert_eq!(text.parse(), Ok(state), "{text}");
            }
            let json = serde_json::to_string(&state).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<CalabrioState>(&json).unwrap(), state);
        }
    }

    #[test]
    fn a_name_that_is_none_tells_the_nearest() {
        let error = "not-redy".parse::<CalabrioState>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no state \"not-redy\" (did you mean \"Not Ready\"?); known are Logout, Not Ready, Ready, Talking, Hold, Work Not Ready, Work Ready"
        );
        let error = serde_json::from_str::<CalabrioState>("\"Busy\"").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("there is no state \"Busy\"; known are")
        );
    }
}
