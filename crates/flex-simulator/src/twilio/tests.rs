//! The documented answers, by the shapes that the vendor publishes, and the traps that it is known for.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, Method};
use serde_json::Value;

use super::{MEDIA_HOST, TwilioHost, handle};
use crate::http::{Ctx, Inbound, OutBody, Outbound};
use crate::scenario::{Scenario, Span};
use crate::strict::Violations;
use crate::world::kind::Kind;
use crate::world::model::{Fate, Recording};
use crate::world::{World, keys};

const BASE: &str = "http://127.0.0.1:4010";

fn start() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// One world for all tests that only read: its keys take a while to find.
fn shared() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let scenario = Scenario {
            contacts: 56,
            redirect_every: 3,
            ..Scenario::default()
        };
        World::new(&scenario, 11, start()).unwrap()
    })
}

struct Client<'a> {
    world: &'a World,
    violations: Arc<Violations>,
    now: DateTime<Utc>,
    credentials: Option<(String, String)>,
}

impl<'a> Client<'a> {
    /// A minute after the start: everything has happened.
    fn new(world: &'a World) -> Self {
        Self {
            world,
            violations: Arc::new(Violations::new(true)),
            now: start() + TimeDelta::seconds(60),
            credentials: Some((
                world.account_sid().to_owned(),
                world.auth_token().to_owned(),
            )),
        }
    }

    fn ask(&self, method: Method, host: TwilioHost, target: &str) -> Outbound {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        if let Some((user, password)) = &self.credentials {
            let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            headers.insert("authorization", value.parse().unwrap());
        }
        let inbound = Inbound {
            method,
            path: path.to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            headers,
            body: Bytes::new(),
            link_base: format!("{BASE}/{}", host.name()),
            root: BASE.to_owned(),
            by_segment: true,
        };
        let ctx = Ctx::new(self.now, Arc::clone(&self.violations), "test".to_owned());
        handle(self.world, host, &inbound, &ctx)
    }

    fn get(&self, host: TwilioHost, target: &str) -> Outbound {
        self.ask(Method::GET, host, target)
    }

    fn json(&self, host: TwilioHost, target: &str) -> Value {
        let answer = self.get(host, target);
        assert_eq!(answer.status, 200, "{target}");
        serde_json::from_slice(&body(answer)).unwrap()
    }

    fn api(&self, rest: &str) -> Value {
        self.json(TwilioHost::Api, &self.account(rest))
    }

    fn router(&self, rest: &str) -> Value {
        self.json(TwilioHost::TaskRouter, &self.workspace(rest))
    }

    fn account(&self, rest: &str) -> String {
        format!("/2010-04-01/Accounts/{}/{rest}", self.world.account_sid())
    }

    fn workspace(&self, rest: &str) -> String {
        format!("/v1/Workspaces/{}/{rest}", self.world.workspace_sid())
    }

    fn refused(&self, host: TwilioHost, target: &str) -> (u16, String) {
        let answer = self.get(host, target);
        (answer.status, String::from_utf8(body(answer)).unwrap())
    }
}

fn body(answer: Outbound) -> Vec<u8> {
    match answer.body {
        OutBody::Bytes(bytes) => bytes.to_vec(),
        OutBody::Stream { length, chunks } => {
            let whole: Vec<u8> = chunks.flat_map(|piece| piece.to_vec()).collect();
            assert_eq!(whole.len() as u64, length);
            whole
        }
    }
}

fn header<'a>(answer: &'a Outbound, name: &str) -> Option<&'a str> {
    answer
        .headers
        .iter()
        .find(|(there, _)| there == name)
        .map(|(_, value)| value.as_str())
}

fn has_all(value: &Value, names: &[&str]) {
    for name in names {
        assert!(value.get(name).is_some(), "{name} is missing in {value}");
    }
}

fn recording_of(world: &World, kind: Kind) -> &Recording {
    let leg = world
        .expected()
        .iter()
        .find(|leg| leg.kind == kind)
        .unwrap();
    let piece = &leg.audio.as_ref().unwrap().pieces[0];
    world.recording(&piece.recording).unwrap()
}

#[test]
fn every_list_has_the_fields_that_the_vendor_publishes() {
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
fn recordings_are_filtered_by_their_time_and_their_conference() {
    let client = Client::new(shared());
    let all = client.world.recordings.len();
    let count = |query: &str| {
        client.api(&format!("Recordings.json?PageSize=1000&{query}"))["recordings"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count("DateCreated=2026-03-01"), all);
    assert_eq!(count("DateCreated=2026-02-28"), 0);
    let middle = "2026-03-01T11:54:00Z";
    let (before, after) = (
        count(&format!("DateCreated%3C={middle}")),
        count(&format!("DateCreated%3E={middle}")),
    );
    assert!(before > 0 && after > 0 && before + after >= all);
    let recording = recording_of(client.world, Kind::StopAndStart);
    assert_eq!(
        count(&format!(
            "ConferenceSid={}",
            recording.conference.as_deref().unwrap()
        )),
        2
    );
    let of_conference = client.api(&format!(
        "Conferences/{}/Recordings.json",
        recording.conference.as_deref().unwrap()
    ));
    assert_eq!(of_conference["recordings"].as_array().unwrap().len(), 2);
    assert!(of_conference["recordings"][0].get("media_url").is_none());
}

#[test]
fn a_call_s_recordings_are_days_only_and_tell_their_track() {
    let client = Client::new(shared());
    let recording = recording_of(client.world, Kind::NamedByCall);
    let list = client.api(&format!(
        "Calls/{}/Recordings.json?DateCreated=2026-03-01",
        recording.call
    ));
    assert_eq!(list["recordings"][0]["sid"], recording.sid.as_str());
    assert_eq!(list["recordings"][0]["track"], "both");
    assert_eq!(client.violations.count(), 0);
    let target = client.account(&format!(
        "Calls/{}/Recordings.json?DateCreated%3E=2026-03-01T00:00:00Z",
        recording.call
    ));
    assert_eq!(client.refused(TwilioHost::Api, &target).0, 400);
    assert_eq!(client.violations.count(), 1);
}

#[test]
fn dates_are_cut_to_the_second_and_written_the_old_way() {
    let client = Client::new(shared());
    let recording = recording_of(client.world, Kind::ConferenceMono);
    let told = client.api(&format!("Recordings/{}.json", recording.sid));
    let text = told["start_time"].as_str().unwrap();
    let read = DateTime::parse_from_rfc2822(text).unwrap();
    assert_eq!(read.timestamp(), recording.start.timestamp());
    assert!(told["duration"].is_string());
    assert!(told["media_url"].as_str().unwrap().starts_with("http://"));
}

#[test]
fn encryption_details_come_in_three_spellings_and_stay_the_same() {
    let client = Client::new(shared());
    let list = client.api("Recordings.json?PageSize=1000");
    let details: Vec<&Value> = list["recordings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["encryption_details"])
        .filter(|it| it.is_object())
        .collect();
    let with = |names: &[&str]| {
        details
            .iter()
            .filter(|it| names.iter().all(|name| it.get(name).is_some()))
            .count()
    };
    assert!(with(&["public_key_sid", "encrypted_cek", "iv", "type"]) > 0);
    assert!(
        with(&[
            "encryption_public_key_sid",
            "encryption_cek",
            "encryption_iv"
        ]) > 0
    );
    assert!(with(&["encryption_public_key_sid", "encryption_cek", "iv", "type"]) > 0);
    assert_eq!(
        client.api("Recordings.json?PageSize=1000")["recordings"],
        list["recordings"]
    );
}

/// Asks for media and follows the redirect as a careful client does.
fn media(client: &mut Client<'_>, sid: &str, more: &str) -> (u16, Vec<u8>) {
    let answer = client.get(
        TwilioHost::Api,
        &client.account(&format!("Recordings/{sid}{more}")),
    );
    if answer.status != 302 {
        return (answer.status, body(answer));
    }
    let location = header(&answer, "location").unwrap().to_owned();
    let target = location
        .strip_prefix(&format!("{BASE}/{MEDIA_HOST}"))
        .unwrap();
    let credentials = client.credentials.take();
    let answer = client.get(TwilioHost::Media, target);
    client.credentials = credentials;
    (answer.status, body(answer))
}

#[test]
fn encrypted_media_opens_with_the_key_that_the_recording_names() {
    let mut client = Client::new(shared());
    for kind in [
        Kind::ConferenceEncrypted,
        Kind::ConferenceEncryptedOldKey,
        Kind::CallRecordingDualEncrypted,
    ] {
        let recording = recording_of(shared(), kind);
        let told = client.api(&format!("Recordings/{}.json", recording.sid));
        let details = &told["encryption_details"];
        let text = |names: [&str; 2]| {
            names
                .iter()
                .find_map(|name| details[*name].as_str())
                .unwrap()
        };
        let sid = text(["public_key_sid", "encryption_public_key_sid"]);
        let key = shared()
            .private_keys()
            .iter()
            .find(|key| key.public_key_sid == sid)
            .unwrap();
        let (status, sealed) = media(&mut client, &recording.sid, ".wav");
        assert_eq!(status, 200);
        let cek = text(["encrypted_cek", "encryption_cek"]);
        let wav = keys::tests::open(&key.pem, cek, text(["iv", "encryption_iv"]), &sealed).unwrap();
        assert_eq!(&wav[..4], b"RIFF");
        assert_eq!(wav[44..], recording.sound.pcm(0..recording.sound.frames()));
        assert_eq!(u16::from_le_bytes([wav[22], wav[23]]), recording.channels());
    }
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn a_conference_is_mono_unless_two_channels_are_asked_for() {
    let mut client = Client::new(shared());
    let dual = recording_of(shared(), Kind::InboundCustomerFirst)
        .sid
        .clone();
    let channels = |wav: &[u8]| u16::from_le_bytes([wav[22], wav[23]]);
    assert_eq!(channels(&media(&mut client, &dual, ".wav").1), 1);
    assert_eq!(channels(&media(&mut client, &dual, "").1), 1);
    assert_eq!(
        channels(&media(&mut client, &dual, ".wav?RequestedChannels=2").1),
        2
    );
    let call = recording_of(shared(), Kind::NamedByCall).sid.clone();
    assert_eq!(channels(&media(&mut client, &call, ".wav").1), 2);
    assert_eq!(
        channels(&media(&mut client, &call, ".wav?RequestedChannels=1").1),
        1
    );
    let mono = recording_of(shared(), Kind::ConferenceMono).sid.clone();
    let (status, text) = media(&mut client, &mono, ".wav?RequestedChannels=2");
    assert_eq!(status, 400);
    assert!(String::from_utf8(text).unwrap().contains("16113"));
}

#[test]
fn encrypted_media_is_not_to_be_had_as_mp3() {
    let client = Client::new(shared());
    let recording = recording_of(shared(), Kind::ConferenceEncrypted);
    let (status, text) = client.refused(
        TwilioHost::Api,
        &client.account(&format!("Recordings/{}.mp3", recording.sid)),
    );
    assert_eq!(status, 400);
    assert!(text.contains("16109"));
}

#[test]
fn credentials_sent_to_the_redirect_s_host_are_a_violation() {
    let client = Client::new(shared());
    let recording = shared()
        .recordings
        .iter()
        .find(|made| made.redirect && made.fate == Fate::Stored)
        .unwrap();
    let answer = client.get(
        TwilioHost::Api,
        &client.account(&format!("Recordings/{}.wav", recording.sid)),
    );
    assert_eq!(answer.status, 302);
    let location = header(&answer, "location").unwrap();
    let target = location
        .strip_prefix(&format!("{BASE}/{MEDIA_HOST}"))
        .unwrap();
    assert_eq!(client.get(TwilioHost::Media, target).status, 400);
    assert_eq!(client.violations.count(), 1);
}

#[test]
fn a_signed_address_is_good_for_its_recording_and_its_time_only() {
    let mut client = Client::new(shared());
    let recording = shared()
        .recordings
        .iter()
        .find(|made| made.redirect && made.fate == Fate::Stored)
        .unwrap();
    let answer = client.get(
        TwilioHost::Api,
        &client.account(&format!("Recordings/{}.wav", recording.sid)),
    );
    let location = header(&answer, "location").unwrap().to_owned();
    let target = location
        .strip_prefix(&format!("{BASE}/{MEDIA_HOST}"))
        .unwrap();
    client.credentials = None;
    assert_eq!(
        client
            .get(
                TwilioHost::Media,
                &target.replace("Channels=", "Channels=9")
            )
            .status,
        403
    );
    client.now += TimeDelta::seconds(301);
    assert_eq!(client.get(TwilioHost::Media, target).status, 403);
}

#[test]
fn there_is_no_media_of_what_is_absent_late_or_deleted() {
    let scenario = Scenario {
        contacts: 56,
        redirect_every: 0,
        ..Scenario::default()
    };
    let world = World::new(&scenario, 12, start()).unwrap();
    let mut client = Client::new(&world);
    let absent = world
        .recordings
        .iter()
        .find(|made| matches!(made.fate, Fate::Absent(_)))
        .unwrap();
    assert_eq!(media(&mut client, &absent.sid, ".wav").0, 404);
    let told = client.api(&format!("Recordings/{}.json", absent.sid));
    assert_eq!(told["status"], "absent");
    assert!(told["error_code"].is_number());

    let late = recording_of(&world, Kind::LateRecording);
    client.now = start();
    assert_eq!(media(&mut client, &late.sid, ".wav").0, 404);
    assert_eq!(
        client.api(&format!("Recordings/{}.json", late.sid))["status"],
        "processing"
    );
    client.now = start() + TimeDelta::seconds(60);
    assert_eq!(media(&mut client, &late.sid, ".wav").0, 200);

    let path = client.account(&format!("Recordings/{}.json", late.sid));
    assert_eq!(
        client.ask(Method::DELETE, TwilioHost::Api, &path).status,
        204
    );
    assert_eq!(media(&mut client, &late.sid, ".wav").0, 404);
    assert_eq!(client.get(TwilioHost::Api, &path).status, 404);
    assert_eq!(
        client.json(TwilioHost::Api, &format!("{path}?IncludeSoftDeleted=true"))["status"],
        "deleted"
    );
    assert_eq!(world.deleted_recordings(), vec![late.sid.clone()]);
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn a_recording_under_way_cannot_be_deleted() {
    let mut client = Client::new(shared());
    let late = recording_of(shared(), Kind::LateRecording);
    client.now = start();
    let path = client.account(&format!("Recordings/{}.json", late.sid));
    let answer = client.ask(Method::DELETE, TwilioHost::Api, &path);
    assert_eq!(answer.status, 400);
    assert!(String::from_utf8(body(answer)).unwrap().contains("20009"));
}

#[test]
fn media_in_the_customer_s_bucket_is_not_at_twilio() {
    let scenario = Scenario {
        contacts: 1,
        kinds: [(Kind::ExternallyStored, 1)].into(),
        ..Scenario::default()
    };
    let world = World::new(&scenario, 1, start()).unwrap();
    let mut client = Client::new(&world);
    let sid = world.recordings[0].sid.clone();
    let told = client.api(&format!("Recordings/{sid}.json"));
    assert!(
        told["media_url"]
            .as_str()
            .unwrap()
            .starts_with("https://customer-recordings.s3.example/")
    );
    assert_eq!(media(&mut client, &sid, ".wav").0, 404);
}

#[test]
fn events_are_those_of_the_window_and_the_filters() {
    let client = Client::new(shared());
    let leg = &shared().expected()[0];
    let day = "StartDate=2026-03-01T11:00:00Z&EndDate=2026-03-01T12:01:00Z&PageSize=1000";
    let of = |query: &str| {
        client.router(&format!("Events?{day}&{query}"))["events"]
            .as_array()
            .unwrap()
            .clone()
    };
    let types: Vec<String> = of(&format!("ReservationSid={}", leg.leg))
        .iter()
        .map(|event| event["event_type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        types,
        [
            "reservation.completed",
            "reservation.wrapup",
            "reservation.accepted",
            "reservation.created"
        ],
        "newest first"
    );
    let task = of(&format!("TaskSid={}", leg.task));
    assert!(
        task.iter()
            .all(|event| event["event_data"]["task_sid"] == leg.task.as_str())
    );
    assert!(task.len() > 10);
    assert!(task.iter().all(|event| {
        event["event_data"]
            .as_object()
            .unwrap()
            .values()
            .all(Value::is_string)
    }));
    assert!(of("EventType=task.created").len() >= 30);
    let narrow = client
        .router("Events?StartDate=2026-03-01T11:55:00Z&EndDate=2026-03-01T11:55:30Z&PageSize=1000");
    for event in narrow["events"].as_array().unwrap() {
        let at = event["event_date"].as_str().unwrap();
        assert!(("2026-03-01T11:55:00Z"..="2026-03-01T11:55:30Z").contains(&at));
    }
    assert!(
        client.router("Events?Minutes=1")["events"]
            .as_array()
            .unwrap()
            .len()
            < task.len() * 10
    );
}

#[test]
fn events_older_than_thirty_days_are_refused() {
    let client = Client::new(shared());
    for query in ["StartDate=2026-01-29T11:00:00Z", "Minutes=43201"] {
        assert_eq!(
            client
                .refused(
                    TwilioHost::TaskRouter,
                    &client.workspace(&format!("Events?{query}"))
                )
                .0,
            400
        );
    }
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn a_task_vanishes_and_its_events_remain() {
    let client = Client::new(shared());
    let leg = shared()
        .expected()
        .iter()
        .find(|leg| leg.kind == Kind::VanishedTask)
        .unwrap();
    for path in [
        format!("Tasks/{}", leg.task),
        format!("Tasks/{}/Reservations", leg.task),
    ] {
        assert_eq!(
            client
                .refused(TwilioHost::TaskRouter, &client.workspace(&path))
                .0,
            404
        );
    }
    let events = client.router(&format!(
        "Events?StartDate=2026-03-01T11:00:00Z&TaskSid={}",
        leg.task
    ));
    assert!(events["events"].as_array().unwrap().len() > 10);
}

#[test]
fn a_list_may_leave_attributes_out_that_a_fetch_tells() {
    let client = Client::new(shared());
    let list = client.router("Tasks?PageSize=1000");
    let tasks = list["tasks"].as_array().unwrap();
    let left_out = tasks
        .iter()
        .find(|task| task["attributes"].is_null())
        .unwrap();
    let alone = client.router(&format!("Tasks/{}", left_out["sid"].as_str().unwrap()));
    let attributes: Value = serde_json::from_str(alone["attributes"].as_str().unwrap()).unwrap();
    assert!(attributes.is_object());
    assert!(tasks.iter().any(|task| task["attributes"].is_string()));
}

#[test]
fn a_native_outbound_call_is_found_by_its_conference_s_name() {
    let client = Client::new(shared());
    let leg = shared()
        .expected()
        .iter()
        .find(|leg| leg.kind == Kind::NativeOutboundUnlinked)
        .unwrap();
    let list = client.api(&format!("Conferences.json?FriendlyName={}", leg.task));
    let conferences = list["conferences"].as_array().unwrap();
    assert_eq!(conferences.len(), 1);
    let sid = conferences[0]["sid"].as_str().unwrap();
    let recordings = client.api(&format!("Conferences/{sid}/Recordings.json"));
    assert_eq!(
        recordings["recordings"][0]["sid"],
        leg.audio.as_ref().unwrap().pieces[0].recording.as_str()
    );
}

#[test]
fn past_participants_tell_who_joined_first() {
    let client = Client::new(shared());
    for (kind, first) in [
        (Kind::InboundCustomerFirst, "carrier"),
        (Kind::InboundAgentFirst, "client"),
    ] {
        let conference = recording_of(shared(), kind).conference.clone().unwrap();
        let past = client.json(
            TwilioHost::Insights,
            &format!("/v1/Conferences/{conference}/Participants"),
        );
        let mut participants = past["participants"].as_array().unwrap().clone();
        assert_eq!(past["meta"]["key"], "participants");
        participants.sort_by_key(|one| one["join_time"].as_str().unwrap().to_owned());
        assert_ne!(participants[0]["join_time"], participants[1]["join_time"]);
        assert_eq!(participants[0]["call_type"], first);
        assert_eq!(participants[0]["processing_state"], "complete");
        let live = client.api(&format!("Conferences/{conference}/Participants.json"));
        assert!(live["participants"].as_array().unwrap().is_empty());
    }
}

#[test]
fn an_account_without_insights_is_told_so() {
    let scenario = Scenario {
        contacts: 1,
        conference_insights: false,
        ..Scenario::default()
    };
    let world = World::new(&scenario, 1, start()).unwrap();
    let client = Client::new(&world);
    let target = format!("/v1/Conferences/{}/Participants", world.conferences[0].sid);
    assert_eq!(client.refused(TwilioHost::Insights, &target).0, 403);
}

#[test]
fn a_live_call_shows_itself_step_by_step() {
    let scenario = Scenario {
        contacts: 1,
        live_contacts: 1,
        live_ms: Span::new(4_000, 4_000),
        audio_ms: Span::new(3_000, 3_000),
        event_lag_ms: Span::new(0, 0),
        ..Scenario::default()
    };
    let world = World::new(&scenario, 5, start()).unwrap();
    let mut client = Client::new(&world);
    let leg = &world.expected()[0];
    client.now = leg.accepted_at + TimeDelta::milliseconds(10);
    assert_eq!(
        client.router(&format!("Tasks/{}", leg.task))["assignment_status"],
        "assigned"
    );
    let reservations = client.router(&format!("Tasks/{}/Reservations", leg.task));
    assert_eq!(
        reservations["reservations"][0]["reservation_status"],
        "accepted"
    );
    let count = |client: &Client<'_>| {
        client.router("Events?EventType=reservation.wrapup")["events"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(&client), 0);
    client.now = leg.ended_at + TimeDelta::milliseconds(10);
    assert_eq!(count(&client), 1);
    assert_eq!(
        client.router(&format!("Tasks/{}", leg.task))["assignment_status"],
        "wrapping"
    );
    client.now = world.settles() + TimeDelta::seconds(1);
    assert_eq!(
        client.router(&format!("Tasks/{}", leg.task))["assignment_status"],
        "completed"
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

#[test]
fn the_account_tells_its_state_and_never_its_token() {
    let client = Client::new(shared());
    let target = format!("/2010-04-01/Accounts/{}.json", shared().account_sid());
    let account = client.json(TwilioHost::Api, &target);
    assert_eq!(account["status"], "active");
    assert!(account["auth_token"].is_null());
}
