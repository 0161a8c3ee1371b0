//! The reference: the rules of a ledger without transactions, files or SQL. Each method locks, and checks everything
//! before it changes anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, Contact, LegId, SessionId, Stage};
use twilio_sid::RecordingSid;

use crate::record::{happened_at, is_finished, reason_of};
use crate::{
    AcdRow, AcdStore, Advance, Advanced, Backfill, BackfillId, BackfillState, Change, Claimed,
    ClaimedWish, ContactFilter, ContactRecord, ContactRow, ContactStore, CursorId, CursorPosition,
    CursorStore, DetailsChange, LedgerError, Merge, NewLeg, Outcome, Page, PageMark, PageRequest,
    Pruned, Result, Retention, RetentionStore, Schedule, StageCount, StoredDetails, Transition,
    Wish, WishId, WishRow, WishState, WishStore, floor_ms,
};

/// A ledger in memory: for tests, and what the suites are checked against. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    acds: BTreeMap<AcdKey, Acd>,
    turns: u64,
    /// The numbers given last: to ACDs, contacts, backfills and wishes.
    last: [i64; 4],
    contacts: BTreeMap<(AcdKey, LegId), Entry>,
    cursors: BTreeMap<(AcdKey, String), CursorPosition>,
    backfills: BTreeMap<BackfillId, Backfill>,
    wishes: BTreeMap<WishId, (WishRow, Option<DateTime<Utc>>)>,
}

/// What has numbers of its own.
#[derive(Clone, Copy)]
enum Kind {
    Acd,
    Contact,
    Backfill,
    Wish,
}

#[derive(Debug)]
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
}

/// What an entry becomes.
struct Becomes {
    contact: Contact,
    schedule: Schedule,
    details: DetailsChange,
    note: Option<String>,
    at: DateTime<Utc>,
    keeps_lease: bool,
}

impl MemoryLedger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
}

impl ContactStore for MemoryLedger {
    async fn get(&self, acd: &AcdKey, leg: LegId) -> Result<Option<ContactRecord>> {
        Ok(self
            .state()
            .contacts
            .get(&(acd.clone(), leg))
            .map(|entry| entry.record.clone()))
    }

    async fn save(&self, change: Change) -> Result<u64> {
        let mut state = self.state();
        let (acd, leg) = (change.contact.leg.acd.clone(), change.contact.leg.id);
        let found = state
            .at_version(&acd, leg, change.version)?
            .record
            .row
            .version;
        let becomes = Becomes {
            contact: change.contact,
            schedule: change.schedule,
            details: change.details,
            note: change.note,
            at: floor_ms(change.at),
            keeps_lease: change.keep_lease,
        };
        demand_due(&becomes.contact, becomes.schedule)?;
        state.entry(&acd, leg)?.apply(becomes);
        Ok(found + 1)
    }

    async fn claim_due(
        &self,
        acd: Option<&AcdKey>,
        now: DateTime<Utc>,
        limit: u32,
        lease_until: DateTime<Utc>,
    ) -> Result<Claimed> {
        let mut state = self.state();
        if let Some(acd) = acd {
            state.demand_acd(acd)?;
        }
        let mut acds: Vec<_> = state
            .acds
            .iter()
            .filter(|(key, _)| acd.is_none_or(|acd| acd == *key))
            .collect();
        acds.sort_by_key(|(_, acd)| acd.served);
        let due_of = |acd: &AcdKey| {
            let mut due: Vec<_> = state
                .contacts
                .iter()
                .filter(|((of, _), entry)| of == acd && entry.is_due(floor_ms(now)))
                .map(|(key, entry)| (entry.record.row.schedule.due_at, entry.id, key.clone()))
                .collect();
            due.sort();
            due.into_iter().map(|(_, _, key)| key)
        };
        let mut due: Vec<_> = acds
            .into_iter()
            .map(|(key, _)| due_of(key))
            .collect::<Vec<_>>();
        let mut claimed = Claimed::default();
        loop {
            let before = claimed.contacts.len();
            for of_acd in &mut due {
                if claimed.contacts.len() >= limit as usize {
                    return Ok(claimed);
                }
                let Some((acd, leg)) = of_acd.next() else {
                    continue;
                };
                state.turns += 1;
                let turn = state.turns;
                if let Some(acd) = state.acds.get_mut(&acd) {
                    acd.served.0 = turn;
                }
                let record = &mut state.entry(&acd, leg)?.record;
                record.row.lease_until = Some(floor_ms(lease_until));
                record.row.version += 1;
                claimed.contacts.push(record.clone());
            }
            if claimed.contacts.len() == before {
                return Ok(claimed);
            }
        }
    }

    async fn extend_lease(
        &self,
        acd: &AcdKey,
        leg: LegId,
        version: u64,
        lease_until: DateTime<Utc>,
    ) -> Result<()> {
        self.state()
            .lease(acd, leg, version, Some(floor_ms(lease_until)))
    }

    async fn release(&self, acd: &AcdKey, leg: LegId, version: u64) -> Result<()> {
        self.state().lease(acd, leg, version, None)
    }

    async fn release_all(&self) -> Result<u64> {
        let mut state = self.state();
        let mut contacts = 0;
        for entry in state.contacts.values_mut() {
            let row = &mut entry.record.row;
            if row.lease_until.take().is_some() {
                row.version += 1;
                contacts += 1;
            }
        }
        for (row, lease) in state.wishes.values_mut() {
            if row.state == WishState::Claimed {
                (row.state, *lease) = (WishState::Waiting, None);
            }
        }
        Ok(contacts)
    }

    async fn next_due(&self, acd: Option<&AcdKey>) -> Result<Option<DateTime<Utc>>> {
        let state = self.state();
        let of_acd = state
            .contacts
            .iter()
            .filter(|((of, _), _)| acd.is_none_or(|acd| acd == of));
        Ok(of_acd
            .filter_map(|(_, entry)| {
                let row = &entry.record.row;
                row.schedule
                    .due_at
                    .map(|due| row.lease_until.map_or(due, |lease| lease.max(due)))
            })
            .min())
    }

    async fn list(&self, filter: &ContactFilter, page: &PageRequest) -> Result<Page> {
        let state = self.state();
        let mut matching: Vec<_> = state
            .contacts
            .values()
            .filter(|entry| entry.matches(filter))
            .collect();
        matching.sort_by_key(|entry| std::cmp::Reverse((entry.happened_at, entry.id)));
        let mark = |entry: &Entry| PageMark {
            happened_at: entry.happened_at.timestamp_millis(),
            id: entry.id,
        };
        let passed = |entry: &&Entry| {
            let place = mark(entry);
            page.after
                .is_none_or(|after| (place.happened_at, place.id) < (after.happened_at, after.id))
        };
        let rest: Vec<_> = matching.into_iter().filter(passed).collect();
        let shown = rest.get(..page.rows() as usize).unwrap_or(&rest);
        Ok(Page {
            contacts: shown.iter().map(|entry| entry.record.row.clone()).collect(),
            unreadable: Vec::new(),
            next: if shown.len() < rest.len() {
                shown.last().map(|entry| mark(entry))
            } else {
                None
            },
        })
    }

    async fn counts(&self, acd: Option<&AcdKey>) -> Result<Vec<StageCount>> {
        let state = self.state();
        let mut counts = BTreeMap::new();
        let wanted = state
            .contacts
            .iter()
            .filter(|((of, _), _)| acd.is_none_or(|acd| acd == of));
        for ((of, _), entry) in wanted {
            let row = &entry.record.row;
            let key = (
                of.clone(),
                row.contact.stage.name(),
                reason_of(&row.contact.stage),
            );
            let (count, oldest) = counts.entry(key).or_insert((0, row.stage_since));
            *count += 1;
            *oldest = row.stage_since.min(*oldest);
        }
        let row = |((acd, stage, reason), (contacts, oldest))| StageCount {
            acd,
            stage,
            reason,
            contacts,
            oldest,
        };
        Ok(counts.into_iter().map(row).collect())
    }

    async fn history(&self, acd: &AcdKey, leg: LegId) -> Result<Vec<Transition>> {
        let state = self.state();
        Ok(state
            .contacts
            .get(&(acd.clone(), leg))
            .map(|entry| entry.history.clone())
            .unwrap_or_default())
    }

    async fn find_session_siblings(
        &self,
        acd: &AcdKey,
        session: &SessionId,
    ) -> Result<Vec<ContactRow>> {
        let state = self.state();
        let mut siblings: Vec<_> = state
            .contacts
            .values()
            .filter(|entry| {
                entry.record.row.acd() == acd && entry.contact().leg.session_id() == *session
            })
            .collect();
        siblings.sort_by_key(|entry| entry.id);
        Ok(siblings
            .into_iter()
            .map(|entry| entry.record.row.clone())
            .collect())
    }

    async fn legs_of_recording(&self, recording: RecordingSid) -> Result<Vec<(AcdKey, LegId)>> {
        let state = self.state();
        let mut users: Vec<_> = state
            .contacts
            .iter()
            .filter(|(_, entry)| entry.recordings.contains(&recording))
            .collect();
        users.sort_by_key(|(_, entry)| entry.id);
        Ok(users.into_iter().map(|(key, _)| key.clone()).collect())
    }
}

impl CursorStore for MemoryLedger {
    async fn cursor(&self, acd: &AcdKey, stream: &str) -> Result<Option<CursorPosition>> {
        Ok(self
            .state()
            .cursors
            .get(&(acd.clone(), stream.to_owned()))
            .copied())
    }

    async fn advance(&self, step: Advance, merge: Merge<'_>) -> Result<Advanced> {
        let step = step.floored();
        let mut state = self.state();
        let place = CursorPosition {
            position: step.to,
            moved_at: step.at,
        };
        match &step.cursor {
            CursorId::Live { acd, stream } => {
                state.demand_acd(acd)?;
                let key = (acd.clone(), stream.clone());
                let found = state.cursors.get(&key).map(|cursor| cursor.position);
                demand_place(acd, stream, step.from, found)?;
                if let Some(from) = found.filter(|from| *from > step.to) {
                    return Err(LedgerError::NotForward {
                        what: stream.clone(),
                        from,
                        to: step.to,
                    });
                }
                let advanced = state.write_down(acd, &step.legs, step.at, merge)?;
                state.cursors.insert(key, place);
                Ok(advanced)
            }
            CursorId::Backfill(id) => {
                let mut backfill = state.backfill(*id)?.clone();
                if backfill.state != BackfillState::Open {
                    return Err(LedgerError::BackfillClosed {
                        id: id.0,
                        state: backfill.state.as_str(),
                    });
                }
                demand_place(
                    &backfill.acd,
                    "a backfill",
                    step.from,
                    Some(backfill.position),
                )?;
                if step.to < backfill.position || step.to > backfill.to {
                    let what = "a backfill".to_owned();
                    return Err(LedgerError::NotForward {
                        what,
                        from: backfill.position,
                        to: step.to,
                    });
                }
                let advanced = state.write_down(&backfill.acd, &step.legs, step.at, merge)?;
                if step.to == backfill.to {
                    backfill.state = BackfillState::Done;
                }
                (backfill.position, backfill.moved_at) = (step.to, step.at);
                backfill.legs_new += advanced.new.len() as u64;
                backfill.legs_known += advanced.known;
                state.backfills.insert(*id, backfill);
                Ok(advanced)
            }
        }
    }

    async fn begin_backfill(
        &self,
        acd: &AcdKey,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Backfill> {
        let (from, to, now) = (floor_ms(from), floor_ms(to), floor_ms(now));
        if from >= to {
            return Err(LedgerError::NotForward {
                what: "a backfill".to_owned(),
                from,
                to,
            });
        }
        let mut state = self.state();
        state.demand_acd(acd)?;
        let open = |backfill: &&Backfill| {
            backfill.state == BackfillState::Open
                && (&backfill.acd, backfill.from, backfill.to) == (acd, from, to)
        };
        if let Some(backfill) = state.backfills.values().find(open) {
            return Ok(backfill.clone());
        }
        let id = BackfillId(state.number(Kind::Backfill));
        let backfill = Backfill {
            id,
            acd: acd.clone(),
            from,
            to,
            position: from,
            state: BackfillState::Open,
            legs_new: 0,
            legs_known: 0,
            created_at: now,
            moved_at: now,
        };
        state.backfills.insert(id, backfill.clone());
        Ok(backfill)
    }

    async fn backfill(&self, id: BackfillId) -> Result<Option<Backfill>> {
        Ok(self.state().backfills.get(&id).cloned())
    }

    async fn backfills(&self, only_open: bool) -> Result<Vec<Backfill>> {
        let state = self.state();
        let wanted = state
            .backfills
            .values()
            .filter(|backfill| !only_open || backfill.state == BackfillState::Open);
        Ok(wanted.cloned().collect())
    }

    async fn cancel_backfill(&self, id: BackfillId, now: DateTime<Utc>) -> Result<Backfill> {
        let mut state = self.state();
        let backfill = state
            .backfills
            .get_mut(&id)
            .ok_or(LedgerError::UnknownBackfill { id: id.0 })?;
        if backfill.state == BackfillState::Open {
            (backfill.state, backfill.moved_at) = (BackfillState::Cancelled, floor_ms(now));
        }
        Ok(backfill.clone())
    }
}

impl WishStore for MemoryLedger {
    async fn put(&self, wish: &Wish, now: DateTime<Utc>) -> Result<WishId> {
        let mut state = self.state();
        let same = |(row, _): &&(WishRow, _)| {
            row.state == WishState::Waiting && row.wish.as_ref() == Some(wish)
        };
        if let Some((row, _)) = state.wishes.values().find(same) {
            return Ok(row.id);
        }
        let id = WishId(state.number(Kind::Wish));
        let row = WishRow {
            id,
            wish: Some(wish.clone()),
            state: WishState::Waiting,
            created_at: floor_ms(now),
            claims: 0,
            settled_at: None,
            outcome: None,
        };
        state.wishes.insert(id, (row, None));
        Ok(id)
    }

    async fn claim_wish(
        &self,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<ClaimedWish>> {
        let mut state = self.state();
        for (row, lease) in state.wishes.values_mut() {
            let free = match row.state {
                WishState::Waiting => true,
                WishState::Claimed => lease.is_some_and(|lease| lease <= floor_ms(now)),
                WishState::Done | WishState::Failed => false,
            };
            let Some(wish) = row.wish.clone().filter(|_| free) else {
                continue;
            };
            row.state = WishState::Claimed;
            row.claims += 1;
            *lease = Some(floor_ms(lease_until));
            return Ok(Some(ClaimedWish {
                id: row.id,
                wish,
                claim: row.claims,
            }));
        }
        Ok(None)
    }

    async fn settle_wish(
        &self,
        claimed: &ClaimedWish,
        outcome: Outcome,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut state = self.state();
        let not_held = LedgerError::WishNotHeld { id: claimed.id.0 };
        let Some((row, _)) = state.wishes.get_mut(&claimed.id) else {
            return Err(not_held);
        };
        if row.state != WishState::Claimed || row.claims != claimed.claim {
            return Err(not_held);
        }
        let (becomes, said) = match outcome {
            Outcome::Done(said) => (WishState::Done, said),
            Outcome::Failed(said) => (WishState::Failed, said),
        };
        (row.state, row.settled_at, row.outcome) = (becomes, Some(floor_ms(now)), Some(said));
        Ok(())
    }

    async fn wish(&self, id: WishId) -> Result<Option<WishRow>> {
        Ok(self.state().wishes.get(&id).map(|(row, _)| row.clone()))
    }

    async fn wishes(&self, only_open: bool, limit: u32) -> Result<Vec<WishRow>> {
        let state = self.state();
        let open = |row: &&WishRow| {
            !only_open || matches!(row.state, WishState::Waiting | WishState::Claimed)
        };
        Ok(state
            .wishes
            .values()
            .rev()
            .map(|(row, _)| row)
            .filter(open)
            .take(limit as usize)
            .cloned()
            .collect())
    }
}

impl RetentionStore for MemoryLedger {
    async fn prune(&self, now: DateTime<Utc>, retention: &Retention, limit: u32) -> Result<Pruned> {
        let (details, rows) = retention.cutoffs(now);
        let (details, rows, now) = (floor_ms(details), floor_ms(rows), floor_ms(now));
        let limit = limit.max(1) as usize;
        let mut state = self.state();
        let expired = |state: &State,
                       cutoff: DateTime<Utc>,
                       wanted: &dyn Fn(&ContactRecord) -> bool| {
            let mut found: Vec<_> = state
                .contacts
                .iter()
                .filter(|(_, entry)| {
                    let row = &entry.record.row;
                    let free = row.lease_until.is_none_or(|lease| lease <= now);
                    free && row.finished_at.is_some_and(|at| at <= cutoff) && wanted(&entry.record)
                })
                .map(|(key, entry)| (entry.record.row.finished_at, entry.id, key.clone()))
                .collect();
            found.sort();
            found
                .into_iter()
                .take(limit)
                .map(|(_, _, key)| key)
                .collect::<Vec<_>>()
        };
        let gone = expired(&state, rows, &|_| true);
        for key in &gone {
            state.contacts.remove(key);
        }
        let dropped = expired(&state, details, &|record| {
            record.details.present().is_some()
        });
        for (acd, leg) in &dropped {
            state.entry(acd, *leg)?.record.details = StoredDetails::Dropped { at: now };
        }
        let settled = state.wishes.values().map(|(row, _)| row);
        let settled = settled.filter(|row| row.settled_at.is_some_and(|at| at <= rows));
        let settled: Vec<_> = settled.map(|row| row.id).take(limit).collect();
        for id in &settled {
            state.wishes.remove(id);
        }
        let closed = |backfill: &&Backfill| {
            backfill.state != BackfillState::Open && backfill.moved_at <= rows
        };
        let closed: Vec<_> = state
            .backfills
            .values()
            .filter(closed)
            .map(|backfill| backfill.id)
            .take(limit)
            .collect();
        for id in &closed {
            state.backfills.remove(id);
        }
        Ok(Pruned {
            details: dropped.len() as u64,
            contacts: gone.len() as u64,
            wishes: settled.len() as u64,
            backfills: closed.len() as u64,
            more: [gone.len(), dropped.len(), settled.len(), closed.len()].contains(&limit),
        })
    }
}

impl State {
    fn number(&mut self, kind: Kind) -> i64 {
        let [acd, contact, backfill, wish] = &mut self.last;
        let last = match kind {
            Kind::Acd => acd,
            Kind::Contact => contact,
            Kind::Backfill => backfill,
            Kind::Wish => wish,
        };
        *last += 1;
        *last
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

    /// All or nothing: works on a copy of the contacts.
    fn write_down(
        &mut self,
        acd: &AcdKey,
        legs: &[NewLeg],
        at: DateTime<Utc>,
        merge: Merge<'_>,
    ) -> Result<Advanced> {
        let mut contacts = self.contacts.clone();
        let mut advanced = Advanced::default();
        let mut known = BTreeSet::new();
        for new in legs {
            let leg = new.contact.leg.id;
            demand_same(acd, leg, &new.contact)?;
            let Some(entry) = contacts.get_mut(&(acd.clone(), leg)) else {
                demand_due(&new.contact, new.schedule)?;
                let id = self.number(Kind::Contact);
                contacts.insert((acd.clone(), leg), Entry::new(id, new, at));
                advanced.new.push(leg);
                continue;
            };
            known.insert(leg);
            let Some(update) = merge(&entry.record, new) else {
                continue;
            };
            demand_same(acd, leg, &update.contact)?;
            demand_due(&update.contact, update.schedule)?;
            entry.apply(Becomes {
                contact: update.contact,
                schedule: update.schedule,
                details: update.details,
                note: update.note,
                at,
                keeps_lease: true,
            });
            advanced.updated += 1;
        }
        advanced.known = known
            .iter()
            .filter(|leg| !advanced.new.contains(leg))
            .count() as u64;
        self.contacts = contacts;
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

fn demand_place(
    acd: &AcdKey,
    stream: &str,
    expected: Option<DateTime<Utc>>,
    found: Option<DateTime<Utc>>,
) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(LedgerError::CursorMoved {
        acd: Box::new(acd.clone()),
        stream: stream.to_owned(),
        expected,
        found,
    })
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
