//! A digital contact: a conversation, the interaction that leads agents to it, their tasks, and what is to come of each leg.

mod attributes;
mod course;
mod expect;
mod recipe;
mod script;
mod timeline;

use chrono::{DateTime, Utc};

use super::{House, Pile, metadata, seconds};
use crate::scenario::UnknownAgent;
use crate::world::conversation::{
    Attachment, Conversation, Interaction, Keeper, Member, Message, Seat,
};
use crate::world::dice::Dice;
use crate::world::expected::{Content, ExpectedLeg, ExpectedTranscript, Outcome};
use crate::world::kind::Kind;
use crate::world::ms;
use attributes::Known;
use recipe::{Agents, Medium, Naming, Recipe, Twist};
use timeline::{Speaker, Timeline};

/// How long before the start a leg must have begun so that a connector can know of it whenever it looks.
const FORESEEN_MS: i64 = 2_000;

/// What is known of a digital contact while it is made.
struct Chat<'a> {
    house: &'a House<'a>,
    kind: Kind,
    recipe: Recipe,
    timeline: Timeline,
    /// The instant of the timeline's zero.
    origin: DateTime<Utc>,
    queue: usize,
    /// One for each leg, as the three after it.
    agents: Vec<usize>,
    tasks: Vec<String>,
    reservations: Vec<String>,
    invites: Vec<String>,
    customer: String,
    business: String,
    conversation: String,
    /// SIDs of interaction and channel: of all legs, or one for each.
    interactions: Vec<(String, String)>,
}

impl Chat<'_> {
    fn at(&self, millis: u64) -> DateTime<Utc> {
        self.origin + ms(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    fn is_legacy(&self) -> bool {
        self.recipe.keeper == Keeper::ProgrammableChat
    }

    /// Whether a connector may come to the leg before this one without a chance to know of this one.
    fn is_unforeseen(&self, leg: usize) -> bool {
        let joined = self.at(self.timeline.parts[leg].accepted);
        let apart = Agents::Later {
            same_interaction: false,
        };
        self.recipe.agents == apart || joined > self.house.start - ms(FORESEEN_MS)
    }

    fn interaction(&self, leg: usize) -> Option<&(String, String)> {
        let last = self.interactions.len().checked_sub(1)?;
        self.interactions.get(leg.min(last))
    }
}

/// Makes a digital contact of the kind given; a live one ends after the start.
pub(super) fn make(
    house: &House<'_>,
    pile: &mut Pile,
    dice: &mut Dice,
    kind: Kind,
    variant: u32,
    live: bool,
) {
    let scenario = house.scenario;
    let recipe = Recipe::of(kind);
    let timeline = Timeline::of(&recipe, scenario, dice);
    let lifetime = dice.span(seconds(scenario.task_lifetime_seconds));
    let ended_ago = dice.span(seconds(scenario.ended_seconds_ago));
    let live_after = dice.millis(scenario.live_ms.min, scenario.live_ms.max);
    let ended = if live {
        live_after
    } else {
        -i64::try_from(ended_ago).unwrap_or(i64::MAX)
    };
    let lasted = i64::try_from(timeline.completed()).unwrap_or(0);
    let first = dice.index(house.workers.len());
    let second = (first + 1 + dice.index(house.workers.len() - 1)) % house.workers.len();
    let count = timeline.parts.len();
    let (customer, business) = addresses(recipe.medium, dice);
    let interactions = match (recipe.keeper, recipe.agents) {
        (Keeper::ProgrammableChat, _) => 0,
        (_, Agents::Later { same_interaction }) if !same_interaction => count,
        _ => 1,
    };
    let chat = Chat {
        house,
        kind,
        recipe,
        origin: house.start + ms(ended - lasted),
        queue: dice.index(super::people::EXCLUDED_QUEUE),
        agents: [first, second][..count].to_vec(),
        tasks: (0..count).map(|_| dice.sid("WT")).collect(),
        reservations: (0..count).map(|_| dice.sid("WR")).collect(),
        invites: (0..count).map(|_| dice.sid("KG")).collect(),
        customer,
        business,
        conversation: dice.sid("CH"),
        interactions: (0..interactions)
            .map(|_| (dice.sid("KD"), dice.sid("UO")))
            .collect(),
        timeline,
    };
    let conversation = conversation(&chat, pile, dice);
    let transcripts = expect::transcripts(&chat, &conversation.messages);
    legs(&chat, pile, dice, variant, lifetime, transcripts);
    if recipe.naming != Naming::Nothing {
        pile.conversations.push(conversation);
    }
    let made = interactions_of(&chat, dice);
    pile.interactions.extend(made);
}

/// The customer's address and the contact centre's.
fn addresses(medium: Medium, dice: &mut Dice) -> (String, String) {
    let (phone, own) = (dice.phone(), "+12065550100");
    match medium {
        Medium::Web => (format!("visitor-{}", dice.hex(12)), "website".to_owned()),
        Medium::Sms => (phone, own.to_owned()),
        Medium::WhatsApp => (format!("whatsapp:{phone}"), format!("whatsapp:{own}")),
    }
}

/// The tasks, and what is to come of each leg.
fn legs(
    chat: &Chat<'_>,
    pile: &mut Pile,
    dice: &mut Dice,
    variant: u32,
    lifetime: u64,
    transcripts: Vec<ExpectedTranscript>,
) {
    let house = chat.house;
    let together = matches!(chat.recipe.agents, Agents::Transfer | Agents::Overlapping);
    // As the interaction, or not at all: then the first task's SID stands for it.
    let named = (variant.is_multiple_of(2) || chat.recipe.agents == Agents::Overlapping)
        .then(|| chat.interaction(0).map(|(sid, _)| sid.as_str()))
        .flatten()
        .filter(|_| !matches!(chat.recipe.agents, Agents::Later { .. }));
    let customer_name = format!("Customer {}", dice.hex(10));
    let segment = ["gold", "silver", "bronze"][dice.index(3)];
    pile.markers.push(customer_name.clone());
    for (leg, transcript) in transcripts.into_iter().enumerate() {
        let account_number = format!("ACCT-{}", dice.hex(12));
        let notes = format!("note-{}", dice.hex(16));
        pile.markers.extend([account_number.clone(), notes.clone()]);
        let follows = leg > 0 && together;
        let conversation_id = named.or(follows.then_some(chat.tasks[0].as_str()));
        let known = Known {
            outbound: chat.recipe.outbound,
            naming: chat.recipe.naming,
            medium: chat.recipe.medium.name(),
            customer: &chat.customer,
            business: (chat.recipe.medium != Medium::Web).then_some(chat.business.as_str()),
            conversation: &chat.conversation,
            interaction: chat
                .interaction(leg)
                .map(|(sid, channel)| (sid.as_str(), channel.as_str(), chat.invites[leg].as_str())),
            conversation_id,
            previous_task: follows.then_some(chat.tasks[0].as_str()),
            account_number: &account_number,
            customer_name: &customer_name,
            notes: &notes,
            segment,
            outcome: ["Resolved", "Callback promised", "Escalated"][dice.index(3)],
        };
        let (early, late) = (known.attributes(false), known.attributes(true));
        let (metadata, metadata_absent) = metadata(house, &chat.reservations[leg], &late);
        let worker = &house.workers[chat.agents[leg]];
        let part = chat.timeline.parts[leg];
        let outcome = house.for_agent(expect::outcome(chat.kind), chat.agents[leg]);
        pile.expected.push(ExpectedLeg {
            leg: chat.reservations[leg].clone(),
            session: conversation_id.unwrap_or(&chat.tasks[leg]).to_owned(),
            task: chat.tasks[leg].clone(),
            kind: chat.kind,
            sentence: chat.kind.sentence().to_owned(),
            transcript: (outcome == Outcome::Complete).then_some(transcript),
            outcome,
            worker: worker.sid.clone(),
            worker_name: worker.full_name.clone(),
            unassigned: !worker.known && house.scenario.unknown_agent == UnknownAgent::Unassigned,
            queue: house.queues[chat.queue].sid.clone(),
            queue_name: house.queues[chat.queue].name.clone(),
            direction: if chat.recipe.outbound {
                "outbound"
            } else {
                "inbound"
            }
            .to_owned(),
            customer: chat.customer.clone(),
            business: chat.business.clone(),
            accepted_at: chat.at(part.accepted),
            ended_at: chat.at(part.wrapup),
            metadata,
            metadata_absent,
            audio: None,
            channel: chat.recipe.medium.channel().name().to_owned(),
            content: Content::Text,
            hold: None,
        });
        course::task(chat, pile, dice, leg, [&early, &late], lifetime);
    }
}

/// The conversation with its messages. Words that were deleted are nowhere.
fn conversation(chat: &Chat<'_>, pile: &mut Pile, dice: &mut Dice) -> Conversation {
    let recipe = &chat.recipe;
    let customer = dice.sid("MB");
    let agents: Vec<String> = chat.agents.iter().map(|_| dice.sid("MB")).collect();
    let mut messages = Vec::new();
    for (turn, (line, index)) in chat.timeline.lines.iter().zip(0_u64..).enumerate() {
        let (words, marker) = script::words(recipe.script, line.by, turn, dice);
        let sid = dice.sid("IM");
        let file = (recipe.files && turn % 3 == 1 && line.by != Speaker::System)
            .then(|| attachment(turn, dice));
        if recipe.twist == Twist::MessagesDeleted && turn % 4 == 2 {
            continue;
        }
        let (author, member) = match line.by {
            Speaker::Customer => (chat.customer.clone(), Some(customer.clone())),
            Speaker::Agent(part) => (
                chat.house.workers[chat.agents[part]].identity.clone(),
                Some(agents[part].clone()),
            ),
            Speaker::System => ("system".to_owned(), None),
        };
        // Some files come with words, some without.
        let body = (file.is_none() || turn % 2 == 0).then_some(words);
        if body.is_some()
            && recipe.twist != Twist::ConversationGone
            && recipe.naming != Naming::Nothing
        {
            pile.markers.push(marker);
        }
        messages.push(Message {
            sid,
            index,
            at: chat.at(line.at),
            author,
            member,
            body,
            attachment: file,
        });
    }
    let last = chat.at(chat.timeline.end().max(chat.timeline.completed()));
    Conversation {
        sid: chat.conversation.clone(),
        keeper: recipe.keeper,
        created: chat.at(0) - ms(500),
        closed: last + ms(500),
        gone: recipe.twist == Twist::ConversationGone,
        messages,
        members: members(chat, customer, agents),
    }
}

fn members(chat: &Chat<'_>, customer: String, agents: Vec<String>) -> Vec<Member> {
    let writes = Member {
        sid: customer,
        identity: (chat.recipe.medium == Medium::Web).then(|| chat.customer.clone()),
        binding: match chat.recipe.medium {
            Medium::Web => None,
            Medium::Sms => Some(("sms", chat.customer.clone(), chat.business.clone())),
            Medium::WhatsApp => Some(("whatsapp", chat.customer.clone(), chat.business.clone())),
        },
        join: chat.at(0) - ms(500),
        leave: None,
    };
    let answer = agents.into_iter().enumerate().map(|(leg, sid)| {
        let part = &chat.timeline.parts[leg];
        Member {
            sid,
            identity: Some(chat.house.workers[chat.agents[leg]].identity.clone()),
            binding: None,
            join: chat.at(part.accepted),
            leave: Some(chat.at(part.completed)),
        }
    });
    std::iter::once(writes).chain(answer).collect()
}

fn attachment(turn: usize, dice: &mut Dice) -> Attachment {
    let (content_type, filename) = [
        ("image/png", "screenshot.png"),
        ("application/pdf", "Rechnung März 2026.pdf"),
        ("image/jpeg", "\u{202e}gpj.exe"),
    ][turn / 3 % 3];
    Attachment {
        sid: dice.sid("ME"),
        content_type,
        filename: filename.to_owned(),
        size: dice.index(60_000) + 2_000,
    }
}

/// What leads the customer to the agents.
fn interactions_of(chat: &Chat<'_>, dice: &mut Dice) -> Vec<Interaction> {
    let made = chat.interactions.iter().enumerate();
    made.map(|(number, (sid, channel))| {
        let legs: Vec<usize> = (0..chat.agents.len())
            .filter(|leg| chat.interaction(*leg).is_some_and(|(its, _)| its == sid))
            .collect();
        let begins = if number == 0 {
            chat.at(0)
        } else {
            chat.at(chat.timeline.parts[number].task) - ms(200)
        };
        let ends = legs.iter().map(|leg| chat.timeline.parts[*leg].completed);
        Interaction {
            sid: sid.clone(),
            channel: channel.clone(),
            medium: chat.recipe.medium.name(),
            created: begins,
            closed: chat.at(ends.max().unwrap_or(0)),
            customer: dice.sid("UT"),
            seats: legs
                .iter()
                .map(|leg| Seat {
                    sid: dice.sid("UT"),
                    invite: chat.invites[*leg].clone(),
                    task: chat.tasks[*leg].clone(),
                    reservation: chat.reservations[*leg].clone(),
                    worker: chat.agents[*leg],
                    invited: chat.at(chat.timeline.parts[*leg].task),
                    joined: chat.at(chat.timeline.parts[*leg].accepted),
                })
                .collect(),
        }
    })
    .collect()
}
