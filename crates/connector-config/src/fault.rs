//! What is wrong with a configuration, all of it at once.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::model::Product;

/// One thing that is wrong, or wants attention: where it stands, what it is, and what to do.
///
/// Never holds the value of a setting: a value in the wrong place can be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// The field: `acd[0].twilio.account_sid`. Empty where the text is not TOML.
    pub field: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
    /// The product that alone is hindered by it.
    #[serde(skip)]
    pub(crate) product: Option<Product>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file.display(), self.line, self.column)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// Every fault that was found, in the order of the file. At least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn new(mut faults: Vec<Fault>) -> Option<Self> {
        faults.sort_by_key(|fault| (fault.line, fault.column));
        (!faults.is_empty()).then_some(Self(faults))
    }

    /// The faults.
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has 1 fault")?,
            count => write!(f, "the configuration has {count} faults")?,
        }
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// What to do about a file that cannot be read.
fn readable(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::NotFound => {
            "write one with the command init, or name another with --config"
        }
        std::io::ErrorKind::InvalidData => "save it as UTF-8 text",
        std::io::ErrorKind::IsADirectory => "name the file itself with --config",
        _ => "let this user read it, or name another with --config",
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {} cannot be read: {source}; {}", path.display(), readable(source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is larger than any configuration.
    #[error("{} is larger than {limit} bytes and so no configuration; name another file with --config", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The largest size that is read.
        limit: u64,
    },
    /// The file, or a secret that it refers to, has faults.
    #[error("{0}")]
    Faults(Faults),
}

impl ConfigError {
    /// The error that has these faults; none where there are none.
    pub fn of(faults: Vec<Fault>) -> Option<Self> {
        Faults::new(faults).map(Self::Faults)
    }

    /// The faults, where there are any.
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Faults(faults) => faults.as_slice(),
            Self::Unreadable { .. } | Self::TooLarge { .. } => &[],
        }
    }
}

/// A place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) field: String,
}

impl Place {
    pub(crate) fn fault(
        &self,
        file: &Path,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Fault {
        Fault {
            file: file.to_path_buf(),
            line: self.line,
            column: self.column,
            field: self.field.clone(),
            what: what.into(),
            remedy: remedy.into(),
            product: None,
        }
    }
}
