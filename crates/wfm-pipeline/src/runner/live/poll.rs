//! Polling the Events API: often where nothing is pushed, and now and then where something is, for what was not pushed after all.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use flex_events::{FlexEvent, Pushed};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use twilio_client::{EventQuery, EventsFound, TwilioError};
use twilio_sid::EventSid;

use super::{Live, PAUSE};
use crate::runner::Core;
use crate::services::{AcdServices, AdherenceServices};

/// How far polls overlap: events come late by some seconds.
const OVERLAP: TimeDelta = TimeDelta::seconds(60);

/// Of how much time the events are asked for at once: at first, and at least and at most.
const WINDOW: TimeDelta = TimeDelta::seconds(8);
const WINDOWS: (TimeDelta, TimeDelta) = (TimeDelta::seconds(1), TimeDelta::seconds(128));

/// How many events a window is to have: fewer make the next one longer, more make it shorter, since all of them are in memory.
const IN_A_WINDOW: Range<usize> = 250..1_500;

/// How far it is looked back at most: reading the workspace tells what is older.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(15);

/// By when an event has come that is pushed.
const PUSHED_BY: TimeDelta = TimeDelta::seconds(10);

/// How often it is said that events are not pushed.
const SAY_EVERY: Duration = Duration::from_hours(1);

/// So many pushed events since the last poll show that Twilio reaches this machine; to ask for all of them again would take long, and much memory.
const MANY: u64 = 2_000;

/// How many events a page has at most. With all that stands in them, a thousand take some fifty megabytes.
const IN_A_PAGE: u16 = 200;

/// How many events are applied at a time, so that pushed ones wait for no longer.
const AT_A_TIME: usize = 200;

/// Where polling stands.
pub(crate) struct Polling {
    /// Up to when events were heard, by Twilio's clock as far as it was known.
    heard: DateTime<Utc>,
    /// The events that were heard and that the next poll may bring again, by their time.
    seen: HashMap<EventSid, DateTime<Utc>>,
    /// Of how much time the next window is.
    window: TimeDelta,
    tally: Polled,
}

/// What polls brought.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Polled {
    /// Events that no poll had brought before.
    pub(crate) events: u64,
    /// Those that could not be read.
    pub(crate) unreadable: u64,
    /// Those that changed a state although they should have been pushed by then.
    pub(crate) not_pushed: u64,
    /// Whether some time was passed over.
    pub(crate) passed_over: bool,
}

impl Polling {
    /// Events are heard from now on.
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        Self {
            heard: now,
            seen: HashMap::new(),
            window: WINDOW,
            tally: Polled::default(),
        }
    }

    /// What polls brought since this was asked last.
    pub(crate) fn tally(&mut self) -> Polled {
        std::mem::take(&mut self.tally)
    }

    /// Hears what happened since the last poll, up to now by this machine's clock. Where it fails, the next one goes on from there.
    pub(crate) async fn poll(
        &mut self,
        acd: &AcdServices,
        live: &Live,
        now: DateTime<Utc>,
        pushed: bool,
    ) -> Result<(), TwilioError> {
        // Events have Twilio's time.
        let now = now + acd.twilio.clock_skew().unwrap_or_default();
        let earliest = now - LOOK_BACK;
        self.tally.passed_over |= self.heard < earliest;
        // A clock that was ahead for a while is no reason to wait until it is so late again.
        self.heard = self.heard.clamp(earliest, now);
        let late = pushed.then(|| now - PUSHED_BY);
        if pushed && live.pushed() >= MANY {
            self.heard = now;
            return Ok(());
        }
        // What is pushed as well need not be asked for twice: at 1,000 events a second each minute is 60 pages.
        let overlap = if pushed { PUSHED_BY } else { OVERLAP };
        if pushed {
            // There may be many more by now than half a minute ago.
            self.window = WINDOWS.0;
        }
        let mut start = self.heard - overlap;
        loop {
            let end = (start + self.window).min(now);
            let query = EventQuery::between(start, end).in_pages_of(IN_A_PAGE);
            let found = acd.twilio.taskrouter(acd.workspace).events(&query).await?;
            self.fit(found.events.len());
            self.hear(acd, live, found, late).await;
            self.heard = end;
            let known = end - overlap * 2;
            self.seen.retain(|_, at| *at >= known);
            if end >= now {
                return Ok(());
            }
            start = end;
        }
    }

    /// Makes the next window shorter or longer, by how many events the last one had.
    fn fit(&mut self, events: usize) {
        if events >= IN_A_WINDOW.end {
            self.window = (self.window / 2).max(WINDOWS.0);
        } else if events < IN_A_WINDOW.start {
            self.window = (self.window * 2).min(WINDOWS.1);
        }
    }

    async fn hear(
        &mut self,
        acd: &AcdServices,
        live: &Live,
        found: EventsFound,
        late: Option<DateTime<Utc>>,
    ) {
        for error in found.unreadable {
            let is_new = error
                .event()
                .is_none_or(|event| self.seen.insert(event, self.heard).is_none());
            if is_new {
                self.tally.unreadable += 1;
                tracing::warn!(acd = %acd.name, %error, "a polled event cannot be read; the next resynchronisation mends what it told");
            }
        }
        let seen = &mut self.seen;
        let new: Vec<FlexEvent> = found
            .events
            .into_iter()
            .filter(|event| seen.insert(event.sid, event.at).is_none())
            .collect();
        self.tally.events += new.len() as u64;
        let mut new = new.into_iter().peekable();
        while new.peek().is_some() {
            self.tally.not_pushed += live.apply_polled(new.by_ref().take(AT_A_TIME), late);
            tokio::task::yield_now().await;
        }
    }
}

impl Live {
    /// Takes in polled events; how many of those up to `late` changed their agent's state.
    fn apply_polled(
        &self,
        events: impl Iterator<Item = FlexEvent>,
        late: Option<DateTime<Utc>>,
    ) -> u64 {
        let mut state = self.lock();
        // Before the workspace was read, all of it changes something.
        let late = late.filter(|_| state.complete);
        let mut changed = 0;
        for event in events {
            let agent = event.worker.as_ref().map(|worker| worker.sid);
            let agent = agent.filter(|_| late.is_some_and(|late| event.at <= late));
            let before = agent.and_then(|agent| state.agents.state_of(agent));
            let event = Pushed::TaskRouter(Box::new(event));
            state.hear(|agents, changes| {
                agents.on_pushed(&event, changes);
            });
            let after = agent.and_then(|agent| state.agents.state_of(agent));
            changed += u64::from(before.map(|one| one.state) != after.map(|one| one.state));
        }
        self.heard(state);
        changed
    }
}

/// Polls the Events API until it is told to stop.
pub(crate) async fn poll_events<L>(
    core: Arc<Core<L>>,
    acd: Arc<AcdServices>,
    services: AdherenceServices,
    live: Live,
    stop: CancellationToken,
) {
    let Some(every) = services.poll_events else {
        stop.cancelled().await;
        return;
    };
    let mut polling = Polling::new(core.now());
    let mut said: Option<Instant> = None;
    loop {
        let polled = tokio::select! {
            () = stop.cancelled() => return,
            polled = polling.poll(&acd, &live, core.now(), services.pushed) => polled,
        };
        let tally = polling.tally();
        core.witness.polled(&acd.name, "heard", tally.events);
        core.witness
            .polled(&acd.name, "unreadable", tally.unreadable);
        core.witness
            .polled(&acd.name, "not-pushed", tally.not_pushed);
        if tally.not_pushed > 0 && said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            said = Some(Instant::now());
            tracing::warn!(
                acd = %acd.name, events = tally.not_pushed,
                "events were found by polling that had not been pushed, so states came late: look at the subscription at Twilio and at the way to `intake.wfm_public_url`"
            );
        }
        let pause = match &polled {
            Ok(()) => every,
            Err(error) => {
                tracing::warn!(acd = %acd.name, %error, "events cannot be polled; it is tried again");
                PAUSE.min(every * 4).max(every)
            }
        };
        // What is pushed comes all the same.
        if tally.passed_over || polled.is_err() && !services.pushed {
            live.missed();
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.clock.sleep(pause) => {}
        }
    }
}
