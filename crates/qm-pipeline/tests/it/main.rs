//! All integration tests of this crate, in one program: it is built and linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod agents;
mod common;
mod crash;
mod journey;
mod reconcile;
mod refused;
mod screen;
mod sources;
mod wishes;
