//! What can be wrong with audio, or with what is asked of it.

use std::time::Duration;

use crate::{Codec, Format, Found};

/// Why audio could not be read, planned or passed on.
///
/// Tells kinds, lengths and positions, never a byte of the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The bytes are no WAV file.
    #[error("the recording is not WAV audio but {found}; {}", found.advice())]
    NotWav {
        /// What they look like.
        found: Found,
    },
    /// The file ends inside its own header.
    #[error("the recording has {total_len} bytes and ends inside its WAV header; fetch it again")]
    Truncated {
        /// Bytes of the file.
        total_len: u64,
    },
    /// Not enough of the header was fed to a [`Prober`](crate::Prober).
    #[error("the WAV header goes on at byte {next}, which was not read yet")]
    Unfinished {
        /// The first byte that is wanted.
        next: u64,
    },
    /// Where a chunk of the file should begin, none does.
    #[error(
        "the WAV header is damaged: no chunk begins at byte {offset}; fetch the recording again"
    )]
    BrokenChunk {
        /// Where.
        offset: u64,
    },
    /// The audio begins before its format was told.
    #[error("the WAV file has no `fmt ` chunk before its audio, so its format is unknown")]
    NoFormat,
    /// There is no `data` chunk.
    #[error("the WAV file has no `data` chunk, so no audio")]
    NoData,
    /// The `fmt ` chunk contradicts itself.
    #[error("the WAV header's format is impossible: {what}")]
    BadFormat {
        /// What is impossible about it.
        what: &'static str,
    },
    /// The codec is known by name, but its frames have no fixed length, so that it cannot be cut, joined or swapped.
    #[error(
        "the recording is {codec} inside WAV, which cannot be cut or joined; have it recorded as 16-bit PCM"
    )]
    Codec {
        /// The codec.
        codec: Codec,
    },
    /// Channels can be swapped in stereo only.
    #[error("only stereo has two channels to swap; this recording has {channels}")]
    NotStereo {
        /// Channels of the recording.
        channels: u16,
    },
    /// A span with nothing in it: its end is not after its beginning, or it lies outside the recording.
    #[error("no audio between {from:?} and {to:?}: the recording lasts {duration:?}")]
    EmptySpan {
        /// Where the span begins.
        from: Duration,
        /// Where it ends.
        to: Duration,
        /// How long the recording is.
        duration: Duration,
    },
    /// Nothing to make a file of.
    #[error("no audio to join: no recording was given, or none has a single sample")]
    Nothing,
    /// Recordings of different formats do not join.
    #[error(
        "recording {input} is {found}, but those before it are {expected}; they cannot be joined"
    )]
    Mismatch {
        /// Which one, from 0.
        input: usize,
        /// The format of those before it.
        expected: Format,
        /// Its own.
        found: Format,
    },
    /// The result would not fit into a WAV file, whose lengths have 32 bits.
    #[error("the audio would have {data_len} bytes, more than a WAV file can tell (4 GiB)")]
    TooLong {
        /// Bytes of audio.
        data_len: u64,
    },
    /// A piece came that skips bytes which are still wanted.
    #[error(
        "recording {input}: byte {wanted} was wanted next, but byte {got} of recording {got_input} came"
    )]
    OutOfOrder {
        /// The recording that is wanted, from 0.
        input: usize,
        /// The byte that is wanted.
        wanted: u64,
        /// The recording that came.
        got_input: usize,
        /// The first byte that came.
        got: u64,
    },
    /// The recordings ended before all that was planned had come.
    #[error(
        "recording {input} ended {missing} bytes early; what was sent of it is incomplete and must not be kept"
    )]
    EndedEarly {
        /// The recording that is still wanted, from 0.
        input: usize,
        /// Bytes that are still wanted of it.
        missing: u64,
    },
}
