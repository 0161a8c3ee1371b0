//! How long to wait before another attempt: exponential, full jitter.

use std::time::Duration;

/// Exponential backoff with full jitter.
///
/// The wait before attempt `n + 1` is uniform between zero and `base * 2^(n - 1)`, never more than `max`.
/// Randomness comes in as an argument, so that a test steers it.
///
/// ```
/// use std::time::Duration;
/// use http_retry::Backoff;
///
/// let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
/// assert_eq!(backoff.ceiling(1), Duration::from_millis(200));
/// assert_eq!(backoff.ceiling(3), Duration::from_millis(800));
/// assert_eq!(backoff.delay(3, 0.5), Duration::from_millis(400));
/// assert_eq!(backoff.ceiling(60), Duration::from_secs(5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    max: Duration,
}

impl Backoff {
    /// A backoff that starts at `base` and never waits longer than `max`.
    ///
    /// A `base` above `max` counts as `max`; [`RetryPolicy`](crate::RetryPolicy) refuses such a pair.
    pub fn new(base: Duration, max: Duration) -> Self {
        Self {
            base: base.min(max),
            max,
        }
    }

    /// The first ceiling.
    pub fn base(&self) -> Duration {
        self.base
    }

    /// The highest ceiling.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The longest wait after `attempts` attempts (counted from 1).
    pub fn ceiling(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.max)
    }

    /// The wait after `attempts` attempts; `random` lies in `0.0..1.0`, and what does not is brought there.
    pub fn delay(&self, attempts: u32, random: f64) -> Duration {
        let random = if random.is_finite() {
            random.clamp(0.0, 1.0)
        } else {
            1.0
        };
        self.ceiling(attempts).mul_f64(random)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_wait_never_passes_its_ceiling(base in 0_u64..10_000, max in 0_u64..100_000, attempts in 0_u32.., random in any::<f64>()) {
            let backoff = Backoff::new(Duration::from_millis(base), Duration::from_millis(max));
            let delay = backoff.delay(attempts, random);
            prop_assert!(delay <= backoff.ceiling(attempts));
            prop_assert!(delay <= Duration::from_millis(max));
        }

        #[test]
        fn ceilings_never_shrink(base in 1_u64..10_000, max in 1_u64..100_000, attempts in 1_u32..100) {
            let backoff = Backoff::new(Duration::from_millis(base), Duration::from_millis(max));
            prop_assert!(backoff.ceiling(attempts) <= backoff.ceiling(attempts + 1));
        }
    }

    #[test]
    fn full_jitter_reaches_from_nothing_to_the_ceiling() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
        assert_eq!(backoff.delay(4, 0.0), Duration::ZERO);
        assert_eq!(backoff.delay(4, 1.0), Duration::from_secs(8));
    }
}
