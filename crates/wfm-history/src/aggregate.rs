//! Sums by key: in memory up to a bound, beyond that in sorted runs on disk, merged in the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use foldhash::{HashMap, HashMapExt};

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
    fn of(&self, key: Key) -> Key {
        let rank = |ranks: &[u32], id: u32| ranks.get(id as usize).copied().unwrap_or(id);
        [
            key[0],
            rank(&self.agents, key[1]),
            rank(&self.queues, key[2]),
            key[3],
        ]
    }
}

/// So many runs are merged at a time: each has a file and a buffer.
const FAN: usize = 64;
const BUFFER: usize = 16 << 10;

pub(crate) struct Aggregate {
    report: Report,
    directory: PathBuf,
    most: usize,
    index: HashMap<Key, u32>,
    entries: Vec<(Key, Sums)>,
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
            index: HashMap::new(),
            entries: Vec::new(),
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
        if let Some((last, entry)) = self.entries.get_mut(self.last)
            && *last == key
        {
            return entry.add(self.report, sums);
        }
        if self.entries.len() >= self.most && !self.index.contains_key(&key) {
            self.spill(&ranking())?;
        }
        match self.index.entry(key) {
            Entry::Occupied(known) => {
                self.last = *known.get() as usize;
                self.entries[self.last].1.add(self.report, sums)
            }
            Entry::Vacant(new) => {
                self.last = self.entries.len();
                let number = u32::try_from(self.last).map_err(|_| HistoryError::Overflow)?;
                new.insert(number);
                self.entries.push((key, *sums));
                Ok(())
            }
        }
    }

    /// The entries in their order, by number.
    fn sorted(&self, ranking: &Ranking) -> Vec<(Key, u32)> {
        let mut order: Vec<_> = self
            .entries
            .iter()
            .zip(0..)
            .map(|((key, _), number)| (ranking.of(*key), number))
            .collect();
        order.sort_unstable();
        order
    }

    fn spill(&mut self, ranking: &Ranking) -> Result<(), HistoryError> {
        let mut writer = Writer::new(&self.directory)?;
        for (_, number) in self.sorted(ranking) {
            let (key, sums) = &self.entries[number as usize];
            writer.put(*key, sums)?;
        }
        self.index.clear();
        self.entries.clear();
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
    pub(crate) fn finish(mut self, ranking: Ranking) -> Result<Merge, HistoryError> {
        let order = self.sorted(&ranking);
        self.index = HashMap::new();
        let memory = Memory {
            order: order.into_iter(),
            entries: self.entries,
        };
        let runs = self.levels.into_iter().flatten().collect();
        Merge::new(self.report, runs, Some(memory), ranking)
    }
}

struct Writer {
    file: BufWriter<File>,
    bytes: Vec<u8>,
    records: u64,
}

impl Writer {
    fn new(directory: &std::path::Path) -> Result<Self, HistoryError> {
        let file = tempfile::tempfile_in(directory).map_err(spill("written to"))?;
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER * 4, file),
            bytes: Vec::with_capacity(256),
            records: 0,
        })
    }

    fn put(&mut self, key: Key, sums: &Sums) -> Result<(), HistoryError> {
        self.bytes.clear();
        for number in key {
            put(&mut self.bytes, number.into());
        }
        put(
            &mut self.bytes,
            u64::from(sums.activity_rows) << 1 | u64::from(sums.ambiguous),
        );
        put_slots(&mut self.bytes, &sums.slots);
        self.records += 1;
        self.file
            .write_all(&self.bytes)
            .map_err(spill("written to"))
    }

    fn finish(self) -> Result<Run, HistoryError> {
        let written = self
            .file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error);
        let mut file = written.map_err(spill("written to"))?;
        file.seek(SeekFrom::Start(0)).map_err(spill("read"))?;
        Ok(Run {
            file,
            records: self.records,
        })
    }
}

struct Memory {
    order: std::vec::IntoIter<(Key, u32)>,
    entries: Vec<(Key, Sums)>,
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
                .map(|(_, number)| memory.entries[number as usize])),
            Self::Run(_, 0) => Ok(None),
            Self::Run(cursor, left) => {
                *left -= 1;
                record(cursor).map(Some).ok_or(HistoryError::DamagedSpill)
            }
        }
    }
}

fn record(cursor: &mut Cursor<BufReader<File>>) -> Option<(Key, Sums)> {
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
    heap: BinaryHeap<Reverse<(Key, usize)>>,
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
            merge.advance(source)?;
        }
        Ok(merge)
    }

    fn advance(&mut self, source: usize) -> Result<(), HistoryError> {
        self.heads[source] = self.sources[source].next()?;
        if let Some((key, _)) = &self.heads[source] {
            self.heap.push(Reverse((self.ranking.of(*key), source)));
        }
        Ok(())
    }

    fn take(&mut self) -> Result<Option<(Key, Sums)>, HistoryError> {
        let Some(Reverse((_, source))) = self.heap.pop() else {
            return Ok(None);
        };
        let head = self.heads[source].take();
        self.advance(source)?;
        Ok(head)
    }

    pub(crate) fn next(&mut self) -> Result<Option<(Key, Sums)>, HistoryError> {
        let Some((key, mut sums)) = self.take()? else {
            return Ok(None);
        };
        let rank = self.ranking.of(key);
        while self
            .heap
            .peek()
            .is_some_and(|Reverse((next, _))| *next == rank)
        {
            if let Some((_, more)) = self.take()? {
                sums.add(self.report, &more)?;
            }
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
