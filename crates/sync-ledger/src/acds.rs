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
}
