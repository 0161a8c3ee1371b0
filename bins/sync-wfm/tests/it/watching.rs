//! The live table and whoever reads it, and what Twilio pushes: against a simulated floor.
#![cfg(feature = "demo")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flex_simulator::floor::FloorOptions;
use flex_simulator::scenario::Push;
use flex_simulator::{Simulator, SimulatorOptions};
use serde_json::Value;

use crate::support::sync_wfm;

#[test]
fn whoever_has_read_enough_of_what_is_watched_ends_it_well() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut floor = FloorOptions::default();
    floor.scenario.agents = 4;
    let options = SimulatorOptions::for_floor(floor);
    let simulator = runtime.block_on(Simulator::start(options)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("connector.toml");
    simulator.write_config(&config).unwrap();
    let mut watching = Command::new(env!("CARGO_BIN_EXE_sync-wfm"))
        .args(["adherence", "--watch", "--every", "1", "--json", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap());
    for _ in 0..2 {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let seen: Value = serde_json::from_str(&line).unwrap();
        let agents = seen["acds"][0]["agents"].as_array().unwrap();
        assert_eq!(agents.len(), 4, "{seen:#}");
    }
    drop(lines);
    let until = Instant::now() + Duration::from_mins(1);
    let ended = loop {
        if let Some(ended) = watching.try_wait().unwrap() {
            break ended;
        }
        if Instant::now() > until {
            watching.kill().unwrap();
            panic!("it goes on though nobody reads");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let mut told = String::new();
    std::io::Read::read_to_string(&mut watching.stderr.take().unwrap(), &mut told).unwrap();
    assert_eq!(ended.code(), Some(0), "{told}");
    assert_eq!(told, "");
    runtime.block_on(simulator.stop());
}

#[test]
fn the_sink_of_this_program_is_made_once_and_shown() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut options = SimulatorOptions::for_floor(FloorOptions::default());
    options.scenario.push = Some(Push::default());
    let simulator = runtime.block_on(Simulator::start(options)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("connector.toml");
    simulator.write_config(&config).unwrap();
    let asked = |more: &[&str], code: i32| -> Value {
        let assert = sync_wfm(directory.path())
            .args(["events", "setup", "--json"])
            .args(more)
            .assert();
        serde_json::from_slice(&assert.code(code).get_output().stdout).unwrap()
    };
    let none = asked(&["--show"], 0);
    let advice = none["acds"][0]["advice"].as_str().unwrap();
    assert_eq!(advice, "run sync-wfm events setup to create the sink");
    // Twilio has not tried the sink yet: something is still to be done.
    let made = asked(&[], 5);
    let found = asked(&[], 5);
    let shown = asked(&["--show"], 0);
    for (report, created) in [(&made, true), (&found, false), (&shown, false)] {
        let acd = &report["acds"][0];
        assert_eq!(acd["created"], created, "{report:#}");
        assert_eq!(acd["sink"], made["acds"][0]["sink"], "the same sink");
        let advice = acd["advice"].as_str().unwrap();
        assert!(advice.contains("let sync-wfm run be reachable"), "{advice}");
    }
    assert!(made["acds"][0]["sink"].is_string(), "{made:#}");
    assert_eq!(simulator.violations(), []);
    let text = std::fs::read_to_string(&config).unwrap();
    let without: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("wfm_public_url"))
        .collect();
    std::fs::write(&config, without.join("\n")).unwrap();
    let off = sync_wfm(directory.path())
        .args(["events", "setup"])
        .assert()
        .code(2);
    let told = String::from_utf8_lossy(&off.get_output().stderr).into_owned();
    assert!(told.contains("intake.wfm_public_url is not set"), "{told}");
    runtime.block_on(simulator.stop());
}
