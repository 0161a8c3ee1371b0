//! What `check` asks of this machine beside the configuration, and how it ends.

use std::path::Path;

use connection_check::{CheckReport, CheckRow, Question, Status};
use connector_config::Config;
use rustix::fs::{Access as May, AtFlags, CWD, accessat};
use service_runtime::Exit;
use sync_ledger::LedgerError;

use crate::advice::settings;
use crate::{LedgerFile, Program, advice_of};

/// Whether the ledger could be opened, or be made. Nothing is made, migrated or taken.
pub async fn ledger_row<P: Program>(config: &Config) -> CheckRow {
    let question = Question::Ledger;
    let opened = async {
        let file = LedgerFile::of(config, P::PRODUCT)?;
        file.beside().await
    };
    let path = LedgerFile::path_of(config, P::PRODUCT);
    let shown = path.display();
    let fail = |detail, remedy| machine_row(question, Status::Fail, detail, Some(remedy));
    let used = |detail: String| match unusable(path.parent().unwrap_or(path)) {
        None => machine_row(question, Status::Ok, detail, None),
        Some(what) => fail(
            format!("the directory of the ledger {shown} cannot be used: {what}"),
            format!(
                "let the service's user write into it, or correct {}",
                settings::<P>().0
            ),
        ),
    };
    let error = match opened.await {
        Ok((ledger, worker)) => {
            ledger.close().await;
            let worker = worker.map_or("", |_| "; a worker runs on it");
            return used(format!("{shown} can be opened{worker}"));
        }
        Err(error) => error,
    };
    match error.downcast_ref::<LedgerError>() {
        Some(LedgerError::Missing { .. }) => {
            used(format!("there is none at {shown} yet; run makes it"))
        }
        Some(LedgerError::OlderSchema { .. }) => used(format!(
            "{shown} is of an earlier release; run brings it up to date"
        )),
        Some(why) => {
            let text = why.to_string();
            let (what, own) = text
                .rsplit_once(": ")
                .unwrap_or((&text, "correct [ledger]"));
            let cause = std::error::Error::source(why).map(|cause| format!(": {cause}"));
            let (_, advice) = advice_of::<P>(&error);
            fail(
                format!("{what}{}", cause.unwrap_or_default()),
                advice.unwrap_or_else(|| own.to_owned()),
            )
        }
        // Its secrets have rows of their own.
        None => machine_row(question, Status::Skipped, format!("{error:#}"), None),
    }
}

/// Why this user could not write into the directory, or make it.
pub fn unusable(directory: &Path) -> Option<String> {
    let here = Path::new(".");
    let nearest = directory
        .ancestors()
        .map(|path| {
            if path.as_os_str().is_empty() {
                here
            } else {
                path
            }
        })
        .find(|path| path.symlink_metadata().is_ok())
        .unwrap_or(here);
    if !nearest.is_dir() {
        return Some(format!("{} is no directory", nearest.display()));
    }
    let may = May::WRITE_OK | May::EXEC_OK;
    accessat(CWD, nearest, may, AtFlags::EACCESS)
        .err()
        .map(|error| format!("{}: {error}", nearest.display()))
}

/// A row about this machine, and no ACD.
pub fn machine_row(
    question: Question,
    status: Status,
    detail: String,
    remedy: Option<String>,
) -> CheckRow {
    CheckRow {
        acd: None,
        question,
        status,
        detail,
        remedy,
    }
}

/// Whether what is asked lies on this machine, not at a vendor.
pub fn is_ours(question: Question) -> bool {
    matches!(
        question,
        Question::Configuration
            | Question::Secrets
            | Question::KeyRing
            | Question::Clients
            | Question::Ledger
            | Question::Spool
    )
}

/// How a check ends: by the first row that failed.
pub fn exit_of(report: &CheckReport) -> Exit {
    let failed = |row: &&CheckRow| row.status == Status::Fail;
    match report.rows.iter().find(failed) {
        None => Exit::Ok,
        Some(row) if is_ours(row.question) => Exit::Configuration,
        Some(_) => Exit::CheckFailed,
    }
}

#[cfg(test)]
mod tests {
    use connector_config::Product;

    use super::*;
    use crate::testing::{Quality, Workforce, config};

    #[tokio::test]
    async fn a_ledger_that_is_not_there_yet_is_well_where_it_could_be_made() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let row = ledger_row::<Quality>(&config).await;
        assert_eq!(row.status, Status::Ok, "{row:?}");
        assert!(row.detail.contains("run makes it"), "{row:?}");
        assert!(!directory.path().join("state").exists());
        // A file lies where its directory is to be.
        std::fs::write(directory.path().join("state"), "").unwrap();
        let row = ledger_row::<Workforce>(&config).await;
        assert_eq!(row.status, Status::Fail, "{row:?}");
        assert!(row.detail.contains("wfm-ledger.db"), "{row:?}");
        let below = unusable(&directory.path().join("state/deeper")).unwrap();
        assert!(below.ends_with("state is no directory"), "{below}");
        assert_eq!(unusable(directory.path()), None);
    }

    #[tokio::test]
    async fn a_ledger_with_a_worker_is_well_and_what_is_no_ledger_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path());
        let file = LedgerFile::of(&config, Product::QualityManagement).unwrap();
        let worker = file.as_worker().await.unwrap();
        let row = ledger_row::<Quality>(&config).await;
        assert!(row.detail.ends_with("; a worker runs on it"), "{row:?}");
        worker.close().await;
        drop(worker);
        std::fs::write(
            file.path(),
            "no ledger at all, but a text of some length".repeat(100),
        )
        .unwrap();
        let row = ledger_row::<Quality>(&config).await;
        assert_eq!(row.status, Status::Fail, "{row:?}");
        assert!(row.remedy.is_some(), "{row:?}");
    }

    #[test]
    fn the_first_row_that_failed_says_whose_fault_it_is() {
        let row = |question, status| machine_row(question, status, String::new(), None);
        let report = |rows| CheckReport { rows };
        let well = row(Question::Ledger, Status::Warn);
        let ours = row(Question::Spool, Status::Fail);
        let theirs = row(Question::Workspace, Status::Fail);
        assert_eq!(exit_of(&report(vec![well.clone()])), Exit::Ok);
        let first = report(vec![well, ours.clone(), theirs.clone()]);
        assert_eq!(exit_of(&first), Exit::Configuration);
        assert_eq!(exit_of(&report(vec![theirs, ours])), Exit::CheckFailed);
    }
}
