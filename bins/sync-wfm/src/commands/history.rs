//! `history`: a range, as far as it differs from what was delivered.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use command_line::{Access, Told, exit_if, gracefully};
use connector_config::{Config, Secrets, SystemSecrets};
use contact_model::AcdKey;
use service_runtime::{Exit, Progress, Signals, Stop, Terminal};
use sync_ledger::{SqliteLedger, Wish, WishStore as _};
use tokio_util::sync::CancellationToken;
use wfm_pipeline::report::{AcdHistory, HistoryReport, history as bring, preview_history};
use wfm_pipeline::{AcdServices, Clock, PipelineError};

use crate::cli::{Global, History};
use crate::open;

/// How many changes a dry run shows in JSON.
const SAMPLE: usize = 100;

/// An ACD, and the range of it that is meant: days are days of its zone.
struct Meant {
    key: AcdKey,
    name: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Meant {
    /// What it takes to work for it.
    fn of<'a>(&self, services: &'a [AcdServices]) -> Result<&'a AcdServices> {
        let found = services.iter().find(|acd| acd.key == self.key);
        found.with_context(|| format!("ACD {} has no services", self.name))
    }
}

/// The ACDs that are meant. Nothing is opened or asked before all of them are known to have history, and a range.
fn meant(config: &Config, asked: &History) -> Result<Vec<Meant>> {
    let name = asked.of.acd.as_deref();
    let acds = open::acds(config, name)?;
    let first = acds.first().map(|acd| acd.name.clone());
    let mut meant = Vec::new();
    for acd in acds.into_iter().filter(|acd| acd.wfm.history) {
        let (from, to) = (
            asked.from.begins_in(acd.time_zone),
            asked.to.begins_in(acd.time_zone),
        );
        if from >= to {
            let what = format!(
                "--from must lie before --to: for {}, in {}, the range would go from {} to {}",
                acd.name,
                acd.time_zone,
                acd.time_zone.to_local(from).to_rfc3339(),
                acd.time_zone.to_local(to).to_rfc3339()
            );
            return Err(Told::usage(what, "give a beginning that lies before the end").into());
        }
        meant.push(Meant {
            key: acd.key(),
            name: acd.name.clone(),
            from,
            to,
        });
    }
    if meant.is_empty() {
        return Err(match first {
            Some(acd) => PipelineError::NoHistory { acd },
            None => PipelineError::NothingOn,
        }
        .into());
    }
    Ok(meant)
}

pub(super) async fn history(global: &Global, asked: &History) -> Result<Exit> {
    let config = global.configuration()?;
    let meant = meant(&config, asked)?;
    let secrets = Arc::new(config.resolve_secrets(&SystemSecrets)?);
    let file = open::ledger_under(&config, &secrets)?;
    let dry_run = asked.dry_run;
    let (acds, exit) = if dry_run {
        // It reads what was delivered, beside a worker or without one, and writes nothing.
        let (ledger, _) = file.beside().await?;
        (looked(&config, &secrets, &ledger, &meant).await?, Exit::Ok)
    } else {
        match file.to_work().await? {
            // Its worker has the tokens of Flex Insights and the order of batches: it carries this out.
            Access::Beside(ledger) => (wished(&ledger, meant).await?, Exit::Ok),
            Access::Worker(ledger) => brought(&config, &secrets, ledger, &meant).await?,
        }
    };
    global.print(&HistoryReport::new(dry_run, acds))?;
    Ok(exit)
}

async fn wished(ledger: &SqliteLedger, meant: Vec<Meant>) -> Result<Vec<AcdHistory>> {
    let mut acds = Vec::new();
    for one in meant {
        let (acd, from, to) = (one.key, one.from, one.to);
        let wish = Wish::History { acd, from, to };
        let wish = ledger.put(&wish, Utc::now()).await?;
        acds.push(AcdHistory::wished(one.name, (from, to), wish));
    }
    Ok(acds)
}

/// What would be delivered.
async fn looked(
    config: &Config,
    secrets: &Arc<Secrets>,
    ledger: &SqliteLedger,
    meant: &[Meant],
) -> Result<Vec<AcdHistory>> {
    let services = open::services(config, secrets, None).await?;
    let progress = Progress::new(Terminal::stderr(), None, "bytes of reports");
    let told = |bytes| progress.set(bytes);
    let mut acds = Vec::new();
    for one in meant {
        let (acd, range) = (one.of(&services)?, (one.from, one.to));
        let found = preview_history(ledger.clone(), acd, range, SAMPLE, Clock::real(), &told);
        acds.push(found.await?);
    }
    progress.finish();
    Ok(acds)
}

/// Brings the ranges to Calabrio; a stop leaves the rest to the next start.
async fn brought(
    config: &Config,
    secrets: &Arc<Secrets>,
    ledger: SqliteLedger,
    meant: &[Meant],
) -> Result<(Vec<AcdHistory>, Exit)> {
    let services = open::services(config, secrets, None).await?;
    let stop = Stop::new();
    let _signals = Signals::listen(&stop)?;
    let progress = Progress::new(Terminal::stderr(), None, "bytes of reports");
    let told = |bytes| progress.set(bytes);
    let bringing = |asked: CancellationToken| {
        let (ledger, services, told) = (&ledger, &services, &told);
        async move {
            let mut acds = Vec::new();
            for one in meant {
                let (acd, range) = (one.of(services)?, (one.from, one.to));
                let clock = Clock::real();
                acds.push(bring(ledger.clone(), acd, range, clock, told, &asked).await?);
            }
            anyhow::Ok(acds)
        }
    };
    let ended = gracefully(&stop, bringing).await;
    progress.finish();
    ledger.close().await;
    // A stop at once leaves all of it.
    let acds = ended.transpose()?.unwrap_or_default();
    let done = acds.len() == meant.len() && acds.iter().all(|acd| acd.waiting == 0);
    Ok((acds, exit_if(done, Exit::Interrupted)))
}
