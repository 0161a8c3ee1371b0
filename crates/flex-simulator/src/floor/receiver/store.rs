//! What the receivers hold.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::settings::Again;
use crate::floor::{FloorReport, FloorRun, ToldInterval, ToldState};

/// The most of each kind that is kept; what comes after is counted only.
const KEPT: usize = 2_000_000;

/// A row of a roster, as it came.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RosterRow {
    /// When it came, by the floor's clock.
    pub at: DateTime<Utc>,
    /// The path or the file that it came by.
    pub from: String,
    /// Its fields.
    pub row: Map<String, Value>,
}

/// How much came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct WfmCounts {
    /// Requests that were taken, in whole or in part.
    pub requests: u64,
    /// Files that were taken.
    pub files: u64,
    /// Files that went to the penalty box.
    pub files_refused: u64,
    /// Intervals that were taken, those that came again among them.
    pub intervals: u64,
    /// Those that came again.
    pub intervals_again: u64,
    /// States that were taken.
    pub states: u64,
    /// Snapshots of all agents' states that came to their end.
    pub snapshots: u64,
    /// Rows that were refused.
    pub rows_refused: u64,
    /// Rows of rosters.
    pub rosters: u64,
}

type Key = (FloorReport, Option<String>, Option<String>, DateTime<Utc>);

#[derive(Debug, Default)]
struct Kept {
    came: Vec<(DateTime<Utc>, ToldInterval)>,
    held: BTreeMap<Key, ToldInterval>,
    states: Vec<ToldState>,
    rosters: Vec<RosterRow>,
    counts: WfmCounts,
}

/// Everything that was taken.
#[derive(Debug)]
pub(super) struct Store {
    again: Again,
    /// Whose account is told of everything, too.
    floor: Option<Arc<FloorRun>>,
    kept: Mutex<Kept>,
}

/// Rows that belong together.
#[derive(Debug)]
pub(super) enum Rows {
    Intervals(Vec<ToldInterval>),
    States(Vec<ToldState>),
}

impl Store {
    pub(super) fn new(again: Again, floor: Option<Arc<FloorRun>>) -> Self {
        Self {
            again,
            floor,
            kept: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut WfmCounts)) {
        count(&mut self.lock().counts);
    }

    pub(super) fn take(&self, rows: Rows, now: DateTime<Utc>) {
        let mut kept = self.lock();
        match rows {
            Rows::States(states) => {
                kept.counts.states += states.len() as u64;
                for told in self.floor.iter().flat_map(|_| &states) {
                    self.tell(|floor| floor.tell_state(told.clone()));
                }
                let room = KEPT.saturating_sub(kept.states.len());
                kept.states.extend(states.into_iter().take(room));
            }
            Rows::Intervals(intervals) => {
                for told in intervals {
                    let held = kept.interval(told, self.again, now);
                    self.tell(|floor| floor.tell_interval(held.clone()));
                }
            }
        }
    }

    fn tell(&self, tell: impl FnOnce(&FloorRun)) {
        if let Some(floor) = &self.floor {
            tell(floor);
        }
    }

    pub(super) fn roster(&self, rows: Vec<RosterRow>) {
        let mut kept = self.lock();
        kept.counts.rosters += rows.len() as u64;
        let room = KEPT.saturating_sub(kept.rosters.len());
        kept.rosters.extend(rows.into_iter().take(room));
    }

    pub(super) fn intervals(&self) -> Vec<ToldInterval> {
        self.lock().held.values().cloned().collect()
    }

    pub(super) fn deliveries(&self) -> Vec<(DateTime<Utc>, ToldInterval)> {
        self.lock().came.clone()
    }

    pub(super) fn states(&self) -> Vec<ToldState> {
        self.lock().states.clone()
    }

    pub(super) fn rosters(&self) -> Vec<RosterRow> {
        self.lock().rosters.clone()
    }

    pub(super) fn counts(&self) -> WfmCounts {
        self.lock().counts
    }
}

impl Kept {
    /// Takes an interval; gives what is held of it from now on.
    fn interval(&mut self, told: ToldInterval, again: Again, now: DateTime<Utc>) -> &ToldInterval {
        self.counts.intervals += 1;
        if self.came.len() < KEPT {
            self.came.push((now, told.clone()));
        }
        let key = (
            told.report,
            told.agent.clone(),
            told.queue.clone(),
            told.start,
        );
        match self.held.entry(key) {
            Entry::Vacant(free) => free.insert(told),
            Entry::Occupied(there) => {
                self.counts.intervals_again += 1;
                let there = there.into_mut();
                match again {
                    Again::Replaces => *there = told,
                    Again::Adds => {
                        for (measure, amount) in told.values {
                            *there.values.entry(measure).or_default() += amount;
                        }
                    }
                }
                there
            }
        }
    }
}
