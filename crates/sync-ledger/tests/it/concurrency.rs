//! Readers, commands and the worker at the same time.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sync_ledger::conformance::{acd, at, found, leg, linked};
use sync_ledger::{
    AcdStore as _, Advance, ContactStore as _, CursorId, CursorStore as _, Outcome, Schedule,
    SqliteLedger, SqliteOptions, Wish, WishStore as _, WorkerLock, keep,
};
use tempfile::TempDir;

const ROUNDS: u32 = 60;

async fn worker(directory: &TempDir) -> SqliteLedger {
    let lock = WorkerLock::acquire(&directory.path().join("ledger.db")).unwrap();
    let ledger = SqliteLedger::open(lock, SqliteOptions::default())
        .await
        .unwrap();
    ledger.register(&acd(1), "Sales").await.unwrap();
    ledger
}

fn step(n: u32) -> Advance {
    Advance {
        cursor: CursorId::Live {
            acd: acd(1),
            stream: "events".into(),
        },
        from: (n > 1).then(|| at(i64::from(n) - 1)),
        to: at(i64::from(n)),
        legs: vec![found(&acd(1), n, 0)],
        at: at(0),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_sees_whole_steps_while_the_worker_writes() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = worker(&directory).await;
    let beside = SqliteLedger::open_beside(ledger.path(), SqliteOptions::default())
        .await
        .unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = tokio::task::JoinSet::new();
    for reader in [ledger.clone(), beside.clone(), beside] {
        let done = done.clone();
        readers.spawn(async move {
            let mut last = 0;
            loop {
                let finished = done.load(Ordering::Acquire);
                let cursor = reader.cursor(&acd(1), "events").await.unwrap();
                let steps = cursor.map_or(0, |cursor| (cursor.position - at(0)).num_seconds());
                let steps = u32::try_from(steps).unwrap();
                assert!(steps >= last, "a reader never sees the ledger go back");
                // What the cursor has passed is there for everyone who saw the cursor.
                if steps > 0 {
                    assert!(reader.get(&acd(1), leg(steps)).await.unwrap().is_some());
                }
                let known: u64 = reader
                    .counts(None)
                    .await
                    .unwrap()
                    .iter()
                    .map(|count| count.contacts)
                    .sum();
                assert!(known >= u64::from(steps));
                last = steps;
                if finished {
                    return last;
                }
            }
        });
    }
    for n in 1..=ROUNDS {
        ledger.advance(step(n), &keep).await.unwrap();
    }
    done.store(true, Ordering::Release);
    assert_eq!(readers.join_all().await, [ROUNDS; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_claim_at_the_same_time_share_the_work_without_overlap() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = worker(&directory).await;
    for n in 1..=ROUNDS {
        ledger.advance(step(n), &keep).await.unwrap();
    }
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let ledger = ledger.clone();
        tasks.spawn(async move {
            let mut served = Vec::new();
            loop {
                let claimed = ledger
                    .claim_due(None, at(9), 3, at(1000))
                    .await
                    .unwrap()
                    .contacts;
                if claimed.is_empty() {
                    return served;
                }
                for record in claimed {
                    let next = linked(record.row.contact.clone(), &[]);
                    let change = record.row.change(next, Schedule::at(at(5000)), at(9));
                    ledger.save(change).await.unwrap();
                    served.push(record.row.leg());
                }
            }
        });
    }
    let served = tasks.join_all().await.concat();
    assert_eq!(served.len(), ROUNDS as usize);
    assert_eq!(
        served.into_iter().collect::<HashSet<_>>().len(),
        ROUNDS as usize
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_changes_of_one_version_exactly_one_is_saved() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = worker(&directory).await;
    ledger.advance(step(1), &keep).await.unwrap();
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let mut tasks = tokio::task::JoinSet::new();
    for attempts in 0..8 {
        let (ledger, row) = (ledger.clone(), row.clone());
        tasks.spawn(async move {
            let schedule = Schedule {
                attempts,
                ..Schedule::at(at(5))
            };
            ledger
                .save(row.change(row.contact.clone(), schedule, at(1)))
                .await
        });
    }
    let (saved, refused): (Vec<_>, Vec<_>) =
        tasks.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((saved.len(), refused.len()), (1, 7));
    assert!(
        refused
            .into_iter()
            .all(|refused| refused.unwrap_err().is_conflict())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commands_leave_wishes_while_the_worker_carries_them_out() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = worker(&directory).await;
    let command = SqliteLedger::open_beside(ledger.path(), SqliteOptions::default())
        .await
        .unwrap();
    let leaving = tokio::spawn(async move {
        for number in 1..=ROUNDS {
            command
                .put(
                    &Wish::RetryContact {
                        acd: acd(1),
                        leg: leg(number),
                    },
                    at(0),
                )
                .await
                .unwrap();
        }
    });
    let mut carried_out = Vec::new();
    while carried_out.len() < ROUNDS as usize {
        let Some(claimed) = ledger.claim_wish(&[], at(1), at(9)).await.unwrap() else {
            tokio::task::yield_now().await;
            continue;
        };
        ledger
            .settle_wish(&claimed, Outcome::Done(String::new()), at(2))
            .await
            .unwrap();
        carried_out.push(claimed.id.0);
    }
    leaving.await.unwrap();
    assert_eq!(carried_out, (1..=i64::from(ROUNDS)).collect::<Vec<_>>());
    assert_eq!(ledger.wishes(true, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_change_whose_future_is_dropped_half_way_leaves_the_ledger_usable() {
    use std::future::Future as _;
    let directory = tempfile::tempdir().unwrap();
    let ledger = worker(&directory).await;
    for polls in 0..12 {
        let mut change = Box::pin(ledger.advance(step(1), &keep));
        let mut waiting = std::task::Context::from_waker(std::task::Waker::noop());
        let ended = (0..polls).any(|_| {
            std::thread::yield_now();
            change.as_mut().poll(&mut waiting).is_ready()
        });
        drop(change);
        if ended {
            break;
        }
        // Whole or not at all.
        let moved = ledger.cursor(&acd(1), "events").await.unwrap().is_some();
        let known = ledger.get(&acd(1), leg(1)).await.unwrap().is_some();
        ledger.register(&acd(1), "Sales").await.unwrap();
        assert!(known || !moved);
        if moved {
            break;
        }
    }
    let from = ledger
        .cursor(&acd(1), "events")
        .await
        .unwrap()
        .map(|cursor| cursor.position);
    ledger
        .advance(Advance { from, ..step(1) }, &keep)
        .await
        .unwrap();
    assert!(ledger.get(&acd(1), leg(1)).await.unwrap().is_some());
}
