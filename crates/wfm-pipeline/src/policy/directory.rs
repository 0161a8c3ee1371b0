//! Who is called how: agents and queues by the names that reports print.

use chrono::{DateTime, Utc};
use foldhash::{HashMap, HashMapExt};
use serde::Serialize;
use sync_ledger::{Subject, SubjectNames, SubjectSid};
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_history::{HeldParty, Party, Resolution, Resolver};
use wfm_interval::Interval;

/// Agents and queues as they were last synchronised, found by name.
///
/// Reports print an agent's full name or its login, and the name that an agent or a queue had at the time: so friendly names, full names, e-mail
/// addresses and former names all count, whatever their case. A name that somebody has today is not that of who had it before.
///
/// Whoever was gone before the rows that are asked about began is not who they tell of: a name that somebody had who left, and that somebody else has by
/// now, is the latter's from then on. Where nobody else has it, it is still that of who left. Between two who may both have been there nobody guesses.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    agents: Names<WorkerSid>,
    queues: Names<TaskQueueSid>,
    /// No row that it is asked about begins before this.
    from: Option<DateTime<Utc>>,
}

#[derive(Clone)]
struct Names<S> {
    by_name: HashMap<String, Vec<S>>,
    by_former: HashMap<String, Vec<S>>,
    /// Whether Calabrio can take rows of it.
    known: HashMap<S, bool>,
    /// When it was there no more.
    gone: HashMap<S, DateTime<Utc>>,
}

/// Why it is not known yet whose something is, or cannot be told to Calabrio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Nobody has the name.
    Unknown,
    /// Several have it.
    Ambiguous,
    /// Calabrio was not told of it yet.
    NotTold,
}

/// Whose something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<S> {
    /// It is not known yet.
    Held(Why),
    /// The row named nobody.
    Nobody,
    /// This one's.
    Known(S),
}

impl Directory {
    /// From the ledger's lists of agents and of queues.
    ///
    /// With `told`, an agent or a queue counts as known to Calabrio only once Calabrio was told of it; without, as soon as Twilio shows it.
    pub fn new(agents: &[Subject], queues: &[Subject], told: bool) -> Self {
        let mut directory = Self::default();
        for subject in agents.iter().chain(queues) {
            let known = !told || subject.told.is_some();
            match subject.sid {
                SubjectSid::Agent(sid) => directory.agents.add(sid, subject, known),
                SubjectSid::Queue(sid) => directory.queues.add(sid, subject, known),
            }
        }
        directory
    }

    /// The same, for rows none of which begins before an interval. Without it nobody is gone.
    #[must_use]
    pub fn of_rows_from(mut self, first: Interval) -> Self {
        self.from = Some(first.start());
        self
    }

    /// Whose a held agent of an interval is by now.
    pub fn agent_of(&self, party: &Party<WorkerSid>, at: Interval) -> Owner<WorkerSid> {
        self.agents.settle(party, at)
    }

    /// The same of a queue.
    pub fn queue_of(&self, party: &Party<TaskQueueSid>, at: Interval) -> Owner<TaskQueueSid> {
        self.queues.settle(party, at)
    }
}

impl Resolver for Directory {
    fn agent(&self, name: &str) -> Resolution<WorkerSid> {
        self.agents.resolve(name, self.from)
    }

    fn queue(&self, name: &str) -> Resolution<TaskQueueSid> {
        self.queues.resolve(name, self.from)
    }

    fn has_agent(&self, sid: &WorkerSid) -> bool {
        self.agents.has(sid)
    }

    fn has_queue(&self, sid: &TaskQueueSid) -> bool {
        self.queues.has(sid)
    }
}

impl<S> Default for Names<S> {
    fn default() -> Self {
        Self {
            by_name: HashMap::new(),
            by_former: HashMap::new(),
            known: HashMap::new(),
            gone: HashMap::new(),
        }
    }
}

impl<S> std::fmt::Debug for Names<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names")
            .field("known", &self.known.len())
            .finish_non_exhaustive()
    }
}

impl<S: Copy + Ord + std::hash::Hash> Names<S> {
    fn add(&mut self, sid: S, subject: &Subject, known: bool) {
        self.known.insert(sid, known);
        if let Some(gone) = subject.gone {
            self.gone.insert(sid, gone);
        }
        for name in subject.names.iter().flat_map(spellings) {
            put(&mut self.by_name, name, sid);
        }
        for name in subject.former.iter().flat_map(spellings) {
            put(&mut self.by_former, name, sid);
        }
    }

    fn has(&self, sid: &S) -> bool {
        self.known.get(sid).copied().unwrap_or(false)
    }

    fn resolve(&self, name: &str, from: Option<DateTime<Utc>>) -> Resolution<S> {
        let name = folded(name);
        let bearers = [&self.by_name, &self.by_former]
            .map(|names| names.get(&name).map_or(&[][..], Vec::as_slice));
        let there = bearers.map(|sids| {
            let mut there = sids.to_vec();
            there.retain(|sid| self.may_have_been_there(sid, from));
            there
        });
        let found = there
            .iter()
            .map(Vec::as_slice)
            .chain(bearers)
            .find(|sids| !sids.is_empty());
        match found {
            None | Some([]) => Resolution::Unknown,
            Some([sid]) => Resolution::Known(*sid),
            Some(several) => Resolution::Ambiguous(several.to_vec()),
        }
    }

    /// Whether rows that begin no earlier can be of it.
    fn may_have_been_there(&self, sid: &S, from: Option<DateTime<Utc>>) -> bool {
        let gone = self.gone.get(sid);
        gone.zip(from).is_none_or(|(gone, from)| *gone > from)
    }

    fn settle(&self, party: &Party<S>, at: Interval) -> Owner<S> {
        let sid = match party {
            Party::None => return Owner::Nobody,
            Party::Known(sid) | Party::Held(HeldParty::UnknownSid { sid }) => *sid,
            Party::Held(
                HeldParty::UnknownName { name } | HeldParty::AmbiguousName { name, .. },
            ) => match self.resolve(name.as_str(), Some(at.start())) {
                Resolution::Known(sid) => sid,
                Resolution::Unknown => return Owner::Held(Why::Unknown),
                Resolution::Ambiguous(_) => return Owner::Held(Why::Ambiguous),
            },
        };
        if self.has(&sid) {
            Owner::Known(sid)
        } else {
            Owner::Held(Why::NotTold)
        }
    }
}

fn put<S: Copy + Ord>(names: &mut HashMap<String, Vec<S>>, name: String, sid: S) {
    let sids = names.entry(name).or_default();
    if let Err(place) = sids.binary_search(&sid) {
        sids.insert(place, sid);
    }
}

/// What somebody can be called in a report, as it is written.
pub(super) fn written(names: &SubjectNames) -> impl Iterator<Item = &str> {
    [
        Some(&names.name),
        names.full_name.as_ref(),
        names.email.as_ref(),
    ]
    .into_iter()
    .flatten()
    .map(|name| name.trim())
    .filter(|name| !name.is_empty())
}

fn spellings(names: &SubjectNames) -> impl Iterator<Item = String> {
    written(names).map(folded)
}

/// A name as names are compared.
pub(super) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use wfm_history::Name;

    use super::*;

    fn names(name: &str, full: Option<&str>) -> SubjectNames {
        SubjectNames {
            name: name.to_owned(),
            full_name: full.map(str::to_owned),
            email: None,
        }
    }

    fn agent(number: u8, now: SubjectNames, former: Vec<SubjectNames>) -> Subject {
        Subject {
            sid: SubjectSid::Agent(format!("WK{number:032x}").parse().unwrap()),
            names: Some(now),
            former,
            active: true,
            version: 1,
            first_seen: DateTime::UNIX_EPOCH,
            last_seen: DateTime::UNIX_EPOCH,
            gone: None,
            told: Some(1),
            refused: None,
        }
    }

    fn sid(number: u8) -> WorkerSid {
        format!("WK{number:032x}").parse().unwrap()
    }

    #[test]
    fn login_full_name_and_former_name_lead_to_the_same_agent_whatever_the_case() {
        let one = agent(
            1,
            names("ada@example.com", Some("Ada Ståhl")),
            vec![names("ada@old.example", Some("Ada Byron"))],
        );
        let directory = Directory::new(&[one], &[], true);
        for name in [
            "ADA@example.com",
            " Ada Ståhl",
            "ada STÅHL",
            "Ada Byron",
            "ada@old.example",
        ] {
            assert_eq!(directory.agent(name), Resolution::Known(sid(1)), "{name}");
        }
        assert_eq!(directory.agent("Ada"), Resolution::Unknown);
    }

    #[test]
    fn who_has_a_name_today_goes_before_who_had_it() {
        let one = agent(1, names("one", Some("Ada Byron")), vec![]);
        let two = agent(
            2,
            names("two", Some("Ada Ståhl")),
            vec![names("two", Some("Ada Byron"))],
        );
        let directory = Directory::new(&[one, two], &[], true);
        assert_eq!(directory.agent("Ada Byron"), Resolution::Known(sid(1)));
    }

    #[test]
    fn a_name_of_two_is_ambiguous() {
        let one = agent(1, names("one", Some("Ada Byron")), vec![]);
        let two = agent(2, names("two", Some("ada byron")), vec![]);
        let directory = Directory::new(&[one, two], &[], true);
        assert_eq!(
            directory.agent("Ada Byron"),
            Resolution::Ambiguous(vec![sid(1), sid(2)])
        );
    }

    fn quarter(number: i64) -> Interval {
        Interval::from_number(number)
    }

    /// One who was there until a list of that quarter of an hour did not show it.
    fn gone(mut one: Subject, quarter: Interval) -> Subject {
        one.active = false;
        one.gone = Some(quarter.start());
        one
    }

    #[test]
    fn of_several_only_those_count_who_may_have_been_there() {
        let ada = || names("ada", Some("Ada Byron"));
        let here = |number| agent(number, ada(), vec![]);
        let left = |number, at| gone(here(number), quarter(at));
        let known = |number| Resolution::Known(sid(number));
        let several =
            |numbers: &[u8]| Resolution::Ambiguous(numbers.iter().copied().map(sid).collect());
        for (what, bearers, from, expected) in [
            ("who left before", vec![left(1, 10), here(2)], 10, known(2)),
            (
                "who left since",
                vec![left(1, 10), here(2)],
                9,
                several(&[1, 2]),
            ),
            (
                "two are there",
                vec![left(1, 10), here(2), here(3)],
                99,
                several(&[2, 3]),
            ),
            ("two left", vec![left(1, 10), left(2, 20)], 15, known(2)),
            (
                "all left",
                vec![left(1, 10), left(2, 20)],
                99,
                several(&[1, 2]),
            ),
            ("nobody else has it", vec![left(1, 10)], 99, known(1)),
        ] {
            let directory = Directory::new(&bearers, &[], true);
            let since = directory.clone().of_rows_from(quarter(from));
            assert_eq!(since.agent("Ada Byron"), expected, "{what}");
            // A held row is asked about with its own time, whatever the rows of a pull are from.
            let row = Party::Held(HeldParty::UnknownName {
                name: Name::from("ada"),
            });
            let owner = match &expected {
                Resolution::Known(sid) => Owner::Known(*sid),
                _ => Owner::Held(Why::Ambiguous),
            };
            assert_eq!(directory.agent_of(&row, quarter(from)), owner, "{what}");
        }
    }

    #[test]
    fn a_name_of_who_left_is_that_of_who_had_it_before_and_is_still_there() {
        let left = gone(
            agent(1, names("one", Some("Ada Byron")), vec![]),
            quarter(10),
        );
        let renamed = agent(
            2,
            names("two", Some("Ada Ståhl")),
            vec![names("two", Some("Ada Byron"))],
        );
        let directory = Directory::new(&[left, renamed], &[], true);
        for (from, number) in [(9, 1), (10, 2)] {
            let directory = directory.clone().of_rows_from(quarter(from));
            assert_eq!(directory.agent("Ada Byron"), Resolution::Known(sid(number)));
        }
    }

    #[test]
    fn whom_calabrio_was_not_told_of_is_held() {
        let mut one = agent(1, names("one", None), vec![]);
        one.told = None;
        let held = Party::Held(HeldParty::UnknownSid { sid: sid(1) });
        let waiting = Directory::new(std::slice::from_ref(&one), &[], true);
        assert!(!waiting.has_agent(&sid(1)));
        assert_eq!(
            waiting.agent_of(&held, quarter(0)),
            Owner::Held(Why::NotTold)
        );
        let at_once = Directory::new(std::slice::from_ref(&one), &[], false);
        assert!(at_once.has_agent(&sid(1)));
        assert_eq!(at_once.agent_of(&held, quarter(0)), Owner::Known(sid(1)));
        let by_name = Party::Held(HeldParty::UnknownName {
            name: Name::from("ONE"),
        });
        assert_eq!(at_once.agent_of(&by_name, quarter(0)), Owner::Known(sid(1)));
        assert_eq!(at_once.agent_of(&Party::None, quarter(0)), Owner::Nobody);
    }

    #[test]
    fn debug_shows_no_name() {
        let one = agent(1, names("ada@example.com", Some("Ada Byron")), vec![]);
        let shown = format!("{:?}", Directory::new(&[one], &[], true));
        assert!(!shown.to_lowercase().contains("ada"), "{shown}");
    }
}
