//! What a contact holds beside its metadata: the audio of a call, or the transcript of a conversation.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http_retry::BodyStream;

use crate::contact::ContactKind;

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

    pub(crate) fn open(&self) -> BodyStream {
        (self.open)()
    }
}

impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audio({} bytes)", self.length)
    }
}

/// The transcript of a conversation, whole in memory: a JSON document, and perhaps the same as people read it.
///
/// `Debug` shows lengths alone.
#[derive(Clone, PartialEq, Eq)]
pub struct TextContent {
    document: Bytes,
    rendering: Option<Bytes>,
}

impl TextContent {
    /// A transcript as a JSON document, in UTF-8.
    pub fn new(document: impl Into<Bytes>) -> Self {
        Self {
            document: document.into(),
            rendering: None,
        }
    }

    /// Adds what people read, in UTF-8. It is sent where the contract names a part for it (assumption 235).
    pub fn with_rendering(mut self, rendering: impl Into<Bytes>) -> Self {
        self.rendering = Some(rendering.into());
        self
    }

    /// The document.
    pub fn document(&self) -> &Bytes {
        &self.document
    }

    /// What people read.
    pub fn rendering(&self) -> Option<&Bytes> {
        self.rendering.as_ref()
    }

    /// Both as text, for comparing with what a message says.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        [Some(&self.document), self.rendering.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|bytes| std::str::from_utf8(bytes).ok())
    }
}

impl fmt::Debug for TextContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rendering = self.rendering.as_ref().map_or(0, Bytes::len);
        write!(
            f,
            "TextContent({} bytes, {rendering} bytes of rendering)",
            self.document.len()
        )
    }
}

/// What kind a contact is of, and what it holds. Without anything it has metadata only.
#[derive(Debug, Clone)]
pub enum Content {
    /// A call.
    Call(Option<Audio>),
    /// A chat, an SMS, or another conversation that is no e-mail.
    Text(Option<TextContent>),
    /// An e-mail.
    Email(Option<TextContent>),
}

impl Content {
    /// The kind of contact.
    pub fn kind(&self) -> ContactKind {
        match self {
            Self::Call(_) => ContactKind::Call,
            Self::Text(_) => ContactKind::Text,
            Self::Email(_) => ContactKind::Email,
        }
    }

    /// The audio, if that is what it holds.
    pub fn audio(&self) -> Option<&Audio> {
        match self {
            Self::Call(audio) => audio.as_ref(),
            Self::Text(_) | Self::Email(_) => None,
        }
    }

    /// The transcript, if that is what it holds.
    pub fn text(&self) -> Option<&TextContent> {
        match self {
            Self::Call(_) => None,
            Self::Text(text) | Self::Email(text) => text.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_word_of_a_transcript() {
        let text = TextContent::new(r#"{"body":"secret"}"#).with_rendering("secret");
        let content = Content::Text(Some(text));
        assert_eq!(
            format!("{content:?}"),
            "Text(Some(TextContent(17 bytes, 6 bytes of rendering)))"
        );
    }

    #[test]
    fn content_is_what_its_kind_can_hold() {
        let audio = Audio::new(44, || Box::pin(futures_util::stream::empty()));
        let call = Content::Call(Some(audio));
        assert_eq!(call.audio().map(Audio::length), Some(44));
        assert_eq!((call.kind(), call.text()), (ContactKind::Call, None));
        let mail = Content::Email(Some(TextContent::new("{}")));
        assert_eq!(mail.kind(), ContactKind::Email);
        assert!(mail.audio().is_none() && mail.text().is_some());
    }
}
