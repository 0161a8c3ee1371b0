//! Whatever a crash leaves behind: what was decided and what is told of it are there together or not at all, and so are a
//! pushed event and the leg that it told of.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(
    clippy::print_stdout,
    reason = "a child tells its parent how far it came"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use sync_ledger::conformance::{acd, at, complete, event, found, leg, message, tell_complete};
use sync_ledger::{
    AcdStore as _, ContactFilter, ContactStore as _, Inbox as _, MessageFilter, OutboxStore as _,
    PageRequest, ProcessedEvent, Schedule, Sealing, SealingKey, SqliteLedger, SqliteOptions,
    WorkerLock, keep,
};

const PLACE: &str = "SYNC_LEDGER_TEST_TOLD";

async fn open(path: &Path) -> SqliteLedger {
    let options =
        SqliteOptions::default().sealing(Sealing::under(SealingKey::new(&[7; 32]).unwrap()));
    let ledger = SqliteLedger::open(WorkerLock::acquire(path).unwrap(), options)
        .await
        .unwrap();
    ledger.register(&acd(1), "Sales").await.unwrap();
    ledger
}

/// Event n tells of leg n, which becomes complete.
async fn live(ledger: &SqliteLedger, n: u32) {
    let group = [event(&acd(1), 2 * n), event(&acd(1), 2 * n + 1)];
    ledger.receive(&group, 1_000_000).await.unwrap();
    println!("received {n}");
    let claimed = ledger
        .claim_events(at(0), 100, at(60))
        .await
        .unwrap()
        .events;
    let mut events: Vec<_> = claimed
        .iter()
        .map(|claimed| ProcessedEvent::from(claimed.claim))
        .collect();
    events[0].legs = vec![found(&acd(1), n, 0)];
    let settled = ledger.settle_events(events, &keep, at(1)).await.unwrap();
    assert_eq!(settled.not_held, []);
    println!("settled {n}");
    let row = ledger.get(&acd(1), leg(n)).await.unwrap().unwrap().row;
    let change = row
        .change(complete(row.contact.clone(), &[]), Schedule::rest(), at(2))
        .tell(tell_complete(n));
    ledger.save(change).await.unwrap();
    println!("told {n}");
}

struct Found {
    legs: u32,
    complete: u32,
    waiting: u64,
}

async fn look(ledger: &SqliteLedger) -> Found {
    ledger.verify().await.unwrap();
    let (mut legs, mut done) = (0, 0);
    let mut page = PageRequest::first(PageRequest::MAX);
    loop {
        let found = ledger.list(&ContactFilter::default(), &page).await.unwrap();
        for row in &found.contacts {
            legs += 1;
            // A contact is complete exactly if its message is there, and knows that it was told.
            let finished = row.finished_at.is_some();
            let number = u32::from_str_radix(&row.leg().as_str()[2..], 16).unwrap();
            let told = ledger.message(&message(number)).await.unwrap().is_some();
            assert_eq!(
                (told, row.told.is_some()),
                (finished, finished),
                "leg {number}"
            );
            done += u32::from(finished);
        }
        page.after = found.next;
        if page.after.is_none() {
            break;
        }
    }
    let messages = ledger
        .messages(&MessageFilter::default(), 1000, None)
        .await
        .unwrap();
    assert_eq!(u32::try_from(messages.messages.len()).unwrap(), done);
    let backlog = ledger.inbox_backlog().await.unwrap();
    Found {
        legs,
        complete: done,
        waiting: backlog.iter().map(|row| row.waiting).sum(),
    }
}

#[test]
#[ignore = "needs the test that starts it as a child"]
fn a_child_that_tells_until_it_is_killed() {
    // Nothing to do where nobody started it as a child: its parent proves what it does.
    let Some(path) = std::env::var_os(PLACE) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let ledger = open(Path::new(&path)).await;
        let begun = look(&ledger).await.legs;
        for n in begun + 1.. {
            live(&ledger, n).await;
        }
    });
}

#[tokio::test]
async fn a_killed_worker_leaves_no_change_without_its_message_and_no_event_without_its_leg() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    for lines in [1, 2, 3, 17, 40, 62] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "told::a_child_that_tells_until_it_is_killed",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(PLACE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        // The harness prints lines of its own, and the first word may share a line with one.
        let told = |line: std::io::Result<String>| {
            let line = line.unwrap();
            let starts = ["received ", "settled ", "told "];
            let at = starts.iter().find_map(|word| line.find(word))?;
            Some(line[at..].to_owned())
        };
        let last = output.lines().filter_map(told).nth(lines - 1).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let (what, n) = last.split_once(' ').unwrap();
        let n: u32 = n.parse().unwrap();
        let ledger = open(&path).await;
        let found = look(&ledger).await;
        match what {
            "received" => assert!(found.legs + 1 >= n),
            "settled" => assert!(found.legs >= n),
            _ => assert!(found.complete > 0 && found.legs >= n),
        }
        // Two events to each leg: what is not settled waits, whole groups of it.
        assert_eq!(found.waiting % 2, 0);
        assert!(found.waiting <= 2, "{} wait", found.waiting);
        ledger.close().await;
    }
}
