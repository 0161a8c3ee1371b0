//! What can be said to every program in the same words.

use std::fmt::Write as _;
use std::marker::PhantomData;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use connector_config::{Config, ConfigError, LogFormat};
use service_runtime::{
    Exit, LogSettings, LogStyle, Output, Report, RuntimeError, Terminal, print_report,
};

use crate::Program;

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub struct Global<P: Program> {
    /// The configuration file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = P::CONFIG_VARIABLE,
        default_value = "connector.toml"
    )]
    pub config: PathBuf,
    /// Print one JSON value instead of tables
    #[arg(long, global = true)]
    pub json: bool,
    /// What is logged: a level, or directives
    #[arg(long, global = true, value_name = "DIRECTIVES", help = log_help(P::LOG_EXAMPLE))]
    pub log: Option<String>,
    #[arg(skip)]
    program: PhantomData<P>,
}

fn log_help(example: &str) -> String {
    format!(
        "What is logged: a level, or directives such as `{example}` [default: what the configuration says for run, else warn]"
    )
}

impl<P: Program> Global<P> {
    /// Reads the configuration, for the program's product. What in it wants attention, `check` and `run` tell.
    pub fn configuration(&self) -> Result<Config, ConfigError> {
        Config::load_for(&self.config, P::PRODUCT)
    }

    /// Prints a report to the standard output, as a table or as JSON.
    pub fn print<R: Report + ?Sized>(&self, report: &R) -> Result<(), RuntimeError> {
        let output = if self.json {
            Output::Json
        } else {
            Output::Table
        };
        print_report(
            report,
            output,
            Terminal::stdout(),
            &mut std::io::stdout().lock(),
        )
    }

    /// How `run` logs: as the configuration says, if it can be read. `--log` comes first.
    pub fn log_settings(&self, config: Option<&Config>) -> LogSettings {
        let configured = config.map(|config| config.runtime.log_level.clone());
        LogSettings {
            style: match config.map(|config| config.runtime.log_format) {
                Some(LogFormat::Human) => LogStyle::Human,
                Some(LogFormat::Json) => LogStyle::Json,
                _ => LogStyle::Auto,
            },
            directives: self
                .log
                .clone()
                .or(configured)
                .unwrap_or_else(|| "info".to_owned()),
        }
    }
}

/// Narrows a command to one ACD.
#[derive(Debug, Clone, Args)]
pub struct OfAcd {
    /// Only the ACD of this name [default: all]
    #[arg(long, value_name = "NAME")]
    pub acd: Option<String>,
}

/// What Twilio pushes.
#[derive(Debug, Clone, Subcommand)]
pub enum Events {
    /// Create the sink and the subscription of each ACD, where they are missing; those of others are never touched
    ///
    /// Ends with 5 while something is still to be done before Twilio pushes the events of every ACD.
    Setup {
        /// Which ACDs.
        #[command(flatten)]
        of: OfAcd,
        /// Only show what is there, and end with 0 whatever that is
        #[arg(long)]
        show: bool,
    },
}

/// For what cannot be undone.
#[derive(Debug, Clone, Copy, Args)]
pub struct Consent {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// How `init` writes.
#[derive(Debug, Clone, Copy, Args)]
pub struct Init {
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// What completes.
#[derive(Debug, Clone, Copy, Args)]
pub struct Completions {
    /// For which shell
    pub shell: clap_complete::Shell,
}

/// Where manual pages go.
#[derive(Debug, Clone, Args)]
pub struct Man {
    /// Write one page for each command into this directory
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// What stands below the help of a program: its exit codes, without those that cannot come.
pub fn exit_codes(never: &[Exit]) -> String {
    let mut text = "Exit codes:".to_owned();
    for exit in Exit::ALL.iter().filter(|exit| !never.contains(exit)) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {}  {}", exit.code(), exit.meaning());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_tells_every_exit_code_that_can_come() {
        let all = exit_codes(&[]);
        assert_eq!(all.lines().count(), 1 + Exit::ALL.len());
        for exit in Exit::ALL {
            let line = format!("\n  {}  {}", exit.code(), exit.meaning());
            assert!(all.contains(&line), "{line}");
        }
        assert!(!exit_codes(&[Exit::Unexplained]).contains("unexplained"));
    }
}
