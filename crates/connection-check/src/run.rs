//! A whole check, from the file to the vendors.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use connector_config::{Acd, AcdSecrets, Config, ConfigError, Product, SecretSource, WfmRules};
use recording_crypto::KeyRing;

use crate::clients::{Clients, Connector};
use crate::report::{CheckReport, Question, Rows};
use crate::twilio::Scope;
use crate::webhook::Target;
use crate::wfm::check_wfm;
use crate::wfm_clients::WfmClients;
use crate::{calabrio, offline, twilio};

/// How a check is made.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// The day on which Calabrio ONE is searched.
    pub now: DateTime<Utc>,
    /// How long the answer to one question may take, with all its retries.
    pub deadline: Duration,
    /// Only the ACD of this name.
    pub only: Option<String>,
    /// Ask neither vendor: only the file, the secrets and the keys are looked at.
    pub offline: bool,
}

impl CheckSettings {
    /// Every ACD, a minute for each question; the vendors are asked.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            deadline: Duration::from_mins(1),
            only: None,
            offline: false,
        }
    }
}

/// The outcome of `work`, or the sentence that it took too long.
pub(crate) async fn within<F: Future>(deadline: Duration, work: F) -> Result<F::Output, String> {
    tokio::time::timeout(deadline, work)
        .await
        .map_err(|_| format!("there was no answer within {deadline:?}"))
}

/// What can be known from the file alone: its faults, its warnings, the overrides of the Calabrio contract. Needs no secret.
pub fn check_offline(loaded: &Result<Config, ConfigError>) -> CheckReport {
    match loaded {
        Ok(config) => offline::configuration(config),
        Err(error) => CheckReport {
            rows: offline::faults(Question::Configuration, None, error).rows,
        },
    }
}

/// The questions about one ACD: both vendors are asked at the same time. Nothing is changed at either.
///
/// `keys` is `None` where the key ring could not be read.
pub async fn check(
    acd: &Acd,
    keys: Option<&KeyRing>,
    clients: &Clients,
    settings: &CheckSettings,
) -> CheckReport {
    let (twilio, calabrio) = tokio::join!(
        twilio::check(
            acd,
            Scope::Quality(keys),
            &clients.twilio,
            settings.deadline
        ),
        calabrio::check(acd, &clients.calabrio, settings.now, settings.deadline),
    );
    CheckReport {
        rows: twilio.rows.into_iter().chain(calabrio.rows).collect(),
    }
}

/// Everything: the file, the secrets, the keys, and the vendors for each ACD unless the settings say offline; for the product for which the file was
/// read, or for both. A question whose precondition fails is not asked, and the
/// row of the precondition says so.
pub async fn check_configuration(
    loaded: Result<Config, ConfigError>,
    source: Arc<dyn SecretSource + Send + Sync>,
    settings: &CheckSettings,
) -> CheckReport {
    let mut report = check_offline(&loaded);
    let Ok(config) = loaded else { return report };
    let only = settings.only.clone();
    if let Some(name) = only.as_deref().filter(|name| config.acd(name).is_none()) {
        let names: Vec<_> = config.acds.iter().map(|acd| acd.name.as_str()).collect();
        let mut rows = Rows::new(None);
        rows.fail(
            Question::Configuration,
            format!("there is no ACD named {name:?}"),
            format!("name one of {}", names.join(", ")),
        );
        report.rows.extend(rows.rows);
        return report;
    }
    // Files are read and keys are checked, which takes long.
    let prepared = tokio::task::spawn_blocking(move || prepare(&config, &*source, only.as_deref()));
    let Ok((rows, ready)) = prepared.await else {
        let mut rows = Rows::new(None);
        rows.fail(
            Question::Secrets,
            "the secrets could not be read: internal error",
            "please report it",
        );
        report.rows.extend(rows.rows);
        return report;
    };
    report.rows.extend(rows);
    if settings.offline {
        return report;
    }
    for Ready {
        acd,
        quality,
        workforce,
    } in ready
    {
        let asked_twilio = quality.is_some();
        if let Some(quality) = quality {
            let found = check(&acd, quality.keys.as_ref(), &quality.clients, settings);
            report.rows.extend(Box::pin(found).await.rows);
            if let Some(webhook) = &quality.webhook {
                let mut rows = Rows::new(Some(&acd.name));
                webhook.online(&mut rows, settings.deadline).await;
                report.rows.extend(rows.rows);
            }
        }
        if let Some(workforce) = workforce {
            let (rules, clients) = &*workforce;
            if !asked_twilio {
                let scope = Scope::Workforce;
                let found = twilio::check(&acd, scope, &clients.twilio, settings.deadline);
                report.rows.extend(Box::pin(found).await.rows);
            }
            let found = check_wfm(&acd, rules, clients, settings);
            report.rows.extend(Box::pin(found).await.rows);
        }
    }
    report
}

/// An ACD whose vendors can be asked.
struct Ready {
    acd: Acd,
    quality: Option<Box<Quality>>,
    workforce: Option<Box<(WfmRules, WfmClients)>>,
}

/// What is asked for quality management.
struct Quality {
    keys: Option<KeyRing>,
    clients: Clients,
    /// Where its webhook goes, if nothing is wrong with it so far.
    webhook: Option<Target>,
}

fn prepare(
    config: &Config,
    source: &dyn SecretSource,
    only: Option<&str>,
) -> (Vec<crate::CheckRow>, Vec<Ready>) {
    let secrets = match config.resolve_secrets(source) {
        Ok(secrets) => secrets,
        Err(error) => {
            return (
                offline::faults(Question::Secrets, None, &error).rows,
                Vec::new(),
            );
        }
    };
    let mut rows = match offline::webhook_secrets(config, &secrets) {
        Ok(()) => {
            let mut rows = Rows::new(None);
            rows.ok(
                Question::Secrets,
                "every secret that the file refers to can be had",
            );
            rows
        }
        // The keys and the vendors can be asked all the same.
        Err(error) => offline::faults(Question::Secrets, None, &error),
    };
    let mut connector = match Connector::new(config) {
        Ok(connector) => connector,
        Err(error) => {
            rows.fail(
                Question::Clients,
                error.to_string(),
                "correct the path, or give this user the right to read the file",
            );
            return (rows.rows, Vec::new());
        }
    };
    let (mut all, mut ready) = (rows.rows, Vec::new());
    let wanted = |acd: &&Acd| only.is_none_or(|name| acd.name == name);
    for acd in config.acds.iter().filter(wanted) {
        let Some(secrets) = secrets.acd(&acd.name) else {
            continue;
        };
        // An ACD that has neither is asked as before there was a choice.
        let workforce = config.product() != Some(Product::QualityManagement)
            && acd.products.has(Product::WorkforceManagement);
        let quality = config.product() != Some(Product::WorkforceManagement)
            && (acd.products.has(Product::QualityManagement) || !workforce);
        let mut made = Ready {
            acd: acd.clone(),
            quality: None,
            workforce: None,
        };
        if quality {
            let webhook = Target::new(acd, &config.tls.allow_http_loopback);
            let (rows, found) = prepare_quality(acd, secrets, webhook, &mut connector);
            all.extend(rows);
            made.quality = found.map(Box::new);
        }
        if workforce {
            let (rows, found) = prepare_workforce(config, acd, secrets, &mut connector);
            all.extend(rows);
            made.workforce = found.map(Box::new);
        }
        ready.push(made);
    }
    (all, ready)
}

fn prepare_workforce(
    config: &Config,
    acd: &Acd,
    secrets: &AcdSecrets,
    connector: &mut Connector,
) -> (Vec<crate::CheckRow>, Option<(WfmRules, WfmClients)>) {
    let mut rows = Rows::new(Some(&acd.name));
    let made = match config.wfm_rules(acd) {
        Some(rules) => connector
            .wfm(acd, &rules, secrets)
            .map(|clients| (rules, clients)),
        None => Err(crate::ClientsError::NoWfm {
            acd: acd.name.clone(),
        }),
    };
    match made {
        Ok(made) => (rows.rows, Some(made)),
        Err(error) => {
            rows.fail(
                Question::Clients,
                error.to_string(),
                "correct the setting that it names",
            );
            (rows.rows, None)
        }
    }
}

fn prepare_quality(
    acd: &Acd,
    secrets: &AcdSecrets,
    webhook: Option<Target>,
    connector: &mut Connector,
) -> (Vec<crate::CheckRow>, Option<Quality>) {
    let (mut rows, keys) = offline::key_ring(acd, secrets);
    let webhook = webhook.filter(|webhook| webhook.offline(&mut rows, secrets));
    match connector.clients(acd, secrets) {
        Ok(clients) => (
            rows.rows,
            Some(Quality {
                keys,
                clients,
                webhook,
            }),
        ),
        Err(error) => {
            // A faulty contract has its row already.
            if crate::clients::contract(acd).is_ok() {
                rows.fail(
                    Question::Clients,
                    error.to_string(),
                    "correct the setting that it names",
                );
            }
            (rows.rows, None)
        }
    }
}
