//! What it costs to put the intervals of a big report into batches, to settle them, and to read them back for the next comparison.
//!
//! ```text
//! cargo run --release -p sync-ledger --example history_rows -- [rows] [rows in a batch]
//! ```
//!
//! prints one line of JSON. The ledger is a sealed SQLite file in a temporary directory, flushed to disk at every commit, so `TMPDIR` says
//! which disk is measured. Each interval is new, and each batch is delivered whole by the transport that needs no file, as soon as it was
//! made. A run counts only if all intervals are read back with their values.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may end here, and prints what it found"
)]

use std::time::{Duration, Instant};

use serde_json::json;
use sync_ledger::conformance::{acd, agent_key, at, interval, new_row};
use sync_ledger::{
    AcdStore as _, BatchSettlement, IntervalStore as _, NewBatch, RowFate, Sealing, SealingKey,
    SqliteLedger, SqliteOptions, WorkerLock,
};
use wfm_history::{Change, Measure, Report};

const REPORT: Report = Report::AgentProductivity;
const AGENTS: u32 = 2_000;
/// Each agent has some of them in every interval; 0 is the service queue.
const QUEUES: u32 = 3;
/// So many intervals are read at a time by whoever compares.
const PAGE: u32 = 1_000;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u32>().unwrap());
    let mut next = |default| arguments.next().unwrap_or(default);
    let (rows, each) = (next(3_000_000), next(5_000));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(rows, each));
}

/// The rows of a report by number, in the order of their keys.
fn row(number: u32) -> Change {
    let (of, queue) = (number / QUEUES, number % QUEUES);
    let (at, agent) = (of / AGENTS, of % AGENTS);
    new_row(agent_key(at.into(), agent, queue), value(number))
}

fn value(number: u32) -> u64 {
    u64::from(number % 900_000) + 1
}

async fn measure(rows: u32, each: u32) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ledger.db");
    let lock = WorkerLock::acquire(&file).unwrap();
    let sealed = Sealing::under(SealingKey::new(&[7; 32]).unwrap());
    let ledger = SqliteLedger::open(lock, SqliteOptions::default().sealing(sealed))
        .await
        .unwrap();
    ledger.register(&acd(1), "Sales").await.unwrap();
    let (mut adding, mut settling) = (Duration::ZERO, Duration::ZERO);
    let mut first = 0;
    while first < rows {
        let last = rows.min(first + each);
        let batch = NewBatch {
            acd: acd(1),
            report: REPORT,
            created: at(0),
            rows: (first..last).map(row).collect(),
            released: Vec::new(),
        };
        let begun = Instant::now();
        ledger.add_batch(&batch).await.unwrap();
        adding += begun.elapsed();
        let begun = Instant::now();
        let stored = ledger.next_batch(&acd(1), REPORT).await.unwrap().unwrap();
        let fate = |(place, _): &(u32, Change)| (*place, RowFate::Delivered { file: None });
        let settlement = BatchSettlement {
            at: at(1),
            due: at(1),
            rows: stored.rows.iter().map(fate).collect(),
        };
        ledger
            .settle_batch(stored.number, &settlement)
            .await
            .unwrap();
        settling += begun.elapsed();
        first = last;
    }
    assert!(ledger.next_batch(&acd(1), REPORT).await.unwrap().is_none());
    let begun = Instant::now();
    let range = interval(0)..interval(i64::from(rows / QUEUES / AGENTS) + 1);
    let (mut after, mut found) = (None, 0);
    loop {
        let page = ledger
            .intervals(&acd(1), REPORT, range.clone(), after.as_ref(), PAGE)
            .await
            .unwrap();
        let Some(newest) = page.last() else { break };
        after = Some(newest.key);
        for delivered in &page {
            assert_eq!(delivered.values.get(Measure::TalkTime), value(found));
            found += 1;
        }
    }
    assert_eq!(found, rows, "intervals were lost");
    let reading = begun.elapsed();
    let rate = |took: Duration| (f64::from(rows) / took.as_secs_f64()).round();
    println!(
        "{}",
        json!({
            "rows": rows,
            "rows_in_a_batch": each,
            "rows_added_per_second": rate(adding),
            "rows_read_and_settled_per_second": rate(settling),
            "rows_added_and_settled_per_second": rate(adding + settling),
            "intervals_read_per_second": rate(reading),
            "file_bytes": std::fs::metadata(&file).unwrap().len(),
            "peak_memory_mib": peak(),
        })
    );
}

fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some((kib / 1024.0 * 10.0).round() / 10.0)
}
