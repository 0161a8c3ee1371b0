//! How an endpoint knows the connector.

use std::fmt;

use http_retry::Request;
use secrecy::{ExposeSecret, SecretString};

/// How the endpoint knows the connector. `Debug` shows the way, not the secret.
#[derive(Clone)]
#[non_exhaustive]
pub enum HttpAccess {
    /// It does not ask.
    Open,
    /// `Authorization: Basic`.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// `Authorization: Bearer`.
    Bearer(SecretString),
    /// A header of another name.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: SecretString,
    },
}

impl fmt::Debug for HttpAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer(_) => "Bearer(…)",
            Self::Header { .. } => "Header(…)",
        })
    }
}

impl HttpAccess {
    pub(crate) fn put(&self, request: Request) -> Request {
        match self {
            Self::Open => request,
            Self::Basic { user, password } => request.basic_auth(user, password),
            Self::Bearer(token) => request.secret_header(
                "authorization",
                SecretString::from(format!("Bearer {}", token.expose_secret())),
            ),
            Self::Header { name, value } => request.secret_header(name, value.clone()),
        }
    }
}
