//! From a stream of ciphertext to a proof.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;

use crate::gcm::{Engine, RunningHash};
use crate::{ContentKey, CryptoError, MAX_PLAINTEXT_LEN, Proof, TAG_LEN};

/// Hashes an encrypted recording as it arrives, in chunks of any size, and judges it at the end.
///
/// The last 16 bytes seen are held back, since only the end of the stream tells that they are the tag.
pub struct Verifier {
    recording: Arc<str>,
    engine: Engine,
    hash: RunningHash,
    held: [u8; TAG_LEN],
    held_len: usize,
}

impl Verifier {
    /// Starts on a recording; its name appears in errors.
    pub fn new(key: &ContentKey, recording: impl fmt::Display) -> Self {
        Self {
            recording: recording.to_string().into(),
            engine: Engine::new(key),
            hash: RunningHash::new(),
            held: [0; TAG_LEN],
            held_len: 0,
        }
    }

    /// Takes the next bytes of `ciphertext ‖ tag`.
    ///
    /// # Errors
    /// [`CryptoError::TooLong`] once there are more bytes than one key and IV may carry.
    pub fn update(&mut self, chunk: &[u8]) -> Result<(), CryptoError> {
        // Of held bytes and chunk together, all but the last 16 are ciphertext.
        let Some(settled) = (self.held_len + chunk.len()).checked_sub(TAG_LEN) else {
            self.held[self.held_len..self.held_len + chunk.len()].copy_from_slice(chunk);
            self.held_len += chunk.len();
            return Ok(());
        };
        if self.hash.len() + settled as u64 > MAX_PLAINTEXT_LEN {
            return Err(CryptoError::TooLong {
                recording: self.recording.to_string(),
            });
        }
        let from_held = settled.min(self.held_len);
        self.hash.update(&mut self.engine, &self.held[..from_held]);
        self.held.copy_within(from_held..self.held_len, 0);
        let kept = self.held_len - from_held;
        let (ciphertext, last) = chunk.split_at(settled - from_held);
        self.hash.update(&mut self.engine, ciphertext);
        self.held[kept..].copy_from_slice(last);
        self.held_len = TAG_LEN;
        Ok(())
    }

    /// Judges the recording: the bytes held back must be the tag of all before them.
    ///
    /// # Errors
    /// [`CryptoError::NotAuthentic`].
    pub fn finish(mut self) -> Result<Proof, CryptoError> {
        let len = self.hash.len();
        let (kept, tag) = self.hash.finish(&mut self.engine);
        let whole = self.held_len == TAG_LEN;
        if whole & bool::from(tag.ct_eq(&self.held)) {
            Ok(Proof::new(self.recording, len, kept))
        } else {
            Err(CryptoError::NotAuthentic {
                recording: self.recording.to_string(),
            })
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("recording", &self.recording)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_above_the_limit_of_gcm_is_refused() {
        let mut verifier = Verifier::new(&ContentKey::new(&[1; 32], [2; 12]), "RE1");
        verifier.hash.pretend_len(MAX_PLAINTEXT_LEN - 8);
        verifier.update(&[0; 24]).unwrap();
        assert_eq!(verifier.hash.len(), MAX_PLAINTEXT_LEN);
        assert_eq!(
            verifier.update(&[0]),
            Err(CryptoError::TooLong {
                recording: "RE1".to_owned()
            })
        );
    }
}
