//! What is known of endpoints.

use super::Fixture;
use super::bench::{Bench, at, settlement};
use crate::AttemptOutcome::{Delivered, RetryAt};
use crate::{
    Disabled, DisabledReason, EndpointEvent, EndpointState, MessageState, Outbox, Settled,
};

super::cases![
    an_endpoint_of_which_nothing_is_known_is_enabled,
    attempts_change_the_endpoint_in_the_order_in_which_they_are_told,
    a_disabled_endpoint_yields_nothing_and_what_was_under_way_is_still_recorded,
    enabling_makes_what_waits_due_in_a_new_round,
    endpoints_do_not_change_each_other,
];

async fn an_endpoint_of_which_nothing_is_known_is_enabled<F: Fixture>(bench: &Bench<'_, F>) {
    assert_eq!(bench.endpoint(1).await, EndpointState::default());
    let id = bench.fixture.endpoint(1);
    let before = bench.outbox.enable(&id, at(0)).await.unwrap();
    assert_eq!(before, EndpointState::default());
    assert_eq!(bench.endpoint(1).await, EndpointState::default());
}

async fn attempts_change_the_endpoint_in_the_order_in_which_they_are_told<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    for key in 1..=3 {
        bench.put(u32::from(key), key).await;
    }
    let claims = bench.claim(0).await;
    let batch = [
        settlement(&claims[0], RetryAt(at(50)), 1),
        settlement(&claims[1], RetryAt(at(50)), 2),
        settlement(&claims[2], Delivered, 3),
    ];
    let states: Vec<(EndpointState, EndpointState)> = bench
        .settle(&batch, 3)
        .await
        .into_iter()
        .map(|settled| match settled {
            Settled::Recorded { before, after } => (before, after),
            Settled::NotHeld => panic!("a claim that is held was refused"),
        })
        .collect();
    let mut expected = EndpointState::default();
    for (told, (before, after)) in batch.iter().zip(&states) {
        assert_eq!(*before, expected);
        expected = expected.after(&told.event);
        assert_eq!(*after, expected);
    }
    assert_eq!(expected.failing_since, None);
    assert_eq!(expected.last_success, Some(at(3)));
    assert_eq!(bench.endpoint(1).await, expected);
}

async fn a_disabled_endpoint_yields_nothing_and_what_was_under_way_is_still_recorded<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    for key in 1..=3 {
        bench.put(u32::from(key), key).await;
    }
    let id = bench.fixture.endpoint(1);
    let claims = bench.outbox.claim(&id, 2, at(0), at(10)).await.unwrap();
    let mut gone = settlement(&claims[0], RetryAt(at(1)), 1);
    gone.event = EndpointEvent::Gone { at: at(1) };
    bench.settle(&[gone], 1).await;
    let disabled = Disabled {
        at: at(1),
        reason: DisabledReason::Gone,
    };
    assert_eq!(bench.endpoint(1).await.disabled, Some(disabled));
    assert!(bench.claim(1000).await.is_empty());
    bench.record(&claims[1], Delivered, 1001).await;
    assert_eq!(
        bench.state(2).await,
        MessageState::Delivered { at: at(1001) }
    );
    assert_eq!(bench.endpoint(1).await.disabled, Some(disabled));
    assert_eq!(bench.state(1).await, MessageState::Waiting { due: at(1) });
    assert_eq!(bench.state(3).await, MessageState::Waiting { due: at(0) });
}

async fn enabling_makes_what_waits_due_in_a_new_round<F: Fixture>(bench: &Bench<'_, F>) {
    for key in 1..=3 {
        bench.put(u32::from(key), key).await;
    }
    let claims = bench.claim(0).await;
    bench.record(&claims[0], RetryAt(at(5000)), 1).await;
    bench.record(&claims[1], Delivered, 1).await;
    let mut gone = settlement(&claims[2], RetryAt(at(9000)), 2);
    gone.event = EndpointEvent::Gone { at: at(2) };
    bench.settle(&[gone], 2).await;
    let id = bench.fixture.endpoint(1);
    let before = bench.outbox.enable(&id, at(100)).await.unwrap();
    assert!(!before.is_enabled());
    let state = bench.endpoint(1).await;
    assert_eq!((state.disabled, state.failing_since), (None, None));
    assert_eq!(state, before.after(&EndpointEvent::Enabled));
    let claims = bench.claim(100).await;
    assert_eq!(bench.numbers(&claims), [1, 3]);
    assert!(claims.iter().all(|claim| claim.message.attempts == 0));
    assert_eq!(bench.state(2).await, MessageState::Delivered { at: at(1) });
    // Enabling again does not touch what somebody holds.
    bench.outbox.enable(&id, at(101)).await.unwrap();
    bench.record(&claims[0], Delivered, 102).await;
}

async fn endpoints_do_not_change_each_other<F: Fixture>(bench: &Bench<'_, F>) {
    bench.put_for(1, 1, 1, 0).await;
    bench.put_for(2, 2, 1, 0).await;
    let claims = bench.claim_for(1, 0).await;
    let mut gone = settlement(&claims[0], RetryAt(at(500)), 1);
    gone.event = EndpointEvent::Gone { at: at(1) };
    bench.settle(&[gone], 1).await;
    assert_eq!(bench.endpoint(2).await, EndpointState::default());
    let claims = bench.claim_for(2, 2).await;
    assert_eq!(bench.numbers(&claims), [2]);
    bench
        .outbox
        .enable(&bench.fixture.endpoint(2), at(3))
        .await
        .unwrap();
    assert_eq!(bench.state(1).await, MessageState::Waiting { due: at(500) });
    assert!(!bench.endpoint(1).await.is_enabled());
}
