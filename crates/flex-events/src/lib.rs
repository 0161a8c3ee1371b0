#![doc = include_str!("../README.md")]

mod attributes;
mod error;
mod event;
mod event_type;
mod wire;

pub use attributes::{Attributes, NotJson};
pub use error::EventError;
pub use event::{
    FlexEvent, ReservationFacts, ReservationStatus, Resource, TaskFacts, TaskStatus, WorkerFacts,
    parse_each,
};
pub use event_type::{EventFamily, EventType};
