//! The search for contacts: its parameters, its paging, and the fields of what it finds.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, Utc};
use contact_model::CcrId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Assumption, Contract, assumption};
use crate::contact::CalabrioContact;
use crate::search::SearchWindow;
use crate::value::{integer, lookup, text, time};

/// Where a search ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageEnd {
    /// At a page without items, or where the answer's `Content-Range` says that no more are left. It costs one request
    /// more than `ShortPage`, and survives a server that caps its pages below what was asked for.
    EmptyPage,
    /// At the first page with fewer items than were asked for.
    ShortPage,
}

/// How contacts are searched for and read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchContract {
    /// Where `GET` searches.
    pub path: String,
    /// The parameter of the first day.
    pub begin_parameter: String,
    /// The parameter of the last day.
    pub end_parameter: String,
    /// How a day is written, in `chrono`'s notation.
    pub date_format: String,
    /// How many days the window is widened by on each side.
    pub widen_days: u32,
    /// The parameter that asks for more than the bare contact; empty sends none.
    pub expand_parameter: String,
    /// Its value that asks for the metadata.
    pub expand_metadata: String,
    /// The parameter of the page's size; empty sends none.
    pub limit_parameter: String,
    /// The request header that names the items of a page.
    pub range_header: String,
    /// The unit that the header counts in.
    pub range_unit: String,
    /// Where a search ends.
    pub page_end: PageEnd,
    /// The field of the answer that holds the contacts; empty where the answer is the list itself.
    pub list_field: String,
    /// The field of the contact's id.
    pub id_field: String,
    /// The field of its start: milliseconds since 1970 UTC.
    pub start_time_field: String,
    /// The field of its duration in milliseconds.
    pub duration_field: String,
    /// The field of the interaction's id.
    pub session_field: String,
    /// The field of the kind of contact.
    pub contact_type_field: String,
    /// The field of its metadata.
    pub metadata_field: String,
    /// The field of the key, where metadata is a list.
    pub metadata_key_field: String,
    /// The field of the value.
    pub metadata_value_field: String,
    /// The parameter that asks for contacts of one kind.
    pub contact_type_parameter: String,
    /// The kinds that a search asks for, one after the other; empty asks for all at once, without that parameter.
    pub contact_types: Vec<String>,
    /// The field of the calling address.
    pub ani_field: String,
    /// The field of the called address.
    pub dnis_field: String,
    /// The field of the agent's id at the ACD.
    pub agent_field: String,
}

impl Default for SearchContract {
    fn default() -> Self {
        Self {
            path: "api/rest/recording/contact".into(),
            begin_parameter: "beginDate".into(),
            end_parameter: "endDate".into(),
            date_format: "%Y-%m-%d".into(),
            widen_days: 1,
            expand_parameter: "expand".into(),
            expand_metadata: "metadata".into(),
            limit_parameter: "limit".into(),
            range_header: "Range".into(),
            range_unit: "items".into(),
            page_end: PageEnd::EmptyPage,
            list_field: String::new(),
            id_field: "id".into(),
            start_time_field: "startTime".into(),
            duration_field: "callDuration".into(),
            session_field: "assocCallId".into(),
            contact_type_field: "contactType".into(),
            metadata_field: "metadata".into(),
            metadata_key_field: "key".into(),
            metadata_value_field: "value".into(),
            contact_type_parameter: "contactType".into(),
            contact_types: Vec::new(),
            ani_field: "ani".into(),
            dnis_field: "dnis".into(),
            agent_field: "acdId".into(),
        }
    }
}

pub(super) const ASSUMPTIONS: &[Assumption] = &[
    assumption!(
        "search",
        301,
        "path",
        Client,
        "GET on this path answers contacts, filtered by its query parameters"
    ),
    assumption!(
        "search",
        302,
        "begin_parameter",
        Client,
        "this parameter holds the first day of the search"
    ),
    assumption!(
        "search",
        303,
        "end_parameter",
        Client,
        "this parameter holds the last day of the search, itself included"
    ),
    assumption!(
        "search",
        304,
        "date_format",
        Client,
        "days are written like this"
    ),
    assumption!(
        "search",
        305,
        "widen_days",
        Inference,
        "the zone of the days is not stated, so a window is widened by this many days on both sides and contacts are filtered here by their start"
    ),
    assumption!(
        "search",
        306,
        "expand_parameter",
        Client,
        "this parameter asks for more than the bare contact"
    ),
    assumption!(
        "search",
        307,
        "expand_metadata",
        Client,
        "with this value the contacts carry their metadata"
    ),
    assumption!(
        "search",
        308,
        "limit_parameter",
        Client,
        "this parameter holds the size of a page; clients send 100 to 50000"
    ),
    assumption!(
        "search",
        309,
        "range_header",
        Client,
        "this request header names the items of a page"
    ),
    assumption!(
        "search",
        310,
        "range_unit",
        Client,
        "items are counted from 0 and both ends are included: items=0-999"
    ),
    assumption!(
        "search",
        311,
        "page_end",
        Undocumented,
        "the server may answer fewer items than were asked for before the end, so only an empty page, or a Content-Range with the total, ends a search"
    ),
    assumption!(
        "search",
        312,
        "list_field",
        Client,
        "the answer is a JSON array of contacts, not an object around one"
    ),
    assumption!(
        "search",
        313,
        "id_field",
        Client,
        "this field holds the contact's number, the ccrId of the webhook"
    ),
    assumption!(
        "search",
        314,
        "start_time_field",
        Client,
        "this field holds the start in milliseconds since 1970 UTC; RFC 3339 is read too"
    ),
    assumption!(
        "search",
        315,
        "duration_field",
        Client,
        "this field holds the duration in milliseconds"
    ),
    assumption!(
        "search",
        316,
        "session_field",
        Client,
        "this field holds the id that the import gave as assocCallId"
    ),
    assumption!(
        "search",
        317,
        "contact_type_field",
        Client,
        "this field says CALL, TEXT or EMAIL"
    ),
    assumption!(
        "search",
        318,
        "metadata_field",
        Client,
        "this field holds the metadata as an object by key; a list of entries is read too"
    ),
    assumption!(
        "search",
        319,
        "metadata_key_field",
        Inference,
        "where metadata is a list, an entry names its key in this field, or in name"
    ),
    assumption!(
        "search",
        320,
        "metadata_value_field",
        Client,
        "an entry of the metadata holds its value in this field; a bare value is read too"
    ),
    assumption!(
        "search",
        321,
        "contact_type_parameter",
        Client,
        "this parameter leaves contacts of one kind: CALL, TEXT or EMAIL"
    ),
    assumption!(
        "search",
        322,
        "contact_types",
        Inference,
        "a search that names no kind finds contacts of every kind; where it does not, the kinds listed here are searched for one after the other"
    ),
    assumption!(
        "search",
        323,
        "ani_field",
        Client,
        "this field holds the calling address; only a live check reads it"
    ),
    assumption!(
        "search",
        324,
        "dnis_field",
        Client,
        "this field holds the called address; only a live check reads it"
    ),
    assumption!(
        "search",
        325,
        "agent_field",
        Undocumented,
        "this field, or a dotted name of one below, holds the agent's ACD id; only a live check reads it"
    ),
];

/// Why an element of an answer is no contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// What is missing or wrong.
    pub(crate) problem: String,
    /// The element's metadata, so that its leg key can still be compared.
    pub(crate) metadata: BTreeMap<String, String>,
}

/// The metadata of an element, readable or not.
pub(crate) fn metadata_of(
    element: &Result<CalabrioContact, Unreadable>,
) -> &BTreeMap<String, String> {
    match element {
        Ok(contact) => &contact.metadata,
        Err(unreadable) => &unreadable.metadata,
    }
}

impl SearchContract {
    /// The most days by which a window can be widened.
    pub(super) const MAX_WIDEN_DAYS: u32 = 31;

    /// The queries that make up a search: one, or one for each kind of contact.
    pub(crate) fn queries(
        &self,
        window: SearchWindow,
        page_size: u32,
    ) -> Vec<Vec<(String, String)>> {
        let bare = self.query(window, page_size);
        if self.contact_types.is_empty() {
            return vec![bare];
        }
        self.contact_types
            .iter()
            .map(|kind| {
                let mut query = bare.clone();
                query.push((self.contact_type_parameter.clone(), kind.clone()));
                query
            })
            .collect()
    }

    /// The days and switches of a search, as query parameters.
    pub(crate) fn query(&self, window: SearchWindow, page_size: u32) -> Vec<(String, String)> {
        let mut query = vec![
            (
                self.begin_parameter.clone(),
                self.day(window.from(), DateTime::checked_sub_days),
            ),
            (
                self.end_parameter.clone(),
                self.day(window.until(), DateTime::checked_add_days),
            ),
        ];
        if !self.expand_parameter.is_empty() {
            query.push((self.expand_parameter.clone(), self.expand_metadata.clone()));
        }
        if !self.limit_parameter.is_empty() {
            query.push((self.limit_parameter.clone(), page_size.to_string()));
        }
        query
    }

    fn day(
        &self,
        at: DateTime<Utc>,
        widen: fn(DateTime<Utc>, Days) -> Option<DateTime<Utc>>,
    ) -> String {
        let day = widen(at, Days::new(u64::from(self.widen_days))).unwrap_or(at);
        day.date_naive().format(&self.date_format).to_string()
    }

    /// The value of the range header for the items from `first`, `count` of them.
    pub(crate) fn range(&self, first: u64, count: u32) -> String {
        let last = first.saturating_add(u64::from(count.max(1)) - 1);
        format!("{}={first}-{last}", self.range_unit)
    }

    /// The total in a `Content-Range` such as `items 0-99/345`.
    pub(crate) fn total(header: &str) -> Option<u64> {
        header.rsplit_once('/')?.1.trim().parse().ok()
    }

    /// Reads metadata: an object of entries by key, an object of bare values by key, or a list of entries.
    pub(crate) fn metadata(&self, value: &Value) -> BTreeMap<String, String> {
        let read = |entry: &Value| match entry {
            Value::Object(_) => lookup(entry, &self.metadata_value_field).and_then(text),
            bare => text(bare),
        };
        match value {
            Value::Object(entries) => entries
                .iter()
                .filter_map(|(key, entry)| Some((key.clone(), read(entry)?)))
                .collect(),
            Value::Array(entries) => entries
                .iter()
                .filter_map(|entry| {
                    let key = lookup(entry, &self.metadata_key_field).or_else(|| entry.get("name"));
                    Some((text(key?)?, read(entry)?))
                })
                .collect(),
            _ => BTreeMap::new(),
        }
    }
}

impl Contract {
    /// Reads one contact.
    pub(crate) fn contact(&self, item: &Value) -> Result<CalabrioContact, Unreadable> {
        let search = &self.search;
        let metadata = lookup(item, &search.metadata_field)
            .map(|value| search.metadata(value))
            .unwrap_or_default();
        let id = match lookup(item, &search.id_field)
            .and_then(integer)
            .map(CcrId::try_from)
        {
            Some(Ok(id)) => id,
            Some(Err(error)) => {
                return Err(Unreadable {
                    problem: error.to_string(),
                    metadata,
                });
            }
            None => {
                return Err(Unreadable {
                    problem: format!("{:?} is no number", search.id_field),
                    metadata,
                });
            }
        };
        let contact_type = lookup(item, &search.contact_type_field).and_then(text);
        let kind = contact_type
            .as_deref()
            .and_then(|word| self.import.kind(word));
        Ok(CalabrioContact {
            id,
            start: lookup(item, &search.start_time_field).and_then(time),
            duration_ms: lookup(item, &search.duration_field)
                .and_then(integer)
                .and_then(|ms| ms.try_into().ok()),
            has_media: self.state.has_media(item, kind),
            state: self.state.state(item, kind),
            session: lookup(item, &search.session_field).and_then(text),
            kind,
            contact_type,
            metadata,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::contact::{ContactKind, ContactState};
    use crate::testing::any_json;

    fn read(item: &Value) -> Result<CalabrioContact, Unreadable> {
        Contract::default().contact(item)
    }

    #[test]
    fn a_window_is_widened_by_a_day_on_both_sides() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let window =
            SearchWindow::new(at("2026-03-01T00:30:00Z"), at("2026-03-01T23:59:59Z")).unwrap();
        assert_eq!(
            SearchContract::default().query(window, 1000),
            [
                ("beginDate", "2026-02-28"),
                ("endDate", "2026-03-02"),
                ("expand", "metadata"),
                ("limit", "1000")
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        let bare = SearchContract {
            expand_parameter: String::new(),
            limit_parameter: String::new(),
            ..Default::default()
        };
        assert_eq!(bare.query(window, 1000).len(), 2);
    }

    #[test]
    fn kinds_are_asked_for_one_after_the_other_where_that_is_set() {
        let at = DateTime::<Utc>::UNIX_EPOCH;
        let window = SearchWindow::new(at, at).unwrap();
        let all = SearchContract::default().queries(window, 10);
        assert_eq!(all, [SearchContract::default().query(window, 10)]);
        let each = SearchContract {
            contact_types: vec!["CALL".into(), "TEXT".into()],
            ..Default::default()
        };
        let asked: Vec<_> = each
            .queries(window, 10)
            .into_iter()
            .filter_map(|query| query.into_iter().find(|(name, _)| name == "contactType"))
            .map(|(_, kind)| kind)
            .collect();
        assert_eq!(asked, ["CALL", "TEXT"]);
    }

    #[test]
    fn the_kind_of_a_contact_is_read_where_its_word_is_known() {
        let kind = |word: Value| {
            let contact = read(&json!({"id": 1, "contactType": word})).unwrap();
            (contact.kind, contact.contact_type)
        };
        assert_eq!(
            kind(json!("text")),
            (Some(ContactKind::Text), Some("text".into()))
        );
        assert_eq!(kind(json!("VIDEO")), (None, Some("VIDEO".into())));
        assert_eq!(kind(json!(null)), (None, None));
    }

    #[test]
    fn a_range_names_both_ends() {
        let contract = SearchContract::default();
        assert_eq!(contract.range(0, 1000), "items=0-999");
        assert_eq!(contract.range(1000, 1000), "items=1000-1999");
        assert_eq!(SearchContract::total("items 0-99/345"), Some(345));
        assert_eq!(SearchContract::total("items 0-99/*"), None);
    }

    #[test]
    fn metadata_is_read_in_every_form() {
        let contract = SearchContract::default();
        let expected = BTreeMap::from([("Twilio-Leg-key".to_owned(), "WR1".to_owned())]);
        for value in [
            json!({"Twilio-Leg-key": {"key": "Twilio-Leg-key", "value": "WR1"}}),
            json!({"Twilio-Leg-key": {"value": "WR1"}, "Other-key": {"value": null}}),
            json!({"Twilio-Leg-key": "WR1"}),
            json!([{"key": "Twilio-Leg-key", "value": "WR1"}, 7, {"key": "Other-key"}]),
            json!([{"name": "Twilio-Leg-key", "value": "WR1"}]),
        ] {
            assert_eq!(contract.metadata(&value), expected, "{value}");
        }
        assert_eq!(contract.metadata(&json!("text")), BTreeMap::new());
    }

    #[test]
    fn a_contact_needs_nothing_but_its_id() {
        let contact = read(&json!({"id": "17"})).unwrap();
        assert_eq!(contact.id.get(), 17);
        assert_eq!(
            (contact.start, contact.duration_ms, contact.has_media),
            (None, None, None)
        );
        assert_eq!(contact.state, ContactState::Unknown);
        assert_eq!(
            read(&json!({"id": 17, "callDuration": -5}))
                .unwrap()
                .duration_ms,
            None
        );
    }

    #[test]
    fn an_element_without_an_id_still_tells_its_metadata() {
        let unreadable =
            read(&json!({"id": 0, "metadata": {"Twilio-Leg-key": "WR1"}})).unwrap_err();
        assert_eq!(unreadable.metadata["Twilio-Leg-key"], "WR1");
        assert!(
            read(&json!({"id": "x"}))
                .unwrap_err()
                .problem
                .contains("\"id\" is no number")
        );
        assert!(read(&json!(null)).is_err());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in any_json()) {
            let contract = SearchContract::default();
            let _ = read(&answer);
            let _ = contract.metadata(&answer);
        }

        #[test]
        fn a_days_window_covers_its_instants_in_every_zone(ms in -62_000_000_000_000_i64..250_000_000_000_000, offset in -14_i32..=14) {
            let at = DateTime::from_timestamp_millis(ms).unwrap();
            let query = SearchContract::default().query(SearchWindow::new(at, at).unwrap(), 1);
            let zone = chrono::FixedOffset::east_opt(offset * 3600).unwrap();
            let local = at.with_timezone(&zone).date_naive();
            let days: Vec<chrono::NaiveDate> = query[..2].iter().map(|(_, day)| day.parse().unwrap()).collect();
            prop_assert!(days[0] <= local && local <= days[1]);
        }

        #[test]
        fn any_header_is_read_without_panic(header in ".{0,30}", first in any::<u64>(), count in any::<u32>()) {
            let _ = SearchContract::total(&header);
            let _ = SearchContract::default().range(first, count);
        }
    }
}
