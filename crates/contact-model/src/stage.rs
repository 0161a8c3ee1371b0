//! The stages of a contact. Each is a type; each transition consumes the stage that it leaves.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use twilio_sid::RecordingSid;

use crate::{CcrId, FailureReason, Leg, LegMedia, ParkReason};

/// A transition that the stage does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransitionError {
    /// The contact has come to its end: it is complete, failed, excluded, or parked already.
    #[error("a contact that is {0} cannot be parked")]
    NotParkable(StageName),
    /// An attempt to upload is open: what became of it must be known before another.
    #[error("attempt {0} to upload is in doubt: it must be settled before another")]
    InDoubt(u32),
    /// No attempt to upload is open.
    #[error("no attempt to upload is open")]
    NoAttempt,
}

/// What is known of one leg: its facts and the stage that it has reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The leg.
    pub leg: Leg,
    /// How far it has come.
    pub stage: Stage,
}

/// How far a contact has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Stage {
    /// Its reservation's end was seen.
    Discovered(Discovered),
    /// Its attributes, agent, queue and times are written down.
    Captured(Captured),
    /// Its media is known.
    Linked(Linked),
    /// Calabrio has answered that it took the contact.
    Uploaded(Uploaded),
    /// It was found in Calabrio, not yet finished there.
    Processing(Processing),
    /// It was read back from Calabrio, whole.
    Complete(Complete),
    /// Calabrio says that it failed.
    Failed(Failed),
    /// It is set aside.
    Parked(Parked),
    /// A rule of the operator's leaves it out.
    Excluded(Excluded),
}

/// The name of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageName {
    /// See [`Stage::Discovered`].
    Discovered,
    /// See [`Stage::Captured`].
    Captured,
    /// See [`Stage::Linked`].
    Linked,
    /// See [`Stage::Uploaded`].
    Uploaded,
    /// See [`Stage::Processing`].
    Processing,
    /// See [`Stage::Complete`].
    Complete,
    /// See [`Stage::Failed`].
    Failed,
    /// See [`Stage::Parked`].
    Parked,
    /// See [`Stage::Excluded`].
    Excluded,
}

impl StageName {
    /// Every stage, in the order of a contact's life.
    pub const ALL: &[Self] = &[
        Self::Discovered,
        Self::Captured,
        Self::Linked,
        Self::Uploaded,
        Self::Processing,
        Self::Complete,
        Self::Failed,
        Self::Parked,
        Self::Excluded,
    ];

    /// The word as it stands in filters, reports, metrics and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discovered => "discovered",
            Self::Captured => "captured",
            Self::Linked => "linked",
            Self::Uploaded => "uploaded",
            Self::Processing => "processing",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Parked => "parked",
            Self::Excluded => "excluded",
        }
    }

    /// Whether the contact rests here until a person or a command moves it.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Complete | Self::Failed | Self::Parked | Self::Excluded
        )
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for StageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|name| name.as_str()).collect();
                format!("no such stage; the stages are {}", known.join(", "))
            })
    }
}

impl Stage {
    /// The stage's name.
    pub fn name(&self) -> StageName {
        match self {
            Self::Discovered(_) => StageName::Discovered,
            Self::Captured(_) => StageName::Captured,
            Self::Linked(_) => StageName::Linked,
            Self::Uploaded(_) => StageName::Uploaded,
            Self::Processing(_) => StageName::Processing,
            Self::Complete(_) => StageName::Complete,
            Self::Failed(_) => StageName::Failed,
            Self::Parked(_) => StageName::Parked,
            Self::Excluded(_) => StageName::Excluded,
        }
    }

    /// Sets the contact aside; a retry takes it up at this stage again.
    pub fn park(self, reason: ParkReason, now: DateTime<Utc>) -> Result<Parked, TransitionError> {
        if self.name().is_final() {
            return Err(TransitionError::NotParkable(self.name()));
        }
        Ok(Parked {
            at: now,
            reason,
            resume: Box::new(self),
        })
    }

    /// The recordings that this contact uses or passed over, whatever its stage.
    pub fn recordings(&self) -> Vec<RecordingSid> {
        self.media()
            .map(|media| media.recordings().collect())
            .unwrap_or_default()
    }

    /// The media that was found for this contact, once it was; a parked contact still knows it.
    pub fn media(&self) -> Option<&LegMedia> {
        match self {
            Self::Discovered(_) | Self::Captured(_) | Self::Excluded(_) => None,
            Self::Linked(linked) => Some(&linked.media),
            Self::Uploaded(uploaded) => Some(&uploaded.media),
            Self::Processing(processing) => Some(&processing.media),
            Self::Complete(complete) => Some(&complete.media),
            Self::Failed(failed) => Some(&failed.media),
            Self::Parked(parked) => parked.resume.media(),
        }
    }

    /// Calabrio's id, once it is known.
    pub fn ccr(&self) -> Option<CcrId> {
        match self {
            Self::Discovered(_) | Self::Captured(_) | Self::Linked(_) | Self::Excluded(_) => None,
            Self::Uploaded(uploaded) => uploaded.ccr,
            Self::Processing(processing) => Some(processing.ccr),
            Self::Complete(complete) => Some(complete.ccr),
            Self::Failed(failed) => failed.ccr,
            Self::Parked(parked) => match &parked.reason {
                ParkReason::ReadBackDiffers { ccr } | ParkReason::DuplicateContact { ccr, .. } => {
                    Some(*ccr)
                }
                _ => parked.resume.ccr(),
            },
        }
    }
}

/// The reservation's end was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovered {
    /// When it was written down.
    pub at: DateTime<Utc>,
}

/// What capturing found, beside what went into the leg and its details.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capture {
    /// The task version of the attributes, where the events told it.
    pub attributes_version: Option<u64>,
    /// Whether the task had not ended yet: its attributes may change, and are sent again when they do.
    pub provisional: bool,
}

impl Discovered {
    /// The attributes, agent, queue and times are written down.
    pub fn capture(self, capture: Capture, now: DateTime<Utc>) -> Captured {
        Captured { at: now, capture }
    }

    /// A rule leaves the contact out.
    pub fn exclude(self, rule: impl Into<String>, now: DateTime<Utc>) -> Excluded {
        Excluded {
            at: now,
            rule: rule.into(),
        }
    }
}

/// Attributes, agent, queue and times are written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// When it was written down.
    pub at: DateTime<Utc>,
    /// What was captured.
    pub capture: Capture,
}

impl Captured {
    /// The media is known.
    pub fn link(self, media: LegMedia, now: DateTime<Utc>) -> Linked {
        Linked {
            at: now,
            capture: self.capture,
            media,
            attempt: None,
            in_doubt: false,
        }
    }

    /// A rule leaves the contact out.
    pub fn exclude(self, rule: impl Into<String>, now: DateTime<Utc>) -> Excluded {
        Excluded {
            at: now,
            rule: rule.into(),
        }
    }
}

/// What an attempt to upload sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// How long the audio is, in milliseconds; 0 for a contact without media.
    pub duration_ms: u64,
    /// How many bytes of audio are sent, header included; 0 for a contact without media.
    pub bytes: u64,
}

/// An attempt to upload, written down before its first byte is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u32,
    /// When the intent was written down, or since when its end has been in doubt.
    pub at: DateTime<Utc>,
    /// What it sends.
    pub sending: Delivered,
    /// A contact without media that somebody else had made for the same leg before: finding that one again tells nothing of
    /// this attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<CcrId>,
}

/// The media is known; perhaps an attempt to upload is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    /// When it was written down.
    pub at: DateTime<Utc>,
    /// What was captured.
    pub capture: Capture,
    /// The media.
    pub media: LegMedia,
    /// The latest attempt to upload, if there was one.
    pub attempt: Option<Attempt>,
    /// Whether the end of that attempt is not known. While it stands, the contact is only searched for.
    pub in_doubt: bool,
}

impl Linked {
    /// Writes down that an upload is about to begin. From here the attempt is in doubt until it is settled.
    pub fn intend(self, sending: Delivered, now: DateTime<Utc>) -> Result<Self, TransitionError> {
        let number = match self.attempt {
            Some(open) if self.in_doubt => return Err(TransitionError::InDoubt(open.number)),
            Some(before) => before.number.saturating_add(1),
            None => 1,
        };
        let attempt = Attempt {
            number,
            at: now,
            sending,
            beside: None,
        };
        Ok(Self {
            attempt: Some(attempt),
            in_doubt: true,
            ..self
        })
    }

    /// A contact without media was there before the attempt that has just been written down.
    pub fn beside(self, ccr: CcrId) -> Self {
        let attempt = self.attempt.map(|attempt| Attempt {
            beside: Some(ccr),
            ..attempt
        });
        Self { attempt, ..self }
    }

    /// The attempt has ended without an answer that settles it: from now on the contact is searched for.
    pub fn doubt(self, now: DateTime<Utc>) -> Self {
        let attempt = self.attempt.map(|attempt| Attempt { at: now, ..attempt });
        Self {
            in_doubt: attempt.is_some(),
            attempt,
            ..self
        }
    }

    /// Attempts so far count no more. What was sent last stays known.
    pub fn renewed(self) -> Self {
        let attempt = self.attempt.map(|attempt| Attempt {
            number: 0,
            ..attempt
        });
        Self { attempt, ..self }
    }

    /// The open attempt is known to have come to nothing: it was refused, never sent, or not found after long enough. It does
    /// not count.
    pub fn settled_unsent(self) -> Self {
        let attempt = self.attempt.map(|attempt| Attempt {
            number: attempt.number.saturating_sub(1),
            ..attempt
        });
        Self {
            in_doubt: false,
            attempt,
            ..self
        }
    }

    /// Calabrio answered that it took the contact.
    pub fn uploaded(
        self,
        ccr: Option<CcrId>,
        now: DateTime<Utc>,
    ) -> Result<Uploaded, TransitionError> {
        let attempt = self
            .attempt
            .filter(|_| self.in_doubt)
            .ok_or(TransitionError::NoAttempt)?;
        Ok(Uploaded {
            at: now,
            capture: self.capture,
            media: self.media,
            attempt,
            ccr,
        })
    }

    /// The contact was found in Calabrio although no answer told so.
    pub fn found(self, ccr: CcrId, now: DateTime<Utc>) -> Processing {
        Processing {
            at: now,
            capture: self.capture,
            media: self.media,
            attempt: self.attempt,
            ccr,
        }
    }

    /// A rule leaves the contact out.
    pub fn exclude(self, rule: impl Into<String>, now: DateTime<Utc>) -> Excluded {
        Excluded {
            at: now,
            rule: rule.into(),
        }
    }
}

/// Calabrio has answered that it took the contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// When it was written down.
    pub at: DateTime<Utc>,
    /// What was captured.
    pub capture: Capture,
    /// The media.
    pub media: LegMedia,
    /// The attempt that Calabrio answered.
    pub attempt: Attempt,
    /// Calabrio's id, where its answer held one.
    pub ccr: Option<CcrId>,
}

impl Uploaded {
    /// The contact was found by its leg key.
    pub fn found(self, ccr: CcrId, now: DateTime<Utc>) -> Processing {
        Processing {
            at: now,
            capture: self.capture,
            media: self.media,
            attempt: Some(self.attempt),
            ccr,
        }
    }

    /// The contact never appeared although Calabrio had answered that it took it: it may be sent again.
    pub fn vanished(self, now: DateTime<Utc>) -> Linked {
        Linked {
            at: now,
            capture: self.capture,
            media: self.media,
            attempt: Some(self.attempt),
            in_doubt: false,
        }
    }
}

/// The contact was found in Calabrio by its leg key, not yet finished there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processing {
    /// When it was written down.
    pub at: DateTime<Utc>,
    /// What was captured.
    pub capture: Capture,
    /// The media.
    pub media: LegMedia,
    /// The latest attempt to upload; `None` where the contact was there before this connector sent anything.
    pub attempt: Option<Attempt>,
    /// Calabrio's id.
    pub ccr: CcrId,
}

impl Processing {
    /// It was read back whole.
    pub fn complete(self, duration_ms: Option<u64>, now: DateTime<Utc>) -> Complete {
        let sent = self
            .attempt
            .map_or(0, |attempt| attempt.sending.duration_ms);
        Complete {
            is_compared: sent > 0 && duration_ms.is_some(),
            at: now,
            capture: self.capture,
            media: self.media,
            ccr: self.ccr,
            duration_ms,
        }
    }

    /// The contact may not be there any more: it is searched for, and sent again only if it is not found.
    pub fn vanished(self, now: DateTime<Utc>) -> Linked {
        Linked {
            at: now,
            capture: self.capture,
            media: self.media,
            attempt: self.attempt,
            in_doubt: false,
        }
    }

    /// Calabrio says that it failed.
    pub fn fail(self, reason: FailureReason, now: DateTime<Utc>) -> Failed {
        Failed {
            at: now,
            media: self.media,
            ccr: Some(self.ccr),
            reason,
        }
    }
}

/// The contact was read back from Calabrio, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complete {
    /// When it was written down.
    pub at: DateTime<Utc>,
    /// What was captured; its version tells whether attributes changed since.
    pub capture: Capture,
    /// The media.
    pub media: LegMedia,
    /// Calabrio's id.
    pub ccr: CcrId,
    /// How long Calabrio says the audio is, in milliseconds.
    pub duration_ms: Option<u64>,
    /// Whether that was compared with the length of what this ledger knows to have sent. Not so where Calabrio tells none, and where the
    /// contact was there before.
    #[serde(default)]
    pub is_compared: bool,
}

impl Complete {
    /// Attributes that changed after the contact was built were written to it.
    pub fn refreshed(self, capture: Capture) -> Self {
        Self { capture, ..self }
    }

    /// Calabrio does not show the contact any more. It is in doubt from now on: it is searched for until it would have been found for
    /// certain, and sent again only then.
    pub fn missing(self, now: DateTime<Utc>) -> Linked {
        let sending = Delivered {
            duration_ms: self.duration_ms.unwrap_or(0),
            bytes: 0,
        };
        Linked {
            at: now,
            capture: self.capture,
            media: self.media,
            attempt: Some(Attempt {
                number: 1,
                at: now,
                sending,
                beside: None,
            }),
            in_doubt: true,
        }
    }
}

/// Calabrio says that the contact failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When it was written down.
    pub at: DateTime<Utc>,
    /// The media.
    pub media: LegMedia,
    /// Calabrio's id, where it gave one.
    pub ccr: Option<CcrId>,
    /// The reason, for people.
    pub reason: FailureReason,
}

/// The contact is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// When it was written down.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: ParkReason,
    /// Where a retry takes it up.
    pub resume: Box<Stage>,
}

impl Parked {
    /// Takes the contact up where it stood.
    pub fn resume(self) -> Stage {
        *self.resume
    }

    /// Takes the contact up for a person who has looked into the reason: attempts so far count no more, and a contact that
    /// is not in Calabrio any more, because the person deleted it there, may be sent again. From now on it is in doubt, so
    /// that is only done once it was searched for long enough.
    pub fn retry(self, now: DateTime<Utc>) -> Stage {
        match *self.resume {
            Stage::Linked(stage) => Stage::Linked(stage.renewed()),
            Stage::Uploaded(stage) => Stage::Linked(stage.vanished(now).renewed().doubt(now)),
            Stage::Processing(stage) => Stage::Linked(stage.vanished(now).renewed().doubt(now)),
            stage => stage,
        }
    }
}

/// A rule of the operator's leaves the contact out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// When it was written down.
    pub at: DateTime<Utc>,
    /// The rule's name, or the product switch that is off.
    pub rule: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Delivered = Delivered {
        duration_ms: 4_000,
        bytes: 64_044,
    };

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
    }

    fn linked() -> Linked {
        Discovered { at: at(0) }
            .capture(Capture::default(), at(1))
            .link(LegMedia::None, at(2))
    }

    fn ccr() -> CcrId {
        CcrId::try_from(41).unwrap()
    }

    #[test]
    fn a_second_attempt_waits_until_the_first_is_settled() {
        let open = linked().intend(SENT, at(3)).unwrap();
        assert_eq!(
            open.attempt,
            Some(Attempt {
                number: 1,
                at: at(3),
                sending: SENT,
                beside: None
            })
        );
        assert_eq!(
            open.clone().intend(SENT, at(4)),
            Err(TransitionError::InDoubt(1))
        );
        let again = open.settled_unsent().intend(SENT, at(5)).unwrap();
        assert_eq!(
            again.attempt.unwrap().number,
            1,
            "what came to nothing does not count"
        );
    }

    #[test]
    fn doubt_counts_from_the_end_of_an_attempt_and_needs_one() {
        let open = linked().intend(SENT, at(3)).unwrap().doubt(at(9));
        assert_eq!(
            open.attempt,
            Some(Attempt {
                number: 1,
                at: at(9),
                sending: SENT,
                beside: None
            })
        );
        assert!(open.in_doubt);
        assert!(!linked().doubt(at(9)).in_doubt);
    }

    #[test]
    fn a_renewed_contact_counts_its_attempts_from_the_beginning() {
        let tried = linked().intend(SENT, at(3)).unwrap().settled_unsent();
        let renewed = tried.renewed();
        assert_eq!(renewed.attempt.map(|attempt| attempt.sending), Some(SENT));
        assert_eq!(
            renewed.intend(SENT, at(4)).unwrap().attempt.unwrap().number,
            1
        );
    }

    #[test]
    fn an_answer_without_an_open_attempt_is_refused() {
        assert_eq!(
            linked().uploaded(None, at(3)),
            Err(TransitionError::NoAttempt)
        );
        let settled = linked().intend(SENT, at(3)).unwrap().settled_unsent();
        assert_eq!(
            settled.uploaded(None, at(4)),
            Err(TransitionError::NoAttempt)
        );
    }

    #[test]
    fn a_contact_keeps_what_it_learned_on_the_way_to_its_end() {
        let uploaded = linked()
            .intend(SENT, at(3))
            .unwrap()
            .uploaded(None, at(4))
            .unwrap();
        let processing = uploaded.found(ccr(), at(5));
        assert_eq!(
            processing.attempt.map(|attempt| attempt.sending),
            Some(SENT)
        );
        let complete = processing.clone().complete(Some(4_000), at(6));
        assert_eq!((complete.ccr, complete.duration_ms), (ccr(), Some(4_000)));
        let failed = processing.fail(FailureReason::ProcessingFailed, at(6));
        assert_eq!(Stage::Failed(failed).ccr(), Some(ccr()));
    }

    #[test]
    fn what_is_found_after_a_crash_still_knows_what_was_sent() {
        let processing = linked().intend(SENT, at(3)).unwrap().found(ccr(), at(9));
        assert_eq!(
            processing.attempt.map(|attempt| attempt.sending),
            Some(SENT)
        );
        assert_eq!(linked().found(ccr(), at(9)).attempt, None);
    }

    #[test]
    fn what_vanished_goes_back_to_linked_with_its_attempts_counted() {
        let uploaded = linked()
            .intend(SENT, at(3))
            .unwrap()
            .uploaded(None, at(4))
            .unwrap();
        let back = uploaded.vanished(at(7));
        assert!(!back.in_doubt);
        assert_eq!(back.intend(SENT, at(8)).unwrap().attempt.unwrap().number, 2);
    }

    #[test]
    fn only_a_contact_on_its_way_can_be_parked_and_it_resumes_where_it_stood() {
        let stage = Stage::Linked(linked());
        let parked = stage.clone().park(ParkReason::NoMedia, at(8)).unwrap();
        assert_eq!(parked.clone().resume(), stage);
        let again = Stage::Parked(parked).park(ParkReason::NoMedia, at(9));
        assert_eq!(again, Err(TransitionError::NotParkable(StageName::Parked)));
        assert_eq!(
            again.unwrap_err().to_string(),
            "a contact that is parked cannot be parked"
        );
    }

    #[test]
    fn a_retry_of_what_was_sent_is_in_doubt_until_it_was_searched_for_long_enough() {
        let uploaded = linked()
            .intend(SENT, at(3))
            .unwrap()
            .uploaded(Some(ccr()), at(4))
            .unwrap();
        let processing = uploaded.clone().found(ccr(), at(5));
        for stage in [Stage::Uploaded(uploaded), Stage::Processing(processing)] {
            let parked = stage
                .park(ParkReason::ReadBackDiffers { ccr: ccr() }, at(8))
                .unwrap();
            let Stage::Linked(again) = parked.retry(at(9)) else {
                panic!("it is linked again")
            };
            assert!(again.in_doubt);
            assert_eq!(
                again
                    .attempt
                    .map(|attempt| (attempt.number, attempt.sending)),
                Some((0, SENT))
            );
        }
        let captured = Discovered { at: at(0) }.capture(Capture::default(), at(1));
        let parked = Stage::Captured(captured.clone())
            .park(ParkReason::NoMedia, at(8))
            .unwrap();
        assert_eq!(parked.retry(at(9)), Stage::Captured(captured));
    }

    #[test]
    fn a_complete_contact_that_is_missing_is_in_doubt_and_not_sent_before_that_is_settled() {
        let complete = linked().found(ccr(), at(3)).complete(Some(4_000), at(4));
        let missing = complete.missing(at(9));
        assert!(missing.in_doubt);
        assert_eq!(missing.attempt.map(|attempt| attempt.at), Some(at(9)));
        assert_eq!(
            missing.clone().intend(SENT, at(10)),
            Err(TransitionError::InDoubt(1))
        );
        let found = missing.clone().found(ccr(), at(10));
        assert_eq!(
            found.attempt.map(|attempt| attempt.sending.duration_ms),
            Some(4_000),
            "what is found again is compared with what was read back before"
        );
        let again = missing.settled_unsent().intend(SENT, at(20)).unwrap();
        assert_eq!(again.attempt.unwrap().number, 1);
    }

    #[test]
    fn a_parked_contact_still_knows_its_calabrio_id_and_its_recordings() {
        let reason = ParkReason::DuplicateContact {
            ccr: ccr(),
            count: 2,
        };
        let parked = Stage::Linked(linked()).park(reason, at(8)).unwrap();
        assert_eq!(Stage::Parked(parked).ccr(), Some(ccr()));
        let recording = "RE00000000000000000000000000000001".parse().unwrap();
        let piece = crate::MediaPiece {
            recording,
            span: None,
            channels: 1,
            swap: false,
            encrypted: None,
        };
        let media = LegMedia::Recordings {
            pieces: vec![piece],
            superseded: vec![],
            marks: vec![],
        };
        let stage = Stage::Linked(Linked { media, ..linked() });
        let parked = stage
            .park(ParkReason::NotAuthentic { recording }, at(9))
            .unwrap();
        assert_eq!(Stage::Parked(parked).recordings(), [recording]);
    }

    #[test]
    fn every_stage_keeps_its_name_in_json_and_in_filters() {
        let open = linked().intend(SENT, at(3)).unwrap();
        let uploaded = open.clone().uploaded(Some(ccr()), at(4)).unwrap();
        let processing = uploaded.clone().found(ccr(), at(5));
        let stages = [
            Stage::Discovered(Discovered { at: at(0) }),
            Stage::Captured(Discovered { at: at(0) }.capture(Capture::default(), at(1))),
            Stage::Linked(open.clone()),
            Stage::Uploaded(uploaded),
            Stage::Processing(processing.clone()),
            Stage::Complete(processing.clone().complete(None, at(6))),
            Stage::Failed(processing.fail(FailureReason::ProcessingFailed, at(6))),
            Stage::Parked(
                Stage::Linked(open)
                    .park(ParkReason::NoMedia, at(7))
                    .unwrap(),
            ),
            Stage::Excluded(Discovered { at: at(0) }.exclude("test calls", at(1))),
        ];
        assert_eq!(
            stages.iter().map(Stage::name).collect::<Vec<_>>(),
            StageName::ALL
        );
        for stage in stages {
            let json = serde_json::to_value(&stage).unwrap();
            assert_eq!(json["stage"], stage.name().as_str());
            assert_eq!(stage.name().as_str().parse(), Ok(stage.name()));
            assert_eq!(serde_json::from_value::<Stage>(json).unwrap(), stage);
        }
        assert!(
            "begun"
                .parse::<StageName>()
                .unwrap_err()
                .starts_with("no such stage")
        );
    }
}
