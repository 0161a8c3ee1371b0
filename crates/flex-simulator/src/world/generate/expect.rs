//! What a correct connector makes of a contact's legs.

use super::attributes::{Known, Stage};
use super::contact::Draft;
use super::recipe::{Party, Recorded, Transfer};
use super::timeline::Part;
use super::{Pile, metadata};
use crate::scenario::{NoMedia, UnknownAgent};
use crate::world::conversation::TaskChannel;
use crate::world::expected::{
    AudioPiece, Content, ExpectedAudio, ExpectedHold, ExpectedLeg, Outcome, ParkedFor,
};
use crate::world::keys::KeyName;
use crate::world::kind::Kind;
use crate::world::model::{Fate, Recording};
use crate::world::sound::SAMPLE_RATE;

/// How far whole recordings may be cut at their ends, at most.
const WHOLE_TOLERANCE_MS: u64 = 1_000;

pub(super) fn legs(
    draft: &Draft<'_>,
    pile: &mut Pile,
    known: &Known<'_>,
    recordings: &[(usize, Recording)],
    conversation: Option<&str>,
) {
    let house = draft.house;
    let attributes = known.at(Stage::WrappedUp);
    let chosen: Vec<&Recording> = recordings
        .iter()
        .filter(|(entry, _)| *entry == 0)
        .map(|(_, made)| made)
        .collect();
    for (index, part) in draft.timeline.parts.iter().enumerate() {
        let outcome = house.for_agent(outcome(draft), draft.agents[index]);
        let (metadata, metadata_absent) = metadata(house, &draft.reservations[index], &attributes);
        let heard = outcome == Outcome::Complete
            && matches!(draft.recipe.fate, Fate::Stored | Fate::LyingHeader);
        let worker = &house.workers[draft.agents[index]];
        pile.expected.push(ExpectedLeg {
            leg: draft.reservations[index].clone(),
            session: conversation.unwrap_or(&draft.task).to_owned(),
            task: draft.task.clone(),
            kind: draft.kind,
            sentence: draft.kind.sentence().to_owned(),
            outcome,
            worker: worker.sid.clone(),
            worker_name: worker.full_name.clone(),
            unassigned: !worker.known && house.scenario.unknown_agent == UnknownAgent::Unassigned,
            queue: house.queues[draft.queue].sid.clone(),
            queue_name: house.queues[draft.queue].name.clone(),
            direction: if draft.recipe.outbound {
                "outbound"
            } else {
                "inbound"
            }
            .to_owned(),
            customer: draft.customer.clone(),
            business: draft.business.clone(),
            accepted_at: draft.at(part.accepted),
            ended_at: draft.at(part.wrapup),
            metadata,
            metadata_absent,
            audio: heard.then(|| audio(draft, index, part, &chosen)),
            channel: TaskChannel::Voice.name().to_owned(),
            content: Content::Call,
            transcript: None,
            hold: Some(hold(draft, index)),
        });
    }
}

fn hold(draft: &Draft<'_>, index: usize) -> ExpectedHold {
    let times = &draft.timeline.holds[index];
    ExpectedHold {
        count: u32::try_from(times.len()).unwrap_or(u32::MAX),
        milliseconds: times
            .iter()
            .map(|hold| hold.to.unwrap_or(draft.timeline.end) - hold.from)
            .sum(),
    }
}

fn outcome(draft: &Draft<'_>) -> Outcome {
    let rule = || draft.house.exclusions[0].name.clone();
    match (draft.kind, draft.recipe.fate, draft.recipe.key) {
        (Kind::Excluded, ..) => Outcome::Excluded(rule()),
        (_, Fate::Absent(16_101 | 16_102), _) => match draft.house.scenario.no_media {
            NoMedia::MetadataOnly => Outcome::Complete,
            NoMedia::Park => Outcome::Parked(ParkedFor::NoMedia),
            NoMedia::Exclude => Outcome::Excluded("no-media".to_owned()),
        },
        (_, Fate::Absent(_), _) => Outcome::Parked(ParkedFor::RecordingNotStored),
        (_, Fate::Elsewhere, _) => Outcome::Parked(ParkedFor::StoredElsewhere),
        (_, _, Some(KeyName::Foreign)) => Outcome::Parked(ParkedFor::MissingKey),
        (_, Fate::Tampered, Some(_)) => Outcome::Parked(ParkedFor::NotAuthentic),
        _ => Outcome::Complete,
    }
}

/// The leg's stretch of the chosen recordings.
fn audio(draft: &Draft<'_>, index: usize, part: &Part, chosen: &[&Recording]) -> ExpectedAudio {
    let last = index + 1 == draft.timeline.parts.len();
    let transfer = draft.recipe.transfer != Transfer::None;
    // In a warm transfer both agents talk to the customer for a while: each one's leg has the other's words on it.
    let cold = draft.recipe.transfer == Transfer::Cold;
    let neighbour = |index: Option<usize>| {
        index
            .filter(|_| cold)
            .and_then(|index| draft.timeline.parts.get(index))
    };
    let (before, after) = (neighbour(index.checked_sub(1)), neighbour(Some(index + 1)));
    let queued = draft.recipe.recorded[0] == Recorded::CustomerCallFromStart;
    let pieces = chosen
        .iter()
        .map(|recording| {
            let length = recording.sound.millis();
            let within = |millis: u64| {
                let offset = (draft.voice(millis) - recording.start).num_milliseconds();
                u64::try_from(offset).unwrap_or(0).min(length)
            };
            AudioPiece {
                recording: recording.sid.clone(),
                start_ms: if index > 0 || queued {
                    within(part.accepted)
                } else {
                    0
                },
                end_ms: if transfer && !last {
                    within(part.wrapup)
                } else {
                    length
                },
                recording_ms: length,
                not_before_ms: before.map_or(0, |other| within(other.left)),
                not_after_ms: after.map_or(length, |other| within(other.joined)),
            }
        })
        .collect();
    let tolerance = draft.house.scenario.span_tolerance_ms;
    let channels = chosen.first().map_or(1, |recording| recording.channels());
    let agent_first = match draft.recipe.recorded[0] {
        Recorded::Conference(_) => draft.recipe.first == Party::Agent,
        Recorded::WorkerCall => true,
        Recorded::CustomerCall | Recorded::CustomerCallFromStart => false,
    };
    ExpectedAudio {
        pieces,
        tolerance_ms: if transfer || queued {
            tolerance
        } else {
            tolerance.min(WHOLE_TOLERANCE_MS)
        },
        channels,
        swapped_at_source: channels > 1 && agent_first,
        sample_rate: SAMPLE_RATE,
    }
}
