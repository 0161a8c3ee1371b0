//! What of a contact is not the leg's: its audio, its transcript, its fields.

use std::collections::{BTreeMap, BTreeSet};

use crate::calabrio::ReceivedContact;
use crate::world::{AudioVerdict, Content, ExpectedLeg, ExpectedMessage};

/// How far the length that an import told may lie from the audio's own, in milliseconds.
const DURATION_TOLERANCE_MS: u64 = 1_000;
/// How far a contact's start may lie from the leg's acceptance beyond the audio's tolerance, in milliseconds.
const START_TOLERANCE_MS: u64 = 2_000;

pub(super) fn sound_faults(expected: &ExpectedLeg, contact: &ReceivedContact) -> Vec<String> {
    let mut faults = Vec::new();
    match (&expected.audio, &contact.audio) {
        (None, None) => {}
        (Some(_), None) => faults.push("the audio is missing".to_owned()),
        (None, Some(_)) => faults.push("there is audio where none was expected".to_owned()),
        (Some(_), Some(audio)) => {
            match &audio.verdict {
                None | Some(AudioVerdict::Match | AudioVerdict::NoneExpected) => {}
                Some(AudioVerdict::Swapped) => {
                    faults.push("the channels are the wrong way round".to_owned());
                }
                Some(AudioVerdict::Mismatch(what)) => {
                    faults.push(format!("the audio is another: {what}"));
                }
            }
            faults.extend(audio.defects.iter().cloned());
            if audio.duration_ms.abs_diff(contact.duration_ms) > DURATION_TOLERANCE_MS {
                faults.push(format!(
                    "callDuration is {} ms, the audio has {} ms",
                    contact.duration_ms, audio.duration_ms
                ));
            }
        }
    }
    faults
}

pub(super) fn text_faults(expected: &ExpectedLeg, contact: &ReceivedContact) -> Vec<String> {
    let (expected, received) = match (&expected.transcript, &contact.transcript) {
        (None, None) => return Vec::new(),
        (None, Some(_)) => {
            return vec!["there is a transcript where none was expected".to_owned()];
        }
        // Of nothing there need not be a transcript.
        (Some(expected), None) if expected.messages.is_empty() => return Vec::new(),
        (Some(_), None) => return vec!["the transcript is missing".to_owned()],
        (Some(expected), Some(received)) => (expected, received),
    };
    let known: BTreeMap<u64, &ExpectedMessage> = expected
        .messages
        .iter()
        .chain(&expected.elastic)
        .map(|message| (message.index, message))
        .collect();
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    let mut last = None;
    for message in &received.messages {
        let Some(index) = message.index else {
            faults.push("a message of the transcript has no index".to_owned());
            continue;
        };
        if last.is_some_and(|last| last >= index) {
            faults.push(format!(
                "message {index} stands behind one of a higher index"
            ));
        }
        last = Some(index);
        seen.insert(index);
        match known.get(&index) {
            None => faults.push(format!("message {index} is not the leg's")),
            Some(known) if message.sid.as_deref() != Some(&known.sid) => {
                faults.push(format!("message {index} has another SID"));
            }
            Some(known) if message.body_sha256 != known.body_sha256 => {
                faults.push(format!("message {index} has another body"));
            }
            Some(_) => {}
        }
    }
    let elastic: BTreeSet<u64> = expected.elastic.iter().map(|other| other.index).collect();
    let missing = expected
        .messages
        .iter()
        .map(|message| message.index)
        .filter(|index| !seen.contains(index) && !elastic.contains(index));
    faults.extend(missing.map(|index| format!("message {index} is missing")));
    faults
}

/// What is wrong between the legs of a conversation: a message that two have, or that none has. By leg.
pub(super) fn partition_faults<'a>(
    received: &BTreeMap<&str, Vec<&ReceivedContact>>,
    expected: &'a [ExpectedLeg],
) -> BTreeMap<&'a str, Vec<String>> {
    let mut conversations: BTreeMap<&str, Vec<&ExpectedLeg>> = BTreeMap::new();
    for leg in expected {
        if let Some(transcript) = &leg.transcript {
            conversations
                .entry(&transcript.conversation)
                .or_default()
                .push(leg);
        }
    }
    let mut faults: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for legs in conversations.values().filter(|legs| legs.len() > 1) {
        let mut holders: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
        let mut all_there = true;
        for leg in legs {
            let transcript = received
                .get(leg.leg.as_str())
                .and_then(|contacts| contacts.first()?.transcript.as_ref());
            all_there &= transcript.is_some();
            let messages = transcript.map_or(&[][..], |it| it.messages.as_slice());
            for index in messages.iter().filter_map(|message| message.index) {
                holders.entry(index).or_default().push(&leg.leg);
            }
        }
        for (index, holding) in holders.iter().filter(|(_, holding)| holding.len() > 1) {
            for leg in holding {
                let others = faults.entry(leg).or_default();
                others.push(format!(
                    "message {index} is in another leg's transcript, too"
                ));
            }
        }
        for leg in legs.iter().filter(|_| all_there) {
            let own = leg.transcript.iter().flat_map(|it| &it.messages);
            for message in own.filter(|message| !holders.contains_key(&message.index)) {
                let missing = faults.entry(&leg.leg).or_default();
                missing.push(format!(
                    "message {} is in no leg's transcript",
                    message.index
                ));
            }
        }
    }
    faults
}

pub(super) fn field_faults(expected: &ExpectedLeg, contact: &ReceivedContact) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |name: &str, is: Option<&str>, should: &str| {
        if is != Some(should) {
            // Never the value: it may be a customer's, even if a simulated one.
            faults.push(format!("{name} is not the leg's"));
        }
    };
    let (calling, called) = if expected.direction == "outbound" {
        (&expected.business, &expected.customer)
    } else {
        (&expected.customer, &expected.business)
    };
    check("assocCallId", contact.session.as_deref(), &expected.session);
    check("callId", contact.call_id.as_deref(), &expected.leg);
    let content = expected.content;
    check(
        "contactType",
        Some(&contact.contact_type),
        content.contact_type(),
    );
    if expected.unassigned {
        check("acdId", Some(contact.agent.as_deref().unwrap_or("")), "");
    } else {
        check("acdId", contact.agent.as_deref(), &expected.worker);
    }
    check(
        "direction",
        contact.direction.as_deref(),
        &expected.direction,
    );
    // An outbound task need not name the numbers, and a chat has none; an inbound call does.
    let inbound = expected.direction == "inbound" && content == Content::Call;
    for (name, is, should) in [
        ("ani", &contact.ani, calling),
        ("dnis", &contact.dnis, called),
    ] {
        if inbound || is.is_some() {
            check(name, is.as_deref(), should);
        }
    }
    for (key, value) in &expected.metadata {
        check(
            &format!("metadata {key}"),
            contact.metadata.get(key).map(String::as_str),
            value,
        );
    }
    for key in &expected.metadata_absent {
        if contact
            .metadata
            .get(key)
            .is_some_and(|value| !value.is_empty())
        {
            faults.push(format!("metadata {key} has a value, and should not"));
        }
    }
    let tolerance = expected
        .audio
        .as_ref()
        .map_or(0, |audio| audio.tolerance_ms)
        + START_TOLERANCE_MS;
    let off = (contact.started_at - expected.accepted_at)
        .num_milliseconds()
        .unsigned_abs();
    if off > tolerance {
        faults.push(format!(
            "startTime lies {off} ms from when the agent accepted"
        ));
    }
    faults
}
