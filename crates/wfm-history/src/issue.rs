//! Rows that could not be read: each counted, the first of them listed.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDateTime;
use serde::Serialize;

use crate::Field;

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "issue")]
#[non_exhaustive]
pub enum RowFault {
    /// A field cannot be read as what its column holds.
    Unreadable,
    /// The row has more or fewer fields than the header.
    FieldCount {
        /// How many it has.
        found: usize,
        /// How many the header has.
        expected: usize,
    },
    /// The clocks of the zone never show this time: they are put forward over it.
    MissingHour {
        /// The local time.
        local: NaiveDateTime,
    },
    /// The row names no agent.
    NoAgent,
    /// The row of a queue names no queue.
    NoQueue,
    /// The text of a SID column is no SID of its kind.
    NotASid,
    /// The report ends within this row.
    CutShort,
}

/// A row that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RowIssue {
    /// The line in which the row begins, from 1: the header is mostly line 1.
    pub line: u64,
    /// What the column holds, where one column is to blame.
    pub field: Option<Field>,
    /// What is wrong.
    #[serde(flatten)]
    pub fault: RowFault,
}

impl fmt::Display for RowIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        let field = self.field.map_or("row", Field::name);
        match self.fault {
            RowFault::Unreadable => write!(
                f,
                "the {field} cannot be read; check the form of its column in the settings"
            ),
            RowFault::FieldCount { found, expected } => write!(
                f,
                "the row has {found} fields, but the header has {expected}; check the delimiter and quotes"
            ),
            RowFault::MissingHour { local } => write!(
                f,
                "{local} does not exist in the time zone; check that it is that of Flex Insights"
            ),
            RowFault::NoAgent => f.write_str("the row names no agent"),
            RowFault::NoQueue => f.write_str("the row names no queue"),
            RowFault::NotASid => write!(f, "the {field} is no SID; check which column holds it"),
            RowFault::CutShort => f.write_str("the report ends within this row; pull it again"),
        }
    }
}

/// Every row that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Issues {
    /// How many there are.
    pub total: u64,
    /// How many for each field; rows that no one column is to blame for under `row`.
    pub by_field: BTreeMap<&'static str, u64>,
    /// The first of them, as many as the setting `max_issues` allows.
    pub listed: Vec<RowIssue>,
}

impl Issues {
    pub(crate) fn add(&mut self, issue: RowIssue, most: usize) {
        self.total += 1;
        let field = issue.field.map_or("row", Field::name);
        *self.by_field.entry(field).or_default() += 1;
        if self.listed.len() < most {
            self.listed.push(issue);
        }
    }
}
