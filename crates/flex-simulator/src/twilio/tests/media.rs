//! The media of recordings.

use super::*;

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
        let (status, sealed) = download(&mut client, &recording.sid, ".wav");
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
    assert_eq!(channels(&download(&mut client, &dual, ".wav").1), 1);
    assert_eq!(channels(&download(&mut client, &dual, "").1), 1);
    assert_eq!(
        channels(&download(&mut client, &dual, ".wav?RequestedChannels=2").1),
        2
    );
    let call = recording_of(shared(), Kind::NamedByCall).sid.clone();
    assert_eq!(channels(&download(&mut client, &call, ".wav").1), 2);
    assert_eq!(
        channels(&download(&mut client, &call, ".wav?RequestedChannels=1").1),
        1
    );
    let mono = recording_of(shared(), Kind::ConferenceMono).sid.clone();
    let (status, text) = download(&mut client, &mono, ".wav?RequestedChannels=2");
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
    assert_eq!(download(&mut client, &absent.sid, ".wav").0, 404);
    let told = client.api(&format!("Recordings/{}.json", absent.sid));
    assert_eq!(told["status"], "absent");
    assert!(told["error_code"].is_number());

    let late = recording_of(&world, Kind::LateRecording);
    client.now = start();
    assert_eq!(download(&mut client, &late.sid, ".wav").0, 404);
    assert_eq!(
        client.api(&format!("Recordings/{}.json", late.sid))["status"],
        "processing"
    );
    client.now = start() + TimeDelta::seconds(60);
    assert_eq!(download(&mut client, &late.sid, ".wav").0, 200);

    let path = client.account(&format!("Recordings/{}.json", late.sid));
    assert_eq!(
        client.ask(Method::DELETE, TwilioHost::Api, &path).status,
        204
    );
    assert_eq!(download(&mut client, &late.sid, ".wav").0, 404);
    assert_eq!(client.get(TwilioHost::Api, &path).status, 404);
    assert_eq!(
        client.json(TwilioHost::Api, &format!("{path}?IncludeSoftDeleted=true"))["status"],
        "deleted"
    );
    assert_eq!(world.deleted_recordings(), vec![late.sid.clone()]);
    assert_eq!(client.violations.count(), 0);
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
    assert_eq!(download(&mut client, &sid, ".wav").0, 404);
}
