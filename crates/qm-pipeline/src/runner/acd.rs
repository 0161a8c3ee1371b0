//! One ACD while the pipeline runs.

use std::sync::Arc;

use calabrio_client::CalabrioClient;
use connector_config::Acd;
use contact_model::AcdKey;
use metadata_mapping::RuleSet;
use recording_crypto::KeyRing;
use tokio::sync::Semaphore;
use twilio_client::TwilioClient;

use super::finder::Finder;
use crate::policy::Rules;

/// One ACD while the pipeline runs.
pub(crate) struct AcdRuntime {
    pub(crate) key: AcdKey,
    pub(crate) config: Acd,
    pub(crate) rules: Rules,
    pub(crate) twilio: TwilioClient,
    pub(crate) calabrio: CalabrioClient,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) mapping: RuleSet,
    /// How many contacts fetch recordings at a time.
    pub(crate) fetches: Arc<Semaphore>,
    /// How many contacts are sent at a time.
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) finder: Finder,
}
