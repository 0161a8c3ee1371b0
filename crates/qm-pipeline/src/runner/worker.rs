//! The one worker of a ledger.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use calabrio_client::CalabrioClient;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use connector_config::{Config, Reconcile};
use ledger_intake::Intake;
use recording_spool::Spool;
use serde::Serialize;
use sync_ledger::{Ledger, LedgerError, Retention};
use tokio::sync::{Mutex, Notify, OnceCell, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use webhook_delivery::Deliverer;

use super::acd::AcdRuntime;
use super::agents;
use super::finder::Finder;
use super::people::Directory;
use super::room::TranscriptRoom;
use super::schedule::{LEDGER_PAUSE, Turns};
use super::screen::Screen;
use super::webhooks::LedgerOutbox;
use super::{
    Core, Health, Nobody, Witness, discover, holds, pushed, reconcile, screen, sources, wishes,
};
use crate::connect::AcdServices;
use crate::error::PipelineError;
use crate::policy::{Rules, ScreenMessage};
use crate::report::AcdNames;

/// How often the ledger is looked at although nothing in this process says that something is due.
const LOOK: Duration = Duration::from_secs(1);

/// How often what is older than the retention is dropped, and how much at a time.
const PRUNE: (Duration, u32) = (Duration::from_mins(10), 500);

/// For how long a worker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until it is stopped.
    Stopped,
    /// Until everything that had ended when it started is discovered, and every contact is at its end or parked.
    Idle,
}

/// What a run did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RunReport {
    /// Turns that contacts had.
    pub turns: u64,
    /// How often contacts came to a stage, by its name.
    pub reached: BTreeMap<String, u64>,
    /// Whether the run ended because nothing was left to be done.
    pub idle: bool,
    /// Turns that were cut off because they did not end within the grace of a stop.
    pub cut_off: u64,
}

/// The one worker of a ledger. Its owner holds the ledger's [lock](sync_ledger::WorkerLock).
pub struct Worker<L: Ledger> {
    core: Arc<Core<L>>,
    acds: Vec<Arc<AcdRuntime>>,
    finders: JoinSet<()>,
    intake: Option<Intake<L>>,
    deliverer: Option<Deliverer<LedgerOutbox<L>>>,
    screens: Vec<(CalabrioClient, Screen, mpsc::Receiver<ScreenMessage>)>,
    stop_grace: Duration,
    retention: Retention,
    reconcile: Reconcile,
    started: DateTime<Utc>,
}

impl<L: Ledger> Worker<L> {
    /// A worker for these ACDs. Must be called within a runtime.
    pub fn new(config: &Config, services: Vec<AcdServices>, ledger: L, spool: Spool) -> Self {
        Self::with_witness(config, services, ledger, spool, Arc::new(Nobody))
    }

    /// The same, watched.
    pub fn with_witness(
        config: &Config,
        services: Vec<AcdServices>,
        ledger: L,
        spool: Spool,
        witness: Arc<dyn Witness>,
    ) -> Self {
        let started = Utc::now();
        let state = Arc::new(Health::default());
        let (mut finders, mut screens) = (JoinSet::new(), Vec::new());
        let acds = services
            .into_iter()
            .map(|services| {
                let screen = services.acd.rte_messaging.then(|| {
                    let holds = services.acd.screen_recording.holds;
                    let (screen, messages) = Screen::new(holds, Arc::clone(&witness));
                    screens.push((services.calabrio.clone(), screen.clone(), messages));
                    screen
                });
                let parts = (&mut finders, screen);
                Arc::new(runtime(services, config, started, &state, parts))
            })
            .collect();
        let days = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        Self {
            core: Arc::new(Core {
                ledger,
                spool,
                witness,
                state,
                names: AcdNames::configured(config),
                clock: Utc::now,
                stopping: CancellationToken::new(),
                wake: Notify::new(),
                pushed: Arc::default(),
                told: Notify::new(),
                sources: Mutex::new(()),
            }),
            acds,
            finders,
            intake: None,
            deliverer: None,
            screens,
            stop_grace: config.runtime.stop_grace,
            retention: Retention {
                details: days(config.ledger.retain_details),
                rows: days(config.ledger.retain_rows),
            },
            reconcile: config.reconcile.clone(),
            started,
        }
    }

    /// Takes pushed events as well.
    pub fn with_intake(mut self, intake: Option<Intake<L>>) -> Self {
        self.intake = intake;
        self
    }

    /// Delivers webhooks as well.
    pub fn with_deliverer(mut self, deliverer: Deliverer<LedgerOutbox<L>>) -> Self {
        self.deliverer = Some(deliverer);
        self
    }

    /// Is to be notified when events were put into the inbox.
    pub fn pushed(&self) -> Arc<Notify> {
        Arc::clone(&self.core.pushed)
    }

    /// What the worker knows of itself, while it runs.
    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.core.state)
    }

    /// Runs. A stop lets turns that are under way come to their end within the configured grace, then cuts them off: what
    /// was cut off is taken up after the next start.
    pub async fn run(
        mut self,
        stop: CancellationToken,
        until: Until,
    ) -> Result<RunReport, PipelineError> {
        for acd in &self.acds {
            self.core
                .ledger
                .register(&acd.key, &acd.config.name)
                .await?;
            self.core.state.known(&acd.key);
        }
        let background = stop.child_token();
        let mut tasks = JoinSet::new();
        for acd in &self.acds {
            tasks.spawn(discover::live(
                Arc::clone(&self.core),
                Arc::clone(acd),
                background.clone(),
            ));
        }
        if let Some(intake) = self.intake.take() {
            let stop = background.clone();
            tasks.spawn(async move {
                if let Err(error) = intake.run(stop.cancelled()).await {
                    tracing::error!(%error, "pushed events are taken no more; the Events API tells of contacts all the same");
                    stop.cancelled().await;
                }
            });
        }
        if let Some(deliverer) = self.deliverer.take() {
            let (stop, core) = (background.clone(), Arc::clone(&self.core));
            tasks.spawn(async move {
                let wake = deliverer.wake();
                let woken = async {
                    loop {
                        core.told.notified().await;
                        wake.wake();
                    }
                };
                tokio::select! {
                    () = deliverer.run(stop.cancelled()) => {}
                    () = woken => {}
                }
            });
        }
        tasks.spawn(pushed::process(
            Arc::clone(&self.core),
            self.acds.clone(),
            background.clone(),
        ));
        for (acd, screen, messages) in std::mem::take(&mut self.screens) {
            tasks.spawn(screen::serve(
                Arc::clone(&self.core),
                acd,
                screen,
                messages,
                background.clone(),
            ));
        }
        for acd in self.acds.iter().filter(|acd| acd.config.hold.poll) {
            tasks.spawn(holds::poll(
                Arc::clone(&self.core),
                Arc::clone(acd),
                background.clone(),
            ));
        }
        sources::begin(&self.core, &self.acds, &background, &mut tasks);
        // Whoever starts a worker that ends by itself asks for accounts.
        if until == Until::Stopped {
            let parts = (&self.core, &self.acds[..], &background);
            reconcile::begin(parts, &self.reconcile, &mut tasks);
        }
        agents::spawn(&mut tasks, &self.core, &self.acds, &background);
        tasks.spawn(wishes::serve(
            Arc::clone(&self.core),
            self.acds.clone(),
            background.clone(),
        ));
        tasks.spawn(prune(
            Arc::clone(&self.core),
            self.retention,
            background.clone(),
        ));

        let mut report = RunReport::default();
        let mut finders = std::mem::take(&mut self.finders);
        let parts = (&mut tasks, &mut finders);
        let ended = self.serve(&stop, until, parts, &mut report).await;
        background.cancel();
        while tasks.join_next().await.is_some() {}
        finders.shutdown().await;
        for acd in &self.acds {
            // A session that is not closed ends by itself.
            let _ = tokio::time::timeout(Duration::from_secs(5), acd.calabrio.logout()).await;
        }
        ended.map(|()| report)
    }

    async fn serve(
        &self,
        stop: &CancellationToken,
        until: Until,
        (background, finders): (&mut JoinSet<()>, &mut JoinSet<()>),
        report: &mut RunReport,
    ) -> Result<(), PipelineError> {
        let mut turns = Turns::default();
        let mut pause = Duration::ZERO;
        while !stop.is_cancelled() {
            if let Err(error) = turns.claim(&self.core, &self.acds).await {
                tracing::error!(%error, "the ledger cannot be used");
                pause = LEDGER_PAUSE;
            }
            if until == Until::Idle && turns.is_empty() && self.is_idle().await.unwrap_or(false) {
                report.idle = true;
                return Ok(());
            }
            if pause.is_zero() {
                pause = self.pause(&turns).await;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(turned) = turns.next() => pause = turns.note(turned, report),
                // They end when they are stopped, and not before.
                Some(_) = background.join_next() => return Err(PipelineError::BrokenOff),
                Some(_) = finders.join_next() => return Err(PipelineError::BrokenOff),
                () = self.core.wake.notified() => pause = Duration::ZERO,
                () = tokio::time::sleep(pause) => pause = Duration::ZERO,
            }
        }
        self.core.stopping.cancel();
        let grace = tokio::time::sleep(self.stop_grace);
        tokio::pin!(grace);
        loop {
            tokio::select! {
                turned = turns.next() => match turned {
                    Some(turned) => drop(turns.note(turned, report)),
                    None => return Ok(()),
                },
                () = &mut grace => {
                    report.cut_off = turns.len() as u64;
                    tracing::warn!(turns = report.cut_off, "turns did not end in time and are cut off");
                    turns.cut_off().await;
                    return Ok(());
                }
            }
        }
    }

    /// How long to wait when nothing happens: until the next contact is due, and no longer than a second, since other
    /// processes leave wishes and changes too.
    async fn pause(&self, turns: &Turns) -> Duration {
        let mut pause = LOOK;
        for acd in &self.acds {
            if turns.room(&acd.key, self.acds.len()) == 0 {
                continue;
            }
            if let Ok(Some(due)) = self.core.ledger.next_due(Some(&acd.key)).await {
                let wait = (due - self.core.now()).to_std().unwrap_or(Duration::ZERO);
                pause = pause.min(wait.max(MINIMAL));
            }
        }
        pause
    }

    async fn is_idle(&self) -> Result<bool, LedgerError> {
        // Events carry whole seconds: what ended in the second of the start counts.
        let started = self
            .started
            .duration_trunc(TimeDelta::seconds(1))
            .unwrap_or(self.started);
        if !self.core.state.has_passed(started) {
            return Ok(false);
        }
        for acd in &self.acds {
            let counts = self.core.ledger.counts(Some(&acd.key)).await?;
            if counts
                .iter()
                .any(|count| !count.stage.is_final() && count.contacts > 0)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The shortest pause, so that a contact that is due and held by somebody does not make the worker spin.
const MINIMAL: Duration = Duration::from_millis(10);

fn runtime(
    services: AcdServices,
    config: &Config,
    started: DateTime<Utc>,
    state: &Health,
    (finders, screen): (&mut JoinSet<()>, Option<Screen>),
) -> AcdRuntime {
    let key = services.acd.key();
    state.known(&key);
    let (finder, work) = Finder::new(services.calabrio.clone());
    finders.spawn(work);
    let keys = services
        .keys
        .iter()
        .map(recording_crypto::RingEntry::sid)
        .collect();
    AcdRuntime {
        key,
        rules: Rules::new(&services.acd, &config.timing, keys, started),
        twilio: services.twilio,
        keys: services.keys,
        directory: Directory::new(services.calabrio.clone()),
        calabrio: services.calabrio,
        screen,
        chat_service: OnceCell::new(),
        mapping: services.mapping,
        transcripts: TranscriptRoom::new(
            config.limits.memory.as_bytes() / 2,
            services.acd.digital.max_transcript.as_bytes(),
        ),
        fetches: transfers(config.limits.twilio_in_flight, config),
        uploads: transfers(config.limits.calabrio_in_flight, config),
        finder,
        config: services.acd,
    }
}

/// What one transfer may hold in its buffers, measured: pieces on their way to and from the spool, and what HTTP reads ahead.
const TRANSFER_MEMORY: u64 = 1024 * 1024;

/// How many transfers there may be at a time: one less than the vendor's slots, since a transfer takes long and questions must
/// not wait for it; and no more than half of `limits.memory` has room for, since fetching and sending share it.
fn transfers(in_flight: u16, config: &Config) -> Arc<Semaphore> {
    let room = config.limits.memory.as_bytes() / 2 / TRANSFER_MEMORY;
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    Arc::new(Semaphore::new(
        usize::from(in_flight.saturating_sub(1)).min(room).max(1),
    ))
}

async fn prune<L: Ledger>(core: Arc<Core<L>>, retention: Retention, stop: CancellationToken) {
    loop {
        let pause = match core.ledger.prune(core.now(), &retention, PRUNE.1).await {
            Ok(pruned) if pruned.more => MINIMAL,
            Ok(_) => PRUNE.0,
            Err(error) => {
                tracing::error!(%error, "what is older than the retention could not be dropped");
                PRUNE.0
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
