//! Which part of a recording is a leg's own.

use chrono::{DateTime, Duration, Utc};
use contact_model::Span;

/// How far a recording's length may differ from its wall time before a cut by the clock is not to be trusted: silence
/// may have been trimmed, pauses skipped.
pub(super) const WALL_TOLERANCE: Duration = Duration::seconds(2);

/// The time of a leg: half open, on the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends.
    pub to: DateTime<Utc>,
}

impl Period {
    /// Whether a stretch of time has more than `slack` in common with this one.
    pub(super) fn overlaps(self, from: DateTime<Utc>, to: DateTime<Utc>, slack: Duration) -> bool {
        from + slack < self.to && self.from + slack < to
    }
}

/// What is known of a recording's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// When it began, cut to the second.
    pub start: DateTime<Utc>,
    /// How long it is.
    pub length: Duration,
}

impl Clock {
    fn end(self) -> DateTime<Utc> {
        self.start + self.length
    }
}

/// What is to be done with a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// All of it is the leg's own.
    Whole,
    /// This part of it is.
    Part(Span),
    /// More than the leg may be on it, but where the leg begins and ends in it cannot be told.
    Uncertain,
}

/// Whether all of a recording lies within the leg, give or take the margin and the rounding of its start.
pub(super) fn lies_within(leg: Period, recording: Clock, margin: Duration) -> bool {
    let slack = margin.max(WALL_TOLERANCE);
    recording.start + slack >= leg.from && recording.end() <= leg.to + slack
}

/// Cuts a recording that holds more than the leg. `wall_end` is when the recorded call or conference ended; `others` are
/// the other legs that may be on the recording.
///
/// The margin goes outward, and inward on a side that touches another leg, so that nobody hears the other one's words.
pub(super) fn cut(
    leg: Period,
    recording: Clock,
    wall_end: Option<DateTime<Utc>>,
    others: &[Period],
    margin: Duration,
) -> Cut {
    let agrees = wall_end.is_some_and(|end| (end - recording.end()).abs() <= WALL_TOLERANCE);
    if !agrees {
        return Cut::Uncertain;
    }
    let near = |one: DateTime<Utc>, other: DateTime<Utc>| {
        (one - other).abs() <= margin.max(WALL_TOLERANCE)
    };
    let touched_before = others.iter().any(|other| near(other.to, leg.from));
    let touched_after = others.iter().any(|other| near(other.from, leg.to));
    let from = if touched_before {
        leg.from + margin
    } else {
        leg.from - margin
    };
    let to = if touched_after {
        leg.to - margin
    } else {
        leg.to + margin
    };
    let length = milliseconds(recording.length);
    let from_ms = milliseconds(from - recording.start).min(length);
    let to_ms = milliseconds(to - recording.start).min(length);
    if from_ms >= to_ms {
        return Cut::Uncertain;
    }
    if from_ms == 0 && to_ms == length {
        return Cut::Whole;
    }
    // Twilio tells the length in whole seconds: a part that runs to the end runs to the last sample.
    let to_ms = (to_ms < length).then_some(to_ms);
    Cut::Part(Span { from_ms, to_ms })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.num_milliseconds()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MARGIN: Duration = Duration::seconds(1);

    fn at(millisecond: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_780_000_000_000 + millisecond).unwrap()
    }

    fn period(from: i64, to: i64) -> Period {
        Period {
            from: at(from),
            to: at(to),
        }
    }

    fn clock(start: i64, seconds: i64) -> Clock {
        Clock {
            start: at(start),
            length: Duration::seconds(seconds),
        }
    }

    #[test]
    fn the_margin_goes_outward_where_nobody_else_is() {
        let cut = cut(
            period(30_000, 60_000),
            clock(0, 100),
            Some(at(100_000)),
            &[],
            MARGIN,
        );
        assert_eq!(
            cut,
            Cut::Part(Span {
                from_ms: 29_000,
                to_ms: Some(61_000)
            })
        );
    }

    #[test]
    fn the_margin_goes_inward_on_a_side_that_touches_another_leg() {
        let others = [period(0, 29_500), period(60_200, 90_000)];
        let cut = cut(
            period(30_000, 60_000),
            clock(0, 100),
            Some(at(100_000)),
            &others,
            MARGIN,
        );
        assert_eq!(
            cut,
            Cut::Part(Span {
                from_ms: 31_000,
                to_ms: Some(59_000)
            })
        );
    }

    #[test]
    fn a_part_that_runs_to_the_end_runs_to_the_last_sample() {
        let cut = cut(
            period(30_000, 99_500),
            clock(0, 100),
            Some(at(100_700)),
            &[],
            MARGIN,
        );
        assert_eq!(
            cut,
            Cut::Part(Span {
                from_ms: 29_000,
                to_ms: None
            })
        );
    }

    #[test]
    fn a_leg_that_covers_the_recording_takes_all_of_it() {
        assert_eq!(
            cut(
                period(-500, 100_000),
                clock(0, 100),
                Some(at(100_000)),
                &[],
                MARGIN
            ),
            Cut::Whole
        );
    }

    #[test]
    fn trimmed_silence_or_an_unknown_end_makes_every_cut_uncertain() {
        let leg = period(30_000, 60_000);
        assert_eq!(
            cut(leg, clock(0, 90), Some(at(100_000)), &[], MARGIN),
            Cut::Uncertain
        );
        assert_eq!(cut(leg, clock(0, 100), None, &[], MARGIN), Cut::Uncertain);
    }

    #[test]
    fn a_leg_that_is_not_on_the_recording_is_uncertain_and_never_an_empty_part() {
        assert_eq!(
            cut(
                period(200_000, 260_000),
                clock(0, 100),
                Some(at(100_000)),
                &[],
                MARGIN
            ),
            Cut::Uncertain
        );
        let shut_in = [period(0, 30_000), period(31_000, 50_000)];
        assert_eq!(
            cut(
                period(30_000, 31_000),
                clock(0, 100),
                Some(at(100_000)),
                &shut_in,
                MARGIN
            ),
            Cut::Uncertain
        );
    }

    #[test]
    fn a_recording_within_the_leg_needs_no_cut() {
        assert!(lies_within(period(0, 60_000), clock(-1_000, 61), MARGIN));
        assert!(!lies_within(period(0, 60_000), clock(-30_000, 90), MARGIN));
        assert!(!lies_within(period(0, 60_000), clock(0, 90), MARGIN));
    }

    proptest! {
        #[test]
        fn parts_of_legs_that_follow_each_other_never_overlap(
            first in 5_000_i64..60_000, gap in 0_i64..1_000, second in 5_000_i64..60_000, lead in 0_i64..30_000
        ) {
            let one = period(lead, lead + first);
            let two = period(lead + first + gap, lead + first + gap + second);
            let recording = clock(0, (lead + first + gap + second) / 1_000 + 2);
            let end = Some(recording.end());
            let (a, b) = (cut(one, recording, end, &[two], MARGIN), cut(two, recording, end, &[one], MARGIN));
            if let (Cut::Part(a), Cut::Part(b)) = (a, b) {
                prop_assert!(a.to_ms.is_some_and(|to| a.from_ms < to && to <= b.from_ms), "{a:?} {b:?}");
                prop_assert!(b.to_ms.is_none_or(|to| b.from_ms < to));
            } else {
                prop_assert!(false, "{a:?} {b:?}");
            }
        }
    }
}
