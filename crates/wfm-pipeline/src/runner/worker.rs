//! The one worker of a ledger.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contact_model::AcdKey;
use ledger_intake::{Intake, Watcher};
use serde::Serialize;
use sync_ledger::{AcdStore, Inbox, IntervalStore, PushedEvent, RosterStore, WishStore};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wfm_history::Report;

use super::live::{Feeds, Live, Standing};
use super::start::Starting;
use super::sweep::sweep;
use super::{Core, Witness, backlog, history, live, roster, wishes};
use crate::clock::Clock;
use crate::error::PipelineError;
use crate::services::AcdServices;

/// How often it is looked whether nothing is left to be done.
const LOOK: Duration = Duration::from_millis(200);

/// How long a logout may take.
const LOGOUT: Duration = Duration::from_secs(5);

/// What a ledger has to do for a worker.
pub trait WfmLedger:
    AcdStore + IntervalStore + RosterStore + Inbox + WishStore + Clone + 'static
{
}

impl<T> WfmLedger for T where
    T: AcdStore + IntervalStore + RosterStore + Inbox + WishStore + Clone + 'static
{
}

/// For how long a worker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until it is stopped.
    Stopped,
    /// Until agents and queues were synchronised, every report was pulled once, every batch is delivered, refused or set aside, and
    /// Calabrio has every agent's newest state.
    Idle,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RunReport {
    /// Whether the run ended because nothing was left to be done.
    pub idle: bool,
}

/// The one worker of a ledger. Its owner holds the ledger's [lock](sync_ledger::WorkerLock).
pub struct Worker<L: WfmLedger> {
    core: Arc<Core<L>>,
    acds: Vec<Arc<AcdServices>>,
    feeds: Feeds,
    groups: mpsc::Receiver<Vec<PushedEvent>>,
    intake: Option<Intake<L>>,
    retain: Duration,
}

impl<L: WfmLedger> Worker<L> {
    /// A worker for these ACDs. Intervals are kept in the ledger for `retain`.
    pub fn new(
        services: Vec<AcdServices>,
        ledger: L,
        clock: Clock,
        witness: Arc<dyn Witness>,
        retain: Duration,
    ) -> Self {
        let lives = services
            .iter()
            .filter_map(|acd| Some((acd.key.clone(), Live::new(acd.adherence.as_ref()?))))
            .collect();
        let (feeds, groups) = Feeds::new(lives);
        Self {
            core: Arc::new(Core {
                ledger,
                clock,
                witness,
                wake: Notify::new(),
            }),
            acds: services.into_iter().map(Arc::new).collect(),
            feeds,
            groups,
            intake: None,
            retain,
        }
    }

    /// What the listener for pushed events tells of them: give it to [`Intake::bind`], and the listener to
    /// [`with_intake`](Self::with_intake).
    pub fn watcher(&self) -> Arc<dyn Watcher> {
        Arc::new(HandOver {
            feeds: self.feeds.clone(),
            witness: Arc::clone(&self.core.witness),
        })
    }

    /// Takes pushed events as well.
    pub fn with_intake(mut self, intake: Option<Intake<L>>) -> Self {
        self.intake = intake;
        self
    }

    /// The live states of each ACD that has adherence on.
    pub fn lives(&self) -> BTreeMap<AcdKey, Live> {
        self.feeds.lives.as_ref().clone()
    }

    /// Runs. A stop leaves what is on its way: what was delivered and not written down is delivered again as the same delivery.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Ledger`] where the ACDs cannot be registered, [`PipelineError::NothingOn`] where there is nothing to do;
    /// [`PipelineError::Refused`] where a vendor refuses, before it ever accepted, the credentials or what is asked of;
    /// [`PipelineError::IntakeEnded`] where the listener for pushed events broke off.
    pub async fn run(
        mut self,
        stop: CancellationToken,
        until: Until,
    ) -> Result<RunReport, PipelineError> {
        if self
            .acds
            .iter()
            .all(|acd| acd.history.is_none() && acd.adherence.is_none())
        {
            return Err(PipelineError::NothingOn);
        }
        for acd in &self.acds {
            self.core.ledger.register(&acd.key, &acd.name).await?;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sweep(&self.acds) => {}
        }
        let background = stop.child_token();
        let mut tasks = JoinSet::new();
        let (starting, mut refused) = Starting::new();
        let firsts = Arc::new(AtomicUsize::new(0));
        let mut awaited = 0;
        for acd in &self.acds {
            awaited += self.begin(acd, &mut tasks, &firsts, &starting, &background);
        }
        self.begin_pushed(&mut tasks, &starting, &background);
        tasks.spawn(wishes::serve(
            Arc::clone(&self.core),
            self.acds.clone(),
            background.clone(),
        ));
        tasks.spawn(history::prune(
            Arc::clone(&self.core),
            self.acds.clone(),
            self.retain,
            background.clone(),
        ));
        tasks.spawn(backlog::watch(
            Arc::clone(&self.core),
            self.acds.clone(),
            background.clone(),
        ));
        let ended = loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break Ok(RunReport::default()),
                // They end when they are stopped, and not before.
                Some(_) = tasks.join_next() => break Err(PipelineError::BrokenOff),
                Some(refused) = refused.recv() => break Err(refused),
                () = tokio::time::sleep(LOOK) => {}
            }
            let begun = firsts.load(Ordering::Acquire) >= awaited;
            if until == Until::Idle && begun && self.is_idle().await {
                break Ok(RunReport { idle: true });
            }
        };
        background.cancel();
        while tasks.join_next().await.is_some() {}
        for history in self.acds.iter().filter_map(|acd| acd.history.as_ref()) {
            // A login that is not ended ends by itself.
            let _ = tokio::time::timeout(LOGOUT, history.insights.logout()).await;
        }
        for calabrio in self.acds.iter().filter_map(|acd| acd.calabrio.as_ref()) {
            let _ = tokio::time::timeout(LOGOUT, calabrio.logout()).await;
        }
        ended
    }

    /// Begins what is done for one ACD; how many first rounds there are to wait for.
    fn begin(
        &self,
        acd: &Arc<AcdServices>,
        tasks: &mut JoinSet<()>,
        firsts: &Arc<AtomicUsize>,
        starting: &Starting,
        stop: &CancellationToken,
    ) -> usize {
        let parts = || (Arc::clone(&self.core), Arc::clone(acd));
        let (core, it) = parts();
        let (listed, told) = (CancellationToken::new(), Arc::clone(firsts));
        let live = self.feeds.lives.get(&acd.key).cloned();
        let (first, starting_, stop_) = (listed.clone(), starting.clone(), stop.clone());
        tasks.spawn(roster::keep(core, it, live, first, told, starting_, stop_));
        let mut awaited = 1;
        if let Some(services) = &acd.history {
            awaited += 1;
            let (core, it) = parts();
            let (services_, stop_, firsts) = (services.clone(), stop.clone(), Arc::clone(firsts));
            let (starting, listed) = (starting.clone(), listed.clone());
            tasks.spawn(async move {
                tokio::select! {
                    () = stop_.cancelled() => return,
                    () = listed.cancelled() => {}
                }
                history::pulls(core, it, services_, firsts, starting, stop_).await;
            });
            for report in services.reports.iter().map(|source| source.report) {
                let (core, it) = parts();
                let (services, stop) = (services.clone(), stop.clone());
                tasks.spawn(history::deliveries(core, it, services, report, stop));
            }
            if services.files.is_some() {
                let (core, it) = parts();
                tasks.spawn(history::files(core, it, services.clone(), stop.clone()));
            }
        }
        if let (Some(services), Some(live)) = (&acd.adherence, self.feeds.lives.get(&acd.key)) {
            let all = || (services.clone(), live.clone(), stop.clone());
            let ((core, it), (services_, live_, stop_)) = (parts(), all());
            tasks.spawn(live::resync(core, it, services_, live_, stop_));
            let ((core, it), (services_, live_, stop_)) = (parts(), all());
            tasks.spawn(live::deliver::deliver(
                core, it, services_, live_, listed, stop_,
            ));
            if let Some(files) = &services.files {
                let ((core, it), (_, live_, stop_)) = (parts(), all());
                tasks.spawn(live::files::watch(core, it, files.clone(), live_, stop_));
            }
            if services.poll_events.is_some() {
                let ((core, it), (services_, live_, stop_)) = (parts(), all());
                tasks.spawn(live::poll::poll_events(core, it, services_, live_, stop_));
            }
            if services.hold_budget > 0 {
                let ((core, it), (services_, live_, stop_)) = (parts(), all());
                tasks.spawn(live::poll_holds(core, it, services_, live_, stop_));
            }
        }
        awaited
    }

    fn begin_pushed(
        &mut self,
        tasks: &mut JoinSet<()>,
        starting: &Starting,
        stop: &CancellationToken,
    ) {
        let (_, nobody) = mpsc::channel(1);
        let groups = std::mem::replace(&mut self.groups, nobody);
        tasks.spawn(live::follow(self.feeds.clone(), groups, stop.clone()));
        tasks.spawn(live::settle(
            Arc::clone(&self.core),
            self.feeds.clone(),
            stop.clone(),
        ));
        let Some(intake) = self.intake.take() else {
            return;
        };
        let (starting, stop) = (starting.clone(), stop.clone());
        tasks.spawn(async move {
            if let Err(error) = intake.run(stop.cancelled()).await {
                // Whoever starts the worker again listens again.
                starting.end(PipelineError::IntakeEnded(error));
                stop.cancelled().await;
            }
        });
    }

    async fn is_idle(&self) -> bool {
        for acd in &self.acds {
            for report in [Report::AgentProductivity, Report::QueueHistory] {
                if acd.history.is_some()
                    && !matches!(
                        self.core.ledger.next_batch(&acd.key, report).await,
                        Ok(None)
                    )
                {
                    return false;
                }
            }
        }
        self.feeds
            .lives
            .values()
            .all(|live| live.standing() == Standing::Quiet)
    }
}

struct HandOver {
    feeds: Feeds,
    witness: Arc<dyn Witness>,
}

impl Watcher for HandOver {
    fn committed(&self, events: Vec<PushedEvent>) {
        self.feeds.hand_over(events);
    }

    fn count(&self, acd: &str, what: &'static str, count: u64) {
        self.witness.pushed(acd, what, count);
    }
}
