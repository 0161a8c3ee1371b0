//! The rules of [`IntervalStore`](crate::IntervalStore) for batches and intervals.

use chrono::TimeDelta;
use wfm_history::{Change, Delivered, Happened, IntervalKey, Refused, Report};

use super::HistoryLedger;
use super::fixture::{acd, at};
use super::history::{
    agent_key, batch, interval, new_row, queue_key, registered, report_of, values,
};
use crate::{
    BatchNumber, BatchSettlement, DeliveredFile, LedgerError, NewBatch, RowCount, RowFate,
    RowState, StoredBatch, TroubledRow,
};

super::cases![history:
    batches_are_delivered_in_the_order_of_their_numbers,
    a_batch_comes_back_as_it_was_given,
    an_interval_has_the_values_of_the_newest_batch_whatever_became_of_either,
    intervals_are_read_page_by_page_in_the_order_of_their_keys,
    each_row_is_settled_once_and_by_itself,
    a_file_is_open_until_it_is_told_what_became_of_it,
    a_file_that_was_refused_takes_its_rows_with_it,
    a_settlement_that_comes_again_opens_no_file,
    an_attempt_that_was_begun_is_open_until_it_is_settled,
    what_was_refused_is_known_beside_what_arrived_before,
    newer_values_follow_on_what_arrived,
    rows_are_counted_by_report_and_state,
    rows_in_trouble_are_told_the_newest_first,
    a_batch_that_is_refused_leaves_nothing,
    a_batch_that_nobody_knows_cannot_be_settled,
    what_is_old_is_dropped_and_what_waits_stays,
    at_most_so_many_intervals_of_a_report_are_dropped_at_once,
];

const AGENTS: Report = Report::AgentProductivity;
const QUEUES: Report = Report::QueueHistory;

async fn add<L: HistoryLedger>(ledger: &L, second: i64, rows: Vec<Change>) -> BatchNumber {
    let batch = batch(&acd(1), second, rows);
    ledger.add_batch(&batch).await.unwrap()
}

/// Settles rows of a batch at a second; those that wait are due ten seconds later.
async fn settle<L: HistoryLedger>(
    ledger: &L,
    number: BatchNumber,
    second: i64,
    rows: &[(u32, RowFate)],
) {
    let settlement = BatchSettlement {
        at: at(second),
        due: at(second + 10),
        rows: rows.to_vec(),
    };
    ledger.settle_batch(number, &settlement).await.unwrap();
}

async fn next<L: HistoryLedger>(ledger: &L, report: Report) -> Option<StoredBatch> {
    ledger.next_batch(&acd(1), report).await.unwrap()
}

/// Every interval of a report, with the value that it tells.
async fn known<L: HistoryLedger>(ledger: &L, report: Report) -> Vec<Delivered> {
    let range = interval(-99)..interval(999);
    let known = ledger.intervals(&acd(1), report, range, None, 999).await;
    known.unwrap()
}

fn delivered(key: IntervalKey, value: u64) -> Delivered {
    Delivered {
        key,
        values: values(report_of(&key), value),
        refused: None,
    }
}

fn in_file(name: &str) -> RowFate {
    RowFate::Delivered {
        file: Some(name.into()),
    }
}

fn refused(reason: &str) -> RowFate {
    RowFate::Refused {
        reason: reason.into(),
    }
}

fn in_doubt(reason: &str) -> RowFate {
    RowFate::InDoubt {
        reason: reason.into(),
    }
}

const SENT: RowFate = RowFate::Delivered { file: None };

fn count(report: Report, state: RowState, rows: u64, oldest: i64) -> RowCount {
    RowCount {
        report,
        state,
        rows,
        oldest: interval(oldest),
    }
}

async fn batches_are_delivered_in_the_order_of_their_numbers<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    assert_eq!(next(&ledger, AGENTS).await, None);
    // The second is of older intervals and was made earlier: its number alone counts.
    let first = add(&ledger, 9, vec![new_row(agent_key(5, 1, 1), 1)]).await;
    let second = add(&ledger, 1, vec![new_row(agent_key(2, 1, 1), 1)]).await;
    let queues = add(&ledger, 1, vec![new_row(queue_key(2, 1), 1)]).await;
    assert!(first < second);
    assert_eq!(next(&ledger, QUEUES).await.unwrap().number, queues);
    // What was tried and failed is still the next one, whatever its time.
    settle(&ledger, first, 900, &[]).await;
    assert_eq!(next(&ledger, AGENTS).await.unwrap().number, first);
    settle(&ledger, first, 901, &[(0, SENT)]).await;
    assert_eq!(next(&ledger, AGENTS).await.unwrap().number, second);
    settle(&ledger, second, 902, &[(0, refused("no such agent"))]).await;
    assert_eq!(next(&ledger, AGENTS).await, None);
    assert_eq!(next(&ledger, QUEUES).await.unwrap().number, queues);
    assert_eq!(ledger.next_batch(&acd(2), QUEUES).await.unwrap(), None);
}

async fn a_batch_comes_back_as_it_was_given<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let mut rows = vec![
        new_row(agent_key(3, 2, 0), u64::MAX),
        new_row(agent_key(1, 1, 1), 2),
        new_row(agent_key(2, 1, 1), 0),
    ];
    rows[1].row.ambiguous = true;
    rows[1].happened = Happened::Changed {
        before: values(AGENTS, 7),
    };
    rows[2].happened = Happened::Gone {
        before: values(AGENTS, 8),
    };
    let given = NewBatch {
        created: at(4) + TimeDelta::microseconds(2_900),
        ..batch(&acd(1), 4, rows.clone())
    };
    let number = ledger.add_batch(&given).await.unwrap();
    let created = at(4) + TimeDelta::milliseconds(2);
    let expected = StoredBatch {
        number,
        acd: acd(1),
        report: AGENTS,
        created,
        due: created,
        attempts: 0,
        begun: None,
        rows: (0..).zip(rows).collect(),
    };
    assert_eq!(next(&ledger, AGENTS).await, Some(expected));
}

async fn an_interval_has_the_values_of_the_newest_batch_whatever_became_of_either<
    L: HistoryLedger,
>(
    ledger: L,
) {
    registered(&ledger).await;
    let [changing, going, staying] = [1, 2, 3].map(|n| agent_key(n, 1, 1));
    let rows = [changing, going, staying].map(|key| new_row(key, 5));
    let first = add(&ledger, 1, rows.to_vec()).await;
    let second = add(
        &ledger,
        2,
        vec![
            Change {
                happened: Happened::Changed {
                    before: values(AGENTS, 5),
                },
                ..new_row(changing, 7)
            },
            Change {
                happened: Happened::Gone {
                    before: values(AGENTS, 5),
                },
                ..new_row(going, 0)
            },
        ],
    )
    .await;
    let expected = [
        delivered(changing, 7),
        delivered(going, 0),
        delivered(staying, 5),
    ];
    assert_eq!(known(&ledger, AGENTS).await, expected);
    let all = |fate: &RowFate| [0, 1, 2].map(|place| (place, fate.clone()));
    settle(&ledger, first, 3, &all(&refused("no such agent"))).await;
    let mut expected = expected;
    // Of the other two newer values are on their way.
    expected[2].refused = Some(Refused { before: None });
    assert_eq!(known(&ledger, AGENTS).await, expected);
    settle(&ledger, second, 4, &all(&SENT)).await;
    assert_eq!(known(&ledger, AGENTS).await, expected);
    // Another ACD and the other report have intervals of their own.
    let others = batch(&acd(2), 1, vec![new_row(changing, 9)]);
    ledger.add_batch(&others).await.unwrap();
    add(&ledger, 5, vec![new_row(queue_key(1, 1), 9)]).await;
    assert_eq!(known(&ledger, AGENTS).await, expected);
}

async fn intervals_are_read_page_by_page_in_the_order_of_their_keys<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let mut keys = Vec::new();
    for number in [4, 1, 3, 0, 2] {
        for (agent, queue) in [(2, 1), (1, 2), (1, 0), (11, 1), (1, 11)] {
            keys.push(agent_key(number, agent, queue));
        }
    }
    add(
        &ledger,
        1,
        keys.iter().map(|key| new_row(*key, 3)).collect(),
    )
    .await;
    let queues = [queue_key(1, 2), queue_key(1, 0)].map(|key| new_row(key, 4));
    add(&ledger, 1, queues.to_vec()).await;
    keys.sort();
    let inside: Vec<_> = keys
        .iter()
        .filter(|key| (interval(1)..interval(4)).contains(&key.interval))
        .map(|key| delivered(*key, 3))
        .collect();
    assert_eq!(inside.len(), 15);
    for limit in [1, 2, 4, 15, 99] {
        let mut read: Vec<Delivered> = Vec::new();
        loop {
            let after = read.last().map(|last| last.key);
            let range = interval(1)..interval(4);
            let page = ledger
                .intervals(&acd(1), AGENTS, range, after.as_ref(), limit)
                .await;
            let page = page.unwrap();
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            read.extend(page);
        }
        assert_eq!(read, inside, "{limit}");
    }
    // A key before the range is behind nothing of it; a range may be empty.
    let range = interval(1)..interval(4);
    let before = agent_key(0, 9, 9);
    let page = ledger
        .intervals(&acd(1), AGENTS, range, Some(&before), 99)
        .await;
    assert_eq!(page.unwrap(), inside);
    for range in [interval(9)..interval(12), interval(2)..interval(2)] {
        let page = ledger.intervals(&acd(1), AGENTS, range, None, 99).await;
        assert_eq!(page.unwrap(), []);
    }
    let shown: Vec<_> = known(&ledger, QUEUES).await;
    let service_first = [queue_key(1, 0), queue_key(1, 2)].map(|key| delivered(key, 4));
    assert_eq!(shown, service_first);
}

async fn each_row_is_settled_once_and_by_itself<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let rows: Vec<_> = (0..5).map(|n| new_row(agent_key(n, 1, 1), 1)).collect();
    let number = add(&ledger, 1, rows.clone()).await;
    let fates = [
        (0, SENT),
        (1, refused("no such agent")),
        (3, in_doubt("no answer")),
        (99, SENT),
    ];
    settle(&ledger, number, 2, &fates).await;
    let waiting = next(&ledger, AGENTS).await.unwrap();
    assert_eq!((waiting.attempts, waiting.due), (1, at(12)));
    assert_eq!(waiting.created, at(1));
    assert_eq!(waiting.rows, [(2, rows[2]), (4, rows[4])]);
    let after_first = [
        count(AGENTS, RowState::Waiting, 2, 2),
        count(AGENTS, RowState::Delivered, 1, 0),
        count(AGENTS, RowState::Refused, 1, 1),
        count(AGENTS, RowState::InDoubt, 1, 3),
    ];
    assert_eq!(ledger.row_counts(&acd(1)).await.unwrap(), after_first);
    // What was settled stays so, whatever is said later.
    let again = [(0, refused("too late")), (1, SENT), (3, in_file("late"))];
    settle(&ledger, number, 3, &again).await;
    assert_eq!(ledger.row_counts(&acd(1)).await.unwrap(), after_first);
    let waiting = next(&ledger, AGENTS).await.unwrap();
    assert_eq!((waiting.attempts, waiting.due), (2, at(13)));
    settle(&ledger, number, 4, &[(2, SENT), (4, SENT)]).await;
    assert_eq!(next(&ledger, AGENTS).await, None);
    let counts = ledger.row_counts(&acd(1)).await.unwrap();
    assert_eq!(counts[0], count(AGENTS, RowState::Delivered, 3, 0));
    assert_eq!(counts.len(), 3);
}

/// Two batches: of the first three rows in two files, of the second one row in one.
async fn filed<L: HistoryLedger>(ledger: &L) -> [DeliveredFile; 3] {
    registered(ledger).await;
    let rows: Vec<_> = (0..3).map(|n| new_row(agent_key(n, 1, 1), 1)).collect();
    let first = add(ledger, 1, rows).await;
    let second = add(ledger, 1, vec![new_row(agent_key(7, 1, 1), 1)]).await;
    let fates = ["a", "b", "a"].map(in_file);
    let fates: Vec<_> = (0..).zip(fates).collect();
    settle(ledger, first, 2, &fates[..2]).await;
    settle(ledger, first, 3, &fates[2..]).await;
    settle(ledger, second, 4, &[(0, in_file("a"))]).await;
    let file = |batch, name: &str, second| DeliveredFile {
        batch,
        name: name.into(),
        at: at(second),
    };
    [
        file(first, "a", 2),
        file(first, "b", 2),
        file(second, "a", 4),
    ]
}

async fn a_file_is_open_until_it_is_told_what_became_of_it<L: HistoryLedger>(ledger: L) {
    let files = filed(&ledger).await;
    assert_eq!(ledger.open_files(&acd(1), None, 9).await.unwrap(), files);
    assert_eq!(
        ledger.open_files(&acd(1), None, 2).await.unwrap(),
        files[..2]
    );
    for (place, file) in files.iter().enumerate() {
        let behind = ledger.open_files(&acd(1), Some(file), 9).await.unwrap();
        assert_eq!(behind, files[place + 1..]);
    }
    assert_eq!(ledger.open_files(&acd(2), None, 9).await.unwrap(), []);
    let all = [count(AGENTS, RowState::Delivered, 4, 0)];
    assert_eq!(ledger.row_counts(&acd(1)).await.unwrap(), all);
    for _ in 0..2 {
        ledger.close_file(&files[0], None, at(5)).await.unwrap();
        assert_eq!(
            ledger.open_files(&acd(1), None, 9).await.unwrap(),
            files[1..]
        );
        assert_eq!(ledger.row_counts(&acd(1)).await.unwrap(), all);
    }
    // What was taken is not refused later.
    ledger
        .close_file(&files[0], Some("late"), at(6))
        .await
        .unwrap();
    assert_eq!(ledger.row_counts(&acd(1)).await.unwrap(), all);
}

async fn a_file_that_was_refused_takes_its_rows_with_it<L: HistoryLedger>(ledger: L) {
    let files = filed(&ledger).await;
    for _ in 0..2 {
        let closed = ledger.close_file(&files[0], Some("penalty box"), at(5));
        closed.await.unwrap();
        assert_eq!(
            ledger.open_files(&acd(1), None, 9).await.unwrap(),
            files[1..]
        );
        let counts = [
            count(AGENTS, RowState::Delivered, 2, 0),
            count(AGENTS, RowState::Refused, 2, 0),
        ];
        assert_eq!(ledger.row_counts(&acd(1)).await.unwrap(), counts);
    }
    let row = |number| TroubledRow {
        batch: files[0].batch,
        report: AGENTS,
        key: agent_key(number, 1, 1),
        state: RowState::Refused,
        reason: "penalty box".into(),
        at: at(5),
    };
    let troubled = ledger.troubled_rows(&acd(1), 9).await.unwrap();
    assert_eq!(troubled, [row(0), row(2)]);
    // They wait no more.
    assert_eq!(next(&ledger, AGENTS).await, None);
}

async fn a_settlement_that_comes_again_opens_no_file<L: HistoryLedger>(ledger: L) {
    let files = filed(&ledger).await;
    for file in &files {
        ledger.close_file(file, None, at(5)).await.unwrap();
    }
    settle(
        &ledger,
        files[0].batch,
        6,
        &[(0, in_file("a")), (9, in_file("c"))],
    )
    .await;
    assert_eq!(ledger.open_files(&acd(1), None, 9).await.unwrap(), []);
}

async fn rows_are_counted_by_report_and_state<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    assert_eq!(ledger.row_counts(&acd(1)).await.unwrap(), []);
    let agents: Vec<_> = (3..6).map(|n| new_row(agent_key(n, 1, 1), 1)).collect();
    let number = add(&ledger, 1, agents).await;
    add(&ledger, 2, vec![new_row(agent_key(1, 1, 1), 1)]).await;
    let queues: Vec<_> = (2..4).map(|n| new_row(queue_key(n, 1), 1)).collect();
    add(&ledger, 3, queues).await;
    settle(&ledger, number, 4, &[(1, refused("a")), (2, in_doubt("b"))]).await;
    assert_eq!(
        ledger.row_counts(&acd(1)).await.unwrap(),
        [
            count(AGENTS, RowState::Waiting, 2, 1),
            count(AGENTS, RowState::Refused, 1, 4),
            count(AGENTS, RowState::InDoubt, 1, 5),
            count(QUEUES, RowState::Waiting, 2, 2),
        ]
    );
    assert_eq!(ledger.row_counts(&acd(2)).await.unwrap(), []);
}

async fn rows_in_trouble_are_told_the_newest_first<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let agents: Vec<_> = (0..3).map(|n| new_row(agent_key(n, 1, 1), 1)).collect();
    let first = add(&ledger, 1, agents).await;
    let second = add(&ledger, 1, vec![new_row(queue_key(4, 0), 1)]).await;
    settle(&ledger, second, 2, &[(0, in_doubt("no answer"))]).await;
    settle(&ledger, first, 3, &[(1, refused("no such agent"))]).await;
    settle(&ledger, first, 4, &[(0, SENT)]).await;
    let newest = TroubledRow {
        batch: first,
        report: AGENTS,
        key: agent_key(1, 1, 1),
        state: RowState::Refused,
        reason: "no such agent".into(),
        at: at(3),
    };
    let oldest = TroubledRow {
        batch: second,
        report: QUEUES,
        key: queue_key(4, 0),
        state: RowState::InDoubt,
        reason: "no answer".into(),
        at: at(2),
    };
    let troubled = ledger.troubled_rows(&acd(1), 9).await.unwrap();
    assert_eq!(troubled, [newest.clone(), oldest]);
    assert_eq!(ledger.troubled_rows(&acd(1), 1).await.unwrap(), [newest]);
    assert_eq!(ledger.troubled_rows(&acd(2), 9).await.unwrap(), []);
}

async fn a_batch_that_is_refused_leaves_nothing<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let empty = ledger.add_batch(&batch(&acd(1), 1, Vec::new())).await;
    assert!(matches!(empty, Err(LedgerError::EmptyBatch)), "{empty:?}");
    let good = new_row(agent_key(1, 1, 1), 1);
    let of_queue = new_row(queue_key(1, 1), 1);
    let mut not_delivered = new_row(agent_key(2, 1, 1), 1);
    not_delivered.deliver = false;
    for foreign in [of_queue, not_delivered] {
        let added = ledger
            .add_batch(&batch(&acd(1), 1, vec![good, foreign]))
            .await;
        assert!(
            matches!(added, Err(LedgerError::ForeignRow { row: 1 })),
            "{added:?}"
        );
    }
    assert_eq!(known(&ledger, AGENTS).await, []);
    assert_eq!(next(&ledger, AGENTS).await, None);
    assert_eq!(ledger.row_counts(&acd(1)).await.unwrap(), []);
}

async fn what_was_refused_is_known_beside_what_arrived_before<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let (key, other) = (agent_key(1, 1, 1), agent_key(2, 1, 1));
    let first = add(&ledger, 1, vec![new_row(key, 1), new_row(other, 1)]).await;
    settle(&ledger, first, 2, &[(0, refused("no")), (1, in_file("a"))]).await;
    let as_refused = |key, value, before: Option<u64>| Delivered {
        refused: Some(Refused {
            before: before.map(|before| values(AGENTS, before)),
        }),
        ..delivered(key, value)
    };
    assert_eq!(
        known(&ledger, AGENTS).await,
        [as_refused(key, 1, None), delivered(other, 1)]
    );
    let file = ledger.open_files(&acd(1), None, 1).await.unwrap().remove(0);
    ledger
        .close_file(&file, Some("penalty box"), at(3))
        .await
        .unwrap();
    assert_eq!(
        known(&ledger, AGENTS).await,
        [as_refused(key, 1, None), as_refused(other, 1, None)]
    );
    // Other values are not refused yet, and nobody asks for those any more that were.
    let mut again = new_row(key, 2);
    let troubled = async || ledger.troubled_rows(&acd(1), 9).await.unwrap().len();
    assert_eq!(troubled().await, 2);
    let second = add(&ledger, 4, vec![again]).await;
    assert_eq!(troubled().await, 1);
    assert_eq!(known(&ledger, AGENTS).await[0], delivered(key, 2));
    settle(&ledger, second, 5, &[(0, SENT)]).await;
    again.row.values = values(AGENTS, 3);
    again.happened = Happened::Changed {
        before: values(AGENTS, 2),
    };
    let third = add(&ledger, 6, vec![again]).await;
    settle(&ledger, third, 7, &[(0, refused("no"))]).await;
    assert_eq!(known(&ledger, AGENTS).await[0], as_refused(key, 3, Some(2)));
}

async fn newer_values_follow_on_what_arrived<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let key = agent_key(1, 1, 1);
    let first = add(&ledger, 1, vec![new_row(key, 1)]).await;
    let mut changed = new_row(key, 2);
    changed.happened = Happened::Changed {
        before: values(AGENTS, 1),
    };
    add(&ledger, 2, vec![changed]).await;
    settle(&ledger, first, 3, &[(0, refused("no"))]).await;
    let waiting = next(&ledger, AGENTS).await.unwrap();
    assert_eq!(waiting.rows, [(0, new_row(key, 2))]);
    assert_eq!(known(&ledger, AGENTS).await, [delivered(key, 2)]);
}

async fn an_attempt_that_was_begun_is_open_until_it_is_settled<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let rows = vec![
        new_row(agent_key(1, 1, 1), 1),
        new_row(agent_key(2, 1, 1), 1),
    ];
    let number = add(&ledger, 1, rows).await;
    assert_eq!(next(&ledger, AGENTS).await.unwrap().begun, None);
    let began = at(5) + TimeDelta::milliseconds(7);
    ledger.begin_attempt(number, began).await.unwrap();
    let open = next(&ledger, AGENTS).await.unwrap();
    assert_eq!((open.begun, open.attempts), (Some(began), 0));
    settle(&ledger, number, 6, &[(0, SENT)]).await;
    let settled = next(&ledger, AGENTS).await.unwrap();
    assert_eq!((settled.begun, settled.attempts), (None, 1));
    let unknown = BatchNumber(number.0 + 1);
    let refused = ledger.begin_attempt(unknown, began).await.unwrap_err();
    assert!(
        matches!(refused, LedgerError::UnknownBatch { number } if number == unknown.0),
        "{refused}"
    );
}

async fn a_batch_that_nobody_knows_cannot_be_settled<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    for fates in [vec![], vec![(0, SENT)], vec![(0, in_file("a"))]] {
        let settlement = BatchSettlement {
            at: at(1),
            due: at(1),
            rows: fates,
        };
        let settled = ledger.settle_batch(BatchNumber(77), &settlement).await;
        assert!(
            matches!(settled, Err(LedgerError::UnknownBatch { number: 77 })),
            "{settled:?}"
        );
    }
}

async fn what_is_old_is_dropped_and_what_waits_stays<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let row = |number| new_row(agent_key(number, 1, 1), 1);
    let settled = add(&ledger, 1, vec![row(0), row(1)]).await;
    let fates = [(0, in_file("a")), (1, refused("no such agent"))];
    settle(&ledger, settled, 2, &fates).await;
    // It has something new in it.
    let newer = add(&ledger, 1, vec![row(2), row(9)]).await;
    settle(&ledger, newer, 2, &[(0, in_file("b")), (1, SENT)]).await;
    // Of this one, one row waits.
    let half = add(&ledger, 1, vec![row(3), row(4)]).await;
    settle(&ledger, half, 2, &[(0, SENT)]).await;
    assert_eq!(ledger.prune_intervals(interval(0), 99).await.unwrap(), 0);
    assert_eq!(ledger.prune_intervals(interval(8), 99).await.unwrap(), 4);
    let expected = [4, 9].map(|number| delivered(agent_key(number, 1, 1), 1));
    assert_eq!(known(&ledger, AGENTS).await, expected);
    let waiting = next(&ledger, AGENTS).await.unwrap();
    assert_eq!((waiting.number, waiting.rows), (half, vec![(1, row(4))]));
    let open = ledger.open_files(&acd(1), None, 9).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].name, "b");
    assert_eq!(ledger.troubled_rows(&acd(1), 9).await.unwrap(), []);
    let counts = ledger.row_counts(&acd(1)).await.unwrap();
    assert_eq!(
        counts,
        [
            count(AGENTS, RowState::Waiting, 1, 4),
            count(AGENTS, RowState::Delivered, 3, 4),
        ]
    );
    let gone = BatchSettlement {
        at: at(3),
        due: at(3),
        rows: Vec::new(),
    };
    let gone = ledger.settle_batch(settled, &gone).await;
    assert!(matches!(gone, Err(LedgerError::UnknownBatch { .. })));
    // Once it is settled it goes, too.
    settle(&ledger, half, 4, &[(1, SENT)]).await;
    assert_eq!(ledger.prune_intervals(interval(8), 99).await.unwrap(), 1);
    assert_eq!(ledger.prune_intervals(interval(10), 99).await.unwrap(), 1);
    assert_eq!(ledger.row_counts(&acd(1)).await.unwrap(), []);
    assert_eq!(ledger.open_files(&acd(1), None, 9).await.unwrap(), []);
}

async fn at_most_so_many_intervals_of_a_report_are_dropped_at_once<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let rows: Vec<_> = (0..5).map(|n| new_row(agent_key(n, 1, 1), 1)).collect();
    let number = add(&ledger, 1, rows).await;
    let fates: Vec<_> = (0..5).map(|place| (place, SENT)).collect();
    settle(&ledger, number, 2, &fates).await;
    for (dropped, left) in [(2, 3), (2, 1), (1, 0), (0, 0)] {
        assert_eq!(
            ledger.prune_intervals(interval(9), 2).await.unwrap(),
            dropped
        );
        assert_eq!(known(&ledger, AGENTS).await.len(), left);
    }
}
