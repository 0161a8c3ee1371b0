#![doc = include_str!("../README.md")]

mod advice;
mod cli;
mod commands;
#[cfg(feature = "demo")]
mod demo;
mod open;
mod print;
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
        Err(error) => return misspoken(&error),
    };
    install_panic_hook();
    let ended = logs(&global, &command).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(blocking_threads())
            .build()?;
        let ended = runtime.block_on(commands::carry_out(&global, command));
        // What blocks in the background, reading a terminal say, must not hold the process.
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
            let mut failure = Failure::new(error.as_ref(), exit, advice.as_deref());
            if global.json {
                list(&mut failure);
            }
            print_failure(&failure, output, &mut std::io::stderr().lock());
            exit.into()
        }
    }
}

/// What the command line got wrong, or the help that it asks for. Nothing was parsed, so `--json` is looked for as a word.
fn misspoken(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os()
        .skip(1)
        .take_while(|word| word != "--")
        .any(|word| word == "--json");
    if !(error.use_stderr() && json) {
        error.exit();
    }
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let failure = Failure {
        error: lines
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned(),
        causes: lines
            .clone()
            .filter(|line| !line.starts_with("For more information"))
            .map(str::to_owned)
            .collect(),
        advice: Some("see --help".to_owned()),
        exit_code: Exit::Usage.code(),
    };
    print_failure(&failure, Output::Json, &mut std::io::stderr().lock());
    Exit::Usage.into()
}

/// An error of several lines, one for each fault of a configuration, as a list.
fn list(failure: &mut Failure) {
    let error = std::mem::take(&mut failure.error);
    let mut lines = error.lines().map(str::trim);
    lines
        .next()
        .unwrap_or_default()
        .clone_into(&mut failure.error);
    failure.causes.splice(0..0, lines.map(str::to_owned));
}

/// How many threads do file work and cryptography. Each transfer has something for them to do at all times, and a thread for each
/// transfer would only make them wait for cores in turn, each with memory of its own. Looking names up is done there too.
fn blocking_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    12 + 2 * cores
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

/// A command that found everything to be well, or not.
fn exit_if(sound: bool, otherwise: Exit) -> Exit {
    if sound { Exit::Ok } else { otherwise }
}
