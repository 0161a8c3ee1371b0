//! The rows of both reports, as Flex Insights has them after a load.

use std::collections::BTreeMap;

use chrono::{NaiveTime, TimeDelta};

use super::csv::{Line, Printer};
use super::options::{DataSet, InsightsOptions, RepeatedHour, RowOrder};
use super::pieces::{Event, Pieces, Span, quarter, quarters, tell};
use super::timeline::{Stretch, Timeline};
use super::{Floor, FloorReport, Millis, QUARTER, instant};

/// The most amounts that a row has.
const AMOUNTS: usize = 11;
/// The place of the one that is no sum.
const LONGEST: usize = 10;

/// What a row is of. The order of the kinds is that of rows of the same interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Status,
    StatusInProgress,
    Conversation,
    ConversationInProgress,
    Queue,
    Missed,
    Rejected,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Status => "Agent Status",
            Self::StatusInProgress => "Agent Status in Progress",
            Self::Conversation => "Conversation",
            Self::ConversationInProgress => "Conversation in Progress",
            Self::Queue => "Queue",
            Self::Missed => "Missed Conversation",
            Self::Rejected => "Rejected Conversation",
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum What {
    Span(Span),
    Event(Event),
}

/// A piece of the timeline in the quarter of an hour in which it is booked.
#[derive(Debug, Clone, Copy)]
struct Part {
    quarter: Millis,
    from: Millis,
    to: Millis,
    over: Millis,
    what: What,
}

/// All pieces of a floor, in the order of the quarters of an hour in which they are booked.
#[derive(Debug)]
pub(super) struct Book {
    parts: Vec<Part>,
}

struct Binder<'a> {
    timeline: &'a Timeline,
    data_set: DataSet,
    parts: Vec<Part>,
}

impl Binder<'_> {
    /// When the agent or the queue was renamed: the reports show the names that they had.
    fn renamed(&self, span: Span) -> Vec<Millis> {
        let (agent, queue) = match span {
            Span::Activity { agent, .. } => (agent, None),
            Span::Talk { agent, queue }
            | Span::Hold { agent, queue }
            | Span::WrapUp { agent, queue } => (agent, Some(queue)),
        };
        let names = self.timeline.agents[agent].names.iter().skip(1);
        let mut at: Vec<Millis> = names.map(|names| names.at).collect();
        let queues = queue.map(|queue| &self.timeline.queues[queue].names);
        at.extend(queues.into_iter().flatten().skip(1).map(|(at, _)| *at));
        at.sort_unstable();
        at
    }
}

impl Pieces for Binder<'_> {
    fn span(&mut self, span: Span, stretch: Stretch, over: Millis) {
        let what = What::Span(span);
        if self.data_set == DataSet::Ordinary {
            let (from, to) = stretch;
            self.parts.push(Part {
                quarter: quarter(from),
                from,
                to,
                over,
                what,
            });
            return;
        }
        let renamed = self.renamed(span);
        for (quarter, (mut from, to)) in quarters(stretch) {
            let cuts = renamed.iter().filter(|at| (from + 1..to).contains(at));
            for end in cuts.copied().chain([to]).collect::<Vec<_>>() {
                self.parts.push(Part {
                    quarter,
                    from,
                    to: end,
                    over,
                    what,
                });
                from = end;
            }
        }
    }

    fn event(&mut self, event: Event, at: Millis, over: Millis) {
        self.parts.push(Part {
            quarter: quarter(at),
            from: at,
            to: at,
            over,
            what: What::Event(event),
        });
    }
}

/// What tells a row from others. Agents and queues are known by their place and that of their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Where rows stand by subject, what they are of comes first.
    first: Option<(Option<usize>, Option<usize>)>,
    /// The quarter of an hour, or where both passes are merged the local one.
    when: Millis,
    agent: Option<(usize, usize)>,
    queue: Option<(usize, usize)>,
    kind: Kind,
    activity: Option<usize>,
}

impl Book {
    pub(super) fn new(floor: &Floor, data_set: DataSet) -> Self {
        let mut binder = Binder {
            timeline: &floor.timeline,
            data_set,
            parts: Vec::new(),
        };
        tell(&floor.timeline, &mut binder);
        let mut parts = binder.parts;
        parts.sort_by_key(|part| part.quarter);
        Self { parts }
    }

    /// A report as CSV, of what was known at `cut`; nothing where it has no rows.
    pub(super) fn print(
        &self,
        floor: &Floor,
        report: FloorReport,
        options: &InsightsOptions,
        cut: Millis,
    ) -> (usize, Vec<u8>) {
        let rows = self.rows(floor, report, options, cut);
        let mut printer = Printer::new(report, &options.csv, floor.zone);
        let timeline = &floor.timeline;
        for (key, (at, amounts)) in &rows {
            let agent = key.agent.map(|(agent, name)| {
                let agent = &timeline.agents[agent];
                (agent.sid.as_str(), agent.names[name].full_name.as_str())
            });
            let queue = key.queue.map(|(queue, name)| {
                let queue = &timeline.queues[queue];
                (queue.sid.as_str(), queue.names[name].1.as_str())
            });
            let (agent_sid, agent) = agent.unwrap_or_default();
            let (queue_sid, queue) = queue.unwrap_or_default();
            let activity = key
                .activity
                .and_then(|activity| floor.scenario.activities.get(activity));
            let line = Line {
                at: instant(*at),
                agent_sid,
                agent,
                queue_sid,
                queue,
                kind: key.kind.as_str(),
                activity: activity.map_or("", |activity| activity.name.as_str()),
            };
            printer.row(&line, amounts);
        }
        (rows.len(), printer.out)
    }

    /// Each row with a quarter of an hour that shows its time, and its amounts.
    fn rows(
        &self,
        floor: &Floor,
        report: FloorReport,
        options: &InsightsOptions,
        cut: Millis,
    ) -> BTreeMap<Key, (Millis, [u64; AMOUNTS])> {
        let first = first_day(floor, options, cut);
        let begin = self.parts.partition_point(|part| part.quarter < first);
        let mut rows = BTreeMap::new();
        for part in &self.parts[begin..] {
            if part.quarter >= cut {
                break;
            }
            if part.from >= cut {
                continue;
            }
            let shown = match options.repeated_hour {
                RepeatedHour::TwoRows => part.quarter,
                RepeatedHour::Merged => floor
                    .local(instant(part.quarter))
                    .and_utc()
                    .timestamp_millis(),
            };
            let Some((mut key, amounts)) = entry(&floor.timeline, report, part, cut) else {
                continue;
            };
            key.when = shown;
            if options.csv.order == RowOrder::Subject {
                key.first = Some((
                    key.agent.map(|(agent, _)| agent),
                    key.queue.map(|(queue, _)| queue),
                ));
            }
            let (_, sums): &mut (Millis, [u64; AMOUNTS]) =
                rows.entry(key).or_insert((part.quarter, [0; AMOUNTS]));
            for (place, amount) in amounts {
                let amount = u64::try_from(amount).unwrap_or(0);
                let sum = &mut sums[place];
                *sum = if place == LONGEST {
                    amount.max(*sum)
                } else {
                    *sum + amount
                };
            }
        }
        rows
    }
}

/// Where the first day of a report begins.
fn first_day(floor: &Floor, options: &InsightsOptions, cut: Millis) -> Millis {
    let today = floor.local(instant(cut - 1)).date();
    let first = today - TimeDelta::days(i64::from(options.days) - 1);
    let midnight = first.and_time(NaiveTime::MIN);
    // Days of the clock begin where the clock first shows their date.
    let guess = midnight.and_utc().timestamp_millis();
    (-60..=60)
        .map(|quarters| quarter(guess) + quarters * QUARTER)
        .find(|at| floor.local(instant(*at)).date() >= first)
        .unwrap_or(guess)
}

type Entry = (Key, Vec<(usize, Millis)>);

/// What a part adds to which row of a report.
fn entry(timeline: &Timeline, report: FloorReport, part: &Part, cut: Millis) -> Option<Entry> {
    let by_agent = report == FloorReport::AgentProductivity;
    let going_on = part.over > cut;
    let (agent, queue, kind, amounts) = match part.what {
        What::Span(span) => {
            let length = part.to.min(cut) - part.from;
            of_span(span, by_agent, going_on, length)
        }
        What::Event(event) => of_event(event, by_agent, going_on)?,
    };
    let activity = match part.what {
        What::Span(Span::Activity { activity, .. }) => Some(activity),
        _ => None,
    };
    // The agent report knows nothing of what has no agent, the queue report nothing of what has no queue.
    if (by_agent && agent.is_none()) || (!by_agent && queue.is_none()) {
        return None;
    }
    let agent = agent.filter(|_| by_agent).map(|agent| {
        let names = &timeline.agents[agent].names;
        let known = names.partition_point(|names| names.at <= part.from);
        (agent, known.saturating_sub(1))
    });
    let queue = queue.map(|queue| {
        let names = &timeline.queues[queue].names;
        let known = names.partition_point(|(at, _)| *at <= part.from);
        (queue, known.saturating_sub(1))
    });
    let key = Key {
        first: None,
        when: part.quarter,
        agent,
        queue,
        kind,
        activity,
    };
    Some((key, amounts))
}

/// Agent, queue, kind, and how much of which amounts.
type Row = (Option<usize>, Option<usize>, Kind, Vec<(usize, Millis)>);

fn conversation(going_on: bool) -> Kind {
    if going_on {
        Kind::ConversationInProgress
    } else {
        Kind::Conversation
    }
}

fn of_span(span: Span, by_agent: bool, going_on: bool, length: Millis) -> Row {
    let place = |in_agents, in_queues| if by_agent { in_agents } else { in_queues };
    let (agent, queue, place) = match span {
        Span::Activity { agent, .. } => {
            let kind = if going_on {
                Kind::StatusInProgress
            } else {
                Kind::Status
            };
            return (Some(agent), None, kind, vec![(0, length)]);
        }
        Span::Talk { agent, queue } => (agent, queue, place(1, 5)),
        Span::WrapUp { agent, queue } => (agent, queue, place(2, 6)),
        Span::Hold { agent, queue } => (agent, queue, place(3, 7)),
    };
    let amounts = vec![(place, length)];
    (Some(agent), Some(queue), conversation(going_on), amounts)
}

fn of_event(event: Event, by_agent: bool, going_on: bool) -> Option<Row> {
    // Who counts rows of every kind counts the calls that nobody took.
    let counted = if by_agent { 4 } else { 0 };
    Some(match event {
        Event::Handled { agent, queue } if by_agent => {
            let amounts = vec![(counted, 1)];
            (Some(agent), Some(queue), conversation(going_on), amounts)
        }
        Event::Handled { .. } => return None,
        Event::Missed { agent, queue } => {
            (Some(agent), Some(queue), Kind::Missed, vec![(counted, 1)])
        }
        Event::Rejected { agent, queue } => {
            (Some(agent), Some(queue), Kind::Rejected, vec![(counted, 1)])
        }
        Event::Offered { queue, abandoned } => {
            let kind = if abandoned && !going_on {
                Kind::Queue
            } else {
                conversation(going_on)
            };
            (None, Some(queue), kind, vec![(0, 1)])
        }
        Event::Answered { queue, waited } => {
            let soon = Millis::from(Event::is_in_service_level(waited));
            let amounts = vec![(1, 1), (4, soon), (8, waited), (LONGEST, waited)];
            (None, Some(queue), conversation(going_on), amounts)
        }
        Event::Abandoned { queue, waited } => {
            let short = Millis::from(Event::is_short(waited));
            let amounts = vec![(2, 1), (3, short), (9, waited), (LONGEST, waited)];
            (None, Some(queue), Kind::Queue, amounts)
        }
    })
}
