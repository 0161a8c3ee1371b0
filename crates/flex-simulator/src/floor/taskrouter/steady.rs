//! A floor on which something happens at a constant rate: for measurements, where what happens matters less than how often.

use serde::{Deserialize, Serialize};

use crate::floor::timeline::{Agent, Contact, Leg, Names, Outcome, Queue, Timeline};
use crate::floor::{FloorScenario, Millis, QUARTER};
use crate::world::dice::Dice;

/// Changes of agents' states at a constant rate, one agent after the other: logged in, offered a call, talking, hold, talking, wrapping
/// up, done, on a break. Each is one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steady {
    /// How many events a second, by the floor's clock: 1 to 100,000.
    pub events_per_second: u32,
    /// For how many seconds contacts begin: 1 to 3,600. What has begun is brought to its end at the same rate.
    pub seconds: u32,
}

/// Indexes of the activities.
const OFFLINE: usize = 0;
const WORKING: usize = 1;
const BREAK: usize = 2;
/// The steps of a round.
const STEPS: u64 = 8;

/// The timeline of a scenario that was checked.
pub(in crate::floor) fn steady(
    scenario: &FloorScenario,
    steady: Steady,
    mut dice: Dice,
) -> Timeline {
    let from = scenario.from.timestamp_millis();
    let count = u64::from(scenario.agents);
    let mut agents: Vec<Agent> = (0..count)
        .map(|index| Agent {
            sid: dice.sid("WK"),
            names: vec![Names {
                at: Millis::MIN,
                login: format!("agent-{index:05}@example.com"),
                full_name: format!("Agent {index:05}"),
            }],
            activities: vec![(Millis::MIN, OFFLINE)],
        })
        .collect();
    let queues = (0..scenario.queues).map(|index| Queue {
        sid: dice.sid("WQ"),
        names: vec![(Millis::MIN, format!("Queue {index}"))],
    });
    let queues: Vec<Queue> = queues.collect();
    let mut contacts: Vec<Contact> = Vec::new();
    // The contact that each agent is busy with.
    let mut busy: Vec<Option<usize>> = vec![None; agents.len()];
    let mut open = 0_usize;
    let rate = u64::from(steady.events_per_second);
    let regular = rate * u64::from(steady.seconds);
    let mut last = from;
    for number in 0_u64.. {
        if number >= regular && open == 0 {
            break;
        }
        let at = from + Millis::try_from(number * 1_000 / rate).unwrap_or(Millis::MAX / 2);
        last = at;
        let place = usize::try_from(number % count).unwrap_or_default();
        let (agent, visit) = (&mut agents[place], number / count);
        // Not all go through the same at the same time.
        let idle = number % count % 4 * 2;
        let step = if visit < idle {
            visit % 2 * 7
        } else {
            (visit - idle) % STEPS
        };
        let contact = busy[place].map(|contact| &mut contacts[contact]);
        match (step, contact) {
            (1, None) if number < regular => {
                busy[place] = Some(contacts.len());
                open += 1;
                contacts.push(offered(&mut dice, place, contacts.len() % queues.len(), at));
            }
            (2, Some(contact)) => accept(contact, at),
            (3, Some(contact)) => contact.holds.push((at, at)),
            (4, Some(contact)) => {
                if let Some(hold) = contact.holds.last_mut() {
                    hold.1 = at;
                }
            }
            (5, Some(contact)) => {
                contact.left = at;
                change(contact, |wrap_up, _| *wrap_up = at);
            }
            (6, Some(contact)) => {
                change(contact, |_, completed| *completed = at);
                busy[place] = None;
                open -= 1;
            }
            (0, _) if number < regular => agent.activities.push((at, WORKING)),
            (7, _) if number < regular => agent.activities.push((at, BREAK)),
            _ => {}
        }
    }
    let hours = (from.div_euclid(QUARTER) + Millis::from(scenario.hours) * 4) * QUARTER;
    let end = (last.div_euclid(QUARTER) + 2) * QUARTER;
    Timeline {
        from,
        to: hours.max(end),
        agents,
        queues,
        contacts,
    }
}

fn offered(dice: &mut Dice, agent: usize, queue: usize, at: Millis) -> Contact {
    Contact {
        sid: dice.sid("WT"),
        voice: true,
        queue,
        created: at,
        customer: dice.phone(),
        customer_call: dice.sid("CA"),
        conference: dice.sid("CF"),
        legs: vec![Leg {
            sid: dice.sid("WR"),
            agent,
            offered: at,
            outcome: Outcome::Canceled(at),
            called_in: false,
            call: dice.sid("CA"),
        }],
        holds: Vec::new(),
        abandoned: None,
        left: at,
        transfer: None,
    }
}

fn accept(contact: &mut Contact, at: Millis) {
    contact.legs[0].outcome = Outcome::Accepted {
        at,
        wrap_up: at,
        completed: at,
    };
}

/// Changes when the wrap-up of a contact's leg began, or when it was over.
fn change(contact: &mut Contact, change: impl FnOnce(&mut Millis, &mut Millis)) {
    if let Outcome::Accepted {
        wrap_up, completed, ..
    } = &mut contact.legs[0].outcome
    {
        change(wrap_up, completed);
    }
}
