//! The counter mode of GCM, from any byte on.

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is compiled for the processor features chosen at run time"
)]

use aes::Aes256Enc;
use aes::cipher::consts::U16;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    Block, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser,
    ParBlocks,
};

use super::{BLOCK_LEN, offset_in};
use crate::content_key::IV_LEN;

/// XORs `data`, which stands at byte `offset`, with the key stream whose first block has the counter `first`.
pub(super) fn mask(cipher: &Aes256Enc, iv: [u8; IV_LEN], first: u32, offset: u64, data: &mut [u8]) {
    let skip = offset_in(offset, BLOCK_LEN);
    // Lengths are bounded far above: the counter of an allowed length never wraps.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "GCM's length limit keeps the block number below 2^32 - 2"
    )]
    let counter = first.wrapping_add((offset / BLOCK_LEN as u64) as u32);
    if skip == 0 {
        cipher.encrypt_with_backend(Mask { iv, counter, data });
        return;
    }
    let (head, rest) = data.split_at_mut(data.len().min(BLOCK_LEN - skip));
    let mut block = [0; BLOCK_LEN];
    block[skip..skip + head.len()].copy_from_slice(head);
    cipher.encrypt_with_backend(Mask {
        iv,
        counter,
        data: &mut block,
    });
    head.copy_from_slice(&block[skip..skip + head.len()]);
    cipher.encrypt_with_backend(Mask {
        iv,
        counter: counter.wrapping_add(1),
        data: rest,
    });
}

/// As many counter blocks at a time as the cipher's widest form takes (64 where the processor has VAES and AVX-512).
///
/// Everything in `call` is compiled for the processor features of that form; that is why counters and XOR are in here.
struct Mask<'a> {
    iv: [u8; IV_LEN],
    counter: u32,
    data: &'a mut [u8],
}

/// Batches whose counters are written before the first of them is encrypted.
///
/// The cipher reads counters in wider words than they are written in. Read at once, they would have to wait until the writes left the
/// processor's store buffer; this far apart, they do not. It doubles the speed.
const BATCHES: usize = 4;

impl BlockSizeUser for Mask<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Mask<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self {
            iv,
            mut counter,
            data,
        } = self;
        let (words, _) = iv.as_chunks::<4>();
        let nonce = [words[0], words[1], words[2]].map(u32::from_ne_bytes);
        let batch_len = B::ParBlocksSize::USIZE * BLOCK_LEN;
        let mut counters: [ParBlocks<B>; BATCHES] = Default::default();
        let mut stream = ParBlocks::<B>::default();
        for group in data.chunks_mut(batch_len * BATCHES) {
            for batch in &mut counters {
                for block in batch {
                    *block = counter_block(nonce, counter);
                    counter = counter.wrapping_add(1);
                }
            }
            for (data, counters) in group.chunks_mut(batch_len).zip(&counters) {
                backend.encrypt_par_blocks((counters, &mut stream).into());
                let (blocks, last) = data.as_chunks_mut::<BLOCK_LEN>();
                for (block, mask) in blocks.iter_mut().zip(&stream) {
                    let masked = u128::from_ne_bytes(*block) ^ u128::from_ne_bytes((*mask).into());
                    *block = masked.to_ne_bytes();
                }
                if let Some(mask) = stream.get(blocks.len()) {
                    for (byte, mask) in last.iter_mut().zip(mask) {
                        *byte ^= mask;
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn counter_block(nonce: [u32; 3], counter: u32) -> Block<Aes256Enc> {
    let [a, b, c] = nonce;
    let mut bytes = [0; BLOCK_LEN];
    for (place, word) in bytes.chunks_exact_mut(4).zip([a, b, c, counter.to_be()]) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use aes::cipher::KeyInit;

    use super::*;

    #[test]
    fn any_byte_range_is_masked_as_within_the_whole() {
        let cipher = Aes256Enc::new(&[3; 32].into());
        let mut whole = vec![0; 5000];
        mask(&cipher, [8; 12], 2, 0, &mut whole);
        for (start, end) in [
            (0, 1),
            (1, 15),
            (1, 16),
            (5, 5000),
            (16, 1040),
            (17, 1041),
            (1023, 1025),
            (4999, 5000),
            (7, 7),
        ] {
            let mut part = vec![0; end - start];
            mask(&cipher, [8; 12], 2, start as u64, &mut part);
            assert_eq!(part, whole[start..end], "{start}..{end}");
        }
    }

    #[test]
    fn each_block_is_the_encryption_of_its_counter() {
        let cipher = Aes256Enc::new(&[3; 32].into());
        let mut stream = vec![0; 200 * BLOCK_LEN];
        mask(&cipher, [8; 12], 2, 0, &mut stream);
        for (index, block) in stream.chunks_exact(BLOCK_LEN).enumerate() {
            let mut expected = [8; BLOCK_LEN];
            expected[12..].copy_from_slice(&(u32::try_from(index).unwrap() + 2).to_be_bytes());
            cipher.encrypt_block((&mut expected).into());
            assert_eq!(block, expected);
        }
    }
}
