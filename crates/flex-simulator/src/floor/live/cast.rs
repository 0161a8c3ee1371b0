//! Who is on the floor, and which queues there are.

use super::super::Millis;
use super::super::timeline::{Agent, Names, Queue};
use super::OFFLINE;
use crate::world::dice::Dice;

const FIRST: [&str; 12] = [
    "Amara", "Bela", "Chloé", "Dinesh", "Erik", "Fatima", "Gösta", "Hui", "Inés", "Jakub", "Kofi",
    "Leila",
];
const LAST: [&str; 11] = [
    "Adeyemi",
    "Brandt",
    "Costa, Jr.",
    "Dvořák",
    "Eriksen",
    "Fraser",
    "Gupta",
    "Haddad",
    "Ito",
    "Jansen",
    "O'Neill",
];
const QUEUES: [&str; 6] = [
    "Billing",
    "Orders & Returns",
    "Technical, Tier 1",
    "Ventes",
    "Schäden",
    "VIP",
];

pub(super) fn agent(dice: &mut Dice, index: usize) -> Agent {
    let (first, last) = (
        FIRST[index % FIRST.len()],
        LAST[index / FIRST.len() % LAST.len()],
    );
    let full_name = match index / (FIRST.len() * LAST.len()) {
        0 => format!("{first} {last}"),
        more => format!("{first} {last} {}", more + 1),
    };
    Agent {
        sid: dice.sid("WK"),
        names: vec![Names {
            at: Millis::MIN,
            login: format!("agent-{index:03}@example.com"),
            full_name,
        }],
        activities: vec![(Millis::MIN, OFFLINE)],
    }
}

pub(super) fn queue(dice: &mut Dice, index: usize) -> Queue {
    let name = QUEUES[index % QUEUES.len()];
    let name = match index / QUEUES.len() {
        0 => name.to_owned(),
        more => format!("{name} {}", more + 1),
    };
    Queue {
        sid: dice.sid("WQ"),
        names: vec![(Millis::MIN, name)],
    }
}
