//! The clients and sinks of workforce management, made in the same way for a check and for the work.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use calabrio_client::CalabrioClient;
use chrono::Utc;
use connector_config::{Acd, AcdSecrets, DeliveryRules, WayToWfm, WfmAccess, WfmRules};
use flex_insights_client::{FlexInsightsClient, InsightsSettings};
use http_retry::{BaseUrl, ConcurrencyLimit, HttpClient};
use secrecy::SecretString;
use twilio_client::TwilioClient;
use wfm_delivery::{
    DeliveryContract, HistoryFiles, HistoryHttp, HistorySink, HttpAccess, NoSession, Opening,
    Probed, RosterFiles, RosterHttp, RosterSink, SessionCookie, Sessions, StateFiles, StateHttp,
    StateSink,
};
use wfm_history::Redelivery;

use crate::clients::{ClientsError, Connector};

/// The calls to Flex Insights at a time. It allows a user 50; both reports are pulled beside each other, and tokens fetched.
const INSIGHTS_IN_FLIGHT: usize = 4;

/// What a pipeline of workforce management works with, for one ACD.
#[derive(Clone)]
pub struct WfmClients {
    /// Twilio, for the ACD's account.
    pub twilio: TwilioClient,
    /// Flex Insights; `None` where history is off.
    pub insights: Option<FlexInsightsClient>,
    /// Takes intervals.
    pub history: Arc<dyn HistorySink>,
    /// Takes states. Over HTTP it has slots of its own, so that no state waits behind history.
    pub states: Arc<dyn StateSink>,
    /// Takes agents and queues.
    pub roster: Arc<dyn RosterSink>,
    /// The drop folder, where the transport is files: the same sinks, by what only files can do.
    pub folder: Option<DropFolder>,
    /// The endpoint, where the transport is HTTP.
    pub endpoint: Option<WfmEndpoint>,
    /// Whose session the endpoint is told, where that is the way: to be logged out at the end.
    pub calabrio: Option<CalabrioClient>,
}

impl std::fmt::Debug for WfmClients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WfmClients")
            .field("twilio", &self.twilio.account())
            .field("insights", &self.insights)
            .field("folder", &self.folder.as_ref().map(|folder| &folder.path))
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// A drop folder: what is to be swept at the start, and whose files have fates.
#[derive(Debug, Clone)]
pub struct DropFolder {
    /// Where it is.
    pub path: PathBuf,
    /// Files of intervals.
    pub history: HistoryFiles,
    /// Files of states.
    pub states: StateFiles,
    /// Files of agents and queues.
    pub roster: RosterFiles,
}

/// The endpoint of workforce management.
#[derive(Debug, Clone)]
pub struct WfmEndpoint {
    http: HttpClient,
    base: BaseUrl,
    access: HttpAccess,
    contract: DeliveryContract,
}

impl WfmEndpoint {
    /// Where it answers.
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Asks each path of the contract, and delivers nothing.
    pub async fn probe(&self, deadline: Duration) -> Vec<Probed> {
        wfm_delivery::probe(
            &self.http,
            &self.base,
            &self.access,
            &self.contract,
            deadline,
        )
        .await
    }
}

impl Connector {
    /// The clients and sinks of workforce management for one ACD. `rules` are from `Config::wfm_rules`. Nothing is sent and nothing is written yet.
    pub fn wfm(
        &mut self,
        acd: &Acd,
        rules: &WfmRules,
        secrets: &AcdSecrets,
    ) -> Result<WfmClients, ClientsError> {
        let twilio = self.twilio(acd, secrets)?;
        let insights = if rules.history.is_some() {
            Some(self.insights(acd, secrets)?)
        } else {
            None
        };
        let mut calabrio = None;
        let ways = match &rules.delivery.way {
            WayToWfm::Files { folder } => over_files(folder, &rules.delivery)?,
            WayToWfm::Http {
                base_url,
                access,
                deadline,
            } => {
                if *access == WfmAccess::Session {
                    // No state waits for its session behind history.
                    calabrio = Some(self.calabrio(acd, secrets, true)?);
                }
                let access = self::access(acd, access, secrets, calabrio.clone())?;
                self.over_http(acd, rules, base_url, access, *deadline)?
            }
        };
        Ok(WfmClients {
            twilio,
            insights,
            history: ways.history,
            states: ways.states,
            roster: ways.roster,
            folder: ways.folder,
            endpoint: ways.endpoint,
            calabrio,
        })
    }

    fn over_http(
        &mut self,
        acd: &Acd,
        rules: &WfmRules,
        base: &BaseUrl,
        access: HttpAccess,
        deadline: Duration,
    ) -> Result<Ways, ClientsError> {
        let tenant = acd.key().tenant;
        let limit = self.tenant_limit(&tenant);
        let http = self.calabrio_http(limit)?;
        let limit = self.urgent_limit(&tenant);
        let once = self.calabrio_once(limit)?;
        let contract = &rules.delivery.contract;
        let (server, zone) = (rules.delivery.acd_server, rules.delivery.zone);
        let history = rules.history.as_ref();
        let redelivery = history.map_or(Redelivery::Replace, |history| history.redelivery);
        Ok(Ways {
            history: Arc::new(HistoryHttp::new(
                http.clone(),
                base,
                access.clone(),
                contract,
                server,
                zone,
                redelivery,
                deadline,
            )?),
            states: Arc::new(StateHttp::new(
                once,
                base,
                access.clone(),
                contract,
                server,
                zone,
                deadline,
            )?),
            roster: Arc::new(RosterHttp::new(
                http.clone(),
                base,
                access.clone(),
                contract,
                server,
                zone,
                deadline,
            )?),
            folder: None,
            endpoint: Some(WfmEndpoint {
                http,
                base: base.clone(),
                access,
                contract: contract.clone(),
            }),
        })
    }

    fn insights(
        &self,
        acd: &Acd,
        secrets: &AcdSecrets,
    ) -> Result<FlexInsightsClient, ClientsError> {
        let no_wfm = || ClientsError::NoWfm {
            acd: acd.name.clone(),
        };
        let from = &acd.insights;
        let password =
            secrets
                .insights_password
                .clone()
                .ok_or_else(|| ClientsError::SecretMissing {
                    acd: acd.name.clone(),
                    what: "password of Flex Insights",
                })?;
        let mut settings = InsightsSettings::new(
            from.username.clone().ok_or_else(no_wfm)?,
            password,
            from.project_id.as_deref().ok_or_else(no_wfm)?.parse()?,
            Utc::now,
            rand::random,
        );
        settings.base = from.base_url.clone();
        let http = HttpClient::builder().limit(ConcurrencyLimit::new(INSIGHTS_IN_FLIGHT));
        Ok(FlexInsightsClient::new(settings, self.finish(http)?)?)
    }
}

/// The session of the service account, for the endpoint.
struct CalabrioSessions(CalabrioClient);

impl Sessions for CalabrioSessions {
    fn session<'a>(&'a self, ended: Option<&'a SessionCookie>) -> Opening<'a> {
        Box::pin(async move {
            let ended = ended.map(SessionCookie::number);
            match self.0.session(ended).await {
                Ok(open) => Ok(SessionCookie::new(open.number(), open.cookie().clone())),
                Err(error) => Err(NoSession {
                    refused: error.is_authentication(),
                    source: Box::new(error),
                }),
            }
        })
    }
}

/// The sinks of one transport.
struct Ways {
    history: Arc<dyn HistorySink>,
    states: Arc<dyn StateSink>,
    roster: Arc<dyn RosterSink>,
    folder: Option<DropFolder>,
    endpoint: Option<WfmEndpoint>,
}

fn over_files(path: &Path, rules: &DeliveryRules) -> Result<Ways, ClientsError> {
    let (contract, server, zone) = (&rules.contract, rules.acd_server, rules.zone);
    let folder = DropFolder {
        history: HistoryFiles::new(path, contract, server, zone)?,
        states: StateFiles::new(path, contract, server, zone)?,
        roster: RosterFiles::new(path, contract, server, zone)?,
        path: path.to_owned(),
    };
    Ok(Ways {
        history: Arc::new(folder.history.clone()),
        states: Arc::new(folder.states.clone()),
        roster: Arc::new(folder.roster.clone()),
        folder: Some(folder),
        endpoint: None,
    })
}

fn access(
    acd: &Acd,
    access: &WfmAccess,
    secrets: &AcdSecrets,
    calabrio: Option<CalabrioClient>,
) -> Result<HttpAccess, ClientsError> {
    let token = || -> Result<SecretString, ClientsError> {
        secrets
            .wfm_token
            .clone()
            .ok_or_else(|| ClientsError::SecretMissing {
                acd: acd.name.clone(),
                what: "token of the endpoint of workforce management",
            })
    };
    Ok(match access {
        WfmAccess::Session => match calabrio {
            Some(client) => HttpAccess::Session(Arc::new(CalabrioSessions(client))),
            None => {
                return Err(ClientsError::NoWfm {
                    acd: acd.name.clone(),
                });
            }
        },
        WfmAccess::Open => HttpAccess::Open,
        WfmAccess::Basic { username } => HttpAccess::Basic {
            user: username.clone(),
            password: secrets
                .wfm_password
                .clone()
                .unwrap_or_else(|| secrets.calabrio_password.clone()),
        },
        WfmAccess::Bearer => HttpAccess::Bearer(token()?),
        WfmAccess::Header { name } => HttpAccess::Header {
            name: name.clone(),
            value: token()?,
        },
    })
}
