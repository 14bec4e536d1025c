//! The library that keeps and writes metrics, seen through our list of names. A registry belongs to whoever made it:
//! there is no global one, so that two masters in one process have figures of their own.

use ::metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

use super::names::{ALL, Kind, Metric};

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// Metrics and their values.
pub(super) struct Registry(PrometheusRecorder);

/// The value of a label by its name.
pub(super) type Labelled<'a> = (&'static str, &'a str);

impl Registry {
    /// An empty one that knows the help and the buckets of every metric.
    pub(super) fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        for metric in ALL {
            if let Kind::Histogram(bounds) = metric.kind {
                let named = Matcher::Full(metric.name.to_owned());
                builder = builder
                    .set_buckets_for_metric(named, bounds)
                    .expect("a test sees that the bounds of every histogram rise");
            }
        }
        let registry = Self(builder.build_recorder());
        ALL.iter().for_each(|metric| registry.describe(metric));
        registry
    }

    pub(super) fn counter(&self, metric: &Metric, labels: &[Labelled<'_>]) -> Counter {
        debug_assert!(matches!(metric.kind, Kind::Counter), "{}", metric.name);
        self.0.register_counter(&key(metric, labels), &METADATA)
    }

    pub(super) fn gauge(&self, metric: &Metric, labels: &[Labelled<'_>]) -> Gauge {
        debug_assert!(matches!(metric.kind, Kind::Gauge), "{}", metric.name);
        self.0.register_gauge(&key(metric, labels), &METADATA)
    }

    pub(super) fn histogram(&self, metric: &Metric) -> Histogram {
        debug_assert!(matches!(metric.kind, Kind::Histogram(_)), "{}", metric.name);
        self.0.register_histogram(&key(metric, &[]), &METADATA)
    }

    /// All that was registered, in the text format 0.0.4 of Prometheus.
    pub(super) fn text(&self) -> String {
        self.0.handle().render()
    }

    /// Puts what histograms have recorded into their buckets; until then each value is kept.
    pub(super) fn keep_up(&self) {
        self.0.handle().run_upkeep();
    }

    fn describe(&self, metric: &Metric) {
        let (name, help) = (metric.name.into(), metric.help.into());
        match metric.kind {
            Kind::Counter => self.0.describe_counter(name, None, help),
            Kind::Gauge => self.0.describe_gauge(name, None, help),
            Kind::Histogram(_) => self.0.describe_histogram(name, None, help),
        }
    }
}

fn key(metric: &Metric, labels: &[Labelled<'_>]) -> Key {
    debug_assert!(metric.labels.iter().eq(labels.iter().map(|(name, _)| name)), "{} {labels:?}", metric.name);
    let labels: Vec<Label> =
        labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(metric.name, labels)
}
