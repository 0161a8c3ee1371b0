//! The account of a run: what was received against what a correct connector delivers, leg by leg.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calabrio::ReceivedContact;
use crate::world::{AudioVerdict, ExpectedLeg, Outcome};

/// How far the length that an import told may lie from the audio's own, in milliseconds.
const DURATION_TOLERANCE_MS: u64 = 1_000;
/// How far a contact's start may lie from the leg's acceptance beyond the audio's tolerance, in milliseconds.
const START_TOLERANCE_MS: u64 = 2_000;

/// What was received against what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// Legs there are, whatever is to become of them.
    pub expected: u64,
    /// Legs that should be delivered and are, once and right.
    pub complete: u64,
    /// Legs that should not be delivered and are not.
    pub withheld: u64,
    /// Legs that should be delivered and are not.
    pub lost: u64,
    /// Contacts beyond the first of their leg.
    pub duplicates: u64,
    /// Contacts of legs that should not be delivered, or of no leg at all.
    pub unexpected: u64,
    /// Contacts whose audio is not the leg's.
    pub audio_mismatches: u64,
    /// Contacts whose metadata or other fields are not the leg's.
    pub metadata_mismatches: u64,
    /// Each leg that was expected, in the order of the scenario, and after them what came unexpected.
    pub legs: Vec<LegAccount>,
}

impl Account {
    /// Whether everything that should be delivered is there, once and right, and nothing else.
    pub fn is_right(&self) -> bool {
        self.complete + self.withheld == self.expected
            && self.lost == 0
            && self.duplicates == 0
            && self.unexpected == 0
            && self.audio_mismatches == 0
            && self.metadata_mismatches == 0
    }
}

/// One leg of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LegAccount {
    /// The leg key.
    pub leg: String,
    /// What is particular about it, as a sentence.
    pub sentence: String,
    /// How it should end; nothing where no such leg is known.
    pub outcome: Option<Outcome>,
    /// Numbers of its contacts at Calabrio.
    pub contacts: Vec<u64>,
    /// What the comparison of the audio found; nothing where there was none to make.
    pub audio: Option<AudioVerdict>,
    /// What is wrong, in words; empty where nothing is.
    pub faults: Vec<String>,
}

/// Compares.
pub fn account(received: &[ReceivedContact], expected: &[ExpectedLeg]) -> Account {
    let mut by_leg: BTreeMap<&str, Vec<&ReceivedContact>> = BTreeMap::new();
    for contact in received {
        by_leg.entry(&contact.leg).or_default().push(contact);
    }
    let mut account = Account {
        expected: expected.len() as u64,
        ..Account::default()
    };
    for leg in expected {
        let contacts = by_leg.remove(leg.leg.as_str()).unwrap_or_default();
        account.leg(leg, &contacts);
    }
    for (leg, contacts) in by_leg {
        account.unexpected += contacts.len() as u64;
        account.legs.push(LegAccount {
            leg: leg.to_owned(),
            sentence: "no leg of the scenario".to_owned(),
            outcome: None,
            contacts: contacts.iter().map(|contact| contact.id).collect(),
            audio: None,
            faults: vec!["it was delivered though there is no such leg".to_owned()],
        });
    }
    account
}

impl Account {
    fn leg(&mut self, expected: &ExpectedLeg, contacts: &[&ReceivedContact]) {
        let mut faults = Vec::new();
        let mut audio = None;
        let delivered = expected.outcome == Outcome::Complete;
        match (delivered, contacts) {
            (true, []) => {
                self.lost += 1;
                faults.push("it was not delivered".to_owned());
            }
            (false, []) => self.withheld += 1,
            (false, _) => {
                self.unexpected += contacts.len() as u64;
                faults.push("it was delivered though it should not be".to_owned());
            }
            (true, [first, rest @ ..]) => {
                self.duplicates += rest.len() as u64;
                if !rest.is_empty() {
                    faults.push(format!("it was delivered {} times", contacts.len()));
                }
                audio = first.audio.as_ref().and_then(|audio| audio.verdict.clone());
                for contact in contacts {
                    let sound = sound_faults(expected, contact);
                    let fields = field_faults(expected, contact);
                    self.audio_mismatches += u64::from(!sound.is_empty());
                    self.metadata_mismatches += u64::from(!fields.is_empty());
                    faults.extend(sound);
                    faults.extend(fields);
                }
                self.complete += u64::from(faults.is_empty());
            }
        }
        self.legs.push(LegAccount {
            leg: expected.leg.clone(),
            sentence: expected.sentence.clone(),
            outcome: Some(expected.outcome.clone()),
            contacts: contacts.iter().map(|contact| contact.id).collect(),
            audio,
            faults,
        });
    }
}

fn sound_faults(expected: &ExpectedLeg, contact: &ReceivedContact) -> Vec<String> {
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

fn field_faults(expected: &ExpectedLeg, contact: &ReceivedContact) -> Vec<String> {
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
    check("acdId", contact.agent.as_deref(), &expected.worker);
    check(
        "direction",
        contact.direction.as_deref(),
        &expected.direction,
    );
    // An outbound task need not name the numbers; an inbound one does.
    let inbound = expected.direction == "inbound";
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
