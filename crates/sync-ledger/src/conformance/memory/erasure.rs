//! Erasing on request, in the reference.

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId};

use super::{MemoryLedger, State, step};
use crate::erasure::{is_about, note_of, sids_of, stage_when_forgotten};
use crate::needle::Needle;
use crate::page::rows;
use crate::{
    DeletionState, Elsewhere, ErasureStore, Forgotten, FoundByText, MessageState, Result, RowMark,
    StoredDetails, floor_ms,
};

impl ErasureStore for MemoryLedger {
    async fn forget(&self, acd: &AcdKey, leg: LegId, now: DateTime<Utc>) -> Result<Forgotten> {
        let now = floor_ms(now);
        self.transact(|state| {
            state.demand_acd(acd)?;
            let key = (acd.clone(), leg);
            state.forgotten.entry(key.clone()).or_insert(now);
            if !state.contacts.contains_key(&key) {
                let events = state.erase_events(acd, &[leg.as_str()], now);
                let (messages, messages_undelivered) = state.erase_messages(acd, leg, now);
                return Ok(Forgotten {
                    details: false,
                    messages,
                    messages_undelivered,
                    events,
                    holds: 0,
                    elsewhere: None,
                });
            }
            let elsewhere = state.elsewhere(acd, leg)?;
            let entry = state.entry(acd, leg)?;
            let details = entry.record.details.present().is_some();
            if details {
                entry.record.details = StoredDetails::Dropped { at: now };
            }
            let stage = stage_when_forgotten(&entry.contact().stage, now);
            let row = &mut entry.record.row;
            if stage != row.contact.stage {
                row.stage_since = now;
            }
            row.contact.stage = stage.clone();
            row.finished_at = row.finished_at.or(Some(now));
            row.version += 1;
            row.schedule.due_at = None;
            (row.lease_until, row.waits_for) = (None, None);
            row.forgotten_at = row.forgotten_at.or(Some(now));
            let about = row.contact.leg.clone();
            entry
                .history
                .push(step(&stage, now, Some(note_of(&elsewhere))));
            let events = state.erase_events(acd, &sids_of(&about), now);
            let (messages, messages_undelivered) = state.erase_messages(acd, leg, now);
            let before = state.holds.len() + state.changes.len();
            state.holds.retain(|(of, note)| {
                of != acd
                    || !(elsewhere.conferences.contains(&note.conference)
                        || elsewhere.calls.contains(&note.call))
            });
            state.changes.retain(|(of, conference, _), _| {
                of != acd || !elsewhere.conferences.contains(conference)
            });
            Ok(Forgotten {
                details,
                messages,
                messages_undelivered,
                events,
                holds: (before - state.holds.len() - state.changes.len()) as u64,
                elsewhere: Some(elsewhere),
            })
        })
    }

    async fn find_by_text(
        &self,
        needle: &str,
        acd: Option<&AcdKey>,
        limit: u32,
        after: Option<RowMark>,
    ) -> Result<FoundByText> {
        let needle = Needle::new(needle);
        let limit = rows(limit) as usize;
        let state = self.state();
        let mut with_details: Vec<_> = state
            .contacts
            .iter()
            .filter(|((of, _), entry)| {
                acd.is_none_or(|acd| acd == of)
                    && entry.record.details.present().is_some()
                    && after.is_none_or(|RowMark(mark)| entry.id > mark)
            })
            .collect();
        with_details.sort_by_key(|(_, entry)| entry.id);
        let looked_at = with_details.get(..limit).unwrap_or(&with_details);
        let holds = |entry: &super::Entry| {
            let details = entry.record.details.present();
            details.is_some_and(|details| needle.is_in(details))
        };
        Ok(FoundByText {
            legs: looked_at
                .iter()
                .filter(|(_, entry)| holds(entry))
                .map(|(key, _)| (*key).clone())
                .collect(),
            unreadable: 0,
            next: looked_at
                .last()
                .filter(|_| looked_at.len() == limit)
                .map(|(_, entry)| RowMark(entry.id)),
        })
    }
}

impl State {
    fn elsewhere(&mut self, acd: &AcdKey, leg: LegId) -> Result<Elsewhere> {
        let entry = self.entry(acd, leg)?;
        let mut elsewhere = Elsewhere::of(entry.contact());
        let details = entry.record.details.present();
        if let Some(attributes) = details.and_then(|details| details.attributes.as_ref()) {
            elsewhere.note(attributes);
        }
        elsewhere.recordings.extend(&entry.recordings);
        elsewhere
            .conversations
            .extend(entry.claim.map(|(conversation, _)| conversation));
        let mut elsewhere = elsewhere.sorted();
        elsewhere.recordings.retain(|recording| {
            !self.deletions.values().any(|row| {
                row.acd == *acd
                    && row.recording == *recording
                    && row.state == DeletionState::Deleted
            })
        });
        Ok(elsewhere)
    }

    fn erase_events(&mut self, acd: &AcdKey, sids: &[&str], now: DateTime<Utc>) -> u64 {
        let mut erased = 0;
        for event in self.events.values_mut() {
            if event.pushed.acd == *acd
                && event.settled_at.is_none()
                && is_about(&event.pushed.payload, sids)
            {
                event.settle(now);
                erased += 1;
            }
        }
        erased
    }

    fn erase_messages(&mut self, acd: &AcdKey, leg: LegId, now: DateTime<Utc>) -> (u64, u64) {
        let (mut erased, mut undelivered) = (0, 0);
        for message in self.messages.values_mut() {
            let row = &mut message.row;
            if (&row.acd, row.leg) != (acd, leg) || message.body.is_none() {
                continue;
            }
            erased += 1;
            (message.body, message.answer) = (None, None);
            if row.state != MessageState::Delivered {
                undelivered += 1;
                row.state = MessageState::Erased;
                row.settled_at = row.settled_at.or(Some(now));
                (row.due_at, row.lease_until) = (None, None);
            }
        }
        (erased, undelivered)
    }
}
