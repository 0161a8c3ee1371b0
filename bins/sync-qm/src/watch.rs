//! What a running worker tells from outside: metrics, and whether it is ready.

use std::sync::Arc;
use std::time::Duration;

use connector_config::Config;
use contact_model::{LegId, StageName};
use http_retry::{CallObservation, Observer};
use qm_pipeline::{Health as PipelineHealth, Step, Witness};
use secrecy::SecretString;
use service_runtime::{
    AdminServer, AdminSettings, CounterFamily, GaugeFamily, Health, HistogramFamily, Metrics, Stop,
};
use tokio::task::JoinHandle;

/// How often what the worker knows of itself is looked at.
const LOOK: Duration = Duration::from_secs(1);

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
}

impl Watch {
    pub(crate) fn new() -> Arc<Self> {
        let metrics = Metrics::new("sync_qm");
        Arc::new(Self {
            stages: metrics.counters("contacts", "contacts that came to a stage", ["stage"]),
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
            metrics,
        })
    }

    /// Listens where the configuration says, and follows the worker's health, until the stop.
    pub(crate) async fn serve(
        self: &Arc<Self>,
        config: &Config,
        bearer_token: Option<SecretString>,
        health: Arc<PipelineHealth>,
        stop: &Stop,
    ) -> anyhow::Result<Serving> {
        let Some(listen) = config.runtime.listen else {
            return Ok(Serving(Vec::new()));
        };
        let ready = Health::new();
        let settings = AdminSettings {
            listen,
            bearer_token,
        };
        let server = AdminServer::bind(settings, self.metrics.clone(), ready.clone()).await?;
        tracing::info!(address = %server.local_addr(), "metrics, livez and readyz answer");
        let names = config
            .acds
            .iter()
            .map(|acd| (acd.key(), acd.name.clone()))
            .collect::<Vec<_>>();
        let (watch, ending) = (Arc::clone(self), stop.clone());
        let follow = async move {
            let discovery = ready.condition("discovery");
            loop {
                discovery.set(health.is_ready());
                for (key, acd) in health.acds() {
                    let Some((_, name)) = names.iter().find(|(known, _)| *known == key) else {
                        continue;
                    };
                    watch
                        .discovered
                        .with([name])
                        .set(i64::try_from(acd.discovered).unwrap_or(i64::MAX));
                    if let Some(cursor) = acd.cursor {
                        watch
                            .behind
                            .with([name])
                            .set((chrono::Utc::now() - cursor).num_seconds());
                    }
                }
                tokio::select! {
                    () = ending.requested() => return,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        };
        Ok(Serving(vec![
            tokio::spawn(server.run(stop.clone())),
            tokio::spawn(follow),
        ]))
    }
}

/// The listener and what feeds it. Dropped, they end.
pub(crate) struct Serving(Vec<JoinHandle<()>>);

impl Drop for Serving {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl Witness for Watch {
    fn after(&self, step: Step, _leg: Option<LegId>, worked: bool) {
        self.steps
            .with([step.as_str(), if worked { "worked" } else { "failed" }])
            .add(1);
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
