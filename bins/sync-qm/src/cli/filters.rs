//! Which contacts a command is about.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use clap::Args;
use contact_model::{FailureReason, ParkKind, SessionId, StageName};
use qm_pipeline::report::ContactQuery;
use twilio_sid::WorkerSid;

use super::{OfAcd, instant};
use command_line::Told;

/// What narrows a command to some contacts.
#[derive(Debug, Clone, Args)]
pub(crate) struct Filters {
    /// For this reason: why it was parked, or failed; may be given several times
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Vec<Reason>,
    /// Of this agent: the worker's SID
    #[arg(long, value_name = "SID")]
    pub(crate) agent: Option<WorkerSid>,
    /// Of this interaction
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<SessionId>,
    /// Whose leg ended at this time or later
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Whose leg ended before this time
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) to: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub(crate) of: OfAcd,
}

/// What narrows it by the stage.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Stages {
    /// In this stage; may be given several times
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Vec<StageName>,
    /// Excluded by the rule of this name; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) rule: Vec<String>,
}

impl Filters {
    /// Whether nothing is narrowed.
    pub(crate) fn is_empty(&self) -> bool {
        self.reason.is_empty()
            && self.agent.is_none()
            && self.session.is_none()
            && self.from.is_none()
            && self.to.is_none()
            && self.of.acd.is_none()
    }

    /// The query, if there can be an answer to it.
    pub(crate) fn query(self, stages: Stages, limit: u32) -> Result<ContactQuery, Told> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            let what = format!(
                "no leg ended from {} on and before {}: --from lies after --to",
                from.to_rfc3339(),
                to.to_rfc3339()
            );
            return Err(Told::usage(
                what,
                "give a beginning that lies before the end",
            ));
        }
        let reasons = self.reason.into_iter().map(|reason| reason.0);
        Ok(ContactQuery {
            acd: self.of.acd,
            stages: stages.stage,
            reasons: reasons.chain(stages.rule).collect(),
            worker: self.agent,
            session: self.session,
            from: self.from,
            to: self.to,
            limit,
        })
    }
}

/// Why a contact was parked, or failed: a word from a closed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason(pub(crate) String);

impl Reason {
    /// The kind of a park, if it is that of one.
    pub(crate) fn park_kind(&self) -> Option<ParkKind> {
        self.0.parse().ok()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Reason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let failures = failures();
        let unknown = match text.parse::<ParkKind>() {
            Err(unknown) if !failures.iter().any(|failure| failure == text) => unknown,
            _ => return Ok(Self(text.to_owned())),
        };
        Err(format!(
            "{unknown}; and those of contacts that failed: {}",
            failures.join(", ")
        ))
    }
}

/// The words for why a contact failed.
fn failures() -> Vec<String> {
    let word = |reason: &FailureReason| {
        let word = serde_json::to_value(reason).ok()?;
        word.as_str().map(str::to_owned)
    };
    FailureReason::ALL.iter().filter_map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_that_of_a_park_or_of_a_failure() {
        let reason: Reason = "missing-key".parse().unwrap();
        assert_eq!(reason.park_kind(), Some(ParkKind::MissingKey));
        let reason: Reason = "processing-failed".parse().unwrap();
        assert_eq!(reason.park_kind(), None);
        let error = "lost-key".parse::<Reason>().unwrap_err();
        assert!(
            error.contains("missing-key") && error.contains("processing-failed"),
            "{error}"
        );
    }
}
