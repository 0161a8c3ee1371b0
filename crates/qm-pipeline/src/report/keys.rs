//! The key ring: what it holds, and whether it would open what Twilio encrypts.

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_config::{ConfigError, Fault};
use recording_crypto::{EncryptionDetails, KeyRing, PrivateKey, os_rng};
use serde::Serialize;
use twilio_client::{TwilioClient, TwilioError};
use twilio_sid::PublicKeySid;

/// The keys of every ACD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeysReport {
    /// The keys, in the order of the configuration.
    pub keys: Vec<KeyLine>,
    /// Key rings that could not be made.
    pub faults: Vec<RingFault>,
}

/// A key of a ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyLine {
    /// The ACD's name.
    pub acd: String,
    /// What the operator calls the key.
    pub name: String,
    /// The public key at Twilio.
    pub public_key_sid: PublicKeySid,
    /// The length of its modulus.
    pub bits: u32,
    /// SHA-256 over the public half (`SubjectPublicKeyInfo`, DER), in lower-case hexadecimal.
    pub fingerprint: String,
}

/// Why a key ring could not be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RingFault {
    /// The ACD's name.
    pub acd: String,
    /// What is wrong with which key, and what to do.
    pub faults: Vec<Fault>,
}

/// The keys of every ACD; `rings` are what was made of each one's secrets.
pub fn keys<'a>(
    rings: impl IntoIterator<Item = (&'a str, &'a Result<KeyRing, ConfigError>)>,
) -> KeysReport {
    let mut report = KeysReport {
        keys: Vec::new(),
        faults: Vec::new(),
    };
    for (acd, ring) in rings {
        match ring {
            Ok(ring) => report.keys.extend(ring.iter().map(|entry| KeyLine {
                acd: acd.to_owned(),
                name: entry.name().to_owned(),
                public_key_sid: entry.sid(),
                bits: entry.key().modulus_bits(),
                fingerprint: entry.key().fingerprint(),
            })),
            Err(error) => report.faults.push(RingFault {
                acd: acd.to_owned(),
                faults: error.faults().to_vec(),
            }),
        }
    }
    report
}

/// What was found about the keys of every ACD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeysVerified {
    /// Each key of each ring.
    pub keys: Vec<KeyVerdict>,
    /// Key rings that could not be made.
    pub faults: Vec<RingFault>,
    /// Public keys that Twilio has and no ring does: what is encrypted under them will be parked.
    pub without_private_key: Vec<PublicKeySid>,
    /// ACDs whose keys could not be compared with Twilio's, with the reason.
    pub not_compared: Vec<TwilioKeys>,
    /// Whether every ring could be made and every key of it opens what its public half closes.
    pub sound: bool,
}

/// What was found about a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyVerdict {
    /// The key.
    #[serde(flatten)]
    pub key: KeyLine,
    /// Whether a content key that was wrapped under the public half, by another implementation, was unwrapped.
    pub round_trip: bool,
    /// Whether Twilio has the same public key under that SID.
    pub at_twilio: KeyMatch,
}

/// What Twilio says of a key. It never shows the key itself, so the SID is all that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyMatch {
    /// Twilio has this public key.
    Listed,
    /// Twilio does not have it: it was deleted, or is of another account. Old recordings may still need it.
    NotListed,
    /// Twilio was not asked, or did not answer.
    NotCompared,
}

impl KeyMatch {
    /// In words, for tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::NotListed => "not listed (any more)",
            Self::NotCompared => "not compared",
        }
    }
}

/// Why Twilio's keys could not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TwilioKeys {
    /// The ACD's name.
    pub acd: String,
    /// Why.
    pub why: String,
}

/// Verifies every key: opens with it what another implementation closes, and looks for it among the public keys that Twilio lists.
///
/// Without a client for an ACD Twilio is not asked. Each round trip takes milliseconds; it is made off the runtime's threads.
pub async fn verify_keys<'a>(
    rings: impl IntoIterator<
        Item = (
            &'a str,
            &'a Result<KeyRing, ConfigError>,
            Option<&'a TwilioClient>,
        ),
    >,
) -> KeysVerified {
    let mut report = KeysVerified {
        keys: Vec::new(),
        faults: Vec::new(),
        without_private_key: Vec::new(),
        not_compared: Vec::new(),
        sound: true,
    };
    for (acd, ring, twilio) in rings {
        let lines = keys([(acd, ring)]);
        report.faults.extend(lines.faults);
        let listed = match twilio {
            Some(twilio) => list(twilio).await.map_err(|error| error.to_string()),
            None => Err("Twilio was not asked".to_owned()),
        };
        if let Err(why) = &listed {
            let acd = acd.to_owned();
            report.not_compared.push(TwilioKeys {
                acd,
                why: why.clone(),
            });
        }
        let Ok(ring) = ring else { continue };
        for (line, entry) in lines.keys.into_iter().zip(ring.iter()) {
            let (sid, key) = (entry.sid(), std::sync::Arc::clone(entry.key()));
            let at_twilio = match &listed {
                Err(_) => KeyMatch::NotCompared,
                Ok(listed)
                    if listed
                        .iter()
                        .any(|there| there.eq_ignore_case(sid.as_str())) =>
                {
                    KeyMatch::Listed
                }
                Ok(_) => KeyMatch::NotListed,
            };
            let round_trip = tokio::task::spawn_blocking(move || opens(&key, sid)).await;
            report.keys.push(KeyVerdict {
                key: line,
                round_trip: round_trip.unwrap_or(false),
                at_twilio,
            });
        }
        let listed = listed.into_iter().flatten();
        report
            .without_private_key
            .extend(listed.filter(|sid| ring.get(*sid).is_none()));
    }
    report.sound = report.faults.is_empty() && report.keys.iter().all(|key| key.round_trip);
    report
}

async fn list(twilio: &TwilioClient) -> Result<Vec<PublicKeySid>, TwilioError> {
    let listed = twilio.public_keys().list().all().await?;
    Ok(listed.items.into_iter().map(|key| key.sid).collect())
}

/// Whether the key opens what its public half closes. The closing is done by another implementation than the opening.
fn opens(key: &PrivateKey, sid: PublicKeySid) -> bool {
    let public = PublicEncryptingKey::from_der(&key.public_key_spki_der()).ok();
    let wrapped = public.and_then(|public| {
        let public = OaepPublicEncryptingKey::new(public).ok()?;
        let mut wrapped = vec![0; public.ciphertext_size()];
        let length = public
            .encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 32], &mut wrapped, None)
            .ok()?
            .len();
        wrapped.truncate(length);
        Some(wrapped)
    });
    let (Some(wrapped), Ok(mut rng)) = (wrapped, os_rng()) else {
        return false;
    };
    let details = serde_json::json!({
        "type": "rsa-aes",
        "public_key_sid": sid,
        "encrypted_cek": STANDARD.encode(wrapped),
        "iv": STANDARD.encode([0_u8; 12]),
    });
    matches!(EncryptionDetails::from_json(&details), Ok(Some(details)) if key.unwrap(&details, &mut rng).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bits: u32) -> PrivateKey {
        let file = format!("../../fixtures/recording-crypto/keys/test-only-rsa-{bits}.pkcs8.pem");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        PrivateKey::read(&std::fs::read(path).unwrap(), None).unwrap()
    }

    fn sid(number: u32) -> PublicKeySid {
        format!("CR{number:032}").parse().unwrap()
    }

    fn ring() -> KeyRing {
        let mut ring = KeyRing::new();
        for (number, bits) in [(1, 2048), (2, 4096)] {
            ring.insert(format!("key{number}"), sid(number), key(bits))
                .unwrap();
        }
        ring
    }

    #[test]
    fn keys_are_listed_with_what_tells_them_apart_and_nothing_secret() {
        let report = keys([("main", &Ok(ring()))]);
        let lines: Vec<_> = report
            .keys
            .iter()
            .map(|key| (key.name.as_str(), key.public_key_sid, key.bits))
            .collect();
        assert_eq!(lines, [("key1", sid(1), 2048), ("key2", sid(2), 4096)]);
        assert!(report.keys.iter().all(|key| key.fingerprint.len() == 64));
    }

    #[tokio::test]
    async fn a_sound_key_opens_what_another_implementation_closed() {
        let ring = Ok(ring());
        let report = verify_keys([("main", &ring, None)]).await;
        assert!(report.sound && report.keys.iter().all(|key| key.round_trip));
        assert!(
            report
                .keys
                .iter()
                .all(|key| key.at_twilio == KeyMatch::NotCompared)
        );
        assert_eq!(report.not_compared[0].why, "Twilio was not asked");
    }

    #[tokio::test]
    async fn a_ring_that_cannot_be_made_is_told_and_is_not_sound() {
        let path = std::path::PathBuf::from("no-such-file.toml");
        let broken = Err(connector_config::Config::load(&path).unwrap_err());
        let report = verify_keys([("main", &broken, None)]).await;
        assert!(!report.sound);
        assert_eq!((report.faults.len(), report.keys.len()), (1, 0));
    }
}
