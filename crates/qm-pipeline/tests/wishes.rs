//! Wishes that cannot be carried out, and those beside them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/config.rs"]
mod config;

use std::path::Path;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use config::Facts;
use connector_config::{Config, Secrets};
use contact_model::AcdKey;
use qm_pipeline::{Until, Worker, connect};
use recording_spool::Spool;
use sync_ledger::{SqliteLedger, SqliteOptions, Wish, WishId, WishRow, WishState, WishStore as _};
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

fn backfill(acd: &AcdKey) -> Wish {
    let now = Utc::now();
    Wish::Backfill {
        acd: acd.clone(),
        from: now - TimeDelta::hours(2),
        to: now - TimeDelta::hours(1),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_cannot_work_ends_with_its_reason_and_holds_up_no_other_wish() {
    let vendors = MockServer::start().await;
    let refused = serde_json::json!({"code": 20003, "message": "Permission denied", "status": 403});
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(403).set_body_json(refused))
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
    let long = ledger.put(&backfill(&acd), Utc::now()).await.unwrap();
    let leg = "WR00000000000000000000000000000001".parse().unwrap();
    let prompt = Wish::RetryContact { acd, leg };
    let prompt = ledger.put(&prompt, Utc::now()).await.unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker.run(stop.clone(), Until::Stopped));

    let told = settled(&ledger, prompt).await;
    assert!(told.outcome.unwrap().contains("no such contact"));
    let beside = ledger.wish(long).await.unwrap().unwrap();
    assert_eq!(beside.state, WishState::Claimed);

    let told = settled(&ledger, long).await;
    assert_eq!(told.state, WishState::Failed);
    let said = told.outcome.unwrap();
    assert!(
        said.contains("403") && said.contains("the same command goes on there"),
        "{said}"
    );
    stop.cancel();
    running.await.unwrap().unwrap();
}
