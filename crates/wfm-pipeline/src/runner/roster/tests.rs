//! Lists of agents and queues, from Twilio to what Calabrio is told.

use chrono::TimeDelta;
use serde_json::json;
use wfm_delivery::{DeliveryContract, DeliveryError, Refusal, RosterFiles, RowRefusal};
use wfm_history::{QueueKey, Report};
use wfm_interval::Interval;

use super::*;
use crate::runner::history::pull_all;
use crate::runner::testing::{Bench, QUEUES, Told, noon, queue, sid, worker};

fn told(prefix: &str, number: usize, name: &str, active: bool) -> Told {
    Told {
        sid: sid(prefix, number),
        name: name.to_owned(),
        active,
    }
}

async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.list("TaskQueues", [queue(1, "Billing"), queue(2, "Sales")]);
    let workers = [
        worker(1, "ada", "Ada Byron", 1),
        worker(2, "bo", "Bo Diddley", 1),
    ];
    bench.list("Workers", workers);
    bench
}

#[tokio::test]
async fn queues_and_agents_are_told_once_and_a_rename_again_under_the_same_sid() {
    let bench = bench().await;
    let acd = bench.services();
    let core = bench.core(&acd).await;
    assert_eq!(round(&core, &acd, None).await.unwrap(), Round::Whole);
    let first = [
        vec![told("WQ", 1, "Billing", true), told("WQ", 2, "Sales", true)],
        vec![
            told("WK", 1, "Ada Byron", true),
            told("WK", 2, "Bo Diddley", true),
        ],
    ];
    assert_eq!(bench.roster.taken(), first);
    assert_eq!(round(&core, &acd, None).await.unwrap(), Round::Whole);
    assert_eq!(bench.roster.taken(), first, "nothing changed");

    let workers = [
        worker(1, "ada", "Ada Lovelace", 1),
        worker(2, "bo", "Bo Diddley", 1),
    ];
    bench.list("Workers", workers);
    bench.list("TaskQueues", [queue(2, "Sales")]);
    assert_eq!(round(&core, &acd, None).await.unwrap(), Round::Whole);
    assert_eq!(
        bench.roster.taken()[2..],
        [
            vec![told("WQ", 1, "Billing", false)],
            vec![told("WK", 1, "Ada Lovelace", true)],
        ]
    );
    let agents = core.ledger.roster(&acd.key, SubjectKind::Agent).await;
    let ada = agents.unwrap().remove(0);
    let former: Vec<_> = ada.former.iter().map(|one| one.full_name.clone()).collect();
    assert_eq!(former, [Some("Ada Byron".to_owned())]);
}

#[tokio::test]
async fn an_empty_list_takes_nobody_for_gone() {
    let bench = bench().await;
    let acd = bench.services();
    let core = bench.core(&acd).await;
    round(&core, &acd, None).await.unwrap();
    bench.list("Workers", []);
    assert_eq!(round(&core, &acd, None).await.unwrap(), Round::Waiting);
    let agents = core.ledger.roster(&acd.key, SubjectKind::Agent).await;
    assert!(agents.unwrap().iter().all(|one| one.active));
    assert_eq!(bench.roster.taken().len(), 2);
}

#[tokio::test]
async fn whoever_still_waits_is_told_although_the_list_is_empty_by_now() {
    let bench = bench().await;
    let acd = bench.services();
    let core = bench.core(&acd).await;
    bench.roster.answer_next(Outcome::Accepted);
    bench.roster.answer_next(Outcome::RetryLater {
        error: DeliveryError::CutOff,
        in_doubt: true,
    });
    assert_eq!(round(&core, &acd, None).await.unwrap(), Round::Waiting);
    bench.list("Workers", []);
    round(&core, &acd, None).await.unwrap();
    let again = vec![
        told("WK", 1, "Ada Byron", true),
        told("WK", 2, "Bo Diddley", true),
    ];
    assert_eq!(bench.roster.taken()[1..], [again.clone(), again]);
}

#[tokio::test]
async fn a_list_with_an_entry_that_cannot_be_read_changes_nothing() {
    let bench = bench().await;
    let acd = bench.services();
    let core = bench.core(&acd).await;
    round(&core, &acd, None).await.unwrap();
    for (path, kind) in [("Workers", "workers"), ("TaskQueues", "queues")] {
        let whole = bench.world(|world| world.lists[path].clone());
        bench.list(path, [whole[0].clone(), json!({"sid": "nonsense"})]);
        let error = round(&core, &acd, None).await.unwrap_err();
        assert!(
            matches!(error, RosterError::Partly { kind: found, count: 1 } if found == kind),
            "{error}"
        );
        bench.list(path, whole);
    }
    for kind in [SubjectKind::Agent, SubjectKind::Queue] {
        let known = core.ledger.roster(&acd.key, kind).await.unwrap();
        assert!(known.len() == 2 && known.iter().all(|one| one.active));
    }
}

#[tokio::test]
async fn who_is_refused_keeps_nobody_waiting_and_is_told_again_once_something_changed() {
    let bench = bench().await;
    let acd = bench.services();
    let core = bench.core(&acd).await;
    bench.roster.answer_next(Outcome::Accepted);
    bench
        .roster
        .answer_next(Outcome::RowsRefused(vec![RowRefusal {
            row: 1,
            refusal: Refusal::PenaltyBox,
        }]));
    assert_eq!(round(&core, &acd, None).await.unwrap(), Round::Whole);
    let agents = core
        .ledger
        .roster(&acd.key, SubjectKind::Agent)
        .await
        .unwrap();
    assert_eq!(
        (agents[0].told, agents[0].refused.as_ref()),
        (Some(1), None)
    );
    assert_eq!(agents[1].refused, Some(Refusal::PenaltyBox.to_string()));
    assert_eq!(agents[1].told, None);

    round(&core, &acd, None).await.unwrap();
    assert_eq!(bench.roster.taken().len(), 2, "nothing is to be told");
    let workers = [
        worker(1, "ada", "Ada Byron", 1),
        worker(2, "bo", "Ellas Bates", 1),
    ];
    bench.list("Workers", workers);
    round(&core, &acd, None).await.unwrap();
    assert_eq!(
        bench.roster.taken()[2..],
        [vec![told("WK", 2, "Ellas Bates", true)]]
    );
}

#[tokio::test]
async fn a_full_name_that_the_list_does_not_show_is_asked_for_once() {
    let bench = bench().await;
    let short = |number| json!({"sid": sid("WK", number), "friendly_name": "login"});
    bench.list("Workers", [short(1), short(2)]);
    for number in [1, 2] {
        let path = format!("Workers/{}", sid("WK", number));
        bench.list(&path, [worker(number, "login", "Full Name", 1)]);
    }
    let acd = bench.services();
    let core = bench.core(&acd).await;
    round(&core, &acd, None).await.unwrap();
    round(&core, &acd, None).await.unwrap();
    assert_eq!(
        bench.roster.taken()[1..],
        [vec![
            told("WK", 1, "Full Name", true),
            told("WK", 2, "Full Name", true)
        ]]
    );
    let singly = bench.world(|world| {
        let asked = world.asked.iter();
        asked.filter(|path| path.contains("/Workers/WK")).count()
    });
    assert_eq!(singly, 2);
}

#[tokio::test]
async fn rows_of_a_queue_that_was_made_anew_are_held_until_they_can_be_no_others() {
    let bench = bench().await;
    let acd = bench.services();
    let core = bench.core(&acd).await;
    let history = acd.history.as_ref().unwrap();
    round(&core, &acd, None).await.unwrap();
    let gone = noon() + TimeDelta::hours(1);
    bench.set_now(gone);
    bench.list("TaskQueues", [queue(3, "Billing"), queue(2, "Sales")]);
    round(&core, &acd, None).await.unwrap();

    let row = |at: DateTime<Utc>| format!("{},Billing,Queue,3,3,0\n", at.format("%F,%H:%M"));
    let head = "Date,Time,Queue,Kind,Offered,Answered,Abandoned\n";
    let report = Report::QueueHistory;
    let delivered = async || {
        let range =
            Interval::containing(noon())..Interval::containing(noon() + TimeDelta::days(60));
        let found = core.ledger.intervals(&acd.key, report, range, None, 99);
        let keys = found.await.unwrap().into_iter().map(|one| one.key);
        keys.map(|key| (key.interval.start(), key.queue))
            .collect::<Vec<_>>()
    };
    // One that may be of the first queue, and one that cannot.
    let rows = [gone - TimeDelta::minutes(30), gone];
    bench.set_now(gone + TimeDelta::hours(1));
    bench.report(QUEUES, &format!("{head}{}{}", row(rows[0]), row(rows[1])));
    assert!(pull_all(&core, &acd, history).await.is_empty());
    assert_eq!(delivered().await, []);
    assert_eq!(
        core.ledger.held_count(&acd.key).await.unwrap(),
        [(report, 2)]
    );

    let later = gone + TimeDelta::hours(2) + history.rules.pull_back;
    bench.set_now(later);
    let new = later - TimeDelta::hours(1);
    bench.report(
        QUEUES,
        &format!("{head}{}{}{}", row(rows[0]), row(rows[1]), row(new)),
    );
    assert!(pull_all(&core, &acd, history).await.is_empty());
    let third = QueueKey::Task(sid("WQ", 3).parse().unwrap());
    assert_eq!(delivered().await, [(gone, third), (new, third)]);
    assert_eq!(
        core.ledger.held_count(&acd.key).await.unwrap(),
        [(report, 1)]
    );
}

#[tokio::test]
async fn of_whom_a_file_in_the_penalty_box_told_calabrio_was_not_told() {
    let bench = bench().await;
    let mut acd = bench.services();
    let drop = tempfile::tempdir().unwrap();
    let contract = DeliveryContract::default();
    let zone = "UTC".parse().unwrap();
    let files = RosterFiles::new(drop.path(), &contract, 7, zone).unwrap();
    acd.roster.sink = Some(Arc::new(files.clone()));
    acd.roster.files = Some(files);
    let core = bench.core(&acd).await;
    assert_eq!(round(&core, &acd, None).await.unwrap(), Round::Whole);
    let told = async |kind| {
        let known = core.ledger.roster(&acd.key, kind).await.unwrap();
        known
            .into_iter()
            .map(|one| (one.told, one.refused.is_some()))
            .collect::<Vec<_>>()
    };
    let open = async |kind| core.ledger.told_files(&acd.key, kind).await.unwrap();

    look_at_files(&core, &acd).await.unwrap();
    let queue_file = open(SubjectKind::Queue).await.remove(0).name;
    assert_eq!(open(SubjectKind::Agent).await[0].name, "Users.csv");
    for (name, place) in [
        ("Users.csv", "penaltyBox/2026-03-03"),
        (&queue_file, "archives"),
    ] {
        let place = drop.path().join(place);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::rename(drop.path().join(name), place.join(name)).unwrap();
    }
    look_at_files(&core, &acd).await.unwrap();
    assert_eq!(told(SubjectKind::Agent).await, [(None, true), (None, true)]);
    assert_eq!(
        told(SubjectKind::Queue).await,
        [(Some(1), false), (Some(1), false)]
    );
    for kind in [SubjectKind::Agent, SubjectKind::Queue] {
        assert_eq!(open(kind).await, []);
    }
    let agents = core
        .ledger
        .roster(&acd.key, SubjectKind::Agent)
        .await
        .unwrap();
    assert_eq!(agents[0].refused, Some(Refusal::PenaltyBox.to_string()));

    // Nobody is told again before something of them changes.
    round(&core, &acd, None).await.unwrap();
    assert!(!drop.path().join("Users.csv").exists());
    let workers = [
        worker(1, "ada", "Ada Lovelace", 1),
        worker(2, "bo", "Bo Diddley", 1),
    ];
    bench.list("Workers", workers);
    round(&core, &acd, None).await.unwrap();
    let text = std::fs::read_to_string(drop.path().join("Users.csv")).unwrap();
    assert!(
        text.contains("Lovelace") && !text.contains("Diddley"),
        "{text}"
    );
    assert_eq!(
        told(SubjectKind::Agent).await,
        [(Some(2), false), (None, true)]
    );
}
