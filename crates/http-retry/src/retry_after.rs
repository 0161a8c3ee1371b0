//! The `Retry-After` header in every form in which it is met.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The longest wait that a `Retry-After` can ask for before it is cut: one day.
///
/// It keeps arithmetic safe; the policy's own clamp is far shorter.
const LONGEST: Duration = Duration::from_hours(24);

/// What a `Retry-After` header asks for (RFC 9110, section 10.2.3).
///
/// Besides whole seconds and HTTP dates (all three forms of RFC 9110, section 5.6.7) it takes fractions of a second,
/// which some servers send. A date or a number in the past asks for no wait, and an absurd one for a day at most.
///
/// ```
/// use std::time::Duration;
/// use http_retry::RetryAfter;
///
/// let now = "2026-03-01T12:00:00Z".parse()?;
/// let wait = |text| RetryAfter::parse(text, now).map(|asked| asked.delay());
/// assert_eq!(wait("2"), Some(Duration::from_secs(2)));
/// assert_eq!(wait("0.5"), Some(Duration::from_millis(500)));
/// assert_eq!(wait("Sun, 01 Mar 2026 12:00:30 GMT"), Some(Duration::from_secs(30)));
/// assert_eq!(wait("soon"), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryAfter(Duration);

impl RetryAfter {
    /// Reads the header's value; `None` if it is neither a number nor a date.
    pub fn parse(value: &str, now: DateTime<Utc>) -> Option<Self> {
        let value = value.trim();
        if value
            .starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.'))
        {
            let seconds: f64 = value.parse().ok()?;
            return Some(Self(Self::seconds(seconds)));
        }
        let at: DateTime<Utc> = httpdate::parse_http_date(value).ok()?.into();
        Some(Self(
            (at - now).to_std().unwrap_or(Duration::ZERO).min(LONGEST),
        ))
    }

    /// The wait that is asked for, at most a day.
    pub fn delay(self) -> Duration {
        self.0
    }

    /// The wait that is granted: what is asked for, but at most `max`.
    pub fn clamped(self, max: Duration) -> Duration {
        self.0.min(max)
    }

    fn seconds(seconds: f64) -> Duration {
        if seconds >= LONGEST.as_secs_f64() {
            LONGEST
        } else {
            Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::ZERO)
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 6, 8, 49, 7).unwrap()
    }

    fn wait(text: &str) -> Option<Duration> {
        RetryAfter::parse(text, now()).map(RetryAfter::delay)
    }

    #[test]
    fn whole_and_broken_seconds_are_read() {
        assert_eq!(wait("0"), Some(Duration::ZERO));
        assert_eq!(wait(" 120 "), Some(Duration::from_mins(2)));
        assert_eq!(wait("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(wait(".25"), Some(Duration::from_millis(250)));
    }

    #[test]
    fn all_three_forms_of_a_date_are_read() {
        for date in [
            "Fri, 06 Nov 2026 08:49:37 GMT",
            "Friday, 06-Nov-26 08:49:37 GMT",
            "Fri Nov  6 08:49:37 2026",
        ] {
            assert_eq!(wait(date), Some(Duration::from_secs(30)), "{date}");
        }
    }

    #[test]
    fn the_past_asks_for_no_wait() {
        assert_eq!(wait("-3"), Some(Duration::ZERO));
        assert_eq!(wait("Fri, 06 Nov 2020 08:49:37 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn the_absurd_is_cut_to_a_day_and_then_to_what_the_policy_allows() {
        for absurd in [
            "86401",
            "99999999999999999999999999",
            "1e300",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            let asked = RetryAfter::parse(absurd, now()).unwrap();
            assert_eq!(asked.delay(), LONGEST, "{absurd}");
            assert_eq!(
                asked.clamped(Duration::from_mins(1)),
                Duration::from_mins(1)
            );
        }
    }

    #[test]
    fn rubbish_asks_for_nothing() {
        for rubbish in [
            "",
            "soon",
            "1 minute",
            "NaN",
            "inf",
            "-",
            "0x10",
            "Fri, 99 Nov 2026 08:49:37 GMT",
            "\u{0}",
        ] {
            assert_eq!(wait(rubbish), None, "{rubbish:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_at_most_a_day(text in ".{0,40}") {
            if let Some(delay) = wait(&text) {
                prop_assert!(delay <= LONGEST);
            }
        }
    }
}
