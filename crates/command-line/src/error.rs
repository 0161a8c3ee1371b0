//! Why a command cannot do what it is asked for.

use sync_ledger::LedgerError;
use twilio_client::TwilioError;

/// Why a command cannot do what it is asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No ACD has that name.
    #[error("there is no ACD named {name:?}: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Those that there are, as a clause.
        known: String,
    },
    /// The ACD does not have the product that the program carries.
    #[error("the ACD {name:?} does not have {product} on")]
    WithoutProduct {
        /// What was asked for.
        name: String,
        /// The product, as it is called in the configuration.
        product: &'static str,
    },
    /// Two ACDs have that name.
    #[error("more than one ACD is named {name:?}: {keys}")]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Their identities.
        keys: String,
    },
    /// The ledger does not tell.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// There is no address that Twilio could push events to.
    #[error(
        "{setting} and the path of the ACD {acd} make no address: set it to that under which Twilio reaches the listener"
    )]
    NoAddress {
        /// The setting.
        setting: &'static str,
        /// The ACD.
        acd: String,
    },
    /// Twilio does not tell, or refuses.
    #[error(transparent)]
    Twilio(#[from] TwilioError),
}
