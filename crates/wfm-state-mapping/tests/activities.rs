//! What an operator may write about activities, and what becomes of it.
#![allow(clippy::unwrap_used, reason = "a test may end here")]

mod support;

use support::{activities, map, mapping, sid};
use wfm_state_mapping::{
    ActivityMap, ActivityRules, CalabrioState, MappedBy, StateMappingError, WorkspaceActivity,
};

#[test]
fn every_fault_is_told_at_once_with_its_field() {
    let faults = ActivityRules::new(&[
        mapping("Break", "Hold", false),
        mapping("Lunch", "talking", true),
        mapping("Ready", "Ready", true),
        mapping("Gone", "Logout", true),
        mapping(" ", "Not Redy", false),
        mapping(" BREAK ", "Not Ready", true),
    ])
    .unwrap_err();
    let told: Vec<_> = faults
        .iter()
        .map(|fault| (fault.mapping(), fault.field()))
        .collect();
    assert_eq!(
        told,
        [
            (Some(1), Some("state")),
            (Some(2), Some("state")),
            (Some(3), Some("state_reason_code")),
            (Some(4), Some("state_reason_code")),
            (Some(5), Some("activity")),
            (Some(5), Some("state")),
            (Some(6), Some("activity")),
        ]
    );
    assert_eq!(
        faults[0].to_string(),
        "activity mapping 1 (\"Break\"), `state`: Hold is fixed, it follows from contacts and not from activities; \
         map it to one of Logout, Not Ready, Ready, Work Not Ready, Work Ready"
    );
    assert!(
        faults[2]
            .to_string()
            .contains("`state_reason_code` goes only with Not Ready")
    );
    assert!(
        faults[5]
            .to_string()
            .contains("did you mean \"Not Ready\"?")
    );
    assert_eq!(
        faults[6],
        StateMappingError::DuplicateActivity {
            mapping: 6,
            activity: "BREAK".into(),
            first: 1
        }
    );
    assert_eq!("x".parse::<CalabrioState>().unwrap_err().field(), None);
}

#[test]
fn an_activity_that_the_workspace_does_not_have_is_told_with_the_nearest() {
    let rules = ActivityRules::new(&[
        mapping("Avialable", "Ready", false),
        mapping("Nothing like it", "Ready", false),
        mapping("WA00000000000000000000000000000009", "Ready", false),
        mapping("Admin", "Work Ready", true),
        mapping("WA00000000000000000000000000000004", "Ready", false),
    ])
    .unwrap();
    let faults = rules.validate(&activities());
    assert_eq!(faults.len(), 4);
    assert_eq!(
        faults[0].to_string(),
        "activity mapping 1 (\"Avialable\"), `activity`: the workspace has no such activity (did you mean \"Available\"?); correct it, or remove the mapping"
    );
    assert!(
        faults[1]
            .to_string()
            .contains("has no such activity; correct it")
    );
    assert_eq!(faults[3].mapping(), Some(5), "by its name and by its SID");
    assert!(matches!(
        faults[3],
        StateMappingError::DuplicateActivity { first: 4, .. }
    ));
}

#[test]
fn the_report_says_how_each_activity_is_mapped_and_by_what() {
    let report = map().report();
    let lines: Vec<_> = report
        .activities
        .iter()
        .map(|line| {
            (
                line.name.as_str(),
                line.state,
                line.by,
                line.reason_code
                    .as_ref()
                    .map(wfm_state_mapping::ReasonCode::as_str),
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            (
                "Offline",
                Some(CalabrioState::Logout),
                MappedBy::OfflineActivity,
                None
            ),
            (
                "Available",
                Some(CalabrioState::Ready),
                MappedBy::AvailableFlag,
                None
            ),
            (
                "Break, short",
                Some(CalabrioState::NotReady),
                MappedBy::Mapping(1),
                Some("Break short")
            ),
            (
                "Admin",
                Some(CalabrioState::WorkReady),
                MappedBy::Mapping(2),
                None
            ),
            (
                "Unmapped",
                Some(CalabrioState::NotReady),
                MappedBy::AvailableFlag,
                None
            ),
        ]
    );
    assert!(report.unmatched.is_empty());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["activities"][2]["by"]["mapping"], 1);
    assert_eq!(json["activities"][2]["state"], "Not Ready");
}

#[test]
fn the_report_lists_mappings_that_match_nothing_and_codes_that_cannot_be_made() {
    let rules = ActivityRules::new(&[
        mapping("Braek", "Ready", false),
        mapping("0", "Not Ready", true),
    ]);
    let activity = |number, name: &str, available| WorkspaceActivity {
        sid: sid("WA", number),
        name: name.to_owned(),
        available,
    };
    let listed = vec![
        activity(1, "Break", None),
        activity(2, "0", None),
        activity(3, "Away", Some(false)),
    ];
    let report = ActivityMap::new(rules.unwrap(), listed, Some(sid("WA", 3))).report();
    assert_eq!(report.unmatched[0].nearest.as_deref(), Some("Break"));
    assert_eq!(
        (report.activities[0].state, report.activities[0].by),
        (None, MappedBy::Nothing)
    );
    assert!(report.activities[1].reason_code_impossible);
    assert_eq!(
        report.activities[2].by,
        MappedBy::OfflineActivity,
        "whatever it is called"
    );
}
