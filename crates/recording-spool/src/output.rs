//! A file that appears under its name only when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use tempfile::NamedTempFile;

use crate::SpoolError;

/// Where plaintext goes.
pub(crate) enum Output {
    /// Standard output, a pipe, a device: it has no name to give later.
    Stream {
        to: Box<dyn Write + Send>,
        path: PathBuf,
    },
    /// A file that has no name yet: even a killed process leaves nothing.
    Nameless { file: File, target: PathBuf },
    /// Where the file system has no nameless files: a temporary name beside the target.
    Temporary {
        file: NamedTempFile,
        target: PathBuf,
    },
}

impl Output {
    /// A stream; `path` is what errors call it.
    pub(crate) fn stream(to: impl Write + Send + 'static, path: &str) -> Self {
        Self::Stream {
            to: Box::new(to),
            path: path.into(),
        }
    }

    /// Prepares a file beside its target, open to its owner only. A target that is no regular file is written as a stream.
    pub(crate) fn file(path: &Path) -> Result<Self, SpoolError> {
        let unusable = || SpoolError::UnusableOutput {
            path: path.to_owned(),
        };
        let target = match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(unusable()),
            // Renaming onto a device or a pipe would replace it.
            Ok(found) if !found.is_file() => {
                let to = OpenOptions::new()
                    .write(true)
                    .open(path)
                    .map_err(|e| SpoolError::io("open", path, e))?;
                return Ok(Self::Stream {
                    to: Box::new(to),
                    path: path.to_owned(),
                });
            }
            Ok(_) => path
                .canonicalize()
                .map_err(|error| SpoolError::io("find", path, error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(SpoolError::io("look at", path, error)),
        };
        let dir = directory_of(&target);
        if target.file_name().is_none() || !dir.is_dir() {
            return Err(unusable());
        }
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        if let Ok(file) = rustix::fs::open(dir, flags, Mode::RUSR | Mode::WUSR) {
            return Ok(Self::Nameless {
                file: file.into(),
                target,
            });
        }
        let file = temporary(dir)?;
        Ok(Self::Temporary { file, target })
    }

    /// What errors call it.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Stream { path, .. } => path,
            Self::Nameless { target, .. } | Self::Temporary { target, .. } => target,
        }
    }

    /// The directory in which ciphertext may wait, if there is one.
    pub(crate) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Stream { .. } => None,
            Self::Nameless { target, .. } | Self::Temporary { target, .. } => {
                Some(directory_of(target))
            }
        }
    }

    pub(crate) fn write(&mut self, data: &[u8]) -> Result<(), SpoolError> {
        let outcome = match self {
            Self::Stream { to, .. } => to.write_all(data),
            Self::Nameless { file, .. } => file.write_all(data),
            Self::Temporary { file, .. } => file.write_all(data),
        };
        outcome.map_err(|error| SpoolError::io("write", self.path(), error))
    }

    /// Gives the file its name, in place of whatever had it. Not before everything is written.
    pub(crate) fn commit(self) -> Result<(), SpoolError> {
        match self {
            Self::Stream { mut to, path } => to
                .flush()
                .map_err(|error| SpoolError::io("write", &path, error)),
            Self::Temporary { file, target } => match file.persist(&target) {
                Ok(_) => Ok(()),
                Err(error) => Err(SpoolError::io("create", &target, error.error)),
            },
            Self::Nameless { file, target } => {
                // A link cannot replace a file, a rename can; the name in between lives for an instant.
                let place = temporary(directory_of(&target))?.into_temp_path();
                let failed = |error: io::Error| SpoolError::io("create", &target, error);
                fs::remove_file(&place).map_err(failed)?;
                let open = format!("/proc/self/fd/{}", file.as_raw_fd());
                rustix::fs::linkat(CWD, open, CWD, &*place, AtFlags::SYMLINK_FOLLOW)
                    .map_err(|error| failed(error.into()))?;
                place.persist(&target).map_err(|error| failed(error.error))
            }
        }
    }
}

fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

fn temporary(dir: &Path) -> Result<NamedTempFile, SpoolError> {
    tempfile::Builder::new()
        .prefix(".recording-")
        .suffix(".partial")
        .tempfile_in(dir)
        .map_err(|error| SpoolError::io("create a file in", dir, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_has_its_name_only_after_the_commit() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out.wav");
        for content in [b"one", b"two"] {
            let mut output = Output::file(&target).unwrap();
            output.write(content).unwrap();
            assert_ne!(fs::read(&target).unwrap_or_default(), content);
            output.commit().unwrap();
            assert_eq!(fs::read(&target).unwrap(), content);
        }
        assert_eq!(names(dir.path()), ["out.wav"]);
    }

    #[test]
    fn the_way_without_nameless_files_does_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out.wav");
        let prepare = || Output::Temporary {
            file: temporary(dir.path()).unwrap(),
            target: target.clone(),
        };
        drop(prepare());
        assert!(names(dir.path()).is_empty());
        let mut output = prepare();
        output.write(b"whole").unwrap();
        output.commit().unwrap();
        assert_eq!(names(dir.path()), ["out.wav"]);
    }

    #[test]
    fn a_link_keeps_pointing_to_the_file_that_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("real.wav"), dir.path().join("link.wav"));
        fs::write(&target, b"old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut output = Output::file(&link).unwrap();
        output.write(b"new").unwrap();
        output.commit().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
    }

    #[test]
    fn a_device_is_written_and_not_replaced() {
        let mut output = Output::file(Path::new("/dev/null")).unwrap();
        output.write(b"gone").unwrap();
        output.commit().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_full_device_is_a_full_disk() {
        let mut output = Output::file(Path::new("/dev/full")).unwrap();
        assert!(
            matches!(output.write(b"x"), Err(SpoolError::DiskFull { path }) if path == Path::new("/dev/full"))
        );
    }

    #[test]
    fn a_directory_or_a_place_that_is_not_there_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().to_owned(), dir.path().join("missing/out.wav")] {
            assert!(matches!(
                Output::file(&path),
                Err(SpoolError::UnusableOutput { .. })
            ));
        }
    }
}
