//! The life of a floor: shifts, contacts that come, offers, conversations. One happening after the other, each by the floor's dice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::timeline::{Agent, Contact, Leg, Names, Outcome, Queue, Timeline};
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

const FIRST: [&str; 12] = [
    "Amara", "Bela", "Chloé", "Dinesh", "Erik", "Fatima", "Gösta", "Hui", "Inés", "Jakub", "Kofi",
    "Leila",
];
const LAST: [&str; 11] = [
    "Adeyemi",
    "Brandt",
    "Costa, Jr.",
    "Dvořák",
    "Eriksen",
    "Fraser",
    "Gupta",
    "Haddad",
    "Ito",
    "Jansen",
    "O'Neill",
];
const QUEUES: [&str; 6] = [
    "Billing",
    "Orders & Returns",
    "Technical, Tier 1",
    "Ventes",
    "Schäden",
    "VIP",
];

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
        .map(|index| agent(&mut dice, index))
        .collect();
    let queues: Vec<Queue> = (0..size(scenario.queues))
        .map(|index| queue(&mut dice, index))
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

fn agent(dice: &mut Dice, index: usize) -> Agent {
    let (first, last) = (
        FIRST[index % FIRST.len()],
        LAST[index / FIRST.len() % LAST.len()],
    );
    let full_name = match index / (FIRST.len() * LAST.len()) {
        0 => format!("{first} {last}"),
        more => format!("{first} {last} {}", more + 1),
    };
    Agent {
        sid: dice.sid("WK"),
        names: vec![Names {
            at: Millis::MIN,
            login: format!("agent-{index:03}@example.com"),
            full_name,
        }],
        activities: vec![(Millis::MIN, OFFLINE)],
    }
}

fn queue(dice: &mut Dice, index: usize) -> Queue {
    let name = QUEUES[index % QUEUES.len()];
    let name = match index / QUEUES.len() {
        0 => name.to_owned(),
        more => format!("{name} {}", more + 1),
    };
    Queue {
        sid: dice.sid("WQ"),
        names: vec![(Millis::MIN, name)],
    }
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

    /// One of the activities for breaks.
    fn rest(&mut self) -> usize {
        2 + self.dice.index(self.scenario.activities.len() - 2)
    }

    /// Shifts, breaks, the first contacts, and who and what is renamed.
    fn plan(&mut self) {
        let (from, to) = (self.made.from, self.made.to);
        let (length, agents) = (to - from, Millis::from(self.scenario.agents));
        let shift = length / 3;
        for index in 0..self.live.len() {
            let start = from + length * Millis::try_from(index).unwrap_or(0) / agents;
            let end = start + shift;
            let early = (end > to).then_some((from, end - length));
            for (start, end) in [Some((start, end.min(to))), early].into_iter().flatten() {
                let end = end.min(self.close);
                if end - start >= length / 20 {
                    self.shift(index, start, end);
                }
            }
            if index == self.live.len() / 2 {
                let names = &mut self.made.agents[index].names;
                names.push(Names {
                    at: start + shift / 2 + 437_211,
                    login: format!("agent-{index:03}-new@example.com"),
                    full_name: format!("{} (Ståhl)", names[0].full_name),
                });
            }
        }
        let renamed = &mut self.made.queues[0];
        let name = format!("{} Europe", renamed.names[0].1);
        renamed.names.push((from + length / 2 + 431_007, name));
        for queue in 0..self.made.queues.len() {
            for voice in [true, false] {
                self.next(queue, voice);
            }
        }
    }

    fn shift(&mut self, agent: usize, start: Millis, end: Millis) {
        let login = start + self.span(SECOND, 20 * SECOND);
        self.later(login, Happening::Login(agent));
        let end = end + self.span(0, MINUTE);
        self.later(end, Happening::Logout(agent));
        let length = u64::try_from(end - login).unwrap_or(0);
        let mut at = login;
        loop {
            at += self.span(length / 6, length / 4);
            if at + millis(length / 10) >= end {
                return;
            }
            let (activity, rest) = (self.rest(), self.span(length / 60, length / 20));
            self.later(at, Happening::BreakDue(agent, activity, rest));
        }
    }

    /// When the next contact of a queue comes.
    fn next(&mut self, queue: usize, voice: bool) {
        let rate = if voice {
            self.scenario.calls_per_agent_hour
        } else {
            self.scenario.chats_per_agent_hour
        };
        let on_shift = f64::from(self.scenario.agents) / 3.0;
        let per_hour = rate * on_shift / f64::from(self.scenario.queues);
        if per_hour <= 0.0 {
            return;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate between 0 and a few thousand an hour"
        )]
        let mean = (3_600_000.0 / per_hour).min(1e12) as u64;
        let at = self.now + self.span(1, mean.saturating_mul(2));
        if at < self.close {
            self.later(
                at,
                Happening::Come {
                    queue,
                    voice,
                    again: true,
                },
            );
        }
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

    fn come(&mut self, queue: usize, voice: bool, again: bool) {
        let contact = self.made.contacts.len();
        let dice = &mut self.dice;
        self.made.contacts.push(Contact {
            sid: dice.sid("WT"),
            voice,
            queue,
            created: self.now,
            customer: dice.phone(),
            customer_call: dice.sid("CA"),
            conference: dice.sid("CF"),
            legs: Vec::new(),
            holds: Vec::new(),
            abandoned: None,
            left: OPEN,
            transfer: None,
        });
        let patience = if self.percent(8) {
            self.span(2 * SECOND, 9 * SECOND)
        } else {
            self.span(45 * SECOND, 120 * SECOND)
        };
        self.later(self.now + patience, Happening::GiveUp(contact));
        if again {
            self.next(queue, voice);
            // Now and then many come at once, and must wait.
            if self.dice.index(60) == 0 {
                for _ in 0..=(self.live.len() / 3).min(MANY) {
                    let at = self.now + self.span(10, 10 * SECOND);
                    self.later(
                        at,
                        Happening::Come {
                            queue,
                            voice,
                            again: false,
                        },
                    );
                }
            }
        }
        if !self.offer(contact) {
            self.waiting[usize::from(!voice)][queue].push_back(contact);
        }
    }

    /// A free agent who has not turned the contact down.
    fn find(&mut self, voice: bool, contact: usize) -> Option<usize> {
        let legs = &self.made.contacts[contact].legs;
        let free = &self.free[usize::from(!voice)];
        let mut round = free.range(self.cursor..).chain(free.range(..self.cursor));
        let found = *round.find(|agent| !legs.iter().any(|leg| leg.agent == **agent))?;
        self.cursor = (found + 1) % self.live.len();
        Some(found)
    }

    /// Changes what is known of an agent, and with it who is free.
    fn alter<T>(&mut self, agent: usize, change: impl FnOnce(&mut Live) -> T) -> T {
        let live = &mut self.live[agent];
        let changed = change(live);
        for (free, voice) in self.free.iter_mut().zip([true, false]) {
            if live.takes(voice) {
                free.insert(agent);
            } else {
                free.remove(&agent);
            }
        }
        changed
    }

    fn add_leg(&mut self, contact: usize, agent: usize, offered: Millis, called_in: bool) -> usize {
        let leg = Leg {
            sid: self.dice.sid("WR"),
            agent,
            offered,
            outcome: Outcome::Canceled(OPEN),
            called_in,
            call: self.dice.sid("CA"),
        };
        let legs = &mut self.made.contacts[contact].legs;
        legs.push(leg);
        legs.len() - 1
    }

    fn offer(&mut self, contact: usize) -> bool {
        let Some(agent) = self.find(self.made.contacts[contact].voice, contact) else {
            return false;
        };
        let leg = self.add_leg(contact, agent, self.now, false);
        self.alter(agent, |live| live.offered = true);
        let (after, happening) = match self.dice.between(1, 100) {
            1..=4 => (
                self.span(2 * SECOND, 6 * SECOND),
                Happening::Decline(contact, leg, false),
            ),
            5..=7 => (15_000, Happening::Decline(contact, leg, true)),
            _ => (
                self.span(1_500, 7 * SECOND),
                Happening::Accept(contact, leg),
            ),
        };
        self.later(self.now + after, happening);
        true
    }

    /// Offers what waits, as long as anybody takes it.
    fn dispatch(&mut self) {
        for channel in 0..2 {
            for queue in 0..self.made.queues.len() {
                let mut kept = Vec::new();
                while !self.free[channel].is_empty()
                    && let Some(contact) = self.waiting[channel][queue].pop_front()
                {
                    if !self.offer(contact) {
                        kept.push(contact);
                    }
                }
                for contact in kept.into_iter().rev() {
                    self.waiting[channel][queue].push_front(contact);
                }
            }
        }
    }

    fn is_open(&self, contact: usize, leg: usize) -> bool {
        self.made.contacts[contact].legs[leg].outcome == Outcome::Canceled(OPEN)
    }

    fn give_up(&mut self, contact: usize) {
        let now = self.now;
        let it = &mut self.made.contacts[contact];
        if it.taken().next().is_some() {
            return;
        }
        it.abandoned = Some(now);
        let mut pending = None;
        for leg in &mut it.legs {
            if leg.outcome == Outcome::Canceled(OPEN) {
                leg.outcome = Outcome::Canceled(now);
                pending = Some(leg.agent);
            }
        }
        let (channel, queue) = (usize::from(!it.voice), it.queue);
        self.waiting[channel][queue].retain(|waiting| *waiting != contact);
        if let Some(agent) = pending {
            self.alter(agent, |live| live.offered = false);
            self.done(agent);
        }
    }

    fn decline(&mut self, contact: usize, leg: usize, late: bool) {
        if !self.is_open(contact, leg) {
            return;
        }
        let now = self.now;
        let it = &mut self.made.contacts[contact];
        let (channel, queue, agent) = (usize::from(!it.voice), it.queue, it.legs[leg].agent);
        it.legs[leg].outcome = if late {
            Outcome::TimedOut(now)
        } else {
            Outcome::Rejected(now)
        };
        self.waiting[channel][queue].push_front(contact);
        self.alter(agent, |live| live.offered = false);
        // Whoever does not answer is not asked again for a while.
        if late
            && self.live[agent].activity == WORKING
            && !self.live[agent].is_busy()
            && self.live[agent].wish.is_none()
        {
            let away = self.span(30 * SECOND, 90 * SECOND);
            self.rest_in(agent, 2, away);
        }
        self.done(agent);
    }

    fn accept(&mut self, contact: usize, leg: usize) {
        if !self.is_open(contact, leg) {
            return;
        }
        let (now, voice) = (self.now, self.made.contacts[contact].voice);
        let agent = self.made.contacts[contact].legs[leg].agent;
        self.take(contact, leg, now);
        self.alter(agent, |live| live.offered = false);
        if !voice {
            self.alter(agent, |live| live.chats += 1);
            let end = now + self.span(60 * SECOND, 480 * SECOND);
            self.finish(contact, leg, end, true);
            self.dispatch();
            return;
        }
        self.alter(agent, |live| live.voice = true);
        let talk = self.span(40 * SECOND, 360 * SECOND);
        if self.percent(35) {
            let from = now + 2_000 + talk / 8;
            let to = from + self.span(3 * SECOND, 9 * SECOND).min(talk / 8);
            self.made.contacts[contact].holds.push((from, to));
        }
        match self.dice.between(1, 100) {
            share @ 1..=18 => {
                let transfer = share > 8;
                self.later(
                    now + talk * 2 / 5,
                    Happening::Consult {
                        contact,
                        leg,
                        transfer,
                    },
                );
            }
            share => {
                let end = now + talk;
                self.finish(contact, leg, end, true);
                let left = self.made.contacts[contact].left;
                if share > 90 {
                    // Until they hang up, or nearly.
                    let until = if share > 95 { left } else { left - 1_700 };
                    self.made.contacts[contact]
                        .holds
                        .push((now + talk / 2, until));
                }
            }
        }
    }

    fn take(&mut self, contact: usize, leg: usize, at: Millis) {
        self.made.contacts[contact].legs[leg].outcome = Outcome::Accepted {
            at,
            wrap_up: OPEN,
            completed: OPEN,
        };
    }

    /// Another agent is called in while the customer is on hold; some take the customer over.
    fn consult(&mut self, contact: usize, leg: usize, transfer: bool) {
        let Some(other) = self.find(true, contact) else {
            let end = self.now + self.span(20 * SECOND, 120 * SECOND);
            self.finish(contact, leg, end, true);
            return;
        };
        let offered = self.now + self.span(150, 400);
        let called = self.add_leg(contact, other, offered, true);
        self.alter(other, |live| live.voice = true);
        let accepted = offered + self.span(1_500, 5 * SECOND);
        self.take(contact, called, accepted);
        let spoken = accepted + self.span(10 * SECOND, 50 * SECOND);
        self.made.contacts[contact]
            .holds
            .push((self.now, spoken + 310));
        if transfer {
            self.made.contacts[contact].transfer = Some((leg, called, spoken + 640));
            self.finish(contact, leg, spoken + 930, false);
            let end = spoken + self.span(40 * SECOND, 240 * SECOND);
            if self.percent(30) {
                let hold = (
                    spoken + 12_000,
                    spoken + 12_000 + self.span(4 * SECOND, 20 * SECOND),
                );
                self.made.contacts[contact].holds.push(hold);
            }
            self.finish(contact, called, end, true);
        } else {
            self.finish(contact, called, spoken + 120, false);
            let end = spoken + self.span(20 * SECOND, 120 * SECOND);
            self.finish(contact, leg, end, true);
        }
    }

    /// The conversation of a leg ends; with the last one the customer leaves.
    fn finish(&mut self, contact: usize, leg: usize, end: Millis, last: bool) {
        let wrap = if self.percent(10) {
            350
        } else {
            self.span(4 * SECOND, 45 * SECOND)
        };
        let it = &mut self.made.contacts[contact];
        if last {
            it.left = end - 430;
        }
        let agent = it.legs[leg].agent;
        if let Outcome::Accepted {
            wrap_up, completed, ..
        } = &mut it.legs[leg].outcome
        {
            (*wrap_up, *completed) = (end, end + wrap);
        }
        self.later(end + wrap, Happening::Free(contact, leg));
        if wrap > 5_000 && self.percent(15) {
            let activity = self.rest();
            let (after, rest) = (
                self.span(600, 3 * SECOND),
                self.span(15 * SECOND, 90 * SECOND),
            );
            self.later(end + after, Happening::Switch(agent, activity, wrap + rest));
        }
    }

    fn free(&mut self, contact: usize, leg: usize) {
        let it = &self.made.contacts[contact];
        let (agent, voice) = (it.legs[leg].agent, it.voice);
        self.alter(agent, |live| {
            if voice {
                live.voice = false;
            } else {
                live.chats -= 1;
            }
        });
        self.done(agent);
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
