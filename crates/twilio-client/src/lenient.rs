//! That no reader panics, whatever comes, and that no error repeats what came.

use std::sync::LazyLock;

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::Value;

use crate::{
    ChatChannel, Conference, Conversation, ConversationParticipant, Credentials, Interaction,
    InteractionChannel, InteractionInvite, InteractionParticipant, LiveParticipant, Message,
    PastParticipant, Sink, SubscribedEvent, Subscription, TwilioClient, TwilioSettings, Unreadable,
    Worker,
};

/// The names that readers look for.
const NAMES: &str = "(sid|index|state|type|status|call_sid|sink_sid|worker_sid|participant_sid|channel_sid|author|from|\
     identity|label|body|description|media|size|content_type|filename|attributes|timers|date_closed|date_created|messaging_binding|\
     address|channel|routing|properties|routing_properties|reservation|reservation_sid|task_sid|sink_configuration|destination|\
     batch_events|schema_version|messages_count|hold|unhold|muted|events|leave_time|processing_state|links|error_code|friendly_name)";

/// Customers' data, wherever it stands.
const SECRET: &str = "hunter2";

/// Any JSON, with a liking for what readers look for.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (1_772_366_400_i64..1_772_370_000).prop_map(|second| Value::from(second * 1000)),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from(SECRET)),
        Just(Value::from("2026-03-01T12:00:00Z")),
        "(IM|CH|MB|ME|IS|KD|UO|UT|WT|WK|WR|DG|DF|CA|CF|CP)[0-9a-f]{32}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::hash_map(NAMES, inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

static CLIENT: LazyLock<TwilioClient> = LazyLock::new(|| {
    let account = format!("AC{:032x}", 1).parse().unwrap();
    let credentials = Credentials::AuthToken(SecretString::from(SECRET));
    TwilioClient::new(TwilioSettings::new(account, credentials)).unwrap()
});

fn error<T>(
    read: impl Fn(&TwilioClient, &Value) -> Result<T, Unreadable>,
    value: &Value,
) -> String {
    read(&CLIENT, value)
        .err()
        .map(|error| format!("{error} {error:?}"))
        .unwrap_or_default()
}

proptest! {
    #[test]
    fn no_reader_panics_and_no_error_repeats_what_was_read(value in json()) {
        let errors = [
            error(Message::read, &value),
            error(Conversation::read, &value),
            error(ConversationParticipant::read, &value),
            error(ChatChannel::read, &value),
            error(Interaction::read, &value),
            error(InteractionChannel::read, &value),
            error(InteractionParticipant::read, &value),
            error(InteractionInvite::read, &value),
            error(Conference::read, &value),
            error(LiveParticipant::read, &value),
            error(PastParticipant::read, &value),
            error(Sink::read, &value),
            error(Subscription::read, &value),
            error(SubscribedEvent::read, &value),
            error(Worker::read, &value),
        ];
        for error in errors {
            prop_assert!(!error.contains(SECRET), "{}", error);
        }
    }

    #[test]
    fn what_a_message_or_a_participant_prints_is_nobodys_secret(
        mut value in json(),
        sid in "[0-9a-f]{32}",
    ) {
        let Value::Object(map) = &mut value else { return Ok(()) };
        map.insert("index".to_owned(), Value::from(1));
        for field in ["author", "from", "body", "identity", "friendly_name", "attributes"] {
            map.insert(field.to_owned(), Value::from(SECRET));
        }
        map.insert("media".to_owned(), Value::from(vec![Value::from(SECRET)]));
        map.insert("state".to_owned(), Value::from("active"));
        let binding = [("address", SECRET), ("proxy_address", SECRET), ("type", "sms")];
        let binding = binding.map(|(name, text)| (name.to_owned(), Value::from(text)));
        map.insert("messaging_binding".to_owned(), Value::Object(binding.into_iter().collect()));
        map.insert("sid".to_owned(), Value::from(format!("IM{sid}")));
        let message = format!("{:?}", Message::read(&CLIENT, &value).unwrap());
        value["sid"] = Value::from(format!("MB{sid}"));
        let participant = format!("{:?}", ConversationParticipant::read(&CLIENT, &value).unwrap());
        value["sid"] = Value::from(format!("CH{sid}"));
        let conversation = format!("{:?}", Conversation::read(&CLIENT, &value).unwrap());
        for printed in [message, participant, conversation] {
            prop_assert!(!printed.contains(SECRET), "{}", printed);
        }
    }
}
