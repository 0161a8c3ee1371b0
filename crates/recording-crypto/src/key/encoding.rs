//! From the bytes of a key file to the DER of a PKCS#1 key.
//!
//! Operators paste keys out of secret stores: lines of any width, escaped line ends, a certificate or bag attributes around the
//! key. The armour is therefore read leniently; the DER within is read strictly.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::{Decode, SecretDocument};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::CryptoError;

const PKCS8: &str = "PRIVATE KEY";
const ENCRYPTED_PKCS8: &str = "ENCRYPTED PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";

/// What a key file turned out to hold, decoded as far as DER.
pub(super) enum KeyDocument {
    /// PKCS#8 `PrivateKeyInfo`, as read or as decrypted.
    Pkcs8(SecretDocument),
    /// PKCS#1 `RSAPrivateKey`.
    Pkcs1(SecretDocument),
}

/// Tells the forms apart and takes a passphrase off.
pub(super) fn read(
    bytes: &[u8],
    passphrase: Option<&SecretString>,
) -> Result<KeyDocument, CryptoError> {
    match armoured(bytes)? {
        Some((PKCS1, der)) => document(&der).map(KeyDocument::Pkcs1),
        Some((PKCS8, der)) => document(&der).map(KeyDocument::Pkcs8),
        Some((_, der)) => decrypt(&der, passphrase),
        None => bare(bytes, passphrase),
    }
}

fn unreadable(problem: &'static str) -> CryptoError {
    CryptoError::KeyUnreadable { problem }
}

fn document(der: &[u8]) -> Result<SecretDocument, CryptoError> {
    SecretDocument::try_from(der)
        .map_err(|_| unreadable("it is cut short or is not DER; export it again"))
}

/// DER without armour: the three forms differ in what follows the outer sequence header.
fn bare(bytes: &[u8], passphrase: Option<&SecretString>) -> Result<KeyDocument, CryptoError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(unreadable("it is empty"));
    }
    let document = document(bytes).map_err(|_| {
        unreadable("it is neither PEM nor DER; expected a PKCS#8 or PKCS#1 private key")
    })?;
    if EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).is_ok() {
        return decrypt(document.as_bytes(), passphrase);
    }
    if pkcs8::PrivateKeyInfoRef::try_from(document.as_bytes()).is_ok() {
        return Ok(KeyDocument::Pkcs8(document));
    }
    if rsa::pkcs1::RsaPrivateKeyRef::from_der(document.as_bytes()).is_ok() {
        return Ok(KeyDocument::Pkcs1(document));
    }
    if pkcs8::SubjectPublicKeyInfoRef::try_from(document.as_bytes()).is_ok() {
        return Err(unreadable(
            "it is a public key; give the private key that was made with it",
        ));
    }
    Err(unreadable(
        "its DER is no PKCS#8 or PKCS#1 private key, or is encrypted in an outdated way; export it with `openssl pkcs8 -topk8 -v2 aes-256-cbc`",
    ))
}

fn decrypt(der: &[u8], passphrase: Option<&SecretString>) -> Result<KeyDocument, CryptoError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| {
        unreadable("its protection is outdated or damaged; export it with `openssl pkcs8 -topk8 -v2 aes-256-cbc`")
    })?;
    let passphrase = passphrase.ok_or(CryptoError::PassphraseMissing)?;
    // A wrong passphrase shows itself as wrong padding or, once in a while, as a document that is no key.
    let document = info.decrypt(passphrase.expose_secret()).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. }) => {
            unreadable("its protection uses an algorithm that is not supported; export it with `openssl pkcs8 -topk8 -v2 aes-256-cbc`")
        }
        _ => CryptoError::PassphraseWrong,
    })?;
    if pkcs8::PrivateKeyInfoRef::try_from(document.as_bytes()).is_err() {
        return Err(CryptoError::PassphraseWrong);
    }
    Ok(KeyDocument::Pkcs8(document))
}

/// The label of a PEM block and its DER.
type Armoured = (&'static str, Zeroizing<Vec<u8>>);

/// Finds the one private key among the armoured blocks of a text.
fn armoured(bytes: &[u8]) -> Result<Option<Armoured>, CryptoError> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Ok(None);
    };
    let mut found = None;
    let mut other = None;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after
            .split_once("-----")
            .ok_or(unreadable("its BEGIN line is cut short"))?;
        let (body, after) = after
            .split_once("-----END ")
            .ok_or(unreadable("it has no END line; it is cut short"))?;
        rest = after;
        let known = match label {
            PKCS1 => PKCS1,
            PKCS8 => PKCS8,
            ENCRYPTED_PKCS8 => ENCRYPTED_PKCS8,
            label => {
                other.get_or_insert(label);
                continue;
            }
        };
        if found.is_some() {
            return Err(unreadable(
                "it holds several private keys; keep one per file",
            ));
        }
        found = Some((known, unarmour(body)?));
    }
    match (found, other) {
        (None, Some("PUBLIC KEY" | "RSA PUBLIC KEY")) => Err(unreadable(
            "it is a public key; give the private key that was made with it",
        )),
        (None, Some("CERTIFICATE")) => Err(unreadable("it is a certificate; give the private key")),
        (None, Some("EC PRIVATE KEY")) => Err(unreadable(
            "it is an elliptic curve key; Twilio uses RSA keys",
        )),
        (None, Some("OPENSSH PRIVATE KEY")) => Err(unreadable(
            "it is in OpenSSH's own form; export it with `ssh-keygen -p -m PKCS8`",
        )),
        (None, Some(_)) => Err(unreadable("its PEM label is not that of a private key")),
        (found, _) => Ok(found),
    }
}

fn unarmour(body: &str) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    if body.contains("Proc-Type:") || body.contains("DEK-Info:") {
        return Err(unreadable(
            "it is protected in the old way (Proc-Type); export it with `openssl pkcs8 -topk8 -v2 aes-256-cbc`",
        ));
    }
    // Environment variables often carry `\n` as two characters.
    let mut compact = Zeroizing::new(Vec::with_capacity(body.len()));
    let mut bytes = body.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && matches!(bytes.peek(), Some(b'n' | b'r')) {
            bytes.next();
        } else if !byte.is_ascii_whitespace() {
            compact.push(byte);
        }
    }
    let mut der = Zeroizing::new(vec![0; compact.len() / 4 * 3 + 3]);
    let len = STANDARD
        .decode_slice(compact.as_slice(), der.as_mut_slice())
        .map_err(|_| unreadable("its body is not base64; it is damaged"))?;
    der.truncate(len);
    Ok(der)
}
