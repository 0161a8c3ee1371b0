//! How often Flex Insights loads, from what reports have shown so far.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use wfm_interval::Interval;

/// The newest interval that a report showed, and when it was pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// When the report was pulled.
    pub at: DateTime<Utc>,
    /// The newest interval in it that was closed.
    pub newest: Interval,
}

/// How often Flex Insights loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cadence {
    /// Nobody can tell yet.
    Unknown,
    /// Once an hour, which is the default. A support ticket with Twilio changes it to 15 minutes.
    Hourly,
    /// More often than that.
    MoreOften,
}

/// Two loads so close together are not an hour apart, whenever in between it was that reports were pulled.
const CLOSE: TimeDelta = TimeDelta::minutes(45);
/// A newest interval that stayed so for this long has outlived loads of every 15 minutes.
const OUTLIVED: TimeDelta = TimeDelta::minutes(30);
/// What a load of each hour adds, and a quarter of an hour for one that came late. More is a night, of which nothing follows.
const HOUR: i64 = 5;

/// How often Flex Insights loads: judged by the last two loads of which sightings, in the order of time, tell.
///
/// A load shows as a newest interval that moved on. Two of them within 45 minutes are loads of more often than each hour. A newest
/// interval that was still the newest half an hour after it had come, and then moved on by an hour, is one of hourly loads. Nights without
/// data, and times in which nobody looked, tell nothing. A few hours of sightings are enough.
pub fn cadence(sightings: &[Sighting]) -> Cadence {
    let Some((last, before)) = two_loads(sightings) else {
        return Cadence::Unknown;
    };
    if last.seen - before.seen < CLOSE {
        return Cadence::MoreOften;
    }
    let moved = last.newest.number() - before.newest.number();
    if before.still - before.seen >= OUTLIVED && moved <= HOUR {
        return Cadence::Hourly;
    }
    Cadence::Unknown
}

/// A load as sightings show it.
struct Load {
    newest: Interval,
    /// When it was first seen.
    seen: DateTime<Utc>,
    /// When it was last seen to be the newest.
    still: DateTime<Utc>,
}

/// The last two loads, of which it was seen that they came: of what was there at first that is not known.
fn two_loads(sightings: &[Sighting]) -> Option<(Load, Load)> {
    let mut loads: Vec<Load> = Vec::new();
    for sighting in sightings {
        match loads.last_mut() {
            Some(load) if sighting.newest <= load.newest => load.still = sighting.at,
            _ => loads.push(Load {
                newest: sighting.newest,
                seen: sighting.at,
                still: sighting.at,
            }),
        }
    }
    if loads.len() < 3 {
        return None;
    }
    Some((loads.pop()?, loads.pop()?))
}
