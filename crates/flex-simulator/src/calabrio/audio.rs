//! Listens to a WAV file as it is uploaded: its header, its length, a SHA-256 per channel, and whether it is the audio that was
//! expected. Nothing of it is kept.

use aws_lc_rs::digest::{Context, SHA256};

use crate::world::{AudioCheck, AudioVerdict};

/// The format tag of PCM.
const PCM: u16 = 1;
/// The header is refused when it is longer.
const HEADER_LIMIT: usize = 64 * 1024;
/// The most channels that are told apart.
const CHANNEL_LIMIT: u16 = 8;

/// What was heard of one uploaded WAV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeardAudio {
    /// The header's format tag: 1 is PCM, 6 A-law, 7 µ-law.
    pub format: u16,
    /// Number of channels.
    pub channels: u16,
    /// Frames per second.
    pub sample_rate: u32,
    /// Bits per sample.
    pub bits: u16,
    /// How many whole frames came.
    pub frames: u64,
    /// SHA-256 of each channel's samples as they stand in the file, hexadecimal.
    pub channel_sha256: Vec<String>,
    /// How many bytes the file had.
    pub bytes: u64,
    /// What about the file is not in order, in words; such a file would not play everywhere.
    pub defects: Vec<String>,
    /// What the comparison with the expected audio found, where there was something to compare with.
    pub verdict: Option<AudioVerdict>,
}

impl HeardAudio {
    /// Its length in milliseconds, rounded down.
    pub(crate) fn duration_ms(&self) -> u64 {
        self.frames
            .saturating_mul(1_000)
            .checked_div(u64::from(self.sample_rate))
            .unwrap_or(0)
    }
}

/// Why a file is not taken at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotWav {
    /// It does not begin as a RIFF file of form WAVE.
    #[error("the media is not a RIFF/WAVE file")]
    Magic,
    /// It ends before the audio begins.
    #[error("the media ends inside its header")]
    Short,
    /// The audio begins beyond any reasonable header, or before its format is told.
    #[error("the media's header makes no sense: {0}")]
    Header(&'static str),
}

/// Eats a file piece by piece.
pub(crate) struct WavListener {
    header: Vec<u8>,
    body: Option<Body>,
    bytes: u64,
    check: Option<AudioCheck>,
    compare_up_to: u64,
}

struct Body {
    format: u16,
    channels: u16,
    sample_rate: u32,
    bits: u16,
    align: usize,
    /// Bytes of audio that the header promises.
    declared: u64,
    /// Bytes that the header promises for the whole file.
    declared_file: u64,
    header_length: u64,
    heard: u64,
    after: u64,
    hashes: Vec<Context>,
    /// The samples of one channel of one piece.
    scratch: Vec<u8>,
    check: Option<AudioCheck>,
    frames: u64,
    partial: Vec<u8>,
}

impl WavListener {
    /// One that has heard nothing, and will compare what it hears unless it is of more bytes than `compare_up_to`.
    pub(crate) fn new(check: Option<AudioCheck>, compare_up_to: u64) -> Self {
        Self {
            header: Vec::new(),
            body: None,
            bytes: 0,
            check,
            compare_up_to,
        }
    }

    /// Eats the next bytes.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), NotWav> {
        self.bytes += piece.len() as u64;
        if let Some(body) = &mut self.body {
            body.push(piece);
            return Ok(());
        }
        self.header.extend_from_slice(piece);
        if let Some((mut body, used)) = parse_header(&self.header)? {
            if let Some(mut check) = self.check.take()
                && body.declared <= self.compare_up_to
            {
                // What is no PCM has another number of bits per sample than what was expected.
                let bits = if body.format == PCM { body.bits } else { 0 };
                check.format(body.channels, body.sample_rate, bits);
                body.check = Some(check);
            }
            let rest = self.header.split_off(used);
            body.push(&rest);
            self.body = Some(body);
            self.header = Vec::new();
        } else if self.header.len() > HEADER_LIMIT {
            return Err(NotWav::Header("no audio in its first 64 KiB"));
        }
        Ok(())
    }

    /// Tells what was heard.
    pub(crate) fn finish(self) -> Result<HeardAudio, NotWav> {
        let Some(body) = self.body else {
            let magic = self.header.len() < 12 || is_wave(&self.header);
            return Err(if magic { NotWav::Short } else { NotWav::Magic });
        };
        Ok(body.finish(self.bytes))
    }
}

impl Body {
    fn push(&mut self, piece: &[u8]) {
        let room = usize::try_from(self.declared - self.heard).unwrap_or(usize::MAX);
        let (audio, after) = piece.split_at(room.min(piece.len()));
        self.heard += audio.len() as u64;
        self.after += after.len() as u64;

        let mut audio = audio;
        if !self.partial.is_empty() {
            let missing = (self.align - self.partial.len()).min(audio.len());
            self.partial.extend_from_slice(&audio[..missing]);
            audio = &audio[missing..];
            if self.partial.len() == self.align {
                let frame = std::mem::take(&mut self.partial);
                self.frames(&frame);
            }
        }
        let whole = audio.len() - audio.len() % self.align;
        self.frames(&audio[..whole]);
        if whole < audio.len() {
            self.partial.extend_from_slice(&audio[whole..]);
        }
    }

    /// Eats whole frames.
    fn frames(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let width = self.align / usize::from(self.channels);
        if self.channels == 1 {
            self.hashes[0].update(bytes);
        } else {
            let share = bytes.len() / usize::from(self.channels);
            for (channel, hash) in self.hashes.iter_mut().enumerate() {
                self.scratch.resize(share, 0);
                let samples = self.scratch.chunks_exact_mut(width);
                for (sample, frame) in samples.zip(bytes.chunks_exact(self.align)) {
                    sample.copy_from_slice(&frame[channel * width..][..width]);
                }
                hash.update(&self.scratch);
            }
        }
        let count = (bytes.len() / self.align) as u64;
        if let Some(check) = &mut self.check {
            check.push(bytes);
        }
        self.frames += count;
    }

    fn finish(self, bytes: u64) -> HeardAudio {
        let mut defects = Vec::new();
        if self.heard < self.declared {
            defects.push(format!(
                "the header promises {} bytes of audio, there are {}",
                self.declared, self.heard
            ));
        }
        // One byte of padding may follow audio of odd length; other chunks may follow too, and are counted by the RIFF header.
        if self.declared_file != bytes {
            defects.push(format!(
                "the header promises a file of {} bytes, there are {bytes}",
                self.declared_file
            ));
        }
        if !self.partial.is_empty() {
            defects.push("the audio ends inside a frame".to_owned());
        }
        if self.header_length + self.heard + self.after != bytes {
            defects.push("bytes went missing".to_owned());
        }
        HeardAudio {
            format: self.format,
            channels: self.channels,
            sample_rate: self.sample_rate,
            bits: self.bits,
            frames: self.frames,
            channel_sha256: self
                .hashes
                .into_iter()
                .map(|hash| hex(hash.finish().as_ref()))
                .collect(),
            bytes,
            defects,
            verdict: self.check.map(AudioCheck::finish),
        }
    }
}

/// The body's state and the header's length, once the header is there.
fn parse_header(bytes: &[u8]) -> Result<Option<(Body, usize)>, NotWav> {
    if bytes.len() < 12 {
        return Ok(None);
    }
    if !is_wave(bytes) {
        return Err(NotWav::Magic);
    }
    let declared_file = u64::from(u32_at(bytes, 4)) + 8;
    let mut format: Option<(u16, u16, u32, u16, u16)> = None;
    let mut at = 12_usize;
    loop {
        if bytes.len() < at + 8 {
            return Ok(None);
        }
        let length = u32_at(bytes, at + 4);
        let id = &bytes[at..at + 4];
        at += 8;
        if id == b"data" {
            let Some((tag, channels, rate, align, bits)) = format else {
                return Err(NotWav::Header("audio before its format"));
            };
            let body = new_body(tag, channels, rate, align, bits, u64::from(length))?;
            let body = Body {
                declared_file,
                header_length: at as u64,
                ..body
            };
            return Ok(Some((body, at)));
        }
        let end = at
            .checked_add(usize::try_from(length).unwrap_or(usize::MAX))
            .and_then(|end| end.checked_add(usize::from(length % 2 == 1)))
            .filter(|end| *end <= HEADER_LIMIT)
            .ok_or(NotWav::Header("a chunk before the audio is too long"))?;
        if bytes.len() < end {
            return Ok(None);
        }
        if id == b"fmt " {
            if length < 16 {
                return Err(NotWav::Header("a format chunk of less than 16 bytes"));
            }
            format = Some((
                u16_at(bytes, at),
                u16_at(bytes, at + 2),
                u32_at(bytes, at + 4),
                u16_at(bytes, at + 12),
                u16_at(bytes, at + 14),
            ));
        }
        at = end;
    }
}

fn new_body(
    format: u16,
    channels: u16,
    sample_rate: u32,
    align: u16,
    bits: u16,
    declared: u64,
) -> Result<Body, NotWav> {
    if channels == 0 || channels > CHANNEL_LIMIT {
        return Err(NotWav::Header("a number of channels that nobody has"));
    }
    if sample_rate == 0 {
        return Err(NotWav::Header("no samples per second"));
    }
    if align == 0 || !align.is_multiple_of(channels) || align / channels != bits.div_ceil(8) {
        return Err(NotWav::Header("frame, channels and bits do not fit"));
    }
    let each = usize::from(channels);
    Ok(Body {
        format,
        channels,
        sample_rate,
        bits,
        align: usize::from(align),
        declared,
        declared_file: 0,
        header_length: 0,
        heard: 0,
        after: 0,
        hashes: (0..each).map(|_| Context::new(&SHA256)).collect(),
        scratch: Vec::new(),
        check: None,
        frames: 0,
        partial: Vec::new(),
    })
}

fn is_wave(bytes: &[u8]) -> bool {
    bytes.len() >= 12 && &bytes[..4] == b"RIFF" && &bytes[8..12] == b"WAVE"
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A canonical file of the samples given, one vector per channel.
    pub(crate) fn wav(channels: &[Vec<i16>], rate: u32) -> Vec<u8> {
        let count = u16::try_from(channels.len()).unwrap();
        let frames = channels[0].len();
        let data = u32::try_from(frames * channels.len() * 2).unwrap();
        let mut file = Vec::new();
        file.extend_from_slice(b"RIFF");
        file.extend_from_slice(&(36 + data).to_le_bytes());
        file.extend_from_slice(b"WAVEfmt ");
        file.extend_from_slice(&16_u32.to_le_bytes());
        file.extend_from_slice(&1_u16.to_le_bytes());
        file.extend_from_slice(&count.to_le_bytes());
        file.extend_from_slice(&rate.to_le_bytes());
        file.extend_from_slice(&(rate * u32::from(count) * 2).to_le_bytes());
        file.extend_from_slice(&(count * 2).to_le_bytes());
        file.extend_from_slice(&16_u16.to_le_bytes());
        file.extend_from_slice(b"data");
        file.extend_from_slice(&data.to_le_bytes());
        for frame in 0..frames {
            for channel in channels {
                file.extend_from_slice(&channel[frame].to_le_bytes());
            }
        }
        file
    }

    fn hear(file: &[u8], step: usize) -> Result<HeardAudio, NotWav> {
        let mut listener = WavListener::new(None, 0);
        for piece in file.chunks(step) {
            listener.push(piece)?;
        }
        listener.finish()
    }

    fn channel_hash(samples: &[i16]) -> String {
        let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        hex(aws_lc_rs::digest::digest(&SHA256, &bytes).as_ref())
    }

    #[test]
    fn any_chunking_hears_the_same() {
        let left: Vec<i16> = (0..1_000).map(|n| n * 7 - 3_000).collect();
        let right: Vec<i16> = (0..1_000).map(|n| 500 - n).collect();
        let file = wav(&[left.clone(), right.clone()], 8_000);
        let whole = hear(&file, file.len()).unwrap();
        for step in [1, 2, 3, 5, 43, 44, 45, 1_024] {
            assert_eq!(hear(&file, step).unwrap(), whole);
        }
        assert_eq!(
            whole.channel_sha256,
            [channel_hash(&left), channel_hash(&right)]
        );
        assert_eq!((whole.frames, whole.duration_ms()), (1_000, 125));
        assert!(whole.defects.is_empty());
    }

    #[test]
    fn a_chunk_before_the_audio_is_skipped() {
        let plain = wav(&[vec![1, 2, 3]], 8_000);
        let mut file = plain[..36].to_vec();
        file.extend_from_slice(b"LIST\x03\0\0\0abc\0");
        file.extend_from_slice(&plain[36..]);
        let size = u32::try_from(file.len() - 8).unwrap();
        file[4..8].copy_from_slice(&size.to_le_bytes());
        let heard = hear(&file, 7).unwrap();
        assert_eq!(heard.channel_sha256, [channel_hash(&[1, 2, 3])]);
        assert_eq!(heard.defects, Vec::<String>::new());
    }

    #[test]
    fn a_header_that_promises_more_is_a_defect() {
        let mut file = wav(&[vec![1, 2, 3]], 8_000);
        file.truncate(file.len() - 2);
        let heard = hear(&file, 64).unwrap();
        assert_eq!(heard.frames, 2);
        assert_eq!(heard.defects.len(), 2);
        file.truncate(file.len() - 1);
        assert!(
            hear(&file, 64)
                .unwrap()
                .defects
                .iter()
                .any(|d| d.contains("inside a frame"))
        );
    }

    #[test]
    fn trailing_bytes_are_a_defect_and_no_audio() {
        let mut file = wav(&[vec![1, 2, 3]], 8_000);
        file.extend_from_slice(&[0; 16]);
        let heard = hear(&file, 10).unwrap();
        assert_eq!(heard.frames, 3);
        assert_eq!(heard.defects.len(), 1);
    }

    #[test]
    fn what_is_no_wav_is_refused() {
        assert_eq!(hear(b"{\"code\":20404}", 3), Err(NotWav::Magic));
        assert_eq!(hear(b"RIFF", 3), Err(NotWav::Short));
        let file = wav(&[vec![1]], 8_000);
        assert_eq!(hear(&file[..40], 8), Err(NotWav::Short));
        let mut none = file.clone();
        none[22] = 0;
        assert!(matches!(hear(&none, 8), Err(NotWav::Header(_))));
        let mut early = file[..12].to_vec();
        early.extend_from_slice(&file[36..]);
        assert!(matches!(hear(&early, 8), Err(NotWav::Header(_))));
    }
}
