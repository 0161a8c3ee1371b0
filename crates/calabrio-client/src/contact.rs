//! A contact as Calabrio tells it.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use contact_model::CcrId;
use serde::Serialize;

/// What kind a contact is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContactKind {
    /// A call (`CALL`).
    Call,
    /// A chat, an SMS, or another conversation that is no e-mail (`TEXT`).
    Text,
    /// An e-mail (`EMAIL`).
    Email,
}

impl ContactKind {
    /// Every kind there is.
    pub const ALL: [Self; 3] = [Self::Call, Self::Text, Self::Email];

    /// Whether its content is a transcript.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Email)
    }
}

/// How far Calabrio is with a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
#[non_exhaustive]
pub enum ContactState {
    /// It is still at work, or waits for the media.
    Processing,
    /// It is done.
    Complete,
    /// It gave up.
    Failed {
        /// Calabrio's sentence, cut to 300 characters and without what looks like a number or address of a customer.
        reason: Option<String>,
    },
    /// The contact does not say, or says it in a word that no setting names.
    Unknown,
}

/// A contact that Calabrio holds.
///
/// `Debug` shows neither its metadata nor its interaction: both are the customer's.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CalabrioContact {
    /// Its number.
    pub id: CcrId,
    /// When it began; `None` where the answer does not say it in a form that is understood.
    pub start: Option<DateTime<Utc>>,
    /// Its duration in milliseconds; `None` where the answer does not say it.
    pub duration_ms: Option<u64>,
    /// Whether Calabrio holds its audio, or the text of a text contact; `None` where the answer does not say. A contact made by a
    /// screen recording, say, has none yet. Where a text contact does not say, [`text_of`](crate::CalabrioClient::text_of) may.
    pub has_media: Option<bool>,
    /// How far Calabrio is with it.
    pub state: ContactState,
    /// The id of its interaction (`assocCallId`).
    pub session: Option<String>,
    /// What kind it is of; `None` where the answer does not say, or says it in a word that no setting names.
    pub kind: Option<ContactKind>,
    /// The word for it, as Calabrio writes it.
    pub contact_type: Option<String>,
    /// Its custom metadata by key.
    pub metadata: BTreeMap<String, String>,
}

impl CalabrioContact {
    /// The value of one metadata field.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }
}

impl fmt::Debug for CalabrioContact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalabrioContact")
            .field("id", &self.id.get())
            .field("start", &self.start)
            .field("duration_ms", &self.duration_ms)
            .field("kind", &self.kind)
            .field("has_media", &self.has_media)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_customer() {
        let contact = CalabrioContact {
            id: CcrId::try_from(7).unwrap(),
            start: None,
            duration_ms: Some(1000),
            has_media: Some(true),
            state: ContactState::Complete,
            session: Some("secret-session".into()),
            kind: Some(ContactKind::Call),
            contact_type: Some("CALL".into()),
            metadata: BTreeMap::from([("Name-key".into(), "secret-name".into())]),
        };
        assert_eq!(contact.metadata("Name-key"), Some("secret-name"));
        assert!(!format!("{contact:?}").contains("secret"));
    }
}
