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
    /// There is no harmless way to know, or the answer does not tell.
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
    /// List people: told by listing them. Where the answer is neither a list nor a lacking permission it is
    /// [`Permission::Unknown`]: only who wants people needs it, and [`people`](CalabrioClient::people) says what is wrong.
    pub list_people: Permission,
    /// Make and change people. Only doing so tells, so this is always [`Permission::Unknown`].
    pub change_people: Permission,
    /// Control screen recordings. Only a message tells, so this is always [`Permission::Unknown`]. It also wants of each agent's user
    /// a role with Record Screen and the Windows login of the agent's machine, which Calabrio alone can show.
    pub control_screen_recording: Permission,
}

impl CalabrioClient {
    /// What the service account may do. It reads and changes nothing; `now` is the day that is searched.
    pub async fn access(&self, now: DateTime<Utc>) -> Result<Access, CalabrioError> {
        Ok(Access {
            search_contacts: permission(self.shared.probe(SearchWindow::at(now)).await)?,
            list_metadata_fields: permission(self.metadata_fields().await.map(drop))?,
            import_contacts: Permission::Unknown,
            list_people: match permission(self.people().await.map(drop)) {
                Err(error) if !error.is_passing() && !error.is_authentication() => {
                    Permission::Unknown
                }
                told => told?,
            },
            change_people: Permission::Unknown,
            control_screen_recording: Permission::Unknown,
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
