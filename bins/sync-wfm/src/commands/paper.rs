//! `init`, `completions` and `man`: what is made of nothing but the program itself.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use anyhow::{Context as _, Result, bail};
use clap::CommandFactory as _;
use connector_config::COMMENTED_FILE;
use serde::Serialize;
use service_runtime::{Exit, Page, Report};

use crate::cli::{Cli, Completions, Global, Init, Man};
use crate::open;

#[derive(Debug, Serialize)]
struct Written {
    written: String,
}

impl Report for Written {
    fn page(&self, page: &mut Page) {
        page.line(format!("wrote {}", self.written))
            .line("fill in what is not marked with #, and what stands below insights and wfm, then run: sync-wfm check --offline");
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
    let mut file = match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "{} is there already; name another file with --config, or replace it with --force",
                path.display()
            )
        }
        file => file.with_context(|| format!("{} cannot be written", path.display()))?,
    };
    file.write_all(COMMENTED_FILE.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("{} cannot be written", path.display()))?;
    open::print(
        global,
        &Written {
            written: path.display().to_string(),
        },
    )?;
    Ok(Exit::Ok)
}

pub(super) fn completions(completions: &Completions) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(
        completions.shell,
        &mut Cli::command(),
        "sync-wfm",
        &mut script,
    );
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Ok)
}

pub(super) fn man(man: &Man) -> Result<Exit> {
    if let Some(directory) = &man.out {
        std::fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
            .with_context(|| format!("the pages cannot be written to {}", directory.display()))?;
    } else {
        clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout().lock())?;
    }
    Ok(Exit::Ok)
}
