//! What a running worker tells from outside: metrics, and whether it is ready.

use std::sync::Arc;

use connector_config::{Config, Product};
use http_retry::{CallObservation, Observer};
use secrecy::SecretString;
use service_runtime::{
    AdminServer, AdminSettings, Condition, CounterFamily, Health, Metrics, Stop,
};
use tokio::task::JoinSet;
use wfm_history::Report;
use wfm_pipeline::{PullReport, Witness};

/// The metrics of a worker.
pub(crate) struct Watch {
    metrics: Metrics,
    ready: Health,
    pulled_once: Condition,
    pulls: CounterFamily<3>,
    intervals: CounterFamily<3>,
    states: CounterFamily<2>,
    pushed: CounterFamily<2>,
    corrections: CounterFamily<1>,
    roster: CounterFamily<2>,
    calls: CounterFamily<2>,
}

impl Watch {
    pub(crate) fn new() -> Arc<Self> {
        let metrics = Metrics::new("sync_wfm");
        let ready = Health::new();
        Arc::new(Self {
            pulled_once: ready.condition("worker"),
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
        self.pulled_once.set(true);
    }
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
    }

    fn pull_failed(&self, acd: &str, report: Report) {
        self.pulls.with([acd, word(report), "failed"]).add(1);
    }

    fn intervals(&self, acd: &str, report: Report, fate: &'static str, count: u64) {
        self.intervals.with([acd, word(report), fate]).add(count);
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
