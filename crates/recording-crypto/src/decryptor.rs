//! From a proof and stored ciphertext to plaintext.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::gcm::Engine;
use crate::{ContentKey, CryptoError, PIECE_LEN, Proof};

/// Decrypts pieces of a recording that was verified before, in any order.
///
/// Where the ciphertext lay in between is not trusted: each piece is hashed once more, and released only if it leads from the
/// state kept before it to the state kept after it.
pub struct Decryptor {
    engine: Engine,
    proof: Proof,
}

impl Decryptor {
    /// Takes the key and proof of one recording. A key that does not belong to the proof releases nothing.
    pub fn new(key: &ContentKey, proof: Proof) -> Self {
        Self {
            engine: Engine::new(key),
            proof,
        }
    }

    /// The proof that this decryptor works with.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Turns the ciphertext of one piece, counted from 0, into its plaintext, in place.
    ///
    /// On an error the buffer still holds what it held.
    ///
    /// # Errors
    /// [`CryptoError::NoSuchPiece`]; [`CryptoError::NotAuthentic`] if the piece is not what was verified, its length included.
    pub fn decrypt_piece(&mut self, piece: u64, data: &mut [u8]) -> Result<(), CryptoError> {
        let Some((mut state, expected)) = self.proof.around(piece) else {
            return Err(CryptoError::NoSuchPiece {
                recording: self.proof.recording().to_owned(),
                piece,
                pieces: self.proof.pieces(),
            });
        };
        // Padding makes two lengths hash alike, so the length is compared on its own.
        let same_len = data.len() == self.proof.piece_len(piece);
        if same_len {
            self.engine.hash(&mut state, data);
        }
        if !(same_len & bool::from(state.ct_eq(&expected))) {
            return Err(CryptoError::NotAuthentic {
                recording: self.proof.recording().to_owned(),
            });
        }
        self.engine.mask(piece * PIECE_LEN as u64, data);
        Ok(())
    }
}

impl fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decryptor")
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}
