//! Carrying out what commands left as wishes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId, Stage};
use sync_ledger::{BackfillState, ClaimedWish, Ledger, LedgerError, Outcome, Schedule, Wish};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::acd::AcdRuntime;
use super::state::WishInHand;
use super::{Core, LEASE, discover, reconcile};
use crate::report::{erasure, retry_parked};

/// How often the ledger is looked at for new wishes: other processes cannot tell this one.
const POLL: Duration = Duration::from_secs(1);

/// How often a backfill is tried again that fails for a reason which may be none that passes.
const TRIES: u32 = 5;

/// Carries out wishes until it is told to stop: one that takes long beside the others, but one of an ACD at a time.
pub(crate) async fn serve<L: Ledger>(
    core: Arc<Core<L>>,
    acds: Vec<Arc<AcdRuntime>>,
    stop: CancellationToken,
) {
    let acds: Arc<[Arc<AcdRuntime>]> = acds.into();
    let mut long: JoinSet<()> = JoinSet::new();
    let mut busy: BTreeMap<Id, AcdKey> = BTreeMap::new();
    loop {
        while let Some(ended) = long.try_join_next_with_id() {
            forget_ended(&mut busy, ended);
        }
        let now = core.now();
        let of: Vec<AcdKey> = busy.values().cloned().collect();
        match core.ledger.claim_wish(&of, now, now + LEASE).await {
            Ok(Some(claimed)) => {
                let acd = claimed.wish.acd().filter(|_| claimed.wish.takes_long());
                let acd = acd.cloned();
                let parts = (Arc::clone(&core), Arc::clone(&acds));
                let fulfilled = fulfil(parts, claimed, core.state.wish_in_hand(), stop.clone());
                match acd {
                    Some(acd) => drop(busy.insert(long.spawn(fulfilled).id(), acd)),
                    None => fulfilled.await,
                }
                continue;
            }
            Ok(None) => core.state.no_wishes(),
            Err(error) => tracing::error!(%error, "wishes cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = long.join_next_with_id() => forget_ended(&mut busy, ended),
            () = tokio::time::sleep(POLL) => {}
        }
    }
    // They stop by themselves where they can be taken up again.
    while long.join_next().await.is_some() {}
}

fn forget_ended(busy: &mut BTreeMap<Id, AcdKey>, ended: Result<(Id, ()), JoinError>) {
    let id = match ended {
        Ok((id, ())) => id,
        Err(error) => {
            // What a panic says may quote what it met.
            tracing::error!(
                panicked = error.is_panic(),
                "a wish broke off: it is taken up again after the next start"
            );
            error.id()
        }
    };
    busy.remove(&id);
}

async fn fulfil<L: Ledger>(
    (core, acds): (Arc<Core<L>>, Arc<[Arc<AcdRuntime>]>),
    claimed: ClaimedWish,
    _in_hand: WishInHand,
    stop: CancellationToken,
) {
    if let Some(outcome) = carry_out(&core, &acds, &claimed, &stop).await {
        tracing::info!(wish = %claimed.id, ?outcome, "a wish was settled");
        settle(&core, &claimed, &outcome, &stop).await;
    }
}

/// Writes down what became of a wish, as soon as the ledger can be written.
async fn settle<L: Ledger>(
    core: &Core<L>,
    claimed: &ClaimedWish,
    outcome: &Outcome,
    stop: &CancellationToken,
) {
    loop {
        match core
            .ledger
            .settle_wish(claimed, outcome.clone(), core.now())
            .await
        {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(wish = %claimed.id, %error, "a wish could not be settled");
                if !error.is_transient() {
                    return;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(discover::PAUSE.1) => {}
        }
    }
}

/// `None` where the process stops before the wish is carried out: it stays, and is taken up after the next start.
async fn carry_out<L: Ledger>(
    core: &Core<L>,
    acds: &[Arc<AcdRuntime>],
    claimed: &ClaimedWish,
    stop: &CancellationToken,
) -> Option<Outcome> {
    match &claimed.wish {
        Wish::RetryContact { acd, leg } => {
            Some(match retry_one(&core.ledger, acd, *leg, core.now()).await {
                Ok(false) => Outcome::Failed(
                    "no such contact is known, or it has come to its end".to_owned(),
                ),
                Ok(true) => {
                    core.wake.notify_one();
                    Outcome::Done("the contact is taken up again".to_owned())
                }
                Err(error) => Outcome::Failed(error.to_string()),
            })
        }
        Wish::RetryParked { acd, kind } => Some(
            match retry_parked(&core.ledger, &core.names, acd.as_ref(), *kind, core.now()).await {
                Ok(report) => {
                    core.wake.notify_one();
                    Outcome::Done(format!(
                        "{} contacts are taken up again",
                        report.taken_up.len()
                    ))
                }
                Err(error) => Outcome::Failed(error.to_string()),
            },
        ),
        Wish::Backfill { acd, from, to } => {
            let Some(runtime) = acds.iter().find(|runtime| runtime.key == *acd) else {
                return Some(Outcome::Failed(
                    "this ACD is not in the configuration any more".to_owned(),
                ));
            };
            backfill(core, runtime, (*from, *to), stop).await
        }
        Wish::ForgetContact { acd, leg } => {
            Some(erasure::carry_out(&core.ledger, acd, *leg, core.now()).await)
        }
        Wish::Reconcile {
            acd,
            from,
            to,
            fill,
        } => reconcile::wished(core, acds, acd, (*from, *to), *fill, stop).await,
        _ => Some(Outcome::Failed(
            "this release does not know this kind of wish".to_owned(),
        )),
    }
}

/// Works through a range. Failures that pass delay it; others end it after some tries, and the same wish goes on where it stopped.
async fn backfill<L: Ledger>(
    core: &Core<L>,
    runtime: &AcdRuntime,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    stop: &CancellationToken,
) -> Option<Outcome> {
    let mut pause = discover::PAUSE.0;
    let mut failures = 0;
    loop {
        // One that was begun goes on where it stopped.
        let begun = core
            .ledger
            .begin_backfill(&runtime.key, from, to, core.now());
        let begun = match begun.await {
            Ok(begun) => begun,
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "a backfill waits for the ledger");
                tokio::select! {
                    () = stop.cancelled() => return None,
                    () = tokio::time::sleep(discover::PAUSE.1) => continue,
                }
            }
            Err(error) => return Some(Outcome::Failed(error.to_string())),
        };
        let (begun_id, before) = (begun.id, begun.position);
        match discover::backfill(core, runtime, begun, stop, &|_| {}).await {
            Ok(ended) if ended.state == BackfillState::Open => return None,
            Ok(ended) => {
                return Some(Outcome::Done(format!(
                    "{} new legs, {} known before",
                    ended.legs_new, ended.legs_known
                )));
            }
            Err(error) => {
                // Something was read meanwhile: what is wrong now began anew.
                let moved = core.ledger.backfill(begun_id).await;
                if moved.is_ok_and(|moved| moved.is_some_and(|moved| moved.position > before)) {
                    (failures, pause) = (0, discover::PAUSE.0);
                }
                failures += u32::from(!error.is_passing());
                if failures >= TRIES {
                    return Some(Outcome::Failed(format!(
                        "it stopped at {before}, and the same command goes on there: {error}"
                    )));
                }
                tracing::warn!(%error, %before, pause_seconds = pause.as_secs(), "a backfill was interrupted and will go on");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(discover::PAUSE.1);
    }
}

/// Takes one contact up again: a parked one where it stood, one on its way at once. `false` if there is nothing to take up.
pub(crate) async fn retry_one<L: Ledger>(
    ledger: &L,
    acd: &AcdKey,
    leg: LegId,
    now: DateTime<Utc>,
) -> Result<bool, LedgerError> {
    loop {
        let Some(record) = ledger.get(acd, leg).await? else {
            return Ok(false);
        };
        let mut contact = record.row.contact.clone();
        contact.stage = match contact.stage {
            Stage::Parked(parked) => parked.retry(now),
            stage if stage.name().is_final() => return Ok(false),
            // It has its turn already: a second one beside it could send it twice.
            _ if record.row.lease_until.is_some_and(|until| until > now) => return Ok(true),
            stage => stage,
        };
        let change = record
            .row
            .change(contact, Schedule::at(now), now)
            .note("taken up again on request");
        match ledger.save(change).await {
            Ok(_) => return Ok(true),
            Err(LedgerError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}
