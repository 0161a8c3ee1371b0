//! Agents whom Calabrio does not know, with the switches on: against a simulated Flex and Calabrio ONE.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use crate::common;

use std::sync::Arc;
use std::time::Duration;

use common::{contacts, disagreements, simulator, worker};
use contact_model::StageName;
use flex_simulator::FaultLevel;
use flex_simulator::scenario::{Kind, Scenario, UnknownAgent};
use qm_pipeline::{Nobody, Until};
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_mins(3);

fn scenario() -> Scenario {
    let mut scenario = Scenario::default();
    scenario.contacts = 6;
    scenario.kinds = [(Kind::ConferenceMono, 1), (Kind::InboundCustomerFirst, 1)].into();
    scenario.live_contacts = 0;
    scenario.abandoned = 0;
    scenario.agents = 3;
    scenario.unknown_agents = 2;
    scenario.unknown_agent = UnknownAgent::Create;
    scenario
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_made_people_once_and_their_contacts_arrive() {
    let directory = tempfile::tempdir().unwrap();
    let (simulator, config) = simulator(scenario(), 7, FaultLevel::None, directory.path()).await;
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.contains("create = true"), "{text}");
    std::fs::write(
        &config,
        text.replace("create = true", "create = true\ndeactivate = true"),
    )
    .unwrap();
    let before = simulator.people().len();

    let (worker, ledger) = worker(&config, Arc::new(Nobody)).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker.run(stop.clone(), Until::Stopped));
    let arrived = async {
        loop {
            let contacts = contacts(&ledger).await;
            let complete =
                |contact: &contact_model::Contact| contact.stage.name() == StageName::Complete;
            if contacts.len() >= simulator.expected().len() && contacts.iter().all(complete) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(DEADLINE, arrived).await;
    assert!(
        in_time.is_ok(),
        "not all arrived: {:#?}",
        contacts(&ledger).await
    );
    stop.cancel();
    running.await.unwrap().unwrap();

    let people = simulator.people();
    assert_eq!(people.len(), before + 2, "each once");
    let former = people
        .iter()
        .find(|person| person["lastName"] == "Former")
        .unwrap();
    assert!(
        former["deactivated"].is_i64(),
        "his worker is gone: {former}"
    );
    let inactive = people
        .iter()
        .filter(|person| !person["deactivated"].is_null());
    assert_eq!(inactive.count(), 1);
    assert_eq!(simulator.violations(), []);
    assert_eq!(
        disagreements(&simulator, &contacts(&ledger).await),
        Vec::<String>::new()
    );
    simulator.stop().await;
}
