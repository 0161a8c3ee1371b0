//! One `[[acd]]` entry.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use contact_model::TenantKey;
use http_retry::{BaseUrl, SafeUrl};
use metadata_mapping::MetadataKey;

use super::leaf::{Raw, WebhookUrl};
use super::service::{at_most, between};
use super::wfm;
use super::within;
use super::{insights, mapping, quality, rules};
use crate::model::{
    Acd, AgentName, ApiKey, Calabrio, DiscoverFrom, EncryptionKey, Exclude, Ledger, Media, Product,
    Products, QmProduct, Twilio, TwilioEndpoints, UnknownAgent,
};
use crate::reader::{Problem, Section};

pub(super) fn read(
    mut section: Section<'_>,
    loopback: &[SocketAddr],
    ledger: &Ledger,
) -> Option<Acd> {
    let name = section.required::<String>("name").filter(|name| {
        let fits = name.chars().count() <= 64 && name.trim() == name;
        if !fits {
            section.fault(
                "name",
                "has more than 64 characters, or a space at its begin or end",
                "shorten it",
            );
        }
        fits
    });
    let time_zone = section.required("time_zone");
    let discover_from = discover_from(&mut section);
    let event_webhook_url: Option<SafeUrl> = section
        .optional("event_webhook_url")
        .map(|WebhookUrl(url)| url);
    let rte_messaging = section.or("rte_messaging", false);
    let (delete_source, delete_source_min_age) = quality::delete_source(&mut section);
    let unknown_agent = section.or("unknown_agent", UnknownAgent::Park);
    let products = products(section.section("products"));
    let agent_name = agent_name(section.section("agent_name"));
    let twilio = twilio(&mut section, loopback);
    let calabrio = calabrio(&mut section, loopback);
    let media = media(section.section("media"));
    let digital = quality::digital(section.section("digital"));
    let webhook = quality::webhook(section.section("webhook"));
    if let Some(url) = &event_webhook_url {
        quality::webhook_address(&section, url, &webhook, loopback);
    }
    let intake = quality::intake(section.section("intake"));
    let hold = quality::hold(section.section("hold"));
    let screen_recording =
        quality::screen_recording(section.section("screen_recording"), rte_messaging);
    let people = quality::people(section.section("people"), calabrio.as_ref());
    let metadata = mapping::read(&mut section, calabrio.as_ref());
    let encryption_keys = encryption_keys(&mut section);
    let excludes = excludes(&mut section);
    let wfm = wfm::wfm(
        section.section("wfm"),
        loopback,
        &products,
        calabrio.as_ref(),
    );
    let insights = insights::insights(section.section("insights"), loopback, &wfm, ledger);
    rules::products(&section, &products, &wfm);
    if event_webhook_url.is_some() && webhook.secrets.is_empty() {
        section.fault_for(
            Product::QualityManagement,
            "event_webhook_url",
            "needs webhook.secrets: every message is signed",
            "add secrets = [{ env = \"NAME\" }] under [acd.webhook], with whsec_ and 32 random bytes as base64",
        );
    }
    if let Some(calabrio) = &calabrio {
        if event_webhook_url.is_some() && calabrio.tenant_id.is_none() {
            section.fault_for(
                Product::QualityManagement,
                "event_webhook_url",
                "needs calabrio.tenant_id, which every message carries",
                "add tenant_id under [acd.calabrio]",
            );
        }
        if products.workforce_management && calabrio.acd_server_id.is_none() {
            section.fault_for(
                Product::WorkforceManagement,
                "products",
                "workforce_management needs calabrio.acd_server_id",
                "add acd_server_id under [acd.calabrio]",
            );
        }
    }
    section.finish();
    Some(Acd {
        name: name?,
        time_zone: time_zone?,
        discover_from,
        event_webhook_url,
        rte_messaging,
        delete_source,
        delete_source_min_age,
        unknown_agent,
        products,
        agent_name,
        twilio: twilio?,
        calabrio: calabrio?,
        media,
        digital,
        webhook,
        intake,
        hold,
        screen_recording,
        people,
        metadata: metadata?,
        encryption_keys,
        excludes,
        insights,
        wfm,
    })
}

fn discover_from(section: &mut Section<'_>) -> DiscoverFrom {
    let from = section.or("discover_from", DiscoverFrom::Now);
    if matches!(from, DiscoverFrom::Ago(back) if back > Duration::from_hours(30 * 24)) {
        section.warn(
            "discover_from",
            "is further back than Twilio tells of events (30 days)",
            "what is older will not be found",
        );
    }
    from
}

fn products(mut section: Section<'_>) -> Products {
    let default = Products::default();
    let quality_management: Vec<QmProduct> = section
        .list("quality_management")
        .unwrap_or(default.quality_management);
    let products = Products {
        quality_management,
        workforce_management: section.or("workforce_management", false),
    };
    if products.quality_management.is_empty() && !products.workforce_management {
        section.fault(
            "quality_management",
            "is empty, and workforce_management is off: no product is on",
            "write [\"voice\"]",
        );
    }
    section.finish();
    products
}

fn agent_name(mut section: Section<'_>) -> AgentName {
    let default = AgentName::default();
    let agent_name = AgentName {
        format: section.or("format", default.format),
        single_word: section.or("single_word", default.single_word),
    };
    section.finish();
    agent_name
}

fn twilio(parent: &mut Section<'_>, loopback: &[SocketAddr]) -> Option<Twilio> {
    let mut section = parent.required_section("twilio");
    let account_sid = section.required("account_sid");
    let workspace_sid = section.required("workspace_sid");
    let auth_token = section.optional("auth_token");
    let key_section = section.section("api_key");
    let api_key = if key_section.is_there() {
        api_key(key_section)
    } else {
        None
    };
    if section.is_there() && !section.has("auth_token") && !section.has("api_key") {
        section.fault(
            "auth_token",
            "is missing, and there is no api_key either",
            "add auth_token = { env = \"NAME\" }, or api_key",
        );
    }
    let endpoints = endpoints(section.section("endpoints"), loopback);
    section.finish();
    Some(Twilio {
        account_sid: account_sid?,
        workspace_sid: workspace_sid?,
        auth_token,
        api_key,
        endpoints,
    })
}

fn api_key(mut section: Section<'_>) -> Option<ApiKey> {
    let (sid, secret) = (section.required("sid"), section.required("secret"));
    section.finish();
    Some(ApiKey {
        sid: sid?,
        secret: secret?,
    })
}

fn endpoints(mut section: Section<'_>, loopback: &[SocketAddr]) -> TwilioEndpoints {
    let default = TwilioEndpoints::default();
    let endpoints = TwilioEndpoints {
        api: section.or_if("api", default.api, address(loopback)),
        taskrouter: section.or_if("taskrouter", default.taskrouter, address(loopback)),
        flex_api: section.or_if("flex_api", default.flex_api, address(loopback)),
        insights: section.or_if("insights", default.insights, address(loopback)),
        accounts: section.or_if("accounts", default.accounts, address(loopback)),
        conversations: section.or_if("conversations", default.conversations, address(loopback)),
        chat: section.or_if("chat", default.chat, address(loopback)),
        media: section.or_if("media", default.media, address(loopback)),
        events: section.or_if("events", default.events, address(loopback)),
    };
    section.finish();
    endpoints
}

/// Whether an address is one of those of this machine to which http is allowed.
fn is_listed(loopback: &[SocketAddr], host: &str, port: u16) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse()
        .is_ok_and(|ip| loopback.contains(&SocketAddr::new(ip, port)))
}

/// https, or http to a loopback address that the file lists.
pub(super) fn address(loopback: &[SocketAddr]) -> impl Fn(&BaseUrl) -> Result<(), Problem> {
    move |url| {
        let origin = url.origin();
        if origin.is_https() || is_listed(loopback, origin.host(), origin.port()) {
            return Ok(());
        }
        let listing = match origin.host() {
            "localhost" => format!("127.0.0.1:{}", origin.port()),
            host => format!("{host}:{}", origin.port()),
        };
        Err(Problem::new(
            "is http, and its address is not listed",
            format!(
                "write https, or the numeric address and allow_http_loopback = [\"{listing}\"] under [tls]"
            ),
        ))
    }
}

fn calabrio(parent: &mut Section<'_>, loopback: &[SocketAddr]) -> Option<Calabrio> {
    let mut section = parent.required_section("calabrio");
    let base_url = section
        .required("base_url")
        .filter(|url| match address(loopback)(url) {
            Ok(()) => true,
            Err(problem) => {
                section.fault("base_url", problem.what, problem.remedy);
                false
            }
        });
    let username = section.required("username");
    let password = section.required("password");
    let tenant_id: Option<u32> = section.optional("tenant_id");
    let acd_server_id = section.optional("acd_server_id");
    let leg_key_field = section.optional::<MetadataKey>("leg_key_field");
    if leg_key_field
        .as_ref()
        .is_some_and(|key| !key.as_str().ends_with("-key"))
    {
        section.warn(
            "leg_key_field",
            "does not end in -key, as the keys of Metadata Manager do",
            "give the key and not the label",
        );
    }
    let metadata_value_limit = section.or_if(
        "metadata_value_limit",
        Calabrio::METADATA_VALUE_LIMIT,
        within(1, 4096),
    );
    let contract = section.or("contract", Raw(serde_json::json!({}))).0;
    section.finish();
    let base_url: BaseUrl = base_url?;
    let tenant_text = tenant_id.map_or_else(
        || base_url.origin().host().replace(['[', ']', ':'], "-"),
        |id| id.to_string(),
    );
    let tenant_key: Option<TenantKey> = tenant_text.parse().ok();
    if tenant_key.is_none() {
        parent.fault(
            "calabrio",
            "has a host that cannot name a tenant",
            "set tenant_id",
        );
    }
    Some(Calabrio {
        base_url,
        username: username?,
        password: password?,
        tenant_id,
        acd_server_id,
        leg_key_field: leg_key_field.unwrap_or_else(Calabrio::default_leg_key_field),
        metadata_value_limit,
        contract,
        tenant_key: tenant_key?,
    })
}

fn media(mut section: Section<'_>) -> Media {
    let default = Media::default();
    let media = Media {
        no_media: section.or("no_media", default.no_media),
        span_uncertain: section.or("span_uncertain", default.span_uncertain),
        span_margin: section.or_if(
            "span_margin",
            default.span_margin,
            at_most(Duration::from_mins(1)),
        ),
        recording_scope: section.or("recording_scope", default.recording_scope),
        channel_order: section.or("channel_order", default.channel_order),
    };
    section.finish();
    media
}

fn encryption_keys(parent: &mut Section<'_>) -> Vec<EncryptionKey> {
    let (mut names, mut sids) = (HashSet::new(), HashSet::new());
    let mut keys = Vec::new();
    for mut section in parent.sections("encryption_key") {
        let name: Option<String> = section.required("name");
        let public_key_sid = section.required("public_key_sid");
        let private_key = section.required("private_key");
        let passphrase = section.optional("passphrase");
        if let Some(name) = &name {
            if !name.chars().all(char::is_alphanumeric) {
                section.fault(
                    "name",
                    "has characters that are neither letters nor digits",
                    "write letters and digits only",
                );
            } else if !names.insert(name.to_lowercase()) {
                section.fault(
                    "name",
                    "is the name of another key",
                    "give each key a name of its own",
                );
            }
        }
        if public_key_sid.is_some_and(|sid| !sids.insert(sid)) {
            section.fault(
                "public_key_sid",
                "is listed already",
                "list each public key once",
            );
        }
        section.finish();
        if let (Some(name), Some(public_key_sid), Some(private_key)) =
            (name, public_key_sid, private_key)
        {
            keys.push(EncryptionKey {
                name,
                public_key_sid,
                private_key,
                passphrase,
            });
        }
    }
    keys
}

fn excludes(parent: &mut Section<'_>) -> Vec<Exclude> {
    let mut names = HashSet::new();
    let mut excludes = Vec::new();
    for mut section in parent.sections("exclude") {
        let name: Option<String> = section.required("name");
        let exclude = Exclude {
            name: name.clone().unwrap_or_default(),
            channel: section.optional("channel"),
            queue: section.optional("queue"),
            worker: section.optional("worker"),
            direction: section.optional("direction"),
            attribute: section.optional("attribute"),
            equals: section.optional("equals"),
            shorter_than: section.optional("shorter_than"),
        };
        if name.is_some_and(|name| !names.insert(name.to_lowercase())) {
            section.fault(
                "name",
                "is the name of another rule",
                "give each rule a name of its own",
            );
        }
        if exclude.shorter_than.is_some_and(|least| {
            between(Duration::from_millis(1), Duration::from_hours(24))(&least).is_err()
        }) {
            section.fault(
                "shorter_than",
                "is out of range",
                "write a duration from 1ms to 1d",
            );
        }
        rules::exclude(&section, &exclude);
        section.finish();
        if !exclude.name.is_empty() {
            excludes.push(exclude);
        }
    }
    excludes
}
