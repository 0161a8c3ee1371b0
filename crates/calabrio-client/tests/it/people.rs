//! Listing, making and changing people.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use crate::common;

use std::time::Duration;

use calabrio_client::{CalabrioClient, CalabrioError, NewPerson, People, PersonId, PersonOutcome};
use chrono::{DateTime, Utc};
use common::{
    AUTHORIZE, client, client_with, count, fixture, http, json, nobody, on, page, requests, server,
    settings,
};
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

const LIST: &str = "api/rest/org/common/person/permission/ViewOrg";
const PERSON: &str = "api/rest/org/common/person";
const ADA: &str = "api/rest/org/common/person/11";
const STATUS: &str = "api/rest/org/common/person/11/status";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn id(number: i64) -> PersonId {
    number.try_into().unwrap()
}

fn new_person(worker: u32) -> NewPerson {
    NewPerson {
        acd_id: format!("WK{worker:032}"),
        first: "Barbara".into(),
        last: "Liskov".into(),
        email: Some("barbara@example.com".into()),
        team: 12,
        roles: vec![4],
        time_zone: Some("America/Chicago".into()),
        scheduled: false,
        activated: at("2026-03-01T12:00:00Z"),
    }
}

async fn listing(server: &MockServer) {
    on("GET", LIST)
        .respond_with(json("people.json"))
        .mount(server)
        .await;
}

async fn listed(client: &CalabrioClient) -> People {
    client.people().await.unwrap()
}

#[tokio::test]
async fn people_are_listed_and_found_by_their_workers_sid_in_any_case() {
    let server = server().await;
    listing(&server).await;
    let people = listed(&client(&server)).await;
    assert_eq!(
        people.all().len(),
        3,
        "an element that is no person is none"
    );
    let now = at("2026-03-01T12:00:00Z");
    let ada = people
        .with_acd_id("WK00000000000000000000000000000001")
        .next()
        .unwrap();
    assert_eq!((ada.id, ada.team), (id(11), Some(12)));
    assert!(ada.is_active(now));
    let grace = people
        .with_acd_id("wk00000000000000000000000000000002")
        .next()
        .unwrap();
    assert!(!grace.is_active(now));
    assert!(people.with_acd_id("").next().is_none());
}

#[tokio::test]
async fn a_list_that_cannot_be_trusted_is_an_error_and_not_a_shorter_list() {
    for (answer, what) in [
        (json!({"people": []}), "no list of people"),
        (json!([{"acdId": "WK1"}]), "has no number in \"id\""),
    ] {
        let server = server().await;
        on("GET", LIST)
            .respond_with(ResponseTemplate::new(200).set_body_json(answer))
            .mount(&server)
            .await;
        let error = client(&server).people().await.unwrap_err();
        assert!(
            matches!(error, CalabrioError::UnexpectedAnswer { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn a_person_is_made_with_the_assumed_fields() {
    let server = server().await;
    listing(&server).await;
    on("POST", PERSON)
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"id": 21})))
        .expect(1)
        .mount(&server)
        .await;
    let client = client(&server);
    let people = listed(&client).await;
    let outcome = client.create_person(&people, &new_person(9)).await;
    assert!(
        matches!(outcome, PersonOutcome::Created { id: Some(made) } if made == id(21)),
        "{outcome:?}"
    );
    let [request] = requests(&server, "POST", PERSON).await.try_into().unwrap();
    assert_eq!(
        request.body_json::<Value>().unwrap(),
        json!({
            "firstName": "Barbara", "lastName": "Liskov", "displayName": "Barbara Liskov", "email": "barbara@example.com",
            "acdId": "WK00000000000000000000000000000009", "acdServerId": 3, "groupId": 12, "roles": [{"id": 4}],
            "scope": {"groups": [], "teams": []}, "views": [], "qmViews": [], "timeZone": "America/Chicago", "locale": "en",
            "enabledForSchedule": false, "isSynchronized": false, "isReconcileOnly": false, "activated": 1_772_366_400_000_i64
        })
    );
}

#[tokio::test]
async fn nobody_is_made_who_is_in_the_list_active_or_not() {
    let server = server().await;
    listing(&server).await;
    let client = client(&server);
    let people = listed(&client).await;
    for worker in [1, 2] {
        let outcome = client.create_person(&people, &new_person(worker)).await;
        assert!(
            matches!(&outcome, PersonOutcome::AlreadyThere(person) if person.id == id(10 + i64::from(worker))),
            "{outcome:?}"
        );
    }
    assert_eq!(count(&server, "POST", PERSON).await, 0);
}

#[tokio::test]
async fn an_attempt_that_settles_nothing_is_in_doubt_and_is_not_tried_again() {
    let failed = json!({"errorMessage": "Liskov (barbara@example.com) fails"});
    let answers = [
        ResponseTemplate::new(401),
        ResponseTemplate::new(429).append_header("retry-after", "0"),
        ResponseTemplate::new(500),
        page(),
        ResponseTemplate::new(200).set_body_json(failed),
    ];
    for answer in answers {
        let server = server().await;
        listing(&server).await;
        on("POST", PERSON)
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
        let client = client(&server);
        let people = listed(&client).await;
        let outcome = client.create_person(&people, &new_person(9)).await;
        let PersonOutcome::InDoubt { cause } = outcome else {
            panic!("{outcome:?}")
        };
        let said = cause.to_string();
        assert!(
            !said.contains("Liskov") && !said.contains("barbara@"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_refusal_tells_its_reason_without_names() {
    let server = server().await;
    listing(&server).await;
    on("POST", PERSON)
        .respond_with(ResponseTemplate::new(403).set_body_json(
            json!({"errorMessage": "no licence is left for Barbara Liskov", "requestId": "q7"}),
        ))
        .mount(&server)
        .await;
    let client = client(&server);
    let people = listed(&client).await;
    let outcome = client.create_person(&people, &new_person(9)).await;
    let PersonOutcome::Refused {
        status: 403,
        reason: Some(reason),
        request_id,
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(reason, "no licence is left for … …");
    assert_eq!(request_id.as_deref(), Some("q7"));
}

#[tokio::test]
async fn without_a_session_nothing_was_sent_and_an_old_session_is_tried_with_a_list() {
    let no_one = CalabrioClient::new(settings(&nobody()), http()).unwrap();
    let outcome = no_one
        .create_person(&People::default(), &new_person(9))
        .await;
    assert!(
        matches!(&outcome, PersonOutcome::NotSent { cause } if cause.is_not_sent()),
        "{outcome:?}"
    );

    let server = server().await;
    on("GET", LIST)
        .respond_with(ResponseTemplate::new(401))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    listing(&server).await;
    on("POST", PERSON)
        .respond_with(ResponseTemplate::new(201))
        .expect(1)
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| {
        settings.limits.session_trust = Duration::ZERO;
    });
    let outcome = client
        .create_person(&People::default(), &new_person(9))
        .await;
    assert!(
        matches!(outcome, PersonOutcome::Created { id: None }),
        "{outcome:?}"
    );
    assert_eq!(count(&server, "POST", AUTHORIZE).await, 2);
}

#[tokio::test]
async fn new_names_keep_everything_else_of_a_person() {
    let server = server().await;
    on("GET", ADA)
        .respond_with(json("person.json"))
        .mount(&server)
        .await;
    on("PUT", ADA)
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let client = client(&server);
    assert!(client.rename_person(id(11), "Ada", "King").await.unwrap());
    assert!(
        !client
            .rename_person(id(11), "Ada", "Lovelace")
            .await
            .unwrap(),
        "it is so already"
    );
    let [put] = requests(&server, "PUT", ADA).await.try_into().unwrap();
    let mut expected: Value = serde_json::from_str(&fixture("person.json")).unwrap();
    expected["lastName"] = json!("King");
    expected["displayName"] = json!("Ada King");
    assert_eq!(put.body_json::<Value>().unwrap(), expected);
}

#[tokio::test]
async fn a_person_is_deactivated_and_activated_by_a_change_of_the_person() {
    let server = server().await;
    let mut gone: Value = serde_json::from_str(&fixture("person.json")).unwrap();
    on("GET", ADA)
        .respond_with(json("person.json"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    gone["deactivated"] = json!(1_772_366_400_000_i64);
    on("GET", ADA)
        .respond_with(ResponseTemplate::new(200).set_body_json(&gone))
        .mount(&server)
        .await;
    on("PUT", ADA)
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let client = client(&server);
    let from = at("2026-03-01T12:00:00Z");
    assert!(client.deactivate_person(id(11), from).await.unwrap());
    let later = at("2026-03-02T12:00:00Z");
    assert!(!client.deactivate_person(id(11), later).await.unwrap());
    assert!(client.activate_person(id(11)).await.unwrap());
    let sent: Vec<Value> = requests(&server, "PUT", ADA)
        .await
        .iter()
        .map(|put| put.body_json::<Value>().unwrap())
        .collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], gone);
    assert_eq!(sent[1]["deactivated"], Value::Null);
}

#[tokio::test]
async fn a_tenant_with_a_path_for_the_status_gets_the_field_alone() {
    let server = server().await;
    on("PUT", STATUS)
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| {
        settings.contract.people.status_path = "api/rest/org/common/person/{id}/status".into();
    });
    let from = at("2026-03-01T12:00:00Z");
    assert!(client.deactivate_person(id(11), from).await.unwrap());
    assert!(client.activate_person(id(11)).await.unwrap());
    let sent: Vec<Value> = requests(&server, "PUT", STATUS)
        .await
        .iter()
        .map(|put| put.body_json::<Value>().unwrap())
        .collect();
    assert_eq!(
        sent,
        [
            json!({"deactivated": 1_772_366_400_000_i64}),
            json!({"deactivated": null})
        ]
    );
}

#[tokio::test]
async fn nobody_is_written_over_another_and_a_refused_change_repeats_nothing() {
    let server = server().await;
    on("GET", "api/rest/org/common/person/12")
        .respond_with(json("person.json"))
        .mount(&server)
        .await;
    on("GET", ADA)
        .respond_with(json("person.json"))
        .mount(&server)
        .await;
    on("PUT", ADA)
        .respond_with(ResponseTemplate::new(400).set_body_json(
            json!({"errorMessage": "EXAMPLE\\ada, known as Ada Lovelace, must not become King"}),
        ))
        .mount(&server)
        .await;
    let client = client(&server);
    let error = client
        .rename_person(id(12), "Ada", "King")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not person 12"), "{error}");
    let error = client
        .rename_person(id(11), "Ada", "King")
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(
        !said.contains("Ada") && !said.contains("ada") && !said.contains("King"),
        "{said}"
    );
}
