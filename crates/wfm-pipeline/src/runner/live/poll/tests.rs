//! Which windows are asked for, and what is made of what they bring.

use std::sync::Mutex;

use serde_json::{Value, json};
use wfm_state_mapping::CalabrioState;

use super::*;
use crate::runner::Witness;
use crate::runner::testing::{Bench, noon, sid, worker};

struct Floor {
    bench: Bench,
    acd: AcdServices,
    services: AdherenceServices,
    live: Live,
    polling: Polling,
}

impl Floor {
    /// With one agent, who is available and was read.
    async fn new(ahead: TimeDelta) -> Self {
        let bench = Bench::new().await;
        bench.world(|world| world.ahead = ahead);
        bench.list("Workers", [worker(1, "ada", "Ada", 1)]);
        let acd = bench.services();
        let services = acd.adherence.clone().unwrap();
        let live = Live::new(&services);
        let polling = Polling::new(noon());
        let floor = Self {
            bench,
            acd,
            services,
            live,
            polling,
        };
        let clock = floor.bench.clock();
        let read = floor
            .live
            .resynchronise(&floor.acd, &floor.services, &clock);
        read.await.unwrap();
        floor
    }

    /// Polls so long after noon; the windows that were asked for, in seconds after noon.
    async fn poll(&mut self, seconds: i64) -> Vec<(i64, i64)> {
        self.bench.world(|world| world.windows.clear());
        let now = noon() + TimeDelta::seconds(seconds);
        let pushed = self.services.pushed;
        let polled = self.polling.poll(&self.acd, &self.live, now, pushed);
        polled.await.unwrap();
        let after = |at: DateTime<Utc>| (at - noon()).num_seconds();
        self.bench.world(|world| {
            let windows = world.windows.iter();
            windows
                .map(|(start, end)| (after(*start), after(*end)))
                .collect()
        })
    }

    fn state(&self) -> CalabrioState {
        self.live.table()[0].state.unwrap()
    }
}

/// The agent's change to another activity, so many seconds after noon.
fn activity(number: usize, seconds: i64, to: usize) -> Value {
    let at = noon() + TimeDelta::seconds(seconds);
    let name = ["Offline", "Available", "Lunch"][to];
    json!({
        "sid": sid("EV", number), "event_type": "worker.activity.update", "event_date_ms": at.timestamp_millis(),
        "event_data": {
            "worker_sid": sid("WK", 1), "worker_activity_sid": sid("WA", to),
            "worker_activity_name": name,
        },
    })
}

/// Within the second that a clock is read by, and another by which windows are widened.
fn about(found: i64, expected: i64) -> bool {
    (found - expected).abs() <= 2
}

#[tokio::test]
async fn windows_go_by_twilios_clock_where_the_machines_is_fast() {
    let mut floor = Floor::new(TimeDelta::minutes(-5)).await;
    for seconds in [10, 20] {
        let windows = floor.poll(seconds).await;
        let (start, end) = (windows[0].0, windows[windows.len() - 1].1);
        assert!(about(end, seconds - 300), "{end}");
        assert!(start <= end - 60, "{windows:?}");
    }
}

#[tokio::test]
async fn a_clock_that_jumped_ahead_and_back_hears_on() {
    let mut floor = Floor::new(TimeDelta::zero()).await;
    floor.poll(3_600).await;
    let windows = floor.poll(20).await;
    let (start, end) = (windows[0].0, windows[windows.len() - 1].1);
    assert!(about(start, -40) && about(end, 20), "{windows:?}");
}

#[tokio::test]
async fn after_an_outage_it_is_looked_back_a_quarter_of_an_hour_window_by_window() {
    let mut floor = Floor::new(TimeDelta::zero()).await;
    floor.poll(0).await;
    assert!(!floor.polling.tally().passed_over);
    let windows = floor.poll(40 * 24 * 3_600).await;
    let now = 40 * 24 * 3_600;
    assert!((8..14).contains(&windows.len()), "{windows:?}");
    assert!(about(windows[0].0, now - 16 * 60), "{windows:?}");
    assert!(about(windows[windows.len() - 1].1, now), "{windows:?}");
    for pair in windows.windows(2) {
        assert!(pair[1].0 <= pair[0].1, "{pair:?}");
        assert!(pair[0].1 - pair[0].0 <= 130, "{pair:?}");
    }
    assert!(
        floor.polling.tally().passed_over,
        "the workspace is to be read"
    );
    floor.poll(now + 3).await;
    assert!(!floor.polling.tally().passed_over);
}

#[tokio::test]
async fn an_event_is_heard_once_and_one_that_cannot_be_read_is_counted_once() {
    let mut floor = Floor::new(TimeDelta::zero()).await;
    let broken = json!({"sid": sid("EV", 2), "event_type": "worker.activity.update"});
    floor.bench.list("Events", [activity(1, 5, 2), broken]);
    floor.poll(10).await;
    assert_eq!(floor.state(), CalabrioState::NotReady);
    let first = Polled {
        events: 1,
        unreadable: 1,
        ..Polled::default()
    };
    assert_eq!(floor.polling.tally(), first);
    floor.poll(13).await;
    assert_eq!(floor.polling.tally(), Polled::default());
}

#[tokio::test]
async fn what_should_have_been_pushed_and_was_not_is_counted() {
    let mut floor = Floor::new(TimeDelta::zero()).await;
    floor.services.pushed = true;
    // It may be on its way.
    floor.bench.list("Events", [activity(1, 95, 2)]);
    floor.poll(100).await;
    assert_eq!(floor.state(), CalabrioState::NotReady);
    assert_eq!(floor.polling.tally().not_pushed, 0);

    floor.bench.list("Events", [activity(2, 105, 1)]);
    floor.poll(130).await;
    assert_eq!(floor.state(), CalabrioState::Ready);
    assert_eq!(floor.polling.tally().not_pushed, 1);

    // This one came before.
    let pushed = FlexEvent::from_events_api(&activity(3, 140, 2)).unwrap();
    floor.live.apply([&Pushed::TaskRouter(Box::new(pushed))]);
    floor.bench.list("Events", [activity(3, 140, 2)]);
    floor.poll(160).await;
    let tally = floor.polling.tally();
    assert_eq!((tally.events, tally.not_pushed), (1, 0));
}

/// What polls brought.
#[derive(Default)]
struct Told(Mutex<HashMap<&'static str, u64>>);

impl Witness for Told {
    fn polled(&self, _: &str, what: &'static str, count: u64) {
        *self.0.lock().unwrap().entry(what).or_default() += count;
    }
}

#[tokio::test]
async fn where_events_are_pushed_it_is_polled_all_the_same_and_told() {
    let floor = Floor::new(TimeDelta::zero()).await;
    let services = AdherenceServices {
        poll_events: Some(Duration::from_millis(5)),
        pushed: true,
        ..floor.services.clone()
    };
    floor.bench.list("Events", [activity(1, 20, 2)]);
    floor.bench.set_now(noon() + TimeDelta::seconds(60));
    let witness = Arc::new(Told::default());
    let core = Core {
        witness: Arc::clone(&witness) as _,
        ..floor.bench.core(&floor.acd).await
    };
    let stop = CancellationToken::new();
    let polling = tokio::spawn(poll_events(
        Arc::new(core),
        Arc::new(floor.acd.clone()),
        services,
        floor.live.clone(),
        stop.clone(),
    ));
    let told = async {
        while witness.0.lock().unwrap().get("not-pushed") != Some(&1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told)
        .await
        .unwrap();
    stop.cancel();
    polling.await.unwrap();
    assert_eq!(floor.state(), CalabrioState::NotReady);
}

#[test]
fn a_window_is_as_long_as_memory_allows() {
    let mut polling = Polling::new(Utc::now());
    let mut lengths = Vec::new();
    for events in [0, 0, 0, 0, 0, 700, 9_000, 9_000, 1_500, 1_499] {
        polling.fit(events);
        lengths.push(polling.window.num_seconds());
    }
    assert_eq!(lengths, [16, 32, 64, 128, 128, 128, 64, 32, 16, 16]);
    for _ in 0..9 {
        polling.fit(9_000);
    }
    assert_eq!(polling.window, WINDOWS.0);
}

#[tokio::test]
async fn where_very_many_events_are_pushed_nothing_is_asked_for() {
    let mut floor = Floor::new(TimeDelta::zero()).await;
    floor.services.pushed = true;
    floor.poll(0).await;
    let pushed = FlexEvent::from_events_api(&activity(1, 5, 2)).unwrap();
    let pushed = Pushed::TaskRouter(Box::new(pushed));
    let many = usize::try_from(MANY).unwrap();
    floor.live.apply(std::iter::repeat_n(&pushed, many));
    assert_eq!(floor.poll(30).await, []);
    // Where they end it goes on from there.
    let windows = floor.poll(60).await;
    assert!(about(windows[0].0, 30 - 10), "{windows:?}");
    assert!(!floor.polling.tally().passed_over);
}
