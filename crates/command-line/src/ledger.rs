//! The ledger of a program: where it lies, under which keys, and who else is at it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use connector_config::{Config, Product, SecretRef, SecretSource as _, Secrets, SystemSecrets};
use secrecy::{ExposeSecret as _, SecretString};
use sync_ledger::{
    Holder, LedgerError, Sealing, SealingKey, SqliteLedger, SqliteOptions, WorkerLock,
};

/// Where a ledger lies, and how it is opened.
#[derive(Debug, Clone)]
pub struct LedgerFile {
    path: PathBuf,
    options: SqliteOptions,
}

/// A ledger, with or without its lock.
#[derive(Debug)]
pub enum Access {
    /// No worker ran; now this process is the worker until it drops the ledger.
    Worker(SqliteLedger),
    /// A worker runs.
    Beside(SqliteLedger),
}

impl LedgerFile {
    /// The ledger of a product, for commands that need no secret but its sealing keys: these are fetched now.
    ///
    /// # Errors
    ///
    /// A sealing key cannot be had, or is none.
    pub fn of(config: &Config, product: Product) -> Result<Self> {
        let key = config.ledger.sealing_key.as_ref().map(sealing_key);
        let old = config.ledger.old_sealing_keys.iter().map(sealing_key);
        let old = old.collect::<Result<Vec<_>>>()?;
        Ok(Self::under(config, product, key.transpose()?, old))
    }

    /// The same with secrets that were fetched already.
    ///
    /// # Errors
    ///
    /// The system refuses to make a cipher of a key.
    pub fn with_secrets(config: &Config, product: Product, secrets: &Secrets) -> Result<Self> {
        let key = secrets.sealing_key.as_ref();
        let key = key.map(|key| SealingKey::new(key.expose_secret()));
        let old = secrets.old_sealing_keys.iter();
        let old = old.map(|key| SealingKey::new(key.expose_secret()));
        let old = old.collect::<Result<Vec<_>, _>>()?;
        Ok(Self::under(config, product, key.transpose()?, old))
    }

    fn under(
        config: &Config,
        product: Product,
        key: Option<SealingKey>,
        old: Vec<SealingKey>,
    ) -> Self {
        let sealing = key.map_or_else(Sealing::clear, Sealing::under);
        let sealing = old.into_iter().fold(sealing, Sealing::also_reading);
        Self {
            path: Self::path_of(config, product).to_owned(),
            options: SqliteOptions::default().sealing(sealing),
        }
    }

    pub(crate) fn path_of(config: &Config, product: Product) -> &Path {
        match product {
            Product::QualityManagement => &config.ledger.path,
            Product::WorkforceManagement => &config.ledger.wfm_path,
        }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it as its worker; makes it, and its directory, where there is none.
    ///
    /// # Errors
    ///
    /// [`LedgerError::WorkerRunning`] where another process is its worker; the others of [`SqliteLedger::open`].
    pub async fn as_worker(&self) -> Result<SqliteLedger> {
        if let Some(directory) = self.path.parent() {
            private_directory(directory).with_context(|| {
                format!(
                    "the directory of the ledger, {}, cannot be made",
                    directory.display()
                )
            })?;
        }
        let lock = self.lock().await?;
        Ok(SqliteLedger::open(lock, self.options.clone()).await?)
    }

    async fn lock(&self) -> Result<WorkerLock> {
        let path = self.path.clone();
        // It waits a moment for whoever only asks.
        Ok(tokio::task::spawn_blocking(move || WorkerLock::acquire(&path)).await??)
    }

    /// Opens it to read, or to leave a wish; tells who its worker is. Makes no ledger.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteLedger::open_beside`].
    pub async fn beside(&self) -> Result<(SqliteLedger, Option<Holder>)> {
        let ledger = SqliteLedger::open_beside(&self.path, self.options.clone()).await?;
        let path = self.path.clone();
        let holder = tokio::task::spawn_blocking(move || WorkerLock::holder(&path)).await??;
        Ok((ledger, holder))
    }

    /// Opens it to change it: as its worker where none runs, beside the worker where one does. Makes no ledger.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteLedger::open_beside`]: a ledger that is not there, or of another release, is not touched.
    pub async fn to_change(&self) -> Result<Access> {
        // Refused here, a missing ledger or a newer one is not touched, nor is a lock file made beside it.
        let (beside, _) = self.beside().await?;
        match self.lock().await {
            Ok(lock) => {
                beside.close().await;
                let ledger = SqliteLedger::open(lock, self.options.clone()).await?;
                Ok(Access::Worker(ledger))
            }
            Err(error) if is_worker_running(&error) => Ok(Access::Beside(beside)),
            Err(error) => Err(error),
        }
    }

    /// The same, and makes the ledger where there is none.
    ///
    /// # Errors
    ///
    /// As [`to_change`](Self::to_change).
    pub async fn to_fill(&self) -> Result<Access> {
        match self.to_change().await {
            Err(error) if matches!(error.downcast_ref(), Some(LedgerError::Missing { .. })) => {
                Ok(Access::Worker(self.as_worker().await?))
            }
            access => access,
        }
    }

    /// Opens it as `run` would, as its worker: made where there is none, brought up to date where it is of an earlier release. Beside the worker where one runs.
    ///
    /// # Errors
    ///
    /// Those of [`as_worker`](Self::as_worker) and of [`SqliteLedger::open_beside`].
    pub async fn to_work(&self) -> Result<Access> {
        match self.as_worker().await {
            Ok(ledger) => Ok(Access::Worker(ledger)),
            Err(error) if is_worker_running(&error) => Ok(Access::Beside(self.beside().await?.0)),
            Err(error) => Err(error),
        }
    }

    /// Opens it with nobody beside it. Makes no ledger.
    ///
    /// # Errors
    ///
    /// [`LedgerError::WorkerRunning`] where a worker runs; those of [`SqliteLedger::open_beside`].
    pub async fn alone(&self) -> Result<SqliteLedger> {
        let (beside, _) = self.beside().await?;
        let lock = self.lock().await?;
        beside.close().await;
        Ok(SqliteLedger::open(lock, self.options.clone()).await?)
    }
}

fn is_worker_running(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(LedgerError::WorkerRunning { .. })
    )
}

fn sealing_key(reference: &SecretRef) -> Result<SealingKey> {
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use connector_config::{SecretError, SecretPlace, SecretSource};
    use secrecy::SecretSlice;
    use sync_ledger::{
        AcdStore as _, RosterStore as _, SeenSubject, SubjectKind, SubjectNames, SubjectSid,
    };

    use super::*;
    use crate::testing::config;

    /// Every secret of the file is the same.
    struct Digits;

    impl SecretSource for Digits {
        fn get(&self, _: &SecretPlace) -> Result<SecretSlice<u8>, SecretError> {
            Ok("11".repeat(32).into_bytes().into())
        }
    }

    fn is_missing(error: &anyhow::Error) -> bool {
        matches!(error.downcast_ref(), Some(LedgerError::Missing { .. }))
    }

    #[tokio::test]
    async fn a_ledger_is_made_by_its_worker_for_its_owner_and_by_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let file = LedgerFile::of(&config(directory.path()), Product::WorkforceManagement).unwrap();
        assert!(file.path().ends_with("state/wfm-ledger.db"), "{file:?}");
        for error in [
            file.beside().await.unwrap_err(),
            file.to_change().await.unwrap_err(),
            file.alone().await.unwrap_err(),
        ] {
            assert!(is_missing(&error), "{error:#}");
        }
        assert!(!directory.path().join("state").exists());
        let Access::Worker(ledger) = file.to_fill().await.unwrap() else {
            panic!("nobody else works on it");
        };
        let state = std::fs::metadata(directory.path().join("state")).unwrap();
        assert_eq!(state.permissions().mode() & 0o777, 0o700);
        ledger.close().await;
    }

    #[tokio::test]
    async fn beside_a_worker_a_ledger_is_read_and_given_wishes_and_not_taken() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let file = LedgerFile::of(&config, Product::QualityManagement).unwrap();
        let worker = file.as_worker().await.unwrap();
        let (_, holder) = file.beside().await.unwrap();
        assert_eq!(
            holder.and_then(|holder| holder.pid),
            Some(std::process::id())
        );
        for access in [
            file.to_change().await.unwrap(),
            file.to_fill().await.unwrap(),
            file.to_work().await.unwrap(),
        ] {
            assert!(matches!(access, Access::Beside(_)), "{access:?}");
        }
        for error in [
            file.alone().await.unwrap_err(),
            file.as_worker().await.unwrap_err(),
        ] {
            assert!(is_worker_running(&error), "{error:#}");
        }
        worker.close().await;
        drop(worker);
        let access = file.to_change().await.unwrap();
        assert!(matches!(access, Access::Worker(_)), "{access:?}");
    }

    #[tokio::test]
    async fn a_sealed_ledger_opens_under_its_key_wherever_that_comes_from() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key");
        std::fs::write(&key, "11".repeat(32)).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = connector_config::COMMENTED_FILE.replacen(
            "[ledger]",
            &format!("[ledger]\nsealing_key = {{ file = {key:?} }}"),
            1,
        );
        let text = text
            .replace(
                "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                &format!("AC{:032}", 1),
            )
            .replace(
                "WSxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                &format!("WS{:032}", 1),
            );
        let sealed = Config::parse(&text, &directory.path().join("connector.toml")).unwrap();
        let product = Product::QualityManagement;
        let file = LedgerFile::of(&sealed, product).unwrap();
        let ledger = file.as_worker().await.unwrap();
        let acd = sealed.acds[0].key();
        ledger.register(&acd, "main").await.unwrap();
        let ada = SeenSubject {
            sid: SubjectSid::Agent(format!("WK{:032}", 1).parse().unwrap()),
            names: SubjectNames {
                name: "ada".to_owned(),
                full_name: None,
                email: None,
            },
        };
        let kind = SubjectKind::Agent;
        let now = chrono::Utc::now();
        ledger.see_roster(&acd, kind, &[ada], now).await.unwrap();
        ledger.close().await;
        let secrets = sealed.resolve_secrets(&Digits).unwrap();
        let same = LedgerFile::with_secrets(&sealed, product, &secrets).unwrap();
        let (ledger, _) = same.beside().await.unwrap();
        let agents = ledger.roster(&acd, kind).await.unwrap();
        assert_eq!(agents[0].names.as_ref().unwrap().name, "ada");
        let bare = LedgerFile::of(&config(directory.path()), product).unwrap();
        let error = bare.beside().await.unwrap_err();
        assert!(
            matches!(
                error.downcast_ref(),
                Some(LedgerError::SealingKeyMissing { .. })
            ),
            "{error:#}"
        );
        std::fs::remove_file(&key).unwrap();
        let error = LedgerFile::of(&sealed, product).unwrap_err();
        assert!(
            error.to_string().contains("cannot be had from"),
            "{error:#}"
        );
    }
}
