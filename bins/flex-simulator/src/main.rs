//! Serves a simulated Twilio Flex, a Calabrio ONE and a receiver of webhooks on one address; and writes big reports.
//!
//! When it is ready it prints one line of JSON: addresses, SIDs, credentials and, where a configuration was written, the files.
//! It stops on SIGTERM and SIGINT, with exit code 0; 1 is an error, 2 a command line that makes no sense.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{TimeDelta, Utc};
use clap::{Parser, Subcommand, ValueEnum};
use flex_simulator::floor::{BulkOrder, BulkReport, BulkSize, FloorOptions, WfmSettings};
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
    /// Write a big agent productivity report of Flex Insights, for benchmarks.
    Report(Report),
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
    /// Write a configuration file for sync-qm, or with `--floor` one for sync-wfm, and its secrets beside it.
    #[arg(long, value_name = "FILE")]
    write_config: Option<PathBuf>,
    /// Push events to the connector as well, while they happen; the configuration says where it is to listen. A scenario's
    /// own `[push]` comes first.
    #[arg(long)]
    push: bool,
    /// Live through a floor of agents as well, for workforce management: the default one, or that of a TOML file that names what differs.
    /// Without a scenario there are no other contacts then. Its day began some hours ago and goes on in real time, unless the file says
    /// when it begins (`scenario.from`).
    #[arg(long, value_name = "FILE")]
    #[expect(
        clippy::option_option,
        reason = "clap's form of a value that may be left out"
    )]
    floor: Option<Option<PathBuf>>,
    /// How many hours ago the floor's day began, where its file does not say when it begins.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=72))]
    floor_began: u32,
    /// Take files with intervals and states from this folder, as classic WFM would; it is made where it is not there.
    #[arg(long, value_name = "FOLDER")]
    drop_folder: Option<PathBuf>,
    /// Speak TLS, with a certificate authority made for this run.
    #[arg(long)]
    tls: bool,
    /// Only hash recordings of more bytes than this, instead of comparing them with what was said.
    #[arg(long, value_name = "BYTES", default_value_t = SimulatorOptions::default().compare_audio_up_to)]
    compare_audio_up_to: u64,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Size {
    /// How many rows.
    #[arg(long, value_name = "N")]
    rows: Option<u64>,
    /// How many bytes, to within a hundredth: 1000, 500kB, 20MB, 1GB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    bytes: Option<u64>,
}

#[derive(Debug, clap::Args)]
struct Report {
    #[command(flatten)]
    size: Size,
    /// In which order.
    #[arg(long, value_enum, default_value_t = Order::Sorted)]
    order: Order,
    /// How many agents.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    agents: u32,
    /// Decides the numbers, and the order where it is shuffled.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The time zone of its times.
    #[arg(long, value_name = "ZONE", default_value = "Europe/Berlin")]
    zone: String,
    /// Where to write it, and its sums as a line of JSON to the standard output; without it the report goes there, and its sums to the
    /// standard error.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    /// By time.
    Sorted,
    /// In none.
    Shuffled,
}

/// A number of bytes, perhaps with a unit of thousands.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err("the unit is none of kB, MB and GB".to_owned()),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "give a whole number, perhaps with kB, MB or GB".to_owned())?;
    number
        .checked_mul(unit)
        .ok_or_else(|| "it is too big".to_owned())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Serve(arguments) => serve(arguments).await,
        Command::Report(arguments) => tokio::task::block_in_place(|| report(&arguments)),
    }
}

fn report(arguments: &Report) -> anyhow::Result<()> {
    let size = match (arguments.size.rows, arguments.size.bytes) {
        (Some(rows), _) => BulkSize::Rows(rows),
        (None, bytes) => BulkSize::Bytes(bytes.unwrap_or_default()),
    };
    let mut report = BulkReport::new(size);
    report.order = match arguments.order {
        Order::Sorted => BulkOrder::Sorted,
        Order::Shuffled => BulkOrder::Shuffled,
    };
    report.agents = arguments.agents;
    report.seed = arguments.seed;
    report.zone.clone_from(&arguments.zone);
    let written = match &arguments.output {
        Some(path) => {
            let file = File::create(path)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            report.write(&mut BufWriter::with_capacity(1 << 20, file))
        }
        None => report.write(&mut BufWriter::with_capacity(
            1 << 20,
            std::io::stdout().lock(),
        )),
    };
    let written = match written {
        // Whoever reads it has seen enough.
        Err(error) if arguments.output.is_none() && error.kind() == ErrorKind::BrokenPipe => {
            return Ok(());
        }
        written => written.context("the report could not be written")?,
    };
    let sums = serde_json::to_string(&written)?;
    match arguments.output {
        Some(_) => writeln!(std::io::stdout(), "{sums}")?,
        None => writeln!(std::io::stderr(), "{sums}")?,
    }
    Ok(())
}

async fn serve(arguments: Serve) -> anyhow::Result<()> {
    let floor = match &arguments.floor {
        Some(file) => Some(read_floor(file.as_deref(), arguments.floor_began)?),
        None => None,
    };
    let mut scenario = match (&arguments.scenario, &floor) {
        (Some(file), _) => read(file)?,
        (None, Some(floor)) => SimulatorOptions::for_floor(floor.clone()).scenario,
        (None, None) => Scenario::default(),
    };
    if arguments.push {
        scenario.push.get_or_insert_default();
    }
    let mut wfm = WfmSettings::default();
    wfm.drop_folder = arguments.drop_folder;
    let simulator = Simulator::start(SimulatorOptions {
        listen: arguments.listen,
        scenario,
        seed: arguments.seed,
        faults: arguments.faults,
        tls: arguments.tls,
        compare_audio_up_to: arguments.compare_audio_up_to,
        floor,
        wfm,
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

/// The default floor, or that of a file.
fn read_floor(file: Option<&Path>, hours_ago: u32) -> anyhow::Result<FloorOptions> {
    let read = |text: &str| {
        FloorOptions::from_toml_begun(text, Utc::now(), TimeDelta::hours(hours_ago.into()))
    };
    let Some(file) = file else {
        return Ok(read("")?);
    };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the floor {} cannot be read", file.display()))?;
    read(&text).with_context(|| format!("the floor {} makes no sense", file.display()))
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
