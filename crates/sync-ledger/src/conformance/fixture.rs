//! Contacts to test with.

use chrono::{DateTime, Utc};
use contact_model::{
    AcdKey, Capture, Channel, Contact, Details, Discovered, Leg, LegId, LegMedia, LegTimes,
    MediaPiece, ParkReason, Stage,
};
use twilio_sid::RecordingSid;

use crate::{NewLeg, Schedule};

/// So many seconds after some moment.
pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
}

/// An ACD by number: its account and workspace are the same for all, its tenant is its own.
pub fn acd(number: u8) -> AcdKey {
    AcdKey {
        account: sid("AC", 1).parse().unwrap(),
        workspace: sid("WS", 1).parse().unwrap(),
        tenant: format!("tenant-{number}").parse().unwrap(),
    }
}

/// A leg by number.
pub fn leg(number: u32) -> LegId {
    sid("WR", number).parse().unwrap()
}

pub(crate) fn recording(number: u32) -> RecordingSid {
    sid("RE", number).parse().unwrap()
}

pub(crate) fn sid(prefix: &str, number: u32) -> String {
    format!("{prefix}{number:032x}")
}

/// A leg that was just discovered, of a task and an agent of its own, ended in the second of its number.
pub fn contact(acd: &AcdKey, number: u32) -> Contact {
    Contact {
        leg: Leg {
            acd: acd.clone(),
            id: leg(number),
            task: sid("WT", number).parse().unwrap(),
            worker: sid("WK", number).parse().unwrap(),
            queue: None,
            workflow: None,
            channel: Channel::Voice,
            direction: None,
            session: None,
            times: LegTimes {
                ended: Some(at(i64::from(number))),
                ..LegTimes::default()
            },
            hold: None,
        },
        stage: Stage::Discovered(Discovered { at: at(0) }),
    }
}

/// The same as it is found, due at second `due`.
pub fn found(acd: &AcdKey, number: u32, due: i64) -> NewLeg {
    NewLeg {
        contact: contact(acd, number),
        details: None,
        schedule: Schedule::at(at(due)),
    }
}

/// Details that name their number.
pub fn details(number: u32) -> Details {
    Details {
        attributes: Some(serde_json::json!({ "from": format!("+1555{number:07}") })),
        ..Details::default()
    }
}

/// The contact, linked to these recordings.
pub fn linked(mut contact: Contact, recordings: &[RecordingSid]) -> Contact {
    let piece = |recording: &RecordingSid| MediaPiece {
        recording: *recording,
        span: None,
        channels: 1,
        swap: false,
        encrypted: None,
    };
    let media = LegMedia::Recordings {
        pieces: recordings.iter().map(piece).collect(),
        superseded: Vec::new(),
        marks: Vec::new(),
    };
    let captured = Discovered { at: at(0) }.capture(Capture::default(), at(1));
    contact.stage = Stage::Linked(captured.link(media, at(2)));
    contact
}

/// The contact, parked from where it stands.
pub fn parked(mut contact: Contact, reason: ParkReason) -> Contact {
    contact.stage = Stage::Parked(contact.stage.park(reason, at(3)).unwrap());
    contact
}

pub(crate) fn excluded(mut contact: Contact) -> Contact {
    contact.stage = Stage::Excluded(Discovered { at: at(0) }.exclude("test calls", at(4)));
    contact
}
