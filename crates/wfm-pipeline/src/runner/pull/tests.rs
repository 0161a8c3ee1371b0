//! Pulls against a Flex Insights of the test's own making, on a real ledger.

use std::fmt::Write as _;
use sync_ledger::{SqliteLedger, StoredBatch};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wfm_history::{Happened, IntervalRow, Measure, QueueKey, Values};

use super::*;
use crate::runner::testing::{Bench, QUEUES, know_queues, noon, sid};
use crate::runner::{Core, history, workspace};
use crate::services::AcdServices;

const HEAD: &str = "Date,Time,Queue,Kind,Offered,Answered,Abandoned\n";
const QUEUE: Report = Report::QueueHistory;

/// A report of rows `03-02 09:00,Billing,3`.
fn csv(rows: &[&str]) -> String {
    let mut csv = HEAD.to_owned();
    for row in rows {
        let (when, rest) = row.split_once(',').unwrap();
        let (name, offered) = rest.split_once(',').unwrap();
        let (day, time) = when.split_once(' ').unwrap();
        writeln!(csv, "2026-{day},{time},{name},Queue,{offered},{offered},0").unwrap();
    }
    csv
}

struct Pulls {
    bench: Bench,
    acd: AcdServices,
    core: Core<SqliteLedger>,
}

impl Pulls {
    /// With the queues 1, 2, … of these names.
    async fn new(queues: &[&str]) -> Self {
        let bench = Bench::new().await;
        let acd = bench.services();
        let core = bench.core(&acd).await;
        let pulls = Self { bench, acd, core };
        pulls.know(queues).await;
        pulls
    }

    async fn know(&self, queues: &[&str]) {
        let queues: Vec<_> = (1..).zip(queues.iter().copied()).collect();
        know_queues(&self.core, &self.acd, &queues).await;
    }

    async fn pull(&self) -> Result<PullReport, PullError> {
        let back = self.services().rules.pull_back;
        self.pull_as(Asked {
            range: crate::policy::window(self.core.now(), back),
            dry_run: false,
            refused_again: false,
            sample: 0,
        })
        .await
    }

    async fn pull_as(&self, asked: Asked) -> Result<PullReport, PullError> {
        let services = self.services();
        let source = &services.reports[1];
        history::pull_one(&self.core, &self.acd, services, source, asked, &|_| {}).await
    }

    fn services(&self) -> &HistoryServices {
        self.acd.history.as_ref().unwrap()
    }

    /// Delivers everything that waits, and gives it.
    async fn delivered(&self) -> Vec<StoredBatch> {
        let (ledger, acd) = (&self.core.ledger, &self.acd);
        let mut batches = Vec::new();
        while let Some(batch) = ledger.next_batch(&acd.key, QUEUE).await.unwrap() {
            history::deliver_next(&self.core, acd, self.services(), QUEUE)
                .await
                .unwrap();
            batches.push(batch);
        }
        batches
    }

    async fn rows(&self) -> Vec<Change> {
        let batches = self.delivered().await;
        let rows = batches.into_iter().flat_map(|batch| batch.rows);
        rows.map(|(_, change)| change).collect()
    }

    /// What is held: by which name the report calls it, and how many contacts were offered.
    async fn held(&self) -> Vec<u64> {
        let held = self.core.ledger.held(&self.acd.key, QUEUE, None, None, 100);
        let offered = |held: &HeldInterval| held.row.values.get(Measure::Offered);
        held.await.unwrap().iter().map(offered).collect()
    }
}

fn key(when: &str, queue: usize) -> IntervalKey {
    let (day, time) = when.split_once(' ').unwrap();
    let start: DateTime<Utc> = format!("2026-{day}T{time}:00Z").parse().unwrap();
    IntervalKey {
        interval: Interval::starting(start).unwrap(),
        agent: None,
        queue: QueueKey::Task(sid("WQ", queue).parse().unwrap()),
    }
}

fn told(rows: &[Change]) -> Vec<(IntervalKey, u64)> {
    let told = |change: &Change| (change.row.key, change.row.values.get(Measure::Offered));
    rows.iter().map(told).collect()
}

#[tokio::test]
async fn a_held_row_is_delivered_once_it_is_known_whose_it_is_and_only_then() {
    let pulls = Pulls::new(&["Billing"]).await;
    let report = csv(&["03-03 09:00,Billing,3", "03-03 09:00,Sales,4"]);
    pulls.bench.report(QUEUES, &report);
    let found = pulls.pull().await.unwrap();
    assert_eq!((found.to_deliver, found.held), (1, 1));
    assert_eq!(told(&pulls.rows().await), [(key("03-03 09:00", 1), 3)]);
    assert_eq!(pulls.held().await, [4]);

    pulls.know(&["Billing", "Sales"]).await;
    let found = pulls.pull().await.unwrap();
    assert_eq!((found.to_deliver, found.held), (1, 0));
    assert_eq!(told(&pulls.rows().await), [(key("03-03 09:00", 2), 4)]);
    assert_eq!(pulls.held().await, [] as [u64; 0]);
    assert_eq!(pulls.pull().await.unwrap().to_deliver, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn held_rows_are_released_in_the_batch_that_takes_their_values_over() {
    let pulls = Pulls::new(&["Billing"]).await;
    let report = csv(&["03-03 09:00,Sales,4", "03-03 09:00,Shop,5"]);
    pulls.bench.report(QUEUES, &report);
    pulls.pull().await.unwrap();
    pulls.know(&["Billing", "Sales"]).await;

    // A pull that is killed after its batch: what it held is not finished.
    let (acd, services) = (&pulls.acd, pulls.services());
    let map = workspace::activities(&acd.twilio, acd.workspace, &services.activities);
    let reading = Reading {
        ledger: pulls.core.ledger.clone(),
        acd: acd.key.clone(),
        source: services.reports[1].clone(),
        rules: services
            .rules
            .report_rules(QUEUE, &map.await.unwrap())
            .unwrap(),
        services: services.clone(),
        directory: history::directory(&pulls.core.ledger, acd).await.unwrap(),
        asked: Asked {
            range: crate::policy::window(noon(), services.rules.pull_back),
            dry_run: false,
            refused_again: false,
            sample: 0,
        },
        at: noon(),
        handle: Handle::current(),
        pulling: CancellationToken::new(),
    };
    let change = Change {
        row: IntervalRow {
            key: key("03-03 09:00", 2),
            values: Values::zero(QUEUE)
                .with(Measure::Offered, 4)
                .with(Measure::Answered, 4),
            ambiguous: false,
        },
        happened: Happened::New,
        deliver: true,
    };
    let killed = tokio::task::spawn_blocking(move || {
        let mut out = Out::begin(&reading, false).unwrap();
        let mut report = empty(QUEUE, noon(), &reading.asked);
        out.take(Outcome::Change(change), &mut report).unwrap();
        out.flush().unwrap();
    });
    killed.await.unwrap();
    assert_eq!(pulls.held().await, [5]);
    assert_eq!(told(&pulls.rows().await), [(key("03-03 09:00", 2), 4)]);
    assert_eq!(
        pulls.pull().await.unwrap().to_deliver,
        0,
        "nothing counts twice"
    );
    assert_eq!(pulls.held().await, [5]);
}

#[tokio::test]
async fn what_is_held_and_lies_outside_of_what_a_pull_delivers_is_not_lost() {
    let pulls = Pulls::new(&["Billing"]).await;
    pulls.bench.set_now("2026-03-02T12:00:00Z".parse().unwrap());
    let report = csv(&["03-02 09:00,Sales,4", "03-02 09:00,Shop,5"]);
    pulls.bench.report(QUEUES, &report);
    pulls.pull().await.unwrap();
    assert_eq!(pulls.held().await, [4, 5]);

    // A day later the report still shows it, and no pull delivers it by itself any more.
    pulls.bench.set_now(noon());
    pulls.know(&["Billing", "Sales"]).await;
    let report = csv(&[
        "03-02 09:00,Sales,4",
        "03-02 09:00,Shop,5",
        "03-03 09:00,Billing,1",
    ]);
    pulls.bench.report(QUEUES, &report);
    let found = pulls.pull().await.unwrap();
    assert_eq!((found.to_deliver, found.changes.outside), (1, 2));
    assert_eq!(
        told(&pulls.rows().await),
        [(key("03-03 09:00", 1), 1), (key("03-02 09:00", 2), 4)]
    );
    assert_eq!(pulls.held().await, [5]);
}

#[tokio::test]
async fn rows_outside_of_the_range_are_counted_and_delivered_once_they_are_asked_for() {
    let pulls = Pulls::new(&["Billing"]).await;
    let report = csv(&[
        "03-01 09:00,Billing,2",
        "03-01 09:00,Shop,7",
        "03-03 09:00,Billing,3",
    ]);
    pulls.bench.report(QUEUES, &report);
    let found = pulls.pull().await.unwrap();
    assert_eq!((found.to_deliver, found.changes.outside), (1, 2));
    assert_eq!(told(&pulls.rows().await), [(key("03-03 09:00", 1), 3)]);

    let (from, to) = (
        key("03-01 00:00", 1).interval,
        key("03-02 00:00", 1).interval,
    );
    let asked = Asked {
        range: from..to,
        dry_run: false,
        refused_again: false,
        sample: 5,
    };
    let found = pulls.pull_as(asked).await.unwrap();
    assert_eq!((found.to_deliver, found.changes.outside), (1, 1));
    assert_eq!(told(&found.sample), [(key("03-01 09:00", 1), 2)]);
    assert_eq!(told(&pulls.rows().await), [(key("03-01 09:00", 1), 2)]);
    assert_eq!(pulls.held().await, [7]);
}

#[tokio::test]
async fn a_report_that_is_cut_short_drops_nothing_that_is_held_and_takes_nothing_back() {
    let pulls = Pulls::new(&["Billing"]).await;
    let whole = csv(&[
        "03-03 08:00,Billing,3",
        "03-03 08:15,Shop,4",
        "03-03 09:00,Billing,5",
    ]);
    pulls.bench.report(QUEUES, &whole);
    pulls.pull().await.unwrap();
    assert_eq!(pulls.rows().await.len(), 2);

    let cut = csv(&["03-03 07:00,Billing,3", "03-03 09:00,Billing,5"]) + "2026-03-03,09:1";
    pulls.bench.report(QUEUES, &cut);
    let found = pulls.pull().await.unwrap();
    assert!(found.alarm.unwrap().contains("cut short"));
    assert_eq!(found.changes.kept, 2);
    assert_eq!(told(&pulls.rows().await), []);
    assert_eq!(pulls.held().await, [4]);
}

#[tokio::test]
async fn an_empty_report_takes_nothing_back_and_a_whole_one_what_it_lacks() {
    let pulls = Pulls::new(&["Billing"]).await;
    let whole = csv(&[
        "03-03 08:00,Billing,3",
        "03-03 08:15,Shop,4",
        "03-03 09:00,Billing,5",
    ]);
    pulls.bench.report(QUEUES, &whole);
    pulls.pull().await.unwrap();
    assert_eq!(pulls.rows().await.len(), 2);
    for empty in ["", HEAD] {
        pulls.bench.report(QUEUES, empty);
        let found = pulls.pull().await.unwrap();
        assert!(
            found.alarm.unwrap().contains("no row that counts"),
            "{empty:?}"
        );
        assert_eq!((found.to_deliver, pulls.held().await), (0, vec![4]));
        assert_eq!(pulls.rows().await, []);
    }
    let lacking = csv(&["03-03 07:45,Billing,1", "03-03 09:00,Billing,5"]);
    pulls.bench.report(QUEUES, &lacking);
    let found = pulls.pull().await.unwrap();
    assert_eq!((found.alarm, found.changes.gone), (None, 1));
    assert_eq!(
        told(&pulls.rows().await),
        [(key("03-03 07:45", 1), 1), (key("03-03 08:00", 1), 0)]
    );
    assert_eq!(
        pulls.held().await,
        [] as [u64; 0],
        "a whole report shows it no more"
    );
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_delivered_and_writes_nothing() {
    let pulls = Pulls::new(&["Billing"]).await;
    pulls.bench.report(
        QUEUES,
        &csv(&["03-03 09:00,Billing,3", "03-03 09:00,Shop,4"]),
    );
    let looking = || Asked {
        range: crate::policy::window(noon(), pulls.services().rules.pull_back),
        dry_run: true,
        refused_again: false,
        sample: 1,
    };
    let found = pulls.pull_as(looking()).await.unwrap();
    assert_eq!((found.to_deliver, found.held), (1, 1));
    assert_eq!(told(&found.sample), [(key("03-03 09:00", 1), 3)]);
    pulls.bench.report(QUEUES, "");
    let found = pulls.pull_as(looking()).await.unwrap();
    assert!(found.alarm.is_some());
    assert_eq!(pulls.rows().await, []);
    assert_eq!(pulls.held().await, [] as [u64; 0]);
    let recorded = pulls.core.ledger.pulls(&pulls.acd.key, QUEUE).await;
    assert_eq!(recorded.unwrap(), []);
}

#[tokio::test]
async fn no_two_batches_of_a_report_are_made_at_the_same_time() {
    let mut pulls = Pulls::new(&["Billing", "Sales"]).await;
    pulls.acd.history.as_mut().unwrap().batch_rows = 1;
    let rows = [
        "03-03 08:00,Billing,3",
        "03-03 08:00,Sales,4",
        "03-03 09:00,Sales,5",
    ];
    pulls.bench.report(QUEUES, &csv(&rows));
    pulls.pull().await.unwrap();
    let made: Vec<_> = pulls
        .delivered()
        .await
        .iter()
        .map(|one| one.created)
        .collect();
    assert_eq!(made.len(), 3);
    // Files are named by it: a second of the same name would never be written.
    assert!(made.is_sorted_by(|one, next| one < next), "{made:?}");
}

/// A Flex Insights whose report breaks off after some rows.
async fn breaking_off(csv: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 8_192];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let (body, missing) = if request.contains("/gdc/account/login") {
                (
                    r#"{"userLogin": {"profile": "/gdc/account/profile/1", "token": "sst"}}"#,
                    0,
                )
            } else if request.contains("/gdc/account/token") {
                (r#"{"userToken": {"token": "tt"}}"#, 0)
            } else if request.contains("execute/raw") {
                (r#"{"uri": "/gdc/exporter/1"}"#, 0)
            } else {
                (csv.as_str(), 1_000)
            };
            let kind = if missing > 0 {
                "text/csv"
            } else {
                "application/json"
            };
            let length = body.len() + missing;
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    uri
}

#[tokio::test]
async fn a_report_that_breaks_off_while_it_comes_writes_no_batch() {
    let mut pulls = Pulls::new(&["Billing"]).await;
    let uri = breaking_off(csv(&["03-03 08:00,Billing,3", "03-03 09:00,Shop,5"])).await;
    pulls.acd = pulls.bench.services_with(&uri, "");
    let error = pulls.pull().await.unwrap_err();
    assert!(matches!(error, PullError::Insights(_)), "{error:?}");
    assert_eq!(pulls.rows().await, []);
    assert_eq!(pulls.held().await, [] as [u64; 0]);
    let recorded = pulls.core.ledger.pulls(&pulls.acd.key, QUEUE).await;
    assert_eq!(recorded.unwrap(), []);
}

#[tokio::test]
async fn a_reader_whose_report_comes_to_no_end_writes_nothing() {
    let pulls = Pulls::new(&["Billing"]).await;
    let services = pulls.services().clone();
    let map = workspace::activities(&pulls.acd.twilio, pulls.acd.workspace, &services.activities)
        .await
        .unwrap();
    std::fs::create_dir_all(&services.rules.spill_dir).unwrap();
    let reading = Reading {
        ledger: pulls.core.ledger.clone(),
        acd: pulls.acd.key.clone(),
        source: services.reports[1].clone(),
        rules: services.rules.report_rules(QUEUE, &map).unwrap(),
        directory: history::directory(&pulls.core.ledger, &pulls.acd)
            .await
            .unwrap(),
        asked: Asked {
            range: crate::policy::window(noon(), services.rules.pull_back),
            dry_run: false,
            refused_again: false,
            sample: 0,
        },
        services,
        at: noon(),
        handle: Handle::current(),
        pulling: CancellationToken::new(),
    };
    let (send, receive) = mpsc::channel(1);
    let reader = tokio::task::spawn_blocking(move || reading.read(receive));
    let begun = csv(&["03-03 09:00,Billing,3"]).into();
    assert!(send.send(Piece::Bytes(begun)).await.is_ok());
    drop(send);
    let error = joined(reader).await.unwrap_err();
    assert!(matches!(error, PullError::CutOff), "{error:?}");
    assert!(pulls.delivered().await.is_empty());
}

#[tokio::test]
async fn a_reader_that_panics_takes_its_pull_with_it_and_nothing_else() {
    let reader = tokio::task::spawn_blocking(|| -> Result<(), PullError> { panic!("a defect") });
    assert!(matches!(joined(reader).await, Err(PullError::BrokenOff)));
}

#[tokio::test]
async fn two_pulls_of_a_report_at_once_deliver_an_interval_once() {
    let pulls = Pulls::new(&["Billing"]).await;
    let report = csv(&["03-03 09:00,Billing,3", "03-03 09:00,Sales,4"]);
    pulls.bench.report(QUEUES, &report);
    pulls.bench.world(|world| {
        let slow = world.reports[QUEUES].clone();
        let slow = slow.set_delay(std::time::Duration::from_millis(300));
        world.reports.insert(QUEUES, slow);
    });
    let (one, other) = tokio::join!(pulls.pull(), pulls.pull());
    let delivered = one.unwrap().to_deliver + other.unwrap().to_deliver;
    assert_eq!(delivered, 1);
    assert_eq!(told(&pulls.rows().await), [(key("03-03 09:00", 1), 3)]);
    assert_eq!(pulls.held().await, [4]);
}

#[tokio::test]
async fn what_was_refused_goes_again_once_somebody_asks_for_it() {
    let pulls = Pulls::new(&["Billing"]).await;
    pulls.bench.report(QUEUES, &csv(&["03-03 09:00,Billing,3"]));
    let no = wfm_delivery::Refusal::Answer {
        status: 400,
        text: None,
        request_id: None,
    };
    let no = wfm_delivery::Outcome::Refused(no);
    pulls.bench.history.answer_next(no);
    assert_eq!(pulls.pull().await.unwrap().to_deliver, 1);
    assert_eq!(pulls.rows().await.len(), 1);
    // Each pull by itself would only be refused again.
    assert_eq!(pulls.pull().await.unwrap().to_deliver, 0);
    let range = (
        noon() - chrono::TimeDelta::hours(6),
        noon() - chrono::TimeDelta::hours(1),
    );
    let acds = [std::sync::Arc::new(pulls.acd.clone())];
    let (key, (from, to)) = (&pulls.acd.key, range);
    let asked =
        crate::runner::wishes::of_range(&pulls.core, &acds, key, from, to, false, 0, &|_| {});
    let found = asked.await.unwrap();
    assert_eq!(found[1].to_deliver, 1);
    assert_eq!(told(&pulls.rows().await).len(), 1);
    assert_eq!(pulls.bench.history.taken().len(), 2);
    assert_eq!(pulls.pull().await.unwrap().to_deliver, 0);
}
