//! What a crash left in drop folders.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::services::AcdServices;

/// How long folders are waited for: a share may hang. One that answers later costs no more than that a file is written again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Removes temporary files from the drop folders. Only whoever has the ledger may do that: such a file is what a worker is writing.
pub(crate) async fn sweep(acds: &[Arc<AcdServices>]) {
    let mut sweeping = JoinSet::new();
    for acd in acds {
        let Some(folder) = acd.drop_folder.clone() else {
            continue;
        };
        let acd = acd.name.clone();
        sweeping.spawn_blocking(move || match folder.sweep() {
            Ok(0) => {}
            Ok(files) => tracing::info!(acd, files, "removed temporary files that a crash left"),
            // It may be mounted later.
            Err(error) => tracing::warn!(acd, %error, "the drop folder cannot be looked at"),
        });
    }
    let all = async { while sweeping.join_next().await.is_some() {} };
    if tokio::time::timeout(PATIENCE, all).await.is_err() {
        tracing::warn!("a drop folder does not answer; temporary files may stay in it");
    }
}
