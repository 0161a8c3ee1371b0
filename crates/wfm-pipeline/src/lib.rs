#![doc = include_str!("../README.md")]

mod clock;
mod connect;
mod error;
pub mod policy;
pub mod report;
mod runner;
mod services;

pub use clock::Clock;
pub use connect::connect;
pub use error::{PipelineError, PullError};
pub use runner::pull::PullReport;
pub use runner::{Backlog, Live, Nobody, RunReport, Until, WfmLedger, Witness, Worker};
pub use services::{AcdServices, AdherenceServices, HistoryServices, ReportSource, Roster};
