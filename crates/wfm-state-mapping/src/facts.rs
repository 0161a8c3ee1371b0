//! Everything that is known: agents, their reservations, the tasks of these. What follows from it is in `judge`.

use std::collections::HashMap;

use flex_events::{Attributes, ReservationStatus};
use slab::Slab;
use twilio_sid::{ActivitySid, ReservationSid, TaskSid, WorkerSid};

use crate::activities::Meaning;
use crate::activity_history::{ActivityHistory, ActivityIndex};
use crate::hold::Hold;
use crate::leg::Leg;
use crate::rules::folded;
use crate::time::{END, Stamp};
use crate::{ActivityMap, CalabrioState, ReasonCode};

/// Activities that are told apart. A workspace has some dozens.
const MOST_ACTIVITIES: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) agents: Slab<Agent>,
    pub(crate) legs: Slab<Leg>,
    pub(crate) tasks: Slab<Task>,
    pub(crate) activities: Vec<SeenActivity>,
    pub(crate) agent_of: HashMap<WorkerSid, usize>,
    pub(crate) leg_of: HashMap<ReservationSid, usize>,
    pub(crate) task_of: HashMap<TaskSid, usize>,
    activity_of: HashMap<ActivitySid, ActivityIndex>,
    activity_named: HashMap<String, ActivityIndex>,
}

/// One agent.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) sid: WorkerSid,
    pub(crate) names: Names,
    pub(crate) activity: ActivityHistory,
    pub(crate) legs: Vec<usize>,
    pub(crate) deleted: Option<Stamp>,
    /// The newest event about the agent.
    pub(crate) newest: i64,
    /// The newest list of all the agent's reservations.
    pub(crate) complete: i64,
    /// What remains of what was forgotten.
    pub(crate) base: Option<Base>,
    /// What was told last.
    pub(crate) told: Option<(CalabrioState, Option<ReasonCode>)>,
}

/// The state at a moment before which nothing is known any more.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) at: i64,
    pub(crate) state: Option<(CalabrioState, Option<ReasonCode>)>,
    pub(crate) since: Option<i64>,
}

/// What an agent is called. Each with the time at which it was told; `Debug` shows neither.
#[derive(Default)]
pub(crate) struct Names {
    full: Option<(i64, Box<str>)>,
    friendly: Option<(i64, Box<str>)>,
}

impl Names {
    pub(crate) fn friendly(&mut self, at: i64, name: &str) {
        Self::newest(&mut self.friendly, at, name);
    }

    /// The full name that Flex keeps in the attributes of a worker.
    pub(crate) fn attributes(&mut self, at: i64, attributes: &Attributes) {
        if let Ok(attributes) = attributes.parse()
            && let Some(name) = attributes.get("full_name").and_then(|name| name.as_str())
            && !name.trim().is_empty()
        {
            Self::newest(&mut self.full, at, name.trim());
        }
    }

    fn newest(known: &mut Option<(i64, Box<str>)>, at: i64, name: &str) {
        match known {
            // The larger of two that were told at one time, so that their order does not matter.
            Some((then, known)) if (*then, &**known) >= (at, name) => {}
            Some((then, known)) if **known == *name => *then = at,
            _ => *known = Some((at, name.into())),
        }
    }

    pub(crate) fn has_full(&self) -> bool {
        self.full.is_some()
    }

    pub(crate) fn best(&self) -> Option<&str> {
        let best = self.full.as_ref().or(self.friendly.as_ref());
        best.map(|(_, name)| &**name)
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names(…)")
    }
}

/// One task, as far as reservations hang on it.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) sid: TaskSid,
    pub(crate) legs: Vec<usize>,
    pub(crate) is_voice: bool,
    pub(crate) ended: Option<i64>,
    pub(crate) hold: Hold,
    /// The newest moment at which something was heard of it.
    pub(crate) touched: i64,
}

impl Task {
    pub(crate) fn end(&self) -> i64 {
        self.ended.unwrap_or(END)
    }
}

/// An activity that some agent was in.
#[derive(Debug)]
pub(crate) struct SeenActivity {
    pub(crate) sid: Option<ActivitySid>,
    pub(crate) name: Option<String>,
    pub(crate) available: Option<bool>,
    pub(crate) meaning: Meaning,
}

impl Facts {
    pub(crate) fn agent(&mut self, sid: WorkerSid) -> usize {
        let Self {
            agents, agent_of, ..
        } = self;
        *agent_of.entry(sid).or_insert_with(|| {
            agents.insert(Agent {
                sid,
                names: Names::default(),
                activity: ActivityHistory::default(),
                legs: Vec::new(),
                deleted: None,
                newest: i64::MIN,
                complete: i64::MIN,
                base: None,
                told: None,
            })
        })
    }

    pub(crate) fn task(&mut self, sid: TaskSid, at: i64) -> usize {
        let Self { tasks, task_of, .. } = self;
        let index = *task_of.entry(sid).or_insert_with(|| {
            tasks.insert(Task {
                sid,
                legs: Vec::new(),
                is_voice: false,
                ended: None,
                hold: Hold::default(),
                touched: at,
            })
        });
        let task = &mut self.tasks[index];
        task.touched = task.touched.max(at);
        index
    }

    /// When the task of a reservation ended.
    pub(crate) fn task_end(&self, leg: &Leg) -> i64 {
        leg.task.map_or(END, |task| self.tasks[task].end())
    }

    /// Takes in where a reservation stood; the reservation is made where there is none. `None` if it is older than what is remembered.
    pub(crate) fn join_leg(
        &mut self,
        sid: ReservationSid,
        agent: usize,
        task: Option<usize>,
        status: ReservationStatus,
        stamp: Stamp,
    ) -> Option<bool> {
        let (index, is_first) = if let Some(index) = self.leg_of.get(&sid) {
            (*index, false)
        } else {
            let known = &self.agents[agent];
            // What was over has been forgotten; something that old may be part of it.
            if stamp.is_exact && known.base.as_ref().is_some_and(|base| stamp.at <= base.at) {
                return None;
            }
            let mut leg = Leg::new(sid, agent);
            if stamp.is_exact && stamp.at <= known.complete {
                leg.join(status, stamp);
                leg.see_absent(known.complete);
            }
            let index = self.legs.insert(leg);
            self.leg_of.insert(sid, index);
            self.agents[agent].legs.push(index);
            (index, true)
        };
        let leg = &mut self.legs[index];
        let mut is_new = leg.join(status, stamp) || is_first;
        if let (None, Some(task)) = (leg.task, task) {
            leg.task = Some(task);
            self.tasks[task].legs.push(index);
            is_new = true;
        }
        Some(is_new)
    }

    pub(crate) fn drop_leg(&mut self, index: usize) {
        let leg = self.legs.remove(index);
        self.leg_of.remove(&leg.sid);
        self.agents[leg.agent].legs.retain(|known| *known != index);
        if let Some(task) = leg.task {
            self.tasks[task].legs.retain(|known| *known != index);
        }
    }

    pub(crate) fn drop_task(&mut self, index: usize) {
        let task = self.tasks.remove(index);
        self.task_of.remove(&task.sid);
    }

    /// The place of an activity, and whether it is one that nothing was known of; `None` where it has neither SID nor name.
    pub(crate) fn activity(
        &mut self,
        map: &ActivityMap,
        sid: Option<ActivitySid>,
        name: Option<&str>,
    ) -> Option<(ActivityIndex, bool)> {
        let sid = sid.or_else(|| map.find(None, name).map(|known| known.sid));
        let known = match sid {
            Some(sid) => self.activity_of.get(&sid),
            None => self.activity_named.get(&folded(name?)),
        };
        if let Some(index) = known {
            return Some((*index, false));
        }
        if self.activities.len() >= MOST_ACTIVITIES {
            return None;
        }
        let index = self.activities.len();
        let meaning = map.meaning(sid, name, None);
        self.activities.push(SeenActivity {
            sid,
            name: map
                .find(sid, name)
                .map(|known| known.name.clone())
                .or_else(|| name.map(str::to_owned)),
            available: None,
            meaning,
        });
        match sid {
            Some(sid) => self.activity_of.insert(sid, index),
            None => self.activity_named.insert(folded(name?), index),
        };
        Some((index, map.find(sid, name).is_none()))
    }

    /// Notes an activity's flag, which never changes. Whether that decides what was undecided.
    pub(crate) fn note_available(
        &mut self,
        map: &ActivityMap,
        index: ActivityIndex,
        available: bool,
    ) -> bool {
        let activity = &mut self.activities[index];
        if activity.available.is_some() {
            return false;
        }
        activity.available = Some(available);
        let meaning = map.meaning(activity.sid, activity.name.as_deref(), Some(available));
        let is_other = meaning != activity.meaning;
        activity.meaning = meaning;
        is_other
    }

    /// Looks every activity up again.
    pub(crate) fn remap(&mut self, map: &ActivityMap) {
        for activity in &mut self.activities {
            if let Some(known) = map.find(activity.sid, activity.name.as_deref()) {
                activity.name = Some(known.name.clone());
            }
            activity.meaning =
                map.meaning(activity.sid, activity.name.as_deref(), activity.available);
        }
    }
}
