//! Importing a contact once, and knowing what became of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use crate::common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use calabrio_client::{
    Audio, CalabrioClient, CalabrioError, ContactImport, Content, ErrorInSuccess, ImportOutcome,
    TextContent,
};
use common::{
    AUTHORIZE, CONTACTS, UPLOAD, client, client_with, contact, count, header, http, json, leg,
    nobody, on, page, requests, server, settings,
};
use futures_util::stream;
use http_retry::BodyError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::{MockServer, ResponseTemplate};

#[tokio::test]
async fn the_request_has_the_assumed_shape_to_the_byte() {
    let server = server().await;
    on("POST", UPLOAD)
        .respond_with(json("import-accepted.json"))
        .mount(&server)
        .await;
    let outcome = client(&server).import(&contact()).await;
    assert!(
        matches!(outcome, ImportOutcome::Accepted { ccr: Some(id) } if id.get() == 1001),
        "{outcome:?}"
    );

    let [request] = requests(&server, "POST", UPLOAD).await.try_into().unwrap();
    assert_eq!(
        header(&request, "cookie"),
        "hazelcast.sessionId=HZ4E1A46B8985F7D2C"
    );
    assert_eq!(
        header(&request, "content-length"),
        request.body.len().to_string()
    );
    insta::assert_snapshot!(shape(request));
}

fn transcript() -> TextContent {
    TextContent::new(r#"{"messages":[{"body":"Hallo, wie geht\u2019s? \ud83d\udc4b"}]}"#)
        .with_rendering("12:00 Customer: Hallo, wie geht’s? 👋")
}

#[tokio::test]
async fn a_transcript_goes_as_a_document_and_a_rendering() {
    let server = server().await;
    on("POST", UPLOAD)
        .respond_with(json("import-accepted.json"))
        .mount(&server)
        .await;
    let sent = ContactImport {
        content: Content::Text(Some(transcript())),
        ..contact()
    };
    let outcome = client(&server).import(&sent).await;
    assert!(
        matches!(outcome, ImportOutcome::Accepted { ccr: Some(_) }),
        "{outcome:?}"
    );
    let [request] = requests(&server, "POST", UPLOAD).await.try_into().unwrap();
    assert_eq!(
        header(&request, "content-length"),
        request.body.len().to_string()
    );
    insta::assert_snapshot!(shape(request));
}

#[tokio::test]
async fn an_e_mail_goes_as_its_own_kind_and_without_a_rendering_where_that_is_set() {
    let server = server().await;
    on("POST", UPLOAD)
        .respond_with(json("import-accepted.json"))
        .mount(&server)
        .await;
    let sent = ContactImport {
        content: Content::Email(Some(transcript())),
        ..contact()
    };
    let client = client_with(&server, |settings| {
        settings.contract.import.rendering_part.clear();
        settings.contract.import.text_part = "JSONTEXT".into();
    });
    assert!(matches!(
        client.import(&sent).await,
        ImportOutcome::Accepted { .. }
    ));
    let [request] = requests(&server, "POST", UPLOAD).await.try_into().unwrap();
    insta::assert_snapshot!(shape(request));
}

#[tokio::test]
async fn a_refusal_of_a_transcript_repeats_no_piece_of_it() {
    for status in [400, 200] {
        let server = server().await;
        on("POST", UPLOAD)
            .respond_with(
                ResponseTemplate::new(status).set_body_json(serde_json::json!({
                    "errorMessage": "unexpected text near 'r: Hallo, wie geht’s' in line 1"
                })),
            )
            .mount(&server)
            .await;
        let sent = ContactImport {
            content: Content::Text(Some(transcript())),
            ..contact()
        };
        let said = match client(&server).import(&sent).await {
            ImportOutcome::Refused { reason, .. } => reason.unwrap(),
            ImportOutcome::InDoubt { cause } => cause.to_string(),
            other => panic!("{other:?}"),
        };
        assert!(
            said.contains("unexpected text near '…' in line 1"),
            "{said}"
        );
    }
}

/// A multipart request in lines, whatever its boundary and the order of the fields in its metadata.
fn shape(request: wiremock::Request) -> String {
    let content_type = header(&request, "content-type");
    let boundary = content_type
        .strip_prefix("multipart/form-data; boundary=")
        .unwrap();
    let body = String::from_utf8(request.body)
        .unwrap()
        .replace(boundary, "BOUNDARY")
        .replace("\r\n", "\n");
    // Whatever order the fields of an object come in, they are compared in one.
    let (before, rest) = body.split_once("\n\n").unwrap();
    let (document, after) = rest.split_once('\n').unwrap();
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    format!("{before}\n\n{}\n{after}", sorted(&document, 0))
}

/// JSON with its fields in the order of their names.
fn sorted(value: &serde_json::Value, depth: usize) -> String {
    let pad = "  ".repeat(depth + 1);
    let lines: Vec<String> = match value {
        serde_json::Value::Object(fields) => {
            let mut names: Vec<_> = fields.keys().collect();
            names.sort();
            names
                .into_iter()
                .map(|name| format!("{pad}{name}: {}", sorted(&fields[name], depth + 1)))
                .collect()
        }
        serde_json::Value::Array(items) => items
            .iter()
            .map(|item| format!("{pad}- {}", sorted(item, depth + 1)))
            .collect(),
        bare => return bare.to_string(),
    };
    format!("\n{}", lines.join("\n"))
}

#[tokio::test]
async fn a_contact_without_audio_has_one_part_and_names_no_file() {
    let server = server().await;
    on("POST", UPLOAD)
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    let outcome = client(&server)
        .import(&ContactImport {
            content: Content::Call(None),
            ..contact()
        })
        .await;
    assert!(
        matches!(outcome, ImportOutcome::Accepted { ccr: None }),
        "{outcome:?}"
    );
    let [request] = requests(&server, "POST", UPLOAD).await.try_into().unwrap();
    let body = String::from_utf8(request.body).unwrap();
    assert_eq!(body.matches("Content-Disposition").count(), 1);
    assert!(!body.contains("fileName"), "{body}");
}

#[tokio::test]
async fn the_leg_key_cannot_be_overridden_by_a_mapping() {
    let server = server().await;
    on("POST", UPLOAD)
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let mut contact = contact();
    contact
        .metadata
        .insert("Twilio-Leg-key".into(), "mapped by mistake".into());
    assert!(matches!(
        client(&server).import(&contact).await,
        ImportOutcome::Accepted { .. }
    ));
    let [request] = requests(&server, "POST", UPLOAD).await.try_into().unwrap();
    let body = String::from_utf8(request.body).unwrap();
    assert!(
        body.contains(&format!("\"value\":\"{}\"", leg(1))) && !body.contains("by mistake"),
        "{body}"
    );
}

#[tokio::test]
async fn a_definite_refusal_tells_status_reason_and_request_without_what_was_sent() {
    for status in [400, 403, 404, 409, 413, 415, 422] {
        let server = server().await;
        on("POST", UPLOAD)
            .respond_with(
                ResponseTemplate::new(status)
                    .set_body_raw(common::fixture("import-refused.json"), "application/json"),
            )
            .expect(1)
            .mount(&server)
            .await;
        let outcome = client(&server).import(&contact()).await;
        let ImportOutcome::Refused {
            status: told,
            reason,
            request_id,
        } = outcome
        else {
            panic!("{outcome:?}")
        };
        assert_eq!(told, status);
        assert_eq!(request_id.as_deref(), Some("7f1c-22"));
        assert_eq!(
            reason.as_deref(),
            Some("metadata Name-key: \"…\" (…, … is too long")
        );
    }
}

#[tokio::test]
async fn an_answer_that_settles_nothing_leaves_the_attempt_in_doubt_and_is_not_tried_again() {
    for status in [301, 401, 408, 425, 429, 500, 502, 503, 504] {
        let server = server().await;
        on("POST", UPLOAD)
            .respond_with(ResponseTemplate::new(status).append_header("retry-after", "0"))
            .expect(1)
            .mount(&server)
            .await;
        let outcome = client(&server).import(&contact()).await;
        assert!(
            matches!(outcome, ImportOutcome::InDoubt { .. }),
            "{status}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_200_that_is_not_an_answer_leaves_the_attempt_in_doubt() {
    let answers = [
        page(),
        ResponseTemplate::new(200).set_body_raw("OK", "text/plain"),
        ResponseTemplate::new(200).set_body_raw("{\"contacts\": [{\"id\"", "application/json"),
        ResponseTemplate::new(200).set_body_json(serde_json::json!({"status": "FAILED"})),
        ResponseTemplate::new(200)
            .set_body_json(serde_json::json!({"errorMessage": "Jo Customer is unknown"})),
    ];
    for answer in answers {
        let server = server().await;
        on("POST", UPLOAD)
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
        let outcome = client(&server).import(&contact()).await;
        let ImportOutcome::InDoubt { cause } = outcome else {
            panic!("{outcome:?}")
        };
        assert!(!cause.to_string().contains("Jo Customer"), "{cause}");
    }
}

#[tokio::test]
async fn a_setting_makes_an_error_in_a_200_a_refusal() {
    let server = server().await;
    on("POST", UPLOAD)
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(serde_json::json!({"errorMessage": "no such agent"})),
        )
        .mount(&server)
        .await;
    let client = client_with(&server, |s| {
        s.contract.import.error_in_success = ErrorInSuccess::Refusal;
    });
    let outcome = client.import(&contact()).await;
    assert!(
        matches!(&outcome, ImportOutcome::Refused { status: 200, reason: Some(reason), .. } if reason == "no such agent"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn after_a_401_or_a_login_page_the_next_attempt_logs_in_anew() {
    for answer in [ResponseTemplate::new(401), page()] {
        let server = server().await;
        on("POST", UPLOAD)
            .respond_with(answer)
            .up_to_n_times(1)
            .mount(&server)
            .await;
        on("POST", UPLOAD)
            .respond_with(ResponseTemplate::new(200))
            .mount(&server)
            .await;
        let client = client(&server);
        assert!(matches!(
            client.import(&contact()).await,
            ImportOutcome::InDoubt { .. }
        ));
        assert!(matches!(
            client.import(&contact()).await,
            ImportOutcome::Accepted { .. }
        ));
        assert_eq!(count(&server, "POST", AUTHORIZE).await, 2);
    }
}

#[tokio::test]
async fn a_session_that_was_not_used_for_a_while_is_tried_with_a_search_first() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(ResponseTemplate::new(401))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("GET", CONTACTS)
        .respond_with(ResponseTemplate::new(200).set_body_json(serde_json::json!([])))
        .mount(&server)
        .await;
    on("POST", UPLOAD)
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| {
        settings.limits.session_trust = Duration::ZERO;
    });
    assert!(matches!(
        client.import(&contact()).await,
        ImportOutcome::Accepted { .. }
    ));
    assert_eq!(
        count(&server, "POST", AUTHORIZE).await,
        2,
        "the session ended before the import, which nobody had to doubt"
    );
    assert_eq!(count(&server, "GET", CONTACTS).await, 2);
}

#[tokio::test]
async fn without_a_session_or_a_connection_nothing_was_sent() {
    let no_one = CalabrioClient::new(settings(&nobody()), http()).unwrap();
    let outcome = no_one.import(&contact()).await;
    assert!(
        matches!(
            &outcome,
            ImportOutcome::NotSent {
                cause: CalabrioError::LoginFailed { .. }
            }
        ),
        "{outcome:?}"
    );

    let server = MockServer::start().await;
    on("POST", AUTHORIZE)
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    let outcome = client(&server).import(&contact()).await;
    assert!(
        matches!(&outcome, ImportOutcome::NotSent { cause } if cause.is_authentication()),
        "{outcome:?}"
    );
    assert_eq!(count(&server, "POST", UPLOAD).await, 0);

    // The session is there, and then the server is not.
    let client = CalabrioClient::new(settings(&raw(b"", 1).await), http()).unwrap();
    client.login().await.unwrap();
    let outcome = client.import(&contact()).await;
    assert!(
        matches!(
            &outcome,
            ImportOutcome::NotSent {
                cause: CalabrioError::Call { .. }
            }
        ),
        "{outcome:?}"
    );
}

/// Answers the login, then sends `answer` to the import and closes. After so many connections nobody listens any more.
async fn raw(answer: &'static [u8], connections: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut listener = Some(listener);
        for left in (0..connections).rev() {
            let (mut socket, _) = listener.as_ref().unwrap().accept().await.unwrap();
            if left == 0 {
                // Before the last answer, so that whoever has it finds the door closed.
                listener = None;
            }
            let request = read_request(&mut socket).await;
            let answer = if request.starts_with("POST /calabrio.example/api/rest/authorize") {
                b"HTTP/1.1 200 OK\r\ncontent-length: 18\r\nconnection: close\r\n\r\n{\"sessionId\":\"HZ\"}"
            } else {
                answer
            };
            socket.write_all(answer).await.unwrap();
            socket.shutdown().await.ok();
        }
    });
    uri
}

async fn read_request(socket: &mut tokio::net::TcpStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = socket.read(&mut buffer).await.unwrap_or(0);
        request.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().unwrap())
            });
            body.len() >= length.unwrap_or(0)
        });
        if whole || count == 0 {
            return text;
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_after_sending_leaves_the_attempt_in_doubt() {
    for answer in [
        &b""[..],
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"contacts\"",
    ] {
        let client = CalabrioClient::new(settings(&raw(answer, 2).await), http()).unwrap();
        let outcome = client.import(&contact()).await;
        assert!(
            matches!(
                &outcome,
                ImportOutcome::InDoubt {
                    cause: CalabrioError::Call { .. }
                }
            ),
            "{answer:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn audio_is_opened_once_and_what_its_source_says_comes_back() {
    #[derive(Debug, thiserror::Error)]
    #[error("the spool file changed")]
    struct Changed;

    let server = server().await;
    on("POST", UPLOAD)
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let opened = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&opened);
    let audio = Audio::new(1_000_000, move || {
        counting.fetch_add(1, Ordering::SeqCst);
        Box::pin(stream::iter([
            Ok(Bytes::from_static(b"RIFF")),
            Err(BodyError::new(Changed)),
        ]))
    });
    let outcome = client(&server)
        .import(&ContactImport {
            content: Content::Call(Some(audio)),
            ..contact()
        })
        .await;
    let ImportOutcome::InDoubt { cause } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        cause
            .audio_error()
            .is_some_and(|error| error.downcast_ref::<Changed>().is_some()),
        "{cause:?}"
    );
    assert!(!cause.is_passing());
    assert_eq!(opened.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn audio_of_another_length_than_was_told_is_never_taken_for_accepted() {
    let server = server().await;
    on("POST", UPLOAD)
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let short = Audio::new(20, || {
        Box::pin(stream::iter([Ok(Bytes::from_static(b"RIFF"))]))
    });
    let outcome = client(&server)
        .import(&ContactImport {
            content: Content::Call(Some(short)),
            ..contact()
        })
        .await;
    let ImportOutcome::InDoubt { cause } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        cause.to_string().contains("declared with 20 bytes"),
        "{cause}"
    );
}
