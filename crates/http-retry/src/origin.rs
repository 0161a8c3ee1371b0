//! Where a vendor lives, and what of a link may be taken over.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use crate::safe_url::{SafeUrl, UrlError};

/// Everything that would end a path segment or change its meaning.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Scheme, host and port: https to anywhere, or http to an address of this machine.
///
/// ```
/// use http_retry::Origin;
///
/// assert_eq!("https://API.Twilio.com:443/".parse::<Origin>()?.to_string(), "https://api.twilio.com");
/// assert!("http://127.0.0.1:8080".parse::<Origin>().is_ok());
/// assert!("http://api.twilio.com".parse::<Origin>().is_err());
/// # Ok::<(), http_retry::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin(SafeUrl);

impl Origin {
    /// The host in lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.host()
    }

    /// The port, the scheme's own where none is written.
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// Whether it is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.0.is_loopback()
    }

    /// Whether `url` has this scheme, host and port.
    pub fn is_origin_of(&self, url: &SafeUrl) -> bool {
        self.0.scheme() == url.scheme()
            && self.0.host() == url.host()
            && self.0.port() == url.port()
    }

    fn of(url: &SafeUrl) -> Result<Self, UrlError> {
        if url.scheme() != "https" && !url.is_loopback() {
            return Err(UrlError::InsecureHost);
        }
        let mut origin = url.clone();
        origin.inner_mut().set_path("");
        origin.inner_mut().set_query(None);
        Ok(Self(origin))
    }
}

impl FromStr for Origin {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let base: BaseUrl = text.parse()?;
        if base.prefix.is_empty() {
            Ok(base.origin)
        } else {
            Err(UrlError::Path)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_string().trim_end_matches('/'))
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a link that a vendor sent is not followed. None of them repeats more of the link than its host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// It is neither a URL nor an absolute path.
    #[error("a link in the answer is neither a URL nor a path")]
    NotALink,
    /// It leads to another host.
    #[error("a link in the answer leads to another host, {host}")]
    ForeignHost {
        /// The host it leads to.
        host: String,
    },
    /// It leads to the same host, but outside the base address.
    #[error("a link in the answer leads outside the base address {base}")]
    OutsideBase {
        /// The base address.
        base: String,
    },
}

/// An [`Origin`] and the path under which the vendor's own paths begin (mostly none).
///
/// ```
/// use http_retry::BaseUrl;
///
/// let base: BaseUrl = "http://127.0.0.1:8080/api.twilio.com/".parse()?;
/// assert_eq!(base.to_string(), "http://127.0.0.1:8080/api.twilio.com");
/// let url = base.join(["2010-04-01", "Accounts", "AC1", "Recordings.json"]);
/// assert_eq!(url.path(), "/api.twilio.com/2010-04-01/Accounts/AC1/Recordings.json");
///
/// // Of a link only path and query are taken, after its host was compared; the prefix is never doubled.
/// let vendor = Some("api.twilio.com");
/// for link in ["/2010-04-01/x?Page=1", "/api.twilio.com/2010-04-01/x?Page=1", "http://api.twilio.com/2010-04-01/x?Page=1"] {
///     assert_eq!(base.resolve(link, vendor)?.expose(), "http://127.0.0.1:8080/api.twilio.com/2010-04-01/x?Page=1");
/// }
/// assert!(base.resolve("https://evil.example/2010-04-01/x", vendor).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    origin: Origin,
    /// Empty, or `/` and segments, without a `/` at its end.
    prefix: String,
}

impl BaseUrl {
    /// This base with one more segment.
    pub fn below(&self, segment: &str) -> Self {
        let url = self.join([segment]);
        Self {
            origin: self.origin.clone(),
            prefix: url.path().trim_end_matches('/').to_owned(),
        }
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The path in front of every path of the vendor: empty, or starting with `/` and not ending with it.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The URL of a path given by its segments; each is percent-encoded, so that none can reach out of its place.
    ///
    /// A segment of dots alone (`.`, `..`) would be taken as a step by every server on the way; its dots are encoded twice over
    /// to stay a name.
    pub fn join<S: AsRef<str>>(&self, segments: impl IntoIterator<Item = S>) -> SafeUrl {
        let mut path = self.prefix.clone();
        for segment in segments {
            path.push('/');
            match segment.as_ref() {
                dots @ ("." | "..") => path.push_str(&dots.replace('.', "%252E")),
                name => path.extend(utf8_percent_encode(name, SEGMENT)),
            }
        }
        self.with_path(&path, None)
    }

    /// Takes path and query of a link that an answer holds, and nothing else of it.
    ///
    /// A path (`/v1/…`) is taken below this base, whether it repeats the prefix or not. A URL is taken if it leads to this
    /// base, or to `vendor_host`, the name under which the vendor knows itself; its scheme does not matter,
    /// since vendors write `http` where they mean `https`.
    pub fn resolve(&self, link: &str, vendor_host: Option<&str>) -> Result<SafeUrl, LinkError> {
        if link.starts_with('/') && !link.starts_with("//") {
            let url = self
                .origin
                .0
                .inner()
                .join(link)
                .map_err(|_| LinkError::NotALink)?;
            return Ok(self.with_path(&self.prefixed(url.path()), url.query()));
        }
        let url: SafeUrl = link.parse().map_err(|_| LinkError::NotALink)?;
        let (path, query) = (url.path(), url.inner().query());
        if self.is_own_host(&url) {
            if self.is_below_prefix(path) {
                return Ok(self.with_path(path, query));
            }
            if vendor_host != Some(url.host()) {
                return Err(LinkError::OutsideBase {
                    base: self.to_string(),
                });
            }
        }
        if vendor_host.is_some_and(|vendor| vendor.eq_ignore_ascii_case(url.host()))
            && url.inner().port().is_none()
        {
            return Ok(self.with_path(&self.prefixed(path), query));
        }
        Err(LinkError::ForeignHost {
            host: url.host().to_owned(),
        })
    }

    /// Whether a URL leads to this base: same scheme, host and port, and a path below the prefix.
    pub fn contains(&self, url: &SafeUrl) -> bool {
        self.origin.is_origin_of(url) && self.is_below_prefix(url.path())
    }

    /// The host is ours; `http` with its own port counts as the `https` of the same host.
    fn is_own_host(&self, url: &SafeUrl) -> bool {
        let own = &self.origin.0;
        let both_standard = own.inner().port().is_none() && url.inner().port().is_none();
        own.host() == url.host() && (both_standard || own.port() == url.port())
    }

    fn is_below_prefix(&self, path: &str) -> bool {
        path.strip_prefix(self.prefix.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn prefixed(&self, path: &str) -> String {
        if self.is_below_prefix(path) {
            path.to_owned()
        } else {
            format!("{}{path}", self.prefix)
        }
    }

    fn with_path(&self, path: &str, query: Option<&str>) -> SafeUrl {
        let mut url = self.origin.0.clone();
        url.inner_mut().set_path(path);
        url.inner_mut().set_query(query);
        url
    }
}

impl FromStr for BaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let url = Url::parse(text.trim()).map_err(|_| UrlError::NotAUrl)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(UrlError::QueryOrFragment);
        }
        let url = SafeUrl::checked(url)?;
        Ok(Self {
            origin: Origin::of(&url)?,
            prefix: url.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Origin> for BaseUrl {
    fn from(origin: Origin) -> Self {
        Self {
            origin,
            prefix: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VENDOR: Option<&str> = Some("api.twilio.com");

    fn real() -> BaseUrl {
        "https://api.twilio.com".parse().unwrap()
    }

    fn simulated() -> BaseUrl {
        "http://127.0.0.1:8080/api.twilio.com".parse().unwrap()
    }

    #[test]
    fn plain_http_is_for_loopback_addresses_alone() {
        for good in [
            "http://127.0.0.1:1",
            "http://127.8.9.10",
            "http://[::1]:9",
            "http://localhost:80",
            "https://10.0.0.1",
        ] {
            assert!(good.parse::<Origin>().is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1",
            "http://example.com",
            "http://localhost.example.com",
            "http://[::2]",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(UrlError::InsecureHost), "{bad}");
        }
    }

    #[test]
    fn an_origin_has_nothing_but_scheme_host_and_port() {
        assert_eq!(
            "https://example.com/path".parse::<Origin>(),
            Err(UrlError::Path)
        );
        assert_eq!(
            "https://example.com?x=1".parse::<Origin>(),
            Err(UrlError::QueryOrFragment)
        );
        assert_eq!(
            "https://example.com#x".parse::<BaseUrl>(),
            Err(UrlError::QueryOrFragment)
        );
        assert_eq!(
            "https://u@example.com".parse::<Origin>(),
            Err(UrlError::Credentials)
        );
        assert_eq!("wss://example.com".parse::<Origin>(), Err(UrlError::Scheme));
    }

    #[test]
    fn links_of_the_vendor_stay_with_the_vendor() {
        for link in [
            "https://api.twilio.com/a?b=c",
            "http://api.twilio.com/a?b=c",
            "HTTP://API.TWILIO.COM/a?b=c#d",
            "/a?b=c",
        ] {
            assert_eq!(
                real().resolve(link, VENDOR).unwrap().expose(),
                "https://api.twilio.com/a?b=c",
                "{link}"
            );
            assert_eq!(
                simulated().resolve(link, VENDOR).unwrap().expose(),
                "http://127.0.0.1:8080/api.twilio.com/a?b=c",
                "{link}"
            );
        }
    }

    #[test]
    fn links_that_lead_away_are_named_by_their_host_alone() {
        for link in [
            "https://evil.example/a?token=hunter2",
            "//evil.example/a",
            "https://api.twilio.com.evil.example/a",
        ] {
            for base in [real(), simulated()] {
                let error = base.resolve(link, VENDOR).unwrap_err();
                assert!(!error.to_string().contains("hunter2"), "{error}");
                assert!(
                    matches!(error, LinkError::ForeignHost { .. } | LinkError::NotALink),
                    "{link} {error}"
                );
            }
        }
        assert_eq!(
            simulated().resolve("https://127.0.0.1/a", VENDOR),
            Err(LinkError::ForeignHost {
                host: "127.0.0.1".to_owned()
            })
        );
        assert_eq!(
            real().resolve("https://api.twilio.com:8443/a", VENDOR),
            Err(LinkError::ForeignHost {
                host: "api.twilio.com".to_owned()
            })
        );
        assert!(matches!(
            simulated().resolve("http://127.0.0.1:8080/other.example/a", VENDOR),
            Err(LinkError::OutsideBase { .. })
        ));
        assert_eq!(real().resolve("next", VENDOR), Err(LinkError::NotALink));
        assert_eq!(
            real().resolve("https://u:p@api.twilio.com/a", VENDOR),
            Err(LinkError::NotALink)
        );
    }

    #[test]
    fn a_base_contains_what_lies_below_its_prefix() {
        let url = |text: &str| text.parse::<SafeUrl>().unwrap();
        assert!(simulated().contains(&url("http://127.0.0.1:8080/api.twilio.com/a")));
        assert!(simulated().contains(&url("http://127.0.0.1:8080/api.twilio.com")));
        assert!(!simulated().contains(&url("http://127.0.0.1:8080/api.twilio.com.evil/a")));
        assert!(!simulated().contains(&url("http://127.0.0.1:8080/media.example/a")));
        assert!(!simulated().contains(&url("http://127.0.0.1:8081/api.twilio.com/a")));
        assert!(!real().contains(&url("http://api.twilio.com/a")));
    }

    #[test]
    fn steps_in_a_link_cannot_leave_the_prefix() {
        assert_eq!(
            simulated()
                .resolve("/api.twilio.com/../media.example/a", VENDOR)
                .unwrap()
                .path(),
            "/api.twilio.com/media.example/a"
        );
    }

    #[test]
    fn a_base_can_be_extended_by_a_segment() {
        let origin: Origin = "http://127.0.0.1:8080".parse().unwrap();
        assert_eq!(BaseUrl::from(origin).below("api.twilio.com"), simulated());
    }

    proptest! {
        #[test]
        fn a_segment_stays_one_segment(segment in ".{1,20}") {
            let url = simulated().join(["v1", &segment, "end"]);
            prop_assert_eq!(url.path().split('/').count(), 5);
            prop_assert!(url.path().starts_with("/api.twilio.com/v1/"));
            prop_assert!(url.path().ends_with("/end"));
            prop_assert!(simulated().contains(&url));
            prop_assert!(url.inner().query().is_none());
        }

        #[test]
        fn whatever_a_link_says_the_answer_lies_below_the_base(link in "(https?://[a-z.]{1,12}|//|/)?[a-z./?#@:%]{0,30}") {
            for base in [real(), simulated()] {
                if let Ok(url) = base.resolve(&link, VENDOR) {
                    prop_assert!(base.contains(&url), "{} {}", link, url.expose());
                }
            }
        }
    }
}
