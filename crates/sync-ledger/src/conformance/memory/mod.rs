//! The reference: the rules of a ledger without transactions, files or SQL. Each method locks, and works on a copy of
//! everything that takes the old one's place only when nothing was refused.

mod contacts;
mod cursors;
mod deletions;
mod erasure;
mod inbox;
mod outbox;
mod retention;
mod small;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, CcrId, Contact, LegId, LegMedia, MessageRange, Stage};
use twilio_sid::{ConferenceSid, ConversationSid, RecordingSid};

use self::inbox::Event;
use self::outbox::Message;
use crate::erasure::{FORGOTTEN_BEFORE, tombstone_of};
use crate::record::{happened_at, is_finished, reason_of};
use crate::{
    AcdRow, AcdStore, Advanced, Backfill, BackfillId, ContactFilter, ContactRecord, ContactRow,
    CursorPosition, DeletionRow, DetailsChange, Endpoint, HoldNote, LedgerError, Merge, NewLeg,
    Reconciliation, RemovedAcd, Result, Schedule, StoredDetails, Tell, TenantFact, Transition,
    Wish, WishId, WishRow, floor_ms,
};

/// A ledger in memory: for tests, and what the suites are checked against. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    acds: BTreeMap<AcdKey, Acd>,
    turns: u64,
    /// The numbers given last.
    last: BTreeMap<Kind, i64>,
    contacts: BTreeMap<(AcdKey, LegId), Entry>,
    cursors: BTreeMap<(AcdKey, String), CursorPosition>,
    backfills: BTreeMap<BackfillId, Backfill>,
    wishes: BTreeMap<WishId, (WishRow, Option<DateTime<Utc>>)>,
    messages: BTreeMap<i64, Message>,
    endpoints: BTreeMap<AcdKey, Endpoint>,
    events: BTreeMap<i64, Event>,
    deletions: BTreeMap<i64, DeletionRow>,
    holds: BTreeSet<(AcdKey, HoldNote)>,
    changes: BTreeMap<(AcdKey, ConferenceSid, u64), DateTime<Utc>>,
    facts: BTreeMap<(AcdKey, u32), TenantFact>,
    reconciliations: Vec<Reconciliation>,
    /// When legs were forgotten, known or not.
    forgotten: BTreeMap<(AcdKey, LegId), DateTime<Utc>>,
}

/// What has numbers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Acd,
    Contact,
    Backfill,
    Wish,
    Message,
    Event,
    Deletion,
}

#[derive(Debug, Clone)]
struct Acd {
    name: String,
    /// The turn in which it was last served, then the order in which it was registered.
    served: (u64, i64),
}

#[derive(Debug, Clone)]
struct Entry {
    id: i64,
    happened_at: DateTime<Utc>,
    record: ContactRecord,
    history: Vec<Transition>,
    recordings: BTreeSet<RecordingSid>,
    /// With which of Calabrio's ids it was last told.
    told_ccr: Option<CcrId>,
    /// The messages of a conversation that it has claimed.
    claim: Option<(ConversationSid, MessageRange)>,
}

/// What an entry becomes.
struct Becomes {
    contact: Contact,
    schedule: Schedule,
    details: DetailsChange,
    note: Option<String>,
    at: DateTime<Utc>,
    keeps_lease: bool,
    waits_for: Option<String>,
    tell: Option<Tell>,
}

impl MemoryLedger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All or nothing.
    fn transact<T>(&self, change: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut state = self.state();
        let mut next = state.clone();
        let answer = change(&mut next)?;
        *state = next;
        Ok(answer)
    }
}

impl AcdStore for MemoryLedger {
    async fn register(&self, acd: &AcdKey, name: &str) -> Result<()> {
        let mut state = self.state();
        let id = state.number(Kind::Acd);
        let known = state.acds.entry(acd.clone()).or_insert(Acd {
            name: String::new(),
            served: (0, id),
        });
        name.clone_into(&mut known.name);
        Ok(())
    }

    async fn acds(&self) -> Result<Vec<AcdRow>> {
        let state = self.state();
        let unfinished = |acd: &AcdKey| {
            let of_acd = state.contacts.iter().filter(|((of, _), _)| of == acd);
            of_acd
                .filter(|(_, entry)| entry.record.row.finished_at.is_none())
                .count() as u64
        };
        let row = |(key, acd): (&AcdKey, &Acd)| AcdRow {
            key: key.clone(),
            name: acd.name.clone(),
            unfinished: unfinished(key),
        };
        Ok(state.acds.iter().map(row).collect())
    }

    async fn remove(&self, acd: &AcdKey, with_unfinished: bool) -> Result<RemovedAcd> {
        self.transact(|state| state.remove(acd, with_unfinished))
    }
}

impl State {
    fn number(&mut self, kind: Kind) -> i64 {
        let last = self.last.entry(kind).or_default();
        *last += 1;
        *last
    }

    fn remove(&mut self, acd: &AcdKey, with_unfinished: bool) -> Result<RemovedAcd> {
        self.demand_acd(acd)?;
        let of_acd = |of: &AcdKey| of == acd;
        let contacts = self.contacts.iter().filter(|((of, _), _)| of_acd(of));
        let (mut all, mut unfinished) = (0, 0);
        for (_, entry) in contacts {
            all += 1;
            unfinished += u64::from(entry.record.row.finished_at.is_none());
        }
        if unfinished > 0 && !with_unfinished {
            return Err(LedgerError::Unfinished {
                acd: Box::new(acd.clone()),
                contacts: unfinished,
            });
        }
        let messages = self
            .messages
            .values()
            .filter(|message| of_acd(&message.row.acd));
        let events = self.events.values();
        let removed = RemovedAcd {
            contacts: all,
            unfinished,
            messages: messages.count() as u64,
            events: events
                .filter(|event| of_acd(&event.pushed.acd) && event.settled_at.is_none())
                .count() as u64,
        };
        self.acds.remove(acd);
        self.contacts.retain(|(of, _), _| !of_acd(of));
        self.cursors.retain(|(of, _), _| !of_acd(of));
        self.backfills.retain(|_, backfill| !of_acd(&backfill.acd));
        self.wishes
            .retain(|_, (row, _)| row.wish.as_ref().and_then(Wish::acd) != Some(acd));
        self.messages.retain(|_, message| !of_acd(&message.row.acd));
        self.endpoints.remove(acd);
        self.events.retain(|_, event| !of_acd(&event.pushed.acd));
        self.deletions.retain(|_, deletion| !of_acd(&deletion.acd));
        self.holds.retain(|(of, _)| !of_acd(of));
        self.changes.retain(|(of, _, _), _| !of_acd(of));
        self.facts.retain(|(of, _), _| !of_acd(of));
        self.reconciliations.retain(|run| !of_acd(&run.acd));
        self.forgotten.retain(|(of, _), _| !of_acd(of));
        Ok(removed)
    }

    fn demand_acd(&self, acd: &AcdKey) -> Result<()> {
        if self.acds.contains_key(acd) {
            Ok(())
        } else {
            Err(LedgerError::UnknownAcd {
                acd: Box::new(acd.clone()),
            })
        }
    }

    fn backfill(&self, id: BackfillId) -> Result<&Backfill> {
        self.backfills
            .get(&id)
            .ok_or(LedgerError::UnknownBackfill { id: id.0 })
    }

    fn entry(&mut self, acd: &AcdKey, leg: LegId) -> Result<&mut Entry> {
        self.demand_acd(acd)?;
        let unknown = || LedgerError::UnknownLeg {
            acd: Box::new(acd.clone()),
            leg,
        };
        self.contacts
            .get_mut(&(acd.clone(), leg))
            .ok_or_else(unknown)
    }

    fn at_version(&mut self, acd: &AcdKey, leg: LegId, expected: u64) -> Result<&mut Entry> {
        let entry = self.entry(acd, leg)?;
        let found = entry.record.row.version;
        if found == expected {
            Ok(entry)
        } else {
            Err(LedgerError::Conflict {
                leg,
                expected,
                found,
            })
        }
    }

    fn lease(
        &mut self,
        acd: &AcdKey,
        leg: LegId,
        version: u64,
        until: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let row = &mut self.at_version(acd, leg, version)?.record.row;
        if row.lease_until.is_none() {
            return Err(LedgerError::Conflict {
                leg,
                expected: version,
                found: version,
            });
        }
        row.lease_until = until;
        Ok(())
    }

    /// Makes a contact what it is to become, with everything that hangs on it.
    fn apply(&mut self, acd: &AcdKey, leg: LegId, becomes: Becomes) -> Result<()> {
        demand_due(&becomes.contact, becomes.schedule)?;
        let (stage, at, tell) = (
            becomes.contact.stage.clone(),
            becomes.at,
            becomes.tell.clone(),
        );
        self.entry(acd, leg)?.apply(becomes);
        self.follow_media(acd, leg, &stage, at)?;
        let entry = self.entry(acd, leg)?;
        let told = (entry.record.row.told, entry.told_ccr);
        if let Some(tell) = tell.filter(|tell| told != (Some(tell.status), tell.ccr)) {
            (entry.record.row.told, entry.told_ccr) = (Some(tell.status), tell.ccr);
            self.put_message(acd, leg, tell, at);
        }
        Ok(())
    }

    /// What hangs on the media of a contact.
    fn follow_media(
        &mut self,
        acd: &AcdKey,
        leg: LegId,
        stage: &Stage,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let part = stage.media().and_then(LegMedia::transcript);
        let wanted = part.map(|part| (part.conversation, part.range));
        if let Some((conversation, range)) = wanted {
            let clashes = |entry: &Entry| {
                entry
                    .claim
                    .is_some_and(|(of, taken)| of == conversation && taken.overlaps(range))
            };
            let other = self
                .contacts
                .iter()
                .find(|((of, other), entry)| of == acd && *other != leg && clashes(entry));
            if let Some(((_, other), _)) = other {
                return Err(LedgerError::TranscriptClaimed {
                    leg,
                    other: *other,
                    conversation,
                });
            }
        }
        self.entry(acd, leg)?.claim = wanted;
        self.offer_sources(acd, stage, at);
        Ok(())
    }

    fn write_down(
        &mut self,
        acd: &AcdKey,
        legs: &[NewLeg],
        at: DateTime<Utc>,
        merge: Merge<'_>,
    ) -> Result<Advanced> {
        let mut advanced = Advanced::default();
        let mut known = BTreeSet::new();
        for new in legs {
            let leg = new.contact.leg.id;
            demand_same(acd, leg, &new.contact)?;
            let Some(entry) = self.contacts.get(&(acd.clone(), leg)) else {
                let key = (acd.clone(), leg);
                if let Some(forgotten) = self.forgotten.get(&key).copied() {
                    let id = self.number(Kind::Contact);
                    let mut entry = Entry::new(id, &tombstone_of(new, at), at);
                    entry.record.row.forgotten_at = Some(forgotten);
                    entry.history[0].note = Some(FORGOTTEN_BEFORE.to_owned());
                    self.contacts.insert(key, entry);
                    known.insert(leg);
                    continue;
                }
                demand_due(&new.contact, new.schedule)?;
                let id = self.number(Kind::Contact);
                self.contacts.insert(key, Entry::new(id, new, at));
                self.follow_media(acd, leg, &new.contact.stage, at)?;
                advanced.new.push(leg);
                continue;
            };
            known.insert(leg);
            if entry.record.row.forgotten_at.is_some() {
                continue;
            }
            let Some(update) = merge(&entry.record, new) else {
                continue;
            };
            demand_same(acd, leg, &update.contact)?;
            let becomes = Becomes {
                contact: update.contact,
                schedule: update.schedule,
                details: update.details,
                note: update.note,
                at,
                keeps_lease: true,
                waits_for: None,
                tell: update.tell,
            };
            self.apply(acd, leg, becomes)?;
            advanced.updated += 1;
        }
        advanced.known = known
            .iter()
            .filter(|leg| !advanced.new.contains(leg))
            .count() as u64;
        Ok(advanced)
    }
}

impl Entry {
    fn new(id: i64, new: &NewLeg, at: DateTime<Utc>) -> Self {
        let stage = &new.contact.stage;
        let row = ContactRow {
            contact: new.contact.clone(),
            version: 1,
            schedule: floored(new.schedule),
            lease_until: None,
            discovered_at: at,
            stage_since: at,
            finished_at: is_finished(stage.name()).then_some(at),
            waits_for: None,
            told: None,
            forgotten_at: None,
        };
        let details = new
            .details
            .clone()
            .map_or(StoredDetails::Absent, StoredDetails::Present);
        Self {
            id,
            happened_at: happened_at(&new.contact, at),
            history: vec![step(stage, at, None)],
            recordings: stage.recordings().into_iter().collect(),
            told_ccr: None,
            claim: None,
            record: ContactRecord { row, details },
        }
    }

    fn contact(&self) -> &Contact {
        &self.record.row.contact
    }

    fn is_due(&self, now: DateTime<Utc>) -> bool {
        let row = &self.record.row;
        row.schedule.due_at.is_some_and(|due| due <= now)
            && row.lease_until.is_none_or(|lease| lease <= now)
    }

    fn apply(&mut self, becomes: Becomes) {
        let (stage, at) = (&becomes.contact.stage, becomes.at);
        let before = self.contact().stage.clone();
        let moved = (before.name(), reason_of(&before)) != (stage.name(), reason_of(stage));
        if moved || becomes.note.is_some() {
            self.history.push(step(stage, at, becomes.note));
        }
        self.recordings.extend(stage.recordings());
        if becomes.contact.leg.times != contact_model::LegTimes::default() {
            self.happened_at = happened_at(&becomes.contact, at);
        }
        let row = &mut self.record.row;
        if moved {
            row.stage_since = at;
        }
        row.finished_at = is_finished(stage.name()).then(|| row.finished_at.unwrap_or(at));
        row.version += 1;
        row.schedule = floored(becomes.schedule);
        row.lease_until = row.lease_until.filter(|_| becomes.keeps_lease);
        row.contact = becomes.contact;
        row.waits_for = becomes.waits_for;
        self.record.details = match becomes.details {
            DetailsChange::Replace(details) => StoredDetails::Present(details),
            DetailsChange::Drop if self.record.details.present().is_some() => {
                StoredDetails::Dropped { at }
            }
            DetailsChange::Keep | DetailsChange::Drop => return,
        };
    }

    fn matches(&self, filter: &ContactFilter) -> bool {
        let (row, contact) = (&self.record.row, self.contact());
        let stage = contact.stage.name();
        let kind = match &contact.stage {
            Stage::Parked(parked) => Some(parked.reason.kind()),
            _ => None,
        };
        filter.acd.as_ref().is_none_or(|acd| acd == row.acd())
            && (filter.stages.is_empty() || filter.stages.contains(&stage))
            && (filter.park_kinds.is_empty()
                || kind.is_some_and(|kind| filter.park_kinds.contains(&kind)))
            && (filter.reasons.is_empty()
                || reason_of(&contact.stage).is_some_and(|reason| filter.reasons.contains(&reason)))
            && filter
                .worker
                .is_none_or(|worker| worker == contact.leg.worker)
            && filter
                .session
                .as_ref()
                .is_none_or(|session| *session == contact.leg.session_id())
            && filter
                .from
                .is_none_or(|from| self.happened_at >= floor_ms(from))
            && filter.to.is_none_or(|to| self.happened_at < floor_ms(to))
    }
}

fn step(stage: &Stage, at: DateTime<Utc>, note: Option<String>) -> Transition {
    Transition {
        stage: stage.name(),
        reason: reason_of(stage),
        at,
        note,
    }
}

fn floored(schedule: Schedule) -> Schedule {
    Schedule {
        due_at: schedule.due_at.map(floor_ms),
        ..schedule
    }
}

fn demand_same(acd: &AcdKey, leg: LegId, contact: &Contact) -> Result<()> {
    let found = &contact.leg;
    if found.acd == *acd && found.id == leg {
        return Ok(());
    }
    Err(LedgerError::ForeignLeg {
        leg: found.id,
        expected: Box::new(acd.clone()),
        found: Box::new(found.acd.clone()),
    })
}

fn demand_due(contact: &Contact, schedule: Schedule) -> Result<()> {
    let stage = contact.stage.name();
    if stage.is_final() || schedule.due_at.is_some() {
        return Ok(());
    }
    Err(LedgerError::NeverDue {
        leg: contact.leg.id,
        stage,
    })
}
