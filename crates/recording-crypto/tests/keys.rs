//! Keys in every form that operators have them in, and what is said about those that cannot be used.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod fixtures;

use recording_crypto::{CryptoError, EncryptionDetails, KeyRing, PrivateKey};
use secrecy::SecretString;

const SID: &str = "CRcb85845768df25c20f7c15a15e1a84f0";

fn key(suffix: &str) -> Vec<u8> {
    fixtures::read(&format!("keys/test-only-rsa-2048.{suffix}"))
}

fn passphrase() -> SecretString {
    fixtures::vectors()["passphrase"].as_str().unwrap().into()
}

fn refusal(bytes: &[u8]) -> CryptoError {
    PrivateKey::read(bytes, None).unwrap_err()
}

#[test]
fn every_form_holds_the_same_key() {
    let expected = PrivateKey::read(&key("pkcs8.pem"), None).unwrap();
    for suffix in [
        "pkcs8.der",
        "pkcs1.pem",
        "pkcs1.der",
        "encrypted-pkcs8.pem",
        "encrypted-pkcs8.der",
    ] {
        let read = PrivateKey::read(&key(suffix), Some(&passphrase())).unwrap();
        assert_eq!(
            read.public_key_spki_der(),
            expected.public_key_spki_der(),
            "{suffix}"
        );
        assert_eq!(read.fingerprint(), expected.fingerprint());
    }
}

#[test]
fn every_length_from_2048_to_8192_bits_is_read_and_matches_its_public_half() {
    for bits in [2048, 3072, 4096, 8192] {
        let key = PrivateKey::read(
            &fixtures::read(&format!("keys/test-only-rsa-{bits}.pkcs8.pem")),
            None,
        )
        .unwrap();
        assert_eq!(key.modulus_bits(), bits);
        assert!(key.matches(&fixtures::read(&format!(
            "keys/test-only-rsa-{bits}.public.pem"
        ))));
        assert!(key.matches(&key.public_key_spki_der()));
        assert_eq!(key.fingerprint().len(), 64);
    }
}

#[test]
fn a_foreign_public_key_and_noise_do_not_match() {
    let key = PrivateKey::read(&key("pkcs8.pem"), None).unwrap();
    assert!(!key.matches(&fixtures::read("keys/test-only-rsa-3072.public.pem")));
    assert!(!key.matches(b"noise"));
    assert!(!key.matches(b""));
}

#[test]
fn armour_is_read_as_secret_stores_mangle_it() {
    let pem = String::from_utf8(key("pkcs8.pem")).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    for mangled in [
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\\n"),
        pem.replace('\n', " "),
        format!(
            "  Bag Attributes\n    friendlyName: x\n{pem}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
        ),
        format!("-----BEGIN PRIVATE KEY-----{body}-----END PRIVATE KEY-----"),
    ] {
        assert!(
            PrivateKey::read(mangled.as_bytes(), None).is_ok(),
            "{mangled:.60}"
        );
    }
}

#[test]
fn a_passphrase_is_asked_for_and_checked() {
    for suffix in ["encrypted-pkcs8.pem", "encrypted-pkcs8.der"] {
        assert_eq!(refusal(&key(suffix)), CryptoError::PassphraseMissing);
        let wrong = SecretString::from("wrong");
        assert_eq!(
            PrivateKey::read(&key(suffix), Some(&wrong)).unwrap_err(),
            CryptoError::PassphraseWrong
        );
    }
}

#[test]
fn what_is_no_usable_key_is_called_by_its_name() {
    let pkcs8 = key("pkcs8.pem");
    let text = String::from_utf8(pkcs8.clone()).unwrap();
    let labelled = |label: &str| {
        format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n").into_bytes()
    };
    for (bytes, said) in [
        (b"".to_vec(), "empty"),
        (b"\n \n".to_vec(), "empty"),
        (b"hello".to_vec(), "neither PEM nor DER"),
        (vec![0x30, 0x03, 0x02, 0x01, 0x00], "no PKCS#8 or PKCS#1"),
        (key("public.pem"), "public key"),
        (
            PrivateKey::read(&pkcs8, None)
                .unwrap()
                .public_key_spki_der(),
            "public key",
        ),
        (key("old-encrypted-pkcs1.pem"), "Proc-Type"),
        (labelled("CERTIFICATE"), "certificate"),
        (labelled("EC PRIVATE KEY"), "elliptic"),
        (labelled("OPENSSH PRIVATE KEY"), "ssh-keygen"),
        (labelled("PGP MESSAGE"), "PEM label"),
        (labelled("PRIVATE KEY"), "DER"),
        ([pkcs8.clone(), pkcs8.clone()].concat(), "several"),
        (text.as_bytes()[..text.len() - 30].to_vec(), "cut short"),
        (text.replacen("MII", "M!I", 1).into_bytes(), "base64"),
        (
            text.replace("\n-----END", "AAAA\n-----END").into_bytes(),
            "it is",
        ),
        (key("pkcs8.der")[..600].to_vec(), "neither PEM nor DER"),
        (b"-----BEGIN PRIVATE KEY".to_vec(), "BEGIN line"),
    ] {
        let refusal = refusal(&bytes);
        assert!(
            matches!(refusal, CryptoError::KeyUnreadable { .. }),
            "{refusal}"
        );
        assert!(
            refusal.to_string().contains(said),
            "{refusal} should say {said}"
        );
    }
}

#[test]
fn a_key_whose_numbers_do_not_belong_together_is_refused() {
    let mut der = key("pkcs1.der");
    let middle = der.len() / 2;
    der[middle] ^= 0x40;
    assert!(refusal(&der).to_string().contains("do not belong together"));
}

#[test]
fn a_modulus_outside_2048_to_8192_bits_is_refused_before_it_is_used() {
    // RSAPrivateKey with version 0, a modulus of `bits` and eight times the integer 1.
    fn pkcs1(bits: usize) -> Vec<u8> {
        fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
            let header = match u16::try_from(content.len()).unwrap().to_be_bytes() {
                [0, len] => vec![tag, 0x81, len],
                [high, low] => vec![tag, 0x82, high, low],
            };
            [header.as_slice(), content].concat()
        }
        let mut modulus = vec![0xff; bits / 8];
        modulus.insert(0, 0);
        let ones = [2u8, 1, 1].repeat(7);
        wrapped(
            0x30,
            &[&[2, 1, 0][..], &wrapped(2, &modulus), &ones].concat(),
        )
    }
    assert_eq!(refusal(&pkcs1(1024)), CryptoError::KeySize { bits: 1024 });
    assert_eq!(refusal(&pkcs1(2040)), CryptoError::KeySize { bits: 2040 });
    assert_eq!(refusal(&pkcs1(8200)), CryptoError::KeySize { bits: 8200 });
    assert_eq!(refusal(&pkcs1(16384)), CryptoError::KeySize { bits: 16384 });
}

#[test]
fn a_key_of_another_algorithm_is_refused() {
    // PrivateKeyInfo of an Ed25519 key.
    let ed25519 = hex::decode("302e020100300506032b657004220420").unwrap();
    let refusal = refusal(&[ed25519, vec![7; 32]].concat());
    assert!(refusal.to_string().contains("not an RSA key"), "{refusal}");
}

#[test]
fn a_ring_finds_the_key_of_each_recording() {
    let vectors = fixtures::vectors();
    let mut ring = KeyRing::new();
    assert!(ring.is_empty());
    for vector in vectors["recordings"].as_array().unwrap() {
        let sid = vector["public_key_sid"].as_str().unwrap().parse().unwrap();
        if ring.get(sid).is_none() {
            let key =
                PrivateKey::read(&fixtures::read(vector["key"].as_str().unwrap()), None).unwrap();
            ring.insert(vector["key"].as_str().unwrap(), sid, key)
                .unwrap();
        }
    }
    assert_eq!(ring.len(), 4);
    assert_eq!(
        ring.iter().map(|entry| entry.key().modulus_bits()).max(),
        Some(8192)
    );
    for vector in vectors["recordings"].as_array().unwrap() {
        let details = EncryptionDetails::from_json(&vector["encryption_details"])
            .unwrap()
            .unwrap();
        let key = ring
            .unwrap(&details, &mut recording_crypto::os_rng().unwrap())
            .unwrap();
        let media = fixtures::read(vector["ciphertext"].as_str().unwrap());
        assert!(
            fixtures::verify(&key, &media, 5000).is_ok(),
            "{}",
            vector["name"]
        );
    }
}

#[test]
fn a_ring_finds_a_key_whatever_the_case_of_its_digits() {
    let mut ring = KeyRing::new();
    ring.insert(
        "a",
        SID.parse().unwrap(),
        PrivateKey::read(&key("pkcs8.pem"), None).unwrap(),
    )
    .unwrap();
    assert!(
        ring.get("CRCB85845768DF25C20F7C15A15E1A84F0".parse().unwrap())
            .is_some()
    );
}

#[test]
fn a_ring_refuses_two_keys_for_one_sid_and_two_with_one_name() {
    let read = || PrivateKey::read(&key("pkcs8.pem"), None).unwrap();
    let mut ring = KeyRing::new();
    ring.insert("spring", SID.parse().unwrap(), read()).unwrap();
    assert!(matches!(
        ring.insert("autumn", SID.parse().unwrap(), read()),
        Err(CryptoError::KeyClaimedTwice { first, second, .. }) if first == "spring" && second == "autumn"
    ));
    let other = "CR00000000000000000000000000000000".parse().unwrap();
    assert!(
        matches!(ring.insert("spring", other, read()), Err(CryptoError::KeyNameTaken { name }) if name == "spring")
    );
}

#[test]
fn a_key_that_the_ring_lacks_is_named() {
    let details = serde_json::json!({"public_key_sid": SID, "encrypted_cek": "AAAA", "iv": "AAAAAAAAAAAAAAAA"});
    let details = EncryptionDetails::from_json(&details).unwrap().unwrap();
    let refusal = KeyRing::new()
        .unwrap(&details, &mut fixtures::rng())
        .unwrap_err();
    assert_eq!(
        refusal,
        CryptoError::KeyUnknown {
            sid: SID.parse().unwrap()
        }
    );
}

#[test]
fn nothing_secret_is_printed() {
    let vectors = fixtures::vectors();
    let (content_key, media) = fixtures::open(&vectors["recordings"][5]);
    let proof = fixtures::verify(&content_key, &media, 100).unwrap();
    let key = PrivateKey::read(&key("pkcs8.pem"), None).unwrap();
    assert_eq!(format!("{key:?}"), "PrivateKey { modulus_bits: 2048, .. }");
    assert_eq!(format!("{content_key:?}"), "ContentKey { .. }");
    assert_eq!(
        format!("{proof:?}"),
        "Proof { recording: \"RE1\", plaintext_len: 1000, .. }"
    );
}
