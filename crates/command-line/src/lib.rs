#![doc = include_str!("../README.md")]

mod acds;
mod advice;
mod check;
mod consent;
mod ledger;
mod options;
mod paper;
mod program;
mod stop;
#[cfg(test)]
mod testing;
mod times;

pub use acds::{AcdError, KnownAcd, KnownAcds, configured};
pub use advice::{Advised, Told, advice_of, cause_advice};
pub use check::{exit_of, is_ours, ledger_row, machine_row, unusable};
pub use consent::demand;
pub use ledger::{Access, LedgerFile};
pub use options::{Completions, Consent, Global, Init, Man, OfAcd, exit_codes};
pub use paper::{completions, init, man};
pub use program::{CommandLine, Program, exit_if, run};
pub use stop::gracefully;
pub use times::{DayOrTime, instant};
