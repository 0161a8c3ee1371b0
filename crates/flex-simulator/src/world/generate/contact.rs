//! One contact: its task, its reservations, its calls, its conference and its recordings.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::attributes::{Known, Stage, lookup};
use super::events::Telling;
use super::people::EXCLUDED_QUEUE;
use super::recipe::{Gap, Naming, Party, Recipe, Recorded, Transfer};
use super::timeline::{Part, Timeline};
use super::{House, Pile, seconds};
use crate::scenario::NoMedia;
use crate::world::dice::Dice;
use crate::world::expected::{AudioPiece, ExpectedAudio, ExpectedLeg, Outcome, ParkedFor};
use crate::world::keys::KeyName;
use crate::world::kind::Kind;
use crate::world::model::{
    Call, Conference, Event, Fate, Locked, Participant, Recording, Reservation, Task, TaskVersion,
};
use crate::world::sound::{SAMPLE_RATE, Sound, Voice, frames};
use crate::world::{metadata_key, ms};

/// How far whole recordings may be cut at their ends, at most.
const WHOLE_TOLERANCE_MS: u64 = 1_000;
/// Length of the content key and IV that recordings of one audio share come from this stream.
const SHARED: u64 = u64::MAX - 1;

/// What is known of a contact while it is made.
struct Draft<'a> {
    house: &'a House<'a>,
    kind: Kind,
    variant: u32,
    recipe: Recipe,
    timeline: Timeline,
    /// The instant of the timeline's zero, by `TaskRouter`'s clock.
    origin: DateTime<Utc>,
    /// How much the voice platform's clock is ahead.
    skew: i64,
    queue: usize,
    agents: Vec<usize>,
    task: String,
    reservations: Vec<String>,
    customer: String,
    business: String,
    customer_call: String,
    worker_calls: Vec<String>,
    conference: String,
}

impl Draft<'_> {
    /// An instant by `TaskRouter`'s clock.
    fn at(&self, millis: u64) -> DateTime<Utc> {
        self.origin + ms(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// An instant by the voice platform's clock.
    fn voice(&self, millis: u64) -> DateTime<Utc> {
        self.at(millis) + ms(self.skew)
    }
}

/// Makes a contact of the kind given; a live one ends after the start.
pub(super) fn make(
    house: &House<'_>,
    pile: &mut Pile,
    dice: &mut Dice,
    kind: Kind,
    variant: u32,
    live: bool,
) {
    let scenario = house.scenario;
    let mut recipe = Recipe::of(kind, variant);
    if !scenario.encryption {
        recipe.key = None;
    }
    let timeline = Timeline::of(&recipe, scenario, dice);
    let lifetime = dice.span(seconds(scenario.task_lifetime_seconds));
    let ended_ago = dice.span(seconds(scenario.ended_seconds_ago));
    let live_after = dice.millis(scenario.live_ms.min, scenario.live_ms.max);
    let ended = match kind {
        _ if live => live_after,
        Kind::VanishedTask => -i64::try_from(ended_ago.max(lifetime + 5_000)).unwrap_or(i64::MAX),
        _ => -i64::try_from(ended_ago).unwrap_or(i64::MAX),
    };
    let lasted = i64::try_from(timeline.completed()).unwrap_or(0);
    let skew = dice.millis(0, 2 * scenario.voice_skew_ms)
        - i64::try_from(scenario.voice_skew_ms).unwrap_or(0);
    let first = dice.index(house.workers.len());
    let second = (first + 1 + dice.index(house.workers.len() - 1)) % house.workers.len();
    let draft = Draft {
        house,
        kind,
        variant,
        recipe,
        origin: house.start + ms(ended - lasted),
        skew,
        queue: if kind == Kind::Excluded {
            EXCLUDED_QUEUE
        } else {
            dice.index(EXCLUDED_QUEUE)
        },
        agents: [first, second][..timeline.parts.len()].to_vec(),
        task: dice.sid("WT"),
        reservations: timeline.parts.iter().map(|_| dice.sid("WR")).collect(),
        customer: dice.phone(),
        business: "+12065550100".to_owned(),
        customer_call: dice.sid("CA"),
        worker_calls: timeline.parts.iter().map(|_| dice.sid("CA")).collect(),
        conference: dice.sid("CF"),
        timeline,
    };

    let recordings = recordings(&draft, dice);
    let named: Vec<(String, i64)> = recordings
        .iter()
        .map(|(_, recording)| (recording.sid.clone(), recording.start.timestamp_millis()))
        .collect();
    let conversation = (variant % 4 == 1).then(|| dice.sid("WT"));
    let account_number = format!("ACCT-{}", dice.hex(12));
    let customer_name = format!("Customer {}", dice.hex(10));
    let notes = format!("note-{}", dice.hex(16));
    pile.markers
        .extend([account_number.clone(), customer_name.clone(), notes.clone()]);
    let known = Known {
        account: &house.identity.account,
        outbound: recipe.outbound,
        naming: recipe.naming,
        customer: &draft.customer,
        business: &draft.business,
        customer_call: &draft.customer_call,
        worker_call: &draft.worker_calls[0],
        conference: &draft.conference,
        conversation: conversation.as_deref(),
        account_number: (kind != Kind::MissingMappedAttribute).then_some(account_number.as_str()),
        customer_name: &customer_name,
        notes: &notes,
        segment: ["gold", "silver", "bronze"][dice.index(3)],
        outcome: ["Resolved", "Callback promised", "Escalated"][dice.index(3)],
        recordings: &named,
        reservation: &draft.reservations[0],
        iso_start: variant.is_multiple_of(2),
    };

    expect(&draft, pile, &known, &recordings, conversation.as_deref());
    task(&draft, pile, dice, &known, lifetime);
    calls(&draft, pile, dice);
    pile.recordings
        .extend(recordings.into_iter().map(|(_, recording)| recording));
}

/// The recordings, each with the entry of the recipe it came of.
fn recordings(draft: &Draft<'_>, dice: &mut Dice) -> Vec<(usize, Recording)> {
    let scenario = draft.house.scenario;
    let mut made = Vec::new();
    for (entry, recorded) in draft.recipe.recorded.iter().enumerate() {
        for kept in draft.timeline.kept(*recorded, draft.recipe.gap) {
            let (start, stop) = draft.timeline.clock(&kept, draft.recipe.gap);
            let sound = sound(draft, dice, *recorded, &kept);
            let (start, stop) = (draft.voice(start), draft.voice(stop));
            let late = draft.kind == Kind::LateRecording;
            let completed_at = if late {
                draft.house.start
                    + ms(dice.millis(
                        scenario.late_recording_ms.min,
                        scenario.late_recording_ms.max,
                    ))
            } else {
                stop + ms(dice.millis(700, 2_500))
            };
            let number = dice.number();
            made.push((
                entry,
                Recording {
                    sid: dice.sid("RE"),
                    call: match recorded {
                        Recorded::WorkerCall => draft.worker_calls[0].clone(),
                        _ => draft.customer_call.clone(),
                    },
                    conference: matches!(recorded, Recorded::Conference(_))
                        .then(|| draft.conference.clone()),
                    source: if matches!(recorded, Recorded::Conference(_)) {
                        "Conference"
                    } else {
                        "StartCallRecordingAPI"
                    },
                    locked: draft.recipe.key.map(|key| lock(draft, dice, key)),
                    sound,
                    fate: draft.recipe.fate,
                    start,
                    stop,
                    completed_at,
                    media_at: completed_at
                        + ms(dice.millis(scenario.media_lag_ms.min, scenario.media_lag_ms.max)),
                    redirect: scenario.redirect_every > 0
                        && number.is_multiple_of(u64::from(scenario.redirect_every)),
                },
            ));
        }
    }
    made
}

fn lock(draft: &Draft<'_>, dice: &mut Dice, key: KeyName) -> Locked {
    let own = (dice.bytes(), dice.bytes());
    let (content_key, iv) = if draft.house.scenario.shared_audio {
        let mut shared = Dice::new(0, SHARED);
        (shared.bytes(), shared.bytes())
    } else {
        own
    };
    Locked {
        key,
        content_key,
        iv,
        spelling: draft.recipe.spelling,
        wrapped: OnceLock::new(),
    }
}

/// What a recording holds: who is heard on which channel.
fn sound(draft: &Draft<'_>, dice: &mut Dice, recorded: Recorded, kept: &[Range<u64>]) -> Sound {
    let seed = dice.number();
    let timeline = &draft.timeline;
    let voice = |hertz: u64, from: u64, to: u64| Voice {
        hertz: u32::try_from(hertz).unwrap_or(440),
        heard: frames(from)..frames(to),
    };
    if draft.house.scenario.shared_audio {
        let length = kept.iter().map(|stretch| stretch.end - stretch.start).sum();
        let tones: &[u64] = if recorded == Recorded::Conference(1) {
            &[350]
        } else {
            &[350, 610]
        };
        return Sound {
            seed: 1,
            channels: tones
                .iter()
                .map(|hertz| vec![voice(*hertz, 0, length)])
                .collect(),
            kept: std::iter::once(0..frames(length)).collect(),
        };
    }
    // A tone of their own for each: the contact's number keeps callers apart, the worker's keeps agents apart.
    let customer = voice(300 + u64::from(draft.variant) % 300, 0, timeline.end);
    let music = voice(1_500, 0, timeline.conference);
    let agents: Vec<Voice> = timeline
        .parts
        .iter()
        .zip(&draft.agents)
        .map(|(part, agent)| voice(700 + (*agent as u64 % 250) * 3, part.joined, part.left))
        .collect();
    let others = || {
        agents
            .iter()
            .cloned()
            .chain([music.clone()])
            .collect::<Vec<_>>()
    };
    let channels = match (recorded, draft.recipe.first) {
        (Recorded::Conference(1), _) => {
            vec![agents.iter().cloned().chain([customer.clone()]).collect()]
        }
        (Recorded::Conference(_), Party::Customer) => vec![vec![customer.clone()], agents.clone()],
        (Recorded::Conference(_), Party::Agent) | (Recorded::WorkerCall, _) => {
            vec![agents.clone(), vec![customer.clone()]]
        }
        (Recorded::CustomerCall | Recorded::CustomerCallFromStart, _) => {
            vec![vec![customer.clone()], others()]
        }
    };
    Sound {
        seed,
        channels,
        kept: kept
            .iter()
            .map(|stretch| frames(stretch.start)..frames(stretch.end))
            .collect(),
    }
}

fn expect(
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
        let outcome = outcome(draft);
        let mut metadata = BTreeMap::from([(
            house.leg_key_field.clone(),
            draft.reservations[index].clone(),
        )]);
        let mut metadata_absent = Vec::new();
        for mapping in &house.scenario.mappings {
            let key = metadata_key(&mapping.label);
            match lookup(&attributes, &mapping.attribute) {
                Some(Value::String(text)) => {
                    metadata.insert(key, text.clone());
                }
                None => metadata_absent.push(key),
                Some(_) => {}
            }
        }
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
        });
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

/// The task as it went on, and the events that tell it.
fn task(draft: &Draft<'_>, pile: &mut Pile, dice: &mut Dice, known: &Known<'_>, lifetime: u64) {
    let timeline = &draft.timeline;
    let first = timeline.parts[0];
    let last = timeline.parts[timeline.parts.len() - 1];
    let turned_down = draft.variant % 4 == 3;
    let course = [
        (timeline.task, "pending", Stage::Created),
        (first.reserved, "reserved", Stage::Created),
        (first.accepted, "assigned", Stage::Created),
        (first.accepted + 150, "assigned", Stage::Connected),
        (timeline.conference + 500, "assigned", Stage::Recorded),
        (last.wrapup, "wrapping", Stage::Recorded),
        (last.wrapup + 300, "wrapping", Stage::WrappedUp),
        (last.completed, "completed", Stage::WrappedUp),
    ];
    let versions: Vec<TaskVersion> = course
        .iter()
        .zip(0..)
        .map(|((at, status, stage), version)| TaskVersion {
            at: draft.at(*at),
            version,
            status,
            attributes: known.at(*stage).to_string(),
        })
        .collect();

    let mut reservations: Vec<Reservation> = Vec::new();
    if turned_down {
        let worker = (draft.agents[0] + 1) % draft.house.workers.len();
        reservations.push(Reservation {
            sid: dice.sid("WR"),
            worker,
            statuses: vec![
                (draft.at(timeline.task + 200), "pending"),
                (
                    draft.at(timeline.task + 1_100),
                    if draft.variant.is_multiple_of(8) {
                        "timeout"
                    } else {
                        "rejected"
                    },
                ),
            ],
        });
    }
    for (index, part) in timeline.parts.iter().enumerate() {
        reservations.push(Reservation {
            sid: draft.reservations[index].clone(),
            worker: draft.agents[index],
            statuses: vec![
                (draft.at(part.reserved), "pending"),
                (draft.at(part.accepted), "accepted"),
                (draft.at(part.wrapup), "wrapping"),
                (draft.at(part.completed), "completed"),
            ],
        });
    }

    tell(draft, pile, dice, &versions, &reservations);
    pile.tasks.push(Task {
        sid: draft.task.clone(),
        queue: draft.queue,
        versions,
        gone_at: draft.at(timeline.completed() + lifetime),
        reason: Some("resolved".to_owned()),
        reservations,
    });
}

fn tell(
    draft: &Draft<'_>,
    pile: &mut Pile,
    dice: &mut Dice,
    versions: &[TaskVersion],
    reservations: &[Reservation],
) {
    let telling = Telling {
        house: draft.house,
        task: &draft.task,
        queue: draft.queue,
        created: versions[0].at,
    };
    let version_at = |at: DateTime<Utc>| {
        versions
            .iter()
            .rev()
            .find(|version| version.at <= at)
            .unwrap_or(&versions[0])
    };
    let timeline = &draft.timeline;
    let mut told: Vec<Event> = Vec::new();
    for (event_type, after) in [
        ("task.created", 0),
        ("workflow.entered", 12),
        ("workflow.target-matched", 20),
        ("task-queue.entered", 25),
    ] {
        told.push(telling.task(
            dice,
            event_type,
            versions[0].at + ms(after),
            &versions[0],
            &[],
        ));
    }
    for version in &versions[3..] {
        let event_type = match version.status {
            "assigned" => "task.updated",
            "wrapping" if version.version == 5 => "task.wrapup",
            "wrapping" => "task.updated",
            _ => "task.completed",
        };
        let reason = if event_type == "task.completed" {
            vec![("task_completed_reason", "resolved".to_owned())]
        } else {
            Vec::new()
        };
        // The task's own end is told just after its reservation's.
        let at = version.at
            + ms(if event_type == "task.completed" {
                40
            } else {
                0
            });
        told.push(telling.task(dice, event_type, at, version, &reason));
    }
    for reservation in reservations {
        for (at, status) in &reservation.statuses {
            let event_type = match *status {
                "pending" => "reservation.created",
                "accepted" => "reservation.accepted",
                "wrapping" => "reservation.wrapup",
                "rejected" => "reservation.rejected",
                "timeout" => "reservation.timeout",
                _ => "reservation.completed",
            };
            told.push(telling.reservation(dice, event_type, *at, version_at(*at), reservation));
        }
    }
    if draft.recipe.transfer != Transfer::None {
        let transfer = dice.sid("TT");
        let more = |status: &str| {
            vec![
                ("task_transfer_sid", transfer.clone()),
                (
                    "transfer_mode",
                    if draft.recipe.transfer == Transfer::Cold {
                        "COLD"
                    } else {
                        "WARM"
                    }
                    .to_owned(),
                ),
                ("transfer_type", "WORKER".to_owned()),
                (
                    "transfer_to",
                    draft.house.workers[draft.agents[1]].sid.clone(),
                ),
                ("transfer_status", status.to_owned()),
                (
                    "transfer_initiating_reservation_sid",
                    draft.reservations[0].clone(),
                ),
                (
                    "transfer_initiating_worker_sid",
                    draft.house.workers[draft.agents[0]].sid.clone(),
                ),
            ]
        };
        let second = timeline.parts[1];
        for (event_type, at, status) in [
            (
                "task.transfer-initiated",
                second.reserved - 100,
                "initiated",
            ),
            ("task.transfer-completed", second.accepted + 80, "complete"),
        ] {
            let at = draft.at(at);
            told.push(telling.task(dice, event_type, at, version_at(at), &more(status)));
        }
    }
    pile.events.extend(told);
}

/// The calls and the conference.
fn calls(draft: &Draft<'_>, pile: &mut Pile, dice: &mut Dice) {
    let timeline = &draft.timeline;
    let outbound = draft.recipe.outbound;
    let (from, to) = if outbound {
        (&draft.business, &draft.customer)
    } else {
        (&draft.customer, &draft.business)
    };
    let direction = if outbound { "outbound-api" } else { "inbound" };
    let end = draft.voice(timeline.end);
    pile.calls.push(Call {
        sid: draft.customer_call.clone(),
        parent: None,
        direction,
        from: from.clone(),
        to: to.clone(),
        start: draft.voice(if outbound {
            timeline.parts[0].accepted
        } else {
            0
        }),
        end,
    });
    let labelled = draft.variant.is_multiple_of(2);
    let mut participants = vec![Participant {
        sid: dice.sid("CP"),
        call: draft.customer_call.clone(),
        label: labelled.then_some("customer"),
        direction: if outbound { "outbound" } else { "inbound" },
        call_type: "carrier",
        from: from.clone(),
        to: to.clone(),
        join: draft.voice(timeline.customer_joined),
        leave: end,
    }];
    for ((part, call), agent) in timeline
        .parts
        .iter()
        .zip(&draft.worker_calls)
        .zip(&draft.agents)
    {
        let to = format!("client:{}", draft.house.workers[*agent].identity);
        let from = if outbound {
            draft.business.clone()
        } else {
            draft.customer.clone()
        };
        pile.calls.push(Call {
            sid: call.clone(),
            parent: None,
            direction: "outbound-api",
            from: from.clone(),
            to: to.clone(),
            start: draft.voice(part.accepted + 100),
            end: draft.voice(part.left),
        });
        participants.push(Participant {
            sid: dice.sid("CP"),
            call: call.clone(),
            label: labelled.then_some("worker"),
            direction: "outbound",
            call_type: "client",
            from,
            to,
            join: draft.voice(part.joined),
            leave: draft.voice(part.left),
        });
    }
    participants.sort_by_key(|participant| participant.join);
    pile.conferences.push(Conference {
        sid: draft.conference.clone(),
        friendly_name: draft.task.clone(),
        start: participants[0].join,
        end,
        participants,
    });
}

/// A caller who gives up in the queue: a task, offered and turned down, and no leg.
pub(super) fn abandon(house: &House<'_>, pile: &mut Pile, dice: &mut Dice) {
    let ended_ago = dice.span(seconds(house.scenario.ended_seconds_ago));
    let canceled = house.start - ms(i64::try_from(ended_ago).unwrap_or(0));
    let created = canceled - ms(dice.millis(5_000, 20_000));
    let (task, call, customer) = (dice.sid("WT"), dice.sid("CA"), dice.phone());
    let notes = format!("note-{}", dice.hex(16));
    let customer_name = format!("Customer {}", dice.hex(10));
    let known = Known {
        account: &house.identity.account,
        outbound: false,
        naming: Naming::Nothing,
        customer: &customer,
        business: "+12065550100",
        customer_call: &call,
        worker_call: "",
        conference: "",
        conversation: None,
        account_number: None,
        customer_name: &customer_name,
        notes: &notes,
        segment: "bronze",
        outcome: "",
        recordings: &[],
        reservation: "",
        iso_start: false,
    };
    let attributes = known.at(Stage::Created).to_string();
    let version = |at, version, status| TaskVersion {
        at,
        version,
        status,
        attributes: attributes.clone(),
    };
    let versions = vec![
        version(created, 0, "pending"),
        version(canceled, 1, "canceled"),
    ];
    let reservation = Reservation {
        sid: dice.sid("WR"),
        worker: dice.index(house.workers.len()),
        statuses: vec![
            (created + ms(700), "pending"),
            (created + ms(2_500), "rejected"),
        ],
    };
    let queue = dice.index(EXCLUDED_QUEUE);
    let telling = Telling {
        house,
        task: &task,
        queue,
        created,
    };
    let gave_up = [("task_canceled_reason", "hangup".to_owned())];
    let told = [
        telling.task(dice, "task.created", created, &versions[0], &[]),
        telling.task(
            dice,
            "task-queue.entered",
            created + ms(20),
            &versions[0],
            &[],
        ),
        telling.reservation(
            dice,
            "reservation.created",
            created + ms(700),
            &versions[0],
            &reservation,
        ),
        telling.reservation(
            dice,
            "reservation.rejected",
            created + ms(2_500),
            &versions[0],
            &reservation,
        ),
        telling.task(dice, "task.canceled", canceled, &versions[1], &gave_up),
    ];
    pile.events.extend(told);
    pile.calls.push(Call {
        sid: call.clone(),
        parent: None,
        direction: "inbound",
        from: customer.clone(),
        to: "+12065550100".to_owned(),
        start: created - ms(500),
        end: canceled,
    });
    pile.markers.extend([notes.clone(), customer_name.clone()]);
    pile.tasks.push(Task {
        sid: task.clone(),
        queue,
        versions,
        gone_at: canceled
            + ms(
                i64::try_from(dice.span(seconds(house.scenario.task_lifetime_seconds)))
                    .unwrap_or(0),
            ),
        reason: Some("hangup".to_owned()),
        reservations: vec![reservation],
    });
}

/// The parts of a stopped and started recording never overlap, and a stop leaves no leg out of it.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn the_parts_of_a_stopped_recording_do_not_overlap() {
        let recipe = Recipe::of(Kind::StopAndStart, 0);
        assert_eq!(recipe.gap, Gap::Stopped);
        for seed in 0..50 {
            let timeline = Timeline::of(&recipe, &Scenario::default(), &mut Dice::new(seed, 1));
            let kept = timeline.kept(recipe.recorded[0], recipe.gap);
            assert_eq!(kept.len(), 2);
            assert!(kept[0][0].end < kept[1][0].start);
        }
    }

    #[test]
    fn every_course_of_a_contact_goes_forward() {
        for kind in Kind::DEMO {
            let recipe = Recipe::of(kind, 0);
            for seed in 0..50 {
                let timeline = Timeline::of(&recipe, &Scenario::default(), &mut Dice::new(seed, 2));
                for part in &timeline.parts {
                    let course = [
                        part.reserved,
                        part.accepted,
                        part.joined,
                        part.left,
                        part.wrapup,
                        part.completed,
                    ];
                    assert!(course.is_sorted(), "{kind:?} {course:?}");
                }
                for kept in timeline.kept(recipe.recorded[0], recipe.gap) {
                    assert!(kept.iter().all(|stretch| stretch.start < stretch.end));
                    assert!(kept.is_sorted_by_key(|stretch| stretch.start));
                }
            }
        }
    }
}
