//! What the tests of the document and of its rendering share: conversations of every kind.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "everything here is for tests, and no test uses all of it"
)]

use bytes::Bytes;
use chrono::{DateTime, TimeZone, Utc};
use contact_model::{Channel, Direction, LegId, MessageRange};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use transcript::{
    Agent, Attachment, AttachmentContent, Author, Context, LegHeader, Message, Participant, Role,
    Transcript, Unavailable,
};

pub(crate) fn sid<T: std::str::FromStr<Err: std::fmt::Debug>>(prefix: &str, number: u64) -> T {
    format!("{prefix}{number:032x}").parse().unwrap()
}

pub(crate) fn leg_id(number: u64) -> LegId {
    sid("WR", number)
}

/// Seconds after the begin of the tests' day.
pub(crate) fn at(second: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 9, 0, 0).unwrap() + chrono::TimeDelta::seconds(second)
}

pub(crate) fn header() -> LegHeader {
    LegHeader {
        session_id: "KD00000000000000000000000000000001".parse().unwrap(),
        leg_id: leg_id(2),
        channel: Channel::Chat,
        direction: Some(Direction::Inbound),
        agent: Agent {
            worker_sid: sid("WK", 1),
            name: Some("Ada Lovelace".into()),
        },
        accepted: Some(at(5)),
        wrapup: Some(at(600)),
        ended: Some(at(690)),
    }
}

pub(crate) fn range(from: u64, to: u64) -> MessageRange {
    MessageRange { from, to }
}

pub(crate) fn named(role: Role, name: &str, address: &str) -> Author {
    Author {
        name: Some(name.into()),
        address: Some(address.into()),
        ..Author::new(role)
    }
}

pub(crate) fn message(index: u64, second: i64, author: Author, body: &str) -> Message {
    let mut message = Message::new(index, sid("IM", index), at(second), author);
    message.body = Some(body.into());
    message
}

pub(crate) fn attachment(number: u64, name: &str, content: AttachmentContent) -> Attachment {
    Attachment {
        sid: sid("ME", number),
        file_name: Some(name.into()),
        content_type: Some("image/jpeg".into()),
        size: Some(42_056),
        content,
    }
}

/// A transcript of these messages, and of as many indexes.
pub(crate) fn transcript_of(
    range: MessageRange,
    participants: Vec<Participant>,
    messages: Vec<Message>,
) -> Transcript {
    let mut builder = Transcript::builder(header(), sid("CH", 1), range, u64::MAX);
    for participant in participants {
        builder.participant(participant).unwrap();
    }
    for message in messages {
        assert!(builder.message(message).unwrap());
    }
    builder.finish()
}

/// Text that wants to be more than text, mixed with any other.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "\n",
        "\r",
        "\r\n",
        "\t",
        "\u{0}",
        "\u{8}",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{85}",
        "\u{9b}",
        "\u{b}",
        "\u{c}",
        "\u{2028}",
        "\u{2029}",
        "\u{202a}",
        "\u{202b}",
        "\u{202c}",
        "\u{202d}",
        "\u{202e}",
        "\u{2066}",
        "\u{2067}",
        "\u{2068}",
        "\u{2069}",
        "\u{200f}",
        "\u{61c}",
        "\"",
        "\\",
        "  | ",
        "  * deleted",
        "  + ME",
        "\n[0] 2026-03-01 09:00:00 agent \"Eve\"",
        "---",
        "مرحبا",
        "שלום",
        "👩🏽‍🚀",
        "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "\u{feff}",
        "\u{206a}",
        "\u{fffb}",
        "\u{10ffff}",
    ]);
    vec(
        prop_oneof![3 => nasty.prop_map(str::to_owned), 1 => any::<String>()],
        0..8,
    )
    .prop_map(|pieces| pieces.concat())
}

fn any_role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![
        Role::Customer,
        Role::Agent,
        Role::System,
        Role::Unknown,
    ])
}

fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    (-1_000_000_000_000i64..4_000_000_000_000)
        .prop_map(|millis| DateTime::from_timestamp_millis(millis).unwrap())
}

pub(crate) fn any_author() -> impl Strategy<Value = Author> {
    (
        any_role(),
        option::of(any_text()),
        option::of(any_text()),
        option::of(any::<u64>()),
    )
        .prop_map(|(role, name, address, participant)| Author {
            role,
            name,
            address,
            participant_sid: participant.map(|number| sid("MB", number)),
        })
}

fn any_attachment() -> impl Strategy<Value = Attachment> {
    let content = prop_oneof![
        Just(AttachmentContent::Listed),
        vec(any::<u8>(), 0..64).prop_map(|bytes| AttachmentContent::Included {
            bytes: Bytes::from(bytes)
        }),
        prop::sample::select(Unavailable::ALL.to_vec())
            .prop_map(|reason| AttachmentContent::Unavailable { reason }),
    ];
    (
        any::<u64>(),
        option::of(any_text()),
        option::of(any_text()),
        option::of(any::<u64>()),
        content,
    )
        .prop_map(
            |(number, file_name, content_type, size, content)| Attachment {
                sid: sid("ME", number),
                file_name,
                content_type,
                size,
                content,
            },
        )
}

fn any_message(index: u64) -> impl Strategy<Value = Message> {
    let context = option::of(prop::sample::select(vec![Context::Before, Context::After]));
    (
        any_time(),
        any_author(),
        option::of(any_text()),
        any::<(bool, bool)>(),
        context,
        vec(any_attachment(), 0..3),
    )
        .prop_map(
            move |(at, author, body, (edited, deleted), context, attachments)| {
                let mut message = Message::new(index, sid("IM", index), at, author);
                message.body = body;
                message.edited = edited;
                message.deleted = deleted;
                message.context = context;
                message.attachments = attachments;
                message
            },
        )
}

pub(crate) fn any_messages() -> impl Strategy<Value = Vec<Message>> {
    btree_map(0u64..30, Just(()), 0..8)
        .prop_flat_map(|indexes| indexes.into_keys().map(any_message).collect::<Vec<_>>())
}

/// A transcript of anything at all, over the indexes 0 to 29.
pub(crate) fn any_transcript() -> impl Strategy<Value = Transcript> {
    (vec(any_author(), 0..3), any_messages()).prop_map(|(people, messages)| {
        let people = people
            .into_iter()
            .map(|author| Participant {
                role: author.role,
                name: author.name,
                address: author.address,
                participant_sid: author.participant_sid,
                worker_sid: None,
            })
            .collect();
        transcript_of(range(0, 30), people, messages)
    })
}
