//! The machine: what is heard goes in, the newest states come out.

use chrono::{DateTime, Utc};
use flex_events::{
    EventFamily, EventType, FlexEvent, ParticipantEvent, Pushed, TaskFacts, WorkerFacts,
};
use twilio_sid::TaskSid;

use crate::activity_history::Heard as HeardHow;
use crate::facts::Facts;
use crate::judge::{borrowed, owned};
use crate::time::{Stamp, instant, millis};
use crate::{ActivityMap, Heard, HoldSource, StateChange};

/// What the machine cannot know by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The unique names of the task channels whose contacts are calls, in any letter case. `voice` alone by default.
    pub voice_channels: Vec<String>,
    /// The label under which customers join conferences. A participant with another label (an agent, someone who was added) is none whose
    /// hold counts; one without a label is.
    pub customer_label: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            voice_channels: vec!["voice".to_owned()],
            customer_label: "customer".to_owned(),
        }
    }
}

/// The answer to the question whether the customer of a call is on hold, where no events tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldAnswer {
    /// The task of the call.
    pub task: TaskSid,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// Whether the customer is on hold.
    pub on_hold: bool,
    /// Since when, where Twilio says so.
    pub since: Option<DateTime<Utc>>,
}

/// The states of all agents of one workspace: a state machine for each.
///
/// It has no clock. Everything is ordered by the time that Twilio gave it, never by its arrival.
#[derive(Debug, Default)]
pub struct AgentStates {
    pub(crate) facts: Facts,
    pub(crate) map: ActivityMap,
    pub(crate) settings: Settings,
    pub(crate) is_hold_told: bool,
    pub(crate) is_hold_asked: bool,
    wants_activities: bool,
}

impl AgentStates {
    /// A machine that knows no agent yet.
    pub fn new(map: ActivityMap, settings: Settings) -> Self {
        Self {
            map,
            settings,
            ..Self::default()
        }
    }

    /// Takes in whatever was pushed. The caller has made sure that it is of this workspace (and account, which is all that a conference tells).
    /// Changes of state are appended to `changes`.
    pub fn on_pushed(&mut self, pushed: &Pushed, changes: &mut Vec<StateChange>) -> Heard {
        match pushed {
            Pushed::TaskRouter(event) => self.on_event(event, changes),
            Pushed::Participant(event) => self.on_participant(event, changes),
            Pushed::Worker(snapshot) => self.on_worker_snapshot(snapshot, changes),
            _ => Heard::Unrelated,
        }
    }

    /// Takes in an event of `TaskRouter`.
    pub fn on_event(&mut self, event: &FlexEvent, changes: &mut Vec<StateChange>) -> Heard {
        match event.event_type.family() {
            EventFamily::Worker => self.on_worker(event, changes),
            EventFamily::Reservation => self.on_reservation(event, changes),
            EventFamily::Task if event.event_type.ends_task() => self.on_task_end(event, changes),
            EventFamily::Activity => {
                self.wants_activities = true;
                Heard::New
            }
            _ => Heard::Unrelated,
        }
    }

    fn on_worker(&mut self, event: &FlexEvent, changes: &mut Vec<StateChange>) -> Heard {
        let Some(worker) = &event.worker else {
            return Heard::Unrelated;
        };
        let how = match event.event_type {
            EventType::WorkerActivityUpdate => HeardHow::Changed,
            _ => HeardHow::Mentioned,
        };
        let at = millis(event.at);
        let agent = self.facts.agent(worker.sid);
        let mut is_new = self.hear_worker(agent, at, worker, how);
        let known = &mut self.facts.agents[agent];
        if let Some(attributes) = &worker.attributes
            && (event.event_type != EventType::WorkerActivityUpdate || !known.names.has_full())
        {
            known.names.attributes(at, attributes);
        }
        if event.event_type == EventType::WorkerDeleted {
            is_new |= Stamp::join(&mut known.deleted, Stamp::exact(at));
        }
        self.settle(agent, changes);
        Heard::of(is_new)
    }

    fn on_reservation(&mut self, event: &FlexEvent, changes: &mut Vec<StateChange>) -> Heard {
        let at = millis(event.at);
        let (Some(reservation), Some(status)) =
            (&event.reservation, event.event_type.reservation_status())
        else {
            return Heard::Unrelated;
        };
        let agent = match &event.worker {
            Some(worker) => self.facts.agent(worker.sid),
            // An event that names no worker is about the agent who has the reservation.
            None => match self.facts.leg_of.get(&reservation.sid) {
                Some(leg) => self.facts.legs[*leg].agent,
                None => return Heard::Unrelated,
            },
        };
        let mut is_new = false;
        if let Some(worker) = &event.worker {
            is_new = self.hear_worker(agent, at, worker, HeardHow::Mentioned);
        }
        // An offer changes nothing, and what is not remembered cannot be revived.
        if status != flex_events::ReservationStatus::Pending {
            let task = event.task.as_ref().map(|task| self.hear_task(task, at));
            let joined =
                self.facts
                    .join_leg(reservation.sid, agent, task, status, Stamp::exact(at));
            is_new |= joined.unwrap_or(false);
            self.facts.keep_within_bounds(agent);
            if let Some(task) = task {
                self.settle_task(task, changes);
            }
        }
        self.settle(agent, changes);
        Heard::of(is_new)
    }

    fn on_task_end(&mut self, event: &FlexEvent, changes: &mut Vec<StateChange>) -> Heard {
        let Some(told) = &event.task else {
            return Heard::Unrelated;
        };
        let at = millis(event.at);
        let index = self.hear_task(told, at);
        let task = &mut self.facts.tasks[index];
        let ended = task.ended.map_or(at, |known| known.min(at));
        let is_new = task.ended.replace(ended) != Some(ended);
        self.settle_task(index, changes);
        Heard::of(is_new)
    }

    /// Takes in a change in a conference: the only source that tells of hold.
    pub fn on_participant(
        &mut self,
        event: &ParticipantEvent,
        changes: &mut Vec<StateChange>,
    ) -> Heard {
        let Some(task) = event.task() else {
            return Heard::Unrelated;
        };
        self.is_hold_told = true;
        let label = event.label.as_deref().map(str::trim);
        let is_customer = label.is_none_or(|label| {
            label.is_empty() || label.eq_ignore_ascii_case(&self.settings.customer_label)
        });
        let index = self.facts.task(task, millis(event.at));
        let is_new = self.facts.tasks[index].hold.hear(event, is_customer);
        if is_new {
            self.settle_task(index, changes);
        }
        Heard::of(is_new)
    }

    /// Takes in an answer about a call whose conference tells no events. What events told that are newer than the question stands.
    pub fn on_hold_answer(&mut self, answer: &HoldAnswer, changes: &mut Vec<StateChange>) -> Heard {
        self.is_hold_asked = true;
        let at = millis(answer.asked_at);
        let index = self.facts.task(answer.task, at);
        let hold = &mut self.facts.tasks[index].hold;
        let is_new = hold.ask(at, answer.on_hold, answer.since.map(millis));
        if is_new {
            self.settle_task(index, changes);
        }
        Heard::of(is_new)
    }

    /// Takes another list of activities, or other rules, and tells whose state differs by it.
    pub fn set_activities(&mut self, map: ActivityMap, changes: &mut Vec<StateChange>) {
        self.map = map;
        self.wants_activities = false;
        self.facts.remap(&self.map);
        self.settle_all(changes);
    }

    /// Whether the workspace's activities should be listed again and given to [`set_activities`](Self::set_activities): one was made, renamed or
    /// deleted, or an agent is in one that the list does not have.
    pub fn wants_activities(&self) -> bool {
        self.wants_activities
    }

    fn hear_worker(&mut self, agent: usize, at: i64, worker: &WorkerFacts, how: HeardHow) -> bool {
        let name = worker.activity_name.as_deref();
        let activity = self.hear_activity(worker.activity_sid, name);
        let known = &mut self.facts.agents[agent];
        known.newest = known.newest.max(at);
        if known
            .deleted
            .is_some_and(|deleted| !deleted.is_exact && deleted.at < at)
        {
            known.deleted = None;
        }
        if let Some(name) = &worker.name {
            known.names.friendly(at, name);
        }
        let is_forgotten = known.base.as_ref().is_some_and(|base| at < base.at);
        let is_new = match activity {
            Some(activity) if !is_forgotten => {
                known.activity.hear(at, worker.version, how, activity)
            }
            _ => false,
        };
        self.facts.keep_within_bounds(agent);
        is_new
    }

    pub(crate) fn hear_activity(
        &mut self,
        sid: Option<twilio_sid::ActivitySid>,
        name: Option<&str>,
    ) -> Option<usize> {
        let (index, is_unlisted) = self.facts.activity(&self.map, sid, name)?;
        self.wants_activities |= is_unlisted;
        Some(index)
    }

    fn hear_task(&mut self, task: &TaskFacts, at: i64) -> usize {
        let index = self.facts.task(task.sid, at);
        if let Some(channel) = &task.channel_unique_name {
            self.facts.tasks[index].is_voice |= self.is_voice(channel);
        }
        index
    }

    pub(crate) fn is_voice(&self, channel: &str) -> bool {
        let mut voice = self.settings.voice_channels.iter();
        voice.any(|voice| voice.eq_ignore_ascii_case(channel.trim()))
    }

    /// Tells the state of an agent if it is another than was told last.
    pub(crate) fn settle(&mut self, agent: usize, changes: &mut Vec<StateChange>) {
        let known = &self.facts.agents[agent];
        let (state, _) = self.facts.newest(known);
        if state.is_none() || state == borrowed(known.told.as_ref()) {
            return;
        }
        let told = owned(state);
        changes.extend(self.change(agent));
        self.facts.agents[agent].told = told;
    }

    fn settle_task(&mut self, task: usize, changes: &mut Vec<StateChange>) {
        let mut place = 0;
        // A task that no reservation hangs on may have been forgotten meanwhile.
        let leg_at = |facts: &Facts, place| facts.tasks.get(task)?.legs.get(place).copied();
        while let Some(leg) = leg_at(&self.facts, place) {
            self.settle(self.facts.legs[leg].agent, changes);
            place += 1;
        }
    }

    pub(crate) fn settle_all(&mut self, changes: &mut Vec<StateChange>) {
        let agents: Vec<usize> = self.facts.agents.iter().map(|(index, _)| index).collect();
        for agent in agents {
            self.settle(agent, changes);
        }
    }

    /// The newest state of an agent, where anything decides it.
    pub(crate) fn change(&self, agent: usize) -> Option<StateChange> {
        let known = &self.facts.agents[agent];
        let (state, cause) = self.facts.newest(known);
        let (state, reason) = state?;
        Some(StateChange {
            agent: known.sid,
            state,
            reason_code: reason.cloned(),
            since: instant(self.facts.since(known)),
            cause,
            hold_source: self.facts.hold_source(known, self.usual_hold_source()),
        })
    }

    /// How hold is seen where there is no call to tell it by.
    pub(crate) fn usual_hold_source(&self) -> HoldSource {
        match (self.is_hold_told, self.is_hold_asked) {
            (true, _) => HoldSource::Events,
            (false, true) => HoldSource::Polling,
            (false, false) => HoldSource::Unseen,
        }
    }
}
