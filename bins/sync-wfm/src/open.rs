//! What commands open before they do anything: the configuration, its secrets, the ledger, the clients.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use connector_config::{Config, Product, SecretSource as _, Secrets, SystemSecrets};
use contact_model::AcdKey;
use secrecy::{ExposeSecret as _, SecretString};
use service_runtime::{Output, Report, Terminal, print_report};
use sync_ledger::{
    Holder, LedgerError, Sealing, SealingKey, SqliteLedger, SqliteOptions, WorkerLock,
};
use wfm_pipeline::AcdServices;

use crate::cli::Global;

const PRODUCT: Product = Product::WorkforceManagement;

/// Prints a report as the command line asks for it.
pub(crate) fn print<R: Report + ?Sized>(global: &Global, report: &R) -> anyhow::Result<()> {
    let output = if global.json {
        Output::Json
    } else {
        Output::Table
    };
    Ok(print_report(
        report,
        output,
        Terminal::stdout(),
        &mut std::io::stdout().lock(),
    )?)
}

/// Reads the configuration.
pub(crate) fn config(global: &Global) -> anyhow::Result<Config> {
    Ok(Config::load_for(&global.config, PRODUCT)?)
}

/// The ACDs that have workforce management: one by name, or all.
pub(crate) fn acds(config: &Config, name: Option<&str>) -> anyhow::Result<Vec<(AcdKey, String)>> {
    let all = config.acds_with(PRODUCT);
    let found: Vec<_> = all
        .filter(|acd| name.is_none_or(|name| acd.name == name))
        .map(|acd| (acd.key(), acd.name.clone()))
        .collect();
    match name {
        Some(name) if found.is_empty() => {
            bail!("no ACD of the name {name:?} has workforce_management on in the configuration")
        }
        _ => Ok(found),
    }
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
    let config = config(global)?;
    acds(&config, name)?;
    let secrets = Arc::new(config.resolve_secrets(&SystemSecrets)?);
    let services = services(&config, &secrets, None).await?;
    Ok(services
        .into_iter()
        .filter(|acd| name.is_none_or(|name| acd.name == name))
        .collect())
}

fn options(config: &Config) -> anyhow::Result<SqliteOptions> {
    let key = |reference: &connector_config::SecretRef| -> anyhow::Result<SealingKey> {
        let secret = SystemSecrets.get(reference.place()).with_context(|| {
            format!(
                "the sealing key of the ledger cannot be had from {}",
                reference.place()
            )
        })?;
        let text = std::str::from_utf8(secret.expose_secret()).unwrap_or_default();
        Ok(SealingKey::from_text(&SecretString::from(text))?)
    };
    let mut sealing = match &config.ledger.sealing_key {
        Some(reference) => Sealing::under(key(reference)?),
        None => Sealing::clear(),
    };
    for old in &config.ledger.old_sealing_keys {
        sealing = sealing.also_reading(key(old)?);
    }
    Ok(SqliteOptions::default().sealing(sealing))
}

/// Opens the ledger as its worker; makes it, and its directory, where there is none.
pub(crate) async fn ledger_as_worker(config: &Config) -> anyhow::Result<SqliteLedger> {
    let path = config.ledger.wfm_path.clone();
    if let Some(directory) = path.parent() {
        private_directory(directory).with_context(|| {
            format!(
                "the directory of the ledger, {}, cannot be made",
                directory.display()
            )
        })?;
    }
    let options = options(config)?;
    let lock = tokio::task::spawn_blocking(move || WorkerLock::acquire(&path)).await??;
    Ok(SqliteLedger::open(lock, options).await?)
}

/// Opens the ledger to read it; tells who its worker is.
pub(crate) async fn ledger_beside(
    config: &Config,
) -> anyhow::Result<(SqliteLedger, Option<Holder>)> {
    let path = config.ledger.wfm_path.clone();
    let ledger = SqliteLedger::open_beside(&path, options(config)?).await?;
    let holder = tokio::task::spawn_blocking(move || WorkerLock::holder(&path)).await??;
    Ok((ledger, holder))
}

/// The ledger, with or without its lock.
pub(crate) enum Access {
    /// No worker ran; now this process is the worker until it drops the ledger.
    Worker(SqliteLedger),
    /// A worker runs.
    Beside(SqliteLedger),
}

/// Opens the ledger as its worker where none runs, beside the worker where one does.
pub(crate) async fn ledger_to_change(config: &Config) -> anyhow::Result<Access> {
    match ledger_as_worker(config).await {
        Ok(ledger) => Ok(Access::Worker(ledger)),
        Err(error)
            if matches!(
                error.downcast_ref(),
                Some(LedgerError::WorkerRunning { .. })
            ) =>
        {
            Ok(Access::Beside(ledger_beside(config).await?.0))
        }
        Err(error) => Err(error),
    }
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
