//! Whether a request comes from Twilio: `X-Twilio-Signature`.
//!
//! `base64(HMAC-SHA1(auth token, URL and fields))`. Of a form every field is signed; of any other body its SHA-256, which Twilio appends to the URL
//! as `bodySHA256`. Twilio's own signing is not of one mind about ports, credentials and escapes in URLs, so the same request is tried against each spelling
//! of its URL; all of them name the same place.

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::FormBody;

/// The name of the parameter that holds the hash of a body.
const BODY_HASH: &str = "bodySHA256=";

/// Checks the signatures of requests to one URL.
///
/// `Debug` shows neither token nor URL.
pub struct SignatureCheck {
    keys: Vec<hmac::Key>,
    /// The spellings of the URL up to its query. Secret, because some of them hold credentials.
    spellings: Vec<SecretString>,
}

impl SignatureCheck {
    /// A check for requests to `url`, without query or fragment, as Twilio was given it. Any of the auth tokens may have signed: while a token is
    /// replaced there are two.
    pub fn new(auth_tokens: &[SecretString], url: &str) -> Result<Self, SignatureError> {
        let parts = Parts::of(url)?;
        let keys: Vec<_> = auth_tokens
            .iter()
            .map(ExposeSecret::expose_secret)
            .filter(|token| !token.is_empty())
            .map(|token| hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes()))
            .collect();
        if keys.is_empty() {
            return Err(SignatureError::NoToken);
        }
        Ok(Self {
            keys,
            spellings: parts.spellings(""),
        })
    }

    /// Also takes signatures over the URL with these credentials in it (`https://user:password@…`).
    pub fn with_credentials(
        mut self,
        url: &str,
        username: &str,
        password: &SecretString,
    ) -> Result<Self, SignatureError> {
        let credentials = format!("{username}:{}@", password.expose_secret());
        self.spellings
            .extend(Parts::of(url)?.spellings(&credentials));
        Ok(self)
    }

    /// Checks a form. `query` is that of the request, as it came, without its question mark.
    pub fn verify_form(
        &self,
        query: Option<&str>,
        form: &FormBody<'_>,
        signature: &str,
    ) -> Result<(), SignatureError> {
        let signature = decode(signature)?;
        self.verify(query, &form.signed(), &signature)
    }

    /// Checks any other body, over its bytes as they came.
    pub fn verify_body(
        &self,
        query: Option<&str>,
        body: &[u8],
        signature: &str,
    ) -> Result<(), SignatureError> {
        let signature = decode(signature)?;
        let told = query
            .and_then(body_hash)
            .ok_or(SignatureError::NoBodyHash)?;
        // First the short text: whoever cannot sign it does not get a large body hashed.
        self.verify(query, &[], &signature)?;
        if bool::from(digest(&SHA256, body).as_ref().ct_eq(&told)) {
            Ok(())
        } else {
            Err(SignatureError::OtherBody)
        }
    }

    fn verify(
        &self,
        query: Option<&str>,
        fields: &[(&[u8], &[u8])],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let queries = queries(query);
        for key in &self.keys {
            for spelling in &self.spellings {
                for query in &queries {
                    let mut context = hmac::Context::with_key(key);
                    context.update(spelling.expose_secret().as_bytes());
                    if !query.is_empty() {
                        context.update(b"?");
                        context.update(query.as_bytes());
                    }
                    for (name, value) in fields {
                        context.update(name);
                        context.update(value);
                    }
                    if bool::from(context.sign().as_ref().ct_eq(signature)) {
                        return Ok(());
                    }
                }
            }
        }
        Err(SignatureError::Forged)
    }
}

impl fmt::Debug for SignatureCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignatureCheck({} tokens)", self.keys.len())
    }
}

/// Why a request is not taken for Twilio's, or a check cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is no auth token to check with.
    #[error("no auth token is given; an API key cannot check what Twilio signed")]
    NoToken,
    /// The URL is none that Twilio could call.
    #[error(
        "the URL that Twilio calls must start with https:// or http://, name a host, and have no credentials, query or fragment"
    )]
    Url,
    /// The signature is not 20 bytes in base64.
    #[error("the signature is not an HMAC-SHA1 in base64")]
    Malformed,
    /// A body that is no form came without its hash.
    #[error("the query has no `bodySHA256`, so the signature says nothing about the body")]
    NoBodyHash,
    /// The signature is good, but for another body.
    #[error("the body is not the one that was signed")]
    OtherBody,
    /// The signature is none of these tokens over this URL.
    #[error(
        "the signature does not match; compare auth token and public URL with what Twilio has if the request was genuine"
    )]
    Forged,
}

/// A URL, cut where its spellings differ.
struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<&'a str>,
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Result<Self, SignatureError> {
        let (scheme, rest) = url.split_once("://").ok_or(SignatureError::Url)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // The colons of an address in brackets start no port.
        let colon = authority
            .rfind(':')
            .filter(|at| !authority[*at..].contains(']'));
        let (host, port) = match colon {
            Some(at) => (&authority[..at], Some(&authority[at + 1..])),
            None => (authority, None),
        };
        let sound = matches!(scheme, "https" | "http")
            && !host.is_empty()
            && !url.contains(['@', '?', '#'])
            && !url.chars().any(char::is_whitespace)
            && port.is_none_or(|port| port.parse::<u16>().is_ok());
        if sound {
            Ok(Self {
                scheme,
                host,
                port,
                path,
            })
        } else {
            Err(SignatureError::Url)
        }
    }

    /// With and without the port, be it the scheme's own or another.
    fn spellings(&self, credentials: &str) -> Vec<SecretString> {
        let Self {
            scheme, host, path, ..
        } = self;
        let port = self
            .port
            .unwrap_or(if *scheme == "https" { "443" } else { "80" });
        vec![
            format!("{scheme}://{credentials}{host}{path}").into(),
            format!("{scheme}://{credentials}{host}:{port}{path}").into(),
        ]
    }
}

fn decode(signature: &str) -> Result<Vec<u8>, SignatureError> {
    STANDARD
        .decode(signature.trim())
        .ok()
        .filter(|bytes| {
            bytes.len()
                == hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY
                    .digest_algorithm()
                    .output_len()
        })
        .ok_or(SignatureError::Malformed)
}

/// The last hash in the query: Twilio appends its own.
fn body_hash(query: &str) -> Option<[u8; 32]> {
    let hex = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix(BODY_HASH))
        .next_back()?;
    let mut hash = [0; 32];
    hex::decode_to_slice(hex, &mut hash).ok()?;
    Some(hash)
}

/// The spellings of a query: as it came; with its quotes the other way; and decoded and escaped again as the older half of Twilio does.
fn queries(query: Option<&str>) -> Vec<Cow<'_, str>> {
    let query = query.unwrap_or_default();
    let mut queries = vec![Cow::Borrowed(query)];
    if query.contains('\'') {
        queries.push(query.replace('\'', "%27").into());
    } else if query.contains("%27") {
        queries.push(query.replace("%27", "'").into());
    }
    if query.contains(['%', '+', '\'']) {
        queries.push(legacy(query).into());
    }
    queries
}

/// Each name and value decoded, and escaped but for letters, digits and `-_.!~*'()`.
fn legacy(query: &str) -> String {
    let mut legacy = String::with_capacity(query.len());
    for (at, pair) in query.split('&').enumerate() {
        if at > 0 {
            legacy.push('&');
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        escape(&mut legacy, name);
        legacy.push('=');
        escape(&mut legacy, value);
    }
    legacy
}

fn escape(out: &mut String, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in crate::form::decode(text.as_bytes()).iter().copied() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_tried_in_each_spelling_that_differs() {
        assert_eq!(queries(None), [""]);
        assert_eq!(queries(Some("a=b&bodySHA256=00")), ["a=b&bodySHA256=00"]);
        assert_eq!(
            queries(Some("n=William+O'hara")),
            [
                "n=William+O'hara",
                "n=William+O%27hara",
                "n=William%20O'hara"
            ]
        );
        assert_eq!(
            queries(Some("n=O%27hara%40x")),
            ["n=O%27hara%40x", "n=O'hara%40x", "n=O'hara%40x"]
        );
        assert_eq!(legacy("a&b=c%3ad%zz"), "a=&b=c%3Ad%25zz");
    }

    #[test]
    fn the_last_hash_of_a_query_counts() {
        let one = "1".repeat(64);
        let two = "2".repeat(64);
        let query = format!("bodySHA256={one}&x=1&bodySHA256={two}");
        assert_eq!(body_hash(&query), Some([0x22; 32]));
        for none in ["", "x=1", "bodySHA256=", "bodySHA256=12", "xbodySHA256=11"] {
            assert_eq!(body_hash(none), None, "{none}");
        }
    }

    #[test]
    fn a_url_is_spelt_with_and_without_its_port() {
        for (url, spelt) in [
            (
                "https://a.example/x",
                ["https://a.example/x", "https://a.example:443/x"],
            ),
            (
                "https://a.example:443/x",
                ["https://a.example/x", "https://a.example:443/x"],
            ),
            (
                "https://a.example:8443",
                ["https://a.example", "https://a.example:8443"],
            ),
            (
                "http://[::1]/x:y",
                ["http://[::1]/x:y", "http://[::1]:80/x:y"],
            ),
            ("http://[::1]:9/", ["http://[::1]/", "http://[::1]:9/"]),
        ] {
            let spellings = Parts::of(url).unwrap().spellings("");
            let spellings: Vec<_> = spellings.iter().map(ExposeSecret::expose_secret).collect();
            assert_eq!(spellings, spelt);
        }
    }
}
