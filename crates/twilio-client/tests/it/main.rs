//! All integration tests of this crate, in one program: it is built and linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod attachments;
mod common;
mod conferences;
mod conversations;
mod interactions;
mod lists;
mod media;
mod reconciliation;
mod resources;
mod streams;
