//! Twilio's JSON, read leniently: numbers may come as strings, times in two forms, SIDs as null or as empty text.
//!
//! What a resource cannot be without is required, and its absence is told by the field's name. Everything else that does not fit is taken
//! for absent. No error repeats a value: values are customers' data.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use flex_events::Attributes;
use serde_json::{Map, Value};

use crate::error::Unreadable;

/// One resource, field by field.
pub(crate) struct Fields<'a> {
    resource: &'static str,
    sid: Option<String>,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// `resource` with its article: `a recording`.
    pub(crate) fn of(resource: &'static str, value: &'a Value) -> Result<Self, Unreadable> {
        let Value::Object(map) = value else {
            return Err(Unreadable {
                resource,
                sid: None,
                field: "(itself)",
                expected: "a JSON object",
            });
        };
        Ok(Self {
            resource,
            sid: sid_of(map),
            map,
        })
    }

    pub(crate) fn value(&self, field: &str) -> Option<&'a Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, field: &str) -> Option<&'a str> {
        self.value(field)?.as_str().filter(|text| !text.is_empty())
    }

    pub(crate) fn owned(&self, field: &str) -> Option<String> {
        self.text(field).map(str::to_owned)
    }

    pub(crate) fn sid<T: FromStr>(&self, field: &'static str) -> Result<T, Unreadable> {
        self.maybe_sid(field)
            .ok_or_else(|| self.unreadable(field, "a SID"))
    }

    pub(crate) fn maybe_sid<T: FromStr>(&self, field: &str) -> Option<T> {
        self.text(field)?.trim().parse().ok()
    }

    pub(crate) fn required(&self, field: &'static str) -> Result<String, Unreadable> {
        self.owned(field)
            .ok_or_else(|| self.unreadable(field, "a text"))
    }

    pub(crate) fn time(&self, field: &str) -> Option<DateTime<Utc>> {
        crate::time::parse(self.text(field)?)
    }

    /// A time in whichever form: as text, or as seconds or milliseconds since 1970.
    pub(crate) fn moment(&self, field: &str) -> Option<DateTime<Utc>> {
        crate::time::moment(self.value(field)?)
    }

    /// An object inside the resource; what is no object is taken for absent.
    pub(crate) fn object(&self, field: &str) -> Option<Fields<'a>> {
        Fields::of(self.resource, self.value(field)?).ok()
    }

    /// A whole number, given as a number or as text.
    pub(crate) fn integer(&self, field: &str) -> Option<i64> {
        match self.value(field)? {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float beyond the range saturates, and no field reaches it"
            )]
            Value::Number(number) => number
                .as_i64()
                .or_else(|| number.as_f64().map(|float| float.trunc() as i64)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn unsigned<T: TryFrom<i64>>(&self, field: &str) -> Option<T> {
        T::try_from(self.integer(field)?).ok()
    }

    pub(crate) fn required_unsigned<T: TryFrom<i64>>(
        &self,
        field: &'static str,
    ) -> Result<T, Unreadable> {
        self.unsigned(field)
            .ok_or_else(|| self.unreadable(field, "a whole number"))
    }

    /// A length in whole seconds; Twilio gives -1 for what is not over yet.
    pub(crate) fn seconds(&self, field: &str) -> Option<Duration> {
        self.unsigned::<u64>(field).map(Duration::from_secs)
    }

    pub(crate) fn boolean(&self, field: &str) -> Option<bool> {
        match self.value(field)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }

    /// Attributes are JSON inside a string; lists may leave them out. An object is taken as well.
    pub(crate) fn attributes(&self, field: &str) -> Option<Attributes> {
        match self.value(field)? {
            Value::String(text) => Some(Attributes::new(text.clone())),
            object @ Value::Object(_) => Some(Attributes::new(object.to_string())),
            _ => None,
        }
    }

    pub(crate) fn unreadable(&self, field: &'static str, expected: &'static str) -> Unreadable {
        Unreadable {
            resource: self.resource,
            sid: self.sid.clone(),
            field,
            expected,
        }
    }
}

/// The resource's own SID, if it looks like one: two letters and digits, so that no free text gets into an error.
pub(crate) fn sid_of(map: &Map<String, Value>) -> Option<String> {
    let own = map.get("sid").and_then(Value::as_str);
    // Conference Insights names its participants so. A message's `participant_sid` is somebody else's.
    let text = own.or_else(|| {
        let named = map.get("participant_sid")?.as_str()?;
        named.starts_with("CP").then_some(named)
    })?;
    let fits =
        text.len() == twilio_sid::SID_LEN && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then(|| text.to_owned())
}

/// An enumeration of Twilio's that may grow: what is not known is kept as it came.
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
            /// A word that is not documented, as it came.
            Other(String),
        }

        impl $name {
            /// Twilio's word.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }

            pub(crate) fn from_wire(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }
    };
}
pub(crate) use open_enum;

#[cfg(test)]
mod tests {
    use serde_json::json;
    use twilio_sid::CallSid;

    use super::*;

    fn fields(value: &Value) -> Fields<'_> {
        Fields::of("a thing", value).unwrap()
    }

    #[test]
    fn numbers_may_come_as_strings() {
        let value = json!({"a": "4", "b": 4, "c": "-1", "d": "four", "e": null, "f": 4.0, "g": ""});
        let fields = fields(&value);
        assert_eq!(fields.seconds("a"), Some(Duration::from_secs(4)));
        assert_eq!(fields.seconds("b"), Some(Duration::from_secs(4)));
        assert_eq!(fields.seconds("c"), None);
        assert_eq!(fields.integer("c"), Some(-1));
        for absent in ["d", "e", "g", "h"] {
            assert_eq!(fields.integer(absent), None, "{absent}");
        }
        assert_eq!(fields.integer("f"), Some(4));
    }

    #[test]
    fn booleans_may_come_as_strings() {
        let value = json!({"a": true, "b": "False", "c": "yes"});
        let fields = fields(&value);
        assert_eq!(
            (
                fields.boolean("a"),
                fields.boolean("b"),
                fields.boolean("c")
            ),
            (Some(true), Some(false), None)
        );
    }

    #[test]
    fn an_empty_sid_is_no_sid_and_a_missing_one_is_told_by_its_field() {
        let value = json!({"sid": "WT00000000000000000000000000000001", "call": "", "conference": "hunter2"});
        let fields = fields(&value);
        assert_eq!(fields.maybe_sid::<CallSid>("call"), None);
        let error = fields.sid::<CallSid>("conference").unwrap_err();
        assert_eq!(
            error.sid.as_deref(),
            Some("WT00000000000000000000000000000001")
        );
        assert!(!error.to_string().contains("hunter2"));
        assert!(error.to_string().contains("`conference`"), "{error}");
    }

    #[test]
    fn attributes_are_text_or_an_object_or_absent() {
        let value = json!({"a": "{\"x\":1}", "b": {"x": 1}, "c": null, "d": 7});
        let fields = fields(&value);
        assert_eq!(fields.attributes("a").unwrap().as_str(), "{\"x\":1}");
        assert_eq!(fields.attributes("b").unwrap().as_str(), "{\"x\":1}");
        assert!(fields.attributes("c").is_none() && fields.attributes("d").is_none());
    }

    #[test]
    fn a_thing_inside_a_thing_is_read_or_taken_for_absent() {
        let value = json!({"a": {"b": "c"}, "d": "{}", "e": null});
        let fields = fields(&value);
        assert_eq!(fields.object("a").unwrap().text("b"), Some("c"));
        for absent in ["d", "e", "f"] {
            assert!(fields.object(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn the_author_of_a_message_is_not_taken_for_the_message() {
        let participant = format!("MB{:032x}", 1);
        let value = json!({"participant_sid": participant});
        assert_eq!(sid_of(value.as_object().unwrap()), None);
        let participant = format!("CP{:032x}", 1);
        let value = json!({"participant_sid": participant});
        assert_eq!(sid_of(value.as_object().unwrap()), Some(participant));
    }

    #[test]
    fn what_is_no_object_is_no_resource() {
        let error = Fields::of("a thing", &json!(["hunter2"])).err().unwrap();
        assert!(error.to_string().starts_with("a thing"), "{error}");
        assert!(!error.to_string().contains("hunter2"));
    }
}
