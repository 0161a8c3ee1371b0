//! A recording's media, as they come.

use std::fmt;

use bytes::Bytes;
use futures_util::Stream;
use http_retry::{Response, SafeUrl};
use twilio_sid::RecordingSid;

use crate::download::{Address, Astray};
use crate::recordings::{MediaLocation, Recording, RecordingStatus, Recordings};
use crate::settings::Host;
use crate::{NoMedia, TwilioError};

/// What the media were asked for with, and so what their channels can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveredChannels {
    /// As stored: the recording is encrypted, and Twilio cannot mix what it cannot read.
    AsStored,
    /// Two were asked for and granted.
    Stereo,
    /// Two were asked for and refused: the recording has one.
    Mono,
}

/// A recording's media on their way: WAV, or for an encrypted recording ciphertext and its tag.
///
/// They hold one slot of the concurrency limit until they are read to their end or dropped.
pub struct Media {
    recording: RecordingSid,
    channels: DeliveredChannels,
    length: Option<u64>,
    first: Option<Bytes>,
    rest: Response,
}

impl Media {
    /// The recording.
    pub fn recording(&self) -> RecordingSid {
        self.recording
    }

    /// What was asked for and granted.
    pub fn channels(&self) -> DeliveredChannels {
        self.channels
    }

    /// The length that was announced, in bytes. A body that ends before it is an error.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next piece, `None` at the end. Cancel-safe.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, TwilioError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => Ok(self.rest.next_chunk().await?),
        }
    }

    /// The pieces as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, TwilioError>> + Send + 'static {
        futures_util::stream::unfold(Some(self), |media| async move {
            let mut media = media?;
            match media.next_chunk().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(media))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media")
            .field("recording", &self.recording)
            .field("channels", &self.channels)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl Recordings<'_> {
    /// A recording's media as a byte stream, always asked for as `.wav`: encrypted media are refused as anything else (16109).
    ///
    /// Unencrypted media are asked for with two channels, since a conference comes mixed to one otherwise, and with one if that is refused.
    /// A redirect is followed by hand, twice at most, to https alone (or to what the settings list), without credentials once it leads away
    /// from Twilio. What does not look like audio is refused. Where there is nothing to fetch, [`TwilioError::NoMedia`] tells why, after a second
    /// look at the metadata.
    pub async fn media(&self, recording: &Recording) -> Result<Media, TwilioError> {
        if let Some(MediaLocation::External { host }) = &recording.media {
            return Err(no_media(
                recording.sid,
                NoMedia::External { host: host.clone() },
            ));
        }
        let url = self.0.account_url(
            recording.account,
            &["Recordings", &format!("{}.wav", recording.sid)],
        );
        let result = if recording.is_encrypted() {
            self.download(recording.sid, url, DeliveredChannels::AsStored)
                .await
        } else {
            let stereo = url.clone().with_query("RequestedChannels", "2");
            match self
                .download(recording.sid, stereo, DeliveredChannels::Stereo)
                .await
            {
                Err(TwilioError::Call(call)) if call.status() == Some(400) => {
                    let mono = url.with_query("RequestedChannels", "1");
                    self.download(recording.sid, mono, DeliveredChannels::Mono)
                        .await
                }
                other => other,
            }
        };
        match result {
            Err(TwilioError::NotFound(_)) => Err(self.why_not(recording).await?),
            other => other,
        }
    }

    async fn download(
        &self,
        recording: RecordingSid,
        url: SafeUrl,
        channels: DeliveredChannels,
    ) -> Result<Media, TwilioError> {
        let answer = self
            .0
            .download("twilio.recordings.media", Host::Api, url, Address::Own)
            .await;
        let response = answer.map_err(|astray| match astray {
            Astray::Call(error) => error,
            Astray::Redirect(why) => TwilioError::Redirect { recording, why },
        })?;
        let content_type = response
            .header("content-type")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let length = response.content_length();
        let not_audio = |found| TwilioError::NotAudio { recording, found };
        if let Some(found) = text_type(&content_type) {
            return Err(not_audio(found));
        }
        let mut rest = response;
        let first = loop {
            match rest.next_chunk().await? {
                Some(chunk) if chunk.is_empty() => {}
                Some(chunk) => break chunk,
                None => return Err(not_audio("nothing")),
            }
        };
        if let Some(found) = text_body(&first) {
            return Err(not_audio(found));
        }
        Ok(Media {
            recording,
            channels,
            length,
            first: Some(first),
            rest,
        })
    }

    /// Why a recording's media are not there: its metadata say, deleted ones too.
    async fn why_not(&self, recording: &Recording) -> Result<TwilioError, TwilioError> {
        let url = self
            .resource(recording.account, recording.sid)
            .with_query("IncludeSoftDeleted", "true");
        let found = match self
            .0
            .get("twilio.recordings.get", url, Recording::read)
            .await
        {
            Ok(found) => found,
            Err(error) if error.is_not_found() => {
                return Ok(no_media(recording.sid, NoMedia::Unknown));
            }
            Err(error) => return Err(error),
        };
        let reason = match (&found.status, &found.media) {
            (RecordingStatus::Deleted, _) => NoMedia::Deleted,
            (RecordingStatus::Absent, _) => NoMedia::Absent {
                code: found.error_code,
            },
            (_, Some(MediaLocation::External { host })) => NoMedia::External { host: host.clone() },
            (RecordingStatus::Completed, _) => NoMedia::NotServed,
            _ => NoMedia::NotReady,
        };
        Ok(no_media(recording.sid, reason))
    }
}

fn no_media(recording: RecordingSid, reason: NoMedia) -> TwilioError {
    TwilioError::NoMedia { recording, reason }
}

/// Audio never comes as text. What it does come as proves nothing: ciphertext goes under `audio/x-wav` too.
fn text_type(content_type: &str) -> Option<&'static str> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind {
        "application/json" | "application/problem+json" => Some("JSON"),
        "application/xml" | "text/xml" => Some("XML"),
        "text/html" => Some("HTML"),
        _ if kind.starts_with("text/") => Some("text"),
        _ => None,
    }
}

/// The openings of error pages. Each is long enough that no ciphertext begins with it by chance.
fn text_body(first: &[u8]) -> Option<&'static str> {
    const OPENINGS: [(&[u8], &str); 7] = [
        (b"<?xml", "XML"),
        (b"<TwilioResponse", "XML"),
        (b"<Error>", "XML"),
        (b"<!DOCTYPE", "HTML"),
        (b"<!doctype", "HTML"),
        (b"<html", "HTML"),
        (b"{\"code\"", "JSON"),
    ];
    OPENINGS
        .iter()
        .find(|(opening, _)| first.starts_with(opening))
        .map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_audio_by_its_type_or_its_opening() {
        for (content_type, found) in [
            ("application/json", Some("JSON")),
            ("application/problem+json; charset=utf-8", Some("JSON")),
            ("text/xml;charset=UTF-8", Some("XML")),
            ("text/html", Some("HTML")),
            ("text/plain", Some("text")),
            ("audio/x-wav", None),
            ("application/octet-stream", None),
            ("", None),
        ] {
            assert_eq!(text_type(content_type), found, "{content_type}");
        }
        assert_eq!(text_body(b"<TwilioResponse><RestException>"), Some("XML"));
        assert_eq!(text_body(b"RIFF"), None);
        assert_eq!(text_body(b"<"), None, "a byte of ciphertext can be that");
    }
}
