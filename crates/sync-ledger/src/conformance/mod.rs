//! The suites that every engine must pass.
//!
//! Each case is an async function that takes a fresh, empty ledger, panics where the engine breaks a rule, and needs no
//! runtime of its own. [`run`] names them all, so that an engine cannot miss one. [`MemoryLedger`] is the reference: what
//! the rules look like without transactions, files or SQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "cases of a test suite panic where a rule is broken"
)]

mod acds;
mod contacts;
mod cursors;
mod deletions;
mod endpoints;
mod erasure;
mod facts;
mod first_release;
mod fixture;
mod held;
mod history;
mod holds;
mod inbox;
mod intervals;
mod memory;
mod outbox;
mod reconciliations;
mod retention;
mod roster;
mod telling;
mod transcripts;
mod wishes;

pub use first_release::first_release;
pub use fixture::{
    acd, at, complete, contact, conversation, details, event, found, leg, linked, message, parked,
    recording, tell_complete, tell_complete_as, tell_failed, transcribed,
};
pub use history::{agent, agent_key, batch, held_row, interval, new_row, queue, queue_key};
pub use memory::MemoryLedger;

use crate::{AcdStore, IntervalStore, Ledger, RosterStore};

/// Runs every case, each on a ledger that `fresh` makes; what it makes must be empty.
pub async fn run<L: Ledger, F: AsyncFn() -> L>(fresh: F) {
    acds::run(&fresh).await;
    contacts::run(&fresh).await;
    cursors::run(&fresh).await;
    wishes::run(&fresh).await;
    telling::run(&fresh).await;
    outbox::run(&fresh).await;
    endpoints::run(&fresh).await;
    inbox::run(&fresh).await;
    transcripts::run(&fresh).await;
    deletions::run(&fresh).await;
    holds::run(&fresh).await;
    facts::run(&fresh).await;
    erasure::run(&fresh).await;
    reconciliations::run(&fresh).await;
    retention::run(&fresh).await;
}

/// Runs every case of history, agents and queues, each on a ledger that `fresh` makes; what it makes must be empty.
///
/// Only the worker of workforce management needs these, so they are no part of [`run`], and the reference has none of it.
pub async fn run_history<L, F>(fresh: F)
where
    L: AcdStore + IntervalStore + RosterStore,
    F: AsyncFn() -> L,
{
    intervals::run(&fresh).await;
    held::run(&fresh).await;
    roster::run(&fresh).await;
    history::run(&fresh).await;
}

/// What the cases of history need, as one bound.
pub(crate) trait HistoryLedger: AcdStore + IntervalStore + RosterStore {}

impl<T: AcdStore + IntervalStore + RosterStore> HistoryLedger for T {}

/// Runs each named case on a fresh ledger. The futures of cases are boxed: together they are too large for a stack.
macro_rules! cases {
    (history: $($case:ident),+ $(,)?) => {
        super::cases![@ super::HistoryLedger, $($case),+];
    };
    (@ $bound:path, $($case:ident),+) => {
        pub(super) async fn run<L: $bound, F: AsyncFn() -> L>(fresh: &F) {
            $(Box::pin($case(fresh().await)).await;)+
        }
    };
    ($($case:ident),+ $(,)?) => {
        super::cases![@ crate::Ledger, $($case),+];
    };
}
use cases;
