//! `encryption_details` in every spelling in circulation.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};
use twilio_sid::PublicKeySid;

use crate::CryptoError;
use crate::content_key::IV_LEN;

/// The only encryption that Twilio documents.
const TYPE: &str = "rsa-aes";

/// Longest wrapped key that is read: an RSA-8192 ciphertext has 1024 bytes.
const MAX_WRAPPED_LEN: usize = 1024;

/// Twilio pads its base64; padding lost on the way to us does no harm.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How one recording was encrypted: under which public key, its wrapped content key, its IV.
///
/// Nothing in here is secret; all of it is needed to decrypt.
///
/// Twilio writes the members in three ways (the parameter table of *Voice Recording Encryption*, the examples of its
/// API description, and a mixture of both), as an object in resources and as a text that holds JSON in callbacks. All are read,
/// several spellings of one member too as long as they agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionDetails {
    public_key_sid: PublicKeySid,
    wrapped_key: Vec<u8>,
    iv: [u8; IV_LEN],
}

impl EncryptionDetails {
    /// Reads the value of `encryption_details`. `null`, and an empty text, mean that the recording is not encrypted.
    ///
    /// # Errors
    /// The `Details…` variants and [`CryptoError::UnknownEncryption`]; each names the member.
    pub fn from_json(value: &Value) -> Result<Option<Self>, CryptoError> {
        match value {
            Value::Null => Ok(None),
            Value::Object(members) => Self::from_members(members).map(Some),
            Value::String(text) if text.trim().is_empty() => Ok(None),
            Value::String(text) => match serde_json::from_str(text) {
                Ok(Value::Null) => Ok(None),
                Ok(Value::Object(members)) => Self::from_members(&members).map(Some),
                Ok(other) => Err(CryptoError::DetailsNotAnObject {
                    found: kind(&other),
                }),
                Err(_) => Err(CryptoError::DetailsNotAnObject {
                    found: "a text that is not JSON",
                }),
            },
            other => Err(CryptoError::DetailsNotAnObject { found: kind(other) }),
        }
    }

    /// Reads a document: the details themselves, or a whole recording resource or callback that has them as a member.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_document(document: &[u8]) -> Result<Option<Self>, CryptoError> {
        let value: Value = serde_json::from_slice(document)
            .map_err(|_| CryptoError::DetailsNotAnObject { found: "not JSON" })?;
        let inner = ["encryption_details", "EncryptionDetails"]
            .iter()
            .find_map(|name| value.get(name));
        Self::from_json(inner.unwrap_or(&value))
    }

    /// The public key under which the content key is wrapped. Always that of this recording: keys rotate.
    pub fn public_key_sid(&self) -> PublicKeySid {
        self.public_key_sid
    }

    pub(crate) fn wrapped_key(&self) -> &[u8] {
        &self.wrapped_key
    }

    pub(crate) fn iv(&self) -> [u8; IV_LEN] {
        self.iv
    }

    fn from_members(members: &Map<String, Value>) -> Result<Self, CryptoError> {
        // The type first: under an unknown one, the other members may mean something else.
        let kind = agreed(members, ["type", "encryption_type"], |_, text| {
            Ok(text.to_owned())
        })?;
        if let Some(found) = kind.filter(|kind| kind != TYPE) {
            return Err(CryptoError::UnknownEncryption {
                found: found.chars().take(32).collect(),
            });
        }
        let public_key_sid = agreed(
            members,
            ["public_key_sid", "encryption_public_key_sid"],
            |member, text| {
                text.parse::<PublicKeySid>()
                    .map_err(|problem| CryptoError::DetailsMalformed {
                        member,
                        problem: problem.to_string(),
                    })
            },
        )?;
        let wrapped_key = agreed(
            members,
            ["encrypted_cek", "encryption_cek"],
            |member, text| {
                let bytes = decode(member, text)?;
                if bytes.is_empty() || bytes.len() > MAX_WRAPPED_LEN {
                    let problem = format!("{} bytes are no RSA ciphertext", bytes.len());
                    return Err(CryptoError::DetailsMalformed { member, problem });
                }
                Ok(bytes)
            },
        )?;
        let iv = agreed(members, ["iv", "encryption_iv"], |member, text| {
            let bytes = decode(member, text)?;
            <[u8; IV_LEN]>::try_from(bytes.as_slice()).map_err(|_| CryptoError::DetailsMalformed {
                member,
                problem: format!("it has {} bytes, expected {IV_LEN}", bytes.len()),
            })
        })?;
        let missing = |member| CryptoError::DetailsIncomplete { member };
        Ok(Self {
            public_key_sid: public_key_sid.ok_or_else(|| missing("public_key_sid"))?,
            wrapped_key: wrapped_key.ok_or_else(|| missing("encrypted_cek"))?,
            iv: iv.ok_or_else(|| missing("iv"))?,
        })
    }
}

/// Reads both spellings of a member; they may both be there if they say the same.
fn agreed<T: PartialEq>(
    members: &Map<String, Value>,
    spellings: [&'static str; 2],
    read: impl Fn(&'static str, &str) -> Result<T, CryptoError>,
) -> Result<Option<T>, CryptoError> {
    let read_one = |member: &'static str| match members.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => read(member, text.trim()).map(Some),
        Some(other) => {
            let problem = format!("it is {}, expected a text", kind(other));
            Err(CryptoError::DetailsMalformed { member, problem })
        }
    };
    let [first, second] = spellings;
    match (read_one(first)?, read_one(second)?) {
        (Some(one), Some(other)) if one != other => Err(CryptoError::DetailsConflict {
            member: first,
            first,
            second,
        }),
        (one, other) => Ok(one.or(other)),
    }
}

fn decode(member: &'static str, text: &str) -> Result<Vec<u8>, CryptoError> {
    BASE64
        .decode(text)
        .map_err(|_| CryptoError::DetailsMalformed {
            member,
            problem: "it is not base64".to_owned(),
        })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SID: &str = "CRcb85845768df25c20f7c15a15e1a84f0";
    const CEK: &str = "AAECAwQFBgcICQoLDA0ODw==";
    const IV: &str = "WLY3ND199gE4kR2q";

    fn read(value: &Value) -> EncryptionDetails {
        EncryptionDetails::from_json(value).unwrap().unwrap()
    }

    fn refusal(value: &Value) -> CryptoError {
        EncryptionDetails::from_json(value).unwrap_err()
    }

    #[test]
    fn every_spelling_in_circulation_says_the_same() {
        let table =
            json!({"public_key_sid": SID, "encrypted_cek": CEK, "type": "rsa-aes", "iv": IV});
        let openapi =
            json!({"encryption_public_key_sid": SID, "encryption_cek": CEK, "encryption_iv": IV});
        let mixed = json!({"type": "rsa-aes", "encryption_public_key_sid": SID, "encryption_cek": CEK, "iv": IV});
        let scala = json!({"encryption_type": "rsa-aes", "public_key_sid": SID, "encrypted_cek": CEK, "iv": IV});
        let both = json!({"public_key_sid": SID, "encryption_public_key_sid": SID, "encrypted_cek": CEK,
            "encryption_cek": "AAECAwQFBgcICQoLDA0ODw", "iv": IV, "encryption_iv": null, "type": null});
        let expected = read(&table);
        assert_eq!(expected.public_key_sid().as_str(), SID);
        assert_eq!(expected.wrapped_key(), (0u8..16).collect::<Vec<_>>());
        assert_eq!(expected.iv().len(), 12);
        for value in [
            openapi,
            mixed,
            scala,
            both,
            Value::String(table.to_string()),
        ] {
            assert_eq!(read(&value), expected, "{value}");
        }
    }

    #[test]
    fn a_recording_without_details_is_not_encrypted() {
        for value in [json!(null), json!(""), json!(" "), json!("null")] {
            assert_eq!(EncryptionDetails::from_json(&value), Ok(None));
        }
        assert_eq!(
            EncryptionDetails::from_document(br#"{"sid":"RE1","encryption_details":null}"#),
            Ok(None)
        );
    }

    #[test]
    fn a_document_may_be_the_whole_resource_or_callback() {
        let details = json!({"public_key_sid": SID, "encrypted_cek": CEK, "iv": IV});
        let resource = json!({"sid": "RE1", "encryption_details": details});
        let callback = json!({"RecordingSid": "RE1", "EncryptionDetails": details.to_string()});
        for document in [&details, &resource, &callback] {
            let found = EncryptionDetails::from_document(document.to_string().as_bytes()).unwrap();
            assert_eq!(found, Some(read(&details)));
        }
        assert!(matches!(
            EncryptionDetails::from_document(b"RIFF"),
            Err(CryptoError::DetailsNotAnObject { found: "not JSON" })
        ));
    }

    #[test]
    fn spellings_that_disagree_are_refused() {
        let other = "CR00000000000000000000000000000000";
        let base = json!({"public_key_sid": SID, "encrypted_cek": CEK, "iv": IV});
        for (second, value, member) in [
            ("encryption_public_key_sid", other, "public_key_sid"),
            ("encryption_cek", "AAEC", "encrypted_cek"),
            ("encryption_iv", "AAECAwQFBgcICQoL", "iv"),
        ] {
            let mut value_of = base.clone();
            value_of[second] = json!(value);
            assert!(
                matches!(refusal(&value_of), CryptoError::DetailsConflict { member: m, .. } if m == member),
                "{second}"
            );
        }
        let types = json!({"type": "rsa-aes", "encryption_type": "aes-kw"});
        assert!(matches!(
            refusal(&types),
            CryptoError::DetailsConflict { member: "type", .. }
        ));
    }

    #[test]
    fn an_unknown_type_is_refused_before_anything_else_is_read() {
        let value = json!({"type": "rsa-aes-cbc"});
        assert_eq!(
            refusal(&value),
            CryptoError::UnknownEncryption {
                found: "rsa-aes-cbc".to_owned()
            }
        );
    }

    #[test]
    fn a_missing_member_is_named() {
        for member in ["public_key_sid", "encrypted_cek", "iv"] {
            let mut value = json!({"public_key_sid": SID, "encrypted_cek": CEK, "iv": IV});
            value.as_object_mut().unwrap().remove(member);
            assert_eq!(refusal(&value), CryptoError::DetailsIncomplete { member });
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named() {
        for (member, value) in [
            (
                "public_key_sid",
                json!("RE00000000000000000000000000000000"),
            ),
            ("public_key_sid", json!(7)),
            ("encrypted_cek", json!("not base64!")),
            ("encrypted_cek", json!("")),
            ("encrypted_cek", json!("A".repeat(2000))),
            ("iv", json!("AAECAwQFBgcICQoLDA==")),
            ("iv", json!("AAEC")),
        ] {
            let mut details = json!({"public_key_sid": SID, "encrypted_cek": CEK, "iv": IV});
            details[member] = value;
            assert!(
                matches!(refusal(&details), CryptoError::DetailsMalformed { member: m, .. } if m == member),
                "{details}"
            );
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for value in [json!([1]), json!(true), json!(5), json!("[]"), json!("{")] {
            assert!(
                matches!(refusal(&value), CryptoError::DetailsNotAnObject { .. }),
                "{value}"
            );
        }
    }
}
