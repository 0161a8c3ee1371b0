//! What lies in the files of the names of agents and queues.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use sync_ledger::conformance::{acd, agent, at, held_row, interval, queue};
use sync_ledger::{
    AcdStore as _, DetailsAtRest, IntervalStore as _, LedgerError, RosterStore as _, Sealing,
    SealingKey, SeenSubject, SqliteLedger, SqliteOptions, SubjectKind, SubjectNames, SubjectSid,
    WorkerLock,
};
use wfm_history::Report;

/// Names that are nowhere else: of a held row, and of an agent and a queue in all their parts.
const NAMES: [&str; 6] = [
    "held-marker-Ada",
    "login-marker-Grace",
    "full-marker-Grace",
    "mail-marker-Grace",
    "former-marker-Grace",
    "queue-marker-Sales",
];

const REPORT: Report = Report::AgentProductivity;

fn key(byte: u8) -> SealingKey {
    SealingKey::new(&[byte; 32]).unwrap()
}

async fn open(path: &Path, sealing: Sealing) -> Result<SqliteLedger, LedgerError> {
    let options = SqliteOptions::default().sealing(sealing);
    SqliteLedger::open(WorkerLock::acquire(path).unwrap(), options).await
}

/// Its lock goes with the last of it.
async fn close(ledger: SqliteLedger) {
    ledger.close().await;
}

/// Which of the names the ledger and its write-ahead log show.
fn shown(path: &Path) -> Vec<&'static str> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let mut bytes = std::fs::read(path).unwrap();
    bytes.extend(std::fs::read(log).unwrap_or_default());
    let shows = |name: &&str| {
        bytes
            .windows(name.len())
            .any(|part| part == name.as_bytes())
    };
    NAMES.into_iter().filter(shows).collect()
}

fn named(name: &str) -> SubjectNames {
    SubjectNames {
        name: name.into(),
        full_name: Some(NAMES[2].into()),
        email: Some(NAMES[3].into()),
    }
}

async fn fill(ledger: &SqliteLedger) {
    ledger.register(&acd(1), "Sales").await.unwrap();
    let pull = ledger.begin_held(&acd(1), REPORT, at(1)).await.unwrap();
    let rows = [held_row(1, NAMES[0], 1)];
    ledger.put_held(&pull, &rows).await.unwrap();
    let range = interval(0)..interval(9);
    ledger.finish_held(&pull, range).await.unwrap();
    let mut seen = SeenSubject {
        sid: SubjectSid::Agent(agent(1)),
        names: named(NAMES[4]),
    };
    for name in [NAMES[4], NAMES[1]] {
        seen.names = named(name);
        ledger
            .see_roster(&acd(1), SubjectKind::Agent, &[seen.clone()], at(1))
            .await
            .unwrap();
    }
    let seen = SeenSubject {
        sid: SubjectSid::Queue(queue(1)),
        names: named(NAMES[5]),
    };
    ledger
        .see_roster(&acd(1), SubjectKind::Queue, &[seen], at(1))
        .await
        .unwrap();
}

/// Everything that was written down can be read.
async fn check(ledger: &SqliteLedger) {
    let held = ledger.held(&acd(1), REPORT, None, None, 9).await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].row, held_row(1, NAMES[0], 1));
    let agents = ledger.roster(&acd(1), SubjectKind::Agent).await.unwrap();
    assert_eq!(agents[0].names, Some(named(NAMES[1])));
    assert_eq!(agents[0].former, [named(NAMES[4])]);
    let queues = ledger.roster(&acd(1), SubjectKind::Queue).await.unwrap();
    assert_eq!(queues[0].names, Some(named(NAMES[5])));
}

#[tokio::test]
async fn names_are_in_the_files_only_where_they_are_not_sealed() {
    for (sealing, expected) in [
        (Sealing::clear(), &NAMES[..]),
        (Sealing::under(key(1)), &[]),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.db");
        let ledger = open(&path, sealing).await.unwrap();
        fill(&ledger).await;
        assert_eq!(shown(&path), expected);
        check(&ledger).await;
        close(ledger).await;
        assert_eq!(shown(&path), expected);
    }
}

#[tokio::test]
async fn names_are_brought_under_a_new_key_and_out_of_the_clear() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    let ledger = open(&path, Sealing::clear()).await.unwrap();
    fill(&ledger).await;
    close(ledger).await;
    for (sealing, id) in [
        (Sealing::under(key(1)), key(1)),
        (Sealing::under(key(2)).also_reading(key(1)), key(2)),
    ] {
        let ledger = open(&path, sealing).await.unwrap();
        // One at a time: it is told when all of it is done.
        let mut resealed = 0;
        loop {
            let more = ledger.reseal(1).await.unwrap();
            if more == 0 {
                break;
            }
            resealed += more;
        }
        assert_eq!(resealed, 3);
        let expected = DetailsAtRest {
            key: Some(id.id().to_owned()),
            contacts: 0,
            others: 3,
        };
        assert_eq!(ledger.details_at_rest().await.unwrap(), [expected]);
        check(&ledger).await;
        close(ledger).await;
        assert_eq!(shown(&path), [""; 0]);
    }
    let ledger = open(&path, Sealing::under(key(2))).await.unwrap();
    check(&ledger).await;
    close(ledger).await;
    let refused = open(&path, Sealing::under(key(3))).await.unwrap_err();
    assert!(
        matches!(
            &refused,
            LedgerError::SealingKeyMissing {
                contacts: 0,
                others: 3,
                ..
            }
        ),
        "{refused}"
    );
    let text = refused.to_string();
    assert!(text.contains("3 webhooks, events and names"), "{text}");
}

#[tokio::test]
async fn names_are_nowhere_in_the_files_once_their_acd_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    let ledger = open(&path, Sealing::clear()).await.unwrap();
    fill(&ledger).await;
    assert_eq!(shown(&path), NAMES);
    ledger.remove(&acd(1), false).await.unwrap();
    assert_eq!(shown(&path), [""; 0]);
}
