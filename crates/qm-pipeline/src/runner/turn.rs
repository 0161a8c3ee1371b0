//! One contact's turn: the policy says what to do, the turn does it, and tells the policy what became of it, until the
//! contact rests.

use std::sync::Arc;

use calabrio_client::{CalabrioError, ImportOutcome};
use chrono::{DateTime, Utc};
use contact_model::{CcrId, Delivered, Details, Discovered, LegId, LegMedia, Stage, StageName};
use sync_ledger::{ContactRecord, DetailsChange, Ledger, LedgerError, Schedule, StoredDetails};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

use super::acd::AcdRuntime;
use super::finder::SearchFailed;
use super::room::TakenRoom;
use super::siblings::{colleagues, hold_seen, occupants};
use super::tell::tell;
use super::transfer::{Prepared, prepare};
use super::{Core, Step, ask, conversations, document};
use crate::policy::{Answer, Effect, Event, Question, Sent, Trouble, Work, decide};

/// How a turn ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The contact rests, or is at its end. These are the stages that it came to.
    Rested(Vec<StageName>),
    /// Somebody else changed it meanwhile: the next turn reads it again.
    Overtaken,
    /// Another leg of its conversation has claimed some of its messages meanwhile: the next turn divides them again.
    Clashed,
    /// The ledger could not be written.
    Ledger(LedgerError),
}

/// Gives a contact its turn.
pub(crate) async fn turn<L: Ledger>(
    core: Arc<Core<L>>,
    acd: Arc<AcdRuntime>,
    record: ContactRecord,
) -> Ended {
    let span = tracing::info_span!("turn", leg = %record.row.leg(), acd = %acd.config.name);
    match Turn::new(&core, &acd, record).run().instrument(span).await {
        Ok(reached) => Ended::Rested(reached),
        Err(LedgerError::Conflict { .. } | LedgerError::Forgotten { .. }) => Ended::Overtaken,
        Err(LedgerError::TranscriptClaimed { .. }) => Ended::Clashed,
        Err(error) => Ended::Ledger(error),
    }
}

struct Turn<'a, L> {
    core: &'a Core<L>,
    acd: &'a AcdRuntime,
    work: Work,
    version: u64,
    stored: Option<Details>,
    prepared: Option<Prepared>,
    note: Option<String>,
    reached: StageName,
    came_to: Vec<StageName>,
    upload_slot: Option<OwnedSemaphorePermit>,
    room: Option<TakenRoom>,
}

impl<'a, L: Ledger> Turn<'a, L> {
    fn new(core: &'a Core<L>, acd: &'a AcdRuntime, record: ContactRecord) -> Self {
        let mut unread = false;
        let stored = match record.details {
            StoredDetails::Present(details) => Some(details),
            StoredDetails::Unreadable(fault) => {
                tracing::error!(leg = %record.row.leg(), %fault, "a contact's details cannot be read: they are captured anew where nothing was sent yet");
                unread = true;
                None
            }
            _ => None,
        };
        let mut contact = record.row.contact;
        let reached = contact.stage.name();
        let nothing_sent = match &contact.stage {
            Stage::Captured(_) => true,
            Stage::Linked(stage) => stage.attempt.is_none(),
            _ => false,
        };
        if unread && nothing_sent {
            let at = core.now();
            contact.stage = Stage::Discovered(Discovered { at });
        }
        let work = Work::new(
            contact,
            stored.clone().unwrap_or_default(),
            record.row.schedule.backoff,
        );
        Self {
            core,
            acd,
            work,
            version: record.row.version,
            stored,
            prepared: None,
            note: None,
            reached,
            came_to: Vec::new(),
            upload_slot: None,
            room: None,
        }
    }

    /// A place among those that transfer; `None` where the worker stops before there is one.
    async fn slot(&self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = self.core.stopping.cancelled() => None,
            slot = Arc::clone(places).acquire_owned() => slot.ok(),
        }
    }

    async fn ask(&self, question: Question, now: DateTime<Utc>) -> Result<Answer, Trouble> {
        let (leg, failures) = (&self.work.contact.leg, self.work.failures);
        match question {
            Question::Occupants(conversation) => occupants(self.core, leg, conversation)
                .await
                .map(Answer::Occupants)
                .map_err(|error| ledger_trouble(&error, question.step())),
            Question::HoldSeen(conference) => hold_seen(self.core, leg, conference)
                .await
                .map(Answer::HoldSeen)
                .map_err(|error| ledger_trouble(&error, question.step())),
            Question::Agent(worker) => self
                .acd
                .directory
                .knows(worker)
                .await
                .map(Answer::Agent)
                .map_err(|error| calabrio_trouble(&error, question.step())),
            _ => {
                let service = match question {
                    Question::Conversation(_) => self.acd.chat_service().await?,
                    _ => None,
                };
                ask::ask(&self.acd.twilio, leg, question, failures, now, service).await
            }
        }
    }

    /// Prepares the media while a slot for fetching is held, and takes one for sending.
    async fn prepare_within_slots(&mut self, leg: LegId) -> Event {
        let held = Event::Failed(Trouble::Held { waits_for: None });
        // A transcript is in memory from when it is read until it is sent.
        if self.is_text() {
            self.room = tokio::select! {
                biased;
                () = self.core.stopping.cancelled() => None,
                room = self.acd.transcripts.take() => room,
            };
            if self.room.is_none() {
                return held;
            }
        }
        let Some(slot) = self.slot(&self.acd.fetches).await else {
            self.room = None;
            return held;
        };
        self.core.witness.before(Step::Prepare, Some(leg));
        let prepared = self.prepare().await;
        drop(slot);
        self.core
            .witness
            .after(Step::Prepare, Some(leg), prepared.is_ok());
        match prepared {
            Ok(delivered) => {
                // The slot is taken before the intent is written down: what waits for it is not in doubt.
                self.upload_slot = self.slot(&self.acd.uploads).await;
                match self.upload_slot {
                    Some(_) => Event::Prepared(delivered),
                    None => held,
                }
            }
            Err(trouble) => {
                self.room = None;
                Event::Failed(trouble)
            }
        }
    }

    /// Whether what is sent is a transcript.
    fn is_text(&self) -> bool {
        let Stage::Linked(stage) = &self.work.contact.stage else {
            return false;
        };
        matches!(stage.media, LegMedia::Transcript(_))
    }

    async fn run(mut self) -> Result<Vec<StageName>, LedgerError> {
        let leg = self.work.contact.leg.id;
        let mut event = Event::Woken;
        let mut as_of = None;
        loop {
            let now = as_of.take().unwrap_or_else(|| self.core.now());
            let effect = decide(&mut self.work, event, now, &self.acd.rules);
            tracing::debug!(%leg, stage = %self.work.contact.stage.name(), ?effect, "decided");
            event = match effect {
                Effect::Ask(question) => {
                    self.core.witness.before(Step::Ask, Some(leg));
                    let answer = self.ask(question, now).await;
                    self.core
                        .witness
                        .after(Step::Ask, Some(leg), answer.is_ok());
                    match answer {
                        Ok(answer) => Event::Answered(question, answer),
                        Err(trouble) => Event::Failed(trouble),
                    }
                }
                Effect::Prepare => self.prepare_within_slots(leg).await,
                Effect::Save => {
                    self.save(Some(now), true).await?;
                    Event::Saved
                }
                Effect::Upload => {
                    self.core.witness.before(Step::Upload, Some(leg));
                    let sent = self.upload().await;
                    self.core.witness.after(
                        Step::Upload,
                        Some(leg),
                        matches!(sent, Sent::Accepted { .. }),
                    );
                    self.prepared = None;
                    self.room = None;
                    self.upload_slot = None;
                    Event::Sent(sent)
                }
                Effect::Search => {
                    self.core.witness.before(Step::Search, Some(leg));
                    let asked = self.core.now();
                    let around = document::began(&self.work.contact.leg);
                    let found = tokio::select! {
                        biased;
                        () = self.core.stopping.cancelled() => Err(SearchFailed::Stopping),
                        found = self.acd.finder.find(leg, around) => found,
                    };
                    self.core
                        .witness
                        .after(Step::Search, Some(leg), found.is_ok());
                    match found {
                        Ok(found) => {
                            // A search proves what was there when it was asked, however late it is answered.
                            as_of = Some(asked);
                            Event::Found(found)
                        }
                        Err(failed) => Event::Failed(search_trouble(&failed)),
                    }
                }
                Effect::UpdateMetadata(ccr) => {
                    self.core.witness.before(Step::UpdateMetadata, Some(leg));
                    let updated = self.update_metadata(ccr).await;
                    self.core
                        .witness
                        .after(Step::UpdateMetadata, Some(leg), updated.is_ok());
                    match updated {
                        Ok(()) => Event::MetadataUpdated,
                        Err(trouble) => Event::Failed(trouble),
                    }
                }
                Effect::Rest(until) => {
                    self.save(Some(until), false).await?;
                    return Ok(self.came_to);
                }
                Effect::End => {
                    self.save(None, false).await?;
                    return Ok(self.came_to);
                }
            };
        }
    }

    async fn save(&mut self, due_at: Option<DateTime<Utc>>, hold: bool) -> Result<(), LedgerError> {
        let contact = self.work.contact.clone();
        let (leg, stage) = (contact.leg.id, contact.stage.name());
        let now = self.core.now();
        let changed = self.stored.as_ref() != Some(&self.work.details)
            && self.work.details != Details::default();
        let change = sync_ledger::Change {
            version: self.version,
            contact,
            schedule: Schedule {
                due_at,
                attempts: 0,
                backoff: self.work.failures,
            },
            at: now,
            note: self.note.take(),
            details: if changed {
                DetailsChange::Replace(self.work.details.clone())
            } else {
                DetailsChange::Keep
            },
            keep_lease: hold,
            waits_for: self.work.waits_for.take(),
            tell: (stage != self.reached)
                .then(|| tell(self.acd, &self.work.contact, self.version))
                .flatten(),
        };
        self.core.witness.before(Step::Save, Some(leg));
        let saved = self.core.ledger.save(change).await;
        self.core
            .witness
            .after(Step::Save, Some(leg), saved.is_ok());
        self.version = saved?;
        if changed {
            self.stored = Some(self.work.details.clone());
        }
        if stage != self.reached {
            self.reached = stage;
            self.came_to.push(stage);
            if self.work.contact.stage.status().is_some() {
                self.core.told.notify_one();
            }
            self.core.witness.reached(leg, stage);
            if let Stage::Parked(parked) = &self.work.contact.stage {
                tracing::warn!(reason = %parked.reason.kind(), advice = parked.reason.advice(), "a contact was parked");
            }
        }
        Ok(())
    }

    fn media(&self) -> &LegMedia {
        match &self.work.contact.stage {
            Stage::Linked(stage) => &stage.media,
            Stage::Complete(stage) => &stage.media,
            _ => &LegMedia::None,
        }
    }

    async fn prepare(&mut self) -> Result<Delivered, Trouble> {
        let media = self.media().clone();
        let acd = self.acd;
        let prepared = match &media {
            LegMedia::None => Prepared::Nothing,
            LegMedia::Recordings { pieces, .. } => {
                prepare(pieces, &acd.twilio, &acd.keys, &self.core.spool).await?
            }
            LegMedia::Transcript(part) => {
                let leg = &self.work.contact.leg;
                let others = colleagues(self.core, leg, part.conversation)
                    .await
                    .map_err(|error| ledger_trouble(&error, "reading who else took part"))?;
                let speakers = conversations::Speakers::new(&self.work.details, &others);
                let digital = &acd.config.digital;
                let text =
                    conversations::prepare(part, leg, &speakers, &acd.twilio, digital).await?;
                if let Some(room) = &mut self.room {
                    room.shrink_to(text.bytes());
                }
                Prepared::Text(text)
            }
        };
        let delivered = prepared.delivered();
        self.prepared = Some(prepared);
        Ok(delivered)
    }

    async fn upload(&mut self) -> Sent {
        let (Some(prepared), Stage::Linked(stage)) = (&self.prepared, &self.work.contact.stage)
        else {
            return Sent::NotSent;
        };
        let Some(attempt) = stage.attempt else {
            return Sent::NotSent;
        };
        let leg = self.work.contact.leg.id;
        let contact = document::import(
            &self.work,
            &stage.media,
            &self.acd.mapping,
            attempt.sending,
            prepared,
        );
        match self.acd.calabrio.import(&contact).await {
            ImportOutcome::Accepted { ccr } => Sent::Accepted { ccr },
            ImportOutcome::Refused {
                status,
                reason,
                request_id,
            } => {
                // Where every import is forbidden, the history of each contact would only grow.
                if !matches!(status, 403..=405) {
                    self.note.clone_from(&reason);
                }
                tracing::warn!(%leg, status, ?reason, ?request_id, "Calabrio ONE refused a contact");
                Sent::Refused { status }
            }
            ImportOutcome::NotSent { cause } => {
                tracing::info!(%leg, error = %cause, "a contact was not sent");
                Sent::NotSent
            }
            ImportOutcome::InDoubt { cause } => {
                tracing::info!(%leg, error = %cause, "it is not known whether Calabrio ONE took a contact");
                Sent::InDoubt
            }
        }
    }

    async fn update_metadata(&self, ccr: CcrId) -> Result<(), Trouble> {
        let values = document::metadata(&self.work, self.media(), &self.acd.mapping);
        let updated = self.acd.calabrio.update_metadata(ccr, &values).await;
        updated.map_err(|error| calabrio_trouble(&error, "updating metadata"))
    }
}

fn calabrio_trouble(error: &CalabrioError, step: &'static str) -> Trouble {
    if error.is_authentication() || error.is_permission() {
        tracing::warn!(%error, step, "Calabrio ONE refuses the service account");
        let waits_for = if error.is_permission() {
            "Calabrio ONE to permit it: run sync-qm check, which names the permission that the service account lacks"
        } else {
            "Calabrio ONE to accept the service account: correct username and password of [acd.calabrio], then restart"
        };
        return Trouble::Held {
            waits_for: Some(waits_for),
        };
    }
    tracing::info!(%error, step, "a step failed");
    Trouble::Passing { step }
}

fn ledger_trouble(error: &LedgerError, step: &'static str) -> Trouble {
    tracing::error!(%error, step, "the ledger cannot be read");
    Trouble::Passing { step }
}

fn search_trouble(failed: &SearchFailed) -> Trouble {
    match failed {
        SearchFailed::Calabrio(error) => calabrio_trouble(error, "searching Calabrio ONE"),
        SearchFailed::Stopping => Trouble::Held { waits_for: None },
    }
}
