//! Settings of a report: as a file holds them, and as rules once they have been checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use wfm_interval::Zone;

use crate::error::nearest;
use crate::{Field, HistoryError, Report, Unit};

/// Settings of one report. Each has a default; unknown ones are refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportConfig {
    /// The columns by what they hold, such as `talk_time = "Talk Time"`. What is not named here is looked for under the names that are
    /// usual.
    pub columns: BTreeMap<String, ColumnConfig>,
    /// The kinds whose rows count. Without it those of the report's own: see [`ReportRules::kinds`].
    pub kinds: Option<Vec<String>>,
    /// What parts the fields of a row: one ASCII character.
    pub delimiter: char,
    /// How numbers are written.
    pub decimal: Decimal,
    /// What a bare number means where a duration is expected.
    pub durations: DurationUnit,
    /// What `1:30` means where a duration is expected.
    pub two_parts: TwoParts,
    /// Whether `3/4/2026` is in March or in April.
    pub date_order: DateOrder,
    /// The form of dates where none of the usual ones, as of `strftime`: `%d. %m. %Y`.
    pub date_format: Option<String>,
    /// The form of times where none of the usual ones: `%Hh%M`.
    pub time_format: Option<String>,
    /// The form of timestamps where none of the usual ones.
    pub timestamp_format: Option<String>,
    /// Whether a report is only complete with a line end at its end.
    pub last_line_end: LastLineEnd,
    /// Whether there is a service queue for rows that name no queue. Vendor's page: *Service Queue*.
    pub service_queue: bool,
    /// Which state each activity counts as, by its exact name.
    pub activities: BTreeMap<String, ActivityState>,
    /// How many faulty rows are listed; all are counted.
    pub max_issues: usize,
    /// How many sums are held in memory at once, before they are spilled: 1 or more. Each takes about 180 bytes.
    pub max_open_keys: usize,
    /// How many different agents and queues are kept apart.
    pub max_names: usize,
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self {
            columns: BTreeMap::new(),
            kinds: None,
            delimiter: ',',
            decimal: Decimal::Point,
            durations: DurationUnit::Seconds,
            two_parts: TwoParts::HoursMinutes,
            date_order: DateOrder::MonthFirst,
            date_format: None,
            time_format: None,
            timestamp_format: None,
            last_line_end: LastLineEnd::Optional,
            service_queue: false,
            activities: BTreeMap::new(),
            max_issues: 100,
            max_open_keys: 100_000,
            max_names: 200_000,
        }
    }
}

/// A column: its name, and where it differs from the others, its unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ColumnConfig {
    /// Its name alone.
    Name(String),
    /// Its name and unit.
    WithUnit(ColumnWithUnit),
}

/// A column with a unit of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnWithUnit {
    /// Its name in the header.
    pub name: String,
    /// What a bare number in it means.
    pub unit: DurationUnit,
}

impl From<&str> for ColumnConfig {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

/// How numbers are written. The other mark, spaces of any kind and apostrophes may part thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decimal {
    /// `1,234.5`
    Point,
    /// `1.234,5`
    Comma,
}

/// What a bare number means where a duration is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DurationUnit {
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days, as spreadsheets reckon.
    Days,
}

impl DurationUnit {
    pub(crate) const fn millis(self) -> u64 {
        match self {
            Self::Milliseconds => 1,
            Self::Seconds => 1_000,
            Self::Minutes => 60_000,
            Self::Hours => 3_600_000,
            Self::Days => 86_400_000,
        }
    }
}

/// What two numbers with a colon between them mean where a duration is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TwoParts {
    /// `1:30` is an hour and a half.
    HoursMinutes,
    /// `1:30` is a minute and a half.
    MinutesSeconds,
}

/// The order of dates with slashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// `3/4/2026` is in March.
    MonthFirst,
    /// `3/4/2026` is in April.
    DayFirst,
}

/// Whether a report is only complete with a line end at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LastLineEnd {
    /// A last row with all its columns is complete.
    Optional,
    /// A last row without line end is cut short.
    Required,
}

/// What the time in an activity counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivityState {
    /// The agent has logged out.
    Logout,
    /// The agent takes no contacts.
    NotReady,
    /// The agent can take contacts.
    Ready,
    /// After-contact work, then Not Ready.
    WorkNotReady,
    /// After-contact work, then Ready.
    WorkReady,
}

/// What a column's name and unit are, once they have been checked.
#[derive(Debug, Clone)]
pub(crate) struct ColumnRule {
    pub(crate) name: String,
    pub(crate) unit: Option<DurationUnit>,
}

/// The checked settings of one report, with its time zone and the directory that takes what memory does not.
#[derive(Debug, Clone)]
pub struct ReportRules {
    pub(crate) report: Report,
    pub(crate) zone: Zone,
    pub(crate) spill_dir: PathBuf,
    pub(crate) columns: BTreeMap<Field, ColumnRule>,
    pub(crate) kinds: Vec<String>,
    pub(crate) delimiter: u8,
    pub(crate) forms: Forms,
    pub(crate) last_line_end: LastLineEnd,
    pub(crate) service_queue: bool,
    pub(crate) activities: HashMap<Vec<u8>, ActivityState>,
    pub(crate) max_issues: usize,
    pub(crate) max_open_keys: usize,
    pub(crate) max_names: usize,
}

/// In which forms values come.
#[derive(Debug, Clone)]
pub(crate) struct Forms {
    pub(crate) decimal: Decimal,
    pub(crate) durations: DurationUnit,
    pub(crate) two_parts: TwoParts,
    pub(crate) date_order: DateOrder,
    pub(crate) date_format: Option<String>,
    pub(crate) time_format: Option<String>,
    pub(crate) timestamp_format: Option<String>,
}

/// Kinds of the agent report: what an agent did, finished or not. An activity of three hours has rows in every interval
/// of them, and is in progress until it ends.
const AGENT_KINDS: [&str; 4] = [
    "Conversation",
    "Conversation in Progress",
    "Agent Status",
    "Agent Status in Progress",
];

/// Kinds of the queue report: abandoned contacts are of the kind `Queue` alone.
const QUEUE_KINDS: [&str; 3] = ["Conversation", "Conversation in Progress", "Queue"];

impl ReportRules {
    /// Checks settings.
    ///
    /// `zone` is that of Flex Insights, in which the report prints its times. Sums that do not fit into memory are written to
    /// `spill_dir`: into files without a name, which are gone when they are closed, however the process ends. No name of anybody
    /// is in them.
    pub fn new(
        report: Report,
        config: &ReportConfig,
        zone: Zone,
        spill_dir: impl Into<PathBuf>,
    ) -> Result<Self, HistoryError> {
        for (setting, format) in [
            ("date_format", &config.date_format),
            ("time_format", &config.time_format),
            ("timestamp_format", &config.timestamp_format),
        ] {
            check_format(setting, format.as_deref())?;
        }
        for (setting, value) in [
            ("max_open_keys", config.max_open_keys),
            ("max_names", config.max_names),
        ] {
            if value == 0 {
                return Err(fault(setting, "must be 1 or more"));
            }
        }
        Ok(Self {
            report,
            zone,
            spill_dir: spill_dir.into(),
            columns: columns(report, &config.columns)?,
            kinds: kinds(report, config.kinds.as_deref())?,
            delimiter: delimiter(config)?,
            forms: Forms {
                decimal: config.decimal,
                durations: config.durations,
                two_parts: config.two_parts,
                date_order: config.date_order,
                date_format: config.date_format.clone(),
                time_format: config.time_format.clone(),
                timestamp_format: config.timestamp_format.clone(),
            },
            last_line_end: config.last_line_end,
            service_queue: config.service_queue,
            activities: config
                .activities
                .iter()
                .map(|(name, state)| (name.trim().as_bytes().to_vec(), *state))
                .collect(),
            max_issues: config.max_issues,
            max_open_keys: config.max_open_keys,
            max_names: config.max_names,
        })
    }

    /// The report that they are for.
    pub fn report(&self) -> Report {
        self.report
    }

    /// The time zone of the report.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The kinds whose rows count, where the report tells kinds.
    ///
    /// By default those of conversations and, in the agent report, `Agent Status`, in the queue report, `Queue`; both also while in
    /// progress, except `Queue`.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.iter().map(String::as_str)
    }
}

pub(crate) fn fault(setting: &'static str, what: impl Into<String>) -> HistoryError {
    HistoryError::Setting {
        setting,
        what: what.into(),
    }
}

fn check_format(setting: &'static str, format: Option<&str>) -> Result<(), HistoryError> {
    let wrong = |format: &str| {
        chrono::format::StrftimeItems::new(format)
            .any(|item| matches!(item, chrono::format::Item::Error))
    };
    match format {
        Some(format) if wrong(format) => Err(fault(
            setting,
            format!(
                "{format:?} is no form of a date or time; write it as for strftime, such as %Y-%m-%d"
            ),
        )),
        _ => Ok(()),
    }
}

fn columns(
    report: Report,
    config: &BTreeMap<String, ColumnConfig>,
) -> Result<BTreeMap<Field, ColumnRule>, HistoryError> {
    let mut rules = BTreeMap::<Field, ColumnRule>::new();
    for (name, column) in config {
        let field = Field::named(report, name).ok_or_else(|| HistoryError::UnknownField {
            report,
            name: name.clone(),
            nearest: nearest(name, Field::of(report).map(Field::name)),
            known: Field::of(report)
                .map(Field::name)
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        let (column, unit) = match column {
            ColumnConfig::Name(column) => (column, None),
            ColumnConfig::WithUnit(column) => (&column.name, Some(column.unit)),
        };
        let is_duration =
            matches!(field, Field::Amount(measure) if measure.unit() == Unit::Milliseconds);
        if unit.is_some() && !is_duration {
            return Err(fault(
                "columns",
                format!("{field} is no duration, so it has no unit; give the column's name alone"),
            ));
        }
        if let Some((first, _)) = rules.iter().find(|(_, rule)| rule.name == *column) {
            return Err(HistoryError::SharedColumn {
                column: column.clone(),
                first: *first,
                second: field,
            });
        }
        let name = column.clone();
        rules.insert(field, ColumnRule { name, unit });
    }
    Ok(rules)
}

fn kinds(report: Report, config: Option<&[String]>) -> Result<Vec<String>, HistoryError> {
    match config {
        Some([]) => Err(fault(
            "kinds",
            "is empty, so no row would count; leave it out, or name the kinds",
        )),
        Some(kinds) => Ok(kinds.to_vec()),
        None => Ok(match report {
            Report::AgentProductivity => AGENT_KINDS.map(str::to_owned).to_vec(),
            Report::QueueHistory => QUEUE_KINDS.map(str::to_owned).to_vec(),
        }),
    }
}

fn delimiter(config: &ReportConfig) -> Result<u8, HistoryError> {
    match u8::try_from(config.delimiter) {
        Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(byte),
        _ => Err(fault(
            "delimiter",
            "must be one ASCII character other than a quote or a line end, such as , or ;",
        )),
    }
}
