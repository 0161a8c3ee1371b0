//! What a running worker tells from outside: metrics, and whether it is ready.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use connector_config::{Config, Product};
use http_retry::{CallObservation, Observer};
use secrecy::SecretString;
use service_runtime::{
    AdminServer, AdminSettings, Condition, CounterFamily, GaugeFamily, Health, Metrics, Stop,
};
use tokio::task::JoinSet;
use wfm_history::Report;
use wfm_pipeline::{Backlog, PullReport, Witness};

/// The metrics of a worker.
pub(crate) struct Watch {
    metrics: Metrics,
    ready: Health,
    worker: Condition,
    conditions: Conditions,
    acds: Mutex<BTreeMap<String, Standing>>,
    pulls: CounterFamily<3>,
    intervals: CounterFamily<3>,
    states: CounterFamily<2>,
    pushed: CounterFamily<2>,
    corrections: CounterFamily<1>,
    roster: CounterFamily<2>,
    calls: CounterFamily<2>,
    polled: CounterFamily<2>,
    refused_agents: GaugeFamily<1>,
    held: GaugeFamily<2>,
    standing: GaugeFamily<3>,
    oldest: GaugeFamily<2>,
    newest: GaugeFamily<2>,
}

/// What has to hold of every ACD.
struct Conditions {
    roster: Condition,
    reports: Condition,
    deliveries: Condition,
    states: Condition,
}

/// How an ACD stands.
#[derive(Debug, Default)]
struct Standing {
    /// Whether it has adherence on.
    adherence: bool,
    /// Whether its agents and queues were read since the start.
    listed: bool,
    /// The reports whose last pull failed.
    not_pulled: BTreeSet<Report>,
    /// The reports whose last delivery could not be made.
    not_delivered: BTreeSet<Report>,
    /// Whether Calabrio was told of every agent's state.
    states: bool,
}

impl Watch {
    pub(crate) fn new() -> Arc<Self> {
        let metrics = Metrics::new("sync_wfm");
        let ready = Health::new();
        Arc::new(Self {
            worker: ready.condition("worker"),
            conditions: Conditions {
                roster: ready.condition("agents-and-queues"),
                reports: ready.condition("reports"),
                deliveries: ready.condition("deliveries"),
                states: ready.condition("states"),
            },
            acds: Mutex::default(),
            ready,
            pulls: metrics.counters("pulls", "pulls of reports", ["acd", "report", "outcome"]),
            intervals: metrics.counters(
                "intervals",
                "what became of intervals, attempt by attempt",
                ["acd", "report", "fate"],
            ),
            states: metrics.counters(
                "states",
                "what became of agents' states, attempt by attempt",
                ["acd", "fate"],
            ),
            pushed: metrics.counters(
                "pushed",
                "requests with pushed events by their answer, and events by what became of them",
                ["acd", "outcome"],
            ),
            corrections: metrics.counters(
                "corrections",
                "what reading the workspace anew corrected that no event had told",
                ["acd"],
            ),
            roster: metrics.counters(
                "roster",
                "agents and queues that Calabrio was told of",
                ["acd", "fate"],
            ),
            calls: metrics.counters(
                "calls",
                "attempts of calls to the vendors",
                ["call", "outcome"],
            ),
            polled: metrics.counters(
                "polled",
                "events that polling brought: heard for the first time, unreadable, or not pushed although they should have been",
                ["acd", "outcome"],
            ),
            refused_agents: metrics.gauges(
                "refused_agents",
                "agents whose newest state Calabrio refused",
                ["acd"],
            ),
            held: metrics.gauges(
                "held_rows",
                "rows of reports that are held until it is known whose they are",
                ["acd", "report"],
            ),
            standing: metrics.gauges(
                "ledger_intervals",
                "intervals of the ledger that wait, were refused, or are in doubt",
                ["acd", "report", "state"],
            ),
            oldest: metrics.gauges(
                "oldest_batch_age_seconds",
                "for how long the oldest batch waits that is not delivered",
                ["acd", "report"],
            ),
            newest: metrics.gauges(
                "newest_interval_timestamp_seconds",
                "the end of the newest closed interval that a report showed, in seconds since 1970",
                ["acd", "report"],
            ),
            metrics,
        })
    }

    /// Listens where the configuration says, until the stop.
    pub(crate) async fn listen(
        &self,
        config: &Config,
        bearer_token: Option<SecretString>,
        stop: &Stop,
    ) -> anyhow::Result<JoinSet<()>> {
        for acd in config.acds_with(Product::WorkforceManagement) {
            if let Some(rules) = config.wfm_rules(acd) {
                self.expect(&acd.name, rules.adherence);
            }
        }
        let mut tasks = JoinSet::new();
        if let Some(listen) = config.runtime.listen_of(Product::WorkforceManagement) {
            let settings = AdminSettings {
                listen,
                bearer_token,
            };
            let server =
                AdminServer::bind(settings, self.metrics.clone(), self.ready.clone()).await?;
            tracing::info!(listen = %server.local_addr(), "metrics, livez and readyz answer");
            tasks.spawn(server.run(stop.clone()));
        }
        Ok(tasks)
    }

    /// Says that the worker has begun.
    pub(crate) fn begun(&self) {
        self.worker.set(true);
    }

    /// Says that an ACD is worked for.
    fn expect(&self, acd: &str, adherence: bool) {
        self.note(acd, |standing| standing.adherence = adherence);
    }

    /// Notes that a report came to its end.
    fn came(&self, acd: &str, report: Report) {
        self.note(acd, |acd| {
            acd.not_pulled.remove(&report);
        });
    }

    /// Notes something of an ACD, and what is ready by that.
    fn note(&self, acd: &str, note: impl FnOnce(&mut Standing)) {
        let mut acds = self.acds.lock().unwrap_or_else(PoisonError::into_inner);
        note(acds.entry(acd.to_owned()).or_default());
        let all = |holds: fn(&Standing) -> bool| acds.values().all(holds);
        let conditions = &self.conditions;
        conditions.roster.set(all(|acd| acd.listed));
        conditions.reports.set(all(|acd| acd.not_pulled.is_empty()));
        conditions
            .deliveries
            .set(all(|acd| acd.not_delivered.is_empty()));
        conditions
            .states
            .set(all(|acd| acd.states || !acd.adherence));
    }
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn word(report: Report) -> &'static str {
    match report {
        Report::AgentProductivity => "agent-productivity",
        Report::QueueHistory => "queue-history",
    }
}

impl Witness for Watch {
    fn pulled(&self, acd: &str, report: &PullReport) {
        let outcome = if report.alarm.is_some() {
            "alarm"
        } else {
            "whole"
        };
        self.pulls.with([acd, word(report.report), outcome]).add(1);
        self.came(acd, report.report);
    }

    fn pull_failed(&self, acd: &str, report: Report) {
        self.pulls.with([acd, word(report), "failed"]).add(1);
        self.note(acd, |acd| {
            acd.not_pulled.insert(report);
        });
    }

    fn intervals(&self, acd: &str, report: Report, fate: &'static str, count: u64) {
        self.intervals.with([acd, word(report), fate]).add(count);
        // It is told after each attempt, also that nothing waits.
        if fate == "waiting" {
            self.note(acd, |acd| {
                if count == 0 {
                    acd.not_delivered.remove(&report);
                } else {
                    acd.not_delivered.insert(report);
                }
            });
        }
    }

    fn backlog(&self, acd: &str, report: Report, backlog: &Backlog, now: DateTime<Utc>) {
        let word = word(report);
        self.held.with([acd, word]).set(gauge(backlog.held));
        for (state, count) in [
            ("waiting", backlog.waiting),
            ("refused", backlog.refused),
            ("in-doubt", backlog.in_doubt),
        ] {
            self.standing.with([acd, word, state]).set(gauge(count));
        }
        let age = backlog
            .oldest_batch
            .map_or(0, |made| (now - made).num_seconds().max(0));
        self.oldest.with([acd, word]).set(age);
        if let Some(until) = backlog.shown_until {
            self.newest.with([acd, word]).set(until.timestamp());
        }
    }

    fn states_told(&self, acd: &str, whole: bool) {
        self.note(acd, |acd| acd.states = whole);
    }

    fn refused_agents(&self, acd: &str, agents: u64) {
        self.refused_agents.with([acd]).set(gauge(agents));
    }

    fn polled(&self, acd: &str, what: &'static str, count: u64) {
        self.polled.with([acd, what]).add(count);
    }

    fn states(&self, acd: &str, fate: &'static str, count: u64) {
        self.states.with([acd, fate]).add(count);
    }

    fn pushed(&self, acd: &str, outcome: &'static str, count: u64) {
        self.pushed.with([acd, outcome]).add(count);
    }

    fn resynchronised(&self, acd: &str, corrected: u64) {
        self.corrections.with([acd]).add(corrected);
    }

    fn listed(&self, acd: &str) {
        self.note(acd, |acd| acd.listed = true);
    }

    fn roster(&self, acd: &str, fate: &'static str, count: u64) {
        self.roster.with([acd, fate]).add(count);
    }
}

/// Counts attempts of calls.
pub(crate) struct Calls(pub(crate) Arc<Watch>);

impl Observer for Calls {
    fn observe(&self, seen: &CallObservation) {
        let outcome = match (seen.status, &seen.failure) {
            (Some(status), _) => status.to_string(),
            (None, Some(_)) => "unanswered".to_owned(),
            (None, None) => "served".to_owned(),
        };
        self.0.calls.with([seen.call, &outcome]).add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUES: Report = Report::QueueHistory;

    #[test]
    fn it_is_ready_once_all_that_is_on_worked_and_not_while_something_fails() {
        let watch = Watch::new();
        watch.expect("main", true);
        watch.expect("other", false);
        watch.begun();
        let waits = || watch.ready.waiting_for();
        assert_eq!(waits(), ["agents-and-queues", "states"]);
        watch.listed("main");
        watch.states_told("main", true);
        assert_eq!(waits(), ["agents-and-queues"], "those of the other");
        watch.listed("other");
        assert!(watch.ready.is_ready());

        watch.pull_failed("other", QUEUES);
        watch.states_told("main", false);
        watch.intervals("main", QUEUES, "waiting", 3);
        assert_eq!(waits(), ["deliveries", "reports", "states"]);
        watch.came("main", QUEUES);
        assert_eq!(waits().len(), 3, "of another ACD");
        watch.came("other", QUEUES);
        watch.states_told("main", true);
        watch.intervals("main", QUEUES, "waiting", 0);
        assert!(watch.ready.is_ready());
    }

    #[test]
    fn nothing_is_ready_before_the_worker_begins() {
        let watch = Watch::new();
        watch.expect("main", false);
        watch.listed("main");
        assert_eq!(watch.ready.waiting_for(), ["worker"]);
    }

    #[test]
    fn metrics_tell_how_history_stands() {
        let watch = Watch::new();
        let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(2);
        let backlog = Backlog {
            held: 4,
            waiting: 3,
            refused: 2,
            in_doubt: 1,
            oldest_batch: Some(now - chrono::TimeDelta::minutes(5)),
            shown_until: Some(now),
        };
        watch.backlog("main", QUEUES, &backlog, now);
        watch.refused_agents("main", 7);
        let text = watch.metrics.text();
        for line in [
            r#"sync_wfm_held_rows{acd="main",report="queue-history"} 4"#,
            r#"sync_wfm_ledger_intervals{acd="main",report="queue-history",state="waiting"} 3"#,
            r#"sync_wfm_ledger_intervals{acd="main",report="queue-history",state="refused"} 2"#,
            r#"sync_wfm_ledger_intervals{acd="main",report="queue-history",state="in-doubt"} 1"#,
            r#"sync_wfm_oldest_batch_age_seconds{acd="main",report="queue-history"} 300"#,
            r#"sync_wfm_newest_interval_timestamp_seconds{acd="main",report="queue-history"} 7200"#,
            r#"sync_wfm_refused_agents{acd="main"} 7"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    /// The first column of the table of metrics in docs/operations.md.
    fn documented() -> BTreeSet<String> {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
        let docs = std::fs::read_to_string(docs).unwrap();
        docs.lines()
            .filter_map(|line| line.strip_prefix("| `sync_wfm_"))
            .filter_map(|line| line.split('`').next())
            .map(|name| format!("sync_wfm_{}", name.trim_end_matches("_total")))
            .collect()
    }

    #[test]
    fn every_metric_stands_in_the_documentation_and_no_other() {
        // A family is printed once it has something.
        let watch = Watch::new();
        let backlog = Backlog {
            shown_until: Some(DateTime::UNIX_EPOCH),
            ..Backlog::default()
        };
        watch.pull_failed("main", QUEUES);
        watch.intervals("main", QUEUES, "delivered", 1);
        watch.backlog("main", QUEUES, &backlog, DateTime::UNIX_EPOCH);
        watch.states("main", "delivered", 1);
        watch.refused_agents("main", 1);
        watch.pushed("main", "stored", 1);
        watch.polled("main", "heard", 1);
        watch.resynchronised("main", 1);
        watch.roster("main", "told", 1);
        watch.calls.with(["twilio.events.list", "200"]).add(1);
        let text = watch.metrics.text();
        let named: BTreeSet<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .filter_map(|line| line.split(' ').next())
            .map(str::to_owned)
            .collect();
        assert_eq!(documented(), named);
    }
}
