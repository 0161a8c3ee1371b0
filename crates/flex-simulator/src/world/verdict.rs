//! Whether the audio that arrived is the leg's audio: compared sample by sample with what was said, as it streams in.

use std::collections::VecDeque;

use super::expected::{AudioVerdict, ExpectedAudio};
use super::sound::{SAMPLE_RATE, Sound, frames, millis};

/// How many samples decide where in a recording the delivered audio begins.
const PROBE: usize = 128;
/// How many samples are compared at once while the place is known.
const BLOCK: usize = 4_096;
/// Pieces that end within so many samples of where the next begins may have been told apart a little late.
const SLACK: u64 = 16;

/// A comparison under way. Needs memory for a few hundred samples, however long the audio.
#[derive(Debug)]
pub struct AudioCheck {
    expected: Option<ExpectedAudio>,
    sounds: Vec<Sound>,
    channels: u16,
    rate: u32,
    partial: Vec<u8>,
    probe: VecDeque<Vec<i16>>,
    piece: usize,
    /// Where in the present piece's recording the next sample stands, once that is known.
    at: Option<u64>,
    heard: u64,
    order: Option<Order>,
    wrong: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    AsStored,
    Swapped,
}

impl AudioCheck {
    pub(super) fn new(expected: Option<ExpectedAudio>, sounds: Vec<Sound>) -> Self {
        Self {
            expected,
            sounds,
            channels: 0,
            rate: 0,
            partial: Vec::new(),
            probe: VecDeque::new(),
            piece: 0,
            at: None,
            heard: 0,
            order: None,
            wrong: None,
        }
    }

    /// Tells the format from the delivered header: channels, samples per second, bits per sample.
    pub fn format(&mut self, channels: u16, sample_rate: u32, bits: u16) {
        self.channels = channels;
        self.rate = sample_rate;
        match &self.expected {
            None => self.fail("there is audio where none was expected".to_owned()),
            Some(expected) if expected.channels != channels => {
                let wanted = expected.channels;
                self.fail(format!("{channels} channels where {wanted} were expected"));
            }
            Some(_) if sample_rate != SAMPLE_RATE || bits != 16 => {
                self.fail(format!("{bits} bits at {sample_rate} Hz where 16 bits at {SAMPLE_RATE} Hz were expected"));
            }
            Some(_) => {}
        }
    }

    /// Takes interleaved little-endian PCM, in any chunks.
    pub fn push(&mut self, pcm: &[u8]) {
        if self.channels == 0 {
            self.fail("audio came before its format was told".to_owned());
        }
        if self.wrong.is_some() {
            return;
        }
        let frame_bytes = usize::from(self.channels) * 2;
        let mut rest = pcm;
        if !self.partial.is_empty() {
            let missing = (frame_bytes - self.partial.len()).min(rest.len());
            let (head, tail) = rest.split_at(missing);
            self.partial.extend_from_slice(head);
            rest = tail;
            if self.partial.len() < frame_bytes {
                return;
            }
            let frame = std::mem::take(&mut self.partial);
            self.frame(samples(&frame));
        }
        while rest.len() >= frame_bytes && self.wrong.is_none() {
            let equal = self.block(rest, frame_bytes);
            rest = &rest[equal..];
            if let Some((frame, tail)) = rest.split_at_checked(frame_bytes) {
                self.frame(samples(frame));
                rest = tail;
            }
        }
        self.partial = rest.to_vec();
    }

    /// The fast way while the place is known: how many bytes, of whole frames, are as they should be.
    fn block(&mut self, pcm: &[u8], frame_bytes: usize) -> usize {
        let (Some(at), Some(order), Some(sound)) =
            (self.at, self.order, self.sounds.get(self.piece))
        else {
            return 0;
        };
        if !self.probe.is_empty() {
            return 0;
        }
        let frames = (pcm.len() / frame_bytes).min(BLOCK) as u64;
        let mut right = sound.pcm(at..at + frames);
        for frame in right.chunks_exact_mut(frame_bytes) {
            order.swap(frame);
        }
        let equal = pcm
            .chunks_exact(frame_bytes)
            .zip(right.chunks_exact(frame_bytes))
            .take_while(|(heard, right)| heard == right)
            .count();
        self.at = Some(at + equal as u64);
        self.heard += equal as u64;
        equal * frame_bytes
    }

    fn frame(&mut self, frame: Vec<i16>) {
        self.probe.push_back(frame);
        if self.at.is_some() {
            self.follow();
        }
        if self.at.is_none() && self.probe.len() >= PROBE {
            self.locate();
        }
    }

    /// Compares what is waiting while the place is known; where it no longer fits, the piece has ended.
    fn follow(&mut self) {
        while let (Some(at), Some(frame)) = (self.at, self.probe.front()) {
            let fits = self.sounds.get(self.piece).is_some_and(|sound| {
                at < sound.frames() && self.order.is_some_and(|order| order.fits(sound, at, frame))
            });
            if fits {
                self.probe.pop_front();
                self.at = Some(at + 1);
                self.heard += 1;
            } else {
                self.end_piece(at);
                if self.wrong.is_none() && self.piece >= self.sounds.len() {
                    self.fail(format!("sample {} is not that of the leg", self.heard));
                }
                return;
            }
        }
    }

    /// Finds where in the next piece the waiting samples stand.
    fn locate(&mut self) {
        let (Some(expected), Some(sound)) = (&self.expected, self.sounds.get(self.piece)) else {
            return;
        };
        let Some(piece) = expected.pieces.get(self.piece) else {
            return;
        };
        let earliest = piece.start_ms.saturating_sub(expected.tolerance_ms);
        let first = frames(earliest.max(piece.not_before_ms));
        let last =
            frames(piece.start_ms + expected.tolerance_ms).min(sound.frames().saturating_sub(1));
        let orders: &[Order] = match (self.order, self.channels) {
            (Some(Order::AsStored), _) | (None, 1) => &[Order::AsStored],
            (Some(Order::Swapped), _) => &[Order::Swapped],
            (None, _) => &[Order::AsStored, Order::Swapped],
        };
        for at in first..=last.max(first) {
            for order in orders {
                let fits = self
                    .probe
                    .iter()
                    .zip(at..)
                    .all(|(frame, at)| at < sound.frames() && order.fits(sound, at, frame));
                if fits {
                    self.order = Some(*order);
                    self.at = Some(at);
                    self.follow();
                    return;
                }
            }
        }
        self.fail(format!(
            "what is heard from sample {} on does not begin within {} ms of where it should in {}",
            self.heard, expected.tolerance_ms, piece.recording
        ));
    }

    fn end_piece(&mut self, at: u64) {
        self.at = None;
        if let Some(expected) = &self.expected
            && let Some(piece) = expected.pieces.get(self.piece)
        {
            let latest = (piece.end_ms + expected.tolerance_ms).min(piece.not_after_ms);
            let earliest = piece.end_ms.saturating_sub(expected.tolerance_ms);
            if millis(at + SLACK) < earliest || millis(at) > latest {
                let (wanted, sid) = (piece.end_ms, piece.recording.clone());
                self.fail(format!(
                    "the part of {sid} ends at {} ms, not at {wanted} ms",
                    millis(at)
                ));
            }
        }
        self.piece += 1;
    }

    fn fail(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// The verdict, once everything was pushed.
    pub fn finish(mut self) -> AudioVerdict {
        let Some(expected) = self.expected.clone() else {
            return self
                .wrong
                .map_or(AudioVerdict::NoneExpected, AudioVerdict::Mismatch);
        };
        if self.wrong.is_none() && !self.partial.is_empty() {
            self.fail("the audio ends within a sample".to_owned());
        }
        if self.wrong.is_none() && self.at.is_none() && !self.probe.is_empty() {
            self.locate();
        }
        if let (None, Some(at)) = (&self.wrong, self.at) {
            self.end_piece(at);
        }
        if self.wrong.is_none() && self.piece < expected.pieces.len() {
            let missing = &expected.pieces[self.piece].recording;
            self.wrong = Some(format!("nothing of {missing} is heard"));
        }
        let right = if expected.swapped_at_source {
            Order::Swapped
        } else {
            Order::AsStored
        };
        match self.wrong {
            Some(what) => AudioVerdict::Mismatch(what),
            None if self.channels > 1 && self.order != Some(right) => AudioVerdict::Swapped,
            None => AudioVerdict::Match,
        }
    }
}

impl Order {
    /// Which channel of the recording stands in delivered `channel`.
    fn source(self, channel: usize, channels: u16) -> usize {
        match self {
            Self::AsStored => channel,
            Self::Swapped => usize::from(channels) - 1 - channel,
        }
    }

    /// Puts the samples of a frame in this order.
    fn swap(self, frame: &mut [u8]) {
        if self == Self::Swapped && frame.len() == 4 {
            frame.rotate_left(2);
        }
    }

    fn fits(self, sound: &Sound, at: u64, frame: &[i16]) -> bool {
        let channels = u16::try_from(frame.len()).unwrap_or(1);
        frame
            .iter()
            .enumerate()
            .all(|(channel, sample)| sound.sample(self.source(channel, channels), at) == *sample)
    }
}

fn samples(frame: &[u8]) -> Vec<i16> {
    frame
        .chunks_exact(2)
        .map(|sample| i16::from_le_bytes([sample[0], sample[1]]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::expected::AudioPiece;
    use crate::world::sound::Voice;

    fn sound(seed: u64) -> Sound {
        Sound {
            seed,
            channels: vec![
                vec![Voice {
                    hertz: 410,
                    heard: 0..80_000,
                }],
                vec![Voice {
                    hertz: 630,
                    heard: 0..80_000,
                }],
            ],
            kept: std::iter::once(0..80_000).collect(),
        }
    }

    fn check(pieces: &[(u64, u64)]) -> (AudioCheck, Vec<Sound>) {
        let sounds: Vec<Sound> = (1..=pieces.len() as u64).map(sound).collect();
        let expected = ExpectedAudio {
            pieces: pieces
                .iter()
                .map(|(start_ms, end_ms)| AudioPiece {
                    recording: "RE".to_owned(),
                    start_ms: *start_ms,
                    end_ms: *end_ms,
                    recording_ms: 10_000,
                    not_before_ms: 0,
                    not_after_ms: 10_000,
                })
                .collect(),
            tolerance_ms: 500,
            channels: 2,
            swapped_at_source: false,
            sample_rate: SAMPLE_RATE,
        };
        let mut check = AudioCheck::new(Some(expected), sounds.clone());
        check.format(2, SAMPLE_RATE, 16);
        (check, sounds)
    }

    fn swap(pcm: &[u8]) -> Vec<u8> {
        pcm.chunks_exact(4)
            .flat_map(|frame| [frame[2], frame[3], frame[0], frame[1]])
            .collect()
    }

    #[test]
    fn the_leg_s_own_stretch_matches_in_any_chunks() {
        for chunk in [1, 3, 4, 1_000, usize::MAX] {
            let (mut check, sounds) = check(&[(1_000, 9_000)]);
            let pcm = sounds[0].pcm(frames(1_200)..frames(8_700));
            for piece in pcm.chunks(chunk.min(pcm.len())) {
                check.push(piece);
            }
            assert_eq!(check.finish(), AudioVerdict::Match);
        }
    }

    #[test]
    fn two_parts_match_when_both_are_there_in_order() {
        let (mut check, sounds) = check(&[(0, 10_000), (0, 10_000)]);
        check.push(&sounds[0].pcm(0..80_000));
        check.push(&sounds[1].pcm(0..80_000));
        assert_eq!(check.finish(), AudioVerdict::Match);
    }

    #[test]
    fn a_missing_part_is_told() {
        let (mut check, sounds) = check(&[(0, 10_000), (0, 10_000)]);
        check.push(&sounds[0].pcm(0..80_000));
        assert_eq!(
            check.finish(),
            AudioVerdict::Mismatch("nothing of RE is heard".to_owned())
        );
    }

    #[test]
    fn parts_in_the_wrong_order_are_told() {
        let (mut check, sounds) = check(&[(0, 10_000), (0, 10_000)]);
        check.push(&sounds[1].pcm(0..80_000));
        check.push(&sounds[0].pcm(0..80_000));
        assert!(matches!(check.finish(), AudioVerdict::Mismatch(_)));
    }

    #[test]
    fn swapped_channels_are_told() {
        let (mut check, sounds) = check(&[(0, 10_000)]);
        check.push(&swap(&sounds[0].pcm(0..80_000)));
        assert_eq!(check.finish(), AudioVerdict::Swapped);
    }

    #[test]
    fn a_recording_stored_the_other_way_round_matches_once_swapped() {
        let (mut check, sounds) = check(&[(0, 10_000)]);
        check.expected.as_mut().unwrap().swapped_at_source = true;
        check.push(&swap(&sounds[0].pcm(0..80_000)));
        assert_eq!(check.finish(), AudioVerdict::Match);
    }

    #[test]
    fn one_wrong_sample_is_told() {
        let (mut check, sounds) = check(&[(0, 10_000)]);
        let mut pcm = sounds[0].pcm(0..80_000);
        pcm[40_000] ^= 1;
        check.push(&pcm);
        assert!(matches!(check.finish(), AudioVerdict::Mismatch(_)));
    }

    #[test]
    fn audio_that_ends_too_soon_or_begins_too_late_is_told() {
        for range in [frames(1_000)..frames(7_000), frames(2_000)..frames(9_000)] {
            let (mut check, sounds) = check(&[(1_000, 9_000)]);
            check.push(&sounds[0].pcm(range));
            assert!(matches!(check.finish(), AudioVerdict::Mismatch(_)));
        }
    }

    #[test]
    fn another_leg_s_words_are_told_even_within_the_tolerance() {
        for (range, not_before_ms, not_after_ms) in [
            (frames(900)..frames(9_000), 950, 10_000),
            (frames(1_000)..frames(9_200), 0, 9_100),
        ] {
            let (mut check, sounds) = check(&[(1_000, 9_000)]);
            let piece = &mut check.expected.as_mut().unwrap().pieces[0];
            (piece.not_before_ms, piece.not_after_ms) = (not_before_ms, not_after_ms);
            check.push(&sounds[0].pcm(range));
            assert!(matches!(check.finish(), AudioVerdict::Mismatch(_)));
        }
    }

    #[test]
    fn another_call_s_audio_is_told() {
        let (mut check, _) = check(&[(0, 10_000)]);
        check.push(&sound(99).pcm(0..80_000));
        assert!(matches!(check.finish(), AudioVerdict::Mismatch(_)));
    }

    #[test]
    fn no_audio_is_right_only_where_none_was_expected() {
        assert_eq!(
            AudioCheck::new(None, Vec::new()).finish(),
            AudioVerdict::NoneExpected
        );
        let (check, _) = check(&[(0, 10_000)]);
        assert!(matches!(check.finish(), AudioVerdict::Mismatch(_)));
    }

    #[test]
    fn one_channel_where_two_were_expected_is_told() {
        let (mut check, _) = check(&[(0, 10_000)]);
        check.format(1, SAMPLE_RATE, 16);
        assert_eq!(
            check.finish(),
            AudioVerdict::Mismatch("1 channels where 2 were expected".to_owned())
        );
    }
}
