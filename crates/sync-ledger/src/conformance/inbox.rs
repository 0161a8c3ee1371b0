//! The rules of [`Inbox`](crate::Inbox).

use contact_model::LegId;

use super::fixture::{acd, at, contact, details, event, found, leg};
use crate::{
    Advanced, ClaimedEvent, ContactRecord, DetailsChange, InboxBacklog, Ledger, LedgerError,
    NewLeg, ProcessedEvent, PushedEvent, Received, Retention, Schedule, SettledEvents,
    StoredDetails, Update, keep,
};

super::cases![
    events_are_claimed_as_they_came_and_in_their_order,
    an_event_is_processed_once,
    an_event_of_another_acd_is_another,
    a_group_that_is_refused_leaves_nothing,
    of_a_large_group_each_event_is_written_down_and_settled_once,
    no_more_wait_than_there_is_room_for,
    an_event_and_the_legs_that_it_told_of_are_settled_together,
    what_is_not_held_is_not_settled_and_adds_no_leg,
    a_known_leg_is_merged_as_by_discovery,
    an_event_that_nobody_settled_is_claimed_again,
    claims_on_events_end_when_the_next_worker_starts,
    the_id_of_a_processed_event_is_remembered_for_a_day,
    what_waits_is_counted_by_acd,
];

const ROOM: u64 = 1000;

pub(super) async fn receive<L: Ledger>(ledger: &L, numbers: std::ops::RangeInclusive<u32>) {
    ledger.register(&acd(1), "an acd").await.unwrap();
    let events: Vec<_> = numbers.map(|number| event(&acd(1), number)).collect();
    let received = ledger.receive(&events, ROOM).await.unwrap();
    assert_eq!(received.duplicates, 0);
}

async fn claim<L: Ledger>(ledger: &L, now: i64, limit: u32) -> Vec<ClaimedEvent> {
    let claimed = ledger
        .claim_events(at(now), limit, at(now + 30))
        .await
        .unwrap();
    assert_eq!(claimed.unreadable, 0);
    claimed.events
}

/// Settles events of which the first told of these legs.
async fn settle<L: Ledger>(
    ledger: &L,
    claimed: &[ClaimedEvent],
    legs: Vec<NewLeg>,
) -> crate::Result<SettledEvents> {
    let mut events: Vec<_> = claimed
        .iter()
        .map(|event| ProcessedEvent::from(event.claim))
        .collect();
    if let Some(first) = events.first_mut() {
        first.legs = legs;
    }
    ledger.settle_events(events, &keep, at(90)).await
}

async fn events_are_claimed_as_they_came_and_in_their_order<L: Ledger>(ledger: L) {
    assert_eq!(claim(&ledger, 10, 9).await, []);
    receive(&ledger, 1..=5).await;
    let first = claim(&ledger, 10, 3).await;
    let events = |claimed: &[ClaimedEvent]| -> Vec<PushedEvent> {
        claimed.iter().map(|event| event.event.clone()).collect()
    };
    assert_eq!(events(&first), [1, 2, 3].map(|n| event(&acd(1), n)));
    assert!(first.iter().all(|event| event.claim.claim == 1));
    let second = claim(&ledger, 10, 9).await;
    assert_eq!(events(&second), [4, 5].map(|n| event(&acd(1), n)));
    assert_eq!(claim(&ledger, 39, 9).await, []);
    settle(&ledger, &first, vec![]).await.unwrap();
    settle(&ledger, &second, vec![]).await.unwrap();
    assert_eq!(claim(&ledger, 500, 9).await, []);
}

async fn an_event_is_processed_once<L: Ledger>(ledger: L) {
    receive(&ledger, 1..=1).await;
    let changed = PushedEvent {
        payload: "{}".into(),
        ..event(&acd(1), 1)
    };
    let twice = [changed.clone(), event(&acd(1), 2), event(&acd(1), 2)];
    let received = |stored, duplicates| Received { stored, duplicates };
    assert_eq!(ledger.receive(&twice, ROOM).await.unwrap(), received(1, 2));
    let claimed = claim(&ledger, 10, 9).await;
    assert_eq!(claimed.len(), 2);
    assert_eq!(claimed[0].event, event(&acd(1), 1), "the first one stays");
    // Neither while it is processed nor afterwards.
    assert_eq!(ledger.receive(&twice, ROOM).await.unwrap(), received(0, 3));
    settle(&ledger, &claimed, vec![]).await.unwrap();
    assert_eq!(ledger.receive(&twice, ROOM).await.unwrap(), received(0, 3));
    assert_eq!(claim(&ledger, 900, 9).await, []);
}

async fn an_event_of_another_acd_is_another<L: Ledger>(ledger: L) {
    receive(&ledger, 1..=1).await;
    ledger.register(&acd(2), "an acd").await.unwrap();
    let both = [event(&acd(2), 1), event(&acd(1), 2)];
    let received = ledger.receive(&both, ROOM).await.unwrap();
    assert_eq!((received.stored, received.duplicates), (2, 0));
    let claimed = claim(&ledger, 10, 9).await;
    let acds: Vec<_> = claimed
        .iter()
        .map(|event| event.event.acd.clone())
        .collect();
    assert_eq!(acds, [acd(1), acd(2), acd(1)]);
}

async fn a_group_that_is_refused_leaves_nothing<L: Ledger>(ledger: L) {
    receive(&ledger, 1..=1).await;
    let group = [event(&acd(1), 2), event(&acd(3), 3)];
    assert!(matches!(
        ledger.receive(&group, ROOM).await,
        Err(LedgerError::UnknownAcd { .. })
    ));
    assert_eq!(claim(&ledger, 10, 9).await.len(), 1);
}

async fn of_a_large_group_each_event_is_written_down_and_settled_once<L: Ledger>(ledger: L) {
    receive(&ledger, 1..=200).await;
    let mut group: Vec<_> = (100..=399).map(|number| event(&acd(1), number)).collect();
    group.push(event(&acd(1), 399));
    let received = ledger.receive(&group, ROOM).await.unwrap();
    assert_eq!((received.stored, received.duplicates), (199, 102));
    let claimed = claim(&ledger, 10, 500).await;
    let ids: Vec<_> = claimed.iter().map(|event| event.event.id.clone()).collect();
    let all: Vec<_> = (1..=399).map(|number| event(&acd(1), number).id).collect();
    assert_eq!(ids, all);
    let mut twice = claimed.clone();
    twice.push(claimed[7].clone());
    let settled = settle(&ledger, &twice, vec![]).await.unwrap();
    assert_eq!(settled.not_held, [claimed[7].claim.number]);
    assert_eq!(claim(&ledger, 100, 500).await, []);
    assert_eq!(ledger.inbox_backlog().await.unwrap(), []);
}

async fn no_more_wait_than_there_is_room_for<L: Ledger>(ledger: L) {
    receive(&ledger, 1..=3).await;
    let more: Vec<_> = (4..=6).map(|number| event(&acd(1), number)).collect();
    let full = ledger.receive(&more, 5).await.unwrap_err();
    assert!(
        matches!(
            full,
            LedgerError::InboxFull {
                waiting: 3,
                limit: 5
            }
        ),
        "{full}"
    );
    assert!(full.is_transient() && !full.is_conflict());
    assert_eq!(ledger.receive(&more[..2], 5).await.unwrap().stored, 2);
    // What is known already needs no room.
    let known = [event(&acd(1), 1), event(&acd(1), 2)];
    assert_eq!(ledger.receive(&known, 1).await.unwrap().duplicates, 2);
    let claimed = claim(&ledger, 10, 2).await;
    settle(&ledger, &claimed, vec![]).await.unwrap();
    assert_eq!(ledger.receive(&more, 5).await.unwrap().stored, 1);
}

async fn an_event_and_the_legs_that_it_told_of_are_settled_together<L: Ledger>(ledger: L) {
    receive(&ledger, 1..=2).await;
    ledger.register(&acd(2), "an acd").await.unwrap();
    let claimed = claim(&ledger, 10, 9).await;
    let legs = vec![
        NewLeg {
            details: Some(details(1)),
            ..found(&acd(1), 1, 5)
        },
        found(&acd(2), 7, 6),
        found(&acd(1), 2, 5),
    ];
    let advanced = settle(&ledger, &claimed, legs).await.unwrap().advanced;
    let mut new: Vec<LegId> = advanced.new;
    new.sort();
    assert_eq!((new, advanced.known), (vec![leg(1), leg(2), leg(7)], 0));
    let known = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap();
    assert_eq!(known.row.contact, contact(&acd(1), 1));
    assert_eq!(
        (known.row.discovered_at, known.row.schedule.due_at),
        (at(90), Some(at(5)))
    );
    assert_eq!(known.details, StoredDetails::Present(details(1)));
    assert!(ledger.get(&acd(2), leg(7)).await.unwrap().is_some());
    assert_eq!(ledger.cursor(&acd(1), "events").await.unwrap(), None);
}

async fn what_is_not_held_is_not_settled_and_adds_no_leg<L: Ledger>(ledger: L) {
    receive(&ledger, 1..=2).await;
    let first = claim(&ledger, 10, 9).await;
    let second = claim(&ledger, 40, 1).await;
    assert_eq!(second[0].claim.claim, 2);
    // The first event is another's by now; its leg stays away, and the second event is settled all the same.
    let late = settle(&ledger, &first, vec![found(&acd(1), 1, 0)])
        .await
        .unwrap();
    assert_eq!(late.not_held, [first[0].claim.number]);
    assert_eq!(late.advanced, Advanced::default());
    assert_eq!(ledger.get(&acd(1), leg(1)).await.unwrap(), None);
    let backlog = ledger.inbox_backlog().await.unwrap();
    assert_eq!(backlog[0].waiting, 1);
    // A leg that is refused keeps the event.
    let never = NewLeg {
        schedule: Schedule::rest(),
        ..found(&acd(1), 1, 0)
    };
    let refused = settle(&ledger, &second, vec![found(&acd(1), 2, 0), never]).await;
    assert!(matches!(refused, Err(LedgerError::NeverDue { .. })));
    assert_eq!(ledger.get(&acd(1), leg(2)).await.unwrap(), None);
    let held = settle(&ledger, &second, vec![]).await.unwrap();
    assert_eq!(held.not_held, []);
    let twice = settle(&ledger, &second, vec![]).await.unwrap();
    assert_eq!(twice.not_held, [second[0].claim.number]);
}

async fn a_known_leg_is_merged_as_by_discovery<L: Ledger>(ledger: L) {
    receive(&ledger, 1..=1).await;
    super::contacts::discover(&ledger, vec![found(&acd(1), 1, 50)]).await;
    let claimed = claim(&ledger, 10, 9).await;
    let sooner = |known: &ContactRecord, new: &NewLeg| {
        Some(Update {
            contact: known.row.contact.clone(),
            schedule: new.schedule,
            details: DetailsChange::Keep,
            note: None,
            tell: None,
        })
    };
    let advanced = ledger
        .settle_events(
            vec![ProcessedEvent {
                claim: claimed[0].claim,
                legs: vec![found(&acd(1), 1, 5)],
            }],
            &sooner,
            at(11),
        )
        .await
        .unwrap()
        .advanced;
    assert_eq!((advanced.known, advanced.updated), (1, 1));
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    assert_eq!(row.schedule.due_at, Some(at(5)));
}

async fn an_event_that_nobody_settled_is_claimed_again<L: Ledger>(ledger: L) {
    receive(&ledger, 1..=2).await;
    let first = claim(&ledger, 10, 1).await;
    assert_eq!(claim(&ledger, 39, 1).await[0].event, event(&acd(1), 2));
    let again = claim(&ledger, 40, 1).await;
    assert_eq!(again[0].event, first[0].event);
    assert_eq!(again[0].claim.claim, 2);
}

async fn claims_on_events_end_when_the_next_worker_starts<L: Ledger>(ledger: L) {
    receive(&ledger, 1..=1).await;
    let before = claim(&ledger, 10, 1).await;
    ledger.release_all().await.unwrap();
    let late = settle(&ledger, &before, vec![]).await.unwrap();
    assert_eq!(late.not_held, [before[0].claim.number]);
    assert_eq!(claim(&ledger, 10, 1).await[0].claim.claim, 2);
}

async fn the_id_of_a_processed_event_is_remembered_for_a_day<L: Ledger>(ledger: L) {
    receive(&ledger, 1..=2).await;
    let claimed = claim(&ledger, 10, 1).await;
    settle(&ledger, &claimed, vec![]).await.unwrap();
    let day = 24 * 60 * 60;
    let prune = async |second| {
        let retention = Retention::default();
        ledger
            .prune(at(second), &retention, 10)
            .await
            .unwrap()
            .events
    };
    let again = [event(&acd(1), 1)];
    assert_eq!(prune(90 + day - 1).await, 0);
    assert_eq!(ledger.receive(&again, ROOM).await.unwrap().duplicates, 1);
    assert_eq!(prune(90 + day).await, 1);
    assert_eq!(ledger.receive(&again, ROOM).await.unwrap().stored, 1);
    // What is not processed is never forgotten.
    assert_eq!(prune(90 + 1000 * day).await, 0);
    assert_eq!(claim(&ledger, 90 + 1000 * day, 9).await.len(), 2);
}

async fn what_waits_is_counted_by_acd<L: Ledger>(ledger: L) {
    assert_eq!(ledger.inbox_backlog().await.unwrap(), []);
    receive(&ledger, 1..=3).await;
    ledger.register(&acd(2), "an acd").await.unwrap();
    ledger.receive(&[event(&acd(2), 9)], ROOM).await.unwrap();
    let claimed = claim(&ledger, 10, 2).await;
    settle(&ledger, &claimed[..1], vec![]).await.unwrap();
    let backlog = |number, waiting, second| InboxBacklog {
        acd: acd(number),
        waiting,
        oldest: at(second),
    };
    assert_eq!(
        ledger.inbox_backlog().await.unwrap(),
        [backlog(1, 2, 2), backlog(2, 1, 9)]
    );
}
