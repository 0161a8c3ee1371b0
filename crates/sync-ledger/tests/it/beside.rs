//! Pushed events and webhooks while others receive, read, send again and forget at the same time.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use contact_model::FailureReason;
use sync_ledger::conformance::{
    acd, at, event, found, leg, linked, message, tell_complete, tell_failed,
};
use sync_ledger::{
    AcdStore as _, Advance, ClaimedMessage, ContactStore as _, CursorId, CursorStore as _,
    Endpoint, ErasureStore as _, Inbox as _, LedgerError, MessageAttempt, MessageFilter,
    MessageOutcome, MessageSettled, MessageSettlement, MessageState, OutboxStore as _, Replayed,
    Schedule, SqliteLedger, SqliteOptions, WorkerLock, keep,
};
use tempfile::TempDir;

const ROUNDS: u32 = 40;

async fn worker(directory: &TempDir) -> SqliteLedger {
    let lock = WorkerLock::acquire(&directory.path().join("ledger.db")).unwrap();
    let ledger = SqliteLedger::open(lock, SqliteOptions::default())
        .await
        .unwrap();
    ledger.register(&acd(1), "Sales").await.unwrap();
    ledger
}

async fn discover(ledger: &SqliteLedger, numbers: std::ops::RangeInclusive<u32>) {
    let step = Advance {
        cursor: CursorId::Live {
            acd: acd(1),
            stream: "events".into(),
        },
        from: None,
        to: at(0),
        legs: numbers.map(|number| found(&acd(1), number, 0)).collect(),
        at: at(0),
    };
    ledger.advance(step, &keep).await.unwrap();
}

async fn tell(ledger: &SqliteLedger, number: u32, told: sync_ledger::Tell) {
    let row = ledger.get(&acd(1), leg(number)).await.unwrap().unwrap().row;
    let next = linked(row.contact.clone(), &[]);
    let change = row.change(next, Schedule::at(at(900)), at(1));
    ledger.save(change.tell(told)).await.unwrap();
}

async fn deliver(ledger: &SqliteLedger, claimed: &ClaimedMessage) -> MessageSettled {
    let attempt = MessageAttempt {
        at: at(2),
        took: Duration::from_millis(1),
        status: Some(204),
        failure: None,
        reason: None,
        answer: "".into(),
    };
    let settlement = MessageSettlement {
        id: claimed.id.clone(),
        claim: claimed.claim,
        attempt,
        outcome: MessageOutcome::Delivered,
    };
    let same = |_: usize, before: &Endpoint| before.clone();
    ledger
        .settle_messages(&[settlement], &same, at(3))
        .await
        .unwrap()
        .remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_that_are_pushed_twice_at_the_same_time_are_processed_once() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = worker(&directory).await;
    let mut pushing = tokio::task::JoinSet::new();
    // Two deliver the same events, in opposite orders and groups of different sizes.
    for (backwards, size) in [(false, 3), (true, 4)] {
        let ledger = ledger.clone();
        pushing.spawn(async move {
            let mut numbers: Vec<_> = (1..=ROUNDS).collect();
            if backwards {
                numbers.reverse();
            }
            let mut stored = 0;
            for numbers in numbers.chunks(size) {
                let group: Vec<_> = numbers.iter().map(|n| event(&acd(1), *n)).collect();
                stored += ledger.receive(&group, 10_000).await.unwrap().stored;
            }
            stored
        });
    }
    let mut processing = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let ledger = ledger.clone();
        processing.spawn(async move {
            let (mut processed, mut idle) = (Vec::new(), 0);
            while idle < 200 {
                let claimed = ledger
                    .claim_events(at(0), 5, at(1000))
                    .await
                    .unwrap()
                    .events;
                if claimed.is_empty() {
                    idle += 1;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    continue;
                }
                let events = claimed.iter().map(|claimed| claimed.claim.into());
                ledger
                    .settle_events(events.collect(), &keep, at(1))
                    .await
                    .unwrap();
                processed.extend(claimed.into_iter().map(|claimed| claimed.event.id));
            }
            processed
        });
    }
    assert_eq!(
        pushing.join_all().await.iter().sum::<u64>(),
        u64::from(ROUNDS)
    );
    let processed = processing.join_all().await.concat();
    assert_eq!(processed.len(), ROUNDS as usize);
    let once: HashSet<_> = processed.into_iter().collect();
    assert_eq!(once.len(), ROUNDS as usize);
    // Nothing waits, and nothing is counted as waiting.
    let full = ledger.receive(&[event(&acd(1), ROUNDS + 1)], 0).await;
    assert!(matches!(
        full,
        Err(LedgerError::InboxFull { waiting: 0, .. })
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_that_claim_at_the_same_time_send_each_message_once_and_each_legs_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = worker(&directory).await;
    discover(&ledger, 1..=ROUNDS).await;
    for number in 1..=ROUNDS {
        tell(&ledger, number, tell_failed(FailureReason::Refused, number)).await;
        tell(&ledger, number, tell_complete(1000 + number)).await;
    }
    let sent = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (ledger, sent) = (ledger.clone(), sent.clone());
        workers.spawn(async move {
            let mut idle = 0;
            while idle < 50 {
                let claimed = ledger
                    .claim_messages(&acd(1), at(9), 3, at(1000))
                    .await
                    .unwrap();
                if claimed.messages.is_empty() {
                    idle += 1;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                for message in claimed.messages {
                    sent.lock().unwrap().push((message.leg, message.id.clone()));
                    let settled = deliver(&ledger, &message).await;
                    assert!(matches!(settled, MessageSettled::Recorded { .. }));
                }
            }
        });
    }
    workers.join_all().await;
    let mut of_leg: HashMap<_, Vec<String>> = HashMap::new();
    for (leg, id) in sent.lock().unwrap().drain(..) {
        of_leg.entry(leg).or_default().push(id);
    }
    assert_eq!(of_leg.len(), ROUNDS as usize);
    for number in 1..=ROUNDS {
        assert_eq!(
            of_leg[&leg(number)],
            [message(number), message(1000 + number)]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_command_beside_the_worker_sends_again_and_forgets() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = worker(&directory).await;
    discover(&ledger, 1..=ROUNDS).await;
    let command = SqliteLedger::open_beside(ledger.path(), SqliteOptions::default())
        .await
        .unwrap();
    let commanding = tokio::spawn(async move {
        let mut replayed = 0;
        for number in 1..=ROUNDS {
            if number % 4 == 0 {
                command.forget(&acd(1), leg(number), at(5)).await.unwrap();
            }
            let again = command.replay_message(&message(number), at(5)).await;
            replayed += u32::from(again.unwrap() == Replayed::Due);
        }
        replayed
    });
    let mut told = 0;
    for number in 1..=ROUNDS {
        let row = ledger.get(&acd(1), leg(number)).await.unwrap().unwrap().row;
        let next = linked(row.contact.clone(), &[]);
        let change = row.change(next, Schedule::at(at(900)), at(1));
        match ledger.save(change.tell(tell_complete(number))).await {
            Ok(_) => told += 1,
            // Forgotten meanwhile: by version, or by its mark.
            Err(error) => assert_eq!(number % 4, 0, "{error}"),
        }
        let claimed = ledger
            .claim_messages(&acd(1), at(9), 3, at(10))
            .await
            .unwrap();
        for message in claimed.messages {
            deliver(&ledger, &message).await;
        }
    }
    let replayed = commanding.await.unwrap();
    assert!(replayed <= told);
    let all = ledger
        .messages(&MessageFilter::default(), 1000, None)
        .await
        .unwrap();
    assert_eq!(all.messages.len(), told as usize);
    for row in all.messages {
        let forgotten = ledger
            .get(&acd(1), row.leg)
            .await
            .unwrap()
            .unwrap()
            .row
            .forgotten_at;
        if forgotten.is_some() {
            let record = ledger.message(&row.id).await.unwrap().unwrap();
            assert_eq!(record.body.present(), None, "{row:?}");
            assert_ne!(row.state, MessageState::Pending);
        }
    }
    ledger.verify().await.unwrap();
}
