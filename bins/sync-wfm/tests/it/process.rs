//! The program as an operator runs it: beside commands, stopped, killed, refused. Against a simulated floor whose day began some hours ago.
#![cfg(all(feature = "demo", unix))]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use flex_simulator::floor::{FloorOptions, FloorReport};
use flex_simulator::scenario::Push;
use flex_simulator::{Simulator, SimulatorOptions};
use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(90);
const AGENTS: usize = 6;

/// A floor whose day began three hours ago, and the directory of a connector for it.
struct Place {
    simulator: Simulator,
    directory: TempDir,
    from: DateTime<Utc>,
}

impl Place {
    async fn new() -> Self {
        let now = Utc::now();
        let text = format!("[scenario]\nagents = {AGENTS}\nhours = 8\n");
        let mut floor = FloorOptions::from_toml_begun(&text, now, TimeDelta::hours(3)).unwrap();
        floor.shows = Some(now);
        let from = floor.scenario.from;
        let mut options = SimulatorOptions::for_floor(floor);
        options.scenario.push = Some(Push::default());
        let simulator = Simulator::start(options).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let place = Self {
            simulator,
            directory,
            from,
        };
        place.simulator.write_config(&place.config()).unwrap();
        place
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("connector.toml")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("sync-wfm"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end, off the runtime's threads: the simulator answers it there.
    async fn ended(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let ended = tokio::task::spawn_blocking(move || command.output().unwrap());
        ended.await.unwrap()
    }

    async fn told(&self, arguments: &[&str]) -> Value {
        let output = self.ended(arguments).await;
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr))
        })
    }

    fn start(&self) -> Running {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("log"))
            .unwrap();
        let mut command = self.command(&["run"]);
        command.stdout(Stdio::null()).stderr(log);
        Running(command.spawn().unwrap())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// Waits until it is so.
    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let begun = Instant::now();
        while !holds().await {
            assert!(begun.elapsed() < PATIENCE, "{what}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Whether every interval that was closed at the start has arrived.
    fn has_history(&self) -> bool {
        let received = self.simulator.wfm().intervals();
        let of = |report: FloorReport| received.iter().filter(|one| one.report == report).count();
        of(FloorReport::AgentProductivity) > 2 * AGENTS && of(FloorReport::QueueHistory) > 8
    }
}

/// A worker that runs; killed when it is dropped.
struct Running(Child);

impl Running {
    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    async fn exit(mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "it goes on");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn overwrite(directory: &Path, name: &str, text: &str) {
    let mut found = walk(directory);
    found.retain(|path| path.file_name().is_some_and(|file| file == name));
    assert_eq!(found.len(), 1, "{name}");
    std::fs::write(&found[0], text).unwrap();
}

fn walk(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_beside_commands_and_takes_up_what_was_on_its_way_when_it_was_killed() {
    let place = Place::new().await;
    let killed = place.start();
    place
        .until("something is delivered", async || {
            !place.simulator.wfm().intervals().is_empty()
        })
        .await;
    killed.signal("KILL");
    assert_eq!(killed.exit().await, None, "{}", place.log());

    let worker = place.start();
    place
        .until("history and states are delivered", async || {
            place.has_history() && !place.simulator.wfm().states().is_empty()
        })
        .await;
    let second = place.ended(&["run"]).await;
    assert_eq!(second.status.code(), Some(6));

    let agents = place.told(&["agents", "--json"]).await;
    assert_eq!(
        agents["acds"][0]["subjects"].as_array().unwrap().len(),
        AGENTS
    );
    let queues = place.told(&["queues", "--json"]).await;
    assert_eq!(queues["acds"][0]["subjects"].as_array().unwrap().len(), 4);
    let adherence = place.told(&["adherence", "--json"]).await;
    assert_eq!(
        adherence["acds"][0]["agents"].as_array().unwrap().len(),
        AGENTS
    );
    let preview = place.told(&["reports", "preview", "--json"]).await;
    assert_eq!(preview["reports"].as_array().unwrap().len(), 2);

    let end = place.from + TimeDelta::hours(1);
    let (begin, end) = (place.from.to_rfc3339(), end.to_rfc3339());
    let range = ["history", "--json", "--from", &begin, "--to", &end];
    let dry = place.told(&[&range[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry["dry_run"], true);
    let reports = dry["acds"][0]["reports"].as_array().unwrap();
    assert!(reports.iter().all(|report| report["to_deliver"] == 0));
    let wished = place.told(&range).await;
    let wish = wished["acds"][0]["wish"].as_i64().unwrap();
    place
        .until("the wish is carried out", async || {
            let status = place.told(&["status", "--json"]).await;
            let listed = status["wishes"].as_array().unwrap().clone();
            listed
                .iter()
                .any(|one| one["id"] == wish && one["state"] == "done")
        })
        .await;

    worker.signal("TERM");
    assert_eq!(worker.exit().await, Some(0), "{}", place.log());
    let account = place.simulator.floor().unwrap().account();
    assert_eq!(account.intervals_wrong, 0, "{account:?}");
    assert!(!place.log().contains("panicked"), "{}", place.log());
    place.simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_by_itself_brings_a_range_and_nothing_else() {
    let place = Place::new().await;
    let end = place.from + TimeDelta::hours(1);
    let (begin, end) = (place.from.to_rfc3339(), end.to_rfc3339());
    let range = ["history", "--json", "--from", &begin, "--to", &end];
    let dry = place.ended(&[&range[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.status.code(), Some(1), "there is no ledger yet");
    assert!(walk(place.directory.path()).iter().all(|path| {
        let name = path.to_string_lossy().into_owned();
        !name.contains("ledger")
    }));
    let brought = place.told(&range).await;
    assert_eq!(brought["acds"][0]["waiting"], 0);
    let received = place.simulator.wfm().intervals();
    let end = place.from + TimeDelta::hours(1);
    assert!(received.len() > AGENTS, "{brought:#}");
    assert!(received.iter().all(|one| one.start < end));
    assert!(place.simulator.wfm().states().is_empty());
    place.simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_refused_ends_the_start_with_5_and_is_told_by_status() {
    let place = Place::new().await;
    overwrite(place.directory.path(), "insights-password", "wrong");
    let ended = place.start().exit().await;
    assert_eq!(ended, Some(5), "{}", place.log());
    assert!(place.log().contains("refused the user name or password"));
    let status = place.told(&["status", "--json"]).await;
    let failed = &status["acds"][0]["reports"][0]["failed"];
    assert!(failed["reason"].as_str().unwrap().contains("password"));
    place.simulator.stop().await;
}
