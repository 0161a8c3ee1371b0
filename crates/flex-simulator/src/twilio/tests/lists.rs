//! Who may ask for what, and how lists come in pages.

use super::*;

#[test]
fn every_list_of_the_2010_api_has_the_fields_that_the_vendor_publishes() {
    let client = Client::new(shared());
    let recordings = client.api("Recordings.json");
    has_all(
        &recordings,
        &[
            "end",
            "first_page_uri",
            "next_page_uri",
            "page",
            "page_size",
            "previous_page_uri",
            "start",
            "uri",
        ],
    );
    has_all(
        &recordings["recordings"][0],
        &[
            "account_sid",
            "api_version",
            "call_sid",
            "conference_sid",
            "date_created",
            "date_updated",
            "start_time",
            "duration",
            "sid",
            "price",
            "price_unit",
            "status",
            "channels",
            "source",
            "error_code",
            "uri",
            "encryption_details",
            "subresource_uris",
            "media_url",
        ],
    );
    let conferences = client.api("Conferences.json");
    has_all(
        &conferences["conferences"][0],
        &[
            "account_sid",
            "date_created",
            "date_updated",
            "api_version",
            "friendly_name",
            "region",
            "sid",
            "status",
            "uri",
            "subresource_uris",
            "reason_conference_ended",
            "call_sid_ending_conference",
        ],
    );
    let calls = client.api("Calls.json");
    has_all(
        &calls["calls"][0],
        &[
            "sid",
            "parent_call_sid",
            "to",
            "from",
            "status",
            "start_time",
            "end_time",
            "duration",
            "direction",
            "queue_time",
        ],
    );
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn every_list_of_the_newer_services_has_the_fields_that_the_vendor_publishes() {
    let client = Client::new(shared());
    let tasks = client.router("Tasks");
    has_all(
        &tasks["meta"],
        &[
            "key",
            "page",
            "page_size",
            "first_page_url",
            "next_page_url",
            "previous_page_url",
            "url",
        ],
    );
    let events = client.router("Events");
    has_all(
        &events["events"][0],
        &[
            "account_sid",
            "actor_sid",
            "actor_type",
            "description",
            "event_data",
            "event_date",
            "event_date_ms",
            "event_type",
            "resource_sid",
            "resource_type",
            "resource_url",
            "sid",
            "source",
            "workspace_sid",
            "url",
        ],
    );
    has_all(
        &client.router("Workers")["workers"][0],
        &[
            "sid",
            "friendly_name",
            "attributes",
            "available",
            "activity_sid",
            "links",
        ],
    );
    has_all(
        &client.router("Activities")["activities"][0],
        &["sid", "friendly_name", "available", "links"],
    );
    has_all(
        &client.router("TaskQueues")["task_queues"][0],
        &[
            "sid",
            "friendly_name",
            "max_reserved_workers",
            "target_workers",
            "links",
        ],
    );
    has_all(
        &client.router("TaskChannels")["channels"][0],
        &["sid", "unique_name", "channel_optimized_routing"],
    );
    let keys = client.json(TwilioHost::Accounts, "/v1/Credentials/PublicKeys");
    has_all(
        &keys["credentials"][0],
        &[
            "sid",
            "account_sid",
            "friendly_name",
            "date_created",
            "date_updated",
            "url",
        ],
    );
    assert_eq!(keys["meta"]["key"], "credentials");
    assert_eq!(keys["credentials"].as_array().unwrap().len(), 3);
    let configuration = client.json(TwilioHost::FlexApi, "/v1/Configuration");
    assert_eq!(
        configuration["taskrouter_workspace_sid"],
        client.world.workspace_sid()
    );
    let workspaces = client.json(TwilioHost::TaskRouter, "/v1/Workspaces");
    assert_eq!(
        workspaces["workspaces"][0]["sid"],
        client.world.workspace_sid()
    );
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn a_list_is_read_whole_by_following_its_links_in_both_forms() {
    let client = Client::new(shared());
    let mut target = client.account("Recordings.json?PageSize=7");
    let mut seen = Vec::new();
    loop {
        let page = client.json(TwilioHost::Api, &target);
        seen.extend(
            page["recordings"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["sid"].as_str().unwrap().to_owned()),
        );
        match page["next_page_uri"].as_str() {
            Some(next) => next.clone_into(&mut target),
            None => break,
        }
    }
    assert_eq!(seen.len(), client.world.recordings.len());
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), client.world.recordings.len());

    let prefix = format!("{BASE}/{}", TwilioHost::TaskRouter.name());
    let mut target = client.workspace("Events?StartDate=2026-03-01T11:00:00Z&PageSize=100");
    let mut events = 0;
    loop {
        let page = client.json(TwilioHost::TaskRouter, &target);
        events += page["events"].as_array().unwrap().len();
        match page["meta"]["next_page_url"].as_str() {
            Some(next) => next.strip_prefix(&prefix).unwrap().clone_into(&mut target),
            None => break,
        }
    }
    assert_eq!(events, client.world.events.len());
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn a_page_asked_for_by_number_alone_is_a_violation() {
    let client = Client::new(shared());
    let (status, _) = client.refused(TwilioHost::Api, &client.account("Recordings.json?Page=1"));
    assert_eq!(status, 400);
    assert_eq!(client.violations.count(), 1);
}

#[test]
fn a_page_of_more_than_a_thousand_is_refused() {
    let client = Client::new(shared());
    let (status, text) = client.refused(
        TwilioHost::TaskRouter,
        &client.workspace("Events?PageSize=1001"),
    );
    assert_eq!(status, 400);
    assert!(text.contains("20007"));
}

#[test]
fn the_first_page_links_back_from_the_second() {
    let client = Client::new(shared());
    let first = client.api("Recordings.json?PageSize=5");
    assert!(first["previous_page_uri"].is_null());
    let second = client.json(TwilioHost::Api, first["next_page_uri"].as_str().unwrap());
    let back = client.json(
        TwilioHost::Api,
        second["previous_page_uri"].as_str().unwrap(),
    );
    assert_eq!(back["recordings"], first["recordings"]);
}

#[test]
fn only_the_token_and_the_api_key_open_the_door() {
    let mut client = Client::new(shared());
    let (key, secret) = shared().api_key();
    client.credentials = Some((key.to_owned(), secret.to_owned()));
    client.api("Recordings.json");
    for wrong in [
        None,
        Some((key.to_owned(), "wrong".to_owned())),
        Some((key.to_owned(), shared().auth_token().to_owned())),
    ] {
        client.credentials = wrong;
        let answer = client.get(TwilioHost::Api, &client.account("Recordings.json"));
        assert_eq!(answer.status, 401);
        assert!(header(&answer, "www-authenticate").is_some());
        assert_eq!(
            serde_json::from_slice::<Value>(&body(answer)).unwrap()["code"],
            20_003
        );
    }
}

#[test]
fn another_account_or_workspace_is_not_found() {
    let client = Client::new(shared());
    let other = format!("/2010-04-01/Accounts/AC{}/Recordings.json", "0".repeat(32));
    assert_eq!(client.refused(TwilioHost::Api, &other).0, 404);
    assert_eq!(
        client
            .refused(
                TwilioHost::TaskRouter,
                &format!("/v1/Workspaces/WS{}/Tasks", "0".repeat(32))
            )
            .0,
        404
    );
}

#[test]
fn what_is_not_documented_is_refused_and_remembered() {
    let client = Client::new(shared());
    for (host, target) in [
        (TwilioHost::Api, client.account("Messages.json")),
        (TwilioHost::TaskRouter, client.workspace("Statistics")),
        (TwilioHost::FlexApi, "/v2/Configuration".to_owned()),
        (
            TwilioHost::TaskRouter,
            client.workspace("Events?MinutesSince=5"),
        ),
    ] {
        let before = client.violations.count();
        assert!(matches!(client.refused(host, &target).0, 400 | 404));
        assert_eq!(client.violations.count(), before + 1, "{target}");
    }
    assert_eq!(
        client
            .ask(
                Method::POST,
                TwilioHost::Api,
                &client.account("Recordings.json")
            )
            .status,
        405
    );
}

#[test]
fn without_strictness_an_unknown_parameter_is_ignored() {
    let scenario = Scenario {
        contacts: 1,
        strict: false,
        ..Scenario::default()
    };
    let world = World::new(&scenario, 1, start()).unwrap();
    let client = Client::new(&world);
    client.api("Recordings.json?Colour=red");
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn errors_come_in_the_form_of_their_service() {
    let client = Client::new(shared());
    let sid = format!("RE{}", "0".repeat(32));
    let (_, legacy) = client.refused(
        TwilioHost::Api,
        &client.account(&format!("Recordings/{sid}.json")),
    );
    let legacy: Value = serde_json::from_str(&legacy).unwrap();
    has_all(&legacy, &["code", "message", "more_info", "status"]);
    let (_, xml) = client.refused(
        TwilioHost::Api,
        &client.account(&format!("Recordings/{sid}.wav")),
    );
    assert!(xml.contains("<RestException><Code>20404</Code>"));
    let (_, problem) = client.refused(
        TwilioHost::Insights,
        &format!("/v1/Conferences/CF{}/Participants", "0".repeat(32)),
    );
    has_all(
        &serde_json::from_str(&problem).unwrap(),
        &["type", "title", "status", "code"],
    );
}

#[test]
fn every_answer_bears_an_id_to_ask_support_about() {
    let client = Client::new(shared());
    let answer = client.get(TwilioHost::FlexApi, "/v1/Configuration");
    assert!(
        header(&answer, "twilio-request-id")
            .unwrap()
            .starts_with("RQ")
    );
}
