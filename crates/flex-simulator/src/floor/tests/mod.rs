//! That a floor holds together.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::TimeDelta;

mod account;
mod bulk;
mod insights;
mod reports;

use super::timeline::Outcome;
use super::*;

fn floor(seed: u64) -> Floor {
    Floor::new(&FloorScenario::default(), seed).unwrap()
}

#[test]
fn the_same_seed_makes_the_same_floor_and_another_one_another() {
    assert_eq!(floor(3).timeline, floor(3).timeline);
    assert_ne!(floor(3).timeline, floor(4).timeline);
}

#[test]
fn a_day_of_forty_agents_is_made_in_under_a_second() {
    let began = Instant::now();
    let floor = floor(1);
    assert!(floor.intervals().len() > 4_000);
    let limit = if cfg!(debug_assertions) { 5 } else { 1 };
    assert!(
        began.elapsed() < Duration::from_secs(limit),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_floor_of_thousands_is_made_in_seconds() {
    let scenario = FloorScenario {
        agents: 4_000,
        queues: 20,
        hours: 2,
        ..FloorScenario::default()
    };
    let began = Instant::now();
    let floor = Floor::new(&scenario, 1).unwrap();
    assert!(floor.timeline.contacts.len() > 10_000);
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn everything_that_began_ends_in_its_order_and_within_the_day() {
    for seed in 0..20 {
        let timeline = floor(seed).timeline;
        for contact in &timeline.contacts {
            assert!(contact.created >= timeline.from && contact.over() <= timeline.to);
            assert_eq!(
                contact.abandoned.is_some(),
                contact.taken().next().is_none()
            );
            for leg in &contact.legs {
                let ordered = match leg.outcome {
                    Outcome::Rejected(at) | Outcome::TimedOut(at) | Outcome::Canceled(at) => {
                        leg.offered <= at && at < timeline.to
                    }
                    Outcome::Accepted {
                        at,
                        wrap_up,
                        completed,
                    } => {
                        leg.offered < at
                            && at < wrap_up
                            && wrap_up < completed
                            && completed < timeline.to
                    }
                };
                assert!(ordered, "{leg:?}");
            }
            let mut holds = contact.holds.clone();
            holds.sort_unstable();
            assert!(
                holds
                    .iter()
                    .all(|(from, to)| from < to && *to <= contact.left),
                "{contact:?}"
            );
            assert!(holds.windows(2).all(|two| two[0].1 < two[1].0), "{holds:?}");
        }
        for agent in &timeline.agents {
            assert!(
                agent
                    .activities
                    .windows(2)
                    .all(|two| two[0].0 < two[1].0 && two[0].1 != two[1].1)
            );
            assert_eq!(
                agent.activities.last().unwrap().1,
                0,
                "everybody has gone home"
            );
        }
    }
}

#[test]
fn no_agent_is_in_two_calls_or_in_three_chats_and_nobody_works_while_logged_out() {
    for seed in 0..20 {
        let timeline = floor(seed).timeline;
        let mut busy: BTreeMap<usize, Vec<(Millis, i32, i32)>> = BTreeMap::new();
        for contact in &timeline.contacts {
            for (leg, (at, _, completed)) in contact.taken() {
                let (calls, chats) = if contact.voice { (1, 0) } else { (0, 1) };
                busy.entry(leg.agent)
                    .or_default()
                    .extend([(at, calls, chats), (completed, -calls, -chats)]);
                let activity =
                    timeline::at(&timeline.agents[leg.agent].activities, completed, |it| it.0);
                assert_ne!(activity.unwrap().1, 0, "{leg:?}");
            }
        }
        for changes in busy.values_mut() {
            changes.sort_unstable_by_key(|(at, calls, chats)| (*at, *calls, *chats));
            let (mut calls, mut chats) = (0, 0);
            for (_, call, chat) in changes {
                calls += *call;
                chats += *chat;
                assert!((0..=1).contains(&calls) && (0..=2).contains(&chats));
            }
        }
    }
}

#[test]
fn every_state_comes_and_each_agents_states_tile_the_day() {
    for (zone, from, hours) in [
        ("Europe/Berlin", "2026-10-24T22:00:00Z", 25),
        ("Europe/Berlin", "2026-03-28T23:00:00Z", 23),
        ("Australia/Lord_Howe", "2026-10-03T13:30:00Z", 24),
    ] {
        let scenario = FloorScenario {
            zone: zone.to_owned(),
            from: from.parse().unwrap(),
            hours,
            ..FloorScenario::default()
        };
        let floor = Floor::new(&scenario, 5).unwrap();
        let mut seen = BTreeMap::new();
        for day in floor.days() {
            assert_eq!(day.spans[0].from, floor.from());
            assert_eq!(day.spans.last().unwrap().to, floor.to());
            assert!(day.spans.windows(2).all(|two| {
                two[0].to == two[1].from
                    && (two[0].state, &two[0].reason) != (two[1].state, &two[1].reason)
            }));
            for span in &day.spans {
                assert_eq!(day.at(span.from), Some(span));
                assert_eq!(day.at(span.to - TimeDelta::milliseconds(1)), Some(span));
                *seen.entry((span.state, span.reason.clone())).or_insert(0) += 1;
            }
        }
        let states: Vec<FloorState> = seen.keys().map(|(state, _)| *state).collect();
        for state in [
            FloorState::Logout,
            FloorState::NotReady,
            FloorState::Ready,
            FloorState::Talking,
            FloorState::Hold,
            FloorState::WorkNotReady,
            FloorState::WorkReady,
        ] {
            assert!(states.contains(&state), "{state:?}");
        }
        assert!(seen.contains_key(&(FloorState::NotReady, Some("Lunch long".to_owned()))));
        assert!(seen.contains_key(&(FloorState::NotReady, None)));
        assert!(
            seen.keys()
                .all(|(state, reason)| reason.is_none() || *state != FloorState::Ready)
        );
    }
}

#[test]
fn while_an_agent_is_consulted_only_the_one_who_asked_is_on_hold() {
    let floor = floor(2);
    let mut consulted = 0;
    for contact in floor
        .timeline
        .contacts
        .iter()
        .filter(|contact| contact.voice)
    {
        let legs: Vec<_> = contact.taken().collect();
        let [(first, _), (second, (at, _, _))] = legs.as_slice() else {
            continue;
        };
        let now = instant(at + 1);
        if contact
            .holds
            .iter()
            .any(|(from, to)| from < at && at + 1 < *to)
        {
            assert_eq!(
                floor.days()[first.agent].at(now).unwrap().state,
                FloorState::Hold
            );
            assert_eq!(
                floor.days()[second.agent].at(now).unwrap().state,
                FloorState::Talking
            );
            consulted += 1;
        }
    }
    assert!(consulted > 20);
}

#[test]
fn intervals_tile_the_day_and_lose_no_second() {
    let floor = floor(7);
    let intervals = floor.intervals();
    let mut total: BTreeMap<&str, u64> = BTreeMap::new();
    let mut activity = 0;
    for interval in &intervals {
        let of_agent = interval.report == FloorReport::AgentProductivity;
        assert_eq!(of_agent, interval.agent.is_some());
        if of_agent && interval.queue.is_none() {
            assert_eq!(interval.values["activity_time_ms"], 900_000);
            let parts = [
                "ready_time_ms",
                "not_ready_time_ms",
                "work_time_ms",
                "logout_time_ms",
            ];
            let parts: u64 = parts
                .iter()
                .filter_map(|part| interval.values.get(part))
                .sum();
            assert_eq!(parts, 900_000);
            activity += 1;
        }
        if !of_agent {
            for (measure, value) in &interval.values {
                *total.entry(measure).or_default() += value;
            }
        }
    }
    assert_eq!(activity, 40 * 100);
    let (mut talk, mut wrap) = (0, 0);
    for contact in &floor.timeline.contacts {
        for (_, (at, wrap_up, completed)) in contact.taken() {
            talk += wrap_up - at;
            wrap += completed - wrap_up;
        }
    }
    assert_eq!(total["talk_time_ms"], u64::try_from(talk).unwrap());
    assert_eq!(total["wrap_up_time_ms"], u64::try_from(wrap).unwrap());
    assert_eq!(total["offered"], floor.timeline.contacts.len() as u64);
    assert_eq!(total["answered"] + total["abandoned"], total["offered"]);
    assert!(total["abandoned"] > 0 && total["abandoned_short"] > 0 && total["hold_time_ms"] > 0);
}

#[test]
fn an_agent_and_a_queue_are_renamed_in_the_middle_of_an_interval() {
    let timeline = floor(1).timeline;
    let agents: Vec<_> = timeline
        .agents
        .iter()
        .filter(|agent| agent.names.len() == 2)
        .collect();
    let queues: Vec<_> = timeline
        .queues
        .iter()
        .filter(|queue| queue.names.len() == 2)
        .collect();
    assert_eq!((agents.len(), queues.len()), (1, 1));
    for at in [agents[0].names[1].at, queues[0].names[1].0] {
        assert!(at > timeline.from && at < timeline.to && at % QUARTER != 0);
    }
}

#[test]
fn what_makes_no_floor_is_refused_by_its_field() {
    let refused = |change: fn(&mut FloorScenario)| {
        let mut scenario = FloorScenario::default();
        change(&mut scenario);
        Floor::new(&scenario, 1).unwrap_err()
    };
    assert!(matches!(
        refused(|it| it.zone = "Europe/Berlinn".to_owned()),
        FloorError::Zone(_)
    ));
    for error in [
        refused(|it| it.agents = 3),
        refused(|it| it.queues = 0),
        refused(|it| it.hours = 73),
        refused(|it| it.from += TimeDelta::seconds(1)),
        refused(|it| it.calls_per_agent_hour = f64::NAN),
        refused(|it| it.chats_per_agent_hour = 61.0),
    ] {
        assert!(matches!(error, FloorError::Number { .. }), "{error}");
    }
    for error in [
        refused(|it| it.activities.truncate(1)),
        refused(|it| it.activities[0].available = true),
        refused(|it| it.activities[3].available = true),
        refused(|it| {
            it.activities[1].mapped = Some(ActivityMapped {
                state: FloorState::Hold,
                state_reason_code: false,
            });
        }),
    ] {
        assert!(matches!(error, FloorError::Activities(_)), "{error}");
    }
}
