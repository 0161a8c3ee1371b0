//! What Calabrio has of a window, leg by leg: for comparing it with what it should have.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contact_model::{CcrId, LegId};
use serde::Serialize;

use crate::client::CalabrioClient;
use crate::contact::{CalabrioContact, ContactKind, ContactState};
use crate::contract::search::{Unreadable, metadata_of};
use crate::error::CalabrioError;
use crate::search::{Pages, SearchWindow};

/// A contact as a survey keeps it: without its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sighting {
    /// Its number.
    pub ccr: CcrId,
    /// When it began; `None` where the answer does not say it in a form that is understood.
    pub start: Option<DateTime<Utc>>,
    /// Its duration in milliseconds; `None` where the answer does not say it.
    pub duration_ms: Option<u64>,
    /// What kind it is of; `None` where the answer does not say it in a word that a setting names.
    pub kind: Option<ContactKind>,
    /// Whether Calabrio holds its media; `None` where the answer does not say.
    pub has_media: Option<bool>,
    /// How far Calabrio is with it.
    pub state: ContactState,
}

impl From<CalabrioContact> for Sighting {
    fn from(contact: CalabrioContact) -> Self {
        Self {
            ccr: contact.id,
            start: contact.start,
            duration_ms: contact.duration_ms,
            kind: contact.kind,
            has_media: contact.has_media,
            state: contact.state,
        }
    }
}

/// The contacts of some days, by leg key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Survey {
    /// Every contact with a leg key, by leg: more than one where something was imported twice.
    pub legs: BTreeMap<LegId, Vec<Sighting>>,
    /// Legs with a contact that is there and cannot be read: it has no number.
    pub unreadable: BTreeSet<LegId>,
    /// How many contacts have no leg key: those of other systems.
    pub foreign: u64,
}

impl Survey {
    /// The legs with more than one contact.
    pub fn duplicates(&self) -> impl Iterator<Item = (LegId, &[Sighting])> {
        self.legs
            .iter()
            .filter(|(_, sightings)| sightings.len() > 1)
            .map(|(leg, sightings)| (*leg, sightings.as_slice()))
    }

    /// Whether something with this leg key is there, readable or not.
    pub fn has(&self, leg: LegId) -> bool {
        self.legs.contains_key(&leg) || self.unreadable.contains(&leg)
    }

    fn see(&mut self, leg: Option<LegId>, contact: Result<CalabrioContact, Unreadable>) {
        match (leg, contact) {
            (Some(leg), Ok(contact)) => self.legs.entry(leg).or_default().push(contact.into()),
            (Some(leg), Err(_)) => {
                self.unreadable.insert(leg);
            }
            (None, _) => self.foreign += 1,
        }
    }
}

impl CalabrioClient {
    /// All contacts of the days that a window touches in any time zone, by leg key, in one pass.
    ///
    /// Like [`find_by_leg_keys`](Self::find_by_leg_keys), and unlike [`search`](Self::search), it leaves nothing out by its start: a
    /// contact that was filed under another time is there all the same, and whoever lists the legs of a window must not miss it.
    /// What began outside is for the caller to leave out, by [`Sighting::start`].
    ///
    /// It holds one page of the answer, and some hundred bytes for each contact with a leg key; a long range is surveyed day by day.
    pub async fn survey(&self, window: SearchWindow) -> Result<Survey, CalabrioError> {
        let shared = &self.shared;
        let mut survey = Survey::default();
        let mut pages = Pages::new(shared, window);
        while let Some(page) = pages.next().await? {
            for item in page {
                survey.see(shared.leg_in(metadata_of(&item)), item);
            }
        }
        Ok(survey)
    }
}
