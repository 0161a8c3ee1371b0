#![doc = include_str!("../README.md")]

mod details;
mod failure;
mod ids;
mod leg;
mod media;
mod park;
mod stage;
mod status;

pub use details::Details;
pub use failure::FailureReason;
pub use ids::{AcdKey, CcrId, LegId, ModelError, SessionId, TenantKey};
pub use leg::{Channel, Direction, Hold, Leg, LegTimes};
pub use media::{
    ConversationStore, LegMedia, Mark, MediaPiece, MessageRange, Span, TranscriptPart,
};
pub use park::{ParkKind, ParkReason};
pub use stage::{
    Attempt, Capture, Captured, Complete, Contact, Delivered, Discovered, Excluded, Failed, Linked,
    Parked, Processing, Stage, StageName, TransitionError, Uploaded,
};
pub use status::{ContactStatus, StatusEvent};
