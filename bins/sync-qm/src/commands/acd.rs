//! `acd`: list and remove ACDs of the ledger.

use anyhow::Result;
use qm_pipeline::report::removal::{acds, remove as removed};
use service_runtime::Exit;

use super::consent;
use crate::cli::{Acds, Global, RemoveAcd};
use crate::open;

pub(super) async fn acd(global: &Global, asked: Acds) -> Result<Exit> {
    match asked {
        Acds::List => {
            let config = open::config(global)?;
            let (ledger, _) = open::ledger_beside(&config).await?;
            crate::print::report(global, &acds(&ledger, &config).await?)?;
            Ok(Exit::Ok)
        }
        Acds::Remove(asked) => remove(global, &asked).await,
    }
}

async fn remove(global: &Global, asked: &RemoveAcd) -> Result<Exit> {
    let config = open::config(global)?;
    // A worker would go on writing for the ACD.
    let ledger = open::ledger_alone(&config).await?;
    let list = acds(&ledger, &config).await?;
    let line = list.find(&asked.acd)?;
    let unfinished = match line.unfinished {
        0 => String::new(),
        number if asked.with_unfinished => format!(", {number} of them not finished"),
        // Refused below, and without a question.
        _ => String::new(),
    };
    if line.unfinished == 0 || asked.with_unfinished {
        consent::demand(
            asked.consent,
            &format!(
                "Everything that the ledger has of {} ({}) is to be removed: its contacts{unfinished}, webhooks, cursors.",
                line.name, line.key
            ),
        )?;
    }
    let report = removed(&ledger, line, asked.with_unfinished).await?;
    ledger.close().await;
    crate::print::report(global, &report)?;
    Ok(Exit::Ok)
}
