//! The way in: chunks arrive, are verified or encrypted, and lie on disk.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use recording_crypto::{ContentKey, PIECE_LEN, Sealer, Verifier};
use tokio::task::JoinHandle;

use crate::SpoolError;
use crate::sealed::{SealedRecording, SpoolFile};
use crate::spool::blocking;

/// Bytes that are handed over at once to a thread that may block; one such batch is worked on while the next one gathers.
const BATCH: usize = 2 * PIECE_LEN;

/// Takes a recording into the spool.
///
/// Dropping it gives up the transfer and leaves nothing behind.
pub struct SpoolWriter {
    recording: String,
    received: u64,
    batch: Vec<Bytes>,
    batched: usize,
    state: State,
}

enum State {
    Idle(Box<Work>),
    Busy(JoinHandle<Result<Box<Work>, SpoolError>>),
    Ended,
}

/// What turns chunks into the content of the file.
pub(crate) enum Seal {
    /// They are ciphertext.
    Verify(Verifier, ContentKey),
    /// They are plaintext.
    Seal(Sealer),
}

struct Work {
    file: Arc<SpoolFile>,
    written: u64,
    seal: Seal,
}

impl SpoolWriter {
    pub(crate) fn new(recording: String, file: SpoolFile, seal: Seal) -> Self {
        let work = Box::new(Work {
            file: Arc::new(file),
            written: 0,
            seal,
        });
        Self {
            recording,
            received: 0,
            batch: Vec::new(),
            batched: 0,
            state: State::Idle(work),
        }
    }

    /// Bytes received so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Takes the next bytes. Once it fails, the transfer is over; its room in the spool is free again.
    ///
    /// If the future is dropped before it is done, the bytes may have been taken or not: drop the writer too.
    ///
    /// # Errors
    /// [`SpoolError::RecordingAboveQuota`] and [`SpoolError::QuotaUsed`] if the body is longer than expected;
    /// [`SpoolError::DiskFull`], [`SpoolError::Io`], [`SpoolError::Crypto`] for a body longer than GCM allows.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), SpoolError> {
        self.received += chunk.len() as u64;
        self.batched += chunk.len();
        self.batch.push(chunk);
        if self.batched < BATCH {
            return Ok(());
        }
        let work = self.work().await?;
        self.hand_over(work);
        Ok(())
    }

    /// Ends the body: the recording must be whole and authentic now.
    ///
    /// # Errors
    /// [`CryptoError::NotAuthentic`](recording_crypto::CryptoError::NotAuthentic), and those of [`write`](Self::write).
    pub async fn finish(mut self) -> Result<SealedRecording, SpoolError> {
        let work = self.work().await?;
        let batch = std::mem::take(&mut self.batch);
        let received = self.received;
        let recording = self.recording.clone();
        blocking(&self.recording, move || {
            let work = work.absorb(batch, received, &recording)?;
            work.file.settle(work.written);
            let (key, proof) = match work.seal {
                Seal::Verify(verifier, key) => (key, verifier.finish()?),
                // The tag is not written: the proof stands for it.
                Seal::Seal(sealer) => {
                    let outcome = sealer.finish();
                    (outcome.key, outcome.proof)
                }
            };
            Ok(SealedRecording::new(work.file, key, proof))
        })
        .await?
    }

    fn hand_over(&mut self, work: Box<Work>) {
        let batch = std::mem::take(&mut self.batch);
        self.batched = 0;
        let (received, recording) = (self.received, self.recording.clone());
        self.state = State::Busy(tokio::task::spawn_blocking(move || {
            work.absorb(batch, received, &recording)
        }));
    }

    /// Waits for the batch in work. Leaves the writer ended, until [`hand_over`](Self::hand_over).
    async fn work(&mut self) -> Result<Box<Work>, SpoolError> {
        let ended = || SpoolError::Ended {
            recording: self.recording.clone(),
        };
        let outcome = match &mut self.state {
            State::Busy(task) => task.await.map_err(|_| ended()).flatten(),
            State::Idle(_) | State::Ended => Err(ended()),
        };
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Idle(work) => Ok(work),
            State::Busy(_) | State::Ended => outcome,
        }
    }
}

impl Work {
    /// Verifies or encrypts, and writes. Blocks.
    fn absorb(
        mut self: Box<Self>,
        batch: Vec<Bytes>,
        received: u64,
        recording: &str,
    ) -> Result<Box<Self>, SpoolError> {
        self.file.reserve(received, recording)?;
        for chunk in batch {
            let chunk = match &mut self.seal {
                Seal::Verify(verifier, _) => {
                    verifier.update(&chunk)?;
                    chunk
                }
                Seal::Seal(sealer) => {
                    let mut chunk = chunk
                        .try_into_mut()
                        .unwrap_or_else(|shared| BytesMut::from(&shared[..]));
                    sealer.update(&mut chunk)?;
                    chunk.freeze()
                }
            };
            self.file.write(&chunk, self.written)?;
            self.written += chunk.len() as u64;
        }
        Ok(self)
    }
}

impl fmt::Debug for SpoolWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolWriter")
            .field("recording", &self.recording)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
