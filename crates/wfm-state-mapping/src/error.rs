//! What can be wrong with a mapping of activities, and with a day.

use chrono::{DateTime, Utc};
use twilio_sid::WorkerSid;

use crate::CalabrioState;

/// Why a mapping of activities is refused, or a day cannot be told.
///
/// Names what the operator wrote, and no agent but by the SID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateMappingError {
    /// A mapping names no activity.
    #[error(
        "activity mapping {mapping}, `activity` is empty; give the activity's name or its SID as Flex shows it"
    )]
    ActivityMissing {
        /// The number of the mapping, from 1.
        mapping: usize,
    },
    /// A mapping to Hold or Talking.
    #[error(
        "activity mapping {mapping} ({activity:?}), `state`: {state} is fixed, it follows from contacts and not from activities; {}",
        targets()
    )]
    FixedState {
        /// The number of the mapping, from 1.
        mapping: usize,
        /// The activity, as it was written.
        activity: String,
        /// Hold or Talking.
        state: CalabrioState,
    },
    /// A mapping to a state that does not exist.
    #[error(
        "activity mapping {mapping} ({activity:?}), `state`: there is no state {state:?}{}; {}",
        hint(nearest.map(CalabrioState::as_str)),
        targets()
    )]
    UnknownState {
        /// The number of the mapping, from 1.
        mapping: usize,
        /// The activity, as it was written.
        activity: String,
        /// The state, as it was written.
        state: String,
        /// The state that was perhaps meant.
        nearest: Option<CalabrioState>,
    },
    /// A reason code with a state that takes none.
    #[error(
        "activity mapping {mapping} ({activity:?}), `state_reason_code` goes only with Not Ready, Work Not Ready and Work Ready, not with {state}; turn it off"
    )]
    NoReasonCode {
        /// The number of the mapping, from 1.
        mapping: usize,
        /// The activity, as it was written.
        activity: String,
        /// The state that it is mapped to.
        state: CalabrioState,
    },
    /// An activity is mapped twice.
    #[error(
        "activity mapping {mapping} ({activity:?}), `activity` is mapped by mapping {first} already; remove one of them"
    )]
    DuplicateActivity {
        /// The number of the second mapping, from 1.
        mapping: usize,
        /// The activity, as it was written.
        activity: String,
        /// The number of the first, from 1.
        first: usize,
    },
    /// The workspace has no such activity.
    #[error(
        "activity mapping {mapping} ({activity:?}), `activity`: the workspace has no such activity{}; correct it, or remove the mapping",
        hint(nearest.as_deref())
    )]
    UnknownActivity {
        /// The number of the mapping, from 1.
        mapping: usize,
        /// The activity, as it was written.
        activity: String,
        /// The activity that was perhaps meant.
        nearest: Option<String>,
    },
    /// A text names no state.
    #[error("there is no state {name:?}{}; known are {}", hint(nearest.map(CalabrioState::as_str)), names(|_| true))]
    StateName {
        /// The text.
        name: String,
        /// The state that was perhaps meant.
        nearest: Option<CalabrioState>,
    },
    /// A day that ends before it begins, or as it begins.
    #[error("the day ends at {to}, which is not after its begin at {from}; give a later end")]
    EmptyDay {
        /// Its begin.
        from: DateTime<Utc>,
        /// Its end.
        to: DateTime<Utc>,
    },
    /// Changes of several agents were given as those of one.
    #[error(
        "a day is one agent's, but there are changes of {first} and of {other}; give those of one agent"
    )]
    SeveralAgents {
        /// The agent of the first change.
        first: WorkerSid,
        /// An agent of another.
        other: WorkerSid,
    },
}

impl StateMappingError {
    /// The field of the mapping that is at fault, where it is one.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::ActivityMissing { .. }
            | Self::DuplicateActivity { .. }
            | Self::UnknownActivity { .. } => Some("activity"),
            Self::FixedState { .. } | Self::UnknownState { .. } => Some("state"),
            Self::NoReasonCode { .. } => Some("state_reason_code"),
            Self::StateName { .. } | Self::EmptyDay { .. } | Self::SeveralAgents { .. } => None,
        }
    }

    /// The number of the mapping that is at fault, from 1, where it is one.
    pub fn mapping(&self) -> Option<usize> {
        match self {
            Self::ActivityMissing { mapping }
            | Self::FixedState { mapping, .. }
            | Self::UnknownState { mapping, .. }
            | Self::NoReasonCode { mapping, .. }
            | Self::DuplicateActivity { mapping, .. }
            | Self::UnknownActivity { mapping, .. } => Some(*mapping),
            Self::StateName { .. } | Self::EmptyDay { .. } | Self::SeveralAgents { .. } => None,
        }
    }
}

fn names(which: impl Fn(&CalabrioState) -> bool) -> String {
    let names: Vec<_> = CalabrioState::ALL
        .into_iter()
        .filter(which)
        .map(CalabrioState::as_str)
        .collect();
    names.join(", ")
}

fn targets() -> String {
    format!("map it to one of {}", names(|state| state.is_target()))
}

fn hint(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!(" (did you mean {name:?}?)"))
        .unwrap_or_default()
}

/// The known name that is most like a mistyped one, if any is like it at all.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let name = name.trim().to_lowercase();
    known
        .map(|known| {
            let distance = strsim::damerau_levenshtein(&name, &known.to_lowercase());
            (distance, known)
        })
        .filter(|(distance, known)| *distance <= (known.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known.to_owned())
}
