//! What a pipeline of workforce management needs to know of one ACD, checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http_retry::BaseUrl;
use wfm_delivery::{AccessKind, DeliveryContract};
use wfm_history::{
    ChangeRules, HistoryError, Redelivery, Report, ReportConfig, ReportRules, Summary,
};
use wfm_interval::{Interval, Zone};
use wfm_state_mapping::{ActivityMap, ActivityMapping, ActivityRules, CalabrioState};

use crate::model::{Acd, AgentName, Config, HistoryRedelivery, Product, WfmHold, WfmTransport};

/// Everything that a pipeline of workforce management needs to know of one ACD, beside secrets. From [`Config::wfm_rules`].
#[derive(Debug, Clone)]
pub struct WfmRules {
    /// What pulls and delivers history; `None` where it is off.
    pub history: Option<HistoryRules>,
    /// Whether agents' states are delivered.
    pub adherence: bool,
    /// The mapping of activities.
    pub activities: ActivityRules,
    /// How an agent's full name splits.
    pub agent_name: AgentName,
    /// How often queues and agents are told.
    pub roster_every: Duration,
    /// How often all agents' states are read anew.
    pub resync_every: Duration,
    /// After how long they are read once more.
    pub resync_confirm: Duration,
    /// How long changes of states gather.
    pub state_flush: Duration,
    /// For how many agents there is room.
    pub max_agents: usize,
    /// How hold is polled.
    pub hold: WfmHold,
    /// The way to Calabrio.
    pub delivery: DeliveryRules,
}

/// What pulls reports, and what of them is delivered.
#[derive(Debug, Clone)]
pub struct HistoryRules {
    /// The id of the Agent Productivity report.
    pub agent_report_id: String,
    /// The id of the Queue Historical report.
    pub queue_report_id: String,
    /// How often both are pulled.
    pub pull_every: Duration,
    /// How far back a pull compares.
    pub pull_back: TimeDelta,
    /// How long after its end an interval is closed: `ChangeRules::settle`.
    pub settle: TimeDelta,
    /// What Calabrio does with a second delivery.
    pub redelivery: Redelivery,
    /// The zone of the reports.
    pub zone: Zone,
    /// Where what memory does not hold goes. The directory need not exist.
    pub spill_dir: PathBuf,
    agent: ReportConfig,
    queue: ReportConfig,
}

impl HistoryRules {
    /// The rules of a report, for a workspace with these activities: they say what time in an activity counts as. An activity
    /// that is unmapped counts by its own flag, as for adherence.
    ///
    /// # Errors
    ///
    /// None for rules from a file that was read without fault.
    pub fn report_rules(
        &self,
        report: Report,
        activities: &ActivityMap,
    ) -> Result<ReportRules, HistoryError> {
        let mut config = match report {
            Report::AgentProductivity => self.agent.clone(),
            Report::QueueHistory => self.queue.clone(),
        };
        config.activities = counted(activities);
        ReportRules::new(report, &config, self.zone, &self.spill_dir)
    }

    /// The rules by which a pull at `now` is compared with what was delivered.
    ///
    /// It covers what it shows of the last `pull_back`. A report that begins later than that, because its own filter is
    /// shorter, takes nothing back of what it never was to show.
    pub fn change_rules(&self, summary: &Summary, now: DateTime<Utc>) -> ChangeRules {
        let back = now.checked_sub_signed(self.pull_back).unwrap_or(now);
        let back = Interval::containing(back);
        let first = summary.first.map_or(back, |first| first.max(back));
        let end = summary
            .last
            .map_or(Interval::containing(now), Interval::next);
        ChangeRules {
            redelivery: self.redelivery,
            settle: self.settle,
            covered: Some(first..end.max(first)),
            told: None,
            refused_again: false,
        }
    }

    /// What parts the fields of a report.
    pub fn delimiter(&self, report: Report) -> u8 {
        let config = match report {
            Report::AgentProductivity => &self.agent,
            Report::QueueHistory => &self.queue,
        };
        u8::try_from(config.delimiter).unwrap_or(b',')
    }

    /// The id of a report.
    pub fn report_id(&self, report: Report) -> &str {
        match report {
            Report::AgentProductivity => &self.agent_report_id,
            Report::QueueHistory => &self.queue_report_id,
        }
    }
}

fn counted(activities: &ActivityMap) -> BTreeMap<String, wfm_history::ActivityState> {
    let lines = activities.report().activities.into_iter();
    lines
        .filter_map(|line| {
            use wfm_history::ActivityState as State;
            let state = match line.state? {
                CalabrioState::Logout => State::Logout,
                CalabrioState::NotReady => State::NotReady,
                CalabrioState::Ready => State::Ready,
                CalabrioState::WorkNotReady => State::WorkNotReady,
                CalabrioState::WorkReady => State::WorkReady,
                // No activity is either.
                CalabrioState::Hold | CalabrioState::Talking => return None,
            };
            Some((line.name, state))
        })
        .collect()
}

/// The way to Calabrio.
#[derive(Debug, Clone)]
pub struct DeliveryRules {
    /// Files or HTTP.
    pub way: WayToWfm,
    /// The contract, with the overrides of the file and the name of the service queue.
    pub contract: DeliveryContract,
    /// The number of the ACD at Calabrio.
    pub acd_server: u32,
    /// The zone of the ACD.
    pub zone: Zone,
}

/// Files or HTTP.
#[derive(Debug, Clone)]
pub enum WayToWfm {
    /// Whole files.
    Files {
        /// The drop folder.
        folder: PathBuf,
    },
    /// JSON over HTTP.
    Http {
        /// Where the endpoint answers.
        base_url: BaseUrl,
        /// How it knows the connector.
        access: WfmAccess,
        /// How long a request may take, all its attempts together.
        deadline: Duration,
    },
}

/// How the endpoint knows the connector; the secrets stand in [`AcdSecrets`](crate::AcdSecrets).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WfmAccess {
    /// By the session of the service account at Calabrio ONE, with `calabrio_password`.
    Session,
    /// It does not ask.
    Open,
    /// By user name, with `wfm_password`, or where that is not set, `calabrio_password`.
    Basic {
        /// The user.
        username: String,
    },
    /// By `wfm_token`, as `Authorization: Bearer`.
    Bearer,
    /// By `wfm_token`, in this header.
    Header {
        /// The header.
        name: String,
    },
}

impl Config {
    /// The rules of workforce management for an ACD. `None` where the product is off for it, or where something that it needs
    /// is missing because the file was read for the other product.
    pub fn wfm_rules(&self, acd: &Acd) -> Option<WfmRules> {
        if !acd.products.has(Product::WorkforceManagement) {
            return None;
        }
        let wfm = &acd.wfm;
        let mappings: Vec<_> = wfm
            .activities
            .iter()
            .map(|activity| ActivityMapping {
                activity: activity.activity.clone(),
                state: activity.state.as_str().to_owned(),
                state_reason_code: activity.state_reason_code,
            })
            .collect();
        Some(WfmRules {
            history: if wfm.history {
                Some(self.history_rules(acd)?)
            } else {
                None
            },
            adherence: wfm.adherence,
            activities: ActivityRules::new(&mappings).ok()?,
            agent_name: acd.agent_name,
            roster_every: wfm.roster_every,
            resync_every: wfm.resync_every,
            resync_confirm: wfm.resync_confirm,
            state_flush: wfm.state_flush.unwrap_or(match wfm.transport {
                // A file for each delivery: some a second are many.
                Some(WfmTransport::Files) => Duration::from_secs(1),
                _ => Duration::from_millis(20),
            }),
            max_agents: usize::try_from(wfm.max_agents).ok()?,
            hold: wfm.hold,
            delivery: delivery(acd)?,
        })
    }

    fn history_rules(&self, acd: &Acd) -> Option<HistoryRules> {
        let from = &acd.insights;
        let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let bounded = |config: ReportConfig| ReportConfig {
            max_open_keys: size(from.max_open_keys),
            max_names: size(from.max_names),
            max_issues: size(from.max_issues),
            ..config
        };
        Some(HistoryRules {
            agent_report_id: from.agent_productivity_report_id.clone()?,
            queue_report_id: from.queue_historical_report_id.clone()?,
            pull_every: from.pull_every,
            pull_back: TimeDelta::from_std(from.pull_back).ok()?,
            settle: TimeDelta::from_std(from.settle).ok()?,
            redelivery: match acd.wfm.history_redelivery {
                HistoryRedelivery::Replace => Redelivery::Replace,
                HistoryRedelivery::Never => Redelivery::Never,
            },
            zone: acd.time_zone,
            spill_dir: acd.spill_dir(&self.ledger),
            agent: ReportConfig {
                service_queue: acd.wfm.service_queue.is_some(),
                ..bounded(from.agent_report.config())
            },
            queue: bounded(from.queue_report.config()),
        })
    }
}

fn delivery(acd: &Acd) -> Option<DeliveryRules> {
    let wfm = &acd.wfm;
    let mut contract: DeliveryContract = serde_json::from_value(wfm.contract.clone()).ok()?;
    // The name on the vendor's page, unless the wire wants another.
    let overridden = wfm.contract.pointer("/values/service_queue").is_some();
    if let Some(queue) = wfm.service_queue.as_ref().filter(|_| !overridden) {
        contract.values.service_queue.clone_from(queue);
    }
    let way = match wfm.transport? {
        WfmTransport::Files => WayToWfm::Files {
            folder: wfm.files.folder.clone()?,
        },
        WfmTransport::Http => WayToWfm::Http {
            base_url: wfm
                .http
                .base_url
                .clone()
                .unwrap_or_else(|| acd.calabrio.base_url.clone()),
            access: match contract.http.access {
                AccessKind::Session => WfmAccess::Session,
                AccessKind::Open => WfmAccess::Open,
                AccessKind::Basic => WfmAccess::Basic {
                    username: wfm
                        .http
                        .username
                        .clone()
                        .unwrap_or_else(|| acd.calabrio.username.clone()),
                },
                AccessKind::Bearer => WfmAccess::Bearer,
                AccessKind::Header => WfmAccess::Header {
                    name: contract.http.access_header.clone(),
                },
            },
            deadline: wfm.http.deadline,
        },
    };
    Some(DeliveryRules {
        way,
        contract,
        acd_server: acd.calabrio.acd_server_id?,
        zone: acd.time_zone,
    })
}
