//! Whole journeys: real clients, a real ledger, a simulated Flex and Calabrio ONE over HTTP.

use crate::common;

use flex_simulator::FaultLevel;
use flex_simulator::scenario::Scenario;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_of_every_kind_arrive_exactly_once_or_are_explained() {
    let directory = tempfile::tempdir().unwrap();
    let (simulator, config) =
        common::simulator(Scenario::default(), 1, FaultLevel::None, directory.path()).await;
    let contacts = common::run(&simulator, &config).await;
    let wrong = common::disagreements(&simulator, &contacts);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn under_hostile_faults_the_outcome_is_the_same() {
    for seed in [1, 2] {
        let directory = tempfile::tempdir().unwrap();
        let (simulator, config) = common::simulator(
            Scenario::default(),
            seed,
            FaultLevel::Hostile,
            directory.path(),
        )
        .await;
        let contacts = common::run(&simulator, &config).await;
        let wrong = common::disagreements(&simulator, &contacts);
        assert!(wrong.is_empty(), "seed {seed}\n{}", wrong.join("\n"));
        simulator.stop().await;
    }
}
