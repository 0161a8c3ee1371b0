#![doc = include_str!("../README.md")]

mod attributes;
mod error;
mod event;
mod event_type;
mod fields;
mod form;
mod member;
mod participant;
mod peek;
mod pushed;
mod signature;
mod snapshot;
mod split;
mod text;
mod value;
mod wire;

pub use attributes::{Attributes, NotJson};
pub use error::EventError;
pub use event::{
    FlexEvent, ReservationFacts, ReservationStatus, Resource, TaskFacts, TaskStatus, WorkerFacts,
    parse_each,
};
pub use event_type::{EventFamily, EventType};
pub use form::FormBody;
pub use member::{Member, Topic, WireForm};
pub use participant::{ParticipantChange, ParticipantEvent};
pub use peek::{form_member, json_members};
pub use pushed::Pushed;
pub use signature::{SignatureCheck, SignatureError};
pub use snapshot::{ChannelSnapshot, ReservationSnapshot, WorkerSnapshot};
