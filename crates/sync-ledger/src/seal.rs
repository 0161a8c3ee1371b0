//! Details at rest, and other bytes that may hold a customer's data: AES-256-GCM under a configured key, bound to their row.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use bytes::Bytes;
use contact_model::{AcdKey, Details, LegId};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::{LedgerError, Result};

/// What stands in place of a key id where details were stored unsealed.
pub(crate) const CLEAR: &str = "clear";

/// A key that details are sealed under: 32 bytes, known in the ledger by an id that is computed from them.
///
/// `Debug` prints the id alone. The bytes live in the cipher's own memory, which wipes them.
#[derive(Clone)]
pub struct SealingKey {
    id: String,
    cipher: Arc<LessSafeKey>,
}

impl SealingKey {
    /// The key with these bytes.
    ///
    /// # Errors
    ///
    /// [`LedgerError::SealingKey`] if the cipher refuses it.
    pub fn new(bytes: &[u8; 32]) -> Result<Self> {
        let refused = |_| LedgerError::SealingKey {
            what: "was refused by the cipher",
        };
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, bytes),
            b"sync-ledger sealing key id",
        );
        let id = hex::encode(tag.as_ref().get(..8).unwrap_or_default());
        let cipher = Arc::new(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, bytes).map_err(refused)?,
        ));
        Ok(Self { id, cipher })
    }

    /// Reads a key from text: 64 hexadecimal digits or base64; white space around it is ignored.
    ///
    /// # Errors
    ///
    /// [`LedgerError::SealingKey`] tells which rule the text breaks, and nothing of the text.
    pub fn from_text(text: &SecretString) -> Result<Self> {
        let text = text.expose_secret().trim();
        let bytes = Zeroizing::new(
            if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                hex::decode(text).unwrap_or_default()
            } else {
                base64::engine::general_purpose::STANDARD
                    .decode(text)
                    .map_err(|_| LedgerError::SealingKey { what: "is neither" })?
            },
        );
        match <&[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(bytes) => Self::new(bytes),
            Err(_) => Err(LedgerError::SealingKey {
                what: "has another length",
            }),
        }
    }

    /// The id under which the ledger knows the key: 16 hexadecimal digits that tell nothing of its bytes.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How details are stored: under a key, or in the clear.
///
/// To rotate, seal [`under`](Self::under) the new key and name the old one with [`also_reading`](Self::also_reading)
/// until no details are sealed under it any more.
#[derive(Debug, Clone, Default)]
pub struct Sealing {
    current: Option<SealingKey>,
    older: Vec<SealingKey>,
}

impl Sealing {
    /// Details are stored in the clear, and marked so.
    pub fn clear() -> Self {
        Self::default()
    }

    /// Details are sealed under this key.
    pub fn under(key: SealingKey) -> Self {
        Self {
            current: Some(key),
            older: Vec::new(),
        }
    }

    /// Details that are sealed under this key can be read, too.
    pub fn also_reading(mut self, key: SealingKey) -> Self {
        self.older.push(key);
        self
    }

    /// Whether new details are sealed.
    pub fn seals(&self) -> bool {
        self.current.is_some()
    }

    /// What marks details that are stored now: the id of the current key, or `clear`.
    pub(crate) fn marker(&self) -> &str {
        self.current.as_ref().map_or(CLEAR, SealingKey::id)
    }

    pub(crate) fn current_id(&self) -> Option<&str> {
        self.current.as_ref().map(SealingKey::id)
    }

    pub(crate) fn knows(&self, marker: &str) -> bool {
        marker == CLEAR || self.key(marker).is_some()
    }

    /// The ids of all keys, for people.
    pub(crate) fn known(&self) -> String {
        let ids: Vec<_> = self
            .current
            .iter()
            .chain(&self.older)
            .map(SealingKey::id)
            .collect();
        if ids.is_empty() {
            "no key is".to_owned()
        } else {
            format!("configured: {}", ids.join(", "))
        }
    }

    fn key(&self, id: &str) -> Option<&SealingKey> {
        self.current
            .iter()
            .chain(&self.older)
            .find(|key| key.id == id)
    }

    /// The bytes to store for these details of this contact, and their marker.
    pub(crate) fn seal(&self, acd: &AcdKey, leg: LegId, details: &Details) -> Result<Sealed> {
        let bound = Bound::Details(acd, leg);
        let bytes = Zeroizing::new(
            serde_json::to_vec(details).map_err(|_| bound.unsealable("they are no JSON"))?,
        );
        self.seal_bytes(bound, &bytes)
    }

    /// Reads back what [`seal`](Self::seal) gave.
    pub(crate) fn open(
        &self,
        acd: &AcdKey,
        leg: LegId,
        marker: &str,
        stored: &[u8],
    ) -> std::result::Result<Details, DetailsFault> {
        let plain = self.open_bytes(Bound::Details(acd, leg), marker, stored)?;
        serde_json::from_slice(&plain).map_err(|_| DetailsFault::Malformed)
    }

    /// The bytes to store for these, bound to where they belong, and their marker.
    pub(crate) fn seal_bytes(&self, bound: Bound<'_>, plain: &[u8]) -> Result<Sealed> {
        let Some(key) = &self.current else {
            return Ok(Sealed {
                marker: CLEAR.to_owned(),
                bytes: plain.to_vec(),
            });
        };
        let refused = |_| bound.unsealable("the cipher refused to seal them");
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(refused)?;
        // Room for the tag beforehand, so that growing leaves no copy of the plaintext behind.
        let mut buffer = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
        buffer.extend_from_slice(plain);
        let aad = Aad::from(bound.aad());
        key.cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut *buffer)
            .map_err(refused)?;
        let mut sealed = nonce.to_vec();
        sealed.extend_from_slice(&buffer);
        Ok(Sealed {
            marker: key.id.clone(),
            bytes: sealed,
        })
    }

    /// Reads back what [`seal_bytes`](Self::seal_bytes) gave.
    pub(crate) fn open_bytes(
        &self,
        bound: Bound<'_>,
        marker: &str,
        stored: &[u8],
    ) -> std::result::Result<Zeroizing<Vec<u8>>, DetailsFault> {
        if marker == CLEAR {
            return Ok(Zeroizing::new(stored.to_vec()));
        }
        let key = self
            .key(marker)
            .ok_or_else(|| DetailsFault::KeyMissing(marker.to_owned()))?;
        let (nonce, sealed) = stored
            .split_at_checked(NONCE_LEN)
            .ok_or(DetailsFault::NotAuthentic)?;
        let nonce =
            Nonce::try_assume_unique_for_key(nonce).map_err(|_| DetailsFault::NotAuthentic)?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let plain = key
            .cipher
            .open_in_place(nonce, Aad::from(bound.aad()), &mut buffer)
            .map_err(|_| DetailsFault::NotAuthentic)?
            .len();
        // The tag stands behind the plaintext.
        buffer.truncate(plain);
        Ok(buffer)
    }
}

/// Bytes as they are stored.
pub(crate) struct Sealed {
    pub(crate) marker: String,
    pub(crate) bytes: Vec<u8>,
}

/// Why stored details, or other sealed bytes, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DetailsFault {
    /// They are sealed under a key that is not configured.
    #[error("sealed under key {0}, which is not configured")]
    KeyMissing(String),
    /// They were changed, or belong to another row.
    #[error("changed since they were sealed, or moved from elsewhere")]
    NotAuthentic,
    /// They are of no form that this release knows.
    #[error("of no form that this release knows")]
    Malformed,
}

/// Where sealed bytes belong: moved to another row they do not open.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound<'a> {
    /// Details of a contact.
    Details(&'a AcdKey, LegId),
    /// The body of the webhook message with this id.
    Message(&'a AcdKey, &'a str),
    /// What was answered to the webhook message with this id.
    Answer(&'a AcdKey, &'a str),
    /// The payload of the pushed event with this id.
    Event(&'a AcdKey, &'a str),
    /// Of whom the held interval with this mark is.
    Held(&'a AcdKey, &'a str),
    /// The names of the agent or queue with this SID.
    Subject(&'a AcdKey, &'a str),
}

impl Bound<'_> {
    fn parts(&self) -> (&'static [u8], &AcdKey, &str) {
        match self {
            Self::Details(acd, leg) => (b"sync-ledger details 1", acd, leg.as_str()),
            Self::Message(acd, id) => (b"sync-ledger webhook body 1", acd, id),
            Self::Answer(acd, id) => (b"sync-ledger webhook answer 1", acd, id),
            Self::Event(acd, id) => (b"sync-ledger event 1", acd, id),
            Self::Held(acd, id) => (b"sync-ledger held interval 1", acd, id),
            Self::Subject(acd, id) => (b"sync-ledger subject 1", acd, id),
        }
    }

    fn aad(&self) -> Vec<u8> {
        let (purpose, acd, id) = self.parts();
        let mut aad = purpose.to_vec();
        for part in [
            acd.account.as_str(),
            acd.workspace.as_str(),
            acd.tenant.as_str(),
            id,
        ] {
            // A length before each part: no two rows give the same bytes.
            aad.extend_from_slice(&(part.len() as u64).to_be_bytes());
            aad.extend_from_slice(part.as_bytes());
        }
        aad
    }

    fn unsealable(&self, fault: &str) -> LedgerError {
        let what = match self {
            Self::Details(_, leg) => format!("details of leg {leg}"),
            Self::Message(_, id) => format!("the body of webhook message {id}"),
            Self::Answer(_, id) => format!("the answer to webhook message {id}"),
            Self::Event(..) => "a pushed event".to_owned(),
            Self::Held(..) => "a held interval".to_owned(),
            Self::Subject(_, sid) => format!("the names of {sid}"),
        };
        LedgerError::Unreadable {
            what,
            fault: fault.to_owned(),
        }
    }
}

/// Stored bytes that may be gone, or sealed so that they cannot be read. `Debug` prints their length alone.
#[derive(Clone, PartialEq, Eq)]
pub enum StoredBytes {
    /// There are none: never were, or they were dropped or erased.
    Absent,
    /// Here they are.
    Present(Bytes),
    /// They are stored and cannot be read.
    Unreadable(DetailsFault),
}

impl StoredBytes {
    /// The bytes, where there are any.
    pub fn present(&self) -> Option<&Bytes> {
        match self {
            Self::Present(bytes) => Some(bytes),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }
}

impl fmt::Debug for StoredBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Present(bytes) => write!(f, "Present({} bytes)", bytes.len()),
            Self::Unreadable(fault) => f.debug_tuple("Unreadable").field(fault).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acd(tenant: &str) -> AcdKey {
        AcdKey {
            account: format!("AC{}", "1".repeat(32)).parse().unwrap(),
            workspace: format!("WS{}", "2".repeat(32)).parse().unwrap(),
            tenant: tenant.parse().unwrap(),
        }
    }

    fn leg(digit: char) -> LegId {
        format!("WR{}", digit.to_string().repeat(32))
            .parse()
            .unwrap()
    }

    fn details() -> Details {
        Details {
            attributes: Some(serde_json::json!({"from": "+15550100"})),
            ..Details::default()
        }
    }

    fn key(byte: u8) -> SealingKey {
        SealingKey::new(&[byte; 32]).unwrap()
    }

    #[test]
    fn sealed_details_open_for_their_contact_and_for_no_other() {
        let sealing = Sealing::under(key(1));
        let sealed = sealing.seal(&acd("a"), leg('3'), &details()).unwrap();
        assert_eq!(
            sealing
                .open(&acd("a"), leg('3'), &sealed.marker, &sealed.bytes)
                .unwrap(),
            details()
        );
        for (acd, leg) in [(acd("b"), leg('3')), (acd("a"), leg('4'))] {
            let fault = sealing
                .open(&acd, leg, &sealed.marker, &sealed.bytes)
                .unwrap_err();
            assert_eq!(fault, DetailsFault::NotAuthentic);
        }
    }

    #[test]
    fn bytes_open_where_they_belong_and_nowhere_else() {
        let sealing = Sealing::under(key(1));
        let (a, b) = (acd("a"), acd("b"));
        let sealed = sealing
            .seal_bytes(Bound::Message(&a, "msg_1"), b"+15550100")
            .unwrap();
        assert!(!sealed.bytes.windows(7).any(|window| window == b"5550100"));
        let open = |bound| sealing.open_bytes(bound, &sealed.marker, &sealed.bytes);
        assert_eq!(&**open(Bound::Message(&a, "msg_1")).unwrap(), b"+15550100");
        for elsewhere in [
            Bound::Message(&b, "msg_1"),
            Bound::Message(&a, "msg_2"),
            Bound::Answer(&a, "msg_1"),
            Bound::Event(&a, "msg_1"),
        ] {
            assert_eq!(open(elsewhere).unwrap_err(), DetailsFault::NotAuthentic);
        }
        let clear = Sealing::clear()
            .seal_bytes(Bound::Event(&a, "EV1"), b"{}")
            .unwrap();
        assert_eq!(
            (clear.marker.as_str(), &clear.bytes[..]),
            (CLEAR, &b"{}"[..])
        );
    }

    #[test]
    fn stored_bytes_print_their_length_and_nothing_else() {
        let printed = |bytes: StoredBytes| format!("{bytes:?}");
        assert_eq!(
            printed(StoredBytes::Present(Bytes::from_static(b"+15550100"))),
            "Present(9 bytes)"
        );
        assert_eq!(printed(StoredBytes::Absent), "Absent");
        let fault = StoredBytes::Unreadable(DetailsFault::NotAuthentic);
        assert_eq!(printed(fault), "Unreadable(NotAuthentic)");
    }

    #[test]
    fn every_changed_bit_and_every_missing_byte_is_noticed() {
        let sealing = Sealing::under(key(1));
        let sealed = sealing.seal(&acd("a"), leg('3'), &details()).unwrap();
        let open = |bytes: &[u8]| sealing.open(&acd("a"), leg('3'), &sealed.marker, bytes);
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.bytes.clone();
            changed[at] ^= 1;
            assert_eq!(open(&changed).unwrap_err(), DetailsFault::NotAuthentic);
            assert_eq!(
                open(&sealed.bytes[..at]).unwrap_err(),
                DetailsFault::NotAuthentic
            );
        }
    }

    #[test]
    fn nothing_of_the_details_shows_in_what_is_stored_under_a_key() {
        let sealed = Sealing::under(key(1))
            .seal(&acd("a"), leg('3'), &details())
            .unwrap();
        assert!(!sealed.bytes.windows(7).any(|window| window == b"5550100"));
        let clear = Sealing::clear()
            .seal(&acd("a"), leg('3'), &details())
            .unwrap();
        assert_eq!(clear.marker, CLEAR);
        assert!(clear.bytes.windows(7).any(|window| window == b"5550100"));
    }

    #[test]
    fn no_two_sealings_are_alike() {
        let sealing = Sealing::under(key(1));
        let first = sealing.seal(&acd("a"), leg('3'), &details()).unwrap();
        let second = sealing.seal(&acd("a"), leg('3'), &details()).unwrap();
        assert_ne!(first.bytes, second.bytes);
    }

    #[test]
    fn after_a_rotation_both_keys_read_and_the_new_one_seals() {
        let old = Sealing::under(key(1))
            .seal(&acd("a"), leg('3'), &details())
            .unwrap();
        let rotated = Sealing::under(key(2)).also_reading(key(1));
        assert_eq!(
            rotated
                .open(&acd("a"), leg('3'), &old.marker, &old.bytes)
                .unwrap(),
            details()
        );
        assert_eq!(
            rotated
                .seal(&acd("a"), leg('3'), &details())
                .unwrap()
                .marker,
            key(2).id()
        );
        let alone = Sealing::under(key(2));
        let fault = alone
            .open(&acd("a"), leg('3'), &old.marker, &old.bytes)
            .unwrap_err();
        assert_eq!(fault, DetailsFault::KeyMissing(key(1).id().to_owned()));
    }

    #[test]
    fn details_in_the_clear_stay_readable_once_a_key_is_configured() {
        let clear = Sealing::clear()
            .seal(&acd("a"), leg('3'), &details())
            .unwrap();
        let sealing = Sealing::under(key(1));
        assert_eq!(
            sealing
                .open(&acd("a"), leg('3'), &clear.marker, &clear.bytes)
                .unwrap(),
            details()
        );
        assert_eq!(
            sealing.open(&acd("a"), leg('3'), CLEAR, b"{").unwrap_err(),
            DetailsFault::Malformed
        );
    }

    #[test]
    fn a_key_is_read_from_hexadecimal_and_base64_alike() {
        let hexadecimal = SealingKey::from_text(&"07".repeat(32).into()).unwrap();
        let base64 = base64::engine::general_purpose::STANDARD.encode([7; 32]);
        assert_eq!(
            SealingKey::from_text(&format!(" {base64}\n").into())
                .unwrap()
                .id(),
            hexadecimal.id()
        );
        assert_eq!(hexadecimal.id(), key(7).id());
        assert_ne!(hexadecimal.id(), key(8).id());
    }

    #[test]
    fn a_key_of_another_length_is_refused_without_being_shown() {
        for (text, what) in [
            ("c2VjcmV0", "has another length"),
            ("se cret", "is neither"),
            ("", "has another length"),
        ] {
            let error = SealingKey::from_text(&text.into()).unwrap_err();
            assert!(
                matches!(error, LedgerError::SealingKey { what: found } if found == what),
                "{text:?}: {error}"
            );
        }
    }

    #[test]
    fn a_key_prints_its_id_and_nothing_else() {
        let printed = format!("{:?}", key(1));
        assert_eq!(
            printed,
            format!("SealingKey {{ id: \"{}\", .. }}", key(1).id())
        );
    }
}
