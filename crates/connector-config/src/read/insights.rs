//! The section `[acd.insights]`: what pulls reports, and how they are read.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use toml::de::DeValue;
use wfm_history::{ColumnConfig, ColumnWithUnit, HistoryError, Report, ReportConfig, ReportRules};
use wfm_interval::Zone;

use super::acd::address;
use super::service::{at_most, between};
use super::within;
use crate::model::{DurationUnit, Insights, InsightsReport, Ledger, Product, Wfm};
use crate::reader::{Context, Leaf, Problem, Section, kind, nearest};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

pub(super) fn insights(
    mut section: Section<'_>,
    loopback: &[SocketAddr],
    wfm: &Wfm,
    ledger: &Ledger,
) -> Insights {
    let default = Insights::default();
    let insights = Insights {
        base_url: section.or_if("base_url", default.base_url, address(loopback)),
        username: section.optional("username"),
        password: section.optional("password"),
        project_id: id(&mut section, "project_id"),
        agent_productivity_report_id: id(&mut section, "agent_productivity_report_id"),
        queue_historical_report_id: id(&mut section, "queue_historical_report_id"),
        pull_every: section.or_if("pull_every", default.pull_every, between(MINUTE, DAY)),
        pull_back: section.or_if("pull_back", default.pull_back, between(HOUR, 30 * DAY)),
        settle: section.or_if("settle", default.settle, at_most(DAY)),
        max_open_keys: section.or_if("max_open_keys", default.max_open_keys, within(1, u32::MAX)),
        max_names: section.or_if("max_names", default.max_names, within(1, u32::MAX)),
        max_issues: section.or("max_issues", default.max_issues),
        spill_dir: section.optional("spill_dir"),
        agent_report: report(section.section("agent_report"), Report::AgentProductivity),
        queue_report: report(section.section("queue_report"), Report::QueueHistory),
    };
    for key in [
        "username",
        "password",
        "project_id",
        "agent_productivity_report_id",
        "queue_historical_report_id",
    ] {
        if wfm.history && !section.has(key) {
            section.fault_for(
                Product::WorkforceManagement,
                key,
                "is missing, and wfm.history needs it",
                "add it, or turn wfm.history off",
            );
        }
    }
    let (agent, queue) = (
        &insights.agent_productivity_report_id,
        &insights.queue_historical_report_id,
    );
    if agent.is_some() && agent == queue {
        section.fault(
            "queue_historical_report_id",
            "is the id of the other report as well",
            "write the last part of each report's own link",
        );
    }
    if insights.pull_back <= insights.settle {
        section.fault(
            "pull_back",
            "is not longer than settle, so no interval would be closed before it is out of sight",
            "make it longer, or settle shorter",
        );
    }
    let spill = insights.spill_dir.as_ref();
    if spill.is_some_and(|dir| *dir == ledger.path || *dir == ledger.wfm_path) {
        section.fault(
            "spill_dir",
            "is the file of a ledger",
            "give it a directory of its own",
        );
    }
    section.finish();
    insights
}

/// An id as it stands in links of Flex Insights.
fn id(section: &mut Section<'_>, key: &'static str) -> Option<String> {
    section.optional::<String>(key).filter(|id| {
        let fits = id.len() <= 128
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !fits {
            section.fault(
                key,
                "is not an id of letters, digits, dashes and underscores",
                "write the id alone, which is a part of the link, and not the link or a name",
            );
        }
        fits
    })
}

fn report(mut section: Section<'_>, of: Report) -> InsightsReport {
    let default = InsightsReport::default();
    let report = InsightsReport {
        columns: columns(&mut section, of),
        kinds: section.list("kinds").filter(|kinds: &Vec<String>| {
            if kinds.is_empty() {
                section.fault(
                    "kinds",
                    "is empty, so no row would count",
                    "leave it out, or name the kinds",
                );
            }
            !kinds.is_empty()
        }),
        delimiter: section
            .optional::<Delimiter>("delimiter")
            .map_or(default.delimiter, |Delimiter(delimiter)| delimiter),
        decimal: section.or("decimal", default.decimal),
        durations: section.or("durations", default.durations),
        two_parts: section.or("two_parts", default.two_parts),
        date_order: section.or("date_order", default.date_order),
        date_format: section.optional("date_format"),
        time_format: section.optional("time_format"),
        timestamp_format: section.optional("timestamp_format"),
        last_line_end: section.or("last_line_end", default.last_line_end),
    };
    // Each by itself, since the rules stop at the first fault.
    let alone = |edit: &dyn Fn(&mut ReportConfig)| {
        let mut config = ReportConfig::default();
        edit(&mut config);
        judge(of, &config)
    };
    for (key, result) in [
        (
            "date_format",
            alone(&|config| config.date_format.clone_from(&report.date_format)),
        ),
        (
            "time_format",
            alone(&|config| config.time_format.clone_from(&report.time_format)),
        ),
        (
            "timestamp_format",
            alone(&|config| {
                config.timestamp_format.clone_from(&report.timestamp_format);
            }),
        ),
        (
            "delimiter",
            alone(&|config| config.delimiter = report.delimiter),
        ),
    ] {
        if result.is_err() {
            let (what, remedy) = match key {
                "delimiter" => (
                    "cannot part fields",
                    "write one ASCII character other than a quote or a line end, such as \",\" or \";\"",
                ),
                _ => (
                    "is no form of a date or time",
                    "write it as for strftime, such as \"%Y-%m-%d\"",
                ),
            };
            section.fault(key, what, remedy);
        }
    }
    section.finish();
    report
}

fn judge(of: Report, config: &ReportConfig) -> Result<(), HistoryError> {
    ReportRules::new(of, config, Zone::UTC, "").map(drop)
}

/// The columns, each of them judged by itself and all of them together.
fn columns(section: &mut Section<'_>, of: Report) -> BTreeMap<String, ColumnConfig> {
    let mut columns = BTreeMap::new();
    for (field, place, value) in section.entries("columns") {
        let column = match column(value) {
            Ok(column) => column,
            Err(problem) => {
                section.fault_at(&place, problem.what, problem.remedy);
                continue;
            }
        };
        let alone = ReportConfig {
            columns: BTreeMap::from([(field.clone(), column.clone())]),
            ..ReportConfig::default()
        };
        let twin = columns
            .iter()
            .find(|(_, known)| name(known) == name(&column));
        match (judge(of, &alone), twin) {
            (Err(HistoryError::UnknownField { nearest, known, .. }), _) => {
                let remedy = nearest.map_or_else(
                    || format!("the fields of this report are {known}"),
                    |known| format!("did you mean {known}?"),
                );
                section.fault_at(&place, "is no field of this report", remedy);
            }
            (Err(_), _) => section.fault_at(
                &place,
                "is no duration, so it has no unit",
                "give the column's name alone",
            ),
            (Ok(()), Some((twin, _))) => section.fault_at(
                &place,
                format!("is the column of {twin} as well"),
                "name another column for one of them",
            ),
            (Ok(()), None) => {
                columns.insert(field, column);
            }
        }
    }
    columns
}

fn name(column: &ColumnConfig) -> &str {
    match column {
        ColumnConfig::Name(name) => name,
        ColumnConfig::WithUnit(column) => &column.name,
    }
}

/// `"Talk Time"`, or `{ name = "Talk Time", unit = "minutes" }`.
fn column(value: &DeValue<'_>) -> Result<ColumnConfig, Problem> {
    let way = "write the column's name, or { name = \"…\", unit = \"minutes\" }";
    let text = |value: &DeValue<'_>| match value {
        DeValue::String(text) if !text.trim().is_empty() => Ok(text.to_string()),
        DeValue::String(_) => Err(Problem::new("is empty", way)),
        other => Err(Problem::new(format!("is {}, not a text", kind(other)), way)),
    };
    let DeValue::Table(table) = value else {
        return text(value).map(ColumnConfig::Name);
    };
    for key in table.keys() {
        let key = key.get_ref().as_ref();
        if !["name", "unit"].contains(&key) {
            let remedy = nearest(key, &["name", "unit"])
                .map_or_else(|| way.to_owned(), |known| format!("did you mean {known}?"));
            return Err(Problem::new("has an unknown field", remedy));
        }
    }
    let (Some(name), Some(unit)) = (table.get("name"), table.get("unit")) else {
        return Err(Problem::new("lacks its name or its unit", way));
    };
    let name = text(name.get_ref())?;
    let unit = crate::choice::choose(
        unit.get_ref(),
        &[
            DurationUnit::Milliseconds,
            DurationUnit::Seconds,
            DurationUnit::Minutes,
            DurationUnit::Hours,
            DurationUnit::Days,
        ]
        .map(|unit| (unit.as_str(), unit)),
    )?;
    Ok(ColumnConfig::WithUnit(ColumnWithUnit {
        name,
        unit: unit.into(),
    }))
}

/// One character.
struct Delimiter(char);

impl Leaf for Delimiter {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        let mut characters = value.as_str().unwrap_or_default().chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(Self(character)),
            _ => Err(Problem::new(
                "is not one character",
                "write \",\", \";\" or \"\\t\"",
            )),
        }
    }

    fn example() -> String {
        "\",\"".to_owned()
    }
}
