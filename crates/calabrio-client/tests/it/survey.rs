//! What Calabrio has, leg by leg, and whether a text contact has its text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use crate::common;

use std::collections::BTreeMap;

use calabrio_client::{CalabrioError, ContactKind, ContactState, SearchWindow};
use chrono::{DateTime, TimeDelta, Utc};
use common::{CONTACTS, client, client_with, count, fixture, header, leg, on, requests, server};
use serde_json::{Value, json};
use wiremock::matchers::query_param;
use wiremock::{Request, Respond, ResponseTemplate};

const TEXT_VIEW: &str = "api/rest/cas/textview";

fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn window() -> SearchWindow {
    SearchWindow::around(noon(), TimeDelta::hours(1))
}

fn contact(id: u32, leg_number: Option<u32>) -> Value {
    let mut metadata = json!({"Name-key": {"value": "Jo Customer"}});
    if let Some(number) = leg_number {
        metadata["Twilio-Leg-key"] = json!({"value": leg(number).as_str()});
    }
    json!({"id": id, "startTime": noon().timestamp_millis(), "audioUploaded": true, "contactType": "CALL", "metadata": metadata})
}

/// Answers any range of these contacts.
struct Contacts(Vec<Value>);

impl Respond for Contacts {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let range = header(request, "range");
        let (first, last) = range
            .strip_prefix("items=")
            .unwrap()
            .split_once('-')
            .unwrap();
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        let page: Vec<&Value> = self.0.iter().skip(first).take(last - first + 1).collect();
        ResponseTemplate::new(200).set_body_json(page)
    }
}

#[tokio::test]
async fn thousands_of_contacts_are_surveyed_and_duplicates_stand_out() {
    let server = server().await;
    let mut contacts: Vec<Value> = (1..=5_000).map(|n| contact(n, Some(n))).collect();
    contacts.push(contact(9_001, Some(17)));
    contacts.push(contact(9_002, Some(4_999)));
    contacts.push(contact(9_003, Some(4_999)));
    contacts.push(contact(9_004, None));
    let elsewhere =
        json!({"id": 9_005, "startTime": 0, "metadata": {"Twilio-Leg-key": leg(6_000).as_str()}});
    contacts.push(elsewhere);
    contacts.push(json!({"metadata": {"Twilio-Leg-key": leg(7_000).as_str()}}));
    contacts.push(json!({"startTime": 1}));
    on("GET", CONTACTS)
        .respond_with(Contacts(contacts))
        .mount(&server)
        .await;
    let survey = client(&server).survey(window()).await.unwrap();
    assert_eq!(survey.legs.len(), 5_001);
    let duplicates: BTreeMap<_, Vec<i64>> = survey
        .duplicates()
        .map(|(leg, seen)| (leg, seen.iter().map(|seen| seen.ccr.get()).collect()))
        .collect();
    assert_eq!(
        duplicates,
        BTreeMap::from([
            (leg(17), vec![17, 9_001]),
            (leg(4_999), vec![4_999, 9_002, 9_003])
        ])
    );
    assert_eq!(survey.foreign, 2);
    assert_eq!(
        survey.unreadable.iter().copied().collect::<Vec<_>>(),
        [leg(7_000)]
    );
    assert!(survey.has(leg(7_000)) && survey.has(leg(1)) && !survey.has(leg(8_000)));
    let elsewhere = &survey.legs[&leg(6_000)][0];
    assert_eq!(
        elsewhere.start,
        DateTime::from_timestamp_millis(0),
        "what was filed under another time is there all the same"
    );
    assert_eq!(count(&server, "GET", CONTACTS).await, 7);
    assert!(!format!("{survey:?}").contains("Jo Customer"));
}

#[tokio::test]
async fn contacts_that_arrive_during_a_survey_hide_none_and_double_none() {
    // While pages are asked for, one contact after the other arrives at the front.
    struct Growing(std::sync::Mutex<u32>);
    impl Respond for Growing {
        fn respond(&self, request: &Request) -> ResponseTemplate {
            let mut asked = self.0.lock().unwrap();
            let newer = (0..*asked).map(|n| contact(900 + n, Some(900 + n)));
            let all: Vec<Value> = newer
                .rev()
                .chain((1..=40).map(|n| contact(n, Some(n))))
                .collect();
            *asked += 1;
            Contacts(all).respond(request)
        }
    }
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(Growing(std::sync::Mutex::new(0)))
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| settings.limits.page_size = 10);
    let survey = client.survey(window()).await.unwrap();
    assert!((1..=40).all(|number| survey.has(leg(number))));
    assert_eq!(survey.duplicates().count(), 0);
}

#[tokio::test]
async fn a_tenant_whose_search_wants_a_kind_is_asked_for_each() {
    let server = server().await;
    on("GET", CONTACTS)
        .and(query_param("contactType", "CALL"))
        .respond_with(Contacts((1..=12).map(|n| contact(n, Some(n))).collect()))
        .mount(&server)
        .await;
    let texts: Vec<Value> = serde_json::from_str(&fixture("contacts-text.json")).unwrap();
    on("GET", CONTACTS)
        .and(query_param("contactType", "TEXT"))
        .respond_with(Contacts(texts))
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| {
        settings.limits.page_size = 5;
        settings.contract.search.contact_types = vec!["CALL".into(), "TEXT".into()];
    });
    let survey = client.survey(window()).await.unwrap();
    assert_eq!(survey.legs.len(), 12);
    let first: Vec<_> = survey.legs[&leg(1)]
        .iter()
        .map(|seen| (seen.ccr.get(), seen.kind))
        .collect();
    assert_eq!(
        first,
        [
            (1, Some(ContactKind::Call)),
            (2001, Some(ContactKind::Text))
        ]
    );
    let ranges: Vec<String> = requests(&server, "GET", CONTACTS)
        .await
        .iter()
        .map(|asked| header(asked, "range"))
        .collect();
    assert_eq!(
        ranges,
        [
            "items=0-4",
            "items=5-9",
            "items=10-14",
            "items=12-16",
            "items=0-4",
            "items=3-7"
        ]
    );
}

#[tokio::test]
async fn a_server_that_ignores_the_kind_gives_each_contact_once() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(Contacts((1..=12).map(|n| contact(n, Some(n))).collect()))
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| {
        settings.limits.page_size = 5;
        settings.contract.search.contact_types = vec!["CALL".into(), "TEXT".into()];
    });
    let survey = client.survey(window()).await.unwrap();
    assert_eq!((survey.legs.len(), survey.duplicates().count()), (12, 0));
}

#[tokio::test]
async fn a_text_contact_tells_its_kind_and_whether_its_text_is_there() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(common::json("contacts-text.json"))
        .mount(&server)
        .await;
    let survey = client(&server).survey(window()).await.unwrap();
    let told = |number: u32| {
        let seen = &survey.legs[&leg(number)][0];
        (seen.kind, seen.has_media, seen.state.clone())
    };
    assert_eq!(
        told(1),
        (Some(ContactKind::Text), Some(true), ContactState::Complete)
    );
    assert_eq!(
        told(2),
        (
            Some(ContactKind::Email),
            Some(false),
            ContactState::Processing
        )
    );
    assert_eq!(
        told(3),
        (Some(ContactKind::Text), None, ContactState::Unknown),
        "its audio says nothing of its text"
    );
}

#[tokio::test]
async fn the_text_of_a_contact_is_there_or_not() {
    let server = server().await;
    on("GET", TEXT_VIEW)
        .and(query_param("ccrid", "2001"))
        .respond_with(common::json("textview.json"))
        .mount(&server)
        .await;
    on("GET", TEXT_VIEW)
        .and(query_param("ccrid", "2002"))
        .respond_with(ResponseTemplate::new(404))
        .mount(&server)
        .await;
    on("GET", TEXT_VIEW)
        .and(query_param("ccrid", "2003"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    on("GET", TEXT_VIEW)
        .and(query_param("ccrid", "2004"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"messages": []})))
        .mount(&server)
        .await;
    on("GET", TEXT_VIEW)
        .respond_with(ResponseTemplate::new(403))
        .mount(&server)
        .await;
    let client = client(&server);
    let text = client.text_of(2001.try_into().unwrap()).await.unwrap();
    let text = text.unwrap();
    assert!(text.mentions("order A-17") && text.mentions("👋") && !text.mentions("customer,"));
    for none in [2002, 2003, 2004] {
        let text = client.text_of(none.try_into().unwrap()).await.unwrap();
        assert_eq!(text, None, "{none}");
    }
    let error = client.text_of(9.try_into().unwrap()).await.unwrap_err();
    assert!(
        matches!(error, CalabrioError::PermissionDenied { .. }),
        "{error:?}"
    );
}
