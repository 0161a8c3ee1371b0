//! The spool: a directory, a quota, and the way in.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use recording_crypto::{ContentKey, PIECE_LEN, Sealer, Verifier, os_rng};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::sealed::SpoolFile;
use crate::writer::{Seal, SpoolWriter};
use crate::{SpoolError, directory};

/// The smallest quota, in bytes: what one transfer reserves before its length is known.
pub const MIN_QUOTA: u64 = 16 * PIECE_LEN as u64;

/// The quota is counted in units of this many bytes, about what a file system allocates.
const UNIT: u64 = 4096;

/// What a transfer of unknown length reserves at its start, and by which it grows.
const STEP: u64 = MIN_QUOTA / UNIT;

/// A cache of recordings on disk, encrypted and bounded. Cheap to clone.
///
/// It belongs to one process and is emptied when it is opened: what it held can be fetched again.
#[derive(Clone)]
pub struct Spool {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    dir: PathBuf,
    quota: u64,
    /// Units of the quota that no file holds.
    free: Arc<Semaphore>,
    units: u32,
    next: AtomicU64,
    /// Held until the last file is gone.
    _lock: File,
}

impl Spool {
    /// Takes a directory, creating it if need be: locks it, empties it, closes it to other users (0700).
    ///
    /// At most `quota` bytes will lie in it, counted in blocks of 4 KiB; above 16 TiB it counts as 16 TiB.
    ///
    /// # Errors
    /// [`SpoolError::QuotaTooSmall`], [`SpoolError::ForeignFile`], [`SpoolError::InUse`], [`SpoolError::Io`].
    pub async fn open(dir: impl Into<PathBuf>, quota: u64) -> Result<Self, SpoolError> {
        if quota < MIN_QUOTA {
            return Err(SpoolError::QuotaTooSmall { quota });
        }
        let dir = dir.into();
        let lock = {
            let dir = dir.clone();
            blocking(&dir.display().to_string(), move || directory::take(&dir)).await??
        };
        let units = u32::try_from(quota / UNIT).unwrap_or(u32::MAX);
        let free = Arc::new(Semaphore::new(
            usize::try_from(units).unwrap_or(Semaphore::MAX_PERMITS),
        ));
        let inner = Inner {
            dir,
            quota,
            free,
            units,
            next: AtomicU64::new(0),
            _lock: lock,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Looks whether a directory could be taken, without taking it or changing anything: `false` where it is not there yet. Who uses it,
    /// and whether it may be written, is not asked.
    ///
    /// # Errors
    /// [`SpoolError::ForeignFile`], [`SpoolError::Io`].
    pub async fn inspect(dir: impl Into<PathBuf>) -> Result<bool, SpoolError> {
        let dir = dir.into();
        blocking(&dir.display().to_string(), move || directory::inspect(&dir)).await?
    }

    /// Begins to keep a recording that arrives encrypted, `ciphertext ‖ tag`, verifying it as it comes.
    ///
    /// `expected_len` is the length of the body, where known: that much of the quota is reserved here, *waiting* until it is
    /// free. Bound the wait from outside; giving it up loses nothing.
    ///
    /// # Errors
    /// [`SpoolError::RecordingAboveQuota`], [`SpoolError::DiskFull`], [`SpoolError::Io`].
    pub async fn receive_encrypted(
        &self,
        recording: impl fmt::Display,
        key: &ContentKey,
        expected_len: Option<u64>,
    ) -> Result<SpoolWriter, SpoolError> {
        let recording = recording.to_string();
        let seal = Seal::Verify(Verifier::new(key, &recording), key.clone());
        self.receive(recording, seal, expected_len).await
    }

    /// Begins to keep a recording that arrives in the clear: it is encrypted before it is written, under a fresh key that exists
    /// in memory only. Reserves and waits as [`receive_encrypted`](Self::receive_encrypted).
    ///
    /// # Errors
    /// As there, and [`CryptoError::NoRandomness`](recording_crypto::CryptoError::NoRandomness).
    pub async fn receive_plain(
        &self,
        recording: impl fmt::Display,
        expected_len: Option<u64>,
    ) -> Result<SpoolWriter, SpoolError> {
        let recording = recording.to_string();
        let seal = Seal::Seal(Sealer::new(&mut os_rng()?, &recording));
        self.receive(recording, seal, expected_len).await
    }

    async fn receive(
        &self,
        recording: String,
        seal: Seal,
        expected_len: Option<u64>,
    ) -> Result<SpoolWriter, SpoolError> {
        let units = expected_len.map_or(STEP, |len| len.div_ceil(UNIT)).max(1);
        let above = || SpoolError::RecordingAboveQuota {
            recording: recording.clone(),
            quota: self.inner.quota,
        };
        let units = u32::try_from(units)
            .ok()
            .filter(|units| *units <= self.inner.units)
            .ok_or_else(above)?;
        let ended = || SpoolError::Ended {
            recording: recording.clone(),
        };
        let room = Arc::clone(&self.inner.free)
            .acquire_many_owned(units)
            .await
            .map_err(|_| ended())?;
        let inner = Arc::clone(&self.inner);
        let file = blocking(&recording, move || {
            let number = inner.next.fetch_add(1, Ordering::Relaxed);
            let path = inner.dir.join(directory::file_name(number));
            directory::create(&path).map(|file| SpoolFile::new(file, path, room, inner))
        })
        .await??;
        Ok(SpoolWriter::new(recording, file, seal))
    }

    /// Waits until no recording is left in the spool, then gives way again.
    pub async fn drained(&self) {
        // The semaphore is never closed; were it, there would be nothing to wait for.
        let _all = self.inner.free.acquire_many(self.inner.units).await;
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The quota in bytes.
    pub fn quota(&self) -> u64 {
        self.inner.quota
    }

    /// Bytes of the quota that are held or reserved by recordings.
    pub fn used(&self) -> u64 {
        let free = u64::try_from(self.inner.free.available_permits()).unwrap_or(u64::MAX);
        u64::from(self.inner.units).saturating_sub(free) * UNIT
    }
}

impl Inner {
    /// Enlarges a reservation so that it covers `len` bytes, without waiting: who waits here while holding room may wait for ever.
    pub(crate) fn grow(
        &self,
        room: &mut OwnedSemaphorePermit,
        len: u64,
        recording: &str,
    ) -> Result<(), SpoolError> {
        let held = room.num_permits() as u64;
        let needed = len.div_ceil(UNIT);
        if needed <= held {
            return Ok(());
        }
        let (recording, quota) = (recording.to_owned(), self.quota);
        if needed > u64::from(self.units) {
            return Err(SpoolError::RecordingAboveQuota { recording, quota });
        }
        for wanted in [(needed - held).max(STEP), needed - held] {
            let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
            if let Ok(more) = Arc::clone(&self.free).try_acquire_many_owned(wanted) {
                room.merge(more);
                return Ok(());
            }
        }
        Err(SpoolError::QuotaUsed { recording, quota })
    }

    /// Gives back what a reservation of a file that is complete has too much.
    pub(crate) fn shrink(room: &mut OwnedSemaphorePermit, len: u64) {
        let needed = usize::try_from(len.div_ceil(UNIT).max(1)).unwrap_or(usize::MAX);
        drop(
            room.num_permits()
                .checked_sub(needed)
                .and_then(|spare| room.split(spare)),
        );
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool")
            .field("dir", &self.inner.dir)
            .field("quota", &self.inner.quota)
            .finish_non_exhaustive()
    }
}

/// Runs file work off the runtime's threads.
pub(crate) async fn blocking<T: Send + 'static>(
    recording: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SpoolError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| SpoolError::Ended {
            recording: recording.to_owned(),
        })
}
