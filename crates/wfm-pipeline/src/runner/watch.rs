//! Who watches a worker.

use chrono::{DateTime, Utc};
use wfm_history::Report;

use super::backlog::Backlog;
use super::pull::PullReport;

/// Watches a worker: for metrics, and for tests. Its methods are called in the midst of work and must be quick. Nothing that they are given names a
/// person.
pub trait Witness: Send + Sync + 'static {
    /// A report was pulled.
    fn pulled(&self, _acd: &str, _report: &PullReport) {}

    /// A report could not be pulled, for a reason of this name.
    fn pull_failed(&self, _acd: &str, _report: Report) {}

    /// So many intervals of a report fared so: `delivered`, `refused`, `in-doubt` or `waiting`.
    fn intervals(&self, _acd: &str, _report: Report, _fate: &'static str, _count: u64) {}

    /// How history of a report stands in the ledger; counted each 15 seconds, or somewhat less often. `now` is by the worker's clock.
    fn backlog(&self, _acd: &str, _report: Report, _backlog: &Backlog, _now: DateTime<Utc>) {}

    /// Whether Calabrio has the state of every agent, as far as deliveries tell: not before the first snapshot was delivered whole, and not after a
    /// delivery failed until another was.
    fn states_told(&self, _acd: &str, _whole: bool) {}

    /// So many states fared so.
    fn states(&self, _acd: &str, _fate: &'static str, _count: u64) {}

    /// Of so many agents Calabrio refused the newest state by now.
    fn refused_agents(&self, _acd: &str, _agents: u64) {}

    /// How requests with pushed events were answered, or what became of their events, in a word.
    fn pushed(&self, _acd: &str, _outcome: &'static str, _count: u64) {}

    /// What polls of the Events API brought: events that were `heard` for the first time, those that are `unreadable`, and those that are `not-pushed` although
    /// they should have been.
    fn polled(&self, _acd: &str, _what: &'static str, _count: u64) {}

    /// The workspace was read anew.
    fn resynchronised(&self, _acd: &str, _corrected: u64) {}

    /// Agents and queues were read from Twilio and written down.
    fn listed(&self, _acd: &str) {}

    /// Agents or queues were told to Calabrio.
    fn roster(&self, _acd: &str, _fate: &'static str, _count: u64) {}
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Witness for Nobody {}
