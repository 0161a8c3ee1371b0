//! What a failure of this program's own crates means for the process's end, and what to do about it.

use std::error::Error;

use command_line::{Advised, cause_advice};
use event_intake::IntakeError;
use service_runtime::Exit;
use wfm_pipeline::{PipelineError, PullError};

use crate::SyncWfm;

/// What an error of this program's own crates means.
pub(crate) fn of(cause: &(dyn Error + 'static)) -> Option<Advised> {
    let told = match cause.downcast_ref::<PipelineError>()? {
        // What is handed through stands in no chain of causes by itself.
        PipelineError::Ledger(error) => return cause_advice::<SyncWfm>(error),
        PipelineError::Clients(_)
        | PipelineError::NothingOn
        | PipelineError::NoHistory { .. }
        | PipelineError::NoAdherence { .. } => (
            Exit::Configuration,
            "correct the configuration, then run: sync-wfm check --offline",
        ),
        PipelineError::Refused { .. } => (
            Exit::CheckFailed,
            "correct what it names, then run: sync-wfm check",
        ),
        PipelineError::Twilio(error) if error.is_authentication() || error.is_not_found() => (
            Exit::CheckFailed,
            "correct the table twilio of the ACD, then run: sync-wfm check",
        ),
        PipelineError::Pull(PullError::Insights(_)) => (
            Exit::CheckFailed,
            "correct the table insights of the ACD, then run: sync-wfm check",
        ),
        PipelineError::Intake(IntakeError::Bind { .. }) => (
            Exit::Failure,
            "end what holds the address, or give intake.wfm_listen another",
        ),
        _ => return None,
    };
    Some((told.0, told.1.into()))
}

#[cfg(test)]
mod tests {
    use command_line::advice_of;
    use sync_ledger::LedgerError;

    use super::*;

    #[test]
    fn what_the_pipeline_hands_through_is_known_as_everywhere() {
        let running = LedgerError::WorkerRunning {
            lock: "wfm-ledger.db.lock".into(),
            pid: Some(7),
        };
        let error = anyhow::Error::new(PipelineError::Ledger(running));
        let (exit, advice) = advice_of::<SyncWfm>(&error);
        assert_eq!(exit, Exit::AlreadyRunning);
        assert!(advice.is_some_and(|advice| advice.contains("stop that process")));
    }

    #[test]
    fn another_address_is_advised_only_where_the_address_is_taken() {
        let bind = IntakeError::Bind {
            address: ([127, 0, 0, 1], 9467).into(),
            source: std::io::ErrorKind::AddrInUse.into(),
        };
        let error = anyhow::Error::new(PipelineError::Intake(bind));
        let (exit, advice) = advice_of::<SyncWfm>(&error);
        assert_eq!(exit, Exit::Failure);
        assert!(advice.is_some_and(|advice| advice.contains("intake.wfm_listen")));
        let error = anyhow::Error::new(PipelineError::Intake(IntakeError::NoFeed));
        assert_eq!(advice_of::<SyncWfm>(&error), (Exit::Failure, None));
    }

    #[test]
    fn what_the_configuration_leaves_off_is_a_fault_of_it() {
        let error = anyhow::Error::new(PipelineError::NothingOn);
        let (exit, advice) = advice_of::<SyncWfm>(&error);
        assert_eq!(exit, Exit::Configuration);
        assert!(advice.is_some_and(|advice| advice.contains("--offline")));
    }
}
