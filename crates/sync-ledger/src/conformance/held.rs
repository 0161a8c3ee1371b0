//! The rules of what is held, and of what is remembered of pulls.

use wfm_history::{HeldRow, Report};
use wfm_interval::Interval;

use super::HistoryLedger;
use super::fixture::{acd, at};
use super::history::{agent_key, batch, held_row, interval, new_row, registered};
use crate::{FailedPull, HeldInterval, HeldNumber, HeldPull, LedgerError, NewBatch, Pull};

super::cases![history:
    what_a_pull_holds_shows_once_it_is_finished,
    what_an_unfinished_pull_held_is_dropped_by_the_next,
    a_pull_that_is_over_holds_nothing_more_and_takes_nothing_away,
    a_pull_takes_the_place_of_what_was_held_of_its_range,
    what_becomes_part_of_a_batch_is_held_no_more,
    what_is_held_is_read_page_by_page,
    what_is_held_is_counted_by_report,
    what_is_older_than_the_retention_is_held_no_more,
    the_last_sixty_four_pulls_are_remembered,
    a_pull_that_failed_is_remembered_until_one_is_whole,
    a_pull_of_the_same_moment_takes_the_place_of_the_other,
];

const REPORT: Report = Report::AgentProductivity;

async fn pulled<L: HistoryLedger>(ledger: &L, second: i64, rows: &[HeldRow], to: i64) -> HeldPull {
    let pull = ledger
        .begin_held(&acd(1), REPORT, at(second))
        .await
        .unwrap();
    ledger.put_held(&pull, rows).await.unwrap();
    let range = interval(0)..interval(to);
    ledger.finish_held(&pull, range).await.unwrap();
    pull
}

async fn all<L: HistoryLedger>(ledger: &L) -> Vec<HeldInterval> {
    let held = ledger.held(&acd(1), REPORT, None, None, 999).await;
    held.unwrap()
}

fn rows(held: Vec<HeldInterval>) -> Vec<HeldRow> {
    held.into_iter().map(|held| held.row).collect()
}

async fn what_a_pull_holds_shows_once_it_is_finished<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let begun = at(1) + chrono::TimeDelta::microseconds(1_500);
    let pull = ledger.begin_held(&acd(1), REPORT, begun).await.unwrap();
    let mine = [held_row(2, "Grace", 1), held_row(1, "Ada", 2)];
    ledger.put_held(&pull, &mine[..1]).await.unwrap();
    ledger.put_held(&pull, &[]).await.unwrap();
    ledger.put_held(&pull, &mine[1..]).await.unwrap();
    assert_eq!(all(&ledger).await, []);
    assert_eq!(ledger.held_count(&acd(1)).await.unwrap(), []);
    let range = interval(0)..interval(9);
    ledger.finish_held(&pull, range).await.unwrap();
    let held = all(&ledger).await;
    let time = at(1) + chrono::TimeDelta::milliseconds(1);
    assert!(held.iter().all(|held| held.at == time), "{held:?}");
    assert_eq!(rows(held), mine);
}

async fn what_an_unfinished_pull_held_is_dropped_by_the_next<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let unfinished = ledger.begin_held(&acd(1), REPORT, at(1)).await.unwrap();
    let lost = [held_row(1, "Grace", 1)];
    ledger.put_held(&unfinished, &lost).await.unwrap();
    // A pull of another report or ACD is its own matter.
    let queues = ledger
        .begin_held(&acd(1), Report::QueueHistory, at(1))
        .await;
    let queues = queues.unwrap();
    let other = ledger.begin_held(&acd(2), REPORT, at(1)).await.unwrap();
    let mine = [held_row(1, "Ada", 2)];
    pulled(&ledger, 2, &mine, 9).await;
    assert_eq!(rows(all(&ledger).await), mine);
    for pull in [queues, other] {
        ledger.put_held(&pull, &[]).await.unwrap();
    }
}

async fn a_pull_that_is_over_holds_nothing_more_and_takes_nothing_away<L: HistoryLedger>(
    ledger: L,
) {
    registered(&ledger).await;
    let mine = [held_row(1, "Ada", 2)];
    let finished = pulled(&ledger, 1, &mine, 9).await;
    let dropped = ledger.begin_held(&acd(1), REPORT, at(2)).await.unwrap();
    let current = ledger.begin_held(&acd(1), REPORT, at(3)).await.unwrap();
    for pull in [finished, dropped] {
        let range = interval(0)..interval(9);
        for refused in [
            ledger.put_held(&pull, &[held_row(1, "Grace", 1)]).await,
            ledger.finish_held(&pull, range).await,
        ] {
            assert!(
                matches!(refused, Err(LedgerError::UnknownPull { number }) if number == pull.number),
                "{refused:?}"
            );
        }
    }
    assert_eq!(rows(all(&ledger).await), mine);
    ledger.put_held(&current, &mine).await.unwrap();
}

async fn a_pull_takes_the_place_of_what_was_held_of_its_range<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let [early, late] = [held_row(1, "Ada", 1), held_row(5, "Ada", 2)];
    pulled(&ledger, 1, &[early, late.clone()], 9).await;
    let again = held_row(2, "Grace", 3);
    // The range is half open: the interval of its end is not in it.
    pulled(&ledger, 2, std::slice::from_ref(&again), 5).await;
    assert_eq!(rows(all(&ledger).await), [late.clone(), again]);
    pulled(&ledger, 3, &[], 5).await;
    assert_eq!(rows(all(&ledger).await), [late]);
    pulled(&ledger, 4, &[], 6).await;
    assert_eq!(all(&ledger).await, []);
}

async fn what_becomes_part_of_a_batch_is_held_no_more<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let mine = [held_row(1, "Ada", 1), held_row(2, "Grace", 2)];
    pulled(&ledger, 1, &mine, 9).await;
    let released: Vec<_> = all(&ledger).await.iter().map(|held| held.number).collect();
    let with = |number, rows| NewBatch {
        released: released.clone(),
        ..batch(&acd(number), 2, rows)
    };
    let rows_of = || vec![new_row(agent_key(1, 1, 1), 1)];
    // A batch that is refused, or of another ACD, releases nothing.
    ledger.add_batch(&with(1, Vec::new())).await.unwrap_err();
    ledger.add_batch(&with(2, rows_of())).await.unwrap();
    assert_eq!(rows(all(&ledger).await), mine);
    let one = NewBatch {
        released: released[..1].to_vec(),
        ..with(1, rows_of())
    };
    ledger.add_batch(&one).await.unwrap();
    assert_eq!(rows(all(&ledger).await), mine[1..]);
    // Numbers are never used again.
    pulled(&ledger, 3, &mine, 9).await;
    let last = released[1];
    assert!(all(&ledger).await.iter().all(|held| held.number > last));
}

async fn what_is_held_is_read_page_by_page<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let mine: Vec<_> = (0..7).map(|n| held_row(6 - n, "Ada", 1)).collect();
    pulled(&ledger, 1, &mine, 9).await;
    let mut read = Vec::new();
    let mut after: Option<HeldNumber> = None;
    loop {
        let before = Some(interval(5));
        let page = ledger.held(&acd(1), REPORT, before, after, 2).await;
        let page = page.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.number);
        read.extend(rows(page));
    }
    // The intervals 6 and 5 do not start before 5.
    assert_eq!(read, mine[2..]);
}

async fn what_is_held_is_counted_by_report<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    pulled(
        &ledger,
        1,
        &[held_row(1, "Ada", 1), held_row(2, "Ada", 2)],
        9,
    )
    .await;
    let queues = Report::QueueHistory;
    let pull = ledger.begin_held(&acd(1), queues, at(1)).await.unwrap();
    let row = HeldRow {
        agent: wfm_history::Party::None,
        values: super::history::values(queues, 3),
        ..held_row(3, "Ada", 3)
    };
    ledger
        .put_held(&pull, std::slice::from_ref(&row))
        .await
        .unwrap();
    ledger
        .finish_held(&pull, interval(0)..interval(9))
        .await
        .unwrap();
    assert_eq!(
        ledger.held_count(&acd(1)).await.unwrap(),
        [(REPORT, 2), (queues, 1)]
    );
    let held = ledger.held(&acd(1), queues, None, None, 9).await.unwrap();
    assert_eq!(rows(held), [row]);
    assert_eq!(ledger.held_count(&acd(2)).await.unwrap(), []);
}

async fn what_is_older_than_the_retention_is_held_no_more<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let mine = [held_row(1, "Ada", 1), held_row(2, "Grace", 2)];
    pulled(&ledger, 1, &mine, 9).await;
    // None of them is an interval that was put into a batch.
    assert_eq!(ledger.prune_intervals(interval(2), 9).await.unwrap(), 0);
    assert_eq!(rows(all(&ledger).await), mine[1..]);
}

fn pull(second: i64, newest: Option<Interval>) -> Pull {
    Pull {
        at: at(second),
        newest,
        account: serde_json::json!({ "rows": second, "held": { "names": 2 } }),
    }
}

async fn the_last_sixty_four_pulls_are_remembered<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let made: Vec<_> = (0..70)
        .map(|n| pull(n, (n % 3 != 0).then(|| interval(n))))
        .collect();
    for pull in &made {
        ledger.record_pull(&acd(1), REPORT, pull).await.unwrap();
    }
    let queues = Report::QueueHistory;
    ledger
        .record_pull(&acd(1), queues, &pull(1, None))
        .await
        .unwrap();
    assert_eq!(ledger.pulls(&acd(1), REPORT).await.unwrap(), made[6..]);
    assert_eq!(
        ledger.pulls(&acd(1), queues).await.unwrap(),
        [pull(1, None)]
    );
    assert_eq!(ledger.pulls(&acd(2), REPORT).await.unwrap(), []);
    assert_eq!(made[0].sighting(), None);
    let seen = made[1].sighting().unwrap();
    assert_eq!((seen.at, seen.newest), (at(1), interval(1)));
}

async fn a_pull_that_failed_is_remembered_until_one_is_whole<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let failed = async || ledger.failed_pull(&acd(1), REPORT).await.unwrap();
    assert_eq!(failed().await, None);
    for (second, reason) in [(1, "a password"), (9, "a report id")] {
        ledger
            .record_failed_pull(&acd(1), REPORT, at(second), reason)
            .await
            .unwrap();
    }
    let expected = FailedPull {
        since: at(1),
        last: at(9),
        pulls: 2,
        reason: "a report id".to_owned(),
    };
    assert_eq!(failed().await, Some(expected));
    let others = [(acd(2), REPORT), (acd(1), Report::QueueHistory)];
    for (acd, report) in others {
        assert_eq!(ledger.failed_pull(&acd, report).await.unwrap(), None);
    }
    let whole = pull(10, None);
    ledger.record_pull(&acd(1), REPORT, &whole).await.unwrap();
    assert_eq!(failed().await, None);
}

async fn a_pull_of_the_same_moment_takes_the_place_of_the_other<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    for newest in [None, Some(interval(3))] {
        let pull = pull(1, newest);
        ledger.record_pull(&acd(1), REPORT, &pull).await.unwrap();
    }
    assert_eq!(
        ledger.pulls(&acd(1), REPORT).await.unwrap(),
        [pull(1, Some(interval(3)))]
    );
}
