//! `init`: a commented file to begin with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use anyhow::{Context as _, Result, bail};
use connector_config::COMMENTED_FILE;
use serde::Serialize;
use service_runtime::{Exit, Page, Report};

use crate::advice::Told;
use crate::cli::{Global, Init};

#[derive(Debug, Serialize)]
struct Written {
    written: String,
}

impl Report for Written {
    fn page(&self, page: &mut Page) {
        page.line(format!("wrote {}", self.written))
            .line("fill in what is not marked with #, then run: sync-qm check --offline");
    }
}

pub(super) fn init(global: &Global, init: &Init) -> Result<Exit> {
    let path = &global.config;
    let mut options = OpenOptions::new();
    options.write(true);
    if init.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    // It names accounts and users, and nothing that is secret stands in it: other services of the machine may read it.
    let mut file = match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "{} is there already; name another file with --config, or replace it with --force",
                path.display()
            )
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let what = format!("{} cannot be written", path.display());
            return Err(Told::file(
                what,
                error,
                "make the directory first, or name a file in one that is there with --config",
            )
            .into());
        }
        file => file.with_context(|| format!("{} cannot be written", path.display()))?,
    };
    file.write_all(COMMENTED_FILE.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("{} cannot be written", path.display()))?;
    crate::print::report(
        global,
        &Written {
            written: path.display().to_string(),
        },
    )?;
    Ok(Exit::Ok)
}
