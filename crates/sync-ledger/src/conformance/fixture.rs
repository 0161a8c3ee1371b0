//! Contacts to test with.

use chrono::{DateTime, Utc};
use contact_model::{
    AcdKey, Capture, CcrId, Channel, Contact, ContactStatus, ConversationStore, Details,
    Discovered, FailureReason, Leg, LegId, LegMedia, LegTimes, MediaPiece, MessageRange,
    ParkReason, Stage, TranscriptPart,
};
use twilio_sid::{ConversationSid, RecordingSid};

use crate::{NewLeg, PushedEvent, Schedule, Tell};

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

/// A recording by number.
pub fn recording(number: u32) -> RecordingSid {
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

/// The contact, complete with these recordings, as Calabrio's contact 41.
pub fn complete(contact: Contact, recordings: &[RecordingSid]) -> Contact {
    let mut contact = linked(contact, recordings);
    if let Stage::Linked(stage) = contact.stage {
        let processing = stage.found(CcrId::try_from(41).unwrap(), at(3));
        contact.stage = Stage::Complete(processing.complete(None, at(4)));
    }
    contact
}

/// The contact, linked to messages of this conversation, half open by their index.
pub fn transcribed(contact: Contact, conversation: u32, from: u64, to: u64) -> Contact {
    let mut contact = linked(contact, &[]);
    if let Stage::Linked(stage) = &mut contact.stage {
        stage.media = LegMedia::Transcript(TranscriptPart {
            conversation: self::conversation(conversation),
            service: None,
            store: ConversationStore::Conversations,
            range: MessageRange { from, to },
            messages: 1,
        });
    }
    contact
}

/// A conversation by number.
pub fn conversation(number: u32) -> ConversationSid {
    sid("CH", number).parse().unwrap()
}

/// That the contact is complete as Calabrio's contact 41, as the message with this number.
pub fn tell_complete(number: u32) -> Tell {
    tell_complete_as(41, number)
}

/// That the contact is complete as this contact of Calabrio's, as the message with this number.
pub fn tell_complete_as(ccr: i64, number: u32) -> Tell {
    Tell {
        ccr: Some(CcrId::try_from(ccr).unwrap()),
        ..tell(ContactStatus::Complete, number)
    }
}

/// That the contact failed for this reason before Calabrio gave it an id, as the message with this number.
pub fn tell_failed(reason: FailureReason, number: u32) -> Tell {
    tell(ContactStatus::Failed { reason }, number)
}

fn tell(status: ContactStatus, number: u32) -> Tell {
    Tell {
        status,
        ccr: None,
        message_id: message(number),
        body: format!("{{\"message\":{number}}}").into(),
    }
}

/// A message's id by number.
pub fn message(number: u32) -> String {
    format!("msg_{number:027}")
}

/// An event by number, of the task of that number, pushed in the second of its number.
pub fn event(acd: &AcdKey, number: u32) -> PushedEvent {
    PushedEvent {
        acd: acd.clone(),
        id: sid("EV", number),
        kind: "reservation.completed".into(),
        form: "cloud-event".into(),
        at: Some(at(i64::from(number) - 1)),
        received_at: at(i64::from(number)),
        payload: format!("{{\"task\":\"{}\"}}", sid("WT", number)).into(),
    }
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
