//! How far Twilio's clock is from ours.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

/// After this what was learned counts no more: clocks are set, and they drift.
const FRESH: Duration = Duration::from_mins(5);

/// A `Date` header has whole seconds.
const STEP: TimeDelta = TimeDelta::seconds(1);

/// When the last attempt of a call was sent.
pub(crate) struct Sent(Mutex<Instant>);

impl Default for Sent {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Sent {
    /// An attempt is sent now.
    pub(crate) fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn elapsed(&self) -> Duration {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }
}

/// Between which two values the difference lies.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    least: TimeDelta,
    most: TimeDelta,
    since: Instant,
}

/// The present, and what Twilio's answers tell of theirs.
pub(crate) struct Clock {
    now: fn() -> DateTime<Utc>,
    learned: Mutex<Option<Bounds>>,
}

impl Clock {
    pub(crate) fn new(now: fn() -> DateTime<Utc>) -> Self {
        Self {
            now,
            learned: Mutex::new(None),
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.now)()
    }

    /// Learns from the `Date` header of an answer, if it has one.
    pub(crate) fn note(&self, sent: &Sent, date: Option<&str>) {
        if let Some(date) = date.and_then(crate::time::parse) {
            let took = TimeDelta::from_std(sent.elapsed()).unwrap_or(TimeDelta::MAX);
            self.learn(date, (self.now)(), took, Instant::now());
        }
    }

    /// Twilio wrote `date` within the last `took`, and cut it to the second.
    ///
    /// Each answer so bounds the difference from both sides; answers that agree narrow it together, far below the second that
    /// one alone can tell.
    fn learn(&self, date: DateTime<Utc>, received: DateTime<Utc>, took: TimeDelta, at: Instant) {
        let least = date - received;
        let Some(most) = least
            .checked_add(&STEP)
            .and_then(|most| most.checked_add(&took))
        else {
            return;
        };
        let told = Bounds {
            least,
            most,
            since: at,
        };
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        *learned = Some(match *learned {
            Some(before)
                if at.saturating_duration_since(before.since) < FRESH
                    && before.least <= told.most
                    && told.least <= before.most =>
            {
                Bounds {
                    least: before.least.max(told.least),
                    most: before.most.min(told.most),
                    since: before.since,
                }
            }
            _ => told,
        });
    }

    /// How far Twilio is ahead.
    pub(crate) fn skew(&self) -> Option<TimeDelta> {
        let learned = *self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.map(|bounds| bounds.least + (bounds.most - bounds.least) / 2)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DurationRound, TimeZone};
    use proptest::prelude::*;

    use super::*;

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
    }

    fn clock() -> Clock {
        Clock::new(noon)
    }

    #[test]
    fn nothing_is_known_before_an_answer_with_a_date() {
        let clock = clock();
        for date in [None, Some("soon")] {
            clock.note(&Sent::default(), date);
            assert_eq!(clock.skew(), None);
        }
        clock.note(&Sent::default(), Some("Sun, 01 Mar 2026 12:10:00 GMT"));
        let skew = clock.skew().unwrap();
        assert!(
            (skew - TimeDelta::milliseconds(600_500)).abs() < TimeDelta::milliseconds(200),
            "{skew}"
        );
    }

    #[test]
    fn answers_that_agree_narrow_it_and_one_that_does_not_begins_anew() {
        let (clock, start, took) = (clock(), Instant::now(), TimeDelta::milliseconds(100));
        // Twilio is 0.3 s ahead: at 12:00:00.8 ours it writes the next second, at 12:00:00.6 not yet.
        let late = noon() + TimeDelta::milliseconds(800);
        clock.learn(noon() + STEP, late, took, start);
        assert_eq!(clock.skew(), Some(TimeDelta::milliseconds(750)));
        let early = noon() + TimeDelta::milliseconds(600);
        clock.learn(noon(), early, took, start);
        assert_eq!(clock.skew(), Some(TimeDelta::milliseconds(350)));
        clock.learn(noon() + TimeDelta::minutes(7), noon(), took, start);
        assert_eq!(clock.skew(), Some(TimeDelta::milliseconds(420_550)));
    }

    #[test]
    fn what_was_learned_is_forgotten_after_a_while() {
        let (clock, start, took) = (clock(), Instant::now(), TimeDelta::zero());
        clock.learn(noon(), noon(), took, start);
        let later = TimeDelta::milliseconds(-900);
        clock.learn(noon() + later, noon(), took, start + FRESH);
        assert_eq!(clock.skew(), Some(later + STEP / 2));
    }

    #[test]
    fn an_absurd_answer_is_harmless() {
        let clock = clock();
        clock.learn(noon(), noon(), TimeDelta::MAX, Instant::now());
        assert_eq!(clock.skew(), None);
        clock.learn(
            DateTime::<Utc>::MAX_UTC,
            DateTime::<Utc>::MIN_UTC,
            TimeDelta::zero(),
            Instant::now(),
        );
        assert!(clock.skew().is_some());
    }

    proptest! {
        #[test]
        fn the_true_difference_always_lies_within_what_was_learned(
            ahead in -100_000_i64..100_000,
            answers in prop::collection::vec((0_i64..60_000, 0_i64..2_000, 0.0..1.0_f64), 1..20),
        ) {
            let clock = clock();
            let start = Instant::now();
            let ahead = TimeDelta::milliseconds(ahead);
            for (received, took, written) in answers {
                let received = noon() + TimeDelta::milliseconds(received);
                #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small numbers")]
                let ago = TimeDelta::milliseconds((took as f64 * written) as i64);
                let date = (received - ago + ahead).duration_trunc(STEP).unwrap();
                clock.learn(date, received, TimeDelta::milliseconds(took), start);
            }
            let bounds = clock.learned.lock().unwrap().unwrap();
            prop_assert!(bounds.least <= ahead && ahead <= bounds.most);
        }
    }
}
