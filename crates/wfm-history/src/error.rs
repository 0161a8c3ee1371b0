//! What can be wrong with a report as a whole. What is wrong with single rows is told by `Issues`.

use std::io;

use crate::{Field, Report};

/// Why a report cannot be read, or its intervals not be told.
///
/// Names columns, fields and lines, never a value of the report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A setting contradicts itself or is out of its range.
    #[error("{setting}: {what}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// A column is given for something that the report does not have.
    #[error("{report} has no field {name:?}{}; known are {known}", hint(nearest.as_deref()))]
    UnknownField {
        /// The report.
        report: Report,
        /// The name that was given.
        name: String,
        /// The field that was perhaps meant.
        nearest: Option<String>,
        /// Every field of this report.
        known: String,
    },
    /// A column that is needed, or that a setting names, is not in the header.
    #[error(
        "{report} has no column {wanted:?} for {field}{}; its columns are {}; name the right one in the setting of the column `{field}`",
        hint(nearest.as_deref()), list(present)
    )]
    MissingColumn {
        /// The report.
        report: Report,
        /// What the column is for.
        field: Field,
        /// The name that was looked for.
        wanted: String,
        /// The columns of the header.
        present: Vec<String>,
        /// The column that was perhaps meant.
        nearest: Option<String>,
    },
    /// Two columns have the name that is looked for.
    #[error(
        "{report} has more than one column {column:?}, so it is not clear which is {field}; rename one in Flex Insights"
    )]
    DuplicateColumn {
        /// The report.
        report: Report,
        /// What the column is for.
        field: Field,
        /// The column.
        column: String,
    },
    /// One column is given for two things.
    #[error(
        "the column {column:?} is given for both {first} and {second}; name another for one of them"
    )]
    SharedColumn {
        /// The column.
        column: String,
        /// The first field.
        first: Field,
        /// The second one.
        second: Field,
    },
    /// The report is not UTF-8.
    #[error("{report} is not UTF-8 text; export it as CSV in UTF-8")]
    Encoding {
        /// The report.
        report: Report,
    },
    /// A row is so long that a quote must have been left open.
    #[error(
        "the row that begins in line {line} is longer than {limit} bytes; a quote in it is probably left open"
    )]
    RowTooLong {
        /// The line, from 1.
        line: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// There are more agents or queues than may be kept apart.
    #[error(
        "the report has more than {limit} different agents or queues; check the columns of agent and queue, or raise `max_names`"
    )]
    TooManyNames {
        /// The limit.
        limit: usize,
    },
    /// A sum is beyond 64 bits.
    #[error("the sums of an interval are beyond any number; check the units of the columns")]
    Overflow,
    /// The directory for what does not fit into memory cannot be used.
    #[error(
        "the spill directory cannot be {action}; check that it exists, is writable and has room"
    )]
    Spill {
        /// What was tried: `written to`, `read`.
        action: &'static str,
        /// Why it did not work.
        #[source]
        source: io::Error,
    },
    /// What was spilled came back changed.
    #[error("a file in the spill directory was damaged while in use; check the disk")]
    DamagedSpill,
    /// Bytes that are not those of [`Values`](crate::Values).
    #[error("stored interval values are damaged or of a newer version")]
    DamagedValues,
    /// The report could not be read from its source.
    #[error("the report could not be read to its end")]
    Read(#[source] io::Error),
    /// What was delivered before could not be listed.
    #[error("what was delivered before cannot be listed")]
    Delivered(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What was delivered before came in the wrong order.
    #[error("what was delivered before must come in the order of its keys, each once")]
    DeliveredOrder,
}

pub(crate) fn hint(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!(" (did you mean {name:?}?)"))
        .unwrap_or_default()
}

pub(crate) fn list(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
    quoted.join(", ")
}

/// The known name that is most like a mistyped one, if any is like it at all.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let name = crate::field::normalise(name);
    known
        .map(|known| {
            let plain = crate::field::normalise(known);
            (strsim::jaro_winkler(&name, &plain), known)
        })
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_owned())
}
