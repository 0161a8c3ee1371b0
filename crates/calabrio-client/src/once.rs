//! A request that must not be sent twice, and what became of it.

use std::time::Duration;

use http_retry::{Call, Deadlines, Idempotency, Request, RetryPolicy, RetrySettings};
use tokio::time::Instant;

use crate::client::Shared;
use crate::contract::answers::Told;
use crate::error::CalabrioError;
use crate::exchange::{Expect, Operation, Reading, Reply, read};
use crate::session::Ticket;

/// The largest answer to such a request.
const ANSWER: usize = 1024 * 1024;

/// How one attempt ended.
pub(crate) enum Once {
    /// A good status, and an answer that fits.
    Taken(Reply),
    /// A 4xx other than 401, 408, 425 and 429: Calabrio will not do it.
    Refused {
        status: u16,
        reason: Option<String>,
        request_id: Option<String>,
    },
    /// The status says success, the answer holds an error.
    ErrorInSuccess(Told),
    /// Not a byte of it reached Calabrio.
    NotSent(CalabrioError),
    /// Calabrio may have done it or not.
    InDoubt(CalabrioError),
}

impl Shared {
    /// A session that was accepted a short while ago; an older one is tried with `probe`, so that one that ended unseen puts
    /// nothing in doubt.
    pub(crate) async fn trusted_ticket(
        &self,
        probe: impl Future<Output = Result<(), CalabrioError>>,
    ) -> Result<Ticket, CalabrioError> {
        let ticket = self.ticket().await?;
        let trust = self.settings.limits.session_trust;
        if ticket
            .accepted()
            .is_some_and(|accepted| accepted + trust > Instant::now())
        {
            return Ok(ticket);
        }
        probe.await?;
        self.ticket().await
    }

    /// Sends a request once. `private` are the texts in it that must not come back in a message.
    pub(crate) async fn once(
        &self,
        operation: &Operation,
        ticket: &Ticket,
        private: &[&str],
        build: &(dyn Fn() -> Request + Send + Sync),
    ) -> Once {
        let answers = &self.settings.contract.answers;
        let cookie = ticket.cookies.header();
        let mut told = None;
        let mut set_cookies = Vec::new();
        let result = self
            .http
            .fetch(
                &self.single(operation),
                ANSWER,
                |_| build().secret_header("cookie", cookie.clone()),
                |fetched| {
                    set_cookies = fetched
                        .header_all("set-cookie")
                        .into_iter()
                        .map(str::to_owned)
                        .collect();
                    read(answers, &fetched, Expect::Success, true, private, &mut told)
                },
            )
            .await;
        let error = match result {
            Ok(Reading::Reply(reply)) => {
                self.session.answered(ticket, &set_cookies);
                return Once::Taken(reply);
            }
            Ok(Reading::Page) => {
                self.session.ended(ticket);
                let problem = "a redirect or a page for people, perhaps a login form";
                return Once::InDoubt(operation.unexpected(problem));
            }
            Err(error) => error,
        };
        if error.is_authentication() {
            // The next attempt logs in anew. This one stays in doubt: a 401 in passing says nothing of what was stored.
            self.session.ended(ticket);
        }
        if let Some(told) = told.filter(|_| error.is_unfit_answer()) {
            return Once::ErrorInSuccess(told);
        }
        let refused = error.is_definite_refusal();
        let not_sent = error.is_not_sent();
        let status = error.status();
        match operation.failed(answers, error, private) {
            CalabrioError::Refused {
                reason, request_id, ..
            }
            | CalabrioError::PermissionDenied {
                reason, request_id, ..
            } if refused => Once::Refused {
                status: status.unwrap_or_default(),
                reason,
                request_id,
            },
            cause if not_sent => Once::NotSent(cause),
            cause => Once::InDoubt(cause),
        }
    }

    fn single(&self, operation: &Operation) -> Call {
        let limits = &self.settings.limits;
        let call = Call::new(operation.call, Idempotency::Never)
            .unauthorized_at_once()
            .deadlines(Deadlines {
                headers: limits.import_answer,
                ..Deadlines::default()
            });
        within(call, 1, limits.import_time)
    }
}

/// The call with so many attempts in so much time.
pub(crate) fn within(call: Call, attempts: u32, budget: Duration) -> Call {
    let defaults = RetrySettings::default();
    let settings = RetrySettings {
        attempts,
        unauthorized_retries: 0,
        budget,
        backoff_base: defaults.backoff_base.min(budget),
        backoff_max: defaults.backoff_max.min(budget),
        retry_after_max: defaults.retry_after_max.min(budget),
        ..defaults
    };
    // These settings keep every rule of a policy, since the limits were checked when the client was made.
    match RetryPolicy::new(settings) {
        Ok(policy) => call.policy(policy),
        Err(_) => call,
    }
}
