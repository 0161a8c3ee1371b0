//! What is made of the command line itself, and the file to begin with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use anyhow::{Context as _, Result, bail};
use connector_config::COMMENTED_FILE;
use serde::Serialize;
use service_runtime::{Exit, Page, Report};

use crate::{CommandLine, Completions, Global, Init, Man, Program, Told};

#[derive(Debug, Serialize)]
struct Written {
    written: String,
    #[serde(skip)]
    next: String,
}

impl Report for Written {
    fn page(&self, page: &mut Page) {
        page.line(format!("wrote {}", self.written))
            .line(&self.next);
    }
}

/// `init`: writes the commented configuration file. One that is there is replaced only where that is asked for.
///
/// # Errors
///
/// It is there already, or cannot be written.
pub fn init<P: Program>(global: &Global<P>, init: Init) -> Result<Exit> {
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
    global.print(&Written {
        written: path.display().to_string(),
        next: format!("{}, then run: {} check --offline", P::FILL_IN, P::NAME),
    })?;
    Ok(Exit::Ok)
}

/// `completions`: prints a script that completes commands in a shell.
///
/// # Errors
///
/// Those of the standard output.
pub fn completions<C: CommandLine>(completions: Completions) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(
        completions.shell,
        &mut C::command(),
        C::Program::NAME,
        &mut script,
    );
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Ok)
}

/// `man`: prints the manual page, or writes one for each command.
///
/// # Errors
///
/// Those of the standard output, or of the directory.
pub fn man<C: CommandLine>(man: &Man) -> Result<Exit> {
    if let Some(directory) = &man.out {
        std::fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(C::command(), directory))
            .with_context(|| format!("the pages cannot be written to {}", directory.display()))?;
    } else {
        clap_mangen::Man::new(C::command()).render(&mut std::io::stdout().lock())?;
    }
    Ok(Exit::Ok)
}
