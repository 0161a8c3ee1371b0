//! Both engines keep the rules that the suites state.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Mutex;

use sync_ledger::conformance::{self, MemoryLedger};
use sync_ledger::{Sealing, SealingKey, SqliteLedger, SqliteOptions, WorkerLock};
use tempfile::TempDir;

/// Makes ledgers in directories of their own, which last as long as it does.
struct Maker {
    sealing: Sealing,
    directories: Mutex<Vec<TempDir>>,
}

impl Maker {
    fn new(sealing: Sealing) -> Self {
        Self {
            sealing,
            directories: Mutex::default(),
        }
    }

    async fn make(&self) -> SqliteLedger {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.db");
        self.directories.lock().unwrap().push(directory);
        let options = SqliteOptions::default().sealing(self.sealing.clone());
        SqliteLedger::open(WorkerLock::acquire(&path).unwrap(), options)
            .await
            .unwrap()
    }
}

fn sealed() -> Sealing {
    Sealing::under(SealingKey::new(&[7; 32]).unwrap())
}

#[tokio::test]
async fn sqlite_keeps_the_rules_with_details_sealed() {
    let maker = Maker::new(sealed());
    conformance::run(async || maker.make().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_rules_with_details_in_the_clear() {
    let maker = Maker::new(Sealing::clear());
    conformance::run(async || maker.make().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_rules_of_history_with_names_sealed() {
    let maker = Maker::new(sealed());
    conformance::run_history(async || maker.make().await).await;
}

#[tokio::test]
async fn sqlite_keeps_the_rules_of_history_with_names_in_the_clear() {
    let maker = Maker::new(Sealing::clear());
    conformance::run_history(async || maker.make().await).await;
}

#[tokio::test]
async fn the_reference_keeps_the_rules() {
    conformance::run(async || MemoryLedger::default()).await;
}
