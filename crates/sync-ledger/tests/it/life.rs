//! The whole life of a contact, in whatever order things are asked: the file answers as the reference does.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contact_model::{Contact, FailureReason, ParkReason};
use proptest::collection::vec;
use proptest::prelude::*;
use sync_ledger::conformance::{
    MemoryLedger, acd, at, complete, conversation, details, event, found, leg, linked, message,
    parked, recording, tell_complete, tell_complete_as, tell_failed, transcribed,
};
use sync_ledger::{
    AcdStore as _, ContactStore as _, DeletionFilter, Endpoint, EndpointDisabled, EventClaim,
    EventNumber, Ledger, LedgerError, MessageAttempt, MessageFilter, MessageOutcome,
    MessageSettlement, NewLeg, ProcessedEvent, Retention, Schedule, Sealing, SealingKey,
    SqliteLedger, SqliteOptions, Tell, Verdict, WorkerLock, keep,
};

const ACDS: u8 = 2;
const LEGS: u32 = 3;
const RECORDINGS: u32 = 3;

/// Something that is asked of a ledger. Times are seconds from the present of the run.
#[derive(Debug, Clone)]
enum Ask {
    Receive {
        acd: u8,
        events: Vec<u32>,
        room: u64,
    },
    ClaimEvents {
        limit: u32,
        lease: i64,
    },
    SettleEvents {
        claims: Vec<(usize, bool)>,
        legs: Vec<(u8, u32)>,
    },
    Save {
        acd: u8,
        leg: u32,
        stage: Becomes,
        tell: Option<u8>,
    },
    Claim {
        acd: u8,
        limit: u32,
        lease: i64,
    },
    Settle {
        settlements: Vec<(usize, bool, u8)>,
        judged: u8,
    },
    Enable {
        acd: u8,
    },
    Replay {
        message: u32,
    },
    ReplayRange {
        acd: u8,
        from: i64,
        to: i64,
        delivered: bool,
    },
    Delete {
        acd: u8,
        recording: u32,
        verdict: u8,
        next: i64,
    },
    Candidates {
        acd: u8,
        complete_by: i64,
    },
    Forget {
        acd: u8,
        leg: u32,
    },
    Find {
        needle: u32,
    },
    Prune {
        details: i64,
        rows: i64,
        limit: u32,
    },
    Remove {
        acd: u8,
        with_unfinished: bool,
    },
    Wait {
        seconds: i64,
    },
    Reopen,
}

#[derive(Debug, Clone)]
enum Becomes {
    Linked(u32),
    Transcribed(u32, u64, u64),
    Complete(u32),
    Parked,
}

fn becomes() -> impl Strategy<Value = Becomes> {
    prop_oneof![
        2 => (1..=RECORDINGS).prop_map(Becomes::Linked),
        4 => (1..=2_u32, 0..12_u64, 0..6_u64)
            .prop_map(|(conversation, from, length)| Becomes::Transcribed(conversation, from, from + length)),
        3 => (1..=RECORDINGS).prop_map(Becomes::Complete),
        2 => Just(Becomes::Parked),
    ]
}

fn asks() -> impl Strategy<Value = Ask> {
    let acd = 1..=ACDS;
    let leg = 1..=LEGS;
    prop_oneof![
        4 => (acd.clone(), vec(1..8_u32, 0..4), prop_oneof![1 => 0..4_u64, 3 => Just(100)])
            .prop_map(|(acd, events, room)| Ask::Receive { acd, events, room }),
        4 => (0..4_u32, 1..40_i64).prop_map(|(limit, lease)| Ask::ClaimEvents { limit, lease }),
        4 => (vec((0..6_usize, prop::bool::weighted(0.1)), 0..3), vec((acd.clone(), leg.clone()), 0..3))
            .prop_map(|(claims, legs)| Ask::SettleEvents { claims, legs }),
        12 => (acd.clone(), leg.clone(), becomes(), prop::option::weighted(0.8, 0..4_u8))
            .prop_map(|(acd, leg, stage, tell)| Ask::Save { acd, leg, stage, tell }),
        7 => (acd.clone(), 0..4_u32, 1..40_i64).prop_map(|(acd, limit, lease)| Ask::Claim { acd, limit, lease }),
        7 => (vec((0..6_usize, prop::bool::weighted(0.1), 0..3_u8), 0..4), 0..6_u8)
            .prop_map(|(settlements, judged)| Ask::Settle { settlements, judged }),
        2 => acd.clone().prop_map(|acd| Ask::Enable { acd }),
        3 => (1..30_u32).prop_map(|message| Ask::Replay { message }),
        1 => (acd.clone(), 0..100_i64, 0..100_i64, any::<bool>())
            .prop_map(|(acd, from, to, delivered)| Ask::ReplayRange { acd, from, to, delivered }),
        3 => (acd.clone(), 1..=RECORDINGS, 0..5_u8, -5..30_i64)
            .prop_map(|(acd, recording, verdict, next)| Ask::Delete { acd, recording, verdict, next }),
        2 => (acd.clone(), -30..5_i64).prop_map(|(acd, complete_by)| Ask::Candidates { acd, complete_by }),
        1 => (acd.clone(), leg.clone()).prop_map(|(acd, leg)| Ask::Forget { acd, leg }),
        1 => leg.prop_map(|needle| Ask::Find { needle }),
        2 => (0..60_i64, 0..120_i64, 0..4_u32).prop_map(|(details, rows, limit)| Ask::Prune { details, rows, limit }),
        1 => (acd, any::<bool>()).prop_map(|(acd, with_unfinished)| Ask::Remove { acd, with_unfinished }),
        3 => (1..60_i64).prop_map(|seconds| Ask::Wait { seconds }),
        1 => Just(Ask::Reopen),
    ]
}

/// What is in somebody's hands, or was: what settlements name. Numbers of events differ between engines, ids do not.
#[derive(Default)]
struct Hands {
    events: Vec<EventClaim>,
    messages: Vec<(String, u32)>,
    told: u32,
}

/// Which error it was, without its words.
fn shown<T: std::fmt::Debug>(answer: Result<T, LedgerError>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!("{error:?}")
            .split([' ', '{'])
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn stage(becomes: &Becomes, contact: &Contact) -> Contact {
    match becomes {
        Becomes::Linked(number) => linked(contact.clone(), &[recording(*number)]),
        Becomes::Transcribed(of, from, to) => transcribed(contact.clone(), *of, *from, *to),
        Becomes::Complete(number) => complete(contact.clone(), &[recording(*number)]),
        Becomes::Parked if contact.stage.name().is_final() => contact.clone(),
        Becomes::Parked => parked(contact.clone(), ParkReason::NoMedia),
    }
}

fn judge(judged: u8, now: DateTime<Utc>) -> impl Fn(usize, &Endpoint) -> Endpoint + Send + Sync {
    move |_, before| match judged {
        0..=2 => before.clone(),
        3 => Endpoint {
            last_success: Some(now),
            failing_since: None,
            ..before.clone()
        },
        4 => Endpoint {
            last_failure: Some(now),
            failing_since: before.failing_since.or(Some(now)),
            ..before.clone()
        },
        _ => Endpoint {
            disabled: Some(EndpointDisabled {
                at: now,
                reason: "gone".into(),
            }),
            ..before.clone()
        },
    }
}

fn tell(which: u8, number: u32) -> Tell {
    match which {
        0 => tell_complete(number),
        1 => tell_failed(FailureReason::NotRecorded, number),
        2 => tell_complete_as(55, number),
        _ => tell_failed(FailureReason::Refused, number),
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each thing that can be asked"
)]
async fn ask<L: Ledger>(ledger: &L, hands: &mut Hands, ask: &Ask, now: DateTime<Utc>) -> String {
    let later = |seconds: i64| now + TimeDelta::seconds(seconds);
    match ask {
        Ask::Receive {
            acd: number,
            events,
            room,
        } => {
            let events: Vec<_> = events.iter().map(|id| event(&acd(*number), *id)).collect();
            shown(ledger.receive(&events, *room).await)
        }
        Ask::ClaimEvents { limit, lease } => {
            let claimed = ledger
                .claim_events(now, *limit, later(*lease))
                .await
                .unwrap();
            hands
                .events
                .extend(claimed.events.iter().map(|claimed| claimed.claim));
            let told = claimed
                .events
                .iter()
                .map(|claimed| (claimed.claim.claim, &claimed.event));
            format!("{:?}", told.collect::<Vec<_>>())
        }
        Ask::SettleEvents { claims, legs } => {
            let claim = |(place, wrong): &(usize, bool)| {
                let unknown = EventClaim {
                    number: EventNumber(-1),
                    claim: 1,
                };
                let newest = hands.events.iter().rev().nth(*place).copied();
                let held = newest.unwrap_or(unknown);
                EventClaim {
                    claim: held.claim + u32::from(*wrong),
                    ..held
                }
            };
            let claims: Vec<_> = claims.iter().map(claim).collect();
            let new = |(number, leg): &(u8, u32)| NewLeg {
                details: Some(details(*leg)),
                ..found(&acd(*number), *leg, 0)
            };
            let mut events: Vec<_> = claims.into_iter().map(ProcessedEvent::from).collect();
            if let Some(first) = events.first_mut() {
                first.legs = legs.iter().map(new).collect();
            }
            // Each store counts its events by itself.
            let settled = ledger.settle_events(events, &keep, now).await;
            shown(settled.map(|settled| (settled.advanced, settled.not_held.len())))
        }
        Ask::Save {
            acd: number,
            leg: of,
            stage: becomes,
            tell: which,
        } => {
            hands.told += 1;
            let Some(known) = ledger.get(&acd(*number), leg(*of)).await.unwrap() else {
                return "nothing to save".to_owned();
            };
            let next = stage(becomes, &known.row.contact);
            let mut change = known.row.change(next, Schedule::at(later(5)), now);
            change.waits_for = (*of > 1).then(|| "room in the spool".to_owned());
            change.tell = which.map(|which| tell(which, hands.told));
            shown(ledger.save(change).await)
        }
        Ask::Claim {
            acd: number,
            limit,
            lease,
        } => {
            let claimed = ledger
                .claim_messages(&acd(*number), now, *limit, later(*lease))
                .await;
            if let Ok(claimed) = &claimed {
                let ids = claimed.messages.iter();
                hands
                    .messages
                    .extend(ids.map(|message| (message.id.clone(), message.claim)));
            }
            shown(claimed)
        }
        Ask::Settle {
            settlements,
            judged,
        } => {
            let settlement = |(place, wrong, outcome): &(usize, bool, u8)| {
                let newest = hands.messages.iter().rev().nth(*place).cloned();
                let (id, claim) = newest.unwrap_or((message(0), 1));
                MessageSettlement {
                    id,
                    claim: claim + u32::from(*wrong),
                    attempt: MessageAttempt {
                        at: now,
                        took: Duration::from_millis(3),
                        status: Some(200),
                        failure: None,
                        reason: None,
                        answer: vec![b'x'; usize::from(*outcome)].into(),
                    },
                    outcome: match outcome {
                        0 => MessageOutcome::Delivered,
                        1 => MessageOutcome::RetryAt(later(10)),
                        _ => MessageOutcome::Exhausted,
                    },
                }
            };
            let batch: Vec<_> = settlements.iter().map(settlement).collect();
            shown(
                ledger
                    .settle_messages(&batch, &judge(*judged, now), now)
                    .await,
            )
        }
        Ask::Enable { acd: number } => shown(ledger.enable_endpoint(&acd(*number), now).await),
        Ask::Replay { message: number } => {
            shown(ledger.replay_message(&message(*number), now).await)
        }
        Ask::ReplayRange {
            acd: number,
            from,
            to,
            delivered,
        } => shown(
            ledger
                .replay_messages(&acd(*number), at(*from), at(*to), *delivered, now)
                .await,
        ),
        Ask::Delete {
            acd: number,
            recording: of,
            verdict,
            next,
        } => {
            let reason = "leg-parked".to_owned();
            let next = later(*next);
            let verdict = match verdict {
                0 | 1 => Verdict::Blocked { reason, next },
                2 => Verdict::Requested { next },
                3 => Verdict::Failed {
                    reason,
                    next: (*of > 1).then_some(next),
                },
                _ => Verdict::Deleted,
            };
            shown(
                ledger
                    .record_deletion(&acd(*number), recording(*of), &verdict, now)
                    .await,
            )
        }
        Ask::Candidates {
            acd: number,
            complete_by,
        } => shown(
            ledger
                .deletion_candidates(&acd(*number), later(*complete_by), now, 2)
                .await,
        ),
        Ask::Forget {
            acd: number,
            leg: of,
        } => shown(ledger.forget(&acd(*number), leg(*of), now).await),
        Ask::Find { needle } => {
            let needle = format!("1555{needle:07}");
            shown(ledger.find_by_text(&needle, None, 100, None).await)
        }
        Ask::Prune {
            details,
            rows,
            limit,
        } => {
            let retention = Retention {
                details: TimeDelta::seconds(*details),
                rows: TimeDelta::seconds(*rows),
            };
            shown(ledger.prune(now, &retention, *limit).await)
        }
        Ask::Remove {
            acd: number,
            with_unfinished,
        } => {
            let removed = shown(ledger.remove(&acd(*number), *with_unfinished).await);
            ledger.register(&acd(*number), "an acd").await.unwrap();
            removed
        }
        Ask::Wait { .. } | Ask::Reopen => String::new(),
    }
}

/// Everything that can be read of a ledger, but for what numbers differ in.
async fn everything<L: Ledger>(ledger: &L) -> String {
    let mut all = vec![
        shown(ledger.acds().await),
        shown(ledger.counts(None).await),
        shown(ledger.waits(None).await),
        shown(ledger.outbox_counts(None).await),
        shown(ledger.inbox_backlog().await),
        shown(ledger.deletion_counts(None).await),
    ];
    let messages = ledger
        .messages(&MessageFilter::default(), 1000, None)
        .await
        .unwrap();
    for row in &messages.messages {
        all.push(shown(ledger.message(&row.id).await));
    }
    let filter = DeletionFilter::default();
    let deletions = ledger.deletions(&filter, 1000, None).await.unwrap();
    all.push(format!("{:?}", deletions.deletions));
    for number in 1..=ACDS {
        all.push(shown(ledger.next_message_due(&acd(number)).await));
        for of in 1..=2 {
            all.push(shown(
                ledger
                    .transcript_claims(&acd(number), conversation(of))
                    .await,
            ));
        }
        for of in 1..=LEGS {
            all.push(shown(ledger.get(&acd(number), leg(of)).await));
            all.push(shown(ledger.history(&acd(number), leg(of)).await));
            all.push(shown(
                ledger.undelivered_of_leg(&acd(number), leg(of)).await,
            ));
        }
    }
    all.join("\n")
}

/// What must hold of the outbox whatever was asked: of each leg the oldest pending message is due, and no other.
async fn check_order<L: Ledger>(ledger: &L) {
    let page = ledger
        .messages(&MessageFilter::default(), 1000, None)
        .await
        .unwrap();
    let mut seen = std::collections::HashSet::new();
    for row in page.messages.iter().rev() {
        let pending = row.state == sync_ledger::MessageState::Pending;
        let first = pending && seen.insert((row.acd.clone(), row.leg));
        assert_eq!(row.due_at.is_some(), first, "{row:?}");
    }
}

async fn open(directory: &tempfile::TempDir) -> SqliteLedger {
    let options =
        SqliteOptions::default().sealing(Sealing::under(SealingKey::new(&[7; 32]).unwrap()));
    SqliteLedger::open(
        WorkerLock::acquire(&directory.path().join("ledger.db")).unwrap(),
        options,
    )
    .await
    .unwrap()
}

async fn compare(asked: &[Ask]) {
    let directory = tempfile::tempdir().unwrap();
    let mut file = open(&directory).await;
    let reference = MemoryLedger::default();
    let (mut of_file, mut of_reference) = (Hands::default(), Hands::default());
    let mut now = at(0);
    for number in 1..=ACDS {
        file.register(&acd(number), "an acd").await.unwrap();
        reference.register(&acd(number), "an acd").await.unwrap();
    }
    for (place, one) in asked.iter().enumerate() {
        now += TimeDelta::seconds(1);
        match one {
            Ask::Wait { seconds } => now += TimeDelta::seconds(*seconds),
            Ask::Reopen => {
                file.close().await;
                drop(file);
                file = open(&directory).await;
                reference.release_all().await.unwrap();
            }
            _ => assert_eq!(
                ask(&file, &mut of_file, one, now).await,
                ask(&reference, &mut of_reference, one, now).await,
                "answer {place}: {one:?}"
            ),
        }
        assert_eq!(
            everything(&file).await,
            everything(&reference).await,
            "after {place}: {one:?}"
        );
        check_order(&file).await;
    }
    file.verify().await.unwrap();
    file.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_file_answers_as_the_reference_does(asked in vec(asks(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(&asked));
    }
}
