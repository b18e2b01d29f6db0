//! Logs on standard error, and metrics for Prometheus.
//!
//! Nothing here looks at what is logged: whoever logs keeps secrets and people's names out of it.

use std::io::IsTerminal;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// The environment variable that says what is logged, in the syntax of [`EnvFilter`].
pub const LOG_VARIABLE: &str = "SCIM_BRIDGE_LOG";

/// What is logged unless [`LOG_VARIABLE`] says otherwise.
const DEFAULT_FILTER: &str = "info,actix_server=warn";

/// Upper bounds of the buckets of timings, in seconds: from an indexed look-up to a call that Salesforce lets wait.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// How log lines look (`--log-format`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines for people, in colour on a terminal.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Why logging or metrics could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter cannot be read.
    #[error("{LOG_VARIABLE}: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The boundaries of a timing's buckets were refused.
    #[error("metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// Sends the log of this process to standard error. `filter` is the value of [`LOG_VARIABLE`], if it is set. A second
/// call changes nothing.
pub fn start_logging(format: LogFormat, filter: Option<&str>) -> Result<(), Error> {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // The error says that logging has been started already.
    let _ = subscriber(format, filter, colour, std::io::stderr)?.try_init();
    Ok(())
}

fn subscriber<W>(
    format: LogFormat,
    filter: Option<&str>,
    colour: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, Error>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter.filter(|text| !text.trim().is_empty()).unwrap_or(DEFAULT_FILTER))?;
    let lines = fmt().with_env_filter(filter).with_writer(writer);
    Ok(match format {
        LogFormat::Text => Box::new(lines.with_ansi(colour).finish()),
        LogFormat::Json => Box::new(lines.with_ansi(false).json().flatten_event(true).finish()),
    })
}

/// The metrics of this process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Every metric, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Puts timings that were recorded into their buckets. Call it every few seconds: until then, or until the next
    /// [`Self::render`], each is kept by itself, and a bridge that nobody scrapes would fill the memory.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Starts recording what the `metrics` macros count in this process; any later call returns the same. Metrics whose
/// name ends in `_seconds` are histograms.
pub fn metrics() -> Result<Metrics, Error> {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    if let Some(metrics) = METRICS.get() {
        return Ok(metrics.clone());
    }
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?;
    // Only the one that is kept is made known: two callers at once would otherwise read different ones.
    let kept = METRICS.get_or_init(|| {
        let recorder = builder.build_recorder();
        let metrics = Metrics(recorder.handle());
        // Fails only where a recorder of somebody else's is there, in a process that embeds the bridge.
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("metrics are recorded by something else in this process");
        }
        metrics
    });
    Ok(kept.clone())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: Option<&str>) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, filter, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(tenant = "acme", "delivered");
            tracing::debug!("a detail");
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn text_and_json_say_the_same() {
        let text = logged(LogFormat::Text, None);
        assert!(text.ends_with("INFO scim_bridge::telemetry::tests: delivered tenant=\"acme\"\n"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&logged(LogFormat::Json, Some(" "))).unwrap();
        assert_eq!(
            (&json["message"], &json["tenant"], &json["level"]),
            (&"delivered".into(), &"acme".into(), &"INFO".into())
        );
    }

    #[test]
    fn the_filter_decides_what_is_logged() {
        assert!(logged(LogFormat::Text, Some("debug")).contains("a detail"));
        assert_eq!(logged(LogFormat::Text, Some("warn")), "");
        assert_eq!(logged(LogFormat::Text, Some("info,scim_bridge::telemetry=off")), "");
        let wrong = start_logging(LogFormat::Text, Some("scim_bridge=loud")).unwrap_err().to_string();
        assert!(wrong.starts_with("SCIM_BRIDGE_LOG: "), "{wrong}");
    }

    #[test]
    fn metrics_are_recorded_once_and_rendered() {
        let first = metrics().unwrap();
        metrics::counter!("telemetry_test_total", "tenant" => "acme").increment(2);
        metrics::histogram!("telemetry_test_seconds").record(0.003);
        first.upkeep();
        let text = metrics().unwrap().render();
        assert!(text.contains("telemetry_test_total{tenant=\"acme\"} 2"), "{text}");
        assert!(text.contains("telemetry_test_seconds_bucket{le=\"0.005\"} 1"), "{text}");
    }
}
