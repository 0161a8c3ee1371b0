//! Lists and the windows of events.
#![allow(clippy::unwrap_used)]

use crate::common;

use chrono::{DateTime, TimeDelta, Utc};
use common::{api, asked, client, fixture, ok, settings, sid, taskrouter, workspace};
use futures_util::StreamExt;
use serde_json::{Value, json};
use twilio_client::{EventQuery, RecordingFilter, TwilioClient, TwilioError};
use wiremock::matchers::{path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const LIST: &str = "Recordings.json";

async fn two_pages(server: &MockServer) {
    Mock::given(path(api(LIST)))
        .and(query_param_is_missing("PageToken"))
        .respond_with(ok("recordings_page_1.json"))
        .mount(server)
        .await;
    Mock::given(path(api(LIST)))
        .and(query_param("PageToken", "PARE2"))
        .respond_with(ok("recordings_page_2.json"))
        .mount(server)
        .await;
}

#[tokio::test]
async fn the_2010_envelope_is_followed_along_its_relative_links_and_a_double_at_the_edge_is_given_once()
 {
    let server = MockServer::start().await;
    two_pages(&server).await;
    let listing = client(&server)
        .recordings()
        .list(&RecordingFilter::default());
    let sids: Vec<_> = listing
        .into_stream()
        .map(|recording| recording.unwrap().sid)
        .collect()
        .await;
    assert_eq!(sids, [sid("RE", 1), sid("RE", 2), sid("RE", 3)]);
    assert_eq!(
        asked(&server).await,
        [
            format!("GET {}?PageSize=1000", api(LIST)),
            format!("GET {}?PageSize=2&Page=1&PageToken=PARE2", api(LIST)),
        ],
        "the link is followed verbatim, below the configured address"
    );
}

/// A page in the newer envelope whose next link is what the test says.
fn page_b(key: &str, items: &[Value], next: Option<&str>) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({key: items, "meta": {"key": key, "next_page_url": next}}))
}

#[tokio::test]
async fn the_newer_envelope_is_followed_along_its_absolute_links() {
    let server = MockServer::start().await;
    let item = fixture("activities.json")["activities"][0].clone();
    let mut second = item.clone();
    second["sid"] = json!("WA00000000000000000000000000000002");
    let at = workspace("/Activities");
    let next = format!(
        "https://taskrouter.twilio.com/v1/Workspaces/{}/Activities?PageToken=DN1",
        common::WORKSPACE
    );
    Mock::given(path(&at))
        .and(query_param("PageToken", "DN1"))
        .respond_with(page_b("activities", &[second], None))
        .mount(&server)
        .await;
    Mock::given(path(&at))
        .respond_with(page_b("activities", &[item], Some(&next)))
        .mount(&server)
        .await;
    let client = client(&server);
    let listed = taskrouter(&client).activities().all().await.unwrap();
    assert_eq!(
        listed.items.iter().map(|item| item.sid).collect::<Vec<_>>(),
        [sid("WA", 1), sid("WA", 2)]
    );
}

#[tokio::test]
async fn an_empty_page_with_a_next_link_is_not_the_end() {
    let server = MockServer::start().await;
    let item = fixture("activities.json")["activities"][0].clone();
    let at = workspace("/Activities");
    Mock::given(path(&at))
        .and(query_param("PageToken", "DN1"))
        .respond_with(page_b("activities", &[item], None))
        .mount(&server)
        .await;
    Mock::given(path(&at))
        .respond_with(page_b(
            "activities",
            &[],
            Some(&format!("{at}?PageToken=DN1")),
        ))
        .mount(&server)
        .await;
    let client = client(&server);
    assert_eq!(
        taskrouter(&client)
            .activities()
            .all()
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let server = MockServer::start().await;
    Mock::given(path(workspace("/Activities")))
        .respond_with(page_b(
            "activities",
            &[],
            Some("https://evil.example/v1?token=hunter2"),
        ))
        .mount(&server)
        .await;
    let client = client(&server);
    let error = taskrouter(&client).activities().all().await.unwrap_err();
    assert!(matches!(error, TwilioError::Link(_)));
    assert!(
        error.to_string().contains("evil.example") && !error.to_string().contains("hunter2"),
        "{error}"
    );
}

/// Ever new pages.
struct Endless;
impl Respond for Endless {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let page: u32 = request
            .url
            .query_pairs()
            .find(|(name, _)| name == "Page")
            .map_or(0, |(_, value)| value.parse().unwrap());
        page_b(
            "activities",
            &[],
            Some(&format!("{}?Page={}", request.url.path(), page + 1)),
        )
    }
}

#[tokio::test]
async fn a_list_that_goes_in_a_circle_or_on_for_ever_is_ended() {
    let server = MockServer::start().await;
    let at = workspace("/Activities");
    Mock::given(path(&at))
        .respond_with(page_b("activities", &[], Some(&format!("{at}?Page=1"))))
        .mount(&server)
        .await;
    let client = client(&server);
    let error = taskrouter(&client).activities().all().await.unwrap_err();
    assert!(
        matches!(
            error,
            TwilioError::EndlessList {
                list: "activities",
                pages: 2
            }
        ),
        "{error}"
    );

    let server = MockServer::start().await;
    Mock::given(path(&at))
        .respond_with(Endless)
        .mount(&server)
        .await;
    let mut settings = settings(&server);
    settings.max_pages = 7;
    let client = TwilioClient::new(settings).unwrap();
    let error = taskrouter(&client).activities().all().await.unwrap_err();
    assert!(
        matches!(error, TwilioError::EndlessList { pages: 7, .. }),
        "{error}"
    );
    assert_eq!(asked(&server).await.len(), 7);
}

#[tokio::test]
async fn an_answer_without_its_list_is_asked_for_again_and_never_taken_for_an_empty_one() {
    let server = MockServer::start().await;
    Mock::given(path(workspace("/Activities")))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"meta": {"key": "workers"}, "workers": []})),
        )
        .mount(&server)
        .await;
    let client = client(&server);
    let error = taskrouter(&client).activities().all().await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("an answer without its list `activities`"),
        "{error}"
    );
    assert!(error.is_passing());
    assert_eq!(asked(&server).await.len(), 3);
}

#[tokio::test]
async fn after_an_error_a_list_is_over() {
    let server = MockServer::start().await;
    Mock::given(path(workspace("/Activities")))
        .respond_with(ResponseTemplate::new(404))
        .mount(&server)
        .await;
    let client = client(&server);
    let mut listing = taskrouter(&client).activities();
    assert!(listing.next().await.unwrap().is_err());
    assert!(listing.next().await.is_none());
}

const START: &str = "2026-03-01T12:00:00Z";

fn now() -> DateTime<Utc> {
    "2026-03-01T12:30:00Z".parse().unwrap()
}

/// Events as Twilio serves them: both ends included, whole seconds, newest first, pages that are cut off.
struct Events {
    /// Milliseconds after [`START`], by number of the event.
    at: Vec<i64>,
    page_size: usize,
    /// Whether a full page names a next one.
    linked: bool,
}

impl Respond for Events {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let start: DateTime<Utc> = START.parse().unwrap();
        let get = |name: &str| {
            request
                .url
                .query_pairs()
                .find(|(found, _)| found == name)
                .map(|(_, value)| value.into_owned())
        };
        assert!(
            get("Minutes").is_none(),
            "with dates the parameter `Minutes` has no place"
        );
        assert_eq!(get("PageSize").unwrap(), self.page_size.to_string());
        let seconds =
            |name| (get(name).unwrap().parse::<DateTime<Utc>>().unwrap() - start).num_seconds();
        let (from, to) = (seconds("StartDate"), seconds("EndDate"));
        let page: usize = get("Page").map_or(0, |page| page.parse().unwrap());
        let hits: Vec<_> = (0..self.at.len())
            .filter(|index| (from..=to).contains(&(self.at[*index] / 1000)))
            .collect();
        let shown = hits
            .iter()
            .rev()
            .skip(page * self.page_size)
            .take(self.page_size);
        let items: Vec<Value> = shown
            .map(|index| {
                let mut event = fixture("event.json");
                let at = start + TimeDelta::milliseconds(self.at[*index]);
                event["sid"] = json!(format!("EV{:032x}", index + 1));
                event["event_date"] = json!(at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
                event["event_date_ms"] = json!(at.timestamp_millis());
                event
            })
            .collect();
        let more = hits.len() > (page + 1) * self.page_size;
        let mut next = request.url.clone();
        let pairs: Vec<(String, String)> = next
            .query_pairs()
            .filter(|(name, _)| name != "Page")
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        next.query_pairs_mut()
            .clear()
            .extend_pairs(pairs)
            .append_pair("Page", &(page + 1).to_string());
        page_b(
            "events",
            &items,
            (self.linked && more)
                .then(|| format!("{}?{}", next.path(), next.query().unwrap()))
                .as_deref(),
        )
    }
}

async fn events(at: Vec<i64>, linked: bool, page_size: u16) -> (MockServer, TwilioClient) {
    let server = MockServer::start().await;
    let responder = Events {
        at,
        page_size: page_size.into(),
        linked,
    };
    Mock::given(path(workspace("/Events")))
        .respond_with(responder)
        .mount(&server)
        .await;
    let mut settings = settings(&server);
    settings.page_size = page_size;
    settings.clock = now;
    (server, TwilioClient::new(settings).unwrap())
}

fn five_minutes() -> EventQuery {
    let start: DateTime<Utc> = START.parse().unwrap();
    EventQuery::between(start, start + TimeDelta::minutes(5))
}

#[tokio::test]
async fn a_window_that_fits_on_a_page_is_asked_for_once() {
    let (server, client) = events(vec![0, 1500, 299_999], false, 10).await;
    let found = taskrouter(&client).events(&five_minutes()).await.unwrap();
    assert_eq!(
        found
            .events
            .iter()
            .map(|event| event.sid)
            .collect::<Vec<_>>(),
        [sid("EV", 1), sid("EV", 2), sid("EV", 3)]
    );
    assert_eq!(found.requests, 1);
    assert_eq!(
        found.events[1].at,
        START.parse::<DateTime<Utc>>().unwrap() + TimeDelta::milliseconds(1500)
    );
    assert!(asked(&server).await[0].ends_with(
        "/Events?StartDate=2026-03-01T12%3A00%3A00Z&EndDate=2026-03-01T12%3A05%3A00Z&PageSize=10"
    ));
}

#[tokio::test]
async fn windows_halve_until_no_page_is_full_and_every_event_is_found_once() {
    // Without any link: halving alone must find them. Some lie on the seconds at which windows are cut.
    let at: Vec<i64> = (0..=300)
        .step_by(3)
        .map(|second| second * 1000 + second % 7 * 100)
        .chain([150_000, 75_000, 37_000])
        .collect();
    let count = at.len();
    let (_server, client) = events(at, false, 10).await;
    let found = taskrouter(&client).events(&five_minutes()).await.unwrap();
    assert_eq!(found.events.len(), count);
    assert!(found.events.is_sorted_by_key(|event| event.at));
    assert!(found.requests > 16);
}

#[tokio::test]
async fn a_single_second_with_more_events_than_a_page_is_followed_along_its_links() {
    let mut at: Vec<i64> = (0..35).map(|index| 60_000 + index).collect();
    at.extend([0, 300_000]);
    let (_server, client) = events(at, true, 10).await;
    let found = taskrouter(&client).events(&five_minutes()).await.unwrap();
    assert_eq!(found.events.len(), 37);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_told_beside_the_good_ones() {
    let server = MockServer::start().await;
    let mut broken = fixture("event.json");
    broken["sid"] = json!("EV00000000000000000000000000000009");
    broken.as_object_mut().unwrap().remove("event_type");
    Mock::given(path(workspace("/Events")))
        .respond_with(page_b(
            "events",
            &[
                broken.clone(),
                fixture("event.json"),
                json!("rubbish"),
                broken,
            ],
            None,
        ))
        .mount(&server)
        .await;
    let client = client(&server);
    let found = taskrouter(&client).events(&five_minutes()).await.unwrap();
    assert_eq!(found.events.len(), 1);
    assert_eq!(
        found.unreadable.len(),
        2,
        "the broken one is told once, the nameless one too"
    );
    assert_eq!(found.unreadable[0].event(), Some(sid("EV", 9)));
}

#[tokio::test]
async fn event_values_are_all_strings_and_are_read_as_what_they_are() {
    let server = MockServer::start().await;
    Mock::given(path(workspace(
        "/Events/EV00000000000000000000000000000001",
    )))
    .respond_with(ok("event.json"))
    .mount(&server)
    .await;
    let client = client(&server);
    let event = taskrouter(&client)
        .event(sid("EV", 1))
        .await
        .unwrap()
        .unwrap();
    let task = event.task.unwrap();
    assert_eq!((task.version, task.age_seconds), (Some(7), Some(300)));
    assert_eq!(event.reservation.unwrap().version, Some(4));
}

#[tokio::test]
async fn events_are_had_by_task_reservation_worker_and_type() {
    let server = MockServer::start().await;
    Mock::given(path(workspace("/Events")))
        .respond_with(page_b("events", &[], None))
        .mount(&server)
        .await;
    let client = client(&server);
    for (query, filter) in [
        (
            five_minutes().of_task(sid("WT", 1)),
            "TaskSid=WT00000000000000000000000000000001",
        ),
        (
            five_minutes().of_reservation(sid("WR", 1)),
            "ReservationSid=WR00000000000000000000000000000001",
        ),
        (
            five_minutes().of_worker(sid("WK", 1)),
            "WorkerSid=WK00000000000000000000000000000001",
        ),
        (
            five_minutes().of_type("reservation.completed"),
            "EventType=reservation.completed",
        ),
    ] {
        taskrouter(&client).events(&query).await.unwrap();
        assert!(
            asked(&server)
                .await
                .last()
                .unwrap()
                .ends_with(&format!("&PageSize=1000&{filter}"))
        );
    }
}

#[tokio::test]
async fn events_older_than_30_days_are_an_error_of_their_own() {
    let server = MockServer::start().await;
    Mock::given(path(workspace("/Events")))
        .respond_with(ResponseTemplate::new(400))
        .mount(&server)
        .await;
    let mut settings = settings(&server);
    settings.clock = now;
    let client = TwilioClient::new(settings).unwrap();
    let old = now() - TimeDelta::days(31);
    let error = taskrouter(&client)
        .events(&EventQuery::between(old, old + TimeDelta::minutes(5)))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, TwilioError::EventsTooOld { start, .. } if *start == old),
        "{error}"
    );
    assert!(error.to_string().contains("keeps events for 30 days"));
    // A 400 for another reason is not mistaken for it.
    let error = taskrouter(&client)
        .events(&five_minutes())
        .await
        .unwrap_err();
    assert!(matches!(error, TwilioError::Call(_)), "{error}");
}
