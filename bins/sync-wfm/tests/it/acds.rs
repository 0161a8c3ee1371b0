//! The ACDs of the ledger: listed, and removed with the names that the ledger has of them.

use std::path::Path;

use chrono::Utc;
use serde_json::json;
use sync_ledger::conformance::{agent_key, batch, new_row};
use sync_ledger::{
    AcdStore as _, IntervalStore as _, RosterStore as _, SeenSubject, SqliteLedger, SqliteOptions,
    SubjectKind, SubjectNames, SubjectSid, WorkerLock,
};

use crate::support::{FILE, ended, json, with_file};

/// A ledger as its worker left it, with two agents of the ACD that the file names and of one that it does not.
fn fill(directory: &Path) -> (tokio::runtime::Runtime, SqliteLedger) {
    let path = directory.join("state/wfm-ledger.db");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lock = WorkerLock::acquire(&path).unwrap();
    let ledger = runtime.block_on(async {
        let ledger = SqliteLedger::open(lock, SqliteOptions::default())
            .await
            .unwrap();
        let config = connector_config::Config::load_for(
            &directory.join("connector.toml"),
            connector_config::Product::WorkforceManagement,
        )
        .unwrap();
        let main = config.acds[0].key();
        let old = contact_model::AcdKey {
            workspace: format!("WS{:032}", 9).parse().unwrap(),
            ..main.clone()
        };
        let agents = [(1, "ada"), (2, "bob")].map(|(number, name)| SeenSubject {
            sid: SubjectSid::Agent(format!("WK{number:032}").parse().unwrap()),
            names: SubjectNames {
                name: name.to_owned(),
                full_name: None,
                email: None,
            },
        });
        for (key, name) in [(&main, "main"), (&old, "before")] {
            ledger.register(key, name).await.unwrap();
            ledger
                .see_roster(key, SubjectKind::Agent, &agents, Utc::now())
                .await
                .unwrap();
        }
        ledger
    });
    (runtime, ledger)
}

#[test]
fn names_of_agents_go_with_their_acd_and_those_of_others_stay() {
    let directory = with_file(FILE);
    let path = directory.path();
    let (code, told) = ended(path, &["acd", "list"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("ledger.wfm_path"), "{told}");
    let (runtime, ledger) = fill(path);
    let list = json(path, &["acd", "list"]);
    let lines: Vec<_> = list["acds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|acd| {
            json!([
                acd["name"],
                acd["configured"],
                acd["in_ledger"],
                acd["agents"],
                acd["queues"],
                acd["waiting_intervals"]
            ])
        })
        .collect();
    assert_eq!(
        lines,
        [
            json!(["main", true, true, 2, 0, 0]),
            json!(["before", false, true, 2, 0, 0])
        ]
    );
    // This process works on the ledger.
    let (code, told) = ended(path, &["acd", "remove", "main", "--yes"]);
    assert_eq!(code, Some(6), "{told}");
    runtime.block_on(ledger.close());
    drop(ledger);
    let (code, told) = ended(path, &["acd", "remove", "main"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("2 agents") && told.contains("--yes"),
        "{told}"
    );
    let (code, told) = ended(path, &["acd", "remove", "mian", "--yes"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("there is main, before"), "{told}");
    let removed = json(path, &["acd", "remove", "main", "--yes"]);
    assert_eq!(removed["acd"]["agents"], 2, "{removed:#}");
    let list = json(path, &["acd", "list"]);
    assert_eq!(list["acds"][0]["in_ledger"], false, "{list:#}");
    assert_eq!(list["acds"][0]["agents"], 0, "{list:#}");
    assert_eq!(list["acds"][1]["agents"], 2, "{list:#}");
    let agents = json(path, &["agents"]);
    assert_eq!(agents["acds"][0]["subjects"], json!([]), "{agents:#}");
    // By its identity, as the list shows it.
    let key = &list["acds"][1]["key"];
    let identity = ["account", "workspace", "tenant"].map(|part| key[part].as_str().unwrap());
    json(path, &["acd", "remove", &identity.join("/"), "--yes"]);
    let list = json(path, &["acd", "list"]);
    assert_eq!(list["acds"].as_array().unwrap().len(), 1, "{list:#}");
}

#[test]
fn intervals_that_wait_are_not_removed_by_mistake() {
    let directory = with_file(FILE);
    let path = directory.path();
    let (runtime, ledger) = fill(path);
    runtime.block_on(async {
        let main = ledger.acds().await.unwrap();
        let main = main.iter().find(|acd| acd.name == "main").unwrap();
        let rows = vec![new_row(agent_key(1, 1, 1), 7)];
        ledger.add_batch(&batch(&main.key, 1, rows)).await.unwrap();
        ledger.close().await;
    });
    drop(ledger);
    let (code, told) = ended(path, &["acd", "remove", "main", "--yes"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("1 intervals of main wait") && told.contains("--with-unfinished"),
        "{told}"
    );
    let removed = json(
        path,
        &["acd", "remove", "main", "--yes", "--with-unfinished"],
    );
    assert_eq!(removed["acd"]["waiting_intervals"], 1, "{removed:#}");
    let list = json(path, &["acd", "list"]);
    assert_eq!(list["acds"][0]["waiting_intervals"], 0, "{list:#}");
}
