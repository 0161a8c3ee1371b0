//! Which leg has which messages of a conversation.

use contact_model::{AcdKey, Contact, LegId, MessageRange};
use sqlx::Row as _;
use twilio_sid::ConversationSid;

use super::rows::leg_of;
use super::{SqliteLedger, Tx};
use crate::{LedgerError, Result};

impl SqliteLedger {
    pub(super) async fn claims_of(
        &self,
        acd: &AcdKey,
        conversation: ConversationSid,
    ) -> Result<Vec<(LegId, MessageRange)>> {
        let fault = |error| self.fault(error);
        let rows = sqlx::query(
            "SELECT c.leg, t.range_from, t.range_to FROM transcript_claim t JOIN contact c ON c.id = t.contact \
             JOIN acd a ON a.id = t.acd WHERE a.account = ? AND a.workspace = ? AND a.tenant = ? AND t.conversation = ? \
             ORDER BY t.range_from, t.range_to, c.id",
        )
        .bind(acd.account.as_str())
        .bind(acd.workspace.as_str())
        .bind(acd.tenant.as_str())
        .bind(conversation.as_str())
        .fetch_all(&self.inner.reader)
        .await
        .map_err(fault)?;
        let mut claims = Vec::with_capacity(rows.len());
        for row in &rows {
            let leg: String = row.try_get("leg").map_err(fault)?;
            let index = |column: &str| {
                row.try_get::<i64, _>(column)
                    .map(i64::unsigned_abs)
                    .map_err(fault)
            };
            let range = MessageRange {
                from: index("range_from")?,
                to: index("range_to")?,
            };
            claims.push((leg_of(&leg)?, range));
        }
        Ok(claims)
    }

    /// Claims the messages that the contact's media names, in place of those that it had; none where it names none.
    pub(super) async fn claim_transcript(
        &self,
        tx: &mut Tx,
        (acd, contact): (i64, i64),
        becomes: &Contact,
    ) -> Result<()> {
        let fault = |error| self.fault(error);
        let part = becomes
            .stage
            .media()
            .and_then(contact_model::LegMedia::transcript);
        let Some(part) = part else {
            sqlx::query("DELETE FROM transcript_claim WHERE contact = ?")
                .bind(contact)
                .execute(&mut **tx)
                .await
                .map_err(fault)?;
            return Ok(());
        };
        let index = |index: u64| i64::try_from(index).unwrap_or(i64::MAX);
        let (from, to) = (index(part.range.from), index(part.range.to));
        let taken: Option<String> = sqlx::query_scalar(
            "SELECT c.leg FROM transcript_claim t JOIN contact c ON c.id = t.contact \
             WHERE t.acd = ? AND t.conversation = ? AND t.contact <> ? \
             AND MAX(t.range_from, ?) < MIN(t.range_to, ?) ORDER BY t.range_from LIMIT 1",
        )
        .bind(acd)
        .bind(part.conversation.as_str())
        .bind(contact)
        .bind(from)
        .bind(to)
        .fetch_optional(&mut **tx)
        .await
        .map_err(fault)?;
        if let Some(other) = taken {
            return Err(LedgerError::TranscriptClaimed {
                leg: becomes.leg.id,
                other: leg_of(&other)?,
                conversation: part.conversation,
            });
        }
        sqlx::query(
            "INSERT OR REPLACE INTO transcript_claim (contact, acd, conversation, range_from, range_to) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(contact)
        .bind(acd)
        .bind(part.conversation.as_str())
        .bind(from)
        .bind(to)
        .execute(&mut **tx)
        .await
        .map_err(fault)?;
        Ok(())
    }
}
