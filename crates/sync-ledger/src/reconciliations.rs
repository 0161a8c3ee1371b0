//! What reconciling found, run by run.

use std::future::Future;

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use serde::Serialize;

use crate::Result;

/// The accounts of reconciliations.
pub trait ReconciliationStore: Send + Sync {
    /// Writes down the account of one run.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn record_reconciliation(
        &self,
        reconciliation: &Reconciliation,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The newest accounts first, at most so many.
    fn reconciliations(
        &self,
        acd: &AcdKey,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<Reconciliation>>> + Send;
}

/// The account of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reconciliation {
    /// The ACD.
    pub acd: AcdKey,
    /// The range's beginning, inclusive.
    pub from: DateTime<Utc>,
    /// The range's end, exclusive.
    pub to: DateTime<Utc>,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The account. No customer data.
    pub totals: serde_json::Value,
    /// Its line that must be 0.
    pub unexplained: u64,
}
