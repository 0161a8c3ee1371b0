//! What is decided: pure functions of what is known, with no network, no ledger and no clock.

mod clashes;
mod directory;
mod held;
mod pulls;
mod settle;

pub use clashes::{NameClash, Namesake, clashes};
pub use directory::{Directory, Owner, Why};
pub use held::{Released, Sums, key_of};
pub use pulls::{BATCH_ROWS, next_pull, window};
pub use settle::{cut_off, settlement};
