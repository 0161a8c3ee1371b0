//! Finding contacts, and reading and changing one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};

use calabrio_client::{CalabrioError, ContactState, MetadataFieldKind, PageEnd, SearchWindow};
use chrono::{DateTime, TimeDelta, Utc};
use common::{CONTACTS, client, client_with, count, header, leg, on, requests, server};
use futures_util::StreamExt;
use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

const CONTACT: &str = "api/rest/recording/contact/1001";
const METADATA: &str = "api/rest/recording/contact/1001/metadata";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn noon() -> DateTime<Utc> {
    at("2026-03-01T12:00:00Z")
}

/// A list of contacts that answers any range, at most `cap` items at once.
struct Contacts {
    items: Vec<Value>,
    cap: usize,
    total: bool,
}

impl Contacts {
    fn new(count: u32) -> Self {
        let items = (1..=count).map(|number| {
            let metadata = json!({"Twilio-Leg-key": {"key": "Twilio-Leg-key", "value": leg(number).as_str()}});
            json!({"id": number, "startTime": noon().timestamp_millis() + i64::from(number), "metadata": metadata})
        });
        Self {
            items: items.collect(),
            cap: usize::MAX,
            total: false,
        }
    }
}

impl Respond for Contacts {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let range = header(request, "range");
        let (first, last) = range
            .strip_prefix("items=")
            .unwrap()
            .split_once('-')
            .unwrap();
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        let count = (last - first + 1).min(self.cap);
        let page: Vec<&Value> = self.items.iter().skip(first).take(count).collect();
        let answer = ResponseTemplate::new(200).set_body_json(&page);
        if self.total {
            answer.append_header(
                "content-range",
                format!("items {first}-{last}/{}", self.items.len()),
            )
        } else {
            answer
        }
    }
}

#[tokio::test]
async fn a_leg_is_found_by_its_key_with_all_that_is_told_of_it() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(common::json("contacts-page.json"))
        .mount(&server)
        .await;
    let client = client(&server);
    let found = client
        .find_by_leg_key(leg(1), noon(), TimeDelta::hours(1))
        .await
        .unwrap();
    let [contact] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(contact.id.get(), 1001);
    assert_eq!(contact.start, Some(at("2026-03-01T12:00:00.250Z")));
    assert_eq!(contact.duration_ms, Some(61_500));
    assert_eq!(contact.has_media, Some(true));
    assert_eq!(contact.state, ContactState::Complete);
    assert_eq!(contact.metadata("Order-key"), Some("A-17"));
    assert_eq!(client.leg_of(contact), Some(leg(1)));

    let asked = &requests(&server, "GET", CONTACTS).await[0];
    assert_eq!(
        asked.url.query(),
        Some("beginDate=2026-02-28&endDate=2026-03-02&expand=metadata&limit=1000")
    );
    assert_eq!(header(asked, "range"), "items=0-999");
}

#[tokio::test]
async fn none_one_and_two_are_told_apart() {
    let server = server().await;
    let mut contacts = Contacts::new(3);
    let mut twin = contacts.items[1].clone();
    twin["id"] = json!(77);
    // Filed under another day of the searched ones: it is a duplicate all the same.
    twin["startTime"] = json!(at("2026-02-28T03:00:00Z").timestamp_millis());
    contacts.items.push(twin);
    on("GET", CONTACTS)
        .respond_with(contacts)
        .mount(&server)
        .await;
    let client = client(&server);
    let mut numbers = BTreeMap::new();
    for number in [1, 2, 9] {
        let found = client
            .find_by_leg_key(leg(number), noon(), TimeDelta::hours(1))
            .await
            .unwrap();
        numbers.insert(
            number,
            found
                .iter()
                .map(|contact| contact.id.get())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(
        numbers,
        BTreeMap::from([(1, vec![1]), (2, vec![2, 77]), (9, vec![])])
    );
}

#[tokio::test]
async fn many_legs_are_found_in_one_pass() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(Contacts::new(25))
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| settings.limits.page_size = 10);
    let legs = BTreeSet::from([leg(3), leg(25), leg(99)]);
    let found = client
        .find_by_leg_keys(&legs, SearchWindow::around(noon(), TimeDelta::hours(1)))
        .await
        .unwrap();
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), [leg(3), leg(25)]);
    let ranges: Vec<String> = requests(&server, "GET", CONTACTS)
        .await
        .iter()
        .map(|r| header(r, "range"))
        .collect();
    assert_eq!(
        ranges,
        ["items=0-9", "items=10-19", "items=20-29", "items=25-34"]
    );
}

#[tokio::test]
async fn a_server_that_caps_its_pages_hides_nothing() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(Contacts {
            cap: 4,
            ..Contacts::new(11)
        })
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| settings.limits.page_size = 10);
    let found = client
        .find_by_leg_key(leg(11), noon(), TimeDelta::hours(1))
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn a_total_or_the_setting_spares_the_last_request() {
    for by_total in [true, false] {
        let server = server().await;
        on("GET", CONTACTS)
            .respond_with(Contacts {
                total: by_total,
                ..Contacts::new(7)
            })
            .mount(&server)
            .await;
        let client = client_with(&server, |settings| {
            settings.limits.page_size = 5;
            if !by_total {
                settings.contract.search.page_end = PageEnd::ShortPage;
            }
        });
        assert_eq!(
            client
                .find_by_leg_key(leg(7), noon(), TimeDelta::hours(1))
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            count(&server, "GET", CONTACTS).await,
            2,
            "by total: {by_total}"
        );
    }
}

#[tokio::test]
async fn a_server_that_ignores_the_range_or_refuses_it_past_the_end_ends_the_search() {
    let ignoring = server().await;
    on("GET", CONTACTS)
        .respond_with(common::json("contacts-page.json"))
        .mount(&ignoring)
        .await;
    let found = client(&ignoring)
        .find_by_leg_key(leg(2), noon(), TimeDelta::hours(1))
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(count(&ignoring, "GET", CONTACTS).await, 2);

    let refusing = server().await;
    on("GET", CONTACTS)
        .respond_with(common::json("contacts-page.json"))
        .up_to_n_times(1)
        .mount(&refusing)
        .await;
    on("GET", CONTACTS)
        .respond_with(ResponseTemplate::new(416))
        .mount(&refusing)
        .await;
    assert_eq!(
        client(&refusing)
            .find_by_leg_key(leg(2), noon(), TimeDelta::hours(1))
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_search_that_was_cut_short_does_not_pass_for_a_whole_one() {
    let whole: Vec<Value> = Contacts::new(4).items;
    let full_again = ResponseTemplate::new(200).set_body_json(&whole);
    let told_more = full_again
        .clone()
        .append_header("content-range", "items 0-3/9");
    let refused = ResponseTemplate::new(416);
    let refused_early = ResponseTemplate::new(416).append_header("content-range", "items */9");
    for (page_size, answer) in [
        (4, full_again),
        (9, told_more),
        (4, refused),
        (4, refused_early),
    ] {
        let server = server().await;
        on("GET", CONTACTS)
            .respond_with(answer)
            .mount(&server)
            .await;
        let client = client_with(&server, |settings| settings.limits.page_size = page_size);
        let error = client
            .find_by_leg_key(leg(8), noon(), TimeDelta::hours(1))
            .await
            .unwrap_err();
        assert!(
            matches!(error, CalabrioError::UnexpectedAnswer { .. }),
            "{error:?}"
        );
    }
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(ResponseTemplate::new(416).append_header("content-range", "items */0"))
        .mount(&server)
        .await;
    let found = client(&server)
        .find_by_leg_key(leg(8), noon(), TimeDelta::hours(1))
        .await
        .unwrap();
    assert!(found.is_empty(), "a 416 with a total of 0 is an empty list");
}

#[tokio::test]
async fn a_search_without_end_is_given_up() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(Contacts::new(30))
        .mount(&server)
        .await;
    let client = client_with(&server, |settings| {
        settings.limits.page_size = 1;
        settings.limits.pages = 5;
    });
    let error = client
        .find_by_leg_key(leg(1), noon(), TimeDelta::hours(1))
        .await
        .unwrap_err();
    assert!(
        matches!(error, CalabrioError::TooManyPages { pages: 5 }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_stream_gives_what_began_in_the_window_and_nothing_else() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(common::json("contacts-page.json"))
        .mount(&server)
        .await;
    let window = SearchWindow::new(at("2026-03-01T12:00:00Z"), at("2026-03-01T12:02:00Z")).unwrap();
    let found: Vec<_> = client(&server).search(window).collect().await;
    let ids: Vec<i64> = found
        .into_iter()
        .map(|contact| contact.unwrap().id.get())
        .collect();
    // 1003 begins at 12:02:00, where the window ends; 1004 began the day before.
    assert_eq!(ids, [1001, 1002]);
}

#[tokio::test]
async fn odd_spellings_are_read_and_what_is_no_contact_is_told_without_ending_the_stream() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(common::json("contacts-odd.json"))
        .mount(&server)
        .await;
    let client = client(&server);
    let window = SearchWindow::around(noon(), TimeDelta::hours(1));
    let found: Vec<_> = client.search(window).collect().await;
    let told: Vec<Result<i64, String>> = found
        .into_iter()
        .map(|item| {
            item.map(|contact| contact.id.get())
                .map_err(|error| error.to_string())
        })
        .collect();
    assert_eq!(
        told.iter()
            .filter_map(|item| item.as_ref().ok().copied())
            .collect::<Vec<_>>(),
        [1001, 1002]
    );
    assert_eq!(
        told.iter().filter(|item| item.is_err()).count(),
        2,
        "{told:?}"
    );
    let found = client
        .find_by_leg_key(leg(2), noon(), TimeDelta::hours(1))
        .await
        .unwrap();
    assert_eq!(found[0].start, Some(at("2026-03-01T12:01:00Z")));
}

#[tokio::test]
async fn a_contact_that_carries_the_leg_key_but_cannot_be_read_is_never_taken_for_absent() {
    let server = server().await;
    let item = json!({"startTime": 1, "metadata": {"Twilio-Leg-key": {"value": leg(5).as_str()}}});
    on("GET", CONTACTS)
        .respond_with(ResponseTemplate::new(200).set_body_json([item]))
        .mount(&server)
        .await;
    let error = client(&server)
        .find_by_leg_key(leg(5), noon(), TimeDelta::hours(1))
        .await
        .unwrap_err();
    assert!(
        matches!(error, CalabrioError::UnreadableContact { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_answer_of_another_shape_is_an_error_and_not_an_empty_result() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"items": []})))
        .mount(&server)
        .await;
    let error = client(&server)
        .find_by_leg_key(leg(1), noon(), TimeDelta::hours(1))
        .await
        .unwrap_err();
    assert!(
        matches!(error, CalabrioError::UnexpectedAnswer { .. }),
        "{error:?}"
    );
    let client = client_with(&server, |settings| {
        settings.contract.search.list_field = "items".into();
    });
    assert!(
        client
            .find_by_leg_key(leg(1), noon(), TimeDelta::hours(1))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_error_inside_a_200_is_tried_again_and_then_told() {
    let server = server().await;
    let failed = ResponseTemplate::new(200)
        .set_body_json(json!({"errorMessage": "the index is busy", "requestId": "r9"}));
    on("GET", CONTACTS)
        .respond_with(failed.clone())
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("GET", CONTACTS)
        .respond_with(common::json("contacts-page.json"))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    on("GET", CONTACTS)
        .respond_with(failed)
        .mount(&server)
        .await;
    let client = client(&server);
    assert_eq!(
        client
            .find_by_leg_key(leg(1), noon(), TimeDelta::hours(1))
            .await
            .unwrap()
            .len(),
        1
    );
    let error = client
        .find_by_leg_key(leg(1), noon(), TimeDelta::hours(1))
        .await
        .unwrap_err();
    let CalabrioError::ErrorInAnswer {
        reason, request_id, ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(
        (reason.as_deref(), request_id.as_deref()),
        (Some("the index is busy"), Some("r9"))
    );
    assert!(error.is_passing());
}

#[tokio::test]
async fn json_that_is_cut_short_is_tried_again() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(ResponseTemplate::new(200).set_body_string("[{\"id\": 1"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("GET", CONTACTS)
        .respond_with(common::json("contacts-page.json"))
        .mount(&server)
        .await;
    assert_eq!(
        client(&server)
            .find_by_leg_key(leg(1), noon(), TimeDelta::hours(1))
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn refusals_and_lacking_permissions_are_told_apart() {
    let server = server().await;
    on("GET", CONTACTS)
        .respond_with(
            ResponseTemplate::new(400)
                .set_body_json(json!({"errorMessage": "bad date", "requestId": "r1"})),
        )
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("GET", CONTACTS)
        .respond_with(ResponseTemplate::new(403))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("GET", CONTACTS)
        .respond_with(ResponseTemplate::new(500))
        .mount(&server)
        .await;
    let client = client(&server);
    let refused = client
        .find_by_leg_key(leg(1), noon(), TimeDelta::hours(1))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, CalabrioError::Refused { status: 400, .. }),
        "{refused:?}"
    );
    assert_eq!(
        refused.to_string(),
        "Calabrio ONE refused to search contacts (status 400): \"bad date\" [request id r1]"
    );
    let denied = client
        .find_by_leg_key(leg(1), noon(), TimeDelta::hours(1))
        .await
        .unwrap_err();
    assert!(denied.is_permission() && !denied.is_passing(), "{denied:?}");
    let broken = client
        .find_by_leg_key(leg(1), noon(), TimeDelta::hours(1))
        .await
        .unwrap_err();
    assert!(
        matches!(broken, CalabrioError::Call { .. }) && broken.is_passing(),
        "{broken:?}"
    );
}

#[tokio::test]
async fn one_contact_is_read_by_its_number() {
    let server = server().await;
    let contacts: Vec<Value> =
        serde_json::from_str(&common::fixture("contacts-page.json")).unwrap();
    on("GET", CONTACT)
        .respond_with(ResponseTemplate::new(200).set_body_json(&contacts[0]))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("GET", CONTACT)
        .respond_with(ResponseTemplate::new(200).set_body_json(&contacts[1]))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    on("GET", CONTACT)
        .respond_with(ResponseTemplate::new(404))
        .mount(&server)
        .await;
    let client = client(&server);
    let id = 1001.try_into().unwrap();
    assert_eq!(
        client.contact(id).await.unwrap().unwrap().state,
        ContactState::Complete
    );
    let other = client.contact(id).await.unwrap_err();
    assert!(
        other.to_string().contains("contact 1002 instead of 1001"),
        "{other}"
    );
    assert_eq!(client.contact(id).await.unwrap(), None);
    assert_eq!(
        requests(&server, "GET", CONTACT).await[0].url.query(),
        Some("expand=metadata")
    );
}

#[tokio::test]
async fn metadata_is_read_and_an_empty_200_to_a_change_is_success() {
    let server = server().await;
    on("GET", METADATA)
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"Order-key": {"key": "Order-key", "value": "A-17"}})),
        )
        .mount(&server)
        .await;
    on("PUT", METADATA)
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let client = client(&server);
    let id = 1001.try_into().unwrap();
    let entries = BTreeMap::from([("Order-key".to_owned(), "A-17".to_owned())]);
    assert_eq!(
        client.contact_metadata(id).await.unwrap(),
        Some(entries.clone())
    );
    client.update_metadata(id, &entries).await.unwrap();
    client.update_metadata(id, &BTreeMap::new()).await.unwrap();
    let [put] = requests(&server, "PUT", METADATA).await.try_into().unwrap();
    assert_eq!(
        put.body_json::<Value>().unwrap(),
        json!({"Order-key": {"key": "Order-key", "value": "A-17"}})
    );
    let unknown = 7.try_into().unwrap();
    assert_eq!(client.contact_metadata(unknown).await.unwrap(), None);
}

#[tokio::test]
async fn a_change_that_is_refused_does_not_repeat_its_values() {
    let server = server().await;
    on("PUT", METADATA)
        .respond_with(
            ResponseTemplate::new(400)
                .set_body_json(json!({"errorMessage": "Jo Customer is too long"})),
        )
        .mount(&server)
        .await;
    let entries = BTreeMap::from([("Name-key".to_owned(), "Jo Customer".to_owned())]);
    let error = client(&server)
        .update_metadata(1001.try_into().unwrap(), &entries)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("… is too long"), "{error}");
}

#[tokio::test]
async fn metadata_fields_are_listed_with_their_type() {
    let server = server().await;
    on("GET", "api/rest/recording/metadata")
        .respond_with(common::json("metadata-fields.json"))
        .mount(&server)
        .await;
    let fields = client(&server).metadata_fields().await.unwrap();
    let kinds: Vec<_> = fields
        .into_iter()
        .map(|field| (field.key, field.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("Twilio-Leg-key".to_owned(), MetadataFieldKind::Text),
            ("Order-key".to_owned(), MetadataFieldKind::Text),
            (
                "Due-key".to_owned(),
                MetadataFieldKind::Other("DATE".to_owned())
            ),
        ]
    );
}
