//! Lists in pages: the 2010 API with relative URIs, the others with absolute URLs in `meta`.

use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use super::answer::Refusal;
use super::request::Request;
use crate::http::Outbound;

const DEFAULT_SIZE: usize = 50;
const LARGEST_SIZE: usize = 1_000;
/// The largest page of the services that give out less.
pub(super) const SMALL_PAGE: usize = 100;

/// Which envelope a list comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Envelope {
    /// `next_page_uri` and its siblings beside the items.
    V2010,
    /// `meta.next_page_url` and its siblings.
    V1,
}

struct Page<'a, T> {
    items: &'a [T],
    number: usize,
    size: usize,
    start: usize,
    next: Option<String>,
    previous: Option<String>,
}

/// Answers with one page of `items`, which are all that the filters admit. `sid` names an item, so that a page goes on where the last one
/// ended, whatever came new at the front.
pub(super) fn list<T>(
    request: &Request<'_>,
    envelope: Envelope,
    key: &str,
    items: &[T],
    sid: impl Fn(&T) -> &str,
    shape: impl Fn(&T) -> Value,
) -> Result<Outbound, Refusal> {
    list_up_to(request, envelope, LARGEST_SIZE, key, items, sid, shape)
}

/// The same with the largest size of a page.
pub(super) fn list_up_to<T>(
    request: &Request<'_>,
    envelope: Envelope,
    largest: usize,
    key: &str,
    items: &[T],
    sid: impl Fn(&T) -> &str,
    shape: impl Fn(&T) -> Value,
) -> Result<Outbound, Refusal> {
    let page = page(request, largest, items, sid)?;
    let shaped: Vec<Value> = page.items.iter().map(shape).collect();
    let uri = |number: usize, token: Option<&str>| uri(request, page.size, number, token);
    let next = page
        .next
        .as_deref()
        .map(|token| uri(page.number + 1, Some(token)));
    let previous = page.previous.as_deref().map(|token| {
        let number = page.number.saturating_sub(1);
        uri(number, (number > 0).then_some(token))
    });
    let mut body = Map::new();
    body.insert(key.to_owned(), Value::Array(shaped));
    match envelope {
        Envelope::V2010 => {
            body.insert("first_page_uri".to_owned(), json!(uri(0, None)));
            body.insert("next_page_uri".to_owned(), json!(next));
            body.insert("previous_page_uri".to_owned(), json!(previous));
            body.insert("page".to_owned(), json!(page.number));
            body.insert("page_size".to_owned(), json!(page.size));
            body.insert("start".to_owned(), json!(page.start));
            body.insert(
                "end".to_owned(),
                json!((page.start + page.items.len()).saturating_sub(1)),
            );
            body.insert(
                "uri".to_owned(),
                json!(uri(page.number, request.param("PageToken"))),
            );
        }
        Envelope::V1 => {
            let absolute = |uri: String| request.link(&uri);
            body.insert(
                "meta".to_owned(),
                json!({
                    "key": key,
                    "page": page.number,
                    "page_size": page.size,
                    "first_page_url": absolute(uri(0, None)),
                    "next_page_url": next.map(absolute),
                    "previous_page_url": previous.map(absolute),
                    "url": absolute(uri(page.number, request.param("PageToken"))),
                }),
            );
        }
    }
    Ok(Outbound::json(200, &Value::Object(body)))
}

fn page<'a, T>(
    request: &Request<'_>,
    largest: usize,
    items: &'a [T],
    sid: impl Fn(&T) -> &str,
) -> Result<Page<'a, T>, Refusal> {
    let size = match request.number("PageSize")? {
        None => DEFAULT_SIZE,
        Some(size) => match usize::try_from(size) {
            Ok(size) if (1..=largest).contains(&size) => size,
            _ => {
                return Err(Refusal::new(
                    400,
                    20_007,
                    format!("Page size must be between 1 and {largest}"),
                ));
            }
        },
    };
    let number = usize::try_from(request.number("Page")?.unwrap_or(0))
        .map_err(|_| Refusal::parameter("Page is below 0"))?;
    let start = match request.param("PageToken") {
        None if number == 0 => 0,
        None => {
            request.violation(
                "a page was asked for by its number alone, not by the link that leads to it",
            );
            return Err(Refusal::parameter("Page without PageToken"));
        }
        Some(token) => {
            let last = token.strip_prefix("PA").unwrap_or(token);
            let before = items.iter().position(|item| sid(item) == last);
            before.ok_or_else(|| Refusal::parameter("PageToken is not valid"))? + 1
        }
    };
    let end = items.len().min(start + size);
    let token = |index: usize| items.get(index).map(|item| format!("PA{}", sid(item)));
    Ok(Page {
        items: &items[start..end],
        number,
        size,
        start,
        next: if end < items.len() {
            token(end - 1)
        } else {
            None
        },
        previous: if start == 0 {
            None
        } else {
            token(start.saturating_sub(size + 1))
        },
    })
}

/// The request's path and filters, for another page.
fn uri(request: &Request<'_>, size: usize, number: usize, token: Option<&str>) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in &request.req.query {
        if !matches!(name.as_str(), "Page" | "PageSize" | "PageToken") {
            query.append_pair(name, value);
        }
    }
    query.append_pair("PageSize", &size.to_string());
    query.append_pair("Page", &number.to_string());
    if let Some(token) = token {
        query.append_pair("PageToken", token);
    }
    format!("{}?{}", request.req.path, query.finish())
}
