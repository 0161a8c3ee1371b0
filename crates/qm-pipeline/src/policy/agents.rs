//! Agents and people: which of TaskRouter's workers Calabrio knows, and what would make both agree. One way, from Twilio to
//! Calabrio, by the worker's SID, whatever its case. Pure: lists go in, a plan comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};
use connector_config::{Acd, AgentName};
use serde::Serialize;
use twilio_sid::WorkerSid;

/// A worker as TaskRouter tells it. `Debug` shows no name.
#[derive(Clone, PartialEq, Eq)]
pub struct AgentFacts {
    /// Its SID.
    pub worker: WorkerSid,
    /// Its full name, or where it has none the name by which TaskRouter knows it.
    pub name: Option<String>,
    /// Whether its attributes were seen, so that the name is certain. A list may leave them out.
    pub certain: bool,
    /// When TaskRouter made it.
    pub since: Option<DateTime<Utc>>,
}

impl fmt::Debug for AgentFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentFacts")
            .field("worker", &self.worker)
            .field("certain", &self.certain)
            .finish_non_exhaustive()
    }
}

/// A person as Calabrio lists it. `Debug` shows no name.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonFacts {
    /// Its number.
    pub id: i64,
    /// The worker's SID, in whatever case somebody typed it; `None` for people who are no agents.
    pub acd_id: Option<String>,
    /// The number of the ACD server that this id is of.
    pub acd_server: Option<i64>,
    /// The first name, where the list tells it.
    pub first: Option<String>,
    /// The last name, where the list tells it.
    pub last: Option<String>,
    /// Whether the person is active.
    pub active: bool,
}

impl fmt::Debug for PersonFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonFacts")
            .field("id", &self.id)
            .field("acd_id", &self.acd_id)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

/// Every worker of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentList {
    /// Those that can be read.
    pub agents: Vec<AgentFacts>,
    /// Whether these are all: the list was read to its end, and none of its entries was unreadable.
    pub complete: bool,
}

/// What the operator allows, and what else the plan depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeopleRules {
    /// Whether people are made, and renamed.
    pub create: bool,
    /// Whether people are deactivated.
    pub deactivate: bool,
    /// The number of the ACD server whose people are this ACD's.
    pub acd_server: Option<i64>,
    /// How full names are split.
    pub names: AgentName,
    /// Whether another ACD of the configuration has the same ACD server: its people cannot be told from those who vanished.
    pub shared_server: bool,
}

impl PeopleRules {
    /// The rules of an ACD among those of a configuration.
    pub fn new<'a>(acd: &Acd, all: impl IntoIterator<Item = &'a Acd>) -> Self {
        let shares = |other: &&Acd| {
            let same_tenant = other.key().tenant == acd.key().tenant
                || ((other.calabrio.tenant_id.is_none() || acd.calabrio.tenant_id.is_none())
                    && other.calabrio.base_url == acd.calabrio.base_url);
            other.key() != acd.key()
                && same_tenant
                && other.calabrio.acd_server_id == acd.calabrio.acd_server_id
        };
        Self {
            create: acd.people.create,
            deactivate: acd.people.deactivate,
            acd_server: acd.calabrio.acd_server_id.map(i64::from),
            names: acd.agent_name,
            shared_server: all.into_iter().any(|other| shares(&other)),
        }
    }
}

/// How a worker stands in Calabrio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "standing", content = "people")]
pub enum Standing {
    /// One active person has its SID as ACD ID.
    Known(i64),
    /// Only people who are not active do.
    Inactive(Vec<i64>),
    /// More than one active person does: Calabrio cannot tell whose contacts these are.
    Twice(Vec<i64>),
    /// Nobody does.
    Unknown,
}

/// A person to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct Creation {
    /// The worker.
    pub worker: WorkerSid,
    /// First and last name; `None` where the worker must be asked for singly first.
    pub names: Option<(String, String)>,
    /// When TaskRouter made the worker.
    pub since: Option<DateTime<Utc>>,
}

/// A person to be renamed.
#[derive(Clone, PartialEq, Eq)]
pub struct Renaming {
    /// The worker.
    pub worker: WorkerSid,
    /// The person.
    pub person: i64,
    /// The first name that it gets.
    pub first: String,
    /// The last name that it gets.
    pub last: String,
}

/// A person to be deactivated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deactivation {
    /// The worker that vanished.
    pub worker: WorkerSid,
    /// The person.
    pub person: i64,
}

impl fmt::Debug for Creation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Creation({})", self.worker)
    }
}

impl fmt::Debug for Renaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Renaming({}, {})", self.worker, self.person)
    }
}

/// Why nothing of a kind is done although there would be something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restraint {
    /// The operator has not switched it on.
    SwitchedOff,
    /// `calabrio.acd_server_id` is not set, so nobody is certain to be this ACD's.
    NoAcdServer,
    /// The list of workers is not complete.
    ListIncomplete,
    /// The list of workers is empty.
    ListEmpty,
    /// Another ACD has the same ACD server.
    ServerShared,
    /// It would be more than a fifth at a time.
    TooMany,
}

impl Restraint {
    /// In words, with what to do.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::SwitchedOff => "the switch under [acd.people] is off",
            Self::NoAcdServer => {
                "calabrio.acd_server_id is not set, so nobody is certain to belong to this ACD: set it"
            }
            Self::ListIncomplete => {
                "Twilio's list of workers could not be read whole: it is tried again"
            }
            Self::ListEmpty => "Twilio's list of workers is empty: check workspace_sid",
            Self::ServerShared => {
                "another [[acd]] has the same acd_server_id, whose agents would be taken for vanished: give each its own"
            }
            Self::TooMany => {
                "more than a fifth at a time is taken for a mistake: see what is the matter, and change these by hand in Calabrio"
            }
        }
    }
}

/// What would be done of one kind, and what stands in its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intended<T> {
    /// All of it.
    pub all: Vec<T>,
    /// Why none of it is done; `None` where it is.
    pub held: Option<Restraint>,
}

impl<T> Intended<T> {
    fn new(all: Vec<T>, restraints: &[(bool, Restraint)]) -> Self {
        let held = restraints.iter().find(|(holds, _)| *holds);
        Self {
            held: held.map(|(_, why)| *why).filter(|_| !all.is_empty()),
            all,
        }
    }

    /// What is done of it.
    pub fn now(&self) -> &[T] {
        if self.held.is_some() { &[] } else { &self.all }
    }
}

/// How workers and people stand, and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPlan {
    /// Every worker, in the order of the list.
    pub agents: Vec<(WorkerSid, Standing)>,
    /// People to be made.
    pub creations: Intended<Creation>,
    /// People to be renamed.
    pub renamings: Intended<Renaming>,
    /// People to be deactivated.
    pub deactivations: Intended<Deactivation>,
}

/// So many are never taken for a mistake.
const FEW: usize = 3;

/// Of more people than these, at most so many in a hundred are changed at a time.
const SHARE: usize = 20;

fn too_many(changed: usize, of: usize) -> bool {
    changed > FEW.max(of.saturating_mul(SHARE) / 100)
}

/// Compares the workers of a workspace with the people of the tenant.
///
/// A person is made for a worker whom nobody stands for. A person of this ACD's server is renamed when its worker has another
/// name, and deactivated when its worker is gone. Nobody is made twice, deleted, or made active again; whose ACD ID is no
/// worker's SID is left alone, and so are workers for whom more than one person stands.
pub fn plan(workers: &AgentList, people: &[PersonFacts], rules: &PeopleRules) -> AgentPlan {
    let mut by_worker: BTreeMap<String, Vec<&PersonFacts>> = BTreeMap::new();
    for person in people {
        if let Some(id) = &person.acd_id {
            by_worker.entry(key(id)).or_default().push(person);
        }
    }
    let ours = |person: &PersonFacts| {
        rules.acd_server.is_some() && person.acd_server == rules.acd_server && person.active
    };
    let mut seen = BTreeSet::new();
    let (mut agents, mut creations, mut renamings) = (Vec::new(), Vec::new(), Vec::new());
    let mut matched = 0;
    for agent in &workers.agents {
        let key = key(agent.worker.as_str());
        if !seen.insert(key.clone()) {
            continue;
        }
        let standing = standing(by_worker.get(&key).map_or(&[], Vec::as_slice));
        match &standing {
            Standing::Unknown => creations.push(Creation {
                worker: agent.worker,
                names: split(agent, rules.names),
                since: agent.since,
            }),
            Standing::Known(id) => {
                let person = by_worker
                    .get(&key)
                    .and_then(|people| people.iter().find(|person| person.id == *id))
                    .filter(|person| ours(person));
                if let Some(person) = person {
                    matched += 1;
                    renamings.extend(renaming(agent, person, rules.names));
                }
            }
            Standing::Inactive(_) | Standing::Twice(_) => {}
        }
        agents.push((agent.worker, standing));
    }
    let (mut deactivations, mut present) = (Vec::new(), 0);
    for person in people.iter().filter(|person| ours(person)) {
        let Some(id) = person.acd_id.as_deref() else {
            continue;
        };
        let Ok(worker) = id
            .trim()
            .parse::<WorkerSid>()
            .or_else(|_| upper(id).parse())
        else {
            continue;
        };
        present += 1;
        if !seen.contains(&key(id)) {
            deactivations.push(Deactivation {
                worker,
                person: person.id,
            });
        }
    }
    let too_many_gone = too_many(deactivations.len(), present);
    let too_many_renamed = too_many(renamings.len(), matched);
    AgentPlan {
        agents,
        creations: Intended::new(
            creations,
            &[
                (!rules.create, Restraint::SwitchedOff),
                (rules.acd_server.is_none(), Restraint::NoAcdServer),
            ],
        ),
        renamings: Intended::new(
            renamings,
            &[
                (!rules.create, Restraint::SwitchedOff),
                (too_many_renamed, Restraint::TooMany),
            ],
        ),
        deactivations: Intended::new(
            deactivations,
            &[
                (!rules.deactivate, Restraint::SwitchedOff),
                (!workers.complete, Restraint::ListIncomplete),
                (workers.agents.is_empty(), Restraint::ListEmpty),
                (rules.shared_server, Restraint::ServerShared),
                (too_many_gone, Restraint::TooMany),
            ],
        ),
    }
}

/// First and last name of a worker, where they are certain.
pub fn split(agent: &AgentFacts, names: AgentName) -> Option<(String, String)> {
    let name = agent.name.as_deref().filter(|_| agent.certain)?;
    let (first, last) = names.split(name);
    (!first.is_empty() || !last.is_empty()).then_some((first, last))
}

/// The form in which ACD IDs are compared.
fn key(acd_id: &str) -> String {
    acd_id.trim().to_ascii_lowercase()
}

/// A SID whose letters somebody typed small.
fn upper(acd_id: &str) -> String {
    let id = key(acd_id);
    match id.split_at_checked(2) {
        Some((prefix, digits)) => format!("{}{digits}", prefix.to_ascii_uppercase()),
        None => id,
    }
}

fn standing(people: &[&PersonFacts]) -> Standing {
    let ids = |wanted: bool| -> Vec<i64> {
        let those = people.iter().filter(|person| person.active == wanted);
        those.map(|person| person.id).collect()
    };
    match (ids(true).as_slice(), ids(false)) {
        ([one], _) => Standing::Known(*one),
        ([], inactive) if inactive.is_empty() => Standing::Unknown,
        ([], inactive) => Standing::Inactive(inactive),
        (several, _) => Standing::Twice(several.to_vec()),
    }
}

fn renaming(agent: &AgentFacts, person: &PersonFacts, names: AgentName) -> Option<Renaming> {
    let (first, last) = split(agent, names)?;
    if person.first.is_none() && person.last.is_none() {
        // The list does not tell names.
        return None;
    }
    let tidy = |name: &Option<String>| {
        let name = name.as_deref().unwrap_or_default();
        name.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    (tidy(&person.first) != first || tidy(&person.last) != last).then_some(Renaming {
        worker: agent.worker,
        person: person.id,
        first,
        last,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SERVER: i64 = 3;

    fn rules() -> PeopleRules {
        PeopleRules {
            create: true,
            deactivate: true,
            acd_server: Some(SERVER),
            names: AgentName::default(),
            shared_server: false,
        }
    }

    fn worker(number: u32) -> WorkerSid {
        // Digits that have letters among them, so that their case matters.
        format!("WK{:032x}", 0xabcd_0000_u32 + number)
            .parse()
            .unwrap()
    }

    fn agent(number: u32) -> AgentFacts {
        AgentFacts {
            worker: worker(number),
            name: Some(format!("Agent Number{number}")),
            certain: true,
            since: None,
        }
    }

    fn person(id: i64, number: u32) -> PersonFacts {
        PersonFacts {
            id,
            acd_id: Some(worker(number).to_string()),
            acd_server: Some(SERVER),
            first: Some("Agent".into()),
            last: Some(format!("Number{number}")),
            active: true,
        }
    }

    fn all(numbers: impl IntoIterator<Item = u32>) -> AgentList {
        AgentList {
            agents: numbers.into_iter().map(agent).collect(),
            complete: true,
        }
    }

    #[test]
    fn a_worker_is_known_whatever_the_case_of_the_acd_id() {
        let mut typed = person(1, 1);
        typed.acd_id = Some(format!(" {}", worker(1).to_string().to_ascii_lowercase()));
        let plan = plan(&all([1]), &[typed], &rules());
        assert_eq!(plan.agents, [(worker(1), Standing::Known(1))]);
        assert!(plan.creations.all.is_empty() && plan.deactivations.all.is_empty());
    }

    #[test]
    fn unknown_inactive_and_twice_are_told_apart_and_only_the_unknown_are_made() {
        let mut inactive = person(2, 2);
        inactive.active = false;
        let people = [person(1, 1), inactive, person(3, 3), person(4, 3)];
        let plan = plan(&all(1..=4), &people, &rules());
        let standings: Vec<_> = plan
            .agents
            .into_iter()
            .map(|(_, standing)| standing)
            .collect();
        assert_eq!(
            standings,
            [
                Standing::Known(1),
                Standing::Inactive(vec![2]),
                Standing::Twice(vec![3, 4]),
                Standing::Unknown
            ]
        );
        let made: Vec<_> = plan
            .creations
            .now()
            .iter()
            .map(|made| made.worker)
            .collect();
        assert_eq!(made, [worker(4)]);
        assert_eq!(
            plan.creations.all[0].names,
            Some(("Agent".into(), "Number4".into()))
        );
    }

    #[test]
    fn a_name_that_is_not_certain_makes_nobody_and_renames_nobody() {
        let mut vague = all([1, 2]);
        for agent in &mut vague.agents {
            agent.certain = false;
            agent.name = Some("login@example.com".into());
        }
        let plan = plan(&vague, &[person(1, 1)], &rules());
        assert!(plan.renamings.all.is_empty());
        assert_eq!(plan.creations.all[0].names, None);
    }

    #[test]
    fn a_person_is_renamed_when_its_worker_has_another_name() {
        let mut other = person(1, 1);
        other.last = Some("Before".into());
        let mut elsewhere = person(2, 2);
        elsewhere.last = Some("Before".into());
        elsewhere.acd_server = Some(SERVER + 1);
        let plan = plan(&all([1, 2]), &[other, elsewhere], &rules());
        let [renamed] = plan.renamings.now() else {
            panic!("one is renamed, and not that of another ACD server")
        };
        assert_eq!((renamed.person, renamed.last.as_str()), (1, "Number1"));
    }

    #[test]
    fn most_names_being_other_is_taken_for_a_wrong_format() {
        let mut rules = rules();
        rules.names.format = connector_config::NameOrder::LastFirst;
        let people: Vec<_> = (1..=10).map(|n| person(i64::from(n), n)).collect();
        let plan = plan(&all(1..=10), &people, &rules);
        assert_eq!(plan.renamings.all.len(), 10);
        assert_eq!(plan.renamings.held, Some(Restraint::TooMany));
    }

    #[test]
    fn a_list_that_is_not_complete_or_empty_deactivates_nobody() {
        let people = [person(1, 1), person(2, 2)];
        let mut cut = all([1]);
        assert_eq!(plan(&cut, &people, &rules()).deactivations.now().len(), 1);
        cut.complete = false;
        let held =
            |list: &AgentList, rules: &PeopleRules| plan(list, &people, rules).deactivations.held;
        assert_eq!(held(&cut, &rules()), Some(Restraint::ListIncomplete));
        assert_eq!(held(&all([]), &rules()), Some(Restraint::ListEmpty));
        let shared = PeopleRules {
            shared_server: true,
            ..rules()
        };
        assert_eq!(held(&all([1]), &shared), Some(Restraint::ServerShared));
        let off = PeopleRules {
            deactivate: false,
            ..rules()
        };
        assert_eq!(held(&all([1]), &off), Some(Restraint::SwitchedOff));
    }

    #[test]
    fn who_is_no_agent_of_this_acd_is_never_deactivated() {
        let mut supervisor = person(1, 1);
        supervisor.acd_id = None;
        let mut other_acd = person(2, 2);
        other_acd.acd_server = Some(SERVER + 1);
        let mut other_kind = person(3, 3);
        other_kind.acd_id = Some("4711".into());
        let mut gone_before = person(4, 4);
        gone_before.active = false;
        let mut untold = person(5, 5);
        untold.acd_server = None;
        let people = [supervisor, other_acd, other_kind, gone_before, untold];
        assert!(
            plan(&all([9]), &people, &rules())
                .deactivations
                .all
                .is_empty()
        );
        let unset = PeopleRules {
            acd_server: None,
            ..rules()
        };
        assert!(
            plan(&all([9]), &people, &unset)
                .deactivations
                .all
                .is_empty()
        );
    }

    #[test]
    fn nothing_is_made_without_the_acd_servers_number() {
        let unset = PeopleRules {
            acd_server: None,
            ..rules()
        };
        let plan = plan(&all([1]), &[], &unset);
        assert_eq!(plan.creations.held, Some(Restraint::NoAcdServer));
    }

    #[test]
    fn debug_shows_no_name() {
        let plan = plan(&all([1]), &[], &rules());
        let shown = format!("{plan:?} {:?} {:?}", agent(1), person(1, 1));
        assert!(!shown.contains("Number1"), "{shown}");
    }

    /// The people as they are once a plan is carried out.
    fn carried_out(plan: &AgentPlan, people: &[PersonFacts]) -> Vec<PersonFacts> {
        let mut people = people.to_vec();
        for person in &mut people {
            for renamed in plan
                .renamings
                .now()
                .iter()
                .filter(|it| it.person == person.id)
            {
                person.first = Some(renamed.first.clone());
                person.last = Some(renamed.last.clone());
            }
            if plan
                .deactivations
                .now()
                .iter()
                .any(|it| it.person == person.id)
            {
                person.active = false;
            }
        }
        for (id, made) in (10_000..).zip(plan.creations.now()) {
            let (first, last) = made.names.clone().unwrap_or_default();
            people.push(PersonFacts {
                id,
                acd_id: Some(made.worker.to_string()),
                acd_server: Some(SERVER),
                first: Some(first),
                last: Some(last),
                active: true,
            });
        }
        people
    }

    prop_compose! {
        fn any_person(id: i64)(
            number in 0_u32..30,
            kind in 0_u8..12,
            active in prop::bool::weighted(0.9),
            small in any::<bool>(),
        ) -> PersonFacts {
            let mut person = person(id, number);
            person.active = active;
            if small {
                person.acd_id = person.acd_id.map(|id| id.to_ascii_lowercase());
            }
            match kind {
                0 => person.acd_id = None,
                1 => person.acd_id = Some("4711".into()),
                2 => person.acd_server = Some(SERVER + 1),
                3 => person.last = Some("Other".into()),
                4 => (person.first, person.last) = (None, None),
                _ => {}
            }
            person
        }
    }

    fn any_people() -> impl Strategy<Value = Vec<PersonFacts>> {
        (0_i64..40).prop_flat_map(|count| (1..=count).map(any_person).collect::<Vec<_>>())
    }

    fn any_workers() -> impl Strategy<Value = AgentList> {
        let numbers = prop::collection::vec(0_u32..30, 0..30);
        (numbers, any::<bool>()).prop_map(|(numbers, complete)| AgentList {
            complete,
            ..all(numbers)
        })
    }

    proptest! {
        #[test]
        fn nobody_is_made_for_whom_somebody_stands_and_nobody_twice(workers in any_workers(), people in any_people()) {
            let plan = plan(&workers, &people, &rules());
            let mut made = BTreeSet::new();
            for creation in &plan.creations.all {
                prop_assert!(made.insert(key(creation.worker.as_str())));
                prop_assert!(workers.agents.iter().any(|agent| agent.worker == creation.worker));
                prop_assert!(!people.iter().any(|person| person.acd_id.as_deref().map(key) == Some(key(creation.worker.as_str()))));
            }
        }

        #[test]
        fn only_people_of_this_acd_whose_worker_is_in_no_complete_list_are_deactivated(workers in any_workers(), people in any_people()) {
            let plan = plan(&workers, &people, &rules());
            if !workers.complete || workers.agents.is_empty() {
                prop_assert!(plan.deactivations.now().is_empty());
            }
            for gone in &plan.deactivations.all {
                let person = people.iter().find(|person| person.id == gone.person).unwrap();
                prop_assert!(person.active && person.acd_server == Some(SERVER));
                prop_assert!(gone.worker.eq_ignore_case(person.acd_id.as_deref().unwrap()));
                prop_assert!(!workers.agents.iter().any(|agent| agent.worker.eq_ignore_case(gone.worker.as_str())));
            }
            let active = people.iter().filter(|person| person.active).count();
            prop_assert!(plan.deactivations.now().len() <= FEW.max(active / 5));
        }

        #[test]
        fn a_plan_that_was_carried_out_leaves_nothing_to_be_done_but_what_it_held_back(workers in any_workers(), people in any_people()) {
            let first = plan(&workers, &people, &rules());
            let after = plan(&workers, &carried_out(&first, &people), &rules());
            prop_assert!(after.creations.now().is_empty());
            if first.renamings.held.is_none() {
                prop_assert!(after.renamings.now().is_empty(), "{:?}", after.renamings);
            }
            if first.deactivations.held.is_none() {
                prop_assert!(after.deactivations.all.is_empty());
            }
            // Whoever was known stays known.
            for (worker, standing) in &first.agents {
                if let Standing::Known(_) = standing {
                    prop_assert!(after.agents.contains(&(*worker, standing.clone())));
                }
            }
        }

        #[test]
        fn with_both_switches_off_nothing_is_done(workers in any_workers(), people in any_people()) {
            let off = PeopleRules { create: false, deactivate: false, ..rules() };
            let plan = plan(&workers, &people, &off);
            prop_assert!(plan.creations.now().is_empty() && plan.renamings.now().is_empty() && plan.deactivations.now().is_empty());
        }
    }
}
