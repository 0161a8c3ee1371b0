//! How Twilio signs what it sends.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::calabrio::audio::hex;

/// `X-Twilio-Signature` of a text: the address, and behind it the fields of a form.
pub(super) fn signature(token: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// An address with the hash of a body that is no form.
pub(super) fn with_body_hash(url: &str, body: &[u8]) -> String {
    let hash = hex(digest(&SHA256, body).as_ref());
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}bodySHA256={hash}")
}

/// An address with the fields of a form, sorted by name.
pub(super) fn with_fields(url: &str, fields: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort();
    sorted
        .iter()
        .fold(url.to_owned(), |mut text, (name, value)| {
            text.push_str(name);
            text.push_str(value);
            text
        })
}

/// The same address with the default port spelt out, as Twilio's signing of bodies has it.
pub(super) fn with_port(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains(':') {
        return url.to_owned();
    }
    let port = if scheme == "https" { 443 } else { 80 };
    format!("{scheme}://{authority}:{port}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_twilio_s_own_library_come_out() {
        let fields = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675310"),
            ("Digits", "1234"),
            ("From", "+14158675310"),
            ("To", "+18005551212"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let url = "https://example.com/myapp.php?foo=1&bar=2";
        assert_eq!(
            signature("12345", &with_fields(url, &fields)),
            "L/OH5YylLD5NRKLltdqwSvS0BnU="
        );
        let body = br#"{"property": "value", "boolean": true}"#;
        let url = "https://mycompany.com/myapp.php";
        assert_eq!(
            signature("12345", &with_body_hash(url, body)),
            "y77kIzt2vzLz71DgmJGsen2scGs="
        );
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(
            signature("12345", &with_body_hash(&with_port(url), b"{}")),
            "Ldidvp12m26NI7eqEvxnEpkd9Hc="
        );
    }

    #[test]
    fn a_port_is_spelt_out_once() {
        assert_eq!(with_port("https://a.example"), "https://a.example:443");
        assert_eq!(with_port("http://a.example/x"), "http://a.example:80/x");
        assert_eq!(with_port("https://a.example:8/x"), "https://a.example:8/x");
    }
}
