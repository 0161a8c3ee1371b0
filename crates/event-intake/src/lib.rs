#![doc = include_str!("../README.md")]

mod answer;
mod body;
mod commit;
mod error;
mod feed;
mod inbox;
mod memory;
mod observe;
mod quiet;
mod receive;
mod server;
mod settings;

pub use error::IntakeError;
pub use inbox::{AcdKey, InboundEvent, Inbox, InboxError, Receipt};
pub use memory::MemoryInbox;
pub use observe::{Fate, Observation, Observer, Outcome};
pub use server::EventIntake;
pub use settings::{BasicCredentials, FeedSettings, IntakeSettings, Limits};
