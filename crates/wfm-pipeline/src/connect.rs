//! From the configuration and its secrets to what it takes to work for an ACD.

use std::sync::Arc;
use std::time::Duration;

use connection_check::{ClientsError, Connector, WfmClients};
use connector_config::{Config, HistoryRules, Product, Secrets};
use http_retry::Observer;
use wfm_history::{Redelivery, Report};
use wfm_state_mapping::Settings;

use crate::error::PipelineError;
use crate::policy::BATCH_ROWS;
use crate::services::{AcdServices, AdherenceServices, HistoryServices, ReportSource, Roster};

/// Of how many live tasks reservations are asked for in one resynchronisation.
const RESYNC_REQUESTS: usize = 5_000;

/// How many states a request or file has at most.
const STATE_ROWS: usize = 1_000;

/// How often the Events API is polled where nothing is pushed.
const POLL_EVENTS: Duration = Duration::from_secs(3);

/// How often it is polled where events are pushed: a subscription that tells nothing does not say so.
const POLL_PUSHED: Duration = Duration::from_secs(30);

/// Makes the clients of every ACD that has workforce management. Nothing is asked of any vendor yet, and no drop folder is touched.
///
/// Reads the file of further certificate authorities, so it blocks: call it off the runtime's threads. Each HTTP attempt is told to `observer`.
///
/// # Errors
///
/// [`PipelineError::NothingOn`] where no ACD has history or adherence on, and whatever is wrong with one of them.
pub fn connect(
    config: &Config,
    secrets: &Secrets,
    observer: Option<Arc<dyn Observer>>,
) -> Result<Vec<AcdServices>, PipelineError> {
    let mut connector = Connector::new(config)?;
    if let Some(observer) = observer {
        connector = connector.with_observer(observer);
    }
    let pushed = config.intake.of(Product::WorkforceManagement).is_some();
    let mut services = Vec::new();
    for acd in config.acds_with(Product::WorkforceManagement) {
        let own = secrets
            .acd(&acd.name)
            .ok_or_else(|| PipelineError::NoSecrets {
                acd: acd.name.clone(),
            })?;
        let Some(rules) = config.wfm_rules(acd) else {
            continue;
        };
        let clients = connector.wfm(acd, &rules, own)?;
        let drop_folder = clients.folder.as_ref().map(|folder| folder.history.clone());
        let contract = &rules.delivery.contract;
        let once = rules
            .history
            .as_ref()
            .is_some_and(|history| history.redelivery == Redelivery::Never);
        let batch_rows = match drop_folder {
            Some(_) => contract.files.rows.clamp(1, BATCH_ROWS),
            // What is in doubt after a crash is in doubt as a whole batch: it is no more than one request.
            None if once => contract.http.rows.clamp(1, BATCH_ROWS),
            None => BATCH_ROWS,
        };
        let history = match rules.history.clone().zip(clients.insights.clone()) {
            Some((rules_, insights)) => Some(HistoryServices {
                reports: sources(&rules_)?,
                insights,
                rules: rules_,
                activities: rules.activities.clone(),
                sink: Arc::clone(&clients.history),
                files: drop_folder.clone(),
                batch_rows,
                service_queue: acd.wfm.service_queue.is_some(),
            }),
            None => None,
        };
        let state_files = clients.folder.as_ref().map(|folder| folder.states.clone());
        let roster_files = clients.folder.as_ref().map(|folder| folder.roster.clone());
        let WfmClients {
            twilio,
            states,
            roster,
            calabrio,
            ..
        } = clients;
        let adherence = rules.adherence.then(|| AdherenceServices {
            activities: rules.activities.clone(),
            settings: Settings::default(),
            sink: states,
            files: state_files,
            flush: rules.state_flush,
            batch_rows: STATE_ROWS,
            max_agents: rules.max_agents,
            resync_every: rules.resync_every,
            resync_confirm: rules.resync_confirm,
            resync_requests: RESYNC_REQUESTS,
            poll_events: Some(if pushed { POLL_PUSHED } else { POLL_EVENTS }),
            pushed,
            hold_budget: if rules.hold.poll {
                rules.hold.poll_budget
            } else {
                0
            },
            hold_every: rules.hold.poll_interval,
        });
        services.push(AcdServices {
            key: acd.key(),
            name: acd.name.clone(),
            workspace: acd.twilio.workspace_sid,
            twilio,
            calabrio,
            activities: rules.activities.clone(),
            drop_folder,
            roster: Roster {
                sink: Some(roster),
                files: roster_files,
                every: rules.roster_every,
                names: rules.agent_name,
            },
            history,
            adherence,
        });
    }
    if services
        .iter()
        .all(|acd| acd.history.is_none() && acd.adherence.is_none())
    {
        return Err(PipelineError::NothingOn);
    }
    Ok(services)
}

fn sources(rules: &HistoryRules) -> Result<Vec<ReportSource>, ClientsError> {
    [Report::AgentProductivity, Report::QueueHistory]
        .into_iter()
        .map(|report| {
            let id = rules.report_id(report).parse()?;
            Ok(ReportSource::new(report, id))
        })
        .collect()
}
