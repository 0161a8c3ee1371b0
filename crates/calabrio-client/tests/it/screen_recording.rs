//! Messages for screen recording: quick, and sent again only where nothing was done.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use crate::common;

use std::time::{Duration, Instant};

use calabrio_client::{
    CalabrioClient, CalabrioError, ImportOutcome, RecordingMessage, RecordingVerb,
};
use common::{
    AUTHORIZE, UPLOAD, client, client_with, contact, count, header, http, json, leg, nobody, on,
    page, requests, server, settings,
};
use http_retry::{ConcurrencyLimit, HttpClient};
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

const SCREEN: &str = "api/rest/recordingcontrols/screen";

fn message(verb: RecordingVerb) -> RecordingMessage {
    RecordingMessage {
        leg: leg(1),
        session: "CH00000000000000000000000000000001".parse().unwrap(),
        agent_acd_id: "WK00000000000000000000000000000001".into(),
        verb,
        at: "2026-03-01T12:00:00.250Z".parse().unwrap(),
    }
}

#[tokio::test]
async fn each_verb_is_one_message_with_the_assumed_fields() {
    let server = server().await;
    on("POST", SCREEN)
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let client = client(&server);
    for verb in RecordingVerb::ALL {
        assert!(client.sends_recording_messages(verb));
        client.send_recording_message(&message(verb)).await.unwrap();
    }
    let sent = requests(&server, "POST", SCREEN).await;
    assert_eq!(
        header(&sent[0], "cookie"),
        "hazelcast.sessionId=HZ4E1A46B8985F7D2C"
    );
    let bodies: Vec<Value> = sent
        .iter()
        .map(|request| request.body_json().unwrap())
        .collect();
    assert_eq!(
        bodies[0],
        json!({
            "command": "start", "acdId": "WK00000000000000000000000000000001", "acdServerId": 3,
            "callId": leg(1).as_str(), "assocCallId": "CH00000000000000000000000000000001", "time": 1_772_366_400_250_i64
        })
    );
    let verbs: Vec<&str> = bodies
        .iter()
        .map(|body| body["command"].as_str().unwrap())
        .collect();
    assert_eq!(verbs, RecordingVerb::ALL.map(RecordingVerb::as_str));
}

#[tokio::test]
async fn what_the_contract_switches_off_is_not_sent() {
    let server = server().await;
    let client = client_with(&server, |settings| {
        settings.contract.screen_recording.pause.clear();
    });
    assert!(!client.sends_recording_messages(RecordingVerb::Pause));
    assert!(client.sends_recording_messages(RecordingVerb::Stop));
    let error = client
        .send_recording_message(&message(RecordingVerb::Pause))
        .await
        .unwrap_err();
    assert!(
        matches!(error, CalabrioError::SwitchedOff { .. }),
        "{error:?}"
    );
    assert!(error.is_not_sent() && !error.is_passing());
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_verb_can_stand_in_the_path() {
    let server = server().await;
    on("POST", "rte/BEGIN")
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| {
        let contract = &mut settings.contract.screen_recording;
        contract.path = "rte/{verb}".into();
        contract.start = "BEGIN".into();
    });
    client
        .send_recording_message(&message(RecordingVerb::Start))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_message_is_tried_again_only_where_calabrio_did_nothing_with_it() {
    for (answer, attempts) in [
        (ResponseTemplate::new(429), 3),
        (ResponseTemplate::new(500), 1),
        (ResponseTemplate::new(400), 1),
        (
            ResponseTemplate::new(200).set_body_json(json!({"errorMessage": "no such agent"})),
            1,
        ),
    ] {
        let server = server().await;
        on("POST", SCREEN).respond_with(answer).mount(&server).await;
        let error = client(&server)
            .send_recording_message(&message(RecordingVerb::Start))
            .await
            .unwrap_err();
        assert_eq!(count(&server, "POST", SCREEN).await, attempts, "{error}");
        assert!(!error.is_not_sent(), "{error:?}");
    }
}

#[tokio::test]
async fn a_session_that_ended_is_renewed_and_the_message_sent_once_more() {
    for ended in [ResponseTemplate::new(401), page()] {
        let server = server().await;
        on("POST", SCREEN)
            .respond_with(ended)
            .up_to_n_times(1)
            .mount(&server)
            .await;
        on("POST", SCREEN)
            .respond_with(ResponseTemplate::new(200))
            .mount(&server)
            .await;
        client(&server)
            .send_recording_message(&message(RecordingVerb::Stop))
            .await
            .unwrap();
        assert_eq!(count(&server, "POST", SCREEN).await, 2);
        assert_eq!(count(&server, "POST", AUTHORIZE).await, 2);
    }
}

#[tokio::test]
async fn a_slow_answer_is_not_waited_for_and_calabrio_may_have_the_message() {
    let server = server().await;
    on("POST", SCREEN)
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(30)))
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| {
        settings.limits.message_time = Duration::from_millis(300);
    });
    client.login().await.unwrap();
    let began = Instant::now();
    let error = client
        .send_recording_message(&message(RecordingVerb::Start))
        .await
        .unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(error.is_passing() && !error.is_not_sent(), "{error:?}");
    assert_eq!(count(&server, "POST", SCREEN).await, 1);
}

#[tokio::test]
async fn a_session_that_does_not_come_in_time_leaves_the_message_unsent() {
    let server = MockServer::start().await;
    on("POST", AUTHORIZE)
        .respond_with(json("authorize.json").set_delay(Duration::from_secs(30)))
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| {
        settings.limits.message_time = Duration::from_millis(200);
    });
    let error = client
        .send_recording_message(&message(RecordingVerb::Start))
        .await
        .unwrap_err();
    assert!(
        matches!(error, CalabrioError::OutOfTime { sent: false, .. }),
        "{error:?}"
    );
    assert!(error.is_not_sent() && error.is_passing());
    assert_eq!(
        error.to_string(),
        "Calabrio ONE could not be asked to control a screen recording within 200 ms: there was no session"
    );
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let client = CalabrioClient::new(settings(&nobody()), http()).unwrap();
    let error = client
        .send_recording_message(&message(RecordingVerb::Start))
        .await
        .unwrap_err();
    assert!(error.is_not_sent() && error.is_passing(), "{error:?}");
}

#[tokio::test]
async fn a_message_does_not_wait_behind_an_upload_where_it_has_an_http_client_of_its_own() {
    let server = server().await;
    on("POST", UPLOAD)
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(20)))
        .mount(&server)
        .await;
    on("POST", SCREEN)
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let narrow = || {
        HttpClient::builder()
            .limit(ConcurrencyLimit::new(1))
            .build()
            .unwrap()
    };
    let client =
        CalabrioClient::new_with_urgent(settings(&server.uri()), narrow(), narrow()).unwrap();
    client.login().await.unwrap();
    let (uploading, sent) = (client.clone(), contact());
    let upload = tokio::spawn(async move { uploading.import(&sent).await });
    while count(&server, "POST", UPLOAD).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    client
        .send_recording_message(&message(RecordingVerb::Start))
        .await
        .unwrap();
    assert!(!upload.is_finished());
    upload.abort();
    let _: Result<ImportOutcome, _> = upload.await;
}
