#![doc = include_str!("../README.md")]

mod day;
mod error;
mod interval;
mod zone;

pub use day::Day;
pub use error::IntervalError;
pub use interval::{INTERVAL_SECONDS, Interval, LocalInterval};
pub use zone::{IANA_VERSION, LocalTime, Occurrence, Zone};
