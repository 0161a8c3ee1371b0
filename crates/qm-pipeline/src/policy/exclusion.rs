//! What the operator leaves out: the product switches, and the rules that the file names.

use chrono::Duration;
use connector_config::Exclude;
use contact_model::{Channel, Details, Leg};
use serde_json::Value;

use super::attributes::LegAttributes;
use super::rules::{Rules, span};

/// The name under which contacts are shown whose product is switched off.
fn product_rule(channel: &Channel) -> &'static str {
    if channel.is_voice() {
        "product-voice-off"
    } else {
        "product-digital-off"
    }
}

/// Whether the product switches leave a channel out, and under what name. Every channel that is not voice is a digital
/// one.
pub fn by_product(channel: &Channel, rules: &Rules) -> Option<&'static str> {
    let carried = if channel.is_voice() {
        rules.products.voice()
    } else {
        rules.products.digital()
    };
    (!carried).then(|| product_rule(channel))
}

/// The first rule that fits the leg.
pub(super) fn by_rule<'a>(
    leg: &Leg,
    details: &Details,
    attributes: &LegAttributes,
    rules: &'a Rules,
) -> Option<&'a str> {
    let merged = attributes.to_value();
    rules
        .excludes
        .iter()
        .find(|rule| fits(rule, leg, details, &merged))
        .map(|rule| rule.name.as_str())
}

fn fits(rule: &Exclude, leg: &Leg, details: &Details, attributes: &Value) -> bool {
    let named = |wanted: &Option<String>, sid: Option<&str>, name: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| {
            sid.is_some_and(|sid| sid.eq_ignore_ascii_case(wanted)) || name == Some(wanted)
        })
    };
    let channel = rule
        .channel
        .as_ref()
        .is_none_or(|wanted| *wanted == leg.channel);
    let queue = named(
        &rule.queue,
        leg.queue.as_ref().map(AsRef::as_ref),
        details.queue_name.as_deref(),
    );
    let worker = named(
        &rule.worker,
        Some(leg.worker.as_str()),
        details.worker_name.as_deref(),
    );
    let direction = rule
        .direction
        .is_none_or(|wanted| leg.direction == Some(wanted));
    let attribute = rule.attribute.as_deref().is_none_or(|path| {
        match (value_at(attributes, path), &rule.equals) {
            (None | Some(Value::Null), _) => false,
            (Some(_), None) => true,
            (Some(value), Some(wanted)) => text(value) == *wanted,
        }
    });
    let short = rule
        .shorter_than
        .is_none_or(|limit| duration(leg).is_some_and(|length| length < span(limit)));
    channel && queue && worker && direction && attribute && short
}

/// From acceptance to the end of the media.
fn duration(leg: &Leg) -> Option<Duration> {
    Some(leg.times.media_ended()? - leg.times.accepted?)
}

fn value_at<'a>(attributes: &'a Value, path: &str) -> Option<&'a Value> {
    attributes.get(path).or_else(|| {
        let (object, name) = path.split_once('.')?;
        attributes.get(object)?.get(name)
    })
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
