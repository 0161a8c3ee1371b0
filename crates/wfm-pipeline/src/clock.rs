//! The clock of a worker.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// How long a sleep lasts at most before the clock is read again, so that a clock that was set is noticed.
const SLICE: Duration = Duration::from_secs(5);

/// What tells a worker the time, and waits until it is a certain time.
///
/// [`Clock::real`] is the system's. A simulation brings one that runs faster: then all of the worker's pauses are as much shorter.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    factor: f64,
}

impl Clock {
    /// The system's clock.
    pub fn real() -> Self {
        Self::paced(Utc::now, 1.0)
    }

    /// A clock that goes on `factor` seconds in each real one.
    ///
    /// # Panics
    ///
    /// Never; a factor that is not above zero counts as 1.
    pub fn paced(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static, factor: f64) -> Self {
        Self {
            now: Arc::new(now),
            factor: if factor > 0.0 { factor } else { 1.0 },
        }
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        (self.now)()
    }

    /// How long a stretch of this clock really lasts.
    pub fn real_length(&self, stretch: Duration) -> Duration {
        Duration::try_from_secs_f64(stretch.as_secs_f64() / self.factor).unwrap_or(Duration::MAX)
    }

    /// Waits for a stretch of this clock.
    pub async fn sleep(&self, stretch: Duration) {
        tokio::time::sleep(self.real_length(stretch)).await;
    }

    /// Waits until it is that time, and not much longer than it is until then: whoever planned by a clock that was set back meanwhile is to plan anew.
    pub async fn sleep_until(&self, then: DateTime<Utc>) {
        let begun = Instant::now();
        let planned = self.real_length((then - self.now()).to_std().unwrap_or_default());
        // A clock that only goes a little slower than it should sends nobody away early.
        let most = planned.saturating_add(SLICE);
        loop {
            let left = (then - self.now()).to_std().unwrap_or_default();
            if left.is_zero() || begun.elapsed() >= most {
                return;
            }
            let left = self.real_length(left).max(Duration::from_millis(1));
            tokio::time::sleep(left.min(SLICE)).await;
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("factor", &self.factor)
            .finish_non_exhaustive()
    }
}

/// A stretch as chrono has it; the longest where it is longer.
pub(crate) fn delta(stretch: Duration) -> TimeDelta {
    TimeDelta::from_std(stretch).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_of_a_fast_clock_is_short() {
        let clock = Clock::paced(Utc::now, 1_500.0);
        assert_eq!(
            clock.real_length(Duration::from_mins(15)),
            Duration::from_millis(600)
        );
        assert_eq!(Clock::paced(Utc::now, 0.0).real_length(SLICE), SLICE);
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_until_it_is_that_time() {
        let (origin, begun) = (Utc::now(), Instant::now());
        let clock = Clock::paced(move || origin + delta(begun.elapsed()) * 100, 100.0);
        clock.sleep_until(origin + TimeDelta::minutes(50)).await;
        assert_eq!(begun.elapsed().as_secs(), 30);
        clock.sleep_until(origin).await;
        assert_eq!(begun.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_keeps_nobody_waiting_for_longer_than_was_planned() {
        let (origin, begun) = (Utc::now(), Instant::now());
        // A day ahead, for the first ten seconds.
        let clock = Clock::paced(
            move || {
                let wrong = begun.elapsed() < Duration::from_secs(10);
                origin + delta(begun.elapsed()) + TimeDelta::days(i64::from(wrong))
            },
            1.0,
        );
        let hour = clock.now() + TimeDelta::hours(1);
        clock.sleep_until(hour).await;
        let waited = begun.elapsed();
        assert!(
            (Duration::from_hours(1)..Duration::from_secs(3_620)).contains(&waited),
            "{waited:?}"
        );
    }
}
