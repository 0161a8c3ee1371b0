//! What a task's attributes say, growing as the call goes on.

use serde_json::{Map, Value, json};

use super::recipe::Naming;

/// What there is to be said.
pub(super) struct Known<'a> {
    pub(super) account: &'a str,
    pub(super) outbound: bool,
    pub(super) naming: Naming,
    pub(super) customer: &'a str,
    pub(super) business: &'a str,
    pub(super) customer_call: &'a str,
    pub(super) worker_call: &'a str,
    pub(super) conference: &'a str,
    pub(super) conversation: Option<&'a str>,
    pub(super) account_number: Option<&'a str>,
    pub(super) customer_name: &'a str,
    pub(super) notes: &'a str,
    pub(super) segment: &'a str,
    pub(super) outcome: &'a str,
    /// SIDs and starts (epoch milliseconds) of recordings, the best first.
    pub(super) recordings: &'a [(String, i64)],
    /// The first agent's reservation.
    pub(super) reservation: &'a str,
    /// Whether `start_time` is an ISO date instead of milliseconds.
    pub(super) iso_start: bool,
}

/// How much of it is said already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Created,
    Connected,
    Recorded,
    WrappedUp,
}

impl Known<'_> {
    /// The attributes at a stage, as a JSON object.
    pub(super) fn at(&self, stage: Stage) -> Value {
        let mut attributes = Map::new();
        let mut set = |key: &str, value: Value| {
            attributes.insert(key.to_owned(), value);
        };
        if self.outbound {
            set("direction", json!("outbound"));
            set("from", json!(self.business));
            set("outbound_to", json!(self.customer));
            set("name", json!(self.customer));
        } else {
            set("direction", json!("inbound"));
            set("from", json!(self.customer));
            set("caller", json!(self.customer));
            set("to", json!(self.business));
            set("called", json!(self.business));
            set("call_sid", json!(self.customer_call));
            set("from_country", json!("US"));
            set("name", json!(self.customer));
            set("caller_name", Value::Null);
        }
        set("account_sid", json!(self.account));
        set("api_version", json!("2010-04-01"));
        set("notes", json!(self.notes));
        set("vip", json!(self.segment == "gold"));
        set("attempt", json!(1));
        set("skills", json!(["english", "billing"]));
        if let Some(number) = self.account_number {
            set("account_number", json!(number));
        }
        set(
            "customers",
            json!({"name": self.customer_name, "segment": self.segment, "phone": self.customer}),
        );
        if stage >= Stage::Connected && !matches!(self.naming, Naming::Call | Naming::Nothing) {
            set(
                "conference",
                json!({
                    "sid": self.conference,
                    "participants": {"worker": self.worker_call, "customer": self.customer_call},
                }),
            );
        }
        if stage >= Stage::Recorded && self.naming == Naming::ReservationMedia {
            let media: Vec<Value> = self
                .recordings
                .iter()
                .map(|recording| self.media(recording))
                .collect();
            set(
                "reservation_attributes",
                json!({self.reservation: {"media": media}}),
            );
        }
        set("conversations", self.conversations(stage));
        Value::Object(attributes)
    }

    fn conversations(&self, stage: Stage) -> Value {
        let mut conversations = Map::new();
        if let Some(id) = self.conversation {
            conversations.insert("conversation_id".to_owned(), json!(id));
        }
        if stage >= Stage::Recorded {
            let link = match self.naming {
                Naming::SegmentLink => self.recordings.first(),
                Naming::SegmentLinkAndMedia => self.recordings.last(),
                _ => None,
            };
            if let Some((sid, _)) = link {
                conversations.insert("segment_link".to_owned(), json!(self.url(sid)));
            }
            if matches!(self.naming, Naming::TaskMedia | Naming::SegmentLinkAndMedia) {
                let media: Vec<Value> = self
                    .recordings
                    .iter()
                    .take(1)
                    .map(|recording| self.media(recording))
                    .collect();
                conversations.insert("media".to_owned(), json!(media));
            }
        }
        if stage >= Stage::WrappedUp {
            conversations.insert("outcome".to_owned(), json!(self.outcome));
        }
        Value::Object(conversations)
    }

    fn media(&self, (sid, start): &(String, i64)) -> Value {
        let start_time = if self.iso_start {
            json!(chrono::DateTime::from_timestamp_millis(*start).map(crate::world::iso))
        } else {
            json!(start)
        };
        json!({
            "type": "VoiceRecording",
            "title": "Call Recording",
            "url": self.url(sid),
            "start_time": start_time,
            "channels": if self.naming == Naming::ReservationMedia { ["worker", "others"] } else { ["customer", "others"] },
        })
    }

    /// As Flex writes it: the vendor's own host, no extension.
    fn url(&self, sid: &str) -> String {
        format!(
            "https://api.twilio.com/2010-04-01/Accounts/{}/Recordings/{sid}",
            self.account
        )
    }
}

/// The value that a mapping's path names: an attribute, or `object.attribute`.
pub(super) fn lookup<'a>(attributes: &'a Value, path: &str) -> Option<&'a Value> {
    attributes.get(path).or_else(|| {
        let (object, attribute) = path.split_once('.')?;
        attributes.get(object)?.get(attribute)
    })
}
