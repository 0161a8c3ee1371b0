//! What can go wrong between this program and Twilio.

use std::fmt;

use chrono::{DateTime, Utc};
use http_retry::{CallError, LinkError, Outcome, SetupError};
use twilio_sid::{MediaSid, RecordingSid, SinkSid};

use crate::fault;

/// Why a request to Twilio did not bring what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TwilioError {
    /// The client could not be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The call failed; the cause tells how.
    #[error("{0}{hint}", hint = hint(.0))]
    Call(CallError),
    /// The credentials were refused, again and again: 401, or 403 with Twilio's code 20003.
    #[error("{0}; check the account SID with its auth token, or the API key with its secret")]
    Authentication(CallError),
    /// Twilio has no such resource.
    #[error("twilio has no such resource: {0}")]
    NotFound(CallError),
    /// A resource can be deleted only when it is complete (code 20009).
    #[error("it cannot be deleted before it is complete: {0}")]
    NotDeletable(CallError),
    /// Events of more than 30 days ago were asked for, which Twilio answers with 400.
    #[error("twilio keeps events for 30 days, and these begin at {start}; choose a later start")]
    EventsTooOld {
        /// The beginning of the window.
        start: DateTime<Utc>,
        /// The call.
        call: CallError,
    },
    /// One resource lacks what it cannot be without.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A link in an answer leads elsewhere and was not followed.
    #[error("the next page cannot be asked for: {0}")]
    Link(#[from] LinkError),
    /// A list did not end within the bound on pages, or went in a circle.
    #[error("a list of {list} did not end after {pages} pages; narrow its filter")]
    EndlessList {
        /// What was listed.
        list: &'static str,
        /// The pages that were read.
        pages: u32,
    },
    /// A recording's media cannot be had.
    #[error("recording {recording} has no media to fetch: {reason}")]
    NoMedia {
        /// The recording.
        recording: RecordingSid,
        /// Why.
        reason: NoMedia,
    },
    /// The deletion of a recording was answered with a success that is not Twilio's: it is not known to be deleted.
    #[error(
        "recording {recording}: its deletion was answered with status {status} instead of 204, so it is not known to be deleted; \
         look at what stands between this program and Twilio"
    )]
    DeletionNotConfirmed {
        /// The recording.
        recording: RecordingSid,
        /// What was answered.
        status: u16,
    },
    /// What came instead of audio was an error page or nothing.
    #[error(
        "recording {recording}: twilio answered {found} instead of audio; it may not be ready yet"
    )]
    NotAudio {
        /// The recording.
        recording: RecordingSid,
        /// What came.
        found: &'static str,
    },
    /// The media was redirected to a place that this program does not go to.
    #[error("recording {recording}: its media was redirected {why}")]
    Redirect {
        /// The recording.
        recording: RecordingSid,
        /// Why it was not followed.
        why: String,
    },
    /// An attachment was redirected to a place that this program does not go to.
    #[error("attachment {media}: it was redirected {why}")]
    AttachmentRedirect {
        /// The attachment.
        media: MediaSid,
        /// Why it was not followed.
        why: String,
    },
    /// An attachment is larger than the caller takes.
    #[error("attachment {media} is larger than {limit} bytes")]
    AttachmentTooLarge {
        /// The attachment.
        media: MediaSid,
        /// The most that the caller takes.
        limit: u64,
    },
    /// A list whose order matters did not come in it, across its pages.
    #[error("twilio gave a list of {list} out of order; ask again")]
    OutOfOrder {
        /// What was listed.
        list: &'static str,
    },
    /// There is a sink of that description, and it leads elsewhere than it should. It is not touched.
    #[error(
        "the event sink {sink} has the description \"{description}\" and does not lead to {destination}; remove it in twilio's \
         console, or choose another description"
    )]
    SinkElsewhere {
        /// The sink.
        sink: SinkSid,
        /// The description, which was given by the caller.
        description: String,
        /// Where it should lead, without credentials and with `…` for the secret part of its path.
        destination: String,
    },
}

impl TwilioError {
    /// Sorts a failed call by what it means.
    pub(crate) fn of(error: CallError) -> Self {
        match (error.status(), error.vendor_code()) {
            (Some(401), _) | (Some(403), Some("20003")) => Self::Authentication(error),
            (Some(404), _) => Self::NotFound(error),
            (_, Some("20009")) => Self::NotDeletable(error),
            _ => Self::Call(error),
        }
    }

    /// The call behind it, if there was one.
    pub fn call(&self) -> Option<&CallError> {
        match self {
            Self::Call(call)
            | Self::Authentication(call)
            | Self::NotFound(call)
            | Self::NotDeletable(call)
            | Self::EventsTooOld { call, .. } => Some(call),
            _ => None,
        }
    }

    /// Whether the credentials were refused.
    pub fn is_authentication(&self) -> bool {
        matches!(self, Self::Authentication(_))
    }

    /// Whether Twilio has no such resource.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }

    /// Whether Twilio said that it will not do it: the request or the credentials would have to change, not the time.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Call(call) => call.is_definite_refusal(),
            Self::Authentication(_) | Self::EventsTooOld { .. } => true,
            _ => false,
        }
    }

    /// Whether the same request may succeed later without anybody doing anything: load, outages, media that is not ready.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Call(call) => match call.outcome() {
                Outcome::NotSent | Outcome::Timeout | Outcome::ConnectionLost => true,
                Outcome::Status(status) => Outcome::RETRYABLE.contains(&status) || status >= 500,
                Outcome::UnfitAnswer { passing } => passing,
                _ => false,
            },
            Self::NotAudio { .. }
            | Self::NotDeletable(_)
            | Self::OutOfOrder { .. }
            | Self::DeletionNotConfirmed { .. } => true,
            Self::NoMedia { reason, .. } => reason.is_passing(),
            _ => false,
        }
    }
}

impl From<CallError> for TwilioError {
    fn from(error: CallError) -> Self {
        Self::of(error)
    }
}

fn hint(call: &CallError) -> String {
    call.vendor_code()
        .and_then(fault::advice)
        .map(|advice| format!(" ({advice})"))
        .unwrap_or_default()
}

/// A resource that lacks a field, or holds something else in it. Names the field, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{resource}{} is not usable: `{field}` should be {expected}", .sid.as_deref().map(|sid| format!(" ({sid})")).unwrap_or_default())]
pub struct Unreadable {
    /// The kind of resource, with its article.
    pub resource: &'static str,
    /// Its SID, as far as it can be told.
    pub sid: Option<String>,
    /// The field.
    pub field: &'static str,
    /// What it should hold.
    pub expected: &'static str,
}

/// Why a recording's media cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoMedia {
    /// It is still being made.
    NotReady,
    /// It is complete, but not served yet. This passes shortly after completion.
    NotServed,
    /// It was deleted; its metadata remain for 40 days.
    Deleted,
    /// Twilio knows nothing of the recording (any more).
    Unknown,
    /// It lies in the customer's own store.
    External {
        /// The host of that store.
        host: String,
    },
    /// Twilio could not store it (`absent`).
    Absent {
        /// Twilio's code, from its error dictionary.
        code: Option<u32>,
    },
}

impl NoMedia {
    /// Whether it may be there later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::NotReady | Self::NotServed)
    }
}

impl fmt::Display for NoMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("it is still being made"),
            Self::NotServed => f.write_str("it is complete, but twilio does not serve it yet"),
            Self::Deleted => f.write_str("it was deleted at twilio"),
            Self::Unknown => f.write_str("twilio does not know it"),
            Self::External { host } => write!(f, "it is stored outside twilio, at {host}"),
            Self::Absent { code } => {
                f.write_str("twilio could not store it: ")?;
                match code {
                    Some(16101) => f.write_str("it was too short (16101)"),
                    Some(16102) => f.write_str("it was silent (16102)"),
                    Some(16104) => f.write_str("its encryption failed (16104)"),
                    Some(16105) => f.write_str("the account had no valid public key (16105)"),
                    Some(16106) => {
                        f.write_str("an error of twilio's encryption in passing (16106)")
                    }
                    Some(16111) => {
                        f.write_str("the configuration of the external store is wrong (16111)")
                    }
                    Some(16112) => f.write_str("the external store refused it (16112)"),
                    Some(code) => write!(f, "error {code}"),
                    None => f.write_str("without a reason"),
                }
            }
        }
    }
}
