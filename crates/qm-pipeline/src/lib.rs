#![doc = include_str!("../README.md")]

mod connect;
mod error;
pub mod policy;
pub mod report;
mod runner;

pub use connect::{AcdServices, connect, webhook};
pub use error::PipelineError;
pub use runner::{
    AcdHealth, EVENTS_STREAM, Health, LedgerOutbox, Nobody, OutboxError, RunReport, Step, Until,
    Witness, Worker, deliverer, endpoint_id, intake,
};
