//! Reading JSON leniently: numbers that come as strings, times in several spellings, fields that are not there. And writing fields
//! whose name is a setting.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Sets a field; where its name is empty, it is left out.
pub(crate) fn put(fields: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    if !name.is_empty() {
        fields.insert(name.to_owned(), value.into());
    }
}

/// The value under `path`: a field's name, or dotted names of nested objects. Empty finds nothing.
pub(crate) fn lookup<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return None;
    }
    if let Some(found) = value.get(path) {
        return Some(found);
    }
    let (first, rest) = path.split_once('.')?;
    lookup(value.get(first)?, rest)
}

/// A text, or a number or boolean written as one. Null, arrays and objects are none.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// A whole number, also written as text or with a fraction of zeros.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| whole(text.parse().ok()?))
        }
        _ => None,
    }
}

/// The integers up to 2^53 that a float holds exactly.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the bounds are checked before the cast"
)]
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.is_finite() && number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// A truth value, also written as text or as 0 and 1.
pub(crate) fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Some(true),
            "false" | "0" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A time: milliseconds since 1970 in UTC as number or text, or RFC 3339.
pub(crate) fn time(value: &Value) -> Option<DateTime<Utc>> {
    if let Some(ms) = integer(value) {
        return DateTime::from_timestamp_millis(ms);
    }
    DateTime::parse_from_rfc3339(value.as_str()?.trim())
        .ok()
        .map(|time| time.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::any_json;

    #[test]
    fn numbers_are_read_in_every_spelling() {
        assert_eq!(integer(&json!(7)), Some(7));
        assert_eq!(integer(&json!("7 ")), Some(7));
        assert_eq!(integer(&json!(7.0)), Some(7));
        assert_eq!(integer(&json!("7.0")), Some(7));
        for wrong in [
            json!(7.5),
            json!(1e300),
            json!("seven"),
            json!(null),
            json!([7]),
            json!(u64::MAX),
        ] {
            assert_eq!(integer(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_are_read_as_milliseconds_or_rfc_3339() {
        let expected = DateTime::from_timestamp_millis(1_700_000_000_123);
        for value in [
            json!(1_700_000_000_123_i64),
            json!("1700000000123"),
            json!("2023-11-14T23:13:20.123+01:00"),
        ] {
            assert_eq!(time(&value), expected, "{value}");
        }
        assert_eq!(time(&json!(i64::MAX)), None);
        assert_eq!(time(&json!("yesterday")), None);
    }

    #[test]
    fn truth_is_read_in_every_spelling() {
        for value in [json!(true), json!("TRUE"), json!(1), json!("1")] {
            assert_eq!(truth(&value), Some(true), "{value}");
        }
        for value in [json!(false), json!("no"), json!(0)] {
            assert_eq!(truth(&value), Some(false), "{value}");
        }
        assert_eq!(truth(&json!("perhaps")), None);
    }

    #[test]
    fn a_field_is_found_by_its_name_before_its_dots_are_read_as_nesting() {
        let value = json!({"a.b": 1, "a": {"b": 2, "c": 3}});
        assert_eq!(lookup(&value, "a.b"), Some(&json!(1)));
        assert_eq!(lookup(&value, "a.c"), Some(&json!(3)));
        assert_eq!(lookup(&value, ""), None);
    }

    proptest! {
        #[test]
        fn no_json_makes_the_readers_panic(value in any_json()) {
            let _ = (text(&value), integer(&value), truth(&value), time(&value), lookup(&value, "a.b.c"));
        }
    }
}
