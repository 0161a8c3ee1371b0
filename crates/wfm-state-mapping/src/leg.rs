//! What is known of one reservation. Nothing is ever taken back, so that the order in which it is heard does not matter.

use flex_events::ReservationStatus;
use twilio_sid::ReservationSid;

use crate::time::{END, Stamp};

/// Where a reservation stands at a moment, as far as an agent's state depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Offered, or not heard of.
    Pending,
    /// Accepted.
    Accepted,
    /// Wrapping up.
    Wrapping,
    /// Over.
    Over,
}

/// One reservation, live or over. One that is over stays for a while, so that what comes late does not revive it.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) sid: ReservationSid,
    pub(crate) agent: usize,
    pub(crate) task: Option<usize>,
    accepted: Option<Stamp>,
    wrapping: Option<Stamp>,
    ended: Option<Stamp>,
    /// The first and the last complete list that it was not in, of those that nothing contradicts.
    absent: Option<(i64, i64)>,
    /// The newest list that it was in, or the newest event that told it to be live.
    live_at: i64,
}

impl Leg {
    pub(crate) fn new(sid: ReservationSid, agent: usize) -> Self {
        Self {
            sid,
            agent,
            task: None,
            accepted: None,
            wrapping: None,
            ended: None,
            absent: None,
            live_at: i64::MIN,
        }
    }

    /// Takes in where the reservation stood from that moment on. Whether that is new.
    pub(crate) fn join(&mut self, status: ReservationStatus, stamp: Stamp) -> bool {
        match status {
            ReservationStatus::Pending => self.see_live(stamp.at),
            ReservationStatus::Accepted => {
                let is_new = Stamp::join(&mut self.accepted, stamp);
                self.see_live(stamp.at) || is_new
            }
            ReservationStatus::Wrapping => {
                let is_new = Stamp::join(&mut self.wrapping, stamp);
                self.see_live(stamp.at) || is_new
            }
            _ => Stamp::join(&mut self.ended, stamp),
        }
    }

    /// It was seen live at that moment, which refutes an earlier list that it was not in.
    pub(crate) fn see_live(&mut self, at: i64) -> bool {
        let is_new = at > self.live_at;
        self.live_at = self.live_at.max(at);
        self.absent = self
            .absent
            .filter(|(_, last)| at <= *last)
            .map(|(first, last)| (if first < at { last } else { first }, last));
        is_new
    }

    /// It was not in a complete list of that moment. Whether that ends it.
    pub(crate) fn see_absent(&mut self, at: i64) -> bool {
        if self.live_at > at {
            return false;
        }
        let was_over = self.ended.is_some() || self.absent.is_some();
        let (first, last) = self.absent.unwrap_or((at, at));
        self.absent = Some((first.min(at), last.max(at)));
        !was_over
    }

    /// Where a list has it in a phase that no event told of, it is in it since that time.
    pub(crate) fn has(&self, status: ReservationStatus) -> bool {
        match status {
            ReservationStatus::Pending => true,
            ReservationStatus::Accepted => self.accepted.is_some(),
            ReservationStatus::Wrapping => self.wrapping.is_some(),
            _ => self.ended.is_some(),
        }
    }

    /// When it was over, given when its task was.
    pub(crate) fn end(&self, task_ended: i64) -> i64 {
        let ended = self.ended.map_or(END, |stamp| stamp.at);
        let absent = self.absent.map_or(END, |(first, _)| first);
        ended.min(absent).min(task_ended)
    }

    pub(crate) fn phase(&self, at: i64, task_ended: i64) -> Phase {
        if self.end(task_ended) <= at {
            Phase::Over
        } else if self.wrapping.is_some_and(|stamp| stamp.at <= at) {
            Phase::Wrapping
        } else if self.accepted.is_some_and(|stamp| stamp.at <= at) {
            Phase::Accepted
        } else {
            Phase::Pending
        }
    }

    /// When it was accepted.
    pub(crate) fn accepted(&self) -> Option<i64> {
        self.accepted.map(|stamp| stamp.at)
    }

    /// When its wrap-up began.
    pub(crate) fn wrapping(&self) -> Option<i64> {
        self.wrapping.map(|stamp| stamp.at)
    }

    /// The moments at which its phase changes.
    pub(crate) fn bounds(&self, task_ended: i64) -> [i64; 3] {
        [
            self.accepted().unwrap_or(END),
            self.wrapping().unwrap_or(END),
            self.end(task_ended),
        ]
    }
}

#[cfg(test)]
mod tests {
    use ReservationStatus::{Accepted, Completed, Wrapping};
    use proptest::prelude::*;

    use super::*;

    fn leg() -> Leg {
        let sid = "WR00000000000000000000000000000001".parse().unwrap();
        Leg::new(sid, 0)
    }

    #[test]
    fn what_is_over_is_not_revived_by_what_comes_late() {
        let mut leg = leg();
        leg.join(Completed, Stamp::exact(30));
        leg.join(Wrapping, Stamp::exact(20));
        leg.join(Accepted, Stamp::exact(10));
        assert_eq!(leg.phase(END - 1, END), Phase::Over);
        assert_eq!(leg.phase(25, END), Phase::Wrapping);
        assert_eq!(leg.phase(15, END), Phase::Accepted);
        assert_eq!(leg.phase(5, END), Phase::Pending);
    }

    #[test]
    fn a_list_that_it_was_not_in_ends_it_until_something_newer_refutes_that() {
        let mut leg = leg();
        leg.join(Accepted, Stamp::exact(10));
        assert!(leg.see_absent(20));
        assert!(!leg.see_absent(25), "it is over already");
        assert_eq!(leg.phase(20, END), Phase::Over);
        leg.join(Wrapping, Stamp::exact(22));
        assert_eq!(
            (leg.phase(24, END), leg.phase(25, END)),
            (Phase::Wrapping, Phase::Over),
            "the second list is newer than the event"
        );
        leg.join(Wrapping, Stamp::exact(26));
        assert_eq!(leg.phase(30, END), Phase::Wrapping);
        assert!(!leg.see_absent(21), "the list is older than the event");
        assert_eq!(leg.phase(30, END), Phase::Wrapping);
    }

    #[test]
    fn the_same_event_in_whole_seconds_tells_nothing_new() {
        let mut leg = leg();
        assert!(leg.join(Accepted, Stamp::exact(10_417)));
        assert!(!leg.join(Accepted, Stamp::exact(10_417)));
        assert!(!leg.join(Accepted, Stamp::exact(10_000)));
        assert!(!leg.join(Accepted, Stamp::rough(9_000)));
        assert_eq!(leg.accepted(), Some(10_417));
    }

    proptest! {
        #[test]
        fn the_order_in_which_a_leg_is_told_does_not_matter(
            told in prop::collection::vec((0..4_u8, 0..50_i64, any::<bool>()), 0..8),
            order in any::<prop::sample::Index>(),
        ) {
            let apply = |told: &[(u8, i64, bool)]| {
                let mut leg = leg();
                for (status, at, is_exact) in told {
                    let stamp = Stamp { at: *at, is_exact: *is_exact };
                    match status {
                        0 => leg.join(Accepted, stamp),
                        1 => leg.join(Wrapping, stamp),
                        2 => leg.join(Completed, stamp),
                        _ => leg.see_live(*at),
                    };
                }
                (0..60).map(|at| leg.phase(at, END)).collect::<Vec<_>>()
            };
            let mut turned = told.clone();
            turned.rotate_left(order.index(told.len().max(1)).min(told.len()));
            prop_assert_eq!(apply(&told), apply(&turned));
            turned.reverse();
            prop_assert_eq!(apply(&told), apply(&turned));
        }
    }
}
