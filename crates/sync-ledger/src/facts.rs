//! What was found out about the Calabrio tenant of an ACD.

use std::future::Future;

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use serde::Serialize;

use crate::Result;

/// Which of the documented assumptions about Calabrio hold on an ACD's tenant.
pub trait TenantFacts: Send + Sync {
    /// Remembers whether an assumption, by its number, held when it was tried; in place of what was found before.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownAcd`](crate::LedgerError::UnknownAcd).
    fn confirm(
        &self,
        acd: &AcdKey,
        assumption: u32,
        held: bool,
        at: DateTime<Utc>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// What was found, by number. What was never tried is missing.
    fn confirmed(&self, acd: &AcdKey) -> impl Future<Output = Result<Vec<TenantFact>>> + Send;
}

/// What was found of one assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TenantFact {
    /// Its number.
    pub assumption: u32,
    /// Whether it held.
    pub held: bool,
    /// When it was tried.
    pub at: DateTime<Utc>,
}
