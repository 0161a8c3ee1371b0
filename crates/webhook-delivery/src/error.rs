//! What can go wrong before anything is sent.

use http_retry::SetupError;
use http_retry::guard::GuardError;

use crate::{EndpointId, MAX_BODY};

/// The result of setting up.
pub type Result<T, E = WebhookError> = std::result::Result<T, E>;

/// Why a message, an endpoint or a deliverer cannot be made. What an attempt meets is no error but an [`Attempt`](crate::Attempt).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// A text is not the name that it should be.
    #[error("this is no {what} of 1 to 128 bytes")]
    Name {
        /// The kind of name and its characters.
        what: &'static str,
    },
    /// A payload cannot be written as JSON.
    #[error("the payload cannot be written as JSON: {0}")]
    Payload(#[source] serde_json::Error),
    /// A body is too large for a webhook.
    #[error("the body has {bytes} bytes; a webhook has at most {MAX_BODY}")]
    BodyTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// An endpoint has no secret, so nothing could be signed.
    #[error("the endpoint {endpoint} has no secret; give it at least one")]
    NoSecret {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// An endpoint's URL is none that may be called.
    #[error("the URL of the endpoint {endpoint} cannot be used: {source}")]
    Url {
        /// The endpoint.
        endpoint: EndpointId,
        /// Why not.
        source: GuardError,
    },
    /// Two endpoints have one name.
    #[error("the endpoint {endpoint} is there twice")]
    EndpointTwice {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// A message is for another endpoint than the one that should send it.
    #[error("there is no endpoint {endpoint} here")]
    UnknownEndpoint {
        /// The message's endpoint.
        endpoint: EndpointId,
    },
    /// A setting is out of its bounds.
    #[error("{field} must be {rule}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// What holds for it.
        rule: &'static str,
    },
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
}
