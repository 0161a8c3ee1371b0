//! The rules of [`OutboxStore`](crate::OutboxStore): messages.

use std::time::Duration;

use bytes::Bytes;
use contact_model::FailureReason;

use super::contacts::discover;
use super::fixture::{acd, at, found, leg, linked, message, tell_complete, tell_failed};
use crate::{
    ClaimedMessage, Endpoint, LastAttempt, Ledger, MAX_ANSWER_BYTES, MessageAttempt, MessageFilter,
    MessageOutcome, MessageSettled, MessageSettlement, MessageState, Replayed, RowMark, Schedule,
    StoredBytes, Tell, Undelivered,
};

super::cases![
    a_message_is_claimed_sent_and_settled,
    a_message_that_failed_is_due_again_at_its_time,
    a_claim_that_ran_out_is_taken_over_and_the_first_holder_refused,
    one_that_is_not_held_spoils_no_other_of_its_batch,
    a_later_message_of_a_leg_waits_for_the_earlier_one,
    legs_and_acds_do_not_wait_for_each_other,
    messages_are_claimed_in_the_order_in_which_they_are_due,
    a_replayed_message_takes_its_old_place,
    a_message_under_way_is_not_replayed,
    a_range_is_replayed_with_or_without_what_was_delivered,
    what_nobody_has_taken_is_counted_by_leg,
    messages_are_listed_newest_first_and_filtered,
    lists_of_messages_are_paged_without_gap_or_repetition,
    no_more_of_an_answer_is_kept_than_is_allowed,
    claims_on_messages_end_when_the_next_worker_starts,
];

/// Discovers this leg and tells these of it, one after the other in seconds of their own.
pub(super) async fn tell<L: Ledger>(ledger: &L, acd_number: u8, number: u32, tells: Vec<Tell>) {
    let acd = acd(acd_number);
    if ledger.get(&acd, leg(number)).await.unwrap().is_none() {
        discover(ledger, vec![found(&acd, number, 0)]).await;
    }
    for (second, tell) in (1..).zip(tells) {
        let row = ledger.get(&acd, leg(number)).await.unwrap().unwrap().row;
        let next = linked(row.contact.clone(), &[]);
        let change = row
            .change(next, Schedule::at(at(900)), at(second))
            .tell(tell);
        ledger.save(change).await.unwrap();
    }
}

/// Says of each leg once that it is complete, as the message of its number.
pub(super) async fn tell_each<L: Ledger>(ledger: &L, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        tell(ledger, 1, number, vec![tell_complete(number)]).await;
    }
}

pub(super) fn attempt(second: i64, status: u16) -> MessageAttempt {
    MessageAttempt {
        at: at(second),
        took: Duration::from_millis(250),
        status: Some(status),
        failure: None,
        reason: None,
        answer: Bytes::from_static(b"thank you"),
    }
}

pub(super) fn settlement(claimed: &ClaimedMessage, outcome: MessageOutcome) -> MessageSettlement {
    MessageSettlement {
        id: claimed.id.clone(),
        claim: claimed.claim,
        attempt: attempt(
            20,
            if outcome == MessageOutcome::Delivered {
                204
            } else {
                503
            },
        ),
        outcome,
    }
}

/// Leaves the endpoint as it is.
pub(super) fn no_judge(_: usize, before: &Endpoint) -> Endpoint {
    before.clone()
}

pub(super) async fn claim<L: Ledger>(ledger: &L, now: i64, until: i64) -> Vec<ClaimedMessage> {
    let claimed = ledger
        .claim_messages(&acd(1), at(now), 10, at(until))
        .await
        .unwrap();
    assert_eq!(claimed.unreadable, Vec::<String>::new());
    claimed.messages
}

pub(super) async fn settle<L: Ledger>(
    ledger: &L,
    claimed: &ClaimedMessage,
    outcome: MessageOutcome,
    now: i64,
) -> MessageSettled {
    ledger
        .settle_messages(&[settlement(claimed, outcome)], &no_judge, at(now))
        .await
        .unwrap()
        .remove(0)
}

fn ids(claimed: &[ClaimedMessage]) -> Vec<&str> {
    claimed.iter().map(|message| message.id.as_str()).collect()
}

async fn a_message_is_claimed_sent_and_settled<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=1).await;
    assert_eq!(ledger.next_message_due(&acd(1)).await.unwrap(), Some(at(1)));
    assert_eq!(claim(&ledger, 0, 9).await, []);
    let claimed = claim(&ledger, 2, 30).await.remove(0);
    assert_eq!(
        (claimed.id.as_str(), claimed.claim, claimed.attempts),
        (message(1).as_str(), 1, 0)
    );
    assert_eq!(
        (&claimed.acd, claimed.leg, claimed.created_at),
        (&acd(1), leg(1), at(1))
    );
    assert_eq!(claimed.body, Bytes::from_static(br#"{"message":1}"#));
    assert_eq!(
        ledger.next_message_due(&acd(1)).await.unwrap(),
        Some(at(30))
    );
    assert_eq!(claim(&ledger, 29, 40).await, []);
    let settled = settle(&ledger, &claimed, MessageOutcome::Delivered, 21).await;
    assert!(matches!(settled, MessageSettled::Recorded { .. }));
    let record = ledger.message(&message(1)).await.unwrap().unwrap();
    assert_eq!(
        (record.row.state, record.row.settled_at, record.row.due_at),
        (MessageState::Delivered, Some(at(21)), None)
    );
    let last = LastAttempt {
        at: at(20),
        took_ms: 250,
        status: Some(204),
        failure: None,
        reason: None,
    };
    assert_eq!((record.row.last, record.row.attempts), (Some(last), 0));
    assert_eq!(record.answer, StoredBytes::Present("thank you".into()));
    assert_eq!(ledger.next_message_due(&acd(1)).await.unwrap(), None);
    assert_eq!(claim(&ledger, 500, 600).await, []);
    assert_eq!(
        settle(&ledger, &claimed, MessageOutcome::Delivered, 22).await,
        MessageSettled::NotHeld
    );
}

async fn a_message_that_failed_is_due_again_at_its_time<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=1).await;
    let first = claim(&ledger, 2, 30).await.remove(0);
    settle(&ledger, &first, MessageOutcome::RetryAt(at(60)), 21).await;
    assert_eq!(claim(&ledger, 59, 90).await, []);
    let second = claim(&ledger, 60, 90).await.remove(0);
    assert_eq!((second.attempts, second.claim), (1, 2));
    settle(&ledger, &second, MessageOutcome::Exhausted, 61).await;
    let row = ledger.message(&message(1)).await.unwrap().unwrap().row;
    assert_eq!(
        (row.state, row.attempts, row.settled_at),
        (MessageState::Exhausted, 2, Some(at(61)))
    );
    assert_eq!(row.last.unwrap().status, Some(503));
    assert_eq!(claim(&ledger, 500, 600).await, []);
}

async fn a_claim_that_ran_out_is_taken_over_and_the_first_holder_refused<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=1).await;
    let first = claim(&ledger, 2, 30).await.remove(0);
    let second = claim(&ledger, 30, 60).await.remove(0);
    assert_eq!((first.claim, second.claim), (1, 2));
    assert_eq!(
        settle(&ledger, &first, MessageOutcome::Delivered, 31).await,
        MessageSettled::NotHeld
    );
    let row = ledger.message(&message(1)).await.unwrap().unwrap().row;
    assert_eq!((row.state, row.last), (MessageState::Pending, None));
    assert!(matches!(
        settle(&ledger, &second, MessageOutcome::Delivered, 32).await,
        MessageSettled::Recorded { .. }
    ));
}

async fn one_that_is_not_held_spoils_no_other_of_its_batch<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=3).await;
    let claimed = claim(&ledger, 2, 30).await;
    let mut batch: Vec<_> = claimed
        .iter()
        .map(|message| settlement(message, MessageOutcome::Delivered))
        .collect();
    batch[1].claim = 9;
    batch.push(MessageSettlement {
        id: message(99),
        ..batch[0].clone()
    });
    let settled = ledger
        .settle_messages(&batch, &no_judge, at(21))
        .await
        .unwrap();
    let held: Vec<_> = settled
        .iter()
        .map(|settled| *settled != MessageSettled::NotHeld)
        .collect();
    assert_eq!(held, [true, false, true, false]);
}

async fn a_later_message_of_a_leg_waits_for_the_earlier_one<L: Ledger>(ledger: L) {
    let tells = vec![
        tell_failed(FailureReason::NotRecorded, 1),
        tell_complete(2),
        tell_failed(FailureReason::Refused, 3),
    ];
    tell(&ledger, 1, 1, tells).await;
    let first = claim(&ledger, 9, 30).await;
    assert_eq!(ids(&first), [message(1)]);
    assert_eq!(claim(&ledger, 9, 30).await, [], "also while it is claimed");
    settle(&ledger, &first[0], MessageOutcome::RetryAt(at(60)), 21).await;
    assert_eq!(
        claim(&ledger, 59, 70).await,
        [],
        "also while it waits to be tried again"
    );
    assert_eq!(
        ledger.next_message_due(&acd(1)).await.unwrap(),
        Some(at(60))
    );
    let again = claim(&ledger, 60, 90).await;
    settle(&ledger, &again[0], MessageOutcome::Exhausted, 61).await;
    let second = claim(&ledger, 61, 90).await;
    assert_eq!(ids(&second), [message(2)]);
    settle(&ledger, &second[0], MessageOutcome::Delivered, 62).await;
    assert_eq!(ids(&claim(&ledger, 62, 90).await), [message(3)]);
}

async fn legs_and_acds_do_not_wait_for_each_other<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=1).await;
    tell(&ledger, 2, 1, vec![tell_complete(11)]).await;
    let first = claim(&ledger, 9, 30).await;
    settle(&ledger, &first[0], MessageOutcome::RetryAt(at(60)), 21).await;
    tell_each(&ledger, 2..=2).await;
    assert_eq!(ids(&claim(&ledger, 22, 30).await), [message(2)]);
    let other = ledger
        .claim_messages(&acd(2), at(22), 10, at(30))
        .await
        .unwrap();
    assert_eq!(ids(&other.messages), [message(11)]);
    assert!(
        ledger
            .claim_messages(&acd(3), at(22), 10, at(30))
            .await
            .is_err()
    );
}

async fn messages_are_claimed_in_the_order_in_which_they_are_due<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=3).await;
    let claimed = claim(&ledger, 2, 30).await;
    assert_eq!(ids(&claimed), [1, 2, 3].map(message));
    for (message, due) in claimed.iter().zip([70, 50, 60]) {
        settle(&ledger, message, MessageOutcome::RetryAt(at(due)), 21).await;
    }
    let two = ledger
        .claim_messages(&acd(1), at(80), 2, at(90))
        .await
        .unwrap();
    assert_eq!(ids(&two.messages), [2, 3].map(message));
    assert_eq!(ids(&claim(&ledger, 80, 90).await), [message(1)]);
}

async fn a_replayed_message_takes_its_old_place<L: Ledger>(ledger: L) {
    let tells = vec![tell_failed(FailureReason::NotRecorded, 1), tell_complete(2)];
    tell(&ledger, 1, 1, tells).await;
    let first = claim(&ledger, 9, 30).await;
    settle(&ledger, &first[0], MessageOutcome::Exhausted, 21).await;
    assert_eq!(
        ledger.replay_message(&message(1), at(40)).await.unwrap(),
        Replayed::Due
    );
    let again = claim(&ledger, 40, 60).await;
    assert_eq!(ids(&again), [message(1)], "the later one waits again");
    assert_eq!((again[0].attempts, again[0].claim), (0, 2));
    assert_eq!(again[0].body, first[0].body);
    settle(&ledger, &again[0], MessageOutcome::Delivered, 41).await;
    let second = claim(&ledger, 41, 60).await;
    assert_eq!(ids(&second), [message(2)]);
    settle(&ledger, &second[0], MessageOutcome::Delivered, 42).await;
    // What was taken can be sent again, too.
    assert_eq!(
        ledger.replay_message(&message(2), at(50)).await.unwrap(),
        Replayed::Due
    );
    assert_eq!(ids(&claim(&ledger, 50, 60).await), [message(2)]);
    assert_eq!(
        ledger.replay_message(&message(9), at(50)).await.unwrap(),
        Replayed::Unknown
    );
}

async fn a_message_under_way_is_not_replayed<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=1).await;
    let claimed = claim(&ledger, 2, 30).await.remove(0);
    assert_eq!(
        ledger.replay_message(&message(1), at(29)).await.unwrap(),
        Replayed::UnderWay
    );
    assert!(matches!(
        settle(&ledger, &claimed, MessageOutcome::RetryAt(at(900)), 29).await,
        MessageSettled::Recorded { .. }
    ));
    // One that waits for another attempt is tried at once.
    assert_eq!(
        ledger.replay_message(&message(1), at(31)).await.unwrap(),
        Replayed::Due
    );
    let again = claim(&ledger, 31, 60).await.remove(0);
    assert_eq!((again.attempts, again.claim), (0, 2));
    // One whose holder is gone as well: its settlement comes too late.
    assert_eq!(
        ledger.replay_message(&message(1), at(60)).await.unwrap(),
        Replayed::Due
    );
    assert_eq!(
        settle(&ledger, &again, MessageOutcome::Delivered, 61).await,
        MessageSettled::NotHeld
    );
}

async fn a_range_is_replayed_with_or_without_what_was_delivered<L: Ledger>(ledger: L) {
    // Of one leg, in seconds 1 to 4: exhausted, delivered, exhausted, pending.
    let tells = vec![
        tell_complete(1),
        tell_failed(FailureReason::NotRecorded, 2),
        tell_complete(3),
        tell_failed(FailureReason::NotRecorded, 4),
    ];
    tell(&ledger, 1, 1, tells).await;
    for outcome in [
        MessageOutcome::Exhausted,
        MessageOutcome::Delivered,
        MessageOutcome::Exhausted,
    ] {
        let next = claim(&ledger, 9, 30).await.remove(0);
        settle(&ledger, &next, outcome, 9).await;
    }
    let replay = async |from, to, delivered| {
        ledger
            .replay_messages(&acd(1), at(from), at(to), delivered, at(40))
            .await
            .unwrap()
    };
    assert_eq!(
        replay(4, 99, true).await,
        0,
        "what is pending goes on by itself"
    );
    assert_eq!(replay(0, 3, false).await, 1);
    assert_eq!(ids(&claim(&ledger, 40, 50).await), [message(1)]);
    assert_eq!(replay(2, 4, true).await, 2);
    // In their old order, each when the one before is settled.
    let mut order = Vec::new();
    for now in [50, 51, 52, 53] {
        let next = claim(&ledger, now, now + 1).await.remove(0);
        settle(&ledger, &next, MessageOutcome::Delivered, now).await;
        order.push(next.id);
    }
    assert_eq!(order, [1, 2, 3, 4].map(message));
    assert!(
        ledger
            .replay_messages(&acd(3), at(0), at(9), true, at(40))
            .await
            .is_err()
    );
}

async fn what_nobody_has_taken_is_counted_by_leg<L: Ledger>(ledger: L) {
    let of = async |number| {
        ledger
            .undelivered_of_leg(&acd(1), leg(number))
            .await
            .unwrap()
    };
    assert!(of(1).await.is_none());
    let tells = vec![tell_failed(FailureReason::NotRecorded, 1), tell_complete(2)];
    tell(&ledger, 1, 1, tells).await;
    tell_each(&ledger, 3..=3).await;
    let undelivered = |pending, exhausted| Undelivered { pending, exhausted };
    assert_eq!(of(1).await, undelivered(2, 0));
    let claimed = claim(&ledger, 9, 30).await;
    settle(&ledger, &claimed[0], MessageOutcome::Exhausted, 21).await;
    assert_eq!(
        (of(1).await, of(1).await.is_none()),
        (undelivered(1, 1), false)
    );
    let claimed = claim(&ledger, 21, 50).await;
    settle(&ledger, &claimed[0], MessageOutcome::Delivered, 22).await;
    assert_eq!(
        (of(1).await, of(3).await),
        (undelivered(0, 1), undelivered(1, 0))
    );
}

async fn messages_are_listed_newest_first_and_filtered<L: Ledger>(ledger: L) {
    let tells = vec![tell_failed(FailureReason::NotRecorded, 1), tell_complete(2)];
    tell(&ledger, 1, 1, tells).await;
    tell_each(&ledger, 3..=3).await;
    tell(&ledger, 2, 1, vec![tell_complete(4)]).await;
    let claimed = claim(&ledger, 9, 30).await;
    settle(&ledger, &claimed[0], MessageOutcome::Delivered, 21).await;
    let list = async |filter: MessageFilter| {
        let page = ledger.messages(&filter, 10, None).await.unwrap();
        assert_eq!(page.next, None);
        page.messages
            .into_iter()
            .map(|row| row.id)
            .collect::<Vec<_>>()
    };
    let all = MessageFilter::default;
    assert_eq!(list(all()).await, [4, 3, 2, 1].map(message));
    let of = MessageFilter {
        acd: Some(acd(2)),
        ..all()
    };
    assert_eq!(list(of).await, [message(4)]);
    let of = MessageFilter {
        states: vec![MessageState::Delivered, MessageState::Exhausted],
        ..all()
    };
    assert_eq!(list(of).await, [message(1)]);
    let of = MessageFilter {
        acd: Some(acd(1)),
        leg: Some(leg(1)),
        ..all()
    };
    assert_eq!(list(of).await, [2, 1].map(message));
    let of = MessageFilter {
        from: Some(at(2)),
        to: Some(at(3)),
        ..all()
    };
    assert_eq!(list(of).await, [message(2)]);
}

async fn lists_of_messages_are_paged_without_gap_or_repetition<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=5).await;
    let (mut seen, mut after): (Vec<String>, Option<RowMark>) = (Vec::new(), None);
    loop {
        let page = ledger
            .messages(&MessageFilter::default(), 2, after)
            .await
            .unwrap();
        assert!((1..=2).contains(&page.messages.len()));
        seen.extend(page.messages.into_iter().map(|row| row.id));
        if seen.len() == 2 {
            tell_each(&ledger, 6..=6).await;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(message));
}

async fn no_more_of_an_answer_is_kept_than_is_allowed<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=1).await;
    let claimed = claim(&ledger, 2, 30).await.remove(0);
    let mut long = settlement(&claimed, MessageOutcome::RetryAt(at(60)));
    long.attempt.answer = vec![b'x'; MAX_ANSWER_BYTES + 1].into();
    ledger
        .settle_messages(&[long], &no_judge, at(21))
        .await
        .unwrap();
    let kept = ledger.message(&message(1)).await.unwrap().unwrap().answer;
    assert_eq!(kept.present().unwrap().len(), MAX_ANSWER_BYTES);
    let again = claim(&ledger, 60, 90).await.remove(0);
    let mut silent = settlement(&again, MessageOutcome::Exhausted);
    silent.attempt = MessageAttempt {
        status: None,
        failure: Some("timeout".into()),
        reason: Some("no answer within 15 s".into()),
        answer: Bytes::new(),
        ..silent.attempt
    };
    ledger
        .settle_messages(&[silent], &no_judge, at(61))
        .await
        .unwrap();
    let record = ledger.message(&message(1)).await.unwrap().unwrap();
    let last = record.row.last.unwrap();
    assert_eq!(
        (last.status, last.failure.as_deref(), last.reason.as_deref()),
        (None, Some("timeout"), Some("no answer within 15 s"))
    );
    assert_eq!(record.answer, StoredBytes::Absent);
}

async fn claims_on_messages_end_when_the_next_worker_starts<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=1).await;
    let before = claim(&ledger, 2, 900).await.remove(0);
    ledger.release_all().await.unwrap();
    assert_eq!(
        settle(&ledger, &before, MessageOutcome::Delivered, 3).await,
        MessageSettled::NotHeld
    );
    assert_eq!(claim(&ledger, 3, 900).await.remove(0).claim, 2);
}
