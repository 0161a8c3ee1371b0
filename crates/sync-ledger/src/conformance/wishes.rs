//! The rules of [`WishStore`](crate::WishStore).

use contact_model::ParkKind;

use super::fixture::{acd, at, leg};
use crate::{Ledger, LedgerError, Outcome, Wish, WishId, WishState};

super::cases![
    a_wish_is_left_claimed_and_settled,
    a_wish_that_waits_is_not_left_twice,
    wishes_are_claimed_in_order_and_by_one_at_a_time,
    what_takes_long_waits_for_its_acd_alone,
    a_claim_that_ran_out_is_taken_over_and_the_first_holder_refused,
    wishes_are_listed_newest_first,
];

fn retry(number: u32) -> Wish {
    Wish::RetryContact {
        acd: acd(1),
        leg: leg(number),
    }
}

async fn a_wish_is_left_claimed_and_settled<L: Ledger>(ledger: L) {
    assert_eq!(ledger.claim_wish(&[], at(0), at(9)).await.unwrap(), None);
    let wishes = [
        retry(1),
        Wish::RetryParked {
            acd: None,
            kind: Some(ParkKind::MissingKey),
        },
        Wish::Backfill {
            acd: acd(1),
            from: at(0),
            to: at(60),
        },
        Wish::Reconcile {
            acd: acd(1),
            from: at(0),
            to: at(60),
            fill: true,
        },
        Wish::History {
            acd: acd(1),
            from: at(0),
            to: at(60),
        },
        Wish::ForgetContact {
            acd: acd(1),
            leg: leg(1),
        },
    ];
    for (second, wish) in (1..).zip(&wishes) {
        let id = ledger.put(wish, at(second)).await.unwrap();
        let row = ledger.wish(id).await.unwrap().unwrap();
        assert_eq!(
            (row.wish.as_ref(), row.state, row.created_at),
            (Some(wish), WishState::Waiting, at(second))
        );
        let claimed = ledger
            .claim_wish(&[], at(10), at(20))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((claimed.id, &claimed.wish, claimed.claim), (id, wish, 1));
        assert_eq!(
            ledger.wish(id).await.unwrap().unwrap().state,
            WishState::Claimed
        );
        ledger
            .settle_wish(&claimed, Outcome::Done("1 contact".into()), at(12))
            .await
            .unwrap();
        let row = ledger.wish(id).await.unwrap().unwrap();
        assert_eq!(
            (row.state, row.settled_at, row.claims),
            (WishState::Done, Some(at(12)), 1)
        );
        assert_eq!(row.outcome.as_deref(), Some("1 contact"));
    }
    assert_eq!(ledger.wish(WishId(99)).await.unwrap(), None);
}

async fn a_wish_that_waits_is_not_left_twice<L: Ledger>(ledger: L) {
    let first = ledger.put(&retry(1), at(0)).await.unwrap();
    assert_eq!(ledger.put(&retry(1), at(1)).await.unwrap(), first);
    assert_ne!(ledger.put(&retry(2), at(1)).await.unwrap(), first);
    // Once somebody is at it, it is another: what changed since may not have been seen.
    let claimed = ledger
        .claim_wish(&[], at(2), at(20))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(claimed.id, first);
    assert_ne!(ledger.put(&retry(1), at(3)).await.unwrap(), first);
}

async fn wishes_are_claimed_in_order_and_by_one_at_a_time<L: Ledger>(ledger: L) {
    let ids = [
        ledger.put(&retry(1), at(0)).await.unwrap(),
        ledger.put(&retry(2), at(0)).await.unwrap(),
    ];
    for id in ids {
        assert_eq!(
            ledger
                .claim_wish(&[], at(1), at(20))
                .await
                .unwrap()
                .unwrap()
                .id,
            id
        );
    }
    assert_eq!(ledger.claim_wish(&[], at(19), at(40)).await.unwrap(), None);
}

async fn what_takes_long_waits_for_its_acd_alone<L: Ledger>(ledger: L) {
    let backfill = |number| Wish::Backfill {
        acd: acd(number),
        from: at(0),
        to: at(60),
    };
    let busy = [acd(1)];
    for wish in [backfill(1), backfill(2), retry(1)] {
        ledger.put(&wish, at(0)).await.unwrap();
    }
    for expected in [backfill(2), retry(1)] {
        let claimed = ledger.claim_wish(&busy, at(1), at(20)).await.unwrap();
        assert_eq!(claimed.unwrap().wish, expected);
    }
    assert_eq!(ledger.claim_wish(&busy, at(1), at(20)).await.unwrap(), None);
    let claimed = ledger.claim_wish(&[], at(1), at(20)).await.unwrap();
    assert_eq!(claimed.unwrap().wish, backfill(1));
    // However many of them there are.
    for minutes in 2..200 {
        let many = Wish::Backfill {
            acd: acd(1),
            from: at(0),
            to: at(60 * minutes),
        };
        ledger.put(&many, at(0)).await.unwrap();
    }
    ledger.put(&retry(2), at(0)).await.unwrap();
    let claimed = ledger.claim_wish(&busy, at(1), at(20)).await.unwrap();
    assert_eq!(claimed.unwrap().wish, retry(2));
}

async fn a_claim_that_ran_out_is_taken_over_and_the_first_holder_refused<L: Ledger>(ledger: L) {
    let id = ledger.put(&retry(1), at(0)).await.unwrap();
    let first = ledger
        .claim_wish(&[], at(1), at(20))
        .await
        .unwrap()
        .unwrap();
    let second = ledger
        .claim_wish(&[], at(20), at(40))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((second.id, second.claim), (id, 2));
    let late = ledger
        .settle_wish(&first, Outcome::Done(String::new()), at(21))
        .await
        .unwrap_err();
    assert!(
        matches!(late, LedgerError::WishNotHeld { id: told } if told == id.0),
        "{late}"
    );
    assert!(late.is_conflict());
    ledger
        .settle_wish(&second, Outcome::Failed("no such leg".into()), at(22))
        .await
        .unwrap();
    let twice = ledger
        .settle_wish(&second, Outcome::Done(String::new()), at(23))
        .await;
    assert!(matches!(twice, Err(LedgerError::WishNotHeld { .. })));
    let row = ledger.wish(id).await.unwrap().unwrap();
    assert_eq!(
        (row.state, row.outcome.as_deref()),
        (WishState::Failed, Some("no such leg"))
    );
}

async fn wishes_are_listed_newest_first<L: Ledger>(ledger: L) {
    let mut ids = Vec::new();
    for number in 1..=4 {
        ids.push(ledger.put(&retry(number), at(0)).await.unwrap());
    }
    let claimed = ledger.claim_wish(&[], at(1), at(9)).await.unwrap().unwrap();
    ledger
        .settle_wish(&claimed, Outcome::Done(String::new()), at(2))
        .await
        .unwrap();
    ledger.claim_wish(&[], at(1), at(9)).await.unwrap().unwrap();
    let list = async |only_open, limit| {
        let rows = ledger.wishes(only_open, limit).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(false, 9).await, [ids[3], ids[2], ids[1], ids[0]]);
    assert_eq!(list(true, 9).await, [ids[3], ids[2], ids[1]]);
    assert_eq!(list(false, 2).await, [ids[3], ids[2]]);
}
