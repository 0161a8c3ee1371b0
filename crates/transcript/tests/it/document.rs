//! The document: what it takes, what it counts, and where it stops.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "everything here is a test"
)]

use crate::common;

use bytes::Bytes;
use contact_model::{AcdKey, Channel, Direction, Leg, LegTimes, SessionId};
use proptest::prelude::*;
use serde_json::{Value, json};
use transcript::{
    AttachmentContent, Author, Context, LegHeader, Message, Participant, Role, Transcript,
    TranscriptError,
};

use common::{
    any_messages, any_transcript, at, attachment, header, leg_id, message, named, range, sid,
    transcript_of,
};

fn customer() -> Author {
    named(Role::Customer, "Grace", "+15550100")
}

#[test]
fn messages_are_in_the_order_of_their_indexes_and_what_is_not_the_legs_own_is_left_out() {
    let mut builder = Transcript::builder(header(), sid("CH", 1), range(3, 9), u64::MAX);
    for (index, body, own) in [
        (8, "last", true),
        (2, "of the leg before", false),
        (5, "middle", true),
        (9, "of the leg after", false),
        (3, "first", true),
        (5, "a second time", false),
    ] {
        let taken = builder.message(message(index, 10, customer(), body));
        assert_eq!(taken, Ok(own), "{body}");
    }
    let transcript = builder.finish();
    let bodies: Vec<_> = transcript
        .messages()
        .iter()
        .map(|message| message.body.as_deref())
        .collect();
    assert_eq!(bodies, [Some("first"), Some("middle"), Some("last")]);
}

#[test]
fn a_missing_index_is_counted_and_marks_the_message_after_it() {
    let messages = [3, 5, 8].map(|index| message(index, 10, customer(), "hello"));
    let transcript = transcript_of(range(2, 10), vec![], messages.to_vec());
    assert_eq!(transcript.counts().missing_indexes, 5);
    assert!(transcript.messages().iter().all(Message::after_gap));

    let messages = [3, 4, 6].map(|index| message(index, 10, customer(), "hello"));
    let transcript = transcript_of(range(3, 7), vec![], messages.to_vec());
    assert_eq!(transcript.counts().missing_indexes, 1);
    let gaps: Vec<_> = transcript
        .messages()
        .iter()
        .map(Message::after_gap)
        .collect();
    assert_eq!(gaps, [false, false, true]);
}

#[test]
fn everything_is_counted() {
    let mut deleted = Message::new(1, sid("IM", 1), at(1), Author::new(Role::System));
    deleted.deleted = true;
    deleted.context = Some(Context::Before);
    let mut edited = message(2, 10, customer(), "hello");
    edited.edited = true;
    edited.attachments = vec![
        attachment(1, "a.jpg", AttachmentContent::Listed),
        attachment(2, "b.jpg", AttachmentContent::Listed),
    ];
    let answer = message(3, 11, Author::new(Role::Agent), "hi");
    let odd = message(4, 12, Author::default(), "?");
    let counts = transcript_of(range(0, 5), vec![], vec![deleted, edited, answer, odd]).counts();
    assert_eq!(
        serde_json::to_value(counts).unwrap(),
        json!({
            "messages": 4, "context": 1, "customer": 1, "agent": 1, "system": 1, "unknown": 1,
            "edited": 1, "deleted": 1, "attachments": 2, "missing_indexes": 1
        })
    );
}

#[test]
fn an_empty_conversation_is_a_document_too() {
    let transcript = transcript_of(range(0, 0), vec![], vec![]);
    let json = transcript.to_json(1024).unwrap();
    assert_eq!(Transcript::from_json(&json).unwrap(), transcript);
    assert_eq!(transcript.counts(), transcript::Counts::default());
}

#[test]
fn a_body_of_32_kilobytes_of_anything_survives_the_way() {
    for piece in [
        "a",
        "م",
        "👩🏽‍🚀",
        "\u{0}",
        "\u{1b}[0m\r\n",
        "\u{202e}\u{2028}",
        "\"\\",
    ] {
        let body = piece.repeat(32 * 1024 / piece.len());
        let transcript = transcript_of(range(0, 1), vec![], vec![message(0, 1, customer(), &body)]);
        let json = transcript.to_json(1 << 20).unwrap();
        let back = Transcript::from_json(&json).unwrap();
        assert_eq!(back.messages()[0].body.as_deref(), Some(&*body));
    }
}

#[test]
fn an_attachment_is_base64_in_the_document_and_bytes_again_when_it_is_read() {
    let bytes = Bytes::from((0..=255).collect::<Vec<u8>>());
    let mut picture = Message::new(0, sid("IM", 0), at(1), customer());
    picture.attachments = vec![attachment(
        1,
        "car.jpg",
        AttachmentContent::Included { bytes },
    )];
    let transcript = transcript_of(range(0, 1), vec![], vec![picture]);
    let value = serde_json::to_value(&transcript).unwrap();
    let text = value["messages"][0]["attachments"][0]["content"]["base64"]
        .as_str()
        .unwrap();
    assert!(
        text.starts_with("AAECAwQFBgcICQ") && text.ends_with("/P3+/w=="),
        "{text}"
    );
    assert_eq!(
        Transcript::from_json(&transcript.to_json(4096).unwrap()).unwrap(),
        transcript
    );
}

#[test]
fn a_document_above_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let transcript = transcript_of(
        range(0, 1),
        vec![],
        vec![message(0, 1, customer(), "hello")],
    );
    let len = transcript.json_len();
    assert_eq!(transcript.to_json(len).unwrap().len() as u64, len);
    let error = transcript.to_json(len - 1).unwrap_err();
    assert_eq!(
        error,
        TranscriptError::TooLarge {
            leg: leg_id(2),
            limit: len - 1
        }
    );
    assert_eq!(
        error.to_string(),
        format!(
            "the transcript of the leg WR00000000000000000000000000000002 is larger than the limit of {} bytes: raise the limit, or list attachments instead of fetching them",
            len - 1
        )
    );
}

#[test]
fn the_message_that_makes_a_document_too_large_is_refused_when_it_comes() {
    let mut builder = Transcript::builder(header(), sid("CH", 1), range(0, 100), 4096);
    let mut taken = 0;
    let error = loop {
        let before = builder.room();
        match builder.message(message(taken, 1, customer(), &"x".repeat(500))) {
            Ok(true) => assert!(builder.room() < before - 500),
            Ok(false) => panic!("a message of the range is taken"),
            Err(error) => break error,
        }
        taken += 1;
    };
    assert_eq!(
        error,
        TranscriptError::TooLarge {
            leg: leg_id(2),
            limit: 4096
        }
    );
    assert!((4..8).contains(&taken), "{taken} messages fit");
    let big = Participant {
        name: Some("x".repeat(5000)),
        ..Participant::default()
    };
    assert!(builder.participant(big).is_err());
    // What was taken before stays, and fits.
    let transcript = builder.finish();
    assert_eq!(transcript.counts().messages, taken);
    assert!(transcript.to_json(4096).is_ok());
}

#[test]
fn a_document_of_another_version_is_named_as_such() {
    let error = Transcript::from_json(br#"{"version": 7, "future": true}"#).unwrap_err();
    assert_eq!(error, TranscriptError::Version { found: 7 });
    assert_eq!(
        error.to_string(),
        "the document is of version 7, and this program reads version 1: use the program that wrote it, or a newer one"
    );
}

#[test]
fn what_cannot_be_read_is_named_by_its_place_and_never_quoted() {
    let text = "{\"version\": 1,\n \"leg\": \"my secret\"}";
    let error = Transcript::from_json(text.as_bytes()).unwrap_err();
    assert!(
        matches!(error, TranscriptError::Unreadable { line: 2, .. }),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?}").contains("secret"));
}

#[test]
fn a_document_that_contradicts_itself_is_refused() {
    let whole: Value = serde_json::from_str(include_str!("documents/chat.json")).unwrap();
    let changed = |place: &str, value: Value| {
        let mut document = whole.clone();
        *document.pointer_mut(place).expect(place) = value;
        Transcript::from_json(document.to_string().as_bytes()).unwrap_err()
    };
    let inconsistent = |what| TranscriptError::Inconsistent {
        leg: leg_id(2),
        what,
    };
    assert_eq!(changed("/counts/agent", json!(2)), inconsistent("counts"));
    assert_eq!(
        changed("/conversation/range/to", json!(11)),
        inconsistent("counts")
    );
    assert_eq!(
        changed("/conversation/range/from", json!(4)),
        inconsistent("indexes")
    );
    assert_eq!(
        changed("/messages/0/index", json!(11)),
        inconsistent("indexes")
    );
    assert_eq!(
        changed("/messages/1/index", json!(3)),
        inconsistent("indexes")
    );
    assert_eq!(
        changed("/messages/1/after_gap", json!(true)),
        inconsistent("indexes")
    );
}

#[test]
fn a_leg_says_of_itself_what_the_header_needs() {
    let leg = Leg {
        acd: AcdKey {
            account: sid("AC", 1),
            workspace: sid("WS", 1),
            tenant: "t1".parse().unwrap(),
        },
        id: leg_id(2),
        task: sid("WT", 1),
        worker: sid("WK", 1),
        queue: None,
        workflow: None,
        channel: Channel::Other("whatsapp".into()),
        direction: Some(Direction::Outbound),
        session: None,
        times: LegTimes {
            accepted: Some(at(1)),
            wrapup: None,
            ended: Some(at(9)),
            task_ended: Some(at(10)),
        },
        hold: None,
    };
    let header = LegHeader::of(&leg);
    assert_eq!(header.session_id, SessionId::from(leg.task));
    assert_eq!(
        (header.accepted, header.wrapup, header.ended),
        (Some(at(1)), None, Some(at(9)))
    );
    assert_eq!(
        serde_json::to_value(&header).unwrap()["channel"],
        json!("whatsapp")
    );
    let period = transcript::LegPeriod::of(&leg).unwrap();
    assert_eq!((period.accepted, period.ended), (at(1), Some(at(9))));
    let unaccepted = Leg {
        times: LegTimes::default(),
        ..leg
    };
    assert_eq!(transcript::LegPeriod::of(&unaccepted), None);
}

#[test]
fn debug_prints_nothing_that_was_written() {
    let person = Participant {
        name: Some("Grace".into()),
        address: Some("+15550100".into()),
        ..Participant::default()
    };
    let said = message(0, 1, customer(), "my secret");
    let mut builder = Transcript::builder(header(), sid("CH", 1), range(0, 1), 4096);
    builder.participant(person.clone()).unwrap();
    builder.message(said).unwrap();
    let building = format!("{builder:?} {person:?} {:?}", person.author());
    let transcript = builder.finish();
    let printed = format!("{building} {transcript:?} {:?}", transcript.leg());
    for word in ["Grace", "Ada", "+1555", "secret"] {
        assert!(!printed.contains(word), "{printed}");
    }
    assert!(
        printed.contains("CH00000000000000000000000000000001"),
        "{printed}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_the_builder_took_is_never_refused_under_its_limit(
        messages in any_messages(),
        limit in 0u64..6000,
    ) {
        let mut builder = Transcript::builder(header(), sid("CH", 1), range(0, 30), limit);
        let mut any = false;
        for message in messages {
            any |= builder.message(message).is_ok();
        }
        let transcript = builder.finish();
        prop_assert!(!any || transcript.to_json(limit).is_ok());
    }

    #[test]
    fn no_limit_below_the_length_lets_a_byte_out(transcript in any_transcript(), cut in 1u64..500) {
        let limit = transcript.json_len().saturating_sub(cut);
        prop_assert_eq!(
            transcript.to_json(limit),
            Err(TranscriptError::TooLarge { leg: leg_id(2), limit })
        );
    }
}
