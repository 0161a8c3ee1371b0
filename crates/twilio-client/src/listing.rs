//! Lists, page after page, in both of Twilio's envelopes.

use std::collections::{HashSet, VecDeque};

use futures_util::Stream;
use http_retry::{SafeUrl, Unfit};
use serde_json::Value;

use crate::client::TwilioClient;
use crate::settings::Host;
use crate::{TwilioError, Unreadable, wire};

/// One page as it came.
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    pub(crate) next: Option<SafeUrl>,
}

/// A list that is read page after page, as its items are taken.
///
/// The next page is the one that the answer names (`next_page_uri` in the 2010 API, `meta.next_page_url` elsewhere), never one
/// that was counted out; only path and query of the link are used, after its host was compared. An item that
/// slid onto the next page while the list was read is given once. The number of pages is bounded.
///
/// Some lists hold back what lies outside of what was asked for, where Twilio's own filter is coarser: they say so.
///
/// Items whose form is not usable are given as [`TwilioError::Unreadable`] in their place, and the list goes on; after any other error
/// it is over.
pub struct Listing<T> {
    client: TwilioClient,
    name: &'static str,
    host: Host,
    key: &'static str,
    read: fn(&TwilioClient, &Value) -> Result<T, Unreadable>,
    /// Whether each page has to wait for Twilio's three a second.
    evaluates: bool,
    /// What is given of what comes; everything where it is absent.
    keep: Option<Keep<T>>,
    /// What the items of one page are sorted by before they are given.
    order: Option<fn(&Value) -> Option<u64>>,
    next: Option<SafeUrl>,
    pages: u32,
    items: VecDeque<Value>,
    /// The SIDs of this page and of the one before: where doubles can be.
    seen: HashSet<String>,
    seen_before: HashSet<String>,
}

type Keep<T> = Box<dyn Fn(&T) -> bool + Send + Sync>;

/// A whole list, with what of it could not be read beside it.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// What stood among them and is not usable.
    pub unreadable: Vec<Unreadable>,
}

impl<T> Listing<T> {
    pub(crate) fn new(
        client: TwilioClient,
        name: &'static str,
        host: Host,
        url: SafeUrl,
        key: &'static str,
        read: fn(&TwilioClient, &Value) -> Result<T, Unreadable>,
    ) -> Self {
        Self {
            client,
            name,
            host,
            key,
            read,
            evaluates: false,
            keep: None,
            order: None,
            next: Some(url),
            pages: 0,
            items: VecDeque::new(),
            seen: HashSet::new(),
            seen_before: HashSet::new(),
        }
    }

    pub(crate) fn evaluates(mut self) -> Self {
        self.evaluates = true;
        self
    }

    pub(crate) fn keeping(mut self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self {
        self.keep = Some(Box::new(keep));
        self
    }

    pub(crate) fn ordered_by(mut self, order: fn(&Value) -> Option<u64>) -> Self {
        self.order = Some(order);
        self
    }

    /// Gives nothing more.
    pub(crate) fn end(&mut self) {
        self.next = None;
        self.items.clear();
    }

    /// The next item, `None` at the end. A dropped future loses no item: what was fetched stays, what was not is asked for again.
    pub async fn next(&mut self) -> Option<Result<T, TwilioError>> {
        loop {
            while let Some(item) = self.items.pop_front() {
                if let Some(sid) = item.as_object().and_then(wire::sid_of)
                    && (self.seen_before.contains(&sid) || !self.seen.insert(sid))
                {
                    continue;
                }
                match (self.read)(&self.client, &item) {
                    Ok(item) if self.keep.as_ref().is_some_and(|keep| !keep(&item)) => {}
                    read => return Some(read.map_err(TwilioError::from)),
                }
            }
            let url = self.next.clone()?;
            if self.pages >= self.client.max_pages() {
                self.next = None;
                return Some(Err(TwilioError::EndlessList {
                    list: self.key,
                    pages: self.pages,
                }));
            }
            if self.evaluates {
                self.client.expressions().wait().await;
            }
            match self.client.page(self.name, self.host, &url, self.key).await {
                Ok(page) => {
                    self.pages += 1;
                    self.seen_before = std::mem::take(&mut self.seen);
                    let mut items = page.items;
                    if let Some(order) = self.order {
                        items.sort_by_key(order);
                    }
                    self.items = items.into();
                    self.next = page.next;
                    if self.next.as_ref() == Some(&url) {
                        self.end();
                        return Some(Err(TwilioError::EndlessList {
                            list: self.key,
                            pages: self.pages,
                        }));
                    }
                }
                Err(error) => {
                    self.next = None;
                    return Some(Err(error));
                }
            }
        }
    }

    /// The items as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<T, TwilioError>> + Send
    where
        T: Send,
    {
        futures_util::stream::unfold(self, |mut listing| async move {
            let item = listing.next().await?;
            Some((item, listing))
        })
    }

    /// The whole list. What is not readable is set aside; any other error ends it.
    pub async fn all(mut self) -> Result<Listed<T>, TwilioError> {
        let mut listed = Listed {
            items: Vec::new(),
            unreadable: Vec::new(),
        };
        while let Some(item) = self.next().await {
            match item {
                Ok(item) => listed.items.push(item),
                Err(TwilioError::Unreadable(unreadable)) => listed.unreadable.push(unreadable),
                Err(error) => return Err(error),
            }
        }
        Ok(listed)
    }
}

impl TwilioClient {
    pub(crate) async fn page(
        &self,
        name: &'static str,
        host: Host,
        url: &SafeUrl,
        key: &'static str,
    ) -> Result<Page, TwilioError> {
        // A list that is missing must not be taken for one that is empty.
        let has_list = |answer: &Value| match answer.get(key) {
            Some(Value::Array(_)) => Ok(()),
            _ => Err(Unfit::passing(format!(
                "an answer without its list `{key}`"
            ))),
        };
        let mut answer = self.json_with(name, url, has_list).await?;
        let next = link(&answer)
            .map(|link| self.base(host).resolve(link, Some(host.vendor_name())))
            .transpose()?;
        let Some(Value::Array(items)) = answer.get_mut(key).map(Value::take) else {
            unreachable!("the answer was checked to hold its list")
        };
        Ok(Page { items, next })
    }
}

/// The link to the next page, whichever envelope it is in.
fn link(answer: &Value) -> Option<&str> {
    let newer = answer
        .get("meta")
        .and_then(|meta| meta.get("next_page_url"));
    newer
        .or_else(|| answer.get("next_page_uri"))?
        .as_str()
        .filter(|link| !link.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_envelopes_name_the_next_page() {
        assert_eq!(
            link(&json!({"next_page_uri": "/a?Page=1"})),
            Some("/a?Page=1")
        );
        assert_eq!(
            link(&json!({"meta": {"next_page_url": "https://x/a"}})),
            Some("https://x/a")
        );
        for last in [
            json!({}),
            json!({"next_page_uri": null}),
            json!({"meta": {"next_page_url": null}}),
            json!({"next_page_uri": ""}),
        ] {
            assert_eq!(link(&last), None, "{last}");
        }
    }
}
