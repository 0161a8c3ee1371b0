//! The session: opened when first needed, renewed once for all who see it end, closed on request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_retry::{Call, CallError, Idempotency, Method, Request};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::client::Shared;
use crate::contract::answers::Told;
use crate::cookies::Cookies;
use crate::error::CalabrioError;
use crate::exchange::{Expect, Operation, Reading, read};

const LOGIN: Operation = Operation {
    call: "calabrio.session.open",
    doing: "log in",
    permission: "the permission to log in",
};
const LOGOUT: Operation = Operation {
    call: "calabrio.session.close",
    doing: "log out",
    permission: "the permission to log in",
};

/// The largest answer to a login.
const ANSWER: usize = 1024 * 1024;

/// The session of one client.
#[derive(Default)]
pub(crate) struct Session {
    /// Held while a session is being opened, so that many who need one cause one login.
    gate: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts the sessions; a ticket of an older one does not end a newer one.
    generation: u64,
    open: Option<Cookies>,
    /// When the session was last accepted.
    accepted: Option<Instant>,
    /// The last login, if it failed, and when.
    failure: Option<(Instant, LoginFailure)>,
}

/// The session as one request uses it.
#[derive(Clone)]
pub(crate) struct Ticket {
    generation: u64,
    pub(crate) cookies: Cookies,
    accepted: Option<Instant>,
}

impl Ticket {
    /// When Calabrio last accepted the session, as far as this ticket knows.
    pub(crate) fn accepted(&self) -> Option<Instant> {
        self.accepted
    }
}

/// A login that failed, so that everyone who waited for it can be told.
#[derive(Clone)]
enum LoginFailure {
    Refused { status: u16, told: Told },
    Told(Told),
    Answer(String),
    Call(Arc<CallError>),
}

impl From<LoginFailure> for CalabrioError {
    fn from(failure: LoginFailure) -> Self {
        match failure {
            LoginFailure::Refused {
                status,
                told: Told { reason, request_id },
            } => Self::CredentialsRefused {
                status,
                reason,
                request_id,
            },
            LoginFailure::Told(Told { reason, request_id }) => Self::ErrorInAnswer {
                doing: LOGIN.doing,
                reason,
                request_id,
            },
            LoginFailure::Answer(problem) => Self::LoginAnswer { problem },
            LoginFailure::Call(source) => Self::LoginFailed { source },
        }
    }
}

impl Session {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is one assignment or a few that cannot panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Option<Ticket> {
        let state = self.state();
        let cookies = state.open.clone()?;
        Some(Ticket {
            generation: state.generation,
            cookies,
            accepted: state.accepted,
        })
    }

    /// Forgets the session that this ticket is of, if it is still the current one.
    pub(crate) fn ended(&self, ticket: &Ticket) {
        let mut state = self.state();
        if state.generation == ticket.generation {
            state.open = None;
        }
    }

    /// Notes that the session was accepted, and the cookies that came with the answer.
    pub(crate) fn answered(&self, ticket: &Ticket, set_cookies: &[String]) {
        let mut state = self.state();
        if state.generation != ticket.generation {
            return;
        }
        state.accepted = Some(Instant::now());
        if let Some(cookies) = &mut state.open {
            for header in set_cookies {
                cookies.set(header);
            }
        }
    }
}

/// A session that goes with requests which others than this client make to Calabrio ONE. `Debug` does not show it.
#[derive(Clone)]
pub struct OpenSession {
    number: u64,
    cookie: SecretString,
}

impl OpenSession {
    /// Its number among those of this client, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The value of the header `cookie`.
    pub fn cookie(&self) -> &SecretString {
        &self.cookie
    }
}

impl std::fmt::Debug for OpenSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenSession({})", self.number)
    }
}

impl Shared {
    /// The current session, unless it is the one of this number.
    pub(crate) async fn open_session(
        &self,
        ended: Option<u64>,
    ) -> Result<OpenSession, CalabrioError> {
        if let Some(number) = ended {
            let mut state = self.session.state();
            if state.generation == number {
                state.open = None;
            }
        }
        let ticket = self.ticket().await?;
        Ok(OpenSession {
            number: ticket.generation,
            cookie: ticket.cookies.header(),
        })
    }

    /// The current session; opens one where there is none.
    pub(crate) async fn ticket(&self) -> Result<Ticket, CalabrioError> {
        if let Some(ticket) = self.session.current() {
            return Ok(ticket);
        }
        let asked = Instant::now();
        let _gate = self.session.gate.lock().await;
        if let Some(ticket) = self.session.current() {
            return Ok(ticket);
        }
        if let Some((at, failure)) = &self.session.state().failure {
            let refused = matches!(failure, LoginFailure::Refused { .. });
            let paused = refused && at.elapsed() < self.settings.limits.credentials_pause;
            // Whoever waited for a login that failed has its answer; only those who come later try again.
            if *at >= asked || paused {
                return Err(failure.clone().into());
            }
        }
        let login = self.login().await;
        let mut state = self.session.state();
        match login {
            Ok(cookies) => {
                state.generation += 1;
                state.open = Some(cookies.clone());
                state.accepted = Some(Instant::now());
                state.failure = None;
                tracing::debug!(base = %self.settings.base, session = state.generation, "logged in at Calabrio ONE");
                Ok(Ticket {
                    generation: state.generation,
                    cookies,
                    accepted: state.accepted,
                })
            }
            Err(failure) => {
                state.failure = Some((Instant::now(), failure.clone()));
                Err(failure.into())
            }
        }
    }

    /// The session after the one of this ticket.
    pub(crate) async fn renewed(&self, ticket: Ticket) -> Result<Ticket, CalabrioError> {
        self.session.ended(&ticket);
        self.ticket().await
    }

    async fn login(&self) -> Result<Cookies, LoginFailure> {
        let contract = &self.settings.contract;
        let url = self.url(&contract.session.path);
        let body = contract
            .session
            .credentials(&self.settings.user, &self.settings.password);
        // A login that was sent twice opens two sessions, of which one runs out unused.
        let call = Call::new(LOGIN.call, Idempotency::Idempotent);
        let mut told = None;
        let mut set_cookies = Vec::new();
        let private = [self.settings.user.as_str()];
        let result = self
            .urgent()
            .fetch(
                &call,
                ANSWER,
                |_| Request::post(url.clone()).json(&body),
                |fetched| {
                    set_cookies = fetched
                        .header_all("set-cookie")
                        .into_iter()
                        .map(str::to_owned)
                        .collect();
                    read(
                        &contract.answers,
                        &fetched,
                        Expect::Success,
                        true,
                        &private,
                        &mut told,
                    )
                },
            )
            .await;
        let reply = match result {
            Ok(Reading::Reply(reply)) => reply,
            Ok(Reading::Page) => {
                return Err(LoginFailure::Answer(
                    "a page for people or a redirect".to_owned(),
                ));
            }
            Err(error) => {
                if let Some(told) = told.filter(|_| error.is_unfit_answer()) {
                    return Err(LoginFailure::Told(told));
                }
                return Err(match error.status() {
                    Some(status @ (401 | 403)) => LoginFailure::Refused {
                        status,
                        told: contract.answers.told(error.answer_body(), &private),
                    },
                    _ => LoginFailure::Call(Arc::new(error)),
                });
            }
        };
        let mut cookies = Cookies::default();
        for header in &set_cookies {
            cookies.set(header);
        }
        let answer = serde_json::from_slice(&reply.body).unwrap_or_default();
        if let Some(id) = contract.session.session_id(&answer) {
            cookies.put(&contract.session.cookie, &id);
        }
        if cookies.has(&contract.session.cookie) {
            Ok(cookies)
        } else {
            let problem = format!(
                "neither the field {:?} nor the cookie {:?} holds a session's id",
                contract.session.session_id_field, contract.session.cookie
            );
            Err(LoginFailure::Answer(problem))
        }
    }

    /// Closes the session, if there is one. One that Calabrio no longer knows is closed.
    pub(crate) async fn logout(&self) -> Result<(), CalabrioError> {
        let _gate = self.session.gate.lock().await;
        let Some(ticket) = self.session.current() else {
            return Ok(());
        };
        self.session.ended(&ticket);
        let contract = &self.settings.contract;
        let url = self.url(&contract.session.logout_path);
        let cookie = ticket.cookies.header();
        let call = Call::new(LOGOUT.call, Idempotency::Idempotent)
            .accept(401)
            .accept(404);
        let sent = self
            .http
            .fetch(
                &call,
                ANSWER,
                |_| {
                    Request::new(Method::Delete, url.clone())
                        .secret_header("cookie", cookie.clone())
                },
                |_| Ok(()),
            )
            .await;
        sent.map_err(|error| LOGOUT.failed(&contract.answers, error, &[]))
    }
}
