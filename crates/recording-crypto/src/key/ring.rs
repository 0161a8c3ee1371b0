//! The keys of an account, past and present.

use std::sync::Arc;

use twilio_sid::PublicKeySid;

use crate::{ContentKey, CryptoError, CryptoRng, EncryptionDetails, PrivateKey};

/// One key of a [`KeyRing`].
#[derive(Debug, Clone)]
pub struct RingEntry {
    name: String,
    sid: PublicKeySid,
    key: Arc<PrivateKey>,
}

impl RingEntry {
    /// What the operator calls the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The SID that Twilio gave the public half.
    pub fn sid(&self) -> PublicKeySid {
        self.sid
    }

    /// The private half.
    pub fn key(&self) -> &Arc<PrivateKey> {
        &self.key
    }
}

/// Private keys, found by the public key SID that each recording names.
///
/// Keys rotate and old recordings stay under the old ones, so a ring holds every key that may still be met.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    entries: Vec<RingEntry>,
}

impl KeyRing {
    /// An empty ring.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`CryptoError::KeyNameTaken`] and [`CryptoError::KeyClaimedTwice`].
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        sid: PublicKeySid,
        key: impl Into<Arc<PrivateKey>>,
    ) -> Result<(), CryptoError> {
        let name = name.into();
        if let Some(there) = self.entry(sid) {
            return Err(CryptoError::KeyClaimedTwice {
                sid,
                first: there.name.clone(),
                second: name,
            });
        }
        if self.entries.iter().any(|entry| entry.name == name) {
            return Err(CryptoError::KeyNameTaken { name });
        }
        self.entries.push(RingEntry {
            name,
            sid,
            key: key.into(),
        });
        Ok(())
    }

    /// The private key for a public key.
    pub fn get(&self, sid: PublicKeySid) -> Option<&Arc<PrivateKey>> {
        self.entry(sid).map(RingEntry::key)
    }

    /// All keys, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &RingEntry> {
        self.entries.iter()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Recovers a recording's content key with the key that its details name; see [`PrivateKey::unwrap`].
    ///
    /// # Errors
    /// [`CryptoError::KeyUnknown`] if the ring does not have that key, [`CryptoError::ContentKeyNotUnwrapped`].
    pub fn unwrap<R: CryptoRng + ?Sized>(
        &self,
        details: &EncryptionDetails,
        rng: &mut R,
    ) -> Result<ContentKey, CryptoError> {
        let sid = details.public_key_sid();
        self.get(sid)
            .ok_or(CryptoError::KeyUnknown { sid })?
            .unwrap(details, rng)
    }

    fn entry(&self, sid: PublicKeySid) -> Option<&RingEntry> {
        self.entries
            .iter()
            .find(|entry| entry.sid.eq_ignore_case(sid.as_str()))
    }
}
