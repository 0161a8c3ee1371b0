//! `history`: a range, as far as it differs from what was delivered.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use command_line::{Access, Told};
use connector_config::{Config, Secrets, SystemSecrets};
use contact_model::AcdKey;
use service_runtime::{Exit, Progress, Signals, Stop, Terminal};
use sync_ledger::{AcdStore as _, SqliteLedger, Wish, WishStore as _};
use wfm_pipeline::report::{AcdHistory, HistoryReport, history as pull};
use wfm_pipeline::{Clock, PipelineError, Until};

use super::run::{Working, work};
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
        // It reads what was delivered, beside a worker or without one.
        let (ledger, _) = file.beside().await?;
        (
            pulled(&config, &secrets, &ledger, &meant, true).await?,
            Exit::Ok,
        )
    } else {
        match file.to_work().await? {
            // Its worker has the tokens of Flex Insights and the order of batches: it carries this out.
            Access::Beside(ledger) => (wished(&ledger, meant).await?, Exit::Ok),
            Access::Worker(ledger) => delivered(&config, secrets, ledger, &meant).await?,
        }
    };
    global.print(&HistoryReport { dry_run, acds })?;
    Ok(exit)
}

async fn wished(ledger: &SqliteLedger, meant: Vec<Meant>) -> Result<Vec<AcdHistory>> {
    let mut acds = Vec::new();
    for Meant {
        key,
        name,
        from,
        to,
    } in meant
    {
        let wish = Wish::History { acd: key, from, to };
        let wish = ledger.put(&wish, Utc::now()).await?;
        acds.push(AcdHistory {
            acd: name,
            from,
            to,
            wish: Some(wish.0),
            reports: Vec::new(),
        });
    }
    Ok(acds)
}

async fn pulled(
    config: &Config,
    secrets: &Arc<Secrets>,
    ledger: &SqliteLedger,
    meant: &[Meant],
    dry_run: bool,
) -> Result<Vec<AcdHistory>> {
    let services = open::services(config, secrets, None).await?;
    let progress = Progress::new(Terminal::stderr(), None, "bytes of reports");
    let told = |bytes| progress.set(bytes);
    let mut acds = Vec::new();
    for acd in meant {
        let services = services.iter().find(|one| one.key == acd.key);
        let services = services.with_context(|| format!("ACD {} has no services", acd.name))?;
        if !dry_run {
            ledger.register(&acd.key, &acd.name).await?;
        }
        let found = pull(
            ledger.clone(),
            services,
            (acd.from, acd.to),
            dry_run,
            if dry_run { SAMPLE } else { 0 },
            Clock::real(),
            &told,
        );
        acds.push(found.await?);
    }
    progress.finish();
    Ok(acds)
}

/// Pulls, and is the worker until what differs is delivered; how that ended.
async fn delivered(
    config: &Config,
    secrets: Arc<Secrets>,
    ledger: SqliteLedger,
    meant: &[Meant],
) -> Result<(Vec<AcdHistory>, Exit)> {
    let acds = pulled(config, &secrets, &ledger, meant, false).await?;
    let stop = Stop::new();
    let _signals = Signals::listen(&stop)?;
    // The worker delivers what waits, and everything else that is due; a stop leaves the rest to the next start.
    let working = Working {
        config,
        secrets,
        ledger,
        clock: Clock::real(),
    };
    let ended = tokio::time::timeout(
        Duration::from_hours(24),
        Box::pin(work(working, &stop, Until::Idle)),
    );
    let ended = ended
        .await
        .context("intervals still wait after a day; `status` tells why")??;
    let exit = ended.map_or(Exit::Interrupted, |_| Exit::Ok);
    Ok((acds, exit))
}
