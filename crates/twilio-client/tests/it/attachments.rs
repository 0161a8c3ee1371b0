//! What is attached to messages: where it is fetched, how much of it, and who gets the credentials.
#![allow(clippy::unwrap_used)]

use crate::common;

use bytes::Bytes;
use common::{BASIC, TOKEN, asked, client, fixture, serve, settings, sid};
use futures_util::StreamExt;
use serde_json::json;
use twilio_client::{Attachment, TwilioClient, TwilioError};
use twilio_sid::{MediaSid, ServiceSid};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const PICTURE: &[u8] = b"\xff\xd8\xff\xe0 and so on";
const LIMIT: u64 = 1024;

fn media() -> MediaSid {
    sid("ME", 1)
}

fn service() -> ServiceSid {
    sid("IS", 1)
}

fn metadata() -> String {
    format!(
        "/mcs.us1.twilio.com/v1/Services/{}/Media/{}",
        service(),
        media()
    )
}

fn content() -> String {
    format!("{}/Content", metadata())
}

fn picture() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(PICTURE, "image/jpeg")
}

async fn fetch(client: &TwilioClient) -> Result<Option<Attachment>, TwilioError> {
    client.attachments(service()).content(media(), LIMIT).await
}

/// Metadata whose temporary link leads to that path of this server.
async fn serve_link(server: &MockServer, to: &str) {
    let mut body = fixture("attachment.json");
    body["links"]["content_direct_temporary"] = json!(format!("{}{to}", server.uri()));
    Mock::given(path(metadata()))
        .and(header("authorization", BASIC))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(server)
        .await;
}

#[tokio::test]
async fn an_attachment_comes_as_bytes_with_its_type_and_length() {
    let server = MockServer::start().await;
    Mock::given(path(content()))
        .and(header("authorization", BASIC))
        .respond_with(picture())
        .mount(&server)
        .await;
    let client = client(&server);
    let attachment = fetch(&client).await.unwrap().unwrap();
    assert_eq!(attachment.media(), media());
    assert_eq!(attachment.content_type(), Some("image/jpeg"));
    assert_eq!(attachment.length(), Some(PICTURE.len() as u64));
    assert!(!format!("{attachment:?}").contains(TOKEN));
    assert_eq!(attachment.bytes().await.unwrap(), PICTURE);
    assert_eq!(client.limit().in_use(), 0);

    let stream = fetch(&client).await.unwrap().unwrap().into_stream();
    let pieces: Vec<Bytes> = stream.map(Result::unwrap).collect().await;
    assert_eq!(pieces.concat(), PICTURE);
}

#[tokio::test]
async fn an_attachment_may_be_json_or_html_and_is_no_error_page_for_that() {
    for (body, kind) in [
        (
            "{\"code\": 20404, \"message\": \"mine\"}",
            "application/json",
        ),
        ("<html></html>", "text/html"),
        ("", "text/plain"),
    ] {
        let server = MockServer::start().await;
        Mock::given(path(content()))
            .respond_with(ResponseTemplate::new(200).set_body_raw(body, kind))
            .mount(&server)
            .await;
        let attachment = fetch(&client(&server)).await.unwrap().unwrap();
        assert_eq!(attachment.bytes().await.unwrap(), body);
    }
}

#[tokio::test]
async fn credentials_are_never_sent_to_another_host_on_a_redirect_of_an_attachment() {
    let server = MockServer::start().await;
    Mock::given(path(content()))
        .respond_with(
            ResponseTemplate::new(302)
                .insert_header("Location", "/media.example/a?signature=hunter2"),
        )
        .mount(&server)
        .await;
    Mock::given(path("/media.example/a"))
        .respond_with(picture())
        .mount(&server)
        .await;
    let attachment = fetch(&client(&server)).await.unwrap().unwrap();
    assert_eq!(attachment.bytes().await.unwrap(), PICTURE);
    let requests = server.received_requests().await.unwrap();
    let signed: Vec<bool> = requests
        .iter()
        .map(|request| request.headers.contains_key("authorization"))
        .collect();
    assert_eq!(signed, [true, false]);
}

#[tokio::test]
async fn a_redirect_of_an_attachment_leads_to_https_alone_and_not_round_and_round() {
    for (to, why) in [
        (
            "http://media.example/a?signature=hunter2",
            "to http://media.example, which is not https",
        ),
        (
            "https://user:hunter2@media.example/a",
            "to what is no address",
        ),
        ("", "more than 2 times"),
    ] {
        let server = MockServer::start().await;
        Mock::given(path(content()))
            .respond_with(ResponseTemplate::new(302).insert_header("Location", to))
            .mount(&server)
            .await;
        let client = client(&server);
        let error = fetch(&client).await.unwrap_err();
        assert!(
            matches!(error, TwilioError::AttachmentRedirect { .. }),
            "{error}"
        );
        assert!(error.to_string().ends_with(why), "{error}");
        assert!(!error.to_string().contains("hunter2"));
        assert_eq!(client.limit().in_use(), 0);
    }
}

#[tokio::test]
async fn where_the_content_is_refused_the_temporary_link_is_taken_without_credentials() {
    for status in [400, 404, 405, 406, 410] {
        let server = MockServer::start().await;
        Mock::given(path(content()))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
        // Even below the host's own address, a link from an answer does not get them.
        serve_link(&server, "/mcs.us1.twilio.com/direct?signature=hunter2").await;
        Mock::given(path("/mcs.us1.twilio.com/direct"))
            .respond_with(picture())
            .mount(&server)
            .await;
        let attachment = fetch(&client(&server)).await.unwrap().unwrap();
        assert_eq!(attachment.bytes().await.unwrap(), PICTURE, "{status}");
        let requests = server.received_requests().await.unwrap();
        let last = requests.last().unwrap();
        assert_eq!(last.url.path(), "/mcs.us1.twilio.com/direct");
        assert!(!last.headers.contains_key("authorization"));
    }
}

#[tokio::test]
async fn a_temporary_link_to_anything_but_https_is_not_asked() {
    let server = MockServer::start().await;
    let mut body = fixture("attachment.json");
    body["links"]["content_direct_temporary"] = json!("http://169.254.169.254/latest?x=hunter2");
    Mock::given(path(metadata()))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let error = fetch(&client(&server)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "attachment {}: it was redirected to http://169.254.169.254, which is not https",
            media()
        )
    );
}

#[tokio::test]
async fn an_attachment_that_is_gone_is_none_and_one_without_a_link_is_an_error() {
    let server = MockServer::start().await;
    assert!(fetch(&client(&server)).await.unwrap().is_none());
    assert_eq!(
        asked(&server).await,
        [format!("GET {}", content()), format!("GET {}", metadata())]
    );

    let server = MockServer::start().await;
    let mut body = fixture("attachment.json");
    body["links"] = json!({});
    Mock::given(path(metadata()))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    assert!(fetch(&client(&server)).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn refused_credentials_are_not_tried_again_by_another_way() {
    let server = MockServer::start().await;
    Mock::given(path(content()))
        .respond_with(ResponseTemplate::new(403))
        .mount(&server)
        .await;
    serve(&server, &metadata(), "attachment.json").await;
    let error = fetch(&client(&server)).await.unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert_eq!(asked(&server).await, [format!("GET {}", content())]);
}

#[tokio::test]
async fn an_attachment_that_is_announced_larger_than_its_limit_is_not_read() {
    let server = MockServer::start().await;
    Mock::given(path(content()))
        .respond_with(ResponseTemplate::new(200).set_body_raw(vec![0; 1025], "image/jpeg"))
        .mount(&server)
        .await;
    let client = client(&server);
    let error = fetch(&client).await.unwrap_err();
    assert!(
        matches!(error, TwilioError::AttachmentTooLarge { limit: LIMIT, .. }),
        "{error}"
    );
    assert_eq!(client.limit().in_use(), 0);
    let exactly = client.attachments(service()).content(media(), 1025).await;
    assert_eq!(exactly.unwrap().unwrap().bytes().await.unwrap().len(), 1025);
}

/// Answers one request with a body of chunks, without announcing its length.
async fn chunked(pieces: usize) -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let _ = connection.read(&mut [0; 4096]).await.unwrap();
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: image/jpeg\r\ntransfer-encoding: chunked\r\n\r\n";
        connection.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..pieces {
            let piece = format!("200\r\n{}\r\n", "x".repeat(512));
            // The client leaves as soon as it has enough.
            if connection.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
        }
        let _ = connection.write_all(b"0\r\n\r\n").await;
    });
    address
}

#[tokio::test]
async fn an_attachment_that_does_not_tell_its_length_is_cut_off_at_its_limit() {
    for (pieces, fits) in [(2, true), (3, false), (1_000_000, false)] {
        let other = chunked(pieces).await;
        let server = MockServer::start().await;
        let mut settings = settings(&server);
        settings.media_origins = vec![format!("http://{other}").parse().unwrap()];
        let client = TwilioClient::new(settings).unwrap();
        Mock::given(method("GET"))
            .respond_with(
                ResponseTemplate::new(302).insert_header("Location", format!("http://{other}/a")),
            )
            .mount(&server)
            .await;
        let attachment = fetch(&client).await.unwrap().unwrap();
        assert_eq!(attachment.length(), None);
        match attachment.bytes().await {
            Ok(bytes) => assert_eq!((bytes.len(), fits), (1024, true)),
            Err(error) => {
                assert!(!fits);
                assert!(
                    matches!(error, TwilioError::AttachmentTooLarge { .. }),
                    "{error}"
                );
            }
        }
        assert_eq!(client.limit().in_use(), 0);
    }
}
