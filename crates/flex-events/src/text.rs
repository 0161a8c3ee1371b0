//! Pieces of a JSON text that are taken in passing, without building a tree of the rest, whatever kind of value stands there.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// A text, number or boolean as text. Anything else, and an empty text, is nothing.
#[derive(Debug, Default)]
pub(crate) struct Text(Option<String>);

impl Text {
    pub(crate) fn get(&self) -> Option<&str> {
        self.0
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }
}

/// An object, or a string that holds one. Anything else is nothing.
#[derive(Debug)]
pub(crate) struct Nested<T>(Option<T>);

impl<T> Nested<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T> Default for Nested<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// What is made of each kind of value. What a method does not say is nothing.
trait Take: Sized {
    fn nothing() -> Self;
    fn text(text: &str) -> Self;
    fn scalar(_text: impl FnOnce() -> String) -> Self {
        Self::nothing()
    }
    fn object<'de, A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error>;
}

impl Take for Text {
    fn nothing() -> Self {
        Self(None)
    }

    fn text(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }

    fn scalar(text: impl FnOnce() -> String) -> Self {
        Self(Some(text()))
    }

    fn object<'de, A: MapAccess<'de>>(mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self(None))
    }
}

impl<T: DeserializeOwned> Take for Nested<T> {
    fn nothing() -> Self {
        Self(None)
    }

    fn text(text: &str) -> Self {
        Self(serde_json::from_str(text).ok())
    }

    fn object<'de, A: MapAccess<'de>>(entries: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries)).map(|value| Self(Some(value)))
    }
}

struct Taker<T>(PhantomData<T>);

impl<'de, T: Take> Visitor<'de> for Taker<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        Ok(T::scalar(|| number.to_string()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Ok(T::scalar(|| number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        Ok(T::scalar(|| number.to_string()))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<T, E> {
        Ok(T::scalar(|| flag.to_string()))
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::nothing())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::nothing())
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
        T::object(entries)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Taker(PhantomData))
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Taker(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::json;

    use super::*;

    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Outer {
        name: Text,
        inner: Nested<Inner>,
    }

    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Inner {
        name: Text,
    }

    #[test]
    fn a_text_is_taken_from_whatever_stands_there() {
        for (value, text) in [
            (json!("a "), Some("a")),
            (json!(7), Some("7")),
            (json!(-7), Some("-7")),
            (json!(1.5), Some("1.5")),
            (json!(true), Some("true")),
            (json!(" "), None),
            (json!(null), None),
            (json!([[1], {"a": 2}]), None),
            (json!({"a": [1, {"b": 2}]}), None),
        ] {
            let outer = Outer::deserialize(&json!({"name": value})).unwrap();
            assert_eq!(outer.name.get(), text, "{value}");
        }
    }

    #[test]
    fn an_object_may_stand_in_a_string_and_anything_else_is_none() {
        for inner in [json!({"name": "x"}), json!("{\"name\":\"x\",\"more\":[]}")] {
            let text = json!({"inner": inner}).to_string();
            let outer: Outer = serde_json::from_str(&text).unwrap();
            assert_eq!(
                outer.inner.get().and_then(|inner| inner.name.get()),
                Some("x")
            );
        }
        for inner in [
            json!("text"),
            json!(1),
            json!(-1),
            json!(0.5),
            json!(false),
            json!(null),
            json!([{"name": "x"}]),
        ] {
            let text = json!({"inner": inner}).to_string();
            let outer: Outer = serde_json::from_str(&text).unwrap();
            assert!(outer.inner.get().is_none(), "{text}");
        }
    }
}
