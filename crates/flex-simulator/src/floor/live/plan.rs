//! Shifts, breaks, the first contacts, and who and what is renamed.

use super::super::Millis;
use super::super::timeline::Names;
use super::{Floor, Happening, MINUTE, SECOND, millis};

impl Floor<'_> {
    /// One of the activities for breaks.
    pub(super) fn rest(&mut self) -> usize {
        2 + self.dice.index(self.scenario.activities.len() - 2)
    }

    /// Shifts, breaks, the first contacts, and who and what is renamed.
    pub(super) fn plan(&mut self) {
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

    pub(super) fn shift(&mut self, agent: usize, start: Millis, end: Millis) {
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
    pub(super) fn next(&mut self, queue: usize, voice: bool) {
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
}
