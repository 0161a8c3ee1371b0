//! Who is called how: agents and queues by the names that reports print.

use foldhash::{HashMap, HashMapExt};
use serde::Serialize;
use sync_ledger::{Subject, SubjectKind, SubjectNames, SubjectSid};
use twilio_sid::{TaskQueueSid, WorkerSid};
use wfm_history::{HeldParty, Party, Resolution, Resolver};

/// Agents and queues as they were last synchronised, found by name.
///
/// Reports print an agent's full name or its login, and the name that an agent or a queue had at the time: so friendly names, full names, e-mail
/// addresses and former names all count, whatever their case. A name that somebody has today is not that of who had it before.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    agents: Names<WorkerSid>,
    queues: Names<TaskQueueSid>,
}

#[derive(Clone)]
struct Names<S> {
    by_name: HashMap<String, Vec<S>>,
    by_former: HashMap<String, Vec<S>>,
    /// Whether Calabrio can take rows of it.
    known: HashMap<S, bool>,
}

/// A name that several agents or several queues have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NameClash {
    /// Agents or queues.
    pub kind: SubjectKind,
    /// Who has it.
    pub candidates: Vec<SubjectSid>,
}

/// Whose something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<S> {
    /// It is not known yet.
    Held,
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

    /// Names that lead to several, of which rows without a SID are held.
    pub fn clashes(&self) -> Vec<NameClash> {
        let agents = self.agents.clashes().map(|sids| NameClash {
            kind: SubjectKind::Agent,
            candidates: sids.iter().copied().map(SubjectSid::Agent).collect(),
        });
        let queues = self.queues.clashes().map(|sids| NameClash {
            kind: SubjectKind::Queue,
            candidates: sids.iter().copied().map(SubjectSid::Queue).collect(),
        });
        agents.chain(queues).collect()
    }

    /// Whose a held agent is by now.
    pub fn agent_of(&self, party: &Party<WorkerSid>) -> Owner<WorkerSid> {
        self.agents.settle(party)
    }

    /// The same of a queue.
    pub fn queue_of(&self, party: &Party<TaskQueueSid>) -> Owner<TaskQueueSid> {
        self.queues.settle(party)
    }
}

impl Resolver for Directory {
    fn agent(&self, name: &str) -> Resolution<WorkerSid> {
        self.agents.resolve(name)
    }

    fn queue(&self, name: &str) -> Resolution<TaskQueueSid> {
        self.queues.resolve(name)
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

    fn resolve(&self, name: &str) -> Resolution<S> {
        let name = folded(name);
        let found = self
            .by_name
            .get(&name)
            .or_else(|| self.by_former.get(&name));
        match found.map(Vec::as_slice) {
            None | Some([]) => Resolution::Unknown,
            Some([sid]) => Resolution::Known(*sid),
            Some(several) => Resolution::Ambiguous(several.to_vec()),
        }
    }

    fn settle(&self, party: &Party<S>) -> Owner<S> {
        let sid = match party {
            Party::None => return Owner::Nobody,
            Party::Known(sid) | Party::Held(HeldParty::UnknownSid { sid }) => *sid,
            Party::Held(
                HeldParty::UnknownName { name } | HeldParty::AmbiguousName { name, .. },
            ) => match self.resolve(name.as_str()) {
                Resolution::Known(sid) => sid,
                _ => return Owner::Held,
            },
        };
        if self.has(&sid) {
            Owner::Known(sid)
        } else {
            Owner::Held
        }
    }

    fn clashes(&self) -> impl Iterator<Item = &Vec<S>> {
        let mut clashes: Vec<_> = self
            .by_name
            .values()
            .filter(|sids| sids.len() > 1)
            .collect();
        clashes.sort_unstable();
        clashes.dedup();
        clashes.into_iter()
    }
}

fn put<S: Copy + Ord>(names: &mut HashMap<String, Vec<S>>, name: String, sid: S) {
    let sids = names.entry(name).or_default();
    if let Err(place) = sids.binary_search(&sid) {
        sids.insert(place, sid);
    }
}

fn spellings(names: &SubjectNames) -> impl Iterator<Item = String> {
    [
        Some(&names.name),
        names.full_name.as_ref(),
        names.email.as_ref(),
    ]
    .into_iter()
    .flatten()
    .map(|name| folded(name))
    .filter(|name| !name.is_empty())
}

fn folded(name: &str) -> String {
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
    fn a_name_of_two_is_ambiguous_and_told_as_a_clash_once() {
        let one = agent(1, names("one", Some("Ada Byron")), vec![]);
        let two = agent(2, names("two", Some("ada byron")), vec![]);
        let directory = Directory::new(&[one, two], &[], true);
        assert_eq!(
            directory.agent("Ada Byron"),
            Resolution::Ambiguous(vec![sid(1), sid(2)])
        );
        let clashes = directory.clashes();
        assert_eq!(clashes.len(), 1);
        assert_eq!(
            clashes[0].candidates,
            [SubjectSid::Agent(sid(1)), SubjectSid::Agent(sid(2))]
        );
    }

    #[test]
    fn whom_calabrio_was_not_told_of_is_held() {
        let mut one = agent(1, names("one", None), vec![]);
        one.told = None;
        let held = Party::Held(HeldParty::UnknownSid { sid: sid(1) });
        let waiting = Directory::new(std::slice::from_ref(&one), &[], true);
        assert!(!waiting.has_agent(&sid(1)));
        assert_eq!(waiting.agent_of(&held), Owner::Held);
        let at_once = Directory::new(std::slice::from_ref(&one), &[], false);
        assert!(at_once.has_agent(&sid(1)));
        assert_eq!(at_once.agent_of(&held), Owner::Known(sid(1)));
        let by_name = Party::Held(HeldParty::UnknownName {
            name: Name::from("ONE"),
        });
        assert_eq!(at_once.agent_of(&by_name), Owner::Known(sid(1)));
        assert_eq!(at_once.agent_of(&Party::None), Owner::Nobody);
    }

    #[test]
    fn debug_shows_no_name() {
        let one = agent(1, names("ada@example.com", Some("Ada Byron")), vec![]);
        let shown = format!("{:?}", Directory::new(&[one], &[], true));
        assert!(!shown.to_lowercase().contains("ada"), "{shown}");
    }
}
