//! The bulk contact import: a multipart body whose audio is heard as it comes and never kept, and whose text is read and dropped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use futures_util::Stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::audio::{HeardAudio, NotWav, WavListener};
use super::store::ReceivedContact;
use super::text::{self, ReceivedTranscript};
use super::wire::{self, Import, ImportContact};
use super::{Calabrio, shape_fault};
use crate::faults::{Class, Fault, FaultLevel, Faults, Met};
use crate::http::{Ctx, Inbound, Outbound};
use crate::mishap::{self, Reaction, Vendor};

/// The part with the contact.
const METADATA_PART: &str = "JSON";
/// The part with a call's audio, and its content types.
const AUDIO_PART: (&str, &[&str]) = ("WAV", &["audio/x-wav", "audio/wav"]);
/// The part with a conversation's transcript, and its content types.
const DOCUMENT_PART: (&str, &[&str]) = ("TEXT", &["application/json"]);
/// The part with the same for people to read.
const RENDERING_PART: (&str, &[&str]) = ("TXT", &["text/plain", "text/html"]);

/// Largest JSON part.
const JSON_LIMIT: u64 = 1024 * 1024;
/// Largest request: four hours of two channels fit.
const REQUEST_LIMIT: u64 = 1024 * 1024 * 1024;
/// How long the next piece of a body may take to come.
const PIECE_DEADLINE: Duration = Duration::from_mins(1);

/// What an import needs beside its body.
pub(crate) struct Importing<'a> {
    pub(crate) calabrio: &'a Arc<Calabrio>,
    pub(crate) faults: &'a Faults,
    pub(crate) ctx: &'a Ctx,
    /// Late effects are owned here.
    pub(crate) tasks: &'a TaskTracker,
    /// And end with this.
    pub(crate) stop: &'a CancellationToken,
    /// How late a late effect is.
    pub(crate) late: Duration,
}

/// Why an import came to nothing.
enum Failure {
    /// The request was cut off; there is nobody to answer.
    CutOff,
    /// It came whole, and is no sequence of parts.
    Malformed,
    /// A definite refusal.
    Refused(u16, String),
    /// A fault cuts the connection while the body comes.
    Fault(Reaction),
}

/// The parts, once read.
struct Parts {
    contact: ImportContact,
    media: Media,
    met: Option<Met>,
}

/// The parts beside the contact, each with its file name.
#[derive(Default)]
struct Media {
    audio: Option<(Option<String>, HeardAudio)>,
    document: Option<(Option<String>, ReceivedTranscript)>,
    rendering: Option<(Option<String>, u64)>,
    /// What people would read of it.
    text: Bytes,
}

/// A connection that is to end without an answer may end while the media comes.
struct Ends(Option<(u64, Reaction)>);

impl Ends {
    fn of(met: Option<&Met>) -> Self {
        let reaction = met.and_then(|met| match met.fault {
            Fault::Closed => Some(Reaction::Close),
            Fault::Reset => Some(Reaction::Reset),
            _ => None,
        });
        Self(
            reaction
                .zip(met)
                .map(|(reaction, met)| (mishap::cut(64 * 1024, &mut met.dice.clone()), reaction)),
        )
    }

    /// So many bytes have come.
    fn after(&mut self, came: u64) -> Result<(), Failure> {
        match self.0.take_if(|(after, _)| came > *after) {
            Some((_, reaction)) => Err(Failure::Fault(reaction)),
            None => Ok(()),
        }
    }
}

impl Importing<'_> {
    /// Answers an import. `req` has an empty body; it comes as `body`.
    pub(crate) async fn import<S, E>(&self, req: &Inbound, body: S) -> Reaction
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let gate = self.calabrio.gate(req, self.ctx);
        let content_type = req.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let Ok(boundary) = multer::parse_boundary(content_type) else {
            drain(body).await;
            return Reaction::Answer(gate.err().unwrap_or_else(|| {
                self.ctx.violation("multipart/form-data without a boundary");
                self.calabrio
                    .error(400, "the parts could not be told apart")
            }));
        };
        if req.header(CONTENT_LENGTH.as_str()).is_none()
            && self.ctx.violation("an import whose length is not told")
        {
            drain(body).await;
            return Reaction::Answer(self.calabrio.error(411, "the length is missing"));
        }

        let limits = SizeLimit::new().whole_stream(REQUEST_LIMIT);
        let limits = Constraints::new().size_limit(limits);
        let mut multipart = Multipart::with_constraints(body, boundary, limits);
        if let Err(refusal) = gate {
            if refusal.status == 401 {
                self.note_refusal(&mut multipart).await;
            }
            skip(&mut multipart).await;
            return Reaction::Answer(refusal);
        }
        match self.read(&mut multipart).await {
            Ok(parts) => self.finish(parts),
            Err(Failure::CutOff) => Reaction::Close,
            Err(Failure::Fault(reaction)) => reaction,
            Err(Failure::Malformed) => {
                self.ctx.violation("a body that is no multipart/form-data");
                Reaction::Answer(self.calabrio.error(400, "the parts could not be read"))
            }
            Err(Failure::Refused(status, message)) => {
                skip(&mut multipart).await;
                Reaction::Answer(self.calabrio.error(status, &message))
            }
        }
    }

    /// Whose import was refused for want of a session: it then meets no 401 in passing on top.
    async fn note_refusal(&self, multipart: &mut Multipart<'_>) {
        if let Ok(Some(mut field)) = within(multipart.next_field()).await
            && field.name() == Some(METADATA_PART)
        {
            let mut json = Vec::new();
            while let Ok(Some(piece)) = within(field.chunk()).await
                && (json.len() as u64) < JSON_LIMIT
            {
                json.extend_from_slice(&piece);
            }
            if let Ok(import) = serde_json::from_slice::<Import>(&json)
                && let Some(contact) = import.contacts.first()
            {
                self.faults.refused(&self.key(contact));
            }
        }
    }

    async fn read(&self, multipart: &mut Multipart<'_>) -> Result<Parts, Failure> {
        let mut contact: Option<(ImportContact, Option<Met>)> = None;
        let mut media = Media::default();
        while let Some(mut field) = within(multipart.next_field()).await? {
            let name = field.name().unwrap_or_default().to_owned();
            let Some((read, met)) = &contact else {
                if name != METADATA_PART {
                    return Err(self.broken("a part comes before the metadata"));
                }
                let read = self.read_json(&mut field).await?;
                let met = self.faults.next(Class::Import, &self.key(&read));
                contact = Some((read, met));
                continue;
            };
            let mut ends = Ends::of(met.as_ref());
            let twice = || self.broken(&format!("two parts called {name}"));
            let file_name = field.file_name().map(str::to_owned);
            if name == METADATA_PART {
                return Err(twice());
            } else if name == AUDIO_PART.0 {
                if media.audio.is_some() {
                    return Err(twice());
                }
                let leg = self.leg(read).to_owned();
                let heard = self.read_audio(&mut field, &leg, &mut ends).await?;
                media.audio = Some((file_name, heard));
            } else if name == DOCUMENT_PART.0 {
                if media.document.is_some() {
                    return Err(twice());
                }
                let bytes = self
                    .read_text(&mut field, DOCUMENT_PART.1, text::DOCUMENT_LIMIT, &mut ends)
                    .await?;
                let read =
                    text::read(&bytes).map_err(|fault| Failure::Refused(400, fault.to_string()))?;
                if media.text.is_empty() {
                    media.text = text::kept(&bytes);
                }
                media.document = Some((file_name, read));
            } else if name == RENDERING_PART.0 {
                if media.rendering.is_some() {
                    return Err(twice());
                }
                let bytes = self
                    .read_text(
                        &mut field,
                        RENDERING_PART.1,
                        text::RENDERING_LIMIT,
                        &mut ends,
                    )
                    .await?;
                media.text = text::kept(&bytes);
                media.rendering = Some((file_name, bytes.len() as u64));
            } else {
                return Err(self.broken("a part of another name than JSON, WAV, TEXT and TXT"));
            }
        }
        let Some((contact, met)) = contact else {
            return Err(self.broken("no part called JSON"));
        };
        Ok(Parts {
            contact,
            media,
            met,
        })
    }

    async fn read_text(
        &self,
        field: &mut Field<'_>,
        content_types: &[&str],
        limit: usize,
        ends: &mut Ends,
    ) -> Result<Vec<u8>, Failure> {
        self.content_type(field, content_types)?;
        let mut text = Vec::new();
        while let Some(piece) = within(field.chunk()).await? {
            if text.len() + piece.len() > limit {
                return Err(Failure::Refused(413, "the text is too long".to_owned()));
            }
            text.extend_from_slice(&piece);
            ends.after(text.len() as u64)?;
        }
        Ok(text)
    }

    async fn read_json(&self, field: &mut Field<'_>) -> Result<ImportContact, Failure> {
        self.content_type(field, &["application/json"])?;
        let mut json = Vec::new();
        while let Some(piece) = within(field.chunk()).await? {
            if (json.len() + piece.len()) as u64 > JSON_LIMIT {
                return Err(Failure::Refused(413, "the metadata is too long".to_owned()));
            }
            json.extend_from_slice(&piece);
        }
        let import: Import = serde_json::from_slice(&json).map_err(|fault| {
            self.broken(&format!(
                "metadata of another shape: {}",
                shape_fault(&fault)
            ))
        })?;
        let mut contacts = import.contacts.into_iter();
        match (contacts.next(), contacts.next()) {
            (Some(contact), None) => Ok(contact),
            _ => Err(self.broken("not exactly one contact")),
        }
    }

    async fn read_audio(
        &self,
        field: &mut Field<'_>,
        leg: &str,
        ends: &mut Ends,
    ) -> Result<HeardAudio, Failure> {
        self.content_type(field, AUDIO_PART.1)?;
        let check = self.calabrio.world.audio_check(leg);
        let mut listener = WavListener::new(check, self.calabrio.compare_up_to);
        let mut came = 0_u64;
        while let Some(piece) = within(field.chunk()).await? {
            came += piece.len() as u64;
            ends.after(came)?;
            listener.push(&piece).map_err(refuse)?;
        }
        listener.finish().map_err(refuse)
    }

    fn content_type(&self, field: &Field<'_>, wanted: &[&str]) -> Result<(), Failure> {
        let kind = field
            .content_type()
            .map(|kind| kind.essence_str().to_owned())
            .unwrap_or_default();
        if wanted.contains(&kind.as_str()) {
            return Ok(());
        }
        let name = field.name().unwrap_or_default();
        Err(self.broken(&format!("content type {kind:?} of the part {name}")))
    }

    /// Everything has come: the fault that was in store, or the contact.
    fn finish(&self, parts: Parts) -> Reaction {
        let Parts {
            contact,
            media,
            met,
        } = parts;
        let contact = match self.contact(contact, media) {
            Ok(contact) => contact,
            Err(message) => return Reaction::Answer(self.calabrio.error(400, &message)),
        };
        let Some(Met { fault, mut dice }) = met else {
            return Reaction::Answer(self.take(contact));
        };
        if let Some(reaction) = mishap::instead(fault, Vendor::Calabrio, self.ctx.now, &mut dice) {
            return reaction;
        }
        if fault == Fault::DoneLater {
            let (calabrio, stop, late) = (Arc::clone(self.calabrio), self.stop.clone(), self.late);
            self.tasks.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(late) => {
                        calabrio.store.insert(contact, Utc::now());
                    }
                }
            });
            return Reaction::Close;
        }
        let answer = self.take(contact);
        mishap::after(fault, Vendor::Calabrio, answer, &mut dice)
    }

    fn take(&self, contact: ReceivedContact) -> Outbound {
        let id = self.calabrio.store.insert(contact, Utc::now());
        // Nothing may depend on the ids in the answer, so with faults every other answer has none.
        let bare = self.faults.level() != FaultLevel::None && id.is_multiple_of(2);
        let contacts = if bare {
            Vec::new()
        } else {
            vec![wire::ImportedId { id }]
        };
        Outbound::json(200, &wire::Imported { contacts })
    }

    /// The leg of an import: its leg key, else its `callId`.
    fn leg<'a>(&'a self, contact: &'a ImportContact) -> &'a str {
        contact
            .metadata
            .iter()
            .find(|entry| entry.key == self.calabrio.leg_key)
            .map(|entry| entry.value.as_str())
            .or(contact.call_id.as_deref())
            .unwrap_or_default()
    }

    /// By what the faults of an import are decided.
    fn key(&self, contact: &ImportContact) -> String {
        format!("import {}", self.leg(contact))
    }

    fn contact(&self, wire: ImportContact, media: Media) -> Result<ReceivedContact, String> {
        let leg = self.leg(&wire).to_owned();
        let started_at = Calabrio::plausible(self.ctx.now, wire.start_time)
            .ok_or("startTime is no plausible time in milliseconds")?;
        let fits = match wire.contact_type.as_str() {
            "CALL" => media.document.is_none() && media.rendering.is_none(),
            "TEXT" | "EMAIL" => {
                media.audio.is_none() && (media.document.is_some() || media.rendering.is_none())
            }
            _ => return Err("contactType is none of CALL, TEXT and EMAIL".to_owned()),
        };
        if !fits {
            return Err("the media is not of the kind that contactType says".to_owned());
        }
        if wire.assoc_call_id.as_deref().unwrap_or_default().is_empty() {
            return Err("assocCallId is missing".to_owned());
        }
        if let Some(direction) = wire.direction.as_deref()
            && direction != "inbound"
            && direction != "outbound"
        {
            return Err("direction is neither inbound nor outbound".to_owned());
        }
        self.calabrio.check_metadata(&wire.metadata)?;
        let keys: std::collections::BTreeSet<_> =
            wire.metadata.iter().map(|entry| &entry.key).collect();
        if keys.len() != wire.metadata.len() {
            return Err("a metadata field stands twice".to_owned());
        }
        let audio_name = media.audio.as_ref().and_then(|(name, _)| name.as_ref());
        let document_name = media.document.as_ref().and_then(|(name, _)| name.as_ref());
        if audio_name.or(document_name) != wire.file_name.as_ref() {
            return Err("fileName and the name of the media differ".to_owned());
        }
        let metadata: BTreeMap<String, String> = wire
            .metadata
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect();
        if !metadata.contains_key(&self.calabrio.leg_key) {
            self.ctx.violation("a contact without its leg key");
        }
        Ok(ReceivedContact {
            id: 0,
            leg,
            session: wire.assoc_call_id,
            call_id: wire.call_id,
            started_at,
            duration_ms: wire.call_duration,
            ani: wire.ani,
            dnis: wire.dnis,
            agent: wire.acd_id,
            acd_server: wire.acd_server_id,
            direction: wire.direction,
            contact_type: wire.contact_type,
            metadata,
            audio: media.audio.map(|(_, heard)| heard.into()),
            transcript: media.document.map(|(_, document)| ReceivedTranscript {
                rendering_bytes: media.rendering.map(|(_, bytes)| bytes),
                ..document
            }),
            text: media.text,
            received_at: self.ctx.now,
            found_from: self.ctx.now,
            processed_from: self.ctx.now,
        })
    }

    /// A request of another shape than the assumed one: refused and remembered.
    fn broken(&self, what: &str) -> Failure {
        self.ctx.violation(what);
        Failure::Refused(400, what.to_owned())
    }
}

fn refuse(fault: NotWav) -> Failure {
    Failure::Refused(400, fault.to_string())
}

/// Waits for the next piece of a body, not for ever.
async fn within<T>(next: impl Future<Output = multer::Result<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(PIECE_DEADLINE, next).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(multer::Error::StreamSizeExceeded { .. })) => {
            Err(Failure::Refused(413, "the request is too long".to_owned()))
        }
        Ok(Err(multer::Error::StreamReadFailed(_))) | Err(_) => Err(Failure::CutOff),
        Ok(Err(_)) => Err(Failure::Malformed),
    }
}

/// Reads on to the end, so that the answer is not lost behind bytes that nobody reads.
async fn skip(multipart: &mut Multipart<'_>) {
    while let Ok(Some(mut field)) = within(multipart.next_field()).await {
        while let Ok(Some(_)) = within(field.chunk()).await {}
    }
}

async fn drain<S, E>(body: S)
where
    S: Stream<Item = Result<Bytes, E>>,
{
    use futures_util::StreamExt as _;
    let mut body = std::pin::pin!(body);
    while let Ok(Some(Ok(_))) = tokio::time::timeout(PIECE_DEADLINE, body.next()).await {}
}
