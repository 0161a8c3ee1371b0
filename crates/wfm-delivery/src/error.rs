//! What goes wrong on the way to Calabrio.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A setting that cannot be worked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractFault {
    /// The setting, dotted: `agent_file.columns`.
    pub setting: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl fmt::Display for ContractFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}

/// Why something was not delivered. No message holds a row, a name or an answer's text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// Settings cannot be worked with; all of them are listed.
    #[error("{}; the settings and their values stand in docs/calabrio-contract.md", list(.0))]
    Contract(Vec<ContractFault>),
    /// There is no room for the file.
    #[error("there is no room for {file} in {}; make room there", folder.display())]
    DiskFull {
        /// The name that the file was to get.
        file: String,
        /// The drop folder.
        folder: PathBuf,
    },
    /// The folder may not be written to, or read.
    #[error(
        "the drop folder {} does not let the connector {doing}; give its user the right to read and write there", folder.display()
    )]
    NotAllowed {
        /// What was tried.
        doing: &'static str,
        /// The drop folder.
        folder: PathBuf,
    },
    /// The folder is not there, or is none.
    #[error("the drop folder {} is not there, or is a file; make a folder there, or mount it", folder.display())]
    NoFolder {
        /// The drop folder.
        folder: PathBuf,
    },
    /// The operating system refuses something else.
    #[error("the connector could not {doing} in the drop folder {}: {source}", folder.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The drop folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of this name with other contents is there. It is not overwritten.
    #[error(
        "a file {file} with other contents lies in {}: it is not overwritten; wait until Calabrio has taken it, or put {{now}} into the name", folder.display()
    )]
    NameTaken {
        /// The name.
        file: String,
        /// The drop folder.
        folder: PathBuf,
    },
    /// The pattern makes something that is no name of a file.
    #[error("the pattern makes {file:?}, which is no name for a file: {problem}")]
    FileName {
        /// What the pattern makes.
        file: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The blocking thread that wrote files ended early: the runtime is shutting down.
    #[error("the writing of files was cut off, since the program stops; deliver again")]
    CutOff,
    /// The name and password, or the token, were refused.
    #[error("Calabrio refuses the credentials for {what} with status 401; correct them")]
    CredentialsRefused {
        /// `history`, `states` or `the roster`.
        what: &'static str,
    },
    /// There is no session to send with.
    #[error("{what} could not be sent, since no session could be opened: {source}")]
    NoSession {
        /// `history`, `states` or `the roster`.
        what: &'static str,
        /// The whole story.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer came in all the time that there is.
    #[error("Calabrio gave no answer to {what} within {seconds} s")]
    Deadline {
        /// `history`, `states` or `the roster`.
        what: &'static str,
        /// The deadline.
        seconds: u64,
    },
    /// The call failed: no connection, a status that says nothing about the rows, or too many attempts.
    #[cfg(feature = "http")]
    #[error("{what} could not be sent: {source}")]
    Call {
        /// `history`, `states` or `the roster`.
        what: &'static str,
        /// The whole story.
        source: http_retry::CallError,
    },
    /// It was not sent, since what came before it in the batch could not be delivered.
    #[error("{what} waits, since what goes before it could not be delivered")]
    NotTried {
        /// `history`, `states` or `the roster`.
        what: &'static str,
    },
    /// The status says success and the answer does not.
    #[error("the answer to {what} is {problem}; compare docs/calabrio-contract.md")]
    UnexpectedAnswer {
        /// `history`, `states` or `the roster`.
        what: &'static str,
        /// What the answer is.
        problem: String,
    },
    /// There are more agents than the store has room for.
    #[error(
        "there are more than {limit} agents: the state of {agent} is not kept; raise the limit"
    )]
    TooManyAgents {
        /// The limit.
        limit: usize,
        /// The agent, by SID.
        agent: twilio_sid::WorkerSid,
    },
}

fn list(faults: &[ContractFault]) -> String {
    let all: Vec<_> = faults.iter().map(ToString::to_string).collect();
    all.join("; ")
}

impl DeliveryError {
    /// Whether nothing failed: the file before, of the same name, was not taken yet.
    pub fn is_waiting(&self) -> bool {
        matches!(self, Self::NameTaken { .. })
    }

    /// How long Calabrio asks to be left alone, where it does; a day at most.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            #[cfg(feature = "http")]
            Self::Call { source, .. } => source.retry_after().map(http_retry::RetryAfter::delay),
            _ => None,
        }
    }

    /// The system's error about a file of the folder.
    pub(crate) fn of_file(
        doing: &'static str,
        file: &str,
        folder: &Path,
        source: io::Error,
    ) -> Self {
        let folder = folder.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull {
                file: file.to_owned(),
                folder,
            },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotAllowed { doing, folder }
            }
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NoFolder { folder },
            _ => Self::File {
                doing,
                folder,
                source,
            },
        }
    }
}
