//! A URL that can be logged.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// Why a text is no URL that this product would call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It is no absolute URL.
    #[error("this is not an absolute URL such as \"https://api.twilio.com\"")]
    NotAUrl,
    /// Its scheme is neither http nor https.
    #[error("a URL here starts with \"https://\"")]
    Scheme,
    /// It is http and its host is not a loopback address.
    #[error("http is allowed only to a loopback address (127.0.0.1, [::1], localhost); use https")]
    InsecureHost,
    /// It carries a user name or a password.
    #[error("a URL must not carry credentials; put them into their own settings")]
    Credentials,
    /// It has a query or a fragment where only an address belongs.
    #[error("an address has no \"?\" and no \"#\"")]
    QueryOrFragment,
    /// It has a path where only scheme, host and port belong.
    #[error("an origin is scheme, host and port alone, without a path")]
    Path,
}

/// An absolute http or https URL that prints neither credentials nor the values of its query.
///
/// It holds no user name and no password (parsing refuses them). `Display` and `Debug` keep scheme, host, port, path and the
/// names in the query, and put `***` for every value: filters hold addresses and names of customers, and signed
/// URLs hold signatures. The whole text is available through [`expose`](Self::expose) alone.
///
/// ```
/// use http_retry::SafeUrl;
///
/// let url: SafeUrl = "https://api.twilio.com/2010-04-01/Calls.json?From=%2B15551234567&PageSize=50".parse()?;
/// assert_eq!(url.to_string(), "https://api.twilio.com/2010-04-01/Calls.json?From=***&PageSize=***");
/// assert!("https://user:secret@example.com/".parse::<SafeUrl>().is_err());
/// # Ok::<(), http_retry::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SafeUrl(Url);

impl SafeUrl {
    /// The whole URL with the values of its query: for the wire, never for a log.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// The host in lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port, the scheme's own where none is written.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(0)
    }

    /// The path, still percent-encoded.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// Whether the host is an address of this machine: 127.0.0.0/8, `::1` or `localhost`.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }

    /// The same URL with one more pair in its query; name and value are encoded here.
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        self.0.query_pairs_mut().append_pair(name, value);
        self
    }

    /// The decoded value of the first pair of that name in the query.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.0
            .query_pairs()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Takes `reference` relative to this URL, as a browser does with a `Location` header.
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        Self::checked(self.0.join(reference).map_err(|_| UrlError::NotAUrl)?)
    }

    pub(crate) fn checked(mut url: Url) -> Result<Self, UrlError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        // A fragment never leaves the client, and has no place in a comparison.
        url.set_fragment(None);
        Ok(Self(url))
    }

    pub(crate) fn inner(&self) -> &Url {
        &self.0
    }

    pub(crate) fn inner_mut(&mut self) -> &mut Url {
        &mut self.0
    }
}

impl FromStr for SafeUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::checked(Url::parse(text).map_err(|_| UrlError::NotAUrl)?)
    }
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.host())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.0.path())?;
        let Some(query) = self.0.query() else {
            return Ok(());
        };
        for (index, pair) in query.split('&').enumerate() {
            f.write_str(if index == 0 { "?" } else { "&" })?;
            match pair.split_once('=') {
                Some((name, _)) => write!(f, "{name}=***")?,
                // A pair without a name is a value.
                None if pair.is_empty() => {}
                None => f.write_str("***")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_with_credentials_is_refused_and_the_error_does_not_repeat_them() {
        for text in [
            "https://user:hunter2@example.com/",
            "https://hunter2@example.com/",
            "http://:hunter2@127.0.0.1/",
        ] {
            let error = text.parse::<SafeUrl>().unwrap_err();
            assert_eq!(error, UrlError::Credentials);
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        assert_eq!(
            "ftp://example.com".parse::<SafeUrl>(),
            Err(UrlError::Scheme)
        );
        assert_eq!(
            "file:///etc/passwd".parse::<SafeUrl>(),
            Err(UrlError::Scheme)
        );
        for text in ["", "/path", "example.com", "https://"] {
            assert_eq!(text.parse::<SafeUrl>(), Err(UrlError::NotAUrl), "{text}");
        }
    }

    #[test]
    fn a_redirect_that_brings_credentials_or_another_scheme_is_refused() {
        let url: SafeUrl = "https://example.com/a/b".parse().unwrap();
        assert_eq!(
            url.join("../c?d=e").unwrap().expose(),
            "https://example.com/c?d=e"
        );
        assert_eq!(
            url.join("https://u:p@example.org/"),
            Err(UrlError::Credentials)
        );
        assert_eq!(url.join("ftp://example.org/"), Err(UrlError::Scheme));
        assert_eq!(url.join("https://["), Err(UrlError::NotAUrl));
    }

    #[test]
    fn a_query_without_names_prints_nothing_of_itself() {
        let url: SafeUrl = "https://example.com/?secret&a=b=c#part".parse().unwrap();
        assert_eq!(url.to_string(), "https://example.com/?***&a=***");
        assert_eq!(format!("{url:?}"), url.to_string());
    }

    #[test]
    fn the_port_is_printed_only_where_it_was_written() {
        let url: SafeUrl = "http://[::1]:8080/x".parse().unwrap();
        assert_eq!(url.to_string(), "http://[::1]:8080/x");
        assert!(url.is_loopback());
        assert_eq!(
            "https://example.com".parse::<SafeUrl>().unwrap().port(),
            443
        );
    }

    proptest! {
        #[test]
        fn no_value_of_a_query_is_ever_printed(value in "[a-z]{12,20}") {
            let url = "https://example.com/list".parse::<SafeUrl>().unwrap().with_query("Filter", &value);
            prop_assert_eq!(url.query_value("Filter"), Some(value.clone()));
            prop_assert!(!url.to_string().contains(&value));
            let printed = format!("{url:?}");
            prop_assert!(!printed.contains(&value));
        }
    }
}
