#![doc = include_str!("../README.md")]

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod deliverer;
mod endpoint;
mod error;
mod health;
mod ids;
mod memory;
mod message;
mod observe;
mod outbox;
mod schedule;
mod secret;
mod sender;
mod settings;
mod sign;
mod verify;
mod worker;

pub use deliverer::{Deliverer, DelivererBuilder, Wake};
pub use endpoint::Endpoint;
pub use error::{Result, WebhookError};
pub use health::{
    DisableRule, Disabled, DisabledReason, EndpointEvent, EndpointState, UnknownWord,
};
pub use http_retry::guard::{AddressGuard, AddressRange, GuardError, Network, NetworkError};
pub use http_retry::{Addresses, Resolver};
pub use ids::{EndpointId, MessageId, OrderingKey};
pub use memory::MemoryOutbox;
pub use message::{MAX_BODY, Message};
pub use observe::{DeliveryEvent, Observer};
pub use outbox::{
    Attempt, AttemptOutcome, AttemptResult, Claim, FailureKind, MessageRow, MessageState, Outbox,
    ReplayRange, ReplayWhich, Replayed, Settled, Settlement,
};
pub use schedule::Schedule;
pub use secret::{SecretError, SigningSecret, VerifyingKey};
pub use sender::{MAX_RESPONSE, Sender, SenderBuilder, Sent};
pub use settings::DeliverySettings;
pub use sign::{Signed, sign};
pub use verify::{TOLERANCE, Verifier, VerifyError};
