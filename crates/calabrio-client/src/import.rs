//! Importing one contact with its media, and knowing what became of it.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use contact_model::{CcrId, Direction, LegId, SessionId};
use http_retry::{Multipart, Part, Request};
use serde_json::Value;

use crate::client::{CalabrioClient, Shared};
use crate::content::{Content, TextContent};
use crate::contract::ErrorInSuccess;
use crate::contract::answers::Told;
use crate::error::CalabrioError;
use crate::exchange::Operation;
use crate::once::Once;
use crate::search::SearchWindow;
use crate::session::Ticket;

const IMPORT: Operation = Operation {
    call: "calabrio.contacts.import",
    doing: "import a contact",
    permission: "the permission Administer Tenant",
};

/// One leg as it is imported.
///
/// `Debug` shows neither addresses nor metadata.
#[derive(Clone)]
pub struct ContactImport {
    /// The leg. Its id is the contact's `callId` and its leg key.
    pub leg: LegId,
    /// The interaction, shared by all its legs (`assocCallId`).
    pub session: SessionId,
    /// When the leg began.
    pub start: DateTime<Utc>,
    /// How long it lasted, in milliseconds: that of the audio, where there is some; else from the agent's acceptance to the end.
    pub duration_ms: u64,
    /// Who began the interaction.
    pub direction: Option<Direction>,
    /// The calling address.
    pub ani: Option<String>,
    /// The called address.
    pub dnis: Option<String>,
    /// The agent's id at the ACD: the worker's SID.
    pub agent_acd_id: Option<String>,
    /// Custom metadata by key. The leg key need not be among it; it is always added.
    pub metadata: BTreeMap<String, String>,
    /// What kind of contact it is, and its audio or transcript.
    pub content: Content,
}

impl ContactImport {
    /// What of it must not come back in a message.
    fn private(&self) -> Vec<&str> {
        let addresses = [self.ani.as_deref(), self.dnis.as_deref()]
            .into_iter()
            .flatten();
        let texts = self.content.text().into_iter().flat_map(TextContent::texts);
        self.metadata
            .values()
            .map(String::as_str)
            .chain(addresses)
            .chain(texts)
            .collect()
    }
}

impl fmt::Debug for ContactImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactImport")
            .field("leg", &self.leg)
            .field("session", &self.session)
            .field("start", &self.start)
            .field("duration_ms", &self.duration_ms)
            .field("direction", &self.direction)
            .field("agent_acd_id", &self.agent_acd_id)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

/// What became of one attempt to import a contact.
#[derive(Debug)]
#[must_use = "an attempt in doubt must be searched for before the contact is sent again"]
pub enum ImportOutcome {
    /// Calabrio took it. It may still fail to process it.
    Accepted {
        /// The contact's number, where the answer tells it.
        ccr: Option<CcrId>,
    },
    /// Calabrio said that it will not take it: a 4xx other than 401, 408, 425 and 429. Nothing was stored.
    ///
    /// 409 is a refusal too: the contact of another attempt may be there.
    Refused {
        /// The status.
        status: u16,
        /// Calabrio's sentence, without customer data.
        reason: Option<String>,
        /// The id under which Calabrio's support finds the request.
        request_id: Option<String>,
    },
    /// Not a byte of it reached Calabrio: there was no session or no connection. It may be sent again at once.
    NotSent {
        /// What was in the way.
        cause: CalabrioError,
    },
    /// It may be there or not. It must be searched for by its leg key before it is sent again.
    InDoubt {
        /// What happened.
        cause: CalabrioError,
    },
}

impl CalabrioClient {
    /// Sends one contact once.
    ///
    /// Nothing is tried again here, because the caller has to write down each attempt before its first byte. A session that
    /// was not used for [`session_trust`](crate::CalabrioLimits::session_trust) is first tried with a small search.
    pub async fn import(&self, contact: &ContactImport) -> ImportOutcome {
        let probe = self.shared.probe(SearchWindow::at(contact.start));
        match self.shared.trusted_ticket(probe).await {
            Ok(ticket) => self.shared.import(contact, &ticket).await,
            Err(cause) => ImportOutcome::NotSent { cause },
        }
    }
}

impl Shared {
    async fn import(&self, contact: &ContactImport, ticket: &Ticket) -> ImportOutcome {
        let wire = &self.settings.contract;
        let mut metadata = contact.metadata.clone();
        metadata.insert(self.settings.leg_key_field.clone(), contact.leg.to_string());
        let document = wire
            .import
            .document(contact, &metadata, self.settings.acd_server_id)
            .to_string();
        let url = self.url(&wire.import.path);
        let build = || {
            let metadata = Part::bytes(wire.import.metadata_part.clone(), document.clone())
                .content_type(wire.import.metadata_content_type.clone());
            let body = wire
                .import
                .media(contact)
                .into_iter()
                .fold(Multipart::new().part(metadata), Multipart::part);
            Request::post(url.clone()).body(body)
        };
        match self.once(&IMPORT, ticket, &contact.private(), &build).await {
            Once::Taken(reply) => {
                let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                ImportOutcome::Accepted {
                    ccr: wire.import.ccr(&answer),
                }
            }
            Once::Refused {
                status,
                reason,
                request_id,
            } => ImportOutcome::Refused {
                status,
                reason,
                request_id,
            },
            Once::ErrorInSuccess(told) => self.error_in_success(told),
            Once::NotSent(cause) => ImportOutcome::NotSent { cause },
            Once::InDoubt(cause) => ImportOutcome::InDoubt { cause },
        }
    }

    fn error_in_success(&self, told: Told) -> ImportOutcome {
        let Told { reason, request_id } = told;
        match self.settings.contract.import.error_in_success {
            ErrorInSuccess::Refusal => ImportOutcome::Refused {
                status: 200,
                reason,
                request_id,
            },
            ErrorInSuccess::InDoubt => ImportOutcome::InDoubt {
                cause: IMPORT.error_in_answer(Told { reason, request_id }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::contact;

    #[test]
    fn debug_shows_nothing_of_the_customer() {
        let contact = ContactImport {
            ani: Some("+15550100999".into()),
            metadata: BTreeMap::from([("Name-key".into(), "Jo Customer".into())]),
            content: Content::Text(Some(TextContent::new("Jo Customer"))),
            ..contact()
        };
        let shown = format!("{contact:?}");
        assert!(!shown.contains("+1555") && !shown.contains("Jo"), "{shown}");
        assert!(shown.contains("TextContent(11 bytes"), "{shown}");
    }
}
