//! Numbers for operators, in the `OpenMetrics` text format.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter as RawCounter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge as RawGauge;
use prometheus_client::metrics::histogram::Histogram as RawHistogram;
use prometheus_client::registry::{Metric, Registry};

/// Sets of label values that one family may have; what comes later is counted under `other`.
const MOST_LABEL_SETS: usize = 200;

type Labels = Vec<(&'static str, String)>;

/// All metrics of the process. Cheap to clone; all clones are one.
///
/// Names have the prefix that [`Metrics::new`] was given; counters get `_total` when they are printed. Label values are names of our
/// own (ACDs, stages, reasons), never a SID and never anything of a customer's.
///
/// ```
/// use service_runtime::Metrics;
///
/// let metrics = Metrics::new("sync_qm");
/// let contacts = metrics.counters("contacts", "contacts that reached an end", ["acd", "stage"]);
/// contacts.with(["main", "complete"]).add(2);
/// assert!(metrics.text().contains("sync_qm_contacts_total{acd=\"main\",stage=\"complete\"} 2"));
/// ```
#[derive(Clone)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// No metrics yet. Every name will begin with `prefix` and `_`.
    pub fn new(prefix: &str) -> Self {
        Self(Arc::new(Mutex::new(Registry::with_prefix(prefix))))
    }

    /// A counter for each set of label values.
    pub fn counters<const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: [&'static str; N],
    ) -> CounterFamily<N> {
        let family = Family::<Labels, RawCounter>::default();
        self.register(name, help, family.clone());
        CounterFamily(LabelSets::new(family, labels))
    }

    /// A gauge for each set of label values.
    pub fn gauges<const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: [&'static str; N],
    ) -> GaugeFamily<N> {
        let family = Family::<Labels, RawGauge>::default();
        self.register(name, help, family.clone());
        GaugeFamily(LabelSets::new(family, labels))
    }

    /// A histogram for each set of label values, with these upper bounds of its buckets. Units stand in the name:
    /// `call_seconds`.
    pub fn histograms<const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: [&'static str; N],
        bounds: &[f64],
    ) -> HistogramFamily<N> {
        let family = Family::new_with_constructor(Buckets(bounds.into()));
        self.register(name, help, family.clone());
        HistogramFamily(LabelSets::new(family, labels))
    }

    /// Everything, as `OpenMetrics` text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(
            &mut text,
            &self.0.lock().unwrap_or_else(PoisonError::into_inner),
        );
        text
    }

    fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .register(name, help, metric);
    }
}

#[derive(Clone)]
struct Buckets(Arc<[f64]>);

impl MetricConstructor<RawHistogram> for Buckets {
    fn new_metric(&self) -> RawHistogram {
        RawHistogram::new(self.0.iter().copied())
    }
}

/// A family, the names of its labels, and the sets that it has so far.
struct LabelSets<M, C, const N: usize> {
    family: Family<Labels, M, C>,
    names: [&'static str; N],
    seen: Arc<Mutex<HashSet<[String; N]>>>,
}

impl<M, C: Clone, const N: usize> Clone for LabelSets<M, C, N> {
    fn clone(&self) -> Self {
        Self {
            family: self.family.clone(),
            names: self.names,
            seen: self.seen.clone(),
        }
    }
}

impl<M: Clone, C: MetricConstructor<M>, const N: usize> LabelSets<M, C, N> {
    fn new(family: Family<Labels, M, C>, names: [&'static str; N]) -> Self {
        Self {
            family,
            names,
            seen: Arc::default(),
        }
    }

    fn with(&self, values: [&str; N]) -> M {
        let mut values = values.map(str::to_owned);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_LABEL_SETS && !seen.contains(&values) {
            values = std::array::from_fn(|_| "other".to_owned());
        } else {
            seen.insert(values.clone());
        }
        drop(seen);
        let labels = self.names.into_iter().zip(values).collect();
        self.family.get_or_create_owned(&labels)
    }
}

macro_rules! families {
    ($($family:ident $metric:ident $raw:ty, $constructor:ty, $what:literal;)+) => { $(
        #[doc = concat!("A ", $what, " for each set of label values.")]
        #[derive(Clone)]
        pub struct $family<const N: usize>(LabelSets<$raw, $constructor, N>);

        impl<const N: usize> $family<N> {
            #[doc = concat!("The ", $what, " of these label values, in the order of the labels' names.")]
            pub fn with(&self, values: [&str; N]) -> $metric {
                $metric(self.0.with(values))
            }
        }

        impl<const N: usize> fmt::Debug for $family<N> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($family)).field("labels", &self.0.names).finish_non_exhaustive()
            }
        }

        #[doc = concat!("A ", $what, ".")]
        #[derive(Debug, Clone)]
        pub struct $metric($raw);
    )+ };
}

families! {
    CounterFamily Counter RawCounter<u64, AtomicU64>, fn() -> RawCounter, "counter";
    GaugeFamily Gauge RawGauge, fn() -> RawGauge, "gauge";
    HistogramFamily Histogram RawHistogram, Buckets, "histogram";
}

impl Counter {
    /// Counts so many more.
    pub fn add(&self, count: u64) {
        self.0.inc_by(count);
    }
}

impl Gauge {
    /// The value from now on.
    pub fn set(&self, value: i64) {
        self.0.set(value);
    }

    /// So much more; less where it is negative.
    pub fn add(&self, by: i64) {
        self.0.inc_by(by);
    }
}

impl Histogram {
    /// Notes one value.
    pub fn observe(&self, value: f64) {
        self.0.observe(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_printed_under_the_prefix_with_its_labels() {
        let metrics = Metrics::new("sync_qm");
        let counters = metrics.counters("contacts", "contacts by stage", ["acd", "stage"]);
        counters.with(["main", "complete"]).add(3);
        counters.with(["main", "complete"]).add(1);
        metrics
            .gauges("in_flight", "requests in flight", ["vendor"])
            .with(["twilio"])
            .add(2);
        metrics
            .histograms("call_seconds", "time of a call", [], &[0.1, 1.0])
            .with([])
            .observe(0.5);
        let text = metrics.text();
        for line in [
            "sync_qm_contacts_total{acd=\"main\",stage=\"complete\"} 4",
            "sync_qm_in_flight{vendor=\"twilio\"} 2",
            "sync_qm_call_seconds_bucket{le=\"0.1\"} 0",
            "sync_qm_call_seconds_bucket{le=\"1.0\"} 1",
            "# HELP sync_qm_contacts contacts by stage.",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn label_sets_are_bounded_and_nothing_is_lost_from_the_sum() {
        let metrics = Metrics::new("x");
        let counters = metrics.counters("seen", "seen", ["name"]);
        for index in 0..1000 {
            counters.with([&index.to_string()]).add(1);
        }
        counters.with(["7"]).add(1);
        let text = metrics.text();
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("x_seen_total"))
                .count(),
            MOST_LABEL_SETS + 1
        );
        assert!(
            text.contains("x_seen_total{name=\"other\"} 800")
                && text.contains("x_seen_total{name=\"7\"} 2"),
            "{text}"
        );
    }
}
