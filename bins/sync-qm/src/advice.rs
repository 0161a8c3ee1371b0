//! What a failure means for the process's end, and what to do about it.

use std::io::ErrorKind;

use calabrio_client::CalabrioError;
use connector_config::ConfigError;
use qm_pipeline::PipelineError;
use qm_pipeline::report::ReportError;
use recording_crypto::CryptoError;
use recording_spool::SpoolError;
use service_runtime::{Exit, RuntimeError};
use sync_ledger::LedgerError;
use twilio_client::TwilioError;

use crate::commands::Refused;

/// A failure that brings its own exit code and advice.
#[derive(Debug)]
pub(crate) struct Told {
    what: String,
    exit: Exit,
    advice: &'static str,
    source: Option<std::io::Error>,
}

impl Told {
    /// The command line asks for something that makes no sense.
    pub(crate) fn usage(what: impl Into<String>, advice: &'static str) -> Self {
        Self {
            what: what.into(),
            exit: Exit::Usage,
            advice,
            source: None,
        }
    }

    /// What the vendors have does not do.
    pub(crate) fn check(what: impl Into<String>, advice: &'static str) -> Self {
        Self {
            exit: Exit::CheckFailed,
            ..Self::usage(what, advice)
        }
    }

    /// A file or directory that the command line names cannot be used.
    pub(crate) fn file(what: String, source: std::io::Error, advice: &'static str) -> Self {
        Self {
            what,
            exit: Exit::Failure,
            advice,
            source: Some(source),
        }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Told {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// The exit code and the line of advice of an error, by the nearest cause that says something.
pub(crate) fn of(error: &anyhow::Error) -> (Exit, Option<String>) {
    let advised = error.chain().find_map(|cause| {
        cause
            .downcast_ref::<Told>()
            .map(|told| (told.exit, told.advice))
            .or_else(|| cause.downcast_ref::<ConfigError>().map(configuration))
            .or_else(|| cause.downcast_ref::<LedgerError>().and_then(ledger))
            .or_else(|| cause.downcast_ref::<PipelineError>().and_then(pipeline))
            .or_else(|| cause.downcast_ref::<ReportError>().and_then(report))
            .or_else(|| {
                cause
                    .downcast_ref::<Refused>()
                    .map(|_| (Exit::CheckFailed, "correct it, then run: sync-qm check"))
            })
            .or_else(|| cause.downcast_ref::<TwilioError>().map(twilio))
            .or_else(|| cause.downcast_ref::<CalabrioError>().map(calabrio))
            .or_else(|| cause.downcast_ref::<SpoolError>().and_then(spool))
            .or_else(|| cause.downcast_ref::<CryptoError>().and_then(crypto))
            .or_else(|| cause.downcast_ref::<RuntimeError>().and_then(runtime))
    });
    let (exit, advice) = advised.unwrap_or((Exit::Failure, ""));
    (exit, (!advice.is_empty()).then(|| advice.to_owned()))
}

type Advised = (Exit, &'static str);

fn configuration(error: &ConfigError) -> Advised {
    let advice = match error {
        ConfigError::Faults(_) => "correct what is listed, then run: sync-qm check --offline",
        ConfigError::Unreadable { source, .. } => match source.kind() {
            ErrorKind::NotFound => {
                "write a configuration with sync-qm init, or name yours with --config"
            }
            ErrorKind::InvalidData => "save it as UTF-8 text, then run: sync-qm check --offline",
            _ => "let this user read it, or name another with --config",
        },
        _ => "name your configuration with --config",
    };
    (Exit::Configuration, advice)
}

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
            "start sync-qm run once, or correct ledger.path",
        ),
        LedgerError::SealingKeyMissing { .. } => (
            Exit::Configuration,
            "correct ledger.sealing_key in the configuration, or name the key among old_sealing_keys",
        ),
        LedgerError::SealingKey { .. } => (
            Exit::Configuration,
            "correct ledger.sealing_key in the configuration",
        ),
        LedgerError::DiskFull { .. } => {
            (Exit::Failure, "free some space; nothing was half-written")
        }
        LedgerError::Unfinished { .. } => (
            Exit::Failure,
            "sync-qm contacts list shows them; --with-unfinished removes them too",
        ),
        // The others say in themselves what to do.
        _ => return None,
    })
}

fn pipeline(error: &PipelineError) -> Option<Advised> {
    // What is handed through as it is stands in no chain of causes by itself.
    match error {
        PipelineError::Keys(error) => Some(configuration(error)),
        PipelineError::Clients(_) => Some((
            Exit::Configuration,
            "correct the configuration, then run: sync-qm check --offline",
        )),
        PipelineError::Ledger(error) => ledger(error),
        _ => None,
    }
}

fn report(error: &ReportError) -> Option<Advised> {
    match error {
        ReportError::Ledger(error) => ledger(error),
        ReportError::UnknownAcd { .. } | ReportError::Range { .. } => Some((Exit::Usage, "")),
        ReportError::AmbiguousAcd { .. } => {
            Some((Exit::Usage, "name it by one of these identities"))
        }
        ReportError::Twilio(error) => Some(twilio(error)),
        ReportError::Calabrio(error) => Some(calabrio(error)),
        ReportError::UnknownLeg { .. } => Some((
            Exit::Failure,
            "sync-qm contacts list shows those that are known; sync-qm backfill finds those of a past range",
        )),
        _ => None,
    }
}

fn twilio(error: &TwilioError) -> Advised {
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

fn calabrio(error: &CalabrioError) -> Advised {
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

fn spool(error: &SpoolError) -> Option<Advised> {
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

fn crypto(error: &CryptoError) -> Option<Advised> {
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

fn runtime(error: &RuntimeError) -> Option<Advised> {
    match error {
        RuntimeError::LogDirectives { .. } => {
            Some((Exit::Usage, "correct --log, or runtime.log_level"))
        }
        RuntimeError::Bind { .. } | RuntimeError::OpenListener(_) => Some((
            Exit::Configuration,
            "correct runtime.listen: another address, or \"off\"",
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn the_nearest_cause_that_says_something_decides() {
        let running = LedgerError::WorkerRunning {
            lock: "ledger.db.lock".into(),
            pid: Some(7),
        };
        let error =
            anyhow::Error::new(PipelineError::Ledger(running)).context("the worker cannot start");
        let (exit, advice) = of(&error);
        assert_eq!(exit, Exit::AlreadyRunning);
        assert!(advice.is_some_and(|advice| advice.contains("stop that process")));
    }

    #[test]
    fn only_a_configuration_that_is_not_there_is_to_be_written() {
        let advice = |kind: ErrorKind| {
            let error = ConfigError::Unreadable {
                path: "connector.toml".into(),
                source: kind.into(),
            };
            of(&anyhow::Error::new(error)).1.unwrap()
        };
        assert!(advice(ErrorKind::NotFound).contains("sync-qm init"));
        assert!(advice(ErrorKind::InvalidData).contains("UTF-8"));
        assert!(advice(ErrorKind::PermissionDenied).contains("let this user"));
    }

    #[test]
    fn what_nobody_knows_is_a_failure_without_advice() {
        let error = Err::<(), _>(std::io::Error::other("no"))
            .context("it failed")
            .unwrap_err();
        assert_eq!(of(&error), (Exit::Failure, None));
    }
}
