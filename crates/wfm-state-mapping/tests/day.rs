//! Days that are tiled, whatever is told of them.
#![allow(clippy::unwrap_used, reason = "a test may end here")]

mod support;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use flex_events::EventType::{ReservationAccepted, ReservationCompleted, ReservationWrapup};
use flex_events::{FlexEvent, ParticipantChange};
use proptest::prelude::*;
use support::{activity, agents, at, participant, reservation, sid};
use wfm_state_mapping::{
    AgentStates, CalabrioState, StateChange, StateMappingError, WorkerNow, WorkspaceSnapshot,
    day_spans,
};

/// The midnights of a day in its zone.
fn day(zone: Tz, year: i32, month: u32, day: u32) -> (DateTime<Utc>, DateTime<Utc>) {
    let midnight = |date: NaiveDate| {
        let local = date.and_hms_opt(0, 0, 0).unwrap().and_local_timezone(zone);
        local.earliest().unwrap().to_utc()
    };
    let date = NaiveDate::from_ymd_opt(year, month, day).unwrap();
    (midnight(date), midnight(date.succ_opt().unwrap()))
}

fn assert_tiled(changes: &[StateChange], from: DateTime<Utc>, to: DateTime<Utc>) {
    let spans = day_spans(changes, from, to).unwrap();
    assert_eq!((spans[0].from, spans.last().unwrap().to), (from, to));
    for pair in spans.windows(2) {
        assert_eq!(pair[0].to, pair[1].from, "no gap and no overlap");
        assert_ne!(
            (pair[0].state, &pair[0].reason_code),
            (pair[1].state, &pair[1].reason_code)
        );
    }
    assert!(spans.iter().all(|span| span.length() > TimeDelta::zero()));
    let total: TimeDelta = spans.iter().map(wfm_state_mapping::DaySpan::length).sum();
    assert_eq!(total, to - from);
    assert!(
        spans.iter().skip(1).all(|span| span.state.is_some()),
        "unknown is only the beginning"
    );
}

#[test]
fn days_of_every_length_are_tiled() {
    for (zone, date, minutes) in [
        (Tz::Europe__Berlin, (2026, 3, 29), 23 * 60),
        (Tz::Europe__Berlin, (2026, 10, 25), 25 * 60),
        (Tz::Europe__Berlin, (2026, 6, 1), 24 * 60),
        (Tz::America__New_York, (2026, 3, 8), 23 * 60),
        (Tz::Australia__Sydney, (2026, 4, 5), 25 * 60),
        (Tz::Australia__Lord_Howe, (2026, 10, 4), 23 * 60 + 30),
        (Tz::Asia__Kolkata, (2026, 10, 4), 24 * 60),
    ] {
        let (from, to) = day(zone, date.0, date.1, date.2);
        assert_eq!((to - from).num_minutes(), minutes, "{zone}");
        let offset = (from - at(0)).num_milliseconds();
        let mut agents = agents();
        let mut changes = Vec::new();
        for minute in (30..26 * 60).step_by(47) {
            let event = activity(
                offset + minute * 60_000,
                1,
                2 + usize::try_from(minute % 2).unwrap(),
            );
            agents.on_event(&event, &mut changes);
        }
        assert_tiled(&changes, from, to);
        let spans = day_spans(&changes, from, to).unwrap();
        assert_eq!(
            (spans[0].state, spans[0].length().num_minutes()),
            (None, 30)
        );
        assert!(spans.len() > 20);
    }
}

#[test]
fn a_day_is_one_agents_and_has_a_length() {
    let mut agents = agents();
    let mut changes = Vec::new();
    agents.on_event(&activity(5, 1, 2), &mut changes);
    agents.on_event(&activity(6, 2, 2), &mut changes);
    let error = day_spans(&changes, at(0), at(10)).unwrap_err();
    assert!(
        matches!(error, StateMappingError::SeveralAgents { .. }),
        "{error}"
    );
    assert_eq!((error.field(), error.mapping()), (None, None));
    let error = day_spans(&changes[..1], at(10), at(10)).unwrap_err();
    assert!(
        matches!(error, StateMappingError::EmptyDay { .. }),
        "{error}"
    );
    assert_eq!(day_spans(&[], at(0), at(10)).unwrap()[0].state, None);
}

#[derive(Debug, Clone)]
enum Told {
    Event(Box<FlexEvent>),
    Hold(i64, usize, bool),
}

/// One life: activities one after the other; calls and chats with or without wrap-up, hold and end.
fn life() -> impl Strategy<Value = Vec<Told>> {
    let activities = prop::collection::vec((1..6_usize, 1..400_i64), 0..6);
    let leg = (
        0..1_000_i64,
        1..100_i64,
        1..100_i64,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    let legs = prop::collection::vec(leg, 0..5);
    (activities, legs).prop_map(|(activities, legs)| {
        let mut told = vec![Told::Event(Box::new(activity(0, 1, 2)))];
        let mut now = 0;
        for (number, stay) in activities {
            now += stay * 2;
            told.push(Told::Event(Box::new(activity(now, 1, number))));
        }
        for (index, (begin, talk, wrap, is_voice, has_end, has_hold)) in
            legs.into_iter().enumerate()
        {
            let (number, begin) = (index + 1, begin * 2 + 1);
            let channel = if is_voice { "voice" } else { "chat" };
            let mut push = |millis, kind| {
                told.push(Told::Event(Box::new(reservation(
                    millis, 1, number, channel, kind,
                ))));
            };
            push(begin, ReservationAccepted);
            push(begin + talk, ReservationWrapup);
            if has_end {
                push(begin + talk + wrap, ReservationCompleted);
            }
            if has_hold {
                told.push(Told::Hold(begin + talk / 3, number, true));
                told.push(Told::Hold(begin + talk / 2, number, false));
            }
        }
        told
    })
}

fn hear(agents: &mut AgentStates, told: &Told, changes: &mut Vec<StateChange>) {
    match told {
        Told::Event(event) => agents.on_event(event, changes),
        Told::Hold(millis, task, on) => {
            let change = if *on {
                ParticipantChange::Hold
            } else {
                ParticipantChange::Unhold
            };
            agents.on_participant(&participant(*millis, *task, None, change), changes)
        }
    };
}

fn time(told: &Told) -> i64 {
    match told {
        Told::Event(event) => (event.at - at(0)).num_milliseconds(),
        Told::Hold(millis, ..) => *millis,
    }
}

/// What the agent did at a moment, read off the life itself and in another way than the machine does.
fn truth(life: &[Told], moment: i64) -> Option<CalabrioState> {
    use CalabrioState::{Hold, Logout, NotReady, Ready, Talking, WorkNotReady, WorkReady};
    let past = life.iter().filter(|told| time(told) <= moment);
    let (mut activity, mut legs) = (None, std::collections::BTreeMap::new());
    let mut past: Vec<_> = past.collect();
    past.sort_by_key(|told| time(told));
    for told in past {
        match told {
            Told::Hold(_, task, on) => {
                legs.entry(*task).or_insert(("", false, false)).2 = *on;
            }
            Told::Event(event) => match &event.reservation {
                None => activity = event.worker.as_ref().unwrap().activity_sid,
                Some(facts) => {
                    let number = facts.sid.as_str()[2..].parse().unwrap();
                    let leg = legs.entry(number).or_insert(("", false, false));
                    leg.1 = event.task.as_ref().unwrap().channel_unique_name.as_deref()
                        == Some("voice");
                    leg.0 = match event.event_type {
                        ReservationAccepted => "talk",
                        ReservationWrapup => "wrap",
                        _ => "over",
                    };
                }
            },
        }
    }
    let own = activity.map(|own| match own.as_str().as_bytes()[33] {
        b'1' => Logout,
        b'2' => Ready,
        b'4' => WorkReady,
        _ => NotReady,
    });
    let any = |test: &dyn Fn(&(&str, bool, bool)) -> bool| legs.values().any(test);
    if any(&|leg| *leg == ("talk", true, false)) {
        Some(Talking)
    } else if any(&|leg| *leg == ("talk", true, true)) {
        Some(Hold)
    } else if any(&|leg| leg.0 == "wrap") {
        Some(if matches!(own, Some(Ready | WorkReady)) {
            WorkReady
        } else {
            WorkNotReady
        })
    } else if any(&|leg| leg.0 == "talk") {
        Some(Talking)
    } else {
        own
    }
}

proptest! {
    #[test]
    fn in_order_the_day_is_what_the_agent_did_at_every_moment(mut life in life()) {
        life.sort_by_key(time);
        let (mut agents, mut changes) = (agents(), Vec::new());
        for told in &life {
            hear(&mut agents, told, &mut changes);
        }
        assert_tiled(&changes, at(-10), at(6_000));
        let spans = day_spans(&changes, at(-10), at(6_000)).unwrap();
        for span in &spans {
            for moment in [span.from, span.to - TimeDelta::milliseconds(1)] {
                prop_assert_eq!(span.state, truth(&life, (moment - at(0)).num_milliseconds()), "{:?}", moment);
            }
        }
        for told in &life {
            let moment = at(time(told));
            let span = spans.iter().find(|span| span.from <= moment && moment < span.to).unwrap();
            prop_assert_eq!(span.state, truth(&life, time(told)));
        }
    }

    #[test]
    fn any_order_and_any_duplicates_end_in_the_same_state_since_the_same_moment(
        life in life(),
        order in prop::collection::vec(any::<u32>(), 40),
        twice in prop::collection::vec(any::<bool>(), 40),
    ) {
        let mut sorted = life.clone();
        sorted.sort_by_key(time);
        let (mut ordered, mut unused) = (agents(), Vec::new());
        for told in &sorted {
            hear(&mut ordered, told, &mut unused);
        }
        let order = &order;
        let mut shuffled: Vec<_> = life.iter().enumerate().flat_map(|(index, told)| {
            let copies = 1 + usize::from(twice[index % twice.len()]);
            (0..copies).map(move |copy| (order[(index * 7 + copy * 13) % order.len()], told))
        }).collect();
        shuffled.sort_by_key(|(key, _)| *key);
        let (mut other, mut changes) = (agents(), Vec::new());
        for (_, told) in shuffled {
            hear(&mut other, told, &mut changes);
        }
        let agent = sid("WK", 1);
        prop_assert_eq!(other.state_of(agent), ordered.state_of(agent));
        prop_assert_eq!(other.state_of(agent).map(|now| now.state), truth(&life, 100_000));
        assert_tiled(&changes, at(-10), at(6_000));
        // Told live, the last span is the newest state, whatever came late.
        let last = day_spans(&changes, at(-10), at(6_000)).unwrap().pop().unwrap();
        prop_assert_eq!(last.state, other.state_of(agent).map(|now| now.state));

        // Ends that never came are healed by a snapshot, and the day is tiled still.
        let snapshot = WorkspaceSnapshot {
            requested_at: at(4_000),
            workers: vec![WorkerNow {
                sid: agent, name: None, attributes: None, activity_sid: Some(sid("WA", 2)),
                activity_name: None, available: None, activity_since: None,
            }],
            tasks: Vec::new(),
            unsettled: std::collections::HashSet::new(),
            unread: wfm_state_mapping::Unread::default(),
        };
        other.resynchronise(&snapshot, &mut changes);
        prop_assert_eq!(other.state_of(agent).unwrap().state, CalabrioState::Ready);
        assert_tiled(&changes, at(-10), at(6_000));

        // Nothing that is forgotten changes what is known.
        let before = other.state_of(agent);
        other.forget_before(at(3_999));
        prop_assert_eq!(other.state_of(agent), before);
    }

    #[test]
    fn forgetting_at_any_moment_changes_no_state_and_no_since(mut life in life(), horizon in 0..3_000_i64) {
        life.sort_by_key(time);
        let (mut kept, mut forgetful, mut unused) = (agents(), agents(), Vec::new());
        for told in &life {
            hear(&mut kept, told, &mut unused);
            hear(&mut forgetful, told, &mut unused);
            // What is as old as something that was forgotten is dropped, so the horizon stays behind.
            forgetful.forget_before(at(horizon.min(time(told) - 1)));
            prop_assert_eq!(forgetful.state_of(sid("WK", 1)), kept.state_of(sid("WK", 1)));
        }
    }
}
