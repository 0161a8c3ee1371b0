#![doc = include_str!("../README.md")]

mod attachments;
mod calls;
mod client;
mod clock;
mod conferences;
mod conversations;
mod download;
mod error;
mod event_streams;
mod events;
mod fault;
mod flex;
mod holds;
mod interactions;
mod legacy_chat;
#[cfg(test)]
mod lenient;
mod listing;
mod media;
mod messages;
mod pace;
mod participants;
mod public_keys;
mod recordings;
mod settings;
mod stream_setup;
mod taskrouter;
mod time;
mod webhook_destination;
mod wire;

pub use attachments::{Attachment, Attachments};
pub use calls::{Call, CallDirection, CallFilter, CallStatus, Calls};
pub use client::TwilioClient;
pub use conferences::{Conference, ConferenceFilter, ConferenceStatus, Conferences};
pub use conversations::{
    Conversation, ConversationParticipant, ConversationState, Conversations, MessagingBinding,
};
pub use error::{NoMedia, TwilioError, Unreadable};
pub use event_streams::{
    EventStreams, EventType, Sink, SinkKind, SinkStatus, SubscribedEvent, Subscription,
};
pub use events::{EventQuery, EventsFound};
pub use flex::FlexConfiguration;
pub use holds::{HoldSpan, total_hold};
pub use interactions::{
    AgentPart, Interaction, InteractionChannel, InteractionChannelStatus, InteractionInvite,
    InteractionParticipant, InteractionRole, Interactions, RoutingProperties,
};
pub use legacy_chat::{ChatChannel, LegacyChat};
pub use listing::{Listed, Listing};
pub use media::{DeliveredChannels, Media};
pub use messages::{Message, MessageMedia, Messages};
pub use participants::{
    LiveParticipant, ParticipantFilter, ParticipantStatus, PastParticipant, ProcessingState,
};
pub use public_keys::{PublicKey, PublicKeys};
pub use recordings::{
    Deletion, MediaLocation, Recording, RecordingFilter, RecordingReference, RecordingSource,
    RecordingStatus, Recordings, Track,
};
pub use settings::{Credentials, Endpoints, TwilioSettings};
pub use stream_setup::{Created, StreamPlan, StreamSetup};
pub use taskrouter::{
    Activity, Reservation, Task, TaskFilter, TaskQueue, TaskRouter, Worker, Workspace,
};
pub use webhook_destination::WebhookDestination;
