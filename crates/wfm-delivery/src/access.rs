//! How an endpoint knows the connector.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

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
    /// A session, as of Calabrio's REST API: its cookie goes with every request.
    Session(Arc<dyn Sessions>),
}

/// A session at the endpoint. `Debug` shows its number, not its cookie.
#[derive(Clone)]
pub struct SessionCookie {
    number: u64,
    cookie: SecretString,
}

impl SessionCookie {
    /// A session of this number with this value of the header `cookie`.
    pub fn new(number: u64, cookie: SecretString) -> Self {
        Self { number, cookie }
    }

    /// The number by which its source knows it.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionCookie({})", self.number)
    }
}

/// Why there is no session.
#[derive(Debug)]
pub struct NoSession {
    /// Whether name and password were refused.
    pub refused: bool,
    /// The whole story.
    pub source: Box<dyn Error + Send + Sync>,
}

/// A session on its way.
pub type Opening<'a> = Pin<Box<dyn Future<Output = Result<SessionCookie, NoSession>> + Send + 'a>>;

/// Gives out the session of an endpoint.
pub trait Sessions: Send + Sync {
    /// The current session; opens one where there is none. `ended` is one that the endpoint refused: however many tell of it, one login follows.
    fn session<'a>(&'a self, ended: Option<&'a SessionCookie>) -> Opening<'a>;
}

impl fmt::Debug for HttpAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer(_) => "Bearer(…)",
            Self::Header { .. } => "Header(…)",
            Self::Session(_) => "Session(…)",
        })
    }
}

impl HttpAccess {
    /// The session, where that is the way; `ended` is one that was refused.
    pub(crate) async fn session(
        &self,
        ended: Option<&SessionCookie>,
    ) -> Result<Option<SessionCookie>, NoSession> {
        match self {
            Self::Session(sessions) => sessions.session(ended).await.map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) fn put(&self, request: Request, session: Option<&SessionCookie>) -> Request {
        match self {
            Self::Session(_) => match session {
                Some(session) => request.secret_header("cookie", session.cookie.clone()),
                None => request,
            },
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
