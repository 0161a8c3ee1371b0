//! The two tokens: one of two weeks, by which one of ten minutes is had, by which reports are.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http_retry::{Call, CallError, Fetched, Idempotency, Method, Request, RetryAfter};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::client::{FlexInsightsClient, SMALL, Shared};
use crate::error::InsightsError;
use crate::wire;

const LOG_IN: &str = "log in";
const TOKEN: &str = "issue a temporary token";
const LOG_OUT: &str = "log out";

/// What a 429 without a usable `Retry-After` is taken to ask for.
const UNTOLD: Duration = Duration::from_mins(1);

/// A login that lives for two weeks. A caller may keep it in memory and hand it to another client; it can be neither printed nor
/// serialised.
#[derive(Clone)]
pub struct LoginToken {
    secret: SecretString,
    /// The last part of the profile's link, by which the login is ended.
    profile: String,
    since: DateTime<Utc>,
}

impl LoginToken {
    /// When it was issued.
    pub fn since(&self) -> DateTime<Utc> {
        self.since
    }
}

impl fmt::Debug for LoginToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginToken(of {})", self.since)
    }
}

/// The token of ten minutes, as one request uses it.
#[derive(Clone)]
pub(crate) struct Ticket {
    generation: u64,
    cookie: SecretString,
    since: DateTime<Utc>,
}

impl Ticket {
    /// The value of the `Cookie` header.
    pub(crate) fn cookie(&self) -> SecretString {
        self.cookie.clone()
    }
}

/// What a client holds. The lock around it is kept while a token is fetched, so that many who need one cause one request.
#[derive(Default)]
pub(crate) struct Tokens {
    login: Option<LoginToken>,
    ticket: Option<Ticket>,
    generation: u64,
    /// No login is tried before this.
    closed: Option<Closed>,
}

struct Closed {
    until: Instant,
    /// The status and the vendor's sentence of a refusal; none where there were too many.
    refusal: Option<(u16, Option<String>)>,
}

impl Closed {
    fn error(&self) -> InsightsError {
        match &self.refusal {
            Some((status, reason)) => InsightsError::CredentialsRefused {
                status: *status,
                reason: reason.clone(),
            },
            None => InsightsError::LoginThrottled {
                wait: self.until.saturating_duration_since(Instant::now()),
            },
        }
    }
}

/// An answer with a good status read as JSON, or one with a status that the call asked to see.
pub(crate) enum Answered<T> {
    Good(T),
    Status(Fetched),
}

impl Shared {
    /// Sends a request whose answer is a little JSON.
    pub(crate) async fn small<T: DeserializeOwned + Send>(
        &self,
        call: Call,
        doing: &'static str,
        build: impl Fn() -> Request + Send + Sync,
    ) -> Result<Answered<T>, SmallError> {
        let call = call.deadlines(self.settings.deadlines);
        let answered = self
            .http
            .fetch(
                &call,
                SMALL,
                |_| build(),
                |fetched| {
                    if fetched.status() >= 300 {
                        Ok(Answered::Status(fetched))
                    } else {
                        fetched.json().map(Answered::Good)
                    }
                },
            )
            .await
            .map_err(|error| SmallError::Call(doing, error))?;
        match answered {
            Answered::Status(fetched) if fetched.status() < 400 => {
                Err(SmallError::Other(InsightsError::Redirected {
                    doing,
                    status: fetched.status(),
                }))
            }
            other => Ok(other),
        }
    }

    fn lived(&self, since: DateTime<Utc>, life: Duration) -> bool {
        // A clock that was set back makes no token older; if the token has ended, a 401 tells.
        ((self.settings.clock)() - since)
            .to_std()
            .is_ok_and(|age| age >= life)
    }

    /// A temporary token that lives, fetched where there is none.
    pub(crate) async fn ticket(&self) -> Result<Ticket, InsightsError> {
        let mut tokens = self.tokens.lock().await;
        if let Some(ticket) = &tokens.ticket
            && !self.lived(ticket.since, self.settings.temporary_life)
        {
            return Ok(ticket.clone());
        }
        if let Some(ticket) = self.fetch_ticket(&mut tokens).await? {
            return Ok(ticket);
        }
        // The login that was kept has ended.
        tokens.login = None;
        match self.fetch_ticket(&mut tokens).await? {
            Some(ticket) => Ok(ticket),
            None => Err(InsightsError::TokenRefused { doing: TOKEN }),
        }
    }

    /// `None` where the login is refused.
    async fn fetch_ticket(&self, tokens: &mut Tokens) -> Result<Option<Ticket>, InsightsError> {
        let login = self.login(tokens).await?;
        let url = self.settings.base.join(wire::TOKEN);
        let call = Call::new("flex_insights.token", Idempotency::Idempotent).accept(401);
        let since = (self.settings.clock)();
        let answered = self
            .small::<wire::TokenAnswer>(call, TOKEN, || {
                Request::get(url.clone())
                    .header("accept", "application/json")
                    .secret_header(wire::LOGIN_HEADER, login.secret.clone())
            })
            .await?;
        let Answered::Good(answer) = answered else {
            return Ok(None);
        };
        tokens.generation += 1;
        let ticket = Ticket {
            generation: tokens.generation,
            cookie: SecretString::from(format!(
                "{}={}",
                wire::TEMPORARY_COOKIE,
                answer.token.token
            )),
            since,
        };
        tokens.ticket = Some(ticket.clone());
        Ok(Some(ticket))
    }

    /// The login that is kept, or a new one.
    pub(crate) async fn login(&self, tokens: &mut Tokens) -> Result<LoginToken, InsightsError> {
        if let Some(login) = &tokens.login
            && !self.lived(login.since, self.settings.login_life)
        {
            return Ok(login.clone());
        }
        tokens.login = None;
        tokens.ticket = None;
        let mut waited = Duration::ZERO;
        loop {
            if let Some(closed) = tokens.closed.as_ref().filter(|c| c.until > Instant::now()) {
                return Err(closed.error());
            }
            let Some(wait) = self.log_in(tokens).await? else {
                tokens.closed = None;
                return tokens
                    .login
                    .clone()
                    .ok_or(InsightsError::TokenRefused { doing: LOG_IN });
            };
            let until = Instant::now() + wait;
            waited += wait;
            if waited > self.settings.login_wait {
                tokens.closed = Some(Closed {
                    until,
                    refusal: None,
                });
                return Err(InsightsError::LoginThrottled { wait });
            }
            tokio::time::sleep_until(until).await;
        }
    }

    /// Logs in once; gives the wait that a 429 asks for.
    async fn log_in(&self, tokens: &mut Tokens) -> Result<Option<Duration>, InsightsError> {
        let settings = &self.settings;
        let url = settings.base.join(wire::LOGIN);
        // A login that was sent twice leaves one token unused; a bad one counts against the user, so it is never repeated.
        let call = Call::new("flex_insights.login", Idempotency::Idempotent)
            .accept(429)
            .unauthorized_at_once();
        let since = (settings.clock)();
        let answered = self
            .small::<wire::LoginAnswer>(call, LOG_IN, || {
                Request::post(url.clone())
                    .header("accept", "application/json")
                    .json(&wire::login(
                        &settings.user,
                        settings.password.expose_secret(),
                    ))
            })
            .await;
        let answer = match answered {
            Ok(Answered::Good(answer)) => answer.login,
            Ok(Answered::Status(fetched)) => {
                let wait = fetched
                    .header("retry-after")
                    .and_then(|text| RetryAfter::parse(text, (settings.clock)()))
                    .map_or(UNTOLD, RetryAfter::delay);
                // Never at once, and everyone who waits not in the same instant.
                let spread = Duration::from_secs(1).mul_f64((settings.random)().clamp(0.0, 1.0));
                return Ok(Some(
                    wait.clamp(Duration::from_millis(100), Duration::from_hours(24)) + spread,
                ));
            }
            Err(SmallError::Call(_, error)) if matches!(error.status(), Some(401 | 403)) => {
                let closed = Closed {
                    until: Instant::now() + settings.credentials_pause,
                    refusal: Some((
                        error.status().unwrap_or_default(),
                        self.sentence(error.answer_body()),
                    )),
                };
                let refused = closed.error();
                tokens.closed = Some(closed);
                return Err(refused);
            }
            Err(error) => return Err(error.into()),
        };
        let unusable = |problem: &str| InsightsError::UnexpectedAnswer {
            doing: LOG_IN,
            problem: problem.to_owned(),
        };
        let profile = answer.profile.rsplit('/').find(|part| !part.is_empty());
        let profile = profile.ok_or_else(|| unusable("the profile's link is empty"))?;
        if answer.token.is_empty() {
            return Err(unusable("the token is empty"));
        }
        tracing::debug!(base = %settings.base, "logged in at Flex Insights");
        tokens.login = Some(LoginToken {
            secret: SecretString::from(answer.token),
            profile: profile.to_owned(),
            since,
        });
        Ok(None)
    }

    /// Notes that a request with this token was answered with 401, for the `times`th time in a row.
    pub(crate) async fn refused(
        &self,
        doing: &'static str,
        ticket: &Ticket,
        challenge: Option<&str>,
        times: u32,
    ) -> Result<(), InsightsError> {
        if times > 2 {
            return Err(InsightsError::TokenRefused { doing });
        }
        let login_ended = times == 2 || self.settings.assumptions.login_ended(challenge);
        let mut tokens = self.tokens.lock().await;
        // Someone else may have renewed it in the meantime.
        if tokens.generation == ticket.generation {
            tokens.ticket = None;
            if login_ended {
                tokens.login = None;
            }
        }
        Ok(())
    }
}

/// How a small request failed, before it is known what that means.
pub(crate) enum SmallError {
    Call(&'static str, CallError),
    Other(InsightsError),
}

impl From<SmallError> for InsightsError {
    fn from(error: SmallError) -> Self {
        match error {
            SmallError::Call(doing, error) => Self::of(doing, error),
            SmallError::Other(error) => error,
        }
    }
}

impl FlexInsightsClient {
    /// Logs in where no login is kept, and gives it. [`report`](Self::report) does so itself; this one tells wrong credentials apart
    /// from the rest.
    pub async fn login(&self) -> Result<LoginToken, InsightsError> {
        let mut tokens = self.shared.tokens.lock().await;
        self.shared.login(&mut tokens).await
    }

    /// Takes a login that was kept in memory, in place of the client's own.
    pub async fn resume(&self, login: LoginToken) {
        let mut tokens = self.shared.tokens.lock().await;
        tokens.login = Some(login);
        tokens.ticket = None;
    }

    /// Ends the login, if there is one. One that Flex Insights no longer knows has ended. A client that is used again logs in again.
    pub async fn logout(&self) -> Result<(), InsightsError> {
        let shared = &*self.shared;
        let mut tokens = shared.tokens.lock().await;
        if tokens.login.is_none() {
            return Ok(());
        }
        // Flex Insights wants both tokens.
        let ticket = match &tokens.ticket {
            Some(ticket) if !shared.lived(ticket.since, shared.settings.temporary_life) => {
                Some(ticket.clone())
            }
            _ => shared.fetch_ticket(&mut tokens).await?,
        };
        tokens.ticket = None;
        let (Some(login), Some(ticket)) = (tokens.login.take(), ticket) else {
            return Ok(());
        };
        let [gdc, account, path] = wire::LOGIN;
        let url = shared
            .settings
            .base
            .join([gdc, account, path, &login.profile]);
        let call = Call::new("flex_insights.logout", Idempotency::Idempotent)
            .deadlines(shared.settings.deadlines)
            .accept(401)
            .accept(404);
        let sent = shared
            .http
            .fetch(
                &call,
                SMALL,
                |_| {
                    Request::new(Method::Delete, url.clone())
                        .secret_header(wire::LOGIN_HEADER, login.secret.clone())
                        .secret_header("cookie", ticket.cookie())
                },
                |fetched| Ok(fetched.status()),
            )
            .await
            .map_err(|error| InsightsError::of(LOG_OUT, error))?;
        if (300..400).contains(&sent) {
            return Err(InsightsError::Redirected {
                doing: LOG_OUT,
                status: sent,
            });
        }
        Ok(())
    }
}
