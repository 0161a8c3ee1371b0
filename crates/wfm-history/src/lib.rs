#![doc = include_str!("../README.md")]

mod aggregate;
mod cadence;
mod changes;
mod columns;
mod engine;
mod error;
mod field;
mod intervals;
mod issue;
mod measure;
mod number;
mod propose;
mod rows;
mod settings;
mod slots;
mod subjects;
mod summary;
mod values;
mod when;
mod wire;
mod words;

pub use cadence::{Cadence, Sighting, cadence};
pub use changes::{
    Change, ChangeRules, ChangeTally, Changes, Delivered, Happened, Outcome, Redelivery, Refused,
    changes,
};
pub use engine::History;
pub use error::HistoryError;
pub use field::Field;
pub use intervals::{
    HeldRow, IntervalKey, IntervalRow, Intervals, Item, NotWorkload, Part, QueueKey, Tally,
};
pub use issue::{Issues, RowFault, RowIssue};
pub use measure::{Measure, Report, Unit};
pub use propose::{Proposal, Proposed, Reason, propose};
pub use settings::{
    ActivityState, ColumnConfig, ColumnWithUnit, DateOrder, Decimal, DurationUnit, LastLineEnd,
    ReportConfig, ReportRules, TwoParts,
};
pub use subjects::{HeldParty, Name, Party, Resolution, Resolver};
pub use summary::{Alarm, Ending, Summary, WordCount};
pub use values::Values;
