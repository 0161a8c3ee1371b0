//! All integration tests of this crate, in one program: it is built and linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod acds;
mod commands;
mod demo;
mod process;
mod said;
mod support;
mod watching;
