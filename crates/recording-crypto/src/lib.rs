#![doc = include_str!("../README.md")]

mod content_key;
mod decryptor;
mod details;
mod error;
mod gcm;
mod key;
mod proof;
mod sealer;
mod verifier;

pub use content_key::ContentKey;
pub use decryptor::Decryptor;
pub use details::EncryptionDetails;
pub use error::CryptoError;
pub use key::{KeyRing, PrivateKey, RingEntry};
pub use proof::Proof;
/// What a source of randomness must promise; the `rand` crates' own trait.
pub use rsa::rand_core::CryptoRng;
pub use sealer::{Sealed, Sealer};
pub use verifier::Verifier;

/// Bytes of ciphertext between two kept hash states, and so the unit in which plaintext is released.
pub const PIECE_LEN: usize = 64 * 1024;

/// Bytes of the authentication tag, the last ones of an encrypted recording.
pub const TAG_LEN: usize = 16;

/// The longest plaintext that one key and IV may carry, in bytes: 2³⁶ − 32 (NIST SP 800-38D §5.2.1.1).
pub const MAX_PLAINTEXT_LEN: u64 = (1 << 36) - 32;

/// A random generator seeded by the operating system, for callers that steer no randomness themselves.
///
/// # Errors
/// [`CryptoError::NoRandomness`] if the operating system gives none.
pub fn os_rng() -> Result<impl CryptoRng + Send, CryptoError> {
    seeded(&mut rand::rngs::SysRng)
}

fn seeded<R: rand::TryCryptoRng>(source: &mut R) -> Result<rand::rngs::StdRng, CryptoError> {
    rand::SeedableRng::try_from_rng(source).map_err(|_| CryptoError::NoRandomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    impl rand::TryRng for Silent {
        type Error = std::fmt::Error;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Err(std::fmt::Error)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Err(std::fmt::Error)
        }

        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
            Err(std::fmt::Error)
        }
    }

    impl rand::TryCryptoRng for Silent {}

    #[test]
    fn an_operating_system_without_random_bytes_is_an_error() {
        assert_eq!(seeded(&mut Silent).err(), Some(CryptoError::NoRandomness));
    }
}
