//! Opening, renewing and closing the session.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use crate::common;

use calabrio_client::{CalabrioClient, CalabrioError, Permission};
use common::{
    AUTHORIZE, CONTACTS, client, client_with, count, header, http, json, nobody, on, page,
    requests, server, settings,
};
use wiremock::{MockServer, ResponseTemplate};

const FIELDS: &str = "api/rest/recording/metadata";
const NEW: &str = "HZ-second";

async fn fields(server: &MockServer) {
    on("GET", FIELDS)
        .respond_with(json("metadata-fields.json"))
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_session_is_opened_when_first_needed_and_its_cookies_go_with_every_call() {
    let server = MockServer::start().await;
    on("POST", AUTHORIZE)
        .respond_with(
            json("authorize.json").append_header("set-cookie", "AWSALB=sticky; Path=/; Secure"),
        )
        .expect(1)
        .mount(&server)
        .await;
    fields(&server).await;
    let client = client(&server);
    assert_eq!(count(&server, "POST", AUTHORIZE).await, 0);
    client.metadata_fields().await.unwrap();
    client.metadata_fields().await.unwrap();

    let login = &requests(&server, "POST", AUTHORIZE).await[0];
    let body: serde_json::Value = login.body_json().unwrap();
    assert_eq!(
        body,
        serde_json::json!({"userId": "service@example.com", "password": "hunter2", "language": "en"})
    );
    for request in requests(&server, "GET", FIELDS).await {
        assert_eq!(
            header(&request, "cookie"),
            "AWSALB=sticky; hazelcast.sessionId=HZ4E1A46B8985F7D2C"
        );
    }
}

#[tokio::test]
async fn a_cookie_that_comes_with_a_later_answer_is_kept() {
    let server = server().await;
    on("GET", FIELDS)
        .respond_with(json("metadata-fields.json").append_header("set-cookie", "AWSALB=two"))
        .mount(&server)
        .await;
    let client = client(&server);
    client.metadata_fields().await.unwrap();
    client.metadata_fields().await.unwrap();
    let sent: Vec<String> = requests(&server, "GET", FIELDS)
        .await
        .iter()
        .map(|r| header(r, "cookie"))
        .collect();
    assert!(
        !sent[0].contains("AWSALB") && sent[1].contains("AWSALB=two"),
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_session_is_lent_and_one_that_was_refused_is_opened_anew_once() {
    let server = MockServer::start().await;
    on("POST", AUTHORIZE)
        .respond_with(json("authorize.json"))
        .expect(2)
        .mount(&server)
        .await;
    let client = client(&server);
    let first = client.session(None).await.unwrap();
    assert_eq!(client.session(None).await.unwrap().number(), first.number());
    assert_eq!(
        secrecy::ExposeSecret::expose_secret(first.cookie()),
        "hazelcast.sessionId=HZ4E1A46B8985F7D2C"
    );
    assert!(!format!("{first:?}").contains("HZ4"));
    let ended = Some(first.number());
    let (one, other) = tokio::join!(client.session(ended), client.session(ended));
    let second = one.unwrap().number();
    assert!(second > first.number() && other.unwrap().number() == second);
    // Who tells of the old one later does not end the new one.
    assert_eq!(client.session(ended).await.unwrap().number(), second);
}

#[tokio::test]
async fn a_session_that_comes_as_a_cookie_only_is_a_session() {
    let server = MockServer::start().await;
    on("POST", AUTHORIZE)
        .respond_with(
            ResponseTemplate::new(204)
                .append_header("set-cookie", "hazelcast.sessionId=HZ9; Path=/"),
        )
        .mount(&server)
        .await;
    assert!(client(&server).login().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_see_the_session_end_cause_one_login() {
    let server = MockServer::start().await;
    on("POST", AUTHORIZE)
        .respond_with(json("authorize.json"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("POST", AUTHORIZE)
        .respond_with(
            ResponseTemplate::new(200).set_body_json(serde_json::json!({"sessionId": NEW})),
        )
        .mount(&server)
        .await;
    // The first session ends after one call; only the second is accepted from then on.
    on("GET", FIELDS)
        .respond_with(json("metadata-fields.json"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("GET", FIELDS)
        .and(wiremock::matchers::header(
            "cookie",
            format!("hazelcast.sessionId={NEW}").as_str(),
        ))
        .respond_with(json("metadata-fields.json"))
        .mount(&server)
        .await;
    on("GET", FIELDS)
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;

    let client = client(&server);
    client.metadata_fields().await.unwrap();
    let calls = (0..24).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.metadata_fields().await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap().len(), 3);
    }
    assert_eq!(count(&server, "POST", AUTHORIZE).await, 2);
}

#[tokio::test]
async fn a_401_after_the_session_was_renewed_is_an_authentication_failure() {
    let server = server().await;
    on("GET", FIELDS)
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    let error = client(&server).metadata_fields().await.unwrap_err();
    assert!(
        matches!(error, CalabrioError::SessionRefused { .. }),
        "{error:?}"
    );
    assert!(error.is_authentication() && error.is_passing());
    assert_eq!(
        count(&server, "POST", AUTHORIZE).await,
        2,
        "the first login and one renewal"
    );
}

#[tokio::test]
async fn a_login_page_instead_of_json_renews_the_session_once() {
    let server = server().await;
    on("GET", FIELDS)
        .respond_with(page())
        .up_to_n_times(1)
        .mount(&server)
        .await;
    fields(&server).await;
    assert_eq!(client(&server).metadata_fields().await.unwrap().len(), 3);
    assert_eq!(count(&server, "POST", AUTHORIZE).await, 2);
}

#[tokio::test]
async fn pages_without_end_are_an_error_of_the_call() {
    let server = server().await;
    on("GET", FIELDS).respond_with(page()).mount(&server).await;
    let error = client(&server).metadata_fields().await.unwrap_err();
    assert!(matches!(&error, CalabrioError::Call { .. }), "{error:?}");
    assert!(
        error.to_string().contains("perhaps a login form"),
        "{error}"
    );
    assert_eq!(count(&server, "POST", AUTHORIZE).await, 2);
}

#[tokio::test]
async fn refused_credentials_are_named_and_not_tried_again_for_a_while() {
    let server = MockServer::start().await;
    on("POST", AUTHORIZE)
        .respond_with(ResponseTemplate::new(401).set_body_json(
            serde_json::json!({"errorMessage": "unknown user service@example.com", "requestId": "q-1"}),
        ))
        .mount(&server)
        .await;
    let client = client(&server);
    for _ in 0..3 {
        let error = client.login().await.unwrap_err();
        assert!(
            matches!(error, CalabrioError::CredentialsRefused { status: 401, .. }),
            "{error:?}"
        );
        assert!(error.is_authentication() && !error.is_passing());
        assert_eq!(error.request_id(), Some("q-1"));
        let said = error.to_string();
        assert!(
            !said.contains("hunter2") && !said.contains("service@example.com"),
            "{said}"
        );
    }
    assert_eq!(
        count(&server, "POST", AUTHORIZE).await,
        2,
        "the attempt and the one retry of a 401 in passing"
    );
}

#[tokio::test]
async fn a_401_in_passing_does_not_refuse_the_credentials() {
    let server = MockServer::start().await;
    on("POST", AUTHORIZE)
        .respond_with(ResponseTemplate::new(401))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("POST", AUTHORIZE)
        .respond_with(json("authorize.json"))
        .mount(&server)
        .await;
    assert!(client(&server).login().await.is_ok());
}

#[tokio::test]
async fn a_login_that_reaches_nobody_tells_the_whole_story() {
    let error = CalabrioClient::new(settings(&nobody()), http())
        .unwrap()
        .login()
        .await
        .unwrap_err();
    assert!(
        matches!(error, CalabrioError::LoginFailed { .. }),
        "{error:?}"
    );
    assert!(error.is_passing());
    assert!(error.to_string().contains("after 3 attempts"), "{error}");
}

#[tokio::test]
async fn a_login_that_is_answered_without_a_session_says_so() {
    let server = MockServer::start().await;
    on("POST", AUTHORIZE)
        .respond_with(ResponseTemplate::new(200).set_body_json(serde_json::json!({"session": "x"})))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("POST", AUTHORIZE)
        .respond_with(page())
        .mount(&server)
        .await;
    let client = client(&server);
    let error = client.login().await.unwrap_err();
    assert!(
        matches!(&error, CalabrioError::LoginAnswer { problem } if problem.contains("sessionId")),
        "{error:?}"
    );
    let error = client.login().await.unwrap_err();
    assert!(
        matches!(&error, CalabrioError::LoginAnswer { problem } if problem.contains("page")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_login_with_an_error_in_a_200_is_an_error() {
    let server = MockServer::start().await;
    on("POST", AUTHORIZE)
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(serde_json::json!({"errorMessage": "no licence"})),
        )
        .mount(&server)
        .await;
    let error = client(&server).login().await.unwrap_err();
    assert!(error.to_string().contains("no licence"), "{error}");
}

#[tokio::test]
async fn logging_out_closes_the_session_and_the_next_call_opens_another() {
    let server = server().await;
    fields(&server).await;
    on("DELETE", AUTHORIZE)
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    let client = client(&server);
    client.logout().await.unwrap();
    client.metadata_fields().await.unwrap();
    client.logout().await.unwrap();
    client.logout().await.unwrap();
    let sent = header(&requests(&server, "DELETE", AUTHORIZE).await[0], "cookie");
    assert_eq!(sent, "hazelcast.sessionId=HZ4E1A46B8985F7D2C");
    client.metadata_fields().await.unwrap();
    assert_eq!(count(&server, "POST", AUTHORIZE).await, 2);
}

#[tokio::test]
async fn a_session_that_calabrio_forgot_is_closed() {
    let server = server().await;
    on("DELETE", AUTHORIZE)
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    let client = client(&server);
    client.login().await.unwrap();
    client.logout().await.unwrap();
}

#[tokio::test]
async fn a_tenant_that_names_things_otherwise_is_served_by_settings_alone() {
    let server = MockServer::start().await;
    on("POST", "api/v2/login")
        .respond_with(ResponseTemplate::new(200).set_body_json(serde_json::json!({"token": "T1"})))
        .mount(&server)
        .await;
    on("GET", FIELDS)
        .and(wiremock::matchers::header("cookie", "sid=T1"))
        .respond_with(json("metadata-fields.json"))
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| {
        let session = &mut settings.contract.session;
        session.path = "api/v2/login".into();
        session.session_id_field = "token".into();
        session.cookie = "sid".into();
    });
    assert_eq!(client.metadata_fields().await.unwrap().len(), 3);
}

#[tokio::test]
async fn whether_people_may_be_listed_is_told_by_listing_them() {
    for (answer, granted) in [
        (json("people.json"), true),
        (ResponseTemplate::new(403), false),
    ] {
        let server = server().await;
        on("GET", CONTACTS)
            .respond_with(ResponseTemplate::new(200).set_body_json(serde_json::json!([])))
            .mount(&server)
            .await;
        fields(&server).await;
        on("GET", "api/rest/org/common/person/permission/ViewOrg")
            .respond_with(answer)
            .mount(&server)
            .await;
        let now = "2026-03-01T00:00:00Z".parse().unwrap();
        let access = client(&server).access(now).await.unwrap();
        match access.list_people {
            Permission::Granted => assert!(granted),
            Permission::Denied { advice } => {
                assert!(
                    !granted && advice.contains("view the organization"),
                    "{advice}"
                );
            }
            Permission::Unknown => panic!("it was told"),
        }
        assert_eq!(access.change_people, Permission::Unknown);
        assert_eq!(access.control_screen_recording, Permission::Unknown);
    }
}

#[tokio::test]
async fn access_is_told_by_harmless_requests_alone() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(ResponseTemplate::new(200).set_body_json(serde_json::json!([])))
        .mount(&server)
        .await;
    on("GET", FIELDS)
        .respond_with(ResponseTemplate::new(403))
        .mount(&server)
        .await;
    let access = client(&server)
        .access("2026-03-01T00:00:00Z".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(access.search_contacts, Permission::Granted);
    let Permission::Denied { advice } = access.list_metadata_fields else {
        panic!("{access:?}")
    };
    assert!(advice.contains("Administer Metadata Fields"), "{advice}");
    assert_eq!(access.import_contacts, Permission::Unknown);
    assert_eq!(
        access.list_people,
        Permission::Unknown,
        "a tenant that answers 404 to it does not tell"
    );
    let asked = &requests(&server, "GET", CONTACTS).await[0];
    assert_eq!(header(asked, "range"), "items=0-0");
    assert_eq!(
        asked.url.query(),
        Some("beginDate=2026-02-28&endDate=2026-03-02&expand=metadata&limit=1")
    );
}
