//! What the operator wrote about activities, checked.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use twilio_sid::ActivitySid;

use crate::error::nearest;
use crate::{CalabrioState, StateMappingError, WorkspaceActivity};

/// One activity mapping as a configuration file has it. Unchecked: [`ActivityRules::new`] checks all of them together.
///
/// ```
/// use wfm_state_mapping::ActivityMapping;
///
/// let mapping: ActivityMapping =
///     serde_json::from_str(r#"{"activity": "Lunch", "state": "Not Ready", "state_reason_code": true}"#)?;
/// assert!(mapping.state_reason_code);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivityMapping {
    /// The name of the Twilio activity, in any letter case, or its SID (`WA…`).
    pub activity: String,
    /// The Calabrio state: Logout, Not Ready, Ready, Work Not Ready or Work Ready, in any letter case, with spaces, hyphens or underscores.
    pub state: String,
    /// Whether the activity's name goes along as the reason code. Only with Not Ready, Work Not Ready and Work Ready.
    /// Vendor's page: *Enable State Reason Code*.
    #[serde(default)]
    pub state_reason_code: bool,
}

/// Which activity a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActivityRef {
    /// The one with this SID, whatever it is called.
    Sid(ActivitySid),
    /// Those with this name, in any letter case.
    Name(String),
}

impl ActivityRef {
    fn of(text: &str) -> Self {
        match text.parse() {
            Ok(sid) => Self::Sid(sid),
            Err(_) => Self::Name(text.to_owned()),
        }
    }

    pub(crate) fn is(&self, activity: &WorkspaceActivity) -> bool {
        match self {
            Self::Sid(sid) => *sid == activity.sid,
            Self::Name(name) => folded(name) == folded(&activity.name),
        }
    }
}

impl fmt::Display for ActivityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sid(sid) => f.pad(sid.as_str()),
            Self::Name(name) => f.pad(name),
        }
    }
}

/// A name as names of activities are compared.
pub(crate) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// One checked mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityRule {
    /// Its number in the configuration, from 1.
    pub mapping: usize,
    /// Which activity it is about.
    pub activity: ActivityRef,
    /// The state that the activity becomes. Never Hold or Talking.
    pub state: CalabrioState,
    /// Whether the activity's name goes along as the reason code.
    pub reason_code: bool,
}

/// Mappings that are sound in themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityRules {
    rules: Vec<ActivityRule>,
    by_sid: HashMap<ActivitySid, usize>,
    by_name: HashMap<String, usize>,
}

impl ActivityRules {
    /// Takes the mappings in the order of the configuration, or tells everything that is wrong with them and shows without asking Twilio.
    pub fn new(mappings: &[ActivityMapping]) -> Result<Self, Vec<StateMappingError>> {
        let mut checked = Self::default();
        let mut faults = Vec::new();
        // Names count as taken even where something else is wrong with the mapping, so that all faults show at once.
        let mut first_of: HashMap<String, usize> = HashMap::new();
        for (index, written) in mappings.iter().enumerate() {
            let mapping = index + 1;
            let activity = written.activity.trim();
            let mut is_sound = true;
            let mut fault = |error| {
                faults.push(error);
                is_sound = false;
            };
            if activity.is_empty() {
                fault(StateMappingError::ActivityMissing { mapping });
            } else {
                let first = *first_of.entry(folded(activity)).or_insert(mapping);
                if first != mapping {
                    fault(StateMappingError::DuplicateActivity {
                        mapping,
                        activity: activity.to_owned(),
                        first,
                    });
                }
            }
            let state = CalabrioState::from_text(&written.state);
            match state {
                None => fault(StateMappingError::UnknownState {
                    mapping,
                    activity: activity.to_owned(),
                    state: written.state.clone(),
                    nearest: CalabrioState::nearest(&written.state)
                        .filter(|state| state.is_target()),
                }),
                Some(state) if !state.is_target() => fault(StateMappingError::FixedState {
                    mapping,
                    activity: activity.to_owned(),
                    state,
                }),
                Some(state) if written.state_reason_code && !state.takes_reason_code() => {
                    fault(StateMappingError::NoReasonCode {
                        mapping,
                        activity: activity.to_owned(),
                        state,
                    });
                }
                Some(_) => {}
            }
            if let (true, Some(state)) = (is_sound, state) {
                checked.push(ActivityRule {
                    mapping,
                    activity: ActivityRef::of(activity),
                    state,
                    reason_code: written.state_reason_code,
                });
            }
        }
        if faults.is_empty() {
            Ok(checked)
        } else {
            Err(faults)
        }
    }

    fn push(&mut self, rule: ActivityRule) {
        let index = self.rules.len();
        match &rule.activity {
            ActivityRef::Sid(sid) => self.by_sid.insert(*sid, index),
            ActivityRef::Name(name) => self.by_name.insert(folded(name), index),
        };
        self.rules.push(rule);
    }

    /// What is wrong with the rules once the workspace's activities are known: an activity that does not exist, and one that is mapped
    /// by its name and by its SID.
    pub fn validate(&self, activities: &[WorkspaceActivity]) -> Vec<StateMappingError> {
        let mut faults = Vec::new();
        let mut first_of: HashMap<ActivitySid, usize> = HashMap::new();
        for rule in &self.rules {
            let mut is_known = false;
            let mut first = None;
            for activity in activities
                .iter()
                .filter(|activity| rule.activity.is(activity))
            {
                is_known = true;
                let taken = *first_of.entry(activity.sid).or_insert(rule.mapping);
                first = first.or((taken != rule.mapping).then_some(taken));
            }
            let written = rule.activity.to_string();
            if let Some(first) = first {
                faults.push(StateMappingError::DuplicateActivity {
                    mapping: rule.mapping,
                    activity: written,
                    first,
                });
            } else if !is_known {
                faults.push(StateMappingError::UnknownActivity {
                    mapping: rule.mapping,
                    nearest: nearest_activity(&written, activities),
                    activity: written,
                });
            }
        }
        faults
    }

    /// The rule for an activity: that for its SID goes before that for its name.
    pub(crate) fn rule_for(
        &self,
        sid: Option<ActivitySid>,
        name: Option<&str>,
    ) -> Option<&ActivityRule> {
        let index = sid
            .and_then(|sid| self.by_sid.get(&sid))
            .or_else(|| self.by_name.get(&folded(name?)))?;
        self.rules.get(*index)
    }

    /// The rules, in the order of the configuration.
    pub fn rules(&self) -> &[ActivityRule] {
        &self.rules
    }
}

/// The name of the activity that is most like what was written.
pub(crate) fn nearest_activity(written: &str, activities: &[WorkspaceActivity]) -> Option<String> {
    nearest(
        written,
        activities.iter().map(|activity| activity.name.as_str()),
    )
}
