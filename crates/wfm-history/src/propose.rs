//! A proposal for the columns of a report that nobody has mapped yet.

use std::collections::BTreeMap;

use serde::Serialize;
use twilio_sid::{TaskQueueSid, WorkerSid};

use crate::field::normalise;
use crate::settings::ColumnConfig;
use crate::{Field, Report};

/// Why a column is proposed for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Its name is usual for it. It would be found without any setting.
    Name,
    /// Its values can be nothing else.
    Values,
    /// Its name resembles a usual one. Have a look at it.
    Resembles,
}

/// A column that is proposed for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposed {
    /// What it would hold.
    pub field: Field,
    /// Its name.
    pub column: String,
    /// Why.
    pub reason: Reason,
}

/// What the columns of a report seem to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// The report.
    pub report: Report,
    /// What each column would hold, in the order of fields.
    pub columns: Vec<Proposed>,
    /// Columns that have no place.
    pub unplaced: Vec<String>,
    /// What is needed and was not found. One of each list is enough.
    pub missing: Vec<Vec<Field>>,
}

impl Proposal {
    /// The proposal as the setting `columns`, without what is found by itself.
    pub fn config(&self) -> BTreeMap<String, ColumnConfig> {
        self.columns
            .iter()
            .filter(|column| column.reason != Reason::Name)
            .map(|column| {
                let name = ColumnConfig::Name(column.column.clone());
                (column.field.name().to_owned(), name)
            })
            .collect()
    }
}

/// Names less alike than this are not the same thing.
const ALIKE: f64 = 0.88;

/// Proposes what each column of a header holds, by its name and by the first rows.
pub fn propose(report: Report, header: &[&str], rows: &[Vec<&str>]) -> Proposal {
    let mut free: Vec<usize> = (0..header.len()).collect();
    let mut columns: Vec<Proposed> = Vec::new();
    for reason in [Reason::Name, Reason::Values] {
        for field in Field::of(report) {
            place(reason, &[field], header, rows, &mut free, &mut columns);
        }
    }
    // The most alike of all first: a column may resemble the names of several fields.
    let fields: Vec<Field> = Field::of(report).collect();
    while place(
        Reason::Resembles,
        &fields,
        header,
        rows,
        &mut free,
        &mut columns,
    ) {}
    columns.sort_by_key(|column| column.field);
    let found = |field: &Field| columns.iter().any(|column| column.field == *field);
    let missing = needed(report)
        .into_iter()
        .filter(|any| !any.iter().any(found))
        .collect();
    Proposal {
        report,
        missing,
        unplaced: free
            .iter()
            .map(|column| header[*column].to_owned())
            .collect(),
        columns,
    }
}

/// Gives the column that fits best to the field that it fits best; false where none does.
fn place(
    reason: Reason,
    fields: &[Field],
    header: &[&str],
    rows: &[Vec<&str>],
    free: &mut Vec<usize>,
    columns: &mut Vec<Proposed>,
) -> bool {
    let open = fields
        .iter()
        .filter(|field| !columns.iter().any(|known| known.field == **field));
    let best = open
        .flat_map(|field| free.iter().map(move |column| (*field, *column)))
        .filter_map(|(field, column)| {
            let score = fit(field, reason, header[column], column, rows)?;
            Some((score, field, column))
        })
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    let Some((_, field, column)) = best else {
        return false;
    };
    free.retain(|other| *other != column);
    columns.push(Proposed {
        field,
        column: header[column].to_owned(),
        reason,
    });
    true
}

fn needed(report: Report) -> Vec<Vec<Field>> {
    use crate::Measure::{Abandoned, ActivityTime, Answered};
    let mut needed = vec![
        vec![Field::Date, Field::Timestamp],
        vec![Field::Time, Field::Timestamp],
    ];
    match report {
        Report::AgentProductivity => needed.extend([
            vec![Field::AgentSid, Field::Agent],
            vec![Field::Amount(ActivityTime)],
        ]),
        Report::QueueHistory => needed.extend([
            vec![Field::QueueSid, Field::Queue],
            vec![Field::Amount(Answered)],
            vec![Field::Amount(Abandoned)],
        ]),
    }
    needed
}

/// How well a column fits, for this reason; `None` where it does not.
fn fit(field: Field, reason: Reason, name: &str, column: usize, rows: &[Vec<&str>]) -> Option<f64> {
    let plain = normalise(name);
    match reason {
        // The earlier an alias stands, the likelier it is.
        Reason::Name => {
            let place = field.aliases().iter().position(|alias| *alias == plain)?;
            u32::try_from(place).ok().map(|place| -f64::from(place))
        }
        Reason::Values => {
            let mut values = rows
                .iter()
                .filter_map(|row| row.get(column))
                .filter(|value| !value.is_empty());
            let all = match field {
                Field::AgentSid => values
                    .clone()
                    .all(|value| value.parse::<WorkerSid>().is_ok()),
                Field::QueueSid => values
                    .clone()
                    .all(|value| value.parse::<TaskQueueSid>().is_ok()),
                Field::Kind => values.clone().all(|value| is_kind(value)),
                _ => false,
            };
            (all && values.next().is_some()).then_some(1.0)
        }
        Reason::Resembles => field
            .aliases()
            .iter()
            .map(|alias| strsim::jaro_winkler(alias, &plain))
            .max_by(f64::total_cmp)
            .filter(|score| *score >= ALIKE),
    }
}

fn is_kind(value: &str) -> bool {
    let known = [
        "Conversation",
        "Agent Status",
        "Queue",
        "Missed Conversation",
        "Rejected Conversation",
        "Deleted Workload",
    ];
    let plain = value.strip_suffix(" in Progress").unwrap_or(value);
    known.contains(&plain)
}
