//! The media of recordings as Twilio serves it: a WAV file, or its ciphertext. Made when it is asked for; what was encrypted is kept on a
//! shelf of bounded size, so that many readers of one audio cost the memory of one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::WorldError;
use super::keys::{self, TAG_BYTES};
use super::model::{Fate, Recording};
use super::sound::{SAMPLE_BYTES, Sound};
use super::wav::{self, HEADER_BYTES};

/// How much finished media is kept.
const SHELF_BYTES: usize = 64 << 20;
/// Samples of one piece of a stream.
const PIECE_FRAMES: u64 = 16 * 1024;

/// Media that was made before.
#[derive(Default)]
pub(crate) struct MediaShelf(Mutex<VecDeque<(Arc<ShelfKey>, Bytes)>>);

#[derive(PartialEq, Eq)]
struct ShelfKey {
    sound: Sound,
    content_key: [u8; 32],
    fate: Fate,
}

/// What to send.
pub(crate) enum Media {
    /// Ciphertext and tag.
    Sealed(Bytes),
    /// A WAV file in the clear.
    Clear(ClearMedia),
}

/// A WAV file that is made while it is read.
pub(crate) struct ClearMedia {
    sound: Sound,
    mixed: bool,
    lying: bool,
    next: Option<u64>,
}

impl ClearMedia {
    /// Length in bytes.
    pub(crate) fn length(&self) -> u64 {
        HEADER_BYTES + self.pcm_bytes()
    }

    fn channels(&self) -> u16 {
        if self.mixed {
            1
        } else {
            u16::try_from(self.sound.channels.len()).unwrap_or(1)
        }
    }

    fn pcm_bytes(&self) -> u64 {
        self.sound.frames() * SAMPLE_BYTES * u64::from(self.channels())
    }
}

impl Iterator for ClearMedia {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let Some(from) = self.next else {
            self.next = Some(0);
            let told = if self.lying {
                self.pcm_bytes() * 4
            } else {
                self.pcm_bytes()
            };
            return Some(wav::header(self.channels(), told).into());
        };
        if from >= self.sound.frames() {
            return None;
        }
        self.next = Some(from + PIECE_FRAMES);
        let pcm = self.sound.pcm(from..from + PIECE_FRAMES);
        Some(
            if self.mixed {
                mix(&pcm, self.sound.channels.len())
            } else {
                pcm
            }
            .into(),
        )
    }
}

/// Twilio's downmix: the mean of the channels.
fn mix(pcm: &[u8], channels: usize) -> Vec<u8> {
    pcm.chunks_exact(2 * channels.max(1))
        .flat_map(|frame| {
            let sum: i32 = frame
                .chunks_exact(2)
                .map(|sample| i32::from(i16::from_le_bytes([sample[0], sample[1]])))
                .sum();
            let mean = sum / i32::try_from(channels.max(1)).unwrap_or(1);
            i16::try_from(mean).unwrap_or(0).to_le_bytes()
        })
        .collect()
}

/// How many bytes a recording's ciphertext has, tag included.
pub(crate) fn sealed_length(sound: &Sound) -> u64 {
    HEADER_BYTES + sound.pcm_bytes() + TAG_BYTES
}

impl MediaShelf {
    /// A recording's media with the number of channels asked for; `mixed` asks for one where two are stored.
    pub(crate) fn media(&self, recording: &Recording, mixed: bool) -> Result<Media, WorldError> {
        let Some(locked) = &recording.locked else {
            return Ok(Media::Clear(ClearMedia {
                sound: recording.sound.clone(),
                mixed: mixed && recording.channels() > 1,
                lying: recording.fate == Fate::LyingHeader,
                next: None,
            }));
        };
        let key = ShelfKey {
            sound: recording.sound.clone(),
            content_key: locked.content_key,
            fate: recording.fate,
        };
        if let Some(found) = self.find(&key) {
            return Ok(Media::Sealed(found));
        }
        let length = usize::try_from(sealed_length(&recording.sound)).unwrap_or(0);
        let mut media = Vec::with_capacity(length);
        let told = recording.sound.pcm_bytes()
            * if recording.fate == Fate::LyingHeader {
                4
            } else {
                1
            };
        media.extend_from_slice(&wav::header(recording.channels(), told));
        media.extend_from_slice(&recording.sound.pcm(0..recording.sound.frames()));
        keys::seal(&locked.content_key, locked.iv, &mut media)?;
        if recording.fate == Fate::Tampered {
            let middle = media.len() / 2;
            if let Some(byte) = media.get_mut(middle) {
                *byte ^= 1;
            }
        }
        let media = Bytes::from(media);
        self.put(key, media.clone());
        Ok(Media::Sealed(media))
    }

    fn find(&self, key: &ShelfKey) -> Option<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|(there, _)| **there == *key)
            .map(|(_, media)| media.clone())
    }

    fn put(&self, key: ShelfKey, media: Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.iter().any(|(there, _)| **there == key) {
            return;
        }
        kept.push_back((Arc::new(key), media));
        while kept.len() > 1
            && kept.iter().map(|(_, media)| media.len()).sum::<usize>() > SHELF_BYTES
        {
            kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::sound::Voice;

    fn clear(mixed: bool, lying: bool) -> ClearMedia {
        ClearMedia {
            sound: Sound {
                seed: 3,
                channels: vec![
                    vec![Voice {
                        hertz: 400,
                        heard: 0..40_000,
                    }],
                    vec![Voice {
                        hertz: 600,
                        heard: 0..40_000,
                    }],
                ],
                kept: std::iter::once(0..40_000).collect(),
            },
            mixed,
            lying,
            next: None,
        }
    }

    #[test]
    fn a_stream_is_as_long_as_it_says() {
        for mixed in [false, true] {
            let media = clear(mixed, false);
            let length = media.length();
            assert_eq!(media.map(|piece| piece.len() as u64).sum::<u64>(), length);
        }
    }

    #[test]
    fn a_downmix_is_the_mean_of_the_channels() {
        assert_eq!(mix(&[100, 0, 200, 0, 0, 0, 10, 0], 2), [150, 0, 5, 0]);
    }

    #[test]
    fn a_lying_header_promises_more_than_there_is() {
        let header = clear(false, true).next().unwrap();
        let told = u32::from_le_bytes(header[40..44].try_into().unwrap());
        assert_eq!(u64::from(told), clear(false, false).pcm_bytes() * 4);
    }
}
