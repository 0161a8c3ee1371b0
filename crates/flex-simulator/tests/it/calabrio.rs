//! Calabrio ONE, asked over real HTTP.
#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use crate::common;

use std::time::Duration;

use common::*;
use flex_simulator::{FaultLevel, Simulator};
use serde_json::json;

const ROOT: &str = "/calabrio.example/api/rest";

/// Method, path, headers and the status of the refusal.
type Case<'a> = (&'a str, String, &'a [(&'a str, &'a str)], u16);

/// A leg that should be delivered with audio.
fn leg(simulator: &Simulator) -> String {
    let expected = simulator.expected().iter().find(|leg| leg.audio.is_some());
    expected.unwrap().leg.clone()
}

async fn get(simulator: &Simulator, cookie: &str, path: &str) -> Answer {
    send(
        simulator,
        "GET",
        &format!("{ROOT}{path}"),
        &[("Cookie", cookie)],
        &[],
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn a_session_is_opened_used_and_closed() {
    let simulator = start(FaultLevel::None, 1).await;
    let wrong = json!({"userId": "a", "password": "b", "language": "en"}).to_string();
    let kind = [("Content-Type", "application/json")];
    let path = format!("{ROOT}/authorize");
    let refused = send(&simulator, "POST", &path, &kind, wrong.as_bytes())
        .await
        .unwrap();
    assert_eq!(refused.status, 401);
    assert!(refused.json()["errorMessage"].is_string() && refused.json()["requestId"].is_string());

    let cookie = log_in(&simulator).await;
    let fields = get(&simulator, &cookie, "/recording/metadata").await.json();
    assert_eq!(
        fields[0],
        json!({"key": "Twilio-Leg-key", "label": "Twilio Leg", "type": "TEXT"})
    );
    let closed = send(&simulator, "DELETE", &path, &[("Cookie", &cookie)], &[])
        .await
        .unwrap();
    assert_eq!(closed.status, 200);
    assert_eq!(
        get(&simulator, &cookie, "/recording/metadata").await.status,
        401
    );
    assert_eq!(simulator.violations(), []);
    simulator.stop().await;
}

#[tokio::test]
async fn an_import_is_found_and_processed_after_a_while() {
    let simulator = start(FaultLevel::None, 1).await;
    let cookie = log_in(&simulator).await;
    let leg = leg(&simulator);
    let answer = import_leg(&simulator, &cookie, &leg, &wav()).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.json()["contacts"][0]["id"].as_u64().unwrap();

    tokio::time::sleep(Duration::from_millis(80)).await;
    let day = chrono::Utc::now().date_naive();
    let search = format!(
        "/recording/contact?beginDate={}&endDate={}&expand=metadata&limit=1000",
        day - chrono::Days::new(2),
        day + chrono::Days::new(2)
    );
    let headers = [("Cookie", cookie.as_str()), ("Range", "items=0-999")];
    let answer = send(&simulator, "GET", &format!("{ROOT}{search}"), &headers, &[])
        .await
        .unwrap();
    assert_eq!(answer.header("content-range"), Some("items 0-0/1"));
    let found = answer.json();
    assert_eq!(found[0]["id"], id);
    assert_eq!(found[0]["audioUploaded"], true);
    assert_eq!(found[0]["callDuration"], 1_000);
    assert_eq!(
        found[0]["metadata"]["Twilio-Leg-key"],
        json!({"key": "Twilio-Leg-key", "value": leg})
    );
    let one = get(&simulator, &cookie, &format!("/recording/contact/{id}"))
        .await
        .json();
    assert_eq!(one["assocCallId"], found[0]["assocCallId"]);
    assert_eq!(simulator.violations(), []);
    simulator.stop().await;
}

#[tokio::test]
async fn metadata_is_written_beside_what_is_there() {
    let simulator = start(FaultLevel::None, 1).await;
    let cookie = log_in(&simulator).await;
    let answer = import_leg(&simulator, &cookie, &leg(&simulator), &wav())
        .await
        .unwrap();
    let id = answer.json()["contacts"][0]["id"].as_u64().unwrap();
    let path = format!("{ROOT}/recording/contact/{id}/metadata");
    let key = "Account-Number-key";
    let headers = [
        ("Cookie", cookie.as_str()),
        ("Content-Type", "application/json"),
    ];
    let body = json!({key: {"key": key, "value": "42"}}).to_string();
    let written = send(&simulator, "PUT", &path, &headers, body.as_bytes())
        .await
        .unwrap();
    assert_eq!((written.status, written.body.len()), (200, 0));
    let read = send(&simulator, "GET", &path, &headers[..1], &[])
        .await
        .unwrap()
        .json();
    assert_eq!(read[key]["value"], "42");
    assert!(read["Twilio-Leg-key"]["value"].is_string());
    for wrong in [
        json!({"No-key": {"key": "No-key", "value": "1"}}),
        json!({"Survey-Score-key": {"key": "Survey-Score-key", "value": "1"}}),
    ] {
        let answer = send(
            &simulator,
            "PUT",
            &path,
            &headers,
            wrong.to_string().as_bytes(),
        )
        .await
        .unwrap();
        assert_eq!(answer.status, 400);
    }
    simulator.stop().await;
}

#[tokio::test]
async fn a_malformed_import_is_refused_and_remembered() {
    let simulator = start(FaultLevel::None, 1).await;
    let cookie = log_in(&simulator).await;
    let leg = leg(&simulator);
    let good = document(&simulator, &leg).to_string();
    let json_part = ("JSON", "application/json", None, good.as_bytes());
    let audio = wav();
    let name = format!("{leg}.wav");
    let wav_part = ("WAV", "audio/x-wav", Some(name.as_str()), audio.as_slice());
    let two = {
        let mut two = document(&simulator, &leg);
        let first = two["contacts"][0].clone();
        two["contacts"].as_array_mut().unwrap().push(first);
        two.to_string()
    };
    let unknown = good.replace("\"ani\"", "\"anni\"");
    let mut cut_off = multipart(&[json_part, wav_part]);
    cut_off.truncate(cut_off.len() - 30);
    let bodies = [
        ("audio first", multipart(&[wav_part, json_part])),
        ("metadata twice", multipart(&[json_part, json_part])),
        ("audio twice", multipart(&[json_part, wav_part, wav_part])),
        ("no metadata", multipart(&[])),
        (
            "another part",
            multipart(&[json_part, ("MP3", "audio/mpeg", None, b"x")]),
        ),
        (
            "another type",
            multipart(&[("JSON", "text/plain", None, good.as_bytes()), wav_part]),
        ),
        (
            "no JSON",
            multipart(&[("JSON", "application/json", None, b"{"), wav_part]),
        ),
        (
            "two contacts",
            multipart(&[("JSON", "application/json", None, two.as_bytes()), wav_part]),
        ),
        (
            "unknown field",
            multipart(&[
                ("JSON", "application/json", None, unknown.as_bytes()),
                wav_part,
            ]),
        ),
        ("no last boundary", cut_off),
        ("no parts", b"nothing of the kind".to_vec()),
    ];
    for (count, (what, body)) in bodies.iter().enumerate() {
        let answer = import(&simulator, &cookie, body).await;
        assert_eq!(answer.map(|answer| answer.status), Some(400), "{what}");
        assert_eq!(simulator.violation_count(), count as u64 + 1, "{what}");
    }
    assert_eq!(simulator.received_count(), 0);
    simulator.stop().await;
}

#[tokio::test]
async fn an_import_that_calabrio_would_not_take_is_refused() {
    let simulator = start(FaultLevel::None, 1).await;
    let cookie = log_in(&simulator).await;
    let leg = leg(&simulator);
    let name = format!("{leg}.wav");
    let change = |change: fn(&mut serde_json::Value)| {
        let mut document = document(&simulator, &leg);
        change(&mut document["contacts"][0]);
        document.to_string()
    };
    let documents = [
        change(|contact| contact["contactType"] = json!("TEXT")),
        change(|contact| contact["startTime"] = json!(7)),
        change(|contact| contact["direction"] = json!("sideways")),
        change(|contact| contact["assocCallId"] = json!("")),
        change(|contact| contact["fileName"] = json!("other.wav")),
        change(|contact| contact["metadata"][0]["key"] = json!("No-such-key")),
    ];
    for document in &documents {
        let body = multipart(&[
            ("JSON", "application/json", None, document.as_bytes()),
            ("WAV", "audio/x-wav", Some(&name), &wav()),
        ]);
        let answer = import(&simulator, &cookie, &body).await.unwrap();
        assert_eq!(answer.status, 400);
        assert!(answer.json()["errorMessage"].is_string());
    }
    let error = br#"<?xml version="1.0"?><TwilioResponse/>"#;
    let answer = import_leg(&simulator, &cookie, &leg, error).await.unwrap();
    assert_eq!(
        answer.json()["errorMessage"],
        "the media is not a RIFF/WAVE file"
    );
    assert_eq!(
        (simulator.received_count(), simulator.violations()),
        (0, Vec::new())
    );
    simulator.stop().await;
}

#[tokio::test]
async fn what_is_not_documented_is_refused_and_remembered() {
    let simulator = start(FaultLevel::None, 1).await;
    let cookie = log_in(&simulator).await;
    let cookies = [("Cookie", cookie.as_str())];
    let basic = [("Cookie", cookie.as_str()), ("Authorization", "Basic YTpi")];
    let text = [("Cookie", cookie.as_str()), ("Content-Type", "text/plain")];
    let contacts = "/calabrio.example/api/rest/recording/contact";
    let day = "?beginDate=2026-03-01&endDate=2026-03-01";
    let cases: [Case<'_>; 7] = [
        (
            "GET",
            "/calabrio.example/api/rest/nothing".to_owned(),
            &cookies,
            404,
        ),
        ("POST", format!("{contacts}/1"), &cookies, 405),
        ("GET", format!("{contacts}{day}&color=red"), &cookies, 400),
        ("GET", format!("{contacts}{day}"), &basic, 400),
        ("PUT", format!("{contacts}/40001/metadata"), &text, 415),
        ("GET", format!("{contacts}{day}"), &[], 401),
        ("GET", "/elsewhere.example/x".to_owned(), &[], 404),
    ];
    for (count, (method, path, headers, status)) in cases.iter().enumerate() {
        let answer = send(&simulator, method, path, headers, &[]).await.unwrap();
        assert_eq!(answer.status, *status, "{method} {path}");
        assert_eq!(
            simulator.violation_count(),
            count as u64 + 1,
            "{method} {path}"
        );
    }
    let told = tell(&simulator, "violations").await;
    assert_eq!(told["count"], 7);
    assert!(
        !told.to_string().contains("red"),
        "no value of a query is kept"
    );
    simulator.stop().await;
}

#[tokio::test]
async fn two_imports_of_one_leg_show_as_a_duplicate() {
    let simulator = start(FaultLevel::None, 1).await;
    let cookie = log_in(&simulator).await;
    let leg = leg(&simulator);
    for _ in 0..2 {
        assert_eq!(
            import_leg(&simulator, &cookie, &leg, &wav())
                .await
                .unwrap()
                .status,
            200
        );
    }
    let account = simulator.account();
    assert_eq!((account.duplicates, account.audio_mismatches), (1, 2));
    assert!(!account.is_right());
    let told = tell(&simulator, "account").await;
    assert_eq!(told["duplicates"], 1);
    let received = tell(&simulator, "received").await;
    assert_eq!(received["count"], 2);
    assert_eq!(received["contacts"][0]["leg"], leg);
    assert_eq!(received["contacts"][0]["audio"]["duration_ms"], 1_000);
    let hashes = &received["contacts"][0]["audio"]["channel_sha256"];
    assert_eq!(hashes.as_array().unwrap().len(), 1);
    simulator.stop().await;
}

#[tokio::test]
async fn ended_sessions_answer_401_and_that_is_no_violation() {
    let simulator = start(FaultLevel::None, 1).await;
    let cookie = log_in(&simulator).await;
    simulator.end_sessions();
    assert_eq!(
        get(&simulator, &cookie, "/recording/metadata").await.status,
        401
    );
    let refused = import_leg(&simulator, &cookie, &leg(&simulator), &wav())
        .await
        .unwrap();
    assert_eq!(refused.status, 401);
    assert_eq!(
        (simulator.received_count(), simulator.violation_count()),
        (0, 0)
    );
    simulator.stop().await;
}

/// A transcript as a connector would write it: more than the simulator reads.
fn transcript(simulator: &Simulator, leg: &str) -> String {
    let expected = simulator
        .expected()
        .iter()
        .find(|it| it.leg == leg)
        .unwrap();
    let messages: Vec<_> = expected
        .transcript
        .iter()
        .flat_map(|it| &it.messages)
        .map(|it| json!({"index": it.index, "sid": it.sid, "body": "words", "author": {"role": "agent"}}))
        .collect();
    json!({"schema": "1", "messages": messages}).to_string()
}

async fn import_text(simulator: &Simulator, cookie: &str, leg: &str) -> Option<Answer> {
    let mut document = document(simulator, leg);
    document["contacts"][0]["contactType"] = json!("TEXT");
    document["contacts"][0]["fileName"] = json!("a.json");
    let (contact, text) = (document.to_string(), transcript(simulator, leg));
    let body = multipart(&[
        ("JSON", "application/json", None, contact.as_bytes()),
        ("TEXT", "application/json", Some("a.json"), text.as_bytes()),
        (
            "TXT",
            "text/plain; charset=utf-8",
            Some("a.txt"),
            "Grüße".as_bytes(),
        ),
    ]);
    import(simulator, cookie, &body).await
}

#[tokio::test]
async fn a_text_contact_is_taken_read_and_compared() {
    let simulator = start_with("contacts = 2\n[kinds]\nchat = 1\nchat-transfer = 1").await;
    let cookie = log_in(&simulator).await;
    let legs: Vec<String> = simulator
        .expected()
        .iter()
        .map(|it| it.leg.clone())
        .collect();
    for leg in &legs {
        let answer = import_text(&simulator, &cookie, leg).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    tokio::time::sleep(Duration::from_millis(80)).await;
    let received = simulator.received();
    let first = received[0].transcript.as_ref().unwrap();
    let expected = simulator.expected()[0].transcript.as_ref().unwrap();
    assert_eq!(first.messages.len(), expected.messages.len());
    assert_eq!(first.rendering_bytes, Some(7));
    // The indexes and SIDs are right, the words are not.
    assert_eq!(simulator.account().transcript_mismatches, 3);
    let path = format!("/recording/contact/{}", received[0].id);
    let told = get(&simulator, &cookie, &path).await.json();
    assert_eq!(told["contactType"], "TEXT");
    assert_eq!(told["textUploaded"], true);
    assert_eq!(told["audioUploaded"], false);
    assert_eq!(simulator.violations(), []);
    simulator.stop().await;
}

#[tokio::test]
async fn a_text_contact_with_the_media_of_a_call_is_refused_and_the_other_way_round() {
    let simulator = start(FaultLevel::None, 1).await;
    let cookie = log_in(&simulator).await;
    let leg = leg(&simulator);
    let mut text = document(&simulator, &leg);
    text["contacts"][0]["contactType"] = json!("TEXT");
    let (text, call) = (text.to_string(), document(&simulator, &leg).to_string());
    let name = format!("{leg}.wav");
    let audio = wav();
    let (wav, document) = (
        ("WAV", "audio/x-wav", Some(name.as_str()), audio.as_slice()),
        (
            "TEXT",
            "application/json",
            Some(name.as_str()),
            br#"{"messages": []}"#.as_slice(),
        ),
    );
    let broken = (
        "TEXT",
        "application/json",
        Some(name.as_str()),
        b"[]".as_slice(),
    );
    for (contact, media) in [(&text, wav), (&call, document), (&text, broken)] {
        let body = multipart(&[
            ("JSON", "application/json", None, contact.as_bytes()),
            media,
        ]);
        let answer = import(&simulator, &cookie, &body).await.unwrap();
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(
        (simulator.received_count(), simulator.violation_count()),
        (0, 0)
    );
    simulator.stop().await;
}

#[tokio::test]
async fn people_are_listed_made_changed_and_deactivated() {
    let simulator = start_with("contacts = 1\nunknown_agents = 2").await;
    let cookie = log_in(&simulator).await;
    let headers = [
        ("Cookie", cookie.as_str()),
        ("Content-Type", "application/json"),
    ];
    let person = format!("{ROOT}/org/common/person");
    let list = get(&simulator, &cookie, "/org/common/person/permission/ViewOrg").await;
    let people = list.json();
    let known = |people: &serde_json::Value, sid: &str| {
        let mut people = people.as_array().unwrap().iter();
        people.any(|it| {
            it["acdId"]
                .as_str()
                .is_some_and(|id| id.eq_ignore_ascii_case(sid))
        })
    };
    let workers = simulator.world().workers();
    let unknown: Vec<&str> = workers
        .iter()
        .map(|(sid, _)| sid.as_str())
        .filter(|sid| !known(&people, sid))
        .collect();
    assert_eq!(unknown, [&workers[4].0, &workers[5].0]);

    let new = json!({
        "firstName": "Ada", "lastName": "Okafor", "displayName": "Ada Okafor", "acdId": unknown[0], "acdServerId": 7,
        "groupId": 12, "roles": [{"id": 3}], "scope": {"groups": [], "teams": []}, "views": [], "qmViews": [],
        "timeZone": "America/Chicago", "locale": "en", "enabledForSchedule": false, "isSynchronized": false,
        "isReconcileOnly": false, "activated": 1_772_366_400_000_i64
    });
    let made = send(
        &simulator,
        "POST",
        &person,
        &headers,
        new.to_string().as_bytes(),
    )
    .await;
    let mut made = made.unwrap().json();
    let id = made["id"].as_u64().unwrap();
    assert!(known(&json!(simulator.people()), unknown[0]));
    made["deactivated"] = json!(1_772_366_500_000_i64);
    let path = format!("{person}/{id}");
    let changed = send(
        &simulator,
        "PUT",
        &path,
        &headers,
        made.to_string().as_bytes(),
    )
    .await;
    assert_eq!(changed.unwrap().status, 200);
    let read = get(&simulator, &cookie, &format!("/org/common/person/{id}")).await;
    assert_eq!(read.json(), made);
    let status = format!("{path}/status");
    let again = br#"{"deactivated": null}"#;
    let active = send(&simulator, "PUT", &status, &headers, again)
        .await
        .unwrap();
    assert!(active.json()["deactivated"].is_null());
    assert_eq!(simulator.violations(), []);

    let twice = send(
        &simulator,
        "POST",
        &person,
        &headers,
        new.to_string().as_bytes(),
    )
    .await;
    assert_eq!(
        (twice.unwrap().status, simulator.violation_count()),
        (200, 1)
    );
    for (name, value) in [("groupId", json!(99)), ("roles", json!([]))] {
        let mut wrong = new.clone();
        wrong[name] = value;
        let body = wrong.to_string();
        let answer = send(&simulator, "POST", &person, &headers, body.as_bytes()).await;
        assert_eq!(answer.unwrap().status, 400);
    }
    let odd = send(&simulator, "PUT", &path, &headers, br#"{"shoeSize": 9}"#).await;
    assert_eq!((odd.unwrap().status, simulator.violation_count()), (400, 2));
    simulator.stop().await;
}

#[tokio::test]
async fn messages_for_screen_recording_are_written_down_with_the_time_they_came() {
    let simulator = start_with("contacts = 2\nunknown_agents = 1").await;
    let cookie = log_in(&simulator).await;
    let headers = [
        ("Cookie", cookie.as_str()),
        ("Content-Type", "application/json"),
    ];
    let path = format!("{ROOT}/recordingcontrols/screen");
    let workers = simulator.world().workers();
    let message = |verb: &str, agent: &str| {
        json!({"command": verb, "acdId": agent, "acdServerId": 7, "callId": "WR1", "assocCallId": "WT1",
            "time": 1_772_366_400_250_i64})
        .to_string()
    };
    for (verb, agent, status) in [
        ("start", &workers[0].0, 200),
        ("stop", &workers[0].0, 200),
        ("start", &workers[5].0, 404),
    ] {
        let body = message(verb, agent);
        let answer = send(&simulator, "POST", &path, &headers, body.as_bytes()).await;
        assert_eq!(answer.unwrap().status, status);
    }
    let messages = simulator.screen_messages();
    let verbs: Vec<&str> = messages.iter().map(|it| it.verb.as_str()).collect();
    assert_eq!(verbs, ["start", "stop"]);
    assert_eq!(
        messages[0].at.unwrap().timestamp_millis(),
        1_772_366_400_250
    );
    assert!(messages[0].received_at <= messages[1].received_at);
    assert_eq!(tell(&simulator, "screen-recording").await["count"], 2);
    assert_eq!(simulator.violations(), []);
    let body = message("zoom", &workers[0].0);
    let answer = send(&simulator, "POST", &path, &headers, body.as_bytes()).await;
    assert_eq!(
        (answer.unwrap().status, simulator.violation_count()),
        (400, 1)
    );
    simulator.stop().await;
}

#[tokio::test]
async fn the_text_of_a_contact_can_be_read_once_it_is_processed() {
    let simulator = start_with("contacts = 1\n[kinds]\nchat = 1").await;
    let cookie = log_in(&simulator).await;
    let leg = simulator.expected()[0].leg.clone();
    let answer = import_text(&simulator, &cookie, &leg).await.unwrap();
    let id = answer.json()["contacts"][0]["id"].as_u64().unwrap();
    let path = format!("/cas/textview?ccrid={id}");
    tokio::time::sleep(Duration::from_millis(80)).await;
    let text = get(&simulator, &cookie, &path).await;
    assert_eq!(text.json()["text"], "Grüße");
    assert_eq!(
        get(&simulator, &cookie, "/cas/textview?ccrid=1")
            .await
            .status,
        404
    );
    assert_eq!(simulator.violations(), []);
    simulator.stop().await;
}
