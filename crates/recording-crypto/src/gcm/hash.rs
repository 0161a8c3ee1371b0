//! GHASH over many blocks at once, by way of POLYVAL.
//!
//! One chain of multiplications waits for itself: each step needs the result of the one before. Two halves of a stretch of
//! blocks are therefore hashed side by side, and put together at its end: a stretch `A ‖ B` whose second half has *n* blocks hashes to
//! `hash(A)·Hⁿ + hash(B)`. The powers needed are few, since the second half is always a power of two.
//!
//! GHASH is POLYVAL over byte-reversed blocks with the key multiplied by x (RFC 8452, appendix A).

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is compiled for the processor features chosen at run time"
)]

use aes::Aes256Enc;
use aes::cipher::consts::U16;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser,
};
use polyval::universal_hash::{Reset, UniversalHash};
use polyval::{Block, Polyval};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{DefaultIsZeroes, Zeroizing};

use super::BLOCK_LEN;

/// Shortest and longest second half that is hashed beside a first one, in blocks.
const SHORTEST_LANE: usize = 32;
const LONGEST_LANE: usize = 2048;

/// Lengths of second halves: 32, 64, … 2048 blocks.
const LANES: usize = 7;

/// Blocks that POLYVAL takes in one step.
const STEP: usize = 4;

/// The hash so far, in POLYVAL's byte order.
#[derive(Clone, Copy, Default)]
pub(crate) struct HashState(u128);

impl DefaultIsZeroes for HashState {}

impl HashState {
    /// The state in GHASH's own byte order.
    pub(crate) fn ghash(&self) -> [u8; BLOCK_LEN] {
        self.0.to_be_bytes()
    }
}

impl ConstantTimeEq for HashState {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

pub(super) struct Hasher {
    first: Polyval,
    second: Polyval,
    /// Multiplication by Hⁿ for n = 32, 64, … 2048.
    powers: [Polyval; LANES],
}

impl Hasher {
    /// Takes GHASH's key, the encryption of the zero block.
    pub(super) fn new(key: &[u8; BLOCK_LEN]) -> Self {
        let key = Zeroizing::new(times_x(u128::from_be_bytes(*key)));
        let hasher = Polyval::new(&block(*key));
        let mut power = Zeroizing::new(*key);
        for _ in 0..SHORTEST_LANE.trailing_zeros() {
            *power = square(*power);
        }
        let powers = std::array::from_fn(|index| {
            if index > 0 {
                *power = square(*power);
            }
            Polyval::new(&block(*power))
        });
        Self {
            second: hasher.clone(),
            first: hasher,
            powers,
        }
    }

    /// Continues `state` over whole blocks of GHASH input.
    ///
    /// The cipher does not take part: its run-time choice of processor features is borrowed, without which reversing the blocks
    /// costs as much as hashing them.
    pub(super) fn absorb(
        &mut self,
        cipher: &Aes256Enc,
        state: &mut HashState,
        blocks: &[[u8; BLOCK_LEN]],
    ) {
        if blocks.len() < SHORTEST_LANE * 2 {
            self.absorb_inline(state, blocks);
        } else {
            cipher.encrypt_with_backend(Absorb {
                hasher: self,
                state,
                blocks,
            });
        }
    }

    #[inline(always)]
    fn absorb_inline(&mut self, state: &mut HashState, mut blocks: &[[u8; BLOCK_LEN]]) {
        while blocks.len() >= SHORTEST_LANE * 2 - 1 {
            let lane = (1 << blocks.len().div_ceil(2).ilog2()).min(LONGEST_LANE);
            let (stretch, rest) = blocks.split_at(blocks.len().min(lane * 2));
            let (one, two) = stretch.split_at(stretch.len() - lane);
            self.absorb_lanes(state, one, two);
            blocks = rest;
        }
        if blocks.is_empty() {
            return;
        }
        self.first.reset();
        let rest = seed(&mut self.first, *state, blocks);
        absorb_all(&mut self.first, rest);
        state.0 = value(&self.first);
    }

    /// Two lanes side by side; the second one's length is a power of two, the first is as long or one shorter.
    #[inline(always)]
    fn absorb_lanes(
        &mut self,
        state: &mut HashState,
        one: &[[u8; BLOCK_LEN]],
        two: &[[u8; BLOCK_LEN]],
    ) {
        self.first.reset();
        self.second.reset();
        let power = &mut self.powers[(two.len() / SHORTEST_LANE).ilog2() as usize];

        // The state so far enters with the first block; the steps then start one block later in the first lane.
        let one = seed(&mut self.first, *state, one);
        let (steps_one, rest_one) = one.as_chunks::<STEP>();
        let (steps_two, _) = two.as_chunks::<STEP>();
        for (step_one, step_two) in steps_one.iter().zip(steps_two) {
            self.first.update(&step_one.map(reversed));
            self.second.update(&step_two.map(reversed));
        }
        absorb_all(&mut self.first, rest_one);
        absorb_all(
            &mut self.second,
            &two[steps_one.len().min(steps_two.len()) * STEP..],
        );

        power.reset();
        power.update(&[block(value(&self.first))]);
        state.0 = value(power) ^ value(&self.second);
    }
}

struct Absorb<'a> {
    hasher: &'a mut Hasher,
    state: &'a mut HashState,
    blocks: &'a [[u8; BLOCK_LEN]],
}

impl BlockSizeUser for Absorb<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Absorb<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, _: &B) {
        self.hasher.absorb_inline(self.state, self.blocks);
    }
}

/// Feeds the first block with the state added; gives the blocks that are left.
#[inline(always)]
fn seed<'a>(
    lane: &mut Polyval,
    state: HashState,
    blocks: &'a [[u8; BLOCK_LEN]],
) -> &'a [[u8; BLOCK_LEN]] {
    let Some((head, rest)) = blocks.split_first() else {
        return blocks;
    };
    lane.update(&[block(u128::from_be_bytes(*head) ^ state.0)]);
    rest
}

#[inline(always)]
fn absorb_all(lane: &mut Polyval, blocks: &[[u8; BLOCK_LEN]]) {
    let (steps, rest) = blocks.as_chunks::<STEP>();
    for step in steps {
        lane.update(&step.map(reversed));
    }
    for one in rest {
        lane.update(&[reversed(*one)]);
    }
}

#[inline(always)]
fn reversed(mut bytes: [u8; BLOCK_LEN]) -> Block {
    bytes.reverse();
    bytes.into()
}

fn block(element: u128) -> Block {
    element.to_le_bytes().into()
}

fn value(lane: &Polyval) -> u128 {
    u128::from_le_bytes(lane.clone().finalize().into())
}

/// POLYVAL's product of an element with itself; the power that `n` blocks of zeros after a block multiply it by.
fn square(element: u128) -> u128 {
    let mut product = Polyval::new(&block(element));
    product.update(&[block(element)]);
    value(&product)
}

/// Multiplication by x in POLYVAL's field, without a branch (RFC 8452 §3: x¹²⁸ = x¹²⁷ + x¹²⁶ + x¹²¹ + 1).
fn times_x(element: u128) -> u128 {
    const REDUCTION: u128 = (1 << 127) | (1 << 126) | (1 << 121) | 1;
    let carry = 0u128.wrapping_sub(element >> 127);
    (element << 1) ^ (carry & REDUCTION)
}

#[cfg(test)]
mod tests {
    use aes::cipher::KeyInit;

    use super::*;

    const KEY: [u8; 16] = *b"any sixteen byte";

    /// GHASH as NIST SP 800-38D §6.3 and §6.4 write it, bit by bit.
    fn ghash_by_the_book(key: [u8; 16], blocks: &[[u8; 16]]) -> [u8; 16] {
        let key = u128::from_be_bytes(key);
        let mut state = 0u128;
        for block in blocks {
            let input = state ^ u128::from_be_bytes(*block);
            let (mut product, mut multiple) = (0u128, key);
            for bit in (0..128).rev() {
                product ^= multiple & 0u128.wrapping_sub((input >> bit) & 1);
                multiple = (multiple >> 1) ^ ((0xe1 << 120) & 0u128.wrapping_sub(multiple & 1));
            }
            state = product;
        }
        state.to_be_bytes()
    }

    fn blocks(count: usize) -> Vec<[u8; 16]> {
        (0..count)
            .map(|i| std::array::from_fn(|j| (i * 17 + j * 101 + i * j).to_le_bytes()[0]))
            .collect()
    }

    #[test]
    fn any_number_of_blocks_hashes_as_the_book_says() {
        let cipher = Aes256Enc::new(&[0; 32].into());
        let mut hasher = Hasher::new(&KEY);
        for count in (0..=140).chain([191, 255, 256, 257, 1000, 4094, 4095, 4096, 4097, 6000]) {
            let blocks = blocks(count);
            let mut state = HashState::default();
            hasher.absorb(&cipher, &mut state, &blocks);
            assert_eq!(
                state.ghash(),
                ghash_by_the_book(KEY, &blocks),
                "{count} blocks"
            );
        }
    }

    #[test]
    fn a_state_can_be_continued_anywhere() {
        let cipher = Aes256Enc::new(&[0; 32].into());
        let mut hasher = Hasher::new(&KEY);
        let blocks = blocks(600);
        let expected = ghash_by_the_book(KEY, &blocks);
        for split in [1, 31, 63, 64, 127, 300, 599] {
            let mut state = HashState::default();
            hasher.absorb(&cipher, &mut state, &blocks[..split]);
            hasher.absorb(&cipher, &mut state, &blocks[split..]);
            assert_eq!(state.ghash(), expected, "split at {split}");
        }
    }
}
