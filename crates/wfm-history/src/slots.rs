//! Which interval a row's time is in, and in which of two passes over a repeated hour its row stands.

use chrono::NaiveDateTime;
use foldhash::{HashMap, HashMapExt};
use wfm_interval::{Interval, LocalTime, Zone};

use crate::Field;
use crate::columns::Times;
use crate::rows::Row;
use crate::settings::ReportRules;
use crate::when::{self, When};

/// What the time of a row comes to. Numbers are those of [`Interval`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// One interval, and the local quarter of an hour that the row shows.
    One { interval: u32, local: u32 },
    /// Two intervals: the local time comes twice.
    Two(Twice),
    /// None: the local time is left out.
    Missing(NaiveDateTime),
    /// It cannot be read.
    Unreadable(Field),
}

/// A quarter of an hour of a repeated hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Twice {
    /// The earlier interval.
    pub(crate) earlier: u32,
    /// How many intervals the later one is after it.
    pub(crate) shift: u32,
    /// The first interval after the clocks were put back.
    pub(crate) turn: u32,
    pub(crate) local: u32,
}

/// Times that were read already. A report has few of them, in many rows.
pub(crate) struct Slots {
    zone: Zone,
    known: HashMap<Box<[u8]>, Slot>,
    key: Vec<u8>,
    last: Slot,
}

/// More different times than this are no 15-minute intervals of 400 days.
const MAX_KNOWN: usize = 1 << 16;

impl Slots {
    pub(crate) fn new(zone: Zone) -> Self {
        Self {
            zone,
            known: HashMap::new(),
            key: Vec::new(),
            last: Slot::Unreadable(Field::Time),
        }
    }

    #[inline]
    pub(crate) fn of(&mut self, row: &Row<'_>, times: Times, rules: &ReportRules) -> Slot {
        let (first, second) = match times {
            Times::Timestamp(column) => (row.get(column), &[][..]),
            Times::DateAndTime(date, time) => (row.get(date), row.get(time)),
        };
        let same = self.key.len() == first.len() + 1 + second.len()
            && self.key.starts_with(first)
            && self.key.ends_with(second);
        if same && self.key[first.len()] == 0 {
            return self.last;
        }
        self.key.clear();
        self.key.extend_from_slice(first);
        self.key.push(0);
        self.key.extend_from_slice(second);
        self.last = if let Some(slot) = self.known.get(self.key.as_slice()) {
            *slot
        } else {
            if self.known.len() >= MAX_KNOWN {
                self.known.clear();
            }
            let slot = read(self.zone, first, second, times, rules);
            self.known.insert(self.key.as_slice().into(), slot);
            slot
        };
        self.last
    }
}

fn read(zone: Zone, first: &[u8], second: &[u8], times: Times, rules: &ReportRules) -> Slot {
    let forms = &rules.forms;
    let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
    let at = match times {
        Times::Timestamp(_) => match when::timestamp(text(first), forms) {
            Some(at) => at,
            None => return Slot::Unreadable(Field::Timestamp),
        },
        Times::DateAndTime(..) => {
            let Some(date) = when::date(text(first), forms) else {
                return Slot::Unreadable(Field::Date);
            };
            let Some(time) = when::time(text(second), forms) else {
                return Slot::Unreadable(Field::Time);
            };
            when::joined(date, time)
        }
    };
    slot(zone, at).unwrap_or(Slot::Unreadable(Field::Date))
}

/// `None` outside the years that intervals of reports are of.
fn slot(zone: Zone, at: When) -> Option<Slot> {
    let number = |at| u32::try_from(Interval::containing(at).number()).ok();
    let quarter = |local: NaiveDateTime| number(local.and_utc());
    match at {
        When::Instant(at) => Some(Slot::One {
            interval: number(at)?,
            local: quarter(zone.to_local(at).naive_local())?,
        }),
        When::Local(local) => match zone.resolve(local) {
            LocalTime::Once(at) => Some(Slot::One {
                interval: number(at)?,
                local: quarter(local)?,
            }),
            LocalTime::Twice { earlier, later } => {
                let (earlier, later) = (number(earlier)?, number(later)?);
                let offset =
                    |number: u32| zone.offset_at(Interval::from_number(number.into()).start());
                let turn = (earlier..=later).find(|number| offset(*number) == offset(later))?;
                Some(Slot::Two(Twice {
                    earlier,
                    shift: later - earlier,
                    turn,
                    local: quarter(local)?,
                }))
            }
            LocalTime::Never { .. } => Some(Slot::Missing(local)),
        },
    }
}

/// The order of rows, of the whole report or of one agent or queue: which pass over a repeated hour the report is in.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Order {
    last_local: u32,
    /// The repeated hour that the last row was in; 0 is none.
    turn: u32,
    second: bool,
    disordered: bool,
    /// The repeated hour of which it is proven that the report shows both passes; 0 is none.
    proven: u32,
}

impl Order {
    /// Takes note of a row; true in the second pass over a repeated hour.
    #[inline]
    pub(crate) fn pass(&mut self, local: u32, turn: u32) -> bool {
        if local < self.last_local {
            if turn != 0 && turn == self.turn && !self.second {
                self.second = true;
            } else {
                self.disordered = true;
            }
        }
        if turn != self.turn {
            self.turn = turn;
            self.second = false;
        }
        self.last_local = local;
        self.second
    }

    /// The same row came in the first pass and in the second.
    pub(crate) fn prove(&mut self, turn: u32) {
        self.proven = turn;
    }

    /// Whether its passes tell earlier from later.
    pub(crate) fn tells(&self, turn: u32) -> bool {
        !self.disordered && self.proven == turn
    }
}
