//! Classic WFM's receiving ends over real sockets, with what goes wrong there.
#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use crate::common;

use std::time::Duration;

use common::*;
use flex_simulator::floor::{Again, FloorOptions, WfmSettings};
use flex_simulator::scenario::Scenario;
use flex_simulator::{FaultLevel, Simulator, SimulatorOptions, Timings};
use serde_json::json;

const AGENT: &str = "WK00000000000000000000000000000001";

async fn receiver(faults: FaultLevel, wfm: WfmSettings) -> Simulator {
    let mut scenario = Scenario::default();
    scenario.contacts = 0;
    let options = SimulatorOptions {
        scenario,
        faults,
        wfm,
        timings: Timings {
            late: Duration::from_millis(20),
            ..Timings::default()
        },
        ..SimulatorOptions::default()
    };
    Simulator::start(options).await.unwrap()
}

#[tokio::test]
async fn under_faults_every_interval_gets_through_and_one_that_was_in_doubt_comes_twice() {
    let mut settings = WfmSettings::default();
    settings.again = Again::Adds;
    let simulator = receiver(FaultLevel::Hostile, settings).await;
    let bearer = format!("Bearer {}", simulator.wfm().token());
    let mut doubled = 0_u64;
    for number in 0..40_u32 {
        let start = format!(
            "2026-03-01T{:02}:{:02}:00+00:00",
            number / 4,
            number % 4 * 15
        );
        let row = json!({"acdServerId": 7, "acdId": AGENT, "serviceQueueId": "service-queue", "startTime": start, "intervalMinutes": 15,
            "loggedInTime": 900, "readyTime": 0, "notReadyTime": 0, "workTime": 0, "talkTime": 1, "wrapUpTime": 0, "holdTime": 0,
            "handled": 1, "logoutTime": 0});
        let body = json!({"records": [row]}).to_string();
        let mut attempts = 0;
        loop {
            attempts += 1;
            assert!(attempts < 10, "it never gets through");
            let answer = send(
                &simulator,
                "POST",
                "/calabrio.example/api/rest/wfm/history/agents",
                &[
                    ("Content-Type", "application/json"),
                    ("Authorization", &bearer),
                ],
                body.as_bytes(),
            )
            .await;
            let taken = answer.is_some_and(|answer| {
                answer.status == 200
                    && answer.whole
                    && answer.body.starts_with(b"{\"status\":\"SUCCESS\"")
            });
            if taken {
                break;
            }
        }
    }
    let held = simulator.wfm().intervals();
    assert_eq!(held.len(), 40);
    for interval in &held {
        doubled += u64::from(interval.values["talk_time_ms"] > 1_000);
    }
    assert!(doubled > 0, "nothing was done whose answer was lost");
    let counts = simulator.wfm().counts();
    assert_eq!(
        tell(&simulator, "wfm").await["intervals_again"],
        counts.intervals_again
    );
    assert!(counts.intervals_again >= doubled);
    let met = simulator.faults_met();
    for fault in [
        "too-many-requests",
        "server-error",
        "late",
        "half",
        "done-then-server-error",
    ] {
        assert!(met.contains_key(fault), "{fault} in {met:?}");
    }
    simulator.stop().await;
}

#[tokio::test]
async fn files_in_the_drop_folder_are_taken_while_the_simulator_runs() {
    let folder = tempfile::tempdir().unwrap();
    let drop = folder.path().join("drop");
    let mut settings = WfmSettings::default();
    settings.drop_folder = Some(drop.clone());
    let simulator = receiver(FaultLevel::Hostile, settings).await;
    let text = format!(
        "acdServerId,acdId,state,reasonCode,startTime\r\n7,{AGENT},Talking,,2026-03-01T12:00:00+00:00\r\n"
    );
    std::fs::write(drop.join(".writing.part"), &text).unwrap();
    std::fs::rename(
        drop.join(".writing.part"),
        drop.join("AgentState.7.20260301.1.EVENT"),
    )
    .unwrap();
    tokio::time::timeout(Duration::from_secs(20), async {
        while simulator.wfm().states().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(simulator.wfm().states()[0].agent, AGENT);
    simulator.stop().await;
}

#[tokio::test]
async fn what_comes_is_held_against_the_floor_by_its_clock() {
    let mut floor = FloorOptions::default();
    floor.scenario.agents = 8;
    floor.scenario.hours = 1;
    floor.pace = 3_000.0;
    let mut settings = WfmSettings::default();
    settings.time_format = "%Y-%m-%dT%H:%M:%S%.3f%:z".to_owned();
    let options = SimulatorOptions {
        wfm: settings,
        ..SimulatorOptions::for_floor(floor)
    };
    let simulator = Simulator::start(options).await.unwrap();
    let run = simulator.floor().unwrap();
    tokio::time::sleep(
        run.pace()
            .until(run.floor().to(), std::time::Instant::now()),
    )
    .await;
    let days = run.floor().days().iter();
    let rows: Vec<_> = days
        .flat_map(|day| day.spans.iter().map(|span| (day.agent.as_str(), span)))
        .map(|(agent, span)| {
            json!({"acdServerId": 7, "acdId": agent, "state": span.state, "reasonCode": span.reason,
                "startTime": span.from.to_rfc3339_opts(chrono::SecondsFormat::Millis, false)})
        })
        .collect();
    let token = simulator.wfm().token().to_owned();
    for rows in rows.chunks(500) {
        let body = json!({"records": rows, "snapshot": false, "last": false}).to_string();
        let headers = [
            ("Content-Type", "application/json"),
            ("X-Api-Key", token.as_str()),
        ];
        let path = "/calabrio.example/api/rest/wfm/agentstates";
        let answer = send(&simulator, "POST", path, &headers, body.as_bytes())
            .await
            .unwrap();
        assert_eq!(answer.json(), json!({"status": "SUCCESS"}));
    }
    assert_eq!(simulator.wfm().counts().states, rows.len() as u64);
    let account = run.account();
    assert_eq!(account.states_told, rows.len() as u64);
    assert!(account.states_expected > 8);
    assert_eq!(
        (account.states_wrong, account.states_missing),
        (0, 0),
        "{account:?}"
    );
    let told = simulator.wfm().states();
    assert!(
        told.iter()
            .all(|told| told.at >= run.floor().to() && told.at <= simulator.clock())
    );
    simulator.stop().await;
}
