//! Sending again what is over.

use super::Fixture;
use super::bench::{Bench, at, settlement};
use crate::AttemptOutcome::{Delivered, Exhausted, RetryAt};
use crate::{MessageState, Outbox, ReplayRange, ReplayWhich, Replayed, Settled};

super::cases![
    a_replayed_message_is_due_again_with_the_same_id_and_bytes,
    a_message_under_way_is_not_replayed_and_an_unknown_one_is_told,
    a_replayed_message_takes_its_old_place_in_the_order,
    replay_by_range_takes_what_is_settled_and_was_created_in_it,
];

async fn a_replayed_message_is_due_again_with_the_same_id_and_bytes<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    bench.put(1, 1).await;
    for (round, outcome) in [(0, Delivered), (100, Exhausted), (200, RetryAt(at(900)))] {
        let claims = bench.claim(round).await;
        assert_eq!(claims[0].message, bench.message(1, 1, 1, 0));
        bench.record(&claims[0], outcome, round + 1).await;
        let replayed = bench
            .outbox
            .replay(&bench.fixture.id(1), at(round + 2))
            .await;
        assert_eq!(replayed.unwrap(), Replayed::Due);
        let row = bench.row(1).await;
        assert_eq!(row.state, MessageState::Waiting { due: at(round + 2) });
        assert_eq!(row.message.attempts, 0);
    }
    assert_eq!(bench.claim(300).await[0].claim, 4);
}

async fn a_message_under_way_is_not_replayed_and_an_unknown_one_is_told<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    bench.put(1, 1).await;
    let claims = bench.claim(0).await;
    let id = bench.fixture.id(1);
    assert_eq!(
        bench.outbox.replay(&id, at(9)).await.unwrap(),
        Replayed::UnderWay
    );
    let unknown = bench.outbox.replay(&bench.fixture.id(2), at(9)).await;
    assert_eq!(unknown.unwrap(), Replayed::Unknown);
    // Once the lease is over the holder is gone, and what it still says is not heard.
    assert_eq!(
        bench.outbox.replay(&id, at(10)).await.unwrap(),
        Replayed::Due
    );
    let late = bench
        .settle(&[settlement(&claims[0], Delivered, 11)], 11)
        .await;
    assert_eq!(late, [Settled::NotHeld]);
    assert_eq!(bench.claimed(11).await, [1]);
}

async fn a_replayed_message_takes_its_old_place_in_the_order<F: Fixture>(bench: &Bench<'_, F>) {
    for number in 1..=3 {
        bench.put(number, 1).await;
    }
    let first = bench.claim(0).await;
    bench.record(&first[0], Delivered, 1).await;
    let second = bench.claim(1).await;
    bench.record(&second[0], RetryAt(at(50)), 2).await;
    bench
        .outbox
        .replay(&bench.fixture.id(1), at(60))
        .await
        .unwrap();
    let again = bench.claim(60).await;
    assert_eq!(bench.numbers(&again), [1]);
    bench.record(&again[0], Delivered, 61).await;
    assert_eq!(bench.claimed(61).await, [2]);
}

async fn replay_by_range_takes_what_is_settled_and_was_created_in_it<F: Fixture>(
    bench: &Bench<'_, F>,
) {
    // Created at seconds 1 to 6, of endpoint 1; 7 is of another endpoint.
    for number in 1..=6_u8 {
        bench
            .put_for(u32::from(number), 1, number, i64::from(number))
            .await;
    }
    bench.put_for(7, 2, 1, 3).await;
    let mut claims = bench.claim(10).await;
    claims.extend(bench.claim_for(2, 10).await);
    assert_eq!(claims.len(), 7);
    let outcomes = [
        Delivered,
        Exhausted,
        RetryAt(at(900)),
        Delivered,
        Exhausted,
        Delivered,
        Exhausted,
    ];
    for (claim, outcome) in claims.iter().zip(outcomes) {
        bench.record(claim, outcome, 11).await;
    }
    let range = |from, to, which, endpoint: Option<u8>| ReplayRange {
        endpoint: endpoint.map(|number| bench.fixture.endpoint(number)),
        from: at(from),
        to: at(to),
        which,
    };
    let replay = async |range: ReplayRange, second| {
        bench.outbox.replay_range(&range, at(second)).await.unwrap()
    };
    assert_eq!(
        replay(range(100, 200, ReplayWhich::Settled, None), 20).await,
        0
    );
    // From is in it, to is not; what waits is left as it is.
    assert_eq!(
        replay(range(2, 6, ReplayWhich::Exhausted, Some(1)), 20).await,
        2
    );
    for (number, due) in [(2, 20), (5, 20), (3, 900)] {
        assert_eq!(
            bench.state(number).await,
            MessageState::Waiting { due: at(due) }
        );
    }
    assert_eq!(bench.state(4).await, MessageState::Delivered { at: at(11) });
    assert_eq!(replay(range(1, 6, ReplayWhich::Settled, None), 30).await, 3);
    assert_eq!(bench.claimed(30).await, [2, 5, 1, 4]);
    let other = bench.claim_for(2, 30).await;
    assert_eq!(bench.numbers(&other), [7]);
    assert_eq!(bench.state(6).await, MessageState::Delivered { at: at(11) });
}
