//! The kinds of values that fields have.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveTime, Utc};
use contact_model::{Channel, Direction};
use http_retry::{BaseUrl, SafeUrl};
use metadata_mapping::{MappingError, MetadataKey};
use toml::de::DeValue;
use twilio_sid::{AccountSid, ApiKeySid, PublicKeySid, WorkspaceSid};
use wfm_interval::Zone;

use crate::model::DiscoverFrom;
use crate::reader::{Context, Leaf, Problem, kind, nearest};
use crate::secret::{SecretPlace, SecretRef};
use crate::units::{ByteSize, parse_duration, parse_size};

fn text<'v>(value: &'v DeValue<'_>, example: &str) -> Result<&'v str, Problem> {
    let DeValue::String(text) = value else {
        return Err(Problem::new(
            format!("is {}, not a text", kind(value)),
            format!("write a text in quotation marks: {example}"),
        ));
    };
    if text.trim().is_empty() {
        return Err(Problem::new("is empty", format!("write it: {example}")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::new(
            "has a control character or a line break",
            "remove it",
        ));
    }
    Ok(text)
}

impl Leaf for String {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        text(value, &Self::example()).map(str::to_owned)
    }

    fn example() -> String {
        "\"…\"".to_owned()
    }
}

impl Leaf for PathBuf {
    fn read(value: &DeValue<'_>, context: &Context<'_>) -> Result<Self, Problem> {
        // `join` keeps an absolute path as it is.
        text(value, &Self::example()).map(|path| context.directory.join(path))
    }

    fn example() -> String {
        "\"/path/to/it\"".to_owned()
    }
}

impl Leaf for bool {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        match value {
            DeValue::Boolean(value) => Ok(*value),
            other => Err(Problem::new(
                format!("is {}, not true or false", kind(other)),
                "write true or false without quotation marks",
            )),
        }
    }

    fn example() -> String {
        "false".to_owned()
    }
}

macro_rules! numbers {
    ($($number:ty)+) => { $(
        impl Leaf for $number {
            fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
                let DeValue::Integer(number) = value else {
                    return Err(Problem::new(format!("is {}, not a whole number", kind(value)), "write digits without quotation marks"));
                };
                Self::from_str_radix(number.as_str(), number.radix())
                    .map_err(|_| Problem::new("is out of range", format!("write a whole number from 0 to {}", Self::MAX)))
            }

            fn example() -> String {
                "1".to_owned()
            }
        }
    )+ };
}
numbers!(u16 u32);

macro_rules! sids {
    ($($sid:ty)+) => { $(
        impl Leaf for $sid {
            fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
                let text = text(value, &Self::example())?;
                text.parse().map_err(|error: twilio_sid::SidError| {
                    Problem::new(error.to_string(), format!("copy the SID that starts with {} from the Twilio console", Self::PREFIX))
                })
            }

            fn example() -> String {
                format!("\"{}…\"", Self::PREFIX)
            }
        }
    )+ };
}
sids!(AccountSid WorkspaceSid ApiKeySid PublicKeySid);

impl Leaf for Duration {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        let problem = || {
            Problem::new(
                "is not a duration",
                "write a whole number and a unit (ms, s, min, h, d), in quotation marks: \"150s\"",
            )
        };
        match value {
            DeValue::String(text) => parse_duration(text).ok_or_else(problem),
            _ => Err(problem()),
        }
    }

    fn example() -> String {
        "\"150s\"".to_owned()
    }
}

impl Leaf for ByteSize {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        let problem = || {
            Problem::new(
                "is not a size",
                "write a whole number and a unit (B, KiB, MiB, GiB), in quotation marks: \"512MiB\"",
            )
        };
        match value {
            DeValue::String(text) => parse_size(text).ok_or_else(problem),
            _ => Err(problem()),
        }
    }

    fn example() -> String {
        "\"512MiB\"".to_owned()
    }
}

impl Leaf for Zone {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        let text = text(value, &Self::example())?;
        text.parse().map_err(|_| {
            let remedy = Self::nearest(text).map_or_else(
                || "write a name such as \"America/Chicago\"; it must be the zone that is configured in Flex Insights".to_owned(),
                |name| format!("did you mean \"{name}\"?"),
            );
            Problem::new("is not the IANA name of a time zone", remedy)
        })
    }

    fn example() -> String {
        "\"America/Chicago\" (the zone that is configured in Flex Insights)".to_owned()
    }
}

/// What to write instead of an address that is refused.
fn address_remedy(error: http_retry::UrlError) -> &'static str {
    match error {
        http_retry::UrlError::Credentials => "remove user name and password from the address",
        http_retry::UrlError::QueryOrFragment => "remove everything from the ? or # on",
        _ => "write an address that begins with https://",
    }
}

impl Leaf for BaseUrl {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        let text = text(value, &Self::example())?;
        text.parse().map_err(|error: http_retry::UrlError| {
            Problem::new(error.to_string(), address_remedy(error))
        })
    }

    fn example() -> String {
        "\"https://…\"".to_owned()
    }
}

impl Leaf for SafeUrl {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        let text = text(value, &Self::example())?;
        text.parse().map_err(|error: http_retry::UrlError| {
            Problem::new(error.to_string(), address_remedy(error))
        })
    }

    fn example() -> String {
        "\"https://…\"".to_owned()
    }
}

/// Where events are sent to.
pub(crate) struct WebhookUrl(pub(crate) SafeUrl);

impl Leaf for WebhookUrl {
    fn read(value: &DeValue<'_>, context: &Context<'_>) -> Result<Self, Problem> {
        let url = SafeUrl::read(value, context)?;
        // Parsing takes a fragment away; whoever wrote one means more than is sent.
        if value.as_str().is_some_and(|text| text.contains('#')) {
            return Err(Problem::new(
                "has a # and something behind it, which is never sent",
                "remove everything from the # on",
            ));
        }
        if url.port() == 0 {
            return Err(Problem::new(
                "has port 0, at which nobody can be reached",
                "write the port of the receiver, or none for 443",
            ));
        }
        Ok(Self(url))
    }

    fn example() -> String {
        SafeUrl::example()
    }
}

impl Leaf for SocketAddr {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        let text = text(value, &Self::example())?;
        text.parse().map_err(|_| {
            Problem::new(
                "is not an address with a port",
                "write it in numbers: \"127.0.0.1:9464\" or \"[::1]:9464\"",
            )
        })
    }

    fn example() -> String {
        "\"127.0.0.1:9464\"".to_owned()
    }
}

/// An address to listen at, or `off`.
pub(crate) struct Listen(pub(crate) Option<SocketAddr>);

impl Leaf for Listen {
    fn read(value: &DeValue<'_>, context: &Context<'_>) -> Result<Self, Problem> {
        match value {
            DeValue::String(text) if text == "off" => Ok(Self(None)),
            other => SocketAddr::read(other, context).map(|address| Self(Some(address))),
        }
    }

    fn example() -> String {
        SocketAddr::example()
    }
}

/// Hours and minutes.
pub(crate) struct TimeOfDay(pub(crate) NaiveTime);

impl Leaf for TimeOfDay {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        let time = value
            .as_str()
            .and_then(|text| NaiveTime::parse_from_str(text, "%H:%M").ok());
        time.map(Self).ok_or_else(|| {
            Problem::new(
                "is not a time of day",
                "write hours and minutes, in quotation marks: \"02:00\"",
            )
        })
    }

    fn example() -> String {
        "\"02:00\"".to_owned()
    }
}

impl Leaf for Channel {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        text(value, &Self::example()).map(Self::from)
    }

    fn example() -> String {
        "\"voice\"".to_owned()
    }
}

impl Leaf for Direction {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        match value.as_str() {
            Some("inbound") => Ok(Self::Inbound),
            Some("outbound") => Ok(Self::Outbound),
            _ => Err(Problem::new(
                "is not a direction",
                "write \"inbound\" or \"outbound\"",
            )),
        }
    }

    fn example() -> String {
        "\"inbound\"".to_owned()
    }
}

impl Leaf for DiscoverFrom {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        let text = match value {
            DeValue::String(text) => text.trim().to_owned(),
            DeValue::Datetime(time) => time.to_string(),
            _ => String::new(),
        };
        if text == "now" {
            return Ok(Self::Now);
        }
        if let Some(back) = parse_duration(&text) {
            return Ok(Self::Ago(back));
        }
        DateTime::parse_from_rfc3339(&text).map(|time| Self::At(time.with_timezone(&Utc))).map_err(|_| {
            Problem::new(
                "is neither \"now\", a duration, nor a time with its offset",
                "write \"now\", a duration back from now (\"24h\"), or a time (\"2026-03-01T00:00:00Z\")",
            )
        })
    }

    fn example() -> String {
        "\"now\"".to_owned()
    }
}

impl Leaf for SecretRef {
    fn read(value: &DeValue<'_>, context: &Context<'_>) -> Result<Self, Problem> {
        let way = "refer to it: { env = \"NAME\" } or { file = \"/path\" }";
        let DeValue::Table(table) = value else {
            return Err(Problem::new(
                "is a secret, and secrets do not stand in this file",
                way,
            ));
        };
        let mut entries = table.iter();
        let (Some((name, value)), None) = (entries.next(), entries.next()) else {
            return Err(Problem::new(
                "does not name exactly one place of the secret",
                way,
            ));
        };
        let reference = match (name.get_ref().as_ref(), value.get_ref()) {
            ("env", DeValue::String(name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
                SecretPlace::Env(name.to_string())
            }
            ("file", DeValue::String(path)) if !path.is_empty() && !path.contains('\0') => {
                SecretPlace::File(context.directory.join(path.as_ref()))
            }
            ("env" | "file", _) => {
                return Err(Problem::new(
                    "does not name the place of the secret with a text",
                    way,
                ));
            }
            (other, _) => {
                let remedy = nearest(other, &["env", "file"]).map_or_else(
                    || way.to_owned(),
                    |known| format!("did you mean {known}? {way}"),
                );
                return Err(Problem::new("names an unknown place of the secret", remedy));
            }
        };
        Ok(Self {
            secret: reference,
            place: context.place.clone(),
        })
    }

    fn example() -> String {
        "{ env = \"NAME\" } or { file = \"/path\" }".to_owned()
    }
}

/// What a mapping's error says, cut where it turns from the fault to the advice.
pub(crate) fn mapping_problem(error: &MappingError) -> Problem {
    let text = error.to_string();
    match text.split_once("; ") {
        Some((what, remedy)) => Problem::new(what, remedy),
        None => Problem::new(text, "correct it"),
    }
}

impl Leaf for MetadataKey {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        text(value, &Self::example())?
            .parse()
            .map_err(|error| mapping_problem(&error))
    }

    fn example() -> String {
        "\"…-key\"".to_owned()
    }
}

/// Any table, as JSON.
pub(crate) struct Raw(pub(crate) serde_json::Value);

impl Leaf for Raw {
    fn read(value: &DeValue<'_>, _: &Context<'_>) -> Result<Self, Problem> {
        match value {
            DeValue::Table(_) => json(value).map(Self),
            other => Err(Problem::new(
                format!("is {}, not a table", kind(other)),
                "write it as a table",
            )),
        }
    }

    fn example() -> String {
        "{ … }".to_owned()
    }
}

fn json(value: &DeValue<'_>) -> Result<serde_json::Value, Problem> {
    use serde_json::Value;

    Ok(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::from)
            .map_err(|_| {
                Problem::new(
                    "holds a number that is out of range",
                    "write a number of at most 64 bits",
                )
            })?,
        DeValue::Float(number) => number
            .as_str()
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| {
                Problem::new("holds a number that is not finite", "write a finite number")
            })?,
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(entries) => Value::Array(
            entries
                .iter()
                .map(|entry| json(entry.get_ref()))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(name, value)| Ok((name.get_ref().to_string(), json(value.get_ref())?)))
                .collect::<Result<_, Problem>>()?,
        ),
    })
}
