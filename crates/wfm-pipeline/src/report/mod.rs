//! What commands tell, each as one serializable value that also prints as tables.

mod activities;
mod adherence;
mod history;
mod preview;
mod roster;
mod status;

pub use activities::{AcdActivities, ActivitiesReport, activities};
pub use adherence::{AcdAdherence, AdherenceReport, Follower};
pub use history::{AcdHistory, HistoryReport, history, preview_history};
pub use preview::{PreviewReport, ReportPreview, preview};
pub use roster::{AcdRoster, RosterLine, RosterReport, roster};
pub use status::{AcdStatus, PullLine, ReportStatus, StatusReport, WishLine, status};

use chrono::{DateTime, SecondsFormat, Utc};

/// A time as tables print it: UTC, to the second.
pub(crate) fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
