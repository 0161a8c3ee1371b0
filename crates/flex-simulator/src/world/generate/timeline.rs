//! When what happened in a contact, in milliseconds since its call began, before it is known when that was.

use super::recipe::{Gap, Party, Recipe, Recorded, Transfer};
use crate::scenario::{Scenario, Span};
use crate::world::dice::Dice;

/// The shortest talk, in milliseconds: what a task notes of a call takes half a second.
const SHORTEST_MS: u64 = 1_000;

/// One agent's part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) reserved: u64,
    pub(super) accepted: u64,
    pub(super) joined: u64,
    pub(super) left: u64,
    pub(super) wrapup: u64,
    pub(super) completed: u64,
}

/// The course of a contact.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    pub(super) task: u64,
    pub(super) customer_joined: u64,
    pub(super) conference: u64,
    pub(super) parts: Vec<Part>,
    /// When the customer was on hold, part by part; the last time may last until they hang up.
    pub(super) holds: Vec<Vec<Hold>>,
    /// The customer hangs up.
    pub(super) end: u64,
}

/// Once on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) from: u64,
    /// Nothing where the customer hung up.
    pub(super) to: Option<u64>,
}

impl Timeline {
    pub(super) fn of(recipe: &Recipe, scenario: &Scenario, dice: &mut Dice) -> Self {
        let task = dice.between(400, 900);
        let from_start = recipe.recorded.contains(&Recorded::CustomerCallFromStart);
        let queued = if from_start {
            dice.between(6_000, 9_000)
        } else {
            dice.between(1_500, 4_000)
        };
        let reserved = task + queued;
        let accepted = reserved + dice.between(1_200, 2_500);
        let first = accepted + dice.between(200, 400);
        // Over a second apart, so that the order can be told from times in whole seconds.
        let second = first + dice.between(1_300, 1_900);
        let (customer_joined, joined) = match recipe.first {
            Party::Customer => (first, second),
            Party::Agent => (second, first),
        };
        let conference = second;
        let mut length = || {
            dice.span(scenario.audio_ms)
                .max(recipe.least_ms)
                .max(SHORTEST_MS)
        };
        let (first_talk, second_talk) = (length(), length());
        let mut parts = vec![part(
            dice,
            scenario.wrap_up_ms,
            reserved,
            accepted,
            joined,
            conference + first_talk,
        )];
        let end = match recipe.transfer {
            Transfer::None => conference + first_talk,
            Transfer::Cold => {
                let left = parts[0].left;
                let accepted = left + dice.between(600, 900);
                let joined = accepted + 300;
                let end = joined + second_talk;
                parts.push(part(
                    dice,
                    scenario.wrap_up_ms,
                    left - 2_000,
                    accepted,
                    joined,
                    end,
                ));
                end
            }
            Transfer::Warm => {
                let accepted = parts[0].left - 2_000;
                let joined = accepted + 300;
                let end = joined + second_talk;
                parts.push(part(
                    dice,
                    scenario.wrap_up_ms,
                    accepted - 1_500,
                    accepted,
                    joined,
                    end,
                ));
                end
            }
        };
        let holds = holds(recipe, &parts, conference, dice);
        Self {
            task,
            customer_joined,
            conference,
            parts,
            holds,
            end,
        }
    }

    /// When the last agent was done.
    pub(super) fn completed(&self) -> u64 {
        self.parts
            .iter()
            .map(|part| part.completed)
            .max()
            .unwrap_or(self.end)
    }

    /// What a recording kept, one list of stretches for each recording that came of it.
    pub(super) fn kept(&self, recorded: Recorded, gap: Gap) -> Vec<Vec<std::ops::Range<u64>>> {
        let from = match recorded {
            Recorded::CustomerCallFromStart => 500,
            _ => self.conference + 60,
        };
        let half = from + (self.end - from) / 2;
        match gap {
            Gap::None => vec![vec![from..self.end]],
            Gap::Pause => vec![vec![from..from + 3_000, from + 9_000..self.end]],
            Gap::Silence => vec![vec![from + 5_500..self.end]],
            Gap::Stopped => vec![vec![from..half - 1_300], vec![half + 1_300..self.end]],
        }
    }

    /// When a recording that kept those stretches began and ended by the clock: trimmed silence counts as begun.
    pub(super) fn clock(&self, kept: &[std::ops::Range<u64>], gap: Gap) -> (u64, u64) {
        let start = kept.first().map_or(0, |stretch| stretch.start);
        let end = kept.last().map_or(self.end, |stretch| stretch.end);
        (
            if gap == Gap::Silence {
                start - 5_500
            } else {
                start
            },
            end,
        )
    }
}

/// How far from the beginning and the end of a part, and from other parts, nobody is put on hold, in milliseconds.
const HOLD_APART_MS: u64 = 700;
/// The shortest and the longest time on hold, in milliseconds.
const HOLD_MS: (u64, u64) = (1_000, 2_400);

/// When the customer is on hold: each time within the part of one agent alone.
fn holds(recipe: &Recipe, parts: &[Part], conference: u64, dice: &mut Dice) -> Vec<Vec<Hold>> {
    let mut holds = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let count = recipe.holds.get(index).copied().unwrap_or(0);
        let before = index
            .checked_sub(1)
            .map_or(0, |before| parts[before].wrapup);
        let after = parts.get(index + 1).map_or(part.left, |next| next.accepted);
        let from = part.joined.max(conference).max(before) + HOLD_APART_MS;
        let to = part.left.min(after).saturating_sub(HOLD_APART_MS).max(from);
        let slot = (to - from) / count.max(1);
        let mut of_part = Vec::new();
        for number in 0..count {
            let begins = from + number * slot;
            let longest = slot.saturating_sub(300).min(HOLD_MS.1);
            let length = dice.between(HOLD_MS.0.min(longest), longest);
            let begins = begins + dice.between(0, slot.saturating_sub(length + 250));
            let last = recipe.gives_up && index + 1 == parts.len() && number + 1 == count;
            of_part.push(Hold {
                from: begins,
                to: (!last).then_some(begins + length),
            });
        }
        holds.push(of_part);
    }
    holds
}

fn part(
    dice: &mut Dice,
    paperwork: Span,
    reserved: u64,
    accepted: u64,
    joined: u64,
    left: u64,
) -> Part {
    let wrapup = left + dice.between(150, 500);
    Part {
        reserved,
        accepted,
        joined,
        left,
        wrapup,
        completed: wrapup + dice.span(paperwork),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::kind::Kind;

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
                let mut held = timeline.holds.iter().flatten().peekable();
                while let Some(hold) = held.next() {
                    let to = hold.to.unwrap_or(timeline.end);
                    assert!(
                        hold.from + 900 < to && to <= timeline.end,
                        "{kind:?} {hold:?}"
                    );
                    assert!(held.peek().is_none_or(|next| to < next.from));
                }
                for kept in timeline.kept(recipe.recorded[0], recipe.gap) {
                    assert!(kept.iter().all(|stretch| stretch.start < stretch.end));
                    assert!(kept.is_sorted_by_key(|stretch| stretch.start));
                }
            }
        }
    }
}
