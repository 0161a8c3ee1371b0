//! What is known of every agent at once.

use chrono::{DateTime, Utc};
use serde::Serialize;
use twilio_sid::{ReservationSid, TaskSid, WorkerSid};

use crate::leg::Phase;
use crate::time::{END, instant};
use crate::{AgentStates, CalabrioState, Cause, HoldSource, ReasonCode, StateChange};

/// One agent in the table that `sync-wfm adherence` prints.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct AgentRow {
    /// The agent.
    pub agent: WorkerSid,
    /// The full name from the attributes, else the friendly name. `Debug` does not show it.
    pub name: Option<String>,
    /// The state; absent where nothing decides it yet.
    pub state: Option<CalabrioState>,
    /// The reason code.
    pub reason_code: Option<ReasonCode>,
    /// Since when; absent where the state is.
    pub since: Option<DateTime<Utc>>,
    /// What decides the state.
    pub cause: Cause,
    /// How hold is seen.
    pub hold_source: HoldSource,
    /// The name of the agent's activity at Twilio.
    pub activity: Option<String>,
}

impl std::fmt::Debug for AgentRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentRow")
            .field("agent", &self.agent)
            .field("state", &self.state)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

/// A call whose conference has told no event: whoever wants to see its holds must ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntoldCall {
    /// The task: in Flex also the name of the conference.
    pub task: TaskSid,
    /// The agent's reservation.
    pub reservation: ReservationSid,
    /// When it was asked about last.
    pub asked_at: Option<DateTime<Utc>>,
}

impl AgentStates {
    /// The newest state of every agent of whom one is known: to be sent after the start and after an outage. In no order.
    pub fn snapshot(&self) -> impl Iterator<Item = StateChange> + '_ {
        self.facts
            .agents
            .iter()
            .filter_map(|(index, _)| self.change(index))
    }

    /// The newest state of one agent.
    pub fn state_of(&self, agent: WorkerSid) -> Option<StateChange> {
        self.change(*self.facts.agent_of.get(&agent)?)
    }

    /// How many agents are known.
    pub fn agent_count(&self) -> usize {
        self.facts.agents.len()
    }

    /// How many agents are in an activity of which no mapping and no flag says what it is.
    pub fn undecided_count(&self) -> usize {
        let agents = self.facts.agents.iter();
        agents
            .filter(|(_, agent)| self.facts.is_undecided(agent))
            .count()
    }

    /// Every agent, by name and then by SID.
    pub fn table(&self) -> Vec<AgentRow> {
        let row = |(index, agent): (usize, &crate::facts::Agent)| {
            let change = self.change(index);
            let activity = agent.activity.at(END - 1);
            AgentRow {
                agent: agent.sid,
                name: agent.names.best().map(str::to_owned),
                state: change.as_ref().map(|change| change.state),
                since: change.as_ref().map(|change| change.since),
                reason_code: change.and_then(|change| change.reason_code),
                cause: self.facts.newest(agent).1,
                hold_source: self.facts.hold_source(agent, self.usual_hold_source()),
                activity: activity.and_then(|index| self.facts.activities[index].name.clone()),
            }
        };
        let mut rows: Vec<_> = self.facts.agents.iter().map(row).collect();
        rows.sort_by_cached_key(|row| {
            let name = row.name.as_deref().map(str::to_lowercase);
            (name.is_none(), name, row.agent)
        });
        rows
    }

    /// The calls that are going on and whose conferences have told no event, those that were never asked about first, then those for which it
    /// is longest ago.
    pub fn untold_calls(&self) -> Vec<UntoldCall> {
        let facts = &self.facts;
        let mut calls: Vec<_> = facts
            .tasks
            .iter()
            .filter(|(_, task)| task.is_voice && !task.hold.is_told)
            .filter_map(|(_, task)| {
                let legs = task.legs.iter().map(|leg| &facts.legs[*leg]);
                let leg = legs
                    .filter(|leg| leg.phase(END - 1, task.end()) == Phase::Accepted)
                    .min_by_key(|leg| (leg.accepted(), leg.sid))?;
                Some(UntoldCall {
                    task: task.sid,
                    reservation: leg.sid,
                    asked_at: task.hold.asked_at.map(instant),
                })
            })
            .collect();
        calls.sort_by_key(|call| (call.asked_at, call.task));
        calls
    }
}
