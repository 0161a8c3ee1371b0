//! What only the engine's inside can show: its faults, and rows that went bad.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use contact_model::{Details, Discovered, Stage};
use sqlx::error::{DatabaseError, ErrorKind};
use tempfile::TempDir;

use super::{SqliteLedger, SqliteOptions, demand_wal, migrate};
use crate::conformance::{acd, at, details, found, leg};
use crate::{
    AcdStore as _, Advance, ContactFilter, ContactStore as _, CursorId, CursorStore as _,
    DetailsFault, LedgerError, NewLeg, PageRequest, Retention, RetentionStore as _, Schedule,
    Sealing, SealingKey, StoredDetails, Wish, WishState, WishStore as _, WorkerLock, keep,
};

fn key(byte: u8) -> SealingKey {
    SealingKey::new(&[byte; 32]).unwrap()
}

async fn open(directory: &TempDir, options: SqliteOptions) -> SqliteLedger {
    let lock = WorkerLock::acquire(&directory.path().join("ledger.db")).unwrap();
    SqliteLedger::open(lock, options).await.unwrap()
}

/// A ledger with three contacts, due in the order of their numbers, with details.
async fn filled(directory: &TempDir, options: SqliteOptions) -> SqliteLedger {
    let ledger = open(directory, options).await;
    ledger.register(&acd(1), "Sales").await.unwrap();
    let legs = (1..=3)
        .map(|n| NewLeg {
            details: Some(details(n)),
            ..found(&acd(1), n, i64::from(n))
        })
        .collect();
    ledger.advance(step(None, 60, legs), &keep).await.unwrap();
    ledger
}

fn step(from: Option<i64>, to: i64, legs: Vec<NewLeg>) -> Advance {
    let cursor = CursorId::Live {
        acd: acd(1),
        stream: "events".into(),
    };
    Advance {
        cursor,
        from: from.map(at),
        to: at(to),
        legs,
        at: at(0),
    }
}

async fn tamper(ledger: &SqliteLedger, statement: &'static str) {
    let done = sqlx::query(statement)
        .execute(&ledger.inner.writer)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
}

async fn fault_of(ledger: &SqliteLedger, statement: &'static str) -> LedgerError {
    ledger.fault(
        sqlx::query(statement)
            .execute(&ledger.inner.writer)
            .await
            .unwrap_err(),
    )
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_work_goes_on_once_there_is_space() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
        .fetch_one(&ledger.inner.writer)
        .await
        .unwrap();
    let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::query(limit)
        .execute(&ledger.inner.writer)
        .await
        .unwrap();
    let large = Details {
        queue_name: Some("x".repeat(100_000)),
        ..Details::default()
    };
    let legs = vec![
        found(&acd(1), 4, 0),
        NewLeg {
            details: Some(large),
            ..found(&acd(1), 5, 0)
        },
    ];
    let error = ledger
        .advance(step(Some(60), 120, legs.clone()), &keep)
        .await
        .unwrap_err();
    assert!(matches!(error, LedgerError::DiskFull { .. }), "{error}");
    assert!(error.is_transient());
    assert!(error.to_string().contains("no space is left"), "{error}");
    assert_eq!(ledger.get(&acd(1), leg(4)).await.unwrap(), None);
    assert_eq!(
        ledger
            .cursor(&acd(1), "events")
            .await
            .unwrap()
            .unwrap()
            .position,
        at(60)
    );
    sqlx::query("PRAGMA max_page_count = 1073741823")
        .execute(&ledger.inner.writer)
        .await
        .unwrap();
    assert_eq!(
        ledger
            .advance(step(Some(60), 120, legs), &keep)
            .await
            .unwrap()
            .new,
        [leg(4), leg(5)]
    );
}

#[tokio::test]
async fn where_the_engine_itself_rolled_back_the_next_change_gets_a_sound_connection() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    let mut tx = ledger.begin().await.unwrap();
    // What the engine does by itself on a full disk: the driver goes on counting a transaction.
    sqlx::raw_sql("ROLLBACK").execute(&mut *tx).await.unwrap();
    drop(tx);
    ledger.register(&acd(2), "Service").await.unwrap();
    assert_eq!(ledger.acds().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_change_that_waits_too_long_for_another_process_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        busy_timeout: Duration::from_millis(20),
        ..SqliteOptions::default()
    };
    let ledger = filled(&directory, options.clone()).await;
    let beside = SqliteLedger::open_beside(ledger.path(), options)
        .await
        .unwrap();
    let held = beside.begin().await.unwrap();
    let error = ledger.register(&acd(2), "Service").await.unwrap_err();
    assert!(matches!(error, LedgerError::Busy { .. }), "{error}");
    assert!(error.is_transient());
    drop(held);
    ledger.register(&acd(2), "Service").await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_never_free_is_told_as_busy() {
    let error = LedgerError::from_engine(Path::new("l.db"), sqlx::Error::PoolTimedOut);
    assert!(matches!(error, LedgerError::Busy { .. }), "{error}");
}

#[tokio::test]
async fn readers_cannot_write() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    let refused = sqlx::query("DELETE FROM contact")
        .execute(&ledger.inner.reader)
        .await
        .unwrap_err();
    let error = ledger.fault(refused);
    assert!(matches!(error, LedgerError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("write access"), "{error}");
}

#[tokio::test]
async fn every_connection_writes_safely_and_erases_what_it_drops() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    let pragma = async |statement: &'static str| {
        sqlx::query_scalar::<_, i64>(statement)
            .fetch_one(&ledger.inner.writer)
            .await
            .unwrap()
    };
    assert_eq!(pragma("PRAGMA synchronous").await, 2, "full");
    assert_eq!(pragma("PRAGMA foreign_keys").await, 1);
    assert_eq!(pragma("PRAGMA secure_delete").await, 1);
    assert_eq!(pragma("PRAGMA temp_store").await, 2, "memory");
}

#[test]
fn a_file_system_without_write_ahead_logs_is_refused() {
    let error = demand_wal(Path::new("l.db"), "delete".to_owned()).unwrap_err();
    assert!(matches!(error, LedgerError::NoWriteAheadLog { .. }));
    assert!(
        error.to_string().contains("put it on a local file system"),
        "{error}"
    );
}

#[test]
fn an_earlier_schema_is_left_to_the_worker() {
    let error = migrate::demand_current(Path::new("l.db"), migrate::KNOWN - 1).unwrap_err();
    assert!(matches!(error, LedgerError::OlderSchema { found, known, .. } if found + 1 == known));
    assert!(
        error
            .to_string()
            .contains("start `run` of this release once"),
        "{error}"
    );
    migrate::demand_current(Path::new("l.db"), migrate::KNOWN).unwrap();
}

#[tokio::test]
async fn a_statement_that_the_engine_refuses_is_a_fault_of_the_program() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    let error = fault_of(&ledger, "SELECT nothing FROM nowhere").await;
    assert!(matches!(error, LedgerError::Engine { .. }), "{error}");
    assert!(!error.is_transient() && !error.is_conflict());
    // The schema guards what the code promises.
    let forgotten = "UPDATE contact SET due_at = NULL WHERE id = 1";
    assert!(matches!(
        fault_of(&ledger, forgotten).await,
        LedgerError::Engine { .. }
    ));
}

/// An error as the engine reports it, for codes that no test can provoke.
#[derive(Debug)]
struct Reported(i32);

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reported")
    }
}

impl StdError for Reported {}

impl DatabaseError for Reported {
    fn message(&self) -> &'static str {
        "reported"
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.0.to_string().into())
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

#[test]
fn what_the_engine_reports_is_sorted_by_its_code() {
    let sorted = |code| {
        LedgerError::from_engine(
            Path::new("l.db"),
            sqlx::Error::Database(Box::new(Reported(code))),
        )
    };
    // IOERR_WRITE, IOERR_SHMSIZE, FULL, BUSY_SNAPSHOT, LOCKED, READONLY_DBMOVED, PERM, CORRUPT_INDEX, NOTADB, CANTOPEN
    assert!(matches!(sorted(778), LedgerError::Io { .. }));
    assert!(matches!(sorted(4874), LedgerError::DiskFull { .. }));
    assert!(matches!(sorted(13), LedgerError::DiskFull { .. }));
    assert!(matches!(sorted(517), LedgerError::Busy { .. }));
    assert!(matches!(sorted(6), LedgerError::Busy { .. }));
    assert!(matches!(sorted(1032), LedgerError::ReadOnly { .. }));
    assert!(matches!(sorted(3), LedgerError::ReadOnly { .. }));
    assert!(matches!(sorted(779), LedgerError::Corrupt { what, .. } if what == "reported"));
    assert!(matches!(sorted(26), LedgerError::NotALedger { .. }));
    assert!(matches!(sorted(14), LedgerError::CannotOpen { .. }));
    assert!(matches!(sorted(1), LedgerError::Engine { .. }));
    assert!(
        StdError::source(&sorted(778)).is_some(),
        "the cause is kept"
    );
}

#[tokio::test]
async fn a_contact_that_cannot_be_read_is_told_and_holds_up_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    tamper(
        &ledger,
        "UPDATE contact SET stage_json = '{\"stage\":\"+15550100\"}' WHERE id = 1",
    )
    .await;
    let claimed = ledger.claim_due(None, at(9), 3, at(20)).await.unwrap();
    let served: Vec<_> = claimed
        .contacts
        .iter()
        .map(|record| record.row.leg())
        .collect();
    assert_eq!(served, [leg(2), leg(3)]);
    let [unreadable] = &claimed.unreadable[..] else {
        panic!("one is unreadable: {claimed:?}")
    };
    assert_eq!(
        (&unreadable.acd, unreadable.leg.as_str()),
        (&acd(1), leg(1).as_str())
    );
    assert!(unreadable.fault.starts_with("the stage"), "{unreadable:?}");
    assert!(
        !unreadable.fault.contains("5550100"),
        "no content is told: {unreadable:?}"
    );
    // It is leased like the others.
    assert_eq!(
        ledger
            .claim_due(None, at(9), 3, at(20))
            .await
            .unwrap()
            .unreadable,
        []
    );
    let page = ledger
        .list(&ContactFilter::default(), &PageRequest::first(10))
        .await
        .unwrap();
    assert_eq!((page.contacts.len(), page.unreadable.len()), (2, 1));
    let error = ledger.get(&acd(1), leg(1)).await.unwrap_err();
    assert!(matches!(error, LedgerError::Unreadable { .. }), "{error}");
    let session = found(&acd(1), 1, 0).contact.leg.session_id();
    let siblings = ledger
        .find_session_siblings(&acd(1), &session)
        .await
        .unwrap();
    assert_eq!(siblings.unreadable.len(), 1);
    let error = siblings.all().unwrap_err();
    assert!(matches!(error, LedgerError::Unreadable { .. }), "{error}");
    // Discovery meets it again and goes on.
    let again = vec![found(&acd(1), 1, 0), found(&acd(1), 4, 0)];
    let advanced = ledger
        .advance(step(Some(60), 120, again), &keep)
        .await
        .unwrap();
    assert_eq!((advanced.new, advanced.known), (vec![leg(4)], 1));
}

#[tokio::test]
async fn facts_that_were_moved_from_another_row_are_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    tamper(
        &ledger,
        "UPDATE contact SET leg_json = (SELECT leg_json FROM contact WHERE id = 2) WHERE id = 1",
    )
    .await;
    let error = ledger.get(&acd(1), leg(1)).await.unwrap_err();
    assert!(error.to_string().contains("those of another"), "{error}");
}

#[tokio::test]
async fn details_that_were_changed_or_moved_do_not_open_and_the_rest_does() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(
        &directory,
        SqliteOptions::default().sealing(Sealing::under(key(1))),
    )
    .await;
    tamper(
        &ledger,
        "UPDATE contact SET details = (SELECT details FROM contact WHERE id = 2) WHERE id = 1",
    )
    .await;
    let record = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap();
    assert_eq!(
        record.details,
        StoredDetails::Unreadable(DetailsFault::NotAuthentic)
    );
    assert_eq!(record.row.leg(), leg(1));
    let claimed = ledger.claim_due(None, at(9), 3, at(20)).await.unwrap();
    assert_eq!((claimed.contacts.len(), claimed.unreadable.len()), (3, 0));
}

#[tokio::test]
async fn a_wish_of_a_later_release_is_settled_as_failed() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    let wish = |number| Wish::RetryContact {
        acd: acd(1),
        leg: leg(number),
    };
    let unknown = ledger.put(&wish(1), at(0)).await.unwrap();
    let known = ledger.put(&wish(2), at(0)).await.unwrap();
    tamper(
        &ledger,
        "UPDATE wish SET wish_json = '{\"wish\":\"fly\"}' WHERE id = 1",
    )
    .await;
    assert_eq!(
        ledger
            .claim_wish(&[], at(1), at(9))
            .await
            .unwrap()
            .unwrap()
            .id,
        known
    );
    let row = ledger.wish(unknown).await.unwrap().unwrap();
    assert_eq!((row.wish, row.state), (None, WishState::Failed));
    assert!(
        row.outcome
            .unwrap()
            .contains("does not know this kind of wish")
    );
}

#[tokio::test]
async fn a_rotation_ends_once_everything_is_sealed_under_the_new_key() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    let at_rest = ledger.details_at_rest().await.unwrap();
    assert_eq!(
        (
            at_rest.len(),
            at_rest[0].key.as_deref(),
            at_rest[0].contacts
        ),
        (1, None, 3)
    );
    for (sealing, marker) in [
        (Sealing::under(key(1)), key(1)),
        (Sealing::under(key(2)).also_reading(key(1)), key(2)),
        (Sealing::under(key(2)), key(2)),
    ] {
        let beside = SqliteOptions::default().sealing(sealing);
        let beside = SqliteLedger::open_beside(ledger.path(), beside)
            .await
            .unwrap();
        while beside.reseal(2).await.unwrap() > 0 {}
        assert_eq!(beside.sealing_key_id(), Some(marker.id()));
        let at_rest = beside.details_at_rest().await.unwrap();
        assert_eq!(
            (
                at_rest.len(),
                at_rest[0].key.as_deref(),
                at_rest[0].contacts
            ),
            (1, Some(marker.id()), 3)
        );
        let record = beside.get(&acd(1), leg(3)).await.unwrap().unwrap();
        assert_eq!(record.details, StoredDetails::Present(details(3)));
        beside.close().await;
    }
    // Without the key the ledger is not opened, and the message says which one is wanted.
    for (sealing, told) in [
        (Sealing::clear(), "no key is"),
        (Sealing::under(key(3)), key(3).id()),
    ] {
        let options = SqliteOptions::default().sealing(sealing);
        let error = SqliteLedger::open_beside(ledger.path(), options)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, LedgerError::SealingKeyMissing { contacts: 3, .. }),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.contains(key(2).id()) && text.contains(told), "{text}");
    }
}

#[tokio::test]
async fn a_reader_delays_the_emptying_of_the_log_and_not_the_dropping() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    let log = directory.path().join("ledger.db-wal");
    let length = || std::fs::metadata(&log).unwrap().len();
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let mut contact = row.contact.clone();
    contact.stage = Stage::Excluded(Discovered { at: at(0) }.exclude("test calls", at(1)));
    ledger
        .save(row.change(contact, Schedule::rest(), at(1)))
        .await
        .unwrap();

    let mut reading = ledger.inner.reader.begin().await.unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM contact")
        .fetch_one(&mut *reading)
        .await
        .unwrap();
    assert_eq!(seen, 3);
    let later = at(1) + TimeDelta::days(7);
    let pruned = ledger
        .prune(later, &Retention::default(), 10)
        .await
        .unwrap();
    assert_eq!(pruned.details, 1);
    assert!(length() > 0, "the reader still needs it");

    reading.rollback().await.unwrap();
    let pruned = ledger
        .prune(later, &Retention::default(), 10)
        .await
        .unwrap();
    assert_eq!((pruned.details, length()), (0, 0));
}

#[tokio::test]
async fn what_a_worker_held_is_free_for_the_next_one() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    ledger
        .put(
            &Wish::RetryParked {
                acd: None,
                kind: None,
            },
            at(0),
        )
        .await
        .unwrap();
    assert_eq!(
        ledger
            .claim_due(None, at(9), 3, at(1_000))
            .await
            .unwrap()
            .contacts
            .len(),
        3
    );
    let first = ledger
        .claim_wish(&[], at(9), at(1_000))
        .await
        .unwrap()
        .unwrap();
    ledger.close().await;
    drop(ledger);
    let ledger = open(&directory, SqliteOptions::default()).await;
    assert_eq!(
        ledger
            .claim_due(None, at(9), 9, at(1_000))
            .await
            .unwrap()
            .contacts
            .len(),
        3
    );
    let second = ledger
        .claim_wish(&[], at(9), at(1_000))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((second.id, second.claim), (first.id, 2));
}

#[tokio::test]
async fn a_ledger_beside_the_worker_takes_nothing_from_it() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    assert_eq!(
        ledger
            .claim_due(None, at(9), 3, at(1_000))
            .await
            .unwrap()
            .contacts
            .len(),
        3
    );
    let beside = SqliteLedger::open_beside(ledger.path(), SqliteOptions::default())
        .await
        .unwrap();
    assert!(ledger.is_worker() && !beside.is_worker());
    let row = beside.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    assert_eq!(
        (row.lease_until, row.schedule),
        (Some(at(1_000)), Schedule::at(at(1)))
    );
}

#[tokio::test]
async fn a_crash_before_the_first_migration_is_made_good() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    migrate::create(&path).unwrap();
    let unfinished = SqliteLedger::connect(path.clone(), SqliteOptions::default(), None)
        .await
        .unwrap();
    unfinished.close().await;
    assert!(
        std::fs::metadata(&path).unwrap().len() > 0,
        "it has become a database without tables"
    );
    assert!(matches!(
        SqliteLedger::open_beside(&path, SqliteOptions::default()).await,
        Err(LedgerError::Missing { .. })
    ));
    open(&directory, SqliteOptions::default())
        .await
        .register(&acd(1), "Sales")
        .await
        .unwrap();
}

mod life;
