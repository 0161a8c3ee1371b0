//! What can be known without asking anyone.

use connector_config::{Acd, AcdSecrets, Config, ConfigError, Fault, Product, Secrets};
use recording_crypto::KeyRing;
use webhook_delivery::SigningSecret;

use crate::clients::contract;
use crate::report::{CheckReport, Question, Rows};

fn place(fault: &Fault) -> String {
    format!(
        "{}:{}:{}: {}: {}",
        fault.file.display(),
        fault.line,
        fault.column,
        fault.field,
        fault.what
    )
}

/// One failed row for each fault.
pub(crate) fn faults(question: Question, acd: Option<&str>, error: &ConfigError) -> Rows {
    let mut rows = Rows::new(acd);
    for fault in error.faults() {
        rows.fail(question, place(fault), fault.remedy.clone());
    }
    if error.faults().is_empty() {
        // What cannot be read at all brings its remedy along.
        let text = error.to_string();
        let (what, remedy) = text
            .split_once("; ")
            .unwrap_or((&text, "name a readable configuration file with --config"));
        rows.fail(question, what, remedy);
    }
    rows
}

/// Whether every secret of a webhook can sign. All that cannot are reported at once, each with its place in the file.
pub fn webhook_secrets(config: &Config, secrets: &Secrets) -> Result<(), ConfigError> {
    let mut faults = Vec::new();
    for acd in &config.acds {
        let Some(own) = secrets.acd(&acd.name) else {
            continue;
        };
        for (reference, secret) in acd.webhook.secrets.iter().zip(&own.webhook_secrets) {
            if let Err(error) = SigningSecret::parse(secret) {
                let remedy = "put whsec_ and 32 random bytes as base64 there, or a whsk_ key";
                faults.push(reference.fault(config, error.to_string(), remedy));
            }
        }
    }
    ConfigError::of(faults).map_or(Ok(()), Err)
}

/// The file as a whole: that it is valid, and what in it wants attention.
pub(crate) fn configuration(config: &Config) -> CheckReport {
    let mut rows = Rows::new(None);
    let acds = config.acds.len();
    rows.ok(
        Question::Configuration,
        format!(
            "{} is valid, with {acds} ACD{}",
            config.file().display(),
            if acds == 1 { "" } else { "s" }
        ),
    );
    for warning in config.warnings() {
        rows.warn(
            Question::Configuration,
            place(warning),
            warning.remedy.clone(),
        );
    }
    let mut all = rows.rows;
    for acd in &config.acds {
        let mut rows = Rows::new(Some(&acd.name));
        let quality = config.product() != Some(Product::WorkforceManagement);
        if let Some(error) = contract(acd).err().filter(|_| quality) {
            rows.fail(
                Question::Clients,
                error.to_string(),
                "correct the setting under [acd.calabrio.contract]",
            );
        }
        all.extend(rows.rows);
    }
    CheckReport { rows: all }
}

/// The key ring of an ACD. Long: each key's arithmetic is checked.
pub(crate) fn key_ring(acd: &Acd, secrets: &AcdSecrets) -> (Rows, Option<KeyRing>) {
    let mut rows = Rows::new(Some(&acd.name));
    match secrets.key_ring() {
        Ok(ring) if ring.is_empty() => {
            rows.ok(
                Question::KeyRing,
                "no private key is configured; encrypted recordings would park",
            );
            (rows, Some(ring))
        }
        Ok(ring) => {
            let keys: Vec<_> = ring
                .iter()
                .map(|entry| {
                    format!(
                        "{} ({}, {} bits)",
                        entry.name(),
                        entry.sid(),
                        entry.key().modulus_bits()
                    )
                })
                .collect();
            rows.ok(Question::KeyRing, format!("readable: {}", keys.join(", ")));
            (rows, Some(ring))
        }
        Err(error) => (faults(Question::KeyRing, Some(&acd.name), &error), None),
    }
}
