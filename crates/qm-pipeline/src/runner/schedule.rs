//! Which contacts have their turn, and what becomes of turns that did not end well.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use contact_model::{AcdKey, LegId, Stage};
use sync_ledger::{Ledger, LedgerError, Schedule};
use tokio::task::{Id, JoinError, JoinSet};

use super::acd::AcdRuntime;
use super::siblings::tell_unreadable;
use super::turn::{Ended, turn};
use super::worker::RunReport;
use super::{Core, LEASE};

/// The most contacts that have their turn at one time. Most of them wait for an answer; how many fetch or send at a time is
/// limited by itself. Each ACD has its share of it, so that one whose vendors hang slows no other.
const TURNS: usize = 512;

/// The least share of an ACD, however many there are.
const LEAST_TURNS: usize = 32;

/// When a contact is taken up again whose turn broke off.
const BROKEN_OFF: TimeDelta = TimeDelta::minutes(15);

/// When a contact is taken up again whose turn could not be written down.
const UNWRITTEN: TimeDelta = TimeDelta::seconds(30);

/// When a contact is taken up again that wanted messages which another leg of its conversation had claimed.
const CLASHED: TimeDelta = TimeDelta::milliseconds(200);

/// How long the worker pauses when the ledger cannot be written.
pub(super) const LEDGER_PAUSE: Duration = Duration::from_secs(5);

/// One that ended, with the number of its task.
pub(super) type Turned = Result<(Id, Ended), JoinError>;

/// Turns that are under way, and contacts that are still held by turns that are not.
#[derive(Default)]
pub(super) struct Turns {
    running: JoinSet<Ended>,
    contacts: BTreeMap<Id, (AcdKey, LegId)>,
    /// Held by turns that did not end well, with the pause before their next.
    left: Vec<(AcdKey, LegId, TimeDelta)>,
}

impl Turns {
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.left.is_empty()
    }

    /// The next turn that ends; `None` where none is under way. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Turned> {
        self.running.join_next_with_id().await
    }

    /// Ends all turns where they stand. What they held is free after the next start.
    pub(super) async fn cut_off(&mut self) {
        self.running.shutdown().await;
    }

    /// Takes as many contacts as there is room for.
    pub(super) async fn claim<L: Ledger>(
        &mut self,
        core: &Arc<Core<L>>,
        acds: &[Arc<AcdRuntime>],
    ) -> Result<(), LedgerError> {
        self.free(core).await?;
        let now = core.now();
        for acd in acds {
            let room = u32::try_from(self.room(&acd.key, acds.len())).unwrap_or(u32::MAX);
            if room == 0 {
                continue;
            }
            let claimed = core
                .ledger
                .claim_due(Some(&acd.key), now, room, now + LEASE)
                .await?;
            tell_unreadable(&claimed.unreadable);
            for record in claimed.contacts {
                let leg = record.row.leg();
                let handle = self
                    .running
                    .spawn(turn(Arc::clone(core), Arc::clone(acd), record));
                self.contacts.insert(handle.id(), (acd.key.clone(), leg));
            }
        }
        Ok(())
    }

    /// How many more contacts of an ACD may have their turn, of so many ACDs.
    pub(super) fn room(&self, acd: &AcdKey, acds: usize) -> usize {
        let share = (TURNS / acds.max(1)).max(LEAST_TURNS);
        let running = self.contacts.values().filter(|(key, _)| key == acd).count();
        share.saturating_sub(running)
    }

    /// Counts a turn that ended, and says how long to pause.
    pub(super) fn note(&mut self, turned: Turned, report: &mut RunReport) -> Duration {
        report.turns += 1;
        let (id, ended) = match turned {
            Ok((id, ended)) => (id, Ok(ended)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some((acd, leg)) = self.contacts.remove(&id) else {
            return Duration::ZERO;
        };
        match ended {
            Ok(Ended::Rested(reached)) => {
                for stage in &reached {
                    *report.reached.entry(stage.to_string()).or_default() += 1;
                }
                tracing::debug!(%leg, ?reached, "a turn ended");
                Duration::ZERO
            }
            Ok(Ended::Overtaken) => Duration::ZERO,
            Ok(Ended::Clashed) => {
                self.left.push((acd, leg, CLASHED));
                Duration::ZERO
            }
            Ok(Ended::Ledger(error)) => {
                tracing::error!(%leg, %error, "the ledger cannot be written; nothing is lost");
                self.left.push((acd, leg, UNWRITTEN));
                LEDGER_PAUSE
            }
            // A defect that one contact meets must not end the turns of the others.
            Err(error) => {
                // What a panic says may quote what it met.
                tracing::error!(%leg, panicked = error.is_panic(), "a turn broke off");
                self.left.push((acd, leg, BROKEN_OFF));
                Duration::ZERO
            }
        }
    }

    /// Lets go of contacts whose turns did not end well, to be taken up later from where the ledger has them.
    async fn free<L: Ledger>(&mut self, core: &Core<L>) -> Result<(), LedgerError> {
        while let Some((acd, leg, pause)) = self.left.last() {
            match let_go(core, acd, *leg, *pause).await {
                // Changed meanwhile: then nobody holds it any more.
                Ok(()) | Err(LedgerError::Conflict { .. }) => {}
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    tracing::error!(%leg, %error, "a contact stays held until the next start");
                }
            }
            self.left.pop();
        }
        Ok(())
    }
}

async fn let_go<L: Ledger>(
    core: &Core<L>,
    acd: &AcdKey,
    leg: LegId,
    pause: TimeDelta,
) -> Result<(), LedgerError> {
    let Some(record) = core.ledger.get(acd, leg).await? else {
        return Ok(());
    };
    let (row, now) = (record.row, core.now());
    let due_at = row.schedule.due_at.map(|_| now + pause);
    let schedule = Schedule {
        due_at,
        ..row.schedule
    };
    let mut contact = row.contact.clone();
    // An upload may have gone on until now: it is in doubt from here on, not from when it was intended.
    if let Stage::Linked(stage) = contact.stage.clone()
        && stage.in_doubt
    {
        contact.stage = Stage::Linked(stage.doubt(now));
    }
    core.ledger
        .save(row.change(contact, schedule, now))
        .await
        .map(drop)
}
