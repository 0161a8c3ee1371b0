//! Taking contacts up again: by the command itself where no worker runs, by the worker where one does.

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, LegId, ParkKind, Stage, StageName};
use serde::Serialize;
use sync_ledger::{
    ContactFilter, ContactRow, ContactStore, Ledger, PageRequest, Wish, WishId, WishStore,
};

use super::contacts::{ContactQuery, filter, find};
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
    /// Those that are parked of what a query asks for, without its limit.
    Those(ContactQuery),
}

/// What became of a command to retry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RetryReport {
    /// Legs that were taken up by this command. Empty where a worker is to do it.
    pub taken_up: Vec<Retried>,
    /// Legs that were left as they are.
    pub skipped: Vec<Skipped>,
    /// The number of the wish that was left for the running worker; of several, the last one.
    pub wish: Option<WishId>,
    /// Of several wishes, one for each contact, the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_wish: Option<WishId>,
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
    retry_all(ledger, names, &filter, now).await
}

/// Takes those parked contacts up again that a query asks for, without its limit.
pub async fn retry_those<L: Ledger>(
    ledger: &L,
    names: &AcdNames,
    query: &ContactQuery,
    now: DateTime<Utc>,
) -> Result<RetryReport, ReportError> {
    retry_all(ledger, names, &parked_of(names, query)?, now).await
}

fn parked_of(names: &AcdNames, query: &ContactQuery) -> Result<ContactFilter, ReportError> {
    Ok(ContactFilter {
        stages: vec![StageName::Parked],
        ..filter(names, query)?
    })
}

async fn retry_all<L: Ledger>(
    ledger: &L,
    names: &AcdNames,
    filter: &ContactFilter,
    now: DateTime<Utc>,
) -> Result<RetryReport, ReportError> {
    let mut report = RetryReport::default();
    let mut request = PageRequest::first(PageRequest::MAX);
    loop {
        let page = ledger.list(filter, &request).await?;
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
        Selection::Those(query) => return wish_those(ledger, names, query, now).await,
    };
    Ok(RetryReport {
        wish: Some(ledger.put(&wish, now).await?),
        wished_for,
        ..RetryReport::default()
    })
}

/// A wish knows no more than an ACD and a reason: each contact that fits is one.
async fn wish_those<L: ContactStore + WishStore>(
    ledger: &L,
    names: &AcdNames,
    query: &ContactQuery,
    now: DateTime<Utc>,
) -> Result<RetryReport, ReportError> {
    let filter = parked_of(names, query)?;
    let mut report = RetryReport::default();
    let mut request = PageRequest::first(PageRequest::MAX);
    loop {
        let page = ledger.list(&filter, &request).await?;
        for row in &page.contacts {
            let (acd, leg) = (row.acd().clone(), row.leg());
            let wish = ledger.put(&Wish::RetryContact { acd, leg }, now).await?;
            report.first_wish.get_or_insert(wish);
            report.wish = Some(wish);
            report.wished_for += 1;
        }
        match page.next {
            Some(mark) => request.after = Some(mark),
            None => return Ok(report),
        }
    }
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

#[cfg(test)]
mod tests {
    use contact_model::ParkReason;
    use sync_ledger::{AcdStore as _, WishState};

    use super::super::fixture::{Fixture, at, discovered, excluded, leg, parked};
    use super::*;

    async fn stage(fixture: &Fixture, number: u32) -> (StageName, Option<DateTime<Utc>>) {
        let row = find(&fixture.ledger, &fixture.names, leg(number))
            .await
            .unwrap()
            .row;
        (row.contact.stage.name(), row.schedule.due_at)
    }

    #[tokio::test]
    async fn a_parked_contact_goes_on_where_it_stood_at_once() {
        let fixture = Fixture::new(vec![parked(ParkReason::NoMedia)]).await;
        let retried = retry_leg(&fixture.ledger, &fixture.names, leg(1), at(40))
            .await
            .unwrap();
        assert_eq!(
            (retried.was_parked_for, retried.resumes_at),
            (Some(ParkKind::NoMedia), StageName::Discovered)
        );
        assert_eq!(
            stage(&fixture, 1).await,
            (StageName::Discovered, Some(at(40)))
        );
    }

    #[tokio::test]
    async fn a_contact_on_its_way_hurries() {
        let fixture = Fixture::new(vec![discovered()]).await;
        let retried = retry_leg(&fixture.ledger, &fixture.names, leg(1), at(40))
            .await
            .unwrap();
        assert_eq!(retried.was_parked_for, None);
        assert_eq!(
            stage(&fixture, 1).await,
            (StageName::Discovered, Some(at(40)))
        );
    }

    #[tokio::test]
    async fn a_contact_at_its_end_stays_there() {
        let fixture = Fixture::new(vec![excluded()]).await;
        let error = retry_leg(&fixture.ledger, &fixture.names, leg(1), at(40))
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                ReportError::NothingToRetry {
                    stage: StageName::Excluded,
                    ..
                }
            ),
            "{error}"
        );
        let error = wish_retry(
            &fixture.ledger,
            &fixture.names,
            &Selection::Leg(leg(1)),
            at(40),
        )
        .await
        .unwrap_err();
        assert!(matches!(error, ReportError::NothingToRetry { .. }));
    }

    #[tokio::test]
    async fn of_all_that_are_parked_those_of_one_reason_are_taken_up() {
        let fixture = Fixture::new(vec![
            parked(ParkReason::NoMedia),
            parked(ParkReason::EventsGone),
            discovered(),
            parked(ParkReason::NoMedia),
        ])
        .await;
        let (ledger, names) = (&fixture.ledger, &fixture.names);
        let report = retry_parked(ledger, names, None, Some(ParkKind::NoMedia), at(40))
            .await
            .unwrap();
        let mut legs: Vec<_> = report.taken_up.iter().map(|retried| retried.leg).collect();
        legs.sort_unstable();
        assert_eq!(legs, [leg(1), leg(4)]);
        assert_eq!(stage(&fixture, 2).await.0, StageName::Parked);
        let rest = retry_parked(
            ledger,
            names,
            Some(names.find("main").unwrap()),
            None,
            at(41),
        )
        .await
        .unwrap();
        assert_eq!(rest.taken_up.len(), 1);
    }

    #[tokio::test]
    async fn a_wish_is_left_once_and_says_how_many_it_is_about() {
        let fixture = Fixture::new(vec![
            parked(ParkReason::NoMedia),
            parked(ParkReason::EventsGone),
        ])
        .await;
        let selection = Selection::Parked {
            acd: Some("main".to_owned()),
            reason: Some(ParkKind::NoMedia),
        };
        let report = wish_retry(&fixture.ledger, &fixture.names, &selection, at(40))
            .await
            .unwrap();
        assert_eq!((report.wished_for, report.taken_up.len()), (1, 0));
        let again = wish_retry(&fixture.ledger, &fixture.names, &selection, at(41))
            .await
            .unwrap();
        assert_eq!(again.wish, report.wish);
        let wish = fixture
            .ledger
            .wish(report.wish.unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(wish.state, WishState::Waiting);
        assert_eq!(fixture.ledger.acds().await.unwrap()[0].unfinished, 2);
    }

    #[tokio::test]
    async fn of_those_that_a_query_asks_for_the_parked_are_taken_up() {
        let fixture = Fixture::new(vec![
            parked(ParkReason::NoMedia),
            parked(ParkReason::EventsGone),
            discovered(),
            parked(ParkReason::NoMedia),
        ])
        .await;
        let (ledger, names) = (&fixture.ledger, &fixture.names);
        let query = ContactQuery {
            worker: Some(format!("WK{:032}", 0).parse().unwrap()),
            reasons: vec!["no-media".to_owned()],
            ..ContactQuery::default()
        };
        let asked = wish_retry(ledger, names, &Selection::Those(query.clone()), at(40))
            .await
            .unwrap();
        assert_eq!((asked.wished_for, asked.first_wish), (1, asked.wish));
        let wish = ledger.wish(asked.wish.unwrap()).await.unwrap().unwrap();
        let acd = fixture.config.acds[0].key();
        assert_eq!(wish.wish, Some(Wish::RetryContact { acd, leg: leg(4) }));
        let report = retry_those(ledger, names, &query, at(40)).await.unwrap();
        let legs: Vec<_> = report.taken_up.iter().map(|retried| retried.leg).collect();
        assert_eq!(legs, [leg(4)]);
    }
}
