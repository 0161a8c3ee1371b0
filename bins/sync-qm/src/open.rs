//! What commands open before they do anything: the configuration, its secrets, the ledger, the clients.

use std::path::Path;

use anyhow::Context as _;
use connector_config::{Config, Product, SecretRef, SecretSource as _, Secrets, SystemSecrets};
use qm_pipeline::AcdServices;
use qm_pipeline::report::AcdNames;
use secrecy::{ExposeSecret as _, SecretString};
use sync_ledger::{
    Holder, LedgerError, Sealing, SealingKey, SqliteLedger, SqliteOptions, WorkerLock,
};

use crate::cli::Global;

/// Reads the configuration. What in it wants attention, `check` and `run` tell.
pub(crate) fn config(global: &Global) -> anyhow::Result<Config> {
    Ok(Config::load_for(
        &global.config,
        Product::QualityManagement,
    )?)
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
    secrets: std::sync::Arc<Secrets>,
    observer: Option<std::sync::Arc<dyn http_retry::Observer>>,
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

fn options(key: Option<SealingKey>, old: impl IntoIterator<Item = SealingKey>) -> SqliteOptions {
    let sealing = key.map_or_else(Sealing::clear, Sealing::under);
    SqliteOptions::default().sealing(old.into_iter().fold(sealing, Sealing::also_reading))
}

/// Opens the ledger as its worker; makes it, and its directory, where there is none.
pub(crate) async fn ledger_as_worker(
    config: &Config,
    secrets: &Secrets,
) -> anyhow::Result<SqliteLedger> {
    let key = secrets
        .sealing_key
        .as_ref()
        .map(|key| SealingKey::new(key.expose_secret()))
        .transpose()?;
    let old = secrets
        .old_sealing_keys
        .iter()
        .map(|key| SealingKey::new(key.expose_secret()))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(directory) = config.ledger.path.parent() {
        private_directory(directory).with_context(|| {
            format!(
                "the directory of the ledger, {}, cannot be made",
                directory.display()
            )
        })?;
    }
    let lock = lock(config).await?;
    Ok(SqliteLedger::open(lock, options(key, old)).await?)
}

async fn lock(config: &Config) -> anyhow::Result<WorkerLock> {
    let path = config.ledger.path.clone();
    // It waits a moment for whoever only asks.
    Ok(tokio::task::spawn_blocking(move || WorkerLock::acquire(&path)).await??)
}

/// The ledger, with or without its lock.
pub(crate) enum Access {
    /// No worker ran; now this process is the worker until it drops the ledger.
    Worker(SqliteLedger),
    /// A worker runs.
    Beside(SqliteLedger),
}

/// Opens the ledger to change it: as its worker where none runs, beside the worker where one does. Makes no ledger.
pub(crate) async fn ledger_to_change(config: &Config) -> anyhow::Result<Access> {
    // Refused here, a missing ledger or a newer one is not touched, nor is a lock file made beside it.
    let (beside, _) = ledger_beside(config).await?;
    match lock(config).await {
        Ok(lock) => {
            beside.close().await;
            Ok(Access::Worker(
                SqliteLedger::open(lock, sealing(config)?).await?,
            ))
        }
        Err(error)
            if matches!(
                error.downcast_ref(),
                Some(LedgerError::WorkerRunning { .. })
            ) =>
        {
            Ok(Access::Beside(beside))
        }
        Err(error) => Err(error),
    }
}

/// The same, and makes the ledger where there is none.
pub(crate) async fn ledger_to_fill(config: &Config, secrets: &Secrets) -> anyhow::Result<Access> {
    match ledger_to_change(config).await {
        Err(error) if matches!(error.downcast_ref(), Some(LedgerError::Missing { .. })) => {
            Ok(Access::Worker(ledger_as_worker(config, secrets).await?))
        }
        access => access,
    }
}

/// Opens the ledger with nobody beside it: refused where a worker runs. Makes no ledger.
pub(crate) async fn ledger_alone(config: &Config) -> anyhow::Result<SqliteLedger> {
    let (beside, _) = ledger_beside(config).await?;
    let lock = lock(config).await?;
    beside.close().await;
    Ok(SqliteLedger::open(lock, sealing(config)?).await?)
}

/// Opens the ledger to read it; tells who its worker is. Of the secrets only the sealing key is needed.
pub(crate) async fn ledger_beside(
    config: &Config,
) -> anyhow::Result<(SqliteLedger, Option<Holder>)> {
    let ledger = SqliteLedger::open_beside(&config.ledger.path, sealing(config)?).await?;
    let path = config.ledger.path.clone();
    let holder = tokio::task::spawn_blocking(move || WorkerLock::holder(&path)).await??;
    Ok((ledger, holder))
}

/// The sealing keys alone, for commands that need no other secret.
fn sealing(config: &Config) -> anyhow::Result<SqliteOptions> {
    let key = config.ledger.sealing_key.as_ref().map(sealing_key);
    let old = config.ledger.old_sealing_keys.iter().map(sealing_key);
    Ok(options(
        key.transpose()?,
        old.collect::<anyhow::Result<Vec<_>>>()?,
    ))
}

fn sealing_key(reference: &SecretRef) -> anyhow::Result<SealingKey> {
    let secret = SystemSecrets.get(reference.place()).with_context(|| {
        format!(
            "the sealing key of the ledger cannot be had from {}",
            reference.place()
        )
    })?;
    let text = std::str::from_utf8(secret.expose_secret()).unwrap_or_default();
    Ok(SealingKey::from_text(&SecretString::from(text))?)
}

/// Makes a directory that only its owner may enter; one that is there stays as it is.
fn private_directory(path: &Path) -> std::io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
