//! The Events API, in windows that halve when a page is full.

use std::collections::HashSet;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use flex_events::{EventError, FlexEvent};
use http_retry::SafeUrl;
use twilio_sid::{EventSid, ReservationSid, TaskSid, WorkerSid};

use crate::settings::Host;
use crate::taskrouter::TaskRouter;
use crate::{TwilioError, time};

/// Twilio answers a start before this with 400.
const RETENTION: TimeDelta = TimeDelta::days(30);

/// A 400 counts as "too old" from a little before the 30 days: our clock and Twilio's differ.
const CLOCK_MARGIN: TimeDelta = TimeDelta::minutes(10);

/// Which events are asked for: those from `start` to `end`, both included, in whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    filters: Vec<(&'static str, String)>,
    page_size: Option<u16>,
}

impl EventQuery {
    /// All events of the workspace in that window, widened outward to whole seconds.
    ///
    /// A query without dates would bring the last 15 minutes alone, so the window is not optional.
    pub fn between(start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        let second = TimeDelta::seconds(1);
        let start = start.duration_trunc(second).unwrap_or(start);
        let floor = end.duration_trunc(second).unwrap_or(end);
        let end = if floor < end { floor + second } else { floor };
        Self {
            start,
            end: end.max(start),
            filters: Vec::new(),
            page_size: None,
        }
    }

    /// In pages of at most so many events, where the client's are larger: a page is in memory as a whole, several times as large as it came.
    pub fn in_pages_of(self, events: u16) -> Self {
        Self {
            page_size: Some(events.max(1)),
            ..self
        }
    }

    /// Only those of one task.
    pub fn of_task(self, task: TaskSid) -> Self {
        self.filter("TaskSid", task.to_string())
    }

    /// Only those of one reservation.
    pub fn of_reservation(self, reservation: ReservationSid) -> Self {
        self.filter("ReservationSid", reservation.to_string())
    }

    /// Only those of one worker.
    pub fn of_worker(self, worker: WorkerSid) -> Self {
        self.filter("WorkerSid", worker.to_string())
    }

    /// Only those of one type, in Twilio's words: `reservation.completed`.
    pub fn of_type(self, event_type: &str) -> Self {
        self.filter("EventType", event_type.to_owned())
    }

    /// The first second.
    pub fn start(&self) -> DateTime<Utc> {
        self.start
    }

    /// The last second.
    pub fn end(&self) -> DateTime<Utc> {
        self.end
    }

    fn filter(mut self, name: &'static str, value: String) -> Self {
        self.filters.retain(|(set, _)| *set != name);
        self.filters.push((name, value));
        self
    }

    fn url(&self, base: SafeUrl, window: Window, page_size: u16) -> SafeUrl {
        let url = base
            .with_query("StartDate", &time::query(window.start))
            .with_query("EndDate", &time::query(window.end))
            .with_query("PageSize", &page_size.to_string());
        self.filters
            .iter()
            .fold(url, |url, (name, value)| url.with_query(name, value))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Window {
    /// Both halves, which share the second between them, so that no event falls between. `None` for a second that cannot be
    /// halved.
    fn halves(self) -> Option<(Self, Self)> {
        let seconds = (self.end - self.start).num_seconds();
        if seconds < 2 {
            return None;
        }
        let middle = self.start + TimeDelta::seconds(seconds / 2);
        Some((
            Self {
                start: self.start,
                end: middle,
            },
            Self {
                start: middle,
                end: self.end,
            },
        ))
    }
}

/// What a query brought.
#[derive(Debug, Clone, Default)]
pub struct EventsFound {
    /// The events, each once, in order of their time.
    pub events: Vec<FlexEvent>,
    /// What stood among them and could not be read, each with the event's SID where it is known. They are for the log:
    /// what is in them can be asked for with [`TaskRouter::event`].
    pub unreadable: Vec<EventError>,
    /// The requests that it took.
    pub requests: u32,
}

impl TaskRouter<'_> {
    /// The events of a window.
    ///
    /// A page that is full may hide more, so its window is asked for again in two halves, down to a single second, whose
    /// pages are followed by the links in the answers. An event that is found twice is given once.
    pub async fn events(&self, query: &EventQuery) -> Result<EventsFound, TwilioError> {
        let mut found = EventsFound::default();
        let mut seen = HashSet::new();
        let page_size = self.client.page_size();
        let page_size = query.page_size.unwrap_or(page_size).min(page_size);
        // Depth first from the left: at most one right half per halving waits here.
        let mut windows = vec![Window {
            start: query.start,
            end: query.end,
        }];
        while let Some(window) = windows.pop() {
            let url = query.url(self.url(&["Events"]), window, page_size);
            let mut page = self.events_page(&url, window, &mut found.requests).await?;
            let full = page.items.len() >= usize::from(page_size);
            if full && let Some((left, right)) = window.halves() {
                windows.extend([right, left]);
                continue;
            }
            let mut pages = 1;
            loop {
                for event in flex_events::parse_each(&page.items) {
                    keep(&mut found, &mut seen, event);
                }
                let Some(next) = page.next.take() else { break };
                if pages >= self.client.max_pages() {
                    return Err(TwilioError::EndlessList {
                        list: "events",
                        pages,
                    });
                }
                page = self.events_page(&next, window, &mut found.requests).await?;
                pages += 1;
            }
        }
        found.events.sort_by_key(|event| (event.at, event.sid));
        Ok(found)
    }

    /// One event by its SID, as Twilio gives it.
    pub async fn event(&self, sid: EventSid) -> Result<Result<FlexEvent, EventError>, TwilioError> {
        let url = self.url(&["Events", sid.as_str()]);
        let value = self.client.json("twilio.events.get", &url).await?;
        Ok(FlexEvent::from_events_api(&value))
    }

    async fn events_page(
        &self,
        url: &SafeUrl,
        window: Window,
        requests: &mut u32,
    ) -> Result<crate::listing::Page, TwilioError> {
        *requests += 1;
        let result = self
            .client
            .page("twilio.events.list", Host::TaskRouter, url, "events")
            .await;
        result.map_err(|error| match error {
            TwilioError::Call(call)
                if call.status() == Some(400)
                    && window.start < self.client.now() - RETENTION + CLOCK_MARGIN =>
            {
                TwilioError::EventsTooOld {
                    start: window.start,
                    call,
                }
            }
            other => other,
        })
    }
}

fn keep(
    found: &mut EventsFound,
    seen: &mut HashSet<EventSid>,
    event: Result<FlexEvent, EventError>,
) {
    match event {
        Ok(event) => {
            if seen.insert(event.sid) {
                found.events.push(event);
            }
        }
        Err(error) => {
            if error.event().is_none_or(|sid| seen.insert(sid)) {
                found.unreadable.push(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Timelike};
    use proptest::prelude::*;

    use super::*;

    fn at(second: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, second).unwrap()
    }

    #[test]
    fn a_window_is_widened_outward_to_whole_seconds() {
        let query = EventQuery::between(
            at(5).with_nanosecond(999).unwrap(),
            at(9).with_nanosecond(1).unwrap(),
        );
        assert_eq!((query.start(), query.end()), (at(5), at(10)));
        let query = EventQuery::between(at(9), at(5));
        assert_eq!(
            (query.start(), query.end()),
            (at(9), at(9)),
            "a window that ends before it starts is empty"
        );
    }

    #[test]
    fn a_filter_set_twice_counts_once() {
        let query = EventQuery::between(at(0), at(1)).of_type("a").of_type("b");
        assert_eq!(query.filters, [("EventType", "b".to_owned())]);
    }

    proptest! {
        #[test]
        fn halves_cover_their_window_and_halving_ends(seconds in 0_i64..100_000) {
            let window = Window { start: at(0), end: at(0) + TimeDelta::seconds(seconds) };
            match window.halves() {
                None => prop_assert!(seconds < 2),
                Some((left, right)) => {
                    prop_assert_eq!(left.start, window.start);
                    prop_assert_eq!(left.end, right.start);
                    prop_assert_eq!(right.end, window.end);
                    prop_assert!(left.end > left.start && right.end > right.start);
                }
            }
        }
    }
}
