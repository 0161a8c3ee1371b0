//! `TaskRouter`'s side of a floor: its timeline as what Twilio holds at every instant, and the events that tell it.

mod live;
mod snapshot;
mod steady;
#[cfg(test)]
mod tests;
mod told;

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;

use super::timeline::{Agent, Contact, Outcome, Timeline};
use super::{FloorActivity, FloorRun, Millis, instant};
use crate::world::World;
use crate::world::conversation::TaskChannel;
use crate::world::dice::Dice;
use crate::world::model::{
    Activity, Conference, Participant, Queue, Reservation, Task, TaskVersion, Worker, WorkerChange,
};

pub(crate) use live::Live;
use live::{Occurrence, What};
pub use steady::Steady;
pub(super) use steady::steady;
use told::Told;

/// The stream of the seed for what floors do not say.
const STREAM: u64 = 0xf100_0000_0000_0001;

/// Puts what happens on a floor in the place of a world's agents, queues and contacts.
pub(crate) fn furnish(world: &mut World, run: &FloorRun) {
    let floor = run.floor();
    let (scenario, timeline) = (floor.scenario(), &floor.timeline);
    let mut dice = Dice::new(world.seed(), STREAM);
    world.activities = scenario
        .activities
        .iter()
        .map(|it| activity(&mut dice, it))
        .collect();
    world.queues = timeline.queues.iter().map(queue).collect();
    world.workers = timeline.agents.iter().map(worker).collect();
    (world.tasks, world.conferences) = (Vec::new(), Vec::new());
    (world.events, world.calls, world.recordings) = (Vec::new(), Vec::new(), Vec::new());
    (world.conversations, world.interactions) = (Vec::new(), Vec::new());
    let mut told = Told {
        tasks: scenario.steady.is_none(),
        occurrences: Vec::new(),
    };
    for agent in 0..world.workers.len() {
        told.worker(world, agent);
    }
    for contact in &timeline.contacts {
        world
            .tasks
            .push(task(&mut dice, world.account_sid(), contact));
        told.task(world, contact);
        if let Some(conference) = conference(&mut dice, contact, &world.workers) {
            told.conference(world.conferences.len(), &conference);
            world.conferences.push(conference);
        }
    }
    let mut occurrences = told.occurrences;
    newest_first(world, &mut occurrences);
    occurrences.sort_by_key(|it| it.at);
    world.live = Some(Live {
        occurrences,
        seed: world.seed(),
        offers: offers(timeline),
        longest: TimeDelta::milliseconds(longest(timeline)),
    });
}

/// Puts conferences into the order in which Twilio lists them.
fn newest_first(world: &mut World, occurrences: &mut [Occurrence]) {
    let mut order: Vec<usize> = (0..world.conferences.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(world.conferences[*place].start));
    let mut places = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        places[*old] = new;
    }
    let mut pairs: Vec<_> = places.iter().zip(world.conferences.drain(..)).collect();
    pairs.sort_by_key(|(place, _)| **place);
    world.conferences = pairs
        .into_iter()
        .map(|(_, conference)| conference)
        .collect();
    for it in occurrences {
        if let What::Conference { conference, .. } = &mut it.what {
            *conference = places[*conference];
        }
    }
}

fn activity(dice: &mut Dice, activity: &FloorActivity) -> Activity {
    Activity {
        sid: dice.sid("WA"),
        name: activity.name.clone(),
        available: activity.available,
    }
}

fn queue(queue: &super::timeline::Queue) -> Queue {
    let mut names = queue.names.iter();
    let first = names.next().map_or("", |(_, name)| name.as_str());
    Queue {
        sid: queue.sid.clone(),
        name: first.to_owned(),
        renamed: names
            .map(|(at, name)| (instant(*at), name.clone()))
            .collect(),
    }
}

/// An agent; what holds from long ago is not a change.
fn worker(agent: &Agent) -> Worker {
    let attributes = |login: &str, full_name: &str| {
        json!({
            "full_name": full_name,
            "email": login,
            "contact_uri": format!("client:{}", agent.sid),
            "roles": ["agent"],
        })
        .to_string()
    };
    let long_ago = agent
        .activities
        .iter()
        .map(|(at, _)| *at)
        .find(|at| *at > Millis::MIN);
    let long_ago = instant(long_ago.unwrap_or_default()) - TimeDelta::days(1);
    let when = |at: Millis| {
        if at == Millis::MIN {
            long_ago
        } else {
            instant(at)
        }
    };
    let mut moments: Vec<Millis> = agent.names.iter().map(|names| names.at).collect();
    moments.extend(agent.activities.iter().map(|(at, _)| *at));
    moments.sort_unstable();
    moments.dedup();
    let mut known: Option<(Millis, Arc<str>, Arc<str>)> = None;
    let mut changes = Vec::with_capacity(moments.len());
    for at in moments {
        let names = super::timeline::at(&agent.names, at, |names| names.at);
        if let Some(names) =
            names.filter(|names| known.as_ref().is_none_or(|(since, ..)| *since != names.at))
        {
            let text = attributes(&names.login, &names.full_name);
            known = Some((names.at, names.login.as_str().into(), text.into()));
        }
        let activity = super::timeline::at(&agent.activities, at, |(at, _)| *at);
        if let (Some((_, name, attributes)), Some((since, activity))) = (&known, activity) {
            changes.push(WorkerChange {
                at: when(at),
                name: Arc::clone(name),
                attributes: Arc::clone(attributes),
                activity: *activity,
                activity_since: when(*since),
            });
        }
    }
    let first = agent.names.first();
    let (name, full_name) = first.map_or(("", ""), |it| (it.login.as_str(), it.full_name.as_str()));
    Worker {
        sid: agent.sid.clone(),
        name: name.to_owned(),
        full_name: full_name.to_owned(),
        identity: agent.sid.clone(),
        attributes: attributes(name, full_name),
        activity: 0,
        known: true,
        changes,
    }
}

/// The contact's task: what it was from which instant on, and its offers.
fn task(dice: &mut Dice, account: &str, contact: &Contact) -> Task {
    let first = contact.taken().map(|(_, (at, ..))| at).min();
    let mut course: Vec<(Millis, &'static str)> = vec![(contact.created, "pending")];
    for leg in &contact.legs {
        let before = first.is_none_or(|first| leg.offered < first);
        if before {
            course.push((leg.offered, "reserved"));
        }
        if let Outcome::Rejected(at) | Outcome::TimedOut(at) = leg.outcome
            && before
        {
            course.push((at, "pending"));
        }
    }
    let wraps = contact.taken().map(|(_, (_, wrap_up, _))| wrap_up).max();
    course.extend(first.map(|at| (at, "assigned")));
    // A moment later the conference stands in the attributes.
    let connected = first.map(|at| (at + 150).min(wraps.unwrap_or(at)));
    course.extend(
        connected
            .filter(|_| contact.voice)
            .map(|at| (at, "assigned")),
    );
    course.extend(wraps.map(|at| (at, "wrapping")));
    let end = if contact.abandoned.is_some() {
        "canceled"
    } else {
        "completed"
    };
    course.push((contact.over(), end));
    course.sort_by_key(|(at, _)| *at);
    let versions = course
        .into_iter()
        .zip(0..)
        .map(|((at, status), version)| TaskVersion {
            at: instant(at),
            version,
            status,
            attributes: attributes(
                account,
                contact,
                connected.is_some_and(|connected| at >= connected),
            ),
        });
    Task {
        sid: contact.sid.clone(),
        channel: if contact.voice {
            TaskChannel::Voice
        } else {
            TaskChannel::Chat
        },
        queue: contact.queue,
        versions: versions.collect(),
        gone_at: instant(contact.over() + dice.millis(120_000, 300_000)),
        reason: contact.abandoned.map(|_| "hangup".to_owned()),
        reservations: contact.legs.iter().map(reservation).collect(),
    }
}

fn attributes(account: &str, contact: &Contact, connected: bool) -> String {
    let mut attributes = json!({
        "direction": "inbound",
        "from": contact.customer,
        "name": contact.customer,
        "account_sid": account,
    });
    if contact.voice {
        attributes["call_sid"] = contact.customer_call.clone().into();
        if connected {
            let first = contact.taken().min_by_key(|(_, (at, ..))| *at);
            attributes["conference"] = json!({
                "sid": contact.conference,
                "participants": {"worker": first.map(|(leg, _)| &leg.call), "customer": contact.customer_call},
            });
        }
    } else {
        attributes["channelType"] = "web".into();
    }
    attributes.to_string()
}

fn reservation(leg: &super::timeline::Leg) -> Reservation {
    let mut statuses = vec![(instant(leg.offered), "pending")];
    match leg.outcome {
        Outcome::Rejected(at) => statuses.push((instant(at), "rejected")),
        Outcome::TimedOut(at) => statuses.push((instant(at), "timeout")),
        Outcome::Canceled(at) => statuses.push((instant(at), "canceled")),
        Outcome::Accepted {
            at,
            wrap_up,
            completed,
        } => statuses.extend([
            (instant(at), "accepted"),
            (instant(wrap_up), "wrapping"),
            (instant(completed), "completed"),
        ]),
    }
    Reservation {
        sid: leg.sid.clone(),
        worker: leg.agent,
        statuses,
    }
}

/// The conference of a call that was taken.
fn conference(dice: &mut Dice, contact: &Contact, workers: &[Worker]) -> Option<Conference> {
    if !contact.voice {
        return None;
    }
    let start = contact.taken().map(|(_, (at, ..))| at).min()?;
    let left = contact.left;
    let labelled = contact.sid.ends_with(|digit: char| digit < '8');
    let holds = contact
        .holds
        .iter()
        .filter(|(from, to)| from < to && *from < left);
    let mut participants = vec![Participant {
        sid: dice.sid("CP"),
        call: contact.customer_call.clone(),
        label: labelled.then_some("customer"),
        direction: "inbound",
        call_type: "carrier",
        from: contact.customer.clone(),
        to: "+18885550100".to_owned(),
        join: instant(start),
        leave: instant(left),
        holds: holds
            .map(|(from, to)| (instant(*from), (*to < left).then(|| instant(*to))))
            .collect(),
    }];
    for (leg, (at, wrap_up, _)) in contact.taken() {
        participants.push(Participant {
            sid: dice.sid("CP"),
            call: leg.call.clone(),
            label: labelled.then_some("worker"),
            direction: "outbound",
            call_type: "client",
            from: "+18885550100".to_owned(),
            to: format!("client:{}", workers[leg.agent].identity),
            join: instant(at),
            leave: instant(wrap_up),
            holds: Vec::new(),
        });
    }
    let end = participants.iter().map(|one| one.leave).max()?;
    Some(Conference {
        sid: contact.conference.clone(),
        friendly_name: contact.sid.clone(),
        start: instant(start),
        end,
        participants,
    })
}

/// The offers to each agent, in their order.
fn offers(timeline: &Timeline) -> Vec<Vec<(usize, usize)>> {
    let mut offers: Vec<Vec<(usize, usize)>> = vec![Vec::new(); timeline.agents.len()];
    for (task, contact) in timeline.contacts.iter().enumerate() {
        for (leg, it) in contact.legs.iter().enumerate() {
            offers[it.agent].push((task, leg));
        }
    }
    for of in &mut offers {
        of.sort_by_key(|(task, leg)| timeline.contacts[*task].legs[*leg].offered);
    }
    offers
}

fn longest(timeline: &Timeline) -> Millis {
    let legs = timeline.contacts.iter().flat_map(|contact| &contact.legs);
    let lengths = legs.map(|leg| match leg.outcome {
        Outcome::Rejected(at) | Outcome::TimedOut(at) | Outcome::Canceled(at) => at - leg.offered,
        Outcome::Accepted { completed, .. } => completed - leg.offered,
    });
    lengths.max().unwrap_or_default()
}
