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

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::calabrio::audio::WavListener;
    use crate::scenario::Scenario;
    use crate::world::World;

    const EVERYTHING: u64 = u64::MAX;

    /// What a connector that makes no mistake delivers of a leg.
    fn delivered(world: &World, leg: &ExpectedLeg, id: u64) -> ReceivedContact {
        let (ani, dnis) = if leg.direction == "outbound" {
            (&leg.business, &leg.customer)
        } else {
            (&leg.customer, &leg.business)
        };
        let audio = leg.audio.as_ref().map(|audio| {
            let mut pcm = Vec::new();
            for piece in &audio.pieces {
                let recording = world.recording(&piece.recording).unwrap();
                pcm.extend(recording.sound.pcm(piece.start_ms * 8..piece.end_ms * 8));
            }
            if audio.swapped_at_source {
                for frame in pcm.chunks_exact_mut(4) {
                    frame.rotate_left(2);
                }
            }
            let file = wav(audio.channels, audio.sample_rate, &pcm);
            let mut listener = WavListener::new(world.audio_check(&leg.leg), EVERYTHING);
            listener.push(&file).unwrap();
            listener.finish().unwrap().into()
        });
        let duration_ms = audio
            .as_ref()
            .map_or(0, |audio: &crate::ReceivedAudio| audio.duration_ms);
        ReceivedContact {
            id,
            leg: leg.leg.clone(),
            session: Some(leg.session.clone()),
            call_id: Some(leg.leg.clone()),
            started_at: leg.accepted_at,
            duration_ms,
            ani: Some(ani.clone()),
            dnis: Some(dnis.clone()),
            agent: Some(leg.worker.clone()),
            acd_server: Some(7),
            direction: Some(leg.direction.clone()),
            contact_type: "CALL".to_owned(),
            metadata: leg.metadata.clone(),
            audio,
            received_at: leg.ended_at,
            found_from: leg.ended_at,
            processed_from: leg.ended_at,
        }
    }

    fn wav(channels: u16, rate: u32, pcm: &[u8]) -> Vec<u8> {
        let length = u32::try_from(pcm.len()).unwrap();
        let align = channels * 2;
        [
            b"RIFF".as_slice(),
            &(36 + length).to_le_bytes(),
            b"WAVEfmt \x10\0\0\0\x01\0",
            &channels.to_le_bytes(),
            &rate.to_le_bytes(),
            &(rate * u32::from(align)).to_le_bytes(),
            &align.to_le_bytes(),
            b"\x10\0data",
            &length.to_le_bytes(),
            pcm,
        ]
        .concat()
    }

    fn everything() -> (World, Vec<ReceivedContact>) {
        let world = World::new(&Scenario::default(), 3, Utc::now()).unwrap();
        let received = world
            .expected()
            .iter()
            .filter(|leg| leg.outcome == Outcome::Complete)
            .zip(1..)
            .map(|(leg, id)| delivered(&world, leg, id))
            .collect();
        (world, received)
    }

    #[test]
    fn a_connector_without_a_mistake_gets_a_clean_account() {
        let (world, received) = everything();
        let account = account(&received, world.expected());
        let faults: Vec<_> = account
            .legs
            .iter()
            .filter(|leg| !leg.faults.is_empty())
            .collect();
        assert!(account.is_right(), "{faults:#?}");
        assert_eq!(account.complete, received.len() as u64);
        assert!(account.withheld > 0);
    }

    #[test]
    fn every_mistake_is_counted() {
        let (world, received) = everything();
        let expected = world.expected();
        let with = |change: &dyn Fn(&mut Vec<ReceivedContact>)| {
            let mut received = received.clone();
            change(&mut received);
            let account = account(&received, expected);
            assert!(!account.is_right());
            account
        };
        let dual = received
            .iter()
            .position(|contact| {
                contact
                    .audio
                    .as_ref()
                    .is_some_and(|audio| audio.channel_sha256.len() == 2)
            })
            .unwrap();

        assert_eq!(with(&|all| drop(all.remove(0))).lost, 1);
        assert_eq!(with(&|all| all.push(all[0].clone())).duplicates, 1);
        let another =
            with(&|all| all[dual].audio.as_mut().unwrap().verdict = Some(AudioVerdict::Swapped));
        assert_eq!(another.audio_mismatches, 1);
        assert_eq!(with(&|all| all[dual].audio = None).audio_mismatches, 1);
        assert_eq!(
            with(&|all| all[dual].duration_ms += 5_000).audio_mismatches,
            1
        );
        assert_eq!(with(&|all| all[0].metadata.clear()).metadata_mismatches, 1);
        assert_eq!(with(&|all| all[0].session = None).metadata_mismatches, 1);
        assert_eq!(
            with(&|all| all[0].started_at += chrono::TimeDelta::minutes(1)).metadata_mismatches,
            1
        );
        assert_eq!(
            with(&|all| all[0].leg = "WR-of-nobody".to_owned()).unexpected,
            1
        );
        let parked = expected
            .iter()
            .find(|leg| leg.outcome != Outcome::Complete)
            .unwrap();
        assert_eq!(
            with(&|all| all.push(delivered(&world, parked, 99))).unexpected,
            1
        );
    }

    #[test]
    fn an_account_repeats_no_customers_number() {
        let (world, mut received) = everything();
        let number = "+15550001111";
        received[0].ani = Some(number.to_owned());
        received[0].dnis = Some(number.to_owned());
        let account = serde_json::to_string(&account(&received, world.expected())).unwrap();
        assert!(!account.contains(number));
    }
}
