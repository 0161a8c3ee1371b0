//! Finding contacts: by window and by leg key.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, TimeDelta, Utc};
use contact_model::LegId;
use futures_util::Stream;
use http_retry::{Request, SafeUrl};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::client::{CalabrioClient, Shared};
use crate::contact::CalabrioContact;
use crate::contract::search::{Unreadable, metadata_of};
use crate::contract::{PageEnd, SearchContract};
use crate::error::CalabrioError;
use crate::exchange::{Expect, Operation};
use crate::value::{integer, lookup};

pub(crate) const SEARCH: Operation = Operation {
    call: "calabrio.contacts.search",
    doing: "search contacts",
    permission: "the permission to view recordings, with a scope over all teams",
};
/// The times at which contacts began, half open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchWindow {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl SearchWindow {
    /// From `from` until before `until`; an empty window is allowed.
    pub fn new(from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Self, CalabrioError> {
        if from <= until {
            Ok(Self { from, until })
        } else {
            Err(CalabrioError::WindowReversed)
        }
    }

    /// As far as `reach` on both sides of a time; a negative reach counts as none.
    pub fn around(time: DateTime<Utc>, reach: TimeDelta) -> Self {
        let reach = reach.max(TimeDelta::zero());
        let from = time
            .checked_sub_signed(reach)
            .unwrap_or(DateTime::<Utc>::MIN_UTC);
        let until = time
            .checked_add_signed(reach)
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        Self { from, until }
    }

    pub(crate) fn at(time: DateTime<Utc>) -> Self {
        Self {
            from: time,
            until: time,
        }
    }

    /// The first time in it.
    pub fn from(self) -> DateTime<Utc> {
        self.from
    }

    /// The first time after it.
    pub fn until(self) -> DateTime<Utc> {
        self.until
    }

    /// Whether a time is in it.
    pub fn contains(self, time: DateTime<Utc>) -> bool {
        self.from <= time && time < self.until
    }
}

impl CalabrioClient {
    /// All contacts that began in a window, page by page as they are asked for.
    ///
    /// The days that are searched are wider than the window, because their zone is not documented (assumption 305); what began
    /// outside is left out here. A contact whose start cannot be read is given, since nothing says that it is outside. An element
    /// without an id is an [`UnreadableContact`](CalabrioError::UnreadableContact), after which the stream goes on; any other error
    /// is its end.
    pub fn search(
        &self,
        window: SearchWindow,
    ) -> impl Stream<Item = Result<CalabrioContact, CalabrioError>> + Send + use<> {
        let client = self.clone();
        async_stream::stream! {
            let mut pages = Pages::new(&client.shared, window);
            loop {
                match pages.next().await {
                    Ok(None) => break,
                    Ok(Some(page)) => {
                        for item in page {
                            match item {
                                Ok(contact) => {
                                    if contact.start.is_none_or(|start| window.contains(start)) {
                                        yield Ok(contact);
                                    }
                                }
                                Err(Unreadable { problem, .. }) => yield Err(CalabrioError::UnreadableContact { problem }),
                            }
                        }
                    }
                    Err(error) => {
                        yield Err(error);
                        break;
                    }
                }
            }
        }
    }

    /// Every contact whose leg key is this leg: none, one, or more where something was imported twice.
    ///
    /// Searches the days that `around` and `reach` on both sides of it touch in any time zone. What carries the leg key there
    /// counts wherever Calabrio says that it began: a contact that was filed under another time is a duplicate all the same.
    pub async fn find_by_leg_key(
        &self,
        leg: LegId,
        around: DateTime<Utc>,
        reach: TimeDelta,
    ) -> Result<Vec<CalabrioContact>, CalabrioError> {
        let mut found = self
            .find_by_leg_keys(&BTreeSet::from([leg]), SearchWindow::around(around, reach))
            .await?;
        Ok(found.remove(&leg).unwrap_or_default())
    }

    /// The same for many legs in one pass over the window. A leg that was not found is not in the answer.
    pub async fn find_by_leg_keys(
        &self,
        legs: &BTreeSet<LegId>,
        window: SearchWindow,
    ) -> Result<BTreeMap<LegId, Vec<CalabrioContact>>, CalabrioError> {
        let shared = &self.shared;
        let mut found: BTreeMap<LegId, Vec<CalabrioContact>> = BTreeMap::new();
        let mut unreadable = 0_usize;
        let mut pages = Pages::new(shared, window);
        while let Some(page) = pages.next().await? {
            for item in page {
                let leg = shared.leg_in(metadata_of(&item));
                let wanted = leg.filter(|leg| legs.contains(leg));
                match (item, wanted) {
                    (Ok(contact), Some(leg)) => found.entry(leg).or_default().push(contact),
                    // It is there, so it must not be taken for absent and imported once more.
                    (Err(Unreadable { problem, .. }), Some(_)) => {
                        return Err(CalabrioError::UnreadableContact { problem });
                    }
                    (Err(_), None) => unreadable += 1,
                    (Ok(_), None) => {}
                }
            }
        }
        if unreadable > 0 {
            tracing::warn!(
                unreadable,
                "a search at Calabrio ONE answered contacts that cannot be read"
            );
        }
        Ok(found)
    }

    /// The leg that a contact is of, as its leg key says; `None` where it has none, or one that is no leg's.
    pub fn leg_of(&self, contact: &CalabrioContact) -> Option<LegId> {
        self.shared.leg_in(&contact.metadata)
    }
}

/// The elements of a page's answer, not parsed yet: a page may be large, and most of it is not wanted.
fn items<'a>(body: &'a [u8], list_field: &str) -> Option<Vec<&'a RawValue>> {
    if list_field.is_empty() {
        return serde_json::from_slice(body).ok();
    }
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    serde_json::from_str(fields.get(list_field)?.get()).ok()
}

/// What is read of a page.
pub(crate) type Page = Vec<Result<CalabrioContact, Unreadable>>;

/// An element, as it is recognised on another page.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Seen {
    Contact(i64),
    /// One without a number, by the hash of its text.
    Unreadable(u64),
}

impl Seen {
    fn of(item: &RawValue, value: &Value, id_field: &str) -> Self {
        if let Some(id) = lookup(value, id_field).and_then(integer) {
            return Self::Contact(id);
        }
        let mut hasher = DefaultHasher::new();
        item.get().hash(&mut hasher);
        Self::Unreadable(hasher.finish())
    }
}

/// A search under way.
pub(crate) struct Pages<'a> {
    shared: &'a Shared,
    /// What is still to be asked, the present query first.
    queries: VecDeque<SafeUrl>,
    /// The number of the next item of the present query.
    next: u64,
    asked: u32,
    /// What the present query gave already. Pages shift while contacts arrive, and a server may ignore the range altogether.
    seen: HashSet<Seen>,
    /// What the queries before it gave: a server may ignore the parameter that tells them apart.
    before: HashSet<Seen>,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(shared: &'a Shared, window: SearchWindow) -> Self {
        let contract = &shared.settings.contract.search;
        let page_size = shared.settings.limits.page_size;
        let queries = contract
            .queries(window, page_size)
            .into_iter()
            .map(|query| {
                query
                    .iter()
                    .fold(shared.url(&contract.path), |url, (name, value)| {
                        url.with_query(name, value)
                    })
            });
        Self {
            shared,
            queries: queries.collect(),
            next: 0,
            asked: 0,
            seen: HashSet::new(),
            before: HashSet::new(),
        }
    }

    /// The contacts of the next page that were not in an earlier one; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Page>, CalabrioError> {
        let contract = &self.shared.settings.contract;
        let page = self.next_items().await?;
        Ok(page.map(|items| items.iter().map(|item| contract.contact(item)).collect()))
    }

    /// The same, as the JSON that came.
    pub(crate) async fn next_items(&mut self) -> Result<Option<Vec<Value>>, CalabrioError> {
        while let Some(url) = self.queries.front().cloned() {
            let (page, last) = self.ask(&url).await?;
            if last {
                self.queries.pop_front();
                self.next = 0;
                self.before.extend(self.seen.drain());
            }
            if !page.is_empty() {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    /// The next page of the present query, and whether it is its last.
    async fn ask(&mut self, url: &SafeUrl) -> Result<(Vec<Value>, bool), CalabrioError> {
        let settings = &self.shared.settings;
        if self.asked == settings.limits.pages {
            return Err(CalabrioError::TooManyPages { pages: self.asked });
        }
        self.asked += 1;
        let contract = &settings.contract.search;
        let range = contract.range(self.next, settings.limits.page_size);
        let build =
            || Request::get(url.clone()).header(contract.range_header.clone(), range.clone());
        // Beyond the end a server may say 416 instead of an empty page.
        let reply = self
            .shared
            .call(&SEARCH, Expect::Json, &[416], &[], &build)
            .await?;
        let total = reply
            .content_range
            .as_deref()
            .and_then(SearchContract::total);
        if reply.status == 416 {
            let at_the_end = total.map_or(self.next > 0, |total| total <= self.next);
            return if at_the_end {
                Ok((Vec::new(), true))
            } else {
                Err(SEARCH.unexpected("status 416 where more contacts must be"))
            };
        }
        let items = items(&reply.body, &contract.list_field)
            .ok_or_else(|| SEARCH.unexpected("its JSON is no list of contacts"))?;
        let count = items.len() as u64;
        self.next = self.next.saturating_add(count);
        let mut nothing_new = true;
        let mut page = Vec::with_capacity(items.len());
        for item in items {
            let value: Value = serde_json::from_str(item.get()).unwrap_or_default();
            let seen = Seen::of(item, &value, &contract.id_field);
            if self.seen.insert(seen) {
                nothing_new = false;
                if !self.before.contains(&seen) {
                    page.push(value);
                }
            }
        }

        let short = count < u64::from(settings.limits.page_size);
        // A search that was cut short must not pass for one that found nothing more.
        if nothing_new && total.is_some_and(|total| total > self.next) {
            return Err(SEARCH.unexpected("a page with nothing new before the total was reached"));
        }
        if nothing_new && count > 0 && !short {
            return Err(SEARCH.unexpected("the same full page again, as if the range was ignored"));
        }
        let last = nothing_new
            || total.is_some_and(|total| self.next >= total)
            || (short && contract.page_end == PageEnd::ShortPage);
        Ok((page, last))
    }
}

impl Shared {
    /// The leg whose key is among this metadata.
    pub(crate) fn leg_in(&self, metadata: &BTreeMap<String, String>) -> Option<LegId> {
        metadata
            .get(&self.settings.leg_key_field)?
            .trim()
            .parse()
            .ok()
    }

    /// The smallest search there is, to see whether the session holds and contacts may be read.
    pub(crate) async fn probe(&self, window: SearchWindow) -> Result<(), CalabrioError> {
        let contract = &self.settings.contract.search;
        let mut url = self.url(&contract.path);
        for (name, value) in contract.query(window, 1) {
            url = url.with_query(&name, &value);
        }
        let range = contract.range(0, 1);
        let build =
            || Request::get(url.clone()).header(contract.range_header.clone(), range.clone());
        self.call(&SEARCH, Expect::Json, &[416], &[], &build)
            .await
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_json;

    #[test]
    fn a_window_is_half_open_and_runs_forwards() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let window = SearchWindow::new(at(10), at(20)).unwrap();
        assert!(window.contains(at(10)) && !window.contains(at(20)) && !window.contains(at(9)));
        assert!(matches!(
            SearchWindow::new(at(20), at(10)),
            Err(CalabrioError::WindowReversed)
        ));
        let around = SearchWindow::around(at(100), TimeDelta::seconds(10));
        assert_eq!((around.from(), around.until()), (at(90), at(110)));
        assert_eq!(
            SearchWindow::around(at(100), TimeDelta::seconds(-10)),
            SearchWindow::at(at(100))
        );
        let widest = SearchWindow::around(at(100), TimeDelta::MAX);
        assert!(widest.contains(at(100)));
    }

    #[test]
    fn items_are_found_bare_or_in_a_field() {
        let count =
            |body: &str, field: &str| items(body.as_bytes(), field).map(|items| items.len());
        assert_eq!(count("[1, {}, null]", ""), Some(3));
        assert_eq!(count(r#"{"items": [1], "total": 1}"#, "items"), Some(1));
        assert_eq!(count(r#"{"items": [1]}"#, ""), None);
        assert_eq!(count("[1]", "items"), None);
        assert_eq!(count("[1", ""), None);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(answer in any_json(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let text = answer.to_string();
            let _ = (items(text.as_bytes(), ""), items(text.as_bytes(), "contacts"), items(&bytes, ""));
        }
    }
}
