//! What a failure means for the process's end, and what to do about it.

use std::error::Error;

use calabrio_client::CalabrioError;
use command_line::{Advised, cause_advice};
use qm_pipeline::PipelineError;
use qm_pipeline::report::ReportError;
use recording_crypto::CryptoError;
use recording_spool::SpoolError;
use service_runtime::Exit;
use sync_ledger::LedgerError;
use twilio_client::TwilioError;

use crate::SyncQm;
use crate::commands::Refused;

/// What an error of this program's own crates means.
pub(crate) fn of(cause: &(dyn Error + 'static)) -> Option<Advised> {
    let own = || {
        cause
            .downcast_ref::<ReportError>()
            .and_then(report)
            .or_else(|| cause.downcast_ref::<PipelineError>().and_then(pipeline))
    };
    let plain = || {
        cause
            .downcast_ref::<LedgerError>()
            .and_then(ledger)
            .or_else(|| {
                cause
                    .downcast_ref::<Refused>()
                    .map(|_| (Exit::CheckFailed, "correct it, then run: sync-qm check"))
            })
            .or_else(|| cause.downcast_ref::<TwilioError>().map(twilio))
            .or_else(|| cause.downcast_ref::<CalabrioError>().map(calabrio))
            .or_else(|| cause.downcast_ref::<SpoolError>().and_then(spool))
            .or_else(|| cause.downcast_ref::<CryptoError>().and_then(crypto))
    };
    own().or_else(|| plain().map(told))
}

type Plain = (Exit, &'static str);

fn told((exit, advice): Plain) -> Advised {
    (exit, advice.into())
}

fn ledger(error: &LedgerError) -> Option<Plain> {
    match error {
        LedgerError::Unfinished { .. } => Some((
            Exit::Failure,
            "sync-qm contacts list shows them; --with-unfinished removes them too",
        )),
        // The others are every program's.
        _ => None,
    }
}

fn pipeline(error: &PipelineError) -> Option<Advised> {
    // What is handed through as it is stands in no chain of causes by itself.
    match error {
        PipelineError::Keys(error) => cause_advice::<SyncQm>(error),
        PipelineError::Clients(_) => Some(told((
            Exit::Configuration,
            "correct the configuration, then run: sync-qm check --offline",
        ))),
        PipelineError::Ledger(error) => cause_advice::<SyncQm>(error),
        _ => None,
    }
}

fn report(error: &ReportError) -> Option<Advised> {
    let plain = match error {
        ReportError::Ledger(error) => return cause_advice::<SyncQm>(error),
        ReportError::UnknownAcd { .. } | ReportError::Range { .. } => (Exit::Usage, ""),
        ReportError::Twilio(error) => twilio(error),
        ReportError::Calabrio(error) => calabrio(error),
        ReportError::UnknownLeg { .. } => (
            Exit::Failure,
            "sync-qm contacts list shows those that are known; sync-qm backfill finds those of a past range",
        ),
        _ => return None,
    };
    Some(told(plain))
}

fn twilio(error: &TwilioError) -> Plain {
    if error.is_authentication() {
        (
            Exit::CheckFailed,
            "check account_sid with auth_token, or api_key with its secret, then run: sync-qm check",
        )
    } else {
        (
            Exit::Failure,
            "run sync-qm check: it tells what of Twilio can be reached",
        )
    }
}

fn calabrio(error: &CalabrioError) -> Plain {
    if error.is_authentication() {
        (
            Exit::CheckFailed,
            "check username and password of [acd.calabrio], then run: sync-qm check",
        )
    } else if error.is_permission() {
        (
            Exit::CheckFailed,
            "give the service account the permission Administer Tenant, then run: sync-qm check",
        )
    } else {
        (
            Exit::Failure,
            "run sync-qm check: it tells what of Calabrio ONE can be reached",
        )
    }
}

fn spool(error: &SpoolError) -> Option<Plain> {
    match error {
        SpoolError::InUse { .. } => Some((
            Exit::AlreadyRunning,
            "stop the process that uses it, or correct spool.dir",
        )),
        SpoolError::Crypto(error) => crypto(error),
        SpoolError::Io { .. } => Some((
            Exit::Failure,
            "check that it is there, and that this user may use it",
        )),
        SpoolError::DiskFull { .. } => {
            Some((Exit::Failure, "free some space; nothing was half-written"))
        }
        _ => None,
    }
}

fn crypto(error: &CryptoError) -> Option<Plain> {
    let advice = match error {
        CryptoError::NotAuthentic { .. } => {
            "download the recording again, with Range requests off; nothing was written"
        }
        CryptoError::ContentKeyNotUnwrapped { .. } => {
            "look for the private key whose public half has this SID: sync-qm keys list shows those that are configured"
        }
        CryptoError::PassphraseMissing => "give the key's passphrase with --passphrase-file",
        CryptoError::PassphraseWrong => {
            "correct what stands in the file of --passphrase-file; a newline at its end is no part of it"
        }
        CryptoError::DetailsNotAnObject { .. }
        | CryptoError::DetailsIncomplete { .. }
        | CryptoError::DetailsConflict { .. }
        | CryptoError::DetailsMalformed { .. } => {
            "fetch the recording from Twilio's API again, and give its encryption_details as they stand there"
        }
        CryptoError::UnknownEncryption { .. } => {
            "see that the details are those of a Twilio voice recording, unchanged; a newer kind needs a newer release of this program"
        }
        _ => return None,
    };
    Some((Exit::Failure, advice))
}

#[cfg(test)]
mod tests {
    use command_line::advice_of;

    use super::*;

    #[test]
    fn the_nearest_cause_that_says_something_decides() {
        let running = LedgerError::WorkerRunning {
            lock: "ledger.db.lock".into(),
            pid: Some(7),
        };
        let error =
            anyhow::Error::new(PipelineError::Ledger(running)).context("the worker cannot start");
        let (exit, advice) = advice_of::<SyncQm>(&error);
        assert_eq!(exit, Exit::AlreadyRunning);
        assert!(advice.is_some_and(|advice| advice.contains("stop that process")));
    }
}
