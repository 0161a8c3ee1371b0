//! Who is in a conference, who was, and for how long on hold.
#![allow(clippy::unwrap_used)]

use crate::common;

use std::time::Duration;

use chrono::{DateTime, Utc};
use common::{api, asked, client, fixture, serve, sid};
use serde_json::{Value, json};
use twilio_client::{
    ConferenceFilter, HoldSpan, ParticipantFilter, ParticipantStatus, PastParticipant, total_hold,
};
use twilio_sid::ConferenceSid;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn conference() -> ConferenceSid {
    sid("CF", 0x201)
}

async fn past(body: Value) -> Vec<PastParticipant> {
    let server = MockServer::start().await;
    let insights = format!(
        "/insights.twilio.com/v1/Conferences/{}/Participants",
        conference()
    );
    Mock::given(path(insights))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let client = client(&server);
    let conferences = client.conferences();
    let listed = conferences.past_participants(conference()).all().await;
    listed.unwrap().items
}

#[tokio::test]
async fn a_live_participant_has_no_sid_but_its_call_and_tells_whether_it_is_on_hold() {
    let server = MockServer::start().await;
    let live = api(&format!("Conferences/{}/Participants.json", conference()));
    serve(&server, &live, "conference_participants.json").await;
    let client = client(&server);
    let conferences = client.conferences();
    let all = conferences.participants(conference(), &ParticipantFilter::default());
    let all = all.all().await.unwrap();
    let [customer, agent, coach] = &all.items[..] else {
        panic!("{all:?}")
    };
    assert_eq!(customer.call, sid("CA", 0x301));
    assert_eq!((customer.hold, customer.muted), (Some(true), Some(false)));
    assert_eq!(customer.label, None);
    assert_eq!(customer.updated_at, Some(at("2026-03-01T12:01:07Z")));
    assert_eq!(agent.label.as_deref(), Some("agent"));
    assert_eq!(agent.muted, Some(true), "a boolean as text");
    assert_eq!(agent.status, Some(ParticipantStatus::Connected));
    assert_eq!(coach.coaching, Some(true));

    let held = conferences.participants(conference(), &ParticipantFilter::held());
    held.all().await.unwrap();
    let muted = ParticipantFilter {
        muted: Some(false),
        ..ParticipantFilter::default()
    };
    let muted = conferences.participants(conference(), &muted);
    muted.all().await.unwrap();
    assert_eq!(
        asked(&server).await,
        [
            format!("GET {live}?PageSize=1000"),
            format!("GET {live}?Hold=true&PageSize=1000"),
            format!("GET {live}?Muted=false&PageSize=1000"),
        ]
    );
}

#[tokio::test]
async fn a_conference_that_is_over_has_nobody_in_it_or_is_not_found() {
    let server = MockServer::start().await;
    let client = client(&server);
    let conferences = client.conferences();
    let all = conferences.participants(conference(), &ParticipantFilter::default());
    assert!(all.all().await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn holds_are_told_by_the_events_of_past_participants() {
    let participants = past(fixture("insights_participants_events.json")).await;
    let [customer, agent, unfinished] = &participants[..] else {
        panic!("{participants:?}")
    };
    let holds = customer.holds.as_ref().unwrap();
    let span = |from: &str, to: &str| HoldSpan {
        from: at(from),
        to: at(to),
    };
    assert_eq!(
        holds[..],
        [
            span("2026-03-01T12:01:00Z", "2026-03-01T12:01:30Z"),
            // On hold until it left.
            span("2026-03-01T12:02:00Z", "2026-03-01T12:04:05Z"),
        ]
    );
    assert_eq!(total_hold(holds), Duration::from_secs(30 + 125));
    assert_eq!(agent.holds, None, "no events alone tell nothing");
    assert_eq!(unfinished.holds, None, "twilio is still at it");
}

#[tokio::test]
async fn no_events_mean_no_hold_only_where_the_conference_yields_events() {
    let participants = past(fixture("insights_participants_events.json")).await;
    let among: Vec<Option<usize>> = participants
        .iter()
        .map(|one| one.holds_among(&participants).map(|holds| holds.len()))
        .collect();
    assert_eq!(among, [Some(2), Some(0), None]);

    let mut silent = fixture("insights_participants.json");
    silent["participants"][1]["processing_state"] = json!("complete");
    let participants = past(silent).await;
    for one in &participants {
        assert_eq!(one.holds_among(&participants), None);
    }
}

#[tokio::test]
async fn events_that_cannot_be_read_are_no_holds_and_no_error() {
    for events in [
        json!("hold"),
        json!([]),
        json!({"hold": ["soon"], "unhold": []}),
        json!({"hold": [1_772_366_460_000_i64]}),
        json!({"links": {"hold": "https://insights.twilio.com"}, "hold": {"a": 1}}),
    ] {
        let mut body = fixture("insights_participants.json");
        body["participants"][0]["events"] = events.clone();
        let participants = past(body).await;
        assert_eq!(participants.len(), 2);
        assert_eq!(participants[0].holds, None, "{events}");
        assert_eq!(participants[0].events.as_ref(), Some(&events));
    }
}

#[tokio::test]
async fn conferences_are_filtered_by_state_and_by_their_last_change() {
    let server = MockServer::start().await;
    serve(&server, &api("Conferences.json"), "conferences.json").await;
    let client = client(&server);
    let conferences = client.conferences();
    conferences.in_progress().all().await.unwrap();
    let filter = ConferenceFilter {
        updated_from: Some(at("2026-03-01T23:59:59Z")),
        ..ConferenceFilter::default()
    };
    conferences.list(&filter).all().await.unwrap();
    assert_eq!(
        asked(&server).await,
        [
            format!(
                "GET {}?Status=in-progress&PageSize=1000",
                api("Conferences.json")
            ),
            format!(
                "GET {}?DateUpdated%3E=2026-03-01&PageSize=1000",
                api("Conferences.json")
            ),
        ]
    );
}

#[tokio::test]
async fn conferences_of_a_stretch_of_time_are_asked_for_by_days_and_cut_to_it() {
    let server = MockServer::start().await;
    let one = fixture("conference.json");
    let conferences: Vec<Value> = [
        "Sun, 01 Mar 2026 11:59:59 +0000",
        "Sun, 01 Mar 2026 12:00:00 +0000",
        "Sun, 01 Mar 2026 12:59:59 +0000",
        "Sun, 01 Mar 2026 13:00:00 +0000",
        "",
    ]
    .iter()
    .zip(1..)
    .map(|(created, number)| {
        let mut conference = one.clone();
        conference["sid"] = json!(format!("CF{number:032x}"));
        conference["date_created"] = json!(created);
        conference
    })
    .collect();
    Mock::given(path(api("Conferences.json")))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"conferences": conferences, "next_page_uri": null})),
        )
        .mount(&server)
        .await;
    let client = client(&server);
    let found = client
        .conferences()
        .created_between(at("2026-03-01T12:00:00Z"), at("2026-03-01T13:00:00Z"))
        .all()
        .await
        .unwrap();
    let found: Vec<_> = found
        .items
        .iter()
        .map(|conference| conference.sid)
        .collect();
    assert_eq!(
        found,
        [sid("CF", 2), sid("CF", 3), sid("CF", 5)],
        "the end is excluded, and one without a time is given"
    );
    assert!(
        asked(&server).await[0]
            .ends_with("?DateCreated%3E=2026-03-01&DateCreated%3C=2026-03-02&PageSize=1000"),
        "{:?}",
        asked(&server).await
    );
}
