//! Attributes as Twilio stores them: a text that ought to be JSON.

use std::fmt;

use serde_json::Value;

/// The attributes of a task or a worker, as the text that Twilio holds (at most 4096 characters).
///
/// The text is kept as it came: it need not be JSON. `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Attributes(String);

impl Attributes {
    /// Wraps a text, unchecked.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, without copying it.
    pub fn into_string(self) -> String {
        self.0
    }

    /// The text as JSON. The error tells where it stops being JSON, and nothing of what stands there.
    pub fn parse(&self) -> Result<Value, NotJson> {
        serde_json::from_str(&self.0).map_err(|error| NotJson {
            line: error.line(),
            column: error.column(),
        })
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attributes({} bytes)", self.0.len())
    }
}

/// Attributes that are no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the attributes are not JSON (line {line}, column {column}); correct what writes them in Flex or Studio"
)]
pub struct NotJson {
    /// The line where the text stops being JSON, from 1.
    pub line: usize,
    /// The column, from 1; 0 where the line ended too early.
    pub column: usize,
}
