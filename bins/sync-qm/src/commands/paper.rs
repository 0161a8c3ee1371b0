//! `completions` and `man`: what is made of the command line itself.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use service_runtime::Exit;

use crate::cli::{Cli, Completions, Man};

pub(super) fn completions(completions: &Completions) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(
        completions.shell,
        &mut Cli::command(),
        "sync-qm",
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
