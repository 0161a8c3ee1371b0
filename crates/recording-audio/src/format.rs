//! How samples are written: codec, channels, rate, and what follows for the length of a frame.

use std::fmt;
use std::time::Duration;

use crate::AudioError;

/// How one sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Linear PCM with 8 to 32 bits. What Twilio sends has 16.
    Pcm {
        /// Bits of a sample.
        bits: u16,
    },
    /// IEEE floating point with 32 or 64 bits.
    Float {
        /// Bits of a sample.
        bits: u16,
    },
    /// G.711 A-law.
    ALaw,
    /// G.711 mu-law.
    MuLaw,
    /// Microsoft ADPCM.
    MsAdpcm,
    /// IMA ADPCM.
    ImaAdpcm,
    /// GSM 6.10.
    Gsm610,
    /// G.721 ADPCM.
    G721,
    /// G.726 ADPCM.
    G726,
    /// G.729.
    G729,
    /// MPEG layer 1 or 2.
    Mpeg,
    /// MPEG layer 3.
    Mp3,
    /// AAC.
    Aac,
    /// Anything else, by its tag.
    Other(u16),
}

impl Codec {
    /// The codec of a format tag (RFC 2361), where the tag decides it without the number of bits.
    pub(crate) fn compressed(tag: u16) -> Self {
        match tag {
            0x0002 => Self::MsAdpcm,
            0x0011 => Self::ImaAdpcm,
            0x0031 => Self::Gsm610,
            0x0040 => Self::G721,
            0x0045 | 0x0064 => Self::G726,
            0x0083 => Self::G729,
            0x0050 => Self::Mpeg,
            0x0055 => Self::Mp3,
            0x00ff => Self::Aac,
            other => Self::Other(other),
        }
    }

    /// Bytes of one sample, where all have the same length.
    fn sample_len(self) -> Option<u16> {
        match self {
            Self::Pcm { bits } | Self::Float { bits } => Some(bits.div_ceil(8)),
            Self::ALaw | Self::MuLaw => Some(1),
            _ => None,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pcm { bits } => write!(f, "{bits}-bit PCM"),
            Self::Float { bits } => write!(f, "{bits}-bit floating point"),
            Self::ALaw => f.write_str("A-law"),
            Self::MuLaw => f.write_str("mu-law"),
            Self::MsAdpcm => f.write_str("Microsoft ADPCM"),
            Self::ImaAdpcm => f.write_str("IMA ADPCM"),
            Self::Gsm610 => f.write_str("GSM 6.10"),
            Self::G721 => f.write_str("G.721"),
            Self::G726 => f.write_str("G.726"),
            Self::G729 => f.write_str("G.729"),
            Self::Mpeg => f.write_str("MPEG layer 1 or 2"),
            Self::Mp3 => f.write_str("MP3"),
            Self::Aac => f.write_str("AAC"),
            Self::Other(tag) => write!(f, "an unknown codec (tag {tag:#06x})"),
        }
    }
}

/// The format of a recording: codec, channels, samples per second. Neither number is ever 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    codec: Codec,
    channels: u16,
    sample_rate: u32,
}

impl Format {
    /// 16-bit PCM with 8000 samples per second: what Twilio sends.
    pub const TELEPHONE_MONO: Self = Self {
        codec: Codec::Pcm { bits: 16 },
        channels: 1,
        sample_rate: 8000,
    };
    /// The same with two channels.
    pub const TELEPHONE_STEREO: Self = Self {
        codec: Codec::Pcm { bits: 16 },
        channels: 2,
        sample_rate: 8000,
    };

    /// A format, if it is a possible one.
    pub fn new(codec: Codec, channels: u16, sample_rate: u32) -> Result<Self, AudioError> {
        let what = match codec {
            _ if channels == 0 => "it has no channels",
            _ if sample_rate == 0 => "it has no samples per second",
            Codec::Pcm { bits } if !(1..=32).contains(&bits) => "PCM samples have 1 to 32 bits",
            Codec::Float { bits } if bits != 32 && bits != 64 => {
                "floating point samples have 32 or 64 bits"
            }
            _ if codec
                .sample_len()
                .is_some_and(|len| channels.checked_mul(len).is_none()) =>
            {
                "its frames are too long"
            }
            _ => {
                return Ok(Self {
                    codec,
                    channels,
                    sample_rate,
                });
            }
        };
        Err(AudioError::BadFormat { what })
    }

    /// How samples are written.
    pub fn codec(self) -> Codec {
        self.codec
    }

    /// How many channels there are.
    pub fn channels(self) -> u16 {
        self.channels
    }

    /// Samples per second and channel.
    pub fn sample_rate(self) -> u32 {
        self.sample_rate
    }

    /// Bytes of one frame (one sample of each channel); `None` for codecs whose frames have no fixed length.
    pub fn frame_len(self) -> Option<u16> {
        self.codec
            .sample_len()
            .and_then(|len| len.checked_mul(self.channels))
    }

    /// The frame nearest to a time after the beginning.
    pub fn frame_at(self, time: Duration) -> u64 {
        let second = 1_000_000_000;
        let frames = (time.as_nanos() * u128::from(self.sample_rate) + second / 2) / second;
        u64::try_from(frames).unwrap_or(u64::MAX)
    }

    /// How long so many frames last.
    pub fn duration_of(self, frames: u64) -> Duration {
        let rate = u64::from(self.sample_rate);
        let nanos = (frames % rate) * 1_000_000_000 / rate;
        // Less than a second, so that it fits 32 bits.
        Duration::new(frames / rate, u32::try_from(nanos).unwrap_or(0))
    }

    pub(crate) fn with_channels(self, channels: u16) -> Result<Self, AudioError> {
        Self::new(self.codec, channels, self.sample_rate)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            codec,
            channels,
            sample_rate,
        } = self;
        match channels {
            1 => write!(f, "{codec}, mono, {sample_rate} Hz"),
            2 => write!(f, "{codec}, stereo, {sample_rate} Hz"),
            more => write!(f, "{codec}, {more} channels, {sample_rate} Hz"),
        }
    }
}
