//! What a world promises: the same from the same seed, and expectations that its own audio meets.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::expected::{AudioVerdict, Outcome, ParkedFor};
use super::kind::Kind;
use super::model::Fate;
use super::sound::{SAMPLE_RATE, frames};
use super::{World, WorldError, metadata_key};
use crate::scenario::{NoMedia, Scenario, Span};

fn start() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn world(seed: u64) -> World {
    World::new(&Scenario::default(), seed, start()).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another() {
    let (one, same, other) = (world(3), world(3), world(4));
    assert_eq!(one.expected(), same.expected());
    assert_eq!(one.markers(), same.markers());
    assert_eq!(one.plaintext_windows(2), same.plaintext_windows(2));
    assert_eq!(format!("{:?}", one.events), format!("{:?}", same.events));
    assert_ne!(one.expected(), other.expected());
    assert_ne!(one.account_sid(), other.account_sid());
}

#[test]
fn the_default_contacts_show_every_kind_of_the_demo() {
    let world = world(1);
    let kinds: BTreeSet<Kind> = world.expected().iter().map(|leg| leg.kind).collect();
    assert!(Kind::DEMO.iter().all(|kind| kinds.contains(kind)));
    let tasks: BTreeSet<&str> = world
        .expected()
        .iter()
        .map(|leg| leg.task.as_str())
        .collect();
    // Three conversations have two tasks each.
    assert_eq!(tasks.len(), 44 + 3);
    assert_eq!(
        world.tasks.len(),
        44 + 3 + 4,
        "four are given up in the queue"
    );
}

#[test]
fn few_contacts_are_of_both_sorts_already() {
    for contacts in [3, 4, 5, 20] {
        let scenario = Scenario {
            contacts,
            ..Scenario::default()
        };
        let world = World::new(&scenario, 1, start()).unwrap();
        let mut kinds = world.expected().iter().map(|leg| leg.kind);
        assert!(kinds.clone().any(Kind::is_digital), "{contacts}");
        assert!(kinds.any(|kind| !kind.is_digital()), "{contacts}");
    }
}

#[test]
fn the_default_scenario_adds_up_to_the_totals_that_are_documented() {
    let world = world(1);
    let count = |wanted: fn(&Outcome) -> bool| {
        let legs = world.expected().iter();
        legs.filter(|leg| wanted(&leg.outcome)).count()
    };
    let complete = count(|outcome| *outcome == Outcome::Complete);
    let parked = count(|outcome| matches!(outcome, Outcome::Parked(_)));
    let excluded = count(|outcome| matches!(outcome, Outcome::Excluded(_)));
    assert_eq!((complete, parked, excluded), (45, 3, 1));
    let texts = world
        .expected()
        .iter()
        .filter(|leg| leg.transcript.is_some());
    assert_eq!(texts.count(), 17);
    let mut live: Vec<&str> = world
        .tasks
        .iter()
        .filter(|task| task.versions.iter().any(|version| version.at > start()))
        .map(|task| task.channel.name())
        .collect();
    live.sort_unstable();
    assert_eq!(live, ["sms", "voice", "voice"]);
}

#[test]
fn each_kind_ends_as_it_should() {
    let scenario = Scenario {
        contacts: 44,
        kinds: Kind::DEMO
            .iter()
            .chain(&Kind::ON_REQUEST)
            .map(|kind| (*kind, 1))
            .collect(),
        ..Scenario::default()
    };
    let world = World::new(&scenario, 9, start()).unwrap();
    for leg in world.expected() {
        let wanted = match leg.kind {
            Kind::NotStored => Outcome::Parked(ParkedFor::RecordingNotStored),
            Kind::MissingKey => Outcome::Parked(ParkedFor::MissingKey),
            Kind::Tampered => Outcome::Parked(ParkedFor::NotAuthentic),
            Kind::ExternallyStored => Outcome::Parked(ParkedFor::StoredElsewhere),
            Kind::Excluded => Outcome::Excluded("test-calls".to_owned()),
            Kind::ChatGone => Outcome::Parked(ParkedFor::ConversationGone),
            Kind::ChatUnnamed => Outcome::Parked(ParkedFor::NoConversation),
            Kind::ChatHuge => Outcome::Parked(ParkedFor::TranscriptTooLarge),
            _ => Outcome::Complete,
        };
        assert_eq!(leg.outcome, wanted, "{:?}", leg.kind);
        assert_eq!(
            leg.audio.is_some(),
            wanted == Outcome::Complete && leg.kind != Kind::AbsentSilent && !leg.kind.is_digital(),
            "{:?}",
            leg.kind
        );
        assert_eq!(
            leg.transcript.is_some(),
            wanted == Outcome::Complete && leg.kind.is_digital(),
            "{:?}",
            leg.kind
        );
        assert_eq!(leg.metadata["Twilio-Leg-key"], leg.leg);
        assert_eq!(
            leg.metadata.contains_key("Account-Number-key"),
            leg.kind != Kind::MissingMappedAttribute
        );
    }
}

#[test]
fn the_transcripts_of_a_conversation_s_legs_partition_it() {
    let scenario = Scenario {
        contacts: 48,
        kinds: Kind::DEMO
            .iter()
            .chain(&[Kind::ConversationOfTwoInteractions])
            .filter(|kind| kind.is_digital())
            .map(|kind| (*kind, 1))
            .collect(),
        ..Scenario::default()
    };
    for seed in 1..5 {
        let world = World::new(&scenario, seed, start()).unwrap();
        for conversation in world.conversations.iter().filter(|made| !made.gone) {
            let mut given = Vec::new();
            for leg in world.expected() {
                let Some(part) = leg.transcript.as_ref() else {
                    continue;
                };
                if part.conversation == conversation.sid {
                    let indexes: Vec<u64> = part.messages.iter().map(|it| it.index).collect();
                    assert!(indexes.is_sorted());
                    given.extend(indexes);
                }
            }
            let all: Vec<u64> = conversation.messages.iter().map(|it| it.index).collect();
            assert_eq!(given, all);
        }
    }
}

#[test]
fn some_conversations_are_particular() {
    let world = world(1);
    let of = |kind: Kind| {
        let leg = world.expected().iter().find(|leg| leg.kind == kind);
        let sid = &leg.unwrap().transcript.as_ref().unwrap().conversation;
        let mut made = world.conversations.iter();
        made.find(|made| made.sid == *sid).unwrap()
    };
    assert!(of(Kind::ChatEmpty).messages.is_empty());
    let deleted = &of(Kind::ChatDeletedMessages).messages;
    assert!(
        deleted
            .windows(2)
            .any(|two| two[0].index + 1 < two[1].index)
    );
    let system = &of(Kind::ChatSystemMessages).messages;
    assert!(system.iter().any(|it| it.member.is_none()));
    let files = &of(Kind::ChatWithMedia).messages;
    assert!(
        files
            .iter()
            .any(|it| it.body.is_none() && it.attachment.is_some())
    );
    let scripts = &of(Kind::ChatRtlEmoji).messages;
    let words: String = scripts.iter().filter_map(|it| it.body.as_deref()).collect();
    assert!(words.contains('م') && words.contains('ש') && words.contains('👩'));
}

#[test]
fn agents_whom_calabrio_does_not_know_are_dealt_with_as_the_operator_decided() {
    use crate::scenario::UnknownAgent;
    for (unknown_agent, wanted, unassigned) in [
        (
            UnknownAgent::Park,
            Outcome::Parked(ParkedFor::UnknownAgent),
            false,
        ),
        (UnknownAgent::Unassigned, Outcome::Complete, true),
        (UnknownAgent::Create, Outcome::Complete, false),
    ] {
        let scenario = Scenario {
            contacts: 12,
            kinds: [(Kind::ConferenceMono, 1), (Kind::Sms, 1)].into(),
            agents: 2,
            unknown_agents: 1,
            unknown_agent,
            ..Scenario::default()
        };
        let world = World::new(&scenario, 2, start()).unwrap();
        let unknown = &world.workers[1].sid;
        for leg in world.expected() {
            if leg.worker == *unknown {
                assert_eq!((&leg.outcome, leg.unassigned), (&wanted, unassigned));
            } else {
                assert_eq!((&leg.outcome, leg.unassigned), (&Outcome::Complete, false));
            }
        }
        assert!(world.expected().iter().any(|leg| leg.worker == *unknown));
    }
}

#[test]
fn an_absent_recording_ends_as_the_operator_decided() {
    for (no_media, wanted) in [
        (NoMedia::MetadataOnly, Outcome::Complete),
        (NoMedia::Park, Outcome::Parked(ParkedFor::NoMedia)),
        (NoMedia::Exclude, Outcome::Excluded("no-media".to_owned())),
    ] {
        let scenario = Scenario {
            contacts: 1,
            kinds: [(Kind::AbsentSilent, 1)].into(),
            no_media,
            ..Scenario::default()
        };
        assert_eq!(
            World::new(&scenario, 2, start()).unwrap().expected()[0].outcome,
            wanted
        );
    }
}

#[test]
fn without_encryption_no_key_is_missing() {
    let scenario = Scenario {
        encryption: false,
        ..Scenario::default()
    };
    let world = World::new(&scenario, 2, start()).unwrap();
    assert!(
        world
            .recordings
            .iter()
            .all(|recording| recording.locked.is_none())
    );
    let leg = world
        .expected()
        .iter()
        .find(|leg| leg.kind == Kind::MissingKey)
        .unwrap();
    assert_eq!(leg.outcome, Outcome::Complete);
}

/// What a perfect connector would deliver.
fn perfect(world: &World, leg: &super::ExpectedLeg) -> Option<Vec<u8>> {
    let audio = leg.audio.as_ref()?;
    let pcm: Vec<u8> = audio
        .pieces
        .iter()
        .flat_map(|piece| {
            let sound = &world.recording(&piece.recording).unwrap().sound;
            sound.pcm(frames(piece.start_ms)..frames(piece.end_ms))
        })
        .collect();
    Some(if audio.swapped_at_source {
        pcm.chunks_exact(4)
            .flat_map(|frame| [frame[2], frame[3], frame[0], frame[1]])
            .collect()
    } else {
        pcm
    })
}

#[test]
fn the_audio_that_a_perfect_connector_delivers_is_found_right() {
    let world = world(6);
    for leg in world.expected() {
        let mut check = world.audio_check(&leg.leg).unwrap();
        let Some(pcm) = perfect(&world, leg) else {
            assert_eq!(check.finish(), AudioVerdict::NoneExpected);
            continue;
        };
        check.format(leg.audio.as_ref().unwrap().channels, SAMPLE_RATE, 16);
        check.push(&pcm);
        assert_eq!(check.finish(), AudioVerdict::Match, "{:?}", leg.kind);
    }
    assert!(world.audio_check("WR0").is_none());
}

#[test]
fn no_leg_s_audio_passes_for_another_s() {
    let world = world(6);
    let legs: Vec<_> = world
        .expected()
        .iter()
        .filter(|leg| leg.audio.is_some())
        .collect();
    for pair in legs.windows(2) {
        let pcm = perfect(&world, pair[0]).unwrap();
        let mut check = world.audio_check(&pair[1].leg).unwrap();
        check.format(pair[0].audio.as_ref().unwrap().channels, SAMPLE_RATE, 16);
        check.push(&pcm);
        assert!(
            matches!(check.finish(), AudioVerdict::Mismatch(_)),
            "{:?} as {:?}",
            pair[0].kind,
            pair[1].kind
        );
    }
}

#[test]
fn the_two_legs_of_a_transfer_share_a_recording_and_have_their_own_stretch() {
    let world = world(6);
    for kind in [Kind::TransferSharedConference, Kind::TransferDual] {
        let legs: Vec<_> = world
            .expected()
            .iter()
            .filter(|leg| leg.kind == kind)
            .take(2)
            .collect();
        let pieces: Vec<_> = legs
            .iter()
            .map(|leg| &leg.audio.as_ref().unwrap().pieces[0])
            .collect();
        assert_eq!(legs[0].task, legs[1].task);
        assert_eq!(legs[0].session, legs[1].session);
        assert_ne!(legs[0].worker, legs[1].worker);
        assert_eq!(pieces[0].recording, pieces[1].recording);
        assert_eq!(pieces[0].start_ms, 0);
        assert_eq!(pieces[1].end_ms, pieces[1].recording_ms);
        assert!(pieces[0].end_ms < pieces[0].recording_ms && pieces[1].start_ms > 0);
        if kind == Kind::TransferSharedConference {
            assert!(pieces[0].not_after_ms < pieces[1].start_ms + 1_000);
            assert!(pieces[1].not_before_ms > 0 && pieces[1].not_before_ms < pieces[1].start_ms);
        }
        let mut check = world.audio_check(&legs[1].leg).unwrap();
        check.format(legs[0].audio.as_ref().unwrap().channels, SAMPLE_RATE, 16);
        check.push(&perfect(&world, legs[0]).unwrap());
        assert!(
            matches!(check.finish(), AudioVerdict::Mismatch(_)),
            "the first leg's stretch is not the second's"
        );
    }
}

/// An instant cut to the second, as the vendor tells most of them.
fn second(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(at.timestamp(), 0).unwrap()
}

/// Cuts a leg out of its recording as a connector can: by whole seconds, with a margin that goes outward, and inward towards another leg.
fn cut(world: &World, leg: &super::ExpectedLeg, by_presence: bool) -> Vec<u8> {
    let margin = TimeDelta::seconds(1);
    let piece = &leg.audio.as_ref().unwrap().pieces[0];
    let recording = world.recording(&piece.recording).unwrap();
    let period = |leg: &super::ExpectedLeg| {
        let conference = world
            .conferences
            .iter()
            .find(|conference| recording.conference.as_ref() == Some(&conference.sid));
        let worker = world
            .workers
            .iter()
            .find(|worker| worker.sid == leg.worker)
            .unwrap();
        let there = conference.and_then(|conference| {
            let client = format!("client:{}", worker.identity);
            conference.participants.iter().find(|one| one.to == client)
        });
        match there.filter(|_| by_presence) {
            Some(one) => (
                leg.accepted_at.max(second(one.join)),
                leg.ended_at.min(second(one.leave)),
            ),
            None => (leg.accepted_at, leg.ended_at),
        }
    };
    let (from, to) = period(leg);
    let others = world
        .expected()
        .iter()
        .filter(|other| other.task == leg.task && other.leg != leg.leg);
    let near =
        |one: DateTime<Utc>, other: DateTime<Utc>| (one - other).abs() <= TimeDelta::seconds(2);
    let (mut first, mut last) = (from - margin, to + margin);
    for other in others {
        if near(other.ended_at, from) {
            first = from + margin;
        }
        if near(other.accepted_at, to) {
            last = to - margin;
        }
    }
    let offset = |at: DateTime<Utc>| {
        let millis = (at - second(recording.start)).num_milliseconds();
        frames(u64::try_from(millis).unwrap_or(0))
    };
    recording.sound.pcm(offset(first)..offset(last))
}

#[test]
fn a_connector_that_cuts_by_the_second_stays_within_the_tolerance() {
    let scenario = Scenario {
        contacts: 60,
        kinds: [
            (Kind::TransferSharedConference, 1),
            (Kind::TransferDual, 1),
            (Kind::QueueAudio, 1),
        ]
        .into(),
        ..Scenario::default()
    };
    for (seed, by_presence) in [(1, false), (2, true)] {
        let world = World::new(&scenario, seed, start()).unwrap();
        for leg in world.expected() {
            let mut check = world.audio_check(&leg.leg).unwrap();
            check.format(leg.audio.as_ref().unwrap().channels, SAMPLE_RATE, 16);
            check.push(&cut(&world, leg, by_presence));
            assert_eq!(
                check.finish(),
                AudioVerdict::Match,
                "{:?} {leg:?}",
                leg.kind
            );
        }
    }
}

#[test]
fn a_recording_disagrees_with_the_clock_only_where_its_kind_says_so() {
    let world = world(8);
    for recording in &world.recordings {
        let clock = u64::try_from((recording.stop - recording.start).num_milliseconds()).unwrap();
        let gap = clock.abs_diff(recording.sound.millis());
        let leg = world.expected().iter().find(|leg| {
            leg.audio.as_ref().is_some_and(|audio| {
                audio
                    .pieces
                    .iter()
                    .any(|piece| piece.recording == recording.sid)
            })
        });
        let uneven =
            leg.is_some_and(|leg| matches!(leg.kind, Kind::PauseSkipped | Kind::SilenceTrimmed));
        assert_eq!(gap > 3_000, uneven, "{gap} ms");
        assert!(gap == 0 || uneven);
    }
}

#[test]
fn an_encrypted_conference_is_never_dual() {
    let world = world(8);
    for recording in &world.recordings {
        assert!(
            !(recording.locked.is_some() && recording.is_conference() && recording.channels() > 1)
        );
    }
}

#[test]
fn the_parts_of_a_stopped_recording_follow_each_other() {
    let world = world(8);
    let leg = world
        .expected()
        .iter()
        .find(|leg| leg.kind == Kind::StopAndStart)
        .unwrap();
    let parts: Vec<_> = leg
        .audio
        .as_ref()
        .unwrap()
        .pieces
        .iter()
        .map(|piece| world.recording(&piece.recording).unwrap())
        .collect();
    assert_eq!(parts.len(), 2);
    assert!(parts[0].stop < parts[1].start);
}

#[test]
fn native_and_plugin_recordings_overlap_and_the_dual_one_is_expected() {
    let world = world(8);
    let leg = world
        .expected()
        .iter()
        .find(|leg| leg.kind == Kind::NativeAndPlugin)
        .unwrap();
    let chosen = world
        .recording(&leg.audio.as_ref().unwrap().pieces[0].recording)
        .unwrap();
    assert_eq!(chosen.channels(), 2);
    let other = world
        .recordings
        .iter()
        .find(|made| made.call == chosen.call && made.sid != chosen.sid)
        .unwrap();
    assert!(other.is_conference() && other.start < chosen.stop && chosen.start < other.stop);
}

#[test]
fn most_has_ended_before_the_start_and_little_is_still_to_come() {
    let world = world(8);
    let live = world
        .expected()
        .iter()
        .filter(|leg| leg.ended_at > start())
        .count();
    assert!((1..=4).contains(&live), "{live}");
    assert!(world.begins() > start() - TimeDelta::minutes(20));
    assert!(world.settles() < start() + TimeDelta::seconds(30));
    let late = world
        .expected()
        .iter()
        .find(|leg| leg.kind == Kind::LateRecording)
        .unwrap();
    let recording = world
        .recording(&late.audio.as_ref().unwrap().pieces[0].recording)
        .unwrap();
    assert!(recording.completed_at > start() && late.ended_at < start());
    let vanished = world
        .expected()
        .iter()
        .find(|leg| leg.kind == Kind::VanishedTask)
        .unwrap();
    let task = world
        .tasks
        .iter()
        .find(|task| task.sid == vanished.task)
        .unwrap();
    assert!(task.gone_at < start());
}

#[test]
fn every_window_stands_in_its_recording_and_every_marker_in_an_attribute() {
    let world = world(8);
    let windows = world.plaintext_windows(3);
    let heard = world
        .recordings
        .iter()
        .filter(|made| !matches!(made.fate, Fate::Absent(_)))
        .count();
    assert_eq!(windows.len(), heard * 3);
    for window in &windows {
        let sound = &world.recording(&window.recording).unwrap().sound;
        let pcm = sound.pcm(0..sound.frames());
        assert_eq!(window.pcm.len(), 64);
        assert!(pcm.windows(64).any(|there| there == window.pcm));
    }
    for marker in world.markers() {
        let noted = world.events.iter().any(|event| {
            event
                .data
                .get("task_attributes")
                .is_some_and(|attributes| attributes.contains(marker))
        });
        let written = world
            .conversations
            .iter()
            .flat_map(|made| &made.messages)
            .any(|message| message.body.as_ref().is_some_and(|it| it.contains(marker)));
        assert!(noted || written || marker.starts_with("ACCT-"), "{marker}");
    }
}

#[test]
fn long_calls_that_share_their_audio_share_their_ciphertext() {
    let scenario = Scenario {
        audio_ms: Span::new(60_000, 60_000),
        ..Scenario::throughput(3)
    };
    let world = World::new(&scenario, 1, start()).unwrap();
    let sealed: Vec<_> = world
        .recordings
        .iter()
        .map(
            |recording| match world.media.media(recording, false).unwrap() {
                super::media::Media::Sealed(bytes) => bytes,
                super::media::Media::Clear(_) => panic!("it is encrypted"),
            },
        )
        .collect();
    assert_eq!(sealed[0].as_ptr(), sealed[2].as_ptr());
    assert_eq!(
        sealed[0].len() as u64,
        super::media::sealed_length(&world.recordings[0].sound)
    );
    assert!((59_900..=60_000).contains(&world.recordings[0].sound.millis()));
}

#[test]
fn the_fields_of_metadata_manager_have_keys_made_from_their_labels() {
    assert_eq!(metadata_key("Twilio Leg"), "Twilio-Leg-key");
    assert_eq!(metadata_key("A & B = C"), "A--B--C-key");
    assert_eq!(metadata_key(&"long ".repeat(20)).len(), 39);
    let fields = world(1).metadata_fields();
    assert_eq!(fields[0].key, "Twilio-Leg-key");
    assert!(fields.iter().any(|field| field.field_type != "TEXT"));
}

#[test]
fn a_scenario_that_asks_for_the_impossible_is_refused() {
    let with = |change: fn(&mut Scenario)| {
        let mut scenario = Scenario::default();
        change(&mut scenario);
        World::new(&scenario, 1, start()).unwrap_err()
    };
    assert!(matches!(
        with(|scenario| scenario.agents = 1),
        WorldError::Agents(1)
    ));
    assert!(matches!(
        with(|scenario| scenario.key_bits = 512),
        WorldError::KeyBits(512)
    ));
    assert!(matches!(
        with(|scenario| scenario.audio_ms.max = 20_000_000),
        WorldError::AudioLength(_)
    ));
}
