//! Conversations: asking Twilio about them, and making a leg's transcript of one.

use std::collections::BTreeMap;

use calabrio_client::TextContent;
use chrono::Offset as _;
use connector_config::{Attachments, Digital};
use contact_model::{ConversationStore, Delivered, Details, Leg, ParkReason, TranscriptPart};
use transcript::{
    Attachment, AttachmentContent, Author, LegHeader, LegPeriod, Participant, Role, Stamp,
    Transcript, TranscriptBuilder, TranscriptError, Unavailable,
};
use twilio_client::{
    ConversationParticipant, Message, MessageMedia, Messages, TwilioClient, TwilioError,
};
use twilio_sid::{ConversationParticipantSid, ConversationSid, InteractionSid, ServiceSid};

use super::ask::twilio_trouble;
use crate::policy::{ConversationFacts, InteractionAgent, Trouble};

/// A leg's transcript, ready to be sent. It is in memory alone.
#[derive(Clone)]
pub(crate) struct ReadyText {
    text: TextContent,
    lasted_ms: u64,
}

impl ReadyText {
    /// What will be sent.
    pub(crate) fn delivered(&self) -> Delivered {
        Delivered {
            duration_ms: self.lasted_ms,
            bytes: self.text.document().len() as u64,
        }
    }

    /// How much memory it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let rendering = self.text.rendering().map_or(0, bytes::Bytes::len);
        (self.text.document().len() + rendering) as u64
    }

    pub(crate) fn text(&self) -> TextContent {
        self.text.clone()
    }
}

/// Finds a conversation: in the service of Flex, in the account's default service, or in Programmable Chat.
pub(crate) async fn find(
    twilio: &TwilioClient,
    service: Option<ServiceSid>,
    sid: ConversationSid,
) -> Result<Option<ConversationFacts>, TwilioError> {
    if let Some(found) = twilio.conversations(service).get(sid).await? {
        return Ok(Some(ConversationFacts {
            sid,
            service: found.service,
            store: ConversationStore::Conversations,
        }));
    }
    let Some(service) = service else {
        return Ok(None);
    };
    let channel = twilio.legacy_chat(service).channel(sid).await?;
    Ok(channel.map(|_| ConversationFacts {
        sid,
        service: Some(service),
        store: ConversationStore::ProgrammableChat,
    }))
}

/// When each message was written; `None` where the conversation is gone.
pub(crate) async fn stamps(
    twilio: &TwilioClient,
    facts: ConversationFacts,
) -> Result<Option<Vec<Stamp>>, TwilioError> {
    let mut stamps: Vec<Stamp> = Vec::new();
    let mut messages = messages(twilio, facts);
    while let Some(message) = messages.next().await {
        match message {
            // What has no time has that of its neighbour: the index is the order.
            Ok(message) => {
                let before = stamps.last().map(|stamp| stamp.at);
                stamps.push(Stamp {
                    index: message.index,
                    at: message.created_at.or(before).unwrap_or_default(),
                });
            }
            Err(error) if error.is_not_found() => return Ok(None),
            // Whose messages they are hangs on all of them.
            Err(error) => return Err(error),
        }
    }
    Ok(Some(stamps))
}

/// The agents of an interaction with task and reservation; none where it is gone.
pub(crate) async fn agents(
    twilio: &TwilioClient,
    interaction: InteractionSid,
) -> Result<Vec<InteractionAgent>, TwilioError> {
    match twilio.interactions().agents(interaction).await {
        Ok(agents) => Ok(agents
            .iter()
            .filter_map(|agent| {
                Some(InteractionAgent {
                    task: agent.routing.task?,
                    reservation: agent.routing.reservation?,
                })
            })
            .collect()),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn messages(twilio: &TwilioClient, facts: ConversationFacts) -> Messages {
    match (facts.store, facts.service) {
        (ConversationStore::ProgrammableChat, Some(service)) => {
            twilio.legacy_chat(service).messages(facts.sid)
        }
        (_, service) => twilio.conversations(service).messages(facts.sid),
    }
}

async fn participants(
    twilio: &TwilioClient,
    facts: ConversationFacts,
) -> Result<Vec<ConversationParticipant>, TwilioError> {
    let listing = match (facts.store, facts.service) {
        (ConversationStore::ProgrammableChat, Some(service)) => {
            twilio.legacy_chat(service).members(facts.sid)
        }
        (_, service) => twilio.conversations(service).participants(facts.sid),
    };
    // Who cannot be read is known by what they wrote.
    Ok(listing.all().await?.items)
}

/// Whose words a transcript tells apart: what is known of the agents of a conversation.
pub(crate) struct Speakers {
    own: KnownAgent,
    /// Those of its other legs.
    others: Vec<KnownAgent>,
}

struct KnownAgent {
    /// Chat identities and names, in lower case.
    identities: Vec<String>,
    name: Option<String>,
}

impl KnownAgent {
    /// From the names by which an agent is known: `friendly_name`, `full_name`, `contact_uri`.
    fn of(details: &Details) -> Self {
        let uri = details.worker_contact_uri.as_deref();
        let uri = uri.map(|uri| uri.trim_start_matches("client:").to_owned());
        let mut identities = Vec::new();
        for name in [details.worker_name.clone(), uri].into_iter().flatten() {
            identities.push(encoded(&name));
            identities.push(name.to_lowercase());
        }
        let full_name = details.worker_full_name.clone();
        Self {
            identities,
            name: full_name.or_else(|| details.worker_name.clone()),
        }
    }

    fn is_known_as(&self, identity: &str) -> bool {
        self.identities.contains(&identity.to_lowercase())
    }
}

impl Speakers {
    /// From what is known of the leg's own agent, and of those of other legs of its conversation.
    pub(crate) fn new(own: &Details, others: &[Details]) -> Self {
        Self {
            own: KnownAgent::of(own),
            others: others.iter().map(KnownAgent::of).collect(),
        }
    }

    fn agents(&self) -> impl Iterator<Item = &KnownAgent> {
        std::iter::once(&self.own).chain(&self.others)
    }

    /// The agent who is known by this identity.
    fn agent(&self, identity: &str) -> Option<&KnownAgent> {
        self.agents().find(|agent| agent.is_known_as(identity))
    }

    /// Whether Flex made an identity of an address in the same domain as the address of an agent.
    fn is_colleague(&self, identity: &str) -> bool {
        let identity = identity.to_lowercase();
        let domain = domain_of(&identity);
        let mut known = self.agents().flat_map(|agent| &agent.identities);
        domain.is_some() && known.any(|known| domain_of(known) == domain)
    }
}

/// Flex makes a chat identity of a name by writing everything but letters and digits as `_` and two digits.
fn encoded(name: &str) -> String {
    use std::fmt::Write as _;

    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() {
            text.push(char::from(byte.to_ascii_lowercase()));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "_{byte:02x}");
        }
    }
    text
}

/// The domain of a mail address of which Flex made a chat identity, in lower case and as it stands there.
fn domain_of(identity: &str) -> Option<&str> {
    let (_, domain) = identity.rsplit_once("_40")?;
    domain.contains("_2e").then_some(domain)
}

/// Who began a conversation in which nobody has an address, and so is its customer; `None` where that cannot be told.
///
/// A chat on the web is begun by its customer, and agents come to it. Where times are missing, only somebody who is alone beside the agents
/// is the customer for certain.
fn beginner(
    people: &[ConversationParticipant],
    speakers: &Speakers,
) -> Option<ConversationParticipantSid> {
    let joined: Option<Vec<_>> = people.iter().map(|one| one.created_at).collect();
    let first = joined.as_ref().and_then(|joined| joined.iter().min());
    let mut candidates = people.iter().filter(|one| {
        let Some(identity) = one.identity.as_deref() else {
            return false;
        };
        speakers.agent(identity).is_none()
            && match first {
                // Employees have the agents' domain too, so whoever asks the help desk of their own house is known by coming first.
                Some(first) => one.created_at == Some(*first),
                None => !speakers.is_colleague(identity),
            }
    });
    let only = candidates.next()?.sid;
    candidates.next().is_none().then_some(only)
}

/// Who is who in one conversation.
struct Cast {
    by_sid: BTreeMap<ConversationParticipantSid, Participant>,
    by_identity: BTreeMap<String, Participant>,
    /// Customers are known by their address; whoever has only an identity is then no customer.
    has_bindings: bool,
}

impl Cast {
    fn new(people: &[ConversationParticipant], speakers: &Speakers) -> Self {
        let has_bindings = people.iter().any(|one| {
            let binding = one.binding.as_ref();
            binding.is_some_and(|binding| binding.address.is_some())
        });
        let mut cast = Self {
            by_sid: BTreeMap::new(),
            by_identity: BTreeMap::new(),
            has_bindings,
        };
        let beginner = beginner(people, speakers);
        for one in people {
            let address = one
                .binding
                .as_ref()
                .and_then(|binding| binding.address.clone());
            let role = match (&address, &one.identity) {
                (Some(_), _) => Role::Customer,
                (None, Some(identity)) => {
                    cast.role_of(identity, beginner == Some(one.sid), speakers)
                }
                (None, None) => Role::Unknown,
            };
            let participant = Participant {
                role,
                name: name_of(role, one.identity.as_deref(), speakers),
                address: address.or_else(|| one.identity.clone()),
                participant_sid: Some(one.sid),
                worker_sid: None,
            };
            if let Some(known_as) = &participant.address {
                cast.by_identity
                    .insert(known_as.to_lowercase(), participant.clone());
            }
            cast.by_sid.insert(one.sid, participant);
        }
        cast
    }

    fn role_of(&self, identity: &str, began: bool, speakers: &Speakers) -> Role {
        if speakers.agent(identity).is_some() {
            Role::Agent
        } else if self.has_bindings {
            // The customer has an address, so this is somebody of the contact centre: another agent, or a supervisor.
            Role::Agent
        } else if began {
            Role::Customer
        } else if speakers.is_colleague(identity) {
            Role::Agent
        } else {
            // Another agent, or a second customer: a word too little is better than a supervisor's words in the customer's mouth.
            Role::Unknown
        }
    }

    fn author(&self, message: &Message, speakers: &Speakers) -> Author {
        if message.is_system() {
            return Author {
                role: Role::System,
                name: message.author.clone(),
                ..Author::default()
            };
        }
        let known = message
            .participant
            .and_then(|sid| self.by_sid.get(&sid))
            .or_else(|| {
                let author = message.author.as_deref()?;
                self.by_identity.get(&author.to_lowercase())
            });
        if let Some(known) = known {
            return known.author();
        }
        // Somebody who has left: agents do, once their part is over.
        let identity = message.author.as_deref().unwrap_or_default();
        let role = match identity {
            "" => Role::Unknown,
            _ if speakers.agent(identity).is_some() => Role::Agent,
            _ if identity.starts_with('+') || identity.contains(':') => Role::Customer,
            _ if self.has_bindings || speakers.is_colleague(identity) => Role::Agent,
            _ => Role::Unknown,
        };
        Author {
            role,
            name: name_of(role, Some(identity), speakers),
            address: message.author.clone(),
            participant_sid: message.participant,
        }
    }
}

/// The name of an agent of the conversation; nobody else's is known.
fn name_of(role: Role, identity: Option<&str>, speakers: &Speakers) -> Option<String> {
    let agent = identity.and_then(|identity| speakers.agent(identity));
    agent.filter(|_| role == Role::Agent)?.name.clone()
}

/// Fetches a leg's messages and makes its transcript.
pub(crate) async fn prepare(
    part: &TranscriptPart,
    leg: &Leg,
    speakers: &Speakers,
    twilio: &TwilioClient,
    digital: &Digital,
) -> Result<ReadyText, Trouble> {
    let facts = ConversationFacts {
        sid: part.conversation,
        service: part.service,
        store: part.store,
    };
    let gone = |error: TwilioError, step| {
        if error.is_not_found() {
            Trouble::Park(ParkReason::ConversationGone {
                conversation: part.conversation,
            })
        } else {
            twilio_trouble(&error, step)
        }
    };
    let people = participants(twilio, facts)
        .await
        .map_err(|error| gone(error, "reading who took part in the conversation"))?;
    let cast = Cast::new(&people, speakers);
    let limit = digital.max_transcript.as_bytes();
    let mut header = LegHeader::of(leg);
    header.agent.name.clone_from(&speakers.own.name);
    let mut builder = Transcript::builder(header, part.conversation, part.range, limit);
    let too_large = |_: TranscriptError| {
        Trouble::Park(ParkReason::TranscriptTooLarge {
            conversation: part.conversation,
            limit,
        })
    };
    for participant in cast.by_sid.values() {
        builder
            .participant(participant.clone())
            .map_err(too_large)?;
    }
    let period = LegPeriod::of(leg);
    let mut messages = messages(twilio, facts);
    while let Some(message) = messages.next().await {
        let message =
            message.map_err(|error| gone(error, "reading the conversation's messages"))?;
        if !part.range.contains(message.index) {
            continue;
        }
        let at = message.created_at.unwrap_or_default();
        let author = cast.author(&message, speakers);
        let mut taken = transcript::Message::new(message.index, message.sid, at, author);
        taken.edited = message
            .updated_at
            .is_some_and(|updated| updated > at && message.created_at.is_some());
        taken.context = period.and_then(|period| period.context(at));
        taken.body = message.body.clone();
        for media in &message.media {
            let attachment = attachment(media, &message, facts, twilio, digital, &builder).await?;
            taken.attachments.extend(attachment);
        }
        builder.message(taken).map_err(too_large)?;
    }
    let transcript = builder.finish();
    let document = transcript.to_json(limit).map_err(too_large)?;
    let text = match transcript.render(chrono::Utc.fix(), limit) {
        Ok(rendering) => TextContent::new(document).with_rendering(rendering),
        // The document says the same.
        Err(_) => TextContent::new(document),
    };
    let lasted = leg
        .times
        .media_ended()
        .zip(leg.times.accepted)
        .map_or(0, |(to, from)| (to - from).num_milliseconds());
    Ok(ReadyText {
        text,
        lasted_ms: u64::try_from(lasted).unwrap_or(0),
    })
}

/// An attachment as the transcript tells of it, with its bytes where the configuration wants them and they can be had.
async fn attachment(
    media: &MessageMedia,
    message: &Message,
    facts: ConversationFacts,
    twilio: &TwilioClient,
    digital: &Digital,
    builder: &TranscriptBuilder,
) -> Result<Option<Attachment>, Trouble> {
    // A transcript names attachments by their SID.
    let Some(sid) = media.sid else {
        tracing::warn!(message = %message.sid, "an attachment without a SID is left out of a transcript");
        return Ok(None);
    };
    let unavailable = |reason| AttachmentContent::Unavailable { reason };
    let limit = digital.max_attachment.as_bytes();
    let service = facts.service.or(message.service);
    let content = match (digital.attachments, service) {
        (Attachments::List, _) => AttachmentContent::Listed,
        (Attachments::Fetch, None) => unavailable(Unavailable::Failed),
        (Attachments::Fetch, Some(_)) if media.size.is_some_and(|size| size > limit) => {
            unavailable(Unavailable::TooLarge)
        }
        // Base64 makes four bytes of three; the rest of its entry takes some.
        (Attachments::Fetch, Some(_))
            if builder.room() / 4 * 3 < media.size.unwrap_or(0).saturating_add(1_024) =>
        {
            unavailable(Unavailable::NoRoom)
        }
        (Attachments::Fetch, Some(service)) => {
            let room = (builder.room() / 4 * 3).saturating_sub(1_024).min(limit);
            match twilio.attachments(service).content(sid, room).await {
                Ok(None) => unavailable(Unavailable::Gone),
                Ok(Some(content)) => match content.bytes().await {
                    Ok(bytes) => AttachmentContent::Included { bytes },
                    Err(error) => unavailable(refused(&error)?),
                },
                Err(error) => unavailable(refused(&error)?),
            }
        }
    };
    Ok(Some(Attachment {
        sid,
        file_name: media.filename.clone(),
        content_type: media.content_type.clone(),
        size: media.size,
        content,
    }))
}

/// What is said of an attachment that Twilio does not give; what may pass is tried again with the whole transcript.
fn refused(error: &TwilioError) -> Result<Unavailable, Trouble> {
    match error {
        TwilioError::AttachmentTooLarge { .. } => Ok(Unavailable::TooLarge),
        error if error.is_passing() || error.is_authentication() => {
            Err(twilio_trouble(error, "fetching an attachment"))
        }
        _ => {
            tracing::warn!(%error, "an attachment cannot be had and is left out of a transcript");
            Ok(Unavailable::Failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    /// Somebody without an address, who joined at this second.
    fn somebody(number: u32, identity: &str, second: Option<i64>) -> ConversationParticipant {
        ConversationParticipant {
            sid: format!("MB{number:032}").parse().unwrap(),
            identity: Some(identity.to_owned()),
            binding: None,
            attributes: None,
            created_at: second.and_then(|second| DateTime::from_timestamp(second, 0)),
        }
    }

    fn agent(name: &str) -> Details {
        Details {
            worker_name: Some(name.to_owned()),
            ..Details::default()
        }
    }

    fn roles(people: &[(&str, Option<i64>)]) -> Vec<Role> {
        roles_beside(people, &[])
    }

    fn roles_beside(people: &[(&str, Option<i64>)], others: &[Details]) -> Vec<Role> {
        let people: Vec<_> = people
            .iter()
            .zip(1..)
            .map(|((identity, second), number)| somebody(number, identity, *second))
            .collect();
        let speakers = Speakers::new(&agent("ada@example.com"), others);
        let cast = Cast::new(&people, &speakers);
        cast.by_sid.values().map(|one| one.role).collect()
    }

    const OWN: &str = "ada_40example_2Ecom";
    const COLLEAGUE: &str = "grace_40example_2Ecom";

    #[test]
    fn in_a_web_chat_only_who_began_it_is_the_customer() {
        use Role::{Agent, Customer, Unknown};

        let all = [
            (OWN, Some(10)),
            (COLLEAGUE, Some(20)),
            ("supervisor", Some(30)),
            ("visitor-1", Some(0)),
        ];
        assert_eq!(roles(&all), [Agent, Agent, Unknown, Customer]);
        // Times are cut to the second.
        assert_eq!(
            roles(&[(OWN, Some(0)), ("visitor-1", Some(0))]),
            [Agent, Customer]
        );
        assert_eq!(
            roles(&[(OWN, Some(10)), (COLLEAGUE, Some(0))]),
            [Agent, Customer]
        );
        // The customer has left, and the others came after the agent.
        assert_eq!(
            roles(&[(OWN, Some(10)), ("supervisor", Some(30))]),
            [Agent, Unknown]
        );
    }

    #[test]
    fn an_agent_of_another_leg_is_an_agent_of_whatever_domain_and_never_the_customer() {
        use Role::{Agent, Customer, Unknown};

        let others = [agent("hopper"), agent("grace@partner.example")];
        let all = [
            (OWN, Some(40)),
            ("hopper", Some(10)),
            ("grace_40partner_2Eexample", Some(20)),
            ("supervisor", Some(30)),
            ("visitor-1", Some(0)),
        ];
        assert_eq!(
            roles_beside(&all, &others),
            [Agent, Agent, Agent, Unknown, Customer]
        );
        // The customer has left: who came first of those who stayed is no customer for that.
        assert_eq!(
            roles_beside(&all[..4], &others),
            [Agent, Agent, Agent, Unknown]
        );
        let speakers = Speakers::new(&agent("ada@example.com"), &others);
        let name = name_of(Agent, Some("hopper"), &speakers);
        assert_eq!(name.as_deref(), Some("hopper"));
        assert_eq!(name_of(Customer, Some("hopper"), &speakers), None);
    }

    #[test]
    fn without_times_only_who_is_alone_beside_the_agents_is_the_customer() {
        use Role::{Agent, Customer, Unknown};

        assert_eq!(
            roles(&[(OWN, None), (COLLEAGUE, None), ("visitor-1", None)]),
            [Agent, Agent, Customer]
        );
        assert_eq!(
            roles(&[(OWN, None), ("supervisor", None), ("visitor-1", Some(0))]),
            [Agent, Unknown, Unknown]
        );
    }

    #[test]
    fn an_agents_chat_identity_is_known_in_the_form_that_flex_gives_it() {
        let own = Details {
            worker_full_name: Some("Ada Lovelace".to_owned()),
            worker_contact_uri: Some("client:ada_2E".to_owned()),
            ..agent("Ada.L@example.com")
        };
        let speakers = Speakers::new(&own, &[]);
        for identity in ["ada_2el_40example_2ecom", "Ada.L@example.com", "ADA_2E"] {
            assert!(speakers.agent(identity).is_some(), "{identity}");
        }
        assert!(speakers.agent("grace").is_none());
        assert_eq!(speakers.own.name.as_deref(), Some("Ada Lovelace"));
    }
}
