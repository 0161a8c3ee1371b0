//! The `main` of a program.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io::ErrorKind;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use connector_config::Product;
use service_runtime::{
    Exit, Failure, LogSettings, LogStyle, Output, RuntimeError, init_logs, install_panic_hook,
    print_failure,
};

use crate::{Advised, Global, advice_of};

/// Who a program is.
pub trait Program: fmt::Debug + Clone + Send + Sync + 'static {
    /// The name by which it is called.
    const NAME: &'static str;
    /// What it carries: decides what of the configuration is read, and which ledger is its own.
    const PRODUCT: Product;
    /// The environment variable that names the configuration file.
    const CONFIG_VARIABLE: &'static str;
    /// Log directives as its help shows them.
    const LOG_EXAMPLE: &'static str;
    /// What is to be filled in after `init`.
    const FILL_IN: &'static str;

    /// How many threads do what blocks; `None` for as many as the runtime likes.
    fn blocking_threads() -> Option<usize> {
        None
    }

    /// What an error of the program's own crates means for its end. What every program has to do with is known without it.
    fn advice(cause: &(dyn Error + 'static)) -> Option<Advised>;
}

/// What can be said to a program.
pub trait CommandLine: Parser {
    /// Whose it is.
    type Program: Program;

    /// What every command understands.
    fn global(&self) -> &Global<Self::Program>;

    /// What is logged where `--log` does not say; `None` where the command sets its logs up itself.
    fn log_level(&self) -> Option<&'static str>;

    /// Does it.
    fn carry_out(self) -> impl Future<Output = Result<Exit>>;
}

/// A program from its arguments to its end. There is one call of it in a process.
pub fn run<C: CommandLine>() -> ExitCode {
    let line = match C::try_parse() {
        Ok(line) => line,
        Err(error) => return refused(&error),
    };
    let json = line.global().json;
    install_panic_hook();
    match carry_out(line) {
        Ok(exit) => exit.into(),
        // Whoever read the output has read enough.
        Err(error) if is_broken_pipe(&error) => Exit::Ok.into(),
        Err(error) => {
            let (exit, advice) = advice_of::<C::Program>(&error);
            let mut failure = Failure::new(error.as_ref(), exit, advice.as_deref());
            let output = if json {
                list(&mut failure);
                Output::Json
            } else {
                Output::Table
            };
            print_failure(&failure, output, &mut std::io::stderr().lock());
            exit.into()
        }
    }
}

fn carry_out<C: CommandLine>(line: C) -> Result<Exit> {
    if let Some(level) = line.log_level() {
        init_logs(&LogSettings {
            style: LogStyle::Auto,
            directives: line
                .global()
                .log
                .clone()
                .unwrap_or_else(|| level.to_owned()),
        })?;
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = C::Program::blocking_threads() {
        builder.max_blocking_threads(threads);
    }
    let runtime = builder.enable_all().build()?;
    let ended = runtime.block_on(line.carry_out());
    // What blocks in the background, reading a terminal say, must not hold the process.
    runtime.shutdown_background();
    ended
}

/// Tells what the command line got wrong, or the help that it asks for. Nothing was parsed, so `--json` is looked for as a word.
fn refused(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os()
        .skip(1)
        .take_while(|word| word != "--")
        .any(|word| word == "--json");
    if !(error.use_stderr() && json) {
        error.exit();
    }
    print_failure(
        &misspoken(error),
        Output::Json,
        &mut std::io::stderr().lock(),
    );
    Exit::Usage.into()
}

/// A command line that cannot be understood, as a failure.
fn misspoken(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Failure {
        error: lines
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned(),
        causes: lines
            .filter(|line| !line.starts_with("For more information"))
            .map(str::to_owned)
            .collect(),
        advice: Some("see --help".to_owned()),
        exit_code: Exit::Usage.code(),
    }
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

/// Whether the standard output was closed. Only what a command hands through as it is counts: a vendor that hangs up has an error of its own around it.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = match error.downcast_ref() {
        Some(RuntimeError::Print(cause)) => Some(cause.kind()),
        _ => error
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind),
    };
    kind == Some(ErrorKind::BrokenPipe)
}

/// The end of a command that found everything to be well, or not.
pub fn exit_if(sound: bool, otherwise: Exit) -> Exit {
    if sound { Exit::Ok } else { otherwise }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use clap::Arg;

    use super::*;

    #[test]
    fn a_command_line_that_is_wrong_is_told_with_its_causes_and_where_to_look() {
        let error = clap::Command::new("mine")
            .arg(Arg::new("from").long("from").required(true))
            .try_get_matches_from(["mine"])
            .unwrap_err();
        let failure = misspoken(&error);
        assert_eq!(
            failure.error,
            "the following required arguments were not provided:"
        );
        assert!(failure.causes[0].contains("--from"), "{failure:?}");
        assert_eq!(
            (failure.advice.as_deref(), failure.exit_code),
            (Some("see --help"), 2)
        );
        let said = failure.causes.join(" ");
        assert!(!said.contains("For more information"), "{said}");
    }

    #[test]
    fn the_lines_of_an_error_become_its_first_causes() {
        let mut failure = Failure {
            error: "two faults\n  one\n  two".to_owned(),
            causes: vec!["why".to_owned()],
            advice: None,
            exit_code: 4,
        };
        list(&mut failure);
        assert_eq!(failure.error, "two faults");
        assert_eq!(failure.causes, ["one", "two", "why"]);
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the vendor hung up")]
    struct HungUp(#[source] std::io::Error);

    #[test]
    fn a_closed_output_is_no_failure_and_a_vendor_that_hangs_up_is_one() {
        let closed = || std::io::Error::from(ErrorKind::BrokenPipe);
        let printed = anyhow::Error::new(RuntimeError::Print(closed()));
        assert!(is_broken_pipe(&printed));
        assert!(is_broken_pipe(&closed().into()));
        assert!(!is_broken_pipe(&std::io::Error::other("full").into()));
        let vendor = Err::<(), _>(HungUp(closed())).context("it failed");
        assert!(!is_broken_pipe(&vendor.unwrap_err()));
    }
}
