//! Both engines keep the rules that the suites state.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Mutex;

use sync_ledger::conformance::{self, MemoryLedger};
use sync_ledger::{Sealing, SealingKey, SqliteLedger, SqliteOptions, WorkerLock};

async fn sqlite(sealing: Sealing) {
    let directories = Mutex::new(Vec::new());
    conformance::run(async || {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.db");
        directories.lock().unwrap().push(directory);
        let options = SqliteOptions::default().sealing(sealing.clone());
        SqliteLedger::open(WorkerLock::acquire(&path).unwrap(), options)
            .await
            .unwrap()
    })
    .await;
}

#[tokio::test]
async fn sqlite_keeps_the_rules_with_details_sealed() {
    sqlite(Sealing::under(SealingKey::new(&[7; 32]).unwrap())).await;
}

#[tokio::test]
async fn sqlite_keeps_the_rules_with_details_in_the_clear() {
    sqlite(Sealing::clear()).await;
}

#[tokio::test]
async fn the_reference_keeps_the_rules() {
    conformance::run(async || MemoryLedger::default()).await;
}
