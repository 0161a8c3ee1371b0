//! The whole policy against a model of Twilio and Calabrio that loses answers, lags, and crashes between any two effects.

use std::collections::{BTreeSet, VecDeque};

use chrono::{DateTime, Duration, Utc};
use connector_config::{Media, NoMedia, Products, QmProduct, Timing, UnknownAgent};
use contact_model::{
    AcdKey, CcrId, Channel, Contact, Delivered, Details, Discovered, Leg, LegTimes, ParkKind,
    Stage, StageName,
};
use flex_events::FlexEvent;
use proptest::prelude::*;
use serde_json::json;
use twilio_sid::RecordingSid;

use super::*;

const TASK: &str = "WT00000000000000000000000000000001";
const LEG: &str = "WR00000000000000000000000000000001";
const RECORDING: &str = "RE00000000000000000000000000000001";
const KEY: &str = "CR00000000000000000000000000000001";

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + second, 0).unwrap()
}

fn acd() -> AcdKey {
    AcdKey {
        account: "AC00000000000000000000000000000001".parse().unwrap(),
        workspace: "WS00000000000000000000000000000001".parse().unwrap(),
        tenant: "tenant".parse().unwrap(),
    }
}

fn rules() -> Rules {
    Rules {
        timing: Timing::default(),
        media: Media::default(),
        products: Products {
            quality_management: vec![QmProduct::Voice],
            workforce_management: false,
        },
        excludes: Vec::new(),
        unknown_agent: UnknownAgent::Park,
        wants_hold: false,
        rte_messaging: false,
        keys: BTreeSet::from([KEY.parse().unwrap()]),
        started: at(0),
        max_attempts: Rules::MAX_ATTEMPTS,
        max_failures: Rules::MAX_FAILURES,
    }
}

fn event(
    number: u32,
    kind: &str,
    second: i64,
    attributes: &serde_json::Value,
    version: u32,
) -> FlexEvent {
    FlexEvent::from_events_api(&json!({
        "sid": format!("EV{number:032}"),
        "event_type": kind,
        "event_date": at(second).to_rfc3339(),
        "event_date_ms": at(second).timestamp_millis(),
        "event_data": {
            "task_sid": TASK, "task_attributes": attributes.to_string(), "task_version": version.to_string(),
            "task_channel_unique_name": "voice", "task_queue_sid": "WQ00000000000000000000000000000001",
            "task_queue_name": "Claims", "reservation_sid": if kind.starts_with("reservation") { LEG } else { "" },
            "worker_sid": "WK00000000000000000000000000000001", "worker_name": "ada",
        },
    }))
    .unwrap()
}

fn attributes() -> serde_json::Value {
    json!({
        "direction": "inbound",
        "conversations": {"segment_link": format!("https://api.twilio.com/x/Recordings/{RECORDING}")},
    })
}

/// Accepted at 0, wrapped up at 60, completed at 65, the task at 66.
fn story() -> Vec<FlexEvent> {
    let attributes = attributes();
    vec![
        event(1, "reservation.accepted", 0, &attributes, 1),
        event(2, "reservation.wrapup", 60, &attributes, 2),
        event(3, "reservation.completed", 65, &attributes, 3),
        event(4, "task.completed", 66, &attributes, 4),
    ]
}

fn recording() -> RecordingFacts {
    RecordingFacts {
        sid: RECORDING.parse().unwrap(),
        state: RecordingState::Stored,
        channels: 1,
        start: Some(at(1)),
        seconds: Some(58),
        call: None,
        conference: None,
        encryption: Encryption::Key(KEY.parse().unwrap()),
    }
}

fn discovered() -> Contact {
    let times = LegTimes {
        ended: Some(at(65)),
        ..LegTimes::default()
    };
    Contact {
        leg: Leg {
            acd: acd(),
            id: LEG.parse().unwrap(),
            task: TASK.parse().unwrap(),
            worker: "WK00000000000000000000000000000001".parse().unwrap(),
            queue: None,
            workflow: None,
            channel: Channel::Voice,
            direction: None,
            session: None,
            times,
            hold: None,
        },
        stage: Stage::Discovered(Discovered { at: at(70) }),
    }
}

/// What one of Calabrio's contacts will look like, and when.
#[derive(Debug, Clone, Copy)]
struct Imported {
    visible: DateTime<Utc>,
    processed: DateTime<Utc>,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Passing,
    Held,
    Crash,
    RefuseUnsent,
    InDoubtLost,
    InDoubtApplied,
    AcceptedLost,
    CrashAfterApplied,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::Passing),
        1 => Just(Fault::Held),
        1 => Just(Fault::Crash),
        1 => Just(Fault::RefuseUnsent),
        1 => Just(Fault::InDoubtLost),
        1 => Just(Fault::InDoubtApplied),
        1 => Just(Fault::AcceptedLost),
        1 => Just(Fault::CrashAfterApplied),
    ]
}

/// Which effect always fails.
type Broken = fn(&Effect) -> bool;

struct Model {
    broken: Option<Broken>,
    now: DateTime<Utc>,
    rules: Rules,
    ledger: (Contact, Details, u32),
    imported: Vec<Imported>,
    faults: VecDeque<Fault>,
    lag: Duration,
    uploads: u32,
    story: Vec<FlexEvent>,
    agent: AgentKnown,
    unfinished: FoundState,
    processing: Duration,
    source: RecordingState,
}

impl Model {
    fn new(faults: Vec<Fault>, lag: i64) -> Self {
        Self {
            broken: None,
            now: at(80),
            rules: rules(),
            ledger: (discovered(), Details::default(), 0),
            imported: Vec::new(),
            faults: faults.into(),
            lag: Duration::seconds(lag),
            uploads: 0,
            story: story(),
            agent: AgentKnown::Yes,
            unfinished: FoundState::WithoutMedia,
            processing: Duration::seconds(90),
            source: RecordingState::Stored,
        }
    }

    fn apply(&mut self) {
        let visible = self.now + self.lag;
        self.imported.push(Imported {
            visible,
            processed: visible + self.processing,
        });
    }

    /// Runs turns until the contact rests at its end, at most `turns` of them.
    fn run(&mut self, turns: u32) {
        for _ in 0..turns {
            if self.turn() {
                return;
            }
        }
    }

    /// One turn; `true` once nothing is left to be done.
    fn turn(&mut self) -> bool {
        let (contact, details, failures) = self.ledger.clone();
        let mut work = Work::new(contact, details, failures);
        let mut event = Event::Woken;
        for _ in 0..64 {
            self.now += Duration::seconds(1);
            let effect = decide(&mut work, event, self.now, &self.rules);
            let fault = match effect {
                Effect::End | Effect::Rest(_) => Fault::None,
                _ => self.faults.pop_front().unwrap_or(Fault::None),
            };
            let fault = match self.broken {
                Some(broken) if broken(&effect) => Fault::Passing,
                _ => fault,
            };
            if fault == Fault::Crash {
                return self.restart();
            }
            event = match effect {
                Effect::End => {
                    self.ledger = (work.contact, work.details, work.failures);
                    assert!(self.ledger.0.stage.name().is_final());
                    return true;
                }
                Effect::Rest(until) => {
                    self.ledger = (work.contact, work.details, work.failures);
                    assert!(until > self.now, "a rest ends in the future");
                    self.now = until;
                    return false;
                }
                Effect::Save => {
                    self.ledger = (work.contact.clone(), work.details.clone(), work.failures);
                    Event::Saved
                }
                _ if fault == Fault::Passing => Event::Failed(Trouble::Passing { step: "testing" }),
                _ if fault == Fault::Held => Event::Failed(Trouble::Held {
                    waits_for: Some("testing"),
                }),
                Effect::Ask(question) => Event::Answered(question, self.answer(question)),
                Effect::Prepare => Event::Prepared(Delivered {
                    duration_ms: 58_000,
                    bytes: 928_044,
                }),
                Effect::Search => Event::Found(self.search()),
                Effect::UpdateMetadata(_) => Event::MetadataUpdated,
                Effect::Upload => match self.upload(fault) {
                    Some(sent) => Event::Sent(sent),
                    None => return self.restart(),
                },
            };
        }
        panic!("a turn comes to an end");
    }

    fn restart(&mut self) -> bool {
        self.now += Duration::seconds(5);
        self.rules.started = self.now;
        false
    }

    fn answer(&self, question: Question) -> Answer {
        match question {
            Question::TaskEvents(_) => Answer::Events(
                self.story
                    .iter()
                    .filter(|event| event.at <= self.now)
                    .cloned()
                    .collect(),
            ),
            Question::Recording(sid) => {
                let known = RecordingFacts {
                    state: self.source,
                    ..recording()
                };
                Answer::Recording((sid == known.sid).then_some(known))
            }
            Question::ConferencesNamed(_) => Answer::Conferences(Vec::new()),
            Question::Participants(_) => Answer::Participants(None),
            Question::Conference(_) => Answer::Conference(None),
            Question::Call(_) => Answer::Call(None),
            Question::ConferenceRecordings(_) | Question::CallRecordings(_) => {
                Answer::Recordings(Vec::new())
            }
            Question::Agent(_) => Answer::Agent(self.agent),
            Question::HoldSeen(_) => Answer::HoldSeen(None),
            Question::Conversation(_)
            | Question::Messages(_)
            | Question::Interaction(_)
            | Question::Occupants(_) => panic!("a call has no conversation"),
        }
    }

    fn upload(&mut self, fault: Fault) -> Option<Sent> {
        self.uploads += 1;
        let Stage::Linked(stage) = &self.ledger.0.stage else {
            panic!("the intent was not committed")
        };
        assert!(stage.in_doubt, "the intent was not committed");
        Some(match fault {
            Fault::RefuseUnsent => Sent::NotSent,
            Fault::InDoubtLost => Sent::InDoubt,
            Fault::AcceptedLost => Sent::Accepted { ccr: None },
            Fault::InDoubtApplied => {
                self.apply();
                Sent::InDoubt
            }
            Fault::CrashAfterApplied => {
                self.apply();
                return None;
            }
            _ => {
                self.apply();
                Sent::Accepted { ccr: None }
            }
        })
    }

    fn search(&self) -> Vec<FoundContact> {
        let visible = self
            .imported
            .iter()
            .enumerate()
            .filter(|(_, contact)| contact.visible <= self.now);
        visible
            .map(|(index, contact)| {
                let processed = contact.processed <= self.now;
                FoundContact {
                    ccr: CcrId::try_from(i64::try_from(index).unwrap() + 1).unwrap(),
                    state: if processed {
                        FoundState::WithMedia
                    } else {
                        self.unfinished
                    },
                    duration_ms: processed.then_some(58_000),
                }
            })
            .collect()
    }

    fn stage(&self) -> StageName {
        self.ledger.0.stage.name()
    }
}

proptest! {
    #[test]
    fn whatever_goes_wrong_the_contact_arrives_exactly_once(
        faults in prop::collection::vec(fault(), 0..24), lag in 0_i64..600
    ) {
        let mut model = Model::new(faults, lag);
        model.run(500);
        prop_assert_eq!(model.stage(), StageName::Complete, "{:?}", model.ledger.0.stage);
        prop_assert_eq!(model.imported.len(), 1);
    }
}

#[test]
fn without_faults_a_contact_is_sent_once_and_completes() {
    let mut model = Model::new(Vec::new(), 30);
    model.run(20);
    assert_eq!((model.stage(), model.uploads), (StageName::Complete, 1));
    assert_eq!(model.ledger.0.leg.session_id().as_str(), TASK);
    assert_eq!(model.ledger.0.leg.times.accepted, Some(at(0)));
    assert_eq!(model.ledger.1.queue_name.as_deref(), Some("Claims"));
}

#[test]
fn a_contact_that_is_there_already_is_not_sent_again() {
    let mut model = Model::new(Vec::new(), 0);
    model.imported.push(Imported {
        visible: at(0),
        processed: at(0),
    });
    model.run(20);
    assert_eq!(
        (model.stage(), model.uploads, model.imported.len()),
        (StageName::Complete, 0, 1)
    );
}

#[test]
fn a_contact_that_stays_without_media_is_completed_not_skipped() {
    for (rte_messaging, hours) in [(true, 1), (false, 25)] {
        let mut model = Model::new(Vec::new(), 0);
        model.rules.rte_messaging = rte_messaging;
        model.imported.push(Imported {
            visible: at(0),
            processed: DateTime::<Utc>::MAX_UTC,
        });
        while model.uploads == 0 {
            model.turn();
            assert!(model.now < at(hours * 3_600), "it is completed in time");
        }
    }
}

#[test]
fn a_ledger_that_was_lost_sends_nothing_again_that_calabrio_is_still_at() {
    for state in [FoundState::WithoutMedia, FoundState::Processing] {
        let mut model = Model::new(Vec::new(), 0);
        model.unfinished = state;
        model.imported.push(Imported {
            visible: at(0),
            processed: at(20 * 3_600),
        });
        model.run(3_000);
        assert_eq!(
            (model.stage(), model.uploads, model.imported.len()),
            (StageName::Complete, 0, 1)
        );
    }
}

#[test]
fn a_ledger_that_was_lost_completes_what_calabrio_holds_whole_although_its_source_is_gone() {
    let mut model = Model::new(Vec::new(), 0);
    model.source = RecordingState::Deleted;
    model.imported.push(Imported {
        visible: at(0),
        processed: at(0),
    });
    model.run(50);
    assert_eq!((model.stage(), model.uploads), (StageName::Complete, 0));

    let mut model = Model::new(Vec::new(), 0);
    model.source = RecordingState::Deleted;
    model.run(50);
    let Stage::Parked(parked) = &model.ledger.0.stage else {
        panic!("{:?}", model.ledger.0.stage)
    };
    assert_eq!(parked.reason.kind(), ParkKind::DeletedAtSource);
}

#[test]
fn a_contact_that_somebody_makes_without_media_after_an_attempt_in_vain_is_no_end() {
    let mut model = Model::new(Vec::new(), 0);
    while model.uploads == 0 {
        model.faults = vec![Fault::RefuseUnsent; 32].into();
        assert!(!model.turn());
    }
    model.faults.clear();
    model.imported.push(Imported {
        visible: model.now,
        processed: DateTime::<Utc>::MAX_UTC,
    });
    model.run(3_000);
    assert_eq!(
        (model.stage(), model.imported.len()),
        (StageName::Complete, 2)
    );
}

#[test]
fn a_contact_without_media_is_complete_once_it_is_there_whatever_it_says_of_itself() {
    for state in [
        FoundState::WithoutMedia,
        FoundState::Processing,
        FoundState::Unclear,
    ] {
        let mut model = Model::new(Vec::new(), 0);
        model.unfinished = state;
        model.processing = Duration::days(365);
        let unrecorded = json!({"direction": "inbound"});
        model.story = vec![
            event(1, "reservation.accepted", 0, &unrecorded, 1),
            event(2, "reservation.completed", 65, &unrecorded, 2),
            event(3, "task.completed", 66, &unrecorded, 3),
        ];
        model.rules.media.no_media = NoMedia::MetadataOnly;
        model.run(500);
        assert_eq!((model.stage(), model.uploads), (StageName::Complete, 1));
    }
}

#[test]
fn an_agent_whom_calabrio_does_not_know_parks_the_contact_or_leaves_it_unassigned() {
    let mut model = Model::new(Vec::new(), 0);
    model.agent = AgentKnown::No;
    model.run(20);
    let Stage::Parked(parked) = &model.ledger.0.stage else {
        panic!("{:?}", model.ledger.0.stage)
    };
    assert_eq!(
        (parked.reason.kind(), model.uploads),
        (ParkKind::UnknownAgent, 0)
    );
    for (agent, unknown) in [
        (AgentKnown::No, UnknownAgent::Unassigned),
        (AgentKnown::Unclear, UnknownAgent::Park),
    ] {
        let mut model = Model::new(Vec::new(), 0);
        (model.agent, model.rules.unknown_agent) = (agent, unknown);
        model.run(20);
        assert_eq!((model.stage(), model.uploads), (StageName::Complete, 1));
    }
}

#[test]
fn two_contacts_for_one_leg_are_parked_for_a_person() {
    let mut model = Model::new(vec![Fault::None; 4], 0);
    model.imported.extend(
        [Imported {
            visible: at(0),
            processed: at(0),
        }; 2],
    );
    model.run(20);
    let Stage::Parked(parked) = &model.ledger.0.stage else {
        panic!("{:?}", model.ledger.0.stage)
    };
    assert_eq!(parked.reason.kind(), ParkKind::DuplicateContact);
}

#[test]
fn the_contact_is_built_a_while_after_the_task_ended_and_not_before() {
    let mut model = Model::new(Vec::new(), 0);
    model.turn();
    assert_eq!(model.stage(), StageName::Discovered);
    assert_eq!(model.now, at(66) + Duration::seconds(150));
}

#[test]
fn a_task_that_does_not_end_is_built_after_the_capture_wait_and_refreshed_when_it_changes() {
    let mut model = Model::new(Vec::new(), 0);
    model.story.pop();
    let mut changed = attributes();
    changed["outcome"] = json!("sold");
    model
        .story
        .push(event(5, "task.updated", 5_000, &changed, 9));
    model
        .story
        .push(event(6, "task.completed", 9_000, &changed, 10));
    while model.stage() != StageName::Complete {
        model.turn();
    }
    let Stage::Complete(complete) = &model.ledger.0.stage else {
        unreachable!()
    };
    assert!(complete.capture.provisional);
    assert_eq!(model.ledger.1.attributes_version, Some(3));
    model.run(50);
    let Stage::Complete(complete) = &model.ledger.0.stage else {
        panic!()
    };
    assert_eq!(
        (
            complete.capture.provisional,
            complete.capture.attributes_version
        ),
        (false, Some(10))
    );
    assert_eq!(
        model.ledger.1.attributes.as_ref().unwrap()["outcome"],
        "sold"
    );
}

#[test]
fn attributes_that_are_not_json_park_the_contact() {
    let mut model = Model::new(Vec::new(), 0);
    let broken = FlexEvent {
        task: model.story[3]
            .task
            .clone()
            .map(|task| flex_events::TaskFacts {
                attributes: Some(flex_events::Attributes::new("{\"from\":")),
                ..task
            }),
        ..model.story[3].clone()
    };
    model.story[3] = broken;
    model.run(20);
    let Stage::Parked(parked) = &model.ledger.0.stage else {
        panic!("{:?}", model.ledger.0.stage)
    };
    assert_eq!(parked.reason.kind(), ParkKind::AttributesUnreadable);
}

#[test]
fn a_leg_of_a_product_that_is_off_is_excluded_by_name() {
    for (channel, rule) in [
        (Channel::Chat, "product-digital-off"),
        (Channel::Voice, "product-voice-off"),
    ] {
        let mut model = Model::new(Vec::new(), 0);
        model.rules.products.quality_management.clear();
        model.ledger.0.leg.channel = channel;
        model.run(2);
        let Stage::Excluded(excluded) = &model.ledger.0.stage else {
            panic!()
        };
        assert_eq!(excluded.rule, rule);
    }
}

#[test]
fn a_step_that_keeps_failing_backs_off_and_parks_after_days_not_hours() {
    let mut model = Model::new(vec![Fault::Passing; 10_000], 0);
    let mut turns = 0;
    while model.stage() == StageName::Discovered {
        model.turn();
        turns += 1;
    }
    let Stage::Parked(parked) = &model.ledger.0.stage else {
        panic!()
    };
    assert_eq!(parked.reason.kind(), ParkKind::StepFailed);
    let days = (model.now - at(80)).num_days();
    assert!((2..5).contains(&days), "{turns} tries in {days} days");
}

#[test]
fn a_step_in_the_middle_of_a_turn_that_keeps_failing_backs_off_and_parks_too() {
    let late: Broken = |effect| matches!(effect, Effect::Ask(Question::Recording(_)));
    let fetching: Broken = |effect| matches!(effect, Effect::Prepare);
    for broken in [late, fetching] {
        let mut model = Model::new(Vec::new(), 0);
        model.broken = Some(broken);
        model.run(2_000);
        let Stage::Parked(parked) = &model.ledger.0.stage else {
            panic!("{:?}", model.ledger.0.stage)
        };
        assert_eq!(parked.reason.kind(), ParkKind::StepFailed);
        let days = (model.now - at(80)).num_days();
        assert!((2..5).contains(&days), "{days} days");
    }
}

#[test]
fn attempts_that_came_to_nothing_in_an_outage_do_not_use_up_a_contacts_attempts() {
    for fault in [Fault::RefuseUnsent, Fault::InDoubtLost] {
        let mut model = Model::new(Vec::new(), 0);
        while model.uploads < 20 {
            // The fault is met by uploads alone: other effects pass it by.
            model.faults = vec![fault; 32].into();
            assert!(!model.turn(), "{:?}", model.ledger.0.stage);
        }
        model.faults.clear();
        model.run(50);
        assert_eq!(
            (model.stage(), model.imported.len()),
            (StageName::Complete, 1),
            "{fault:?}"
        );
    }
}

#[test]
fn a_contact_that_somebody_made_before_without_media_hides_no_attempt() {
    for faults in [
        vec![],
        vec![Fault::InDoubtLost; 8],
        vec![Fault::CrashAfterApplied; 8],
    ] {
        let mut model = Model::new(Vec::new(), 0);
        model.imported.push(Imported {
            visible: at(0),
            processed: DateTime::<Utc>::MAX_UTC,
        });
        model.faults = faults.into();
        model.run(3_000);
        assert_eq!(
            model.stage(),
            StageName::Complete,
            "{:?}",
            model.ledger.0.stage
        );
        assert_eq!(model.imported.len(), 2, "theirs and ours");
    }
}

#[test]
fn a_contact_that_has_a_number_is_never_sent_again_however_the_search_lags() {
    let mut model = Model::new(Vec::new(), 0);
    let stage = Discovered { at: at(0) }
        .capture(contact_model::Capture::default(), at(1))
        .link(contact_model::LegMedia::None, at(2))
        .intend(Delivered::default(), at(80))
        .unwrap()
        .uploaded(Some(CcrId::try_from(9).unwrap()), at(81))
        .unwrap();
    model.ledger.0.stage = Stage::Uploaded(stage);
    model.run(3_000);
    let Stage::Parked(parked) = &model.ledger.0.stage else {
        panic!("{:?}", model.ledger.0.stage)
    };
    assert_eq!(
        (parked.reason.kind(), model.uploads),
        (ParkKind::ProcessingOverdue, 0)
    );
}

#[test]
fn an_import_that_is_forbidden_waits_for_the_operator_and_parks_nothing() {
    let mut work = Work::new(discovered(), Details::default(), 0);
    let linked = Discovered { at: at(0) }
        .capture(contact_model::Capture::default(), at(1))
        .link(contact_model::LegMedia::None, at(2));
    work.contact.stage = Stage::Linked(linked.intend(Delivered::default(), at(3)).unwrap());
    let effect = decide(
        &mut work,
        Event::Sent(Sent::Refused { status: 403 }),
        at(4),
        &rules(),
    );
    assert!(matches!(effect, Effect::Rest(_)));
    assert!(matches!(&work.contact.stage, Stage::Linked(stage) if !stage.in_doubt));
}

mod discovery {
    use std::collections::BTreeMap;

    use super::*;

    const OTHER: &str = "WR00000000000000000000000000000002";

    fn of(leg: &str, number: u32, kind: &str, second: i64) -> FlexEvent {
        let mut event = event(number, kind, second, &attributes(), number);
        if let Some(reservation) = &mut event.reservation {
            reservation.sid = leg.parse().unwrap();
        }
        event
    }

    fn legs(
        window: (i64, i64),
        since: i64,
        events: &[FlexEvent],
        all: &[FlexEvent],
    ) -> (Vec<String>, usize) {
        let window = Window {
            from: at(window.0),
            to: at(window.1),
        };
        let seen: Vec<_> = events
            .iter()
            .filter(|event| window.from <= event.at && event.at < window.to)
            .cloned()
            .collect();
        let first = ended_in(&acd(), window, at(since), &seen, &BTreeMap::new(), at(999));
        let asked: BTreeMap<_, _> = first
            .unclear
            .iter()
            .map(|task| (*task, all.to_vec()))
            .collect();
        let ended = ended_in(&acd(), window, at(since), &seen, &asked, at(999));
        let found = ended
            .legs
            .iter()
            .map(|(contact, _)| contact.leg.id.to_string())
            .collect();
        (found, first.unclear.len())
    }

    #[test]
    fn a_completed_reservation_is_a_leg_without_another_question() {
        let events = story();
        assert_eq!(
            legs((60, 66), 0, &events, &events),
            (vec![LEG.to_owned()], 0)
        );
        assert_eq!(legs((0, 60), 0, &events, &events), (vec![], 0));
    }

    #[test]
    fn a_canceled_reservation_is_a_leg_only_if_it_was_accepted() {
        let offered = [
            of(LEG, 1, "reservation.created", 0),
            of(LEG, 2, "reservation.canceled", 5),
        ];
        assert_eq!(legs((0, 60), 0, &offered, &offered), (vec![], 1));
        let accepted = [
            of(LEG, 1, "reservation.accepted", 0),
            of(LEG, 2, "reservation.canceled", 70),
        ];
        assert_eq!(
            legs((60, 120), 0, &accepted, &accepted),
            (vec![LEG.to_owned()], 1)
        );
    }

    #[test]
    fn a_leg_that_only_its_task_ends_is_found_beside_one_that_was_completed() {
        let events = [
            of(OTHER, 1, "reservation.accepted", 0),
            of(OTHER, 2, "reservation.wrapup", 20),
            of(LEG, 3, "reservation.accepted", 21),
            of(LEG, 4, "reservation.completed", 65),
            event(5, "task.completed", 66, &attributes(), 5),
        ];
        let (found, asked) = legs((60, 120), 0, &events, &events);
        assert_eq!((found, asked), (vec![LEG.to_owned(), OTHER.to_owned()], 1));
    }

    #[test]
    fn what_the_window_told_is_not_forgotten_where_the_tasks_own_events_lag() {
        let told = [
            of(LEG, 1, "reservation.accepted", 0),
            of(LEG, 2, "reservation.completed", 65),
            event(3, "task.completed", 66, &attributes(), 3),
        ];
        let lagging = [told[0].clone()];
        assert_eq!(legs((60, 120), 0, &told, &lagging).0, [LEG]);
    }

    #[test]
    fn an_end_that_was_missed_is_found_when_the_task_ends_unless_it_lies_before_the_beginning() {
        let all = story();
        // The reservation's own end was not told in its window.
        let told = [
            all[0].clone(),
            all[1].clone(),
            event(4, "task.completed", 130, &attributes(), 4),
        ];
        let whole = [
            all[0].clone(),
            all[1].clone(),
            all[2].clone(),
            told[2].clone(),
        ];
        assert_eq!(legs((120, 180), 0, &told, &whole).0, [LEG]);
        assert!(legs((120, 180), 100, &told, &whole).0.is_empty());
    }

    #[test]
    fn a_leg_of_no_channel_is_looked_into_and_not_taken_for_a_chat() {
        let mut events = story();
        for event in &mut events {
            if let Some(task) = &mut event.task {
                task.channel_unique_name = None;
            }
        }
        let mut model = Model::new(Vec::new(), 0);
        model.story = events;
        model.ledger.0.leg.channel = Channel::from("");
        model.run(20);
        let Stage::Parked(parked) = &model.ledger.0.stage else {
            panic!("{:?}", model.ledger.0.stage)
        };
        assert_eq!(parked.reason.kind(), ParkKind::EventsGone);
        let mut model = Model::new(Vec::new(), 0);
        model.ledger.0.leg.channel = Channel::from("");
        model.run(20);
        assert_eq!(
            (model.stage(), model.ledger.0.leg.channel.clone()),
            (StageName::Complete, Channel::Voice)
        );
    }
}

#[test]
fn what_others_hold_never_counts_against_a_contact() {
    let mut model = Model::new(vec![Fault::Held; 20_000], 0);
    model.run(12_000);
    assert_eq!((model.stage(), model.ledger.2), (StageName::Discovered, 0));
}

#[test]
fn a_refusal_parks_at_once_and_a_retry_starts_a_new_attempt() {
    let mut model = Model::new(Vec::new(), 0);
    let (contact, details, failures) = model.ledger.clone();
    let mut work = Work::new(contact, details, failures);
    let capture = contact_model::Capture::default();
    let linked = Discovered { at: at(0) }
        .capture(capture, at(1))
        .link(contact_model::LegMedia::None, at(2));
    work.contact.stage = Stage::Linked(linked.intend(Delivered::default(), at(3)).unwrap());
    let effect = decide(
        &mut work,
        Event::Sent(Sent::Refused { status: 422 }),
        at(4),
        &model.rules,
    );
    assert_eq!(effect, Effect::End);
    let Stage::Parked(parked) = work.contact.stage.clone() else {
        panic!()
    };
    assert_eq!(parked.reason, ParkReason::ImportRefused { status: 422 });
    work.contact.stage = parked.resume();
    model.ledger = (work.contact, work.details, work.failures);
    model.now = at(1_000);
    model.run(20);
    let Stage::Complete(_) = &model.ledger.0.stage else {
        panic!("{:?}", model.ledger.0.stage)
    };
}

#[test]
fn a_missing_key_parks_and_no_key_is_asked_for_what_is_not_encrypted() {
    let mut model = Model::new(Vec::new(), 0);
    model.rules.keys.clear();
    model.run(20);
    let Stage::Parked(parked) = &model.ledger.0.stage else {
        panic!("{:?}", model.ledger.0.stage)
    };
    assert_eq!(
        parked.reason,
        ParkReason::MissingKey {
            key: KEY.parse().unwrap()
        }
    );
}

mod linking {
    use super::*;

    fn answered(model: &Model, recordings: &[RecordingFacts], media: &Media) -> Stage {
        let mut work = Work::new(discovered(), Details::default(), 0);
        let rules = Rules {
            media: *media,
            ..rules()
        };
        let mut event = Event::Woken;
        let mut now = at(300);
        for _ in 0..1_000 {
            now += Duration::seconds(1);
            event = match decide(&mut work, event, now, &rules) {
                Effect::Ask(Question::Recording(sid)) => {
                    let found = recordings.iter().find(|facts| facts.sid == sid).cloned();
                    Event::Answered(Question::Recording(sid), Answer::Recording(found))
                }
                Effect::Ask(question) => Event::Answered(question, model.answer(question)),
                Effect::Save if work.contact.stage.name() == StageName::Captured => Event::Saved,
                Effect::Search if work.contact.stage.name() == StageName::Captured => {
                    Event::Found(Vec::new())
                }
                Effect::Rest(until) if work.contact.stage.name() == StageName::Captured => {
                    now = until;
                    Event::Woken
                }
                _ => return work.contact.stage,
            };
        }
        panic!("linking comes to an end")
    }

    fn park_kind(stage: &Stage) -> Option<ParkKind> {
        match stage {
            Stage::Parked(parked) => Some(parked.reason.kind()),
            _ => None,
        }
    }

    fn with_state(state: RecordingState) -> RecordingFacts {
        RecordingFacts {
            state,
            ..recording()
        }
    }

    #[test]
    fn a_recording_that_could_not_be_stored_always_parks() {
        let model = Model::new(Vec::new(), 0);
        for no_media in [NoMedia::MetadataOnly, NoMedia::Exclude, NoMedia::Park] {
            let media = Media {
                no_media,
                ..Media::default()
            };
            let stage = answered(
                &model,
                &[with_state(RecordingState::NotStored { code: Some(16104) })],
                &media,
            );
            assert_eq!(park_kind(&stage), Some(ParkKind::RecordingNotStored));
        }
    }

    fn of_call(number: u8, second: i64, seconds: u64, state: RecordingState) -> RecordingFacts {
        let sid = format!("RE{number:032}").parse().unwrap();
        RecordingFacts {
            sid,
            state,
            start: Some(at(second)),
            seconds: Some(seconds),
            ..recording()
        }
    }

    fn linked_from(recordings: &[RecordingFacts]) -> Stage {
        let media: Vec<_> = recordings
            .iter()
            .map(|facts| json!({"type": "VoiceRecording", "url": format!("https://x.example/{}", facts.sid)}))
            .collect();
        let attributes = json!({"conversations": {"media": media}});
        let mut model = Model::new(Vec::new(), 0);
        model.story = [
            (1, "reservation.accepted", 0),
            (2, "reservation.wrapup", 60),
            (3, "reservation.completed", 65),
            (4, "task.completed", 66),
        ]
        .into_iter()
        .map(|(number, kind, second)| event(number, kind, second, &attributes, number))
        .collect();
        answered(&model, recordings, &Media::default())
    }

    #[test]
    fn a_part_that_could_not_be_stored_is_not_passed_over_in_silence() {
        let first = of_call(1, 1, 20, RecordingState::Stored);
        let second = of_call(2, 30, 0, RecordingState::NotStored { code: Some(16104) });
        assert_eq!(
            park_kind(&linked_from(&[first.clone(), second])),
            Some(ParkKind::RecordingNotStored)
        );
        // Another recording covers that time: nothing is missing.
        let beside = of_call(3, 5, 0, RecordingState::NotStored { code: Some(16104) });
        assert_eq!(linked_from(&[first, beside]).name(), StageName::Linked);
    }

    #[test]
    fn a_part_that_never_comes_to_its_end_is_not_passed_over_in_silence() {
        let first = of_call(1, 1, 20, RecordingState::Stored);
        let second = of_call(2, 30, 0, RecordingState::Pending);
        assert_eq!(
            park_kind(&linked_from(&[first, second])),
            Some(ParkKind::RecordingNotStored)
        );
    }

    #[test]
    fn parts_of_a_call_that_was_stopped_and_started_are_joined_in_order() {
        let (late, early) = (
            of_call(1, 30, 20, RecordingState::Stored),
            of_call(2, 1, 20, RecordingState::Stored),
        );
        let Stage::Linked(linked) = linked_from(&[late.clone(), early.clone()]) else {
            panic!()
        };
        assert_eq!(
            linked.media.recordings().collect::<Vec<_>>(),
            [early.sid, late.sid]
        );
    }

    #[test]
    fn a_silent_recording_follows_the_setting_without_waiting_a_day() {
        let model = Model::new(Vec::new(), 0);
        let silent = [with_state(RecordingState::Empty)];
        let with = |no_media| {
            answered(
                &model,
                &silent,
                &Media {
                    no_media,
                    ..Media::default()
                },
            )
        };
        assert_eq!(park_kind(&with(NoMedia::Park)), Some(ParkKind::NoMedia));
        assert_eq!(with(NoMedia::Exclude).name(), StageName::Excluded);
        let Stage::Linked(linked) = with(NoMedia::MetadataOnly) else {
            panic!()
        };
        assert_eq!(linked.media, contact_model::LegMedia::None);
    }

    #[test]
    fn what_was_deleted_or_is_kept_elsewhere_parks_with_its_own_reason() {
        let model = Model::new(Vec::new(), 0);
        let kind = |state| park_kind(&answered(&model, &[with_state(state)], &Media::default()));
        assert_eq!(
            kind(RecordingState::Deleted),
            Some(ParkKind::DeletedAtSource)
        );
        assert_eq!(
            kind(RecordingState::Elsewhere),
            Some(ParkKind::StoredElsewhere)
        );
    }

    #[test]
    fn a_recording_that_is_nowhere_is_waited_for_a_day_and_then_decided() {
        let model = Model::new(Vec::new(), 0);
        assert_eq!(
            park_kind(&answered(
                &model,
                &[],
                &Media {
                    no_media: NoMedia::Exclude,
                    ..Media::default()
                }
            )),
            None
        );
    }

    #[test]
    fn encryption_details_that_cannot_be_used_park() {
        let model = Model::new(Vec::new(), 0);
        let unusable = RecordingFacts {
            encryption: Encryption::Unusable,
            ..recording()
        };
        let stage = answered(&model, &[unusable], &Media::default());
        assert_eq!(park_kind(&stage), Some(ParkKind::EncryptionDetails));
    }

    #[test]
    fn a_mono_recording_that_is_the_legs_own_goes_whole_and_is_marked() {
        let model = Model::new(Vec::new(), 0);
        let Stage::Linked(linked) = answered(&model, &[recording()], &Media::default()) else {
            panic!()
        };
        let sids: Vec<RecordingSid> = linked.media.recordings().collect();
        assert_eq!(sids, [recording().sid]);
        assert_eq!(linked.media.marks(), [contact_model::Mark::Mono]);
    }
}
