//! From bytes to sums: the way of each row.

use std::hash::BuildHasher;
use std::io::Read;

use foldhash::fast::FixedState;
use foldhash::{HashSet, HashSetExt};
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_interval::Interval;

use crate::aggregate::{Aggregate, Ranking, Sums};
use crate::columns::{Amount, Columns, Form};
use crate::intervals::Intervals;
use crate::issue::{RowFault, RowIssue};
use crate::measure::{ABANDONED_SLOT, ACTIVITY_SLOT, ANSWERED_SLOT, OFFERED_SLOT, SLOTS};
use crate::number;
use crate::rows::{LastRow, Row, Rows};
use crate::settings::{LastLineEnd, ReportRules};
use crate::slots::{Order, Slot, Slots, Twice};
use crate::subjects::{Fault, NOBODY, Subjects};
use crate::summary::{Ending, Summary, WordCount};
use crate::values::add;
use crate::words::{Word, Words};
use crate::{ActivityState, Field, HistoryError, Report, Resolver, Values};

/// Reads a report, chunk by chunk, in constant memory.
///
/// Feed it with [`push`](History::push) or [`read`](History::read), then [`finish`](History::finish) it.
pub struct History<R> {
    rows: Rows,
    state: State<R>,
}

struct State<R> {
    rules: ReportRules,
    resolver: R,
    columns: Option<Columns>,
    slots: Slots,
    agents: Subjects<WorkerSid>,
    queues: Subjects<TaskQueueSid>,
    kinds: Words<bool>,
    activities: Words<Option<ActivityState>>,
    sums: Aggregate,
    repeated: Repeated,
    summary: Summary,
    totals: [u64; SLOTS],
    span: (u32, u32),
    /// The coarsest unit in which times in an activity were rounded, in milliseconds.
    grain: u64,
}

/// Rows of repeated hours, until it is known which of them can be told apart.
struct Repeated {
    sums: Aggregate,
    whole: Order,
    subjects: Vec<Order>,
    /// Rows of first passes, as hashes: the same row again in a second pass proves that the report shows both.
    first_passes: HashSet<u64>,
    hasher: FixedState,
}

/// Memory for that proof. It mostly comes with the first row of the second pass.
const MAX_FIRST_PASSES: usize = 1 << 18;

impl<R: Resolver> History<R> {
    /// A report that is about to be read by these rules.
    pub fn new(rules: ReportRules, resolver: R) -> Self {
        let report = rules.report;
        let aggregate = |most| Aggregate::new(report, rules.spill_dir.clone(), most);
        Self {
            rows: Rows::new(report, rules.delimiter),
            state: State {
                resolver,
                columns: None,
                slots: Slots::new(rules.zone),
                agents: Subjects::new(rules.max_names),
                queues: Subjects::new(rules.max_names),
                kinds: Words::new(),
                activities: Words::new(),
                sums: aggregate(rules.max_open_keys),
                repeated: Repeated {
                    sums: aggregate(rules.max_open_keys.div_ceil(4)),
                    whole: Order::default(),
                    subjects: Vec::new(),
                    first_passes: HashSet::new(),
                    hasher: FixedState::default(),
                },
                summary: Summary {
                    report,
                    zone: rules.zone,
                    header: Vec::new(),
                    rows: 0,
                    counted: 0,
                    filtered: 0,
                    issues: crate::Issues::default(),
                    kinds_counted: Vec::new(),
                    kinds_filtered: Vec::new(),
                    activities_unmapped: Vec::new(),
                    totals: Values::zero(report),
                    first: None,
                    last: None,
                    repeated_told_apart: 0,
                    repeated_merged: 0,
                    ending: Ending::Complete,
                },
                totals: [0; SLOTS],
                span: (u32::MAX, 0),
                grain: 1,
                rules,
            },
        }
    }

    /// The next bytes of the report. They may end anywhere, also within a character.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), HistoryError> {
        // To whoever parses, nothing would be the end.
        if chunk.is_empty() {
            return Ok(());
        }
        if self.rows.has_begun() {
            return self.rows(chunk);
        }
        match self.rows.begin(chunk, false)? {
            Some(head) => self.rows(&head),
            None => Ok(()),
        }
    }

    /// The rest of the report, from a reader.
    pub fn read(&mut self, mut reader: impl Read) -> Result<(), HistoryError> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => self.push(&buffer[..read])?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(HistoryError::Read(error)),
            }
        }
    }

    fn rows(&mut self, mut chunk: &[u8]) -> Result<(), HistoryError> {
        while let Some(row) = self.rows.next(&mut chunk)? {
            self.state.row(&row)?;
        }
        Ok(())
    }

    /// The end of the report: what was found, and its intervals.
    ///
    /// No bytes at all, and a header alone, are an empty report and no error.
    pub fn finish(mut self) -> Result<(Summary, Intervals), HistoryError> {
        if let Some(head) = self.rows.begin(&[], true)? {
            self.rows(&head)?;
        }
        let (ending, row) = self.rows.last()?;
        if let Some(row) = row {
            self.state.last(&row, ending)?;
        }
        self.state.finish()
    }
}

impl<R: Resolver> State<R> {
    fn header(&mut self, row: &Row<'_>) -> Result<(), HistoryError> {
        let names = row.iter().map(|name| {
            std::str::from_utf8(name)
                .map(|name| name.trim().to_owned())
                .map_err(|_| HistoryError::Encoding {
                    report: self.rules.report,
                })
        });
        let header: Vec<String> = names.collect::<Result<_, _>>()?;
        self.summary.header.clone_from(&header);
        self.columns = Some(Columns::new(&self.rules, header)?);
        Ok(())
    }

    /// A row that no line end follows.
    fn last(&mut self, row: &Row<'_>, ending: LastRow) -> Result<(), HistoryError> {
        let columns = self.columns.as_ref().map(Columns::len);
        let whole = columns.is_none_or(|columns| columns == row.len())
            && ending == LastRow::Open
            && self.rules.last_line_end == LastLineEnd::Optional;
        if whole {
            self.summary.ending = Ending::NoLineEnd;
            return self.row(row);
        }
        self.summary.ending = Ending::CutShort;
        if columns.is_some() {
            self.summary.rows += 1;
            let most = self.rules.max_issues;
            let issue = RowIssue {
                line: row.line,
                field: None,
                fault: RowFault::CutShort,
            };
            self.summary.issues.add(issue, most);
        }
        Ok(())
    }

    #[inline]
    fn row(&mut self, row: &Row<'_>) -> Result<(), HistoryError> {
        if self.columns.is_none() {
            return self.header(row);
        }
        self.summary.rows += 1;
        match self.take(row) {
            Ok(true) => self.summary.counted += 1,
            Ok(false) => self.summary.filtered += 1,
            Err(Stop::Row(field, fault)) => {
                let line = row.line;
                let issue = RowIssue { line, field, fault };
                self.summary.issues.add(issue, self.rules.max_issues);
            }
            Err(Stop::Report(error)) => return Err(error),
        }
        Ok(())
    }

    /// Adds a row to the sums; false where its kind does not count.
    #[inline]
    fn take(&mut self, row: &Row<'_>) -> Result<bool, Stop> {
        let Some(columns) = &self.columns else {
            return Ok(false);
        };
        if row.len() != columns.len() {
            return Err(Stop::Row(
                None,
                RowFault::FieldCount {
                    found: row.len(),
                    expected: columns.len(),
                },
            ));
        }
        if let Some(column) = columns.kind {
            let kinds = &self.rules.kinds;
            let counts = |kind: &[u8]| {
                kinds
                    .iter()
                    .any(|known| known.as_bytes().eq_ignore_ascii_case(kind))
            };
            if !self.kinds.meaning(row.get(column), counts) {
                return Ok(false);
            }
        }
        let slot = self.slots.of(row, columns.times, &self.rules);
        match slot {
            Slot::Unreadable(field) => return Err(Stop::Row(Some(field), RowFault::Unreadable)),
            Slot::Missing(local) => return Err(Stop::Row(None, RowFault::MissingHour { local })),
            Slot::One { .. } | Slot::Two(_) => {}
        }
        let resolver = &self.resolver;
        let agent = subject(
            row,
            (columns.agent_sid, Field::AgentSid),
            (columns.agent, Field::Agent),
            &mut self.agents,
            |sid| resolver.has_agent(sid),
            |name| resolver.agent(name),
        )?;
        let queue = subject(
            row,
            (columns.queue_sid, Field::QueueSid),
            (columns.queue, Field::Queue),
            &mut self.queues,
            |sid| resolver.has_queue(sid),
            |name| resolver.queue(name),
        )?;
        let subject = match self.rules.report {
            Report::AgentProductivity if agent == NOBODY => {
                return Err(Stop::Row(None, RowFault::NoAgent));
            }
            Report::QueueHistory if queue == NOBODY => {
                return Err(Stop::Row(None, RowFault::NoQueue));
            }
            Report::AgentProductivity => agent,
            Report::QueueHistory => queue,
        };
        let sums = sums(
            row,
            columns,
            &self.rules,
            &mut self.activities,
            &mut self.grain,
        )?;
        if !add(self.rules.report, &mut self.totals, &sums.slots) {
            return Err(Stop::Report(HistoryError::Overflow));
        }
        let last = subject as usize;
        if last >= self.repeated.subjects.len() {
            let known = self.agents.len().max(self.queues.len());
            self.repeated.subjects.resize_with(known, Order::default);
        }
        let (agents, queues) = (&self.agents, &self.queues);
        let (first, last) = match slot {
            Slot::One { interval, local } => {
                self.repeated.whole.pass(local, 0);
                self.repeated.subjects[last].pass(local, 0);
                self.sums
                    .add([interval, agent, queue, 0], &sums, || {
                        ranking(agents, queues)
                    })
                    .map_err(Stop::Report)?;
                (interval, interval)
            }
            Slot::Two(twice) => {
                let words = [columns.kind, columns.activity]
                    .map(|column| column.map(|column| row.get(column)));
                self.repeated
                    .add((agent, queue), last, twice, words, &sums)
                    .map_err(Stop::Report)?;
                (twice.earlier, twice.earlier + twice.shift)
            }
            Slot::Missing(_) | Slot::Unreadable(_) => return Ok(false),
        };
        self.span = (self.span.0.min(first), self.span.1.max(last));
        Ok(true)
    }

    fn finish(mut self) -> Result<(Summary, Intervals), HistoryError> {
        let mut repeated = self.repeated.sums.finish(Ranking::default())?;
        let (agents, queues) = (&self.agents, &self.queues);
        while let Some(([agent, queue, earlier, when], mut sums)) = repeated.next()? {
            let subject = match self.rules.report {
                Report::AgentProductivity => agent,
                Report::QueueHistory => queue,
            };
            let (turn, shift) = (when >> 8, when >> 2 & 0x3f);
            // What the report as a whole tells goes first: it also tells of those who have rows in one pass only.
            let later = if self.repeated.whole.tells(turn) {
                Some(when & 2 != 0)
            } else if self.repeated.subjects[subject as usize].tells(turn) {
                Some(when & 1 != 0)
            } else {
                None
            };
            match later {
                Some(_) => self.summary.repeated_told_apart += 1,
                None => self.summary.repeated_merged += 1,
            }
            sums.ambiguous |= later.is_none();
            let interval = earlier + if later == Some(true) { shift } else { 0 };
            self.sums.add([interval, agent, queue, 0], &sums, || {
                ranking(agents, queues)
            })?;
        }
        let ranking = ranking(agents, queues);
        let merge = self.sums.finish(ranking)?;
        let mut summary = self.summary;
        summary.totals = Values::from_slots(self.rules.report, self.totals);
        if summary.counted > 0 {
            let interval = |number: u32| Some(Interval::from_number(number.into()));
            (summary.first, summary.last) = (interval(self.span.0), interval(self.span.1));
        }
        summary.kinds_counted = words(&self.kinds, |counts| counts);
        summary.kinds_filtered = words(&self.kinds, |counts| !counts);
        summary.activities_unmapped = words(&self.activities, |state| state.is_none());
        let intervals = Intervals::new(&self.rules, merge, self.agents, self.queues, self.grain);
        Ok((summary, intervals))
    }
}

impl Repeated {
    fn add(
        &mut self,
        (agent, queue): (u32, u32),
        subject: usize,
        twice: Twice,
        words: [Option<&[u8]>; 2],
        sums: &Sums,
    ) -> Result<(), HistoryError> {
        let whole = self.whole.pass(twice.local, twice.turn);
        let own = self.subjects[subject].pass(twice.local, twice.turn);
        let row = self.hasher.hash_one((agent, queue, twice.earlier, words));
        // The same row in both passes: a report that merges the two hours would show it once.
        for (second, salt, order) in [
            (whole, 0, &mut self.whole),
            (own, 1, &mut self.subjects[subject]),
        ] {
            let row = row ^ salt;
            if second {
                if self.first_passes.contains(&row) {
                    order.prove(twice.turn);
                }
            } else if self.first_passes.len() < MAX_FIRST_PASSES {
                self.first_passes.insert(row);
            }
        }
        let when = twice.turn << 8 | twice.shift << 2 | u32::from(whole) << 1 | u32::from(own);
        let key = [agent, queue, twice.earlier, when];
        self.sums.add(key, sums, Ranking::default)
    }
}

/// Why a row is not taken.
enum Stop {
    Row(Option<Field>, RowFault),
    Report(HistoryError),
}

fn ranking(agents: &Subjects<WorkerSid>, queues: &Subjects<TaskQueueSid>) -> Ranking {
    Ranking {
        agents: agents.ranks(),
        queues: queues.ranks(),
    }
}

/// Who a row is of: by SID where it tells one, else by name.
#[inline]
fn subject<S>(
    row: &Row<'_>,
    (sid, sid_field): (Option<usize>, Field),
    (name, name_field): (Option<usize>, Field),
    subjects: &mut Subjects<S>,
    has: impl Fn(&S) -> bool,
    resolve: impl Fn(&str) -> crate::Resolution<S>,
) -> Result<u32, Stop>
where
    S: Copy + Eq + Ord + std::hash::Hash + std::str::FromStr,
{
    let told = |column: Option<usize>| {
        column
            .map(|column| row.get(column))
            .filter(|text| !text.is_empty())
    };
    let (found, field) = if let Some(text) = told(sid) {
        let found = subjects.by_sid(text, has);
        match (found, told(name)) {
            (Ok(NOBODY), Some(text)) => (subjects.by_name(text, resolve), name_field),
            (found, _) => (found, sid_field),
        }
    } else if let Some(text) = told(name) {
        (subjects.by_name(text, resolve), name_field)
    } else {
        return Ok(NOBODY);
    };
    found.map_err(|fault| match fault {
        Fault::NotASid => Stop::Row(Some(field), RowFault::NotASid),
        Fault::NotText => Stop::Row(Some(field), RowFault::Unreadable),
        Fault::TooMany(error) => Stop::Report(error),
    })
}

/// What a row adds.
#[inline]
fn sums(
    row: &Row<'_>,
    columns: &Columns,
    rules: &ReportRules,
    activities: &mut Words<Option<ActivityState>>,
    coarsest: &mut u64,
) -> Result<Sums, Stop> {
    let mut sums = Sums {
        slots: [0; SLOTS],
        activity_rows: 0,
        ambiguous: false,
    };
    let agents = rules.report == Report::AgentProductivity;
    for amount in &columns.amounts {
        let (value, grain) = read(row.get(amount.column), amount, rules)
            .ok_or(Stop::Row(Some(amount.field), RowFault::Unreadable))?;
        sums.slots[amount.slot] = value;
        if agents && amount.slot == ACTIVITY_SLOT && value > 0 {
            sums.activity_rows = 1;
            *coarsest = grain.max(*coarsest);
        }
    }
    if let Some(column) = columns.activity
        && sums.activity_rows > 0
    {
        let state = |name: &[u8]| rules.activities.get(name).copied();
        if let Some(state) = activities.meaning(row.get(column), state) {
            sums.slots[activity_slot(state)] = sums.slots[ACTIVITY_SLOT];
        }
    }
    if !agents && !columns.offered {
        sums.slots[OFFERED_SLOT] = sums.slots[ANSWERED_SLOT]
            .checked_add(sums.slots[ABANDONED_SLOT])
            .ok_or(Stop::Report(HistoryError::Overflow))?;
    }
    Ok(sums)
}

/// A value and the unit in which it was rounded.
#[inline]
fn read(bytes: &[u8], amount: &Amount, rules: &ReportRules) -> Option<(u64, u64)> {
    match (amount.form, number::plain(bytes)) {
        (Form::Count, Some(count)) => Some((count, 1)),
        (Form::Duration(unit), Some(number)) => Some((number.checked_mul(unit)?, unit)),
        _ if bytes.is_empty() => Some((0, 1)),
        (Form::Count, None) => number::count(bytes, &rules.forms).map(|count| (count, 1)),
        (Form::Duration(unit), None) => number::duration(bytes, &rules.forms, unit)
            .map(|duration| (duration.millis, duration.grain)),
    }
}

fn activity_slot(state: ActivityState) -> usize {
    match state {
        ActivityState::Ready => 1,
        ActivityState::NotReady => 2,
        ActivityState::WorkNotReady | ActivityState::WorkReady => 3,
        ActivityState::Logout => 4,
    }
}

fn words<T: Copy>(words: &Words<T>, which: impl Fn(T) -> bool) -> Vec<WordCount> {
    let count = |word: &Word<T>| WordCount {
        word: word.text.clone(),
        rows: word.rows,
    };
    words
        .entries
        .iter()
        .filter(|word| which(word.meaning))
        .map(count)
        .collect()
}
