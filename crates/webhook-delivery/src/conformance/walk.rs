//! A store and the reference, side by side on a long way of random steps.

use chrono::TimeDelta;

use super::Fixture;
use super::bench::{Bench, at, settlement};
use crate::{
    AttemptOutcome, Claim, EndpointEvent, MemoryOutbox, MessageRow, MessageState, Outbox,
    ReplayRange, ReplayWhich, Settlement,
};

super::cases![a_long_way_of_random_steps_ends_like_the_reference];

/// Small, reproducible and good enough to choose steps (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn small(&mut self, bound: u8) -> u8 {
        u8::try_from(self.below(u64::from(bound))).unwrap()
    }

    fn second(&mut self, bound: u64) -> i64 {
        i64::try_from(self.below(bound)).unwrap()
    }
}

async fn a_long_way_of_random_steps_ends_like_the_reference<F: Fixture>(bench: &Bench<'_, F>) {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let reference = MemoryOutbox::new();
    let mut held: Vec<Claim> = Vec::new();
    let (mut clock, mut count) = (0_i64, 0_u32);
    for step in 0..600 {
        clock += dice.second(4);
        let now = at(clock);
        match dice.below(12) {
            0..=3 => {
                let message = bench.message(count, 1 + dice.small(2), dice.small(4), clock);
                count += 1;
                reference.put(message.clone());
                bench.fixture.put(&bench.outbox, message).await;
            }
            4..=6 => {
                let endpoint = bench.fixture.endpoint(1 + dice.small(2));
                let limit = usize::from(dice.small(4));
                let lease = now + TimeDelta::seconds(dice.second(20));
                let claims = bench
                    .outbox
                    .claim(&endpoint, limit, now, lease)
                    .await
                    .unwrap();
                let expected = reference.claim(&endpoint, limit, now, lease).await.unwrap();
                assert_eq!(claims, expected, "step {step}");
                held.extend(claims);
            }
            7..=9 => {
                let mut batch: Vec<Settlement> = Vec::new();
                for _ in 0..dice.below(4) {
                    if held.is_empty() {
                        break;
                    }
                    let index = usize::try_from(dice.below(held.len() as u64)).unwrap();
                    // Some claims are kept, to be told a second time.
                    let claim = if dice.below(4) == 0 {
                        held[index].clone()
                    } else {
                        held.swap_remove(index)
                    };
                    batch.push(told(&claim, &mut dice, clock));
                }
                let settled = bench.outbox.settle(&batch, now).await.unwrap();
                let expected = reference.settle(&batch, now).await.unwrap();
                assert_eq!(settled, expected, "step {step}");
            }
            10 => {
                let id = bench
                    .fixture
                    .id(u32::try_from(dice.below(u64::from(count) + 2)).unwrap());
                let replayed = bench.outbox.replay(&id, now).await.unwrap();
                assert_eq!(
                    replayed,
                    reference.replay(&id, now).await.unwrap(),
                    "step {step}"
                );
            }
            _ if dice.below(2) == 0 => {
                let id = bench.fixture.endpoint(1 + dice.small(2));
                let before = bench.outbox.enable(&id, now).await.unwrap();
                assert_eq!(
                    before,
                    reference.enable(&id, now).await.unwrap(),
                    "step {step}"
                );
            }
            _ => {
                let from = dice.second(1000);
                let range = ReplayRange {
                    endpoint: (dice.below(2) == 0).then(|| bench.fixture.endpoint(1)),
                    from: at(from),
                    to: at(from + dice.second(200)),
                    which: [ReplayWhich::Exhausted, ReplayWhich::Settled]
                        [usize::from(dice.small(2))],
                };
                let replayed = bench.outbox.replay_range(&range, now).await.unwrap();
                assert_eq!(
                    replayed,
                    reference.replay_range(&range, now).await.unwrap(),
                    "step {step}"
                );
            }
        }
    }
    for number in 0..count {
        let id = bench.fixture.id(number);
        let expected = reference.message(&id).await.unwrap().map(at_rest);
        let row = bench.outbox.message(&id).await.unwrap().map(at_rest);
        assert_eq!(row, expected);
    }
    for number in 1..=2 {
        let id = bench.fixture.endpoint(number);
        assert_eq!(
            bench.outbox.endpoint(&id).await.unwrap(),
            reference.endpoint(&id).await.unwrap()
        );
    }
}

/// Without when it is due: nobody can tell of a message that waits for others. Claims have compared the rest.
fn at_rest(mut row: MessageRow) -> MessageRow {
    if let MessageState::Waiting { due } = &mut row.state {
        *due = at(0);
    }
    row
}

fn told(claim: &Claim, dice: &mut Dice, clock: i64) -> Settlement {
    let outcome = match dice.below(6) {
        0..=2 => AttemptOutcome::Delivered,
        3 | 4 => AttemptOutcome::RetryAt(at(clock + dice.second(30))),
        _ => AttemptOutcome::Exhausted,
    };
    let mut told = settlement(claim, outcome, clock);
    if dice.below(40) == 0 {
        told.event = EndpointEvent::Gone { at: at(clock) };
    }
    told
}
