//! What a failure means for the process's end, and what to do about it.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io::ErrorKind;

use connector_config::{ConfigError, Product};
use service_runtime::{Exit, RuntimeError};
use sync_ledger::LedgerError;

use crate::{CommandError, Program};

/// An exit code, and a line of advice; an empty one is none.
pub type Advised = (Exit, Cow<'static, str>);

/// A failure that brings its own exit code and advice.
#[derive(Debug)]
pub struct Told {
    what: String,
    exit: Exit,
    advice: Cow<'static, str>,
    source: Option<std::io::Error>,
}

impl Told {
    /// The command line asks for something that makes no sense.
    pub fn usage(what: impl Into<String>, advice: impl Into<Cow<'static, str>>) -> Self {
        Self {
            what: what.into(),
            exit: Exit::Usage,
            advice: advice.into(),
            source: None,
        }
    }

    /// What the vendors have does not do.
    pub fn check(what: impl Into<String>, advice: impl Into<Cow<'static, str>>) -> Self {
        Self {
            exit: Exit::CheckFailed,
            ..Self::usage(what, advice)
        }
    }

    /// It cannot be done as things stand.
    pub fn failure(what: impl Into<String>, advice: impl Into<Cow<'static, str>>) -> Self {
        Self {
            exit: Exit::Failure,
            ..Self::usage(what, advice)
        }
    }

    /// A file or directory that the command line names cannot be used.
    pub fn file(
        what: impl Into<String>,
        source: std::io::Error,
        advice: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            source: Some(source),
            ..Self::failure(what, advice)
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Told {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// The exit code and the line of advice of an error, by the nearest cause that says something.
pub fn advice_of<P: Program>(error: &anyhow::Error) -> (Exit, Option<String>) {
    let (exit, advice) = error
        .chain()
        .find_map(cause_advice::<P>)
        .unwrap_or((Exit::Failure, "".into()));
    (exit, (!advice.is_empty()).then(|| advice.into_owned()))
}

/// What one cause says, without those behind it. For errors that hand another one through as it is: that stands in no chain of causes by itself.
pub fn cause_advice<P: Program>(cause: &(dyn Error + 'static)) -> Option<Advised> {
    let known = || {
        let told = cause.downcast_ref::<Told>();
        told.map(|told| (told.exit, told.advice.clone()))
            .or_else(|| cause.downcast_ref().map(configuration::<P>))
            .or_else(|| cause.downcast_ref().and_then(ledger::<P>))
            .or_else(|| cause.downcast_ref().and_then(command::<P>))
            .or_else(|| cause.downcast_ref().and_then(runtime::<P>))
    };
    P::advice(cause).or_else(known)
}

fn configuration<P: Program>(error: &ConfigError) -> Advised {
    let name = P::NAME;
    let advice = match error {
        ConfigError::Faults(_) => {
            format!("correct what is listed, then run: {name} check --offline").into()
        }
        ConfigError::Unreadable { source, .. } => match source.kind() {
            ErrorKind::NotFound => {
                format!("write a configuration with {name} init, or name yours with --config")
                    .into()
            }
            ErrorKind::InvalidData => {
                format!("save it as UTF-8 text, then run: {name} check --offline").into()
            }
            _ => "let this user read it, or name another with --config".into(),
        },
        _ => "name your configuration with --config".into(),
    };
    (Exit::Configuration, advice)
}

/// The settings of a program's own ledger and listener.
pub(crate) fn settings<P: Program>() -> (&'static str, &'static str) {
    match P::PRODUCT {
        Product::QualityManagement => ("ledger.path", "runtime.listen"),
        Product::WorkforceManagement => ("ledger.wfm_path", "runtime.wfm_listen"),
    }
}

fn ledger<P: Program>(error: &LedgerError) -> Option<Advised> {
    Some(match error {
        LedgerError::WorkerRunning { .. } => (
            Exit::AlreadyRunning,
            "one worker works on a ledger: stop that process, or give this one a ledger of its own"
                .into(),
        ),
        LedgerError::NewerSchema { .. } => (
            Exit::Failure,
            "upgrade this program; the ledger was not touched".into(),
        ),
        LedgerError::Missing { .. } => (
            Exit::Failure,
            format!(
                "start {} run once, or correct {}",
                P::NAME,
                settings::<P>().0
            )
            .into(),
        ),
        LedgerError::SealingKeyMissing { .. } => (
            Exit::Configuration,
            "correct ledger.sealing_key in the configuration, or name the key among old_sealing_keys"
                .into(),
        ),
        LedgerError::SealingKey { .. } => (
            Exit::Configuration,
            "correct ledger.sealing_key in the configuration".into(),
        ),
        LedgerError::DiskFull { .. } => (
            Exit::Failure,
            "free some space; nothing was half-written".into(),
        ),
        // The others say in themselves what to do.
        _ => return None,
    })
}

fn command<P: Program>(error: &CommandError) -> Option<Advised> {
    match error {
        CommandError::Ledger(error) => cause_advice::<P>(error),
        CommandError::Unknown { .. } => Some((Exit::Usage, "".into())),
        CommandError::WithoutProduct { .. } => Some((
            Exit::Usage,
            "switch it on in the ACD's products, or name another ACD".into(),
        )),
        CommandError::Ambiguous { .. } => {
            Some((Exit::Usage, "name it by one of these identities".into()))
        }
        CommandError::NoAddress { .. } => Some((Exit::Configuration, "".into())),
        CommandError::Twilio(_) => None,
    }
}

fn runtime<P: Program>(error: &RuntimeError) -> Option<Advised> {
    match error {
        RuntimeError::LogDirectives { .. } => {
            Some((Exit::Usage, "correct --log, or runtime.log_level".into()))
        }
        RuntimeError::Bind { .. } | RuntimeError::OpenListener(_) => Some((
            Exit::Configuration,
            format!("correct {}: another address, or \"off\"", settings::<P>().1).into(),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;
    use crate::testing::{Quality, Workforce};

    fn running() -> LedgerError {
        LedgerError::WorkerRunning {
            lock: "ledger.db.lock".into(),
            pid: Some(7),
        }
    }

    #[test]
    fn the_nearest_cause_that_says_something_decides() {
        for error in [
            anyhow::Error::new(running()).context("the worker cannot start"),
            anyhow::Error::new(CommandError::Ledger(running())),
        ] {
            let (exit, advice) = advice_of::<Quality>(&error);
            assert_eq!(exit, Exit::AlreadyRunning);
            assert!(advice.is_some_and(|advice| advice.contains("stop that process")));
        }
    }

    #[test]
    fn only_a_configuration_that_is_not_there_is_to_be_written() {
        let advice = |kind: ErrorKind| {
            let error = ConfigError::Unreadable {
                path: "connector.toml".into(),
                source: kind.into(),
            };
            let (exit, advice) = advice_of::<Workforce>(&error.into());
            assert_eq!(exit, Exit::Configuration);
            advice.unwrap()
        };
        assert!(advice(ErrorKind::NotFound).contains("sync-wfm init"));
        assert!(advice(ErrorKind::InvalidData).contains("UTF-8"));
        assert!(advice(ErrorKind::PermissionDenied).contains("let this user"));
    }

    #[test]
    fn each_program_is_pointed_to_its_own_settings() {
        let missing = || {
            anyhow::Error::new(LedgerError::Missing {
                path: "ledger.db".into(),
            })
        };
        let advice = advice_of::<Quality>(&missing()).1.unwrap();
        assert_eq!(advice, "start sync-qm run once, or correct ledger.path");
        let advice = advice_of::<Workforce>(&missing()).1.unwrap();
        assert_eq!(
            advice,
            "start sync-wfm run once, or correct ledger.wfm_path"
        );
        let open = || RuntimeError::OpenListener(([0, 0, 0, 0], 9464).into());
        let advice = advice_of::<Quality>(&open().into()).1.unwrap();
        assert!(advice.starts_with("correct runtime.listen:"), "{advice}");
        let advice = advice_of::<Workforce>(&open().into()).1.unwrap();
        assert!(
            advice.starts_with("correct runtime.wfm_listen:"),
            "{advice}"
        );
    }

    #[test]
    fn what_is_told_brings_its_own_end() {
        let gone = || std::io::Error::from(ErrorKind::NotFound);
        for (told, exit) in [
            (Told::usage("no", "do"), Exit::Usage),
            (Told::check("no", "do"), Exit::CheckFailed),
            (Told::failure("no", "do"), Exit::Failure),
            (Told::file("no", gone(), "do"), Exit::Failure),
        ] {
            let error = anyhow::Error::new(told);
            assert_eq!(advice_of::<Quality>(&error), (exit, Some("do".to_owned())));
        }
    }

    #[test]
    fn what_nobody_knows_is_a_failure_without_advice() {
        let error = Err::<(), _>(std::io::Error::other("no"))
            .context("it failed")
            .unwrap_err();
        assert_eq!(advice_of::<Quality>(&error), (Exit::Failure, None));
    }
}
