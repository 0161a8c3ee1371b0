//! What is assumed about Calabrio's wire, and where each assumption can be overridden.
//!
//! One module per subject. Each holds its settings (the defaults are the assumptions), the list that says in words what
//! is assumed and on what ground, and the only code that reads or writes that part of the wire.
//! `docs/calabrio-contract.md` lists all of them and is tested against this list.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::value::lookup;

pub(crate) mod answers;
pub(crate) mod import;
pub(crate) mod metadata;
pub(crate) mod observe;
pub(crate) mod people;
pub(crate) mod screen_recording;
pub(crate) mod search;
pub(crate) mod session;
pub(crate) mod state;
mod validate;

pub use answers::AnswersContract;
pub use import::{DurationUnit, ErrorInSuccess, ImportContract, TimeFormat};
pub use metadata::MetadataContract;
pub use observe::Observation;
pub use people::PeopleContract;
pub use screen_recording::ScreenRecordingContract;
pub use search::{PageEnd, SearchContract};
pub use session::SessionContract;
pub use state::StateContract;
pub use validate::ContractFault;

/// How well an assumption is founded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Calabrio's own text says so.
    Vendor,
    /// Seen in third-party client code: it worked for someone, it is no published contract.
    Client,
    /// Inferred from what the vendor or clients show.
    Inference,
    /// Not publicly documented: a choice of ours.
    Undocumented,
}

impl Grade {
    /// The mark that the documentation uses: `V`, `C`, `I` or `N`.
    pub fn mark(self) -> char {
        match self {
            Self::Vendor => 'V',
            Self::Client => 'C',
            Self::Inference => 'I',
            Self::Undocumented => 'N',
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.mark())
    }
}

/// One thing that this crate takes for granted about Calabrio ONE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// Stable: a number is never given to another assumption.
    pub number: u16,
    /// The module that owns it: `session`, `import`, `search`, `state`, `metadata`, `answers`, `people` or `screen_recording`.
    pub subject: &'static str,
    /// The setting below [`Contract`] that overrides it, dotted: `import.path`.
    pub setting: &'static str,
    /// How well it is founded.
    pub grade: Grade,
    /// The assumption in words.
    pub text: &'static str,
}

/// Every assumption, by number.
pub fn assumptions() -> impl Iterator<Item = &'static Assumption> {
    [
        session::ASSUMPTIONS,
        import::ASSUMPTIONS,
        search::ASSUMPTIONS,
        state::ASSUMPTIONS,
        metadata::ASSUMPTIONS,
        answers::ASSUMPTIONS,
        people::ASSUMPTIONS,
        screen_recording::ASSUMPTIONS,
    ]
    .into_iter()
    .flatten()
}

/// Writes one line of a list of assumptions.
macro_rules! assumption {
    ($subject:literal, $number:literal, $setting:literal, $grade:ident, $text:literal) => {
        $crate::contract::Assumption {
            number: $number,
            subject: $subject,
            setting: concat!($subject, ".", $setting),
            grade: $crate::contract::Grade::$grade,
            text: $text,
        }
    };
}
pub(crate) use assumption;

/// The settings that override the assumptions. Every default is the assumption itself.
///
/// ```
/// use calabrio_client::Contract;
///
/// let contract: Contract = serde_json::from_value(serde_json::json!({
///     "import": { "audio_content_type": "audio/wav" }
/// }))?;
/// assert_eq!(contract.import.audio_content_type, "audio/wav");
/// assert_eq!(contract.import.path, "api/upload/contacts");
/// contract.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contract {
    /// Logging in and out.
    pub session: SessionContract,
    /// The import of contacts with their audio or transcript.
    pub import: ImportContract,
    /// The search for contacts.
    pub search: SearchContract,
    /// How far Calabrio is with a contact.
    pub state: StateContract,
    /// Metadata fields, and the metadata of one contact.
    pub metadata: MetadataContract,
    /// What errors look like, in whatever status they come.
    pub answers: AnswersContract,
    /// People: listing, making and changing them.
    pub people: PeopleContract,
    /// The messages for screen recording.
    pub screen_recording: ScreenRecordingContract,
}

impl Contract {
    /// The default of a setting as JSON, for the documentation.
    pub fn default_of(setting: &str) -> Option<serde_json::Value> {
        let all = serde_json::to_value(Self::default()).ok()?;
        lookup(&all, setting).cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn leaves(prefix: &str, value: &serde_json::Value, into: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (name, field) in fields {
                    let path = if prefix.is_empty() {
                        name.clone()
                    } else {
                        format!("{prefix}.{name}")
                    };
                    leaves(&path, field, into);
                }
            }
            _ => {
                into.insert(prefix.to_owned());
            }
        }
    }

    #[test]
    fn every_setting_is_one_assumption_and_every_assumption_has_its_setting() {
        let mut settings = BTreeSet::new();
        leaves(
            "",
            &serde_json::to_value(Contract::default()).unwrap(),
            &mut settings,
        );
        let named: Vec<&str> = assumptions().map(|assumption| assumption.setting).collect();
        let unique: BTreeSet<String> = named.iter().map(ToString::to_string).collect();
        assert_eq!(
            named.len(),
            unique.len(),
            "two assumptions name one setting"
        );
        assert_eq!(unique, settings);
    }

    #[test]
    fn numbers_are_unique_and_ascend_and_subjects_are_the_modules() {
        let all: Vec<_> = assumptions().collect();
        assert!(all.windows(2).all(|pair| pair[0].number < pair[1].number));
        for assumption in all {
            assert_eq!(
                assumption.setting.split('.').next(),
                Some(assumption.subject)
            );
            assert!(
                !assumption.text.is_empty() && !assumption.text.ends_with('.'),
                "{}",
                assumption.number
            );
        }
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        let error =
            serde_json::from_value::<Contract>(serde_json::json!({"import": {"paht": "x"}}))
                .unwrap_err();
        assert!(error.to_string().contains("paht"), "{error}");
    }
}
