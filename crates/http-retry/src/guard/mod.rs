//! Which addresses may be called at all, where somebody else chose the URL: a webhook.
//!
//! The rules are pure: [`AddressGuard::url`] checks a configuration without asking any name server. A client that was
//! [built with a guard](crate::HttpClientBuilder::guard) checks again, inside its connector, the very addresses to which it
//! then connects, so that a name which answers differently the second time gains nothing.

mod network;
mod ranges;

use std::net::{IpAddr, SocketAddr};

use url::Host;

pub use network::{Network, NetworkError};
pub use ranges::AddressRange;

use crate::{SafeUrl, UrlError};

/// Why a URL or an address is not called. It tells the host at most, never path or query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// It is no absolute URL, or carries credentials.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// It is http, and not to a loopback address that was listed.
    #[error(
        "a webhook goes over https; http is allowed only to a loopback address that is listed with its port"
    )]
    Plaintext,
    /// The host is a name without a domain, or one that always means this machine.
    #[error(
        "the host {host} is not fully qualified: write the whole name, such as hooks.example.com"
    )]
    NotQualified {
        /// The host.
        host: String,
    },
    /// The host is an IPv6 address with a zone, which has a meaning on one machine alone.
    #[error("the host is an address with a zone (\"%\"), which only this machine understands")]
    Scoped,
    /// The host is an address, or has only addresses, that are not on the open internet and were not listed.
    #[error(
        "{address} is {range}: only addresses of the open internet are called, and those of networks that are listed"
    )]
    Address {
        /// The address.
        address: IpAddr,
        /// What it is.
        range: AddressRange,
    },
}

/// Says which addresses may be called: those of the open internet, those of [listed](Self::allow_network) private networks,
/// and single [listed](Self::allow_loopback) addresses of this machine.
///
/// ```
/// use http_retry::guard::AddressGuard;
///
/// let guard = AddressGuard::new();
/// assert!(guard.url("https://hooks.example.com/flex").is_ok());
/// // 2130706433 is 127.0.0.1.
/// for bad in ["http://hooks.example.com/", "https://intranet/", "https://10.0.0.1/", "https://2130706433/", "https://[::ffff:10.0.0.1]/"] {
///     assert!(guard.url(bad).is_err(), "{bad}");
/// }
/// assert!(guard.allow_network("10.0.0.0/8".parse().unwrap()).url("https://10.0.0.1/").is_ok());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressGuard {
    networks: Vec<Network>,
    loopback: Vec<SocketAddr>,
}

impl AddressGuard {
    /// A guard that lets through the open internet alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets through the addresses of a private network as well.
    pub fn allow_network(mut self, network: Network) -> Self {
        self.networks.push(network);
        self
    }

    /// Lets through this address of this machine, over plain http too; what is no loopback address is ignored.
    pub fn allow_loopback(mut self, address: SocketAddr) -> Self {
        if address.ip().is_loopback() {
            self.loopback.push(address);
        }
        self
    }

    /// The networks that were listed.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// Reads a URL as far as it can be judged without asking a name server.
    pub fn url(&self, text: &str) -> Result<SafeUrl, GuardError> {
        // A URL's reader forgives much that only hides what is meant: leading blanks, tabs in the middle, missing slashes.
        let odd = |character: char| {
            character.is_control() || character.is_whitespace() || character == '\\'
        };
        let absolute = text.split_once("://").is_some_and(|(scheme, rest)| {
            scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !rest.starts_with('/')
        });
        if text.contains(odd) || !absolute {
            return Err(UrlError::NotAUrl.into());
        }
        let url: SafeUrl = match text.parse() {
            Err(UrlError::NotAUrl) if has_zone(text) => return Err(GuardError::Scoped),
            other => other?,
        };
        self.check(&url)?;
        Ok(url)
    }

    /// Judges a URL as far as it can be judged without asking a name server.
    pub fn check(&self, url: &SafeUrl) -> Result<(), GuardError> {
        let address = match url.inner().host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(name)) => return Self::check_name(url, name),
            None => return Err(UrlError::NotAUrl.into()),
        };
        let socket = SocketAddr::new(address, url.port());
        if self.loopback.contains(&socket) {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(GuardError::Plaintext);
        }
        self.address(address)
    }

    /// Judges an address to which a connection would be made.
    ///
    /// The single addresses of this machine that were listed are not let through here: no name leads to them.
    pub fn address(&self, address: IpAddr) -> Result<(), GuardError> {
        match AddressRange::of(address) {
            Some(range)
                if !self
                    .networks
                    .iter()
                    .any(|network| network.contains(address)) =>
            {
                Err(GuardError::Address { address, range })
            }
            _ => Ok(()),
        }
    }

    fn check_name(url: &SafeUrl, name: &str) -> Result<(), GuardError> {
        if url.scheme() != "https" {
            return Err(GuardError::Plaintext);
        }
        let bare = name.strip_suffix('.').unwrap_or(name);
        let mut labels = bare.rsplit('.');
        let last = labels.next().unwrap_or_default();
        let qualified = bare.contains('.') && !bare.split('.').any(str::is_empty);
        if !qualified || last == "localhost" {
            return Err(GuardError::NotQualified {
                host: name.to_owned(),
            });
        }
        Ok(())
    }
}

/// Whether the host in brackets has a `%`.
fn has_zone(text: &str) -> bool {
    text.split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next())
        .is_some_and(|authority| authority.contains('[') && authority.contains('%'))
}

#[cfg(test)]
mod tests;
