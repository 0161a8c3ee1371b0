//! Settings that would not be safe, or not work, are refused by name.
#![allow(clippy::unwrap_used, reason = "a test may end here")]

use crate::support;

use event_intake::{EventIntake, IntakeError, IntakeSettings, MemoryInbox};
use support::{credentials, feed, settings, with_feed};

async fn refused(settings: IntakeSettings) -> IntakeError {
    EventIntake::bind(settings, MemoryInbox::new(1), ())
        .await
        .map(|_| ())
        .unwrap_err()
}

#[tokio::test]
async fn a_public_url_that_twilio_could_not_call_is_refused() {
    for (url, said) in [
        ("connector.example.com/twilio", "https://"),
        ("/twilio", "host"),
        ("", "no URL"),
        ("http://connector.example.com/twilio", "https://"),
        ("ftp://connector.example.com", "https://"),
        ("https://connector.example.com/twilio?x=1", "query"),
        ("https://connector.example.com/twilio#x", "fragment"),
        (
            "https://flex:s3cret@connector.example.com/twilio",
            "credentials",
        ),
        ("https://connector example.com/", "no URL"),
    ] {
        let mut settings = settings();
        settings.public_url = url.to_owned();
        let error = refused(settings).await;
        assert!(
            matches!(error, IntakeError::PublicUrl { .. }),
            "{url}: {error}"
        );
        assert!(error.to_string().contains(said), "{url}: {error}");
        assert!(!error.to_string().contains("s3cret"));
    }
    for url in [
        "http://localhost:8080",
        "http://127.0.0.1/x/",
        "http://[::1]:9/x",
        "https://a.example:8443/",
    ] {
        let mut settings = settings();
        settings.public_url = url.to_owned();
        EventIntake::bind(settings, MemoryInbox::new(1), ())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_path_that_is_none_or_not_secret_enough_is_refused() {
    for path in ["", "/", "a b", "a//b", "../a", "a?b", "a%2f", "ä", "{x}"] {
        let error = refused(with_feed(|feed| feed.path = path.to_owned())).await;
        assert!(matches!(error, IntakeError::Path { .. }), "{path}: {error}");
        assert!(error.to_string().contains("main"));
    }
    for (secret, said) in [
        (String::new(), "32 characters"),
        ("x".repeat(31), "32 characters"),
        ("x".repeat(201), "more than 200"),
        ("x".repeat(31) + "/y", "other than letters"),
        ("x".repeat(32) + "%41", "other than letters"),
        ("ä".repeat(32), "other than letters"),
    ] {
        let error = refused(with_feed(|feed| {
            feed.secret_path = Some(secret.as_str().into());
        }))
        .await;
        let told = format!("{error} {error:?}");
        assert!(matches!(error, IntakeError::Path { .. }), "{told}");
        assert!(told.contains(said), "{told}");
        assert!(secret.is_empty() || !told.contains(&secret), "{told}");
    }
}

#[tokio::test]
async fn a_feed_that_anybody_could_speak_on_is_refused() {
    for tokens in [vec![], vec!["".into()]] {
        let error = refused(with_feed(|feed| feed.auth_tokens = tokens)).await;
        assert!(
            matches!(error, IntakeError::Unauthenticated { .. }),
            "{error}"
        );
    }
    let mut none = settings();
    none.feeds.clear();
    assert!(matches!(refused(none).await, IntakeError::NoFeed));
}

#[tokio::test]
async fn two_feeds_under_one_path_are_refused() {
    let mut same = settings();
    same.feeds.push(feed("second", "/ws1/"));
    let error = refused(same).await;
    assert!(matches!(error, IntakeError::SamePath { .. }), "{error}");
    // One of them with, the other without the public URL's own path.
    let mut hidden = settings();
    hidden.feeds.push(feed("second", "twilio/ws1"));
    assert!(matches!(
        refused(hidden).await,
        IntakeError::SamePath { .. }
    ));
}

#[tokio::test]
async fn a_url_whose_signatures_cannot_be_checked_is_refused() {
    let mut odd = settings();
    odd.public_url = "https://connector.example.com:99999/twilio".to_owned();
    let error = refused(odd).await;
    assert!(matches!(error, IntakeError::Signature { .. }), "{error}");
}

#[tokio::test]
async fn an_open_address_must_be_allowed_and_a_taken_one_says_so() {
    let mut open = settings();
    open.listen = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(
        refused(open.clone()).await,
        IntakeError::OpenListener(_)
    ));
    open.beyond_loopback = true;
    EventIntake::bind(open, MemoryInbox::new(1), ())
        .await
        .unwrap();

    let first = EventIntake::bind(settings(), MemoryInbox::new(1), ())
        .await
        .unwrap();
    let mut taken = settings();
    taken.listen = first.local_addr();
    let error = refused(taken).await;
    assert!(matches!(error, IntakeError::Bind { .. }), "{error}");
}

#[tokio::test]
async fn no_secret_is_printed() {
    let path = "-._~f00dfeedf00dfeedf00dfeedf00dfeed";
    let settings = with_feed(|feed| {
        feed.credentials = Some(credentials());
        feed.secret_path = Some(path.into());
    });
    let printed = format!("{settings:?}");
    let intake = EventIntake::bind(settings, MemoryInbox::new(1), ())
        .await
        .unwrap();
    let printed = printed + &format!("{intake:?}");
    for secret in ["s3cret", support::TOKEN, path] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
