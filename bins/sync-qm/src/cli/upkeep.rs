//! What is said to commands about agents, customers and ACDs.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use contact_model::LegId;
use twilio_sid::WorkerSid;

use super::{Consent, Filters, OfAcd, Stages};

#[derive(Debug, Subcommand)]
pub(crate) enum Agents {
    /// List TaskRouter's workers, who of them Calabrio ONE knows, and what the switches of [acd.people] do about it
    List(OfAcd),
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
    /// Its name, or its identity as `status` shows it
    #[arg(value_name = "NAME")]
    pub(crate) acd: String,
    /// Also if some of its contacts are not finished
    #[arg(long)]
    pub(crate) with_unfinished: bool,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) stages: Stages,
    #[command(flatten)]
    pub(crate) filters: Filters,
    /// Where the lines go, or - for the standard output. A file appears only when it is whole, for its owner alone
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("whom").required(true).args(["leg", "address"]))]
pub(crate) struct Forget {
    /// The leg: the SID of its reservation
    pub(crate) leg: Option<LegId>,
    /// Every leg in whose details this stands: a number, an address, a name
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) address: Option<String>,
    /// With --address: only those of the ACD of this name
    #[arg(long, value_name = "NAME", conflicts_with = "leg")]
    pub(crate) acd: Option<String>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// Sends a contact that no customer is behind.
#[derive(Debug, Args)]
pub(crate) struct LiveContact {
    /// Send a clearly marked synthetic contact through Calabrio ONE, tell which documented assumptions held, and remember it
    #[arg(id = "live_contact", long = "live-contact", conflicts_with = "offline")]
    pub(crate) wanted: bool,
    /// With --live-contact: the agent whom it is for, by the worker's SID [default: nobody]
    #[arg(long, value_name = "SID", requires = "live_contact")]
    pub(crate) agent: Option<WorkerSid>,
    /// With --live-contact: how many seconds it is waited for [default: `timing.processing_wait`, 600 at most]
    #[arg(long, value_name = "SECONDS", requires = "live_contact")]
    pub(crate) wait: Option<u64>,
}
