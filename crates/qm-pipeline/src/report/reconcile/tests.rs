use proptest::prelude::*;
use service_runtime::{Output, Terminal, print_report};
use sync_ledger::ReconciliationStore as _;

use super::super::fixture::{Fixture, at};
use super::*;

fn line() -> impl Strategy<Value = Line> {
    let word = prop::sample::select(vec!["no-media", "missing-key", "test calls"]);
    prop_oneof![
        Just(Line::Complete),
        word.clone()
            .prop_map(|word| Line::Excluded(word.to_owned())),
        word.clone().prop_map(|word| Line::Parked(word.to_owned())),
        word.prop_map(|word| Line::Failed(word.to_owned())),
        prop::sample::select(StageName::ALL).prop_map(Line::OnTheWay),
        Just(Line::Undiscovered),
        Just(Line::BeyondReach),
        prop::sample::select(vec![
            Unexplained::UnknownLeg,
            Unexplained::ContactMissing,
            Unexplained::MediaMissing,
            Unexplained::UnreadableRow,
        ])
        .prop_map(Line::Unexplained),
    ]
}

fn account() -> Account {
    let range = RangeNote {
        from: at(0),
        to: at(60),
    };
    Account::new("main".to_owned(), range, at(61), Trigger::Command)
}

fn counted(lines: Vec<Line>) -> Account {
    let mut account = account();
    for (number, line) in lines.into_iter().enumerate() {
        account.count(line, &format!("WR{number:032}"), Some(at(1)), None);
    }
    account
}

fn printed(report: &ReconcileReport, output: Output) -> String {
    let mut out = Vec::new();
    print_report(report, output, Terminal::NONE, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn the_lines_add_up_and_what_is_unexplained_is_listed(lines in prop::collection::vec(line(), 0..40)) {
        let all = lines.len() as u64;
        let unexplained = lines.iter().filter(|line| matches!(line, Line::Unexplained(_))).count() as u64;
        let account = counted(lines);
        let legs = &account.legs;
        let sum = |map: &BTreeMap<String, u64>| map.values().sum::<u64>();
        let lines = legs.complete + sum(&legs.excluded) + sum(&legs.parked) + sum(&legs.failed)
            + legs.on_the_way.values().sum::<u64>() + legs.undiscovered + legs.beyond_reach
            + legs.unexplained.values().sum::<u64>();
        prop_assert_eq!((lines, legs.total), (all, all));
        prop_assert_eq!((account.unexplained, account.unexplained_legs.count), (unexplained, unexplained));

        let report = ReconcileReport::from(vec![account.clone(), account.clone()]);
        prop_assert_eq!(report.unexplained, 2 * unexplained);
        let json: Value = serde_json::from_str(&printed(&report, Output::Json)).unwrap();
        prop_assert_eq!(&json["unexplained"], 2 * unexplained);
        prop_assert_eq!(&json["accounts"][0]["unexplained"], unexplained);
        let read: Account = serde_json::from_value(json["accounts"][0].clone()).unwrap();
        prop_assert_eq!(read, account);
    }
}

#[test]
fn what_is_unexplained_stands_on_a_line_of_its_own_also_where_it_is_0() {
    let text = printed(&vec![counted(vec![Line::Complete])].into(), Output::Table);
    let line = |text: &str, begins: &str| {
        let found = text.lines().find(|line| line.trim().starts_with(begins));
        found
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(line(&text, "unexplained"), ["unexplained", "0"]);
    assert_eq!(line(&text, "complete"), ["complete", "1"]);

    let lines = vec![
        Line::Unexplained(Unexplained::ContactMissing),
        Line::BeyondReach,
    ];
    let text = printed(&vec![counted(lines)].into(), Output::Table);
    assert_eq!(line(&text, "unexplained"), ["unexplained", "1"]);
    assert!(
        text.contains("contact-missing") && text.contains("sync-qm contacts forget"),
        "{text}"
    );
    assert!(text.contains(&format!("WR{:032}", 0)), "{text}");
}

#[test]
fn all_are_counted_and_the_first_are_listed() {
    let mut listed = Listed::default();
    for number in 0..=LISTED {
        listed.add(number);
    }
    assert_eq!(
        (listed.count, listed.first.len(), listed.more()),
        (LISTED as u64 + 1, LISTED, 1)
    );
}

#[tokio::test]
async fn an_account_is_read_back_from_the_ledger_by_its_range_and_not_an_older_one() {
    let fixture = Fixture::new(Vec::new()).await;
    let acd = fixture.config.acds[0].key();
    let account = counted(vec![Line::Complete, Line::Undiscovered]);
    fixture
        .ledger
        .record_reconciliation(&account.row(&acd))
        .await
        .unwrap();
    let read = |from, to, since| {
        let range = RangeNote {
            from: at(from),
            to: at(to),
        };
        let (ledger, acd) = (&fixture.ledger, &acd);
        async move { reconciled(ledger, acd, range, at(since)).await.unwrap() }
    };
    assert_eq!(read(0, 60, 60).await, Some(account));
    assert_eq!(read(0, 60, 62).await, None);
    assert_eq!(read(0, 59, 60).await, None);
}

#[tokio::test]
async fn the_nights_account_is_told_apart_from_one_that_a_person_asked_for_later() {
    let fixture = Fixture::new(Vec::new()).await;
    let (ledger, acd) = (&fixture.ledger, fixture.config.acds[0].key());
    assert_eq!(
        last_accounts(ledger, &acd).await.unwrap(),
        LastAccounts::default()
    );
    for (minute, by, unexplained) in [
        (40, Trigger::Night, 1),
        (41, Trigger::Night, 2),
        (42, Trigger::Command, 0),
    ] {
        let range = RangeNote {
            from: at(0),
            to: at(minute - 40),
        };
        let mut account = Account::new("main".to_owned(), range, at(minute), by);
        account.unexplained = unexplained;
        let row = account.row(&acd);
        ledger.record_reconciliation(&row).await.unwrap();
    }
    let last = last_accounts(ledger, &acd).await.unwrap();
    let told = |line: Option<ReconciledLine>| line.map(|line| (line.at, line.to, line.unexplained));
    assert_eq!(told(last.night), Some((at(41), at(1), 2)));
    assert_eq!(told(last.command), Some((at(42), at(2), 0)));
}
