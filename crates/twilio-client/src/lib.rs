#![doc = include_str!("../README.md")]

mod calls;
mod client;
mod conferences;
mod error;
mod events;
mod fault;
mod flex;
mod listing;
mod media;
mod pace;
mod public_keys;
mod recordings;
mod settings;
mod taskrouter;
mod time;
mod wire;

pub use calls::{Call, CallDirection, CallFilter, CallStatus, Calls};
pub use client::TwilioClient;
pub use conferences::{
    Conference, ConferenceFilter, ConferenceStatus, Conferences, PastParticipant, ProcessingState,
};
pub use error::{NoMedia, TwilioError, Unreadable};
pub use events::{EventQuery, EventsFound};
pub use flex::FlexConfiguration;
pub use listing::{Listed, Listing};
pub use media::{DeliveredChannels, Media};
pub use public_keys::{PublicKey, PublicKeys};
pub use recordings::{
    Deletion, MediaLocation, Recording, RecordingFilter, RecordingReference, RecordingSource,
    RecordingStatus, Recordings, Track,
};
pub use settings::{Credentials, Endpoints, TwilioSettings};
pub use taskrouter::{
    Activity, Reservation, Task, TaskFilter, TaskQueue, TaskRouter, Worker, Workspace,
};
