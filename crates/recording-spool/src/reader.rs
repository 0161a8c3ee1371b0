//! The way out: plaintext, checked piece by piece once more, as a stream.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use recording_crypto::{Decryptor, PIECE_LEN};
use tokio::task::JoinHandle;

use crate::{SealedRecording, SpoolError};

/// Pieces that are read at once; the next ones are read while these are taken.
const AHEAD: u64 = 2;

/// A stream of the plaintext of a range, in chunks of at most [`PIECE_LEN`] bytes.
///
/// Each chunk was verified when the recording came in, and again when it was read. The stream ends after the first error.
pub struct PlainReader {
    sealed: SealedRecording,
    range: Range<u64>,
    /// Pieces that have not been asked for yet.
    pieces: Range<u64>,
    ready: VecDeque<Bytes>,
    /// Moves into the task and back.
    decryptor: Option<Decryptor>,
    task: Option<JoinHandle<Batch>>,
}

type Batch = Result<(Decryptor, u64, Vec<u8>), SpoolError>;

impl PlainReader {
    pub(crate) fn new(sealed: SealedRecording, range: Range<u64>) -> Self {
        let piece = PIECE_LEN as u64;
        let pieces = if range.is_empty() {
            0..0
        } else {
            range.start / piece..range.end.div_ceil(piece)
        };
        Self {
            decryptor: Some(sealed.decryptor()),
            sealed,
            range,
            pieces,
            ready: VecDeque::new(),
            task: None,
        }
    }

    /// Bytes that the whole stream has.
    pub fn len(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// Whether the stream has no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next chunk, `None` at the end. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Bytes, SpoolError>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn read_ahead(&mut self) {
        if self.pieces.is_empty() || self.task.is_some() {
            return;
        }
        let Some(mut decryptor) = self.decryptor.take() else {
            return;
        };
        let first = self.pieces.start;
        let batch = first..self.pieces.end.min(first + AHEAD);
        self.pieces.start = batch.end;
        let sealed = self.sealed.clone();
        self.task = Some(tokio::task::spawn_blocking(move || {
            let data = sealed.read_pieces(&mut decryptor, batch)?;
            Ok((decryptor, first, data))
        }));
    }

    /// Cuts a batch into chunks, of which only what is in the range.
    fn keep(&mut self, first: u64, data: Vec<u8>) {
        let start = first * PIECE_LEN as u64;
        let clip = |position: u64| {
            usize::try_from(position.saturating_sub(start))
                .unwrap_or(usize::MAX)
                .min(data.len())
        };
        let (from, to) = (clip(self.range.start), clip(self.range.end));
        let mut data = Bytes::from(data).slice(from..to);
        let mut to_boundary = PIECE_LEN - from % PIECE_LEN;
        while !data.is_empty() {
            self.ready
                .push_back(data.split_to(data.len().min(to_boundary)));
            to_boundary = PIECE_LEN;
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, SpoolError>>> {
        loop {
            if self.ready.len() <= 1 {
                self.read_ahead();
            }
            if let Some(chunk) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            let Some(task) = &mut self.task else {
                return Poll::Ready(None);
            };
            let outcome = ready!(Pin::new(task).poll(cx));
            self.task = None;
            match outcome {
                Ok(Ok((decryptor, first, data))) => {
                    self.decryptor = Some(decryptor);
                    self.keep(first, data);
                }
                Ok(Err(error)) => return self.end(error),
                Err(_) => {
                    let recording = self.sealed.recording().to_owned();
                    return self.end(SpoolError::Ended { recording });
                }
            }
        }
    }

    fn end(&mut self, error: SpoolError) -> Poll<Option<Result<Bytes, SpoolError>>> {
        self.pieces = 0..0;
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for PlainReader {
    type Item = Result<Bytes, SpoolError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_chunk(cx)
    }
}

impl fmt::Debug for PlainReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainReader")
            .field("sealed", &self.sealed)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}
