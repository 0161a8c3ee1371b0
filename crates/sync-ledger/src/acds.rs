//! The ACDs that a ledger has seen.

use std::future::Future;

use contact_model::AcdKey;
use serde::Serialize;

use crate::Result;

/// An ACD as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcdRow {
    /// Its identity.
    pub key: AcdKey,
    /// Its label, as of the last [`AcdStore::register`].
    pub name: String,
    /// How many of its contacts are not complete, failed or excluded. Parked ones count: they are not finished.
    pub unfinished: u64,
}

/// Which ACDs there are.
pub trait AcdStore: Send + Sync {
    /// Makes the ACD known, or gives a known one a new label. Nothing else changes with the label.
    fn register(&self, acd: &AcdKey, name: &str) -> impl Future<Output = Result<()>> + Send;

    /// Every ACD that was ever registered, ordered by key: also those that the configuration no longer names.
    fn acds(&self) -> impl Future<Output = Result<Vec<AcdRow>>> + Send;

    /// Removes an ACD with everything that the ledger has of it, in many transactions that are each bounded. What is half
    /// done when the future is dropped is finished by the next call. Nobody may work for the ACD meanwhile.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unfinished`](crate::LedgerError::Unfinished) if contacts of it are not finished and that is not asked
    /// for: nothing is removed; [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn remove(
        &self,
        acd: &AcdKey,
        with_unfinished: bool,
    ) -> impl Future<Output = Result<RemovedAcd>> + Send;
}

/// What was removed with an ACD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RemovedAcd {
    /// Contacts, with their history.
    pub contacts: u64,
    /// How many of these were not finished.
    pub unfinished: u64,
    /// Webhook messages, delivered or not.
    pub messages: u64,
    /// Pushed events that were not processed.
    pub events: u64,
}
