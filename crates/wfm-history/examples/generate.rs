//! Writes an Agent Productivity report for benches:
//! `cargo run --release -p wfm-history --example generate -- FILE MEGABYTES [SEED]`.
//!
//! Sorted by time, or shuffled by the seed; the same arguments always give the same bytes.
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::fs::File;
use std::io::BufWriter;

#[path = "support/rows.rs"]
mod rows;

const AGENTS: u64 = 2_000;
/// Bytes of four rows, about.
const FOUR_ROWS: u64 = 488;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(megabytes)) = (arguments.next(), arguments.next()) else {
        return Err("give a file, its size in megabytes and, to shuffle it, a seed".into());
    };
    let shuffle = arguments.next().map(|seed| seed.parse()).transpose()?;
    let megabytes: u64 = megabytes.parse()?;
    let shape = rows::Shape {
        agents: AGENTS,
        intervals: (megabytes * 1_000_000).div_ceil(AGENTS * FOUR_ROWS),
        shuffle,
    };
    let mut out = BufWriter::new(File::create(file)?);
    let bytes = rows::write(shape, "Europe/Berlin".parse()?, &mut out)?;
    out.into_inner()?.sync_all()?;
    println!("{bytes} bytes");
    Ok(())
}
