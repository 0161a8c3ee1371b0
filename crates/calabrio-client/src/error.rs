//! What can go wrong between here and Calabrio ONE.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_retry::{BodyError, CallError};

use crate::contract::ContractFault;

/// Why Calabrio ONE did not do what it was asked.
///
/// Vendor sentences in it are cut to 300 characters, without anything that looks like a customer's number or address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalabrioError {
    /// A setting of the contract cannot work.
    #[error(transparent)]
    Contract(#[from] ContractFault),
    /// Another setting cannot work.
    #[error("the Calabrio setting {setting} {problem}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is expected of it.
        problem: &'static str,
    },
    /// A search window ends before it begins.
    #[error("a search window ends before it begins")]
    WindowReversed,
    /// The name or password of the service account is wrong, or the account is locked.
    #[error(
        "Calabrio ONE refused the name or password of the service account (status {status}){}; check both and whether the account is locked",
        Tail(.reason, .request_id)
    )]
    CredentialsRefused {
        /// The status.
        status: u16,
        /// Calabrio's sentence.
        reason: Option<String>,
        /// The id under which Calabrio's support finds the request.
        request_id: Option<String>,
    },
    /// The login did not come to an answer.
    #[error("the login at Calabrio ONE failed: {source}")]
    LoginFailed {
        /// The whole story of the call.
        source: Arc<CallError>,
    },
    /// The login was answered, but not with a session.
    #[error(
        "Calabrio ONE answered the login without a session: {problem}; check the base URL and the contract's session settings"
    )]
    LoginAnswer {
        /// What the answer was instead.
        problem: String,
    },
    /// A request was refused with 401 right after the session was renewed.
    #[error(
        "Calabrio ONE does not accept its own new session: it refused to {doing} with status 401"
    )]
    SessionRefused {
        /// What was asked.
        doing: &'static str,
    },
    /// The service account may not do this.
    #[error(
        "Calabrio ONE does not let the service account {doing} (status 403){}; give its role {permission}",
        Tail(.reason, .request_id)
    )]
    PermissionDenied {
        /// What was asked.
        doing: &'static str,
        /// What the account's role probably lacks.
        permission: &'static str,
        /// Calabrio's sentence.
        reason: Option<String>,
        /// The id under which Calabrio's support finds the request.
        request_id: Option<String>,
    },
    /// The request was refused for what it says.
    #[error("Calabrio ONE refused to {doing} (status {status}){}", Tail(.reason, .request_id))]
    Refused {
        /// What was asked.
        doing: &'static str,
        /// The status.
        status: u16,
        /// Calabrio's sentence.
        reason: Option<String>,
        /// The id under which Calabrio's support finds the request.
        request_id: Option<String>,
    },
    /// The status says success, the answer holds an error.
    #[error("Calabrio ONE answered the request to {doing} with status 200 and an error in it{}", Tail(.reason, .request_id))]
    ErrorInAnswer {
        /// What was asked.
        doing: &'static str,
        /// Calabrio's sentence.
        reason: Option<String>,
        /// The id under which Calabrio's support finds the request.
        request_id: Option<String>,
    },
    /// The answer is not what the contract says.
    #[error(
        "Calabrio ONE answered the request to {doing} with something else: {problem}; compare docs/calabrio-contract.md"
    )]
    UnexpectedAnswer {
        /// What was asked.
        doing: &'static str,
        /// What came instead.
        problem: String,
    },
    /// An element of a search's answer is no contact.
    #[error("Calabrio ONE answered a search with a contact that cannot be read: {problem}")]
    UnreadableContact {
        /// What is missing or wrong.
        problem: String,
    },
    /// A search did not end.
    #[error("a search at Calabrio ONE did not end within {pages} pages; choose a narrower window")]
    TooManyPages {
        /// The limit.
        pages: u32,
    },
    /// A person's number is not above 0.
    #[error("a number of a person at Calabrio ONE is above 0, but this one is {0}")]
    PersonNumber(i64),
    /// The contract switches this off.
    #[error("Calabrio ONE is not asked to {doing}: the contract has no path or no word for it")]
    SwitchedOff {
        /// What would have been asked.
        doing: &'static str,
    },
    /// Something that must be done quickly was not done in time.
    #[error("Calabrio ONE could not be asked to {doing} within {} ms: {}", .within.as_millis(), awaited(*.sent))]
    OutOfTime {
        /// What was asked.
        doing: &'static str,
        /// The time there was.
        within: Duration,
        /// Whether the request was on its way: Calabrio may have it.
        sent: bool,
    },
    /// The call did not come to a usable answer.
    #[error("Calabrio ONE could not be asked to {doing}: {source}")]
    Call {
        /// What was asked.
        doing: &'static str,
        /// The whole story of the call.
        source: CallError,
    },
}

/// What did not come in time.
fn awaited(sent: bool) -> &'static str {
    if sent {
        "no answer came"
    } else {
        "there was no session"
    }
}

/// The end of a sentence: what Calabrio said, and the request's id.
struct Tail<'a>(&'a Option<String>, &'a Option<String>);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = self.0 {
            write!(f, ": \"{reason}\"")?;
        }
        if let Some(id) = self.1 {
            write!(f, " [request id {id}]")?;
        }
        Ok(())
    }
}

impl CalabrioError {
    /// Whether name, password or session were refused.
    pub fn is_authentication(&self) -> bool {
        matches!(
            self,
            Self::CredentialsRefused { .. } | Self::SessionRefused { .. }
        )
    }

    /// Whether the service account lacks a permission.
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::PermissionDenied { .. })
    }

    /// Whether the same request may well succeed later, with nothing changed here.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::LoginFailed { source } => passing(source),
            Self::Call { source, .. } => passing(source),
            Self::SessionRefused { .. }
            | Self::LoginAnswer { .. }
            | Self::ErrorInAnswer { .. }
            | Self::OutOfTime { .. } => true,
            _ => false,
        }
    }

    /// Whether not a byte of the request reached Calabrio: there was no session, no connection, or no wish to send it.
    pub fn is_not_sent(&self) -> bool {
        match self {
            Self::Call { source, .. } => source.is_not_sent(),
            Self::OutOfTime { sent, .. } => !sent,
            Self::Contract(_)
            | Self::Setting { .. }
            | Self::WindowReversed
            | Self::PersonNumber(_)
            | Self::SwitchedOff { .. }
            | Self::CredentialsRefused { .. }
            | Self::LoginFailed { .. }
            | Self::LoginAnswer { .. } => true,
            _ => false,
        }
    }

    /// The id under which Calabrio's support finds the request.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::CredentialsRefused { request_id, .. }
            | Self::PermissionDenied { request_id, .. }
            | Self::Refused { request_id, .. }
            | Self::ErrorInAnswer { request_id, .. } => request_id.as_deref(),
            Self::LoginFailed { source } => source.request_id(),
            Self::Call { source, .. } => source.request_id(),
            _ => None,
        }
    }

    /// What the source of an import's audio said, if that is what failed.
    pub fn audio_error(&self) -> Option<&BodyError> {
        match self {
            Self::Call { source, .. } => source.body_error(),
            _ => None,
        }
    }
}

fn passing(error: &CallError) -> bool {
    error.body_error().is_none() && !error.is_definite_refusal()
}
