//! Everything random about a world comes from its seed through here.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::scenario::Span;

/// A source of choices. Each contact has a stream of its own, so that changing one leaves the others as they were.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The `stream`-th source of a seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// A number of the span.
    pub(crate) fn span(&mut self, span: Span) -> u64 {
        self.between(span.min, span.max)
    }

    /// A number from `min` to `max`, both included.
    pub(crate) fn between(&mut self, min: u64, max: u64) -> u64 {
        self.0.random_range(min..=max.max(min))
    }

    /// The same as signed milliseconds.
    pub(crate) fn millis(&mut self, min: u64, max: u64) -> i64 {
        i64::try_from(self.between(min, max)).unwrap_or(i64::MAX)
    }

    /// An index below `count`, which is at least 1.
    pub(crate) fn index(&mut self, count: usize) -> usize {
        self.0.random_range(0..count.max(1))
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Random bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// `digits` hexadecimal digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        (0..digits)
            .map(|_| char::from(HEX[self.index(HEX.len())]))
            .collect()
    }

    /// A SID of the kind that `prefix` names.
    pub(crate) fn sid(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.hex(32))
    }

    /// A telephone number from the range kept for fiction.
    pub(crate) fn phone(&mut self) -> String {
        format!(
            "+1{}555{:04}",
            self.between(201, 989),
            self.between(100, 199)
        )
    }
}
