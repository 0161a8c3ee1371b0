//! Asking for a report until it is there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

mod common;

use std::time::Duration;

use common::*;
use flex_insights_client::{EmptyReport, InsightsError, Report};
use serde_json::json;
use wiremock::matchers::{body_json, header};
use wiremock::{MockServer, ResponseTemplate};

fn csv(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(text, "text/csv")
}

async fn read(report: Report) -> Vec<u8> {
    let Report::Rows(mut rows) = report else {
        panic!("{report:?}")
    };
    let mut all = Vec::new();
    while let Some(chunk) = rows.next_chunk().await.unwrap() {
        all.extend_from_slice(&chunk);
    }
    all
}

async fn error_of(server: &MockServer) -> InsightsError {
    client(settings(&server.uri()))
        .report(&report())
        .await
        .unwrap_err()
}

async fn result(server: &MockServer, answer: ResponseTemplate) {
    on("GET", RESULT).respond_with(answer).mount(server).await;
}

#[tokio::test]
async fn a_report_is_polled_until_it_is_there_and_handed_over_byte_for_byte() {
    let server = server().await;
    on("GET", RESULT)
        .respond_with(ResponseTemplate::new(202))
        .up_to_n_times(3)
        .mount(&server)
        .await;
    result(&server, csv("\u{feff}Date,Agent\r\n2026-10-24,Ada\r\n")).await;
    let got = client(settings(&server.uri()))
        .report(&report())
        .await
        .unwrap();
    assert_eq!(
        read(got).await,
        "\u{feff}Date,Agent\r\n2026-10-24,Ada\r\n".as_bytes()
    );
    assert_eq!(count(&server, "GET", RESULT).await, 4);
    let requests = server.received_requests().await.unwrap();
    let execute = requests.iter().find(|r| r.url.path() == EXECUTE).unwrap();
    let sent: serde_json::Value = execute.body_json().unwrap();
    assert_eq!(
        sent,
        json!({"report_req": {"report": "/gdc/md/p1/obj/4711"}})
    );
}

#[tokio::test]
async fn a_temporary_token_that_ends_while_a_report_is_computed_is_fetched_anew() {
    let server = MockServer::start().await;
    on("POST", LOGIN)
        .respond_with(logged_in("sst-1"))
        .expect(1)
        .mount(&server)
        .await;
    on("GET", TOKEN)
        .respond_with(temporary("tt-1"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("GET", TOKEN)
        .respond_with(temporary("tt-2"))
        .mount(&server)
        .await;
    on("POST", EXECUTE)
        .and(body_json(
            json!({"report_req": {"report": "/gdc/md/p1/obj/4711"}}),
        ))
        .respond_with(ok(json!({"uri": RESULT})))
        .expect(1)
        .mount(&server)
        .await;
    on("GET", RESULT)
        .respond_with(ResponseTemplate::new(202))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("GET", RESULT)
        .and(header("cookie", "GDCAuthTT=tt-2"))
        .respond_with(csv("a\n1\n"))
        .mount(&server)
        .await;
    result(
        &server,
        ResponseTemplate::new(401).insert_header(
            "www-authenticate",
            "GoodData realm=\"GoodData API\" cookie=GDCAuthTT",
        ),
    )
    .await;
    let got = client(settings(&server.uri()))
        .report(&report())
        .await
        .unwrap();
    assert_eq!(read(got).await, b"a\n1\n");
}

#[tokio::test]
async fn a_report_without_rows_is_a_value_of_its_own() {
    for (answer, expected) in [
        (ResponseTemplate::new(204), EmptyReport::NoContent),
        (csv(""), EmptyReport::NoContent),
        (
            csv("Date,Agent\r\n"),
            EmptyReport::HeaderOnly("Date,Agent\r\n".into()),
        ),
    ] {
        let server = server().await;
        result(&server, answer).await;
        let got = client(settings(&server.uri()))
            .report(&report())
            .await
            .unwrap();
        let Report::Empty(empty) = got else {
            panic!("{got:?}")
        };
        assert_eq!(empty, expected);
    }
}

#[tokio::test]
async fn a_report_that_is_not_ready_in_time_is_an_error() {
    let server = server().await;
    result(&server, ResponseTemplate::new(202)).await;
    let mut settings = settings(&server.uri());
    settings.polling.within = Duration::from_millis(400);
    let error = client(settings).report(&report()).await.unwrap_err();
    assert!(matches!(error, InsightsError::NotReady { .. }), "{error}");
    assert!(count(&server, "GET", RESULT).await > 2);
}

#[tokio::test]
async fn a_report_id_of_another_project_and_a_project_without_access_give_the_vendors_message() {
    for (status, expected) in [
        (404, "check that the report id"),
        (400, "check that the report id"),
        (403, "check the project id"),
    ] {
        let server = MockServer::start().await;
        on("POST", EXECUTE)
            .respond_with(
                ResponseTemplate::new(status).set_body_json(
                    json!({"error": {"message": "Not %s", "parameters": ["allowed"]}}),
                ),
            )
            .mount(&server)
            .await;
        let_in(&server).await;
        let error = error_of(&server).await;
        let text = error.to_string();
        assert!(
            text.contains("saying \"Not allowed\"") && text.contains(expected),
            "{text}"
        );
        assert!(text.contains("p1"), "{text}");
        assert!(matches!(
            (status, error),
            (403, InsightsError::ProjectDenied { .. })
                | (400 | 404, InsightsError::ReportRefused { .. })
        ));
    }
}

#[tokio::test]
async fn neither_a_redirect_nor_a_link_to_another_host_is_followed() {
    let other = MockServer::start().await;
    let server = server().await;
    let away = ResponseTemplate::new(302).insert_header("location", other.uri());
    result(&server, away).await;
    let error = error_of(&server).await;
    assert!(
        matches!(error, InsightsError::Redirected { status: 302, .. }),
        "{error}"
    );

    server.reset().await;
    let_in(&server).await;
    on("POST", EXECUTE)
        .respond_with(ok(json!({"uri": format!("{}{RESULT}", other.uri())})))
        .mount(&server)
        .await;
    let error = error_of(&server).await;
    assert!(matches!(error, InsightsError::Link { .. }), "{error}");
    assert!(other.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_csv_is_refused() {
    for answer in [
        ResponseTemplate::new(200).set_body_raw("a\n1", "text/html"),
        csv("<html>\n<p>"),
        csv("{\"uri\": 1}"),
    ] {
        let server = server().await;
        result(&server, answer).await;
        let error = error_of(&server).await;
        assert!(matches!(error, InsightsError::NotCsv { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_report_above_the_cap_is_refused_before_it_is_read() {
    let server = server().await;
    result(&server, csv("a\n1\n2\n3\n")).await;
    let mut settings = settings(&server.uri());
    settings.max_report_bytes = 7;
    let error = client(settings).report(&report()).await.unwrap_err();
    assert!(
        matches!(error, InsightsError::TooLarge { cap: 7, .. }),
        "{error}"
    );
}

#[test]
fn a_setting_that_cannot_work_is_named() {
    let mut bad = settings("http://127.0.0.1:9");
    bad.polling.first = Duration::from_hours(1);
    let http = http_retry::HttpClient::builder().build().unwrap();
    let error = flex_insights_client::FlexInsightsClient::new(bad, http).unwrap_err();
    assert!(error.to_string().contains("first pause"), "{error}");
}

#[tokio::test]
async fn a_login_that_ends_while_a_report_is_computed_is_replaced_at_once() {
    let server = server().await;
    let ended =
        ResponseTemplate::new(401).insert_header("www-authenticate", "GoodData cookie=GDCAuthSST");
    on("GET", RESULT)
        .respond_with(ended)
        .up_to_n_times(1)
        .mount(&server)
        .await;
    result(&server, csv("a\n1\n")).await;
    let got = client(settings(&server.uri()))
        .report(&report())
        .await
        .unwrap();
    assert_eq!(read(got).await, b"a\n1\n");
    assert_eq!(count(&server, "POST", LOGIN).await, 2);
    assert_eq!(count(&server, "GET", RESULT).await, 2);
    assert_eq!(count(&server, "POST", EXECUTE).await, 1);
}
