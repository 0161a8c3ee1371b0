//! What is told outside about a contact: the contact status event of the vendor's page.

use serde::{Deserialize, Serialize};

use crate::{CcrId, FailureReason, Leg, LegId, SessionId, Stage};

/// How a contact stands, in the words of the contact status event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status")]
pub enum ContactStatus {
    /// The contact is in Calabrio, read back whole.
    #[serde(rename = "COMPLETE")]
    Complete,
    /// The contact failed, or is set aside until a person does something about it.
    #[serde(rename = "FAILED")]
    Failed {
        /// Why.
        reason: FailureReason,
    },
}

impl ContactStatus {
    /// `COMPLETE` or `FAILED`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "COMPLETE",
            Self::Failed { .. } => "FAILED",
        }
    }
}

/// The body of the contact status event, exactly as the vendor's page documents it.
///
/// `ccrId` is 0 as long as Calabrio has not given the contact a number. `failureReason` is there only with `FAILED`; it is a
/// sentence for people and never a vendor's error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusEvent {
    /// Calabrio's number of the contact.
    pub ccr_id: i64,
    /// The interaction.
    pub session_id: SessionId,
    /// The leg: the same as Calabrio's `callId`.
    pub leg_id: LegId,
    /// The tenant's number.
    pub tenant_id: u32,
    /// `COMPLETE` or `FAILED`.
    pub status: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
}

impl StatusEvent {
    /// The event of a leg that came to this status.
    pub fn new(leg: &Leg, ccr: Option<CcrId>, tenant_id: u32, status: ContactStatus) -> Self {
        Self {
            ccr_id: ccr.map_or(0, CcrId::get),
            session_id: leg.session_id(),
            leg_id: leg.id,
            tenant_id,
            status: status.as_str().to_owned(),
            failure_reason: match status {
                ContactStatus::Complete => None,
                ContactStatus::Failed { reason } => Some(reason.sentence().to_owned()),
            },
        }
    }
}

impl Stage {
    /// What is told outside about a contact in this stage; `None` while it is on its way, and where a rule leaves it out.
    pub fn status(&self) -> Option<ContactStatus> {
        match self {
            Self::Complete(_) => Some(ContactStatus::Complete),
            Self::Failed(failed) => Some(ContactStatus::Failed {
                reason: failed.reason,
            }),
            Self::Parked(parked) => Some(ContactStatus::Failed {
                reason: parked.reason.failure(),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::{AcdKey, Capture, Channel, Discovered, LegMedia, LegTimes, ParkReason};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn leg() -> Leg {
        Leg {
            acd: AcdKey {
                account: "AC00000000000000000000000000000001".parse().unwrap(),
                workspace: "WS00000000000000000000000000000001".parse().unwrap(),
                tenant: "7".parse().unwrap(),
            },
            id: "WR00000000000000000000000000000001".parse().unwrap(),
            task: "WT00000000000000000000000000000001".parse().unwrap(),
            worker: "WK00000000000000000000000000000001".parse().unwrap(),
            queue: None,
            workflow: None,
            channel: Channel::Voice,
            direction: None,
            session: None,
            times: LegTimes::default(),
            hold: None,
        }
    }

    #[test]
    fn the_body_is_exactly_the_documented_one() {
        let ccr = CcrId::try_from(7).unwrap();
        let event = StatusEvent::new(&leg(), Some(ccr), 42, ContactStatus::Complete);
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"ccrId":7,"sessionId":"WT00000000000000000000000000000001","legId":"WR00000000000000000000000000000001","tenantId":42,"status":"COMPLETE"}"#
        );
        let failed = ContactStatus::Failed {
            reason: FailureReason::NotDecryptable,
        };
        let json = serde_json::to_value(StatusEvent::new(&leg(), None, 42, failed)).unwrap();
        assert_eq!(json["ccrId"], 0);
        assert_eq!(json["status"], "FAILED");
        assert_eq!(
            json["failureReason"],
            "The recording could not be decrypted with the configured keys."
        );
    }

    #[test]
    fn only_what_has_come_to_an_end_or_wants_a_person_is_told() {
        let captured = Discovered { at: at(0) }.capture(Capture::default(), at(1));
        let linked = captured.clone().link(LegMedia::None, at(2));
        assert_eq!(Stage::Captured(captured).status(), None);
        assert_eq!(Stage::Linked(linked.clone()).status(), None);
        let parked = Stage::Linked(linked.clone())
            .park(ParkReason::NoMedia, at(3))
            .unwrap();
        assert_eq!(
            Stage::Parked(parked).status(),
            Some(ContactStatus::Failed {
                reason: FailureReason::NotRecorded
            })
        );
        let processing = linked.found(CcrId::try_from(7).unwrap(), at(4));
        let complete = processing.clone().complete(None, at(5));
        assert_eq!(
            Stage::Complete(complete).status(),
            Some(ContactStatus::Complete)
        );
        let failed = processing.fail(FailureReason::ProcessingFailed, at(5));
        assert_eq!(
            Stage::Failed(failed).status(),
            Some(ContactStatus::Failed {
                reason: FailureReason::ProcessingFailed
            })
        );
        let excluded = Discovered { at: at(0) }.exclude("test", at(1));
        assert_eq!(Stage::Excluded(excluded).status(), None);
    }

    #[test]
    fn a_status_survives_json() {
        for status in [
            ContactStatus::Complete,
            ContactStatus::Failed {
                reason: FailureReason::Refused,
            },
        ] {
            let json = serde_json::to_value(status).unwrap();
            assert_eq!(json["status"], status.as_str());
            assert_eq!(
                serde_json::from_value::<ContactStatus>(json).unwrap(),
                status
            );
        }
    }
}
