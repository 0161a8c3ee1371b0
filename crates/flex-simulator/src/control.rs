//! What the simulator tells about itself, below `/__simulator/` on every host.

use std::sync::PoisonError;

use chrono::Utc;
use http::{Method, Uri};
use serde_json::json;

use crate::http::Outbound;
use crate::push::Outlet;
use crate::server::State;

/// Answers a request to the simulator itself; nothing for any other.
pub(crate) fn handle(state: &State, method: &Method, uri: &Uri) -> Option<Outbound> {
    let what = uri.path().strip_prefix("/__simulator/")?;
    let answer = match (method, what) {
        (&Method::GET, "received") => received(state),
        (&Method::GET, "expected") if state.floor.is_some() => {
            let floor = state.floor.as_ref().map(|floor| floor.expected());
            let legs = state.world.expected();
            Outbound::json(
                200,
                &json!({"count": legs.len(), "legs": legs, "floor": floor}),
            )
        }
        (&Method::GET, "floor/account") => {
            let account = state.floor.as_ref().map(|floor| floor.account());
            Outbound::json(200, &account)
        }
        (&Method::GET, "expected") => {
            let legs = state.world.expected();
            Outbound::json(200, &json!({"count": legs.len(), "legs": legs}))
        }
        (&Method::GET, "account") => Outbound::json(200, &state.account()),
        (&Method::GET, "webhooks") => {
            let webhooks = state.webhooks.all();
            Outbound::json(200, &json!({"count": webhooks.len(), "webhooks": webhooks}))
        }
        (&Method::GET, "pushed") => {
            let counts = state.outlet.as_ref().map(Outlet::counts);
            Outbound::json(200, &counts.unwrap_or_default())
        }
        (&Method::GET, "wfm") => Outbound::json(200, &state.wfm.counts()),
        (&Method::GET, "people") => {
            let people = state.calabrio.people();
            Outbound::json(200, &json!({"count": people.len(), "people": people}))
        }
        (&Method::GET, "screen-recording") => {
            let messages = state.calabrio.screen_messages();
            Outbound::json(200, &json!({"count": messages.len(), "messages": messages}))
        }
        (&Method::GET, "violations") => Outbound::json(
            200,
            &json!({
                "count": state.violations.count(),
                "violations": state.violations.list(),
            }),
        ),
        (&Method::GET, "faults") => Outbound::json(
            200,
            &json!({"level": state.faults.level(), "met": state.faults.counts()}),
        ),
        (&Method::POST, "faults/stop") => {
            state.faults.stop();
            Outbound::empty(204)
        }
        (&Method::POST, "sessions/end") => {
            state.calabrio.end_sessions();
            Outbound::empty(204)
        }
        _ => Outbound::json(
            404,
            &json!({"known": [
                "GET received", "GET expected", "GET account", "GET floor/account", "GET webhooks", "GET pushed", "GET wfm", "GET people", "GET screen-recording",
                "GET violations", "GET faults",
                "POST faults/stop", "POST sessions/end",
            ]}),
        ),
    };
    Some(answer)
}

fn received(state: &State) -> Outbound {
    let contacts = state.calabrio.store.all();
    let requests = state
        .requests
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let now = Utc::now();
    let processed = contacts
        .iter()
        .filter(|contact| contact.is_processed(now))
        .count();
    Outbound::json(
        200,
        &json!({
            "count": contacts.len(),
            "processed": processed,
            "requests": requests,
            "deleted_recordings": state.world.deleted_recordings(),
            "contacts": contacts,
        }),
    )
}
