//! People of the tenant: listed, read, made and changed. Each is kept as the JSON that it was given as.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Method;
use serde_json::{Map, Value, json};

use super::{ACD_SERVER, Calabrio, shape_fault};
use crate::http::{Ctx, Inbound, Outbound};
use crate::world::World;

/// Number of the first person.
const FIRST_ID: u64 = 101;
/// Number of the one team.
pub(crate) const TEAM: u32 = 12;
/// Number of an agent's role.
pub(crate) const ROLE: u32 = 3;

/// Fields that a person was seen to have.
const FIELDS: [&str; 23] = [
    "id",
    "acdId",
    "acdServerId",
    "activated",
    "adLogin",
    "deactivated",
    "displayId",
    "displayName",
    "email",
    "enabledForSchedule",
    "firstName",
    "groupId",
    "isHotdeskDefaultUser",
    "isReconcileOnly",
    "isSynchronized",
    "isSystemUser",
    "lastName",
    "locale",
    "qmViews",
    "roles",
    "scope",
    "timeZone",
    "views",
];
/// Those that nobody can be made without.
const REQUIRED: [&str; 4] = ["firstName", "lastName", "groupId", "roles"];

/// All people, by number.
pub(super) struct People(Mutex<Vec<Map<String, Value>>>);

impl People {
    /// Every agent that Calabrio knows, some with their ACD id in lower case; somebody without one; and an agent of old, whom Twilio
    /// does not have any more.
    pub(super) fn of(world: &World) -> Self {
        let activated = world.start().timestamp_millis() - 86_400_000;
        let person = |first: &str, last: &str, acd_id: Option<&str>| {
            let person = json!({
                "firstName": first,
                "lastName": last,
                "displayName": format!("{first} {last}").trim(),
                "email": null,
                "acdId": acd_id,
                "acdServerId": acd_id.map(|_| ACD_SERVER),
                "groupId": TEAM,
                "roles": [{"id": ROLE, "name": "Agent"}],
                "scope": {"groups": [], "teams": []},
                "adLogin": null,
                "timeZone": "America/Chicago",
                "locale": "en",
                "activated": activated,
                "deactivated": null,
                "isSynchronized": false,
                "isReconcileOnly": false,
            });
            match person {
                Value::Object(person) => person,
                _ => Map::new(),
            }
        };
        let agents = world.workers.iter().enumerate().filter(|(_, it)| it.known);
        let mut people: Vec<_> = agents
            .map(|(index, worker)| {
                let name = &worker.full_name;
                let (first, last) = name.split_once(' ').unwrap_or((name, ""));
                let acd_id = if index % 3 == 1 {
                    worker.sid.to_ascii_lowercase()
                } else {
                    worker.sid.clone()
                };
                person(first, last, Some(&acd_id))
            })
            .collect();
        people.push(person("Nadia", "Supervisor", None));
        let left = format!("WK{:032x}", 0xf0_u8);
        people.push(person("Otto", "Former", Some(&left)));
        for (person, id) in people.iter_mut().zip(FIRST_ID..) {
            person.insert("id".to_owned(), json!(id));
        }
        Self(Mutex::new(people))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Map<String, Value>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them, as they are now.
    pub(super) fn all(&self) -> Vec<Value> {
        self.lock().iter().cloned().map(Value::Object).collect()
    }

    fn get(&self, id: u64) -> Option<Value> {
        let people = self.lock();
        let person = people.iter().find(|person| person["id"] == id);
        person.cloned().map(Value::Object)
    }

    /// Somebody active with that ACD id, in whatever case it is written.
    pub(super) fn knows(&self, acd_id: &str) -> bool {
        self.lock().iter().any(|person| {
            let theirs = person.get("acdId").and_then(Value::as_str);
            let active = person.get("deactivated").is_none_or(Value::is_null);
            active && theirs.is_some_and(|theirs| theirs.eq_ignore_ascii_case(acd_id))
        })
    }
}

impl Calabrio {
    /// Every person, as they are now.
    pub(crate) fn people(&self) -> Vec<Value> {
        self.people.all()
    }

    pub(super) fn person(&self, id: u64, req: &Inbound, ctx: &Ctx) -> Outbound {
        if req.method == Method::GET {
            return self.people.get(id).map_or_else(
                || self.error(404, "no such person"),
                |person| Outbound::json(200, &person),
            );
        }
        let body = match self.read_person(req, ctx) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        if body.get("id").is_some_and(|told| *told != id) {
            ctx.violation("a person under another number than their own");
            return self.error(400, "the person is another");
        }
        let mut people = self.people.lock();
        let Some(person) = people.iter_mut().find(|person| person["id"] == id) else {
            return self.error(404, "no such person");
        };
        *person = body;
        person.insert("id".to_owned(), json!(id));
        Outbound::json(200, &*person)
    }

    /// Whether a person is active, by itself.
    pub(super) fn person_status(&self, id: u64, req: &Inbound, ctx: &Ctx) -> Outbound {
        let body = match self.read_person(req, ctx) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let mut people = self.people.lock();
        let Some(person) = people.iter_mut().find(|person| person["id"] == id) else {
            return self.error(404, "no such person");
        };
        person.extend(body);
        person.insert("id".to_owned(), json!(id));
        Outbound::json(200, &*person)
    }

    pub(super) fn make_person(&self, req: &Inbound, ctx: &Ctx) -> Outbound {
        let mut body = match self.read_person(req, ctx) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        if let Some(missing) = REQUIRED.iter().find(|name| !body.contains_key(**name)) {
            return self.error(400, &format!("{missing} is missing"));
        }
        if body["groupId"] != TEAM {
            return self.error(400, "there is no such team");
        }
        if body["roles"].as_array().is_none_or(Vec::is_empty) {
            return self.error(400, "a role is needed");
        }
        let acd_id = body.get("acdId").and_then(Value::as_str);
        if acd_id.is_some_and(|acd_id| self.people.knows(acd_id)) {
            // Taken all the same: nothing says that Calabrio would notice.
            ctx.violation("a second person with the ACD id of another");
        }
        let mut people = self.people.lock();
        let id = FIRST_ID + people.len() as u64;
        body.insert("id".to_owned(), json!(id));
        people.push(body.clone());
        Outbound::json(200, &body)
    }

    fn read_person(&self, req: &Inbound, ctx: &Ctx) -> Result<Map<String, Value>, Outbound> {
        let body: Map<String, Value> = serde_json::from_slice(&req.body).map_err(|fault| {
            ctx.violation(format!("a body of no person: {}", shape_fault(&fault)));
            self.error(400, "the person could not be read")
        })?;
        match body.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            Some(unknown) if ctx.violation(format!("a person has no field {unknown:?}")) => {
                Err(self.error(400, "unknown field"))
            }
            _ => Ok(body),
        }
    }
}
