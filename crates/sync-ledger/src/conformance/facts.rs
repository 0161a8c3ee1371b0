//! The rules of [`TenantFacts`](crate::TenantFacts).

use super::fixture::{acd, at};
use crate::{Ledger, LedgerError, TenantFact};

super::cases![what_was_found_last_counts, each_acd_has_facts_of_its_own];

fn fact(assumption: u32, held: bool, second: i64) -> TenantFact {
    TenantFact {
        assumption,
        held,
        at: at(second),
    }
}

async fn what_was_found_last_counts<L: Ledger>(ledger: L) {
    ledger.register(&acd(1), "an acd").await.unwrap();
    assert_eq!(ledger.confirmed(&acd(1)).await.unwrap(), []);
    for (assumption, held, second) in [(12, true, 1), (3, true, 2), (12, false, 3)] {
        ledger
            .confirm(&acd(1), assumption, held, at(second))
            .await
            .unwrap();
    }
    assert_eq!(
        ledger.confirmed(&acd(1)).await.unwrap(),
        [fact(3, true, 2), fact(12, false, 3)]
    );
}

async fn each_acd_has_facts_of_its_own<L: Ledger>(ledger: L) {
    ledger.register(&acd(1), "an acd").await.unwrap();
    ledger.register(&acd(2), "an acd").await.unwrap();
    ledger.confirm(&acd(1), 1, true, at(1)).await.unwrap();
    ledger.confirm(&acd(2), 2, false, at(2)).await.unwrap();
    assert_eq!(
        ledger.confirmed(&acd(2)).await.unwrap(),
        [fact(2, false, 2)]
    );
    let unknown = ledger.confirm(&acd(3), 1, true, at(1)).await;
    assert!(matches!(unknown, Err(LedgerError::UnknownAcd { .. })));
    assert_eq!(ledger.confirmed(&acd(3)).await.unwrap(), []);
}
