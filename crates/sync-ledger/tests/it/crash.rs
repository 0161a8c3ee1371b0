//! Whatever a crash leaves behind, a cursor and what it passed are there together or not at all.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use sync_ledger::conformance::{acd, at, details, found, leg, linked};
use sync_ledger::{
    AcdStore as _, Advance, ContactFilter, ContactStore as _, CursorId, CursorStore as _,
    LedgerError, NewLeg, PageRequest, Schedule, Sealing, SealingKey, SqliteLedger, SqliteOptions,
    StoredDetails, WorkerLock, keep,
};

const PLACE: &str = "SYNC_LEDGER_TEST_LEDGER";
const LEGS_PER_STEP: u32 = 3;

async fn open(path: &Path) -> SqliteLedger {
    let options =
        SqliteOptions::default().sealing(Sealing::under(SealingKey::new(&[7; 32]).unwrap()));
    SqliteLedger::open(WorkerLock::acquire(path).unwrap(), options)
        .await
        .unwrap()
}

/// Step n discovers three legs and moves the cursor to second n.
async fn discover(ledger: &SqliteLedger, n: u32) {
    let numbers = (n - 1) * LEGS_PER_STEP + 1..=n * LEGS_PER_STEP;
    let new = |number| NewLeg {
        details: Some(details(number)),
        ..found(&acd(1), number, 0)
    };
    let step = Advance {
        cursor: CursorId::Live {
            acd: acd(1),
            stream: "events".into(),
        },
        from: (n > 1).then(|| at(i64::from(n) - 1)),
        to: at(i64::from(n)),
        legs: numbers.map(new).collect(),
        at: at(0),
    };
    ledger.advance(step, &keep).await.unwrap();
}

/// Links the first leg of step n.
async fn work(ledger: &SqliteLedger, n: u32) {
    let number = (n - 1) * LEGS_PER_STEP + 1;
    let row = ledger.get(&acd(1), leg(number)).await.unwrap().unwrap().row;
    let media = format!("RE{number:032x}").parse().unwrap();
    let next = linked(row.contact.clone(), &[media]);
    ledger
        .save(
            row.change(next, Schedule::at(at(0)), at(1))
                .details(details(number + 1000)),
        )
        .await
        .unwrap();
}

/// Checks that everything before the cursor is there, whole, and nothing behind it; gives how many steps there were.
async fn steps_of(ledger: &SqliteLedger) -> u32 {
    ledger.verify().await.unwrap();
    let cursor = ledger.cursor(&acd(1), "events").await.unwrap();
    let steps = cursor.map_or(0, |cursor| (cursor.position - at(0)).num_seconds());
    let steps = u32::try_from(steps).unwrap();
    let mut known = 0;
    let mut page = PageRequest::first(PageRequest::MAX);
    loop {
        let found = ledger.list(&ContactFilter::default(), &page).await.unwrap();
        assert_eq!(found.unreadable, []);
        known += u32::try_from(found.contacts.len()).unwrap();
        page.after = found.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(known, steps * LEGS_PER_STEP);
    for number in 1..=known {
        let record = ledger.get(&acd(1), leg(number)).await.unwrap().unwrap();
        let history = ledger.history(&acd(1), leg(number)).await.unwrap();
        let media = format!("RE{number:032x}").parse().unwrap();
        let users = ledger.legs_of_recording(media).await.unwrap();
        // Each change is there with everything that belongs to it.
        let (version, kept, steps, used) = match history.len() {
            1 => (1, details(number), 1, 0),
            _ => (2, details(number + 1000), 2, 1),
        };
        assert_eq!(
            (record.row.version, history.len(), users.len()),
            (version, steps, used)
        );
        assert_eq!(record.details, StoredDetails::Present(kept));
        assert_eq!(
            history.last().unwrap().stage,
            record.row.contact.stage.name()
        );
    }
    steps
}

#[test]
#[ignore = "needs the test that starts it as a child"]
fn a_child_that_writes_until_it_is_killed() {
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
        ledger.register(&acd(1), "Sales").await.unwrap();
        let begun = steps_of(&ledger).await;
        for n in begun + 1.. {
            discover(&ledger, n).await;
            println!("discovered {n}");
            work(&ledger, n).await;
            println!("linked {n}");
        }
    });
}

#[tokio::test]
async fn what_a_killed_worker_had_committed_is_there_and_its_lock_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    let mut before = 0;
    for lines in [1, 2, 7, 30, 61] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "crash::a_child_that_writes_until_it_is_killed",
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
            let at = line.find("discovered ").or_else(|| line.find("linked "))?;
            Some(line[at..].to_owned())
        };
        // The pipe stays open: a child that cannot print would end by itself.
        let mut output = output.lines().filter_map(told);
        let last = output.nth(lines - 1).unwrap();
        let refused = WorkerLock::acquire(&path).unwrap_err();
        assert!(
            matches!(refused, LedgerError::WorkerRunning { pid: Some(pid), .. } if pid == child.id()),
            "{refused}"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        let (what, n) = last.split_once(' ').unwrap();
        let n: u32 = n.parse().unwrap();
        let ledger = open(&path).await;
        let steps = steps_of(&ledger).await;
        assert!(
            steps >= n && n > before,
            "{what} {n} was told, {steps} steps are there, {before} were before"
        );
        if what == "linked" {
            let first = leg((n - 1) * LEGS_PER_STEP + 1);
            assert_eq!(ledger.history(&acd(1), first).await.unwrap().len(), 2);
        }
        before = steps;
        ledger.close().await;
    }
}

#[tokio::test]
async fn a_log_that_was_cut_anywhere_gives_a_state_that_once_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    let ledger = open(&path).await;
    ledger.register(&acd(1), "Sales").await.unwrap();
    assert!(ledger.checkpoint().await.unwrap());
    for n in 1..=6 {
        discover(&ledger, n).await;
        work(&ledger, n).await;
    }
    // A power cut, as the files see it: nothing was closed.
    let database = std::fs::read(&path).unwrap();
    let log = std::fs::read(directory.path().join("ledger.db-wal")).unwrap();
    let mut seen = Vec::new();
    for cut in (0..=24).map(|part| log.len() * part / 24) {
        let crashed = tempfile::tempdir().unwrap();
        let path = crashed.path().join("ledger.db");
        std::fs::write(&path, &database).unwrap();
        std::fs::write(crashed.path().join("ledger.db-wal"), &log[..cut]).unwrap();
        let ledger = open(&path).await;
        seen.push(steps_of(&ledger).await);
        // And it goes on from there.
        discover(&ledger, seen.last().unwrap() + 1).await;
        ledger.close().await;
    }
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!((seen.first(), seen.last()), (Some(&0), Some(&6)));
}
