//! What a contact that was sent and came back shows of the assumptions, one by one.

use std::collections::BTreeMap;

use contact_model::Direction;
use serde::Serialize;
use serde_json::Value;

use super::answers::repeatable;
use super::{Contract, assumptions};
use crate::contact::{ContactKind, ContactState};
use crate::content::Content;
use crate::import::ContactImport;
use crate::value::{integer, lookup, text, time};

/// What was seen of one assumption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Observation {
    /// Its number.
    pub assumption: u16,
    /// Whether it held; `None` where nothing showed it.
    pub held: Option<bool>,
    /// What was seen, in words for people. It names fields and numbers, and repeats no value that is a customer's.
    pub what: String,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Notes(BTreeMap<u16, (Option<bool>, String)>);

impl Notes {
    /// The same of each of these assumptions. Where one was noted before, what is worse stays.
    pub(crate) fn note(&mut self, numbers: &[u16], held: Option<bool>, what: impl Into<String>) {
        let rank = |held: Option<bool>| match held {
            Some(false) => 2,
            Some(true) => 1,
            None => 0,
        };
        let what = what.into();
        for number in numbers {
            match self.0.get(number) {
                Some((before, _)) if rank(*before) >= rank(held) => {}
                _ => {
                    self.0.insert(*number, (held, what.clone()));
                }
            }
        }
    }

    /// One observation for each assumption there is, by number.
    pub(crate) fn finish(mut self) -> Vec<Observation> {
        assumptions()
            .map(|assumption| {
                let (held, what) = self
                    .0
                    .remove(&assumption.number)
                    .unwrap_or((None, "a contact does not show it".to_owned()));
                Observation {
                    assumption: assumption.number,
                    held,
                    what,
                }
            })
            .collect()
    }
}

/// What was sent, beside the contact itself.
pub(crate) struct Sent<'a> {
    pub(crate) contact: &'a ContactImport,
    pub(crate) leg_key_field: &'a str,
    pub(crate) acd_server_id: Option<u32>,
}

impl Contract {
    /// Compares a contact as it came back with what was sent.
    pub(crate) fn observe(&self, sent: &Sent<'_>, item: &Value, notes: &mut Notes) {
        self.observe_times(sent.contact, item, notes);
        self.observe_kind(sent.contact, item, notes);
        self.observe_ids(sent, item, notes);
        self.observe_metadata(sent, item, notes);
        self.observe_state(sent.contact, item, notes);
    }

    fn observe_times(&self, sent: &ContactImport, item: &Value, notes: &mut Notes) {
        let field = &self.search.start_time_field;
        let (held, what) = match lookup(item, field).map(time) {
            None => (false, format!("{field:?} is not there")),
            Some(None) => (false, format!("{field:?} is no time")),
            Some(Some(start)) => {
                let off = (start - sent.start).num_milliseconds();
                let hours = off % 3_600_000 == 0;
                match off {
                    0 => (true, format!("{field:?} came back to the millisecond")),
                    -999..=999 => (true, format!("{field:?} came back {off} ms off")),
                    _ if hours => (
                        false,
                        format!(
                            "{field:?} is {} hours off: perhaps a time zone",
                            off / 3_600_000
                        ),
                    ),
                    _ => (false, format!("{field:?} is {off} ms off")),
                }
            }
        };
        notes.note(&[208, 209, 314], Some(held), what);

        let field = &self.search.duration_field;
        let came = lookup(item, field).and_then(integer);
        let (held, what) = match came.map(|ms| (u64::try_from(ms).unwrap_or(0), sent.duration_ms)) {
            None => (false, format!("{field:?} is no number or not there")),
            Some((came, sent)) if came.abs_diff(sent) <= 1_000 => (
                true,
                format!("{field:?} came back, {} ms off", came.abs_diff(sent)),
            ),
            Some((came, sent)) if came.saturating_mul(1_000).abs_diff(sent) <= 1_000 => {
                (false, format!("{field:?} seems to be in seconds"))
            }
            Some((came, sent)) => (false, format!("{field:?} is {came}, {sent} was sent")),
        };
        notes.note(&[210, 211, 315], Some(held), what);
    }

    fn observe_kind(&self, sent: &ContactImport, item: &Value, notes: &mut Notes) {
        let kind = sent.content.kind();
        let word = match kind {
            ContactKind::Call => 213,
            ContactKind::Text => 230,
            ContactKind::Email => 231,
        };
        let field = &self.search.contact_type_field;
        let came = lookup(item, field).and_then(text);
        let (held, what) = match came {
            Some(came) if self.import.kind(&came) == Some(kind) => {
                (true, format!("{field:?} came back as it was sent"))
            }
            Some(came) => (
                false,
                format!(
                    "{field:?} is {:?}, {:?} was sent",
                    repeatable(&came),
                    self.import.contact_type(kind)
                ),
            ),
            None => (false, format!("{field:?} is not there")),
        };
        notes.note(&[212, word, 317], Some(held), what);
    }

    fn observe_ids(&self, sent: &Sent<'_>, item: &Value, notes: &mut Notes) {
        let contact = sent.contact;
        let mut compare = |numbers: &[u16], field: &str, sent: Option<&str>, expected: bool| {
            let (held, what) = compared(item, field, sent, expected);
            notes.note(numbers, held, what);
        };
        let search = &self.search;
        compare(
            &[216, 316],
            &search.session_field,
            Some(contact.session.as_str()),
            true,
        );
        compare(&[214, 323], &search.ani_field, contact.ani.as_deref(), true);
        compare(
            &[215, 324],
            &search.dnis_field,
            contact.dnis.as_deref(),
            true,
        );
        // Nothing says that a contact tells these at all.
        let import = &self.import;
        compare(&[217], &import.leg_field, Some(contact.leg.as_str()), false);
        compare(
            &[218, 325],
            &search.agent_field,
            contact.agent_acd_id.as_deref(),
            false,
        );
        let server = sent.acd_server_id.map(|server| server.to_string());
        compare(&[219], &import.acd_server_field, server.as_deref(), false);
        let (number, word) = match contact.direction {
            Some(Direction::Inbound) => (221, Some(import.direction_inbound.as_str())),
            Some(Direction::Outbound) => (222, Some(import.direction_outbound.as_str())),
            None => (220, None),
        };
        compare(&[220, number], &import.direction_field, word, false);
        let file = match &contact.content {
            Content::Call(Some(_)) => Some(&import.audio_file_name),
            Content::Text(Some(_)) | Content::Email(Some(_)) => Some(&import.text_file_name),
            _ => None,
        };
        let file = file.map(|pattern| pattern.replace("{leg_id}", contact.leg.as_str()));
        compare(&[223], &import.file_name_field, file.as_deref(), false);
    }

    fn observe_metadata(&self, sent: &Sent<'_>, item: &Value, notes: &mut Notes) {
        let field = &self.search.metadata_field;
        let Some(value) = lookup(item, field) else {
            let what = format!("{field:?} is not there");
            notes.note(&[224, 225, 226, 306, 307, 318, 320], Some(false), what);
            return;
        };
        let came = self.search.metadata(value);
        let there = came.get(sent.leg_key_field).map(String::as_str);
        let held = there == Some(sent.contact.leg.as_str());
        let others = &sent.contact.metadata;
        let kept = others
            .iter()
            .filter(|(key, value)| came.get(*key) == Some(*value))
            .count();
        let what = if held {
            format!(
                "the leg key came back, and {kept} of {} other fields",
                others.len()
            )
        } else {
            format!("{field:?} does not hold the leg key")
        };
        notes.note(&[224, 225, 226, 306, 307, 318, 320], Some(held), what);
        if value.is_array() {
            notes.note(&[319], Some(held), "metadata came as a list");
        } else {
            notes.note(&[319], None, "metadata came as an object");
        }
    }

    fn observe_state(&self, sent: &ContactImport, item: &Value, notes: &mut Notes) {
        let kind = sent.content.kind();
        let state = self.state.state(item, Some(kind));
        let media = self.state.has_media(item, Some(kind));
        let (field, number, parts): (_, _, &[u16]) = if kind.is_text() {
            (&self.state.text_uploaded_field, 408, &[232, 233, 234])
        } else {
            (&self.state.audio_uploaded_field, 402, &[204, 205, 206])
        };
        let named = self.state.named(item);
        let done = named.is_some() && state == ContactState::Complete;
        let (held, what) = match media {
            Some(true) => (Some(true), format!("{field:?} is true")),
            Some(false) if done => (
                Some(false),
                format!("{field:?} is false, yet it is complete"),
            ),
            Some(false) => (None, format!("{field:?} is false so far")),
            None if done => (
                Some(false),
                format!("{field:?} is not there, yet it is complete"),
            ),
            None => (None, format!("{field:?} is not there")),
        };
        notes.note(&[number], held, what);

        let (held, what) = match (&state, media) {
            (ContactState::Failed { .. }, _) => {
                (Some(false), "Calabrio gave the contact up".to_owned())
            }
            (_, Some(true)) => (Some(true), "Calabrio holds the media".to_owned()),
            (ContactState::Complete, None) => {
                (Some(true), "Calabrio is done with the contact".to_owned())
            }
            _ => (None, "Calabrio does not hold the media so far".to_owned()),
        };
        let sent_media = sent.content.audio().is_some() || sent.content.text().is_some();
        if sent_media {
            notes.note(parts, held, what);
        }

        let field = &self.state.state_field;
        let Some(named) = named else {
            let what = format!("{field:?} is not there, which is no fault");
            return notes.note(&[403], None, what);
        };
        let word = repeatable(&named);
        let seen = format!("{field:?} is {word:?}");
        let known = state != ContactState::Unknown;
        notes.note(&[403], Some(known), seen.clone());
        match &state {
            ContactState::Complete => notes.note(&[405], Some(true), seen),
            ContactState::Processing => notes.note(&[404], Some(true), seen),
            ContactState::Failed { reason } => {
                notes.note(&[406], Some(true), seen);
                let what = format!("{:?}", self.state.failure_reason_field);
                let told = reason.is_some();
                notes.note(&[407], Some(told), what);
            }
            ContactState::Unknown => {
                notes.note(&[404, 405, 406], None, format!("{word:?} is in no setting"));
            }
        }
    }
}

/// A field that was sent, compared with what came back. `expected`: contacts are assumed to tell it.
fn compared(
    item: &Value,
    field: &str,
    sent: Option<&str>,
    expected: bool,
) -> (Option<bool>, String) {
    let Some(sent) = sent.filter(|_| !field.is_empty()) else {
        return (None, "nothing was sent in it".to_owned());
    };
    match lookup(item, field).and_then(text) {
        Some(came) if came.eq_ignore_ascii_case(sent) => {
            (Some(true), format!("{field:?} came back as it was sent"))
        }
        Some(_) => (Some(false), format!("{field:?} came back changed")),
        None if expected => (Some(false), format!("{field:?} is not there")),
        None => (None, format!("contacts do not tell {field:?}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::content::TextContent;
    use crate::testing::{any_json, contact};

    fn seen(sent: &ContactImport, item: &Value) -> BTreeMap<u16, Observation> {
        let mut notes = Notes::default();
        let sent = Sent {
            contact: sent,
            leg_key_field: "Twilio-Leg-key",
            acd_server_id: Some(3),
        };
        Contract::default().observe(&sent, item, &mut notes);
        notes
            .finish()
            .into_iter()
            .map(|seen| (seen.assumption, seen))
            .collect()
    }

    fn came_back() -> Value {
        json!({
            "id": 7, "startTime": 1_772_366_400_250_i64, "callDuration": 61_000, "contactType": "CALL", "ani": "+15550100001",
            "dnis": "+15550100002", "assocCallId": "CH1", "audioUploaded": true,
            "metadata": {"Twilio-Leg-key": {"value": contact().leg.as_str()}, "Name-key": {"value": "Jo Customer"}},
        })
    }

    fn call() -> ContactImport {
        let mut sent = contact();
        sent.metadata
            .insert("Name-key".into(), "Jo Customer".into());
        sent.metadata.insert("Gone-key".into(), "x".into());
        sent
    }

    #[test]
    fn every_assumption_has_one_observation() {
        let numbers: Vec<u16> = seen(&call(), &came_back()).into_keys().collect();
        let all: Vec<u16> = assumptions().map(|assumption| assumption.number).collect();
        assert_eq!(numbers, all);
    }

    #[test]
    fn what_came_back_as_it_was_sent_held() {
        let seen = seen(&call(), &came_back());
        for number in [
            208, 209, 210, 211, 212, 213, 214, 215, 216, 224, 225, 226, 314, 315, 316, 317, 318,
            320, 323, 324, 402,
        ] {
            assert_eq!(
                seen[&number].held,
                Some(true),
                "{number}: {}",
                seen[&number].what
            );
        }
        // Contacts do not tell these, and nothing says that they should.
        for number in [217, 218, 219, 220, 221, 223, 319, 403, 404] {
            assert_eq!(seen[&number].held, None, "{number}: {}", seen[&number].what);
        }
        assert_eq!(
            seen[&224].what,
            "the leg key came back, and 1 of 2 other fields"
        );
        let said: String = seen.values().map(|seen| seen.what.as_str()).collect();
        assert!(!said.contains("Jo") && !said.contains("+1555"), "{said}");
    }

    #[test]
    fn what_came_back_otherwise_says_how() {
        let check = |field: &str, value: Value, number: u16, what: &str| {
            let mut item = came_back();
            item[field] = value;
            let seen = seen(&call(), &item);
            assert_eq!(seen[&number].held, Some(false), "{}", seen[&number].what);
            assert!(seen[&number].what.contains(what), "{}", seen[&number].what);
        };
        let start = 1_772_366_400_250_i64;
        check(
            "startTime",
            json!(start - 3_600_000),
            209,
            "-1 hours off: perhaps a time zone",
        );
        check("startTime", json!(start + 5_000), 314, "5000 ms off");
        check("startTime", json!("noon"), 314, "is no time");
        check("startTime", json!(null), 208, "is no time");
        check("callDuration", json!(61), 315, "in seconds");
        check("callDuration", json!(7_000), 211, "is 7000, 61500 was sent");
        check("callDuration", json!(null), 210, "not there");
        check(
            "contactType",
            json!("TEXT"),
            213,
            "is \"TEXT\", \"CALL\" was sent",
        );
        check("assocCallId", json!("CH2"), 316, "came back changed");
        check("ani", json!(null), 214, "is not there");
        check("metadata", json!({}), 318, "does not hold the leg key");
        check("state", json!("FAILED"), 407, "failureReason");
    }

    #[test]
    fn a_field_that_is_not_there_is_told() {
        let seen = seen(&call(), &json!({"id": 7}));
        for number in [208, 210, 212, 216, 224, 307] {
            assert_eq!(seen[&number].held, Some(false), "{number}");
        }
        assert_eq!(seen[&402].held, None);
    }

    #[test]
    fn the_state_of_a_text_contact_is_told_by_its_own_field() {
        let sent = ContactImport {
            content: Content::Text(Some(TextContent::new("{}"))),
            ..call()
        };
        let mut item = came_back();
        item["contactType"] = json!("TEXT");
        let held = |item: &Value| {
            let seen = seen(&sent, item);
            [408, 402, 230, 232].map(|number| seen[&number].held)
        };
        assert_eq!(held(&item), [None, None, Some(true), None]);
        item["textUploaded"] = json!(true);
        assert_eq!(held(&item), [Some(true), None, Some(true), Some(true)]);
        item["textUploaded"] = json!(false);
        item["state"] = json!("COMPLETE");
        assert_eq!(held(&item)[0], Some(false));
        item["state"] = json!("ERROR");
        assert_eq!(held(&item)[3], Some(false));
    }

    #[test]
    fn a_word_for_a_state_is_placed() {
        let state = |word: &str| {
            let mut item = came_back();
            item["state"] = json!(word);
            let seen = seen(&call(), &item);
            [403, 404, 405, 406].map(|number| seen[&number].held)
        };
        assert_eq!(state("QUEUED"), [Some(true), Some(true), None, None]);
        assert_eq!(state("COMPLETE"), [Some(true), None, Some(true), None]);
        assert_eq!(state("FAILED"), [Some(true), None, None, Some(true)]);
        assert_eq!(state("RESTING"), [Some(false), None, None, None]);
    }

    #[test]
    fn what_is_worse_stays() {
        let mut notes = Notes::default();
        notes.note(&[401], None, "a");
        notes.note(&[401], Some(true), "b");
        notes.note(&[401], Some(false), "c");
        notes.note(&[401], Some(true), "d");
        let seen = notes.finish();
        let of = |number: u16| seen.iter().find(|seen| seen.assumption == number).unwrap();
        assert_eq!((of(401).held, of(401).what.as_str()), (Some(false), "c"));
        assert_eq!(of(402).held, None);
    }

    proptest! {
        #[test]
        fn no_contact_makes_it_panic(item in any_json()) {
            let _ = seen(&call(), &item);
        }
    }
}
