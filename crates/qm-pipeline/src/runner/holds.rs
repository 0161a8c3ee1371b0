//! Seeing hold where nothing tells of it: by asking for the participants of conferences that are going on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sync_ledger::{HoldNote, HoldSource, Ledger};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use twilio_client::{ParticipantFilter, TwilioError};
use twilio_sid::ConferenceSid;

use super::Core;
use super::acd::AcdRuntime;

/// How old the list of conferences may become: those that begin meanwhile are seen from their beginning all the same.
const LIST_AGE: Duration = Duration::from_secs(10);

/// How long is waited after Twilio failed.
const PAUSE: Duration = Duration::from_secs(30);

/// Polls until it is told to stop. Each request takes its share of the minute, so that the budget holds whatever there is to be
/// asked; conferences take turns, and one that cannot be read stands in no other's way.
pub(crate) async fn poll<L: Ledger>(
    core: Arc<Core<L>>,
    acd: Arc<AcdRuntime>,
    stop: CancellationToken,
) {
    let settings = acd.config.hold;
    let share = Duration::from_mins(1) / u32::from(settings.poll_budget.max(1));
    let mut going_on = GoingOn::default();
    loop {
        let began = Instant::now();
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = round(&core, &acd, share, &mut going_on) => looked,
        };
        let pause = match looked {
            Ok(()) => settings.poll_interval.saturating_sub(began.elapsed()),
            Err(error) => {
                tracing::warn!(acd = %acd.config.name, %error, "hold cannot be polled; it is tried again");
                PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause.max(Duration::from_millis(100))) => {}
        }
    }
}

/// The conferences that go on, as they were last listed.
#[derive(Default)]
struct GoingOn {
    listed: Option<Instant>,
    conferences: BTreeSet<ConferenceSid>,
}

/// Looks at every conference once, and at those that begin meanwhile. Fails only where nothing could be seen.
async fn round<L: Ledger>(
    core: &Core<L>,
    acd: &AcdRuntime,
    share: Duration,
    going_on: &mut GoingOn,
) -> Result<(), TwilioError> {
    let (mut seen, mut failed, mut looks) = (BTreeSet::new(), None, 0_u32);
    loop {
        if going_on
            .listed
            .is_none_or(|listed| listed.elapsed() >= LIST_AGE)
        {
            let listed = acd.twilio.conferences().in_progress().all().await?;
            let listed = listed.items.iter().map(|conference| conference.sid);
            going_on.conferences = listed.collect();
            going_on.listed = Some(Instant::now());
            tokio::time::sleep(share).await;
        }
        let next = going_on.conferences.difference(&seen).next().copied();
        let Some(conference) = next else { break };
        seen.insert(conference);
        match look(core, acd, conference).await {
            Ok(()) => looks += 1,
            Err(error) => {
                tracing::info!(acd = %acd.config.name, %conference, %error, "a conference cannot be looked at for hold");
                failed = Some(error);
            }
        }
        tokio::time::sleep(share).await;
    }
    match failed {
        Some(error) if looks == 0 => Err(error),
        _ => Ok(()),
    }
}

/// Writes down who is on hold and who is not; the ledger keeps what changed.
async fn look<L: Ledger>(
    core: &Core<L>,
    acd: &AcdRuntime,
    conference: ConferenceSid,
) -> Result<(), TwilioError> {
    let participants = acd
        .twilio
        .conferences()
        .participants(conference, &ParticipantFilter::default())
        .all()
        .await;
    let participants = match participants {
        Ok(listed) => listed.items,
        // It ended a moment ago.
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error),
    };
    let at = core.now();
    let notes: Vec<_> = participants
        .iter()
        .filter(|participant| participant.coaching != Some(true))
        .filter_map(|participant| {
            Some(HoldNote {
                conference,
                at,
                call: participant.call,
                held: participant.hold?,
                source: HoldSource::Poll,
            })
        })
        .collect();
    if let Err(error) = core.ledger.note_holds(&acd.key, &notes).await {
        tracing::error!(%conference, %error, "what was seen of hold cannot be written down");
    }
    Ok(())
}
