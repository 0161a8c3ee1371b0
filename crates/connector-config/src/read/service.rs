//! The sections that concern the process.

use std::net::SocketAddr;
use std::time::Duration;

use super::acd::address;
use super::leaf::{Listen, TimeOfDay};
use super::within;
use crate::model::{
    Intake, Ledger, Limits, Product, Reconcile, Runtime, Spool, Timing, Tls, WFM_LEDGER,
};
use crate::reader::{Problem, Section};
use crate::units::{ByteSize, print_duration};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

pub(super) fn ledger(mut section: Section<'_>) -> Ledger {
    let default = Ledger::default();
    let path = section.path_or("path", &default.path);
    let ledger = Ledger {
        wfm_path: section
            .optional("wfm_path")
            .unwrap_or_else(|| path.with_file_name(WFM_LEDGER)),
        path,
        sealing_key: section.optional("sealing_key"),
        old_sealing_keys: section.list("old_sealing_keys").unwrap_or_default(),
        retain_details: section.or("retain_details", default.retain_details),
        retain_rows: section.or("retain_rows", default.retain_rows),
    };
    if ledger.wfm_path == ledger.path {
        section.fault(
            if section.has("wfm_path") {
                "wfm_path"
            } else {
                "path"
            },
            "is the file of the other program: sync-qm and sync-wfm each have a ledger of their own",
            "give each a file of its own",
        );
    }
    if ledger.retain_rows < ledger.retain_details {
        section.fault(
            "retain_rows",
            "is shorter than retain_details",
            "keep rows at least as long as their details",
        );
    }
    if !ledger.old_sealing_keys.is_empty() && !section.has("sealing_key") {
        section.fault(
            "old_sealing_keys",
            "is set, and there is no sealing_key under which details could be sealed anew",
            "set sealing_key to the new key",
        );
    }
    if !section.has("sealing_key") {
        section.warn(
            "sealing_key",
            "is not set, so task attributes lie in the ledger in the clear",
            "set it to { env = \"NAME\" } or { file = \"/path\" } with 32 random bytes as hexadecimal digits: openssl rand -hex 32",
        );
    }
    section.finish();
    ledger
}

pub(super) fn spool(mut section: Section<'_>) -> Spool {
    let default = Spool::default();
    let spool = Spool {
        dir: section.path_or("dir", &default.dir),
        quota: section.or_if(
            "quota",
            default.quota,
            within(ByteSize::mebibytes(1), ByteSize::mebibytes(1 << 24)),
        ),
    };
    section.finish();
    spool
}

pub(super) fn limits(mut section: Section<'_>) -> Limits {
    let default = Limits::default();
    let limits = Limits {
        twilio_in_flight: section.or_if(
            "twilio_in_flight",
            default.twilio_in_flight,
            within(1, 256),
        ),
        calabrio_in_flight: section.or_if(
            "calabrio_in_flight",
            default.calabrio_in_flight,
            within(1, 256),
        ),
        memory: section.or_if(
            "memory",
            default.memory,
            within(ByteSize::mebibytes(1), ByteSize::mebibytes(1 << 20)),
        ),
    };
    section.finish();
    limits
}

pub(super) fn runtime(mut section: Section<'_>) -> Runtime {
    let default = Runtime::default();
    let runtime = Runtime {
        log_format: section.or("log_format", default.log_format),
        log_level: section.or_if("log_level", default.log_level, log_directives),
        listen: section.or("listen", Listen(default.listen)).0,
        wfm_listen: section.or("wfm_listen", Listen(default.wfm_listen)).0,
        bearer_token: section.optional("bearer_token"),
        stop_grace: section.or_if("stop_grace", default.stop_grace, at_most(HOUR)),
    };
    for (key, listen) in [
        ("listen", runtime.listen),
        ("wfm_listen", runtime.wfm_listen),
    ] {
        if listen.is_some_and(|address| !address.ip().is_loopback()) && !section.has("bearer_token")
        {
            section.fault(
                key,
                "is not a loopback address, and there is no bearer_token",
                "add bearer_token, or listen at 127.0.0.1",
            );
        }
    }
    section.finish();
    runtime
}

#[allow(
    clippy::ptr_arg,
    reason = "judges the value of a field, which is a String"
)]
fn log_directives(text: &String) -> Result<(), Problem> {
    let level = |text: &str| {
        matches!(
            text.to_ascii_lowercase().as_str(),
            "off" | "error" | "warn" | "info" | "debug" | "trace"
        )
    };
    let target = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'))
    };
    let sound = |directive: &str| match directive.trim().split_once('=') {
        Some((name, wanted)) => target(name) && level(wanted),
        None => level(directive.trim()),
    };
    if text.split(',').all(sound) {
        Ok(())
    } else {
        let remedy = "write error, warn, info, debug or trace, or directives such as \"info,qm_pipeline=debug\"";
        Err(Problem::new(
            "is neither a level nor a list of directives",
            remedy,
        ))
    }
}

/// Twilio, and what terminates TLS before the listener, are told the port once.
fn port_that_stays(address: &SocketAddr) -> Result<(), Problem> {
    if address.port() == 0 {
        return Err(Problem::new(
            "has port 0, which is another port at every start",
            "write the port that public_url leads to: \"127.0.0.1:9465\"",
        ));
    }
    Ok(())
}

/// Whether one of two listeners would find its address taken by the other: every address of a machine includes each.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |all: SocketAddr, one: SocketAddr| {
        all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4())
    };
    one.port() == other.port()
        && one.port() != 0
        && (one.ip() == other.ip() || covers(one, other) || covers(other, one))
}

pub(super) fn intake(
    mut section: Section<'_>,
    loopback: &[SocketAddr],
    runtime: &Runtime,
) -> Intake {
    let default = Intake::default();
    let mut public = |key: &'static str| {
        section
            .optional(key)
            .filter(|url| match address(loopback)(url) {
                Ok(()) => true,
                Err(problem) => {
                    section.fault(key, problem.what, problem.remedy);
                    false
                }
            })
    };
    let (public_url, wfm_public_url) = (public("public_url"), public("wfm_public_url"));
    let intake = Intake {
        public_url,
        wfm_public_url,
        wfm_listen: section.or_if("wfm_listen", default.wfm_listen, port_that_stays),
        listen: section.or_if("listen", default.listen, port_that_stays),
        max_body: section.or_if(
            "max_body",
            default.max_body,
            within(ByteSize::bytes(16 * 1024), ByteSize::mebibytes(16)),
        ),
    };
    // Nobody listens there before public_url is set.
    for (product, key) in [
        (Product::QualityManagement, "listen"),
        (Product::WorkforceManagement, "wfm_listen"),
    ] {
        let (Some((_, listen)), Some(metrics)) = (intake.of(product), runtime.listen_of(product))
        else {
            continue;
        };
        if collide(metrics, listen) {
            section.fault(
                key,
                format!(
                    "is the address of runtime.{key}, and only one of the two can listen there"
                ),
                format!("give one of them another port, or write {key} = \"off\" under [runtime]"),
            );
        }
    }
    section.finish();
    intake
}

pub(super) fn reconcile(mut section: Section<'_>) -> Reconcile {
    let default = Reconcile::default();
    let reconcile = Reconcile {
        enabled: section.or("enabled", default.enabled),
        window: section.or_if("window", default.window, between(HOUR, 30 * DAY)),
        at: section.or("at", TimeOfDay(default.at)).0,
        spread: section.or_if("spread", default.spread, at_most(12 * HOUR)),
    };
    section.finish();
    reconcile
}

pub(super) fn tls(mut section: Section<'_>) -> Tls {
    let tls = Tls {
        extra_ca_file: section.optional("extra_ca_file"),
        allow_http_loopback: section.list("allow_http_loopback").unwrap_or_default(),
    };
    if tls
        .allow_http_loopback
        .iter()
        .any(|address: &SocketAddr| !address.ip().is_loopback())
    {
        section.fault(
            "allow_http_loopback",
            "holds an address that is not loopback",
            "only addresses of this machine can go without TLS",
        );
    }
    section.finish();
    tls
}

pub(super) fn timing(mut section: Section<'_>) -> Timing {
    let default = Timing::default();
    let interval = || between(Duration::from_millis(10), DAY);
    let timing = Timing {
        discover_window: section.or_if(
            "discover_window",
            default.discover_window,
            between(SECOND, 300 * SECOND),
        ),
        discover_trail: section.or_if("discover_trail", default.discover_trail, at_most(HOUR)),
        discover_interval: section.or_if(
            "discover_interval",
            default.discover_interval,
            interval(),
        ),
        capture_delay: section.or_if("capture_delay", default.capture_delay, at_most(DAY)),
        capture_wait: section.or_if("capture_wait", default.capture_wait, at_most(7 * DAY)),
        recording_interval: section.or_if(
            "recording_interval",
            default.recording_interval,
            interval(),
        ),
        recording_wait: section.or_if("recording_wait", default.recording_wait, at_most(30 * DAY)),
        search_interval: section.or_if("search_interval", default.search_interval, interval()),
        search_settle: section.or_if("search_settle", default.search_settle, at_most(30 * DAY)),
        processing_interval: section.or_if(
            "processing_interval",
            default.processing_interval,
            interval(),
        ),
        processing_wait: section.or_if(
            "processing_wait",
            default.processing_wait,
            at_most(30 * DAY),
        ),
    };
    if timing.capture_wait < timing.capture_delay {
        section.fault(
            "capture_wait",
            "is shorter than capture_delay",
            "wait at least as long for a task to end as after its end",
        );
    }
    for (wait, key, interval, interval_key) in [
        (
            timing.recording_wait,
            "recording_wait",
            timing.recording_interval,
            "recording_interval",
        ),
        (
            timing.search_settle,
            "search_settle",
            timing.search_interval,
            "search_interval",
        ),
        (
            timing.processing_wait,
            "processing_wait",
            timing.processing_interval,
            "processing_interval",
        ),
    ] {
        if wait < interval {
            section.fault(
                key,
                format!("is shorter than {interval_key}"),
                format!("make {interval_key} shorter, or wait longer"),
            );
        }
    }
    section.finish();
    timing
}

pub(super) fn at_most(most: Duration) -> impl Fn(&Duration) -> Result<(), Problem> {
    between(Duration::ZERO, most)
}

pub(super) fn between(
    least: Duration,
    most: Duration,
) -> impl Fn(&Duration) -> Result<(), Problem> {
    move |value| {
        if (least..=most).contains(value) {
            return Ok(());
        }
        let remedy = format!(
            "write a duration from {} to {}",
            print_duration(least),
            print_duration(most)
        );
        Err(Problem::new("is out of range", remedy))
    }
}
