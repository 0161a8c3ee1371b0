//! Pushed events received and settled, webhooks claimed and settled, in groups, each group one transaction that is synchronised
//! with the disk: `cargo bench -p sync-ledger`.
#![allow(missing_docs, reason = "criterion's macros write undocumented items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot start has failed")]

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sync_ledger::conformance::{acd, at, event, found, leg, linked, tell_complete};
use sync_ledger::{
    AcdStore as _, Advance, ContactStore as _, CursorId, CursorStore as _, Endpoint, Inbox as _,
    MessageAttempt, MessageOutcome, MessageSettlement, OutboxStore as _, PushedEvent, Schedule,
    Sealing, SealingKey, SqliteLedger, SqliteOptions, WorkerLock, keep,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// About what a reservation's event has, with the task's attributes in it.
const PAYLOAD: usize = 2_000;

const ROOM: u64 = 100_000_000;

async fn open() -> (TempDir, SqliteLedger) {
    let directory = tempfile::tempdir().unwrap();
    let lock = WorkerLock::acquire(&directory.path().join("ledger.db")).unwrap();
    let sealed = Sealing::under(SealingKey::new(&[7; 32]).unwrap());
    let ledger = SqliteLedger::open(lock, SqliteOptions::default().sealing(sealed))
        .await
        .unwrap();
    ledger.register(&acd(1), "Sales").await.unwrap();
    (directory, ledger)
}

fn group(next: &mut u32, size: u32) -> Vec<PushedEvent> {
    let first = *next;
    *next += size;
    let pushed = |number| PushedEvent {
        payload: vec![b'x'; PAYLOAD].into(),
        ..event(&acd(1), number)
    };
    (first..first + size).map(pushed).collect()
}

fn events(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (_directory, ledger) = runtime.block_on(open());
    let mut next = 1;
    let mut benches = criterion.benchmark_group("events");
    benches.sample_size(20);
    for size in [1, 20, 100, 400] {
        benches.throughput(Throughput::Elements(size.into()));
        benches.bench_function(BenchmarkId::new("receive", size), |bencher| {
            bencher.iter_custom(|rounds| {
                let groups: Vec<_> = (0..rounds).map(|_| group(&mut next, size)).collect();
                runtime.block_on(async {
                    let begun = Instant::now();
                    for group in &groups {
                        ledger.receive(group, ROOM).await.unwrap();
                    }
                    let took = begun.elapsed();
                    // The backlog stays short, as it does in life.
                    loop {
                        let claimed = ledger.claim_events(at(0), 1000, at(9)).await.unwrap();
                        if claimed.events.is_empty() {
                            break;
                        }
                        let events = claimed.events.iter().map(|event| event.claim.into());
                        let settled = ledger.settle_events(events.collect(), &keep, at(1));
                        settled.await.unwrap();
                    }
                    took
                })
            });
        });
    }
    // Nobody settles anything: what waits must not make a commit any slower.
    let (_waiting, backlog) = runtime.block_on(open());
    runtime.block_on(async {
        for _ in 0..100 {
            let waits = group(&mut next, 1_000);
            backlog.receive(&waits, ROOM).await.unwrap();
        }
    });
    benches.throughput(Throughput::Elements(20));
    benches.bench_function("receive/20-beside-100000", |bencher| {
        bencher.iter_custom(|rounds| {
            let groups: Vec<_> = (0..rounds).map(|_| group(&mut next, 20)).collect();
            runtime.block_on(async {
                let begun = Instant::now();
                for group in &groups {
                    backlog.receive(group, ROOM).await.unwrap();
                }
                begun.elapsed()
            })
        });
    });
    for size in [20_u32, 100] {
        benches.throughput(Throughput::Elements(size.into()));
        benches.bench_function(BenchmarkId::new("receive-claim-settle", size), |bencher| {
            bencher.iter_custom(|rounds| {
                let groups: Vec<_> = (0..rounds).map(|_| group(&mut next, size)).collect();
                runtime.block_on(async {
                    let begun = Instant::now();
                    for group in &groups {
                        ledger.receive(group, ROOM).await.unwrap();
                        let claimed = ledger.claim_events(at(0), size, at(9)).await.unwrap();
                        let events = claimed.events.iter().map(|event| event.claim.into());
                        let settled = ledger.settle_events(events.collect(), &keep, at(1));
                        settled.await.unwrap();
                    }
                    begun.elapsed()
                })
            });
        });
    }
    benches.finish();
}

/// Puts so many messages into the outbox, each of a leg of its own.
async fn fill(ledger: &SqliteLedger, next: &mut u32, many: u32) {
    let first = *next;
    *next += many;
    let legs = (first..first + many).map(|number| found(&acd(1), number, 0));
    let from = ledger.cursor(&acd(1), "events").await.unwrap();
    let step = Advance {
        cursor: CursorId::Live {
            acd: acd(1),
            stream: "events".into(),
        },
        from: from.map(|cursor| cursor.position),
        to: at(0),
        legs: legs.collect(),
        at: at(0),
    };
    ledger.advance(step, &keep).await.unwrap();
    for number in first..first + many {
        let row = ledger.get(&acd(1), leg(number)).await.unwrap().unwrap().row;
        let next = linked(row.contact.clone(), &[]);
        let change = row.change(next, Schedule::at(at(900)), at(1));
        ledger
            .save(change.tell(tell_complete(number)))
            .await
            .unwrap();
    }
}

fn webhooks(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (_directory, ledger) = runtime.block_on(open());
    let mut next = 1;
    let mut benches = criterion.benchmark_group("webhooks");
    benches.sample_size(10);
    benches.measurement_time(Duration::from_secs(3));
    for size in [20_u32, 50] {
        benches.throughput(Throughput::Elements(size.into()));
        benches.bench_function(BenchmarkId::new("claim-settle", size), |bencher| {
            bencher.iter_custom(|rounds| {
                let rounds = u32::try_from(rounds).unwrap();
                runtime.block_on(async {
                    fill(&ledger, &mut next, rounds * size).await;
                    let begun = Instant::now();
                    for _ in 0..rounds {
                        let claimed = ledger
                            .claim_messages(&acd(1), at(2), size, at(9))
                            .await
                            .unwrap();
                        let settled = claimed.messages.into_iter().map(|message| {
                            let attempt = MessageAttempt {
                                at: at(2),
                                took: Duration::from_millis(9),
                                status: Some(200),
                                failure: None,
                                reason: None,
                                answer: "ok".into(),
                            };
                            MessageSettlement {
                                id: message.id,
                                claim: message.claim,
                                attempt,
                                outcome: MessageOutcome::Delivered,
                            }
                        });
                        let settled: Vec<_> = settled.collect();
                        let same = |_: usize, before: &Endpoint| before.clone();
                        ledger
                            .settle_messages(&settled, &same, at(3))
                            .await
                            .unwrap();
                    }
                    begun.elapsed()
                })
            });
        });
    }
    benches.finish();
}

criterion_group!(benches, events, webhooks);
criterion_main!(benches);
