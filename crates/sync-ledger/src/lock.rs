//! One worker per ledger: an advisory lock of the operating system, which a crash releases.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{LedgerError, Result};

/// How often a held lock is tried before the holder is believed to stay, and the pause between: a command that asks
/// who the worker is ([`WorkerLock::holder`]) holds the lock for an instant.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// The right to be the one worker of a ledger, for as long as the value lives.
///
/// The lock is on a file beside the ledger (`<ledger>.lock`), which holds the worker's process id and is never removed:
/// removing it would let two processes lock two files of the same name.
#[derive(Debug)]
pub struct WorkerLock {
    file: File,
    lock: PathBuf,
    ledger: PathBuf,
}

impl WorkerLock {
    /// Takes the lock of the ledger at this path, which need not exist yet; its directory must.
    ///
    /// Blocks for a tenth of a second at most.
    ///
    /// # Errors
    ///
    /// [`LedgerError::WorkerRunning`] with the holder's process id, [`LedgerError::Lock`] if the lock file cannot be made.
    pub fn acquire(ledger: &Path) -> Result<Self> {
        let ledger = resolve(ledger);
        let lock = lock_path(&ledger);
        let fault = |cause| LedgerError::Lock {
            lock: lock.clone(),
            cause,
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&lock).map_err(fault)?;
        for attempt in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < TRIES => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    let pid = written_pid(&mut file);
                    return Err(LedgerError::WorkerRunning { lock, pid });
                }
                Err(TryLockError::Error(cause)) => return Err(fault(cause)),
            }
        }
        let pid = |file: &mut File| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            writeln!(file, "{}", std::process::id())
        };
        pid(&mut file).map_err(|cause| match cause.kind() {
            // The lock was taken; a full disk is another matter, with another remedy.
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => LedgerError::DiskFull {
                path: ledger.clone(),
            },
            _ => fault(cause),
        })?;
        Ok(Self { file, lock, ledger })
    }

    /// The ledger that this lock is for, with links resolved.
    pub fn ledger(&self) -> &Path {
        &self.ledger
    }

    /// Whether a worker runs on the ledger at this path, and its process id where that could be read.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Lock`] if the lock file is there and cannot be asked.
    pub fn holder(ledger: &Path) -> Result<Option<Holder>> {
        let lock = lock_path(&resolve(ledger));
        let fault = |cause| LedgerError::Lock {
            lock: lock.clone(),
            cause,
        };
        let mut file = match File::open(&lock) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fault(error)),
        };
        match file.try_lock_shared() {
            // Dropping the file releases it.
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(Holder {
                pid: written_pid(&mut file),
            })),
            Err(TryLockError::Error(cause)) => Err(fault(cause)),
        }
    }
}

impl Drop for WorkerLock {
    fn drop(&mut self) {
        // Without its pid a lock file names nobody who has gone. The lock itself falls with the file.
        if self.file.set_len(0).is_err() {
            tracing::debug!(lock = %self.lock.display(), "the worker's process id stays in its lock file");
        }
    }
}

/// The worker that holds a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its process id, where it could be read.
    pub pid: Option<u32>,
}

fn lock_path(ledger: &Path) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// The path with links resolved, so that two ways to one ledger meet at one lock.
fn resolve(ledger: &Path) -> PathBuf {
    if let Ok(path) = ledger.canonicalize() {
        return path;
    }
    let directory = ledger
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    match (directory.canonicalize(), ledger.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => ledger.to_owned(),
    }
}

fn written_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_worker_is_refused_with_the_pid_of_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = directory.path().join("ledger.db");
        let first = WorkerLock::acquire(&ledger).unwrap();
        let error = WorkerLock::acquire(&ledger).unwrap_err();
        let pid = std::process::id();
        assert!(
            matches!(error, LedgerError::WorkerRunning { pid: Some(found), .. } if found == pid),
            "{error}"
        );
        assert!(
            error.to_string().contains(&format!("(process {pid})")),
            "{error}"
        );
        assert_eq!(
            WorkerLock::holder(&ledger).unwrap(),
            Some(Holder { pid: Some(pid) })
        );
        drop(first);
        assert_eq!(WorkerLock::holder(&ledger).unwrap(), None);
        WorkerLock::acquire(&ledger).unwrap();
    }

    #[test]
    fn asking_who_holds_it_takes_nothing_and_makes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(
            WorkerLock::holder(&directory.path().join("ledger.db")).unwrap(),
            None
        );
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn two_ways_to_one_ledger_meet_at_one_lock() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = directory.path().join("ledger.db");
        std::fs::write(&ledger, "").unwrap();
        let link = directory.path().join("link.db");
        std::os::unix::fs::symlink(&ledger, &link).unwrap();
        let _first = WorkerLock::acquire(&ledger).unwrap();
        assert!(matches!(
            WorkerLock::acquire(&link),
            Err(LedgerError::WorkerRunning { .. })
        ));
    }

    #[test]
    fn a_directory_that_is_missing_is_named() {
        let error = WorkerLock::acquire(Path::new("no-such-directory/ledger.db")).unwrap_err();
        assert!(matches!(error, LedgerError::Lock { .. }));
        assert!(
            error
                .to_string()
                .contains("no-such-directory/ledger.db.lock"),
            "{error}"
        );
    }
}
