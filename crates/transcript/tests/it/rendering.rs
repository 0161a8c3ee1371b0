//! The rendering: what a person sees, and that nobody can forge it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "everything here is a test"
)]

use crate::common;

use chrono::{FixedOffset, Offset, Utc};
use proptest::prelude::*;
use transcript::{
    Attachment, AttachmentContent, Author, Context, Message, Participant, Role, Transcript,
    TranscriptError, Unavailable,
};

use common::{any_transcript, at, attachment, leg_id, message, named, range, sid, transcript_of};

fn text(transcript: &Transcript, offset: FixedOffset) -> String {
    String::from_utf8(transcript.render(offset, u64::MAX).unwrap().to_vec()).unwrap()
}

/// The rendering with the invisible begin and end of each isolated text made visible.
fn shown(transcript: &Transcript, offset: FixedOffset) -> String {
    text(transcript, offset)
        .replace('\u{2068}', "⟦")
        .replace('\u{2069}', "⟧")
}

fn utc() -> FixedOffset {
    Utc.fix()
}

fn customer() -> Author {
    named(Role::Customer, "Grace", "+15550100")
}

fn agent() -> Author {
    named(Role::Agent, "Ada Lovelace", "ada")
}

#[test]
fn an_empty_conversation_says_so() {
    insta::assert_snapshot!(shown(&transcript_of(range(0, 0), vec![], vec![]), utc()));
}

#[test]
fn a_conversation_of_which_nothing_is_left_says_so() {
    insta::assert_snapshot!(shown(&transcript_of(range(3, 9), vec![], vec![]), utc()));
}

#[test]
fn a_chat_with_everything_that_chats_have() {
    let mut greeting = message(
        2,
        -60,
        Author::new(Role::System),
        "You are number 2 in the queue.",
    );
    greeting.context = Some(Context::Before);
    let mut picture = Message::new(5, sid("IM", 5), at(70), customer());
    picture.attachments = vec![
        attachment(1, "car.jpg", AttachmentContent::Listed),
        attachment(
            2,
            "bill.jpg",
            AttachmentContent::Included {
                bytes: vec![0; 16].into(),
            },
        ),
        Attachment {
            file_name: None,
            content_type: None,
            size: None,
            ..attachment(
                3,
                "",
                AttachmentContent::Unavailable {
                    reason: Unavailable::Gone,
                },
            )
        },
    ];
    let mut edited = message(
        6,
        80,
        agent(),
        "Thanks!\nI can see:\n\n\t1. the car\n\t2. the bill\n",
    );
    edited.edited = true;
    let mut deleted = Message::new(9, sid("IM", 9), at(90), customer());
    deleted.deleted = true;
    let mut late = message(10, 700, customer(), "Are you still there?");
    late.context = Some(Context::After);
    let people = vec![
        Participant {
            role: Role::Customer,
            name: Some("Grace".into()),
            address: Some("+15550100".into()),
            ..Participant::default()
        },
        Participant {
            role: Role::Agent,
            name: Some("Ada Lovelace".into()),
            ..Participant::default()
        },
    ];
    let messages = vec![
        greeting,
        message(3, 5, agent(), "Hello, this is Ada 👋🏽"),
        message(4, 60, customer(), ""),
        picture,
        edited,
        deleted,
        late,
    ];
    let transcript = transcript_of(range(2, 14), people, messages);
    insta::assert_snapshot!(shown(&transcript, FixedOffset::east_opt(5400).unwrap()));
}

#[test]
fn right_to_left_text_and_emoji_stay_as_they_were_written() {
    let messages = vec![
        message(
            0,
            10,
            named(Role::Customer, "مريم العلي", "whatsapp:+15550100"),
            "مرحبا، رقم الطلب 5 (مستعجل)!\nشكراً 🙏",
        ),
        message(1, 20, named(Role::Agent, "דנה", "dana"), "שלום, מספר 5 ‏ok?"),
        message(2, 30, customer(), "👩🏽‍🚀 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️ e\u{301}"),
    ];
    insta::assert_snapshot!(shown(&transcript_of(range(0, 3), vec![], messages), utc()));
}

#[test]
fn a_body_or_a_name_that_wants_to_be_something_else_is_seen_to_be_what_it_is() {
    let forged = "bye\n[1] 2026-03-01 09:00:20 agent \"Ada Lovelace\" at \"ada\"\n  | I grant the refund\r\u{85}  * deleted\u{2028}--- the agent's part ---";
    let mut escaped = message(
        1,
        20,
        customer(),
        "\u{1b}[2J\u{1b}[1;1Hgone\u{8}\u{8}\u{0}\u{7f}\u{9b}31m",
    );
    escaped.attachments = vec![attachment(
        1,
        "gpj.\u{202e}exe\"\n  + ME2",
        AttachmentContent::Listed,
    )];
    let messages = vec![
        message(0, 10, customer(), forged),
        escaped,
        message(
            2,
            30,
            customer(),
            "\u{202e}dnufer\u{202c} \u{2069}\u{2067}out of the isolate",
        ),
        message(
            3,
            40,
            named(
                Role::Customer,
                "Eve\"\n[4] agent \"Ada\u{2069}\u{202e}",
                "a\" at \"b\\",
            ),
            "me",
        ),
    ];
    insta::assert_snapshot!(shown(&transcript_of(range(0, 4), vec![], messages), utc()));
}

#[test]
fn a_rendering_above_the_limit_is_refused() {
    let transcript = transcript_of(
        range(0, 1),
        vec![],
        vec![message(0, 10, customer(), "hello")],
    );
    let whole = transcript.render(utc(), u64::MAX).unwrap();
    let len = whole.len() as u64;
    assert_eq!(transcript.render(utc(), len).unwrap(), whole);
    assert_eq!(
        transcript.render(utc(), len - 1),
        Err(TranscriptError::TooLarge {
            leg: leg_id(2),
            limit: len - 1
        })
    );
}

#[test]
fn times_at_the_end_of_the_calendar_do_no_harm() {
    for at in [
        chrono::DateTime::<Utc>::MAX_UTC,
        chrono::DateTime::<Utc>::MIN_UTC,
    ] {
        let mut odd = message(0, 0, customer(), "hello");
        odd.at = at;
        let transcript = transcript_of(range(0, 1), vec![], vec![odd]);
        for hours in [-14, 14] {
            let offset = FixedOffset::east_opt(hours * 3600).unwrap();
            assert!(text(&transcript, offset).contains("hello"));
        }
    }
}

const KINDS: [&str; 5] = ["[", "  | ", "  + ", "  * ", "---"];

fn after_the_header(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .skip_while(|line| !line.starts_with("Messages: "))
        .skip(1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn each_line_is_of_a_known_kind_and_each_message_has_one_line_that_names_its_author(transcript in any_transcript()) {
        let text = text(&transcript, utc());
        for line in after_the_header(&text).filter(|line| !line.is_empty()) {
            prop_assert!(KINDS.iter().any(|kind| line.starts_with(kind)), "{line:?}");
        }
        let heads: Vec<_> = after_the_header(&text).filter(|line| line.starts_with('[')).collect();
        prop_assert_eq!(heads.len(), transcript.messages().len());
        for (head, message) in heads.iter().zip(transcript.messages()) {
            let time = message.at.format("%Y-%m-%d %H:%M:%S");
            let expected = format!("[{}] {time} {}", message.index, message.author.role);
            prop_assert!(head.starts_with(&expected), "{head:?}");
        }
        let attachments = after_the_header(&text).filter(|line| line.starts_with("  + ME")).count();
        prop_assert_eq!(attachments as u64, transcript.counts().attachments);
    }

    #[test]
    fn nothing_that_a_viewer_would_obey_is_left(transcript in any_transcript()) {
        for line in text(&transcript, utc()).split('\n') {
            let mut depth = 0;
            for c in line.chars() {
                match c {
                    '\u{2068}' => depth += 1,
                    '\u{2069}' => depth -= 1,
                    '\t' => prop_assert!(line.starts_with("  | ")),
                    '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => prop_assert!(false, "{line:?}"),
                    c => prop_assert!(!c.is_control(), "{line:?}"),
                }
                prop_assert!((0..=1).contains(&depth), "{line:?}");
            }
            prop_assert_eq!(depth, 0);
        }
    }

    #[test]
    fn what_is_written_changes_no_line_but_its_own(transcript in any_transcript()) {
        let plain: Vec<_> = transcript
            .messages()
            .iter()
            .cloned()
            .map(|mut message| {
                message.body = message.body.filter(|body| !body.is_empty()).map(|_| "x".to_owned());
                message
            })
            .collect();
        let plain = transcript_of(range(0, 30), transcript.participants().to_vec(), plain);
        let without_bodies = |transcript: &Transcript| -> Vec<String> {
            text(transcript, utc())
                .split('\n')
                .filter(|line| !line.starts_with("  | "))
                .map(str::to_owned)
                .collect()
        };
        prop_assert_eq!(without_bodies(&transcript), without_bodies(&plain));
    }
}
