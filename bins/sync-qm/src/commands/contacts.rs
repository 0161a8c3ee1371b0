//! `contacts`: list, show, retry.

use anyhow::Result;
use chrono::Utc;
use contact_model::LegId;
use qm_pipeline::report::{self, AcdNames, RetryReport, Selection};
use service_runtime::Exit;

use crate::cli::{Filters, Global, List, Retry, Stages};
use crate::open;
use command_line::Access;
use command_line::Told;

pub(super) async fn list(global: &Global, list: List) -> Result<Exit> {
    let query = list.filters.query(list.stages, list.limit)?;
    let config = global.configuration()?;
    let (ledger, _) = open::ledger(&config)?.beside().await?;
    let names = AcdNames::read(&ledger, &config).await?;
    global.print(&report::contacts(&ledger, &names, &query).await?)?;
    Ok(Exit::Ok)
}

pub(super) async fn show(global: &Global, leg: LegId) -> Result<Exit> {
    let config = global.configuration()?;
    let (ledger, _) = open::ledger(&config)?.beside().await?;
    let names = AcdNames::read(&ledger, &config).await?;
    global.print(&report::contact(&ledger, &names, leg).await?)?;
    Ok(Exit::Ok)
}

pub(super) async fn retry(global: &Global, retry: Retry) -> Result<Exit> {
    let selection = selection(retry)?;
    let config = global.configuration()?;
    let now = Utc::now();
    let report = match open::ledger(&config)?.to_change().await? {
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
                Selection::Those(query) => report::retry_those(&ledger, &names, query, now).await?,
            };
            ledger.close().await;
            report
        }
    };
    global.print(&report)?;
    Ok(Exit::Ok)
}

/// What is to be taken up again. What one wish can say is one wish; the rest is one for each contact.
fn selection(retry: Retry) -> Result<Selection, Told> {
    let Retry { leg, filters, .. } = retry;
    if let Some(leg) = leg {
        if !filters.is_empty() {
            let what = format!("{leg} is one contact: nothing is to be filtered");
            return Err(Told::usage(
                what,
                "leave out the leg and add --all, or leave out the filters",
            ));
        }
        return Ok(Selection::Leg(leg));
    }
    let query = filters.clone().query(Stages::default(), u32::MAX)?;
    let Filters {
        reason,
        agent: None,
        session: None,
        from: None,
        to: None,
        of,
    } = filters
    else {
        return Ok(Selection::Those(query));
    };
    Ok(match reason.as_slice() {
        [] => Selection::Parked {
            acd: of.acd,
            reason: None,
        },
        [one] if one.park_kind().is_some() => Selection::Parked {
            acd: of.acd,
            reason: one.park_kind(),
        },
        _ => Selection::Those(query),
    })
}
