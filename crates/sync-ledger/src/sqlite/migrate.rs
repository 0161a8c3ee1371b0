//! What a file is before it is touched, and how it is brought up to date.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

use super::SqliteLedger;
use crate::{LedgerError, Result};

/// The steps from an empty file to the newest schema. Step n leads to version n; none is ever changed once released.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_contacts_cursors_wishes.sql"),
    include_str!("../../migrations/0002_webhooks_events_deletions.sql"),
    include_str!("../../migrations/0003_told_contact.sql"),
    include_str!("../../migrations/0004_forgotten.sql"),
    include_str!("../../migrations/0005_inbox_count.sql"),
    include_str!("../../migrations/0006_conference_changes.sql"),
    include_str!("../../migrations/0007_history_and_roster.sql"),
    include_str!("../../migrations/0008_attempts_and_refusals.sql"),
    include_str!("../../migrations/0009_gone_and_told_files.sql"),
];

/// The newest schema version that this program knows.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the number of migrations is small"
)]
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

/// Marks a SQLite file as a ledger of this connector: "QMLG".
const APPLICATION_ID: i64 = 0x514d_4c47;

/// The first bytes of every SQLite file.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// What a file is.
pub(super) struct Found {
    /// Whether there is anything at all.
    pub(super) exists: bool,
    /// Its schema version; 0 where there is none yet.
    pub(super) version: u32,
}

/// Looks at the file without changing it; refuses what is no ledger, and a ledger of a later release.
pub(super) async fn inspect(path: &Path) -> Result<Found> {
    let not_a_ledger = |what: &str| LedgerError::NotALedger {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    let unopened = |cause: std::io::Error| LedgerError::CannotOpen {
        path: path.to_owned(),
        cause: cause.into(),
    };
    let mut head = Vec::new();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Found {
                exists: false,
                version: 0,
            });
        }
        Err(error) => return Err(unopened(error)),
        Ok(metadata) if !metadata.is_file() => return Err(not_a_ledger("it is no regular file")),
        Ok(_) => {
            let file = std::fs::File::open(path).map_err(unopened)?;
            file.take(MAGIC.len() as u64)
                .read_to_end(&mut head)
                .map_err(unopened)?;
        }
    }
    if head.is_empty() {
        return Ok(Found {
            exists: true,
            version: 0,
        });
    }
    if head != MAGIC {
        return Err(not_a_ledger("it is no SQLite file"));
    }
    let fault = |error| LedgerError::from_engine(path, error);
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .connect()
        .await
        .map_err(fault)?;
    let identity = identity(&mut connection).await.map_err(fault);
    connection.close().await.map_err(fault)?;
    let identity = identity?;
    match u32::try_from(identity.version) {
        // A crash before the first migration leaves an empty database without a mark.
        Ok(0) if identity.tables == 0 => Ok(Found {
            exists: true,
            version: 0,
        }),
        Ok(version) if identity.application == APPLICATION_ID && version > KNOWN => {
            Err(LedgerError::NewerSchema {
                path: path.to_owned(),
                found: version,
                known: KNOWN,
            })
        }
        Ok(version) if identity.application == APPLICATION_ID => Ok(Found {
            exists: true,
            version,
        }),
        _ => Err(not_a_ledger("it is the database of another program")),
    }
}

/// Refuses a ledger that only its worker may bring up to date.
pub(super) fn demand_current(path: &Path, found: u32) -> Result<()> {
    if found == KNOWN {
        return Ok(());
    }
    Err(LedgerError::OlderSchema {
        path: path.to_owned(),
        found,
        known: KNOWN,
    })
}

struct Identity {
    application: i64,
    version: i64,
    tables: i64,
}

async fn identity(connection: &mut SqliteConnection) -> sqlx::Result<Identity> {
    let row = sqlx::query(
        "SELECT application_id, user_version, (SELECT COUNT(*) FROM sqlite_master) \
         FROM pragma_application_id, pragma_user_version",
    )
    .fetch_one(connection)
    .await?;
    Ok(Identity {
        application: row.try_get(0)?,
        version: row.try_get(1)?,
        tables: row.try_get(2)?,
    })
}

/// Makes an empty file that only its owner can read. The engine gives its neighbours the same permissions.
pub(super) fn create(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(cause) => Err(LedgerError::CannotOpen {
            path: PathBuf::from(path),
            cause: cause.into(),
        }),
    }
}

/// Takes every step that is missing, each in a transaction of its own.
pub(super) async fn migrate(ledger: &SqliteLedger) -> Result<()> {
    let fault = |error| ledger.fault(error);
    loop {
        let mut tx = ledger.begin().await?;
        let version = identity(&mut tx).await.map_err(fault)?.version;
        let Some(step) = usize::try_from(version)
            .ok()
            .and_then(|version| MIGRATIONS.get(version))
        else {
            return Ok(());
        };
        sqlx::raw_sql(*step)
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        let next = version + 1;
        // Pragmas take no parameters; both values are numbers of ours.
        let mark =
            format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {next};");
        sqlx::raw_sql(AssertSqlSafe(mark))
            .execute(&mut *tx)
            .await
            .map_err(fault)?;
        ledger.commit(tx).await?;
        tracing::info!(ledger = %ledger.path().display(), version = next, "the ledger's schema was brought up to date");
    }
}
