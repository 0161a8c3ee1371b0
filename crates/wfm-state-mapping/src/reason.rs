//! What goes along with a state to tell its reason.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The largest number that is a reason code at Calabrio.
const LARGEST_NUMBER: u64 = 65_535;

/// A reason code: the name of the activity without its commas. It is shared, so that a copy costs nothing.
///
/// Calabrio's page on the mapping of adherence states allows letters, numbers from 1 to 65535 and every symbol but the comma, which
/// separates reason codes there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReasonCode(Arc<str>);

impl ReasonCode {
    /// The reason code of an activity; `None` where nothing is left of its name, or a number that Calabrio does not take.
    pub fn from_activity(name: &str) -> Option<Self> {
        let text: String = name
            .chars()
            .filter(|c| *c != ',' && !c.is_control())
            .collect();
        let text = text.trim();
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let is_taken = match text.parse() {
            Ok(number) => (1..=LARGEST_NUMBER).contains(&number),
            Err(_) => !is_number,
        };
        is_taken.then(|| Self(text.into()))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for ReasonCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_code_is_the_name_without_commas() {
        for (name, code) in [
            ("Break", Some("Break")),
            ("Lunch, long", Some("Lunch long")),
            (" ,Training, ", Some("Training")),
            ("Pause\n1", Some("Pause1")),
            ("42", Some("42")),
            ("65,535", Some("65535")),
            ("65536", None),
            ("99999999999999999999999", None),
            ("0", None),
            (",", None),
            ("", None),
            ("-1", Some("-1")),
            ("Überstunde", Some("Überstunde")),
        ] {
            let found = ReasonCode::from_activity(name);
            assert_eq!(found.as_ref().map(ReasonCode::as_str), code, "{name}");
        }
    }
}
