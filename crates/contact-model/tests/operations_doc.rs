//! Operators read about park reasons in `docs/operations.md`: it lists every one, with the advice that commands print.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;

use contact_model::{CcrId, ParkKind, ParkReason};
use twilio_sid::{PublicKeySid, RecordingSid};

const DOCUMENT: &str = include_str!("../../../docs/operations.md");

/// The section of the document that lists the reasons: each kind, with its advice on one line.
fn documented() -> BTreeMap<String, String> {
    let title = "\n## Parked contacts: every reason and its remedy\n";
    let section = DOCUMENT
        .split(title)
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .unwrap_or_default();
    let entries = section.split("\n### `").skip(1);
    entries
        .filter_map(|entry| entry.split_once("`\n"))
        .map(|(kind, text)| {
            let quoted = text.lines().filter_map(|line| line.strip_prefix("> "));
            (kind.to_owned(), quoted.collect::<Vec<_>>().join(" "))
        })
        .collect()
}

/// One reason of each kind.
fn reasons() -> Vec<ParkReason> {
    let key: PublicKeySid = "CR00000000000000000000000000000001".parse().unwrap();
    let recording: RecordingSid = "RE00000000000000000000000000000001".parse().unwrap();
    let conversation = "CH00000000000000000000000000000001".parse().unwrap();
    let ccr = CcrId::try_from(7).unwrap();
    vec![
        ParkReason::MissingKey { key },
        ParkReason::KeyRefused { key },
        ParkReason::NotAuthentic { recording },
        ParkReason::EncryptionDetails { recording },
        ParkReason::RecordingNotStored {
            recording,
            code: Some(16_104),
        },
        ParkReason::StoredElsewhere { recording },
        ParkReason::DeletedAtSource { recording },
        ParkReason::NoMedia,
        ParkReason::AudioUnreadable { recording },
        ParkReason::AudioMismatch { recording },
        ParkReason::TooLarge {
            recording,
            bytes: 2,
            limit: 1,
        },
        ParkReason::SpanUncertain { recording },
        ParkReason::AttributesUnreadable,
        ParkReason::EventsGone,
        ParkReason::ImportRefused { status: 400 },
        ParkReason::ProcessingOverdue { ccr: None },
        ParkReason::ReadBackDiffers { ccr },
        ParkReason::DuplicateContact { ccr, count: 2 },
        ParkReason::UnknownAgent {
            worker: "WK00000000000000000000000000000001".parse().unwrap(),
        },
        ParkReason::NoConversation,
        ParkReason::ConversationGone { conversation },
        ParkReason::TranscriptTooLarge {
            conversation,
            limit: 1,
        },
        ParkReason::StepFailed {
            step: "uploading".to_owned(),
        },
    ]
}

#[test]
fn the_document_gives_the_advice_of_every_reason() {
    let documented = documented();
    let reasons = reasons();
    for kind in ParkKind::ALL {
        let reason = reasons.iter().find(|reason| reason.kind() == *kind);
        let Some(reason) = reason else {
            panic!("this test has no example of {kind}: add one");
        };
        let said = documented.get(kind.as_str()).map(String::as_str);
        assert_eq!(
            said,
            Some(reason.advice()),
            "docs/operations.md, section of {kind}"
        );
    }
}

#[test]
fn the_document_knows_no_reason_that_does_not_exist() {
    let documented = documented();
    for kind in documented.keys() {
        kind.parse::<ParkKind>().unwrap();
    }
    assert_eq!(documented.len(), ParkKind::ALL.len());
}
