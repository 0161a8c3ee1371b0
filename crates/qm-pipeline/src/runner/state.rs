//! What the runner knows of itself, for `/readyz`, for metrics, and to tell when nothing is left to be done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use contact_model::AcdKey;
use serde::Serialize;

/// What the runner knows of one ACD.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AcdHealth {
    /// Everything that ended before this time is written down.
    pub cursor: Option<DateTime<Utc>>,
    /// Whether discovery has caught up with the present since its last failure.
    pub caught_up: bool,
    /// Failures of discovery in a row.
    pub discovery_failures: u32,
    /// Legs that were discovered since the start.
    pub discovered: u64,
    /// How many seconds Twilio's clock is ahead of this machine's (negative: behind), where that is worth a word.
    pub twilio_ahead_seconds: Option<i64>,
}

/// How many seconds clocks may differ.
const TOLERATED_SKEW: i64 = 5;

#[derive(Debug, Default)]
struct Inner {
    acds: BTreeMap<AcdKey, AcdHealth>,
    wishes_in_hand: u32,
    wishes_looked_at: bool,
}

/// What the runner knows of itself.
#[derive(Debug, Default)]
pub struct Health(Mutex<Inner>);

impl Health {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each ACD.
    pub fn acds(&self) -> BTreeMap<AcdKey, AcdHealth> {
        self.inner().acds.clone()
    }

    /// Whether discovery works for every ACD.
    pub fn is_ready(&self) -> bool {
        let inner = self.inner();
        !inner.acds.is_empty() && inner.acds.values().all(|acd| acd.discovery_failures == 0)
    }

    pub(crate) fn known(&self, acd: &AcdKey) {
        self.inner().acds.entry(acd.clone()).or_default();
    }

    pub(crate) fn discovered(&self, acd: &AcdKey, cursor: DateTime<Utc>, legs: usize) {
        let mut inner = self.inner();
        let health = inner.acds.entry(acd.clone()).or_default();
        health.cursor = Some(cursor);
        health.discovery_failures = 0;
        health.discovered += legs as u64;
    }

    pub(crate) fn caught_up(&self, acd: &AcdKey, cursor: DateTime<Utc>) {
        let mut inner = self.inner();
        let health = inner.acds.entry(acd.clone()).or_default();
        health.cursor = Some(cursor);
        health.caught_up = true;
        health.discovery_failures = 0;
    }

    pub(crate) fn discovery_failed(&self, acd: &AcdKey) {
        let mut inner = self.inner();
        let health = inner.acds.entry(acd.clone()).or_default();
        health.caught_up = false;
        health.discovery_failures = health.discovery_failures.saturating_add(1);
    }

    /// Notes how far Twilio's clock is ahead; whether that is news and worth a word.
    pub(crate) fn clock_is_off(&self, acd: &AcdKey, skew: TimeDelta) -> bool {
        let off = Some(skew.num_seconds()).filter(|seconds| seconds.abs() > TOLERATED_SKEW);
        let mut inner = self.inner();
        let health = inner.acds.entry(acd.clone()).or_default();
        let moved = match (health.twilio_ahead_seconds, off) {
            (Some(before), Some(now)) => (before - now).abs() > TOLERATED_SKEW,
            (before, now) => before != now,
        };
        if moved {
            health.twilio_ahead_seconds = off;
        }
        moved && off.is_some()
    }

    /// Counts a wish as being carried out until what this gives is dropped.
    pub(crate) fn wish_in_hand(self: &Arc<Self>) -> WishInHand {
        self.inner().wishes_in_hand += 1;
        WishInHand(Arc::clone(self))
    }

    pub(crate) fn no_wishes(&self) {
        self.inner().wishes_looked_at = true;
    }

    /// Whether everything that ended before `time` is written down, and no wish is being carried out.
    pub(crate) fn has_passed(&self, time: DateTime<Utc>) -> bool {
        let inner = self.inner();
        let passed =
            |acd: &AcdHealth| acd.caught_up && acd.cursor.is_some_and(|cursor| cursor >= time);
        inner.wishes_looked_at && inner.wishes_in_hand == 0 && inner.acds.values().all(passed)
    }
}

/// A wish that is being carried out.
pub(crate) struct WishInHand(Arc<Health>);

impl Drop for WishInHand {
    fn drop(&mut self) {
        let mut inner = self.0.inner();
        inner.wishes_in_hand = inner.wishes_in_hand.saturating_sub(1);
        // Others may have waited for it.
        inner.wishes_looked_at = false;
    }
}
