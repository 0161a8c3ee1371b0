//! The rotation of the sealing key: what is sealed under another key, or lies in the clear, is sealed anew beside the worker.

use std::time::Duration;

use sync_ledger::SqliteLedger;

/// How many contacts in one transaction: the worker waits for each.
const BATCH: u32 = 100;
/// Between two of them, the worker's turn.
const BREATH: Duration = Duration::from_millis(20);
/// After a failure, and while a reader keeps the write-ahead log from being emptied.
const PAUSE: Duration = Duration::from_secs(30);

/// Seals everything under the configured key; where that is a rotation, tells when the old keys are no longer needed. It may be
/// dropped at any time; the next start goes on.
pub(super) async fn reseal(ledger: SqliteLedger, rotation: bool) {
    if ledger.sealing_key_id().is_none() {
        return;
    }
    let mut resealed = 0;
    loop {
        match ledger.reseal(BATCH).await {
            Ok(0) => break,
            Ok(contacts) => {
                resealed += contacts;
                tokio::time::sleep(BREATH).await;
            }
            Err(error) => {
                tracing::warn!(%error, pause_seconds = PAUSE.as_secs(), "details could not be sealed anew; it is tried again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    if resealed > 0 {
        tracing::info!(
            contacts = resealed,
            "details were sealed anew under the present sealing key"
        );
        empty_log(&ledger).await;
    }
    tell(&ledger, rotation).await;
}

/// What lay in the clear, or under a key that is not trusted any more, goes from the write-ahead log, too.
async fn empty_log(ledger: &SqliteLedger) {
    loop {
        match ledger.checkpoint().await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the write-ahead log could not be emptied"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn tell(ledger: &SqliteLedger, rotation: bool) {
    let kept = match ledger.details_at_rest().await {
        Ok(kept) => kept,
        Err(error) => {
            tracing::warn!(%error, "it cannot be told under which keys details are sealed");
            return;
        }
    };
    let left: u64 = kept
        .iter()
        .filter(|kept| kept.key.as_deref() != ledger.sealing_key_id())
        .map(|kept| kept.contacts)
        .sum();
    if left > 0 {
        tracing::error!(
            contacts = left,
            "details cannot be read, and so not be sealed anew; keep the old sealing keys"
        );
    } else if rotation {
        tracing::info!(
            "nothing is sealed under an old sealing key any more: old_sealing_keys can be removed"
        );
    }
}
