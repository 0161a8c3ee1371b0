//! Held rows of which it is known by now whose they are.

use std::collections::BTreeMap;
use std::ops::Range;

use sync_ledger::{HeldInterval, HeldNumber};
use wfm_history::{
    Change, Delivered, Happened, IntervalKey, IntervalRow, QueueKey, Redelivery, Values,
};
use wfm_interval::Interval;

use super::{Directory, Owner};

/// What held rows become once it is known whose they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The interval that they go to, with their sums added to what was delivered of it.
    pub change: Change,
    /// The held rows.
    pub held: Vec<HeldNumber>,
}

/// Of what a held row is, if that is known by now.
pub fn key_of(
    held: &HeldInterval,
    directory: &Directory,
    service_queue: bool,
) -> Option<IntervalKey> {
    let row = &held.row;
    let agent = match directory.agent_of(&row.agent, row.interval) {
        Owner::Held(_) => return None,
        Owner::Nobody => None,
        Owner::Known(agent) => Some(agent),
    };
    let queue = match directory.queue_of(&row.queue, row.interval) {
        Owner::Known(queue) => QueueKey::Task(queue),
        Owner::Nobody if service_queue => QueueKey::ServiceQueue,
        Owner::Nobody | Owner::Held(_) => return None,
    };
    Some(IntervalKey {
        interval: row.interval,
        agent,
        queue,
    })
}

/// Held rows of which it is known by now whose they are, summed up by their intervals.
#[derive(Debug, Default)]
pub struct Sums(BTreeMap<IntervalKey, Sum>);

#[derive(Debug)]
struct Sum {
    values: Values,
    ambiguous: bool,
    held: Vec<HeldNumber>,
}

impl Sums {
    /// Adds those of these rows of which it is known by now whose they are.
    pub fn add(&mut self, rows: &[HeldInterval], directory: &Directory, service_queue: bool) {
        for held in rows {
            let Some(key) = key_of(held, directory, service_queue) else {
                continue;
            };
            let sum = self.0.entry(key).or_insert_with(|| Sum {
                values: Values::zero(held.row.values.report()),
                ambiguous: false,
                held: Vec::new(),
            });
            let Some(values) = sum.values.checked_add(&held.row.values) else {
                continue;
            };
            sum.values = values;
            sum.ambiguous |= held.row.ambiguous;
            sum.held.push(held.number);
        }
    }

    /// Whether rows of this interval are among them.
    pub fn contains(&self, key: &IntervalKey) -> bool {
        self.0.contains_key(key)
    }

    /// From the oldest interval to behind the newest; `None` where there is none.
    pub fn range(&self) -> Option<Range<Interval>> {
        let (first, _) = self.0.first_key_value()?;
        let newest = self.0.keys().map(|key| key.interval).max()?;
        Some(first.interval..newest.next())
    }

    /// What they are delivered as, beside what was delivered of their intervals. Those whose interval must not be delivered a second time stay held.
    pub fn release(
        self,
        delivered: &BTreeMap<IntervalKey, Delivered>,
        redelivery: Redelivery,
    ) -> Vec<Released> {
        let mut released = Vec::new();
        for (key, sum) in self.0 {
            let known = delivered.get(&key);
            let arrived = known.and_then(Delivered::arrived);
            if arrived.is_some() && redelivery == Redelivery::Never {
                continue;
            }
            let values = match known {
                // The same rows may have been delivered while it was known whose they are, and held since it was not any more.
                Some(known) if sum.values.lacks(&known.values) => {
                    known.values.checked_add(&sum.values)
                }
                _ => Some(sum.values),
            };
            let Some(values) = values else { continue };
            let happened = match arrived {
                None => Happened::New,
                Some(before) => Happened::Changed { before },
            };
            released.push(Released {
                change: Change {
                    row: IntervalRow {
                        key,
                        values,
                        ambiguous: sum.ambiguous,
                    },
                    happened,
                    deliver: true,
                },
                held: sum.held,
            });
        }
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use sync_ledger::{Subject, SubjectNames, SubjectSid};
    use wfm_history::{HeldParty, HeldRow, Measure, Name, Party, Report};

    const REPORT: Report = Report::QueueHistory;

    fn queue(name: &str) -> Subject {
        Subject {
            sid: SubjectSid::Queue("WQ00000000000000000000000000000001".parse().unwrap()),
            names: Some(SubjectNames {
                name: name.to_owned(),
                full_name: None,
                email: None,
            }),
            former: Vec::new(),
            active: true,
            version: 1,
            first_seen: DateTime::UNIX_EPOCH,
            last_seen: DateTime::UNIX_EPOCH,
            gone: None,
            told: Some(1),
            refused: None,
        }
    }

    fn held(number: i64, name: &str, offered: u64) -> HeldInterval {
        HeldInterval {
            number: HeldNumber(number),
            row: HeldRow {
                interval: Interval::from_number(7),
                agent: Party::None,
                queue: Party::Held(HeldParty::UnknownName {
                    name: Name::from(name),
                }),
                values: Values::zero(REPORT).with(Measure::Offered, offered),
                ambiguous: false,
            },
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn rows_of_one_interval_are_added_to_what_was_delivered_of_it() {
        let directory = Directory::new(&[], &[queue("Billing")], true);
        let rows = [
            held(1, "billing", 3),
            held(2, "Billing ", 4),
            held(3, "Nobody", 5),
        ];
        // As they come: the rows of one interval need not stand on one page.
        let sums = || {
            let mut sums = Sums::default();
            for page in rows.chunks(1) {
                sums.add(page, &directory, false);
            }
            sums
        };
        let new = sums().release(&BTreeMap::new(), Redelivery::Never);
        assert_eq!(new.len(), 1);
        assert_eq!(new[0].held, [HeldNumber(1), HeldNumber(2)]);
        assert_eq!(new[0].change.happened, Happened::New);
        assert_eq!(new[0].change.row.values.get(Measure::Offered), 7);

        let key = new[0].change.row.key;
        let values = Values::zero(REPORT).with(Measure::Offered, 10);
        let before = BTreeMap::from([(
            key,
            Delivered {
                key,
                values,
                refused: None,
            },
        )]);
        let again = sums().release(&before, Redelivery::Replace);
        assert_eq!(again[0].change.row.values.get(Measure::Offered), 17);
        assert_eq!(
            again[0].change.happened,
            Happened::Changed { before: values }
        );
        assert!(sums().release(&before, Redelivery::Never).is_empty());
        // What was delivered may be these very rows: nothing counts twice.
        for (offered, expected) in [(7, 7), (5, 7), (8, 15)] {
            let values = Values::zero(REPORT).with(Measure::Offered, offered);
            let known = Delivered {
                key,
                values,
                refused: None,
            };
            let delivered = BTreeMap::from([(key, known)]);
            let found = sums().release(&delivered, Redelivery::Replace);
            assert_eq!(found[0].change.row.values.get(Measure::Offered), expected);
        }
        let range = Interval::from_number(7)..Interval::from_number(8);
        assert_eq!(sums().range(), Some(range));
        assert_eq!(Sums::default().range(), None);
    }

    #[test]
    fn a_row_without_a_queue_goes_to_the_service_queue_where_there_is_one() {
        let directory = Directory::default();
        let mut row = held(1, "", 1);
        row.row.queue = Party::None;
        assert_eq!(key_of(&row, &directory, false), None);
        assert_eq!(
            key_of(&row, &directory, true).unwrap().queue,
            QueueKey::ServiceQueue
        );
    }
}
