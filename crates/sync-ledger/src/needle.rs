//! Whether details hold a text.

use contact_model::Details;
use serde_json::Value;

/// A number of fewer digits is looked for as it is written: it would be found everywhere.
const DIGITS_OF_A_NUMBER: usize = 7;

/// What is looked for, in the form in which it is compared.
pub(crate) struct Needle {
    text: String,
    /// Its digits, if it is a number as people write them: `+1 (555) 010-0100`.
    digits: Option<String>,
}

impl Needle {
    pub(crate) fn new(text: &str) -> Self {
        let text = text.trim().to_lowercase();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let number = digits.len() >= DIGITS_OF_A_NUMBER
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || is_between_digits(c));
        Self {
            text,
            digits: number.then_some(digits),
        }
    }

    pub(crate) fn is_in(&self, details: &Details) -> bool {
        let names = [
            &details.worker_name,
            &details.worker_full_name,
            &details.queue_name,
        ];
        names
            .into_iter()
            .flatten()
            .any(|name| self.is_in_text(name))
            || details
                .attributes
                .as_ref()
                .is_some_and(|attributes| self.is_in_value(attributes))
    }

    fn is_in_value(&self, value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) => false,
            Value::Number(number) => self.is_in_text(&number.to_string()),
            Value::String(text) => self.is_in_text(text),
            Value::Array(values) => values.iter().any(|value| self.is_in_value(value)),
            Value::Object(fields) => fields
                .iter()
                .any(|(name, value)| self.is_in_text(name) || self.is_in_value(value)),
        }
    }

    fn is_in_text(&self, text: &str) -> bool {
        // Nothing is in everything: whoever looks for nothing finds nothing.
        if self.text.is_empty() {
            return false;
        }
        if text.to_lowercase().contains(&self.text) {
            return true;
        }
        let Some(digits) = &self.digits else {
            return false;
        };
        let bare: String = text.chars().filter(|c| !is_between_digits(*c)).collect();
        bare.contains(digits)
    }
}

/// What people write between the digits of a number, and before them.
fn is_between_digits(c: char) -> bool {
    c.is_whitespace() || "+-().,/\u{2010}\u{2011}\u{2013}".contains(c)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(attributes: Value, needle: &str) -> bool {
        Needle::new(needle).is_in(&Details {
            attributes: Some(attributes),
            worker_full_name: Some("Ada Lovelace".into()),
            ..Details::default()
        })
    }

    #[test]
    fn a_text_is_found_however_deep_it_lies_and_however_it_is_capitalised() {
        let attributes = json!({"customers": [{"email": "Müller@Example.com"}]});
        assert!(holds(attributes.clone(), "müller@example.COM"));
        assert!(holds(attributes.clone(), "lovelace"));
        assert!(holds(attributes.clone(), "customers"));
        assert!(!holds(attributes, "mueller"));
    }

    #[test]
    fn a_number_is_found_however_it_is_written() {
        for written in [
            json!("+15550100100"),
            json!("+1 (555) 010-0100"),
            json!("tel: 1.555.010.0100"),
            json!(15_550_100_100_u64),
        ] {
            let attributes = json!({ "from": written });
            assert!(holds(attributes.clone(), "+1 555-0100100"), "{attributes}");
            assert!(holds(attributes, "15550100100"));
        }
        assert!(!holds(json!({"from": "+15550100100"}), "+15550100101"));
    }

    #[test]
    fn a_short_number_is_looked_for_as_it_is_written() {
        let attributes = json!({"room": "12-34", "from": "+15550100100"});
        assert!(holds(attributes.clone(), "12-34"));
        assert!(!holds(attributes, "1234"));
    }

    #[test]
    fn whoever_looks_for_nothing_finds_nothing() {
        assert!(!holds(json!({"from": "+15550100100"}), " "));
    }
}
