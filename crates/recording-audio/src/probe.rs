//! Reading a header: as much of the file as it takes, wherever that stands, in any chunking.

use std::ops::Range;

use crate::{AudioError, Codec, Format, Found, LengthClaim, Source};

/// Chunks before the audio, or behind it, after which a file counts as damaged.
const MAX_CHUNKS: u32 = 64;
/// A promised length from here on is no length but a writer's word for "not known yet".
const OPEN_LENGTHS: u32 = 0x7fff_0000;
/// Bytes of the longest `fmt ` chunk that means something here: `WAVEFORMATEXTENSIBLE`.
const FMT_LEN: u64 = 40;

/// Reads a WAV header from the first bytes of a file of `total_len` bytes.
///
/// Some 4 KiB are enough for anything that Twilio sends. If the audio begins later than that, the error is
/// [`AudioError::Unfinished`], and a [`Prober`] tells where to read on. If the header promises less audio than there is, and
/// the place where it would end is not among the first bytes, then the file's overall length decides: where the RIFF header
/// knows it, the rest are chunks; where not, it is audio. A `Prober` that is fed that place looks.
pub fn probe(first: &[u8], total_len: u64) -> Result<Source, AudioError> {
    let mut prober = Prober::new(total_len);
    prober.feed(0, first);
    prober.finish()
}

/// Reads a WAV header piece by piece, and says which bytes it wants next.
///
/// ```
/// use recording_audio::Prober;
///
/// # let file = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/recording-audio/telephone-mono.wav"));
/// let mut prober = Prober::new(file.len() as u64);
/// while let Some(want) = prober.wants() {
///     let (from, to) = (want.start as usize, want.end as usize);
///     prober.feed(want.start, &file[from..to]);
/// }
/// let source = prober.finish()?;
/// assert_eq!(source.data(), 44..file.len() as u64);
/// # Ok::<(), recording_audio::AudioError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Prober {
    total_len: u64,
    /// Where `buf` begins in the file.
    at: u64,
    /// Bytes that the present step takes.
    need: usize,
    buf: Vec<u8>,
    chunks: u32,
    riff_end: u64,
    format: Option<Format>,
    step: Step,
}

#[derive(Debug, Clone)]
enum Step {
    Riff,
    /// The head of a chunk, after one byte of padding where the chunk before had an odd length.
    Chunk {
        after_odd: bool,
    },
    Fmt {
        end: u64,
        odd: bool,
    },
    /// What stands behind the audio, if the header is right about where that is.
    Tail {
        data: Range<u64>,
        after_odd: bool,
    },
    Done(Source),
    Failed(AudioError),
}

impl Prober {
    /// Begins with a file of so many bytes.
    pub fn new(total_len: u64) -> Self {
        let mut prober = Self {
            total_len,
            at: 0,
            need: 12,
            buf: Vec::with_capacity(48),
            chunks: 0,
            riff_end: 0,
            format: None,
            step: Step::Riff,
        };
        if total_len == 0 {
            prober.fail(AudioError::NotWav {
                found: Found::Nothing,
            });
        } else if total_len < 12 {
            prober.need = usize::try_from(total_len).unwrap_or(12);
        }
        prober
    }

    /// The bytes that are wanted next, always inside the file; `None` when [`finish`](Self::finish) can answer.
    ///
    /// The range is as short as possible. Whoever reads from something slow reads more and feeds it all.
    pub fn wants(&self) -> Option<Range<u64>> {
        match self.step {
            Step::Done(_) | Step::Failed(_) => None,
            _ => Some(self.at + self.buf.len() as u64..self.at + self.need as u64),
        }
    }

    /// Takes bytes that stand at `offset` of the file. Bytes that are not wanted are passed over.
    pub fn feed(&mut self, offset: u64, bytes: &[u8]) {
        while let Some(want) = self.wants() {
            let Some(skip) = want
                .start
                .checked_sub(offset)
                .and_then(|skip| usize::try_from(skip).ok())
            else {
                return;
            };
            let Some(rest) = bytes.get(skip..).filter(|rest| !rest.is_empty()) else {
                return;
            };
            let take = rest.len().min(self.need - self.buf.len());
            self.buf.extend_from_slice(&rest[..take]);
            if self.buf.len() == self.need {
                let buf = std::mem::take(&mut self.buf);
                self.advance(&buf);
            }
        }
    }

    /// What was found.
    ///
    /// If only the look behind the audio is outstanding, the rule of [`probe`] decides.
    pub fn finish(self) -> Result<Source, AudioError> {
        match self.step {
            Step::Done(source) => Ok(source),
            Step::Failed(error) => Err(error),
            Step::Tail { ref data, .. } => {
                let knows_the_end = self.riff_end.abs_diff(self.total_len) <= 1;
                self.settle(data, knows_the_end)
            }
            _ => Err(AudioError::Unfinished {
                next: self.at + self.buf.len() as u64,
            }),
        }
    }

    fn fail(&mut self, error: AudioError) {
        self.step = Step::Failed(error);
    }

    /// Turns to `need` bytes at `at`; `short` is what it means if the file has not so many.
    fn turn_to(&mut self, step: Step, at: u64, need: usize, short: AudioError) {
        if at
            .checked_add(need as u64)
            .is_none_or(|end| end > self.total_len)
        {
            return self.fail(short);
        }
        self.at = at;
        self.need = need;
        self.step = step;
    }

    fn advance(&mut self, buf: &[u8]) {
        match self.step.clone() {
            Step::Riff => self.riff(buf),
            Step::Chunk { after_odd } => self.chunk(buf, after_odd),
            Step::Fmt { end, odd } => match read_fmt(buf) {
                Ok(format) => {
                    self.format = Some(format);
                    self.next_chunk(end, odd);
                }
                Err(error) => self.fail(error),
            },
            Step::Tail { data, after_odd } => self.tail(buf, data, after_odd),
            Step::Done(_) | Step::Failed(_) => {}
        }
    }

    fn riff(&mut self, buf: &[u8]) {
        if !buf.starts_with(b"RIFF") || buf.len() >= 12 && !buf.ends_with(b"WAVE") {
            return self.fail(AudioError::NotWav {
                found: Found::from_first_bytes(buf),
            });
        }
        if buf.len() < 12 {
            return self.fail(AudioError::Truncated {
                total_len: self.total_len,
            });
        }
        self.riff_end = 8 + u64::from(le32(buf, 4));
        self.next_chunk(12, false);
    }

    fn next_chunk(&mut self, at: u64, after_odd: bool) {
        let need = if after_odd { 9 } else { 8 };
        self.turn_to(Step::Chunk { after_odd }, at, need, AudioError::NoData);
    }

    fn chunk(&mut self, buf: &[u8], after_odd: bool) {
        let pad = padding(buf, after_odd);
        let head = &buf[pad..pad + 8];
        let (id, len) = (&head[..4], le32(head, 4));
        let body = self.at + pad as u64 + 8;
        let (end, odd) = (body + u64::from(len), len % 2 == 1);
        self.chunks += 1;
        match id {
            _ if !is_chunk_id(id) => self.fail(AudioError::BrokenChunk {
                offset: self.at + pad as u64,
            }),
            _ if self.chunks > MAX_CHUNKS => self.fail(AudioError::NoData),
            b"data" if self.format.is_none() => self.fail(AudioError::NoFormat),
            b"data" => self.data(body, len),
            b"fmt " if self.format.is_none() => {
                if len < 16 {
                    return self.fail(AudioError::BadFormat {
                        what: "its `fmt ` chunk has less than 16 bytes",
                    });
                }
                let need = u64::from(len).min(FMT_LEN);
                let short = AudioError::Truncated {
                    total_len: self.total_len,
                };
                self.turn_to(
                    Step::Fmt { end, odd },
                    body,
                    usize::try_from(need).unwrap_or(16),
                    short,
                );
            }
            _ => self.next_chunk(end, odd),
        }
    }

    /// The audio begins at `start`, and the header says that it has `len` bytes.
    fn data(&mut self, start: u64, len: u32) {
        // The head of the chunk was read, so that the file reaches at least to here.
        let there = self.total_len - start;
        let promised = u64::from(len);
        let data = start..start + promised;
        let claim = if promised == there || (promised + 1 == there && len % 2 == 1) {
            return self.end_with(self.source(data, LengthClaim::True));
        } else if promised > there && len >= OPEN_LENGTHS {
            LengthClaim::Open
        } else if promised > there {
            LengthClaim::TooLong {
                missing: promised - there,
            }
        } else {
            // Less than there is: chunks behind the audio, or a header that lies. Look.
            return self.look_behind(data.clone(), data.end, len % 2 == 1);
        };
        self.end_with(self.source(start..self.total_len, claim));
    }

    fn look_behind(&mut self, data: Range<u64>, at: u64, after_odd: bool) {
        let need = if after_odd { 9 } else { 8 };
        if self.total_len.saturating_sub(at) < need as u64 {
            return self.end_with(self.settle(&data, false));
        }
        self.at = at;
        self.need = need;
        self.step = Step::Tail { data, after_odd };
    }

    /// Chunks behind the audio are only believed if one follows the other to the very end of the file.
    fn tail(&mut self, buf: &[u8], data: Range<u64>, after_odd: bool) {
        let pad = padding(buf, after_odd);
        let head = &buf[pad..pad + 8];
        let len = le32(head, 4);
        let end = self.at + (pad + 8) as u64 + u64::from(len);
        let odd = len % 2 == 1;
        self.chunks += 1;
        if !is_chunk_id(&head[..4]) || end > self.total_len || self.chunks > MAX_CHUNKS {
            self.end_with(self.settle(&data, false));
        } else if end == self.total_len || odd && end + 1 == self.total_len {
            self.end_with(self.settle(&data, true));
        } else {
            self.look_behind(data, end, odd);
        }
    }

    fn settle(&self, data: &Range<u64>, header_is_right: bool) -> Result<Source, AudioError> {
        if header_is_right {
            return self.source(data.clone(), LengthClaim::True);
        }
        let claim = if data.is_empty() {
            LengthClaim::Open
        } else {
            LengthClaim::TooShort {
                beyond: self.total_len - data.end,
            }
        };
        self.source(data.start..self.total_len, claim)
    }

    fn end_with(&mut self, result: Result<Source, AudioError>) {
        self.step = match result {
            Ok(source) => Step::Done(source),
            Err(error) => Step::Failed(error),
        };
    }

    fn source(&self, data: Range<u64>, claim: LengthClaim) -> Result<Source, AudioError> {
        let format = self.format.ok_or(AudioError::NoFormat)?;
        let cut_off = format
            .frame_len()
            .map_or(0, |len| (data.end - data.start) % u64::from(len));
        Ok(Source {
            format,
            data: data.start..data.end - cut_off,
            claim,
        })
    }
}

/// A chunk of odd length is followed by a zero byte; some writers forget it.
fn padding(buf: &[u8], after_odd: bool) -> usize {
    usize::from(after_odd && buf[0] == 0)
}

fn is_chunk_id(id: &[u8]) -> bool {
    id.iter().all(|byte| (0x20..=0x7e).contains(byte))
}

fn le16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Reads a `fmt ` chunk of 16 to 40 bytes. The rate of bytes in it is not looked at: it follows from the rest.
fn read_fmt(fmt: &[u8]) -> Result<Format, AudioError> {
    const EXTENSIBLE: u16 = 0xfffe;
    /// The last 14 bytes of `KSDATAFORMAT_SUBTYPE_…`; the first two are a format tag.
    const SUBTYPE: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

    let (mut tag, channels, sample_rate) = (le16(fmt, 0), le16(fmt, 2), le32(fmt, 4));
    let (frame_len, bits) = (le16(fmt, 12), le16(fmt, 14));
    if tag == EXTENSIBLE {
        match fmt.get(24..40) {
            None => {
                return Err(AudioError::BadFormat {
                    what: "its extensible `fmt ` chunk has less than 40 bytes",
                });
            }
            Some(subtype) if subtype[2..] == SUBTYPE => tag = le16(subtype, 0),
            Some(_) => {}
        }
    }
    let codec = match tag {
        0x0001 => Codec::Pcm { bits },
        0x0003 => Codec::Float { bits },
        0x0006 => Codec::ALaw,
        0x0007 => Codec::MuLaw,
        other => Codec::compressed(other),
    };
    let format = Format::new(codec, channels, sample_rate)?;
    match format.frame_len() {
        Some(computed) if frame_len != 0 && frame_len != computed => Err(AudioError::BadFormat {
            what: "its frames have another length than channels and bits give",
        }),
        _ => Ok(format),
    }
}
