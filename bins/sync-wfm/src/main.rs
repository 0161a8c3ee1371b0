#![doc = include_str!("../README.md")]

mod advice;
mod cli;
mod commands;
#[cfg(feature = "demo")]
mod demo;
mod open;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;
use service_runtime::{
    Exit, Failure, LogSettings, LogStyle, Output, RuntimeError, init_logs, install_panic_hook,
    print_failure,
};

use cli::{Cli, Command, Global};

fn main() -> ExitCode {
    let Cli { global, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    install_panic_hook();
    let ended = logs(&global, &command).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let ended = runtime.block_on(commands::carry_out(&global, command));
        // What blocks in the background must not hold the process.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(exit) => exit.into(),
        // Whoever read the output has read enough.
        Err(error) if is_broken_pipe(&error) => Exit::Ok.into(),
        Err(error) => {
            let (exit, advice) = advice::of(&error);
            let output = if global.json {
                Output::Json
            } else {
                Output::Table
            };
            let failure = Failure::new(error.as_ref(), exit, advice.as_deref());
            print_failure(&failure, output, &mut std::io::stderr().lock());
            exit.into()
        }
    }
}

/// `run` sets its logs up itself, once it has read how: the configuration says.
fn logs(global: &Global, command: &Command) -> anyhow::Result<()> {
    let default = match command {
        Command::Run(_) => return Ok(()),
        // What goes wrong there goes wrong on purpose.
        #[cfg(feature = "demo")]
        Command::Demo(_) => "off",
        _ => "warn",
    };
    let directives = global.log.clone().unwrap_or_else(|| default.to_owned());
    Ok(init_logs(&LogSettings {
        style: LogStyle::Auto,
        directives,
    })?)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = match error.downcast_ref() {
        Some(RuntimeError::Print(cause)) => Some(cause),
        _ => error.downcast_ref(),
    };
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
