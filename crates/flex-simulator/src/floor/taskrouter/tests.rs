//! What `TaskRouter` tells of a floor against what is true of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::floor::{ActivityMapped, Floor, FloorOptions, FloorScenario, FloorState};
use crate::scenario::{Push, Scenario};
use crate::world::model::Event;

fn scenario() -> FloorScenario {
    FloorScenario {
        agents: 12,
        queues: 3,
        hours: 6,
        ..FloorScenario::default()
    }
}

fn furnished(scenario: FloorScenario) -> (World, FloorRun) {
    let bare = Scenario {
        contacts: 0,
        live_contacts: 0,
        abandoned: 0,
        orphan_recordings: 0,
        push: Some(Push {
            worker_change: true,
            ..Push::default()
        }),
        ..Scenario::default()
    };
    let mut world = World::new(&bare, 5, Utc::now()).unwrap();
    let options = FloorOptions {
        scenario,
        ..FloorOptions::default()
    };
    let run = FloorRun::new(options, 5).unwrap();
    furnish(&mut world, &run);
    (world, run)
}

/// The state of an activity by itself, as the connector under test is told to see it.
fn of_activity(scenario: &FloorScenario, index: usize) -> FloorState {
    let activity = &scenario.activities[index];
    match (&activity.mapped, index, activity.available) {
        (Some(ActivityMapped { state, .. }), ..) => *state,
        (None, 0, _) => FloorState::Logout,
        (None, _, true) => FloorState::Ready,
        (None, _, false) => FloorState::NotReady,
    }
}

/// The state of an agent as it follows from an activity and from live reservations: voice and on hold, voice, wrapping, another channel.
fn derive(by_activity: FloorState, calls: &[bool], wrapping: bool, chats: bool) -> FloorState {
    if let Some(first) = calls.first() {
        let held = *first && calls.iter().all(|held| *held);
        return if held {
            FloorState::Hold
        } else {
            FloorState::Talking
        };
    }
    match (wrapping, by_activity) {
        (true, FloorState::Ready | FloorState::WorkReady) => FloorState::WorkReady,
        (true, _) => FloorState::WorkNotReady,
        (false, _) if chats => FloorState::Talking,
        (false, state) => state,
    }
}

/// The same from what can be read at a moment: workers, live tasks, their reservations, and who is on hold in which conference.
fn polled(world: &World, floor: &Floor, worker: usize, now: DateTime<Utc>) -> FloorState {
    let (mut calls, mut wrapping, mut chats) = (Vec::new(), false, false);
    for task in world.tasks.iter().filter(|task| task.at(now).is_some()) {
        let status = |offer: &Reservation| offer.at(now).map_or("", |(_, status)| status);
        // Of those who talk with one customer, hold counts for the one who did first.
        let first = task
            .reservations
            .iter()
            .filter(|offer| status(offer) == "accepted")
            .min_by_key(|offer| offer.statuses[1].0);
        for offer in task
            .reservations
            .iter()
            .filter(|offer| offer.worker == worker)
        {
            match (status(offer), task.channel) {
                ("accepted", TaskChannel::Voice) => {
                    let conference = world
                        .conferences
                        .iter()
                        .find(|it| it.friendly_name == task.sid)
                        .unwrap();
                    let held = conference.participants[0].is_on_hold(now);
                    calls.push(held && first.is_some_and(|first| first.sid == offer.sid));
                }
                ("accepted", _) => chats = true,
                ("wrapping", _) => wrapping = true,
                _ => {}
            }
        }
    }
    let activity = world.workers[worker].activity_at(now);
    derive(
        of_activity(floor.scenario(), activity),
        &calls,
        wrapping,
        chats,
    )
}

#[test]
fn what_can_be_read_at_any_moment_comes_to_the_true_state_of_every_agent() {
    let (world, run) = furnished(scenario());
    let floor = run.floor();
    let mut seen = BTreeSet::new();
    for minute in 0..360 {
        let now = floor.from() + TimeDelta::milliseconds(minute * 60_000 + 29_347);
        for (worker, day) in floor.days().iter().enumerate() {
            let truth = day.at(now).unwrap().state;
            assert_eq!(
                polled(&world, floor, worker, now),
                truth,
                "agent {worker} at {now}"
            );
            seen.insert(truth);
        }
    }
    assert!(seen.len() >= 6, "{seen:?}");
    // Newest first, as Twilio lists.
    assert!(
        world
            .conferences
            .is_sorted_by_key(|it| std::cmp::Reverse(it.start))
    );
}

#[test]
fn events_alone_come_to_the_true_state_at_the_moment_of_every_change() {
    let (world, run) = furnished(scenario());
    let floor = run.floor();
    let live = world.live.as_ref().unwrap();
    let mut events: Vec<Event> = live.between(&world, floor.from(), floor.to()).collect();
    assert!(events.is_sorted_by_key(|event| std::cmp::Reverse(event.at)));
    events.reverse();
    let sids: BTreeSet<&str> = events.iter().map(|event| event.sid.as_str()).collect();
    assert_eq!(sids.len(), events.len());

    // Hold is in no event: without it Hold is Talking.
    let without = |state| {
        if state == FloorState::Hold {
            FloorState::Talking
        } else {
            state
        }
    };
    let by_name = |name: &str| {
        floor
            .scenario()
            .activities
            .iter()
            .position(|it| it.name == name)
            .unwrap()
    };
    let mut activities: BTreeMap<String, FloorState> = BTreeMap::new();
    let mut legs: BTreeMap<String, (String, String, bool)> = BTreeMap::new();
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut compared = 0;
    for together in events.chunk_by(|a, b| a.at == b.at) {
        for event in together {
            let data = |key: &str| event.data.get(key).cloned().unwrap_or_default();
            if event.event_type == "worker.activity.update" {
                let state = of_activity(floor.scenario(), by_name(&data("worker_activity_name")));
                activities.insert(data("worker_sid"), state);
                names
                    .entry(data("worker_sid"))
                    .or_default()
                    .insert(data("worker_name"));
            }
            if event.resource_type == "reservation" {
                let voice = data("task_channel_unique_name") == "voice";
                legs.insert(
                    data("reservation_sid"),
                    (data("worker_sid"), event.event_type.to_owned(), voice),
                );
            }
        }
        let now = together[0].at;
        for day in floor.days() {
            let of = |kind: &str, channel: Option<bool>| {
                legs.values().any(|(worker, last, voice)| {
                    *worker == day.agent
                        && last == kind
                        && channel.is_none_or(|wanted| wanted == *voice)
                })
            };
            let calls: &[bool] = if of("reservation.accepted", Some(true)) {
                &[false]
            } else {
                &[]
            };
            let by_activity = activities
                .get(&day.agent)
                .copied()
                .unwrap_or(FloorState::Logout);
            let state = derive(
                by_activity,
                calls,
                of("reservation.wrapup", None),
                of("reservation.accepted", Some(false)),
            );
            assert_eq!(
                state,
                without(day.at(now).unwrap().state),
                "{} at {now}",
                day.agent
            );
            compared += 1;
        }
    }
    assert!(compared > 1_000);
    assert!(
        names.values().any(|names| names.len() > 1),
        "nobody was renamed"
    );
    let kinds: BTreeSet<&str> = events.iter().map(|event| event.event_type).collect();
    for kind in [
        "task.created",
        "task.completed",
        "task.canceled",
        "task.transfer-completed",
        "reservation.timeout",
        "reservation.rejected",
        "worker.attributes.update",
    ] {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
}

#[test]
fn an_event_is_found_by_its_own_sid_alone() {
    let (world, run) = furnished(scenario());
    let live = world.live.as_ref().unwrap();
    let events = live.between(&world, run.floor().from(), run.floor().to());
    for event in events.step_by(29) {
        let found = live.find(&world, &event.sid).unwrap();
        assert_eq!((found.at, &found.data), (event.at, &event.data));
        let other = format!("EV{:016x}{}", 1, &event.sid[18..]);
        assert!(live.find(&world, &other).is_none());
    }
    assert!(live.find(&world, "EV1").is_none());
}

#[test]
fn a_snapshot_tells_the_activity_and_every_reservation_that_is_open() {
    let (world, run) = furnished(scenario());
    let live = world.live.as_ref().unwrap();
    let mut busy = 0;
    for minute in 0..360 {
        let now = run.floor().from() + TimeDelta::milliseconds(minute * 60_000 + 41_003);
        for worker in 0..world.workers.len() {
            let record = snapshot::record(live, &world, worker, now, "EV1");
            let activity = &world.activities[world.workers[worker].activity_at(now)];
            assert_eq!(record["worker"]["activity_sid"], activity.sid);
            let channels = record["channels"].as_array().into_iter().flatten();
            let told: BTreeSet<String> = channels
                .flat_map(|channel| channel["reservations"].as_array().into_iter().flatten())
                .map(|it| it["sid"].as_str().unwrap().to_owned())
                .collect();
            let offers = world.tasks.iter().flat_map(|task| &task.reservations);
            let open: BTreeSet<String> = offers
                .filter(|offer| offer.worker == worker)
                .filter(|offer| {
                    offer.at(now).is_some_and(|(_, status)| {
                        ["pending", "accepted", "wrapping"].contains(&status)
                    })
                })
                .map(|offer| offer.sid.clone())
                .collect();
            assert_eq!(told, open, "agent {worker} at {now}");
            assert_eq!(record["channels"].is_null(), open.is_empty());
            busy += usize::from(!open.is_empty());
        }
    }
    assert!(busy > 100);
}

#[test]
fn a_participant_was_changed_last_when_a_hold_began_or_ended() {
    let (world, _) = furnished(scenario());
    let participants = world.conferences.iter().flat_map(|it| &it.participants);
    let held = participants.filter(|it| it.holds.iter().any(|(_, to)| to.is_some()));
    let mut seen = 0;
    for held in held {
        let (from, to) = held.holds[0];
        let moment = TimeDelta::milliseconds(1);
        assert_eq!(held.updated(from - moment), held.join);
        assert_eq!(held.updated(from), from);
        assert!(held.is_on_hold(from));
        let Some(to) = to.filter(|to| *to > from) else {
            continue;
        };
        assert_eq!(held.updated(to - moment), from);
        assert_eq!(held.updated(to), to);
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn a_steady_floor_begins_at_any_time_and_any_other_on_a_quarter_of_an_hour() {
    let mut odd = scenario();
    odd.from += TimeDelta::seconds(7);
    let refused = Floor::new(&odd, 5).unwrap_err();
    assert!(refused.to_string().starts_with("from is "), "{refused}");
    odd.steady = Some(Steady {
        events_per_second: 10,
        seconds: 20,
    });
    let floor = Floor::new(&odd, 5).unwrap();
    assert_eq!(floor.from(), odd.from);
    let quarter = TimeDelta::minutes(15).num_milliseconds();
    assert_eq!(floor.to().timestamp_millis() % quarter, 0);
    let hours = TimeDelta::hours(i64::from(odd.hours));
    assert_eq!(floor.to(), odd.from - TimeDelta::seconds(7) + hours);
}

#[test]
fn a_steady_floor_has_so_many_events_in_every_second_and_true_states() {
    let (world, run) = furnished(FloorScenario {
        agents: 400,
        hours: 1,
        steady: Some(Steady {
            events_per_second: 200,
            seconds: 60,
        }),
        ..FloorScenario::default()
    });
    let (floor, live) = (run.floor(), world.live.as_ref().unwrap());
    let in_second = |second: i64| {
        let from = floor.from() + TimeDelta::seconds(second);
        let within = live
            .occurrences
            .iter()
            .filter(|it| it.at >= from && it.at < from + TimeDelta::seconds(1));
        within.count()
    };
    for second in 0..60 {
        assert_eq!(in_second(second), 200, "second {second}");
    }
    assert_eq!(in_second(120), 0, "it comes to its end");
    let mut seen = BTreeSet::new();
    for half in 0..160 {
        let now = floor.from() + TimeDelta::milliseconds(half * 500 + 251);
        for (worker, day) in floor.days().iter().enumerate().step_by(37) {
            let truth = day.at(now).unwrap().state;
            assert_eq!(
                polled(&world, floor, worker, now),
                truth,
                "agent {worker} at {now}"
            );
            seen.insert(truth);
        }
    }
    assert!(
        seen.contains(&FloorState::Hold) && seen.contains(&FloorState::WorkReady),
        "{seen:?}"
    );
}
