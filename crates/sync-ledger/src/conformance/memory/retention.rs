//! Retention of the reference.

use chrono::{DateTime, Utc};

use super::{MemoryLedger, State};
use crate::{
    Backfill, BackfillState, ContactRecord, DeletionRow, Pruned, REMEMBER_EVENTS, Result,
    Retention, RetentionStore, StoredDetails, floor_ms,
};

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
        let remembered = now.checked_sub_signed(REMEMBER_EVENTS).unwrap_or(now);
        let mut pruned = Pruned {
            details: dropped.len() as u64,
            contacts: gone.len() as u64,
            wishes: settled.len() as u64,
            backfills: closed.len() as u64,
            ..state.prune_rest(details, rows, remembered, limit)
        };
        pruned.more = pruned.of_each().contains(&(limit as u64));
        Ok(pruned)
    }
}

/// The keys of those that are oldest, of those whose time is over.
fn oldest<K: Ord>(
    all: impl Iterator<Item = (Option<DateTime<Utc>>, K)>,
    cutoff: DateTime<Utc>,
    limit: usize,
) -> Vec<K> {
    let mut over: Vec<_> = all
        .filter(|(at, _)| at.is_some_and(|at| at <= cutoff))
        .collect();
    over.sort();
    over.into_iter().take(limit).map(|(_, key)| key).collect()
}

impl State {
    /// Everything but contacts, wishes and backfills.
    fn prune_rest(
        &mut self,
        details: DateTime<Utc>,
        rows: DateTime<Utc>,
        remembered: DateTime<Utc>,
        limit: usize,
    ) -> Pruned {
        let settled = self.messages.iter();
        let settled = settled.map(|(id, message)| (message.row.settled_at, *id));
        let messages = oldest(settled, rows, limit);
        self.messages.retain(|id, _| !messages.contains(id));

        let answered = self.messages.iter();
        let answered = answered.filter(|(_, message)| message.answer.is_some());
        let answered = answered.map(|(id, message)| (message.row.settled_at, *id));
        let answers = oldest(answered, details, limit);
        for id in &answers {
            if let Some(message) = self.messages.get_mut(id) {
                message.answer = None;
            }
        }

        let processed = self.events.iter();
        let processed = processed.map(|(number, event)| (event.settled_at, *number));
        let events = oldest(processed, remembered, limit);
        self.events.retain(|number, _| !events.contains(number));

        let seen = self.holds.iter().cloned();
        let holds = oldest(seen.map(|hold| (Some(hold.1.at), hold)), details, limit);
        self.holds.retain(|hold| !holds.contains(hold));
        let told = self.changes.iter();
        let told = told.map(|(change, at)| (Some(*at), change.clone()));
        let changes = oldest(told, details, limit);
        self.changes.retain(|change, _| !changes.contains(change));

        let used = |row: &DeletionRow| {
            self.contacts.values().any(|entry| {
                *entry.record.row.acd() == row.acd && entry.recordings.contains(&row.recording)
            })
        };
        let unused = self.deletions.iter().filter(|(_, row)| !used(row));
        let unused = unused.filter(|(_, row)| row.changed_at <= rows);
        let deletions: Vec<_> = unused.map(|(id, _)| *id).take(limit).collect();
        self.deletions.retain(|id, _| !deletions.contains(id));

        let runs = self.reconciliations.iter().enumerate();
        let superseded = runs.filter(|(place, run)| {
            let later = self.reconciliations.iter().skip(place + 1);
            later.clone().any(|later| later.acd == run.acd) && run.at <= rows
        });
        let over: Vec<_> = superseded.map(|(place, _)| place).take(limit).collect();
        let mut place = 0;
        self.reconciliations.retain(|_| {
            place += 1;
            !over.contains(&(place - 1))
        });
        Pruned {
            messages: messages.len() as u64,
            answers: answers.len() as u64,
            events: events.len() as u64,
            holds: (holds.len() + changes.len()) as u64,
            deletions: deletions.len() as u64,
            reconciliations: over.len() as u64,
            ..Pruned::default()
        }
    }
}
