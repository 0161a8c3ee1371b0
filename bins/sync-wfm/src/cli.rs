//! The command line: what can be said, and nothing of what it does.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// What stands below the help of the program: its exit codes.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done; also after a graceful stop
  1  failed, for a reason that no other code names
  2  the command line is wrong
  4  the configuration, or a secret that it refers to, has faults
  5  a check of the connection failed
  6  another process works on this ledger
  7  stopped at once, with work under way";

/// Carries queues and agents, fifteen-minute history and live states of Twilio Flex into Calabrio ONE workforce management.
#[derive(Debug, Parser)]
#[command(name = "sync-wfm", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The configuration file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "SYNC_WFM_CONFIG",
        default_value = "connector.toml"
    )]
    pub(crate) config: PathBuf,
    /// Print one JSON value instead of tables
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What is logged: a level, or directives such as `info,wfm_pipeline=debug` [default: what the configuration says for run, else warn]
    #[arg(long, global = true, value_name = "DIRECTIVES")]
    pub(crate) log: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented configuration file to begin with
    Init(Init),
    /// Test the connection to Twilio, Flex Insights and Calabrio ONE, and everything that the configuration says
    Check(Check),
    /// Carry history and states, until a signal comes
    Run(Run),
    /// Deliver the history of a range, as far as it differs from what was delivered
    History(History),
    /// Look into the reports of Flex Insights
    #[command(subcommand)]
    Reports(Reports),
    /// Show the activities of the workspace, and what each becomes
    ///
    /// Ends with 5 where a mapping names an activity that is not there.
    Activities(OfAcd),
    /// List the queues, and whether Calabrio ONE knows them
    Queues(OfAcd),
    /// List the agents, and whether Calabrio ONE knows them
    Agents(OfAcd),
    /// Show each agent's state, since when, and how hold is seen
    Adherence(Adherence),
    /// Show how things stand
    Status,
    /// Let a simulated floor live through a day, and prove that its intervals and states arrived
    #[cfg(feature = "demo")]
    Demo(Demo),
    /// Print a script that completes commands in a shell
    Completions(Completions),
    /// Print the manual page, or write one for each command
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Ask no vendor: look at the file, the secrets and the ledger
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) of: OfAcd,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// End as soon as both reports were pulled once, everything of them is delivered or set aside, and Calabrio ONE has every state
    #[arg(long)]
    pub(crate) until_idle: bool,
}

/// Narrows a command to one ACD.
#[derive(Debug, Clone, Args)]
pub(crate) struct OfAcd {
    /// Only the ACD of this name [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) acd: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Where the range begins: 2026-03-01, or 2026-03-01T08:00:00Z. It belongs to the range
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) from: DateTime<Utc>,
    /// Where it ends. It does not belong to the range
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) to: DateTime<Utc>,
    #[command(flatten)]
    pub(crate) of: OfAcd,
    /// Only tell what would be delivered; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Reports {
    /// Download the first rows of both reports, show their columns and propose a mapping
    ///
    /// Ends with 5 where a column is missing.
    Preview(OfAcd),
}

#[derive(Debug, Args)]
pub(crate) struct Adherence {
    #[command(flatten)]
    pub(crate) of: OfAcd,
    /// Go on until a signal comes; with --json one value a line
    #[arg(long)]
    pub(crate) watch: bool,
    /// How many seconds lie between two tables
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=3600), requires = "watch")]
    pub(crate) every: u64,
}

/// How a demo delivers.
#[cfg(feature = "demo")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoTransport {
    /// JSON over HTTP
    Http,
    /// Files in a drop folder
    Files,
}

/// How a demo hears of events.
#[cfg(feature = "demo")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoEvents {
    /// The workspace's event callback, beside Event Streams
    Callback,
    /// Event Streams alone
    Streams,
    /// Twilio's feed for workforce management, beside Event Streams
    WorkerChange,
    /// Nothing is pushed: the Events API is polled
    Polled,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many agents there are
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(4..=10_000))]
    pub(crate) agents: u32,
    /// How many hours the day has; it begins at midnight before the clocks change
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=72))]
    pub(crate) hours: u32,
    /// Decides what happens, and what goes wrong
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How much goes wrong: none, mild or hostile
    #[arg(long, value_name = "LEVEL", default_value_t = flex_simulator::FaultLevel::None)]
    pub(crate) faults: flex_simulator::FaultLevel,
    /// How intervals and states go to Calabrio
    #[arg(long, value_name = "HOW", value_enum, default_value_t = DemoTransport::Http)]
    pub(crate) transport: DemoTransport,
    /// How Twilio's events come
    #[arg(long, value_name = "HOW", value_enum, default_value_t = DemoEvents::Callback)]
    pub(crate) events: DemoEvents,
    /// Print the repeated hour merged into one, as some reports do
    #[arg(long)]
    pub(crate) merged: bool,
    /// How many seconds of the day pass in a real one [default: by the number of agents and the faults]
    #[arg(long, value_name = "FACTOR")]
    pub(crate) pace: Option<f64>,
    /// Write what came of it, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// For which shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write one page for each command into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// A time with its zone, or a day, which begins at midnight UTC.
fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let day = text
        .parse::<NaiveDate>()
        .ok()
        .and_then(|day| day.and_hms_opt(0, 0, 0));
    day.map(|midnight| midnight.and_utc())
        .ok_or_else(|| "write a day such as 2026-03-01 (midnight UTC), or a time with its zone such as 2026-03-01T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use service_runtime::Exit;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_tells_every_exit_code_that_can_come() {
        for exit in Exit::ALL {
            // Contacts belong to the other program.
            if exit == Exit::Unexplained {
                continue;
            }
            let line = format!("\n  {}  {}", exit.code(), exit.meaning());
            assert!(EXIT_CODES.contains(&line), "{line}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_utc_and_a_time_needs_its_zone() {
        assert_eq!(instant("2026-03-01"), instant("2026-03-01T00:00:00Z"));
        assert_eq!(instant("2026-03-01T02:00:00+02:00"), instant("2026-03-01"));
        assert!(
            instant("2026-03-01T00:00:00")
                .unwrap_err()
                .contains("with its zone")
        );
    }
}
