//! Cursors and backfills of the reference.

use chrono::{DateTime, Utc};
use contact_model::AcdKey;

use super::{Kind, MemoryLedger, State};
use crate::{
    Advance, Advanced, Backfill, BackfillId, BackfillState, CursorId, CursorPosition, CursorStore,
    LedgerError, Merge, Result, floor_ms,
};

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
        self.transact(|state| state.advance(&step, merge))
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

impl State {
    fn advance(&mut self, step: &Advance, merge: Merge<'_>) -> Result<Advanced> {
        let place = CursorPosition {
            position: step.to,
            moved_at: step.at,
        };
        match &step.cursor {
            CursorId::Live { acd, stream } => {
                self.demand_acd(acd)?;
                let key = (acd.clone(), stream.clone());
                let found = self.cursors.get(&key).map(|cursor| cursor.position);
                demand_place(acd, stream, step.from, found)?;
                if let Some(from) = found.filter(|from| *from > step.to) {
                    return Err(LedgerError::NotForward {
                        what: stream.clone(),
                        from,
                        to: step.to,
                    });
                }
                let advanced = self.write_down(acd, &step.legs, step.at, merge)?;
                self.cursors.insert(key, place);
                Ok(advanced)
            }
            CursorId::Backfill(id) => {
                let mut backfill = self.backfill(*id)?.clone();
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
                let advanced = self.write_down(&backfill.acd, &step.legs, step.at, merge)?;
                if step.to == backfill.to {
                    backfill.state = BackfillState::Done;
                }
                (backfill.position, backfill.moved_at) = (step.to, step.at);
                backfill.legs_new += advanced.new.len() as u64;
                backfill.legs_known += advanced.known;
                self.backfills.insert(*id, backfill);
                Ok(advanced)
            }
        }
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
