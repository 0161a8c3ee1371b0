//! Batches on their way, on a real ledger.

use std::fmt::Write as _;

use chrono::TimeDelta;
use sync_ledger::{Pull, RowState, SqliteLedger};
use wfm_delivery::{DeliveryError, Outcome};

use super::*;
use crate::runner::testing::{Bench, QUEUES, know_queues, noon};

const QUEUE: Report = Report::QueueHistory;
const NEVER: &str = "history_redelivery = \"never\"";

/// A worker's parts with a batch of three intervals that waits.
struct Waiting {
    bench: Bench,
    acd: Arc<AcdServices>,
    core: Arc<Core<SqliteLedger>>,
}

impl Waiting {
    async fn new(settings: &str) -> Self {
        let bench = Bench::new().await;
        let acd = bench.services_set(settings);
        let core = bench.core(&acd).await;
        know_queues(&core, &acd, &[(1, "Billing")]).await;
        let mut csv = "Date,Time,Queue,Kind,Offered,Answered,Abandoned\n".to_owned();
        for hour in ["09", "10", "11"] {
            writeln!(csv, "2026-03-03,{hour}:00,Billing,Queue,3,3,0").unwrap();
        }
        bench.report(QUEUES, &csv);
        let waiting = Self {
            bench,
            acd: Arc::new(acd),
            core: Arc::new(core),
        };
        let failed = pull_all(&waiting.core, &waiting.acd, waiting.services()).await;
        assert!(failed.is_empty(), "{failed:?}");
        waiting
    }

    fn services(&self) -> &HistoryServices {
        self.acd.history.as_ref().unwrap()
    }

    async fn deliver(&self) -> Next {
        deliver_next(&self.core, &self.acd, self.services(), QUEUE)
            .await
            .unwrap()
    }

    /// A delivery that Calabrio gets, and whose answer nobody hears.
    async fn cut_off(&self) {
        self.bench.history.delay(Duration::from_millis(100));
        let before = self.bench.history.taken().len();
        let taken = async {
            while self.bench.history.taken().len() == before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            _ = self.deliver() => panic!("it was answered"),
            () = taken => {}
        }
        self.bench.history.delay(Duration::ZERO);
    }

    /// How many rows of the report are in each state.
    async fn rows(&self) -> Vec<(RowState, u64)> {
        let counts = self.core.ledger.row_counts(&self.acd.key).await.unwrap();
        let counts = counts.into_iter().filter(|count| count.report == QUEUE);
        counts.map(|count| (count.state, count.rows)).collect()
    }
}

#[tokio::test]
async fn a_delivery_that_was_cut_off_is_made_again_where_calabrio_replaces() {
    let waiting = Waiting::new("").await;
    waiting.cut_off().await;
    waiting.deliver().await;
    assert_eq!(waiting.bench.history.taken().len(), 2);
    assert_eq!(waiting.rows().await, [(RowState::Delivered, 3)]);
}

#[tokio::test]
async fn a_delivery_that_was_cut_off_is_in_doubt_where_an_interval_must_not_come_twice() {
    let waiting = Waiting::new(NEVER).await;
    waiting.cut_off().await;
    assert!(matches!(waiting.deliver().await, Next::Again));
    assert!(matches!(waiting.deliver().await, Next::Nothing));
    assert_eq!(waiting.bench.history.taken().len(), 1);
    assert_eq!(waiting.rows().await, [(RowState::InDoubt, 3)]);
    let troubled = waiting.core.ledger.troubled_rows(&waiting.acd.key, 1).await;
    let reason = troubled.unwrap().remove(0).reason;
    assert!(reason.contains("nobody knows"), "{reason}");
}

#[tokio::test]
async fn what_was_refused_for_now_is_not_in_doubt_and_goes_again() {
    let waiting = Waiting::new(NEVER).await;
    waiting.bench.history.answer_next(Outcome::RetryLater {
        error: DeliveryError::NotTried { what: "history" },
        in_doubt: false,
    });
    let Next::At(due) = waiting.deliver().await else {
        panic!("nothing waits");
    };
    waiting.bench.set_now(due);
    waiting.deliver().await;
    assert_eq!(waiting.bench.history.taken().len(), 2);
    assert_eq!(waiting.rows().await, [(RowState::Delivered, 3)]);
}

#[tokio::test]
async fn a_stop_waits_for_the_answer_where_an_interval_must_not_come_twice() {
    let waiting = Waiting::new(NEVER).await;
    waiting.bench.history.delay(Duration::from_millis(50));
    let stop = CancellationToken::new();
    let working = deliveries(
        Arc::clone(&waiting.core),
        Arc::clone(&waiting.acd),
        waiting.services().clone(),
        QUEUE,
        stop.clone(),
    );
    let stopping = async {
        while waiting.bench.history.taken().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
    };
    tokio::join!(working, stopping);
    assert_eq!(waiting.rows().await, [(RowState::Delivered, 3)]);
}

#[tokio::test]
async fn a_clock_that_is_far_ahead_drops_nothing_and_time_that_reports_show_does() {
    let waiting = Waiting::new("").await;
    waiting.deliver().await;
    let (ledger, acd) = (&waiting.core.ledger, &waiting.acd.key);
    let acds = [Arc::clone(&waiting.acd)];
    let known = async || {
        let all = Interval::containing(noon() - TimeDelta::days(1))
            ..Interval::containing(noon() + TimeDelta::days(400));
        let known = ledger.intervals(acd, QUEUE, all, None, 99).await;
        known.unwrap().len()
    };
    waiting.bench.set_now(noon() + TimeDelta::days(365));
    assert_eq!(prune_some(&waiting.core, &acds, KEPT).await.unwrap(), 0);
    assert_eq!(known().await, 3);

    let later = Pull {
        at: noon() + TimeDelta::days(61),
        newest: Some(Interval::containing(noon() + TimeDelta::days(61))),
        account: serde_json::Value::Null,
    };
    ledger.record_pull(acd, QUEUE, &later).await.unwrap();
    assert_eq!(prune_some(&waiting.core, &acds, KEPT).await.unwrap(), 3);
    assert_eq!(known().await, 0);
}

#[tokio::test]
async fn each_file_that_calabrio_has_not_taken_yet_is_looked_at() {
    let bench = Bench::new().await;
    let mut acd = bench.services();
    let (folder, files) = bench.drop_folder();
    let services = acd.history.as_mut().unwrap();
    services.files = Some(files);
    let core = bench.core(&acd).await;
    let queues: Vec<_> = (1..=12).map(|number| format!("Queue {number}")).collect();
    let known: Vec<_> = (1..).zip(queues.iter().map(String::as_str)).collect();
    know_queues(&core, &acd, &known).await;
    let mut csv = "Date,Time,Queue,Kind,Offered,Answered,Abandoned\n".to_owned();
    for quarter in 0..42 {
        let (hour, minute) = (1 + quarter / 4, quarter % 4 * 15);
        for queue in &queues {
            writeln!(csv, "2026-03-03,{hour:02}:{minute:02},{queue},Queue,3,3,0").unwrap();
        }
    }
    bench.report(QUEUES, &csv);
    let services = acd.history.as_ref().unwrap();
    assert!(pull_all(&core, &acd, services).await.is_empty());
    let batch = core.ledger.next_batch(&acd.key, QUEUE).await.unwrap();
    let batch = batch.unwrap();
    assert!(batch.rows.len() > LOOK_AT_FILES.1 as usize);
    let penalty_box = folder.join("penaltyBox");
    std::fs::create_dir(&penalty_box).unwrap();
    let rows = batch.rows.iter().map(|(place, _)| {
        let file = format!("{place:04}.csv");
        let last = *place as usize + 1 == batch.rows.len();
        let folder = if last { &penalty_box } else { &folder };
        std::fs::write(folder.join(&file), "").unwrap();
        (*place, RowFate::Delivered { file: Some(file) })
    });
    let settled = sync_ledger::BatchSettlement {
        at: noon(),
        due: noon(),
        rows: rows.collect(),
    };
    let settled = core.ledger.settle_batch(batch.number, &settled).await;
    settled.unwrap();
    look_at_files(&core, &acd, services).await.unwrap();
    let troubled = core.ledger.troubled_rows(&acd.key, 9).await.unwrap();
    assert_eq!(troubled.len(), 1, "{troubled:?}");
    assert_eq!(troubled[0].state, RowState::Refused);
}
