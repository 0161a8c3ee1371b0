//! Why the pipeline cannot start or go on.

use sync_ledger::LedgerError;

/// Why the pipeline cannot start or go on. What befalls a single contact is none of these: it is retried or parked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// A part of the configuration does not hold together.
    #[error("ACD \"{acd}\": {problem}")]
    Setting {
        /// The ACD's name.
        acd: String,
        /// What is wrong.
        problem: String,
    },
    /// The file of further certificate authorities cannot be read.
    #[error("the file of tls.extra_ca_file cannot be read")]
    ExtraCa(#[source] std::io::Error),
    /// A client could not be made.
    #[error("ACD \"{acd}\": the client of {vendor} could not be set up")]
    Client {
        /// The ACD's name.
        acd: String,
        /// `Twilio` or `Calabrio ONE`.
        vendor: &'static str,
        /// What was in the way.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The ledger cannot be used.
    #[error("the ledger cannot be used")]
    Ledger(#[from] LedgerError),
    /// The spool cannot be used.
    #[error("the spool cannot be used")]
    Spool(#[from] recording_spool::SpoolError),
    /// A backfill's range is empty.
    #[error("a backfill needs a beginning that lies before its end")]
    EmptyRange,
}
