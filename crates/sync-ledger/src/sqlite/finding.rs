//! Looking through details for a text.

use contact_model::AcdKey;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::SqliteLedger;
use super::contacts::push_acd;
use super::rows::{StoredContact, select_contact};
use crate::needle::Needle;
use crate::page::rows;
use crate::{FoundByText, Result, RowMark, StoredDetails};

/// How many rows are in memory at a time.
const AT_ONCE: u32 = 50;

impl SqliteLedger {
    pub(super) async fn find_text(
        &self,
        needle: &str,
        acd: Option<&AcdKey>,
        limit: u32,
        after: Option<RowMark>,
    ) -> Result<FoundByText> {
        let needle = Needle::new(needle);
        let mut left = rows(limit);
        let mut found = FoundByText {
            next: after,
            ..FoundByText::default()
        };
        while left > 0 {
            let wanted = left.min(AT_ONCE);
            let seen = self.look_through(&needle, acd, wanted, &mut found).await?;
            if seen < wanted {
                found.next = None;
                break;
            }
            left -= wanted;
        }
        Ok(found)
    }

    /// Looks through so many contacts behind the mark; gives how many there were.
    async fn look_through(
        &self,
        needle: &Needle,
        acd: Option<&AcdKey>,
        limit: u32,
        found: &mut FoundByText,
    ) -> Result<u32> {
        let fault = |error| self.fault(error);
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new(select_contact!("WHERE c.details IS NOT NULL"));
        push_acd(&mut query, acd);
        if let Some(RowMark(id)) = found.next {
            query.push(" AND c.id > ").push_bind(id);
        }
        query.push(" ORDER BY c.id LIMIT ").push_bind(limit);
        let stored = query
            .build()
            .fetch_all(&self.inner.reader)
            .await
            .map_err(fault)?;
        let mut seen = 0;
        for row in &stored {
            seen += 1;
            found.next = Some(RowMark(row.try_get("id").map_err(fault)?));
            let stored = StoredContact::read(row).map_err(fault)?;
            match stored.record(&self.inner.sealing) {
                Ok(record) => match &record.details {
                    StoredDetails::Present(details) if needle.is_in(details) => {
                        found.legs.push((stored.acd, record.row.leg()));
                    }
                    StoredDetails::Unreadable(_) => found.unreadable += 1,
                    _ => {}
                },
                Err(_) => found.unreadable += 1,
            }
        }
        Ok(seen)
    }
}
