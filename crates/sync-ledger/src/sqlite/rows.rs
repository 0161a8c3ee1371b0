//! Rows of contacts, read.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contact_model::{AcdKey, Contact, Leg, LegId, Stage};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::seal::Bound;
use crate::{
    ContactRecord, ContactRow, LedgerError, Schedule, Sealing, StoredBytes, StoredDetails,
    UnreadableContact,
};

/// The columns that [`StoredContact::read`] wants, with the details.
macro_rules! select_contact {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.leg, c.happened_at, c.leg_json, c.stage_json, c.stage_since, c.discovered_at, c.finished_at, \
             c.version, c.due_at, c.lease_until, c.attempts, c.backoff, c.details, c.details_seal, c.details_dropped_at, \
             c.waits_for, c.told, c.forgotten_at, a.account, a.workspace, a.tenant FROM contact c JOIN acd a ON a.id = c.acd ",
            $rest
        )
    };
}

/// As `select_contact`, but the details stay where they are.
macro_rules! select_row {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.leg, c.happened_at, c.leg_json, c.stage_json, c.stage_since, c.discovered_at, c.finished_at, \
             c.version, c.due_at, c.lease_until, c.attempts, c.backoff, NULL AS details, NULL AS details_seal, \
             NULL AS details_dropped_at, c.waits_for, c.told, c.forgotten_at, \
             a.account, a.workspace, a.tenant FROM contact c JOIN acd a ON a.id = c.acd ",
            $rest
        )
    };
}

pub(super) use {select_contact, select_row};

/// A row of the table `contact`, not yet understood.
pub(super) struct StoredContact {
    pub(super) id: i64,
    pub(super) happened_at: i64,
    pub(super) acd: AcdKey,
    leg: String,
    leg_json: String,
    stage_json: String,
    stage_since: i64,
    discovered_at: i64,
    finished_at: Option<i64>,
    pub(super) version: i64,
    due_at: Option<i64>,
    lease_until: Option<i64>,
    attempts: i64,
    backoff: i64,
    details: Option<Vec<u8>>,
    details_seal: Option<String>,
    details_dropped_at: Option<i64>,
    waits_for: Option<String>,
    told: Option<String>,
    forgotten_at: Option<i64>,
}

impl StoredContact {
    pub(super) fn read(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            happened_at: row.try_get("happened_at")?,
            acd: acd_of(row)?,
            leg: row.try_get("leg")?,
            leg_json: row.try_get("leg_json")?,
            stage_json: row.try_get("stage_json")?,
            stage_since: row.try_get("stage_since")?,
            discovered_at: row.try_get("discovered_at")?,
            finished_at: row.try_get("finished_at")?,
            version: row.try_get("version")?,
            due_at: row.try_get("due_at")?,
            lease_until: row.try_get("lease_until")?,
            attempts: row.try_get("attempts")?,
            backoff: row.try_get("backoff")?,
            details: row.try_get("details")?,
            details_seal: row.try_get("details_seal")?,
            details_dropped_at: row.try_get("details_dropped_at")?,
            waits_for: row.try_get("waits_for")?,
            told: row.try_get("told")?,
            forgotten_at: row.try_get("forgotten_at")?,
        })
    }

    /// Whether details are stored, readable or not.
    pub(super) fn has_details(&self) -> bool {
        self.details.is_some()
    }

    /// The row without its details, or what is wrong with it.
    pub(super) fn row(&self) -> Result<ContactRow, Box<UnreadableContact>> {
        self.understand().map_err(|fault| {
            Box::new(UnreadableContact {
                acd: self.acd.clone(),
                leg: self.leg.clone(),
                fault,
            })
        })
    }

    /// The whole of it, or what is wrong with it. Details that cannot be read do not make the row unreadable.
    pub(super) fn record(
        &self,
        sealing: &Sealing,
    ) -> Result<ContactRecord, Box<UnreadableContact>> {
        let row = self.row()?;
        let details = match (
            &self.details,
            &self.details_seal,
            self.details_dropped_at.and_then(time),
        ) {
            (Some(stored), Some(marker), _) => {
                match sealing.open(&self.acd, row.leg(), marker, stored) {
                    Ok(details) => StoredDetails::Present(details),
                    Err(fault) => StoredDetails::Unreadable(fault),
                }
            }
            (_, _, Some(at)) => StoredDetails::Dropped { at },
            _ => StoredDetails::Absent,
        };
        Ok(ContactRecord { row, details })
    }

    fn understand(&self) -> Result<ContactRow, String> {
        // Errors of serde_json can quote what they read: only the place is told.
        let told =
            |what: &str, error: &serde_json::Error| format!("{what}, column {}", error.column());
        let leg: Leg = serde_json::from_str(&self.leg_json)
            .map_err(|error| told("the leg's facts", &error))?;
        let stage: Stage =
            serde_json::from_str(&self.stage_json).map_err(|error| told("the stage", &error))?;
        if leg.acd != self.acd || leg.id.as_str() != self.leg {
            return Err("the leg's facts are those of another".to_owned());
        }
        let whole = |at: i64| time(at).ok_or_else(|| "a time is out of range".to_owned());
        let some = |at: Option<i64>| at.map(whole).transpose();
        let count =
            |number: i64| u32::try_from(number).map_err(|_| "a counter is out of range".to_owned());
        Ok(ContactRow {
            contact: Contact { leg, stage },
            version: u64::try_from(self.version)
                .map_err(|_| "the version is out of range".to_owned())?,
            schedule: Schedule {
                due_at: some(self.due_at)?,
                attempts: count(self.attempts)?,
                backoff: count(self.backoff)?,
            },
            lease_until: some(self.lease_until)?,
            discovered_at: whole(self.discovered_at)?,
            stage_since: whole(self.stage_since)?,
            finished_at: some(self.finished_at)?,
            waits_for: self.waits_for.clone(),
            told: self
                .told
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(|error| told("what was told", &error))?,
            forgotten_at: some(self.forgotten_at)?,
        })
    }
}

/// The ACD of a row that selects `account`, `workspace` and `tenant`.
pub(super) fn acd_of(row: &SqliteRow) -> sqlx::Result<AcdKey> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let fault = |column: &str| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "no such id".into(),
    };
    Ok(AcdKey {
        account: text("account")?.parse().map_err(|_| fault("account"))?,
        workspace: text("workspace")?.parse().map_err(|_| fault("workspace"))?,
        tenant: text("tenant")?.parse().map_err(|_| fault("tenant"))?,
    })
}

/// As the error of a single contact that was asked for.
#[expect(
    clippy::boxed_local,
    reason = "it comes boxed and goes straight into map_err"
)]
pub(super) fn unreadable(contact: Box<UnreadableContact>) -> LedgerError {
    (*contact).into()
}

/// Stored bytes and their marker, opened.
pub(super) fn stored_bytes(
    sealing: &Sealing,
    bound: Bound<'_>,
    bytes: Option<&[u8]>,
    marker: Option<&str>,
) -> StoredBytes {
    let Some((bytes, marker)) = bytes.zip(marker) else {
        return StoredBytes::Absent;
    };
    match sealing.open_bytes(bound, marker, bytes) {
        Ok(plain) => StoredBytes::Present(Bytes::copy_from_slice(&plain)),
        Err(fault) => StoredBytes::Unreadable(fault),
    }
}

/// Reads milliseconds since 1970 UTC.
pub(super) fn time(ms: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms)
}

/// As `time`, for rows other than contacts.
pub(super) fn time_of(what: &str, ms: i64) -> Result<DateTime<Utc>, LedgerError> {
    time(ms).ok_or_else(|| LedgerError::Unreadable {
        what: what.to_owned(),
        fault: "a time is out of range".to_owned(),
    })
}

/// Reads a leg's id.
pub(super) fn leg_of(text: &str) -> Result<LegId, LedgerError> {
    text.parse().map_err(|_| LedgerError::Unreadable {
        what: "a contact".to_owned(),
        fault: "its leg is no reservation SID".to_owned(),
    })
}
