//! A worker in a process of its own: this test's program, started again. It works until it comes to the point at which it ends
//! itself, or until it is killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use contact_model::{LegId, StageName};
use qm_pipeline::{Step, Until, Witness};
use rustix::process::{Signal, getpid, kill_process};
use tokio_util::sync::CancellationToken;

use crate::common;

const CONFIG: &str = "QM_PIPELINE_TEST_CONFIG";
const POINT: &str = "QM_PIPELINE_TEST_POINT";

/// How long a process may take to come to its point.
const DEADLINE: Duration = Duration::from_mins(6);

/// Where in a step the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Before,
    /// So long after its beginning.
    Amid(Duration),
    /// After its end, before anything that follows from it.
    After,
}

/// Where the process ends itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// At this occurrence of a step, counted from 1.
    Step(Step, Moment, u32),
    /// At this beginning or end of any step, counted from 1; at the latest when a contact is complete.
    Any(u32),
}

impl Point {
    fn to_text(self) -> String {
        match self {
            Self::Any(nth) => format!("any 0 {nth}"),
            Self::Step(step, moment, nth) => {
                let moment = match moment {
                    Moment::Before => "before".to_owned(),
                    Moment::Amid(after) => after.as_micros().to_string(),
                    Moment::After => "after".to_owned(),
                };
                format!("{} {moment} {nth}", step.as_str())
            }
        }
    }

    fn from_text(text: &str) -> Self {
        let parts: Vec<&str> = text.split(' ').collect();
        let [step, moment, nth] = parts[..] else {
            panic!("{text:?} is no point")
        };
        let nth = nth.parse().unwrap();
        if step == "any" {
            return Self::Any(nth);
        }
        let named = Step::ALL.iter().find(|known| known.as_str() == step);
        let moment = match moment {
            "before" => Moment::Before,
            "after" => Moment::After,
            micros => Moment::Amid(Duration::from_micros(micros.parse().unwrap())),
        };
        Self::Step(*named.unwrap(), moment, nth)
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any(nth) => write!(f, "at point {nth}"),
            Self::Step(step, moment, nth) => {
                let step = step.as_str();
                match moment {
                    Moment::Before => write!(f, "before {step} {nth}"),
                    Moment::Amid(after) => write!(f, "{after:?} into {step} {nth}"),
                    Moment::After => write!(f, "after {step} {nth}, before its commit"),
                }
            }
        }
    }
}

/// Ends this process as a crash does: at once, with nothing flushed, closed or told.
fn end() -> ! {
    loop {
        kill_process(getpid(), Signal::KILL).unwrap();
    }
}

struct Ending {
    point: Point,
    passed: AtomicU32,
}

impl Ending {
    /// Whether this is the occurrence that counts.
    fn counts(&self, nth: u32) -> bool {
        self.passed.fetch_add(1, Ordering::SeqCst) + 1 == nth
    }

    fn pass(&self, at: Step, moment: Moment) {
        match self.point {
            Point::Any(nth) if self.counts(nth) => end(),
            Point::Step(step, ends, nth) if step == at => match (ends, moment) {
                (Moment::Amid(after), Moment::Before) if self.counts(nth) => {
                    std::thread::spawn(move || {
                        std::thread::sleep(after);
                        end();
                    });
                }
                _ if ends == moment && self.counts(nth) => end(),
                _ => {}
            },
            _ => {}
        }
    }
}

impl Witness for Ending {
    fn before(&self, step: Step, _: Option<LegId>) {
        self.pass(step, Moment::Before);
    }

    fn after(&self, step: Step, _: Option<LegId>, _: bool) {
        self.pass(step, Moment::After);
    }

    fn reached(&self, _: LegId, stage: StageName) {
        if matches!(self.point, Point::Any(_)) && stage == StageName::Complete {
            end();
        }
    }
}

/// What the process does. Without a configuration there is nothing to do: nobody who waits for its end started it.
pub fn work() {
    let Some(config) = std::env::var_os(CONFIG) else {
        return;
    };
    // Nobody is left to kill it when who started it is gone.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        end();
    });
    let witness: Arc<dyn Witness> = match std::env::var(POINT) {
        Ok(point) => Arc::new(Ending {
            point: Point::from_text(&point),
            passed: AtomicU32::new(0),
        }),
        Err(_) => Arc::new(qm_pipeline::Nobody),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (worker, _ledger) = common::whole_worker(Path::new(&config), witness).await;
        worker
            .run(CancellationToken::new(), Until::Stopped)
            .await
            .unwrap();
    });
}

/// This program. Where the system keeps a running one reachable it is that one, though a build has replaced its file meanwhile.
fn this_program() -> PathBuf {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        running
    } else {
        std::env::current_exe().unwrap()
    }
}

/// The process, seen from outside. It is killed when this is dropped.
pub struct Process(Child);

impl Process {
    /// Starts the test of that name, which must do nothing but [`work`].
    pub fn start(test: &str, config: &Path, point: Option<Point>) -> Self {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(config.with_file_name("worker.log"))
            .unwrap();
        let mut command = Command::new(this_program());
        command
            .args([test, "--exact", "--ignored", "--nocapture"])
            .env(CONFIG, config)
            .env_remove(POINT)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(point) = point {
            command.env(POINT, point.to_text());
        }
        Self(command.spawn().unwrap())
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Kills it where it stands.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        assert_killed(self.0.wait().unwrap());
    }

    /// Waits until it has come to its point.
    pub async fn ended(mut self) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return assert_killed(status);
            }
            assert!(began.elapsed() < DEADLINE, "it never came to its point");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn assert_killed(status: ExitStatus) {
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert_eq!(
        signal,
        Some(Signal::KILL.as_raw()),
        "it ended in another way: {status}"
    );
}
