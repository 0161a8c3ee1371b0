//! The rules of [`ContactStore`](crate::ContactStore) and [`AcdStore`](crate::AcdStore).

use contact_model::{LegId, ParkKind, ParkReason, SessionId, StageName};

use super::fixture::{acd, at, contact, details, excluded, found, leg, linked, parked, recording};
use crate::{
    Advance, ContactFilter, ContactRow, CursorId, DetailsChange, Ledger, LedgerError, NewLeg,
    Outcome, PageRequest, Schedule, StoredDetails, Wish, keep,
};

super::cases![
    a_renamed_acd_is_the_same,
    what_was_never_registered_is_refused,
    a_saved_change_is_what_is_read,
    a_change_of_an_old_version_is_refused_and_writes_nothing,
    a_contact_on_its_way_must_be_due,
    a_claim_is_exclusive_until_its_lease_runs_out,
    a_claim_takes_the_oldest_first_and_nothing_that_is_not_due,
    acds_take_turns,
    one_that_is_always_due_starves_no_other,
    a_lease_can_be_extended_and_given_back_by_its_holder_alone,
    a_change_can_keep_the_lease,
    every_lease_ends_when_the_next_worker_starts,
    the_next_due_time_counts_leases,
    history_has_a_row_for_each_step_and_each_note,
    details_are_kept_replaced_and_dropped,
    lists_are_filtered,
    lists_are_paged_without_gap_or_repetition,
    counts_are_by_acd_stage_and_reason,
    what_a_contact_waits_for_is_kept_counted_and_replaced,
    siblings_share_a_session,
    a_recording_knows_every_leg_that_ever_used_it,
    times_are_kept_to_the_millisecond,
];

/// Writes down these legs for the ACD of each, which is registered first.
pub(super) async fn discover<L: Ledger>(ledger: &L, legs: Vec<NewLeg>) {
    for new in legs {
        let acd = new.contact.leg.acd.clone();
        ledger.register(&acd, "an acd").await.unwrap();
        let cursor = CursorId::Live {
            acd: acd.clone(),
            stream: "events".into(),
        };
        let from = ledger
            .cursor(&acd, "events")
            .await
            .unwrap()
            .map(|cursor| cursor.position);
        let step = Advance {
            cursor,
            from,
            to: from.unwrap_or(at(0)),
            legs: vec![new],
            at: at(0),
        };
        ledger.advance(step, &keep).await.unwrap();
    }
}

async fn row<L: Ledger>(ledger: &L, number: u32) -> ContactRow {
    ledger
        .get(&acd(1), leg(number))
        .await
        .unwrap()
        .expect("the contact is known")
        .row
}

fn legs_of(claimed: &crate::Claimed) -> Vec<LegId> {
    claimed
        .contacts
        .iter()
        .map(|record| record.row.leg())
        .collect()
}

async fn a_renamed_acd_is_the_same<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0), found(&acd(2), 1, 0)]).await;
    ledger.register(&acd(1), "Sales").await.unwrap();
    let acds = ledger.acds().await.unwrap();
    let shown: Vec<_> = acds
        .iter()
        .map(|row| (row.key.clone(), row.name.as_str(), row.unfinished))
        .collect();
    assert_eq!(shown, [(acd(1), "Sales", 1), (acd(2), "an acd", 1)]);
    assert!(ledger.get(&acd(1), leg(1)).await.unwrap().is_some());
}

async fn what_was_never_registered_is_refused<L: Ledger>(ledger: L) {
    let cursor = CursorId::Live {
        acd: acd(1),
        stream: "events".into(),
    };
    let step = Advance {
        cursor,
        from: None,
        to: at(1),
        legs: vec![],
        at: at(0),
    };
    let error = ledger.advance(step, &keep).await.unwrap_err();
    assert!(
        matches!(&error, LedgerError::UnknownAcd { acd: unknown } if **unknown == acd(1)),
        "{error}"
    );
    assert!(matches!(
        ledger.claim_due(Some(&acd(1)), at(0), 1, at(1)).await,
        Err(LedgerError::UnknownAcd { .. })
    ));
    assert_eq!(ledger.get(&acd(1), leg(1)).await.unwrap(), None);
    ledger.register(&acd(1), "Sales").await.unwrap();
    discover(&ledger, vec![found(&acd(2), 1, 0)]).await;
    let known = ledger.get(&acd(2), leg(1)).await.unwrap().unwrap();
    let stray = known
        .row
        .change(contact(&acd(1), 1), Schedule::at(at(1)), at(0));
    assert!(
        matches!(ledger.save(stray).await, Err(LedgerError::UnknownLeg { leg: unknown, .. }) if unknown == leg(1))
    );
}

async fn a_saved_change_is_what_is_read<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 5)]).await;
    let before = row(&ledger, 1).await;
    assert_eq!(before.contact, contact(&acd(1), 1));
    assert_eq!(
        (before.schedule, before.discovered_at, before.stage_since),
        (Schedule::at(at(5)), at(0), at(0))
    );
    let next = linked(before.contact.clone(), &[recording(1)]);
    let schedule = Schedule {
        due_at: Some(at(90)),
        attempts: 3,
        backoff: 2,
    };
    let version = ledger
        .save(before.change(next.clone(), schedule, at(9)))
        .await
        .unwrap();
    let after = row(&ledger, 1).await;
    assert_eq!(after.contact, next);
    assert_eq!(
        (after.version, after.schedule, after.stage_since),
        (version, schedule, at(9))
    );
    assert_eq!((after.discovered_at, after.finished_at), (at(0), None));
    let done = after.change(excluded(next), Schedule::rest(), at(11));
    ledger.save(done).await.unwrap();
    let after = row(&ledger, 1).await;
    assert_eq!(
        (after.finished_at, after.schedule),
        (Some(at(11)), Schedule::rest())
    );
    // Still finished, since the same time.
    let same = after.change(after.contact.clone(), Schedule::rest(), at(15));
    ledger.save(same).await.unwrap();
    let after = row(&ledger, 1).await;
    assert_eq!(
        (after.finished_at, after.stage_since),
        (Some(at(11)), at(11))
    );
}

async fn a_change_of_an_old_version_is_refused_and_writes_nothing<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let old = row(&ledger, 1).await;
    let claimed = ledger
        .claim_due(None, at(1), 1, at(9))
        .await
        .unwrap()
        .contacts
        .remove(0)
        .row;
    let change = |row: &ContactRow| {
        row.change(
            parked(row.contact.clone(), ParkReason::NoMedia),
            Schedule::rest(),
            at(2),
        )
        .details(details(1))
    };
    let error = ledger.save(change(&old)).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert!(
        matches!(error, LedgerError::Conflict { expected, found, .. }
        if expected == old.version && found == claimed.version)
    );
    assert_eq!(row(&ledger, 1).await, claimed);
    assert_eq!(ledger.history(&acd(1), leg(1)).await.unwrap().len(), 1);
    ledger.save(change(&claimed)).await.unwrap();
    assert!(
        ledger
            .save(change(&claimed))
            .await
            .unwrap_err()
            .is_conflict()
    );
}

async fn a_contact_on_its_way_must_be_due<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let before = row(&ledger, 1).await;
    let forgotten = before.change(linked(before.contact.clone(), &[]), Schedule::rest(), at(2));
    let error = ledger.save(forgotten).await.unwrap_err();
    assert!(
        matches!(
            error,
            LedgerError::NeverDue {
                stage: StageName::Linked,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(row(&ledger, 1).await, before);
    let never = NewLeg {
        schedule: Schedule::rest(),
        ..found(&acd(1), 2, 0)
    };
    let cursor = CursorId::Live {
        acd: acd(1),
        stream: "events".into(),
    };
    let step = Advance {
        cursor,
        from: Some(at(0)),
        to: at(7),
        legs: vec![never],
        at: at(0),
    };
    assert!(matches!(
        ledger.advance(step, &keep).await,
        Err(LedgerError::NeverDue { .. })
    ));
    assert_eq!(
        ledger
            .cursor(&acd(1), "events")
            .await
            .unwrap()
            .unwrap()
            .position,
        at(0)
    );
}

async fn a_claim_is_exclusive_until_its_lease_runs_out<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let first = ledger.claim_due(None, at(10), 5, at(20)).await.unwrap();
    assert_eq!(legs_of(&first), [leg(1)]);
    assert_eq!(first.contacts[0].row.lease_until, Some(at(20)));
    assert_eq!(
        legs_of(&ledger.claim_due(None, at(19), 5, at(30)).await.unwrap()),
        []
    );
    let second = ledger.claim_due(None, at(20), 5, at(30)).await.unwrap();
    assert_eq!(legs_of(&second), [leg(1)]);
    // The first holder is late.
    let late = &first.contacts[0].row;
    let change = late.change(late.contact.clone(), Schedule::at(at(99)), at(21));
    assert!(ledger.save(change).await.unwrap_err().is_conflict());
    let held = &second.contacts[0].row;
    ledger
        .save(held.change(held.contact.clone(), Schedule::at(at(50)), at(21)))
        .await
        .unwrap();
    assert_eq!(row(&ledger, 1).await.lease_until, None);
    assert_eq!(
        legs_of(&ledger.claim_due(None, at(49), 5, at(60)).await.unwrap()),
        []
    );
    assert_eq!(
        legs_of(&ledger.claim_due(None, at(50), 5, at(60)).await.unwrap()),
        [leg(1)]
    );
}

async fn a_claim_takes_the_oldest_first_and_nothing_that_is_not_due<L: Ledger>(ledger: L) {
    let dues = [30, 10, 20, 10, 99];
    let legs = (1..)
        .zip(dues)
        .map(|(number, due)| found(&acd(1), number, due))
        .collect();
    discover(&ledger, legs).await;
    let claimed = ledger
        .claim_due(Some(&acd(1)), at(40), 3, at(50))
        .await
        .unwrap();
    assert_eq!(legs_of(&claimed), [leg(2), leg(4), leg(3)]);
    assert_eq!(claimed.unreadable, []);
    assert_eq!(
        legs_of(&ledger.claim_due(None, at(40), 3, at(50)).await.unwrap()),
        [leg(1)]
    );
    assert_eq!(
        legs_of(&ledger.claim_due(None, at(40), 0, at(50)).await.unwrap()),
        []
    );
}

async fn acds_take_turns<L: Ledger>(ledger: L) {
    // The first ACD has an old backlog, the second has little and recent work.
    let mut legs: Vec<_> = (1..=6).map(|number| found(&acd(1), number, 0)).collect();
    legs.extend((11..=12).map(|number| found(&acd(2), number, 30)));
    discover(&ledger, legs).await;
    let both = ledger.claim_due(None, at(40), 4, at(50)).await.unwrap();
    assert_eq!(legs_of(&both), [leg(1), leg(11), leg(2), leg(12)]);
    // One at a time, too: what was served last waits.
    discover(&ledger, vec![found(&acd(2), 13, 35)]).await;
    let mut served = Vec::new();
    for _ in 0..4 {
        served.extend(legs_of(
            &ledger.claim_due(None, at(40), 1, at(50)).await.unwrap(),
        ));
    }
    assert_eq!(served, [leg(3), leg(13), leg(4), leg(5)]);
}

async fn one_that_is_always_due_starves_no_other<L: Ledger>(ledger: L) {
    discover(
        &ledger,
        (1..=3).map(|number| found(&acd(1), number, 0)).collect(),
    )
    .await;
    let mut served = Vec::new();
    for now in 10..13 {
        let claimed = ledger
            .claim_due(None, at(now), 1, at(now + 100))
            .await
            .unwrap();
        served.extend(legs_of(&claimed));
        // It wants attention at once, again and again.
        let row = &claimed.contacts[0].row;
        ledger
            .save(row.change(row.contact.clone(), Schedule::at(at(now)), at(now)))
            .await
            .unwrap();
    }
    assert_eq!(served, [leg(1), leg(2), leg(3)]);
}

async fn a_lease_can_be_extended_and_given_back_by_its_holder_alone<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let unclaimed = row(&ledger, 1).await.version;
    let refused = ledger
        .release(&acd(1), leg(1), unclaimed)
        .await
        .unwrap_err();
    assert!(refused.is_conflict(), "{refused}");
    let held = ledger
        .claim_due(None, at(1), 1, at(10))
        .await
        .unwrap()
        .contacts
        .remove(0)
        .row;
    ledger
        .extend_lease(&acd(1), leg(1), held.version, at(30))
        .await
        .unwrap();
    assert_eq!(
        legs_of(&ledger.claim_due(None, at(29), 1, at(40)).await.unwrap()),
        []
    );
    assert!(
        ledger
            .extend_lease(&acd(1), leg(1), unclaimed, at(99))
            .await
            .unwrap_err()
            .is_conflict()
    );
    ledger.release(&acd(1), leg(1), held.version).await.unwrap();
    let free = row(&ledger, 1).await;
    assert_eq!(
        (free.lease_until, free.schedule, free.version),
        (None, held.schedule, held.version)
    );
    assert_eq!(
        legs_of(&ledger.claim_due(None, at(2), 1, at(40)).await.unwrap()),
        [leg(1)]
    );
    assert!(matches!(
        ledger.release(&acd(1), leg(2), 1).await,
        Err(LedgerError::UnknownLeg { .. })
    ));
}

async fn a_change_can_keep_the_lease<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let held = ledger
        .claim_due(None, at(1), 1, at(30))
        .await
        .unwrap()
        .contacts
        .remove(0)
        .row;
    let mut change = held.change(
        linked(held.contact.clone(), &[]),
        Schedule::at(at(2)),
        at(2),
    );
    change.keep_lease = true;
    let version = ledger.save(change).await.unwrap();
    assert_eq!(
        legs_of(&ledger.claim_due(None, at(29), 1, at(40)).await.unwrap()),
        []
    );
    let held = row(&ledger, 1).await;
    assert_eq!((held.lease_until, held.version), (Some(at(30)), version));
    ledger
        .extend_lease(&acd(1), leg(1), version, at(50))
        .await
        .unwrap();
    ledger
        .save(held.change(held.contact.clone(), Schedule::at(at(3)), at(3)))
        .await
        .unwrap();
    assert_eq!(row(&ledger, 1).await.lease_until, None);
}

async fn every_lease_ends_when_the_next_worker_starts<L: Ledger>(ledger: L) {
    discover(
        &ledger,
        vec![
            found(&acd(1), 1, 0),
            found(&acd(2), 2, 0),
            found(&acd(1), 3, 99),
        ],
    )
    .await;
    let before = ledger.claim_due(None, at(1), 5, at(1000)).await.unwrap();
    assert_eq!(before.contacts.len(), 2);
    let id = ledger
        .put(
            &Wish::RetryParked {
                acd: None,
                kind: None,
            },
            at(0),
        )
        .await
        .unwrap();
    let wish = ledger
        .claim_wish(&[], at(1), at(1000))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ledger.release_all().await.unwrap(), 2);
    assert_eq!(ledger.release_all().await.unwrap(), 0);
    // Whoever held them and is not gone after all comes too late.
    let late = &before.contacts[0].row;
    let change = late.change(late.contact.clone(), Schedule::at(at(5)), at(2));
    assert!(ledger.save(change).await.unwrap_err().is_conflict());
    let said = Outcome::Done(String::new());
    assert!(
        ledger
            .settle_wish(&wish, said, at(2))
            .await
            .unwrap_err()
            .is_conflict()
    );
    assert_eq!(
        ledger
            .claim_due(None, at(2), 5, at(1000))
            .await
            .unwrap()
            .contacts
            .len(),
        2
    );
    let again = ledger
        .claim_wish(&[], at(2), at(1000))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((again.id, again.claim), (id, 2));
}

async fn the_next_due_time_counts_leases<L: Ledger>(ledger: L) {
    assert_eq!(ledger.next_due(None).await.unwrap(), None);
    discover(
        &ledger,
        vec![
            found(&acd(1), 1, 5),
            found(&acd(1), 2, 50),
            found(&acd(2), 3, 20),
        ],
    )
    .await;
    assert_eq!(ledger.next_due(None).await.unwrap(), Some(at(5)));
    ledger
        .claim_due(Some(&acd(1)), at(6), 1, at(30))
        .await
        .unwrap();
    assert_eq!(ledger.next_due(None).await.unwrap(), Some(at(20)));
    assert_eq!(ledger.next_due(Some(&acd(1))).await.unwrap(), Some(at(30)));
    assert_eq!(ledger.next_due(Some(&acd(3))).await.unwrap(), None);
}

async fn history_has_a_row_for_each_step_and_each_note<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let save = async |second: i64,
                      next: &dyn Fn(&ContactRow) -> contact_model::Contact,
                      note: Option<&str>| {
        let row = row(&ledger, 1).await;
        let mut change = row.change(next(&row), Schedule::at(at(second)), at(second));
        change.note = note.map(str::to_owned);
        ledger.save(change).await.unwrap();
    };
    save(1, &|row| linked(row.contact.clone(), &[]), None).await;
    save(2, &|row| row.contact.clone(), None).await;
    save(3, &|row| row.contact.clone(), Some("searched, not found")).await;
    save(
        4,
        &|row| parked(row.contact.clone(), ParkReason::NoMedia),
        Some("given up"),
    )
    .await;
    let resume = |reason: ParkReason| {
        move |row: &ContactRow| {
            let mut contact = row.contact.clone();
            let contact_model::Stage::Parked(parked) = contact.stage else {
                panic!("it is parked")
            };
            contact.stage = parked.resume();
            super::parked(contact, reason.clone())
        }
    };
    save(5, &resume(ParkReason::EventsGone), None).await;
    let history = ledger.history(&acd(1), leg(1)).await.unwrap();
    let shown: Vec<_> = history
        .iter()
        .map(|step| {
            (
                step.stage,
                step.reason.as_deref(),
                step.at,
                step.note.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (StageName::Discovered, None, at(0), None),
            (StageName::Linked, None, at(1), None),
            (StageName::Linked, None, at(3), Some("searched, not found")),
            (StageName::Parked, Some("no-media"), at(4), Some("given up")),
            (StageName::Parked, Some("events-gone"), at(5), None),
        ]
    );
    assert_eq!(ledger.history(&acd(1), leg(2)).await.unwrap(), []);
}

async fn details_are_kept_replaced_and_dropped<L: Ledger>(ledger: L) {
    discover(
        &ledger,
        vec![
            NewLeg {
                details: Some(details(1)),
                ..found(&acd(1), 1, 0)
            },
            found(&acd(1), 2, 0),
        ],
    )
    .await;
    let read = async |number| ledger.get(&acd(1), leg(number)).await.unwrap().unwrap();
    assert_eq!(read(1).await.details, StoredDetails::Present(details(1)));
    assert_eq!(read(2).await.details, StoredDetails::Absent);
    let save = async |number, details: DetailsChange, second| {
        let row = read(number).await.row;
        let mut change = row.change(row.contact.clone(), Schedule::at(at(1)), at(second));
        change.details = details;
        ledger.save(change).await.unwrap();
        read(number).await.details
    };
    assert_eq!(
        save(1, DetailsChange::Keep, 1).await,
        StoredDetails::Present(details(1))
    );
    assert_eq!(
        save(1, DetailsChange::Replace(details(7)), 2)
            .await
            .present(),
        Some(&details(7))
    );
    assert_eq!(
        save(1, DetailsChange::Drop, 3).await,
        StoredDetails::Dropped { at: at(3) }
    );
    assert_eq!(
        save(1, DetailsChange::Drop, 4).await,
        StoredDetails::Dropped { at: at(3) }
    );
    assert_eq!(
        save(1, DetailsChange::Replace(details(8)), 5).await,
        StoredDetails::Present(details(8))
    );
    assert_eq!(save(2, DetailsChange::Drop, 6).await, StoredDetails::Absent);
    let claimed = ledger.claim_due(None, at(9), 1, at(10)).await.unwrap();
    assert_eq!(
        claimed.contacts[0].details,
        StoredDetails::Present(details(8))
    );
}

async fn lists_are_filtered<L: Ledger>(ledger: L) {
    discover(
        &ledger,
        (1..=4).map(|number| found(&acd(1), number, 0)).collect(),
    )
    .await;
    discover(&ledger, vec![found(&acd(2), 5, 0)]).await;
    for (number, reason) in [(2, ParkReason::NoMedia), (3, ParkReason::EventsGone)] {
        let row = row(&ledger, number).await;
        let change = row.change(parked(row.contact.clone(), reason), Schedule::rest(), at(1));
        ledger.save(change).await.unwrap();
    }
    let list = async |filter: ContactFilter| {
        let page = ledger.list(&filter, &PageRequest::first(10)).await.unwrap();
        assert_eq!((page.next, page.unreadable.len()), (None, 0));
        page.contacts
            .iter()
            .map(ContactRow::leg)
            .collect::<Vec<_>>()
    };
    let all = ContactFilter::default;
    assert_eq!(list(all()).await, [leg(5), leg(4), leg(3), leg(2), leg(1)]);
    assert_eq!(
        list(ContactFilter {
            acd: Some(acd(2)),
            ..all()
        })
        .await,
        [leg(5)]
    );
    assert_eq!(
        list(ContactFilter {
            stages: vec![StageName::Parked],
            ..all()
        })
        .await,
        [leg(3), leg(2)]
    );
    let both = vec![StageName::Parked, StageName::Discovered];
    assert_eq!(
        list(ContactFilter {
            stages: both,
            acd: Some(acd(1)),
            ..all()
        })
        .await
        .len(),
        4
    );
    assert_eq!(
        list(ContactFilter {
            park_kinds: vec![ParkKind::NoMedia],
            ..all()
        })
        .await,
        [leg(2)]
    );
    let out = row(&ledger, 1).await;
    ledger
        .save(out.change(excluded(out.contact.clone()), Schedule::rest(), at(1)))
        .await
        .unwrap();
    let reasons = |words: &[&str]| ContactFilter {
        reasons: words.iter().map(|word| (*word).to_owned()).collect(),
        ..all()
    };
    assert_eq!(
        list(reasons(&["no-media", "test calls"])).await,
        [leg(2), leg(1)]
    );
    assert_eq!(list(reasons(&["not-decryptable"])).await, []);
    let worker = Some(contact(&acd(1), 4).leg.worker);
    assert_eq!(list(ContactFilter { worker, ..all() }).await, [leg(4)]);
    let session = Some(contact(&acd(1), 1).leg.session_id());
    assert_eq!(list(ContactFilter { session, ..all() }).await, [leg(1)]);
    assert_eq!(
        list(ContactFilter {
            from: Some(at(2)),
            to: Some(at(4)),
            ..all()
        })
        .await,
        [leg(3), leg(2)]
    );
}

async fn lists_are_paged_without_gap_or_repetition<L: Ledger>(ledger: L) {
    // Two of them ended in the same second.
    let mut legs: Vec<_> = (1..=7).map(|number| found(&acd(1), number, 0)).collect();
    legs[3].contact.leg.times = legs[4].contact.leg.times;
    discover(&ledger, legs).await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = ledger
            .list(&ContactFilter::default(), &PageRequest { limit: 2, after })
            .await
            .unwrap();
        assert!((1..=2).contains(&page.contacts.len()));
        seen.extend(page.contacts.iter().map(ContactRow::leg));
        if seen.len() == 2 {
            // What comes in meanwhile is newer than the page and does not show.
            discover(&ledger, vec![found(&acd(1), 99, 0)]).await;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1].map(leg));
}

async fn what_a_contact_waits_for_is_kept_counted_and_replaced<L: Ledger>(ledger: L) {
    let legs = (1..=2).map(|number| found(&acd(1), number, 10));
    discover(&ledger, legs.collect()).await;
    for number in [1, 2] {
        let row = row(&ledger, number).await;
        assert_eq!(row.waits_for, None);
        let mut change = row.change(row.contact.clone(), Schedule::at(at(30)), at(20));
        change.waits_for = Some("room in the spool".to_owned());
        ledger.save(change).await.unwrap();
    }
    let waits = ledger.waits(None).await.unwrap();
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert_eq!(
        (waits[0].waits_for.as_str(), waits[0].contacts),
        ("room in the spool", 2)
    );
    let first = row(&ledger, 1).await;
    assert_eq!(first.waits_for.as_deref(), Some("room in the spool"));
    let change = first.change(first.contact.clone(), Schedule::at(at(40)), at(30));
    ledger.save(change).await.unwrap();
    assert_eq!(ledger.waits(Some(&acd(1))).await.unwrap()[0].contacts, 1);
    assert!(ledger.waits(Some(&acd(2))).await.unwrap().is_empty());
    assert_eq!(
        ledger.history(&acd(1), leg(1)).await.unwrap().len(),
        1,
        "what a contact waits for is no step of its life"
    );
}

async fn counts_are_by_acd_stage_and_reason<L: Ledger>(ledger: L) {
    discover(
        &ledger,
        (1..=4).map(|number| found(&acd(1), number, 0)).collect(),
    )
    .await;
    discover(&ledger, vec![found(&acd(2), 5, 0)]).await;
    for (number, second) in [(2, 8), (3, 6)] {
        let row = row(&ledger, number).await;
        let change = row.change(
            parked(row.contact.clone(), ParkReason::NoMedia),
            Schedule::rest(),
            at(second),
        );
        ledger.save(change).await.unwrap();
    }
    let counts = ledger.counts(None).await.unwrap();
    let shown: Vec<_> = counts
        .iter()
        .map(|row| {
            (
                &row.acd,
                row.stage,
                row.reason.as_deref(),
                row.contacts,
                row.oldest,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (&acd(1), StageName::Discovered, None, 2, at(0)),
            (&acd(1), StageName::Parked, Some("no-media"), 2, at(6)),
            (&acd(2), StageName::Discovered, None, 1, at(0)),
        ]
    );
    assert_eq!(ledger.counts(Some(&acd(2))).await.unwrap().len(), 1);
}

async fn siblings_share_a_session<L: Ledger>(ledger: L) {
    let session: SessionId = "CH00000000000000000000000000000001".parse().unwrap();
    let mut legs: Vec<_> = (1..=3).map(|number| found(&acd(1), number, 0)).collect();
    legs[2].contact.leg.session = Some(session.clone());
    discover(&ledger, legs).await;
    let siblings = async || {
        let rows = ledger
            .find_session_siblings(&acd(1), &session)
            .await
            .unwrap()
            .all()
            .unwrap();
        rows.iter().map(ContactRow::leg).collect::<Vec<_>>()
    };
    assert_eq!(siblings().await, [leg(3)]);
    let row = row(&ledger, 1).await;
    let mut next = row.contact.clone();
    next.leg.session = Some(session.clone());
    ledger
        .save(row.change(next, Schedule::at(at(1)), at(1)))
        .await
        .unwrap();
    assert_eq!(siblings().await, [leg(1), leg(3)]);
    assert_eq!(
        ledger
            .find_session_siblings(&acd(2), &session)
            .await
            .unwrap(),
        crate::Siblings::default()
    );
}

async fn a_recording_knows_every_leg_that_ever_used_it<L: Ledger>(ledger: L) {
    let shared = recording(7);
    discover(
        &ledger,
        vec![
            found(&acd(1), 1, 0),
            found(&acd(2), 2, 0),
            found(&acd(1), 3, 0),
        ],
    )
    .await;
    for (acd, number) in [(acd(1), 1), (acd(2), 2)] {
        let row = ledger.get(&acd, leg(number)).await.unwrap().unwrap().row;
        let next = linked(row.contact.clone(), &[recording(number), shared]);
        ledger
            .save(row.change(next, Schedule::at(at(1)), at(1)))
            .await
            .unwrap();
    }
    let both = [(acd(1), leg(1)), (acd(2), leg(2))];
    assert_eq!(ledger.legs_of_recording(shared).await.unwrap(), both);
    assert_eq!(
        ledger.legs_of_recording(recording(2)).await.unwrap(),
        [(acd(2), leg(2))]
    );
    let row = row(&ledger, 1).await;
    ledger
        .save(row.change(linked(row.contact.clone(), &[]), Schedule::at(at(2)), at(2)))
        .await
        .unwrap();
    assert_eq!(ledger.legs_of_recording(shared).await.unwrap(), both);
    assert_eq!(ledger.legs_of_recording(recording(9)).await.unwrap(), []);
}

async fn times_are_kept_to_the_millisecond<L: Ledger>(ledger: L) {
    let fine = at(5) + chrono::TimeDelta::nanoseconds(1_999_999);
    let kept = at(5) + chrono::TimeDelta::milliseconds(1);
    discover(
        &ledger,
        vec![NewLeg {
            schedule: Schedule::at(fine),
            ..found(&acd(1), 1, 0)
        }],
    )
    .await;
    assert_eq!(row(&ledger, 1).await.schedule.due_at, Some(kept));
    assert_eq!(ledger.next_due(None).await.unwrap(), Some(kept));
    let held = ledger
        .claim_due(None, fine, 1, fine)
        .await
        .unwrap()
        .contacts
        .remove(0)
        .row;
    assert_eq!(held.lease_until, Some(kept));
    ledger
        .save(held.change(excluded(held.contact.clone()), Schedule::rest(), fine))
        .await
        .unwrap();
    assert_eq!(row(&ledger, 1).await.finished_at, Some(kept));
}
