//! What of a report is new, changed or gone since it was delivered.

use std::iter::Peekable;
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use twilio_sid::WorkerSid;
use wfm_interval::Interval;

use crate::subjects::Party;
use crate::{
    Alarm, HeldRow, HistoryError, IntervalKey, IntervalRow, Intervals, Item, NotWorkload, Summary,
    Values,
};

/// What Calabrio does with a second delivery of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Redelivery {
    /// It replaces the first: what changed is delivered again.
    Replace,
    /// It adds to the first, or is refused: what changed is listed and not delivered.
    Never,
}

/// By which rules a pull is compared with what was delivered.
#[derive(Debug, Clone)]
pub struct ChangeRules {
    /// What Calabrio does with a second delivery.
    pub redelivery: Redelivery,
    /// How long after its end an interval is closed, since Flex Insights loads late.
    pub settle: TimeDelta,
    /// The intervals that the pull was to show. What was delivered of them and is not shown any more is taken back, as far as the last
    /// interval of the report; `None` is from its first interval on.
    pub covered: Option<Range<Interval>>,
    /// Which intervals are told and counted; `None` is all.
    pub told: Option<Range<Interval>>,
    /// Whether what Calabrio refused is told again although its values are the same.
    pub refused_again: bool,
}

/// An interval as it was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// What it is of.
    #[serde(flatten)]
    pub key: IntervalKey,
    /// What was delivered last; all zero where it was taken back.
    pub values: Values,
    /// Where Calabrio refused those values: what it has instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

/// What Calabrio has of an interval whose newest values it refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What was delivered of it before; `None` where nothing was.
    pub before: Option<Values>,
}

impl Delivered {
    /// What Calabrio has of it; `None` where it has nothing.
    pub fn arrived(&self) -> Option<Values> {
        match self.refused {
            None => Some(self.values),
            Some(refused) => refused.before,
        }
    }
}

/// What happened to an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "happened")]
pub enum Happened {
    /// It was never delivered.
    New,
    /// It was delivered with other values.
    Changed {
        /// What was delivered.
        before: Values,
    },
    /// A complete pull does not show it any more. Its values are zero.
    Gone {
        /// What was delivered.
        before: Values,
    },
}

/// An interval that differs from what was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it is of, and its values now.
    #[serde(flatten)]
    pub row: IntervalRow,
    /// What happened to it.
    #[serde(flatten)]
    pub happened: Happened,
    /// Whether it is to be delivered; else it is only listed, since Calabrio takes no second delivery.
    pub deliver: bool,
}

/// What comes of comparing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// An interval differs.
    Change(Change),
    /// An interval is held.
    Held(HeldRow),
    /// An interval is refused.
    NotWorkload(NotWorkload),
}

/// How many intervals came out in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ChangeTally {
    /// Never delivered before.
    pub new: u64,
    /// Delivered with other values.
    pub changed: u64,
    /// Taken back with zeros.
    pub gone: u64,
    /// Delivered with these values.
    pub unchanged: u64,
    /// Not closed yet.
    pub open: u64,
    /// Held.
    pub held: u64,
    /// Refused.
    pub not_workload: u64,
    /// Not shown any more, or with less than was delivered, and yet not taken back: because of the alarm, or because held or refused rows may
    /// be theirs. Of a report that was cut short it is all that differs.
    pub kept: u64,
    /// In the report, and none of those that are told.
    pub outside: u64,
}

/// The changes of a pull, in the order of keys.
///
/// Comes from [`changes`]; an error ends it.
pub struct Changes<D: Iterator> {
    intervals: Intervals,
    ahead: Option<Item>,
    delivered: Peekable<D>,
    last_delivered: Option<IntervalKey>,
    rules: ChangeRules,
    now: DateTime<Utc>,
    alarm: Option<Alarm>,
    shown: Option<Range<Interval>>,
    /// Nothing of this interval is taken back: who the held rows are of is not known.
    keep_interval: Option<Interval>,
    /// Nothing of this agent in this interval is taken back.
    keep_agent: Option<(Interval, Option<WorkerSid>)>,
    tally: ChangeTally,
    done: bool,
}

/// Compares a pull with what was delivered before.
///
/// `delivered` lists, in the order of its keys, at least what was delivered of the covered intervals. Only closed intervals are
/// told: those that ended `settle` before `now`. A report with an [`Alarm`] takes nothing back and lowers nothing; one that was cut short
/// tells nothing at all.
pub fn changes<D>(
    summary: &Summary,
    intervals: Intervals,
    delivered: D,
    rules: ChangeRules,
    now: DateTime<Utc>,
) -> Changes<D::IntoIter>
where
    D: IntoIterator<Item = Result<Delivered, Box<dyn std::error::Error + Send + Sync>>>,
{
    let shown = summary.first.zip(summary.last).map(|(first, last)| {
        let covered = rules.covered.clone().unwrap_or(first..last.next());
        covered.start..covered.end.min(last.next())
    });
    Changes {
        intervals,
        ahead: None,
        delivered: delivered.into_iter().peekable(),
        last_delivered: None,
        rules,
        now,
        alarm: summary.alarm(),
        shown,
        keep_interval: None,
        keep_agent: None,
        tally: ChangeTally::default(),
        done: false,
    }
}

impl<D> Changes<D>
where
    D: Iterator<Item = Result<Delivered, Box<dyn std::error::Error + Send + Sync>>>,
{
    /// How many intervals came out in which way; whole once the changes have come to their end.
    pub fn tally(&self) -> &ChangeTally {
        &self.tally
    }

    /// Why nothing is taken back, if it is not.
    pub fn alarm(&self) -> Option<Alarm> {
        self.alarm
    }

    /// What became of the report, whatever was delivered before; whole at the end as well.
    pub fn report_tally(&self) -> &crate::Tally {
        self.intervals.tally()
    }

    fn is_told(&self, interval: Interval) -> bool {
        self.rules
            .told
            .as_ref()
            .is_none_or(|told| told.contains(&interval))
    }

    fn is_closed(&self, interval: Interval) -> bool {
        self.now
            .checked_sub_signed(self.rules.settle)
            .is_some_and(|until| interval.end() <= until)
    }

    /// The next one that was delivered, if it comes before a limit.
    fn delivered_before(
        &mut self,
        before: impl Fn(&IntervalKey) -> bool,
    ) -> Result<Option<Delivered>, HistoryError> {
        let next = self.delivered.next_if(|next| match next {
            Ok(next) => before(&next.key),
            Err(_) => true,
        });
        let Some(next) = next else { return Ok(None) };
        let next = next.map_err(HistoryError::Delivered)?;
        if self.last_delivered.is_some_and(|last| last >= next.key) {
            return Err(HistoryError::DeliveredOrder);
        }
        self.last_delivered = Some(next.key);
        Ok(Some(next))
    }

    /// What becomes of one that was delivered and is not in the report.
    fn gone(&mut self, delivered: &Delivered) -> Option<Change> {
        let key = delivered.key;
        let covered = self
            .shown
            .as_ref()
            .is_some_and(|shown| shown.contains(&key.interval));
        // What was refused is not there to be taken back; whether zeros were refused, only the next ones will tell.
        let before = delivered.arrived().filter(|before| !before.is_zero())?;
        if delivered.values.is_zero() && !self.rules.refused_again {
            return None;
        }
        // An empty report shows nothing at all: what it should have shown is kept, and told by the alarm.
        let expected = self
            .rules
            .covered
            .as_ref()
            .or(self.shown.as_ref())
            .is_none_or(|covered| covered.contains(&key.interval));
        if !expected || !self.is_closed(key.interval) || !self.is_told(key.interval) {
            return None;
        }
        let unsure = self.keep_interval == Some(key.interval)
            || self.keep_agent == Some((key.interval, key.agent));
        if self.alarm.is_some() || unsure || !covered {
            self.tally.kept += 1;
            return None;
        }
        self.tally.gone += 1;
        let values = Values::zero(delivered.values.report());
        Some(Change {
            row: IntervalRow {
                key,
                values,
                ambiguous: false,
            },
            happened: Happened::Gone { before },
            deliver: self.rules.redelivery == Redelivery::Replace,
        })
    }

    /// One that is in the report, beside what was delivered of it.
    fn compare(&mut self, row: IntervalRow, delivered: Option<&Delivered>) -> Option<Change> {
        if !self.is_told(row.key.interval) {
            self.tally.outside += 1;
            return None;
        }
        if !self.is_closed(row.key.interval) {
            self.tally.open += 1;
            return None;
        }
        // The same values again would be refused again, unless somebody mended the cause and asks for it.
        let known = delivered.is_some_and(|delivered| {
            let settled = delivered.refused.is_none() || !self.rules.refused_again;
            settled && delivered.values == row.values
        });
        let arrived = delivered.and_then(Delivered::arrived);
        // What a faulty report lacks is no reason to lower anything.
        let lacking = match self.alarm {
            Some(Alarm::CutShort) => true,
            Some(_) => arrived.is_some_and(|before| row.values.lacks(&before)),
            None => false,
        };
        let (happened, deliver) = match arrived {
            _ if known => {
                self.tally.unchanged += 1;
                return None;
            }
            Some(before) if before == row.values => {
                self.tally.unchanged += 1;
                return None;
            }
            _ if lacking => {
                self.tally.kept += 1;
                return None;
            }
            Some(before) => {
                self.tally.changed += 1;
                let deliver = self.rules.redelivery == Redelivery::Replace;
                (Happened::Changed { before }, deliver)
            }
            None => {
                self.tally.new += 1;
                (Happened::New, true)
            }
        };
        Some(Change {
            row,
            happened,
            deliver,
        })
    }

    /// One step; `None` where it leads to nothing that is to be told.
    fn step(&mut self) -> Result<Option<Outcome>, HistoryError> {
        let item = match self.ahead.take() {
            Some(item) => Some(item),
            None => self.intervals.next().transpose()?,
        };
        let Some(item) = item else {
            let rest = self.delivered_before(|_| true)?;
            self.done = rest.is_none();
            return Ok(rest.and_then(|rest| self.gone(&rest)).map(Outcome::Change));
        };
        // What was delivered and comes before this item is not in the report.
        let place = Place::of(&item);
        if let Some(delivered) = self.delivered_before(|key| place.is_after(key))? {
            self.ahead = Some(item);
            return Ok(self.gone(&delivered).map(Outcome::Change));
        }
        Ok(match item {
            Item::Interval(row) => {
                let delivered = self.delivered_before(|key| *key == row.key)?;
                self.compare(row, delivered.as_ref()).map(Outcome::Change)
            }
            Item::Held(held) => {
                self.keep(held.interval, &held.agent);
                if !self.is_told(held.interval) {
                    self.tally.outside += 1;
                    return Ok(None);
                }
                if self.alarm == Some(Alarm::CutShort) {
                    self.tally.kept += 1;
                    return Ok(None);
                }
                self.tally.held += 1;
                Some(Outcome::Held(held))
            }
            Item::NotWorkload(refused) => {
                self.keep(refused.interval, &refused.agent);
                self.tally.not_workload += 1;
                Some(Outcome::NotWorkload(refused))
            }
        })
    }

    /// Rows that are held or refused: those that were delivered may be in them.
    fn keep(&mut self, interval: Interval, agent: &Party<WorkerSid>) {
        match agent {
            Party::Known(agent) => self.keep_agent = Some((interval, Some(*agent))),
            // Held agents, and held queues of the queue report, may be anyone.
            Party::None | Party::Held(_) => self.keep_interval = Some(interval),
        }
    }
}

/// Where an item stands among what was delivered.
enum Place {
    Interval(Interval),
    Agent(Interval, WorkerSid),
    Key(IntervalKey),
}

impl Place {
    fn of(item: &Item) -> Self {
        let (interval, agent) = match item {
            Item::Interval(row) => return Self::Key(row.key),
            Item::Held(held) => (held.interval, &held.agent),
            Item::NotWorkload(refused) => (refused.interval, &refused.agent),
        };
        match agent {
            Party::Known(agent) => Self::Agent(interval, *agent),
            Party::None | Party::Held(_) => Self::Interval(interval),
        }
    }

    fn is_after(&self, key: &IntervalKey) -> bool {
        match self {
            Self::Interval(interval) => key.interval < *interval,
            Self::Agent(interval, agent) => (key.interval, key.agent) < (*interval, Some(*agent)),
            Self::Key(own) => key < own,
        }
    }
}

impl<D> Iterator for Changes<D>
where
    D: Iterator<Item = Result<Delivered, Box<dyn std::error::Error + Send + Sync>>>,
{
    type Item = Result<Outcome, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.step() {
                Ok(Some(outcome)) => return Some(Ok(outcome)),
                Ok(None) => {}
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
