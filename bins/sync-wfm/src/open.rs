//! What commands open before they do anything: the ledger, the clients.

use std::sync::Arc;

use anyhow::Context as _;
use command_line::{CommandError, LedgerFile, Program as _, configured};
use connector_config::{Acd, Config, Secrets, SystemSecrets};
use wfm_pipeline::AcdServices;

use crate::SyncWfm;
use crate::cli::Global;

/// The ledger, for commands that need no secret but its sealing keys.
pub(crate) fn ledger(config: &Config) -> anyhow::Result<LedgerFile> {
    LedgerFile::of(config, SyncWfm::PRODUCT)
}

/// The ledger, where all secrets were fetched.
pub(crate) fn ledger_under(config: &Config, secrets: &Secrets) -> anyhow::Result<LedgerFile> {
    LedgerFile::with_secrets(config, SyncWfm::PRODUCT, secrets)
}

/// The ACDs that have workforce management: one by name, or all.
pub(crate) fn acds<'a>(
    config: &'a Config,
    name: Option<&str>,
) -> Result<Vec<&'a Acd>, CommandError> {
    configured(config, SyncWfm::PRODUCT, name)
}

/// Makes the clients, off the runtime's threads.
pub(crate) async fn services(
    config: &Config,
    secrets: &Arc<Secrets>,
    observer: Option<Arc<dyn http_retry::Observer>>,
) -> anyhow::Result<Vec<AcdServices>> {
    let (config, secrets) = (config.clone(), Arc::clone(secrets));
    let made =
        tokio::task::spawn_blocking(move || wfm_pipeline::connect(&config, &secrets, observer));
    Ok(made.await.context("the clients could not be made")??)
}

/// Clients for a command that asks vendors: of one ACD by name, or of all.
pub(crate) async fn asking(
    global: &Global,
    name: Option<&str>,
) -> anyhow::Result<Vec<AcdServices>> {
    let config = global.configuration()?;
    acds(&config, name)?;
    let secrets = Arc::new(config.resolve_secrets(&SystemSecrets)?);
    let services = services(&config, &secrets, None).await?;
    Ok(services
        .into_iter()
        .filter(|acd| name.is_none_or(|name| acd.name == name))
        .collect())
}
