//! Wishes that cannot be carried out, and those beside them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::config;

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use config::Facts;
use connector_config::{Config, Secrets};
use contact_model::AcdKey;
use qm_pipeline::{PipelineError, RunReport, Until, Worker, connect};
use recording_spool::Spool;
use sync_ledger::{
    CursorStore as _, SqliteLedger, SqliteOptions, Wish, WishId, WishRow, WishState, WishStore as _,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

const DEADLINE: Duration = Duration::from_mins(2);

fn load(directory: &Path, vendors: &MockServer) -> (Config, Secrets) {
    let facts = Facts {
        vendors: &vendors.address().to_string(),
        ..Facts::default()
    };
    config::load(directory, &facts)
}

/// Waits until a wish is settled.
async fn settled(ledger: &SqliteLedger, id: WishId) -> WishRow {
    let waiting = async {
        loop {
            let row = ledger.wish(id).await.unwrap().unwrap();
            if matches!(row.state, WishState::Done | WishState::Failed) {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.unwrap()
}

fn backfill(acd: &AcdKey, from: DateTime<Utc>, to: DateTime<Utc>) -> Wish {
    Wish::Backfill {
        acd: acd.clone(),
        from,
        to,
    }
}

/// A worker on a ledger of its own, before vendors that answer every question alike.
struct Running {
    ledger: SqliteLedger,
    vendors: MockServer,
    stop: CancellationToken,
    worker: JoinHandle<Result<RunReport, PipelineError>>,
    _directory: tempfile::TempDir,
}

impl Running {
    /// `wishes` are there before the worker is, and come with their numbers.
    async fn start(
        answer: ResponseTemplate,
        wishes: impl FnOnce(&AcdKey) -> Vec<Wish>,
    ) -> (Self, Vec<WishId>) {
        let vendors = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(answer)
            .mount(&vendors)
            .await;
        let directory = tempfile::tempdir().unwrap();
        let (config, secrets) = load(directory.path(), &vendors);
        let acd = config.acds[0].key();
        let lock = sync_ledger::WorkerLock::acquire(&directory.path().join("ledger.db")).unwrap();
        let ledger = SqliteLedger::open(lock, SqliteOptions::default())
            .await
            .unwrap();
        let spool = Spool::open(directory.path().join("spool"), 64 * 1024 * 1024)
            .await
            .unwrap();
        let services = connect(&config, &secrets, None).unwrap();
        let worker = Worker::new(&config, services, ledger.clone(), spool);
        let mut numbers = Vec::new();
        for wish in wishes(&acd) {
            numbers.push(ledger.put(&wish, Utc::now()).await.unwrap());
        }
        let stop = CancellationToken::new();
        let running = Self {
            worker: tokio::spawn(worker.run(stop.clone(), Until::Stopped)),
            ledger,
            vendors,
            stop,
            _directory: directory,
        };
        (running, numbers)
    }

    async fn stop(self) {
        self.stop.cancel();
        let stopped = tokio::time::timeout(DEADLINE, self.worker).await;
        stopped.unwrap().unwrap().unwrap();
    }
}

/// A page of events with none on it.
fn no_events() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(serde_json::json!({
        "events": [],
        "meta": {"key": "events", "page": 0, "page_size": 1000, "next_page_url": null, "url": "", "first_page_url": ""}
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_cannot_work_ends_with_its_reason_and_holds_up_no_other_wish() {
    let refused = serde_json::json!({"code": 20003, "message": "Permission denied", "status": 403});
    let refused = ResponseTemplate::new(403).set_body_json(refused);
    let now = Utc::now();
    let (running, wishes) = Running::start(refused, |acd| {
        let leg = "WR00000000000000000000000000000001".parse().unwrap();
        vec![
            backfill(acd, now - TimeDelta::hours(2), now - TimeDelta::hours(1)),
            Wish::RetryContact {
                acd: acd.clone(),
                leg,
            },
        ]
    })
    .await;
    let [long, prompt] = wishes[..] else {
        panic!("{wishes:?}")
    };

    let told = settled(&running.ledger, prompt).await;
    assert!(told.outcome.unwrap().contains("no such contact"));
    let beside = running.ledger.wish(long).await.unwrap().unwrap();
    assert_eq!(beside.state, WishState::Claimed);

    let told = settled(&running.ledger, long).await;
    assert_eq!(told.state, WishState::Failed);
    let said = told.outcome.unwrap();
    assert!(
        said.contains("403") && said.contains("the same command goes on there"),
        "{said}"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_begins_before_what_twilio_keeps_reads_the_rest_and_ends() {
    let now = Utc::now();
    // An hour less than Twilio says.
    let kept = now - TimeDelta::days(30) + TimeDelta::hours(1);
    let (running, wishes) = Running::start(no_events(), |acd| {
        vec![
            backfill(
                acd,
                kept - TimeDelta::days(9),
                kept + TimeDelta::minutes(12),
            ),
            // Nothing of this one can be read any more.
            backfill(acd, kept - TimeDelta::days(9), kept - TimeDelta::days(8)),
        ]
    })
    .await;
    for wish in wishes {
        let told = settled(&running.ledger, wish).await;
        assert_eq!(told.state, WishState::Done, "{:?}", told.outcome);
    }
    let asked = running.vendors.received_requests().await.unwrap();
    let begins = |request: &wiremock::Request| {
        let mut query = request.url.query_pairs();
        let begin = query.find(|(name, _)| name == "StartDate")?;
        begin.1.parse::<DateTime<Utc>>().ok()
    };
    let of_backfill: Vec<_> = asked
        .iter()
        .filter_map(begins)
        .filter(|begin| *begin < now - TimeDelta::days(29))
        .collect();
    assert_eq!(
        of_backfill.len(),
        3,
        "windows of five minutes: {of_backfill:?}"
    );
    assert!(
        of_backfill
            .iter()
            .all(|begin| *begin >= kept - TimeDelta::seconds(1))
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_stops_with_its_worker_and_goes_on_with_the_next() {
    let slow = no_events().set_delay(Duration::from_millis(200));
    let now = Utc::now();
    let (running, wishes) = Running::start(slow, |acd| {
        vec![backfill(
            acd,
            now - TimeDelta::days(40),
            now - TimeDelta::hours(1),
        )]
    })
    .await;
    let begun = async {
        loop {
            let backfills = running.ledger.backfills(false).await.unwrap();
            if let Some(begun) = backfills.first()
                && begun.position > now - TimeDelta::days(30)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, begun).await.unwrap();
    let ledger = running.ledger.clone();
    running.stop().await;
    let wish = ledger.wish(wishes[0]).await.unwrap().unwrap();
    assert!(
        !matches!(wish.state, WishState::Done | WishState::Failed),
        "{wish:?}"
    );
}
