//! Turns an Agent Productivity report into intervals and prints what it found as JSON, with the time it took:
//! `cargo run --release -p wfm-history --example intervals -- FILE [ZONE] [MAX_OPEN_KEYS]`.
//!
//! Every SID is taken for a known one. Where `/proc` tells it, the memory that was in use at most is printed as well.
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::fs::File;
use std::time::Instant;

use serde_json::json;
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_history::{History, Report, ReportConfig, ReportRules, Resolution, Resolver};

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
    for item in intervals.by_ref() {
        item?;
    }
    let took = started.elapsed();
    #[allow(clippy::cast_precision_loss, reason = "megabytes")]
    let rate = bytes as f64 / 1e6 / took.as_secs_f64();
    println!(
        "{:#}",
        json!({
            "summary": summary,
            "tally": intervals.tally(),
            "bytes": bytes,
            "seconds_reading": read.as_secs_f64(),
            "seconds": took.as_secs_f64(),
            "megabytes_per_second": rate,
            "peak_memory_kib": peak_memory_kib(),
        })
    );
    Ok(())
}

fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
