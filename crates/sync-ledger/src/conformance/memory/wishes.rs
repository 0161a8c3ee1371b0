//! Wishes of the reference.

use chrono::{DateTime, Utc};
use contact_model::AcdKey;

use super::{Kind, MemoryLedger};
use crate::{
    ClaimedWish, LedgerError, Outcome, Result, Wish, WishId, WishRow, WishState, WishStore,
    floor_ms,
};

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
        busy: &[AcdKey],
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
            let Some(wish) = row
                .wish
                .clone()
                .filter(|wish| free && !wish.waits_for(busy))
            else {
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
