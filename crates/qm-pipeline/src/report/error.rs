//! Why a command has nothing to tell.

use calabrio_client::CalabrioError;
use contact_model::{LegId, StageName};
use sync_ledger::LedgerError;
use twilio_client::TwilioError;

/// Why a command has nothing to tell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The ledger could not be read or changed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No ACD has that name.
    #[error("there is no ACD named {name:?}: {known}")]
    UnknownAcd {
        /// What was asked for.
        name: String,
        /// Those that there are, as a clause.
        known: String,
    },
    /// Twilio could not be asked.
    #[error(transparent)]
    Twilio(#[from] TwilioError),
    /// Calabrio ONE could not be asked.
    #[error(transparent)]
    Calabrio(#[from] CalabrioError),
    /// What was to be written could not be.
    #[error("the export could not be written")]
    Write(#[source] std::io::Error),
    /// The system has no randomness.
    #[error("the system has no randomness: nothing was sent")]
    NoRandomness,
    /// No ACD of the ledger has a contact of this leg.
    #[error(
        "the ledger has no contact for leg {leg}: it was not discovered yet, lies outside what was discovered, or was pruned"
    )]
    UnknownLeg {
        /// The leg.
        leg: LegId,
    },
    /// The contact has come to its end.
    #[error(
        "the contact of leg {leg} is {stage}, which is the end of its way: there is nothing to retry"
    )]
    NothingToRetry {
        /// The leg.
        leg: LegId,
        /// Its stage.
        stage: StageName,
    },
    /// No webhook message has that id.
    #[error("the ledger has no webhook message {id}: it never had one, or it was pruned")]
    UnknownMessage {
        /// What was asked for.
        id: String,
    },
    /// The message's body was erased on request.
    #[error("the body of webhook message {id} was erased on request: there is nothing to send")]
    MessageErased {
        /// The message.
        id: String,
    },
    /// A range has its end before its beginning, or lies in the future.
    #[error("the range from {from} to {to} {what}")]
    Range {
        /// Its beginning, as RFC 3339 text.
        from: String,
        /// Its end.
        to: String,
        /// What is wrong with it, and what to do.
        what: &'static str,
    },
}
