//! What is told outside of a contact: written down with the change that it tells of.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use contact_model::{Contact, StatusEvent};
use sync_ledger::Tell;
use webhook_delivery::MessageId;

use super::acd::AcdRuntime;

/// The contact status event of a contact as it is from now on, where one is to be sent at all.
///
/// `version` is the one that the change is based on: with it each change has a message id of its own, and the same one again
/// if it is tried again.
pub(super) fn tell(acd: &AcdRuntime, contact: &Contact, version: u64) -> Option<Tell> {
    acd.config.event_webhook_url.as_ref()?;
    let tenant = acd.config.calabrio.tenant_id?;
    let status = contact.stage.status()?;
    let ccr = contact.stage.ccr();
    let event = StatusEvent::new(&contact.leg, ccr, tenant, status);
    let body = serde_json::to_vec(&event).ok()?;
    let mut seed = format!("{}/{}/{version}/", contact.leg.acd, contact.leg.id).into_bytes();
    // A ledger that was lost counts its versions anew: what says something else is another message.
    seed.extend_from_slice(&body);
    Some(Tell {
        status,
        ccr,
        message_id: message_id(&seed),
        body: Bytes::from(body),
    })
}

/// A message id from the first 160 bits of a hash.
fn message_id(seed: &[u8]) -> String {
    let hash = digest(&SHA256, seed);
    let mut random = [0; 20];
    for (to, from) in random.iter_mut().zip(hash.as_ref()) {
        *to = *from;
    }
    MessageId::from_random(random).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_has_no_dot_and_is_the_same_for_the_same_change() {
        assert_eq!(message_id(b"a/1"), message_id(b"a/1"));
        assert_ne!(message_id(b"a/1"), message_id(b"a/2"));
        assert!(
            message_id(b"a/1")
                .bytes()
                .all(|b| b == b'_' || b.is_ascii_alphanumeric())
        );
    }
}
