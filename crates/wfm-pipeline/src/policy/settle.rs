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
fn backoff(attempts: u32, random: f64) -> Duration {
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

/// What becomes of a batch whose last attempt was cut off, where an interval must not come twice: all that waits may have arrived.
pub fn cut_off(batch: &StoredBatch, at: DateTime<Utc>) -> BatchSettlement {
    let reason = "the connector ended while it was on its way, so nobody knows whether it arrived";
    let rows = batch.rows.iter().map(|(place, _)| {
        let reason = reason.to_owned();
        (*place, RowFate::InDoubt { reason })
    });
    BatchSettlement {
        at,
        due: at,
        rows: rows.collect(),
    }
}

fn delivered(part: &wfm_delivery::Part) -> RowFate {
    RowFate::Delivered {
        file: part.file.clone(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use contact_model::AcdKey;
    use proptest::prelude::*;
    use sync_ledger::BatchNumber;
    use wfm_delivery::{DeliveryError, Part, Refusal, RowRefusal};
    use wfm_history::{Change, Happened, IntervalKey, IntervalRow, QueueKey, Report, Values};
    use wfm_interval::Interval;

    use super::*;

    fn acd() -> AcdKey {
        AcdKey {
            account: "AC00000000000000000000000000000001".parse().unwrap(),
            workspace: "WS00000000000000000000000000000001".parse().unwrap(),
            tenant: "tenant".parse().unwrap(),
        }
    }

    /// A batch whose first rows were settled before: four wait, in the places 10, 11, 13 and 14.
    fn batch(attempts: u32) -> StoredBatch {
        let row = |place: u32| {
            let key = IntervalKey {
                interval: Interval::from_number(i64::from(place)),
                agent: None,
                queue: QueueKey::ServiceQueue,
            };
            let change = Change {
                row: IntervalRow {
                    key,
                    values: Values::zero(Report::QueueHistory),
                    ambiguous: false,
                },
                happened: Happened::New,
                deliver: true,
            };
            (place, change)
        };
        StoredBatch {
            number: BatchNumber(1),
            acd: acd(),
            report: Report::QueueHistory,
            created: DateTime::UNIX_EPOCH,
            due: DateTime::UNIX_EPOCH,
            attempts,
            begun: None,
            rows: [10, 11, 13, 14].map(row).to_vec(),
        }
    }

    fn part(rows: std::ops::Range<usize>, outcome: Outcome) -> Part {
        Part {
            rows,
            file: Some("Queues.1.csv".to_owned()),
            outcome,
        }
    }

    fn later(in_doubt: bool) -> Outcome {
        Outcome::RetryLater {
            error: DeliveryError::CutOff,
            in_doubt,
        }
    }

    fn settled(parts: Vec<Part>, redelivery: Redelivery) -> Vec<(u32, RowFate)> {
        let receipt = Receipt { parts };
        settlement(&batch(0), &receipt, redelivery, DateTime::UNIX_EPOCH, 0.0).rows
    }

    fn delivered() -> RowFate {
        RowFate::Delivered {
            file: Some("Queues.1.csv".to_owned()),
        }
    }

    fn refused() -> RowFate {
        RowFate::Refused {
            reason: Refusal::RepeatedHour.to_string(),
        }
    }

    #[test]
    fn what_was_accepted_is_delivered_by_its_place_in_the_batch_and_not_in_the_request() {
        let fates = settled(vec![part(0..4, Outcome::Accepted)], Redelivery::Replace);
        assert_eq!(fates, [10, 11, 13, 14].map(|place| (place, delivered())));
    }

    #[test]
    fn a_refused_row_stops_no_other_row_and_a_refused_part_no_other_part() {
        let rows = vec![RowRefusal {
            row: 1,
            refusal: Refusal::RepeatedHour,
        }];
        let parts = vec![
            part(0..2, Outcome::RowsRefused(rows)),
            part(2..3, Outcome::Refused(Refusal::RepeatedHour)),
            part(3..4, Outcome::Accepted),
        ];
        assert_eq!(
            settled(parts, Redelivery::Never),
            [
                (10, delivered()),
                (11, refused()),
                (13, refused()),
                (14, delivered())
            ]
        );
    }

    #[test]
    fn what_may_have_arrived_is_set_aside_only_where_it_must_not_come_twice() {
        let reason = DeliveryError::CutOff.to_string();
        for (in_doubt, redelivery, aside) in [
            (true, Redelivery::Never, true),
            (true, Redelivery::Replace, false),
            (false, Redelivery::Never, false),
            (false, Redelivery::Replace, false),
        ] {
            let parts = vec![part(0..1, Outcome::Accepted), part(1..3, later(in_doubt))];
            let mut expected = vec![(10, delivered())];
            if aside {
                let reason = reason.clone();
                let fate = RowFate::InDoubt { reason };
                expected.extend([(11, fate.clone()), (13, fate)]);
            }
            assert_eq!(
                settled(parts, redelivery),
                expected,
                "{in_doubt} {redelivery:?}"
            );
        }
    }

    #[test]
    fn rows_of_which_the_receipt_says_nothing_or_too_much_wait() {
        assert_eq!(settled(Vec::new(), Redelivery::Never), []);
        let beyond = settled(vec![part(3..9, Outcome::Accepted)], Redelivery::Never);
        assert_eq!(beyond, [(14, delivered())]);
    }

    #[test]
    fn the_next_attempt_is_due_after_a_pause_that_grows() {
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let due = |attempts, random| {
            let receipt = Receipt::default();
            let settled = settlement(&batch(attempts), &receipt, Redelivery::Replace, at, random);
            assert_eq!(settled.at, at);
            settled.due - at
        };
        assert_eq!(due(0, 1.0), TimeDelta::seconds(15));
        assert_eq!(due(0, 0.0), TimeDelta::milliseconds(7_500));
        assert_eq!(due(3, 1.0), TimeDelta::minutes(2));
        assert_eq!(due(6, 1.0), TimeDelta::minutes(15));
    }

    proptest! {
        #[test]
        fn a_pause_lies_between_half_and_all_of_its_step_and_never_beyond_a_quarter_of_an_hour(
            attempts: u32, random: f64
        ) {
            prop_assume!(!random.is_nan());
            let (first, longest) = PAUSES;
            let (all, half) = (backoff(attempts, 1.0), backoff(attempts, 0.0));
            let pause = backoff(attempts, random);
            prop_assert_eq!(half * 2, all);
            prop_assert!(half <= pause && pause <= all);
            prop_assert!(first / 2 <= pause && pause <= longest);
            prop_assert!(backoff(attempts.saturating_add(1), 1.0) >= all);
        }
    }
}
