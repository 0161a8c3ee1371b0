//! What a failure means for the process's end, and what to do about it.

use connector_config::ConfigError;
use service_runtime::Exit;
use sync_ledger::LedgerError;
use wfm_pipeline::PipelineError;

/// The exit code and the line of advice of an error, by the nearest cause that says something.
pub(crate) fn of(error: &anyhow::Error) -> (Exit, Option<String>) {
    let advised = error.chain().find_map(|cause| {
        cause
            .downcast_ref::<ConfigError>()
            .map(|_| CONFIGURATION)
            .or_else(|| cause.downcast_ref::<LedgerError>().and_then(ledger))
            .or_else(|| cause.downcast_ref::<PipelineError>().and_then(pipeline))
    });
    let (exit, advice) = advised.unwrap_or((Exit::Failure, ""));
    (exit, (!advice.is_empty()).then(|| advice.to_owned()))
}

type Advised = (Exit, &'static str);

const CONFIGURATION: Advised = (
    Exit::Configuration,
    "correct the configuration, then run: sync-wfm check --offline",
);

fn ledger(error: &LedgerError) -> Option<Advised> {
    Some(match error {
        LedgerError::WorkerRunning { .. } => (
            Exit::AlreadyRunning,
            "one worker works on a ledger: stop that process, or give this one a ledger of its own",
        ),
        LedgerError::NewerSchema { .. } => (
            Exit::Failure,
            "upgrade this program; the ledger was not touched",
        ),
        LedgerError::Missing { .. } => (
            Exit::Failure,
            "start sync-wfm run once, or correct ledger.wfm_path",
        ),
        LedgerError::SealingKeyMissing { .. } | LedgerError::SealingKey { .. } => (
            Exit::Configuration,
            "correct ledger.sealing_key in the configuration, or name the key among old_sealing_keys",
        ),
        LedgerError::DiskFull { .. } => {
            (Exit::Failure, "free some space; nothing was half-written")
        }
        // The others say in themselves what to do.
        _ => return None,
    })
}

fn pipeline(error: &PipelineError) -> Option<Advised> {
    match error {
        PipelineError::Clients(_)
        | PipelineError::NothingOn
        | PipelineError::NoHistory { .. }
        | PipelineError::NoAdherence { .. } => Some(CONFIGURATION),
        PipelineError::Pull(wfm_pipeline::PullError::Insights(_)) => Some((
            Exit::CheckFailed,
            "correct the table insights of the ACD, then run: sync-wfm check",
        )),
        PipelineError::Ledger(error) => ledger(error),
        _ => None,
    }
}
