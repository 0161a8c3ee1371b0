//! The rules of [`CursorStore`](crate::CursorStore).

use contact_model::{LegId, ParkReason, StageName};

use super::contacts::discover;
use super::fixture::{acd, at, contact, details, found, leg, parked};
use crate::{
    Advance, BackfillId, BackfillState, ContactRecord, CursorId, DetailsChange, Ledger,
    LedgerError, NewLeg, Schedule, StoredDetails, Update, keep,
};

super::cases![
    a_cursor_moves_with_what_it_passed,
    a_cursor_that_moved_is_not_moved_from_its_old_place,
    a_cursor_never_goes_back,
    a_step_that_fails_leaves_neither_legs_nor_cursor,
    streams_and_acds_have_cursors_of_their_own,
    a_leg_is_written_down_once,
    a_known_leg_is_updated_only_as_the_caller_decides,
    an_update_keeps_the_lease_and_tells_its_holder,
    an_update_cannot_make_another_leg_of_it,
    a_backfill_goes_from_end_to_end_beside_the_live_cursor,
    a_backfill_of_the_same_range_goes_on_where_it_stopped,
    a_backfill_stays_within_its_range,
    a_cancelled_backfill_goes_no_further,
];

fn live(stream: &str) -> CursorId {
    CursorId::Live {
        acd: acd(1),
        stream: stream.into(),
    }
}

fn step(cursor: CursorId, from: Option<i64>, to: i64, legs: Vec<NewLeg>) -> Advance {
    Advance {
        cursor,
        from: from.map(at),
        to: at(to),
        legs,
        at: at(to + 120),
    }
}

async fn registered<L: Ledger>(ledger: &L) {
    for number in [1, 2] {
        ledger.register(&acd(number), "an acd").await.unwrap();
    }
}

async fn a_cursor_moves_with_what_it_passed<L: Ledger>(ledger: L) {
    registered(&ledger).await;
    assert_eq!(ledger.cursor(&acd(1), "events").await.unwrap(), None);
    let legs = vec![
        found(&acd(1), 1, 0),
        NewLeg {
            details: Some(details(2)),
            ..found(&acd(1), 2, 9)
        },
    ];
    let advanced = ledger
        .advance(step(live("events"), None, 60, legs), &keep)
        .await
        .unwrap();
    assert_eq!(
        (advanced.new, advanced.known, advanced.updated),
        (vec![leg(1), leg(2)], 0, 0)
    );
    let cursor = ledger.cursor(&acd(1), "events").await.unwrap().unwrap();
    assert_eq!((cursor.position, cursor.moved_at), (at(60), at(180)));
    let known = ledger.get(&acd(1), leg(2)).await.unwrap().unwrap();
    assert_eq!(known.row.contact, contact(&acd(1), 2));
    assert_eq!(
        (known.row.discovered_at, known.row.schedule.due_at),
        (at(180), Some(at(9)))
    );
    assert_eq!(known.details, StoredDetails::Present(details(2)));
    // Where nothing happened, it moves all the same; and may stand still.
    ledger
        .advance(step(live("events"), Some(60), 120, vec![]), &keep)
        .await
        .unwrap();
    ledger
        .advance(step(live("events"), Some(120), 120, vec![]), &keep)
        .await
        .unwrap();
    assert_eq!(
        ledger
            .cursor(&acd(1), "events")
            .await
            .unwrap()
            .unwrap()
            .position,
        at(120)
    );
}

async fn a_cursor_that_moved_is_not_moved_from_its_old_place<L: Ledger>(ledger: L) {
    registered(&ledger).await;
    ledger
        .advance(step(live("events"), None, 60, vec![]), &keep)
        .await
        .unwrap();
    for from in [None, Some(30), Some(90)] {
        let stale = step(live("events"), from, 120, vec![found(&acd(1), 1, 0)]);
        let error = ledger.advance(stale, &keep).await.unwrap_err();
        assert!(
            matches!(&error, LedgerError::CursorMoved { found: Some(found), .. } if *found == at(60)),
            "{error}"
        );
        assert!(error.is_conflict());
    }
    assert_eq!(ledger.get(&acd(1), leg(1)).await.unwrap(), None);
    let early = step(live("other"), Some(30), 60, vec![]);
    assert!(matches!(
        ledger.advance(early, &keep).await,
        Err(LedgerError::CursorMoved { found: None, .. })
    ));
}

async fn a_cursor_never_goes_back<L: Ledger>(ledger: L) {
    registered(&ledger).await;
    ledger
        .advance(step(live("events"), None, 60, vec![]), &keep)
        .await
        .unwrap();
    let back = step(live("events"), Some(60), 59, vec![]);
    assert!(matches!(
        ledger.advance(back, &keep).await,
        Err(LedgerError::NotForward { .. })
    ));
    assert_eq!(
        ledger
            .cursor(&acd(1), "events")
            .await
            .unwrap()
            .unwrap()
            .position,
        at(60)
    );
}

async fn a_step_that_fails_leaves_neither_legs_nor_cursor<L: Ledger>(ledger: L) {
    registered(&ledger).await;
    // The second leg belongs elsewhere: the first must not stay.
    let legs = vec![found(&acd(1), 1, 0), found(&acd(2), 2, 0)];
    let error = ledger
        .advance(step(live("events"), None, 60, legs), &keep)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, LedgerError::ForeignLeg { leg: stray, expected, found }
        if *stray == leg(2) && **expected == acd(1) && **found == acd(2)),
        "{error}"
    );
    assert_eq!(ledger.cursor(&acd(1), "events").await.unwrap(), None);
    assert_eq!(ledger.get(&acd(1), leg(1)).await.unwrap(), None);
    assert_eq!(ledger.counts(None).await.unwrap(), []);
}

async fn streams_and_acds_have_cursors_of_their_own<L: Ledger>(ledger: L) {
    registered(&ledger).await;
    ledger
        .advance(step(live("events"), None, 60, vec![]), &keep)
        .await
        .unwrap();
    ledger
        .advance(step(live("reservations"), None, 90, vec![]), &keep)
        .await
        .unwrap();
    let other = CursorId::Live {
        acd: acd(2),
        stream: "events".into(),
    };
    ledger
        .advance(step(other, None, 30, vec![found(&acd(2), 1, 0)]), &keep)
        .await
        .unwrap();
    let position = async |number, stream| {
        ledger
            .cursor(&acd(number), stream)
            .await
            .unwrap()
            .unwrap()
            .position
    };
    assert_eq!(position(1, "events").await, at(60));
    assert_eq!(position(1, "reservations").await, at(90));
    assert_eq!(position(2, "events").await, at(30));
    assert_eq!(ledger.get(&acd(1), leg(1)).await.unwrap(), None);
}

async fn a_leg_is_written_down_once<L: Ledger>(ledger: L) {
    registered(&ledger).await;
    let twice = vec![found(&acd(1), 1, 0), found(&acd(1), 1, 0)];
    let advanced = ledger
        .advance(step(live("events"), None, 60, twice), &keep)
        .await
        .unwrap();
    assert_eq!((advanced.new, advanced.known), (vec![leg(1)], 0));
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let next = parked(row.contact.clone(), ParkReason::NoMedia);
    ledger
        .save(row.change(next, Schedule::rest(), at(70)))
        .await
        .unwrap();
    let before = ledger.get(&acd(1), leg(1)).await.unwrap();
    let again = vec![
        found(&acd(1), 1, 0),
        found(&acd(1), 1, 0),
        found(&acd(1), 2, 0),
    ];
    let advanced = ledger
        .advance(step(live("events"), Some(60), 120, again), &keep)
        .await
        .unwrap();
    assert_eq!(
        (advanced.new, advanced.known, advanced.updated),
        (vec![leg(2)], 1, 0)
    );
    assert_eq!(ledger.get(&acd(1), leg(1)).await.unwrap(), before);
}

async fn a_known_leg_is_updated_only_as_the_caller_decides<L: Ledger>(ledger: L) {
    discover(
        &ledger,
        vec![
            NewLeg {
                details: Some(details(1)),
                ..found(&acd(1), 1, 5)
            },
            found(&acd(1), 2, 5),
        ],
    )
    .await;
    let newer = |known: &ContactRecord, new: &NewLeg| {
        (known.row.leg() == leg(1)).then(|| {
            assert_eq!(known.details, StoredDetails::Present(details(1)));
            Update {
                contact: known.row.contact.clone(),
                schedule: Schedule::at(at(3)),
                details: new
                    .details
                    .clone()
                    .map_or(DetailsChange::Keep, DetailsChange::Replace),
                note: Some("attributes changed".into()),
                tell: None,
            }
        })
    };
    let before = ledger.get(&acd(1), leg(2)).await.unwrap();
    let legs = vec![
        NewLeg {
            details: Some(details(9)),
            ..found(&acd(1), 1, 5)
        },
        found(&acd(1), 2, 7),
    ];
    let advanced = ledger
        .advance(step(live("events"), Some(0), 60, legs), &newer)
        .await
        .unwrap();
    assert_eq!(
        (advanced.new.len(), advanced.known, advanced.updated),
        (0, 2, 1)
    );
    let updated = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap();
    assert_eq!(updated.details, StoredDetails::Present(details(9)));
    assert_eq!(
        (updated.row.schedule.due_at, updated.row.stage_since),
        (Some(at(3)), at(0))
    );
    assert_eq!(ledger.get(&acd(1), leg(2)).await.unwrap(), before);
    let notes: Vec<_> = ledger
        .history(&acd(1), leg(1))
        .await
        .unwrap()
        .into_iter()
        .map(|step| step.note)
        .collect();
    assert_eq!(notes, [None, Some("attributes changed".to_owned())]);
}

async fn an_update_keeps_the_lease_and_tells_its_holder<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let held = ledger
        .claim_due(None, at(1), 1, at(100))
        .await
        .unwrap()
        .contacts
        .remove(0)
        .row;
    let update = |known: &ContactRecord, _: &NewLeg| {
        let contact = parked(known.row.contact.clone(), ParkReason::EventsGone);
        Some(Update {
            contact,
            schedule: Schedule::rest(),
            details: DetailsChange::Keep,
            note: None,
            tell: None,
        })
    };
    let again = step(live("events"), Some(0), 60, vec![found(&acd(1), 1, 0)]);
    assert_eq!(ledger.advance(again, &update).await.unwrap().updated, 1);
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    assert_eq!(
        (row.lease_until, row.contact.stage.name()),
        (Some(at(100)), StageName::Parked)
    );
    let change = held.change(held.contact.clone(), Schedule::at(at(5)), at(5));
    assert!(ledger.save(change).await.unwrap_err().is_conflict());
}

async fn an_update_cannot_make_another_leg_of_it<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let before = ledger.get(&acd(1), leg(1)).await.unwrap();
    for stray in [contact(&acd(1), 2), contact(&acd(2), 1)] {
        let update = move |_: &ContactRecord, _: &NewLeg| {
            let contact = stray.clone();
            Some(Update {
                contact,
                schedule: Schedule::at(at(1)),
                details: DetailsChange::Keep,
                note: None,
                tell: None,
            })
        };
        let again = step(live("events"), Some(0), 60, vec![found(&acd(1), 1, 0)]);
        assert!(matches!(
            ledger.advance(again, &update).await,
            Err(LedgerError::ForeignLeg { .. })
        ));
    }
    assert_eq!(ledger.get(&acd(1), leg(1)).await.unwrap(), before);
}

async fn a_backfill_goes_from_end_to_end_beside_the_live_cursor<L: Ledger>(ledger: L) {
    registered(&ledger).await;
    ledger
        .advance(
            step(live("events"), None, 900, vec![found(&acd(1), 1, 0)]),
            &keep,
        )
        .await
        .unwrap();
    let begun = ledger
        .begin_backfill(&acd(1), at(0), at(300), at(1000))
        .await
        .unwrap();
    assert_eq!(
        (begun.position, begun.state, &begun.acd),
        (at(0), BackfillState::Open, &acd(1))
    );
    assert_eq!(
        (begun.from, begun.to, begun.created_at),
        (at(0), at(300), at(1000))
    );
    let first = vec![found(&acd(1), 1, 0), found(&acd(1), 2, 0)];
    ledger
        .advance(
            step(CursorId::Backfill(begun.id), Some(0), 200, first),
            &keep,
        )
        .await
        .unwrap();
    let half = ledger.backfill(begun.id).await.unwrap().unwrap();
    assert_eq!(
        (half.position, half.state, half.legs_new, half.legs_known),
        (at(200), BackfillState::Open, 1, 1)
    );
    assert_eq!(half.moved_at, at(320));
    ledger
        .advance(
            step(
                CursorId::Backfill(begun.id),
                Some(200),
                300,
                vec![found(&acd(1), 3, 0)],
            ),
            &keep,
        )
        .await
        .unwrap();
    let done = ledger.backfill(begun.id).await.unwrap().unwrap();
    assert_eq!(
        (done.position, done.state, done.legs_new),
        (at(300), BackfillState::Done, 2)
    );
    assert_eq!(
        ledger
            .cursor(&acd(1), "events")
            .await
            .unwrap()
            .unwrap()
            .position,
        at(900)
    );
    let after = ledger
        .advance(
            step(CursorId::Backfill(begun.id), Some(300), 300, vec![]),
            &keep,
        )
        .await;
    assert!(matches!(
        after,
        Err(LedgerError::BackfillClosed { state: "done", .. })
    ));
    assert_eq!(ledger.backfills(true).await.unwrap(), []);
    assert_eq!(ledger.backfills(false).await.unwrap(), [done]);
}

async fn a_backfill_of_the_same_range_goes_on_where_it_stopped<L: Ledger>(ledger: L) {
    registered(&ledger).await;
    let begun = ledger
        .begin_backfill(&acd(1), at(0), at(300), at(1000))
        .await
        .unwrap();
    ledger
        .advance(
            step(CursorId::Backfill(begun.id), Some(0), 100, vec![]),
            &keep,
        )
        .await
        .unwrap();
    let again = ledger
        .begin_backfill(&acd(1), at(0), at(300), at(2000))
        .await
        .unwrap();
    assert_eq!(
        (again.id, again.position, again.created_at),
        (begun.id, at(100), at(1000))
    );
    let others = [
        ledger
            .begin_backfill(&acd(1), at(0), at(301), at(2000))
            .await
            .unwrap()
            .id,
        ledger
            .begin_backfill(&acd(2), at(0), at(300), at(2000))
            .await
            .unwrap()
            .id,
    ];
    let open: Vec<BackfillId> = ledger
        .backfills(true)
        .await
        .unwrap()
        .into_iter()
        .map(|open| open.id)
        .collect();
    assert_eq!(open, [begun.id, others[0], others[1]]);
    // Once it is through, the same range begins anew.
    ledger
        .advance(
            step(CursorId::Backfill(begun.id), Some(100), 300, vec![]),
            &keep,
        )
        .await
        .unwrap();
    let anew = ledger
        .begin_backfill(&acd(1), at(0), at(300), at(3000))
        .await
        .unwrap();
    assert_ne!(anew.id, begun.id);
    assert_eq!(anew.position, at(0));
}

async fn a_backfill_stays_within_its_range<L: Ledger>(ledger: L) {
    registered(&ledger).await;
    for (from, to) in [(10, 10), (10, 9)] {
        let empty = ledger
            .begin_backfill(&acd(1), at(from), at(to), at(0))
            .await;
        assert!(matches!(empty, Err(LedgerError::NotForward { .. })));
    }
    let begun = ledger
        .begin_backfill(&acd(1), at(0), at(300), at(0))
        .await
        .unwrap();
    let cursor = CursorId::Backfill(begun.id);
    let refuse = async |from, to| {
        let legs = vec![found(&acd(1), 1, 0)];
        ledger
            .advance(step(cursor.clone(), from, to, legs), &keep)
            .await
            .unwrap_err()
    };
    assert!(matches!(
        refuse(Some(0), 301).await,
        LedgerError::NotForward { .. }
    ));
    assert!(matches!(
        refuse(Some(50), 100).await,
        LedgerError::CursorMoved { .. }
    ));
    assert!(matches!(
        refuse(None, 100).await,
        LedgerError::CursorMoved { .. }
    ));
    assert_eq!(ledger.get(&acd(1), leg(1)).await.unwrap(), None);
    assert_eq!(
        ledger.backfill(begun.id).await.unwrap(),
        Some(begun.clone())
    );
    let unknown = BackfillId(begun.id.0 + 1);
    assert_eq!(ledger.backfill(unknown).await.unwrap(), None);
    let error = ledger
        .advance(step(CursorId::Backfill(unknown), Some(0), 1, vec![]), &keep)
        .await
        .unwrap_err();
    assert!(
        matches!(error, LedgerError::UnknownBackfill { .. }),
        "{error}"
    );
}

async fn a_cancelled_backfill_goes_no_further<L: Ledger>(ledger: L) {
    registered(&ledger).await;
    let begun = ledger
        .begin_backfill(&acd(1), at(0), at(300), at(0))
        .await
        .unwrap();
    ledger
        .advance(
            step(
                CursorId::Backfill(begun.id),
                Some(0),
                100,
                vec![found(&acd(1), 1, 0)],
            ),
            &keep,
        )
        .await
        .unwrap();
    let cancelled = ledger.cancel_backfill(begun.id, at(500)).await.unwrap();
    assert_eq!(
        (cancelled.state, cancelled.position, cancelled.moved_at),
        (BackfillState::Cancelled, at(100), at(500))
    );
    assert_eq!(
        ledger.cancel_backfill(begun.id, at(600)).await.unwrap(),
        cancelled
    );
    let error = ledger
        .advance(
            step(CursorId::Backfill(begun.id), Some(100), 200, vec![]),
            &keep,
        )
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            LedgerError::BackfillClosed {
                state: "cancelled",
                ..
            }
        ),
        "{error}"
    );
    let known: Option<LegId> = ledger
        .get(&acd(1), leg(1))
        .await
        .unwrap()
        .map(|known| known.row.leg());
    assert_eq!(known, Some(leg(1)));
    let unknown = ledger.cancel_backfill(BackfillId(99), at(0)).await;
    assert!(matches!(
        unknown,
        Err(LedgerError::UnknownBackfill { id: 99 })
    ));
}
