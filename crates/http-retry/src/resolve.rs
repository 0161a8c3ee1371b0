//! From a name to addresses, and the guard between them and the connection.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use crate::guard::AddressGuard;

/// The addresses of a name, on their way.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Tells the addresses of a name. It is asked for each new connection, and the connection goes to what it answered.
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of this host, in the order in which they should be tried.
    fn resolve(&self, host: &str) -> Addresses;
}

impl<F: Fn(&str) -> Addresses + Send + Sync + 'static> Resolver for F {
    fn resolve(&self, host: &str) -> Addresses {
        self(host)
    }
}

/// What the operating system answers.
pub(crate) struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str) -> Addresses {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The transport's resolver: only what the guard lets through comes out of it, so nothing else can be connected to.
pub(crate) struct Guarded {
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) guard: Option<Arc<AddressGuard>>,
}

impl reqwest::dns::Resolve for Guarded {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let asked = self.resolver.resolve(name.as_str());
        let guard = self.guard.clone();
        Box::pin(async move {
            let mut refused = None;
            let mut passed = Vec::new();
            for address in asked.await? {
                match guard
                    .as_ref()
                    .map_or(Ok(()), |guard| guard.address(address))
                {
                    // The port is the URL's.
                    Ok(()) => passed.push(SocketAddr::new(address, 0)),
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
            match refused {
                Some(error) if passed.is_empty() => Err(error.into()),
                _ if passed.is_empty() => Err(NoAddress.into()),
                _ => Ok(Box::new(passed.into_iter()) as reqwest::dns::Addrs),
            }
        })
    }
}

#[derive(Debug)]
struct NoAddress;

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host has no address")
    }
}

impl std::error::Error for NoAddress {}
