//! A floor that is lived through: its clock, what its hosts answer, and what receivers were told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::account::{AccountRules, FloorAccount, Received, ToldInterval, ToldState};
use super::insights::{self, Asked, Insights};
use super::options::{DurationForm, FloorOptions, RepeatedHour};
use super::{Floor, FloorError, InsightsAccess, Pace, QUARTER, instant};
use crate::http::{Ctx, Inbound, Outbound};

/// What a floor that runs tells of itself. Its secrets are the simulator's own inventions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FloorReady {
    /// When its day begins.
    pub from: DateTime<Utc>,
    /// When it ends.
    pub to: DateTime<Utc>,
    /// When its last report is there.
    pub settles: DateTime<Utc>,
    /// The time zone of its reports.
    pub zone: String,
    /// Flex Insights' address.
    pub insights_url: String,
    /// What a client needs to get reports.
    pub insights: InsightsAccess,
}

/// A floor that is lived through at a pace.
pub struct FloorRun {
    floor: Floor,
    options: FloorOptions,
    pace: Pace,
    insights: Insights,
    received: Mutex<Received>,
}

impl fmt::Debug for FloorRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FloorRun")
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl FloorRun {
    /// Makes the floor, and starts its clock. Takes a while for many agents; call it off the runtime's threads.
    pub(crate) fn new(options: FloorOptions, seed: u64) -> Result<Self, FloorError> {
        options.check()?;
        let floor = Floor::new(&options.scenario, seed)?;
        let mut run = Self {
            insights: Insights::new(&options, seed),
            pace: Pace::new(
                options.shows.unwrap_or_default().max(floor.from()),
                options.pace,
            ),
            floor,
            options,
            received: Mutex::default(),
        };
        run.start();
        Ok(run)
    }

    /// Starts its clock, once more: what was made of it meanwhile took its time.
    pub(crate) fn start(&mut self) {
        let stands = if self.options.punctual {
            let left = self.floor.from() - Utc::now();
            left.to_std().unwrap_or_default()
        } else {
            Duration::from_millis(self.options.stands_ms)
        };
        self.pace.started = Instant::now() + stands;
        // Else the day would be out of its reports' reach before anybody has fetched the last one.
        self.pace.calms = Some(self.settles());
    }

    /// What happens on it, and what is true.
    pub fn floor(&self) -> &Floor {
        &self.floor
    }

    /// How it is run.
    pub fn options(&self) -> &FloorOptions {
        &self.options
    }

    /// Its clock. Once all reports of the day are there it goes on in real time.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// What a client needs to get reports.
    pub fn insights(&self) -> &InsightsAccess {
        self.insights.access()
    }

    /// What it tells of itself, where Flex Insights has that address.
    pub(crate) fn ready(&self, insights_url: String) -> FloorReady {
        FloorReady {
            from: self.floor.from(),
            to: self.floor.to(),
            settles: self.settles(),
            zone: self.options.scenario.zone.clone(),
            insights_url,
            insights: self.insights().clone(),
        }
    }

    /// How often Flex Insights did what: `logins`, `tokens`, `computed`, `still computing`, `fetched`, `empty`, `logouts`.
    pub fn insights_answered(&self) -> BTreeMap<&'static str, u64> {
        self.insights.answered()
    }

    /// When the last load that holds anything of the day is there, by the floor's clock: a report that is asked for after this is whole.
    pub fn settles(&self) -> DateTime<Utc> {
        let (to, every) = (self.floor.timeline.to, self.options.insights.loads.every());
        let last = (to + every - 1).div_euclid(every) * every;
        let delay = i64::try_from(self.options.insights.load_delay_ms).unwrap_or(0);
        instant(last + delay)
    }

    /// What Flex Insights knows of at that moment: everything that happened before the answer.
    pub fn loaded(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        instant(insights::cut(&self.options, now.timestamp_millis()))
    }

    /// Takes down what a receiver of intervals got.
    pub fn tell_interval(&self, told: ToldInterval) {
        self.received_mut(|received| received.intervals.push(told));
    }

    /// Takes down what a receiver of states got.
    pub fn tell_state(&self, told: ToldState) {
        self.received_mut(|received| received.states.push(told));
    }

    /// What was taken down so far.
    pub fn received(&self) -> Received {
        self.received_mut(|received| received.clone())
    }

    fn received_mut<T>(&self, with: impl FnOnce(&mut Received) -> T) -> T {
        with(&mut self.received.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The rules of an account up to that moment, as the floor is run.
    pub fn rules(&self, until: DateTime<Utc>) -> AccountRules {
        let insights = &self.options.insights;
        AccountRules {
            until,
            loaded: self.loaded(until),
            merged: insights.repeated_hour == RepeatedHour::Merged,
            whole_seconds: insights.csv.durations != DurationForm::Seconds,
            offered: !insights.csv.without.contains("Offered"),
            ..AccountRules::default()
        }
    }

    /// What was taken down against what is true now.
    pub fn account(&self) -> FloorAccount {
        self.account_of(&self.received(), &self.rules(self.pace.now()))
    }

    /// What receivers got against what was true.
    pub fn account_of(&self, received: &Received, rules: &AccountRules) -> FloorAccount {
        super::account::account(&self.floor, received, rules)
    }

    /// Answers a request to Flex Insights.
    pub(crate) fn insights_host(&self, request: &Inbound, ctx: &Ctx) -> Outbound {
        self.insights.handle(&Asked {
            floor: &self.floor,
            options: &self.options,
            pace: &self.pace,
            request,
            ctx,
            now: Instant::now(),
        })
    }

    /// Everything that is true, and what the clock shows: what the simulator tells about itself.
    pub(crate) fn expected(&self) -> Value {
        let now = self.pace.now();
        let states: Vec<Value> = self
            .floor
            .days()
            .iter()
            .map(|day| json!({"agent": day.agent, "now": day.at(now), "spans": day.spans}))
            .collect();
        json!({
            "clock": now,
            "pace": self.pace.factor,
            "from": self.floor.from(),
            "to": self.floor.to(),
            "zone": self.options.scenario.zone,
            "loaded": self.loaded(now),
            "settles": self.settles(),
            "interval_ms": QUARTER,
            "intervals": self.floor.intervals(),
            "agents": states,
        })
    }
}
