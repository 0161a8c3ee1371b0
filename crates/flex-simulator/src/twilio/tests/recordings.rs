//! Recordings, calls and conferences as resources.

use super::*;

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

#[test]
fn a_recording_under_way_is_told_by_a_list_only() {
    let mut client = Client::new(shared());
    let live = shared()
        .recordings
        .iter()
        .find(|made| made.start < start() && start() < made.stop)
        .unwrap();
    client.now = start();
    let list = client.api(&format!("Recordings.json?CallSid={}", live.call));
    assert_eq!(list["recordings"][0]["status"], "in-progress");
    let one = client.api(&format!("Recordings/{}.json", live.sid));
    assert_eq!(one["status"], "processing");
    assert!(one["duration"].is_null());
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
fn hold_is_told_of_past_participants_and_of_live_ones() {
    let mut client = Client::new(shared());
    let leg = shared()
        .expected()
        .iter()
        .find(|leg| leg.kind == Kind::InboundAgentFirst)
        .unwrap();
    let conference = shared()
        .conferences
        .iter()
        .find(|made| made.friendly_name == leg.task)
        .unwrap();
    let hold = leg.hold.unwrap();
    assert_eq!(hold.count, 2);
    let path = format!("/v1/Conferences/{}/Participants", conference.sid);
    let past = client.json(TwilioHost::Insights, &path);
    let past = past["participants"].as_array().unwrap();
    let events = &past
        .iter()
        .find(|one| one["call_type"] == "carrier")
        .unwrap()["events"];
    let times = |name: &str| -> Vec<i64> {
        let times = events[name].as_array().unwrap().iter();
        times.map(|at| at.as_i64().unwrap()).collect()
    };
    let (on, off) = (times("hold"), times("unhold"));
    // The customer hung up while on hold for the second time.
    assert_eq!((on.len(), off.len()), (2, 1));
    let end = conference.end.timestamp_millis();
    let together = off[0] - on[0] + end - on[1];
    assert_eq!(together, i64::try_from(hold.milliseconds).unwrap());
    let agent = past
        .iter()
        .find(|one| one["call_type"] == "client")
        .unwrap();
    assert!(agent["events"].is_null());
    let some = client.json(TwilioHost::Insights, &format!("{path}?Events=hold"));
    assert_eq!(some["participants"].as_array().unwrap().len(), 1);

    client.now = DateTime::from_timestamp_millis(on[0] + 100).unwrap();
    let live = |query: &str| {
        let path = format!("Conferences/{}/Participants.json{query}", conference.sid);
        client.api(&path)["participants"].as_array().unwrap().len()
    };
    assert_eq!(
        (live(""), live("?Hold=true"), live("?Hold=false")),
        (2, 1, 1)
    );
    assert_eq!(client.violations.count(), 0);
}

#[test]
fn recordings_of_no_leg_stand_beside_the_others() {
    let client = Client::new(shared());
    for sid in shared().orphan_recordings() {
        let told = client.api(&format!("Recordings/{sid}.json"));
        assert!(told["conference_sid"].is_null());
        let call = told["call_sid"].as_str().unwrap();
        assert_eq!(
            client.api(&format!("Calls/{call}.json"))["status"],
            "completed"
        );
        let tasks = &shared().tasks;
        let named = tasks.iter().flat_map(|task| &task.versions);
        assert!(
            named
                .into_iter()
                .all(|version| !version.attributes.contains(call))
        );
    }
    assert_eq!(shared().orphan_recordings().len(), 2);
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
fn the_account_tells_its_state_and_never_its_token() {
    let client = Client::new(shared());
    let target = format!("/2010-04-01/Accounts/{}.json", shared().account_sid());
    let account = client.json(TwilioHost::Api, &target);
    assert_eq!(account["status"], "active");
    assert!(account["auth_token"].is_null());
}
