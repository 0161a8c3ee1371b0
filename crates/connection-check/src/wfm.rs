//! The questions of workforce management: activities, Flex Insights, and the way to Calabrio.

use std::time::Duration;

use connector_config::{Acd, HistoryRules, WfmRules};
use flex_insights_client::{
    Concern, EmptyReport, FlexInsightsClient, InsightsError, Report as Content, ReportId,
};
use twilio_client::TwilioClient;
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_delivery::DeliveryError;
use wfm_history::{History, HistoryError, Report, ReportRules, Resolution, Resolver, RowFault};
use wfm_state_mapping::{ActivityMap, ActivityReport, MappedBy, WorkspaceActivity};

use crate::report::{CheckReport, Question, Rows};
use crate::run::{CheckSettings, within};
use crate::twilio::refused;
use crate::wfm_clients::WfmClients;

/// The questions of workforce management about one ACD. Nothing is changed at Twilio, and nothing is delivered to Calabrio.
pub async fn check_wfm(
    acd: &Acd,
    rules: &WfmRules,
    clients: &WfmClients,
    settings: &CheckSettings,
) -> CheckReport {
    let mut rows = Rows::new(Some(&acd.name));
    let deadline = settings.deadline;
    let map = activities(&mut rows, acd, rules, &clients.twilio, deadline).await;
    if let (Some(history), Some(insights)) = (&rules.history, &clients.insights) {
        Box::pin(flex_insights(&mut rows, history, insights, &map, deadline)).await;
    }
    transport(&mut rows, rules, clients, deadline).await;
    CheckReport { rows: rows.rows }
}

/// The workspace's activities against the mapping. Empty where they could not be listed.
async fn activities(
    rows: &mut Rows,
    acd: &Acd,
    rules: &WfmRules,
    twilio: &TwilioClient,
    deadline: Duration,
) -> ActivityMap {
    let question = Question::Activities;
    let workspace = twilio.taskrouter(acd.twilio.workspace_sid);
    let listed = within(deadline, workspace.activities().all()).await;
    let listed = match listed {
        Ok(Ok(listed)) => listed.items,
        Ok(Err(error)) => {
            refused(rows, question, &error);
            return ActivityMap::default();
        }
        Err(late) => {
            let remedy = "check that this machine reaches taskrouter.twilio.com";
            rows.fail(question, late, remedy);
            return ActivityMap::default();
        }
    };
    let activities: Vec<_> = listed
        .into_iter()
        .map(|activity| WorkspaceActivity {
            sid: activity.sid,
            name: activity.friendly_name,
            available: activity.available,
        })
        .collect();
    // Where it cannot be told, one that is called Offline is taken for it.
    let flex = within(deadline, twilio.flex_configuration()).await;
    let offline = flex
        .ok()
        .and_then(Result::ok)
        .and_then(|flex| flex.offline_activity);
    let faults = rules.activities.validate(&activities);
    let names: Vec<_> = activities
        .iter()
        .map(|activity| activity.name.as_str())
        .collect();
    let remedy = format!(
        "correct it under [[acd.wfm.activity]]; the workspace has {}",
        names.join(", ")
    );
    for fault in &faults {
        rows.fail(question, format!("wfm.activity: {fault}"), remedy.clone());
    }
    let map = ActivityMap::new(rules.activities.clone(), activities, offline);
    mapped(rows, &map.report(), faults.is_empty());
    map
}

fn mapped(rows: &mut Rows, report: &ActivityReport, sound: bool) {
    let question = Question::Activities;
    let named = |wanted: &dyn Fn(MappedBy) -> bool| {
        let lines = report.activities.iter().filter(|line| wanted(line.by));
        let shown: Vec<_> = lines
            .map(|line| match line.state {
                Some(state) => format!("{} is {state}", line.name),
                None => line.name.clone(),
            })
            .collect();
        shown.join(", ")
    };
    let undecided = named(&|by| by == MappedBy::Nothing);
    if !undecided.is_empty() {
        rows.warn(
            question,
            format!("nothing says what these activities are: {undecided}"),
            "map them under [[acd.wfm.activity]]",
        );
    }
    for line in &report.activities {
        if line.reason_code_impossible {
            rows.warn(
                question,
                format!("no reason code can be made of the name {:?}", line.name),
                "rename the activity in Flex, or turn its state_reason_code off: a number must be 1 to 65535",
            );
        }
    }
    if sound && undecided.is_empty() {
        let by_mapping = report
            .activities
            .iter()
            .filter(|line| matches!(line.by, MappedBy::Mapping(_)))
            .count();
        let unmapped = named(&|by| !matches!(by, MappedBy::Mapping(_)));
        let rest = if unmapped.is_empty() {
            "none is unmapped".to_owned()
        } else {
            format!("unmapped, and so by themselves: {unmapped}")
        };
        rows.ok(
            question,
            format!(
                "{by_mapping} of {} activities are mapped; {rest}",
                report.activities.len()
            ),
        );
    }
}

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

async fn flex_insights(
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
    let read = history
        .push(&found.bytes)
        .and_then(|()| history.finish().map(|(summary, _)| summary));
    let summary = match read {
        Ok(summary) => summary,
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
    } else {
        rows.ok(
            question,
            format!("its columns are there, and {looked} {count} rows can be read"),
        );
    }
}

async fn transport(rows: &mut Rows, rules: &WfmRules, clients: &WfmClients, deadline: Duration) {
    let question = Question::WfmTransport;
    if let Some(folder) = &clients.folder {
        let path = folder.path.clone();
        let probing = tokio::task::spawn_blocking(move || wfm_delivery::probe_folder(&path));
        match within(deadline, probing).await {
            Ok(Ok(Ok(()))) => rows.ok(
                question,
                format!("files can be written to {}", folder.path.display()),
            ),
            Ok(Ok(Err(error))) => rows.fail(
                question,
                error.to_string(),
                "correct folder under [acd.wfm.files], or let the service's user write there",
            ),
            Ok(Err(_)) => rows.fail(
                question,
                "the drop folder could not be looked at: internal error",
                "please report it",
            ),
            Err(late) => rows.fail(
                question,
                format!("the drop folder {}: {late}", folder.path.display()),
                "check that its file server answers",
            ),
        }
    }
    let Some(endpoint) = &clients.endpoint else {
        return;
    };
    // The session is the check's own; one that stays open ends by itself.
    let probed = endpoint.probe(deadline).await;
    if let Some(calabrio) = &clients.calabrio {
        let _ = within(deadline, calabrio.logout()).await;
    }
    let mut answered = 0_usize;
    for probed in probed {
        let wanted = match probed.setting {
            "agent_http.path" | "queue_http.path" => rules.history.is_some(),
            "state_http.path" => rules.adherence,
            _ => true,
        };
        if !wanted {
            continue;
        }
        let (setting, path) = (probed.setting, &probed.path);
        match probed.status {
            Ok(status @ (401 | 403)) => rows.fail(
                question,
                format!("{path} refuses the credentials with status {status}"),
                "check username and password, or token, under [acd.wfm.http], and access under [acd.wfm.contract.http]",
            ),
            Ok(404) => rows.warn(
                question,
                format!("nothing answers at {path} to a question that delivers nothing (status 404)"),
                format!("see that {setting} under [acd.wfm.contract] is right; only a delivery tells for certain"),
            ),
            Ok(status @ 300..=399) => rows.fail(
                question,
                format!("{path} answers with a redirect (status {status}), which is not followed"),
                "correct base_url under [acd.wfm.http]",
            ),
            Ok(status @ 500..) => rows.warn(
                question,
                format!("{path} answers with status {status}"),
                "try again; if it stays, ask Calabrio",
            ),
            Ok(_) => answered += 1,
            Err(error) => {
                // The same host: the others would say the same.
                rows.fail(question, error.to_string(), unreached(&error));
                return;
            }
        }
    }
    if answered > 0 {
        rows.ok(
            question,
            format!(
                "{} answers at {answered} paths; only a delivery tells that it takes rows",
                endpoint.base()
            ),
        );
    }
}

fn unreached(error: &DeliveryError) -> &'static str {
    match error {
        DeliveryError::NoSession { .. } => {
            "check username, password and base_url under [acd.calabrio], or access under [acd.wfm.contract.http]"
        }
        DeliveryError::Deadline { .. } => {
            "check base_url under [acd.wfm.http], and that nothing on the way swallows requests"
        }
        _ => "check base_url under [acd.wfm.http], and that this machine reaches it",
    }
}
