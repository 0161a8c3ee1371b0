//! Deletion at the source, in the reference.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, Stage, StageName};
use twilio_sid::RecordingSid;

use super::{Entry, Kind, MemoryLedger, State};
use crate::page::rows;
use crate::record::{reason_of, sources_of};
use crate::{
    DeletionCount, DeletionFilter, DeletionPage, DeletionRow, DeletionState, DeletionStore,
    HeldRecording, HeldRecordings, Result, RowMark, Verdict, floor_ms,
};

impl DeletionStore for MemoryLedger {
    async fn deletion_candidates(
        &self,
        acd: &AcdKey,
        complete_by: DateTime<Utc>,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<DeletionRow>> {
        let (complete_by, now) = (floor_ms(complete_by), floor_ms(now));
        let state = self.state();
        let of_a_complete_one = |row: &DeletionRow| {
            state.contacts.values().any(|entry| {
                entry.record.row.acd() == acd
                    && entry.contact().stage.name() == StageName::Complete
                    && entry.recordings.contains(&row.recording)
            })
        };
        let mut candidates: Vec<_> = state
            .deletions
            .iter()
            .filter(|(_, row)| {
                row.acd == *acd
                    && row.next_at.is_some_and(|next| next <= now)
                    && row.complete_at <= complete_by
                    && of_a_complete_one(row)
            })
            .collect();
        candidates.sort_by_key(|(id, row)| (row.next_at, row.complete_at, **id));
        let some = candidates.into_iter().take(limit as usize);
        Ok(some.map(|(_, row)| row.clone()).collect())
    }

    async fn record_deletion(
        &self,
        acd: &AcdKey,
        recording: RecordingSid,
        verdict: &Verdict,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let now = floor_ms(now);
        self.transact(|state| {
            state.demand_acd(acd)?;
            let row = state.deletion(acd, recording, now);
            if row.state == DeletionState::Deleted {
                return Ok(());
            }
            let before = (row.state, row.reason.clone());
            (row.state, row.reason, row.next_at) = match verdict.clone() {
                Verdict::Blocked { reason, next } => {
                    (DeletionState::Blocked, Some(reason), Some(floor_ms(next)))
                }
                Verdict::Requested { next } => {
                    row.attempts += 1;
                    (DeletionState::Requested, None, Some(floor_ms(next)))
                }
                Verdict::Deleted => (DeletionState::Deleted, None, None),
                Verdict::Failed { reason, next } => {
                    (DeletionState::Failed, Some(reason), next.map(floor_ms))
                }
            };
            if before != (row.state, row.reason.clone()) {
                row.changed_at = now;
            }
            Ok(())
        })
    }

    async fn deletions(
        &self,
        filter: &DeletionFilter,
        limit: u32,
        after: Option<RowMark>,
    ) -> Result<DeletionPage> {
        let state = self.state();
        let limit = rows(limit) as usize;
        let wanted: Vec<_> = state
            .deletions
            .iter()
            .rev()
            .filter(|(id, row)| {
                after.is_none_or(|RowMark(mark)| **id < mark)
                    && filter.acd.as_ref().is_none_or(|acd| *acd == row.acd)
                    && (filter.states.is_empty() || filter.states.contains(&row.state))
                    && filter
                        .recording
                        .is_none_or(|recording| recording == row.recording)
            })
            .take(limit + 1)
            .collect();
        let shown = wanted.get(..limit).unwrap_or(&wanted);
        let last = shown.last().map(|(id, _)| RowMark(**id));
        Ok(DeletionPage {
            deletions: shown.iter().map(|(_, row)| (*row).clone()).collect(),
            next: last.filter(|_| wanted.len() > limit),
        })
    }

    async fn deletion_counts(&self, acd: Option<&AcdKey>) -> Result<Vec<DeletionCount>> {
        let state = self.state();
        let mut counts = BTreeMap::new();
        for row in state.deletions.values() {
            if acd.is_some_and(|acd| *acd != row.acd) {
                continue;
            }
            let key = (row.acd.clone(), row.state, row.reason.clone());
            let (count, oldest) = counts.entry(key).or_insert((0, row.changed_at));
            *count += 1;
            *oldest = row.changed_at.min(*oldest);
        }
        let row = |((acd, state, reason), (recordings, oldest))| DeletionCount {
            acd,
            state,
            reason,
            recordings,
            oldest,
        };
        Ok(counts.into_iter().map(row).collect())
    }

    async fn held_recordings(&self, acd: &AcdKey, limit: u32) -> Result<HeldRecordings> {
        let state = self.state();
        let is_gone = |recording: &RecordingSid| {
            state.deletions.values().any(|row| {
                row.acd == *acd
                    && row.recording == *recording
                    && row.state == DeletionState::Deleted
            })
        };
        let is_held = |name| matches!(name, StageName::Parked | StageName::Failed);
        let mut held: Vec<_> = state
            .contacts
            .values()
            .filter(|entry| entry.record.row.acd() == acd && is_held(entry.contact().stage.name()))
            .flat_map(|entry| entry.recordings.iter().map(move |one| (entry, *one)))
            .filter(|(_, recording)| !is_gone(recording))
            .collect();
        held.sort_by_key(|(entry, recording)| (entry.record.row.stage_since, entry.id, *recording));
        let line = |(entry, recording): &(&Entry, RecordingSid)| HeldRecording {
            recording: *recording,
            leg: entry.record.row.leg(),
            stage: entry.contact().stage.name(),
            reason: reason_of(&entry.contact().stage),
            since: entry.record.row.stage_since,
        };
        Ok(HeldRecordings {
            total: held.len() as u64,
            recordings: held.iter().take(rows(limit) as usize).map(line).collect(),
        })
    }
}

impl State {
    /// The row of a recording, new or known.
    fn deletion(
        &mut self,
        acd: &AcdKey,
        recording: RecordingSid,
        at: DateTime<Utc>,
    ) -> &mut DeletionRow {
        let of = |row: &DeletionRow| row.acd == *acd && row.recording == recording;
        let known = self.deletions.iter().find(|(_, row)| of(row));
        let id = known.map(|(id, _)| *id);
        let id = id.unwrap_or_else(|| self.number(Kind::Deletion));
        self.deletions.entry(id).or_insert_with(|| DeletionRow {
            acd: acd.clone(),
            recording,
            state: DeletionState::Waiting,
            reason: None,
            attempts: 0,
            complete_at: at,
            changed_at: at,
            next_at: Some(at),
        })
    }

    pub(super) fn offer_sources(&mut self, acd: &AcdKey, stage: &Stage, at: DateTime<Utc>) {
        for recording in sources_of(stage) {
            let row = self.deletion(acd, recording, at);
            row.complete_at = row.complete_at.max(at);
            row.next_at = row.next_at.map(|next| next.min(at));
        }
    }
}
