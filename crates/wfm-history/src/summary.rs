//! What was found in a report.

use serde::Serialize;
use wfm_interval::{Interval, Zone};

use crate::{Issues, Report, Values};

/// How a report ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// After a line end, or with nothing at all.
    Complete,
    /// After the last field of a row, without a line end.
    NoLineEnd,
    /// Within a row.
    CutShort,
}

/// A word of a column, and how many rows have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WordCount {
    /// The word.
    pub word: String,
    /// Rows.
    pub rows: u64,
}

/// What was found in a report. What became of it is told by [`Tally`](crate::Tally).
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The report.
    pub report: Report,
    /// The zone in which its times were read.
    pub zone: Zone,
    /// Its columns; empty where it had not even a header.
    pub header: Vec<String>,
    /// Rows after the header.
    pub rows: u64,
    /// Those of them that count: of a kind that counts, and readable.
    pub counted: u64,
    /// Those whose kind does not count.
    pub filtered: u64,
    /// Those that could not be read. `rows` is the sum of these three.
    pub issues: Issues,
    /// The kinds that count, and those that do not, with their rows. Empty where the report tells none.
    pub kinds_counted: Vec<WordCount>,
    /// The kinds that do not count.
    pub kinds_filtered: Vec<WordCount>,
    /// Activities that no setting maps; their time is only in the activity time as a whole.
    pub activities_unmapped: Vec<WordCount>,
    /// The sums of all rows that count.
    pub totals: Values,
    /// The first interval of a row that counts.
    pub first: Option<Interval>,
    /// The last one.
    pub last: Option<Interval>,
    /// Sums of a repeated hour, each of an agent and queue, whose interval could be told.
    pub repeated_told_apart: u64,
    /// Sums of a repeated hour that may be of either interval; they count in the earlier.
    pub repeated_merged: u64,
    /// How it ended.
    pub ending: Ending,
}

/// Why nothing is taken back that this report does not show any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "alarm")]
#[non_exhaustive]
pub enum Alarm {
    /// It has no row that counts.
    Empty,
    /// It was cut short.
    CutShort,
    /// Rows of it could not be read: what they tell is missing.
    Unreadable {
        /// How many.
        rows: u64,
    },
}

impl std::fmt::Display for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str(
                "the report has no row that counts, so nothing was taken back; check its filters in Flex Insights",
            ),
            Self::CutShort => f.write_str("the report was cut short, so nothing was taken back"),
            Self::Unreadable { rows } => write!(
                f,
                "{rows} rows of the report could not be read, so nothing was taken back; see the issues"
            ),
        }
    }
}

impl Summary {
    /// Why nothing may be taken back on the strength of this report; `None` for a complete one.
    pub fn alarm(&self) -> Option<Alarm> {
        if self.ending == Ending::CutShort {
            Some(Alarm::CutShort)
        } else if self.issues.total > 0 {
            Some(Alarm::Unreadable {
                rows: self.issues.total,
            })
        } else if self.counted == 0 {
            Some(Alarm::Empty)
        } else {
            None
        }
    }
}
