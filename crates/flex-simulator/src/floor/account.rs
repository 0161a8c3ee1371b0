//! What receivers got against what was true.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::intervals::LONGEST;
use super::{AgentDay, Floor, FloorReport, FloorState, QUARTER, StateSpan, TrueInterval};

/// What stands for the service queue in [`ToldInterval::queue`], where an agent's activities are of no queue.
pub const SERVICE_QUEUE: &str = "service-queue";

/// How many wrong states an account names.
const NAMED: usize = 20;

/// An interval as a receiver got it. Where one comes again, what came last counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldInterval {
    /// The report.
    pub report: FloorReport,
    /// The agent's SID, in the agent report.
    pub agent: Option<String>,
    /// The queue's SID, or [`SERVICE_QUEUE`].
    pub queue: Option<String>,
    /// Where it begins.
    pub start: DateTime<Utc>,
    /// What it sums up to, in milliseconds or contacts, by the names that [`FloorReport::measures`] has. Only what is here is compared.
    pub values: BTreeMap<String, u64>,
    /// Whether it was said to be the sum of both passes over a repeated hour.
    pub ambiguous: bool,
}

/// A state as a receiver got it, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToldState {
    /// The agent's SID.
    pub agent: String,
    /// The state.
    pub state: FloorState,
    /// The reason code.
    pub reason: Option<String>,
    /// Since when, by the floor's clock.
    pub since: DateTime<Utc>,
    /// When it came, by the floor's clock.
    pub at: DateTime<Utc>,
}

/// All that receivers got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Intervals, in the order in which they came.
    pub intervals: Vec<ToldInterval>,
    /// States, in the order in which they came.
    pub states: Vec<ToldState>,
}

/// By which rules an account is made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts about a run that do not depend on one another"
)]
pub struct AccountRules {
    /// The moment up to which states should have been told.
    pub until: DateTime<Utc>,
    /// The end of the last interval that should have been told.
    pub loaded: DateTime<Utc>,
    /// How far a state's `since` may be off, in milliseconds: 0 where each change was pushed with its instant.
    pub since_tolerance_ms: i64,
    /// Within which time, in milliseconds of the floor's clock, a state must be put right that never was. What happens at once comes by several
    /// ways and in any order: in between, what is known fits no moment.
    pub passing_ms: i64,
    /// How long after its end, in milliseconds of the floor's clock, a state may still be told; `None` for any time.
    pub late_ms: Option<i64>,
    /// Whether agents' activities are delivered, for the service queue: reports name no queue for them.
    pub service_queue: bool,
    /// Whether anything tells of hold. Where nothing does, who has a customer on hold is Talking.
    pub hold: bool,
    /// Whether the reports merge both passes over a repeated hour.
    pub merged: bool,
    /// Whether the reports print durations in whole seconds, so that each piece of a sum may be off by half of one.
    pub whole_seconds: bool,
    /// Whether the queue report tells offered contacts; else they are those answered and those abandoned.
    pub offered: bool,
}

impl Default for AccountRules {
    fn default() -> Self {
        Self {
            until: DateTime::<Utc>::MAX_UTC,
            loaded: DateTime::<Utc>::MAX_UTC,
            since_tolerance_ms: 0,
            passing_ms: 0,
            late_ms: None,
            service_queue: true,
            hold: true,
            merged: false,
            whole_seconds: false,
            offered: true,
        }
    }
}

/// What was told against what was true.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FloorAccount {
    /// True intervals that should have been told.
    pub intervals_expected: u64,
    /// Those of them that were told, as they were.
    pub intervals_delivered: u64,
    /// Intervals that were told otherwise than they were, or never were.
    pub intervals_wrong: u64,
    /// True intervals of a repeated hour that were told as the sum of both passes, and rightly so.
    pub intervals_ambiguous: u64,
    /// True intervals that were not told.
    pub intervals_missing: u64,
    /// True states of agents that should have been told.
    pub states_expected: u64,
    /// States that were told.
    pub states_told: u64,
    /// States that were told with a later beginning than they had, while they lasted: where an event never came, lists tell of a state and not
    /// when it began.
    pub states_begun_late: u64,
    /// States that were told and never were, since only some of several things that happened were known, and that were put right in time.
    pub states_passing: u64,
    /// For how many milliseconds of the floor's clock one of those stood at most.
    pub states_passing_ms: i64,
    /// States that were told, never were and stood, states that were told long after they were over, and agents whose last told state is not the one that they are in.
    pub states_wrong: u64,
    /// True states that were not told since a newer one was.
    pub states_superseded: u64,
    /// True states that were not told, and no newer one was.
    pub states_missing: u64,
    /// Some of the wrong states, agent by agent and 20 at most, each with what was true: so that somebody can find out why.
    pub wrong: Vec<WrongState>,
}

/// A state that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WrongState {
    /// What was told.
    pub told: ToldState,
    /// What was true when it came; of the last state of an agent, what is true at the end.
    pub truth: Option<StateSpan>,
    /// After how many milliseconds of the floor's clock something true was told; nothing where that never happened.
    pub stood_ms: Option<i64>,
}

impl FloorAccount {
    /// Whether nothing wrong was told and nothing is missing.
    pub fn is_right(&self) -> bool {
        self.intervals_wrong == 0
            && self.intervals_missing == 0
            && self.states_wrong == 0
            && self.states_missing == 0
    }

    fn note_wrong(&mut self, told: &ToldState, truth: Option<&StateSpan>, stood_ms: Option<i64>) {
        self.states_wrong += 1;
        if self.wrong.len() < NAMED {
            self.wrong.push(WrongState {
                told: told.clone(),
                truth: truth.cloned(),
                stood_ms,
            });
        }
    }
}

/// Makes the account.
pub(super) fn account(floor: &Floor, received: &Received, rules: &AccountRules) -> FloorAccount {
    let mut account = FloorAccount::default();
    Intervals::new(floor, rules).compare(&received.intervals, &mut account);
    let mut told: BTreeMap<&str, Vec<&ToldState>> = BTreeMap::new();
    for state in &received.states {
        told.entry(&state.agent).or_default().push(state);
    }
    for day in floor.days() {
        let told = told.remove(day.agent.as_str()).unwrap_or_default();
        states(day, &told, rules, &mut account);
    }
    // Of agents who are not there.
    for told in told.into_values() {
        account.states_told += told.len() as u64;
        for told in told {
            account.note_wrong(told, None, None);
        }
    }
    account
}

type Key<'a> = (FloorReport, Option<&'a str>, Option<&'a str>, DateTime<Utc>);

struct Truth {
    values: BTreeMap<&'static str, u64>,
    pieces: u64,
}

struct Intervals<'a> {
    floor: &'a Floor,
    rules: &'a AccountRules,
    all: Vec<TrueInterval>,
}

impl<'a> Intervals<'a> {
    fn new(floor: &'a Floor, rules: &'a AccountRules) -> Self {
        let mut all = floor.intervals();
        all.retain(|interval| rules.service_queue || interval.queue.is_some());
        if !rules.offered {
            for interval in &mut all {
                if interval.report == FloorReport::QueueHistory {
                    let of = |name| interval.values.get(name).copied().unwrap_or(0);
                    let offered = of("answered") + of("abandoned");
                    interval.values.remove("offered");
                    if offered > 0 {
                        interval.values.insert("offered", offered);
                    }
                }
            }
            all.retain(|interval| !interval.values.is_empty());
        }
        Self { floor, rules, all }
    }

    /// The second pass over the quarter of an hour that begins then, where it comes twice.
    fn again(&self, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = self.floor.local(start);
        let later = (1..=8).map(|quarters| start + TimeDelta::milliseconds(QUARTER * quarters));
        later
            .into_iter()
            .find(|later| self.floor.local(*later) == local)
    }

    fn compare(&self, told: &[ToldInterval], account: &mut FloorAccount) {
        let mut truths: BTreeMap<Key<'_>, &TrueInterval> = BTreeMap::new();
        for interval in &self.all {
            let (agent, queue) = (interval.agent.as_deref(), interval.queue.as_deref());
            truths.insert((interval.report, agent, queue, interval.start), interval);
        }
        let length = TimeDelta::milliseconds(QUARTER);
        let due = |start: DateTime<Utc>| start + length <= self.rules.loaded;
        let mut missing: BTreeSet<Key<'_>> = truths
            .keys()
            .copied()
            .filter(|(.., start)| due(*start))
            .collect();
        account.intervals_expected = missing.len() as u64;
        let mut last: BTreeMap<Key<'_>, &ToldInterval> = BTreeMap::new();
        for told in told {
            let queue = told
                .queue
                .as_deref()
                .filter(|queue| *queue != SERVICE_QUEUE);
            last.insert(
                (told.report, told.agent.as_deref(), queue, told.start),
                told,
            );
        }
        for (key, told) in last {
            let (report, agent, queue, start) = key;
            let again = self
                .again(start)
                .filter(|_| told.ambiguous || self.rules.merged);
            let both = [Some(start), again].into_iter().flatten();
            let keys: Vec<Key<'_>> = both.map(|start| (report, agent, queue, start)).collect();
            let truth = sum(keys.iter().filter_map(|key| truths.get(key).copied()));
            let there = keys.iter().filter(|key| missing.remove(*key)).count() as u64;
            if !self.is_right(told, &truth) {
                account.intervals_wrong += 1;
            } else if again.is_some() {
                account.intervals_ambiguous += there;
            } else {
                account.intervals_delivered += there;
            }
        }
        account.intervals_missing = missing.len() as u64;
    }

    fn is_right(&self, told: &ToldInterval, truth: &Truth) -> bool {
        let measures = told.report.measures();
        !told.values.is_empty()
            && told.values.iter().all(|(measure, told)| {
                measures.contains(&measure.as_str()) && self.is_value(measure, *told, truth)
            })
    }

    fn is_value(&self, measure: &str, told: u64, truth: &Truth) -> bool {
        let value = truth.values.get(measure).copied().unwrap_or(0);
        if told == value || !measure.ends_with("_ms") {
            return told == value;
        }
        // Receivers are told whole seconds.
        if told == (value + 500) / 1_000 * 1_000 {
            return true;
        }
        let rounded = 500 * (truth.pieces + 2);
        self.rules.whole_seconds && told.abs_diff(value) <= rounded
    }
}

/// What several intervals come to together.
fn sum<'a>(intervals: impl Iterator<Item = &'a TrueInterval>) -> Truth {
    let mut truth = Truth {
        values: BTreeMap::new(),
        pieces: 0,
    };
    for interval in intervals {
        truth.pieces += interval.pieces;
        for (measure, value) in &interval.values {
            let sum = truth.values.entry(measure).or_default();
            *sum = if *measure == LONGEST {
                *value.max(sum)
            } else {
                *sum + value
            };
        }
    }
    truth
}

/// The spans of a day as they can be known, up to a moment.
fn knowable(day: &AgentDay, rules: &AccountRules) -> Vec<StateSpan> {
    let mut spans: Vec<StateSpan> = Vec::new();
    for span in day.spans.iter().filter(|span| span.from <= rules.until) {
        let mut span = span.clone();
        if span.state == FloorState::Hold && !rules.hold {
            span.state = FloorState::Talking;
        }
        match spans.last_mut() {
            Some(last) if (last.state, &last.reason) == (span.state, &span.reason) => {
                last.to = span.to;
            }
            _ => spans.push(span),
        }
    }
    spans
}

fn states(day: &AgentDay, told: &[&ToldState], rules: &AccountRules, account: &mut FloorAccount) {
    let spans = knowable(day, rules);
    let mut newest = None;
    let mut known = vec![false; spans.len()];
    let mut last_is_right = true;
    let mut never = Vec::new();
    for told in told {
        let near = |at: DateTime<Utc>| {
            (told.since - at).num_milliseconds().abs() <= rules.since_tolerance_ms
        };
        let alike = |span: &StateSpan| span.state == told.state && span.reason == told.reason;
        // What was so before the day began is so since any time before.
        let place = spans.iter().enumerate().position(|(place, span)| {
            alike(span) && (near(span.from) || place == 0 && told.since <= span.from)
        });
        let moment = || {
            let mut moments = day.moments.iter();
            moments.any(|span| near(span.from) && alike(span))
        };
        if let Some(place) = place {
            known[place] = true;
            newest = newest.max(Some(place));
            last_is_right = place + 1 == spans.len();
            let after = (told.at - spans[place].to).num_milliseconds();
            if rules.late_ms.is_some_and(|most| after > most) && !last_is_right {
                account.note_wrong(told, day.at(told.at), None);
            }
        } else if moment() {
            // It says nothing of what was before or comes after, unless the agent is still in it.
            let now = spans.last();
            last_is_right = now.is_some_and(|span| alike(span) && told.since >= span.from);
            if let (true, Some(place)) = (last_is_right, spans.len().checked_sub(1)) {
                known[place] = true;
                newest = newest.max(Some(place));
            }
        } else if let Some(place) = spans
            .iter()
            .position(|span| alike(span) && span.from < told.since && told.since < span.to)
        {
            account.states_begun_late += 1;
            known[place] = true;
            newest = newest.max(Some(place));
            last_is_right = place + 1 == spans.len();
        } else {
            never.push(*told);
            // It is counted below.
            last_is_right = true;
            continue;
        }
        // What was never so and was put right in time did not stand.
        for never in never.drain(..) {
            let stood = (told.at - never.at).num_milliseconds();
            if stood <= rules.passing_ms {
                account.states_passing += 1;
                account.states_passing_ms = account.states_passing_ms.max(stood);
            } else {
                account.note_wrong(never, day.at(never.at), Some(stood));
            }
        }
    }
    for never in never {
        account.note_wrong(never, day.at(never.at), None);
    }
    account.states_told += told.len() as u64;
    if let (false, Some(last)) = (last_is_right, told.last()) {
        account.note_wrong(last, spans.last(), None);
    }
    account.states_expected += spans.len() as u64;
    for (place, known) in known.iter().enumerate() {
        if *known {
            continue;
        }
        if newest.is_some_and(|newest| place < newest) {
            account.states_superseded += 1;
        } else {
            account.states_missing += 1;
        }
    }
}
