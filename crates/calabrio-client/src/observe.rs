//! Looking at a contact that was sent on purpose: which assumptions held on this tenant.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use contact_model::CcrId;
use serde::Serialize;
use serde_json::Value;

use crate::client::{CalabrioClient, Shared};
use crate::contact::{ContactKind, ContactState};
use crate::contract::observe::{Notes, Observation, Sent};
use crate::contract::search::{Unreadable, metadata_of};
use crate::error::CalabrioError;
use crate::import::ContactImport;
use crate::metadata::MetadataFieldKind;
use crate::search::{Pages, SearchWindow};
use crate::survey::Sighting;

/// How far from its start the contact is looked for.
const REACH: TimeDelta = TimeDelta::hours(1);

/// What a contact shows that was sent and came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Observed {
    /// What was found under its leg key: none where it is not there (yet), more than one where it was sent twice.
    pub contacts: Vec<Sighting>,
    /// One observation for each assumption there is, by number.
    pub observations: Vec<Observation>,
}

impl Observed {
    /// Whether an assumption held; `None` where nothing showed it.
    pub fn held(&self, assumption: u16) -> Option<bool> {
        self.observations
            .iter()
            .find(|seen| seen.assumption == assumption)?
            .held
    }

    /// Whether everything came back that says of a contact that it is complete: its leg key, its duration, and that Calabrio holds
    /// its media and is done with it.
    pub fn confirms_read_back(&self) -> bool {
        const LEG_KEY: [u16; 2] = [318, 320];
        const DURATION: u16 = 315;
        let [contact] = self.contacts.as_slice() else {
            return false;
        };
        let held = |number| self.held(number) == Some(true);
        let media = contact.state == ContactState::Complete && contact.has_media != Some(false);
        media && held(DURATION) && LEG_KEY.into_iter().all(held)
    }
}

impl CalabrioClient {
    /// Looks for a contact that was sent, and says of each assumption whether it held.
    ///
    /// For a contact that nobody needs, such as [`ContactImport::synthetic_call`]: beside reading, it writes the contact's leg key to it
    /// once more, to see whether metadata can be written. `answered` is the number that the import's answer told. Call it again
    /// while the contact is not there or not complete.
    ///
    /// An error is what keeps it from searching; what goes wrong after that is an observation.
    pub async fn observe(
        &self,
        sent: &ContactImport,
        answered: Option<CcrId>,
    ) -> Result<Observed, CalabrioError> {
        let shared = &self.shared;
        let mut notes = Notes::default();
        let told = Sent {
            contact: sent,
            leg_key_field: &shared.settings.leg_key_field,
            acd_server_id: shared.settings.acd_server_id,
        };
        let found = shared.raw_contacts(sent).await?;
        notes.note(
            &[101, 103, 104, 107, 108],
            Some(true),
            "the session was accepted",
        );
        let mut contacts = Vec::with_capacity(found.len());
        for item in &found {
            shared.settings.contract.observe(&told, item, &mut notes);
            match shared.settings.contract.contact(item) {
                Ok(contact) => contacts.push(Sighting::from(contact)),
                Err(Unreadable { problem, .. }) => notes.note(&[313], Some(false), problem),
            }
        }
        if found.is_empty() {
            let what = "no contact with its leg key was found";
            notes.note(&[201, 202, 224, 301, 318], None, what);
        } else {
            shared.note_found(sent.content.kind(), &mut notes);
        }
        if let Some(id) = contacts.first().map(|contact| contact.ccr) {
            notes.note(&[313], Some(true), "it has a number");
            note_answer(answered, id, &mut notes);
            shared.note_single(&told, id, &mut notes).await;
            if sent.content.kind().is_text() {
                self.note_text(sent, id, &mut notes).await;
            }
            self.note_metadata(&told, id, &mut notes).await;
        }
        self.note_fields(&mut notes).await;
        Ok(Observed {
            contacts,
            observations: notes.finish(),
        })
    }

    async fn note_text(&self, sent: &ContactImport, id: CcrId, notes: &mut Notes) {
        let (held, what) = match self.text_of(id).await {
            Ok(Some(text)) if text.mentions(sent.leg.as_str()) => (
                Some(true),
                "the text came back, the leg's id in it".to_owned(),
            ),
            Ok(Some(_)) => (
                Some(true),
                "a text came back, without the leg's id in it".to_owned(),
            ),
            Ok(None) => (None, "no text is there so far".to_owned()),
            Err(error) => of_error(&error),
        };
        notes.note(&[409, 410], held, what);
        notes.note(
            &[235, 236, 237, 238],
            None,
            "nothing tells whether the rendering arrived",
        );
    }

    /// Writes the leg key once more and reads it back.
    async fn note_metadata(&self, sent: &Sent<'_>, id: CcrId, notes: &mut Notes) {
        let leg = sent.contact.leg.to_string();
        let entries = BTreeMap::from([(sent.leg_key_field.to_owned(), leg)]);
        let written = self.update_metadata(id, &entries).await;
        let read = match written {
            Ok(()) => self.contact_metadata(id).await,
            Err(error) => Err(error),
        };
        let (held, what) = match read {
            Ok(Some(metadata))
                if metadata.get(sent.leg_key_field) == entries.get(sent.leg_key_field) =>
            {
                let kept = sent
                    .contact
                    .metadata
                    .iter()
                    .filter(|(key, value)| metadata.get(*key) == Some(*value))
                    .count();
                let others = sent.contact.metadata.len();
                let what = format!(
                    "the leg key was written and read, {kept} of {others} other fields stayed"
                );
                (Some(true), what)
            }
            Ok(_) => (
                Some(false),
                "the leg key was written and did not come back".to_owned(),
            ),
            Err(error) => of_error(&error),
        };
        notes.note(&[507, 508, 509], held, what);
    }

    async fn note_fields(&self, notes: &mut Notes) {
        let leg_key = &self.shared.settings.leg_key_field;
        let fields = match self.metadata_fields().await {
            Ok(fields) => fields,
            Err(error) => {
                let (held, what) = of_error(&error);
                return notes.note(&[501, 502], held, what);
            }
        };
        let Some(field) = fields.iter().find(|field| field.key == *leg_key) else {
            let what = format!("none of {} fields is {leg_key:?}", fields.len());
            return notes.note(&[501, 502, 503], Some(false), what);
        };
        let what = format!("{leg_key:?} is listed");
        notes.note(&[501, 502, 503], Some(true), what.clone());
        if field.label.is_some() {
            notes.note(&[504], Some(true), what);
        }
        match &field.kind {
            MetadataFieldKind::Text => notes.note(&[505, 506], Some(true), "its type is Text"),
            MetadataFieldKind::Other(kind) => {
                notes.note(&[506], Some(false), format!("its type is {kind:?}"));
            }
            MetadataFieldKind::Unknown => notes.note(&[505], Some(false), "its type is not told"),
        }
    }
}

impl Shared {
    /// The contacts with the leg key, as they came.
    async fn raw_contacts(&self, sent: &ContactImport) -> Result<Vec<Value>, CalabrioError> {
        let mut found = Vec::new();
        let mut pages = Pages::new(self, SearchWindow::around(sent.start, REACH));
        while let Some(page) = pages.next_items().await? {
            found.extend(page.into_iter().filter(|item| {
                let read = self.settings.contract.contact(item);
                self.leg_in(metadata_of(&read)) == Some(sent.leg)
            }));
        }
        Ok(found)
    }

    /// It was found, so that much of import and search works as assumed.
    fn note_found(&self, kind: ContactKind, notes: &mut Notes) {
        let taken = "the import was taken and the contact is there";
        notes.note(&[201, 202, 203, 207], Some(true), taken);
        let found = "the search found it";
        notes.note(&[301, 302, 303, 304, 308, 309, 310, 312], Some(true), found);
        let search = &self.settings.contract.search;
        if search.contact_types.is_empty() {
            let what = format!("the search found a {kind:?} without naming its kind");
            notes.note(&[322], Some(true), what);
        } else {
            notes.note(&[321, 322], Some(true), "the search by kinds found it");
        }
    }

    /// The contact read by its number.
    async fn note_single(&self, sent: &Sent<'_>, id: CcrId, notes: &mut Notes) {
        match self.contact_json(id).await {
            Ok(Some(item)) => match self.settings.contract.contact(&item) {
                Ok(contact) if contact.id == id => {
                    self.settings.contract.observe(sent, &item, notes);
                    notes.note(&[401], Some(true), "it was read by its number");
                }
                _ => notes.note(&[401], Some(false), "the answer is another contact or none"),
            },
            Ok(None) => notes.note(&[401], Some(false), "it is not found by its number"),
            Err(error) => {
                let (held, what) = of_error(&error);
                notes.note(&[401], held, what);
            }
        }
    }
}

fn note_answer(answered: Option<CcrId>, found: CcrId, notes: &mut Notes) {
    let (held, what) = match answered {
        Some(id) if id == found => (Some(true), "the import's answer told its number"),
        Some(_) => (Some(false), "the import's answer told another number"),
        None => (
            None,
            "the import's answer told no number, which is no fault",
        ),
    };
    notes.note(&[227, 228], held, what);
}

/// What an error shows: nothing, where it may pass.
fn of_error(error: &CalabrioError) -> (Option<bool>, String) {
    let lasting = !error.is_passing() && !error.is_authentication();
    (lasting.then_some(false), error.to_string())
}
