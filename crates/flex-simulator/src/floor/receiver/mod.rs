//! The receiving ends of classic WFM: what comes as JSON over HTTP, and what comes as files in a drop folder.

pub(crate) mod files;
mod layout;
mod settings;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use http::Method;
use serde_json::{Map, Value, json};

use crate::calabrio::Calabrio;
use crate::faults::{Dice, fnv};
use crate::floor::{FloorReport, FloorRun, ToldInterval, ToldState};
use crate::http::{Ctx, Inbound, Outbound};
use layout::{Cell, Kind, Layout};
use store::{Rows, Store};

pub use settings::{Again, RefusalForm, WfmSettings, WfmSettingsError};
pub use store::{RosterRow, WfmCounts};

/// Below this path everything is classic WFM.
const BELOW: &str = "/api/rest/wfm/";

const KINDS: [Kind; 3] = [
    Kind::History(FloorReport::AgentProductivity),
    Kind::History(FloorReport::QueueHistory),
    Kind::State,
];

/// Classic WFM's receiving ends. Nothing about them is public: they take what a connector assumes that was told nothing else, or what
/// [`WfmSettings`] say instead.
#[derive(Debug)]
pub struct WfmReceiver {
    settings: WfmSettings,
    token: String,
    layouts: [Layout; 3],
    store: Store,
}

impl WfmReceiver {
    pub(crate) fn new(
        settings: WfmSettings,
        seed: u64,
        floor: Option<Arc<FloorRun>>,
    ) -> Result<Self, WfmSettingsError> {
        if !settings.delimiter.is_ascii() {
            return Err(WfmSettingsError {
                setting: "delimiter",
                problem: "it is no ASCII character".to_owned(),
            });
        }
        let [agent, queue, state] = KINDS.map(|kind| Layout::new(&settings, kind));
        let mut dice = Dice::new(seed, fnv("wfm"), 0);
        Ok(Self {
            token: format!("{:016x}{:016x}", dice.next(), dice.next()),
            layouts: [agent?, queue?, state?],
            store: Store::new(settings.again, floor),
            settings,
        })
    }

    /// What lets a request in, as `Authorization: Bearer` or in `X-Api-Key`; else Calabrio's service account does, by Basic, or its session.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The intervals that Calabrio holds now: each once, replaced or added up by what came later.
    pub fn intervals(&self) -> Vec<ToldInterval> {
        self.store.intervals()
    }

    /// Every interval that came, in that order, with the time at which it did, by the floor's clock.
    pub fn deliveries(&self) -> Vec<(DateTime<Utc>, ToldInterval)> {
        self.store.deliveries()
    }

    /// Every state that came, in that order.
    pub fn states(&self) -> Vec<ToldState> {
        self.store.states()
    }

    /// Every row of a roster that came, in that order.
    pub fn rosters(&self) -> Vec<RosterRow> {
        self.store.rosters()
    }

    /// How much came.
    pub fn counts(&self) -> WfmCounts {
        self.store.counts()
    }

    /// Whether a path of Calabrio's host leads here.
    pub(crate) fn answers(&self, path: &str) -> bool {
        path.starts_with(BELOW) || self.kind_at(path).is_some()
    }

    fn kind_at(&self, path: &str) -> Option<Kind> {
        let path = path.trim_start_matches('/');
        let mut known = self.settings.paths.iter().zip(KINDS);
        known
            .find(|(known, _)| *known == path)
            .map(|(_, kind)| kind)
    }

    fn layout(&self, kind: Kind) -> &Layout {
        let place = KINDS.iter().position(|known| *known == kind);
        &self.layouts[place.unwrap_or_default()]
    }

    /// Answers a request.
    pub(crate) fn handle(&self, calabrio: &Calabrio, req: &Inbound, ctx: &Ctx) -> Outbound {
        if !self.admits(calabrio, req, ctx) {
            return calabrio.error(401, "the credentials are not valid");
        }
        let kind = self.kind_at(&req.path);
        if req.method != Method::POST && !(kind.is_none() && req.method == Method::PUT) {
            ctx.violation(format!("{} is not known of this path", req.method));
            return calabrio.error(405, "method not allowed");
        }
        let content = req.header("content-type").unwrap_or_default();
        let content = content.split(';').next().unwrap_or_default().trim();
        if !content.eq_ignore_ascii_case("application/json") {
            ctx.violation(format!("content type {content:?} where JSON is expected"));
            return calabrio.error(415, "unsupported content type");
        }
        let Ok(body) = serde_json::from_slice::<Value>(&req.body) else {
            ctx.violation("a body that is no JSON");
            return calabrio.error(400, "the body is no JSON");
        };
        match kind {
            Some(kind) => match Self::envelope(kind, &body) {
                Ok(envelope) => self.take_request(calabrio, kind, &envelope, ctx),
                Err(problem) => {
                    ctx.violation(problem);
                    calabrio.error(400, problem)
                }
            },
            None => self.take_roster(&req.path, &body, ctx.clock()),
        }
    }

    fn admits(&self, calabrio: &Calabrio, req: &Inbound, ctx: &Ctx) -> bool {
        if calabrio.has_session(req, ctx) || req.header("x-api-key") == Some(&self.token) {
            return true;
        }
        let Some((scheme, value)) = req
            .header("authorization")
            .and_then(|shown| shown.split_once(' '))
        else {
            return false;
        };
        let account = format!("{}:{}", calabrio.user(), calabrio.password());
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => value == self.token,
            "basic" => STANDARD
                .decode(value)
                .is_ok_and(|shown| shown == account.as_bytes()),
            _ => false,
        }
    }

    /// What stands in a body: its rows, and whether a snapshot ends with them.
    fn envelope(kind: Kind, body: &Value) -> Result<Envelope<'_>, &'static str> {
        let body = body.as_object().ok_or("a body that is no object")?;
        let known: &[&str] = match kind {
            Kind::State => &["records", "snapshot", "last"],
            Kind::History(_) => &["records"],
        };
        if body.keys().any(|field| !known.contains(&field.as_str())) {
            return Err("a body with a field that is not known");
        }
        let flag = |field: &str| match (kind, body.get(field)) {
            (Kind::State, Some(Value::Bool(flag))) => Ok(*flag),
            (Kind::State, _) => Err("a body without snapshot and last"),
            (Kind::History(_), _) => Ok(false),
        };
        let (snapshot, last) = (flag("snapshot")?, flag("last")?);
        let records = body.get("records").and_then(Value::as_array);
        Ok(Envelope {
            rows: records.ok_or("a body without a list of records")?,
            ends_snapshot: snapshot && last,
        })
    }

    fn take_request(
        &self,
        calabrio: &Calabrio,
        kind: Kind,
        envelope: &Envelope<'_>,
        ctx: &Ctx,
    ) -> Outbound {
        let count = envelope.rows.len();
        if count > self.settings.rows {
            return calabrio.error(413, "too many records in one request");
        }
        let layout = self.layout(kind);
        let mut cells = Vec::with_capacity(count);
        for row in envelope.rows {
            let Some(fields) = row.as_object() else {
                ctx.violation("a record that is no object");
                return calabrio.error(400, "a record is no object");
            };
            let read: Option<Vec<_>> = layout
                .names()
                .map(|name| Cell::of_json(fields.get(name)))
                .collect();
            match read {
                Some(read) if read.len() == fields.len() => cells.push(read),
                _ => {
                    ctx.violation("a record with other fields than those that are known");
                    return calabrio
                        .error(400, "a record has other fields than those that are known");
                }
            }
        }
        let (rows, refused) = self.rows(kind, &cells, false, ctx.clock());
        self.store
            .count(|counts| counts.rows_refused += refused.len() as u64);
        let listed: Vec<Value> = refused
            .iter()
            .map(|(row, problem)| json!({"index": row, "errorMessage": problem}))
            .collect();
        let refuse = |list: bool| {
            let mut body = json!({"errorMessage": "some records are not accepted", "requestId": "wfm-refused"});
            if list {
                body["errors"] = listed.clone().into();
            }
            Outbound::json(422, &body)
        };
        match self.settings.refusal {
            RefusalForm::NothingStored if !refused.is_empty() => return refuse(true),
            RefusalForm::Unnamed if !refused.is_empty() => return refuse(false),
            _ => {}
        }
        self.store.take(rows, ctx.clock());
        self.store.count(|counts| {
            counts.requests += 1;
            counts.snapshots += u64::from(envelope.ends_snapshot);
        });
        if listed.is_empty() {
            Outbound::json(200, &json!({"status": "SUCCESS"}))
        } else {
            Outbound::json(200, &json!({"status": "SUCCESS", "errors": listed}))
        }
    }

    /// Reads rows, all of them; those that are refused come with their places.
    fn rows(
        &self,
        kind: Kind,
        cells: &[Vec<Cell<'_>>],
        in_file: bool,
        now: DateTime<Utc>,
    ) -> (Rows, Vec<(usize, String)>) {
        let mut refused = Vec::new();
        let layout = self.layout(kind);
        let barred = |sids: [Option<&String>; 2]| {
            let barred = sids
                .into_iter()
                .flatten()
                .any(|sid| self.settings.refuse.contains(sid));
            barred.then(|| "there is no such agent or service queue".to_owned())
        };
        let rows = match kind {
            Kind::History(report) => {
                let mut rows = Vec::with_capacity(cells.len());
                for (place, row) in cells.iter().enumerate() {
                    match layout.interval(report, row, in_file) {
                        Ok(told) => match barred([told.agent.as_ref(), told.queue.as_ref()]) {
                            Some(problem) => refused.push((place, problem)),
                            None => rows.push(told),
                        },
                        Err(problem) => refused.push((place, problem)),
                    }
                }
                Rows::Intervals(rows)
            }
            Kind::State => {
                let mut rows = Vec::with_capacity(cells.len());
                for (place, row) in cells.iter().enumerate() {
                    match layout.state(row, in_file, now) {
                        Ok(told) => match barred([Some(&told.agent), None]) {
                            Some(problem) => refused.push((place, problem)),
                            None => rows.push(told),
                        },
                        Err(problem) => refused.push((place, problem)),
                    }
                }
                Rows::States(rows)
            }
        };
        (rows, refused)
    }

    /// Takes whatever a roster looks like: a list, or the lists of an object.
    fn take_roster(&self, path: &str, body: &Value, now: DateTime<Utc>) -> Outbound {
        let lists: Vec<&Vec<Value>> = match body {
            Value::Array(list) => vec![list],
            Value::Object(fields) => fields.values().filter_map(Value::as_array).collect(),
            _ => Vec::new(),
        };
        let rows = lists.into_iter().flatten().filter_map(Value::as_object);
        let rows = rows.map(|row: &Map<String, Value>| RosterRow {
            at: now,
            from: path.to_owned(),
            row: row.clone(),
        });
        self.store.roster(rows.collect());
        self.store.count(|counts| counts.requests += 1);
        Outbound::json(200, &json!({"status": "SUCCESS"}))
    }
}

/// The rows of a request.
struct Envelope<'a> {
    rows: &'a [Value],
    ends_snapshot: bool,
}
