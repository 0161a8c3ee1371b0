//! Finding a leg's media: the first source that yields stored media wins.

use chrono::{DateTime, Duration, Utc};
use connector_config::{ChannelOrder, NoMedia, RecordingScope, SpanUncertain};
use contact_model::{Leg, LegMedia, Mark, MediaPiece, ParkReason, Span};
use twilio_sid::ReservationSid;

use super::attributes::{LegAttributes, NamedMedia};
use super::facts::{Encryption, Evidence, Question, RecordingFacts, RecordingState};
use super::rules::{Rules, after, span};
use super::select::select;
use super::span::{Clock, Cut, Period, cut, lies_within};
use super::story::TaskStory;

/// What finding the media came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// This is it; perhaps nothing, where the configuration sends such contacts as metadata alone.
    Media(LegMedia),
    /// It is not there yet: look again at this time.
    Wait(DateTime<Utc>),
    /// There is none, and the configuration leaves such contacts out.
    Exclude,
    /// A person must look.
    Park(ParkReason),
}

/// Where recordings may be found, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    OwnMedia,
    ConversationMedia,
    SegmentLink,
    Conference,
    ConferenceByName,
    CustomerCall,
    WorkerCall,
}

const SOURCES: [Source; 7] = [
    Source::OwnMedia,
    Source::ConversationMedia,
    Source::SegmentLink,
    Source::Conference,
    Source::ConferenceByName,
    Source::CustomerCall,
    Source::WorkerCall,
];

/// One recording that a source named, with what the source says of its channels.
#[derive(Debug, Clone, Copy)]
struct Candidate<'a> {
    facts: &'a RecordingFacts,
    customer_first: Option<bool>,
}

struct Linking<'a> {
    leg: &'a Leg,
    attributes: &'a LegAttributes,
    evidence: &'a Evidence,
    story: TaskStory,
    rules: &'a Rules,
    period: Option<Period>,
    looking_since: DateTime<Utc>,
}

/// Finds the media of `leg`, or says what must be asked of Twilio first. `looking_since` is when it was first looked for.
pub(super) fn link(
    leg: &Leg,
    attributes: &LegAttributes,
    evidence: &Evidence,
    looking_since: DateTime<Utc>,
    now: DateTime<Utc>,
    rules: &Rules,
) -> Result<Link, Question> {
    let story = TaskStory::read(leg.task, evidence.task_events(leg.task)?);
    let period = leg
        .times
        .accepted
        .zip(leg.times.media_ended())
        .filter(|(from, to)| from <= to)
        .map(|(from, to)| Period { from, to });
    let linking = Linking {
        leg,
        attributes,
        evidence,
        story,
        rules,
        period,
        looking_since,
    };
    linking.run(now)
}

impl<'a> Linking<'a> {
    fn run(&self, now: DateTime<Utc>) -> Result<Link, Question> {
        let waits_until = after(
            self.leg.times.media_ended().unwrap_or(now),
            self.rules.timing.recording_wait,
        );
        let mut troubled: Vec<&RecordingFacts> = Vec::new();
        let mut was_empty = false;
        for source in SOURCES {
            let candidates = self.candidates(source)?;
            let state = |wanted: RecordingState| {
                candidates
                    .iter()
                    .copied()
                    .filter(|candidate| candidate.facts.state == wanted)
                    .collect::<Vec<_>>()
            };
            // A recording that is still on its way decides nothing: what is taken must not depend on who was faster.
            if !state(RecordingState::Pending).is_empty() && now < waits_until {
                return Ok(Link::Wait(self.look_again(now, waits_until)));
            }
            let here = candidates.iter().map(|candidate| candidate.facts);
            troubled.extend(here.filter(|facts| trouble_with(facts).is_some()));
            let stored = state(RecordingState::Stored);
            if !stored.is_empty() {
                return self.media(&stored, &troubled);
            }
            was_empty |= !state(RecordingState::Empty).is_empty();
        }
        if let Some(reason) = troubled.first().and_then(|facts| trouble_with(facts)) {
            return Ok(Link::Park(reason));
        }
        if !was_empty && now < waits_until {
            return Ok(Link::Wait(self.look_again(now, waits_until)));
        }
        Ok(match self.rules.media.no_media {
            NoMedia::MetadataOnly => Link::Media(LegMedia::None),
            NoMedia::Park => Link::Park(ParkReason::NoMedia),
            NoMedia::Exclude => Link::Exclude,
        })
    }

    /// A recording that is late is looked for less and less often: at the interval first, later at an eighth of the time
    /// that has passed since the first look, and at least every hour.
    fn look_again(&self, now: DateTime<Utc>, waits_until: DateTime<Utc>) -> DateTime<Utc> {
        let interval = span(self.rules.timing.recording_interval);
        let pause = ((now - self.looking_since) / 8)
            .min(Duration::hours(1))
            .max(interval);
        now.checked_add_signed(pause)
            .unwrap_or(waits_until)
            .min(waits_until)
    }

    fn candidates(&self, source: Source) -> Result<Vec<Candidate<'a>>, Question> {
        match source {
            Source::OwnMedia => self.named(&self.attributes.own_media(), false),
            Source::ConversationMedia => self.named(&self.attributes.conversation_media(), true),
            Source::SegmentLink => self.named(self.attributes.segment_link().as_slice(), true),
            Source::Conference => {
                let conference = self.attributes.conference();
                self.listed(conference.map(Question::ConferenceRecordings))
            }
            Source::ConferenceByName => {
                let mut found = Vec::new();
                for conference in self.evidence.conferences_named(self.leg.task)? {
                    if Some(conference.sid) != self.attributes.conference() {
                        found.extend(
                            self.listed(Some(Question::ConferenceRecordings(conference.sid)))?,
                        );
                    }
                }
                Ok(found)
            }
            Source::CustomerCall => self.listed(
                self.attributes
                    .customer_call()
                    .map(Question::CallRecordings),
            ),
            Source::WorkerCall => {
                self.listed(self.attributes.worker_call().map(Question::CallRecordings))
            }
        }
    }

    /// Recordings that the attributes name. Those that belong to the whole task count for this leg only if they cover
    /// some of its time.
    fn named(&self, media: &[NamedMedia], shared: bool) -> Result<Vec<Candidate<'a>>, Question> {
        let mut found = Vec::new();
        for named in media {
            let answer = self
                .evidence
                .recordings(Question::Recording(named.recording))?;
            found.extend(
                answer
                    .iter()
                    .filter(|facts| !shared || self.may_cover(facts))
                    .map(|facts| Candidate {
                        facts,
                        customer_first: named.customer_first,
                    }),
            );
        }
        Ok(found)
    }

    fn listed(&self, question: Option<Question>) -> Result<Vec<Candidate<'a>>, Question> {
        let Some(question) = question else {
            return Ok(Vec::new());
        };
        let answer = self.evidence.recordings(question)?;
        Ok(answer
            .iter()
            .filter(|facts| self.may_cover(facts))
            .map(|facts| Candidate {
                facts,
                customer_first: None,
            })
            .collect())
    }

    /// Whether a recording has some of the leg's time on it; `true` where its time or the leg's is not known.
    fn may_cover(&self, facts: &RecordingFacts) -> bool {
        let (Some(period), Some(clock)) = (self.period, clock(facts)) else {
            return true;
        };
        // What is not stored yet has no length yet, and silence may have been cut out of what is: the start alone can
        // tell that a recording is too late, never that it is too early, unless its length says so with room to spare.
        let too_late = clock.start >= period.to;
        let too_early = facts.state == RecordingState::Stored
            && facts.seconds.is_some()
            && !period.overlaps(
                clock.start,
                clock.start + clock.length + Duration::seconds(60),
                Duration::zero(),
            );
        !too_late && !too_early
    }

    /// `troubled` are recordings of the leg that cannot be had. Where none of those that can covers their time, some of the
    /// leg's audio is missing, and a person must know.
    fn media(
        &self,
        stored: &[Candidate<'a>],
        troubled: &[&RecordingFacts],
    ) -> Result<Link, Question> {
        let facts: Vec<_> = stored.iter().map(|candidate| candidate.facts).collect();
        let selection = select(&facts);
        let is_covered = |missing: &RecordingFacts| {
            let Some(start) = missing.start else {
                return false;
            };
            selection
                .taken
                .iter()
                .filter_map(|facts| clock(facts))
                .any(|clock| {
                    let slack = Duration::seconds(2);
                    clock.start - slack <= start && start <= clock.start + clock.length + slack
                })
        };
        let missing = troubled.iter().find(|facts| !is_covered(facts));
        if let Some(reason) = missing.and_then(|facts| trouble_with(facts)) {
            return Ok(Link::Park(reason));
        }
        let mut marks = Vec::new();
        let mut pieces = Vec::new();
        for facts in selection.taken {
            match facts.encryption {
                Encryption::Unusable => {
                    return Ok(Link::Park(ParkReason::EncryptionDetails {
                        recording: facts.sid,
                    }));
                }
                Encryption::Key(key) if !self.rules.keys.contains(&key) => {
                    return Ok(Link::Park(ParkReason::MissingKey { key }));
                }
                Encryption::Key(_) | Encryption::None => {}
            }
            let span = match self.part(facts)? {
                Cut::Whole => None,
                Cut::Part(part) => Some(part),
                Cut::Uncertain if self.rules.media.span_uncertain == SpanUncertain::Park => {
                    return Ok(Link::Park(ParkReason::SpanUncertain {
                        recording: facts.sid,
                    }));
                }
                Cut::Uncertain => {
                    marks.push(Mark::SpanUncertain);
                    None
                }
            };
            let hint = stored
                .iter()
                .find(|candidate| candidate.facts.sid == facts.sid)
                .and_then(|candidate| candidate.customer_first);
            let swap = self.swap(facts, hint, &mut marks)?;
            pieces.push(piece(facts, span, swap));
        }
        marks.sort_unstable();
        marks.dedup();
        Ok(Link::Media(LegMedia::Recordings {
            pieces,
            superseded: selection.superseded,
            marks,
        }))
    }

    fn part(&self, facts: &RecordingFacts) -> Result<Cut, Question> {
        if self.rules.media.recording_scope == RecordingScope::Recording {
            return Ok(Cut::Whole);
        }
        let margin = span(self.rules.media.span_margin);
        let (Some(period), Some(clock)) = (self.period, clock(facts)) else {
            return Ok(Cut::Uncertain);
        };
        let others = self.other_legs(period);
        let shared = others
            .iter()
            .any(|other| other.overlaps(clock.start, clock.start + clock.length, margin));
        if !shared && lies_within(period, clock, margin) {
            return Ok(Cut::Whole);
        }
        let period = self.on_the_line(facts, period)?;
        let wall_end = match (facts.conference, facts.call) {
            (Some(conference), _) => self.evidence.conference_end(conference)?,
            (None, Some(call)) => self.evidence.call_end(call)?,
            (None, None) => None,
        };
        Ok(cut(period, clock, wall_end, &others, margin))
    }

    /// The leg's time, narrowed to the agent's own presence in the conference where that is known.
    fn on_the_line(&self, facts: &RecordingFacts, period: Period) -> Result<Period, Question> {
        let Some(conference) = facts.conference else {
            return Ok(period);
        };
        let Some(participants) = self.evidence.participants(conference)? else {
            return Ok(period);
        };
        let Some(contact) = self
            .story
            .reservations
            .get(&self.leg.id.reservation())
            .and_then(|known| known.worker_attribute("contact_uri"))
        else {
            return Ok(period);
        };
        let mine = participants
            .iter()
            .filter(|participant| participant.client.as_deref() == Some(contact.as_str()));
        let within = mine
            .filter_map(|participant| participant.joined.zip(participant.left))
            .filter(|(joined, left)| period.overlaps(*joined, *left, Duration::zero()));
        let presence = within.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        Ok(presence.map_or(period, |(joined, left)| Period {
            from: period.from.max(joined),
            to: period.to.min(left),
        }))
    }

    /// The other legs of the task. Those that lie side by side with this one are what a cut must not touch.
    fn other_legs(&self, own: Period) -> Vec<Period> {
        let this: ReservationSid = self.leg.id.reservation();
        self.story
            .reservations
            .iter()
            .filter(|(sid, known)| **sid != this && known.was_accepted)
            .filter_map(|(sid, known)| {
                let to = self
                    .story
                    .times(*sid)
                    .media_ended()
                    .unwrap_or(own.to.max(known.accepted?));
                known.accepted.map(|from| Period { from, to })
            })
            .collect()
    }

    /// Whether the channels must change places so that the customer is left.
    fn swap(
        &self,
        facts: &RecordingFacts,
        hint: Option<bool>,
        marks: &mut Vec<Mark>,
    ) -> Result<bool, Question> {
        if facts.channels < 2 {
            marks.push(Mark::Mono);
            return Ok(false);
        }
        let customer_first = match self.rules.media.channel_order {
            ChannelOrder::CustomerFirst => Some(true),
            ChannelOrder::AgentFirst => Some(false),
            ChannelOrder::Auto => match (hint, facts.conference) {
                (Some(hint), _) => Some(hint),
                (None, Some(_)) => self.customer_joined_first(facts)?,
                (None, None) => self.customer_was_recorded(facts),
            },
        };
        if customer_first.is_none() {
            marks.push(Mark::ChannelsUndecided);
        }
        Ok(customer_first == Some(false))
    }

    /// A call's recording has the recorded call on its first channel.
    fn customer_was_recorded(&self, facts: &RecordingFacts) -> Option<bool> {
        let call = facts.call?;
        if Some(call) == self.attributes.customer_call() {
            Some(true)
        } else if Some(call) == self.attributes.worker_call() {
            Some(false)
        } else {
            None
        }
    }

    /// A conference's recording has whoever joined first on its first channel, everybody else on the second.
    fn customer_joined_first(&self, facts: &RecordingFacts) -> Result<Option<bool>, Question> {
        let Some(conference) = facts.conference else {
            return Ok(None);
        };
        let Some(participants) = self.evidence.participants(conference)? else {
            return Ok(None);
        };
        let mut timed: Vec<_> = participants
            .iter()
            .filter(|participant| participant.joined.is_some())
            .collect();
        if timed.len() != participants.len() {
            return Ok(None);
        }
        timed.sort_by_key(|participant| participant.joined);
        let first = match timed.as_slice() {
            [first, second, ..] if first.joined == second.joined => return Ok(None),
            [first, ..] => first,
            [] => return Ok(None),
        };
        if first.call.is_some() && first.call == self.attributes.customer_call() {
            return Ok(Some(true));
        }
        Ok(first.client.is_some().then_some(false))
    }
}

fn clock(facts: &RecordingFacts) -> Option<Clock> {
    let length = Duration::try_seconds(i64::try_from(facts.seconds.unwrap_or(0)).ok()?)?;
    Some(Clock {
        start: facts.start?,
        length,
    })
}

fn piece(facts: &RecordingFacts, span: Option<Span>, swap: bool) -> MediaPiece {
    let encrypted = match facts.encryption {
        Encryption::Key(key) => Some(key),
        Encryption::None | Encryption::Unusable => None,
    };
    MediaPiece {
        recording: facts.sid,
        span,
        channels: facts.channels,
        swap,
        encrypted,
    }
}

fn trouble_with(facts: &RecordingFacts) -> Option<ParkReason> {
    let recording = facts.sid;
    match facts.state {
        RecordingState::NotStored { code } => {
            Some(ParkReason::RecordingNotStored { recording, code })
        }
        RecordingState::Elsewhere => Some(ParkReason::StoredElsewhere { recording }),
        RecordingState::Deleted => Some(ParkReason::DeletedAtSource { recording }),
        // It was waited for, and is still not there.
        RecordingState::Pending => Some(ParkReason::RecordingNotStored {
            recording,
            code: None,
        }),
        RecordingState::Stored | RecordingState::Empty => None,
    }
}
