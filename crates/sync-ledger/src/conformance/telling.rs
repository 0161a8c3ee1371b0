//! The rules of [`Change::tell`](crate::Change).

use contact_model::{CcrId, ContactStatus, FailureReason, ParkReason};

use super::contacts::discover;
use super::fixture::{
    acd, at, complete, found, leg, linked, message, parked, tell_complete, tell_complete_as,
    tell_failed,
};
use crate::{
    Advance, Change, ContactRecord, CursorId, DetailsChange, Ledger, MessageFilter, MessageState,
    NewLeg, Schedule, StoredBytes, Tell, Update,
};

super::cases![
    a_change_and_its_message_are_there_together,
    what_was_told_last_is_not_told_again,
    another_contact_of_calabrio_is_told_although_the_status_is_the_same,
    a_refused_change_tells_nothing,
    a_change_that_tells_nothing_keeps_what_was_told,
    what_discovery_changes_is_told_as_well,
];

/// A change of leg 1 to parked, or back to linked.
async fn change<L: Ledger>(ledger: &L, second: i64, tell: Option<Tell>) -> Change {
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let contact = linked(row.contact.clone(), &[]);
    let mut change = row.change(contact, Schedule::at(at(second)), at(second));
    change.tell = tell;
    change
}

async fn save<L: Ledger>(ledger: &L, second: i64, tell: Option<Tell>) {
    let change = change(ledger, second, tell).await;
    ledger.save(change).await.unwrap();
}

async fn told<L: Ledger>(ledger: &L) -> Vec<String> {
    let page = ledger
        .messages(&MessageFilter::default(), 100, None)
        .await
        .unwrap();
    page.messages.into_iter().rev().map(|row| row.id).collect()
}

async fn a_change_and_its_message_are_there_together<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    assert_eq!(row.told, None);
    let aside = parked(row.contact.clone(), ParkReason::NoMedia);
    let change = row
        .change(aside, Schedule::rest(), at(5))
        .tell(tell_failed(FailureReason::NotRecorded, 1));
    ledger.save(change).await.unwrap();
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let status = ContactStatus::Failed {
        reason: FailureReason::NotRecorded,
    };
    assert_eq!(row.told, Some(status));
    let record = ledger.message(&message(1)).await.unwrap().unwrap();
    assert_eq!(
        (record.row.acd, record.row.leg, record.row.status),
        (acd(1), leg(1), status)
    );
    assert_eq!(
        (record.row.state, record.row.created_at, record.row.due_at),
        (MessageState::Pending, at(5), Some(at(5)))
    );
    assert_eq!(record.row.attempts, 0);
    assert_eq!(record.body, StoredBytes::Present(r#"{"message":1}"#.into()));
    assert_eq!(
        (record.answer, record.row.last),
        (StoredBytes::Absent, None)
    );
    assert_eq!(ledger.message(&message(2)).await.unwrap(), None);
}

async fn what_was_told_last_is_not_told_again<L: Ledger>(ledger: L) {
    use FailureReason::{NotRecorded, Refused};
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let steps = [
        tell_failed(NotRecorded, 1),
        tell_failed(NotRecorded, 2),
        // Another reason is another thing to tell, and so is the first one again after it.
        tell_failed(Refused, 3),
        tell_failed(NotRecorded, 4),
        tell_complete(5),
        tell_complete(6),
    ];
    for (second, tell) in (1..).zip(steps) {
        save(&ledger, second, Some(tell)).await;
    }
    assert_eq!(told(&ledger).await, [1, 3, 4, 5].map(message));
}

async fn another_contact_of_calabrio_is_told_although_the_status_is_the_same<L: Ledger>(ledger: L) {
    use FailureReason::Refused;
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let failed_as = |ccr: i64, number| Tell {
        ccr: Some(CcrId::try_from(ccr).unwrap()),
        ..tell_failed(Refused, number)
    };
    let steps = [
        tell_complete_as(41, 1),
        // It was deleted in Calabrio and sent anew.
        tell_complete_as(55, 2),
        tell_complete_as(55, 3),
        // Before it had an id, with one, and without one again.
        tell_failed(Refused, 4),
        failed_as(55, 5),
        failed_as(55, 6),
        tell_failed(Refused, 7),
    ];
    for (second, tell) in (1..).zip(steps) {
        save(&ledger, second, Some(tell)).await;
    }
    assert_eq!(told(&ledger).await, [1, 2, 4, 5, 7].map(message));
}

async fn a_refused_change_tells_nothing<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let stale = change(&ledger, 1, Some(tell_complete(1))).await;
    save(&ledger, 2, None).await;
    assert!(ledger.save(stale).await.unwrap_err().is_conflict());
    let mut never_due = change(&ledger, 3, Some(tell_complete(2))).await;
    never_due.schedule = Schedule::rest();
    ledger.save(never_due).await.unwrap_err();
    assert_eq!(told(&ledger).await, Vec::<String>::new());
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    assert_eq!(row.told, None);
}

async fn a_change_that_tells_nothing_keeps_what_was_told<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    save(&ledger, 1, Some(tell_complete(1))).await;
    save(&ledger, 2, None).await;
    save(&ledger, 3, Some(tell_complete(2))).await;
    assert_eq!(told(&ledger).await, [message(1)]);
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    assert_eq!(row.told, Some(ContactStatus::Complete));
}

async fn what_discovery_changes_is_told_as_well<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let update = |known: &ContactRecord, _: &NewLeg| {
        Some(Update {
            contact: complete(known.row.contact.clone(), &[]),
            schedule: Schedule::rest(),
            details: DetailsChange::Keep,
            note: None,
            tell: Some(tell_complete(7)),
        })
    };
    for (from, to) in [(0, 60), (60, 120)] {
        let step = Advance {
            cursor: CursorId::Live {
                acd: acd(1),
                stream: "events".into(),
            },
            from: Some(at(from)),
            to: at(to),
            legs: vec![found(&acd(1), 1, 0)],
            at: at(to),
        };
        ledger.advance(step, &update).await.unwrap();
    }
    assert_eq!(told(&ledger).await, [message(7)]);
}
