//! Watching the runner: for metrics, and for tests that end the process at a chosen moment.

use contact_model::{LegId, StageName};

/// An effect that leaves the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// A window of events is written down and the cursor moves.
    Discover,
    /// Pushed events are taken from the inbox, and what they told of is written down.
    Apply,
    /// Twilio is asked.
    Ask,
    /// Recordings are fetched into the spool.
    Prepare,
    /// A change of stage is committed.
    Save,
    /// A contact is sent.
    Upload,
    /// Calabrio is searched.
    Search,
    /// Metadata is written to a contact.
    UpdateMetadata,
    /// Screen recording is told.
    TellScreen,
    /// A source recording is deleted.
    DeleteSource,
}

impl Step {
    /// Every step.
    pub const ALL: &'static [Self] = &[
        Self::Discover,
        Self::Apply,
        Self::Ask,
        Self::Prepare,
        Self::Save,
        Self::Upload,
        Self::Search,
        Self::UpdateMetadata,
        Self::TellScreen,
        Self::DeleteSource,
    ];

    /// The word as it stands in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Apply => "apply",
            Self::Ask => "ask",
            Self::Prepare => "prepare",
            Self::Save => "save",
            Self::Upload => "upload",
            Self::Search => "search",
            Self::UpdateMetadata => "update-metadata",
            Self::TellScreen => "tell-screen",
            Self::DeleteSource => "delete-source",
        }
    }
}

/// Is told what the runner does. Called on the runner's tasks: it must be quick.
pub trait Witness: Send + Sync {
    /// A step is about to begin. `leg` is `None` where it is not about one leg.
    fn before(&self, step: Step, leg: Option<LegId>) {
        let _ = (step, leg);
    }

    /// A step has ended, well or not; nothing that follows from it has been committed.
    fn after(&self, step: Step, leg: Option<LegId>, worked: bool) {
        let _ = (step, leg, worked);
    }

    /// What became of an attempt to deliver a webhook of an ACD, in a word: `delivered`, `retried`, `exhausted`; or
    /// `endpoint-disabled`.
    fn webhook(&self, acd: &str, outcome: &'static str) {
        let _ = (acd, outcome);
    }

    /// How requests with pushed events were answered, or what became of their events, in a word.
    fn pushed(&self, acd: &str, outcome: &'static str, count: u64) {
        let _ = (acd, outcome, count);
    }

    /// A contact came to this stage, and this is committed.
    fn reached(&self, leg: LegId, stage: StageName) {
        let _ = (leg, stage);
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Witness for Nobody {}
