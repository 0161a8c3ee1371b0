//! Agents and queues: each text of a report is looked up once, and is a number from then on.

use std::fmt;

use foldhash::{HashMap, HashMapExt};
use serde::{Deserialize, Serialize};
use twilio_sid::{TaskQueueSid, WorkerSid};

use crate::HistoryError;

/// A name of an agent or a queue. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({} characters)", self.0.chars().count())
    }
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution<S> {
    /// It is this one's.
    Known(S),
    /// It is nobody's.
    Unknown,
    /// It is that of several.
    Ambiguous(Vec<S>),
}

/// Knows agents and queues, as they were last synchronised.
pub trait Resolver {
    /// The agent of a name, as the report prints it, without spaces around it.
    fn agent(&self, name: &str) -> Resolution<WorkerSid>;

    /// The queue of a name.
    fn queue(&self, name: &str) -> Resolution<TaskQueueSid>;

    /// Whether Calabrio has the agent of a SID, so that its intervals can be delivered.
    fn has_agent(&self, sid: &WorkerSid) -> bool;

    /// Whether Calabrio has the queue of a SID.
    fn has_queue(&self, sid: &TaskQueueSid) -> bool;
}

impl<R: Resolver + ?Sized> Resolver for &R {
    fn agent(&self, name: &str) -> Resolution<WorkerSid> {
        (**self).agent(name)
    }

    fn queue(&self, name: &str) -> Resolution<TaskQueueSid> {
        (**self).queue(name)
    }

    fn has_agent(&self, sid: &WorkerSid) -> bool {
        (**self).has_agent(sid)
    }

    fn has_queue(&self, sid: &TaskQueueSid) -> bool {
        (**self).has_queue(sid)
    }
}

/// An agent or a queue whose intervals cannot be delivered yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum HeldParty<S> {
    /// Nobody has this name.
    UnknownName {
        /// The name.
        name: Name,
    },
    /// Several have this name.
    AmbiguousName {
        /// The name.
        name: Name,
        /// Those who have it.
        candidates: Vec<S>,
    },
    /// Calabrio does not have it.
    UnknownSid {
        /// Its SID.
        sid: S,
    },
}

/// An agent or a queue of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party<S> {
    /// The row named none.
    None,
    /// It is known by its SID.
    Known(S),
    /// It is held until it can be told who it is.
    Held(HeldParty<S>),
}

impl<S: Copy> Party<S> {
    pub(crate) fn known(&self) -> Option<S> {
        match self {
            Self::Known(sid) => Some(*sid),
            _ => None,
        }
    }

    pub(crate) fn is_held(&self) -> bool {
        matches!(self, Self::Held(_))
    }
}

/// The number of a row that names none.
pub(crate) const NOBODY: u32 = 0;

/// Why a text has no number.
pub(crate) enum Fault {
    NotASid,
    NotText,
    TooMany(HistoryError),
}

/// The texts of one kind, by number.
pub(crate) struct Subjects<S> {
    parties: Vec<Party<S>>,
    by_sid_text: HashMap<Box<[u8]>, u32>,
    by_name_text: HashMap<Box<[u8]>, u32>,
    by_sid: HashMap<S, u32>,
    last_text: Vec<u8>,
    last: u32,
    limit: usize,
}

impl<S: Copy + Eq + Ord + std::hash::Hash + std::str::FromStr> Subjects<S> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            parties: vec![Party::None],
            by_sid_text: HashMap::new(),
            by_name_text: HashMap::new(),
            by_sid: HashMap::new(),
            last_text: Vec::new(),
            last: NOBODY,
            limit,
        }
    }

    pub(crate) fn get(&self, id: u32) -> &Party<S> {
        &self.parties[id as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.parties.len()
    }

    /// The number of whoever has this SID.
    #[inline]
    pub(crate) fn by_sid(&mut self, text: &[u8], has: impl Fn(&S) -> bool) -> Result<u32, Fault> {
        // Rows of one agent mostly follow each other. The last text may be a name: no name is a SID of 34 letters and digits.
        if text == self.last_text && !text.is_empty() {
            return Ok(self.last);
        }
        let id = match self.by_sid_text.get(text) {
            Some(id) => *id,
            None => self.new_sid(text, has)?,
        };
        self.remember(text, id);
        Ok(id)
    }

    /// The number of whoever has this name.
    #[inline]
    pub(crate) fn by_name(
        &mut self,
        text: &[u8],
        resolve: impl Fn(&str) -> Resolution<S>,
    ) -> Result<u32, Fault> {
        if text == self.last_text && !text.is_empty() {
            return Ok(self.last);
        }
        let id = match self.by_name_text.get(text) {
            Some(id) => *id,
            None => self.new_name(text, resolve)?,
        };
        self.remember(text, id);
        Ok(id)
    }

    fn remember(&mut self, text: &[u8], id: u32) {
        self.last_text.clear();
        self.last_text.extend_from_slice(text);
        self.last = id;
    }

    fn new_sid(&mut self, text: &[u8], has: impl Fn(&S) -> bool) -> Result<u32, Fault> {
        let trimmed = text.trim_ascii();
        let id = if trimmed.is_empty() {
            NOBODY
        } else {
            // A SID in capital letters is the same SID.
            let lower = std::str::from_utf8(trimmed)
                .map_err(|_| Fault::NotASid)?
                .to_lowercase();
            let sid = lower
                .get(..2)
                .map(|prefix| prefix.to_uppercase() + &lower[2..])
                .and_then(|text| text.parse::<S>().ok())
                .ok_or(Fault::NotASid)?;
            self.of_sid(sid, has(&sid))?
        };
        self.by_sid_text.insert(text.into(), id);
        Ok(id)
    }

    fn new_name(
        &mut self,
        text: &[u8],
        resolve: impl Fn(&str) -> Resolution<S>,
    ) -> Result<u32, Fault> {
        let name = std::str::from_utf8(text)
            .map_err(|_| Fault::NotText)?
            .trim();
        let id = if name.is_empty() {
            NOBODY
        } else {
            match resolve(name) {
                Resolution::Known(sid) => self.of_sid(sid, true)?,
                Resolution::Unknown => {
                    self.push(Party::Held(HeldParty::UnknownName { name: name.into() }))?
                }
                Resolution::Ambiguous(candidates) => {
                    self.push(Party::Held(HeldParty::AmbiguousName {
                        name: name.into(),
                        candidates,
                    }))?
                }
            }
        };
        self.by_name_text.insert(text.into(), id);
        Ok(id)
    }

    fn of_sid(&mut self, sid: S, known: bool) -> Result<u32, Fault> {
        if let Some(id) = self.by_sid.get(&sid) {
            return Ok(*id);
        }
        let id = self.push(if known {
            Party::Known(sid)
        } else {
            Party::Held(HeldParty::UnknownSid { sid })
        })?;
        self.by_sid.insert(sid, id);
        Ok(id)
    }

    fn push(&mut self, party: Party<S>) -> Result<u32, Fault> {
        let too_many = || Fault::TooMany(HistoryError::TooManyNames { limit: self.limit });
        // Texts are counted as well: one name may be written in any number of ways.
        if self.parties.len() > self.limit
            || self.by_name_text.len() + self.by_sid_text.len() > self.limit * 2
        {
            return Err(too_many());
        }
        let id = u32::try_from(self.parties.len()).map_err(|_| too_many())?;
        self.parties.push(party);
        Ok(id)
    }

    /// The place of each number in the order of keys: held ones first, then none, then by SID.
    pub(crate) fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<_> = (0_u32..).take(self.parties.len()).collect();
        order.sort_by_key(|id| match self.get(*id) {
            Party::Held(_) => (0, None, *id),
            Party::None => (1, None, 0),
            Party::Known(sid) => (2, Some(*sid), 0),
        });
        let mut ranks = vec![0; order.len()];
        for (rank, id) in (0..).zip(order) {
            ranks[id as usize] = rank;
        }
        ranks
    }
}
