//! The agents and queues that Calabrio's workforce management was told of.

use std::fmt;
use std::future::Future;

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use serde::{Deserialize, Serialize};
use twilio_sid::{TaskQueueSid, WorkerSid};

use crate::Result;

/// The agents and queues of each ACD, by SID: a rename keeps identity, and what vanished is inactive and never deleted.
///
/// Every method is one transaction.
pub trait RosterStore: Send + Sync {
    /// Writes down a whole list of one kind: who is in it is active and has the name that it shows; who is known and not in it
    /// is inactive from now on. Who is new, or whose name or state changed, waits to be told to Calabrio.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn see_roster(
        &self,
        acd: &AcdKey,
        kind: SubjectKind,
        seen: &[SeenSubject],
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<RosterChange>> + Send;

    /// All agents or queues that are known, in the order of their SIDs.
    fn roster(
        &self,
        acd: &AcdKey,
        kind: SubjectKind,
    ) -> impl Future<Output = Result<Vec<Subject>>> + Send;

    /// Writes down that Calabrio was told of these, as they were at that version, or refused to take them. What is newer than that
    /// waits on, and nobody is untold by an older version.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn told_roster(
        &self,
        acd: &AcdKey,
        kind: SubjectKind,
        told: &[ToldSubject],
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The files in which Calabrio was told of agents or queues and of which it is not known yet what it made of them, the oldest first.
    fn told_files(
        &self,
        acd: &AcdKey,
        kind: SubjectKind,
    ) -> impl Future<Output = Result<Vec<ToldFile>>> + Send;

    /// Tells what Calabrio made of a file: `refused` says why it was refused. Then Calabrio was not told of those in it, and they wait no more until
    /// something of them changes.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn close_told_file(
        &self,
        acd: &AcdKey,
        kind: SubjectKind,
        file: &ToldFile,
        refused: Option<&str>,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// Agents or queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// Workers of TaskRouter: people in Calabrio.
    Agent,
    /// Task queues: service queues in Calabrio.
    Queue,
}

/// The SID of an agent or a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SubjectSid {
    /// An agent's.
    Agent(WorkerSid),
    /// A queue's.
    Queue(TaskQueueSid),
}

impl SubjectSid {
    /// Which of both it is.
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Agent(_) => SubjectKind::Agent,
            Self::Queue(_) => SubjectKind::Queue,
        }
    }

    /// The SID.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Agent(sid) => sid.as_str(),
            Self::Queue(sid) => sid.as_str(),
        }
    }
}

impl fmt::Display for SubjectSid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What Twilio calls an agent or a queue. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectNames {
    /// The friendly name: of agents usually their login.
    pub name: String,
    /// An agent's full name, if its attributes tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// An agent's e-mail address, if its attributes tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl fmt::Debug for SubjectNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectNames(..)")
    }
}

/// An agent or a queue as a list of Twilio's shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSubject {
    /// Its SID.
    pub sid: SubjectSid,
    /// What it is called.
    pub names: SubjectNames,
}

/// An agent or a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// Its SID.
    pub sid: SubjectSid,
    /// What it is called, or was when it was last seen. Names are sealed like details; `None` where they cannot be read.
    pub names: Option<SubjectNames>,
    /// Names that it had before, the newest first, at most 8: reports show the name of the time that they tell of.
    pub former: Vec<SubjectNames>,
    /// Whether the last list showed it.
    pub active: bool,
    /// Counted up with each change.
    pub version: u32,
    /// When it was first seen.
    pub first_seen: DateTime<Utc>,
    /// When the last list showed it.
    pub last_seen: DateTime<Utc>,
    /// When a list first showed it no more; `None` while it is active. It may have been there until then.
    pub gone: Option<DateTime<Utc>>,
    /// The version that Calabrio has been told of, if it has.
    pub told: Option<u32>,
    /// Why Calabrio refused to take its newest version.
    pub refused: Option<String>,
}

impl Subject {
    /// Whether Calabrio is still to be told of it.
    pub fn waits(&self) -> bool {
        self.told != Some(self.version) && self.refused.is_none()
    }
}

/// What Calabrio was told of an agent or a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldSubject {
    /// Its SID.
    pub sid: SubjectSid,
    /// The version that was told.
    pub version: u32,
    /// Why it was refused, if it was. No customer data.
    pub refused: Option<String>,
    /// The file that tells of it, in transports of files; what Calabrio makes of that, its fate shows.
    pub file: Option<String>,
}

/// A file that told Calabrio of agents or queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldFile {
    /// Its name in the drop folder.
    pub name: String,
    /// When it was put there, to the millisecond.
    pub at: DateTime<Utc>,
}

/// What a list changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RosterChange {
    /// Seen for the first time.
    pub new: u64,
    /// Called otherwise than before.
    pub renamed: u64,
    /// Not in the list any more.
    pub gone: u64,
    /// In the list again.
    pub back: u64,
    /// As before.
    pub unchanged: u64,
}
