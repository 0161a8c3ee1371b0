//! The part of Calabrio's surface that is there: paths, their methods and their query parameters.

use http::Method;

/// A path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Sessions.
    Authorize,
    /// The bulk contact import.
    Import,
    /// The contact search.
    Contacts,
    /// One contact.
    Contact(u64),
    /// One contact's metadata.
    ContactMetadata(u64),
    /// Metadata Manager's fields.
    MetadataFields,
    /// People with their ACD ids.
    People,
    /// Where a person is made.
    NewPerson,
    /// One person.
    Person(u64),
    /// Whether a person is active.
    PersonStatus(u64),
    /// The text of a text contact.
    TextView,
    /// Messages for screen recording.
    ScreenRecording,
}

impl Route {
    /// The route of a path.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match segments.as_slice() {
            ["api", "rest", "authorize"] => Some(Self::Authorize),
            ["api", "upload", "contacts"] => Some(Self::Import),
            ["api", "rest", "recording", "contact"] => Some(Self::Contacts),
            ["api", "rest", "recording", "contact", id] => id.parse().ok().map(Self::Contact),
            ["api", "rest", "recording", "contact", id, "metadata"] => {
                id.parse().ok().map(Self::ContactMetadata)
            }
            ["api", "rest", "recording", "metadata"] => Some(Self::MetadataFields),
            [
                "api",
                "rest",
                "org",
                "common",
                "person",
                "permission",
                "ViewOrg",
            ] => Some(Self::People),
            ["api", "rest", "org", "common", "person"] => Some(Self::NewPerson),
            ["api", "rest", "org", "common", "person", id] => id.parse().ok().map(Self::Person),
            ["api", "rest", "org", "common", "person", id, "status"] => {
                id.parse().ok().map(Self::PersonStatus)
            }
            ["api", "rest", "cas", "textview"] => Some(Self::TextView),
            ["api", "rest", "recordingcontrols", "screen"] => Some(Self::ScreenRecording),
            _ => None,
        }
    }

    /// The methods it has.
    pub(crate) fn methods(self) -> &'static [Method] {
        match self {
            Self::Authorize => &[Method::POST, Method::DELETE],
            Self::Import | Self::NewPerson | Self::ScreenRecording => &[Method::POST],
            Self::ContactMetadata(_) | Self::Person(_) => &[Method::GET, Method::PUT],
            Self::PersonStatus(_) => &[Method::PUT],
            Self::Contacts
            | Self::Contact(_)
            | Self::MetadataFields
            | Self::People
            | Self::TextView => &[Method::GET],
        }
    }

    /// The query parameters it has.
    pub(crate) fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Contacts => &[
                "beginDate",
                "endDate",
                "beginTime",
                "endTime",
                "limit",
                "number",
                "dnis",
                "contactType",
                "hasTranscription",
                "evalState",
                "expand",
                "reason",
                "searchScope",
                "dateEvaluatedStart",
                "dateEvaluatedEnd",
                "searchStats",
            ],
            Self::Contact(_) => &["expand"],
            Self::TextView => &["ccrid"],
            _ => &[],
        }
    }

    /// The content type of what is sent to it.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Import => "multipart/form-data",
            _ => "application/json",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_they_should() {
        assert_eq!(
            Route::of("/api/rest/recording/contact/7/metadata"),
            Some(Route::ContactMetadata(7))
        );
        assert_eq!(
            Route::of("/api/rest/recording/metadata"),
            Some(Route::MetadataFields)
        );
        assert_eq!(
            Route::of("/api/rest/org/common/person/7/status"),
            Some(Route::PersonStatus(7))
        );
        assert_eq!(Route::of("/api/rest/org/common/person/x"), None);
        assert_eq!(Route::of("/api/rest/upload/contacts"), None);
        assert_eq!(Route::of("/api/rest/recording/contact/x"), None);
        assert_eq!(Route::of("/api/rest/authorize/"), None);
    }
}
