//! Whole workers: what arrives when one is killed again and again.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Mutex;

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use wfm_history::{IntervalKey, Values};

use super::*;
use crate::runner::testing::{AGENTS, Bench, QUEUES, queue, worker};
use crate::runner::{Backlog, Nobody};

const KEEP: Duration = Duration::from_hours(24);

/// A morning with eight agents and three queues, one of which is not listed yet.
async fn morning() -> Bench {
    let bench = Bench::new().await;
    let names = ["Ada", "Bo", "Cy", "Di", "Ed", "Flo", "Gus", "Hal"];
    let workers = (1..)
        .zip(names)
        .map(|(number, name)| worker(number, name, name, 1));
    bench.list("Workers", workers);
    bench.list("TaskQueues", [queue(1, "Billing"), queue(2, "Sales")]);
    let mut agents = "Date,Time,Agent,Queue,Kind,Activity,Activity Time,Talk Time\n".to_owned();
    let mut queues = "Date,Time,Queue,Kind,Offered,Answered,Abandoned\n".to_owned();
    for quarter in 0..16 {
        let when = format!("2026-03-03,{:02}:{:02}", 6 + quarter / 4, quarter % 4 * 15);
        for (number, name) in names.iter().enumerate() {
            let lunch = 10 * (quarter + 1) + number;
            writeln!(agents, "{when},{name},,Agent Status,Lunch,{lunch},0").unwrap();
        }
        for (number, name) in ["Billing", "Sales", "Shop"].iter().enumerate() {
            let offered = 3 * quarter + number + 1;
            writeln!(queues, "{when},{name},Queue,{offered},{offered},0").unwrap();
        }
    }
    bench.report(AGENTS, &agents);
    bench.report(QUEUES, &queues);
    bench
}

fn small_batches(bench: &Bench) -> Vec<AcdServices> {
    let mut acd = bench.services();
    acd.history.as_mut().unwrap().batch_rows = 7;
    vec![acd]
}

async fn run(bench: &Bench) -> Result<RunReport, PipelineError> {
    let ledger = bench.ledger().await;
    let worker = Worker::new(
        small_batches(bench),
        ledger,
        bench.clock(),
        Arc::new(Nobody),
        KEEP,
    );
    worker.run(CancellationToken::new(), Until::Idle).await
}

/// What Calabrio has where a second delivery replaces the first.
fn received(bench: &Bench) -> BTreeMap<IntervalKey, Values> {
    let batches = bench.history.taken().into_iter().flatten();
    batches.map(|row| (row.row.key, row.row.values)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_again_and_again_delivers_the_same_as_one_that_is_not() {
    let undisturbed = morning().await;
    assert!(run(&undisturbed).await.unwrap().idle);
    let expected = received(&undisturbed);
    assert_eq!(expected.len(), 16 * (8 + 2));

    for seed in 0..4 {
        let mut dice = StdRng::seed_from_u64(seed);
        let bench = morning().await;
        bench.history.delay(Duration::from_millis(4));
        bench.roster.delay(Duration::from_millis(4));
        let mut killed = 0;
        loop {
            let lives = Duration::from_millis(dice.random_range(20..400));
            // Its future is dropped wherever it is.
            match tokio::time::timeout(lives, run(&bench)).await {
                Ok(ended) => {
                    assert!(ended.unwrap().idle);
                    break;
                }
                Err(_) => killed += 1,
            }
            // The last one is let live, or a slow machine would never come to an end.
            if killed == 25 {
                assert!(run(&bench).await.unwrap().idle);
                break;
            }
        }
        assert!(killed > 0, "seed {seed}");
        assert_eq!(
            received(&bench),
            expected,
            "seed {seed}, {killed} times killed"
        );
        let told: BTreeSet<_> = bench
            .roster
            .taken()
            .concat()
            .into_iter()
            .map(|one| one.sid)
            .collect();
        assert_eq!(told.len(), 8 + 2, "seed {seed}");
        let states: BTreeSet<_> = bench
            .states
            .taken()
            .concat()
            .into_iter()
            .map(|(_, row)| row.agent)
            .collect();
        assert_eq!(states.len(), 8, "seed {seed}");
        let ledger = bench.ledger().await;
        let key = &bench.services().key;
        let held = ledger
            .held(key, Report::QueueHistory, None, None, 100)
            .await
            .unwrap();
        assert_eq!(held.len(), 16, "the queue that is not listed, seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_idle_only_once_agents_and_queues_were_told() {
    let bench = morning().await;
    bench.roster.delay(Duration::from_millis(600));
    let mut services = small_batches(&bench);
    services[0].history = None;
    let worker = Worker::new(
        services,
        bench.ledger().await,
        bench.clock(),
        Arc::new(Nobody),
        KEEP,
    );
    let report = worker.run(CancellationToken::new(), Until::Idle).await;
    assert!(report.unwrap().idle);
    assert_eq!(bench.roster.taken().concat().len(), 8 + 2);
}

#[tokio::test]
async fn a_worker_with_nothing_to_do_says_so() {
    let bench = Bench::new().await;
    let mut acd = bench.services();
    (acd.history, acd.adherence) = (None, None);
    let worker = Worker::new(
        vec![acd],
        bench.ledger().await,
        bench.clock(),
        Arc::new(Nobody),
        KEEP,
    );
    let error = worker.run(CancellationToken::new(), Until::Idle).await;
    assert!(matches!(error, Err(PipelineError::NothingOn)));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_worker_removes_what_a_crash_left_in_a_drop_folder() {
    let bench = morning().await;
    let (folder, _) = bench.drop_folder();
    let left = folder.join(".wfm-delivery-1.part");
    std::fs::write(&left, "date,time").unwrap();
    let services = bench.services_set(&format!(
        "transport = \"files\"\n[acd.wfm.files]\nfolder = {:?}",
        folder.to_str().unwrap()
    ));
    assert!(left.exists(), "it may be what a worker is writing");
    let worker = Worker::new(
        vec![services],
        bench.ledger().await,
        bench.clock(),
        Arc::new(Nobody),
        KEEP,
    );
    let report = worker.run(CancellationToken::new(), Until::Idle).await;
    assert!(report.unwrap().idle);
    assert!(!left.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_states_wait_until_calabrio_was_told_of_the_agents() {
    let bench = morning().await;
    bench.roster.delay(Duration::from_millis(300));
    let worker = Worker::new(
        small_batches(&bench),
        bench.ledger().await,
        bench.clock(),
        Arc::new(Nobody),
        KEEP,
    );
    let running = tokio::spawn(worker.run(CancellationToken::new(), Until::Idle));
    // Queues, then agents: for that it takes a while until it is answered.
    while bench.roster.taken().len() < 2 {
        assert!(!running.is_finished());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(bench.states.taken().is_empty());
    assert!(running.await.unwrap().unwrap().idle);
    assert_eq!(bench.states.taken().concat().len(), 8);
}

/// What it was told last.
#[derive(Default)]
struct Told {
    backlogs: Mutex<BTreeMap<Report, Backlog>>,
    states: Mutex<Vec<bool>>,
    lists: AtomicUsize,
}

impl Witness for Told {
    fn backlog(&self, acd: &str, report: Report, backlog: &Backlog, _: DateTime<Utc>) {
        assert_eq!(acd, "main");
        self.backlogs.lock().unwrap().insert(report, *backlog);
    }

    fn states_told(&self, _: &str, whole: bool) {
        self.states.lock().unwrap().push(whole);
    }

    fn listed(&self, _: &str) {
        self.lists.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_is_told_how_all_of_it_stands() {
    let bench = morning().await;
    assert!(run(&bench).await.unwrap().idle);
    let witness = Arc::new(Told::default());
    for _ in 0..3 {
        bench.states.answer_next(wfm_delivery::Outcome::RetryLater {
            error: wfm_delivery::DeliveryError::CutOff,
            in_doubt: true,
        });
    }
    let worker = Worker::new(
        small_batches(&bench),
        bench.ledger().await,
        bench.clock(),
        Arc::clone(&witness) as _,
        KEEP,
    );
    let report = worker.run(CancellationToken::new(), Until::Idle).await;
    assert!(report.unwrap().idle);
    assert_eq!(*witness.states.lock().unwrap(), [false, true]);
    assert_eq!(witness.lists.load(Ordering::Relaxed), 1);
    let backlogs = witness.backlogs.lock().unwrap();
    let shown_until = Some("2026-03-03T10:00:00Z".parse().unwrap());
    let held = Backlog {
        held: 16,
        shown_until,
        ..Backlog::default()
    };
    assert_eq!(backlogs[&Report::QueueHistory], held);
    let none = Backlog {
        shown_until,
        ..Backlog::default()
    };
    assert_eq!(backlogs[&Report::AgentProductivity], none);
}
