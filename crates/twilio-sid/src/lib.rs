#![doc = include_str!("../README.md")]

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a SID: two letters and 32 hexadecimal digits.
pub const SID_LEN: usize = 34;

/// Why a text is not the SID that was expected.
///
/// Holds at most the two letters of the prefix, never the whole text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SidError {
    /// The text is empty.
    #[error("{expected} is missing: expected \"{prefix}\" and 32 hexadecimal digits")]
    Empty {
        /// What was expected, with its article: `a task SID`.
        expected: &'static str,
        /// The prefix that was expected.
        prefix: &'static str,
    },
    /// The text starts with other letters.
    #[error(
        "{expected} starts with \"{prefix}\", but this one starts with \"{found}\"{hint}",
        hint = known_prefix(found).map(|what| format!(" (that is {what})")).unwrap_or_default()
    )]
    WrongPrefix {
        /// What was expected, with its article.
        expected: &'static str,
        /// The prefix that was expected.
        prefix: &'static str,
        /// The first two characters that were found.
        found: String,
    },
    /// The prefix is right, the length is not.
    #[error("{expected} has {SID_LEN} characters, but this one has {found}")]
    WrongLength {
        /// What was expected, with its article.
        expected: &'static str,
        /// The number of characters that were found.
        found: usize,
    },
    /// A character after the prefix is not a hexadecimal digit.
    #[error(
        "{expected} has only hexadecimal digits after its prefix, but character {position} is none"
    )]
    NotHexadecimal {
        /// What was expected, with its article.
        expected: &'static str,
        /// The position of the first wrong character, counted from 1.
        position: usize,
    },
}

fn parse(
    text: &str,
    expected: &'static str,
    prefix: &'static str,
) -> Result<[u8; SID_LEN], SidError> {
    if text.is_empty() {
        return Err(SidError::Empty { expected, prefix });
    }
    if !text.starts_with(prefix) {
        let found = text.chars().take(2).collect();
        return Err(SidError::WrongPrefix {
            expected,
            prefix,
            found,
        });
    }
    let Ok(bytes) = <[u8; SID_LEN]>::try_from(text.as_bytes()) else {
        return Err(SidError::WrongLength {
            expected,
            found: text.chars().count(),
        });
    };
    match bytes
        .iter()
        .skip(2)
        .position(|byte| !byte.is_ascii_hexdigit())
    {
        Some(index) => Err(SidError::NotHexadecimal {
            expected,
            position: index + 3,
        }),
        None => Ok(bytes),
    }
}

struct SidVisitor<T>(std::marker::PhantomData<T>, &'static str);

impl<T: FromStr<Err = SidError>> serde::de::Visitor<'_> for SidVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! sids {
    ($($name:ident $prefix:literal $what:literal;)+) => {
        $(
            #[doc = concat!("The SID of ", $what, ": `", $prefix, "` and 32 hexadecimal digits.")]
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name([u8; SID_LEN]);

            impl $name {
                /// The two letters that every SID of this kind starts with.
                pub const PREFIX: &'static str = $prefix;

                /// The SID as Twilio writes it.
                pub fn as_str(&self) -> &str {
                    // The bytes were checked to be ASCII when the value was made.
                    std::str::from_utf8(&self.0).unwrap_or_default()
                }

                /// Whether both name the same resource, whatever the case of the digits.
                pub fn eq_ignore_case(&self, other: &str) -> bool {
                    self.as_str().eq_ignore_ascii_case(other)
                }
            }

            impl FromStr for $name {
                type Err = SidError;

                fn from_str(text: &str) -> Result<Self, SidError> {
                    parse(text, concat!($what, " SID"), $prefix).map(Self)
                }
            }

            impl TryFrom<String> for $name {
                type Error = SidError;

                fn try_from(text: String) -> Result<Self, SidError> {
                    text.parse()
                }
            }

            impl AsRef<str> for $name {
                fn as_ref(&self) -> &str {
                    self.as_str()
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(self.as_str())
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(self.as_str())
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.as_str())
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_str(SidVisitor(std::marker::PhantomData, concat!($what, " SID")))
                }
            }
        )+

        /// What a prefix names, with its article, for the prefixes that this crate has a type for.
        fn known_prefix(prefix: &str) -> Option<&'static str> {
            match prefix {
                $($prefix => Some(concat!($what, " SID")),)+
                _ => None,
            }
        }

        #[cfg(test)]
        const ALL: &[(&str, fn(&str) -> Result<String, SidError>)] = &[
            $(($prefix, |text| text.parse::<$name>().map(|sid| sid.to_string())),)+
        ];
    };
}

sids! {
    AccountSid "AC" "an account";
    ApiKeySid "SK" "an API key";
    PublicKeySid "CR" "a public key";
    CallSid "CA" "a call";
    ConferenceSid "CF" "a conference";
    ConferenceParticipantSid "CP" "a conference participant";
    RecordingSid "RE" "a recording";
    WorkspaceSid "WS" "a workspace";
    WorkflowSid "WW" "a workflow";
    TaskQueueSid "WQ" "a task queue";
    TaskSid "WT" "a task";
    TaskChannelSid "TC" "a task channel";
    ReservationSid "WR" "a reservation";
    WorkerSid "WK" "a worker";
    ActivitySid "WA" "an activity";
    EventSid "EV" "an event";
    FlexInstanceSid "GO" "a Flex instance";
    InteractionSid "KD" "an interaction";
    InteractionChannelSid "UO" "an interaction channel";
    InteractionParticipantSid "UT" "an interaction participant";
    ServiceSid "IS" "a conversation service";
    ConversationSid "CH" "a conversation";
    MessageSid "IM" "a message";
    MediaSid "ME" "a media";
    ConversationParticipantSid "MB" "a conversation participant";
    SinkSid "DG" "an event sink";
    SubscriptionSid "DF" "an event subscription";
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "0123456789abcdefABCDEF0123456789";

    #[test]
    fn every_kind_takes_its_own_prefix_and_refuses_every_other() {
        for (own, parse) in ALL {
            for (other, _) in ALL {
                let text = format!("{other}{DIGITS}");
                match parse(&text) {
                    Ok(printed) => {
                        assert_eq!(own, other);
                        assert_eq!(printed, text, "the case of the digits is kept");
                    }
                    Err(error) => {
                        assert_ne!(own, other);
                        assert!(matches!(error, SidError::WrongPrefix { .. }), "{error}");
                    }
                }
            }
        }
    }

    #[test]
    fn prefixes_are_unique() {
        let mut prefixes: Vec<_> = ALL.iter().map(|(prefix, _)| *prefix).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), ALL.len());
    }

    #[test]
    fn an_empty_text_says_what_was_expected() {
        let error = "".parse::<AccountSid>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "an account SID is missing: expected \"AC\" and 32 hexadecimal digits"
        );
    }

    #[test]
    fn a_wrong_length_names_both_lengths() {
        let error = "AC12".parse::<AccountSid>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "an account SID has 34 characters, but this one has 4"
        );
    }

    #[test]
    fn a_character_that_is_no_digit_is_named_by_its_position() {
        let error = format!("AC{}g", &DIGITS[..31])
            .parse::<AccountSid>()
            .unwrap_err();
        assert_eq!(
            error,
            SidError::NotHexadecimal {
                expected: "an account SID",
                position: 34
            }
        );
        assert!(error.to_string().ends_with("character 34 is none"));
    }

    #[test]
    fn an_error_shows_no_more_than_two_characters_of_what_was_given() {
        let secret = "hunter2hunter2hunter2";
        let error = secret.parse::<AccountSid>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "an account SID starts with \"AC\", but this one starts with \"hu\""
        );
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn text_of_any_kind_never_panics() {
        for text in ["é", "ACé", "A", "\u{0}", "ACéééééééééééééééé", "🦀🦀"] {
            assert!(text.parse::<AccountSid>().is_err());
        }
    }

    #[test]
    fn comparison_can_ignore_case() {
        let sid: WorkerSid = format!("WK{DIGITS}").parse().unwrap();
        assert!(sid.eq_ignore_case(&format!("wk{}", DIGITS.to_lowercase())));
        assert!(!sid.eq_ignore_case("wk"));
    }

    #[test]
    fn json_carries_the_text_and_names_the_fault() {
        let sid: TaskSid = format!("WT{DIGITS}").parse().unwrap();
        let json = serde_json::to_string(&sid).unwrap();
        assert_eq!(serde_json::from_str::<TaskSid>(&json).unwrap(), sid);
        let error = serde_json::from_str::<TaskSid>("\"WT\"").unwrap_err();
        assert!(error.to_string().contains("a task SID has 34 characters"));
    }
}
