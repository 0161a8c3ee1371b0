//! The public face of the crate, against files built byte by byte and files from another implementation.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test may end here, and its files are small"
)]

mod header;
mod stream;
mod wav;
