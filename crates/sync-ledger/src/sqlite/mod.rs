//! The ledger in one SQLite file: write-ahead log, full synchronisation, one connection that writes.

mod acds;
mod contacts;
mod cursors;
mod deletions;
mod erasure;
mod facts;
mod finding;
mod held;
mod holds;
mod inbox;
mod intervals;
mod keeping;
mod messages;
mod migrate;
mod outbox;
mod reconciliations;
mod removal;
mod resealing;
mod roster;
mod rows;
mod transcripts;
mod wishes;
mod writing;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite, Transaction};

pub use self::resealing::DetailsAtRest;
use crate::{ContactStore as _, LedgerError, Result, Sealing, WorkerLock};

/// How a ledger is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// How details are stored.
    pub sealing: Sealing,
    /// How long a change waits for another process that writes. Default: 10 seconds.
    pub busy_timeout: Duration,
    /// How many connections read at a time, 1 at least. Default: 4.
    pub readers: u32,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            sealing: Sealing::clear(),
            busy_timeout: Duration::from_secs(10),
            readers: 4,
        }
    }
}

impl SqliteOptions {
    /// With details stored like this.
    pub fn sealing(mut self, sealing: Sealing) -> Self {
        self.sealing = sealing;
        self
    }
}

/// The ledger in one SQLite file. Clones share its connections.
#[derive(Debug, Clone)]
pub struct SqliteLedger {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    writer: SqlitePool,
    reader: SqlitePool,
    sealing: Sealing,
    /// Whether the write-ahead log may still hold what was dropped: so at first, since who was here before may have been killed.
    log_to_empty: AtomicBool,
    /// Held for as long as any clone lives.
    lock: Option<WorkerLock>,
}

type Tx = Transaction<'static, Sqlite>;

/// The write-ahead log is cut back to this after a checkpoint.
const JOURNAL_BYTES: u32 = 16 * 1024 * 1024;

impl SqliteLedger {
    /// Opens the ledger as its worker: makes it if it is not there, brings an earlier schema up to date, and frees
    /// what a worker that has gone had claimed. The lock is held until the last clone is dropped.
    ///
    /// # Errors
    ///
    /// [`LedgerError::NewerSchema`], [`LedgerError::NotALedger`], [`LedgerError::SealingKeyMissing`] and everything
    /// that the file system can have against it. A ledger that is refused is left untouched.
    pub async fn open(lock: WorkerLock, options: SqliteOptions) -> Result<Self> {
        let path = lock.ledger().to_owned();
        if !migrate::inspect(&path).await?.exists {
            migrate::create(&path)?;
        }
        let ledger = Self::connect(path, options, Some(lock)).await?;
        migrate::migrate(&ledger).await?;
        ledger.demand_keys().await?;
        let freed = ledger.release_all().await?;
        if freed > 0 {
            tracing::info!(
                contacts = freed,
                "freed what the worker before had claimed and not finished"
            );
        }
        Ok(ledger)
    }

    /// Opens the ledger beside its worker, whether one runs or not: to read, and to leave wishes. Makes nothing and
    /// migrates nothing.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`LedgerError::Missing`] or [`LedgerError::OlderSchema`] where only a worker helps.
    pub async fn open_beside(path: &Path, options: SqliteOptions) -> Result<Self> {
        let path = path.to_owned();
        let found = migrate::inspect(&path).await?;
        if !found.exists || found.version == 0 {
            return Err(LedgerError::Missing { path });
        }
        migrate::demand_current(&path, found.version)?;
        let ledger = Self::connect(path, options, None).await?;
        ledger.demand_keys().await?;
        Ok(ledger)
    }

    async fn connect(
        path: PathBuf,
        options: SqliteOptions,
        lock: Option<WorkerLock>,
    ) -> Result<Self> {
        let connect = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(options.busy_timeout)
            .pragma("secure_delete", "ON")
            .pragma("temp_store", "MEMORY")
            .pragma("journal_size_limit", JOURNAL_BYTES.to_string());
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .idle_timeout(None)
                .max_lifetime(None)
                // Longer than the busy timeout: a change that waits behind another must not fail before that one does.
                .acquire_timeout(
                    options
                        .busy_timeout
                        .saturating_mul(3)
                        .saturating_add(Duration::from_secs(1)),
                )
                .before_acquire(|connection, _| {
                    // Where the engine itself rolled back (a full disk), the driver still counts a transaction and would
                    // refuse every later one: such a connection is replaced.
                    Box::pin(async move {
                        connection.ping().await?;
                        Ok(!connection.is_in_transaction())
                    })
                })
        };
        let fault = |error| LedgerError::from_engine(&path, error);
        let writer = pool(1).connect_with(connect.clone()).await.map_err(fault)?;
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&writer)
            .await
            .map_err(fault)?;
        demand_wal(&path, mode)?;
        // Readers get no more than they need.
        let reader =
            pool(options.readers.max(1)).connect_lazy_with(connect.pragma("query_only", "ON"));
        Ok(Self {
            inner: Arc::new(Inner {
                path,
                writer,
                reader,
                sealing: options.sealing,
                log_to_empty: AtomicBool::new(true),
                lock,
            }),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Whether this process is the ledger's worker.
    pub fn is_worker(&self) -> bool {
        self.inner.lock.is_some()
    }

    /// The id of the key that details are sealed under now; `None` where they are stored in the clear.
    pub fn sealing_key_id(&self) -> Option<&str> {
        self.inner.sealing.current_id()
    }

    /// Closes all connections once nobody uses them; what was saved is in the file before. Clones fail afterwards.
    pub async fn close(&self) {
        self.inner.reader.close().await;
        self.inner.writer.close().await;
    }

    fn fault(&self, error: sqlx::Error) -> LedgerError {
        LedgerError::from_engine(&self.inner.path, error)
    }

    /// Begins a transaction that writes. It takes the write lock at once, so that it cannot fail half-way for another.
    async fn begin(&self) -> Result<Tx> {
        self.inner
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(|error| self.fault(error))
    }

    async fn commit(&self, tx: Tx) -> Result<()> {
        tx.commit().await.map_err(|error| self.fault(error))
    }
}

fn demand_wal(path: &Path, mode: String) -> Result<()> {
    if mode.eq_ignore_ascii_case("wal") {
        Ok(())
    } else {
        Err(LedgerError::NoWriteAheadLog {
            path: path.to_owned(),
            mode,
        })
    }
}

#[cfg(test)]
mod tests;
