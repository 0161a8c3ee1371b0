//! The secrets that sign, and the keys that verify.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// The prefix of a secret for `v1`.
const HMAC: &str = "whsec_";
/// The prefix of a private key for `v1a`.
const PRIVATE: &str = "whsk_";
/// The prefix of a public key for `v1a`.
const PUBLIC: &str = "whpk_";

const SEED_BYTES: usize = 32;
const PUBLIC_BYTES: usize = 32;

/// With padding or without: both are met.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text is no secret. It tells what is wrong and shows nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It does not begin with a known prefix.
    #[error(
        "a webhook secret begins with \"whsec_\" (HMAC) or \"whsk_\" (ed25519); this text begins with neither"
    )]
    Prefix,
    /// It is a public key where a secret is needed.
    #[error(
        "this is a public key (\"whpk_\"); signing needs the private key that begins with \"whsk_\""
    )]
    PublicKey,
    /// What follows the prefix is no base64.
    #[error("what follows \"{prefix}\" in a webhook secret is base64, and this is not")]
    Base64 {
        /// The prefix.
        prefix: &'static str,
    },
    /// A secret for HMAC is too short or too long.
    #[error(
        "a \"whsec_\" secret holds 24 to 64 bytes, this one {bytes}; make a new one from 32 random bytes"
    )]
    HmacLength {
        /// Its length.
        bytes: usize,
    },
    /// A key for ed25519 has another length than such keys have.
    #[error("a \"{prefix}\" key holds {expected}, this one {bytes} bytes")]
    KeyLength {
        /// The prefix.
        prefix: &'static str,
        /// What it should hold.
        expected: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// The public half of a private key does not belong to its seed.
    #[error(
        "the two halves of this \"whsk_\" key do not belong together; it was damaged when it was copied"
    )]
    Halves,
}

#[derive(Clone)]
enum Key {
    Hmac(Arc<hmac::Key>),
    Ed25519(Arc<Ed25519KeyPair>),
}

/// A secret that signs: `whsec_…` with HMAC-SHA256 (`v1`), or `whsk_…` with ed25519 (`v1a`).
///
/// The text is wiped once it is read; what is kept lives inside the cryptographic library, which wipes it when it is dropped.
/// `Debug` shows the kind alone. Clones share one key.
///
/// ```
/// use secrecy::SecretString;
/// use webhook_delivery::SigningSecret;
///
/// let secret = SigningSecret::parse(&SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))?;
/// assert_eq!(format!("{secret:?}"), "SigningSecret(v1)");
/// let error = SigningSecret::parse(&SecretString::from("whsec_MfKQ")).unwrap_err();
/// assert_eq!(error.to_string(), "a \"whsec_\" secret holds 24 to 64 bytes, this one 3; make a new one from 32 random bytes");
/// # Ok::<(), webhook_delivery::SecretError>(())
/// ```
#[derive(Clone)]
pub struct SigningSecret(Key);

impl SigningSecret {
    /// Reads a secret. A `whsk_` key is its 32-byte seed, or seed and public key (64 bytes).
    pub fn parse(text: &SecretString) -> Result<Self, SecretError> {
        let text = text.expose_secret().trim();
        let key = if let Some(rest) = text.strip_prefix(HMAC) {
            Key::Hmac(Arc::new(hmac_key(&decoded(rest, HMAC)?)?))
        } else if let Some(rest) = text.strip_prefix(PRIVATE) {
            Key::Ed25519(Arc::new(key_pair(&decoded(rest, PRIVATE)?)?))
        } else if text.starts_with(PUBLIC) {
            return Err(SecretError::PublicKey);
        } else {
            return Err(SecretError::Prefix);
        };
        Ok(Self(key))
    }

    /// The version of its signatures: `v1` or `v1a`.
    pub fn version(&self) -> &'static str {
        match self.0 {
            Key::Hmac(_) => "v1",
            Key::Ed25519(_) => "v1a",
        }
    }

    /// The public key to give to receivers, `whpk_…`; an HMAC secret has none.
    pub fn public_key(&self) -> Option<String> {
        match &self.0 {
            Key::Hmac(_) => None,
            Key::Ed25519(pair) => Some(format!(
                "{PUBLIC}{}",
                STANDARD.encode(pair.public_key().as_ref())
            )),
        }
    }

    /// One entry of the signature header. `content` is what is signed, in one piece.
    pub(crate) fn entry(&self, content: &[u8]) -> String {
        let signature = match &self.0 {
            Key::Hmac(key) => STANDARD.encode(hmac::sign(key, content)),
            Key::Ed25519(pair) => STANDARD.encode(pair.sign(content)),
        };
        format!("{},{signature}", self.version())
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningSecret({})", self.version())
    }
}

#[derive(Clone)]
enum Proof {
    Hmac(Arc<hmac::Key>),
    Ed25519([u8; PUBLIC_BYTES]),
}

/// What a receiver verifies with: the `whsec_…` secret that it shares with the sender, or the sender's public key `whpk_…`.
#[derive(Clone)]
pub struct VerifyingKey(Proof);

impl VerifyingKey {
    /// Reads a secret or a public key.
    pub fn parse(text: &SecretString) -> Result<Self, SecretError> {
        let text = text.expose_secret().trim();
        let proof = if let Some(rest) = text.strip_prefix(HMAC) {
            Proof::Hmac(Arc::new(hmac_key(&decoded(rest, HMAC)?)?))
        } else if let Some(rest) = text.strip_prefix(PUBLIC) {
            let bytes = decoded(rest, PUBLIC)?;
            Proof::Ed25519(
                bytes
                    .as_slice()
                    .try_into()
                    .map_err(|_| SecretError::KeyLength {
                        prefix: PUBLIC,
                        expected: "32 bytes",
                        bytes: bytes.len(),
                    })?,
            )
        } else {
            return SigningSecret::parse(&SecretString::from(text)).map(Self::from);
        };
        Ok(Self(proof))
    }

    pub(crate) fn version(&self) -> &'static str {
        match self.0 {
            Proof::Hmac(_) => "v1",
            Proof::Ed25519(_) => "v1a",
        }
    }

    /// Compares in constant time.
    pub(crate) fn accepts(&self, content: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Proof::Hmac(key) => hmac::verify(key, content, signature).is_ok(),
            Proof::Ed25519(public) => UnparsedPublicKey::new(&ED25519, public)
                .verify(content, signature)
                .is_ok(),
        }
    }
}

impl From<SigningSecret> for VerifyingKey {
    fn from(secret: SigningSecret) -> Self {
        Self(match secret.0 {
            Key::Hmac(key) => Proof::Hmac(key),
            Key::Ed25519(pair) => {
                let mut public = [0; PUBLIC_BYTES];
                public.copy_from_slice(pair.public_key().as_ref());
                Proof::Ed25519(public)
            }
        })
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.version())
    }
}

pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text).ok()
}

fn decoded(text: &str, prefix: &'static str) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    base64(text)
        .map(Zeroizing::new)
        .ok_or(SecretError::Base64 { prefix })
}

fn hmac_key(bytes: &[u8]) -> Result<hmac::Key, SecretError> {
    if !(24..=64).contains(&bytes.len()) {
        return Err(SecretError::HmacLength { bytes: bytes.len() });
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes))
}

fn key_pair(bytes: &[u8]) -> Result<Ed25519KeyPair, SecretError> {
    let length = SecretError::KeyLength {
        prefix: PRIVATE,
        expected: "a seed of 32 bytes, or seed and public key in 64",
        bytes: bytes.len(),
    };
    match bytes.split_at_checked(SEED_BYTES) {
        Some((seed, [])) => Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| length),
        Some((seed, public)) if public.len() == PUBLIC_BYTES => {
            Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(|_| SecretError::Halves)
        }
        _ => Err(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SigningSecret, SecretError> {
        SigningSecret::parse(&SecretString::from(text))
    }

    fn encoded(prefix: &str, bytes: &[u8]) -> String {
        format!("{prefix}{}", STANDARD.encode(bytes))
    }

    #[test]
    fn hmac_secrets_have_24_to_64_bytes() {
        for (bytes, good) in [(0, false), (23, false), (24, true), (64, true), (65, false)] {
            let read = parse(&encoded(HMAC, &vec![7; bytes]));
            assert_eq!(read.is_ok(), good, "{bytes}");
            if let Err(error) = read {
                assert_eq!(error, SecretError::HmacLength { bytes });
            }
        }
    }

    #[test]
    fn padding_and_blanks_around_do_not_matter() {
        let with = encoded(HMAC, &[7; 25]);
        assert!(with.ends_with('='));
        assert!(parse(with.trim_end_matches('=')).is_ok());
        assert!(parse(&format!(" {with}\n")).is_ok());
    }

    #[test]
    fn a_private_key_is_a_seed_with_or_without_its_public_half() {
        let seed = [9; 32];
        let short = parse(&encoded(PRIVATE, &seed)).unwrap();
        let public = short.public_key().unwrap();
        let half = base64(public.strip_prefix(PUBLIC).unwrap()).unwrap();
        let long = parse(&encoded(PRIVATE, &[&seed[..], &half].concat())).unwrap();
        assert_eq!(long.public_key(), Some(public));
        assert_eq!(long.entry(b"x"), short.entry(b"x"));
        let wrong = parse(&encoded(PRIVATE, &[9; 64]));
        assert_eq!(wrong.unwrap_err(), SecretError::Halves);
        for bytes in [0, 31, 33, 63, 65] {
            let error = parse(&encoded(PRIVATE, &vec![9; bytes])).unwrap_err();
            assert!(
                matches!(error, SecretError::KeyLength { bytes: told, .. } if told == bytes),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_told_without_showing_it() {
        for (text, expected) in [
            ("hunter2hunter2", SecretError::Prefix),
            ("", SecretError::Prefix),
            ("WHSEC_hunter2", SecretError::Prefix),
            ("whpk_hunter2", SecretError::PublicKey),
            ("whsec_hunter2!", SecretError::Base64 { prefix: HMAC }),
            ("whsk_hunter2!", SecretError::Base64 { prefix: PRIVATE }),
            ("whsec_hunter2h", SecretError::HmacLength { bytes: 6 }),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        let verifying = |text: &str| VerifyingKey::parse(&SecretString::from(text)).unwrap_err();
        assert_eq!(
            verifying("whpk_aHVudGVyMg==").to_string(),
            "a \"whpk_\" key holds 32 bytes, this one 7 bytes"
        );
        assert_eq!(verifying("hunter2"), SecretError::Prefix);
    }

    #[test]
    fn printing_shows_the_kind_alone() {
        let secret = parse(&encoded(HMAC, &[7; 32])).unwrap();
        assert_eq!(format!("{secret:?}"), "SigningSecret(v1)");
        assert_eq!(secret.public_key(), None);
        let key = VerifyingKey::from(parse(&encoded(PRIVATE, &[7; 32])).unwrap());
        assert_eq!(format!("{key:?}"), "VerifyingKey(v1a)");
    }
}
