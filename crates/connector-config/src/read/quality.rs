//! The sections of `model/quality.rs`.

use std::net::SocketAddr;
use std::time::Duration;

use http_retry::SafeUrl;
use http_retry::guard::{GuardError, Network};

use super::service::between;
use super::within;
use crate::model::{
    Acd, AcdIntake, Calabrio, DeleteSource, Digital, HoldSettings, People, ScreenRecording, Webhook,
};
use crate::reader::{Problem, Section};
use crate::units::ByteSize;

pub(super) fn webhook(mut section: Section<'_>) -> Webhook {
    let webhook = Webhook {
        secrets: section.list("secrets").unwrap_or_default(),
        allow_networks: section.list("allow_networks").unwrap_or_default(),
    };
    section.finish();
    webhook
}

pub(super) fn intake(mut section: Section<'_>) -> AcdIntake {
    let intake = AcdIntake {
        path: section.optional::<String>("path").filter(|path| {
            let fits = path.len() <= 100
                && path
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
            if !fits {
                section.fault(
                    "path",
                    "is not one segment of lower-case letters, digits, dashes and underscores",
                    "write something like \"main\"",
                );
            }
            fits
        }),
        username: section.optional("username"),
        password: section.optional("password"),
        secret_path: section.optional("secret_path"),
    };
    for (has, key, lacks) in [
        (intake.username.is_some(), "username", "password"),
        (intake.password.is_some(), "password", "username"),
    ] {
        if has && !section.has(lacks) {
            section.fault(
                key,
                format!("stands without {lacks}"),
                format!("add {lacks}, or remove it"),
            );
        }
    }
    if intake
        .username
        .as_ref()
        .is_some_and(|name| name.contains(':'))
    {
        section.fault("username", "holds a colon", "choose a name without one");
    }
    section.finish();
    intake
}

pub(super) fn screen_recording(mut section: Section<'_>, on: bool) -> ScreenRecording {
    let settings = ScreenRecording {
        holds: section.or("holds", false),
    };
    if settings.holds && !on {
        section.warn(
            "holds",
            "is on, and rte_messaging is off",
            "no message is sent until rte_messaging is on",
        );
    }
    section.finish();
    settings
}

pub(super) fn digital(mut section: Section<'_>) -> Digital {
    let default = Digital::default();
    let sizes = || within(ByteSize::bytes(1024), ByteSize::mebibytes(256));
    let digital = Digital {
        attachments: section.or("attachments", default.attachments),
        max_attachment: section.or_if("max_attachment", default.max_attachment, sizes()),
        max_transcript: section.or_if("max_transcript", default.max_transcript, sizes()),
    };
    if digital.max_attachment > digital.max_transcript {
        section.fault(
            "max_attachment",
            "is larger than max_transcript",
            "a file is part of its transcript: make it smaller, or max_transcript larger",
        );
    }
    section.finish();
    digital
}

pub(super) fn hold(mut section: Section<'_>) -> HoldSettings {
    let default = HoldSettings::default();
    let hold = HoldSettings {
        poll: section.or("poll", default.poll),
        poll_interval: section.or_if(
            "poll_interval",
            default.poll_interval,
            between(Duration::from_secs(1), Duration::from_mins(1)),
        ),
        poll_budget: section.or_if("poll_budget", default.poll_budget, within(1, 6000)),
    };
    section.finish();
    hold
}

pub(super) fn people(mut section: Section<'_>, calabrio: Option<&Calabrio>) -> People {
    let people = People {
        create: section.or("create", false),
        deactivate: section.or("deactivate", false),
        team_id: section.optional("team_id"),
        role_ids: section.list("role_ids").unwrap_or_default(),
    };
    if people.create {
        let lacks = [
            ("team_id", people.team_id.is_none()),
            ("role_ids", people.role_ids.is_empty()),
            (
                "calabrio.acd_server_id",
                calabrio.is_some_and(|calabrio| calabrio.acd_server_id.is_none()),
            ),
        ];
        for (key, _) in lacks.into_iter().filter(|(_, lacks)| *lacks) {
            section.fault(
                "create",
                format!("needs {key}"),
                format!("add {key}; Calabrio's administration pages show it"),
            );
        }
    }
    section.finish();
    people
}

/// The setting was a switch in versions before this one.
pub(super) fn delete_source(section: &mut Section<'_>) -> (DeleteSource, Duration) {
    let delete = section.or("delete_source", DeleteSource::Never);
    let age = section.or_if(
        "delete_source_min_age",
        Acd::DELETE_SOURCE_MIN_AGE,
        between(Duration::ZERO, Duration::from_hours(24 * 25)),
    );
    (delete, age)
}

/// What may be called where somebody else's server is told something.
pub(super) fn webhook_address(
    section: &Section<'_>,
    url: &SafeUrl,
    webhook: &Webhook,
    loopback: &[SocketAddr],
) {
    if let Err(error) = webhook.guard(loopback).check(url) {
        let remedy = match error {
            GuardError::Address { .. } => {
                "write the name of a public host, or list the network under webhook.allow_networks"
            }
            GuardError::NotQualified { .. } => "write the whole name of the host",
            _ => "write an address that begins with https://",
        };
        section.fault("event_webhook_url", error.to_string(), remedy);
    }
}

impl crate::reader::Leaf for Network {
    fn read(
        value: &toml::de::DeValue<'_>,
        context: &crate::reader::Context<'_>,
    ) -> Result<Self, Problem> {
        String::read(value, context)?
            .parse()
            .map_err(|error: http_retry::guard::NetworkError| {
                Problem::new(
                    error.to_string(),
                    "write an address and a number of bits: \"10.20.0.0/16\"",
                )
            })
    }

    fn example() -> String {
        "\"10.20.0.0/16\"".to_owned()
    }
}
