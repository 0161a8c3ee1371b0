//! Where a value stands among a task's attributes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::MappingError;

/// An attribute at the top level (`name`), or one inside an object there (`object.name`), and no deeper.
///
/// Names with dots: `a.b` is first looked for as an attribute that is called `a.b`; only if there is none does it mean `b` inside the
/// object `a`. `a\.b` means the attribute called `a.b` and nothing else, and so `object.a\.b` is possible. `\\` is a backslash.
/// Spaces around the whole do not count; letter case does.
///
/// ```
/// use metadata_mapping::{AttributePath, MappingError};
///
/// assert!("customers.name".parse::<AttributePath>().is_ok());
/// let error = "conversations.media.url".parse::<AttributePath>().unwrap_err();
/// assert!(matches!(error, MappingError::PathTooDeep { levels: 2, .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttributePath {
    object: Option<String>,
    name: String,
}

impl AttributePath {
    /// The object that the attribute stands in; `None` for the top level.
    pub fn object(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// The attribute's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the top-level attribute that goes before: the path with its dot as part of a name.
    pub(crate) fn exact(&self) -> Option<String> {
        self.object
            .as_ref()
            .map(|object| format!("{object}.{}", self.name))
    }
}

impl FromStr for AttributePath {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        let path = text.trim();
        if path.is_empty() {
            return Err(MappingError::PathEmpty);
        }
        let mut parts = vec![String::new()];
        let mut chars = path.chars();
        while let Some(c) = chars.next() {
            let literal = match (c, c == '\\') {
                ('.', _) => {
                    parts.push(String::new());
                    continue;
                }
                (_, true) => match chars.next() {
                    Some(escaped @ ('.' | '\\')) => escaped,
                    _ => {
                        return Err(MappingError::PathEscape {
                            path: path.to_owned(),
                        });
                    }
                },
                _ => c,
            };
            if let Some(part) = parts.last_mut() {
                part.push(literal);
            }
        }
        if parts.iter().any(String::is_empty) {
            return Err(MappingError::PathPartEmpty {
                path: path.to_owned(),
            });
        }
        let levels = parts.len() - 1;
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), None, None) => Ok(Self { object: None, name }),
            (Some(object), Some(name), None) => Ok(Self {
                object: Some(object),
                name,
            }),
            _ => Err(MappingError::PathTooDeep {
                path: path.to_owned(),
                levels,
            }),
        }
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = |name: &str| name.replace('\\', "\\\\").replace('.', "\\.");
        if let Some(object) = &self.object {
            write!(f, "{}.", escaped(object))?;
        }
        f.write_str(&escaped(&self.name))
    }
}

impl TryFrom<String> for AttributePath {
    type Error = MappingError;

    fn try_from(path: String) -> Result<Self, MappingError> {
        path.parse()
    }
}

impl From<AttributePath> for String {
    fn from(path: AttributePath) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(path: &str) -> (Option<String>, String) {
        let path: AttributePath = path.parse().unwrap();
        (path.object, path.name)
    }

    #[test]
    fn a_path_names_an_attribute_or_one_inside_an_object() {
        assert_eq!(parts("language"), (None, "language".into()));
        assert_eq!(
            parts("  customers.name "),
            (Some("customers".into()), "name".into())
        );
        assert_eq!(parts("case number"), (None, "case number".into()));
        assert_eq!(parts(r"a\.b"), (None, "a.b".into()));
        assert_eq!(parts(r"o.a\.b\\c"), (Some("o".into()), r"a.b\c".into()));
    }

    #[test]
    fn a_deeper_path_is_refused_and_says_how_deep_it_goes() {
        let error = "a.b.c.d".parse::<AttributePath>().unwrap_err();
        assert_eq!(
            error,
            MappingError::PathTooDeep {
                path: "a.b.c.d".into(),
                levels: 3
            }
        );
        assert!(
            error
                .to_string()
                .contains("only `object.attribute` can be mapped")
        );
    }

    #[test]
    fn empty_paths_and_parts_are_refused() {
        assert_eq!(" ".parse::<AttributePath>(), Err(MappingError::PathEmpty));
        for path in [".", ".a", "a.", "a..b"] {
            assert_eq!(
                path.parse::<AttributePath>(),
                Err(MappingError::PathPartEmpty { path: path.into() })
            );
        }
    }

    #[test]
    fn a_backslash_before_anything_else_is_refused() {
        for path in [r"a\n", r"a\"] {
            assert_eq!(
                path.parse::<AttributePath>(),
                Err(MappingError::PathEscape { path: path.into() })
            );
        }
    }

    /// A name without spaces around it, for those do not count.
    const NAME: &str = r"[a-z.\\]([a-z. \\]{0,6}[a-z.\\])?";

    proptest! {
        #[test]
        fn a_path_prints_as_it_is_read(object in prop::option::of(NAME), name in NAME) {
            let path = AttributePath { object, name };
            let printed = path.to_string();
            prop_assert_eq!(printed.parse::<AttributePath>(), Ok(path));
        }

        #[test]
        fn any_text_is_a_path_or_an_error(text in any::<String>()) {
            if let Ok(path) = text.parse::<AttributePath>() {
                prop_assert!(!path.name().is_empty() && path.object() != Some(""));
            }
        }
    }
}
