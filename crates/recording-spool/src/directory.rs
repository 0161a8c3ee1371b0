//! The directory: ours alone, empty at start, closed to others.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::SpoolError;

const LOCK: &str = "spool.lock";
const SUFFIX: &str = ".sealed";

/// The name of the spool file with this number.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:016x}{SUFFIX}")
}

fn is_spool_file(name: &str) -> bool {
    name.strip_suffix(SUFFIX)
        .is_some_and(|number| number.len() == 16 && number.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Creates the directory if need be, takes its lock and empties it; gives the lock, which holds as long as it is open.
pub(crate) fn take(dir: &Path) -> Result<File, SpoolError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| SpoolError::io("create the spool directory", dir, error))?;
    // Before anything in it is touched: it may be the wrong directory.
    leftovers(dir)?;
    let path = dir.join(LOCK);
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| SpoolError::io("create", &path, error))?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => SpoolError::InUse {
            dir: dir.to_owned(),
        },
        TryLockError::Error(error) => SpoolError::io("lock", &path, error),
    })?;
    fs::set_permissions(dir, Permissions::from_mode(0o700))
        .map_err(|error| SpoolError::io("close to other users", dir, error))?;
    for path in leftovers(dir)? {
        fs::remove_file(&path).map_err(|error| SpoolError::io("remove", &path, error))?;
    }
    Ok(lock)
}

/// Whether the directory is there, and nothing that is not the spool's lies in it. Changes nothing.
pub(crate) fn inspect(dir: &Path) -> Result<bool, SpoolError> {
    match fs::metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(SpoolError::io("look at", dir, error)),
        Ok(_) => leftovers(dir).map(|_| true),
    }
}

/// A new file in the directory, for reading and writing.
pub(crate) fn create(path: &Path) -> Result<File, SpoolError> {
    OpenOptions::new()
        .create_new(true)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| SpoolError::io("create", path, error))
}

/// The spool files of an earlier run; an error if there is anything else.
fn leftovers(dir: &Path) -> Result<Vec<PathBuf>, SpoolError> {
    let list = |error: io::Error| SpoolError::io("list", dir, error);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(list)? {
        let entry = entry.map_err(list)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let regular = entry.file_type().map_err(list)?.is_file();
        match name.as_str() {
            LOCK if regular => {}
            ours if regular && is_spool_file(ours) => found.push(entry.path()),
            _ => {
                return Err(SpoolError::ForeignFile {
                    dir: dir.to_owned(),
                    name,
                });
            }
        }
    }
    Ok(found)
}
