//! The download of a recording, and everything that may come instead.
#![allow(clippy::unwrap_used)]

use crate::common;

use common::{ACCOUNT, BASIC, TOKEN, api, asked, client, fixture, ok, settings};
use futures_util::StreamExt;
use serde_json::Value;
use twilio_client::{
    DeliveredChannels, NoMedia, Recording, RecordingFilter, TwilioClient, TwilioError,
};
use wiremock::matchers::{header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

const WAV: &[u8] = b"RIFF\x24\x00\x00\x00WAVEfmt and so on";

fn audio() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(WAV, "audio/x-wav")
}

/// The recording of a fixture, by way of a list, so that only its media are asked for singly.
async fn recording(server: &MockServer, client: &TwilioClient, body: Value) -> Recording {
    let page = serde_json::json!({"recordings": [body], "next_page_uri": null});
    Mock::given(path(api("Recordings.json")))
        .respond_with(ResponseTemplate::new(200).set_body_json(page))
        .up_to_n_times(1)
        .mount(server)
        .await;
    client
        .recordings()
        .list(&RecordingFilter::default())
        .all()
        .await
        .unwrap()
        .items
        .remove(0)
}

fn wav(number: u32) -> String {
    api(&format!("Recordings/RE{number:032x}.wav"))
}

async fn bytes(media: twilio_client::Media) -> Vec<u8> {
    let pieces: Vec<_> = media.into_stream().map(Result::unwrap).collect().await;
    pieces.concat()
}

/// The requests after the one for the list.
async fn media_asked(server: &MockServer) -> Vec<String> {
    asked(server).await.split_off(1)
}

#[tokio::test]
async fn the_media_of_an_encrypted_recording_are_asked_for_as_wav_and_without_channels() {
    let server = MockServer::start().await;
    let client = client(&server);
    let recording = recording(&server, &client, fixture("recording_encrypted.json")).await;
    // Ciphertext goes under the type of audio, and may begin with anything.
    let ciphertext: Vec<u8> = b"<\x00\xff{}"
        .iter()
        .copied()
        .chain((0..200_000_u32).map(|index| index.to_le_bytes()[0]))
        .collect();
    Mock::given(path(wav(2)))
        .and(query_param_is_missing("RequestedChannels"))
        .and(header("authorization", BASIC))
        .respond_with(ResponseTemplate::new(200).set_body_raw(ciphertext.clone(), "audio/x-wav"))
        .mount(&server)
        .await;
    let media = client.recordings().media(&recording).await.unwrap();
    assert_eq!(
        (media.channels(), media.length()),
        (DeliveredChannels::AsStored, Some(200_005))
    );
    assert_eq!(media.recording(), recording.sid);
    assert_eq!(bytes(media).await, ciphertext);
    assert_eq!(media_asked(&server).await, [format!("GET {}", wav(2))]);
    assert_eq!(client.limit().in_use(), 0);
}

#[tokio::test]
async fn a_conference_comes_as_mono_unless_two_channels_are_asked_for() {
    let server = MockServer::start().await;
    let client = client(&server);
    let recording = recording(&server, &client, fixture("recording.json")).await;
    Mock::given(path(wav(1)))
        .and(query_param("RequestedChannels", "2"))
        .respond_with(audio())
        .mount(&server)
        .await;
    let media = client.recordings().media(&recording).await.unwrap();
    assert_eq!(media.channels(), DeliveredChannels::Stereo);
    assert_eq!(bytes(media).await, WAV);
}

#[tokio::test]
async fn two_channels_that_are_refused_with_400_are_asked_for_as_one() {
    let server = MockServer::start().await;
    let client = client(&server);
    let recording = recording(&server, &client, fixture("recording.json")).await;
    let refusal =
        serde_json::json!({"code": 16113, "message": "mono", "more_info": "", "status": 400});
    Mock::given(path(wav(1)))
        .and(query_param("RequestedChannels", "2"))
        .respond_with(ResponseTemplate::new(400).set_body_json(refusal))
        .mount(&server)
        .await;
    Mock::given(path(wav(1)))
        .and(query_param("RequestedChannels", "1"))
        .respond_with(audio())
        .mount(&server)
        .await;
    let media = client.recordings().media(&recording).await.unwrap();
    assert_eq!(media.channels(), DeliveredChannels::Mono);
    assert_eq!(bytes(media).await, WAV);
}

#[tokio::test]
async fn an_encrypted_recording_has_no_fallback_to_one_channel() {
    let server = MockServer::start().await;
    let client = client(&server);
    let recording = recording(&server, &client, fixture("recording_encrypted.json")).await;
    Mock::given(path(wav(2)))
        .respond_with(ResponseTemplate::new(400))
        .mount(&server)
        .await;
    let error = client.recordings().media(&recording).await.unwrap_err();
    assert_eq!(error.call().unwrap().status(), Some(400));
    assert_eq!(media_asked(&server).await.len(), 1);
}

#[tokio::test]
async fn credentials_are_never_sent_to_another_host_on_a_redirect() {
    let server = MockServer::start().await;
    let client = client(&server);
    let recording = recording(&server, &client, fixture("recording.json")).await;
    let elsewhere = format!("{}/media.example/signed?signature=hunter2", server.uri());
    Mock::given(path(wav(1)))
        .and(header("authorization", BASIC))
        .respond_with(ResponseTemplate::new(302).insert_header("Location", elsewhere))
        .mount(&server)
        .await;
    Mock::given(path("/media.example/signed"))
        .respond_with(audio())
        .mount(&server)
        .await;
    assert_eq!(
        bytes(client.recordings().media(&recording).await.unwrap()).await,
        WAV
    );
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 3);
    assert!(!requests[2].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_redirect_that_stays_with_twilio_keeps_the_credentials_and_one_that_comes_back_does_not()
{
    let server = MockServer::start().await;
    let client = client(&server);
    let recording = recording(&server, &client, fixture("recording.json")).await;
    let stays = api("Elsewhere/Media");
    Mock::given(path(wav(1)))
        .respond_with(ResponseTemplate::new(307).insert_header("Location", stays.as_str()))
        .mount(&server)
        .await;
    Mock::given(path(&stays))
        .and(header("authorization", BASIC))
        .respond_with(audio())
        .up_to_n_times(1)
        .mount(&server)
        .await;
    assert!(client.recordings().media(&recording).await.is_ok());

    // Away and back: whoever sends the client around does not get it to sign in.
    let server = MockServer::start().await;
    let client = common::client(&server);
    Mock::given(path(wav(1)))
        .respond_with(ResponseTemplate::new(302).insert_header("Location", "/media.example/a"))
        .mount(&server)
        .await;
    Mock::given(path("/media.example/a"))
        .respond_with(ResponseTemplate::new(302).insert_header("Location", stays.as_str()))
        .mount(&server)
        .await;
    Mock::given(path(&stays))
        .respond_with(audio())
        .mount(&server)
        .await;
    assert!(client.recordings().media(&recording).await.is_ok());
    let requests = server.received_requests().await.unwrap();
    let signed: Vec<bool> = requests
        .iter()
        .map(|request| request.headers.contains_key("authorization"))
        .collect();
    assert_eq!(signed, [true, false, false]);
}

#[tokio::test]
async fn redirects_lead_to_https_alone_and_not_round_and_round() {
    for (to, why) in [
        (
            Some("http://media.example/a?signature=hunter2"),
            "to http://media.example, which is not https",
        ),
        (
            Some("http://127.0.0.1:9/a"),
            "to http://127.0.0.1, which is not https",
        ),
        (
            Some("https://user:hunter2@media.example/a"),
            "to what is no address",
        ),
        (Some("ftp://media.example/a"), "to what is no address"),
        (Some(""), "more than 2 times"),
        (None, "with status 302 and without an address"),
    ] {
        let server = MockServer::start().await;
        let client = client(&server);
        let recording = recording(&server, &client, fixture("recording.json")).await;
        let answer = ResponseTemplate::new(302);
        let answer = match to {
            Some(to) => answer.insert_header("Location", to),
            None => answer,
        };
        Mock::given(path(wav(1)))
            .respond_with(answer)
            .mount(&server)
            .await;
        let error = client.recordings().media(&recording).await.unwrap_err();
        assert!(matches!(error, TwilioError::Redirect { .. }), "{error}");
        assert!(error.to_string().ends_with(why), "{error}");
        assert!(!error.to_string().contains("hunter2"));
        assert_eq!(client.limit().in_use(), 0);
    }
}

#[tokio::test]
async fn a_stand_in_of_the_media_host_on_this_machine_can_be_listed() {
    let (server, other) = (MockServer::start().await, MockServer::start().await);
    let mut settings = settings(&server);
    settings.media_origins = vec![other.uri().parse().unwrap()];
    let client = TwilioClient::new(settings).unwrap();
    let recording = recording(&server, &client, fixture("recording.json")).await;
    Mock::given(path(wav(1)))
        .respond_with(
            ResponseTemplate::new(302).insert_header("Location", format!("{}/a", other.uri())),
        )
        .mount(&server)
        .await;
    Mock::given(path("/a"))
        .respond_with(audio())
        .mount(&other)
        .await;
    assert_eq!(
        bytes(client.recordings().media(&recording).await.unwrap()).await,
        WAV
    );
    assert!(
        !other.received_requests().await.unwrap()[0]
            .headers
            .contains_key("authorization")
    );
}

#[tokio::test]
async fn an_error_page_is_never_taken_for_audio() {
    for (body, kind, found) in [
        (common::text("error_legacy.xml"), "application/xml", "XML"),
        (common::text("error_legacy.xml"), "audio/x-wav", "XML"),
        (
            common::text("error_legacy.json"),
            "application/json",
            "JSON",
        ),
        (
            "{\"code\": 20404}".to_owned(),
            "application/octet-stream",
            "JSON",
        ),
        (
            "<html>login</html>".to_owned(),
            "text/html; charset=utf-8",
            "HTML",
        ),
        ("<!DOCTYPE html>".to_owned(), "audio/x-wav", "HTML"),
        (String::new(), "audio/x-wav", "nothing"),
    ] {
        for name in ["recording.json", "recording_encrypted.json"] {
            let server = MockServer::start().await;
            let client = client(&server);
            let recording = recording(&server, &client, fixture(name)).await;
            Mock::given(method("GET"))
                .respond_with(ResponseTemplate::new(200).set_body_raw(body.clone(), kind))
                .mount(&server)
                .await;
            let error = client.recordings().media(&recording).await.unwrap_err();
            assert!(
                matches!(&error, TwilioError::NotAudio { found: told, .. } if *told == found),
                "{error} {found}"
            );
            assert!(error.is_passing());
            assert_eq!(client.limit().in_use(), 0);
        }
    }
}

#[tokio::test]
async fn media_that_are_not_there_are_explained_by_a_second_look() {
    let external = NoMedia::External {
        host: "recordings.example.com".to_owned(),
    };
    for (second, reason, passing) in [
        (Some("recording.json"), NoMedia::NotServed, true),
        (
            Some("recording_absent.json"),
            NoMedia::Absent { code: Some(16102) },
            false,
        ),
        (Some("recording_external.json"), external, false),
        (Some("recording_deleted.json"), NoMedia::Deleted, false),
        (None, NoMedia::Unknown, false),
    ] {
        let server = MockServer::start().await;
        let client = client(&server);
        let recording = recording(&server, &client, fixture("recording.json")).await;
        Mock::given(path(wav(1)))
            .respond_with(
                ResponseTemplate::new(404)
                    .set_body_raw(common::text("error_legacy.xml"), "application/xml"),
            )
            .mount(&server)
            .await;
        let again = match second {
            Some(name) => ok(name),
            None => ResponseTemplate::new(404),
        };
        Mock::given(path(api(
            "Recordings/RE00000000000000000000000000000001.json",
        )))
        .and(query_param("IncludeSoftDeleted", "true"))
        .respond_with(again)
        .mount(&server)
        .await;
        let error = client.recordings().media(&recording).await.unwrap_err();
        assert!(
            matches!(&error, TwilioError::NoMedia { reason: told, .. } if *told == reason),
            "{error}"
        );
        assert_eq!(error.is_passing(), passing, "{error}");
    }
}

#[tokio::test]
async fn media_in_the_customers_store_are_not_asked_for_at_all() {
    let server = MockServer::start().await;
    let client = client(&server);
    let recording = recording(&server, &client, fixture("recording_external.json")).await;
    let error = client.recordings().media(&recording).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("it is stored outside twilio, at recordings.example.com"),
        "{error}"
    );
    assert!(media_asked(&server).await.is_empty());
}

#[tokio::test]
async fn a_subaccounts_recording_is_fetched_below_the_subaccount() {
    let server = MockServer::start().await;
    let client = client(&server);
    let sub = "AC000000000000000000000000000005ab";
    let mut body = fixture("recording.json");
    body["account_sid"] = sub.into();
    let recording = recording(&server, &client, body).await;
    Mock::given(path(wav(1).replace(ACCOUNT, sub)))
        .and(header("authorization", BASIC))
        .respond_with(audio())
        .mount(&server)
        .await;
    assert!(client.recordings().media(&recording).await.is_ok());
}

#[tokio::test]
async fn what_a_recording_prints_holds_no_secret() {
    let server = MockServer::start().await;
    let client = client(&server);
    let recording = recording(&server, &client, fixture("recording.json")).await;
    Mock::given(path(wav(1)))
        .respond_with(audio())
        .mount(&server)
        .await;
    let media = client.recordings().media(&recording).await.unwrap();
    assert!(!format!("{client:?} {recording:?} {media:?}").contains(TOKEN));
}

#[test]
fn every_reason_for_absent_media_is_a_sentence() {
    for code in [
        None,
        Some(16101),
        Some(16102),
        Some(16104),
        Some(16105),
        Some(16106),
        Some(16111),
        Some(16112),
        Some(7),
    ] {
        let sentence = NoMedia::Absent { code }.to_string();
        assert!(
            sentence.starts_with("twilio could not store it: "),
            "{sentence}"
        );
        assert!(
            code.is_none_or(|code| sentence.contains(&code.to_string())),
            "{sentence}"
        );
    }
    assert_eq!(NoMedia::NotReady.to_string(), "it is still being made");
}
