//! Importing one contact with its audio, and knowing what became of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use contact_model::{CcrId, Direction, LegId, SessionId};
use http_retry::{
    BodyStream, Call, Deadlines, Idempotency, Multipart, Part, Request, RetryPolicy, RetrySettings,
};
use serde_json::Value;
use tokio::time::Instant;

use crate::client::{CalabrioClient, Shared};
use crate::contract::ErrorInSuccess;
use crate::contract::answers::Told;
use crate::error::CalabrioError;
use crate::exchange::{Expect, Operation, Reading, read};
use crate::search::SearchWindow;
use crate::session::Ticket;

const IMPORT: Operation = Operation {
    call: "calabrio.contacts.import",
    doing: "import a contact",
    permission: "the permission Administer Tenant",
};

/// The largest answer to an import.
const ANSWER: usize = 1024 * 1024;

/// The audio of a contact: a length that is known, and a stream that can be opened again.
#[derive(Clone)]
pub struct Audio {
    length: u64,
    open: Arc<dyn Fn() -> BodyStream + Send + Sync>,
}

impl Audio {
    /// A WAV file of exactly `length` bytes, its header included. `open` is called when the upload begins; a stream that
    /// gives another number of bytes ends the upload with an error.
    pub fn new(length: u64, open: impl Fn() -> BodyStream + Send + Sync + 'static) -> Self {
        Self {
            length,
            open: Arc::new(open),
        }
    }

    /// The length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audio({} bytes)", self.length)
    }
}

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
    /// How long it lasted, in milliseconds: that of the audio, where there is some.
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
    /// The audio; without it the contact has metadata only.
    pub audio: Option<Audio>,
}

impl ContactImport {
    /// What of it must not come back in a message.
    fn private(&self) -> Vec<&str> {
        let addresses = [self.ani.as_deref(), self.dnis.as_deref()]
            .into_iter()
            .flatten();
        self.metadata
            .values()
            .map(String::as_str)
            .chain(addresses)
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
            .field("audio", &self.audio)
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
        match self.shared.trusted_ticket(contact).await {
            Ok(ticket) => self.shared.import(contact, ticket).await,
            Err(cause) => ImportOutcome::NotSent { cause },
        }
    }
}

impl Shared {
    /// A session that was accepted a short while ago.
    async fn trusted_ticket(&self, contact: &ContactImport) -> Result<Ticket, CalabrioError> {
        let ticket = self.ticket().await?;
        let trust = self.settings.limits.session_trust;
        if ticket
            .accepted()
            .is_some_and(|accepted| accepted + trust > Instant::now())
        {
            return Ok(ticket);
        }
        self.probe(SearchWindow::at(contact.start)).await?;
        self.ticket().await
    }

    async fn import(&self, contact: &ContactImport, ticket: Ticket) -> ImportOutcome {
        let wire = &self.settings.contract;
        let mut metadata = contact.metadata.clone();
        metadata.insert(self.settings.leg_key_field.clone(), contact.leg.to_string());
        let document = wire
            .import
            .document(contact, &metadata, self.settings.acd_server_id)
            .to_string();
        let url = self.url(&wire.import.path);
        let cookie = ticket.cookies.header();
        let build = || {
            let mut body = Multipart::new().part(
                Part::bytes(wire.import.metadata_part.clone(), document.clone())
                    .content_type(wire.import.metadata_content_type.clone()),
            );
            if let Some(audio) = &contact.audio {
                body = body.part(
                    Part::stream(wire.import.audio_part.clone(), audio.length, (audio.open)())
                        .filename(wire.import.file_name(contact))
                        .content_type(wire.import.audio_content_type.clone()),
                );
            }
            Request::post(url.clone())
                .secret_header("cookie", cookie.clone())
                .body(body)
        };

        let private = contact.private();
        let mut told = None;
        let mut set_cookies = Vec::new();
        let result = self
            .http
            .fetch(
                &self.import_call(),
                ANSWER,
                |_| build(),
                |fetched| {
                    set_cookies = fetched
                        .header_all("set-cookie")
                        .into_iter()
                        .map(str::to_owned)
                        .collect();
                    read(
                        &wire.answers,
                        &fetched,
                        Expect::Success,
                        true,
                        &private,
                        &mut told,
                    )
                },
            )
            .await;
        match result {
            Ok(Reading::Reply(reply)) => {
                self.session.answered(&ticket, &set_cookies);
                let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
                ImportOutcome::Accepted {
                    ccr: wire.import.ccr(&answer),
                }
            }
            Ok(Reading::Page) => {
                self.session.ended(&ticket);
                let problem = "a redirect or a page for people, perhaps a login form";
                ImportOutcome::InDoubt {
                    cause: IMPORT.unexpected(problem),
                }
            }
            Err(error) => {
                if error.is_authentication() {
                    // The next attempt logs in anew. This one stays in doubt: a 401 in passing says nothing of what was stored.
                    self.session.ended(&ticket);
                }
                if let Some(told) = told.filter(|_| error.is_unfit_answer()) {
                    return self.error_in_success(told);
                }
                let refused = error.is_definite_refusal();
                let not_sent = error.is_not_sent();
                let status = error.status();
                match IMPORT.failed(&wire.answers, error, &private) {
                    CalabrioError::Refused {
                        reason, request_id, ..
                    }
                    | CalabrioError::PermissionDenied {
                        reason, request_id, ..
                    } if refused => ImportOutcome::Refused {
                        status: status.unwrap_or_default(),
                        reason,
                        request_id,
                    },
                    cause if not_sent => ImportOutcome::NotSent { cause },
                    cause => ImportOutcome::InDoubt { cause },
                }
            }
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
                cause: CalabrioError::ErrorInAnswer {
                    doing: IMPORT.doing,
                    reason,
                    request_id,
                },
            },
        }
    }

    fn import_call(&self) -> Call {
        let limits = &self.settings.limits;
        let defaults = RetrySettings::default();
        let budget = limits.import_time;
        let once = RetrySettings {
            attempts: 1,
            unauthorized_retries: 0,
            budget,
            backoff_base: defaults.backoff_base.min(budget),
            backoff_max: defaults.backoff_max.min(budget),
            retry_after_max: defaults.retry_after_max.min(budget),
            ..defaults
        };
        let call = Call::new(IMPORT.call, Idempotency::Never)
            .unauthorized_at_once()
            .deadlines(Deadlines {
                headers: limits.import_answer,
                ..Deadlines::default()
            });
        // These settings keep every rule of a policy, since the limits were checked when the client was made.
        match RetryPolicy::new(once) {
            Ok(policy) => call.policy(policy),
            Err(_) => call,
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
            audio: Some(Audio::new(44, || Box::pin(futures_util::stream::empty()))),
            ..contact()
        };
        let shown = format!("{contact:?}");
        assert!(!shown.contains("+1555") && !shown.contains("Jo"), "{shown}");
        assert!(shown.contains("Audio(44 bytes)"), "{shown}");
        assert_eq!(contact.audio.as_ref().map(Audio::length), Some(44));
    }
}
