//! What was recorded of a contact: by whom, when, with whom on which channel, and under which key.

use std::ops::Range;
use std::sync::OnceLock;

use super::contact::Draft;
use super::recipe::{Party, Recorded};
use crate::world::dice::Dice;
use crate::world::keys::KeyName;
use crate::world::kind::Kind;
use crate::world::model::{Locked, Recording};
use crate::world::ms;
use crate::world::sound::{Sound, Voice, frames};

/// Content key and IV that recordings of one audio share come from this stream.
const SHARED: u64 = u64::MAX - 1;

/// The recordings, each with the entry of the recipe it came of.
pub(super) fn recordings(draft: &Draft<'_>, dice: &mut Dice) -> Vec<(usize, Recording)> {
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
                    task: Some(draft.task.clone()),
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
                    locked: draft
                        .recipe
                        .key
                        .map(|key| lock(draft, dice, key, sound.frames())),
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

fn lock(draft: &Draft<'_>, dice: &mut Dice, key: KeyName, length: u64) -> Locked {
    let own = (dice.bytes(), dice.bytes());
    let (content_key, iv) = if draft.house.scenario.shared_audio {
        // Of the audio's length, since no key may see two texts under one IV.
        let mut shared = Dice::new(length, SHARED);
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
