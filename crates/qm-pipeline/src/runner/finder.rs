//! One search for many contacts. Calabrio's search knows days, not leg keys: each search reads what began in some days. So
//! the contacts that are to be found wait a moment for each other, and one pass over the days serves them all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use calabrio_client::{CalabrioClient, CalabrioContact, CalabrioError, ContactState, SearchWindow};
use chrono::{DateTime, TimeDelta, Utc};
use contact_model::LegId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use crate::policy::{FoundContact, FoundState};

/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_millis(50);

/// The most contacts that one pass looks for.
const BATCH: usize = 1_000;

/// How far from a leg's beginning Calabrio may have filed its contact.
const REACH: TimeDelta = TimeDelta::hours(1);

/// How far apart those may have begun that one pass serves: live contacts must not wait for a pass over a month.
const NEIGHBOURHOOD: TimeDelta = TimeDelta::days(1);

/// A search rests so many times as long as it took, so that searching never fills more than a fifth of the time.
const REST_FACTOR: u32 = 4;

/// The longest rest between two searches.
const LONGEST_REST: Duration = Duration::from_secs(15);

struct Ask {
    leg: LegId,
    around: DateTime<Utc>,
    answer: oneshot::Sender<Result<Vec<FoundContact>, Arc<CalabrioError>>>,
}

/// Where contacts are searched for; clones share the batches.
#[derive(Clone)]
pub(crate) struct Finder(mpsc::Sender<Ask>);

/// The search could not be carried out.
#[derive(Debug)]
pub(crate) enum SearchFailed {
    /// Calabrio's answer.
    Calabrio(Arc<CalabrioError>),
    /// The process is stopping.
    Stopping,
}

impl Finder {
    /// A finder, and the work that its owner must run for as long as it is used.
    pub(crate) fn new(calabrio: CalabrioClient) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, receiver) = mpsc::channel(BATCH);
        (Self(sender), serve(calabrio, receiver))
    }

    /// Every contact with this leg key that began around this time.
    pub(crate) async fn find(
        &self,
        leg: LegId,
        around: DateTime<Utc>,
    ) -> Result<Vec<FoundContact>, SearchFailed> {
        let (answer, found) = oneshot::channel();
        self.0
            .send(Ask {
                leg,
                around,
                answer,
            })
            .await
            .map_err(|_| SearchFailed::Stopping)?;
        found
            .await
            .map_err(|_| SearchFailed::Stopping)?
            .map_err(SearchFailed::Calabrio)
    }
}

async fn serve(calabrio: CalabrioClient, mut asked: mpsc::Receiver<Ask>) {
    let mut rested = Instant::now();
    while let Some(first) = asked.recv().await {
        sleep_until(rested).await;
        sleep(GATHER).await;
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(ask) = asked.try_recv()
        {
            batch.push(ask);
        }
        let mut rest = GATHER;
        for near in neighbours(batch) {
            let began = Instant::now();
            // A search that failed has waited already, as the vendor asked or the retry policy said.
            if answer(&calabrio, near).await {
                rest += began.elapsed() * REST_FACTOR;
            }
        }
        rested = Instant::now() + rest.min(LONGEST_REST);
    }
}

/// Splits a batch into groups that one pass over a few days can serve.
fn neighbours(mut batch: Vec<Ask>) -> Vec<Vec<Ask>> {
    batch.sort_by_key(|ask| ask.around);
    let mut groups: Vec<Vec<Ask>> = Vec::new();
    for ask in batch {
        match groups.last_mut() {
            Some(group)
                if group
                    .first()
                    .is_some_and(|first| ask.around - first.around < NEIGHBOURHOOD) =>
            {
                group.push(ask);
            }
            _ => groups.push(vec![ask]),
        }
    }
    groups
}

/// Searches for a group; whether the search could be carried out.
async fn answer(calabrio: &CalabrioClient, group: Vec<Ask>) -> bool {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return true;
    };
    let legs: BTreeSet<LegId> = group.iter().map(|ask| ask.leg).collect();
    let window = SearchWindow::new(first.around - REACH, last.around + REACH);
    let found = match window {
        Ok(window) => calabrio.find_by_leg_keys(&legs, window).await,
        Err(error) => Err(error),
    };
    let worked = found.is_ok();
    match found {
        Ok(found) => {
            let found: BTreeMap<LegId, Vec<FoundContact>> = found
                .into_iter()
                .map(|(leg, contacts)| (leg, contacts.iter().map(read).collect()))
                .collect();
            for ask in group {
                // Whoever asked may have been stopped meanwhile.
                let _ = ask
                    .answer
                    .send(Ok(found.get(&ask.leg).cloned().unwrap_or_default()));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for ask in group {
                let _ = ask.answer.send(Err(Arc::clone(&error)));
            }
        }
    }
    worked
}

fn read(contact: &CalabrioContact) -> FoundContact {
    let state = match contact.state {
        ContactState::Failed { .. } => FoundState::Failed,
        ContactState::Processing => FoundState::Processing,
        ContactState::Complete if contact.has_media != Some(false) => FoundState::WithMedia,
        _ => match contact.has_media {
            Some(true) => FoundState::WithMedia,
            Some(false) => FoundState::WithoutMedia,
            None => FoundState::Unclear,
        },
    };
    FoundContact {
        ccr: contact.id,
        state,
        duration_ms: contact.duration_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_days_apart_is_searched_for_apart() {
        let leg = |number: u8| format!("WR{number:032}").parse().unwrap();
        let at =
            |hour| DateTime::from_timestamp(1_780_000_000, 0).unwrap() + TimeDelta::hours(hour);
        let asks = [(1, 50), (2, 0), (3, 20)].map(|(number, hour)| Ask {
            leg: leg(number),
            around: at(hour),
            answer: oneshot::channel().0,
        });
        let groups = neighbours(asks.into());
        let legs: Vec<Vec<LegId>> = groups
            .iter()
            .map(|group| group.iter().map(|ask| ask.leg).collect())
            .collect();
        assert_eq!(legs, [vec![leg(2), leg(3)], vec![leg(1)]]);
    }
}
