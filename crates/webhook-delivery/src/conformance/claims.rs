//! Who may hold which message, and in which order.

use super::Fixture;
use super::bench::{Bench, at, attempt, settlement};
use crate::AttemptOutcome::{Delivered, Exhausted, RetryAt};
use crate::{Attempt, AttemptResult, FailureKind, MessageState, Outbox, Settled};

super::cases![
    a_message_is_claimed_exactly_as_it_was_put,
    an_id_that_is_there_already_is_not_put_again,
    nothing_is_claimed_before_it_is_due,
    no_more_is_claimed_than_asked_for_and_those_due_longest_first,
    a_later_message_of_a_key_is_not_claimed_before_the_earlier_ones_are_settled,
    an_exhausted_message_holds_nothing_up,
    one_key_never_blocks_another,
    order_is_kept_per_endpoint,
    order_is_that_of_arrival_and_not_of_creation,
    a_claim_that_ran_out_is_taken_over_and_the_first_holder_changes_nothing,
    an_attempt_is_recorded_once,
    one_lost_claim_does_not_spoil_the_others,
    every_kind_of_attempt_is_kept_as_it_was,
];

async fn a_message_is_claimed_exactly_as_it_was_put<F: Fixture>(bench: &Bench<'_, F>) {
    let message = bench.message(1, 1, 1, 5);
    bench.fixture.put(&bench.outbox, message.clone()).await;
    let row = bench.row(1).await;
    assert_eq!(row.message, message);
    assert_eq!(row.state, MessageState::Waiting { due: at(5) });
    assert_eq!((row.claimed_until, row.last_attempt), (None, None));
    let claims = bench.claim(5).await;
    assert_eq!(claims.len(), 1);
    assert_eq!((&claims[0].message, claims[0].claim), (&message, 1));
    assert_eq!(bench.row(1).await.claimed_until, Some(at(15)));
    let unknown = bench.outbox.message(&bench.fixture.id(9)).await.unwrap();
    assert_eq!(unknown, None);
}

async fn an_id_that_is_there_already_is_not_put_again<F: Fixture>(bench: &Bench<'_, F>) {
    bench.put(1, 1).await;
    let claims = bench.claim(0).await;
    bench.record(&claims[0], Delivered, 1).await;
    bench.put(1, 1).await;
    assert_eq!(bench.state(1).await, MessageState::Delivered { at: at(1) });
    assert!(bench.claim(2).await.is_empty());
}

async fn nothing_is_claimed_before_it_is_due<F: Fixture>(bench: &Bench<'_, F>) {
    bench.put_for(1, 1, 1, 5).await;
    assert!(bench.claim(4).await.is_empty());
    let claims = bench.claim(5).await;
    bench.record(&claims[0], RetryAt(at(60)), 6).await;
    let row = bench.row(1).await;
    assert_eq!(row.state, MessageState::Waiting { due: at(60) });
    assert_eq!((row.message.attempts, row.claimed_until), (1, None));
    assert_eq!(row.last_attempt, Some(attempt(500, 6)));
    assert!(bench.claim(59).await.is_empty());
    let again = bench.claim(60).await;
    assert_eq!((again[0].message.attempts, again[0].claim), (1, 2));
}

async fn no_more_is_claimed_than_asked_for_and_those_due_longest_first<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    for (number, second) in [(1, 3), (2, 1), (3, 2), (4, 1)] {
        let key = u8::try_from(number).unwrap();
        bench.put_for(number, 1, key, second).await;
    }
    let endpoint = bench.fixture.endpoint(1);
    let some = bench
        .outbox
        .claim(&endpoint, 3, at(9), at(19))
        .await
        .unwrap();
    assert_eq!(bench.numbers(&some), [2, 4, 3]);
    let none = bench
        .outbox
        .claim(&endpoint, 0, at(9), at(19))
        .await
        .unwrap();
    assert!(none.is_empty());
    assert_eq!(bench.claimed(9).await, [1]);
}

async fn a_later_message_of_a_key_is_not_claimed_before_the_earlier_ones_are_settled<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    for number in 1..=3 {
        bench.put(number, 1).await;
    }
    let first = bench.claim(0).await;
    assert_eq!(bench.numbers(&first), [1]);
    assert!(bench.claim(1).await.is_empty());
    bench.record(&first[0], RetryAt(at(100)), 2).await;
    assert!(bench.claim(50).await.is_empty());
    let first = bench.claim(100).await;
    assert_eq!(bench.numbers(&first), [1]);
    bench.record(&first[0], Delivered, 101).await;
    let second = bench.claim(101).await;
    assert_eq!(bench.numbers(&second), [2]);
    bench.record(&second[0], Delivered, 102).await;
    assert_eq!(bench.claimed(102).await, [3]);
}

async fn an_exhausted_message_holds_nothing_up<F: Fixture>(bench: &Bench<'_, F>) {
    bench.put(1, 1).await;
    bench.put(2, 1).await;
    let first = bench.claim(0).await;
    bench.record(&first[0], Exhausted, 1).await;
    let row = bench.row(1).await;
    assert_eq!(row.state, MessageState::Exhausted { at: at(1) });
    assert_eq!(row.message.attempts, 1);
    assert_eq!(bench.claimed(1).await, [2]);
}

async fn one_key_never_blocks_another<F: Fixture>(bench: &Bench<'_, F>) {
    for (number, key) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)] {
        bench.put(number, key).await;
    }
    let claims = bench.claim(0).await;
    assert_eq!(bench.numbers(&claims), [1, 3, 5]);
    bench.record(&claims[0], RetryAt(at(1000)), 1).await;
    bench.record(&claims[1], Delivered, 1).await;
    assert_eq!(bench.claimed(2).await, [4]);
}

async fn order_is_kept_per_endpoint<F: Fixture>(bench: &Bench<'_, F>) {
    bench.put_for(1, 1, 1, 0).await;
    bench.put_for(2, 2, 1, 0).await;
    bench.put_for(3, 1, 1, 0).await;
    let (first, second) = (bench.claim_for(1, 0).await, bench.claim_for(2, 0).await);
    assert_eq!(
        (bench.numbers(&first), bench.numbers(&second)),
        (vec![1], vec![2])
    );
    assert!(bench.claim_for(3, 0).await.is_empty());
}

async fn order_is_that_of_arrival_and_not_of_creation<F: Fixture>(bench: &Bench<'_, F>) {
    bench.put_for(1, 1, 1, 8).await;
    bench.put_for(2, 1, 1, 3).await;
    assert!(bench.claim(5).await.is_empty());
    assert_eq!(bench.claimed(8).await, [1]);
}

async fn a_claim_that_ran_out_is_taken_over_and_the_first_holder_changes_nothing<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    bench.put(1, 1).await;
    bench.put(2, 1).await;
    let first = bench.claim(0).await;
    assert!(bench.claim(9).await.is_empty());
    let second = bench.claim(10).await;
    assert_eq!(bench.numbers(&second), [1]);
    assert_eq!((second[0].claim, second[0].message.attempts), (2, 0));
    let late = bench
        .settle(&[settlement(&first[0], Delivered, 11)], 11)
        .await;
    assert_eq!(late, [Settled::NotHeld]);
    assert_eq!(bench.row(1).await.last_attempt, None);
    assert_eq!(bench.endpoint(1).await, crate::EndpointState::default());
    bench.record(&second[0], Delivered, 12).await;
    assert_eq!(bench.state(1).await, MessageState::Delivered { at: at(12) });
    // A holder whose claim ran out may still record, as long as nobody took it over.
    let slow = bench.claim(12).await;
    bench.record(&slow[0], Delivered, 99).await;
}

async fn an_attempt_is_recorded_once<F: Fixture>(bench: &Bench<'_, F>) {
    bench.put(1, 1).await;
    let claims = bench.claim(0).await;
    bench.record(&claims[0], RetryAt(at(5)), 1).await;
    let twice = bench
        .settle(&[settlement(&claims[0], Delivered, 2)], 2)
        .await;
    assert_eq!(twice, [Settled::NotHeld]);
    assert_eq!(bench.state(1).await, MessageState::Waiting { due: at(5) });
    let claims = bench.claim(5).await;
    let both = [
        settlement(&claims[0], Delivered, 6),
        settlement(&claims[0], Exhausted, 6),
    ];
    let settled = bench.settle(&both, 6).await;
    assert!(
        matches!(settled[..], [Settled::Recorded { .. }, Settled::NotHeld]),
        "{settled:?}"
    );
    assert_eq!(bench.state(1).await, MessageState::Delivered { at: at(6) });
    assert!(bench.settle(&[], 7).await.is_empty());
}

async fn one_lost_claim_does_not_spoil_the_others<F: Fixture>(bench: &Bench<'_, F>) {
    for key in 1..=3 {
        bench.put(u32::from(key), key).await;
    }
    let claims = bench.claim(0).await;
    let mut foreign = claims[0].clone();
    foreign.message.id = bench.fixture.id(77);
    let batch = [
        settlement(&claims[2], Delivered, 1),
        settlement(&foreign, Delivered, 1),
        settlement(&claims[1], RetryAt(at(9)), 1),
    ];
    let settled = bench.settle(&batch, 1).await;
    assert!(
        matches!(
            settled[..],
            [
                Settled::Recorded { .. },
                Settled::NotHeld,
                Settled::Recorded { .. }
            ]
        ),
        "{settled:?}"
    );
    assert_eq!(bench.state(3).await, MessageState::Delivered { at: at(1) });
    assert_eq!(bench.state(2).await, MessageState::Waiting { due: at(9) });
}

async fn every_kind_of_attempt_is_kept_as_it_was<F: Fixture>(bench: &Bench<'_, F>) {
    bench.put(1, 1).await;
    let kinds = [
        FailureKind::Refused,
        FailureKind::NoConnection,
        FailureKind::Timeout,
        FailureKind::ConnectionLost,
        FailureKind::Unsendable,
    ];
    let failed = kinds.map(|kind| AttemptResult::Failed {
        kind,
        reason: format!("a sentence about {}", kind.as_str()),
    });
    let results = failed.into_iter().chain([AttemptResult::Answered(302)]);
    for (second, result) in (0..).step_by(100).zip(results) {
        let claims = bench.claim(second).await;
        let mut told = settlement(&claims[0], RetryAt(at(second + 100)), second + 1);
        told.attempt = Attempt {
            result,
            ..told.attempt
        };
        bench.settle(std::slice::from_ref(&told), second + 1).await;
        assert_eq!(bench.row(1).await.last_attempt, Some(told.attempt));
    }
    assert_eq!(bench.row(1).await.message.attempts, 6);
}
