//! Which activity one agent was in, and since when, from what was heard of it.

use crate::time::END;

/// Facts that are kept of one agent between two prunings.
pub(crate) const MOST_FACTS: usize = 64;

/// An activity, by its place in the list of those that were seen.
pub(crate) type ActivityIndex = usize;

/// How an activity came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Heard {
    /// An event of something else mentioned it: the agent was in it then.
    Mentioned,
    /// An event told that the agent changed to it.
    Changed,
    /// A snapshot told that the agent changed to it then.
    Listed,
}

/// One thing that was heard. The order of the fields is the order in which facts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fact {
    at: i64,
    version: Option<u64>,
    heard: Heard,
    activity: ActivityIndex,
}

/// The activities of one agent.
#[derive(Debug, Default)]
pub(crate) struct ActivityHistory {
    facts: Vec<Fact>,
    /// What the newest snapshot said the agent was in at its time.
    listed: Option<(i64, ActivityIndex)>,
    /// Since when which activity, in order, each another than the one before.
    steps: Vec<(i64, ActivityIndex)>,
}

impl ActivityHistory {
    /// Takes in what an event told. The version is the worker's. Whether it tells anything new.
    pub(crate) fn hear(
        &mut self,
        at: i64,
        version: Option<u64>,
        heard: Heard,
        activity: ActivityIndex,
    ) -> bool {
        let fact = Fact {
            at,
            version,
            heard,
            activity,
        };
        // A version is one state of the worker: what told the change counts, and of mentions the first.
        let same = |known: &Fact| match (version, heard) {
            (Some(_), _) => {
                known.version == version
                    && (known.activity == activity
                        || known.heard == Heard::Mentioned
                        || heard == Heard::Mentioned)
            }
            (None, Heard::Mentioned) => known.version.is_none() && known.heard == heard,
            (None, _) => *known == fact,
        };
        if let Some(index) = self.facts.iter().position(same) {
            let known = self.facts[index];
            let is_better = match (known.heard, heard) {
                (Heard::Mentioned, Heard::Mentioned) => fact < known,
                (Heard::Mentioned, _) => true,
                (_, Heard::Mentioned) => false,
                // The same event in two forms: the later time is the one with milliseconds.
                _ => at > known.at,
            };
            if !is_better {
                return false;
            }
            self.facts.remove(index);
        }
        let place = self.facts.partition_point(|known| *known < fact);
        self.facts.insert(place, fact);
        self.refresh();
        true
    }

    /// Takes in what a snapshot of that moment told: the agent was in this activity, perhaps since that time.
    pub(crate) fn list(&mut self, at: i64, since: Option<i64>, activity: ActivityIndex) {
        if self.listed.is_some_and(|(known, _)| known > at) {
            return;
        }
        // What the former snapshot said is history now.
        if let Some((then, listed)) = self.listed.take()
            && self.at(then) != Some(listed)
        {
            self.hear(then, None, Heard::Listed, listed);
        }
        let before = self.steps.iter().rfind(|(step, _)| *step <= at).copied();
        if before.is_none_or(|(_, known)| known != activity) {
            let begin = since.unwrap_or(at).min(at);
            let begin = before.map_or(begin, |(step, _)| begin.max(step));
            self.hear(begin, None, Heard::Listed, activity);
        }
        self.listed = Some((at, activity));
        self.refresh();
    }

    fn refresh(&mut self) {
        let mut steps = std::mem::take(&mut self.steps);
        steps.clear();
        let mut step = |at: i64, activity: ActivityIndex| {
            if steps.last().is_none_or(|(_, last)| *last != activity) {
                steps.push((at, activity));
            }
        };
        let mut highest = None;
        let mut listed = self.listed;
        let mut is_known = false;
        for fact in &self.facts {
            if let Some((at, activity)) = listed.filter(|(at, _)| *at < fact.at) {
                step(at, activity);
                (listed, is_known) = (None, true);
            }
            let counts = match (fact.heard, fact.version) {
                (Heard::Mentioned, None) => !is_known,
                (Heard::Mentioned, version) => version > highest,
                (_, None) => true,
                (_, version) => version >= highest,
            };
            if counts {
                step(fact.at, fact.activity);
                highest = highest.max(fact.version);
                is_known = true;
            }
        }
        if let Some((at, activity)) = listed {
            step(at, activity);
        }
        self.steps = steps;
    }

    /// The activity at a moment.
    pub(crate) fn at(&self, at: i64) -> Option<ActivityIndex> {
        let step = self.steps.iter().rfind(|(step, _)| *step <= at);
        step.map(|(_, activity)| *activity)
    }

    /// Since when which activity, in order.
    pub(crate) fn steps(&self) -> &[(i64, ActivityIndex)] {
        &self.steps
    }

    /// Whether more is kept than is good.
    pub(crate) fn is_full(&self) -> bool {
        self.facts.len() > MOST_FACTS
    }

    /// The last step that is forgotten when everything up to that moment is that another step of the time followed; what is in force then stays.
    pub(crate) fn forgettable(&self, horizon: i64) -> Option<i64> {
        let in_force = self.steps.iter().rposition(|(step, _)| *step <= horizon)?;
        (in_force > 0).then(|| self.steps[in_force].0)
    }

    /// Forgets what came before the step that is in force at that moment.
    pub(crate) fn forget(&mut self, horizon: i64) {
        let Some((begin, activity)) = self.steps.iter().rfind(|(step, _)| *step <= horizon) else {
            return;
        };
        let (begin, activity) = (*begin, *activity);
        let highest = self
            .facts
            .iter()
            .filter(|fact| fact.at <= horizon)
            .map(|fact| fact.version)
            .max()
            .flatten();
        self.facts.retain(|fact| fact.at > horizon);
        self.listed = self.listed.filter(|(at, _)| *at >= begin);
        let kept = Fact {
            at: begin,
            version: highest,
            heard: Heard::Changed,
            activity,
        };
        self.facts.insert(0, kept);
        self.refresh();
    }

    /// The moment before which half of what is kept lies.
    pub(crate) fn middle(&self) -> i64 {
        self.facts
            .get(self.facts.len() / 2)
            .map_or(END, |fact| fact.at)
    }
}

#[cfg(test)]
mod tests {
    use super::Heard::{Changed, Mentioned};
    use super::*;

    #[derive(Clone, Copy)]
    enum Told {
        Event(i64, Option<u64>, Heard, usize),
        Snapshot(i64, Option<i64>, usize),
    }
    use Told::{Event, Snapshot};

    fn told(told: &[Told]) -> Vec<(i64, usize)> {
        let mut history = ActivityHistory::default();
        for one in told {
            match *one {
                Event(at, version, heard, activity) => {
                    history.hear(at, version, heard, activity);
                }
                Snapshot(at, since, activity) => history.list(at, since, activity),
            }
        }
        history.steps
    }

    fn in_any_order(facts: &[Told]) -> Vec<(i64, usize)> {
        let steps = told(facts);
        let backwards: Vec<_> = facts.iter().rev().copied().collect();
        assert_eq!(steps, told(&backwards), "the order does not matter");
        for turn in 1..facts.len() {
            let mut turned = facts.to_vec();
            turned.rotate_left(turn);
            assert_eq!(steps, told(&turned), "the order does not matter");
        }
        steps
    }

    #[test]
    fn the_version_decides_where_the_time_is_in_whole_seconds() {
        let facts = [
            Event(10_900, Some(5), Changed, 1),
            Event(10_000, Some(6), Changed, 2),
            Event(9_000, Some(4), Changed, 3),
        ];
        assert_eq!(in_any_order(&facts), [(9_000, 3), (10_000, 2)]);
        let twice = [
            Event(10_000, Some(5), Changed, 1),
            Event(10_417, Some(5), Changed, 1),
        ];
        assert_eq!(in_any_order(&twice), [(10_417, 1)]);
    }

    #[test]
    fn an_event_that_mentions_an_activity_fills_a_gap_and_overrules_nothing() {
        let stale = [
            Event(10, Some(5), Changed, 1),
            Event(12, Some(6), Changed, 2),
            Event(13, Some(5), Mentioned, 1),
        ];
        assert_eq!(in_any_order(&stale), [(10, 1), (12, 2)]);
        let gap = [
            Event(10, Some(5), Changed, 1),
            Event(13, Some(7), Mentioned, 2),
            Event(15, Some(7), Mentioned, 2),
        ];
        assert_eq!(in_any_order(&gap), [(10, 1), (13, 2)]);
        let without_version = [
            Event(10, None, Mentioned, 1),
            Event(11, None, Mentioned, 2),
            Event(12, None, Changed, 3),
        ];
        assert_eq!(in_any_order(&without_version), [(10, 1), (12, 3)]);
    }

    #[test]
    fn a_snapshot_overrules_what_is_older_and_nothing_newer() {
        assert_eq!(
            told(&[Event(10, Some(1), Changed, 1), Snapshot(20, Some(15), 2)]),
            [(10, 1), (15, 2)]
        );
        assert_eq!(
            told(&[Snapshot(20, Some(5), 2), Event(10, Some(1), Changed, 1)]),
            [(5, 2), (10, 1), (20, 2)],
            "at its time the snapshot is right"
        );
        assert_eq!(
            told(&[Snapshot(20, None, 2), Event(30, Some(1), Changed, 1)]),
            [(20, 2), (30, 1)]
        );
        assert_eq!(
            told(&[Event(10, Some(1), Changed, 1), Snapshot(20, Some(10), 1)]),
            [(10, 1)],
            "what is known already keeps its time"
        );
    }

    #[test]
    fn snapshots_alone_make_a_history() {
        let snapshots = [
            Snapshot(20, Some(5), 1),
            Snapshot(40, Some(30), 2),
            Snapshot(60, Some(30), 2),
        ];
        assert_eq!(told(&snapshots), [(5, 1), (30, 2)]);
        let stale = [Snapshot(40, Some(30), 2), Snapshot(20, Some(5), 1)];
        assert_eq!(told(&stale), [(30, 2)]);
    }

    #[test]
    fn what_is_forgotten_changes_nothing_afterwards() {
        let mut history = ActivityHistory::default();
        for at in 1..=10_u8 {
            history.hear(
                i64::from(at) * 10,
                Some(u64::from(at)),
                Changed,
                usize::from(at),
            );
        }
        let now = history.at(END - 1);
        assert_eq!(history.forgettable(55), Some(50));
        history.forget(55);
        assert_eq!(history.steps()[0], (50, 5));
        assert_eq!(history.at(END - 1), now);
        assert_eq!(history.steps().len(), 6);
        // A stale version is still known to be stale.
        history.hear(57, Some(3), Changed, 99);
        assert_eq!(history.steps().len(), 6);
        assert_eq!(history.forgettable(5), None);
    }
}
