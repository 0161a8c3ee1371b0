//! What goes wrong, decided by seed: the same seed, request and repetition meet the same fault, whatever else happens meanwhile.
//!
//! A request is known by its key (method, host, path and query; for an import the leg). Each key meets only a few faults, so that a
//! client which repeats its requests gets through in the end.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Keys that are remembered; requests beyond meet no faults.
const KEYS: usize = 100_000;

/// How much goes wrong.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum FaultLevel {
    /// Nothing.
    #[default]
    None,
    /// A request in ten, and one import or download in five, but never twice in a row.
    Mild,
    /// A request in three, and every second import or download, up to three times in a row; searches lag three times as long.
    Hostile,
}

impl FaultLevel {
    /// Its name, as on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Mild => "mild",
            Self::Hostile => "hostile",
        }
    }

    /// How many faults one request meets in a row at most.
    const fn limit(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Mild => 1,
            Self::Hostile => 3,
        }
    }

    /// How many faults one request meets at most in all. What is only read is asked for again and again; how often a webhook fails
    /// decides how long its sender waits, so that is said beside.
    fn total(self, class: Class, webhooks: u32) -> u32 {
        match class {
            Class::Read | Class::List => self.limit() * 10,
            Class::Media | Class::Write | Class::Import | Class::Session => self.limit(),
            Class::Webhook => self.limit().min(webhooks),
        }
    }

    /// How many of a thousand requests meet a fault, as long as their limit is not reached.
    const fn per_mille(self, class: Class) -> u64 {
        match (self, class) {
            (Self::None, _) => 0,
            (Self::Mild, Class::Import | Class::Media) => 200,
            (Self::Mild, _) => 100,
            (Self::Hostile, Class::Import | Class::Media | Class::Webhook) => 550,
            (Self::Hostile, _) => 330,
        }
    }
}

impl fmt::Display for FaultLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that is no level of faults.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no level of faults; choose none, mild or hostile")]
pub struct FaultLevelError(String);

impl FromStr for FaultLevel {
    type Err = FaultLevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::None, Self::Mild, Self::Hostile]
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| FaultLevelError(text.to_owned()))
    }
}

/// What kind of request may meet a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// JSON is read.
    Read,
    /// A list in JSON is read.
    List,
    /// A recording's bytes are read.
    Media,
    /// Something is changed by a small request.
    Write,
    /// A contact is imported.
    Import,
    /// A session is opened or closed.
    Session,
    /// A webhook is received.
    Webhook,
}

/// What `Retry-After` says beside a 429 or 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RetryAfter {
    /// Nothing: the header is missing.
    Missing,
    /// Whole seconds, few.
    Seconds,
    /// A fraction of a second.
    Fraction,
    /// A date a second ahead.
    Date,
    /// A date long gone.
    Past,
    /// A year.
    Absurd,
    /// No time at all.
    Garbage,
}

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// 401, though the credentials are right; nothing is done.
    Unauthorized,
    /// 429; nothing is done.
    TooMany(RetryAfter),
    /// A 5xx; nothing is done.
    Server(u16, RetryAfter),
    /// The connection closes without an answer; nothing is done.
    Closed,
    /// The connection is reset without an answer; nothing is done.
    Reset,
    /// It is done at once, the answer comes late.
    Late,
    /// It is done; the answer ends in the middle of its body.
    Half,
    /// It is done; the connection is reset before the answer.
    DoneReset,
    /// It is done; the answer says 500.
    DoneServer,
    /// The connection closes at once, and it is done some time later all the same.
    DoneLater,
    /// Nothing is done; an HTML page answers 200.
    Html,
    /// Nothing is done; 200 with an error in the body.
    ErrorInOk,
    /// The list's items come in another order.
    Shuffled,
    /// One of the list's items comes twice.
    Repeated,
    /// Nothing is done; the answer leads elsewhere.
    Redirect,
    /// It is done; the answer's body comes byte by byte.
    Drip,
}

impl Fault {
    /// Its name, for the count.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::TooMany(_) => "too-many-requests",
            Self::Server(..) => "server-error",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::Late => "late",
            Self::Half => "half",
            Self::DoneReset => "done-then-reset",
            Self::DoneServer => "done-then-server-error",
            Self::DoneLater => "closed-then-done",
            Self::Html => "html",
            Self::ErrorInOk => "error-in-200",
            Self::Shuffled => "shuffled",
            Self::Repeated => "repeated",
            Self::Redirect => "redirect",
            Self::Drip => "drip",
        }
    }

    /// The same without a year's wait.
    pub(crate) const fn soon(self) -> Self {
        match self {
            Self::TooMany(RetryAfter::Absurd) => Self::TooMany(RetryAfter::Seconds),
            Self::Server(status, RetryAfter::Absurd) => Self::Server(status, RetryAfter::Seconds),
            fault => fault,
        }
    }

    /// One of those that fit the class.
    fn choose(class: Class, dice: &mut Dice) -> Self {
        let names: &[&str] = match class {
            Class::Read => &[
                "401", "429", "5xx", "closed", "reset", "late", "half", "html", "error",
            ],
            Class::List => &[
                "401", "429", "5xx", "closed", "reset", "late", "half", "html", "error",
                "shuffled", "shuffled", "repeated", "repeated",
            ],
            Class::Media => &[
                "401", "429", "5xx", "closed", "reset", "late", "half", "half", "half", "html",
            ],
            Class::Write | Class::Session => &[
                "429",
                "5xx",
                "closed",
                "reset",
                "late",
                "half",
                "done-reset",
                "done-500",
                "html",
                "error",
            ],
            Class::Import => &[
                "401",
                "429",
                "5xx",
                "closed",
                "reset",
                "late",
                "half",
                "done-reset",
                "done-reset",
                "done-500",
                "done-later",
                "html",
                "error",
            ],
            Class::Webhook => &[
                "429",
                "429",
                "5xx",
                "closed",
                "reset",
                "late",
                "half",
                "done-reset",
                "done-500",
                "redirect",
                "drip",
            ],
        };
        match names[dice.below(names.len())] {
            "401" => Self::Unauthorized,
            // A sender may honour a year up to a bound of its own, and a run would take as long.
            "429" => match (class, retry_after(dice)) {
                (Class::Webhook, RetryAfter::Absurd) => Self::TooMany(RetryAfter::Missing),
                (_, retry) => Self::TooMany(retry),
            },
            "5xx" => {
                let (status, retry) = ([500, 502, 503, 504][dice.below(4)], retry_after(dice));
                match (class, retry) {
                    (Class::Webhook, RetryAfter::Absurd) => {
                        Self::Server(status, RetryAfter::Missing)
                    }
                    _ => Self::Server(status, retry),
                }
            }
            "closed" => Self::Closed,
            "reset" => Self::Reset,
            "late" => Self::Late,
            "half" => Self::Half,
            "done-reset" => Self::DoneReset,
            "done-500" => Self::DoneServer,
            "done-later" => Self::DoneLater,
            "html" => Self::Html,
            "shuffled" => Self::Shuffled,
            "repeated" => Self::Repeated,
            "redirect" => Self::Redirect,
            "drip" => Self::Drip,
            _ => Self::ErrorInOk,
        }
    }
}

fn retry_after(dice: &mut Dice) -> RetryAfter {
    [
        RetryAfter::Missing,
        RetryAfter::Missing,
        RetryAfter::Seconds,
        RetryAfter::Fraction,
        RetryAfter::Date,
        RetryAfter::Past,
        RetryAfter::Absurd,
        RetryAfter::Garbage,
    ][dice.below(8)]
}

/// Decides, per request, what goes wrong.
#[derive(Debug)]
pub(crate) struct Faults {
    level: FaultLevel,
    seed: u64,
    /// How many faults one webhook meets at most.
    webhooks: u32,
    stopped: AtomicBool,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    keys: HashMap<u64, Key>,
    counts: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Default)]
struct Key {
    asked: u32,
    faults: u32,
    /// Faults since the last request without one.
    row: u32,
    refused: bool,
}

/// A fault that a request meets.
#[derive(Debug, Clone)]
pub(crate) struct Met {
    pub(crate) fault: Fault,
    /// Decides what the fault leaves open: where a body is cut, how items are reordered.
    pub(crate) dice: Dice,
}

impl Faults {
    pub(crate) fn new(level: FaultLevel, seed: u64) -> Self {
        Self {
            level,
            seed,
            webhooks: 1,
            stopped: AtomicBool::new(false),
            memory: Mutex::default(),
        }
    }

    /// The same with so many faults for one webhook at most.
    pub(crate) fn for_webhooks(self, most: u32) -> Self {
        Self {
            webhooks: most,
            ..self
        }
    }

    pub(crate) fn level(&self) -> FaultLevel {
        self.level
    }

    /// How much goes wrong now: nothing, once it was stopped.
    pub(crate) fn level_now(&self) -> FaultLevel {
        if self.stopped.load(Ordering::Relaxed) {
            FaultLevel::None
        } else {
            self.level
        }
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes wrong with the next request of this key, if anything does.
    pub(crate) fn next(&self, class: Class, key: &str) -> Option<Met> {
        if self.level == FaultLevel::None || self.stopped.load(Ordering::Relaxed) {
            return None;
        }
        let hash = fnv(key);
        let mut memory = self.memory();
        if memory.keys.len() >= KEYS && !memory.keys.contains_key(&hash) {
            return None;
        }
        let known = memory.keys.entry(hash).or_default();
        let asked = known.asked;
        known.asked = asked.saturating_add(1);
        let mut dice = Dice::new(self.seed, hash, u64::from(asked));
        if known.faults >= self.level.total(class, self.webhooks)
            || known.row >= self.level.limit()
            || dice.next() % 1_000 >= self.level.per_mille(class)
        {
            known.row = 0;
            return None;
        }
        let fault = match Fault::choose(class, &mut dice) {
            // A client may repeat a 401 once with a new session; a second one is a verdict.
            Fault::Unauthorized if known.refused => Fault::Server(503, RetryAfter::Missing),
            fault => fault,
        };
        known.faults += 1;
        known.row += 1;
        known.refused |= fault == Fault::Unauthorized;
        *memory.counts.entry(fault.name()).or_default() += 1;
        Some(Met { fault, dice })
    }

    /// Notes that a request was refused for want of a valid session, so that no 401 in passing follows on its heels.
    pub(crate) fn refused(&self, key: &str) {
        if self.level != FaultLevel::None {
            let mut memory = self.memory();
            if let Some(known) = memory.keys.get_mut(&fnv(key)) {
                known.refused = true;
            } else if memory.keys.len() < KEYS {
                memory.keys.insert(
                    fnv(key),
                    Key {
                        refused: true,
                        ..Key::default()
                    },
                );
            }
        }
    }

    /// How often each fault was met.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.memory().counts.clone()
    }
}

/// A deterministic sequence of numbers (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The sequence of a seed, a key and a repetition.
    pub(crate) fn new(seed: u64, key: u64, repetition: u64) -> Self {
        let mut mixed =
            Self(seed ^ key.rotate_left(17) ^ repetition.wrapping_mul(0xd6e8_feb8_6659_fd93));
        mixed.next();
        mixed
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = end.max(1) as u64;
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// Puts items into another order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}

/// FNV-1a.
pub(crate) fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSES: [Class; 7] = [
        Class::Read,
        Class::List,
        Class::Media,
        Class::Write,
        Class::Import,
        Class::Session,
        Class::Webhook,
    ];

    fn met_as(class: Class, faults: &Faults, key: &str, times: usize) -> Vec<Option<Fault>> {
        (0..times)
            .map(|_| faults.next(class, key).map(|met| met.fault))
            .collect()
    }

    fn met(faults: &Faults, key: &str, times: usize) -> Vec<Option<Fault>> {
        met_as(Class::Import, faults, key, times)
    }

    #[test]
    fn without_faults_nothing_goes_wrong() {
        let faults = Faults::new(FaultLevel::None, 7);
        for class in CLASSES {
            for n in 0..1_000 {
                assert!(faults.next(class, &n.to_string()).is_none());
            }
        }
        assert!(faults.counts().is_empty());
    }

    #[test]
    fn the_same_seed_and_key_meet_the_same_faults_whatever_else_is_asked() {
        let alone = Faults::new(FaultLevel::Hostile, 7);
        let busy = Faults::new(FaultLevel::Hostile, 7);
        for n in 0..100 {
            let key = format!("leg {n}");
            let expected = met(&alone, &key, 8);
            let mut seen = Vec::new();
            for other in 0..8 {
                seen.extend(met(&busy, &key, 1));
                busy.next(Class::Read, &format!("other {n} {other}"));
            }
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn seeds_differ() {
        let faults = |seed| {
            let faults = Faults::new(FaultLevel::Hostile, seed);
            (0..50)
                .flat_map(|n| met_as(Class::Read, &faults, &n.to_string(), 1))
                .collect::<Vec<_>>()
        };
        assert_ne!(faults(1), faults(2));
    }

    #[test]
    fn a_request_that_is_repeated_gets_through() {
        for level in [FaultLevel::Mild, FaultLevel::Hostile] {
            let faults = Faults::new(level, 3);
            for n in 0..200 {
                let met = met(&faults, &n.to_string(), 50)
                    .into_iter()
                    .flatten()
                    .count();
                assert!(met <= level.limit() as usize);
                assert!(faults.next(Class::Import, &n.to_string()).is_none());
            }
        }
    }

    #[test]
    fn what_is_asked_for_again_and_again_meets_faults_again_but_not_many_in_a_row() {
        let faults = Faults::new(FaultLevel::Hostile, 3);
        let met = met_as(Class::List, &faults, "a search", 500);
        assert!(met.iter().flatten().count() == 30);
        assert!(met.windows(4).all(|four| four.iter().flatten().count() < 4));
    }

    #[test]
    fn a_key_meets_401_at_most_once_and_never_after_a_real_one() {
        for seed in 0..200 {
            let faults = Faults::new(FaultLevel::Hostile, seed);
            let count = |key: &str| {
                met(&faults, key, 20)
                    .into_iter()
                    .flatten()
                    .filter(|f| *f == Fault::Unauthorized)
                    .count()
            };
            assert!(count("a") <= 1);
            faults.refused("b");
            assert_eq!(count("b"), 0);
        }
    }

    #[test]
    fn every_fault_comes_up_and_is_counted() {
        let faults = Faults::new(FaultLevel::Hostile, 11);
        for class in CLASSES {
            for n in 0..2_000 {
                faults.next(class, &format!("{class:?} {n}"));
            }
        }
        assert_eq!(faults.counts().len(), 16);
    }

    #[test]
    fn once_stopped_nothing_goes_wrong_any_more() {
        let faults = Faults::new(FaultLevel::Hostile, 11);
        faults.stop();
        assert!((0..500).all(|n| faults.next(Class::Import, &n.to_string()).is_none()));
    }

    #[test]
    fn a_level_reads_its_own_name_and_no_other() {
        for level in [FaultLevel::None, FaultLevel::Mild, FaultLevel::Hostile] {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert_eq!(
            "wild".parse::<FaultLevel>().unwrap_err().to_string(),
            "\"wild\" is no level of faults; choose none, mild or hostile"
        );
    }
}
