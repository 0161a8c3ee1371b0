//! The command line: what can be said, and nothing of what it does.

#[cfg(feature = "demo")]
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use command_line::{Completions, Consent, DayOrTime, Init, Man, Program as _, exit_codes};
pub(crate) use command_line::{Events, OfAcd};
use service_runtime::Exit;

use crate::SyncWfm;

/// Carries queues and agents, fifteen-minute history and live states of Twilio Flex into Calabrio ONE workforce management.
#[derive(Debug, Parser)]
#[command(
    name = SyncWfm::NAME,
    version,
    // Contacts belong to the other program.
    after_help = exit_codes(&[Exit::Unexplained]),
    propagate_version = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
pub(crate) type Global = command_line::Global<SyncWfm>;

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
    /// Set up and show what Twilio pushes
    #[command(subcommand)]
    Events(Events),
    /// List and remove the ACDs of the ledger
    #[command(subcommand)]
    Acd(Acds),
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

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Where the range begins: a day such as 2026-03-01, which begins at midnight in the ACD's `time_zone`, or a time with its zone such as 2026-03-01T08:00:00Z. It
    /// belongs to the range
    #[arg(long, value_name = "TIME")]
    pub(crate) from: DayOrTime,
    /// Where it ends, given in the same way. It does not belong to the range
    #[arg(long, value_name = "TIME")]
    pub(crate) to: DayOrTime,
    #[command(flatten)]
    pub(crate) of: OfAcd,
    /// Only tell what would be delivered; write nothing. There must be a ledger
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

#[derive(Debug, Subcommand)]
pub(crate) enum Acds {
    /// List every ACD that the configuration or the ledger knows
    List,
    /// Remove an ACD with everything that the ledger has of it. No worker may run
    Remove(RemoveAcd),
}

#[derive(Debug, Args)]
pub(crate) struct RemoveAcd {
    /// Its name, or its identity as the list shows it
    #[arg(value_name = "NAME")]
    pub(crate) acd: String,
    /// Also if intervals of it wait to be delivered
    #[arg(long)]
    pub(crate) with_unfinished: bool,
    #[command(flatten)]
    pub(crate) consent: Consent,
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
    #[arg(long, value_name = "FACTOR", value_parser = pace)]
    pub(crate) pace: Option<f64>,
    /// Write what came of it, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// A day that stands still, or runs backwards, has no end.
#[cfg(feature = "demo")]
fn pace(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok();
    factor
        .filter(|factor: &f64| (1.0..=100_000.0).contains(factor))
        .ok_or_else(|| "write a number from 1 to 100000, such as 900".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    #[cfg(feature = "demo")]
    fn a_day_of_the_demo_goes_forward() {
        for (given, taken) in [
            ("900", true),
            ("1.5", true),
            ("0", false),
            ("-60", false),
            ("NaN", false),
            ("inf", false),
        ] {
            let line = format!("--pace={given}");
            let parsed = Cli::try_parse_from(["sync-wfm", "demo", &line]);
            assert_eq!(parsed.is_ok(), taken, "{given}");
        }
    }

    #[test]
    #[cfg(feature = "demo")]
    fn every_command_line_of_the_documents_can_be_given() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let shown = command_line::shown_command_lines::<Cli>(&root).unwrap();
        assert!(shown.wrong.is_empty(), "{}", shown.wrong.join("\n"));
        assert!(shown.tried >= 15, "only {} were found", shown.tried);
    }
}
