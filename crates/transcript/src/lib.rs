#![doc = include_str!("../README.md")]

mod bounded;
mod builder;
mod document;
mod error;
mod message;
mod partition;
mod render;
mod schema;
mod visible;

pub use builder::TranscriptBuilder;
pub use document::{Agent, Counts, LegHeader, Participant, Transcript, VERSION};
pub use error::TranscriptError;
pub use message::{Attachment, AttachmentContent, Author, Message, Role, Unavailable};
pub use partition::{Claim, Context, LegPart, LegPeriod, Partition, Placement, Stamp, partition};
pub use schema::json_schema;
