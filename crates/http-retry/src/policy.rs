//! The one decision after a failed attempt: again, and when, or stop, and why.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::outcome::Verdict;
use crate::{Backoff, Idempotency, Outcome, RetryAfter};

/// The numbers of a [`RetryPolicy`]; `Default` gives the real defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySettings {
    /// Attempts in all, the first included (1 to 100; default 6).
    pub attempts: u32,
    /// How often a refused credential (401) is tried again before it counts as an authentication failure (default 2).
    pub unauthorized_retries: u32,
    /// The total time over all attempts and the waits between them (default 2 minutes).
    pub budget: Duration,
    /// The first ceiling of the backoff (default 250 ms).
    pub backoff_base: Duration,
    /// The highest ceiling of the backoff (default 20 s).
    pub backoff_max: Duration,
    /// The longest `Retry-After` that is obeyed; a longer one is cut to this (default 60 s).
    pub retry_after_max: Duration,
    /// Statuses with which this vendor says "not processed", besides 425 and 429 (default none).
    pub unprocessed: BTreeSet<u16>,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            attempts: 6,
            unauthorized_retries: 2,
            budget: Duration::from_mins(2),
            backoff_base: Duration::from_millis(250),
            backoff_max: Duration::from_secs(20),
            retry_after_max: Duration::from_mins(1),
            unprocessed: BTreeSet::new(),
        }
    }
}

/// A precondition of [`RetryPolicy::new`] that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokenRule {
    /// `attempts` is 0: nothing would ever be sent.
    NoAttempts,
    /// `attempts` is above 100.
    TooManyAttempts,
    /// `unauthorized_retries` is not below `attempts`.
    UnauthorizedRetries,
    /// `budget` is zero.
    NoBudget,
    /// `backoff_base` is zero: retries would follow each other at once.
    NoBackoff,
    /// `backoff_base` is above `backoff_max`.
    BackoffOrder,
    /// `backoff_max` is above `budget`.
    BackoffBeyondBudget,
    /// `retry_after_max` is above `budget`.
    RetryAfterBeyondBudget,
    /// `unprocessed` holds something that is no 4xx or 5xx status.
    UnprocessedStatus,
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAttempts => "attempts must be at least 1",
            Self::TooManyAttempts => "attempts must be at most 100",
            Self::UnauthorizedRetries => "unauthorized_retries must be less than attempts",
            Self::NoBudget => "budget must be longer than zero",
            Self::NoBackoff => "backoff_base must be longer than zero",
            Self::BackoffOrder => "backoff_base must not be longer than backoff_max",
            Self::BackoffBeyondBudget => "backoff_max must not be longer than budget",
            Self::RetryAfterBeyondBudget => "retry_after_max must not be longer than budget",
            Self::UnprocessedStatus => "unprocessed may hold only statuses from 400 to 599",
        })
    }
}

/// Settings from which no policy can be made; names every precondition that is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these retry settings do not go together: {}", sentences(.broken))]
pub struct PolicyError {
    broken: Vec<BrokenRule>,
}

impl PolicyError {
    /// What is broken, at least one.
    pub fn broken(&self) -> &[BrokenRule] {
        &self.broken
    }
}

fn sentences(broken: &[BrokenRule]) -> String {
    broken
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// What has happened so far in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Attempts made, the failed one included (from 1).
    pub attempts: u32,
    /// How many of them ended with 401.
    pub unauthorized: u32,
    /// Time since the first attempt began.
    pub elapsed: Duration,
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Try again after this wait.
    RetryAfter(Duration),
    /// Give up.
    Stop(StopReason),
}

/// Why no further attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// Another attempt would not help, or could do the thing twice.
    NotRetryable,
    /// The credentials were refused as often as the policy allows.
    Unauthorized,
    /// All attempts are used up.
    AttemptsSpent,
    /// The next attempt would start after the total time.
    BudgetSpent,
    /// No slot under the concurrency limit became free in time.
    NoSlot,
}

/// When a call is repeated.
///
/// ```
/// use std::time::Duration;
/// use http_retry::{Decision, History, Idempotency, Outcome, RetryPolicy, RetrySettings, StopReason};
///
/// let policy = RetryPolicy::new(RetrySettings::default())?;
/// let history = History { attempts: 1, unauthorized: 0, elapsed: Duration::from_secs(1) };
/// let decide = |idempotency| policy.decide(idempotency, Outcome::Timeout, history, None, 0.5);
/// assert_eq!(decide(Idempotency::Idempotent), Decision::RetryAfter(Duration::from_millis(125)));
/// assert_eq!(decide(Idempotency::SafeIfUnsent), Decision::Stop(StopReason::NotRetryable));
/// # Ok::<(), http_retry::PolicyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    settings: RetrySettings,
    backoff: Backoff,
    unprocessed: BTreeSet<u16>,
}

impl RetryPolicy {
    /// A policy from its numbers, or every rule that they break.
    pub fn new(settings: RetrySettings) -> Result<Self, PolicyError> {
        let rules = [
            (settings.attempts == 0, BrokenRule::NoAttempts),
            (settings.attempts > 100, BrokenRule::TooManyAttempts),
            (
                settings.unauthorized_retries >= settings.attempts.max(1),
                BrokenRule::UnauthorizedRetries,
            ),
            (settings.budget.is_zero(), BrokenRule::NoBudget),
            (settings.backoff_base.is_zero(), BrokenRule::NoBackoff),
            (
                settings.backoff_base > settings.backoff_max,
                BrokenRule::BackoffOrder,
            ),
            (
                settings.backoff_max > settings.budget,
                BrokenRule::BackoffBeyondBudget,
            ),
            (
                settings.retry_after_max > settings.budget,
                BrokenRule::RetryAfterBeyondBudget,
            ),
            (
                settings
                    .unprocessed
                    .iter()
                    .any(|status| !(400..=599).contains(status)),
                BrokenRule::UnprocessedStatus,
            ),
        ];
        let broken: Vec<_> = rules
            .into_iter()
            .filter_map(|(broken, rule)| broken.then_some(rule))
            .collect();
        if !broken.is_empty() {
            return Err(PolicyError { broken });
        }
        let mut unprocessed = settings.unprocessed.clone();
        unprocessed.extend(Outcome::UNPROCESSED);
        Ok(Self {
            backoff: Backoff::new(settings.backoff_base, settings.backoff_max),
            unprocessed,
            settings,
        })
    }

    /// The numbers that this policy was made from.
    pub fn settings(&self) -> &RetrySettings {
        &self.settings
    }

    /// Whether to try again after `outcome`.
    ///
    /// A `Retry-After` replaces the backoff's base: the wait is what it asks for (cut to `retry_after_max`) and the
    /// jitter of the backoff on top, so that callers told the same instant do not return in the same instant.
    /// `random` lies in `0.0..1.0`.
    pub fn decide(
        &self,
        idempotency: Idempotency,
        outcome: Outcome,
        history: History,
        retry_after: Option<RetryAfter>,
        random: f64,
    ) -> Decision {
        match outcome.verdict(idempotency, &self.unprocessed) {
            Verdict::Stop => return Decision::Stop(StopReason::NotRetryable),
            Verdict::AgainWithCredentials
                if history.unauthorized > self.settings.unauthorized_retries =>
            {
                return Decision::Stop(StopReason::Unauthorized);
            }
            Verdict::AgainWithCredentials | Verdict::Again => {}
        }
        if history.attempts >= self.settings.attempts {
            return Decision::Stop(StopReason::AttemptsSpent);
        }
        let asked = retry_after.map_or(Duration::ZERO, |asked| {
            asked.clamped(self.settings.retry_after_max)
        });
        let wait = asked.saturating_add(self.backoff.delay(history.attempts, random));
        if history.elapsed.saturating_add(wait) >= self.settings.budget {
            return Decision::Stop(StopReason::BudgetSpent);
        }
        Decision::RetryAfter(wait)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        let settings = RetrySettings::default();
        Self {
            backoff: Backoff::new(settings.backoff_base, settings.backoff_max),
            unprocessed: BTreeSet::from(Outcome::UNPROCESSED),
            settings,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::*;

    fn history(attempts: u32, unauthorized: u32, seconds: u64) -> History {
        History {
            attempts,
            unauthorized,
            elapsed: Duration::from_secs(seconds),
        }
    }

    fn asked(text: &str) -> Option<RetryAfter> {
        RetryAfter::parse(text, DateTime::<Utc>::UNIX_EPOCH)
    }

    #[test]
    fn the_defaults_keep_every_rule() {
        assert_eq!(
            RetryPolicy::new(RetrySettings::default()).unwrap(),
            RetryPolicy::default()
        );
    }

    #[test]
    fn every_broken_precondition_is_named_at_once() {
        let error = RetryPolicy::new(RetrySettings {
            attempts: 0,
            unauthorized_retries: 3,
            budget: Duration::ZERO,
            backoff_base: Duration::from_secs(2),
            backoff_max: Duration::from_secs(1),
            retry_after_max: Duration::from_secs(1),
            unprocessed: BTreeSet::from([200]),
        })
        .unwrap_err();
        assert_eq!(
            error.broken(),
            [
                BrokenRule::NoAttempts,
                BrokenRule::UnauthorizedRetries,
                BrokenRule::NoBudget,
                BrokenRule::BackoffOrder,
                BrokenRule::BackoffBeyondBudget,
                BrokenRule::RetryAfterBeyondBudget,
                BrokenRule::UnprocessedStatus,
            ]
        );
        assert!(
            error.to_string().contains("attempts must be at least 1; "),
            "{error}"
        );
        let error = RetryPolicy::new(RetrySettings {
            attempts: 101,
            backoff_base: Duration::ZERO,
            ..RetrySettings::default()
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "these retry settings do not go together: attempts must be at most 100; backoff_base must be longer than zero"
        );
    }

    #[test]
    fn a_refused_credential_is_tried_again_a_bounded_number_of_times() {
        let policy = RetryPolicy::default();
        let decide = |made, unauthorized| {
            policy.decide(
                Idempotency::Idempotent,
                Outcome::Status(401),
                history(made, unauthorized, 0),
                None,
                0.0,
            )
        };
        assert_eq!(decide(1, 1), Decision::RetryAfter(Duration::ZERO));
        assert_eq!(decide(2, 2), Decision::RetryAfter(Duration::ZERO));
        assert_eq!(decide(3, 3), Decision::Stop(StopReason::Unauthorized));
        assert_eq!(
            decide(3, 1),
            Decision::RetryAfter(Duration::ZERO),
            "only the refusals count"
        );
    }

    #[test]
    fn a_retry_after_is_obeyed_up_to_its_clamp_and_jittered() {
        let policy = RetryPolicy::default();
        let decide = |text| {
            policy.decide(
                Idempotency::Idempotent,
                Outcome::Status(429),
                history(1, 0, 0),
                asked(text),
                0.4,
            )
        };
        assert_eq!(
            decide("3"),
            Decision::RetryAfter(Duration::from_millis(3100))
        );
        assert_eq!(
            decide("999999999"),
            Decision::RetryAfter(Duration::from_millis(60_100))
        );
        assert_eq!(
            decide("-1"),
            Decision::RetryAfter(Duration::from_millis(100))
        );
    }

    #[test]
    fn a_wait_that_would_pass_the_total_time_is_not_begun() {
        let policy = RetryPolicy::default();
        let decision = policy.decide(
            Idempotency::Idempotent,
            Outcome::Status(503),
            history(2, 0, 90),
            asked("60"),
            0.0,
        );
        assert_eq!(decision, Decision::Stop(StopReason::BudgetSpent));
    }

    proptest! {
        #[test]
        fn attempts_and_time_are_bounded_whatever_happens(
            attempts in 1_u32..20, seconds in 0_u64..300, status in 400_u16..600, random in 0.0_f64..1.0, wait in "[0-9]{1,12}"
        ) {
            let policy = RetryPolicy::default();
            let decision = policy.decide(
                Idempotency::Idempotent, Outcome::Status(status), history(attempts, 0, seconds), asked(&wait), random,
            );
            if let Decision::RetryAfter(wait) = decision {
                prop_assert!(attempts < policy.settings().attempts);
                prop_assert!(Duration::from_secs(seconds) + wait < policy.settings().budget);
            }
        }
    }
}
