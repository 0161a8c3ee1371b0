//! Discovery by the Events API: live, and for backfills.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contact_model::{AcdKey, Contact, Details, Stage};
use flex_events::FlexEvent;
use sync_ledger::{
    Advance, Advanced, Backfill, BackfillState, CursorId, Ledger, NewLeg, Schedule, keep,
};
use tokio_util::sync::CancellationToken;
use twilio_client::{EventQuery, TwilioClient, TwilioError};
use twilio_sid::TaskSid;

use super::acd::AcdRuntime;
use super::ask::{EVENTS_KEPT, task_events};
use super::{Core, Step};
use crate::policy::{NextWindow, Window, ended_in, next_window};

/// The name of the Events API's live cursor in the ledger.
pub const EVENTS_STREAM: &str = "events";

/// The name of the cursor that stays where discovery began: what ended before is not this connector's to carry.
pub(super) const ORIGIN_STREAM: &str = "origin";

/// A `Date` header has whole seconds.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// How long discovery pauses after a failure at first, and at most.
pub(crate) const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// Why a window could not be discovered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoverError {
    #[error(transparent)]
    Twilio(#[from] TwilioError),
    #[error(transparent)]
    Ledger(#[from] sync_ledger::LedgerError),
}

impl DiscoverError {
    /// Whether the same may work later although nobody mends anything.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Twilio(error) => error.is_passing(),
            Self::Ledger(error) => error.is_transient(),
        }
    }
}

/// Reads one window and finds the legs that ended in it, or whose task did; none that ended before `since`.
pub(crate) async fn read_window(
    twilio: &TwilioClient,
    acd: &AcdKey,
    window: Window,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<(Contact, Details)>, TwilioError> {
    read_window_seeing(twilio, acd, window, since, now, &|_| {}).await
}

/// The same, with all events of the window shown to `seen`.
async fn read_window_seeing(
    twilio: &TwilioClient,
    acd: &AcdKey,
    window: Window,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
    seen: &(dyn Fn(&[FlexEvent]) + Send + Sync),
) -> Result<Vec<(Contact, Details)>, TwilioError> {
    let query = EventQuery::between(window.from, window.to);
    let found = twilio.taskrouter(acd.workspace).events(&query).await?;
    seen(&found.events);
    for error in &found.unreadable {
        tracing::error!(%acd, %error, "an event cannot be read; if it ended a leg, that leg is found when its task ends");
    }
    let mut asked: BTreeMap<TaskSid, Vec<FlexEvent>> = BTreeMap::new();
    loop {
        let ended = ended_in(acd, window, since, &found.events, &asked, now);
        let is_new = |task: &&TaskSid| !asked.contains_key(task);
        let unclear: Vec<TaskSid> = ended.unclear.iter().filter(is_new).copied().collect();
        if unclear.is_empty() {
            for leg in &ended.nameless {
                tracing::error!(%acd, %leg, "no event names the agent of this leg: it is not carried");
            }
            return Ok(ended.legs);
        }
        for task in unclear {
            let events = task_events(twilio, acd.workspace, task, window.to, now).await?;
            asked.insert(task, events.unwrap_or_default());
        }
    }
}

/// Follows the present, until it is told to stop.
pub(crate) async fn live<L: Ledger>(
    core: Arc<Core<L>>,
    acd: Arc<AcdRuntime>,
    stop: CancellationToken,
) {
    let mut pause = PAUSE.0;
    loop {
        // A step that is dropped has either moved the cursor with its legs, or done nothing.
        let moved = tokio::select! {
            () = stop.cancelled() => return,
            moved = live_step(&core, &acd) => moved,
        };
        let wait = match moved {
            Ok(Some(wait)) => {
                pause = PAUSE.0;
                wait
            }
            Ok(None) => {
                pause = PAUSE.0;
                Duration::ZERO
            }
            Err(error) => {
                tracing::warn!(acd = %acd.config.name, %error, pause_seconds = pause.as_secs(), "discovery failed and is tried again");
                core.state.discovery_failed(&acd.key);
                let wait = pause;
                pause = (pause * 2).min(PAUSE.1);
                wait
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One window; `Some` with the time to wait once everything up to the trail is known.
async fn live_step<L: Ledger>(
    core: &Core<L>,
    acd: &AcdRuntime,
) -> Result<Option<Duration>, DiscoverError> {
    let now = core.now();
    let known = core
        .ledger
        .cursor(&acd.key, EVENTS_STREAM)
        .await?
        .map(|cursor| cursor.position);
    let live = |stream: &str| CursorId::Live {
        acd: acd.key.clone(),
        stream: stream.to_owned(),
    };
    let origin = core.ledger.cursor(&acd.key, ORIGIN_STREAM).await?;
    let (Some(mut cursor), Some(origin)) = (known, origin) else {
        // Where it begins is written down at once, so that a restart before the first window skips nothing.
        let beginning = acd.config.discover_from.resolve(acd.rules.started);
        let begins = [
            (ORIGIN_STREAM, origin.is_none()),
            (EVENTS_STREAM, known.is_none()),
        ];
        for (stream, is_missing) in begins {
            let step = Advance {
                cursor: live(stream),
                from: None,
                to: known.unwrap_or(beginning),
                legs: Vec::new(),
                at: now,
            };
            if is_missing {
                core.ledger.advance(step, &keep).await?;
            }
        }
        return Ok(None);
    };
    let oldest = now - EVENTS_KEPT;
    if cursor < oldest {
        tracing::error!(acd = %acd.config.name, %cursor, "Twilio keeps events for 30 days: what ended before is beyond reach");
        cursor = oldest;
    }
    let timing = &acd.rules.timing;
    let window = match next_window(
        cursor,
        by_twilios_clock(core, acd, now),
        timing.discover_window,
        timing.discover_trail,
        timing.discover_interval,
    ) {
        NextWindow::Ask(window) => window,
        NextWindow::CaughtUp(until) => {
            core.state.caught_up(&acd.key, cursor);
            return Ok(Some((until - now).to_std().unwrap_or(PAUSE.0)));
        }
    };
    let read = read(core, acd, window, origin.position, true).await?;
    // The answer told the time at Twilio. Where this machine's clock is ahead, events of the window may not be there yet.
    let horizon = by_twilios_clock(core, acd, now) - crate::policy::span(timing.discover_trail);
    if window.to > horizon + CLOCK_TOLERANCE {
        return Ok(Some(PAUSE.0));
    }
    let advanced = advance(core, live(EVENTS_STREAM), known, window, read).await?;
    core.state
        .discovered(&acd.key, window.to, advanced.new.len());
    if !advanced.new.is_empty() {
        tracing::info!(acd = %acd.config.name, legs = advanced.new.len(), until = %window.to, "legs were discovered");
        core.wake.notify_one();
    }
    Ok(None)
}

/// The present by Twilio's clock where ours is ahead of it: events carry Twilio's time, and a horizon that runs ahead would
/// pass them by. Ours, where it is behind: discovery is then only later.
fn by_twilios_clock<L>(core: &Core<L>, acd: &AcdRuntime, now: DateTime<Utc>) -> DateTime<Utc> {
    let Some(skew) = acd.twilio.clock_skew() else {
        return now;
    };
    if core.state.clock_is_off(&acd.key, skew) {
        tracing::warn!(acd = %acd.config.name, twilio_ahead_seconds = skew.num_seconds(), "this machine's clock and Twilio's differ: correct this one (NTP)");
    }
    now + skew.min(TimeDelta::zero())
}

async fn read<L: Ledger>(
    core: &Core<L>,
    acd: &AcdRuntime,
    window: Window,
    since: DateTime<Utc>,
    live: bool,
) -> Result<Vec<(Contact, Details)>, DiscoverError> {
    core.witness.before(Step::Discover, None);
    let seen = |events: &[FlexEvent]| {
        // Of the past there is nothing to tell screen recording.
        if let Some(screen) = acd.screen.as_ref().filter(|_| live) {
            for event in events {
                screen.event(event);
            }
        }
    };
    let read = read_window_seeing(&acd.twilio, &acd.key, window, since, core.now(), &seen).await;
    core.witness.after(Step::Discover, None, read.is_ok());
    Ok(read?)
}

async fn advance<L: Ledger>(
    core: &Core<L>,
    cursor: CursorId,
    from: Option<DateTime<Utc>>,
    window: Window,
    legs: Vec<(Contact, Details)>,
) -> Result<Advanced, DiscoverError> {
    let step = Advance {
        cursor,
        from,
        to: window.to,
        legs: legs.into_iter().map(new_leg).collect(),
        at: core.now(),
    };
    Ok(core.ledger.advance(step, &keep).await?)
}

fn new_leg((contact, details): (Contact, Details)) -> NewLeg {
    let schedule = match &contact.stage {
        Stage::Discovered(stage) => Schedule::at(stage.at),
        _ => Schedule::rest(),
    };
    NewLeg {
        contact,
        details: Some(details),
        schedule,
    }
}

/// Works through a backfill, window by window, until it is through or the process stops. Its progress is in the ledger.
pub(crate) async fn backfill<L: Ledger>(
    core: &Core<L>,
    acd: &AcdRuntime,
    mut open: Backfill,
    stop: &CancellationToken,
    progress: &(dyn Fn(&Backfill) + Send + Sync),
) -> Result<Backfill, DiscoverError> {
    let mut is_told = false;
    while open.state == BackfillState::Open && !stop.is_cancelled() {
        let oldest = core.now() - EVENTS_KEPT;
        if open.position < oldest && !is_told {
            is_told = true;
            tracing::warn!(acd = %acd.config.name, backfill = %open.id, "Twilio keeps events for 30 days: the part of the range before that is beyond reach");
        }
        // What is too old is passed over together with the first window that is not: time goes on, and a position that only
        // caught up with it would be too old again.
        let from = open.position.max(oldest).min(open.to);
        let longest = crate::policy::after(from, acd.rules.timing.discover_window);
        let window = Window {
            from,
            to: longest.min(open.to),
        };
        let id = CursorId::Backfill(open.id);
        let moved = async {
            let legs = if window.from < window.to {
                read(core, acd, window, open.from, false).await?
            } else {
                Vec::new()
            };
            advance(core, id, Some(open.position), window, legs).await
        };
        tokio::select! {
            () = stop.cancelled() => break,
            advanced = moved => advanced?,
        };
        core.wake.notify_one();
        match core.ledger.backfill(open.id).await? {
            Some(moved) => open = moved,
            None => break,
        }
        progress(&open);
    }
    Ok(open)
}
