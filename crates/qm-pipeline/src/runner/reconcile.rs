//! Reconciling: comparing a range, filling what is missing, and doing both by itself each night.

mod compare;
mod events;
mod fill;
mod recordings;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use connector_config::Reconcile;
use contact_model::AcdKey;
use sync_ledger::{BackfillState, Ledger, LedgerError, Outcome};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use self::compare::{Ends, compare};
use super::acd::AcdRuntime;
use super::discover::{DiscoverError, ORIGIN_STREAM, PAUSE};
use super::{Core, EVENTS_STREAM, discover};
use crate::policy::account::{Unexplained, is_due, night, offset};
use crate::policy::span;
use crate::report::reconcile::{Account, Filled, Trigger, last_accounts};
use crate::report::{RangeNote, ReportError};

/// How often it is looked at whether the night has come.
const LOOK: Duration = Duration::from_secs(5);

/// How long is waited after an account could not be made, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(1));

/// How often a person's wish for an account is tried before that person is told.
const TRIES: u32 = 5;

/// What is fetched of what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fill {
    Nothing,
    /// Legs that are not known. A contact that Calabrio does not show may have been deleted on purpose: that is for a person to say.
    Legs,
    /// The same, and contacts that Calabrio does not show any more.
    All,
}

/// Carries out the wish for an account; `None` where the process stops before.
pub(super) async fn wished<L: Ledger>(
    core: &Core<L>,
    acds: &[Arc<AcdRuntime>],
    acd: &AcdKey,
    range: (DateTime<Utc>, DateTime<Utc>),
    fill: bool,
    stop: &CancellationToken,
) -> Option<Outcome> {
    let Some(acd) = acds.iter().find(|runtime| runtime.key == *acd) else {
        return Some(Outcome::Failed(
            "this ACD is not in the configuration any more".to_owned(),
        ));
    };
    let range = RangeNote {
        from: range.0,
        to: range.1,
    };
    let fill = if fill { Fill::All } else { Fill::Nothing };
    let (mut pause, mut tries) = (PAUSE.0, 0);
    loop {
        let error = match make(core, acd, range, fill, Trigger::Command, stop).await {
            Ok(account) => {
                return account.map(|account| Outcome::Done(account.sentence()));
            }
            Err(error) => error,
        };
        tries += 1;
        if tries == TRIES || !is_passing(&error) {
            return Some(Outcome::Failed(error_in_full(&error)));
        }
        tracing::warn!(acd = %acd.config.name, %error, pause_seconds = pause.as_secs(), "an account could not be made and is tried again");
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 4).min(PAUSE.1);
    }
}

fn is_passing(error: &ReportError) -> bool {
    match error {
        ReportError::Twilio(error) => error.is_passing(),
        ReportError::Calabrio(error) => error.is_passing(),
        ReportError::Ledger(error) => error.is_transient(),
        _ => false,
    }
}

/// An error with its causes, in one line.
fn error_in_full(error: &ReportError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Makes an account, after filling what is missing where that is asked for, and writes it down. `None` where the process stops before.
async fn make<L: Ledger>(
    core: &Core<L>,
    acd: &AcdRuntime,
    range: RangeNote,
    fill: Fill,
    by: Trigger,
    stop: &CancellationToken,
) -> Result<Option<Account>, ReportError> {
    let ends = Ends {
        acd: &acd.key,
        name: acd.config.name.clone(),
        twilio: &acd.twilio,
        calabrio: &acd.calabrio,
        window: acd.rules.timing.discover_window,
    };
    let comparing = || async {
        let compared = compare(&core.ledger, &ends, range, by, core.now(), &|_| {});
        tokio::select! {
            () = stop.cancelled() => Ok(None),
            compared = compared => compared.map(Some),
        }
    };
    let Some(mut compared) = comparing().await? else {
        return Ok(None);
    };
    if fill != Fill::Nothing {
        let was_unexplained = compared.account.unexplained > 0;
        let mut filled = Filled::default();
        let unexplained = &compared.account.legs.unexplained;
        if unexplained.contains_key(&Unexplained::UnknownLeg) {
            match discover_range(core, acd, range, stop).await? {
                Some(legs_new) => filled.legs_new = legs_new,
                None => return Ok(None),
            }
        }
        if fill == Fill::All {
            fill::take_up(core, acd, &compared.missing, &mut filled, stop).await?;
            if stop.is_cancelled() {
                return Ok(None);
            }
        }
        // What was not known may be by now, whoever made it known.
        if was_unexplained || filled != Filled::default() {
            core.wake.notify_one();
            match comparing().await? {
                Some(again) => compared = again,
                None => return Ok(None),
            }
        }
        compared.account.filled = Some(filled);
    }
    core.ledger
        .record_reconciliation(&compared.account.row(&acd.key))
        .await?;
    tell(acd, &compared.account);
    Ok(Some(compared.account))
}

/// Writes down the legs of a range that are not known; gives how many. `None` where the process stops before.
async fn discover_range<L: Ledger>(
    core: &Core<L>,
    acd: &AcdRuntime,
    range: RangeNote,
    stop: &CancellationToken,
) -> Result<Option<u64>, ReportError> {
    let ledger = &core.ledger;
    let begun = ledger
        .begin_backfill(&acd.key, range.from, range.to, core.now())
        .await?;
    let before = begun.legs_new;
    let ended = discover::backfill(core, acd, begun, stop, &|_| {})
        .await
        .map_err(|error| match error {
            DiscoverError::Twilio(error) => ReportError::from(error),
            DiscoverError::Ledger(error) => ReportError::from(error),
        })?;
    let through = ended.state != BackfillState::Open;
    Ok(through.then_some(ended.legs_new - before))
}

fn tell(acd: &AcdRuntime, account: &Account) {
    let (name, told) = (&acd.config.name, account.sentence());
    let duplicates = account.contacts.duplicates.count;
    if account.unexplained > 0 || duplicates > 0 {
        tracing::warn!(acd = %name, unexplained = account.unexplained, duplicates, "reconciled, and not all is well (sync-qm reconcile shows what): {told}");
    } else {
        tracing::info!(acd = %name, "reconciled: {told}");
    }
}

/// Begins to reconcile by itself, where the configuration wants it.
pub(super) fn begin<L: Ledger>(
    (core, acds, stop): (&Arc<Core<L>>, &[Arc<AcdRuntime>], &CancellationToken),
    settings: &Reconcile,
    tasks: &mut JoinSet<()>,
) {
    for acd in acds.iter().filter(|_| settings.enabled) {
        tasks.spawn(nightly(
            Arc::clone(core),
            Arc::clone(acd),
            settings.clone(),
            stop.clone(),
        ));
    }
}

/// Reconciles each night, until it is told to stop. A night that was missed is made up once discovery has caught up.
async fn nightly<L: Ledger>(
    core: Arc<Core<L>>,
    acd: Arc<AcdRuntime>,
    settings: Reconcile,
    stop: CancellationToken,
) {
    let identity = digest(&SHA256, acd.key.to_string().as_bytes());
    let identity = identity.as_ref().first_chunk().copied().unwrap_or_default();
    let offset = offset(identity, settings.spread);
    let mut last = None;
    let (mut wait, mut pause) = (LOOK, AGAIN.0);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = LOOK;
        let began = night(core.now(), settings.at, offset);
        let is_ready = |core: &Core<L>| {
            let acds = core.state.acds();
            acds.get(&acd.key).is_some_and(|health| health.caught_up)
        };
        if last.is_some_and(|last| last >= began) || !is_ready(&core) {
            continue;
        }
        match of_night(&core, &acd, &settings, (began, &mut last), &stop).await {
            Ok(()) => pause = AGAIN.0,
            Err(error) => {
                tracing::warn!(acd = %acd.config.name, %error, pause_seconds = pause.as_secs(), "the night's account could not be made and is tried again");
                wait = pause;
                pause = (pause * 2).min(AGAIN.1);
            }
        }
    }
}

/// Makes the account of a night, if none was made since it began.
async fn of_night<L: Ledger>(
    core: &Core<L>,
    acd: &AcdRuntime,
    settings: &Reconcile,
    (night, last): (DateTime<Utc>, &mut Option<DateTime<Utc>>),
    stop: &CancellationToken,
) -> Result<(), ReportError> {
    let ledger = &core.ledger;
    if last.is_none() {
        *last = last_night(ledger, &acd.key).await?;
    }
    let origin = ledger.cursor(&acd.key, ORIGIN_STREAM).await?;
    let discovered = ledger.cursor(&acd.key, EVENTS_STREAM).await?;
    let (Some(origin), Some(discovered)) = (origin, discovered) else {
        return Ok(());
    };
    if !is_due(night, Some(origin.moved_at), *last) {
        // Nothing is due before the next one.
        *last = Some(night);
        return Ok(());
    }
    // What ended before discovery began is not this connector's to carry, and what ends later is not late yet.
    let to = discovered.position;
    let window = span(settings.window).max(TimeDelta::zero());
    let from = to
        .checked_sub_signed(window)
        .unwrap_or(origin.position)
        .max(origin.position);
    if from < to {
        let range = RangeNote { from, to };
        if make(core, acd, range, Fill::Legs, Trigger::Night, stop)
            .await?
            .is_none()
        {
            return Ok(());
        }
    }
    *last = Some(core.now());
    Ok(())
}

/// When the last account of a night was made.
async fn last_night<L: Ledger>(
    ledger: &L,
    acd: &AcdKey,
) -> Result<Option<DateTime<Utc>>, LedgerError> {
    let last = last_accounts(ledger, acd).await?;
    Ok(last.night.map(|night| night.at))
}
