//! Agents and people: who of TaskRouter's workers is known to Calabrio, and what the switches do about it.

use std::collections::BTreeMap;

use calabrio_client::CalabrioClient;
use chrono::{DateTime, Utc};
use connector_config::Acd;
use serde::Serialize;
use service_runtime::{Mood, Page, Report, Table};
use twilio_client::TwilioClient;
use twilio_sid::WorkerSid;

use super::ReportError;
use crate::policy::agents::{
    AgentList, Intended, PeopleRules, PersonFacts, Restraint, Standing, plan,
};
use crate::runner::agents as kept;

/// The agents of every ACD.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentsReport {
    /// Each ACD.
    pub acds: Vec<AcdAgents>,
}

/// The agents of one ACD.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AcdAgents {
    /// Its name.
    pub acd: String,
    /// Each worker, in TaskRouter's order.
    pub agents: Vec<AgentLine>,
    /// People of this ACD's server whose worker TaskRouter does not have any more.
    pub vanished: Vec<VanishedLine>,
    /// Whether TaskRouter's list was read whole.
    pub complete: bool,
    /// Making people.
    pub create: Intention,
    /// Renaming people.
    pub rename: Intention,
    /// Deactivating people.
    pub deactivate: Intention,
    /// How many workers nobody stands for, or more than one person does.
    pub unresolved: usize,
}

/// What a switch does, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Intention {
    /// To how many people.
    pub people: usize,
    /// Why it is not done; `None` where `run` does it.
    pub held: Option<Restraint>,
}

impl Intention {
    fn of<T>(intended: &Intended<T>, switched_on: bool) -> Self {
        Self {
            people: intended.all.len(),
            held: if switched_on {
                intended.held
            } else {
                Some(Restraint::SwitchedOff)
            },
        }
    }
}

/// A worker, and who stands for it. The name is the agent's; it is printed and never logged.
#[derive(Clone, PartialEq, Serialize)]
pub struct AgentLine {
    /// The worker.
    pub worker: WorkerSid,
    /// The first name, by the configured format.
    pub first: String,
    /// The last name.
    pub last: String,
    /// Whether the name is certain: a list may leave out the attribute that holds it.
    pub name_certain: bool,
    /// How it stands in Calabrio.
    #[serde(flatten)]
    pub standing: Standing,
    /// Whether the person has another name.
    pub named_otherwise: bool,
}

impl std::fmt::Debug for AgentLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentLine")
            .field("worker", &self.worker)
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}

/// A person whose worker vanished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VanishedLine {
    /// The worker.
    pub worker: WorkerSid,
    /// The person's number in Calabrio.
    pub person: i64,
}

/// Asks both vendors, and compares. Nothing is changed.
pub async fn agents(
    acd: &Acd,
    rules: &PeopleRules,
    twilio: &TwilioClient,
    calabrio: &CalabrioClient,
    now: DateTime<Utc>,
) -> Result<AcdAgents, ReportError> {
    let (list, _) = kept::workers(twilio, acd.twilio.workspace_sid).await?;
    let listed = calabrio.people().await?;
    Ok(compare(
        &acd.name,
        &list,
        &kept::people(&listed, now),
        rules,
    ))
}

fn compare(
    acd: &str,
    workers: &AgentList,
    people: &[PersonFacts],
    rules: &PeopleRules,
) -> AcdAgents {
    let plan = plan(workers, people, rules);
    let facts: BTreeMap<_, _> = workers
        .agents
        .iter()
        .map(|agent| (agent.worker, agent))
        .collect();
    let agents: Vec<AgentLine> = plan
        .agents
        .iter()
        .map(|(worker, standing)| {
            let agent = facts.get(worker);
            let name = agent.and_then(|agent| agent.name.as_deref());
            let (first, last) = name.map(|name| rules.names.split(name)).unwrap_or_default();
            AgentLine {
                worker: *worker,
                first,
                last,
                name_certain: agent.is_some_and(|agent| agent.certain),
                standing: standing.clone(),
                named_otherwise: plan.renamings.all.iter().any(|it| it.worker == *worker),
            }
        })
        .collect();
    let unresolved =
        |line: &&AgentLine| matches!(line.standing, Standing::Unknown | Standing::Twice(_));
    AcdAgents {
        acd: acd.to_owned(),
        unresolved: agents.iter().filter(unresolved).count(),
        agents,
        vanished: plan
            .deactivations
            .all
            .iter()
            .map(|gone| VanishedLine {
                worker: gone.worker,
                person: gone.person,
            })
            .collect(),
        complete: workers.complete,
        create: Intention::of(&plan.creations, rules.create),
        rename: Intention::of(&plan.renamings, rules.create),
        deactivate: Intention::of(&plan.deactivations, rules.deactivate),
    }
}

impl Report for AgentsReport {
    fn page(&self, page: &mut Page) {
        for (place, acd) in self.acds.iter().enumerate() {
            if place > 0 {
                page.line("");
            }
            acd_page(acd, page);
        }
    }
}

fn acd_page(acd: &AcdAgents, page: &mut Page) {
    page.line(&acd.acd);
    let mut table = Table::new(["worker", "first name", "last name", "in Calabrio", "person"]);
    for line in &acd.agents {
        let (standing, mood) = in_words(line);
        let people: Vec<_> = people_of(&line.standing)
            .iter()
            .map(i64::to_string)
            .collect();
        table.row_with_moods([
            (line.worker.to_string(), None),
            (line.first.clone(), None),
            (line.last.clone(), None),
            (standing.to_owned(), Some(mood)),
            (people.join(", "), None),
        ]);
    }
    for gone in &acd.vanished {
        table.row_with_moods([
            (gone.worker.to_string(), None),
            (String::new(), None),
            (String::new(), None),
            ("known; the worker is gone".to_owned(), Some(Mood::Careful)),
            (gone.person.to_string(), None),
        ]);
    }
    page.table(table);
    if !acd.complete {
        page.mood(
            Mood::Careful,
            "some of Twilio's workers cannot be read: the list is not complete",
        );
    }
    for (what, intention) in [
        ("made", acd.create),
        ("renamed", acd.rename),
        ("deactivated", acd.deactivate),
    ] {
        let people = match intention.people {
            1 => "1 person".to_owned(),
            people => format!("{people} people"),
        };
        match intention.held {
            _ if intention.people == 0 => page.mood(Mood::Quiet, format!("nobody is to be {what}")),
            None => page.line(format!("run gets {people} {what}")),
            Some(why) => page.mood(
                Mood::Careful,
                format!("{people} would be {what}, but: {}", why.in_words()),
            ),
        };
    }
}

fn in_words(line: &AgentLine) -> (&'static str, Mood) {
    match line.standing {
        Standing::Known(_) if line.named_otherwise => ("known by another name", Mood::Careful),
        Standing::Known(_) => ("known", Mood::Good),
        Standing::Inactive(_) => ("not active there", Mood::Careful),
        Standing::Twice(_) => ("more than one person", Mood::Bad),
        Standing::Unknown => ("unknown", Mood::Bad),
    }
}

fn people_of(standing: &Standing) -> &[i64] {
    match standing {
        Standing::Known(person) => std::slice::from_ref(person),
        Standing::Inactive(people) | Standing::Twice(people) => people,
        Standing::Unknown => &[],
    }
}

#[cfg(test)]
mod tests {
    use connector_config::AgentName;
    use service_runtime::{Output, Terminal, print_report};

    use super::*;
    use crate::policy::agents::AgentFacts;

    fn worker(number: u32) -> WorkerSid {
        format!("WK{number:032}").parse().unwrap()
    }

    fn agent(number: u32, name: &str) -> AgentFacts {
        AgentFacts {
            worker: worker(number),
            name: Some(name.to_owned()),
            certain: true,
            since: None,
        }
    }

    fn person(id: i64, number: u32, first: &str, last: &str) -> PersonFacts {
        PersonFacts {
            id,
            acd_id: Some(worker(number).to_string().to_ascii_lowercase()),
            acd_server: Some(3),
            first: Some(first.to_owned()),
            last: Some(last.to_owned()),
            active: true,
        }
    }

    fn report(create: bool) -> AgentsReport {
        let list = AgentList {
            agents: vec![
                agent(1, "Ada King Lovelace"),
                agent(2, "Grace Hopper"),
                agent(3, "Mononym"),
            ],
            complete: true,
        };
        let people = [
            person(7, 1, "Ada", "King Lovelace"),
            person(8, 2, "Grace", "Murray"),
            person(9, 4, "Otto", "Former"),
        ];
        let rules = PeopleRules {
            create,
            deactivate: false,
            acd_server: Some(3),
            names: AgentName::default(),
            shared_server: false,
        };
        AgentsReport {
            acds: vec![compare("main", &list, &people, &rules)],
        }
    }

    #[test]
    fn each_worker_is_told_with_its_split_name_and_who_stands_for_it() {
        let report = report(false);
        let acd = &report.acds[0];
        let lines: Vec<_> = acd
            .agents
            .iter()
            .map(|line| (line.first.as_str(), line.last.as_str(), in_words(line).0))
            .collect();
        assert_eq!(
            lines,
            [
                ("Ada", "King Lovelace", "known"),
                ("Grace", "Hopper", "known by another name"),
                ("", "Mononym", "unknown"),
            ]
        );
        assert_eq!(
            acd.vanished,
            [VanishedLine {
                worker: worker(4),
                person: 9
            }]
        );
        assert_eq!(acd.unresolved, 1);
    }

    #[test]
    fn what_a_switch_would_do_is_told_where_it_is_off_and_what_it_does_where_it_is_on() {
        let printed = |create| {
            let mut out = Vec::new();
            print_report(&report(create), Output::Table, Terminal::NONE, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let off = printed(false);
        assert!(
            off.contains("1 person would be made, but: the switch under [acd.people] is off"),
            "{off}"
        );
        assert!(
            off.contains("1 person would be deactivated, but: the switch"),
            "{off}"
        );
        let on = printed(true);
        assert!(on.contains("run gets 1 person made"), "{on}");
        assert!(on.contains("run gets 1 person renamed"), "{on}");
        assert!(on.contains("known; the worker is gone"), "{on}");
        let json = serde_json::to_value(report(true)).unwrap();
        assert_eq!(json["acds"][0]["agents"][0]["standing"], "known");
        assert_eq!(json["acds"][0]["agents"][0]["people"], 7);
        assert_eq!(json["acds"][0]["deactivate"]["held"], "switched-off");
    }

    #[test]
    fn debug_shows_no_name() {
        let shown = format!("{:?}", report(true));
        assert!(
            !shown.contains("Lovelace") && !shown.contains("Mononym"),
            "{shown}"
        );
    }
}
