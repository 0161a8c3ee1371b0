//! The document: one leg's part of a conversation.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use contact_model::{Channel, Direction, Leg, LegId, MessageRange, SessionId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use twilio_sid::{ConversationParticipantSid, ConversationSid, WorkerSid};

use crate::bounded::json_len;
use crate::schema::{self, sid};
use crate::{Author, Message, Role, TranscriptBuilder, TranscriptError};

/// The version of the document that this crate writes and reads. A field more, or fewer, makes another version.
pub const VERSION: u32 = 1;

/// The agent of a leg.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// The worker.
    #[schemars(with = "sid::Worker")]
    pub worker_sid: WorkerSid,
    /// The agent's name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
}

impl fmt::Debug for Agent {
    /// Not the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("worker_sid", &self.worker_sid)
            .finish_non_exhaustive()
    }
}

/// What a document says of the leg that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LegHeader {
    /// The interaction.
    #[schemars(with = "schema::Session")]
    pub session_id: SessionId,
    /// The leg: the accepted reservation.
    #[schemars(with = "sid::Reservation")]
    pub leg_id: LegId,
    /// The task channel, by its unique name in lower case: `chat`, `sms`.
    #[schemars(with = "String")]
    pub channel: Channel,
    /// Who began the interaction, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "schema::Direction")]
    pub direction: Option<Direction>,
    /// The leg's agent.
    pub agent: Agent,
    /// When the agent accepted, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DateTime<Utc>")]
    pub accepted: Option<DateTime<Utc>>,
    /// When the agent went into wrap-up, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DateTime<Utc>")]
    pub wrapup: Option<DateTime<Utc>>,
    /// When the reservation ended, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DateTime<Utc>")]
    pub ended: Option<DateTime<Utc>>,
}

impl LegHeader {
    /// What is known of this leg; the agent's name is left open.
    pub fn of(leg: &Leg) -> Self {
        Self {
            session_id: leg.session_id(),
            leg_id: leg.id,
            channel: leg.channel.clone(),
            direction: leg.direction,
            agent: Agent {
                worker_sid: leg.worker,
                name: None,
            },
            accepted: leg.times.accepted,
            wrapup: leg.times.wrapup,
            ended: leg.times.ended,
        }
    }
}

/// Somebody who took part in the conversation.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Participant {
    /// The side.
    pub role: Role,
    /// The name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The telephone number, e-mail address or chat identity, as the source writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub address: Option<String>,
    /// The participant of the conversation; gone from there once an agent has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "sid::ConversationParticipant")]
    pub participant_sid: Option<ConversationParticipantSid>,
    /// The worker, where it is an agent who is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "sid::Worker")]
    pub worker_sid: Option<WorkerSid>,
}

impl Participant {
    /// This participant as the author of a message.
    pub fn author(&self) -> Author {
        Author {
            role: self.role,
            name: self.name.clone(),
            address: self.address.clone(),
            participant_sid: self.participant_sid,
        }
    }
}

impl fmt::Debug for Participant {
    /// Neither name nor address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant")
            .field("role", &self.role)
            .field("participant_sid", &self.participant_sid)
            .field("worker_sid", &self.worker_sid)
            .finish_non_exhaustive()
    }
}

/// How many of what the document holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// All messages.
    pub messages: u64,
    /// Messages outside of the leg's own time.
    pub context: u64,
    /// Messages of the customer.
    pub customer: u64,
    /// Messages of agents.
    pub agent: u64,
    /// Messages of bots, workflows and the messaging service.
    pub system: u64,
    /// Messages whose author's side could not be told.
    pub unknown: u64,
    /// Messages that were changed after they were sent.
    pub edited: u64,
    /// Messages that the source says were deleted.
    pub deleted: u64,
    /// Attachments of all messages.
    pub attachments: u64,
    /// Indexes of the leg's range that have no message: of deleted messages, or of none, since Twilio says that indexes
    /// may skip.
    pub missing_indexes: u64,
}

impl Counts {
    /// The counts that take the most bytes to write.
    pub(crate) const WIDEST: Self = Self {
        messages: u64::MAX,
        context: u64::MAX,
        customer: u64::MAX,
        agent: u64::MAX,
        system: u64::MAX,
        unknown: u64::MAX,
        edited: u64::MAX,
        deleted: u64::MAX,
        attachments: u64::MAX,
        missing_indexes: u64::MAX,
    };

    pub(crate) fn of(messages: &[Message], range: MessageRange) -> Self {
        let count = |is: &dyn Fn(&Message) -> bool| {
            messages.iter().filter(|message| is(message)).count() as u64
        };
        let by = |role| count(&|message| message.author.role == role);
        Self {
            messages: messages.len() as u64,
            context: count(&|message| message.context.is_some()),
            customer: by(Role::Customer),
            agent: by(Role::Agent),
            system: by(Role::System),
            unknown: by(Role::Unknown),
            edited: count(&|message| message.edited),
            deleted: count(&|message| message.deleted),
            attachments: messages
                .iter()
                .map(|message| message.attachments.len() as u64)
                .sum(),
            missing_indexes: range
                .to
                .saturating_sub(range.from)
                .saturating_sub(messages.len() as u64),
        }
    }
}

/// The part of a conversation that is the leg's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConversationPart {
    /// The conversation.
    #[schemars(with = "sid::Conversation")]
    pub(crate) sid: ConversationSid,
    /// The indexes that are the leg's own. No other leg of the conversation has any of them.
    #[schemars(with = "schema::MessageRange")]
    pub(crate) range: MessageRange,
}

/// One leg's part of a conversation: the messages that are this leg's and no other's, in the order of their indexes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    /// The version of this document's form.
    #[schemars(with = "schema::Version")]
    pub(crate) version: u32,
    /// The leg that this is the part of.
    pub(crate) leg: LegHeader,
    /// The conversation, and which part of it this is.
    pub(crate) conversation: ConversationPart,
    /// Who took part, as far as it is known.
    pub(crate) participants: Vec<Participant>,
    /// The messages, in the order of their indexes.
    pub(crate) messages: Vec<Message>,
    /// How many of what there is in `messages`.
    pub(crate) counts: Counts,
}

/// A leg's part of a conversation, whole and in order. [`TranscriptBuilder`] makes it.
///
/// `Debug` prints nothing that was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Transcript(pub(crate) Document);

impl Transcript {
    /// Begins a transcript of the messages of `conversation` in `range`, of at most `limit` bytes of JSON.
    pub fn builder(
        leg: LegHeader,
        conversation: ConversationSid,
        range: MessageRange,
        limit: u64,
    ) -> TranscriptBuilder {
        TranscriptBuilder::new(leg, conversation, range, limit)
    }

    /// The leg.
    pub fn leg(&self) -> &LegHeader {
        &self.0.leg
    }

    /// The conversation.
    pub fn conversation(&self) -> ConversationSid {
        self.0.conversation.sid
    }

    /// The indexes that are the leg's own.
    pub fn range(&self) -> MessageRange {
        self.0.conversation.range
    }

    /// Who took part, as far as it is known.
    pub fn participants(&self) -> &[Participant] {
        &self.0.participants
    }

    /// The messages, in the order of their indexes.
    pub fn messages(&self) -> &[Message] {
        &self.0.messages
    }

    /// How many of what there is.
    pub fn counts(&self) -> Counts {
        self.0.counts
    }

    /// The bytes that the document has as JSON, counted without making them.
    pub fn json_len(&self) -> u64 {
        json_len(&self.0)
    }

    /// The document as JSON in UTF-8, of at most `limit` bytes.
    ///
    /// Its length is counted first: a document that is too large is refused before a byte of it is made, and what is made
    /// takes exactly its length. Attachments that are included go from their bytes to base64 piece by piece.
    pub fn to_json(&self, limit: u64) -> Result<Bytes, TranscriptError> {
        let too_large = || TranscriptError::TooLarge {
            leg: self.0.leg.leg_id,
            limit,
        };
        let len = self.json_len();
        if len > limit {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(len).map_err(|_| too_large())?);
        // Every key is a text and every value is one that JSON has: what could be counted can be written.
        serde_json::to_writer(&mut bytes, &self.0).map_err(|_| too_large())?;
        Ok(bytes.into())
    }

    /// Reads a document of this version back, and checks that its order, its gaps and its counts are those of its messages.
    pub fn from_json(json: &[u8]) -> Result<Self, TranscriptError> {
        #[derive(Deserialize)]
        struct Any {
            version: u32,
        }
        let unreadable = |error: serde_json::Error| TranscriptError::from(&error);
        let Any { version } = serde_json::from_slice(json).map_err(unreadable)?;
        if version != VERSION {
            return Err(TranscriptError::Version { found: version });
        }
        let found: Document = serde_json::from_slice(json).map_err(unreadable)?;

        let leg = found.leg.leg_id;
        let ConversationPart { sid, range } = found.conversation;
        let mut builder = Self::builder(found.leg.clone(), sid, range, u64::MAX);
        for participant in &found.participants {
            builder.participant(participant.clone())?;
        }
        for message in &found.messages {
            builder.message(message.clone())?;
        }
        let Self(expected) = builder.finish();
        if expected.messages != found.messages {
            return Err(TranscriptError::Inconsistent {
                leg,
                what: "indexes",
            });
        }
        if expected.counts != found.counts {
            return Err(TranscriptError::Inconsistent {
                leg,
                what: "counts",
            });
        }
        Ok(Self(expected))
    }
}

impl Serialize for Transcript {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript")
            .field("leg", &self.0.leg.leg_id)
            .field("conversation", &self.0.conversation)
            .field("counts", &self.0.counts)
            .finish_non_exhaustive()
    }
}
