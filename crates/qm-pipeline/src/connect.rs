//! From the configuration and its secrets to clients.

use std::sync::Arc;

use calabrio_client::{CalabrioClient, CalabrioLimits, CalabrioSettings, Contract};
use connector_config::{Acd, AcdSecrets, Config, Secrets};
use http_retry::{BaseUrl, ConcurrencyLimit, HttpClient, Observer, Origin};
use metadata_mapping::RuleSet;
use recording_crypto::KeyRing;
use twilio_client::{Credentials, Endpoints, TwilioClient, TwilioSettings};

use crate::error::PipelineError;

/// One ACD with what it takes to work for it.
pub struct AcdServices {
    /// Its configuration.
    pub acd: Acd,
    /// Twilio, as its account.
    pub twilio: TwilioClient,
    /// Calabrio ONE, as its service account.
    pub calabrio: CalabrioClient,
    /// The private keys of its recordings.
    pub keys: Arc<KeyRing>,
    /// Its metadata mapping.
    pub mapping: RuleSet,
}

impl std::fmt::Debug for AcdServices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AcdServices")
            .field("acd", &self.acd.name)
            .finish_non_exhaustive()
    }
}

/// Makes the clients of every ACD. Nothing is asked of any vendor yet.
///
/// Reads the file of further certificate authorities and checks the private keys, so it blocks for some tenths of a second:
/// call it off the runtime's threads. Each HTTP attempt is told to `observer`.
pub fn connect(
    config: &Config,
    secrets: &Secrets,
    observer: Option<Arc<dyn Observer>>,
) -> Result<Vec<AcdServices>, PipelineError> {
    let extra_ca = config
        .tls
        .extra_ca_file
        .as_ref()
        .map(std::fs::read)
        .transpose()
        .map_err(PipelineError::ExtraCa)?;
    let connecting = Connecting {
        config,
        extra_ca,
        observer,
    };
    config
        .acds
        .iter()
        .map(|acd| connecting.acd(acd, secrets.acd(&acd.name)))
        .collect()
}

struct Connecting<'a> {
    config: &'a Config,
    extra_ca: Option<Vec<u8>>,
    observer: Option<Arc<dyn Observer>>,
}

fn setting(acd: &Acd, problem: impl std::fmt::Display) -> PipelineError {
    PipelineError::Setting {
        acd: acd.name.clone(),
        problem: problem.to_string(),
    }
}

impl Connecting<'_> {
    fn acd(&self, acd: &Acd, secrets: Option<&AcdSecrets>) -> Result<AcdServices, PipelineError> {
        let secrets = secrets.ok_or_else(|| setting(acd, "its secrets were not fetched"))?;
        Ok(AcdServices {
            twilio: self.twilio(acd, secrets)?,
            calabrio: self.calabrio(acd, secrets)?,
            keys: Arc::new(secrets.key_ring().map_err(|error| setting(acd, error))?),
            mapping: acd.metadata.clone(),
            acd: acd.clone(),
        })
    }

    fn twilio(&self, acd: &Acd, secrets: &AcdSecrets) -> Result<TwilioClient, PipelineError> {
        let credentials = match (
            &acd.twilio.api_key,
            &secrets.api_key_secret,
            &secrets.auth_token,
        ) {
            (Some(key), Some(secret), _) => Credentials::ApiKey {
                sid: key.sid,
                secret: secret.clone(),
            },
            (_, _, Some(token)) => Credentials::AuthToken(token.clone()),
            _ => {
                return Err(setting(
                    acd,
                    "neither the auth token nor the API key of Twilio is there",
                ));
            }
        };
        let endpoints = &acd.twilio.endpoints;
        let mut settings = TwilioSettings::new(acd.twilio.account_sid, credentials);
        settings.endpoints = Endpoints {
            api: endpoints.api.clone(),
            taskrouter: endpoints.taskrouter.clone(),
            flex_api: endpoints.flex_api.clone(),
            insights: endpoints.insights.clone(),
            accounts: endpoints.accounts.clone(),
        };
        settings.limit = ConcurrencyLimit::new(usize::from(self.config.limits.twilio_in_flight));
        settings.root_certificates_pem = self.extra_ca.iter().cloned().collect();
        settings.observer.clone_from(&self.observer);
        let listed = self.config.tls.allow_http_loopback.iter();
        settings.media_origins = listed
            .filter_map(|address| format!("http://{address}").parse::<Origin>().ok())
            .collect();
        let failed = |source| client_failed(acd, "Twilio", source);
        TwilioClient::new(settings).map_err(failed)
    }

    fn calabrio(&self, acd: &Acd, secrets: &AcdSecrets) -> Result<CalabrioClient, PipelineError> {
        let contract: Contract = serde_json::from_value(acd.calabrio.contract.clone())
            .map_err(|error| setting(acd, format_args!("calabrio.contract: {error}")))?;
        let base: BaseUrl = acd.calabrio.base_url.clone();
        let mut http = HttpClient::builder().limit(ConcurrencyLimit::new(usize::from(
            self.config.limits.calabrio_in_flight,
        )));
        if let Some(pem) = &self.extra_ca {
            http = http.root_certificates_pem(pem.clone());
        }
        if let Some(observer) = &self.observer {
            http = http.observer(Arc::clone(observer));
        }
        let http = http
            .build()
            .map_err(|source| client_failed(acd, "Calabrio ONE", source))?;
        let settings = CalabrioSettings {
            base,
            user: acd.calabrio.username.clone(),
            password: secrets.calabrio_password.clone(),
            acd_server_id: acd.calabrio.acd_server_id,
            leg_key_field: acd.calabrio.leg_key_field.to_string(),
            contract,
            limits: CalabrioLimits::default(),
        };
        CalabrioClient::new(settings, http)
            .map_err(|source| client_failed(acd, "Calabrio ONE", source))
    }
}

fn client_failed(
    acd: &Acd,
    vendor: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> PipelineError {
    PipelineError::Client {
        acd: acd.name.clone(),
        vendor,
        source: Box::new(source),
    }
}
