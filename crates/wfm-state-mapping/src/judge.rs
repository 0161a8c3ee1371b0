//! The state of an agent at a moment: a function of what is known, and of nothing else.

use twilio_sid::ReservationSid;

use crate::facts::{Agent, Base, Facts};
use crate::leg::{Leg, Phase};
use crate::time::END;
use crate::{CalabrioState, Cause, HoldSource, MappedBy, ReasonCode};

/// A state with its reason code; `None` where nothing decides it.
pub(crate) type State<'a> = Option<(CalabrioState, Option<&'a ReasonCode>)>;

/// The last moment there is: what is known of it is the newest that is known.
const NOW: i64 = END - 1;

pub(crate) fn borrowed(owned: Option<&(CalabrioState, Option<ReasonCode>)>) -> State<'_> {
    owned.map(|(state, reason)| (*state, reason.as_ref()))
}

pub(crate) fn owned(state: State<'_>) -> Option<(CalabrioState, Option<ReasonCode>)> {
    state.map(|(state, reason)| (state, reason.cloned()))
}

impl Facts {
    /// The newest state and what decides it.
    pub(crate) fn newest(&self, agent: &Agent) -> (State<'_>, Cause) {
        self.judge(agent, NOW)
    }

    /// The state at a moment and what decides it, by the order of precedence.
    pub(crate) fn judge(&self, agent: &Agent, at: i64) -> (State<'_>, Cause) {
        if agent.deleted.is_some_and(|deleted| deleted.at <= at) {
            return (Some((CalabrioState::Logout, None)), Cause::Deleted);
        }
        let (mut talking, mut held, mut wrapping, mut digital) = (None, None, None, None);
        for leg in agent.legs.iter().map(|index| &self.legs[*index]) {
            let (slot, since) = match leg.phase(at, self.task_end(leg)) {
                Phase::Pending | Phase::Over => continue,
                Phase::Wrapping => (&mut wrapping, leg.wrapping()),
                Phase::Accepted if !self.is_voice(leg) => (&mut digital, leg.accepted()),
                Phase::Accepted if self.is_held(leg, at) => (&mut held, leg.accepted()),
                Phase::Accepted => (&mut talking, leg.accepted()),
            };
            let candidate = (since, leg.sid);
            if slot.is_none_or(|first: (Option<i64>, ReservationSid)| candidate < first) {
                *slot = Some(candidate);
            }
        }
        let sure = |state| Some((state, None));
        if let Some((_, sid)) = talking {
            return (sure(CalabrioState::Talking), Cause::Voice(sid));
        }
        if let Some((_, sid)) = held {
            return (sure(CalabrioState::Hold), Cause::Voice(sid));
        }
        let activity = agent
            .activity
            .at(at)
            .map(|index| &self.activities[index].meaning);
        if let Some((_, sid)) = wrapping {
            let state = match activity.and_then(|meaning| meaning.state) {
                Some(CalabrioState::Ready | CalabrioState::WorkReady) => CalabrioState::WorkReady,
                _ => CalabrioState::WorkNotReady,
            };
            return (sure(state), Cause::Wrapping(sid));
        }
        if let Some((_, sid)) = digital {
            return (sure(CalabrioState::Talking), Cause::Digital(sid));
        }
        match activity {
            Some(meaning) => (
                meaning.state.map(|state| (state, meaning.reason.as_ref())),
                Cause::Activity(meaning.by),
            ),
            None => (None, Cause::Nothing),
        }
    }

    pub(crate) fn is_voice(&self, leg: &Leg) -> bool {
        leg.task.is_some_and(|task| self.tasks[task].is_voice)
    }

    /// The hold of a conference counts for the leg whose conference it is: of those in conversation, the one that was accepted first. Whoever
    /// is consulted meanwhile is talking.
    fn is_held(&self, leg: &Leg, at: i64) -> bool {
        let Some(task) = leg.task.map(|task| &self.tasks[task]) else {
            return false;
        };
        if !task.hold.is_held(at) {
            return false;
        }
        let owner = task
            .legs
            .iter()
            .map(|index| &self.legs[*index])
            .filter(|other| other.phase(at, task.end()) == Phase::Accepted)
            .map(|other| (other.accepted(), other.sid))
            .min();
        owner == Some((leg.accepted(), leg.sid))
    }

    /// Since when the agent is in the newest state: the begin of the last stretch without any other.
    pub(crate) fn since(&self, agent: &Agent) -> i64 {
        self.begin(agent, NOW)
    }

    /// The begin of the stretch of one state that a moment lies in.
    pub(crate) fn begin(&self, agent: &Agent, at: i64) -> i64 {
        let (state, _) = self.judge(agent, at);
        let base_at = agent.base.as_ref().map_or(i64::MIN, |base| base.at);
        let mut cursor = at.saturating_add(1);
        loop {
            let bound = self.bound_before(agent, cursor);
            match (bound, &agent.base) {
                (Some(bound), _) if bound > base_at => {
                    if self.judge(agent, bound - 1).0 != state {
                        return bound;
                    }
                    cursor = bound;
                }
                (
                    _,
                    Some(Base {
                        state: known,
                        since: Some(since),
                        ..
                    }),
                ) if borrowed(known.as_ref()) == state => {
                    return *since;
                }
                (_, Some(base)) => return base.at,
                (Some(bound), None) => return bound,
                (None, None) => return if cursor > at { 0 } else { cursor },
            }
        }
    }

    /// The last moment before another at which anything changed that the state depends on.
    fn bound_before(&self, agent: &Agent, cursor: i64) -> Option<i64> {
        let mut last = None;
        let mut note = |bound: i64| {
            if bound < cursor {
                last = last.max(Some(bound));
            }
        };
        if let Some(deleted) = agent.deleted {
            note(deleted.at);
        }
        for (step, _) in agent.activity.steps() {
            note(*step);
        }
        for leg in agent.legs.iter().map(|index| &self.legs[*index]) {
            leg.bounds(self.task_end(leg))
                .into_iter()
                .for_each(&mut note);
            let Some(task) = leg.task.map(|task| &self.tasks[task]) else {
                continue;
            };
            if task.hold.spans().is_empty() {
                continue;
            }
            for (from, to) in task.hold.spans() {
                note(*from);
                note(*to);
            }
            // With another's part the conference may change its owner.
            for other in task.legs.iter().map(|index| &self.legs[*index]) {
                other.bounds(task.end()).into_iter().for_each(&mut note);
            }
        }
        last
    }

    /// The agent's accepted voice reservation that the state follows, or that it would follow.
    pub(crate) fn voice_leg(&self, agent: &Agent) -> Option<&Leg> {
        agent
            .legs
            .iter()
            .map(|index| &self.legs[*index])
            .filter(|leg| {
                self.is_voice(leg) && leg.phase(NOW, self.task_end(leg)) == Phase::Accepted
            })
            .min_by_key(|leg| (leg.accepted(), leg.sid))
    }

    pub(crate) fn hold_source(&self, agent: &Agent, otherwise: HoldSource) -> HoldSource {
        let hold = self
            .voice_leg(agent)
            .and_then(|leg| leg.task)
            .map(|task| &self.tasks[task].hold);
        match hold {
            None => otherwise,
            Some(hold) if hold.is_told => HoldSource::Events,
            Some(hold) if hold.asked_at.is_some() => HoldSource::Polling,
            Some(_) => HoldSource::Unseen,
        }
    }

    pub(crate) fn is_over(&self, leg: &Leg, at: i64) -> bool {
        leg.phase(at, self.task_end(leg)) == Phase::Over
    }

    /// Whether the state of an agent's activity is not known for want of the activity.
    pub(crate) fn is_undecided(&self, agent: &Agent) -> bool {
        matches!(self.newest(agent).1, Cause::Activity(MappedBy::Nothing))
    }
}
