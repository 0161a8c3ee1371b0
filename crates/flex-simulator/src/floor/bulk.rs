//! Agent productivity reports of any size, for benchmarks: each row is made from its number alone, so that a report in any order takes
//! no memory.

use std::io::{self, Write};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::FloorError;

/// The header; that of every agent report without any setting.
const HEADER: &str = "Date,Time,Agent SID,Agent,Queue SID,Queue,Kind,Activity,Activity Time,Talk Time,Wrap Up Time,Hold Time,Conversations\n";
/// Rows of each agent and interval: two activities that fill it, and two conversations.
const EACH: u64 = 4;
const QUEUES: u64 = 8;
/// How many rows are looked at to tell how long a row is.
const LOOKED_AT: u64 = 2_000;

/// In which order the rows stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkOrder {
    /// By time.
    Sorted,
    /// In none.
    Shuffled,
}

/// How much of a report is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkSize {
    /// So many rows.
    Rows(u64),
    /// So many bytes, to within a hundredth.
    Bytes(u64),
}

/// A big agent productivity report. It begins six days before the clocks are put back in Berlin, and is of as many quarters of an hour as
/// its size and its agents make.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkReport {
    /// How much.
    pub size: BulkSize,
    /// The order.
    pub order: BulkOrder,
    /// How many agents: 1 at least.
    pub agents: u32,
    /// Decides the numbers, and the order where it is shuffled.
    pub seed: u64,
    /// The time zone of its times.
    pub zone: String,
}

/// What was written: for whoever reads it to compare with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BulkWritten {
    /// Bytes, with the header.
    pub bytes: u64,
    /// Rows, without it.
    pub rows: u64,
    /// The sum of all activity times, in seconds.
    pub activity_seconds: u64,
    /// That of all talk times.
    pub talk_seconds: u64,
    /// That of all wrap-up times.
    pub wrap_up_seconds: u64,
    /// That of all hold times.
    pub hold_seconds: u64,
    /// How many conversations.
    pub conversations: u64,
}

impl BulkReport {
    /// A sorted report of 2,000 agents in Berlin.
    pub fn new(size: BulkSize) -> Self {
        Self {
            size,
            order: BulkOrder::Sorted,
            agents: 2_000,
            seed: 1,
            zone: "Europe/Berlin".to_owned(),
        }
    }

    /// Writes it, header first. The writer had better be buffered; it is flushed at the end.
    ///
    /// # Errors
    ///
    /// What the writer says, and as [`io::ErrorKind::InvalidInput`] a zone that there is not, or no agents.
    pub fn write(&self, out: &mut impl Write) -> io::Result<BulkWritten> {
        let invalid = |error: FloorError| io::Error::new(io::ErrorKind::InvalidInput, error);
        let zone: Tz = self
            .zone
            .parse()
            .map_err(|_| invalid(FloorError::Zone(self.zone.clone())))?;
        if self.agents == 0 {
            return Err(invalid(FloorError::Number {
                field: "agents",
                value: "0".to_owned(),
                wanted: "1 or more",
            }));
        }
        let mut maker = Maker::new(self, zone);
        let rows = match self.size {
            BulkSize::Rows(rows) => rows,
            BulkSize::Bytes(bytes) => maker.rows_in(bytes)?,
        };
        out.write_all(HEADER.as_bytes())?;
        let mut written = BulkWritten {
            bytes: HEADER.len() as u64,
            ..BulkWritten::default()
        };
        for place in 0..rows {
            let number = match self.order {
                BulkOrder::Sorted => place,
                BulkOrder::Shuffled => shuffled(place, rows, self.seed),
            };
            maker.make(number, &mut written)?;
            written.bytes += maker.row.len() as u64;
            written.rows += 1;
            out.write_all(&maker.row)?;
        }
        out.flush()?;
        Ok(written)
    }
}

/// Makes rows from their numbers.
struct Maker {
    seed: u64,
    zone: Tz,
    begin: DateTime<Utc>,
    agents: Vec<String>,
    queues: Vec<String>,
    /// The time of the last row: reports have long runs of one, or many of few.
    times: Vec<String>,
    row: Vec<u8>,
}

impl Maker {
    fn new(report: &BulkReport, zone: Tz) -> Self {
        let sid = |prefix, number: u64| {
            let (high, low) = (mix(number ^ report.seed << 20), mix(number));
            format!("{prefix}{high:016x}{low:016x}")
        };
        let agents = (0..u64::from(report.agents)).map(|number| {
            let sid = sid("WK", number);
            format!("{sid},Agent {number:05}")
        });
        let queues = (0..QUEUES).map(|number| {
            let sid = sid("WQ", number + (1 << 40));
            format!("{sid},Queue {number:02}")
        });
        // 2026-10-19T22:00:00Z.
        let begin = DateTime::from_timestamp(1_792_447_200, 0).unwrap_or_default();
        Self {
            seed: report.seed,
            zone,
            begin,
            agents: agents.collect(),
            queues: queues.collect(),
            times: Vec::new(),
            row: Vec::with_capacity(256),
        }
    }

    /// How many rows come to so many bytes.
    fn rows_in(&mut self, bytes: u64) -> io::Result<u64> {
        let mut unused = BulkWritten::default();
        let mut looked_at = 0;
        for number in 0..LOOKED_AT {
            self.make(number, &mut unused)?;
            looked_at += self.row.len() as u64;
        }
        let rows = u128::from(bytes) * u128::from(LOOKED_AT) / u128::from(looked_at.max(1));
        Ok(u64::try_from(rows).unwrap_or(u64::MAX))
    }

    fn make(&mut self, number: u64, sums: &mut BulkWritten) -> io::Result<()> {
        let (of, part) = (number / EACH, number % EACH);
        let agents = self.agents.len() as u64;
        let (interval, agent) = (of / agents, of % agents);
        let interval = usize::try_from(interval).map_err(|_| io::ErrorKind::InvalidInput)?;
        let agent = usize::try_from(agent).map_err(|_| io::ErrorKind::InvalidInput)?;
        while self.times.len() <= interval {
            let passed = i64::try_from(self.times.len()).unwrap_or(i64::MAX);
            let at = TimeDelta::try_minutes(passed.saturating_mul(15))
                .and_then(|passed| self.begin.checked_add_signed(passed))
                .ok_or(io::ErrorKind::InvalidInput)?;
            let local = at.with_timezone(&self.zone).format("%Y-%m-%d,%H:%M");
            self.times.push(local.to_string());
        }
        let luck = mix(of ^ self.seed.rotate_left(32));
        let ready = luck % 901;
        self.row.clear();
        let row = &mut self.row;
        row.extend_from_slice(self.times[interval].as_bytes());
        row.push(b',');
        row.extend_from_slice(self.agents[agent].as_bytes());
        match part {
            0 => {
                sums.activity_seconds += ready;
                writeln!(row, ",,,Agent Status,Available,{ready},,,,")
            }
            1 => {
                sums.activity_seconds += 900 - ready;
                writeln!(row, ",,,Agent Status,Break,{},,,,", 900 - ready)
            }
            part => {
                // Of the two conversations each has a queue of its own.
                let queue = usize::try_from((luck + part) % QUEUES).unwrap_or(0);
                let talk = 30 + (luck >> (8 * part)) % 400;
                let (wrap_up, hold) = (talk / 4, talk / 9);
                sums.talk_seconds += talk;
                sums.wrap_up_seconds += wrap_up;
                sums.hold_seconds += hold;
                sums.conversations += 1;
                row.push(b',');
                row.extend_from_slice(self.queues[queue].as_bytes());
                writeln!(row, ",Conversation,,,{talk},{wrap_up},{hold},1")
            }
        }
    }
}

/// A number that shows nothing of the one it was made from.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Which row stands at a place of `count` that are shuffled: a permutation of the next power of four, gone on until it is below the count.
fn shuffled(place: u64, count: u64, seed: u64) -> u64 {
    let half = (64 - count.leading_zeros()).div_ceil(2).max(1);
    let mask = (1_u64 << half) - 1;
    let mut at = place;
    loop {
        let (mut left, mut right) = (at >> half, at & mask);
        for round in 0..4 {
            let key = seed.wrapping_add(round << 48);
            (left, right) = (right, left ^ (mix(right ^ mix(key)) & mask));
        }
        at = left << half | right;
        if at < count {
            return at;
        }
    }
}
