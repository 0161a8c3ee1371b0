//! A connector without a mistake, and every mistake that there is to make.

use chrono::Utc;

use super::*;
use crate::calabrio::audio::WavListener;
use crate::calabrio::{ReceivedMessage, ReceivedTranscript};
use crate::scenario::{Kind, Scenario};
use crate::webhooks::WebhookAttempt;
use crate::world::World;

const EVERYTHING: u64 = u64::MAX;

/// What a connector that makes no mistake delivers of a leg.
fn delivered(world: &World, leg: &ExpectedLeg, id: u64) -> ReceivedContact {
    let (ani, dnis) = if leg.direction == "outbound" {
        (&leg.business, &leg.customer)
    } else {
        (&leg.customer, &leg.business)
    };
    let audio = leg.audio.as_ref().map(|audio| {
        let mut pcm = Vec::new();
        for piece in &audio.pieces {
            let recording = world.recording(&piece.recording).unwrap();
            pcm.extend(recording.sound.pcm(piece.start_ms * 8..piece.end_ms * 8));
        }
        if audio.swapped_at_source {
            for frame in pcm.chunks_exact_mut(4) {
                frame.rotate_left(2);
            }
        }
        let file = wav(audio.channels, audio.sample_rate, &pcm);
        let mut listener = WavListener::new(world.audio_check(&leg.leg), EVERYTHING);
        listener.push(&file).unwrap();
        listener.finish().unwrap().into()
    });
    let duration_ms = audio
        .as_ref()
        .map_or(0, |audio: &crate::ReceivedAudio| audio.duration_ms);
    ReceivedContact {
        id,
        leg: leg.leg.clone(),
        session: Some(leg.session.clone()),
        call_id: Some(leg.leg.clone()),
        started_at: leg.accepted_at,
        duration_ms,
        ani: Some(ani.clone()),
        dnis: Some(dnis.clone()),
        agent: Some(leg.worker.clone()),
        acd_server: Some(7),
        direction: Some(leg.direction.clone()),
        contact_type: leg.content.contact_type().to_owned(),
        metadata: leg.metadata.clone(),
        audio,
        transcript: leg.transcript.as_ref().map(|transcript| {
            let messages: Vec<_> = transcript
                .messages
                .iter()
                .map(|message| ReceivedMessage {
                    index: Some(message.index),
                    sid: Some(message.sid.clone()),
                    body_sha256: message.body_sha256.clone(),
                })
                .collect();
            ReceivedTranscript {
                messages,
                bytes: 0,
                sha256: String::new(),
                rendering_bytes: None,
            }
        }),
        text: bytes::Bytes::new(),
        received_at: leg.ended_at,
        found_from: leg.ended_at,
        processed_from: leg.ended_at,
    }
}

fn wav(channels: u16, rate: u32, pcm: &[u8]) -> Vec<u8> {
    let length = u32::try_from(pcm.len()).unwrap();
    let align = channels * 2;
    [
        b"RIFF".as_slice(),
        &(36 + length).to_le_bytes(),
        b"WAVEfmt \x10\0\0\0\x01\0",
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate * u32::from(align)).to_le_bytes(),
        &align.to_le_bytes(),
        b"\x10\0data",
        &length.to_le_bytes(),
        pcm,
    ]
    .concat()
}

fn everything() -> (World, Vec<ReceivedContact>) {
    let world = World::new(&Scenario::default(), 3, Utc::now()).unwrap();
    let received = world
        .expected()
        .iter()
        .filter(|leg| leg.outcome == Outcome::Complete)
        .zip(1..)
        .map(|(leg, id)| delivered(&world, leg, id))
        .collect();
    (world, received)
}

#[test]
fn a_connector_without_a_mistake_gets_a_clean_account() {
    let (world, received) = everything();
    let account = account(&received, world.expected());
    let faults: Vec<_> = account
        .legs
        .iter()
        .filter(|leg| !leg.faults.is_empty())
        .collect();
    assert!(account.is_right(), "{faults:#?}");
    assert_eq!(account.complete, received.len() as u64);
    assert!(account.withheld > 0);
}

/// The contacts with a change that is no mistake.
fn with_none_of(
    received: &[ReceivedContact],
    change: impl FnOnce(&mut Vec<ReceivedContact>),
) -> Vec<ReceivedContact> {
    let mut received = received.to_vec();
    change(&mut received);
    received
}

#[test]
fn every_mistake_is_counted() {
    let (world, received) = everything();
    let expected = world.expected();
    let with = |change: &dyn Fn(&mut Vec<ReceivedContact>)| {
        let mut received = received.clone();
        change(&mut received);
        let account = account(&received, expected);
        assert!(!account.is_right());
        account
    };
    let dual = received
        .iter()
        .position(|contact| {
            contact
                .audio
                .as_ref()
                .is_some_and(|audio| audio.channel_sha256.len() == 2)
        })
        .unwrap();

    assert_eq!(with(&|all| drop(all.remove(0))).lost, 1);
    assert_eq!(with(&|all| all.push(all[0].clone())).duplicates, 1);
    let another =
        with(&|all| all[dual].audio.as_mut().unwrap().verdict = Some(AudioVerdict::Swapped));
    assert_eq!(another.audio_mismatches, 1);
    assert_eq!(with(&|all| all[dual].audio = None).audio_mismatches, 1);
    assert_eq!(
        with(&|all| all[dual].duration_ms += 5_000).audio_mismatches,
        1
    );
    assert_eq!(with(&|all| all[0].metadata.clear()).metadata_mismatches, 1);
    assert_eq!(with(&|all| all[0].session = None).metadata_mismatches, 1);
    assert_eq!(
        with(&|all| all[0].started_at += chrono::TimeDelta::minutes(1)).metadata_mismatches,
        1
    );
    assert_eq!(
        with(&|all| all[0].leg = "WR-of-nobody".to_owned()).unexpected,
        1
    );
    let made_up = with_none_of(&received, |all| {
        let mut made_up = all[0].clone();
        made_up.leg = format!("{SYNTHETIC_LEG}0123456789abcdef");
        all.push(made_up);
    });
    let right = account(&made_up, expected);
    assert!(right.is_right());
    assert_eq!((right.synthetic, right.unexpected), (1, 0));
    let parked = expected
        .iter()
        .find(|leg| leg.outcome != Outcome::Complete)
        .unwrap();
    assert_eq!(
        with(&|all| all.push(delivered(&world, parked, 99))).unexpected,
        1
    );
}

fn messages(contact: &mut ReceivedContact) -> &mut Vec<ReceivedMessage> {
    &mut contact.transcript.as_mut().unwrap().messages
}

#[test]
fn every_mistake_in_a_transcript_is_counted() {
    let (world, received) = everything();
    let expected = world.expected();
    let legs = |kind: Kind| {
        let of_kind = expected.iter().filter(|leg| leg.kind == kind);
        of_kind
            .map(|leg| {
                let mut contacts = received.iter();
                contacts.position(|contact| contact.leg == leg.leg).unwrap()
            })
            .collect::<Vec<_>>()
    };
    let mismatches = |change: &dyn Fn(&mut Vec<ReceivedContact>)| {
        let mut received = received.clone();
        change(&mut received);
        account(&received, expected).transcript_mismatches
    };
    let chat = legs(Kind::Chat)[0];
    assert_eq!(mismatches(&|all| all[chat].transcript = None), 1);
    assert_eq!(mismatches(&|all| drop(messages(&mut all[chat]).pop())), 1);
    assert_eq!(mismatches(&|all| messages(&mut all[chat]).reverse()), 1);
    assert_eq!(
        mismatches(&|all| messages(&mut all[chat])[1].body_sha256.push('0')),
        1
    );
    assert_eq!(mismatches(&|all| messages(&mut all[chat])[0].sid = None), 1);
    assert_eq!(
        mismatches(&|all| messages(&mut all[chat])[0].index = None),
        1
    );
    let empty = legs(Kind::ChatEmpty)[0];
    assert_eq!(mismatches(&|all| all[empty].transcript = None), 0);

    let [first, second] = legs(Kind::ChatTransfer)[..] else {
        panic!("a transfer has two legs");
    };
    let stolen = |all: &mut Vec<ReceivedContact>| {
        let taken = messages(&mut all[second]).remove(0);
        messages(&mut all[first]).push(taken);
    };
    assert_eq!(
        mismatches(&stolen),
        2,
        "what lies between two legs is the second one's"
    );
}

#[test]
fn what_could_not_be_known_to_be_another_leg_s_may_be_either_s_but_not_both_s() {
    let scenario = Scenario {
        contacts: 1,
        kinds: [(Kind::ConversationOfTwoInteractions, 1)].into(),
        ..Scenario::default()
    };
    let world = World::new(&scenario, 5, Utc::now()).unwrap();
    let [one, two] = world.expected() else {
        panic!("two legs");
    };
    let elastic = &two.transcript.as_ref().unwrap().elastic;
    assert!(!elastic.is_empty());
    let right = [delivered(&world, one, 1), delivered(&world, two, 2)];
    assert!(account(&right, world.expected()).is_right());
    let between = |contact: &ReceivedContact| {
        let messages = &contact.transcript.as_ref().unwrap().messages;
        let (own, given): (Vec<_>, Vec<_>) = messages
            .iter()
            .cloned()
            .partition(|message| elastic.iter().all(|it| Some(it.index) != message.index));
        (own, given)
    };
    let (own, given) = between(&right[1]);
    let mut other = right.clone();
    let first = &mut other[0].transcript.as_mut().unwrap().messages;
    first.extend(given.clone());
    let both = account(&other, world.expected());
    assert_eq!(both.transcript_mismatches, 2);
    other[1].transcript.as_mut().unwrap().messages = own;
    assert!(account(&other, world.expected()).is_right());
    let neither = [right[0].clone(), other[1].clone()];
    assert_eq!(account(&neither, world.expected()).transcript_mismatches, 1);
}

/// What is told of every leg, once.
fn told(world: &World, received: &[ReceivedContact]) -> Vec<ReceivedWebhook> {
    let legs = world.expected().iter().zip(0..);
    legs.filter_map(|(leg, number)| {
        let status = leg.outcome.status()?;
        let contact = received.iter().find(|contact| contact.leg == leg.leg);
        Some(webhook(
            &format!("msg_{number}"),
            leg,
            contact.map_or(0, |contact| i64::try_from(contact.id).unwrap()),
            status,
        ))
    })
    .collect()
}

fn webhook(id: &str, leg: &ExpectedLeg, ccr_id: i64, status: &str) -> ReceivedWebhook {
    ReceivedWebhook {
        id: id.to_owned(),
        ccr_id,
        session: leg.session.clone(),
        leg: leg.leg.clone(),
        tenant: 4711,
        status: status.to_owned(),
        failure_reason: (status == "FAILED").then(|| "It was not recorded.".to_owned()),
        body: String::new(),
        attempts: vec![WebhookAttempt {
            at: leg.ended_at,
            signatures: vec!["v1".to_owned()],
            taken: true,
            acknowledged: true,
            fault: None,
        }],
    }
}

#[test]
fn every_mistake_in_what_is_told_is_counted() {
    let (world, received) = everything();
    let account = |webhooks: &[ReceivedWebhook]| {
        let evidence = Evidence {
            received: &received,
            expected: world.expected(),
            webhooks: Some(webhooks),
            deleted: &[],
            hold: None,
        };
        let account = evidence.account();
        (
            account.webhooks_delivered,
            account.webhooks_lost,
            account.webhooks_double_issued,
            account.webhooks_wrong,
        )
    };
    let right = told(&world, &received);
    let all = right.len() as u64;
    assert_eq!(account(&right), (all, 0, 0, 0));
    let with = |change: &dyn Fn(&mut Vec<ReceivedWebhook>)| {
        let mut webhooks = right.clone();
        change(&mut webhooks);
        account(&webhooks)
    };
    assert_eq!(with(&|all| drop(all.remove(0))), (all - 1, 1, 0, 0));
    assert_eq!(
        with(&|all| all[0].attempts[0].acknowledged = false),
        (all - 1, 1, 0, 0)
    );
    let again = |all: &mut Vec<ReceivedWebhook>| {
        let mut again = all[0].clone();
        again.id = "msg_again".to_owned();
        all.push(again);
    };
    assert_eq!(with(&again), (all + 1, 0, 1, 0));
    assert_eq!(with(&|all| all[0].ccr_id += 1), (all, 0, 0, 1));
    assert_eq!(with(&|all| all[0].session.clear()), (all, 0, 0, 1));
    assert_eq!(with(&|all| all[0].leg.clear()), (all, 1, 0, 1));

    let complete = &world.expected()[0];
    let first = i64::try_from(received[0].id).unwrap();
    // Set aside at first, delivered in the end.
    let aside = webhook("msg_a", complete, 0, "FAILED");
    let delivered = webhook("msg_b", complete, first, "COMPLETE");
    let others = &right[1..];
    let told = |first: [&ReceivedWebhook; 2]| {
        let told: Vec<_> = first.into_iter().chain(others).cloned().collect();
        account(&told)
    };
    assert_eq!(told([&aside, &delivered]), (all + 1, 0, 0, 0));
    assert_eq!(told([&delivered, &aside]), (all + 1, 1, 0, 0));
    let excluded = world
        .expected()
        .iter()
        .find(|leg| leg.outcome.status().is_none())
        .unwrap();
    let of_nothing = webhook("msg_x", excluded, 0, "FAILED");
    assert_eq!(
        with(&|all| all.push(of_nothing.clone())),
        (all + 1, 0, 0, 1)
    );
}

#[test]
fn a_source_that_was_deleted_too_early_is_counted() {
    let (world, received) = everything();
    let expected = world.expected();
    let task_of = |kind: Kind| {
        let mut legs = expected.iter();
        legs.find(|leg| leg.kind == kind).unwrap().task.clone()
    };
    let counted = |deleted: &[Deleted], received: &[ReceivedContact]| {
        let evidence = Evidence {
            received,
            expected,
            webhooks: None,
            deleted,
            hold: None,
        };
        let account = evidence.account();
        assert_eq!(account.is_right(), account.sources_deleted_too_early == 0);
        (account.sources_deleted, account.sources_deleted_too_early)
    };
    let all_processed = received.iter().map(|it| it.processed_from).max().unwrap();
    let of = |kind: Kind| Deleted {
        at: all_processed,
        task: Some(task_of(kind)),
    };
    let right = [
        Kind::ConferenceMono,
        Kind::TransferDual,
        Kind::AbsentSilent,
        Kind::Excluded,
    ];
    assert_eq!(counted(&right.map(of), &received), (4, 0));
    assert_eq!(counted(&[of(Kind::MissingKey)], &received), (1, 1));
    let orphan = Deleted {
        at: all_processed,
        task: None,
    };
    assert_eq!(counted(&[orphan], &received), (1, 1));
    let mut late = received.clone();
    let second = expected.iter().rfind(|leg| leg.kind == Kind::TransferDual);
    let second = &second.unwrap().leg;
    let contact = late.iter_mut().find(|it| it.leg == *second).unwrap();
    contact.processed_from = all_processed + chrono::TimeDelta::seconds(1);
    let task = expected.iter().find(|leg| leg.leg == *second).unwrap();
    let deletion = Deleted {
        at: all_processed,
        task: Some(task.task.clone()),
    };
    assert_eq!(counted(&[deletion], &late), (1, 1));
}

#[test]
fn hold_is_told_as_it_was_or_as_not_observable() {
    let (world, mut received) = everything();
    let mismatches = |received: &[ReceivedContact], observable: bool| {
        let hold = HoldFields {
            fields: world.hold_fields().unwrap(),
            observable: Some(observable),
        };
        let evidence = Evidence {
            received,
            expected: world.expected(),
            webhooks: None,
            deleted: &[],
            hold: Some(&hold),
        };
        evidence.account().hold_mismatches
    };
    let (count, seconds) = world.hold_fields().unwrap();
    let mut calls = 0;
    for contact in &mut received {
        let leg = world.expected_leg(&contact.leg).unwrap();
        if let Some(hold) = leg.hold {
            calls += 1;
            contact
                .metadata
                .insert(count.clone(), hold.count.to_string());
            contact
                .metadata
                .insert(seconds.clone(), hold.seconds().to_string());
        }
    }
    assert_eq!(
        (mismatches(&received, true), mismatches(&received, false)),
        (0, calls)
    );
    let mut wrong = received.clone();
    wrong[0].metadata.insert(count, "7".to_owned());
    wrong[1].metadata.remove(&seconds);
    assert_eq!(mismatches(&wrong, true), 2);
    let (count, seconds) = world.hold_fields().unwrap();
    let mut wrong = 0;
    for contact in &mut received {
        let leg = world.expected_leg(&contact.leg).unwrap();
        wrong += u64::from(leg.hold.is_some_and(|hold| hold.count > 0));
        for key in [&count, &seconds] {
            contact
                .metadata
                .insert(key.clone(), "not-observable".to_owned());
        }
    }
    assert!(wrong > 0);
    assert_eq!(mismatches(&received, true), wrong);
}

#[test]
fn an_account_repeats_no_customers_number() {
    let (world, mut received) = everything();
    let number = "+15550001111";
    received[0].ani = Some(number.to_owned());
    received[0].dnis = Some(number.to_owned());
    let account = serde_json::to_string(&account(&received, world.expected())).unwrap();
    assert!(!account.contains(number));
}
