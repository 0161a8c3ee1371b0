//! The client, and what its operations share.

use std::fmt;
use std::sync::Arc;

use http_retry::HttpClient;

use crate::error::CalabrioError;
use crate::session::{OpenSession, Session};
use crate::settings::CalabrioSettings;

/// A client of one Calabrio ONE tenant, as one service account. Clones share the session.
///
/// Every method can be dropped at any point; a dropped [`import`](Self::import) is in doubt.
#[derive(Clone)]
pub struct CalabrioClient {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) settings: CalabrioSettings,
    pub(crate) http: HttpClient,
    urgent: Option<HttpClient>,
    pub(crate) session: Session,
}

impl Shared {
    /// The HTTP client for what cannot wait.
    pub(crate) fn urgent(&self) -> &HttpClient {
        self.urgent.as_ref().unwrap_or(&self.http)
    }
}

impl CalabrioClient {
    /// A client that has not logged in yet. `http` brings the retry policy, the deadlines and the limit of calls at once: Calabrio
    /// publishes no rate limit, so two at once are polite.
    pub fn new(settings: CalabrioSettings, http: HttpClient) -> Result<Self, CalabrioError> {
        Self::make(settings, http, None)
    }

    /// The same, with an HTTP client for what cannot wait behind uploads that take minutes: the messages for screen recording,
    /// and logins. Its limit of calls at once is its own; one or two will do.
    pub fn new_with_urgent(
        settings: CalabrioSettings,
        http: HttpClient,
        urgent: HttpClient,
    ) -> Result<Self, CalabrioError> {
        Self::make(settings, http, Some(urgent))
    }

    fn make(
        settings: CalabrioSettings,
        http: HttpClient,
        urgent: Option<HttpClient>,
    ) -> Result<Self, CalabrioError> {
        settings.validate()?;
        Ok(Self {
            shared: Arc::new(Shared {
                settings,
                http,
                urgent,
                session: Session::default(),
            }),
        })
    }

    /// Opens a session where there is none. The other methods do so themselves; this one tells name and password apart from the rest.
    pub async fn login(&self) -> Result<(), CalabrioError> {
        self.shared.ticket().await.map(drop)
    }

    /// The session, for requests that others make to the same host; opens one where there is none. `ended` is the number of one that was refused: it is
    /// forgotten, and however many tell of it cause one login.
    ///
    /// # Errors
    ///
    /// Those of a login. Refused credentials are not tried again for a while.
    pub async fn session(&self, ended: Option<u64>) -> Result<OpenSession, CalabrioError> {
        self.shared.open_session(ended).await
    }

    /// Closes the session. A client that is used again opens another one.
    pub async fn logout(&self) -> Result<(), CalabrioError> {
        self.shared.logout().await
    }

    /// What the client was made from.
    pub fn settings(&self) -> &CalabrioSettings {
        &self.shared.settings
    }
}

impl fmt::Debug for CalabrioClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CalabrioClient({})", self.shared.settings.base)
    }
}
