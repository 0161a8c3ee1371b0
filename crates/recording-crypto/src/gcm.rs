//! AES-256-GCM taken apart (NIST SP 800-38D), so that hashing and ciphering can happen at different times.
//!
//! For a 96-bit IV and no additional data: the hash key is `H = E(K, 0)`, the first counter block `J0 = IV ‖ 1` masks the tag,
//! block *i* of the plaintext (from 0) is masked by the encryption of `IV ‖ (i + 2)`, and the tag is
//! `GHASH_H(ciphertext padded ‖ 0⁶⁴ ‖ bits of ciphertext) ⊕ E(K, J0)`.

mod counter;
mod hash;

use aes::Aes256Enc;
use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

pub(crate) use self::hash::HashState;
use self::hash::Hasher;
use crate::content_key::{ContentKey, IV_LEN};
use crate::{PIECE_LEN, TAG_LEN};

/// Bytes of an AES block.
pub(crate) const BLOCK_LEN: usize = 16;

/// The counter of the first block of plaintext; the one before masks the tag.
const FIRST_COUNTER: u32 = 2;

/// What one key and IV are worked with: the cipher and the hash.
pub(crate) struct Engine {
    cipher: Aes256Enc,
    iv: [u8; IV_LEN],
    hasher: Hasher,
}

impl Engine {
    pub(crate) fn new(key: &ContentKey) -> Self {
        let cipher = Aes256Enc::new(key.key().into());
        let mut hash_key = Zeroizing::new([0; BLOCK_LEN]);
        cipher.encrypt_block(Block::<Aes256Enc>::cast_from_core_mut(&mut hash_key));
        Self {
            hasher: Hasher::new(&hash_key),
            cipher,
            iv: key.iv(),
        }
    }

    /// Hashes whole blocks, and a last one filled up with zeros.
    pub(crate) fn hash(&mut self, state: &mut HashState, data: &[u8]) {
        let (blocks, rest) = data.as_chunks::<BLOCK_LEN>();
        self.hasher.absorb(&self.cipher, state, blocks);
        if !rest.is_empty() {
            let mut last = [0; BLOCK_LEN];
            last[..rest.len()].copy_from_slice(rest);
            self.hasher.absorb(&self.cipher, state, &[last]);
        }
    }

    /// Encrypts or decrypts, in place, what stands at byte `offset` of the plaintext or ciphertext.
    pub(crate) fn mask(&self, offset: u64, data: &mut [u8]) {
        counter::mask(&self.cipher, self.iv, FIRST_COUNTER, offset, data);
    }

    /// The tag of a ciphertext of `len` bytes whose blocks hash to `state`.
    pub(crate) fn tag(&mut self, mut state: HashState, len: u64) -> Zeroizing<[u8; TAG_LEN]> {
        let mut lengths = [0; BLOCK_LEN];
        lengths[8..].copy_from_slice(&(len * 8).to_be_bytes());
        self.hasher.absorb(&self.cipher, &mut state, &[lengths]);
        let mut tag = Zeroizing::new([0; BLOCK_LEN]);
        tag[..IV_LEN].copy_from_slice(&self.iv);
        tag[IV_LEN..].copy_from_slice(&(FIRST_COUNTER - 1).to_be_bytes());
        self.cipher
            .encrypt_block(Block::<Aes256Enc>::cast_from_core_mut(&mut tag));
        for (byte, hash) in tag.iter_mut().zip(state.ghash()) {
            *byte ^= hash;
        }
        tag
    }
}

/// Hashes a ciphertext that arrives in any chunking, and keeps the state after each piece.
pub(crate) struct RunningHash {
    state: Zeroizing<HashState>,
    kept: KeptStates,
    /// Bytes of a block that is not full yet.
    partial: [u8; BLOCK_LEN],
    len: u64,
}

impl RunningHash {
    pub(crate) fn new() -> Self {
        Self {
            state: Zeroizing::default(),
            kept: KeptStates::default(),
            partial: [0; BLOCK_LEN],
            len: 0,
        }
    }

    /// Bytes hashed so far.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    #[cfg(test)]
    pub(crate) fn pretend_len(&mut self, len: u64) {
        self.len = len;
    }

    pub(crate) fn update(&mut self, engine: &mut Engine, mut data: &[u8]) {
        while !data.is_empty() {
            let in_block = offset_in(self.len, BLOCK_LEN);
            let taken = if in_block > 0 || data.len() < BLOCK_LEN {
                let taken = data.len().min(BLOCK_LEN - in_block);
                self.partial[in_block..in_block + taken].copy_from_slice(&data[..taken]);
                if in_block + taken == BLOCK_LEN {
                    engine.hash(&mut self.state, &self.partial);
                }
                taken
            } else {
                let to_piece_end = PIECE_LEN - offset_in(self.len, PIECE_LEN);
                let taken = to_piece_end.min(data.len() / BLOCK_LEN * BLOCK_LEN);
                engine.hash(&mut self.state, &data[..taken]);
                taken
            };
            self.len += taken as u64;
            data = &data[taken..];
            if offset_in(self.len, PIECE_LEN) == 0 {
                self.kept.push(*self.state);
            }
        }
    }

    /// The states kept at the end of each piece, the last one included, and the tag.
    pub(crate) fn finish(mut self, engine: &mut Engine) -> (KeptStates, Zeroizing<[u8; TAG_LEN]>) {
        let in_block = offset_in(self.len, BLOCK_LEN);
        if in_block > 0 {
            engine.hash(&mut self.state, &self.partial[..in_block]);
        }
        if offset_in(self.len, PIECE_LEN) > 0 {
            self.kept.push(*self.state);
        }
        (self.kept, engine.tag(*self.state, self.len))
    }
}

/// How far `position` is into a block or piece of `unit` bytes.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder is smaller than a usize"
)]
pub(crate) fn offset_in(position: u64, unit: usize) -> usize {
    (position % unit as u64) as usize
}

/// A list of hash states that leaves no copy behind when it grows: they say something about the hash key.
#[derive(Default)]
pub(crate) struct KeptStates(Zeroizing<Vec<HashState>>);

impl KeptStates {
    fn push(&mut self, state: HashState) {
        if self.0.len() == self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity((self.0.len() * 2).max(64)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.push(state);
    }

    /// The state before piece `index`, and the one after it.
    pub(crate) fn around(&self, index: usize) -> Option<(HashState, HashState)> {
        let before = match index.checked_sub(1) {
            None => HashState::default(),
            Some(previous) => *self.0.get(previous)?,
        };
        Some((before, *self.0.get(index)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(data: &[u8], chunk: usize) -> (Vec<[u8; 16]>, [u8; 16]) {
        let mut engine = Engine::new(&ContentKey::new(&[7; 32], [9; 12]));
        let mut hash = RunningHash::new();
        for chunk in data.chunks(chunk) {
            hash.update(&mut engine, chunk);
        }
        let (kept, tag) = hash.finish(&mut engine);
        (kept.0.iter().map(HashState::ghash).collect(), *tag)
    }

    #[test]
    fn the_states_are_the_same_for_any_chunking() {
        let data: Vec<u8> = (0..3 * PIECE_LEN + 1234)
            .map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes()[2])
            .collect();
        let whole = states(&data, data.len());
        assert_eq!(whole.0.len(), 4);
        for chunk in [
            1,
            15,
            16,
            17,
            1000,
            4096,
            16_384,
            PIECE_LEN - 16,
            PIECE_LEN,
            PIECE_LEN + 1,
        ] {
            assert_eq!(states(&data, chunk), whole, "chunks of {chunk}");
        }
    }

    #[test]
    fn no_state_is_kept_for_nothing_and_one_for_a_full_piece() {
        assert_eq!(states(&[], 1).0.len(), 0);
        assert_eq!(states(&[1], 1).0.len(), 1);
        assert_eq!(states(&vec![1; PIECE_LEN], 999).0.len(), 1);
        assert_eq!(states(&vec![1; PIECE_LEN + 1], 999).0.len(), 2);
    }
}
