//! `run`: the worker.

use std::sync::Arc;

use anyhow::Result;
use command_line::gracefully;
use connector_config::{Config, Product, Secrets, SystemSecrets};
use ledger_intake::Intake;
use serde::Serialize;
use service_runtime::{Exit, Page, Report, Signals, Stop, init_logs};
use sync_ledger::SqliteLedger;
use wfm_pipeline::{Clock, PipelineError, RunReport, Until, Worker};

use crate::cli::{Global, Run};
use crate::open;
use crate::watch::{Calls, Watch};

/// What a worker works with.
pub(crate) struct Working<'a> {
    pub(crate) config: &'a Config,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) ledger: SqliteLedger,
    pub(crate) clock: Clock,
}

#[derive(Debug, Serialize)]
struct Ran(RunReport);

impl Report for Ran {
    fn page(&self, page: &mut Page) {
        page.line(if self.0.idle {
            "everything is delivered or set aside"
        } else {
            "stopped; what was on its way is taken up after the next start"
        });
    }
}

pub(super) async fn run(global: &Global, run: &Run) -> Result<Exit> {
    let config = global.configuration();
    init_logs(&global.log_settings(config.as_ref().ok()))?;
    let config = config?;
    for warning in config.warnings() {
        tracing::warn!(field = warning.field, "{warning}");
    }
    let secrets = Arc::new(config.resolve_secrets(&SystemSecrets)?);
    let stop = Stop::new();
    let _signals = Signals::listen(&stop)?;
    let until = if run.until_idle {
        Until::Idle
    } else {
        Until::Stopped
    };
    let ledger = open::ledger_under(&config, &secrets)?.as_worker().await?;
    let working = Working {
        config: &config,
        secrets,
        ledger,
        clock: Clock::real(),
    };
    match Box::pin(work(working, &stop, until)).await? {
        None => Ok(Exit::Interrupted),
        Some(report) => {
            global.print(&Ran(report))?;
            Ok(Exit::Ok)
        }
    }
}

/// The worker, from its ledger to its end: what `run` and `demo` have in common. `None` where it was stopped at once.
pub(crate) async fn work(
    working: Working<'_>,
    stop: &Stop,
    until: Until,
) -> Result<Option<RunReport>> {
    let Working {
        config,
        secrets,
        ledger,
        clock,
    } = working;
    let watch = Watch::new();
    let mut listening = watch
        .listen(config, secrets.bearer_token.clone(), stop)
        .await?;
    let observer = Arc::new(Calls(Arc::clone(&watch)));
    let services = open::services(config, &secrets, Some(observer)).await?;
    let worker = Worker::new(
        services,
        ledger.clone(),
        clock,
        Arc::clone(&watch) as _,
        config.ledger.retain_rows,
    );
    let intake = Intake::bind(
        config,
        Product::WorkforceManagement,
        &secrets,
        ledger.clone(),
        worker.watcher(),
    )
    .await
    .map_err(PipelineError::from)?;
    let worker = worker.with_intake(intake);
    watch.begun();
    let ended = gracefully(stop, |asked| worker.run(asked, until)).await;
    listening.shutdown().await;
    let Some(report) = ended else {
        return Ok(None);
    };
    let report = report?;
    ledger.close().await;
    Ok(Some(report))
}
