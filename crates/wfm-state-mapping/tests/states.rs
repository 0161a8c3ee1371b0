//! Which state follows from what is heard, by the order of precedence; and what snapshots may overrule.
#![allow(clippy::unwrap_used, reason = "a test may end here")]

mod support;

use CalabrioState::{Hold, Logout, NotReady, Ready, Talking, WorkNotReady, WorkReady};
use flex_events::EventType::{
    ReservationAccepted, ReservationCompleted, ReservationCreated, ReservationWrapup,
    TaskCompleted, WorkerActivityUpdate, WorkerAttributesUpdate, WorkerDeleted,
};
use flex_events::{
    Attributes, ChannelSnapshot, ParticipantChange, ReservationSnapshot, ReservationStatus,
    WorkerSnapshot,
};
use support::*;
use wfm_state_mapping::{
    ActivityMap, AgentStates, CalabrioState, Cause, Heard, HoldAnswer, HoldSource, ReservationNow,
    StateChange, TaskNow, Unread, WorkerNow, WorkspaceSnapshot,
};

fn hear(agents: &mut AgentStates, events: &[flex_events::FlexEvent]) -> Vec<StateChange> {
    let mut changes = Vec::new();
    for event in events {
        agents.on_event(event, &mut changes);
    }
    changes
}

fn now(agents: &AgentStates, agent: usize) -> (CalabrioState, i64) {
    told(&[agents.state_of(sid("WK", agent)).unwrap()])[0]
}

fn worker_now(agent: usize, activity: usize) -> WorkerNow {
    WorkerNow {
        sid: sid("WK", agent),
        name: Some("kim@example.com".to_owned()),
        attributes: Some(Attributes::new(r#"{"full_name": "Kim Example"}"#)),
        activity_sid: Some(sid("WA", activity)),
        activity_name: None,
        available: None,
        activity_since: Some(at(0)),
    }
}

fn snapshot(millis: i64, workers: Vec<WorkerNow>, tasks: Vec<TaskNow>) -> WorkspaceSnapshot {
    WorkspaceSnapshot {
        requested_at: at(millis),
        workers,
        tasks,
        unsettled: std::collections::HashSet::new(),
        unread: Unread::default(),
    }
}

#[test]
fn a_call_goes_through_its_states_and_only_changes_are_told() {
    let mut agents = agents();
    let changes = hear(
        &mut agents,
        &[
            activity(0, 1, AVAILABLE),
            reservation(10, 1, 1, "Voice", ReservationCreated),
            reservation(20, 1, 1, "Voice", ReservationAccepted),
            reservation(20, 1, 1, "Voice", ReservationAccepted),
            reservation(30, 1, 1, "Voice", ReservationWrapup),
            reservation(40, 1, 1, "Voice", ReservationCompleted),
            activity(50, 1, ADMIN),
            activity(60, 1, UNMAPPED),
            activity(70, 1, BREAK),
            activity(80, 1, OFFLINE),
        ],
    );
    assert_eq!(
        told(&changes),
        [
            (Ready, 0),
            (Talking, 20),
            (WorkReady, 30),
            (Ready, 40),
            (WorkReady, 50),
            (NotReady, 60),
            (NotReady, 70),
            (Logout, 80),
        ]
    );
    let codes: Vec<_> = changes
        .iter()
        .filter_map(|change| change.reason_code.as_ref())
        .collect();
    assert_eq!(codes.len(), 1);
    assert_eq!(codes[0].as_str(), "Break short");
    assert_eq!(changes[1].cause, Cause::Voice(sid("WR", 1)));
    assert_eq!(changes[1].hold_source, HoldSource::Unseen);
}

#[test]
fn voice_goes_before_wrap_up_and_wrap_up_before_chats() {
    let mut agents = agents();
    let changes = hear(
        &mut agents,
        &[
            activity(0, 1, BREAK),
            reservation(10, 1, 1, "chat", ReservationAccepted),
            reservation(20, 1, 2, "voice", ReservationAccepted),
            reservation(30, 1, 3, "chat", ReservationAccepted),
            reservation(40, 1, 3, "chat", ReservationWrapup),
            reservation(50, 1, 2, "voice", ReservationCompleted),
            reservation(60, 1, 3, "chat", ReservationCompleted),
            task_end(70, 1, TaskCompleted),
        ],
    );
    assert_eq!(
        told(&changes),
        [
            (NotReady, 0),
            (Talking, 10),
            (WorkNotReady, 50),
            (Talking, 60),
            (NotReady, 70)
        ]
    );
    assert_eq!(changes[2].reason_code, None, "a wrap-up is no activity");
}

#[test]
fn hold_counts_for_the_leg_whose_conference_it_is_and_a_consulted_agent_talks() {
    let mut agents = agents();
    let mut changes = hear(
        &mut agents,
        &[
            activity(0, 1, AVAILABLE),
            activity(0, 2, AVAILABLE),
            reservation(10, 1, 1, "voice", ReservationAccepted),
        ],
    );
    assert_eq!(agents.untold_calls().len(), 1);
    let mut conference = |agents: &mut AgentStates, millis, label, change| {
        agents.on_participant(&participant(millis, 1, label, change), &mut changes)
    };
    assert_eq!(
        conference(&mut agents, 15, Some("worker"), ParticipantChange::Hold),
        Heard::New
    );
    assert_eq!(
        now(&agents, 1),
        (Talking, 10),
        "an agent on hold is no customer on hold"
    );
    assert!(agents.untold_calls().is_empty());
    assert_eq!(
        conference(&mut agents, 20, Some("Customer"), ParticipantChange::Hold),
        Heard::New
    );
    assert_eq!(
        conference(&mut agents, 20, Some("Customer"), ParticipantChange::Hold),
        Heard::Known
    );
    assert_eq!(now(&agents, 1), (Hold, 20));
    let consulted = on_task(reservation(30, 2, 2, "voice", ReservationAccepted), 1);
    hear(&mut agents, &[consulted]);
    assert_eq!(
        (now(&agents, 1), now(&agents, 2)),
        ((Hold, 20), (Talking, 30))
    );
    conference(&mut agents, 40, None, ParticipantChange::Unhold);
    hear(
        &mut agents,
        &[on_task(
            reservation(50, 1, 1, "voice", ReservationWrapup),
            1,
        )],
    );
    assert_eq!(
        (now(&agents, 1), now(&agents, 2)),
        ((WorkReady, 50), (Talking, 30))
    );
    conference(&mut agents, 60, None, ParticipantChange::Hold);
    assert_eq!(
        now(&agents, 2),
        (Hold, 60),
        "the conference is the second agent's now"
    );
    conference(&mut agents, 70, None, ParticipantChange::ConferenceEnd);
    assert_eq!(now(&agents, 2), (Talking, 70));
    assert_eq!(
        agents.state_of(sid("WK", 2)).unwrap().hold_source,
        HoldSource::Events
    );
}

#[test]
fn where_no_event_tells_of_hold_an_answer_does() {
    let mut agents = agents();
    hear(
        &mut agents,
        &[
            activity(0, 1, AVAILABLE),
            reservation(10, 1, 1, "voice", ReservationAccepted),
        ],
    );
    let mut changes = Vec::new();
    let mut answer = |agents: &mut AgentStates, asked_at, on_hold, since: Option<i64>| {
        let answer = HoldAnswer {
            task: sid("WT", 1),
            asked_at: at(asked_at),
            on_hold,
            since: since.map(at),
        };
        agents.on_hold_answer(&answer, &mut changes)
    };
    answer(&mut agents, 30, true, Some(25));
    assert_eq!(now(&agents, 1), (Hold, 25));
    assert_eq!(agents.table()[0].hold_source, HoldSource::Polling);
    assert_eq!(agents.untold_calls()[0].asked_at, Some(at(30)));
    answer(&mut agents, 50, false, None);
    answer(&mut agents, 40, true, None);
    assert_eq!(
        now(&agents, 1),
        (Talking, 50),
        "an older answer overrules nothing"
    );
    assert_eq!(told(&changes), [(Hold, 25), (Talking, 50)]);
}

#[test]
fn a_missing_end_is_healed_by_the_next_snapshot_and_nothing_revives_it() {
    let mut agents = agents();
    hear(
        &mut agents,
        &[
            activity(0, 1, AVAILABLE),
            reservation(10, 1, 1, "voice", ReservationAccepted),
        ],
    );
    let mut changes = Vec::new();
    let done = agents.resynchronise(
        &snapshot(100, vec![worker_now(1, AVAILABLE)], Vec::new()),
        &mut changes,
    );
    assert_eq!(
        (done.agents, done.ended, done.newer, done.gone),
        (1, 1, 0, 0)
    );
    assert_eq!(told(&changes), [(Ready, 100)]);
    hear(
        &mut agents,
        &[
            reservation(10, 1, 1, "voice", ReservationAccepted),
            reservation(90, 1, 7, "voice", ReservationAccepted),
        ],
    );
    assert_eq!(
        now(&agents, 1),
        (Ready, 100),
        "what came late was over by then"
    );
    agents.forget_before(at(1_000));
    hear(
        &mut agents,
        &[reservation(10, 1, 1, "voice", ReservationAccepted)],
    );
    assert_eq!(now(&agents, 1), (Ready, 100), "nor once it is forgotten");
    hear(
        &mut agents,
        &[reservation(110, 1, 8, "voice", ReservationAccepted)],
    );
    assert_eq!(now(&agents, 1), (Talking, 110));
}

#[test]
fn who_was_on_the_move_while_a_snapshot_was_read_is_left_to_events() {
    let mut agents = agents();
    hear(
        &mut agents,
        &[
            activity(0, 1, AVAILABLE),
            reservation(10, 1, 1, "voice", ReservationAccepted),
            activity(0, 2, AVAILABLE),
        ],
    );
    let mut moving = snapshot(100, vec![worker_now(2, BREAK)], Vec::new());
    moving.unsettled.insert(sid("WK", 1));
    let mut changes = Vec::new();
    let done = agents.resynchronise(&moving, &mut changes);
    assert_eq!((done.agents, done.ended, done.gone), (1, 0, 0));
    assert_eq!(now(&agents, 1), (Talking, 10));
    assert_eq!(now(&agents, 2).0, NotReady);
    // The next one finds the agent at rest.
    let done = agents.resynchronise(
        &snapshot(
            200,
            vec![worker_now(1, AVAILABLE), worker_now(2, BREAK)],
            Vec::new(),
        ),
        &mut changes,
    );
    assert_eq!(done.ended, 1);
    assert_eq!(now(&agents, 1), (Ready, 200));
}

#[test]
fn a_stale_snapshot_overrules_no_newer_event() {
    let mut agents = agents();
    hear(
        &mut agents,
        &[
            activity(0, 1, AVAILABLE),
            reservation(110, 1, 1, "voice", ReservationAccepted),
        ],
    );
    let mut changes = Vec::new();
    let done = agents.resynchronise(
        &snapshot(100, vec![worker_now(1, OFFLINE)], Vec::new()),
        &mut changes,
    );
    assert_eq!((done.agents, done.newer), (0, 1));
    assert!(changes.is_empty());
    assert_eq!(agents.table()[0].name.as_deref(), Some("Kim Example"));
    assert!(
        !format!("{agents:?}{:?}{:?}", agents.table(), worker_now(1, 1)).contains("im Example")
    );
}

#[test]
fn a_snapshot_alone_tells_who_does_what_and_who_is_gone() {
    let mut agents = agents();
    let call = |leg: usize, worker: usize, status| ReservationNow {
        sid: sid("WR", leg),
        worker: sid("WK", worker),
        status: Some(status),
        since: Some(at(50)),
    };
    let tasks = vec![TaskNow {
        sid: sid("WT", 1),
        channel: Some("voice".to_owned()),
        reservations: Some(vec![
            call(1, 1, ReservationStatus::Accepted),
            call(2, 2, ReservationStatus::Wrapping),
            call(3, 3, ReservationStatus::Pending),
        ]),
    }];
    let workers = vec![
        worker_now(1, AVAILABLE),
        worker_now(2, AVAILABLE),
        worker_now(3, BREAK),
    ];
    let mut changes = Vec::new();
    agents.resynchronise(&snapshot(100, workers.clone(), tasks.clone()), &mut changes);
    assert_eq!(
        (now(&agents, 1), now(&agents, 2), now(&agents, 3)),
        ((Talking, 50), (WorkReady, 50), (NotReady, 0))
    );
    assert_eq!(agents.snapshot().count(), 3);

    // The task was not looked into: what is known of its reservations stands.
    let unasked = vec![TaskNow {
        reservations: None,
        ..tasks[0].clone()
    }];
    let done = agents.resynchronise(&snapshot(200, workers[..2].to_vec(), unasked), &mut changes);
    assert_eq!((done.ended, done.gone), (0, 1));
    assert_eq!(
        (now(&agents, 1).0, now(&agents, 3)),
        (Talking, (Logout, 200))
    );
    let done = agents.resynchronise(&snapshot(300, Vec::new(), Vec::new()), &mut changes);
    assert_eq!(
        done.gone, 0,
        "a list without any worker is no news of anyone"
    );
    agents.forget_before(at(1_000));
    assert_eq!(
        agents.agent_count(),
        2,
        "who was deleted is forgotten in the end"
    );
}

#[test]
fn twilios_own_feed_tells_the_same_and_its_order_does_not_matter() {
    let record = |as_of, leg: Option<(usize, ReservationStatus)>| WorkerSnapshot {
        id: String::new(),
        account: None,
        workspace: None,
        worker: sid("WK", 1),
        activity_sid: Some(sid("WA", AVAILABLE)),
        activity_name: Some("Available".to_owned()),
        activity_since: Some(at(0)),
        last_event: None,
        as_of: Some(at(as_of)),
        channels: leg
            .into_iter()
            .map(|(number, status)| ChannelSnapshot {
                sid: None,
                name: Some("voice".to_owned()),
                available: None,
                available_capacity: None,
                capacity: None,
                reservations: vec![ReservationSnapshot {
                    sid: sid("WR", number),
                    status: Some(status),
                    task: Some(sid("WT", number)),
                    task_status: None,
                    queue: None,
                    workflow: None,
                    created_at: None,
                    status_since: Some(at(as_of)),
                    direction: None,
                }],
            })
            .collect(),
        ignored: Vec::new(),
    };
    let records = [
        record(10, Some((1, ReservationStatus::Accepted))),
        record(20, Some((1, ReservationStatus::Wrapping))),
        record(30, None),
    ];
    let mut ordered = agents();
    let mut changes = Vec::new();
    for record in &records {
        assert_eq!(ordered.on_worker_snapshot(record, &mut changes), Heard::New);
    }
    assert_eq!(
        told(&changes),
        [(Talking, 10), (WorkReady, 20), (Ready, 30)]
    );
    let mut other = agents();
    other.on_worker_snapshot(&records[2], &mut changes);
    assert_eq!(
        other.on_worker_snapshot(&records[0], &mut changes),
        Heard::Known
    );
    assert_eq!(now(&other, 1).0, Ready);
    let partial = WorkerSnapshot {
        ignored: vec!["channels"],
        ..record(40, None)
    };
    ordered.on_worker_snapshot(
        &record(35, Some((2, ReservationStatus::Accepted))),
        &mut changes,
    );
    ordered.on_worker_snapshot(&partial, &mut changes);
    assert_eq!(
        now(&ordered, 1).0,
        Talking,
        "what could not be read ends nothing"
    );
}

#[test]
fn an_unlisted_activity_waits_for_the_list() {
    let mut agents = AgentStates::new(
        ActivityMap::default(),
        wfm_state_mapping::Settings::default(),
    );
    assert!(hear(&mut agents, &[activity(5, 1, AVAILABLE)]).is_empty());
    assert!(agents.wants_activities());
    assert_eq!(
        (agents.undecided_count(), agents.table()[0].state),
        (1, None)
    );
    let mut changes = Vec::new();
    agents.set_activities(map(), &mut changes);
    assert_eq!(told(&changes), [(Ready, 5)]);
    assert!(!agents.wants_activities());
}

#[test]
fn a_deleted_worker_is_logged_out_whatever_comes_late() {
    let mut agents = agents();
    let changes = hear(
        &mut agents,
        &[
            activity(0, 1, AVAILABLE),
            worker_event(50, 1, WorkerDeleted),
            reservation(20, 1, 1, "voice", ReservationAccepted),
        ],
    );
    assert_eq!(told(&changes), [(Ready, 0), (Logout, 50)]);
    assert_eq!(changes[1].cause, Cause::Deleted);
}

#[test]
fn the_newest_name_is_shown() {
    let mut agents = agents();
    let named = |millis, name: &str| {
        let mut event = worker_event(millis, 1, WorkerAttributesUpdate);
        event.worker.as_mut().unwrap().attributes =
            Some(Attributes::new(format!(r#"{{"full_name": "{name}"}}"#)));
        event
    };
    hear(&mut agents, &[worker_event(1, 1, WorkerActivityUpdate)]);
    assert_eq!(
        agents.table()[0].name.as_deref(),
        Some("agent-1@example.com")
    );
    hear(&mut agents, &[named(20, "New"), named(10, "Old")]);
    assert_eq!(agents.table()[0].name.as_deref(), Some("New"));
}

#[test]
fn what_is_kept_of_one_agent_is_bounded_and_its_state_is_right() {
    let mut agents = agents();
    let mut changes = Vec::new();
    for number in 1..5_000_usize {
        let millis = i64::try_from(number).unwrap() * 10;
        agents.on_event(
            &reservation(millis, 1, number, "voice", ReservationAccepted),
            &mut changes,
        );
        agents.on_event(
            &reservation(millis + 5, 1, number, "voice", ReservationCompleted),
            &mut changes,
        );
        agents.on_event(&activity(millis + 6, 1, 2 + number % 2), &mut changes);
    }
    assert_eq!(now(&agents, 1), (NotReady, 49_996));
    assert!(format!("{agents:?}").matches("Leg {").count() < 200);
}
