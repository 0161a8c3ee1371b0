//! One RSA private key.

use std::fmt;

use pkcs8::EncodePublicKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use twilio_sid::PublicKeySid;
use zeroize::Zeroizing;

use super::encoding::{self, KeyDocument};
use super::{MAX_BITS, MIN_BITS};
use crate::{ContentKey, CryptoError, CryptoRng, EncryptionDetails};

/// An RSA private key of 2048 to 8192 bits whose public half was uploaded to Twilio.
///
/// Wipes itself when dropped and prints the length of its modulus only.
pub struct PrivateKey {
    key: RsaPrivateKey,
}

impl PrivateKey {
    /// Reads PKCS#8, passphrase-protected PKCS#8 (PBES2) or PKCS#1, each as PEM or DER.
    ///
    /// A passphrase that is given for a key without protection is not used.
    ///
    /// # Errors
    /// [`CryptoError::KeyUnreadable`], [`CryptoError::PassphraseMissing`], [`CryptoError::PassphraseWrong`] or
    /// [`CryptoError::KeySize`]; none repeats anything of the key.
    pub fn read(bytes: &[u8], passphrase: Option<&SecretString>) -> Result<Self, CryptoError> {
        let key = match encoding::read(bytes, passphrase)? {
            KeyDocument::Pkcs1(der) => {
                check_bits(der.as_bytes())?;
                RsaPrivateKey::from_pkcs1_der(der.as_bytes()).map_err(|_| inconsistent())?
            }
            KeyDocument::Pkcs8(der) => {
                let info = pkcs8::PrivateKeyInfoRef::try_from(der.as_bytes())
                    .map_err(|_| inconsistent())?;
                if info.algorithm.oid != rsa::pkcs1::ALGORITHM_OID {
                    let problem =
                        "it is not an RSA key; Twilio encrypts recordings under RSA keys only";
                    return Err(CryptoError::KeyUnreadable { problem });
                }
                check_bits(info.private_key.as_bytes())?;
                RsaPrivateKey::try_from(info).map_err(|_| inconsistent())?
            }
        };
        Ok(Self { key })
    }

    /// The length of the modulus in bits.
    pub fn modulus_bits(&self) -> u32 {
        self.key.n().bits()
    }

    /// The public half as `SubjectPublicKeyInfo` in DER, the content of the PEM that was uploaded to Twilio.
    pub fn public_key_spki_der(&self) -> Vec<u8> {
        // Encoding two integers that were decoded from DER cannot fail.
        self.key
            .as_public_key()
            .to_public_key_der()
            .map(|der| der.as_bytes().to_vec())
            .unwrap_or_default()
    }

    /// SHA-256 over [`public_key_spki_der`](Self::public_key_spki_der), in lower-case hexadecimal; names the key to people.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.public_key_spki_der()))
    }

    /// Whether a public key, `SubjectPublicKeyInfo` as PEM or DER, is the other half of this one.
    pub fn matches(&self, public_key: &[u8]) -> bool {
        use pkcs8::DecodePublicKey;
        let public = std::str::from_utf8(public_key)
            .ok()
            .and_then(|pem| RsaPublicKey::from_public_key_pem(pem.trim()).ok())
            .or_else(|| RsaPublicKey::from_public_key_der(public_key).ok());
        public.is_some_and(|public| &public == self.key.as_public_key())
    }

    /// Recovers the content key: RSAES-OAEP with SHA-256, MGF1 with SHA-256, no label (RFC 8017 §7.1).
    ///
    /// `rng` blinds the private operation; it is not optional and no feature flag decides it.
    /// Takes milliseconds (RSA-8192: a good part of a second): call it off an async runtime's threads.
    ///
    /// # Errors
    /// [`CryptoError::ContentKeyNotUnwrapped`] for whatever reason, so that nothing can be learned from it.
    pub fn unwrap<R: CryptoRng + ?Sized>(
        &self,
        details: &EncryptionDetails,
        rng: &mut R,
    ) -> Result<ContentKey, CryptoError> {
        self.key
            .decrypt_blinded(rng, Oaep::<Sha256>::new(), details.wrapped_key())
            .ok()
            .map(Zeroizing::new)
            .and_then(|key| {
                key.as_slice()
                    .try_into()
                    .ok()
                    .map(|key| ContentKey::new(key, details.iv()))
            })
            .ok_or_else(|| not_unwrapped(details.public_key_sid()))
    }
}

fn not_unwrapped(sid: PublicKeySid) -> CryptoError {
    CryptoError::ContentKeyNotUnwrapped { sid }
}

fn inconsistent() -> CryptoError {
    CryptoError::KeyUnreadable {
        problem: "its numbers do not belong together; it is damaged",
    }
}

/// Before anything is computed with it: a modulus of any length would be computed with for any time.
fn check_bits(pkcs1: &[u8]) -> Result<(), CryptoError> {
    use pkcs8::der::Decode;
    let key = rsa::pkcs1::RsaPrivateKeyRef::from_der(pkcs1).map_err(|_| inconsistent())?;
    let modulus = key.modulus.as_bytes();
    let unused = modulus.first().map_or(0, |byte| byte.leading_zeros());
    let bits = u32::try_from(modulus.len() * 8).unwrap_or(u32::MAX) - unused;
    if (MIN_BITS..=MAX_BITS).contains(&bits) {
        Ok(())
    } else {
        Err(CryptoError::KeySize { bits })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("modulus_bits", &self.modulus_bits())
            .finish_non_exhaustive()
    }
}
