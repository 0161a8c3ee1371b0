//! From a leg to its metadata.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Number, Value};

use crate::text::{cut, one_line};
use crate::{AttributePath, Facts, MetadataKey, RuleSet, Source};

/// What stands between several values of one attribute or fact.
const BETWEEN: &str = ", ";

/// A kind of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are JSON's own")]
pub enum JsonKind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl JsonKind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::String,
            Value::Array(_) => Self::Array,
            Value::Object(_) => Self::Object,
        }
    }
}

impl fmt::Display for JsonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

/// What became of one rule for one leg. It holds no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The value was written.
    Mapped,
    /// The value was written, but cut.
    Truncated {
        /// Characters that it had.
        chars: usize,
        /// Characters after which it was cut.
        limit: usize,
    },
    /// The number was written, but has more digits than a JSON number keeps; its last digits may differ from the source.
    Rounded,
    /// The task has no such attribute, or the fact is not known of this leg.
    Missing,
    /// The task's attributes are absent, or are no JSON object.
    NoAttributes,
    /// In `object.attribute`, the object is something else.
    NotAnObject {
        /// What it is.
        found: JsonKind,
    },
    /// The attribute is null.
    Null,
    /// The attribute is an empty string, an empty array, or has nothing in it that can be shown.
    Empty,
    /// The attribute is an object. Nothing in it was asked for by name, so nothing was written.
    Object,
    /// The attribute is an array with objects or arrays in it. Nothing was written.
    NestedArray,
}

impl Outcome {
    /// Whether a value was written.
    pub fn is_written(self) -> bool {
        matches!(self, Self::Mapped | Self::Truncated { .. } | Self::Rounded)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapped => f.write_str("mapped"),
            Self::Truncated { chars, limit } => {
                write!(f, "mapped, cut from {chars} to {limit} characters")
            }
            Self::Rounded => f.write_str(
                "mapped, but the number has more digits than JSON keeps; send it as a string",
            ),
            Self::Missing => f.write_str("not there"),
            Self::NoAttributes => f.write_str("the task has no attributes that are a JSON object"),
            Self::NotAnObject { found } => write!(f, "what should be its object is {found}"),
            Self::Null => f.write_str("null"),
            Self::Empty => f.write_str("empty"),
            Self::Object => {
                f.write_str("an object; map its attributes one by one as `object.attribute`")
            }
            Self::NestedArray => {
                f.write_str("an array of objects or arrays, which cannot be mapped")
            }
        }
    }
}

/// One rule and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOutcome {
    /// Where the value was to come from.
    pub source: Source,
    /// The field that it was to go into.
    pub target: MetadataKey,
    /// What became of it.
    pub outcome: Outcome,
}

/// The metadata of one leg. `Debug` shows the outcomes and none of the values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Mapped {
    /// A value for each field that has one: one line, never empty, at most as long as the limit.
    pub values: BTreeMap<MetadataKey, String>,
    /// One outcome for each rule, in the order of the rules.
    pub outcomes: Vec<RuleOutcome>,
}

impl Mapped {
    /// The rules that wrote nothing.
    pub fn unwritten(&self) -> impl Iterator<Item = &RuleOutcome> {
        self.outcomes
            .iter()
            .filter(|rule| !rule.outcome.is_written())
    }
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped")
            .field("outcomes", &self.outcomes)
            .finish_non_exhaustive()
    }
}

/// Applies the rules to what is known of a leg and to the attributes of its task.
///
/// Any JSON will do as attributes, and none as well: each rule has its outcome. Nothing is written but what a rule names.
pub fn apply(rules: &RuleSet, facts: &Facts, attributes: Option<&Value>) -> Mapped {
    let mut mapped = Mapped::default();
    for rule in rules.rules() {
        let found = match &rule.source {
            Source::Fact(fact) => match facts.get(*fact) {
                [] => Err(Outcome::Missing),
                values => Ok(Text::plain(values.join(BETWEEN))),
            },
            Source::Attribute(path) => look_up(path, attributes).and_then(to_text),
        };
        let outcome = match found.and_then(|text| fit(text, rules.value_limit())) {
            Ok((value, outcome)) => {
                mapped.values.insert(rule.target.clone(), value);
                outcome
            }
            Err(outcome) => outcome,
        };
        mapped.outcomes.push(RuleOutcome {
            source: rule.source.clone(),
            target: rule.target.clone(),
            outcome,
        });
    }
    mapped
}

/// The value at a path. An attribute whose very name is the path goes before the one inside an object.
fn look_up<'a>(path: &AttributePath, attributes: Option<&'a Value>) -> Result<&'a Value, Outcome> {
    let Some(Value::Object(top)) = attributes else {
        return Err(Outcome::NoAttributes);
    };
    let Some(object) = path.object() else {
        return top.get(path.name()).ok_or(Outcome::Missing);
    };
    if let Some(value) = path.exact().and_then(|name| top.get(&name)) {
        return Ok(value);
    }
    match top.get(object) {
        None => Err(Outcome::Missing),
        Some(Value::Object(inner)) => inner.get(path.name()).ok_or(Outcome::Missing),
        Some(other) => Err(Outcome::NotAnObject {
            found: JsonKind::of(other),
        }),
    }
}

struct Text {
    text: String,
    rounded: bool,
}

impl Text {
    fn plain(text: String) -> Self {
        Self {
            text,
            rounded: false,
        }
    }
}

fn to_text(value: &Value) -> Result<Text, Outcome> {
    match value {
        Value::Null => Err(Outcome::Null),
        Value::Object(_) => Err(Outcome::Object),
        Value::Array(items) => {
            let mut texts = Vec::with_capacity(items.len());
            let mut any_rounded = false;
            for item in items {
                match scalar(item) {
                    Some(Text { text, rounded }) => {
                        any_rounded |= rounded;
                        let line = one_line(&text);
                        if !line.is_empty() {
                            texts.push(line);
                        }
                    }
                    None if item.is_null() => {}
                    None => return Err(Outcome::NestedArray),
                }
            }
            Ok(Text {
                text: texts.join(BETWEEN),
                rounded: any_rounded,
            })
        }
        scalar_value => scalar(scalar_value).ok_or(Outcome::Null),
    }
}

fn scalar(value: &Value) -> Option<Text> {
    match value {
        Value::Bool(flag) => Some(Text::plain(flag.to_string())),
        Value::Number(number) => Some(Text {
            text: number.to_string(),
            rounded: is_rounded(number),
        }),
        Value::String(text) => Some(Text::plain(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Integers are exact up to 64 bits. Beyond that they are held as floating point, whose integers are exact up to 2^53.
fn is_rounded(number: &Number) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.is_f64() && number.as_f64().is_some_and(|value| value.abs() > EXACT)
}

fn fit(Text { text, rounded }: Text, limit: usize) -> Result<(String, Outcome), Outcome> {
    let mut line = one_line(&text);
    if line.is_empty() {
        return Err(Outcome::Empty);
    }
    let outcome = match cut(&mut line, limit) {
        Some(chars) => Outcome::Truncated { chars, limit },
        None if rounded => Outcome::Rounded,
        None => Outcome::Mapped,
    };
    Ok((line, outcome))
}
