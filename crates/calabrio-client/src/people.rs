//! Listing, making and changing people.

use chrono::{DateTime, Utc};
use http_retry::{Method, Request, SafeUrl};
use serde_json::{Map, Value};

use crate::client::{CalabrioClient, Shared};
use crate::contract::people::Change;
use crate::error::CalabrioError;
use crate::exchange::{Expect, Operation};
use crate::once::Once;
use crate::person::{NewPerson, People, Person, PersonId};

const LIST: Operation = Operation {
    call: "calabrio.people.list",
    doing: "list people",
    permission: "the permission to view the organization, with a scope over all teams",
};
const READ: Operation = Operation {
    call: "calabrio.people.get",
    doing: "read a person",
    ..LIST
};
const CREATE: Operation = Operation {
    call: "calabrio.people.create",
    doing: "create a person",
    permission: "the permission to administer users",
};
const CHANGE: Operation = Operation {
    call: "calabrio.people.put",
    doing: "change a person",
    ..CREATE
};

/// What became of one attempt to make a person.
#[derive(Debug)]
#[must_use = "an attempt in doubt must be looked for in a new list before the person is made again"]
pub enum PersonOutcome {
    /// The list has somebody with this ACD id already, active or not. Nothing was sent.
    AlreadyThere(Person),
    /// Calabrio took it.
    Created {
        /// The person's number, where the answer tells it.
        id: Option<PersonId>,
    },
    /// Calabrio said that it will not take it: a 4xx other than 401, 408, 425 and 429. Nobody was made.
    Refused {
        /// The status.
        status: u16,
        /// Calabrio's sentence, without names.
        reason: Option<String>,
        /// The id under which Calabrio's support finds the request.
        request_id: Option<String>,
    },
    /// Not a byte of it reached Calabrio: there was no session or no connection. It may be sent again at once.
    NotSent {
        /// What was in the way.
        cause: CalabrioError,
    },
    /// The person may be there or not. People must be listed anew before this one is sent again.
    InDoubt {
        /// What happened.
        cause: CalabrioError,
    },
}

impl CalabrioClient {
    /// Everyone whom the service account may see, active or not.
    pub async fn people(&self) -> Result<People, CalabrioError> {
        let contract = &self.shared.settings.contract.people;
        let url = self.shared.url(&contract.list_path);
        let reply = self
            .shared
            .call(&LIST, Expect::Json, &[], &[], &|| Request::get(url.clone()))
            .await?;
        let people = contract
            .people(&reply.json(&LIST)?)
            .ok_or_else(|| LIST.unexpected("its JSON is no list of people"))?;
        people
            .map(People::new)
            .map_err(|problem| LIST.unexpected(problem))
    }

    /// Makes a person, once, unless the list has somebody with the same ACD id.
    ///
    /// Making a person twice makes two, so nothing is tried again here. `listed` is what the decision rests upon: a list that
    /// was had shortly before. After [`Created`](PersonOutcome::Created) and [`InDoubt`](PersonOutcome::InDoubt) it is too old for
    /// this person.
    pub async fn create_person(&self, listed: &People, person: &NewPerson) -> PersonOutcome {
        if let Some(there) = listed.with_acd_id(&person.acd_id).next() {
            return PersonOutcome::AlreadyThere(there.clone());
        }
        let shared = &self.shared;
        let probe = async { self.people().await.map(drop) };
        let ticket = match shared.trusted_ticket(probe).await {
            Ok(ticket) => ticket,
            Err(cause) => return PersonOutcome::NotSent { cause },
        };
        let contract = &shared.settings.contract.people;
        let url = shared.url(&contract.create_path);
        let body = contract.create(person, shared.settings.acd_server_id);
        let build = || Request::post(url.clone()).json(&body);
        match shared
            .once(&CREATE, &ticket, &person.private(), &build)
            .await
        {
            Once::Taken(reply) => {
                let answer = serde_json::from_slice(&reply.body).unwrap_or_default();
                PersonOutcome::Created {
                    id: contract.made(&answer),
                }
            }
            Once::Refused {
                status,
                reason,
                request_id,
            } => PersonOutcome::Refused {
                status,
                reason,
                request_id,
            },
            Once::ErrorInSuccess(told) => PersonOutcome::InDoubt {
                cause: CREATE.error_in_answer(told),
            },
            Once::NotSent(cause) => PersonOutcome::NotSent { cause },
            Once::InDoubt(cause) => PersonOutcome::InDoubt { cause },
        }
    }

    /// Gives a person these names and leaves the rest as it is; whether that changed anything.
    ///
    /// The person is read, and written back with the names changed: what somebody else changes in between is lost.
    pub async fn rename_person(
        &self,
        id: PersonId,
        first: &str,
        last: &str,
    ) -> Result<bool, CalabrioError> {
        let change = Change::Names { first, last };
        self.shared.change_person(id, change).await
    }

    /// Makes a person inactive from that time on; whether that changed anything. Nobody is ever deleted.
    pub async fn deactivate_person(
        &self,
        id: PersonId,
        from: DateTime<Utc>,
    ) -> Result<bool, CalabrioError> {
        self.shared.set_deactivated(id, Some(from)).await
    }

    /// Makes a person active again; whether that changed anything.
    pub async fn activate_person(&self, id: PersonId) -> Result<bool, CalabrioError> {
        self.shared.set_deactivated(id, None).await
    }
}

impl Shared {
    async fn set_deactivated(
        &self,
        id: PersonId,
        at: Option<DateTime<Utc>>,
    ) -> Result<bool, CalabrioError> {
        let contract = &self.settings.contract.people;
        if contract.status_path.is_empty() {
            return self.change_person(id, Change::Deactivated(at)).await;
        }
        let url = self.url(&contract.status_path.replace("{id}", &id.to_string()));
        let body = contract.status(at);
        self.put_person(url, body).await.map(|()| true)
    }

    async fn change_person(&self, id: PersonId, change: Change<'_>) -> Result<bool, CalabrioError> {
        let contract = &self.settings.contract.people;
        let url = self.url(&contract.person_path.replace("{id}", &id.to_string()));
        let build = || Request::get(url.clone());
        let reply = self.call(&READ, Expect::Json, &[], &[], &build).await?;
        let mut person = self.own_person(id, reply.json(&READ)?)?;
        if !contract.apply(&mut person, change) {
            return Ok(false);
        }
        self.put_person(url, person).await.map(|()| true)
    }

    /// What was read, if it is the person that was asked for: nobody is written over another.
    fn own_person(&self, id: PersonId, read: Value) -> Result<Value, CalabrioError> {
        match self.settings.contract.people.person(&read) {
            Some(person) if person.id == id => Ok(read),
            _ => Err(READ.unexpected(format!("not person {id}"))),
        }
    }

    async fn put_person(&self, url: SafeUrl, body: Value) -> Result<(), CalabrioError> {
        // Names, addresses and logins, whatever their fields are called.
        let private: Vec<&str> = body
            .as_object()
            .into_iter()
            .flat_map(Map::values)
            .filter_map(Value::as_str)
            .collect();
        let build = || Request::new(Method::Put, url.clone()).json(&body);
        self.call(&CHANGE, Expect::Success, &[], &private, &build)
            .await
            .map(drop)
    }
}
