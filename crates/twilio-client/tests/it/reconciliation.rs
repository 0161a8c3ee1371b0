//! What a reconciliation asks for: recordings of a stretch of time, deletions that are sure, workers with their attributes, and the
//! difference of the clocks.
#![allow(clippy::unwrap_used)]

use crate::common;

use chrono::{DateTime, TimeDelta, Utc};
use common::{
    ACCOUNT, api, asked, client, fixture, ok, serve, settings, sid, taskrouter, workspace,
};
use serde_json::{Value, json};
use twilio_client::{Deletion, RecordingStatus, TwilioClient, TwilioError};
use twilio_sid::RecordingSid;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn recordings_of_a_stretch_of_time_come_in_every_state_and_cut_to_it() {
    let server = MockServer::start().await;
    let one = fixture("recording.json");
    let recordings: Vec<Value> = [
        ("Sun, 01 Mar 2026 11:59:59 +0000", "completed"),
        ("Sun, 01 Mar 2026 12:00:00 +0000", "completed"),
        ("Sun, 01 Mar 2026 12:30:00 +0000", "deleted"),
        ("Sun, 01 Mar 2026 12:59:59 +0000", "processing"),
        ("Sun, 01 Mar 2026 13:00:00 +0000", "completed"),
    ]
    .iter()
    .zip(1..)
    .map(|((created, status), number)| {
        let mut recording = one.clone();
        recording["sid"] = json!(format!("RE{number:032x}"));
        recording["date_created"] = json!(created);
        recording["status"] = json!(status);
        recording
    })
    .collect();
    Mock::given(path(api("Recordings.json")))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"recordings": recordings, "next_page_uri": null})),
        )
        .mount(&server)
        .await;
    let client = client(&server);
    let (from, to) = (at("2026-03-01T12:00:00Z"), at("2026-03-01T13:00:00Z"));
    let found = client.recordings().created_between(from, to, true).all();
    let found: Vec<_> = found
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|recording| (recording.sid, recording.status))
        .collect();
    assert_eq!(
        found,
        [
            (sid("RE", 2), RecordingStatus::Completed),
            (sid("RE", 3), RecordingStatus::Deleted),
            (sid("RE", 4), RecordingStatus::Processing),
        ]
    );
    assert_eq!(
        asked(&server).await,
        [format!(
            "GET {}?DateCreated%3E=2026-03-01T00%3A00%3A00Z&DateCreated%3C=2026-03-02T00%3A00%3A00Z\
             &IncludeSoftDeleted=true&PageSize=1000",
            api("Recordings.json")
        )],
        "whole days mean the same whether the filter knows times or days alone"
    );
}

#[tokio::test]
async fn the_last_day_is_asked_for_to_its_end_even_if_the_stretch_ends_at_midnight() {
    let server = MockServer::start().await;
    serve(&server, &api("Recordings.json"), "recordings_page_2.json").await;
    let client = client(&server);
    let (from, to) = (at("2026-02-28T00:00:00Z"), at("2026-03-01T00:00:00Z"));
    let found = client.recordings().created_between(from, to, false).all();
    assert!(found.await.unwrap().items.is_empty());
    assert!(
        asked(&server).await[0].contains(
            "?DateCreated%3E=2026-02-28T00%3A00%3A00Z&DateCreated%3C=2026-03-02T00%3A00%3A00Z&PageSize"
        ),
        "{:?}",
        asked(&server).await
    );
}

fn one() -> RecordingSid {
    sid("RE", 1)
}

/// A server that answers the deletion with 404 and the second look with this.
async fn not_found(again: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let at = api(&format!("Recordings/{}.json", one()));
    Mock::given(method("DELETE"))
        .and(path(&at))
        .respond_with(ResponseTemplate::new(404))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(&at))
        .and(query_param("IncludeSoftDeleted", "true"))
        .respond_with(again)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_recording_that_is_not_found_is_gone_only_if_its_metadata_say_so() {
    let server = not_found(ok("recording_deleted.json")).await;
    let client = client(&server);
    let deletion = client.recordings().delete(one()).await.unwrap();
    assert_eq!(deletion, Deletion::AlreadyGone);

    let server = not_found(ResponseTemplate::new(404)).await;
    let client = common::client(&server);
    let deletion = client.recordings().delete(one()).await.unwrap();
    assert_eq!(deletion, Deletion::Unknown);

    let server = not_found(ok("recording.json")).await;
    let client = common::client(&server);
    let error = client.recordings().delete(one()).await.unwrap_err();
    assert!(error.is_not_found(), "it is there: {error}");

    let server = not_found(ResponseTemplate::new(503)).await;
    let client = common::client(&server);
    let error = client.recordings().delete(one()).await.unwrap_err();
    assert!(error.is_passing(), "{error}");
}

#[tokio::test]
async fn a_subaccounts_recording_is_deleted_below_the_subaccount() {
    let server = MockServer::start().await;
    let sub = "AC000000000000000000000000000005ab";
    let at = api(&format!("Recordings/{}.json", one())).replace(ACCOUNT, sub);
    Mock::given(method("DELETE"))
        .and(path(at))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let client = client(&server);
    let below = Some(sub.parse().unwrap());
    let deletion = client.recordings().delete_below(below, one()).await;
    assert_eq!(deletion.unwrap(), Deletion::Deleted);
}

#[tokio::test]
async fn only_204_says_that_a_recording_is_deleted() {
    for status in [200, 201, 202, 205, 206] {
        let server = MockServer::start().await;
        Mock::given(method("DELETE"))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
        let error = client(&server).recordings().delete(one()).await;
        let error = error.unwrap_err();
        assert!(
            matches!(error, TwilioError::DeletionNotConfirmed { recording, status: told } if recording == one() && told == status),
            "{status}: {error}"
        );
        let text = error.to_string();
        assert!(
            text.contains(&status.to_string()) && text.contains("instead of 204"),
            "{text}"
        );
        assert!(error.is_passing() && !error.is_refusal(), "{error}");
    }
}

#[tokio::test]
async fn not_yet_and_no_are_told_apart() {
    // Whichever status the code comes with.
    for (status, code, not_yet) in [
        (409, 20009, true),
        (400, 20009, true),
        (403, 20403, false),
        (401, 20003, false),
    ] {
        let server = MockServer::start().await;
        let body = json!({"code": code, "message": "no", "more_info": "", "status": status});
        Mock::given(method("DELETE"))
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .mount(&server)
            .await;
        let client = client(&server);
        let error = client.recordings().delete(one()).await.unwrap_err();
        assert_eq!(
            matches!(error, TwilioError::NotDeletable(_)),
            not_yet,
            "{error}"
        );
        assert_eq!(error.is_passing(), not_yet, "{error}");
        assert_eq!(error.is_refusal(), !not_yet, "{error}");
    }
}

#[tokio::test]
async fn load_and_outages_are_no_refusal() {
    for status in [429, 500, 503] {
        let server = MockServer::start().await;
        Mock::given(method("DELETE"))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
        let client = client(&server);
        let error = client.recordings().delete(one()).await.unwrap_err();
        assert!(!error.is_refusal() && error.is_passing(), "{error}");
    }
}

#[tokio::test]
async fn a_worker_tells_when_it_was_created_and_is_completed_with_its_attributes() {
    let server = MockServer::start().await;
    serve(&server, &workspace("/Workers"), "workers.json").await;
    let mut whole = fixture("worker.json");
    whole["sid"] = json!("WK00000000000000000000000000000002");
    let at_worker = workspace("/Workers/WK00000000000000000000000000000002");
    Mock::given(path(&at_worker))
        .respond_with(ResponseTemplate::new(200).set_body_json(whole))
        .mount(&server)
        .await;
    let client = client(&server);
    let taskrouter = taskrouter(&client);
    let mut workers = Vec::new();
    for worker in taskrouter.workers().all().await.unwrap().items {
        workers.push(taskrouter.worker_with_attributes(worker).await.unwrap());
    }
    for worker in &workers {
        let attributes = worker.attributes.as_ref().unwrap().parse().unwrap();
        assert_eq!(attributes["full_name"], "Ada Example");
    }
    assert_eq!(workers[0].created_at, Some(at("2025-01-01T08:00:00Z")));
    assert_eq!(
        asked(&server).await[1..],
        [format!("GET {at_worker}")],
        "only the one without is fetched"
    );
}

/// The difference that a client sees whose clock is ten minutes slow.
async fn skew(answer: ResponseTemplate) -> Option<TimeDelta> {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(answer)
        .mount(&server)
        .await;
    let mut settings = settings(&server);
    settings.clock = || Utc::now() - TimeDelta::minutes(10);
    let client = TwilioClient::new(settings).unwrap();
    assert_eq!(client.clock_skew(), None);
    let _ = client.flex_configuration().await;
    client.clock_skew()
}

#[tokio::test]
async fn the_difference_of_the_clocks_is_learned_from_any_answer() {
    // Every server tells its date.
    let ten_minutes = skew(ok("flex_configuration.json")).await.unwrap();
    assert!(
        (ten_minutes - TimeDelta::minutes(10)).abs() < TimeDelta::seconds(2),
        "{ten_minutes}"
    );
    let behind = ok("flex_configuration.json").insert_header(
        "date",
        (Utc::now() - TimeDelta::hours(1))
            .to_rfc2822()
            .replace("+0000", "GMT"),
    );
    let behind = skew(behind).await.unwrap();
    assert!(
        (behind + TimeDelta::minutes(50)).abs() < TimeDelta::seconds(2),
        "{behind}"
    );
    let unreadable = ok("flex_configuration.json").insert_header("date", "soon");
    assert_eq!(skew(unreadable).await, None);
}

#[tokio::test]
async fn the_clock_of_a_stranger_teaches_nothing() {
    let server = MockServer::start().await;
    let client = client(&server);
    let attachment = "/mcs.us1.twilio.com/v1/Services/IS00000000000000000000000000000001/Media/ME00000000000000000000000000000001/Content";
    Mock::given(path(attachment))
        .respond_with(
            ResponseTemplate::new(302)
                .insert_header("Location", "/media.example/a")
                .insert_header("date", "soon"),
        )
        .mount(&server)
        .await;
    Mock::given(path("/media.example/a"))
        .respond_with(ResponseTemplate::new(200).set_body_string("x"))
        .mount(&server)
        .await;
    let attachments = client.attachments(sid("IS", 1));
    let fetched = attachments.content(sid("ME", 1), 10).await.unwrap();
    assert!(fetched.is_some());
    assert_eq!(client.clock_skew(), None);
}
