//! The clients of an ACD, made in the same way for a check and for the work: what was checked is what runs.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use calabrio_client::{CalabrioClient, CalabrioError, CalabrioSettings, Contract};
use connector_config::{Acd, AcdSecrets, Config, TwilioCredentials};
use contact_model::TenantKey;
use http_retry::{
    ConcurrencyLimit, HttpClient, HttpClientBuilder, Observer, Origin, RetryPolicy, RetrySettings,
    SetupError,
};
use twilio_client::{Credentials, Endpoints, TwilioClient, TwilioError, TwilioSettings};
use twilio_sid::AccountSid;

/// Why the clients of an ACD cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientsError {
    /// The file with further certificate authorities cannot be read.
    #[error("tls.extra_ca_file: the file {} cannot be read: {source}", path.display())]
    ExtraCa {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An override of the Calabrio contract is unknown or of the wrong kind.
    #[error("calabrio.contract: {0}; the keys and their kinds stand in docs/calabrio-contract.md")]
    Contract(serde_json::Error),
    /// A secret that the configuration refers to is not among the secrets.
    #[error(
        "the secrets of the ACD {acd} have no {what}: resolve them from the same configuration"
    )]
    SecretMissing {
        /// The ACD.
        acd: String,
        /// Which secret.
        what: &'static str,
    },
    /// The way to classic WFM cannot be set up.
    #[error(transparent)]
    Wfm(#[from] wfm_delivery::DeliveryError),
    /// The client of Flex Insights cannot be set up.
    #[error(transparent)]
    Insights(#[from] flex_insights_client::InsightsError),
    /// Something that workforce management needs is not in the configuration.
    #[error(
        "the ACD {acd} has no rules for workforce management: read the configuration for that product"
    )]
    NoWfm {
        /// The ACD.
        acd: String,
    },
    /// The HTTP client cannot be set up.
    #[error(transparent)]
    Http(#[from] SetupError),
    /// The Twilio client cannot be set up.
    #[error(transparent)]
    Twilio(#[from] TwilioError),
    /// The Calabrio client cannot be set up: a setting of the contract cannot work, say.
    #[error(transparent)]
    Calabrio(#[from] CalabrioError),
}

/// The clients of one ACD.
#[derive(Clone)]
pub struct Clients {
    /// Twilio, for the ACD's account.
    pub twilio: TwilioClient,
    /// Calabrio ONE, for the ACD's tenant and as its service account.
    pub calabrio: CalabrioClient,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients")
            .field("twilio", &self.twilio.account())
            .field("calabrio", &self.calabrio)
            .finish()
    }
}

/// Makes clients from a configuration. ACDs of one account share its limit of requests in flight, and so do those of one tenant.
pub struct Connector {
    extra_ca: Option<Vec<u8>>,
    media_origins: Vec<Origin>,
    twilio_in_flight: usize,
    calabrio_in_flight: usize,
    accounts: HashMap<AccountSid, ConcurrencyLimit>,
    tenants: HashMap<TenantKey, ConcurrencyLimit>,
    /// What cannot wait behind uploads has slots of its own.
    urgent: HashMap<TenantKey, ConcurrencyLimit>,
    observer: Option<Arc<dyn Observer>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("accounts", &self.accounts.len())
            .field("tenants", &self.tenants.len())
            .finish_non_exhaustive()
    }
}

/// How many messages for screen recording are on their way at a time, beside what `limits.calabrio_in_flight` counts. They are
/// small and answered at once; hundreds of agents make some ten a second.
const URGENT_IN_FLIGHT: usize = 2;

/// The longest `Retry-After` of Calabrio ONE that one call waits for.
const LONGEST_RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(15);

impl Connector {
    /// Reads what all clients share. Reads a file: at the start of the process, or off the runtime's threads.
    pub fn new(config: &Config) -> Result<Self, ClientsError> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|source| ClientsError::ExtraCa {
                path: path.clone(),
                source,
            })
        };
        Ok(Self {
            extra_ca: config.tls.extra_ca_file.as_ref().map(read).transpose()?,
            // A simulator may redirect downloads of media to any of the addresses that the file allows.
            media_origins: config
                .tls
                .allow_http_loopback
                .iter()
                .filter_map(|address| format!("http://{address}").parse().ok())
                .collect(),
            twilio_in_flight: config.limits.twilio_in_flight.into(),
            calabrio_in_flight: config.limits.calabrio_in_flight.into(),
            accounts: HashMap::new(),
            tenants: HashMap::new(),
            urgent: HashMap::new(),
            observer: None,
        })
    }

    /// Has every attempt of every client told to `observer`.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The clients of one ACD. Nothing is sent yet.
    pub fn clients(&mut self, acd: &Acd, secrets: &AcdSecrets) -> Result<Clients, ClientsError> {
        Ok(Clients {
            twilio: self.twilio(acd, secrets)?,
            calabrio: self.calabrio(acd, secrets, acd.rte_messaging)?,
        })
    }

    pub(crate) fn twilio(
        &mut self,
        acd: &Acd,
        secrets: &AcdSecrets,
    ) -> Result<TwilioClient, ClientsError> {
        let missing = |what| ClientsError::SecretMissing {
            acd: acd.name.clone(),
            what,
        };
        let credentials = match acd.twilio.credentials() {
            Some(TwilioCredentials::ApiKey(key)) => Credentials::ApiKey {
                sid: key.sid,
                secret: secrets
                    .api_key_secret
                    .clone()
                    .ok_or_else(|| missing("secret of the API key"))?,
            },
            _ => Credentials::AuthToken(
                secrets
                    .auth_token
                    .clone()
                    .ok_or_else(|| missing("auth token"))?,
            ),
        };
        let account = acd.twilio.account_sid;
        let from = &acd.twilio.endpoints;
        let mut settings = TwilioSettings::new(account, credentials);
        settings.endpoints = Endpoints {
            api: from.api.clone(),
            taskrouter: from.taskrouter.clone(),
            flex_api: from.flex_api.clone(),
            insights: from.insights.clone(),
            accounts: from.accounts.clone(),
            conversations: from.conversations.clone(),
            chat: from.chat.clone(),
            media: from.media.clone(),
            events: from.events.clone(),
        };
        settings.limit = self
            .accounts
            .entry(account)
            .or_insert_with(|| ConcurrencyLimit::new(self.twilio_in_flight))
            .clone();
        settings.media_origins.clone_from(&self.media_origins);
        settings.root_certificates_pem = self.extra_ca.iter().cloned().collect();
        settings.observer.clone_from(&self.observer);
        Ok(TwilioClient::new(settings)?)
    }

    /// `urgently` gives what cannot wait, logins among it, slots of its own.
    pub(crate) fn calabrio(
        &mut self,
        acd: &Acd,
        secrets: &AcdSecrets,
        urgently: bool,
    ) -> Result<CalabrioClient, ClientsError> {
        let from = &acd.calabrio;
        let tenant = acd.key().tenant;
        let limit = self.tenant_limit(&tenant);
        let http = self.calabrio_http(limit)?;
        let urgent = if urgently {
            let limit = self.urgent_limit(&tenant);
            Some(self.calabrio_http(limit)?)
        } else {
            None
        };
        let mut settings = CalabrioSettings::new(
            from.base_url.clone(),
            from.username.clone(),
            secrets.calabrio_password.clone(),
        );
        settings.acd_server_id = from.acd_server_id;
        from.leg_key_field
            .as_str()
            .clone_into(&mut settings.leg_key_field);
        settings.contract = contract(acd)?;
        Ok(match urgent {
            Some(urgent) => CalabrioClient::new_with_urgent(settings, http, urgent)?,
            None => CalabrioClient::new(settings, http)?,
        })
    }

    /// What all calls to a tenant share.
    pub(crate) fn tenant_limit(&mut self, tenant: &TenantKey) -> ConcurrencyLimit {
        let limit = || ConcurrencyLimit::new(self.calabrio_in_flight);
        let known = self.tenants.entry(tenant.clone());
        known.or_insert_with(limit).clone()
    }

    /// What calls to a tenant share that cannot wait behind the others.
    pub(crate) fn urgent_limit(&mut self, tenant: &TenantKey) -> ConcurrencyLimit {
        let known = self.urgent.entry(tenant.clone());
        known
            .or_insert_with(|| ConcurrencyLimit::new(URGENT_IN_FLIGHT))
            .clone()
    }

    pub(crate) fn calabrio_http(
        &self,
        limit: ConcurrencyLimit,
    ) -> Result<HttpClient, ClientsError> {
        // One search serves all contacts that wait, so none of them goes on while it is told to wait; and each is tried
        // again by itself.
        let settings = RetrySettings {
            retry_after_max: LONGEST_RETRY_AFTER,
            ..RetrySettings::default()
        };
        self.calabrio_with(limit, settings)
    }

    /// For what is overtaken while it waits: whoever sends it has the newest for another attempt.
    pub(crate) fn calabrio_once(
        &self,
        limit: ConcurrencyLimit,
    ) -> Result<HttpClient, ClientsError> {
        let settings = RetrySettings {
            attempts: 1,
            unauthorized_retries: 0,
            ..RetrySettings::default()
        };
        self.calabrio_with(limit, settings)
    }

    fn calabrio_with(
        &self,
        limit: ConcurrencyLimit,
        settings: RetrySettings,
    ) -> Result<HttpClient, ClientsError> {
        let mut http = HttpClient::builder().limit(limit);
        if let Ok(policy) = RetryPolicy::new(settings) {
            http = http.policy(policy);
        }
        self.finish(http)
    }

    /// The certificate authorities and the observer that all clients share.
    pub(crate) fn finish(&self, mut http: HttpClientBuilder) -> Result<HttpClient, ClientsError> {
        if let Some(pem) = &self.extra_ca {
            http = http.root_certificates_pem(pem.clone());
        }
        if let Some(observer) = &self.observer {
            http = http.observer(observer.clone());
        }
        Ok(http.build()?)
    }
}

/// The contract with the ACD's overrides, judged.
pub(crate) fn contract(acd: &Acd) -> Result<Contract, ClientsError> {
    let contract: Contract =
        serde_json::from_value(acd.calabrio.contract.clone()).map_err(ClientsError::Contract)?;
    contract.validate().map_err(CalabrioError::from)?;
    Ok(contract)
}
