//! Rows of given columns: what each value means, and what is wrong with one that cannot be.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::settings::{WfmSettings, WfmSettingsError};
use crate::calabrio::ACD_SERVER;
use crate::floor::{FloorReport, FloorState, SERVICE_QUEUE, ToldInterval, ToldState};

/// The states in the order of [`WfmSettings::states`].
const STATES: [FloorState; 7] = [
    FloorState::Logout,
    FloorState::NotReady,
    FloorState::Ready,
    FloorState::Talking,
    FloorState::Hold,
    FloorState::WorkNotReady,
    FloorState::WorkReady,
];

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Text(&'a str),
    Number(i64),
    Flag(bool),
    Nothing,
    /// JSON that no column has.
    Strange,
}

impl<'a> Cell<'a> {
    pub(super) fn of_json(value: Option<&'a Value>) -> Option<Self> {
        Some(match value? {
            Value::Null => Self::Nothing,
            Value::String(text) => Self::Text(text),
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => number.as_i64().map_or(Self::Strange, Self::Number),
            _ => Self::Strange,
        })
    }

    pub(super) fn of_file(text: &'a str) -> Self {
        if text.is_empty() {
            Self::Nothing
        } else {
            Self::Text(text)
        }
    }

    fn number(self, in_file: bool) -> Result<i64, &'static str> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) if in_file => text.parse().map_err(|_| "not a whole number"),
            _ => Err("not a whole number"),
        }
    }

    fn text(self) -> Result<&'a str, &'static str> {
        match self {
            Self::Text(text) if text.trim() == text => Ok(text),
            Self::Text(_) => Err("a text with spaces around it"),
            _ => Err("not a text"),
        }
    }

    fn flag(self) -> Result<bool, &'static str> {
        match self {
            Self::Flag(flag) => Ok(flag),
            Self::Text("true") => Ok(true),
            Self::Text("false") => Ok(false),
            _ => Err("neither true nor false"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    AcdServer,
    Agent,
    Queue,
    Start(String),
    End(String),
    Minutes,
    Ambiguous,
    /// A time or a count of the report, by its name there.
    Measure(&'static str),
    State,
    Reason,
    Since(String),
    /// What is not looked at.
    Other,
}

/// The columns of one kind of row.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    columns: Vec<(String, Meaning)>,
    words: Words,
}

/// What the values of all kinds of rows have in common.
#[derive(Debug, Clone)]
struct Words {
    zone: Tz,
    milliseconds: bool,
    service_queue: String,
    states: [String; 7],
}

/// What rows are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    History(FloorReport),
    State,
}

impl Layout {
    pub(super) fn new(settings: &WfmSettings, kind: Kind) -> Result<Self, WfmSettingsError> {
        let (setting, texts) = match kind {
            Kind::History(FloorReport::AgentProductivity) => ("agent", &settings.agent),
            Kind::History(FloorReport::QueueHistory) => ("queue", &settings.queue),
            Kind::State => ("state", &settings.state),
        };
        let columns = texts
            .iter()
            .map(|text| column(text, kind, &settings.time_format))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|problem| WfmSettingsError { setting, problem })?;
        let zone = settings.zone.parse().map_err(|_| WfmSettingsError {
            setting: "zone",
            problem: format!("there is no time zone {:?}", settings.zone),
        })?;
        Ok(Self {
            columns,
            words: Words {
                zone,
                milliseconds: settings.milliseconds,
                service_queue: settings.service_queue.clone(),
                states: settings.states.clone(),
            },
        })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// An interval; its cells stand in the order of the columns.
    pub(super) fn interval(
        &self,
        report: FloorReport,
        cells: &[Cell<'_>],
        in_file: bool,
    ) -> Result<ToldInterval, String> {
        let (mut agent, mut queue, mut ambiguous) = (None, None, false);
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        let mut values = std::collections::BTreeMap::new();
        for ((name, meaning), cell) in self.columns.iter().zip(cells) {
            let of = |problem: &str| format!("{name} is {problem}");
            match meaning {
                Meaning::AcdServer => acd_server(*cell, in_file).map_err(of)?,
                Meaning::Agent => agent = Some(sid(*cell, "WK").map_err(of)?),
                Meaning::Queue if *cell == Cell::Text(&self.words.service_queue) => {
                    queue = Some(SERVICE_QUEUE.to_owned());
                }
                Meaning::Queue => queue = Some(sid(*cell, "WQ").map_err(of)?),
                Meaning::Start(format) => starts.push((*cell, format.as_str())),
                Meaning::End(format) => ends.push((*cell, format.as_str())),
                Meaning::Minutes if cell.number(in_file) != Ok(15) => return Err(of("not 15")),
                Meaning::Ambiguous => ambiguous = cell.flag().map_err(of)?,
                Meaning::Measure(measure) => {
                    let number = cell.number(in_file).map_err(of)?;
                    let number = u64::try_from(number).map_err(|_| of("below zero"))?;
                    let seconds = measure.ends_with("_ms") && !self.words.milliseconds;
                    let number = if seconds { number * 1_000 } else { number };
                    values.insert((*measure).to_owned(), number);
                }
                Meaning::State
                | Meaning::Reason
                | Meaning::Since(_)
                | Meaning::Minutes
                | Meaning::Other => {}
            }
        }
        let start = self
            .time(&starts)
            .ok_or("the start of the interval is no such time")?;
        if start.timestamp_millis().rem_euclid(crate::floor::QUARTER) != 0 {
            return Err("the interval begins on no quarter of an hour".to_owned());
        }
        if !ends.is_empty() && self.time(&ends) != Some(start + TimeDelta::minutes(15)) {
            return Err("the interval does not end 15 minutes after its start".to_owned());
        }
        match (report, &agent, &queue) {
            (FloorReport::AgentProductivity, None, _) => Err("no agent is named".to_owned()),
            (FloorReport::QueueHistory, _, None) => Err("no queue is named".to_owned()),
            _ => Ok(ToldInterval {
                report,
                agent,
                queue,
                start,
                values,
                ambiguous,
            }),
        }
    }

    /// A state that came now.
    pub(super) fn state(
        &self,
        cells: &[Cell<'_>],
        in_file: bool,
        now: DateTime<Utc>,
    ) -> Result<ToldState, String> {
        let (mut agent, mut state, mut reason) = (None, None, None);
        let mut since = Vec::new();
        for ((name, meaning), cell) in self.columns.iter().zip(cells) {
            let of = |problem: &str| format!("{name} is {problem}");
            match meaning {
                Meaning::AcdServer => acd_server(*cell, in_file).map_err(of)?,
                Meaning::Agent => agent = Some(sid(*cell, "WK").map_err(of)?),
                Meaning::State => {
                    let word = cell.text().map_err(of)?;
                    let known = self.words.states.iter().position(|known| known == word);
                    state = Some(STATES[known.ok_or_else(|| of("no state"))?]);
                }
                Meaning::Reason if *cell != Cell::Nothing => {
                    let code = cell.text().map_err(of)?;
                    // What Calabrio's mapping of states can name.
                    if code.contains(',') || code == "0" {
                        return Err(of("a reason code with a comma, or 0"));
                    }
                    reason = Some(code.to_owned());
                }
                Meaning::Since(format) => since.push((*cell, format.as_str())),
                _ => {}
            }
        }
        let state = state.ok_or("no state is named")?;
        let takes_reason = [
            FloorState::NotReady,
            FloorState::WorkNotReady,
            FloorState::WorkReady,
        ];
        if reason.is_some() && !takes_reason.contains(&state) {
            return Err(
                "a reason code goes with Not Ready, Work Not Ready and Work Ready alone".to_owned(),
            );
        }
        Ok(ToldState {
            agent: agent.ok_or("no agent is named")?,
            state,
            reason,
            since: self
                .time(&since)
                .ok_or("the start of the state is no such time")?,
            at: now,
        })
    }

    /// The time that some columns tell together.
    fn time(&self, parts: &[(Cell<'_>, &str)]) -> Option<DateTime<Utc>> {
        let [(first, format), ..] = parts else {
            return None;
        };
        let number = || match first {
            Cell::Number(number) => Some(*number),
            Cell::Text(text) => text.parse().ok(),
            _ => None,
        };
        match *format {
            "epoch-milliseconds" => return DateTime::from_timestamp_millis(number()?),
            "epoch-seconds" => return DateTime::from_timestamp(number()?, 0),
            _ => {}
        }
        let texts: Option<Vec<&str>> = parts.iter().map(|(cell, _)| cell.text().ok()).collect();
        let text = texts?.join(" ");
        let formats: Vec<&str> = parts.iter().map(|(_, format)| *format).collect();
        let format = formats.join(" ");
        if let Ok(at) = DateTime::parse_from_str(&text, &format) {
            return Some(at.to_utc());
        }
        let local = NaiveDateTime::parse_from_str(&text, &format).ok()?;
        let at = local.and_local_timezone(self.words.zone).earliest()?;
        Some(at.to_utc())
    }
}

fn acd_server(cell: Cell<'_>, in_file: bool) -> Result<(), &'static str> {
    match cell.number(in_file) {
        Ok(number) if number == i64::from(ACD_SERVER) => Ok(()),
        _ => Err("not the number of this ACD"),
    }
}

fn sid(cell: Cell<'_>, prefix: &str) -> Result<String, &'static str> {
    let text = cell.text()?;
    let fits = text.strip_prefix(prefix).is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    });
    if fits {
        Ok(text.to_owned())
    } else {
        Err("not the SID of such a one")
    }
}

fn column(text: &str, kind: Kind, usual: &str) -> Result<(String, Meaning), String> {
    let (name, value) = text
        .split_once(" = ")
        .ok_or_else(|| format!("{text:?} is not written as name = value"))?;
    let (word, format) = value.split_once(' ').unwrap_or((value, usual));
    let measure = |report: FloorReport| {
        let mut known = report.measures().iter();
        known
            .find(|known| known.strip_suffix("_ms").unwrap_or(known) == word)
            .copied()
    };
    let format = || format.to_owned();
    let meaning = match (kind, word) {
        (_, "acd_server") => Meaning::AcdServer,
        (_, "agent") => Meaning::Agent,
        (_, "constant" | "now")
        | (Kind::State, "seconds_in_state" | "snapshot")
        | (Kind::History(_), "first_or_again") => Meaning::Other,
        (Kind::State, "state") => Meaning::State,
        (Kind::State, "reason_code") => Meaning::Reason,
        (Kind::State, "since") => Meaning::Since(format()),
        (Kind::History(_), "queue") => Meaning::Queue,
        (Kind::History(_), "interval_start") => Meaning::Start(format()),
        (Kind::History(_), "interval_end") => Meaning::End(format()),
        (Kind::History(_), "interval_minutes") => Meaning::Minutes,
        (Kind::History(_), "ambiguous") => Meaning::Ambiguous,
        (Kind::History(report), _) => measure(report)
            .map(Meaning::Measure)
            .ok_or_else(|| format!("there is no value {word:?}"))?,
        (Kind::State, _) => return Err(format!("there is no value {word:?}")),
    };
    Ok((name.to_owned(), meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents(columns: &[&str]) -> Layout {
        let settings = WfmSettings {
            agent: columns.iter().map(ToString::to_string).collect(),
            zone: "Europe/Berlin".to_owned(),
            ..WfmSettings::default()
        };
        Layout::new(&settings, Kind::History(FloorReport::AgentProductivity)).unwrap()
    }

    const WORKER: &str = "WK00000000000000000000000000000001";

    #[test]
    fn a_time_can_stand_in_two_columns_without_an_offset_or_as_a_number() {
        let apart = agents(&[
            "a = agent",
            "d = interval_start %d.%m.%Y",
            "t = interval_start %H:%M",
            "talk = talk_time",
        ]);
        let cells = [WORKER, "01.03.2026", "13:15", "7"].map(Cell::of_file);
        let told = apart
            .interval(FloorReport::AgentProductivity, &cells, true)
            .unwrap();
        assert_eq!(told.start.to_rfc3339(), "2026-03-01T12:15:00+00:00");
        assert_eq!(told.values["talk_time_ms"], 7_000);

        let number = agents(&["a = agent", "t = interval_start epoch-seconds"]);
        let cells = [Cell::Text(WORKER), Cell::Number(1_772_366_400)];
        let told = number
            .interval(FloorReport::AgentProductivity, &cells, false)
            .unwrap();
        assert_eq!(told.start.to_rfc3339(), "2026-03-01T12:00:00+00:00");
    }

    #[test]
    fn what_cannot_be_is_named_with_its_column() {
        let layout = agents(&[
            "s = acd_server",
            "a = agent",
            "t = interval_start",
            "m = interval_minutes",
            "talk = talk_time",
        ]);
        let good = ["7", WORKER, "2026-03-01T12:15:00+00:00", "15", "7"];
        let told = |place: usize, text: &str| {
            let mut row = good;
            row[place] = text;
            layout
                .interval(
                    FloorReport::AgentProductivity,
                    &row.map(Cell::of_file),
                    true,
                )
                .map(|_| ())
        };
        assert_eq!(told(0, "7"), Ok(()));
        for (place, text, problem) in [
            (0, "8", "s is not the number of this ACD"),
            (
                1,
                "WQ00000000000000000000000000000001",
                "a is not the SID of such a one",
            ),
            (
                2,
                "2026-03-01T12:16:00+00:00",
                "the interval begins on no quarter of an hour",
            ),
            (2, "noon", "the start of the interval is no such time"),
            (3, "30", "m is not 15"),
            (4, "-1", "talk is below zero"),
            (4, "1.5", "talk is not a whole number"),
        ] {
            assert_eq!(told(place, text), Err(problem.to_owned()));
        }
    }

    #[test]
    fn a_reason_code_has_no_comma_and_stands_with_few_states() {
        let layout = Layout::new(&WfmSettings::default(), Kind::State).unwrap();
        let told = |state: &str, reason: &str| {
            let cells =
                ["7", WORKER, state, reason, "2026-03-01T12:16:00+00:00"].map(Cell::of_file);
            layout
                .state(&cells, true, DateTime::UNIX_EPOCH)
                .map(|told| told.state)
        };
        assert_eq!(told("Not Ready", "Lunch long"), Ok(FloorState::NotReady));
        assert_eq!(told("Hold", ""), Ok(FloorState::Hold));
        assert!(told("Not Ready", "Lunch, long").is_err());
        assert!(told("Ready", "Lunch").is_err());
        assert!(told("Busy", "").is_err());
    }

    #[test]
    fn settings_that_mean_nothing_are_refused_by_name() {
        let refused =
            |settings: WfmSettings| Layout::new(&settings, Kind::State).unwrap_err().to_string();
        let zone = refused(WfmSettings {
            zone: "Mars/Base".to_owned(),
            ..WfmSettings::default()
        });
        assert!(zone.contains("Mars/Base"), "{zone}");
        let column = refused(WfmSettings {
            state: vec!["x = mood".to_owned()],
            ..WfmSettings::default()
        });
        assert_eq!(
            column,
            "the receiver's state is not right: there is no value \"mood\""
        );
    }
}
