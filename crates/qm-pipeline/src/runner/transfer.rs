//! Recordings on their way: from Twilio into the spool, verified; out of the spool into Calabrio, rewritten.

use std::sync::Arc;
use std::time::Duration;

use calabrio_client::Audio;
use contact_model::{Delivered, MediaPiece, ParkReason};
use http_retry::{BodyError, BodyStream};
use recording_audio::{AudioError, Clip, Joining, Plan, Prober};
use recording_crypto::{ContentKey, CryptoError, EncryptionDetails, KeyRing};
use recording_spool::{PlainReader, SealedRecording, Spool, SpoolError, SpoolWriter};
use twilio_client::{Media, NoMedia, Recording, TwilioClient, TwilioError};
use twilio_sid::RecordingSid;

use super::ask::twilio_trouble;
use super::conversations::ReadyText;
use crate::policy::Trouble;

/// How long a transfer waits for room in the spool before it gives way to others: two that each wait for what the other
/// holds would wait for ever.
const ROOM: Duration = Duration::from_mins(1);

/// What a transfer waits for that finds the spool full.
const ROOM_WANTED: &str =
    "room in the spool: other transfers hold it; if this lasts, raise spool.quota";

/// How often a recording is fetched that does not authenticate, before it is parked: the download may have been damaged.
const FETCHES: u32 = 2;

/// What a contact will hold, ready to be sent.
#[derive(Clone)]
pub(crate) enum Prepared {
    /// Metadata alone.
    Nothing,
    /// Audio, from recordings in the spool.
    Audio(ReadyAudio),
    /// A transcript, in memory.
    Text(ReadyText),
}

impl Prepared {
    /// What will be sent.
    pub(crate) fn delivered(&self) -> Delivered {
        match self {
            Self::Nothing => Delivered::default(),
            Self::Audio(ready) => ready.delivered(),
            Self::Text(ready) => ready.delivered(),
        }
    }
}

/// Recordings in the spool, and what is to be made of them.
#[derive(Clone)]
pub(crate) struct ReadyAudio(Arc<Ready>);

struct Ready {
    inputs: Vec<SealedRecording>,
    plan: Plan,
}

impl ReadyAudio {
    fn delivered(&self) -> Delivered {
        Delivered {
            duration_ms: self.0.plan.duration_ms(),
            bytes: self.0.plan.output_len(),
        }
    }

    /// The audio, to be opened for the upload.
    pub(crate) fn audio(&self) -> Audio {
        let ready = Arc::clone(&self.0);
        Audio::new(ready.plan.output_len(), move || stream(Arc::clone(&ready)))
    }
}

/// Why recordings could not be prepared.
fn spool_trouble(recording: RecordingSid, error: &SpoolError, quota: u64) -> Trouble {
    tracing::warn!(%recording, %error, "a recording could not be kept in the spool");
    match error {
        SpoolError::DiskFull { .. } => Trouble::Held {
            waits_for: Some("room on the disk of the spool: free some space there"),
        },
        SpoolError::QuotaUsed { .. } => Trouble::Held {
            waits_for: Some(ROOM_WANTED),
        },
        SpoolError::RecordingAboveQuota { .. } => Trouble::Park(ParkReason::TooLarge {
            recording,
            bytes: quota.saturating_add(1),
            limit: quota,
        }),
        SpoolError::Crypto(CryptoError::NotAuthentic { .. }) => {
            Trouble::Park(ParkReason::NotAuthentic { recording })
        }
        _ => Trouble::Passing {
            step: "keeping a recording in the spool",
        },
    }
}

/// Brings recordings into the spool and plans what is made of them.
pub(crate) async fn prepare(
    pieces: &[MediaPiece],
    twilio: &TwilioClient,
    keys: &Arc<KeyRing>,
    spool: &Spool,
) -> Result<Prepared, Trouble> {
    let mut inputs = Vec::with_capacity(pieces.len());
    let mut clips = Vec::with_capacity(pieces.len());
    let mut held = 0;
    for piece in pieces {
        let sealed = fetch(piece, held, twilio, keys, spool).await?;
        held += sealed.plaintext_len();
        clips.push(clip(piece, &sealed, spool.quota()).await?);
        inputs.push(sealed);
    }
    let plan = Plan::join(clips, Joining::MonoOnBothSides).map_err(|error| {
        tracing::warn!(%error, "recordings cannot be joined");
        match error {
            AudioError::Mismatch { input, .. } => {
                let recording = pieces
                    .get(input)
                    .or(pieces.first())
                    .map(|piece| piece.recording);
                recording.map_or(
                    Trouble::Passing {
                        step: "joining recordings",
                    },
                    |recording| Trouble::Park(ParkReason::AudioMismatch { recording }),
                )
            }
            _ => pieces.first().map_or(
                Trouble::Passing {
                    step: "joining recordings",
                },
                |piece| {
                    Trouble::Park(ParkReason::AudioUnreadable {
                        recording: piece.recording,
                    })
                },
            ),
        }
    })?;
    Ok(Prepared::Audio(ReadyAudio(Arc::new(Ready {
        inputs,
        plan,
    }))))
}

/// `held` is what the contact's recordings before this one take up in the spool, in bytes.
async fn fetch(
    piece: &MediaPiece,
    held: u64,
    twilio: &TwilioClient,
    keys: &Arc<KeyRing>,
    spool: &Spool,
) -> Result<SealedRecording, Trouble> {
    let mut fetches = 1;
    loop {
        match fetch_once(piece, held, twilio, keys, spool).await {
            Err(Trouble::Park(ParkReason::NotAuthentic { recording })) if fetches < FETCHES => {
                fetches += 1;
                tracing::warn!(%recording, "a recording is not authentic: it is fetched once more");
            }
            ended => return ended,
        }
    }
}

async fn fetch_once(
    piece: &MediaPiece,
    held: u64,
    twilio: &TwilioClient,
    keys: &Arc<KeyRing>,
    spool: &Spool,
) -> Result<SealedRecording, Trouble> {
    let sid = piece.recording;
    let recording = twilio
        .recordings()
        .get(sid)
        .await
        .map_err(|error| media_trouble(sid, &error))?;
    let key = content_key(&recording, keys).await?;
    let mut media = twilio
        .recordings()
        .media(&recording)
        .await
        .map_err(|error| media_trouble(sid, &error))?;
    let expected = media.length();
    let together = held.saturating_add(expected.unwrap_or(0));
    if together > spool.quota() {
        // All recordings of a contact are in the spool together: these would wait for room that never comes.
        let (bytes, limit) = (together, spool.quota());
        return Err(Trouble::Park(ParkReason::TooLarge {
            recording: sid,
            bytes,
            limit,
        }));
    }
    let opening = async {
        match &key {
            Some(key) => spool.receive_encrypted(sid, key, expected).await,
            None => spool.receive_plain(sid, expected).await,
        }
    };
    let writer = tokio::time::timeout(ROOM, opening)
        .await
        .map_err(|_| Trouble::Held {
            waits_for: Some(ROOM_WANTED),
        })?;
    let writer = writer.map_err(|error| spool_trouble(sid, &error, spool.quota()))?;
    receive(sid, &mut media, writer, spool.quota()).await
}

async fn receive(
    sid: RecordingSid,
    media: &mut Media,
    mut writer: SpoolWriter,
    quota: u64,
) -> Result<SealedRecording, Trouble> {
    while let Some(chunk) = media
        .next_chunk()
        .await
        .map_err(|error| twilio_trouble(&error, "fetching a recording"))?
    {
        writer
            .write(chunk)
            .await
            .map_err(|error| spool_trouble(sid, &error, quota))?;
    }
    writer
        .finish()
        .await
        .map_err(|error| spool_trouble(sid, &error, quota))
}

/// Unwraps the content key, off the runtime's threads: an RSA operation takes milliseconds.
async fn content_key(
    recording: &Recording,
    keys: &Arc<KeyRing>,
) -> Result<Option<ContentKey>, Trouble> {
    let sid = recording.sid;
    let details = recording
        .encryption_details
        .as_ref()
        .map_or(Ok(None), EncryptionDetails::from_json);
    let details = details.map_err(|error| {
        tracing::warn!(recording = %sid, %error, "encryption details cannot be used");
        Trouble::Park(ParkReason::EncryptionDetails { recording: sid })
    })?;
    let Some(details) = details else {
        return Ok(None);
    };
    let key = details.public_key_sid();
    if keys.get(key).is_none() {
        return Err(Trouble::Park(ParkReason::MissingKey { key }));
    }
    let keys = Arc::clone(keys);
    let unwrapped = tokio::task::spawn_blocking(move || {
        let mut rng = recording_crypto::os_rng()?;
        keys.unwrap(&details, &mut rng)
    })
    .await;
    match unwrapped {
        Ok(Ok(content_key)) => Ok(Some(content_key)),
        Ok(Err(CryptoError::NoRandomness)) | Err(_) => Err(Trouble::Passing {
            step: "unwrapping a content key",
        }),
        Ok(Err(_)) => Err(Trouble::Park(ParkReason::KeyRefused { key })),
    }
}

fn media_trouble(recording: RecordingSid, error: &TwilioError) -> Trouble {
    if let TwilioError::NoMedia { reason, .. } = error {
        return match reason {
            NoMedia::Deleted | NoMedia::Unknown => {
                Trouble::Park(ParkReason::DeletedAtSource { recording })
            }
            NoMedia::External { .. } => Trouble::Park(ParkReason::StoredElsewhere { recording }),
            NoMedia::Absent { code } => Trouble::Park(ParkReason::RecordingNotStored {
                recording,
                code: *code,
            }),
            // It was stored a moment ago, so it will be served.
            _ => Trouble::Passing {
                step: "fetching a recording",
            },
        };
    }
    if error.is_not_found() {
        return Trouble::Park(ParkReason::DeletedAtSource { recording });
    }
    twilio_trouble(error, "fetching a recording")
}

/// Reads the header, and finds the leg's part.
async fn clip(piece: &MediaPiece, sealed: &SealedRecording, quota: u64) -> Result<Clip, Trouble> {
    let recording = piece.recording;
    let unreadable = |error: AudioError| {
        tracing::warn!(%recording, %error, "the audio cannot be used");
        Trouble::Park(ParkReason::AudioUnreadable { recording })
    };
    let mut prober = Prober::new(sealed.plaintext_len());
    while let Some(range) = prober.wants() {
        let begin = range.start;
        let mut reader = sealed
            .reader(range)
            .map_err(|error| spool_trouble(recording, &error, quota))?;
        let mut offset = begin;
        while let Some(chunk) = reader.next().await {
            let chunk = chunk.map_err(|error| spool_trouble(recording, &error, quota))?;
            prober.feed(offset, &chunk);
            offset += chunk.len() as u64;
        }
    }
    let source = prober.finish().map_err(unreadable)?;
    let clip = match piece.span {
        None => source.whole(),
        Some(span) => {
            let end = source.duration().unwrap_or(Duration::MAX);
            let to = span.to_ms.map_or(end, Duration::from_millis).min(end);
            source.between(Duration::from_millis(span.from_ms).min(to), to)
        }
    }
    .map_err(unreadable)?;
    if piece.swap && clip.format().channels() == 2 {
        clip.swap_channels().map_err(unreadable)
    } else {
        Ok(clip)
    }
}

/// The WAV file that the plan promises, piece by piece.
fn stream(ready: Arc<Ready>) -> BodyStream {
    Box::pin(async_stream::stream! {
        let mut transform = ready.plan.transform();
        let mut out = Vec::new();
        while let Some(want) = transform.wants() {
            let mut offset = want.range.start;
            let opened = ready.inputs.get(want.input).map(|sealed| sealed.reader(want.range));
            let Some(opened) = opened else { return };
            let mut reader: PlainReader = match opened {
                Ok(reader) => reader,
                Err(error) => {
                    yield Err(BodyError::new(error));
                    return;
                }
            };
            while let Some(chunk) = reader.next().await {
                let chunk = match chunk {
                    Ok(chunk) => chunk,
                    Err(error) => {
                        yield Err(BodyError::new(error));
                        return;
                    }
                };
                let length = chunk.len() as u64;
                if let Err(error) = transform.push(want.input, offset, chunk, &mut out) {
                    yield Err(BodyError::new(error));
                    return;
                }
                offset += length;
                for piece in out.drain(..) {
                    yield Ok(piece);
                }
            }
        }
        if let Err(error) = transform.finish() {
            yield Err(BodyError::new(error));
        }
    })
}
