//! What the pipeline does not start with.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::config;

use std::path::Path;

use config::Facts;
use connector_config::{Config, Secrets};
use contact_model::LegId;
use qm_pipeline::{PipelineError, Step, Until, Witness, Worker, connect};
use recording_spool::Spool;
use sync_ledger::{SqliteLedger, SqliteOptions, WorkerLock};
use tokio_util::sync::CancellationToken;

fn load(directory: &Path, acd: &str, after: &str) -> (Config, Secrets) {
    config::secret(directory, "no-key.pem", "this is no key");
    let facts = Facts {
        acd,
        after,
        ..Facts::default()
    };
    config::load(directory, &facts)
}

#[test]
fn secrets_of_another_configuration_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let (config, _) = load(directory.path(), "north", "");
    let (_, secrets) = load(directory.path(), "south", "");
    let error = connect(&config, &secrets, None).unwrap_err();
    assert!(
        matches!(&error, PipelineError::NoSecrets { acd } if acd == "north"),
        "{error}"
    );
    assert!(error.to_string().contains("\"north\""), "{error}");
}

#[test]
fn a_private_key_that_cannot_be_read_is_refused_with_its_place_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let key = r#"
[[acd.encryption_key]]
name = "autumn"
public_key_sid = "CR00000000000000000000000000000001"
private_key = { file = "no-key.pem" }
"#;
    let (config, secrets) = load(directory.path(), "north", key);
    let error = connect(&config, &secrets, None).unwrap_err();
    assert!(matches!(error, PipelineError::Keys(_)), "{error}");
    assert!(error.to_string().contains("connector.toml"), "{error}");
}

#[test]
fn a_file_of_certificates_that_is_not_there_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (mut config, secrets) = load(directory.path(), "north", "");
    config.tls.extra_ca_file = Some(directory.path().join("missing.pem"));
    let error = connect(&config, &secrets, None).unwrap_err();
    assert!(matches!(error, PipelineError::Clients(_)), "{error}");
    assert!(error.to_string().contains("missing.pem"), "{error}");
}

#[tokio::test]
async fn a_ledger_that_cannot_be_used_ends_the_run_with_its_reason() {
    let directory = tempfile::tempdir().unwrap();
    let (config, secrets) = load(directory.path(), "north", "");
    let lock = WorkerLock::acquire(&directory.path().join("ledger.db")).unwrap();
    let ledger = SqliteLedger::open(lock, SqliteOptions::default())
        .await
        .unwrap();
    ledger.close().await;
    let spool = Spool::open(directory.path().join("spool"), 64 * 1024 * 1024)
        .await
        .unwrap();
    let worker = Worker::new(
        &config,
        connect(&config, &secrets, None).unwrap(),
        ledger,
        spool,
    );
    let error = worker
        .run(CancellationToken::new(), Until::Idle)
        .await
        .unwrap_err();
    assert!(matches!(error, PipelineError::Ledger(_)), "{error}");
}

struct Panics;

impl Witness for Panics {
    fn before(&self, step: Step, _: Option<LegId>) {
        assert!(step != Step::Discover, "a planted defect");
    }
}

#[tokio::test]
async fn a_worker_whose_discovery_breaks_off_ends_instead_of_going_on_deaf() {
    let directory = tempfile::tempdir().unwrap();
    let (mut config, secrets) = load(directory.path(), "north", "");
    config.acds[0].discover_from =
        connector_config::DiscoverFrom::Ago(std::time::Duration::from_hours(1));
    let lock = WorkerLock::acquire(&directory.path().join("ledger.db")).unwrap();
    let ledger = SqliteLedger::open(lock, SqliteOptions::default())
        .await
        .unwrap();
    let spool = Spool::open(directory.path().join("spool"), 64 * 1024 * 1024)
        .await
        .unwrap();
    let services = connect(&config, &secrets, None).unwrap();
    let worker = Worker::with_witness(
        &config,
        services,
        ledger,
        spool,
        std::sync::Arc::new(Panics),
    );
    let error = worker
        .run(CancellationToken::new(), Until::Stopped)
        .await
        .unwrap_err();
    assert!(matches!(error, PipelineError::BrokenOff), "{error}");
}
