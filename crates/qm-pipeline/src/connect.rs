//! From the configuration and its secrets to what it takes to work for an ACD.

use std::sync::Arc;

use calabrio_client::CalabrioClient;
use connection_check::{Clients, Connector};
use connector_config::{Acd, AcdSecrets, Config, Secrets};
use http_retry::Observer;
use metadata_mapping::RuleSet;
use recording_crypto::KeyRing;
use twilio_client::TwilioClient;
use webhook_delivery::{Endpoint, SigningSecret};

use crate::error::PipelineError;
use crate::runner::endpoint_id;

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
    /// Who is told of its contacts, if anybody is.
    pub webhook: Option<Endpoint>,
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
    let mut connector = Connector::new(config)?;
    if let Some(observer) = observer {
        connector = connector.with_observer(observer);
    }
    let mut services = Vec::with_capacity(config.acds.len());
    for acd in &config.acds {
        let own = secrets
            .acd(&acd.name)
            .ok_or_else(|| PipelineError::NoSecrets {
                acd: acd.name.clone(),
            })?;
        let Clients { twilio, calabrio } = connector.clients(acd, own)?;
        let keys = Arc::new(own.key_ring()?);
        let webhook = webhook(config, acd, own)?;
        services.push(AcdServices {
            acd: acd.clone(),
            twilio,
            calabrio,
            keys,
            mapping: acd.metadata.clone(),
            webhook,
        });
    }
    Ok(services)
}

/// Who is told of an ACD's contacts.
pub fn webhook(
    config: &Config,
    acd: &Acd,
    secrets: &AcdSecrets,
) -> Result<Option<Endpoint>, PipelineError> {
    let Some(url) = &acd.event_webhook_url else {
        return Ok(None);
    };
    let mut signing = Vec::with_capacity(secrets.webhook_secrets.len());
    for (place, secret) in secrets.webhook_secrets.iter().enumerate() {
        let secret =
            SigningSecret::parse(secret).map_err(|source| PipelineError::WebhookSecret {
                acd: acd.name.clone(),
                place: place + 1,
                source,
            })?;
        signing.push(secret);
    }
    let guard = acd.webhook.guard(&config.tls.allow_http_loopback);
    let endpoint = Endpoint::new(endpoint_id(&acd.key())?, url.expose(), guard, signing)?;
    Ok(Some(endpoint))
}
