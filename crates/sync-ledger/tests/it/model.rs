//! Whatever is asked of it, in whatever order: the file answers as the reference does.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use chrono::{DateTime, TimeDelta, Utc};
use contact_model::{Contact, Discovered, ParkReason, Stage};
use proptest::collection::vec;
use proptest::prelude::*;
use sync_ledger::conformance::{MemoryLedger, acd, at, details, found, leg, linked, parked};
use sync_ledger::{
    Advance, BackfillId, ClaimedWish, ContactFilter, ContactRecord, ContactRow, ContactStore as _,
    CursorId, DetailsChange, Ledger, LedgerError, NewLeg, Outcome, PageRequest, Retention,
    Schedule, Sealing, SealingKey, SqliteLedger, SqliteOptions, Update, Wish, WishId, WorkerLock,
};

const ACDS: u8 = 2;
const LEGS: u32 = 3;

/// Something that is asked of a ledger. Times are seconds from the present of the run.
#[derive(Debug, Clone)]
enum Ask {
    Register {
        acd: u8,
    },
    Discover {
        acd: u8,
        legs: Vec<(u32, i64)>,
        forward: i64,
        stale: bool,
        update: bool,
    },
    BeginBackfill {
        acd: u8,
        length: i64,
    },
    AdvanceBackfill {
        id: i64,
        leg: u32,
        forward: i64,
    },
    CancelBackfill {
        id: i64,
    },
    Claim {
        acd: Option<u8>,
        limit: u32,
        lease: i64,
    },
    Save {
        acd: u8,
        leg: u32,
        stage: u8,
        due: Option<i64>,
        back: u64,
        details: u8,
        note: bool,
        hold: bool,
    },
    Extend {
        acd: u8,
        leg: u32,
        back: u64,
        lease: i64,
    },
    Release {
        acd: u8,
        leg: u32,
        back: u64,
    },
    Prune {
        details: i64,
        rows: i64,
        limit: u32,
    },
    Wish {
        leg: u32,
    },
    ClaimWish {
        lease: i64,
    },
    SettleWish {
        id: i64,
        claim: u32,
        done: bool,
    },
    Wait {
        seconds: i64,
    },
    Reopen,
}

fn asks() -> impl Strategy<Value = Ask> {
    let acd = 1..=ACDS;
    let leg = 1..=LEGS;
    let soon = -20..40_i64;
    prop_oneof![
        1 => acd.clone().prop_map(|acd| Ask::Register { acd }),
        6 => (acd.clone(), vec((leg.clone(), soon.clone()), 0..4), -2..30_i64, prop::bool::weighted(0.1), any::<bool>())
            .prop_map(|(acd, legs, forward, stale, update)| Ask::Discover { acd, legs, forward, stale, update }),
        1 => (acd.clone(), -1..20_i64).prop_map(|(acd, length)| Ask::BeginBackfill { acd, length }),
        2 => (1..4_i64, leg.clone(), -1..12_i64)
            .prop_map(|(id, leg, forward)| Ask::AdvanceBackfill { id, leg, forward }),
        1 => (1..4_i64).prop_map(|id| Ask::CancelBackfill { id }),
        5 => (prop::option::of(acd.clone()), 0..5_u32, 1..30_i64)
            .prop_map(|(acd, limit, lease)| Ask::Claim { acd, limit, lease }),
        9 => (
            (acd.clone(), leg.clone(), 0..5_u8),
            prop::option::weighted(0.9, soon),
            prop_oneof![4 => Just(0), 1 => 1..3_u64],
            0..3_u8,
            any::<[bool; 2]>(),
        )
            .prop_map(|((acd, leg, stage), due, back, details, [note, hold])| Ask::Save {
                acd, leg, stage, due, back, details, note, hold
            }),
        1 => (acd.clone(), leg.clone(), 0..2_u64, 1..60_i64)
            .prop_map(|(acd, leg, back, lease)| Ask::Extend { acd, leg, back, lease }),
        1 => (acd, leg.clone(), 0..2_u64).prop_map(|(acd, leg, back)| Ask::Release { acd, leg, back }),
        2 => (0..60_i64, 0..120_i64, 0..4_u32)
            .prop_map(|(details, rows, limit)| Ask::Prune { details, rows, limit }),
        2 => leg.prop_map(|leg| Ask::Wish { leg }),
        2 => (1..20_i64).prop_map(|lease| Ask::ClaimWish { lease }),
        2 => (1..6_i64, 1..3_u32, any::<bool>())
            .prop_map(|(id, claim, done)| Ask::SettleWish { id, claim, done }),
        2 => (1..40_i64).prop_map(|seconds| Ask::Wait { seconds }),
        1 => Just(Ask::Reopen),
    ]
}

/// Which error it was, without its words.
fn kind(error: &LedgerError) -> String {
    let debug = format!("{error:?}");
    debug
        .split([' ', '{'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn shown<T: std::fmt::Debug>(answer: Result<T, LedgerError>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => kind(&error),
    }
}

fn stage(number: u8, contact: &Contact, now: DateTime<Utc>) -> Contact {
    let contact = contact.clone();
    let begun = Discovered { at: now };
    match number {
        0 => contact,
        1 => Contact {
            stage: Stage::Discovered(begun),
            ..contact
        },
        2 => linked(
            contact,
            &["RE00000000000000000000000000000001".parse().unwrap()],
        ),
        3 if !contact.stage.name().is_final() => parked(contact, ParkReason::NoMedia),
        _ => Contact {
            stage: Stage::Excluded(begun.exclude("test calls", now)),
            ..contact
        },
    }
}

/// Asks a ledger and shows its answer.
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each thing that can be asked"
)]
async fn ask<L: Ledger>(ledger: &L, ask: &Ask, now: DateTime<Utc>) -> String {
    let later = |seconds: i64| now + TimeDelta::seconds(seconds);
    match ask {
        Ask::Register { acd: number } => shown(ledger.register(&acd(*number), "an acd").await),
        Ask::Discover {
            acd: number,
            legs,
            forward,
            stale,
            update,
        } => {
            let acd = acd(*number);
            let position = ledger
                .cursor(&acd, "events")
                .await
                .unwrap()
                .map(|cursor| cursor.position);
            let from = if *stale { Some(at(-1)) } else { position };
            let new = |(leg, due): &(u32, i64)| NewLeg {
                details: (leg % 2 == 0).then(|| details(*leg)),
                schedule: Schedule::at(later(*due)),
                ..found(&acd, *leg, 0)
            };
            let step = Advance {
                cursor: CursorId::Live {
                    acd: acd.clone(),
                    stream: "events".into(),
                },
                from,
                to: position.unwrap_or(at(0)) + TimeDelta::seconds(*forward),
                legs: legs.iter().map(new).collect(),
                at: now,
            };
            let merge = |known: &ContactRecord, new: &NewLeg| {
                update.then(|| Update {
                    contact: known.row.contact.clone(),
                    schedule: new.schedule,
                    details: new
                        .details
                        .clone()
                        .map_or(DetailsChange::Drop, DetailsChange::Replace),
                    note: None,
                    tell: None,
                })
            };
            shown(ledger.advance(step, &merge).await)
        }
        Ask::BeginBackfill {
            acd: number,
            length,
        } => shown(
            ledger
                .begin_backfill(&acd(*number), at(0), at(*length), now)
                .await,
        ),
        Ask::AdvanceBackfill { id, leg, forward } => {
            let id = BackfillId(*id);
            let known = ledger.backfill(id).await.unwrap();
            let from = known.as_ref().map(|backfill| backfill.position);
            let acd = known.map_or(acd(1), |backfill| backfill.acd);
            let step = Advance {
                cursor: CursorId::Backfill(id),
                from,
                to: from.unwrap_or(at(0)) + TimeDelta::seconds(*forward),
                legs: vec![found(&acd, *leg, 0)],
                at: now,
            };
            shown(ledger.advance(step, &sync_ledger::keep).await)
        }
        Ask::CancelBackfill { id } => shown(ledger.cancel_backfill(BackfillId(*id), now).await),
        Ask::Claim {
            acd: number,
            limit,
            lease,
        } => shown(
            ledger
                .claim_due(number.map(acd).as_ref(), now, *limit, later(*lease))
                .await,
        ),
        Ask::Save {
            acd: number,
            leg: of,
            stage: to,
            due,
            back,
            details: what,
            note,
            hold,
        } => {
            let known = ledger.get(&acd(*number), leg(*of)).await.unwrap();
            let Some(ContactRecord { row, .. }) = known else {
                return "nothing to save".to_owned();
            };
            let schedule = Schedule {
                due_at: due.map(later),
                attempts: *of,
                backoff: u32::from(*to),
            };
            let mut change = row.change(stage(*to, &row.contact, now), schedule, now);
            change.version = row.version.saturating_sub(*back);
            change.note = note.then(|| "noted".to_owned());
            change.keep_lease = *hold;
            change.details = match what {
                0 => DetailsChange::Keep,
                1 => DetailsChange::Drop,
                _ => DetailsChange::Replace(details(77)),
            };
            shown(ledger.save(change).await)
        }
        Ask::Extend {
            acd: number,
            leg: of,
            back,
            lease,
        } => {
            let version = version(ledger, *number, *of).await.saturating_sub(*back);
            shown(
                ledger
                    .extend_lease(&acd(*number), leg(*of), version, later(*lease))
                    .await,
            )
        }
        Ask::Release {
            acd: number,
            leg: of,
            back,
        } => {
            let version = version(ledger, *number, *of).await.saturating_sub(*back);
            shown(ledger.release(&acd(*number), leg(*of), version).await)
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
        Ask::Wish { leg: of } => shown(
            ledger
                .put(
                    &Wish::RetryContact {
                        acd: acd(1),
                        leg: leg(*of),
                    },
                    now,
                )
                .await,
        ),
        Ask::ClaimWish { lease } => shown(ledger.claim_wish(&[], now, later(*lease)).await),
        Ask::SettleWish { id, claim, done } => {
            let wish = Wish::RetryContact {
                acd: acd(1),
                leg: leg(1),
            };
            let claimed = ClaimedWish {
                id: WishId(*id),
                wish,
                claim: *claim,
            };
            let said = "so it is".to_owned();
            let outcome = if *done {
                Outcome::Done(said)
            } else {
                Outcome::Failed(said)
            };
            shown(ledger.settle_wish(&claimed, outcome, now).await)
        }
        Ask::Wait { .. } | Ask::Reopen => String::new(),
    }
}

async fn version<L: Ledger>(ledger: &L, number: u8, of: u32) -> u64 {
    ledger
        .get(&acd(number), leg(of))
        .await
        .unwrap()
        .map_or(0, |record| record.row.version)
}

/// Everything that can be read of a ledger.
async fn everything<L: Ledger>(ledger: &L) -> String {
    let mut all = vec![shown(ledger.acds().await), shown(ledger.counts(None).await)];
    for number in 1..=ACDS {
        all.push(shown(ledger.cursor(&acd(number), "events").await));
        all.push(shown(ledger.next_due(Some(&acd(number))).await));
        for of in 1..=LEGS {
            all.push(shown(ledger.get(&acd(number), leg(of)).await));
            all.push(shown(ledger.history(&acd(number), leg(of)).await));
            let session = found(&acd(number), of, 0).contact.leg.session_id();
            all.push(shown(
                ledger.find_session_siblings(&acd(number), &session).await,
            ));
        }
    }
    let recording = "RE00000000000000000000000000000001".parse().unwrap();
    all.push(shown(ledger.legs_of_recording(recording).await));
    all.push(shown(ledger.backfills(false).await));
    all.push(shown(ledger.wishes(false, 50).await));
    all.push(shown(ledger.wishes(true, 3).await));
    let mut page = PageRequest::first(5);
    loop {
        let found = ledger.list(&ContactFilter::default(), &page).await.unwrap();
        all.push(format!(
            "{:?}",
            found
                .contacts
                .iter()
                .map(ContactRow::leg)
                .collect::<Vec<_>>()
        ));
        page.after = found.next;
        if page.after.is_none() {
            return all.join("\n");
        }
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
    let mut now = at(0);
    for number in 1..=ACDS {
        ask(&file, &Ask::Register { acd: number }, now).await;
        ask(&reference, &Ask::Register { acd: number }, now).await;
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
            _ => {
                let (of_file, of_reference) =
                    (ask(&file, one, now).await, ask(&reference, one, now).await);
                assert_eq!(of_file, of_reference, "answer {place}: {one:?}");
            }
        }
        assert_eq!(
            everything(&file).await,
            everything(&reference).await,
            "after {place}: {one:?}"
        );
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
