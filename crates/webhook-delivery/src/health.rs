//! Whether an endpoint may be called: what its attempts come to over days.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// When an endpoint that fails is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisableRule {
    /// An endpoint that has failed for so long without any success is disabled (default 120 hours).
    pub failing_for: TimeDelta,
    /// A failure so long after the one before begins anew: silence proves nothing (default 120 hours).
    pub forgotten_after: TimeDelta,
}

impl Default for DisableRule {
    fn default() -> Self {
        Self {
            failing_for: TimeDelta::hours(120),
            forgotten_after: TimeDelta::hours(120),
        }
    }
}

/// What an attempt, or a person, says about an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointEvent {
    /// It took a message.
    Succeeded {
        /// When.
        at: DateTime<Utc>,
    },
    /// It did not.
    Failed {
        /// When.
        at: DateTime<Utc>,
        /// What failures come to.
        rule: DisableRule,
    },
    /// It answered 410: it wants no more messages.
    Gone {
        /// When.
        at: DateTime<Utc>,
    },
    /// Somebody says that it works again.
    Enabled,
}

/// Why an endpoint is not called any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DisabledReason {
    /// It answered 410.
    Gone,
    /// It failed for longer than the [rule](DisableRule) allows.
    FailedTooLong,
}

impl DisabledReason {
    /// The word as it stands in reports and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::FailedTooLong => "failed-too-long",
        }
    }
}

impl FromStr for DisabledReason {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        [Self::Gone, Self::FailedTooLong]
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or(UnknownWord)
    }
}

/// A store holds a word that this release does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this release does not know this word")]
pub struct UnknownWord;

impl fmt::Display for DisabledReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gone => "it answered 410 Gone",
            Self::FailedTooLong => "it failed for too long without any success",
        })
    }
}

/// Since when an endpoint is not called, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Since when.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: DisabledReason,
}

/// What is known of an endpoint. `Default` is one of which nothing is known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EndpointState {
    /// The first failure since the last success.
    pub failing_since: Option<DateTime<Utc>>,
    /// The last failure.
    pub last_failure: Option<DateTime<Utc>>,
    /// The last success.
    pub last_success: Option<DateTime<Utc>>,
    /// Not called any more.
    pub disabled: Option<Disabled>,
}

impl EndpointState {
    /// Whether it may be called.
    pub fn is_enabled(&self) -> bool {
        self.disabled.is_none()
    }

    /// What it becomes by an event. Pure: a store reads, applies and writes in one transaction.
    ///
    /// One success forgives everything before it. A disabled endpoint stays so until somebody enables it: an attempt that was
    /// under way when it was disabled changes nothing of that.
    #[must_use]
    pub fn after(&self, event: &EndpointEvent) -> Self {
        match *event {
            EndpointEvent::Succeeded { at } => self.succeeded(at),
            EndpointEvent::Failed { at, rule } => self.failed(at, rule),
            EndpointEvent::Gone { at } => {
                let mut state = self.failed(at, DisableRule::default());
                state.disabled = self.disabled.or(Some(Disabled {
                    at,
                    reason: DisabledReason::Gone,
                }));
                state
            }
            EndpointEvent::Enabled => Self {
                failing_since: None,
                disabled: None,
                ..*self
            },
        }
    }

    fn succeeded(&self, at: DateTime<Utc>) -> Self {
        Self {
            // Results of attempts side by side come in any order: what failed later has not been forgiven.
            failing_since: self.failing_since.filter(|since| *since > at),
            last_success: self.last_success.max(Some(at)),
            ..*self
        }
    }

    fn failed(&self, at: DateTime<Utc>, rule: DisableRule) -> Self {
        let forgotten = self
            .last_failure
            .is_some_and(|last| at.signed_duration_since(last) >= rule.forgotten_after);
        let since = match self.failing_since {
            Some(since) if !forgotten => since.min(at),
            _ => at,
        };
        let too_long = at.signed_duration_since(since) >= rule.failing_for;
        Self {
            failing_since: Some(since),
            last_failure: self.last_failure.max(Some(at)),
            disabled: self.disabled.or(too_long.then_some(Disabled {
                at,
                reason: DisabledReason::FailedTooLong,
            })),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000 + hour * 3600, 0).unwrap()
    }

    fn failed(hour: i64) -> EndpointEvent {
        EndpointEvent::Failed {
            at: at(hour),
            rule: DisableRule::default(),
        }
    }

    fn after(events: &[EndpointEvent]) -> EndpointState {
        events
            .iter()
            .fold(EndpointState::default(), |state, event| state.after(event))
    }

    #[test]
    fn an_endpoint_is_disabled_after_repeated_failure_for_120_hours() {
        let hours = [0, 1, 3, 8, 20, 40, 75, 119];
        let mut events: Vec<EndpointEvent> = hours.map(failed).to_vec();
        let state = after(&events);
        assert!(state.is_enabled());
        assert_eq!(
            (state.failing_since, state.last_failure),
            (Some(at(0)), Some(at(119)))
        );
        events.push(failed(120));
        let disabled = Disabled {
            at: at(120),
            reason: DisabledReason::FailedTooLong,
        };
        assert_eq!(after(&events).disabled, Some(disabled));
        // Later attempts, whatever they meet, move neither time nor reason.
        events.extend([
            failed(121),
            EndpointEvent::Gone { at: at(122) },
            EndpointEvent::Succeeded { at: at(123) },
        ]);
        assert_eq!(after(&events).disabled, Some(disabled));
    }

    #[test]
    fn an_endpoint_is_not_disabled_after_sporadic_failure() {
        let mut events = Vec::new();
        for day in 0..30 {
            events.extend([failed(day * 24), failed(day * 24 + 23)]);
            if day % 4 == 3 {
                events.push(EndpointEvent::Succeeded {
                    at: at(day * 24 + 23),
                });
            }
        }
        assert!(after(&events).is_enabled());
    }

    #[test]
    fn silence_between_two_failures_is_no_failure() {
        assert!(after(&[failed(0), failed(120), failed(121)]).is_enabled());
        assert!(!after(&[failed(0), failed(119), failed(121)]).is_enabled());
    }

    #[test]
    fn gone_disables_at_once_and_enabling_begins_anew() {
        let gone = after(&[EndpointEvent::Gone { at: at(5) }]);
        assert_eq!(
            gone.disabled,
            Some(Disabled {
                at: at(5),
                reason: DisabledReason::Gone
            })
        );
        let enabled = gone.after(&EndpointEvent::Enabled);
        assert!(enabled.is_enabled());
        assert_eq!(enabled.failing_since, None);
        assert_eq!(enabled.last_failure, Some(at(5)));
        assert!(enabled.after(&failed(124)).is_enabled());
    }

    #[test]
    fn a_success_that_is_told_late_does_not_forgive_what_failed_after_it() {
        let state = after(&[failed(2), EndpointEvent::Succeeded { at: at(1) }]);
        assert_eq!(
            (state.failing_since, state.last_success),
            (Some(at(2)), Some(at(1)))
        );
        let state = after(&[failed(2), failed(1)]);
        assert_eq!(
            (state.failing_since, state.last_failure),
            (Some(at(1)), Some(at(2)))
        );
    }

    #[test]
    fn the_words_of_the_store_are_read_back() {
        for reason in [DisabledReason::Gone, DisabledReason::FailedTooLong] {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        assert_eq!("else".parse::<DisabledReason>(), Err(UnknownWord));
    }

    proptest! {
        #[test]
        fn an_endpoint_with_a_success_in_every_window_is_never_disabled(gaps in prop::collection::vec((0_i64..119, 0_i64..119), 1..40)) {
            let mut hour = 0;
            let mut state = EndpointState::default();
            for (first, second) in gaps {
                // A failure, another within the window, then a success.
                state = state.after(&failed(hour));
                state = state.after(&failed(hour + first.max(second)));
                hour += first.max(second);
                state = state.after(&EndpointEvent::Succeeded { at: at(hour) });
                prop_assert!(state.is_enabled());
                prop_assert_eq!(state.failing_since, None);
                hour += second;
            }
        }
    }
}
