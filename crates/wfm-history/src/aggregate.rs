//! Sums by key: in memory up to a bound, beyond that in sorted runs on disk, merged in the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::PathBuf;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use indexmap::map::Entry;

use crate::measure::SLOTS;
use crate::values::{add, put_slots, take_slots};
use crate::wire::{Cursor, put};
use crate::{HistoryError, Report};

/// Four numbers; what they mean is the caller's.
pub(crate) type Key = [u32; 4];

/// The sums of a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums {
    pub(crate) slots: [u64; SLOTS],
    /// Rows that told a time in an activity.
    pub(crate) activity_rows: u32,
    /// Whether there are two intervals that it may belong to.
    pub(crate) ambiguous: bool,
}

impl Sums {
    #[inline]
    fn add(&mut self, report: Report, more: &Self) -> Result<(), HistoryError> {
        if !add(report, &mut self.slots, &more.slots) {
            return Err(HistoryError::Overflow);
        }
        self.activity_rows = self.activity_rows.saturating_add(more.activity_rows);
        self.ambiguous |= more.ambiguous;
        Ok(())
    }
}

/// Where a key stands among others: its numbers of agents and queues are exchanged for their places.
///
/// Two numbers keep their order when others are added, so runs that were sorted earlier stay sorted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ranking {
    pub(crate) agents: Vec<u32>,
    pub(crate) queues: Vec<u32>,
}

impl Ranking {
    /// The place of a key, its numbers as one: that is compared in one step.
    fn of(&self, key: Key) -> u128 {
        let rank = |ranks: &[u32], id: u32| ranks.get(id as usize).copied().unwrap_or(id);
        let numbers = [
            key[0],
            rank(&self.agents, key[1]),
            rank(&self.queues, key[2]),
            key[3],
        ];
        numbers
            .iter()
            .fold(0, |place, number| place << 32 | u128::from(*number))
    }
}

/// So many runs are merged at a time: each has a file and a buffer. The biggest report, in the worst order, makes some 90 by default, and
/// more than these are written twice.
const FAN: usize = 128;
const BUFFER: usize = 16 << 10;
/// Sums lie anywhere in memory: so many are fetched at a time, so that the processor waits for them together.
const GATHERED: usize = 16;
/// A record is never longer: numbers of 32 bits take 5 bytes, those of 64 bits 10.
const LONGEST_RECORD: usize = 4 * 5 + 10 + 10 + SLOTS * 10;

pub(crate) struct Aggregate {
    report: Report,
    directory: PathBuf,
    most: usize,
    sums: IndexMap<Key, Sums, RandomState>,
    last: usize,
    /// Runs by how often their sums were merged.
    levels: Vec<Vec<Run>>,
}

/// A file without a name, sorted.
struct Run {
    file: File,
    records: u64,
}

fn spill(action: &'static str) -> impl Fn(std::io::Error) -> HistoryError {
    move |source| HistoryError::Spill { action, source }
}

impl Aggregate {
    pub(crate) fn new(report: Report, directory: PathBuf, most: usize) -> Self {
        Self {
            report,
            directory,
            most,
            sums: IndexMap::default(),
            last: usize::MAX,
            levels: Vec::new(),
        }
    }

    /// Adds to the sums of a key. The ranking is wanted only when memory is full.
    #[inline]
    pub(crate) fn add(
        &mut self,
        key: Key,
        sums: &Sums,
        ranking: impl FnOnce() -> Ranking,
    ) -> Result<(), HistoryError> {
        // Rows of one key mostly follow each other.
        if let Some((last, known)) = self.sums.get_index_mut(self.last)
            && *last == key
        {
            return known.add(self.report, sums);
        }
        let full = self.sums.len() >= self.most;
        match self.sums.entry(key) {
            Entry::Occupied(known) => {
                self.last = known.index();
                return known.into_mut().add(self.report, sums);
            }
            Entry::Vacant(new) if !full => {
                self.last = new.index();
                new.insert(*sums);
                return Ok(());
            }
            Entry::Vacant(_) => {}
        }
        self.spill(&ranking())?;
        self.last = self.sums.insert_full(key, *sums).0;
        Ok(())
    }

    /// The sums in their order: place and index.
    fn sorted(&self, ranking: &Ranking) -> Vec<(u128, usize)> {
        let mut order: Vec<_> = self
            .sums
            .keys()
            .enumerate()
            .map(|(index, key)| (ranking.of(*key), index))
            .collect();
        order.sort_unstable();
        order
    }

    fn spill(&mut self, ranking: &Ranking) -> Result<(), HistoryError> {
        let mut writer = Writer::new(&self.directory)?;
        let mut some = Vec::with_capacity(GATHERED);
        for places in self.sorted(ranking).chunks(GATHERED) {
            let sums = places
                .iter()
                .filter_map(|(_, index)| self.sums.get_index(*index));
            some.extend(sums.map(|(key, sums)| (*key, *sums)));
            for (key, sums) in some.drain(..) {
                writer.put(key, &sums)?;
            }
        }
        self.sums.clear();
        self.last = usize::MAX;
        let mut run = writer.finish()?;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let runs = &mut self.levels[level];
            runs.push(run);
            if runs.len() < FAN {
                break;
            }
            let runs = std::mem::take(runs);
            let mut merged = Merge::new(self.report, runs, None, ranking.clone())?;
            let mut writer = Writer::new(&self.directory)?;
            while let Some((key, sums)) = merged.next()? {
                writer.put(key, &sums)?;
            }
            run = writer.finish()?;
        }
        Ok(())
    }

    /// All sums, in the order of their keys, each key once.
    pub(crate) fn finish(self, ranking: Ranking) -> Result<Merge, HistoryError> {
        let memory = Memory {
            order: self.sorted(&ranking).into_iter(),
            sums: self.sums,
        };
        let runs = self.levels.into_iter().flatten().collect();
        Merge::new(self.report, runs, Some(memory), ranking)
    }
}

struct Writer {
    file: File,
    bytes: Vec<u8>,
    records: u64,
}

impl Writer {
    fn new(directory: &std::path::Path) -> Result<Self, HistoryError> {
        Ok(Self {
            file: tempfile::tempfile_in(directory).map_err(spill("written to"))?,
            bytes: Vec::with_capacity(BUFFER * 4),
            records: 0,
        })
    }

    fn put(&mut self, key: Key, sums: &Sums) -> Result<(), HistoryError> {
        if self.bytes.capacity() - self.bytes.len() < LONGEST_RECORD {
            self.flush()?;
        }
        for number in key {
            put(&mut self.bytes, number.into());
        }
        put(
            &mut self.bytes,
            u64::from(sums.activity_rows) << 1 | u64::from(sums.ambiguous),
        );
        put_slots(&mut self.bytes, &sums.slots);
        self.records += 1;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), HistoryError> {
        self.file
            .write_all(&self.bytes)
            .map_err(spill("written to"))?;
        self.bytes.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Run, HistoryError> {
        self.flush()?;
        self.file.seek(SeekFrom::Start(0)).map_err(spill("read"))?;
        Ok(Run {
            file: self.file,
            records: self.records,
        })
    }
}

struct Memory {
    order: std::vec::IntoIter<(u128, usize)>,
    sums: IndexMap<Key, Sums, RandomState>,
}

enum Source {
    Memory(Memory),
    Run(Cursor<BufReader<File>>, u64),
}

impl Source {
    fn next(&mut self) -> Result<Option<(Key, Sums)>, HistoryError> {
        match self {
            Self::Memory(memory) => Ok(memory
                .order
                .next()
                .and_then(|(_, index)| memory.sums.get_index(index))
                .map(|(key, sums)| (*key, *sums))),
            Self::Run(_, 0) => Ok(None),
            Self::Run(cursor, left) => {
                *left -= 1;
                record_of_run(cursor)
                    .map(Some)
                    .ok_or(HistoryError::DamagedSpill)
            }
        }
    }
}

/// The next record of a run, from what is buffered where it cannot end within.
fn record_of_run(cursor: &mut Cursor<BufReader<File>>) -> Option<(Key, Sums)> {
    let buffered = cursor.buffered();
    if buffered.len() < LONGEST_RECORD {
        return record(cursor);
    }
    let mut quick = Cursor::new(buffered);
    let found = record(&mut quick);
    let read = buffered.len() - quick.left();
    cursor.skip(read);
    found
}

fn record<R: BufRead>(cursor: &mut Cursor<R>) -> Option<(Key, Sums)> {
    let mut key = [0; 4];
    for number in &mut key {
        *number = u32::try_from(cursor.number()?).ok()?;
    }
    let rows = cursor.number()?;
    let sums = Sums {
        activity_rows: u32::try_from(rows >> 1).ok()?,
        ambiguous: rows & 1 == 1,
        slots: take_slots(cursor)?,
    };
    Some((key, sums))
}

/// Sorted runs as one, equal keys added up.
pub(crate) struct Merge {
    report: Report,
    ranking: Ranking,
    sources: Vec<Source>,
    heads: Vec<Option<(Key, Sums)>>,
    heap: BinaryHeap<Reverse<(u128, usize)>>,
}

impl Merge {
    fn new(
        report: Report,
        runs: Vec<Run>,
        memory: Option<Memory>,
        ranking: Ranking,
    ) -> Result<Self, HistoryError> {
        let runs = runs.into_iter().map(|run| {
            Source::Run(
                Cursor::new(BufReader::with_capacity(BUFFER, run.file)),
                run.records,
            )
        });
        let sources: Vec<_> = runs.chain(memory.map(Source::Memory)).collect();
        let mut merge = Self {
            report,
            ranking,
            heads: vec![None; sources.len()],
            heap: BinaryHeap::with_capacity(sources.len()),
            sources,
        };
        for source in 0..merge.sources.len() {
            merge.heads[source] = merge.sources[source].next()?;
            if let Some((key, _)) = merge.heads[source] {
                merge.heap.push(Reverse((merge.ranking.of(key), source)));
            }
        }
        Ok(merge)
    }

    /// The next record of all runs, with its place; only one of this place, where it is told.
    fn take(&mut self, only: Option<u128>) -> Result<Option<(u128, Key, Sums)>, HistoryError> {
        let Some(mut top) = self.heap.peek_mut() else {
            return Ok(None);
        };
        let Reverse((place, source)) = *top;
        if only.is_some_and(|only| only != place) {
            return Ok(None);
        }
        let next = self.sources[source].next()?;
        // The next one of a run mostly comes before those of the others: then the heap stays as it is.
        match &next {
            Some((key, _)) => top.0.0 = self.ranking.of(*key),
            None => {
                PeekMut::pop(top);
            }
        }
        let head = std::mem::replace(&mut self.heads[source], next);
        Ok(head.map(|(key, sums)| (place, key, sums)))
    }

    pub(crate) fn next(&mut self) -> Result<Option<(Key, Sums)>, HistoryError> {
        let Some((place, key, mut sums)) = self.take(None)? else {
            return Ok(None);
        };
        while let Some((_, _, more)) = self.take(Some(place))? {
            sums.add(self.report, &more)?;
        }
        Ok(Some((key, sums)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn one(value: u64) -> Sums {
        let mut slots = [0; SLOTS];
        slots[3] = value;
        Sums {
            slots,
            activity_rows: 1,
            ambiguous: value == 7,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn however_little_memory_there_is_the_sums_are_the_same(
            rows in prop::collection::vec((0..40_u32, 0..3_u32, 1..1_000_u64), 0..600),
            most in 1..50_usize,
        ) {
            let directory = std::env::temp_dir();
            let mut aggregate = Aggregate::new(Report::AgentProductivity, directory, most);
            let mut expected = BTreeMap::<Key, (u64, u32, bool)>::new();
            for (a, b, value) in rows {
                let key = [a, b, 0, 0];
                aggregate.add(key, &one(value), Ranking::default).unwrap();
                let sums = expected.entry(key).or_default();
                *sums = (sums.0 + value, sums.1 + 1, sums.2 || value == 7);
            }
            let mut merge = aggregate.finish(Ranking::default()).unwrap();
            let mut found = Vec::new();
            while let Some((key, sums)) = merge.next().unwrap() {
                found.push((key, (sums.slots[3], sums.activity_rows, sums.ambiguous)));
            }
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_sum_beyond_64_bits_is_an_error() {
        let mut aggregate = Aggregate::new(Report::AgentProductivity, "unused".into(), 10);
        let key = [1, 2, 3, 4];
        aggregate
            .add(key, &one(u64::MAX), Ranking::default)
            .unwrap();
        let error = aggregate.add(key, &one(1), Ranking::default).unwrap_err();
        assert!(matches!(error, HistoryError::Overflow), "{error}");
    }

    #[test]
    fn a_spilled_run_that_is_shorter_than_it_was_is_told() {
        let run = Run {
            file: tempfile::tempfile().unwrap(),
            records: 1,
        };
        let merge = Merge::new(Report::QueueHistory, vec![run], None, Ranking::default());
        assert!(matches!(merge.err(), Some(HistoryError::DamagedSpill)));
    }
}
