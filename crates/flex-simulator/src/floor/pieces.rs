//! A timeline as what reports are about: stretches of time and single instants, each of an agent, a queue or both.

use super::Millis;
use super::states::held;
use super::timeline::{Outcome, Stretch, Timeline};

/// Contacts that are given up sooner are short abandons.
const SHORT: Millis = 10_000;
/// Contacts that are answered sooner are answered within the service level.
const SERVICE_LEVEL: Millis = 20_000;

/// What a stretch of time was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// An agent was in an activity.
    Activity {
        agent: usize,
        activity: usize,
    },
    /// An agent spoke, or wrote, with a customer, also while the customer was on hold.
    Talk {
        agent: usize,
        queue: usize,
    },
    Hold {
        agent: usize,
        queue: usize,
    },
    WrapUp {
        agent: usize,
        queue: usize,
    },
}

/// What an instant was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// An agent took a contact.
    Handled {
        agent: usize,
        queue: usize,
    },
    /// The customer came; some gave up.
    Offered {
        queue: usize,
        abandoned: bool,
    },
    Answered {
        queue: usize,
        waited: Millis,
    },
    Abandoned {
        queue: usize,
        waited: Millis,
    },
    /// An agent did not answer in time.
    Missed {
        agent: usize,
        queue: usize,
    },
    Rejected {
        agent: usize,
        queue: usize,
    },
}

impl Event {
    /// Whether who gave up waited only for a short while.
    pub(super) fn is_short(waited: Millis) -> bool {
        waited < SHORT
    }

    /// Whether who was answered did not wait for long.
    pub(super) fn is_in_service_level(waited: Millis) -> bool {
        waited < SERVICE_LEVEL
    }
}

/// Who takes in the pieces of a timeline.
pub(super) trait Pieces {
    /// A stretch, and when what it is a part of was over.
    fn span(&mut self, span: Span, stretch: Stretch, over: Millis);
    /// An instant, and when what it is a part of was over.
    fn event(&mut self, event: Event, at: Millis, over: Millis);
}

/// Tells all pieces of a timeline, in no order.
pub(super) fn tell(timeline: &Timeline, pieces: &mut impl Pieces) {
    for (agent, it) in timeline.agents.iter().enumerate() {
        let ends = it.activities.iter().skip(1).map(|(at, _)| *at);
        for ((from, activity), to) in it.activities.iter().zip(ends.chain([timeline.to])) {
            let activity = *activity;
            let stretch = ((*from).max(timeline.from), to);
            if stretch.0 < stretch.1 {
                pieces.span(Span::Activity { agent, activity }, stretch, to);
            }
        }
    }
    for contact in &timeline.contacts {
        let (queue, over) = (contact.queue, contact.over());
        let abandoned = contact.abandoned.is_some();
        pieces.event(Event::Offered { queue, abandoned }, contact.created, over);
        if let Some(at) = contact.abandoned {
            let waited = at - contact.created;
            pieces.event(Event::Abandoned { queue, waited }, at, over);
        }
        if let Some(at) = contact.taken().map(|(_, (at, _, _))| at).min() {
            let waited = at - contact.created;
            pieces.event(Event::Answered { queue, waited }, at, over);
        }
        for leg in &contact.legs {
            let agent = leg.agent;
            match leg.outcome {
                Outcome::TimedOut(at) => pieces.event(Event::Missed { agent, queue }, at, at),
                Outcome::Rejected(at) => pieces.event(Event::Rejected { agent, queue }, at, at),
                Outcome::Canceled(_) | Outcome::Accepted { .. } => {}
            }
        }
        for (leg, (at, wrap_up, completed)) in contact.taken() {
            let agent = leg.agent;
            pieces.event(Event::Handled { agent, queue }, at, completed);
            pieces.span(Span::Talk { agent, queue }, (at, wrap_up), completed);
            pieces.span(
                Span::WrapUp { agent, queue },
                (wrap_up, completed),
                completed,
            );
        }
        for (leg, stretch) in held(contact) {
            let it = &contact.legs[leg];
            let over = it
                .accepted()
                .map_or(stretch.1, |(_, _, completed)| completed);
            let agent = it.agent;
            pieces.span(Span::Hold { agent, queue }, stretch, over);
        }
    }
}

/// The parts of a stretch in each quarter of an hour: where that begins, and the part.
pub(super) fn quarters((from, to): Stretch) -> impl Iterator<Item = (Millis, Stretch)> {
    let first = quarter(from);
    let count = (to - first + super::QUARTER - 1) / super::QUARTER;
    (0..count.max(0)).filter_map(move |number| {
        let start = first + number * super::QUARTER;
        let part = (from.max(start), to.min(start + super::QUARTER));
        (part.0 < part.1).then_some((start, part))
    })
}

/// The quarter of an hour in which an instant lies.
pub(super) fn quarter(instant: Millis) -> Millis {
    instant.div_euclid(super::QUARTER) * super::QUARTER
}
