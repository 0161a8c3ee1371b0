//! `history`: a range, as far as it differs from what was delivered.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use chrono::Utc;
use connector_config::SystemSecrets;
use service_runtime::{Exit, Progress, Signals, Stop, Terminal};
use sync_ledger::{AcdStore as _, Wish, WishStore as _};
use wfm_pipeline::report::{AcdHistory, HistoryReport, history as pull};
use wfm_pipeline::{Clock, Until};

use super::run::{Working, work};
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
    let ledger = match open::ledger_to_change(&config).await? {
        // Its worker has the tokens of Flex Insights and the order of batches: it carries this out.
        Access::Beside(ledger) if !asked.dry_run => {
            let mut acds = Vec::new();
            for (acd, name) in chosen {
                let (from, to) = range;
                let wish = ledger
                    .put(&Wish::History { acd, from, to }, Utc::now())
                    .await?;
                acds.push(AcdHistory {
                    acd: name,
                    wish: Some(wish.0),
                    reports: Vec::new(),
                });
            }
            open::print(
                global,
                &HistoryReport {
                    dry_run: false,
                    acds,
                },
            )?;
            return Ok(Exit::Ok);
        }
        Access::Beside(ledger) | Access::Worker(ledger) => ledger,
    };
    let secrets = Arc::new(config.resolve_secrets(&SystemSecrets)?);
    let services = open::services(&config, &secrets, None).await?;
    let progress = Progress::new(Terminal::stderr(), None, "bytes of reports");
    let mut acds = Vec::new();
    let told = |bytes| progress.set(bytes);
    for (key, name) in &chosen {
        let acd = services.iter().find(|acd| acd.key == *key);
        let acd = acd.with_context(|| format!("ACD {name} has no services"))?;
        if !asked.dry_run {
            ledger.register(key, name).await?;
        }
        let found = pull(
            ledger.clone(),
            acd,
            range,
            asked.dry_run,
            if asked.dry_run { SAMPLE } else { 0 },
            Clock::real(),
            &told,
        );
        acds.push(found.await?);
    }
    progress.finish();
    if !asked.dry_run {
        let stop = Stop::new();
        let _signals = Signals::listen(&stop)?;
        // The worker delivers what waits, and everything else that is due; a stop leaves the rest to the next start.
        let working = Working {
            config: &config,
            secrets,
            ledger,
            clock: Clock::real(),
        };
        let ended = tokio::time::timeout(
            Duration::from_hours(24),
            Box::pin(work(working, &stop, Until::Idle)),
        );
        ended
            .await
            .context("intervals still wait after a day; `status` tells why")??;
    }
    open::print(
        global,
        &HistoryReport {
            dry_run: asked.dry_run,
            acds,
        },
    )?;
    Ok(Exit::Ok)
}
