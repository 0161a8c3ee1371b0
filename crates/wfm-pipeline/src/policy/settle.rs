//! What a receipt means for the rows of a batch.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sync_ledger::{BatchSettlement, RowFate, StoredBatch};
use wfm_delivery::{Outcome, Receipt};
use wfm_history::Redelivery;

use crate::clock::delta;

/// The shortest and the longest pause between two attempts.
const PAUSES: (Duration, Duration) = (Duration::from_secs(15), Duration::from_mins(15));

/// How long a batch waits after so many attempts: twice as long each time, up to 15 minutes, and of that between a half and all, by a random number
/// from 0 to 1.
pub fn backoff(attempts: u32, random: f64) -> Duration {
    let (first, longest) = PAUSES;
    let full = first.saturating_mul(1 << attempts.min(10)).min(longest);
    full.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

/// What became of the rows of a batch, by the receipt of its delivery. Rows of which the receipt says nothing, and those that can be sent later, go on
/// waiting until `due`. What may have arrived is set aside where it must not come twice.
pub fn settlement(
    batch: &StoredBatch,
    receipt: &Receipt,
    redelivery: Redelivery,
    at: DateTime<Utc>,
    random: f64,
) -> BatchSettlement {
    let mut rows = Vec::with_capacity(batch.rows.len());
    for part in &receipt.parts {
        let places = part
            .rows
            .clone()
            .filter_map(|index| Some((index, batch.rows.get(index)?.0)));
        match &part.outcome {
            Outcome::Accepted => rows.extend(places.map(|(_, place)| (place, delivered(part)))),
            Outcome::RowsRefused(refused) => rows.extend(places.map(|(index, place)| {
                let found = refused.iter().find(|row| row.row == index);
                let fate = found.map_or_else(
                    || delivered(part),
                    |row| RowFate::Refused {
                        reason: row.refusal.to_string(),
                    },
                );
                (place, fate)
            })),
            Outcome::Refused(refusal) => rows.extend(places.map(|(_, place)| {
                let reason = refusal.to_string();
                (place, RowFate::Refused { reason })
            })),
            Outcome::RetryLater { error, in_doubt }
                if *in_doubt && redelivery == Redelivery::Never =>
            {
                rows.extend(places.map(|(_, place)| {
                    let reason = error.to_string();
                    (place, RowFate::InDoubt { reason })
                }));
            }
            _ => {}
        }
    }
    BatchSettlement {
        at,
        due: at + delta(backoff(batch.attempts, random)),
        rows,
    }
}

fn delivered(part: &wfm_delivery::Part) -> RowFate {
    RowFate::Delivered {
        file: part.file.clone(),
    }
}
