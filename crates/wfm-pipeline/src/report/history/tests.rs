//! History by command, on a ledger that never ran before.

use std::time::Duration;

use chrono::TimeDelta;
use sync_ledger::{IntervalStore as _, RosterStore as _, SubjectKind};
use wfm_delivery::{DeliveryError, Outcome};

use super::*;
use crate::runner::testing::{Bench, QUEUES, noon, queue};

const CSV: &str = "Date,Time,Queue,Kind,Offered,Answered,Abandoned\n\
                   2026-03-03,08:00,Billing,Queue,3,3,0\n\
                   2026-03-03,09:00,Billing,Queue,4,4,0\n\
                   2026-03-03,11:00,Billing,Queue,5,5,0\n";

/// Two hours of the morning; the third interval is outside.
fn range() -> (DateTime<Utc>, DateTime<Utc>) {
    (noon() - TimeDelta::hours(4), noon() - TimeDelta::hours(2))
}

async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.list("TaskQueues", [queue(1, "Billing")]);
    bench.report(QUEUES, CSV);
    bench
}

#[tokio::test]
async fn agents_and_queues_come_first_and_what_lies_in_the_range_is_delivered() {
    let bench = bench().await;
    let (acd, ledger) = (bench.services(), bench.ledger().await);
    let stop = CancellationToken::new();
    let told = history(ledger.clone(), &acd, range(), bench.clock(), &|_| {}, &stop);
    let told = told.await.unwrap();
    assert_eq!((told.reports[1].to_deliver, told.waiting), (2, 0));
    assert_eq!(told.reports[1].changes.outside, 1);
    assert_eq!(told.reports[1].held, 0);
    assert_eq!(bench.history.taken().concat().len(), 2);
    let report = HistoryReport::new(false, vec![told]);
    assert_eq!(report.acds[0].waiting, 0);
}

#[tokio::test]
async fn a_stop_leaves_the_rest_and_says_so() {
    let bench = bench().await;
    let (acd, ledger) = (bench.services(), bench.ledger().await);
    let later = || Outcome::RetryLater {
        error: DeliveryError::NotTried { what: "history" },
        in_doubt: false,
    };
    bench.history.answer_next(later());
    let stop = CancellationToken::new();
    let stopping = async {
        while bench.history.taken().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
    };
    let clock = bench.clock();
    let working = history(ledger, &acd, range(), clock, &|_| {}, &stop);
    let (told, ()) = tokio::join!(working, stopping);
    let report = HistoryReport::new(false, vec![told.unwrap()]);
    assert_eq!(report.acds[0].waiting, 2);
    let mut text = Vec::new();
    let (as_table, terminal) = (
        service_runtime::Output::Table,
        service_runtime::Terminal::stderr(),
    );
    service_runtime::print_report(&report, as_table, terminal, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("2 intervals wait"), "{text}");
}

#[tokio::test]
async fn a_preview_writes_nothing_and_says_what_the_report_does_not_show() {
    let bench = bench().await;
    let (acd, ledger) = (bench.services(), bench.ledger().await);
    let wide = (noon() - TimeDelta::days(9), noon());
    let told = preview_history(ledger.clone(), &acd, wide, 9, bench.clock(), &|_| {});
    let told = told.await.unwrap();
    assert_eq!(bench.history.taken().len(), 0);
    let roster = ledger.roster(&acd.key, SubjectKind::Queue).await.unwrap();
    assert!(roster.is_empty());
    assert_eq!(ledger.row_counts(&acd.key).await.unwrap(), []);
    let sentence = shows(&told.reports[1]).unwrap();
    assert!(
        sentence.contains("2026-03-03T08:00:00Z to 2026-03-03T11:15:00Z"),
        "{sentence}"
    );
}
