//! The numbers of a deliverer.

use std::time::Duration;

use crate::{DisableRule, MAX_RESPONSE, Result, Schedule, WebhookError};

/// The numbers of a [`Deliverer`](crate::Deliverer) or a [`Sender`](crate::Sender); `Default` gives the real defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliverySettings {
    /// When attempts are made.
    pub schedule: Schedule,
    /// When a failing endpoint is disabled.
    pub disable: DisableRule,
    /// The longest attempt, from the name's resolution to the end of the answer's body (1 to 30 s; default 20 s).
    pub timeout: Duration,
    /// The longest wait for a connection, TLS included (at most `timeout`; default 10 s).
    pub connect_timeout: Duration,
    /// How much of an answer's body is read and kept, in bytes (at most 16 KiB, the default).
    pub response: usize,
    /// Attempts under way at once, over all endpoints (1 to 1,024; default 64).
    pub concurrency: usize,
    /// Attempts under way at once at one endpoint (1 to 1,024; default 16).
    pub endpoint_concurrency: usize,
    /// How often the outbox is looked at when nobody [wakes](crate::Wake) the deliverer (1 ms to 1 h; default 2 s).
    pub poll: Duration,
    /// How long attempts under way may still take after a stop was asked for (default 10 s).
    pub grace: Duration,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            schedule: Schedule::default(),
            disable: DisableRule::default(),
            timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(10),
            response: MAX_RESPONSE,
            concurrency: 64,
            endpoint_concurrency: 16,
            poll: Duration::from_secs(2),
            grace: Duration::from_secs(10),
        }
    }
}

impl DeliverySettings {
    /// How long a claim holds: longer than any attempt, so that it ends only for a worker that is gone.
    pub fn lease(&self) -> Duration {
        self.timeout + Duration::from_secs(30)
    }

    pub(crate) fn check(&self) -> Result<()> {
        let slots = 1..=1024;
        let checks = [
            (
                (Duration::from_secs(1)..=Duration::from_secs(30)).contains(&self.timeout),
                "timeout",
                "between 1 and 30 s",
            ),
            (
                !self.connect_timeout.is_zero() && self.connect_timeout <= self.timeout,
                "connect_timeout",
                "longer than zero and at most as long as timeout",
            ),
            (
                self.response <= MAX_RESPONSE,
                "response",
                "at most 16384 bytes",
            ),
            (
                slots.contains(&self.concurrency),
                "concurrency",
                "between 1 and 1024",
            ),
            (
                slots.contains(&self.endpoint_concurrency),
                "endpoint_concurrency",
                "between 1 and 1024",
            ),
            (
                (Duration::from_millis(1)..=Duration::from_hours(1)).contains(&self.poll),
                "poll",
                "between 1 ms and 1 h",
            ),
        ];
        match checks.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, rule)) => Err(WebhookError::Setting { field, rule }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_and_what_is_out_of_bounds_is_named() {
        let real = DeliverySettings::default;
        assert!(real().check().is_ok());
        assert!(real().lease() > real().timeout);
        for (settings, field) in [
            (
                DeliverySettings {
                    timeout: Duration::from_secs(31),
                    ..real()
                },
                "timeout",
            ),
            (
                DeliverySettings {
                    timeout: Duration::from_millis(999),
                    ..real()
                },
                "timeout",
            ),
            (
                DeliverySettings {
                    connect_timeout: Duration::from_secs(21),
                    ..real()
                },
                "connect_timeout",
            ),
            (
                DeliverySettings {
                    connect_timeout: Duration::ZERO,
                    ..real()
                },
                "connect_timeout",
            ),
            (
                DeliverySettings {
                    response: MAX_RESPONSE + 1,
                    ..real()
                },
                "response",
            ),
            (
                DeliverySettings {
                    concurrency: 0,
                    ..real()
                },
                "concurrency",
            ),
            (
                DeliverySettings {
                    endpoint_concurrency: 1025,
                    ..real()
                },
                "endpoint_concurrency",
            ),
            (
                DeliverySettings {
                    poll: Duration::ZERO,
                    ..real()
                },
                "poll",
            ),
        ] {
            let error = settings.check().unwrap_err();
            assert!(
                error.to_string().starts_with(&format!("{field} must be ")),
                "{error}"
            );
        }
    }
}
