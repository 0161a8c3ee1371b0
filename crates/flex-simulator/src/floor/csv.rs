//! How the two reports are printed: columns, and rows as text.

use std::io::Write as _;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::FloorReport;
use super::options::{CsvOptions, DurationForm, TimeForm};

/// A column of either report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Date,
    Time,
    AgentSid,
    Agent,
    QueueSid,
    Queue,
    Kind,
    Activity,
    /// A duration or a number, by its place among a row's values.
    Amount(&'static str),
}

/// The amounts of the agent report, as rows hold them.
pub(super) const AGENT_AMOUNTS: [&str; 5] = [
    "Activity Time",
    "Talk Time",
    "Wrap Up Time",
    "Hold Time",
    "Conversations",
];

/// Those of the queue report.
pub(super) const QUEUE_AMOUNTS: [&str; 11] = [
    "Offered",
    "Answered",
    "Abandoned",
    "Short Abandoned",
    "Answered In Service Level",
    "Talk Time",
    "Wrap Up Time",
    "Hold Time",
    "Answer Wait Time",
    "Abandon Wait Time",
    "Longest Wait Time",
];

const AGENT: [Column; 13] = [
    Column::Date,
    Column::Time,
    Column::AgentSid,
    Column::Agent,
    Column::QueueSid,
    Column::Queue,
    Column::Kind,
    Column::Activity,
    Column::Amount(AGENT_AMOUNTS[0]),
    Column::Amount(AGENT_AMOUNTS[1]),
    Column::Amount(AGENT_AMOUNTS[2]),
    Column::Amount(AGENT_AMOUNTS[3]),
    Column::Amount(AGENT_AMOUNTS[4]),
];

const QUEUE: [Column; 16] = [
    Column::Date,
    Column::Time,
    Column::QueueSid,
    Column::Queue,
    Column::Kind,
    Column::Amount(QUEUE_AMOUNTS[0]),
    Column::Amount(QUEUE_AMOUNTS[1]),
    Column::Amount(QUEUE_AMOUNTS[2]),
    Column::Amount(QUEUE_AMOUNTS[3]),
    Column::Amount(QUEUE_AMOUNTS[4]),
    Column::Amount(QUEUE_AMOUNTS[5]),
    Column::Amount(QUEUE_AMOUNTS[6]),
    Column::Amount(QUEUE_AMOUNTS[7]),
    Column::Amount(QUEUE_AMOUNTS[8]),
    Column::Amount(QUEUE_AMOUNTS[9]),
    Column::Amount(QUEUE_AMOUNTS[10]),
];

impl Column {
    /// Every column of both reports.
    pub(super) const ALL: [Self; 21] = [
        AGENT[0], AGENT[1], AGENT[2], AGENT[3], AGENT[4], AGENT[5], AGENT[6], AGENT[7], AGENT[8],
        AGENT[9], AGENT[10], AGENT[11], AGENT[12], QUEUE[5], QUEUE[6], QUEUE[7], QUEUE[8],
        QUEUE[9], QUEUE[13], QUEUE[14], QUEUE[15],
    ];

    /// Its name without any setting.
    pub(super) fn usual_name(self) -> &'static str {
        match self {
            Self::Date => "Date",
            Self::Time => "Time",
            Self::AgentSid => "Agent SID",
            Self::Agent => "Agent",
            Self::QueueSid => "Queue SID",
            Self::Queue => "Queue",
            Self::Kind => "Kind",
            Self::Activity => "Activity",
            Self::Amount(name) => name,
        }
    }
}

/// What a row says, but for its amounts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) at: DateTime<Utc>,
    pub(super) agent_sid: &'a str,
    pub(super) agent: &'a str,
    pub(super) queue_sid: &'a str,
    pub(super) queue: &'a str,
    pub(super) kind: &'a str,
    pub(super) activity: &'a str,
}

/// Prints one report.
#[derive(Debug)]
pub(super) struct Printer<'a> {
    options: &'a CsvOptions,
    zone: Tz,
    columns: Vec<(Column, usize)>,
    field: Vec<u8>,
    pub(super) out: Vec<u8>,
}

impl<'a> Printer<'a> {
    /// Begins a report with its header.
    pub(super) fn new(report: FloorReport, options: &'a CsvOptions, zone: Tz) -> Self {
        let (all, amounts): (&[Column], &[&str]) = match report {
            FloorReport::AgentProductivity => (&AGENT, &AGENT_AMOUNTS),
            FloorReport::QueueHistory => (&QUEUE, &QUEUE_AMOUNTS),
        };
        let shown = all.iter().copied().filter(|column| match column {
            Column::AgentSid | Column::QueueSid if !options.sids => false,
            Column::Time if options.times == TimeForm::Offset => false,
            column => !options.without.contains(column.usual_name()),
        });
        let mut columns: Vec<(Column, usize)> = shown
            .map(|column| {
                let place = amounts.iter().position(|name| *name == column.usual_name());
                (column, place.unwrap_or(0))
            })
            .collect();
        if options.reversed {
            columns.reverse();
        }
        let mut printer = Self {
            options,
            zone,
            columns,
            field: Vec::new(),
            out: Vec::new(),
        };
        if options.byte_order_mark {
            printer.out.extend_from_slice("\u{feff}".as_bytes());
        }
        for place in 0..printer.columns.len() {
            let usual = printer.columns[place].0.usual_name();
            let name = options.names.get(usual).map_or(usual, String::as_str);
            printer.field.extend_from_slice(name.as_bytes());
            printer.end_field(place);
        }
        printer
    }

    /// Prints a row.
    pub(super) fn row(&mut self, line: &Line<'_>, amounts: &[u64]) {
        for place in 0..self.columns.len() {
            let (column, amount) = self.columns[place];
            let text = match column {
                Column::Date | Column::Time => {
                    self.time(line.at, column);
                    ""
                }
                Column::AgentSid => line.agent_sid,
                Column::Agent => line.agent,
                Column::QueueSid => line.queue_sid,
                Column::Queue => line.queue,
                Column::Kind => line.kind,
                Column::Activity => line.activity,
                Column::Amount(name) => {
                    let amount = amounts.get(amount).copied().unwrap_or(0);
                    // What a row has nothing to say of stays empty.
                    if amount > 0 && name.ends_with("Time") {
                        self.duration(amount);
                    } else if amount > 0 {
                        let _ = write!(self.field, "{amount}");
                    }
                    ""
                }
            };
            self.field.extend_from_slice(text.as_bytes());
            self.end_field(place);
        }
    }

    fn time(&mut self, at: DateTime<Utc>, column: Column) {
        let shown = at.with_timezone(&self.zone);
        let local: NaiveDateTime = shown.naive_local();
        // Writing to memory does not fail.
        let _ = match (self.options.times, column) {
            (TimeForm::Offset, _) => write!(self.field, "{}", shown.format("%Y-%m-%dT%H:%M%:z")),
            (TimeForm::Iso, Column::Date) => write!(self.field, "{}", local.format("%Y-%m-%d")),
            (TimeForm::Iso, _) => write!(self.field, "{}", local.format("%H:%M")),
            (TimeForm::American, Column::Date) => {
                write!(self.field, "{}", local.format("%m/%d/%Y"))
            }
            (TimeForm::American, _) => write!(self.field, "{}", local.format("%-I:%M %p")),
        };
    }

    fn duration(&mut self, millis: u64) {
        let whole = (millis + 500) / 1_000;
        let _ = match self.options.durations {
            DurationForm::WholeSeconds => write!(self.field, "{whole}"),
            DurationForm::Clock => write!(
                self.field,
                "{}:{:02}:{:02}",
                whole / 3_600,
                whole / 60 % 60,
                whole % 60
            ),
            DurationForm::Seconds if millis.is_multiple_of(1_000) => {
                write!(self.field, "{}", millis / 1_000)
            }
            DurationForm::Seconds => {
                let mark = if self.options.decimal_comma { ',' } else { '.' };
                let decimals = format!("{:03}", millis % 1_000);
                let decimals = decimals.trim_end_matches('0');
                write!(self.field, "{}{mark}{decimals}", millis / 1_000)
            }
        };
    }

    /// Puts the field at that place into the row, in quotes where it needs them.
    fn end_field(&mut self, place: usize) {
        let delimiter = u8::try_from(self.options.delimiter).unwrap_or(b',');
        let special = |byte: &u8| *byte == delimiter || matches!(byte, b'"' | b'\r' | b'\n');
        if self.options.quoted || self.field.iter().any(special) {
            self.out.push(b'"');
            for byte in &self.field {
                if *byte == b'"' {
                    self.out.push(b'"');
                }
                self.out.push(*byte);
            }
            self.out.push(b'"');
        } else {
            self.out.extend_from_slice(&self.field);
        }
        self.field.clear();
        if place + 1 < self.columns.len() {
            self.out.push(delimiter);
        } else if self.options.crlf {
            self.out.extend_from_slice(b"\r\n");
        } else {
            self.out.push(b'\n');
        }
    }
}
