//! What is heard on a call: each speaker a tone of their own with quiet noise over it, so that every few milliseconds of every
//! recording are found nowhere else, and any sample can be told without making those before it.

use std::f64::consts::TAU;
use std::ops::Range;
use std::sync::LazyLock;

/// Samples per second of everything Twilio records here.
pub(crate) const SAMPLE_RATE: u32 = 8_000;
/// Bytes of one sample.
pub(crate) const SAMPLE_BYTES: u64 = 2;
/// Samples per millisecond.
const PER_MS: u64 = SAMPLE_RATE as u64 / 1_000;
/// Loudness of one speaker; three at once still fit.
const TONE: f64 = 7_000.0;
/// Loudness of the noise.
const NOISE: i32 = 255;

/// One second of a sine at one hertz; a tone of `n` hertz takes every `n`-th value.
static SINE: LazyLock<Vec<i16>> = LazyLock::new(|| {
    (0..SAMPLE_RATE)
        .map(|index| {
            let value = TONE * (TAU * f64::from(index) / f64::from(SAMPLE_RATE)).sin();
            // In range by the choice of `TONE`.
            #[allow(clippy::cast_possible_truncation)]
            let value = value.round() as i16;
            value
        })
        .collect()
});

/// How many samples are `ms` milliseconds.
pub(crate) const fn frames(ms: u64) -> u64 {
    ms * PER_MS
}

/// How many milliseconds are `frames` samples.
pub(crate) const fn millis(frames: u64) -> u64 {
    frames / PER_MS
}

/// Someone who can be heard on one channel for part of the call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Voice {
    /// The speaker's tone, in whole hertz.
    pub(crate) hertz: u32,
    /// When they are heard, in samples since the call began.
    pub(crate) heard: Range<u64>,
}

/// What one recording holds. Times are samples since the call began, so that two recordings of one call hear the same tones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Sound {
    /// What tells this recording's noise from others'.
    pub(crate) seed: u64,
    /// Who is heard on each channel.
    pub(crate) channels: Vec<Vec<Voice>>,
    /// The stretches of the call that the recording kept, in order; what lies between was paused or trimmed.
    pub(crate) kept: Vec<Range<u64>>,
}

impl Sound {
    /// Length in samples per channel.
    pub(crate) fn frames(&self) -> u64 {
        self.kept
            .iter()
            .map(|stretch| stretch.end - stretch.start)
            .sum()
    }

    /// Length in milliseconds.
    pub(crate) fn millis(&self) -> u64 {
        millis(self.frames())
    }

    /// Length in bytes of PCM.
    pub(crate) fn pcm_bytes(&self) -> u64 {
        self.frames() * SAMPLE_BYTES * self.channels.len() as u64
    }

    /// Where sample `frame` of the recording lies on the call.
    fn on_call(&self, frame: u64) -> Option<u64> {
        let mut passed = 0;
        for stretch in &self.kept {
            let length = stretch.end - stretch.start;
            if frame < passed + length {
                return Some(stretch.start + frame - passed);
            }
            passed += length;
        }
        None
    }

    /// Sample `frame` of `channel`; silence beyond the end.
    pub(crate) fn sample(&self, channel: usize, frame: u64) -> i16 {
        match (self.channels.get(channel), self.on_call(frame)) {
            (Some(voices), Some(at)) => self.at(voices, channel, at),
            _ => 0,
        }
    }

    fn at(&self, voices: &[Voice], channel: usize, at: u64) -> i16 {
        let tones: i32 = voices
            .iter()
            .filter(|voice| voice.heard.contains(&at))
            .map(|voice| {
                let index = (u64::from(voice.hertz) * at) % u64::from(SAMPLE_RATE);
                i32::from(SINE[usize::try_from(index).unwrap_or(0)])
            })
            .sum();
        let value = tones + noise(self.seed, channel as u64, at);
        i16::try_from(value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))).unwrap_or(0)
    }

    /// Interleaved little-endian PCM of some samples, cut at the recording's end.
    pub(crate) fn pcm(&self, wanted: Range<u64>) -> Vec<u8> {
        let end = wanted.end.min(self.frames());
        let start = wanted.start.min(end);
        let size = (end - start) * SAMPLE_BYTES * self.channels.len() as u64;
        let mut pcm = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        let mut passed = 0;
        for stretch in &self.kept {
            let length = stretch.end - stretch.start;
            let from = start.max(passed);
            let to = end.min(passed + length);
            for frame in from..to.max(from) {
                let at = stretch.start + (frame - passed);
                for (channel, voices) in self.channels.iter().enumerate() {
                    pcm.extend_from_slice(&self.at(voices, channel, at).to_le_bytes());
                }
            }
            passed += length;
        }
        pcm
    }
}

/// Quiet noise that depends on nothing but where it stands.
fn noise(seed: u64, channel: u64, at: u64) -> i32 {
    let mut mixed =
        seed ^ channel.wrapping_mul(0xd1b5_4a32_d192_ed03) ^ at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let span = u64::from(NOISE.unsigned_abs()) * 2 + 1;
    i32::try_from(mixed % span).unwrap_or(0) - NOISE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Sound {
        Sound {
            seed: 7,
            channels: vec![
                vec![Voice {
                    hertz: 440,
                    heard: 0..8_000,
                }],
                vec![Voice {
                    hertz: 620,
                    heard: 100..8_000,
                }],
            ],
            kept: vec![0..1_000, 2_000..3_000],
        }
    }

    #[test]
    fn a_part_is_the_same_as_that_part_of_the_whole() {
        let sound = sound();
        let whole = sound.pcm(0..sound.frames());
        assert_eq!(whole.len() as u64, sound.pcm_bytes());
        assert_eq!(sound.pcm(990..1_010), whole[990 * 4..1_010 * 4]);
    }

    #[test]
    fn a_single_sample_is_the_same_as_in_the_whole() {
        let sound = sound();
        let whole = sound.pcm(0..sound.frames());
        for frame in [0_u64, 1, 999, 1_000, 1_999] {
            let at = usize::try_from(frame).unwrap() * 4;
            assert_eq!(sound.sample(0, frame).to_le_bytes(), whole[at..at + 2]);
            assert_eq!(sound.sample(1, frame).to_le_bytes(), whole[at + 2..at + 4]);
        }
        assert_eq!(sound.sample(0, 2_000), 0);
    }

    #[test]
    fn what_was_paused_is_not_in_the_recording() {
        let sound = sound();
        let uncut = Sound {
            kept: std::iter::once(0..3_000).collect(),
            ..sound.clone()
        };
        assert_eq!(sound.pcm(1_000..2_000), uncut.pcm(2_000..3_000));
    }

    #[test]
    fn no_window_of_64_bytes_stands_twice() {
        let sound = sound();
        let whole = sound.pcm(0..sound.frames());
        let mut windows: Vec<&[u8]> = whole.windows(64).step_by(2).collect();
        let count = windows.len();
        windows.sort_unstable();
        windows.dedup();
        assert_eq!(windows.len(), count);
    }
}
