//! What stands in a JSON value, read leniently.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// From here on a number is milliseconds since 1970, below it is seconds: the year 5138 in seconds, March 1973 in milliseconds.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// Text, number or boolean as text. An empty text is nothing.
pub(crate) fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Owned(flag.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// ISO 8601 with a zone, the RFC 2822 form of Twilio's older API and of its voice callbacks, or seconds or milliseconds since 1970.
pub(crate) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return if number.abs() >= FIRST_MILLISECONDS {
            DateTime::from_timestamp_millis(number)
        } else {
            DateTime::from_timestamp(number, 0)
        };
    }
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_rfc2822(text))
        .ok()
        .map(|at| at.with_timezone(&Utc))
}

/// The kind of a value, with its article.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_in_each_form_that_twilio_writes() {
        for text in [
            "2026-03-02T10:15:00Z",
            "2026-03-02T10:15:00.000Z",
            "2026-03-02T11:15:00+01:00",
            "Mon, 02 Mar 2026 10:15:00 +0000",
            "1772446500",
            " 1772446500000 ",
        ] {
            assert_eq!(
                instant(text).map(|at| at.timestamp_millis()),
                Some(1_772_446_500_000),
                "{text}"
            );
        }
        for text in ["", "soon", "9223372036854775807", "10:15"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
