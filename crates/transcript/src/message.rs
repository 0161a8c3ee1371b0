//! One message of a transcript: who wrote what, when, and what was attached.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use twilio_sid::{ConversationParticipantSid, MediaSid, MessageSid};

use crate::Context;
use crate::schema::{self, sid};

/// Which side of the conversation somebody is on.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The customer.
    Customer,
    /// An agent: the leg's own, or another one.
    Agent,
    /// A bot, a workflow, or the messaging service itself.
    System,
    /// It could not be told.
    #[default]
    Unknown,
}

impl Role {
    /// The word as it stands in documents and renderings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who wrote a message.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// The side that the author is on.
    pub role: Role,
    /// The author's name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The author's telephone number, e-mail address or chat identity, as the source writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub address: Option<String>,
    /// The author as a participant of the conversation; none for the messaging service itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "sid::ConversationParticipant")]
    pub participant_sid: Option<ConversationParticipantSid>,
}

impl Author {
    /// An author of whom only the side is known.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            ..Self::default()
        }
    }
}

impl fmt::Debug for Author {
    /// Neither name nor address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Author")
            .field("role", &self.role)
            .field("participant_sid", &self.participant_sid)
            .finish_non_exhaustive()
    }
}

/// One message of the conversation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Its place in the conversation. Indexes grow in the order of the messages; some may be missing.
    pub index: u64,
    /// Its SID.
    #[schemars(with = "sid::Message")]
    pub sid: MessageSid,
    /// When the source received it, UTC. Twilio gives whole seconds, and neighbours may tie or run against the index: the
    /// index is the order.
    pub at: DateTime<Utc>,
    /// Who wrote it.
    pub author: Author,
    /// What was written, unchanged. Absent where there is no text: attachments alone, or a deleted message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub body: Option<String>,
    /// Whether it was changed after it was sent; `body` is what it became.
    pub edited: bool,
    /// Whether the source says that it was deleted. A message that the source no longer lists at all is not here: the
    /// next one has `after_gap`.
    pub deleted: bool,
    /// Where the message lies outside of the leg's own time, on which side of it. Absent for what was written during the
    /// leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Context")]
    pub context: Option<Context>,
    /// Whether an index of the leg's range is missing right before this one. It may be that of a deleted message, or of
    /// none: Twilio says that indexes may skip.
    pub(crate) after_gap: bool,
    /// What was attached, in the order of the source.
    pub attachments: Vec<Attachment>,
}

impl Message {
    /// A message without text, flags and attachments.
    pub fn new(index: u64, sid: MessageSid, at: DateTime<Utc>, author: Author) -> Self {
        Self {
            index,
            sid,
            at,
            author,
            body: None,
            edited: false,
            deleted: false,
            context: None,
            after_gap: false,
            attachments: Vec::new(),
        }
    }

    /// Whether an index of the leg's range is missing right before this one; known once the transcript is finished.
    pub fn after_gap(&self) -> bool {
        self.after_gap
    }
}

impl fmt::Debug for Message {
    /// Nothing that was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("index", &self.index)
            .field("sid", &self.sid)
            .field("at", &self.at)
            .field("author", &self.author)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Something that came with a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// Its SID.
    #[schemars(with = "sid::Media")]
    pub sid: MediaSid,
    /// Its file name, as the sender gave it: never a path to be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub file_name: Option<String>,
    /// Its MIME type, as the source gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub content_type: Option<String>,
    /// Its size in bytes, as the source gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    pub size: Option<u64>,
    /// Its bytes, or why they are not here.
    pub content: AttachmentContent,
}

impl fmt::Debug for Attachment {
    /// Neither name nor content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("sid", &self.sid)
            .field("size", &self.size)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

/// The bytes of an attachment, or why they are not in the document.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "lowercase", deny_unknown_fields)]
pub enum AttachmentContent {
    /// Attachments are only listed, by configuration.
    Listed,
    /// All of it is here.
    Included {
        /// The bytes, in base64 with padding.
        #[serde(rename = "base64", with = "base64_text")]
        #[schemars(with = "schema::Base64")]
        bytes: Bytes,
    },
    /// It was asked for, and is not here.
    Unavailable {
        /// Why it is not.
        reason: Unavailable,
    },
}

impl fmt::Debug for AttachmentContent {
    /// How many bytes, and none of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed => f.write_str("Listed"),
            Self::Included { bytes } => write!(f, "Included({} bytes)", bytes.len()),
            Self::Unavailable { reason } => write!(f, "Unavailable({reason})"),
        }
    }
}

/// Why an attachment that was asked for is not in the document.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Unavailable {
    /// It is larger than the limit for one attachment.
    TooLarge,
    /// It would not have fitted into the document's limit.
    NoRoom,
    /// The source does not have it any more.
    Gone,
    /// The source did not give it, however often it was asked.
    Failed,
}

impl Unavailable {
    /// Every reason there is.
    pub const ALL: [Self; 4] = [Self::TooLarge, Self::NoRoom, Self::Gone, Self::Failed];

    /// The word as it stands in documents and renderings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::NoRoom => "no-room",
            Self::Gone => "gone",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

mod base64_text {
    use base64::Engine;
    use base64::display::Base64Display;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Piece by piece into the writer: the text as a whole never lies in memory beside the bytes.
    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&Base64Display::new(bytes, &STANDARD))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(|_| D::Error::custom("the content of an attachment is not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reads_the_same_in_json_and_in_print() {
        for reason in Unavailable::ALL {
            assert_eq!(
                serde_json::to_string(&reason).unwrap(),
                format!("\"{reason}\"")
            );
        }
        for role in [Role::Customer, Role::Agent, Role::System, Role::Unknown] {
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
    }

    #[test]
    fn debug_prints_nothing_that_a_customer_wrote_or_is_called() {
        let author = Author {
            role: Role::Customer,
            name: Some("Grace".into()),
            address: Some("+15550100".into()),
            participant_sid: None,
        };
        let sid = "IM00000000000000000000000000000001".parse().unwrap();
        let mut message = Message::new(3, sid, DateTime::UNIX_EPOCH, author);
        message.body = Some("my secret".into());
        let attachment = Attachment {
            sid: "ME00000000000000000000000000000001".parse().unwrap(),
            file_name: Some("passport.jpg".into()),
            content_type: Some("image/jpeg".into()),
            size: Some(3),
            content: AttachmentContent::Included {
                bytes: Bytes::from_static(b"xyz"),
            },
        };
        let printed = format!("{message:?} {attachment:?}");
        for word in ["Grace", "+1555", "secret", "passport", "xyz"] {
            assert!(!printed.contains(word), "{printed}");
        }
        assert!(printed.contains("Included(3 bytes)"), "{printed}");
    }
}
