//! The day of a zone, and how it is tiled.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::{Interval, IntervalError, LocalTime, Zone};

/// A day of a zone: the intervals from the first instant whose local date has reached it to the first of the next day.
///
/// Mostly 96 intervals; 92 or 100 where the clocks change by an hour, 94 or 98 where they change by half an hour, none
/// where the zone left the date out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Day {
    zone: Zone,
    date: NaiveDate,
    first: Interval,
    after: Interval,
}

impl Day {
    /// The day of a date.
    pub fn of(zone: Zone, date: NaiveDate) -> Result<Self, IntervalError> {
        let tomorrow = date.succ_opt().ok_or(IntervalError::OutOfRange { date })?;
        let quarter = |date| {
            Interval::starting(beginning(zone, date))
                .map_err(|_| IntervalError::NotQuarterly { date, zone })
        };
        Ok(Self {
            zone,
            date,
            first: quarter(date)?,
            after: quarter(tomorrow)?,
        })
    }

    /// The day that an instant lies in. There is exactly one.
    pub fn containing(zone: Zone, instant: DateTime<Utc>) -> Result<Self, IntervalError> {
        let date = zone.to_local(instant).date_naive();
        let day = Self::of(zone, date)?;
        if instant < day.end() {
            return Ok(day);
        }
        // The clocks went back to before a midnight that had passed already.
        day.next()
    }

    /// The zone.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The date.
    pub fn date(&self) -> NaiveDate {
        self.date
    }

    /// The first instant of it.
    pub fn start(&self) -> DateTime<Utc> {
        self.first.start()
    }

    /// The first instant after it.
    pub fn end(&self) -> DateTime<Utc> {
        self.after.start()
    }

    /// How long it is.
    pub fn duration(&self) -> TimeDelta {
        self.end() - self.start()
    }

    /// How many intervals it has.
    pub fn len(&self) -> usize {
        usize::try_from(self.after.number() - self.first.number()).unwrap_or(0)
    }

    /// Whether the zone left the date out.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its intervals, in time order.
    pub fn intervals(&self) -> impl DoubleEndedIterator<Item = Interval> + Clone + use<> {
        (self.first.number()..self.after.number()).map(Interval::from_number)
    }

    /// The day after it.
    pub fn next(&self) -> Result<Self, IntervalError> {
        let date = self
            .date
            .succ_opt()
            .ok_or(IntervalError::OutOfRange { date: self.date })?;
        Self::of(self.zone, date)
    }

    /// The day before it.
    pub fn previous(&self) -> Result<Self, IntervalError> {
        let date = self
            .date
            .pred_opt()
            .ok_or(IntervalError::OutOfRange { date: self.date })?;
        Self::of(self.zone, date)
    }
}

/// The first instant whose local date has reached this one.
fn beginning(zone: Zone, date: NaiveDate) -> DateTime<Utc> {
    match zone.resolve(date.and_time(NaiveTime::MIN)) {
        LocalTime::Once(at) | LocalTime::Twice { earlier: at, .. } => at,
        LocalTime::Never { resumes } => resumes,
    }
}
