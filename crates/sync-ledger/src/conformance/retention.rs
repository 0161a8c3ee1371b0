//! The rules of [`RetentionStore`](crate::RetentionStore).

use chrono::TimeDelta;
use contact_model::ParkReason;

use super::contacts::discover;
use super::fixture::{acd, at, details, excluded, found, leg, linked, parked, recording};
use crate::{
    CursorId, Ledger, NewLeg, Outcome, Pruned, Retention, Schedule, StoredDetails, Wish, keep,
};

super::cases![
    details_go_first_and_rows_later,
    what_is_not_finished_keeps_everything,
    no_more_than_the_limit_goes_at_once,
    what_somebody_works_on_stays,
    settled_wishes_and_closed_backfills_go_with_the_rows,
];

const RETENTION: Retention = Retention {
    details: TimeDelta::seconds(100),
    rows: TimeDelta::seconds(1000),
};

/// Discovers these legs with details and finishes them at second 10.
async fn finished<L: Ledger>(ledger: &L, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        let new = NewLeg {
            details: Some(details(number)),
            ..found(&acd(1), number, 0)
        };
        discover(ledger, vec![new]).await;
        let row = ledger.get(&acd(1), leg(number)).await.unwrap().unwrap().row;
        let with_media = linked(row.contact.clone(), &[recording(number)]);
        ledger
            .save(row.change(with_media, Schedule::at(at(1)), at(5)))
            .await
            .unwrap();
        let row = ledger.get(&acd(1), leg(number)).await.unwrap().unwrap().row;
        ledger
            .save(row.change(excluded(row.contact.clone()), Schedule::rest(), at(10)))
            .await
            .unwrap();
    }
}

async fn details_go_first_and_rows_later<L: Ledger>(ledger: L) {
    finished(&ledger, 1..=1).await;
    let nothing = Pruned::default();
    assert_eq!(
        ledger.prune(at(109), &RETENTION, 10).await.unwrap(),
        nothing
    );
    assert_eq!(
        ledger.prune(at(110), &RETENTION, 10).await.unwrap(),
        Pruned {
            details: 1,
            ..nothing
        }
    );
    assert_eq!(
        ledger.prune(at(111), &RETENTION, 10).await.unwrap(),
        nothing
    );
    let kept = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap();
    assert_eq!(kept.details, StoredDetails::Dropped { at: at(110) });
    assert_eq!(ledger.history(&acd(1), leg(1)).await.unwrap().len(), 3);
    assert_eq!(
        ledger.prune(at(1009), &RETENTION, 10).await.unwrap(),
        nothing
    );
    assert_eq!(
        ledger.prune(at(1010), &RETENTION, 10).await.unwrap(),
        Pruned {
            contacts: 1,
            ..nothing
        }
    );
    assert_eq!(ledger.get(&acd(1), leg(1)).await.unwrap(), None);
    assert_eq!(ledger.history(&acd(1), leg(1)).await.unwrap(), []);
    assert_eq!(ledger.legs_of_recording(recording(1)).await.unwrap(), []);
}

async fn what_is_not_finished_keeps_everything<L: Ledger>(ledger: L) {
    let new = |number| NewLeg {
        details: Some(details(number)),
        ..found(&acd(1), number, 0)
    };
    discover(&ledger, vec![new(1), new(2)]).await;
    let row = ledger.get(&acd(1), leg(2)).await.unwrap().unwrap().row;
    let aside = parked(row.contact.clone(), ParkReason::NoMedia);
    ledger
        .save(row.change(aside, Schedule::rest(), at(10)))
        .await
        .unwrap();
    assert_eq!(
        ledger.prune(at(1_000_000), &RETENTION, 10).await.unwrap(),
        Pruned::default()
    );
    for number in [1, 2] {
        let kept = ledger.get(&acd(1), leg(number)).await.unwrap().unwrap();
        assert_eq!(kept.details, StoredDetails::Present(details(number)));
    }
}

async fn no_more_than_the_limit_goes_at_once<L: Ledger>(ledger: L) {
    finished(&ledger, 1..=5).await;
    let mut dropped = Vec::new();
    loop {
        let pruned = ledger.prune(at(200), &RETENTION, 2).await.unwrap();
        dropped.push(pruned.details);
        if !pruned.more {
            break;
        }
    }
    assert_eq!(dropped, [2, 2, 1]);
}

async fn what_somebody_works_on_stays<L: Ledger>(ledger: L) {
    finished(&ledger, 1..=1).await;
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    ledger
        .save(row.change(row.contact.clone(), Schedule::at(at(20)), at(20)))
        .await
        .unwrap();
    ledger.claim_due(None, at(5000), 1, at(6000)).await.unwrap();
    assert_eq!(
        ledger.prune(at(5999), &RETENTION, 10).await.unwrap(),
        Pruned::default()
    );
    assert_eq!(
        ledger
            .prune(at(6000), &RETENTION, 10)
            .await
            .unwrap()
            .contacts,
        1
    );
}

async fn settled_wishes_and_closed_backfills_go_with_the_rows<L: Ledger>(ledger: L) {
    ledger.register(&acd(1), "an acd").await.unwrap();
    let settled = ledger
        .put(
            &Wish::RetryContact {
                acd: acd(1),
                leg: leg(1),
            },
            at(0),
        )
        .await
        .unwrap();
    let claimed = ledger.claim_wish(&[], at(0), at(9)).await.unwrap().unwrap();
    ledger
        .settle_wish(&claimed, Outcome::Done(String::new()), at(10))
        .await
        .unwrap();
    let waiting = ledger
        .put(
            &Wish::RetryContact {
                acd: acd(1),
                leg: leg(2),
            },
            at(0),
        )
        .await
        .unwrap();
    let open = ledger
        .begin_backfill(&acd(1), at(0), at(5), at(0))
        .await
        .unwrap();
    let closed = ledger
        .begin_backfill(&acd(1), at(0), at(6), at(0))
        .await
        .unwrap();
    let cursor = CursorId::Backfill(closed.id);
    let through = crate::Advance {
        cursor,
        from: Some(at(0)),
        to: at(6),
        legs: vec![],
        at: at(10),
    };
    ledger.advance(through, &keep).await.unwrap();
    assert_eq!(
        ledger.prune(at(1009), &RETENTION, 10).await.unwrap(),
        Pruned::default()
    );
    let pruned = ledger.prune(at(1010), &RETENTION, 10).await.unwrap();
    assert_eq!(
        pruned,
        Pruned {
            wishes: 1,
            backfills: 1,
            ..Pruned::default()
        }
    );
    assert_eq!(ledger.wish(settled).await.unwrap(), None);
    assert!(ledger.wish(waiting).await.unwrap().is_some());
    assert_eq!(ledger.backfills(false).await.unwrap(), [open]);
}
