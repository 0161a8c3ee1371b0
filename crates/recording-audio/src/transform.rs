//! Pieces in, pieces out: the plan carried out.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::plan::{Input, Work};
use crate::{AudioError, Plan};

/// The bytes that a [`Transform`] wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// The input, from 0.
    pub input: usize,
    /// The bytes of that input's file that are still outstanding.
    pub range: Range<u64>,
}

/// Turns pieces of the inputs into pieces of the output, whatever the sizes of the pieces.
///
/// It holds less than one frame. Audio that needs no work is passed on without being copied.
#[derive(Debug)]
pub struct Transform {
    plan: Plan,
    /// The input that is being read, and its next byte.
    input: usize,
    next: u64,
    header_sent: bool,
    /// The beginning of a frame whose end has not come yet.
    carry: Vec<u8>,
}

impl Transform {
    pub(crate) fn new(plan: Plan) -> Self {
        let next = plan.inputs.first().map_or(0, |input| input.range.start);
        let mut transform = Self {
            plan,
            input: 0,
            next,
            header_sent: false,
            carry: Vec::new(),
        };
        transform.skip_finished();
        transform
    }

    /// What is wanted next; `None` when everything has come.
    pub fn wants(&self) -> Option<Want> {
        let input = self.plan.inputs.get(self.input)?;
        Some(Want {
            input: self.input,
            range: self.next..input.range.end,
        })
    }

    /// Takes a piece that stands at `offset` of the file of `input`, and adds to `out` what follows from it.
    ///
    /// Bytes that are not wanted, or were taken already, are passed over, so that whole files may be pushed. A piece that would
    /// leave a gap is [`AudioError::OutOfOrder`] and changes nothing.
    pub fn push(
        &mut self,
        input: usize,
        offset: u64,
        piece: Bytes,
        out: &mut Vec<Bytes>,
    ) -> Result<(), AudioError> {
        let Some(want) = self.wants() else {
            return Ok(());
        };
        let end = offset.saturating_add(piece.len() as u64);
        let ahead = input > want.input
            || input == want.input && offset > want.range.start && offset < want.range.end;
        let beyond = input == want.input && offset >= want.range.end;
        if (ahead || beyond) && !piece.is_empty() {
            return Err(AudioError::OutOfOrder {
                input: want.input,
                wanted: want.range.start,
                got_input: input,
                got: offset,
            });
        }
        if input < want.input || end <= want.range.start || piece.is_empty() {
            return Ok(());
        }
        let last = end.min(want.range.end);
        // Both lie inside the piece, whose length is a usize.
        let from = usize::try_from(want.range.start - offset).unwrap_or(piece.len());
        let to = usize::try_from(last - offset).unwrap_or(piece.len());
        let wanted = piece.slice(from..to);
        // The piece itself must be gone before its bytes can be worked on in place.
        drop(piece);

        if !self.header_sent {
            self.header_sent = true;
            out.push(Bytes::copy_from_slice(&self.plan.header));
        }
        let Input {
            frame_len, work, ..
        } = self.plan.inputs[want.input];
        let done = match work {
            Work::Nothing => wanted,
            Work::Swap => {
                let mut frames = self.in_frames(wanted, frame_len);
                swap(&mut frames, frame_len);
                frames.freeze()
            }
            Work::Double => double(&self.in_frames(wanted, frame_len), frame_len).freeze(),
        };
        if !done.is_empty() {
            out.push(done);
        }
        self.next = last;
        self.skip_finished();
        if self.plan.padded && self.wants().is_none() {
            out.push(Bytes::from_static(&[0]));
        }
        Ok(())
    }

    /// Ends the work: an error if something is still wanted, for then the output is shorter than was promised.
    pub fn finish(self) -> Result<(), AudioError> {
        match self.wants() {
            None => Ok(()),
            Some(want) => Err(AudioError::EndedEarly {
                input: want.input,
                missing: want.range.end - want.range.start,
            }),
        }
    }

    /// Moves on to the next input that wants something.
    fn skip_finished(&mut self) {
        while self
            .plan
            .inputs
            .get(self.input)
            .is_some_and(|input| self.next >= input.range.end)
        {
            self.input += 1;
            self.next = self
                .plan
                .inputs
                .get(self.input)
                .map_or(0, |input| input.range.start);
        }
    }

    /// The whole frames that have come; what is left of the last one waits for the next piece.
    fn in_frames(&mut self, bytes: Bytes, frame_len: usize) -> BytesMut {
        let whole = (self.carry.len() + bytes.len()) / frame_len * frame_len;
        if whole == 0 {
            self.carry.extend_from_slice(&bytes);
            return BytesMut::new();
        }
        let taken = whole - self.carry.len();
        let rest = bytes.slice(taken..);
        if self.carry.is_empty() && rest.is_empty() {
            drop(rest);
            // In place where nobody else holds these bytes; else in a copy.
            bytes
                .try_into_mut()
                .unwrap_or_else(|shared| BytesMut::from(&shared[..]))
        } else {
            let mut frames = BytesMut::with_capacity(whole);
            frames.extend_from_slice(&self.carry);
            frames.extend_from_slice(&bytes[..taken]);
            self.carry.clear();
            self.carry.extend_from_slice(&rest);
            frames
        }
    }
}

/// Exchanges the two halves of each frame.
fn swap(frames: &mut [u8], frame_len: usize) {
    if frame_len == 4 {
        // Two 16-bit samples: the case that occurs, in a form that the compiler can vectorise.
        for frame in frames.as_chunks_mut::<4>().0 {
            *frame = u32::from_ne_bytes(*frame).rotate_left(16).to_ne_bytes();
        }
        return;
    }
    for frame in frames.chunks_exact_mut(frame_len) {
        let (left, right) = frame.split_at_mut(frame_len / 2);
        left.swap_with_slice(right);
    }
}

/// Writes each mono frame twice.
fn double(frames: &[u8], frame_len: usize) -> BytesMut {
    let mut both = BytesMut::with_capacity(frames.len() * 2);
    for frame in frames.chunks_exact(frame_len) {
        both.extend_from_slice(frame);
        both.extend_from_slice(frame);
    }
    both
}
