//! What the ledger makes of the files that it is given.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use contact_model::{Details, Discovered, FailureReason, Stage};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use sync_ledger::conformance::{
    acd, agent_key, at, batch, complete, contact, details, event, first_release, found, leg,
    linked, message, new_row, recording, tell_complete, tell_complete_as, tell_failed,
};
use sync_ledger::{
    AcdStore as _, Advance, ContactStore as _, CursorId, CursorStore as _, DeletionStore as _,
    ErasureStore as _, Inbox as _, IntervalStore as _, LedgerError, NewLeg, OutboxStore as _,
    PushedEvent, Retention, RetentionStore as _, RosterStore as _, Schedule, SqliteLedger,
    SqliteOptions, StoredDetails, SubjectKind, Tell, WorkerLock, keep,
};
use tempfile::TempDir;
use wfm_history::Report;

async fn open(path: &Path) -> Result<SqliteLedger, LedgerError> {
    SqliteLedger::open(WorkerLock::acquire(path)?, SqliteOptions::default()).await
}

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    (directory, path)
}

async fn statement(path: &Path, statement: &'static str) {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql(statement)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// The bytes of the ledger and of its write-ahead log.
fn bytes(path: &Path) -> Vec<u8> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let mut bytes = std::fs::read(path).unwrap();
    bytes.extend(std::fs::read(log).unwrap_or_default());
    bytes
}

fn shows(path: &Path, needle: &str) -> bool {
    bytes(path)
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

async fn discover(ledger: &SqliteLedger, new: NewLeg) {
    ledger.register(&acd(1), "Sales").await.unwrap();
    let cursor = CursorId::Live {
        acd: acd(1),
        stream: "events".into(),
    };
    let step = Advance {
        cursor,
        from: None,
        to: at(0),
        legs: vec![new],
        at: at(0),
    };
    ledger.advance(step, &keep).await.unwrap();
}

#[tokio::test]
async fn a_ledger_of_a_later_release_is_refused_and_left_untouched() {
    let (_directory, path) = place();
    open(&path).await.unwrap().close().await;
    statement(&path, "CREATE TABLE later (x); PRAGMA user_version = 99").await;
    let before = bytes(&path);
    let refused = [
        open(&path).await.unwrap_err(),
        SqliteLedger::open_beside(&path, SqliteOptions::default())
            .await
            .unwrap_err(),
    ];
    for error in refused {
        assert!(
            matches!(
                error,
                LedgerError::NewerSchema {
                    found: 99,
                    known: 9,
                    ..
                }
            ),
            "{error}"
        );
        let text = error.to_string();
        for told in [
            path.to_str().unwrap(),
            "version 99",
            "up to 9",
            "run the release that wrote it",
            "untouched",
        ] {
            assert!(text.contains(told), "{told:?} is missing: {text}");
        }
    }
    assert_eq!(bytes(&path), before);
}

/// As the second release left the ledger of the first.
async fn second_release(path: &Path) {
    first_release(path).await;
    for part in [
        include_str!("../../migrations/0002_webhooks_events_deletions.sql"),
        "PRAGMA user_version = 2",
    ] {
        statement(path, part).await;
    }
}

#[tokio::test]
async fn what_an_earlier_release_told_is_not_told_again_and_another_contact_of_calabrio_is() {
    let (_directory, path) = place();
    second_release(&path).await;
    // The complete contact was told, and so was the parked one, nobody knows any more with which id.
    statement(
        &path,
        "UPDATE contact SET told = '{\"status\":\"COMPLETE\"}' WHERE id = 1;
         UPDATE contact SET told = '{\"status\":\"FAILED\",\"reason\":\"not-recorded\"}' WHERE id = 2",
    )
    .await;
    let ledger = open(&path).await.unwrap();
    let tell = async |of: u32, tell: Tell| {
        let id = tell.message_id.clone();
        let row = ledger.get(&acd(1), leg(of)).await.unwrap().unwrap().row;
        let next = linked(row.contact.clone(), &[]);
        let change = row.change(next, Schedule::at(at(9)), at(9)).tell(tell);
        ledger.save(change).await.unwrap();
        ledger.message(&id).await.unwrap().is_some()
    };
    assert!(!tell(1, tell_complete(1)).await);
    assert!(tell(1, tell_complete_as(55, 2)).await);
    let not_recorded = |ccr: Option<i64>, number| Tell {
        ccr: ccr.map(|ccr| ccr.try_into().unwrap()),
        ..tell_failed(FailureReason::NotRecorded, number)
    };
    // The first id that is heard of is taken for the one that was told.
    assert!(!tell(2, not_recorded(Some(41), 3)).await);
    assert!(!tell(2, not_recorded(Some(41), 4)).await);
    assert!(tell(2, not_recorded(None, 5)).await);
    ledger.verify().await.unwrap();
}

#[tokio::test]
async fn events_that_wait_since_an_earlier_release_take_their_room() {
    let (_directory, path) = place();
    second_release(&path).await;
    statement(
        &path,
        "INSERT INTO inbox (acd, event, kind, form, received_at, settled_at, payload, payload_seal) VALUES
           (1, 'EV1', 'reservation.completed', 'event-streams', 1, NULL, x'7b7d', 'clear'),
           (1, 'EV2', 'reservation.completed', 'event-streams', 2, NULL, x'7b7d', 'clear'),
           (1, 'EV3', 'reservation.completed', 'event-streams', 3, 4, NULL, NULL)",
    )
    .await;
    let ledger = open(&path).await.unwrap();
    let full = ledger.receive(&[event(&acd(1), 9)], 2).await.unwrap_err();
    assert!(
        matches!(
            full,
            LedgerError::InboxFull {
                waiting: 2,
                limit: 2
            }
        ),
        "{full}"
    );
    ledger.receive(&[event(&acd(1), 9)], 3).await.unwrap();
}

#[tokio::test]
async fn what_an_earlier_release_forgot_stays_forgotten_although_its_row_goes() {
    let (_directory, path) = place();
    second_release(&path).await;
    statement(
        &path,
        "UPDATE contact SET forgotten_at = 1780000009000 WHERE id = 1",
    )
    .await;
    let ledger = open(&path).await.unwrap();
    let later = at(9) + TimeDelta::days(500);
    let pruned = ledger.prune(later, &Retention::default(), 9).await.unwrap();
    assert_eq!(pruned.contacts, 2);
    discover(&ledger, found(&acd(1), 1, 5)).await;
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    assert_eq!(
        (row.contact.stage.name().as_str(), row.forgotten_at),
        ("excluded", Some(at(9)))
    );
    ledger.verify().await.unwrap();
}

#[tokio::test]
async fn a_ledger_of_the_first_release_is_brought_up_to_date_with_everything_in_it() {
    let (_directory, path) = place();
    first_release(&path).await;
    let beside = SqliteLedger::open_beside(&path, SqliteOptions::default()).await;
    assert!(matches!(
        beside.unwrap_err(),
        LedgerError::OlderSchema {
            found: 1,
            known: 9,
            ..
        }
    ));
    let ledger = open(&path).await.unwrap();
    ledger.verify().await.unwrap();
    let done = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    assert_eq!(
        done.contact,
        complete(contact(&acd(1), 1), &[recording(1), recording(2)])
    );
    assert_eq!(
        (done.told, done.forgotten_at, done.version),
        (None, None, 7)
    );
    let aside = ledger.get(&acd(1), leg(2)).await.unwrap().unwrap().row;
    assert_eq!(aside.contact.stage.name().as_str(), "parked");
    assert!(ledger.get(&acd(1), leg(3)).await.is_err());
    // What was complete before is looked at as if it had become so now.
    let sources = ledger
        .deletion_candidates(&acd(1), at(999), at(999), 10)
        .await
        .unwrap();
    let sources: Vec<_> = sources
        .iter()
        .map(|row| (row.recording, row.complete_at))
        .collect();
    assert_eq!(sources, [(recording(1), at(4)), (recording(2), at(4))]);
    // And it works: what is told from now on is told.
    let change = done
        .change(done.contact.clone(), Schedule::rest(), at(9))
        .tell(tell_complete(1));
    ledger.save(change).await.unwrap();
    assert!(ledger.message(&message(1)).await.unwrap().is_some());
    // What it had no room for has room now.
    let rows = vec![new_row(agent_key(1, 1, 1), 5)];
    let number = ledger.add_batch(&batch(&acd(1), 1, rows)).await.unwrap();
    let report = Report::AgentProductivity;
    let next = ledger.next_batch(&acd(1), report).await.unwrap();
    assert_eq!(next.map(|batch| batch.number), Some(number));
    let nobody = ledger.roster(&acd(1), SubjectKind::Agent).await.unwrap();
    assert_eq!(nobody, []);
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_left_untouched() {
    for foreign in [
        "CREATE TABLE theirs (x)",
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 7; CREATE TABLE theirs (x); PRAGMA user_version = 1",
    ] {
        let (_directory, path) = place();
        std::fs::write(&path, "").unwrap();
        statement(&path, foreign).await;
        let before = bytes(&path);
        let error = open(&path).await.unwrap_err();
        assert!(
            matches!(&error, LedgerError::NotALedger { what, .. } if what.contains("another program")),
            "{error}"
        );
        assert_eq!(bytes(&path), before);
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_untouched() {
    for content in [
        "SQLite format 2\0 of old",
        "x",
        "[acd]\nname = \"this is a configuration file\"\n",
    ] {
        let (_directory, path) = place();
        std::fs::write(&path, content).unwrap();
        let error = open(&path).await.unwrap_err();
        assert!(matches!(error, LedgerError::NotALedger { .. }), "{error}");
        assert!(
            error
                .to_string()
                .contains("configure another path or move that file away"),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
    let (directory, _) = place();
    let error = SqliteLedger::open_beside(directory.path(), SqliteOptions::default())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no regular file"), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_what_is_wrong() {
    let (_directory, path) = place();
    std::fs::write(&path, "SQLite format 3\0 and then nothing that makes sense").unwrap();
    let error = open(&path).await.unwrap_err();
    assert!(
        matches!(
            error,
            LedgerError::NotALedger { .. } | LedgerError::Corrupt { .. }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn damage_within_the_file_is_found_by_verify_and_told() {
    let (_directory, path) = place();
    let ledger = open(&path).await.unwrap();
    discover(&ledger, found(&acd(1), 1, 0)).await;
    ledger.verify().await.unwrap();
    ledger.checkpoint().await.unwrap();
    ledger.close().await;
    drop(ledger);
    let mut damaged = std::fs::read(&path).unwrap();
    // The first page holds the schema; all others lose their sense.
    damaged[4096..].iter_mut().for_each(|byte| *byte = 0xa5);
    std::fs::write(&path, damaged).unwrap();
    let found = match open(&path).await {
        Ok(ledger) => ledger.verify().await,
        Err(error) => Err(error),
    };
    let error = found.unwrap_err();
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
}

#[tokio::test]
async fn only_the_worker_makes_a_ledger() {
    let (directory, path) = place();
    let error = SqliteLedger::open_beside(&path, SqliteOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, LedgerError::Missing { .. }), "{error}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    open(&path).await.unwrap().close().await;
    SqliteLedger::open_beside(&path, SqliteOptions::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_path_that_leads_through_a_file_cannot_be_opened() {
    let (_directory, path) = place();
    std::fs::write(&path, "").unwrap();
    let error = SqliteLedger::open_beside(&path.join("ledger.db"), SqliteOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, LedgerError::CannotOpen { .. }), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, path) = place();
    let ledger = open(&path).await.unwrap();
    discover(&ledger, found(&acd(1), 1, 0)).await;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{entry:?}"
        );
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(
        names,
        [
            "ledger.db",
            "ledger.db-shm",
            "ledger.db-wal",
            "ledger.db.lock"
        ]
    );
}

#[tokio::test]
async fn a_second_worker_is_refused_while_any_clone_of_the_ledger_lives() {
    let (_directory, path) = place();
    let ledger = open(&path).await.unwrap();
    let clone = ledger.clone();
    drop(ledger);
    assert!(matches!(
        open(&path).await,
        Err(LedgerError::WorkerRunning { pid: Some(_), .. })
    ));
    drop(clone);
    open(&path).await.unwrap();
}

#[tokio::test]
async fn a_ledger_that_is_closed_keeps_everything() {
    let (_directory, path) = place();
    let ledger = open(&path).await.unwrap();
    let new = NewLeg {
        details: Some(details(1)),
        ..found(&acd(1), 1, 5)
    };
    discover(&ledger, new.clone()).await;
    ledger.close().await;
    drop(ledger);
    let record = open(&path)
        .await
        .unwrap()
        .get(&acd(1), leg(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (record.row.contact, record.row.schedule),
        (new.contact, new.schedule)
    );
    assert_eq!(record.details, StoredDetails::Present(details(1)));
}

#[tokio::test]
async fn what_was_dropped_is_nowhere_in_the_files_any_more() {
    let (_directory, path) = place();
    let ledger = open(&path).await.unwrap();
    // In the clear and larger than a page, so that the test can see where it lies.
    let marker = "marker-of-a-customer";
    let large = Details {
        attributes: Some(serde_json::json!({ "note": marker.repeat(500) })),
        ..Details::default()
    };
    discover(
        &ledger,
        NewLeg {
            details: Some(large),
            ..found(&acd(1), 1, 0)
        },
    )
    .await;
    assert!(shows(&path, marker));
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let mut contact = row.contact.clone();
    contact.stage = Stage::Excluded(Discovered { at: at(0) }.exclude("test calls", at(1)));
    ledger
        .save(row.change(contact, Schedule::rest(), at(1)))
        .await
        .unwrap();
    let pruned = ledger
        .prune(at(1) + TimeDelta::days(7), &Retention::default(), 10)
        .await
        .unwrap();
    assert_eq!((pruned.details, pruned.contacts), (1, 0));
    assert!(!shows(&path, marker));
    assert!(shows(&path, leg(1).as_str()), "the row is still there");
}

#[tokio::test]
async fn what_was_forgotten_is_nowhere_in_the_files_any_more() {
    let (_directory, path) = place();
    let ledger = open(&path).await.unwrap();
    let marker = |of: &str| format!("marker-of-{of}-");
    let large = Details {
        attributes: Some(serde_json::json!({ "note": marker("details").repeat(500) })),
        ..Details::default()
    };
    discover(
        &ledger,
        NewLeg {
            details: Some(large),
            ..found(&acd(1), 1, 0)
        },
    )
    .await;
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let told = Tell {
        body: marker("body").repeat(500).into(),
        ..tell_complete(1)
    };
    ledger
        .save(
            row.change(row.contact.clone(), Schedule::at(at(1)), at(1))
                .tell(told),
        )
        .await
        .unwrap();
    let pushed = PushedEvent {
        payload: format!("{} {}", row.contact.leg.task, marker("event").repeat(500)).into(),
        ..event(&acd(1), 1)
    };
    ledger.receive(&[pushed], 10).await.unwrap();
    for of in ["details", "body", "event"] {
        assert!(shows(&path, &marker(of)), "{of}");
    }
    let forgotten = ledger.forget(&acd(1), leg(1), at(9)).await.unwrap();
    assert_eq!((forgotten.messages, forgotten.events), (1, 1));
    for of in ["details", "body", "event"] {
        assert!(!shows(&path, &marker(of)), "{of}");
    }
    assert!(shows(&path, leg(1).as_str()), "the row is still there");
}

#[tokio::test]
async fn the_payload_of_a_processed_event_is_nowhere_in_the_file_any_more() {
    let (_directory, path) = place();
    let ledger = open(&path).await.unwrap();
    ledger.register(&acd(1), "Sales").await.unwrap();
    let marker = "marker-of-an-event";
    let pushed = PushedEvent {
        payload: marker.repeat(500).into(),
        ..event(&acd(1), 1)
    };
    ledger.receive(&[pushed], 10).await.unwrap();
    assert!(shows(&path, marker));
    let claimed = ledger.claim_events(at(9), 1, at(90)).await.unwrap().events;
    ledger
        .settle_events(vec![claimed[0].claim.into()], &keep, at(10))
        .await
        .unwrap();
    // The log goes with the next checkpoint; the file is overwritten at once.
    assert!(ledger.checkpoint().await.unwrap());
    assert!(!shows(&path, marker));
}
