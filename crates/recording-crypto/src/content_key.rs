//! The key of one recording.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::CryptoRng;

pub(crate) const KEY_LEN: usize = 32;
pub(crate) const IV_LEN: usize = 12;

/// The AES-256 key of one recording together with the IV it is used with.
///
/// Cheap to clone: clones share one allocation, which is wiped with the last of them.
/// Prints nothing of itself.
#[derive(Clone)]
pub struct ContentKey {
    key: Arc<Zeroizing<[u8; KEY_LEN]>>,
    iv: [u8; IV_LEN],
}

impl ContentKey {
    /// Takes a key and the IV that belongs to it.
    ///
    /// One pair must never encrypt twice; [`Sealer`](crate::Sealer) therefore makes its own.
    pub fn new(key: &[u8; KEY_LEN], iv: [u8; IV_LEN]) -> Self {
        // Filled where it stays, so that no copy is left on the stack.
        let mut shared = Arc::new(Zeroizing::new([0; KEY_LEN]));
        if let Some(place) = Arc::get_mut(&mut shared) {
            place.copy_from_slice(key);
        }
        Self { key: shared, iv }
    }

    pub(crate) fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        let mut iv = [0; IV_LEN];
        rng.fill_bytes(key.as_mut_slice());
        rng.fill_bytes(&mut iv);
        Self::new(&key, iv)
    }

    pub(crate) fn key(&self) -> &[u8; KEY_LEN] {
        &self.key
    }

    pub(crate) fn iv(&self) -> [u8; IV_LEN] {
        self.iv
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentKey").finish_non_exhaustive()
    }
}
