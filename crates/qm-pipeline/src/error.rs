//! Why the pipeline cannot start or go on.

use connection_check::ClientsError;
use connector_config::ConfigError;
use sync_ledger::LedgerError;

/// Why the pipeline cannot start or go on. What befalls a single contact is none of these: it is retried or parked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The secrets are those of another configuration.
    #[error(
        "the secrets of ACD \"{acd}\" were not fetched: resolve them from the same configuration"
    )]
    NoSecrets {
        /// The ACD's name.
        acd: String,
    },
    /// The private keys of an ACD cannot be used.
    #[error(transparent)]
    Keys(#[from] ConfigError),
    /// A client could not be made.
    #[error(transparent)]
    Clients(#[from] ClientsError),
    /// A secret that signs webhooks cannot be used.
    #[error("the ACD \"{acd}\": webhook.secrets, secret {place}: {source}")]
    WebhookSecret {
        /// The ACD's name.
        acd: String,
        /// Which of them, counted from 1.
        place: usize,
        /// What is wrong with it; it does not show the secret.
        source: webhook_delivery::SecretError,
    },
    /// The webhook of an ACD cannot be used.
    #[error(transparent)]
    Webhook(#[from] webhook_delivery::WebhookError),
    /// Pushed events cannot be taken.
    #[error("pushed events cannot be taken")]
    Intake(#[from] event_intake::IntakeError),
    /// The ledger cannot be used.
    #[error("the ledger cannot be used")]
    Ledger(#[from] LedgerError),
    /// A part of the worker ended that should go on. This is a defect; a restart takes everything up where it stood.
    #[error("a part of the worker broke off: restart it, and report what the log says before this")]
    BrokenOff,
}
