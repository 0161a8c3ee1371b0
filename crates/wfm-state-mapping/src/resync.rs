//! Snapshots: of one agent, as Twilio pushes them, and of the whole workspace, as it is asked for.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use flex_events::{Attributes, ReservationStatus, WorkerSnapshot};
use serde::Serialize;
use twilio_sid::{ActivitySid, ReservationSid, TaskSid, WorkerSid};

use crate::time::{Stamp, millis};
use crate::{AgentStates, Heard, StateChange};

/// The workspace at a moment: its workers, and the tasks that are assigned or wrapping with their reservations. None of it needs a request for
/// each worker.
#[derive(Debug, Clone)]
pub struct WorkspaceSnapshot {
    /// When the first of the requests was sent, by Twilio's clock (the `Date` of its answers). Too early costs a later correction, too late
    /// may overrule an event.
    pub requested_at: DateTime<Utc>,
    /// Every worker.
    pub workers: Vec<WorkerNow>,
    /// Every live task.
    pub tasks: Vec<TaskNow>,
    /// Agents who were on the move while it was read, so that its lists may tell of different moments. They are left to their events and to
    /// the next snapshot.
    pub unsettled: HashSet<WorkerSid>,
    /// What of the lists could not be read: who is missing in them is then not taken for gone.
    pub unread: Unread,
}

/// How many entries of the lists of a workspace could not be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread {
    /// Workers: none of those that are missing is taken for deleted.
    pub workers: usize,
    /// Tasks: none of the reservations that are missing is taken for over.
    pub tasks: usize,
}

/// A worker in a list.
#[derive(Clone)]
pub struct WorkerNow {
    /// The worker.
    pub sid: WorkerSid,
    /// Its friendly name. `Debug` does not show it.
    pub name: Option<String>,
    /// Its attributes.
    pub attributes: Option<Attributes>,
    /// Its activity.
    pub activity_sid: Option<ActivitySid>,
    /// The name of its activity.
    pub activity_name: Option<String>,
    /// The flag of its activity.
    pub available: Option<bool>,
    /// Since when it is in it (`date_status_changed`), in whole seconds.
    pub activity_since: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for WorkerNow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerNow")
            .field("sid", &self.sid)
            .field("activity_sid", &self.activity_sid)
            .finish_non_exhaustive()
    }
}

/// A live task in a list.
#[derive(Debug, Clone)]
pub struct TaskNow {
    /// The task.
    pub sid: TaskSid,
    /// The unique name of its channel.
    pub channel: Option<String>,
    /// Its reservations; `None` where they were not asked for. Then those that are known stand as they are.
    pub reservations: Option<Vec<ReservationNow>>,
}

/// A reservation in a list.
#[derive(Debug, Clone)]
pub struct ReservationNow {
    /// The reservation.
    pub sid: ReservationSid,
    /// The worker.
    pub worker: WorkerSid,
    /// Where it stands; absent where the word is not known: then it is live and stands as it stood.
    pub status: Option<ReservationStatus>,
    /// Since when, roughly (`date_updated`).
    pub since: Option<DateTime<Utc>>,
}

/// What a resynchronisation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Resynchronised {
    /// Agents that were set to what the snapshot says.
    pub agents: usize,
    /// Agents of whom something newer is known, or who were on the move, and who stay as they are.
    pub newer: usize,
    /// Reservations that were over without any event that told so.
    pub ended: usize,
    /// Agents that are in the list no more.
    pub gone: usize,
}

impl AgentStates {
    /// Takes in a snapshot of the whole workspace. It overrules what is known of every agent of whom nothing newer than the request is known. An
    /// agent that is not in it is taken for deleted, unless it has no worker at all.
    pub fn resynchronise(
        &mut self,
        snapshot: &WorkspaceSnapshot,
        changes: &mut Vec<StateChange>,
    ) -> Resynchronised {
        let at = millis(snapshot.requested_at);
        let mut done = Resynchronised::default();
        let listed: HashSet<WorkerSid> = snapshot.workers.iter().map(|one| one.sid).collect();
        for worker in &snapshot.workers {
            let settled = !snapshot.unsettled.contains(&worker.sid);
            if self.list_worker(at, worker, settled) {
                done.agents += 1;
            } else {
                done.newer += 1;
            }
        }
        let mut seen = HashSet::new();
        let mut unasked = HashSet::new();
        for task in &snapshot.tasks {
            let index = self.facts.task(task.sid, at);
            let is_voice = task
                .channel
                .as_deref()
                .is_some_and(|one| self.is_voice(one));
            self.facts.tasks[index].is_voice |= is_voice;
            let Some(reservations) = &task.reservations else {
                unasked.insert(index);
                continue;
            };
            for one in reservations {
                let agent = self.facts.agent(one.worker);
                seen.insert(one.sid);
                if self.is_newest(agent, at) && !snapshot.unsettled.contains(&one.worker) {
                    self.list_leg(agent, Some(index), one.sid, one.status, one.since, at);
                }
            }
        }
        let agents: Vec<usize> = self.facts.agents.iter().map(|(index, _)| index).collect();
        for agent in agents
            .into_iter()
            .filter(|agent| {
                self.is_newest(*agent, at)
                    && !snapshot.unsettled.contains(&self.facts.agents[*agent].sid)
            })
            .collect::<Vec<_>>()
        {
            let all_tasks = snapshot.unread.tasks == 0;
            if all_tasks {
                done.ended += self.end_absent(agent, at, &seen, &unasked);
            }
            let known = &mut self.facts.agents[agent];
            // Where some tasks were not looked into, a reservation that is told late may be one of theirs.
            if unasked.is_empty() && all_tasks {
                known.complete = at;
            }
            if !listed.is_empty()
                && snapshot.unread.workers == 0
                && !listed.contains(&known.sid)
                && known.deleted.is_none()
            {
                known.deleted = Some(Stamp::rough(at));
                done.gone += 1;
            }
        }
        self.settle_all(changes);
        done
    }

    /// Takes in a snapshot of one agent, a record of `WFMWorkerChange`. One that is older than what is known of the agent is ignored, and so is
    /// one that tells no time at all.
    pub fn on_worker_snapshot(
        &mut self,
        snapshot: &WorkerSnapshot,
        changes: &mut Vec<StateChange>,
    ) -> Heard {
        let legs = snapshot
            .channels
            .iter()
            .flat_map(|channel| &channel.reservations);
        let told = legs
            .filter_map(|leg| leg.status_since)
            .chain(snapshot.activity_since)
            .max();
        let Some(at) = snapshot.as_of.or(told).map(millis) else {
            return Heard::Known;
        };
        let agent = self.facts.agent(snapshot.worker);
        if !self.is_newest(agent, at) {
            return Heard::Known;
        }
        let name = snapshot.activity_name.as_deref();
        if let Some(activity) = self.hear_activity(snapshot.activity_sid, name) {
            let since = snapshot.activity_since.map(millis);
            self.facts.agents[agent].activity.list(at, since, activity);
        }
        let mut seen = HashSet::new();
        for channel in &snapshot.channels {
            let is_voice = channel
                .name
                .as_deref()
                .is_some_and(|name| self.is_voice(name));
            for leg in &channel.reservations {
                let task = leg.task.map(|sid| self.facts.task(sid, at));
                if let Some(task) = task {
                    self.facts.tasks[task].is_voice |= is_voice;
                }
                seen.insert(leg.sid);
                self.list_leg(agent, task, leg.sid, leg.status, leg.status_since, at);
            }
        }
        // What could not be read may be a reservation that is live.
        let is_whole = !snapshot
            .ignored
            .iter()
            .any(|field| matches!(*field, "channels" | "reservations" | "sid"));
        if is_whole {
            self.end_absent(agent, at, &seen, &HashSet::new());
            self.facts.agents[agent].complete = at;
        }
        let known = &mut self.facts.agents[agent];
        known.newest = at;
        known.deleted = known.deleted.filter(|deleted| deleted.is_exact);
        self.facts.keep_within_bounds(agent);
        let mut touched = BTreeSet::from([agent]);
        for leg in &self.facts.agents[agent].legs {
            let task = self.facts.legs[*leg]
                .task
                .map(|task| &self.facts.tasks[task]);
            for other in task.into_iter().flat_map(|task| &task.legs) {
                touched.insert(self.facts.legs[*other].agent);
            }
        }
        for agent in touched {
            self.settle(agent, changes);
        }
        Heard::New
    }

    fn is_newest(&self, agent: usize, at: i64) -> bool {
        let known = &self.facts.agents[agent];
        known.newest <= at && known.complete <= at
    }

    /// Whether the list is the newest that is known of the worker.
    fn list_worker(&mut self, at: i64, worker: &WorkerNow, settled: bool) -> bool {
        let agent = self.facts.agent(worker.sid);
        let activity = self.hear_activity(worker.activity_sid, worker.activity_name.as_deref());
        if let (Some(activity), Some(available)) = (activity, worker.available) {
            self.facts.note_available(&self.map, activity, available);
        }
        let is_newest = settled && self.is_newest(agent, at);
        let known = &mut self.facts.agents[agent];
        if let Some(name) = &worker.name {
            known.names.friendly(at, name);
        }
        if let Some(attributes) = &worker.attributes {
            known.names.attributes(at, attributes);
        }
        if is_newest {
            if let Some(activity) = activity {
                let since = worker.activity_since.map(millis);
                known.activity.list(at, since, activity);
            }
            known.deleted = known.deleted.filter(|deleted| deleted.is_exact);
        }
        self.facts.keep_within_bounds(agent);
        is_newest
    }

    fn list_leg(
        &mut self,
        agent: usize,
        task: Option<usize>,
        sid: ReservationSid,
        status: Option<ReservationStatus>,
        since: Option<DateTime<Utc>>,
        at: i64,
    ) {
        let status = status.unwrap_or(ReservationStatus::Pending);
        let since = since.map_or(at, millis).min(at);
        let leg = self.facts.leg_of.get(&sid).copied();
        if leg.is_none_or(|leg| !self.facts.legs[leg].has(status)) {
            let stamp = Stamp::rough(since);
            self.facts.join_leg(sid, agent, task, status, stamp);
        }
        if let Some(leg) = self.facts.leg_of.get(&sid)
            && !status.is_final()
        {
            self.facts.legs[*leg].see_live(at);
        }
    }

    /// Ends the agent's reservations that a complete list of that moment does not have. How many it ended.
    fn end_absent(
        &mut self,
        agent: usize,
        at: i64,
        seen: &HashSet<ReservationSid>,
        unasked: &HashSet<usize>,
    ) -> usize {
        let mut ended = 0;
        for index in self.facts.agents[agent].legs.clone() {
            let leg = &mut self.facts.legs[index];
            let is_spared = leg.task.is_some_and(|task| unasked.contains(&task));
            if !seen.contains(&leg.sid) && !is_spared {
                ended += usize::from(leg.see_absent(at));
            }
        }
        ended
    }
}
