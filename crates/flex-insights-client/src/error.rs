//! What can go wrong between here and Flex Insights.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_retry::{CallError, LinkError};

use crate::ids::{ProjectId, ReportId};

/// Which setting a person should look at first. The names of a configuration file are its owner's to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Concern {
    /// User name and password.
    Credentials,
    /// The project id, and what the user may do in the project.
    Project,
    /// The report id.
    Report,
    /// The address of Flex Insights.
    Base,
}

/// Why Flex Insights did not give what it was asked for.
///
/// Vendor sentences in it are cut to 300 characters, without the user's name. No report content is ever in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InsightsError {
    /// A setting cannot work.
    #[error("the Flex Insights setting {setting} {problem}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is expected of it.
        problem: &'static str,
    },
    /// User name or password is wrong.
    #[error("Flex Insights refused the user name or password (status {status}){}; check both: the password is the one that Flex Insights' support gave, not that of Twilio", Tail(.reason))]
    CredentialsRefused {
        /// The status.
        status: u16,
        /// The vendor's sentence.
        reason: Option<String>,
    },
    /// Too many logins failed of late.
    #[error("Flex Insights takes no login for another {} s after too many of them (status 429); wait, and check user name and password", .wait.as_secs())]
    LoginThrottled {
        /// How long it wants to be left alone.
        wait: Duration,
    },
    /// A token that was just issued is refused.
    #[error(
        "Flex Insights does not accept its own new token: it refused to {doing} with status 401; log in again later, and ask Flex Insights' support if it stays so"
    )]
    TokenRefused {
        /// What was asked.
        doing: &'static str,
    },
    /// The user may not use the project.
    #[error("Flex Insights does not let the user into project {project} (status {status}){}; check the project id, and ask Flex Insights' support to give the user access", Tail(.reason))]
    ProjectDenied {
        /// The project.
        project: ProjectId,
        /// The status.
        status: u16,
        /// The vendor's sentence.
        reason: Option<String>,
    },
    /// The report cannot be had: mostly its id is of another project.
    #[error("Flex Insights does not give report {report} of project {project} (status {status}){}; check that the report id is the last part of the report's link and the report belongs to this project", Tail(.reason))]
    ReportRefused {
        /// The report.
        report: ReportId,
        /// The project.
        project: ProjectId,
        /// The status.
        status: u16,
        /// The vendor's sentence.
        reason: Option<String>,
    },
    /// A redirect came; none is followed.
    #[error(
        "Flex Insights answered the request to {doing} with a redirect (status {status}), which is not followed; check the base address"
    )]
    Redirected {
        /// What was asked.
        doing: &'static str,
        /// The status.
        status: u16,
    },
    /// A link in an answer leads elsewhere.
    #[error(
        "Flex Insights answered the request to {doing} with a link that is not followed: {source}; check the base address"
    )]
    Link {
        /// What was asked.
        doing: &'static str,
        /// Why not.
        source: LinkError,
    },
    /// An answer is not what the documentation says.
    #[error(
        "Flex Insights answered the request to {doing} with something else: {problem}; check the base address"
    )]
    UnexpectedAnswer {
        /// What was asked.
        doing: &'static str,
        /// What came instead.
        problem: String,
    },
    /// The report was not computed in time.
    #[error("report {report} was not ready within {} s; let it cover fewer days or columns, or allow more time", .within.as_secs())]
    NotReady {
        /// The report.
        report: ReportId,
        /// The time that was allowed.
        within: Duration,
    },
    /// The content is no CSV.
    #[error(
        "report {report} came as {found} where CSV was expected; check that the base address leads to Flex Insights itself"
    )]
    NotCsv {
        /// The report.
        report: ReportId,
        /// What it looks like.
        found: &'static str,
    },
    /// The report is above the cap.
    #[error("report {report} is larger than {cap} bytes; let it cover fewer days or columns")]
    TooLarge {
        /// The report.
        report: ReportId,
        /// The cap.
        cap: u64,
    },
    /// The content ended before its end, or nobody can tell whether it did. What was read of it is not the report.
    #[error(
        "report {report} broke off after {received} bytes: {problem}; what was read is not the whole report, ask for it again"
    )]
    Broken {
        /// The report.
        report: ReportId,
        /// Bytes read.
        received: u64,
        /// What happened.
        problem: String,
    },
    /// The content took too long.
    #[error("report {report} was not read to its end within {} s ({received} bytes came); let it cover fewer days, or allow more time", .within.as_secs())]
    TooSlow {
        /// The report.
        report: ReportId,
        /// Bytes read.
        received: u64,
        /// The time that was allowed.
        within: Duration,
    },
    /// A call came to no answer.
    #[error(
        "Flex Insights could not be asked to {doing}: {source}; check the network and the base address, then try again"
    )]
    Call {
        /// What was asked.
        doing: &'static str,
        /// The whole story of the call.
        source: Arc<CallError>,
    },
}

impl InsightsError {
    /// The setting to look at first, where a setting is the likely cause.
    pub fn concern(&self) -> Option<Concern> {
        match self {
            Self::CredentialsRefused { .. } | Self::LoginThrottled { .. } => {
                Some(Concern::Credentials)
            }
            Self::ProjectDenied { .. } => Some(Concern::Project),
            Self::ReportRefused { .. } | Self::TooLarge { .. } => Some(Concern::Report),
            Self::Redirected { .. }
            | Self::Link { .. }
            | Self::UnexpectedAnswer { .. }
            | Self::NotCsv { .. } => Some(Concern::Base),
            _ => None,
        }
    }
}

/// The vendor's sentence behind a message.
struct Tail<'a>(&'a Option<String>);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(reason) => write!(f, ", saying \"{reason}\""),
            None => Ok(()),
        }
    }
}
