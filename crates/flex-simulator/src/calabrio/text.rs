//! The transcript of a text contact: what of its document says which messages it holds.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::audio::hex;

/// Largest document that is taken.
pub(crate) const DOCUMENT_LIMIT: usize = 64 * 1024 * 1024;
/// Largest rendering that is taken.
pub(crate) const RENDERING_LIMIT: usize = 64 * 1024 * 1024;
/// How much of the text is kept for who reads it.
const KEPT: usize = 64 * 1024;

/// A message of a received transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReceivedMessage {
    /// Its index in the conversation; nothing where the document tells none.
    pub index: Option<u64>,
    /// Its SID; nothing where the document tells none.
    pub sid: Option<String>,
    /// SHA-256 of its body, hexadecimal; of nothing where it has none.
    pub body_sha256: String,
}

/// The transcript of a contact, as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReceivedTranscript {
    /// Its messages, in the order of the document.
    pub messages: Vec<ReceivedMessage>,
    /// Length of the document in bytes.
    pub bytes: u64,
    /// SHA-256 of the document, hexadecimal.
    pub sha256: String,
    /// Length of the rendering for people in bytes; nothing where none came.
    pub rendering_bytes: Option<u64>,
}

/// A document that is no transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NotTranscript {
    #[error("the transcript is no JSON object")]
    Json,
    #[error("the transcript has no list of messages")]
    Messages,
}

/// Reads a document leniently: only `messages`, and of each `index`, `sid` and `body`.
pub(crate) fn read(document: &[u8]) -> Result<ReceivedTranscript, NotTranscript> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(document) else {
        return Err(NotTranscript::Json);
    };
    let messages = fields
        .get("messages")
        .and_then(Value::as_array)
        .ok_or(NotTranscript::Messages)?;
    Ok(ReceivedTranscript {
        messages: messages
            .iter()
            .map(|message| ReceivedMessage {
                index: message.get("index").and_then(Value::as_u64),
                sid: message
                    .get("sid")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                body_sha256: sha256(
                    message
                        .get("body")
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .as_bytes(),
                ),
            })
            .collect(),
        bytes: document.len() as u64,
        sha256: sha256(document),
        rendering_bytes: None,
    })
}

/// Hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    hex(context.finish().as_ref())
}

/// What is kept of a text for who reads it.
pub(crate) fn kept(text: &[u8]) -> Bytes {
    let mut end = text.len().min(KEPT);
    while end < text.len() && end > 0 && text[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    Bytes::copy_from_slice(&text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_for_its_messages_and_nothing_else() {
        let document = r#"{"version": 9, "messages": [
            {"index": 3, "sid": "IM1", "body": "a", "author": {"kind": "agent"}},
            {"index": 5, "sid": "IM2", "body": null}, {}
        ]}"#;
        let read = read(document.as_bytes()).unwrap();
        let told: Vec<_> = read
            .messages
            .iter()
            .map(|message| {
                (
                    message.index,
                    message.sid.as_deref(),
                    message.body_sha256.as_str(),
                )
            })
            .collect();
        let (a, nothing) = (sha256(b"a"), sha256(b""));
        assert_eq!(
            told,
            [
                (Some(3), Some("IM1"), a.as_str()),
                (Some(5), Some("IM2"), nothing.as_str()),
                (None, None, nothing.as_str())
            ]
        );
    }

    #[test]
    fn what_is_no_transcript_is_told() {
        assert_eq!(read(b"<html>"), Err(NotTranscript::Json));
        assert_eq!(read(b"[]"), Err(NotTranscript::Json));
        assert_eq!(read(b"{}"), Err(NotTranscript::Messages));
    }

    #[test]
    fn a_text_is_kept_up_to_a_whole_character() {
        let long = "é".repeat(KEPT);
        assert!(std::str::from_utf8(&kept(long.as_bytes())).is_ok());
        assert_eq!(&kept(b"abc")[..], b"abc");
    }
}
