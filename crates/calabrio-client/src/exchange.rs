//! One authorised call and what came back: the part that all operations share.

use bytes::Bytes;
use http_retry::{Call, CallError, Fetched, HttpClient, Idempotency, Request, SafeUrl, Unfit};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::client::Shared;
use crate::contract::AnswersContract;
use crate::contract::answers::{Told, is_page};
use crate::error::CalabrioError;

/// What is being done, for people, metrics and advice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    /// The call's name in metrics.
    pub(crate) call: &'static str,
    /// What is asked, after "to".
    pub(crate) doing: &'static str,
    /// What a role that may not do it probably lacks.
    pub(crate) permission: &'static str,
}

/// What an answer with a good status must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    Json,
    /// Nothing, or JSON without an error in it.
    Success,
}

/// An answer that fits.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) content_range: Option<String>,
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self, operation: &Operation) -> Result<Value, CalabrioError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            operation.unexpected(format!("its JSON cannot be read at line {}", error.line()))
        })
    }
}

/// An answer, read.
pub(crate) enum Reading {
    Reply(Reply),
    /// A page for people, as servers show it to those whose session has ended.
    Page,
}

impl Operation {
    /// The answer is not what the contract says.
    pub(crate) fn unexpected(&self, problem: impl Into<String>) -> CalabrioError {
        CalabrioError::UnexpectedAnswer {
            doing: self.doing,
            problem: problem.into(),
        }
    }

    /// The status says success, the answer holds an error.
    pub(crate) fn error_in_answer(&self, told: Told) -> CalabrioError {
        let Told { reason, request_id } = told;
        CalabrioError::ErrorInAnswer {
            doing: self.doing,
            reason,
            request_id,
        }
    }

    /// What a failed call comes to. `private` are the texts that were sent and must not come back in a message.
    pub(crate) fn failed(
        &self,
        answers: &AnswersContract,
        error: CallError,
        private: &[&str],
    ) -> CalabrioError {
        let Some(status) = error.status().filter(|_| error.is_definite_refusal()) else {
            return if error.is_authentication() {
                CalabrioError::SessionRefused { doing: self.doing }
            } else {
                CalabrioError::Call {
                    doing: self.doing,
                    source: error,
                }
            };
        };
        let Told { reason, request_id } = answers.told(error.answer_body(), private);
        let request_id = request_id.or_else(|| error.request_id().map(str::to_owned));
        if status == 403 {
            CalabrioError::PermissionDenied {
                doing: self.doing,
                permission: self.permission,
                reason,
                request_id,
            }
        } else {
            CalabrioError::Refused {
                doing: self.doing,
                status,
                reason,
                request_id,
            }
        }
    }
}

/// Reads an answer with a good status; an error in it goes to `told`.
pub(crate) fn read(
    answers: &AnswersContract,
    fetched: &Fetched,
    expect: Expect,
    page_is_an_answer: bool,
    private: &[&str],
    told: &mut Option<Told>,
) -> Result<Reading, Unfit> {
    *told = None;
    let status = fetched.status();
    let reply = || Reply {
        status,
        body: fetched.body().clone(),
        content_range: fetched.header("content-range").map(str::to_owned),
    };
    if status >= 400 {
        // A status that the operation asked to see.
        return Ok(Reading::Reply(reply()));
    }
    if status >= 300 || is_page(fetched.header("content-type"), fetched.body()) {
        let what = if status >= 300 {
            "a redirect"
        } else {
            "a page for people, perhaps a login form"
        };
        return if page_is_an_answer {
            Ok(Reading::Page)
        } else {
            Err(Unfit::passing(format!("the answer is {what}")))
        };
    }
    if expect == Expect::Success && fetched.body().iter().all(u8::is_ascii_whitespace) {
        return Ok(Reading::Reply(reply()));
    }
    // Objects are small; a list may be large, and is only checked for being whole.
    let first = fetched
        .body()
        .iter()
        .find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        fetched.json::<IgnoredAny>()?;
    } else if let Some(error) = answers.error_in(&fetched.json::<Value>()?, private) {
        *told = Some(error);
        return Err(Unfit::passing(
            "the status says success, but the answer holds an error",
        ));
    }
    Ok(Reading::Reply(reply()))
}

impl Shared {
    /// The URL of a path of the contract.
    pub(crate) fn url(&self, path: &str) -> SafeUrl {
        self.settings.base.join(path.split('/'))
    }

    /// Sends an idempotent request with the session's cookies. A first 401, or a page for people, renews the session once.
    pub(crate) async fn call(
        &self,
        operation: &Operation,
        expect: Expect,
        accept: &[u16],
        private: &[&str],
        build: &(dyn Fn() -> Request + Send + Sync),
    ) -> Result<Reply, CalabrioError> {
        let mut call = Call::new(operation.call, Idempotency::Idempotent);
        for status in accept {
            call = call.accept(*status);
        }
        self.exchange(&self.http, &call, operation, expect, private, build)
            .await
    }

    /// The same for a call of any kind, by any HTTP client. A 401 or a page for people in place of an answer says that the
    /// session has ended, so that nothing was done yet: the request is sent once more, whatever the call declares.
    pub(crate) async fn exchange(
        &self,
        http: &HttpClient,
        call: &Call,
        operation: &Operation,
        expect: Expect,
        private: &[&str],
        build: &(dyn Fn() -> Request + Send + Sync),
    ) -> Result<Reply, CalabrioError> {
        let answers = &self.settings.contract.answers;
        let mut ticket = self.ticket().await?;
        let mut renewed = false;
        loop {
            // The session may have ended. After it was renewed, a 401 in passing is the HTTP client's to try again.
            let call = if renewed {
                call.clone()
            } else {
                call.clone().unauthorized_at_once()
            };
            let mut told = None;
            let mut cookies = Vec::new();
            let cookie = ticket.cookies.header();
            let result = http
                .fetch(
                    &call,
                    self.settings.limits.answer_bytes,
                    |_| build().secret_header("cookie", cookie.clone()),
                    |fetched| {
                        cookies = fetched
                            .header_all("set-cookie")
                            .into_iter()
                            .map(str::to_owned)
                            .collect();
                        read(answers, &fetched, expect, !renewed, private, &mut told)
                    },
                )
                .await;
            match result {
                Ok(Reading::Reply(reply)) => {
                    self.session.answered(&ticket, &cookies);
                    return Ok(reply);
                }
                Ok(Reading::Page) => {}
                Err(error) if error.is_authentication() && !renewed => {}
                Err(error) => {
                    return Err(match told.filter(|_| error.is_unfit_answer()) {
                        Some(told) => operation.error_in_answer(told),
                        None => operation.failed(answers, error, private),
                    });
                }
            }
            ticket = self.renewed(ticket).await?;
            renewed = true;
        }
    }
}
