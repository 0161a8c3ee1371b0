//! The public keys under which an account's recordings are encrypted.

use chrono::{DateTime, Utc};
use serde_json::Value;
use twilio_sid::PublicKeySid;

use crate::settings::Host;
use crate::wire::Fields;
use crate::{Listing, TwilioClient, TwilioError, Unreadable};

/// The account's public keys. Twilio never gives the key itself back.
#[derive(Debug, Clone, Copy)]
pub struct PublicKeys<'a>(pub(crate) &'a TwilioClient);

impl PublicKeys<'_> {
    /// One key.
    pub async fn get(&self, sid: PublicKeySid) -> Result<PublicKey, TwilioError> {
        let url = self.0.url(
            Host::Accounts,
            &["v1", "Credentials", "PublicKeys", sid.as_str()],
        );
        self.0
            .get("twilio.public_keys.get", url, PublicKey::read)
            .await
    }

    /// All keys.
    pub fn list(&self) -> Listing<PublicKey> {
        let segments = ["v1", "Credentials", "PublicKeys"];
        self.0.list(
            "twilio.public_keys.list",
            Host::Accounts,
            &segments,
            "credentials",
            PublicKey::read,
        )
    }
}

/// A public key, as far as Twilio shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its SID: what a recording's encryption details name.
    pub sid: PublicKeySid,
    /// Its name.
    pub friendly_name: Option<String>,
    /// When it was uploaded.
    pub created_at: Option<DateTime<Utc>>,
}

impl PublicKey {
    fn read(_: &TwilioClient, value: &Value) -> Result<Self, Unreadable> {
        let fields = Fields::of("a public key", value)?;
        Ok(Self {
            sid: fields.sid("sid")?,
            friendly_name: fields.owned("friendly_name"),
            created_at: fields.time("date_created"),
        })
    }
}
