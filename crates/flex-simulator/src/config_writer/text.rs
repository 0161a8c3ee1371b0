//! The configuration file's text.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::Facts;
use crate::calabrio::{self, people};
use crate::scenario::{NoMedia, UnknownAgent};
use crate::twilio::TwilioHost;
use crate::webhooks;
use crate::world::World;

/// The configuration file's text.
pub(super) fn text(facts: &Facts<'_>, secrets: &Path, stem: &str) -> String {
    let mut toml = Toml {
        text: "# Written by flex-simulator: leads every vendor host to it. Good for as long as that simulator runs.\n".to_owned(),
        secrets,
    };
    toml.section("[ledger]");
    toml.set("path", &format!("{stem}.state/ledger.db"));
    toml.set("wfm_path", &format!("{stem}.state/wfm-ledger.db"));
    toml.secret("sealing_key", "sealing-key");
    toml.section("[spool]");
    toml.set("dir", &format!("{stem}.state/spool"));
    toml.section("[runtime]");
    toml.set("listen", "off");
    toml.set("wfm_listen", "off");
    toml.section("[tls]");
    if facts.ca_pem.is_some() {
        toml.set("extra_ca_file", &secrets.join("ca.pem").to_string_lossy());
    } else {
        let address = quoted(&facts.address.to_string());
        toml.line(&format!("allow_http_loopback = [{address}]"));
    }
    toml.section("[timing]");
    for (name, time) in timings(facts) {
        toml.set(name, &format!("{}ms", time.as_millis()));
    }
    if let (Some(push), Some(intake)) = (&facts.world.scenario().push, facts.intake) {
        toml.section("[intake]");
        toml.set("public_url", &push.public_url);
        toml.set("listen", &intake.to_string());
        if facts.floor.is_some() {
            // The floor's events go to whoever serves workforce management; on a floor nobody listens for quality management.
            toml.set("wfm_public_url", &push.public_url);
            toml.set("wfm_listen", &intake.to_string());
        }
    }
    acd(&mut toml, facts);
    toml.text
}

/// The entry of the one ACD.
fn acd(toml: &mut Toml<'_>, facts: &Facts<'_>) {
    let world = facts.world;
    let begins = world.begins();
    toml.section("[[acd]]");
    toml.set("name", "simulated");
    let zone = facts
        .floor
        .map_or("America/Chicago", |floor| &floor.options().scenario.zone);
    toml.set("time_zone", zone);
    toml.set(
        "discover_from",
        &begins.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    );
    choices(toml, facts);
    twilio(toml, facts);
    toml.section("[acd.calabrio]");
    toml.set("base_url", &facts.link(calabrio::HOST));
    toml.set("username", facts.calabrio.user());
    toml.secret("password", "calabrio-password");
    toml.line(&format!("tenant_id = {}", calabrio::TENANT));
    toml.line(&format!("acd_server_id = {}", calabrio::ACD_SERVER));
    toml.set("leg_key_field", &world.leg_key_field());
    toml.section("[acd.media]");
    toml.set(
        "no_media",
        match world.scenario().no_media {
            NoMedia::MetadataOnly => "metadata-only",
            NoMedia::Park => "park",
            NoMedia::Exclude => "exclude",
        },
    );
    lists(toml, world);
    if let Some(floor) = facts.floor {
        super::wfm::wfm(toml, facts, floor);
    }
}

/// What the operator chose: keys of the entry itself, and its smaller sections.
fn choices(toml: &mut Toml<'_>, facts: &Facts<'_>) {
    let scenario = facts.world.scenario();
    let webhooks = facts.webhook_secrets.filter(|_| scenario.webhooks);
    if webhooks.is_some() {
        let url = format!("{}{}", facts.link(webhooks::HOST), webhooks::PATH);
        toml.set("event_webhook_url", &url);
    }
    if scenario.delete_source {
        toml.set("delete_source", "after-complete");
        toml.set("delete_source_min_age", "1s");
    }
    if scenario.rte_messaging {
        toml.line("rte_messaging = true");
    }
    // Who is to be made first is parked until then.
    if scenario.unknown_agent == UnknownAgent::Unassigned {
        toml.set("unknown_agent", "unassigned");
    }
    if webhooks.is_some() {
        toml.section("[acd.webhook]");
        let files = ["webhook-secret", "webhook-ed25519"].map(|file| toml.reference(file));
        toml.line(&format!("secrets = [{}]", files.join(", ")));
        let network = match facts.address.ip() {
            IpAddr::V4(address) => format!("{address}/32"),
            IpAddr::V6(address) => format!("{address}/128"),
        };
        toml.line(&format!("allow_networks = [{}]", quoted(&network)));
    }
    if scenario
        .push
        .as_ref()
        .is_some_and(|push| push.secret_path.is_some())
    {
        toml.section("[acd.intake]");
        toml.secret("secret_path", "intake-secret-path");
    }
    if scenario.rte_messaging {
        toml.section("[acd.screen_recording]");
        toml.line("holds = true");
    }
    toml.section("[acd.products]");
    if facts.floor.is_some() {
        toml.line("workforce_management = true");
    } else {
        toml.line("quality_management = [\"voice\", \"digital\"]");
    }
    if scenario.unknown_agent == UnknownAgent::Create {
        toml.section("[acd.people]");
        toml.line("create = true");
        toml.line(&format!("team_id = {}", people::TEAM));
        toml.line(&format!("role_ids = [{}]", people::ROLE));
    }
}

fn twilio(toml: &mut Toml<'_>, facts: &Facts<'_>) {
    let world = facts.world;
    toml.section("[acd.twilio]");
    toml.set("account_sid", world.account_sid());
    toml.set("workspace_sid", world.workspace_sid());
    toml.secret("auth_token", "twilio-auth-token");
    toml.section("[acd.twilio.api_key]");
    toml.set("sid", world.api_key().0);
    toml.secret("secret", "twilio-api-key-secret");
    toml.section("[acd.twilio.endpoints]");
    for (name, host) in [
        ("api", TwilioHost::Api),
        ("taskrouter", TwilioHost::TaskRouter),
        ("flex_api", TwilioHost::FlexApi),
        ("insights", TwilioHost::Insights),
        ("accounts", TwilioHost::Accounts),
        ("conversations", TwilioHost::Conversations),
        ("chat", TwilioHost::Chat),
        ("media", TwilioHost::Mcs),
        ("events", TwilioHost::Events),
    ] {
        toml.set(name, &facts.link(host.name()));
    }
}

/// Mappings, keys and rules.
fn lists(toml: &mut Toml<'_>, world: &World) {
    for (attribute, label) in world.mappings() {
        toml.section("[[acd.metadata]]");
        toml.set("attribute", attribute);
        toml.set("label", label);
    }
    let labels = &world.scenario().hold_labels;
    for (fact, label) in ["hold-count", "hold-seconds"].iter().zip(labels) {
        toml.section("[[acd.metadata]]");
        toml.set("fact", fact);
        toml.set("label", label);
    }
    for key in world.private_keys() {
        toml.section("[[acd.encryption_key]]");
        toml.set("name", &key.name);
        toml.set("public_key_sid", &key.public_key_sid);
        toml.secret("private_key", &format!("{}.pem", key.name));
    }
    for rule in world.exclusions() {
        toml.section("[[acd.exclude]]");
        toml.set("name", &rule.name);
        toml.set("queue", &rule.queue_name);
    }
}

/// A text that grows line by line.
pub(super) struct Toml<'a> {
    text: String,
    secrets: &'a Path,
}

impl Toml<'_> {
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub(super) fn section(&mut self, header: &str) {
        self.text.push('\n');
        self.line(header);
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        let value = quoted(value);
        self.line(&format!("{name} = {value}"));
    }

    /// A file among the secrets, referred to.
    pub(super) fn reference(&self, file: &str) -> String {
        let file = quoted(&self.secrets.join(file).to_string_lossy());
        format!("{{ file = {file} }}")
    }

    pub(super) fn secret(&mut self, name: &str, file: &str) {
        let file = self.reference(file);
        self.line(&format!("{name} = {file}"));
    }
}

/// The times of a run that is watched: short, and long enough for what the simulator's own delays demand.
fn timings(facts: &Facts<'_>) -> Vec<(&'static str, Duration)> {
    let scenario = facts.world.scenario();
    let ms = Duration::from_millis;
    let ended = Duration::from_secs(scenario.ended_seconds_ago.max);
    let late = ms(scenario.late_recording_ms.max + scenario.media_lag_ms.max);
    let live = ms(scenario.live_ms.max);
    let settle = (facts.timings.settles_after(facts.faults) + Duration::from_secs(1)) * 2;
    vec![
        ("discover_window", Duration::from_mins(5)),
        (
            "discover_trail",
            ms(scenario.event_lag_ms.max) + Duration::from_secs(1),
        ),
        ("discover_interval", ms(500)),
        ("capture_delay", ms(1_500)),
        ("capture_wait", Duration::from_mins(1)),
        ("recording_interval", ms(500)),
        // Counted from the end of a call, which may lie minutes before the simulator's start.
        (
            "recording_wait",
            ended + live + late + Duration::from_mins(1),
        ),
        ("search_interval", ms(500)),
        ("search_settle", settle),
        ("processing_interval", ms(300)),
        ("processing_wait", Duration::from_mins(2)),
    ]
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    pub(super) fn a_text_is_quoted_as_toml_wants_it() {
        assert_eq!(quoted("a\"b\\c\nd"), "\"a\\\"b\\\\c\\u000Ad\"");
    }
}
