//! Calabrio ONE: sessions, contact import, search, metadata, people. The shapes are those that its clients were seen to use, and
//! where nothing is public those that the connector assumes.

pub(crate) mod audio;
pub(crate) mod people;
mod route;
mod screen;
pub(crate) mod search;
mod session;
pub(crate) mod store;
pub(crate) mod text;
pub(crate) mod upload;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Offset as _, Utc};
use http::Method;

use crate::faults::{Dice, FaultLevel, fnv};
use crate::http::{Ctx, Inbound, Outbound};
use crate::options::Timings;
use crate::world::World;
use people::People;
use route::Route;
use screen::Screens;
use session::Sessions;
use store::{Delays, Store};

pub use screen::ScreenMessage;
pub use store::{ReceivedAudio, ReceivedContact};
pub use text::{ReceivedMessage, ReceivedTranscript};

/// The name of Calabrio's simulated host.
pub(crate) const HOST: &str = "calabrio.example";
/// The ACD's number at Calabrio.
pub(crate) const ACD_SERVER: u32 = 7;
/// The tenant's number.
pub(crate) const TENANT: u32 = 4711;
/// Longest metadata value that is taken.
const VALUE_LIMIT: usize = 1_024;

/// A Calabrio ONE tenant.
pub(crate) struct Calabrio {
    pub(crate) store: Store,
    people: People,
    screens: Screens,
    world: Arc<World>,
    sessions: Sessions,
    user: String,
    password: String,
    leg_key: String,
    page_cap: usize,
    compare_up_to: u64,
    requests: AtomicU64,
    seed: u64,
}

impl Calabrio {
    pub(crate) fn new(
        world: Arc<World>,
        seed: u64,
        level: FaultLevel,
        timings: &Timings,
        compare_up_to: u64,
    ) -> Self {
        let mut dice = Dice::new(seed, fnv("calabrio"), 0);
        let hours = [-8, -5, 0, 1, 10][dice.below(5)];
        let lifetime = match level {
            FaultLevel::None => None,
            FaultLevel::Mild => Some(Duration::from_secs(20)),
            FaultLevel::Hostile => Some(Duration::from_secs(6)),
        };
        Self {
            store: Store::new(Delays {
                index: timings.longest_index_delay(level),
                processing: timings.processing,
                seed,
                zone: FixedOffset::east_opt(hours * 3_600).unwrap_or_else(|| Utc.fix()),
            }),
            people: People::of(&world),
            screens: Screens::default(),
            sessions: Sessions::new(timings.session, lifetime),
            user: "flex-connector@calabrio.example".to_owned(),
            password: format!("{:016x}{:016x}", dice.next(), dice.next()),
            leg_key: world.leg_key_field(),
            page_cap: if level == FaultLevel::None {
                usize::MAX
            } else {
                25
            },
            compare_up_to,
            requests: AtomicU64::new(0),
            seed,
            world,
        }
    }

    /// The service account's name.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// The service account's password.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Ends all sessions.
    pub(crate) fn end_sessions(&self) {
        self.sessions.close_all();
    }

    /// An error in Calabrio's form.
    pub(crate) fn error(&self, status: u16, message: &str) -> Outbound {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("{:016x}", Dice::new(self.seed, number, 1).next());
        Outbound::json(
            status,
            &wire::Error {
                error_message: message,
                request_id,
            },
        )
    }

    /// Whether a request is of an open session.
    pub(crate) fn has_session(&self, req: &Inbound, ctx: &Ctx) -> bool {
        let session = req.header("cookie").and_then(session::cookie);
        session.is_some_and(|id| self.sessions.touch(id, ctx.now))
    }

    /// Why a request is refused before anything else is looked at: outside the documented surface, or without a valid session.
    pub(crate) fn gate(&self, req: &Inbound, ctx: &Ctx) -> Result<Route, Outbound> {
        let Some(route) = Route::of(&req.path) else {
            ctx.violation("no such path is known of Calabrio ONE");
            return Err(self.error(404, "not found"));
        };
        if !route.methods().contains(&req.method) {
            ctx.violation(format!("{} is not known of this path", req.method));
            return Err(self.error(405, "method not allowed"));
        }
        for (name, _) in &req.query {
            if !route.parameters().contains(&name.as_str())
                && ctx.violation(format!(
                    "query parameter {name:?} is not known of this path"
                ))
            {
                return Err(self.error(400, "unknown parameter"));
            }
        }
        if req.headers.contains_key(http::header::AUTHORIZATION)
            && ctx.violation("an Authorization header, where a session's cookie is expected")
        {
            return Err(self.error(400, "unexpected credentials"));
        }
        if matches!(req.method, Method::POST | Method::PUT) {
            let wanted = route.content_type();
            let kind = req.header("content-type").unwrap_or_default();
            let kind = kind.split(';').next().unwrap_or_default().trim();
            if !kind.eq_ignore_ascii_case(wanted)
                && ctx.violation(format!("content type {kind:?} where {wanted} is expected"))
            {
                return Err(self.error(415, "unsupported content type"));
            }
        }
        if !(route == Route::Authorize && req.method == Method::POST) {
            let session = req.header("cookie").and_then(session::cookie);
            if session.is_none() {
                ctx.violation("no session cookie");
            }
            if !session.is_some_and(|id| self.sessions.touch(id, ctx.now)) {
                return Err(self.error(401, "the session is not valid"));
            }
        }
        Ok(route)
    }

    /// Answers a request other than the import.
    pub(crate) fn handle(&self, req: &Inbound, ctx: &Ctx) -> Outbound {
        let route = match self.gate(req, ctx) {
            Ok(route) => route,
            Err(refusal) => return refusal,
        };
        match route {
            Route::Authorize if req.method == Method::POST => self.authorize(req, ctx),
            Route::Authorize => {
                if let Some(id) = req.header("cookie").and_then(session::cookie) {
                    self.sessions.close(id);
                }
                Outbound::empty(200)
            }
            Route::Contacts => self.search(req, ctx),
            Route::Contact(id) => match self.store.get(id) {
                Some(contact) => Outbound::json(200, &contact.wire(ctx.now, true)),
                None => self.error(404, "no such contact"),
            },
            Route::ContactMetadata(id) if req.method == Method::GET => {
                self.store.get(id).map_or_else(
                    || self.error(404, "no such contact"),
                    |contact| Outbound::json(200, &contact.wire(ctx.now, true).metadata),
                )
            }
            Route::ContactMetadata(id) => self.write_metadata(id, req, ctx),
            Route::MetadataFields => {
                let fields = self.world.metadata_fields();
                let fields: Vec<_> = fields
                    .iter()
                    .map(|field| wire::Field {
                        key: &field.key,
                        label: &field.label,
                        kind: field.field_type,
                    })
                    .collect();
                Outbound::json(200, &fields)
            }
            Route::People => Outbound::json(200, &self.people.all()),
            Route::NewPerson => self.make_person(req, ctx),
            Route::Person(id) => self.person(id, req, ctx),
            Route::PersonStatus(id) => self.person_status(id, req, ctx),
            Route::TextView => self.text_view(req, ctx),
            Route::ScreenRecording => self.screen_message(req, ctx),
            // The server streams imports and never sends one here.
            Route::Import => self.error(400, "an import was not streamed"),
        }
    }

    fn authorize(&self, req: &Inbound, ctx: &Ctx) -> Outbound {
        let body: wire::Authorize = match serde_json::from_slice(&req.body) {
            Ok(body) => body,
            Err(fault) => {
                ctx.violation(format!(
                    "a body that opens no session: {}",
                    shape_fault(&fault)
                ));
                return self.error(400, "the request could not be read");
            }
        };
        if body.language.is_none() && body.locale.is_none() {
            ctx.violation("neither language nor locale");
        }
        if body.user_id != self.user || body.password != self.password {
            return self.error(401, "invalid user name or password");
        }
        match self.sessions.open(ctx.now) {
            Some(id) => Outbound::json(200, &serde_json::json!({"sessionId": id})).with_header(
                "set-cookie",
                format!("hazelcast.sessionId={id}; Path=/; HttpOnly"),
            ),
            None => self.error(500, "no session could be opened"),
        }
    }

    fn write_metadata(&self, id: u64, req: &Inbound, ctx: &Ctx) -> Outbound {
        let entries: BTreeMap<String, wire::Entry> = match serde_json::from_slice(&req.body) {
            Ok(entries) => entries,
            Err(fault) => {
                ctx.violation(format!("a body of no metadata: {}", shape_fault(&fault)));
                return self.error(400, "the metadata could not be read");
            }
        };
        if entries.iter().any(|(key, entry)| *key != entry.key) {
            ctx.violation("a metadata entry under another key than its own");
            return self.error(400, "an entry stands under another key");
        }
        let entries: Vec<wire::Entry> = entries.into_values().collect();
        if let Err(message) = self.check_metadata(&entries) {
            return self.error(400, &message);
        }
        let entries = entries
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect();
        if self.store.write(id, entries, &self.leg_key) {
            Outbound::empty(200)
        } else {
            self.error(404, "no such contact")
        }
    }

    /// Whether Metadata Manager has the fields and takes the values.
    fn check_metadata(&self, entries: &[wire::Entry]) -> Result<(), String> {
        let fields = self.world.metadata_fields();
        for entry in entries {
            let Some(field) = fields.iter().find(|field| field.key == entry.key) else {
                return Err(format!("metadata field {:?} does not exist", entry.key));
            };
            if field.field_type != "TEXT" {
                return Err(format!(
                    "metadata field {:?} is not of type TEXT",
                    entry.key
                ));
            }
            if entry.value.chars().count() > VALUE_LIMIT {
                return Err(format!("the value of {:?} is too long", entry.key));
            }
        }
        Ok(())
    }

    /// The text of a text contact, once it is processed.
    fn text_view(&self, req: &Inbound, ctx: &Ctx) -> Outbound {
        let id = req.param("ccrid").and_then(|id| id.parse().ok());
        let contact = id.and_then(|id| self.store.get(id));
        match contact {
            Some(contact) if contact.transcript.is_some() && contact.is_processed(ctx.now) => {
                let text = String::from_utf8_lossy(&contact.text);
                Outbound::json(200, &serde_json::json!({"ccrId": contact.id, "text": text}))
            }
            _ => self.error(404, "no text"),
        }
    }

    /// The time from which contacts' clocks are believed: an import from beyond is refused.
    pub(crate) fn plausible(now: DateTime<Utc>, start_ms: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(start_ms)
            .filter(|start| *start <= now + chrono::TimeDelta::days(1))
            .filter(|start| *start >= now - chrono::TimeDelta::days(3_660))
    }
}

/// What is wrong with a body's shape, without what stood in it.
pub(crate) fn shape_fault(fault: &serde_json::Error) -> String {
    format!(
        "{:?} at line {} column {}",
        fault.classify(),
        fault.line(),
        fault.column()
    )
}

/// Whether a request is an import, whose body is streamed.
pub(crate) fn is_import(req: &Inbound) -> bool {
    req.method == Method::POST && Route::of(&req.path) == Some(Route::Import)
}
