//! Groups, deadlines, slow clients and the end: through real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may end here"
)]

use crate::support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use event_intake::{InboundEvent, Inbox, InboxError, IntakeError, Limits, MemoryInbox, Receipt};
use support::{PATH, Request, Running, batch, parse, settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An inbox that takes its time, and fails when it is told to.
#[derive(Debug)]
struct Slow {
    inner: MemoryInbox,
    pause: Duration,
    calls: AtomicUsize,
    broken: AtomicBool,
    /// The id of an event that no commit survives.
    poison: Option<String>,
}

impl Slow {
    fn new(pause: Duration) -> Arc<Self> {
        Arc::new(Self::plain(pause))
    }

    fn plain(pause: Duration) -> Self {
        Self {
            inner: MemoryInbox::new(100_000),
            pause,
            calls: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            poison: None,
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Inbox for Slow {
    async fn receive(
        &self,
        events: Vec<InboundEvent>,
        now: DateTime<Utc>,
    ) -> Result<Receipt, InboxError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.pause).await;
        let poisoned = events
            .iter()
            .any(|event| Some(&event.id) == self.poison.as_ref());
        if poisoned || self.broken.load(Ordering::SeqCst) {
            return Err(InboxError::Unavailable {
                reason: "the disk is full".to_owned(),
            });
        }
        self.inner.receive(events, now).await
    }
}

fn limits(change: impl FnOnce(&mut Limits)) -> event_intake::IntakeSettings {
    let mut settings = settings();
    change(&mut settings.limits);
    settings
}

/// Sends requests at one time and returns how many were answered with each status.
async fn send_all(
    intake: &Running,
    requests: impl IntoIterator<Item = Request>,
) -> Vec<support::Response> {
    let address = intake.address;
    let tasks: Vec<_> = requests
        .into_iter()
        .map(|request| tokio::spawn(support::send(address, request)))
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn requests_that_wait_together_are_committed_together() {
    let inbox = Slow::new(Duration::from_millis(50));
    let intake = Running::start(settings(), inbox.clone()).await;
    let requests = (0..100).map(|number| Request::signed_json(PATH, batch(number..number + 1)));
    let answers = send_all(&intake, requests).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(inbox.inner.events().len(), 100);
    assert!(
        inbox.calls() <= 50,
        "{} commits for 100 requests",
        inbox.calls()
    );
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_commit_that_takes_too_long_is_answered_503_in_time_and_the_repetition_is_harmless() {
    let inbox = Slow::new(Duration::from_secs(30));
    let settings = limits(|limits| limits.answer_within = Duration::from_millis(300));
    let intake = Running::start(settings.clone(), inbox).await;
    let started = Instant::now();
    let answer = intake.send(Request::signed_json(PATH, batch(0..1))).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("10"));
    assert!(started.elapsed() < Duration::from_secs(3));
    intake.stop().await.unwrap();

    // What was answered 503 may have been committed all the same.
    let inbox = Arc::new(MemoryInbox::new(10));
    let intake = Running::start(settings, inbox.clone()).await;
    for _ in 0..2 {
        let answer = intake.send(Request::signed_json(PATH, batch(0..1))).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(inbox.events().len(), 1);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn under_load_that_the_inbox_cannot_follow_every_answer_comes_in_time() {
    let inbox = Slow::new(Duration::from_millis(400));
    let settings = limits(|limits| {
        limits.answer_within = Duration::from_secs(1);
        limits.queue = 8;
        limits.commit_events = 2;
    });
    let intake = Running::start(settings, inbox.clone()).await;
    let started = Instant::now();
    let requests = (0..60).map(|number| Request::signed_json(PATH, batch(number..number + 1)));
    let answers = send_all(&intake, requests).await;
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 503).count();
    assert_eq!(taken + refused, 60);
    assert!(
        taken >= 1 && refused >= 1,
        "{taken} taken, {refused} refused"
    );
    assert!(
        inbox.inner.events().len() >= taken,
        "what was answered 200 is there"
    );
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_full_or_broken_inbox_is_answered_503_and_nothing_is_lost_after_it_mends() {
    let inbox = Slow::new(Duration::ZERO);
    let intake = Running::start(settings(), inbox.clone()).await;
    inbox.broken.store(true, Ordering::SeqCst);
    let answer = intake.send(Request::signed_json(PATH, batch(0..1))).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "deliver it again\n")
    );
    inbox.broken.store(false, Ordering::SeqCst);
    let answer = intake.send(Request::signed_json(PATH, batch(0..1))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(intake.seen.count("not committed"), 1);
    intake.stop().await.unwrap();

    let intake = Running::start(settings(), Arc::new(MemoryInbox::new(1))).await;
    let answer = intake.send(Request::signed_json(PATH, batch(0..2))).await;
    assert_eq!(answer.status, 503);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn one_request_that_no_commit_survives_does_not_take_its_group_with_it() {
    let inbox = Arc::new(Slow {
        poison: Some(format!("EV{:032}", 13)),
        ..Slow::plain(Duration::from_millis(20))
    });
    let intake = Running::start(settings(), inbox.clone()).await;
    let requests = (0..30).map(|number| Request::signed_json(PATH, batch(number..number + 1)));
    let answers = send_all(&intake, requests).await;
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(
            answer.status,
            if number == 13 { 503 } else { 200 },
            "{number}"
        );
    }
    assert_eq!(inbox.inner.events().len(), 29);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_slow_head_is_cut_off_and_a_slow_body_is_told_to_come_again() {
    let settings = limits(|limits| {
        limits.head_within = Duration::from_millis(200);
        limits.answer_within = Duration::from_millis(300);
    });
    let intake = Running::start(settings, Arc::new(MemoryInbox::new(10))).await;

    let mut head = TcpStream::connect(intake.address).await.unwrap();
    let mut answer = Vec::new();
    let started = Instant::now();
    head.write_all(b"POST /twilio/ws1 HT").await.unwrap();
    let _ = head.read_to_end(&mut answer).await;
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(!answer.starts_with(b"HTTP/1.1 2"));

    let request = Request::signed_json(PATH, batch(0..1)).bytes();
    let mut body = TcpStream::connect(intake.address).await.unwrap();
    body.write_all(&request[..request.len() - 10])
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = body.read_to_end(&mut answer).await;
    assert_eq!(parse(&answer).status, 503);
    assert!(started.elapsed() < Duration::from_secs(5));
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn clients_that_send_nothing_do_not_keep_others_out_for_long() {
    let settings = limits(|limits| {
        limits.connections = 4;
        limits.head_within = Duration::from_millis(300);
    });
    let intake = Running::start(settings, Arc::new(MemoryInbox::new(10))).await;
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(TcpStream::connect(intake.address).await.unwrap());
    }
    let started = Instant::now();
    let answer = intake.send(Request::signed_json(PATH, batch(0..1))).await;
    assert_eq!(answer.status, 200);
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn bodies_together_take_no_more_room_than_they_may() {
    let settings = limits(|limits| limits.held_bytes = 3_000);
    let inbox = Slow::new(Duration::from_millis(300));
    let intake = Running::start(settings, inbox.clone()).await;
    let requests = (0..8).map(|number| Request::signed_json(PATH, batch(number..number + 1)));
    let answers = send_all(&intake, requests).await;
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 503).count();
    assert!(
        taken >= 1 && refused >= 1 && taken + refused == 8,
        "{taken} taken, {refused} refused"
    );
    // The room is given back.
    let answer = intake.send(Request::signed_json(PATH, batch(50..51))).await;
    assert_eq!(answer.status, 200);
    intake.stop().await.unwrap();
}

#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_takes_nothing_new() {
    let inbox = Slow::new(Duration::from_millis(300));
    let intake = Running::start(settings(), inbox.clone()).await;
    let address = intake.address;
    // An idle connection that is kept alive must not hold the stop up.
    let idle = TcpStream::connect(address).await.unwrap();
    let under_way = tokio::spawn(support::send(
        address,
        Request::signed_json(PATH, batch(0..5)),
    ));
    while inbox.calls() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let started = Instant::now();
    intake.stop().await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(under_way.await.unwrap().status, 200);
    assert_eq!(inbox.inner.events().len(), 5);
    assert!(TcpStream::connect(address).await.is_err());
    drop(idle);
}

/// An inbox that ends its task.
struct Panicking;

impl Inbox for Panicking {
    async fn receive(&self, _: Vec<InboundEvent>, _: DateTime<Utc>) -> Result<Receipt, InboxError> {
        panic!("this is the test's own")
    }
}

#[tokio::test]
async fn the_listener_ends_with_an_error_when_nothing_can_be_committed_any_more() {
    let intake = Running::start(settings(), Panicking).await;
    let answer = intake.send(Request::signed_json(PATH, batch(0..1))).await;
    assert_eq!(answer.status, 503);
    let error = intake.ended().await.unwrap_err();
    assert!(matches!(error, IntakeError::CommitterEnded), "{error}");
}
