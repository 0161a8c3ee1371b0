//! Event Streams: sinks, subscriptions and the types that are subscribed to. What others have set up is not to be touched.

use http::Method;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::answer::{Refusal, iso};
use super::paging::{self, Envelope};
use super::request::Request;
use super::taskrouter::one;
use crate::http::Outbound;
use crate::world::streams::{SetUp, Sink, SinkTest, Subscription, TYPES};

pub(super) fn route(request: &Request<'_>, rest: &[&str]) -> Result<Outbound, Refusal> {
    let methods: &[Method] = match rest {
        ["Sinks" | "Subscriptions"] | ["Subscriptions", _, "SubscribedEvents"] => {
            &[Method::GET, Method::POST]
        }
        ["Sinks" | "Subscriptions", _] | ["Subscriptions", _, "SubscribedEvents", _] => {
            &[Method::GET, Method::POST, Method::DELETE]
        }
        ["Sinks", _, "Test" | "Validate"] => &[Method::POST],
        ["Types"] | ["Types", _] => &[Method::GET],
        _ => return Err(request.unknown_path()),
    };
    let method = &request.req.method;
    if !methods.contains(method) {
        request.violation(format!("the method {method} is not used on this path"));
        return Err(Refusal::new(405, 20_004, "Method not allowed"));
    }
    match (method.as_str(), rest) {
        ("GET", ["Types"]) => types(request),
        ("GET", ["Types", name]) => {
            request.only(&[])?;
            let mut known = TYPES.iter().filter(|(known, _)| known == name);
            one(
                request,
                &mut known,
                |_| true,
                |kind| type_shape(request, *kind),
            )
        }
        (_, ["Sinks", rest @ ..]) => sinks(request, rest),
        (_, ["Subscriptions", sid, "SubscribedEvents", rest @ ..]) => {
            subscribed(request, sid, rest)
        }
        (_, ["Subscriptions", rest @ ..]) => subscriptions(request, rest),
        _ => Err(request.unknown_path()),
    }
}

/// The fields of a form; those that are not documented are refused.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(request: &Request<'_>, documented: &[&str]) -> Result<Self, Refusal> {
        let kind = request.req.header("content-type").unwrap_or_default();
        let fields: Vec<(String, String)> = form_urlencoded::parse(&request.req.body)
            .into_owned()
            .collect();
        if !fields.is_empty() && !kind.starts_with("application/x-www-form-urlencoded") {
            request.violation("a body that is no form");
            return Err(Refusal::parameter("The body is no form"));
        }
        let unknown = fields
            .iter()
            .find(|(name, _)| !documented.contains(&name.as_str()));
        if let Some((name, _)) = unknown.filter(|_| request.world.scenario().strict) {
            request.violation(format!("the field {name} is not documented for this path"));
            return Err(Refusal::parameter(format!("Invalid parameter {name}")));
        }
        Ok(Self(fields))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.0.iter().filter(|(field, _)| field == name);
        named.next().map(|(_, value)| value.as_str())
    }

    fn needs(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name)
            .ok_or_else(|| Refusal::parameter(format!("Missing required parameter {name}")))
    }

    fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let named = self.0.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| value.as_str())
    }
}

/// What somebody else set up is nobody's to change.
fn own(request: &Request<'_>, foreign: bool) {
    if foreign {
        request.violation("a sink or subscription of somebody else was changed");
    }
}

fn sinks(request: &Request<'_>, rest: &[&str]) -> Result<Outbound, Refusal> {
    let mut set_up = request.world.streams.lock();
    let [sid, rest @ ..] = rest else {
        if request.req.method == Method::POST {
            return make_sink(request, &mut set_up);
        }
        request.only_and_paging(&["InUse", "Status"])?;
        let items: Vec<&Sink> = set_up
            .sinks
            .iter()
            .filter(|sink| request.admits("Status", status(sink)))
            .collect();
        return paging::list(
            request,
            Envelope::V1,
            "sinks",
            &items,
            |sink| sink.sid.as_str(),
            |sink| sink_shape(request, sink),
        );
    };
    request.only(&[])?;
    let index = set_up.sinks.iter().position(|sink| sink.sid == *sid);
    let index = index.ok_or_else(|| request.not_found())?;
    let foreign = set_up.sinks[index].foreign;
    match (request.req.method.as_str(), rest) {
        ("POST", ["Test"]) => {
            own(request, foreign);
            let id = set_up.sid("EZ");
            set_up.tested.insert((*sid).to_owned(), id.clone());
            set_up.tests.push(SinkTest {
                sink: (*sid).to_owned(),
                id,
            });
            Ok(Outbound::json(201, &json!({"result": "submitted"})))
        }
        ("POST", ["Validate"]) => {
            own(request, foreign);
            let form = Form::read(request, &["TestId"])?;
            let right = set_up.tested.get(*sid).map(String::as_str) == form.get("TestId");
            set_up.sinks[index].active |= right;
            let result = if right { "valid" } else { "invalid" };
            Ok(Outbound::json(201, &json!({"result": result})))
        }
        ("POST", _) => {
            own(request, foreign);
            let form = Form::read(request, &["Description"])?;
            form.needs("Description")?
                .clone_into(&mut set_up.sinks[index].description);
            Ok(Outbound::json(
                200,
                &sink_shape(request, &set_up.sinks[index]),
            ))
        }
        ("DELETE", _) => {
            own(request, foreign);
            if set_up.subscriptions.iter().any(|it| it.sink == *sid) {
                return Err(Refusal::new(409, 20_409, "The sink is in use"));
            }
            set_up.sinks.remove(index);
            Ok(Outbound::empty(204))
        }
        _ => Ok(Outbound::json(
            200,
            &sink_shape(request, &set_up.sinks[index]),
        )),
    }
}

fn make_sink(request: &Request<'_>, set_up: &mut SetUp) -> Result<Outbound, Refusal> {
    let form = Form::read(request, &["Description", "SinkConfiguration", "SinkType"])?;
    let kind = form.needs("SinkType")?;
    if !["kinesis", "webhook", "segment", "email"].contains(&kind) {
        return Err(Refusal::parameter("SinkType is none of the known ones"));
    }
    let configuration: Value = serde_json::from_str(form.needs("SinkConfiguration")?)
        .map_err(|_| Refusal::parameter("SinkConfiguration is no JSON"))?;
    let sink = Sink {
        sid: set_up.sid("DG"),
        description: form.needs("Description")?.to_owned(),
        kind: kind.to_owned(),
        configuration,
        active: false,
        foreign: false,
        created: request.now(),
    };
    if kind == "webhook" {
        let https = sink
            .destination()
            .is_some_and(|url| url.starts_with("https://"));
        if !https {
            return Err(Refusal::parameter("destination is no https address"));
        }
    }
    let shaped = sink_shape(request, &sink);
    set_up.sinks.push(sink);
    Ok(Outbound::json(201, &shaped))
}

const fn status(sink: &Sink) -> &'static str {
    if sink.active { "active" } else { "initialized" }
}

fn sink_shape(request: &Request<'_>, sink: &Sink) -> Value {
    let link = |path: &str| request.link(&format!("/v1/Sinks/{}{path}", sink.sid));
    json!({
        "sid": sink.sid,
        "description": sink.description,
        "sink_type": sink.kind,
        "sink_configuration": sink.configuration,
        "status": status(sink),
        "date_created": iso(sink.created),
        "date_updated": iso(sink.created),
        "url": link(""),
        "links": {"sink_test": link("/Test"), "sink_validate": link("/Validate")},
    })
}

fn subscriptions(request: &Request<'_>, rest: &[&str]) -> Result<Outbound, Refusal> {
    let mut set_up = request.world.streams.lock();
    let [sid] = rest else {
        if request.req.method == Method::POST {
            return make_subscription(request, &mut set_up);
        }
        request.only_and_paging(&["SinkSid"])?;
        let items: Vec<&Subscription> = set_up
            .subscriptions
            .iter()
            .filter(|it| request.admits("SinkSid", &it.sink))
            .collect();
        return paging::list(
            request,
            Envelope::V1,
            "subscriptions",
            &items,
            |it| it.sid.as_str(),
            |it| subscription_shape(request, it),
        );
    };
    request.only(&[])?;
    let index = set_up.subscriptions.iter().position(|it| it.sid == *sid);
    let index = index.ok_or_else(|| request.not_found())?;
    let foreign = set_up.subscriptions[index].foreign;
    match request.req.method.as_str() {
        "POST" => {
            own(request, foreign);
            let form = Form::read(request, &["Description"])?;
            let subscription = &mut set_up.subscriptions[index];
            if let Some(description) = form.get("Description") {
                description.clone_into(&mut subscription.description);
            }
            let shaped = subscription_shape(request, subscription);
            Ok(Outbound::json(200, &shaped))
        }
        "DELETE" => {
            own(request, foreign);
            set_up.subscriptions.remove(index);
            Ok(Outbound::empty(204))
        }
        _ => {
            let shaped = subscription_shape(request, &set_up.subscriptions[index]);
            Ok(Outbound::json(200, &shaped))
        }
    }
}

fn make_subscription(request: &Request<'_>, set_up: &mut SetUp) -> Result<Outbound, Refusal> {
    let form = Form::read(request, &["Description", "SinkSid", "Types"])?;
    let sink = form.needs("SinkSid")?;
    let known = set_up.sinks.iter().find(|known| known.sid == sink);
    own(request, known.ok_or_else(|| request.not_found())?.foreign);
    let mut types = std::collections::BTreeMap::new();
    // One object for each field of the name, or all in one list.
    for text in form.all("Types") {
        let wrong = || Refusal::parameter("Types are no objects with type and schema_version");
        let told: Value = serde_json::from_str(text).map_err(|_| wrong())?;
        let told = match told {
            Value::Array(told) => told,
            one => vec![one],
        };
        for one in told {
            let name = one.get("type").and_then(Value::as_str).ok_or_else(wrong)?;
            let (name, current) = find_type(request, name)?;
            let version = one
                .get("schema_version")
                .map_or(Some(u64::from(current)), Value::as_u64);
            types.insert(name.to_owned(), check_version(version, current)?);
        }
    }
    if types.is_empty() {
        return Err(Refusal::parameter("Missing required parameter Types"));
    }
    let subscription = Subscription {
        sid: set_up.sid("DF"),
        sink: sink.to_owned(),
        description: form.needs("Description")?.to_owned(),
        types,
        foreign: false,
        created: request.now(),
    };
    let shaped = subscription_shape(request, &subscription);
    set_up.subscriptions.push(subscription);
    Ok(Outbound::json(201, &shaped))
}

fn subscription_shape(request: &Request<'_>, it: &Subscription) -> Value {
    let link = |path: &str| request.link(&format!("/v1/Subscriptions/{}{path}", it.sid));
    json!({
        "account_sid": request.account(),
        "sid": it.sid,
        "sink_sid": it.sink,
        "description": it.description,
        "date_created": iso(it.created),
        "date_updated": iso(it.created),
        "url": link(""),
        "links": {"subscribed_events": link("/SubscribedEvents")},
    })
}

fn subscribed(request: &Request<'_>, sid: &str, rest: &[&str]) -> Result<Outbound, Refusal> {
    let mut set_up = request.world.streams.lock();
    let subscription = set_up.subscriptions.iter_mut().find(|it| it.sid == sid);
    let subscription = subscription.ok_or_else(|| request.not_found())?;
    if request.req.method != Method::GET {
        own(request, subscription.foreign);
    }
    match (request.req.method.as_str(), rest) {
        ("GET", []) => {
            request.only_and_paging(&[])?;
            let items: Vec<(&String, &u32)> = subscription.types.iter().collect();
            paging::list(
                request,
                Envelope::V1,
                "types",
                &items,
                |(name, _)| name.as_str(),
                |(name, version)| subscribed_shape(request, sid, name, **version),
            )
        }
        ("POST", []) => {
            let form = Form::read(request, &["Type", "SchemaVersion"])?;
            let (name, current) = find_type(request, form.needs("Type")?)?;
            let version = form
                .get("SchemaVersion")
                .map_or(Some(u64::from(current)), |text| text.parse().ok());
            let version = check_version(version, current)?;
            subscription.types.insert(name.to_owned(), version);
            let shaped = subscribed_shape(request, sid, name, version);
            Ok(Outbound::json(201, &shaped))
        }
        ("DELETE", [name]) => match subscription.types.remove(*name) {
            Some(_) => Ok(Outbound::empty(204)),
            None => Err(request.not_found()),
        },
        ("POST", [name]) => {
            let form = Form::read(request, &["SchemaVersion"])?;
            let (name, current) = find_type(request, name)?;
            let version = check_version(form.needs("SchemaVersion")?.parse().ok(), current)?;
            let there = subscription.types.get_mut(name);
            *there.ok_or_else(|| request.not_found())? = version;
            Ok(Outbound::json(
                200,
                &subscribed_shape(request, sid, name, version),
            ))
        }
        (_, [name]) => {
            request.only(&[])?;
            let version = subscription.types.get(*name).copied();
            let version = version.ok_or_else(|| request.not_found())?;
            Ok(Outbound::json(
                200,
                &subscribed_shape(request, sid, name, version),
            ))
        }
        _ => Err(request.unknown_path()),
    }
}

fn subscribed_shape(request: &Request<'_>, sid: &str, name: &str, version: u32) -> Value {
    json!({
        "account_sid": request.account(),
        "subscription_sid": sid,
        "type": name,
        "schema_version": version,
        "url": request.link(&format!("/v1/Subscriptions/{sid}/SubscribedEvents/{name}")),
    })
}

fn find_type(request: &Request<'_>, name: &str) -> Result<(&'static str, u32), Refusal> {
    let known = TYPES.iter().find(|(known, _)| *known == name).copied();
    known.ok_or_else(|| {
        request.violation("an event type that there is not");
        Refusal::parameter(format!("Unknown event type {name}"))
    })
}

fn check_version(version: Option<u64>, current: u32) -> Result<u32, Refusal> {
    version
        .and_then(|version| u32::try_from(version).ok())
        .filter(|version| (1..=current).contains(version))
        .ok_or_else(|| Refusal::parameter("There is no such schema version"))
}

fn types(request: &Request<'_>) -> Result<Outbound, Refusal> {
    request.only_and_paging(&["SchemaId"])?;
    paging::list(
        request,
        Envelope::V1,
        "types",
        &TYPES,
        |(name, _)| name,
        |kind| type_shape(request, *kind),
    )
}

fn type_shape(request: &Request<'_>, (name, _): (&str, u32)) -> Value {
    let schema = if name.starts_with("com.twilio.taskrouter.") {
        "TaskRouter.WDSEvent"
    } else {
        "Voice.StatusCallback.Conference"
    };
    json!({
        "type": name,
        "schema_id": schema,
        "status": "available",
        "documentation_url": null,
        "description": name,
        "date_created": "2020-08-13T13:28:20Z",
        "date_updated": "2020-08-13T13:28:20Z",
        "url": request.link(&format!("/v1/Types/{name}")),
        "links": {"schema": request.link(&format!("/v1/Schemas/{schema}/Versions"))},
    })
}
