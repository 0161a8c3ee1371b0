//! What commands open before they do anything: the configuration, its secrets, the ledger, the clients.

use std::sync::Arc;

use anyhow::Context as _;
use command_line::{LedgerFile, Program as _};
use connector_config::{Config, Secrets, SystemSecrets};
use qm_pipeline::AcdServices;
use qm_pipeline::report::AcdNames;

use crate::SyncQm;

/// The ledger, for commands that need no secret but its sealing keys.
pub(crate) fn ledger(config: &Config) -> anyhow::Result<LedgerFile> {
    LedgerFile::of(config, SyncQm::PRODUCT)
}

/// The ledger, where all secrets were fetched.
pub(crate) fn ledger_under(config: &Config, secrets: &Secrets) -> anyhow::Result<LedgerFile> {
    LedgerFile::with_secrets(config, SyncQm::PRODUCT, secrets)
}

/// Fetches every secret, and sees that those of webhooks can sign.
pub(crate) fn secrets(config: &Config) -> anyhow::Result<Secrets> {
    let secrets = config.resolve_secrets(&SystemSecrets)?;
    connection_check::webhook_secrets(config, &secrets)?;
    Ok(secrets)
}

/// Makes the clients, off the runtime's threads: private keys are checked on the way.
pub(crate) async fn services(
    config: &Config,
    secrets: Arc<Secrets>,
    observer: Option<Arc<dyn http_retry::Observer>>,
) -> anyhow::Result<Vec<AcdServices>> {
    let config = config.clone();
    let made =
        tokio::task::spawn_blocking(move || qm_pipeline::connect(&config, &secrets, observer));
    Ok(made.await.context("the clients could not be made")??)
}

/// The further certificate authorities that the configuration names.
pub(crate) fn extra_ca(config: &Config) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(path) = &config.tls.extra_ca_file else {
        return Ok(None);
    };
    let pem = std::fs::read(path)
        .with_context(|| format!("tls.extra_ca_file: {} cannot be read", path.display()))?;
    Ok(Some(pem))
}

/// The ACDs that a command is for: one by name, or all.
pub(crate) fn chosen(
    services: Vec<AcdServices>,
    config: &Config,
    name: Option<&str>,
) -> anyhow::Result<Vec<AcdServices>> {
    if let Some(name) = name {
        AcdNames::configured(config).find(name)?;
    }
    Ok(services
        .into_iter()
        .filter(|services| name.is_none_or(|name| services.acd.name == name))
        .collect())
}
