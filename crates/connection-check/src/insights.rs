//! The questions to Flex Insights: the login, and whether both reports can be read.

use std::time::Duration;

use connector_config::HistoryRules;
use flex_insights_client::{
    Concern, EmptyReport, FlexInsightsClient, InsightsError, Report as Content, ReportId,
};
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_history::{
    History, HistoryError, Item, Report, ReportRules, Resolution, Resolver, RowFault,
};
use wfm_state_mapping::ActivityMap;

use crate::report::{Question, Rows};
use crate::run::within;

/// The setting to look at.
fn insights_remedy(error: &InsightsError, report: Option<Report>) -> &'static str {
    match (error.concern(), report) {
        (Some(Concern::Credentials), _) => "check username and password under [acd.insights]",
        (Some(Concern::Project), _) => "check project_id under [acd.insights]",
        (Some(Concern::Report), Some(Report::AgentProductivity)) => {
            "check agent_productivity_report_id and project_id under [acd.insights]"
        }
        (Some(Concern::Report), _) => {
            "check queue_historical_report_id and project_id under [acd.insights]"
        }
        (Some(Concern::Base), _) => "check base_url under [acd.insights]",
        _ => "check that this machine reaches the host of insights.base_url, then try again",
    }
}

pub(crate) async fn check(
    rows: &mut Rows,
    rules: &HistoryRules,
    insights: &FlexInsightsClient,
    map: &ActivityMap,
    deadline: Duration,
) {
    let questions = [
        (Question::AgentReport, Report::AgentProductivity),
        (Question::QueueReport, Report::QueueHistory),
    ];
    let why = match within(deadline, insights.login()).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some((error.to_string(), insights_remedy(&error, None))),
        Err(late) => Some((late, "check that this machine reaches insights.base_url")),
    };
    if let Some((detail, remedy)) = why {
        rows.fail(Question::InsightsLogin, detail, remedy);
        for (question, _) in questions {
            rows.skip(question, "Flex Insights could not be asked");
        }
        return;
    }
    rows.ok(
        Question::InsightsLogin,
        format!(
            "Flex Insights accepts the user for project {}",
            insights.settings().project
        ),
    );
    // Both are computed at the same time, and told in their order.
    let first = |of: Report| async move {
        let id: ReportId = rules.report_id(of).parse()?;
        beginning(insights, &id).await
    };
    let (agent, queue) = tokio::join!(
        within(deadline, first(Report::AgentProductivity)),
        within(deadline, first(Report::QueueHistory)),
    );
    for ((question, of), found) in questions.into_iter().zip([agent, queue]) {
        match found {
            Ok(Ok(found)) => match rules.report_rules(of, map) {
                Ok(rules) => columns(rows, question, rules, &found),
                Err(error) => rows.fail(
                    question,
                    error.to_string(),
                    "correct the setting that it names",
                ),
            },
            Ok(Err(error)) => {
                rows.fail(
                    question,
                    error.to_string(),
                    insights_remedy(&error, Some(of)),
                );
            }
            // The vendor takes its time to compute; the work waits much longer.
            Err(late) => rows.warn(
                question,
                format!("{late}, so its columns were not seen"),
                "try again; let the report cover fewer days if it stays so",
            ),
        }
    }
    // The login is the check's own; one that stays open ends by itself.
    let _ = within(deadline, insights.logout()).await;
}

/// The first bytes of a report, up to a line end.
struct Beginning {
    bytes: Vec<u8>,
    /// Whether these are the whole report.
    whole: bool,
}

/// How much of a report is looked at.
const LOOKED_AT: usize = 128 * 1024;

async fn beginning(
    insights: &FlexInsightsClient,
    id: &ReportId,
) -> Result<Beginning, InsightsError> {
    let mut bytes = Vec::new();
    let mut stream = match insights.report(id).await? {
        Content::Rows(stream) => stream,
        Content::Empty(empty) => {
            if let EmptyReport::HeaderOnly(header) = empty {
                bytes.extend_from_slice(&header);
            }
            return Ok(Beginning { bytes, whole: true });
        }
    };
    while let Some(chunk) = stream.next_chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= LOOKED_AT {
            let end = bytes.iter().rposition(|byte| *byte == b'\n');
            bytes.truncate(end.map_or(bytes.len(), |end| end + 1));
            return Ok(Beginning {
                bytes,
                whole: false,
            });
        }
    }
    Ok(Beginning { bytes, whole: true })
}

/// Knows nobody: who the rows are of is not the question.
struct Nobody;

impl Resolver for Nobody {
    fn agent(&self, _: &str) -> Resolution<WorkerSid> {
        Resolution::Unknown
    }

    fn queue(&self, _: &str) -> Resolution<TaskQueueSid> {
        Resolution::Unknown
    }

    fn has_agent(&self, _: &WorkerSid) -> bool {
        false
    }

    fn has_queue(&self, _: &TaskQueueSid) -> bool {
        false
    }
}

fn columns(rows: &mut Rows, question: Question, rules: ReportRules, found: &Beginning) {
    let table = match rules.report() {
        Report::AgentProductivity => "agent_report",
        Report::QueueHistory => "queue_report",
    };
    if found.bytes.is_empty() {
        return rows.warn(
            question,
            "the report has neither rows nor a header, so its columns were not seen",
            "check its filters in Flex Insights, and try again once the workspace has worked for an hour",
        );
    }
    let mut history = History::new(rules, Nobody);
    let read = history.push(&found.bytes).and_then(|()| {
        let (summary, mut intervals) = history.finish()?;
        let mut not_workload = None;
        for item in intervals.by_ref() {
            if let Item::NotWorkload(refused) = item? {
                not_workload.get_or_insert_with(|| refused.to_string());
            }
        }
        let without_queue = intervals.tally().without_queue.intervals;
        Ok((summary, not_workload, without_queue))
    });
    let (summary, not_workload, without_queue) = match read {
        Ok(read) => read,
        Err(error) => {
            let remedy = match error {
                HistoryError::MissingColumn { .. } | HistoryError::DuplicateColumn { .. } => {
                    format!(
                        "its settings are [acd.insights.{table}.columns]; sync-wfm reports preview proposes them"
                    )
                }
                _ => format!("correct the form of the report under [acd.insights.{table}]"),
            };
            return rows.fail(question, error.to_string(), remedy);
        }
    };
    // Where only the beginning was read, its last row may be half of one.
    let issue = summary
        .issues
        .listed
        .iter()
        .find(|issue| found.whole || issue.fault != RowFault::CutShort);
    let looked = if found.whole { "all" } else { "the first" };
    let count = summary.rows;
    if let Some(issue) = issue {
        rows.warn(
            question,
            format!(
                "its columns are there, but {} of {looked} {count} rows cannot be read; {issue}",
                summary.issues.total
            ),
            format!("correct the form of the report under [acd.insights.{table}]"),
        );
    } else if summary.rows == 0 {
        rows.warn(
            question,
            "its columns are there, and it has no rows",
            "check its filters in Flex Insights, if the workspace has worked",
        );
    } else if summary.counted == 0 {
        let kinds: Vec<_> = summary
            .kinds_filtered
            .iter()
            .map(|kind| format!("{:?}", kind.word))
            .collect();
        rows.warn(
            question,
            format!(
                "its columns are there, but none of {looked} {count} rows counts: their kinds are {}",
                kinds.join(", ")
            ),
            format!("name the kinds that count as kinds under [acd.insights.{table}]"),
        );
    } else if let Some(sentence) = not_workload {
        rows.fail(
            question,
            format!("its columns are there, but {sentence}"),
            "build the report on the workload reporting data set; until then its intervals are wrong",
        );
    } else if without_queue > 0 {
        rows.warn(
            question,
            format!(
                "its columns are there, but of {looked} {count} rows some name no queue, as those of time in activities do: {without_queue} intervals of \
                 agents would not be delivered"
            ),
            "set service_queue under [acd.wfm]",
        );
    } else {
        rows.ok(
            question,
            format!("its columns are there, and {looked} {count} rows can be read"),
        );
    }
}
