//! Backfills: what a range would take, and how far one is.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use contact_model::{AcdKey, LegId};
use serde::{Deserialize, Serialize};
use sync_ledger::{Backfill, BackfillState, Ledger, WishId};
use twilio_client::{TwilioClient, TwilioError};

use super::{AcdNames, ReportError};
use crate::policy::Window;
use crate::runner::{EVENTS_KEPT, read_window};

/// A backfill in one line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BackfillLine {
    /// Its number.
    pub id: i64,
    /// The ACD's name.
    pub acd: String,
    /// The range's beginning, inclusive.
    pub from: DateTime<Utc>,
    /// The range's end, exclusive.
    pub to: DateTime<Utc>,
    /// How far it is.
    pub position: DateTime<Utc>,
    /// The same as a share of the range, from 0 to 100.
    pub percent: u8,
    /// What it is doing.
    pub state: BackfillState,
    /// Legs that it found and that were not known.
    pub legs_new: u64,
    /// Legs that it found and that were known.
    pub legs_known: u64,
}

/// The line of a backfill.
pub fn backfill_line(backfill: &Backfill, names: &AcdNames) -> BackfillLine {
    let whole = (backfill.to - backfill.from).num_milliseconds().max(1);
    let done = (backfill.position - backfill.from)
        .num_milliseconds()
        .clamp(0, whole);
    // Floored, so that 100 is said only of what is through.
    let percent = u8::try_from(i128::from(done) * 100 / i128::from(whole)).unwrap_or(100);
    BackfillLine {
        id: backfill.id.0,
        acd: names.name(&backfill.acd),
        from: backfill.from,
        to: backfill.to,
        position: backfill.position,
        percent,
        state: backfill.state,
        legs_new: backfill.legs_new,
        legs_known: backfill.legs_known,
    }
}

/// What a backfill would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BackfillPlan {
    /// The ACD's name.
    pub acd: String,
    /// The range's beginning, inclusive.
    pub from: DateTime<Utc>,
    /// The range's end, exclusive.
    pub to: DateTime<Utc>,
    /// The range that Twilio can still tell of; `None` where it can tell of none of it.
    pub within_reach: Option<RangeNote>,
    /// Legs of the range that the ledger does not know.
    pub legs_new: u64,
    /// Legs of the range that it knows.
    pub legs_known: u64,
    /// Those that it does not know.
    pub new: Vec<LegId>,
    /// The open backfill of the same range, which would go on.
    pub goes_on: Option<BackfillLine>,
}

/// What backfills of one range would do at several ACDs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BackfillPlans {
    /// One for each ACD.
    pub plans: Vec<BackfillPlan>,
}

/// What became of a command to backfill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BackfillOutcome {
    /// The wishes that were left for a running worker.
    pub asked: Vec<WishId>,
    /// The backfills that were worked on, as they stand.
    pub backfills: Vec<BackfillLine>,
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeNote {
    /// Its beginning, inclusive.
    pub from: DateTime<Utc>,
    /// Its end, exclusive.
    pub to: DateTime<Utc>,
}

/// Refuses a range that cannot be worked through: empty, or not over yet.
pub fn check_range(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), ReportError> {
    let refuse = |what| {
        Err(ReportError::Range {
            from: from.to_rfc3339(),
            to: to.to_rfc3339(),
            what,
        })
    };
    if from >= to {
        return refuse("is empty: give a beginning that lies before the end");
    }
    if to > now {
        return refuse(
            "is not over yet: give an end that has passed, the live sync takes what comes",
        );
    }
    Ok(())
}

/// What a backfill of the range would find at one ACD: asks Twilio and the ledger, and writes nothing.
pub async fn plan_backfill<L: Ledger>(
    ledger: &L,
    names: &AcdNames,
    acd: &AcdKey,
    twilio: &TwilioClient,
    range: RangeNote,
    window: std::time::Duration,
    now: DateTime<Utc>,
) -> Result<Result<BackfillPlan, TwilioError>, ReportError> {
    check_range(range.from, range.to, now)?;
    let open = ledger.backfills(true).await?;
    let same = open
        .iter()
        .find(|open| open.acd == *acd && open.from == range.from && open.to == range.to);
    let mut plan = BackfillPlan {
        acd: names.name(acd),
        from: range.from,
        to: range.to,
        within_reach: None,
        legs_new: 0,
        legs_known: 0,
        new: Vec::new(),
        goes_on: same.map(|open| backfill_line(open, names)),
    };
    let oldest = (now - EVENTS_KEPT).trunc_subsecs(0);
    let begin = same.map_or(range.from, |open| open.position).max(oldest);
    if begin >= range.to {
        return Ok(Ok(plan));
    }
    plan.within_reach = Some(RangeNote {
        from: begin,
        to: range.to,
    });
    let step = TimeDelta::from_std(window).unwrap_or(TimeDelta::minutes(5));
    let mut from = begin;
    while from < range.to {
        let to = (from + step).min(range.to);
        let legs = match read_window(twilio, acd, Window { from, to }, begin, now).await {
            Ok(legs) => legs,
            Err(error) => return Ok(Err(error)),
        };
        for (contact, _) in legs {
            let leg = contact.leg.id;
            if ledger.get(acd, leg).await?.is_some() {
                plan.legs_known += 1;
            } else {
                plan.legs_new += 1;
                plan.new.push(leg);
            }
        }
        from = to;
    }
    Ok(Ok(plan))
}

#[cfg(test)]
mod tests {
    use sync_ledger::{Advance, CursorId, CursorStore as _, keep};

    use super::super::fixture::{Fixture, at};
    use super::*;

    #[tokio::test]
    async fn a_hundred_per_cent_is_said_only_of_what_is_through() {
        let fixture = Fixture::new(Vec::new()).await;
        let acd = fixture.config.acds[0].key();
        let mut open = fixture
            .ledger
            .begin_backfill(&acd, at(0), at(1000), at(2000))
            .await
            .unwrap();
        let mut percents = Vec::new();
        for minute in [0, 5, 999, 1000] {
            if minute > 0 {
                let step = Advance {
                    cursor: CursorId::Backfill(open.id),
                    from: Some(open.position),
                    to: at(minute),
                    legs: Vec::new(),
                    at: at(2000),
                };
                fixture.ledger.advance(step, &keep).await.unwrap();
                open = fixture.ledger.backfill(open.id).await.unwrap().unwrap();
            }
            percents.push(backfill_line(&open, &fixture.names).percent);
        }
        assert_eq!(percents, [0, 0, 99, 100]);
        assert_eq!(open.state, BackfillState::Done);
    }

    #[test]
    fn a_range_that_is_empty_or_not_over_is_refused() {
        check_range(at(0), at(1), at(1)).unwrap();
        for (from, to, told) in [
            (1, 1, "is empty"),
            (2, 1, "is empty"),
            (0, 2, "is not over yet"),
        ] {
            let error = check_range(at(from), at(to), at(1)).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
