//! Finding contacts: by window, by leg key, by number.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, TimeDelta, Utc};
use contact_model::{CcrId, LegId};
use futures_util::Stream;
use http_retry::{Request, SafeUrl};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::client::{CalabrioClient, Shared};
use crate::contact::CalabrioContact;
use crate::contract::search::Unreadable;
use crate::contract::{PageEnd, SearchContract};
use crate::error::CalabrioError;
use crate::exchange::{Expect, Operation};

pub(crate) const SEARCH: Operation = Operation {
    call: "calabrio.contacts.search",
    doing: "search contacts",
    permission: "the permission to view recordings, with a scope over all teams",
};
const READ: Operation = Operation {
    call: "calabrio.contacts.get",
    doing: "read a contact",
    ..SEARCH
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
        let wanted = |key: Option<&String>| {
            legs.iter()
                .copied()
                .find(|leg| key.is_some_and(|key| key == leg.as_str()))
        };
        let field = &self.shared.settings.leg_key_field;
        let mut found: BTreeMap<LegId, Vec<CalabrioContact>> = BTreeMap::new();
        let mut unreadable = 0_usize;
        let mut pages = Pages::new(&self.shared, window);
        while let Some(page) = pages.next().await? {
            for item in page {
                match item {
                    Ok(contact) => {
                        if let Some(leg) = wanted(contact.metadata.get(field)) {
                            found.entry(leg).or_default().push(contact);
                        }
                    }
                    // It is there, so it must not be taken for absent and imported once more.
                    Err(Unreadable { problem, metadata })
                        if wanted(metadata.get(field)).is_some() =>
                    {
                        return Err(CalabrioError::UnreadableContact { problem });
                    }
                    Err(_) => unreadable += 1,
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
        contact
            .metadata(&self.shared.settings.leg_key_field)?
            .parse()
            .ok()
    }

    /// One contact by its number; `None` where Calabrio does not know it.
    pub async fn contact(&self, id: CcrId) -> Result<Option<CalabrioContact>, CalabrioError> {
        let contract = &self.shared.settings.contract;
        let mut url = self
            .shared
            .url(&contract.state.contact_path.replace("{id}", &id.to_string()));
        if !contract.search.expand_parameter.is_empty() {
            url = url.with_query(
                &contract.search.expand_parameter,
                &contract.search.expand_metadata,
            );
        }
        let reply = self
            .shared
            .call(&READ, Expect::Json, &[404], &[], &|| {
                Request::get(url.clone())
            })
            .await?;
        if reply.status == 404 {
            return Ok(None);
        }
        let item = reply.json(&READ)?;
        match contract.search.contact(&contract.state, &item) {
            Ok(found) if found.id == id => Ok(Some(found)),
            Ok(other) => Err(READ.unexpected(format!("contact {} instead of {id}", other.id))),
            Err(Unreadable { problem, .. }) => Err(CalabrioError::UnreadableContact { problem }),
        }
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

type Page = Vec<Result<CalabrioContact, Unreadable>>;

/// An element, as it is recognised on another page.
#[derive(PartialEq, Eq, Hash)]
enum Seen {
    Contact(CcrId),
    /// One without an id, by the hash of its text.
    Unreadable(u64),
}

impl Seen {
    fn of(item: &RawValue, read: &Result<CalabrioContact, Unreadable>) -> Self {
        if let Ok(contact) = read {
            return Self::Contact(contact.id);
        }
        let mut hasher = DefaultHasher::new();
        item.get().hash(&mut hasher);
        Self::Unreadable(hasher.finish())
    }
}

/// A search under way.
struct Pages<'a> {
    shared: &'a Shared,
    url: SafeUrl,
    /// The number of the next item.
    next: u64,
    asked: u32,
    /// What was given already. Pages shift while contacts arrive, and a server may ignore the range altogether.
    seen: HashSet<Seen>,
    done: bool,
}

impl<'a> Pages<'a> {
    fn new(shared: &'a Shared, window: SearchWindow) -> Self {
        let contract = &shared.settings.contract.search;
        let mut url = shared.url(&contract.path);
        for (name, value) in contract.query(window, shared.settings.limits.page_size) {
            url = url.with_query(&name, &value);
        }
        Self {
            shared,
            url,
            next: 0,
            asked: 0,
            seen: HashSet::new(),
            done: false,
        }
    }

    /// The contacts of the next page that were not in an earlier one; `None` after the last.
    async fn next(&mut self) -> Result<Option<Page>, CalabrioError> {
        if self.done {
            return Ok(None);
        }
        let settings = &self.shared.settings;
        if self.asked == settings.limits.pages {
            return Err(CalabrioError::TooManyPages { pages: self.asked });
        }
        self.asked += 1;
        let contract = &settings.contract.search;
        let range = contract.range(self.next, settings.limits.page_size);
        let build =
            || Request::get(self.url.clone()).header(contract.range_header.clone(), range.clone());
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
            self.done = at_the_end;
            return if at_the_end {
                Ok(None)
            } else {
                Err(SEARCH.unexpected("status 416 where more contacts must be"))
            };
        }
        let items = items(&reply.body, &contract.list_field)
            .ok_or_else(|| SEARCH.unexpected("its JSON is no list of contacts"))?;
        let count = items.len() as u64;
        self.next = self.next.saturating_add(count);
        let page: Page = items
            .into_iter()
            .filter_map(|item| {
                let value: Value = serde_json::from_str(item.get()).unwrap_or_default();
                let read = contract.contact(&settings.contract.state, &value);
                self.seen.insert(Seen::of(item, &read)).then_some(read)
            })
            .collect();

        let short = count < u64::from(settings.limits.page_size);
        // A search that was cut short must not pass for one that found nothing more.
        if page.is_empty() && total.is_some_and(|total| total > self.next) {
            return Err(SEARCH.unexpected("a page with nothing new before the total was reached"));
        }
        if page.is_empty() && count > 0 && !short {
            return Err(SEARCH.unexpected("the same full page again, as if the range was ignored"));
        }
        self.done = page.is_empty()
            || total.is_some_and(|total| self.next >= total)
            || (short && contract.page_end == PageEnd::ShortPage);
        Ok(if page.is_empty() { None } else { Some(page) })
    }
}

impl Shared {
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
