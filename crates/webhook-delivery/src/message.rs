//! What is sent.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{EndpointId, MessageId, OrderingKey, Result, WebhookError};

/// The most bytes of a body: far more than the 20 kB that the specification recommends, far less than what would hurt.
pub const MAX_BODY: usize = 256 * 1024;

/// A message to one endpoint. Its bytes are exact: they are signed and sent as they are, on every attempt.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id, the same on every attempt.
    pub id: MessageId,
    /// Where it goes.
    pub endpoint: EndpointId,
    /// What keeps its order.
    pub key: OrderingKey,
    /// The body, JSON.
    pub body: Bytes,
    /// When what it tells happened, or was put.
    pub created_at: DateTime<Utc>,
    /// How many attempts of this round have failed; 0 before the first. A replay begins a new round.
    pub attempts: u32,
}

impl Message {
    /// A message with this payload as JSON.
    pub fn new(
        id: MessageId,
        endpoint: EndpointId,
        key: OrderingKey,
        payload: &impl Serialize,
        created_at: DateTime<Utc>,
    ) -> Result<Self> {
        let body = serde_json::to_vec(payload).map_err(WebhookError::Payload)?;
        Self::from_body(id, endpoint, key, body.into(), created_at)
    }

    /// A message with exactly this body, which should be JSON.
    pub fn from_body(
        id: MessageId,
        endpoint: EndpointId,
        key: OrderingKey,
        body: Bytes,
        created_at: DateTime<Utc>,
    ) -> Result<Self> {
        if body.len() > MAX_BODY {
            return Err(WebhookError::BodyTooLarge { bytes: body.len() });
        }
        Ok(Self {
            id,
            endpoint,
            key,
            body,
            created_at,
            attempts: 0,
        })
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("body_bytes", &self.body.len())
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(payload: &impl Serialize) -> Result<Message> {
        let (id, endpoint, key) = (
            "msg_1".parse().unwrap(),
            "a".parse().unwrap(),
            "k".parse().unwrap(),
        );
        Message::new(id, endpoint, key, payload, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn any_serializable_payload_becomes_a_body_and_printing_shows_none_of_it() {
        let message = made(&serde_json::json!({ "secret": "hunter2" })).unwrap();
        assert_eq!(message.body.as_ref(), br#"{"secret":"hunter2"}"#);
        let printed = format!("{message:?}");
        assert!(
            !printed.contains("hunter2") && printed.contains("body_bytes: 20"),
            "{printed}"
        );
    }

    #[test]
    fn a_payload_that_is_no_json_or_too_large_is_refused() {
        let no_json = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(matches!(made(&no_json), Err(WebhookError::Payload(_))));
        let large = made(&"x".repeat(MAX_BODY)).unwrap_err();
        assert_eq!(
            large.to_string(),
            "the body has 262146 bytes; a webhook has at most 262144"
        );
    }
}
