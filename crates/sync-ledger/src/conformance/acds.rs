//! The rules of [`AcdStore::remove`](crate::AcdStore::remove).

use contact_model::ParkReason;

use super::contacts::discover;
use super::fixture::{
    acd, at, complete, conversation, details, event, excluded, found, leg, parked, recording,
    tell_complete, transcribed,
};
use super::holds::{conference, note};
use crate::{
    DeletionFilter, HoldSource, Ledger, LedgerError, MessageFilter, NewLeg, Reconciliation,
    RemovedAcd, Schedule, Wish,
};

super::cases![
    an_acd_with_unfinished_contacts_is_not_removed_by_mistake,
    an_acd_is_removed_with_everything_and_another_keeps_everything,
    a_removed_acd_begins_anew,
];

/// An ACD with something of everything: four contacts, one of which is parked and one on its way.
async fn furnished<L: Ledger>(ledger: &L, number: u8, message: u32) {
    let acd = acd(number);
    let with_details = |leg| NewLeg {
        details: Some(details(leg)),
        ..found(&acd, leg, 0)
    };
    discover(ledger, (1..=4).map(with_details).collect()).await;
    for leg_number in 1..=3 {
        let row = ledger
            .get(&acd, leg(leg_number))
            .await
            .unwrap()
            .unwrap()
            .row;
        let contact = row.contact.clone();
        let change = match leg_number {
            1 => {
                let done = complete(contact, &[recording(1)]);
                row.change(done, Schedule::rest(), at(1))
                    .tell(tell_complete(message))
            }
            2 => row.change(excluded(contact), Schedule::rest(), at(1)),
            _ => {
                let transcript = transcribed(contact, 1, 0, 4);
                let aside = parked(transcript, ParkReason::ImportRefused { status: 400 });
                row.change(aside, Schedule::rest(), at(1))
            }
        };
        ledger.save(change).await.unwrap();
    }
    ledger
        .receive(&[event(&acd, 1), event(&acd, 2)], 100)
        .await
        .unwrap();
    ledger
        .begin_backfill(&acd, at(0), at(9), at(0))
        .await
        .unwrap();
    let seen = [note(1, 1, true, HoldSource::Event)];
    ledger.note_holds(&acd, &seen).await.unwrap();
    ledger.confirm(&acd, 1, true, at(1)).await.unwrap();
    ledger.enable_endpoint(&acd, at(1)).await.unwrap();
    let run = Reconciliation {
        acd: acd.clone(),
        from: at(0),
        to: at(1),
        at: at(1),
        totals: serde_json::json!({}),
        unexplained: 0,
    };
    ledger.record_reconciliation(&run).await.unwrap();
    ledger
        .put(
            &Wish::RetryParked {
                acd: Some(acd),
                kind: None,
            },
            at(1),
        )
        .await
        .unwrap();
}

/// How much there is of an ACD, of each kind.
async fn inventory<L: Ledger>(ledger: &L, number: u8) -> Vec<usize> {
    let acd = acd(number);
    let of = Some(acd.clone());
    let messages = MessageFilter {
        acd: of.clone(),
        ..MessageFilter::default()
    };
    let deletions = DeletionFilter {
        acd: of,
        ..DeletionFilter::default()
    };
    let mut found = Vec::new();
    found.push(ledger.counts(Some(&acd)).await.unwrap().len());
    found.push(
        ledger
            .messages(&messages, 9, None)
            .await
            .unwrap()
            .messages
            .len(),
    );
    let backlog = ledger.inbox_backlog().await.unwrap();
    found.push(backlog.iter().filter(|row| row.acd == acd).count());
    let backfills = ledger.backfills(false).await.unwrap();
    found.push(backfills.iter().filter(|row| row.acd == acd).count());
    found.push(ledger.holds_of(&acd, &[conference(1)]).await.unwrap().len());
    found.push(ledger.confirmed(&acd).await.unwrap().len());
    found.push(
        ledger
            .deletions(&deletions, 9, None)
            .await
            .unwrap()
            .deletions
            .len(),
    );
    found.push(ledger.reconciliations(&acd, 9).await.unwrap().len());
    let wishes = ledger.wishes(false, 9).await.unwrap();
    let of_acd = wishes
        .iter()
        .filter(|row| row.wish.as_ref().and_then(Wish::acd) == Some(&acd));
    found.push(of_acd.count());
    let claims = ledger.transcript_claims(&acd, conversation(1));
    found.push(claims.await.unwrap().len());
    found.push(usize::from(
        ledger.cursor(&acd, "events").await.unwrap().is_some(),
    ));
    found
}

const FURNISHED: [usize; 11] = [4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];

async fn an_acd_with_unfinished_contacts_is_not_removed_by_mistake<L: Ledger>(ledger: L) {
    furnished(&ledger, 1, 1).await;
    let refused = ledger.remove(&acd(1), false).await.unwrap_err();
    assert!(
        matches!(&refused, LedgerError::Unfinished { acd: of, contacts: 2 } if **of == acd(1)),
        "{refused}"
    );
    assert_eq!(inventory(&ledger, 1).await, FURNISHED);
    assert!(matches!(
        ledger.remove(&acd(3), true).await,
        Err(LedgerError::UnknownAcd { .. })
    ));
}

async fn an_acd_is_removed_with_everything_and_another_keeps_everything<L: Ledger>(ledger: L) {
    furnished(&ledger, 1, 1).await;
    furnished(&ledger, 2, 2).await;
    let all = Wish::RetryParked {
        acd: None,
        kind: None,
    };
    ledger.put(&all, at(1)).await.unwrap();
    let removed = ledger.remove(&acd(1), true).await.unwrap();
    assert_eq!(
        removed,
        RemovedAcd {
            contacts: 4,
            unfinished: 2,
            messages: 1,
            events: 2
        }
    );
    assert_eq!(inventory(&ledger, 1).await, [0; 11]);
    assert_eq!(inventory(&ledger, 2).await, FURNISHED);
    let names: Vec<_> = ledger.acds().await.unwrap();
    assert_eq!(
        names.iter().map(|row| &row.key).collect::<Vec<_>>(),
        [&acd(2)]
    );
    assert_eq!(
        ledger.wishes(false, 9).await.unwrap().len(),
        2,
        "what is wished of all stays"
    );
    assert_eq!(
        ledger.legs_of_recording(recording(1)).await.unwrap(),
        [(acd(2), leg(1))]
    );
    assert!(matches!(
        ledger.remove(&acd(1), true).await,
        Err(LedgerError::UnknownAcd { .. })
    ));
}

async fn a_removed_acd_begins_anew<L: Ledger>(ledger: L) {
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    ledger
        .save(row.change(excluded(row.contact.clone()), Schedule::rest(), at(1)))
        .await
        .unwrap();
    let removed = ledger.remove(&acd(1), false).await.unwrap();
    assert_eq!((removed.contacts, removed.unfinished), (1, 0));
    discover(&ledger, vec![found(&acd(1), 1, 0)]).await;
    let row = ledger.get(&acd(1), leg(1)).await.unwrap().unwrap().row;
    assert_eq!((row.version, row.finished_at), (1, None));
}
