//! What can go wrong with a document.

use contact_model::LegId;

/// Why a transcript could not be made or read. None of it holds anything of what was written in the conversation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TranscriptError {
    /// The document, or its rendering, has more bytes than the limit.
    #[error(
        "the transcript of the leg {leg} is larger than the limit of {limit} bytes: raise the limit, or list attachments instead of fetching them"
    )]
    TooLarge {
        /// The leg.
        leg: LegId,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The document is of a version that this program does not read.
    #[error("the document is of version {found}, and this program reads version {version}: use the program that wrote it, or a newer one", version = crate::VERSION)]
    Version {
        /// The version that it says it is of.
        found: u32,
    },
    /// The text is no document of this kind.
    #[error(
        "the text is no transcript from line {line}, column {column} on: compare it with the published JSON Schema"
    )]
    Unreadable {
        /// The line, counted from 1; 0 where the place is not known.
        line: usize,
        /// The column, counted from 1; 0 where the place is not known.
        column: usize,
    },
    /// The document contradicts itself.
    #[error(
        "the transcript of the leg {leg} contradicts itself in its {what}: it was changed after it was written, fetch it again"
    )]
    Inconsistent {
        /// The leg.
        leg: LegId,
        /// What does not fit the messages.
        what: &'static str,
    },
}

impl From<&serde_json::Error> for TranscriptError {
    /// Keeps the place alone: the parser's own message may quote the text.
    fn from(error: &serde_json::Error) -> Self {
        Self::Unreadable {
            line: error.line(),
            column: error.column(),
        }
    }
}
