#![doc = include_str!("../README.md")]

mod apply;
mod error;
mod fact;
mod field;
mod key;
mod path;
mod rule;
mod text;

pub use apply::{JsonKind, Mapped, Outcome, RuleOutcome, apply};
pub use error::{MappingError, Place};
pub use fact::{Fact, Facts};
pub use field::{FieldKind, MetadataField, check_field};
pub use key::{MAX_KEY_CHARS, MetadataKey};
pub use path::AttributePath;
pub use rule::{DEFAULT_VALUE_LIMIT, MAX_RULES, MAX_VALUE_LIMIT, Rule, RuleSet, Source};
