//! The newest state of each agent that Calabrio does not have yet.

use std::collections::{BTreeMap, HashMap};

use twilio_sid::WorkerSid;
use wfm_state_mapping::StateChange;

use crate::{DeliveryError, Outcome, Receipt, StateBatch};

/// After so many deliveries in a row that failed it counts as an outage.
const OUTAGE: u32 = 3;

/// Keeps, for each agent, the newest state alone, until Calabrio has it. Memory is bounded by the number of agents.
///
/// It has no clock and no task: put changes in as they come, [`take`](Self::take) a batch, deliver it, [`settle`](Self::settle) it. What comes for an agent
/// while its older state is on its way waits, and goes next.
///
/// ```
/// # use wfm_delivery::NewestStates;
/// let mut newest = NewestStates::new(10_000);
/// assert!(newest.take(500).is_none());
/// ```
#[derive(Debug)]
pub struct NewestStates {
    limit: usize,
    waiting: HashMap<WorkerSid, Waiting>,
    /// Agents by the number of their newest change: who waits longest goes first.
    order: BTreeMap<u64, WorkerSid>,
    next: u64,
    /// The number of the newest snapshot, and how many agents' states of it are still to go.
    generation: u64,
    snapshot_left: usize,
    in_flight: usize,
    /// How many deliveries failed in a row.
    failures: u32,
    outage: bool,
}

#[derive(Debug)]
struct Waiting {
    change: StateChange,
    number: u64,
    /// The place in the order: that of the oldest change that this one took the place of.
    place: u64,
    /// The number of the change that is on its way.
    in_flight: Option<u64>,
    /// The snapshot that it is to go with.
    snapshot: Option<u64>,
}

impl NewestStates {
    /// Room for so many agents.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            waiting: HashMap::new(),
            order: BTreeMap::new(),
            next: 0,
            generation: 0,
            snapshot_left: 0,
            in_flight: 0,
            failures: 0,
            outage: false,
        }
    }

    /// How many agents' states wait or are on their way.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether Calabrio has everything.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether there was an outage since the last snapshot: one is due before the next batch is taken. Three deliveries in a row that failed are
    /// one, and [`outage`](Self::outage) tells of others; what a single one did not bring goes with the next. A file that waits for the one before
    /// of its name is none.
    pub fn wants_snapshot(&self) -> bool {
        self.outage
    }

    /// How many deliveries failed in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether there is no agent of whom Calabrio was told nothing since the last outage.
    pub fn everybody_was_told(&self) -> bool {
        !self.outage && self.snapshot_left == 0
    }

    /// Says that Calabrio may lack states: after the start, or after an outage that this store did not see.
    pub fn outage(&mut self) {
        self.outage = true;
    }

    /// A newer state of an agent; it takes the place of the one that waits.
    ///
    /// # Errors
    ///
    /// [`DeliveryError::TooManyAgents`]: the state of this agent is not kept. Those of others are not touched.
    pub fn put(&mut self, change: StateChange) -> Result<(), DeliveryError> {
        self.insert(change, false)
    }

    /// The state of every agent. It takes the place of all that waits, so that nothing is sent twice.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put), for the first agent beyond the limit.
    pub fn snapshot(
        &mut self,
        all: impl IntoIterator<Item = StateChange>,
    ) -> Result<(), DeliveryError> {
        self.outage = false;
        self.generation += 1;
        all.into_iter()
            .try_for_each(|change| self.insert(change, true))
    }

    fn insert(&mut self, change: StateChange, of_snapshot: bool) -> Result<(), DeliveryError> {
        let agent = change.agent;
        let number = self.next;
        let known = self.waiting.get(&agent);
        if known.is_none() && self.waiting.len() >= self.limit {
            return Err(DeliveryError::TooManyAgents {
                limit: self.limit,
                agent,
            });
        }
        self.next += 1;
        let place = known.map_or(number, |known| known.place);
        let in_flight = known.and_then(|known| known.in_flight);
        let before = known.and_then(|known| known.snapshot);
        let snapshot = if of_snapshot {
            Some(self.generation)
        } else {
            before
        };
        self.snapshot_left += usize::from(snapshot.is_some() && before.is_none());
        self.order.insert(place, agent);
        let entry = Waiting {
            change,
            number,
            place,
            in_flight,
            snapshot,
        };
        self.waiting.insert(agent, entry);
        Ok(())
    }

    /// The states to be sent next, at most `most`; a snapshot before changes. `None` where nothing waits that is not on its way.
    ///
    /// A snapshot goes one batch at a time, after whatever else is on its way: then its last batch comes last.
    pub fn take(&mut self, most: usize) -> Option<StateBatch> {
        let snapshot = self.snapshot_left > 0;
        if snapshot && self.in_flight > 0 {
            return None;
        }
        let mut agents = Vec::new();
        let mut more = false;
        for agent in self.order.values() {
            let Some(entry) = self.waiting.get(agent) else {
                continue;
            };
            if entry.in_flight.is_some() || entry.snapshot.is_some() != snapshot {
                continue;
            }
            if agents.len() >= most {
                more = true;
                break;
            }
            agents.push(*agent);
        }
        let mut rows = Vec::with_capacity(agents.len());
        let mut numbers = Vec::with_capacity(agents.len());
        for agent in agents {
            if let Some(entry) = self.waiting.get_mut(&agent) {
                entry.in_flight = Some(entry.number);
                rows.push(entry.change.clone());
                numbers.push(entry.number);
            }
        }
        self.in_flight += rows.len();
        (!rows.is_empty()).then(|| StateBatch {
            rows: rows.into(),
            numbers: numbers.into(),
            snapshot: snapshot.then_some(self.generation),
            last: snapshot && !more,
        })
    }

    /// What became of a batch. What was taken or refused is done with; the rest goes again, unless something newer has come.
    ///
    /// Rows that the receipt does not speak of go again.
    pub fn settle(&mut self, batch: &StateBatch, receipt: &Receipt) {
        let mut done = vec![false; batch.rows.len()];
        match receipt.retry_later() {
            None => self.failures = 0,
            Some(error) if error.is_waiting() => {}
            Some(_) => {
                self.failures = self.failures.saturating_add(1);
                self.outage |= self.failures >= OUTAGE;
            }
        }
        for part in &receipt.parts {
            let is_done = !matches!(part.outcome, Outcome::RetryLater { .. });
            for row in part.rows.clone() {
                if let Some(done) = done.get_mut(row) {
                    *done = is_done;
                }
            }
        }
        let rows = batch.rows.iter().zip(batch.numbers.iter()).zip(done);
        for ((change, number), done) in rows {
            let entry = self.waiting.get_mut(&change.agent);
            // A batch that was settled before has nothing on its way any more.
            let Some(entry) = entry.filter(|entry| entry.in_flight == Some(*number)) else {
                continue;
            };
            entry.in_flight = None;
            self.in_flight -= 1;
            if !done {
                continue;
            }
            // Of a snapshot that began meanwhile, the agent is still to go.
            if entry.snapshot.is_some() && entry.snapshot == batch.snapshot {
                entry.snapshot = None;
                self.snapshot_left -= 1;
            }
            let (place, newest) = (entry.place, entry.number);
            self.order.remove(&place);
            if newest == *number && entry.snapshot.is_none() {
                self.waiting.remove(&change.agent);
            } else {
                entry.place = newest;
                self.order.insert(newest, change.agent);
            }
        }
    }

    /// A batch whose delivery was dropped: all of it goes again.
    pub fn abandon(&mut self, batch: &StateBatch) {
        self.outage = true;
        self.settle(batch, &Receipt::default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wfm_state_mapping::{CalabrioState, Cause, HoldSource};

    use super::*;
    use crate::{Part, Refusal};

    fn change(agent: u8, second: u32) -> StateChange {
        StateChange {
            agent: format!("WK{agent:032x}").parse().unwrap(),
            state: CalabrioState::Ready,
            reason_code: None,
            since: chrono::DateTime::from_timestamp(i64::from(second), 0).unwrap(),
            cause: Cause::Nothing,
            hold_source: HoldSource::Unseen,
        }
    }

    fn receipt(batch: &StateBatch, outcome: Outcome) -> Receipt {
        Receipt {
            parts: vec![Part {
                rows: 0..batch.rows.len(),
                file: None,
                outcome,
            }],
        }
    }

    fn later() -> Outcome {
        Outcome::RetryLater {
            error: DeliveryError::CutOff,
            in_doubt: true,
        }
    }

    #[test]
    fn only_the_newest_state_waits_and_none_is_lost_that_came_while_another_was_on_its_way() {
        let mut newest = NewestStates::new(10);
        newest.put(change(1, 1)).unwrap();
        newest.put(change(1, 2)).unwrap();
        let batch = newest.take(10).unwrap();
        assert_eq!(batch.rows(), [change(1, 2)]);
        newest.put(change(1, 3)).unwrap();
        newest.put(change(1, 4)).unwrap();
        assert!(newest.take(10).is_none(), "one of an agent at a time");
        newest.settle(&batch, &receipt(&batch, Outcome::Accepted));
        let batch = newest.take(10).unwrap();
        assert_eq!(batch.rows(), [change(1, 4)]);
        newest.settle(&batch, &receipt(&batch, Outcome::Accepted));
        assert!(newest.is_empty() && newest.order.is_empty());
    }

    #[test]
    fn settling_a_batch_twice_changes_nothing() {
        let mut newest = NewestStates::new(10);
        newest.put(change(1, 1)).unwrap();
        let first = newest.take(10).unwrap();
        newest.put(change(1, 2)).unwrap();
        newest.settle(&first, &receipt(&first, Outcome::Accepted));
        let second = newest.take(10).unwrap();
        newest.settle(&first, &receipt(&first, Outcome::Accepted));
        assert!(newest.take(10).is_none(), "the second is on its way");
        newest.settle(&second, &receipt(&second, Outcome::Accepted));
        assert!(newest.is_empty());
    }

    #[test]
    fn what_failed_goes_again_unless_something_newer_came() {
        let mut newest = NewestStates::new(10);
        newest.put(change(1, 1)).unwrap();
        newest.put(change(2, 1)).unwrap();
        let batch = newest.take(10).unwrap();
        newest.put(change(2, 2)).unwrap();
        newest.settle(&batch, &receipt(&batch, later()));
        let batch = newest.take(10).unwrap();
        assert_eq!(batch.rows(), [change(1, 1), change(2, 2)]);
        assert!(!batch.is_snapshot());
    }

    #[test]
    fn three_failures_in_a_row_are_an_outage_after_which_a_snapshot_is_due() {
        let mut newest = NewestStates::new(10);
        newest.put(change(1, 1)).unwrap();
        let mut settle = |fails: bool| {
            let batch = newest.take(10).unwrap();
            let outcome = if fails { later() } else { Outcome::Accepted };
            newest.settle(&batch, &receipt(&batch, outcome));
            newest.put(change(1, 1)).unwrap();
            newest.wants_snapshot()
        };
        let wants = [true, true, false, true, true, true].map(&mut settle);
        assert_eq!(wants, [false, false, false, false, false, true]);
        newest.snapshot([change(1, 1)]).unwrap();
        assert!(!newest.wants_snapshot() && !newest.everybody_was_told());
        let batch = newest.take(10).unwrap();
        newest.settle(&batch, &receipt(&batch, Outcome::Accepted));
        assert!(newest.everybody_was_told());
        assert_eq!(newest.failures(), 0);
    }

    #[test]
    fn a_file_that_waits_for_the_one_before_is_no_failure() {
        let mut newest = NewestStates::new(10);
        newest.put(change(1, 1)).unwrap();
        for _ in 0..10 {
            let batch = newest.take(10).unwrap();
            let waits = Outcome::RetryLater {
                error: DeliveryError::NameTaken {
                    file: "AgentState.EVENT".to_owned(),
                    folder: "drop".into(),
                },
                in_doubt: false,
            };
            newest.settle(&batch, &receipt(&batch, waits));
        }
        assert!(!newest.wants_snapshot());
        assert_eq!(newest.failures(), 0);
        assert_eq!(newest.take(10).unwrap().rows(), [change(1, 1)]);
    }

    #[test]
    fn a_refused_state_is_done_with_and_blocks_nobody() {
        let mut newest = NewestStates::new(10);
        newest.put(change(1, 1)).unwrap();
        let batch = newest.take(1).unwrap();
        newest.put(change(2, 1)).unwrap();
        newest.settle(
            &batch,
            &receipt(&batch, Outcome::Refused(Refusal::RepeatedHour)),
        );
        assert_eq!(newest.take(1).unwrap().rows(), [change(2, 1)]);
    }

    #[test]
    fn a_snapshot_goes_before_changes_and_says_where_it_ends() {
        let mut newest = NewestStates::new(10);
        newest.outage();
        newest.put(change(9, 1)).unwrap();
        newest
            .snapshot([1, 2, 3].map(|agent| change(agent, 5)))
            .unwrap();
        assert!(!newest.wants_snapshot());
        newest.put(change(3, 6)).unwrap();
        let mut seen = Vec::new();
        while let Some(batch) = newest.take(2) {
            seen.push((batch.is_snapshot(), batch.is_last(), batch.rows().to_vec()));
            newest.settle(&batch, &receipt(&batch, Outcome::Accepted));
        }
        assert_eq!(
            seen,
            [
                (true, false, vec![change(1, 5), change(2, 5)]),
                (true, true, vec![change(3, 6)]),
                (false, false, vec![change(9, 1)]),
            ]
        );
    }

    #[test]
    fn a_dropped_delivery_goes_again() {
        let mut newest = NewestStates::new(10);
        newest.put(change(1, 1)).unwrap();
        let batch = newest.take(10).unwrap();
        newest.abandon(&batch);
        assert_eq!(newest.take(10).unwrap().rows(), batch.rows());
        assert!(newest.wants_snapshot());
    }

    #[test]
    fn an_agent_beyond_the_limit_is_an_error_and_the_others_stay() {
        let mut newest = NewestStates::new(1);
        newest.put(change(1, 1)).unwrap();
        let error = newest.put(change(2, 1)).unwrap_err();
        assert!(matches!(
            error,
            DeliveryError::TooManyAgents { limit: 1, .. }
        ));
        newest.put(change(1, 2)).unwrap();
        assert_eq!(newest.len(), 1);
    }

    proptest! {
        #[test]
        fn calabrio_ends_with_the_newest_state_of_each_agent(
            steps in proptest::collection::vec((0_u8..4, 0_u8..5, 1_usize..4), 1..200)
        ) {
            let mut newest = NewestStates::new(5);
            let mut truth = HashMap::new();
            let mut calabrio = HashMap::new();
            let mut flying: Option<StateBatch> = None;
            for (second, (what, agent, most)) in (0_u32..).zip(steps) {
                match (what, flying.take()) {
                    (0 | 1, batch) => {
                        flying = batch;
                        truth.insert(agent, change(agent, second));
                        newest.put(change(agent, second)).unwrap();
                    }
                    (2, None) => flying = newest.take(most),
                    (2, Some(batch)) => newest.settle(&batch, &receipt(&batch, later())),
                    (_, Some(batch)) => {
                        calabrio.extend(batch.rows().iter().map(|row| (row.agent, row.clone())));
                        newest.settle(&batch, &receipt(&batch, Outcome::Accepted));
                    }
                    (_, None) => newest.snapshot(truth.values().cloned()).unwrap(),
                }
                prop_assert!(newest.len() <= 5);
            }
            if let Some(batch) = flying {
                newest.abandon(&batch);
            }
            while let Some(batch) = newest.take(2) {
                calabrio.extend(batch.rows().iter().map(|row| (row.agent, row.clone())));
                newest.settle(&batch, &receipt(&batch, Outcome::Accepted));
            }
            prop_assert!(newest.is_empty() && newest.order.is_empty() && newest.snapshot_left + newest.in_flight == 0);
            for change in truth.values() {
                prop_assert_eq!(calabrio.get(&change.agent), Some(change));
            }
        }
    }
}
