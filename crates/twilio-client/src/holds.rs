//! When a participant was on hold, from what Conference Insights tells was done to it.
//!
//! Twilio documents the events of a participant by an example alone: an object of names, each with the milliseconds at which it happened,
//! `{"mute": [1633705131000]}`. Times in other forms are taken too. Whatever is not understood makes the whole unknown: half of the holds are
//! worse than none.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// A stretch of time on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldSpan {
    /// When it was put on hold.
    pub from: DateTime<Utc>,
    /// When it was taken off hold, or left. Never before `from`.
    pub to: DateTime<Utc>,
}

impl HoldSpan {
    /// How long it was.
    pub fn length(&self) -> Duration {
        (self.to - self.from).to_std().unwrap_or(Duration::ZERO)
    }
}

/// How long all of them were together. Spans of one participant never overlap.
pub fn total_hold(holds: &[HoldSpan]) -> Duration {
    holds.iter().map(HoldSpan::length).sum()
}

/// The holds of a participant, in order and apart; empty if there were none, `None` if it cannot be told.
pub(crate) fn read(events: &Value, left: Option<DateTime<Utc>>) -> Option<Vec<HoldSpan>> {
    let Value::Object(events) = events else {
        return None;
    };
    let (mut holds, mut unholds) = (Vec::new(), None::<Vec<_>>);
    for (name, value) in events {
        match kind(name) {
            Some(Kind::Hold) => holds.extend(times(value)?),
            Some(Kind::Unhold) => unholds.get_or_insert_default().extend(times(value)?),
            None => {}
        }
    }
    if holds.is_empty() {
        return Some(Vec::new());
    }
    // Without any word of the ends, a minute on hold cannot be told from a whole call.
    pair(holds, unholds?, left)
}

enum Kind {
    Hold,
    Unhold,
}

fn kind(name: &str) -> Option<Kind> {
    let name = name.trim().to_ascii_lowercase().replace('-', "_");
    match name.strip_prefix("participant_").unwrap_or(&name) {
        "hold" => Some(Kind::Hold),
        "unhold" | "un_hold" => Some(Kind::Unhold),
        _ => None,
    }
}

fn times(value: &Value) -> Option<Vec<DateTime<Utc>>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(list) => list.iter().map(crate::time::moment).collect(),
        one => crate::time::moment(one).map(|time| vec![time]),
    }
}

/// Goes through both in order of time. A hold during a hold, and an end without a hold, change nothing. At one and the same time an end
/// comes first for one who is on hold, and last for one who is not.
fn pair(
    mut holds: Vec<DateTime<Utc>>,
    mut unholds: Vec<DateTime<Utc>>,
    left: Option<DateTime<Utc>>,
) -> Option<Vec<HoldSpan>> {
    holds.sort_unstable();
    unholds.sort_unstable();
    let (mut holds, mut unholds) = (holds.into_iter().peekable(), unholds.into_iter().peekable());
    let mut spans: Vec<HoldSpan> = Vec::new();
    let mut since = None;
    loop {
        let end_is_next = match (holds.peek(), unholds.peek()) {
            (None, None) => break,
            (Some(hold), Some(unhold)) if hold == unhold => since.is_some(),
            (Some(hold), Some(unhold)) => unhold < hold,
            (None, Some(_)) => true,
            (Some(_), None) => false,
        };
        if end_is_next {
            if let (Some(from), Some(to)) = (since.take(), unholds.next()) {
                spans.push(HoldSpan { from, to });
            }
        } else if let Some(hold) = holds.next() {
            since.get_or_insert(hold);
        }
    }
    if let Some(from) = since {
        // Whoever leaves on hold was on hold until then; the time of leaving has whole seconds alone.
        spans.push(HoldSpan {
            from,
            to: left?.max(from),
        });
    }
    Some(spans)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const BASE: i64 = 1_772_366_400; // 2026-03-01T12:00:00Z

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(BASE + second, 0).unwrap()
    }

    fn millis(second: i64) -> i64 {
        (BASE + second) * 1000
    }

    /// What is read, in seconds after the hour.
    fn spans(events: &Value, left: Option<i64>) -> Option<Vec<(i64, i64)>> {
        let holds = read(events, left.map(at))?;
        let second = |time: DateTime<Utc>| time.timestamp() - BASE;
        Some(
            holds
                .iter()
                .map(|hold| (second(hold.from), second(hold.to)))
                .collect(),
        )
    }

    #[test]
    fn holds_are_paired_in_the_order_of_their_times_not_of_their_lists() {
        let events = json!({
            "mute": [millis(1)],
            "unhold": [millis(90), millis(20)],
            "hold": [millis(10), millis(60)],
        });
        assert_eq!(spans(&events, None), Some(vec![(10, 20), (60, 90)]));
        let holds = read(&events, None).unwrap();
        assert_eq!(total_hold(&holds), Duration::from_secs(40));
    }

    #[test]
    fn times_may_be_milliseconds_seconds_or_text_and_one_alone_needs_no_list() {
        for (hold, unhold) in [
            (json!([millis(10)]), json!([millis(20)])),
            (json!([BASE + 10]), json!([BASE + 20])),
            (
                json!(["2026-03-01T12:00:10Z"]),
                json!(["2026-03-01T12:00:20.000Z"]),
            ),
            (json!((BASE + 10).to_string()), json!(millis(20))),
        ] {
            let events = json!({"participant-hold": hold, "Participant_Unhold": unhold});
            assert_eq!(spans(&events, None), Some(vec![(10, 20)]), "{events}");
        }
    }

    #[test]
    fn no_hold_among_the_events_is_no_hold() {
        for events in [
            json!({}),
            json!({"mute": [millis(1)]}),
            json!({"hold": [], "mute": "whenever"}),
            json!({"hold": null, "unhold": [millis(5)]}),
        ] {
            assert_eq!(spans(&events, None), Some(vec![]), "{events}");
        }
    }

    #[test]
    fn one_who_leaves_on_hold_was_on_hold_until_then() {
        let events = json!({"hold": [millis(10), millis(60)], "unhold": [millis(20)]});
        assert_eq!(spans(&events, Some(100)), Some(vec![(10, 20), (60, 100)]));
        assert_eq!(
            spans(&events, None),
            None,
            "and if it is not known when, nothing is"
        );
        // 12:00:59.9, cut to the second.
        assert_eq!(spans(&events, Some(59)), Some(vec![(10, 20), (60, 60)]));
    }

    #[test]
    fn holds_without_a_word_of_their_ends_tell_nothing() {
        assert_eq!(spans(&json!({"hold": [millis(10)]}), Some(100)), None);
    }

    #[test]
    fn what_repeats_or_has_no_beginning_changes_nothing() {
        let events = json!({
            "hold": [millis(10), millis(12), millis(60), millis(60)],
            "unhold": [millis(5), millis(20), millis(21), millis(70)],
        });
        assert_eq!(spans(&events, None), Some(vec![(10, 20), (60, 70)]));
    }

    #[test]
    fn an_end_and_a_beginning_at_one_time_are_both_counted() {
        let events = json!({"hold": [millis(10), millis(20)], "unhold": [millis(20), millis(30)]});
        assert_eq!(spans(&events, None), Some(vec![(10, 20), (20, 30)]));
        let events = json!({"hold": [millis(10)], "unhold": [millis(10)]});
        assert_eq!(spans(&events, None), Some(vec![(10, 10)]));
    }

    #[test]
    fn what_cannot_be_read_makes_the_whole_unknown() {
        for events in [
            json!(null),
            json!([]),
            json!("hold"),
            json!({"hold": ["soon"], "unhold": []}),
            json!({"hold": [millis(10)], "unhold": [{"at": millis(20)}]}),
            json!({"hold": {"10": "20"}, "unhold": []}),
            json!({"hold": [true], "unhold": []}),
            json!({"hold": [7], "unhold": [8]}),
        ] {
            assert_eq!(spans(&events, Some(100)), None, "{events}");
        }
    }

    proptest! {
        #[test]
        fn no_events_panic(value in crate::lenient::json(), left in prop::option::of(-1000_i64..1000)) {
            let _ = read(&value, left.map(at));
        }

        #[test]
        fn spans_are_in_order_and_apart(
            hold in prop::collection::vec(0_i64..500, 0..12),
            unhold in prop::collection::vec(0_i64..500, 0..12),
            left in 0_i64..600,
        ) {
            let list = |seconds: &[i64]| seconds.iter().map(|second| millis(*second)).collect::<Vec<_>>();
            let events = json!({"hold": list(&hold), "unhold": list(&unhold)});
            let spans = spans(&events, Some(left)).unwrap();
            prop_assert!(spans.len() <= hold.len());
            prop_assert!(spans.iter().all(|(from, to)| from <= to));
            prop_assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0));
            prop_assert_eq!(spans.is_empty(), hold.is_empty());
        }
    }
}
