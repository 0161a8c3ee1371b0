//! What goes into the three headers.

use chrono::{DateTime, Utc};

use crate::{MessageId, SigningSecret};

/// The header with the message's id.
pub(crate) const ID_HEADER: &str = "webhook-id";
/// The header with the time of the attempt.
pub(crate) const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures.
pub(crate) const SIGNATURE_HEADER: &str = "webhook-signature";

/// The values of the three headers of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// `webhook-id`.
    pub id: MessageId,
    /// `webhook-timestamp`: whole seconds since 1970 UTC of this attempt.
    pub timestamp: i64,
    /// `webhook-signature`: one entry per secret, divided by spaces.
    pub signature: String,
}

/// Signs a body with every secret, by the Standard Webhooks specification: `{id}.{timestamp}.{body}`.
///
/// Give the new secret and the old one while receivers change over; each receiver finds the entry that it knows.
///
/// ```
/// use secrecy::SecretString;
/// use webhook_delivery::{SigningSecret, sign};
///
/// let secret = SigningSecret::parse(&SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))?;
/// let at = chrono::DateTime::from_timestamp(1_614_265_330, 0).unwrap();
/// let id = "msg_p5jXN8AQM9LWM0D4loKWxJek".parse()?;
/// let signed = sign(&[secret], &id, at, br#"{"test": 2432232314}"#);
/// assert_eq!(signed.signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sign(secrets: &[SigningSecret], id: &MessageId, at: DateTime<Utc>, body: &[u8]) -> Signed {
    let timestamp = at.timestamp();
    let content = content(id.as_str(), timestamp, body);
    let entries: Vec<String> = secrets
        .iter()
        .map(|secret| secret.entry(&content))
        .collect();
    Signed {
        id: id.clone(),
        timestamp,
        signature: entries.join(" "),
    }
}

/// What is signed.
pub(crate) fn content(id: &str, timestamp: i64, body: &[u8]) -> Vec<u8> {
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    content
}
