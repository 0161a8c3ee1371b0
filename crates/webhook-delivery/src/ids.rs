//! The names of messages, endpoints and orders.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::WebhookError;

/// The most bytes that one of these names may have.
const LONGEST: usize = 128;
/// 20 random bytes as digits to the base of 62.
const DIGITS: usize = 27;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = WebhookError;

            fn from_str(text: &str) -> Result<Self, WebhookError> {
                let fits: fn(char) -> bool = $fits;
                if (1..=LONGEST).contains(&text.len()) && text.chars().all(fits) {
                    Ok(Self(text.into()))
                } else {
                    Err(WebhookError::Name { what: $what })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = WebhookError;

            fn try_from(text: String) -> Result<Self, WebhookError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The id of a message: its `webhook-id`, the same on every attempt and every replay, by which a receiver knows what it has
    /// seen. ASCII letters, digits, `_` and `-`; never a dot, which divides what is signed.
    MessageId,
    "message id (ASCII letters, digits, \"_\" and \"-\")",
    |character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
);

name!(
    /// The name of an endpoint. ASCII without blanks.
    EndpointId,
    "endpoint name (ASCII without blanks)",
    |character| character.is_ascii_graphic()
);

name!(
    /// What keeps its order: the messages of one key reach one endpoint in the order in which they were put. Any text
    /// without control characters.
    OrderingKey,
    "ordering key (text without control characters)",
    |character| !character.is_control()
);

impl MessageId {
    /// `msg_` and 27 digits to the base of 62, from 160 random bits.
    ///
    /// ```
    /// use webhook_delivery::MessageId;
    ///
    /// assert_eq!(MessageId::from_random([0; 20]).as_str(), "msg_000000000000000000000000000");
    /// assert_eq!(MessageId::from_random([255; 20]).as_str(), "msg_aWgEPTl1tmebfsQzFP4bxwgy80V");
    /// ```
    pub fn from_random(random: [u8; 20]) -> Self {
        let mut number = random;
        let mut digits = [0_u8; DIGITS];
        for digit in digits.iter_mut().rev() {
            // Long division of the whole number by 62; what remains is the digit.
            let mut rest = 0_u16;
            for byte in &mut number {
                let value = rest * 256 + u16::from(*byte);
                // The quotient of a value below 62 * 256 fits a byte.
                *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
                rest = value % 62;
            }
            *digit = BASE62[usize::from(rest)];
        }
        Self(format!("msg_{}", String::from_utf8_lossy(&digits)).into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_holds_no_dot_and_no_name_is_empty_or_endless() {
        for bad in ["", "a.b", "a b", "é", "a\n", &"a".repeat(129)] {
            let error = bad.parse::<MessageId>().unwrap_err();
            assert!(matches!(error, WebhookError::Name { .. }), "{bad}");
        }
        assert!("a b".parse::<EndpointId>().is_err());
        assert!("https://x/y".parse::<EndpointId>().is_ok());
        assert!("a\u{7}".parse::<OrderingKey>().is_err());
        assert!("any text, é".parse::<OrderingKey>().is_ok());
        assert_eq!(
            "a.b".parse::<MessageId>().unwrap_err().to_string(),
            "this is no message id (ASCII letters, digits, \"_\" and \"-\") of 1 to 128 bytes"
        );
    }

    proptest! {
        #[test]
        fn ids_from_different_randomness_differ_and_can_be_read_back(a: [u8; 20], b: [u8; 20]) {
            let (first, second) = (MessageId::from_random(a), MessageId::from_random(b));
            prop_assert_eq!(a == b, first == second);
            prop_assert_eq!(first.as_str().len(), 31);
            prop_assert_eq!(first.as_str().parse::<MessageId>().unwrap(), first.clone());
            // The order of the randomness is the order of the ids.
            prop_assert_eq!(a.cmp(&b), first.cmp(&second));
        }
    }
}
