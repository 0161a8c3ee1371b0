//! How a floor is run, and how its reports are printed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::csv::Column;
use super::{FloorError, FloorScenario};

/// How a floor is run; every field has a default. The seed and the faults are those of the simulator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FloorOptions {
    /// What the floor is made of.
    pub scenario: FloorScenario,
    /// How many seconds its clock goes on in a real one: above 0, at most 100,000.
    pub pace: f64,
    /// What its clock shows at first; without it, when the day begins. What happened before is over then: lists and reports tell of it, and nothing of it is
    /// pushed.
    pub shows: Option<DateTime<Utc>>,
    /// How long the clock stands at its beginning, in real milliseconds, so that who is to watch can get ready.
    pub stands_ms: u64,
    /// Whether the clock stands until it really is as late as its beginning instead, for programs that know no clock but the system's. A beginning
    /// that is past does not wait.
    pub punctual: bool,
    /// Flex Insights.
    pub insights: InsightsOptions,
}

impl Default for FloorOptions {
    fn default() -> Self {
        Self {
            scenario: FloorScenario::default(),
            pace: 1.0,
            shows: None,
            stands_ms: 0,
            punctual: false,
            insights: InsightsOptions::default(),
        }
    }
}

/// On which data set the reports are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataSet {
    /// Each row tells what lies in its interval.
    Workload,
    /// What goes on for longer is booked whole in the interval in which it began.
    Ordinary,
}

/// How often Flex Insights loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loads {
    /// Every 15 minutes, as a support ticket gets it.
    QuarterHourly,
    /// Every hour, as it is by default.
    Hourly,
}

/// How the hour is printed that comes twice in autumn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatedHour {
    /// As rows of their own, those of the second pass after those of the first.
    TwoRows,
    /// As one row, the sum of both passes.
    Merged,
}

/// What an empty report is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyReport {
    /// Status 204.
    NoContent,
    /// A header row and nothing else.
    HeaderOnly,
}

/// How durations are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DurationForm {
    /// Seconds with up to three decimals: `437.211`.
    Seconds,
    /// Whole seconds, halves rounded up: `437`.
    WholeSeconds,
    /// `0:07:17`.
    Clock,
}

/// How times are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeForm {
    /// `2026-10-25` and `02:15` in two columns.
    Iso,
    /// `10/25/2026` and `2:15 AM`.
    American,
    /// `2026-10-25T02:15+02:00` in the column of the date; no column of times.
    Offset,
}

/// In which order the rows stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowOrder {
    /// By time.
    Time,
    /// By agent and queue, and then by time.
    Subject,
}

/// How the CSV looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches that do not depend on one another"
)]
pub struct CsvOptions {
    /// Other names of columns, by their usual ones, such as `"Talk Time" = "Gesprächszeit"`.
    pub names: BTreeMap<String, String>,
    /// Columns that are not there, by their usual names.
    pub without: BTreeSet<String>,
    /// Whether agents and queues are told by SID beside their names.
    pub sids: bool,
    /// Whether the columns stand in the reverse of the usual order.
    pub reversed: bool,
    /// What parts the fields: one ASCII character.
    pub delimiter: char,
    /// Whether every field stands in quotes.
    pub quoted: bool,
    /// Whether it begins with a byte-order mark.
    pub byte_order_mark: bool,
    /// Whether decimals stand behind a comma.
    pub decimal_comma: bool,
    /// Whether lines end with CR and LF.
    pub crlf: bool,
    /// Durations.
    pub durations: DurationForm,
    /// Times.
    pub times: TimeForm,
    /// The order of the rows.
    pub order: RowOrder,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            names: BTreeMap::new(),
            without: BTreeSet::new(),
            sids: true,
            reversed: false,
            delimiter: ',',
            quoted: false,
            byte_order_mark: false,
            decimal_comma: false,
            crlf: false,
            durations: DurationForm::Seconds,
            times: TimeForm::Iso,
            order: RowOrder::Time,
        }
    }
}

/// Flex Insights; every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct InsightsOptions {
    /// The data set.
    pub data_set: DataSet,
    /// How often it loads. Nothing that came after the last load is in any report.
    pub loads: Loads,
    /// How long after a quarter of an hour, or an hour, its load is there, in milliseconds of the floor's clock.
    pub load_delay_ms: u64,
    /// Whether a load also holds what happened until it came, so that a report's last interval is not whole.
    pub partial_loads: bool,
    /// How many days back a report goes, the present one among them: 1 to 30.
    pub days: u32,
    /// The repeated hour.
    pub repeated_hour: RepeatedHour,
    /// Empty reports.
    pub empty: EmptyReport,
    /// How long a temporary token lives, in real milliseconds; without it ten minutes of the floor's clock, a real second at least.
    pub temporary_token_ms: Option<u64>,
    /// How long a login lives, in real milliseconds; without it two weeks of the floor's clock, 10 real seconds at least.
    pub login_ms: Option<u64>,
    /// How long a report is being computed at least, in real milliseconds.
    pub computing_min_ms: u64,
    /// And at most.
    pub computing_max_ms: u64,
    /// After how many wrong passwords in a row logins are refused with 429 for a while.
    pub bad_logins: u32,
    /// For how many seconds they are, as `Retry-After` says.
    pub lockout_seconds: u32,
    /// How many of the first logins are answered 429, with `Retry-After: 1`.
    pub busy_logins: u32,
    /// The CSV.
    pub csv: CsvOptions,
}

impl Default for InsightsOptions {
    fn default() -> Self {
        Self {
            data_set: DataSet::Workload,
            loads: Loads::QuarterHourly,
            load_delay_ms: 240_000,
            partial_loads: false,
            days: 2,
            repeated_hour: RepeatedHour::TwoRows,
            empty: EmptyReport::NoContent,
            temporary_token_ms: None,
            login_ms: None,
            computing_min_ms: 20,
            computing_max_ms: 200,
            bad_logins: 5,
            lockout_seconds: 30,
            busy_logins: 0,
            csv: CsvOptions::default(),
        }
    }
}

impl Loads {
    /// The time between two loads, in milliseconds.
    pub(super) fn every(self) -> super::Millis {
        match self {
            Self::QuarterHourly => super::QUARTER,
            Self::Hourly => 4 * super::QUARTER,
        }
    }
}

impl FloorOptions {
    /// Reads options from TOML; what the file does not name is as by default.
    ///
    /// # Errors
    ///
    /// A text that is not TOML, an unknown field, a value of the wrong type; the message names line and field.
    pub fn from_toml(text: &str) -> Result<Self, FloorError> {
        toml::from_str(text)
            .map_err(|error| FloorError::File(error.to_string().trim_end().to_owned()))
    }

    /// Reads options from TOML for a connector that goes by the real clock: where the text says neither when the day begins (`scenario.from`) nor what the
    /// clock shows (`shows`), the day began so long before `now`, on a full quarter of an hour, and the clock shows `now`.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml).
    pub fn from_toml_begun(
        text: &str,
        now: DateTime<Utc>,
        ago: TimeDelta,
    ) -> Result<Self, FloorError> {
        let mut options = Self::from_toml(text)?;
        let named: toml::Table = toml::from_str(text)
            .map_err(|error| FloorError::File(error.to_string().trim_end().to_owned()))?;
        let scenario = named.get("scenario");
        let from = scenario.and_then(|scenario| scenario.get("from"));
        if from.is_none() && options.shows.is_none() {
            let begun = (now - ago).timestamp_millis();
            options.scenario.from = super::instant(begun - begun.rem_euclid(super::QUARTER));
            options.shows = Some(now);
        }
        Ok(options)
    }

    /// Refuses what cannot be run.
    pub(super) fn check(&self) -> Result<(), FloorError> {
        let number = |field, value: String, wanted, good: bool| {
            if good {
                return Ok(());
            }
            Err(FloorError::Number {
                field,
                value,
                wanted,
            })
        };
        let (insights, csv) = (&self.insights, &self.insights.csv);
        number(
            "pace",
            self.pace.to_string(),
            "above 0, and at most 100000",
            self.pace > 0.0 && self.pace <= 100_000.0,
        )?;
        number(
            "insights.days",
            insights.days.to_string(),
            "1 to 30",
            (1..=30).contains(&insights.days),
        )?;
        number(
            "insights.load_delay_ms",
            insights.load_delay_ms.to_string(),
            "at most a day",
            insights.load_delay_ms <= 86_400_000,
        )?;
        number(
            "insights.csv.delimiter",
            csv.delimiter.to_string(),
            "one ASCII character that is no quote, digit or line end",
            csv.delimiter.is_ascii()
                && !csv.delimiter.is_ascii_alphanumeric()
                && !matches!(csv.delimiter, '"' | '\r' | '\n'),
        )?;
        let named = csv.names.keys().chain(&csv.without);
        for name in named {
            if !Column::ALL.iter().any(|column| column.usual_name() == name) {
                return Err(FloorError::Column(name.clone()));
            }
        }
        Ok(())
    }

    /// How long a token lives that lives so long by the floor's clock, at least.
    pub(super) fn lives(
        &self,
        set_ms: Option<u64>,
        by_clock: Duration,
        least: Duration,
    ) -> Duration {
        set_ms.map_or_else(
            || {
                let lives = by_clock.as_secs_f64() / self.pace;
                Duration::try_from_secs_f64(lives)
                    .unwrap_or(by_clock)
                    .max(least)
            },
            Duration::from_millis,
        )
    }
}
