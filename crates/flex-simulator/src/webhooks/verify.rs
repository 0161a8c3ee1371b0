//! Standard Webhooks, read from its specification: which headers a message bears and what its signatures are of.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use crate::faults::Dice;
use crate::http::Inbound;

/// How far a message's time may lie from now, in seconds.
const TOLERANCE_SECONDS: i64 = 5 * 60;

/// The secrets that a sender is given, and what verifies by them.
pub(crate) struct Secrets {
    /// `whsec_…`.
    pub(crate) symmetric: String,
    /// `whsk_…`.
    pub(crate) private: String,
    hmac: hmac::Key,
    public: Vec<u8>,
}

impl Secrets {
    /// Secrets of a seed; nothing where the key pair cannot be made of it.
    pub(crate) fn new(dice: &mut Dice) -> Option<Self> {
        let mut bytes = || {
            let words: [u64; 4] = std::array::from_fn(|_| dice.next());
            words.map(u64::to_le_bytes).concat()
        };
        let (secret, seed) = (bytes(), bytes());
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
        Some(Self {
            symmetric: format!("whsec_{}", STANDARD.encode(&secret)),
            private: format!("whsk_{}", STANDARD.encode(&seed)),
            hmac: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            public: pair.public_key().as_ref().to_vec(),
        })
    }

    /// Whether a signature of the header is right; of what scheme it is.
    fn right<'s>(&self, signature: &'s str, signed: &[u8]) -> Option<&'s str> {
        let (scheme, value) = signature.split_once(',')?;
        let value = STANDARD.decode(value).ok()?;
        let right = match scheme {
            "v1" => hmac::verify(&self.hmac, signed, &value).is_ok(),
            "v1a" => UnparsedPublicKey::new(&ED25519, &self.public)
                .verify(signed, &value)
                .is_ok(),
            _ => false,
        };
        right.then_some(scheme)
    }
}

/// A message whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) id: String,
    /// The schemes that it is rightly signed by.
    pub(super) schemes: Vec<String>,
}

/// Verifies a message; what is wrong with it otherwise.
pub(super) fn verify(
    secrets: &Secrets,
    req: &Inbound,
    now: DateTime<Utc>,
) -> Result<Verified, &'static str> {
    let header = |name: &'static str| req.header(name).filter(|value| !value.is_empty());
    let id = header("webhook-id").ok_or("a webhook without webhook-id")?;
    if id.contains('.') {
        return Err("a webhook-id with a dot in it");
    }
    let timestamp = header("webhook-timestamp").ok_or("a webhook without webhook-timestamp")?;
    let at: i64 = timestamp
        .parse()
        .map_err(|_| "a webhook-timestamp that is no whole number of seconds")?;
    if (now.timestamp() - at).abs() > TOLERANCE_SECONDS {
        return Err("a webhook whose time lies more than five minutes from now");
    }
    let signatures = header("webhook-signature").ok_or("a webhook without webhook-signature")?;
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &req.body].concat();
    let schemes: Vec<String> = signatures
        .split(' ')
        .filter_map(|signature| secrets.right(signature, &signed))
        .map(str::to_owned)
        .collect();
    if schemes.is_empty() {
        return Err("a webhook of which no signature is right");
    }
    Ok(Verified {
        id: id.to_owned(),
        schemes,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;

    pub(in crate::webhooks) fn secrets() -> Secrets {
        Secrets::new(&mut Dice::new(7, 1, 0)).unwrap()
    }

    /// Signs as a sender with both secrets does.
    pub(in crate::webhooks) fn sign(secrets: &Secrets, id: &str, at: i64, body: &[u8]) -> String {
        let signed = [id.as_bytes(), b".", at.to_string().as_bytes(), b".", body].concat();
        let seed = STANDARD.decode(&secrets.private["whsk_".len()..]).unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        format!(
            "v1,{} v1a,{}",
            STANDARD.encode(hmac::sign(&secrets.hmac, &signed)),
            STANDARD.encode(pair.sign(&signed))
        )
    }

    pub(in crate::webhooks) fn message(
        id: &str,
        at: &str,
        signature: &str,
        body: &[u8],
    ) -> Inbound {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        for (name, value) in [
            ("webhook-id", id),
            ("webhook-timestamp", at),
            ("webhook-signature", signature),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        Inbound {
            method: Method::POST,
            path: "/contact-status".to_owned(),
            query: Vec::new(),
            headers,
            body: Bytes::copy_from_slice(body),
            link_base: String::new(),
            root: "http://127.0.0.1:1".to_owned(),
            by_segment: true,
        }
    }

    #[test]
    fn the_example_of_the_specification_verifies() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let known = Secrets {
            hmac: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            ..secrets()
        };
        let signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(known.right(signature, signed), Some("v1"));
    }

    #[test]
    fn either_signature_is_enough_and_one_that_is_wrong_is_not() {
        let (secrets, now) = (secrets(), Utc::now());
        let at = now.timestamp();
        let both = sign(&secrets, "msg_1", at, b"{}");
        let verified = |signature: &str, body: &[u8]| {
            let req = message("msg_1", &at.to_string(), signature, body);
            verify(&secrets, &req, now).map(|it| it.schemes)
        };
        assert_eq!(verified(&both, b"{}").unwrap(), ["v1", "v1a"]);
        for one in both.split(' ') {
            assert_eq!(verified(&format!("v1,bm8= {one}"), b"{}").unwrap().len(), 1);
            assert!(verified(one, b"{ }").is_err(), "it is of the exact bytes");
        }
        assert!(verified("v1,bm8= v2,x nothing", b"{}").is_err());
    }

    #[test]
    fn what_is_missing_or_stale_is_told() {
        let (secrets, now) = (secrets(), Utc::now());
        let at = now.timestamp();
        let told = |id: &str, at: i64, text: &str| {
            let signature = sign(&secrets, id, at, b"{}");
            verify(&secrets, &message(id, text, &signature, b"{}"), now).unwrap_err()
        };
        assert!(told("msg.1", at, &at.to_string()).contains("dot"));
        assert!(told("msg_1", at - 301, &(at - 301).to_string()).contains("five minutes"));
        assert!(told("msg_1", at, "now").contains("whole number"));
        let mut bare = message("msg_1", "1", "", b"{}");
        bare.headers.remove("webhook-id");
        assert!(
            verify(&secrets, &bare, now)
                .unwrap_err()
                .contains("webhook-id")
        );
    }
}
