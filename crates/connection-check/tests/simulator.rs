//! Test Connection against the simulator, with the configuration that the simulator writes.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use std::path::Path;
use std::sync::Arc;

use chrono::Utc;
use connection_check::{CheckReport, CheckSettings, Question, Status, check_configuration};
use connector_config::{Config, SystemSecrets};
use flex_simulator::{Simulator, SimulatorOptions};

async fn checked(
    simulator: &Simulator,
    directory: &Path,
    change: impl Fn(String) -> String,
) -> CheckReport {
    let path = directory.join("connector.toml");
    simulator.write_config(&path).unwrap();
    let text = change(std::fs::read_to_string(&path).unwrap());
    let loaded = Config::parse(&text, &path);
    assert!(
        loaded
            .as_ref()
            .is_ok_and(|config| config.warnings().is_empty()),
        "{loaded:#?}"
    );
    check_configuration(
        loaded,
        Arc::new(SystemSecrets),
        &CheckSettings::new(Utc::now()),
    )
    .await
}

#[tokio::test]
async fn the_configuration_that_the_simulator_writes_passes() {
    let directory = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(SimulatorOptions::default()).await.unwrap();
    let report = checked(&simulator, directory.path(), |text| text).await;
    assert!(report.passed(), "{report:#?}");
    assert_eq!(
        simulator.violations(),
        [],
        "nothing is asked outside the documented surface"
    );
    simulator.stop().await;
}

#[tokio::test]
async fn it_passes_over_tls_with_an_authority_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(SimulatorOptions {
        tls: true,
        ..SimulatorOptions::default()
    })
    .await
    .unwrap();
    let report = checked(&simulator, directory.path(), |text| text).await;
    assert!(report.passed(), "{report:#?}");
    simulator.stop().await;
}

#[tokio::test]
async fn a_leg_key_field_that_does_not_exist_fails() {
    let directory = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(SimulatorOptions::default()).await.unwrap();
    let report = checked(&simulator, directory.path(), |text| {
        text.replace("Twilio-Leg-key", "Other-Leg-key")
    })
    .await;
    let failed: Vec<_> = report
        .rows
        .iter()
        .filter(|row| row.status == Status::Fail)
        .map(|row| row.question)
        .collect();
    assert_eq!(failed, [Question::LegKeyField]);
    simulator.stop().await;
}
