//! The account of a run: what was received against what a correct connector delivers, leg by leg.

mod compare;
mod sources;
#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calabrio::ReceivedContact;
use crate::webhooks::ReceivedWebhook;
use crate::world::{AudioVerdict, Deleted, ExpectedLeg, Outcome};
use compare::{field_faults, partition_faults, sound_faults, text_faults};

/// What the leg key of a contact begins with that the connector under test made up, to try Calabrio with.
pub const SYNTHETIC_LEG: &str = "WR5eed0fab5eed0fab";

/// What was received against what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
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
    /// Contacts that say they are made up, by what their leg key begins with: [`SYNTHETIC_LEG`]. They count nowhere else.
    pub synthetic: u64,
    /// Contacts whose audio is not the leg's.
    pub audio_mismatches: u64,
    /// Contacts whose transcript is not the leg's.
    pub transcript_mismatches: u64,
    /// Contacts whose metadata or other fields are not the leg's.
    pub metadata_mismatches: u64,
    /// Contact status events that were acknowledged.
    pub webhooks_delivered: u64,
    /// Legs of which the last event that was acknowledged does not tell how they ended; one that is still on its way counts.
    pub webhooks_lost: u64,
    /// Events that tell the same change of a leg's status again, under another id.
    pub webhooks_double_issued: u64,
    /// Events that tell what is not so, or of legs of which nothing is to be told.
    pub webhooks_wrong: u64,
    /// Recordings that were deleted at Twilio.
    pub sources_deleted: u64,
    /// Recordings that were deleted while a leg of their call or conference was not there whole, or of no leg at all.
    pub sources_deleted_too_early: u64,
    /// Contacts whose metadata does not tell how the customer was on hold; not among the legs' faults.
    pub hold_mismatches: u64,
    /// Each leg that was expected, in the order of the scenario, and after them what came unexpected.
    pub legs: Vec<LegAccount>,
}

impl Account {
    /// Whether everything that should be delivered is there, once and right, and nothing else, and nothing wrong was told of it. What
    /// is still to be told does not count.
    pub fn is_right(&self) -> bool {
        self.complete + self.withheld == self.expected
            && self.lost == 0
            && self.duplicates == 0
            && self.unexpected == 0
            && self.audio_mismatches == 0
            && self.transcript_mismatches == 0
            && self.metadata_mismatches == 0
            && self.webhooks_double_issued == 0
            && self.webhooks_wrong == 0
            && self.sources_deleted_too_early == 0
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

/// All that came.
pub(crate) struct Evidence<'a> {
    pub(crate) received: &'a [ReceivedContact],
    pub(crate) expected: &'a [ExpectedLeg],
    /// Nothing where none are to come.
    pub(crate) webhooks: Option<&'a [ReceivedWebhook]>,
    pub(crate) deleted: &'a [Deleted],
    pub(crate) hold: Option<&'a HoldFields>,
}

/// Where metadata tells of hold.
pub(crate) struct HoldFields {
    /// The fields of count and seconds.
    pub(crate) fields: (String, String),
    /// Whether the account yields it; nothing where of some calls it does.
    pub(crate) observable: Option<bool>,
}

impl Evidence<'_> {
    pub(crate) fn account(&self) -> Account {
        let mut account = account(self.received, self.expected);
        if let Some(webhooks) = self.webhooks {
            account.told(webhooks, self.received, self.expected);
        }
        account.deleted(self.deleted, self.received, self.expected);
        if let Some(hold) = self.hold {
            account.hold(hold, self.received, self.expected);
        }
        account
    }
}

/// Compares the contacts that were received with those that were expected.
pub fn account(received: &[ReceivedContact], expected: &[ExpectedLeg]) -> Account {
    let mut by_leg: BTreeMap<&str, Vec<&ReceivedContact>> = BTreeMap::new();
    let mut account = Account {
        expected: expected.len() as u64,
        ..Account::default()
    };
    for contact in received {
        if contact.leg.starts_with(SYNTHETIC_LEG) {
            account.synthetic += 1;
        } else {
            by_leg.entry(&contact.leg).or_default().push(contact);
        }
    }
    let partition = partition_faults(&by_leg, expected);
    for leg in expected {
        let contacts = by_leg.remove(leg.leg.as_str()).unwrap_or_default();
        let shared = partition
            .get(leg.leg.as_str())
            .map_or(&[][..], Vec::as_slice);
        account.leg(leg, &contacts, shared);
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
    /// `shared` is what is wrong between this leg and the others of its conversation.
    fn leg(&mut self, expected: &ExpectedLeg, contacts: &[&ReceivedContact], shared: &[String]) {
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
                    let mut text = text_faults(expected, contact);
                    if text.is_empty() {
                        text.extend_from_slice(shared);
                    }
                    self.audio_mismatches += u64::from(!sound.is_empty());
                    self.metadata_mismatches += u64::from(!fields.is_empty());
                    self.transcript_mismatches += u64::from(!text.is_empty());
                    faults.extend(sound);
                    faults.extend(fields);
                    faults.extend(text);
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
