//! The life of a contact as a pure function: [`decide`] takes what is known of a contact, what just happened and the time,
//! and says what is to be done next. It does no I/O and reads no clock; the runner ([`Worker`](crate::Worker)) does both.
//!
//! One effect at a time: the runner carries it out, and what became of it is the next [`Event`]. A contact's turn ends with
//! [`Effect::Rest`] or [`Effect::End`].

pub mod account;
pub mod agents;
mod attributes;
mod capture;
pub mod confirmed;
mod conversation;
pub mod deletion;
mod deliver;
mod exclusion;
mod facts;
mod hold;
mod link;
mod rules;
mod screen;
mod select;
mod span;
mod story;
mod window;

use chrono::{DateTime, Duration, Utc};
use contact_model::{CcrId, Contact, Delivered, Details, ParkReason, Stage, StageName};
use twilio_sid::TaskSid;

pub use attributes::{LegAttributes, NamedMedia};
pub use exclusion::by_product;
pub use facts::{
    AgentKnown, Answer, CallFacts, ConferenceFacts, ConferenceSeen, ConversationFacts, Encryption,
    Evidence, FoundContact, FoundState, HoldSighting, HoldSpan, InteractionAgent, Occupants,
    ParticipantFacts, Question, RecordingFacts, RecordingState, SeenBy,
};
pub use rules::Rules;
pub(crate) use rules::{after, span};
pub use screen::{ScreenMessage, ScreenVerb, Screens};
pub use story::{ReservationStory, TaskStory};
pub use window::{NextWindow, Window, ended_in, next_window, pushed_leg};

/// What is known of a contact while it has its turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// The leg and its stage, as the ledger has them.
    pub contact: Contact,
    /// The customer's data, as the ledger has it.
    pub details: Details,
    /// How many failures in a row the present step has had, for reasons that may pass.
    pub failures: u32,
    evidence: Evidence,
    searched: bool,
    prepared: Option<Delivered>,
    beside: Option<CcrId>,
    /// Calabrio does not know the agent: the contact goes without one.
    pub unassigned: bool,
    /// What keeps it from going on, for people.
    pub waits_for: Option<String>,
}

impl Work {
    /// A contact at the beginning of its turn.
    pub fn new(contact: Contact, details: Details, failures: u32) -> Self {
        Self {
            contact,
            details,
            failures,
            evidence: Evidence::default(),
            searched: false,
            prepared: None,
            beside: None,
            unassigned: false,
            waits_for: None,
        }
    }

    /// The attributes as they hold for this leg.
    pub fn attributes(&self) -> LegAttributes {
        LegAttributes::of_leg(
            self.details.attributes.as_ref(),
            self.contact.leg.id.reservation(),
        )
    }
}

/// What just happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The contact's time has come.
    Woken,
    /// Twilio answered.
    Answered(Question, Answer),
    /// What was to be saved is saved.
    Saved,
    /// The recordings are in the spool, verified.
    Prepared(Delivered),
    /// The upload came to an end.
    Sent(Sent),
    /// Calabrio was searched for the leg key.
    Found(Vec<FoundContact>),
    /// The metadata of the contact was updated.
    MetadataUpdated,
    /// The step failed.
    Failed(Trouble),
}

/// What became of an attempt to upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Calabrio answered that it took the contact.
    Accepted {
        /// The id that the answer held, if any.
        ccr: Option<CcrId>,
    },
    /// Calabrio refused it, so that it is certain that nothing was made of it.
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// It is certain that Calabrio never saw it.
    NotSent,
    /// Neither is certain.
    InDoubt,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// For a reason that may pass.
    Passing {
        /// The step, in a word or two.
        step: &'static str,
    },
    /// For want of something that others hold at the moment: room in the spool, credentials that were refused. It does
    /// not count against the contact.
    Held {
        /// What it waits for and what a person can do about it; `None` where the process is stopping.
        waits_for: Option<&'static str>,
    },
    /// For a reason that wants a person.
    Park(ParkReason),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask Twilio.
    Ask(Question),
    /// Bring the recordings of [`Contact::stage`] into the spool and verify them.
    Prepare,
    /// Commit contact and details, then go on.
    Save,
    /// Send what was prepared.
    Upload,
    /// Search Calabrio for the leg key.
    Search,
    /// Write the mapped metadata to this contact.
    UpdateMetadata(CcrId),
    /// Commit contact, details and tries; take the contact up again at this time.
    Rest(DateTime<Utc>),
    /// Commit contact and details; nothing is left to be done.
    End,
}

/// Says what is to be done next.
pub fn decide(work: &mut Work, event: Event, now: DateTime<Utc>, rules: &Rules) -> Effect {
    let (stage, failures) = (work.contact.stage.name(), work.failures);
    let is_held = matches!(event, Event::Failed(Trouble::Held { .. }));
    work.waits_for = None;
    let effect = react(work, event, now, rules);
    // Failures count until the contact has come further, or has come to rest for another reason. While it is in doubt
    // it has not: what it rests for is the failure.
    let in_doubt = matches!(&work.contact.stage, Stage::Linked(stage) if stage.in_doubt);
    let rests_well =
        matches!(effect, Effect::Rest(_)) && !is_held && !in_doubt && work.failures <= failures;
    let came_further = work.contact.stage.name() > stage;
    if rests_well || came_further || matches!(effect, Effect::End) {
        work.failures = 0;
    }
    effect
}

fn react(work: &mut Work, event: Event, now: DateTime<Utc>, rules: &Rules) -> Effect {
    match event {
        Event::Woken => {
            work.evidence = Evidence::default();
            work.searched = false;
            work.prepared = None;
            work.beside = None;
        }
        Event::Answered(question, answer) => work.evidence.insert(question, answer),
        Event::Saved => {}
        Event::Prepared(delivered) => work.prepared = Some(delivered),
        Event::Sent(sent) => return deliver::sent(work, sent, now, rules),
        Event::Found(found) => return deliver::found(work, &found, now, rules),
        Event::MetadataUpdated => return deliver::refreshed(work, now, rules),
        Event::Failed(trouble) => return failed(work, trouble, now, rules),
    }
    advance(work, now, rules)
}

fn advance(work: &mut Work, now: DateTime<Utc>, rules: &Rules) -> Effect {
    match work.contact.stage.name() {
        StageName::Discovered => discovered(work, now, rules),
        StageName::Captured => captured(work, now, rules),
        StageName::Linked => deliver::linked(work, now, rules),
        StageName::Uploaded | StageName::Processing => Effect::Search,
        StageName::Complete => deliver::complete(work, now, rules),
        StageName::Failed | StageName::Parked | StageName::Excluded => Effect::End,
    }
}

fn discovered(work: &mut Work, now: DateTime<Utc>, rules: &Rules) -> Effect {
    let Stage::Discovered(stage) = work.contact.stage.clone() else {
        return Effect::End;
    };
    let channel_known = |work: &Work| !work.contact.leg.channel.as_str().is_empty();
    if channel_known(work)
        && let Some(rule) = by_product(&work.contact.leg.channel, rules)
    {
        work.contact.stage = Stage::Excluded(stage.exclude(rule, now));
        return Effect::End;
    }
    let story = match read_story(work) {
        Ok(Some(story)) => story,
        Ok(None) => return park(work, ParkReason::EventsGone, now),
        Err(question) => return Effect::Ask(question),
    };
    match capture::capture(&mut work.contact.leg, &mut work.details, &story, now, rules) {
        capture::Captured::Wait(until) => Effect::Rest(until),
        capture::Captured::Park(reason) => park(work, reason, now),
        // No event tells its channel, so nobody knows whether it is to be carried.
        capture::Captured::Now(_) if !channel_known(work) => {
            park(work, ParkReason::EventsGone, now)
        }
        capture::Captured::Now(capture) => {
            let attributes = work.attributes();
            let leg = &work.contact.leg;
            let product = by_product(&leg.channel, rules);
            let rule =
                product.or_else(|| exclusion::by_rule(leg, &work.details, &attributes, rules));
            if let Some(rule) = rule {
                work.contact.stage = Stage::Excluded(stage.exclude(rule, now));
                return Effect::End;
            }
            work.contact.stage = Stage::Captured(stage.capture(capture, now));
            Effect::Save
        }
    }
}

/// The events of the contact's task; `None` where Twilio no longer tells them.
fn read_story(work: &Work) -> Result<Option<TaskStory>, Question> {
    let task: TaskSid = work.contact.leg.task;
    Ok(match work.evidence.get(Question::TaskEvents(task))? {
        Answer::Events(events) => Some(TaskStory::read(task, events)),
        _ => None,
    })
}

fn captured(work: &mut Work, now: DateTime<Utc>, rules: &Rules) -> Effect {
    let Stage::Captured(stage) = work.contact.stage.clone() else {
        return Effect::End;
    };
    let attributes = work.attributes();
    let (leg, evidence) = (&work.contact.leg, &work.evidence);
    let linked = if leg.channel.is_voice() {
        link::link(leg, &attributes, evidence, stage.at, now, rules)
    } else {
        conversation::link(leg, &attributes, evidence)
    };
    let looks_for_hold = leg.channel.is_voice() && rules.wants_hold;
    let hold = match &linked {
        Ok(link::Link::Media(_)) if looks_for_hold => {
            match hold::of_leg(leg, &attributes, evidence) {
                Ok(hold) => Some(hold),
                Err(question) => return Effect::Ask(question),
            }
        }
        _ => None,
    };
    match linked {
        Err(question) => Effect::Ask(question),
        Ok(link::Link::Wait(until)) => Effect::Rest(until),
        // A ledger that was lost may have carried it while its source was there.
        Ok(link::Link::Park(_)) if !work.searched => Effect::Search,
        Ok(link::Link::Park(reason)) => park(work, reason, now),
        Ok(link::Link::Exclude) => {
            work.contact.stage = Stage::Excluded(stage.exclude(NO_MEDIA_RULE, now));
            Effect::End
        }
        Ok(link::Link::Media(media)) => {
            work.contact.leg.hold = hold;
            work.contact.stage = Stage::Linked(stage.link(media, now));
            // What was asked is not needed any more, and a transfer takes long.
            work.evidence = Evidence::default();
            Effect::Save
        }
    }
}

/// The name under which contacts are shown that `no_media = "exclude"` leaves out.
pub const NO_MEDIA_RULE: &str = "no-media";

fn park(work: &mut Work, reason: ParkReason, now: DateTime<Utc>) -> Effect {
    // A contact at its end stays there.
    if let Ok(parked) = work.contact.stage.clone().park(reason, now) {
        work.contact.stage = Stage::Parked(parked);
    }
    Effect::End
}

fn failed(work: &mut Work, trouble: Trouble, now: DateTime<Utc>, rules: &Rules) -> Effect {
    match trouble {
        // The contact itself is whole; what failed was bringing later attributes to it.
        Trouble::Park(_) if work.contact.stage.name() == StageName::Complete => {
            deliver::give_up_refreshing(work)
        }
        Trouble::Park(reason) => park(work, reason, now),
        Trouble::Held { waits_for } => {
            work.waits_for = waits_for.map(str::to_owned);
            Effect::Rest(now + spread(work, HELD))
        }
        Trouble::Passing { step } => {
            work.failures = work.failures.saturating_add(1);
            work.waits_for = Some(format!("{step} to work; it failed {} times", work.failures));
            if work.failures >= rules.max_failures {
                if work.contact.stage.name() == StageName::Complete {
                    return deliver::give_up_refreshing(work);
                }
                return park(
                    work,
                    ParkReason::StepFailed {
                        step: step.to_owned(),
                    },
                    now,
                );
            }
            Effect::Rest(now + backoff(work, rules))
        }
    }
}

/// How long a contact waits that cannot go on for reasons of others.
const HELD: Duration = Duration::seconds(30);

/// The longest wait between two tries of a step.
const LONGEST_BACKOFF: Duration = Duration::minutes(15);

/// Doubles with each failure, and is spread by the leg's own id, so that an outage does not end in a rush.
fn backoff(work: &Work, rules: &Rules) -> Duration {
    let first = span(
        rules
            .timing
            .search_interval
            .min(rules.timing.recording_interval),
    );
    let doubled = first * 2_i32.pow(work.failures.saturating_sub(1).min(16));
    spread(work, doubled.min(LONGEST_BACKOFF))
}

/// From half of it to all of it, by the leg's own id.
fn spread(work: &Work, pause: Duration) -> Duration {
    let digits = work.contact.leg.id.as_str().as_bytes().iter().rev().take(4);
    let dice = digits.fold(0_i32, |sum, digit| (sum * 31 + i32::from(*digit)) % 1000);
    pause / 2 + pause / 2 * dice / 1000
}

#[cfg(test)]
mod tests;
