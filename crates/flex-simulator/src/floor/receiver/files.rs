//! Files in a drop folder, in the generic interface's manner: whole ones go to an archive, bad ones to the penalty box.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::WfmReceiver;
use super::layout::{Cell, Kind, Layout};
use super::store::RosterRow;
use crate::faults::{Dice, FaultLevel, fnv};
use crate::server::State;

/// How often the folder is looked into.
const PERIOD: Duration = Duration::from_millis(40);

/// Takes files until the simulator stops.
pub(crate) async fn watch(state: Arc<State>, folder: PathBuf) {
    for pass in 0_u64.. {
        tokio::select! {
            () = state.stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        let (state, folder) = (Arc::clone(&state), folder.clone());
        let taking = tokio::task::spawn_blocking(move || {
            let level = state.faults.level_now();
            // Now and then a file lies there for longer.
            let leaves = |name: &str| {
                let mut dice = Dice::new(state.world.seed(), fnv(name), pass);
                level == FaultLevel::Hostile && dice.below(3) > 0
                    || level == FaultLevel::Mild && dice.below(4) == 0
            };
            state.wfm.take_files(&folder, state.clock(), leaves)
        });
        // What could not be read this time is there the next time.
        let _ = taking.await;
    }
}

impl WfmReceiver {
    /// Takes every whole file in a folder, in the order of their names, but those that are left for later; tells how many. Blocks.
    pub(crate) fn take_files(
        &self,
        folder: &Path,
        now: DateTime<Utc>,
        leaves: impl Fn(&str) -> bool,
    ) -> io::Result<usize> {
        let mut names: Vec<String> = fs::read_dir(folder)?
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !is_temporary(name))
            .collect();
        names.sort();
        // States are taken in the order of their files: all of them, or none where the first is left.
        let mut leaves_states = None;
        names.retain(|name| {
            if self.kind_of(name) == Some(Kind::State) {
                !*leaves_states.get_or_insert_with(|| leaves(name))
            } else {
                !leaves(name)
            }
        });
        for name in &names {
            self.take_file(folder, name, now)?;
        }
        Ok(names.len())
    }

    fn take_file(&self, folder: &Path, name: &str, now: DateTime<Utc>) -> io::Result<()> {
        let path = folder.join(name);
        let bytes = fs::read(&path)?;
        let read = match self.kind_of(name) {
            Some(kind) => self.read_file(kind, &bytes, now),
            None => self.read_roster(name, &bytes, now),
        };
        let place = match read {
            Ok(()) => {
                self.store.count(|counts| counts.files += 1);
                folder.join(format!("archives{}", now.format("%Y%m%d")))
            }
            Err(rows) => {
                self.store.count(|counts| {
                    counts.files_refused += 1;
                    counts.rows_refused += rows.len() as u64;
                });
                let place = folder.join("penaltyBox");
                place.join(now.format("%Y-%m-%d").to_string())
            }
        };
        fs::create_dir_all(&place)?;
        fs::rename(&path, place.join(name))
    }

    fn kind_of(&self, name: &str) -> Option<Kind> {
        let mut patterns = self.settings.file_names.iter().zip(super::KINDS);
        let known = patterns.find(|(pattern, _)| {
            let before = pattern.split('{').next().unwrap_or_default();
            let after = pattern.rsplit('}').next().unwrap_or_default();
            name == *pattern
                || pattern.contains('{') && name.starts_with(before) && name.ends_with(after)
        });
        known.map(|(_, kind)| kind)
    }

    /// Takes all rows of a file or none; else what is wrong, row by row.
    fn read_file(&self, kind: Kind, bytes: &[u8], now: DateTime<Utc>) -> Result<(), Vec<String>> {
        let one = |problem: &str| vec![problem.to_owned()];
        let layout = self.layout(kind);
        let lines = self.lines(bytes).map_err(|problem| one(&problem))?;
        let mut lines = lines.into_iter();
        let order: Vec<usize> = if self.settings.column_header {
            let header = lines
                .next()
                .ok_or_else(|| one("there is no line of column names"))?;
            order(layout, &header).ok_or_else(|| one("the columns are not those that are known"))?
        } else {
            (0..layout.names().count()).collect()
        };
        let rows: Vec<Vec<String>> = lines.collect();
        let cells = |row: &Vec<String>| -> Option<Vec<usize>> {
            (row.len() == order.len()).then(|| order.clone())
        };
        let mut problems = Vec::new();
        let mut read = Vec::new();
        for row in &rows {
            match cells(row) {
                None => problems.push("a line with another number of values".to_owned()),
                Some(places) => {
                    let cells: Vec<_> = places
                        .iter()
                        .map(|place| Cell::of_file(&row[*place]))
                        .collect();
                    read.push(cells);
                }
            }
        }
        match self.rows(kind, &read, true, now) {
            (rows, refused) if refused.is_empty() && problems.is_empty() => {
                self.store.take(rows, now);
                Ok(())
            }
            (_, refused) => {
                problems.extend(refused.into_iter().map(|(_, problem)| problem));
                Err(problems)
            }
        }
    }

    /// A file of any columns, with a line of their names.
    fn read_roster(&self, name: &str, bytes: &[u8], now: DateTime<Utc>) -> Result<(), Vec<String>> {
        let mut lines = self
            .lines(bytes)
            .map_err(|problem| vec![problem])?
            .into_iter();
        let header = lines.next().unwrap_or_default();
        let rows = lines.map(|row| RosterRow {
            at: now,
            from: name.to_owned(),
            row: header
                .iter()
                .cloned()
                .zip(row.into_iter().map(Value::String))
                .collect::<Map<_, _>>(),
        });
        self.store.roster(rows.collect());
        Ok(())
    }

    fn lines(&self, bytes: &[u8]) -> Result<Vec<Vec<String>>, String> {
        if !bytes.ends_with(b"\n") {
            return Err("the last line has no end: the file is not whole".to_owned());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "the text is not UTF-8")?;
        let mut text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for _ in 0..self.settings.header_lines {
            text = text
                .split_once('\n')
                .ok_or("a line of the header is missing")?
                .1;
        }
        let delimiter = u8::try_from(self.settings.delimiter).unwrap_or(b',');
        let mut lines = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let each = lines.records().map(|line| {
            let line = line.map_err(|_| "a line cannot be read".to_owned())?;
            Ok(line.iter().map(str::to_owned).collect())
        });
        each.collect()
    }
}

/// Where in a line each column stands; nothing where they are not the same.
fn order(layout: &Layout, header: &[String]) -> Option<Vec<usize>> {
    let places: BTreeMap<&str, usize> = header.iter().map(String::as_str).zip(0..).collect();
    let order: Option<Vec<usize>> = layout
        .names()
        .map(|name| places.get(name).copied())
        .collect();
    order.filter(|order| order.len() == header.len())
}

/// Whether a name is that of a file that is still being written.
fn is_temporary(name: &str) -> bool {
    let end = name.rsplit('.').next().unwrap_or_default();
    name.starts_with('.')
        || name.starts_with('~')
        || ["part", "tmp", "temp", "partial"].contains(&end)
}
