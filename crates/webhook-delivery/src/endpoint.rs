//! Who is told.

use std::sync::Arc;

use http_retry::SafeUrl;
use http_retry::guard::AddressGuard;

use crate::{EndpointId, Result, SigningSecret, WebhookError};

/// Where messages go, and what signs them. Clones share the secrets.
///
/// ```
/// use secrecy::SecretString;
/// use webhook_delivery::{AddressGuard, Endpoint, SigningSecret};
///
/// let secret = SigningSecret::parse(&SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))?;
/// let endpoint = Endpoint::new("crm".parse()?, "https://hooks.example.com/flex", AddressGuard::new(), [secret.clone()])?;
/// assert_eq!(endpoint.url().host(), "hooks.example.com");
/// let error = Endpoint::new("crm".parse()?, "https://192.168.0.1/", AddressGuard::new(), [secret]).unwrap_err();
/// assert!(error.to_string().contains("192.168.0.1 is a private address"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Endpoint {
    id: EndpointId,
    url: SafeUrl,
    guard: AddressGuard,
    secrets: Arc<[SigningSecret]>,
}

impl Endpoint {
    /// An endpoint. Every secret signs every message; there must be at least one.
    pub fn new(
        id: EndpointId,
        url: &str,
        guard: AddressGuard,
        secrets: impl IntoIterator<Item = SigningSecret>,
    ) -> Result<Self> {
        let url = match guard.url(url) {
            Ok(url) => url,
            Err(source) => {
                return Err(WebhookError::Url {
                    endpoint: id,
                    source,
                });
            }
        };
        let secrets: Arc<[SigningSecret]> = secrets.into_iter().collect();
        if secrets.is_empty() {
            return Err(WebhookError::NoSecret { endpoint: id });
        }
        Ok(Self {
            id,
            url,
            guard,
            secrets,
        })
    }

    /// Its name.
    pub fn id(&self) -> &EndpointId {
        &self.id
    }

    /// Its URL.
    pub fn url(&self) -> &SafeUrl {
        &self.url
    }

    /// Which addresses it may have.
    pub fn guard(&self) -> &AddressGuard {
        &self.guard
    }

    /// What signs its messages.
    pub fn secrets(&self) -> &[SigningSecret] {
        &self.secrets
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn an_endpoint_without_a_secret_is_refused() {
        let refused = Endpoint::new(
            "a".parse().unwrap(),
            "https://a.example/",
            AddressGuard::new(),
            [],
        );
        assert_eq!(
            refused.unwrap_err().to_string(),
            "the endpoint a has no secret; give it at least one"
        );
    }

    #[test]
    fn printing_an_endpoint_shows_neither_secrets_nor_what_its_query_holds() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let secret = SigningSecret::parse(&secret).unwrap();
        let url = "https://a.example/?token=hunter2";
        let endpoint =
            Endpoint::new("a".parse().unwrap(), url, AddressGuard::new(), [secret]).unwrap();
        let printed = format!("{endpoint:?}");
        assert!(
            !printed.contains("hunter2") && !printed.contains("MfKQ"),
            "{printed}"
        );
    }
}
