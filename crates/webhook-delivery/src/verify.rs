//! The receiver's half, for receivers in Rust.

use chrono::{DateTime, TimeDelta, Utc};

use crate::VerifyingKey;
use crate::secret::base64;
use crate::sign::content;

/// How far the time of an attempt may lie from the receiver's clock, in either direction.
pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// How many entries of a signature header are looked at: a rotation needs two or three.
const ENTRIES: usize = 32;

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The id is empty or holds a dot.
    #[error("webhook-id is empty or holds a dot")]
    Id,
    /// The time is no whole number of seconds.
    #[error("webhook-timestamp is no whole number of seconds")]
    Timestamp,
    /// The attempt was made too long ago: it may be a replay by somebody else.
    #[error("webhook-timestamp is more than five minutes ago")]
    TooOld,
    /// The attempt was made in the future.
    #[error("webhook-timestamp is more than five minutes ahead")]
    TooNew,
    /// No entry of the signature header is one of ours.
    #[error("no entry of webhook-signature matches")]
    Signature,
}

/// Verifies webhooks by the Standard Webhooks specification.
///
/// ```
/// use secrecy::SecretString;
/// use webhook_delivery::{Verifier, VerifyError, VerifyingKey};
///
/// let key = VerifyingKey::parse(&SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))?;
/// let verifier = Verifier::new([key]);
/// let now = chrono::DateTime::from_timestamp(1_614_265_400, 0).unwrap();
/// let (id, signature) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
/// let body = br#"{"test": 2432232314}"#;
/// assert_eq!(verifier.verify(id, "1614265330", signature, body, now), Ok(()));
/// assert_eq!(verifier.verify(id, "1614265330", signature, b"{}", now), Err(VerifyError::Signature));
/// # Ok::<(), webhook_delivery::SecretError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: Vec<VerifyingKey>,
}

impl Verifier {
    /// Believes what was signed with any of these keys.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
        }
    }

    /// Verifies the values of the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` over the body as it was
    /// received, byte by byte. Signatures are compared in constant time.
    ///
    /// A receiver still has to remember ids: the same message may come again.
    pub fn verify(
        &self,
        id: &str,
        timestamp: &str,
        signature: &str,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        // With a dot in it, an id could take over a part of the time or the body.
        if id.is_empty() || id.contains('.') {
            return Err(VerifyError::Id);
        }
        let seconds: i64 = timestamp.parse().map_err(|_| VerifyError::Timestamp)?;
        let at = DateTime::from_timestamp(seconds, 0).ok_or(VerifyError::Timestamp)?;
        let age = now.signed_duration_since(at);
        if age > TOLERANCE {
            return Err(VerifyError::TooOld);
        }
        if age < -TOLERANCE {
            return Err(VerifyError::TooNew);
        }
        let content = content(id, seconds, body);
        let matches = signature
            .split_ascii_whitespace()
            .take(ENTRIES)
            .filter_map(|entry| entry.split_once(','))
            .any(|(version, text)| {
                self.keys
                    .iter()
                    .filter(|key| key.version() == version)
                    .any(|key| base64(text).is_some_and(|bytes| key.accepts(&content, &bytes)))
            });
        if matches {
            Ok(())
        } else {
            Err(VerifyError::Signature)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::*;
    use crate::{SigningSecret, sign};

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::parse(&SecretString::from(text)).unwrap()
    }

    fn hmac() -> SigningSecret {
        secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    }

    fn ed25519() -> SigningSecret {
        secret("whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
    }

    fn verifier(secrets: &[SigningSecret]) -> Verifier {
        Verifier::new(secrets.iter().cloned().map(VerifyingKey::from))
    }

    #[test]
    fn rotation_signs_with_both_and_either_key_is_believed() {
        let signed = sign(
            &[hmac(), ed25519()],
            &"msg_1".parse().unwrap(),
            at(0),
            b"{}",
        );
        let entries: Vec<&str> = signed.signature.split(' ').collect();
        assert!(entries[0].starts_with("v1,") && entries[1].starts_with("v1a,"));
        assert_eq!(entries.len(), 2);
        for known in [hmac(), ed25519()] {
            let verdict =
                verifier(&[known]).verify("msg_1", "1780000000", &signed.signature, b"{}", at(1));
            assert_eq!(verdict, Ok(()));
        }
        let stranger = secret("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let verdict =
            verifier(&[stranger]).verify("msg_1", "1780000000", &signed.signature, b"{}", at(1));
        assert_eq!(verdict, Err(VerifyError::Signature));
        // A signature of one kind is not taken for the other.
        let swapped = signed
            .signature
            .replace("v1a,", "v2,")
            .replace("v1,", "v1a,");
        let verdict =
            verifier(&[hmac(), ed25519()]).verify("msg_1", "1780000000", &swapped, b"{}", at(1));
        assert_eq!(verdict, Err(VerifyError::Signature));
    }

    #[test]
    fn five_minutes_of_difference_are_tolerated_and_no_more() {
        let signed = sign(&[hmac()], &"msg_1".parse().unwrap(), at(0), b"{}");
        let verify =
            |now| verifier(&[hmac()]).verify("msg_1", "1780000000", &signed.signature, b"{}", now);
        assert_eq!(verify(at(300)), Ok(()));
        assert_eq!(verify(at(301)), Err(VerifyError::TooOld));
        assert_eq!(verify(at(-300)), Ok(()));
        assert_eq!(verify(at(-301)), Err(VerifyError::TooNew));
    }

    #[test]
    fn headers_that_are_none_are_told_apart() {
        let verifier = verifier(&[hmac()]);
        let verify =
            |id, timestamp, signature| verifier.verify(id, timestamp, signature, b"", at(0));
        assert_eq!(verify("", "1780000000", "v1,"), Err(VerifyError::Id));
        assert_eq!(verify("a.b", "1780000000", "v1,"), Err(VerifyError::Id));
        for timestamp in [
            "",
            "now",
            "1780000000.5",
            "99999999999999999999",
            "9223372036854775807",
        ] {
            assert_eq!(
                verify("a", timestamp, "v1,"),
                Err(VerifyError::Timestamp),
                "{timestamp}"
            );
        }
        for signature in ["", "v1", "v1,", "v1,!!", ",", "v1a,AAAA", "   "] {
            assert_eq!(
                verify("a", "1780000000", signature),
                Err(VerifyError::Signature),
                "{signature}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_is_believed_and_what_was_changed_is_not(
            body in prop::collection::vec(any::<u8>(), 0..200), flip in any::<prop::sample::Index>(), bit in 0_u8..8, second in 0_i64..4_000_000,
        ) {
            let secrets = [hmac(), ed25519()];
            let signed = sign(&secrets, &"msg_1".parse().unwrap(), at(second), &body);
            let timestamp = signed.timestamp.to_string();
            for known in secrets {
                let verifier = verifier(&[known]);
                prop_assert_eq!(verifier.verify("msg_1", &timestamp, &signed.signature, &body, at(second)), Ok(()));
                prop_assert!(verifier.verify("msg_2", &timestamp, &signed.signature, &body, at(second)).is_err());
                if !body.is_empty() {
                    let mut changed = body.clone();
                    changed[flip.index(body.len())] ^= 1 << bit;
                    prop_assert!(verifier.verify("msg_1", &timestamp, &signed.signature, &changed, at(second)).is_err());
                }
            }
        }

        #[test]
        fn no_header_makes_the_verifier_panic(id in ".{0,20}", timestamp in "[-0-9]{0,22}|.{0,10}", signature in "(v1a?,)?.{0,40}") {
            let _ = verifier(&[hmac(), ed25519()]).verify(&id, &timestamp, &signature, b"", at(0));
        }
    }
}
