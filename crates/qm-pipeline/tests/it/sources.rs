//! Deleting at the source: real clients, a real ledger, a simulated Flex and Calabrio ONE over HTTP.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use connector_config::Config;
use flex_simulator::FaultLevel;
use flex_simulator::scenario::{Kind, Scenario};
use flex_simulator::world::Outcome;
use qm_pipeline::{Nobody, Until};
use sync_ledger::{
    DeletionFilter, DeletionRow, DeletionState, DeletionStore as _, TenantFacts as _,
};
use tokio_util::sync::CancellationToken;

/// How long anything may take here.
const DEADLINE: Duration = Duration::from_mins(3);

/// Runs a worker until every recording is deleted, or stays for a reason that only a person can resolve.
async fn run_until_deleted(config: &Path, reasons: &[&str]) -> Vec<DeletionRow> {
    let (worker, ledger) = common::worker(config, Arc::new(Nobody)).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker.run(stop.clone(), Until::Stopped));
    let rests = |row: &DeletionRow| match (row.state, row.reason.as_deref()) {
        (DeletionState::Deleted, _) => true,
        (DeletionState::Blocked, Some(reason)) => reasons.contains(&reason),
        _ => false,
    };
    let begun = tokio::time::Instant::now();
    let rows = loop {
        let filter = DeletionFilter::default();
        let rows = ledger
            .deletions(&filter, 1000, None)
            .await
            .unwrap()
            .deletions;
        let is_carried = common::contacts(&ledger)
            .await
            .iter()
            .all(|contact| contact.stage.name().is_final());
        if is_carried && !rows.is_empty() && rows.iter().all(rests) {
            break rows;
        }
        assert!(begun.elapsed() < DEADLINE, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    stop.cancel();
    running.await.unwrap().unwrap();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recordings_are_deleted_once_everything_that_uses_them_is_proven_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let kinds = [
        (Kind::TransferSharedConference, 3),
        (Kind::TransferDual, 2),
        (Kind::ConferenceEncrypted, 2),
        (Kind::NativeAndPlugin, 1),
        (Kind::NamedByCall, 1),
        (Kind::NativeOutboundUnlinked, 1),
        (Kind::WorkerLegRecording, 1),
    ];
    let mut scenario = Scenario::default();
    scenario.kinds = kinds.into_iter().collect();
    scenario.contacts = 22;
    scenario.live_contacts = 0;
    scenario.orphan_recordings = 2;
    scenario.webhooks = false;
    // Their contacts are parked: what they share with others stays.
    (scenario.agents, scenario.unknown_agents) = (4, 1);
    scenario.delete_source = true;
    let (simulator, config) =
        common::simulator(scenario, 13, FaultLevel::Mild, directory.path()).await;
    common::run(&simulator, &config).await;
    let rows = run_until_deleted(&config, &["read-back-not-confirmed"]).await;
    assert!(rows.iter().all(|row| row.state == DeletionState::Blocked));
    assert!(
        simulator.world().deleted_recordings().is_empty(),
        "nothing shows that read-backs can be relied on"
    );

    let acd = Config::load(&config).unwrap().acds[0].key();
    let (_, ledger) = common::worker(&config, Arc::new(Nobody)).await;
    for assumption in [315, 318, 320, 402] {
        ledger
            .confirm(&acd, assumption, true, Utc::now())
            .await
            .unwrap();
    }
    let contacts = common::contacts(&ledger).await;
    ledger.close().await;
    drop(ledger);
    let rows = run_until_deleted(&config, &["leg-parked"]).await;

    let mut sessions: BTreeMap<&str, bool> = BTreeMap::new();
    for expected in simulator.expected() {
        let is_proven = matches!(expected.outcome, Outcome::Complete | Outcome::Excluded(_));
        *sessions.entry(&expected.session).or_insert(true) &= is_proven;
    }
    assert!(
        sessions.values().any(|proven| !proven),
        "some call has a leg that is parked"
    );
    let mut may_be_deleted = BTreeSet::new();
    for expected in simulator.expected() {
        let pieces = expected.audio.iter().flat_map(|audio| &audio.pieces);
        if sessions.get(expected.session.as_str()) == Some(&true) {
            may_be_deleted.extend(pieces.map(|piece| piece.recording.clone()));
        }
    }
    let deleted: BTreeSet<String> = simulator.world().deleted_recordings().into_iter().collect();
    let stay: Vec<_> = rows
        .iter()
        .filter(|row| may_be_deleted.contains(row.recording.as_str()))
        .filter(|row| !deleted.contains(row.recording.as_str()))
        .collect();
    assert!(stay.is_empty(), "{stay:#?}");
    assert_eq!(deleted, may_be_deleted);
    assert!(!deleted.is_empty());
    assert_eq!(simulator.account().sources_deleted_too_early, 0);

    let wrong = common::disagreements(&simulator, &contacts);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    simulator.stop().await;
}
