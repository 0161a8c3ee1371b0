//! What can go wrong with recordings on disk.

use std::io;
use std::path::{Path, PathBuf};

use recording_crypto::CryptoError;

/// Why a recording could not be kept, read back, or decrypted from one file to another.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The file system is full, or the user's share of it is.
    #[error("no space is left on the disk of {}: free some, or move this path to a larger disk", path.display())]
    DiskFull {
        /// The file or directory that was written.
        path: PathBuf,
    },
    /// Another process uses the spool directory.
    #[error("the spool directory {} is in use by another process: give each its own directory", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory holds something that is not the spool's, which is emptied at every start.
    #[error("the spool directory {} holds {name:?}, which is not the spool's: name a directory that is used for nothing else, since it is emptied at every start", dir.display())]
    ForeignFile {
        /// The directory.
        dir: PathBuf,
        /// The first entry that is not the spool's.
        name: String,
    },
    /// The quota is smaller than what one transfer needs to begin.
    #[error("a spool quota of {quota} bytes is too small: it must be at least {min}", min = crate::MIN_QUOTA)]
    QuotaTooSmall {
        /// The quota in bytes.
        quota: u64,
    },
    /// One recording alone would not fit.
    #[error(
        "the recording {recording} is larger than the whole spool quota of {quota} bytes: raise the quota"
    )]
    RecordingAboveQuota {
        /// The recording, as the caller named it.
        recording: String,
        /// The quota in bytes.
        quota: u64,
    },
    /// The recording is longer than announced, and others hold the rest of the quota.
    #[error(
        "the recording {recording} needs more of the spool quota of {quota} bytes than is free at the moment: it can be fetched again later, or the quota be raised"
    )]
    QuotaUsed {
        /// The recording, as the caller named it.
        recording: String,
        /// The quota in bytes.
        quota: u64,
    },
    /// Bytes were asked for that the recording does not have.
    #[error("the recording {recording} has {len} bytes: bytes {start} to {end} are not all there")]
    OutOfRange {
        /// The recording, as the caller named it.
        recording: String,
        /// Bytes of plaintext.
        len: u64,
        /// First byte asked for.
        start: u64,
        /// The byte after the last one asked for.
        end: u64,
    },
    /// The transfer ended before, with an error or because the process stops.
    #[error("the transfer of the recording {recording} has ended already: begin it anew")]
    Ended {
        /// The recording, as the caller named it.
        recording: String,
    },
    /// The output cannot be a file.
    #[error("the output {} is no file that can be written: name a file in an existing directory", path.display())]
    UnusableOutput {
        /// The path.
        path: PathBuf,
    },
    /// Decryption refused.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Anything else that the operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl SpoolError {
    /// Names the path, and tells a full disk from everything else.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }

    /// Whether waiting may help: a full disk, or a quota that others hold.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::QuotaUsed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_errors() {
        let path = Path::new("spool/1");
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let error = SpoolError::io("write", path, kind.into());
            assert!(matches!(error, SpoolError::DiskFull { .. }));
            assert!(error.is_temporary());
        }
        let error = SpoolError::io("write", path, io::ErrorKind::PermissionDenied.into());
        assert!(matches!(error, SpoolError::Io { .. }));
        assert_eq!(error.to_string(), "cannot write spool/1: permission denied");
    }
}
