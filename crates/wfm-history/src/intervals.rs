//! The intervals of a report, in the order of their keys.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_interval::{INTERVAL_SECONDS, Interval};

use crate::aggregate::{Key, Merge, Sums};
use crate::measure::ACTIVITY_SLOT;
use crate::settings::ReportRules;
use crate::subjects::{Party, Subjects};
use crate::{HistoryError, Report, Values};

/// The queue that an interval is of.
///
/// In JSON the SID, or `"service-queue"`. The service queue comes before all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueKey {
    /// The service queue that takes what names no queue.
    ServiceQueue,
    /// A task queue.
    #[serde(untagged)]
    Task(TaskQueueSid),
}

/// What an interval is of. Keys are ordered by interval, agent, queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IntervalKey {
    /// The interval.
    pub interval: Interval,
    /// The agent; `None` in the queue report.
    pub agent: Option<WorkerSid>,
    /// The queue.
    pub queue: QueueKey,
}

/// The sums of an interval, ready to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IntervalRow {
    /// What it is of.
    #[serde(flatten)]
    pub key: IntervalKey,
    /// The sums.
    pub values: Values,
    /// Whether they are those of both intervals of a repeated hour, which the report merged.
    pub ambiguous: bool,
}

/// The sums of an interval whose agent or queue is unknown or ambiguous.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldRow {
    /// The interval.
    pub interval: Interval,
    /// The agent; `None` in the queue report.
    pub agent: Party<WorkerSid>,
    /// The queue; `None` where the rows named none.
    pub queue: Party<TaskQueueSid>,
    /// The sums.
    pub values: Values,
    /// As in [`IntervalRow`].
    pub ambiguous: bool,
}

/// An interval in which one agent was longer active than it lasts.
///
/// So the report books whole activities in the interval in which they began. It takes the place of all rows of that agent in that
/// interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotWorkload {
    /// The interval.
    pub interval: Interval,
    /// The agent.
    pub agent: Party<WorkerSid>,
    /// The agent's time in activities, in milliseconds.
    pub activity_ms: u64,
    /// What there was room for: 900 s, in the merged interval of a repeated hour 1,800 s, and what rounding may add.
    pub limit_ms: u64,
    /// The sums that are not delivered.
    pub values: Values,
}

impl std::fmt::Display for NotWorkload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "an agent has {} s of activity in the interval {}, which has room for {} s: the report books whole activities in the \
             interval in which they began; build it on the workload reporting data set of Flex Insights",
            self.activity_ms / 1000,
            self.interval,
            self.limit_ms / 1000
        )
    }
}

/// What becomes of an interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "item")]
pub enum Item {
    /// It can be delivered.
    Interval(IntervalRow),
    /// It is held.
    Held(HeldRow),
    /// It is refused.
    NotWorkload(NotWorkload),
}

/// How much went one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Intervals of an agent or queue.
    pub intervals: u64,
    /// Their sums.
    pub values: Values,
}

/// What became of a report. The sums of the parts are the totals of the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// What can be delivered.
    pub ready: Part,
    /// The part of it that is of a merged repeated hour.
    pub ambiguous: Part,
    /// What is held.
    pub held: Part,
    /// What is no workload data.
    pub not_workload: Part,
    /// What names no queue, while there is no service queue. It is in no item.
    pub without_queue: Part,
}

/// The intervals of a report, in the order of their keys.
///
/// Within an interval, held agents come first, and within an agent, held queues. An error ends it.
pub struct Intervals {
    report: Report,
    service_queue: bool,
    merge: Merge,
    agents: Subjects<WorkerSid>,
    queues: Subjects<TaskQueueSid>,
    grain: u64,
    ahead: Option<(Key, Sums)>,
    group: Vec<(Key, Sums)>,
    ready: VecDeque<Item>,
    tally: Tally,
    failed: bool,
}

impl Intervals {
    pub(crate) fn new(
        rules: &ReportRules,
        merge: Merge,
        agents: Subjects<WorkerSid>,
        queues: Subjects<TaskQueueSid>,
        grain: u64,
    ) -> Self {
        let none = Part {
            intervals: 0,
            values: Values::zero(rules.report),
        };
        Self {
            report: rules.report,
            service_queue: rules.service_queue,
            merge,
            agents,
            queues,
            grain,
            ahead: None,
            group: Vec::new(),
            ready: VecDeque::new(),
            tally: Tally {
                ready: none,
                ambiguous: none,
                held: none,
                not_workload: none,
                without_queue: none,
            },
            failed: false,
        }
    }

    /// What became of the report; whole once the intervals have come to their end.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Reads the rows of one agent in one interval; false at the end.
    fn read_group(&mut self) -> Result<bool, HistoryError> {
        self.group.clear();
        let first = match self.ahead.take() {
            Some(first) => Some(first),
            None => self.merge.next()?,
        };
        let Some((key, sums)) = first else {
            return Ok(false);
        };
        self.group.push((key, sums));
        while let Some((next, sums)) = self.merge.next()? {
            if next[..2] != key[..2] || self.report == Report::QueueHistory {
                self.ahead = Some((next, sums));
                break;
            }
            self.group.push((next, sums));
        }
        Ok(true)
    }

    fn sort_out(&mut self) -> Result<(), HistoryError> {
        let Some(([interval, agent, ..], _)) = self.group.first().copied() else {
            return Ok(());
        };
        let interval = Interval::from_number(interval.into());
        let (activity_ms, limit_ms) = self.room();
        if self.report == Report::AgentProductivity && activity_ms > limit_ms {
            let mut values = Values::zero(self.report);
            for (_, sums) in &self.group {
                let more = Values::from_slots(self.report, sums.slots);
                values = values.checked_add(&more).ok_or(HistoryError::Overflow)?;
            }
            let agent = self.agents.get(agent).clone();
            put(&mut self.tally.not_workload, &values)?;
            self.ready.push_back(Item::NotWorkload(NotWorkload {
                interval,
                agent,
                activity_ms,
                limit_ms,
                values,
            }));
            return Ok(());
        }
        for ([_, agent, queue, _], sums) in &self.group {
            let values = Values::from_slots(self.report, sums.slots);
            let (agent, queue) = (self.agents.get(*agent), self.queues.get(*queue));
            let nowhere = *queue == Party::None && !self.service_queue;
            if nowhere {
                put(&mut self.tally.without_queue, &values)?;
            } else if agent.is_held() || queue.is_held() {
                put(&mut self.tally.held, &values)?;
                self.ready.push_back(Item::Held(HeldRow {
                    interval,
                    agent: agent.clone(),
                    queue: queue.clone(),
                    values,
                    ambiguous: sums.ambiguous,
                }));
            } else {
                put(&mut self.tally.ready, &values)?;
                if sums.ambiguous {
                    put(&mut self.tally.ambiguous, &values)?;
                }
                self.ready.push_back(Item::Interval(IntervalRow {
                    key: IntervalKey {
                        interval,
                        agent: agent.known(),
                        queue: queue.known().map_or(QueueKey::ServiceQueue, QueueKey::Task),
                    },
                    values,
                    ambiguous: sums.ambiguous,
                }));
            }
        }
        Ok(())
    }

    /// The activity of the group in milliseconds, and what there is room for.
    fn room(&self) -> (u64, u64) {
        let (mut activity, mut rows, mut merged) = (0_u64, 0_u64, false);
        for (_, sums) in &self.group {
            activity = activity.saturating_add(sums.slots[ACTIVITY_SLOT]);
            rows += u64::from(sums.activity_rows);
            merged |= sums.ambiguous;
        }
        let interval = INTERVAL_SECONDS.unsigned_abs() * 1000;
        let rounding = rows.saturating_mul(self.grain) / 2;
        (activity, interval * (1 + u64::from(merged)) + rounding)
    }
}

fn put(part: &mut Part, values: &Values) -> Result<(), HistoryError> {
    part.intervals += 1;
    part.values = part
        .values
        .checked_add(values)
        .ok_or(HistoryError::Overflow)?;
    Ok(())
}

impl Iterator for Intervals {
    type Item = Result<Item, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(Ok(item));
            }
            if self.failed {
                return None;
            }
            match self.read_group() {
                Ok(false) => return None,
                Ok(true) => {}
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
            if let Err(error) = self.sort_out() {
                self.failed = true;
                return Some(Err(error));
            }
        }
    }
}
