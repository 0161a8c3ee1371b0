#![doc = include_str!("../README.md")]

mod admin;
mod error;
mod exit;
mod failure;
mod health;
mod log;
mod metrics;
mod page;
mod panic;
mod progress;
mod redact;
mod report;
mod stop;
mod terminal;

pub use admin::{AdminServer, AdminSettings};
pub use error::RuntimeError;
pub use exit::Exit;
pub use failure::{Failure, chain, print_failure};
pub use health::{Condition, Health};
pub use log::{LogSettings, LogStyle, init_logs};
pub use metrics::{
    Counter, CounterFamily, Gauge, GaugeFamily, Histogram, HistogramFamily, Metrics,
};
pub use page::{Mood, Page, Table};
pub use panic::install_panic_hook;
pub use progress::Progress;
pub use redact::{MASK, is_never_logged};
pub use report::{Output, Report, print_report};
pub use stop::{Signals, Stop};
pub use terminal::Terminal;
