//! The text that Calabrio holds of a contact.

use std::fmt;

use serde_json::Value;

/// What Calabrio answers about the text of a contact. Its shape is not documented, so only this much can be asked of it.
///
/// `Debug` shows none of it.
#[derive(Clone, PartialEq)]
pub struct StoredText(Value);

impl StoredText {
    /// `None` where there is no word in the answer.
    pub(crate) fn new(answer: Value) -> Option<Self> {
        any_text(&answer, &mut |text| !text.trim().is_empty()).then_some(Self(answer))
    }

    /// Whether these words stand somewhere in it, within one text.
    pub fn mentions(&self, words: &str) -> bool {
        any_text(&self.0, &mut |text| text.contains(words))
    }
}

impl fmt::Debug for StoredText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredText(…)")
    }
}

/// Whether one of the texts in the values of a JSON document passes; the names of fields are no text.
fn any_text(value: &Value, passes: &mut impl FnMut(&str) -> bool) -> bool {
    match value {
        Value::String(text) => passes(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, passes)),
        Value::Object(fields) => fields.values().any(|field| any_text(field, passes)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::any_json;

    #[test]
    fn words_are_found_wherever_they_stand() {
        let text = StoredText::new(json!({"messages": [{"from": 1, "body": "Hello there"}]}));
        let text = text.unwrap();
        assert!(text.mentions("lo the") && !text.mentions("body"));
        assert_eq!(format!("{text:?}"), "StoredText(…)");
    }

    #[test]
    fn an_answer_without_a_word_is_no_text() {
        for nothing in [
            json!(null),
            json!([]),
            json!({"messages": []}),
            json!({"text": " "}),
            json!(7),
        ] {
            assert_eq!(StoredText::new(nothing.clone()), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in any_json(), words in ".{0,5}") {
            if let Some(text) = StoredText::new(answer) {
                let _ = text.mentions(&words);
            }
        }
    }
}
