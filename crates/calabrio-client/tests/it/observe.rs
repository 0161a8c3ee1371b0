//! Sending a synthetic contact and seeing which assumptions held.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use crate::common;

use calabrio_client::{
    CalabrioClient, CalabrioError, ContactImport, ImportOutcome, Observed, TextContent, assumptions,
};
use common::{CONTACTS, UPLOAD, client, client_with, leg, on, requests, server};
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

const ONE: &str = "api/rest/recording/contact/5001";
const METADATA: &str = "api/rest/recording/contact/5001/metadata";
const FIELDS: &str = "api/rest/recording/metadata";
const TEXT_VIEW: &str = "api/rest/cas/textview";

fn call() -> ContactImport {
    let start = "2026-03-01T12:00:00.250Z".parse().unwrap();
    let worker = Some("WK00000000000000000000000000000001".to_owned());
    ContactImport::synthetic_call(leg(1), "synthetic-1".parse().unwrap(), worker, start)
}

fn chat() -> ContactImport {
    let text = TextContent::new(json!({"leg": leg(1).as_str(), "messages": []}).to_string());
    let start = "2026-03-01T12:00:00.250Z".parse().unwrap();
    let text = text.with_rendering(format!("synthetic contact {}", leg(1)));
    ContactImport::synthetic_text(leg(1), "synthetic-1".parse().unwrap(), None, start, text)
}

fn stored(sent: &ContactImport, kind: &str) -> Value {
    json!({
        "id": 5001, "startTime": sent.start.timestamp_millis(), "callDuration": sent.duration_ms, "contactType": kind,
        "ani": "synthetic-contact", "dnis": "connector-check", "assocCallId": "synthetic-1",
        "audioUploaded": kind == "CALL", "textUploaded": kind == "TEXT",
        "metadata": {"Twilio-Leg-key": {"key": "Twilio-Leg-key", "value": leg(1).as_str()}}
    })
}

/// A tenant that does everything as assumed with this contact.
async fn tenant(contact: &Value) -> MockServer {
    let server = server().await;
    on("POST", UPLOAD)
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"contacts": [{"id": 5001}]})))
        .mount(&server)
        .await;
    for (path, body) in [
        (CONTACTS, json!([contact])),
        (ONE, contact.clone()),
        (METADATA, contact["metadata"].clone()),
        (
            FIELDS,
            json!([{"key": "Twilio-Leg-key", "label": "Twilio Leg", "type": "TEXT"}]),
        ),
        (TEXT_VIEW, json!({"text": leg(1).as_str()})),
    ] {
        on("GET", path)
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .with_priority(9)
            .mount(&server)
            .await;
    }
    on("PUT", METADATA)
        .respond_with(ResponseTemplate::new(200))
        .with_priority(9)
        .mount(&server)
        .await;
    server
}

async fn import(client: &CalabrioClient, sent: &ContactImport) -> Observed {
    let ImportOutcome::Accepted { ccr } = client.import(sent).await else {
        panic!("not accepted")
    };
    client.observe(sent, ccr).await.unwrap()
}

fn that_held(observed: &Observed, held: Option<bool>) -> Vec<u16> {
    observed
        .observations
        .iter()
        .filter(|seen| seen.held == held)
        .map(|seen| seen.assumption)
        .collect()
}

#[tokio::test]
async fn on_a_tenant_that_is_as_assumed_what_a_call_can_show_held() {
    let sent = call();
    let server = tenant(&stored(&sent, "CALL")).await;
    let observed = import(&client(&server), &sent).await;
    assert!(observed.confirms_read_back());
    let numbers: Vec<u16> = observed
        .observations
        .iter()
        .map(|seen| seen.assumption)
        .collect();
    let all: Vec<u16> = assumptions().map(|assumption| assumption.number).collect();
    assert_eq!(numbers, all);
    assert_eq!(that_held(&observed, Some(false)), Vec::<u16>::new());
    assert_eq!(
        that_held(&observed, Some(true)),
        [
            101, 103, 104, 107, 108, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212,
            213, 214, 215, 216, 224, 225, 226, 227, 228, 301, 302, 303, 304, 306, 307, 308, 309,
            310, 312, 313, 314, 315, 316, 317, 318, 320, 322, 323, 324, 401, 402, 501, 502, 503,
            504, 505, 506, 507, 508, 509
        ]
    );
    let [put] = requests(&server, "PUT", METADATA).await.try_into().unwrap();
    assert_eq!(
        put.body_json::<Value>().unwrap(),
        json!({"Twilio-Leg-key": {"key": "Twilio-Leg-key", "value": leg(1).as_str()}})
    );
}

#[tokio::test]
async fn a_chat_shows_what_is_assumed_of_text_contacts() {
    let sent = chat();
    let server = tenant(&stored(&sent, "TEXT")).await;
    let observed = import(&client(&server), &sent).await;
    assert!(observed.confirms_read_back());
    for number in [230, 232, 233, 234, 408, 409, 410] {
        assert_eq!(observed.held(number), Some(true), "{number}");
    }
    for number in [204, 213, 235, 402] {
        assert_eq!(observed.held(number), None, "{number}");
    }
    assert_eq!(that_held(&observed, Some(false)), Vec::<u16>::new());
}

#[tokio::test]
async fn what_is_otherwise_is_named_and_confirms_nothing() {
    let sent = call();
    let mut contact = stored(&sent, "CALL");
    contact["callDuration"] = json!(2);
    let server = tenant(&contact).await;
    on("GET", ONE)
        .respond_with(ResponseTemplate::new(404))
        .mount(&server)
        .await;
    on("PUT", METADATA)
        .respond_with(ResponseTemplate::new(403))
        .mount(&server)
        .await;
    on("GET", FIELDS)
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([{"key": "Other-key"}])))
        .mount(&server)
        .await;
    let client = client(&server);
    let observed = client
        .observe(&sent, Some(7.try_into().unwrap()))
        .await
        .unwrap();
    assert!(!observed.confirms_read_back());
    assert_eq!(
        that_held(&observed, Some(false)),
        [210, 211, 227, 228, 315, 401, 501, 502, 503, 507, 508, 509]
    );
    let of = |number: u16| {
        let seen = observed
            .observations
            .iter()
            .find(|seen| seen.assumption == number);
        seen.unwrap().what.clone()
    };
    assert_eq!(of(315), "\"callDuration\" seems to be in seconds");
    assert_eq!(of(227), "the import's answer told another number");
    assert_eq!(of(401), "it is not found by its number");
    assert!(of(507).contains("Send Metadata Command"), "{}", of(507));
}

#[tokio::test]
async fn what_may_pass_shows_nothing() {
    let sent = call();
    let server = tenant(&stored(&sent, "CALL")).await;
    for (verb, path) in [("GET", ONE), ("PUT", METADATA), ("GET", FIELDS)] {
        on(verb, path)
            .respond_with(ResponseTemplate::new(503))
            .mount(&server)
            .await;
    }
    let observed = client(&server).observe(&sent, None).await.unwrap();
    for number in [401, 501, 507] {
        assert_eq!(observed.held(number), None, "{number}");
    }
    assert!(observed.confirms_read_back(), "the search alone shows it");
}

#[tokio::test]
async fn a_contact_that_is_not_there_or_there_twice_confirms_nothing() {
    let sent = call();
    let mut twin = stored(&sent, "CALL");
    twin["id"] = json!(5002);
    for contacts in [json!([]), json!([stored(&sent, "CALL"), twin])] {
        let server = tenant(&stored(&sent, "CALL")).await;
        on("GET", CONTACTS)
            .respond_with(ResponseTemplate::new(200).set_body_json(&contacts))
            .mount(&server)
            .await;
        let observed = client(&server).observe(&sent, None).await.unwrap();
        assert_eq!(observed.contacts.len(), contacts.as_array().unwrap().len());
        assert!(!observed.confirms_read_back());
    }
}

#[tokio::test]
async fn a_contact_that_is_still_processed_confirms_nothing_yet() {
    let sent = call();
    let mut contact = stored(&sent, "CALL");
    contact["audioUploaded"] = json!(false);
    let server = tenant(&contact).await;
    let observed = client(&server).observe(&sent, None).await.unwrap();
    assert!(!observed.confirms_read_back());
    assert_eq!((observed.held(402), observed.held(204)), (None, None));
}

#[tokio::test]
async fn a_search_by_kinds_is_observed_too_and_one_that_fails_is_an_error() {
    let sent = call();
    let server = tenant(&stored(&sent, "CALL")).await;
    let by_kinds = client_with(&server, |settings| {
        settings.contract.search.contact_types = vec!["CALL".into(), "TEXT".into()];
    });
    let observed = by_kinds.observe(&sent, None).await.unwrap();
    assert_eq!(observed.contacts.len(), 1);
    assert_eq!(observed.held(321), Some(true));

    on("GET", CONTACTS)
        .respond_with(ResponseTemplate::new(403))
        .mount(&server)
        .await;
    let error = by_kinds.observe(&sent, None).await.unwrap_err();
    assert!(
        matches!(error, CalabrioError::PermissionDenied { .. }),
        "{error:?}"
    );
}
