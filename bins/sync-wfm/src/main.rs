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
struct SyncWfm;

impl Program for SyncWfm {
    const NAME: &'static str = "sync-wfm";
    const PRODUCT: Product = Product::WorkforceManagement;
    const CONFIG_VARIABLE: &'static str = "SYNC_WFM_CONFIG";
    const LOG_EXAMPLE: &'static str = "info,wfm_pipeline=debug";
    const FILL_IN: &'static str =
        "fill in what is not marked with #, and what stands below insights and wfm";

    fn advice(cause: &(dyn Error + 'static)) -> Option<Advised> {
        advice::of(cause)
    }
}

impl CommandLine for Cli {
    type Program = SyncWfm;

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
