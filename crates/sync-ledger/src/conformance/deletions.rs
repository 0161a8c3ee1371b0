//! The rules of [`DeletionStore`](crate::DeletionStore).

use contact_model::{CcrId, FailureReason, LegMedia, ParkReason, Stage, StageName};
use twilio_sid::RecordingSid;

use super::contacts::discover;
use super::fixture::{acd, at, complete, found, leg, linked, recording};
use crate::{
    DeletionFilter, DeletionRow, DeletionState, HeldRecordings, Ledger, LedgerError, RowMark,
    Schedule, Verdict,
};

super::cases![
    a_recording_is_a_candidate_once_its_contact_is_complete,
    a_recording_of_several_legs_is_one_candidate_since_the_last_of_them,
    a_recording_that_was_passed_over_is_none,
    a_contact_that_is_complete_no_more_offers_nothing,
    a_verdict_says_when_to_look_again,
    what_is_deleted_stays_so,
    another_contact_hastens_the_next_look,
    each_acd_decides_for_itself,
    deletions_are_listed_and_filtered,
    deletions_are_counted_by_state_and_reason,
    what_parked_and_failed_contacts_hold_is_listed_and_counted,
];

/// Completes the leg with these recordings at this second.
async fn finish<L: Ledger>(
    ledger: &L,
    acd_number: u8,
    number: u32,
    recordings: &[u32],
    second: i64,
) {
    let acd = acd(acd_number);
    if ledger.get(&acd, leg(number)).await.unwrap().is_none() {
        discover(ledger, vec![found(&acd, number, 0)]).await;
    }
    let row = ledger.get(&acd, leg(number)).await.unwrap().unwrap().row;
    let recordings: Vec<_> = recordings.iter().map(|number| recording(*number)).collect();
    let next = complete(row.contact.clone(), &recordings);
    ledger
        .save(row.change(next, Schedule::rest(), at(second)))
        .await
        .unwrap();
}

async fn candidates<L: Ledger>(ledger: &L, complete_by: i64, now: i64) -> Vec<RecordingSid> {
    let rows = ledger
        .deletion_candidates(&acd(1), at(complete_by), at(now), 10)
        .await
        .unwrap();
    rows.into_iter().map(|row| row.recording).collect()
}

async fn record<L: Ledger>(ledger: &L, number: u32, verdict: Verdict, now: i64) {
    ledger
        .record_deletion(&acd(1), recording(number), &verdict, at(now))
        .await
        .unwrap();
}

async fn one<L: Ledger>(ledger: &L, number: u32) -> DeletionRow {
    let filter = DeletionFilter {
        acd: Some(acd(1)),
        recording: Some(recording(number)),
        ..DeletionFilter::default()
    };
    let mut page = ledger.deletions(&filter, 10, None).await.unwrap();
    assert_eq!((page.deletions.len(), page.next), (1, None));
    page.deletions.remove(0)
}

fn blocked(reason: &str, next: i64) -> Verdict {
    Verdict::Blocked {
        reason: reason.into(),
        next: at(next),
    }
}

async fn a_recording_is_a_candidate_once_its_contact_is_complete<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let next = linked(row.contact.clone(), &[recording(1)]);
    ledger
        .save(row.change(next, Schedule::at(at(5)), at(5)))
        .await
        .unwrap();
    assert_eq!(candidates(&ledger, 999, 999).await, []);
    finish(&ledger, 1, 1, &[1, 2], 10).await;
    assert_eq!(candidates(&ledger, 9, 999).await, [], "it is too fresh");
    assert_eq!(
        candidates(&ledger, 10, 999).await,
        [recording(1), recording(2)]
    );
    let fresh = DeletionRow {
        acd: acd(1),
        recording: recording(1),
        state: DeletionState::Waiting,
        reason: None,
        attempts: 0,
        complete_at: at(10),
        changed_at: at(10),
        next_at: Some(at(10)),
    };
    assert_eq!(one(&ledger, 1).await, fresh);
    let one = ledger
        .deletion_candidates(&acd(1), at(10), at(10), 1)
        .await
        .unwrap();
    assert_eq!(one, [fresh]);
    assert_eq!(
        ledger
            .deletion_candidates(&acd(2), at(10), at(10), 1)
            .await
            .unwrap(),
        []
    );
}

async fn a_recording_of_several_legs_is_one_candidate_since_the_last_of_them<L: Ledger>(ledger: L) {
    finish(&ledger, 1, 1, &[7], 10).await;
    finish(&ledger, 1, 2, &[7], 20).await;
    assert_eq!(candidates(&ledger, 19, 999).await, []);
    assert_eq!(candidates(&ledger, 20, 999).await, [recording(7)]);
    assert_eq!(one(&ledger, 7).await.complete_at, at(20));
}

async fn a_recording_that_was_passed_over_is_none<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let mut next = complete(row.contact.clone(), &[recording(1)]);
    if let Stage::Complete(stage) = &mut next.stage
        && let LegMedia::Recordings { superseded, .. } = &mut stage.media
    {
        superseded.push(recording(2));
    }
    ledger
        .save(row.change(next, Schedule::rest(), at(10)))
        .await
        .unwrap();
    assert_eq!(candidates(&ledger, 999, 999).await, [recording(1)]);
    assert_eq!(
        ledger.legs_of_recording(recording(2)).await.unwrap().len(),
        1
    );
}

async fn a_contact_that_is_complete_no_more_offers_nothing<L: Ledger>(ledger: L) {
    finish(&ledger, 1, 1, &[1], 10).await;
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let back = linked(row.contact.clone(), &[recording(1)]);
    ledger
        .save(row.change(back, Schedule::at(at(11)), at(11)))
        .await
        .unwrap();
    assert_eq!(candidates(&ledger, 999, 999).await, []);
    finish(&ledger, 1, 1, &[1], 30).await;
    assert_eq!(candidates(&ledger, 29, 999).await, []);
    assert_eq!(candidates(&ledger, 30, 999).await, [recording(1)]);
}

async fn a_verdict_says_when_to_look_again<L: Ledger>(ledger: L) {
    finish(&ledger, 1, 1, &[1], 10).await;
    record(&ledger, 1, blocked("leg-parked", 100), 50).await;
    assert_eq!(candidates(&ledger, 999, 99).await, []);
    assert_eq!(candidates(&ledger, 999, 100).await, [recording(1)]);
    record(&ledger, 1, blocked("leg-parked", 200), 100).await;
    let row = one(&ledger, 1).await;
    assert_eq!(
        (row.state, row.reason.as_deref(), row.attempts),
        (DeletionState::Blocked, Some("leg-parked"), 0)
    );
    assert_eq!(
        (row.changed_at, row.next_at),
        (at(50), Some(at(200))),
        "it has been blocked for the same reason since then"
    );
    record(&ledger, 1, blocked("webhook-undelivered", 300), 200).await;
    assert_eq!(one(&ledger, 1).await.changed_at, at(200));
    record(&ledger, 1, Verdict::Requested { next: at(400) }, 300).await;
    let row = one(&ledger, 1).await;
    assert_eq!(
        (row.state, row.reason, row.attempts, row.next_at),
        (DeletionState::Requested, None, 1, Some(at(400)))
    );
    let failed = |next: Option<i64>| Verdict::Failed {
        reason: "refused".into(),
        next: next.map(at),
    };
    record(&ledger, 1, failed(Some(500)), 301).await;
    assert_eq!(candidates(&ledger, 999, 499).await, []);
    record(&ledger, 1, Verdict::Requested { next: at(600) }, 500).await;
    assert_eq!(one(&ledger, 1).await.attempts, 2);
    record(&ledger, 1, failed(None), 501).await;
    assert_eq!(candidates(&ledger, 9999, 9999).await, [], "it is given up");
    let unknown = ledger
        .record_deletion(&acd(3), recording(1), &Verdict::Deleted, at(1))
        .await;
    assert!(matches!(unknown, Err(LedgerError::UnknownAcd { .. })));
}

async fn what_is_deleted_stays_so<L: Ledger>(ledger: L) {
    finish(&ledger, 1, 1, &[1], 10).await;
    record(&ledger, 1, Verdict::Requested { next: at(400) }, 300).await;
    record(&ledger, 1, Verdict::Deleted, 310).await;
    let gone = one(&ledger, 1).await;
    assert_eq!(
        (gone.state, gone.changed_at, gone.next_at, gone.attempts),
        (DeletionState::Deleted, at(310), None, 1)
    );
    record(&ledger, 1, blocked("leg-parked", 500), 320).await;
    assert_eq!(one(&ledger, 1).await, gone);
    finish(&ledger, 1, 2, &[1], 400).await;
    let still = one(&ledger, 1).await;
    assert_eq!((still.state, still.next_at), (DeletionState::Deleted, None));
    assert_eq!(candidates(&ledger, 9999, 9999).await, []);
    // One that was never a candidate can be found to be gone.
    record(&ledger, 9, Verdict::Deleted, 500).await;
    assert_eq!(one(&ledger, 9).await.state, DeletionState::Deleted);
}

async fn another_contact_hastens_the_next_look<L: Ledger>(ledger: L) {
    finish(&ledger, 1, 1, &[1], 10).await;
    record(&ledger, 1, blocked("leg-unfinished", 5000), 20).await;
    finish(&ledger, 1, 2, &[1], 30).await;
    assert_eq!(candidates(&ledger, 999, 30).await, [recording(1)]);
    // What was given up is not taken up by itself.
    let given_up = Verdict::Failed {
        reason: "refused".into(),
        next: None,
    };
    record(&ledger, 1, given_up, 40).await;
    finish(&ledger, 1, 3, &[1], 50).await;
    assert_eq!(candidates(&ledger, 999, 999).await, []);
}

async fn each_acd_decides_for_itself<L: Ledger>(ledger: L) {
    finish(&ledger, 1, 1, &[1], 10).await;
    finish(&ledger, 2, 2, &[1], 20).await;
    record(&ledger, 1, Verdict::Deleted, 30).await;
    assert_eq!(candidates(&ledger, 999, 999).await, []);
    let other = ledger
        .deletion_candidates(&acd(2), at(999), at(999), 10)
        .await
        .unwrap();
    assert_eq!(
        (other[0].recording, other[0].complete_at),
        (recording(1), at(20))
    );
}

async fn deletions_are_listed_and_filtered<L: Ledger>(ledger: L) {
    finish(&ledger, 1, 1, &[1, 2, 3], 10).await;
    finish(&ledger, 2, 2, &[4], 20).await;
    record(&ledger, 2, blocked("leg-parked", 100), 30).await;
    record(&ledger, 3, Verdict::Deleted, 30).await;
    let all = DeletionFilter::default;
    let list = async |filter: DeletionFilter| {
        let (mut seen, mut after): (Vec<RecordingSid>, Option<RowMark>) = (Vec::new(), None);
        loop {
            let page = ledger.deletions(&filter, 2, after).await.unwrap();
            seen.extend(page.deletions.iter().map(|row| row.recording));
            after = page.next;
            if after.is_none() {
                return seen;
            }
        }
    };
    assert_eq!(list(all()).await, [4, 3, 2, 1].map(recording));
    let of = DeletionFilter {
        acd: Some(acd(1)),
        states: vec![DeletionState::Blocked, DeletionState::Deleted],
        ..all()
    };
    assert_eq!(list(of).await, [3, 2].map(recording));
}

async fn deletions_are_counted_by_state_and_reason<L: Ledger>(ledger: L) {
    assert_eq!(ledger.deletion_counts(None).await.unwrap(), []);
    finish(&ledger, 1, 1, &[1, 2, 3, 4, 5], 10).await;
    finish(&ledger, 2, 2, &[6], 20).await;
    for (number, second) in [(2, 40), (3, 30)] {
        record(&ledger, number, blocked("leg-parked", 900), second).await;
    }
    record(&ledger, 4, blocked("webhook-undelivered", 900), 50).await;
    record(&ledger, 5, Verdict::Deleted, 60).await;
    let counts = ledger.deletion_counts(None).await.unwrap();
    let shown: Vec<_> = counts
        .iter()
        .map(|count| {
            (
                &count.acd,
                count.state.as_str(),
                count.reason.as_deref(),
                count.recordings,
                count.oldest,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (&acd(1), "waiting", None, 1, at(10)),
            (&acd(1), "blocked", Some("leg-parked"), 2, at(30)),
            (&acd(1), "blocked", Some("webhook-undelivered"), 1, at(50)),
            (&acd(1), "deleted", None, 1, at(60)),
            (&acd(2), "waiting", None, 1, at(20)),
        ]
    );
    assert_eq!(
        ledger.deletion_counts(Some(&acd(2))).await.unwrap().len(),
        1
    );
}

/// Discovers the leg, links it to these recordings and brings it to the stage that is made of that, at this second.
async fn set_aside<L: Ledger>(
    ledger: &L,
    acd_number: u8,
    number: u32,
    recordings: &[u32],
    second: i64,
    end: impl FnOnce(Stage) -> Stage,
) {
    let acd = acd(acd_number);
    if ledger.get(&acd, leg(number)).await.unwrap().is_none() {
        discover(ledger, vec![found(&acd, number, 0)]).await;
    }
    let row = ledger.get(&acd, leg(number)).await.unwrap().unwrap().row;
    let recordings: Vec<_> = recordings.iter().map(|number| recording(*number)).collect();
    let mut next = linked(row.contact.clone(), &recordings);
    next.stage = end(next.stage);
    ledger
        .save(row.change(next, Schedule::rest(), at(second)))
        .await
        .unwrap();
}

async fn what_parked_and_failed_contacts_hold_is_listed_and_counted<L: Ledger>(ledger: L) {
    let park = |stage: Stage| Stage::Parked(stage.park(ParkReason::NoMedia, at(9)).unwrap());
    let fail = |stage: Stage| {
        let Stage::Linked(linked) = stage else {
            panic!("it is linked")
        };
        let processing = linked.found(CcrId::try_from(41).unwrap(), at(3));
        Stage::Failed(processing.fail(FailureReason::ProcessingFailed, at(9)))
    };
    assert_eq!(
        ledger.held_recordings(&acd(1), 10).await.unwrap(),
        HeldRecordings::default()
    );
    set_aside(&ledger, 1, 1, &[2, 1], 30, park).await;
    set_aside(&ledger, 1, 2, &[1], 20, fail).await;
    // Neither what is complete, nor what is gone, nor what another ACD has.
    finish(&ledger, 1, 3, &[1, 3], 10).await;
    set_aside(&ledger, 1, 4, &[4], 5, park).await;
    record(&ledger, 4, Verdict::Deleted, 6).await;
    set_aside(&ledger, 2, 5, &[5], 5, park).await;
    let held = ledger.held_recordings(&acd(1), 10).await.unwrap();
    let shown: Vec<_> = held
        .recordings
        .iter()
        .map(|line| {
            (
                line.recording,
                line.leg,
                line.stage,
                line.reason.as_deref(),
                line.since,
            )
        })
        .collect();
    let failed = FailureReason::ProcessingFailed;
    let failed = serde_json::to_value(failed).unwrap();
    assert_eq!(
        shown,
        [
            (
                recording(1),
                leg(2),
                StageName::Failed,
                failed.as_str(),
                at(20)
            ),
            (
                recording(1),
                leg(1),
                StageName::Parked,
                Some("no-media"),
                at(30)
            ),
            (
                recording(2),
                leg(1),
                StageName::Parked,
                Some("no-media"),
                at(30)
            ),
        ]
    );
    assert_eq!(held.total, 3);
    let first = ledger.held_recordings(&acd(1), 1).await.unwrap();
    assert_eq!(
        (first.total, first.recordings),
        (3, held.recordings[..1].to_vec()),
        "a page tells of how many there are"
    );
    finish(&ledger, 1, 1, &[2, 1], 40).await;
    let held = ledger.held_recordings(&acd(1), 10).await.unwrap();
    assert_eq!(held.total, 1, "a contact that is complete holds nothing");
}
