//! Compares `recording-crypto` with OpenSSL's EVP AES-256-GCM, in one process, on one core.
//!
//! `cargo run --release` prints JSON. Five runs, in each of which the candidates take turns; a ratio is the median of the five
//! ratios within a run, so that a machine that slows down slows both. Data are in memory, in pieces of 64 KiB; what is timed is
//!
//! * `evp`: one EVP decryption, tag checked at its end, each piece into the same buffer;
//! * `verify`: the first pass of `recording-crypto`;
//! * `verify_and_decrypt`: both passes, the second one checking each piece once more;
//! * `seal`: its encryption, for what arrives in the clear;
//! * `unwrap`: RSAES-OAEP with SHA-256 under 2048 and 4096 bits, in both libraries.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use openssl::encrypt::Decrypter;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Padding;
use openssl::symm::{Cipher, Crypter, Mode};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use recording_crypto::{
    ContentKey, Decryptor, EncryptionDetails, PIECE_LEN, PrivateKey, Proof, Sealer, TAG_LEN,
    Verifier,
};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A dual-channel call of some four minutes: more than the caches next to a core hold.
const MEDIA_LEN: usize = 128 * PIECE_LEN;
const RUNS: usize = 5;
/// Passes over the media per candidate and run: 512 MiB.
const PASSES: usize = 64;
const UNWRAPS: u32 = 100;
const KEY: [u8; 32] = [0x6b; 32];
const IV: [u8; 12] = [0x1f; 12];

fn main() -> Outcome<()> {
    let (plain, media) = media()?;
    let key = ContentKey::new(&KEY, IV);
    let mut work = media.clone();
    let mut runs = Vec::new();
    for run in 0..=RUNS {
        let evp = rate(&media, &mut work, |data| decrypt_with_evp(data))?;
        let verify = rate(&media, &mut work, |data| verify_with(&key, data).map(drop))?;
        let both = rate(&media, &mut work, |data| {
            let proof = verify_with(&key, data)?;
            decrypt(&key, proof, &mut data[..MEDIA_LEN])
        })?;
        assert!(work[..MEDIA_LEN] == plain, "the two libraries disagree");
        let seal = rate(&media, &mut work, |data| {
            seal_in_place(&mut data[..MEDIA_LEN])
        })?;
        // The first run warms up.
        if run > 0 {
            runs.push([evp, verify, both, seal]);
        }
    }
    let ratio = |of: usize| median(runs.iter().map(|run| run[of] / run[0]).collect());
    let report = json!({
        "openssl": openssl::version::version(),
        "piece_bytes": PIECE_LEN,
        "media_bytes": MEDIA_LEN,
        "runs_gb_per_s": runs.iter().map(|[evp, verify, both, seal]| json!({
            "evp": round(*evp), "verify": round(*verify), "verify_and_decrypt": round(*both), "seal": round(*seal),
        })).collect::<Vec<_>>(),
        "ratio_to_evp": {
            "verify": round(ratio(1)), "verify_and_decrypt": round(ratio(2)), "seal": round(ratio(3)),
        },
        "target_ratio_to_evp": {"verify": 1.2, "verify_and_decrypt": 0.5},
        "unwrap": [unwrap(2048)?, unwrap(4096)?],
    });
    println!("{report:#}");
    Ok(())
}

/// Plaintext, and the same encrypted by OpenSSL.
fn media() -> Outcome<(Vec<u8>, Vec<u8>)> {
    let plain: Vec<u8> = (0..MEDIA_LEN)
        .map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes()[2])
        .collect();
    let mut tag = [0; TAG_LEN];
    let mut media = openssl::symm::encrypt_aead(
        Cipher::aes_256_gcm(),
        &KEY,
        Some(&IV),
        &[],
        &plain,
        &mut tag,
    )?;
    media.extend(tag);
    Ok((plain, media))
}

/// GB per second of work on the media; each pass begins with fresh ciphertext, whose copying is not counted.
fn rate(
    media: &[u8],
    work: &mut [u8],
    mut candidate: impl FnMut(&mut [u8]) -> Outcome<()>,
) -> Outcome<f64> {
    let mut spent = Duration::ZERO;
    for _ in 0..PASSES {
        work.copy_from_slice(media);
        let start = Instant::now();
        candidate(black_box(work))?;
        spent += start.elapsed();
    }
    Ok((MEDIA_LEN * PASSES) as f64 / spent.as_secs_f64() / 1e9)
}

fn decrypt_with_evp(media: &[u8]) -> Outcome<()> {
    let (ciphertext, tag) = media.split_at(MEDIA_LEN);
    let mut crypter = Crypter::new(Cipher::aes_256_gcm(), Mode::Decrypt, &KEY, Some(&IV))?;
    let mut piece = vec![0; PIECE_LEN + 16];
    for data in ciphertext.chunks(PIECE_LEN) {
        crypter.update(data, &mut piece)?;
        black_box(&piece);
    }
    crypter.set_tag(tag)?;
    crypter.finalize(&mut piece)?;
    Ok(())
}

fn verify_with(key: &ContentKey, media: &[u8]) -> Outcome<Proof> {
    let mut verifier = Verifier::new(key, "bench");
    for chunk in media.chunks(PIECE_LEN) {
        verifier.update(chunk)?;
    }
    Ok(verifier.finish()?)
}

fn decrypt(key: &ContentKey, proof: Proof, ciphertext: &mut [u8]) -> Outcome<()> {
    let mut decryptor = Decryptor::new(key, proof);
    for (piece, data) in (0..).zip(ciphertext.chunks_mut(PIECE_LEN)) {
        decryptor.decrypt_piece(piece, data)?;
    }
    Ok(())
}

fn seal_in_place(plain: &mut [u8]) -> Outcome<()> {
    let mut sealer = Sealer::new(&mut ChaCha20Rng::seed_from_u64(1), "bench");
    for chunk in plain.chunks_mut(PIECE_LEN) {
        sealer.update(chunk)?;
    }
    black_box(sealer.finish());
    Ok(())
}

/// Milliseconds per operation, the median of five alternating runs.
fn unwrap(bits: u32) -> Outcome<Value> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recording-crypto");
    let name = format!("keys/test-only-rsa-{bits}.pkcs8.pem");
    let pem = std::fs::read(fixtures.join(&name))?;
    let vectors: Value = serde_json::from_slice(&std::fs::read(fixtures.join("vectors.json"))?)?;
    let recordings = vectors["recordings"]
        .as_array()
        .ok_or("vectors.json has no recordings")?;
    let details = recordings
        .iter()
        .filter(|vector| vector["key"] == name.as_str())
        .map(|vector| &vector["encryption_details"])
        .find(|details| details["encrypted_cek"].is_string())
        .ok_or("no vector under this key spells encrypted_cek")?;
    let wrapped =
        openssl::base64::decode_block(details["encrypted_cek"].as_str().unwrap_or_default())?;
    let details = EncryptionDetails::from_json(details)?.ok_or("the vector is not encrypted")?;

    let ours = PrivateKey::read(&pem, None)?;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let theirs = PKey::private_key_from_pem(&pem)?;
    let mut decrypter = Decrypter::new(&theirs)?;
    decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
    decrypter.set_rsa_oaep_md(MessageDigest::sha256())?;
    decrypter.set_rsa_mgf1_md(MessageDigest::sha256())?;

    let (mut own, mut evp) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        own.push(milliseconds(|| {
            black_box(ours.unwrap(&details, &mut rng)?);
            Ok(())
        })?);
        evp.push(milliseconds(|| {
            let mut key = vec![0; decrypter.decrypt_len(&wrapped)?];
            let len = decrypter.decrypt(&wrapped, &mut key)?;
            assert_eq!(len, 32);
            Ok(())
        })?);
    }
    Ok(json!({"bits": bits, "ms": round(median(own)), "evp_ms": round(median(evp))}))
}

fn milliseconds(mut operation: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let start = Instant::now();
    for _ in 0..UNWRAPS {
        operation()?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e3 / f64::from(UNWRAPS))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
