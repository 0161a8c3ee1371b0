//! When what happened in a conversation, in milliseconds since the customer's first word, before it is known when that was.

use super::recipe::{Agents, Recipe, Script, Twist};
use crate::scenario::Scenario;
use crate::world::dice::Dice;

/// How long after an acceptance or a wrap-up the next message is written at the earliest: messages tell their time in whole seconds only, and
/// on which side of such an instant they lie must be beyond doubt.
const APART_MS: u64 = 1_100;

/// One agent's part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// The part's own task is made.
    pub(super) task: u64,
    pub(super) reserved: u64,
    pub(super) accepted: u64,
    pub(super) wrapup: u64,
    pub(super) completed: u64,
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    Customer,
    /// The agent of that part.
    Agent(usize),
    System,
}

/// Something that is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) at: u64,
    pub(super) by: Speaker,
}

/// The course of a conversation.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    /// In the order in which they were accepted.
    pub(super) parts: Vec<Part>,
    /// In time order.
    pub(super) lines: Vec<Line>,
}

impl Timeline {
    pub(super) fn of(recipe: &Recipe, scenario: &Scenario, dice: &mut Dice) -> Self {
        let mut timeline = Self {
            parts: Vec::new(),
            lines: Vec::new(),
        };
        let first = timeline.opened(0, recipe, dice);
        match recipe.agents {
            Agents::One => {
                let last = timeline.talk(0, first, recipe, scenario, dice);
                timeline.closed(0, last, 300, recipe, scenario, dice);
            }
            Agents::Transfer => {
                let last = timeline.talk(0, first, recipe, scenario, dice);
                let left = timeline.closed(0, last, APART_MS, recipe, scenario, dice);
                let accepted = left + dice.between(3_000, 4_000);
                timeline.parts.push(Part {
                    task: left - 1_500,
                    reserved: left - 900,
                    accepted,
                    wrapup: accepted,
                    completed: accepted,
                });
                timeline.joins(1, recipe);
                let last = timeline.talk(1, accepted, recipe, scenario, dice);
                timeline.closed(1, last, 300, recipe, scenario, dice);
            }
            Agents::Overlapping => {
                let half = timeline.talk(0, first, recipe, scenario, dice);
                let accepted = half + 600;
                timeline.parts.push(Part {
                    task: half - 1_200,
                    reserved: half - 700,
                    accepted,
                    wrapup: accepted,
                    completed: accepted,
                });
                timeline.joins(1, recipe);
                let both = timeline.talk(1, accepted, recipe, scenario, dice);
                // The first agent is still there, and says goodbye.
                timeline.say(both + 700, Speaker::Agent(0), recipe);
                let left = both + 1_000;
                timeline.parts[0].wrapup = left;
                timeline.parts[0].completed = left + dice.span(scenario.wrap_up_ms);
                let last = timeline.talk(1, left, recipe, scenario, dice);
                timeline.closed(1, last, 300, recipe, scenario, dice);
            }
            Agents::Later { .. } => {
                let last = timeline.talk(0, first, recipe, scenario, dice);
                timeline.closed(0, last, APART_MS, recipe, scenario, dice);
                let gap = dice.span(super::seconds(scenario.conversation_gap_seconds));
                let again = timeline.parts[0].completed + APART_MS + gap;
                let accepted = timeline.opened(again, recipe, dice);
                let last = timeline.talk(1, accepted, recipe, scenario, dice);
                timeline.closed(1, last, 300, recipe, scenario, dice);
            }
        }
        timeline.lines.sort_by_key(|line| line.at);
        timeline
    }

    /// When the last agent was done.
    pub(super) fn completed(&self) -> u64 {
        self.parts
            .iter()
            .map(|part| part.completed)
            .max()
            .unwrap_or(0)
    }

    /// When nobody wrote any more and every agent was gone.
    pub(super) fn end(&self) -> u64 {
        let last = self.lines.last().map_or(0, |line| line.at);
        let left = self.parts.iter().map(|part| part.wrapup).max();
        last.max(left.unwrap_or(0))
    }

    fn say(&mut self, at: u64, by: Speaker, recipe: &Recipe) {
        if recipe.script != Script::Empty
            && (recipe.twist == Twist::SystemWrites || by != Speaker::System)
        {
            self.lines.push(Line { at, by });
        }
    }

    /// The customer writes (or is written to), and is offered to an agent, who accepts: when.
    fn opened(&mut self, from: u64, recipe: &Recipe, dice: &mut Dice) -> u64 {
        let task = from + dice.between(300, 700);
        let reserved = task + dice.between(1_500, 4_000);
        let accepted = reserved + dice.between(1_200, 2_500);
        if !recipe.outbound {
            self.say(from, Speaker::Customer, recipe);
            self.say(task + 200, Speaker::System, recipe);
            self.say(reserved + 300, Speaker::Customer, recipe);
        }
        self.parts.push(Part {
            task,
            reserved,
            accepted,
            wrapup: accepted,
            completed: accepted,
        });
        self.joins(self.parts.len() - 1, recipe);
        accepted
    }

    fn joins(&mut self, part: usize, recipe: &Recipe) {
        let at = self.parts[part].accepted + APART_MS;
        self.say(at, Speaker::System, recipe);
    }

    /// Agent and customer by turns; gives when the last of it was written.
    fn talk(
        &mut self,
        part: usize,
        from: u64,
        recipe: &Recipe,
        scenario: &Scenario,
        dice: &mut Dice,
    ) -> u64 {
        let count = recipe
            .messages
            .unwrap_or_else(|| dice.span(scenario.messages));
        let pace = if recipe.messages.is_some() {
            (120, 300)
        } else {
            (900, 2_200)
        };
        let mut at = from + APART_MS + 50;
        for turn in 0..count.max(2) {
            let by = if turn % 2 == 0 {
                Speaker::Agent(part)
            } else {
                Speaker::Customer
            };
            self.say(at, by, recipe);
            at += dice.between(pace.0, pace.1);
        }
        at
    }

    /// The agent leaves, and somebody has a last word `after` that; gives when the agent left.
    fn closed(
        &mut self,
        part: usize,
        last: u64,
        after: u64,
        recipe: &Recipe,
        scenario: &Scenario,
        dice: &mut Dice,
    ) -> u64 {
        let wrapup = last + dice.between(300, 700);
        self.parts[part].wrapup = wrapup;
        self.parts[part].completed = wrapup + dice.span(scenario.wrap_up_ms);
        self.say(wrapup + after, Speaker::System, recipe);
        self.say(wrapup + after + 100, Speaker::Customer, recipe);
        wrapup
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::kind::Kind;

    #[test]
    fn every_course_of_a_conversation_goes_forward_and_leaves_no_doubt_about_sides() {
        let kinds = Kind::DEMO.iter().chain(&Kind::ON_REQUEST);
        for kind in kinds.filter(|kind| kind.is_digital()) {
            let recipe = Recipe::of(*kind);
            for seed in 0..50 {
                let timeline = Timeline::of(&recipe, &Scenario::default(), &mut Dice::new(seed, 3));
                for part in &timeline.parts {
                    let course = [
                        part.task,
                        part.reserved,
                        part.accepted,
                        part.wrapup,
                        part.completed,
                    ];
                    assert!(course.is_sorted(), "{kind:?} {course:?}");
                }
                assert!(
                    timeline
                        .parts
                        .is_sorted_by_key(|part| (part.accepted, part.wrapup))
                );
                assert!(timeline.lines.is_sorted_by_key(|line| line.at));
                // What decides between two legs lies a second or more before the messages after it.
                let last = timeline.parts.len() - 1;
                for (number, part) in timeline.parts.iter().enumerate() {
                    for edge in [Some(part.accepted), (number < last).then_some(part.wrapup)] {
                        let Some(edge) = edge else { continue };
                        let near = timeline
                            .lines
                            .iter()
                            .any(|line| (edge..edge + 1_000).contains(&line.at));
                        assert!(
                            !near || recipe.agents == Agents::Overlapping,
                            "{kind:?} {edge} {timeline:?}"
                        );
                    }
                }
            }
        }
    }
}
