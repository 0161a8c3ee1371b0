//! What the unit tests share.

use std::collections::BTreeMap;

use contact_model::Direction;
use proptest::prelude::*;
use serde_json::Value;

use crate::content::Content;
use crate::import::ContactImport;

/// Any JSON, a few levels deep, with the field names that matter here among its own.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "-?[0-9]{1,25}(\\.[0-9]{1,3})?".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let known = prop::sample::select(vec![
            "id",
            "startTime",
            "callDuration",
            "metadata",
            "value",
            "key",
            "name",
            "state",
            "audioUploaded",
            "errorMessage",
            "status",
            "requestId",
            "contacts",
            "sessionId",
            "label",
            "type",
            "failureReason",
            "contactType",
            "textUploaded",
            "acdId",
            "firstName",
            "deactivated",
            "assocCallId",
        ]);
        let name = prop_oneof![known.prop_map(str::to_owned), ".{0,6}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A contact without audio.
pub(crate) fn contact() -> ContactImport {
    ContactImport {
        leg: "WR0123456789abcdef0123456789abcdef".parse().unwrap(),
        session: "CH1".parse().unwrap(),
        start: "2026-03-01T12:00:00.250Z".parse().unwrap(),
        duration_ms: 61_500,
        direction: Some(Direction::Inbound),
        ani: Some("+15550100001".into()),
        dnis: Some("+15550100002".into()),
        agent_acd_id: Some("WK0123456789abcdef0123456789abcdef".into()),
        metadata: BTreeMap::new(),
        content: Content::Call(None),
    }
}
