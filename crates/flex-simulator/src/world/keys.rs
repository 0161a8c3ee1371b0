//! The customer's key pairs and what Twilio encrypts with them: AES-256-GCM for the media, RSAES-OAEP with SHA-256 for the content
//! key. All of it by aws-lc-rs, which none of the crates under test uses for this.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::WorldError;
use super::dice::Dice;

/// Length of the tag that follows the ciphertext.
pub(crate) const TAG_BYTES: u64 = 16;

/// Which of the customer's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyName {
    /// The one in use.
    Newer,
    /// The one before the rotation.
    Older,
    /// One whose private half the operator does not hold.
    Foreign,
}

/// A key pair.
pub(crate) struct CustomerKey {
    /// The public key's SID at Twilio.
    pub(crate) sid: String,
    /// Its name at Twilio.
    pub(crate) friendly_name: String,
    public: OaepPublicEncryptingKey,
    /// The private half as PKCS#8 PEM.
    pub(crate) pem: String,
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CustomerKey")
            .field("sid", &self.sid)
            .finish_non_exhaustive()
    }
}

impl CustomerKey {
    fn generate(sid: String, friendly_name: &str, size: KeySize) -> Result<Self, WorldError> {
        let broken = |_| WorldError::KeyGeneration;
        let private = PrivateDecryptingKey::generate(size).map_err(broken)?;
        let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&private).map_err(broken)?;
        Ok(Self {
            sid,
            friendly_name: friendly_name.to_owned(),
            public: OaepPublicEncryptingKey::new(private.public_key()).map_err(broken)?,
            pem: pem("PRIVATE KEY", der.as_ref()),
        })
    }

    /// A content key wrapped for this key's holder, as base64. Each call gives another text.
    pub(crate) fn wrap(&self, content_key: &[u8; 32]) -> Result<String, WorldError> {
        let mut wrapped = vec![0; self.public.ciphertext_size()];
        let wrapped = self
            .public
            .encrypt(&OAEP_SHA256_MGF1SHA256, content_key, &mut wrapped, None)
            .map_err(|_| WorldError::Encryption)?;
        Ok(STANDARD.encode(wrapped))
    }
}

/// The customer's keys.
#[derive(Debug)]
pub(crate) struct Keys {
    /// The one in use.
    pub(crate) newer: CustomerKey,
    /// The one before the rotation.
    pub(crate) older: CustomerKey,
    /// One whose private half the operator does not hold.
    pub(crate) foreign: CustomerKey,
}

impl Keys {
    /// Three key pairs. Their SIDs come from the seed, the keys themselves from the system's randomness.
    pub(crate) fn generate(dice: &mut Dice, bits: u32) -> Result<Self, WorldError> {
        let size = match bits {
            2_048 => KeySize::Rsa2048,
            3_072 => KeySize::Rsa3072,
            4_096 => KeySize::Rsa4096,
            _ => return Err(WorldError::KeyBits(bits)),
        };
        let (newer, older, foreign) = (dice.sid("CR"), dice.sid("CR"), dice.sid("CR"));
        // Finding primes takes long enough to do it beside each other.
        let (newer, older, foreign) = std::thread::scope(|scope| {
            let older = scope.spawn(|| CustomerKey::generate(older, "recordings 2025", size));
            let foreign = scope.spawn(|| CustomerKey::generate(foreign, "recordings test", size));
            (
                CustomerKey::generate(newer, "recordings 2026", size),
                older.join().unwrap_or(Err(WorldError::KeyGeneration)),
                foreign.join().unwrap_or(Err(WorldError::KeyGeneration)),
            )
        });
        Ok(Self {
            newer: newer?,
            older: older?,
            foreign: foreign?,
        })
    }

    /// One of them.
    pub(crate) const fn get(&self, name: KeyName) -> &CustomerKey {
        match name {
            KeyName::Newer => &self.newer,
            KeyName::Older => &self.older,
            KeyName::Foreign => &self.foreign,
        }
    }
}

/// Encrypts in place and appends the tag.
pub(crate) fn seal(
    content_key: &[u8; 32],
    iv: [u8; 12],
    media: &mut Vec<u8>,
) -> Result<(), WorldError> {
    let key = UnboundKey::new(&AES_256_GCM, content_key).map_err(|_| WorldError::Encryption)?;
    LessSafeKey::new(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::empty(), media)
        .map_err(|_| WorldError::Encryption)
}

/// The IV as the API tells it.
pub(crate) fn iv_text(iv: [u8; 12]) -> String {
    STANDARD.encode(iv)
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use aws_lc_rs::rsa::OaepPrivateDecryptingKey;

    /// Unwraps and opens, for tests: the way back by the same library.
    pub(crate) fn open(pem: &str, wrapped: &str, iv: &str, media: &[u8]) -> Option<Vec<u8>> {
        let body: String = pem
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let private = PrivateDecryptingKey::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
        let private = OaepPrivateDecryptingKey::new(private).unwrap();
        let mut content_key = vec![0; private.min_output_size()];
        let content_key = private
            .decrypt(
                &OAEP_SHA256_MGF1SHA256,
                &STANDARD.decode(wrapped).unwrap(),
                &mut content_key,
                None,
            )
            .ok()?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, content_key).unwrap());
        let iv: [u8; 12] = STANDARD.decode(iv).unwrap().try_into().unwrap();
        let mut media = media.to_vec();
        let length = key
            .open_in_place(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut media)
            .ok()?
            .len();
        media.truncate(length);
        Some(media)
    }

    #[test]
    fn what_is_sealed_for_a_key_is_opened_by_its_private_half_only() {
        let keys = Keys::generate(&mut Dice::new(1, 0), 2_048).unwrap();
        let mut media = b"spoken words".to_vec();
        seal(&[7; 32], [9; 12], &mut media).unwrap();
        assert_eq!(media.len() as u64, 12 + TAG_BYTES);
        let wrapped = keys.newer.wrap(&[7; 32]).unwrap();
        let iv = iv_text([9; 12]);
        assert_eq!(
            open(&keys.newer.pem, &wrapped, &iv, &media).unwrap(),
            b"spoken words"
        );
        assert!(open(&keys.older.pem, &wrapped, &iv, &media).is_none());
    }

    #[test]
    fn a_key_size_that_is_not_offered_is_refused_by_name() {
        let refused = Keys::generate(&mut Dice::new(1, 0), 1_024).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "key_bits is 1024; choose 2048, 3072 or 4096"
        );
    }
}
