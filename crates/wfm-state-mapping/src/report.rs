//! How each activity of the workspace is mapped: what `sync-wfm activities` prints.

use std::fmt;

use serde::Serialize;
use twilio_sid::ActivitySid;

use crate::rules::nearest_activity;
use crate::{ActivityMap, CalabrioState, MappedBy, ReasonCode};

/// How the activities of a workspace are mapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActivityReport {
    /// Every activity of the workspace, in the order in which it was listed.
    pub activities: Vec<ActivityLine>,
    /// The mappings that no activity answers to.
    pub unmatched: Vec<UnmatchedMapping>,
}

/// One activity of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActivityLine {
    /// The activity.
    pub sid: ActivitySid,
    /// Its name.
    pub name: String,
    /// Whether workers in it are available.
    pub available: Option<bool>,
    /// The state that it is; absent where nothing decides it.
    pub state: Option<CalabrioState>,
    /// What decides it.
    pub by: MappedBy,
    /// The reason code that goes along. Absent where none is asked for, and where none can be made of the name.
    pub reason_code: Option<ReasonCode>,
    /// Whether a reason code is asked for and cannot be made of the name: a number that is 0 or above 65535, say.
    pub reason_code_impossible: bool,
}

/// A mapping that no activity of the workspace answers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnmatchedMapping {
    /// Its number, from 1.
    pub mapping: usize,
    /// The activity that it names.
    pub activity: String,
    /// The activity that was perhaps meant.
    pub nearest: Option<String>,
}

impl fmt::Display for UnmatchedMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: the workspace has no activity {:?}",
            self.mapping, self.activity
        )?;
        match &self.nearest {
            Some(nearest) => write!(f, "; {nearest:?} was perhaps meant"),
            None => Ok(()),
        }
    }
}

impl ActivityMap {
    /// How each activity is mapped and by what, and which mappings match nothing.
    pub fn report(&self) -> ActivityReport {
        let activities = self
            .activities()
            .iter()
            .map(|activity| {
                let meaning =
                    self.meaning(Some(activity.sid), Some(&activity.name), activity.available);
                let is_asked_for = matches!(meaning.by, MappedBy::Mapping(number)
                    if self.rules().rules().iter().any(|rule| rule.mapping == number && rule.reason_code));
                ActivityLine {
                    sid: activity.sid,
                    name: activity.name.clone(),
                    available: activity.available,
                    state: meaning.state,
                    by: meaning.by,
                    reason_code_impossible: is_asked_for && meaning.reason.is_none(),
                    reason_code: meaning.reason,
                }
            })
            .collect();
        let unmatched = self
            .rules()
            .rules()
            .iter()
            .filter(|rule| {
                !self
                    .activities()
                    .iter()
                    .any(|known| rule.activity.is(known))
            })
            .map(|rule| UnmatchedMapping {
                mapping: rule.mapping,
                activity: rule.activity.to_string(),
                nearest: nearest_activity(&rule.activity.to_string(), self.activities()),
            })
            .collect();
        ActivityReport {
            activities,
            unmatched,
        }
    }
}
