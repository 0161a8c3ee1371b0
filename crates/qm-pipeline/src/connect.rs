//! From the configuration and its secrets to what it takes to work for an ACD.

use std::sync::Arc;

use calabrio_client::CalabrioClient;
use connection_check::{Clients, Connector};
use connector_config::{Acd, Config, Secrets};
use http_retry::Observer;
use metadata_mapping::RuleSet;
use recording_crypto::KeyRing;
use twilio_client::TwilioClient;

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
        services.push(AcdServices {
            acd: acd.clone(),
            twilio,
            calabrio,
            keys,
            mapping: acd.metadata.clone(),
        });
    }
    Ok(services)
}
