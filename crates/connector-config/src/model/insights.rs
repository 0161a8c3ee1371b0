//! Flex Insights: who pulls its reports, when, and how they are read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use http_retry::BaseUrl;
use schemars::JsonSchema;
use serde::Serialize;
use wfm_history::{ColumnConfig, ReportConfig};

use crate::choice::choices;
use crate::secret::SecretRef;
use crate::units::{DurationText, display_text, duration_text};

/// Flex Insights, from which history is pulled. Kept, unused, while `wfm.history` is off.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Insights {
    /// Where Flex Insights answers.
    #[schemars(with = "String")]
    #[serde(serialize_with = "display_text")]
    pub base_url: BaseUrl,
    /// The user who pulls the reports. Vendor's page: *Twilio Flex Insights Username*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// That user's password. Vendor's page: *Twilio Flex Insights Password*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// The Flex Insights project of the account. Vendor's page: *Twilio Flex Insights Project ID*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Vendor's page: *Agent Productivity Data Report ID*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_productivity_report_id: Option<String>,
    /// Vendor's page: *Queue Historical Data Report ID*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_historical_report_id: Option<String>,
    /// How often both reports are pulled: `1min` to `1d`. How often Flex Insights loads new data is seen from the reports
    /// themselves.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub pull_every: Duration,
    /// How far back each pull is compared with what was delivered: `1h` to `30d`. The filters of the reports should cover it;
    /// where they are shorter, what lies before their first row is left as it was delivered.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub pull_back: Duration,
    /// How long after its end an interval is closed, at most `1d`. An open one is not delivered: Flex Insights loads late.
    #[schemars(with = "DurationText")]
    #[serde(serialize_with = "duration_text")]
    pub settle: Duration,
    /// How many sums a report may hold in memory, of about 180 bytes each, before they go to `spill_dir`: 1 or more.
    pub max_open_keys: u32,
    /// How many different agents and queues a report may name: 1 or more. Beyond it the column is taken for a wrong one.
    pub max_names: u32,
    /// How many faulty rows of a report are listed with their line. All are counted.
    pub max_issues: u32,
    /// The directory of what does not fit into memory. No name of anybody is written there, and nothing of it outlives the
    /// process. Without it the directory `wfm-spill` beside `ledger.wfm_path`; a relative path starts at the directory of the
    /// configuration file.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spill_dir: Option<PathBuf>,
    /// How the report of agents' productivity is read.
    pub agent_report: InsightsReport,
    /// How the report of queues' history is read.
    pub queue_report: InsightsReport,
}

impl Default for Insights {
    fn default() -> Self {
        let report = ReportConfig::default();
        Self {
            base_url: super::acd::constant("https://analytics.ytica.com"),
            username: None,
            password: None,
            project_id: None,
            agent_productivity_report_id: None,
            queue_historical_report_id: None,
            pull_every: Duration::from_mins(15),
            pull_back: Duration::from_hours(24),
            settle: Duration::from_mins(30),
            max_open_keys: u32::try_from(report.max_open_keys).unwrap_or(u32::MAX),
            max_names: u32::try_from(report.max_names).unwrap_or(u32::MAX),
            max_issues: u32::try_from(report.max_issues).unwrap_or(u32::MAX),
            spill_dir: None,
            agent_report: InsightsReport::default(),
            queue_report: InsightsReport::default(),
        }
    }
}

choices! {
    /// How a report writes numbers. The other mark, spaces and apostrophes may part thousands.
    pub enum DecimalMark {
        /// `1,234.5`.
        Point = "point",
        /// `1.234,5`.
        Comma = "comma",
    }
}

choices! {
    /// What a bare number means where a report has a duration.
    pub enum DurationUnit {
        /// Milliseconds.
        Milliseconds = "milliseconds",
        /// Seconds.
        Seconds = "seconds",
        /// Minutes.
        Minutes = "minutes",
        /// Hours.
        Hours = "hours",
        /// Days, as spreadsheets reckon.
        Days = "days",
    }
}

choices! {
    /// What `1:30` means where a report has a duration.
    pub enum TwoParts {
        /// An hour and a half.
        HoursMinutes = "hours-minutes",
        /// A minute and a half.
        MinutesSeconds = "minutes-seconds",
    }
}

choices! {
    /// Which date `3/4/2026` is.
    pub enum DateOrder {
        /// In March.
        MonthFirst = "month-first",
        /// In April.
        DayFirst = "day-first",
    }
}

choices! {
    /// Whether a report is only complete with a line end at its end.
    pub enum LastLineEnd {
        /// A last row with all its columns is complete.
        Optional = "optional",
        /// A last row without line end is cut short, and so is the report.
        Required = "required",
    }
}

/// How a report is read.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct InsightsReport {
    /// The columns by what they hold: `talk_time = "Talk Time"`, or with a unit of its own
    /// `talk_time = { name = "Talk Time", unit = "minutes" }`. What is not named is looked for under the names that are
    /// usual. `sync-wfm reports preview` shows the columns and proposes a mapping.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub columns: BTreeMap<String, ColumnConfig>,
    /// The values of the column of kinds whose rows count. Without it those that belong to the report: conversations, and
    /// `Agent Status` in that of agents, `Queue` in that of queues; also while in progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<String>>,
    /// What parts the fields of a row: one ASCII character.
    #[schemars(with = "String")]
    pub delimiter: char,
    /// How numbers are written.
    pub decimal: DecimalMark,
    /// What a bare number means where a duration is expected, unless its column has a unit of its own.
    pub durations: DurationUnit,
    /// What `1:30` means where a duration is expected.
    pub two_parts: TwoParts,
    /// Which date `3/4/2026` is.
    pub date_order: DateOrder,
    /// The form of dates, as for `strftime`, where it is none of the usual ones: `%d. %m. %Y`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_format: Option<String>,
    /// The form of times where it is none of the usual ones: `%Hh%M`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_format: Option<String>,
    /// The form of timestamps where it is none of the usual ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_format: Option<String>,
    /// Whether a report is only complete with a line end at its end.
    pub last_line_end: LastLineEnd,
}

impl Default for InsightsReport {
    fn default() -> Self {
        Self {
            columns: BTreeMap::new(),
            kinds: None,
            delimiter: ',',
            decimal: DecimalMark::Point,
            durations: DurationUnit::Seconds,
            two_parts: TwoParts::HoursMinutes,
            date_order: DateOrder::MonthFirst,
            date_format: None,
            time_format: None,
            timestamp_format: None,
            last_line_end: LastLineEnd::Optional,
        }
    }
}

impl InsightsReport {
    /// The settings as `wfm-history` checks them; without activities, bounds and service queue, which are set elsewhere in
    /// the file.
    pub(crate) fn config(&self) -> ReportConfig {
        ReportConfig {
            columns: self.columns.clone(),
            kinds: self.kinds.clone(),
            delimiter: self.delimiter,
            decimal: match self.decimal {
                DecimalMark::Point => wfm_history::Decimal::Point,
                DecimalMark::Comma => wfm_history::Decimal::Comma,
            },
            durations: self.durations.into(),
            two_parts: match self.two_parts {
                TwoParts::HoursMinutes => wfm_history::TwoParts::HoursMinutes,
                TwoParts::MinutesSeconds => wfm_history::TwoParts::MinutesSeconds,
            },
            date_order: match self.date_order {
                DateOrder::MonthFirst => wfm_history::DateOrder::MonthFirst,
                DateOrder::DayFirst => wfm_history::DateOrder::DayFirst,
            },
            date_format: self.date_format.clone(),
            time_format: self.time_format.clone(),
            timestamp_format: self.timestamp_format.clone(),
            last_line_end: match self.last_line_end {
                LastLineEnd::Optional => wfm_history::LastLineEnd::Optional,
                LastLineEnd::Required => wfm_history::LastLineEnd::Required,
            },
            ..ReportConfig::default()
        }
    }
}

impl From<DurationUnit> for wfm_history::DurationUnit {
    fn from(unit: DurationUnit) -> Self {
        match unit {
            DurationUnit::Milliseconds => Self::Milliseconds,
            DurationUnit::Seconds => Self::Seconds,
            DurationUnit::Minutes => Self::Minutes,
            DurationUnit::Hours => Self::Hours,
            DurationUnit::Days => Self::Days,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_a_report_are_those_of_the_crate_that_reads_it() {
        let json = |config: &ReportConfig| serde_json::to_value(config).unwrap();
        assert_eq!(
            json(&InsightsReport::default().config()),
            json(&ReportConfig::default())
        );
    }
}
