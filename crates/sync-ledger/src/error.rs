//! What can go wrong with the ledger, each with what to do about it.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId, StageName};
use twilio_sid::ConversationSid;

/// The result of everything that touches the ledger.
pub type Result<T> = std::result::Result<T, LedgerError>;

/// The cause beneath an error, opaque to callers.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why the ledger could not do what was asked. Nothing of a refused change is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A batch of history has no row.
    #[error("a batch of history needs at least one row: leave out batches that tell nothing")]
    EmptyBatch,
    /// A batch of history was given a row that does not belong into it.
    #[error(
        "row {row} does not belong into the batch of history: give rows of its report that are to be delivered"
    )]
    ForeignRow {
        /// Its place in the batch.
        row: usize,
    },
    /// There is no such batch of history.
    #[error(
        "there is no batch of history of the number {number}: it was pruned, or is of another ledger"
    )]
    UnknownBatch {
        /// The number.
        number: i64,
    },
    /// The pull whose rows are to be held is over: it was finished, or a later one was begun.
    #[error(
        "the pull {number} is over, and holds no more rows: it was finished, or a later one was begun; begin another"
    )]
    UnknownPull {
        /// The number.
        number: i64,
    },
    /// A later release of this program wrote the ledger. It was left as it is.
    #[error(
        "the ledger {path} has schema version {found}, but this program knows only versions up to {known}: \
         run the release that wrote it or a later one; the ledger was left untouched"
    )]
    NewerSchema {
        /// The ledger.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// An earlier release wrote the ledger, and only the worker may bring it up to date.
    #[error(
        "the ledger {path} has schema version {found}, but this program needs version {known}: \
         start `run` of this release once, it brings the ledger up to date"
    )]
    OlderSchema {
        /// The ledger.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version that is needed.
        known: u32,
    },
    /// There is no ledger at the path, and this command does not make one.
    #[error(
        "there is no ledger at {path}: `run` makes it at its first start, or the configured path is wrong"
    )]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The file is something else.
    #[error(
        "{path} is not a ledger of this connector ({what}): configure another path or move that file away"
    )]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// The file or its directory may not be written.
    #[error(
        "the ledger {path} cannot be written: give the service's user write access to the file and to its directory"
    )]
    ReadOnly {
        /// The ledger.
        path: PathBuf,
    },
    /// The file or its directory could not be opened.
    #[error(
        "the ledger {path} cannot be opened: check that its directory exists and that the service's user may use it"
    )]
    CannotOpen {
        /// The ledger.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: Cause,
    },
    /// No space is left for the change; it was rolled back.
    #[error(
        "no space is left for the ledger {path}: free some on its file system; a worker that runs then goes on by itself"
    )]
    DiskFull {
        /// The ledger.
        path: PathBuf,
    },
    /// Another process or task held the ledger for longer than the busy timeout; the change was rolled back.
    #[error(
        "the ledger {path} is busy: another process holds it for writing; try again, or end that process"
    )]
    Busy {
        /// The ledger.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error(
        "the ledger {path} is damaged ({what}): stop the service, keep a copy of the file and its -wal and -shm \
         neighbours, and restore a backup"
    )]
    Corrupt {
        /// The ledger.
        path: PathBuf,
        /// What the engine found.
        what: String,
    },
    /// The file system failed beneath the ledger.
    #[error("reading or writing the ledger {path} failed: check its disk and file system")]
    Io {
        /// The ledger.
        path: PathBuf,
        /// What the engine said.
        #[source]
        cause: Cause,
    },
    /// The file system cannot hold a write-ahead log (a network share, as a rule).
    #[error(
        "the ledger {path} cannot keep a write-ahead log where it lies (journal mode is \"{mode}\"): \
         put it on a local file system"
    )]
    NoWriteAheadLog {
        /// The ledger.
        path: PathBuf,
        /// The journal mode that the engine fell back to.
        mode: String,
    },
    /// Another worker runs on this ledger.
    #[error("another worker{} already runs on this ledger: it holds {lock}; stop it first", pid_of(*.pid))]
    WorkerRunning {
        /// The lock file.
        lock: PathBuf,
        /// The process id that the holder wrote into it, where it could be read.
        pid: Option<u32>,
    },
    /// The lock file could not be made or locked.
    #[error(
        "the worker's lock {lock} cannot be taken: check that its directory exists and may be written"
    )]
    Lock {
        /// The lock file.
        lock: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// A sealing key is not 32 bytes.
    #[error(
        "a sealing key is 32 bytes, written as 64 hexadecimal digits or in base64, but this one {what}"
    )]
    SealingKey {
        /// What is wrong with it; nothing of the key itself.
        what: &'static str,
    },
    /// Details in the ledger are sealed under a key that is not configured.
    #[error(
        "details of {contacts} contacts and {others} webhooks, events and names are sealed under key {sealed_under}, which is \
         not configured ({configured}): configure that key too, beside the new one, until nothing is sealed under it"
    )]
    SealingKeyMissing {
        /// The id of the key that is wanted.
        sealed_under: String,
        /// How many contacts have details under it.
        contacts: u64,
        /// How many webhook messages, pushed events, and names of agents and queues are under it.
        others: u64,
        /// The ids of the configured keys, for people.
        configured: String,
    },
    /// The ACD was never registered with this ledger.
    #[error("the ledger does not know the ACD {acd}: `run` with this configuration registers it")]
    UnknownAcd {
        /// The ACD.
        acd: Box<AcdKey>,
    },
    /// The ledger has no such contact.
    #[error(
        "the ledger has no contact for leg {leg} of ACD {acd}: it was not discovered yet, or was pruned"
    )]
    UnknownLeg {
        /// The ACD.
        acd: Box<AcdKey>,
        /// The leg.
        leg: LegId,
    },
    /// The contact was changed or claimed since it was read. Nothing was written: read it again and decide again.
    #[error(
        "the contact of leg {leg} was changed since it was read (version {expected}, now {found}): read it again"
    )]
    Conflict {
        /// The leg.
        leg: LegId,
        /// The version that the change was based on.
        expected: u64,
        /// The version in the ledger.
        found: u64,
    },
    /// Another leg has claimed some of these messages of the conversation. Nothing was written: read its claims again.
    #[error(
        "leg {other} has claimed messages of conversation {conversation} that leg {leg} wants: \
         read the claims again and decide again"
    )]
    TranscriptClaimed {
        /// The leg that wants them.
        leg: LegId,
        /// The leg that has them.
        other: LegId,
        /// The conversation.
        conversation: ConversationSid,
    },
    /// The contact was forgotten: it stays as it is.
    #[error(
        "the contact of leg {leg} was forgotten: nothing is done for it any more, and it is not imported again"
    )]
    Forgotten {
        /// The leg.
        leg: LegId,
    },
    /// Contacts of the ACD are not finished. Nothing was removed.
    #[error(
        "{contacts} contacts of ACD {acd} are not finished: wait for them or settle what is parked, \
         or ask for their removal explicitly"
    )]
    Unfinished {
        /// The ACD.
        acd: Box<AcdKey>,
        /// How many.
        contacts: u64,
    },
    /// As many pushed events as are allowed wait to be processed. None of these was taken.
    #[error(
        "{waiting} pushed events wait to be processed, and at most {limit} may: deliver these again later"
    )]
    InboxFull {
        /// How many wait.
        waiting: u64,
        /// How many may.
        limit: u64,
    },
    /// The cursor is not where the caller thought. Nothing was written: read it again.
    #[error("the cursor {stream} of ACD {acd} is at {}, not at {}: read it again", shown(*.found), shown(*.expected))]
    CursorMoved {
        /// The ACD.
        acd: Box<AcdKey>,
        /// The stream, or the backfill.
        stream: String,
        /// Where the caller thought it was.
        expected: Option<DateTime<Utc>>,
        /// Where it is.
        found: Option<DateTime<Utc>>,
    },
    /// A cursor was to go back, or a backfill beyond its end, or a range is empty.
    #[error("{what} from {from} to {to} is no step forward within its range: check both times")]
    NotForward {
        /// The cursor or range.
        what: String,
        /// Its beginning.
        from: DateTime<Utc>,
        /// Its end.
        to: DateTime<Utc>,
    },
    /// A leg was handed to the cursor of another ACD.
    #[error("leg {leg} belongs to ACD {found}, not to {expected}: it cannot be discovered there")]
    ForeignLeg {
        /// The leg.
        leg: LegId,
        /// The ACD of the cursor.
        expected: Box<AcdKey>,
        /// The ACD that the leg names.
        found: Box<AcdKey>,
    },
    /// A contact on its way would never be looked at again.
    #[error(
        "the contact of leg {leg} is {stage} and would never be due again: give it a time, or park it"
    )]
    NeverDue {
        /// The leg.
        leg: LegId,
        /// The stage that is not final.
        stage: StageName,
    },
    /// There is no such backfill.
    #[error("the ledger has no backfill {id}: it was pruned, or never begun")]
    UnknownBackfill {
        /// Its number.
        id: i64,
    },
    /// The backfill is done or was cancelled.
    #[error("backfill {id} is {state}: it goes no further; begin another")]
    BackfillClosed {
        /// Its number.
        id: i64,
        /// Its state.
        state: &'static str,
    },
    /// The wish is not held under this claim: the lease ran out and another took it, or it is settled.
    #[error(
        "wish {id} is no longer held under this claim: another worker took it, or it is settled"
    )]
    WishNotHeld {
        /// Its number.
        id: i64,
    },
    /// A row cannot be read: its content is of no form that this release knows.
    #[error(
        "{what} in the ledger cannot be read ({fault}): it was written by another release or the file is damaged"
    )]
    Unreadable {
        /// Which row.
        what: String,
        /// What is wrong with it; no content.
        fault: String,
    },
    /// The engine refused a statement for another reason.
    #[error(
        "the ledger {path} refused a statement: this is a fault of the program, report it with its cause"
    )]
    Engine {
        /// The ledger.
        path: PathBuf,
        /// What the engine said.
        #[source]
        cause: Cause,
    },
}

fn pid_of(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})"))
        .unwrap_or_default()
}

fn shown(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(
        || "its beginning".to_owned(),
        |at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
    )
}

impl LedgerError {
    /// Whether the same call may succeed later without anyone changing the program or the data: no space, busy, or no room
    /// for events.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::DiskFull { .. } | Self::Busy { .. } | Self::Io { .. } | Self::InboxFull { .. }
        )
    }

    /// Whether somebody else was faster: read again and decide again.
    pub fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::Conflict { .. }
                | Self::TranscriptClaimed { .. }
                | Self::CursorMoved { .. }
                | Self::WishNotHeld { .. }
        )
    }

    /// Sorts what the engine said of the ledger at `path`.
    pub(crate) fn from_engine(path: &Path, error: sqlx::Error) -> Self {
        let path = path.to_owned();
        let code = match &error {
            sqlx::Error::Database(database) => {
                database.code().and_then(|code| code.parse::<i32>().ok())
            }
            sqlx::Error::PoolTimedOut => return Self::Busy { path },
            _ => None,
        };
        let said = |error: &sqlx::Error| match error {
            sqlx::Error::Database(database) => database.message().to_owned(),
            other => other.to_string(),
        };
        // https://www.sqlite.org/rescode.html: the low byte is the primary code.
        match (code, code.map(|code| code & 0xff)) {
            // The shared-memory file could not grow: the disk is full, whatever the primary code says.
            (Some(IOERR_SHMSIZE), _) | (_, Some(FULL)) => Self::DiskFull { path },
            (_, Some(BUSY | LOCKED)) => Self::Busy { path },
            (_, Some(READONLY | PERM)) => Self::ReadOnly { path },
            (_, Some(CORRUPT)) => Self::Corrupt {
                path,
                what: said(&error),
            },
            (_, Some(NOTADB)) => Self::NotALedger {
                path,
                what: said(&error),
            },
            (_, Some(CANTOPEN)) => Self::CannotOpen {
                path,
                cause: error.into(),
            },
            (_, Some(IOERR)) => Self::Io {
                path,
                cause: error.into(),
            },
            _ => Self::Engine {
                path,
                cause: error.into(),
            },
        }
    }
}

const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const NOTADB: i32 = 26;
const IOERR_SHMSIZE: i32 = IOERR | (19 << 8);
