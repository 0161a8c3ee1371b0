//! Lists of agents and queues, from Twilio to what Calabrio is told.

use serde_json::json;
use wfm_delivery::{DeliveryError, Refusal, RowRefusal};

use super::*;
use crate::runner::testing::{Bench, Told, queue, sid, worker};

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
