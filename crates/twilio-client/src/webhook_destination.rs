//! Where a sink posts to, and the credentials that stand in its address.

use std::fmt::Write;

use http_retry::SafeUrl;
use secrecy::{ExposeSecret, SecretString};

/// Where a sink posts to: a web address, and what it proves itself with there, if anything.
#[derive(Debug, Clone)]
pub struct WebhookDestination {
    /// The address.
    pub url: SafeUrl,
    /// User name and password (HTTP Basic). Twilio takes them inside the address, in plain sight of whoever may list sinks.
    pub basic: Option<(String, SecretString)>,
}

impl WebhookDestination {
    /// An address without credentials: Twilio's signature is proof enough where the auth token is known.
    pub fn new(url: SafeUrl) -> Self {
        Self { url, basic: None }
    }

    /// The address with its credentials, as Twilio takes it.
    pub(crate) fn expose(&self) -> SecretString {
        let url = self.url.expose();
        let (Some((user, password)), Some((scheme, rest))) = (&self.basic, url.split_once("://"))
        else {
            return SecretString::from(url);
        };
        SecretString::from(format!(
            "{scheme}://{}:{}@{rest}",
            encoded(user),
            encoded(password.expose_secret())
        ))
    }
}

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
        }
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
