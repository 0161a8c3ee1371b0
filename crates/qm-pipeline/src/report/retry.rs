//! Taking contacts up again: by the command itself where no worker runs, by the worker where one does.

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId, ParkKind, Stage, StageName};
use serde::Serialize;
use sync_ledger::{
    ContactFilter, ContactRow, ContactStore, Ledger, PageRequest, Wish, WishId, WishStore,
};

use super::contacts::find;
use super::{AcdNames, ReportError};
use crate::runner::retry_one;

/// What a retry is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// One leg.
    Leg(LegId),
    /// All that are parked, of one ACD or all, for one reason or any.
    Parked {
        /// The ACD's name.
        acd: Option<String>,
        /// The reason.
        reason: Option<ParkKind>,
    },
}

/// What became of a command to retry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RetryReport {
    /// Legs that were taken up by this command. Empty where a worker is to do it.
    pub taken_up: Vec<Retried>,
    /// Legs that were left as they are.
    pub skipped: Vec<Skipped>,
    /// The number of the wish that was left for the running worker.
    pub wish: Option<WishId>,
    /// How many contacts the wish is about, as far as is known now.
    pub wished_for: u64,
}

/// A contact that was taken up again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retried {
    /// Its leg.
    pub leg: LegId,
    /// Its ACD's name.
    pub acd: String,
    /// The reason for which it was parked; `None` where it was on its way and only hurries.
    pub was_parked_for: Option<ParkKind>,
    /// The stage from which it goes on.
    pub resumes_at: StageName,
}

/// A contact that was not taken up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its leg, as the ledger names it.
    pub leg: String,
    /// Its ACD's name.
    pub acd: String,
    /// Why.
    pub why: String,
}

/// Takes one contact up again, or makes one that is on its way due at once.
pub async fn retry_leg<L: Ledger>(
    ledger: &L,
    names: &AcdNames,
    leg: LegId,
    now: DateTime<Utc>,
) -> Result<Retried, ReportError> {
    let row = find(ledger, names, leg).await?.row;
    refuse_the_finished(&row)?;
    // It may have come to its end since it was read.
    if retry_one(ledger, row.acd(), leg, now).await? {
        Ok(retried(&row, names))
    } else {
        Err(nothing_to_retry(&find(ledger, names, leg).await?.row))
    }
}

/// Takes every parked contact up again that fits. One that cannot be read, or is gone meanwhile, stops none of the others.
pub async fn retry_parked<L: Ledger>(
    ledger: &L,
    names: &AcdNames,
    acd: Option<&AcdKey>,
    reason: Option<ParkKind>,
    now: DateTime<Utc>,
) -> Result<RetryReport, ReportError> {
    let filter = ContactFilter {
        acd: acd.cloned(),
        stages: vec![StageName::Parked],
        park_kinds: reason.into_iter().collect(),
        ..ContactFilter::default()
    };
    let mut report = RetryReport::default();
    let mut request = PageRequest::first(PageRequest::MAX);
    loop {
        let page = ledger.list(&filter, &request).await?;
        for row in &page.contacts {
            if retry_one(ledger, row.acd(), row.leg(), now).await? {
                report.taken_up.push(retried(row, names));
            } else {
                report.skipped.push(Skipped {
                    leg: row.leg().to_string(),
                    acd: names.name(row.acd()),
                    why: "it is not parked any more".to_owned(),
                });
            }
        }
        report
            .skipped
            .extend(page.unreadable.into_iter().map(|contact| Skipped {
                leg: contact.leg,
                acd: names.name(&contact.acd),
                why: contact.fault,
            }));
        match page.next {
            Some(mark) => request.after = Some(mark),
            None => return Ok(report),
        }
    }
}

/// Leaves the wish for the running worker.
pub async fn wish_retry<L: ContactStore + WishStore>(
    ledger: &L,
    names: &AcdNames,
    selection: &Selection,
    now: DateTime<Utc>,
) -> Result<RetryReport, ReportError> {
    let (wish, wished_for) = match selection {
        Selection::Leg(leg) => {
            let row = find(ledger, names, *leg).await?.row;
            refuse_the_finished(&row)?;
            let acd = row.acd().clone();
            (Wish::RetryContact { acd, leg: *leg }, 1)
        }
        Selection::Parked { acd, reason } => {
            let acd = names.find_some(acd.as_deref())?;
            let counts = ledger.counts(acd.as_ref()).await?;
            let fits = |count: &&sync_ledger::StageCount| {
                count.stage == StageName::Parked
                    && reason.is_none_or(|kind| count.reason.as_deref() == Some(kind.as_str()))
            };
            let contacts = counts.iter().filter(fits).map(|count| count.contacts).sum();
            (Wish::RetryParked { acd, kind: *reason }, contacts)
        }
    };
    Ok(RetryReport {
        wish: Some(ledger.put(&wish, now).await?),
        wished_for,
        ..RetryReport::default()
    })
}

fn refuse_the_finished(row: &ContactRow) -> Result<(), ReportError> {
    let stage = row.contact.stage.name();
    if stage.is_final() && stage != StageName::Parked {
        return Err(nothing_to_retry(row));
    }
    Ok(())
}

fn nothing_to_retry(row: &ContactRow) -> ReportError {
    ReportError::NothingToRetry {
        leg: row.leg(),
        stage: row.contact.stage.name(),
    }
}

fn retried(row: &ContactRow, names: &AcdNames) -> Retried {
    let (was_parked_for, resumes_at) = match &row.contact.stage {
        Stage::Parked(parked) => (Some(parked.reason.kind()), parked.resume.name()),
        stage => (None, stage.name()),
    };
    Retried {
        leg: row.leg(),
        acd: names.name(row.acd()),
        was_parked_for,
        resumes_at,
    }
}
