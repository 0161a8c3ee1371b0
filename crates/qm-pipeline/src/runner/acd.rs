//! One ACD while the pipeline runs.

use std::sync::Arc;

use calabrio_client::CalabrioClient;
use connector_config::Acd;
use contact_model::AcdKey;
use metadata_mapping::RuleSet;
use recording_crypto::KeyRing;
use tokio::sync::{OnceCell, Semaphore};
use twilio_client::TwilioClient;
use twilio_sid::ServiceSid;

use super::ask::twilio_trouble;
use super::finder::Finder;
use super::people::Directory;
use super::room::TranscriptRoom;
use super::screen::Screen;
use crate::policy::{Rules, Trouble};

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
    /// Room in memory for transcripts.
    pub(crate) transcripts: TranscriptRoom,
    pub(crate) finder: Finder,
    pub(crate) directory: Directory,
    /// Where screen recording is told, if it is.
    pub(crate) screen: Option<Screen>,
    pub(crate) chat_service: OnceCell<Option<ServiceSid>>,
}

impl AcdRuntime {
    /// The service of Flex's conversations, asked for once.
    pub(crate) async fn chat_service(&self) -> Result<Option<ServiceSid>, Trouble> {
        let asked = self.chat_service.get_or_try_init(|| async {
            let configuration = self.twilio.flex_configuration().await?;
            Ok(configuration.chat_service)
        });
        asked
            .await
            .copied()
            .map_err(|error| twilio_trouble(&error, "reading the Flex configuration"))
    }
}
