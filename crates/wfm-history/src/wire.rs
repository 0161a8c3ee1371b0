//! Numbers of variable length, seven bits in a byte, for spilled runs and ledgers.

use std::io::{BufRead, BufReader, Read};

pub(crate) fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
}

/// Reads them back. `None` is the end, or damage.
pub(crate) struct Cursor<R> {
    source: R,
}

impl<R: BufRead> Cursor<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source }
    }

    pub(crate) fn is_at_end(&mut self) -> bool {
        self.source.fill_buf().is_ok_and(<[u8]>::is_empty)
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let byte = *self.source.fill_buf().ok()?.first()?;
        self.source.consume(1);
        Some(byte)
    }

    #[inline]
    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            value |= part << shift;
            if (part << shift) >> shift != part {
                return None;
            }
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl<R: Read> Cursor<BufReader<R>> {
    /// What is buffered, to be read without asking for each byte whether there is one; then `skip` what was read.
    pub(crate) fn buffered(&self) -> &[u8] {
        self.source.buffer()
    }

    pub(crate) fn skip(&mut self, bytes: usize) {
        self.source.consume(bytes);
    }
}

impl Cursor<&[u8]> {
    pub(crate) fn left(&self) -> usize {
        self.source.len()
    }
}
