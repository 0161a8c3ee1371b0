//! Who may speak, and for whom: through real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may end here"
)]

use crate::support;

use flex_events::WireForm;
use serde_json::{Value, json};
use support::{
    ACCOUNT, PATH, Request, Response, Running, TOKEN, batch, callback, credentials, event, feed,
    settings, sign, start, with_feed, worker_change,
};

const SECRET: &str = "f00dfeedf00dfeedf00dfeedf00dfeed";

#[tokio::test]
async fn members_of_another_account_or_workspace_are_left_out_and_counted() {
    let (intake, inbox) = Running::in_memory().await;
    let foreign = |pointers: &[&str], sid: &str| {
        let mut event = event(5);
        for pointer in pointers {
            *event.pointer_mut(pointer).unwrap() = json!(sid);
        }
        event
    };
    let accounts = ["/data/account_sid", "/data/payload/account_sid"];
    let other_account = foreign(&accounts, "AC00000000000000000000000000000009");
    let workspace = ["/data/payload/workspace_sid"];
    let other_workspace = foreign(&workspace, "WS00000000000000000000000000000009");
    let mut nobodys = event(6);
    nobodys["data"]["payload"]["workspace_sid"] = Value::Null;
    let body = json!([other_account, event(1), other_workspace, nobodys]).to_string();
    assert_eq!(
        intake.send(Request::signed_json(PATH, body)).await.status,
        200
    );
    assert_eq!(inbox.events().len(), 1);
    assert_eq!(intake.seen.count("left out 3 foreign"), 1);

    // A sink has the events of all workspaces of its account; that is no reason to complain to Twilio.
    let body = json!([other_workspace]).to_string();
    assert_eq!(
        intake.send(Request::signed_json(PATH, body)).await.status,
        200
    );
    // A callback was pointed here by somebody, who should hear of it.
    let mut fields = callback();
    fields[2].1 = "WS00000000000000000000000000000009";
    assert_eq!(
        intake
            .send(Request::signed_form(PATH, &fields))
            .await
            .status,
        403
    );
    assert_eq!(intake.seen.count("answered foreign"), 1);
    assert_eq!(inbox.events().len(), 1);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn sids_are_compared_without_case() {
    let (intake, inbox) = start(with_feed(|feed| {
        feed.account = "AC000000000000000000000000000000AB".parse().unwrap();
    }))
    .await;
    let body = batch(1..2).replace(ACCOUNT, "AC000000000000000000000000000000ab");
    assert_eq!(
        intake.send(Request::signed_json(PATH, body)).await.status,
        200
    );
    assert_eq!(inbox.events().len(), 1);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_forged_signature_is_answered_403_and_counted() {
    let (intake, inbox) = Running::in_memory().await;
    let good = Request::signed_json(PATH, batch(0..1));
    let mut other_body = good.clone();
    other_body.body = batch(1..2).into_bytes();
    let mut other_token = good.clone();
    other_token.headers[0].1 = sign("another token", "another text");
    let mut no_hash = good.clone();
    no_hash.target = PATH.to_owned();
    let mut no_base64 = good.clone();
    no_base64.headers[0].1 = "a signature".to_owned();
    let mut form = Request::signed_form(PATH, &callback());
    form.body.extend_from_slice(b"&Extra=1");
    let forged = [other_body, other_token, no_hash, no_base64, form];
    for request in &forged {
        let answer = intake.send(request.clone()).await;
        assert_eq!(answer.status, 403, "{request:?}");
        assert!(answer.body.contains("signature"));
    }
    assert_eq!(intake.seen.count("answered forged"), forged.len());
    assert_eq!(inbox.events().len(), 0);
    assert_eq!(intake.send(good).await.status, 200);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_good_signature_does_not_excuse_a_second_one_over_the_requests_own_host() {
    let (intake, inbox) = Running::in_memory().await;
    let body = batch(0..1);
    let mut request = Request::signed_json(PATH, body);
    let (_, query) = request.target.split_once('?').unwrap();
    // Every request of this client says `Host: attacker.example`.
    request.headers[0].1 = sign(TOKEN, &format!("https://attacker.example{PATH}?{query}"));
    assert_eq!(intake.send(request).await.status, 403);
    assert_eq!(inbox.events().len(), 0);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_request_that_proves_nothing_is_refused_before_its_body_is_read() {
    let (intake, inbox) = Running::in_memory().await;
    // The body that this announces never comes.
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nConnection: close\r\n\r\n"
    );
    let answer = support::send_raw(intake.address, head.as_bytes()).await;
    assert_eq!(answer.status, 403);
    assert_eq!(intake.seen.count("answered unauthenticated"), 1);
    assert_eq!(inbox.commits(), 0);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_token_the_credentials_decide() {
    let (intake, inbox) = start(with_feed(|feed| {
        feed.auth_tokens.clear();
        feed.credentials = Some(credentials());
    }))
    .await;
    let request = Request::post(PATH, batch(0..2));
    let answer = intake.send(request.clone()).await;
    assert_eq!(answer.status, 401);
    assert!(
        answer
            .header("www-authenticate")
            .unwrap()
            .starts_with("Basic")
    );
    for (username, password) in [
        ("flex", "secret"),
        ("flex", ""),
        ("", "s3cret"),
        ("flex:s3cret", ""),
    ] {
        let answer = intake.send(request.clone().basic(username, password)).await;
        assert_eq!(answer.status, 401, "{username}");
    }
    for value in ["Basic", "Basic !", "Bearer s3cret"] {
        let answer = intake
            .send(request.clone().header("Authorization", value))
            .await;
        assert_eq!(answer.status, 401, "{value}");
    }
    assert_eq!(inbox.commits(), 0);
    assert_eq!(
        intake.send(request.basic("flex", "s3cret")).await.status,
        200
    );
    assert_eq!(inbox.events().len(), 2);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn with_a_token_the_credentials_open_only_what_twilio_does_not_sign() {
    let (intake, inbox) = start(with_feed(|feed| feed.credentials = Some(credentials()))).await;
    let unsigned = |body: String| Request::post(PATH, body).basic("flex", "s3cret");
    assert_eq!(intake.send(unsigned(batch(0..1))).await.status, 403);
    assert_eq!(inbox.commits(), 0);
    assert_eq!(intake.send(unsigned(worker_change())).await.status, 200);
    assert_eq!(inbox.events()[0].form, WireForm::WorkerChange);
    assert_eq!(inbox.events()[0].kind, "WFMWorkerChange");
    // A signature that is there must be good, whatever else is.
    let forged = unsigned(worker_change()).header("X-Twilio-Signature", &sign("x", "y"));
    assert_eq!(intake.send(forged).await.status, 403);
    assert_eq!(intake.seen.count("answered forged"), 1);
    // Twilio may have signed the URL with the credentials in it.
    let mut request = Request::signed_json(PATH, batch(0..1));
    let (_, query) = request.target.split_once('?').unwrap();
    let url = format!("https://flex:s3cret@connector.example.com{PATH}?{query}");
    request.headers[0].1 = sign(TOKEN, &url);
    assert_eq!(intake.send(request).await.status, 200);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_secret_path_is_proof_enough_where_it_is_meant_to_be() {
    let (intake, inbox) = start(with_feed(|feed| {
        feed.auth_tokens.clear();
        feed.secret_path = Some(SECRET.into());
    }))
    .await;
    for path in [
        format!("{PATH}/{SECRET}"),
        // A proxy took the public URL's own path off.
        format!("/ws1/{SECRET}"),
    ] {
        let answer = intake.send(Request::post(&path, batch(0..1))).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    assert_eq!(inbox.events().len(), 1);
    let elsewhere = intake.send(Request::post("/nobody", batch(1..2))).await;
    assert_eq!(elsewhere.status, 404);
    for path in wrong_paths() {
        let answer = intake.send(Request::post(&path, batch(1..2))).await;
        let told = |answer: &Response| (answer.status, answer.body.clone());
        assert_eq!(told(&answer), told(&elsewhere), "{path}: no hint");
    }
    assert_eq!(inbox.events().len(), 1);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn with_a_token_what_comes_by_the_secret_path_is_signed_over_it_but_for_what_twilio_never_signs()
 {
    let (intake, inbox) = start(with_feed(|feed| feed.secret_path = Some(SECRET.into()))).await;
    let path = format!("{PATH}/{SECRET}");
    let good = Request::signed_json(&path, batch(0..1));
    // The right path, with a signature over the address without it.
    let mut over_the_public_part = good.clone();
    over_the_public_part.headers[0].1 =
        Request::signed_json(PATH, batch(0..1)).headers[0].1.clone();
    for (request, status) in [
        (over_the_public_part, 403),
        (Request::post(&path, batch(0..1)), 403),
        (Request::signed_json(PATH, batch(0..1)), 404),
        (good, 200),
        (Request::signed_form(&path, &callback()), 204),
        (Request::post(&path, worker_change()), 200),
        (Request::post(PATH, worker_change()), 404),
    ] {
        let answer = intake.send(request.clone()).await;
        assert_eq!(answer.status, status, "{request:?}");
    }
    for path in wrong_paths() {
        let signed = Request::signed_json(&path, batch(1..2));
        assert_eq!(intake.send(signed).await.status, 404, "{path}");
    }
    let forms: Vec<_> = inbox.events().iter().map(|event| event.form).collect();
    assert_eq!(forms.len(), 3);
    assert_eq!(forms[2], WireForm::WorkerChange);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn credentials_are_asked_for_on_a_secret_path_too() {
    let (intake, inbox) = start(with_feed(|feed| {
        feed.auth_tokens.clear();
        feed.credentials = Some(credentials());
        feed.secret_path = Some(SECRET.into());
    }))
    .await;
    let request = |path: &str| Request::post(path, batch(0..1));
    let path = format!("{PATH}/{SECRET}");
    assert_eq!(intake.send(request(&path)).await.status, 401);
    let known = |path: &str| request(path).basic("flex", "s3cret");
    assert_eq!(intake.send(known(PATH)).await.status, 404);
    assert_eq!(intake.send(known(&path)).await.status, 200);
    assert_eq!(inbox.events().len(), 1);
    intake.stop().await.unwrap();
}

/// Paths that are not the secret one, near as some are.
fn wrong_paths() -> [String; 7] {
    [
        PATH.to_owned(),
        format!("{PATH}/"),
        format!("{PATH}/f00dfeedf00dfeedf00dfeedf00dfeee"),
        format!("{PATH}/{}", SECRET.to_uppercase()),
        format!("{PATH}/{}", &SECRET[1..]),
        format!("{PATH}/{SECRET}/"),
        format!("/{SECRET}"),
    ]
}

#[tokio::test]
async fn each_acd_has_its_own_path_with_or_without_that_of_the_proxy() {
    let mut two = settings();
    two.feeds.push(feed("second", "ws2/events"));
    two.feeds[1].auth_tokens = vec!["another token".into()];
    let (intake, inbox) = start(two).await;
    for (path, status) in [
        ("/twilio/ws1", 200),
        ("/ws1", 200),
        // Signed with the token of the first.
        ("/twilio/ws2/events", 403),
        ("/twilio", 404),
        ("/", 404),
        ("/twilio/ws1/", 404),
        ("/twilio/WS1", 404),
        ("/twilio/ws2", 404),
        ("/twilio/twilio/ws1", 404),
    ] {
        let answer = intake.send(Request::signed_json(path, batch(0..1))).await;
        assert_eq!(answer.status, status, "{path}");
    }
    assert_eq!(intake.seen.count("answered unknown-path"), 6);
    assert!(
        inbox
            .events()
            .iter()
            .all(|event| event.acd.as_str() == "main")
    );
    intake.stop().await.unwrap();
}
