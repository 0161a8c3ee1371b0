//! What is told of names and of what is held, on a real ledger.

use std::fmt::Write as _;

use service_runtime::{Output, Report as Printed, Terminal, print_report};
use sync_ledger::SubjectKind;
use wfm_history::Name;

use super::*;
use crate::policy::Why;
use crate::runner::history::pull_all;
use crate::runner::roster::round;
use crate::runner::testing::{AGENTS, Bench, QUEUES, queue, sid, worker};

fn text<R: Printed>(report: &R) -> String {
    let mut out = Vec::new();
    let terminal = Terminal::NONE;
    print_report(report, Output::Table, terminal, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn names_that_lead_to_several_are_listed_with_who_has_them() {
    let bench = Bench::new().await;
    let acd = bench.services();
    let core = bench.core(&acd).await;
    bench.list("TaskQueues", [queue(1, "Billing")]);
    let workers = [
        worker(1, "ada", "Ada Byron", 1),
        worker(2, "countess", "ada byron", 1),
        worker(3, "bo", "Bo Diddley", 1),
    ];
    bench.list("Workers", workers);
    round(&core, &acd, None).await.unwrap();
    let found = roster(&core.ledger, (&acd.key, "main"), SubjectKind::Agent).await;
    let report = RosterReport {
        kind: SubjectKind::Agent,
        acds: vec![found.unwrap()],
    };
    let json = serde_json::to_value(&report).unwrap();
    let clash = &json["acds"][0]["clashes"][0];
    assert_eq!(clash["names"], serde_json::json!(["Ada Byron"]));
    assert_eq!(clash["namesakes"][1]["sid"], sid("WK", 2));
    let text = text(&report);
    let (_, clashes) = text.split_once("names that lead to several").unwrap();
    for part in ["Ada Byron", &sid("WK", 1), &sid("WK", 2), "held"] {
        assert!(clashes.contains(part), "{part}: {clashes}");
    }
    assert!(!clashes.contains(&sid("WK", 3)), "{clashes}");
}

#[tokio::test]
async fn held_rows_are_listed_with_the_names_that_the_report_prints_and_why() {
    let bench = Bench::new().await;
    let acd = bench.services();
    let core = bench.core(&acd).await;
    bench.list(
        "TaskQueues",
        [queue(1, "Billing"), queue(2, "Twin"), queue(3, "twin")],
    );
    bench.list("Workers", [worker(1, "ada", "Ada Byron", 1)]);
    round(&core, &acd, None).await.unwrap();
    let mut csv = "Date,Time,Queue,Kind,Offered,Answered,Abandoned\n".to_owned();
    for (time, name) in [
        ("09:15", "TWIN"),
        ("09:00", "Löschung"),
        ("10:00", "Billing"),
    ] {
        writeln!(csv, "2026-03-03,{time},{name},Queue,3,3,0").unwrap();
    }
    for number in 0..24 {
        let (hour, quarter) = (number / 4, number % 4 * 15);
        writeln!(csv, "2026-03-03,{hour:02}:{quarter:02},Nobody,Queue,1,1,0").unwrap();
    }
    bench.report(QUEUES, &csv);
    bench.report(AGENTS, "");
    let history = acd.history.as_ref().unwrap();
    assert!(pull_all(&core, &acd, history).await.is_empty());

    let acds = [(acd.key.clone(), "main".to_owned())];
    let found = status(&core.ledger, &acds, None).await.unwrap();
    let listed = &found.acds[0];
    assert_eq!((listed.held.len(), listed.held_more), (20, 6));
    assert_eq!(listed.held[0].interval.to_string(), "2026-03-03T00:00Z");
    assert_eq!(listed.held[0].queue, Some(Name::from("Nobody")));
    assert_eq!(listed.held[0].why, [HeldWhy::Queue(Why::Unknown)]);
    let printed = text(&found);
    assert!(
        printed.contains("Nobody") && printed.contains("and 6 more"),
        "{printed}"
    );
    assert!(!format!("{found:?}").contains("Nobody"));

    // The others, once those are of a queue that is known.
    bench.list(
        "TaskQueues",
        [
            queue(1, "Billing"),
            queue(2, "Twin"),
            queue(3, "twin"),
            queue(4, "Nobody"),
        ],
    );
    round(&core, &acd, None).await.unwrap();
    assert!(pull_all(&core, &acd, history).await.is_empty());
    let found = status(&core.ledger, &acds, None).await.unwrap();
    let listed: Vec<_> = found.acds[0]
        .held
        .iter()
        .map(|one| (one.queue.as_ref().unwrap().as_str(), one.why.as_slice()))
        .collect();
    let expected = [
        ("Löschung", &[HeldWhy::Queue(Why::Unknown)][..]),
        ("TWIN", &[HeldWhy::Queue(Why::Ambiguous)][..]),
    ];
    assert_eq!(listed, expected);
}
