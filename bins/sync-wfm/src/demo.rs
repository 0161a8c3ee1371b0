//! `demo`: a simulated floor, the real worker, and the proof that every interval and state arrived as it was.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use connector_config::{Config, Product, SystemSecrets};
use flex_simulator::floor::{
    FloorAccount, FloorOptions, FloorReport, FloorRun, FloorState, Received, RepeatedHour,
    ToldInterval, ToldState, WrongState,
};
use flex_simulator::scenario::Push;
use flex_simulator::{FaultLevel, Simulator, SimulatorOptions};
use serde::Serialize;
use service_runtime::{Exit, Mood, Page, Progress, Report, Signals, Stop, Table, Terminal};
use sync_ledger::IntervalStore as _;
use wfm_pipeline::{Clock, Until};

use crate::cli::{self, DemoEvents, DemoTransport, Global};
use crate::commands::{Working, named, work};
use crate::open;

/// How long the floor's clock stands at first, so that the worker is there when the day begins.
const STANDS: Duration = Duration::from_secs(2);

/// In how many real seconds a day passes where nothing goes wrong.
const DAY_SECONDS: f64 = 60.0;

/// How far a state's beginning may be off: TaskRouter's lists, which mend what events did not tell, tell whole seconds.
const TOLERANCE_MS: i64 = 1_000;

/// How long after the day the worker has to deliver what is left.
fn patience(faults: FaultLevel) -> Duration {
    Duration::from_secs(match faults {
        FaultLevel::None => 120,
        FaultLevel::Mild => 300,
        FaultLevel::Hostile => 600,
    })
}

pub(crate) async fn demo(global: &Global, asked: cli::Demo) -> Result<Exit> {
    let began = Instant::now();
    let stop = Stop::new();
    let _signals = Signals::listen(&stop)?;
    if let Some(path) = &asked.report {
        // Before the minutes that a demo takes, not after them.
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| cannot_write(path))?;
    }
    let place = tempfile::Builder::new()
        .prefix("sync-wfm-demo-")
        .tempdir()
        .context("no temporary directory can be made")?;
    let simulator = Simulator::start(options(&asked, place.path())).await?;
    let path = place.path().join("connector.toml");
    simulator.write_config(&path)?;
    let lived = Box::pin(live(&path, &simulator, &asked, &stop)).await;
    let ended = match lived {
        Ok(ended) => ended,
        Err(error) => {
            simulator.stop().await;
            return Err(error);
        }
    };
    let mut report = DemoReport::new(&simulator, asked.faults, &ended, began.elapsed());
    report.interrupted = stop.is_requested();
    simulator.stop().await;
    if let Some(path) = &asked.report {
        let mut text = serde_json::to_string_pretty(&report)?;
        text.push('\n');
        std::fs::write(path, text).with_context(|| cannot_write(path))?;
    }
    global.print(&report)?;
    Ok(if report.interrupted {
        Exit::Interrupted
    } else if report.is_right() {
        Exit::Ok
    } else {
        Exit::Failure
    })
}

fn options(asked: &cli::Demo, place: &Path) -> SimulatorOptions {
    let mut floor = FloorOptions::default();
    floor.scenario.agents = asked.agents;
    floor.scenario.hours = asked.hours;
    floor.stands_ms = u64::try_from(STANDS.as_millis()).unwrap_or(u64::MAX);
    // Many agents tell many events, and faults delay them.
    let crowd = (f64::from(asked.agents) / 200.0).max(1.0);
    let trouble = match asked.faults {
        FaultLevel::None => 1.0,
        FaultLevel::Mild => 2.0,
        FaultLevel::Hostile => 3.0,
    };
    let seconds = DAY_SECONDS * crowd * trouble;
    floor.pace = asked
        .pace
        .unwrap_or(f64::from(asked.hours) * 3_600.0 / seconds);
    if asked.merged {
        floor.insights.repeated_hour = RepeatedHour::Merged;
    }
    let mut options = SimulatorOptions::for_floor(floor);
    options.seed = asked.seed;
    options.faults = asked.faults;
    if asked.transport == DemoTransport::Files {
        options.wfm.drop_folder = Some(place.join("drop-folder"));
    }
    let mut push = Push::default();
    push.callback = asked.events == DemoEvents::Callback;
    push.worker_change = asked.events == DemoEvents::WorkerChange;
    options.scenario.push = (asked.events != DemoEvents::Polled).then_some(push);
    options
}

/// How the worker fared.
struct Ended {
    /// Whether it came to rest in time.
    in_time: bool,
    /// Rows that are still held.
    held: u64,
}

/// Runs the worker through the day, and once more until nothing is left to be delivered: as after a restart.
async fn live(path: &Path, simulator: &Simulator, asked: &cli::Demo, stop: &Stop) -> Result<Ended> {
    let config = Config::load_for(path, Product::WorkforceManagement)?;
    let floor = simulator.floor().context("the simulator has no floor")?;
    let pace = floor.pace();
    let clock = Clock::paced(move || pace.now(), pace.factor);
    let day_over = Stop::new();
    let working = worker(&config, clock.clone(), &day_over, Until::Stopped);
    let hours = u64::from(asked.hours);
    let progress = Progress::new(Terminal::stderr(), Some(hours), "hours of the day");
    let watching = async {
        while clock.now() < floor.settles() && !stop.is_requested() {
            let passed = (clock.now() - floor.floor().from()).num_hours();
            progress.set(u64::try_from(passed).unwrap_or(0).min(hours));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        day_over.request();
    };
    let (worked, ()) = tokio::join!(working, watching);
    worked.context("the worker ended before the day did")?;
    progress.finish();
    // Once faults stop, the backlog drains.
    simulator.stop_faults();
    let rest = Stop::new();
    let patience = patience(asked.faults);
    let in_time = tokio::select! {
        worked = tokio::time::timeout(patience, Box::pin(worker(&config, clock, &rest, Until::Idle))) => match worked {
            Ok(worked) => worked.context("the worker ended before it was done")?,
            Err(_) => false,
        },
        () = stop.requested() => false,
    };
    let (ledger, _) = open::ledger(&config)?.beside().await?;
    let mut held = 0;
    for (acd, _) in named(&config, None)? {
        held += ledger
            .held_count(&acd)
            .await?
            .iter()
            .map(|(_, rows)| rows)
            .sum::<u64>();
    }
    ledger.close().await;
    Ok(Ended { in_time, held })
}

/// The worker from the file on, as `run` makes it; whether it came to rest.
async fn worker(config: &Config, clock: Clock, stop: &Stop, until: Until) -> Result<bool> {
    let secrets = Arc::new(config.resolve_secrets(&SystemSecrets)?);
    let ledger = open::ledger_under(config, &secrets)?.as_worker().await?;
    let working = Working {
        config,
        secrets,
        ledger,
        clock,
    };
    let ended = Box::pin(work(working, stop, until)).await?;
    Ok(ended.is_some_and(|report| report.idle))
}

/// What came of the day.
#[derive(Debug, Serialize)]
struct DemoReport {
    agents: usize,
    hours: u32,
    seed: u64,
    faults: FaultLevel,
    zone: String,
    intervals_expected: u64,
    intervals_delivered: u64,
    intervals_wrong: u64,
    intervals_ambiguous: u64,
    states_expected: u64,
    states_told: u64,
    states_wrong: u64,
    states_begun_late: u64,
    states_passing: u64,
    /// How many real seconds the longest of those stood.
    states_passing_seconds: f64,
    states_superseded: u64,
    held: u64,
    lost: u64,
    violations: u64,
    in_time: bool,
    /// Whether it was stopped before its end, so that nothing can be said of it.
    interrupted: bool,
    roster_told: usize,
    elapsed_seconds: f64,
    /// How many seconds of the day pass in a real one.
    pace: f64,
    /// Some of the wrong states.
    wrong: Vec<WrongState>,
    /// The last state that was told of each agent, and the true one.
    states: Vec<AgentLine>,
    /// Intervals of queues, hour by hour.
    queue_hours: Vec<HourLine>,
}

#[derive(Debug, Serialize)]
struct AgentLine {
    agent: String,
    told: Option<String>,
    truth: String,
    told_states: usize,
    true_states: usize,
}

#[derive(Debug, Serialize)]
struct HourLine {
    utc: DateTime<Utc>,
    local: String,
    intervals: usize,
    offered: u64,
    answered: u64,
    abandoned: u64,
    talk_seconds: u64,
}

impl DemoReport {
    fn new(simulator: &Simulator, faults: FaultLevel, ended: &Ended, elapsed: Duration) -> Self {
        let mut report = Self {
            agents: 0,
            hours: 0,
            seed: simulator.world().seed(),
            faults,
            zone: String::new(),
            intervals_expected: 0,
            intervals_delivered: 0,
            intervals_wrong: 0,
            intervals_ambiguous: 0,
            states_expected: 0,
            states_told: 0,
            states_wrong: 0,
            states_begun_late: 0,
            states_passing: 0,
            states_passing_seconds: 0.0,
            states_superseded: 0,
            held: ended.held,
            lost: 0,
            violations: simulator.violation_count(),
            in_time: ended.in_time,
            interrupted: false,
            roster_told: simulator.wfm().rosters().len(),
            elapsed_seconds: elapsed.as_secs_f64(),
            pace: 1.0,
            wrong: Vec::new(),
            states: Vec::new(),
            queue_hours: Vec::new(),
        };
        let Some(floor) = simulator.floor() else {
            return report;
        };
        let scenario = floor.floor().scenario();
        report.agents = floor.floor().agents().count();
        report.hours = scenario.hours;
        report.zone.clone_from(&scenario.zone);
        let received = Received {
            intervals: simulator.wfm().intervals(),
            states: simulator.wfm().states(),
        };
        report.count(account(floor, &received, faults), floor.options().pace);
        report.tell_agents(floor, &received.states);
        report.tell_hours(floor, &received.intervals);
        report
    }

    fn count(&mut self, account: FloorAccount, pace: f64) {
        self.intervals_expected = account.intervals_expected;
        self.intervals_delivered = account.intervals_delivered;
        self.intervals_wrong = account.intervals_wrong;
        self.intervals_ambiguous = account.intervals_ambiguous;
        self.states_expected = account.states_expected;
        self.states_told = account.states_told;
        self.states_wrong = account.states_wrong;
        self.states_begun_late = account.states_begun_late;
        self.states_passing = account.states_passing;
        let stood = TimeDelta::milliseconds(account.states_passing_ms);
        self.states_passing_seconds = stood.as_seconds_f64() / pace;
        self.pace = pace;
        self.states_superseded = account.states_superseded;
        self.lost = account.intervals_missing + account.states_missing;
        self.wrong = account.wrong;
    }

    fn tell_agents(&mut self, floor: &FloorRun, states: &[ToldState]) {
        let now = floor.pace().now();
        for day in floor.floor().days() {
            let told: Vec<_> = states
                .iter()
                .filter(|state| state.agent == day.agent)
                .collect();
            self.states.push(AgentLine {
                agent: day.agent.clone(),
                told: told
                    .last()
                    .map(|last| word(last.state, last.reason.as_ref())),
                truth: day
                    .at(now)
                    .map_or_else(String::new, |span| word(span.state, span.reason.as_ref())),
                true_states: day.spans.len(),
                told_states: told.len(),
            });
        }
    }

    /// Of intervals that came again, the newest counts.
    fn tell_hours(&mut self, floor: &FloorRun, intervals: &[ToldInterval]) {
        let mut newest = BTreeMap::new();
        for interval in intervals {
            if interval.report == FloorReport::QueueHistory {
                newest.insert((interval.start, interval.queue.clone()), interval);
            }
        }
        let mut hours: BTreeMap<DateTime<Utc>, HourLine> = BTreeMap::new();
        for ((start, _), interval) in newest {
            let hour = start.duration_trunc(TimeDelta::hours(1)).unwrap_or(start);
            let line = hours.entry(hour).or_insert_with(|| HourLine {
                utc: hour,
                local: floor
                    .floor()
                    .local(hour)
                    .format("%Y-%m-%d %H:%M")
                    .to_string(),
                intervals: 0,
                offered: 0,
                answered: 0,
                abandoned: 0,
                talk_seconds: 0,
            });
            let of = |name: &str| interval.values.get(name).copied().unwrap_or(0);
            line.intervals += 1;
            line.offered += of("offered");
            line.answered += of("answered");
            line.abandoned += of("abandoned");
            line.talk_seconds += of("talk_time_ms") / 1_000;
        }
        self.queue_hours = hours.into_values().collect();
    }

    fn is_right(&self) -> bool {
        self.in_time
            && self.intervals_wrong == 0
            && self.states_wrong == 0
            && self.lost == 0
            && self.held == 0
            && self.violations == 0
            && self.intervals_expected > 0
            && self.states_expected > 0
    }
}

impl Report for DemoReport {
    fn page(&self, page: &mut Page) {
        let mut table = Table::new([
            "agent",
            "last told",
            "truth",
            "states told",
            "states there were",
        ]);
        for line in &self.states {
            table.row([
                line.agent.clone(),
                line.told.clone().unwrap_or_default(),
                line.truth.clone(),
                line.told_states.to_string(),
                line.true_states.to_string(),
            ]);
        }
        page.table(table);
        let mut table = Table::new([
            "hour (UTC)",
            "on the clock",
            "intervals",
            "offered",
            "answered",
            "abandoned",
            "talk",
        ]);
        for line in &self.queue_hours {
            table.row([
                line.utc.format("%Y-%m-%d %H:%M").to_string(),
                line.local.clone(),
                line.intervals.to_string(),
                line.offered.to_string(),
                line.answered.to_string(),
                line.abandoned.to_string(),
                format!("{} s", line.talk_seconds),
            ]);
        }
        page.table(table);
        page.line(format!(
            "a day of {} hours in {}, {} agents, faults {}, seed {}: {:.0} seconds",
            self.hours, self.zone, self.agents, self.faults, self.seed, self.elapsed_seconds
        ));
        page.line(format!(
            "intervals: {} expected, {} delivered, {} wrong, {} ambiguous; {} rows held",
            self.intervals_expected,
            self.intervals_delivered,
            self.intervals_wrong,
            self.intervals_ambiguous,
            self.held
        ));
        let passing = match self.states_passing {
            0 => "0 put right".to_owned(),
            passing => format!(
                "{passing} put right within {:.1} seconds",
                self.states_passing_seconds
            ),
        };
        page.line(format!(
            "states: {} expected, {} told, {} wrong, {passing}, {} told by lists alone and so not when they began, {} overtaken by a newer one before they were told",
            self.states_expected,
            self.states_told,
            self.states_wrong,
            self.states_begun_late,
            self.states_superseded
        ));
        page.line(format!(
            "lost: {}; agents and queues told: {}; outside the documented surface: {}",
            self.lost, self.roster_told, self.violations
        ));
        for wrong in self.wrong.iter().filter(|_| !self.interrupted) {
            page.line(wrong_line(wrong, self.pace));
        }
        if self.interrupted {
            page.mood(
                Mood::Careful,
                "stopped before the day was over: what is missing was not waited for",
            );
        } else if self.is_right() {
            page.mood(Mood::Good, "every interval and every state is as it was");
        } else if self.in_time {
            page.mood(Mood::Bad, "not everything is as it was");
        } else {
            page.mood(Mood::Bad, "the worker did not come to rest in time");
        }
    }
}

fn word(state: FloorState, reason: Option<&String>) -> String {
    match reason {
        Some(reason) => format!("{state:?} ({reason})"),
        None => format!("{state:?}"),
    }
}

fn wrong_line(wrong: &WrongState, pace: f64) -> String {
    let told = &wrong.told;
    let truth = wrong.truth.as_ref().map_or_else(
        || "nothing".to_owned(),
        |span| {
            let word = word(span.state, span.reason.as_ref());
            format!("{word} from {} to {}", span.from, span.to)
        },
    );
    let stood = wrong.stood_ms.map_or_else(
        || "nothing put it right, or it was long over".to_owned(),
        |stood| {
            let real = TimeDelta::milliseconds(stood).as_seconds_f64() / pace;
            format!("put right after {real:.1} real seconds")
        },
    );
    format!(
        "wrong: at {} {} was told to be {} since {}; true was {truth}; {stood}",
        told.at,
        told.agent,
        word(told.state, told.reason.as_ref()),
        told.since,
    )
}

fn account(floor: &FloorRun, received: &Received, faults: FaultLevel) -> FloorAccount {
    let mut rules = floor.rules(floor.pace().now());
    rules.since_tolerance_ms = TOLERANCE_MS;
    let seconds = match faults {
        FaultLevel::None => 5.0,
        FaultLevel::Mild | FaultLevel::Hostile => 10.0,
    };
    #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
    let passing = (floor.options().pace * seconds * 1_000.0) as i64;
    rules.passing_ms = passing;
    rules.late_ms = Some(passing);
    floor.account_of(received, &rules)
}

fn cannot_write(path: &Path) -> String {
    format!(
        "the report cannot be written to {}: name a file in a directory that is there",
        path.display()
    )
}
