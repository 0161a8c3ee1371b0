//! What remains of a verification.

use std::fmt;
use std::sync::Arc;

use crate::PIECE_LEN;
use crate::gcm::{HashState, KeptStates};

/// That a ciphertext was whole and unchanged when it was verified, and how to recognise each of its pieces later.
///
/// Only [`Verifier`](crate::Verifier) and [`Sealer`](crate::Sealer) make one. Holds 16 bytes per 64 KiB of ciphertext; clones share them,
/// and they are wiped with the last clone.
#[derive(Clone)]
pub struct Proof {
    inner: Arc<Inner>,
}

struct Inner {
    recording: Arc<str>,
    len: u64,
    kept: KeptStates,
}

impl Proof {
    pub(crate) fn new(recording: Arc<str>, len: u64, kept: KeptStates) -> Self {
        Self {
            inner: Arc::new(Inner {
                recording,
                len,
                kept,
            }),
        }
    }

    /// The recording, as the caller named it.
    pub fn recording(&self) -> &str {
        &self.inner.recording
    }

    /// Bytes of plaintext, and so of ciphertext without its tag.
    pub fn plaintext_len(&self) -> u64 {
        self.inner.len
    }

    /// The number of pieces; all have [`PIECE_LEN`] bytes but the last, which may be shorter.
    pub fn pieces(&self) -> u64 {
        self.inner.len.div_ceil(PIECE_LEN as u64)
    }

    /// Bytes of one piece; 0 past the last.
    pub fn piece_len(&self, piece: u64) -> usize {
        let start = piece.saturating_mul(PIECE_LEN as u64);
        let left = self.inner.len.saturating_sub(start);
        usize::try_from(left).unwrap_or(PIECE_LEN).min(PIECE_LEN)
    }

    pub(crate) fn around(&self, piece: u64) -> Option<(HashState, HashState)> {
        self.inner.kept.around(usize::try_from(piece).ok()?)
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof")
            .field("recording", &self.inner.recording)
            .field("plaintext_len", &self.inner.len)
            .finish_non_exhaustive()
    }
}
