//! Webhook messages and pushed events that went bad, sealing of both, and what goes in many steps.

use contact_model::FailureReason;

use super::super::{deletions, inbox, outbox};
use super::{at, filled, key, open, step, tamper};
use crate::conformance::{acd, details, event, found, leg, message, tell_complete, tell_failed};
use crate::{
    AcdStore as _, ContactStore as _, CursorStore as _, DetailsFault, Endpoint, ErasureStore as _,
    Inbox as _, LedgerError, MessageAttempt, MessageOutcome, MessageSettlement, MessageState,
    NewLeg, OutboxStore as _, Retention, RetentionStore as _, Schedule, Sealing, SqliteLedger,
    SqliteOptions, StoredBytes, Tell, keep,
};

/// Tells this of a leg.
async fn tell(ledger: &SqliteLedger, number: u32, tell: Tell) {
    let row = ledger.get(&acd(1), leg(number)).await.unwrap().unwrap().row;
    let change = row.change(row.contact.clone(), Schedule::at(at(900)), at(1));
    ledger.save(change.tell(tell)).await.unwrap();
}

/// Claims the messages that are due and settles the first as exhausted, with an answer.
async fn give_up(ledger: &SqliteLedger) {
    let claimed = ledger
        .claim_messages(&acd(1), at(9), 1, at(99))
        .await
        .unwrap();
    let first = &claimed.messages[0];
    let attempt = MessageAttempt {
        at: at(9),
        took: std::time::Duration::from_millis(1),
        status: Some(500),
        failure: None,
        reason: None,
        answer: "no, +15550100".into(),
    };
    let settlement = MessageSettlement {
        id: first.id.clone(),
        claim: first.claim,
        attempt,
        outcome: MessageOutcome::Exhausted,
    };
    let same = |_: usize, before: &Endpoint| before.clone();
    ledger
        .settle_messages(&[settlement], &same, at(10))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_set_aside_and_makes_way_for_the_next_of_its_leg() {
    let directory = tempfile::tempdir().unwrap();
    let sealed = SqliteOptions::default().sealing(Sealing::under(key(1)));
    let ledger = filled(&directory, sealed).await;
    tell(&ledger, 1, tell_failed(FailureReason::Refused, 1)).await;
    tell(&ledger, 1, tell_complete(2)).await;
    tell(&ledger, 2, tell_complete(3)).await;
    tamper(
        &ledger,
        "UPDATE outbox SET body = (SELECT body FROM outbox WHERE id = 2) WHERE id = 1",
    )
    .await;
    tamper(
        &ledger,
        "UPDATE outbox SET status_json = '{\"status\":\"+15550100\"}' WHERE id = 3",
    )
    .await;
    let claimed = ledger
        .claim_messages(&acd(1), at(9), 9, at(99))
        .await
        .unwrap();
    assert_eq!(claimed.messages, []);
    assert_eq!(claimed.unreadable, [message(1), message(3)]);
    let next = ledger
        .claim_messages(&acd(1), at(9), 9, at(99))
        .await
        .unwrap();
    assert_eq!(next.unreadable, Vec::<String>::new());
    assert_eq!(next.messages[0].id, message(2));
    let record = ledger.message(&message(1)).await.unwrap().unwrap();
    assert_eq!(
        (record.row.state, record.row.settled_at),
        (MessageState::Exhausted, Some(at(9)))
    );
    assert_eq!(
        record.body,
        StoredBytes::Unreadable(DetailsFault::NotAuthentic)
    );
    let error = ledger.message(&message(3)).await.unwrap_err();
    assert!(matches!(error, LedgerError::Unreadable { .. }), "{error}");
    assert!(!error.to_string().contains("5550100"), "{error}");
    let left = ledger.undelivered_of_leg(&acd(1), leg(1)).await.unwrap();
    assert_eq!((left.pending, left.exhausted), (1, 1));
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_settled_and_holds_up_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let sealed = SqliteOptions::default().sealing(Sealing::under(key(1)));
    let ledger = filled(&directory, sealed).await;
    let events = [event(&acd(1), 1), event(&acd(1), 2), event(&acd(1), 3)];
    ledger.receive(&events, 10).await.unwrap();
    tamper(
        &ledger,
        "UPDATE inbox SET payload = (SELECT payload FROM inbox WHERE id = 1) WHERE id = 2",
    )
    .await;
    let claimed = ledger.claim_events(at(9), 9, at(99)).await.unwrap();
    assert_eq!((claimed.events.len(), claimed.unreadable), (2, 1));
    assert_eq!(ledger.inbox_backlog().await.unwrap()[0].waiting, 2);
    let again = ledger.receive(&events, 10).await.unwrap();
    assert_eq!((again.stored, again.duplicates), (0, 3));
}

#[tokio::test]
async fn bodies_answers_and_payloads_are_sealed_and_a_rotation_takes_them_along() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    tell(&ledger, 1, tell_complete(1)).await;
    tell(&ledger, 2, tell_complete(2)).await;
    give_up(&ledger).await;
    ledger.receive(&[event(&acd(1), 1)], 10).await.unwrap();
    let at_rest = ledger.details_at_rest().await.unwrap();
    assert_eq!(
        (at_rest.len(), at_rest[0].contacts, at_rest[0].others),
        (1, 3, 4)
    );
    for (sealing, marker) in [
        (Sealing::under(key(1)), key(1)),
        (Sealing::under(key(2)).also_reading(key(1)), key(2)),
    ] {
        let beside = SqliteOptions::default().sealing(sealing);
        let beside = SqliteLedger::open_beside(ledger.path(), beside)
            .await
            .unwrap();
        while beside.reseal(2).await.unwrap() > 0 {}
        let at_rest = beside.details_at_rest().await.unwrap();
        assert_eq!(
            (at_rest.len(), at_rest[0].key.as_deref(), at_rest[0].others),
            (1, Some(marker.id()), 4)
        );
        let record = beside.message(&message(1)).await.unwrap().unwrap();
        assert_eq!(record.body, StoredBytes::Present(r#"{"message":1}"#.into()));
        assert_eq!(record.answer, StoredBytes::Present("no, +15550100".into()));
        let stored: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT body FROM outbox UNION ALL SELECT answer FROM outbox WHERE answer IS NOT NULL \
             UNION ALL SELECT payload FROM inbox",
        )
        .fetch_all(&beside.inner.reader)
        .await
        .unwrap();
        for bytes in stored {
            for plain in ["message", "5550100", "task"] {
                let shows = bytes.windows(plain.len()).any(|w| w == plain.as_bytes());
                assert!(!shows, "{plain}");
            }
        }
        beside.close().await;
    }
    // What no contact needs the key for may still need it.
    let retention = Retention::default();
    sqlx::query("UPDATE contact SET details = NULL, details_seal = NULL")
        .execute(&ledger.inner.writer)
        .await
        .unwrap();
    ledger.prune(at(0), &retention, 1).await.unwrap();
    let error = SqliteLedger::open_beside(ledger.path(), SqliteOptions::default())
        .await
        .unwrap_err();
    assert!(
        matches!(
            &error,
            LedgerError::SealingKeyMissing {
                contacts: 0,
                others: 4,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_keeps_nothing_else_from_being_sealed_anew() {
    let directory = tempfile::tempdir().unwrap();
    let sealed = SqliteOptions::default().sealing(Sealing::under(key(1)));
    let ledger = filled(&directory, sealed).await;
    let events = [event(&acd(1), 1), event(&acd(1), 2), event(&acd(1), 3)];
    ledger.receive(&events, 10).await.unwrap();
    tamper(&ledger, "UPDATE inbox SET payload = x'00' WHERE id = 1").await;
    let rotated = Sealing::under(key(2)).also_reading(key(1));
    let beside = SqliteOptions::default().sealing(rotated);
    let beside = SqliteLedger::open_beside(ledger.path(), beside)
        .await
        .unwrap();
    while beside.reseal(1).await.unwrap() > 0 {}
    let mut at_rest = beside.details_at_rest().await.unwrap();
    at_rest.retain(|kept| kept.key.as_deref() == Some(key(2).id()));
    assert_eq!((at_rest[0].contacts, at_rest[0].others), (3, 2));
}

#[tokio::test]
async fn answers_go_with_the_details_and_messages_with_the_rows() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    tell(&ledger, 1, tell_complete(1)).await;
    tell(&ledger, 2, tell_complete(2)).await;
    give_up(&ledger).await;
    let retention = Retention::default();
    let prune = async |days| {
        let now = at(10) + chrono::TimeDelta::days(days);
        ledger.prune(now, &retention, 10).await.unwrap()
    };
    let pruned = prune(7).await;
    assert_eq!((pruned.answers, pruned.messages), (1, 0));
    let record = ledger.message(&message(1)).await.unwrap().unwrap();
    assert_eq!(record.answer, StoredBytes::Absent);
    assert_eq!(record.row.last.unwrap().status, Some(500));
    let pruned = prune(400).await;
    assert_eq!((pruned.answers, pruned.messages), (0, 1));
    assert_eq!(ledger.message(&message(1)).await.unwrap(), None);
    // What may still be sent stays.
    assert!(ledger.message(&message(2)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_large_acd_is_removed_in_many_steps() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(&directory, SqliteOptions::default()).await;
    ledger.register(&acd(1), "Sales").await.unwrap();
    let new = |number| NewLeg {
        details: Some(details(number)),
        ..found(&acd(1), number, 0)
    };
    let legs = (1..=1203).map(new).collect();
    ledger.advance(step(None, 60, legs), &keep).await.unwrap();
    let events: Vec<_> = (1..=1001).map(|number| event(&acd(1), number)).collect();
    ledger.receive(&events, 2000).await.unwrap();
    let removed = ledger.remove(&acd(1), true).await.unwrap();
    assert_eq!(
        (removed.contacts, removed.unfinished, removed.events),
        (1203, 1203, 1001)
    );
    ledger.verify().await.unwrap();
    assert_eq!(ledger.acds().await.unwrap(), []);
}

#[tokio::test]
async fn a_search_tells_how_many_contacts_it_could_not_look_into() {
    let directory = tempfile::tempdir().unwrap();
    let sealed = SqliteOptions::default().sealing(Sealing::under(key(1)));
    let ledger = filled(&directory, sealed).await;
    tamper(&ledger, "UPDATE contact SET details = x'00' WHERE id = 2").await;
    let found = ledger.find_by_text("+1555", None, 10, None).await.unwrap();
    assert_eq!(
        (found.legs, found.unreadable, found.next),
        (vec![(acd(1), leg(1)), (acd(1), leg(3))], 1, None)
    );
    // They can be forgotten nonetheless.
    let forgotten = ledger.forget(&acd(1), leg(2), at(9)).await.unwrap();
    assert!(forgotten.details);
}

#[tokio::test]
async fn what_is_claimed_or_counted_often_is_found_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = filled(&directory, SqliteOptions::default()).await;
    for (statement, found_by) in [
        (outbox::CLAIM, "SEARCH o USING INDEX outbox_due"),
        (outbox::LEASE, "SEARCH outbox USING INTEGER PRIMARY KEY"),
        (outbox::ORDER_LEG, "SEARCH outbox USING INDEX outbox_leg"),
        (
            outbox::ORDER_LEGS_OF,
            "SEARCH outbox USING INDEX outbox_leg (acd=? AND leg=?)",
        ),
        (inbox::WAITING, "SCAN inbox_count"),
        (inbox::CLAIM, "SCAN i USING INDEX inbox_waiting"),
        (inbox::LEASE, "SEARCH inbox USING INTEGER PRIMARY KEY"),
        (inbox::HELD, "SEARCH inbox USING INTEGER PRIMARY KEY"),
        (inbox::SETTLE, "SEARCH inbox USING INTEGER PRIMARY KEY"),
        (
            deletions::CANDIDATES,
            "SEARCH d USING INDEX source_deletion_next",
        ),
    ] {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain)
            .fetch_all(&ledger.inner.reader)
            .await
            .unwrap();
        let plan: Vec<_> = rows.into_iter().map(|row| row.3).collect();
        let plan = plan.join("; ");
        assert!(plan.contains(found_by), "{statement}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{statement}: {plan}");
    }
}
