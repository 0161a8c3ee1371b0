//! What a running worker tells from outside: metrics, and whether it is ready.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use connector_config::Config;
use contact_model::{AcdKey, LegId, StageName};
use http_retry::{CallObservation, Observer};
use qm_pipeline::report::reconcile::last_accounts;
use qm_pipeline::{Health as PipelineHealth, Step, Witness};
use secrecy::SecretString;
use service_runtime::{
    AdminServer, AdminSettings, Condition, CounterFamily, GaugeFamily, Health, HistogramFamily,
    Metrics, Stop,
};
use sync_ledger::{
    ContactStore as _, Inbox as _, OutboxStore as _, ReconciliationStore as _, SqliteLedger,
};
use tokio::task::JoinSet;

/// How often what the worker knows of itself is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often the contacts of the ledger are counted. Where there are so many that it takes long, it takes no more than a
/// fiftieth of the time.
const COUNT: Duration = Duration::from_secs(15);
const COUNT_SHARE: u32 = 50;

/// Upper bounds of a call's time, in seconds.
const CALL_SECONDS: [f64; 8] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// The metrics of a worker.
pub(crate) struct Watch {
    metrics: Metrics,
    stages: CounterFamily<1>,
    steps: CounterFamily<2>,
    calls: CounterFamily<2>,
    call_seconds: HistogramFamily<1>,
    behind: GaugeFamily<1>,
    discovered: GaugeFamily<1>,
    standing: GaugeFamily<2>,
    webhooks: CounterFamily<2>,
    pushed: CounterFamily<2>,
    outbox: GaugeFamily<2>,
    inbox: GaugeFamily<1>,
    unexplained: GaugeFamily<2>,
    reconciled_at: GaugeFamily<2>,
}

impl Watch {
    pub(crate) fn new() -> Arc<Self> {
        let metrics = Metrics::new("sync_qm");
        Arc::new(Self {
            stages: metrics.counters("contacts", "contacts that came to a stage, each time one did", ["stage"]),
            steps: metrics.counters("steps", "steps that were taken", ["step", "outcome"]),
            calls: metrics.counters(
                "calls",
                "attempts of calls to the vendors",
                ["call", "outcome"],
            ),
            call_seconds: metrics.histograms(
                "call_seconds",
                "how long an attempt took, up to the answer's head",
                ["call"],
                &CALL_SECONDS,
            ),
            behind: metrics.gauges(
                "discovery_behind_seconds",
                "how far discovery is behind the present",
                ["acd"],
            ),
            discovered: metrics.gauges(
                "discovered_legs",
                "legs that were discovered since the start",
                ["acd"],
            ),
            standing: metrics.gauges(
                "ledger_contacts",
                "contacts of the ledger that stand in a stage, and for which reason if parked or failed",
                ["stage", "reason"],
            ),
            webhooks: metrics.counters(
                "webhooks",
                "what became of attempts to deliver webhooks",
                ["acd", "outcome"],
            ),
            pushed: metrics.counters(
                "pushed",
                "requests with pushed events by their answer, and events by what became of them",
                ["acd", "outcome"],
            ),
            outbox: metrics.gauges(
                "outbox_webhooks",
                "webhooks of the ledger that wait or were not taken, and whether the receiver is disabled",
                ["acd", "state"],
            ),
            inbox: metrics.gauges(
                "inbox_events",
                "pushed events that wait to be processed",
                ["acd"],
            ),
            unexplained: metrics.gauges(
                "reconciled_unexplained_legs",
                "legs that the last account could not explain, of the night's and of the one that a command asked for",
                ["acd", "by"],
            ),
            reconciled_at: metrics.gauges(
                "reconciled_timestamp_seconds",
                "when that account was made, in seconds since 1970",
                ["acd", "by"],
            ),
            metrics,
        })
    }

    /// Listens where the configuration says, until the stop. Not ready before the worker is followed.
    pub(crate) async fn listen(
        self: &Arc<Self>,
        config: &Config,
        bearer_token: Option<SecretString>,
        stop: &Stop,
    ) -> anyhow::Result<Listening> {
        let mut listening = Listening {
            watch: Arc::clone(self),
            tasks: JoinSet::new(),
            conditions: None,
        };
        let Some(listen) = config.runtime.listen else {
            return Ok(listening);
        };
        let ready = Health::new();
        listening.conditions = Some(Conditions {
            vendors: ready.condition("vendors"),
            discovery: ready.condition("discovery"),
        });
        let settings = AdminSettings {
            listen,
            bearer_token,
        };
        let server = AdminServer::bind(settings, self.metrics.clone(), ready).await?;
        tracing::info!(listen = %server.local_addr(), "metrics, livez and readyz answer");
        listening.tasks.spawn(server.run(stop.clone()));
        Ok(listening)
    }

    fn follow_discovery(&self, names: &[(AcdKey, String)], health: &PipelineHealth) -> bool {
        let acds = health.acds();
        for (key, name) in names {
            let Some(acd) = acds.get(key) else { continue };
            self.discovered
                .with([name])
                .set(i64::try_from(acd.discovered).unwrap_or(i64::MAX));
            if let Some(cursor) = acd.cursor {
                self.behind
                    .with([name])
                    .set((Utc::now() - cursor).num_seconds());
            }
        }
        // A cursor is known once a window was read, or none was left to be read.
        let has_read = |key| acds.get(key).is_some_and(|acd| acd.cursor.is_some());
        health.is_ready() && names.iter().all(|(key, _)| has_read(key))
    }

    /// Sets how many contacts stand where; what stood somewhere before and does no more is set to zero.
    async fn count(&self, ledger: &SqliteLedger, seen: &mut BTreeSet<(StageName, String)>) {
        let counts = match ledger.counts(None).await {
            Ok(counts) => counts,
            Err(error) => {
                tracing::debug!(%error, "the contacts of the ledger could not be counted");
                return;
            }
        };
        let mut sums: BTreeMap<_, u64> = seen.iter().map(|place| (place.clone(), 0)).collect();
        for count in counts {
            *sums.entry(place(count.stage, count.reason)).or_default() += count.contacts;
        }
        for ((stage, reason), contacts) in sums {
            self.standing
                .with([stage.as_str(), &reason])
                .set(i64::try_from(contacts).unwrap_or(i64::MAX));
            seen.insert((stage, reason));
        }
    }
}

/// Sets how many webhooks and pushed events wait.
async fn count_what_waits(watch: &Watch, ledger: &SqliteLedger, names: &[(AcdKey, String)]) {
    let name = |key: &AcdKey| {
        names
            .iter()
            .find(|(one, _)| one == key)
            .map(|(_, name)| name)
    };
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    if let Ok(counts) = ledger.outbox_counts(None).await {
        for count in &counts {
            let Some(name) = name(&count.acd) else {
                continue;
            };
            for (state, value) in [
                ("pending", count.pending),
                ("exhausted", count.exhausted),
                ("disabled", u64::from(count.endpoint.disabled.is_some())),
            ] {
                watch.outbox.with([name, state]).set(number(value));
            }
        }
    }
    if let Ok(backlog) = ledger.inbox_backlog().await {
        for (key, name) in names {
            let waiting = backlog.iter().find(|one| one.acd == *key);
            let waiting = waiting.map_or(0, |one| one.waiting);
            watch.inbox.with([name]).set(number(waiting));
        }
    }
}

/// Sets what the last accounts came to. They are read only where a new one was made since: `seen` tells of which time the newest was.
async fn count_unexplained(
    watch: &Watch,
    ledger: &SqliteLedger,
    names: &[(AcdKey, String)],
    seen: &mut BTreeMap<AcdKey, DateTime<Utc>>,
) {
    for (key, name) in names {
        let Ok(newest) = ledger.reconciliations(key, 1).await else {
            continue;
        };
        let newest = newest.first().map(|row| row.at);
        let Some(newest) = newest.filter(|at| seen.get(key) != Some(at)) else {
            continue;
        };
        let Ok(last) = last_accounts(ledger, key).await else {
            continue;
        };
        for (by, line) in [("night", last.night), ("command", last.command)] {
            let Some(line) = line else { continue };
            let unexplained = i64::try_from(line.unexplained).unwrap_or(i64::MAX);
            watch.unexplained.with([name, by]).set(unexplained);
            watch
                .reconciled_at
                .with([name, by])
                .set(line.at.timestamp());
        }
        seen.insert(key.clone(), newest);
    }
}

/// The labels of a place where contacts stand. Names of exclusion rules are the operator's, without a bound: they stay out.
fn place(stage: StageName, reason: Option<String>) -> (StageName, String) {
    let ours = matches!(stage, StageName::Parked | StageName::Failed);
    (stage, reason.filter(|_| ours).unwrap_or_default())
}

struct Conditions {
    vendors: Condition,
    discovery: Condition,
}

/// The listener and what feeds it. Dropped, they end.
pub(crate) struct Listening {
    watch: Arc<Watch>,
    tasks: JoinSet<()>,
    /// None where nobody listens, or once the worker is followed.
    conditions: Option<Conditions>,
}

impl Listening {
    /// The vendors have been asked, and the worker begins: from now on it is told how it fares.
    pub(crate) fn follow(
        &mut self,
        config: &Config,
        health: Arc<PipelineHealth>,
        ledger: SqliteLedger,
    ) {
        let Some(Conditions { vendors, discovery }) = self.conditions.take() else {
            return;
        };
        let names = config
            .acds
            .iter()
            .map(|acd| (acd.key(), acd.name.clone()))
            .collect::<Vec<_>>();
        let (watch, acds) = (Arc::clone(&self.watch), names.clone());
        self.tasks.spawn(async move {
            drop(vendors);
            loop {
                discovery.set(watch.follow_discovery(&acds, &health));
                tokio::time::sleep(LOOK).await;
            }
        });
        let (watch, acds) = (Arc::clone(&self.watch), names.clone());
        self.tasks.spawn(async move {
            let (mut seen, mut accounts) = (BTreeSet::new(), BTreeMap::new());
            loop {
                let begun = Instant::now();
                watch.count(&ledger, &mut seen).await;
                count_what_waits(&watch, &ledger, &acds).await;
                count_unexplained(&watch, &ledger, &acds, &mut accounts).await;
                tokio::time::sleep(COUNT.max(begun.elapsed() * COUNT_SHARE)).await;
            }
        });
    }

    /// Ends both, and lets go of the ledger.
    pub(crate) async fn end(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Witness for Watch {
    fn after(&self, step: Step, _leg: Option<LegId>, worked: bool) {
        self.steps
            .with([step.as_str(), if worked { "worked" } else { "failed" }])
            .add(1);
    }

    fn webhook(&self, acd: &str, outcome: &'static str) {
        self.webhooks.with([acd, outcome]).add(1);
    }

    fn pushed(&self, acd: &str, outcome: &'static str, count: u64) {
        if count > 0 {
            self.pushed.with([acd, outcome]).add(count);
        }
    }

    fn reached(&self, _leg: LegId, stage: StageName) {
        self.stages.with([stage.as_str()]).add(1);
    }
}

/// Counts every attempt of every call.
pub(crate) struct Calls(pub(crate) Arc<Watch>);

impl Observer for Calls {
    fn observe(&self, seen: &CallObservation) {
        let outcome = match (seen.status, &seen.failure) {
            (Some(status), _) => status.to_string(),
            (None, Some(_)) => "unanswered".to_owned(),
            (None, None) => "served".to_owned(),
        };
        self.0.calls.with([seen.call, &outcome]).add(1);
        self.0
            .call_seconds
            .with([seen.call])
            .observe(seen.elapsed.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;
    use sync_ledger::{AcdStore as _, Reconciliation, SqliteOptions, WorkerLock};

    use super::*;

    #[tokio::test]
    async fn what_the_last_accounts_could_not_explain_is_a_gauge_for_the_night_and_one_for_commands()
     {
        let directory = tempfile::tempdir().unwrap();
        let lock = WorkerLock::acquire(&directory.path().join("ledger.db")).unwrap();
        let ledger = SqliteLedger::open(lock, SqliteOptions::default())
            .await
            .unwrap();
        let text = connector_config::COMMENTED_FILE
            .replace(
                "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                &format!("AC{:032}", 1),
            )
            .replace(
                "WSxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                &format!("WS{:032}", 1),
            );
        let config = Config::parse(&text, Path::new("connector.toml")).unwrap();
        let acd = config.acds[0].key();
        ledger.register(&acd, "main").await.unwrap();
        let names = [(acd.clone(), "main".to_owned())];
        let (watch, mut seen) = (Watch::new(), BTreeMap::new());
        let at = |second: i64| DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap();
        for (second, by, unexplained) in [(1, "night", 3), (2, "command", 4), (3, "night", 0)] {
            let account = Reconciliation {
                acd: acd.clone(),
                from: at(-100),
                to: at(0),
                at: at(second),
                totals: json!({ "by": by }),
                unexplained,
            };
            ledger.record_reconciliation(&account).await.unwrap();
            count_unexplained(&watch, &ledger, &names, &mut seen).await;
            let line = format!(
                "sync_qm_reconciled_unexplained_legs{{acd=\"main\",by=\"{by}\"}} {unexplained}"
            );
            let text = watch.metrics.text();
            assert!(text.contains(&line), "{line} in {text}");
        }
        let text = watch.metrics.text();
        for line in [
            "sync_qm_reconciled_unexplained_legs{acd=\"main\",by=\"command\"} 4",
            "sync_qm_reconciled_timestamp_seconds{acd=\"main\",by=\"night\"} 1780000003",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
