//! What is over is forgotten after a while, and what follows from it is kept.

use crate::AgentStates;
use crate::facts::{Base, Facts};
use crate::judge::owned;
use crate::time::{END, millis};
use chrono::{DateTime, Utc};

/// Reservations that are kept of one agent, live and over.
const MOST_LEGS: usize = 128;
/// Tasks that are kept although no reservation hangs on them.
const MOST_TASKS: usize = 100_000;

impl AgentStates {
    /// Forgets reservations and tasks that were over before that moment, former activities, and agents that were deleted. No state and no
    /// `since` changes by it. Call it about once a minute; what comes later than `horizon` about something that was forgotten is dropped.
    /// A quarter of an hour is a good distance from now.
    pub fn forget_before(&mut self, horizon: DateTime<Utc>) {
        let horizon = millis(horizon);
        let agents: Vec<usize> = self.facts.agents.iter().map(|(index, _)| index).collect();
        for agent in agents {
            self.facts.forget_of(agent, horizon);
            let known = &self.facts.agents[agent];
            if known.legs.is_empty() && known.deleted.is_some_and(|deleted| deleted.at < horizon) {
                self.facts.agent_of.remove(&known.sid);
                self.facts.agents.remove(agent);
            }
        }
        self.facts.forget_tasks(horizon);
    }
}

impl Facts {
    /// Forgets what is more than the caps allow, although its time has not come.
    pub(crate) fn keep_within_bounds(&mut self, agent: usize) {
        let known = &self.agents[agent];
        if known.activity.is_full() {
            let horizon = known.activity.middle();
            self.forget_of(agent, horizon);
        }
        if self.agents[agent].legs.len() > MOST_LEGS {
            self.forget_of(agent, END - 1);
        }
        let oldest = |facts: &Self| {
            let legs = facts.agents[agent].legs.iter().copied();
            legs.min_by_key(|leg| (facts.legs[*leg].accepted(), facts.legs[*leg].sid))
        };
        while self.agents[agent].legs.len() > MOST_LEGS
            && let Some(leg) = oldest(self)
        {
            self.drop_leg(leg);
        }
        if self.tasks.len() > MOST_TASKS {
            let mut touched: Vec<_> = self.tasks.iter().map(|(_, task)| task.touched).collect();
            let middle = touched.len() / 2;
            let (_, middle, _) = touched.select_nth_unstable(middle);
            let middle = *middle;
            self.forget_tasks(middle);
        }
    }

    fn forget_of(&mut self, agent: usize, horizon: i64) {
        let known = &self.agents[agent];
        // A conversation that still goes on needs all its legs: the first of them owns the conference.
        let is_done = |index: &usize| {
            let leg = &self.legs[*index];
            let is_over = |index: &usize| self.is_over(&self.legs[*index], horizon);
            is_over(index)
                && leg
                    .task
                    .is_none_or(|task| self.tasks[task].legs.iter().all(is_over))
        };
        let legs: Vec<usize> = known.legs.iter().copied().filter(is_done).collect();
        let last = legs
            .iter()
            .map(|index| self.legs[*index].end(self.task_end(&self.legs[*index])))
            .chain(known.activity.forgettable(horizon))
            .max();
        let Some(last) = last else {
            self.agents[agent].activity.forget(horizon);
            return;
        };
        let base = Base {
            at: last,
            state: owned(self.judge(known, last).0),
            since: Some(self.begin(known, last)),
        };
        let known = &mut self.agents[agent];
        if known.base.as_ref().is_none_or(|base| base.at < last) {
            known.base = Some(base);
        }
        known.activity.forget(horizon);
        for leg in legs {
            self.drop_leg(leg);
        }
    }

    fn forget_tasks(&mut self, horizon: i64) {
        let idle = |(_, task): &(usize, &crate::facts::Task)| {
            task.legs.is_empty() && task.touched < horizon
        };
        let idle: Vec<usize> = self
            .tasks
            .iter()
            .filter(idle)
            .map(|(index, _)| index)
            .collect();
        for task in idle {
            self.drop_task(task);
        }
    }
}
