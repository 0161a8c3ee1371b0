//! What Metadata Manager has.

use crate::error::{Place, nearest};
use crate::{MappingError, MetadataKey};

/// A custom metadata field as Calabrio lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataField {
    /// Its key.
    pub key: String,
    /// Its label.
    pub label: String,
    /// Its type.
    pub kind: FieldKind,
}

/// The type of a metadata field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// Text: the only one that task attributes can be mapped to.
    Text,
    /// Any other, by the name that Calabrio gives it.
    Other(String),
}

impl From<&str> for FieldKind {
    /// `Text` in any letter case, or another type by its name.
    fn from(name: &str) -> Self {
        if name.trim().eq_ignore_ascii_case("text") {
            Self::Text
        } else {
            Self::Other(name.trim().to_owned())
        }
    }
}

/// Whether a field exists and is of type Text. Keys are compared exactly.
pub fn check_field(
    place: Place,
    key: &MetadataKey,
    fields: &[MetadataField],
) -> Result<(), MappingError> {
    match fields.iter().find(|field| field.key == key.as_str()) {
        Some(MetadataField {
            kind: FieldKind::Text,
            ..
        }) => Ok(()),
        Some(MetadataField {
            kind: FieldKind::Other(kind),
            ..
        }) => Err(MappingError::NotText {
            place,
            key: key.clone(),
            kind: kind.clone(),
        }),
        None => {
            let by_label = fields
                .iter()
                .find(|field| field.label.trim() == key.as_str());
            let nearest = by_label
                .map(|field| field.key.clone())
                .or_else(|| nearest(key.as_str(), fields.iter().map(|field| field.key.as_str())));
            Err(MappingError::UnknownTarget {
                place,
                key: key.clone(),
                nearest,
            })
        }
    }
}
