//! Whatever instant a worker is killed at, the next one brings everything to the same end.
//!
//! Each row of the tables starts a simulated Flex and Calabrio ONE, lets a worker in a process of its own run into its end, starts another
//! worker on what the first left behind, and compares what comes of it with a run that nobody disturbed.
#![cfg(unix)]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "helpers of tests may panic"
)]

mod effects;
mod process;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common;
use chrono::{DateTime, Utc};
use connector_config::Config;
use contact_model::{Contact, LegId, Stage};
use flex_simulator::scenario::{Kind, Scenario, Span};
use flex_simulator::{FaultLevel, Held, HoldAt, Simulator, SimulatorOptions, Timings};
use process::{Moment, Point, Process};
use qm_pipeline::{Nobody, RunReport, Step, Until, Witness};
use serde_json::{Value, json};
use sync_ledger::{
    AcdStore as _, CursorStore as _, LedgerError, Wish, WishState, WishStore as _, WorkerLock,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_mins(6);

/// Rows under way at once: they wait more than they work.
const ROWS_AT_ONCE: usize = 8;

const SEED: u64 = 11;

/// A little of everything: encrypted mono and dual, in the clear, to be swapped, a transfer that ends while the worker runs, silent,
/// without a key, excluded.
fn everything() -> Scenario {
    let kinds = [
        Kind::ConferenceEncrypted,
        Kind::CallRecordingDualEncrypted,
        Kind::ConferenceMono,
        Kind::InboundAgentFirst,
        Kind::TransferSharedConference,
        Kind::AbsentSilent,
        Kind::MissingKey,
        Kind::Excluded,
    ];
    // The last three whose past does not matter are live, and the transfer is the first of those.
    scenario(&kinds, 3, Span::new(5_000, 6_000))
}

/// A transfer whose second agent wraps up for long: the first leg is delivered before the task's last attributes are known, and they are
/// brought to it later.
fn long_wrap_up() -> Scenario {
    let kinds = [Kind::ConferenceMono, Kind::TransferSharedConference];
    let mut scenario = scenario(&kinds, 1, Span::new(2_000, 3_000));
    scenario.wrap_up_ms = Span::new(6_000, 6_000);
    scenario.live_ms = Span::new(8_000, 8_000);
    scenario
}

fn scenario(kinds: &[Kind], live: u32, audio_ms: Span) -> Scenario {
    let mut scenario = Scenario::default();
    // How much of a hold is seen depends on who is there to look.
    scenario.hold_labels.clear();
    // A receiver that refuses is tried again only after seconds.
    scenario.webhook_faults = 0;
    scenario.contacts = u32::try_from(kinds.len()).unwrap();
    scenario.kinds = kinds.iter().map(|kind| (*kind, 1)).collect();
    scenario.audio_ms = audio_ms;
    scenario.live_contacts = live;
    scenario.live_ms = Span::new(1_500, 2_500);
    scenario.event_lag_ms = Span::new(20, 200);
    scenario.media_lag_ms = Span::new(0, 200);
    scenario.abandoned = 1;
    scenario
}

/// A simulated world, and the directory of the worker before it.
struct Place {
    simulator: Simulator,
    config: PathBuf,
    /// Removed with this.
    _directory: tempfile::TempDir,
}

impl Place {
    async fn new(scenario: Scenario) -> Self {
        Self::with_faults(scenario, FaultLevel::None).await
    }

    async fn with_faults(scenario: Scenario, faults: FaultLevel) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = SimulatorOptions {
            scenario,
            seed: SEED,
            faults,
            timings: Timings {
                // Long enough that a worker which starts at once searches in vain at first. Three times as long under hostile faults.
                index_delay: match faults {
                    FaultLevel::Hostile => Duration::from_millis(500),
                    _ => Duration::from_secs(2),
                },
                processing: Duration::from_millis(200),
                late: Duration::from_millis(500),
                ..Timings::default()
            },
            ..SimulatorOptions::default()
        };
        let simulator = Simulator::start(options).await.unwrap();
        let config = directory.path().join("connector.toml");
        let config = simulator.write_config(&config).unwrap().config;
        let place = Self {
            simulator,
            config,
            _directory: directory,
        };
        place.set("capture_delay", "1s");
        place.set("capture_wait", "1s");
        place.prepare().await;
        place
    }

    /// Changes a time in the configuration that is there already.
    fn set(&self, field: &str, value: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let field = format!("{field} = ");
        assert_eq!(text.matches(&field).count(), 1, "{field}");
        let line = |line: &str| {
            if line.starts_with(&field) {
                format!("{field}\"{value}\"\n")
            } else {
                format!("{line}\n")
            }
        };
        std::fs::write(&self.config, text.lines().map(line).collect::<String>()).unwrap();
    }

    /// Adds a line to a section of the configuration.
    fn insert(&self, section: &str, line: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let header = format!("[{section}]\n");
        assert_eq!(text.matches(&header).count(), 1, "{header}");
        let text = text.replace(&header, &format!("{header}{line}\n"));
        std::fs::write(&self.config, text).unwrap();
    }

    fn process(&self, point: Option<Point>) -> Process {
        Process::start("crash::a_worker_that_is_killed", &self.config, point)
    }

    /// The recordings that lie in the spool.
    fn spooled(&self) -> usize {
        let config = Config::load(&self.config).unwrap();
        let Ok(entries) = std::fs::read_dir(config.spool.dir) else {
            return 0;
        };
        entries
            .filter(|entry| entry.as_ref().unwrap().file_name() != "spool.lock")
            .count()
    }

    /// What lies in the worker's files and must not: audio, and what only the customer's attributes say. For when no worker runs.
    fn in_the_clear(&self) -> Vec<String> {
        let world = self.simulator.world();
        let windows = world.plaintext_windows(4).into_iter();
        let mut needles: Vec<Vec<u8>> = windows.map(|window| window.pcm.to_vec()).collect();
        assert!(!needles.is_empty());
        needles.extend(
            world
                .markers()
                .iter()
                .map(|marker| marker.clone().into_bytes()),
        );
        let begins = |bytes: &[u8]| bytes.first_chunk::<8>().copied();
        let by_beginning: HashMap<[u8; 8], &Vec<u8>> = needles
            .iter()
            .filter_map(|needle| Some((begins(needle)?, needle)))
            .collect();
        let mut found = Vec::new();
        let mut directories = vec![self.config.with_file_name("connector.state")];
        while let Some(directory) = directories.pop() {
            let Ok(entries) = std::fs::read_dir(directory) else {
                continue;
            };
            for path in entries.map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    directories.push(path);
                    continue;
                }
                let content = std::fs::read(&path).unwrap();
                let holds = (0..content.len()).any(|at| {
                    let rest = &content[at..];
                    let needle = begins(rest).and_then(|beginning| by_beginning.get(&beginning));
                    needle.is_some_and(|needle| rest.starts_with(needle.as_slice()))
                });
                if holds {
                    found.push(path.display().to_string());
                }
            }
        }
        found
    }

    /// Runs a worker in this process until everything has come to its end.
    async fn finish(&self, witness: Arc<dyn Witness>) -> Ended {
        let (worker, ledger) = common::whole_worker(&self.config, witness).await;
        ledger.verify().await.unwrap();
        assert_eq!(self.spooled(), 0, "the spool is emptied at the start");
        let stop = CancellationToken::new();
        let running = tokio::spawn(worker.run(stop.clone(), Until::Stopped));
        let settled = async {
            while !self.is_settled(&common::contacts(&ledger).await)
                || !self.effects_are_settled(&ledger).await
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let settled = tokio::time::timeout(DEADLINE, settled).await;
        let contacts = common::contacts(&ledger).await;
        let account = self.simulator.account();
        assert!(
            settled.is_ok(),
            "it did not settle: {contacts:#?}\n{account:#?}"
        );
        stop.cancel();
        running.await.unwrap().unwrap();
        ledger.verify().await.unwrap();
        let wrong = common::disagreements(&self.simulator, &contacts);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(self.simulator.account().is_right());
        let mut ended = self.ended(&contacts);
        self.add_effects(&ledger, &mut ended).await;
        ended
    }

    /// Whether nothing is left to be done, not even to bring later attributes to a contact that is complete.
    fn is_settled(&self, contacts: &[Contact]) -> bool {
        let at_its_end = |contact: &Contact| match &contact.stage {
            Stage::Complete(stage) => !stage.capture.provisional,
            stage => stage.name().is_final(),
        };
        Utc::now() > self.simulator.world().settles()
            && contacts.len() >= self.simulator.expected().len()
            && contacts.iter().all(at_its_end)
    }

    /// What became of each leg: in the ledger, and at Calabrio ONE. Without what differs from run to run: times, lengths to the
    /// millisecond, numbers of contacts.
    fn ended(&self, contacts: &[Contact]) -> Ended {
        let mut ended = Ended::new();
        for contact in contacts {
            let stage = match &contact.stage {
                Stage::Parked(parked) => format!("parked: {}", parked.reason.kind().as_str()),
                Stage::Excluded(excluded) => format!("excluded: {}", excluded.rule),
                stage => stage.name().to_string(),
            };
            ended
                .entry(contact.leg.id.to_string())
                .or_default()
                .push(json!(stage));
        }
        for received in self.simulator.received() {
            let audio = received.audio.as_ref();
            ended.entry(received.leg).or_default().push(json!({
                "session": received.session,
                "agent": received.agent,
                "direction": received.direction,
                "ani": received.ani,
                "dnis": received.dnis,
                "metadata": received.metadata,
                "channels": audio.map(|audio| audio.channel_sha256.len()),
                "verdict": audio.map(|audio| &audio.verdict),
            }));
        }
        ended
    }
}

type Ended = BTreeMap<String, Vec<Value>>;

/// How a worker is killed.
#[derive(Debug, Clone, Copy)]
enum Kill {
    /// By itself, at this point.
    At(Point),
    /// When this request, counted from 0, has come to the vendor or has been done there. It is not answered.
    Request(Step, HoldAt, usize),
    /// The same of a request that begins so, whatever step it belongs to.
    Wire(&'static str, HoldAt, usize),
    /// So long after its start.
    Once(Duration),
}

impl std::fmt::Display for Kill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::At(point) => point.fmt(f),
            Self::Request(step, HoldAt::Arrival, after) => {
                write!(f, "{} {} sent, not done", step.as_str(), after + 1)
            }
            Self::Request(step, HoldAt::Answer, after) => {
                write!(f, "{} {} done, not answered", step.as_str(), after + 1)
            }
            Self::Wire(request, HoldAt::Arrival, after) => {
                write!(f, "{request} {} sent, not done", after + 1)
            }
            Self::Wire(request, HoldAt::Answer, after) => {
                write!(f, "{request} {} done, not answered", after + 1)
            }
            Self::Once(after) => write!(f, "{after:?} after the start"),
        }
    }
}

/// Whether a request is what this step does at the vendor.
fn is_request_of(step: Step, request: &str) -> bool {
    let of_task = request.contains("TaskSid=");
    match step {
        Step::Discover => request.contains("/Events?") && !of_task,
        Step::Ask => of_task || request.contains("Recordings.json"),
        Step::Prepare => request.contains("/Recordings/RE") && !request.contains(".json"),
        Step::Upload => request.starts_with("POST calabrio.example/api/upload/"),
        Step::Search => request.starts_with("GET calabrio.example/api/rest/recording/contact?"),
        Step::UpdateMetadata => request.starts_with("PUT calabrio.example/"),
        Step::DeleteSource => {
            request.starts_with("DELETE api.twilio.com/") && request.contains("/Recordings/RE")
        }
        _ => false,
    }
}

impl Kill {
    async fn carry_out(self, place: &Place) {
        match self {
            Self::At(point) => place.process(Some(point)).ended().await,
            Self::Request(step, at, after) => {
                let of_step = move |request: &str| is_request_of(step, request);
                let held = place.simulator.hold(at, after, of_step);
                Self::when(place, held).await;
            }
            Self::Wire(begins, at, after) => {
                let is_it = move |request: &str| request.starts_with(begins);
                let held = place.simulator.hold(at, after, is_it);
                Self::when(place, held).await;
            }
            Self::Once(after) => {
                let process = place.process(None);
                tokio::time::sleep(after).await;
                process.kill();
            }
        }
    }
}

impl Kill {
    /// Kills a worker when a request has come to where it is held up.
    async fn when(place: &Place, mut held: Held) {
        let process = place.process(None);
        let reached = tokio::time::timeout(DEADLINE, held.reached()).await;
        assert!(reached.is_ok(), "no such request came");
        process.kill();
    }
}

/// Kills a worker and lets another take over; gives what then came of everything.
async fn row(scenario: Scenario, faults: FaultLevel, kills: &[Kill]) -> Ended {
    let place = Place::with_faults(scenario, faults).await;
    for kill in kills {
        kill.carry_out(&place).await;
        assert_eq!(place.in_the_clear(), [""; 0]);
    }
    let ended = place.finish(Arc::new(Nobody)).await;
    place.simulator.stop().await;
    ended
}

/// Carries out rows, several at once, and compares each with a run that nobody disturbed.
async fn table(scenario: fn() -> Scenario, rows: Vec<Vec<Kill>>) {
    table_with_faults(scenario, FaultLevel::None, rows).await;
}

async fn table_with_faults(scenario: fn() -> Scenario, faults: FaultLevel, rows: Vec<Vec<Kill>>) {
    let undisturbed = row(scenario(), FaultLevel::None, &[]).await;
    assert!(!undisturbed.is_empty());
    let at_once = Arc::new(Semaphore::new(ROWS_AT_ONCE));
    let mut running = JoinSet::new();
    let mut names = BTreeMap::new();
    for kills in rows {
        let name: Vec<String> = kills.iter().map(Kill::to_string).collect();
        let at_once = Arc::clone(&at_once);
        let handle = running.spawn(async move {
            let _one = at_once.acquire_owned().await.unwrap();
            row(scenario(), faults, &kills).await
        });
        names.insert(handle.id(), name.join(", then "));
    }
    let mut failed = Vec::new();
    while let Some(ended) = running.join_next_with_id().await {
        match ended {
            Ok((_, ended)) if ended == undisturbed => {}
            Ok((id, ended)) => failed.push(format!(
                "killed {}: ended differently\n{ended:#?}\ninstead of\n{undisturbed:#?}",
                names[&id]
            )),
            Err(error) => failed.push(format!("killed {}: {error}", names[&error.id()])),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Before it is sent, sent and not done, done and not answered, answered and not committed: at these occurrences of a step.
fn at_each_moment(step: Step, occurrences: &[u32]) -> Vec<Vec<Kill>> {
    let mut rows = Vec::new();
    for nth in occurrences {
        rows.push(Kill::At(Point::Step(step, Moment::Before, *nth)));
        rows.push(Kill::At(Point::Step(step, Moment::After, *nth)));
        let before = usize::try_from(*nth).unwrap() - 1;
        rows.push(Kill::Request(step, HoldAt::Arrival, before));
        rows.push(Kill::Request(step, HoldAt::Answer, before));
    }
    rows.into_iter().map(|kill| vec![kill]).collect()
}

#[test]
#[ignore = "slow: scripts/test; started and killed by the tests of this file"]
fn a_worker_that_is_killed() {
    process::work();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_the_answer_to_an_upload_a_worker_sends_no_second_one() {
    let rows = vec![vec![Kill::Request(Step::Upload, HoldAt::Answer, 1)]];
    table(everything, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_at_any_moment_of_an_upload_the_end_is_the_same() {
    let mut rows = at_each_moment(Step::Upload, &[1, 4]);
    rows.extend([2, 5, 20].map(|ms| {
        let moment = Moment::Amid(Duration::from_millis(ms));
        vec![Kill::At(Point::Step(Step::Upload, moment, 2))]
    }));
    table(everything, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_at_any_moment_of_a_search_the_end_is_the_same() {
    table(everything, at_each_moment(Step::Search, &[1, 4])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_at_any_moment_of_an_update_the_end_is_the_same() {
    table(long_wrap_up, at_each_moment(Step::UpdateMetadata, &[1])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_at_any_moment_of_discovery_the_end_is_the_same() {
    let mut rows = at_each_moment(Step::Discover, &[1, 3]);
    rows.extend(at_each_moment(Step::Ask, &[1, 9]));
    table(everything, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_at_any_moment_of_a_download_the_end_is_the_same() {
    let mut rows = at_each_moment(Step::Prepare, &[1, 4]);
    rows.extend([5, 10, 20, 40].map(|ms| {
        let moment = Moment::Amid(Duration::from_millis(ms));
        vec![Kill::At(Point::Step(Step::Prepare, moment, 2))]
    }));
    table(everything, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_at_any_moment_of_a_commit_the_end_is_the_same() {
    let mut rows = Vec::new();
    for nth in [1, 7, 15, 22] {
        rows.push(Kill::At(Point::Step(Step::Save, Moment::Before, nth)));
        let amid = Moment::Amid(Duration::from_micros(150 * u64::from(nth)));
        rows.push(Kill::At(Point::Step(Step::Save, amid, nth)));
        rows.push(Kill::At(Point::Step(Step::Save, Moment::After, nth)));
    }
    table(
        everything,
        rows.into_iter().map(|kill| vec![kill]).collect(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_at_twenty_instants_by_chance_the_end_is_the_same() {
    let rows = chances(20, 6_500).map(|after| vec![Kill::Once(after)]);
    table(everything, rows.collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_again_and_again_the_end_is_the_same() {
    let lives: Vec<Kill> = chances(12, 1_500).map(Kill::Once).collect();
    // An intent is committed anew after each doubt, and no attempt is ever heard of.
    let attempts = Kill::At(Point::Step(Step::Upload, Moment::Before, 1));
    table(everything, vec![lives, vec![attempts; 3]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_while_it_starts_the_end_is_the_same() {
    let rows = (1..=10).map(|number| vec![Kill::Once(Duration::from_millis(15 * number)); 2]);
    table(everything, rows.collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_under_hostile_faults_the_end_is_the_same() {
    let rows = chances(6, 9_000).map(|after| vec![Kill::Once(after); 2]);
    table_with_faults(everything, FaultLevel::Hostile, rows.collect()).await;
}

/// Instants up to `most` milliseconds, the same ones in each run.
fn chances(count: u64, most: u64) -> impl Iterator<Item = Duration> {
    (0..count).map(move |number| {
        // A round of SplitMix64.
        let mut chance = (SEED * 1_000 + number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        chance = (chance ^ (chance >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        chance = (chance ^ (chance >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Duration::from_millis((chance ^ (chance >> 31)) % most)
    })
}

fn one() -> Scenario {
    scenario(
        &[Kind::CallRecordingDualEncrypted],
        0,
        Span::new(2_000, 2_000),
    )
}

/// Counts beginnings and ends of steps.
#[derive(Default)]
struct Counting(AtomicU32);

impl Witness for Counting {
    fn before(&self, _: Step, _: Option<LegId>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn after(&self, _: Step, _: Option<LegId>, _: bool) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_at_every_point_in_the_life_of_a_contact_the_end_is_the_same() {
    let place = Place::new(one()).await;
    let counting = Arc::new(Counting::default());
    place.finish(Arc::<Counting>::clone(&counting)).await;
    let points = counting.0.load(Ordering::SeqCst);
    assert!(points > 20, "{points}");
    let rows = (1..=points).map(|nth| vec![Kill::At(Point::Any(nth))]);
    table(one, rows.collect()).await;
}

/// Remembers which legs are sent, and stops the worker when the first one is about to be.
#[derive(Default)]
struct Sending {
    stop: Option<CancellationToken>,
    legs: Mutex<BTreeSet<LegId>>,
}

impl Witness for Sending {
    fn before(&self, step: Step, leg: Option<LegId>) {
        if step == Step::Upload {
            self.legs.lock().unwrap().extend(leg);
            if let Some(stop) = &self.stop {
                stop.cancel();
            }
        }
    }
}

/// A world of one short contact whose worker was killed with its upload on the way: it lies in the connection's buffers, and is taken in
/// when the hold is released.
async fn killed_with_an_upload_on_the_way() -> (Place, Held) {
    let place = Place::new(scenario(
        &[Kind::ConferenceMono],
        0,
        Span::new(1_000, 1_000),
    ))
    .await;
    let mut held = place.simulator.hold(HoldAt::Arrival, 0, |request| {
        is_request_of(Step::Upload, request)
    });
    let process = place.process(None);
    tokio::time::timeout(DEADLINE, held.reached())
        .await
        .unwrap();
    // So little audio is sent by then.
    tokio::time::sleep(Duration::from_millis(300)).await;
    process.kill();
    assert_eq!(place.simulator.received_count(), 0);
    (place, held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_calabrio_takes_in_only_after_the_restart_is_found_and_not_sent_again() {
    let (place, held) = killed_with_an_upload_on_the_way().await;
    let sending = Arc::new(Sending::default());
    let taken_in = async {
        // After the first search, and before search_settle.
        tokio::time::sleep(Duration::from_millis(700)).await;
        held.release();
    };
    tokio::join!(place.finish(Arc::<Sending>::clone(&sending)), taken_in);
    assert_eq!(place.simulator.received_count(), 1);
    assert!(sending.legs.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_was_asked_before_a_contact_could_be_found_settles_nothing_when_it_is_answered()
 {
    let (place, held) = killed_with_an_upload_on_the_way().await;
    let mut search = place.simulator.hold(HoldAt::Answer, 0, |request| {
        is_request_of(Step::Search, request)
    });
    let settle = Duration::from_millis(2_500);
    place.set("search_settle", "2500ms");
    let sending = Arc::new(Sending::default());
    let answered_late = async {
        search.reached().await;
        held.release();
        tokio::time::sleep(settle).await;
        search.release();
    };
    tokio::join!(place.finish(Arc::<Sending>::clone(&sending)), answered_late);
    assert!(sending.legs.lock().unwrap().is_empty());
}

/// Runs a worker in this process.
async fn run(
    stop: CancellationToken,
    until: Until,
    place: &Place,
    witness: Arc<dyn Witness>,
) -> RunReport {
    let (worker, ledger) = common::worker(&place.config, witness).await;
    let running = worker.run(stop, until);
    let report = tokio::time::timeout(DEADLINE, running).await.unwrap();
    ledger.close().await;
    report.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_in_the_midst_of_transfers_a_worker_ends_them_and_leaves_the_rest_to_the_next() {
    let place = Place::new(everything()).await;
    let stop = CancellationToken::new();
    let sending = Arc::new(Sending {
        stop: Some(stop.clone()),
        ..Sending::default()
    });
    let report = run(stop, Until::Stopped, &place, sending).await;
    assert_eq!(report.cut_off, 0);
    let config = Config::load(&place.config).unwrap();
    {
        let (_, ledger) = common::worker(&place.config, Arc::new(Nobody)).await;
        for contact in common::contacts(&ledger).await {
            let in_doubt = matches!(&contact.stage, Stage::Linked(stage) if stage.in_doubt);
            assert!(!in_doubt, "{contact:?}");
        }
        assert!(!place.is_settled(&common::contacts(&ledger).await));
        ledger.close().await;
    }
    assert_eq!(WorkerLock::holder(&config.ledger.path).unwrap(), None);
    place.finish(Arc::new(Nobody)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_that_do_not_end_in_time_are_cut_off_and_nothing_is_lost_or_sent_twice() {
    let place = Place::new(everything()).await;
    place.insert("runtime", "stop_grace = \"300ms\"");
    let upload = |request: &str| is_request_of(Step::Upload, request);
    let mut unanswered = place.simulator.hold(HoldAt::Answer, 0, upload);
    let mut unheard = place.simulator.hold(HoldAt::Arrival, 1, upload);
    let stop = CancellationToken::new();
    let both = async {
        unanswered.reached().await;
        unheard.reached().await;
        stop.cancel();
    };
    let running = run(stop.clone(), Until::Stopped, &place, Arc::new(Nobody));
    let (report, ()) = tokio::join!(running, both);
    assert!(report.cut_off >= 2, "{report:?}");
    drop((unanswered, unheard));
    place.finish(Arc::new(Nobody)).await;
}

#[tokio::test]
async fn what_is_planted_in_the_clear_is_found() {
    let place = Place::new(one()).await;
    let spool = place.config.with_file_name("connector.state").join("spool");
    std::fs::create_dir_all(&spool).unwrap();
    assert_eq!(place.in_the_clear(), [""; 0]);
    let world = place.simulator.world();
    let window = world.plaintext_windows(4).pop().unwrap().pcm;
    for (name, needle) in [
        ("audio", &window[..]),
        ("marker", world.markers()[0].as_bytes()),
    ] {
        let file = spool.join(name);
        std::fs::write(&file, [b"before", needle, b"after"].concat()).unwrap();
        assert_eq!(place.in_the_clear(), [file.display().to_string()]);
        std::fs::remove_file(file).unwrap();
    }
}

#[tokio::test]
async fn beside_a_worker_there_is_no_second_one_until_it_is_gone() {
    let place = Place::new(one()).await;
    let ledger = Config::load(&place.config).unwrap().ledger.path;
    std::fs::create_dir_all(ledger.parent().unwrap()).unwrap();
    let process = place.process(None);
    let pid = process.id();
    let runs = async {
        while WorkerLock::holder(&ledger)
            .unwrap()
            .and_then(|worker| worker.pid)
            != Some(pid)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, runs).await.unwrap();
    let refused = WorkerLock::acquire(&ledger).unwrap_err();
    assert!(
        matches!(refused, LedgerError::WorkerRunning { pid: Some(holder), .. } if holder == pid),
        "{refused}"
    );
    assert!(refused.to_string().contains(&pid.to_string()), "{refused}");
    process.kill();
    WorkerLock::acquire(&ledger).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "slow: scripts/test"]
async fn killed_in_the_midst_of_a_backfill_the_next_worker_goes_on_with_it() {
    for (moment, nth) in [
        (Moment::Before, 1),
        (Moment::After, 1),
        (Moment::Before, 2),
        (Moment::After, 2),
        (Moment::After, 3),
    ] {
        let kinds = [Kind::ConferenceEncrypted, Kind::CallRecordingDualEncrypted];
        let place = Place::new(scenario(&kinds, 0, Span::new(1_000, 2_000))).await;
        let begins = place.simulator.world().begins();
        let now = DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap();
        // The live sync begins after everything has ended.
        place.set("discover_from", &now.to_rfc3339());
        place.set("discover_window", "2min");
        let acd = Config::load(&place.config).unwrap().acds[0].clone();
        let wish = {
            let (_, ledger) = common::worker(&place.config, Arc::new(Nobody)).await;
            ledger.register(&acd.key(), &acd.name).await.unwrap();
            let wish = Wish::Backfill {
                acd: acd.key(),
                from: begins,
                to: now,
            };
            let wish = ledger.put(&wish, Utc::now()).await.unwrap();
            ledger.close().await;
            wish
        };
        let point = Point::Step(Step::Discover, moment, nth);
        Kill::At(point).carry_out(&place).await;
        place.finish(Arc::new(Nobody)).await;
        let idle = run(
            CancellationToken::new(),
            Until::Idle,
            &place,
            Arc::new(Nobody),
        )
        .await;
        assert!(idle.idle);

        let (_, ledger) = common::worker(&place.config, Arc::new(Nobody)).await;
        let backfills = ledger.backfills(false).await.unwrap();
        let settled = ledger.wish(wish).await.unwrap().unwrap();
        ledger.close().await;
        assert_eq!(backfills.len(), 1, "{point}: {backfills:?}");
        assert_eq!(backfills[0].legs_new, 2, "{point}: {backfills:?}");
        assert_eq!(settled.state, WishState::Done, "{point}: {settled:?}");
    }
}
