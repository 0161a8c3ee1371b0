//! The secrets themselves, all of them, in one step.

use std::path::PathBuf;

use recording_crypto::{KeyRing, PrivateKey};
use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};
use twilio_sid::PublicKeySid;

use crate::fault::{ConfigError, Fault, Faults, Place};
use crate::model::{Acd, Config, EncryptionKey, Product, WfmTransport};
use crate::secret::{SecretRef, SecretSource, key_of_32_bytes, text};

/// Every secret that a configuration refers to. Prints none of them, and wipes them when it is dropped.
#[derive(Debug)]
#[non_exhaustive]
pub struct Secrets {
    /// The key under which details are sealed in the ledger.
    pub sealing_key: Option<SecretBox<[u8; 32]>>,
    /// The keys from before, under which details can still be sealed there.
    pub old_sealing_keys: Vec<SecretBox<[u8; 32]>>,
    /// The token of `/metrics`.
    pub bearer_token: Option<SecretString>,
    /// The secrets of each ACD, in the order of the file.
    pub acds: Vec<AcdSecrets>,
}

impl Secrets {
    /// The secrets of the ACD of that name.
    pub fn acd(&self, name: &str) -> Option<&AcdSecrets> {
        self.acds.iter().find(|acd| acd.name == name)
    }
}

/// The secrets of one ACD.
#[derive(Debug)]
#[non_exhaustive]
pub struct AcdSecrets {
    /// The ACD's name.
    pub name: String,
    /// Twilio's auth token.
    pub auth_token: Option<SecretString>,
    /// The secret of the API key.
    pub api_key_secret: Option<SecretString>,
    /// The password of the Calabrio service account.
    pub calabrio_password: SecretString,
    /// The private keys of recordings.
    pub private_keys: Vec<PrivateKeySecret>,
    /// The password of the Flex Insights user, where history is on.
    pub insights_password: Option<SecretString>,
    /// The password of the endpoint of workforce management, where it has one of its own.
    pub wfm_password: Option<SecretString>,
    /// The token of the endpoint of workforce management.
    pub wfm_token: Option<SecretString>,
    /// The secrets that sign webhooks, in the order of the file, where a webhook is configured.
    pub webhook_secrets: Vec<SecretString>,
    /// The password with which Twilio authenticates itself when it pushes events.
    pub intake_password: Option<SecretString>,
    /// The last part of the path to which Twilio pushes events: 32 to 200 unreserved characters of a URL.
    pub intake_secret_path: Option<SecretString>,
    file: PathBuf,
}

/// The private key of one public key.
#[derive(Debug)]
#[non_exhaustive]
pub struct PrivateKeySecret {
    /// The name that the operator gave it.
    pub name: String,
    /// The public key at Twilio.
    pub public_key_sid: PublicKeySid,
    /// PKCS#8 or PKCS#1, PEM or DER, as it was found.
    pub key: SecretSlice<u8>,
    /// Its passphrase.
    pub passphrase: Option<SecretString>,
    place: Place,
}

impl AcdSecrets {
    /// The key ring of this ACD. Every key that cannot be read is reported at once.
    ///
    /// Checks each key's arithmetic, which takes a tenth of a second for a long one: not for an async thread.
    pub fn key_ring(&self) -> Result<KeyRing, ConfigError> {
        let (mut ring, mut faults) = (KeyRing::new(), Vec::new());
        for secret in &self.private_keys {
            let key = PrivateKey::read(secret.key.expose_secret(), secret.passphrase.as_ref());
            if let Err(error) =
                key.and_then(|key| ring.insert(secret.name.clone(), secret.public_key_sid, key))
            {
                let remedy = "check it with the command keys verify";
                faults.push(secret.place.fault(&self.file, error.to_string(), remedy));
            }
        }
        Faults::new(faults).map_or(Ok(ring), |faults| Err(ConfigError::Faults(faults)))
    }
}

impl Config {
    /// Fetches every secret that the file refers to. All that cannot be had are reported at once.
    ///
    /// Where the file was read for one product, those that only the other one needs are left out, and for workforce
    /// management also the ACDs that do not have it.
    pub fn resolve_secrets(&self, source: &dyn SecretSource) -> Result<Secrets, ConfigError> {
        let mut resolver = Resolver {
            config: self,
            source,
            faults: Vec::new(),
        };
        let sealing_key = self
            .ledger
            .sealing_key
            .as_ref()
            .and_then(|secret| resolver.sealing_key(secret));
        let old_sealing_keys = self
            .ledger
            .old_sealing_keys
            .iter()
            .filter_map(|secret| resolver.sealing_key(secret))
            .collect();
        let bearer_token = resolver.optional_text(self.runtime.bearer_token.as_ref());
        let is_asked_for = |acd: &&Acd| {
            self.product != Some(Product::WorkforceManagement)
                || acd.products.has(Product::WorkforceManagement)
        };
        let acds = self
            .acds
            .iter()
            .filter(is_asked_for)
            .filter_map(|acd| resolver.acd(acd))
            .collect();
        match Faults::new(resolver.faults) {
            None => Ok(Secrets {
                sealing_key,
                old_sealing_keys,
                bearer_token,
                acds,
            }),
            Some(faults) => Err(ConfigError::Faults(faults)),
        }
    }
}

/// What is wrong with the secret part of a path, without any of it.
fn path_problem(text: &str) -> Option<&'static str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !text.bytes().all(fits) {
        Some("has characters other than letters, digits, `-`, `.`, `_` and `~`")
    } else if text.len() < 32 {
        Some("has fewer than 32 characters")
    } else if text.len() > 200 {
        Some("has more than 200 characters")
    } else {
        None
    }
}

struct Resolver<'a> {
    config: &'a Config,
    source: &'a dyn SecretSource,
    faults: Vec<Fault>,
}

impl Resolver<'_> {
    fn bytes(&mut self, secret: &SecretRef) -> Option<SecretSlice<u8>> {
        match self.source.get(&secret.secret) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.fault(secret, error.to_string(), error.remedy());
                None
            }
        }
    }

    fn fault(&mut self, secret: &SecretRef, what: String, remedy: String) {
        self.faults
            .push(secret.place.fault(&self.config.file, what, remedy));
    }

    fn text(&mut self, secret: &SecretRef) -> Option<SecretString> {
        let text = text(&self.bytes(secret)?);
        if text.is_none() {
            self.fault(
                secret,
                format!("{} does not hold UTF-8 text", secret.secret),
                "put the secret there as text".to_owned(),
            );
        }
        text
    }

    fn optional_text(&mut self, secret: Option<&SecretRef>) -> Option<SecretString> {
        self.text(secret?)
    }

    /// A secret that becomes the last part of an address.
    fn secret_path(&mut self, secret: Option<&SecretRef>) -> Option<SecretString> {
        let secret = secret?;
        let text = self.text(secret)?;
        if let Some(problem) = path_problem(text.expose_secret()) {
            self.fault(
                secret,
                format!("{} holds no secret path: it {problem}", secret.secret),
                "make one with: openssl rand -hex 32".to_owned(),
            );
            return None;
        }
        Some(text)
    }

    fn sealing_key(&mut self, secret: &SecretRef) -> Option<SecretBox<[u8; 32]>> {
        let key = key_of_32_bytes(&self.bytes(secret)?);
        if key.is_none() {
            let what = format!("{} does not hold a key of 32 bytes", secret.secret);
            self.fault(
                secret,
                what,
                "make one with: openssl rand -hex 32".to_owned(),
            );
        }
        key
    }

    fn acd<'a>(&mut self, acd: &'a Acd) -> Option<AcdSecrets> {
        let auth_token = self.optional_text(acd.twilio.auth_token.as_ref());
        let api_key_secret = self.optional_text(acd.twilio.api_key.as_ref().map(|key| &key.secret));
        let calabrio_password = self.text(&acd.calabrio.password);
        let quality = self.config.product != Some(Product::WorkforceManagement);
        let workforce = self.config.product != Some(Product::QualityManagement)
            && acd.products.workforce_management;
        let private_keys = acd
            .encryption_keys
            .iter()
            .filter(|_| quality)
            .filter_map(|key| self.private_key(key))
            .collect();
        let over_http = workforce && acd.wfm.transport == Some(WfmTransport::Http);
        let of_wfm = |secret: &'a Option<SecretRef>| secret.as_ref().filter(|_| over_http);
        let wfm_password = self.optional_text(of_wfm(&acd.wfm.http.password));
        let wfm_token = self.optional_text(of_wfm(&acd.wfm.http.token));
        let insights_password = if workforce && acd.wfm.history {
            self.optional_text(acd.insights.password.as_ref())
        } else {
            None
        };
        let webhook_secrets = if quality && acd.event_webhook_url.is_some() {
            let secrets = acd.webhook.secrets.iter();
            secrets.filter_map(|secret| self.text(secret)).collect()
        } else {
            Vec::new()
        };
        let intake_password = self.optional_text(acd.intake.password.as_ref());
        let intake_secret_path = self.secret_path(acd.intake.secret_path.as_ref());
        Some(AcdSecrets {
            name: acd.name.clone(),
            auth_token,
            api_key_secret,
            calabrio_password: calabrio_password?,
            private_keys,
            insights_password,
            wfm_password,
            wfm_token,
            webhook_secrets,
            intake_password,
            intake_secret_path,
            file: self.config.file.clone(),
        })
    }

    fn private_key(&mut self, key: &EncryptionKey) -> Option<PrivateKeySecret> {
        let secret = self.bytes(&key.private_key);
        let passphrase = self.optional_text(key.passphrase.as_ref());
        let place = key.private_key.place.clone();
        Some(PrivateKeySecret {
            name: key.name.clone(),
            public_key_sid: key.public_key_sid,
            key: secret?,
            passphrase,
            place,
        })
    }
}
