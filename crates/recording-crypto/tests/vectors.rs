//! What an independent implementation encrypted is decrypted, and what it refuses is refused.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod fixtures;

use recording_crypto::{ContentKey, CryptoError, EncryptionDetails, PrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

#[test]
fn every_recording_decrypts_to_its_plaintext() {
    let vectors = fixtures::vectors();
    let recordings = vectors["recordings"].as_array().unwrap();
    assert_eq!(recordings.len(), 10);
    for vector in recordings {
        let (key, media) = fixtures::open(vector);
        let proof = fixtures::verify(&key, &media, 1009).unwrap();
        assert_eq!(
            proof.plaintext_len(),
            vector["plaintext_len"].as_u64().unwrap()
        );
        let plaintext = fixtures::decrypt(&key, proof, &media).unwrap();
        assert_eq!(
            hex::encode(Sha256::digest(&plaintext)),
            vector["plaintext_sha256"],
            "{}",
            vector["name"]
        );
    }
}

#[test]
fn every_damaged_recording_is_refused() {
    let vectors = fixtures::vectors();
    let name = &vectors["damaged"]["recording"];
    let vector = vectors["recordings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|vector| &vector["name"] == name)
        .unwrap();
    let (key, media) = fixtures::open(vector);
    assert!(fixtures::verify(&key, &media, 4096).is_ok());
    let cases = vectors["damaged"]["cases"].as_array().unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let (kind, value) = case.as_object().unwrap().iter().next().unwrap();
        let number = || usize::try_from(value.as_u64().unwrap()).unwrap();
        let mut damaged = media.clone();
        match kind.as_str() {
            "flip_bit" => damaged[number() / 8] ^= 1 << (number() % 8),
            "keep_first" => damaged.truncate(number()),
            "drop_first" => drop(damaged.drain(..number())),
            "append" => damaged.extend(unhex(value)),
            "insert_zeros_before_tag" => {
                let tag = damaged.len() - 16;
                damaged.splice(tag..tag, vec![0; number()]);
            }
            other => panic!("unknown damage {other}"),
        }
        let refusal = fixtures::verify(&key, &damaged, 4096).unwrap_err();
        assert_eq!(
            refusal,
            CryptoError::NotAuthentic {
                recording: "RE1".to_owned()
            },
            "{case}"
        );
    }
}

#[test]
fn a_recording_is_refused_under_another_key_or_iv() {
    let vectors = fixtures::vectors();
    let (_, media) = fixtures::open(&vectors["recordings"][5]);
    let (other, _) = fixtures::open(&vectors["recordings"][9]);
    assert!(matches!(
        fixtures::verify(&other, &media, 100),
        Err(CryptoError::NotAuthentic { .. })
    ));

    let mut vector = vectors["recordings"][0].clone();
    vector["encryption_details"]["iv"] = json!("AAAAAAAAAAAAAAAA");
    let (wrong_iv, media) = fixtures::open(&vector);
    assert!(matches!(
        fixtures::verify(&wrong_iv, &media, 100),
        Err(CryptoError::NotAuthentic { .. })
    ));
}

#[test]
fn a_wrapped_key_that_does_not_open_says_nothing_but_the_key_sid() {
    let vectors = fixtures::vectors();
    let refused = &vectors["refused_wraps"];
    let key = PrivateKey::read(&fixtures::read(refused["key"].as_str().unwrap()), None).unwrap();
    let sid = "CRcb85845768df25c20f7c15a15e1a84f0";
    let cases = refused["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 20);
    for case in cases {
        let details = json!({"public_key_sid": sid, "encrypted_cek": case["wrapped"], "iv": "AAAAAAAAAAAAAAAA"});
        let details = EncryptionDetails::from_json(&details).unwrap().unwrap();
        let refusal = key.unwrap(&details, &mut fixtures::rng()).unwrap_err();
        assert_eq!(
            refusal,
            CryptoError::ContentKeyNotUnwrapped {
                sid: sid.parse().unwrap()
            },
            "{}",
            case["name"]
        );
    }
}

#[test]
fn the_published_values_of_aes_256_gcm_hold() {
    let vectors = fixtures::vectors();
    let published = vectors["published_gcm"].as_array().unwrap();
    assert_eq!(published.len(), 5);
    for vector in published {
        let key: [u8; 32] = unhex(&vector["key"]).try_into().unwrap();
        let key = ContentKey::new(&key, unhex(&vector["iv"]).try_into().unwrap());
        let media = [unhex(&vector["ciphertext"]), unhex(&vector["tag"])].concat();
        let proof = fixtures::verify(&key, &media, 7).unwrap();
        let plaintext = fixtures::decrypt(&key, proof, &media).unwrap();
        assert_eq!(
            plaintext,
            unhex(&vector["plaintext"]),
            "{}",
            vector["source"]
        );
    }
}
