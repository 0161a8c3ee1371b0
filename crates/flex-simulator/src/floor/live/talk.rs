//! Conversations: they begin, are put on hold, go over to others, and end in wrap-up.

use super::super::Millis;
use super::super::timeline::Outcome;
use super::{Floor, Happening, OPEN, SECOND};

impl Floor<'_> {
    pub(super) fn accept(&mut self, contact: usize, leg: usize) {
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

    pub(super) fn take(&mut self, contact: usize, leg: usize, at: Millis) {
        self.made.contacts[contact].legs[leg].outcome = Outcome::Accepted {
            at,
            wrap_up: OPEN,
            completed: OPEN,
        };
    }

    /// Another agent is called in while the customer is on hold; some take the customer over.
    pub(super) fn consult(&mut self, contact: usize, leg: usize, transfer: bool) {
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
    pub(super) fn finish(&mut self, contact: usize, leg: usize, end: Millis, last: bool) {
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

    pub(super) fn free(&mut self, contact: usize, leg: usize) {
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
}
