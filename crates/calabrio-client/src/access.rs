//! What the service account may do, as far as asking does no harm.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::client::CalabrioClient;
use crate::error::CalabrioError;
use crate::search::SearchWindow;

/// Whether the service account may do something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// It did it.
    Granted,
    /// It was refused.
    Denied {
        /// What to do about it.
        advice: String,
    },
    /// There is no harmless way to know.
    Unknown,
}

/// What the service account may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Access {
    /// Search contacts: told by a search for one item.
    pub search_contacts: Permission,
    /// List metadata fields: told by listing them.
    pub list_metadata_fields: Permission,
    /// Import contacts. Calabrio documents the permission Administer Tenant for it and no way to ask for it; only an import
    /// tells. So this is always [`Permission::Unknown`].
    pub import_contacts: Permission,
}

impl CalabrioClient {
    /// What the service account may do. It reads and changes nothing; `now` is the day that is searched.
    pub async fn access(&self, now: DateTime<Utc>) -> Result<Access, CalabrioError> {
        Ok(Access {
            search_contacts: permission(self.shared.probe(SearchWindow::at(now)).await)?,
            list_metadata_fields: permission(self.metadata_fields().await.map(drop))?,
            import_contacts: Permission::Unknown,
        })
    }
}

fn permission(result: Result<(), CalabrioError>) -> Result<Permission, CalabrioError> {
    match result {
        Ok(()) => Ok(Permission::Granted),
        Err(error) if error.is_permission() => Ok(Permission::Denied {
            advice: error.to_string(),
        }),
        Err(error) => Err(error),
    }
}
