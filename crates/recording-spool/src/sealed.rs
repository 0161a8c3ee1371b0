//! A recording that is whole, authentic and on disk.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use recording_crypto::{ContentKey, CryptoError, Decryptor, PIECE_LEN, Proof};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use crate::SpoolError;
use crate::reader::PlainReader;
use crate::spool::Inner;

/// A recording in the spool. Clones share the file, which is removed with the last of them and of their readers.
#[derive(Clone)]
pub struct SealedRecording {
    file: Arc<SpoolFile>,
    key: ContentKey,
    proof: Proof,
}

impl SealedRecording {
    pub(crate) fn new(file: Arc<SpoolFile>, key: ContentKey, proof: Proof) -> Self {
        Self { file, key, proof }
    }

    /// The recording, as the caller named it.
    pub fn recording(&self) -> &str {
        self.proof.recording()
    }

    /// Bytes of plaintext.
    pub fn plaintext_len(&self) -> u64 {
        self.proof.plaintext_len()
    }

    /// The proof that the recording is whole and authentic.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Reads a range of the plaintext, as often as wanted: each body of each attempt has its own reader.
    ///
    /// # Errors
    /// [`SpoolError::OutOfRange`].
    pub fn reader(&self, range: Range<u64>) -> Result<PlainReader, SpoolError> {
        if range.start > range.end || range.end > self.plaintext_len() {
            return Err(SpoolError::OutOfRange {
                recording: self.recording().to_owned(),
                len: self.plaintext_len(),
                start: range.start,
                end: range.end,
            });
        }
        Ok(PlainReader::new(self.clone(), range))
    }

    pub(crate) fn decryptor(&self) -> Decryptor {
        Decryptor::new(&self.key, self.proof.clone())
    }

    /// Reads and decrypts consecutive pieces. Blocks.
    pub(crate) fn read_pieces(
        &self,
        decryptor: &mut Decryptor,
        pieces: Range<u64>,
    ) -> Result<Vec<u8>, SpoolError> {
        let len = pieces
            .clone()
            .map(|piece| self.proof.piece_len(piece))
            .sum();
        let mut data = vec![0; len];
        let offset = pieces.start * PIECE_LEN as u64;
        self.file
            .read_at(&mut data, offset)
            .map_err(|error| match error.kind() {
                // Somebody cut the file: what is missing is not what was verified.
                std::io::ErrorKind::UnexpectedEof => CryptoError::NotAuthentic {
                    recording: self.recording().to_owned(),
                }
                .into(),
                _ => SpoolError::io("read", &self.file.path, error),
            })?;
        for (piece, data) in pieces.zip(data.chunks_mut(PIECE_LEN)) {
            decryptor.decrypt_piece(piece, data)?;
        }
        Ok(data)
    }
}

impl fmt::Debug for SealedRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedRecording")
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}

/// A file of the spool and its share of the quota. Both are given up when it is dropped, the file first.
pub(crate) struct SpoolFile {
    path: PathBuf,
    held: Option<Held>,
}

struct Held {
    file: File,
    room: Mutex<OwnedSemaphorePermit>,
    spool: Arc<Inner>,
}

impl SpoolFile {
    pub(crate) fn new(
        file: File,
        path: PathBuf,
        room: OwnedSemaphorePermit,
        spool: Arc<Inner>,
    ) -> Self {
        Self {
            path,
            held: Some(Held {
                file,
                room: Mutex::new(room),
                spool,
            }),
        }
    }

    pub(crate) fn write(&self, data: &[u8], offset: u64) -> Result<(), SpoolError> {
        let Some(held) = &self.held else {
            return Ok(());
        };
        held.file
            .write_all_at(data, offset)
            .map_err(|error| SpoolError::io("write", &self.path, error))
    }

    fn read_at(&self, data: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.held
            .as_ref()
            .map_or(Ok(()), |held| held.file.read_exact_at(data, offset))
    }

    /// Makes sure that the quota covers `len` bytes of this file.
    pub(crate) fn reserve(&self, len: u64, recording: &str) -> Result<(), SpoolError> {
        let Some(held) = &self.held else {
            return Ok(());
        };
        held.spool.grow(&mut held.room(), len, recording)
    }

    /// Gives back the quota above `len` bytes.
    pub(crate) fn settle(&self, len: u64) {
        if let Some(held) = &self.held {
            Inner::shrink(&mut held.room(), len);
        }
    }
}

impl Held {
    fn room(&self) -> MutexGuard<'_, OwnedSemaphorePermit> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        let (path, held) = (std::mem::take(&mut self.path), self.held.take());
        let remove = move || {
            if let Err(error) = std::fs::remove_file(&path) {
                // Whoever removed it did our work; anything else is made good at the next start.
                tracing::warn!(path = %path.display(), %error, "a spool file could not be removed; it will be at the next start");
            }
            drop(held);
        };
        // Freeing the blocks of a long recording takes a while.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}
