//! Turns an Agent Productivity report into intervals and prints what it found as JSON, with the time it took:
//! `cargo run --release -p wfm-history --example intervals -- FILE [ZONE] [MAX_OPEN_KEYS]`.
//!
//! Every SID is taken for a known one, `Available` counts as Ready and `Break` as Not Ready, as the simulator's and `generate`'s reports
//! have them. `check` binds the key of each interval to its values, as `scripts/bench.d/intervals_by_hand.py` reckons it. Where `/proc`
//! tells it, the memory that was in use at most is printed as well.
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::fs::File;
use std::time::Instant;

use serde_json::json;
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_history::{
    ActivityState, History, IntervalRow, Item, Measure, QueueKey, Report, ReportConfig,
    ReportRules, Resolution, Resolver,
};

struct Everyone;

impl Resolver for Everyone {
    fn agent(&self, _: &str) -> Resolution<WorkerSid> {
        Resolution::Unknown
    }

    fn queue(&self, _: &str) -> Resolution<TaskQueueSid> {
        Resolution::Unknown
    }

    fn has_agent(&self, _: &WorkerSid) -> bool {
        true
    }

    fn has_queue(&self, _: &TaskQueueSid) -> bool {
        true
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("give the file of a report")?;
    let zone = arguments
        .next()
        .unwrap_or_else(|| "Europe/Berlin".to_owned());
    let mut config = ReportConfig {
        service_queue: true,
        activities: [
            ("Available".to_owned(), ActivityState::Ready),
            ("Break".to_owned(), ActivityState::NotReady),
        ]
        .into(),
        ..ReportConfig::default()
    };
    if let Some(most) = arguments.next() {
        config.max_open_keys = most.parse()?;
    }
    let rules = ReportRules::new(
        Report::AgentProductivity,
        &config,
        zone.parse()?,
        std::env::temp_dir(),
    )?;
    let started = Instant::now();
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut history = History::new(rules, Everyone);
    history.read(file)?;
    let read = started.elapsed();
    let (summary, mut intervals) = history.finish()?;
    let mut check = 0;
    for item in intervals.by_ref() {
        if let Item::Interval(row) = item? {
            check += bind(&row)?;
        }
    }
    let took = started.elapsed();
    #[allow(clippy::cast_precision_loss, reason = "megabytes")]
    let rate = bytes as f64 / 1e6 / took.as_secs_f64();
    println!(
        "{:#}",
        json!({
            "summary": summary,
            "tally": intervals.tally(),
            "check": check,
            "bytes": bytes,
            "seconds_reading": read.as_secs_f64(),
            "seconds": took.as_secs_f64(),
            "megabytes_per_second": rate,
            "peak_memory_kib": peak_memory_kib(),
        })
    );
    Ok(())
}

/// A number that another key or other values would mostly change.
fn bind(row: &IntervalRow) -> Result<u64, std::num::TryFromIntError> {
    const WEIGHTS: [(Measure, u64); 7] = [
        (Measure::ActivityTime, 1),
        (Measure::ReadyTime, 3),
        (Measure::NotReadyTime, 5),
        (Measure::TalkTime, 7),
        (Measure::WrapUpTime, 11),
        (Measure::HoldTime, 13),
        (Measure::Handled, 17),
    ];
    let quarter = u64::try_from(row.key.interval.number())?;
    let agent = row.key.agent.map_or(0, |sid| digits(sid.as_str()));
    let queue = match row.key.queue {
        QueueKey::ServiceQueue => 0,
        QueueKey::Task(sid) => digits(sid.as_str()),
    };
    let values: u64 = WEIGHTS
        .iter()
        .map(|(measure, weight)| row.values.seconds(*measure) * weight)
        .sum();
    Ok((quarter + agent + 3 * queue) * values % 4_294_967_291)
}

/// The last seven digits of a SID.
fn digits(sid: &str) -> u64 {
    let digits = sid.len().saturating_sub(7);
    u64::from_str_radix(&sid[digits..], 16).unwrap_or(0)
}

fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
