//! Reading and summing up a report, sorted and shuffled: `cargo bench -p wfm-history`.
#![allow(missing_docs, reason = "criterion's macros write undocumented items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot start has failed")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_history::{History, Report, ReportConfig, ReportRules, Resolution, Resolver};

#[path = "../examples/support/rows.rs"]
mod rows;

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

fn intervals(rules: &ReportRules, report: &[u8]) -> usize {
    let mut history = History::new(rules.clone(), Everyone);
    for chunk in report.chunks(1 << 16) {
        history.push(chunk).unwrap();
    }
    history.finish().unwrap().1.map(Result::unwrap).count()
}

fn reports(criterion: &mut Criterion) {
    let zone = "Europe/Berlin".parse().unwrap();
    let config = ReportConfig {
        service_queue: true,
        ..ReportConfig::default()
    };
    let rules = ReportRules::new(
        Report::AgentProductivity,
        &config,
        zone,
        std::env::temp_dir(),
    )
    .unwrap();
    let mut group = criterion.benchmark_group("agent productivity");
    group.sample_size(10);
    for (name, shuffle) in [("sorted", None), ("shuffled", Some(7))] {
        let shape = rows::Shape {
            agents: 1_000,
            intervals: 96,
            shuffle,
        };
        let mut report = Vec::new();
        rows::write(shape, zone, &mut report).unwrap();
        group.throughput(Throughput::Bytes(report.len() as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(name),
            &report,
            |bencher, report| {
                bencher.iter(|| intervals(&rules, black_box(report)));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, reports);
criterion_main!(benches);
