//! The signature of Twilio's requests, against its own published examples.
#![allow(clippy::unwrap_used, reason = "a test may end here")]

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flex_events::{FormBody, SignatureCheck, SignatureError};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::Value;

const URL: &str = "https://connector.example.com/twilio/ws1";

fn token() -> SecretString {
    "12345".into()
}

fn check() -> SignatureCheck {
    SignatureCheck::new(&[token()], URL).unwrap()
}

fn sign(token: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

fn hash(body: &[u8]) -> String {
    format!("bodySHA256={}", hex::encode(digest(&SHA256, body)))
}

#[test]
fn every_published_example_holds() {
    let examples: Value = serde_json::from_str(include_str!(
        "../../../fixtures/flex-events/signatures.json"
    ))
    .unwrap();
    let examples = examples["vectors"].as_array().unwrap();
    assert_eq!(examples.len(), 5);
    for example in examples {
        let text = |name: &str| example[name].as_str().unwrap();
        let check = SignatureCheck::new(&[text("token").into()], text("url")).unwrap();
        let verify = |signature: &str| match example["form"].as_array() {
            Some(fields) => {
                let body: Vec<_> = fields
                    .iter()
                    .map(|pair| {
                        let part = |at: usize| pair[at].as_str().unwrap().replace('+', "%2B");
                        format!("{}={}", part(0), part(1))
                    })
                    .collect();
                let body = body.join("&");
                check.verify_form(
                    Some(text("query")),
                    &FormBody::parse(body.as_bytes()),
                    signature,
                )
            }
            None => check.verify_body(Some(text("query")), text("body").as_bytes(), signature),
        };
        assert_eq!(verify(text("signature")), Ok(()), "{example}");
        assert_eq!(
            verify(&sign("54321", "anything")),
            Err(SignatureError::Forged)
        );
    }
}

#[test]
fn repeated_names_are_signed_once_per_value_and_in_order() {
    let form = FormBody::parse(b"b=2&a=9&a=1&a=9");
    let signature = sign("12345", &format!("{URL}a1a9b2"));
    assert_eq!(check().verify_form(None, &form, &signature), Ok(()));
}

#[test]
fn the_url_is_taken_with_and_without_its_port() {
    let form = FormBody::parse(b"");
    for signed in [
        "https://connector.example.com/twilio/ws1",
        "https://connector.example.com:443/twilio/ws1",
    ] {
        assert_eq!(
            check().verify_form(None, &form, &sign("12345", signed)),
            Ok(())
        );
    }
    for other in [
        "http://connector.example.com/twilio/ws1",
        "https://connector.example.com:8443/twilio/ws1",
        "https://elsewhere.example.com/twilio/ws1",
        "https://connector.example.com/twilio/ws2",
    ] {
        assert_eq!(
            check().verify_form(None, &form, &sign("12345", other)),
            Err(SignatureError::Forged),
            "{other}"
        );
    }
}

#[test]
fn the_query_is_taken_as_it_came_and_in_its_older_spellings() {
    let form = FormBody::parse(b"");
    for signed in [
        "n=William+O%27hara&m=a%40b",
        "n=William+O'hara&m=a%40b",
        "n=William%20O'hara&m=a%40b",
    ] {
        let signature = sign("12345", &format!("{URL}?{signed}"));
        let query = Some("n=William+O%27hara&m=a%40b");
        assert_eq!(check().verify_form(query, &form, &signature), Ok(()));
    }
}

#[test]
fn credentials_in_the_url_may_have_been_signed_with_it() {
    let form = FormBody::parse(b"a=1");
    let signed = URL.replace("https://", "https://flex:s3cret@");
    let signature = sign("12345", &format!("{signed}a1"));
    assert_eq!(
        check().verify_form(None, &form, &signature),
        Err(SignatureError::Forged)
    );
    let check = check()
        .with_credentials(URL, "flex", &"s3cret".into())
        .unwrap();
    assert_eq!(check.verify_form(None, &form, &signature), Ok(()));
    let without = sign("12345", &format!("{URL}a1"));
    assert_eq!(check.verify_form(None, &form, &without), Ok(()));
    assert_eq!(format!("{check:?}"), "SignatureCheck(1 tokens)");
}

#[test]
fn any_of_two_tokens_may_have_signed() {
    let check = SignatureCheck::new(&["old".into(), "new".into()], URL).unwrap();
    let form = FormBody::parse(b"");
    for token in ["old", "new"] {
        assert_eq!(check.verify_form(None, &form, &sign(token, URL)), Ok(()));
    }
    let other = sign("other", URL);
    assert_eq!(
        check.verify_form(None, &form, &other),
        Err(SignatureError::Forged)
    );
}

#[test]
fn a_body_counts_only_with_its_own_hash() {
    let body = br#"[{"type":"x"}]"#;
    let query = hash(body);
    let signature = sign("12345", &format!("{URL}?{query}"));
    let verify = |query: Option<&str>, body: &[u8]| check().verify_body(query, body, &signature);
    assert_eq!(verify(Some(&query), body), Ok(()));
    assert_eq!(
        verify(Some(&query), br#"[{"type": "x"}]"#),
        Err(SignatureError::OtherBody)
    );
    assert_eq!(verify(None, body), Err(SignatureError::NoBodyHash));
    assert_eq!(
        verify(Some("bodySHA256=0a"), body),
        Err(SignatureError::NoBodyHash)
    );
    // The hash of the changed body, which nobody signed.
    let changed = br#"[{"type":"y"}]"#;
    assert_eq!(
        verify(Some(&hash(changed)), changed),
        Err(SignatureError::Forged)
    );
}

#[test]
fn what_is_no_signature_and_what_is_no_url_says_so() {
    let form = FormBody::parse(b"");
    for malformed in ["", "x", "AAAA", &STANDARD.encode([0; 32])] {
        assert_eq!(
            check().verify_form(None, &form, malformed),
            Err(SignatureError::Malformed),
            "{malformed}"
        );
    }
    for url in [
        "connector.example.com/x",
        "ftp://a/x",
        "https:///x",
        "https://u:p@a/x",
        "https://a/x?y",
        "https://a/x#y",
        "https://a b/x",
        "https://a:port/x",
    ] {
        assert_eq!(
            SignatureCheck::new(&[token()], url).unwrap_err(),
            SignatureError::Url,
            "{url}"
        );
    }
    for tokens in [&[][..], &["".into()][..]] {
        assert_eq!(
            SignatureCheck::new(tokens, URL).unwrap_err(),
            SignatureError::NoToken
        );
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_only_the_signed_bytes_pass(
        body in prop::collection::vec(any::<u8>(), 0..64),
        flip in any::<prop::sample::Index>(),
        query in ".{0,24}",
        signature in "[A-Za-z0-9+/]{27}=",
    ) {
        let _ = check().verify_form(Some(&query), &FormBody::parse(&body), &signature);
        prop_assert!(check().verify_body(Some(&query), &body, &signature).is_err());

        let told = hash(&body);
        let signature = sign("12345", &format!("{URL}?{told}"));
        prop_assert_eq!(check().verify_body(Some(&told), &body, &signature), Ok(()));
        if !body.is_empty() {
            let mut other = body.clone();
            other[flip.index(body.len())] ^= 1;
            prop_assert_eq!(check().verify_body(Some(&told), &other, &signature), Err(SignatureError::OtherBody));
        }
    }
}
