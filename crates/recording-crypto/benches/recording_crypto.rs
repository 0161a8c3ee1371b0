//! Verifying, verifying and decrypting, sealing, and unwrapping: `cargo bench -p recording-crypto`.
#![allow(missing_docs, reason = "criterion's macros write undocumented items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot start has failed")]

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use recording_crypto::{
    ContentKey, Decryptor, EncryptionDetails, PIECE_LEN, PrivateKey, Proof, Sealer, TAG_LEN,
    Verifier,
};
use serde_json::Value;

/// Ten minutes of dual-channel telephone audio are 19 MB; 4 MiB show the same rate and leave the caches too.
const LEN: usize = 64 * PIECE_LEN;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn sealed() -> (ContentKey, Vec<u8>) {
    let mut media = vec![0x55; LEN];
    let mut sealer = Sealer::new(&mut rng(), "RE1");
    sealer.update(&mut media).unwrap();
    let outcome = sealer.finish();
    media.extend(outcome.tag);
    (outcome.key, media)
}

fn verify(key: &ContentKey, media: &[u8]) -> Proof {
    let mut verifier = Verifier::new(key, "RE1");
    for chunk in media.chunks(PIECE_LEN) {
        verifier.update(black_box(chunk)).unwrap();
    }
    verifier.finish().unwrap()
}

fn decrypt(key: &ContentKey, proof: Proof, media: &mut [u8]) {
    let mut decryptor = Decryptor::new(key, proof);
    for (piece, data) in (0..).zip(media.chunks_mut(PIECE_LEN)) {
        decryptor.decrypt_piece(piece, black_box(data)).unwrap();
    }
}

fn streams(criterion: &mut Criterion) {
    let (key, media) = sealed();
    let mut group = criterion.benchmark_group("64 KiB pieces");
    group.throughput(Throughput::Bytes(LEN as u64));
    group.bench_function("verify", |bencher| bencher.iter(|| verify(&key, &media)));
    group.bench_function("verify and decrypt", |bencher| {
        bencher.iter_batched_ref(
            || media.clone(),
            |media| {
                let proof = verify(&key, media);
                decrypt(&key, proof, &mut media[..LEN]);
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("seal", |bencher| {
        bencher.iter_batched_ref(
            || media[..LEN].to_vec(),
            |media| {
                let mut sealer = Sealer::new(&mut rng(), "RE1");
                for chunk in media.chunks_mut(PIECE_LEN) {
                    sealer.update(chunk).unwrap();
                }
                sealer.finish().tag.len() == TAG_LEN
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn unwrap(criterion: &mut Criterion) {
    let fixtures = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/recording-crypto"
    ));
    let vectors: Value =
        serde_json::from_slice(&std::fs::read(fixtures.join("vectors.json")).unwrap()).unwrap();
    let mut group = criterion.benchmark_group("unwrap");
    for bits in [2048, 4096] {
        let file = format!("keys/test-only-rsa-{bits}.pkcs8.pem");
        let key = PrivateKey::read(&std::fs::read(fixtures.join(&file)).unwrap(), None).unwrap();
        let recordings = vectors["recordings"].as_array().unwrap();
        let vector = recordings
            .iter()
            .find(|vector| vector["key"] == file.as_str())
            .unwrap();
        let details = EncryptionDetails::from_json(&vector["encryption_details"])
            .unwrap()
            .unwrap();
        let mut rng = rng();
        group.bench_function(BenchmarkId::new("RSA", bits), |bencher| {
            bencher.iter(|| key.unwrap(black_box(&details), &mut rng).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, streams, unwrap);
criterion_main!(benches);
