//! Command lines that are wrong, and times as they are meant.

use std::net::TcpListener;

use connector_config::{Config, Product};
use serde_json::Value;
use sync_ledger::{SqliteLedger, SqliteOptions, Wish, WishStore as _, WorkerLock};

use crate::support::{FILE, ended, json, sync_wfm, with_file, with_history};

#[test]
fn a_wrong_command_line_is_told_as_one_json_object_where_json_is_asked_for() {
    let directory = with_file(FILE);
    for arguments in [
        &["history", "--json"][..],
        &["--json", "adherence", "--every", "0", "--watch"],
        &["nonsense", "--json"],
    ] {
        let (code, told) = ended(directory.path(), arguments);
        assert_eq!(code, Some(2), "{told}");
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["exit_code"], 2, "{told:#}");
        assert_eq!(told["advice"], "see --help", "{told:#}");
    }
    let (code, told) = ended(directory.path(), &["nonsense"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("Usage:"), "{told}");
}

#[test]
fn faults_of_a_configuration_are_a_list_in_json() {
    let directory = with_file(&FILE.replace("Europe/Berlin", "Europe/Berlinn"));
    let (code, told) = ended(directory.path(), &["status", "--json"]);
    assert_eq!(code, Some(4), "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    let causes = told["causes"].to_string();
    assert!(causes.contains("time_zone"), "{told:#}");
    assert!(
        told["advice"].as_str().unwrap().contains("--offline"),
        "{told:#}"
    );
}

#[test]
fn a_range_that_is_empty_is_a_wrong_command_line() {
    let directory = with_file(&with_history());
    for (from, to) in [
        ("2026-03-02", "2026-03-01"),
        ("2026-03-01", "2026-03-01"),
        // The day begins in Berlin, an hour before that.
        ("2026-03-01", "2026-02-28T23:00:00Z"),
    ] {
        for more in [&[][..], &["--dry-run"]] {
            let arguments = [&["history", "--from", from, "--to", to], more].concat();
            let (code, told) = ended(directory.path(), &arguments);
            assert_eq!(code, Some(2), "{told}");
            assert!(told.contains("--from must lie before --to"), "{told}");
        }
    }
    // Nothing was made meanwhile.
    assert!(!directory.path().join("state").exists());
}

#[test]
fn history_that_is_off_is_told_by_name_before_anything_is_made() {
    let directory = with_file(FILE);
    for more in [&[][..], &["--dry-run"]] {
        let range = ["history", "--from", "2026-03-01", "--to", "2026-03-02"];
        let (code, told) = ended(directory.path(), &[&range[..], more].concat());
        assert_eq!(code, Some(4), "{told}");
        assert!(
            told.contains("history of the ACD \"main\" is off"),
            "{told}"
        );
    }
    assert!(!directory.path().join("state").exists());
}

#[test]
fn an_acd_that_is_not_there_is_a_wrong_command_line_in_every_command() {
    let range = ["history", "--from", "2026-03-01", "--to", "2026-03-02"];
    let directory = with_file(&with_history());
    for arguments in [
        &range[..],
        &["check", "--offline"],
        &["check"],
        &["reports", "preview"],
        &["activities"],
        &["queues"],
        &["agents"],
        &["adherence"],
    ] {
        let arguments = [arguments, &["--acd", "nope"]].concat();
        let (code, told) = ended(directory.path(), &arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {told}");
        assert!(
            told.contains("no ACD named \"nope\": there is main"),
            "{arguments:?}: {told}"
        );
    }
}

#[test]
fn an_acd_without_workforce_management_is_not_meant() {
    let other = FILE
        .split_once("[[acd]]")
        .unwrap()
        .1
        .replace("\"main\"", "\"other\"")
        .replace("0001\"", "0002\"")
        .replace(
            "workforce_management = true",
            "quality_management = [\"voice\"]",
        );
    let other = other.split_once("[acd.wfm]").unwrap().0;
    let directory = with_file(&format!("{FILE}[[acd]]{other}"));
    for command in [&["agents"][..], &["check", "--offline"]] {
        let arguments = [command, &["--acd", "other"]].concat();
        let (code, told) = ended(directory.path(), &arguments);
        assert_eq!(code, Some(2), "{told}");
        assert!(
            told.contains("\"other\" does not have workforce_management on"),
            "{told}"
        );
    }
}

/// The ranges that a command leaves for a worker that runs.
fn wished(text: &str, from: &str, to: &str) -> Vec<(String, String)> {
    let directory = with_file(text);
    let path = directory.path().join("state/wfm-ledger.db");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lock = WorkerLock::acquire(&path).unwrap();
    let ledger = runtime
        .block_on(SqliteLedger::open(lock, SqliteOptions::default()))
        .unwrap();
    let told = json(directory.path(), &["history", "--from", from, "--to", to]);
    let wishes = runtime.block_on(ledger.wishes(true, 10)).unwrap();
    let acds = told["acds"].as_array().unwrap();
    assert_eq!(acds.len(), wishes.len(), "{told:#}");
    let range = |wish: &Wish| {
        let Wish::History { from, to, .. } = wish else {
            panic!("no wish for history: {wish:?}");
        };
        (from.to_rfc3339(), to.to_rfc3339())
    };
    let mut ranges: Vec<_> = wishes
        .iter()
        .map(|row| range(row.wish.as_ref().unwrap()))
        .collect();
    for (acd, (from, to)) in acds.iter().zip(ranges.iter().rev()) {
        let same = |told: &Value, wished: &str| {
            let told = chrono::DateTime::parse_from_rfc3339(told.as_str().unwrap()).unwrap();
            told == chrono::DateTime::parse_from_rfc3339(wished).unwrap()
        };
        assert!(same(&acd["from"], from) && same(&acd["to"], to), "{told:#}");
    }
    ranges.sort();
    ranges
}

#[test]
fn a_day_is_one_of_the_acds_zone_each_acd_has_its_own_and_a_time_is_what_it_is() {
    let history = with_history();
    let (head, acd) = history.split_once("[[acd]]").unwrap();
    let brazil = acd
        .replace("\"main\"", "\"brazil\"")
        .replace("0001\"", "0002\"")
        .replace("Europe/Berlin", "America/Sao_Paulo")
        .replace("\"gis\"", "\"gis-brazil\"");
    let both = format!("{head}[[acd]]{acd}[[acd]]{brazil}");
    // The 25th of October has 25 hours in Berlin.
    assert_eq!(
        wished(&both, "2026-10-25", "2026-10-26"),
        [
            (
                "2026-10-24T22:00:00+00:00".to_owned(),
                "2026-10-25T23:00:00+00:00".to_owned()
            ),
            (
                "2026-10-25T03:00:00+00:00".to_owned(),
                "2026-10-26T03:00:00+00:00".to_owned()
            ),
        ]
    );
    // In 2018 the clocks of Sao Paulo went from 00:00 to 01:00 on the 4th of November.
    let alone = format!("{head}[[acd]]{brazil}");
    assert_eq!(
        wished(&alone, "2018-11-04", "2018-11-04T12:00:00-02:00"),
        [(
            "2018-11-04T03:00:00+00:00".to_owned(),
            "2018-11-04T14:00:00+00:00".to_owned()
        )]
    );
}

#[test]
fn the_help_says_whose_midnight_is_meant() {
    let directory = tempfile::tempdir().unwrap();
    let output = sync_wfm(directory.path())
        .args(["history", "--help"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("midnight in the ACD's `time_zone`"), "{told}");
    let (code, told) = ended(
        directory.path(),
        &["history", "--from", "yesterday", "--to", "2026-03-01"],
    );
    assert_eq!(code, Some(2));
    assert!(told.contains("zone of the ACD"), "{told}");
}

#[test]
fn a_listener_for_pushed_events_whose_address_is_taken_ends_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let intake = format!(
        "[runtime]\nwfm_listen = \"off\"\n[intake]\nwfm_public_url = \"https://connector.example.com/twilio-wfm\"\nwfm_listen = \"{address}\"\n[ledger]"
    );
    let directory = with_file(&FILE.replace("[ledger]", &intake));
    let path = directory.path().join("connector.toml");
    Config::load_for(&path, Product::WorkforceManagement).unwrap();
    let (code, told) = ended(directory.path(), &["run", "--log", "off", "--json"]);
    assert_eq!(code, Some(1), "{told}");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["error"], "pushed events cannot be taken", "{told:#}");
    let causes = told["causes"].to_string();
    assert!(
        causes.contains(&address.to_string()) && causes.contains("in use"),
        "{told:#}"
    );
    assert!(
        told["advice"]
            .as_str()
            .unwrap()
            .contains("intake.wfm_listen"),
        "{told:#}"
    );
}
