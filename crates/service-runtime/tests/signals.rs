//! Signals that this process sends to itself.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

use rustix::process::{Signal, getpid, kill_process};
use service_runtime::{Signals, Stop};

#[tokio::test]
async fn the_first_signal_asks_for_a_graceful_stop_and_the_second_for_one_at_once() {
    let stop = Stop::new();
    let _signals = Signals::listen(&stop).unwrap();
    assert!(!stop.is_requested());
    kill_process(getpid(), Signal::TERM).unwrap();
    stop.requested().await;
    assert!(!stop.is_at_once());
    kill_process(getpid(), Signal::INT).unwrap();
    stop.at_once().await;
}
