//! `contacts`: list, show, retry.

use anyhow::Result;
use chrono::Utc;
use contact_model::LegId;
use qm_pipeline::report::{self, AcdNames, ContactQuery, RetryReport, Selection};
use service_runtime::Exit;

use crate::advice::Told;
use crate::cli::{Global, List, Retry};
use crate::open::{self, Access};

pub(super) async fn list(global: &Global, list: List) -> Result<Exit> {
    if let (Some(from), Some(to)) = (list.from, list.to)
        && from > to
    {
        let what = format!(
            "no leg ended from {} on and before {}: --from lies after --to",
            from.to_rfc3339(),
            to.to_rfc3339()
        );
        return Err(Told::usage(what, "give a beginning that lies before the end").into());
    }
    let config = open::config(global)?;
    let (ledger, _) = open::ledger_beside(&config).await?;
    let names = AcdNames::read(&ledger, &config).await?;
    let query = ContactQuery {
        acd: list.of.acd,
        stages: list.stage,
        reasons: list.reason,
        worker: list.agent,
        session: list.session,
        from: list.from,
        to: list.to,
        limit: list.limit,
    };
    crate::print::report(global, &report::contacts(&ledger, &names, &query).await?)?;
    Ok(Exit::Ok)
}

pub(super) async fn show(global: &Global, leg: LegId) -> Result<Exit> {
    let config = open::config(global)?;
    let (ledger, _) = open::ledger_beside(&config).await?;
    let names = AcdNames::read(&ledger, &config).await?;
    crate::print::report(global, &report::contact(&ledger, &names, leg).await?)?;
    Ok(Exit::Ok)
}

pub(super) async fn retry(global: &Global, retry: Retry) -> Result<Exit> {
    let config = open::config(global)?;
    let selection = match retry.leg {
        Some(leg) => Selection::Leg(leg),
        None => Selection::Parked {
            acd: retry.acd,
            reason: retry.reason,
        },
    };
    let now = Utc::now();
    let report = match open::ledger_to_change(&config).await? {
        Access::Beside(ledger) => {
            let names = AcdNames::read(&ledger, &config).await?;
            report::wish_retry(&ledger, &names, &selection, now).await?
        }
        Access::Worker(ledger) => {
            let names = AcdNames::read(&ledger, &config).await?;
            let report = match &selection {
                Selection::Leg(leg) => RetryReport {
                    taken_up: vec![report::retry_leg(&ledger, &names, *leg, now).await?],
                    ..RetryReport::default()
                },
                Selection::Parked { acd, reason } => {
                    let acd = names.find_some(acd.as_deref())?;
                    report::retry_parked(&ledger, &names, acd.as_ref(), *reason, now).await?
                }
            };
            ledger.close().await;
            report
        }
    };
    crate::print::report(global, &report)?;
    Ok(Exit::Ok)
}
