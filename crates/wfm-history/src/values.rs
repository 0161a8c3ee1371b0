//! The sums of an interval.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::measure::{LONGEST_SLOT, SLOTS};
use crate::wire::{Cursor, put};
use crate::{HistoryError, Measure, Report, Unit};

/// The form of [`Values::to_bytes`].
const VERSION: u8 = 1;

/// The sums of one interval, by measure: durations in milliseconds, contacts in numbers.
///
/// JSON names each measure of the report with its unit, zeros included, in a fixed order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Values {
    report: Report,
    slots: [u64; SLOTS],
}

impl Values {
    /// All zero.
    pub fn zero(report: Report) -> Self {
        Self::from_slots(report, [0; SLOTS])
    }

    pub(crate) fn from_slots(report: Report, slots: [u64; SLOTS]) -> Self {
        Self { report, slots }
    }

    /// The report that they are of.
    pub fn report(&self) -> Report {
        self.report
    }

    /// One of them; 0 where the report does not have it.
    pub fn get(&self, measure: Measure) -> u64 {
        measure.slot(self.report).map_or(0, |slot| self.slots[slot])
    }

    /// The same with one of them set; unchanged where the report does not have the measure.
    pub fn with(mut self, measure: Measure, value: u64) -> Self {
        if let Some(slot) = measure.slot(self.report) {
            self.slots[slot] = value;
        }
        self
    }

    /// One of them in whole seconds, halves rounded up; a number of contacts as it is.
    ///
    /// Each interval is rounded by itself, so that the same milliseconds always give the same seconds.
    pub fn seconds(&self, measure: Measure) -> u64 {
        let value = self.get(measure);
        match measure.unit() {
            Unit::Count => value,
            Unit::Milliseconds => value / 1000 + u64::from(value % 1000 >= 500),
        }
    }

    /// Whether all are zero.
    pub fn is_zero(&self) -> bool {
        self.slots == [0; SLOTS]
    }

    /// Each measure of the report with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Measure, u64)> {
        Measure::of(self.report).iter().copied().zip(self.slots)
    }

    /// Both together; `None` where they are of different reports or a sum is beyond 64 bits.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        if self.report != other.report {
            return None;
        }
        let mut sum = *self;
        add(self.report, &mut sum.slots, &other.slots).then_some(sum)
    }

    /// Whether any measure is less than it was.
    pub fn lacks(&self, before: &Self) -> bool {
        self.slots
            .iter()
            .zip(&before.slots)
            .any(|(now, before)| now < before)
    }

    /// A short form for a ledger: the same values always give the same bytes, and other values others.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, u8::from(self.report == Report::QueueHistory)];
        put_slots(&mut bytes, &self.slots);
        bytes
    }

    /// What [`Values::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HistoryError> {
        let read = |bytes: &mut Cursor<&[u8]>| {
            let report = match (bytes.byte()?, bytes.byte()?) {
                (VERSION, 0) => Report::AgentProductivity,
                (VERSION, 1) => Report::QueueHistory,
                _ => return None,
            };
            Some(Self::from_slots(report, take_slots(bytes)?))
        };
        let mut cursor = Cursor::new(bytes);
        read(&mut cursor)
            .filter(|_| cursor.is_at_end())
            .ok_or(HistoryError::DamagedValues)
    }
}

/// Adds up slots; false where a sum is beyond 64 bits.
#[inline]
pub(crate) fn add(report: Report, sum: &mut [u64; SLOTS], more: &[u64; SLOTS]) -> bool {
    let longest = sum[LONGEST_SLOT].max(more[LONGEST_SLOT]);
    let mut fits = true;
    for (sum, more) in sum.iter_mut().zip(more) {
        let (added, overflow) = sum.overflowing_add(*more);
        fits &= !overflow;
        *sum = added;
    }
    if report == Report::QueueHistory {
        // The longest wait is no sum, so it cannot be beyond anything.
        sum[LONGEST_SLOT] = longest;
    }
    fits
}

pub(crate) fn put_slots(bytes: &mut Vec<u8>, slots: &[u64; SLOTS]) {
    let present = slots
        .iter()
        .enumerate()
        .filter(|(_, value)| **value != 0)
        .fold(0_u64, |bits, (slot, _)| bits | 1 << slot);
    put(bytes, present);
    for value in slots.iter().filter(|value| **value != 0) {
        put(bytes, *value);
    }
}

pub(crate) fn take_slots<R: std::io::BufRead>(cursor: &mut Cursor<R>) -> Option<[u64; SLOTS]> {
    let present = cursor.number()?;
    if present >> SLOTS != 0 {
        return None;
    }
    let mut slots = [0; SLOTS];
    for (slot, value) in slots.iter_mut().enumerate() {
        if present & 1 << slot != 0 {
            *value = cursor.number()?;
        }
    }
    Some(slots)
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter()
                    .filter(|(_, value)| *value != 0)
                    .map(|(measure, value)| (measure.name(), value)),
            )
            .finish()
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("report", &self.report)?;
        for (measure, value) in self.iter() {
            map.serialize_entry(measure.name(), &value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report and its measures")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
        let Some("report") = map.next_key::<String>()?.as_deref() else {
            return Err(A::Error::custom("the report comes before its measures"));
        };
        let mut values = Values::zero(map.next_value()?);
        while let Some(name) = map.next_key::<String>()? {
            let measure = Measure::of(values.report)
                .iter()
                .find(|measure| measure.name() == name)
                .ok_or_else(|| A::Error::custom("a measure that the report does not have"))?;
            values = values.with(*measure, map.next_value()?);
        }
        Ok(values)
    }
}
