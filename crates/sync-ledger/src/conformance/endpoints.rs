//! The rules of [`OutboxStore`](crate::OutboxStore): endpoints, and what is counted.

use contact_model::FailureReason;

use super::fixture::{acd, at, message, tell_complete, tell_failed};
use super::outbox::{claim, settle, settlement, tell, tell_each};
use crate::{Endpoint, EndpointDisabled, Ledger, MessageOutcome, MessageSettled, OutboxCount};

super::cases![
    an_endpoint_becomes_what_is_judged_in_the_order_of_the_settlements,
    what_is_not_held_is_not_judged,
    nothing_is_claimed_while_an_endpoint_is_disabled,
    what_was_claimed_before_can_still_be_settled,
    an_endpoint_that_is_enabled_goes_on_with_what_is_pending,
    messages_are_counted_by_acd,
];

fn failing(second: i64) -> Endpoint {
    Endpoint {
        failing_since: Some(at(second)),
        last_failure: Some(at(second)),
        ..Endpoint::default()
    }
}

fn disabled(second: i64) -> Endpoint {
    Endpoint {
        disabled: Some(EndpointDisabled {
            at: at(second),
            reason: "gone".into(),
        }),
        ..failing(second)
    }
}

/// Disables the endpoint by an attempt for the first message that is due.
async fn disable<L: Ledger>(ledger: &L) {
    let claimed = claim(ledger, 5, 30).await.remove(0);
    let attempt = settlement(&claimed, MessageOutcome::RetryAt(at(60)));
    let judge = |_: usize, _: &Endpoint| disabled(20);
    let settled = ledger
        .settle_messages(&[attempt], &judge, at(21))
        .await
        .unwrap();
    assert_eq!(
        settled,
        [MessageSettled::Recorded {
            before: Endpoint::default(),
            after: disabled(20)
        }]
    );
}

async fn an_endpoint_becomes_what_is_judged_in_the_order_of_the_settlements<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=2).await;
    assert_eq!(ledger.endpoint(&acd(1)).await.unwrap(), Endpoint::default());
    let claimed = claim(&ledger, 5, 30).await;
    let batch = [
        settlement(&claimed[0], MessageOutcome::RetryAt(at(60))),
        settlement(&claimed[1], MessageOutcome::Delivered),
    ];
    let judge = |place: usize, before: &Endpoint| match place {
        0 => failing(20),
        _ => Endpoint {
            failing_since: None,
            last_success: Some(at(21) + chrono::TimeDelta::microseconds(7)),
            ..before.clone()
        },
    };
    let settled = ledger
        .settle_messages(&batch, &judge, at(22))
        .await
        .unwrap();
    let after = Endpoint {
        failing_since: None,
        last_success: Some(at(21)),
        ..failing(20)
    };
    let recorded = |before, after| MessageSettled::Recorded { before, after };
    assert_eq!(
        settled,
        [
            recorded(Endpoint::default(), failing(20)),
            recorded(failing(20), after.clone())
        ]
    );
    assert_eq!(ledger.endpoint(&acd(1)).await.unwrap(), after);
    assert_eq!(ledger.endpoint(&acd(2)).await.unwrap(), Endpoint::default());
}

async fn what_is_not_held_is_not_judged<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=1).await;
    let claimed = claim(&ledger, 5, 30).await.remove(0);
    settle(&ledger, &claimed, MessageOutcome::Delivered, 20).await;
    let late = settlement(&claimed, MessageOutcome::RetryAt(at(60)));
    let judge = |_: usize, _: &Endpoint| disabled(20);
    let settled = ledger
        .settle_messages(&[late], &judge, at(21))
        .await
        .unwrap();
    assert_eq!(settled, [MessageSettled::NotHeld]);
    assert_eq!(ledger.endpoint(&acd(1)).await.unwrap(), Endpoint::default());
}

async fn nothing_is_claimed_while_an_endpoint_is_disabled<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=2).await;
    tell(&ledger, 2, 1, vec![tell_complete(11)]).await;
    disable(&ledger).await;
    assert_eq!(claim(&ledger, 500, 600).await, []);
    assert_eq!(ledger.next_message_due(&acd(1)).await.unwrap(), None);
    let other = ledger
        .claim_messages(&acd(2), at(500), 9, at(600))
        .await
        .unwrap();
    assert_eq!(other.messages.len(), 1);
}

async fn what_was_claimed_before_can_still_be_settled<L: Ledger>(ledger: L) {
    tell_each(&ledger, 1..=2).await;
    let claimed = claim(&ledger, 5, 30).await;
    let first = settlement(&claimed[0], MessageOutcome::RetryAt(at(60)));
    let judge = |_: usize, _: &Endpoint| disabled(20);
    ledger
        .settle_messages(&[first], &judge, at(21))
        .await
        .unwrap();
    assert!(matches!(
        settle(&ledger, &claimed[1], MessageOutcome::Delivered, 22).await,
        MessageSettled::Recorded { .. }
    ));
}

async fn an_endpoint_that_is_enabled_goes_on_with_what_is_pending<L: Ledger>(ledger: L) {
    // Of leg 1 one that is tried again late and one behind it; of leg 3 one that somebody is at; of leg 4 one given up.
    let tells = vec![tell_failed(FailureReason::NotRecorded, 1), tell_complete(2)];
    tell(&ledger, 1, 1, tells).await;
    tell_each(&ledger, 3..=4).await;
    let claimed = claim(&ledger, 5, 900).await;
    let [one, _, four] = &claimed[..] else {
        panic!("three are claimed: {claimed:?}")
    };
    let judge = |_: usize, _: &Endpoint| disabled(20);
    let batch = [
        settlement(one, MessageOutcome::RetryAt(at(700))),
        settlement(four, MessageOutcome::Exhausted),
    ];
    ledger
        .settle_messages(&batch, &judge, at(21))
        .await
        .unwrap();
    let enabled = ledger.enable_endpoint(&acd(1), at(100)).await.unwrap();
    assert_eq!((enabled.before, enabled.pending), (disabled(20), 2));
    let endpoint = ledger.endpoint(&acd(1)).await.unwrap();
    assert_eq!(
        (
            endpoint.disabled,
            endpoint.failing_since,
            endpoint.last_failure
        ),
        (None, None, Some(at(20)))
    );
    let again = claim(&ledger, 100, 200).await;
    let shown: Vec<_> = again
        .iter()
        .map(|message| (message.id.clone(), message.attempts))
        .collect();
    assert_eq!(shown, [(message(1), 0)]);
    // One that never failed can be enabled as well.
    ledger.register(&acd(2), "an acd").await.unwrap();
    let enabled = ledger.enable_endpoint(&acd(2), at(100)).await.unwrap();
    assert_eq!((enabled.before, enabled.pending), (Endpoint::default(), 0));
    assert!(ledger.enable_endpoint(&acd(3), at(100)).await.is_err());
}

async fn messages_are_counted_by_acd<L: Ledger>(ledger: L) {
    assert_eq!(ledger.outbox_counts(None).await.unwrap(), []);
    let tells = vec![
        tell_failed(FailureReason::NotRecorded, 1),
        tell_complete(2),
        tell_failed(FailureReason::NotRecorded, 3),
        tell_complete(4),
        tell_failed(FailureReason::NotRecorded, 5),
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
    ledger.register(&acd(2), "an acd").await.unwrap();
    let nothing = OutboxCount {
        acd: acd(2),
        endpoint: Endpoint::default(),
        pending: 0,
        oldest_pending: None,
        delivered: 0,
        exhausted: 0,
        oldest_exhausted: None,
    };
    let some = OutboxCount {
        acd: acd(1),
        pending: 2,
        oldest_pending: Some(at(4)),
        delivered: 1,
        exhausted: 2,
        oldest_exhausted: Some(at(1)),
        ..nothing.clone()
    };
    assert_eq!(
        ledger.outbox_counts(None).await.unwrap(),
        [some, nothing.clone()]
    );
    assert_eq!(
        ledger.outbox_counts(Some(&acd(2))).await.unwrap(),
        [nothing]
    );
    // The endpoint stands beside its messages.
    let next = claim(&ledger, 9, 30).await.remove(0);
    let attempt = settlement(&next, MessageOutcome::RetryAt(at(60)));
    let judge = |_: usize, _: &Endpoint| disabled(20);
    ledger
        .settle_messages(&[attempt], &judge, at(21))
        .await
        .unwrap();
    let counts = ledger.outbox_counts(Some(&acd(1))).await.unwrap();
    assert_eq!(counts[0].endpoint, disabled(20));
}
