//! The scanner at work beside the demo.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use flex_simulator::Simulator;
use tokio::task::JoinHandle;

use super::scan::{Finding, Needle, Place, Scanner};

/// Windows of each recording's audio that are looked for. 64 bytes each, from anywhere in it.
const WINDOWS: u32 = 48;

/// How long is waited between two passes, at least: as long as two passes take, so that the worker has the machine.
const PAUSE: Duration = Duration::from_millis(20);

/// Every how many passes the places are looked through that are shared with others, and may be large.
const SHARED: u32 = 25;

/// A scanner that runs until it is ended.
pub(super) struct Scanning {
    enough: Arc<AtomicBool>,
    task: Option<JoinHandle<Vec<Finding>>>,
}

impl Scanning {
    /// Begins to look through the first place, and through what changes in the others from now on.
    pub(super) fn start(simulator: &Simulator, places: &[PathBuf]) -> anyhow::Result<Self> {
        let now = SystemTime::now();
        let places = places.iter().enumerate();
        let places = places
            .map(|(index, path)| Place {
                path: path.clone(),
                since: (index > 0).then_some(now),
            })
            .collect();
        let mut scanner = Scanner::new(needles(simulator), places)?;
        let enough = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&enough);
        let task = tokio::task::spawn_blocking(move || {
            let mut passes = 0_u32;
            while !ended.load(Ordering::Relaxed) {
                let began = Instant::now();
                if passes.is_multiple_of(SHARED) {
                    scanner.pass();
                } else {
                    scanner.own_pass();
                }
                passes = passes.wrapping_add(1);
                std::thread::sleep(PAUSE.max(began.elapsed() * 2));
            }
            // Once more, over all that is left.
            scanner.pass();
            scanner.into_found()
        });
        Ok(Self {
            enough,
            task: Some(task),
        })
    }

    /// Looks once more, and tells what was found.
    pub(super) async fn end(mut self) -> anyhow::Result<Vec<Finding>> {
        self.enough.store(true, Ordering::Relaxed);
        match self.task.take() {
            Some(task) => Ok(task.await?),
            None => Ok(Vec::new()),
        }
    }
}

impl Drop for Scanning {
    fn drop(&mut self) {
        self.enough.store(true, Ordering::Relaxed);
    }
}

/// Everything of the simulated calls that must never lie on disk.
pub(super) fn needles(simulator: &Simulator) -> Vec<Needle> {
    let world = simulator.world();
    let mut needles = Vec::new();
    for window in world.plaintext_windows(WINDOWS) {
        let what = format!("audio of {}", window.recording);
        // The worker swaps channels on the way: so would be what it leaked.
        let swapped = window
            .pcm
            .chunks(4)
            .flat_map(|frame| frame.iter().skip(2).chain(frame.iter().take(2)))
            .copied();
        needles.push(Needle {
            what: what.clone(),
            bytes: swapped.collect(),
        });
        needles.push(Needle {
            what,
            bytes: window.pcm.to_vec(),
        });
    }
    needles.extend(world.markers().iter().map(|marker| Needle {
        what: "an attribute of a customer".to_owned(),
        bytes: marker.clone().into_bytes(),
    }));
    needles
}

#[cfg(test)]
mod tests {
    use flex_simulator::SimulatorOptions;
    use flex_simulator::scenario::Scenario;

    use super::*;

    /// Of the simulated calls, a window of audio and a marker are planted in a file each; nothing else is there.
    #[tokio::test(flavor = "multi_thread")]
    async fn planted_audio_and_planted_attributes_are_found() {
        let mut scenario = Scenario::default();
        scenario.contacts = 2;
        scenario.live_contacts = 0;
        // A seed of its own: another demo on this machine looks through the same temporary directory.
        let options = SimulatorOptions {
            scenario,
            seed: 0x5ca_11ed,
            ..SimulatorOptions::default()
        };
        let simulator = Simulator::start(options).await.unwrap();
        let needles = needles(&simulator);
        let directory = tempfile::tempdir().unwrap();
        let scanning = Scanning::start(&simulator, &[directory.path().to_path_buf()]).unwrap();
        let audio = needles
            .iter()
            .find(|needle| needle.what.starts_with("audio"))
            .unwrap();
        let marker = needles
            .iter()
            .find(|needle| needle.what.starts_with("an attribute"))
            .unwrap();
        std::fs::create_dir(directory.path().join("spool")).unwrap();
        for (file, needle) in [("spool/one", audio), ("ledger.db-wal", marker)] {
            let content = [&[0_u8; 1234][..], &needle.bytes, &[7; 99]].concat();
            std::fs::write(directory.path().join(file), content).unwrap();
        }
        let found = scanning.end().await.unwrap();
        let whats: Vec<_> = found.iter().map(|finding| finding.what.as_str()).collect();
        assert!(
            whats.contains(&audio.what.as_str()) && whats.contains(&marker.what.as_str()),
            "{found:?}"
        );
        assert!(
            found
                .iter()
                .all(|finding| finding.file.starts_with(directory.path())),
            "{found:?}"
        );
        simulator.stop().await;
    }
}
