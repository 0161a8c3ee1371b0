#![doc = include_str!("../README.md")]

mod acds;
mod advice;
mod check;
mod consent;
#[cfg(feature = "documents")]
mod documents;
mod error;
mod ledger;
mod options;
mod paper;
mod program;
mod stop;
mod streams;
#[cfg(test)]
mod testing;
mod times;

pub use acds::{KnownAcd, KnownAcds, configured};
pub use advice::{Advised, Told, advice_of, cause_advice};
pub use check::{exit_of, is_ours, ledger_row, machine_row, unusable};
pub use consent::demand;
#[cfg(feature = "documents")]
pub use documents::{Shown, shown_command_lines};
pub use error::CommandError;
pub use ledger::{Access, LedgerFile};
pub use options::{Completions, Consent, Events, Global, Init, Man, OfAcd, exit_codes};
pub use paper::{completions, init, man};
pub use program::{CommandLine, Program, exit_if, run};
pub use stop::gracefully;
pub use streams::{EventsLine, EventsReport, Pushing, pushed_to, set_up};
pub use times::{DayOrTime, instant};
