//! What the measurements have in common: their sealed ledger, and what the system tells of this process.

use std::fs;
use std::time::Duration;

use sync_ledger::{Sealing, SealingKey, SqliteOptions};
use tokio::runtime::{Builder, Runtime};

pub(crate) fn sealed() -> SqliteOptions {
    SqliteOptions::default().sealing(Sealing::under(SealingKey::new(&[7; 32]).unwrap()))
}

/// On the calling thread alone.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Processor time of every thread but the calling one, where the system tells it.
pub(crate) fn cpu_of_other_threads() -> Option<Duration> {
    let own = fs::read_link("/proc/thread-self").ok()?;
    let mut all = Duration::ZERO;
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let thread = thread.ok()?;
        if Some(thread.file_name().as_os_str()) != own.file_name() {
            let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            all += Duration::from_nanos(stat.split(' ').next()?.parse().ok()?);
        }
    }
    Some(all)
}

/// The most memory that ever was resident, in MiB, where the system tells it.
pub(crate) fn peak() -> Option<f64> {
    memory("VmHWM:")
}

/// A line of what the system tells of this process's memory, in MiB.
pub(crate) fn memory(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u32 = line.split_whitespace().next()?.parse().ok()?;
    Some(f64::from(kib) / 1024.0)
}

/// How many a second.
pub(crate) fn rate(count: u64, seconds: f64) -> f64 {
    (f64::from(u32::try_from(count).unwrap()) / seconds).round()
}
