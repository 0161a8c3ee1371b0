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

mod contacts;
mod cursors;
mod fixture;
mod memory;
mod retention;
mod wishes;

pub use fixture::{acd, at, contact, details, found, leg, linked, parked};
pub use memory::MemoryLedger;

use crate::Ledger;

/// Runs every case, each on a ledger that `fresh` makes; what it makes must be empty.
pub async fn run<L: Ledger, F: AsyncFn() -> L>(fresh: F) {
    contacts::run(&fresh).await;
    cursors::run(&fresh).await;
    wishes::run(&fresh).await;
    retention::run(&fresh).await;
}

/// Runs each named case on a fresh ledger.
macro_rules! cases {
    ($($case:ident),+ $(,)?) => {
        pub(super) async fn run<L: crate::Ledger, F: AsyncFn() -> L>(fresh: &F) {
            $($case(fresh().await).await;)+
        }
    };
}
use cases;
