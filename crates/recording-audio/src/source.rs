//! What a header said, and what the file holds in truth.

use std::ops::Range;
use std::time::Duration;

use crate::{AudioError, Clip, Format};

/// What the header says of the length of the audio, against the length that the file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LengthClaim {
    /// The header tells the truth.
    True,
    /// The header leaves the length open, as a writer does that cannot go back (0, `0xFFFFFFFF` and their like).
    Open,
    /// The header promises more than there is.
    TooLong {
        /// Bytes that are not there.
        missing: u64,
    },
    /// The header promises less than there is, and what follows are no chunks, but audio.
    TooShort {
        /// Bytes of audio that the header does not count.
        beyond: u64,
    },
}

/// A WAV file whose header has been read.
///
/// Where header and file disagree about the length of the audio, the file is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub(crate) format: Format,
    pub(crate) data: Range<u64>,
    pub(crate) claim: LengthClaim,
}

impl Source {
    /// How the samples are written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The bytes of the file that are audio. A frame that is cut off at the end is not among them.
    pub fn data(&self) -> Range<u64> {
        self.data.clone()
    }

    /// Whether the header told the truth about the length.
    pub fn claim(&self) -> LengthClaim {
        self.claim
    }

    /// How many frames there are; `None` for codecs whose frames have no fixed length.
    pub fn frames(&self) -> Option<u64> {
        let frame_len = self.format.frame_len()?;
        Some((self.data.end - self.data.start) / u64::from(frame_len))
    }

    /// How long the audio lasts; `None` for codecs whose frames have no fixed length.
    pub fn duration(&self) -> Option<Duration> {
        self.frames().map(|frames| self.format.duration_of(frames))
    }

    /// All of it. It may have no frame at all; [`Plan`](crate::Plan) wants at least one in the whole.
    pub fn whole(&self) -> Result<Clip, AudioError> {
        let frames = self.frames().ok_or(AudioError::Codec {
            codec: self.format.codec(),
        })?;
        Ok(Clip::new(self.format, self.data.start, frames))
    }

    /// The part from `from` up to `to`, both counted from the beginning and laid on the nearest frame.
    ///
    /// What lies outside the recording is left away; [`AudioError::EmptySpan`] if nothing remains. Two spans that touch
    /// share no frame and lose none.
    pub fn between(&self, from: Duration, to: Duration) -> Result<Clip, AudioError> {
        let (Some(frames), Some(frame_len)) = (self.frames(), self.format.frame_len()) else {
            return Err(AudioError::Codec {
                codec: self.format.codec(),
            });
        };
        let first = self.format.frame_at(from).min(frames);
        let end = self.format.frame_at(to).min(frames);
        if end <= first {
            return Err(AudioError::EmptySpan {
                from,
                to,
                duration: self.format.duration_of(frames),
            });
        }
        Ok(Clip::new(
            self.format,
            self.data.start + first * u64::from(frame_len),
            end - first,
        ))
    }
}
