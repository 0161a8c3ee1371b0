//! Rows of an Agent Productivity report as Flex Insights might print them: each is made from its number alone, so a report of any size,
//! in any order, takes no memory.

use std::io::Write;

use wfm_interval::{Interval, Zone};

/// The header of every generated report.
pub(crate) const HEADER: &str = "Date,Time,Agent SID,Agent,Queue SID,Queue,Kind,Activity,Activity Time,Talk Time,Wrap Up Time,Conversations\n";

/// Rows for each agent and interval: two activities that fill it, two conversations of different queues.
const ROWS: u64 = 4;
const QUEUES: u64 = 8;
/// 2026-10-19T22:00:00Z, midnight in Berlin; its sixth day has 25 hours.
const FIRST: i64 = 1_991_608;

/// A report of so many agents and intervals.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) agents: u64,
    pub(crate) intervals: u64,
    /// `None` is sorted by time.
    pub(crate) shuffle: Option<u64>,
}

/// Writes the rows of a report after its header; gives the number of bytes.
pub(crate) fn write(shape: Shape, zone: Zone, out: &mut impl Write) -> std::io::Result<u64> {
    let total = shape.agents * shape.intervals * ROWS;
    out.write_all(HEADER.as_bytes())?;
    let mut bytes = HEADER.len() as u64;
    let mut row = Vec::with_capacity(256);
    let mut shown = (u64::MAX, String::new());
    for number in 0..total {
        let number = shape
            .shuffle
            .map_or(number, |seed| place(number, total, seed));
        let interval = number / (shape.agents * ROWS);
        if shown.0 != interval {
            let at = Interval::from_number(FIRST + interval.cast_signed()).local(zone);
            shown = (interval, at.start.format("%Y-%m-%d,%H:%M").to_string());
        }
        row.clear();
        fill(&mut row, &shown.1, number / ROWS % shape.agents, number)?;
        bytes += row.len() as u64;
        out.write_all(&row)?;
    }
    Ok(bytes)
}

fn fill(row: &mut Vec<u8>, time: &str, agent: u64, number: u64) -> std::io::Result<()> {
    let luck = mix(number / ROWS);
    let ready = luck % 901;
    write!(row, "{time},WK{:032x},Agent {agent:05},", mix(agent))?;
    match number % ROWS {
        0 => writeln!(row, ",,Agent Status,Available,{ready},0,0,0"),
        1 => writeln!(row, ",,Agent Status,Break,{},0,0,0", 900 - ready),
        part => {
            let queue = (luck + part) % QUEUES;
            let talk = (luck >> 16) % 400;
            writeln!(
                row,
                "WQ{:032x},Queue {queue:02},Conversation,,0,{talk},{},1",
                mix(queue + 1_000_000),
                talk / 4
            )
        }
    }
}

/// A number that looks like chance and is always the same.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Where a number goes when all numbers below `total` are shuffled: a Feistel network, walked until it stays below.
fn place(number: u64, total: u64, seed: u64) -> u64 {
    let half = (total.ilog2() / 2 + 1).max(1);
    let mask = (1_u64 << half) - 1;
    let mut at = number;
    loop {
        let (mut left, mut right) = (at >> half, at & mask);
        for round in 0..4 {
            (left, right) = (
                right,
                left ^ (mix(right ^ seed.rotate_left(round * 8)) & mask),
            );
        }
        at = left << half | right;
        if at < total {
            return at;
        }
    }
}
