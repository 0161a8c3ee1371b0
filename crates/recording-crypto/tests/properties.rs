//! What holds for any recording, any chunking, any change.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod fixtures;

use proptest::prelude::*;
use recording_crypto::{CryptoError, Decryptor, PIECE_LEN, Sealed, Sealer};

/// Lengths around the edges of blocks and pieces are what goes wrong.
fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![
        0usize..70,
        (0usize..5, -20isize..20)
            .prop_map(|(pieces, by)| (pieces * PIECE_LEN).saturating_add_signed(by)),
        0usize..300_000,
    ]
}

fn plaintext(len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes()[2])
        .collect()
}

/// Seals in chunks of the given sizes, over and over.
fn seal(plaintext: &[u8], chunks: &[usize]) -> (Vec<u8>, Sealed) {
    let mut media = plaintext.to_vec();
    let mut sealer = Sealer::new(&mut fixtures::rng(), "RE1");
    let mut rest = media.as_mut_slice();
    for size in chunks.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at_mut(rest.len().min(*size));
        sealer.update(chunk).unwrap();
        rest = after;
    }
    let outcome = sealer.finish();
    media.extend(outcome.tag);
    (media, outcome)
}

fn refused(recording: &str) -> CryptoError {
    CryptoError::NotAuthentic {
        recording: recording.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_chunking_gives_the_same_ciphertext_and_proof(
        len in lengths(),
        sealing in prop::collection::vec(1usize..100_000, 1..5),
        verifying in prop::collection::vec(1usize..100_000, 1..5),
    ) {
        let plain = plaintext(len);
        let (media, sealed) = seal(&plain, &sealing);
        let (whole, _) = seal(&plain, &[usize::MAX]);
        prop_assert!(media == whole);

        let mut verifier = recording_crypto::Verifier::new(&sealed.key, "RE1");
        let mut rest = media.as_slice();
        for size in verifying.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(rest.len().min(*size));
            verifier.update(chunk).unwrap();
            rest = after;
        }
        let verified = verifier.finish().unwrap();
        prop_assert_eq!(verified.plaintext_len(), len as u64);
        prop_assert!(fixtures::decrypt(&sealed.key, verified, &media).unwrap() == plain);
        prop_assert!(fixtures::decrypt(&sealed.key, sealed.proof, &media).unwrap() == plain);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused(len in lengths(), at in any::<prop::sample::Index>(), chunk in 1usize..70_000) {
        let (mut media, sealed) = seal(&plaintext(len), &[PIECE_LEN]);
        let bit = at.index(media.len() * 8);
        media[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(fixtures::verify(&sealed.key, &media, chunk).unwrap_err(), refused("RE1"));
    }

    #[test]
    fn a_recording_cut_short_anywhere_is_refused(len in lengths(), at in any::<prop::sample::Index>()) {
        let (media, sealed) = seal(&plaintext(len), &[PIECE_LEN]);
        let kept = at.index(media.len());
        prop_assert_eq!(fixtures::verify(&sealed.key, &media[..kept], 8192).unwrap_err(), refused("RE1"));
    }

    #[test]
    fn a_piece_changed_after_verification_is_not_released_and_all_others_are(
        len in 1usize..300_000,
        at in any::<prop::sample::Index>(),
    ) {
        let plain = plaintext(len);
        let (media, sealed) = seal(&plain, &[PIECE_LEN]);
        let proof = fixtures::verify(&sealed.key, &media, 8192).unwrap();
        let mut stored = media[..len].to_vec();
        let bit = at.index(len * 8);
        stored[bit / 8] ^= 1 << (bit % 8);
        let before = stored.clone();
        let mut decryptor = Decryptor::new(&sealed.key, proof);
        for (piece, data) in stored.chunks_mut(PIECE_LEN).enumerate() {
            let range = piece * PIECE_LEN..piece * PIECE_LEN + data.len();
            let outcome = decryptor.decrypt_piece(piece as u64, data);
            if range.contains(&(bit / 8)) {
                prop_assert_eq!(outcome, Err(refused("RE1")));
                prop_assert!(data == &before[range]);
            } else {
                prop_assert_eq!(outcome, Ok(()));
                prop_assert!(data == &plain[range]);
            }
        }
    }

    #[test]
    fn any_piece_can_be_the_first(len in 1usize..300_000, first in any::<prop::sample::Index>()) {
        let plain = plaintext(len);
        let (mut media, sealed) = seal(&plain, &[PIECE_LEN]);
        media.truncate(len);
        let pieces = len.div_ceil(PIECE_LEN);
        prop_assert_eq!(sealed.proof.pieces(), pieces as u64);
        let first = first.index(pieces);
        let mut decryptor = Decryptor::new(&sealed.key, sealed.proof);
        let mut plaintexts = media.chunks_mut(PIECE_LEN).enumerate().collect::<Vec<_>>();
        plaintexts.rotate_left(first);
        for (piece, data) in plaintexts {
            decryptor.decrypt_piece(piece as u64, data).unwrap();
        }
        prop_assert!(media == plain);
    }
}

#[test]
fn every_single_bit_of_a_short_recording_counts() {
    let (media, sealed) = seal(&plaintext(40), &[7]);
    assert!(fixtures::verify(&sealed.key, &media, 9).is_ok());
    for bit in 0..media.len() * 8 {
        let mut changed = media.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            fixtures::verify(&sealed.key, &changed, 9).unwrap_err(),
            refused("RE1"),
            "bit {bit}"
        );
    }
}

#[test]
fn pieces_are_refused_in_each_others_place_and_at_another_length() {
    let (media, sealed) = seal(&plaintext(3 * PIECE_LEN - 100), &[PIECE_LEN]);
    let mut decryptor = Decryptor::new(&sealed.key, sealed.proof.clone());
    let piece = |index: usize| media[index * PIECE_LEN..(index + 1) * PIECE_LEN].to_vec();
    assert_eq!(
        decryptor.decrypt_piece(1, &mut piece(0)),
        Err(refused("RE1"))
    );
    assert_eq!(
        decryptor.decrypt_piece(0, &mut piece(1)),
        Err(refused("RE1"))
    );
    assert_eq!(
        decryptor.decrypt_piece(0, &mut piece(0)[..PIECE_LEN - 1]),
        Err(refused("RE1"))
    );
    assert_eq!(decryptor.decrypt_piece(0, &mut []), Err(refused("RE1")));
    // Zeros in place of the padding hash alike, but were never there.
    let mut last = media[2 * PIECE_LEN..media.len() - 16].to_vec();
    last.extend([0; 4]);
    assert_eq!(decryptor.decrypt_piece(2, &mut last), Err(refused("RE1")));
    assert_eq!(decryptor.decrypt_piece(0, &mut piece(0)), Ok(()));
    assert_eq!(
        decryptor.decrypt_piece(3, &mut [1]),
        Err(CryptoError::NoSuchPiece {
            recording: "RE1".to_owned(),
            piece: 3,
            pieces: 3
        })
    );
    assert_eq!(sealed.proof.piece_len(2), PIECE_LEN - 100);
    assert_eq!(sealed.proof.piece_len(3), 0);
}

#[test]
fn a_proof_releases_nothing_under_another_key() {
    let (media, one) = seal(&plaintext(100), &[100]);
    let other = Sealer::new(&mut recording_crypto::os_rng().unwrap(), "RE2").finish();
    let mut decryptor = Decryptor::new(&other.key, one.proof);
    assert_eq!(
        decryptor.decrypt_piece(0, &mut media[..100].to_vec()),
        Err(refused("RE1"))
    );
}
