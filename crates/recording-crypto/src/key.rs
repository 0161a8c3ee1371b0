//! Private keys, and the ring that finds the right one.

mod encoding;
mod private;
mod ring;

pub use private::PrivateKey;
pub use ring::{KeyRing, RingEntry};

/// The shortest modulus that is accepted, in bits.
pub(crate) const MIN_BITS: u32 = 2048;
/// The longest modulus that is accepted, in bits.
pub(crate) const MAX_BITS: u32 = 8192;
