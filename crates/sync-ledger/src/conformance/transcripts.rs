//! The rules of claims on messages of a conversation.

use contact_model::{LegId, MessageRange, ParkReason, Stage};

use super::contacts::discover;
use super::fixture::{
    acd, at, conversation, excluded, found, leg, linked, parked, recording, transcribed,
};
use crate::{
    Advance, ContactRecord, CursorId, DetailsChange, Ledger, LedgerError, NewLeg, Result, Schedule,
    Update,
};

super::cases![
    a_leg_claims_the_messages_that_its_media_names,
    what_another_leg_has_claimed_is_refused_and_nothing_is_written,
    a_claim_follows_the_media_of_its_contact,
    a_parked_contact_keeps_its_claim,
    claims_of_other_conversations_and_acds_do_not_matter,
    an_empty_claim_stands_in_nobodys_way,
    a_leg_that_comes_with_media_claims_it_at_once,
    discovery_cannot_claim_what_is_claimed,
];

/// Links the leg to these messages of conversation 1.
async fn link<L: Ledger>(ledger: &L, number: u32, from: u64, to: u64) -> Result<u64> {
    let row = ledger.get(&acd(1), leg(number)).await.unwrap().unwrap().row;
    let next = transcribed(row.contact.clone(), 1, from, to);
    ledger
        .save(row.change(next, Schedule::at(at(9)), at(9)))
        .await
}

async fn claims<L: Ledger>(ledger: &L) -> Vec<(LegId, u64, u64)> {
    let claims = ledger
        .transcript_claims(&acd(1), conversation(1))
        .await
        .unwrap();
    let shown = |(leg, range): (LegId, MessageRange)| (leg, range.from, range.to);
    claims.into_iter().map(shown).collect()
}

async fn known<L: Ledger>(ledger: &L, numbers: std::ops::RangeInclusive<u32>) {
    let legs = numbers.map(|number| found(&acd(1), number, 0)).collect();
    discover(ledger, legs).await;
}

async fn a_leg_claims_the_messages_that_its_media_names<L: Ledger>(ledger: L) {
    known(&ledger, 1..=3).await;
    assert_eq!(claims(&ledger).await, []);
    link(&ledger, 1, 5, 9).await.unwrap();
    link(&ledger, 2, 0, 5).await.unwrap();
    link(&ledger, 3, 9, 12).await.unwrap();
    assert_eq!(
        claims(&ledger).await,
        [(leg(2), 0, 5), (leg(1), 5, 9), (leg(3), 9, 12)]
    );
    assert_eq!(
        ledger
            .transcript_claims(&acd(1), conversation(2))
            .await
            .unwrap(),
        []
    );
}

async fn what_another_leg_has_claimed_is_refused_and_nothing_is_written<L: Ledger>(ledger: L) {
    known(&ledger, 1..=2).await;
    link(&ledger, 1, 3, 9).await.unwrap();
    let before = ledger.get(&acd(1), leg(2)).await.unwrap();
    for (from, to) in [(0, 4), (8, 20), (4, 5), (0, 20), (3, 9)] {
        let error = link(&ledger, 2, from, to).await.unwrap_err();
        assert!(
            matches!(error, LedgerError::TranscriptClaimed { leg: wants, other, conversation: of }
                if wants == leg(2) && other == leg(1) && of == conversation(1)),
            "{error}"
        );
        assert!(error.is_conflict() && !error.is_transient());
    }
    assert_eq!(ledger.get(&acd(1), leg(2)).await.unwrap(), before);
    assert_eq!(claims(&ledger).await, [(leg(1), 3, 9)]);
    link(&ledger, 2, 9, 20).await.unwrap();
}

async fn a_claim_follows_the_media_of_its_contact<L: Ledger>(ledger: L) {
    known(&ledger, 1..=2).await;
    link(&ledger, 1, 3, 9).await.unwrap();
    // Its own claim does not stand in its way.
    link(&ledger, 1, 4, 12).await.unwrap();
    assert_eq!(claims(&ledger).await, [(leg(1), 4, 12)]);
    link(&ledger, 2, 0, 4).await.unwrap();
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let next = linked(row.contact.clone(), &[recording(1)]);
    ledger
        .save(row.change(next, Schedule::at(at(9)), at(9)))
        .await
        .unwrap();
    assert_eq!(claims(&ledger).await, [(leg(2), 0, 4)]);
    link(&ledger, 1, 4, 6).await.unwrap();
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let out = excluded(row.contact.clone());
    ledger
        .save(row.change(out, Schedule::rest(), at(9)))
        .await
        .unwrap();
    assert_eq!(claims(&ledger).await, [(leg(2), 0, 4)]);
}

async fn a_parked_contact_keeps_its_claim<L: Ledger>(ledger: L) {
    known(&ledger, 1..=2).await;
    link(&ledger, 1, 3, 9).await.unwrap();
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let aside = parked(
        row.contact.clone(),
        ParkReason::ImportRefused { status: 400 },
    );
    ledger
        .save(row.change(aside, Schedule::rest(), at(9)))
        .await
        .unwrap();
    assert_eq!(claims(&ledger).await, [(leg(1), 3, 9)]);
    assert!(link(&ledger, 2, 0, 4).await.unwrap_err().is_conflict());
    // Taken up again, and complete in the end.
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    let mut contact = row.contact.clone();
    if let Stage::Parked(aside) = contact.stage
        && let Stage::Linked(stage) = aside.resume()
    {
        let found = stage.found(contact_model::CcrId::try_from(41).unwrap(), at(10));
        contact.stage = Stage::Complete(found.complete(None, at(11)));
        ledger
            .save(row.change(contact, Schedule::rest(), at(11)))
            .await
            .unwrap();
    }
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    assert_eq!(row.contact.stage.name().as_str(), "complete");
    assert_eq!(claims(&ledger).await, [(leg(1), 3, 9)]);
}

async fn claims_of_other_conversations_and_acds_do_not_matter<L: Ledger>(ledger: L) {
    known(&ledger, 1..=2).await;
    discover(&ledger, vec![found(&acd(2), 1, 0)]).await;
    link(&ledger, 1, 3, 9).await.unwrap();
    for (acd, number, of) in [(acd(1), 2, 2), (acd(2), 1, 1)] {
        let row = ledger.get(&acd, leg(number)).await.unwrap().unwrap().row;
        let next = transcribed(row.contact.clone(), of, 3, 9);
        ledger
            .save(row.change(next, Schedule::at(at(9)), at(9)))
            .await
            .unwrap();
    }
    assert_eq!(claims(&ledger).await, [(leg(1), 3, 9)]);
}

async fn an_empty_claim_stands_in_nobodys_way<L: Ledger>(ledger: L) {
    known(&ledger, 1..=2).await;
    link(&ledger, 1, 5, 5).await.unwrap();
    link(&ledger, 2, 3, 9).await.unwrap();
    assert_eq!(claims(&ledger).await, [(leg(2), 3, 9), (leg(1), 5, 5)]);
}

async fn a_leg_that_comes_with_media_claims_it_at_once<L: Ledger>(ledger: L) {
    let with_media = |number, from, to| {
        let new = found(&acd(1), number, 0);
        NewLeg {
            contact: transcribed(new.contact.clone(), 1, from, to),
            ..new
        }
    };
    discover(&ledger, vec![with_media(1, 3, 9)]).await;
    assert_eq!(claims(&ledger).await, [(leg(1), 3, 9)]);
    let step = Advance {
        cursor: CursorId::Live {
            acd: acd(1),
            stream: "events".into(),
        },
        from: Some(at(0)),
        to: at(60),
        legs: vec![with_media(2, 9, 12), with_media(3, 8, 9)],
        at: at(60),
    };
    let error = ledger.advance(step, &crate::keep).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(claims(&ledger).await, [(leg(1), 3, 9)]);
    assert_eq!(ledger.get(&acd(1), leg(2)).await.unwrap(), None);
}

async fn discovery_cannot_claim_what_is_claimed<L: Ledger>(ledger: L) {
    known(&ledger, 1..=2).await;
    link(&ledger, 1, 3, 9).await.unwrap();
    let before = ledger.get(&acd(1), leg(2)).await.unwrap();
    let greedy = |known: &ContactRecord, _: &NewLeg| {
        Some(Update {
            contact: transcribed(known.row.contact.clone(), 1, 0, 4),
            schedule: Schedule::at(at(1)),
            details: DetailsChange::Keep,
            note: None,
            tell: None,
        })
    };
    let step = Advance {
        cursor: CursorId::Live {
            acd: acd(1),
            stream: "events".into(),
        },
        from: Some(at(0)),
        to: at(60),
        legs: vec![found(&acd(1), 2, 0)],
        at: at(60),
    };
    let error = ledger.advance(step, &greedy).await.unwrap_err();
    assert!(
        matches!(error, LedgerError::TranscriptClaimed { .. }),
        "{error}"
    );
    assert_eq!(ledger.get(&acd(1), leg(2)).await.unwrap(), before);
}
