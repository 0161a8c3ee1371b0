//! `run`: the worker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use command_line::gracefully;
use connector_config::{Config, Secrets};
use qm_pipeline::report::AcdNames;
use qm_pipeline::{AcdServices, LedgerOutbox, PipelineError, RunReport, Until, Worker, intake};
use recording_spool::Spool;
use service_runtime::{Exit, Signals, Stop, init_logs};
use sync_ledger::{OutboxStore as _, SqliteLedger};
use tokio::task::JoinSet;
use webhook_delivery::Deliverer;

use super::{reseal, start};
use crate::cli::{Global, Run};
use crate::open;
use crate::watch::{Calls, Watch};

/// How long a worker that ended by itself waits for what is done beside it.
const REST: Duration = Duration::from_mins(1);

/// How a worker ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// By itself, or after a graceful stop.
    Gracefully(RunReport),
    /// At once, with work under way. What was under way is taken up after the next start.
    AtOnce,
}

pub(super) async fn run(global: &Global, run: &Run) -> Result<Exit> {
    let config = global.configuration();
    init_logs(&global.log_settings(config.as_ref().ok()))?;
    let config = config?;
    for warning in config.warnings() {
        tracing::warn!(field = warning.field, "{warning}");
    }
    let secrets = open::secrets(&config)?;
    let stop = Stop::new();
    let _signals = Signals::listen(&stop)?;
    let until = if run.until_idle {
        Until::Idle
    } else {
        Until::Stopped
    };
    let ledger = open::ledger_under(&config, &secrets)?.as_worker().await?;
    match Box::pin(work(&config, secrets, ledger, &stop, until)).await? {
        Ended::AtOnce => Ok(Exit::Interrupted),
        Ended::Gracefully(report) => {
            global.print(&report)?;
            Ok(if report.cut_off == 0 {
                Exit::Ok
            } else {
                Exit::Interrupted
            })
        }
    }
}

/// Says which webhooks wait for a receiver that was taken out of the configuration: nothing else would, and their recordings stay at
/// Twilio.
async fn warn_of_webhooks_without_receiver(config: &Config, ledger: &SqliteLedger) -> Result<()> {
    for count in ledger.outbox_counts(None).await? {
        let acd = config.acds.iter().find(|acd| acd.key() == count.acd);
        let Some(acd) = acd.filter(|acd| acd.event_webhook_url.is_none()) else {
            continue;
        };
        if count.pending > 0 {
            tracing::warn!(acd = %acd.name, webhooks = count.pending, "webhooks wait, and there is no event_webhook_url to send them to: they stay, and so do the recordings of their contacts; set it again, if only until they are delivered");
        }
    }
    Ok(())
}

/// What delivers webhooks, where any ACD has one.
fn deliverer(
    config: &Config,
    services: &[AcdServices],
    ledger: &SqliteLedger,
    watch: &Arc<Watch>,
) -> Result<Option<Deliverer<LedgerOutbox<SqliteLedger>>>> {
    let endpoints: BTreeMap<_, _> = services
        .iter()
        .filter_map(|services| Some((services.acd.key(), services.webhook.clone()?)))
        .collect();
    if endpoints.is_empty() {
        return Ok(None);
    }
    let names = AcdNames::configured(config);
    let made = qm_pipeline::deliverer(
        ledger.clone(),
        &endpoints,
        &names,
        Arc::clone(watch) as _,
        open::extra_ca(config)?,
    );
    Ok(Some(made.map_err(PipelineError::from)?))
}

/// The worker, from its ledger to its end: what `run`, `backfill` and `demo` have in common.
pub(crate) async fn work(
    config: &Config,
    secrets: Secrets,
    ledger: SqliteLedger,
    stop: &Stop,
    until: Until,
) -> Result<Ended> {
    let spool = Spool::open(&config.spool.dir, config.spool.quota.as_bytes())
        .await
        .context("the spool cannot be used")?;
    let mut beside = JoinSet::new();
    let rotation = !config.ledger.old_sealing_keys.is_empty();
    beside.spawn(reseal::reseal(ledger.clone(), rotation));
    let watch = Watch::new();
    let bearer_token = secrets.bearer_token.clone();
    // Before the vendors are asked: a start that waits for one answers that it lives, and is not ready.
    let mut listening = watch.listen(config, bearer_token, stop).await?;
    let secrets = Arc::new(secrets);
    let observer = Arc::new(Calls(Arc::clone(&watch)));
    let services = open::services(config, Arc::clone(&secrets), Some(observer)).await?;
    if !start::check(&services, stop).await? {
        return Ok(Ended::Gracefully(RunReport::default()));
    }
    warn_of_webhooks_without_receiver(config, &ledger).await?;
    let deliverer = deliverer(config, &services, &ledger, &watch)?;
    let mut worker = Worker::with_witness(
        config,
        services,
        ledger.clone(),
        spool,
        Arc::clone(&watch) as _,
    );
    let intake = intake(
        config,
        &secrets,
        ledger.clone(),
        worker.pushed(),
        Arc::clone(&watch) as _,
    );
    let intake = intake.await.map_err(PipelineError::from)?;
    worker = worker.with_intake(intake);
    if let Some(deliverer) = deliverer {
        worker = worker.with_deliverer(deliverer);
    }
    listening.follow(config, worker.health(), ledger.clone());

    let ended = gracefully(stop, |asked| worker.run(asked, until)).await;
    listening.end().await;
    let Some(report) = ended else {
        return Ok(Ended::AtOnce);
    };
    let report = report?;
    // A worker that ended by itself leaves what else was to be done done.
    tokio::select! {
        _ = tokio::time::timeout(REST, beside.join_next()) => {}
        () = stop.requested() => {}
    }
    beside.shutdown().await;
    ledger.close().await;
    Ok(Ended::Gracefully(report))
}
