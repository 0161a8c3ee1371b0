//! Which simulated host a request is for, and which faults fit it.

use http::{HeaderMap, Method, Uri};

use crate::calabrio;
use crate::faults::Class;
use crate::floor::insights;
use crate::http::Inbound;
use crate::mishap::Vendor;
use crate::twilio::TwilioHost;
use crate::webhooks;

/// One of the hosts that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    Twilio(TwilioHost),
    Calabrio,
    FlexInsights,
    /// The receiver of webhooks.
    Webhooks,
}

impl Host {
    /// The host of that name, without a port.
    fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name == calabrio::HOST {
            return Some(Self::Calabrio);
        }
        if name == insights::HOST {
            return Some(Self::FlexInsights);
        }
        if name == webhooks::HOST {
            return Some(Self::Webhooks);
        }
        TwilioHost::ALL
            .into_iter()
            .find(|host| host.name() == name)
            .map(Self::Twilio)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Twilio(host) => host.name(),
            Self::Calabrio => calabrio::HOST,
            Self::FlexInsights => insights::HOST,
            Self::Webhooks => webhooks::HOST,
        }
    }

    pub(super) fn vendor(self) -> Vendor {
        match self {
            Self::Twilio(_) => Vendor::Twilio,
            Self::Calabrio => Vendor::Calabrio,
            Self::FlexInsights => Vendor::FlexInsights,
            Self::Webhooks => Vendor::Receiver,
        }
    }
}

/// The names of all hosts.
pub(crate) fn host_names() -> Vec<&'static str> {
    TwilioHost::ALL
        .into_iter()
        .map(TwilioHost::name)
        .chain([calabrio::HOST, insights::HOST, webhooks::HOST])
        .collect()
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Routed {
    pub(super) host: Host,
    /// The path below the host, still encoded.
    pub(super) path: String,
    pub(super) by_segment: bool,
}

/// By the `Host` header, else by the first path segment.
pub(super) fn route(headers: &HeaderMap, uri: &Uri) -> Option<Routed> {
    let header = headers
        .get(http::header::HOST)
        .and_then(|value| value.to_str().ok());
    let named = uri.host().or_else(|| {
        header.map(|value| {
            value.rsplit_once(':').map_or(value, |(host, port)| {
                if port.bytes().all(|b| b.is_ascii_digit()) {
                    host
                } else {
                    value
                }
            })
        })
    });
    if let Some(host) = named.and_then(Host::of) {
        return Some(Routed {
            host,
            path: uri.path().to_owned(),
            by_segment: false,
        });
    }
    let (first, rest) = uri.path().strip_prefix('/')?.split_once('/')?;
    Some(Routed {
        host: Host::of(first)?,
        path: format!("/{rest}"),
        by_segment: true,
    })
}

/// Which faults fit a request.
pub(super) fn class(host: Host, inbound: &Inbound) -> Class {
    let path = inbound.path.as_str();
    let last = path.rsplit('/').next().unwrap_or_default();
    match host {
        Host::Twilio(TwilioHost::Media) => Class::Media,
        Host::Twilio(TwilioHost::Mcs) if last == "Content" => Class::Media,
        Host::Webhooks => Class::Webhook,
        Host::Calabrio if path == "/api/rest/authorize" => Class::Session,
        Host::FlexInsights if path.starts_with("/gdc/account/") => Class::Session,
        _ if inbound.method != Method::GET => Class::Write,
        Host::Twilio(TwilioHost::Api)
            if path.contains("/Recordings/") && !last.contains(".json") =>
        {
            Class::Media
        }
        Host::Calabrio if last == "contact" || last == "ViewOrg" => Class::List,
        Host::Twilio(TwilioHost::Api)
            if [
                "Recordings.json",
                "Calls.json",
                "Conferences.json",
                "Participants.json",
            ]
            .contains(&last) =>
        {
            Class::List
        }
        Host::Twilio(_)
            if [
                "Events",
                "Tasks",
                "Workers",
                "TaskQueues",
                "Activities",
                "Reservations",
                "Participants",
                "PublicKeys",
                "Conversations",
                "Messages",
                "Members",
                "Channels",
                "Invites",
                "Sinks",
                "Subscriptions",
                "SubscribedEvents",
                "Types",
            ]
            .contains(&last) =>
        {
            Class::List
        }
        _ => Class::Read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(host: &str, uri: &str) -> Option<Routed> {
        let mut headers = HeaderMap::new();
        headers.insert("host", host.parse().unwrap());
        route(&headers, &uri.parse().unwrap())
    }

    #[test]
    fn a_host_header_names_the_host() {
        let expected = Routed {
            host: Host::Twilio(TwilioHost::Api),
            path: "/2010-04-01/a".to_owned(),
            by_segment: false,
        };
        assert_eq!(routed("api.twilio.com", "/2010-04-01/a"), Some(expected));
        let with_port = routed("API.twilio.com:8443", "/x").unwrap();
        assert_eq!(
            (with_port.host.name(), with_port.path.as_str()),
            ("api.twilio.com", "/x")
        );
    }

    #[test]
    fn else_the_first_segment_names_it() {
        let expected = Routed {
            host: Host::Calabrio,
            path: "/api/rest/authorize".to_owned(),
            by_segment: true,
        };
        assert_eq!(
            routed("127.0.0.1:4000", "/calabrio.example/api/rest/authorize"),
            Some(expected)
        );
        assert_eq!(routed("127.0.0.1:4000", "/example.com/x"), None);
        assert_eq!(routed("127.0.0.1:4000", "/api.twilio.com"), None);
        assert!(routed("[::1]:4000", "/api.twilio.com/").is_some());
    }

    #[test]
    fn every_host_is_found_by_its_name() {
        for name in host_names() {
            assert_eq!(Host::of(name).map(Host::name), Some(name));
        }
    }
}
