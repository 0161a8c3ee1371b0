use std::collections::BTreeMap;

use contact_model::{AcdKey, Channel, Discovered, Leg, LegTimes, MediaPiece, ParkReason};
use proptest::prelude::*;
use serde_json::{Value, json};

use chrono::{DateTime, Utc};
use flex_events::FlexEvent;
use twilio_sid::TaskSid;

use super::tasks::MARGIN;
use super::*;
use crate::policy::{Encryption, Window};

const RECORDING: &str = "RE00000000000000000000000000000001";
const CONFERENCE: &str = "CF00000000000000000000000000000001";
const CALL: &str = "CA00000000000000000000000000000001";
const OTHER_CALL: &str = "CA00000000000000000000000000000002";

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
}

fn leg(number: u32) -> LegId {
    format!("WR{number:032}").parse().unwrap()
}

fn task(number: u32) -> TaskSid {
    format!("WT{number:032}").parse().unwrap()
}

fn names() -> BTreeSet<Name> {
    BTreeSet::from([
        Name::Recording(RECORDING.parse().unwrap()),
        Name::Conference(CONFERENCE.parse().unwrap()),
        Name::Call(CALL.parse().unwrap()),
    ])
}

fn recording() -> RecordingFacts {
    RecordingFacts {
        sid: RECORDING.parse().unwrap(),
        state: RecordingState::Stored,
        channels: 1,
        start: Some(at(100)),
        seconds: Some(60),
        call: None,
        conference: None,
        encryption: Encryption::None,
    }
}

fn contact(stage: Stage, from: i64, to: i64) -> Contact {
    let acd: AcdKey = serde_json::from_value(json!({
        "account": format!("AC{:032}", 1), "workspace": format!("WS{:032}", 1), "tenant": "1",
    }))
    .unwrap();
    Contact {
        leg: Leg {
            acd,
            id: leg(1),
            task: task(1),
            worker: format!("WK{:032}", 1).parse().unwrap(),
            queue: None,
            workflow: None,
            channel: Channel::Voice,
            direction: None,
            session: None,
            times: LegTimes {
                accepted: Some(at(from)),
                wrapup: Some(at(to)),
                ended: Some(at(to)),
                task_ended: None,
            },
            hold: None,
        },
        stage,
    }
}

fn complete(media: LegMedia) -> Stage {
    completed(media, Some(60_000), Some(60_000))
}

/// Complete after so much audio was sent, or nothing by this ledger, and so much was read back.
fn completed(media: LegMedia, sent: Option<u64>, read: Option<u64>) -> Stage {
    let mut linked = Discovered { at: at(0) }
        .capture(contact_model::Capture::default(), at(1))
        .link(media, at(2));
    if let Some(duration_ms) = sent {
        let sending = contact_model::Delivered {
            duration_ms,
            bytes: 1,
        };
        linked = linked.intend(sending, at(2)).unwrap();
    }
    let found = linked.found(7.try_into().unwrap(), at(3));
    Stage::Complete(found.complete(read, at(4)))
}

#[test]
fn a_contact_whose_length_was_never_compared_proves_nothing() {
    let recording = recording();
    let of = |sent, read| {
        let contact = contact(completed(recorded(), sent, read), 110, 150);
        standing(Some(&contact), &recording)
    };
    assert_eq!(of(Some(60_000), Some(60_000)), Standing::Proven);
    // Calabrio told no length; it had the contact before this ledger sent any; it had shown it no more, and never told its length.
    for uncompared in [
        of(Some(60_000), None),
        of(None, Some(20_000)),
        of(Some(0), Some(60_000)),
    ] {
        assert_eq!(uncompared, Standing::NotCompared);
    }
}

fn recorded() -> LegMedia {
    LegMedia::Recordings {
        pieces: vec![MediaPiece {
            recording: RECORDING.parse().unwrap(),
            span: None,
            channels: 1,
            swap: false,
            encrypted: None,
        }],
        superseded: Vec::new(),
        marks: Vec::new(),
    }
}

fn event(
    number: u32,
    kind: &str,
    of: u32,
    reservation: u32,
    attributes: Option<&Value>,
) -> FlexEvent {
    let mut data = json!({
        "task_sid": task(of), "reservation_sid": leg(reservation).as_str(),
        "worker_sid": format!("WK{:032}", 1),
    });
    if let Some(attributes) = attributes {
        data["task_attributes"] = json!(attributes.to_string());
    }
    FlexEvent::from_events_api(&json!({
        "sid": format!("EV{number:032}"), "event_type": kind,
        "event_date": at(0).to_rfc3339(), "event_date_ms": at(i64::from(number)).timestamp_millis(),
        "event_data": data,
    }))
    .unwrap()
}

/// The ways in which a task can be linked to a recording.
fn linking(way: usize) -> Value {
    let media =
        format!("https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/{RECORDING}.mp3?x=1");
    match way {
        0 => json!({"conference": {"sid": CONFERENCE}}),
        1 => json!({"conference": {"participants": {"worker": CALL}}}),
        2 => json!({"call_sid": CALL}),
        3 => json!({"conversations": {"media": [{"type": "VoiceRecording", "url": media}]}}),
        4 => json!({"reservation_attributes": {"WR1": {"media": [{"url_provider": media}]}}}),
        5 => json!({"conversations": {"segment_link": media}}),
        6 => json!({"conference": {"participants": {"customer": OTHER_CALL, "worker": CALL}}}),
        // Only by way of what the former one names.
        _ => json!({"call_sid": OTHER_CALL}),
    }
}

fn facts(legs: Vec<LegFacts>) -> SourceFacts {
    SourceFacts {
        confirmed: true,
        recording: RecordingState::Stored,
        listed: Ok(legs.iter().map(|facts| facts.leg).collect()),
        legs,
    }
}

fn at_standing(number: u32, standing: Standing) -> LegFacts {
    LegFacts {
        leg: leg(number),
        standing,
        undelivered: Undelivered::default(),
    }
}

const STANDINGS: [Standing; 8] = [
    Standing::Proven,
    Standing::Excluded,
    Standing::NotCompared,
    Standing::WithoutAudio,
    Standing::Parked,
    Standing::Failed,
    Standing::OnItsWay,
    Standing::Unknown,
];

fn any_standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        6 => Just(Standing::Proven),
        2 => Just(Standing::Excluded),
        1 => prop::sample::select(&STANDINGS[2..]),
    ]
}

fn any_undelivered() -> impl Strategy<Value = Undelivered> {
    prop_oneof![
        6 => Just(Undelivered::default()),
        1 => (0_u64..3, 0_u64..3).prop_map(|(pending, exhausted)| Undelivered { pending, exhausted }),
    ]
}

/// A task: how it is linked (`None`: not at all; 8: by its conference's name), and its reservations: whether accepted, how far, and how
/// many of its events are told.
type AnyTask = (Option<usize>, Vec<(bool, Standing, Undelivered)>);

fn any_task() -> impl Strategy<Value = AnyTask> {
    let reservation = (any::<bool>(), any_standing(), any_undelivered());
    (
        prop::option::weighted(0.7, 0_usize..9),
        prop::collection::vec(reservation, 1..4),
    )
}

proptest! {
    #[test]
    fn a_recording_is_never_deleted_while_a_leg_that_uses_it_is_not_proven(
        tasks in prop::collection::vec(any_task(), 1..5),
        confirmed in prop::bool::weighted(0.9),
        order in any::<u64>(),
    ) {
        let (mut events, mut seeds) = (Vec::new(), BTreeSet::new());
        let mut standings: BTreeMap<LegId, (Standing, Undelivered)> = BTreeMap::new();
        let (mut used_by, mut reservation) = (BTreeSet::new(), 0);
        let reaches_chain = tasks.iter().any(|(way, _)| *way == Some(6));
        for (number, (way, reservations)) in (1..).zip(&tasks) {
            let is_linked = match way {
                None => false,
                Some(7) => reaches_chain,
                Some(_) => true,
            };
            if *way == Some(8) {
                seeds.insert(task(number));
            }
            let attributes = match way {
                Some(way @ 0..=7) => linking(*way),
                _ => json!({"direction": "inbound"}),
            };
            for (accepted, standing, undelivered) in reservations {
                reservation += 1;
                let kind = if *accepted { "reservation.accepted" } else { "reservation.rejected" };
                for _ in 0..2 {
                    events.push(event(reservation, kind, number, reservation, Some(&attributes)));
                }
                if *accepted {
                    standings.insert(leg(reservation), (*standing, *undelivered));
                    if is_linked {
                        used_by.insert(leg(reservation));
                    }
                }
            }
        }
        // Any order will do.
        let shift = usize::try_from(order % events.len() as u64).unwrap();
        events.rotate_left(shift);

        let mut seen = Tasks::default();
        seen.take(&events);
        let linked = seen.linked(&seeds, &names());
        let listed: BTreeSet<LegId> = linked.iter().flat_map(|task| seen.accepted(*task)).collect();
        prop_assert!(listed.is_superset(&used_by), "a leg that uses it was not listed");
        let legs: Vec<LegFacts> = listed
            .iter()
            .map(|leg| LegFacts { leg: *leg, standing: standings[leg].0, undelivered: standings[leg].1 })
            .collect();
        let judged = judge(&SourceFacts { confirmed, recording: RecordingState::Stored, legs, listed: Ok(listed.clone()) });
        let is_settled = |leg: &LegId| {
            let (standing, undelivered) = standings[leg];
            matches!(standing, Standing::Proven | Standing::Excluded) && undelivered.is_none()
        };
        if judged == Judgement::Delete {
            prop_assert!(confirmed);
            prop_assert!(used_by.iter().all(is_settled), "a leg that uses it is not proven");
        } else {
            let stands_in_the_way = !confirmed || listed.is_empty() || !listed.iter().all(is_settled);
            prop_assert!(stands_in_the_way, "{judged:?} without a reason");
        }
    }

    #[test]
    fn no_text_makes_it_panic_and_what_it_finds_stands_in_it(text in "\\PC{0,60}", around in "[A-F0-9 /.]{0,8}") {
        for name in names_in(&text) {
            prop_assert!(text.contains(&text_of(name)));
        }
        let text = format!("{around}{RECORDING}{around}");
        prop_assert!(names_in(&text).contains(&Name::Recording(RECORDING.parse().unwrap())));
    }

    #[test]
    fn pauses_grow_and_have_an_end(minutes in 0_i64..100_000, attempts in any::<u32>()) {
        let shortest = std::time::Duration::from_mins(1);
        let pause = look_again(Duration::minutes(minutes), shortest);
        prop_assert!(Duration::minutes(1) <= pause && pause <= Duration::days(1));
        prop_assert!(pause <= look_again(Duration::minutes(minutes + 10), shortest));
        prop_assert!(try_again(attempts, shortest) <= try_again(attempts.saturating_add(1), shortest));
        prop_assert!(try_again(attempts, shortest) <= Duration::days(1));
    }
}

fn text_of(name: Name) -> String {
    match name {
        Name::Recording(sid) => sid.to_string(),
        Name::Conference(sid) => sid.to_string(),
        Name::Call(sid) => sid.to_string(),
    }
}

#[test]
fn one_leg_that_is_neither_proven_nor_excluded_blocks_with_its_own_reason() {
    let proven = at_standing(1, Standing::Proven);
    for (standing, expected) in [
        (Standing::Proven, Judgement::Delete),
        (Standing::Excluded, Judgement::Delete),
        (
            Standing::NotCompared,
            Judgement::Blocked(Obstacle::LengthNotCompared),
        ),
        (
            Standing::WithoutAudio,
            Judgement::Blocked(Obstacle::LegWithoutAudio),
        ),
        (Standing::Parked, Judgement::Blocked(Obstacle::LegParked)),
        (Standing::Failed, Judgement::Blocked(Obstacle::LegFailed)),
        (
            Standing::OnItsWay,
            Judgement::Blocked(Obstacle::LegOnItsWay),
        ),
        (Standing::Unknown, Judgement::Blocked(Obstacle::LegNotKnown)),
    ] {
        assert_eq!(
            judge(&facts(vec![proven, at_standing(2, standing)])),
            expected
        );
    }
}

#[test]
fn a_webhook_that_nobody_has_taken_blocks() {
    for (pending, exhausted, obstacle) in [
        (1, 0, Obstacle::WebhookPending),
        (0, 1, Obstacle::WebhookExhausted),
    ] {
        let mut told = at_standing(1, Standing::Proven);
        told.undelivered = Undelivered { pending, exhausted };
        assert_eq!(judge(&facts(vec![told])), Judgement::Blocked(obstacle));
    }
}

#[test]
fn what_cannot_be_listed_or_is_listed_and_not_known_is_not_deleted() {
    let mut unlisted = facts(vec![at_standing(1, Standing::Proven)]);
    for obstacle in [
        Obstacle::EventsGone,
        Obstacle::EventsUnreadable,
        Obstacle::NotListed,
    ] {
        unlisted.listed = Err(obstacle);
        assert_eq!(judge(&unlisted), Judgement::Blocked(obstacle));
    }
    unlisted.listed = Ok(BTreeSet::from([leg(1), leg(2)]));
    assert_eq!(judge(&unlisted), Judgement::Blocked(Obstacle::LegNotKnown));
    assert_eq!(
        judge(&facts(Vec::new())),
        Judgement::Blocked(Obstacle::LegNotKnown)
    );
}

#[test]
fn only_a_complete_recording_is_deleted_and_one_that_is_gone_is_gone() {
    let mut facts = facts(vec![at_standing(1, Standing::Proven)]);
    for (state, expected) in [
        (RecordingState::Stored, Judgement::Delete),
        (RecordingState::Deleted, Judgement::Gone),
        (
            RecordingState::Pending,
            Judgement::Blocked(Obstacle::RecordingNotComplete),
        ),
        (
            RecordingState::Empty,
            Judgement::Blocked(Obstacle::RecordingNotComplete),
        ),
        (
            RecordingState::NotStored { code: None },
            Judgement::Blocked(Obstacle::RecordingNotComplete),
        ),
        (
            RecordingState::Elsewhere,
            Judgement::Blocked(Obstacle::StoredElsewhere),
        ),
    ] {
        facts.recording = state;
        assert_eq!(judge(&facts), expected);
    }
}

#[test]
fn nothing_is_deleted_before_the_tenant_has_confirmed_what_a_read_back_relies_on() {
    let unconfirmed = SourceFacts {
        confirmed: false,
        ..facts(vec![at_standing(1, Standing::Proven)])
    };
    assert_eq!(
        judge(&unconfirmed),
        Judgement::Blocked(Obstacle::NotConfirmed)
    );
}

#[test]
fn a_contact_without_audio_is_no_proof_for_a_recording_that_has_some_of_its_time() {
    let recording = recording();
    let silent = complete(LegMedia::None);
    assert_eq!(
        standing(Some(&contact(silent.clone(), 110, 150)), &recording),
        Standing::WithoutAudio
    );
    assert_eq!(
        standing(Some(&contact(silent.clone(), 400, 500)), &recording),
        Standing::Proven,
        "it was made before the leg began"
    );
    let unknown = RecordingFacts {
        start: None,
        ..recording.clone()
    };
    assert_eq!(
        standing(Some(&contact(silent, 400, 500)), &unknown),
        Standing::WithoutAudio
    );
    assert_eq!(
        standing(Some(&contact(complete(recorded()), 110, 150)), &recording),
        Standing::Proven
    );

    let excluded = |rule: &str| Stage::Excluded(Discovered { at: at(0) }.exclude(rule, at(1)));
    assert_eq!(
        standing(Some(&contact(excluded("test calls"), 110, 150)), &recording),
        Standing::Excluded
    );
    assert_eq!(
        standing(
            Some(&contact(excluded(NO_MEDIA_RULE), 110, 150)),
            &recording
        ),
        Standing::WithoutAudio
    );
    let parked = Stage::Discovered(Discovered { at: at(0) }).park(ParkReason::NoMedia, at(1));
    assert_eq!(
        standing(
            Some(&contact(Stage::Parked(parked.unwrap()), 110, 150)),
            &recording
        ),
        Standing::Parked
    );
    assert_eq!(standing(None, &recording), Standing::Unknown);
}

#[test]
fn a_task_of_whose_attributes_nothing_is_told_is_not_taken_for_one_that_names_nothing() {
    let mut tasks = Tasks::default();
    tasks.take(&[event(1, "reservation.accepted", 1, 1, None)]);
    assert_eq!(tasks.blind().collect::<Vec<_>>(), [task(1)]);
    tasks.take(&[event(2, "task.updated", 1, 1, Some(&json!({})))]);
    assert_eq!(tasks.blind().count(), 0);
}

#[test]
fn the_hours_of_a_recording_hold_everything_that_went_on_with_a_margin() {
    assert_eq!(hours([]), None);
    let window = hours([(at(5_000), at(5_100)), (at(4_000), at(5_050))]).unwrap();
    assert_eq!(
        window,
        Window {
            from: at(4_000) - MARGIN,
            to: at(5_100) + MARGIN
        }
    );
}

#[test]
fn every_obstacle_has_a_word_of_its_own_and_an_advice() {
    for obstacle in Obstacle::ALL {
        assert_eq!(Obstacle::parse(obstacle.as_str()), Some(obstacle));
        assert!(!obstacle.advice().is_empty());
    }
    assert_eq!(Obstacle::parse("refused"), None);
}
