//! A simulated Flex and Calabrio ONE, and the real pipeline before it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests: not every test uses each, and a test may panic"
)]

pub mod config;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use connector_config::{Config, Secrets, SystemSecrets};
use contact_model::{Contact, StageName};
use flex_simulator::scenario::Scenario;
use flex_simulator::world::Outcome;
use flex_simulator::{FaultLevel, Simulator, SimulatorOptions};
use qm_pipeline::report::AcdNames;
use qm_pipeline::{Nobody, Until, Witness, Worker, connect, intake};
use recording_spool::Spool;
use sync_ledger::{
    ContactFilter, ContactStore, PageRequest, Sealing, SealingKey, SqliteLedger, SqliteOptions,
    WorkerLock,
};
use tokio_util::sync::CancellationToken;

/// How long a run may take that has nothing to wait for but a simulator. Hostile faults ask for pauses of a minute.
const DEADLINE: Duration = Duration::from_mins(6);

pub async fn simulator(
    scenario: Scenario,
    seed: u64,
    faults: FaultLevel,
    directory: &Path,
) -> (Simulator, PathBuf) {
    let options = SimulatorOptions {
        scenario,
        seed,
        faults,
        ..SimulatorOptions::default()
    };
    let simulator = Simulator::start(options).await.unwrap();
    let config = simulator
        .write_config(&directory.join("connector.toml"))
        .unwrap()
        .config;
    (simulator, config)
}

/// A worker on the ledger that the configuration names. It tells nothing by webhook, and nothing can be pushed to it.
pub async fn worker(
    config: &Path,
    witness: Arc<dyn Witness>,
) -> (Worker<SqliteLedger>, SqliteLedger) {
    let (config, secrets) = load(config);
    carrier(&config, &secrets, witness).await
}

/// The same with webhooks and pushed events, where they are configured: as `sync-qm run` makes it.
pub async fn whole_worker(
    config: &Path,
    witness: Arc<dyn Witness>,
) -> (Worker<SqliteLedger>, SqliteLedger) {
    let (config, secrets) = load(config);
    let (mut worker, ledger) = carrier(&config, &secrets, Arc::clone(&witness)).await;
    let services = connect(&config, &secrets, None).unwrap();
    let endpoints: BTreeMap<_, _> = services
        .iter()
        .filter_map(|services| Some((services.acd.key(), services.webhook.clone()?)))
        .collect();
    if !endpoints.is_empty() {
        let names = AcdNames::configured(&config);
        let witness = Arc::clone(&witness);
        let deliverer = qm_pipeline::deliverer(ledger.clone(), &endpoints, &names, witness, None);
        worker = worker.with_deliverer(deliverer.unwrap());
    }
    let pushed = worker.pushed();
    let intake = intake(&config, &secrets, ledger.clone(), pushed, witness).await;
    (worker.with_intake(intake.unwrap()), ledger)
}

fn load(config: &Path) -> (Config, Secrets) {
    let config = Config::load(config).unwrap_or_else(|error| panic!("{error}"));
    let secrets = config
        .resolve_secrets(&SystemSecrets)
        .unwrap_or_else(|error| panic!("{error}"));
    (config, secrets)
}

async fn carrier(
    config: &Config,
    secrets: &Secrets,
    witness: Arc<dyn Witness>,
) -> (Worker<SqliteLedger>, SqliteLedger) {
    let key = secrets
        .sealing_key
        .as_ref()
        .map(|key| SealingKey::new(secrecy::ExposeSecret::expose_secret(key)).unwrap());
    let options = SqliteOptions::default().sealing(key.map_or_else(Sealing::clear, Sealing::under));
    std::fs::create_dir_all(config.ledger.path.parent().unwrap()).unwrap();
    let ledger = SqliteLedger::open(WorkerLock::acquire(&config.ledger.path).unwrap(), options)
        .await
        .unwrap();
    let spool = Spool::open(&config.spool.dir, config.spool.quota.as_bytes())
        .await
        .unwrap();
    let services = connect(config, secrets, None).unwrap();
    (
        Worker::with_witness(config, services, ledger.clone(), spool, witness),
        ledger,
    )
}

pub async fn contacts(ledger: &SqliteLedger) -> Vec<Contact> {
    let page = ledger
        .list(
            &ContactFilter::default(),
            &PageRequest::first(PageRequest::MAX),
        )
        .await
        .unwrap();
    page.contacts.into_iter().map(|row| row.contact).collect()
}

/// Whether every expected leg is known and at its end, and the simulated world has nothing more in store.
pub async fn is_settled(simulator: &Simulator, ledger: &SqliteLedger) -> bool {
    let contacts = contacts(ledger).await;
    Utc::now() > simulator.world().settles()
        && contacts.len() >= simulator.expected().len()
        && contacts
            .iter()
            .all(|contact| contact.stage.name().is_final())
}

/// Runs the pipeline until everything has come to its end, and gives what the ledger then holds.
pub async fn run(simulator: &Simulator, config: &Path) -> Vec<Contact> {
    run_watched(simulator, config, Arc::new(Nobody)).await
}

pub async fn run_watched(
    simulator: &Simulator,
    config: &Path,
    witness: Arc<dyn Witness>,
) -> Vec<Contact> {
    let (worker, ledger) = worker(config, witness).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker.run(stop.clone(), Until::Stopped));
    let settled = async {
        while !is_settled(simulator, &ledger).await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    if tokio::time::timeout(DEADLINE, settled).await.is_err() {
        let mut open = contacts(&ledger).await;
        open.retain(|contact| !contact.stage.name().is_final());
        panic!("the pipeline did not settle: {open:#?}");
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    contacts(&ledger).await
}

/// What does not agree between what was expected, what Calabrio holds, and what the ledger says.
pub fn disagreements(simulator: &Simulator, contacts: &[Contact]) -> Vec<String> {
    let mut wrong = Vec::new();
    for leg in simulator.account().legs {
        wrong.extend(
            leg.faults
                .iter()
                .map(|fault| format!("{} ({}): {fault}", leg.leg, leg.sentence)),
        );
    }
    for expected in simulator.expected() {
        let Some(contact) = contacts
            .iter()
            .find(|contact| contact.leg.id.as_str() == expected.leg)
        else {
            wrong.push(format!(
                "{} ({}): not in the ledger",
                expected.leg, expected.sentence
            ));
            continue;
        };
        let agrees = match (&expected.outcome, &contact.stage) {
            (Outcome::Complete, contact_model::Stage::Complete(_)) => true,
            (Outcome::Parked(reason), contact_model::Stage::Parked(parked)) => {
                serde_json::to_value(reason).unwrap() == parked.reason.kind().as_str()
            }
            (Outcome::Excluded(rule), contact_model::Stage::Excluded(excluded)) => {
                *rule == excluded.rule
            }
            _ => false,
        };
        if !agrees {
            wrong.push(format!(
                "{} ({}): {:?} instead of {:?}",
                expected.leg, expected.sentence, contact.stage, expected.outcome
            ));
        }
    }
    if contacts.len() != simulator.expected().len() {
        wrong.push(format!(
            "{} legs instead of {}",
            contacts.len(),
            simulator.expected().len()
        ));
    }
    wrong.extend(
        simulator
            .violations()
            .iter()
            .map(|violation| format!("violation: {violation:?}")),
    );
    wrong
}

pub fn at(contacts: &[Contact], stage: StageName) -> usize {
    contacts
        .iter()
        .filter(|contact| contact.stage.name() == stage)
        .count()
}
