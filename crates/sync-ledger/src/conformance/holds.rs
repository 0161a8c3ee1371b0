//! The rules of [`HoldStore`](crate::HoldStore).

use twilio_sid::ConferenceSid;

use super::fixture::{acd, at, sid};
use crate::{ConferenceChange, HoldNote, HoldSource, Ledger, LedgerError, Retention};

super::cases![
    what_was_seen_is_told_in_the_order_of_its_time,
    what_is_known_is_not_written_down_twice,
    what_polling_sees_unchanged_is_written_down_once_and_how_long_it_did,
    each_acd_sees_its_own_conferences,
    which_changes_were_told_is_known_by_their_numbers,
];

pub(super) fn conference(number: u32) -> ConferenceSid {
    sid("CF", number).parse().unwrap()
}

/// That call 1 of this conference was on hold, or was not.
pub(super) fn note(number: u32, second: i64, held: bool, source: HoldSource) -> HoldNote {
    HoldNote {
        conference: conference(number),
        at: at(second),
        call: sid("CA", 1).parse().unwrap(),
        held,
        source,
    }
}

async fn what_was_seen_is_told_in_the_order_of_its_time<L: Ledger>(ledger: L) {
    use HoldSource::{Event, Past};
    ledger.register(&acd(1), "an acd").await.unwrap();
    // As it came: late ones, and another conference between.
    let seen = [
        note(1, 30, false, Event),
        note(2, 5, true, Past),
        note(1, 20, true, Event),
        note(3, 1, true, Event),
        HoldNote {
            call: sid("CA", 2).parse().unwrap(),
            ..note(1, 25, true, Past)
        },
    ];
    assert_eq!(ledger.note_holds(&acd(1), &seen).await.unwrap(), 5);
    let told = ledger
        .holds_of(&acd(1), &[conference(2), conference(1), conference(2)])
        .await
        .unwrap();
    assert_eq!(told, [seen[2], seen[4], seen[0], seen[1]]);
    assert_eq!(ledger.holds_of(&acd(1), &[]).await.unwrap(), []);
    assert_eq!(
        ledger.holds_of(&acd(1), &[conference(9)]).await.unwrap(),
        []
    );
}

async fn what_is_known_is_not_written_down_twice<L: Ledger>(ledger: L) {
    use HoldSource::{Event, Past};
    ledger.register(&acd(1), "an acd").await.unwrap();
    let first = note(1, 20, true, Event);
    let twice = [first, first];
    assert_eq!(ledger.note_holds(&acd(1), &twice).await.unwrap(), 1);
    // The same from another source is the same; the same at another time, or otherwise, is not.
    let more = [
        note(1, 20, true, Past),
        note(1, 21, true, Event),
        note(1, 20, false, Event),
    ];
    assert_eq!(ledger.note_holds(&acd(1), &more).await.unwrap(), 2);
    let told = ledger.holds_of(&acd(1), &[conference(1)]).await.unwrap();
    assert_eq!(told, [more[2], first, more[1]]);
}

async fn what_polling_sees_unchanged_is_written_down_once_and_how_long_it_did<L: Ledger>(
    ledger: L,
) {
    use HoldSource::{Event, Poll, PollAgain};
    ledger.register(&acd(1), "an acd").await.unwrap();
    let polled = [
        note(1, 10, false, Poll),
        note(1, 15, false, Poll),
        note(1, 20, true, Poll),
        note(1, 25, true, Poll),
        note(1, 30, false, Poll),
        // Another conference begins anew.
        note(2, 31, false, Poll),
    ];
    assert_eq!(ledger.note_holds(&acd(1), &polled).await.unwrap(), 4);
    // What an event tells is kept in any case.
    let told = [note(1, 31, false, Event), note(1, 32, false, Poll)];
    assert_eq!(ledger.note_holds(&acd(1), &told).await.unwrap(), 1);
    let later = [note(1, 90, false, Poll), note(1, 150, false, Poll)];
    assert_eq!(ledger.note_holds(&acd(1), &later).await.unwrap(), 0);
    // For longer than that nobody looked: it may have been otherwise.
    let anew = [note(1, 211, false, Poll), note(1, 212, false, Poll)];
    assert_eq!(ledger.note_holds(&acd(1), &anew).await.unwrap(), 1);
    let told = ledger.holds_of(&acd(1), &[conference(1)]).await.unwrap();
    assert_eq!(
        told,
        [
            note(1, 10, false, Poll),
            note(1, 15, false, PollAgain),
            note(1, 20, true, Poll),
            note(1, 25, true, PollAgain),
            note(1, 30, false, Poll),
            note(1, 31, false, Event),
            note(1, 150, false, PollAgain),
            note(1, 211, false, Poll),
            note(1, 212, false, PollAgain),
        ]
    );
}

async fn which_changes_were_told_is_known_by_their_numbers<L: Ledger>(ledger: L) {
    ledger.register(&acd(1), "an acd").await.unwrap();
    ledger.register(&acd(2), "an acd").await.unwrap();
    let change = |of: u32, number: u64, second: i64| ConferenceChange {
        conference: conference(of),
        number,
        at: at(second),
    };
    let hold = note(1, 20, true, HoldSource::Event);
    let told = [change(1, 4, 20), change(2, 1, 5), change(1, 2, 10)];
    let noted = ledger.note_told(&acd(1), &[hold], &told).await.unwrap();
    assert_eq!(noted, 1);
    // What is told twice stays as it was told first.
    let again = [change(1, 3, 15), change(1, 4, 21)];
    assert_eq!(ledger.note_told(&acd(1), &[], &again).await.unwrap(), 0);
    let of = async |number, of| {
        ledger
            .changes_of(&acd(number), conference(of))
            .await
            .unwrap()
    };
    assert_eq!(of(1, 1).await, [told[2], again[0], told[0]]);
    assert_eq!(of(2, 1).await, []);
    // They go when observations go.
    let retention = Retention::default();
    let later = at(30) + retention.details;
    let pruned = ledger.prune(later, &retention, 9).await.unwrap();
    assert_eq!(pruned.holds, 5);
    assert_eq!(of(1, 1).await, []);
}

async fn each_acd_sees_its_own_conferences<L: Ledger>(ledger: L) {
    ledger.register(&acd(1), "an acd").await.unwrap();
    ledger.register(&acd(2), "an acd").await.unwrap();
    let seen = [note(1, 20, true, HoldSource::Event)];
    for number in [1, 2] {
        assert_eq!(ledger.note_holds(&acd(number), &seen).await.unwrap(), 1);
    }
    assert_eq!(
        ledger.holds_of(&acd(1), &[conference(1)]).await.unwrap(),
        seen
    );
    assert!(matches!(
        ledger.note_holds(&acd(3), &seen).await,
        Err(LedgerError::UnknownAcd { .. })
    ));
}
