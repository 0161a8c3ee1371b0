//! Whatever is put into batches and whatever becomes of it: the ledger has what a small model of it has.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};

use contact_model::AcdKey;
use proptest::collection::vec;
use proptest::prelude::*;
use sync_ledger::conformance::{acd, agent_key, at, batch, interval, new_row, queue_key};
use sync_ledger::{
    AcdStore as _, BatchNumber, BatchSettlement, DeliveredFile, IntervalStore as _, LedgerError,
    RowCount, RowFate, RowState, SqliteLedger, SqliteOptions, WorkerLock,
};
use wfm_history::{Change, Delivered, Happened, IntervalKey, Refused, Report, Values};

const REPORTS: [Report; 2] = [Report::AgentProductivity, Report::QueueHistory];
const FILES: [&str; 2] = ["a.csv", "b.csv"];

/// Something that happens to the history of one of two ACDs. Which batch or file is meant is counted among those that are there.
#[derive(Debug, Clone)]
enum Step {
    Add {
        acd: u8,
        report: usize,
        /// Interval, agent or queue, value.
        rows: Vec<(i64, u32, u64)>,
    },
    Settle {
        batch: usize,
        due: i64,
        rows: Vec<(u32, u8)>,
    },
    Close {
        file: usize,
        refused: bool,
    },
    Prune {
        before: i64,
    },
    Reopen,
}

fn steps() -> impl Strategy<Value = Step> {
    let row = (0..8_i64, 1..4_u32, 0..4_u64);
    let settled = (0..5_u32, 0..6_u8);
    prop_oneof![
        4 => (1..3_u8, 0..2_usize, vec(row, 1..5))
            .prop_map(|(acd, report, rows)| Step::Add { acd, report, rows }),
        6 => (0..8_usize, 0..100_i64, vec(settled, 0..6))
            .prop_map(|(batch, due, rows)| Step::Settle { batch, due, rows }),
        2 => (0..4_usize, any::<bool>()).prop_map(|(file, refused)| Step::Close { file, refused }),
        1 => (0..9_i64).prop_map(|before| Step::Prune { before }),
        1 => Just(Step::Reopen),
    ]
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Waiting,
    Sent,
    InFile(&'static str),
    Refused,
    InDoubt,
    /// It was refused, and newer values of it came.
    Over,
}

impl State {
    fn in_counts(&self) -> Option<RowState> {
        Some(match self {
            Self::Waiting => RowState::Waiting,
            Self::Sent | Self::InFile(_) => RowState::Delivered,
            Self::Refused => RowState::Refused,
            Self::InDoubt => RowState::InDoubt,
            Self::Over => return None,
        })
    }
}

struct Batch {
    number: BatchNumber,
    acd: u8,
    report: Report,
    created: i64,
    due: i64,
    attempts: u32,
    rows: Vec<(Change, State)>,
    /// Open files, with when they were put there first.
    files: BTreeMap<&'static str, i64>,
}

impl Batch {
    fn waits(&self) -> bool {
        self.rows.iter().any(|(_, state)| *state == State::Waiting)
    }
}

/// The newest values of an interval, and the batch that they are in.
#[derive(Debug, Clone, Copy)]
struct Known {
    values: Values,
    refused: Option<Refused>,
    batch: BatchNumber,
}

/// What the ledger should have.
#[derive(Default)]
struct Model {
    values: BTreeMap<(u8, Report, IntervalKey), Known>,
    batches: Vec<Batch>,
    pruned: Vec<BatchNumber>,
}

impl Model {
    fn of(&self, acd: u8, report: Report) -> impl Iterator<Item = &Batch> {
        let of = move |batch: &&Batch| batch.acd == acd && batch.report == report;
        self.batches.iter().filter(of)
    }

    fn known(&self, acd: u8, report: Report) -> Vec<Delivered> {
        let of = self
            .values
            .iter()
            .filter(|((a, r, _), _)| (*a, *r) == (acd, report));
        of.map(|((_, _, key), known)| Delivered {
            key: *key,
            values: known.values,
            refused: known.refused,
        })
        .collect()
    }

    /// Rows by report and state. The oldest delivered one is the oldest interval that is known.
    fn counts(&self, acd: u8) -> Vec<RowCount> {
        let mut counts = Vec::new();
        for report in REPORTS {
            for state in [
                RowState::Waiting,
                RowState::Delivered,
                RowState::Refused,
                RowState::InDoubt,
            ] {
                let rows = self.of(acd, report).flat_map(|batch| &batch.rows);
                let rows: Vec<_> = rows
                    .filter(|(_, of)| of.in_counts() == Some(state))
                    .map(|(change, _)| change.row.key.interval)
                    .collect();
                let oldest = match state {
                    RowState::Delivered => self
                        .known(acd, report)
                        .first()
                        .map(|first| first.key.interval),
                    _ => rows.iter().min().copied(),
                };
                if let Some(oldest) = oldest.filter(|_| !rows.is_empty()) {
                    counts.push(RowCount {
                        report,
                        state,
                        rows: rows.len() as u64,
                        oldest,
                    });
                }
            }
        }
        counts
    }

    fn open_files(&self, acd: u8) -> Vec<DeliveredFile> {
        let of = self.batches.iter().filter(|batch| batch.acd == acd);
        of.flat_map(|batch| {
            batch.files.iter().map(|(name, second)| DeliveredFile {
                batch: batch.number,
                name: (*name).to_owned(),
                at: at(*second),
            })
        })
        .collect()
    }

    fn settle(&mut self, which: usize, second: i64, due: i64, rows: &[(u32, RowFate)]) {
        let batch = &mut self.batches[which];
        (batch.attempts, batch.due) = (batch.attempts + 1, due);
        let mut settled = Vec::new();
        for (place, fate) in rows {
            let Some((_, state)) = batch.rows.get_mut(*place as usize) else {
                continue;
            };
            if *state != State::Waiting {
                continue;
            }
            settled.push(*place);
            *state = match fate {
                RowFate::Delivered { file: None } => State::Sent,
                RowFate::Delivered { file: Some(file) } => {
                    let name = FILES.into_iter().find(|name| name == file).unwrap();
                    batch.files.entry(name).or_insert(second);
                    State::InFile(name)
                }
                RowFate::Refused { .. } => State::Refused,
                RowFate::InDoubt { .. } => State::InDoubt,
            };
        }
        self.remember_refused(which, &settled);
    }

    /// Of refused rows: what Calabrio has instead. Newer values that wait follow on that.
    fn remember_refused(&mut self, which: usize, places: &[u32]) {
        let batch = &self.batches[which];
        let (acd, report, number) = (batch.acd, batch.report, batch.number);
        let refused: Vec<Change> = (0..)
            .zip(&batch.rows)
            .filter(|(place, (_, state))| places.contains(place) && *state == State::Refused)
            .map(|(_, (row, _))| *row)
            .collect();
        for row in refused {
            let before = before(&row);
            let key = row.row.key;
            let Some(known) = self.values.get_mut(&(acd, report, key)) else {
                continue;
            };
            if known.batch == number {
                known.refused = Some(Refused { before });
                continue;
            }
            let newer = self
                .batches
                .iter_mut()
                .find(|one| one.number == known.batch);
            let rows = newer.map(|newer| &mut newer.rows).into_iter().flatten();
            for (next, state) in rows {
                if next.row.key == key && *state == State::Waiting {
                    next.happened = match (before, next.happened) {
                        (None, _) => Happened::New,
                        (Some(before), Happened::Gone { .. }) => Happened::Gone { before },
                        (Some(before), _) => Happened::Changed { before },
                    };
                }
            }
        }
    }

    fn close(&mut self, file: &DeliveredFile, refused: bool) {
        let batch = self
            .batches
            .iter_mut()
            .find(|batch| batch.number == file.batch);
        let batch = batch.unwrap();
        batch.files.remove(file.name.as_str());
        let mut closed = Vec::new();
        for (place, (_, state)) in (0..).zip(&mut batch.rows) {
            if matches!(state, State::InFile(name) if *name == file.name) {
                *state = if refused { State::Refused } else { State::Sent };
                closed.push(place);
            }
        }
        let which = self
            .batches
            .iter()
            .position(|batch| batch.number == file.batch);
        self.remember_refused(which.unwrap(), &closed);
    }

    fn prune(&mut self, before: i64) -> u64 {
        let old = |batch: &Batch| {
            let newest = batch.rows.iter().map(|(row, _)| row.row.key.interval).max();
            !batch.waits() && newest < Some(interval(before))
        };
        let gone = self.batches.iter().filter(|batch| old(batch));
        self.pruned.extend(gone.map(|batch| batch.number));
        self.batches.retain(|batch| !old(batch));
        let waiting: BTreeSet<_> = self
            .batches
            .iter()
            .flat_map(|batch| batch.rows.iter().map(move |row| (batch, row)))
            .filter(|(_, (_, state))| *state == State::Waiting)
            .map(|(batch, (row, _))| (batch.acd, batch.report, row.row.key))
            .collect();
        let count = self.values.len();
        self.values
            .retain(|key, _| key.2.interval >= interval(before) || waiting.contains(key));
        (count - self.values.len()) as u64
    }
}

fn before(change: &Change) -> Option<Values> {
    match change.happened {
        Happened::New => None,
        Happened::Changed { before } | Happened::Gone { before } => Some(before),
    }
}

fn fate(number: u8) -> Option<RowFate> {
    let reason = "a reason".to_owned();
    Some(match number {
        0 => return None,
        1 => RowFate::Delivered { file: None },
        2 | 3 => RowFate::Delivered {
            file: Some(FILES[usize::from(number - 2)].to_owned()),
        },
        4 => RowFate::Refused { reason },
        _ => RowFate::InDoubt { reason },
    })
}

async fn open(directory: &tempfile::TempDir) -> SqliteLedger {
    let path = directory.path().join("ledger.db");
    SqliteLedger::open(
        WorkerLock::acquire(&path).unwrap(),
        SqliteOptions::default(),
    )
    .await
    .unwrap()
}

async fn known(ledger: &SqliteLedger, acd: &AcdKey, report: Report) -> Vec<Delivered> {
    let mut known: Vec<Delivered> = Vec::new();
    loop {
        let after = known.last().map(|last| last.key);
        let range = interval(0)..interval(99);
        let page = ledger.intervals(acd, report, range, after.as_ref(), 3);
        let page = page.await.unwrap();
        if page.is_empty() {
            return known;
        }
        known.extend(page);
    }
}

/// The ledger and the model have the same.
async fn compare(ledger: &SqliteLedger, model: &Model) {
    for number in 1..=2 {
        let acd = acd(number);
        for report in REPORTS {
            let found = known(ledger, &acd, report).await;
            assert_eq!(found, model.known(number, report));
            let next = ledger.next_batch(&acd, report).await.unwrap();
            let expected = model.of(number, report).find(|batch| batch.waits());
            assert_eq!(
                next.as_ref().map(|batch| batch.number),
                expected.map(|batch| batch.number)
            );
            let (Some(next), Some(expected)) = (next, expected) else {
                continue;
            };
            assert_eq!(
                (next.created, next.due, next.attempts),
                (at(expected.created), at(expected.due), expected.attempts)
            );
            let rows: Vec<_> = (0..)
                .zip(&expected.rows)
                .filter(|(_, (_, state))| *state == State::Waiting)
                .map(|(place, (row, _))| (place, *row))
                .collect();
            assert_eq!(next.rows, rows);
        }
        assert_eq!(ledger.row_counts(&acd).await.unwrap(), model.counts(number));
        let files = ledger.open_files(&acd, None, 99).await.unwrap();
        assert_eq!(files, model.open_files(number));
        let troubled = ledger.troubled_rows(&acd, 999).await.unwrap();
        let counts = model.counts(number);
        let expected = counts
            .iter()
            .filter(|count| matches!(count.state, RowState::Refused | RowState::InDoubt));
        assert_eq!(
            troubled.len() as u64,
            expected.map(|count| count.rows).sum::<u64>()
        );
        assert!(troubled.is_sorted_by(|a, b| a.at >= b.at));
    }
}

async fn add(
    ledger: &SqliteLedger,
    model: &mut Model,
    second: i64,
    (acd_number, report): (u8, Report),
    rows: &[(i64, u32, u64)],
) {
    // A key comes once in a batch.
    let rows: BTreeMap<_, _> = rows
        .iter()
        .map(|(number, of, value)| ((*number, *of), *value))
        .collect();
    let rows: Vec<Change> = rows
        .into_iter()
        .map(|((number, of), value)| {
            let key = match report {
                Report::AgentProductivity => agent_key(number, of, of % 2),
                Report::QueueHistory => queue_key(number, of - 1),
            };
            let mut row = new_row(key, value);
            let known = model.values.get(&(acd_number, report, key));
            let arrived = known.and_then(|known| match known.refused {
                None => Some(known.values),
                Some(refused) => refused.before,
            });
            if let Some(before) = arrived {
                row.happened = match value {
                    0 => Happened::Gone { before },
                    _ => Happened::Changed { before },
                };
            }
            row
        })
        .collect();
    let given = batch(&acd(acd_number), second, rows.clone());
    let number = ledger.add_batch(&given).await.unwrap();
    for row in &rows {
        let key = (acd_number, report, row.row.key);
        let known = Known {
            values: row.row.values,
            refused: None,
            batch: number,
        };
        model.values.insert(key, known);
        let of = (acd_number, report);
        let older = model
            .batches
            .iter_mut()
            .filter(|one| (one.acd, one.report) == of);
        for (old, state) in older.flat_map(|one| &mut one.rows) {
            if old.row.key == row.row.key && *state == State::Refused {
                *state = State::Over;
            }
        }
    }
    let last = model.batches.iter().map(|batch| batch.number).max();
    assert!(last < Some(number));
    model.batches.push(Batch {
        number,
        acd: acd_number,
        report,
        created: second,
        due: second,
        attempts: 0,
        rows: rows.into_iter().map(|row| (row, State::Waiting)).collect(),
        files: BTreeMap::new(),
    });
}

async fn go_through(steps: &[Step]) {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(&directory).await;
    for number in [1, 2] {
        ledger.register(&acd(number), "an acd").await.unwrap();
    }
    let mut model = Model::default();
    for (second, step) in (1..).zip(steps) {
        match step {
            Step::Add { acd, report, rows } => {
                let of = (*acd, REPORTS[*report]);
                add(&ledger, &mut model, second, of, rows).await;
            }
            Step::Settle { batch, due, rows } => {
                if model.batches.is_empty() {
                    continue;
                }
                let which = batch % model.batches.len();
                let rows: Vec<_> = rows
                    .iter()
                    .filter_map(|(place, number)| Some((*place, fate(*number)?)))
                    .collect();
                let settlement = BatchSettlement {
                    at: at(second),
                    due: at(*due),
                    rows: rows.clone(),
                };
                let number = model.batches[which].number;
                ledger.settle_batch(number, &settlement).await.unwrap();
                model.settle(which, second, *due, &rows);
            }
            Step::Close { file, refused } => {
                let open = [model.open_files(1), model.open_files(2)].concat();
                if open.is_empty() {
                    continue;
                }
                let file = &open[file % open.len()];
                let reason = refused.then_some("the penalty box");
                ledger.close_file(file, reason, at(second)).await.unwrap();
                model.close(file, *refused);
            }
            Step::Prune { before } => {
                let pruned = ledger.prune_intervals(interval(*before), 999);
                assert_eq!(pruned.await.unwrap(), model.prune(*before));
            }
            Step::Reopen => {
                // Its lock goes with the last of it.
                ledger.close().await;
                drop(ledger);
                ledger = open(&directory).await;
            }
        }
        compare(&ledger, &model).await;
    }
    for number in model.pruned {
        let settlement = BatchSettlement {
            at: at(0),
            due: at(0),
            rows: Vec::new(),
        };
        let settled = ledger.settle_batch(number, &settlement).await;
        assert!(matches!(settled, Err(LedgerError::UnknownBatch { .. })));
    }
    ledger.verify().await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_has_what_was_put_into_it_and_what_became_of_it(steps in vec(steps(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(go_through(&steps));
    }
}
