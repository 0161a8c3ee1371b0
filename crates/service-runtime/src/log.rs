//! Log lines: to the standard error stream, for people or as JSON, without what is never logged.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::Mutex;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

use crate::RuntimeError;
use crate::redact::{MASK, is_never_logged, plain};
use crate::terminal::Terminal;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStyle {
    /// For people on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// How lines are written.
    pub style: LogStyle,
    /// A level, or directives such as `info,qm_pipeline=debug`.
    pub directives: String,
}

/// Sets logging up for the whole process, to the standard error stream.
pub fn init_logs(settings: &LogSettings) -> Result<(), RuntimeError> {
    let terminal = Terminal::stderr();
    let json = match settings.style {
        LogStyle::Auto => !terminal.is_terminal,
        LogStyle::Human => false,
        LogStyle::Json => true,
    };
    let lines = Lines {
        json,
        colour: terminal.colour,
        now: Utc::now,
        out: Mutex::new(io::stderr()),
    };
    let subscriber = tracing_subscriber::registry()
        .with(filter(&settings.directives)?)
        .with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| RuntimeError::LogTwice)
}

fn filter(directives: &str) -> Result<EnvFilter, RuntimeError> {
    EnvFilter::builder()
        .parse(directives)
        .map_err(|_| RuntimeError::LogDirectives {
            directives: directives.to_owned(),
        })
}

/// A layer that writes one line for each event. It sees each field before anything is formatted, and masks by its name.
struct Lines<W> {
    json: bool,
    colour: bool,
    now: fn() -> DateTime<Utc>,
    out: Mutex<W>,
}

/// Fields with their values, masked.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        // A secret that a masked field is handed is not even formatted.
        let value = if is_never_logged(field.name()) {
            Value::from(MASK)
        } else {
            value()
        };
        self.0
            .insert(field.name().trim_start_matches("r#").to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, || format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, || value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, || value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, || value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, || value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, || value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, || crate::failure::chain(value).join(": ").into());
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    W: Write + Send + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let spans: Vec<(&str, Map<String, Value>)> = context
            .event_scope(event)
            .map(|scope| {
                let fields = |span: &tracing_subscriber::registry::SpanRef<'_, S>| {
                    span.extensions()
                        .get::<Fields>()
                        .map(|fields| fields.0.clone())
                        .unwrap_or_default()
                };
                scope
                    .from_root()
                    .map(|span| (span.name(), fields(&span)))
                    .collect()
            })
            .unwrap_or_default();
        let message = match fields.0.remove("message") {
            Some(Value::String(message)) => message,
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let metadata = event.metadata();
        let line = Line {
            time: (self.now)(),
            level: *metadata.level(),
            target: metadata.target(),
            message,
            fields: fields.0,
            spans,
        };
        let mut text = if self.json {
            line.json()
        } else {
            line.human(self.colour)
        };
        text.push('\n');
        // A log that cannot be written has nobody to tell; the work goes on. A line is written whole, so two do not mix.
        if let Ok(mut out) = self.out.lock() {
            let _ = out.write_all(text.as_bytes());
        }
    }
}

struct Line<'a> {
    time: DateTime<Utc>,
    level: Level,
    target: &'a str,
    message: String,
    fields: Map<String, Value>,
    spans: Vec<(&'a str, Map<String, Value>)>,
}

impl Line<'_> {
    fn time(&self) -> String {
        self.time.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// The line's own names cannot be taken by a field: fields stand in an object of their own.
    fn json(self) -> String {
        let spans: Vec<_> = self
            .spans
            .iter()
            .map(|(name, fields)| serde_json::json!({ "name": name, "fields": fields }))
            .collect();
        let mut object = Map::new();
        object.insert("timestamp".to_owned(), self.time().into());
        object.insert("level".to_owned(), self.level.as_str().into());
        object.insert("target".to_owned(), self.target.into());
        object.insert("message".to_owned(), self.message.into());
        object.insert("fields".to_owned(), self.fields.into());
        if !spans.is_empty() {
            object.insert("spans".to_owned(), spans.into());
        }
        Value::Object(object).to_string()
    }

    fn human(self, colour: bool) -> String {
        let paint = |code: &str, text: &str| {
            if colour {
                format!("\u{1b}[{code}m{text}\u{1b}[0m")
            } else {
                text.to_owned()
            }
        };
        let level = match self.level {
            Level::ERROR => "31",
            Level::WARN => "33",
            Level::INFO => "32",
            _ => "34",
        };
        let mut line = paint("2", &self.time());
        let _ = write!(
            line,
            " {} {}",
            paint(level, &format!("{:>5}", self.level)),
            plain(&self.message)
        );
        for (_, fields) in &self.spans {
            print_fields(&mut line, fields, &paint);
        }
        print_fields(&mut line, &self.fields, &paint);
        let _ = write!(line, " {}", paint("2", &format!("({})", self.target)));
        line
    }
}

fn print_fields(
    line: &mut String,
    fields: &Map<String, Value>,
    paint: &impl Fn(&str, &str) -> String,
) {
    for (name, value) in fields {
        let text = match value {
            Value::String(text) if text.is_empty() || text.contains([' ', '"', '=']) => {
                plain(&format!("{text:?}"))
            }
            Value::String(text) => plain(text),
            other => other.to_string(),
        };
        let _ = write!(line, " {}{text}", paint("2", &format!("{name}=")));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(json: bool, directives: &str, work: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let now = || DateTime::from_timestamp_millis(1_772_366_400_123).unwrap();
        let lines = Lines {
            json,
            colour: false,
            now,
            out: Mutex::new(buffer.clone()),
        };
        let subscriber = tracing_subscriber::registry()
            .with(filter(directives).unwrap())
            .with(lines);
        tracing::subscriber::with_default(subscriber, work);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn speak() {
        let span = tracing::info_span!(
            "contact",
            leg = "WR1",
            auth_token = "hunter2",
            late = tracing::field::Empty
        );
        let _entered = span.enter();
        span.record("late", 3);
        tracing::warn!(attempts = 2, password = "hunter2", attributes = ?["hunter2"], note = "two words", "upload\nrefused");
        tracing::debug!("not shown");
    }

    #[test]
    fn a_line_for_people_has_fields_and_no_secret_and_stays_one_line() {
        let text = logged(false, "info", speak);
        let expected = "2026-03-01T12:00:00.123Z  WARN upload\\nrefused auth_token=*** late=3 leg=WR1 attempts=2 attributes=*** note=\"two words\" \
                        password=*** (service_runtime::log::tests)\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_json_line_keeps_the_kinds_of_values_and_masks_the_same_fields() {
        let text = logged(true, "info", speak);
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            line,
            serde_json::json!({
                "timestamp": "2026-03-01T12:00:00.123Z", "level": "WARN", "target": "service_runtime::log::tests", "message": "upload\nrefused",
                "fields": { "attempts": 2, "attributes": "***", "note": "two words", "password": "***" },
                "spans": [{ "name": "contact", "fields": { "auth_token": "***", "late": 3, "leg": "WR1" } }],
            })
        );
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn directives_choose_what_is_logged() {
        assert!(logged(false, "error", speak).is_empty());
        assert!(logged(false, "info,service_runtime=debug", speak).contains("not shown"));
    }

    #[test]
    fn directives_that_make_no_sense_are_refused() {
        let error = filter("service_runtime=loud").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the log level \"service_runtime=loud\" is neither a level")
        );
    }

    #[test]
    fn an_error_is_logged_with_its_causes() {
        let error = io::Error::other("disk full");
        let text = logged(false, "info", || {
            tracing::error!(
                error = &error as &(dyn std::error::Error + 'static),
                "stopped"
            );
        });
        assert!(text.contains("error=\"disk full\""), "{text}");
    }
}
