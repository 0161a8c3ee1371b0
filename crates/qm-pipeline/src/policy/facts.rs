//! What the policy needs to know of Twilio's and Calabrio's answers, in its own words.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contact_model::{CcrId, ConversationStore};
use flex_events::FlexEvent;
use transcript::{Claim, LegPeriod, Stamp};
use twilio_sid::{
    CallSid, ConferenceSid, ConversationSid, InteractionSid, PublicKeySid, RecordingSid,
    ReservationSid, ServiceSid, TaskSid, WorkerSid,
};

/// Something to ask Twilio. Each answer is remembered for the rest of a contact's turn, so nothing is asked twice in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// The events of a task: of all its reservations, of its attributes, of its end.
    TaskEvents(TaskSid),
    /// One recording.
    Recording(RecordingSid),
    /// The recordings of a conference.
    ConferenceRecordings(ConferenceSid),
    /// The recordings of a call.
    CallRecordings(CallSid),
    /// The conferences whose friendly name is the SID of a task.
    ConferencesNamed(TaskSid),
    /// One conference.
    Conference(ConferenceSid),
    /// Who took part in a conference, from Voice Insights; not every account has it.
    Participants(ConferenceSid),
    /// One call.
    Call(CallSid),
    /// One conversation.
    Conversation(ConversationSid),
    /// When each message of a conversation was written.
    Messages(ConversationFacts),
    /// Which agents had which reservation of which task in an interaction.
    Interaction(InteractionSid),
    /// What the ledger knows of the legs of a conversation, and of what they have claimed.
    Occupants(ConversationSid),
    /// What was seen of hold in a conference while it went on.
    HoldSeen(ConferenceSid),
    /// Whether Calabrio knows an agent.
    Agent(WorkerSid),
}

impl Question {
    /// What is asked for, in a word or two: for logs, metrics and park reasons.
    pub fn step(self) -> &'static str {
        match self {
            Self::TaskEvents(_) => "reading the task's events",
            Self::Recording(_) => "reading a recording",
            Self::ConferenceRecordings(_) => "listing the conference's recordings",
            Self::CallRecordings(_) => "listing the call's recordings",
            Self::ConferencesNamed(_) => "looking for the task's conference",
            Self::Conference(_) => "reading the conference",
            Self::Participants(_) => "reading the conference's participants",
            Self::Call(_) => "reading the call",
            Self::Conversation(_) => "reading the conversation",
            Self::Messages(_) => "reading the conversation's messages",
            Self::Interaction(_) => "reading the interaction",
            Self::Occupants(_) => "reading the ledger",
            Self::HoldSeen(_) => "reading what was seen of hold",
            Self::Agent(_) => "looking for the agent in Calabrio ONE",
        }
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The events of a task, in any order.
    Events(Vec<FlexEvent>),
    /// Twilio no longer tells these events.
    EventsGone,
    /// A recording, or that there is none by this SID.
    Recording(Option<RecordingFacts>),
    /// Recordings.
    Recordings(Vec<RecordingFacts>),
    /// Conferences.
    Conferences(Vec<ConferenceFacts>),
    /// A conference, or that there is none by this SID.
    Conference(Option<ConferenceFacts>),
    /// Participants, or that this account or conference has no such record.
    Participants(Option<Vec<ParticipantFacts>>),
    /// A call, or that there is none by this SID.
    Call(Option<CallFacts>),
    /// A conversation, or that there is none by this SID.
    Conversation(Option<ConversationFacts>),
    /// Messages in any order, or that the conversation is gone.
    Messages(Option<Vec<Stamp>>),
    /// Agents; none where the interaction cannot be read.
    Interaction(Vec<InteractionAgent>),
    /// Legs and claims.
    Occupants(Occupants),
    /// Sightings, or that nobody looked.
    HoldSeen(Option<ConferenceSeen>),
    /// Whether Calabrio knows the agent.
    Agent(AgentKnown),
}

/// How far a recording is at Twilio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingState {
    /// Still being made or worked on.
    Pending,
    /// Stored at Twilio: its media can be had.
    Stored,
    /// Stored outside Twilio.
    Elsewhere,
    /// There is nothing: it was too short or silent.
    Empty,
    /// Twilio could not store it.
    NotStored {
        /// Twilio's error code.
        code: Option<u32>,
    },
    /// Deleted at Twilio.
    Deleted,
}

/// Whether and how a recording is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// It is not.
    None,
    /// Under this public key.
    Key(PublicKeySid),
    /// Its `encryption_details` cannot be used.
    Unusable,
}

/// What the policy needs to know of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingFacts {
    /// The recording.
    pub sid: RecordingSid,
    /// How far it is.
    pub state: RecordingState,
    /// How many channels it has.
    pub channels: u8,
    /// When it began, cut to the second by Twilio.
    pub start: Option<DateTime<Utc>>,
    /// How long it is, in whole seconds, as Twilio says.
    pub seconds: Option<u64>,
    /// The call that it is of, or the parent call of a two-leg call.
    pub call: Option<CallSid>,
    /// The conference that it is of; only conference recordings have one.
    pub conference: Option<ConferenceSid>,
    /// Its encryption.
    pub encryption: Encryption,
}

/// What the policy needs to know of a conference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConferenceFacts {
    /// The conference.
    pub sid: ConferenceSid,
    /// When it ended, once it has.
    pub ended: Option<DateTime<Utc>>,
}

/// What the policy needs to know of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFacts {
    /// The call.
    pub sid: CallSid,
    /// When it ended, once it has.
    pub ended: Option<DateTime<Utc>>,
}

/// What the policy needs to know of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationFacts {
    /// The conversation.
    pub sid: ConversationSid,
    /// The service that it belongs to, where that is known.
    pub service: Option<ServiceSid>,
    /// Where it is kept.
    pub store: ConversationStore,
}

/// An agent in an interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InteractionAgent {
    /// The task.
    pub task: TaskSid,
    /// The reservation.
    pub reservation: ReservationSid,
}

/// What the ledger knows of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupants {
    /// Its legs.
    pub legs: Vec<LegPeriod>,
    /// What they have claimed.
    pub claims: Vec<Claim>,
}

/// What was seen of a conference while it went on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConferenceSeen {
    /// Who was on hold, and who was not.
    pub sightings: Vec<HoldSighting>,
    /// The number of each change that was told, in that order, and when it happened; empty where changes have no numbers.
    pub changes: Vec<(u64, DateTime<Utc>)>,
}

/// Somebody was put on hold, or taken off it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldSighting {
    /// The call of whoever it was, where it is known.
    pub call: Option<CallSid>,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether on hold from then on.
    pub on: bool,
    /// How it is known.
    pub by: SeenBy,
}

/// How a hold, or that there was none, is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenBy {
    /// It was told when it happened.
    Telling,
    /// Somebody looked.
    Looking,
    /// Somebody looked again and again since the sighting of the same call before, and nothing had changed.
    LookingSince,
}

/// Whether Calabrio knows an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentKnown {
    /// A person has the worker SID as ACD ID.
    Yes,
    /// Nobody has.
    No,
    /// Calabrio does not let this be asked.
    Unclear,
}

/// A span of hold, from its beginning to its end.
pub type HoldSpan = (DateTime<Utc>, DateTime<Utc>);

/// Who took part in a conference.
#[derive(Clone, PartialEq, Eq)]
pub struct ParticipantFacts {
    /// The call with which they took part.
    pub call: Option<CallSid>,
    /// When they joined.
    pub joined: Option<DateTime<Utc>>,
    /// When they left.
    pub left: Option<DateTime<Utc>>,
    /// The client identity (`client:…`) where the call is to or from one: an agent.
    pub client: Option<String>,
    /// When they were on hold; `None` where the account does not tell.
    pub holds: Option<Vec<HoldSpan>>,
}

impl std::fmt::Debug for ParticipantFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParticipantFacts")
            .field("call", &self.call)
            .field("joined", &self.joined)
            .field("left", &self.left)
            .field("client", &self.client.is_some())
            .field("holds", &self.holds)
            .finish()
    }
}

/// A contact that Calabrio has under a leg's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundContact {
    /// Calabrio's id.
    pub ccr: CcrId,
    /// How far Calabrio is with it.
    pub state: FoundState,
    /// How long Calabrio says that its audio is, in milliseconds.
    pub duration_ms: Option<u64>,
}

/// How far Calabrio is with a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundState {
    /// There, without media, or with media that is not processed yet: Calabrio does not say which.
    WithoutMedia,
    /// There, and Calabrio says that it is at it.
    Processing,
    /// There; Calabrio does not say whether with media.
    Unclear,
    /// There, its media processed.
    WithMedia,
    /// Calabrio says that it failed.
    Failed,
}

/// What Twilio has answered in this turn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence(BTreeMap<Question, Answer>);

impl Evidence {
    /// Remembers an answer.
    pub fn insert(&mut self, question: Question, answer: Answer) {
        self.0.insert(question, answer);
    }

    /// The answer, or the question that is to be asked first.
    pub fn get(&self, question: Question) -> Result<&Answer, Question> {
        self.0.get(&question).ok_or(question)
    }

    /// The events of a task; empty where Twilio no longer tells them.
    pub fn task_events(&self, task: TaskSid) -> Result<&[FlexEvent], Question> {
        match self.get(Question::TaskEvents(task))? {
            Answer::Events(events) => Ok(events),
            _ => Ok(&[]),
        }
    }

    /// The recordings that a question yielded: one, several or none.
    pub fn recordings(&self, question: Question) -> Result<&[RecordingFacts], Question> {
        match self.get(question)? {
            Answer::Recordings(list) => Ok(list),
            Answer::Recording(one) => Ok(one.as_slice()),
            _ => Ok(&[]),
        }
    }

    /// The participants of a conference; `None` where the account has no such record.
    pub fn participants(
        &self,
        conference: ConferenceSid,
    ) -> Result<Option<&[ParticipantFacts]>, Question> {
        match self.get(Question::Participants(conference))? {
            Answer::Participants(Some(list)) => Ok(Some(list)),
            _ => Ok(None),
        }
    }

    /// When a conference ended.
    pub fn conference_end(
        &self,
        conference: ConferenceSid,
    ) -> Result<Option<DateTime<Utc>>, Question> {
        match self.get(Question::Conference(conference))? {
            Answer::Conference(Some(facts)) => Ok(facts.ended),
            _ => Ok(None),
        }
    }

    /// When a call ended.
    pub fn call_end(&self, call: CallSid) -> Result<Option<DateTime<Utc>>, Question> {
        match self.get(Question::Call(call))? {
            Answer::Call(Some(facts)) => Ok(facts.ended),
            _ => Ok(None),
        }
    }

    /// The conferences that bear the SID of a task as their friendly name.
    pub fn conferences_named(&self, task: TaskSid) -> Result<&[ConferenceFacts], Question> {
        match self.get(Question::ConferencesNamed(task))? {
            Answer::Conferences(list) => Ok(list),
            _ => Ok(&[]),
        }
    }
}
