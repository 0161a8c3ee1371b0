//! Which events tell what happens on a floor.

use chrono::{DateTime, Utc};

use super::live::{Occurrence, What};
use crate::floor::instant;
use crate::floor::timeline::Contact;
use crate::push::forms;
use crate::world::World;
use crate::world::model::Conference;

/// Collects what is told.
pub(super) struct Told {
    /// Whether tasks and all that happens in conferences are told, too, and not only what changes an agent's state.
    pub(super) tasks: bool,
    pub(super) occurrences: Vec<Occurrence>,
}

impl Told {
    fn add(&mut self, at: DateTime<Utc>, what: What) {
        self.occurrences.push(Occurrence { at, what });
    }

    pub(super) fn worker(&mut self, world: &World, worker: usize) {
        let changes = &world.workers[worker].changes;
        for (change, (before, after)) in (1..).zip(changes.iter().zip(changes.iter().skip(1))) {
            if before.activity_since != after.activity_since {
                self.add(after.at, What::Activity { worker, change });
            }
            if before.attributes != after.attributes {
                self.add(after.at, What::Attributes { worker, change });
            }
        }
    }

    /// What is told of the last task.
    pub(super) fn task(&mut self, world: &World, contact: &Contact) {
        let task = world.tasks.len() - 1;
        let it = &world.tasks[task];
        let mut before = "";
        for (version, told) in it.versions.iter().enumerate().filter(|_| self.tasks) {
            let kinds: &[&str] = match (before, told.status) {
                ("", _) => &["task.created", "task-queue.entered"],
                ("assigned", "assigned") => &["task.updated"],
                (_, "wrapping") => &["task.wrapup"],
                (_, "completed") => &["task.completed"],
                (_, "canceled") => &["task.canceled"],
                _ => &[],
            };
            before = told.status;
            for kind in kinds {
                self.occurrences.push(Occurrence {
                    at: told.at,
                    what: What::Task {
                        task,
                        version,
                        kind,
                    },
                });
            }
        }
        for (leg, offer) in it.reservations.iter().enumerate() {
            for (status, (at, _)) in offer.statuses.iter().enumerate() {
                self.add(*at, What::Reservation { task, leg, status });
            }
            let called_in = contact.legs[leg].called_in && self.tasks;
            if let Some((first, accepted)) = contact.legs[leg]
                .accepted()
                .filter(|_| called_in)
                .and_then(|(at, ..)| {
                    let first = contact
                        .legs
                        .iter()
                        .position(|first| !first.called_in && first.accepted().is_some());
                    Some((first?, at))
                })
            {
                let legs = (first, leg);
                self.add(
                    offer.statuses[0].0,
                    What::Transfer {
                        task,
                        legs,
                        done: false,
                    },
                );
                self.add(
                    instant(accepted),
                    What::Transfer {
                        task,
                        legs,
                        done: true,
                    },
                );
            }
        }
    }

    pub(super) fn conference(&mut self, conference: usize, it: &Conference) {
        for ((at, event, who), number) in forms::changes(it).into_iter().zip(1_u32..) {
            let participant =
                who.and_then(|who| it.participants.iter().position(|one| one.sid == who.sid));
            if self.tasks || event.ends_with("hold") {
                self.add(
                    at,
                    What::Conference {
                        conference,
                        event,
                        participant,
                        number,
                    },
                );
            }
        }
    }
}
