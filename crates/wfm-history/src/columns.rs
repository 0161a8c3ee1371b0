//! Which column of a header holds what.

use crate::error::nearest;
use crate::field::normalise;
use crate::settings::ReportRules;
use crate::{Field, HistoryError, Measure, Report, Unit};

/// How the field of a sum is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    Count,
    /// Milliseconds of a bare number.
    Duration(u64),
}

/// A column that is summed up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    pub(crate) column: usize,
    pub(crate) slot: usize,
    pub(crate) field: Field,
    pub(crate) form: Form,
}

/// Where the times are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times {
    Timestamp(usize),
    DateAndTime(usize, usize),
}

/// The columns of a report by what they hold.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) header: Vec<String>,
    pub(crate) times: Times,
    pub(crate) agent_sid: Option<usize>,
    pub(crate) agent: Option<usize>,
    pub(crate) queue_sid: Option<usize>,
    pub(crate) queue: Option<usize>,
    pub(crate) kind: Option<usize>,
    pub(crate) activity: Option<usize>,
    pub(crate) amounts: Vec<Amount>,
    /// Whether offered contacts have a column of their own.
    pub(crate) offered: bool,
}

impl Columns {
    pub(crate) fn new(rules: &ReportRules, header: Vec<String>) -> Result<Self, HistoryError> {
        let report = rules.report;
        let mut found: Vec<(Field, usize)> = Vec::new();
        // Those that are named in the settings first: what they take, nothing else may take by its usual name.
        for (field, rule) in &rules.columns {
            let column = named(report, &header, *field, &rule.name)?
                .ok_or_else(|| missing(report, &header, *field, &rule.name))?;
            take(&header, &mut found, *field, column)?;
        }
        for field in Field::of(report) {
            if rules.columns.contains_key(&field) {
                continue;
            }
            let free = usual(report, &header, field)?
                .filter(|column| !found.iter().any(|(_, taken)| taken == column));
            if let Some(column) = free {
                found.push((field, column));
            }
        }
        let at = |field: Field| {
            found
                .iter()
                .find(|(known, _)| *known == field)
                .map(|(_, column)| *column)
        };
        let need = |field: Field| {
            at(field).ok_or_else(|| {
                missing(
                    report,
                    &header,
                    field,
                    field.aliases().first().unwrap_or(&""),
                )
            })
        };
        let times = match (at(Field::Timestamp), at(Field::Date), at(Field::Time)) {
            (Some(column), None, None) => Times::Timestamp(column),
            (Some(column), date, time) if date.is_none() || time.is_none() => {
                Times::Timestamp(column)
            }
            _ => Times::DateAndTime(need(Field::Date)?, need(Field::Time)?),
        };
        if report == Report::AgentProductivity {
            at(Field::AgentSid).map_or_else(|| need(Field::Agent), Ok)?;
            need(Field::Amount(Measure::ActivityTime))?;
        } else {
            at(Field::QueueSid).map_or_else(|| need(Field::Queue), Ok)?;
            need(Field::Amount(Measure::Answered))?;
            need(Field::Amount(Measure::Abandoned))?;
        }
        let amounts = found
            .iter()
            .filter_map(|(field, column)| amount(rules, *field, *column))
            .collect();
        Ok(Self {
            times,
            agent_sid: at(Field::AgentSid),
            agent: at(Field::Agent),
            queue_sid: at(Field::QueueSid),
            queue: at(Field::Queue),
            kind: at(Field::Kind),
            activity: at(Field::Activity),
            amounts,
            offered: at(Field::Amount(Measure::Offered)).is_some(),
            header,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.header.len()
    }
}

fn amount(rules: &ReportRules, field: Field, column: usize) -> Option<Amount> {
    let Field::Amount(measure) = field else {
        return None;
    };
    let unit = rules
        .columns
        .get(&field)
        .and_then(|rule| rule.unit)
        .unwrap_or(rules.forms.durations);
    Some(Amount {
        column,
        slot: measure.slot(rules.report)?,
        field,
        form: match measure.unit() {
            Unit::Count => Form::Count,
            Unit::Milliseconds => Form::Duration(unit.millis()),
        },
    })
}

fn missing(report: Report, header: &[String], field: Field, wanted: &str) -> HistoryError {
    HistoryError::MissingColumn {
        report,
        field,
        wanted: wanted.to_owned(),
        present: header.to_vec(),
        nearest: nearest(wanted, header.iter().map(String::as_str)),
    }
}

fn take(
    header: &[String],
    found: &mut Vec<(Field, usize)>,
    field: Field,
    column: usize,
) -> Result<(), HistoryError> {
    if let Some((first, _)) = found.iter().find(|(_, taken)| *taken == column) {
        return Err(HistoryError::SharedColumn {
            column: header[column].clone(),
            first: *first,
            second: field,
        });
    }
    found.push((field, column));
    Ok(())
}

/// The only column that a test holds for.
fn only(
    report: Report,
    header: &[String],
    field: Field,
    test: impl Fn(&str) -> bool,
) -> Result<Option<usize>, HistoryError> {
    let mut columns = (0..header.len()).filter(|column| test(&header[*column]));
    let first = columns.next();
    match (first, columns.next()) {
        (Some(first), Some(_)) => Err(HistoryError::DuplicateColumn {
            report,
            field,
            column: header[first].clone(),
        }),
        _ => Ok(first),
    }
}

/// The column of this name: as it is written, or else but for case and spaces around it.
fn named(
    report: Report,
    header: &[String],
    field: Field,
    name: &str,
) -> Result<Option<usize>, HistoryError> {
    if let Some(column) = only(report, header, field, |known| known == name)? {
        return Ok(Some(column));
    }
    let wanted = name.trim().to_lowercase();
    only(report, header, field, |known| {
        known.trim().to_lowercase() == wanted
    })
}

/// The column of the likeliest usual name.
fn usual(report: Report, header: &[String], field: Field) -> Result<Option<usize>, HistoryError> {
    for alias in field.aliases() {
        if let Some(column) = only(report, header, field, |known| normalise(known) == *alias)? {
            return Ok(Some(column));
        }
    }
    Ok(None)
}
