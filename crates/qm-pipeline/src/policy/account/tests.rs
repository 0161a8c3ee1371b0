use contact_model::{
    AcdKey, Capture, Channel, Discovered, FailureReason, Leg, LegTimes, MediaPiece, ParkReason,
};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const RECORDING: &str = "RE00000000000000000000000000000001";
const OTHER: &str = "RE00000000000000000000000000000002";

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap() + Duration::minutes(minute)
}

fn contact(stage: Stage) -> Contact {
    let acd: AcdKey = serde_json::from_value(json!({
        "account": format!("AC{:032}", 1), "workspace": format!("WS{:032}", 1), "tenant": "1",
    }))
    .unwrap();
    Contact {
        leg: Leg {
            acd,
            id: format!("WR{:032}", 1).parse().unwrap(),
            task: format!("WT{:032}", 1).parse().unwrap(),
            worker: format!("WK{:032}", 1).parse().unwrap(),
            queue: None,
            workflow: None,
            channel: Channel::Voice,
            direction: None,
            session: None,
            times: LegTimes::default(),
            hold: None,
        },
        stage,
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
        superseded: vec![OTHER.parse().unwrap()],
        marks: Vec::new(),
    }
}

fn processing(media: LegMedia) -> contact_model::Processing {
    Discovered { at: at(0) }
        .capture(Capture::default(), at(1))
        .link(media, at(2))
        .found(7.try_into().unwrap(), at(3))
}

fn complete(media: LegMedia) -> Contact {
    contact(Stage::Complete(processing(media).complete(None, at(4))))
}

fn stages() -> Vec<Stage> {
    let discovered = Discovered { at: at(0) };
    vec![
        Stage::Discovered(discovered.clone()),
        Stage::Processing(processing(recorded())),
        Stage::Complete(processing(recorded()).complete(None, at(4))),
        Stage::Complete(processing(LegMedia::None).complete(None, at(4))),
        Stage::Failed(processing(recorded()).fail(FailureReason::ProcessingFailed, at(4))),
        Stage::Parked(
            Stage::Processing(processing(recorded()))
                .park(ParkReason::NoMedia, at(4))
                .unwrap(),
        ),
        Stage::Excluded(discovered.exclude("test calls", at(1))),
    ]
}

const THERE: AtCalabrio = AtCalabrio {
    contacts: 1,
    with_media: true,
    unreadable: false,
};

#[test]
fn what_is_complete_here_must_be_there_at_calabrio() {
    let line = |seen| line_of(&complete(recorded()), false, seen);
    assert_eq!(line(THERE), Line::Complete);
    assert_eq!(
        line(AtCalabrio::default()),
        Line::Unexplained(Unexplained::ContactMissing)
    );
    let without = AtCalabrio {
        with_media: false,
        ..THERE
    };
    assert_eq!(line(without), Line::Unexplained(Unexplained::MediaMissing));
    assert_eq!(
        line_of(&complete(LegMedia::None), false, without),
        Line::Complete,
        "it never had any"
    );
    let unreadable = AtCalabrio {
        unreadable: true,
        ..AtCalabrio::default()
    };
    assert_eq!(line(unreadable), Line::Complete, "something is there");
    assert_eq!(
        line_of(&complete(recorded()), true, AtCalabrio::default()),
        Line::Complete,
        "whoever had it forgotten knows where it is"
    );
}

#[test]
fn what_is_not_complete_stands_by_its_stage_and_reason_whatever_calabrio_has() {
    for seen in [THERE, AtCalabrio::default()] {
        let lines: Vec<Line> = stages()
            .into_iter()
            .filter(|stage| stage.name() != StageName::Complete)
            .map(|stage| line_of(&contact(stage), false, seen))
            .collect();
        assert_eq!(
            lines,
            [
                Line::OnTheWay(StageName::Discovered),
                Line::OnTheWay(StageName::Processing),
                Line::Failed("processing-failed".to_owned()),
                Line::Parked("no-media".to_owned()),
                Line::Excluded("test calls".to_owned()),
            ]
        );
    }
}

#[test]
fn a_leg_is_unknown_only_where_discovery_has_passed_its_end() {
    let unexplained = Line::Unexplained(Unexplained::UnknownLeg);
    assert_eq!(line_of_unknown(at(5), Some(at(6))), unexplained);
    assert_eq!(line_of_unknown(at(6), Some(at(6))), Line::Undiscovered);
    assert_eq!(line_of_unknown(at(5), None), unexplained);
}

#[test]
fn a_recording_has_the_fate_of_its_legs() {
    let fate = |sid: &str, stage| fate_of(sid.parse().unwrap(), Some(&contact(stage)));
    let fates: Vec<_> = stages()
        .into_iter()
        .map(|stage| fate(RECORDING, stage))
        .collect();
    assert_eq!(
        fates,
        [
            RecordingFate::OnTheWay,
            RecordingFate::OnTheWay,
            RecordingFate::Carried,
            RecordingFate::WithoutAudio,
            RecordingFate::Failed,
            RecordingFate::Parked,
            RecordingFate::Excluded,
        ]
    );
    let passed_over = complete(recorded());
    assert_eq!(
        fate_of(OTHER.parse().unwrap(), Some(&passed_over)),
        RecordingFate::PassedOver
    );
    assert_eq!(
        fate_of(OTHER.parse().unwrap(), None),
        RecordingFate::UnknownLeg
    );
}

#[test]
fn a_night_that_was_missed_is_made_up_and_none_is_made_twice() {
    let (began, night) = (Some(at(0)), at(60));
    assert!(is_due(night, began, None));
    assert!(is_due(night, began, Some(at(59))));
    assert!(!is_due(night, began, Some(at(60))));
    assert!(!is_due(night, began, Some(at(61))));
    assert!(
        !is_due(at(-1), began, None),
        "nothing was discovered that night"
    );
    assert!(!is_due(night, None, None));
}

proptest! {
    #[test]
    fn slices_tile_the_range(from in 0_i64..100_000, minutes in 0_i64..100_000) {
        let (from, to) = (at(from), at(from + minutes));
        let mut position = from;
        for (begins, ends) in slices(from, to) {
            prop_assert_eq!(begins, position);
            prop_assert!(begins < ends && ends - begins <= Duration::days(1));
            position = ends;
        }
        prop_assert_eq!(position, to);
    }

    #[test]
    fn each_day_has_one_night_and_it_is_past(minute in 0_i64..10_000, hour in 0_u32..24, offset in 0_i64..720) {
        let (time, offset) = (NaiveTime::from_hms_opt(hour, 0, 0).unwrap(), Duration::minutes(offset));
        let now = at(minute);
        let latest = night(now, time, offset);
        prop_assert!(latest <= now && now - latest < Duration::days(1));
        prop_assert_eq!(night(latest, time, offset), latest);
        prop_assert_eq!(night(latest + Duration::days(1), time, offset), latest + Duration::days(1));
    }

    #[test]
    fn nights_are_spread_and_stay_within_the_spread(identity in any::<[u8; 8]>(), seconds in 0_u64..43_200) {
        let spread = std::time::Duration::from_secs(seconds);
        let offset = offset(identity, spread);
        prop_assert!(offset >= Duration::zero() && offset <= Duration::from_std(spread).unwrap());
    }
}
