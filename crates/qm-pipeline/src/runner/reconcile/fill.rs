//! Taking up contacts again that are complete here and not there any more.

use contact_model::{Contact, Details, LegId, ParkReason, Stage};
use serde_json::Value;
use sync_ledger::{Ledger, LedgerError, Schedule, StoredDetails};
use tokio_util::sync::CancellationToken;

use crate::policy::TaskStory;
use crate::report::ReportError;
use crate::report::reconcile::Filled;
use crate::runner::Core;
use crate::runner::acd::AcdRuntime;
use crate::runner::ask::task_events;
use crate::runner::tell::tell;

/// What stands in the history of a contact that was taken up again.
const NOTE: &str = "taken up again by a reconciliation: Calabrio ONE does not show it";

/// Takes contacts up again, each in doubt: it is searched for, and sent again only once `search_settle` has passed without finding it.
///
/// Its metadata must be complete when it is sent. Where the ledger has dropped them, Twilio is asked for them again; where Twilio has dropped
/// them as well, the contact is parked. Ends early where a stop is asked for: what is left is missing the next time as well.
pub(super) async fn take_up<L: Ledger>(
    core: &Core<L>,
    acd: &AcdRuntime,
    missing: &[LegId],
    filled: &mut Filled,
    stop: &CancellationToken,
) -> Result<(), ReportError> {
    for leg in missing {
        if stop.is_cancelled() {
            return Ok(());
        }
        let _nothing_is_deleted = core.sources.lock().await;
        match take_up_one(core, acd, *leg).await? {
            Some(Stage::Parked(_)) => filled.parked += 1,
            Some(_) => filled.taken_up += 1,
            None => {}
        }
    }
    Ok(())
}

/// The stage that it was brought to; `None` where there is nothing to take up any more.
async fn take_up_one<L: Ledger>(
    core: &Core<L>,
    acd: &AcdRuntime,
    leg: LegId,
) -> Result<Option<Stage>, ReportError> {
    loop {
        let Some(record) = core.ledger.get(&acd.key, leg).await? else {
            return Ok(None);
        };
        let (row, now) = (record.row, core.now());
        let Stage::Complete(complete) = row.contact.stage.clone() else {
            return Ok(None);
        };
        // It has its turn: what that comes to is seen next time.
        if row.forgotten_at.is_some() || row.lease_until.is_some_and(|until| until > now) {
            return Ok(None);
        }
        let recaptured = match record.details {
            StoredDetails::Present(_) => Some(None),
            _ => recapture(acd, &row.contact, now).await?.map(Some),
        };
        let mut contact = row.contact.clone();
        contact.stage = Stage::Linked(complete.missing(now));
        if recaptured.is_none()
            && let Ok(parked) = contact.stage.clone().park(ParkReason::EventsGone, now)
        {
            contact.stage = Stage::Parked(parked);
        }
        let (stage, schedule) = match &contact.stage {
            Stage::Parked(_) => (contact.stage.clone(), Schedule::rest()),
            stage => (stage.clone(), Schedule::at(now)),
        };
        let told = tell(acd, &contact, row.version);
        let mut change = row.change(contact, schedule, now).note(NOTE);
        change.tell = told;
        if let Some(Some(details)) = recaptured {
            change = change.details(details);
        }
        match core.ledger.save(change).await {
            Ok(_) => {
                core.told.notify_one();
                tracing::info!(%leg, acd = %acd.config.name, stage = %stage.name(), "a complete contact that Calabrio ONE does not show is taken up again");
                core.witness.reached(leg, stage.name());
                return Ok(Some(stage));
            }
            Err(LedgerError::Conflict { .. }) => {}
            Err(LedgerError::Forgotten { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The details of a leg from the events of its task; `None` where Twilio no longer tells them.
async fn recapture(
    acd: &AcdRuntime,
    contact: &Contact,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Option<Details>, ReportError> {
    let leg = &contact.leg;
    let ended = leg.times.media_ended().unwrap_or(now);
    let asked = task_events(&acd.twilio, leg.acd.workspace, leg.task, ended, now);
    let Some(events) = asked.await? else {
        return Ok(None);
    };
    let story = TaskStory::read(leg.task, &events);
    let Some(known) = story.reservations.get(&leg.id.reservation()) else {
        return Ok(None);
    };
    let attributes = match story
        .attributes
        .as_ref()
        .map(flex_events::Attributes::parse)
    {
        Some(Ok(value @ Value::Object(_))) => Some(value),
        None | Some(Ok(Value::Null)) => None,
        Some(_) => return Ok(None),
    };
    Ok(Some(Details {
        attributes,
        attributes_version: story.version,
        worker_name: known.worker_name.clone(),
        worker_full_name: known.worker_attribute("full_name"),
        worker_contact_uri: known.worker_attribute("contact_uri"),
        queue_name: known.queue_name.clone(),
    }))
}
