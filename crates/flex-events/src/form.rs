//! A form body (`application/x-www-form-urlencoded`), byte for byte.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

/// The fields of a form body in their order, decoded.
///
/// Names and values are bytes: the signature covers what was sent, whatever its characters. `Debug` shows how many there are, not what they hold.
pub struct FormBody<'a>(Vec<Field<'a>>);

type Field<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

impl<'a> FormBody<'a> {
    /// Reads a body. Nothing in a body can make this fail: what is no escape stands for itself.
    pub fn parse(body: &'a [u8]) -> Self {
        let fields = body
            .trim_ascii()
            .split(|byte| *byte == b'&')
            .filter(|field| !field.is_empty())
            .map(|field| {
                let (name, value) = match field.iter().position(|byte| *byte == b'=') {
                    Some(at) => (&field[..at], &field[at + 1..]),
                    None => (field, &[][..]),
                };
                (decode(name), decode(value))
            })
            .collect();
        Self(fields)
    }

    /// The first value of this name that is not empty, as text.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0
            .iter()
            .filter(|(known, _)| **known == *name.as_bytes())
            .map(|(_, value)| String::from_utf8_lossy(value))
            .find(|value| !value.trim().is_empty())
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields as a JSON object of strings: the form in which a callback is kept. Of a repeated name the first value counts.
    pub fn to_json(&self) -> Vec<u8> {
        let mut object = Map::new();
        for (name, value) in &self.0 {
            object
                .entry(String::from_utf8_lossy(name))
                .or_insert_with(|| Value::from(String::from_utf8_lossy(value)));
        }
        Value::from(object).to_string().into_bytes()
    }

    /// The fields as the signature covers them: sorted by name, then by value, each pair once.
    pub(crate) fn signed(&self) -> Vec<(&[u8], &[u8])> {
        let mut pairs: Vec<(&[u8], &[u8])> = self
            .0
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

impl fmt::Debug for FormBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormBody({} fields)", self.0.len())
    }
}

pub(crate) fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let escaped = (byte == b'%')
            .then(|| hex_pair(text.get(at + 1..at + 3)?))
            .flatten();
        if let Some(value) = escaped {
            decoded.push(value);
            at += 3;
        } else {
            decoded.push(if byte == b'+' { b' ' } else { byte });
            at += 1;
        }
    }
    Cow::Owned(decoded)
}

fn hex_pair(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let [high, low] = digits else { return None };
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_decoded_and_what_is_no_escape_stands_for_itself() {
        let form =
            FormBody::parse(b"Name=a+b%2Bc%e2%82%ac&Odd=%zz%4&Empty=&&NoValue&Name=second\r\n");
        assert_eq!(form.get("Name").unwrap(), "a b+c€");
        assert_eq!(form.get("Odd").unwrap(), "%zz%4");
        assert_eq!(
            (form.get("Empty"), form.get("NoValue"), form.get("Other")),
            (None, None, None)
        );
        let json: Value = serde_json::from_slice(&form.to_json()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"Name": "a b+c€", "Odd": "%zz%4", "Empty": "", "NoValue": ""})
        );
    }

    #[test]
    fn the_signature_covers_each_pair_once_and_in_order() {
        let form = FormBody::parse(b"b=2&a=z&a=b&b=2&B=1");
        let signed: Vec<_> = form
            .signed()
            .into_iter()
            .map(|(name, value)| [name, value].concat())
            .collect();
        assert_eq!(
            signed,
            [
                b"B1".to_vec(),
                b"ab".to_vec(),
                b"az".to_vec(),
                b"b2".to_vec()
            ]
        );
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(
            format!("{:?}", FormBody::parse(b"From=%2B1650")),
            "FormBody(1 fields)"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_form(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let form = FormBody::parse(&bytes);
            prop_assert!(serde_json::from_slice::<Value>(&form.to_json()).is_ok());
        }
    }
}
