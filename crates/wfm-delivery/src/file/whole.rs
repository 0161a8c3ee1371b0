//! A file that is there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile, TempPath};

use crate::DeliveryError;

/// How temporary files are called: what begins so is swept at the next start, and no pattern can make a name that does.
const PREFIX: &str = ".wfm-delivery-";
const SUFFIX: &str = ".part";

/// A point between two steps, for tests that stop there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Created,
    Written,
    Synced,
    Named,
}

/// What became of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// The file got it.
    New,
    /// A file with the same contents had it already.
    SameIsThere,
}

/// Writes a file under a temporary name in the same folder, makes it durable, gives it its name, makes the name durable.
///
/// A name that is taken is never overwritten. A crash leaves a temporary file or the whole one.
pub(crate) fn write_whole(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    at: &mut dyn FnMut(Step),
) -> Result<Written, DeliveryError> {
    let fail = |doing| move |error| DeliveryError::of_file(doing, name, folder, error);
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    // Whoever takes the file away is another user: the umask says who may.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(fail("make a file"))?;
    at(Step::Created);
    let mut out = BufWriter::new(file.as_file_mut());
    write(&mut out)
        .and_then(|()| out.flush())
        .map_err(fail("write a file"))?;
    drop(out);
    at(Step::Written);
    file.as_file()
        .sync_all()
        .map_err(fail("make a file durable"))?;
    at(Step::Synced);
    let written = give_name(file, folder, name)?;
    at(Step::Named);
    sync_folder(folder).map_err(fail("make a name durable"))?;
    Ok(written)
}

/// Makes a file under a temporary name as for a delivery, and removes it.
pub(crate) fn probe(folder: &Path) -> Result<(), DeliveryError> {
    let fail = |doing| move |error| DeliveryError::of_file(doing, "of a test", folder, error);
    let mut file = Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .tempfile_in(folder)
        .map_err(fail("make a file"))?;
    file.write_all(b"test")
        .and_then(|()| file.as_file().sync_all())
        .map_err(fail("write a file"))?;
    file.close().map_err(fail("remove a file"))
}

fn give_name(file: NamedTempFile, folder: &Path, name: &str) -> Result<Written, DeliveryError> {
    let target = folder.join(name);
    let path = file.into_temp_path();
    let Err(error) = path.persist_noclobber(&target) else {
        return Ok(Written::New);
    };
    let (path, error): (TempPath, io::Error) = (error.path, error.error);
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            let same = same_contents(&path, &target)
                .map_err(|error| DeliveryError::of_file("compare files", name, folder, error))?;
            if same {
                Ok(Written::SameIsThere)
            } else {
                Err(DeliveryError::NameTaken {
                    file: name.to_owned(),
                    folder: folder.to_owned(),
                })
            }
        }
        _ => Err(DeliveryError::of_file("name a file", name, folder, error)),
    }
}

fn same_contents(one: &Path, other: &Path) -> io::Result<bool> {
    if fs::metadata(one)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    Ok(fs::read(one)? == fs::read(other)?)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

/// Removes the temporary files that a crash left; tells how many.
pub(crate) fn sweep(folder: &Path) -> Result<usize, DeliveryError> {
    let fail = |error| DeliveryError::of_file("list and remove files", "", folder, error);
    let mut swept = 0;
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
                _ => swept += 1,
            }
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    const FOLDER: &str = "WFM_DELIVERY_TEST_FOLDER";
    const CRASH: &str = "WFM_DELIVERY_TEST_CRASH";
    const STEPS: [Step; 4] = [Step::Created, Step::Written, Step::Synced, Step::Named];

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn put(folder: &Path, name: &str, text: &str) -> Result<Written, DeliveryError> {
        write_whole(
            folder,
            name,
            |out| out.write_all(text.as_bytes()),
            &mut |_| {},
        )
    }

    /// Does nothing by itself: the next test starts it as a process of its own, which dies on the way.
    #[test]
    fn a_process_that_dies_on_the_way() {
        let (Ok(folder), Ok(crash)) = (std::env::var(FOLDER), std::env::var(CRASH)) else {
            return;
        };
        let crash = STEPS[crash.parse::<usize>().unwrap()];
        let _ = write_whole(
            &PathBuf::from(folder),
            "a.csv",
            |out| out.write_all(b"whole"),
            &mut |step| {
                if step == crash {
                    std::process::abort();
                }
            },
        );
    }

    #[test]
    fn a_crash_at_any_step_leaves_a_temporary_file_or_the_whole_one_and_the_next_start_sweeps() {
        for (number, step) in STEPS.into_iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            let status = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "file::whole::tests::a_process_that_dies_on_the_way",
                ])
                .env(FOLDER, folder.path())
                .env(CRASH, number.to_string())
                .output()
                .unwrap()
                .status;
            assert!(!status.success(), "{step:?}: it was to die");
            let left = names(folder.path());
            assert_eq!(left.len(), 1, "{step:?}: {left:?}");
            let named = step == Step::Named;
            assert_eq!(left[0] == "a.csv", named, "{step:?}");
            assert_eq!(
                sweep(folder.path()).unwrap(),
                usize::from(!named),
                "{step:?}"
            );
            let again = put(folder.path(), "a.csv", "whole").unwrap();
            assert_eq!(again == Written::SameIsThere, named, "{step:?}");
            assert_eq!(names(folder.path()), ["a.csv"]);
            assert_eq!(
                fs::read_to_string(folder.path().join("a.csv")).unwrap(),
                "whole"
            );
        }
    }

    #[test]
    fn a_name_that_is_there_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "a.csv", "first").unwrap();
        assert_eq!(
            put(folder.path(), "a.csv", "first").unwrap(),
            Written::SameIsThere
        );
        for other in ["other", "longer than the first"] {
            let error = put(folder.path(), "a.csv", other).unwrap_err();
            assert!(matches!(error, DeliveryError::NameTaken { .. }), "{error}");
        }
        assert_eq!(names(folder.path()), ["a.csv"], "no temporary file is left");
        assert_eq!(
            fs::read_to_string(folder.path().join("a.csv")).unwrap(),
            "first"
        );
    }

    #[test]
    fn a_disk_that_is_full_a_folder_that_is_gone_and_other_faults_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let full = |kind| {
            write_whole(
                folder.path(),
                "a.csv",
                |out| {
                    out.write_all(b"half")?;
                    Err(io::Error::from(kind))
                },
                &mut |_| {},
            )
            .unwrap_err()
        };
        let error = full(io::ErrorKind::StorageFull);
        assert!(matches!(error, DeliveryError::DiskFull { .. }), "{error}");
        let error = full(io::ErrorKind::ReadOnlyFilesystem);
        assert!(matches!(error, DeliveryError::NotAllowed { .. }), "{error}");
        let error = full(io::ErrorKind::BrokenPipe);
        assert!(matches!(error, DeliveryError::File { .. }), "{error}");
        assert_eq!(
            names(folder.path()),
            [""; 0],
            "nothing is left of a file that failed"
        );
        let error = put(&folder.path().join("gone"), "a.csv", "x").unwrap_err();
        assert!(matches!(error, DeliveryError::NoFolder { .. }), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_without_room_is_told_by_the_system_itself() {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let error = (&full).write_all(b"x").unwrap_err();
        let error = DeliveryError::of_file("write a file", "a.csv", Path::new("drop"), error);
        assert_eq!(
            error.to_string(),
            "there is no room for a.csv in drop; make room there"
        );
    }
}
