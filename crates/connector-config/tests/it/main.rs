//! All integration tests of this crate, in one program: it is built and linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod commented_file;
mod common;
mod documentation;
mod faults;
mod secrets;
mod walk;
mod workforce;
