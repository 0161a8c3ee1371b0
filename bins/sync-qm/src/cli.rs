//! The command line: what can be said, and nothing of what it does.

mod filters;
mod upkeep;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use command_line::{Completions, Init, Man, Program as _, exit_codes, instant};
pub(crate) use command_line::{Consent, Events, OfAcd};
use contact_model::LegId;
use sync_ledger::MessageState;

use crate::SyncQm;

pub(crate) use filters::{Filters, Stages};
pub(crate) use upkeep::{Acds, Agents, Export, Forget, LiveContact, RemoveAcd};

/// Carries finished Twilio Flex contacts into Calabrio ONE quality management, exactly once.
#[derive(Debug, Parser)]
#[command(name = SyncQm::NAME, version, after_help = exit_codes(&[]), propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
pub(crate) type Global = command_line::Global<SyncQm>;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented configuration file to begin with
    Init(Init),
    /// Test the connection to Twilio and Calabrio ONE, and everything that the configuration says
    Check(Check),
    /// Carry contacts, until a signal comes
    Run(Run),
    /// Work through a range of the past, beside the live sync
    Backfill(Backfill),
    /// Prove where every leg of a range is: compare what Twilio, the ledger and Calabrio ONE have of it
    Reconcile(Reconcile),
    /// Show how things stand
    Status,
    /// List, show, retry, export and forget contacts
    #[command(subcommand)]
    Contacts(Contacts),
    /// Tell who of Flex's agents Calabrio ONE knows
    #[command(subcommand)]
    Agents(Agents),
    /// List and remove the ACDs of the ledger
    #[command(subcommand)]
    Acd(Acds),
    /// List, show, repeat and try contact status events
    #[command(subcommand)]
    Webhooks(Webhooks),
    /// Set up and show what Twilio pushes
    #[command(subcommand)]
    Events(Events),
    /// List and verify the private keys of recordings
    #[command(subcommand)]
    Keys(Keys),
    /// Show the metadata fields of Calabrio ONE, and what is mapped to them
    Fields(OfAcd),
    /// Work on single recordings
    #[command(subcommand)]
    Recordings(Recordings),
    /// Carry simulated calls out of a simulated Flex into a simulated Calabrio ONE, and prove that all arrived
    #[cfg(feature = "demo")]
    Demo(Demo),
    /// Print a script that completes commands in a shell
    Completions(Completions),
    /// Print the manual page, or write one for each command
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Ask neither vendor: look at the file, the secrets, the keys, the ledger and the spool
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) live: LiveContact,
    #[command(flatten)]
    pub(crate) of: OfAcd,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// End as soon as everything that has ended by now is carried or set aside
    #[arg(long)]
    pub(crate) until_idle: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Backfill {
    /// Where the range begins: 2026-03-01, or 2026-03-01T08:00:00Z. It belongs to the range
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) from: DateTime<Utc>,
    /// Where it ends. It does not belong to the range
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) to: DateTime<Utc>,
    #[command(flatten)]
    pub(crate) of: OfAcd,
    /// Only tell what would be found; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reconcile {
    /// Where the range begins: 2026-03-01, or 2026-03-01T08:00:00Z. It belongs to the range
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) from: DateTime<Utc>,
    /// Where it ends. It does not belong to the range
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) to: DateTime<Utc>,
    /// Carry what is missing first: legs that are not known, and complete contacts that Calabrio ONE does not show
    #[arg(long)]
    pub(crate) fill: bool,
    #[command(flatten)]
    pub(crate) of: OfAcd,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Contacts {
    /// List contacts, the newest first
    List(List),
    /// Show everything about one contact but the customer's data
    Show {
        /// The leg: the SID of its reservation
        leg: LegId,
    },
    /// Take contacts up again that were set aside
    Retry(Retry),
    /// Write everything that the ledger knows of contacts, the customer's data included, as one JSON object a line
    Export(Export),
    /// Erase what is here about a leg or a customer, and tell what is still to be erased elsewhere
    ///
    /// Ends with 1 where nothing is found that is meant, where something could not be erased, or where details cannot be read.
    Forget(Forget),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) stages: Stages,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["leg", "all"]))]
pub(crate) struct Retry {
    /// The leg: the SID of its reservation
    pub(crate) leg: Option<LegId>,
    /// All that are parked, or those of them that the filters leave
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) filters: Filters,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Webhooks {
    /// List webhooks, the newest first, and how each receiver fares
    List(WebhookList),
    /// Show one webhook: what is sent, byte for byte, and what was answered
    Show {
        /// Its id, as the receiver sees it in `webhook-id`
        id: String,
    },
    /// Send webhooks again: the same ids, the same bytes
    Replay(WebhookReplay),
    /// Send a made-up event to the receiver now
    Test(OfAcd),
    /// Let webhooks go to a receiver again that was disabled
    Enable(OfAcd),
}

#[derive(Debug, Args)]
pub(crate) struct WebhookList {
    /// In this state: pending, delivered, exhausted or erased; may be given several times
    #[arg(long, value_name = "STATE", value_parser = message_state)]
    pub(crate) state: Vec<MessageState>,
    /// Of this leg
    #[arg(long, value_name = "SID")]
    pub(crate) leg: Option<LegId>,
    /// Written down at this time or later
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Written down before this time
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) to: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub(crate) of: OfAcd,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["id", "from"]))]
pub(crate) struct WebhookReplay {
    /// One, by its id
    pub(crate) id: Option<String>,
    /// Those that were written down from this time on and were not taken
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "to")]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Where that range ends
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "from")]
    pub(crate) to: Option<DateTime<Utc>>,
    /// With a range: also those that were taken
    #[arg(long, requires = "from")]
    pub(crate) delivered: bool,
    #[command(flatten)]
    pub(crate) of: OfAcd,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// List the private keys of every key ring
    List(OfAcd),
    /// Open with every key what its public half closes, and look for it at Twilio
    Verify {
        #[command(flatten)]
        of: OfAcd,
        /// Do not ask Twilio
        #[arg(long)]
        offline: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Recordings {
    /// Decrypt one recording by hand: all of it is verified before the first byte is written
    Decrypt(Decrypt),
}

#[derive(Debug, Args)]
pub(crate) struct Decrypt {
    /// A JSON file with the recording's `encryption_details`, or with the recording as Twilio's API tells it
    #[arg(long, value_name = "FILE")]
    pub(crate) details: PathBuf,
    /// The private key: PKCS#8 or PKCS#1, PEM or DER
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The passphrase of a key that has one
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The encrypted recording, or - for the standard input
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Where the audio goes, or - for the standard output. A file appears only when it is whole
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many contacts there are
    #[arg(long, value_name = "N", default_value_t = 44, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) contacts: u32,
    /// Decides what is said, and what goes wrong
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How much goes wrong: none, mild or hostile
    #[arg(long, value_name = "LEVEL", default_value_t = flex_simulator::FaultLevel::None)]
    pub(crate) faults: flex_simulator::FaultLevel,
    /// Write what came of it, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Give up after so many seconds [default: by the number of contacts and the faults]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) time_limit: Option<u64>,
}

fn message_state(text: &str) -> Result<MessageState, String> {
    MessageState::ALL
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| {
            let known: Vec<_> = MessageState::ALL
                .iter()
                .map(|state| state.as_str())
                .collect();
            format!("no such state; the states are {}", known.join(", "))
        })
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
    fn every_command_line_of_the_documents_can_be_given() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let shown = command_line::shown_command_lines::<Cli>(&root).unwrap();
        assert!(shown.wrong.is_empty(), "{}", shown.wrong.join("\n"));
        assert!(shown.tried >= 40, "only {} were found", shown.tried);
    }

    #[test]
    fn a_retry_names_one_leg_or_all_that_are_parked() {
        let leg = format!("WR{:032}", 1);
        for good in [
            &["sync-qm", "contacts", "retry", &leg][..],
            &[
                "sync-qm",
                "contacts",
                "retry",
                "--reason",
                "missing-key",
                "--all",
            ],
        ] {
            Cli::try_parse_from(good).unwrap();
        }
        for bad in [
            &["sync-qm", "contacts", "retry"][..],
            &["sync-qm", "contacts", "retry", &leg, "--all"],
            &["sync-qm", "contacts", "retry", "--reason", "missing-key"],
            &[
                "sync-qm",
                "contacts",
                "retry",
                "WT00000000000000000000000000000001",
            ],
        ] {
            Cli::try_parse_from(bad).unwrap_err();
        }
    }
}
