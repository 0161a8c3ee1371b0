//! Live states of one ACD: from events, snapshots and answers about hold to the newest state of each agent at Calabrio.

pub(crate) mod deliver;
pub(crate) mod files;
pub(crate) mod poll;
mod refused;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use flex_events::{Pushed, WireForm};
use sync_ledger::{Inbox, LedgerError, ProcessedEvent, PushedEvent, keep};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use twilio_client::{ParticipantFilter, TwilioError};
use twilio_sid::{ConferenceSid, TaskSid};
use wfm_delivery::{NewestStates, StateBatch};
use wfm_state_mapping::{
    ActivityMap, AgentRow, AgentStates, HoldAnswer, Resynchronised, StateChange, WorkspaceSnapshot,
};

use self::files::ToldFiles;
use self::refused::Refused;
use super::Core;
use super::workspace;
use crate::clock::{Clock, delta};
use crate::services::{AcdServices, AdherenceServices};

/// How many groups of committed events wait to be applied; what does not fit is read from the inbox.
const GROUPS: usize = 1_024;

/// How many events are read from the inbox at one time, for how long they are held, and how often it is looked at.
const CLAIM: u32 = 1_000;
const HELD: TimeDelta = TimeDelta::minutes(5);
const LOOK: Duration = Duration::from_secs(1);

/// The pause after Twilio or the ledger failed.
const PAUSE: Duration = Duration::from_secs(10);

/// How long what is over stays known, so that a late event does not revive it.
const REMEMBERED: TimeDelta = TimeDelta::hours(6);

/// How old the list of conferences may become.
const LIST_AGE: TimeDelta = TimeDelta::seconds(10);

/// The live states of one ACD.
///
/// Cheap to copy. What is heard goes in by any number of tasks; one task delivers.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// Something is to be delivered.
    deliver: Notify,
    /// The workspace is to be read anew at once.
    resync: Notify,
}

struct State {
    agents: AgentStates,
    newest: NewestStates,
    refused: Refused,
    told_files: ToldFiles,
    /// How many pushed events came since this was asked last.
    pushed: u64,
    /// Whether the whole workspace was read since the start: before that, a state might rest on half the facts.
    complete: bool,
    /// Used again and again for changes.
    changes: Vec<StateChange>,
    /// Agents beyond the limit, since it was said last.
    beyond: u64,
}

/// How deliveries stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Calabrio has every newest state.
    Quiet,
    /// Something waits or is on its way.
    Busy,
}

impl Live {
    /// For so many agents at most; nothing is known yet.
    pub fn new(services: &AdherenceServices) -> Self {
        let map = ActivityMap::new(services.activities.clone(), Vec::new(), None);
        let mut newest = NewestStates::new(services.max_agents);
        newest.outage();
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(State {
                    agents: AgentStates::new(map, services.settings.clone()),
                    newest,
                    refused: Refused::default(),
                    told_files: ToldFiles::default(),
                    pushed: 0,
                    complete: false,
                    changes: Vec::new(),
                    beyond: 0,
                }),
                deliver: Notify::new(),
                resync: Notify::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked left facts, and facts are whole one by one.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Every agent as it is known now.
    pub fn table(&self) -> Vec<AgentRow> {
        self.lock().agents.table()
    }

    /// How many agents are known, and of how many nothing decides the state.
    pub fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.agents.agent_count(), state.agents.undecided_count())
    }

    /// Whether the workspace was read as a whole since the start.
    pub fn is_complete(&self) -> bool {
        self.lock().complete
    }

    pub(crate) fn standing(&self) -> Standing {
        let state = self.lock();
        if state.complete && state.newest.is_empty() && !state.newest.wants_snapshot() {
            Standing::Quiet
        } else {
            Standing::Busy
        }
    }

    /// Takes in events of this ACD.
    pub fn apply<'a>(&self, events: impl IntoIterator<Item = &'a Pushed>) {
        let mut state = self.lock();
        for event in events {
            state.pushed += 1;
            state.hear(|agents, changes| {
                agents.on_pushed(event, changes);
            });
        }
        self.heard(state);
    }

    /// How many pushed events came since this was asked last.
    fn pushed(&self) -> u64 {
        std::mem::take(&mut self.lock().pushed)
    }

    /// Something was heard: it is delivered, and what is missing is read.
    fn heard(&self, state: MutexGuard<'_, State>) {
        let wants_activities = state.agents.wants_activities();
        drop(state);
        self.inner.deliver.notify_one();
        if wants_activities {
            self.inner.resync.notify_one();
        }
    }

    /// Reads the whole workspace and corrects what events did not tell.
    pub async fn resynchronise(
        &self,
        acd: &AcdServices,
        services: &AdherenceServices,
        clock: &Clock,
    ) -> Result<Resynchronised, TwilioError> {
        let map = workspace::activities(&acd.twilio, acd.workspace, &services.activities).await?;
        let now = clock.now();
        let most = services.resync_requests;
        let first = workspace::snapshot(&acd.twilio, acd.workspace, now, most).await?;
        let snapshot = if self.is_complete() {
            // Its lists are of different moments, and what happened last may not have been pushed yet. Who looks the same a while later
            // was at rest, and events of before have come.
            clock.sleep(services.resync_confirm).await;
            let again = workspace::snapshot(&acd.twilio, acd.workspace, clock.now(), most).await?;
            let unsettled = workspace::on_the_move(&first, &again);
            WorkspaceSnapshot { unsettled, ..first }
        } else {
            first
        };
        let mut state = self.lock();
        let mut done = Resynchronised::default();
        state.hear(|agents, changes| {
            agents.set_activities(map, changes);
            done = agents.resynchronise(&snapshot, changes);
            agents.forget_before(now - REMEMBERED);
        });
        state.complete = true;
        state.put_refused_again();
        drop(state);
        self.inner.deliver.notify_one();
        Ok(done)
    }

    /// The next batch to be delivered.
    fn take(&self, most: usize) -> Option<StateBatch> {
        let mut state = self.lock();
        if !state.complete {
            return None;
        }
        if state.newest.wants_snapshot() {
            let State { agents, newest, .. } = &mut *state;
            if let Err(error) = newest.snapshot(agents.snapshot()) {
                tracing::error!(%error, "the states of some agents are not delivered");
            }
        }
        state.newest.take(most)
    }

    /// That events could not be heard for a while: the workspace is read anew.
    pub(crate) fn missed(&self) {
        self.inner.resync.notify_one();
    }
}

impl State {
    fn hear(&mut self, hear: impl FnOnce(&mut AgentStates, &mut Vec<StateChange>)) {
        let mut changes = std::mem::take(&mut self.changes);
        hear(&mut self.agents, &mut changes);
        for change in changes.drain(..) {
            if self.newest.put(change).is_err() {
                self.beyond += 1;
            }
        }
        self.changes = changes;
    }
}

/// Reads the workspace at the start, from time to time, and whenever something asks for it.
pub(crate) async fn resync<L>(
    core: Arc<Core<L>>,
    acd: Arc<AcdServices>,
    services: AdherenceServices,
    live: Live,
    stop: CancellationToken,
) {
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => return,
            done = live.resynchronise(&acd, &services, &core.clock) => done,
        };
        let pause = match done {
            Ok(done) => {
                core.witness
                    .resynchronised(&acd.name, (done.ended + done.gone) as u64);
                tracing::debug!(acd = %acd.name, ?done, "the workspace was read");
                services.resync_every
            }
            Err(error) => {
                tracing::warn!(acd = %acd.name, %error, "the workspace cannot be read; it is tried again");
                PAUSE
            }
        };
        let beyond = std::mem::take(&mut live.lock().beyond);
        if beyond > 0 {
            tracing::error!(acd = %acd.name, states = beyond, limit = services.max_agents, "there are more agents than `wfm.max_agents`; states were not delivered");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.clock.sleep(pause) => {}
            () = live.inner.resync.notified() => {}
        }
    }
}

/// Committed events on their way to the states of their ACD, in memory: the inbox has them as well.
#[derive(Clone)]
pub(crate) struct Feeds {
    pub(crate) lives: Arc<BTreeMap<contact_model::AcdKey, Live>>,
    pub(crate) groups: mpsc::Sender<Vec<PushedEvent>>,
    /// Events were committed and could not be handed over.
    overflow: Arc<Notify>,
}

impl Feeds {
    pub(crate) fn new(
        lives: BTreeMap<contact_model::AcdKey, Live>,
    ) -> (Self, mpsc::Receiver<Vec<PushedEvent>>) {
        let (groups, receive) = mpsc::channel(GROUPS);
        let lives = Arc::new(lives);
        let overflow = Arc::default();
        let feeds = Self {
            lives,
            groups,
            overflow,
        };
        (feeds, receive)
    }

    /// Hands committed events over, or leaves them to whoever empties the inbox.
    pub(crate) fn hand_over(&self, events: Vec<PushedEvent>) {
        if self.groups.try_send(events).is_err() {
            self.overflow.notify_one();
        }
    }

    fn apply(&self, events: &[PushedEvent]) {
        let mut by_acd: BTreeMap<&contact_model::AcdKey, Vec<Pushed>> = BTreeMap::new();
        for event in events {
            if let Some(pushed) = read(event) {
                by_acd.entry(&event.acd).or_default().push(pushed);
            }
        }
        for (acd, pushed) in by_acd {
            if let Some(live) = self.lives.get(acd) {
                live.apply(&pushed);
            }
        }
    }
}

fn read(event: &PushedEvent) -> Option<Pushed> {
    let form: WireForm = event.form.parse().ok()?;
    match Pushed::read(form, &event.payload) {
        Ok(pushed) => Some(pushed),
        Err(error) => {
            tracing::warn!(event = %event.id, kind = %event.kind, %error, "a pushed event cannot be read; the next resynchronisation mends what it told");
            None
        }
    }
}

/// Applies committed events as they come.
pub(crate) async fn follow(
    feeds: Feeds,
    mut groups: mpsc::Receiver<Vec<PushedEvent>>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            group = groups.recv() => match group {
                Some(group) => feeds.apply(&group),
                None => return,
            },
        }
    }
}

/// Empties the inbox behind that: what was applied already changes nothing when it is applied again.
pub(crate) async fn settle<L: Inbox + 'static>(
    core: Arc<Core<L>>,
    feeds: Feeds,
    stop: CancellationToken,
) {
    loop {
        let pause = match settle_some(&core, &feeds).await {
            Ok(0) => LOOK,
            Ok(_) => Duration::from_millis(100),
            Err(error) => {
                tracing::error!(%error, "the inbox of pushed events cannot be emptied");
                PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = feeds.overflow.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn settle_some<L: Inbox>(core: &Core<L>, feeds: &Feeds) -> Result<usize, LedgerError> {
    // Leases are of this process alone: real time, whatever the clock of the worker.
    let now = Utc::now();
    let claimed = core.ledger.claim_events(now, CLAIM, now + HELD).await?;
    if claimed.unreadable > 0 {
        tracing::error!(
            events = claimed.unreadable,
            "pushed events cannot be unsealed and are passed over"
        );
    }
    if claimed.events.is_empty() {
        return Ok(0);
    }
    let (mut events, mut done) = (Vec::new(), Vec::new());
    for claimed in claimed.events {
        done.push(ProcessedEvent::from(claimed.claim));
        events.push(claimed.event);
    }
    feeds.apply(&events);
    core.ledger.settle_events(done, &keep, Utc::now()).await?;
    Ok(events.len())
}

/// Asks for hold where no conference tells of it, within a budget, until it is told to stop.
pub(crate) async fn poll_holds<L>(
    core: Arc<Core<L>>,
    acd: Arc<AcdServices>,
    services: AdherenceServices,
    live: Live,
    stop: CancellationToken,
) {
    let share = Duration::from_secs(1) / u32::from(services.hold_budget.max(1));
    let mut going_on = GoingOn::default();
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            asked = ask_next(&core.clock, &acd, &services, &live, &mut going_on) => asked,
        };
        let pause = match asked {
            // Each request takes its share of the second, so that the budget holds.
            Ok(true) => share,
            Ok(false) => services.hold_every.min(Duration::from_secs(1)),
            Err(error) => {
                tracing::warn!(acd = %acd.name, %error, "hold cannot be asked for; it is tried again");
                PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.clock.sleep(pause) => {}
        }
    }
}

/// The conferences that go on, as they were last listed: in Flex, a conference is named as its task.
#[derive(Default)]
pub(crate) struct GoingOn {
    listed: Option<DateTime<Utc>>,
    conferences: BTreeMap<TaskSid, ConferenceSid>,
}

/// Asks about the call that was not asked about for longest; whether a request was sent.
pub(crate) async fn ask_next(
    clock: &Clock,
    acd: &AcdServices,
    services: &AdherenceServices,
    live: &Live,
    going_on: &mut GoingOn,
) -> Result<bool, TwilioError> {
    let now = clock.now();
    let calls = live.lock().agents.untold_calls();
    let due = calls.into_iter().find(|call| {
        call.asked_at
            .is_none_or(|asked| asked + delta(services.hold_every) <= now)
            && (going_on.conferences.contains_key(&call.task) || going_on.is_old(now))
    });
    let Some(call) = due else {
        return Ok(false);
    };
    if going_on.is_old(now) {
        let listed = acd.twilio.conferences().in_progress().all().await?;
        going_on.conferences = listed
            .items
            .into_iter()
            .filter_map(|one| Some((one.friendly_name?.parse().ok()?, one.sid)))
            .collect();
        going_on.listed = Some(now);
        return Ok(true);
    }
    let Some(conference) = going_on.conferences.get(&call.task).copied() else {
        return Ok(false);
    };
    let asked_at = clock.now();
    let participants = acd
        .twilio
        .conferences()
        .participants(conference, &ParticipantFilter::default())
        .all()
        .await;
    let participants = match participants {
        Ok(listed) => listed.items,
        // It ended a moment ago.
        Err(error) if error.is_not_found() => {
            going_on.conferences.remove(&call.task);
            return Ok(true);
        }
        Err(error) => return Err(error),
    };
    let label = &services.settings.customer_label;
    let customer = participants.iter().find(|one| {
        one.coaching != Some(true)
            && one
                .label
                .as_ref()
                .is_none_or(|found| found.is_empty() || found.eq_ignore_ascii_case(label))
    });
    let on_hold = customer.and_then(|customer| customer.hold).unwrap_or(false);
    let answer = HoldAnswer {
        task: call.task,
        asked_at,
        on_hold,
        since: customer
            .filter(|_| on_hold)
            .and_then(|customer| customer.updated_at),
    };
    let mut state = live.lock();
    state.hear(|agents, changes| {
        agents.on_hold_answer(&answer, changes);
    });
    drop(state);
    live.inner.deliver.notify_one();
    Ok(true)
}

impl GoingOn {
    fn is_old(&self, now: DateTime<Utc>) -> bool {
        self.listed.is_none_or(|listed| listed + LIST_AGE <= now)
    }
}
