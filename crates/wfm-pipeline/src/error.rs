//! Why the pipeline cannot start or go on.

#[cfg(test)]
mod tests;

use connection_check::ClientsError;
use flex_insights_client::InsightsError;
use sync_ledger::LedgerError;
use twilio_client::TwilioError;
use wfm_history::HistoryError;

/// Why the pipeline cannot start or go on. What befalls a single interval or agent is none of these: it is held, refused or tried again.
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
    /// A client could not be made.
    #[error(transparent)]
    Clients(#[from] ClientsError),
    /// Pushed events cannot be taken.
    #[error("pushed events cannot be taken")]
    Intake(#[from] event_intake::IntakeError),
    /// The ledger cannot be used.
    #[error("the ledger cannot be used")]
    Ledger(#[from] LedgerError),
    /// Twilio was asked and did not answer as it should.
    #[error("Twilio cannot be asked")]
    Twilio(#[from] TwilioError),
    /// A report cannot be pulled.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// Neither history nor adherence is on for any ACD.
    #[error("no ACD has history or adherence on: set `history` or `adherence` in its table `wfm`")]
    NothingOn,
    /// A command needs history, and it is off.
    #[error("history of the ACD \"{acd}\" is off: set `history` in its table `wfm`")]
    NoHistory {
        /// The ACD's name.
        acd: String,
    },
    /// A command needs adherence, and it is off.
    #[error("adherence of the ACD \"{acd}\" is off: set `adherence` in its table `wfm`")]
    NoAdherence {
        /// The ACD's name.
        acd: String,
    },
    /// The wish is about an ACD that is not configured any more.
    #[error("the ACD is not configured, or has no workforce management: look at its `products`")]
    UnknownAcd,
    /// A vendor refuses at the start what no time mends.
    #[error("the worker does not start: the ACD \"{acd}\" is not ready: {reason}")]
    Refused {
        /// The ACD's name.
        acd: String,
        /// What the vendor refuses, and the setting to look at.
        reason: String,
    },
    /// The listener for pushed events ended by itself. What Twilio could not deliver meanwhile, the next start finds by reading the workspace.
    #[error("pushed events are taken no more: restart the worker")]
    IntakeEnded(#[source] event_intake::IntakeError),
    /// A part of the worker ended that should go on. This is a defect; a restart takes everything up where it stood.
    #[error("a part of the worker broke off: restart it, and report what the log says before this")]
    BrokenOff,
}

/// Why a report could not be pulled. Nothing of it is lost: the next pull shows it again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// Flex Insights does not give the report.
    #[error(transparent)]
    Insights(#[from] InsightsError),
    /// Its rows cannot be read.
    #[error("the report cannot be read: {0}")]
    Rows(#[source] HistoryError),
    /// The ledger cannot be used.
    #[error("the ledger cannot be used")]
    Ledger(#[from] LedgerError),
    /// Twilio does not say which activities there are.
    #[error("the activities of the workspace cannot be read: {0}")]
    Activities(#[from] TwilioError),
    /// The directory for what does not fit into memory cannot be made.
    #[error("the directory {} (`insights.spill_dir`) cannot be made: {error}", folder.display())]
    SpillDir {
        /// The directory.
        folder: std::path::PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The report came to no end.
    #[error("the report was cut off while it came; it is pulled again")]
    CutOff,
    /// The thread that reads ended in the midst. This is a defect.
    #[error("the reader of the report broke off: report what the log says before this")]
    BrokenOff,
}
