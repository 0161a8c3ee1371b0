//! The live table, and whoever reads it: against a simulated floor.
#![cfg(feature = "demo")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flex_simulator::floor::FloorOptions;
use flex_simulator::{Simulator, SimulatorOptions};
use serde_json::Value;

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
