#![doc = include_str!("../README.md")]

mod advice;
mod cli;
mod commands;
#[cfg(feature = "demo")]
mod demo;
mod open;
mod watch;

use std::error::Error;
use std::process::ExitCode;

use command_line::{Advised, CommandLine, Program};
use connector_config::Product;
use service_runtime::Exit;

use cli::{Cli, Command, Global};

/// This program.
#[derive(Debug, Clone)]
struct SyncQm;

impl Program for SyncQm {
    const NAME: &'static str = "sync-qm";
    const PRODUCT: Product = Product::QualityManagement;
    const CONFIG_VARIABLE: &'static str = "SYNC_QM_CONFIG";
    const LOG_EXAMPLE: &'static str = "info,qm_pipeline=debug";
    const FILL_IN: &'static str = "fill in what is not marked with #";

    /// How many threads do file work and cryptography. Each transfer has something for them to do at all times, and a thread for each
    /// transfer would only make them wait for cores in turn, each with memory of its own. Looking names up is done there too.
    fn blocking_threads() -> Option<usize> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Some(12 + 2 * cores)
    }

    fn advice(cause: &(dyn Error + 'static)) -> Option<Advised> {
        advice::of(cause)
    }
}

impl CommandLine for Cli {
    type Program = SyncQm;

    fn global(&self) -> &Global {
        &self.global
    }

    fn log_level(&self) -> Option<&'static str> {
        match self.command {
            // Once it has read how: the configuration says.
            Command::Run(_) => None,
            // What goes wrong there goes wrong on purpose.
            #[cfg(feature = "demo")]
            Command::Demo(_) => Some("off"),
            _ => Some("warn"),
        }
    }

    async fn carry_out(self) -> anyhow::Result<Exit> {
        commands::carry_out(&self.global, self.command).await
    }
}

fn main() -> ExitCode {
    command_line::run::<Cli>()
}
