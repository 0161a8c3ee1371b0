//! Which state each agent was in at each moment: what Calabrio should have been told.
//!
//! The first that applies: an accepted call (Hold where its customer is on hold, else Talking); wrap-up; an accepted contact of another
//! channel (Talking); the activity.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::scenario::{ActivityMapped, FloorActivity, FloorState};
use super::timeline::{Contact, Stretch, Timeline};
use super::{Millis, instant};

/// From an instant until another an agent was in one state, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StateSpan {
    /// Its first moment.
    pub from: DateTime<Utc>,
    /// The moment after it.
    pub to: DateTime<Utc>,
    /// The state.
    pub state: FloorState,
    /// The reason code that goes along.
    pub reason: Option<String>,
}

/// The states of one agent through the whole day: without gap or overlap, each another than the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AgentDay {
    /// The agent.
    pub agent: String,
    /// The states.
    pub spans: Vec<StateSpan>,
    /// States of no length: of several things that happened in the same millisecond, one may be heard before the other.
    pub moments: Vec<StateSpan>,
}

impl AgentDay {
    /// The state at a moment: the first one before the day, the last one after it.
    pub fn at(&self, now: DateTime<Utc>) -> Option<&StateSpan> {
        let after = self.spans.partition_point(|span| span.from <= now);
        self.spans.get(after.saturating_sub(1))
    }
}

/// A state with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown(FloorState, Option<String>);

#[derive(Debug, Clone, Copy)]
enum Change {
    Activity(usize),
    Accepted { leg: usize, voice: bool },
    Held(usize, bool),
    WrappedUp(usize),
    Over(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Talking { voice: bool, held: bool },
    WrappingUp,
}

#[derive(Debug, Clone, Default)]
struct Situation {
    activity: usize,
    legs: Vec<(usize, Phase)>,
}

impl Situation {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Activity(activity) => self.activity = activity,
            Change::Accepted { leg, voice } => {
                let held = false;
                self.legs.push((leg, Phase::Talking { voice, held }));
            }
            Change::Held(leg, now) => {
                for (known, phase) in &mut self.legs {
                    if let (true, Phase::Talking { held, .. }) = (*known == leg, phase) {
                        *held = now;
                    }
                }
            }
            Change::WrappedUp(leg) => {
                for (known, phase) in &mut self.legs {
                    if *known == leg {
                        *phase = Phase::WrappingUp;
                    }
                }
            }
            Change::Over(leg) => self.legs.retain(|(known, _)| *known != leg),
        }
    }

    fn shown(&self, activities: &[FloorActivity]) -> Shown {
        let mut calls = self.legs.iter().filter_map(|(_, phase)| match phase {
            Phase::Talking { voice: true, held } => Some(*held),
            _ => None,
        });
        if let Some(first) = calls.next() {
            let held = first && calls.all(|held| held);
            return Shown(
                if held {
                    FloorState::Hold
                } else {
                    FloorState::Talking
                },
                None,
            );
        }
        let activity = activity(activities, self.activity);
        if self
            .legs
            .iter()
            .any(|(_, phase)| *phase == Phase::WrappingUp)
        {
            let ready = matches!(activity.0, FloorState::Ready | FloorState::WorkReady);
            let state = if ready {
                FloorState::WorkReady
            } else {
                FloorState::WorkNotReady
            };
            return Shown(state, None);
        }
        if self.legs.is_empty() {
            activity
        } else {
            Shown(FloorState::Talking, None)
        }
    }
}

/// What an activity by itself comes to.
fn activity(activities: &[FloorActivity], index: usize) -> Shown {
    let Some(activity) = activities.get(index) else {
        return Shown(FloorState::Logout, None);
    };
    let Some(ActivityMapped {
        state,
        state_reason_code,
    }) = activity.mapped
    else {
        let state = match (index, activity.available) {
            (0, _) => FloorState::Logout,
            (_, true) => FloorState::Ready,
            (_, false) => FloorState::NotReady,
        };
        return Shown(state, None);
    };
    let takes_reason = matches!(
        state,
        FloorState::NotReady | FloorState::WorkNotReady | FloorState::WorkReady
    );
    let reason = state_reason_code && takes_reason;
    Shown(state, reason.then(|| activity.name.replace(',', "")))
}

/// The state of an activity by itself.
pub(super) fn activity_state(activities: &[FloorActivity], index: usize) -> FloorState {
    activity(activities, index).0
}

/// When the customer of a contact was on hold, by the leg for which that counts: of those in conversation the one accepted first.
pub(super) fn held(contact: &Contact) -> Vec<(usize, Stretch)> {
    let mut talking: Vec<(usize, Millis, Millis)> = contact
        .legs
        .iter()
        .enumerate()
        .filter_map(|(leg, it)| it.accepted().map(|(at, wrap_up, _)| (leg, at, wrap_up)))
        .collect();
    talking.sort_by_key(|(leg, at, _)| (*at, *leg));
    let mut held = Vec::new();
    let mut left: Vec<Stretch> = contact.holds.clone();
    for (leg, at, wrap_up) in talking {
        let mut rest = Vec::new();
        for (from, to) in left {
            let (begin, end) = (from.max(at), to.min(wrap_up));
            if begin >= end {
                rest.push((from, to));
                continue;
            }
            held.push((leg, (begin, end)));
            rest.extend(
                [(from, begin), (end, to)]
                    .into_iter()
                    .filter(|(from, to)| from < to),
            );
        }
        left = rest;
    }
    held
}

/// The days of all agents.
pub(super) fn days(timeline: &Timeline, activities: &[FloorActivity]) -> Vec<AgentDay> {
    let mut changes: Vec<Vec<(Millis, Change)>> = timeline
        .agents
        .iter()
        .map(|agent| {
            let each = agent.activities.iter();
            each.map(|(at, activity)| (*at, Change::Activity(*activity)))
                .collect()
        })
        .collect();
    let mut number = 0;
    for contact in &timeline.contacts {
        let voice = contact.voice;
        for leg in &contact.legs {
            number += 1;
            if let Some((at, wrap_up, over)) = leg.accepted() {
                changes[leg.agent].extend([
                    (at, Change::Accepted { leg: number, voice }),
                    (wrap_up, Change::WrappedUp(number)),
                    (over, Change::Over(number)),
                ]);
            }
        }
        let first = number - contact.legs.len() + 1;
        for (leg, (from, to)) in held(contact) {
            let of = &mut changes[contact.legs[leg].agent];
            of.extend([
                (from, Change::Held(first + leg, true)),
                (to, Change::Held(first + leg, false)),
            ]);
        }
    }
    let agents = timeline.agents.iter().zip(changes);
    agents
        .map(|(agent, changes)| day(agent.sid.clone(), changes, timeline, activities))
        .collect()
}

fn day(
    agent: String,
    mut changes: Vec<(Millis, Change)>,
    timeline: &Timeline,
    activities: &[FloorActivity],
) -> AgentDay {
    // Stable: what one leg went through in the same millisecond stays in its order.
    changes.sort_by_key(|(at, _)| *at);
    let mut situation = Situation::default();
    let mut line: Vec<(Millis, Shown)> = Vec::new();
    let mut moments = Vec::new();
    for together in changes.chunk_by(|a, b| a.0 == b.0) {
        let at = together[0].0.max(timeline.from);
        if together.len() > 1 && at > timeline.from {
            for shown in between(&situation, together, activities) {
                moments.push(span(at, at, shown));
            }
        }
        for (_, change) in together {
            situation.apply(*change);
        }
        let shown = situation.shown(activities);
        if line.last().is_none_or(|(_, last)| *last != shown) {
            line.push((at, shown));
        }
    }
    let ends: Vec<Millis> = line
        .iter()
        .skip(1)
        .map(|(at, _)| *at)
        .chain([timeline.to])
        .collect();
    let spans = line
        .into_iter()
        .zip(ends)
        .map(|((from, shown), to)| span(from, to, shown));
    AgentDay {
        agent,
        spans: spans.filter(|span| span.from < span.to).collect(),
        moments,
    }
}

fn span(from: Millis, to: Millis, Shown(state, reason): Shown) -> StateSpan {
    StateSpan {
        from: instant(from),
        to: instant(to),
        state,
        reason,
    }
}

/// Every state that shows while some of the changes of one millisecond are known and others not, the last one too.
fn between(
    before: &Situation,
    together: &[(Millis, Change)],
    activities: &[FloorActivity],
) -> Vec<Shown> {
    let known = together.len().min(6);
    let mut seen = Vec::new();
    for some in 1_u32..1 << known {
        let mut situation = before.clone();
        for (place, (_, change)) in together.iter().enumerate() {
            if place >= known || some & 1 << place != 0 {
                situation.apply(*change);
            }
        }
        let shown = situation.shown(activities);
        if !seen.contains(&shown) {
            seen.push(shown);
        }
    }
    seen
}
