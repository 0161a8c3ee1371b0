//! What the attributes of a conversation's task say.

use serde_json::{Map, Value, json};

use super::recipe::Naming;

/// What there is to be said.
pub(super) struct Known<'a> {
    pub(super) outbound: bool,
    pub(super) naming: Naming,
    pub(super) medium: &'static str,
    pub(super) customer: &'a str,
    pub(super) business: Option<&'a str>,
    pub(super) conversation: &'a str,
    /// Interaction, channel and invite.
    pub(super) interaction: Option<(&'a str, &'a str, &'a str)>,
    pub(super) conversation_id: Option<&'a str>,
    /// The task that was handed over, where this one took over.
    pub(super) previous_task: Option<&'a str>,
    pub(super) account_number: &'a str,
    pub(super) customer_name: &'a str,
    pub(super) notes: &'a str,
    pub(super) segment: &'a str,
    pub(super) outcome: &'a str,
}

impl Known<'_> {
    /// The attributes, as a JSON object; the outcome is noted when the agent wraps up.
    pub(super) fn attributes(&self, wrapped_up: bool) -> Value {
        let mut attributes = Map::new();
        let mut set = |key: &str, value: Value| {
            attributes.insert(key.to_owned(), value);
        };
        let direction = if self.outbound { "outbound" } else { "inbound" };
        set("direction", json!(direction));
        set("channelType", json!(self.medium));
        set("customerAddress", json!(self.customer));
        set("customerName", json!(self.customer_name));
        set(
            "initiatedBy",
            json!(if self.outbound { "agent" } else { "customer" }),
        );
        // Messaging has addresses, a visitor of a website has none.
        if let Some(business) = self.business {
            let (from, to) = if self.outbound {
                (business, self.customer)
            } else {
                (self.customer, business)
            };
            set("from", json!(from));
            set("to", json!(to));
        }
        set(
            "customers",
            json!({"name": self.customer_name, "segment": self.segment, "phone": self.customer}),
        );
        set("account_number", json!(self.account_number));
        set("notes", json!(self.notes));
        match self.naming {
            Naming::Both | Naming::Attribute => set("conversationSid", json!(self.conversation)),
            Naming::Channel => {
                set("channelSid", json!(self.conversation));
                set("channelType", json!("web"));
            }
            Naming::MediaSid | Naming::MediaConversationSid | Naming::Nothing => {}
        }
        if let Some((interaction, channel, invite)) = self.interaction {
            set("flexInteractionSid", json!(interaction));
            set("flexInteractionChannelSid", json!(channel));
            set("flexChannelInviteSid", json!(invite));
        }
        if let Some(previous) = self.previous_task {
            set("transferTargetType", json!("worker"));
            set("previous_task_sid", json!(previous));
        }
        set("conversations", self.conversations(wrapped_up));
        Value::Object(attributes)
    }

    fn conversations(&self, wrapped_up: bool) -> Value {
        let mut conversations = Map::new();
        if let Some(id) = self.conversation_id {
            conversations.insert("conversation_id".to_owned(), json!(id));
        }
        let media = match self.naming {
            Naming::Both | Naming::MediaSid => {
                Some(json!([{"type": "ChatTranscript", "sid": self.conversation}]))
            }
            Naming::MediaConversationSid => Some(json!([{"conversation_sid": self.conversation}])),
            Naming::Attribute | Naming::Channel | Naming::Nothing => None,
        };
        if let Some(media) = media {
            conversations.insert("media".to_owned(), media);
        }
        if wrapped_up {
            conversations.insert("outcome".to_owned(), json!(self.outcome));
        }
        Value::Object(conversations)
    }
}
