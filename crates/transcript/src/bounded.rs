//! Writing up to a limit and not a byte further.

use std::{fmt, io};

use serde::Serialize;

/// Takes bytes up to a limit. What would go beyond is refused as a whole, and so is everything after it.
pub(crate) struct Bounded {
    bytes: Vec<u8>,
    limit: u64,
}

impl Bounded {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Doubles what is held, as a vector would, but never beyond the limit.
    fn make_room(&mut self, more: usize) {
        let needed = self.bytes.len().saturating_add(more);
        if needed > self.bytes.capacity() {
            let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
            let doubled = self.bytes.capacity().saturating_mul(2).max(256);
            let target = doubled.min(limit).max(needed);
            self.bytes.reserve_exact(target - self.bytes.len());
        }
    }

    fn take(&mut self, bytes: &[u8]) -> bool {
        let fits = (self.bytes.len() as u64).saturating_add(bytes.len() as u64) <= self.limit;
        if fits {
            self.make_room(bytes.len());
            self.bytes.extend_from_slice(bytes);
        } else {
            self.limit = 0;
        }
        fits
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.take(text.as_bytes()) {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

/// Counts bytes and keeps none.
struct Counter(u64);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes that a value has as JSON, without making them. What cannot be written counts as endless.
pub(crate) fn json_len(value: &impl Serialize) -> u64 {
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        Err(_) => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn the_last_byte_that_fits_is_taken_and_nothing_after_a_refusal() {
        let mut bounded = Bounded::new(4);
        bounded.write_str("abc").unwrap();
        assert!(bounded.write_str("de").is_err());
        assert!(bounded.write_str("f").is_err());
        assert_eq!(bounded.into_bytes(), b"abc");
        let mut bounded = Bounded::new(4);
        bounded.write_str("abcd").unwrap();
        assert_eq!(bounded.into_bytes(), b"abcd");
    }

    #[test]
    fn no_more_than_the_limit_is_ever_held() {
        let mut bounded = Bounded::new(1000);
        while bounded.write_str("0123456789abc").is_ok() {
            assert!(bounded.bytes.capacity() <= 1000);
        }
        assert_eq!(bounded.into_bytes().len(), 988);
    }

    #[test]
    fn a_length_is_that_of_the_json() {
        let value = serde_json::json!({"body": "é\u{0}\n", "list": [1, 2]});
        assert_eq!(json_len(&value), value.to_string().len() as u64);
    }
}
