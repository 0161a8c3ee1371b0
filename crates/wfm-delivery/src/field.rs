//! What stands in a column of a file or in a field of a request, as it is written in the settings.

use wfm_history::{Measure, Report};
use wfm_state_mapping::CalabrioState;

use crate::RosterKind;
use crate::when::TimeFormat;

/// A column of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HistoryField {
    AcdServer,
    Agent,
    Queue,
    Start(TimeFormat),
    End(TimeFormat),
    Now(TimeFormat),
    IntervalMinutes,
    FirstOrAgain,
    Ambiguous,
    Measure(Measure),
    Constant(String),
}

/// A column of states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StateField {
    AcdServer,
    Agent,
    State,
    ReasonCode,
    Since(TimeFormat),
    Now(TimeFormat),
    SecondsInState,
    Snapshot,
    Constant(String),
}

/// A column of agents or of queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RosterField {
    AcdServer,
    /// The SID.
    Id,
    Name,
    FirstName,
    LastName,
    Login,
    Email,
    TimeZone,
    Active,
    Inactive,
    Status,
    Now(TimeFormat),
    Constant(String),
}

/// A column: its name, and what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column<F> {
    pub(crate) name: String,
    pub(crate) field: F,
}

/// A column as it is written: `name = value`, with a format of its own or the text of a constant behind it.
struct Written<'a> {
    name: &'a str,
    value: &'a str,
    rest: &'a str,
}

fn written(text: &str) -> Result<Written<'_>, String> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        format!(
            "\"{text}\" is no column; write its name, an equals sign and what stands in it, like acdId = agent"
        )
    })?;
    let value = value.trim();
    let (value, rest) = value.split_once(' ').unwrap_or((value, ""));
    let name = name.trim();
    if name.is_empty() || value.is_empty() {
        return Err(format!(
            "\"{text}\" lacks the name of the column or what stands in it"
        ));
    }
    Ok(Written {
        name,
        value,
        rest: rest.trim(),
    })
}

/// The format that a column names, else the usual one.
fn format_or(rest: &str, usual: &TimeFormat) -> Result<TimeFormat, String> {
    if rest.is_empty() {
        Ok(usual.clone())
    } else {
        TimeFormat::parse(rest)
    }
}

fn unknown(value: &str, known: &[String]) -> String {
    let score = |name: &String| strsim::jaro_winkler(value, name);
    let nearest = known
        .iter()
        .max_by(|a, b| score(a).total_cmp(&score(b)))
        .filter(|name| score(name) > 0.8);
    let hint = nearest.map_or_else(String::new, |name| format!(" (did you mean {name}?)"));
    format!(
        "nothing is called \"{value}\"{hint}; known are {}",
        known.join(", ")
    )
}

/// The name of a measure in the settings: without its unit, which is a setting of its own.
fn measure_name(measure: Measure) -> &'static str {
    measure.name().trim_end_matches("_ms")
}

pub(crate) fn history_column(
    text: &str,
    report: Report,
    usual: &TimeFormat,
) -> Result<Column<HistoryField>, String> {
    let Written { name, value, rest } = written(text)?;
    let takes_rest = matches!(
        value,
        "interval_start" | "interval_end" | "now" | "constant"
    );
    refuse_rest(value, rest, takes_rest)?;
    let field = match value {
        "acd_server" => HistoryField::AcdServer,
        "agent" if report == Report::AgentProductivity => HistoryField::Agent,
        "queue" => HistoryField::Queue,
        "interval_start" => HistoryField::Start(format_or(rest, usual)?),
        "interval_end" => HistoryField::End(format_or(rest, usual)?),
        "now" => HistoryField::Now(format_or(rest, usual)?),
        "interval_minutes" => HistoryField::IntervalMinutes,
        "first_or_again" => HistoryField::FirstOrAgain,
        "ambiguous" => HistoryField::Ambiguous,
        "constant" => HistoryField::Constant(rest.to_owned()),
        other => {
            let measures = Measure::of(report);
            let found = measures.iter().find(|found| measure_name(**found) == other);
            let found = found.ok_or_else(|| {
                let mut known: Vec<String> = [
                    "acd_server",
                    "queue",
                    "interval_start",
                    "interval_end",
                    "now",
                    "interval_minutes",
                    "first_or_again",
                    "ambiguous",
                    "constant",
                ]
                .map(str::to_owned)
                .into();
                if report == Report::AgentProductivity {
                    known.insert(1, "agent".to_owned());
                }
                known.extend(measures.iter().map(|known| measure_name(*known).to_owned()));
                unknown(other, &known)
            })?;
            HistoryField::Measure(*found)
        }
    };
    Ok(Column {
        name: name.to_owned(),
        field,
    })
}

pub(crate) fn state_column(text: &str, usual: &TimeFormat) -> Result<Column<StateField>, String> {
    let Written { name, value, rest } = written(text)?;
    refuse_rest(value, rest, matches!(value, "since" | "now" | "constant"))?;
    let field = match value {
        "acd_server" => StateField::AcdServer,
        "agent" => StateField::Agent,
        "state" => StateField::State,
        "reason_code" => StateField::ReasonCode,
        "since" => StateField::Since(format_or(rest, usual)?),
        "now" => StateField::Now(format_or(rest, usual)?),
        "seconds_in_state" => StateField::SecondsInState,
        "snapshot" => StateField::Snapshot,
        "constant" => StateField::Constant(rest.to_owned()),
        other => {
            let known = [
                "acd_server",
                "agent",
                "state",
                "reason_code",
                "since",
                "now",
                "seconds_in_state",
                "snapshot",
                "constant",
            ];
            return Err(unknown(other, &known.map(str::to_owned)));
        }
    };
    Ok(Column {
        name: name.to_owned(),
        field,
    })
}

pub(crate) fn roster_column(
    text: &str,
    kind: RosterKind,
    usual: &TimeFormat,
) -> Result<Column<RosterField>, String> {
    let Written { name, value, rest } = written(text)?;
    refuse_rest(value, rest, matches!(value, "now" | "constant"))?;
    let of_agents = kind == RosterKind::Agents;
    let field = match value {
        "acd_server" => RosterField::AcdServer,
        "agent" if of_agents => RosterField::Id,
        "queue" if !of_agents => RosterField::Id,
        "name" => RosterField::Name,
        "first_name" if of_agents => RosterField::FirstName,
        "last_name" if of_agents => RosterField::LastName,
        "login" if of_agents => RosterField::Login,
        "email" if of_agents => RosterField::Email,
        "time_zone" => RosterField::TimeZone,
        "active" => RosterField::Active,
        "inactive" => RosterField::Inactive,
        "status" => RosterField::Status,
        "now" => RosterField::Now(format_or(rest, usual)?),
        "constant" => RosterField::Constant(rest.to_owned()),
        other => {
            let own: &[&str] = if of_agents {
                &["agent", "first_name", "last_name", "login", "email"]
            } else {
                &["queue"]
            };
            let shared = [
                "acd_server",
                "name",
                "time_zone",
                "active",
                "inactive",
                "status",
                "now",
                "constant",
            ];
            let known: Vec<_> = own.iter().chain(&shared).map(ToString::to_string).collect();
            return Err(unknown(other, &known));
        }
    };
    Ok(Column {
        name: name.to_owned(),
        field,
    })
}

fn refuse_rest(value: &str, rest: &str, takes_rest: bool) -> Result<(), String> {
    if rest.is_empty() || takes_rest {
        Ok(())
    } else {
        Err(format!(
            "behind {value} stands \"{rest}\", and {value} takes nothing"
        ))
    }
}

/// Where the word of a state stands in [`ValuesContract::states`](crate::ValuesContract::states).
pub(crate) fn place(state: CalabrioState) -> usize {
    CalabrioState::ALL
        .iter()
        .position(|known| *known == state)
        .unwrap_or_default()
}
