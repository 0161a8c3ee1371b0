//! Which of several recordings of one leg are taken: what does not overlap is joined in the order of time; of what
//! overlaps, the one with more channels goes, then the longer.

use chrono::{DateTime, Duration, Utc};
use twilio_sid::RecordingSid;

use super::facts::RecordingFacts;

/// Starts are cut to the second, and lengths are whole seconds: overlaps up to this are none.
const SLACK: Duration = Duration::seconds(1);

fn stretch(facts: &RecordingFacts) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let start = facts.start?;
    let seconds = i64::try_from(facts.seconds.unwrap_or(0)).ok()?;
    Some((
        start,
        start.checked_add_signed(Duration::try_seconds(seconds)?)?,
    ))
}

/// Whether two recordings cover the same time. Those whose time is not known do.
fn overlap(one: &RecordingFacts, other: &RecordingFacts) -> bool {
    match (stretch(one), stretch(other)) {
        (Some((from, to)), Some((other_from, other_to))) => {
            from + SLACK < other_to && other_from + SLACK < to
        }
        _ => true,
    }
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection<'a> {
    /// In the order of time.
    pub taken: Vec<&'a RecordingFacts>,
    /// Passed over, in the order of their SIDs.
    pub superseded: Vec<RecordingSid>,
}

/// Chooses among the recordings of one leg.
pub(super) fn select<'a>(candidates: &[&'a RecordingFacts]) -> Selection<'a> {
    let mut ranked = candidates.to_vec();
    ranked.sort_by_key(|facts| {
        (
            std::cmp::Reverse(facts.channels),
            std::cmp::Reverse(facts.seconds.unwrap_or(0)),
            facts.sid,
        )
    });
    ranked.dedup_by_key(|facts| facts.sid);
    let mut taken: Vec<&RecordingFacts> = Vec::new();
    let mut superseded = Vec::new();
    for facts in ranked {
        if taken.iter().any(|other| other.sid == facts.sid) {
            continue;
        }
        if taken.iter().any(|other| overlap(other, facts)) {
            superseded.push(facts.sid);
        } else {
            taken.push(facts);
        }
    }
    taken.sort_by_key(|facts| (facts.start, facts.sid));
    superseded.sort_unstable();
    superseded.dedup();
    Selection { taken, superseded }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::facts::{Encryption, RecordingState};
    use super::*;

    fn facts(number: u8, start: Option<i64>, seconds: u64, channels: u8) -> RecordingFacts {
        RecordingFacts {
            sid: format!("RE{number:032}").parse().unwrap(),
            state: RecordingState::Stored,
            channels,
            start: start.and_then(|second| DateTime::from_timestamp(1_780_000_000 + second, 0)),
            seconds: Some(seconds),
            call: None,
            conference: None,
            encryption: Encryption::None,
        }
    }

    fn numbers(selection: &Selection<'_>) -> Vec<u8> {
        selection
            .taken
            .iter()
            .map(|facts| facts.sid.as_str()[30..].parse().unwrap())
            .collect()
    }

    #[test]
    fn what_does_not_overlap_is_joined_in_the_order_of_time() {
        let (late, early) = (facts(1, Some(60), 30, 1), facts(2, Some(0), 50, 1));
        let selection = select(&[&late, &early]);
        assert_eq!(numbers(&selection), [2, 1]);
        assert!(selection.superseded.is_empty());
    }

    #[test]
    fn of_what_overlaps_the_one_with_more_channels_goes_and_then_the_longer() {
        let (mono, dual, longer) = (
            facts(1, Some(0), 90, 1),
            facts(2, Some(10), 30, 2),
            facts(3, Some(5), 40, 2),
        );
        let selection = select(&[&mono, &dual, &longer]);
        assert_eq!(numbers(&selection), [3]);
        assert_eq!(selection.superseded, [mono.sid, dual.sid]);
    }

    #[test]
    fn one_second_of_overlap_is_only_rounding() {
        let (first, second) = (facts(1, Some(0), 31, 1), facts(2, Some(30), 30, 1));
        assert_eq!(numbers(&select(&[&first, &second])), [1, 2]);
    }

    #[test]
    fn a_recording_whose_time_is_not_known_is_never_joined_to_another() {
        let (known, unknown) = (facts(1, Some(0), 10, 2), facts(2, None, 99, 1));
        assert_eq!(numbers(&select(&[&unknown, &known])), [1]);
    }

    proptest! {
        #[test]
        fn everything_is_either_taken_or_superseded_and_what_is_taken_does_not_overlap(
            list in prop::collection::vec((prop::option::of(0_i64..300), 0_u64..120, 1_u8..=2), 0..8)
        ) {
            let all: Vec<_> = (0_u8..).zip(&list).map(|(number, (start, seconds, channels))| facts(number, *start, *seconds, *channels)).collect();
            let selection = select(&all.iter().collect::<Vec<_>>());
            prop_assert_eq!(selection.taken.len() + selection.superseded.len(), all.len());
            for (index, one) in selection.taken.iter().enumerate() {
                for other in &selection.taken[index + 1..] {
                    prop_assert!(!overlap(one, other));
                }
            }
            let mut reversed: Vec<_> = all.iter().collect();
            reversed.reverse();
            prop_assert_eq!(select(&reversed), selection);
        }
    }
}
