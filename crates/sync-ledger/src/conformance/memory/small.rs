//! What the reference keeps of hold, of tenants and of reconciliations.

use chrono::{DateTime, Utc};
use contact_model::AcdKey;
use twilio_sid::ConferenceSid;

use super::MemoryLedger;
use crate::{
    ConferenceChange, HoldNote, HoldSource, HoldStore, POLL_GAP, Reconciliation,
    ReconciliationStore, Result, TenantFact, TenantFacts, floor_ms,
};

impl HoldStore for MemoryLedger {
    async fn note_told(
        &self,
        acd: &AcdKey,
        notes: &[HoldNote],
        changes: &[ConferenceChange],
    ) -> Result<u64> {
        let mut state = self.state();
        state.demand_acd(acd)?;
        let mut new = 0;
        for note in notes {
            let note = HoldNote {
                at: floor_ms(note.at),
                ..*note
            };
            let of_participant = |(of, known): &&(AcdKey, HoldNote)| {
                of == acd && (known.conference, known.call) == (note.conference, note.call)
            };
            let known = state.holds.iter().filter(of_participant);
            if known
                .clone()
                .any(|(_, known)| (known.at, known.held) == (note.at, note.held))
            {
                continue;
            }
            let is_poll = |known: &HoldNote| {
                matches!(known.source, HoldSource::Poll | HoldSource::PollAgain)
                    && known.at <= note.at
            };
            let before = known
                .map(|(_, known)| *known)
                .filter(is_poll)
                .max_by_key(|known| (known.at, known.held))
                .filter(|known| known.held == note.held && note.at - known.at <= POLL_GAP);
            if let Some(before) = before.filter(|_| note.source == HoldSource::Poll) {
                if before.source == HoldSource::PollAgain {
                    state.holds.remove(&(acd.clone(), before));
                }
                let again = HoldNote {
                    source: HoldSource::PollAgain,
                    ..note
                };
                state.holds.insert((acd.clone(), again));
                continue;
            }
            state.holds.insert((acd.clone(), note));
            new += 1;
        }
        for change in changes {
            let known = (acd.clone(), change.conference, change.number);
            state.changes.entry(known).or_insert(floor_ms(change.at));
        }
        Ok(new)
    }

    async fn changes_of(
        &self,
        acd: &AcdKey,
        conference: ConferenceSid,
    ) -> Result<Vec<ConferenceChange>> {
        let state = self.state();
        let told = state
            .changes
            .iter()
            .filter(|((of, among, _), _)| of == acd && *among == conference)
            .map(|((_, _, number), at)| ConferenceChange {
                conference,
                number: *number,
                at: *at,
            });
        Ok(told.collect())
    }

    async fn holds_of(&self, acd: &AcdKey, conferences: &[ConferenceSid]) -> Result<Vec<HoldNote>> {
        let state = self.state();
        let wanted =
            |(of, note): &&(AcdKey, HoldNote)| of == acd && conferences.contains(&note.conference);
        let notes = state.holds.iter().filter(wanted);
        Ok(notes.map(|(_, note)| *note).collect())
    }
}

impl TenantFacts for MemoryLedger {
    async fn confirm(
        &self,
        acd: &AcdKey,
        assumption: u32,
        held: bool,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let mut state = self.state();
        state.demand_acd(acd)?;
        let fact = TenantFact {
            assumption,
            held,
            at: floor_ms(at),
        };
        state.facts.insert((acd.clone(), assumption), fact);
        Ok(())
    }

    async fn confirmed(&self, acd: &AcdKey) -> Result<Vec<TenantFact>> {
        let state = self.state();
        let of_acd = state.facts.iter().filter(|((of, _), _)| of == acd);
        Ok(of_acd.map(|(_, fact)| *fact).collect())
    }
}

impl ReconciliationStore for MemoryLedger {
    async fn record_reconciliation(&self, reconciliation: &Reconciliation) -> Result<()> {
        let mut state = self.state();
        state.demand_acd(&reconciliation.acd)?;
        state.reconciliations.push(Reconciliation {
            from: floor_ms(reconciliation.from),
            to: floor_ms(reconciliation.to),
            at: floor_ms(reconciliation.at),
            ..reconciliation.clone()
        });
        Ok(())
    }

    async fn reconciliations(&self, acd: &AcdKey, limit: u32) -> Result<Vec<Reconciliation>> {
        let state = self.state();
        let of_acd = state
            .reconciliations
            .iter()
            .rev()
            .filter(|run| run.acd == *acd);
        Ok(of_acd.take(limit as usize).cloned().collect())
    }
}
