//! The life of a floor: shifts, contacts that come, offers, conversations. One happening after the other, each by the floor's dice.

mod cast;
mod offer;
mod plan;
mod talk;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::timeline::{Queue, Timeline};
use super::{FloorScenario, Millis};
use crate::world::dice::Dice;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
/// Nothing new comes in the last minutes of the day.
const LAST_MINUTES: Millis = 20 * 60 * 1_000;
/// An instant that is not known yet.
const OPEN: Millis = Millis::MAX;
/// Index of the activity of who is logged out, and of the one in which agents work.
const OFFLINE: usize = 0;
const WORKING: usize = 1;
/// How many come at once at most, where many do.
const MANY: usize = 20;
/// How many chats an agent has at once.
const CHATS: u32 = 2;

#[derive(Debug, Clone, Copy)]
enum Happening {
    Login(usize),
    Logout(usize),
    BreakDue(usize, usize, Millis),
    /// The end of a break, unless the agent's activity changed since.
    Back(usize, u32),
    /// Another activity during wrap-up.
    Switch(usize, usize, Millis),
    Come {
        queue: usize,
        voice: bool,
        again: bool,
    },
    GiveUp(usize),
    Accept(usize, usize),
    Decline(usize, usize, bool),
    Consult {
        contact: usize,
        leg: usize,
        transfer: bool,
    },
    Free(usize, usize),
    /// What an agent wished to do, a moment after their work was done.
    Wished(usize),
}

/// What an agent will do once their work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Rest(usize, Millis),
    Leave,
}

#[derive(Debug, Clone, Default)]
struct Live {
    activity: usize,
    /// How often the activity changed.
    stint: u32,
    voice: bool,
    chats: u32,
    offered: bool,
    wish: Option<Wish>,
}

impl Live {
    fn is_busy(&self) -> bool {
        self.voice || self.chats > 0 || self.offered
    }

    fn takes(&self, voice: bool) -> bool {
        let room = if voice {
            !self.voice
        } else {
            self.chats < CHATS
        };
        room && self.activity == WORKING && !self.offered && self.wish.is_none()
    }
}

struct Floor<'a> {
    scenario: &'a FloorScenario,
    dice: Dice,
    now: Millis,
    close: Millis,
    coming: BTreeMap<(Millis, u64), Happening>,
    numbered: u64,
    live: Vec<Live>,
    /// Who takes calls, and who takes chats.
    free: [BTreeSet<usize>; 2],
    /// Contacts that wait, by queue; calls and chats apart.
    waiting: [Vec<VecDeque<usize>>; 2],
    /// Where the search for a free agent goes on.
    cursor: usize,
    made: Timeline,
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn millis(number: u64) -> Millis {
    Millis::try_from(number).unwrap_or(Millis::MAX)
}

/// The timeline of a scenario that was checked.
pub(crate) fn live(scenario: &FloorScenario, mut dice: Dice) -> Timeline {
    let from = scenario.from.timestamp_millis();
    let to = from + Millis::from(scenario.hours) * 3_600_000;
    let agents = (0..size(scenario.agents))
        .map(|index| cast::agent(&mut dice, index))
        .collect();
    let queues: Vec<Queue> = (0..size(scenario.queues))
        .map(|index| cast::queue(&mut dice, index))
        .collect();
    let lines = vec![VecDeque::new(); queues.len()];
    let mut floor = Floor {
        scenario,
        dice,
        now: from,
        close: to - LAST_MINUTES,
        coming: BTreeMap::new(),
        numbered: 0,
        live: vec![Live::default(); size(scenario.agents)],
        free: Default::default(),
        waiting: [lines.clone(), lines],
        cursor: 0,
        made: Timeline {
            from,
            to,
            agents,
            queues,
            contacts: Vec::new(),
        },
    };
    floor.plan();
    while let Some(((at, _), happening)) = floor.coming.pop_first() {
        floor.now = at;
        floor.happen(happening);
    }
    floor.made
}

impl Floor<'_> {
    fn later(&mut self, at: Millis, happening: Happening) {
        self.numbered += 1;
        self.coming.insert((at, self.numbered), happening);
    }

    fn span(&mut self, min: u64, max: u64) -> Millis {
        self.dice.millis(min, max)
    }

    fn percent(&mut self, share: u64) -> bool {
        self.dice.between(1, 100) <= share
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Login(agent) => {
                self.alter(agent, |live| live.wish = None);
                self.set(agent, WORKING);
                self.dispatch();
            }
            Happening::Logout(agent) if self.live[agent].is_busy() => {
                self.alter(agent, |live| live.wish = Some(Wish::Leave));
            }
            Happening::Logout(agent) => self.set(agent, OFFLINE),
            Happening::BreakDue(agent, activity, rest) => self.break_due(agent, activity, rest),
            Happening::Back(agent, stint) => {
                let live = &self.live[agent];
                if live.stint == stint && live.wish != Some(Wish::Leave) {
                    self.set(agent, WORKING);
                    self.dispatch();
                }
            }
            Happening::Switch(agent, activity, rest) => {
                if self.live[agent].activity == WORKING && self.live[agent].wish.is_none() {
                    self.rest_in(agent, activity, rest);
                }
            }
            Happening::Come {
                queue,
                voice,
                again,
            } => self.come(queue, voice, again),
            Happening::GiveUp(contact) => self.give_up(contact),
            Happening::Accept(contact, leg) => self.accept(contact, leg),
            Happening::Decline(contact, leg, late) => self.decline(contact, leg, late),
            Happening::Consult {
                contact,
                leg,
                transfer,
            } => self.consult(contact, leg, transfer),
            Happening::Free(contact, leg) => self.free(contact, leg),
            Happening::Wished(agent) => self.wished(agent),
        }
    }

    fn set(&mut self, agent: usize, activity: usize) {
        if self.live[agent].activity != activity {
            self.alter(agent, |live| {
                live.activity = activity;
                live.stint += 1;
            });
            self.made.agents[agent]
                .activities
                .push((self.now, activity));
        }
    }

    fn rest_in(&mut self, agent: usize, activity: usize, rest: Millis) {
        self.set(agent, activity);
        let stint = self.live[agent].stint;
        self.later(self.now + rest, Happening::Back(agent, stint));
    }

    fn break_due(&mut self, agent: usize, activity: usize, rest: Millis) {
        let live = &self.live[agent];
        if live.activity != WORKING || live.wish.is_some() {
            return;
        }
        // Some say at once that they are away, though they still talk.
        if live.is_busy() && !self.percent(25) {
            self.alter(agent, |live| live.wish = Some(Wish::Rest(activity, rest)));
        } else {
            self.rest_in(agent, activity, rest);
        }
    }

    /// Something of an agent's work is over.
    fn done(&mut self, agent: usize) {
        if !self.live[agent].is_busy() && self.live[agent].wish.is_some() {
            let after = self.span(200, 900);
            self.later(self.now + after, Happening::Wished(agent));
        }
        self.dispatch();
    }

    fn wished(&mut self, agent: usize) {
        if self.live[agent].is_busy() {
            return;
        }
        match self.alter(agent, |live| live.wish.take()) {
            Some(Wish::Leave) => self.set(agent, OFFLINE),
            Some(Wish::Rest(activity, rest)) => self.rest_in(agent, activity, rest),
            None => {}
        }
    }
}
