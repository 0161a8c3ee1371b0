//! One event into the states of 10,000 agents: `cargo bench -p wfm-state-mapping`. The target is under 5 microseconds.
#![allow(missing_docs, reason = "criterion's macros write undocumented items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot start has failed")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::cell::Cell;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flex_events::EventType::{
    ReservationAccepted, ReservationCompleted, ReservationCreated, ReservationWrapup,
};
use flex_events::{FlexEvent, ParticipantChange, ParticipantEvent};
use support::{activity, agents, at, participant, reservation};

const AGENTS: usize = 10_000;

enum Told {
    Event(Box<FlexEvent>),
    Participant(ParticipantEvent),
}

/// One call of every agent with a hold, and a break: eight events each, in order of time.
fn round(number: usize) -> Vec<Told> {
    let begin = i64::try_from(number).unwrap() * 200_000;
    let mut told = Vec::new();
    for step in 0..8_i64 {
        for agent in 0..AGENTS {
            let leg = number * AGENTS + agent;
            let millis = begin + step * 20_000 + i64::try_from(agent).unwrap();
            let leg_event =
                |kind| Told::Event(Box::new(reservation(millis, agent, leg, "voice", kind)));
            told.push(match step {
                0 => leg_event(ReservationCreated),
                1 => leg_event(ReservationAccepted),
                2 => Told::Participant(participant(millis, leg, None, ParticipantChange::Hold)),
                3 => Told::Participant(participant(millis, leg, None, ParticipantChange::Unhold)),
                4 => leg_event(ReservationWrapup),
                5 => leg_event(ReservationCompleted),
                6 => Told::Event(Box::new(activity(millis, agent, support::BREAK))),
                _ => Told::Event(Box::new(activity(millis, agent, support::AVAILABLE))),
            });
        }
    }
    told
}

fn mapping(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("adherence");
    group.sample_size(10);
    group.throughput(Throughput::Elements(u64::try_from(AGENTS * 8).unwrap()));
    let mut agents = agents();
    let mut changes = Vec::new();
    let number = Cell::new(0_usize);
    group.bench_function("eight events of each of 10,000 agents", |bench| {
        bench.iter_batched(
            || {
                number.set(number.get() + 1);
                round(number.get())
            },
            |told| {
                changes.clear();
                for one in &told {
                    match one {
                        Told::Event(event) => agents.on_event(event, &mut changes),
                        Told::Participant(event) => agents.on_participant(event, &mut changes),
                    };
                }
                // A quarter of an hour is remembered, as in the service.
                let begin = i64::try_from(number.get()).unwrap() * 200_000;
                agents.forget_before(at(begin - 900_000));
                assert!(changes.len() >= AGENTS * 6);
                told
            },
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, mapping);
criterion_main!(benches);
