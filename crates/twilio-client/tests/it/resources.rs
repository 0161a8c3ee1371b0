//! Every resource, read from answers in the form of Twilio's own descriptions.
#![allow(clippy::unwrap_used)]

use crate::common;

use std::time::Duration;

use chrono::{DateTime, Utc};
use common::{
    ACCOUNT, BASIC, TOKEN, api, asked, client, fixture, ok, serve, settings, sid, taskrouter,
    workspace,
};
use flex_events::{ReservationStatus, TaskStatus};
use secrecy::SecretString;
use serde_json::{Value, json};
use twilio_client::{
    CallDirection, CallStatus, ConferenceFilter, ConferenceStatus, Credentials, Deletion,
    MediaLocation, ProcessingState, RecordingFilter, RecordingReference, RecordingSource,
    RecordingStatus, TaskFilter, Track, TwilioClient, TwilioError,
};
use twilio_sid::{RecordingSid, TaskSid, WorkerSid};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

async fn recording(name: &str) -> twilio_client::Recording {
    let server = MockServer::start().await;
    let resource: RecordingSid = sid("RE", 1);
    serve(&server, &api(&format!("Recordings/{resource}.json")), name).await;
    client(&server).recordings().get(resource).await.unwrap()
}

#[tokio::test]
async fn duration_is_a_string_and_dates_are_rfc_2822() {
    let recording = recording("recording.json").await;
    assert_eq!(recording.sid, sid("RE", 1));
    assert_eq!(recording.account, Some(ACCOUNT.parse().unwrap()));
    assert_eq!(recording.duration, Some(Duration::from_secs(241)));
    assert_eq!(recording.started_at, Some(at("2026-03-01T12:00:01Z")));
    assert_eq!(recording.updated_at, Some(at("2026-03-01T12:04:10Z")));
    assert_eq!(recording.status, RecordingStatus::Completed);
    assert_eq!(recording.source, Some(RecordingSource::Conference));
    assert_eq!(recording.channels, Some(1));
    assert!(!recording.is_encrypted() && recording.is_final());
}

#[tokio::test]
async fn media_url_is_http_and_means_twilio_all_the_same() {
    assert!(
        fixture("recording.json")["media_url"]
            .as_str()
            .unwrap()
            .starts_with("http://")
    );
    assert_eq!(
        recording("recording.json").await.media,
        Some(MediaLocation::Twilio)
    );
}

#[tokio::test]
async fn media_in_the_customers_store_are_told_by_their_host() {
    let host = "recordings.example.com".to_owned();
    assert_eq!(
        recording("recording_external.json").await.media,
        Some(MediaLocation::External { host })
    );
}

#[tokio::test]
async fn encryption_details_are_handed_on_as_they_came() {
    let recording = recording("recording_encrypted.json").await;
    assert!(recording.is_encrypted());
    assert_eq!(
        recording.encryption_details.as_ref().unwrap(),
        &fixture("recording_encrypted.json")["encryption_details"]
    );
}

#[tokio::test]
async fn an_absent_recording_tells_its_code() {
    let recording = recording("recording_absent.json").await;
    assert_eq!(
        (recording.status, recording.error_code),
        (RecordingStatus::Absent, Some(16102))
    );
    assert_eq!((recording.duration, recording.media), (None, None));
}

#[tokio::test]
async fn a_word_that_is_not_documented_is_kept() {
    let server = MockServer::start().await;
    let mut body = fixture("recording.json");
    body["status"] = json!("mastering");
    body["duration"] = json!("-1");
    let resource: RecordingSid = sid("RE", 1);
    Mock::given(path(api(&format!("Recordings/{resource}.json"))))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let recording = client(&server).recordings().get(resource).await.unwrap();
    assert_eq!(
        recording.status,
        RecordingStatus::Other("mastering".to_owned())
    );
    assert_eq!(recording.duration, None, "minus one is no length");
    assert!(!recording.is_final());
}

#[tokio::test]
async fn recordings_are_listed_with_their_filters_in_the_names() {
    let server = MockServer::start().await;
    serve(&server, &api("Recordings.json"), "recordings_page_2.json").await;
    let filter = RecordingFilter {
        created_from: Some(at("2026-03-01T00:00:00Z")),
        created_to: Some(at("2026-03-02T00:00:00.9Z")),
        call: Some(sid("CA", 1)),
        conference: Some(sid("CF", 1)),
        include_deleted: true,
    };
    client(&server)
        .recordings()
        .list(&filter)
        .all()
        .await
        .unwrap();
    assert_eq!(
        asked(&server).await,
        [format!(
            "GET {}?DateCreated%3E=2026-03-01T00%3A00%3A00Z&DateCreated%3C=2026-03-02T00%3A00%3A00Z\
             &CallSid=CA00000000000000000000000000000001&ConferenceSid=CF00000000000000000000000000000001\
             &IncludeSoftDeleted=true&PageSize=1000",
            api("Recordings.json")
        )]
    );
}

#[tokio::test]
async fn a_calls_recordings_have_a_track_a_price_as_number_and_no_media_url() {
    let server = MockServer::start().await;
    let call: twilio_sid::CallSid = sid("CA", 0x106);
    serve(
        &server,
        &api(&format!("Calls/{call}/Recordings.json")),
        "call_recordings.json",
    )
    .await;
    let listed = client(&server)
        .recordings()
        .of_call(call)
        .all()
        .await
        .unwrap();
    assert!(listed.unreadable.is_empty());
    let recording = &listed.items[0];
    assert_eq!(
        (&recording.track, &recording.media),
        (&Some(Track::Both), &None)
    );
    assert_eq!((recording.channels, recording.conference), (Some(2), None));
    assert_eq!(
        recording.source,
        Some(RecordingSource::StartCallRecordingApi)
    );
}

#[tokio::test]
async fn a_conferences_recordings_are_listed_below_it() {
    let server = MockServer::start().await;
    let conference: twilio_sid::ConferenceSid = sid("CF", 0x201);
    serve(
        &server,
        &api(&format!("Conferences/{conference}/Recordings.json")),
        "recordings_page_2.json",
    )
    .await;
    assert_eq!(
        client(&server)
            .recordings()
            .of_conference(conference)
            .all()
            .await
            .unwrap()
            .items
            .len(),
        2
    );
}

#[tokio::test]
async fn deleting_twice_is_deleting_once() {
    let server = MockServer::start().await;
    let resource: RecordingSid = sid("RE", 1);
    let at = api(&format!("Recordings/{resource}.json"));
    // The first answer is lost on the way, although the recording is gone.
    Mock::given(method("DELETE"))
        .and(path(&at))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("DELETE"))
        .and(path(&at))
        .respond_with(
            ResponseTemplate::new(404)
                .set_body_raw(common::text("error_legacy.json"), "application/json"),
        )
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(&at))
        .respond_with(ok("recording_deleted.json"))
        .mount(&server)
        .await;
    assert_eq!(
        client(&server).recordings().delete(resource).await.unwrap(),
        Deletion::AlreadyGone
    );

    let server = MockServer::start().await;
    Mock::given(method("DELETE"))
        .and(path(&at))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    assert_eq!(
        client(&server).recordings().delete(resource).await.unwrap(),
        Deletion::Deleted
    );
}

#[tokio::test]
async fn what_is_not_complete_cannot_be_deleted() {
    let server = MockServer::start().await;
    let body = json!({"code": 20009, "message": "cannot delete", "more_info": "", "status": 409});
    Mock::given(method("DELETE"))
        .respond_with(ResponseTemplate::new(409).set_body_json(body))
        .mount(&server)
        .await;
    let error = client(&server)
        .recordings()
        .delete(sid("RE", 1))
        .await
        .unwrap_err();
    assert!(matches!(error, TwilioError::NotDeletable(_)), "{error}");
    assert!(error.is_passing());
}

#[tokio::test]
async fn a_link_gives_its_sids_and_nothing_else() {
    let server = MockServer::start().await;
    let client = client(&server);
    let recordings = client.recordings();
    let twilio = |account: Option<&str>| RecordingReference::Twilio {
        account: account.map(|account| account.parse().unwrap()),
        sid: sid("RE", 1),
    };
    let sub = "AC000000000000000000000000000005ab";
    let own = format!(
        "{}{}",
        server.uri(),
        api("Recordings/RE00000000000000000000000000000001")
    );
    for (link, expected) in [
        (
            format!(
                "https://api.twilio.com/2010-04-01/Accounts/{sub}/Recordings/RE00000000000000000000000000000001"
            ),
            twilio(Some(sub)),
        ),
        (
            format!(
                "http://api.twilio.com/2010-04-01/Accounts/{sub}/Recordings/RE00000000000000000000000000000001.mp3?x=1"
            ),
            twilio(Some(sub)),
        ),
        (
            "/2010-04-01/Recordings/RE00000000000000000000000000000001.wav".to_owned(),
            twilio(None),
        ),
        (own, twilio(Some(ACCOUNT))),
        (
            "https://api.twilio.com/2010-04-01/Accounts".to_owned(),
            RecordingReference::Unusable,
        ),
        (
            "https://api.twilio.com/Recordings/CA00000000000000000000000000000001".to_owned(),
            RecordingReference::Unusable,
        ),
        ("recording 7".to_owned(), RecordingReference::Unusable),
        (
            "https://calls.example.com/Recordings/RE00000000000000000000000000000001".to_owned(),
            RecordingReference::External {
                host: "calls.example.com".to_owned(),
            },
        ),
        (
            format!(
                "{}/store.example.com/Recordings/RE00000000000000000000000000000001",
                server.uri()
            ),
            RecordingReference::External {
                host: "127.0.0.1".to_owned(),
            },
        ),
    ] {
        assert_eq!(recordings.refer(&link), expected, "{link}");
    }
}

#[tokio::test]
async fn a_call_tells_its_parent_and_the_agent_on_it() {
    let server = MockServer::start().await;
    let resource: twilio_sid::CallSid = sid("CA", 0x302);
    serve(
        &server,
        &api(&format!("Calls/{resource}.json")),
        "call.json",
    )
    .await;
    serve(&server, &api("Calls.json"), "calls.json").await;
    let client = client(&server);
    let call = client.calls().get(resource).await.unwrap();
    assert_eq!(call.parent, Some(sid("CA", 0x301)));
    assert_eq!(call.client_identity(), Some("agent_40example_2Ecom"));
    assert_eq!(
        (call.status.clone(), call.direction.clone()),
        (CallStatus::Completed, Some(CallDirection::OutboundApi))
    );
    assert_eq!(call.duration, Some(Duration::from_secs(244)));
    assert_eq!(call.ended_at, Some(at("2026-03-01T12:04:05Z")));
    assert!(!format!("{call:?}").contains("+1500"));

    let children = client
        .calls()
        .children(sid("CA", 0x301))
        .all()
        .await
        .unwrap()
        .items;
    assert_eq!(children, [call]);
    assert!(
        asked(&server).await[1]
            .contains("?ParentCallSid=CA00000000000000000000000000000301&PageSize=1000")
    );
}

#[tokio::test]
async fn a_conference_is_found_by_its_name_which_flex_makes_the_tasks_sid() {
    let server = MockServer::start().await;
    let task: TaskSid = sid("WT", 1);
    Mock::given(path(api("Conferences.json")))
        .and(query_param("FriendlyName", task.as_str()))
        .respond_with(ok("conferences.json"))
        .mount(&server)
        .await;
    let resource: twilio_sid::ConferenceSid = sid("CF", 0x201);
    serve(
        &server,
        &api(&format!("Conferences/{resource}.json")),
        "conference.json",
    )
    .await;
    let client = client(&server);
    let found = client
        .conferences()
        .named(task.as_str())
        .all()
        .await
        .unwrap()
        .items;
    assert_eq!(found, [client.conferences().get(resource).await.unwrap()]);
    assert_eq!(found[0].status, ConferenceStatus::Completed);
    assert_eq!(
        found[0].ended_because.as_deref(),
        Some("last-participant-left")
    );
    assert_eq!(found[0].ended_by, Some(sid("CA", 0x302)));
    assert!(!format!("{:?}", found[0]).contains("WT0"));
}

#[tokio::test]
async fn conferences_are_filtered_by_days() {
    let server = MockServer::start().await;
    serve(&server, &api("Conferences.json"), "conferences.json").await;
    let filter = ConferenceFilter {
        created_from: Some(at("2026-03-01T23:59:59Z")),
        created_to: Some(at("2026-03-02T00:00:00Z")),
        ..ConferenceFilter::default()
    };
    client(&server)
        .conferences()
        .list(&filter)
        .all()
        .await
        .unwrap();
    assert!(
        asked(&server).await[0]
            .ends_with("?DateCreated%3E=2026-03-01&DateCreated%3C=2026-03-02&PageSize=1000")
    );
}

#[tokio::test]
async fn who_has_left_a_conference_is_told_by_insights() {
    let server = MockServer::start().await;
    let conference: twilio_sid::ConferenceSid = sid("CF", 0x201);
    serve(
        &server,
        &format!("/insights.twilio.com/v1/Conferences/{conference}/Participants"),
        "insights_participants.json",
    )
    .await;
    let listed = client(&server)
        .conferences()
        .past_participants(conference)
        .all()
        .await
        .unwrap();
    let [customer, agent] = &listed.items[..] else {
        panic!("{listed:?}")
    };
    assert_eq!(customer.joined_at, Some(at("2026-03-01T12:00:00Z")));
    assert_eq!(customer.duration, Some(Duration::from_secs(245)));
    assert_eq!(customer.processing_state, Some(ProcessingState::Complete));
    assert_eq!(customer.client_identity(), None);
    assert_eq!(agent.client_identity(), Some("agent_40example_2Ecom"));
    assert_eq!(
        (agent.left_at, agent.processing_state.clone()),
        (None, Some(ProcessingState::InProgress))
    );
    assert_eq!(agent.call_type.as_deref(), Some("client"));
    assert!(!format!("{listed:?}").contains("+1500"));
}

#[tokio::test]
async fn attributes_are_json_strings_that_may_be_null_in_lists_and_are_fetched_singly_then() {
    let server = MockServer::start().await;
    let first: TaskSid = sid("WT", 1);
    serve(&server, &workspace("/Tasks"), "tasks.json").await;
    serve(&server, &workspace(&format!("/Tasks/{first}")), "task.json").await;
    let client = client(&server);
    let taskrouter = taskrouter(&client);
    let listed = taskrouter
        .tasks(&TaskFilter::default())
        .all()
        .await
        .unwrap()
        .items;
    let attributes: Vec<bool> = listed
        .iter()
        .map(|task| task.attributes.is_some())
        .collect();
    assert_eq!(attributes, [false, true]);
    assert_eq!(listed[1].age_seconds, Some(12), "a number as text");

    let mut whole = Vec::new();
    for task in listed {
        whole.push(taskrouter.with_attributes(task).await.unwrap());
    }
    let attributes: Value = whole[0].attributes.as_ref().unwrap().parse().unwrap();
    assert_eq!(attributes["direction"], "inbound");
    assert_eq!(
        asked(&server).await.len(),
        2,
        "only the one without is fetched"
    );
    assert_eq!(whole[0].status, TaskStatus::Assigned);
    assert_eq!(
        whole[0].created_at,
        Some(at("2026-03-01T11:59:40Z")),
        "an ISO date"
    );
    assert_eq!(
        (whole[0].queue, whole[0].queue_name.as_deref()),
        (Some(sid("WQ", 1)), Some("Support"))
    );
    assert_eq!(whole[0].channel_unique_name.as_deref(), Some("voice"));
}

#[tokio::test]
async fn tasks_are_filtered_by_state_queue_and_attributes() {
    let server = MockServer::start().await;
    serve(&server, &workspace("/Tasks"), "tasks.json").await;
    let filter = TaskFilter::default()
        .status(&TaskStatus::Assigned)
        .status(&TaskStatus::Wrapping)
        .status(&TaskStatus::Other("new".to_owned()))
        .queue(sid("WQ", 1))
        .attributes("conference.sid == 'CF1'");
    let client = client(&server);
    taskrouter(&client).tasks(&filter).all().await.unwrap();
    assert!(
        asked(&server).await[0].ends_with(
            "/Tasks?AssignmentStatus=assigned%2Cwrapping&TaskQueueSid=WQ00000000000000000000000000000001\
             &EvaluateTaskAttributes=conference.sid+%3D%3D+%27CF1%27&PageSize=1000"
        ),
        "{:?}",
        asked(&server).await
    );
}

#[tokio::test]
async fn reservations_are_had_by_task_and_by_worker() {
    let server = MockServer::start().await;
    let (task, worker): (TaskSid, WorkerSid) = (sid("WT", 1), sid("WK", 1));
    let reservation: twilio_sid::ReservationSid = sid("WR", 1);
    serve(
        &server,
        &workspace(&format!("/Tasks/{task}/Reservations")),
        "reservations.json",
    )
    .await;
    serve(
        &server,
        &workspace(&format!("/Workers/{worker}/Reservations")),
        "reservations.json",
    )
    .await;
    serve(
        &server,
        &workspace(&format!("/Tasks/{task}/Reservations/{reservation}")),
        "reservation.json",
    )
    .await;
    let client = client(&server);
    let taskrouter = taskrouter(&client);
    let one = taskrouter.reservation(task, reservation).await.unwrap();
    assert_eq!(
        (one.task, one.worker, one.status),
        (task, Some(worker), Some(ReservationStatus::Wrapping))
    );
    assert!(!format!("{one:?}").contains("agent@"));
    assert_eq!(
        taskrouter
            .reservations_of_task(task)
            .all()
            .await
            .unwrap()
            .items,
        std::slice::from_ref(&one)
    );
    assert_eq!(
        taskrouter
            .reservations_of_worker(worker)
            .all()
            .await
            .unwrap()
            .items,
        [one]
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_told_beside_its_neighbours() {
    let server = MockServer::start().await;
    let worker: WorkerSid = sid("WK", 1);
    serve(&server, &workspace("/Workers"), "workers.json").await;
    serve(
        &server,
        &workspace(&format!("/Workers/{worker}")),
        "worker.json",
    )
    .await;
    let client = client(&server);
    let listed = taskrouter(&client).workers().all().await.unwrap();
    assert_eq!(
        listed
            .items
            .iter()
            .map(|worker| worker.sid)
            .collect::<Vec<_>>(),
        [sid("WK", 1), sid("WK", 2)]
    );
    assert_eq!(listed.items[1].available, Some(false), "a boolean as text");
    assert_eq!(listed.items[1].attributes, None);
    assert_eq!(listed.unreadable.len(), 1);
    assert_eq!(
        listed.unreadable[0].to_string(),
        "a worker is not usable: `sid` should be a SID"
    );
    assert_eq!(
        taskrouter(&client).worker(worker).await.unwrap(),
        listed.items[0]
    );
    assert!(!format!("{:?}", listed.items[0]).contains("agent@"));
}

#[tokio::test]
async fn a_resource_that_cannot_be_read_is_an_error_that_names_the_field() {
    let server = MockServer::start().await;
    let mut body = fixture("task.json");
    body["assignment_status"] = json!({"name": "Jane Doe"});
    Mock::given(path(workspace("/Tasks/WT00000000000000000000000000000001")))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let client = client(&server);
    let error = taskrouter(&client).task(sid("WT", 1)).await.unwrap_err();
    assert!(matches!(error, TwilioError::Unreadable(_)));
    assert_eq!(
        error.to_string(),
        "a task (WT00000000000000000000000000000001) is not usable: `assignment_status` should be a text"
    );
}

#[tokio::test]
async fn activities_queues_workspaces_and_keys_are_listed() {
    let server = MockServer::start().await;
    serve(&server, &workspace("/Activities"), "activities.json").await;
    serve(&server, &workspace("/TaskQueues"), "task_queues.json").await;
    serve(
        &server,
        &workspace("/TaskQueues/WQ00000000000000000000000000000001"),
        "task_queue.json",
    )
    .await;
    serve(&server, &workspace(""), "workspace.json").await;
    serve(
        &server,
        "/taskrouter.twilio.com/v1/Workspaces",
        "workspaces.json",
    )
    .await;
    serve(
        &server,
        "/accounts.twilio.com/v1/Credentials/PublicKeys",
        "public_keys.json",
    )
    .await;
    serve(
        &server,
        "/accounts.twilio.com/v1/Credentials/PublicKeys/CR00000000000000000000000000000001",
        "public_key.json",
    )
    .await;
    let client = client(&server);
    let taskrouter = taskrouter(&client);
    let activities = taskrouter.activities().all().await.unwrap().items;
    assert_eq!(
        (
            activities[0].friendly_name.as_str(),
            activities[0].available
        ),
        ("Available", Some(true))
    );
    let queues = taskrouter.queues().all().await.unwrap().items;
    assert_eq!(queues, [taskrouter.queue(sid("WQ", 1)).await.unwrap()]);
    assert_eq!(queues[0].target_workers.as_deref(), Some("1==1"));
    let workspaces = client.workspaces().all().await.unwrap().items;
    assert_eq!(workspaces, [taskrouter.workspace().await.unwrap()]);
    assert_eq!(
        workspaces[0].event_callback_url, None,
        "an empty text is none"
    );
    assert_eq!(workspaces[0].default_activity, Some(sid("WA", 2)));
    let keys = client.public_keys().list().all().await.unwrap().items;
    assert_eq!(
        keys,
        [client.public_keys().get(sid("CR", 1)).await.unwrap()]
    );
    assert_eq!(keys[0].friendly_name.as_deref(), Some("recordings 2025"));
}

#[tokio::test]
async fn the_flex_configuration_names_workspace_and_instance() {
    let server = MockServer::start().await;
    serve(
        &server,
        "/flex-api.twilio.com/v1/Configuration",
        "flex_configuration.json",
    )
    .await;
    let flex = client(&server).flex_configuration().await.unwrap();
    assert_eq!(flex.account, ACCOUNT.parse().unwrap());
    assert_eq!(flex.workspace, Some(common::WORKSPACE.parse().unwrap()));
    assert_eq!(
        (flex.instance, flex.chat_service),
        (Some(sid("GO", 1)), Some(sid("IS", 1)))
    );
    assert_eq!(
        (flex.offline_activity, flex.call_recording_enabled),
        (Some(sid("WA", 2)), Some(true))
    );
    assert_eq!(flex.status.as_deref(), Some("ok"));
}

#[tokio::test]
async fn an_account_proves_itself_by_token_or_by_key() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", BASIC))
        .respond_with(ok("flex_configuration.json"))
        .mount(&server)
        .await;
    // SK…1 and "the-secret".
    let key = "Basic U0swMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTp0aGUtc2VjcmV0";
    Mock::given(header("authorization", key))
        .respond_with(ok("flex_configuration.json"))
        .mount(&server)
        .await;
    assert!(client(&server).flex_configuration().await.is_ok());
    let mut settings = settings(&server);
    settings.credentials = Credentials::ApiKey {
        sid: sid("SK", 1),
        secret: SecretString::from("the-secret"),
    };
    assert!(
        TwilioClient::new(settings)
            .unwrap()
            .flex_configuration()
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn refused_credentials_are_told_apart_and_never_printed() {
    for status in [401, 403] {
        let server = MockServer::start().await;
        let body =
            json!({"code": 20003, "message": "Authenticate", "more_info": "", "status": status});
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .mount(&server)
            .await;
        let client = client(&server);
        let error = client.flex_configuration().await.unwrap_err();
        assert!(error.is_authentication() && !error.is_passing(), "{error}");
        assert_eq!(error.call().unwrap().vendor_code(), Some("20003"));
        assert!(
            error.to_string().contains("check the account SID"),
            "{error}"
        );
        assert!(!format!("{error:?} {client:?}").contains(TOKEN));
    }
}

#[tokio::test]
async fn both_error_forms_give_their_code_and_the_request_id() {
    for (status, name, kind, code) in [
        (404, "error_legacy.json", "application/json", "20404"),
        (404, "error_legacy.xml", "application/xml", "20404"),
        (
            400,
            "error_rfc9457.json",
            "application/problem+json",
            "20001",
        ),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(
                ResponseTemplate::new(status)
                    .insert_header("Twilio-Request-Id", "RQ0123")
                    .set_body_raw(common::text(name), kind),
            )
            .mount(&server)
            .await;
        let error = client(&server)
            .recordings()
            .get(sid("RE", 1))
            .await
            .unwrap_err();
        assert_eq!(error.is_not_found(), status == 404);
        let call = error.call().unwrap();
        assert_eq!(
            (call.vendor_code(), call.request_id()),
            (Some(code), Some("RQ0123")),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_error_inside_a_200_is_tried_again() {
    let server = MockServer::start().await;
    let mut error = fixture("error_legacy.json");
    error["code"] = json!(20500);
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(&error))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    serve(
        &server,
        "/flex-api.twilio.com/v1/Configuration",
        "flex_configuration.json",
    )
    .await;
    assert!(client(&server).flex_configuration().await.is_ok());
    assert_eq!(asked(&server).await.len(), 2);

    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(&error))
        .mount(&server)
        .await;
    let error = client(&server).flex_configuration().await.unwrap_err();
    assert!(error.is_passing());
    assert!(
        error
            .to_string()
            .contains("an answer with status 200 that is error 20500"),
        "{error}"
    );
}

#[tokio::test]
async fn load_and_outages_pass_and_refusals_do_not() {
    for (status, passing) in [
        (429, true),
        (500, true),
        (503, true),
        (400, false),
        (403, false),
        (404, false),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
        let error = client(&server).flex_configuration().await.unwrap_err();
        assert_eq!(error.is_passing(), passing, "{status}");
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_told_at_once() {
    let server = MockServer::start().await;
    let mut settings = settings(&server);
    settings.root_certificates_pem = vec![b"rubbish".to_vec()];
    assert!(matches!(
        TwilioClient::new(settings),
        Err(TwilioError::Setup(_))
    ));
}

#[tokio::test]
async fn every_call_can_be_made_from_a_task_that_moves_between_threads() {
    fn moves<T: Send>(value: T) -> T {
        value
    }
    let server = MockServer::start().await;
    let client = client(&server);
    let taskrouter = taskrouter(&client);
    let recording = recording("recording.json").await;
    let start = at("2026-03-01T12:00:00Z");
    drop(moves(client.recordings().media(&recording)));
    drop(moves(client.recordings().delete(recording.sid)));
    drop(moves(client.flex_configuration()));
    drop(moves(
        taskrouter.events(&twilio_client::EventQuery::between(start, start)),
    ));
    drop(moves(taskrouter.workers().all()));
    drop(moves(taskrouter.workers().into_stream()));
    let conversations = client.conversations(None);
    drop(moves(conversations.get(sid("CH", 1))));
    drop(moves(conversations.messages(sid("CH", 1)).all()));
    drop(moves(conversations.messages(sid("CH", 1)).into_stream()));
    let attachments = client.attachments(sid("IS", 1));
    drop(moves(attachments.content(sid("ME", 1), 1)));
    drop(moves(client.interactions().agents(sid("KD", 1))));
    let destination = "https://connector.example.com".parse().unwrap();
    let destination = twilio_client::WebhookDestination::new(destination);
    let plan = twilio_client::StreamPlan::new("ours", destination, Vec::new());
    drop(moves(client.event_streams().ensure(&plan)));
    drop(moves(
        client
            .recordings()
            .created_between(start, start, false)
            .all(),
    ));
    assert!(
        asked(&server).await.is_empty(),
        "nothing is sent before it is awaited"
    );
}
