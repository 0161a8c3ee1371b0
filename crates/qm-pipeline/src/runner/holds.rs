//! Seeing hold where nothing tells of it: by asking for the participants of conferences that are going on.

use std::sync::Arc;
use std::time::Duration;

use sync_ledger::{HoldNote, HoldSource, Ledger};
use tokio_util::sync::CancellationToken;
use twilio_client::{ParticipantFilter, TwilioError};
use twilio_sid::ConferenceSid;

use super::Core;
use super::acd::AcdRuntime;

/// How often conferences that have begun are looked for, in looks at each.
const LIST_EVERY: u32 = 3;

/// How long is waited after Twilio failed.
const PAUSE: Duration = Duration::from_secs(30);

/// Polls until it is told to stop. Each request takes its share of the minute, so that the budget holds whatever there is to be
/// asked; conferences take turns.
pub(crate) async fn poll<L: Ledger>(
    core: Arc<Core<L>>,
    acd: Arc<AcdRuntime>,
    stop: CancellationToken,
) {
    let settings = acd.config.hold;
    let share = Duration::from_mins(1) / u32::from(settings.poll_budget.max(1));
    let (mut going_on, mut round): (Vec<ConferenceSid>, u32) = (Vec::new(), 0);
    loop {
        let began = tokio::time::Instant::now();
        let looked = async {
            if round.is_multiple_of(LIST_EVERY) {
                going_on = conferences(&acd).await?;
                tokio::time::sleep(share).await;
            }
            for conference in &going_on {
                look(&core, &acd, *conference).await?;
                tokio::time::sleep(share).await;
            }
            Ok::<(), TwilioError>(())
        };
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = looked => looked,
        };
        round = round.wrapping_add(1);
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

async fn conferences(acd: &AcdRuntime) -> Result<Vec<ConferenceSid>, TwilioError> {
    let listed = acd.twilio.conferences().in_progress().all().await?;
    Ok(listed
        .items
        .iter()
        .map(|conference| conference.sid)
        .collect())
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
