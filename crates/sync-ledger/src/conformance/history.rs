//! History to test with, and what is true of all of it.

use contact_model::AcdKey;
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_history::{
    Change, Happened, HeldParty, HeldRow, IntervalKey, IntervalRow, Measure, Party, QueueKey,
    Report, Values,
};
use wfm_interval::Interval;

use super::HistoryLedger;
use super::fixture::{acd, at, sid};
use super::roster::seen_agent;
use crate::{LedgerError, NewBatch, Pull, SubjectKind};

super::cases![history:
    an_acd_is_removed_with_its_history_and_another_keeps_its_own,
    nothing_is_known_of_an_acd_that_is_not_registered,
];

/// So many intervals after that of [`at`] 0.
pub fn interval(number: i64) -> Interval {
    Interval::from_number(Interval::containing(at(0)).number() + number)
}

/// An agent by number.
pub fn agent(number: u32) -> WorkerSid {
    sid("WK", number).parse().unwrap()
}

/// A queue by number.
pub fn queue(number: u32) -> TaskQueueSid {
    sid("WQ", number).parse().unwrap()
}

/// The key of an agent's interval in a queue, or in the service queue for the queue 0.
pub fn agent_key(number: i64, agent: u32, queue: u32) -> IntervalKey {
    IntervalKey {
        agent: Some(self::agent(agent)),
        ..queue_key(number, queue)
    }
}

/// The key of a queue's interval; the queue 0 is the service queue.
pub fn queue_key(number: i64, queue: u32) -> IntervalKey {
    IntervalKey {
        interval: interval(number),
        agent: None,
        queue: match queue {
            0 => QueueKey::ServiceQueue,
            _ => QueueKey::Task(self::queue(queue)),
        },
    }
}

/// The report that a key is of.
pub(super) fn report_of(key: &IntervalKey) -> Report {
    match key.agent {
        Some(_) => Report::AgentProductivity,
        None => Report::QueueHistory,
    }
}

/// Values that tell one number.
pub(super) fn values(report: Report, value: u64) -> Values {
    let measure = match report {
        Report::AgentProductivity => Measure::TalkTime,
        Report::QueueHistory => Measure::Offered,
    };
    Values::zero(report).with(measure, value)
}

/// A row that is new, with one value.
pub fn new_row(key: IntervalKey, value: u64) -> Change {
    Change {
        row: IntervalRow {
            key,
            values: values(report_of(&key), value),
            ambiguous: false,
        },
        happened: Happened::New,
        deliver: true,
    }
}

/// A batch of rows of one report, made at a second.
pub fn batch(acd: &AcdKey, second: i64, rows: Vec<Change>) -> NewBatch {
    let report = rows
        .first()
        .map_or(Report::AgentProductivity, |row| report_of(&row.row.key));
    NewBatch {
        acd: acd.clone(),
        report,
        created: at(second),
        rows,
        released: Vec::new(),
    }
}

/// A row of an agent whose name nobody has, with one value.
pub fn held_row(number: i64, name: &str, value: u64) -> HeldRow {
    let name = name.into();
    HeldRow {
        interval: interval(number),
        agent: Party::Held(HeldParty::UnknownName { name }),
        queue: Party::Known(queue(1)),
        values: values(Report::AgentProductivity, value),
        ambiguous: value % 2 == 1,
    }
}

/// Registers the ACDs 1 and 2.
pub(super) async fn registered<L: HistoryLedger>(ledger: &L) {
    for number in [1, 2] {
        ledger.register(&acd(number), "an acd").await.unwrap();
    }
}

const BOTH: [Report; 2] = [Report::AgentProductivity, Report::QueueHistory];

/// Something of everything.
async fn furnish<L: HistoryLedger>(ledger: &L, acd: &AcdKey) {
    for key in [agent_key(1, 1, 1), queue_key(1, 1)] {
        let report = report_of(&key);
        let rows = vec![new_row(key, 5)];
        let number = ledger.add_batch(&batch(acd, 1, rows)).await.unwrap();
        let fate = crate::RowFate::Delivered {
            file: Some("a-file".into()),
        };
        let settled = crate::BatchSettlement {
            at: at(2),
            due: at(2),
            rows: vec![(0, fate)],
        };
        ledger.settle_batch(number, &settled).await.unwrap();
        let rows = vec![new_row(key, 6)];
        ledger.add_batch(&batch(acd, 3, rows)).await.unwrap();
        let pull = Pull {
            at: at(3),
            newest: None,
            account: serde_json::json!({}),
        };
        ledger.record_pull(acd, report, &pull).await.unwrap();
        let failed = ledger.record_failed_pull(acd, report, at(3), "no");
        failed.await.unwrap();
    }
    let pull = ledger.begin_held(acd, Report::AgentProductivity, at(3));
    let pull = pull.await.unwrap();
    let rows = [held_row(1, "Ada", 1)];
    ledger.put_held(&pull, &rows).await.unwrap();
    let range = interval(0)..interval(9);
    ledger.finish_held(&pull, range).await.unwrap();
    // One that is not finished.
    let pull = ledger.begin_held(acd, Report::AgentProductivity, at(4));
    ledger.put_held(&pull.await.unwrap(), &rows).await.unwrap();
    ledger
        .see_roster(acd, SubjectKind::Agent, &[seen_agent(1, "Ada")], at(4))
        .await
        .unwrap();
}

/// How much there is of each kind.
async fn inventory<L: HistoryLedger>(ledger: &L, acd: &AcdKey) -> Vec<usize> {
    let mut found = Vec::new();
    for report in BOTH {
        let range = interval(-9)..interval(99);
        let intervals = ledger.intervals(acd, report, range, None, 99);
        found.push(intervals.await.unwrap().len());
        let next = ledger.next_batch(acd, report).await.unwrap();
        found.push(next.map_or(0, |batch| batch.rows.len()));
        let failed = ledger.failed_pull(acd, report).await.unwrap();
        found.push(ledger.pulls(acd, report).await.unwrap().len() + usize::from(failed.is_some()));
        let held = ledger.held(acd, report, None, None, 99).await.unwrap();
        found.push(held.len());
    }
    for kind in [SubjectKind::Agent, SubjectKind::Queue] {
        found.push(ledger.roster(acd, kind).await.unwrap().len());
    }
    found.push(ledger.open_files(acd, None, 99).await.unwrap().len());
    found.push(ledger.row_counts(acd).await.unwrap().len());
    found.push(ledger.held_count(acd).await.unwrap().len());
    found.push(ledger.troubled_rows(acd, 99).await.unwrap().len());
    found
}

const FURNISHED: [usize; 14] = [1, 1, 2, 1, 1, 1, 2, 0, 1, 0, 2, 4, 1, 0];

async fn an_acd_is_removed_with_its_history_and_another_keeps_its_own<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    for number in [1, 2] {
        furnish(&ledger, &acd(number)).await;
        assert_eq!(inventory(&ledger, &acd(number)).await, FURNISHED);
    }
    ledger.remove(&acd(1), false).await.unwrap();
    assert_eq!(inventory(&ledger, &acd(1)).await, [0; 14]);
    assert_eq!(inventory(&ledger, &acd(2)).await, FURNISHED);
    // It begins anew.
    ledger.register(&acd(1), "an acd").await.unwrap();
    assert_eq!(inventory(&ledger, &acd(1)).await, [0; 14]);
    furnish(&ledger, &acd(1)).await;
    assert_eq!(inventory(&ledger, &acd(1)).await, FURNISHED);
}

async fn nothing_is_known_of_an_acd_that_is_not_registered<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    furnish(&ledger, &acd(1)).await;
    let nobody = acd(3);
    assert_eq!(inventory(&ledger, &nobody).await, [0; 14]);
    let rows = vec![new_row(queue_key(1, 1), 5)];
    let pull = Pull {
        at: at(3),
        newest: None,
        account: serde_json::json!({}),
    };
    let report = Report::QueueHistory;
    let refused = [
        ledger.add_batch(&batch(&nobody, 1, rows)).await.map(drop),
        ledger.begin_held(&nobody, report, at(1)).await.map(drop),
        ledger.record_pull(&nobody, report, &pull).await,
        ledger
            .record_failed_pull(&nobody, report, at(1), "no")
            .await,
        ledger
            .see_roster(&nobody, SubjectKind::Agent, &[], at(1))
            .await
            .map(drop),
        ledger
            .told_roster(&nobody, SubjectKind::Agent, &[], at(1))
            .await,
    ];
    for refused in refused {
        assert!(
            matches!(&refused, Err(LedgerError::UnknownAcd { acd }) if **acd == nobody),
            "{refused:?}"
        );
    }
    assert_eq!(inventory(&ledger, &nobody).await, [0; 14]);
}
