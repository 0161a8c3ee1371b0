//! The workspace's activities, and which state each of them is.

use std::collections::HashMap;

use serde::Serialize;
use twilio_sid::ActivitySid;

use crate::rules::folded;
use crate::{ActivityRules, CalabrioState, ReasonCode};

/// The name of the activity that is taken for the offline one where Flex does not tell which it is. TaskRouter creates it in every workspace.
const OFFLINE: &str = "offline";

/// An activity of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkspaceActivity {
    /// Its SID.
    pub sid: ActivitySid,
    /// Its friendly name.
    pub name: String,
    /// Whether workers in it are available. It never changes. Absent where Twilio did not say.
    pub available: Option<bool>,
}

/// What decides which state an activity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MappedBy {
    /// The activity mapping of this number, from 1.
    Mapping(usize),
    /// It is the workspace's offline activity: Logout.
    OfflineActivity,
    /// Its own flag: Ready where it makes available, Not Ready where it does not.
    AvailableFlag,
    /// Nothing: it is not in the list of activities and no mapping names it.
    Nothing,
}

/// The state that an activity is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// Absent where nothing decides it.
    pub(crate) state: Option<CalabrioState>,
    pub(crate) reason: Option<ReasonCode>,
    pub(crate) by: MappedBy,
}

/// The rules, applied to the activities of one workspace. First match wins: a mapping by SID, a mapping by name, the offline activity, the
/// activity's own flag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityMap {
    rules: ActivityRules,
    activities: Vec<WorkspaceActivity>,
    by_sid: HashMap<ActivitySid, usize>,
    by_name: HashMap<String, usize>,
    offline: Option<ActivitySid>,
}

impl ActivityMap {
    /// Applies rules to the activities of a workspace. What [`ActivityRules::validate`] finds wrong with them is no hindrance: a rule
    /// whose activity does not exist waits for it.
    ///
    /// `offline` is the workspace's offline activity, `taskrouter_offline_activity_sid` of the Flex configuration. Where it is not known, an
    /// activity that is called Offline and makes nobody available is taken for it.
    pub fn new(
        rules: ActivityRules,
        activities: Vec<WorkspaceActivity>,
        offline: Option<ActivitySid>,
    ) -> Self {
        let index = |(index, activity): (usize, &WorkspaceActivity)| (activity.sid, index);
        let by_sid = activities.iter().enumerate().map(index).collect();
        let name = |(index, activity): (usize, &WorkspaceActivity)| (folded(&activity.name), index);
        let by_name = activities.iter().enumerate().map(name).collect();
        let called_offline = activities.iter().find(|activity| {
            folded(&activity.name) == OFFLINE && activity.available == Some(false)
        });
        Self {
            offline: offline.or(called_offline.map(|activity| activity.sid)),
            rules,
            by_sid,
            by_name,
            activities,
        }
    }

    /// The activities of the workspace.
    pub fn activities(&self) -> &[WorkspaceActivity] {
        &self.activities
    }

    /// The rules.
    pub fn rules(&self) -> &ActivityRules {
        &self.rules
    }

    /// The activity of this SID or, where there is no SID, of this name.
    pub(crate) fn find(
        &self,
        sid: Option<ActivitySid>,
        name: Option<&str>,
    ) -> Option<&WorkspaceActivity> {
        let index = match sid {
            Some(sid) => self.by_sid.get(&sid),
            None => self.by_name.get(&folded(name?)),
        };
        self.activities.get(*index?)
    }

    /// Which state an activity is, whether it is in the list or not. `available` is what is known of its flag from elsewhere.
    pub(crate) fn meaning(
        &self,
        sid: Option<ActivitySid>,
        name: Option<&str>,
        available: Option<bool>,
    ) -> Meaning {
        let known = self.find(sid, name);
        let sid = sid.or(known.map(|known| known.sid));
        let name = known.map(|known| known.name.as_str()).or(name);
        if let Some(rule) = self.rules.rule_for(sid, name) {
            return Meaning {
                state: Some(rule.state),
                reason: rule
                    .reason_code
                    .then(|| name.and_then(ReasonCode::from_activity))
                    .flatten(),
                by: MappedBy::Mapping(rule.mapping),
            };
        }
        let available = known.and_then(|known| known.available).or(available);
        let (state, by) = match available {
            _ if sid.is_some() && sid == self.offline => {
                (Some(CalabrioState::Logout), MappedBy::OfflineActivity)
            }
            Some(true) => (Some(CalabrioState::Ready), MappedBy::AvailableFlag),
            Some(false) => (Some(CalabrioState::NotReady), MappedBy::AvailableFlag),
            None => (None, MappedBy::Nothing),
        };
        Meaning {
            state,
            reason: None,
            by,
        }
    }
}
