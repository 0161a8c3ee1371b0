//! The rules of [`ErasureStore`](crate::ErasureStore).

use contact_model::{AcdKey, CcrId, LegId, StageName};

use super::contacts::discover;
use super::fixture::{
    acd, at, complete, conversation, event, found, leg, linked, message, recording, sid,
    tell_complete, transcribed,
};
use super::holds::{conference, note};
use crate::{
    Advance, ContactRecord, CursorId, DetailsChange, FORGOTTEN, HoldSource, Ledger, LedgerError,
    MessageState, NewLeg, PushedEvent, Replayed, Retention, RowMark, Schedule, StoredBytes,
    StoredDetails, Update, Verdict,
};

super::cases![
    what_is_here_about_a_leg_is_erased_and_the_rest_is_told,
    a_forgotten_leg_is_not_imported_again,
    a_leg_that_is_not_known_can_be_forgotten_and_is_never_taken_up,
    a_forgotten_leg_is_not_imported_again_once_its_row_is_gone,
    what_was_forgotten_goes_with_its_acd,
    whoever_works_on_a_forgotten_contact_comes_too_late,
    a_finished_contact_stays_what_it_is,
    what_may_have_been_sent_is_told,
    a_forgotten_leg_keeps_its_messages_from_others,
    forgetting_twice_erases_what_came_meanwhile,
    nothing_is_forgotten_of_an_acd_that_is_not_known,
    contacts_are_found_by_a_text_in_their_details,
    a_search_goes_on_page_by_page,
];

/// Leg with details that name an address, its conference, its call, its conversation and a recording.
fn telling(number: u32) -> NewLeg {
    let attributes = serde_json::json!({
        "from": format!("+1555{number:07}"),
        "conference": { "sid": sid("CF", number) },
        "call_sid": sid("CA", 77),
        "conversations": { "media": [{ "sid": sid("CH", number) }, { "sid": sid("RE", 90) }] },
    });
    let details = contact_model::Details {
        attributes: Some(attributes),
        ..contact_model::Details::default()
    };
    NewLeg {
        details: Some(details),
        ..found(&acd(1), number, 0)
    }
}

async fn record<L: Ledger>(ledger: &L, number: u32) -> ContactRecord {
    ledger.get(&acd(1), leg(number)).await.unwrap().unwrap()
}

async fn what_is_here_about_a_leg_is_erased_and_the_rest_is_told<L: Ledger>(ledger: L) {
    discover(&ledger, vec![telling(1), telling(2)]).await;
    let row = record(&ledger, 1).await.row;
    let change = row
        .change(
            linked(row.contact.clone(), &[recording(1), recording(2)]),
            Schedule::at(at(5)),
            at(5),
        )
        .tell(tell_complete(1));
    ledger.save(change).await.unwrap();
    ledger
        .record_deletion(&acd(1), recording(2), &Verdict::Deleted, at(6))
        .await
        .unwrap();
    ledger
        .receive(&[event(&acd(1), 1), event(&acd(1), 2)], 100)
        .await
        .unwrap();
    let seen = [
        note(1, 1, true, HoldSource::Event),
        note(1, 2, false, HoldSource::Event),
    ];
    ledger.note_holds(&acd(1), &seen).await.unwrap();
    let forgotten = ledger.forget(&acd(1), leg(1), at(9)).await.unwrap();
    assert_eq!(
        (
            forgotten.details,
            forgotten.messages,
            forgotten.messages_undelivered
        ),
        (true, 1, 1)
    );
    assert_eq!((forgotten.events, forgotten.holds), (1, 2));
    let elsewhere = forgotten.elsewhere.unwrap();
    assert_eq!(elsewhere.task, row.contact.leg.task);
    assert_eq!(
        elsewhere.recordings,
        [recording(1), recording(90)],
        "what was deleted is not there any more"
    );
    assert_eq!(elsewhere.conversations, [conversation(1)]);
    assert_eq!(elsewhere.conferences, [conference(1)]);
    assert_eq!(elsewhere.calls, [sid("CA", 77).parse().unwrap()]);
    assert_eq!((elsewhere.ccr, elsewhere.perhaps_sent), (None, false));
    // The row is a tombstone.
    let after = record(&ledger, 1).await;
    assert_eq!(after.details, StoredDetails::Dropped { at: at(9) });
    assert_eq!(
        (
            after.row.forgotten_at,
            after.row.finished_at,
            after.row.schedule.due_at
        ),
        (Some(at(9)), Some(at(9)), None)
    );
    assert_eq!(after.row.contact.leg, row.contact.leg);
    let last = ledger
        .history(&acd(1), leg(1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(
        (last.stage, last.reason.as_deref(), last.note.as_deref()),
        (
            StageName::Excluded,
            Some(FORGOTTEN),
            Some("erased on request")
        )
    );
    let told = ledger.message(&message(1)).await.unwrap().unwrap();
    assert_eq!(
        (told.row.state, told.row.settled_at, told.body),
        (MessageState::Erased, Some(at(9)), StoredBytes::Absent)
    );
    assert_eq!(
        ledger.replay_message(&message(1), at(10)).await.unwrap(),
        Replayed::Erased
    );
    let waiting = ledger.claim_events(at(10), 9, at(20)).await.unwrap().events;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].event, event(&acd(1), 2));
    assert_eq!(
        ledger.holds_of(&acd(1), &[conference(1)]).await.unwrap(),
        []
    );
    // Another leg keeps everything.
    assert!(record(&ledger, 2).await.details.present().is_some());
    assert_eq!(record(&ledger, 2).await.row.forgotten_at, None);
}

async fn a_forgotten_leg_is_not_imported_again<L: Ledger>(ledger: L) {
    discover(&ledger, vec![telling(1)]).await;
    ledger.forget(&acd(1), leg(1), at(9)).await.unwrap();
    let before = record(&ledger, 1).await;
    let revive = |known: &ContactRecord, _: &NewLeg| -> Option<Update> {
        panic!("nobody is asked about {:?}", known.row.leg())
    };
    let step = Advance {
        cursor: CursorId::Live {
            acd: acd(1),
            stream: "events".into(),
        },
        from: Some(at(0)),
        to: at(60),
        legs: vec![telling(1)],
        at: at(60),
    };
    let advanced = ledger.advance(step, &revive).await.unwrap();
    assert_eq!(
        (advanced.new.len(), advanced.known, advanced.updated),
        (0, 1, 0)
    );
    let row = before.row.clone();
    let change = row.change(
        linked(row.contact.clone(), &[]),
        Schedule::at(at(10)),
        at(10),
    );
    let refused = ledger.save(change).await.unwrap_err();
    assert!(
        matches!(refused, LedgerError::Forgotten { leg: of } if of == leg(1)),
        "{refused}"
    );
    assert!(!refused.is_conflict() && !refused.is_transient());
    assert_eq!(record(&ledger, 1).await, before);
    assert!(
        ledger
            .claim_due(None, at(999), 9, at(1000))
            .await
            .unwrap()
            .contacts
            .is_empty()
    );
}

/// The leg of this number is there as a tombstone that was laid at second 9, and wants nothing.
async fn is_tombstone<L: Ledger>(ledger: &L, number: u32) {
    let ContactRecord { row, details } = record(ledger, number).await;
    assert_eq!(row.contact.leg, telling(number).contact.leg);
    assert_eq!(
        (row.contact.stage.name(), row.forgotten_at),
        (StageName::Excluded, Some(at(9)))
    );
    assert_eq!(
        (row.schedule.due_at, details),
        (None, StoredDetails::Absent)
    );
    let change = row.change(
        linked(row.contact.clone(), &[]),
        Schedule::at(at(99)),
        at(99),
    );
    let refused = ledger.save(change).await.unwrap_err();
    assert!(
        matches!(refused, LedgerError::Forgotten { .. }),
        "{refused}"
    );
}

/// Discovery meets these legs for the first time; gives what was new and how many were known.
async fn backfill<L: Ledger>(ledger: &L, legs: Vec<NewLeg>, second: i64) -> (Vec<LegId>, u64) {
    let of = legs[0].contact.leg.acd.clone();
    let backfill = ledger
        .begin_backfill(&of, at(second), at(second + 1), at(second))
        .await
        .unwrap();
    let step = Advance {
        cursor: CursorId::Backfill(backfill.id),
        from: Some(at(second)),
        to: at(second + 1),
        legs,
        at: at(second),
    };
    let advanced = ledger.advance(step, &crate::keep).await.unwrap();
    (advanced.new, advanced.known)
}

async fn a_leg_that_is_not_known_can_be_forgotten_and_is_never_taken_up<L: Ledger>(ledger: L) {
    for number in [1, 2] {
        ledger.register(&acd(number), "an acd").await.unwrap();
    }
    let about = PushedEvent {
        payload: format!("{{\"reservation_sid\":\"{}\"}}", leg(1)).into(),
        ..event(&acd(1), 7)
    };
    ledger
        .receive(&[about, event(&acd(1), 8)], 100)
        .await
        .unwrap();
    let forgotten = ledger.forget(&acd(1), leg(1), at(9)).await.unwrap();
    assert_eq!(
        (forgotten.details, forgotten.messages, forgotten.events),
        (false, 0, 1)
    );
    assert_eq!(forgotten.elsewhere, None);
    assert_eq!(ledger.get(&acd(1), leg(1)).await.unwrap(), None);
    // When it was forgotten first stays.
    let again = ledger.forget(&acd(1), leg(1), at(20)).await.unwrap();
    assert_eq!((again.events, again.elsewhere), (0, None));
    let met = backfill(&ledger, vec![telling(1), telling(2), telling(1)], 30).await;
    assert_eq!(met, (vec![leg(2)], 1));
    is_tombstone(&ledger, 1).await;
    let steps = ledger.history(&acd(1), leg(1)).await.unwrap();
    assert_eq!(steps.len(), 1);
    assert_eq!(
        (steps[0].reason.as_deref(), steps[0].note.as_deref()),
        (
            Some(FORGOTTEN),
            Some("erased on request before it was discovered")
        )
    );
    // Met again, by whatever way, it stays so.
    let claims: Vec<_> = ledger
        .claim_events(at(40), 9, at(50))
        .await
        .unwrap()
        .events
        .iter()
        .map(|event| event.claim)
        .collect();
    assert_eq!(claims.len(), 1);
    let event = crate::ProcessedEvent {
        claim: claims[0],
        legs: vec![telling(1)],
    };
    let advanced = ledger
        .settle_events(vec![event], &crate::keep, at(41))
        .await
        .unwrap()
        .advanced;
    assert_eq!((advanced.new.len(), advanced.known), (0, 1));
    is_tombstone(&ledger, 1).await;
    // Another ACD knows nothing of it.
    let mut other = telling(1);
    other.contact.leg.acd = acd(2);
    assert_eq!(backfill(&ledger, vec![other], 50).await, (vec![leg(1)], 0));
}

async fn a_forgotten_leg_is_not_imported_again_once_its_row_is_gone<L: Ledger>(ledger: L) {
    discover(&ledger, vec![telling(1)]).await;
    ledger.forget(&acd(1), leg(1), at(9)).await.unwrap();
    let rows = chrono::TimeDelta::days(400);
    let pruned = ledger
        .prune(at(9) + rows, &Retention::default(), 9)
        .await
        .unwrap();
    assert_eq!(pruned.contacts, 1);
    assert_eq!(ledger.get(&acd(1), leg(1)).await.unwrap(), None);
    let later = 9 + rows.num_seconds();
    assert_eq!(
        backfill(&ledger, vec![telling(1)], later).await,
        (vec![], 1)
    );
    is_tombstone(&ledger, 1).await;
}

async fn what_was_forgotten_goes_with_its_acd<L: Ledger>(ledger: L) {
    ledger.register(&acd(1), "an acd").await.unwrap();
    ledger.forget(&acd(1), leg(1), at(9)).await.unwrap();
    ledger.remove(&acd(1), false).await.unwrap();
    ledger.register(&acd(1), "an acd").await.unwrap();
    assert_eq!(
        backfill(&ledger, vec![telling(1)], 20).await,
        (vec![leg(1)], 0)
    );
}

async fn whoever_works_on_a_forgotten_contact_comes_too_late<L: Ledger>(ledger: L) {
    discover(&ledger, vec![telling(1)]).await;
    let held = ledger
        .claim_due(None, at(1), 1, at(100))
        .await
        .unwrap()
        .contacts
        .remove(0)
        .row;
    ledger.forget(&acd(1), leg(1), at(9)).await.unwrap();
    let change = held
        .change(held.contact.clone(), Schedule::at(at(10)), at(10))
        .details(super::details(1));
    assert!(ledger.save(change).await.unwrap_err().is_conflict());
    assert_eq!(record(&ledger, 1).await.row.lease_until, None);
    assert_eq!(record(&ledger, 1).await.details.present(), None);
}

async fn a_finished_contact_stays_what_it_is<L: Ledger>(ledger: L) {
    discover(&ledger, vec![telling(1)]).await;
    let row = record(&ledger, 1).await.row;
    let done = complete(row.contact.clone(), &[recording(1)]);
    ledger
        .save(row.change(done.clone(), Schedule::rest(), at(5)))
        .await
        .unwrap();
    let forgotten = ledger.forget(&acd(1), leg(1), at(9)).await.unwrap();
    let ccr = CcrId::try_from(41).unwrap();
    assert_eq!(forgotten.elsewhere.unwrap().ccr, Some(ccr));
    let after = record(&ledger, 1).await.row;
    assert_eq!(after.contact, done);
    assert_eq!((after.finished_at, after.stage_since), (Some(at(5)), at(5)));
    let last = ledger
        .history(&acd(1), leg(1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(
        last.note.as_deref(),
        Some("erased on request; Calabrio may still have contact 41")
    );
}

async fn what_may_have_been_sent_is_told<L: Ledger>(ledger: L) {
    discover(&ledger, vec![telling(1)]).await;
    let row = record(&ledger, 1).await.row;
    let mut sending = linked(row.contact.clone(), &[recording(1)]);
    if let contact_model::Stage::Linked(stage) = sending.stage {
        let sent = contact_model::Delivered::default();
        sending.stage = contact_model::Stage::Linked(stage.intend(sent, at(4)).unwrap());
    }
    ledger
        .save(row.change(sending, Schedule::at(at(5)), at(5)))
        .await
        .unwrap();
    let forgotten = ledger.forget(&acd(1), leg(1), at(9)).await.unwrap();
    assert!(forgotten.elsewhere.unwrap().perhaps_sent);
    let last = ledger
        .history(&acd(1), leg(1))
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(
        last.note.as_deref(),
        Some("erased on request; Calabrio may have a contact under the leg key")
    );
}

async fn a_forgotten_leg_keeps_its_messages_from_others<L: Ledger>(ledger: L) {
    discover(&ledger, vec![telling(1), telling(2)]).await;
    let row = record(&ledger, 1).await.row;
    let next = transcribed(row.contact.clone(), 5, 0, 9);
    ledger
        .save(row.change(next, Schedule::at(at(5)), at(5)))
        .await
        .unwrap();
    let forgotten = ledger.forget(&acd(1), leg(1), at(9)).await.unwrap();
    assert_eq!(
        forgotten.elsewhere.unwrap().conversations,
        [conversation(1), conversation(5)]
    );
    let row = record(&ledger, 2).await.row;
    let next = transcribed(row.contact.clone(), 5, 3, 4);
    let refused = ledger
        .save(row.change(next, Schedule::at(at(5)), at(5)))
        .await;
    assert!(refused.unwrap_err().is_conflict());
    // The conversation is told again, although the stage knows it no longer.
    let again = ledger.forget(&acd(1), leg(1), at(10)).await.unwrap();
    assert_eq!(again.elsewhere.unwrap().conversations, [conversation(5)]);
}

async fn forgetting_twice_erases_what_came_meanwhile<L: Ledger>(ledger: L) {
    discover(&ledger, vec![telling(1)]).await;
    ledger.forget(&acd(1), leg(1), at(9)).await.unwrap();
    ledger.receive(&[event(&acd(1), 1)], 100).await.unwrap();
    let again = ledger.forget(&acd(1), leg(1), at(20)).await.unwrap();
    assert_eq!(
        (again.details, again.messages, again.events, again.holds),
        (false, 0, 1, 0)
    );
    let after = record(&ledger, 1).await;
    assert_eq!(
        (after.row.forgotten_at, after.row.stage_since),
        (Some(at(9)), at(9))
    );
    assert_eq!(after.details, StoredDetails::Dropped { at: at(9) });
}

async fn nothing_is_forgotten_of_an_acd_that_is_not_known<L: Ledger>(ledger: L) {
    let forget = ledger.forget(&acd(1), leg(1), at(9)).await;
    assert!(matches!(forget, Err(LedgerError::UnknownAcd { .. })));
}

async fn contacts_are_found_by_a_text_in_their_details<L: Ledger>(ledger: L) {
    discover(&ledger, vec![telling(1), telling(2), found(&acd(1), 3, 0)]).await;
    let mut other = telling(1);
    other.contact.leg.acd = acd(2);
    discover(&ledger, vec![other]).await;
    let find = async |needle: &str, acd: Option<AcdKey>| {
        let found = ledger
            .find_by_text(needle, acd.as_ref(), 10, None)
            .await
            .unwrap();
        assert_eq!((found.unreadable, found.next), (0, None));
        found.legs
    };
    let (here, there) = ((acd(1), leg(1)), (acd(2), leg(1)));
    assert_eq!(
        find("+15550000001", None).await,
        [here.clone(), there.clone()]
    );
    assert_eq!(find("+1 (555) 000-0001", Some(acd(2))).await, [there]);
    assert_eq!(find("CA0000", Some(acd(1))).await.len(), 2);
    assert_eq!(find("nobody@example.com", None).await, []);
    assert_eq!(find("", None).await, []);
    // What was dropped is not found.
    let row = record(&ledger, 1).await.row;
    let mut change = row.change(row.contact.clone(), Schedule::at(at(1)), at(1));
    change.details = DetailsChange::Drop;
    ledger.save(change).await.unwrap();
    assert_eq!(find("+15550000001", Some(here.0)).await, []);
}

async fn a_search_goes_on_page_by_page<L: Ledger>(ledger: L) {
    discover(&ledger, (1..=5).map(telling).collect()).await;
    let (mut seen, mut after, mut pages): (Vec<LegId>, Option<RowMark>, u32) =
        (Vec::new(), None, 0);
    loop {
        let page = ledger.find_by_text("+1555", None, 2, after).await.unwrap();
        seen.extend(page.legs.into_iter().map(|(_, leg)| leg));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), ([1, 2, 3, 4, 5].map(leg).to_vec(), 3));
}
