//! Exactly once: from linked media to a contact that was read back.
//!
//! The intent to upload is committed before the first byte is sent. An attempt without a definite refusal is in doubt: the
//! leg is only searched for, by its key, until `search_settle` has passed, and may be sent again only then. A contact is
//! also searched for before it is first sent, so that a ledger that was lost or restored makes no second one.

use chrono::{DateTime, Utc};
use connector_config::UnknownAgent;
use contact_model::{Capture, FailureReason, LegMedia, ParkReason, Processing, Stage};

use super::rules::{Rules, after};
use super::{
    AgentKnown, Answer, Effect, FoundContact, FoundState, HELD, LONGEST_BACKOFF, Question, Sent,
    Trouble, Work, capture, failed, park, read_story, spread,
};

/// How far the length that is read back may differ from what was sent, in milliseconds.
const READ_BACK_TOLERANCE_MS: u64 = 1_000;

pub(super) fn linked(work: &mut Work, now: DateTime<Utc>, rules: &Rules) -> Effect {
    let Stage::Linked(stage) = work.contact.stage.clone() else {
        return Effect::End;
    };
    // With an intent that this turn has just committed, the upload follows; any other open attempt is in doubt.
    if stage.in_doubt {
        return if work.prepared.take().is_some() {
            Effect::Upload
        } else {
            Effect::Search
        };
    }
    if !work.searched {
        return Effect::Search;
    }
    if stage
        .attempt
        .is_some_and(|attempt| attempt.number >= rules.max_attempts)
    {
        return park(work, ParkReason::ProcessingOverdue { ccr: None }, now);
    }
    if work.failures >= rules.max_failures {
        let step = "uploading".to_owned();
        return park(work, ParkReason::StepFailed { step }, now);
    }
    match unknown_agent(work, rules) {
        Err(question) => return Effect::Ask(question),
        Ok(true) => {
            let worker = work.contact.leg.worker;
            return park(work, ParkReason::UnknownAgent { worker }, now);
        }
        Ok(false) => {}
    }
    match work.prepared {
        None => Effect::Prepare,
        Some(delivered) => match stage.intend(delivered, now) {
            Ok(stage) => {
                let stage = match work.beside {
                    Some(ccr) => stage.beside(ccr),
                    None => stage,
                };
                work.contact.stage = Stage::Linked(stage);
                Effect::Save
            }
            Err(_) => Effect::Search,
        },
    }
}

/// Whether the contact is to be parked because Calabrio does not know its agent; or what must be asked first.
fn unknown_agent(work: &mut Work, rules: &Rules) -> Result<bool, Question> {
    let question = Question::Agent(work.contact.leg.worker);
    let Answer::Agent(known) = work.evidence.get(question)? else {
        return Ok(false);
    };
    work.unassigned = *known == AgentKnown::No;
    Ok(work.unassigned && rules.unknown_agent == UnknownAgent::Park)
}

pub(super) fn sent(work: &mut Work, sent: Sent, now: DateTime<Utc>, rules: &Rules) -> Effect {
    let Stage::Linked(stage) = work.contact.stage.clone() else {
        return Effect::End;
    };
    match sent {
        Sent::Accepted { ccr } => {
            match stage.uploaded(ccr, now) {
                Ok(stage) => work.contact.stage = Stage::Uploaded(stage),
                Err(_) => return Effect::Search,
            }
            Effect::Rest(after(now, rules.timing.processing_interval))
        }
        // It says nothing of this contact: the account lacks a permission, or the path of the import is another.
        Sent::Refused {
            status: status @ 403..=405,
        } => {
            let pause = ((now - stage.at) / 4).clamp(HELD, LONGEST_BACKOFF);
            work.contact.stage = Stage::Linked(stage.settled_unsent());
            work.waits_for = Some(forbidden(status).to_owned());
            Effect::Rest(now + spread(work, pause))
        }
        Sent::Refused { status } => {
            work.contact.stage = Stage::Linked(stage.settled_unsent());
            park(work, ParkReason::ImportRefused { status }, now)
        }
        Sent::NotSent => {
            work.contact.stage = Stage::Linked(stage.settled_unsent());
            failed(work, Trouble::Passing { step: "uploading" }, now, rules)
        }
        Sent::InDoubt => {
            work.failures = work.failures.saturating_add(1);
            work.contact.stage = Stage::Linked(stage.doubt(now));
            Effect::Rest(after(now, rules.timing.search_interval))
        }
    }
}

/// What stands in the way of every import.
fn forbidden(status: u16) -> &'static str {
    if status == 403 {
        "the right to import contacts: give the service account the permission Administer Tenant in Calabrio ONE"
    } else {
        "Calabrio ONE to know the import's address: check calabrio.contract.import.path"
    }
}

pub(super) fn found(
    work: &mut Work,
    found: &[FoundContact],
    now: DateTime<Utc>,
    rules: &Rules,
) -> Effect {
    work.searched = true;
    let attempt = match &work.contact.stage {
        Stage::Linked(stage) => stage.attempt,
        Stage::Uploaded(stage) => Some(stage.attempt),
        Stage::Processing(stage) => stage.attempt,
        _ => None,
    };
    // What somebody else made before, and what is still without media, tells nothing of what was sent.
    let beside = attempt.and_then(|attempt| attempt.beside);
    let is_ours = |contact: &&FoundContact| {
        beside != Some(contact.ccr)
            || matches!(contact.state, FoundState::WithMedia | FoundState::Failed)
    };
    let found: Vec<FoundContact> = found.iter().filter(is_ours).copied().collect();
    if found.is_empty() {
        work.beside = beside;
    }
    match found.as_slice() {
        [] => not_found(work, now, rules),
        [contact] => found_one(work, *contact, now, rules),
        [contact, ..] => {
            let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
            if work.contact.stage.name().is_final() {
                return Effect::End;
            }
            park(
                work,
                ParkReason::DuplicateContact {
                    ccr: contact.ccr,
                    count,
                },
                now,
            )
        }
    }
}

fn not_found(work: &mut Work, now: DateTime<Utc>, rules: &Rules) -> Effect {
    let settle = rules.timing.search_settle;
    let search_again = after(now, rules.timing.search_interval);
    match work.contact.stage.clone() {
        Stage::Linked(stage) => match stage.attempt.filter(|_| stage.in_doubt) {
            None => super::advance(work, now, rules),
            Some(attempt) => {
                // What a former process left open may have gone on until that process ended.
                let settled_at = after(attempt.at.max(rules.started.min(now)), settle);
                if now < settled_at {
                    return Effect::Rest(search_again.min(settled_at));
                }
                work.contact.stage = Stage::Linked(stage.settled_unsent());
                Effect::Save
            }
        },
        Stage::Uploaded(stage) => {
            let overdue_at = after(stage.at, rules.timing.processing_wait);
            if let Some(ccr) = stage.ccr {
                // Calabrio gave it a number, so Calabrio has it: the search lags, and sending again would make two.
                if now >= overdue_at {
                    return park(work, ParkReason::ProcessingOverdue { ccr: Some(ccr) }, now);
                }
                let again = after(now, rules.timing.processing_interval);
                return Effect::Rest(again.min(overdue_at));
            }
            let settled_at = after(stage.at, settle);
            if now < settled_at {
                return Effect::Rest(after(now, rules.timing.processing_interval).min(settled_at));
            }
            work.contact.stage = Stage::Linked(stage.vanished(now));
            Effect::Save
        }
        Stage::Processing(stage) => {
            // It was there before: the search missed it, or somebody deleted it.
            overdue_or_later(work, &stage, now, rules)
        }
        Stage::Captured(_) => super::advance(work, now, rules),
        _ => Effect::End,
    }
}

fn found_one(work: &mut Work, contact: FoundContact, now: DateTime<Utc>, rules: &Rules) -> Effect {
    let stage = match work.contact.stage.clone() {
        Stage::Linked(stage) => {
            // Of an attempt that is settled nothing came: what is there was made by somebody else.
            let never_sent = !stage.in_doubt;
            let wants_media = stage.media != LegMedia::None;
            let without = matches!(
                contact.state,
                FoundState::WithoutMedia | FoundState::Processing
            );
            if never_sent && wants_media && without {
                // A ledger that was lost may have sent it, and Calabrio may still be at it: then another would be a second
                // one. Only what stays without media was made by somebody else, and is completed, not skipped.
                let made_by_others_at = after(stage.at, rules.made_by_others_after(contact.state));
                if now < made_by_others_at {
                    let again = after(now, rules.timing.processing_interval);
                    return Effect::Rest(again.min(made_by_others_at));
                }
                work.beside = Some(contact.ccr);
                return super::advance(work, now, rules);
            }
            stage.found(contact.ccr, now)
        }
        Stage::Uploaded(stage) => stage.found(contact.ccr, now),
        Stage::Processing(stage) => stage,
        // Its source is gone, and Calabrio has it whole: it was carried before.
        Stage::Captured(stage) if contact.state == FoundState::WithMedia => {
            stage.link(LegMedia::None, now).found(contact.ccr, now)
        }
        Stage::Captured(_) => return super::advance(work, now, rules),
        _ => return Effect::End,
    };
    judge(work, stage, contact, now, rules)
}

/// Compares what was read back with what was sent.
fn judge(
    work: &mut Work,
    stage: Processing,
    contact: FoundContact,
    now: DateTime<Utc>,
    rules: &Rules,
) -> Effect {
    let whole = match contact.state {
        FoundState::Failed => {
            work.contact.stage = Stage::Failed(stage.fail(FailureReason::ProcessingFailed, now));
            return Effect::End;
        }
        FoundState::WithMedia => true,
        // Without media nothing is waited for: a contact that says nothing of itself counts as processing as long as it has none.
        FoundState::Processing | FoundState::WithoutMedia | FoundState::Unclear => {
            stage.media == LegMedia::None
        }
    };
    if !whole {
        work.contact.stage = Stage::Processing(stage.clone());
        return overdue_or_later(work, &stage, now, rules);
    }
    let sent = stage
        .attempt
        .map(|attempt| attempt.sending.duration_ms)
        // Of a contact that Calabrio showed no more nobody knows any more how long it was, where it never told.
        .filter(|sent| *sent > 0 && matches!(stage.media, LegMedia::Recordings { .. }));
    if let (Some(sent), Some(read)) = (sent, contact.duration_ms)
        && sent.abs_diff(read) > READ_BACK_TOLERANCE_MS
    {
        let ccr = contact.ccr;
        work.contact.stage = Stage::Processing(stage);
        return park(work, ParkReason::ReadBackDiffers { ccr }, now);
    }
    let provisional = stage.capture.provisional;
    work.contact.stage = Stage::Complete(stage.complete(contact.duration_ms, now));
    if provisional {
        Effect::Rest(after(now, rules.timing.recording_interval))
    } else {
        Effect::End
    }
}

fn overdue_or_later(
    work: &mut Work,
    stage: &Processing,
    now: DateTime<Utc>,
    rules: &Rules,
) -> Effect {
    let overdue_at = after(stage.at, rules.timing.processing_wait);
    if now >= overdue_at {
        return park(
            work,
            ParkReason::ProcessingOverdue {
                ccr: Some(stage.ccr),
            },
            now,
        );
    }
    Effect::Rest(after(now, rules.timing.processing_interval).min(overdue_at))
}

/// A contact that was built before its task ended: attributes that changed since are written to it.
pub(super) fn complete(work: &mut Work, now: DateTime<Utc>, rules: &Rules) -> Effect {
    let Stage::Complete(stage) = work.contact.stage.clone() else {
        return Effect::End;
    };
    if !stage.capture.provisional {
        return Effect::End;
    }
    let story = match read_story(work) {
        Ok(Some(story)) => story,
        Ok(None) => return give_up_refreshing(work),
        Err(question) => return Effect::Ask(question),
    };
    let (mut leg, mut details) = (work.contact.leg.clone(), work.details.clone());
    match capture::capture(&mut leg, &mut details, &story, now, rules) {
        capture::Captured::Now(capture)
            if capture.attributes_version > stage.capture.attributes_version =>
        {
            work.contact.leg = leg;
            work.details = details;
            Effect::UpdateMetadata(stage.ccr)
        }
        capture::Captured::Now(capture) => later(work, capture, now, rules),
        capture::Captured::Wait(until) => Effect::Rest(until),
        capture::Captured::Park(_) => give_up_refreshing(work),
    }
}

/// The metadata was written: what is delivered is what is captured.
pub(super) fn refreshed(work: &mut Work, now: DateTime<Utc>, rules: &Rules) -> Effect {
    let settled = match read_story(work) {
        Ok(Some(story)) => story
            .ended
            .is_some_and(|ended| now >= after(ended, rules.timing.capture_delay)),
        _ => false,
    };
    let capture = Capture {
        attributes_version: work.details.attributes_version,
        provisional: !settled,
    };
    later(work, capture, now, rules)
}

fn later(work: &mut Work, capture: Capture, now: DateTime<Utc>, rules: &Rules) -> Effect {
    let Stage::Complete(stage) = work.contact.stage.clone() else {
        return Effect::End;
    };
    work.contact.stage = Stage::Complete(stage.refreshed(capture));
    if capture.provisional {
        Effect::Rest(after(now, rules.timing.capture_wait))
    } else {
        Effect::End
    }
}

/// The contact stays as it is, and is asked for no more.
pub(super) fn give_up_refreshing(work: &mut Work) -> Effect {
    if let Stage::Complete(stage) = work.contact.stage.clone() {
        let capture = Capture {
            provisional: false,
            ..stage.capture
        };
        work.contact.stage = Stage::Complete(stage.refreshed(capture));
    }
    Effect::End
}
