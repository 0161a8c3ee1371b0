//! `history`: a range, as far as it differs from what was delivered.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use connector_config::{Config, SystemSecrets};
use contact_model::AcdKey;
use service_runtime::{Exit, Progress, Signals, Stop, Terminal};
use sync_ledger::{Wish, WishStore as _};
use tokio_util::sync::CancellationToken;
use wfm_pipeline::report::{AcdHistory, HistoryReport, history as bring, preview_history};
use wfm_pipeline::{AcdServices, Clock, PipelineError};

use crate::cli::{Global, History};
use crate::open::{self, Access};

/// How many changes a dry run shows in JSON.
const SAMPLE: usize = 100;

pub(super) async fn history(global: &Global, asked: &History) -> Result<Exit> {
    if asked.from >= asked.to {
        bail!("--from must lie before --to");
    }
    let config = open::config(global)?;
    let chosen = open::acds(&config, asked.of.acd.as_deref())?;
    let range = (asked.from, asked.to);
    if asked.dry_run {
        return look(global, &config, &chosen, range).await;
    }
    let ledger = match open::ledger_to_change(&config).await? {
        // Its worker has the tokens of Flex Insights and the order of batches: it carries this out.
        Access::Beside(ledger) => {
            let mut acds = Vec::new();
            for (acd, name) in chosen {
                let (from, to) = range;
                let wish = ledger
                    .put(&Wish::History { acd, from, to }, Utc::now())
                    .await?;
                acds.push(AcdHistory::wished(name, wish));
            }
            open::print(global, &HistoryReport::new(false, acds))?;
            return Ok(Exit::Ok);
        }
        Access::Worker(ledger) => ledger,
    };
    let secrets = Arc::new(config.resolve_secrets(&SystemSecrets)?);
    let services = open::services(&config, &secrets, None).await?;
    let stop = Stop::new();
    let _signals = Signals::listen(&stop)?;
    let gracefully = CancellationToken::new();
    let progress = Progress::new(Terminal::stderr(), None, "bytes of reports");
    let told = |bytes| progress.set(bytes);
    let bringing = async {
        let mut acds = Vec::new();
        for (key, name) in &chosen {
            let acd = of(&services, key, name)?;
            let clock = Clock::real();
            acds.push(bring(ledger.clone(), acd, range, clock, &told, &gracefully).await?);
        }
        anyhow::Ok(acds)
    };
    let stopping = async {
        stop.requested().await;
        gracefully.cancel();
        std::future::pending::<()>().await;
    };
    let acds = tokio::select! {
        brought = bringing => brought?,
        () = stopping => Vec::new(),
    };
    progress.finish();
    ledger.close().await;
    let report = HistoryReport::new(false, acds);
    open::print(global, &report)?;
    Ok(if stop.is_requested() && !report.is_done() {
        Exit::Interrupted
    } else {
        Exit::Ok
    })
}

/// Tells what would be delivered, beside whoever works on the ledger; writes nothing.
async fn look(
    global: &Global,
    config: &Config,
    chosen: &[(AcdKey, String)],
    range: (DateTime<Utc>, DateTime<Utc>),
) -> Result<Exit> {
    let secrets = Arc::new(config.resolve_secrets(&SystemSecrets)?);
    let services = open::services(config, &secrets, None).await?;
    for (key, name) in chosen {
        of(&services, key, name)?;
    }
    let (ledger, _) = open::ledger_beside(config).await?;
    let progress = Progress::new(Terminal::stderr(), None, "bytes of reports");
    let told = |bytes| progress.set(bytes);
    let mut acds = Vec::new();
    for (key, name) in chosen {
        let acd = of(&services, key, name)?;
        let clock = Clock::real();
        acds.push(preview_history(ledger.clone(), acd, range, SAMPLE, clock, &told).await?);
    }
    progress.finish();
    open::print(global, &HistoryReport::new(true, acds))?;
    Ok(Exit::Ok)
}

/// What it takes to pull reports of an ACD.
fn of<'a>(services: &'a [AcdServices], key: &AcdKey, name: &str) -> Result<&'a AcdServices> {
    let found = services.iter().find(|acd| acd.key == *key);
    let found = found.with_context(|| format!("ACD {name} has no services"))?;
    if found.history.is_none() {
        let acd = name.to_owned();
        return Err(PipelineError::NoHistory { acd }.into());
    }
    Ok(found)
}
