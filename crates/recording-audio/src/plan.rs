//! What is to be made of which parts, and how long that will be: known before the first byte.

use std::ops::Range;
use std::time::Duration;

use crate::{AudioError, Codec, Format, Transform};

/// A part of one recording, on frame boundaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    format: Format,
    start: u64,
    frames: u64,
    swapped: bool,
}

impl Clip {
    pub(crate) fn new(format: Format, start: u64, frames: u64) -> Self {
        Self {
            format,
            start,
            frames,
            swapped: false,
        }
    }

    /// The same with left and right exchanged; exchanging twice is not exchanging.
    pub fn swap_channels(mut self) -> Result<Self, AudioError> {
        if self.format.channels() != 2 {
            return Err(AudioError::NotStereo {
                channels: self.format.channels(),
            });
        }
        self.swapped = !self.swapped;
        Ok(self)
    }

    /// How the samples are written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How many frames it has.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        self.format.duration_of(self.frames)
    }
}

/// What to do when some of the recordings to join are mono and some stereo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Joining {
    /// Refuse, naming the first that differs. Codec and rate must agree in any case.
    #[default]
    SameFormat,
    /// Let mono be heard on both sides. Which side spoke can then not be told in that part.
    MonoOnBothSides,
}

/// What is done to the samples of one input on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Nothing,
    Swap,
    Double,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) range: Range<u64>,
    /// Bytes of a frame of this input.
    pub(crate) frame_len: usize,
    pub(crate) work: Work,
}

/// A WAV file to be: a fresh header, and clips one after the other.
///
/// Its length is a promise: [`Transform`] either keeps it to the byte or ends in an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) header: Vec<u8>,
    pub(crate) inputs: Vec<Input>,
    /// Whether a byte of padding follows the audio, so that the chunk has an even length.
    pub(crate) padded: bool,
    format: Format,
    frames: u64,
    data_len: u64,
}

impl Plan {
    /// One clip.
    pub fn new(clip: Clip) -> Result<Self, AudioError> {
        Self::join([clip], Joining::SameFormat)
    }

    /// Clips in the given order. Clips without a frame keep their number and add nothing.
    pub fn join(
        clips: impl IntoIterator<Item = Clip>,
        joining: Joining,
    ) -> Result<Self, AudioError> {
        let clips: Vec<Clip> = clips.into_iter().collect();
        let format = common_format(&clips, joining)?;
        let mut inputs = Vec::with_capacity(clips.len());
        let mut frames = 0_u64;
        for (number, clip) in clips.iter().enumerate() {
            let frame_len = clip.format.frame_len().ok_or(AudioError::Codec {
                codec: clip.format.codec(),
            })?;
            let fits = clip.format == format
                || joining == Joining::MonoOnBothSides
                    && clip.format.channels() == 1
                    && clip.format.with_channels(2)? == format;
            if !fits && clip.frames > 0 {
                return Err(AudioError::Mismatch {
                    input: number,
                    expected: format,
                    found: clip.format,
                });
            }
            let work = match (clip.swapped, clip.format == format) {
                (true, _) => Work::Swap,
                (false, true) => Work::Nothing,
                (false, false) => Work::Double,
            };
            inputs.push(Input {
                range: clip.start..clip.start + clip.frames * u64::from(frame_len),
                frame_len: usize::from(frame_len),
                work,
            });
            frames = frames.saturating_add(clip.frames);
        }
        let frame_len = format.frame_len().ok_or(AudioError::Codec {
            codec: format.codec(),
        })?;
        let data_len = frames.saturating_mul(u64::from(frame_len));
        let header = header(format, frames, data_len).ok_or(AudioError::TooLong { data_len })?;
        Ok(Self {
            header,
            inputs,
            padded: data_len % 2 == 1,
            format,
            frames,
            data_len,
        })
    }

    /// Bytes of the file: header, audio and, if that is odd, one of padding.
    pub fn output_len(&self) -> u64 {
        self.header.len() as u64 + self.data_len + u64::from(self.padded)
    }

    /// How the samples of the file are written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How many frames the file has.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// How long the file lasts.
    pub fn duration(&self) -> Duration {
        self.format.duration_of(self.frames)
    }

    /// How long the file lasts, to the nearest millisecond.
    pub fn duration_ms(&self) -> u64 {
        let rate = u64::from(self.format.sample_rate());
        (self.frames / rate) * 1000 + ((self.frames % rate) * 1000 + rate / 2) / rate
    }

    /// How many inputs there are: one for each clip.
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// The bytes of an input's file that are needed; none of the others need be read. Empty for a clip without frames.
    pub fn needed_input_range(&self, input: usize) -> Option<Range<u64>> {
        self.inputs.get(input).map(|input| input.range.clone())
    }

    /// Begins the work. The plan is not used up: each attempt begins afresh.
    pub fn transform(&self) -> Transform {
        Transform::new(self.clone())
    }
}

/// The format of the first clip that has a frame; stereo if any is stereo and mono may be doubled.
fn common_format(clips: &[Clip], joining: Joining) -> Result<Format, AudioError> {
    let mut heard = clips.iter().filter(|clip| clip.frames > 0);
    let first = heard.next().ok_or(AudioError::Nothing)?.format;
    if joining == Joining::MonoOnBothSides
        && first.channels() == 1
        && heard.any(|clip| clip.format.channels() == 2)
    {
        return first.with_channels(2);
    }
    Ok(first)
}

/// A header that tells the truth: 44 bytes for PCM; 58 for the others, which must carry a `fact` chunk.
///
/// `None` if a length does not fit its 32 bits.
fn header(format: Format, frames: u64, data_len: u64) -> Option<Vec<u8>> {
    let (tag, bits) = match format.codec() {
        Codec::Pcm { bits } => (1_u16, bits),
        Codec::Float { bits } => (3, bits),
        Codec::ALaw => (6, 8),
        Codec::MuLaw => (7, 8),
        _ => return None,
    };
    let plain = tag == 1;
    let header_len: u32 = if plain { 44 } else { 58 };
    let padded_len = u32::try_from(data_len + data_len % 2).ok()?;
    let frame_len = format.frame_len()?;
    let byte_rate = u64::from(format.sample_rate()) * u64::from(frame_len);

    let mut out = Vec::with_capacity(58);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(header_len - 8).checked_add(padded_len)?.to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&(if plain { 16_u32 } else { 18 }).to_le_bytes());
    out.extend_from_slice(&tag.to_le_bytes());
    out.extend_from_slice(&format.channels().to_le_bytes());
    out.extend_from_slice(&format.sample_rate().to_le_bytes());
    out.extend_from_slice(&u32::try_from(byte_rate).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&frame_len.to_le_bytes());
    out.extend_from_slice(&bits.to_le_bytes());
    if !plain {
        out.extend_from_slice(&0_u16.to_le_bytes());
        out.extend_from_slice(b"fact");
        out.extend_from_slice(&4_u32.to_le_bytes());
        out.extend_from_slice(&u32::try_from(frames).ok()?.to_le_bytes());
    }
    out.extend_from_slice(b"data");
    out.extend_from_slice(&u32::try_from(data_len).ok()?.to_le_bytes());
    Some(out)
}
