//! The section `[acd.wfm]`: classic workforce management.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use toml::de::DeValue;
use twilio_sid::ActivitySid;
use wfm_delivery::{AccessKind, DeliveryContract, DeliveryError};

use super::acd::address;
use super::leaf::Raw;
use super::rules::looks_like_a_sid;
use super::service::{at_most, between};
use super::within;
use crate::model::{
    Activity, ActivityState, Calabrio, Product, Products, Wfm, WfmFiles, WfmHold, WfmHttp,
    WfmTransport,
};
use crate::reader::{Context, Leaf, Problem, Section};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

pub(super) fn wfm(
    mut section: Section<'_>,
    loopback: &[SocketAddr],
    products: &Products,
    calabrio: Option<&Calabrio>,
) -> Wfm {
    let mut named = HashSet::new();
    let default = Wfm::default();
    let contract = section.or("contract", Raw(json!({}))).0;
    let judged = judged(&section, &contract);
    let wfm = Wfm {
        history: section.or("history", false),
        adherence: section.or("adherence", false),
        service_queue: section.optional("service_queue"),
        history_redelivery: section.or("history_redelivery", default.history_redelivery),
        transport: section.optional("transport"),
        roster_every: section.or_if(
            "roster_every",
            default.roster_every,
            between(5 * MINUTE, DAY),
        ),
        resync_confirm: section.or_if(
            "resync_confirm",
            default.resync_confirm,
            at_most(60 * MINUTE),
        ),
        resync_every: section.or_if("resync_every", default.resync_every, between(MINUTE, DAY)),
        state_flush: section
            .has("state_flush")
            .then(|| section.or_if("state_flush", Duration::ZERO, at_most(MINUTE))),
        max_agents: section.or_if("max_agents", default.max_agents, within(1, 1_000_000)),
        hold: hold(section.section("hold")),
        files: files(section.section("files")),
        http: http(section.section("http"), loopback),
        contract,
        activities: section
            .sections("activity")
            .into_iter()
            .filter_map(|section| activity(section, &mut named))
            .collect(),
    };
    if products.workforce_management {
        way(&section, &wfm, judged.as_ref(), calabrio);
    }
    section.finish();
    wfm
}

fn hold(mut section: Section<'_>) -> WfmHold {
    let default = WfmHold::default();
    let hold = WfmHold {
        poll: section.or("poll", default.poll),
        poll_interval: section.or_if(
            "poll_interval",
            default.poll_interval,
            between(Duration::from_secs(1), MINUTE),
        ),
        poll_budget: section.or_if("poll_budget", default.poll_budget, within(1, 100)),
    };
    section.finish();
    hold
}

fn files(mut section: Section<'_>) -> WfmFiles {
    let files = WfmFiles {
        folder: section.optional("folder"),
    };
    section.finish();
    files
}

fn http(mut section: Section<'_>, loopback: &[SocketAddr]) -> WfmHttp {
    let default = WfmHttp::default();
    let base_url = section
        .optional("base_url")
        .filter(|url| match address(loopback)(url) {
            Ok(()) => true,
            Err(problem) => {
                section.fault("base_url", problem.what, problem.remedy);
                false
            }
        });
    let http = WfmHttp {
        base_url,
        username: section.optional("username"),
        password: section.optional("password"),
        token: section.optional("token"),
        deadline: section.or_if(
            "deadline",
            default.deadline,
            between(Duration::from_secs(1), 10 * MINUTE),
        ),
    };
    for (key, lacks) in [("username", "password"), ("password", "username")] {
        if section.has(key) && !section.has(lacks) {
            section.fault(
                key,
                format!("stands without {lacks}"),
                format!("add {lacks}, or remove it: without both, those of [acd.calabrio] count"),
            );
        }
    }
    if http
        .username
        .as_ref()
        .is_some_and(|name| name.contains(':'))
    {
        section.fault("username", "holds a colon", "choose a name without one");
    }
    section.finish();
    http
}

/// What the way to Calabrio needs.
fn way(
    section: &Section<'_>,
    wfm: &Wfm,
    contract: Option<&DeliveryContract>,
    calabrio: Option<&Calabrio>,
) {
    let fault = |key: &str, what: &str, remedy: &str| {
        section.fault_for(Product::WorkforceManagement, key, what, remedy);
    };
    match wfm.transport {
        None if !section.has("transport") => fault(
            "transport",
            "is missing, and workforce_management needs it",
            "write \"files\" or \"http\": ask Calabrio which of the two your tenant takes",
        ),
        Some(WfmTransport::Files) if wfm.files.folder.is_none() => fault(
            "files",
            "lacks folder, and the transport files needs it",
            "add folder = \"/path/to/it\" under [acd.wfm.files]",
        ),
        Some(WfmTransport::Http) => {
            let access = contract.map(|contract| contract.http.access);
            let with_token = matches!(access, Some(AccessKind::Bearer | AccessKind::Header));
            if with_token && wfm.http.token.is_none() {
                fault(
                    "http",
                    "lacks token, and contract.http.access needs it",
                    "add token = { env = \"NAME\" } under [acd.wfm.http]",
                );
            } else if access == Some(AccessKind::Session) && elsewhere(wfm, calabrio) {
                fault(
                    "http",
                    "has a base_url at another host than calabrio.base_url, and no session is shown to another host",
                    "write access = \"basic\", \"bearer\", \"header\" or \"open\" under [acd.wfm.contract.http]",
                );
            } else if access.is_some_and(|access| access != AccessKind::Basic)
                && wfm.http.username.is_some()
            {
                section.warn(
                    "http",
                    "has a username that contract.http.access does not use",
                    "remove it, or write access = \"basic\" under [acd.wfm.contract.http]",
                );
            } else if access.is_some() && !with_token && wfm.http.token.is_some() {
                section.warn(
                    "http",
                    "has a token that contract.http.access does not use",
                    "remove it, or write access = \"bearer\" under [acd.wfm.contract.http]",
                );
            }
        }
        _ => {}
    }
}

/// Whether the endpoint is at another host than Calabrio ONE.
fn elsewhere(wfm: &Wfm, calabrio: Option<&Calabrio>) -> bool {
    match (&wfm.http.base_url, calabrio) {
        (Some(own), Some(calabrio)) => own.origin() != calabrio.base_url.origin(),
        _ => false,
    }
}

/// The contract with the overrides of the file; each fault at the place of its setting.
fn judged(section: &Section<'_>, written: &Value) -> Option<DeliveryContract> {
    let whole: Result<DeliveryContract, _> = serde_json::from_value(written.clone());
    let Ok(contract) = whole else {
        unreadable(section, written);
        return None;
    };
    let faults = match contract.validate() {
        Ok(()) => return Some(contract),
        Err(DeliveryError::Contract(faults)) => faults,
        Err(other) => {
            section.fault("contract", other.to_string(), REMEDY);
            return None;
        }
    };
    for fault in faults {
        // One that is about several settings stands at the first of them that is written.
        let settings: Vec<&str> = fault.setting.split(", ").collect();
        let path = |setting: &&str| setting.split('.').map(str::to_owned).collect::<Vec<_>>();
        let is_written = |setting: &&&str| {
            let pointer = format!("/{}", setting.replace('.', "/"));
            written.pointer(&pointer).is_some()
        };
        let chosen = settings
            .iter()
            .find(is_written)
            .or(settings.first())
            .map(path)
            .unwrap_or_default();
        let names: Vec<&str> = chosen.iter().map(String::as_str).collect();
        let what = if settings.len() > 1 {
            fault.to_string()
        } else {
            fault.problem
        };
        section.fault_at(&section.place_below("contract", &names), what, REMEDY);
    }
    None
}

const REMEDY: &str = "correct it; the settings and their values stand in docs/calabrio-contract.md";

/// What of the overrides is unknown or of the wrong kind, each found by itself.
fn unreadable(section: &Section<'_>, written: &Value) {
    let cannot = |alone: Value| serde_json::from_value::<DeliveryContract>(alone).is_err();
    let tell = |path: &[&str], known: Option<&Value>| {
        let place = section.place_below("contract", path);
        match known {
            Some(known) => section.fault_at(
                &place,
                "is not the kind of value that this setting has",
                format!("write something like {known}"),
            ),
            None => section.fault_at(
                &place,
                "is no setting of the contract",
                "remove it; the settings stand in docs/calabrio-contract.md, from number 901 on",
            ),
        }
    };
    let default = serde_json::to_value(DeliveryContract::default()).unwrap_or_default();
    let subjects = written.as_object().into_iter().flatten();
    for (subject, settings) in subjects {
        let known = default.get(subject);
        let Some(settings) = settings.as_object().filter(|_| known.is_some()) else {
            if known.is_some() {
                let place = section.place_below("contract", &[subject]);
                section.fault_at(&place, "is not a table", "write its settings below it");
            } else {
                tell(&[subject], None);
            }
            continue;
        };
        for (setting, value) in settings {
            if cannot(json!({ subject: { setting: value } })) {
                let known = known.and_then(|known| known.get(setting));
                tell(&[subject, setting], known);
            }
        }
    }
}

fn activity(mut section: Section<'_>, named: &mut HashSet<String>) -> Option<Activity> {
    let activity: Option<String> = section.required("activity");
    let state = section.required::<Target>("state").map(|target| target.0);
    let state_reason_code = section.or("state_reason_code", false);
    if state_reason_code && state.is_some_and(|state| !state.takes_reason_code()) {
        section.fault(
            "state_reason_code",
            "goes only with the states \"not-ready\", \"work-not-ready\" and \"work-ready\"",
            "turn it off, or map the activity to one of them",
        );
    }
    if let Some(Err(error)) = activity
        .as_deref()
        .filter(|text| looks_like_a_sid(text))
        .map(str::parse::<ActivitySid>)
    {
        section.fault(
            "activity",
            error.to_string(),
            "write the SID of the activity, or its name",
        );
    }
    // As activities are compared: in any letter case.
    if activity
        .as_ref()
        .is_some_and(|name| !named.insert(name.trim().to_lowercase()))
    {
        section.fault("activity", "is mapped already", "map each activity once");
    }
    section.finish();
    Some(Activity {
        activity: activity?,
        state: state?,
        state_reason_code,
    })
}

/// A state that is a target. The two that are none get an explanation of their own.
struct Target(ActivityState);

impl Leaf for Target {
    fn read(value: &DeValue<'_>, context: &Context<'_>) -> Result<Self, Problem> {
        match value
            .as_str()
            .map(|text| text.trim().to_ascii_lowercase())
            .as_deref()
        {
            Some("hold" | "talking") => Err(Problem::new(
                "is fixed: Hold and Talking follow from contacts, not from activities",
                format!("write {}", ActivityState::example()),
            )),
            _ => ActivityState::read(value, context).map(Self),
        }
    }

    fn example() -> String {
        ActivityState::example()
    }
}
