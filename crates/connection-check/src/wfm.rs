//! The questions of workforce management: activities, and the way to Calabrio. Those to Flex Insights stand in `insights`.

use std::time::Duration;

use connector_config::{Acd, WfmRules};
use twilio_client::TwilioClient;
use wfm_delivery::DeliveryError;
use wfm_state_mapping::{ActivityMap, ActivityReport, MappedBy, WorkspaceActivity};

use crate::insights;
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
    if let (Some(history), Some(client)) = (&rules.history, &clients.insights) {
        Box::pin(insights::check(&mut rows, history, client, &map, deadline)).await;
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
