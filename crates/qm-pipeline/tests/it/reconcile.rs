//! Reconciling: real clients, a real ledger, a simulated Flex and Calabrio ONE over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{SubsecRound as _, TimeDelta, Utc};
use connector_config::{Config, SystemSecrets};
use contact_model::{Capture, Contact, Discovered, LegMedia, MediaPiece, Span, Stage, StageName};
use flex_events::FlexEvent;
use flex_simulator::scenario::{Kind, Scenario};
use flex_simulator::{FaultLevel, Simulator};
use qm_pipeline::policy::account::{RecordingFate, Unexplained};
use qm_pipeline::policy::{Window, ended_in};
use qm_pipeline::report::reconcile::{Account, Trigger, reconcile, reconciled};
use qm_pipeline::report::{AcdNames, RangeNote};
use qm_pipeline::{AcdServices, EVENTS_STREAM, Nobody, Until, connect};
use sync_ledger::{
    AcdStore as _, Advance, CursorId, CursorStore as _, NewLeg, ReconciliationStore as _, Schedule,
    SqliteLedger, Wish, WishState, WishStore as _, keep,
};
use tokio_util::sync::CancellationToken;
use twilio_client::EventQuery;

/// How long anything may take here.
const DEADLINE: Duration = Duration::from_mins(3);

fn scenario(kinds: &[(Kind, u32)], contacts: u32) -> Scenario {
    let mut scenario = Scenario::default();
    scenario.kinds = kinds.iter().copied().collect();
    scenario.contacts = contacts;
    scenario.live_contacts = 0;
    scenario.abandoned = 3;
    scenario.orphan_recordings = 2;
    scenario.webhooks = false;
    scenario
}

fn services(config: &Path) -> (Config, AcdServices) {
    let config = Config::load(config).unwrap_or_else(|error| panic!("{error}"));
    let secrets = config
        .resolve_secrets(&SystemSecrets)
        .unwrap_or_else(|error| panic!("{error}"));
    let services = connect(&config, &secrets, None).unwrap().remove(0);
    (config, services)
}

/// Everything that has happened in the simulated world.
fn whole(simulator: &Simulator) -> RangeNote {
    RangeNote {
        from: simulator.world().begins(),
        to: Utc::now().trunc_subsecs(3),
    }
}

async fn account_of(ledger: &SqliteLedger, config: &Path, range: RangeNote) -> Account {
    let (config, services) = services(config);
    let names = AcdNames::configured(&config);
    let window = config.timing.discover_window;
    reconcile(
        ledger,
        &names,
        &services,
        window,
        range,
        Utc::now(),
        &|_| {},
    )
    .await
    .unwrap_or_else(|error| panic!("{error}"))
}

/// Replaces a line of the configuration's `[[acd]]`, or adds one.
fn set(config: &Path, name: &str, value: &str) {
    let text = std::fs::read_to_string(config).unwrap();
    let (mut lines, begins) = (Vec::new(), format!("{name} = "));
    for line in text.lines().filter(|line| !line.starts_with(&begins)) {
        lines.push(line.to_owned());
        if line == "[[acd]]" {
            lines.push(format!("{name} = \"{value}\""));
        }
    }
    std::fs::write(config, lines.join("\n")).unwrap();
}

/// Leaves the wish to fill the range, and runs a worker until everything is carried.
async fn fill(config: &Path, range: RangeNote) {
    let (worker, ledger) = common::worker(config, Arc::new(Nobody)).await;
    let (_, services) = services(config);
    let acd = services.acd.key();
    ledger.register(&acd, "simulated").await.unwrap();
    let wish = Wish::Reconcile {
        acd: acd.clone(),
        from: range.from,
        to: range.to,
        fill: true,
    };
    let asked = Utc::now().trunc_subsecs(3);
    let id = ledger.put(&wish, asked).await.unwrap();
    let running = worker.run(CancellationToken::new(), Until::Idle);
    tokio::time::timeout(DEADLINE, running)
        .await
        .expect("the worker comes to its end")
        .unwrap();
    let row = ledger.wish(id).await.unwrap().unwrap();
    assert_eq!(row.state, WishState::Done, "{:?}", row.outcome);
    let told = reconciled(&ledger, &acd, range, asked).await.unwrap();
    let told = told.expect("the worker writes the account down");
    assert_eq!(told.unexplained, 0, "{told:#?}");
    assert!(told.filled.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_explained_leg_by_leg_and_recording_by_recording() {
    let directory = tempfile::tempdir().unwrap();
    let kinds = [
        (Kind::ConferenceEncrypted, 1),
        (Kind::TransferSharedConference, 1),
        (Kind::NativeAndPlugin, 1),
        (Kind::NativeOutboundUnlinked, 1),
        (Kind::NamedByCall, 1),
        (Kind::AbsentSilent, 1),
        (Kind::MissingKey, 1),
        (Kind::Excluded, 1),
        (Kind::Chat, 1),
    ];
    let scenario = scenario(&kinds, 9);
    let (simulator, config) =
        common::simulator(scenario, 3, FaultLevel::None, directory.path()).await;
    let contacts = common::run(&simulator, &config).await;
    let (_, ledger) = common::worker(&config, Arc::new(Nobody)).await;
    let account = account_of(&ledger, &config, whole(&simulator)).await;

    assert_eq!(account.unexplained, 0, "{account:#?}");
    let legs = &account.legs;
    let at = |stage| u64::try_from(common::at(&contacts, stage)).unwrap();
    let sum = |lines: &BTreeMap<String, u64>| lines.values().sum::<u64>();
    assert_eq!(legs.total, simulator.expected().len() as u64);
    assert_eq!(
        (legs.complete, sum(&legs.excluded), sum(&legs.parked)),
        (
            at(StageName::Complete),
            at(StageName::Excluded),
            at(StageName::Parked)
        )
    );
    assert_eq!(legs.parked.keys().collect::<Vec<_>>(), ["missing-key"]);

    let recordings = &account.recordings;
    let fate = |fate| recordings.fates.get(&fate).copied().unwrap_or_default();
    assert_eq!(recordings.fates.values().sum::<u64>(), recordings.total);
    assert!(fate(RecordingFate::Carried) >= 4, "{recordings:#?}");
    assert!(fate(RecordingFate::PassedOver) >= 1, "{recordings:#?}");
    assert_eq!(fate(RecordingFate::Parked), 1, "{recordings:#?}");
    assert_eq!(fate(RecordingFate::Excluded), 1, "{recordings:#?}");
    assert_eq!(
        fate(RecordingFate::NoLeg),
        2,
        "voicemail is no leg's: {recordings:#?}"
    );
    assert_eq!(fate(RecordingFate::NothingStored), 1, "{recordings:#?}");
    let listed = recordings.listed.first.iter();
    let sources: BTreeSet<_> = listed.map(|line| line.source.as_deref()).collect();
    assert_eq!(
        sources,
        BTreeSet::from([Some("RecordVerb"), Some("OutboundAPI")])
    );
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_was_deleted_is_rebuilt_from_both_ends_without_a_second_contact() {
    let directory = tempfile::tempdir().unwrap();
    let kinds = [
        (Kind::ConferenceEncrypted, 1),
        (Kind::TransferSharedConference, 1),
        (Kind::MissingKey, 1),
        (Kind::Excluded, 1),
        (Kind::ChatTransfer, 1),
    ];
    let scenario = scenario(&kinds, 10);
    let (simulator, config) =
        common::simulator(scenario, 5, FaultLevel::Mild, directory.path()).await;
    let before = common::run(&simulator, &config).await;
    let received = simulator.received_count();

    // Whoever starts anew carries what ends from now on.
    std::fs::remove_dir_all(directory.path().join("connector.state")).unwrap();
    set(&config, "discover_from", "now");
    let range = whole(&simulator);
    let (worker, ledger) = common::worker(&config, Arc::new(Nobody)).await;
    drop(worker);
    let lost = account_of(&ledger, &config, range).await;
    let all = simulator.expected().len() as u64;
    assert_eq!((lost.legs.total, lost.unexplained), (all, all));
    assert_eq!(
        lost.legs.unexplained.get(&Unexplained::UnknownLeg),
        Some(&all)
    );
    assert_eq!(lost.contacts.of_unknown_legs, received as u64);
    ledger.close().await;
    drop(ledger);

    fill(&config, range).await;
    let (_, ledger) = common::worker(&config, Arc::new(Nobody)).await;
    let rebuilt = account_of(&ledger, &config, range).await;
    assert_eq!(rebuilt.unexplained, 0, "{rebuilt:#?}");
    assert_eq!(rebuilt.contacts.duplicates.count, 0, "{rebuilt:#?}");
    let complete = common::at(&before, StageName::Complete) as u64;
    assert_eq!((rebuilt.legs.total, rebuilt.legs.complete), (all, complete));
    assert_eq!(
        simulator.received_count(),
        received,
        "nothing was sent again"
    );
    let wrong = common::disagreements(&simulator, &common::contacts(&ledger).await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    simulator.stop().await;
}

/// A leg as Twilio tells it.
async fn leg(simulator: &Simulator, services: &AcdServices, leg: &str) -> Contact {
    let (acd, now) = (services.acd.key(), Utc::now());
    let window = Window {
        from: simulator.world().begins(),
        to: now,
    };
    let workspace = services.twilio.taskrouter(acd.workspace);
    let query = EventQuery::between(window.from, window.to);
    let events = workspace.events(&query).await.unwrap().events;
    let mut by_task: BTreeMap<_, Vec<FlexEvent>> = BTreeMap::new();
    for event in &events {
        if let Some(task) = &event.task {
            by_task.entry(task.sid).or_default().push(event.clone());
        }
    }
    let ended = ended_in(&acd, window, window.from, &events, &by_task, now);
    let found = ended
        .legs
        .into_iter()
        .find(|(contact, _)| contact.leg.id.as_str() == leg);
    found.expect("its end is told").0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_complete_contact_that_calabrio_does_not_have_is_sent_again_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut scenario = scenario(&[(Kind::ConferenceMono, 1)], 3);
    // The contact that is missing is made up below, and nobody saw its hold.
    scenario.hold_labels.clear();
    let (simulator, config) =
        common::simulator(scenario, 7, FaultLevel::None, directory.path()).await;
    let (_, services) = services(&config);
    let expected = simulator.expected()[0].clone();
    let audio = expected.audio.clone().unwrap();
    let [piece] = audio.pieces.as_slice() else {
        panic!("a call that was recorded once")
    };

    // The ledger says that it is complete, and Calabrio has nothing of it.
    let mut contact = leg(&simulator, &services, &expected.leg).await;
    contact.leg.direction = expected.direction.parse().ok();
    contact.leg.session = expected.session.parse().ok();
    let (now, length) = (Utc::now(), piece.end_ms - piece.start_ms);
    let linked = Discovered { at: now }
        .capture(Capture::default(), now)
        .link(
            LegMedia::Recordings {
                pieces: vec![MediaPiece {
                    recording: piece.recording.parse().unwrap(),
                    span: Some(Span {
                        from_ms: piece.start_ms,
                        to_ms: Some(piece.end_ms),
                    }),
                    channels: 1,
                    swap: false,
                    encrypted: None,
                }],
                superseded: Vec::new(),
                marks: Vec::new(),
            },
            now,
        );
    let processing = linked.found(999_999.try_into().unwrap(), now);
    contact.stage = Stage::Complete(processing.complete(Some(length), now));
    let (worker, ledger) = common::worker(&config, Arc::new(Nobody)).await;
    drop(worker);
    let acd = services.acd.key();
    ledger.register(&acd, "simulated").await.unwrap();
    let step = Advance {
        cursor: CursorId::Live {
            acd,
            stream: "test".to_owned(),
        },
        from: None,
        to: now,
        legs: vec![NewLeg {
            contact,
            details: None,
            schedule: Schedule::rest(),
        }],
        at: now,
    };
    ledger.advance(step, &keep).await.unwrap();
    ledger.close().await;
    drop(ledger);

    common::run(&simulator, &config).await;
    assert_eq!(simulator.received_count(), 2);
    let range = whole(&simulator);
    let (_, ledger) = common::worker(&config, Arc::new(Nobody)).await;
    let account = account_of(&ledger, &config, range).await;
    assert_eq!(
        (account.legs.total, account.unexplained),
        (3, 1),
        "{account:#?}"
    );
    let [missing] = account.unexplained_legs.first.as_slice() else {
        panic!("one leg is missing")
    };
    assert_eq!(
        (missing.leg.as_str(), missing.why),
        (expected.leg.as_str(), Unexplained::ContactMissing)
    );
    ledger.close().await;
    drop(ledger);

    fill(&config, range).await;
    let (_, ledger) = common::worker(&config, Arc::new(Nobody)).await;
    let account = account_of(&ledger, &config, range).await;
    assert_eq!(
        (account.legs.complete, account.unexplained),
        (3, 0),
        "{account:#?}"
    );
    assert_eq!(simulator.received_count(), 3);
    let wrong = common::disagreements(&simulator, &common::contacts(&ledger).await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_night_that_was_missed_is_made_up_and_finds_what_discovery_missed() {
    let directory = tempfile::tempdir().unwrap();
    let scenario = scenario(&[(Kind::ConferenceEncrypted, 1), (Kind::Excluded, 1)], 4);
    let (simulator, config) =
        common::simulator(scenario, 11, FaultLevel::None, directory.path()).await;
    let (_, services) = services(&config);
    let acd = services.acd.key();
    let (worker, ledger) = common::worker(&config, Arc::new(Nobody)).await;
    ledger.register(&acd, "simulated").await.unwrap();
    // Discovery began two days ago, and passed by what happened since.
    let (now, long_ago) = (Utc::now(), Utc::now() - TimeDelta::days(2));
    for (stream, to) in [("origin", simulator.world().begins()), (EVENTS_STREAM, now)] {
        let step = Advance {
            cursor: CursorId::Live {
                acd: acd.clone(),
                stream: stream.to_owned(),
            },
            from: None,
            to,
            legs: Vec::new(),
            at: long_ago,
        };
        ledger.advance(step, &keep).await.unwrap();
    }
    let stop = CancellationToken::new();
    let running = tokio::spawn(worker.run(stop.clone(), Until::Stopped));
    let settled = async {
        while !common::is_settled(&simulator, &ledger).await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(DEADLINE, settled)
        .await
        .expect("the night's account is made and its legs are carried");
    stop.cancel();
    running.await.unwrap().unwrap();
    let contacts = common::contacts(&ledger).await;
    let wrong = common::disagreements(&simulator, &contacts);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let rows = ledger.reconciliations(&acd, 10).await.unwrap();
    let [row] = rows.as_slice() else {
        panic!("one account of one night, not {}", rows.len())
    };
    let account: Account = serde_json::from_value(row.totals.clone()).unwrap();
    assert_eq!((account.by, account.unexplained), (Trigger::Night, 0));
    assert_eq!(
        account
            .filled
            .map(|filled| (filled.legs_new, filled.taken_up)),
        Some((4, 0))
    );
    simulator.stop().await;
}
