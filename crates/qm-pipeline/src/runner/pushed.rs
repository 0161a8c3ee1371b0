//! Events that Twilio pushed: read from the inbox in the order in which they came, and settled with what they told of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contact_model::AcdKey;
use flex_events::{FlexEvent, ParticipantChange, ParticipantEvent, Pushed, WireForm};
use sync_ledger::{
    ClaimedEvent, ConferenceChange, HoldNote, HoldSource, Ledger, LedgerError, NewLeg,
    ProcessedEvent, Schedule, keep,
};
use tokio_util::sync::CancellationToken;

use super::acd::AcdRuntime;
use super::discover::ORIGIN_STREAM;
use super::{Core, Step};
use crate::policy::{after, pushed_leg};

/// How many are read at one time.
const BATCH: u32 = 256;

/// For how long a batch is held: far longer than one takes, and soon over where it could not be settled.
const HELD: TimeDelta = TimeDelta::minutes(1);

/// How often the inbox is looked at although nobody says that something came.
const LOOK: Duration = Duration::from_secs(1);

/// How long is waited after the ledger failed.
const PAUSE: Duration = Duration::from_secs(5);

/// Processes pushed events until it is told to stop.
pub(crate) async fn process<L: Ledger>(
    core: Arc<Core<L>>,
    acds: Vec<Arc<AcdRuntime>>,
    stop: CancellationToken,
) {
    loop {
        let pause = match batch(&core, &acds).await {
            Ok(0) => LOOK,
            Ok(_) => Duration::ZERO,
            Err(error) => {
                tracing::error!(%error, "pushed events cannot be processed; they stay in the inbox");
                PAUSE
            }
        };
        if pause.is_zero() {
            if stop.is_cancelled() {
                return;
            }
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = core.pushed.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One batch; how many events it held.
async fn batch<L: Ledger>(core: &Core<L>, acds: &[Arc<AcdRuntime>]) -> Result<usize, LedgerError> {
    let now = core.now();
    let claimed = core.ledger.claim_events(now, BATCH, now + HELD).await?;
    if claimed.unreadable > 0 {
        tracing::error!(
            events = claimed.unreadable,
            "pushed events cannot be unsealed and are passed over: the Events API tells of their contacts"
        );
    }
    let count = claimed.events.len();
    if count == 0 {
        return Ok(0);
    }
    core.witness.before(Step::Apply, None);
    let applied = apply(core, acds, &claimed.events).await;
    core.witness.after(Step::Apply, None, applied.is_ok());
    let processed = applied?;
    let settled = core
        .ledger
        .settle_events(processed, &keep, core.now())
        .await?;
    if !settled.not_held.is_empty() {
        // They took longer than they were held: whoever took them processes them again, which changes nothing.
        tracing::warn!(
            events = settled.not_held.len(),
            "pushed events were claimed again before they were settled"
        );
    }
    let new = settled.advanced.new.len();
    if new > 0 {
        tracing::info!(legs = new, "legs were discovered by pushed events");
        core.wake.notify_one();
    }
    Ok(count)
}

/// Tells screen recording, writes down what was seen of hold, and gives what each event told of. All of it may be done again: events that
/// were not settled are claimed once more.
async fn apply<L: Ledger>(
    core: &Core<L>,
    acds: &[Arc<AcdRuntime>],
    events: &[ClaimedEvent],
) -> Result<Vec<ProcessedEvent>, LedgerError> {
    let mut processed = Vec::with_capacity(events.len());
    let mut told: BTreeMap<AcdKey, (Vec<HoldNote>, Vec<ConferenceChange>)> = BTreeMap::new();
    let mut origins = BTreeMap::new();
    for claimed in events {
        let mut done = ProcessedEvent::from(claimed.claim);
        let key = &claimed.event.acd;
        let Some(acd) = acds.iter().find(|acd| acd.key == *key) else {
            processed.push(done);
            continue;
        };
        match read(claimed) {
            Some(Pushed::TaskRouter(event)) => {
                if let Some(screen) = &acd.screen {
                    screen.event(&event);
                }
                let origin = origin(core, &mut origins, key).await?;
                done.legs
                    .extend(leg(core, acd, &event).filter(|_| event.at >= origin));
            }
            Some(Pushed::Participant(event)) => {
                if let Some(screen) = &acd.screen {
                    screen.participant(&event);
                }
                let (holds, changes) = told.entry(key.clone()).or_default();
                holds.extend(hold(&event));
                changes.extend(event.sequence.map(|number| ConferenceChange {
                    conference: event.conference,
                    number,
                    at: event.at,
                }));
            }
            _ => {}
        }
        processed.push(done);
    }
    // What was seen twice is written down once, so this may come before the events are settled.
    for (acd, (holds, changes)) in told {
        core.ledger.note_told(&acd, &holds, &changes).await?;
    }
    Ok(processed)
}

/// Where discovery began. What ended before is not this connector's to carry, however late it is pushed.
async fn origin<L: Ledger>(
    core: &Core<L>,
    origins: &mut BTreeMap<AcdKey, DateTime<Utc>>,
    acd: &AcdKey,
) -> Result<DateTime<Utc>, LedgerError> {
    if let Some(known) = origins.get(acd) {
        return Ok(*known);
    }
    let cursor = core.ledger.cursor(acd, ORIGIN_STREAM).await?;
    // Before discovery has begun, the Events API has everything still to tell.
    let origin = cursor.map_or(DateTime::<Utc>::MAX_UTC, |cursor| cursor.position);
    origins.insert(acd.clone(), origin);
    Ok(origin)
}

fn read(claimed: &ClaimedEvent) -> Option<Pushed> {
    let event = &claimed.event;
    let form: WireForm = match event.form.parse() {
        Ok(form) => form,
        Err(_) => return None,
    };
    match Pushed::read(form, &event.payload) {
        Ok(pushed) => Some(pushed),
        Err(error) => {
            tracing::warn!(event = %event.id, kind = %event.kind, %error, "a pushed event cannot be read; if it ended a leg, the Events API tells of it");
            None
        }
    }
}

/// The leg that an event ended, if it ended one for certain. Its first turn comes when the Events API tells of it too.
fn leg<L>(core: &Core<L>, acd: &AcdRuntime, event: &FlexEvent) -> Option<NewLeg> {
    let (contact, details) = pushed_leg(&acd.key, event, core.now())?;
    let due = after(event.at.max(core.now()), acd.rules.timing.discover_trail);
    Some(NewLeg {
        contact,
        details: Some(details),
        schedule: Schedule::at(due),
    })
}

/// What a change in a conference says of hold.
fn hold(event: &ParticipantEvent) -> Option<HoldNote> {
    let held = match event.change {
        ParticipantChange::Hold => true,
        ParticipantChange::Unhold | ParticipantChange::Join | ParticipantChange::Leave => false,
        _ => return None,
    };
    Some(HoldNote {
        conference: event.conference,
        at: event.at,
        call: event.call?,
        held,
        source: HoldSource::Event,
    })
}
