//! Serves a simulated Twilio Flex, a Calabrio ONE and a receiver of webhooks on one address.
//!
//! When it is ready it prints one line of JSON: addresses, SIDs, credentials and, where a configuration was written, the files.
//! It stops on SIGTERM and SIGINT, with exit code 0; 1 is an error, 2 a command line that makes no sense.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use flex_simulator::scenario::Scenario;
use flex_simulator::{FaultLevel, Simulator, SimulatorOptions};

/// A simulated Twilio Flex and Calabrio ONE.
#[derive(Debug, Parser)]
#[command(name = "flex-simulator", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer as Twilio, Calabrio ONE and a customer's receiver of webhooks would, until a signal comes.
    Serve(Serve),
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What the contact centre went through: a TOML file that names what differs from the default.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Decides everything that the scenario leaves open, and which request meets which fault.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How much goes wrong: none, mild or hostile.
    #[arg(long, value_name = "LEVEL", default_value_t = FaultLevel::None)]
    faults: FaultLevel,
    /// Write a configuration file for sync-qm, and its secrets beside it.
    #[arg(long, value_name = "FILE")]
    write_config: Option<PathBuf>,
    /// Push events to the connector as well, while they happen; the configuration says where it is to listen. A scenario's
    /// own `[push]` comes first.
    #[arg(long)]
    push: bool,
    /// Speak TLS, with a certificate authority made for this run.
    #[arg(long)]
    tls: bool,
    /// Only hash recordings of more bytes than this, instead of comparing them with what was said.
    #[arg(long, value_name = "BYTES", default_value_t = SimulatorOptions::default().compare_audio_up_to)]
    compare_audio_up_to: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Command::Serve(arguments) = Arguments::parse().command;
    serve(arguments).await
}

async fn serve(arguments: Serve) -> anyhow::Result<()> {
    let mut scenario = match &arguments.scenario {
        Some(file) => read(file)?,
        None => Scenario::default(),
    };
    if arguments.push {
        scenario.push.get_or_insert_default();
    }
    let simulator = Simulator::start(SimulatorOptions {
        listen: arguments.listen,
        scenario,
        seed: arguments.seed,
        faults: arguments.faults,
        tls: arguments.tls,
        compare_audio_up_to: arguments.compare_audio_up_to,
        ..SimulatorOptions::default()
    })
    .await?;
    let mut signals = Signals::listen()?;
    let written = match &arguments.write_config {
        Some(file) => Some(tokio::task::block_in_place(|| {
            simulator.write_config(file)
        })?),
        None => None,
    };
    let ready = serde_json::to_string(&simulator.ready(written.as_ref()))?;
    let mut out = std::io::stdout();
    writeln!(out, "{ready}")
        .and_then(|()| out.flush())
        .context("the line that says it is ready could not be printed")?;
    signals.wait().await;
    simulator.stop().await;
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Scenario> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the scenario {} cannot be read", file.display()))?;
    Scenario::from_toml(&text)
        .with_context(|| format!("the scenario {} makes no sense", file.display()))
}

/// The signals that ask for an end.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg_attr(
        not(unix),
        allow(clippy::unnecessary_wraps, reason = "as it is on unix")
    )]
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .context("SIGTERM cannot be listened for")?,
        })
    }

    async fn wait(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
