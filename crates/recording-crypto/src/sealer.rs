//! From plaintext to ciphertext of the same form, for what must lie on disk for a while.

use std::fmt;
use std::sync::Arc;

use crate::gcm::{Engine, RunningHash};
use crate::{ContentKey, CryptoError, CryptoRng, MAX_PLAINTEXT_LEN, Proof, TAG_LEN};

/// Encrypts a stream, in chunks of any size, under a key of its own that exists in memory only.
pub struct Sealer {
    key: ContentKey,
    recording: Arc<str>,
    engine: Engine,
    hash: RunningHash,
}

/// What a [`Sealer`] leaves: everything that decryption needs, and the tag that ends the ciphertext.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sealed {
    /// The key. Once it is dropped, the ciphertext is noise.
    pub key: ContentKey,
    /// The proof, as if the ciphertext had been verified.
    pub proof: Proof,
    /// The tag; ciphertext and tag together are in the form in which Twilio sends recordings.
    pub tag: [u8; TAG_LEN],
}

impl Sealer {
    /// Starts on a recording under a fresh key and IV; its name appears in errors.
    pub fn new<R: CryptoRng + ?Sized>(rng: &mut R, recording: impl fmt::Display) -> Self {
        let key = ContentKey::generate(rng);
        Self {
            engine: Engine::new(&key),
            key,
            recording: recording.to_string().into(),
            hash: RunningHash::new(),
        }
    }

    /// Encrypts the next bytes in place.
    ///
    /// # Errors
    /// [`CryptoError::TooLong`] instead of encrypting more than one key and IV may carry; the chunk is untouched then.
    pub fn update(&mut self, chunk: &mut [u8]) -> Result<(), CryptoError> {
        let offset = self.hash.len();
        if offset + chunk.len() as u64 > MAX_PLAINTEXT_LEN {
            return Err(CryptoError::TooLong {
                recording: self.recording.to_string(),
            });
        }
        self.engine.mask(offset, chunk);
        self.hash.update(&mut self.engine, chunk);
        Ok(())
    }

    /// Ends the stream.
    pub fn finish(mut self) -> Sealed {
        let len = self.hash.len();
        let (kept, tag) = self.hash.finish(&mut self.engine);
        Sealed {
            proof: Proof::new(self.recording, len, kept),
            tag: *tag,
            key: self.key,
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("recording", &self.recording)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn more_than_one_key_may_carry_is_refused_untouched() {
        let mut sealer = Sealer::new(&mut ChaCha20Rng::seed_from_u64(1), "RE1");
        sealer.hash.pretend_len(MAX_PLAINTEXT_LEN);
        let mut chunk = [5];
        assert_eq!(
            sealer.update(&mut chunk),
            Err(CryptoError::TooLong {
                recording: "RE1".to_owned()
            })
        );
        assert_eq!(chunk, [5]);
    }
}
