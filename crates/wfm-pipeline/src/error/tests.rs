//! Each error, where it arises.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use connector_config::{Config, Product};
use contact_model::AcdKey;
use sync_ledger::{IntervalStore as _, SqliteLedger, Wish, WishStore as _};
use tokio_util::sync::CancellationToken;
use wfm_history::Report;

use super::*;
use crate::report::{Follower, activities, preview, preview_history};
use crate::runner::history::pull_one;
use crate::runner::pull::{Asked, PullReport};
use crate::runner::testing::{ACCOUNT, Bench, QUEUES, WORKSPACE, noon};
use crate::runner::{Core, Nobody, Until, Witness, Worker, wishes};
use crate::services::AcdServices;
use crate::{connect, policy};

const CSV: &str = "Date,Time,Queue,Kind,Offered,Answered,Abandoned\n\
                   2026-03-03,09:00,Billing,Queue,3,3,0\n";

async fn pull(core: &Core<SqliteLedger>, acd: &AcdServices) -> PullError {
    let services = acd.history.as_ref().unwrap();
    let asked = Asked {
        range: policy::window(noon(), services.rules.pull_back),
        dry_run: false,
        refused_again: false,
        sample: 0,
    };
    let pulled = pull_one(core, acd, services, &services.reports[1], asked, &|_| {}).await;
    match pulled {
        Ok(_) => panic!("it was pulled"),
        Err(error) => error,
    }
}

/// A workspace that Twilio does not know.
fn elsewhere(acd: &mut AcdServices) {
    acd.workspace = "WS00000000000000000000000000000002".parse().unwrap();
}

async fn ended(bench: &Bench, acd: AcdServices, witness: Arc<dyn Witness>) -> PipelineError {
    let ledger = bench.ledger().await;
    let worker = Worker::new(
        vec![acd],
        ledger,
        bench.clock(),
        witness,
        Duration::from_hours(24),
    );
    let running = worker.run(CancellationToken::new(), Until::Stopped);
    let ended = tokio::time::timeout(Duration::from_secs(30), running).await;
    ended.unwrap().unwrap_err()
}

#[tokio::test]
async fn clients_are_made_from_one_configuration_and_its_secrets() {
    let bench = Bench::new().await;
    let (config, secrets) = bench.config("");
    assert!(connect(&config, &secrets, None).is_ok());
    let (_, mut others) = bench.config("");
    others.acds.clear();
    let error = connect(&config, &others, None).unwrap_err();
    assert!(
        matches!(&error, PipelineError::NoSecrets { acd } if acd == "main"),
        "{error:?}"
    );

    let (mut config, secrets) = bench.config("");
    config.tls.extra_ca_file = Some("nowhere.pem".into());
    let error = connect(&config, &secrets, None).unwrap_err();
    assert!(matches!(error, PipelineError::Clients(_)), "{error:?}");

    let (config, secrets) = bench.config("");
    let error = connect(&without_wfm(config), &secrets, None).unwrap_err();
    assert!(matches!(error, PipelineError::NothingOn), "{error:?}");
}

fn without_wfm(mut config: Config) -> Config {
    for acd in &mut config.acds {
        acd.products.workforce_management = false;
    }
    assert_eq!(
        config.acds_with(Product::WorkforceManagement).count(),
        0,
        "no ACD is left"
    );
    config
}

#[tokio::test]
async fn what_twilio_does_not_answer_is_told_as_its_error() {
    let bench = Bench::new().await;
    let mut acd = bench.services();
    elsewhere(&mut acd);
    let error = activities(&acd).await.unwrap_err();
    assert!(matches!(error, PipelineError::Twilio(_)), "{error:?}");
    let core = bench.core(&acd).await;
    let error = pull(&core, &acd).await;
    assert!(matches!(error, PullError::Activities(_)), "{error:?}");
}

#[tokio::test]
async fn commands_name_what_is_off() {
    let bench = Bench::new().await;
    let mut acd = bench.services();
    acd.history = None;
    acd.adherence = None;
    let error = preview(&acd).await.unwrap_err();
    assert!(matches!(&error, PipelineError::NoHistory { acd } if acd == "main"));
    let error = Follower::begin(acd, bench.clock()).await.err().unwrap();
    assert!(matches!(&error, PipelineError::NoAdherence { acd } if acd == "main"));
}

#[tokio::test]
async fn history_of_an_acd_tells_why_a_pull_failed() {
    let bench = Bench::new().await;
    let mut acd = bench.services();
    elsewhere(&mut acd);
    let core = bench.core(&acd).await;
    let range = (noon() - TimeDelta::hours(1), noon());
    let told = preview_history(core.ledger, &acd, range, 0, bench.clock(), &|_| {}).await;
    let error = told.unwrap_err();
    assert!(
        matches!(error, PipelineError::Pull(PullError::Activities(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_wish_about_an_acd_that_is_not_configured_any_more_fails_by_name() {
    let bench = Bench::new().await;
    let acd = bench.services();
    let core = Arc::new(bench.core(&acd).await);
    let wish = Wish::History {
        acd: AcdKey {
            tenant: "another".parse().unwrap(),
            ..acd.key.clone()
        },
        from: noon() - TimeDelta::hours(1),
        to: noon(),
    };
    let id = core.ledger.put(&wish, noon()).await.unwrap();
    let stop = CancellationToken::new();
    let serving = wishes::serve(Arc::clone(&core), vec![Arc::new(acd)], stop.clone());
    let settled = async {
        loop {
            let row = core.ledger.wish(id).await.unwrap().unwrap();
            if let Some(outcome) = row.outcome {
                stop.cancel();
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ((), outcome) = tokio::join!(serving, settled);
    assert_eq!(outcome, PipelineError::UnknownAcd.to_string());
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_ends_the_worker() {
    let bench = Bench::new().await;
    let acd = bench.services();
    let ledger = bench.ledger().await;
    ledger.close().await;
    let worker = Worker::new(
        vec![acd],
        ledger,
        bench.clock(),
        Arc::new(Nobody),
        Duration::from_hours(24),
    );
    let ended = worker.run(CancellationToken::new(), Until::Stopped).await;
    assert!(matches!(ended, Err(PipelineError::Ledger(_))), "{ended:?}");
}

/// A part of the worker calls it, and ends with it.
struct Fragile;

impl Witness for Fragile {
    fn pulled(&self, _: &str, _: &PullReport) {
        panic!("it is told of a pull");
    }
}

#[tokio::test]
async fn a_part_that_breaks_off_ends_the_worker() {
    let bench = Bench::new().await;
    bench.report(QUEUES, CSV);
    let error = ended(&bench, bench.services(), Arc::new(Fragile)).await;
    assert!(matches!(error, PipelineError::BrokenOff), "{error:?}");
}

#[tokio::test]
async fn what_a_vendor_refuses_at_the_start_ends_the_worker() {
    let bench = Bench::new().await;
    let mut acd = bench.services();
    elsewhere(&mut acd);
    let error = ended(&bench, acd, Arc::new(Nobody)).await;
    assert!(
        matches!(&error, PipelineError::Refused { acd, .. } if acd == "main"),
        "{error:?}"
    );

    let bench = Bench::new().await;
    bench.list("Activities", []);
    let error = ended(&bench, bench.services(), Arc::new(Nobody)).await;
    let PipelineError::Refused { reason, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(
        reason.contains("acd.wfm.activity 1") && reason.contains("\"Lunch\""),
        "{reason}"
    );

    let bench = Bench::new().await;
    let refusal = wiremock::ResponseTemplate::new(404);
    bench.world(|world| world.reports.insert(QUEUES, refusal));
    let error = ended(&bench, bench.services(), Arc::new(Nobody)).await;
    let PipelineError::Refused { reason, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(
        reason.contains("does not give report") && reason.contains(QUEUES),
        "{reason}"
    );
    let ledger = bench.ledger().await;
    let acd = bench.services().key;
    let failed = ledger
        .failed_pull(&acd, Report::QueueHistory)
        .await
        .unwrap();
    assert_eq!(failed.unwrap().reason, *reason);

    let bench = Bench::new().await;
    bench.list("TaskQueues", [crate::runner::testing::queue(1, "Billing")]);
    bench.roster.answer_next(wfm_delivery::Outcome::RetryLater {
        error: wfm_delivery::DeliveryError::CredentialsRefused { what: "the roster" },
        in_doubt: false,
    });
    let error = ended(&bench, bench.services(), Arc::new(Nobody)).await;
    assert!(matches!(&error, PipelineError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_report_without_its_columns_cannot_be_read() {
    let bench = Bench::new().await;
    bench.report(QUEUES, "Date,Time,Queue\n2026-03-03,09:00,Billing\n");
    let acd = bench.services();
    let error = pull(&bench.core(&acd).await, &acd).await;
    assert!(matches!(error, PullError::Rows(_)), "{error:?}");
}

#[tokio::test]
async fn a_ledger_that_does_not_know_the_acd_takes_no_pull() {
    let bench = Bench::new().await;
    bench.report(QUEUES, CSV);
    let mut acd = bench.services();
    let core = bench.core(&acd).await;
    acd.key.tenant = "another".parse().unwrap();
    let error = pull(&core, &acd).await;
    assert!(
        matches!(error, PullError::Ledger(LedgerError::UnknownAcd { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_directory_for_what_does_not_fit_that_cannot_be_made_is_named() {
    let bench = Bench::new().await;
    bench.report(QUEUES, CSV);
    let mut acd = bench.services();
    let core = bench.core(&acd).await;
    // Below a file.
    let folder = bench.ledger_path().join("spill");
    acd.history.as_mut().unwrap().rules.spill_dir = folder.clone();
    let error = pull(&core, &acd).await;
    assert!(
        matches!(&error, PullError::SpillDir { folder: named, .. } if *named == folder),
        "{error:?}"
    );
    let pulls = core.ledger.pulls(&acd.key, Report::QueueHistory).await;
    assert!(pulls.unwrap().is_empty());
}

/// The listener calls it, and breaks off with it.
struct Breaking;

impl Witness for Breaking {
    fn pushed(&self, _: &str, outcome: &'static str, _: u64) {
        assert_ne!(outcome, "stored", "an event was pushed");
    }
}

#[tokio::test]
async fn a_listener_that_breaks_off_ends_the_worker() {
    let bench = Bench::new().await;
    let pushed = "[intake]\nwfm_public_url = \"https://connector.example.com/wfm\"\n\
                  [acd.intake]\npath = \"floor\"\nusername = \"flex\"\npassword = { env = \"PUSHED\" }";
    let (mut config, mut secrets) = bench.config(pushed);
    config.intake.wfm_listen = ([127, 0, 0, 1], 0).into();
    let acd = bench.services_set(pushed);
    let adherence = acd.adherence.as_ref().unwrap();
    assert!(adherence.pushed);
    assert_eq!(adherence.poll_events, Some(Duration::from_secs(30)));
    // So that credentials suffice.
    for own in &mut secrets.acds {
        own.auth_token = None;
    }
    let ledger = bench.ledger().await;
    let keep = Duration::from_hours(24);
    let worker = Worker::new(
        vec![acd],
        ledger.clone(),
        bench.clock(),
        Arc::new(Breaking),
        keep,
    );
    let product = Product::WorkforceManagement;
    let intake =
        ledger_intake::Intake::bind(&config, product, &secrets, ledger, worker.watcher()).await;
    let intake = intake.unwrap().unwrap();
    let address = intake.local_addr();
    let running = worker
        .with_intake(Some(intake))
        .run(CancellationToken::new(), Until::Stopped);
    let running = tokio::spawn(running);
    // Until the worker listens and knows the ACD.
    while !running.is_finished() {
        push(address).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ended = running.await.unwrap();
    assert!(
        matches!(&ended, Err(PipelineError::IntakeEnded(_))),
        "{ended:?}"
    );
}

/// Pushes an event of the bench's workspace, as `flex` with the password `PUSHED`.
async fn push(address: std::net::SocketAddr) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let ids = format!(r#""account_sid": "{ACCOUNT}", "workspace_sid": "{WORKSPACE}""#);
    let event = "EV00000000000000000000000000000001";
    let body = format!(
        r#"[{{"type": "com.twilio.taskrouter.reservation.completed", "id": "EZ1", "data": {{"sid": "{event}", "payload": {{{ids}}}}}}}]"#
    );
    let request = format!(
        "POST /wfm/floor HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ZmxleDpQVVNIRUQ=\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // It ends in the midst.
    let Ok(mut stream) = tokio::net::TcpStream::connect(address).await else {
        return;
    };
    let _ = stream.write_all(request.as_bytes()).await;
    let _ = stream.read_to_string(&mut String::new()).await;
}
