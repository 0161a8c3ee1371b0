//! Discovery: which window of events is asked for next, and which legs it holds.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use contact_model::{AcdKey, Channel, Contact, Details, Discovered, Leg, LegTimes, Stage};
use flex_events::{FlexEvent, ReservationStatus};
use twilio_sid::{ReservationSid, TaskSid};

use super::rules::after;
use super::story::TaskStory;

/// A stretch of time whose events are asked for: half open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub to: DateTime<Utc>,
}

/// What discovery does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextWindow {
    /// Ask for this one.
    Ask(Window),
    /// Everything up to the trail is known: come back at this time.
    CaughtUp(DateTime<Utc>),
}

/// The window after `cursor`: at most `longest`, and never nearer to the present than `trail`.
pub fn next_window(
    cursor: DateTime<Utc>,
    now: DateTime<Utc>,
    longest: std::time::Duration,
    trail: std::time::Duration,
    interval: std::time::Duration,
) -> NextWindow {
    let horizon = now
        .checked_sub_signed(super::rules::span(trail))
        .unwrap_or(DateTime::<Utc>::MIN_UTC);
    // Events carry whole seconds in the list's filter: a window ends on one.
    let horizon = DateTime::from_timestamp(horizon.timestamp(), 0).unwrap_or(horizon);
    if cursor >= horizon {
        return NextWindow::CaughtUp(after(now, interval));
    }
    NextWindow::Ask(Window {
        from: cursor,
        to: after(cursor, longest).min(horizon),
    })
}

/// What a window's events tell of legs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EndedIn {
    /// Legs that ended in the window.
    pub legs: Vec<(Contact, Details)>,
    /// Tasks whose events must be asked for before it is known whether a leg of theirs ended: a reservation was canceled
    /// or failed and may never have been accepted, or the task ended and none of its legs was seen to.
    pub unclear: BTreeSet<TaskSid>,
    /// Legs of which no event names the agent. Twilio's events always do; whoever sees one of these should look into it.
    pub nameless: Vec<ReservationSid>,
}

/// Finds the legs that ended in `window`: each belongs to the window in which its reservation, or failing that its task,
/// ended. `asked` holds the events of tasks that were unclear before.
///
/// Where a task's end is in the window, all of its legs that ended at or after `since` are given, whenever that was: one
/// whose own end came late or could not be read is found that way. The ledger knows the others already.
pub fn ended_in(
    acd: &AcdKey,
    window: Window,
    since: DateTime<Utc>,
    events: &[FlexEvent],
    asked: &BTreeMap<TaskSid, Vec<FlexEvent>>,
    now: DateTime<Utc>,
) -> EndedIn {
    let mut ended = EndedIn::default();
    let mut by_task: BTreeMap<TaskSid, Vec<&FlexEvent>> = BTreeMap::new();
    for event in events.iter().filter(|event| in_window(window, event.at)) {
        if let Some(task) = &event.task {
            by_task.entry(task.sid).or_default().push(event);
        }
    }
    for (task, of_task) in by_task {
        let status = |event: &FlexEvent| event.reservation.as_ref().and_then(|facts| facts.status);
        let completed = of_task
            .iter()
            .any(|event| status(event) == Some(ReservationStatus::Completed));
        // A reservation that was canceled or failed may never have been accepted, and a task that ended may have legs
        // whose ends are not in this window.
        let unclear = of_task.iter().any(|event| {
            let canceled = [
                Some(ReservationStatus::Canceled),
                Some(ReservationStatus::Failed),
            ];
            canceled.contains(&status(event)) || event.event_type.ends_task()
        });
        if !completed && !unclear {
            continue;
        }
        let story = match asked.get(&task) {
            // Another of Twilio's machines may have answered, one that does not know yet what this window's did.
            Some(events) => TaskStory::read(task, events.iter().chain(of_task.iter().copied())),
            None if unclear => {
                ended.unclear.insert(task);
                continue;
            }
            None => TaskStory::read(task, of_task.iter().copied()),
        };
        let task_ended_here = story.ended.is_some_and(|at| in_window(window, at));
        for (reservation, known) in story.ended_legs() {
            let belongs = known.ended.or(story.ended).is_some_and(|at| {
                in_window(window, at) || task_ended_here && since <= at && at < window.to
            });
            if !belongs {
                continue;
            }
            match contact(acd, task, reservation, &story, &of_task, now) {
                Some(contact) => ended.legs.push(contact),
                None if asked.contains_key(&task) => ended.nameless.push(reservation),
                None => {
                    ended.unclear.insert(task);
                }
            }
        }
    }
    ended
}

/// The leg that an event by itself tells to have ended: only a completed reservation was accepted for certain.
pub fn pushed_leg(
    acd: &AcdKey,
    event: &FlexEvent,
    now: DateTime<Utc>,
) -> Option<(Contact, Details)> {
    let (reservation, task) = (event.reservation.as_ref()?, event.task.as_ref()?);
    if reservation.status != Some(ReservationStatus::Completed) {
        return None;
    }
    let story = TaskStory::read(task.sid, [event]);
    contact(acd, task.sid, reservation.sid, &story, &[event], now)
}

fn in_window(window: Window, at: DateTime<Utc>) -> bool {
    window.from <= at && at < window.to
}

fn contact(
    acd: &AcdKey,
    task: TaskSid,
    reservation: ReservationSid,
    story: &TaskStory,
    events: &[&FlexEvent],
    now: DateTime<Utc>,
) -> Option<(Contact, Details)> {
    let known = story.reservations.get(&reservation)?;
    let channel = story.channel.as_deref().or_else(|| {
        events
            .iter()
            .find_map(|event| event.task.as_ref()?.channel_unique_name.as_deref())
    });
    let leg = Leg {
        acd: acd.clone(),
        id: reservation.into(),
        task,
        worker: known.worker?,
        queue: known.queue,
        workflow: story.workflow,
        channel: channel.map_or(Channel::Other(String::new()), Channel::from),
        direction: None,
        session: None,
        times: LegTimes {
            ..story.times(reservation)
        },
        hold: None,
    };
    let details = Details {
        attributes: story.attributes.as_ref().and_then(|text| text.parse().ok()),
        attributes_version: None,
        worker_name: known.worker_name.clone(),
        worker_full_name: known.worker_attribute("full_name"),
        worker_contact_uri: known.worker_attribute("contact_uri"),
        queue_name: known.queue_name.clone(),
    };
    Some((
        Contact {
            leg,
            stage: Stage::Discovered(Discovered { at: now }),
        },
        details,
    ))
}
