//! `check --live-contact`: one synthetic contact for each product through the real Calabrio ONE.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::Utc;
use connection_check::{Question, Status, check_fields};
use connector_config::{Config, Secrets};
use qm_pipeline::AcdServices;
use qm_pipeline::report::AcdNames;
use qm_pipeline::report::live_contact::{
    LiveContact, LiveContactReport, Patience, Synthetic, live_contact, remember,
};
use service_runtime::{Exit, Progress, Terminal};
use sync_ledger::{AcdStore as _, SqliteLedger};
use twilio_sid::WorkerSid;

use crate::cli::{Check, Global};
use crate::open;
use command_line::Access;
use command_line::Told;

pub(super) async fn check(global: &Global, asked: &Check) -> Result<Exit> {
    let config = global.configuration()?;
    AcdNames::configured(&config).find_some(asked.of.acd.as_deref())?;
    let secrets = Arc::new(open::secrets(&config)?);
    let wait = asked.live.wait.map_or_else(
        || config.timing.processing_wait.min(Patience::WAIT),
        Duration::from_secs,
    );
    let trial = Trial {
        acd: asked.of.acd.as_deref(),
        agent: asked.live.agent,
        patience: Patience::new(wait),
    };
    let report = trial.run(&config, secrets).await?;
    global.print(&report)?;
    Ok(command_line::exit_if(report.confirmed(), Exit::CheckFailed))
}

/// What is tried, and how.
pub(crate) struct Trial<'a> {
    /// At this ACD only.
    pub(crate) acd: Option<&'a str>,
    /// Whom the contacts are for.
    pub(crate) agent: Option<WorkerSid>,
    /// How long is waited for each.
    pub(crate) patience: Patience,
}

impl Trial<'_> {
    /// Sends the contacts, and remembers in the ledger what they showed.
    pub(crate) async fn run(
        &self,
        config: &Config,
        secrets: Arc<Secrets>,
    ) -> Result<LiveContactReport> {
        let services = open::services(config, Arc::clone(&secrets), None).await?;
        let services = open::chosen(services, config, self.acd)?;
        make_ledger(config, &secrets, &services).await?;
        let mut acds = Vec::new();
        for services in &services {
            let sent = self.send(services).await;
            // A session that is not closed ends by itself.
            let _ = services.calabrio.logout().await;
            let found = sent?;
            // A worker may run beside it: this is one short transaction for each assumption, and nothing that a worker writes.
            let (ledger, _) = open::ledger(config)?.beside().await?;
            remember(&ledger, &services.acd.key(), &found, Utc::now()).await?;
            ledger.close().await;
            acds.push(found);
        }
        Ok(LiveContactReport { acds })
    }

    async fn send(&self, services: &AcdServices) -> Result<LiveContact> {
        let AcdServices { acd, calabrio, .. } = services;
        let fields = calabrio
            .metadata_fields()
            .await
            .with_context(|| format!("the metadata fields of {} cannot be seen", acd.name))?;
        let leg_key = check_fields(acd, &fields);
        let missing = leg_key
            .rows_of(Question::LegKeyField)
            .find(|row| row.status == Status::Fail);
        if let Some(row) = missing {
            // Without it the contact could not be found again.
            let what = format!("nothing is sent for {}: {}", acd.name, row.detail);
            return Err(Told::check(what, "correct it, then run: sync-qm check").into());
        }
        let synthetic = Synthetic::new(acd, self.agent, Utc::now())?;
        if synthetic.contacts.is_empty() {
            let what = format!("{} has no product that carries contacts", acd.name);
            return Err(
                Told::usage(what, "set products.quality_management, or name another ACD").into(),
            );
        }
        let progress = Progress::new(Terminal::stderr(), None, "sending");
        let tell = |what: &str| progress.tell(what);
        let found = live_contact(&acd.name, calabrio, &synthetic, self.patience, &tell).await;
        progress.finish();
        Ok(found)
    }
}

/// Sees to it that there is a ledger that knows the ACDs, and lets go of it: the wait is long, and a worker may want to start.
async fn make_ledger(config: &Config, secrets: &Secrets, services: &[AcdServices]) -> Result<()> {
    let register = async |ledger: &SqliteLedger| {
        for services in services {
            let acd = &services.acd;
            ledger.register(&acd.key(), &acd.name).await?;
        }
        anyhow::Ok(())
    };
    match open::ledger_under(config, secrets)?.to_fill().await? {
        Access::Worker(ledger) | Access::Beside(ledger) => {
            register(&ledger).await?;
            ledger.close().await;
        }
    }
    Ok(())
}
