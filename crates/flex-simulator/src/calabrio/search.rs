//! The contact search: days in a zone that nobody states, paging by `Range`, and a lag behind imports.

use chrono::NaiveDate;

use super::Calabrio;
use super::store::Filter;
use crate::http::{Ctx, Inbound, Outbound};

/// Items of an answer where nobody says how many.
const DEFAULT_LIMIT: usize = 100;
/// The most items of an answer.
const LIMIT: usize = 50_000;

impl Calabrio {
    pub(super) fn search(&self, req: &Inbound, ctx: &Ctx) -> Outbound {
        let filter = match filter(req) {
            Ok(filter) => filter,
            Err(message) => return self.error(400, &message),
        };
        let limit = match req.param("limit").map(str::parse::<usize>) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if (1..=LIMIT).contains(&limit) => limit,
            Some(_) => return self.error(400, "limit is no number from 1 to 50000"),
        };
        let (first, count) = match req.header("range").map(range) {
            None => (0, limit),
            Some(Some((first, last))) => (first, (last - first).saturating_add(1)),
            Some(None) => {
                ctx.violation("a Range header that is not items=first-last");
                return self.error(416, "the range could not be read");
            }
        };
        let count = count.min(limit).min(self.page_cap);
        if req.param("searchStats") == Some("true") {
            let (_, total) = self.store.search(&filter, ctx.now, 0, 0);
            return Outbound::json(200, &serde_json::json!({"count": total}));
        }
        let with_metadata = req
            .query
            .iter()
            .any(|(name, value)| name == "expand" && value.split(',').any(|v| v == "metadata"));
        let (page, total) = self.store.search(&filter, ctx.now, first, count);
        let range = if page.is_empty() {
            format!("items */{total}")
        } else {
            format!("items {first}-{}/{total}", first + page.len() - 1)
        };
        let page: Vec<_> = page
            .iter()
            .map(|contact| contact.wire(ctx.now, with_metadata))
            .collect();
        Outbound::json(200, &page).with_header("content-range", range)
    }
}

fn filter(req: &Inbound) -> Result<Filter, String> {
    let day = |name: &str| match req.param(name) {
        None => Err(format!("{name} is missing")),
        Some(text) => NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map_err(|_| format!("{name} is no date of the form YYYY-MM-DD")),
    };
    let text = |name: &str| req.param(name).map(str::to_owned);
    for name in [
        "beginTime",
        "endTime",
        "hasTranscription",
        "evalState",
        "reason",
        "searchScope",
        "dateEvaluatedStart",
        "dateEvaluatedEnd",
    ] {
        if req.param(name).is_some() {
            return Err(format!("the simulator does not filter by {name}"));
        }
    }
    let filter = Filter {
        begin: Some(day("beginDate")?),
        end: Some(day("endDate")?),
        contact_type: text("contactType"),
        ani: text("number"),
        dnis: text("dnis"),
    };
    if filter.begin > filter.end {
        return Err("beginDate is after endDate".to_owned());
    }
    Ok(filter)
}

/// First and last item of a `Range` header.
fn range(header: &str) -> Option<(usize, usize)> {
    let (first, last) = header.strip_prefix("items=")?.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_names_its_first_and_last_item() {
        assert_eq!(range("items=0-999"), Some((0, 999)));
        for wrong in ["items=5-4", "bytes=0-1", "items=0-", "items=a-b", ""] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }
}
