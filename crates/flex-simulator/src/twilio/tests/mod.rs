//! The documented answers, by the shapes that the vendor publishes, and the traps that it is known for.

mod conversations;
mod lists;
mod media;
mod recordings;
mod streams;
mod taskrouter;

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, Method};
use serde_json::Value;

use super::{MEDIA_HOST, TwilioHost, handle};
use crate::http::{Ctx, Inbound, OutBody, Outbound};
use crate::scenario::{Scenario, Span};
use crate::strict::Violations;
use crate::world::kind::Kind;
use crate::world::model::{Fate, Recording};
use crate::world::{World, keys};

const BASE: &str = "http://127.0.0.1:4010";

fn start() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// One world for all tests that only read: its keys take a while to find.
fn shared() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let scenario = Scenario {
            contacts: 56,
            redirect_every: 3,
            ..Scenario::default()
        };
        World::new(&scenario, 11, start()).unwrap()
    })
}

struct Client<'a> {
    world: &'a World,
    violations: Arc<Violations>,
    now: DateTime<Utc>,
    credentials: Option<(String, String)>,
}

impl<'a> Client<'a> {
    /// A minute after the start: everything has happened.
    fn new(world: &'a World) -> Self {
        Self {
            world,
            violations: Arc::new(Violations::new(true)),
            now: start() + TimeDelta::seconds(60),
            credentials: Some((
                world.account_sid().to_owned(),
                world.auth_token().to_owned(),
            )),
        }
    }

    /// Posts a form to Event Streams.
    fn form(&self, target: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let answer = self.send(
            Method::POST,
            TwilioHost::Events,
            target,
            form.finish().into(),
        );
        let status = answer.status;
        (status, serde_json::from_slice(&body(answer)).unwrap())
    }

    fn ask(&self, method: Method, host: TwilioHost, target: &str) -> Outbound {
        self.send(method, host, target, Bytes::new())
    }

    fn send(&self, method: Method, host: TwilioHost, target: &str, body: Bytes) -> Outbound {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        if let Some((user, password)) = &self.credentials {
            let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            headers.insert("authorization", value.parse().unwrap());
        }
        if !body.is_empty() {
            let kind = "application/x-www-form-urlencoded";
            headers.insert("content-type", kind.parse().unwrap());
        }
        let inbound = Inbound {
            method,
            path: path.to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            headers,
            body,
            link_base: format!("{BASE}/{}", host.name()),
            root: BASE.to_owned(),
            by_segment: true,
        };
        let ctx = Ctx::new(self.now, Arc::clone(&self.violations), "test".to_owned());
        handle(self.world, host, &inbound, &ctx)
    }

    fn get(&self, host: TwilioHost, target: &str) -> Outbound {
        self.ask(Method::GET, host, target)
    }

    fn json(&self, host: TwilioHost, target: &str) -> Value {
        let answer = self.get(host, target);
        assert_eq!(answer.status, 200, "{target}");
        serde_json::from_slice(&body(answer)).unwrap()
    }

    fn api(&self, rest: &str) -> Value {
        self.json(TwilioHost::Api, &self.account(rest))
    }

    fn router(&self, rest: &str) -> Value {
        self.json(TwilioHost::TaskRouter, &self.workspace(rest))
    }

    fn account(&self, rest: &str) -> String {
        format!("/2010-04-01/Accounts/{}/{rest}", self.world.account_sid())
    }

    fn workspace(&self, rest: &str) -> String {
        format!("/v1/Workspaces/{}/{rest}", self.world.workspace_sid())
    }

    fn refused(&self, host: TwilioHost, target: &str) -> (u16, String) {
        let answer = self.get(host, target);
        (answer.status, String::from_utf8(body(answer)).unwrap())
    }
}

fn body(answer: Outbound) -> Vec<u8> {
    match answer.body {
        OutBody::Bytes(bytes) => bytes.to_vec(),
        OutBody::Stream { length, chunks } => {
            let whole: Vec<u8> = chunks.flat_map(|piece| piece.to_vec()).collect();
            assert_eq!(whole.len() as u64, length);
            whole
        }
    }
}

fn header<'a>(answer: &'a Outbound, name: &str) -> Option<&'a str> {
    answer
        .headers
        .iter()
        .find(|(there, _)| there == name)
        .map(|(_, value)| value.as_str())
}

fn has_all(value: &Value, names: &[&str]) {
    for name in names {
        assert!(value.get(name).is_some(), "{name} is missing in {value}");
    }
}

fn recording_of(world: &World, kind: Kind) -> &Recording {
    let leg = world
        .expected()
        .iter()
        .find(|leg| leg.kind == kind)
        .unwrap();
    let piece = &leg.audio.as_ref().unwrap().pieces[0];
    world.recording(&piece.recording).unwrap()
}

/// Asks for media and follows the redirect as a careful client does.
fn download(client: &mut Client<'_>, sid: &str, more: &str) -> (u16, Vec<u8>) {
    let answer = client.get(
        TwilioHost::Api,
        &client.account(&format!("Recordings/{sid}{more}")),
    );
    if answer.status != 302 {
        return (answer.status, body(answer));
    }
    let location = header(&answer, "location").unwrap().to_owned();
    let target = location
        .strip_prefix(&format!("{BASE}/{MEDIA_HOST}"))
        .unwrap();
    let credentials = client.credentials.take();
    let answer = client.get(TwilioHost::Media, target);
    client.credentials = credentials;
    (answer.status, body(answer))
}
