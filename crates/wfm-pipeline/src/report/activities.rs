//! The workspace's activities: how each is mapped, and which mappings match nothing.

use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};
use wfm_state_mapping::{ActivityReport, MappedBy};

use crate::error::PipelineError;
use crate::runner::workspace;
use crate::services::AcdServices;

/// The activities of every ACD.
#[derive(Debug, Clone, Serialize)]
pub struct ActivitiesReport {
    /// Each ACD.
    pub acds: Vec<AcdActivities>,
}

/// The activities of one ACD.
#[derive(Debug, Clone, Serialize)]
pub struct AcdActivities {
    /// Its name.
    pub acd: String,
    /// How each is mapped.
    #[serde(flatten)]
    pub report: ActivityReport,
}

impl ActivitiesReport {
    /// Whether every mapping names an activity that is there.
    pub fn is_sound(&self) -> bool {
        self.acds.iter().all(|acd| acd.report.unmatched.is_empty())
    }
}

/// Asks Twilio for the activities of an ACD.
///
/// # Errors
///
/// [`PipelineError::Twilio`].
pub async fn activities(acd: &AcdServices) -> Result<AcdActivities, PipelineError> {
    let map = workspace::activities(&acd.twilio, acd.workspace, &acd.activities).await?;
    Ok(AcdActivities {
        acd: acd.name.clone(),
        report: map.report(),
    })
}

fn by(by: MappedBy) -> String {
    match by {
        MappedBy::Mapping(number) => format!("acd.wfm.activity {number}"),
        MappedBy::OfflineActivity => "the offline activity".to_owned(),
        MappedBy::AvailableFlag => "its own flag".to_owned(),
        _ => "nothing".to_owned(),
    }
}

impl Report for ActivitiesReport {
    fn page(&self, page: &mut Page) {
        for acd in &self.acds {
            page.line(&acd.acd);
            let mut table =
                Table::new(["activity", "sid", "available", "state", "by", "reason code"]);
            for line in &acd.report.activities {
                table.row([
                    line.name.clone(),
                    line.sid.to_string(),
                    line.available
                        .map_or_else(String::new, |yes| yes.to_string()),
                    line.state
                        .map_or_else(|| "undecided".to_owned(), |state| state.as_str().to_owned()),
                    by(line.by),
                    line.reason_code
                        .as_ref()
                        .map_or_else(String::new, |code| code.as_str().to_owned()),
                ]);
            }
            page.table(table);
            for unmatched in &acd.report.unmatched {
                page.mood(Mood::Bad, format!("acd.wfm.activity {unmatched}"));
            }
        }
    }
}
