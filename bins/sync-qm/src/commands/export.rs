//! `contacts export`: everything that the ledger knows, as lines of JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use qm_pipeline::report::export::export as written;
use qm_pipeline::report::{AcdNames, ContactQuery, ReportError};
use service_runtime::Exit;
use sync_ledger::SqliteLedger;

use super::decrypt::are_one_file;
use crate::cli::{Export, Global};
use crate::open;
use command_line::Told;

pub(super) async fn export(global: &Global, asked: Export) -> Result<Exit> {
    let config = global.configuration()?;
    for read in [&global.config, &config.ledger.path] {
        if are_one_file(read, &asked.out) {
            let what = format!("{} is read, and would be replaced", asked.out.display());
            return Err(Told::usage(what, "name another file for the export").into());
        }
    }
    let query = asked.filters.query(asked.stages, u32::MAX)?;
    let (ledger, _) = open::ledger(&config)?.beside().await?;
    let names = AcdNames::read(&ledger, &config).await?;
    if asked.out.as_os_str() == "-" {
        let mut out = BufWriter::new(io::stdout());
        let mut write = |line: &[u8]| out.write_all(line);
        into(&ledger, &names, &query, &mut write).await?;
        out.flush()?;
        return Ok(Exit::Ok);
    }
    let unusable = |error| {
        let what = format!("{} cannot be written", asked.out.display());
        Told::file(
            what,
            error,
            "make the directory first, or let this user write into it",
        )
    };
    let mut file = WholeFile::create(&asked.out).map_err(unusable)?;
    let mut write = |line: &[u8]| file.out.write_all(line);
    let mut report = into(&ledger, &names, &query, &mut write).await?;
    file.commit().map_err(unusable)?;
    report.file = Some(asked.out.display().to_string());
    global.print(&report)?;
    Ok(Exit::Ok)
}

async fn into(
    ledger: &SqliteLedger,
    names: &AcdNames,
    query: &ContactQuery,
    write: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
) -> Result<qm_pipeline::report::export::ExportReport> {
    match written(ledger, names, query, write).await {
        // As it is, so that whoever has read enough is no failure.
        Err(ReportError::Write(error)) => Err(error.into()),
        ended => Ok(ended?),
    }
}

/// A file that has its name only when it is whole, for its owner alone. What is no regular file, a pipe say, is written to.
struct WholeFile {
    out: BufWriter<File>,
    /// Where it is until then, and its name.
    names: Option<(PathBuf, PathBuf)>,
}

impl WholeFile {
    fn create(target: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).mode(0o600);
        let target = match std::fs::metadata(target) {
            Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => {
                return Ok(Self {
                    out: BufWriter::new(options.open(target)?),
                    names: None,
                });
            }
            // A link goes on pointing to what it pointed to.
            Ok(_) => target.canonicalize()?,
            Err(_) => target.to_owned(),
        };
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut partial = std::ffi::OsString::from(".");
        partial.push(name);
        partial.push(format!(".{}.partial", std::process::id()));
        let partial = target.with_file_name(partial);
        Ok(Self {
            out: BufWriter::new(options.create_new(true).open(&partial)?),
            names: Some((partial, target)),
        })
    }

    fn commit(mut self) -> io::Result<()> {
        self.out.flush()?;
        if let Some((partial, target)) = &self.names {
            self.out.get_ref().sync_all()?;
            std::fs::rename(partial, target)?;
            self.names = None;
        }
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some((partial, _)) = &self.names {
            let _ = std::fs::remove_file(partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out.ndjson");
        let count = || std::fs::read_dir(directory.path()).unwrap().count();
        let mut file = WholeFile::create(&target).unwrap();
        file.out.write_all(b"{}\n").unwrap();
        assert!(!target.exists());
        drop(file);
        assert_eq!(count(), 0, "nothing is left of one that was given up");
        for content in [b"1\n", b"2\n"] {
            let mut file = WholeFile::create(&target).unwrap();
            file.out.write_all(content).unwrap();
            file.commit().unwrap();
            assert_eq!(std::fs::read(&target).unwrap(), content);
        }
        let mode = std::fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!((mode & 0o777, count()), (0o600, 1));
        assert!(WholeFile::create(directory.path()).is_err());
        WholeFile::create(Path::new("/dev/null"))
            .unwrap()
            .commit()
            .unwrap();
    }
}
