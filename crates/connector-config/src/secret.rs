//! Secrets stand elsewhere: the file only refers to them.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{SecretSlice, SecretString};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

use crate::fault::{Fault, Place};
use crate::model::Config;

/// The largest file that is read as a secret.
pub const LARGEST_SECRET: u64 = 64 * 1024;

/// Where a secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretPlace {
    /// In the environment variable of that name.
    Env(String),
    /// In that file, which only its owner may read. A newline at its end is no part of the secret.
    File(PathBuf),
}

/// A reference to a secret, with its place in the configuration so that a fault can name it.
///
/// Two references are equal when they refer to the same place.
#[derive(Clone)]
pub struct SecretRef {
    pub(crate) secret: SecretPlace,
    pub(crate) place: Place,
}

impl SecretRef {
    /// Where the secret stands.
    pub fn place(&self) -> &SecretPlace {
        &self.secret
    }

    /// What is wrong with the secret itself, with the reference's place in the file that `config` was read from.
    pub fn fault(
        &self,
        config: &Config,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Fault {
        self.place.fault(config.file(), what, remedy)
    }
}

impl PartialEq for SecretRef {
    fn eq(&self, other: &Self) -> bool {
        self.secret == other.secret
    }
}

impl Eq for SecretRef {}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.secret.fmt(f)
    }
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

impl Serialize for SecretRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match &self.secret {
            SecretPlace::Env(name) => map.serialize_entry("env", name)?,
            SecretPlace::File(path) => map.serialize_entry("file", path)?,
        }
        map.end()
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let way = |key: &str, description: &str| {
            serde_json::json!({
                "type": "object",
                "properties": { key: { "type": "string", "description": description } },
                "required": [key],
                "additionalProperties": false
            })
        };
        json_schema!({
            "description": "A reference to a secret: { env = \"NAME\" } or { file = \"path\" }.",
            "oneOf": [
                way("env", "The environment variable that holds it."),
                way("file", "The file that holds it; only its owner may read it. A newline at its end is no part of it.")
            ]
        })
    }
}

/// Why a secret could not be had. Never holds any of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The environment variable is not set.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// The environment variable is not UTF-8.
    #[error("the environment variable {0} is not UTF-8")]
    NotText(String),
    /// The secret is empty.
    #[error("{0} is empty")]
    Empty(String),
    /// The file is not there, or not readable by this user.
    #[error("the file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path names a directory, a device or a pipe.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Others than the owner may read or write the file.
    #[error("the file {} can be reached by others than its owner (mode {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is larger than any secret.
    #[error("the file {} is larger than {LARGEST_SECRET} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

impl SecretError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unset(name) => format!("set {name} for this process, or refer to a file"),
            Self::NotText(_) => "refer to a file if the secret is binary".to_owned(),
            Self::Empty(_) => "put the secret there".to_owned(),
            Self::Unreadable { .. } => {
                "correct the path, or give this user the right to read the file".to_owned()
            }
            Self::NotAFile { .. } => "refer to a regular file".to_owned(),
            Self::Exposed { path, .. } => format!("run: chmod 600 {}", path.display()),
            Self::TooLarge { .. } => "correct the path: no secret is that large".to_owned(),
        }
    }
}

/// Where secrets come from: the system, or in a test a map.
pub trait SecretSource {
    /// The secret, without the newline that ends a file.
    fn get(&self, place: &SecretPlace) -> Result<SecretSlice<u8>, SecretError>;
}

/// The environment and the file system of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSecrets;

impl SecretSource for SystemSecrets {
    fn get(&self, place: &SecretPlace) -> Result<SecretSlice<u8>, SecretError> {
        let bytes = match place {
            SecretPlace::Env(name) => match std::env::var(name) {
                Ok(value) => value.into_bytes(),
                Err(std::env::VarError::NotPresent) => {
                    return Err(SecretError::Unset(name.clone()));
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(SecretError::NotText(name.clone()));
                }
            },
            SecretPlace::File(path) => read_file(path)?,
        };
        if bytes.is_empty() {
            return Err(SecretError::Empty(place.to_string()));
        }
        Ok(bytes.into())
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, SecretError> {
    let unreadable = |source| SecretError::Unreadable {
        path: path.to_path_buf(),
        source,
    };
    // Looked at before it is opened, because opening a pipe waits for a writer; judged by the open file,
    // because the path can come to name another file meanwhile.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(SecretError::NotAFile {
            path: path.to_path_buf(),
        });
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(SecretError::NotAFile {
            path: path.to_path_buf(),
        });
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(SecretError::Exposed {
                path: path.to_path_buf(),
                mode,
            });
        }
    }
    // Room for all of it at once: a vector that grows leaves copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        usize::try_from(LARGEST_SECRET).unwrap_or(usize::MAX) + 1,
    ));
    file.take(LARGEST_SECRET + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_SECRET {
        return Err(SecretError::TooLarge {
            path: path.to_path_buf(),
        });
    }
    let end = bytes
        .strip_suffix(b"\n")
        .map_or(bytes.as_slice(), |rest| {
            rest.strip_suffix(b"\r").unwrap_or(rest)
        })
        .len();
    Ok(bytes[..end].to_vec())
}

/// The secret as text; gives the bytes back as an error when they are none.
pub(crate) fn text(secret: &SecretSlice<u8>) -> Option<SecretString> {
    use secrecy::ExposeSecret;
    std::str::from_utf8(secret.expose_secret())
        .ok()
        .map(SecretString::from)
}

/// 32 bytes from 64 hexadecimal digits, or from base64 in either alphabet, padded or not.
pub(crate) fn key_of_32_bytes(secret: &SecretSlice<u8>) -> Option<secrecy::SecretBox<[u8; 32]>> {
    use base64::Engine;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    use secrecy::ExposeSecret;

    let text = secret.expose_secret();
    let mut decoded = Zeroizing::new([0_u8; 64]);
    let length = if text.len() == 64 {
        hex::decode_to_slice(text, &mut decoded[..32])
            .ok()
            .map(|()| 32)
    } else {
        let lenient =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        [base64::alphabet::STANDARD, base64::alphabet::URL_SAFE]
            .iter()
            .find_map(|alphabet| {
                GeneralPurpose::new(alphabet, lenient)
                    .decode_slice(text, decoded.as_mut_slice())
                    .ok()
            })
    };
    if length != Some(32) {
        return None;
    }
    let mut key = Box::new([0_u8; 32]);
    key.copy_from_slice(&decoded[..32]);
    decoded.zeroize();
    Some(secrecy::SecretBox::new(key))
}
