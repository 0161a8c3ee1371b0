//! The contact centre itself: queues, activities, agents.

use serde_json::json;

use crate::scenario::Scenario;
use crate::world::dice::Dice;
use crate::world::model::{Activity, Queue, Worker};

const FIRST: [&str; 10] = [
    "Ada", "Björn", "Chiara", "Dmitri", "Eilidh", "Farid", "Grace", "Hana", "Ivo", "Jun",
];
const LAST: [&str; 9] = [
    "Okafor",
    "Lindqvist",
    "de la Cruz",
    "Petrov",
    "MacLeod",
    "Nasser",
    "Hopper",
    "Sato",
    "Horvat",
];

/// Index of the queue that the exclusion rule names.
pub(super) const EXCLUDED_QUEUE: usize = 3;

/// Sales, support and claims take the calls; the last queue is for tests.
pub(super) fn queues(dice: &mut Dice) -> Vec<Queue> {
    ["Sales", "Support", "Claims", "Test Calls"]
        .into_iter()
        .map(|name| Queue {
            sid: dice.sid("WQ"),
            name: name.to_owned(),
            renamed: Vec::new(),
        })
        .collect()
}

/// What `TaskRouter` provides, and two of an operator's own. The first is the one of who is logged out.
pub(super) fn activities(dice: &mut Dice) -> Vec<Activity> {
    [
        ("Offline", false),
        ("Available", true),
        ("Unavailable", false),
        ("Break", false),
        ("Training", false),
    ]
    .into_iter()
    .map(|(name, available)| Activity {
        sid: dice.sid("WA"),
        name: name.to_owned(),
        available,
    })
    .collect()
}

/// The agents. One in three is known by a single name; Calabrio does not know the last ones, where the scenario says so.
pub(super) fn workers(dice: &mut Dice, scenario: &Scenario) -> Vec<Worker> {
    let count = usize::try_from(scenario.agents).unwrap_or(0);
    let known = count.saturating_sub(usize::try_from(scenario.unknown_agents).unwrap_or(0));
    (0..count)
        .map(|index| {
            let first = FIRST[index % FIRST.len()];
            let full_name = if index % 3 == 2 {
                format!("{first}{}", index / FIRST.len())
            } else {
                format!("{first} {}", LAST[(index * 4 + index / 3) % LAST.len()])
            };
            let identity = format!("agent_{index:03}_40example_2Ecom");
            Worker {
                sid: dice.sid("WK"),
                name: format!("agent-{index:03}@example.com"),
                attributes: json!({
                    "full_name": full_name,
                    "email": format!("agent-{index:03}@example.com"),
                    "contact_uri": format!("client:{identity}"),
                    "roles": ["agent"],
                    "team_name": if index % 2 == 0 { "North" } else { "South" },
                })
                .to_string(),
                full_name,
                identity,
                activity: 1 + index % 4,
                known: index < known,
                changes: Vec::new(),
            }
        })
        .collect()
}
