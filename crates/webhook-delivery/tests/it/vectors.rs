//! Golden vectors that libraries of other languages made.
#![allow(clippy::unwrap_used)]

use chrono::DateTime;
use secrecy::SecretString;
use serde::Deserialize;
use webhook_delivery::{SigningSecret, Verifier, VerifyError, VerifyingKey, sign};

#[derive(Deserialize)]
struct Vector {
    name: String,
    secrets: Vec<SecretString>,
    keys: Vec<SecretString>,
    id: String,
    timestamp: i64,
    body: String,
    signature: String,
}

fn vectors() -> Vec<Vector> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/webhook-delivery/vectors.json"
    );
    let vectors: Vec<Vector> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(vectors.len() >= 13);
    vectors
}

#[test]
fn the_signatures_are_those_of_the_reference_libraries() {
    for vector in vectors() {
        let secrets: Vec<SigningSecret> = vector
            .secrets
            .iter()
            .map(|text| SigningSecret::parse(text).unwrap())
            .collect();
        let at = DateTime::from_timestamp(vector.timestamp, 999_000_000).unwrap();
        let id = vector.id.parse().unwrap();
        let signed = sign(&secrets, &id, at, vector.body.as_bytes());
        assert_eq!(signed.signature, vector.signature, "{}", vector.name);
        assert_eq!(signed.timestamp, vector.timestamp, "{}", vector.name);
        assert_eq!(signed.id, id);
    }
}

#[test]
fn the_signatures_of_the_reference_libraries_are_believed_by_each_key_alone() {
    for vector in vectors() {
        let now = DateTime::from_timestamp(vector.timestamp + 60, 0).unwrap();
        let timestamp = vector.timestamp.to_string();
        for key in &vector.keys {
            let verifier = Verifier::new([VerifyingKey::parse(key).unwrap()]);
            let verify = |body: &str| {
                verifier.verify(
                    &vector.id,
                    &timestamp,
                    &vector.signature,
                    body.as_bytes(),
                    now,
                )
            };
            assert_eq!(verify(&vector.body), Ok(()), "{}", vector.name);
            let changed = format!("{} ", vector.body);
            assert_eq!(
                verify(&changed),
                Err(VerifyError::Signature),
                "{}",
                vector.name
            );
        }
    }
}

#[test]
fn the_public_keys_are_those_of_the_reference_libraries() {
    use secrecy::ExposeSecret;
    let mut shown = 0;
    for vector in vectors() {
        for (secret, key) in vector.secrets.iter().zip(&vector.keys) {
            if let Some(public) = SigningSecret::parse(secret).unwrap().public_key() {
                assert_eq!(public, key.expose_secret(), "{}", vector.name);
                shown += 1;
            }
        }
    }
    assert!(shown >= 4);
}
