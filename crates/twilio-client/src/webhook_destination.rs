//! Where a sink posts to, and the secrets that stand in its address.

use std::fmt::{self, Write};

use http_retry::SafeUrl;
use secrecy::{ExposeSecret, SecretString};

use crate::{Sink, SinkKind};

/// Where a sink posts to: a web address, and what it proves itself with there, if anything.
///
/// `Display` is the address without credentials, with `…` for its secret part:
///
/// ```
/// use twilio_client::WebhookDestination;
///
/// let mut destination = WebhookDestination::new("https://connector.example.com/twilio/ws1".parse()?);
/// destination.secret_path = Some("0123456789abcdef0123456789abcdef".into());
/// assert_eq!(destination.to_string(), "https://connector.example.com/twilio/ws1/…");
/// # Ok::<(), http_retry::UrlError>(())
/// ```
#[derive(Debug, Clone)]
pub struct WebhookDestination {
    /// The address, but for its secret part.
    pub url: SafeUrl,
    /// User name and password (HTTP Basic). Twilio takes them inside the address, in plain sight of whoever may list sinks.
    pub basic: Option<(String, SecretString)>,
    /// The last part of the address's path, if it is secret. Twilio shows it, as well, to whoever may list sinks.
    pub secret_path: Option<SecretString>,
}

impl WebhookDestination {
    /// An address without credentials: Twilio's signature is proof enough where the auth token is known.
    pub fn new(url: SafeUrl) -> Self {
        Self {
            url,
            basic: None,
            secret_path: None,
        }
    }

    /// The address with its secret part and its credentials, as Twilio takes it.
    pub(crate) fn expose(&self) -> SecretString {
        let url = self.url.expose();
        let secret = self
            .secret_path
            .as_ref()
            .map(|secret| encoded(secret.expose_secret()));
        let whole = with_last_part(url, secret.as_deref());
        let (Some((user, password)), Some((scheme, rest))) = (&self.basic, whole.split_once("://"))
        else {
            return SecretString::from(whole);
        };
        SecretString::from(format!(
            "{scheme}://{}:{}@{rest}",
            encoded(user),
            encoded(password.expose_secret())
        ))
    }

    /// Whether a sink posts there.
    pub fn is_of(&self, sink: &Sink) -> bool {
        sink.kind == Some(SinkKind::Webhook)
            && sink
                .destination
                .as_ref()
                .is_some_and(|shown| self.is(shown))
    }

    /// Whether an address that a sink shows is this one. Credentials make no difference: they may not be shown.
    fn is(&self, shown: &SafeUrl) -> bool {
        without_credentials(self.expose().expose_secret()).as_ref() == Some(shown)
    }
}

impl fmt::Display for WebhookDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = self.secret_path.as_ref().map(|_| HIDDEN);
        f.write_str(&with_last_part(&self.url.to_string(), hidden))
    }
}

/// An address with one more part at the end of its path.
fn with_last_part(url: &str, part: Option<&str>) -> String {
    let Some(part) = part else {
        return url.to_owned();
    };
    let (path, query) = url.split_at(url.find('?').unwrap_or(url.len()));
    format!("{}/{part}{query}", path.trim_end_matches('/'))
}

/// Stands where a secret part of an address is.
const HIDDEN: &str = "…";

/// Percent-encoded but for letters, digits and `-._~`.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// An address as a sink shows it, without the credentials that may stand in it.
pub(crate) fn without_credentials(text: &str) -> Option<SafeUrl> {
    let (scheme, rest) = text.trim().split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}").parse().ok()
}

/// Scheme, host and port of an address, and `…` for the rest.
pub(crate) fn without_path(url: &SafeUrl) -> String {
    format!("{}://{}:{}/{HIDDEN}", url.scheme(), url.host(), url.port())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn destination(password: &str) -> WebhookDestination {
        WebhookDestination {
            url: "https://connector.example.com/twilio/ws1?a=b"
                .parse()
                .unwrap(),
            basic: Some(("twilio@example".to_owned(), SecretString::from(password))),
            secret_path: None,
        }
    }

    const SECRET: &str = "f00dfeed-f00dfeed_f00dfeed.f00dfeed~";

    #[test]
    fn a_secret_part_stands_at_the_end_of_the_path_and_is_never_printed() {
        for (url, whole, printed) in [
            (
                "https://a.example/twilio/ws1",
                "https://a.example/twilio/ws1/SECRET",
                "https://a.example/twilio/ws1/…",
            ),
            (
                "https://a.example/b/?c=d",
                "https://a.example/b/SECRET?c=d",
                "https://a.example/b/…?c=***",
            ),
            (
                "https://a.example",
                "https://a.example/SECRET",
                "https://a.example/…",
            ),
        ] {
            let mut destination = WebhookDestination::new(url.parse().unwrap());
            destination.secret_path = Some(SECRET.into());
            let whole = whole.replace("SECRET", SECRET);
            assert_eq!(destination.expose().expose_secret(), whole);
            assert_eq!(destination.to_string(), printed);
            assert!(!format!("{destination:?}").contains(SECRET));
            assert!(destination.is(&whole.parse().unwrap()));
            assert!(!destination.is(&destination.url));
            assert!(!destination.is(&whole.replace("f00d", "f00e").parse().unwrap()));
        }
    }

    #[test]
    fn a_secret_part_is_one_part_whatever_it_is_and_credentials_stand_beside_it() {
        let mut destination = destination("hunter2");
        destination.secret_path = Some("a/b?c#d".into());
        let whole =
            "https://twilio%40example:hunter2@connector.example.com/twilio/ws1/a%2Fb%3Fc%23d?a=b";
        assert_eq!(destination.expose().expose_secret(), whole);
        assert!(destination.is(&without_credentials(whole).unwrap()));
    }

    #[test]
    fn credentials_stand_in_the_address_encoded_and_are_never_printed() {
        let destination = destination("hunter/2:?#@ü");
        assert_eq!(
            destination.expose().expose_secret(),
            "https://twilio%40example:hunter%2F2%3A%3F%23%40%C3%BC@connector.example.com/twilio/ws1?a=b"
        );
        assert!(!format!("{destination:?}").contains("hunter"));
        let plain = WebhookDestination::new(destination.url.clone());
        assert_eq!(plain.expose().expose_secret(), destination.url.expose());
    }

    #[test]
    fn an_address_that_is_read_back_has_lost_its_credentials() {
        for (text, read) in [
            (
                "https://user:hunter2@a.example/b@c",
                Some("https://a.example/b@c"),
            ),
            ("https://a.example?b=c@d", Some("https://a.example/?b=c@d")),
            ("https://a.example", Some("https://a.example/")),
            ("user:hunter2@a.example", None),
            ("", None),
        ] {
            let found = without_credentials(text);
            assert_eq!(found.as_ref().map(SafeUrl::expose), read, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_password_the_address_comes_back_without_it(password in "\\PC{1,20}") {
            let destination = destination(&password);
            let found = without_credentials(destination.expose().expose_secret());
            prop_assert_eq!(found, Some(destination.url));
        }

        #[test]
        fn no_address_panics(text in ".{0,60}") {
            let _ = without_credentials(&text);
        }
    }
}
