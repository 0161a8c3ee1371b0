//! One attempt over HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use http_retry::{
    Call, ConcurrencyLimit, Deadlines, HttpClient, HttpClientBuilder, Idempotency, Outcome,
    Request, Resolver, Response, RetryAfter, RetryPolicy, RetrySettings,
};
use tokio::time::Instant;

use crate::sign::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use crate::{
    Attempt, AttemptResult, DeliverySettings, Endpoint, FailureKind, Message, Result, WebhookError,
    sign,
};

/// The most bytes of an answer's body that are ever read and kept.
pub const MAX_RESPONSE: usize = 16 * 1024;

/// The connections of an endpoint, and what goes over them: makes [`Sender`]s.
pub struct SenderBuilder {
    http: HttpClientBuilder,
    settings: DeliverySettings,
}

impl SenderBuilder {
    /// The numbers.
    pub fn settings(mut self, settings: DeliverySettings) -> Self {
        self.settings = settings;
        self
    }

    /// Trusts the certificates in this PEM text beside those of the system.
    pub fn root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.http = self.http.root_certificates_pem(pem);
        self
    }

    /// Who tells the addresses of a name (default the system). The guard judges what it answers.
    pub fn resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.http = self.http.resolver(resolver);
        self
    }

    /// The `User-Agent`.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.http = self.http.user_agent(user_agent);
        self
    }

    /// A sender for this endpoint.
    pub fn build(self, endpoint: Endpoint) -> Result<Sender> {
        self.settings.check()?;
        let settings = self.settings;
        let once = RetrySettings {
            attempts: 1,
            unauthorized_retries: 0,
            budget: settings.timeout,
            backoff_base: settings.timeout,
            backoff_max: settings.timeout,
            retry_after_max: settings.timeout,
            ..RetrySettings::default()
        };
        let policy = RetryPolicy::new(once).map_err(|_| WebhookError::Setting {
            field: "timeout",
            rule: "between 1 and 30 s",
        })?;
        let http = self
            .http
            .guard(endpoint.guard().clone())
            .policy(policy)
            .deadlines(Deadlines {
                connect: settings.connect_timeout,
                headers: settings.timeout,
                idle: settings.timeout,
                slot: settings.timeout,
            })
            .limit(ConcurrencyLimit::new(settings.endpoint_concurrency))
            .build()?;
        Ok(Sender {
            http,
            endpoint,
            timeout: settings.timeout,
            response: settings.response,
        })
    }
}

/// Signs messages and sends them to one endpoint, once each: never along a redirect, never through a proxy of the environment,
/// never to an address that the guard refuses.
///
/// It knows no outbox: for a test message. A [`Deliverer`](crate::Deliverer) has one per endpoint.
#[derive(Debug)]
pub struct Sender {
    http: HttpClient,
    endpoint: Endpoint,
    timeout: Duration,
    response: usize,
}

/// What came of sending.
#[derive(Debug, Clone)]
pub struct Sent {
    /// What the attempt met.
    pub attempt: Attempt,
    /// What the answer asked for in its `Retry-After`.
    pub retry_after: Option<RetryAfter>,
}

impl Sent {
    /// A message that was never tried.
    pub(crate) fn unsendable(at: DateTime<Utc>, error: &WebhookError) -> Self {
        Self {
            attempt: Attempt {
                at,
                took: Duration::ZERO,
                result: AttemptResult::Failed {
                    kind: FailureKind::Unsendable,
                    reason: error.to_string(),
                },
                response: Bytes::new(),
            },
            retry_after: None,
        }
    }
}

impl Sender {
    /// Default settings, and the trust of the system.
    pub fn builder() -> SenderBuilder {
        SenderBuilder {
            http: HttpClient::builder(),
            settings: DeliverySettings::default(),
        }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a message now; `now` is signed. It always ends within the timeout.
    ///
    /// Whatever the endpoint does is an [`Attempt`].
    ///
    /// # Errors
    ///
    /// [`WebhookError::UnknownEndpoint`] if the message is for another endpoint.
    pub async fn send(&self, message: &Message, now: DateTime<Utc>) -> Result<Sent> {
        if message.endpoint != *self.endpoint.id() {
            return Err(WebhookError::UnknownEndpoint {
                endpoint: message.endpoint.clone(),
            });
        }
        let began = Instant::now();
        let until = began + self.timeout;
        let signed = sign(self.endpoint.secrets(), &message.id, now, &message.body);
        let call = Call::new("webhook.deliver", Idempotency::Never).accept_all();
        let sending = self.http.send(&call, |_| {
            Request::post(self.endpoint.url().clone())
                .header("content-type", "application/json")
                .header(ID_HEADER, signed.id.as_str())
                .header(TIMESTAMP_HEADER, signed.timestamp.to_string())
                .header(SIGNATURE_HEADER, &signed.signature)
                .body(message.body.clone())
        });
        let (result, retry_after, response) = match tokio::time::timeout_at(until, sending).await {
            Ok(Ok(response)) => {
                let status = response.status();
                let retry_after = response
                    .header("retry-after")
                    .and_then(|text| RetryAfter::parse(text, now));
                // The status decides. The rest is for people, and is taken as far as it comes in time.
                let body = beginning(response, self.response, until).await;
                (AttemptResult::Answered(status), retry_after, body)
            }
            Ok(Err(error)) => {
                let failed = AttemptResult::Failed {
                    kind: kind(error.outcome()),
                    reason: error.reason(),
                };
                (failed, None, Bytes::new())
            }
            // Its turn never came: too many messages are sent by this sender at once.
            Err(_) => {
                let failed = AttemptResult::Failed {
                    kind: FailureKind::Timeout,
                    reason: format!("no answer within {:.1} s", self.timeout.as_secs_f64()),
                };
                (failed, None, Bytes::new())
            }
        };
        Ok(Sent {
            attempt: Attempt {
                at: now,
                took: began.elapsed(),
                result,
                response,
            },
            retry_after,
        })
    }
}

fn kind(outcome: Outcome) -> FailureKind {
    match outcome {
        Outcome::Refused => FailureKind::Refused,
        Outcome::NotSent => FailureKind::NoConnection,
        Outcome::Timeout => FailureKind::Timeout,
        Outcome::Unsendable | Outcome::BodyFailed => FailureKind::Unsendable,
        _ => FailureKind::ConnectionLost,
    }
}

/// The beginning of a body. A body that ends within the limit leaves its connection for the next message; of a longer one nothing more is
/// read, and its connection is closed.
async fn beginning(mut response: Response, limit: usize, until: Instant) -> Bytes {
    let mut body = BytesMut::new();
    loop {
        match tokio::time::timeout_at(until, response.next_chunk()).await {
            Ok(Ok(Some(chunk))) if body.len() + chunk.len() <= limit => {
                body.extend_from_slice(&chunk);
            }
            Ok(Ok(Some(chunk))) => {
                body.extend_from_slice(&chunk[..limit - body.len()]);
                break;
            }
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    body.freeze()
}
