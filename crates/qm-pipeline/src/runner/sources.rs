//! Deleting source recordings at Twilio, once nothing depends on them any more. What is decided, [`deletion`](crate::policy::deletion)
//! decides; here its facts are gathered, afresh for each recording, and its decisions carried out.

mod listing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector_config::DeleteSource;
use contact_model::{AcdKey, Contact, LegId};
use sync_ledger::{DeletionRow, Ledger, LedgerError, Verdict};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use twilio_client::{Deletion, Recording, RecordingStatus, TwilioError};

use self::listing::Unlisted;
use super::acd::AcdRuntime;
use super::ask::facts;
use super::schedule::LEDGER_PAUSE;
use super::{Core, Step};
use crate::policy::confirmed::read_back_confirmed;
use crate::policy::deletion::{
    Judgement, LegFacts, Obstacle, SourceFacts, judge, look_again, obstacle_of_leg, standing,
    try_again,
};
use crate::policy::{RecordingFacts, RecordingState, span};

/// How many recordings are looked at before the ledger is asked again.
const AT_ONCE: u32 = 50;

/// How often the ledger is asked where it had no more.
const LOOK: Duration = Duration::from_secs(1);

/// Begins to delete for the ACDs that want it.
pub(super) fn begin<L: Ledger>(
    core: &Arc<Core<L>>,
    acds: &[Arc<AcdRuntime>],
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) {
    let wants = |acd: &&Arc<AcdRuntime>| acd.config.delete_source == DeleteSource::AfterComplete;
    for acd in acds.iter().filter(wants) {
        tasks.spawn(serve(Arc::clone(core), Arc::clone(acd), stop.clone()));
    }
}

/// Deletes what may be deleted, until it is told to stop.
async fn serve<L: Ledger>(core: Arc<Core<L>>, acd: Arc<AcdRuntime>, stop: CancellationToken) {
    loop {
        // Cut off amid a deletion, that one is looked at again after the next start: what was asked for is written down.
        let pause = tokio::select! {
            () = stop.cancelled() => return,
            pause = round(&core, &acd) => pause,
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Looks at what wants to be looked at; gives how long to wait before the next round.
async fn round<L: Ledger>(core: &Core<L>, acd: &AcdRuntime) -> Duration {
    let now = core.now();
    let complete_by = now
        .checked_sub_signed(span(acd.config.delete_source_min_age))
        .unwrap_or(DateTime::<Utc>::MIN_UTC);
    let waiting = core
        .ledger
        .deletion_candidates(&acd.key, complete_by, now, AT_ONCE);
    let candidates = match waiting.await {
        Ok(candidates) => candidates,
        Err(error) => {
            tracing::error!(acd = %acd.config.name, %error, "the recordings that may be deleted cannot be read");
            return LEDGER_PAUSE;
        }
    };
    for row in &candidates {
        match look(core, acd, row).await {
            Ok(Looked::Answered) => {}
            Ok(Looked::Unanswered) => return acd.rules.timing.recording_interval,
            // It must not stand in the way of the others.
            Err(error @ LedgerError::Unreadable { .. }) => {
                tracing::error!(recording = %row.recording, %error, "a leg of a recording cannot be read; the recording stays");
                let source = Source { core, acd, row };
                if source.blocked(Obstacle::RowUnreadable).await.is_err() {
                    return LEDGER_PAUSE;
                }
            }
            Err(error) => {
                tracing::error!(recording = %row.recording, %error, "the deletion of a recording cannot be written down");
                return LEDGER_PAUSE;
            }
        }
    }
    if candidates.is_empty() {
        LOOK
    } else {
        Duration::ZERO
    }
}

enum Looked {
    Answered,
    /// Twilio did not answer; it will not answer for the next one either.
    Unanswered,
}

/// Looks at one recording, and deletes it if nothing stands in the way.
async fn look<L: Ledger>(
    core: &Core<L>,
    acd: &AcdRuntime,
    row: &DeletionRow,
) -> Result<Looked, LedgerError> {
    let source = Source { core, acd, row };
    if !source.is_confirmed().await? {
        source.blocked(Obstacle::NotConfirmed).await?;
        return Ok(Looked::Answered);
    }
    let asked = acd
        .twilio
        .recordings()
        .get_even_deleted(row.recording)
        .await;
    let recording = match asked {
        Ok(recording) => recording,
        // Twilio keeps what it knows of a deleted recording for 40 days.
        Err(error) if error.is_not_found() => {
            source.gone().await?;
            return Ok(Looked::Answered);
        }
        Err(error) => return source.unanswered(&error).await,
    };
    let known = facts(&recording);
    let mut seen = SourceFacts {
        confirmed: true,
        recording: known.state,
        legs: source.known_legs(&known).await?,
        // Until it is asked for: where something else stands in the way, it need not be.
        listed: Err(Obstacle::NotListed),
    };
    let settled = known.state == RecordingState::Stored
        && seen.legs.iter().all(|leg| obstacle_of_leg(leg).is_none());
    if settled {
        seen.listed = match source.list(&recording, &known).await? {
            Ok(listed) => Ok(listed),
            Err(Unlisted::Obstacle(obstacle)) => Err(obstacle),
            Err(Unlisted::Twilio(error)) => return source.unanswered(&error).await,
        };
        if let Ok(listed) = &seen.listed {
            seen.legs = source.legs(listed, &known).await?;
        }
    }
    match judge(&seen) {
        Judgement::Gone => source.gone().await?,
        Judgement::Blocked(obstacle) => source.blocked(obstacle).await?,
        Judgement::Delete => return source.delete(&recording, &known, seen).await,
    }
    Ok(Looked::Answered)
}

/// One recording while it is looked at.
struct Source<'a, L> {
    core: &'a Core<L>,
    acd: &'a AcdRuntime,
    row: &'a DeletionRow,
}

impl<L: Ledger> Source<'_, L> {
    async fn is_confirmed(&self) -> Result<bool, LedgerError> {
        let facts = self.core.ledger.confirmed(&self.acd.key).await?;
        Ok(read_back_confirmed(&facts))
    }

    async fn record(&self, verdict: Verdict) -> Result<(), LedgerError> {
        let ledger = &self.core.ledger;
        ledger
            .record_deletion(&self.acd.key, self.row.recording, &verdict, self.core.now())
            .await
    }

    async fn gone(&self) -> Result<(), LedgerError> {
        tracing::info!(recording = %self.row.recording, acd = %self.acd.config.name, "a source recording was gone already");
        self.record(Verdict::Deleted).await
    }

    /// It stays; it is looked at again after a pause that grows for as long as the same stands in the way.
    async fn blocked(&self, obstacle: Obstacle) -> Result<(), LedgerError> {
        let (now, reason) = (self.core.now(), obstacle.as_str());
        let same = self.row.reason.as_deref() == Some(reason);
        let blocked_for = if same {
            now - self.row.changed_at
        } else {
            tracing::info!(recording = %self.row.recording, acd = %self.acd.config.name, reason, advice = obstacle.advice(), "a source recording is not deleted");
            TimeDelta::zero()
        };
        let next = now + look_again(blocked_for, self.shortest_pause());
        self.record(Verdict::Blocked {
            reason: reason.to_owned(),
            next,
        })
        .await
    }

    async fn unanswered(&self, error: &TwilioError) -> Result<Looked, LedgerError> {
        tracing::warn!(recording = %self.row.recording, acd = %self.acd.config.name, %error, "Twilio does not tell whose a source recording is; it is not deleted");
        self.blocked(Obstacle::NotListed).await?;
        Ok(Looked::Unanswered)
    }

    fn shortest_pause(&self) -> Duration {
        self.acd.rules.timing.recording_interval
    }

    /// The legs that the ledger has for the recording, of whichever ACD.
    async fn known_legs(&self, recording: &RecordingFacts) -> Result<Vec<LegFacts>, LedgerError> {
        let legs = &self.core.ledger.legs_of_recording(recording.sid).await?;
        let mut facts = Vec::with_capacity(legs.len());
        for (acd, leg) in legs {
            let contact = self.contact(acd, *leg).await?;
            facts.push(self.leg(acd, *leg, contact.as_ref(), recording).await?);
        }
        Ok(facts)
    }

    /// The same, and those that were listed: in this ACD, and in every other that the same workspace feeds.
    async fn legs(
        &self,
        listed: &BTreeSet<LegId>,
        recording: &RecordingFacts,
    ) -> Result<Vec<LegFacts>, LedgerError> {
        let ours = &self.acd.key;
        let mut facts = self.known_legs(recording).await?;
        for leg in listed {
            let contact = self.contact(ours, *leg).await?;
            facts.push(self.leg(ours, *leg, contact.as_ref(), recording).await?);
        }
        let acds = self.core.ledger.acds().await?;
        let shares = |key: &AcdKey| {
            key != ours && key.account == ours.account && key.workspace == ours.workspace
        };
        for key in acds.iter().map(|row| &row.key).filter(|key| shares(key)) {
            for leg in listed {
                let contact = self.contact(key, *leg).await?;
                // One that was given up before need not know every leg.
                if contact.is_some() || self.core.names.is_configured(key) {
                    facts.push(self.leg(key, *leg, contact.as_ref(), recording).await?);
                }
            }
        }
        Ok(facts)
    }

    async fn contact(&self, acd: &AcdKey, leg: LegId) -> Result<Option<Contact>, LedgerError> {
        let record = self.core.ledger.get(acd, leg).await?;
        Ok(record.map(|record| record.row.contact))
    }

    async fn leg(
        &self,
        acd: &AcdKey,
        leg: LegId,
        contact: Option<&Contact>,
        recording: &RecordingFacts,
    ) -> Result<LegFacts, LedgerError> {
        Ok(LegFacts {
            leg,
            standing: standing(contact, recording),
            undelivered: self.core.ledger.undelivered_of_leg(acd, leg).await?,
        })
    }

    /// The accepted reservations of every task that the recording is linked to, as Twilio tells them now.
    async fn list(
        &self,
        recording: &Recording,
        known: &RecordingFacts,
    ) -> Result<Result<BTreeSet<LegId>, Unlisted>, LedgerError> {
        let mut seeds = BTreeSet::new();
        for (acd, leg) in self.core.ledger.legs_of_recording(recording.sid).await? {
            if acd.account == self.acd.key.account
                && acd.workspace == self.acd.key.workspace
                && let Some(contact) = self.contact(&acd, leg).await?
            {
                seeds.insert(contact.leg.task);
            }
        }
        Ok(self.ask(recording, known, seeds).await)
    }

    /// Writes down that it is about to be deleted, looks at the ledger once more, and deletes it.
    async fn delete(
        &self,
        recording: &Recording,
        known: &RecordingFacts,
        mut seen: SourceFacts,
    ) -> Result<Looked, LedgerError> {
        let (sid, name) = (recording.sid, &self.acd.config.name);
        let next = self.core.now() + try_again(self.row.attempts, self.shortest_pause());
        self.record(Verdict::Requested { next }).await?;
        // A contact may have been taken up again meanwhile; from here on none is.
        let _nothing_is_taken_up = self.core.sources.lock().await;
        if let Ok(listed) = &seen.listed {
            seen.legs = self.legs(listed, known).await?;
        }
        if let Judgement::Blocked(obstacle) = judge(&seen) {
            self.blocked(obstacle).await?;
            return Ok(Looked::Answered);
        }
        self.core.witness.before(Step::DeleteSource, None);
        let deleted = self.delete_for_certain(recording).await;
        let worked = matches!(deleted, Ok(true));
        self.core.witness.after(Step::DeleteSource, None, worked);
        let (reason, unanswered) = match &deleted {
            Ok(true) => {
                tracing::info!(recording = %sid, acd = %name, legs = seen.legs.len(), "a source recording was deleted");
                self.record(Verdict::Deleted).await?;
                return Ok(Looked::Answered);
            }
            Ok(false) => ("still-there", false),
            Err(error) => (refused(error), error.is_passing() && !is_about_it(error)),
        };
        let error = deleted.err().map(|error| error.to_string());
        tracing::warn!(recording = %sid, acd = %name, error, reason, "a source recording could not be deleted and is tried again");
        let next = self.core.now() + try_again(self.row.attempts + 1, self.shortest_pause());
        self.record(Verdict::Failed {
            reason: reason.to_owned(),
            next: Some(next),
        })
        .await?;
        Ok(if unanswered {
            Looked::Unanswered
        } else {
            Looked::Answered
        })
    }

    /// Deletes the recording, and sees whether it is gone: an answer that merely says so may be that of something in between.
    async fn delete_for_certain(&self, recording: &Recording) -> Result<bool, TwilioError> {
        let recordings = self.acd.twilio.recordings();
        let deletion = recordings
            .delete_below(recording.account, recording.sid)
            .await?;
        if deletion != Deletion::Deleted {
            return Ok(true);
        }
        match recordings.get_even_deleted(recording.sid).await {
            Ok(found) => Ok(found.status == RecordingStatus::Deleted),
            Err(error) if error.is_not_found() => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Whether an error says something of this recording alone.
fn is_about_it(error: &TwilioError) -> bool {
    matches!(error, TwilioError::NotDeletable(_))
}

/// Why a deletion failed, in a word.
fn refused(error: &TwilioError) -> &'static str {
    match error {
        TwilioError::NotDeletable(_) => "not-complete",
        TwilioError::Authentication(_) => "credentials-refused",
        TwilioError::NotFound(_) => "contradictory",
        TwilioError::DeletionNotConfirmed { .. } => "not-confirmed",
        error if error.is_refusal() => "refused",
        _ => "not-answered",
    }
}
