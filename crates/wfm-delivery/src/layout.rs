//! The settings, checked and ready to write rows with.

use chrono::{DateTime, Utc};
use serde_json::Value;
use wfm_history::{QueueKey, Report};
use wfm_interval::{INTERVAL_SECONDS, Zone};
use wfm_state_mapping::StateChange;

use crate::field::{
    Column, HistoryField, RosterField, StateField, history_column, place, roster_column,
    state_column,
};
use crate::pattern::{Facts, Pattern};
use crate::when::{TimeFormat, is_ambiguous};
use crate::{
    ContractFault, DeliveryContract, DeliveryError, DurationUnit, FileContract, FirstOrAgain,
    HistoryRow, RepeatedHour, RosterKind, ValuesContract,
};

/// Something that rows are written with.
#[derive(Debug, Clone)]
pub(crate) struct Layout<F> {
    pub(crate) columns: Vec<Column<F>>,
    pub(crate) values: ValuesContract,
    pub(crate) zone: Zone,
    pub(crate) acd_server: u32,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    Number(i64),
    Flag(bool),
    Nothing,
}

impl Cell {
    fn count(number: u64) -> Self {
        i64::try_from(number).map_or_else(|_| Self::Text(number.to_string()), Self::Number)
    }

    pub(crate) fn time(format: &TimeFormat, at: DateTime<Utc>, zone: Zone) -> Self {
        format
            .number(at)
            .map_or_else(|| Self::Text(format.write(at, zone)), Self::Number)
    }

    /// As it stands in a file.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Nothing => String::new(),
        }
    }

    /// As it stands in JSON.
    pub(crate) fn into_json(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Number(number) => number.into(),
            Self::Flag(flag) => flag.into(),
            Self::Nothing => Value::Null,
        }
    }
}

impl Layout<HistoryField> {
    pub(crate) fn cells(&self, row: &HistoryRow, now: DateTime<Utc>) -> impl Iterator<Item = Cell> {
        self.columns
            .iter()
            .map(move |column| self.cell(&column.field, row, now))
    }

    fn cell(&self, field: &HistoryField, row: &HistoryRow, now: DateTime<Utc>) -> Cell {
        let key = &row.row.key;
        match field {
            HistoryField::AcdServer => Cell::Number(self.acd_server.into()),
            HistoryField::Agent => key
                .agent
                .map_or(Cell::Nothing, |agent| Cell::Text(agent.to_string())),
            HistoryField::Queue => Cell::Text(match key.queue {
                QueueKey::Task(queue) => queue.to_string(),
                QueueKey::ServiceQueue => self.values.service_queue.clone(),
            }),
            HistoryField::Start(format) => Cell::time(format, key.interval.start(), self.zone),
            HistoryField::End(format) => Cell::time(format, key.interval.end(), self.zone),
            HistoryField::Now(format) => Cell::time(format, now, self.zone),
            HistoryField::IntervalMinutes => Cell::Number(INTERVAL_SECONDS / 60),
            HistoryField::FirstOrAgain => {
                let [first, replaced, gone] = &self.values.first_or_again;
                let word = match row.first_or_again {
                    FirstOrAgain::First => first,
                    FirstOrAgain::Replaced => replaced,
                    FirstOrAgain::Gone => gone,
                };
                Cell::Text(word.clone())
            }
            HistoryField::Ambiguous => Cell::Flag(row.row.ambiguous),
            HistoryField::Measure(measure) => Cell::count(match self.values.duration_unit {
                DurationUnit::Seconds => row.row.values.seconds(*measure),
                DurationUnit::Milliseconds => row.row.values.get(*measure),
            }),
            HistoryField::Constant(text) => Cell::Text(text.clone()),
        }
    }

    /// Whether the row's time, as it is written, would be that of another interval as well, and is to be refused for it.
    pub(crate) fn refuses(&self, row: &HistoryRow) -> bool {
        if self.values.repeated_hour == RepeatedHour::Both {
            return false;
        }
        let formats: Vec<_> = self
            .columns
            .iter()
            .filter_map(|column| match &column.field {
                HistoryField::Start(format) => Some(format),
                _ => None,
            })
            .collect();
        is_ambiguous(&formats, row.row.key.interval.start(), self.zone)
    }
}

impl Layout<StateField> {
    pub(crate) fn cells(
        &self,
        row: &StateChange,
        snapshot: bool,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = Cell> {
        self.columns.iter().map(move |column| match &column.field {
            StateField::AcdServer => Cell::Number(self.acd_server.into()),
            StateField::Agent => Cell::Text(row.agent.to_string()),
            StateField::State => Cell::Text(self.values.states[place(row.state)].clone()),
            StateField::ReasonCode => row
                .reason_code
                .as_ref()
                .map_or(Cell::Nothing, |code| Cell::Text(code.to_string())),
            StateField::Since(format) => Cell::time(format, row.since, self.zone),
            StateField::Now(format) => Cell::time(format, now, self.zone),
            StateField::SecondsInState => Cell::Number((now - row.since).num_seconds().max(0)),
            StateField::Snapshot => Cell::Flag(snapshot),
            StateField::Constant(text) => Cell::Text(text.clone()),
        })
    }
}

/// One kind of file, ready to be written.
#[derive(Debug, Clone)]
pub(crate) struct FileLayout<F> {
    pub(crate) name: Pattern,
    pub(crate) header: Vec<Pattern>,
    pub(crate) rows: Layout<F>,
}

/// Everything that the settings say, for one ACD. All faults are found at once.
#[derive(Debug, Clone)]
pub(crate) struct Layouts {
    pub(crate) agent_file: FileLayout<HistoryField>,
    pub(crate) queue_file: FileLayout<HistoryField>,
    pub(crate) state_file: FileLayout<StateField>,
    pub(crate) user_file: FileLayout<RosterField>,
    pub(crate) service_queue_file: FileLayout<RosterField>,
    pub(crate) agent_http: Layout<HistoryField>,
    pub(crate) queue_http: Layout<HistoryField>,
    pub(crate) state_http: Layout<StateField>,
    pub(crate) user_http: Layout<RosterField>,
    pub(crate) service_queue_http: Layout<RosterField>,
}

struct Reader<'a> {
    contract: &'a DeliveryContract,
    usual: TimeFormat,
    zone: Zone,
    acd_server: u32,
    faults: Vec<ContractFault>,
}

impl Reader<'_> {
    fn fault(&mut self, setting: impl Into<String>, problem: impl Into<String>) {
        self.faults.push(ContractFault {
            setting: setting.into(),
            problem: problem.into(),
        });
    }

    fn columns<F>(
        &mut self,
        setting: &str,
        texts: &[String],
        read: impl Fn(&str, &TimeFormat) -> Result<Column<F>, String>,
    ) -> Layout<F> {
        let mut columns: Vec<Column<F>> = Vec::new();
        for text in texts {
            match read(text, &self.usual) {
                Ok(column) if columns.iter().any(|known| known.name == column.name) => {
                    self.fault(setting, format!("\"{}\" comes twice", column.name));
                }
                Ok(column) => columns.push(column),
                Err(problem) => self.fault(setting, problem),
            }
        }
        if texts.is_empty() {
            self.fault(setting, "there is none; write at least one");
        }
        Layout {
            columns,
            values: self.contract.values.clone(),
            zone: self.zone,
            acd_server: self.acd_server,
        }
    }

    fn file<F>(
        &mut self,
        setting: &str,
        file: &FileContract,
        read: impl Fn(&str, &TimeFormat) -> Result<Column<F>, String>,
    ) -> FileLayout<F> {
        let pattern = |reader: &mut Self, part: &str, text: &str| {
            Pattern::parse(text).unwrap_or_else(|problem| {
                reader.fault(format!("{setting}.{part}"), problem);
                Pattern::default()
            })
        };
        let name = pattern(self, "name", &file.name);
        let header = file
            .header
            .iter()
            .map(|line| pattern(self, "header", line))
            .collect();
        if file.header.iter().any(|line| line.contains(['\r', '\n'])) {
            self.fault(
                format!("{setting}.header"),
                "a line has a line end in it; write two lines",
            );
        }
        FileLayout {
            name,
            header,
            rows: self.columns(&format!("{setting}.columns"), &file.columns, read),
        }
    }

    fn shared(&mut self) {
        let contract = self.contract;
        let delimiter = contract.files.delimiter;
        if !delimiter.is_ascii()
            || delimiter == '"'
            || (delimiter.is_control() && delimiter != '\t')
        {
            self.fault(
                "files.delimiter",
                "it must be one ASCII character, and neither a quotation mark nor a control character but the tabulator",
            );
        }
        let names = [
            ("agent_file.name", &contract.agent_file.name),
            ("queue_file.name", &contract.queue_file.name),
            ("state_file.name", &contract.state_file.name),
            ("user_file.name", &contract.user_file.name),
            ("service_queue_file.name", &contract.service_queue_file.name),
        ];
        for (place, (setting, name)) in names.iter().enumerate() {
            if let Some((twin, _)) = names[..place].iter().find(|(_, twin)| twin == name) {
                self.fault(
                    format!("{twin}, {setting}"),
                    "two kinds of files have one name; give each its own",
                );
            }
        }
        for (setting, rows, most) in [
            ("files.rows", contract.files.rows, 1_000_000),
            ("http.rows", contract.http.rows, 10_000),
        ] {
            if !(1..=most).contains(&rows) {
                self.fault(setting, format!("it must be between 1 and {most}"));
            }
        }
        let header = &contract.http.access_header;
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if header.is_empty() || !header.chars().all(is_token) {
            self.fault(
                "http.access_header",
                "it must be the name of a header: letters, digits and hyphens",
            );
        }
        for status in &contract.http.row_statuses {
            if !(400..=499).contains(status) || matches!(status, 401 | 408 | 425 | 429) {
                self.fault(
                    "http.row_statuses",
                    format!("{status} says nothing about rows; write statuses of 400 to 499 but 401, 408, 425 and 429"),
                );
            }
        }
        for (setting, path) in [
            ("agent_http.path", &contract.agent_http.path),
            ("queue_http.path", &contract.queue_http.path),
            ("state_http.path", &contract.state_http.path),
            ("user_http.path", &contract.user_http.path),
            ("service_queue_http.path", &contract.service_queue_http.path),
        ] {
            if path.is_empty() || path.starts_with('/') || path.contains(['?', '#']) {
                self.fault(
                    setting,
                    "it must be a path below the base URL, without a slash in front and without ? and #",
                );
            }
        }
    }
}

impl Layouts {
    pub(crate) fn new(
        contract: &DeliveryContract,
        acd_server: u32,
        acd_zone: Zone,
    ) -> Result<Self, DeliveryError> {
        let mut reader = Reader {
            contract,
            usual: TimeFormat::EpochMilliseconds,
            zone: acd_zone,
            acd_server,
            faults: Vec::new(),
        };
        match TimeFormat::parse(&contract.values.time_format) {
            Ok(format) => reader.usual = format,
            Err(problem) => reader.fault("values.time_format", problem),
        }
        if !contract.values.time_zone.is_empty() {
            match contract.values.time_zone.parse() {
                Ok(zone) => reader.zone = zone,
                Err(error) => {
                    let error: wfm_interval::IntervalError = error;
                    reader.fault("values.time_zone", error.to_string());
                }
            }
        }
        reader.shared();
        let agent =
            |text: &str, usual: &TimeFormat| history_column(text, Report::AgentProductivity, usual);
        let queue =
            |text: &str, usual: &TimeFormat| history_column(text, Report::QueueHistory, usual);
        let user = |text: &str, usual: &TimeFormat| roster_column(text, RosterKind::Agents, usual);
        let service_queue =
            |text: &str, usual: &TimeFormat| roster_column(text, RosterKind::Queues, usual);
        let layouts = Self {
            agent_file: reader.file("agent_file", &contract.agent_file, agent),
            queue_file: reader.file("queue_file", &contract.queue_file, queue),
            state_file: reader.file("state_file", &contract.state_file, state_column),
            user_file: reader.file("user_file", &contract.user_file, user),
            service_queue_file: reader.file(
                "service_queue_file",
                &contract.service_queue_file,
                service_queue,
            ),
            agent_http: reader.columns("agent_http.fields", &contract.agent_http.fields, agent),
            queue_http: reader.columns("queue_http.fields", &contract.queue_http.fields, queue),
            state_http: reader.columns(
                "state_http.fields",
                &contract.state_http.fields,
                state_column,
            ),
            user_http: reader.columns("user_http.fields", &contract.user_http.fields, user),
            service_queue_http: reader.columns(
                "service_queue_http.fields",
                &contract.service_queue_http.fields,
                service_queue,
            ),
        };
        let example = Facts {
            acd_server,
            number: 1,
            first: DateTime::UNIX_EPOCH,
            last: DateTime::UNIX_EPOCH,
            now: DateTime::UNIX_EPOCH,
        };
        for (setting, name) in [
            ("agent_file.name", &layouts.agent_file.name),
            ("queue_file.name", &layouts.queue_file.name),
            ("state_file.name", &layouts.state_file.name),
            ("user_file.name", &layouts.user_file.name),
            ("service_queue_file.name", &layouts.service_queue_file.name),
        ] {
            // A pattern that could not be read is a fault already.
            if *name != Pattern::default()
                && let Err(error) = name.file_name(&example)
            {
                reader.fault(setting, error.to_string());
            }
        }
        for (setting, name) in [
            ("agent_file.name", &layouts.agent_file.name),
            ("queue_file.name", &layouts.queue_file.name),
        ] {
            if !name.has_number() && *name != Pattern::default() {
                reader.fault(
                    setting,
                    "a delivery may take several files, so {number} must stand in their name",
                );
            }
        }
        if reader.faults.is_empty() {
            Ok(layouts)
        } else {
            Err(DeliveryError::Contract(reader.faults))
        }
    }
}

impl DeliveryContract {
    /// Finds every setting that cannot be worked with.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::Contract`] with all of them.
    pub fn validate(&self) -> Result<(), DeliveryError> {
        Layouts::new(self, 0, Zone::UTC).map(drop)
    }
}
