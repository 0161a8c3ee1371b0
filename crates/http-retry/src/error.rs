//! A call that failed, and its whole story.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::guard::GuardError;
use crate::request::Unsendable;
use crate::{BodyError, Method, Outcome, RetryAfter, SafeUrl, StopReason};

/// An answer that is an error, as the vendor's client reads it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The `Content-Type`, empty if there was none.
    pub content_type: &'a str,
    /// The first 16 KiB of the body.
    pub body: &'a [u8],
}

/// What a vendor's client found in an error answer. Only plain words are kept of it: letters, digits, `.`, `_` and `-`, at
/// most 64 of them, so that nothing which a vendor repeats from a request gets into a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerFacts {
    /// The vendor's error code.
    pub code: Option<String>,
    /// The vendor's id of the request, where it stands in the body; headers are read anyway.
    pub request_id: Option<String>,
}

/// Why the last attempt failed.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    Transport(String),
    Deadline {
        stage: &'static str,
        after: Duration,
    },
    Status(u16),
    Unfit(String),
    TooLarge {
        limit: usize,
    },
    Body(BodyError),
    Unsendable(Unsendable),
    Refused(GuardError),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(text) => f.write_str(text),
            Self::Deadline { stage, after } => {
                write!(f, "no {stage} within {:.1} s", after.as_secs_f64())
            }
            Self::Status(401) => f.write_str("the credentials were refused (status 401)"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Unfit(reason) => f.write_str(reason),
            Self::TooLarge { limit } => write!(f, "the answer is larger than {limit} bytes"),
            Self::Body(error) => write!(f, "the request's body could not be read: {error}"),
            Self::Unsendable(error) => error.fmt(f),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

/// One failed attempt, before it is decided whether another follows.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) outcome: Outcome,
    pub(crate) cause: Cause,
    pub(crate) retry_after: Option<RetryAfter>,
    pub(crate) facts: Box<AnswerFacts>,
    pub(crate) body: Bytes,
}

impl Failure {
    pub(crate) fn new(outcome: Outcome, cause: Cause) -> Self {
        Self {
            outcome,
            cause,
            retry_after: None,
            facts: Box::default(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn refused(error: GuardError) -> Self {
        Self::new(Outcome::Refused, Cause::Refused(error))
    }

    pub(crate) fn deadline(stage: &'static str, after: Duration) -> Self {
        Self::new(Outcome::Timeout, Cause::Deadline { stage, after })
    }
}

#[derive(Debug)]
struct Story {
    call: &'static str,
    method: Method,
    url: SafeUrl,
    attempts: u32,
    elapsed: Duration,
    stop: StopReason,
    failure: Failure,
}

/// A call that failed for good: method, URL (safe), attempts, elapsed time, the last cause and the vendor's request id.
///
/// Ask it with its predicates; its `Display` is one line for people and holds neither secrets nor content.
pub struct CallError(Box<Story>);

/// Where an error came about, for the parts of this crate that make one.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) call: &'static str,
    pub(crate) method: Method,
    pub(crate) url: SafeUrl,
    pub(crate) attempts: u32,
    pub(crate) started: tokio::time::Instant,
}

impl CallError {
    pub(crate) fn new(scene: Scene, stop: StopReason, failure: Failure) -> Self {
        let Scene {
            call,
            method,
            url,
            attempts,
            started,
        } = scene;
        Self(Box::new(Story {
            call,
            method,
            url,
            attempts,
            elapsed: started.elapsed(),
            stop,
            failure,
        }))
    }

    /// The call's name.
    pub fn call(&self) -> &'static str {
        self.0.call
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.0.method
    }

    /// The URL.
    pub fn url(&self) -> &SafeUrl {
        &self.0.url
    }

    /// Attempts made.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Time since the first attempt began.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// How the last attempt ended.
    pub fn outcome(&self) -> Outcome {
        self.0.failure.outcome
    }

    /// Why no further attempt was made.
    pub fn stop_reason(&self) -> StopReason {
        self.0.stop
    }

    /// The status of the last attempt, if it was answered.
    pub fn status(&self) -> Option<u16> {
        match self.0.failure.outcome {
            Outcome::Status(status) => Some(status),
            _ => None,
        }
    }

    /// What the last answer asked for as a wait, as far as it was not waited for already.
    pub fn retry_after(&self) -> Option<RetryAfter> {
        self.0.failure.retry_after
    }

    /// Whether the last attempt ended by a deadline.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.failure.cause, Cause::Deadline { .. })
    }

    /// Whether the credentials were refused, as often as the policy allows.
    pub fn is_authentication(&self) -> bool {
        self.status() == Some(401)
    }

    /// Whether no attempt reached the server: the call had no effect.
    ///
    /// A call of which an earlier attempt was sent never counts as not sent, even if the last one found no connection.
    pub fn is_not_sent(&self) -> bool {
        self.0.failure.outcome.is_not_sent()
    }

    /// Whether the server may have done what was asked although the call failed: anything but "not sent" and "refused".
    pub fn may_have_been_processed(&self) -> bool {
        !self.is_not_sent() && !self.is_definite_refusal()
    }

    /// Whether the server said that it will not do it: a 4xx other than 401, 408, 425 and 429.
    pub fn is_definite_refusal(&self) -> bool {
        self.0.failure.outcome.is_definite_refusal()
    }

    /// Whether an answer came and was not what this call answers.
    pub fn is_unfit_answer(&self) -> bool {
        matches!(self.0.failure.outcome, Outcome::UnfitAnswer { .. })
    }

    /// What the source of the request's body said, if that is what failed.
    pub fn body_error(&self) -> Option<&BodyError> {
        match &self.0.failure.cause {
            Cause::Body(error) => Some(error),
            _ => None,
        }
    }

    /// The last cause alone, as a sentence for people: neither URL nor content.
    pub fn reason(&self) -> String {
        self.0.failure.cause.to_string()
    }

    /// The vendor's error code of the last answer.
    pub fn vendor_code(&self) -> Option<&str> {
        self.0.failure.facts.code.as_deref()
    }

    /// The vendor's id of the last request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.failure.facts.request_id.as_deref()
    }

    /// The first 16 KiB of the last error answer, for the vendor's client to read. It may hold customer data: never log it.
    pub fn answer_body(&self) -> &[u8] {
        &self.0.failure.body
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let story = &self.0;
        let plural = if story.attempts == 1 { "" } else { "s" };
        write!(
            f,
            "{} {} failed after {} attempt{plural} in {:.1} s: {}",
            story.method,
            story.url,
            story.attempts,
            story.elapsed.as_secs_f64(),
            story.failure.cause
        )?;
        if let Some(code) = &story.failure.facts.code {
            write!(f, ", code {code}")?;
        }
        if let Some(id) = &story.failure.facts.request_id {
            write!(f, ", request id {id}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallError({}, {:?}: {self})", self.0.call, self.0.stop)
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The cause is part of the sentence; only what a caller may want to downcast is handed on.
        self.body_error()
            .map(|error| error as &(dyn Error + 'static))
    }
}

/// A plain word, or nothing.
pub(crate) fn plain(text: impl AsRef<str>) -> Option<String> {
    let text = text.as_ref().trim();
    let fits = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_of_an_answer_are_kept() {
        assert_eq!(plain(" 20404 "), Some("20404".to_owned()));
        assert_eq!(plain("RQ0123-ab.c_d"), Some("RQ0123-ab.c_d".to_owned()));
        for word in ["", "+15551234567", "Jane Doe", "é", &"x".repeat(65)] {
            assert_eq!(plain(word), None, "{word}");
        }
    }
}
