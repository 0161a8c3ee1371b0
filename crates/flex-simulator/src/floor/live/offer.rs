//! Contacts come, wait, are offered, turned down and given up.

use super::super::Millis;
use super::super::timeline::{Contact, Leg, Outcome};
use super::{Floor, Happening, Live, MANY, OPEN, SECOND, WORKING};

impl Floor<'_> {
    pub(super) fn come(&mut self, queue: usize, voice: bool, again: bool) {
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
    pub(super) fn find(&mut self, voice: bool, contact: usize) -> Option<usize> {
        let legs = &self.made.contacts[contact].legs;
        let free = &self.free[usize::from(!voice)];
        let mut round = free.range(self.cursor..).chain(free.range(..self.cursor));
        let found = *round.find(|agent| !legs.iter().any(|leg| leg.agent == **agent))?;
        self.cursor = (found + 1) % self.live.len();
        Some(found)
    }

    /// Changes what is known of an agent, and with it who is free.
    pub(super) fn alter<T>(&mut self, agent: usize, change: impl FnOnce(&mut Live) -> T) -> T {
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

    pub(super) fn add_leg(
        &mut self,
        contact: usize,
        agent: usize,
        offered: Millis,
        called_in: bool,
    ) -> usize {
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

    pub(super) fn offer(&mut self, contact: usize) -> bool {
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
    pub(super) fn dispatch(&mut self) {
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

    pub(super) fn is_open(&self, contact: usize, leg: usize) -> bool {
        self.made.contacts[contact].legs[leg].outcome == Outcome::Canceled(OPEN)
    }

    pub(super) fn give_up(&mut self, contact: usize) {
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

    pub(super) fn decline(&mut self, contact: usize, leg: usize, late: bool) {
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
}
