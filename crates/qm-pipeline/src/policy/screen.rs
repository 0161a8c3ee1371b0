//! Which messages screen recording is sent, and for how long each makes sense.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Duration, Utc};
use contact_model::{LegId, SessionId};
use flex_events::{FlexEvent, ParticipantChange, ParticipantEvent, ReservationStatus};
use twilio_sid::{CallSid, ConferenceSid, EventSid, TaskSid, WorkerSid};

use super::attributes::LegAttributes;

/// What screen recording is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScreenVerb {
    /// The leg began.
    Start,
    /// The leg ended.
    Stop,
    /// The customer was put on hold.
    Pause,
    /// The hold is over.
    Resume,
}

/// One message for screen recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenMessage {
    /// The leg.
    pub leg: LegId,
    /// The interaction.
    pub session: SessionId,
    /// The agent.
    pub worker: WorkerSid,
    /// What happened.
    pub verb: ScreenVerb,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// Segments of ten minutes wait on the agent's machine for a message: later than that it finds nothing.
const SEGMENT: Duration = Duration::minutes(10);

/// A pause that comes later than this hides nothing any more.
const PAUSE: Duration = Duration::seconds(30);

impl ScreenMessage {
    /// When it has lost its sense.
    pub fn expires(&self) -> DateTime<Utc> {
        self.at
            + match self.verb {
                ScreenVerb::Start | ScreenVerb::Stop => SEGMENT,
                ScreenVerb::Pause | ScreenVerb::Resume => PAUSE,
            }
    }
}

/// How many legs, conferences and events are remembered. What is older has ended long ago.
const REMEMBERED: usize = 20_000;

/// A leg that goes on.
#[derive(Debug, Clone)]
struct Live {
    session: SessionId,
    worker: WorkerSid,
    task: TaskSid,
    paused: bool,
}

/// Who is on hold in a conference, as far as was heard.
#[derive(Debug, Default)]
struct Held {
    calls: BTreeMap<CallSid, (Moment, bool)>,
    ended: bool,
}

/// When something happened in a conference.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at: DateTime<Utc>,
    sequence: Option<u64>,
}

/// What was told of which leg. The same event may come pushed and polled, twice and out of order.
#[derive(Debug, Default)]
pub struct Screens {
    holds: bool,
    live: Memory<LegId, Live>,
    held: Memory<ConferenceSid, Held>,
    over: Memory<LegId>,
    seen: Memory<EventSid>,
    heard: Memory<String>,
}

impl Screens {
    /// For an ACD; `holds` says whether hold pauses the recording.
    pub fn new(holds: bool) -> Self {
        Self {
            holds,
            ..Self::default()
        }
    }

    /// What an event of TaskRouter has screen recording told.
    pub fn event(&mut self, event: &FlexEvent) -> Option<ScreenMessage> {
        let reservation = event.reservation.as_ref()?;
        let status = reservation.status?;
        let leg = LegId::from(reservation.sid);
        if self.over.holds(&leg) || !self.seen.note(event.sid) {
            return None;
        }
        match status {
            ReservationStatus::Accepted if !self.live.holds(&leg) => {
                let live = Live::new(event, leg, event.worker.as_ref()?.sid)?;
                let message = live.message(leg, ScreenVerb::Start, event.at);
                self.live.insert(leg, live);
                Some(message)
            }
            ReservationStatus::Wrapping | ReservationStatus::Completed => {
                self.over.note(leg);
                // What began before this process did is stopped as well.
                let live = match (self.live.remove(&leg), &event.worker) {
                    (Some(live), _) => live,
                    (None, Some(worker)) => Live::new(event, leg, worker.sid)?,
                    (None, None) => return None,
                };
                Some(live.message(leg, ScreenVerb::Stop, event.at))
            }
            status if status.is_final() => {
                self.over.note(leg);
                let live = self.live.remove(&leg)?;
                Some(live.message(leg, ScreenVerb::Stop, event.at))
            }
            _ => None,
        }
    }

    /// What a change in a conference has screen recording told, for each leg of its task that goes on.
    pub fn participant(&mut self, event: &ParticipantEvent) -> Vec<ScreenMessage> {
        if !matches!(
            event.change,
            ParticipantChange::Hold
                | ParticipantChange::Unhold
                | ParticipantChange::Leave
                | ParticipantChange::ConferenceEnd
        ) {
            return Vec::new();
        }
        let Some(task) = event.task().filter(|_| self.holds) else {
            return Vec::new();
        };
        if !self.heard.note(event.id.clone()) {
            return Vec::new();
        }
        // A conference of which too much else was heard since is taken for a new one.
        if !self.held.holds(&event.conference) {
            self.held.insert(event.conference, Held::default());
        }
        let Some(held) = self.held.get_mut(&event.conference) else {
            return Vec::new();
        };
        if !held.hear(event) {
            return Vec::new();
        }
        let pause = held.is_anybody();
        let verb = if pause {
            ScreenVerb::Pause
        } else {
            ScreenVerb::Resume
        };
        let mut messages = Vec::new();
        for (leg, live) in &mut self.live.known {
            if live.task == task && live.paused != pause {
                live.paused = pause;
                messages.push(live.message(*leg, verb, event.at));
            }
        }
        messages
    }

    /// Whether a leg has ended, so that nothing but its end makes sense any more.
    pub fn is_over(&self, leg: LegId) -> bool {
        self.over.holds(&leg)
    }
}

impl Held {
    /// Takes in a change, unless something newer of its call was heard before: an unhold that overtakes its hold ends it for good.
    fn hear(&mut self, event: &ParticipantEvent) -> bool {
        if self.ended {
            return false;
        }
        if event.change == ParticipantChange::ConferenceEnd {
            self.ended = true;
            self.calls.clear();
            return true;
        }
        let Some(call) = event.call else {
            return false;
        };
        let moment = Moment {
            at: event.at,
            sequence: event.sequence,
        };
        if let Some((known, _)) = self.calls.get(&call)
            && moment.is_before(*known)
        {
            return false;
        }
        // Whoever hangs up while on hold keeps nobody else waiting.
        let on = event.change == ParticipantChange::Hold;
        self.calls.insert(call, (moment, on));
        true
    }

    fn is_anybody(&self) -> bool {
        self.calls.values().any(|(_, on)| *on)
    }
}

impl Moment {
    /// Within a conference the number alone tells the order: of times, some are in whole seconds and others in milliseconds.
    fn is_before(self, other: Self) -> bool {
        match (self.sequence, other.sequence) {
            (Some(one), Some(another)) => one < another,
            _ => self.at < other.at,
        }
    }
}

impl Live {
    fn new(event: &FlexEvent, leg: LegId, worker: WorkerSid) -> Option<Self> {
        let task = event.task.as_ref()?;
        let attributes = task.attributes.as_ref().and_then(|text| text.parse().ok());
        let session = LegAttributes::of_leg(attributes.as_ref(), leg.reservation()).session();
        Some(Self {
            session: session.unwrap_or_else(|| task.sid.into()),
            worker,
            task: task.sid,
            paused: false,
        })
    }

    fn message(&self, leg: LegId, verb: ScreenVerb, at: DateTime<Utc>) -> ScreenMessage {
        ScreenMessage {
            leg,
            session: self.session.clone(),
            worker: self.worker,
            verb,
            at,
        }
    }
}

/// What was there before: as much as there is room for, the oldest forgotten first.
#[derive(Debug)]
struct Memory<K, V = ()> {
    known: BTreeMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self {
            known: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Ord + Clone> Memory<K> {
    /// `false` if it was there already.
    fn note(&mut self, one: K) -> bool {
        self.insert(one, ())
    }
}

impl<K: Ord + Clone, V> Memory<K, V> {
    fn holds(&self, one: &K) -> bool {
        self.known.contains_key(one)
    }

    fn get_mut(&mut self, one: &K) -> Option<&mut V> {
        self.known.get_mut(one)
    }

    fn remove(&mut self, one: &K) -> Option<V> {
        let removed = self.known.remove(one)?;
        self.order.retain(|other| other != one);
        Some(removed)
    }

    /// `false` if there was one already.
    fn insert(&mut self, one: K, value: V) -> bool {
        if self.known.insert(one.clone(), value).is_some() {
            return false;
        }
        self.order.push_back(one);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use flex_events::{Pushed, WireForm};
    use serde_json::json;

    use super::*;

    const TASK: &str = "WT00000000000000000000000000000001";
    const LEG: &str = "WR00000000000000000000000000000001";

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
    }

    fn event(number: u32, kind: &str, second: i64) -> FlexEvent {
        FlexEvent::from_events_api(&json!({
            "sid": format!("EV{number:032}"), "event_type": format!("reservation.{kind}"),
            "event_date": at(second).to_rfc3339(), "event_date_ms": at(second).timestamp_millis(),
            "event_data": {
                "task_sid": TASK, "reservation_sid": LEG, "worker_sid": "WK00000000000000000000000000000001",
                "task_attributes": json!({"conversations": {"conversation_id": "C-1"}}).to_string(),
            },
        }))
        .unwrap()
    }

    fn hold(number: u32, change: &str, second: i64) -> ParticipantEvent {
        hold_of(1, number, change, second)
    }

    fn hold_of(call: u32, number: u32, change: &str, second: i64) -> ParticipantEvent {
        let callback = json!({
            "ConferenceSid": "CF00000000000000000000000000000001", "CallSid": format!("CA{call:032}"),
            "FriendlyName": TASK, "StatusCallbackEvent": change, "SequenceNumber": number.to_string(),
            "AccountSid": "AC00000000000000000000000000000001", "Timestamp": at(second).to_rfc2822(),
        });
        match Pushed::read(
            WireForm::ConferenceCallback,
            callback.to_string().as_bytes(),
        )
        .unwrap()
        {
            Pushed::Participant(event) => event,
            other => panic!("{other:?}"),
        }
    }

    fn verbs(messages: &[ScreenMessage]) -> Vec<ScreenVerb> {
        messages.iter().map(|message| message.verb).collect()
    }

    #[test]
    fn a_leg_starts_and_stops_once_however_often_its_events_come() {
        let mut screens = Screens::new(false);
        let accepted = event(1, "accepted", 0);
        let told: Vec<_> = [
            accepted.clone(),
            accepted,
            event(2, "wrapup", 60),
            event(3, "completed", 65),
            event(1, "accepted", 0),
        ]
        .iter()
        .filter_map(|event| screens.event(event))
        .collect();
        assert_eq!(verbs(&told), [ScreenVerb::Start, ScreenVerb::Stop]);
        assert_eq!((told[0].at, told[1].at), (at(0), at(60)));
        assert_eq!(told[0].session.as_str(), "C-1");
        assert!(screens.is_over(LEG.parse().unwrap()));
    }

    #[test]
    fn a_leg_that_began_before_the_process_is_stopped_and_never_started_again() {
        let mut screens = Screens::new(false);
        let stop = screens.event(&event(3, "completed", 65)).unwrap();
        assert_eq!(stop.verb, ScreenVerb::Stop);
        assert_eq!(screens.event(&event(1, "accepted", 0)), None);
    }

    #[test]
    fn an_offer_that_was_turned_down_tells_nothing() {
        let mut screens = Screens::new(false);
        for (number, kind) in [
            (1, "created"),
            (2, "rejected"),
            (3, "timeout"),
            (4, "canceled"),
        ] {
            assert_eq!(screens.event(&event(number, kind, 5)), None, "{kind}");
        }
    }

    #[test]
    fn holds_pause_and_resume_the_legs_of_their_task_where_that_is_asked_for() {
        for (asked, expected) in [
            (true, vec![ScreenVerb::Pause, ScreenVerb::Resume]),
            (false, vec![]),
        ] {
            let mut screens = Screens::new(asked);
            assert!(
                screens
                    .participant(&hold(1, "participant-hold", -5))
                    .is_empty()
            );
            screens.event(&event(1, "accepted", 0));
            let mut told = Vec::new();
            for change in [
                hold(2, "participant-hold", 10),
                hold(2, "participant-hold", 10),
                hold(3, "participant-hold", 11),
                hold(4, "participant-unhold", 20),
            ] {
                told.extend(screens.participant(&change));
            }
            assert_eq!(verbs(&told), expected);
        }
    }

    /// What a leg that was accepted is told of these changes.
    fn told(changes: &[ParticipantEvent]) -> Vec<ScreenVerb> {
        let mut screens = Screens::new(true);
        screens.event(&event(1, "accepted", 0));
        let told: Vec<_> = changes
            .iter()
            .flat_map(|change| screens.participant(change))
            .collect();
        verbs(&told)
    }

    #[test]
    fn an_end_of_hold_that_comes_before_its_beginning_leaves_the_recording_running() {
        for second in [10, 20] {
            assert_eq!(
                told(&[
                    hold(5, "participant-unhold", 20),
                    hold(4, "participant-hold", second),
                ]),
                []
            );
        }
        let mut unnumbered = [
            hold(5, "participant-unhold", 20),
            hold(4, "participant-hold", 10),
        ];
        for change in &mut unnumbered {
            change.sequence = None;
        }
        assert_eq!(told(&unnumbered), []);
        assert_eq!(
            told(&[
                hold(6, "conference-end", 30),
                hold(4, "participant-hold", 10)
            ]),
            []
        );
    }

    #[test]
    fn the_recording_resumes_when_the_last_call_is_off_hold() {
        let two = [
            hold_of(1, 1, "participant-hold", 10),
            hold_of(2, 2, "participant-hold", 12),
            hold_of(1, 3, "participant-unhold", 14),
        ];
        assert_eq!(told(&two), [ScreenVerb::Pause]);
        for end in [
            hold_of(2, 4, "participant-unhold", 16),
            hold_of(2, 4, "participant-leave", 16),
            hold_of(2, 4, "conference-end", 16),
        ] {
            let mut all = two.to_vec();
            all.push(end);
            assert_eq!(told(&all), [ScreenVerb::Pause, ScreenVerb::Resume]);
        }
    }

    #[test]
    fn of_too_many_legs_the_oldest_is_forgotten_whatever_its_sid() {
        let mut screens = Screens::new(true);
        let leg =
            |number: usize| -> LegId { format!("WR{:032}", 99_999 - number).parse().unwrap() };
        let first = leg(0);
        for number in 0..=REMEMBERED {
            let live = Live::new(
                &event(1, "accepted", 0),
                leg(number),
                "WK00000000000000000000000000000001".parse().unwrap(),
            );
            screens.live.insert(leg(number), live.unwrap());
        }
        assert!(!screens.live.holds(&first) && screens.live.holds(&leg(REMEMBERED)));
        assert!(screens.live.remove(&leg(1)).is_some());
        assert_eq!(screens.live.order.len(), screens.live.known.len());
    }

    #[test]
    fn a_message_loses_its_sense_when_nothing_is_left_to_be_uploaded_or_hidden() {
        let mut screens = Screens::new(true);
        let start = screens.event(&event(1, "accepted", 0)).unwrap();
        assert_eq!(start.expires(), at(600));
        let pause = screens.participant(&hold(1, "participant-hold", 10));
        assert_eq!(pause[0].expires(), at(40));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut memory = Memory::default();
        for number in 0..REMEMBERED + 5 {
            assert!(memory.note(number));
        }
        assert_eq!(
            (memory.known.len(), memory.order.len()),
            (REMEMBERED, REMEMBERED)
        );
        assert!(!memory.holds(&0) && memory.holds(&10));
    }
}
