//! The rules of [`RosterStore`](crate::RosterStore).

use super::HistoryLedger;
use super::fixture::{acd, at};
use super::history::{agent, queue, registered};
use crate::{
    RosterChange, SeenSubject, Subject, SubjectKind, SubjectNames, SubjectSid, ToldFile,
    ToldSubject,
};

super::cases![history:
    who_is_listed_first_is_new_and_waits_to_be_told,
    a_list_that_shows_nothing_new_changes_nothing,
    a_rename_keeps_the_former_names_the_newest_first,
    at_most_eight_former_names_are_kept,
    whoever_is_not_listed_any_more_is_inactive_and_may_come_back,
    agents_and_queues_of_each_acd_have_lists_of_their_own,
    an_older_version_that_was_told_leaves_the_newer_waiting,
    whoever_was_refused_waits_no_more_until_something_changes,
    whoever_is_taken_after_all_is_refused_no_more,
    a_file_is_open_until_it_is_told_what_became_of_it,
    of_whom_a_refused_file_told_calabrio_was_not_told,
];

const AGENT: SubjectKind = SubjectKind::Agent;

fn named(name: &str) -> SubjectNames {
    SubjectNames {
        name: name.into(),
        full_name: Some(format!("{name} Example")),
        email: None,
    }
}

/// An agent by number, as a list shows it.
pub(super) fn seen_agent(number: u32, name: &str) -> SeenSubject {
    SeenSubject {
        sid: SubjectSid::Agent(agent(number)),
        names: named(name),
    }
}

fn seen_queue(number: u32, name: &str) -> SeenSubject {
    SeenSubject {
        sid: SubjectSid::Queue(queue(number)),
        names: SubjectNames {
            name: name.into(),
            full_name: None,
            email: None,
        },
    }
}

async fn see<L: HistoryLedger>(ledger: &L, list: &[SeenSubject], second: i64) -> RosterChange {
    let change = ledger.see_roster(&acd(1), AGENT, list, at(second)).await;
    change.unwrap()
}

async fn agents<L: HistoryLedger>(ledger: &L) -> Vec<Subject> {
    ledger.roster(&acd(1), AGENT).await.unwrap()
}

async fn tell<L: HistoryLedger>(ledger: &L, number: u32, version: u32, refused: Option<&str>) {
    let told = ToldSubject {
        sid: SubjectSid::Agent(agent(number)),
        version,
        refused: refused.map(Into::into),
        file: None,
    };
    let told = ledger.told_roster(&acd(1), AGENT, &[told], at(99)).await;
    told.unwrap();
}

/// What is told of the first agent: its version, the version that was told, why it was refused, whether it waits.
async fn first<L: HistoryLedger>(ledger: &L) -> (u32, Option<u32>, Option<String>, bool) {
    let subject = agents(ledger).await.swap_remove(0);
    let waits = subject.waits();
    (subject.version, subject.told, subject.refused, waits)
}

async fn who_is_listed_first_is_new_and_waits_to_be_told<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    assert_eq!(agents(&ledger).await, []);
    // In any order, and of one that comes twice the last counts.
    let list = [
        seen_agent(2, "Grace"),
        seen_agent(1, "Adah"),
        seen_agent(1, "Ada"),
    ];
    let change = see(&ledger, &list, 1).await;
    let expected = RosterChange {
        new: 2,
        ..RosterChange::default()
    };
    assert_eq!(change, expected);
    let subject = |number, name| Subject {
        sid: SubjectSid::Agent(agent(number)),
        names: Some(named(name)),
        former: Vec::new(),
        active: true,
        version: 1,
        first_seen: at(1),
        last_seen: at(1),
        gone: None,
        told: None,
        refused: None,
    };
    let found = agents(&ledger).await;
    assert_eq!(found, [subject(1, "Ada"), subject(2, "Grace")]);
    assert!(found.iter().all(Subject::waits));
}

async fn a_list_that_shows_nothing_new_changes_nothing<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    see(&ledger, &[seen_agent(1, "Ada")], 1).await;
    tell(&ledger, 1, 1, None).await;
    let change = see(&ledger, &[seen_agent(1, "Ada")], 2).await;
    let expected = RosterChange {
        unchanged: 1,
        ..RosterChange::default()
    };
    assert_eq!(change, expected);
    let subject = agents(&ledger).await.swap_remove(0);
    assert_eq!((subject.version, subject.told), (1, Some(1)));
    assert_eq!((subject.first_seen, subject.last_seen), (at(1), at(2)));
    assert!(!subject.waits());
}

async fn a_rename_keeps_the_former_names_the_newest_first<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    for (second, name) in [(1, "Ada"), (2, "Grace"), (3, "Edith")] {
        let change = see(&ledger, &[seen_agent(1, name)], second).await;
        assert_eq!(change.renamed, u64::from(second > 1));
        assert_eq!(change.unchanged, 0);
    }
    let subject = agents(&ledger).await.swap_remove(0);
    assert_eq!(subject.names, Some(named("Edith")));
    assert_eq!(subject.former, [named("Grace"), named("Ada")]);
    assert_eq!((subject.version, subject.first_seen), (3, at(1)));
    // A name that is borne again is former no more.
    see(&ledger, &[seen_agent(1, "Ada")], 4).await;
    let subject = agents(&ledger).await.swap_remove(0);
    assert_eq!(subject.former, [named("Edith"), named("Grace")]);
    // Another address is another name too.
    let mut moved = seen_agent(1, "Ada");
    moved.names.email = Some("ada@example.com".into());
    assert_eq!(see(&ledger, &[moved], 5).await.renamed, 1);
}

async fn at_most_eight_former_names_are_kept<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    for second in 0..12 {
        see(&ledger, &[seen_agent(1, &format!("name-{second}"))], second).await;
    }
    let subject = agents(&ledger).await.swap_remove(0);
    let expected: Vec<_> = (3..11).rev().map(|n| named(&format!("name-{n}"))).collect();
    assert_eq!(subject.former, expected);
}

async fn whoever_is_not_listed_any_more_is_inactive_and_may_come_back<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let both = [seen_agent(1, "Ada"), seen_agent(2, "Grace")];
    see(&ledger, &both, 1).await;
    tell(&ledger, 1, 1, None).await;
    for (second, gone, unchanged) in [(2, 1, 1), (3, 0, 1)] {
        let change = see(&ledger, &both[1..], second).await;
        assert_eq!((change.gone, change.unchanged), (gone, unchanged));
        let subject = agents(&ledger).await.swap_remove(0);
        assert_eq!((subject.active, subject.version), (false, 2));
        assert_eq!(subject.names, Some(named("Ada")));
        assert_eq!((subject.last_seen, subject.gone), (at(1), Some(at(2))));
        assert!(subject.waits());
    }
    tell(&ledger, 1, 2, None).await;
    // Back, and under another name.
    let change = see(&ledger, &[seen_agent(1, "Edith")], 4).await;
    let expected = RosterChange {
        back: 1,
        renamed: 1,
        gone: 1,
        ..RosterChange::default()
    };
    assert_eq!(change, expected);
    let subject = agents(&ledger).await.swap_remove(0);
    assert_eq!((subject.active, subject.version), (true, 3));
    assert_eq!((subject.first_seen, subject.last_seen), (at(1), at(4)));
    assert_eq!(subject.gone, None);
    assert_eq!(subject.former, [named("Ada")]);
    assert!(subject.waits());
    // An empty list takes all for gone: whether it can be true is for the caller to judge.
    assert_eq!(see(&ledger, &[], 5).await.gone, 1);
}

async fn agents_and_queues_of_each_acd_have_lists_of_their_own<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    see(&ledger, &[seen_agent(1, "Ada")], 1).await;
    let queues = [seen_queue(1, "Sales"), seen_agent(9, "no queue")];
    let kind = SubjectKind::Queue;
    let change = ledger.see_roster(&acd(1), kind, &queues, at(1)).await;
    assert_eq!(change.unwrap().new, 1);
    let other = [seen_agent(1, "Somebody else")];
    let change = ledger.see_roster(&acd(2), AGENT, &other, at(1)).await;
    assert_eq!(change.unwrap().new, 1);
    // A list of one of them takes nobody of the others for gone.
    assert_eq!(see(&ledger, &[seen_agent(1, "Ada")], 2).await.gone, 0);
    let found = ledger.roster(&acd(1), kind).await.unwrap();
    let shown: Vec<_> = found.iter().map(|one| (one.sid, one.active)).collect();
    assert_eq!(shown, [(SubjectSid::Queue(queue(1)), true)]);
    assert_eq!(found[0].names, Some(queues[0].names.clone()));
    tell(&ledger, 1, 1, None).await;
    let found = ledger.roster(&acd(2), AGENT).await.unwrap();
    assert_eq!((found.len(), found[0].told), (1, None));
    assert_eq!(found[0].names, Some(named("Somebody else")));
}

async fn an_older_version_that_was_told_leaves_the_newer_waiting<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    see(&ledger, &[seen_agent(1, "Ada")], 1).await;
    // It changes while Calabrio is being told.
    see(&ledger, &[seen_agent(1, "Grace")], 2).await;
    tell(&ledger, 1, 1, None).await;
    assert_eq!(first(&ledger).await, (2, Some(1), None, true));
    tell(&ledger, 1, 2, None).await;
    assert_eq!(first(&ledger).await, (2, Some(2), None, false));
    // Neither what comes late nor a version that never was changes anything.
    for version in [1, 7] {
        tell(&ledger, 1, version, None).await;
        assert_eq!(first(&ledger).await, (2, Some(2), None, false));
    }
    // Nobody is made known by being told of.
    tell(&ledger, 5, 1, None).await;
    assert_eq!(agents(&ledger).await.len(), 1);
}

async fn whoever_was_refused_waits_no_more_until_something_changes<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    see(&ledger, &[seen_agent(1, "Ada")], 1).await;
    let refused = Some("no such team");
    tell(&ledger, 1, 1, refused).await;
    let reason = refused.map(str::to_owned);
    assert_eq!(first(&ledger).await, (1, None, reason.clone(), false));
    see(&ledger, &[seen_agent(1, "Ada")], 2).await;
    assert_eq!(first(&ledger).await, (1, None, reason.clone(), false));
    see(&ledger, &[seen_agent(1, "Grace")], 3).await;
    assert_eq!(first(&ledger).await, (2, None, None, true));
    // What was refused of an older version says nothing of the newer.
    tell(&ledger, 1, 1, refused).await;
    assert_eq!(first(&ledger).await, (2, None, None, true));
    tell(&ledger, 1, 2, refused).await;
    assert_eq!(first(&ledger).await, (2, None, reason, false));
    see(&ledger, &[], 4).await;
    assert_eq!(first(&ledger).await, (3, None, None, true));
}

async fn whoever_is_taken_after_all_is_refused_no_more<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    see(&ledger, &[seen_agent(1, "Ada")], 1).await;
    tell(&ledger, 1, 1, Some("no such team")).await;
    tell(&ledger, 1, 1, None).await;
    assert_eq!(first(&ledger).await, (1, Some(1), None, false));
}

/// Tells of an agent in a file.
async fn file<L: HistoryLedger>(ledger: &L, number: u32, version: u32, name: &str, second: i64) {
    let told = ToldSubject {
        sid: SubjectSid::Agent(agent(number)),
        version,
        refused: None,
        file: Some(name.into()),
    };
    ledger
        .told_roster(&acd(1), AGENT, &[told], at(second))
        .await
        .unwrap();
}

fn told_file(name: &str, second: i64) -> ToldFile {
    ToldFile {
        name: name.into(),
        at: at(second),
    }
}

async fn a_file_is_open_until_it_is_told_what_became_of_it<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let both = [seen_agent(1, "Ada"), seen_agent(2, "Grace")];
    see(&ledger, &both, 1).await;
    let open = async || ledger.told_files(&acd(1), AGENT).await.unwrap();
    assert_eq!(open().await, []);
    file(&ledger, 2, 1, "Users.csv", 5).await;
    file(&ledger, 1, 1, "Users.csv", 3).await;
    let [first, second] = [told_file("Users.csv", 3), told_file("Users.csv", 5)];
    assert_eq!(open().await, [first.clone(), second.clone()]);
    for other in [(acd(1), SubjectKind::Queue), (acd(2), AGENT)] {
        assert_eq!(ledger.told_files(&other.0, other.1).await.unwrap(), []);
    }
    // One of the same name and another time is another.
    ledger
        .close_told_file(&acd(1), AGENT, &first, None)
        .await
        .unwrap();
    assert_eq!(open().await, [second]);
    // Who is told another way since then is in no file any more.
    see(&ledger, &[seen_agent(1, "Ada"), seen_agent(2, "Edith")], 6).await;
    tell(&ledger, 2, 2, None).await;
    assert_eq!(open().await, []);
    for subject in agents(&ledger).await {
        assert!(!subject.waits(), "{subject:?}");
    }
    let nobody = ledger.close_told_file(&acd(3), AGENT, &first, None).await;
    assert!(matches!(nobody, Err(crate::LedgerError::UnknownAcd { .. })));
}

async fn of_whom_a_refused_file_told_calabrio_was_not_told<L: HistoryLedger>(ledger: L) {
    registered(&ledger).await;
    let refuse = async |file: ToldFile| {
        ledger
            .close_told_file(&acd(1), AGENT, &file, Some("a penalty"))
            .await
            .unwrap();
    };
    let penalty = Some("a penalty".to_owned());
    see(&ledger, &[seen_agent(1, "Ada")], 1).await;
    file(&ledger, 1, 1, "first", 2).await;
    assert_eq!(first(&ledger).await, (1, Some(1), None, false));
    refuse(told_file("first", 2)).await;
    assert_eq!(first(&ledger).await, (1, None, penalty.clone(), false));
    // Told again once it changed; then what an earlier file told is what Calabrio has.
    see(&ledger, &[seen_agent(1, "Grace")], 3).await;
    file(&ledger, 1, 2, "second", 4).await;
    ledger
        .close_told_file(&acd(1), AGENT, &told_file("second", 4), None)
        .await
        .unwrap();
    assert_eq!(first(&ledger).await, (2, Some(2), None, false));
    for (version, name) in [(3, "Edith"), (4, "Mary")] {
        see(&ledger, &[seen_agent(1, name)], i64::from(version) * 2).await;
        file(&ledger, 1, version, name, i64::from(version) * 2).await;
    }
    // Of the file before it nobody knew what became of it, either.
    refuse(told_file("Mary", 8)).await;
    assert_eq!(first(&ledger).await, (4, Some(2), penalty, false));
    // What changed while the file lay there waits all the same.
    see(&ledger, &[seen_agent(1, "Joan")], 9).await;
    file(&ledger, 1, 5, "fifth", 10).await;
    see(&ledger, &[seen_agent(1, "Ada")], 11).await;
    refuse(told_file("fifth", 10)).await;
    assert_eq!(first(&ledger).await, (6, Some(2), None, true));
}
