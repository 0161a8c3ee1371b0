//! A floor that is run, as a connector meets it on the wire.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use crate::common;

use common::{Answer, send};
use flex_simulator::floor::{AccountRules, FloorOptions, Received, ToldState};
use flex_simulator::{FaultLevel, Simulator, SimulatorOptions};
use serde_json::json;

const HOST: (&str, &str) = ("Host", "analytics.ytica.com");

async fn start(pace: f64, faults: FaultLevel) -> Simulator {
    let mut floor = FloorOptions::default();
    floor.pace = pace;
    floor.insights.computing_max_ms = 30;
    floor.insights.temporary_token_ms = Some(60_000);
    let options = SimulatorOptions {
        seed: 3,
        faults,
        ..SimulatorOptions::for_floor(floor)
    };
    Simulator::start(options).await.unwrap()
}

/// Asks until it is answered with success, or refused for good.
async fn ask(
    simulator: &Simulator,
    method: &str,
    path: &str,
    header: (&str, &str),
    body: &str,
) -> Answer {
    for _ in 0..60 {
        let headers = [HOST, header];
        let answer = send(simulator, method, path, &headers, body.as_bytes()).await;
        let answered = answer.filter(|answer| {
            let is_error = answer.body.starts_with(b"<") || answer.body.starts_with(b"{\"error\"");
            answer.whole && matches!(answer.status, 200 | 204) && !is_error
        });
        if let Some(answer) = answered {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    }
    panic!("{method} {path} is never answered");
}

async fn report(simulator: &Simulator) -> String {
    let access = simulator.floor().unwrap().insights();
    let login = json!({"postUserLogin": {
        "login": access.username, "password": access.password, "remember": 0, "verify_level": 2,
    }});
    let body = login.to_string();
    let accept = ("Accept", "application/json");
    let login = ask(simulator, "POST", "/gdc/account/login", accept, &body)
        .await
        .json();
    let sst = login["userLogin"]["token"].as_str().unwrap();
    let token = ask(
        simulator,
        "GET",
        "/gdc/account/token",
        ("X-GDC-AuthSST", sst),
        "",
    )
    .await;
    let token = token.json();
    let cookie = format!(
        "GDCAuthTT={}",
        token["userToken"]["token"].as_str().unwrap()
    );
    let path = format!("/gdc/app/projects/{}/execute/raw", access.project_id);
    let wanted = format!(
        "/gdc/md/{}/obj/{}",
        access.project_id, access.queue_historical_report_id
    );
    let body = json!({"report_req": {"report": wanted}}).to_string();
    let computed = ask(simulator, "POST", &path, ("Cookie", &cookie), &body)
        .await
        .json();
    let uri = computed["uri"].as_str().unwrap();
    let csv = ask(simulator, "GET", uri, ("Cookie", &cookie), "").await;
    String::from_utf8(csv.body).unwrap()
}

#[tokio::test]
async fn a_report_comes_over_the_wire_whatever_goes_wrong() {
    for faults in [FaultLevel::None, FaultLevel::Hostile] {
        // A day in a fifth of a second: it is over once the client has logged in.
        let simulator = start(100_000.0, faults).await;
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let csv = report(&simulator).await;
        assert!(
            csv.starts_with("Date,Time,Queue SID,Queue,Kind,Offered,"),
            "{csv}"
        );
        assert!(csv.contains(",Billing Europe,"));
        assert_eq!(simulator.violations(), []);
        let answered = simulator.floor().unwrap().insights_answered();
        assert!(
            answered["fetched"] >= 1 && answered["logins"] >= 1,
            "{answered:?}"
        );
        simulator.stop().await;
    }
}

#[tokio::test]
async fn what_is_true_can_be_asked_for() {
    let simulator = start(60.0, FaultLevel::None).await;
    let answer = send(&simulator, "GET", "/__simulator/expected", &[], b"")
        .await
        .unwrap();
    let floor = &answer.json()["floor"];
    assert_eq!(floor["zone"], "Europe/Berlin");
    assert_eq!(floor["agents"].as_array().unwrap().len(), 40);
    assert!(floor["intervals"].as_array().unwrap().len() > 4_000);
    assert_eq!(floor["agents"][7]["now"]["state"], "Logout");
    let answer = send(&simulator, "GET", "/__simulator/floor/account", &[], b"")
        .await
        .unwrap();
    assert_eq!(answer.json()["intervals_wrong"], 0);
    simulator.stop().await;
}

#[tokio::test]
async fn what_receivers_take_down_is_held_against_what_is_true() {
    let simulator = start(1.0, FaultLevel::None).await;
    let run = simulator.floor().unwrap();
    let before = run.account();
    assert_eq!(
        (before.states_expected, before.states_missing),
        (40, 40),
        "one for each agent"
    );
    for day in run.floor().days() {
        let first = &day.spans[0];
        run.tell_state(ToldState {
            agent: day.agent.clone(),
            state: first.state,
            reason: first.reason.clone(),
            since: first.from,
            at: run.pace().now(),
        });
    }
    assert_eq!(run.received().states.len(), 40);
    assert!(run.account().is_right());
    let later: AccountRules = run.rules(run.settles());
    assert_eq!(later.loaded, run.floor().to());
    assert!(
        run.account_of(&Received::default(), &later)
            .intervals_missing
            > 4_000
    );
    simulator.stop().await;
}

#[tokio::test]
async fn the_clock_stands_until_who_watches_is_ready() {
    let mut floor = FloorOptions::default();
    (floor.pace, floor.stands_ms) = (1_000.0, 60_000);
    let simulator = Simulator::start(SimulatorOptions::for_floor(floor))
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let run = simulator.floor().unwrap();
    assert_eq!(run.pace().now(), run.floor().from());
    simulator.stop().await;
}

#[tokio::test]
async fn without_a_floor_its_host_is_not_there_and_an_impossible_one_is_refused() {
    let mut options = SimulatorOptions::for_floor(FloorOptions::default());
    options.floor = None;
    let simulator = Simulator::start(options).await.unwrap();
    let answer = send(&simulator, "GET", "/gdc/account/token", &[HOST], b"")
        .await
        .unwrap();
    assert_eq!((answer.status, simulator.violation_count()), (404, 1));
    simulator.stop().await;
    let mut floor = FloorOptions::default();
    floor.scenario.agents = 1;
    let error = Simulator::start(SimulatorOptions::for_floor(floor))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the floor cannot be made: agents is 1; choose 4 to 50000"
    );
}
