//! Contacts of the reference.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId, MessageRange, SessionId};
use twilio_sid::{ConversationSid, RecordingSid};

use super::{Becomes, Entry, MemoryLedger};
use crate::record::reason_of;
use crate::{
    Change, Claimed, ContactFilter, ContactRecord, ContactStore, LedgerError, Page, PageMark,
    PageRequest, Result, Siblings, StageCount, Transition, WaitCount, WishState, floor_ms,
};

impl ContactStore for MemoryLedger {
    async fn get(&self, acd: &AcdKey, leg: LegId) -> Result<Option<ContactRecord>> {
        Ok(self
            .state()
            .contacts
            .get(&(acd.clone(), leg))
            .map(|entry| entry.record.clone()))
    }

    async fn save(&self, change: Change) -> Result<u64> {
        self.transact(|state| {
            let (acd, leg) = (change.contact.leg.acd.clone(), change.contact.leg.id);
            let row = &state.at_version(&acd, leg, change.version)?.record.row;
            if row.forgotten_at.is_some() {
                return Err(LedgerError::Forgotten { leg });
            }
            let becomes = Becomes {
                contact: change.contact,
                schedule: change.schedule,
                details: change.details,
                note: change.note,
                at: floor_ms(change.at),
                keeps_lease: change.keep_lease,
                waits_for: change.waits_for,
                tell: change.tell,
            };
            state.apply(&acd, leg, becomes)?;
            Ok(change.version + 1)
        })
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
        for message in state.messages.values_mut() {
            message.row.lease_until = None;
        }
        for event in state.events.values_mut() {
            event.lease_until = None;
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

    async fn waits(&self, acd: Option<&AcdKey>) -> Result<Vec<WaitCount>> {
        let state = self.state();
        let mut waits: BTreeMap<(AcdKey, String), (u64, DateTime<Utc>)> = BTreeMap::new();
        for ((of, _), entry) in &state.contacts {
            let row = &entry.record.row;
            let (Some(waits_for), Some(_)) = (&row.waits_for, row.schedule.due_at) else {
                continue;
            };
            if acd.is_none_or(|acd| acd == of) {
                let key = (of.clone(), waits_for.clone());
                let (count, oldest) = waits.entry(key).or_insert((0, row.stage_since));
                *count += 1;
                *oldest = row.stage_since.min(*oldest);
            }
        }
        let row = |((acd, waits_for), (contacts, oldest))| WaitCount {
            acd,
            waits_for,
            contacts,
            oldest,
        };
        Ok(waits.into_iter().map(row).collect())
    }

    async fn history(&self, acd: &AcdKey, leg: LegId) -> Result<Vec<Transition>> {
        let state = self.state();
        Ok(state
            .contacts
            .get(&(acd.clone(), leg))
            .map(|entry| entry.history.clone())
            .unwrap_or_default())
    }

    async fn find_session_siblings(&self, acd: &AcdKey, session: &SessionId) -> Result<Siblings> {
        let state = self.state();
        let mut siblings: Vec<_> = state
            .contacts
            .values()
            .filter(|entry| {
                entry.record.row.acd() == acd && entry.contact().leg.session_id() == *session
            })
            .collect();
        siblings.sort_by_key(|entry| entry.id);
        let contacts = siblings.into_iter();
        Ok(Siblings {
            contacts: contacts.map(|entry| entry.record.row.clone()).collect(),
            unreadable: Vec::new(),
        })
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

    async fn transcript_claims(
        &self,
        acd: &AcdKey,
        conversation: ConversationSid,
    ) -> Result<Vec<(LegId, MessageRange)>> {
        let state = self.state();
        let claim = |((of, leg), entry): (&(AcdKey, LegId), &Entry)| {
            let (in_conversation, range) = entry.claim?;
            (of == acd && in_conversation == conversation)
                .then_some(((range.from, range.to, entry.id), (*leg, range)))
        };
        let mut claims: Vec<_> = state.contacts.iter().filter_map(claim).collect();
        claims.sort_by_key(|(place, _)| *place);
        Ok(claims.into_iter().map(|(_, claim)| claim).collect())
    }
}
