//! How long it takes from a pushed event to the agent's new state at Calabrio, in real time.
//!
//! ```text
//! cargo build --release -p sync-wfm
//! cargo run --release -p flex-simulator --example live_states -- target/release/sync-wfm [agents] [events a second] [seconds] [state_flush]
//! ```
//!
//! prints one line of JSON. What is measured is the program that it is given, `sync-wfm run` in a process of its own, with its listener, its ledger on disk
//! and its delivery over HTTP. This process is the rest: Twilio, which pushes one event in each request and signs it, and Calabrio, which takes states.
//! The ledger is in a temporary directory, so `TMPDIR` says which disk is measured; one in memory measures nothing.
//!
//! A delay is counted from the moment at which a request with an event is made and its connection not yet opened, to the moment at which the head of the first
//! request is read that carries the agent's new state: the same agent, state, reason code and beginning. Times are whole milliseconds of one clock, so
//! that a delay may be off by one. What is to be told is known from the simulated floor, not from the events: each state that is missing or never was is counted.
//!
//! Memory and processor time are what Linux tells of the measured process, and `null` elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench may end here, and prints what it found"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use flex_simulator::floor::{FloorOptions, FloorState, Steady};
use flex_simulator::scenario::Push;
use flex_simulator::{Simulator, SimulatorOptions};
use serde_json::{Value, json};

/// From the start to the first event: making the floor, and the worker's first reading of it.
const LEAD: TimeDelta = TimeDelta::seconds(20);

/// How long what was sent last may take until it counts as missing.
const REST: Duration = Duration::from_secs(5);

/// How many of the states that are missing or wrong are shown.
const SHOWN: usize = 5;

/// The kernel tells processor time in hundredths of a second to every program.
const TICKS: f64 = 100.0;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("name the program that is to be measured, such as target/release/sync-wfm");
        return ExitCode::FAILURE;
    };
    let mut number = |default: u32| {
        arguments
            .next()
            .map_or(default, |text| text.parse().unwrap())
    };
    let (agents, rate, seconds) = (number(10_000), number(1_000), number(60));
    let flush = arguments.next().unwrap_or_else(|| "20ms".to_owned());
    // An event is known by the millisecond in which it happened, and a state by its agent and the second in which it began.
    assert!(rate <= 1_000, "at most 1000 events a second");
    assert!(
        agents >= 2 * rate,
        "an agent may change once in two seconds"
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let report = runtime.block_on(measure(&program, agents, rate, seconds, &flush));
    println!("{report}");
    ExitCode::SUCCESS
}

async fn measure(program: &str, agents: u32, rate: u32, seconds: u32, flush: &str) -> Value {
    let simulator = Simulator::start(options(agents, rate, seconds))
        .await
        .unwrap();
    let from = simulator.floor().unwrap().floor().from();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("connector.toml");
    simulator.write_config(&config).unwrap();
    let written = std::fs::read_to_string(&config).unwrap();
    let with = |wanted: &str| format!("state_flush = \"{wanted}\"");
    assert!(written.contains(&with("0s")));
    std::fs::write(&config, written.replace(&with("0s"), &with(flush))).unwrap();

    let log = directory.path().join("run.log");
    let mut worker = Worker::start(program, &config, &log);
    // Everybody's state, once: then nothing else is to be told.
    while simulator.wfm().counts().snapshots == 0 {
        assert!(
            Utc::now() < from,
            "the worker was not ready when the first event came:\n{}",
            std::fs::read_to_string(&log).unwrap_or_default()
        );
        worker.must_run();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sleep_until(from).await;
    let (requests_before, before) = (simulator.wfm().counts().requests, simulator.pushed());
    let used_before = worker.cpu();
    let began = Instant::now();
    let end = from + TimeDelta::seconds(i64::from(seconds));
    sleep_until(end).await;
    let (wall, counts) = (began.elapsed().as_secs_f64(), simulator.pushed());
    let used = worker
        .cpu()
        .zip(used_before)
        .map(|(after, before)| after - before);
    // The first event came with the beginning, at which the clock stood before the listener was there.
    let (events, failed) = (
        counts.accepted - before.accepted,
        counts.failed - before.failed,
    );
    let requests = simulator.wfm().counts().requests - requests_before;
    let load = load();
    tokio::time::sleep(REST).await;
    worker.must_run();
    let peak = worker.peak_mib();
    worker.end();

    let found = Found::new(&simulator, end);
    let report = json!({
        "agents": agents,
        "state_flush": flush,
        "seconds": wall,
        "events": events,
        "events_per_second": rounded(whole(events) / wall),
        "events_without_change": found.without_change,
        "requests_not_taken": failed,
        "states_expected": found.expected,
        "states_delivered": found.delays.len(),
        "states_missing": found.missing,
        "states_wrong": found.wrong,
        "delay_ms_p50": found.delay(50),
        "delay_ms_p99": found.delay(99),
        "delay_ms_max": found.delay(100),
        "sent_late_ms_p99": place(&found.late, 99),
        "sent_late_ms_max": place(&found.late, 100),
        "deliveries_per_second": rounded(whole(requests) / wall),
        "violations": simulator.violation_count(),
        "share_of_one_core": used.map(|used| rounded(used / wall)),
        "peak_memory_mib": peak,
        "load": load,
    });
    simulator.stop().await;
    report
}

fn options(agents: u32, rate: u32, seconds: u32) -> SimulatorOptions {
    let mut floor = FloorOptions::default();
    floor.punctual = true;
    let scenario = &mut floor.scenario;
    scenario.agents = agents;
    scenario.hours = 1;
    let from = Utc::now() + LEAD;
    scenario.from = second(from);
    scenario.steady = Some(Steady {
        events_per_second: rate,
        seconds,
    });
    let mut options = SimulatorOptions::for_floor(floor);
    let mut push = Push::default();
    push.batch = false;
    options.scenario.push = Some(push);
    options
}

async fn sleep_until(then: DateTime<Utc>) {
    let left = (then - Utc::now()).to_std().unwrap_or_default();
    tokio::time::sleep(left).await;
}

/// The measured process.
struct Worker(Child);

impl Worker {
    fn start(program: &str, config: &Path, log: &Path) -> Self {
        let log = File::create(log).unwrap();
        let child = Command::new(program)
            .args(["run", "--log", "warn", "--config"])
            .arg(config)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self(child)
    }

    fn must_run(&mut self) {
        let ended = self.0.try_wait().unwrap();
        assert!(ended.is_none(), "the worker ended: {ended:?}");
    }

    fn told(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).ok()
    }

    /// The largest resident set so far, in MiB.
    fn peak_mib(&self) -> Option<f64> {
        let status = self.told("status")?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some(rounded(kib / 1_024.0))
    }

    /// Processor time so far, in seconds.
    fn cpu(&self) -> Option<f64> {
        let stat = self.told("stat")?;
        // The name before it may hold spaces.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace().skip(11);
        let mut next = || fields.next()?.parse::<f64>().ok();
        Some((next()? + next()?) / TICKS)
    }

    /// Ends it as an operator would.
    fn end(mut self) {
        let pid = self.0.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(asked.success());
        let ended = self.0.wait().unwrap();
        assert!(ended.success(), "the worker ended with {ended}");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Where the bench itself failed; one that has ended is gone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What came of the events up to a moment.
#[derive(Default)]
struct Found {
    /// In milliseconds, sorted.
    delays: Vec<i64>,
    /// How much later than they were to be events were sent, the same.
    late: Vec<i64>,
    expected: usize,
    missing: usize,
    wrong: usize,
    without_change: usize,
}

type Shown = (FloorState, Option<String>);

impl Found {
    fn new(simulator: &Simulator, end: DateTime<Utc>) -> Self {
        let floor = simulator.floor().unwrap().floor();
        let mut sent = BTreeMap::new();
        let mut found = Self::default();
        // What happens as the clock begins to go may have been read with the lists.
        let begin = floor.from() + TimeDelta::seconds(1);
        let counts = |at: DateTime<Utc>| at >= begin && at < end;
        for event in simulator.sent() {
            if !counts(event.happened) {
                continue;
            }
            let twice = sent.insert(event.happened, event.sent);
            assert!(twice.is_none(), "two events happened at {}", event.happened);
            found.late.push((event.sent - event.due).num_milliseconds());
        }
        // The first time that a state of an agent with its beginning came.
        let mut told: BTreeMap<(String, DateTime<Utc>), (Shown, DateTime<Utc>)> = BTreeMap::new();
        for state in simulator.wfm().states() {
            let shown = (state.state, state.reason);
            let key = (state.agent, state.since);
            // Whole seconds are told.
            if counts(key.1) {
                let first = told.entry(key).or_insert((shown.clone(), state.at));
                found.wrong += usize::from(first.0 != shown);
            }
        }
        let mut changing = BTreeSet::new();
        for day in floor.days() {
            // What an agent was in at the beginning came with the snapshot.
            for span in day.spans.iter().skip(1).filter(|span| counts(span.from)) {
                found.expected += 1;
                changing.insert(span.from);
                match told.remove(&(day.agent.clone(), second(span.from))) {
                    Some((shown, at)) if shown == (span.state, span.reason.clone()) => {
                        let delay = at - sent[&span.from];
                        found.delays.push(delay.num_milliseconds());
                    }
                    told => {
                        if found.wrong + found.missing < SHOWN {
                            eprintln!("{} was {span:?}, told was {told:?}", day.agent);
                        }
                        found.wrong += usize::from(told.is_some());
                        found.missing += usize::from(told.is_none());
                    }
                }
            }
        }
        // They never were.
        for told in told.iter().take(SHOWN) {
            eprintln!("told was {told:?}, and never was");
        }
        found.wrong += told.len();
        found.without_change = sent.keys().filter(|at| !changing.contains(at)).count();
        found.delays.sort_unstable();
        found.late.sort_unstable();
        found
    }

    fn delay(&self, percent: usize) -> Option<i64> {
        place(&self.delays, percent)
    }
}

fn second(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(at.timestamp(), 0).unwrap()
}

/// The value below or at which so many of a hundred lie.
fn place(sorted: &[i64], percent: usize) -> Option<i64> {
    let place = (sorted.len() * percent).div_ceil(100);
    sorted.get(place.checked_sub(1)?).copied()
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn whole(count: u64) -> f64 {
    count as f64
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// How many programs ran or wanted to, on average over the last minute.
fn load() -> Option<f64> {
    let told = std::fs::read_to_string("/proc/loadavg").ok()?;
    told.split(' ').next()?.parse().ok()
}
